"""What the decoder makes of a grid of two-dimensional codes."""

import numpy as np

from tinyae.checks import UsageError, as_float_array, check_shape
from tinyae.plots.common import Figure

MOST_TICKS = 8


def manifold(images, image_shape, first, second, title=None):
    """Images at their places in the space of codes, side by side without gaps.

    Parameters
    ----------
    images : array (n * m, D)
        Row by row from the upper left, `model.decode(grid.codes)`; values from 0 (black) to 1 (white).
    image_shape : (height, width, channels)
        Three channels are shown as red, green and blue.
    first, second : arrays (m,), (n,)
        The first number of the codes in each column, the second in each row from the top: those of
        `tinyae.codespace.code_grid`. They stand beside the picture; their steps need not be equal.
    title : str, optional
    """
    first, second = (as_float_array("manifold", a, np.float64, n) for a, n in ((first, "first"), (second, "second")))
    n, m = len(second), len(first)
    height, width, channels = image_shape
    images = as_float_array("manifold", images, np.float64, "images")
    images = images.reshape(len(images), -1)
    check_shape("manifold", images, (n * m, height * width * channels), "images")
    if not n * m:
        raise UsageError("manifold: expected at least one image, got none.")
    sheet = images.reshape(n, m, height, width, channels).transpose(0, 2, 1, 3, 4)
    sheet = np.clip(sheet.reshape(n * height, m * width, channels), 0, 1)
    wide = 6.8
    figure = Figure(
        figsize=(wide + 1.0, wide * n * height / (m * width) + (1.1 if title else 0.8)), layout="constrained"
    )
    axis = figure.subplots()
    axis.imshow(sheet if channels == 3 else sheet.mean(axis=-1), cmap="gray", vmin=0, vmax=1, interpolation="nearest")
    for set_ticks, places, side in ((axis.set_xticks, first, width), (axis.set_yticks, second, height)):
        shown = np.unique(np.linspace(0, len(places) - 1, min(MOST_TICKS, len(places))).round().astype(int))
        set_ticks((shown + 0.5) * side - 0.5, [f"{places[k]:.3g}" for k in shown], fontsize=8)
    axis.spines[:].set_visible(False)
    axis.set_xlabel("first code number")
    axis.set_ylabel("second code number")
    if title:
        axis.set_title(title, fontsize=11)
    return figure
