"""Worker threads: each takes a part of the batch, and BLAS is held to one thread meanwhile.

Two pools on the same cores are a disaster: OpenBLAS's threads spin for milliseconds after each product, and whoever
computes next waits for the core. So one pool it is, this one. NumPy's products and tinyae's kernels release Python's
global lock, hence the workers really run side by side.
"""

import itertools
import os
import threading

import numpy as np
from threadpoolctl import threadpool_limits

from tinyae.checks import check_int

# A net that diverges is told of by one error that names the place, not by warnings from every thread on the way.
QUIET = {"over": "ignore", "invalid": "ignore"}


def available_cores():
    """Cores this process may use."""
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:  # not on macOS and Windows
        return os.cpu_count() or 1


def thread_count(threads=None):
    """`threads`, or one per core without it; UsageError unless it is a whole number >= 1."""
    return available_cores() if threads is None else check_int("threads", "threads", threads, 1)


class Team:
    """`size` workers that run one function side by side; the caller is worker 0.

    >>> with Team(2) as team:
    ...     team.run(print_my_number)  # calls print_my_number(0) and print_my_number(1), returns when both are done

    A fork and join cost about 15 microseconds. Used as a context manager; entering holds BLAS to one thread,
    leaving restores it and ends the threads.
    """

    def __init__(self, size):
        self.size = size

    def __enter__(self):
        self._limits = threadpool_limits(1, user_api="blas")
        self._workers = [_Worker(number) for number in range(1, self.size)]
        return self

    def __exit__(self, *_):
        for worker in self._workers:
            worker.stop()
        self._limits.restore_original_limits()

    def run(self, function):
        """Call function(0), ..., function(size - 1) at once; when all are done raise the first error, if any."""
        for worker in self._workers:
            worker.start_on(function)
        try:
            with np.errstate(**QUIET):
                function(0)
        finally:
            errors = [worker.wait() for worker in self._workers]
        for error in errors:
            if error is not None:
                raise error

    def parts(self, n):
        """`size` slices of near equal length that cut range(n) in order; the same n gives the same cuts."""
        edges = [n * k // self.size for k in range(self.size + 1)]
        return [slice(a, b) for a, b in itertools.pairwise(edges)]


def run_in_parts(function, n, threads=None):
    """Call function(rows) for slices `rows` that together cover range(n), one on each of `threads` workers.

    `Team.run` on `Team.parts`, for one pass over rows that keeps no state per worker.
    """
    with Team(thread_count(threads)) as team:
        parts = team.parts(n)
        team.run(lambda worker: function(parts[worker]))


class _Worker:
    """One daemon thread, woken and awaited by two locks: the cheapest handover Python has."""

    def __init__(self, number):
        self.number, self.function, self.error = number, None, None
        self._go, self._done = threading.Lock(), threading.Lock()
        self._go.acquire()
        self._done.acquire()
        self._thread = threading.Thread(target=self._loop, name=f"tinyae-{number}", daemon=True)
        self._thread.start()

    def _loop(self):
        with np.errstate(**QUIET):
            while True:
                self._go.acquire()
                if self.function is None:
                    return
                try:
                    self.function(self.number)
                except BaseException as error:  # handed to the caller by wait()
                    self.error = error
                self._done.release()

    def start_on(self, function):
        self.function, self.error = function, None
        self._go.release()

    def wait(self):
        self._done.acquire()
        self.function = None
        return self.error

    def stop(self):
        self.function = None
        self._go.release()
        self._thread.join()
