"""The k-sparse code: only the strongest units speak."""

import numpy as np

from tinyae.checks import UsageError, check_int
from tinyae.layers.base import Layer


class KSparse(Layer):
    """y = x for the k largest numbers of a sample, 0 for all others; the gradient flows through those kept alone.

    Source: Makhzani & Frey, "k-Sparse autoencoders" (2014), algorithm 1: linear units in front, a linear decoder
    behind.

    Parameters
    ----------
    k : int
        Units kept while training.
    k_use : int, optional
        Units kept otherwise; k without it. The paper keeps a few times k (its alpha k) for features of a classifier.

    Shapes: x and y (N, ...); a sample counts as one row of numbers. Of equal numbers at the edge any are kept, so that
    there are never more than k.
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
        rows = np.asarray(x).reshape(len(x), -1)
        k = self.k if self.training or self.k_use is None else self.k_use
        width = rows.shape[1]
        kept = np.argpartition(rows, width - k, axis=1)[:, width - k :] if k < width else np.arange(width)[None]
        mask = np.zeros(rows.shape, rows.dtype)
        np.put_along_axis(mask, np.broadcast_to(kept, (len(rows), k)), 1, axis=1)
        self.mask = mask.reshape(np.shape(x))  # backward needs it
        return x * self.mask

    def backward(self, dy, need_dx=True):
        """Take dL/dy, return dL/dx = dL/dy where x was kept, 0 elsewhere."""
        return dy * self.remembered("mask") if need_dx else None

    def config(self):
        return {"k": self.k} | ({} if self.k_use is None else {"k_use": self.k_use})
