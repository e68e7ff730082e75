"""Ways from one image to another, a row each."""

import numpy as np

from tinyae.checks import UsageError, check_shape
from tinyae.plots.common import Figure, show


def interpolation(rows, image_shape, title=None):
    """Rows of images on the way from the first to the last, such as through the code and through the pixels.

    Parameters
    ----------
    rows : list of (str, array (steps, D))
        Text on the left, and the images at t = 0, ..., 1 in equal steps; values from 0 (black) to 1 (white).
    image_shape : (height, width, channels)
        Three channels are shown as red, green and blue.
    title : str, optional

    Examples
    --------
    >>> a, b = model.encode(x[[3, 8]])
    >>> plots.interpolation([("code", model.decode(between(a, b))), ("pixels", between(x[3], x[8]))], (28, 28, 1))
    """
    if not rows or len(rows[0][1]) < 2:
        raise UsageError("interpolation: expected at least one row of at least 2 images, got fewer.")
    steps, pixels = len(rows[0][1]), int(np.prod(image_shape))
    for text, images in rows:
        check_shape("interpolation", np.reshape(images, (len(images), -1)), (steps, pixels), f"images of {text!r}")
    side = min(0.85, 6.9 / steps)
    tall = side * image_shape[0] / image_shape[1]
    size = (1.1 + side * steps, (0.85 if title else 0.6) + (tall + 0.06) * len(rows))
    figure = Figure(figsize=size, layout="constrained")
    axes = figure.subplots(len(rows), steps, squeeze=False)
    for axis_row, (text, images) in zip(axes, rows, strict=True):
        for axis, image in zip(axis_row, images, strict=True):
            show(axis, np.clip(image, 0, 1), image_shape, cmap="gray", vmin=0, vmax=1)
        axis_row[0].set_ylabel(text, rotation=0, ha="right", va="center", fontsize=10, labelpad=8)
    every = max(1, round(steps / 9))
    for k, axis in enumerate(axes[-1]):
        if k % every == 0 or k == steps - 1:
            axis.set_xlabel(f"{k / (steps - 1):.3g}", fontsize=9, labelpad=2)
    figure.supxlabel("t: share of the way from the first to the last", fontsize=9)
    if title:
        figure.suptitle(title, fontsize=11)
    return figure
