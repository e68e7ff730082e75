"""Pooling: every window of an image becomes one pixel, channel by channel."""

import numpy as np

from tinyae.checks import check_choice, check_shape
from tinyae.kernels import pooling as kernels
from tinyae.layers.geometry import check_image_shape, one_or_pair, pair, same_padding
from tinyae.layers.tangents import LocallyLinear

PADDINGS = ("valid", "same", "ceil")


class _Pool(LocallyLinear):
    """What MaxPool and AveragePool share: windows, settings and their checks."""

    def __init__(self, size=2, stride=None, padding="valid"):
        super().__init__()
        self.size = pair(self.name, "size", size)
        self.stride = self.size if stride is None else pair(self.name, "stride", stride)
        check_choice(self.name, "padding", padding, PADDINGS)
        self.padding = padding

    def output_shape_for(self, input_shape):
        check_image_shape(self.name, input_shape)
        each = zip(input_shape[:2], self.size, self.stride, strict=True)
        (rows, above), (cols, left) = (window_places(*lengths, self.padding) for lengths in each)
        if rows < 1 or cols < 1:
            raise ValueError(
                f"{self.name}: expected images in which a window of {self.size} fits, got samples of shape "
                f"{input_shape} with padding={self.padding!r}; use a smaller size, padding='same', or less pooling "
                "before it."
            )
        self.before = above, left
        return rows, cols, input_shape[2]

    @property
    def windows(self):
        """size, stride and the pixels missing before the first window: what the kernels want to know."""
        return self.size, self.stride, self.before

    def config(self):
        return {"size": one_or_pair(self.size), "stride": one_or_pair(self.stride), "padding": self.padding}


class MaxPool(_Pool):
    """The largest number of every window, y[n,i,j,c] = max x[n,h,w,c] over (h, w) in window (i, j).

    Parameters
    ----------
    size : int or (int, int)
        Height and width kh, kw of a window.
    stride : int or (int, int), optional
        Rows s and columns t between two windows; the size without it, so that windows lie side by side.
    padding : {"valid", "same", "ceil"}
        What happens at the border of an image with H rows (columns likewise). "valid": a window that does not fit is
        dropped, H' = (H - kh) // s + 1. "ceil": one that is cut off at the bottom is kept, if it starts inside,
        H' = ceil((H - kh) / s) + 1 (PyTorch's ceil_mode). "same": H' = ceil(H / s); the max((H' - 1) s + kh - H, 0)
        rows missing are shared out before and after, an odd one after (as in Keras). Only pixels of the image count.

    Shapes: x (N, H, W, C), y (N, H', W', C).

    Backward sends each dL/dy to the pixel that was largest, and to the first of equally large ones, row by row. A
    pixel that won several windows gets the sum; one that lies in none gets 0. NaN counts as the largest.

    Examples
    --------
    >>> x = np.arange(16.0).reshape(1, 4, 4, 1)
    >>> MaxPool(2).build((4, 4, 1)).forward(x)[0, :, :, 0]
    array([[ 5.,  7.],
           [13., 15.]])
    """

    def forward(self, x):
        self.check_input(x)
        x = as_floats(x)
        shape = (len(x), *self.output_shape)
        self.winner = self.empty("winner", shape, kernels.PLACE)  # where each maximum was: all that backward needs
        return kernels.max_pool(x, self.empty("y", shape, x.dtype), self.winner, *self.windows)

    def backward(self, dy, need_dx=True):
        """Take dL/dy (N, H', W', C), return dL/dx (N, H, W, C)."""
        check_shape(self.name, dy, self.remembered("winner").shape, name="dy")
        return self.adjoint(dy, "dx") if need_dx else None

    def adjoint(self, dy, key):
        # y = x at the winner, hence dL/dx[n,h,w,c] = sum of dL/dy[n,i,j,c] over the windows (h, w) won
        dy = as_floats(dy)
        dx = self.empty(key, (len(dy), *self.input_shape), dy.dtype)
        return kernels.max_pool_backward(dy, self.winner, dx, *self.windows)

    def along(self, v, key):
        v, winner = as_floats(v), self.remembered("winner")
        check_shape(self.name, v, (len(winner), *self.input_shape), name="v")
        return kernels.pick(v, winner, self.empty(key, winner.shape, v.dtype))  # t = v at the winner


class AveragePool(_Pool):
    """The mean of every window, y[n,i,j,c] = mean of x[n,h,w,c] over the pixels (h, w) of window (i, j).

    Parameters
    ----------
    size, stride, padding
        As for `MaxPool`. Where a window reaches over the border, the mean is that of its pixels in the image.

    Shapes: x (N, H, W, C), y (N, H', W', C).

    Examples
    --------
    >>> x = np.arange(16.0).reshape(1, 4, 4, 1)
    >>> AveragePool(2).build((4, 4, 1)).forward(x)[0, :, :, 0]
    array([[ 2.5,  4.5],
           [10.5, 12.5]])
    """

    def forward(self, x):
        self.check_input(x)
        return self.along(x, "y")

    def along(self, v, key):
        v = as_floats(v)
        return kernels.average_pool(v, self.empty(key, (len(v), *self.output_shape), v.dtype), *self.windows)

    def backward(self, dy, need_dx=True):
        """Take dL/dy (N, H', W', C), return dL/dx (N, H, W, C)."""
        check_shape(self.name, dy, ("N", *self.output_shape), name="dy")
        return self.adjoint(dy, "dx") if need_dx else None

    def adjoint(self, dy, key):
        # Every pixel of a window has the same share in its mean, hence
        # dL/dx[n,h,w,c] = sum of dL/dy[n,i,j,c] / (pixels of window (i, j)) over the windows (h, w) lies in
        dy = as_floats(dy)
        dx = self.empty(key, (len(dy), *self.input_shape), dy.dtype)
        return kernels.average_pool_backward(dy, dx, *self.windows)


def window_places(length, size, step, padding):
    """How many windows there are along an axis of `length` pixels, and how far the first starts before it."""
    if padding == "same":
        return -(-length // step), same_padding(length, size, step)[0]
    if padding == "valid":
        return (length - size) // step + 1, 0
    count = -(-(length - size) // step) + 1
    return count - 1 if (count - 1) * step >= length else count, 0  # the last one has to start inside


def as_floats(x):
    """`x` as a contiguous array of floats, which the kernels want; whole numbers become float64."""
    x = np.ascontiguousarray(x)
    return x if x.dtype.kind == "f" else x.astype(np.float64)
