"""One training step: shards of a batch on worker threads, one update."""

import copy
import sys

import numpy as np

from tinyae.layers.base import every_layer
from tinyae.layers.dense import Dense
from tinyae.layers.flat import point_grads_at
from tinyae.samples.lazy import LazyRows
from tinyae.training.memory import pieces, rows_at_once
from tinyae.training.slabs import WORTH_IT, SlabUpdate

# Below this many multiply-adds a step is over before a second thread has woken up.
SMALLEST_SHARED_WORK = 20_000_000
VALIDATION_NOISE = 7  # seed of the noise a validation pass has (a variational code's), the same every time


def worker_count(model, batch_size, threads, training=True):
    """How many threads a step is worth: all of `threads`, or one for a small net.

    One, too, where a layer looks at the batch as a whole (BatchNorm): a part of it would give other numbers. Without
    `training` no layer does.
    """
    if training and any(layer.couples_batch for layer in every_layer(model)):
        return 1
    return threads if model.multiply_adds * batch_size >= SMALLEST_SHARED_WORK else 1


def rows_per_pass(model):
    """How many rows of a batch a worker takes through the net at once: all of them, or as `rows_at_once` says."""
    if any(layer.couples_batch for layer in every_layer(model)):
        return sys.maxsize
    return rows_at_once(model, otherwise=sys.maxsize)


def noise_generators(rng, epoch, n):
    """`n` generators for the noise of one epoch: made of the state of `rng`, which stays as it is.

    So the order of the data is the same with noise and without. rng.spawn leaves the order alone as well, but counts
    its children outside of the generator's state: a run resumed from a saved state would make other noise. Nor can
    every generator spawn.
    """
    words = copy.deepcopy(rng).integers(2**32, size=4, dtype=np.uint32).tolist()
    seeds = [np.random.SeedSequence(words, spawn_key=(epoch, worker)) for worker in range(n)]
    return [np.random.default_rng(seed) for seed in seeds]


def large_matrices(model):
    """(start in theta, shape, number of its layer) of every Dense weight worth forming the gradient of in slabs."""
    if model.whole_gradients:
        return
    start = 0
    for index, (_, layer) in enumerate(model.owners()):
        for name, p in layer.params.items():
            if isinstance(layer, Dense) and name == "W" and p.size >= WORTH_IT:
                yield start, p.shape, index
            start += p.size


def ranges_between(taken, n):
    """The ranges of range(n) that the sorted, disjoint ranges `taken` leave."""
    edges = [0, *(edge for pair in taken for edge in pair), n]
    return [(low, high) for low, high in zip(edges[::2], edges[1::2], strict=True) if low < high]


