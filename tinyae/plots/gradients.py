"""Gradients of the loss in the parameters: as pictures, and their sizes from layer to layer."""

import numpy as np
from matplotlib.ticker import LogLocator, NullFormatter

from tinyae.checks import UsageError, check_finite, check_int
from tinyae.plots.common import BASELINE_COLOUR, CLASS_COLOURS, GRADIENTS, Figure
from tinyae.plots.tiles import TILES, Strip, as_cells, as_tiles, scale_of, strips

MOST_TILES = 64  # of images
KERNEL, MOST_CHANNELS = 0.26, 4  # inches; lines of kernels, one for each channel they look at
NARROWEST = 0.12  # inches: a column of a matrix with few
MARKS = "osD^vP"
ORDER = (3, 8, 1, 5, 0, 4)  # places in CLASS_COLOURS, far from each other


def gradients(named, image_shape=None, title=None, columns=16):
    """The gradient in every parameter as a picture: green above 0, purple below, white where it is 0.

    Parameters
    ----------
    named : dict of str to array
        As `tinyae.inside.parameter_gradients` gives them: W (D, n), W (kh, kw, C, F), b (n,).
    image_shape : (height, width, channels), optional
        What the first layer sees: the gradients in the weights (D, n) of a unit that looks at such an image, or draws
        one (n, D), are drawn as images, a tile a unit; of the channels the mean. Without it W is drawn as the matrix.
    title : str, optional
    columns : int
        Tiles in a line. Of large layers the first 64 units are shown, or the kernels of the first 4 input channels and
        the first `columns` filters; the line says so on the right.

    Each parameter has a scale of its own, symmetric around 0, which stands on the right: the sizes of different layers
    are compared by `gradient_sizes`.
    """
    columns = check_int("gradients", "columns", columns, 1)
    if not named:
        raise UsageError("gradients: expected the gradient in at least one parameter, got none.")
    rows = []
    for name, gradient in named.items():
        gradient = np.asarray(gradient, dtype=np.float64)
        check_finite("gradients", gradient, name)
        sheet, size, more = _picture(name, gradient, image_shape, columns)
        colours, limits, note = scale_of(gradient, GRADIENTS)
        text = f"{name}\n{'×'.join(map(str, gradient.shape))}"
        rows.append(Strip(text, "\n".join(filter(None, (note, more))), sheet, size, colours, limits))
    return strips(rows, title)


def _picture(name, gradient, image_shape, columns):
    """(sheet, size in inches, what is left out) of a parameter's gradient."""
    pixels = None if image_shape is None else int(np.prod(image_shape))
    if gradient.ndim == 1:
        if len(gradient) == pixels:
            return *as_tiles(gradient.reshape(1, *image_shape).mean(axis=-1), 1), ""
        return *as_cells(gradient), ""
    if gradient.ndim == 4:
        return _kernels(gradient, columns)
    if gradient.ndim != 2:
        raise UsageError(
            f"gradients: expected parameters b (n,), W (D, n) or (kh, kw, C, F), got {name} {gradient.shape}."
        )
    if pixels in gradient.shape:
        units = gradient.T if gradient.shape[0] == pixels else gradient
        images = units[:MOST_TILES].reshape(-1, *image_shape).mean(axis=-1)
        return *as_tiles(images, columns), f"{MOST_TILES} of {len(units):,} units" * (len(units) > MOST_TILES)
    height, width = gradient.shape
    scale = min(TILES / width, 1.6 / height, 0.24)
    return gradient, (min(max(width * scale, NARROWEST * width), TILES), max(height * scale, NARROWEST)), ""


def _kernels(gradient, columns):
    """A tile for every pair of channels of W (kh, kw, C, F): a line for each of C, in it a tile for each of F."""
    kh, kw, C, F = gradient.shape
    shown = gradient if F > 1 else gradient.swapaxes(2, 3)
    shown = shown[:, :, :MOST_CHANNELS, :columns]
    tiles = np.moveaxis(shown.reshape(kh, kw, -1), -1, 0)
    more = f"{len(tiles)} of {C * F:,} kernels" * (len(tiles) < C * F)
    return *as_tiles(tiles, shown.shape[3], KERNEL * (1 if max(kh, kw) <= 3 else 1.5)), more


def gradient_sizes(series, title=None, unit="root mean square of dL/dW, log scale"):
    """How large the gradient is from layer to layer: whether it fades, or grows, on its way back.

    Parameters
    ----------
    series : list of (str, dict of str to array), or one such dict
        A net each, or one net at several times: name in the legend, and the gradients by parameter or by layer, as
        `tinyae.inside` gives them. Vectors (biases) are left out.
    title : str, optional
    unit : str
        What the axis says.

    A gradient of nothing but zeros has no place on a logarithmic axis; it is marked as "0" at the left edge.
    """
    series = [("", series)] if isinstance(series, dict) else list(series)
    layers = list(dict.fromkeys(name for _, named in series for name, g in named.items() if np.ndim(g) > 1))
    if not layers:
        raise UsageError("gradient_sizes: expected at least one array of two axes or more, got none.")
    figure = Figure(figsize=(8, 1.5 + 0.3 * len(layers) + 0.22 * (len(series) > 1)), layout="constrained")
    axis, zeros = figure.subplots(), []
    for number, (name, named) in enumerate(series):
        places = [k for k, layer in enumerate(layers) if layer in named]
        arrays = [np.asarray(named[layers[k]], dtype=np.float64) for k in places]
        for k, array in zip(places, arrays, strict=True):
            check_finite("gradient_sizes", array, layers[k])
        sizes = np.array([np.sqrt(np.mean(np.square(array))) for array in arrays])
        zeros += [(k, number) for k, size in zip(places, sizes, strict=True) if not size]
        sizes[sizes == 0] = np.nan
        colour = CLASS_COLOURS[ORDER[number % len(ORDER)]]
        axis.plot(sizes, places, "-", marker=MARKS[number % len(MARKS)], color=colour, label=name, linewidth=1.2)
    axis.set_xscale("log")
    axis.xaxis.set_major_locator(LogLocator(numticks=12))
    axis.xaxis.set_minor_formatter(NullFormatter())
    axis.margins(x=0.06)
    for k, number in zeros:
        axis.text(0.006, k, "0", transform=axis.get_yaxis_transform(), va="center", fontsize=10, weight="bold",
                  color=CLASS_COLOURS[ORDER[number % len(ORDER)]])  # fmt: skip
    axis.set_yticks(range(len(layers)), layers, fontsize=9)
    axis.set_ylim(len(layers) - 0.5, -0.5)  # the input on top
    axis.set_xlabel(unit)
    axis.grid(True, color="#eeeeee")
    boundary = [k for k in range(1, len(layers)) if layers[k - 1][:8] == "encoder." and layers[k][:8] == "decoder."]
    for k in boundary:
        axis.axhline(k - 0.5, color=BASELINE_COLOUR, linewidth=0.8, linestyle=":")
    if len(series) > 1:
        figure.legend(loc="outside lower center", ncols=min(len(series), 3), fontsize=9)
    if title:
        axis.set_title(title, fontsize=11)
    return figure
