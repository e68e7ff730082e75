"""Pictures of a search: queries beside what was found, and precision class by class."""

import numpy as np
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from tinyae.plots.common import Figure, show

SAME, OTHER, DASHED = "#0077bb", "#e05200", (0, (3, 1.5))  # blue and orange: told apart in colour-deficient sight
LOOKS = (
    ("o", "#0077bb"), ("D", "#88ccee"), ("P", "#555555"), ("x", "#999999"), ("s", "#882255"), ("^", "#cc6677"),
    ("v", "#b8860b"),
)  # fmt: skip


def neighbour_rows(answers, image_shape, title=None, unit="distance"):
    """Queries on the left, their nearest images to the right, each with its distance and the name of its class.

    Parameters
    ----------
    answers : list of dict
        A row each: `query` (D,), `name` and `label` (text or None) of the query, `images` (k, D), `distances` (k,),
        and `labels` (k texts, or None).
    image_shape : (height, width, channels)
        (1, D, 1) draws curves instead of images.
    title : str, optional
    unit : str
        What the distances are.

    Images of the query's class have a blue frame, others a dashed orange one; without classes there are no frames.
    """
    k = max(len(answer["images"]) for answer in answers)
    figure = Figure(figsize=(1.3 + 0.95 * (k + 1), 0.9 + 1.28 * len(answers)), layout="constrained")
    axes = figure.subplots(len(answers), k + 2, squeeze=False, width_ratios=[1, 0.15, *[1] * k])
    judged = False
    for axis_row, answer in zip(axes, answers, strict=True):
        for axis in axis_row[1:]:
            axis.set_axis_off()
        _draw(axis_row[0], answer["query"], image_shape)
        axis_row[0].set_title(_in_lines(answer["name"], answer["label"]), fontsize=8)
        labels = answer["labels"] or [None] * len(answer["images"])
        found = zip(axis_row[2:], answer["images"], answer["distances"], labels, strict=False)
        for axis, image, distance, label in found:
            axis.set_axis_on()
            _draw(axis, image, image_shape)
            axis.set_title(_in_lines(f"{distance:.3f}", label), fontsize=8)
            if label is not None and answer["label"] is not None:
                judged = True
                _frame(axis, label == answer["label"])
    axes[0][0].annotate("query", (0, 0.5), (-6, 0), "axes fraction", textcoords="offset points", rotation=90,
                        ha="right", va="center", fontsize=9)  # fmt: skip
    if judged:
        look = {"fill": False, "linewidth": 2}
        frames = [
            Patch(edgecolor=SAME, label="the query's class", **look),
            Patch(edgecolor=OTHER, linestyle=DASHED, label="another class", **look),
        ]
        figure.legend(handles=frames, loc="outside lower center", ncols=2, fontsize=9)
    figure.suptitle(f"{title}\n{unit}" if title else unit, fontsize=10)
    return figure


def _draw(axis, image, image_shape):
    if image_shape[0] == image_shape[2] == 1:
        axis.plot(np.ravel(image), color="#333333", linewidth=0.8)
        axis.set_xticks([])
        axis.set_yticks([])
    else:
        show(axis, image, image_shape, cmap="gray", vmin=0, vmax=1)


def _frame(axis, same):
    for side in axis.spines.values():
        side.set_visible(True)
        side.set_edgecolor(SAME if same else OTHER)
        side.set_linewidth(2)
        side.set_linestyle("-" if same else DASHED)


def _in_lines(*texts):
    return "\n".join(_shortened(text) for text in texts if text)


def _shortened(text, most=16):
    return text if len(text) <= most else f"{text[: most // 2 - 1]}…{text[-(most // 2) :]}"


def precision_by_class(series, class_names, k, title=None):
    """Precision@k class by class, a mark a method.

    Parameters
    ----------
    series : list of (str, float, dict)
        Name of a method, its precision over all queries, and by class; the first is the one that matters.
    class_names : dict
        Name of each class.
    k : int
    title : str, optional
    """
    classes = sorted(class_names, key=lambda c: series[0][2][c])
    places = np.arange(len(classes))
    figure = Figure(figsize=(7.5, 1.6 + 0.34 * len(classes)), layout="constrained")
    axis = figure.subplots()
    axis.hlines(places, 0, 1, color="#eeeeee", linewidth=1, zorder=1)
    handles = []
    for (name, overall, by_class), (mark, colour) in zip(series, LOOKS, strict=False):
        values = [by_class[c] for c in classes]
        axis.plot(values, places, mark, color=colour, markersize=6, zorder=9 - len(handles), label=name)
        axis.axvline(overall, color=colour, linewidth=0.8, linestyle=":", zorder=2)
        text = f"{name} ({overall:.3f} over all)"
        handles.append(Line2D([], [], marker=mark, color=colour, linestyle="", markersize=6, label=text))
    axis.set_yticks(places, [class_names[c] for c in classes])
    low = min(min(by_class[c] for c in classes) for _, _, by_class in series)
    axis.set_xlim(max(0.0, low - 0.04), 1.005)
    axis.set_xlabel(f"precision@{k}: share of the {k} nearest images that are of the query's class")
    figure.legend(handles=handles, loc="outside lower center", ncols=2, fontsize=9)
    if title:
        axis.set_title(title, fontsize=11)
    return figure
