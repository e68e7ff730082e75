"""The k nearest rows by Euclidean distance: one row after the other, or from matrix products, with the same answer.

`nearest` and `settle` are pairs of a NumPy and a Numba twin.
"""

import numpy as np

from tinyae.kernels.config import fast_or_plain, kernel


def nearest_numpy(points, queries, k):
    """Row numbers (M, k) of the k rows of `points` (N, d) nearest to each row of `queries` (M, d), nearest first.

    Of rows at equal distance the one that stands first counts as nearer.
    """
    found = np.empty((len(queries), k), np.int64)
    for m, query in enumerate(queries):
        squared = np.square(points - query).sum(axis=1)
        found[m] = np.argsort(squared, kind="stable")[:k]
    return found


@kernel
def nearest_numba(points, queries, k):
    """`nearest_numpy` with a sorted list of the best k so far instead of a sort."""
    found = np.empty((len(queries), k), np.int64)
    distance = np.empty(k, points.dtype)
    dimensions = points.shape[1]
    for m in range(len(queries)):
        distance[:] = np.inf
        found[m] = 0  # where fewer than k distances are finite
        for n in range(len(points)):
            squared = points.dtype.type(0)
            for d in range(dimensions):
                difference = points[n, d] - queries[m, d]
                squared += difference * difference
            if squared < distance[k - 1]:  # almost always false: the insertion below is rare
                place = k - 1
                while place > 0 and squared < distance[place - 1]:
                    distance[place] = distance[place - 1]
                    found[m, place] = found[m, place - 1]
                    place -= 1
                distance[place] = squared
                found[m, place] = n
    return found


nearest = fast_or_plain(nearest_numba, nearest_numpy)


def settle_numpy(rough, slack, points, queries, k):
    """The k nearest rows and their squared distances, of rows whose squared distances are known roughly.

    Only rows that can still be among the k nearest are measured, in float64, so the answer is exact.

    Parameters
    ----------
    rough : array (M, N)
        Squared distance of each query to each point, up to a constant of the query's own, which changes no order.
    slack : array (M,)
        No number in a row of `rough` is wrong by more.
    points, queries : arrays (N, d), (M, d)
    k : int

    Returns
    -------
    rows : integer array (M, k)
        Nearest first; of rows at equal distance the one that stands first counts as nearer.
    squared : float64 array (M, k)
    """
    found, squared = np.empty((len(queries), k), np.int64), np.empty((len(queries), k))
    for m, query in enumerate(queries):
        # k rows seem to be this near, so k rows are no further than this + slack; what seems to be further by twice
        # the slack is none of them.
        limit = np.partition(rough[m], k - 1)[k - 1] + 2 * slack[m]
        rows = np.flatnonzero(rough[m] <= limit)
        distances = np.square(points[rows].astype(np.float64) - query).sum(axis=1)
        order = np.argsort(distances, kind="stable")[:k]
        found[m], squared[m] = rows[order], distances[order]
    return found, squared


@kernel
def settle_numba(rough, slack, points, queries, k):
    """`settle_numpy` with sorted lists of the best k so far instead of sorts."""
    found, squared = np.empty((len(queries), k), np.int64), np.empty((len(queries), k))
    seeming = np.empty(k, rough.dtype)
    N, dimensions = points.shape
    for m in range(len(queries)):
        seeming[:] = np.inf
        for n in range(N):
            if rough[m, n] < seeming[k - 1]:
                place = k - 1
                while place > 0 and rough[m, n] < seeming[place - 1]:
                    seeming[place] = seeming[place - 1]
                    place -= 1
                seeming[place] = rough[m, n]
        limit = seeming[k - 1] + 2 * slack[m]
        squared[m] = np.inf
        found[m] = 0
        for n in range(N):
            if rough[m, n] <= limit:
                distance = 0.0
                for d in range(dimensions):
                    difference = np.float64(points[n, d]) - np.float64(queries[m, d])
                    distance += difference * difference
                if distance < squared[m, k - 1]:
                    place = k - 1
                    while place > 0 and distance < squared[m, place - 1]:
                        squared[m, place] = squared[m, place - 1]
                        found[m, place] = found[m, place - 1]
                        place -= 1
                    squared[m, place] = distance
                    found[m, place] = n
    return found, squared


settle = fast_or_plain(settle_numba, settle_numpy)

ROUGH_BYTES = 16_000_000  # of the rough distances in memory at once
LONG = 100  # a list longer than this is sorted at the end rather than kept in order


def nearest_by_products(points, queries, k):
    """Rows and squared distances as `settle` gives them, for float32 `points` (N, d) and `queries` (M, d).

    |p - q|^2 = |p|^2 - 2 p.q + |q|^2, so nearly all of the work is one matrix product, far faster than `nearest`. It
    loses digits by cancellation; how many at most is known, and `settle` measures what that leaves in doubt.
    """
    norms = np.einsum("nd,nd->n", points, points, dtype=np.float64)  # |p|^2
    longest = np.sqrt(norms.max(initial=0.0))
    norms = norms.astype(np.float32)
    finish = settle if k <= LONG else settle.plain
    found, squared = np.empty((len(queries), k), np.int64), np.empty((len(queries), k))
    at_once = max(1, ROUGH_BYTES // (4 * max(1, len(points))))
    for start in range(0, len(queries), at_once):
        some = queries[start : start + at_once]
        rough = some @ points.T
        rough *= -2
        rough += norms  # |p|^2 - 2 p.q
        lengths = np.sqrt(np.einsum("md,md->m", some, some, dtype=np.float64))
        slack = _rounding(points.shape[1], longest, lengths).astype(np.float32)
        found[start : start + at_once], squared[start : start + at_once] = finish(rough, slack, points, some, k)
    return found, squared


def _rounding(d, longest, lengths):
    """Bound on the error of |p|^2 - 2 p.q in float32.

    With u = 2^-24 a product of d numbers is wrong by at most d u / (1 - d u) |p| |q| in whatever order it is added
    (Higham, Accuracy and Stability of Numerical Algorithms, section 3.1), and each further operation by u of its
    result; eight more of them are allowed for.
    """
    u = 2.0**-24
    share = (d + 8) * u / (1 - min(0.5, (d + 8) * u))
    return 2 * share * longest * (lengths + longest) + np.finfo(np.float32).tiny
