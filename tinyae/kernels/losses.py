"""Value and gradient of the losses in one pass, each as a NumPy and a Numba twin.

Both take pre-activations a (N, D) and targets x (N, D), write scale * (x' - x) into `grad` (N, D) and return the
loss summed over all N rows as a Python float.
"""

import math

import numpy as np

from tinyae.kernels.config import fast_or_plain, kernel
from tinyae.kernels.exponential import HALF, ONE, exp32, log1p32

ZERO = np.float32(0)


def bce_numpy(a, x, grad, scale):
    """sum of  -x log x' - (1 - x) log(1 - x')  with x' = sigmoid(a), stable for any a.

    With log x' = a - softplus(a) and log(1 - x') = -softplus(a) the sum becomes softplus(a) - x a, and
    softplus(a) = max(a, 0) + log(1 + exp(-|a|)) never overflows. Its derivative in a is x' - x.
    """
    e = np.exp(-np.abs(a))
    value = np.sum(np.maximum(a, 0) - x * a + np.log1p(e), dtype=np.float64)
    probability = np.where(a >= 0, 1.0, e) / (1.0 + e)
    np.multiply(probability - x, scale, out=grad, casting="same_kind")
    return float(value)


@kernel
def _bce_loop(a, x, grad, scale):
    total = 0.0
    for n in range(a.shape[0]):
        row = ZERO  # a float32 sum over one row vectorises; the rows add up in float64
        for k in range(a.shape[1]):
            e = exp32(-abs(a[n, k]))
            s = ONE / (ONE + e)
            positive = a[n, k] >= ZERO
            probability = s if positive else e * s
            row += (a[n, k] if positive else ZERO) - x[n, k] * a[n, k] + log1p32(e)
            grad[n, k] = scale * (probability - x[n, k])
        total += float(row)
    return total


def bce_numba(a, x, grad, scale):
    """`bce_numpy` as one loop."""
    return _bce_loop(_as_rows(a), _as_rows(x), _as_rows(grad), np.float32(scale))


def squared_error_numpy(a, x, grad, scale):
    """sum of 1/2 (a - x)^2; its derivative in a is a - x."""
    difference = a - x
    value = 0.5 * np.sum(np.square(difference), dtype=np.float64)
    np.multiply(difference, scale, out=grad, casting="same_kind")
    return float(value)


@kernel
def _squared_error_loop(a, x, grad, scale):
    total = 0.0
    for n in range(a.shape[0]):
        row = ZERO
        for k in range(a.shape[1]):
            d = a[n, k] - x[n, k]
            row += HALF * d * d
            grad[n, k] = scale * d
        total += float(row)
    return total


def squared_error_numba(a, x, grad, scale):
    """`squared_error_numpy` as one loop."""
    return _squared_error_loop(_as_rows(a), _as_rows(x), _as_rows(grad), np.float32(scale))


def masked_squared_error_numpy(a, x, grad, scale):
    """sum of 1/2 (a - x)^2 over the numbers of x that are known; NaN in x is one that is not, with the gradient 0."""
    difference = np.where(np.isnan(x), 0, a - x)
    value = 0.5 * np.sum(np.square(difference), dtype=np.float64)
    np.multiply(difference, scale, out=grad, casting="same_kind")
    return float(value)


@kernel
def _masked_squared_error_loop(a, x, grad, scale):
    total = 0.0
    for n in range(a.shape[0]):
        row = ZERO
        for k in range(a.shape[1]):
            d = a[n, k] - x[n, k] if x[n, k] == x[n, k] else ZERO  # NaN alone is not itself
            row += HALF * d * d
            grad[n, k] = scale * d
        total += float(row)
    return total


def masked_squared_error_numba(a, x, grad, scale):
    """`masked_squared_error_numpy` as one loop."""
    return _masked_squared_error_loop(_as_rows(a), _as_rows(x), _as_rows(grad), np.float32(scale))


def _as_rows(a):
    return a.reshape(len(a), math.prod(a.shape[1:]))  # -1 would not do for an empty part of a batch


bce = fast_or_plain(bce_numba, bce_numpy)
squared_error = fast_or_plain(squared_error_numba, squared_error_numpy)
masked_squared_error = fast_or_plain(masked_squared_error_numba, masked_squared_error_numpy)
