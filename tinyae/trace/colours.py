"""Arrays as coloured pictures: grey for amounts, red and blue for signed values, green and purple for gradients."""

import base64
import io

import numpy as np

from tinyae.pictures import enlarge

# Anchors from the lowest to the highest number; ColorBrewer's RdBu and PRGn, which colour-blind readers tell apart.
GREY = ((0, 0, 0), (255, 255, 255))
VALUES = ((33, 102, 172), (146, 197, 222), (247, 247, 247), (244, 165, 130), (178, 24, 43))
GRADIENTS = ((118, 42, 131), (194, 165, 207), (247, 247, 247), (166, 219, 160), (27, 120, 55))

SMALLEST_PICTURE = 220  # pixels: smaller ones are enlarged so that single numbers can be seen
PAPER = 255


def palette_of(name, array):
    """Anchors and limits for an array: gradients signed, amounts in [0, 1] grey, everything else signed."""
    finite = array[np.isfinite(array)]  # a target's holes are NaN
    low, high = (float(finite.min()), float(finite.max())) if finite.size else (0.0, 0.0)
    limit = max(abs(low), abs(high)) or 1.0
    if is_gradient(name):
        return GRADIENTS, (-limit, limit)
    if low >= 0 and 0 < high <= 1:
        return GREY, (0.0, 1.0)
    return VALUES, (-limit, limit)


def is_gradient(name):
    """Whether an array of that name is a gradient: 'dx', 'dW', 'dencoder.dense_1.W'."""
    return name.startswith("d") and name not in ("data", "d")


def coloured(array, anchors, limits):
    """Numbers (...) as bytes (..., 3): limits[0] and below the first anchor, limits[1] and above the last.

    NaN, a hole, is paper.
    """
    low, high = limits
    array = np.asarray(array, dtype=np.float64)
    hole = np.isnan(array)
    place = np.clip((np.where(hole, low, array) - low) / ((high - low) or 1.0), 0, 1) * (len(anchors) - 1)
    below = np.minimum(place.astype(int), len(anchors) - 2)
    table, part = np.array(anchors, dtype=np.float64), (place - below)[..., None]
    mixed = table[below] * (1 - part) + table[below + 1] * part
    return np.rint(np.where(hole[..., None], PAPER, mixed)).astype(np.uint8)


def is_dark(rgb):
    """Whether white letters read better than black ones on this colour (ITU-R BT.601 luma)."""
    return 0.299 * rgb[0] + 0.587 * rgb[1] + 0.114 * rgb[2] < 128


def sheet(rows, gap=1):
    """Coloured pictures in rows, each (H, W, 3), as one, `gap` pixels of paper between."""
    height, width = rows[0][0].shape[:2]
    n = max(map(len, rows))
    whole = np.full((len(rows) * (height + gap) - gap, n * (width + gap) - gap, 3), PAPER, np.uint8)
    for i, row in enumerate(rows):
        for j, picture in enumerate(row):
            top, left = i * (height + gap), j * (width + gap)
            whole[top : top + height, left : left + width] = picture
    return whole


def data_uri(rgb):
    """A picture (H, W, 3) as the text of an <img>'s src: PNG, enlarged where it is small."""
    from PIL import Image  # Matplotlib brings it

    factor = max(1, -(-SMALLEST_PICTURE // max(rgb.shape[:2])))
    buffer = io.BytesIO()
    Image.fromarray(enlarge(rgb, factor)).save(buffer, "PNG", optimize=True)
    return "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode()
