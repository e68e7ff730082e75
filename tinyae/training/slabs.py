"""Gradients of large matrices, formed and used slab by slab.

The gradient of a matrix is as large as the matrix. Written to memory by one product and read back by the update, it
costs about as much as all the rest of the update. Here a worker forms it for some rows of W at a time, few enough to
stay in its cache, and updates these rows at once. The sums are the same, in the same order.
"""

import itertools

import numpy as np

from tinyae.kernels.product import matmul

SLAB = 100_000  # numbers of one shard's gradient at a time: 400 kB of float32
WORTH_IT = 200_000  # numbers of a matrix; the gradient of a smaller one stays in the cache anyway


class SlabUpdate:
    """Updates one matrix W (n_in, n_out), which lies at theta[start : start + n_in * n_out].

    Parameters
    ----------
    start, n_in, n_out : int
    team : Team
        Each worker takes its share of W's rows.
    shards : int
        How many pairs of factors the gradient is the sum of.
    dtype : float type of theta
    """

    def __init__(self, start, n_in, n_out, team, shards, dtype):
        self.start, self.stop, self.n_out = start, start + n_in * n_out, n_out
        self.rows = [row_slabs(part, n_out) for part in team.parts(n_in)]
        most = max((high - low for rows in self.rows for low, high in rows), default=0)
        self.memory = [np.empty(shards * most * n_out, dtype) for _ in range(team.size)]

    def work(self, worker, factors, update):
        """Form and use the gradient of this worker's rows.

        Parameters
        ----------
        worker : int
        factors : list of (left, right)
            One pair per shard, left (n, n_in) and right (n, n_out): the gradient is the sum of left' right.
        update : function of (grads, start, stop, offset)
            As `Optimizer.update`; grads (shards, stop - start).
        """
        for low, high in self.rows[worker]:
            size = (high - low) * self.n_out
            slab = self.memory[worker][: len(factors) * size].reshape(len(factors), size)
            for gradient, (left, right) in zip(slab, factors, strict=True):
                matmul(left[:, low:high].T, right, out=gradient.reshape(high - low, self.n_out))
            first = self.start + low * self.n_out
            update(slab, first, first + size, first)


def row_slabs(part, n_out):
    """A slice of rows as (low, high) pairs of about SLAB numbers each."""
    n = part.stop - part.start
    count = -(-n * n_out // SLAB)
    edges = [part.start + n * k // count for k in range(count + 1)] if n else []
    return list(itertools.pairwise(edges))
