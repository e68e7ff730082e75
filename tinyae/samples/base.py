"""Samples as they are in a file: what every reader gives."""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from tinyae.checks import UsageError
from tinyae.samples.lazy import LazyRows, some_rows


@dataclass(frozen=True, eq=False, repr=False)
class Samples:
    """Images or rows of a table, in the file's own numbers.

    Attributes
    ----------
    path : Path
    x : array or LazyRows
        Images (N, H, W, C) or rows (N, D); uint8, bool or floats.
    kind : {"images", "rows"}
    names : tuple of str or None
        Of the columns, where the file has them.
    files : tuple of str or None
        Of the images of a folder, in order.
    labels : int64 array (N,) or None
        Index into class_names.
    class_names : tuple of str
    fill : float64 array (D,) or None
        What missing cells were filled with, column by column, where that was asked for.
    left_out : tuple of str
        Columns the file has and x has not: dropped ones and the labels'.
    numbers : int array (N,) or None
        Which samples of the file these are, where they are not all.
    no_channels : bool
        Whether grey images lie in the file as (N, H, W).
    """

    path: Path
    x: np.ndarray | LazyRows
    kind: str
    names: tuple | None = None
    files: tuple | None = None
    labels: np.ndarray | None = None
    class_names: tuple = ()
    fill: np.ndarray | None = None
    left_out: tuple = ()
    numbers: np.ndarray | None = None
    no_channels: bool = False

    def __len__(self):
        return len(self.x)

    @property
    def sample_shape(self):
        """(H, W, C) or (D,)."""
        return tuple(self.x.shape[1:])

    @property
    def lazy(self):
        """Whether x is read in pieces."""
        return isinstance(self.x, LazyRows)

    @property
    def count(self):
        """'1 image', '2,000 rows'."""
        return f"{len(self):,} {self.kind.removesuffix('s') if len(self) == 1 else self.kind}"

    def subset(self, numbers):
        """The samples of these row numbers, in this order."""
        files = None if self.files is None else tuple(np.array(self.files, dtype=object)[numbers])
        labels = None if self.labels is None else self.labels[numbers]
        mine = np.arange(len(self))[numbers] if self.numbers is None else self.numbers[numbers]
        return replace(self, x=some_rows(self.x, numbers), files=files, labels=labels, numbers=mine)

    def flat(self):
        """The same samples as rows (N, D)."""
        return replace(self, x=self.x.reshape(len(self), -1), kind="rows", no_channels=False)

    def place(self, i):
        """'image 7', counted from 0 as in an array, or 'row 8', counted from 1 as in a table."""
        i = int(i if self.numbers is None else self.numbers[i])
        return f"image {i}" if self.kind == "images" else f"row {i + 1}"

    def __repr__(self):
        return f"Samples({self.path.name!r}: {self.count} {self.sample_shape}, {self.x.dtype})"


def refuse(who, path, expected, got):
    """Raise the UsageError 'who: path: expected ..., got ....'"""
    raise UsageError(f"{who}: {path}: expected {expected}, got {got}.") from None


def classes_of(values):
    """Labels (N,) as indices, and the names of the classes in order: 1.0 is called '1'."""
    values = np.asarray(values)
    known, labels = np.unique(values, return_inverse=True)
    return labels.astype(np.int64).reshape(-1), tuple(map(class_name, known.tolist()))


def class_name(value):
    """A label as text: whole numbers without a point."""
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)
