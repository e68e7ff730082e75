"""Pictures of documents: how well codes retrieve, and where documents lie on a map."""

import numpy as np
from matplotlib.lines import Line2D
from matplotlib.ticker import FixedLocator, NullLocator, PercentFormatter

from tinyae.checks import UsageError, check_shape
from tinyae.plots.codes import _interleaved
from tinyae.plots.common import BASELINE_COLOUR, CLASS_COLOURS, Figure

# A family of groups has a colour, a group in it a shape: twenty colours could not be told apart. Of the first six any
# two are 27 apart or more in CIE Lab, also as people without red, green or blue cones see them (Machado et al. 2009).
FAMILY_COLOURS = ("#56b4e9", "#e69f00", "#117733", "#882255", "#332288", "#999999", "#661100", "#aa44c8")
SHAPES = ("o", "^", "s", "D", "v", "P", "X", "*")
LINES = ("-", "--", "-.", ":", (0, (5, 1)), (0, (3, 1, 1, 1)))


def retrieval_curves(series, title=None):
    """Precision among the first n retrieved, for the methods of a comparison.

    Parameters
    ----------
    series : list of (str, array)
        Name of each method, and its precision among the first 1, 2, ... documents; the first is drawn thick.
    title : str, optional
    """
    figure = Figure(figsize=(8, 5.4), layout="constrained")
    axis = figure.subplots()
    for i, (name, curve) in enumerate(series):
        style = {
            "color": CLASS_COLOURS[(3 + i) % 10],
            "linestyle": LINES[i % len(LINES)],
            "linewidth": 3 if i == 0 else 1.8,
        }
        if name == "chance":
            style = {"color": BASELINE_COLOUR, "linestyle": ":", "linewidth": 1.2}
        axis.plot(np.arange(1, len(curve) + 1), curve, label=name, **style)
    longest = max(len(curve) for _, curve in series)
    ticks = [2**n - 1 for n in range(1, 20) if 2**n - 1 <= max(longest, 1)]
    axis.set_xscale("log", base=2)
    axis.xaxis.set_major_locator(FixedLocator(ticks))
    axis.xaxis.set_minor_locator(NullLocator())
    axis.set_xticklabels([f"{tick:,}" for tick in ticks])
    axis.set_xlabel("documents retrieved")
    axis.set_ylabel("of those retrieved, in the query's group")
    axis.set_ylim(0, None)
    axis.yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    axis.grid(True, color="#eeeeee")
    axis.legend(frameon=False)
    if title:
        axis.set_title(title, fontsize=12)
    return figure


def topic_map(panels, labels, class_names, families, title=None, axes="number"):
    """Documents on maps side by side: a colour for each family of groups, a shape for each group in it.

    Parameters
    ----------
    panels : list of (str, array (N, 2))
        Title and places of each map.
    labels : integer array (N,)
    class_names, families : sequences of str
        Of each group its name, and the name of its family.
    title : str, optional
    axes : str
        What a place has two of: "number", "principal component".
    """
    styles, legend = _styles(class_names, families)
    figure = Figure(figsize=(6.4 * len(panels) + 2.6, 6.8), layout="constrained")
    plots = figure.subplots(1, len(panels), squeeze=False)[0]
    classes = np.unique(labels)
    for axis, (text, places) in zip(plots, panels, strict=True):
        check_shape("topic_map", places, (len(labels), 2), "places")
        for c, part in _interleaved(labels, classes):
            colour, shape = styles[c]
            axis.scatter(
                places[part, 0], places[part, 1], s=11, marker=shape, color=colour, alpha=0.6, linewidths=0, zorder=2
            )
        outside = np.zeros(len(places), bool)  # a few documents lie far out; the map shows the rest of them large
        for bound, set_limits in ((0, axis.set_xlim), (1, axis.set_ylim)):
            low, high = np.percentile(places[:, bound], (0.3, 99.7))
            margin = 0.04 * (high - low) or 1.0
            set_limits(low - margin, high + margin)
            outside |= np.abs(places[:, bound] - (low + high) / 2) > (high - low) / 2 + margin
        told = f" ({outside.sum():,} of {len(places):,} documents lie outside)" if outside.any() else ""
        axis.set_title(text + told, fontsize=12)
        axis.set_xlabel(f"first {axes}")
        axis.set_ylabel(f"second {axes}")
        axis.grid(True, color="#eeeeee", zorder=0)
    figure.legend(handles=legend, loc="outside right center", frameon=False, fontsize=9)
    if title:
        figure.suptitle(title, fontsize=13)
    return figure


def _styles(class_names, families):
    """(colour, shape) of each group, and the legend: a line for each family, and under it its groups."""
    names = list(dict.fromkeys(families))
    if len(names) > len(FAMILY_COLOURS) or max(map(list(families).count, names)) > len(SHAPES):
        raise UsageError(
            f"topic_map: expected at most {len(FAMILY_COLOURS)} families of at most {len(SHAPES)} groups, got "
            f"{len(names)} families."
        )
    styles, legend = {}, []
    for colour, family in zip(FAMILY_COLOURS, names, strict=False):
        mine = [c for c, f in enumerate(families) if f == family]
        legend.append(Line2D([], [], linestyle="", label=family))
        for shape, c in zip(SHAPES, mine, strict=False):
            styles[c] = colour, shape
            legend.append(
                Line2D([], [], linestyle="", marker=shape, markersize=6, color=colour, label=f"  {class_names[c]}")
            )
    return styles, legend
