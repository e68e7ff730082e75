"""What every loss has: a value and dL/da for a batch, in a stated unit."""

import numpy as np

from tinyae.layers.activations import Linear


class Loss:
    """A loss as a function of the output's pre-activation a (N, ...) and the target x (N, ...).

    Attributes
    ----------
    output_unit : Layer class
        The output activation this loss is matched with; behind any other one it takes x' for a.
    unit : str
        What one unit of the value is.
    missing : bool
        Whether NaN in a target stands for a number nobody knows, which then counts for nothing.
    """

    output_unit = Linear
    missing = False
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


def per_pixel(value, shape):
    """A loss per image as the mean per pixel: value / D for images of `shape`."""
    return value / float(np.prod(shape))
