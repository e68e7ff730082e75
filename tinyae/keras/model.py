"""Model(inputs, outputs): the chain of layers between two tensors."""

import copy
import math

from tinyae import losses as native_losses
from tinyae.checks import UsageError, check_scaled
from tinyae.keras import losses
from tinyae.keras.base import DTYPE, InputLayer, KerasTensor, Layer, as_batch, forward, weights_of
from tinyae.keras.saving import save_model
from tinyae.keras.summary import summary_table
from tinyae.keras.training import Trainable, as_autoencoder
from tinyae.keras.unsupported import CHAINS_ONLY, OWN_LAYERS, refuse_arguments
from tinyae.layers import ActivityPenalty, GaussianCode

NO_SUBCLASS = (
    "a net is Model(inputs, outputs), trained by fit; a layer of your own is a tinyae.layers.Layer in "
    "layers.TinyaeLayer, a loss of your own a tinyae.losses.Loss"
)
PREDICT_ARGUMENTS = {"steps": (None, "all of x is used"), "callbacks": (None, "they are for fit")}
SAVE_ARGUMENTS = {
    "include_optimizer": (True, "load_model(path, compile=False) leaves it out"),
    "save_format": (None, "there is one format"),
    "zipped": (None, "there is one format"),
}
MISSING = {
    "add_loss": f"a penalty is a layer (ActivityRegularization, GaussianCode); {OWN_LAYERS}",
    "add_metric": "history.history and evaluate have the loss",
    "train_on_batch": "use fit with epochs=1; it goes on where it was",
    "test_on_batch": "use evaluate",
    "predict_on_batch": "use predict",
    "save_weights": "use save, or keep what get_weights gives",
    "load_weights": "use models.load_model, or set_weights",
    "to_json": "use save",
    "export": "use to_tinyae() and tinyae's own exports",
    "train_step": NO_SUBCLASS,
}


