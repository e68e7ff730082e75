"""Softmax of every row, and the multinomial cross-entropy behind it, each as a NumPy and a Numba twin.

Both subtract a row's largest number first: exp then never overflows, and the sum of a row is at least 1.
"""

import math

import numpy as np

from tinyae.kernels.config import fast_or_plain, kernel
from tinyae.kernels.exponential import ONE, exp32

ZERO = np.float32(0)


def softmax_numpy(a, out):
    """out[n, k] = exp(a[n, k]) / sum_l exp(a[n, l]) for rows a (N, D)."""
    np.subtract(a, a.max(axis=1, keepdims=True), out=out)
    np.exp(out, out=out)
    return np.divide(out, out.sum(axis=1, keepdims=True), out=out)


@kernel
def _softmax_loop(a, out):
    for n in range(a.shape[0]):
        highest = a[n, 0]
        for k in range(a.shape[1]):
            highest = max(highest, a[n, k])
        total = ZERO
        for k in range(a.shape[1]):
            e = exp32(a[n, k] - highest)
            out[n, k] = e
            total += e
        share = ONE / total
        for k in range(a.shape[1]):
            out[n, k] *= share


def softmax_numba(a, out):
    """`softmax_numpy` as loops over each row."""
    _softmax_loop(a, out)
    return out


def cross_entropy_numpy(a, x, grad, scale):
    """sum over rows of  -sum_k x_k log x'_k  with x' = softmax(a); writes scale * (x' sum_k x_k - x) into `grad`.

    With log x'_k = a_k - m - log s, where m = max_k a_k and s = sum_k exp(a_k - m), a row's sum is
    (sum_k x_k) log s - sum_k x_k (a_k - m): finite for any a. x' sum_k x_k - x is its derivative in a.
    """
    shifted = a - a.max(axis=1, keepdims=True)
    e = np.exp(shifted)
    s, length = e.sum(axis=1, keepdims=True), x.sum(axis=1, keepdims=True)
    # x_k (a_k - m) is 0 for a word that is not there, even where a_k - m = -inf
    used = np.multiply(x, shifted, out=np.zeros_like(shifted), where=x != 0)
    value = np.sum(length * np.log(s), dtype=np.float64) - np.sum(used, dtype=np.float64)
    np.multiply(e * (length / s) - x, scale, out=grad, casting="same_kind")
    return float(value)


@kernel
def _cross_entropy_loop(a, x, grad, scale):
    total = 0.0
    for n in range(a.shape[0]):
        highest = a[n, 0]
        for k in range(a.shape[1]):
            highest = max(highest, a[n, k])
        s, length, used = ZERO, ZERO, ZERO
        for k in range(a.shape[1]):
            shifted = a[n, k] - highest
            e = exp32(shifted)
            grad[n, k] = e
            s += e
            length += x[n, k]
            used += x[n, k] * shifted
        share = length / s
        for k in range(a.shape[1]):
            grad[n, k] = scale * (share * grad[n, k] - x[n, k])
        total += float(length) * math.log(float(s)) - float(used)
    return total


def cross_entropy_numba(a, x, grad, scale):
    """`cross_entropy_numpy` as loops over each row."""
    return _cross_entropy_loop(a, x, grad, np.float32(scale))


softmax = fast_or_plain(softmax_numba, softmax_numpy)
cross_entropy = fast_or_plain(cross_entropy_numba, cross_entropy_numpy)
