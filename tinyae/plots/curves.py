"""Curves: rows of numbers over each other, losses over the epochs."""

import numpy as np

from tinyae.plots.common import BASELINE_COLOUR, TRAIN_COLOUR, VALIDATION_COLOUR, Figure, in_digits, logarithmic_heights

MARKS = 25  # on a curve, at most


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


def loss_curves(panels, log=False):
    """Series over the epochs, with the baselines that give them a meaning as labelled lines.

    Parameters
    ----------
    panels : list of (str, dict, dict)
        Text of the y axis, series by name (lists over the epochs from 1), baselines by name.
    log : bool
        Logarithmic heights: for errors that fall far below their baselines and go on falling there. Without baselines
        of 0, such as the floor of a squared error.
    """
    figure = Figure(figsize=(6.4 * len(panels), 5.0), layout="constrained")
    for axis, (text, series, baselines) in zip(figure.subplots(1, len(panels), squeeze=False)[0], panels, strict=True):
        looks = ((TRAIN_COLOUR, "-", "o"), (VALIDATION_COLOUR, "--", "s"))
        for (name, values), (colour, line, mark) in zip(series.items(), looks, strict=False):
            epochs = np.arange(1, len(values) + 1)
            axis.plot(
                epochs, values, line, color=colour, label=name,
                marker=mark, markersize=3.5, markevery=-(-len(values) // MARKS),
            )  # fmt: skip
        axis.set_xlabel("epoch")
        if log:
            logarithmic_heights(axis)
            baselines = {name: value for name, value in baselines.items() if value > 0}  # 0 lies infinitely far down
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
    high = axis.get_ylim()[1]
    names = sorted(baselines, key=baselines.get)
    to_axes = axis.transData - axis.transAxes
    heights = [to_axes.transform((1, baselines[name]))[1] for name in names]
    for i in range(1, len(names)):  # upwards out of each other's way, then down again from the upper edge
        heights[i] = max(heights[i], heights[i - 1] + gap)
    for i in range(len(names) - 1, -1, -1):
        heights[i] = min(heights[i], 1 - gap * (len(names) - 1 - i))
    for name, height in zip(names, heights, strict=True):
        text = f"{name} {in_digits(baselines[name], high)}"
        axis.text(1.015, height, text, transform=axis.transAxes, va="center", fontsize=9, color=BASELINE_COLOUR)
