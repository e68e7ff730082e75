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
def _sum_shards_block(theta, grads, start, stop, weight_decay, offset):
    for s in range(1, grads.shape[0]):
        for i in range(start - offset, stop - offset):
            grads[0, i] += grads[s, i]
    if weight_decay != 0:
        for i in range(start, stop):
            grads[0, i - offset] += weight_decay * theta[i]


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
        _sum_shards_block(theta, grads, low, high, weight_decay, offset)
        for i in range(low, high):
            velocity[i] = momentum * velocity[i] + grads[0, i - offset]
        if nesterov:
            for i in range(low, high):
                theta[i] -= lr * (grads[0, i - offset] + momentum * velocity[i])
        else:
            for i in range(low, high):
                theta[i] -= lr * velocity[i]


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
        _sum_shards_block(theta, grads, low, high, weight_decay, offset)
        for i in range(low, high):
            g = grads[0, i - offset]
            square[i] = rho * square[i] + one_minus_rho * g * g
            velocity[i] = momentum * velocity[i] + g / (np.sqrt(square[i]) + eps)
            theta[i] -= lr * velocity[i]


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
        _sum_shards_block(theta, grads, low, high, weight_decay, offset)
        for i in range(low, high):
            g = grads[0, i - offset]
            m[i] = beta1 * m[i] + (one - beta1) * g
            v[i] = beta2 * v[i] + (one - beta2) * g * g
            theta[i] -= (scale_m * m[i] + scale_g * g) / (scale_v * np.sqrt(v[i]) + eps)


_ANY_FLOAT = (np.float32, np.float64)
momentum = fast_or_plain(momentum_numba, momentum_numpy, _ANY_FLOAT)
rmsprop = fast_or_plain(rmsprop_numba, rmsprop_numpy, _ANY_FLOAT)
adam = fast_or_plain(adam_numba, adam_numpy, _ANY_FLOAT)
