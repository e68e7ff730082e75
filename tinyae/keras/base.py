"""What a layer is with Keras's names: something called on tensors, which notes the chain, or on arrays.

A layer here wraps layers of tinyae. Those with weights are made once, at the first call, and are the same at every
later call: nets that share a layer share its weights.
"""

import numpy as np

from tinyae.checks import UsageError, as_float_array, check_samples
from tinyae.keras.unsupported import CHAINS_ONLY, LAYER_ARGUMENTS, OWN_LAYERS, refuse_arguments
from tinyae.keras.utils import automatic_name, new_rng
from tinyae.layers import Sequential
from tinyae.layers.base import as_shape, every_layer
from tinyae.training.chunks import for_chunks

DTYPE = np.dtype(np.float32)


class KerasTensor:
    """The batch a layer will give, while a net is put together: its shape, and the layer and tensor it comes from."""

    dtype = DTYPE.name

    def __init__(self, shape, layer, source=None, nets=()):
        self.sample_shape, self.layer, self.source, self.nets = tuple(shape), layer, source, tuple(nets)

    @property
    def shape(self):
        """(None, *sample_shape): None for the number of samples."""
        return (None, *self.sample_shape)

    @property
    def name(self):
        """The name of the layer it comes from."""
        return self.layer.name

    def _no_arithmetic(self, *_, **__):
        raise UsageError(f"KerasTensor: expected to be given to a layer, got arithmetic; {OWN_LAYERS}.")

    __add__ = __radd__ = __sub__ = __rsub__ = __mul__ = __rmul__ = __truediv__ = __neg__ = __pow__ = _no_arithmetic
    __getitem__ = __array__ = __matmul__ = _no_arithmetic

    def __repr__(self):
        return f"<KerasTensor shape={self.shape}, dtype={self.dtype}, name={self.name}>"


class Layer:
    """Base of all layers and of `Model`.

    Attributes
    ----------
    name : str
    nets : list of tinyae.layers.Layer, or None
        What computes it, once it has been called; None for a layer without weights, which is made at every call.
    input, output : KerasTensor
        Of the first call.
    """

    known = LAYER_ARGUMENTS  # what Keras's constructor takes and this one does not
    nets = input = output = None

    def __init__(self, name=None, given=None, **settings):
        given = dict(given or {})
        self.first_shape = _first_shape(given)
        refuse_arguments(type(self).__name__, given, self.known)
        self.name = automatic_name(type(self).__name__) if name is None else str(name)
        self.settings = settings

    def make(self):
        """The layers of tinyae that compute this one, not built: a list."""
        raise NotImplementedError(f"{type(self).__name__}.make")

    def draw(self, nets):
        """Put initial weights of Keras's kind into built layers."""

    def prepared(self, shape):
        """The layers of tinyae for samples of `shape`, built; the same ones at every call where they hold weights."""
        if self.nets is not None:
            mine = self.nets[0].input_shape
            if shape != mine:
                raise UsageError(f"{self!r}: expected samples of shape {mine}, for which it has weights, got {shape}.")
            return self.nets
        nets, rng = self.make(), new_rng()
        for net in nets:
            try:
                shape = net.build(shape, rng, dtype=DTYPE).output_shape
            except ValueError as why:
                raise UsageError(f"{self!r}: {why}") from None
        self.draw(nets)
        if weights_of(nets):
            self.nets = nets
        return nets

    def __call__(self, x, training=None):
        """Of a KerasTensor, the tensor behind this layer; of an array (N, ...), an array."""
        if isinstance(x, list | tuple) and any(isinstance(t, KerasTensor) for t in x):
            raise UsageError(f"{self!r}: expected one tensor, got {len(x)}; {CHAINS_ONLY}.")
        if isinstance(x, KerasTensor):
            nets = self.prepared(x.sample_shape)
            y = KerasTensor(nets[-1].output_shape, self, x, nets)
            if self.output is None:
                self.input, self.output = x, y
            return y
        if training:
            raise UsageError(f"{self!r}: expected training to stay False, got {training!r}; fit alone trains.")
        x = as_float_array(repr(self), x, DTYPE)
        return forward(self.prepared(x.shape[1:]), x)

    @property
    def weights(self):
        """The arrays of this layer, as they are: writing to them changes the net."""
        return weights_of(self.nets or ())

    def get_weights(self):
        """Copies of the weights, in Keras's order and layout.

        Dense, Conv2D: kernel (in, out) or (kh, kw, in, out), bias. Conv2DTranspose: kernel (kh, kw, out, in), bias.
        BatchNormalization: gamma, beta, moving mean, moving variance.
        """
        return [w.copy() for w in self.weights]

    def set_weights(self, weights):
        """Take over arrays such as `get_weights` gives, here or in Keras."""
        mine, given = self.weights, [as_float_array("set_weights", w, DTYPE, "weights") for w in weights]
        if [w.shape for w in given] != [w.shape for w in mine]:
            raise UsageError(
                f"{self!r}: expected weights of shapes {[w.shape for w in mine]}, got {[w.shape for w in given]}; "
                "a layer has weights once it has been called."
            )
        for w, new in zip(mine, given, strict=True):
            w[...] = new

    def count_params(self):
        """How many numbers there are in the weights, the moving ones of a BatchNormalization included."""
        return sum(w.size for w in self.weights)

    @property
    def trainable(self):
        """True: all layers of a net are trained."""
        return True

    @trainable.setter
    def trainable(self, value):
        refuse_arguments(repr(self), {"trainable": bool(value)}, LAYER_ARGUMENTS)

    def get_config(self):
        """The arguments that make this layer again: plain JSON types."""
        return {"name": self.name} | self.settings

    def __repr__(self):
        return f"{type(self).__name__} {self.name!r}"