class Model(Trainable, Layer):
    """The chain of layers from one tensor to another; a layer itself, so that it may be called on tensors.

    Parameters
    ----------
    inputs, outputs : KerasTensor
        `Input(...)`, or any tensor on the way to `outputs`.
    name : str, optional

    Attributes
    ----------
    layers : list of Layer
        In order, with the InputLayer first.
    input, output : KerasTensor

    Notes
    -----
    A model computes nothing of its own: its layers do, and models that share layers share weights. So an encoder
    Model(inputs, code) is trained when Model(inputs, decoded) is.

    Examples
    --------
    >>> x = Input((784,))
    >>> code = Dense(32, activation="relu")(x)
    >>> autoencoder = Model(x, Dense(784, activation="sigmoid")(code))
    >>> autoencoder.compile(optimizer="adam", loss="binary_crossentropy")
    >>> autoencoder.fit(images, images, epochs=5, batch_size=256)
    >>> codes = Model(x, code).predict(images)  # (N, 32)
    """

    file_kind = "Model"  # what a file calls it

    def __init_subclass__(cls, **kwargs):
        super().__init_subclass__(**kwargs)
        own = {"call", "train_step", "test_step", "compute_loss"} & set(vars(cls))
        if own:
            raise UsageError(f"{cls.__name__}: {', '.join(sorted(own))} of one's own is not supported; {NO_SUBCLASS}.")

    def __init__(self, inputs=None, outputs=None, name=None, **given):
        inputs, outputs = one_tensor("inputs", inputs), one_tensor("outputs", outputs)
        super().__init__(name, given)
        self._join(inputs, outputs)

    def _join(self, inputs, outputs):
        """Become the chain between two tensors."""
        tensors = path_between(inputs, outputs)
        self.input, self.output = inputs, outputs
        first = inputs.layer if isinstance(inputs.layer, InputLayer) else InputLayer(inputs.sample_shape)
        self.layers = [first, *(t.layer for t in tensors)]
        self.nets = [net for t in tensors for net in t.nets]
        twice = [t.layer for t in tensors if sum(o.layer is t.layer for o in tensors) > 1 and weights_of(t.nets)]
        if twice:
            raise UsageError(
                f"{self!r}: expected every layer with weights once in a chain, got {twice[0]!r} twice; "
                "make a second layer of its kind."
            )

    @property
    def input_shape(self):
        """(None, *shape of one sample)."""
        return self.input.shape

    @property
    def output_shape(self):
        """(None, *shape of one sample)."""
        return self.output.shape

    @property
    def inputs(self):
        """The input in a list."""
        return [self.input]

    @property
    def outputs(self):
        """The output in a list."""
        return [self.output]

    def get_layer(self, name=None, index=None):
        """The layer of that name or number."""
        if isinstance(name, int):
            name, index = None, name
        if index is not None:
            if not -len(self.layers) <= index < len(self.layers):
                raise UsageError(f"get_layer: expected an index below {len(self.layers)}, got {index}.")
            return self.layers[index]
        found = [layer for layer in self.layers if layer.name == name]
        if not found:
            names = ", ".join(layer.name for layer in self.layers)
            raise UsageError(f"get_layer: expected one of {names}, got {name!r}.")
        return found[0]

    def predict(self, x, batch_size=None, verbose="auto", **given):
        """The output for x (N, ...): an array. `batch_size` changes nothing: outside of training rows are alone."""
        refuse_arguments("predict", given, PREDICT_ARGUMENTS)
        self.build_for(x)
        x = as_batch("predict", x, self.input.sample_shape)
        check_scaled("predict", x)
        return forward(self.nets, x.astype(DTYPE, copy=False))

    def __call__(self, x, training=None):
        if isinstance(x, KerasTensor | list | tuple) or training:
            return super().__call__(x, training)
        return self.predict(x)

    def summary(self, print_fn=print, **_):
        """Print every layer's name, output shape and number of parameters."""
        print_fn(summary_table(self))

    def save(self, path, overwrite=True, **given):
        """Write the model to a file: layers, weights, and how it was compiled. `models.load_model` reads it.

        The file is tinyae's own whatever its ending, a NumPy .npz without pickle: Keras cannot read it, and Keras's
        own .keras files cannot be read here (`get_weights` there and `set_weights` here carry weights over).
        """
        refuse_arguments("save", given, SAVE_ARGUMENTS)
        save_model(self, path, overwrite=overwrite)

    def to_tinyae(self):
        """A tinyae.Autoencoder with copies of these weights: for tinyae.save, tinyae.plots, codes, everything else.

        Its loss is tinyae's own, a sum per image: D times binary_crossentropy, D / 2 times mse, for D numbers in an
        image. The weights of penalties become so many times larger with it.
        """
        own = {losses.BinaryCrossentropy: native_losses.BCE, losses.MeanSquaredError: native_losses.MSE}
        if type(self.loss) not in own:
            raise UsageError(f"to_tinyae: expected binary_crossentropy or mse for a loss, got {self.loss!r}; compile.")
        nets, factor = copy.deepcopy(self.nets), math.prod(self.output.sample_shape) / self.loss.share
        for net in nets:
            if isinstance(net, ActivityPenalty):
                net.what.weight *= factor
            elif isinstance(net, GaussianCode):
                net.beta *= factor
        return as_autoencoder(self, nets, own[type(self.loss)]())

    def __getattr__(self, name):
        if name in MISSING:
            raise UsageError(f"Model: {name} is not supported; {MISSING[name]}.")
        raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")


def one_tensor(name, tensor):
    """The tensor itself, or the only one in a list; UsageError for branches and for anything else."""
    if isinstance(tensor, list | tuple) and len(tensor) == 1:
        tensor = tensor[0]
    if isinstance(tensor, list | tuple | dict):
        raise UsageError(f"Model: expected {name} to be one tensor, got {len(tensor)}; {CHAINS_ONLY}.")
    if not isinstance(tensor, KerasTensor):
        raise UsageError(f"Model: expected {name} to be a tensor, got {tensor!r}; {NO_SUBCLASS}.")
    return tensor


def path_between(inputs, outputs):
    """The tensors after `inputs` up to `outputs`."""
    tensors, tensor = [], outputs
    while tensor is not inputs:
        if tensor is None or tensor.source is None:
            raise UsageError(
                f"Model: expected outputs that come from the inputs {inputs}, got {outputs}, which do not."
            )
        tensors.insert(0, tensor)
        tensor = tensor.source
    if not tensors:
        raise UsageError("Model: expected a layer between inputs and outputs, got none.")
    return tensors
