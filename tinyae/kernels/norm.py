"""The sums and the element-wise steps of batch normalisation, each as a NumPy and a Numba twin.

A batch comes as rows, x (N, L) with L numbers a sample. What belongs to a channel comes spread over a row too: one
number per place, (L,). Every inner loop then runs along a whole row, however few channels there are, and a sum over
the batch is one sum per place, N numbers each: that loses less to rounding than one long sum per channel.
"""

import numpy as np

from tinyae.kernels.config import fast_or_plain, kernel


def sum_squares_numpy(x, mean, out):
    """out[l] = sum_n (x[n,l] - mean[l])^2."""
    return np.sum(np.square(x - mean), axis=0, out=out)


@kernel
def _add_squares(x, mean, out):
    for i in range(out.size):
        d = x[i] - mean[i]
        out[i] += d * d


@kernel
def sum_squares_numba(x, mean, out):
    """`sum_squares_numpy` without a temporary, row by row."""
    out[:] = 0
    for n in range(x.shape[0]):
        _add_squares(x[n], mean, out)
    return out


def sum_products_numpy(dy, x, mean, out):
    """out[l] = sum_n dy[n,l] (x[n,l] - mean[l])."""
    return np.sum(dy * (x - mean), axis=0, out=out)


@kernel
def _add_products(dy, x, mean, out):
    for i in range(out.size):
        out[i] += dy[i] * (x[i] - mean[i])


@kernel
def sum_products_numba(dy, x, mean, out):
    """`sum_products_numpy` without temporaries, row by row."""
    out[:] = 0
    for n in range(x.shape[0]):
        _add_products(dy[n], x[n], mean, out)
    return out


def normalise_numpy(x, mean, scale, shift, out):
    """out[n,l] = (x[n,l] - mean[l]) scale[l] + shift[l]."""
    np.subtract(x, mean, out=out)
    out *= scale
    out += shift
    return out


@kernel
def _normalise_row(x, mean, scale, shift, out):
    for i in range(out.size):
        out[i] = (x[i] - mean[i]) * scale[i] + shift[i]


@kernel
def normalise_numba(x, mean, scale, shift, out):
    """`normalise_numpy` in one pass over memory."""
    for n in range(x.shape[0]):
        _normalise_row(x[n], mean, scale, shift, out[n])
    return out


def normalise_backward_numpy(dy, x, mean, scale, slope, shift, out):
    """out[n,l] = dy[n,l] scale[l] + (x[n,l] - mean[l]) slope[l] + shift[l]."""
    np.subtract(x, mean, out=out)
    out *= slope
    out += shift
    out += dy * scale
    return out


@kernel
def _normalise_backward_row(dy, x, mean, scale, slope, shift, out):
    for i in range(out.size):
        out[i] = dy[i] * scale[i] + ((x[i] - mean[i]) * slope[i] + shift[i])


@kernel
def normalise_backward_numba(dy, x, mean, scale, slope, shift, out):
    """`normalise_backward_numpy` in one pass over memory."""
    for n in range(x.shape[0]):
        _normalise_backward_row(dy[n], x[n], mean, scale, slope, shift, out[n])
    return out


sum_squares = fast_or_plain(sum_squares_numba, sum_squares_numpy)
sum_products = fast_or_plain(sum_products_numba, sum_products_numpy)
normalise = fast_or_plain(normalise_numba, normalise_numpy)
normalise_backward = fast_or_plain(normalise_backward_numba, normalise_backward_numpy)
