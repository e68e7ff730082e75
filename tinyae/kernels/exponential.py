"""exp and log1p in float32 as plain arithmetic, so that LLVM can vectorise the loops that call them.

Numba calls the C library's scalar `expf` once per element, which keeps a loop from vectorising; these few
multiplications stay inside the loop. Largest relative error against float64: 2e-7 (tests/test_kernels.py).
"""

import numpy as np

from tinyae.kernels.config import inline_kernel

_f = np.float32
LOG2_E = _f(1.44269504088896341)
# ln 2 in two pieces: the first has few enough bits that n * LN2_HIGH is exact (Cody & Waite 1980, ch. 6).
LN2_HIGH = _f(0.693359375)
LN2_LOW = _f(-2.12194440e-4)
LOWEST, HIGHEST = _f(-87.3), _f(88.3)  # exp stays a normal float32 in between
HALF, ONE, TWO = _f(0.5), _f(1.0), _f(2.0)
MANTISSA_BITS, EXPONENT_BIAS = np.int32(23), np.int32(127)

# Minimax polynomial of (exp(r) - 1 - r) / r^2 on [-ln2/2, ln2/2], highest power first (Cephes `expf`, S. Moshier).
E5, E4, E3, E2, E1, E0 = (
    _f(1.9875691500e-4),
    _f(1.3981999507e-3),
    _f(8.3334519073e-3),
    _f(4.1665795894e-2),
    _f(1.6666665459e-1),
    _f(5.0000001201e-1),
)


@inline_kernel
def exp32(x):
    """exp(x) of a float32 scalar; saturates at exp(-87.3) and exp(88.3), and NaN stays NaN."""
    if x < LOWEST:
        x = LOWEST
    if x > HIGHEST:
        x = HIGHEST
    n = np.floor(x * LOG2_E + HALF)  # exp(x) = 2^n exp(r) with |r| <= ln2 / 2
    r = x - n * LN2_HIGH - n * LN2_LOW
    p = ((((E5 * r + E4) * r + E3) * r + E2) * r + E1) * r + E0
    p = p * r * r + r + ONE
    two_to_n = np.int32((np.int32(n) + EXPONENT_BIAS) << MANTISSA_BITS).view(np.float32)  # n as exponent bits
    return p * two_to_n


@inline_kernel
def log1p32(e):
    """log(1 + e) of a float32 scalar 0 <= e <= 1: 2 artanh(s) = 2 (s + s^3/3 + s^5/5 + ...), s = e / (2 + e) <= 1/3."""
    s = e / (TWO + e)
    q = s * s
    series = _f(1 / 13) * q + _f(1 / 11)
    series = series * q + _f(1 / 9)
    series = series * q + _f(1 / 7)
    series = series * q + _f(1 / 5)
    series = series * q + _f(1 / 3)
    series = series * q + ONE
    return TWO * s * series
