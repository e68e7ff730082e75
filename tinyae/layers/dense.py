"""The fully connected layer."""

import numpy as np

from tinyae.checks import check_int
from tinyae.kernels.product import matmul
from tinyae.layers.initialisers import initialiser
from tinyae.layers.weighted import Weighted


class Dense(Weighted):
    """Affine map of every row and an activation, y = f(x W + b).

    Parameters
    ----------
    units : int
        Width n_out of one output row.
    activation : str, optional
        Name of f in `tinyae.layers.activations.ACTIVATIONS`; f(a) = a without it.
    init : {"glorot", "he", "sparse", "normal"}
        How W is drawn (`tinyae.layers.initialisers`); b starts at 0.

    Shapes: x (N, n_in), y (N, n_out), W (n_in, n_out), b (n_out,).

    Examples
    --------
    >>> layer = Dense(2).build(3)
    >>> layer.forward(np.ones((4, 3))).shape
    (4, 2)
    """

    has_tangent = True

    def __init__(self, units, activation=None, init="glorot"):
        super().__init__(activation)
        self.units = check_int("Dense", "units", units, 1)
        initialiser("Dense", init)
        self.init = init
        self.weights_later = False
        self.tied_factors = None  # what a TiedDense left for the gradient of W

    def output_shape_for(self, input_shape):
        if len(input_shape) != 1:
            raise ValueError(
                f"Dense: expected rows of numbers (one length), got samples of shape {input_shape}; "
                "put Flatten() before it."
            )
        return (self.units,)

    def make_params(self, rng):
        n_in = self.input_shape[0]
        return {"W": initialiser("Dense", self.init)(rng, n_in, self.units), "b": np.zeros(self.units)}

    def affine(self, x):
        self.check_input(x)
        W, b = self.params["W"], self.params["b"]
        self.x = x = np.asarray(x, dtype=W.dtype)  # backward needs it
        self.tied_factors = None  # those of an earlier batch
        a = matmul(x, W, out=self.empty("a", (len(x), self.units), W.dtype))
        a += b
        return a

    def affine_backward(self, da, need_dx=True):
        """Take dL/da (N, n_out), fill `grads`, return dL/dx (N, n_in)."""
        x, W = self.remembered("x"), self.params["W"]
        # a[n,j] = sum_i x[n,i] W[i,j] + b[j], hence
        if self.weights_later:
            self.da = da  # the training loop forms x' da itself, right where it is used (tinyae.training.slabs)
        else:
            matmul(x.T, da, out=self.grads["W"])  # dL/dW[i,j] = sum_n x[n,i] da[n,j]
        if self.tied_factors is not None:
            left, right = self.tied_factors
            self.grads["W"] += matmul(left.T, right, out=self.empty("tied", W.shape, W.dtype))
            self.tied_factors = None
        np.sum(da, axis=0, out=self.grads["b"])  # dL/db[j]   = sum_n da[n,j]
        if not need_dx:
            return None
        return matmul(da, W.T, out=self.empty("dx", x.shape, W.dtype))  # dL/dx[n,i] = sum_j da[n,j] W[i,j]

    def affine_tangent(self, v):
        W = self.params["W"]
        self.v = v = np.asarray(v, dtype=W.dtype)  # affine_tangent_backward needs it
        return matmul(v, W, out=self.empty("t", (len(v), self.units), W.dtype))  # t[n,j] = sum_i v[n,i] W[i,j]

    def affine_tangent_backward(self, dt, da=None, need_dx=True):
        v, W = self.remembered("v", "tangent"), self.params["W"]
        self.add_to_gradient(v, dt)  # dP/dW[i,j] += sum_n v[n,i] dt[n,j]
        if da is not None:
            self.add_to_gradient(self.x, da)  # dP/dW[i,j] += sum_n x[n,i] da[n,j]
            self.grads["b"] += np.sum(da, axis=0)  # dP/db[j] += sum_n da[n,j]
        if not need_dx:
            return None, None
        dv = matmul(dt, W.T, out=self.empty("dv", v.shape, W.dtype))  # dP/dv[n,i] = sum_j dt[n,j] W[i,j]
        return dv, None if da is None else matmul(da, W.T, out=self.empty("dx, second", v.shape, W.dtype))

    def add_to_gradient(self, left, right):
        """grads["W"] += left' right: left (N, n_in), right (N, n_out)."""
        W = self.params["W"]
        self.grads["W"] += matmul(left.T, right, out=self.empty("more W", W.shape, W.dtype))

    @property
    def multiply_adds(self):
        return self.input_shape[0] * self.units

    def config(self):
        config = {"units": self.units, "init": self.init}
        return config | ({} if self.activation_name is None else {"activation": self.activation_name})
