"""Bringing the columns of a table to comparable scales, and back. Arrays in, arrays out."""

import numpy as np

from tinyae.checks import check_choice

SCALES = ("standard", "minmax", None)  # of estimators
ROWS_AT_ONCE = 2000  # float64 copies are made of these only


class Scaling:
    """z = (x - shift) / width, column by column; x = shift + width z.

    Parameters
    ----------
    who : str
        Who speaks in the error.
    scale : {"standard", "common", "minmax", None}
        "standard": mean 0, standard deviation 1. "common": mean 0, and one width for all columns, the root of their
        mean variance. "minmax": from 0 to 1. None: x as it is.
    x : array or LazyRows (N, D)
        Data the shift and the width are taken from. A constant column has width 1.
    among : tuple
        The scales that make sense for `who`.

    Attributes
    ----------
    shift, width : arrays (D,), float64
    mean : array (D,), float64
        Mean of z over the data.
    constant : bool array (D,)
        Columns that have one value in all rows.
    """

    def __init__(self, who, scale, x, among=SCALES):
        check_choice(who, "scale", scale, among)
        low, high, total = np.inf, -np.inf, 0.0
        for rows in blocks(len(x)):  # some at a time: they may lie in a file
            some = x[rows]
            low, high = np.minimum(low, some.min(axis=0)), np.maximum(high, some.max(axis=0))
            total = total + some.sum(axis=0, dtype=np.float64)
        low, high, mean = low.astype(np.float64), high.astype(np.float64), total / len(x)
        self.shift, self.width = np.zeros(x.shape[1]), np.ones(x.shape[1])
        if scale == "standard":
            squares = sum(np.square(x[rows] - mean).sum(axis=0) for rows in blocks(len(x)))
            self.shift, self.width = mean, np.sqrt(squares / len(x))
        elif scale == "common":
            squares = sum(np.square(x[rows] - mean).sum() for rows in blocks(len(x)))
            self.shift, self.width = mean, np.full(x.shape[1], np.sqrt(squares / x.size))
        elif scale == "minmax":
            self.shift, self.width = low, high - low
        # Rounding leaves a constant column a mean just beside its value, and a tiny deviation.
        self.constant = low == high
        self.width = np.where(self.constant, 1.0, self.width)
        if scale is not None:
            self.shift = np.where(self.constant, low, self.shift)
        self.mean = (mean - self.shift) / self.width

    def apply(self, x):
        """z (N, D) in x's float type; the difference is formed in float64, so that large offsets cost no digits."""
        z = np.empty(x.shape, x.dtype)
        for rows in blocks(len(x)):
            z[rows] = (x[rows] - self.shift) / self.width
        return z

    def undo(self, z):
        """x (N, D) in z's float type."""
        x = np.empty(z.shape, z.dtype)
        for rows in blocks(len(z)):
            x[rows] = self.shift + self.width * z[rows]
        return x


def blocks(n):
    """Slices that cover range(n), some thousand rows each."""
    return [slice(start, start + ROWS_AT_ONCE) for start in range(0, n, ROWS_AT_ONCE)]
