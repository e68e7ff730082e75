"""Stochastic binary units, as a NumPy and a Numba twin."""

import numpy as np

from tinyae.kernels.config import fast_or_plain, kernel

ZERO, ONE = np.float32(0), np.float32(1)


def bernoulli_numpy(probability, uniform, out):
    """out = 1 where uniform < probability, else 0; `uniform` holds draws from [0, 1)."""
    np.copyto(out, uniform < probability)
    return out


@kernel
def _bernoulli_loop(probability, uniform, out):
    for i in range(out.size):
        out[i] = ONE if uniform[i] < probability[i] else ZERO


def bernoulli_numba(probability, uniform, out):
    """`bernoulli_numpy` without a temporary array."""
    _bernoulli_loop(probability.reshape(-1), uniform.reshape(-1), out.reshape(-1))
    return out


bernoulli = fast_or_plain(bernoulli_numba, bernoulli_numpy)
