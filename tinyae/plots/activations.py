"""Which values a layer's units take, as histograms."""

import numpy as np

from tinyae.checks import UsageError, check_finite, check_int
from tinyae.plots.common import TRAIN_COLOUR, VALIDATION_COLOUR, Figure

BINS, MANY_ZEROS = 50, 0.02


def activations(outputs, title=None, columns=3):
    """A histogram of all numbers every layer gives, over samples and units.

    Parameters
    ----------
    outputs : dict of str to array (N, ...)
        As `tinyae.inside.layer_outputs` gives them; a few hundred samples are enough.
    title : str, optional
    columns : int
        Panels beside each other.

    Where more than 2 % of a layer's numbers are exactly 0, as behind ReLU, they are left out of the bars and told of
    in words: else one bar would dwarf the rest. A dashed line is the mean of all numbers, zeros included. Units
    (channels of images) that are 0 for every sample, dead ones, are counted.
    """
    columns = check_int("activations", "columns", columns, 1)
    if not outputs:
        raise UsageError("activations: expected the output of at least one layer, got none.")
    n = len(outputs)
    columns = min(columns, n)
    rows = -(-n // columns)
    figure = Figure(figsize=(max(2.7 * columns, 4.2), 0.6 + 1.95 * rows), layout="constrained")
    axes = figure.subplots(rows, columns, squeeze=False)
    for axis, (name, output) in zip(axes.flat, outputs.items(), strict=False):
        output = np.asarray(output, dtype=np.float64)
        if output.ndim < 2 or not output.size:
            raise UsageError(f"activations: expected arrays (N, ...) with numbers in them, got {name} {output.shape}.")
        check_finite("activations", output, name)
        _histogram(axis, name, output)
    for axis in axes.flat[n:]:
        axis.set_axis_off()
    for axis in axes[:, 0]:
        axis.set_ylabel("% of the numbers", fontsize=8)
    for j in range(columns):
        axes[(n - 1 - j) // columns, j].set_xlabel("output of a unit", fontsize=8)
    if title:
        figure.suptitle(title, fontsize=11)
    return figure


def _histogram(axis, name, output):
    zero = float(np.mean(output == 0))
    shown = output[output != 0] if MANY_ZEROS < zero < 1 else output.ravel()
    low, high = float(shown.min()), float(shown.max())
    span = (low, high) if high - low > 1e-9 * max(abs(low), abs(high), 1e-300) else (low - 0.5, high + 0.5)
    counts, edges = np.histogram(shown, BINS, span)
    axis.stairs(100 * counts / output.size, edges, fill=True, color=TRAIN_COLOUR)
    axis.axvline(output.mean(), color=VALIDATION_COLOUR, linestyle="--", linewidth=1.3)
    dead = int((np.abs(output).reshape(-1, output.shape[-1]).max(axis=0) == 0).sum())
    said = [name, f"mean {output.mean():.2g}, sd {output.std():.2g}"]
    if zero > MANY_ZEROS:
        said.append(f"{100 * zero:.0f} % are 0" + (f", {dead} of {output.shape[-1]} units always" if dead else ""))
    axis.set_title("\n".join(said), fontsize=8)
    axis.set_ylim(bottom=0)
    axis.tick_params(labelsize=8)
    axis.locator_params(axis="x", nbins=5)
