"""What all pictures share: colours, files, an image without axes, a sheet of images, numbers as text, log axes."""

import io
import math
from pathlib import Path

import numpy as np
from matplotlib import figure, rc_context
from matplotlib.ticker import LogLocator, NullLocator

from tinyae.files import write_atomically

# Ten colours told apart in normal and in colour-deficient sight (Paul Tol's "muted" set and a grey), darkened where
# thin glyphs on white would fade; with the digit itself as the marker, colour is never the only sign.
CLASS_COLOURS = (
    "#332288", "#117733", "#cc6677", "#0077bb", "#b8860b",
    "#882255", "#44aa99", "#555555", "#e05200", "#aa44c8",
)  # fmt: skip
TRAIN_COLOUR, VALIDATION_COLOUR, BASELINE_COLOUR = "#0077bb", "#cc6677", "#555555"
DIVERGING = "RdBu_r"  # symmetric about 0; red and blue differ for colour-blind readers too
GRADIENTS = "PRGn"  # for gradients, as in tinyae.trace: green above 0, purple below


class Figure(figure.Figure):
    """Matplotlib's Figure, which shows itself in a notebook: it belongs to no pyplot that would show it."""

    def _repr_png_(self):
        buffer = io.BytesIO()
        self.savefig(buffer, format="png", dpi=80)
        return buffer.getvalue()


def save(figure, path, dpi=150):
    """Write a Figure to `path` in the format of its suffix, atomically and without time stamps."""
    dates = {".svg": {"Date": None}, ".pdf": {"CreationDate": None}}
    buffer = io.BytesIO()
    suffix = Path(path).suffix.lower()
    with rc_context({"svg.hashsalt": "tinyae"}):  # or the names of an SVG's parts would be random
        figure.savefig(buffer, format=suffix[1:], dpi=dpi, metadata=dates.get(suffix))
    write_atomically(path, lambda temporary: temporary.write_bytes(buffer.getvalue()))


def in_digits(value, scale=None):
    """An error as text: two decimals, more where the scale (the value itself without it) is small."""
    scale = abs(value if scale is None else scale)
    return f"{value:.2f}" if scale >= 1 or scale == 0 else f"{value:.{1 - math.floor(math.log10(scale)) + 1}f}"


def logarithmic_heights(axis):
    """A logarithmic y axis with ticks at 1, 2, 5, 10, 20, 50, as numbers one reads; over narrow ranges at more."""
    axis.set_yscale("log")
    axis.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axis.yaxis.set_major_formatter("{x:g}")
    axis.yaxis.set_minor_locator(NullLocator())


def show(axis, image, image_shape, **settings):
    """Draw an image on an axis without ticks and frame; `settings` are imshow's."""
    image = np.asarray(image).reshape(image_shape)
    # Three channels are red, green and blue; of any other number the mean is shown.
    picture = np.clip(image, 0, 1) if image_shape[-1] == 3 else image.mean(axis=-1)
    axis.imshow(picture, interpolation="nearest", **settings)
    axis.set_xticks([])
    axis.set_yticks([])
    for side in axis.spines.values():
        side.set_visible(False)


def sheet_of(rows, columns, image_shape, colours=False):
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
