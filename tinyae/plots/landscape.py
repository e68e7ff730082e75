"""The loss around a net: on a plane through its parameters, and on a line between two nets."""

import numpy as np
from matplotlib import patheffects
from matplotlib.colors import BoundaryNorm

from tinyae.checks import UsageError, as_float_array, check_shape
from tinyae.plots.common import BASELINE_COLOUR, CLASS_COLOURS, Figure

LEVELS = 16
HEIGHTS = "viridis"
LINES = ("-", "--", "-.", ":")
ORDER = (3, 8, 1, 5, 0, 4)  # places in CLASS_COLOURS, far from each other
OUTLINE = (patheffects.withStroke(linewidth=3, foreground="black"),)


def loss_landscape(surface, path=None, title=None, unit="loss", axes=("first direction", "second direction")):
    """Contours of the loss on a plane, and the way of training over it.

    Parameters
    ----------
    surface : tinyae.landscape.Surface
        `first` (p,), `second` (q,) and `loss` (q, p), of any source.
    path : array (T, 2), optional
        Places along both directions, as `tinyae.landscape.coordinates` gives them; its first point is a square, its
        last a star. A net that was taken to its plane shows its own loss only where the way lies in the plane.
    title : str, optional
    unit : str
        What the colours are.
    axes : (str, str)
        Names of the directions.

    The steps between the contours grow with the height above the lowest: near the bottom they are close together.
    Places where the loss is not finite are left white.
    """
    first, second = (
        as_float_array("loss_landscape", a, np.float64, "surface") for a in (surface.first, surface.second)
    )
    loss = as_float_array("loss_landscape", surface.loss, np.float64, "surface.loss")
    check_shape("loss_landscape", loss, (len(second), len(first)), "surface.loss")
    finite = np.isfinite(loss)
    if not finite.any():
        raise UsageError("loss_landscape: expected a loss that is finite somewhere, got none; use a smaller span.")
    levels = rising_levels(float(loss[finite].min()), float(loss[finite].max()), LEVELS)
    figure = Figure(figsize=(8, 6), layout="constrained")
    axis = figure.subplots()
    colours = BoundaryNorm(levels, 256)
    masked = np.ma.masked_invalid(loss)
    filled = axis.contourf(first, second, masked, levels, cmap=HEIGHTS, norm=colours)
    axis.contour(first, second, masked, levels, colors="white", linewidths=0.5, alpha=0.6)
    bar = figure.colorbar(filled, ax=axis, ticks=levels[::3], label=unit)
    bar.ax.set_yticklabels([f"{level:.4g}" for level in levels[::3]])
    bar.minorticks_off()
    if path is not None:
        path = as_float_array("loss_landscape", path, np.float64, "path")
        check_shape("loss_landscape", path, ("T", 2), "path")
        axis.plot(*path.T, "-", color="white", linewidth=1.4, path_effects=OUTLINE, zorder=3)
        axis.plot(*path[1:-1].T, ".", color="white", markersize=4, zorder=4)
        ends = ((path[:1], "s", 7, "start of training"), (path[-1:], "*", 15, "its end"))
        for place, mark, size, name in ends:
            axis.plot(*place.T, mark, color="white", markeredgecolor="black", markersize=size, label=name, zorder=5)
        axis.legend(fontsize=9, facecolor="#dddddd")
    elif first[0] <= 0 <= first[-1] and second[0] <= 0 <= second[-1]:
        axis.plot([0], [0], "*", color="white", markeredgecolor="black", markersize=15, label="the net", zorder=5)
        axis.legend(fontsize=9, facecolor="#dddddd")
    axis.set_xlim(first[0], first[-1])
    axis.set_ylim(second[0], second[-1])
    axis.set_xlabel(axes[0])
    axis.set_ylabel(axes[1])
    if title:
        axis.set_title(title, fontsize=11)
    return figure


def rising_levels(low, high, n, power=2.5):
    """n heights from low to high, the steps between them growing."""
    high = high if high > low else low + max(abs(low), 1.0) * 1e-6
    return low + (high - low) * np.linspace(0, 1, n) ** power


def loss_lines(series, title=None, unit="loss", ends=("t = 0", "t = 1")):
    """The loss on straight lines between nets.

    Parameters
    ----------
    series : list of (str, array (p,), array (p,))
        Name in the legend, t and losses, as `tinyae.landscape.line` gives them.
    title : str, optional
    unit : str
    ends : (str, str)
        What lies at t = 0 and at t = 1.
    """
    if not series:
        raise UsageError("loss_lines: expected at least one line, got none.")
    figure = Figure(figsize=(8, 4.4), layout="constrained")
    axis = figure.subplots()
    for number, (name, t, losses) in enumerate(series):
        check_shape("loss_lines", losses, np.shape(t), f"losses of {name}")
        colour = CLASS_COLOURS[ORDER[number % len(ORDER)]]
        axis.plot(t, losses, LINES[number % len(LINES)], color=colour, label=name, linewidth=1.8)
    for t, text, side in ((0, ends[0], "right"), (1, ends[1], "left")):
        axis.axvline(t, color=BASELINE_COLOUR, linewidth=1, linestyle=":")
        shift = -4 if side == "right" else 4
        axis.annotate(text, (t, 1), (shift, -4), axis.get_xaxis_transform(), textcoords="offset points", ha=side,
                      va="top", fontsize=9, color=BASELINE_COLOUR)  # fmt: skip
    axis.set_xlabel("t: share of the way from one net to the other")
    axis.set_ylabel(unit)
    axis.grid(True, color="#eeeeee")
    if len(series) > 1:
        figure.legend(loc="outside lower center", ncols=min(len(series), 4), fontsize=9)
    if title:
        axis.set_title(title, fontsize=11)
    return figure
