"""Columns of a table on comparable scales where some of the rows may be wrong, by any amount."""

import numpy as np

LINEAR_RANGE = 3.0  # deviations within which z is proportional to x
NORMAL_IQR = 1.349  # distance of the quartiles of a normal distribution, in standard deviations
TAILS = (2, 98)  # percentiles a column is cut to where its quartiles say too little
LEAST_IQR_SHARE = 0.3  # of the deviation between these percentiles, below which the quartiles are not trusted


class RobustScaling:
    """z = s((x - shift) / width), column by column: shift the median, width from the quartiles.

        s(u) = u                                 where |u| <= 3
        s(u) = sign(u) (3 + log(1 + |u| - 3))    beyond: smooth at 3, without bound, and with an inverse

    A wrong cell of a million deviations becomes one of 17: still the largest of its column, but no longer all that a
    net trained on squared errors sees.

    Parameters
    ----------
    x : array (N, D)
        Rows the shift and the width are taken from. Of a column whose quartiles nearly coincide (a count that is mostly
        0, a rare yes) the width is its standard deviation between the 2nd and the 98th percentile, of one that hardly
        ever changes its standard deviation, of a constant one 1.

    Attributes
    ----------
    shift, width : arrays (D,), float64
    """

    def __init__(self, x):
        x = np.asarray(x, np.float64)
        low, lower, median, upper, high = np.percentile(x, [TAILS[0], 25, 50, 75, TAILS[1]], axis=0)
        width = (upper - lower) / NORMAL_IQR
        cut = np.clip(x, low, high).std(axis=0)
        width = np.where(width > LEAST_IQR_SHARE * cut, width, cut)
        constant = x.min(axis=0) == x.max(axis=0)
        width = np.where(width > 0, width, x.std(axis=0))
        self.shift, self.width = median, np.where(constant | (width == 0), 1.0, width)

    def apply(self, x):
        """z (N, D) in x's float type; the difference is formed in float64, so that large offsets cost no digits."""
        u = (np.asarray(x, np.float64) - self.shift) / self.width
        beyond = np.maximum(np.abs(u) - LINEAR_RANGE, 0.0)
        z = np.where(beyond > 0, np.sign(u) * (LINEAR_RANGE + np.log1p(beyond)), u)
        return z.astype(x.dtype if x.dtype.kind == "f" else np.float64, copy=False)

    def undo(self, z):
        """x (N, D), float64."""
        z = np.asarray(z, np.float64)
        beyond = np.clip(np.abs(z) - LINEAR_RANGE, 0.0, 500.0)  # exp(500) is the largest that leaves room for a width
        u = np.where(beyond > 0, np.sign(z) * (LINEAR_RANGE + np.expm1(beyond)), z)
        return self.shift + self.width * u
