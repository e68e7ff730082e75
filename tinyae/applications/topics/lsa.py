"""Latent semantic analysis: the linear code of documents."""

import numpy as np

from tinyae.analysis import settled_signs
from tinyae.checks import UsageError, check_int, check_shape


class LSA:
    """The k directions along which documents x (N, D) have most: codes x V, where X = U S V' and V its first k columns.

    V are the eigenvectors of X'X with the largest eigenvalues. Source: Deerwester et al., "Indexing by latent semantic
    analysis" (1990).

    Parameters
    ----------
    x : array (N, D)
        Weighted training documents (`TermWeights`).
    k : int
    centred : bool
        Take the mean document away first: principal components. Without it, as is usual, the first direction is
        nearly the mean document itself.

    Attributes
    ----------
    components : array (D, k)
    singular_values : array (k,)
    """

    def __init__(self, x, k, centred=False):
        check_shape("LSA", x, ("N", "D"))
        k = check_int("LSA", "k", k, 1)
        if k > x.shape[1]:
            raise UsageError(f"LSA: expected at most {x.shape[1]} numbers for so many words, got {k}.")
        self.mean = x.mean(axis=0, dtype=np.float64) if centred else np.zeros(x.shape[1])
        products = np.zeros((x.shape[1], x.shape[1]))
        for start in range(0, len(x), 2000):  # in float64, some thousand documents at a time
            rows = x[start : start + 2000] - self.mean
            products += rows.T @ rows
        values, vectors = np.linalg.eigh(products)  # ascending
        components = vectors[:, ::-1][:, :k]
        self.components = components * settled_signs(components)
        self.singular_values = np.sqrt(np.maximum(values[::-1][:k], 0))

    def encode(self, x):
        """Codes (N, k)."""
        dtype = x.dtype if x.dtype.kind == "f" else np.float64
        return (x - self.mean.astype(dtype)) @ self.components.astype(dtype)
