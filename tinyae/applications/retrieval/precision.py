"""How good the answers of a search are: the share of neighbours of the query's own class."""

from dataclasses import dataclass

import numpy as np

from tinyae.checks import check_shape


@dataclass(frozen=True)
class Precision:
    """Precision@k.

    Attributes
    ----------
    k : int
    overall : float
        Mean over all queries.
    by_class : dict
        Class -> mean over the queries of that class.
    queries : int
    """

    k: int
    overall: float
    by_class: dict
    queries: int


def precision_at_k(found, wanted):
    """Precision@k: of the k neighbours of a query the share that has its class, mean over the queries.

    Parameters
    ----------
    found : integer array (M, k)
        Class of each neighbour.
    wanted : integer array (M,)
        Class of each query.

    Returns
    -------
    Precision
    """
    found, wanted = np.asarray(found), np.asarray(wanted)
    check_shape("precision_at_k", found, ("M", "k"), "found")
    check_shape("precision_at_k", wanted, (len(found),), "wanted")
    hits = (found == wanted[:, None]).mean(axis=1)
    by_class = {int(c): float(hits[wanted == c].mean()) for c in np.unique(wanted)}
    return Precision(found.shape[1], float(hits.mean()), by_class, len(wanted))
