"""Pictures: arrays in, a Matplotlib Figure out. The only module that imports Matplotlib.

Figures are made without pyplot, so nothing is registered globally, nothing needs closing, and no display is needed.
"""

import io
import math
from pathlib import Path

import numpy as np
from matplotlib import rc_context
from matplotlib.figure import Figure

from tinyae.checks import check_shape
from tinyae.files import write_atomically

# Ten colours told apart in normal and in colour-deficient sight (Paul Tol's "muted" set and a grey), darkened where
# thin glyphs on white would fade; with the digit itself as the marker, colour is never the only sign.
CLASS_COLOURS = (
    "#332288", "#117733", "#cc6677", "#0077bb", "#b8860b",
    "#882255", "#44aa99", "#555555", "#e05200", "#aa44c8",
)  # fmt: skip
TRAIN_COLOUR, VALIDATION_COLOUR, BASELINE_COLOUR = "#0077bb", "#cc6677", "#555555"
DIVERGING = "RdBu_r"  # symmetric about 0; red and blue differ for colour-blind readers too


def save(figure, path, dpi=150):
    """Write a Figure to `path` in the format of its suffix, atomically and without time stamps."""
    dates = {".svg": {"Date": None}, ".pdf": {"CreationDate": None}}
    buffer = io.BytesIO()
    suffix = Path(path).suffix.lower()
    with rc_context({"svg.hashsalt": "tinyae"}):  # or the names of an SVG's parts would be random
        figure.savefig(buffer, format=suffix[1:], dpi=dpi, metadata=dates.get(suffix))
    write_atomically(path, lambda temporary: temporary.write_bytes(buffer.getvalue()))


def code_maps(panels, labels, class_names, title=None):
    """Two-dimensional codes side by side, each point drawn as its class's glyph.

    Parameters
    ----------
    panels : list of (str, array (N, 2))
        Title and codes of each panel.
    labels : integer array (N,)
        Class of each point, 0 to 9.
    class_names : sequence of str
    title : str, optional
        Above all panels.
    """
    figure = Figure(figsize=(7.2 * len(panels) + 0.8, 7.8), layout="constrained")
    axes = figure.subplots(1, len(panels), squeeze=False)[0]
    classes = np.unique(labels)
    for axis, (text, codes) in zip(axes, panels, strict=True):
        check_shape("code_maps", codes, (len(labels), 2), "codes")
        # One random order for all points: class after class would bury the first classes under the last.
        for c, part in _interleaved(labels, classes):
            glyph = _glyph(class_names[c])
            axis.scatter(
                codes[part, 0], codes[part, 1], s=30, marker=glyph, color=CLASS_COLOURS[c % 10], linewidths=0, zorder=2
            )
        axis.set_title(text, fontsize=13)
        axis.set_xlabel("first code number")
        axis.set_ylabel("second code number")
        axis.grid(True, color="#eeeeee", zorder=0)
        axis.margins(0.03)
    handles = [
        axes[0].scatter([], [], s=90, marker=_glyph(class_names[c]), color=CLASS_COLOURS[c % 10], label=class_names[c])
        for c in classes
    ]
    figure.legend(handles=handles, loc="outside right center", title="class", fontsize=12)
    if title:
        figure.suptitle(title, fontsize=15)
    return figure


def _interleaved(labels, classes, rounds=20):
    """(class, row numbers) in `rounds` turns through all classes: a fair mixture with few artists."""
    order = np.random.default_rng(0).permutation(len(labels))
    for part in np.array_split(order, rounds):
        for c in classes:
            rows = part[labels[part] == c]
            if len(rows):
                yield c, rows


def _glyph(name):
    """A class name as a marker: digits as themselves, other names by their first letter."""
    letter = name[:1]
    escaped = {"\\": r"\backslash"}.get(letter, "\\" + letter if letter in "_$%#{}^&" else letter)
    return f"${escaped}$"


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
            _show(axis, image, image_shape, cmap="gray", vmin=0, vmax=1)
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
    axes[0].imshow(_sheet(pictures, columns[0], image_shape, colours), cmap="gray", vmin=0, vmax=1)
    for axis in axes:
        axis.set_xticks([])
        axis.set_yticks([])
        axis.spines[:].set_visible(False)
    centres = [(row + 0.5) * (height + 1) - 1 for row in range(len(rows))]
    axes[0].set_yticks(centres, [text for text, _, _ in rows], fontsize=9)
    axes[0].tick_params(length=0)
    if columns[1]:
        axes[1].imshow(_sheet(weights, columns[1], image_shape), cmap=DIVERGING, vmin=-1, vmax=1)
    if title:
        figure.suptitle(title, fontsize=10)
    return figure


def _between_minus_one_and_one(unit):
    return np.asarray(unit) / (float(np.abs(unit).max()) or 1.0)


def _sheet(rows, columns, image_shape, colours=False):
    """Images in rows as one array, a pixel apart; what is not there is NaN (white in colours), which shows as white."""
    height, width, channels = image_shape
    shape = (len(rows) * (height + 1) - 1, columns * (width + 1) - 1)
    sheet = np.ones((*shape, channels)) if colours else np.full(shape, np.nan)
    for i, images in enumerate(rows):
        for j, image in enumerate(images):
            image = np.asarray(image).reshape(image_shape)
            top, left = i * (height + 1), j * (width + 1)
            sheet[top : top + height, left : left + width] = np.clip(image, 0, 1) if colours else image.mean(axis=-1)
    return sheet


