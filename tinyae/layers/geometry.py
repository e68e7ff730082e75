"""Sizes of images and windows: what layers that slide a window over an image have in common."""

import numpy as np

from tinyae.checks import UsageError, check_int


def pair(who, name, value, low=1):
    """(height, width) of one number or two: 3 -> (3, 3). UsageError unless whole numbers >= low."""
    if isinstance(value, int | np.integer) and not isinstance(value, bool):
        value = (value, value)
    if not isinstance(value, tuple | list) or len(value) != 2:
        raise UsageError(f"{who}: expected {name} to be a whole number or a pair (height, width), got {value!r}.")
    return tuple(check_int(who, name, n, low) for n in value)


def one_or_pair(value):
    """The shorter way to write a pair: (3, 3) -> 3. What a layer's `config` shows."""
    return value[0] if value[0] == value[1] else list(value)


def check_image_shape(who, shape):
    """Raise ValueError unless `shape` is that of an image, (H, W, C)."""
    if len(shape) != 3:
        advice = {1: "put Reshape((height, width, channels)) before it", 2: "add an axis of channels"}.get(
            len(shape), "put Reshape before it"
        )
        raise ValueError(f"{who}: expected images (height, width, channels), got samples of shape {shape}; {advice}.")


def same_padding(length, size, step):
    """(before, after) so that ceil(length / step) windows of `size` fit; an odd one goes to the end, as in Keras."""
    windows = -(-length // step)
    total = max((windows - 1) * step + size - length, 0)
    return total // 2, total - total // 2
