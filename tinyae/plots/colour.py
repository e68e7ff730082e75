"""The picture of a colourisation: grey, guesses, original."""

import numpy as np

from tinyae.plots.common import Figure, show


def colour_rows(rows, title=None):
    """Images in rows, the same ones in every row, each with its own error below it.

    Parameters
    ----------
    rows : list of (str, array (n, H, W, 1 or 3), array (n,) or None)
        Text on the left; images with values from 0 to 1; the chrominance error of each in 1/255, or None.
    title : str, optional
    """
    n, (height, width) = len(rows[0][1]), rows[0][1].shape[1:3]
    tall = 1.1 * height / width
    size = (
        1.9 + 1.1 * n,
        (0.5 if title else 0.2) + sum(tall + (0.07 if noted is None else 0.24) for *_, noted in rows),
    )
    figure = Figure(figsize=size, layout="constrained")
    axes = figure.subplots(len(rows), n, squeeze=False)
    for axis_row, (text, images, noted) in zip(axes, rows, strict=True):
        for j, (axis, image) in enumerate(zip(axis_row, images, strict=True)):
            show(axis, np.clip(image, 0, 1), image.shape, cmap="gray", vmin=0, vmax=1)
            if noted is not None:
                axis.set_xlabel(f"{noted[j]:.1f}", fontsize=8, labelpad=2)
        axis_row[0].set_ylabel(text, rotation=0, ha="right", va="center", fontsize=10, labelpad=8)
    if title:
        figure.suptitle(title, fontsize=11)
    return figure
