"""The two losses of autoencoders, and why both have the gradient x' - x.

For one image x with reconstruction x' (sums over its D numbers k):

    BCE   l = -sum_k ( x_k log x'_k + (1 - x_k) log(1 - x'_k) )     with a sigmoid output unit,  x' = sigmoid(a)
    MSE   l = 1/2 sum_k ( x'_k - x_k )^2                            with a linear output unit,   x' = a

In both cases dl/da_k = x'_k - x_k at the output's pre-activation a. That is the gradient computed here, straight from
a, so it is exact and finite for any a. Every other pairing (MSE behind a sigmoid) takes the chain rule in the open:
the loss gives dl/dx' and the layer multiplies by its own derivative.

**Unit of every loss: summed over the numbers of one image, averaged over the images of the batch, in nats for BCE.**
Divide by D for the mean per pixel (`per_pixel`).
"""

import numpy as np

from tinyae.checks import UsageError, check_choice
from tinyae.kernels import losses as kernels
from tinyae.layers.activations import Linear, Sigmoid


class Loss:
    """A loss as a function of the output's pre-activation a (N, ...) and the target x (N, ...).

    Attributes
    ----------
    output_unit : Layer class
        The output activation this loss is matched with; behind any other one it takes x' for a.
    unit : str
        What one unit of the value is.
    """

    output_unit = Linear
    unit = "sum over an image's numbers, mean over images"

    def value_and_gradient(self, a, x, n=None, out=None):
        """The loss and dL/da.

        Parameters
        ----------
        a, x : arrays (N, ...)
            Pre-activations of the output and targets.
        n : int, optional
            Number of images to average over; N itself if not given. A worker that holds a part of the batch
            passes the size of the whole batch, so that the parts add up.
        out : array like a, optional
            Where the gradient goes.

        Returns
        -------
        value : float
        gradient : array like a
        """
        if np.shape(a) != np.shape(x):
            raise ValueError(
                f"{self.name}: expected targets of the output's shape {np.shape(a)}, got {np.shape(x)}; "
                "the decoder has to end in the target's shape."
            )
        a = np.asarray(a)
        a = a if a.dtype.kind == "f" else a.astype(np.float64)
        n = len(a) if n is None else n
        out = np.empty_like(a) if out is None else out
        x = np.asarray(x, dtype=a.dtype)
        return self._value_and_gradient(a, x, out, 1.0 / n) / n, out

    def value(self, a, x):
        """The loss alone."""
        return self.value_and_gradient(a, x)[0]

    def _value_and_gradient(self, a, x, out, scale):
        raise NotImplementedError

    def check_targets(self, x):
        """Raise UsageError for targets this loss has no meaning for."""

    @property
    def name(self):
        return type(self).__name__

    def __repr__(self):
        return f"{self.name}()"


class BCE(Loss):
    """Binary cross-entropy behind a sigmoid: l = -sum_k (x_k log x'_k + (1 - x_k) log(1 - x'_k)), dl/da = x' - x.

    Targets are probabilities in [0, 1], not only 0 and 1. On grey values the loss cannot reach 0: its floor is the
    entropy of the targets themselves (`tinyae.analysis.bce_floor`).
    """

    output_unit = Sigmoid
    unit = "nats: sum over an image's numbers, mean over images"

    def _value_and_gradient(self, a, x, out, scale):
        return kernels.bce(a, x, out, scale)

    def check_targets(self, x):
        low, high = float(np.min(x)), float(np.max(x))
        if low < 0 or high > 1:
            advice = "divide by 255" if low >= 0 and 1 < high <= 255 else "scale the data to [0, 1] or use loss='mse'"
            raise UsageError(f"BCE: expected targets in [0, 1], got values from {low:g} to {high:g}; {advice}.")


class MSE(Loss):
    """Half the squared error: l = 1/2 sum_k (x'_k - x_k)^2, dl/dx' = x' - x, which is dl/da for a linear output."""

    def _value_and_gradient(self, a, x, out, scale):
        return kernels.squared_error(a, x, out, scale)


LOSSES = {"bce": BCE, "mse": MSE}


def loss_by_name(who, loss):
    """A Loss from its name, class or instance; UsageError listing the names there are otherwise."""
    if isinstance(loss, Loss):
        return loss
    if isinstance(loss, type) and issubclass(loss, Loss):
        return loss()
    check_choice(who, "loss", loss, LOSSES)
    return LOSSES[loss]()


def per_pixel(value, shape):
    """A loss per image as the mean per pixel: value / D for images of `shape`."""
    return value / float(np.prod(shape))
