"""im2col and col2im: the windows a convolution looks at, side by side, and the way back.

A convolution is a matrix product once every window is a row: `im2col` copies the windows out, `col2im` adds them back
onto the image. The two are adjoint, <im2col(x), c> = <x, col2im(c)>, which is all that backpropagation through a
convolution needs.
"""

import numpy as np

from tinyae.kernels.config import fast_or_plain, kernel

NO_PADDING = ((0, 0), (0, 0))


def im2col(x, kernel, stride=(1, 1), padding=NO_PADDING):
    """Every window of every image: x (N, H, W, C) -> columns (N, H', W', kh, kw, C).

    Parameters
    ----------
    x : array (N, H, W, C)
    kernel, stride : (int, int)
        Height and width of a window; rows and columns between two windows.
    padding : ((top, bottom), (left, right))
        Zeros around the image, with H' = (top + H + bottom - kh) // stride + 1, and W' likewise.

    Returns
    -------
    array (N, H', W', kh, kw, C)
        columns[n, h, v, i, j] = x[n, h * stride + i - top, v * stride + j - left], 0 outside of the image.
        `columns.reshape(N * H' * W', -1) @ W.reshape(-1, F)` is the convolution with W (kh, kw, C, F).
    """
    x = np.ascontiguousarray(x)
    size = windows(x.shape[1:3], kernel, stride, padding)
    if min(size) < 1:
        raise ValueError(f"im2col: expected windows that fit into images {x.shape[1:3]} with padding, got {kernel}.")
    columns = np.zeros((len(x), *size, *kernel, x.shape[3]), x.dtype)
    return copy_windows(x, columns, tuple(stride), (padding[0][0], padding[1][0]))


def col2im(columns, image_size, stride=(1, 1), padding=NO_PADDING):
    """Add every window back where `im2col` took it from: columns (N, H', W', kh, kw, C) -> x (N, H, W, C).

    Pixels that lie in several windows get the sum, and what fell on the padding is dropped.

    Parameters
    ----------
    columns : array (N, H', W', kh, kw, C)
    image_size : (H, W)
    stride, padding : as in `im2col`
    """
    columns = np.ascontiguousarray(columns)
    x = np.zeros((len(columns), *image_size, columns.shape[-1]), columns.dtype)
    return add_windows(columns, x, tuple(stride), (padding[0][0], padding[1][0]))


def windows(image_size, kernel, stride, padding):
    """(H', W'): how many windows fit, H' = (top + H + bottom - kh) // stride + 1."""
    return tuple((n + sum(p) - k) // s + 1 for n, k, s, p in zip(image_size, kernel, stride, padding, strict=True))


def overlap(offset, step, n_windows, length):
    """Windows and image pixels that meet at one place of the window, along one axis.

    Window v sees pixel v * step + offset. Returns two slices: the windows whose pixel is inside range(length), and
    these pixels.
    """
    first = max(0, -(offset // step))  # smallest v with v * step + offset >= 0
    last = min(n_windows, (length - 1 - offset) // step + 1)
    if last <= first:
        return slice(0, 0), slice(0, 0)
    low = first * step + offset
    return slice(first, last), slice(low, low + (last - first - 1) * step + 1, step)


def copy_windows_numpy(x, columns, stride, before):
    """columns[n, h, v, i, j] = x[n, h * stride + i - top, v * stride + j - left], a window's place (i, j) at a time."""
    for i in range(columns.shape[3]):
        for j in range(columns.shape[4]):
            h, rows = overlap(i - before[0], stride[0], columns.shape[1], x.shape[1])
            v, cols = overlap(j - before[1], stride[1], columns.shape[2], x.shape[2])
            columns[:, h, v, i, j] = x[:, rows, cols]
    return columns


@kernel
def copy_windows_numba(x, columns, stride, before):
    """`copy_windows_numpy` as loops."""
    height, width, channels = x.shape[1], x.shape[2], x.shape[3]
    for n in range(columns.shape[0]):
        for h in range(columns.shape[1]):
            for v in range(columns.shape[2]):
                for i in range(columns.shape[3]):
                    row = h * stride[0] + i - before[0]
                    if 0 <= row < height:
                        for j in range(columns.shape[4]):
                            col = v * stride[1] + j - before[1]
                            if 0 <= col < width:
                                for c in range(channels):
                                    columns[n, h, v, i, j, c] = x[n, row, col, c]
    return columns


def add_windows_numpy(columns, x, stride, before):
    """x[n, h * stride + i - top, v * stride + j - left] += columns[n, h, v, i, j], a window's place at a time."""
    for i in range(columns.shape[3]):
        for j in range(columns.shape[4]):
            h, rows = overlap(i - before[0], stride[0], columns.shape[1], x.shape[1])
            v, cols = overlap(j - before[1], stride[1], columns.shape[2], x.shape[2])
            x[:, rows, cols] += columns[:, h, v, i, j]
    return x


@kernel
def add_windows_numba(columns, x, stride, before):
    """`add_windows_numpy` as loops."""
    height, width, channels = x.shape[1], x.shape[2], x.shape[3]
    for n in range(columns.shape[0]):
        for h in range(columns.shape[1]):
            for v in range(columns.shape[2]):
                for i in range(columns.shape[3]):
                    row = h * stride[0] + i - before[0]
                    if 0 <= row < height:
                        for j in range(columns.shape[4]):
                            col = v * stride[1] + j - before[1]
                            if 0 <= col < width:
                                for c in range(channels):
                                    x[n, row, col, c] += columns[n, h, v, i, j, c]
    return x


_ANY_FLOAT = (np.float32, np.float64)
copy_windows = fast_or_plain(copy_windows_numba, copy_windows_numpy, _ANY_FLOAT)
add_windows = fast_or_plain(add_windows_numba, add_windows_numpy, _ANY_FLOAT)