class ShardedStep:
    """One training step: every worker takes a part of the batch's rows through a replica of the net.

    The replicas share the parameters; each has a gradient vector of its own. The update adds the vectors in fixed
    order, and the workers share it by elements. Gradients of large matrices never reach the vectors: they are formed
    in slabs right before the update. Same seed and same number of threads: same bits.
    """

    def __init__(self, model, optimizer, team, total_steps):
        self.model, self.optimizer, self.team, self.total_steps = model, optimizer, team, total_steps
        self.grads = np.zeros((team.size, model.theta.size), model.theta.dtype)
        self.replicas = [model.replica() for _ in range(team.size)]
        for replica, gradient in zip(self.replicas, self.grads, strict=True):
            point_grads_at(replica, gradient)
        self._set_training(True)
        self.at_once = rows_per_pass(model)
        self._earlier = np.zeros_like(self.grads)  # used where a worker takes its rows in several pieces
        self._rows = [{} for _ in range(team.size)]
        self._parts = np.zeros((team.size, len(model.series)))
        owners = [[layer for _, layer in replica.owners()] for replica in self.replicas]
        self._large = [
            (SlabUpdate(start, *shape, team, team.size, model.theta.dtype), [layers[index] for layers in owners])
            for start, shape, index in large_matrices(model)
        ]
        self._rest = ranges_between([(s.start, s.stop) for s, _ in self._large], model.theta.size)

    def _set_training(self, training, validating=False):
        for replica in self.replicas:
            replica.set_training(training)
            for layer in every_layer(replica):
                layer.validating = validating

    def reseed(self, rng, epoch):
        """Give every worker noise of its own for this epoch; `rng` stays as it is."""
        for replica, noise in zip(self.replicas, noise_generators(rng, epoch, self.team.size), strict=True):
            replica.reseed(noise)

    def __call__(self, x, y, rows):
        """Update the parameters on the batch x[rows], y[rows]; return its loss before the update."""
        self._pass(x, y, rows, weights_later=len(rows) <= self.team.size * self.at_once)
        self.parts = self._parts.sum(axis=0)
        loss = self.parts.sum()
        if np.isfinite(loss):  # an update by NaN would spread it to every parameter and hide where it began
            self.optimizer.begin_step(self.model.theta, self.total_steps)
            self.team.run(self._update)
        return loss

    def gradient(self, x, y, rows):
        """Fill one gradient vector per worker; their sum is the batch's gradient."""
        self._pass(x, y, rows, weights_later=False)

    def _pass(self, x, y, rows, weights_later):
        """Forward, loss and backward of the batch, a part of its rows on each worker."""
        parts = self.team.parts(len(rows))
        self._weights_later = weights_later
        for _, layers in self._large:
            for layer in layers:
                layer.weights_later = weights_later

        def work(worker):
            self._parts[worker] = 0
            gradient, earlier = self.grads[worker], self._earlier[worker]
            for number, piece in enumerate(pieces(parts[worker], self.at_once)):
                if number:
                    np.add(earlier, gradient, out=earlier) if number > 1 else np.copyto(earlier, gradient)
                mine = rows[piece]
                inputs = self._gather(worker, "x", x, mine)
                targets = inputs if y is x else self._gather(worker, "y", y, mine)
                self.replicas[worker].loss_and_gradient(inputs, targets, len(rows), self._parts[worker])
            if number:
                gradient += earlier

        self.team.run(work)

    def _update(self, worker):
        """This worker's share of the update: its rows of every large matrix, and its share of all the rest."""
        theta, optimizer = self.model.theta, self.optimizer

        def update(grads, start, stop, offset):
            optimizer.update(theta, grads, start, stop, offset)

        if self._weights_later:
            for slabs, layers in self._large:
                slabs.work(worker, [(layer.x, layer.da) for layer in layers], update)
        for start, stop in self._rest if self._weights_later else [(0, theta.size)]:
            mine = self.team.parts(stop - start)[worker]
            optimizer.update(theta, self.grads, start + mine.start, start + mine.stop)

    def _gather(self, worker, key, data, rows):
        """data[rows] in memory kept from step to step."""
        if isinstance(data, LazyRows):
            return data[rows]
        kept = self._rows[worker].get(key)
        if kept is None or len(kept) < len(rows):
            kept = self._rows[worker][key] = np.empty((len(rows), *data.shape[1:]), data.dtype)
        # Row numbers come from a permutation of the data, so "clip" changes none; it spares NumPy a buffered copy.
        return np.take(data, rows, axis=0, out=kept[: len(rows)], mode="clip")

    def evaluate(self, x, y):
        """The loss and every penalty, means over (x, y): without learning, and with the same noise every time."""
        sums = np.zeros_like(self._parts)
        parts = self.team.parts(len(x))

        def work(worker):
            replica = self.replicas[worker]
            replica.reseed(np.random.default_rng([VALIDATION_NOISE, worker]))
            for rows in pieces(parts[worker], rows_at_once(self.model)):
                if rows.start < rows.stop:
                    inputs = x[rows]
                    targets = inputs if y is x else y[rows]
                    sums[worker] += replica.loss_parts(inputs, targets) * (rows.stop - rows.start)

        self._set_training(False, validating=True)
        try:
            self.team.run(work)
        finally:
            self._set_training(True)
        return sums.sum(axis=0) / len(x)
