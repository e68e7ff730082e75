"""What colour can be guessed without a net: none, the mean one, the one usual at a place or at a brightness.

Each is a function of (luminance and chrominance to learn from, luminance to colour) and gives chrominance (N, H, W, 2).
"""

import numpy as np

LEVELS = 256  # of brightness


def grey(y, chrominance, y_test):
    """No colour at all."""
    return np.zeros((*y_test.shape[:-1], 2), chrominance.dtype)


def mean_colour(y, chrominance, y_test):
    """One colour for all pixels: the mean of all, which has the least squared error of all single colours."""
    mean = chrominance.mean(axis=(0, 1, 2), dtype=np.float64)
    return np.broadcast_to(mean.astype(chrominance.dtype), (*y_test.shape[:-1], 2))


def mean_colour_of_place(y, chrominance, y_test):
    """The mean colour of every pixel's place: sky is above, grass below."""
    mean = chrominance.mean(axis=0, dtype=np.float64)
    return np.broadcast_to(mean.astype(chrominance.dtype), (*y_test.shape[:-1], 2))


def mean_colour_of_brightness(y, chrominance, y_test):
    """The mean colour of every one of 256 levels of brightness; that of all where training saw none so bright."""
    level, wanted = (np.rint((LEVELS - 1) * np.clip(a[..., 0], 0, 1)).astype(np.int64) for a in (y, y_test))
    count = np.bincount(level.ravel(), minlength=LEVELS)
    table = np.empty((LEVELS, 2))
    for k in range(2):
        total = np.bincount(level.ravel(), chrominance[..., k].ravel().astype(np.float64), LEVELS)
        table[:, k] = np.where(count, total / np.maximum(count, 1), chrominance[..., k].mean(dtype=np.float64))
    return table.astype(chrominance.dtype)[wanted]


BASELINES = {
    "grey": grey,
    "mean colour": mean_colour,
    "mean colour of the place": mean_colour_of_place,
    "mean colour of the brightness": mean_colour_of_brightness,
}