def row_curves(series, title=None, columns=5):
    """Rows of numbers as curves, a panel a sample: originals and their reconstructions over each other.

    Parameters
    ----------
    series : list of (str, array (n, D))
        Name in the legend, and n rows; originals, outputs, and what the outputs were made from, drawn faintly.
    title : str, optional
    """
    n = len(series[0][1])
    columns = min(columns, n)
    rows = -(-n // columns)
    figure = Figure(figsize=(0.8 + 2.4 * columns, 1.2 + 1.7 * rows), layout="constrained")
    axes = figure.subplots(rows, columns, squeeze=False, sharex=True, sharey=True)
    looks = ((TRAIN_COLOUR, "-", 1.4), (VALIDATION_COLOUR, "--", 1.4), ("#aaaaaa", "-", 0.6))
    for (name, curves), (colour, line, width), depth in zip(series, looks, (4, 5, 3), strict=False):
        for axis, curve in zip(axes.flat, curves, strict=False):
            places = np.arange(1, len(curve) + 1)
            axis.plot(places, curve, line, color=colour, linewidth=width, label=name, zorder=depth)
    for axis in axes.flat[n:]:
        axis.set_axis_off()
    for axis in axes[-1]:
        axis.set_xlabel("place in the row")
    for axis in axes[:, 0]:
        axis.set_ylabel("value")
    figure.legend(*axes[0, 0].get_legend_handles_labels(), loc="outside lower center", ncols=len(series), fontsize=10)
    if title:
        figure.suptitle(title, fontsize=11)
    return figure


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
    sheet = _sheet(rows, columns, image_shape)
    limit = float(np.nanquantile(np.abs(sheet), 0.995)) or 1.0
    figure = Figure(figsize=(0.55 * columns + 1.2, 0.55 * len(rows) + 0.7), layout="constrained")
    axis = figure.subplots()
    picture = axis.imshow(sheet, cmap=DIVERGING, vmin=-limit, vmax=limit, interpolation="nearest")
    axis.set_axis_off()
    figure.colorbar(picture, ax=axis, label="weight", shrink=0.8, extend="both")
    if title:
        axis.set_title(title, fontsize=11)
    return figure


def loss_curves(panels):
    """Series over the epochs, with the baselines that give them a meaning as labelled lines.

    Parameters
    ----------
    panels : list of (str, dict, dict)
        Text of the y axis, series by name (lists over the epochs from 1), baselines by name.
    """
    figure = Figure(figsize=(6.4 * len(panels), 5.0), layout="constrained")
    for axis, (text, series, baselines) in zip(figure.subplots(1, len(panels), squeeze=False)[0], panels, strict=True):
        looks = ((TRAIN_COLOUR, "-", "o"), (VALIDATION_COLOUR, "--", "s"))
        for (name, values), (colour, line, mark) in zip(series.items(), looks, strict=False):
            epochs = np.arange(1, len(values) + 1)
            axis.plot(epochs, values, line, color=colour, marker=mark, markersize=3.5, label=name)
        axis.set_xlabel("epoch")
        axis.set_ylabel(text)
        axis.xaxis.get_major_locator().set_params(integer=True)
        axis.margins(y=0.08)
        axis.grid(True, color="#eeeeee")
        _baselines(axis, baselines)
    # Below the panels: inside, it would sooner or later cover a baseline.
    by_name = {}
    for axis in figure.axes:
        handles, names = axis.get_legend_handles_labels()
        by_name |= dict(zip(names, handles, strict=True))
    figure.legend(by_name.values(), by_name.keys(), loc="outside lower center", ncols=len(by_name), fontsize=10)
    return figure


def _baselines(axis, baselines, gap=0.045):
    """Dotted lines across `axis`, each with its name and value to the right, at least `gap` of the height apart.

    To the right, because within the axis the curves end where the lines are most interesting.
    """
    for value in baselines.values():
        axis.axhline(value, color=BASELINE_COLOUR, linewidth=1, linestyle=":")
    low, high = axis.get_ylim()
    names = sorted(baselines, key=baselines.get)
    heights = [(baselines[name] - low) / (high - low) for name in names]
    for i in range(1, len(names)):  # upwards out of each other's way, then down again from the upper edge
        heights[i] = max(heights[i], heights[i - 1] + gap)
    for i in range(len(names) - 1, -1, -1):
        heights[i] = min(heights[i], 1 - gap * (len(names) - 1 - i))
    for name, height in zip(names, heights, strict=True):
        text = f"{name} {in_digits(baselines[name], high)}"
        axis.text(1.015, height, text, transform=axis.transAxes, va="center", fontsize=9, color=BASELINE_COLOUR)


def in_digits(value, scale=None):
    """An error as text: two decimals, more where the scale (the value itself without it) is small."""
    scale = abs(value if scale is None else scale)
    return f"{value:.2f}" if scale >= 1 or scale == 0 else f"{value:.{1 - math.floor(math.log10(scale)) + 1}f}"


def _show(axis, image, image_shape, **settings):
    image = np.asarray(image).reshape(image_shape)
    # Three channels are red, green and blue; of any other number the mean is shown.
    picture = np.clip(image, 0, 1) if image_shape[-1] == 3 else image.mean(axis=-1)
    axis.imshow(picture, interpolation="nearest", **settings)
    axis.set_xticks([])
    axis.set_yticks([])
    for side in axis.spines.values():
        side.set_visible(False)
