"""The k nearest rows by Euclidean distance, as a NumPy and a Numba twin."""

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
