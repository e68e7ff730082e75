"""What is watched while a net trains: squared errors, and how much of the time goes into matrix products."""

import time

import numpy as np

from tinyae.kernels.product import MOST_ROWS, matmul
from tinyae.optimizers import ConjugateGradient
from tinyae.training import Callback
from tinyae.training.threads import Team

SIDE, TURNS, TRIES = 1000, 2, 4  # of the products whose speed is taken for the machine's limit


class SquaredErrors(Callback):
    """Adds the squared error of the net on some data to every epoch's row.

    Parameters
    ----------
    parts : dict of str to array (N, D)
        Data by the names the numbers get in the row.
    threads : int
    before : bool
        The errors before the epoch's updates, as the paper's code prints them, instead of those after them.
    """

    def __init__(self, parts, threads, before=False):
        self.parts, self.threads, self.before, self.now = parts, threads, before, None

    def config(self):
        return {"parts": list(self.parts), "before": self.before}

    def on_train_begin(self, run):
        if self.before and run.first_epoch == 1:
            self.now = self.of(run.model)

    def on_epoch_end(self, run, row):
        earlier, self.now = self.now, self.of(run.model)
        row.update(earlier if self.before else self.now)

    def of(self, model):
        """The errors of a net, by the names of the parts."""
        return {
            name: model.evaluate(x, threads=self.threads)["squared_error"] for name, x in self.parts.items()
        }  # fmt: skip

    def state(self):
        return {"now": self.now}

    def restore(self, state):
        self.now = state["now"]


class ProductShare(Callback):
    """Adds to every epoch's row how fast the net's matrix products were done, beside what the machine can do.

    `gflops`: products of the forward and backward passes, in 10^9 operations a second. `limit_gflops`: what as many
    threads reach in large products and nothing else, measured anew after every epoch. `product_share`: the one over the
    other, the share of the time that the products would take at the limit. `product_share_of_cpu`: the same for
    seconds of computing time instead of seconds on the clock; on a machine that others use too, only this one says how
    much of the work is products.

    Counted from the end of an epoch's first batch: an epoch of one batch has no such numbers.
    """

    def __init__(self, threads):
        self.threads = threads

    def on_train_begin(self, run):
        self.mark, self.rows = None, len(run.training[0])
        inner = run.model.encoder.layers[0].multiply_adds  # the first layer needs no gradient of its input
        self.per_row = 2 * (3 * run.model.multiply_adds - inner)

    def on_batch_end(self, run, loss):
        if self.mark is None:
            self.mark = self._now(run)

    def on_epoch_end(self, run, row):
        seconds, cpu, passes = (b - a for a, b in zip(self.mark, self._now(run), strict=True))
        self.mark = None
        if not passes:
            return
        batch = self.rows / run.steps
        done = passes * batch * self.per_row / 1e9
        limit, limit_cpu = product_limit(self.threads)
        row["gflops"], row["limit_gflops"] = done / seconds, limit
        row["product_share"], row["product_share_of_cpu"] = done / seconds / limit, done / cpu / limit_cpu

    @staticmethod
    def _now(run):
        """Seconds on the clock, seconds of computing, and passes of a batch through the net so far."""
        searching = isinstance(run.optimizer, ConjugateGradient)
        passes = run.optimizer.evaluations if searching else run.optimizer.t
        return time.perf_counter(), time.process_time(), passes


def product_limit(threads):
    """The machine's limit for float32 products by `threads` threads: 10^9 operations per second, and per second of CPU.

    The best of some tries, as what else runs on the machine slows the others down, and of NumPy's product and tinyae's.
    """
    results = [_speed(multiply, rows, threads) for multiply, rows in ((np.matmul, SIDE), (matmul, MOST_ROWS))]
    return tuple(max(speeds) for speeds in zip(*results, strict=True))


def _speed(multiply, rows, threads):
    """The best speed of products (rows, SIDE) by (SIDE, SIDE), on the clock and by computing time."""
    left = [np.ones((rows, SIDE), np.float32) for _ in range(threads)]
    right = [np.ones((SIDE, SIDE), np.float32) for _ in range(threads)]
    results = [np.empty((rows, SIDE), np.float32) for _ in range(threads)]

    def work(worker):
        for _ in range(TURNS):
            multiply(left[worker], right[worker], out=results[worker])

    done, seconds, cpu = threads * TURNS * 2 * rows * SIDE**2 / 1e9, [], []
    with Team(threads) as team:
        for _ in range(TRIES):
            started = time.perf_counter(), time.process_time()
            team.run(work)
            seconds.append(time.perf_counter() - started[0])
            cpu.append(time.process_time() - started[1])
    return done / min(seconds), done / min(cpu)
