"""Layers that rearrange samples and compute nothing: Flatten, Reshape, Crop, ZeroPad."""

import math

import numpy as np

from tinyae.checks import UsageError
from tinyae.layers.geometry import check_image_shape, one_or_pair
from tinyae.layers.tangents import LocallyLinear


class Reshape(LocallyLinear):
    """The same numbers in another shape, in the same order; y is a view of x.

    Parameters
    ----------
    shape : int or tuple of int
        Shape of one output sample. One length may be -1: it is worked out from the others.

    Shapes: x (N, *input_shape), y (N, *shape).

    Examples
    --------
    >>> Reshape((7, 7, -1)).build(784).output_shape
    (7, 7, 16)
    """

    def __init__(self, shape):
        super().__init__()
        self.shape = checked_shape(self.name, shape)

    def output_shape_for(self, input_shape):
        size, known = math.prod(input_shape), math.prod(n for n in self.shape if n != -1)
        if size % known or (-1 not in self.shape and size != known):
            raise ValueError(
                f"{self.name}: expected a shape for the {size} numbers of a sample {input_shape}, got {self.shape}, "
                f"which holds {'multiples of ' if -1 in self.shape else ''}{known}."
            )
        return tuple(size // known if n == -1 else n for n in self.shape)

    def forward(self, x):
        self.check_input(x)
        return np.reshape(x, (len(x), *self.output_shape))

    def backward(self, dy, need_dx=True):
        """Take dL/dy (N, *shape), return the same numbers as dL/dx (N, *input_shape)."""
        return np.reshape(dy, (len(dy), *self.input_shape)) if need_dx else None

    def along(self, v, key):
        return np.reshape(v, (len(v), *self.output_shape))

    def adjoint(self, dy, key):
        return np.reshape(dy, (len(dy), *self.input_shape))

    def config(self):
        return {"shape": list(self.shape)}


class Flatten(Reshape):
    """Samples of any shape as rows: (H, W, C) -> (H*W*C,), the channels of a pixel side by side; y is a view of x."""

    def __init__(self):
        super().__init__(-1)

    def config(self):
        return {}


class _Border(LocallyLinear):
    """Base of Crop and ZeroPad: how many rows and columns at the border of an image."""

    def __init__(self, rows, columns=None):
        super().__init__()
        self.rows = checked_pair(self.name, "rows", rows)
        self.columns = self.rows if columns is None else checked_pair(self.name, "columns", columns)

    def cut(self, x, key):
        """x (N, H, W, C) without its border."""
        (top, bottom), (left, right) = self.rows, self.columns
        inner = x[:, top : x.shape[1] - bottom, left : x.shape[2] - right]
        out = self.empty(key, inner.shape, x.dtype)
        np.copyto(out, inner)
        return out

    def surround(self, x, key):
        """x (N, H, W, C) with a border of zeros."""
        (top, bottom), (left, right) = self.rows, self.columns
        N, H, W, C = x.shape
        out = self.empty(key, (N, top + H + bottom, left + W + right, C), x.dtype)
        out[:, :top] = out[:, top + H :] = 0
        middle = out[:, top : top + H]
        middle[:, :, :left] = middle[:, :, left + W :] = 0
        middle[:, :, left : left + W] = x
        return out

    def config(self):
        return {"rows": one_or_pair(self.rows), "columns": one_or_pair(self.columns)}


class Crop(_Border):
    """Take rows and columns off the border of images.

    Parameters
    ----------
    rows : int or (int, int)
        Rows to take off at the top and at the bottom; one number for both.
    columns : int or (int, int), optional
        Columns to take off on the left and on the right; as `rows` without it.

    Shapes: x (N, H, W, C), y (N, H - rows, W - columns, C).
    """

    def output_shape_for(self, input_shape):
        check_image_shape(self.name, input_shape)
        H, W, C = input_shape
        height, width = H - sum(self.rows), W - sum(self.columns)
        if height < 1 or width < 1:
            raise ValueError(
                f"Crop: expected images of more than {sum(self.rows)} rows and {sum(self.columns)} columns, "
                f"got samples of shape {input_shape}; nothing would be left."
            )
        return height, width, C

    def forward(self, x):
        self.check_input(x)
        return self.cut(np.asarray(x), "y")  # y[n,h,w,c] = x[n, h + top, w + left, c]

    def backward(self, dy, need_dx=True):
        """Take dL/dy, return dL/dx: that of a pixel taken off is 0."""
        return self.surround(dy, "dx") if need_dx else None  # dL/dx[n, h + top, w + left, c] = dL/dy[n,h,w,c]

    def along(self, v, key):
        return self.cut(np.asarray(v), key)

    def adjoint(self, dy, key):
        return self.surround(dy, key)


class ZeroPad(_Border):
    """Put rows and columns of zeros around images.

    Parameters
    ----------
    rows : int or (int, int)
        Rows to add at the top and at the bottom; one number for both.
    columns : int or (int, int), optional
        Columns to add on the left and on the right; as `rows` without it.

    Shapes: x (N, H, W, C), y (N, H + rows, W + columns, C).
    """

    def output_shape_for(self, input_shape):
        check_image_shape(self.name, input_shape)
        H, W, C = input_shape
        return H + sum(self.rows), W + sum(self.columns), C

    def forward(self, x):
        self.check_input(x)
        return self.surround(np.asarray(x), "y")  # y[n, h + top, w + left, c] = x[n,h,w,c], 0 elsewhere

    def backward(self, dy, need_dx=True):
        """Take dL/dy, return dL/dx: what the zeros were asked to be is dropped."""
        return self.cut(dy, "dx") if need_dx else None  # dL/dx[n,h,w,c] = dL/dy[n, h + top, w + left, c]

    def along(self, v, key):
        return self.surround(np.asarray(v), key)

    def adjoint(self, dy, key):
        return self.cut(dy, key)


def checked_shape(who, shape):
    """`shape` as a tuple; UsageError unless it is whole numbers >= 1, and at most one -1."""
    lengths = shape if isinstance(shape, tuple | list) else (shape,)
    if not lengths or not all(_is_whole(n) and (n >= 1 or n == -1) for n in lengths) or list(lengths).count(-1) > 1:
        raise UsageError(f"{who}: expected shape to be whole numbers >= 1, one of them maybe -1, got {shape!r}.")
    return tuple(int(n) for n in lengths)


def checked_pair(who, name, value):
    """`value`, a whole number or a pair of them, as a pair; UsageError unless both are >= 0."""
    pair = tuple(value) if isinstance(value, tuple | list) else (value, value)
    if len(pair) != 2 or not all(_is_whole(n) and n >= 0 for n in pair):
        raise UsageError(f"{who}: expected {name} to be a whole number >= 0 or a pair of them, got {value!r}.")
    return int(pair[0]), int(pair[1])


def _is_whole(n):
    return isinstance(n, int | np.integer) and not isinstance(n, bool)


def ways_back(want, got):
    """What brings a decoder that ends in shape `got` to the shape `want`, as advice."""
    if len(want) != 3 or len(got) != 3:
        return "change the decoder's last layer that sets a size"
    if want[:2] == got[:2]:
        return f"give the decoder's last layer {want[2]} filters"
    too_many = [max(0, g - w) for w, g in zip(want[:2], got[:2], strict=True)]
    too_few = [max(0, w - g) for w, g in zip(want[:2], got[:2], strict=True)]
    ways = []
    if any(too_many):
        ways.append(f"Crop((0, {too_many[0]}), (0, {too_many[1]})) at the end")
        ways.append("padding='valid' in one convolution (3x3 takes 2 rows, doubled by every UpSample(2) after it)")
    if any(too_few):
        ways.append(f"ZeroPad((0, {too_few[0]}), (0, {too_few[1]})) at the end")
        ways.append("padding='same' in place of 'valid'")
    ways.append("pooling in the encoder that leaves no odd row over")
    return f"ways out: {'; '.join(ways)}"
