"""The k-sparse code: only the strongest units speak."""

import math

import numpy as np

from tinyae.checks import UsageError, check_int
from tinyae.layers.tangents import LocallyLinear


class KSparse(LocallyLinear):
    """y = x for the k largest numbers of a sample, 0 for all others; the gradient flows through those kept alone.

    Source: Makhzani & Frey, "k-Sparse autoencoders" (2014), algorithm 1: linear units in front, a linear decoder
    behind.

    Parameters
    ----------
    k : int
        Units kept while training.
    k_use : int, optional
        Units kept otherwise; k without it. The paper keeps a few times k (its alpha k) for features of a classifier.

    Shapes: x and y (N, ...); a sample counts as one row of numbers. Of equal numbers at the edge the first are kept, so
    that there are never more than k.
    """

    def __init__(self, k, k_use=None):
        super().__init__()
        self.k = check_int("KSparse", "k", k, 1)
        self.k_use = None if k_use is None else check_int("KSparse", "k_use", k_use, 1)

    def output_shape_for(self, input_shape):
        width = int(np.prod(input_shape))
        for name in ("k", "k_use"):
            k = getattr(self, name)
            if k is not None and k > width:
                raise UsageError(f"KSparse: expected {name} of at most {width}, the size of the code, got {k}.")
        return input_shape

    def forward(self, x):
        self.check_input(x)
        x = np.asarray(x)
        k = self.k if self.training or self.k_use is None else self.k_use
        self.mask = strongest(x.reshape(len(x), math.prod(x.shape[1:])), k).reshape(x.shape)  # backward needs it
        y = np.multiply(x, self.mask, out=self.empty("y", x.shape, x.dtype))
        y += 0  # -3 times 0 is -0; NaN times 0 is NaN: a net that diverges shows it
        return y

    def backward(self, dy, need_dx=True):
        """Take dL/dy, return dL/dx = dL/dy where x was kept, 0 elsewhere."""
        mask = self.remembered("mask")
        return np.multiply(dy, mask, out=self.empty("dx", dy.shape, dy.dtype)) if need_dx else None

    def along(self, v, key):
        return v * self.remembered("mask")

    adjoint = along  # J = diag(mask) is its own transpose

    def config(self):
        return {"k": self.k} | ({} if self.k_use is None else {"k_use": self.k_use})


def strongest(rows, k):
    """Where the k largest numbers of every row (N, D) are, as booleans (N, D); of equal numbers the first."""
    edge = np.sort(rows, axis=1)[:, -k, None]  # the k-th largest; numpy.partition takes ten times as long among equals
    kept = rows >= edge
    for n in np.flatnonzero(np.count_nonzero(kept, axis=1) > k):
        places = np.flatnonzero(rows[n] == edge[n])  # of these there is not room for all
        kept[n, places[k - np.count_nonzero(kept[n]) :]] = False
    return kept
