"""Images and weights in rows: reconstructions, nets beside each other, filters."""

import numpy as np

from tinyae.plots.common import DIVERGING, Figure, sheet_of, show


def reconstruction_rows(rows, image_shape, column_titles=None, title=None):
    """Images in rows: originals above their reconstructions.

    Parameters
    ----------
    rows : list of (str, array (n, D))
        Text on the left of the row, and its images, values from 0 (drawn black) to 1 (white); beyond, they are cut.
    image_shape : (height, width, channels)
        Three channels are shown as red, green and blue.
    column_titles : sequence of str, optional
    title : str, optional
        Above all.
    """
    n = len(rows[0][1])
    figure = Figure(figsize=(1.9 + 0.72 * n, (0.4 if title else 0.2) + 0.82 * len(rows)), layout="constrained")
    axes = figure.subplots(len(rows), n, squeeze=False)
    for axis_row, (text, images) in zip(axes, rows, strict=True):
        for axis, image in zip(axis_row, images, strict=True):
            show(axis, image, image_shape, cmap="gray", vmin=0, vmax=1)
        axis_row[0].set_ylabel(text, rotation=0, ha="right", va="center", fontsize=10)
    for axis, text in zip(axes[0], column_titles or (), strict=False):
        axis.set_title(text, fontsize=10)
    if title:
        figure.suptitle(title, fontsize=11)
    return figure


def comparison(rows, image_shape, title=None):
    """Images on the left, weights on the right, a row a net.

    Parameters
    ----------
    rows : list of (str, array (n, D), array (m, D) or None)
        Text on the left; images from 0 (black) to 1 (white); weights, each unit on a symmetric scale of its own.
    image_shape : (height, width, channels)
    title : str, optional
    """
    pictures = [list(images) for _, images, _ in rows]
    weights = [[] if units is None else [_between_minus_one_and_one(unit) for unit in units] for _, _, units in rows]
    columns = len(pictures[0]), max(map(len, weights))
    height, width = image_shape[:2]
    size = (1.9 + 0.6 * sum(columns) * width / height, 0.8 + 0.62 * len(rows))
    figure = Figure(figsize=size, layout="constrained")
    axes = figure.subplots(1, 2 if columns[1] else 1, squeeze=False, width_ratios=[n for n in columns if n])[0]
    colours = image_shape[-1] == 3
    axes[0].imshow(sheet_of(pictures, columns[0], image_shape, colours), cmap="gray", vmin=0, vmax=1)
    for axis in axes:
        axis.set_xticks([])
        axis.set_yticks([])
        axis.spines[:].set_visible(False)
    centres = [(row + 0.5) * (height + 1) - 1 for row in range(len(rows))]
    axes[0].set_yticks(centres, [text for text, _, _ in rows], fontsize=9)
    axes[0].tick_params(length=0)
    if columns[1]:
        axes[1].imshow(sheet_of(weights, columns[1], image_shape), cmap=DIVERGING, vmin=-1, vmax=1)
    if title:
        figure.suptitle(title, fontsize=10)
    return figure


def _between_minus_one_and_one(unit):
    return np.asarray(unit) / (float(np.abs(unit).max()) or 1.0)


def filters(weights, image_shape, title=None, columns=20):
    """Weights into units as images on one symmetric colour scale: red positive, blue negative, white zero.

    Parameters
    ----------
    weights : array (D, n)
        Column j holds the weights of unit j.
    image_shape : (height, width, channels)
    """
    weights = np.asarray(weights)
    n = weights.shape[1]
    columns = min(columns, n)
    rows = [weights.T[start : start + columns] for start in range(0, n, columns)]
    sheet = sheet_of(rows, columns, image_shape)
    limit = float(np.nanquantile(np.abs(sheet), 0.995)) or 1.0
    figure = Figure(figsize=(0.55 * columns + 1.2, 0.55 * len(rows) + 0.7), layout="constrained")
    axis = figure.subplots()
    picture = axis.imshow(sheet, cmap=DIVERGING, vmin=-limit, vmax=limit, interpolation="nearest")
    axis.set_axis_off()
    figure.colorbar(picture, ax=axis, label="weight", shrink=0.8, extend="both")
    if title:
        axis.set_title(title, fontsize=11)
    return figure
