"""Activations by Keras's names: as an argument of a layer, and as layers of their own."""

from tinyae import layers as native
from tinyae.checks import UsageError, check_choice
from tinyae.keras.base import Layer
from tinyae.keras.unsupported import OTHER_UNITS

# Keras's name: what makes the layer of tinyae.
BY_NAME = {
    "linear": native.Linear,
    "relu": native.ReLU,
    "leaky_relu": lambda: native.LeakyReLU(0.2),  # Keras's slope for the name; its layer LeakyReLU has 0.3
    "sigmoid": native.Sigmoid,
    "tanh": native.Tanh,
    "softplus": native.Softplus,
}
INSIDE = ("linear", "relu", "sigmoid", "tanh", "softplus")  # those the layers of tinyae with weights take by name


class ActivationLayer(Layer):
    """Base of the layers that are an activation and nothing else."""


class Activation(ActivationLayer):
    """f of every number, f given by its name."""

    def __init__(self, activation, name=None, **given):
        self.activation = checked_activation("Activation", activation)
        super().__init__(name, given, activation=serialize(self.activation))

    def make(self):
        return unit(self.activation)


class ReLU(ActivationLayer):
    """max(x, 0); with a negative_slope, that times x for x < 0."""

    known = Layer.known | {
        "max_value": (None, "use activation='sigmoid' for a unit with an upper end"),
        "threshold": (0.0, OTHER_UNITS),
    }

    def __init__(self, max_value=None, negative_slope=0.0, threshold=0.0, name=None, **given):
        given |= {"max_value": max_value, "threshold": threshold}
        super().__init__(name, given, negative_slope=negative_slope)
        self.negative_slope = negative_slope

    def make(self):
        return [native.LeakyReLU(self.negative_slope) if self.negative_slope else native.ReLU()]


class LeakyReLU(ActivationLayer):
    """x for x > 0, negative_slope * x otherwise."""

    def __init__(self, negative_slope=0.3, name=None, **given):
        negative_slope = given.pop("alpha", negative_slope)  # its name before Keras 3
        super().__init__(name, given, negative_slope=negative_slope)
        self.slope = negative_slope

    def make(self):
        return [native.LeakyReLU(self.slope)]


LAYERS = {kind.__name__: kind for kind in (Activation, ReLU, LeakyReLU)}


def checked_activation(who, activation):
    """The activation, a name or one of the layers above, also from a configuration; UsageError for anything else."""
    if activation is None or isinstance(activation, ActivationLayer):
        return activation
    if isinstance(activation, dict):
        return LAYERS[activation["class_name"]](**activation["config"])
    if not isinstance(activation, str):
        shown = getattr(activation, "__name__", activation)
        raise UsageError(f"{who}: expected activation to be a name, as in activation='relu', got {shown!r}.")
    check_choice(who, "activation", activation, BY_NAME)
    return activation


def serialize(activation):
    """What `checked_activation` makes the activation of again."""
    if isinstance(activation, ActivationLayer):
        return {"class_name": type(activation).__name__, "config": activation.get_config()}
    return activation


def unit(activation):
    """The layers of tinyae for an activation: a list."""
    if activation is None:
        return []
    return [BY_NAME[activation]()] if isinstance(activation, str) else activation.make()


def inside_and_behind(activation):
    """(name for the layer of tinyae with the weights, layers behind it): most activations are part of the layer."""
    if activation is None or activation in INSIDE:
        return activation, []
    return None, unit(activation)
