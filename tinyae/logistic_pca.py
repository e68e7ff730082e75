"""Logistic principal components: the linear code of numbers in [0, 1] that is best in cross-entropy.

Where PCA reconstructs an image as mean + V a and may leave [0, 1], here every pixel is a probability,

    p_nd = sigmoid(theta_nd),   theta_nd = b_d + sum_j V_dj a_nj,

with a code a_n for each image, components V and offsets b for all. The three minimise the cross-entropy

    L = -sum_nd (x_nd log p_nd + (1 - x_nd) log(1 - p_nd)) + ridge/2 (|A|^2 + |V|^2 + |b|^2).

Given the components, L falls apart into one convex problem for every image, a logistic regression of its pixels on V;
given the codes into one for every pixel, of that pixel in all images on A. Newton steps are taken on all images, then
on all pixels, and so on. The small ridge keeps finite what has no finite best value: the offset of a pixel that has no
ink anywhere, the code of an image of zeros and ones.

Source: Collins, Dasgupta & Schapire, "A generalization of principal components analysis to the exponential family"
(2001); Schein, Saul & Ungar, "A generalized linear model for principal component analysis of binary data" (2003).
Hinton & Salakhutdinov (2006) compare with it.
"""

import numpy as np

from tinyae.analysis import PCA
from tinyae.checks import UsageError, as_float_array, check_finite, check_float, check_int, check_shape

RIDGE = 1e-3
AT_ONCE = 2000  # rows worked on together: their second derivatives take 16 kB each with 128 numbers
HALVINGS = 12  # of a Newton step, before its row or column stays where it is
LARGEST_LOGIT = 6.0  # of the offsets at the start
MOST_STEPS, SETTLED = 60, 1e-5  # Newton steps for new images; a fall of the loss by less than this part of it ends them


class LogisticPCA:
    """A linear code of k numbers behind a sigmoid, fitted to cross-entropy.

    Parameters
    ----------
    x : array (N, D)
        Numbers in [0, 1]: probabilities, grey values, or zeros and ones. float64 is worked on as such, all else as
        float32.
    k : int
        Numbers in a code, 1 <= k <= D.
    sweeps : int
        At most so many Newton steps on codes and components each.
    tolerance : float
        Ends when a sweep lowers the loss per image by less than this part of it.
    ridge : float > 0

    Attributes
    ----------
    mean : array (D,)
        The offsets b: the logits at code 0.
    components : array (D, k)
        V. Any invertible M gives with V M and codes M^-1 a the same probabilities, so its basis has no meaning.
    losses : list of float
        L / N at the start and after every sweep; it never rises.
    """

    def __init__(self, x, k, sweeps=50, tolerance=1e-4, ridge=RIDGE):
        who = "LogisticPCA"
        x = checked(who, x)
        k = check_int(who, "k", k, 1)
        if k > x.shape[1]:
            raise UsageError(f"{who}: expected at most {x.shape[1]} components for rows of that length, got {k}.")
        if not len(x):
            raise UsageError(f"{who}: expected at least one row, got none.")
        sweeps = check_int(who, "sweeps", sweeps, 1)
        tolerance = check_float(who, "tolerance", tolerance, 0.0, 1.0)
        self.ridge = check_float(who, "ridge", ridge, 1e-9, 1e9)
        codes, loadings = start(x, k)
        pixels = column_losses(x, codes, loadings, self.ridge)
        self.losses = [total(pixels, codes, self.ridge)]
        for _ in range(sweeps):
            for some in chunks(len(x)):
                codes[some], _ = step_codes(x[some], codes[some], loadings, self.ridge)
            loadings, pixels = step_loadings(x, codes, loadings, self.ridge)
            self.losses.append(total(pixels, codes, self.ridge))
            if self.losses[-2] - self.losses[-1] <= tolerance * self.losses[-1]:
                break
        self.components, self.mean = loadings[:, :k].copy(), loadings[:, k].copy()

    def encode(self, x):
        """Codes (N, k): the best ones for these components, by Newton's method from 0."""
        x = checked("LogisticPCA.encode", x, len(self.mean))
        loadings = np.column_stack([self.components, self.mean]).astype(x.dtype)
        codes = with_ones(np.zeros((len(x), self.components.shape[1]), x.dtype))
        for some in chunks(len(x)):
            left, before = np.arange(some.start, some.stop), np.inf
            for _ in range(MOST_STEPS):
                codes[left], losses = step_codes(x[left], codes[left], loadings, self.ridge)
                falling = before - losses > SETTLED * losses
                left, before = left[falling], losses[falling]
                if not len(left):
                    break
        return codes[:, :-1].copy()

    def decode(self, code):
        """Probabilities (N, D)."""
        return sigmoid(code @ self.components.T.astype(code.dtype) + self.mean.astype(code.dtype))

    def reconstruct(self, x):
        """decode(encode(x))."""
        return self.decode(self.encode(x))


def checked(who, x, width="D"):
    """x as float32, or float64 if it is that, in [0, 1]; UsageError otherwise."""
    x = np.asarray(x)
    x = as_float_array(who, x, np.float64 if x.dtype == np.float64 else np.float32)
    check_shape(who, x, ("N", width))
    check_finite(who, x)
    if x.size and not 0 <= x.min() <= x.max() <= 1:
        raise UsageError(f"{who}: expected x in [0, 1], got values from {x.min():g} to {x.max():g}; scale it first.")
    return x


