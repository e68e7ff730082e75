"""The ways of optimizers down a function of two numbers, over its contours."""

import numpy as np

from tinyae.checks import UsageError, as_float_array, check_int, check_shape
from tinyae.plots.common import CLASS_COLOURS, Figure
from tinyae.plots.landscape import rising_levels

POINTS, LEVELS = 121, 18
ORDER = (3, 8, 1, 5, 0, 4)  # places in CLASS_COLOURS, far from each other
MARKS = "os^DvP"
MARGIN, FARTHEST = 0.12, 1.25  # shares: around what is shown; of a start's distance, beyond which nothing is shown
LOWEST = 0.6  # of a panel's width: its height


def optimizer_paths(function, paths, title=None, limits=None, columns=None, names=("first number", "second number")):
    """Contours of a function, and on them the points every optimizer went through.

    Parameters
    ----------
    function : callable
        theta (2,) -> value, or (value, gradient), such as those of `tinyae.descent`. Its attribute `minimum`, where it
        has one, is marked by a star.
    paths : list of (str, array (T, 2))
        Name, and the points from the start on, as `tinyae.descent.follow` gives them.
    title : str, optional
    limits : ((low, high), (low, high)), optional
        Of both numbers. Without them all paths are shown, but for points that flew off.
    columns : int, optional
        A panel for each path, so many beside each other; all in one panel without it.
    names : (str, str)
        Of the two numbers.

    Below or above stand how many steps were taken, and the value reached.
    """
    paths = [(name, as_float_array("optimizer_paths", path, np.float64, f"path of {name}")) for name, path in paths]
    if not paths:
        raise UsageError("optimizer_paths: expected at least one path, got none.")
    for name, path in paths:
        check_shape("optimizer_paths", path, ("T", 2), f"path of {name}")
        if not len(path) or not np.isfinite(path[0]).all():
            raise UsageError(f"optimizer_paths: expected a path that begins at a finite point, got {name} without.")
    minimum = getattr(function, "minimum", None)
    limits = limits_of(paths, minimum) if limits is None else limits
    contours = _heights(function, limits)
    shape = _height_by_width(contours)
    if columns is None:
        below = 0.25 * -(-len(paths) // 2)  # the legend
        figure = Figure(figsize=(8, min(7.3 * shape, 6) + 0.95 + below), layout="constrained")
        axes, groups = [figure.subplots()], [list(enumerate(paths))]
    else:
        columns = min(check_int("optimizer_paths", "columns", columns, 1), len(paths))
        rows = -(-len(paths) // columns)
        figure = Figure(figsize=(8, 0.75 + rows * (min(7.4 / columns * shape, 6) + 0.45)), layout="constrained")
        grid = figure.subplots(rows, columns, squeeze=False, sharex=True, sharey=True)
        axes, groups = list(grid.flat), [[item] for item in enumerate(paths)]
        for axis in axes[len(paths) :]:
            axis.set_axis_off()
    for axis, group in zip(axes, groups, strict=False):
        _panel(axis, contours, limits, minimum)
        for number, (name, path) in group:
            text = _in_words(function, name, path)
            _draw(axis, number, _in_sight(path, limits), text)
            if columns is not None:
                axis.set_title(text.replace(": ", "\n", 1), fontsize=9)
    if columns is None:
        axes[0].set(xlabel=names[0], ylabel=names[1])
        handles, texts = axes[0].get_legend_handles_labels()
        figure.legend(handles, texts, loc="outside lower center", ncols=2, fontsize=9)
    else:
        figure.supxlabel(names[0], fontsize=10)
        figure.supylabel(names[1], fontsize=10)
    if title:
        figure.suptitle(title, fontsize=11)
    return figure


def limits_of(paths, minimum):
    """((low, high), (low, high)) around all points that are not much farther from the lowest place than the starts."""
    points = np.concatenate([path for _, path in paths])
    starts = np.array([path[0] for _, path in paths])
    centre = np.median(points[np.isfinite(points).all(axis=1)], axis=0) if minimum is None else np.asarray(minimum)
    farthest = FARTHEST * max(float(np.linalg.norm(starts - centre, axis=1).max()), 1e-12)
    with np.errstate(over="ignore", invalid="ignore"):
        near = points[np.linalg.norm(points - centre, axis=1) <= farthest]
    shown = np.concatenate([near, starts, centre[None]])
    low, high = shown.min(axis=0), shown.max(axis=0)
    middle, half = (low + high) / 2, (0.5 + MARGIN) * (high - low)
    half = np.maximum(half, LOWEST * half.max() + 1e-12)
    return tuple(zip(middle - half, middle + half, strict=True))


def _height_by_width(contours):
    """Of a panel: that of its limits, where one is not many times the other."""
    u, v, _ = contours
    shape = (v[-1] - v[0]) / (u[-1] - u[0])
    return shape if 1 / 3 < shape < 3 else LOWEST


def _value(function, theta):
    value = function(theta)
    return float(value[0] if isinstance(value, tuple) else value)


def _heights(function, limits):
    try:
        u, v = (np.linspace(low, high, POINTS) for low, high in limits)
    except (TypeError, ValueError):
        raise UsageError(f"optimizer_paths: expected limits ((low, high), (low, high)), got {limits!r}.") from None
    values = np.array([[_value(function, np.array([a, b])) for a in u] for b in v])
    if not np.isfinite(values).all():
        raise UsageError("optimizer_paths: expected a function that is finite within the limits, got one that is not.")
    return u, v, values


def _panel(axis, contours, limits, minimum):
    u, v, values = contours
    levels = rising_levels(float(values.min()), float(values.max()), LEVELS, power=3)
    axis.contourf(u, v, np.sqrt(values - values.min()), np.sqrt(levels - levels[0]), cmap="Greys", alpha=0.45)
    axis.contour(u, v, values, levels, colors="#888888", linewidths=0.5, linestyles="solid")
    if minimum is not None:
        axis.plot(*np.array(minimum)[:, None], "*", color="black", markersize=12, zorder=6)
    axis.set(xlim=limits[0], ylim=limits[1])
    if 1 / 3 < (v[-1] - v[0]) / (u[-1] - u[0]) < 3:
        axis.set_aspect("equal")  # only then a gradient stands at right angles to the contours


def _draw(axis, number, path, text):
    colour, mark = CLASS_COLOURS[ORDER[number % len(ORDER)]], MARKS[number % len(MARKS)]
    axis.plot(*path.T, "-", marker=mark, color=colour, markersize=4, linewidth=1.2, label=text, zorder=3 + 0.1 * number)
    axis.plot(*path[:1].T, "o", color="white", markeredgecolor="black", markersize=8, zorder=5)


def _in_sight(path, limits):
    """The path up to the point after the last one within the limits: what flies off for good leaves once."""
    low, high = np.array(limits, dtype=np.float64).T
    inside = ((path >= low) & (path <= high)).all(axis=1)
    last = int(np.flatnonzero(inside)[-1]) if inside.any() else 0
    path = path[: last + 2]
    return path[np.isfinite(path).all(axis=1)]


def _in_words(function, name, path):
    """'SGD: 40 steps, value 0.0123'."""
    steps = len(path) - 1
    with np.errstate(over="ignore", invalid="ignore"):
        last = _value(function, path[-1])
    return f"{name}: {steps} step{'s' * (steps != 1)}, value {last:.3g}"
