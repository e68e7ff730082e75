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


# -- borders of images ----------------------------------------------------------------------------------------


def crop(x, rows, columns):
    """x (N, H, W, C) without rows = (top, bottom) rows and columns = (left, right) columns."""
    N, H, W, C = x.shape
    out = np.empty((N, H - sum(rows), W - sum(columns), C))
    for n, h, w, c in np.ndindex(out.shape):
        out[n, h, w, c] = x[n, h + rows[0], w + columns[0], c]
    return out


def zero_pad(x, rows, columns):
    """x (N, H, W, C) with rows = (top, bottom) rows and columns = (left, right) columns of zeros around it."""
    N, H, W, C = x.shape
    out = np.zeros((N, H + sum(rows), W + sum(columns), C))
    for n, h, w, c in np.ndindex(x.shape):
        out[n, h + rows[0], w + columns[0], c] = x[n, h, w, c]
    return out


# -- batch normalisation: one channel at a time, a channel as a list of numbers --------------------------------


def mean_and_variance(values):
    """Mean, and mean squared distance from it."""
    mean = math.fsum(values) / len(values)
    return mean, math.fsum((v - mean) ** 2 for v in values) / len(values)


def batch_norm(x, gamma, beta, eps, mean=None, var=None):
    """y for x (N, ..., C); by the batch's own statistics unless mean and var (C,) are given."""
    y = np.empty(x.shape)
    for c in range(x.shape[-1]):
        values = [float(v) for v in np.ravel(x[..., c])]
        m, v = mean_and_variance(values) if mean is None else (float(mean[c]), float(var[c]))
        for i in np.ndindex(x.shape[:-1]):
            y[(*i, c)] = float(gamma[c]) * (float(x[(*i, c)]) - m) / math.sqrt(v + eps) + float(beta[c])
    return y


# -- pooling and upsampling -----------------------------------------------------------------------------------


