"""The element-wise functions a training step spends its time in, each as a NumPy and a Numba twin.

All take flat or shaped arrays of one size, write into `out` and return it; `out` may be the first argument.
tanh, softplus and ReLU's forward pass have no twin: NumPy's own loops are as fast (tests/benchmarks).
"""

import numpy as np

from tinyae.kernels.config import fast_or_plain, kernel
from tinyae.kernels.exponential import ONE, exp32

ZERO = np.float32(0)


def sigmoid_numpy(a, out):
    """out = 1 / (1 + exp(-a)), without overflow for large negative a."""
    e = np.exp(-np.abs(a))  # in (0, 1]: never overflows
    np.divide(np.where(a >= 0, 1.0, e), 1.0 + e, out=out, casting="same_kind")
    return out


@kernel
def _sigmoid_loop(a, out):
    for i in range(a.size):
        out[i] = ONE / (ONE + exp32(-a[i]))


@kernel
def _sigmoid_loop_in_place(a):
    for i in range(a.size):
        a[i] = ONE / (ONE + exp32(-a[i]))


def sigmoid_numba(a, out):
    """`sigmoid_numpy` as one loop.

    In place it has a loop of its own: before a loop with two arrays runs in vectors, it makes sure that they do not
    overlap, and takes numbers one by one if they do.
    """
    if out is a:
        _sigmoid_loop_in_place(a.reshape(-1))
    else:
        _sigmoid_loop(a.reshape(-1), out.reshape(-1))
    return out


def sigmoid_backward_numpy(dy, y, out):
    """out = dy y (1 - y), the derivative written in the output y."""
    return np.multiply(dy, y * (1 - y), out=out)


@kernel
def _sigmoid_backward_loop(dy, y, out):
    for i in range(dy.size):
        out[i] = dy[i] * y[i] * (ONE - y[i])


def sigmoid_backward_numba(dy, y, out):
    """`sigmoid_backward_numpy` in one pass over memory."""
    _sigmoid_backward_loop(dy.reshape(-1), y.reshape(-1), out.reshape(-1))
    return out


def relu_backward_numpy(dy, y, out):
    """out = dy where y > 0, else 0."""
    np.copyto(out, np.where(y > 0, dy, 0))  # not dy * (y > 0): inf * 0 is NaN
    return out


@kernel
def _relu_backward_loop(dy, y, out):
    for i in range(dy.size):
        out[i] = dy[i] if y[i] > ZERO else ZERO


def relu_backward_numba(dy, y, out):
    """`relu_backward_numpy` in one pass over memory."""
    _relu_backward_loop(dy.reshape(-1), y.reshape(-1), out.reshape(-1))
    return out


sigmoid = fast_or_plain(sigmoid_numba, sigmoid_numpy)
sigmoid_backward = fast_or_plain(sigmoid_backward_numba, sigmoid_backward_numpy)
relu_backward = fast_or_plain(relu_backward_numba, relu_backward_numpy)
