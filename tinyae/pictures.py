"""Samples as pictures of bytes: what counts as an image, how its numbers become grey levels, how pixels get larger."""

import math

import numpy as np


def image_shape_of(sample_shape, smallest_side=1):
    """(H, W, C) with C 1 or 3 for samples that are images, or square rows of at least that side; None for others.

    >>> image_shape_of((784,))
    (28, 28, 1)
    """
    if len(sample_shape) == 1:
        side = math.isqrt(sample_shape[0])
        return (side, side, 1) if side * side == sample_shape[0] and side >= smallest_side else None
    return tuple(sample_shape) if len(sample_shape) == 3 and sample_shape[2] in (1, 3) else None


def limits_of(x):
    """The numbers that become black and white: 0 and 1, or the lowest and the highest of x where it goes beyond."""
    low, high = float(np.min(x)), float(np.max(x))
    return (0.0, 1.0) if low >= 0 and high <= 1 else (low, high)


def as_bytes(x, image_shape, limits=(0.0, 1.0)):
    """Samples (N, ...) as bytes (N, H, W, C): limits[0] and below is 0, limits[1] and above 255."""
    low, high = limits
    x = (np.reshape(x, (-1, *image_shape)).astype(np.float64) - low) / ((high - low) or 1.0)
    return np.rint(255 * np.clip(np.nan_to_num(x), 0, 1)).astype(np.uint8)


def enlarge(picture, factor):
    """A picture (H, W, C) with every pixel a square of `factor` pixels, edges kept sharp."""
    return picture.repeat(factor, axis=0).repeat(factor, axis=1)


def grid(rows, gap=2, paper=255):
    """Rows of pictures of one size, each (n, H, W, C), as one picture, with `gap` pixels of `paper` between."""
    rows = np.stack([np.asarray(row) for row in rows])
    r, n, height, width, channels = rows.shape
    sheet = np.full((r, height + gap, n, width + gap, channels), paper, np.uint8)
    sheet[:, :height, :, :width] = rows.transpose(0, 2, 1, 3, 4)
    return sheet.reshape(r * (height + gap), n * (width + gap), channels)[: -gap or None, : -gap or None]
