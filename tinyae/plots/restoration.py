"""The picture of a restoration: damaged, restored by the best classical method and by the net, original."""

import textwrap

import numpy as np

from tinyae.plots.common import Figure, show

LETTERS_PER_INCH = 11.5  # of the title


def restoration_rows(rows, title=None):
    """Images in rows, the same ones in every row, each with its own number below it.

    Parameters
    ----------
    rows : list of (str, array (n, H, W, C), array (n,) or None)
        Text on the left; images with values from 0 to 1; a PSNR in decibels for each, or None.
    title : str, optional
    """
    n, (height, width, channels) = len(rows[0][1]), rows[0][1].shape[1:]
    tall = 1.15 * height / width
    width_in = 1.7 + 1.15 * n
    lines = textwrap.wrap(title or "", int(LETTERS_PER_INCH * width_in))
    height_in = 0.2 + 0.27 * len(lines) + sum(tall + (0.07 if noted is None else 0.24) for *_, noted in rows)
    figure = Figure(figsize=(width_in, height_in), layout="constrained")
    axes = figure.subplots(len(rows), n, squeeze=False)
    for axis_row, (text, images, noted) in zip(axes, rows, strict=True):
        for j, (axis, image) in enumerate(zip(axis_row, images, strict=True)):
            show(axis, np.clip(image, 0, 1), (height, width, channels), cmap="gray", vmin=0, vmax=1)
            if noted is not None:
                axis.set_xlabel(f"{noted[j]:.1f} dB", fontsize=8, labelpad=2)
        axis_row[0].set_ylabel(text, rotation=0, ha="right", va="center", fontsize=10, labelpad=8)
    if lines:
        figure.suptitle("\n".join(lines), fontsize=11)
    return figure
