"""Training by line searches: on every batch conjugate gradients run a few searches, and start afresh on the next."""

import numpy as np

from tinyae.minimisers.conjugate_gradient import minimise
from tinyae.optimizers import ConjugateGradient
from tinyae.training.shards import ShardedStep


class LineSearchStep(ShardedStep):
    """One batch: `optimizer.searches` line searches on its loss, each of which asks for the gradient several times.

    Nothing is carried over from batch to batch but the parameters. Noise (Dropout, a variational code) is drawn once
    for a batch: the searches need a function that gives the same value twice.
    """

    def __call__(self, x, y, rows):
        """Move the parameters to where the searches on the batch x[rows], y[rows] end; return its loss before."""
        theta, self.parts = self.model.theta, None
        start = theta.copy()
        seeds = [int(replica.rng.integers(2**63)) for replica in self.replicas]

        def function(at):
            np.copyto(theta, at)
            for replica, seed in zip(self.replicas, seeds, strict=True):
                replica.reseed(np.random.default_rng(seed))
            self.gradient(x, y, rows)
            parts = self._parts.sum(axis=0)
            self.parts = parts if self.parts is None else self.parts
            self.team.run(self._add_up)
            return float(parts.sum()), self.grads[0]

        first = function(start)
        if not np.isfinite(first[0]):
            return first[0]
        searches, settings = self.optimizer.searches, self.optimizer.settings
        minimum = minimise(function, start, searches=searches, settings=settings, first=first)
        np.copyto(theta, minimum.theta)
        self.optimizer.count(minimum)
        return float(self.parts.sum())

    def _add_up(self, worker):
        """This worker's share of the sum of all gradient vectors, into the first."""
        mine = self.team.parts(self.grads.shape[1])[worker]
        for gradient in self.grads[1:]:
            self.grads[0, mine] += gradient[mine]


def step_of(model, optimizer, team, total_steps):
    """The kind of step this optimizer makes."""
    kind = LineSearchStep if isinstance(optimizer, ConjugateGradient) else ShardedStep
    return kind(model, optimizer, team, total_steps)
