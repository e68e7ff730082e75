"""Numbers about reconstructions and codes, and the baselines that give them a meaning. Arrays in, numbers out.

Unless a name says otherwise an error is **summed over the numbers of one image and averaged over the images**, with
pixels in [0, 1]: the unit of Hinton & Salakhutdinov (2006). Divide by the number of pixels for a mean per pixel.
"""

import numpy as np

from tinyae.checks import UsageError, check_finite, check_int, check_shape
from tinyae.kernels.neighbours import nearest
from tinyae.training.threads import run_in_parts

SMALLEST_PROBABILITY = 1e-7  # for cross-entropies of reconstructions that are not from a sigmoid (PCA's)


# -- errors ---------------------------------------------------------------------------


def squared_error(x, reconstruction):
    """Mean over images of sum_k (x'_k - x_k)^2. Both (N, ...); Hinton's metric."""
    check_shape("squared_error", reconstruction, np.shape(x), name="reconstruction")
    return float(sum(_row_sums(np.square(a - b)).sum() for a, b in _chunks(x, reconstruction)) / len(x))


def binary_cross_entropy(x, reconstruction):
    """Mean over images of -sum_k (x_k log x'_k + (1 - x_k) log(1 - x'_k)), in nats; x and x' in [0, 1].

    x' is kept SMALLEST_PROBABILITY away from 0 and 1. A net's own loss is computed from pre-activations and needs no
    such bound.
    """
    check_shape("binary_cross_entropy", reconstruction, np.shape(x), name="reconstruction")
    _check_probabilities("binary_cross_entropy", x)
    total = 0.0
    for a, b in _chunks(x, reconstruction):
        p = np.clip(b, SMALLEST_PROBABILITY, 1 - SMALLEST_PROBABILITY)
        total -= _row_sums(a * np.log(p) + (1 - a) * np.log1p(-p)).sum()
    return float(total / len(x))


def psnr(x, reconstruction, peak=1.0):
    """Peak signal-to-noise ratio in decibels, 10 log10( peak^2 / mean squared error per pixel ), mean over images.

    Parameters
    ----------
    x, reconstruction : arrays (N, ...)
    peak : float
        The largest value a pixel can have.

    Returns
    -------
    float
        Infinity where an image is reconstructed without any error.
    """
    check_shape("psnr", reconstruction, np.shape(x), name="reconstruction")
    if not len(x):
        raise UsageError("psnr: expected at least one image, got none.")
    total = 0.0
    for a, b in _chunks(x, reconstruction):
        with np.errstate(divide="ignore"):
            total += np.sum(10 * np.log10(peak**2 / (_row_sums(np.square(a - b)) / a[0].size)))
    return float(total / len(x))


def bce_floor(x):
    """The cross-entropy of a perfect reconstruction x' = x: the entropy of the grey values, which no net gets below.

    In nats, summed over pixels, mean over images; 0 only where every pixel is 0 or 1.
    """
    _check_probabilities("bce_floor", x)
    total = 0.0
    for (a,) in _chunks(x):
        grey = a[(a > 0) & (a < 1)]  # 0 log 0 = 0
        total -= np.sum(grey * np.log(grey) + (1 - grey) * np.log1p(-grey))
    return float(total / len(x))


def _check_probabilities(who, x):
    low, high = float(np.min(x, initial=0)), float(np.max(x, initial=0))
    if low < 0 or high > 1:
        raise UsageError(f"{who}: expected x in [0, 1], got values from {low:g} to {high:g}; scale it first.")


def _chunks(*arrays, rows=2000):
    """The arrays' rows as float64, some thousands at a time: a whole set in float64 would double its memory."""
    for start in range(0, len(arrays[0]), rows):
        yield tuple(np.asarray(a[start : start + rows], dtype=np.float64) for a in arrays)


def _row_sums(a):
    return a.reshape(len(a), -1).sum(axis=1)


# -- principal components ---------------------------------------------------------------------------


class PCA:
    """Principal component analysis: the best linear code of k numbers in squared error.

    Parameters
    ----------
    x : array (N, D)
        Data the components are fitted to.
    k : int
        Number of components, 1 <= k <= D.

    Attributes
    ----------
    mean : array (D,)
    components : array (D, k)
        Orthonormal columns by falling variance; signs such that the largest entry of each is positive.
    variances : array (k,)
        Variance of the data along each component (divided by N).
    """

    def __init__(self, x, k):
        check_shape("PCA", x, ("N", "D"))
        k = check_int("PCA", "k", k, 1)
        if k > x.shape[1]:
            raise UsageError(f"PCA: expected at most {x.shape[1]} components for rows of that length, got {k}.")
        of = _of_few_rows if k < len(x) < x.shape[1] else _of_columns
        self.mean, self.variances, components = of(x, k)
        self.components = components * settled_signs(components)

    def encode(self, x):
        """Codes (N, k)."""
        dtype = x.dtype if x.dtype.kind == "f" else np.float64
        return (x - self.mean.astype(dtype)) @ self.components.astype(dtype)

    def decode(self, code):
        """Reconstructions (N, D), not clipped to any range."""
        return code @ self.components.T.astype(code.dtype) + self.mean.astype(code.dtype)

    def reconstruct(self, x):
        """decode(encode(x))."""
        return self.decode(self.encode(x))