class InputLayer(Layer):
    """Where a chain begins; its `output` is the tensor `Input` gives."""

    known = {  # noqa: RUF012
        "batch_size": (None, "a net takes batches of any size"),
        "dtype": (None, "nets are float32"),
        "sparse": (False, "arrays are dense"),
        "ragged": (False, "all samples have one shape"),
        "optional": (False, "a net has one input"),
    }

    def __init__(self, shape=None, *, name=None, **given):
        super().__init__(name, given)
        shape = self.first_shape if shape is None else shape
        if shape is None:
            raise UsageError("Input: expected the shape of one sample, got none; use Input(shape=(784,)).")
        if any(n is None for n in np.ravel(np.array(shape, object))):
            raise UsageError(f"Input: expected a shape of whole numbers, got {shape}; a net is made for one size.")
        self.output = self.input = KerasTensor(as_shape(shape), self)

    def __call__(self, x, training=None):
        """x as it is: `for layer in model.layers: x = layer(x)` may begin here."""
        return x


def Input(shape=None, *, name=None, **given):  # noqa: N802
    """The tensor a net begins with, for samples of `shape`: Input((28, 28, 1)), Input(784)."""
    return InputLayer(shape, name=name, **given).output


def weights_of(nets):
    """Parameters, and then what is not trained by gradients, of every layer of tinyae, in order."""
    layers = [layer for net in nets for layer in every_layer(net)]
    return [w for layer in layers for w in (*layer.params.values(), *layer.state.values())]


def in_a_row(nets):
    """Built layers of tinyae as one net; they are not built anew and keep their weights."""
    net = Sequential(nets)
    net.input_shape, net.output_shape = nets[0].input_shape, nets[-1].output_shape
    return net


def forward(nets, x):
    """What `nets` make of an array (N, ...), outside of training."""
    net = in_a_row(nets)
    result = np.empty((len(x), *net.output_shape), DTYPE)

    def work(replica, rows):
        result[rows] = replica.forward(x[rows])

    for_chunks(net, len(x), None, work)
    return result


def as_batch(who, x, shape, name="x"):
    """x as float32 (N, *shape). A last axis of one channel may be missing or too many, as in Keras."""
    x = as_float_array(who, x, DTYPE, name) if not isinstance(x, np.ndarray) else x
    if x.shape[1:] == shape[:-1] and shape[-1] == 1:
        x = x[..., None]
    elif x.shape[1:] == (*shape, 1):
        x = x[..., 0]
    check_samples(who, x, shape, name)
    return x


def _first_shape(given):
    """Shape of one sample from Keras's older ways to say it at a net's first layer, taken out of `given`."""
    if "input_dim" in given:
        return as_shape(given.pop("input_dim"))
    if "batch_shape" in given or "batch_input_shape" in given:
        return as_shape(tuple(given.pop("batch_shape", given.pop("batch_input_shape", ())))[1:])
    return as_shape(given.pop("input_shape")) if "input_shape" in given else None