def window_starts(length, size, step, padding):
    """Where the windows along one axis of `length` pixels start; before the image for some of "same"."""
    if padding == "valid":  # every window that fits
        return [start for start in range(0, length, step) if start + size <= length]
    if padding == "ceil":  # every window that starts inside, as long as the one before did not reach the end yet
        return [start for start in range(0, length, step) if start - step + size < length]
    starts = list(range(0, length, step))  # one for every `step` pixels, moved up by half of what the last one lacks
    lacking = max(starts[-1] + size - length, 0)
    return [start - lacking // 2 for start in starts]


def pool_windows(height, width, size, stride, padding):
    """{(i, j): the pixels (h, w) of the image in that window, row by row}."""
    rows = window_starts(height, size[0], stride[0], padding)
    cols = window_starts(width, size[1], stride[1], padding)
    return {
        (i, j): [
            (h, w)
            for h in range(top, top + size[0])
            for w in range(left, left + size[1])
            if 0 <= h < height and 0 <= w < width
        ]
        for i, top in enumerate(rows)
        for j, left in enumerate(cols)
    }


def pool(x, dy, size, stride, padding, kind):
    """(y, dL/dx) of max or average pooling of x (N, H, W, C), for dL/dy = `dy` of y's shape or None for zeros."""
    N, H, W, C = x.shape
    windows = pool_windows(H, W, size, stride, padding)
    y = np.zeros((N, *np.add(max(windows), 1), C))
    dx = np.zeros(x.shape)
    for n, c in np.ndindex(N, C):
        for (i, j), pixels in windows.items():
            values = [float(x[n, h, w, c]) for h, w in pixels]
            g = 0.0 if dy is None else float(dy[n, i, j, c])
            if kind == "max":
                y[n, i, j, c] = max(values)
                h, w = pixels[values.index(max(values))]  # the first of equals
                dx[n, h, w, c] += g
            else:
                y[n, i, j, c] = math.fsum(values) / len(values)
                for h, w in pixels:
                    dx[n, h, w, c] += g / len(values)
    return y, dx


def nearest_pixels(o, factor, length):
    """[(old pixel, weight)] of new pixel o along one axis."""
    return [(o // factor, 1.0)]


def bilinear_pixels(o, factor, length):
    """The same between two old pixels, with all middles of pixels measured from the image's edge."""
    place = (o + 0.5) / factor - 0.5
    if place <= 0:
        return [(0, 1.0)]
    if place >= length - 1:
        return [(length - 1, 1.0)]
    low = math.floor(place)
    return [(low, 1 - (place - low)), (low + 1, place - low)]


def upsample(x, dy, factor, pixels):
    """(y, dL/dx) for x (N, H, W, C); `pixels` is `nearest_pixels` or `bilinear_pixels`."""
    N, H, W, C = x.shape
    y, dx = np.zeros((N, H * factor[0], W * factor[1], C)), np.zeros(x.shape)
    for n, o, p, c in np.ndindex(y.shape):
        for h, a in pixels(o, factor[0], H):
            for w, b in pixels(p, factor[1], W):
                y[n, o, p, c] += a * b * float(x[n, h, w, c])
                dx[n, h, w, c] += a * b * float(dy[n, o, p, c])
    return y, dx


# -- convolution: a window's pixel at a time, all images and channels of it together --------------------------------


def windows(length, size, step, padding):
    """How many windows of `size` fit, one by one, into an axis of `length` between padding = (before, after) zeros."""
    count, start = 0, 0
    while start + size <= padding[0] + length + padding[1]:
        count, start = count + 1, start + step
    return count


def meetings(image_size, kernel, stride, padding):
    """Every (h, v, i, j, row, col): place (i, j) of window (h, v) lies on the image's pixel (row, col)."""
    found = []
    axes = list(zip(image_size, kernel, stride, padding, strict=True))
    H, W = (windows(*axis) for axis in axes)
    for h, v, i, j in np.ndindex(H, W, *kernel):
        row, col = h * stride[0] + i - padding[0][0], v * stride[1] + j - padding[1][0]
        if 0 <= row < image_size[0] and 0 <= col < image_size[1]:  # all the rest are zeros
            found.append((h, v, i, j, row, col))
    return found


def doubles(*arrays):
    """The arrays in float64."""
    return [np.asarray(a, np.float64) for a in arrays]


def conv_size(image_size, kernel, stride, padding):
    """(H', W') of the output."""
    return tuple(windows(*axis) for axis in zip(image_size, kernel, stride, padding, strict=True))


def conv(x, W, b, stride, padding):
    """y (N, H', W', F) for x (N, H, W, C), W (kh, kw, C, F), b (F,)."""
    x, W = doubles(x, W)
    y = np.zeros((len(x), *conv_size(x.shape[1:3], W.shape[:2], stride, padding), W.shape[3])) + b
    for h, v, i, j, row, col in meetings(x.shape[1:3], W.shape[:2], stride, padding):
        y[:, h, v] += x[:, row, col] @ W[i, j]
    return y


def conv_backward(x, W, dy, stride, padding):
    """dL/dx, dL/dW, dL/db, term by term from y[h, v] = b + the sum of x[row, col] W[i, j]."""
    x, W, dy = doubles(x, W, dy)
    dx, dW = np.zeros(x.shape), np.zeros(W.shape)
    for h, v, i, j, row, col in meetings(x.shape[1:3], W.shape[:2], stride, padding):
        dx[:, row, col] += dy[:, h, v] @ W[i, j].T
        dW[i, j] += x[:, row, col].T @ dy[:, h, v]
    return dx, dW, dy.sum(axis=(0, 1, 2))


def conv_transposed(y, W, b, stride, padding, image_size):
    """x (N, H, W, C) for y (N, H', W', F), W (kh, kw, C, F), b (C,): every y is spread out over its window."""
    y, W = doubles(y, W)
    x = np.zeros((len(y), *image_size, W.shape[2])) + b
    for h, v, i, j, row, col in meetings(image_size, W.shape[:2], stride, padding):
        x[:, row, col] += y[:, h, v] @ W[i, j].T
    return x


def im2col(x, kernel, stride, padding):
    """columns (N, H', W', kh, kw, C): every window of x (N, H, W, C), zeros where it lies on the padding."""
    columns = np.zeros((len(x), *conv_size(x.shape[1:3], kernel, stride, padding), *kernel, x.shape[3]))
    for h, v, i, j, row, col in meetings(x.shape[1:3], kernel, stride, padding):
        columns[:, h, v, i, j] = x[:, row, col]
    return columns


def col2im(columns, image_size, stride, padding):
    """x (N, H, W, C): every window added back where it came from."""
    x = np.zeros((len(columns), *image_size, columns.shape[-1]))
    for h, v, i, j, row, col in meetings(image_size, columns.shape[3:5], stride, padding):
        x[:, row, col] += columns[:, h, v, i, j]
    return x