def start(x, k):
    """Codes (N, k + 1), a last column of ones, and loadings (D, k + 1) = [V, b] from principal components.

    d sigmoid(t)/dt is at most 1/4, so a logit has to move at least 4 times as far as its probability.
    """
    pca = PCA(x, k)
    mean = np.clip(pca.mean, sigmoid(-LARGEST_LOGIT), sigmoid(LARGEST_LOGIT))
    loadings = np.column_stack([4 * pca.components, np.log(mean) - np.log1p(-mean)]).astype(x.dtype)
    return with_ones(pca.encode(x)), loadings


def with_ones(codes):
    """[A, 1]: the offsets are the loadings of a number that is 1 in every code."""
    return np.column_stack([codes, np.ones(len(codes), codes.dtype)])


# -- Newton steps ---------------------------------------------------------------------------


def step_codes(x, codes, loadings, ridge):
    """One damped Newton step on the code of every image. Returns the codes and the loss (N,) of every image."""
    free = loadings[:, :-1]  # the last number of a code stays 1
    p = sigmoid(codes @ loadings.T)
    gradient = (p - x) @ free + ridge * codes[:, :-1]  # dL/da_n = V' (p_n - x_n) + ridge a_n
    curvature = (p * (1 - p)) @ products(free)  # sum_d p_nd (1 - p_nd) V_di V_dj, a row for each image
    step = np.zeros_like(codes)
    step[:, :-1] = -solved(curvature, gradient, ridge)

    def loss(tried):
        penalty = ridge / 2 * np.square(tried[:, :-1], dtype=np.float64).sum(axis=1)
        return cross_entropy(x, tried @ loadings.T).sum(axis=1) + penalty

    return damped(codes, step, loss)


def step_loadings(x, codes, loadings, ridge):
    """One damped Newton step on the loadings of every pixel. Returns them and the loss (D,) of every pixel.

    The penalty of a pixel's own loadings is part of its loss, that of the codes is not.
    """
    width = loadings.shape[1]
    gradient = ridge * loadings.astype(np.float64)
    curvature = np.zeros((len(loadings), width * (width + 1) // 2))
    for some in chunks(len(x)):
        p = sigmoid(codes[some] @ loadings.T)
        gradient += (p - x[some]).T @ codes[some]  # dL/dV_d = sum_n (p_nd - x_nd) a_n + ridge V_d
        curvature += (p * (1 - p)).T @ products(codes[some])
    step = -solved(curvature, gradient, ridge).astype(x.dtype)

    def loss(tried):
        return column_losses(x, codes, tried, ridge)

    return damped(loadings, step, loss)


def solved(curvature, gradient, ridge):
    """H^-1 g (M, K) of M gradients (M, K) and of the upper triangles (M, K (K+1)/2) of M Hessians without the ridge."""
    k = gradient.shape[1]
    rows, columns = np.triu_indices(k)
    H = np.empty((len(gradient), k, k), gradient.dtype)
    H[:, rows, columns] = H[:, columns, rows] = curvature
    H[:, np.arange(k), np.arange(k)] += ridge
    return np.linalg.solve(H, gradient[:, :, None])[:, :, 0]


def damped(now, step, loss):
    """now + step in the rows whose loss that does not raise, half of the step in others that takes, and so on.

    Returns the rows, those that found no step as they were, and their losses.
    """
    result, losses = now.copy(), loss(now)
    left, length = np.ones(len(now), bool), 1.0
    for _ in range(HALVINGS):
        tried = np.where(left[:, None], now + length * step, result)
        found = loss(tried)
        better = left & (found <= losses)
        result[better], losses[better] = tried[better], found[better]
        left &= ~better
        if not left.any():
            break
        length /= 2
    return result, losses


# -- small things ---------------------------------------------------------------------------


def products(a):
    """a_i a_j (N, K (K+1)/2) of rows (N, K), i <= j, in the order of np.triu_indices."""
    rows, columns = np.triu_indices(a.shape[1])
    return a[:, rows] * a[:, columns]


def sigmoid(t):
    """1 / (1 + exp(-t)), without overflow."""
    return 0.5 * (1 + np.tanh(0.5 * t))


def cross_entropy(x, t):
    """-x log p - (1 - x) log(1 - p) of p = sigmoid(t), which is log(1 + exp(t)) - x t; float64."""
    return (np.maximum(t, 0) + np.log1p(np.exp(-np.abs(t)))).astype(np.float64) - x * t


def column_losses(x, codes, loadings, ridge):
    """The cross-entropy (D,) of every pixel, summed over the images, with the penalty of its loadings."""
    entropies = sum(cross_entropy(x[some], codes[some] @ loadings.T).sum(axis=0) for some in chunks(len(x)))
    return entropies + ridge / 2 * np.square(loadings, dtype=np.float64).sum(axis=1)


def total(pixels, codes, ridge):
    """L / N."""
    return float((pixels.sum() + ridge / 2 * np.square(codes[:, :-1], dtype=np.float64).sum()) / len(codes))


def chunks(n):
    """Slices that cover 0 to n."""
    return [slice(first, min(first + AT_ONCE, n)) for first in range(0, n, AT_ONCE)]
