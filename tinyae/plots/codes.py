"""Two-dimensional codes as a map."""

import numpy as np

from tinyae.checks import check_shape
from tinyae.plots.common import CLASS_COLOURS, Figure


def code_maps(panels, labels, class_names, title=None, rounds=20):
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
    rounds : int
        In how many turns through all classes the points are drawn: the more, the fairer they cover each other, and the
        slower it is.
    """
    figure = Figure(figsize=(7.2 * len(panels) + 0.8, 7.8), layout="constrained")
    axes = figure.subplots(1, len(panels), squeeze=False)[0]
    classes = np.unique(labels)
    for axis, (text, codes) in zip(axes, panels, strict=True):
        check_shape("code_maps", codes, (len(labels), 2), "codes")
        # One random order for all points: class after class would bury the first classes under the last.
        for c, part in _interleaved(labels, classes, rounds):
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