def _of_columns(x, k):
    """(mean, variances, components) from the covariance of the columns (D, D)."""
    mean, covariance = mean_and_covariance(x)
    values, vectors = np.linalg.eigh(covariance)  # ascending
    return mean, values[::-1][:k].copy(), vectors[:, ::-1][:, :k]


def _of_few_rows(x, k):
    """The same for rows x = mean + A that are fewer than their columns.

    A A^T / N (N, N) has the eigenvalues of the covariance A^T A / N (D, D) that are not 0, and A^T u is an eigenvector
    of it where u is one of A A^T (Turk & Pentland 1991): N^3 instead of D^3 operations.
    """
    x = np.asarray(x, dtype=np.float64)
    mean = x.mean(axis=0)
    centred = x - mean
    values, vectors = np.linalg.eigh(centred @ centred.T / len(x))  # ascending
    # orthonormal to the last digit, also where rows are alike and A^T u is 0; signs may turn
    components, _ = np.linalg.qr(centred.T @ vectors[:, ::-1][:, :k])
    return mean, values[::-1][:k].copy(), components


def settled_signs(columns):
    """Factors 1 or -1 (k,) that make the largest number of every column (D, k) positive."""
    largest = np.take_along_axis(columns, np.abs(columns).argmax(axis=0)[None], axis=0)[0]
    return np.where(largest < 0, -1.0, 1.0)


def mean_and_covariance(x):
    """Mean (D,) and covariance (D, D, divided by N) in float64, some thousands of rows at a time."""
    total, outer = np.zeros(x.shape[1]), np.zeros((x.shape[1], x.shape[1]))
    shift = np.asarray(x[:2000], dtype=np.float64).mean(axis=0)  # near the mean, so that nothing large cancels
    for (rows,) in _chunks(x):
        rows = rows - shift
        total += rows.sum(axis=0)
        outer += rows.T @ rows
    mean = total / len(x)
    return mean + shift, outer / len(x) - np.outer(mean, mean)


# -- baselines ---------------------------------------------------------------------------


def baselines(x_train, x_test, code_size, metric=squared_error):
    """What a loss is to be read against, in the metric's unit.

    Parameters
    ----------
    x_train, x_test : arrays (N, D)
        Fitted on the first, measured on the second.
    code_size : int
        Number of principal components.
    metric : function of (x, reconstruction)

    Returns
    -------
    dict
        `mean_image`: a net whose code carries nothing. `pca`: the best linear code of that size (left out where the
        code is as wide as the data). `floor`: a perfect reconstruction.
    """
    flat_train, flat_test = x_train.reshape(len(x_train), -1), x_test.reshape(len(x_test), -1)
    mean = flat_train.mean(axis=0, dtype=np.float64)
    values = {"mean_image": metric(flat_test, np.broadcast_to(mean, flat_test.shape))}
    if code_size < flat_train.shape[1]:
        values["pca"] = metric(flat_test, PCA(flat_train, code_size).reconstruct(flat_test))
    values["floor"] = metric(flat_test, flat_test)
    return values


# -- codes ---------------------------------------------------------------------------


def knn_accuracy(codes_train, labels_train, codes_test, labels_test, k=5, threads=None):
    """Share of test codes whose label is the most frequent one among the k nearest training codes.

    Parameters
    ----------
    codes_train, codes_test : arrays (N, d), (M, d)
        Euclidean distance.
    labels_train, labels_test : integer arrays (N,), (M,)
        Labels >= 0. Of equally frequent labels the smallest wins.
    k : int

    Returns
    -------
    float in [0, 1]
    """
    check_shape("knn_accuracy", codes_test, ("M", codes_train.shape[1]), name="codes_test")
    check_shape("knn_accuracy", labels_train, (len(codes_train),), name="labels_train")
    check_shape("knn_accuracy", labels_test, (len(codes_test),), name="labels_test")
    k = check_int("knn_accuracy", "k", k, 1)
    if k > len(codes_train):
        raise UsageError(f"knn_accuracy: expected k of at most {len(codes_train)} training codes, got {k}.")
    check_finite("knn_accuracy", codes_train, "codes_train")
    check_finite("knn_accuracy", codes_test, "codes_test")
    train = np.ascontiguousarray(codes_train, dtype=np.float32)
    test = np.ascontiguousarray(codes_test, dtype=np.float32)
    neighbours = np.empty((len(test), k), np.int64)

    def search(rows):
        neighbours[rows] = nearest(train, test[rows], k)

    run_in_parts(search, len(test), threads)
    votes = np.asarray(labels_train, dtype=np.int64)[neighbours]
    counts = np.zeros((len(test), votes.max() + 1), np.int64)
    np.add.at(counts, (np.arange(len(test))[:, None], votes), 1)
    return float(np.mean(counts.argmax(axis=1) == np.asarray(labels_test)))
