"""Rows that are read when they are asked for: how a file larger than memory is used like an array."""

import itertools
import math
import os
import threading

import numpy as np

from tinyae.checks import UsageError

BLOCK_BYTES = 8_000_000  # of float32 that are worked on at once, where all rows of a file are gone through


class LazyRows:
    """An array (N, *sample shape) in name: rows are read, and made ready, when they are asked for.

    Parameters
    ----------
    shape : tuple of int
        (N, *sample shape).
    dtype : numpy.dtype
    read : function of an array of row numbers to an array (n, *sample shape)
        A fresh array at every call, from several threads at once.

    Notes
    -----
    `x[a:b]` and `x[numbers]` are arrays in memory; `x.subset(numbers)`, `x.map(...)` and `x.reshape(-1, ...)` are lazy
    again. Everything that takes the rows of an array some at a time gives the same bits for these.

    Examples
    --------
    >>> for rows in blocks(x):
    ...     scores[rows] = score(x[rows])
    """

    def __init__(self, shape, dtype, read):
        self.shape, self.dtype, self._read = tuple(map(int, shape)), np.dtype(dtype), read

    @property
    def ndim(self):
        return len(self.shape)

    @property
    def size(self):
        return math.prod(self.shape)

    def __len__(self):
        return self.shape[0]

    def __getitem__(self, rows):
        if isinstance(rows, int | np.integer):
            return self[np.array([rows])][0]
        return self._read(row_numbers(rows, len(self)))

    def __iter__(self):
        return (self[number] for number in range(len(self)))

    def __array__(self, dtype=None, copy=None):
        raise UsageError(
            f"LazyRows: expected to be asked for some rows at a time, got asked for all {len(self):,}, which may not "
            "fit into memory; use x[:10_000], or tinyae.samples.blocks."
        )

    def subset(self, numbers):
        """The rows of these numbers, in this order, still unread."""
        numbers = row_numbers(numbers, len(self))
        return LazyRows((len(numbers), *self.shape[1:]), self.dtype, lambda rows: self._read(numbers[rows]))

    def map(self, function, sample_shape, dtype):
        """Rows that `function` of an array (n, *shape) makes of these, n at a time, when they are asked for."""
        return LazyRows((len(self), *sample_shape), dtype, lambda rows: function(self._read(rows)))

    def astype(self, dtype):
        """The rows as numbers of another type."""
        return self if self.dtype == dtype else self.map(lambda rows: rows.astype(dtype), self.shape[1:], dtype)

    def reshape(self, *shape):
        """The same numbers as samples of another shape; the first length stays, and one -1 is worked out."""
        n, *sample_shape = shape[0] if len(shape) == 1 else shape
        own = math.prod(self.shape[1:])
        if n == len(self) and sample_shape.count(-1) == 1:
            sample_shape[sample_shape.index(-1)] = own // -math.prod(sample_shape)
        if n not in (-1, len(self)) or math.prod(sample_shape) != own:
            raise UsageError(f"LazyRows: expected a shape of as many rows as {self.shape}, got {shape}.")
        return self.map(lambda rows: rows.reshape(-1, *sample_shape), sample_shape, self.dtype)

    def __repr__(self):
        return f"LazyRows({self.shape}, {self.dtype})"


def rows_of_file(path, offset, shape, dtype):
    """The rows that lie one after another in a file from byte `offset` on, as LazyRows."""
    return LazyRows(shape, dtype, _FileOfRows(path, offset, shape[1:], dtype))


class _FileOfRows:
    """Reads rows of a file by their numbers.

    They are read, not mapped: pages of a mapped file count as memory of this process for as long as nobody else wants
    theirs.
    """

    def __init__(self, path, offset, sample_shape, dtype):
        self.path, self.offset, self.sample_shape, self.dtype = path, offset, sample_shape, dtype
        self.row_bytes = dtype.itemsize * math.prod(sample_shape)
        self.file, self.lock = open(path, "rb", buffering=0), threading.Lock()

    def __call__(self, numbers):
        out = np.empty((len(numbers), *self.sample_shape), self.dtype)
        into, size = memoryview(out.reshape(-1).view(np.uint8)), self.row_bytes
        for start, stop in runs(numbers):
            self._fill(into[start * size : stop * size], self.offset + int(numbers[start]) * size)
        return out

    def _fill(self, into, place):
        """Read bytes from `place` on until `into` is full: one call may give fewer."""
        while len(into):
            got = self._read(into, place)
            if not got:
                raise OSError(f"{self.path} has become shorter while it was read")
            into, place = into[got:], place + got

    def _read(self, into, place):
        if hasattr(os, "preadv"):  # Linux and macOS: one call, and threads do not wait for each other
            return os.preadv(self.file.fileno(), [into], place)
        with self.lock:
            self.file.seek(place)
            return self.file.readinto(into)

    def __del__(self):
        if hasattr(self, "file"):
            self.file.close()


def runs(numbers):
    """(start, stop) of the longest pieces of a vector that count up by one, in order."""
    breaks = np.flatnonzero(np.diff(numbers) != 1) + 1
    return itertools.pairwise([0, *breaks.tolist(), len(numbers)]) if len(numbers) else []


def row_numbers(rows, n):
    """A slice, mask or vector of row numbers as numbers from 0 to n - 1; IndexError for what lies outside."""
    if isinstance(rows, slice):
        return np.arange(*rows.indices(n))
    rows = np.asarray(rows, dtype=None if np.size(rows) else np.intp)  # NumPy takes [] for floats
    if rows.dtype == bool and rows.shape == (n,):
        return np.flatnonzero(rows)
    if rows.ndim != 1 or rows.dtype.kind not in "iu":
        raise IndexError(
            f"expected a slice, {n} truth values or a vector of row numbers, got {rows.dtype} {rows.shape}"
        )
    if len(rows) and not (-n <= rows.min() and rows.max() < n):
        raise IndexError(f"expected row numbers below {n}, got some from {rows.min()} to {rows.max()}")
    return np.where(rows < 0, rows + n, rows)


def some_rows(x, numbers):
    """x[numbers]; of LazyRows without reading them."""
    return x.subset(numbers) if isinstance(x, LazyRows) else x[numbers]


def in_pieces(x):
    """x alone, or LazyRows some at a time: for what looks at all numbers once."""
    return (x[rows] for rows in blocks(x)) if isinstance(x, LazyRows) else (x,)


def blocks(x):
    """Slices that cover the rows of x (array or LazyRows), some megabytes each; the same for the same shape."""
    at_once = max(1, BLOCK_BYTES // (4 * max(1, math.prod(x.shape[1:]))))
    return [slice(start, min(start + at_once, len(x))) for start in range(0, len(x), at_once)]
