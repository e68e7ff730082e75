"""A decoder layer that uses an encoder layer's weights, turned round."""

import numpy as np

from tinyae.checks import UsageError
from tinyae.kernels.product import matmul
from tinyae.layers.dense import Dense
from tinyae.layers.weighted import Weighted


class TiedDense(Weighted):
    """y = f(x W' + b) with the weights W of a Dense layer of the encoder; only b is this layer's own.

    Parameters
    ----------
    source : Dense or int
        The encoder's layer, or its place among the encoder's layers (from 0).
    activation : str, optional
        Name of f in `tinyae.layers.activations.ACTIVATIONS`.

    Shapes: x (N, n_out of the source), y (N, n_in of the source).

    W gets the sum of both layers' gradients: this layer leaves its factors with the source, whose forward came before
    and whose backward comes later. Tied weights halve the parameters, and keep an encoder's weights from shrinking
    while its decoder's grow (Vincent et al. 2010, section 2.2).
    """

    def __init__(self, source, activation=None):
        super().__init__(activation)
        if not isinstance(source, Dense | int | np.integer) or isinstance(source, bool):
            raise UsageError(f"TiedDense: expected a Dense layer or its place in the encoder, got {source!r}.")
        self.source = source

    def link(self, encoder):
        """Find the source among the layers of `encoder` (a Sequential), and note its place for files."""
        if not isinstance(self.source, Dense):
            if not 0 <= self.source < len(encoder.layers) or not isinstance(encoder.layers[self.source], Dense):
                raise UsageError(
                    f"TiedDense: expected source to be the place of a Dense layer, got {self.source}; the encoder has "
                    f"{', '.join(f'{i}: {name}' for i, name in enumerate(encoder.layer_names))}."
                )
            self.source = encoder.layers[self.source]
        places = [i for i, layer in enumerate(encoder.layers) if layer is self.source]
        if not places:
            raise UsageError("TiedDense: expected source to be a layer of this net's encoder, got another one.")
        self.place = places[0]

    def output_shape_for(self, input_shape):
        if not isinstance(self.source, Dense) or self.source.output_shape is None:
            raise ValueError("TiedDense: expected to stand in an Autoencoder's decoder, got a net without an encoder.")
        if input_shape != self.source.output_shape:
            raise ValueError(
                f"TiedDense: expected rows of {self.source.units} numbers, as its source gives, got samples of shape "
                f"{input_shape}; tie the layers in reverse order."
            )
        return self.source.input_shape

    def make_params(self, rng):
        return {"b": np.zeros(self.output_shape)}

    def affine(self, x):
        self.check_input(x)
        W, b = self.source.params["W"], self.params["b"]
        self.x = x = np.asarray(x, dtype=W.dtype)  # backward needs it
        a = matmul(x, W.T, out=self.empty("a", (len(x), len(W)), W.dtype))  # a[n,i] = sum_j x[n,j] W[i,j] + b[i]
        a += b
        return a

    def affine_backward(self, da, need_dx=True):
        """Take dL/da, fill `grads`, leave the source its share, return dL/dx."""
        x, W = self.remembered("x"), self.source.params["W"]
        self.source.tied_factors = da, x  # dL/dW[i,j] += sum_n da[n,i] x[n,j]
        np.sum(da, axis=0, out=self.grads["b"])  # dL/db[i] = sum_n da[n,i]
        if not need_dx:
            return None
        return matmul(da, W, out=self.empty("dx", x.shape, W.dtype))  # dL/dx[n,j] = sum_i da[n,i] W[i,j]

    @property
    def multiply_adds(self):
        return self.input_shape[0] * self.output_shape[0]

    def config(self):
        source = self.source if not isinstance(self.source, Dense) else getattr(self, "place", None)
        config = {"source": source}
        return config | ({} if self.activation_name is None else {"activation": self.activation_name})
