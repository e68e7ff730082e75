"""The nearest rows of many queries, by worker threads, and without the query itself where it is one of the rows."""

import numpy as np

from tinyae.kernels.neighbours import nearest_by_products
from tinyae.training.threads import run_in_parts


def nearest_rows(points, queries, k, threads=None):
    """The k rows of `points` (N, d) nearest to each row of `queries` (M, d), both float32, by Euclidean distance.

    Returns
    -------
    rows : int64 array (M, k)
        Nearest first; of rows at equal distance the one that stands first counts as nearer.
    squared : float64 array (M, k)
        Their squared distances.
    """
    rows, squared = np.empty((len(queries), k), np.int64), np.empty((len(queries), k))

    def search(mine):
        rows[mine], squared[mine] = nearest_by_products(points, queries[mine], k)

    run_in_parts(search, len(queries), threads)
    return rows, squared


def without(rows, own, *more):
    """`rows` (M, k + 1) without the row number `own` (M,) of each query, as (M, k); `more` arrays likewise.

    Where others are at the same distance a row need not find itself among the k + 1: then the last goes.

    Returns
    -------
    list of arrays
        rows, and each of `more`.
    """
    out = rows == np.asarray(own)[:, None]
    out[~out.any(axis=1), -1] = True
    return [array[~out].reshape(len(rows), -1) for array in (rows, *more)]
