"""What a net holds, layer under layer: a row of small pictures each, its name on the left, its scale on the right."""

from dataclasses import dataclass

import numpy as np

from tinyae.plots.common import BASELINE_COLOUR, DIVERGING, Figure

NAMES, TILES, NOTES = 2.0, 4.9, 1.3  # inches: columns for names, pictures and scales
LARGEST, CELL = 0.62, 0.24  # inches: a tile, a cell of a row of numbers
GAP, ABOVE, BELOW = 0.14, 0.42, 0.1
DOTS = 80  # in an inch of a notebook
CELLS = 64  # numbers in a line, of a layer that is no image
GREY = "gray"


@dataclass
class Strip:
    """One layer's line.

    Attributes
    ----------
    name, note : str
        On the left and on the right.
    sheet : array (h, w)
        NaN where there is nothing.
    size : (width, height) in inches
    colours : str
    limits : (float, float)
    """

    name: str
    note: str
    sheet: np.ndarray
    size: tuple
    colours: str
    limits: tuple


def strips(rows, title=None):
    """A Figure of Strips, one below the other."""
    top = ABOVE if title else 0.24
    heights = [max(strip.size[1], 0.36) for strip in rows]
    width, height = NAMES + TILES + NOTES, top + BELOW + sum(heights) + GAP * len(rows)
    figure = Figure(figsize=(width, height))
    y = height - top
    for strip, room in zip(rows, heights, strict=True):
        (wide, tall), middle = strip.size, y - room / 2
        axis = figure.add_axes((NAMES / width, (middle - tall / 2) / height, wide / width, tall / height))
        low, high = strip.limits
        # Where there are more numbers than dots, their mean is drawn instead of some of them.
        crowded = strip.sheet.shape[0] > DOTS * tall or strip.sheet.shape[1] > DOTS * wide
        axis.imshow(
            np.ma.masked_invalid(strip.sheet), cmap=strip.colours, vmin=low, vmax=high, aspect="auto",
            interpolation="antialiased" if crowded else "nearest",
        )  # fmt: skip
        axis.set_xticks([])
        axis.set_yticks([])
        axis.spines[:].set_visible(False)
        figure.text((NAMES - 0.12) / width, middle / height, strip.name, ha="right", va="center", fontsize=9)
        figure.text((NAMES + TILES + 0.1) / width, middle / height, strip.note, ha="left", va="center", fontsize=9)
        y -= room + GAP
    figure.text((NAMES + TILES + 0.1) / width, 1 - 0.16 / height, "scale", fontsize=8, color=BASELINE_COLOUR)
    if title:
        figure.suptitle(title, fontsize=11, y=1 - 0.12 / height, va="top")
    return figure


def as_tiles(maps, columns, largest=LARGEST):
    """Maps (n, h, w) as one sheet, `columns` in a line and a gap between, and its size in inches."""
    n, height, width = maps.shape
    columns = min(columns, n)
    rows = -(-n // columns)
    # Small maps are enlarged, so that the gap is a small part of a tile whatever its size.
    factor = max(1, -(-24 // max(height, width)))
    maps = maps.repeat(factor, axis=1).repeat(factor, axis=2)
    height, width = maps.shape[1:]
    sheet = np.full((rows * (height + 2) - 2, columns * (width + 2) - 2), np.nan)
    for k, one in enumerate(maps):
        top, left = k // columns * (height + 2), k % columns * (width + 2)
        sheet[top : top + height, left : left + width] = one
    scale = min(largest / max(height, width), TILES / sheet.shape[1])
    return sheet, (sheet.shape[1] * scale, sheet.shape[0] * scale)


def as_cells(numbers):
    """Numbers (n,) as a sheet of cells, at most CELLS in a line, and its size in inches."""
    n = len(numbers)
    columns = min(CELLS, n)
    rows = -(-n // columns)
    sheet = np.full(rows * columns, np.nan)
    sheet[:n] = numbers
    cell = min(CELL, TILES / columns)
    return sheet.reshape(rows, columns), (columns * cell, rows * max(cell, 0.1))


def scale_of(numbers, gradient_colours=None):
    """(colours, limits, note): grey for amounts, two colours around 0 for what has a sign, or always for gradients."""
    low, high = float(np.min(numbers)), float(np.max(numbers))
    limit = max(abs(low), abs(high))
    if gradient_colours is None and low >= 0:
        top = 1.0 if 0.5 < high <= 1 else (high or 1.0)
        return GREY, (0.0, top), f"0 to {top:.3g}" if limit else "all 0"
    return gradient_colours or DIVERGING, (-(limit or 1.0), limit or 1.0), f"± {limit:.2g}" if limit else "all 0"
