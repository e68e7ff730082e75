"""Parameter updates: one pass over memory for a formula that is bound by memory, each beside its NumPy twin.

`grads` is (S, n): one gradient vector per shard of the batch. Their sum is formed here, always in the order
0, 1, ..., S-1, so the same shards give the same bits; it is left in grads[0]. theta and the state vectors (n,)
change in place, in the elements start:stop alone, so that threads can share one update. grads[:, i - offset] belongs
to theta[i]: with an offset, `grads` holds a part of the gradient only.
"""

import numpy as np

from tinyae.kernels.config import fast_or_plain, kernel

BLOCK = 4096  # elements of a block that stay in the first-level cache between summing and updating


def _sum_shards_numpy(theta, grads, part, weight_decay, offset):
    """g = sum of the shards' gradients + weight_decay * theta, also left in grads[0]."""
    here = slice(part.start - offset, part.stop - offset)
    g = grads[0, here]
    for shard in grads[1:]:
        g += shard[here]
    if weight_decay:
        g += weight_decay * theta[part]
    return g


@kernel
def _sum_shards_block(theta, grads, low, high, weight_decay, offset):
    # Views that start at 0: a loop over range(low, high) would check every index for being negative, and not vectorise.
    total = grads[0, low - offset : high - offset]
    for s in range(1, grads.shape[0]):
        shard = grads[s, low - offset : high - offset]
        for i in range(total.size):
            total[i] += shard[i]
    if weight_decay != 0:
        t = theta[low:high]
        for i in range(total.size):
            total[i] += weight_decay * t[i]
    return total


def momentum_numpy(theta, grads, velocity, start, stop, lr, momentum, nesterov, weight_decay, offset=0):
    """velocity = momentum velocity + g; theta -= lr velocity, or with Nesterov lr (g + momentum velocity)."""
    part = slice(start, stop)
    g = _sum_shards_numpy(theta, grads, part, weight_decay, offset)
    velocity[part] = momentum * velocity[part] + g
    theta[part] -= lr * (g + momentum * velocity[part]) if nesterov else lr * velocity[part]


@kernel
def momentum_numba(theta, grads, velocity, start, stop, lr, momentum, nesterov, weight_decay, offset=0):
    """`momentum_numpy`, block by block."""
    for low in range(start, stop, BLOCK):
        high = min(low + BLOCK, stop)
        g = _sum_shards_block(theta, grads, low, high, weight_decay, offset)
        t, v = theta[low:high], velocity[low:high]
        for i in range(g.size):
            v[i] = momentum * v[i] + g[i]
        if nesterov:
            for i in range(g.size):
                t[i] -= lr * (g[i] + momentum * v[i])
        else:
            for i in range(g.size):
                t[i] -= lr * v[i]


def rmsprop_numpy(theta, grads, square, velocity, start, stop, lr, rho, eps, momentum, weight_decay, offset=0):
    """square = rho square + (1 - rho) g^2; velocity = momentum velocity + g / (sqrt(square) + eps);
    theta -= lr velocity."""
    part = slice(start, stop)
    g = _sum_shards_numpy(theta, grads, part, weight_decay, offset)
    square[part] = rho * square[part] + (1 - rho) * g * g
    velocity[part] = momentum * velocity[part] + g / (np.sqrt(square[part]) + eps)
    theta[part] -= lr * velocity[part]


@kernel
def rmsprop_numba(theta, grads, square, velocity, start, stop, lr, rho, eps, momentum, weight_decay, offset=0):
    """`rmsprop_numpy`, block by block."""
    one_minus_rho = theta.dtype.type(1) - rho
    for low in range(start, stop, BLOCK):
        high = min(low + BLOCK, stop)
        g = _sum_shards_block(theta, grads, low, high, weight_decay, offset)
        t, s, v = theta[low:high], square[low:high], velocity[low:high]
        for i in range(g.size):
            s[i] = rho * s[i] + one_minus_rho * g[i] * g[i]
            v[i] = momentum * v[i] + g[i] / (np.sqrt(s[i]) + eps)
            t[i] -= lr * v[i]


def adam_numpy(theta, grads, m, v, start, stop, beta1, beta2, scale_m, scale_g, scale_v, eps, weight_decay, offset=0):
    """m = beta1 m + (1 - beta1) g; v = beta2 v + (1 - beta2) g^2;
    theta -= (scale_m m + scale_g g) / (scale_v sqrt(v) + eps).

    Adam and Nadam differ in the three scales alone, which carry the learning rate and the bias corrections.
    """
    part = slice(start, stop)
    g = _sum_shards_numpy(theta, grads, part, weight_decay, offset)
    m[part] = beta1 * m[part] + (1 - beta1) * g
    v[part] = beta2 * v[part] + (1 - beta2) * g * g
    theta[part] -= (scale_m * m[part] + scale_g * g) / (scale_v * np.sqrt(v[part]) + eps)


@kernel
def adam_numba(theta, grads, m, v, start, stop, beta1, beta2, scale_m, scale_g, scale_v, eps, weight_decay, offset=0):
    """`adam_numpy`, block by block."""
    one = theta.dtype.type(1)
    for low in range(start, stop, BLOCK):
        high = min(low + BLOCK, stop)
        g = _sum_shards_block(theta, grads, low, high, weight_decay, offset)
        t, first, second = theta[low:high], m[low:high], v[low:high]
        for i in range(g.size):
            first[i] = beta1 * first[i] + (one - beta1) * g[i]
            second[i] = beta2 * second[i] + (one - beta2) * g[i] * g[i]
            t[i] -= (scale_m * first[i] + scale_g * g[i]) / (scale_v * np.sqrt(second[i]) + eps)


_ANY_FLOAT = (np.float32, np.float64)
momentum = fast_or_plain(momentum_numba, momentum_numpy, _ANY_FLOAT)
rmsprop = fast_or_plain(rmsprop_numba, rmsprop_numpy, _ANY_FLOAT)
adam = fast_or_plain(adam_numba, adam_numpy, _ANY_FLOAT)
