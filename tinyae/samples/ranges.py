"""Which numbers a file holds: their range, and what it says about how to prepare them."""

import numpy as np

from tinyae.samples.base import refuse
from tinyae.samples.lazy import blocks


def value_range(who, samples):
    """(lowest, highest) number of all samples; UsageError where one is NaN or infinite."""
    x, low, high = samples.x, None, None
    for rows in blocks(x):
        values = x[rows]
        if x.dtype.kind == "f" and not np.isfinite(values).all():
            bad = rows.start + int(np.flatnonzero(~np.isfinite(values).reshape(len(values), -1).all(axis=1))[0])
            refuse(who, samples.path, "finite numbers", f"NaN or infinity in {samples.place(bad)}; remove or fill them")
        least, most = values.min(), values.max()
        low = least if low is None or least < low else low
        high = most if high is None or most > high else high
    return low, high


def advice(low, high):
    """How to bring values from low to high into [0, 1]."""
    if low >= 0 and high <= 255:
        return "divide by 255 if they are pixels"
    return "save (x + 1) / 2" if low >= -1 and high <= 1 else "save (x - x.min()) / (x.max() - x.min())"


def size_text(shape):
    """'28 x 28 x 1', or '4 numbers'."""
    return " x ".join(map(str, shape)) if len(shape) > 1 else f"{shape[0]:,} numbers"


def scale_for(samples, low, high):
    """What "auto" means for samples with numbers from low to high."""
    in_range = samples.x.dtype.kind in "ub" or (low >= 0 and high <= 1)
    return "unit" if in_range or samples.kind == "images" else "standard"
