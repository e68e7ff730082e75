"""The three sums of a convolutional layer; its forward and backward passes as NumPy and Numba twins.

With images x (N, H, W, C), weights W (kh, kw, C, F), strides (s, t) and zeros around the image (top and left of them
before it):

    convolve             y[n,h,v,f]   = b[f] + sum_ijc x[n, h s + i - top, v t + j - left, c] W[i,j,c,f]
    convolve_transposed  its adjoint in x: gives dL/dx for dL/dy, and is ConvTranspose's forward
    weight_gradient      its adjoint in W: gives dL/dW for x and dL/dy

and the backward passes made of them. With `relu` y becomes max(y, 0) on its way to memory. The NumPy twins are im2col
and col2im around one matrix product. The Numba twins (`tinyae.kernels.direct_convolution`) make no columns at all.
"""

import functools

import numpy as np

from tinyae.kernels.config import fast_or_plain
from tinyae.kernels.patches import col2im, im2col


def convolve_numpy(x, W, b, stride, padding, out, relu=False):
    """y[n,h,v,f] = b[f] + sum_ijc x[n, h s + i - top, v t + j - left, c] W[i,j,c,f]; with `relu` max(y, 0).

    x (N, H, W, C), W (kh, kw, C, F), b (F,), out (N, H', W', F).
    """
    columns = im2col(x, W.shape[:2], stride, padding)
    np.matmul(columns.reshape(-1, W[..., 0].size), W.reshape(-1, W.shape[3]), out=out.reshape(-1, W.shape[3]))
    out += b
    return np.maximum(out, 0, out=out) if relu else out


def convolve_numba(x, W, b, stride, padding, out, relu=False):
    """`convolve_numpy` without columns."""
    _direct().convolve(x, W, b, *stride, padding[0][0], padding[1][0], relu, out)
    return out


def convolve_transposed_numpy(y, W, b, stride, padding, out, relu=False):
    """x[n, h s + i - top, v t + j - left, c] = b[c] + the sum of y[n,h,v,f] W[i,j,c,f] over all h, i, v, j, f that
    meet there; with `relu` max(x, 0).

    y (N, H', W', F), W (kh, kw, C, F), b (C,), out (N, H, W, C): <convolve(x), y> = <x, convolve_transposed(y)>, b = 0.
    """
    kh, kw, C, F = W.shape
    columns = np.matmul(y.reshape(-1, F), W.reshape(-1, F).T).reshape(*y.shape[:3], kh, kw, C)
    np.add(col2im(columns, out.shape[1:3], stride, padding), b, out=out)
    return np.maximum(out, 0, out=out) if relu else out


def convolve_transposed_numba(y, W, b, stride, padding, out, relu=False):
    """`convolve_transposed_numpy` without columns: a convolution of y, spread out by the stride, with W turned."""
    _direct().convolve_transposed(y, W, b, *stride, padding[0][0], padding[1][0], relu, out)
    return out


def weight_gradient_numpy(x, dy, stride, padding, out):
    """dW[i,j,c,f] = sum_nhv x[n, h s + i - top, v t + j - left, c] dy[n,h,v,f].

    x (N, H, W, C), dy (N, H', W', F), out (kh, kw, C, F).
    """
    columns = im2col(x, out.shape[:2], stride, padding)
    F = dy.shape[3]
    np.matmul(columns.reshape(-1, out[..., 0].size).T, dy.reshape(-1, F), out=out.reshape(-1, F))
    return out


def weight_gradient_numba(x, dy, stride, padding, out):
    """`weight_gradient_numpy` without columns."""
    _direct().weight_gradient(x, dy, *stride, padding[0][0], padding[1][0], out)
    return out


def channel_sums_numpy(dy, out):
    """db[f] = sum_nhv dy[n,h,v,f]: dy (N, H', W', F), out (F,)."""
    return np.sum(dy, axis=(0, 1, 2), out=out)


def channel_sums_numba(dy, out):
    """`channel_sums_numpy`, many pixels at a time."""
    _direct().channel_sums(dy, out)
    return out


def convolve_backward_numpy(x, y, dy, W, stride, padding, relu, dW, db, dx):
    """All gradients of `convolve` into dW, db and dx (which may be None), for its x, its result y and dL/dy."""
    da = np.where(y > 0, dy, 0) if relu else dy
    weight_gradient_numpy(x, da, stride, padding, dW)  # dL/dW: sum over n, h, v of x da
    channel_sums_numpy(da, db)  # dL/db: sum over n, h, v of da
    if dx is not None:  # dL/dx: the adjoint
        convolve_transposed_numpy(da, W, np.zeros(W.shape[2], W.dtype), stride, padding, dx)


def convolve_backward_numba(x, y, dy, W, stride, padding, relu, dW, db, dx):
    """`convolve_backward_numpy`, image by image and without columns."""
    _direct().convolve_backward(x, y, dy, W, *stride, padding[0][0], padding[1][0], relu, dW, db, dx)


def convolve_transposed_backward_numpy(x, y, dy, W, stride, padding, relu, dW, db, dx):
    """All gradients of `convolve_transposed`, of x and with result y: x and a are in each other's place."""
    da = np.where(y > 0, dy, 0) if relu else dy
    weight_gradient_numpy(da, x, stride, padding, dW)
    channel_sums_numpy(da, db)
    if dx is not None:  # the adjoint of the adjoint is the convolution itself
        convolve_numpy(da, W, np.zeros(W.shape[3], W.dtype), stride, padding, dx)


def convolve_transposed_backward_numba(x, y, dy, W, stride, padding, relu, dW, db, dx):
    """`convolve_transposed_backward_numpy`, image by image and without columns."""
    _direct().convolve_transposed_backward(x, y, dy, W, *stride, padding[0][0], padding[1][0], relu, dW, db, dx)


@functools.cache
def _direct():
    """Imported when first needed: compiling it takes some seconds, once per machine."""
    from tinyae.kernels import direct_convolution

    return direct_convolution


convolve = fast_or_plain(convolve_numba, convolve_numpy)
convolve_transposed = fast_or_plain(convolve_transposed_numba, convolve_transposed_numpy)
weight_gradient = fast_or_plain(weight_gradient_numba, weight_gradient_numpy)
channel_sums = fast_or_plain(channel_sums_numba, channel_sums_numpy)
convolve_backward = fast_or_plain(convolve_backward_numba, convolve_backward_numpy)
convolve_transposed_backward = fast_or_plain(convolve_transposed_backward_numba, convolve_transposed_backward_numpy)
