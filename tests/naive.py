"""Loops that are obviously right: what the library computes, one number at a time, in float64 and plain Python.

Slow on purpose. The tests compare the library with these; nothing here calls the library.
"""

import math

import numpy as np

# -- activations, as functions of one number ------------------------------------------------------------------


def sigmoid(x):
    """1 / (1 + exp(-x)), with exp taken of a negative number only."""
    return 1.0 / (1.0 + math.exp(-x)) if x >= 0 else math.exp(x) / (1.0 + math.exp(x))


def relu(x):
    return x if x > 0 else 0.0


def leaky_relu(x, slope=0.01):
    return x if x > 0 else slope * x


def softplus(x):
    return x + math.log1p(math.exp(-x)) if x > 0 else math.log1p(math.exp(x))


def each(function, x):
    """`function` of every number of the array x."""
    out = np.empty(np.shape(x), np.float64)
    for i in np.ndindex(out.shape):
        out[i] = function(float(x[i]))
    return out


# -- the dense layer ------------------------------------------------------------------------------------------


def dense_forward(x, W, b):
    """y[n,j] = b[j] + sum_i x[n,i] W[i,j]."""
    N, n_in = x.shape
    y = np.empty((N, W.shape[1]))
    for n in range(N):
        for j in range(W.shape[1]):
            y[n, j] = b[j] + math.fsum(float(x[n, i]) * float(W[i, j]) for i in range(n_in))
    return y


def dense_backward(x, W, dy):
    """dL/dx, dL/dW, dL/db, term by term from y[n,j] = b[j] + sum_i x[n,i] W[i,j]."""
    dx, dW, db = np.zeros(x.shape), np.zeros(W.shape), np.zeros(W.shape[1])
    for n in range(dy.shape[0]):
        for j in range(dy.shape[1]):
            db[j] += dy[n, j]
            for i in range(x.shape[1]):
                dW[i, j] += x[n, i] * dy[n, j]
                dx[n, i] += W[i, j] * dy[n, j]
    return dx, dW, db


# -- losses and errors ----------------------------------------------------------------------------------------


def cross_entropy(x, p):
    """Mean over rows of -sum_k (x log p + (1 - x) log(1 - p)), with 0 log 0 = 0."""
    total = 0.0
    for n in range(len(x)):
        for t, q in zip(np.ravel(x[n]), np.ravel(p[n]), strict=True):
            if t > 0:
                total -= t * math.log(q)
            if t < 1:
                total -= (1 - t) * math.log(1 - q)
    return total / len(x)


def squared_error(x, y):
    """Mean over rows of sum_k (y_k - x_k)^2."""
    total = 0.0
    for n in range(len(x)):
        for t, q in zip(np.ravel(x[n]), np.ravel(y[n]), strict=True):
            total += (float(q) - float(t)) ** 2
    return total / len(x)


# -- neighbours -----------------------------------------------------------------------------------------------


def nearest(points, query, k):
    """Row numbers of the k nearest points; of equal distances the earlier row first."""
    distances = [sum((float(a) - float(b)) ** 2 for a, b in zip(p, query, strict=True)) for p in points]
    return sorted(range(len(points)), key=lambda i: (distances[i], i))[:k]


def vote(labels):
    """The most frequent label, the smallest of equally frequent ones."""
    counts = {}
    for label in labels:
        counts[label] = counts.get(label, 0) + 1
    return min(counts, key=lambda label: (-counts[label], label))


def knn_accuracy(train, labels, test, wanted, k):
    right = 0
    for code, label in zip(test, wanted, strict=True):
        right += vote([int(labels[i]) for i in nearest(train, code, k)]) == label
    return right / len(test)


# -- updates: one parameter at a time, new lists out ----------------------------------------------------------


def total_gradient(theta, grads, weight_decay):
    """The shards' gradients summed, plus that of weight_decay / 2 |theta|^2."""
    return [sum(float(g[i]) for g in grads) + weight_decay * float(theta[i]) for i in range(len(theta))]


def momentum(theta, grads, velocity, lr, momentum, nesterov, weight_decay):
    """(theta, velocity) after one step of SGD."""
    new_theta, new_velocity = [], []
    for p, g, v in zip(theta, total_gradient(theta, grads, weight_decay), velocity, strict=True):
        v = momentum * v + g
        new_theta.append(p - lr * (g + momentum * v if nesterov else v))
        new_velocity.append(v)
    return new_theta, new_velocity


def rmsprop(theta, grads, square, velocity, lr, rho, eps, momentum, weight_decay):
    """(theta, square, velocity) after one step."""
    result = []
    for p, g, s, v in zip(theta, total_gradient(theta, grads, weight_decay), square, velocity, strict=True):
        s = rho * s + (1 - rho) * g**2
        v = momentum * v + g / (math.sqrt(s) + eps)
        result.append((p - lr * v, s, v))
    return tuple(map(list, zip(*result, strict=True)))


def adam(theta, grads, m, v, beta1, beta2, scale_m, scale_g, scale_v, eps, weight_decay):
    """(theta, m, v) after one step with the three scales of `tinyae.kernels.updates.adam_numpy`."""
    result = []
    for p, g, a, b in zip(theta, total_gradient(theta, grads, weight_decay), m, v, strict=True):
        a = beta1 * a + (1 - beta1) * g
        b = beta2 * b + (1 - beta2) * g**2
        result.append((p - (scale_m * a + scale_g * g) / (scale_v * math.sqrt(b) + eps), a, b))
    return tuple(map(list, zip(*result, strict=True)))
