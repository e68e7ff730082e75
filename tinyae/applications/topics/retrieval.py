"""How often the documents nearest to a document are of its group: the paper's measure of codes."""

import numpy as np

from tinyae.checks import UsageError, check_choice, check_int, check_shape

POINTS = (1, 3, 7, 15, 31, 63, 127, 255, 511, 1023)  # documents retrieved, 2^n - 1, as in the paper's figure 4
DISTANCES = ("cosine", "euclidean")
AT_ONCE = 500  # queries


def precision_curve(codes, labels, most=POINTS[-1], distance="cosine"):
    """Share of same-group documents among the first n retrieved, for every n: mean over all documents as queries.

    Each document asks in turn, and all others are ranked by the similarity of their codes.

    Parameters
    ----------
    codes : array (N, k)
    labels : integer array (N,)
        Group of each document.
    most : int
        The curve ends at so many retrieved documents, or at N - 1.
    distance : {"cosine", "euclidean"}

    Returns
    -------
    array (min(most, N - 1),)
        At index n - 1 the precision among the first n.

    Source: Hinton & Salakhutdinov, Science 313 (2006) 504, figure 4.
    """
    who = "precision_curve"
    check_shape(who, codes, ("N", "k"), "codes")
    check_shape(who, labels, (len(codes),), "labels")
    check_choice(who, "distance", distance, DISTANCES)
    if len(codes) < 2:
        raise UsageError(f"{who}: expected at least two documents, got {len(codes)}.")
    most = min(check_int(who, "most", most, 1), len(codes) - 1)
    labels, similarity = np.asarray(labels), Similarity(codes, distance)
    hits = np.zeros(most)
    for start in range(0, len(codes), AT_ONCE):
        rows = np.arange(start, min(start + AT_ONCE, len(codes)))
        near = similarity.nearest_to(rows, most)
        hits += (labels[near] == labels[rows, None]).sum(axis=0)
    return np.cumsum(hits) / np.arange(1, most + 1) / len(codes)


def chance(labels):
    """The precision of a random order: sum_c n_c (n_c - 1) / (N (N - 1)) for groups of n_c documents."""
    sizes = np.bincount(labels)
    return float(np.sum(sizes * (sizes - 1)) / (len(labels) * (len(labels) - 1)))


def nearest(codes, row, n=10, distance="cosine"):
    """The n documents nearest to document `row`: their rows and their similarities, nearest first.

    The similarity is the cosine of two codes, or minus their distance.
    """
    check_choice("nearest", "distance", distance, DISTANCES)
    check_int("nearest", "row", row, 0)
    if row >= len(codes):
        raise UsageError(f"nearest: expected a row from 0 to {len(codes) - 1}, got {row}.")
    n = min(check_int("nearest", "n", n, 1), len(codes) - 1)
    similarity = Similarity(codes, distance)
    (near,) = similarity.nearest_to(np.array([row]), n)
    values = similarity.of(np.array([row]))[0, near]
    return near, values if distance == "cosine" else -np.sqrt(np.maximum(-values, 0))


class Similarity:
    """Similarities of rows of codes (N, k) to all of them: cosines, or minus squared distances."""

    def __init__(self, codes, distance):
        codes = np.asarray(codes, np.float32)
        if distance == "cosine":
            codes = codes / np.maximum(np.linalg.norm(codes, axis=1, keepdims=True), 1e-30)
            self.squares = None
        else:
            codes = codes - codes.mean(axis=0)  # |a|^2 - 2 a.b + |b|^2 cancels less near 0
            self.squares = np.square(codes).sum(axis=1)
        self.codes = codes

    def of(self, rows):
        """(M, N) for M row numbers."""
        s = self.codes[rows] @ self.codes.T
        if self.squares is not None:
            s *= 2
            s -= self.squares
            s -= self.squares[rows][:, None]
        return s

    def nearest_to(self, rows, n):
        """Row numbers (M, n) of the n most similar to each of M rows, themselves left out; of equals the first ones."""
        s = self.of(rows)
        s[np.arange(len(rows)), rows] = -np.inf
        found = np.argpartition(s, -n, axis=1)[:, -n:]
        found.sort(axis=1)  # of equals the first counts as nearer
        values = np.take_along_axis(s, found, axis=1)
        last = values.min(axis=1, keepdims=True)
        cut = (s == last).sum(axis=1) > (values == last).sum(axis=1)  # of equals only some were taken: which ones?
        for i in np.flatnonzero(cut):
            found[i] = np.sort(np.argsort(-s[i], kind="stable")[:n])
            values[i] = s[i, found[i]]
        return np.take_along_axis(found, np.argsort(-values, axis=1, kind="stable"), axis=1)
