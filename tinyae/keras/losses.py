"""Losses by Keras's names and in Keras's unit: means per pixel.

tinyae's own losses are sums over the numbers of an image (`tinyae.losses`); for D numbers, with reconstruction x':

    binary_crossentropy   1/D * tinyae's BCE,     gradient 1/D (x' - x) at the sigmoid's pre-activation
    mse                   2/D * tinyae's MSE,     gradient 2/D (x' - x): Keras has no factor 1/2
    mae                   1/D sum_k |x'_k - x_k|, gradient 1/D sign(x' - x)

So a learning rate means what it means in Keras, for SGD too. The cross-entropy is computed from the pre-activation and
is exact for any; Keras cuts x' to [1e-7, 1 - 1e-7], which shows for pre-activations beyond 16.
"""

import math

import numpy as np

from tinyae import losses
from tinyae.checks import UsageError, check_choice
from tinyae.keras import unsupported
from tinyae.layers.activations import Linear, Sigmoid

EPSILON = 1e-7  # Keras's: how near probabilities come to 0 and 1


class PerPixel(losses.Loss):
    """Base: a mean per pixel, `share` / D times a loss of tinyae's that sums over an image.

    An object may be called on arrays as well: loss(y_true, y_pred) is a float.
    """

    unit = "mean per pixel"
    share = 1.0
    arguments = {  # noqa: RUF012
        "reduction": ("sum_over_batch_size", "every image counts the same"),
        "label_smoothing": (0.0, "pixels are no labels"),
        "axis": (-1, "the mean is over all pixels"),
        "dtype": (None, "nets are float32"),
    }

    def __init__(self, name=None, **given):
        unsupported.refuse_arguments(type(self).__name__, given, self.arguments)

    def value_and_gradient(self, a, x, n=None, out=None):
        """As `tinyae.losses.Loss.value_and_gradient`, with n D / share below the line in place of n."""
        n = len(a) if n is None else n
        return super().value_and_gradient(a, x, n * math.prod(np.shape(a)[1:]) / self.share, out)

    def __call__(self, y_true, y_pred):
        return float(np.mean(self.function(y_true, y_pred)))

    def get_config(self):
        """The arguments that make this loss again."""
        return {}


class BinaryCrossentropy(PerPixel):
    """-1/D sum_k ( x_k log x'_k + (1 - x_k) log(1 - x'_k) ), in nats.

    from_logits : bool
        Whether the net ends in a linear layer and the loss applies the sigmoid itself.
    """

    output_unit = Sigmoid
    unit = "nats, mean per pixel"
    _value_and_gradient = losses.BCE._value_and_gradient
    check_targets = losses.BCE.check_targets

    def __init__(self, from_logits=False, **given):
        super().__init__(**given)
        self.from_logits = bool(from_logits)
        if self.from_logits:
            self.output_unit = Linear

    def function(self, y_true, y_pred):
        """binary_crossentropy(y_true, y_pred)."""
        return binary_crossentropy(y_true, y_pred, self.from_logits)

    def get_config(self):
        return {"from_logits": self.from_logits}


class MeanSquaredError(PerPixel):
    """1/D sum_k (x'_k - x_k)^2."""

    share = 2.0
    _value_and_gradient = losses.MSE._value_and_gradient

    def function(self, y_true, y_pred):
        """mean_squared_error(y_true, y_pred)."""
        return mean_squared_error(y_true, y_pred)


class MeanAbsoluteError(PerPixel):
    """1/D sum_k |x'_k - x_k|; the derivative at 0 is taken as 0."""

    def _value_and_gradient(self, a, x, out, scale):
        np.subtract(a, x, out=out)
        value = float(np.abs(out).sum(dtype=np.float64))
        np.multiply(np.sign(out), out.dtype.type(scale), out=out)  # dl/dx'_k = sign(x'_k - x_k)
        return value

    def function(self, y_true, y_pred):
        """mean_absolute_error(y_true, y_pred)."""
        return mean_absolute_error(y_true, y_pred)


def binary_crossentropy(y_true, y_pred, from_logits=False):
    """Per pixel, averaged over the last axis: for arrays (N, D) an array (N,)."""
    x, p = np.asarray(y_true, np.float64), np.asarray(y_pred, np.float64)
    if from_logits:
        return np.mean(np.maximum(p, 0) - x * p + np.log1p(np.exp(-np.abs(p))), axis=-1)
    p = np.clip(p, EPSILON, 1 - EPSILON)
    return -np.mean(x * np.log(p) + (1 - x) * np.log(1 - p), axis=-1)


def mean_squared_error(y_true, y_pred):
    """Averaged over the last axis: for arrays (N, D) an array (N,)."""
    return np.mean(np.square(np.asarray(y_pred, np.float64) - y_true), axis=-1)


def mean_absolute_error(y_true, y_pred):
    """Averaged over the last axis: for arrays (N, D) an array (N,)."""
    return np.mean(np.abs(np.asarray(y_pred, np.float64) - y_true), axis=-1)


mse = MSE = mean_squared_error
mae = MAE = mean_absolute_error
BY_NAME = {
    "binary_crossentropy": BinaryCrossentropy, "bce": BinaryCrossentropy,
    "mean_squared_error": MeanSquaredError, "mse": MeanSquaredError,
    "mean_absolute_error": MeanAbsoluteError, "mae": MeanAbsoluteError,
}  # fmt: skip
OTHER_SPELLINGS = {kind.__name__: kind for kind in BY_NAME.values()} | {
    short.upper(): BY_NAME[short] for short in ("bce", "mse", "mae")
}
BY_FUNCTION = {
    binary_crossentropy: BinaryCrossentropy,
    mean_squared_error: MeanSquaredError,
    mean_absolute_error: MeanAbsoluteError,
}


def get(identifier):
    """A loss from Keras's name, function or class for it; a loss object, tinyae's own too, as it is."""
    if isinstance(identifier, losses.Loss):
        return identifier
    if isinstance(identifier, type) and issubclass(identifier, losses.Loss):
        return identifier()
    if callable(identifier):
        if identifier not in BY_FUNCTION:
            raise UsageError(
                f"compile: expected loss to be one of {', '.join(BY_NAME)}, got the function "
                f"{getattr(identifier, '__name__', identifier)!r}; a loss has a gradient: subclass tinyae.losses.Loss."
            )
        return BY_FUNCTION[identifier]()
    if isinstance(identifier, dict):
        return OTHER_SPELLINGS[identifier["class_name"]](**identifier["config"])
    if identifier in OTHER_SPELLINGS:
        return OTHER_SPELLINGS[identifier]()
    check_choice("compile", "loss", identifier, BY_NAME)
    return BY_NAME[identifier]()


__getattr__ = unsupported.refusing("tinyae.keras.losses", unsupported.LOSSES)
