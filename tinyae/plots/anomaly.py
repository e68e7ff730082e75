"""Pictures of anomaly detection: ROC and precision-recall, errors with their threshold, the strangest samples."""

import numpy as np
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullFormatter

from tinyae.plots.common import BASELINE_COLOUR, TRAIN_COLOUR, VALIDATION_COLOUR, Figure, show

LOOKS = ((TRAIN_COLOUR, "-"), (BASELINE_COLOUR, ":"), (VALIDATION_COLOUR, "--"), ("#117733", "-."))
ERROR_MAP = "magma_r"  # lightness falls all the way: readable in grey
MOST_COLUMNS, MOST_BINS = 24, 60


def score_curves(methods, share, title=None):
    """ROC on the left, precision against recall on the right, a line for each method.

    Parameters
    ----------
    methods : list of dict
        `name`, `roc` (false alarm rate, hit rate), `pr` (precision, recall), `auroc`, `average_precision`.
    share : float
        Of anomalies: the precision of scores that say nothing.
    """
    figure = Figure(figsize=(9.6, 5.4), layout="constrained")
    roc, pr = figure.subplots(1, 2)
    handles = []
    for method, (colour, line) in zip(methods, LOOKS, strict=False):
        text = f"{method['name']}: AUROC {method['auroc']:.4f}, average precision {method['average_precision']:.4f}"
        handles += roc.plot(*method["roc"], line, color=colour, linewidth=1.8, label=text)
        precision, recall = method["pr"]
        pr.plot(np.append(0, recall), np.append(precision[0], precision), line, color=colour, linewidth=1.8)
    roc.plot([0, 1], [0, 1], color="#bbbbbb", linewidth=0.8, zorder=0)
    pr.axhline(share, color="#bbbbbb", linewidth=0.8, zorder=0)
    roc.set(title="ROC", xlabel="false alarms, share of normal samples", ylabel="anomalies found, share (recall)")
    pr.set(title="precision and recall", xlabel="anomalies found, share (recall)")
    pr.set_ylabel("anomalies among alarms, share (precision)")
    for axis in (roc, pr):
        axis.set(xlim=(-0.02, 1.02), ylim=(-0.02, 1.04))
        axis.grid(True, color="#eeeeee")
    figure.legend(handles=handles, loc="outside lower center", fontsize=9)
    if title:
        figure.suptitle(title, fontsize=11)
    return figure


def score_histogram(scores, threshold, labels=None, title=None):
    """How many samples have which score, on a logarithmic axis, with the threshold as a line.

    Parameters
    ----------
    scores : array (N,), >= 0
    threshold : Threshold
    labels : bool array (N,), optional
        True for anomalies, drawn in another colour and hatched.
    """
    figure = Figure(figsize=(7.6, 4.6), layout="constrained")
    axis = figure.subplots()
    positive = scores[scores > 0]
    low, high = (positive.min(), positive.max()) if len(positive) else (0.5, 2.0)
    low, high = (low / 1.1, high * 1.1) if low < high else (low / 2, high * 2)
    shown = np.clip(scores, low, high)  # a score of 0 has no place on a logarithmic axis
    bins = np.geomspace(low, high, min(MOST_BINS, max(10, len(scores) // 5)) + 1)
    if labels is None:
        axis.hist(shown, bins, color=TRAIN_COLOUR, label=f"{len(scores):,} samples")
    else:
        parts = [shown[~labels], shown[labels]]
        names = [f"normal ({len(parts[0]):,})", f"anomalies ({len(parts[1]):,})"]
        _, _, drawn = axis.hist(parts, bins, histtype="stepfilled", alpha=0.75, label=names,
                                color=[TRAIN_COLOUR, VALIDATION_COLOUR])  # fmt: skip
        drawn[1][0].set_hatch("///")
    n = int(threshold.alarms(scores).sum())
    alarms = f"{n:,} alarm" if n == 1 else f"{n:,} alarms"
    axis.axvline(threshold.value, color="black", linestyle="--", linewidth=1.4,
                 label=f"threshold {threshold.value:.4g}: {alarms}")  # fmt: skip
    axis.set_xscale("log")
    few = LogLocator(subs=(1, 2, 5) if high / low < 1000 else (1,))
    axis.xaxis.set_major_locator(MaxNLocator(6) if high / low < 10 else few)
    axis.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axis.xaxis.set_minor_formatter(NullFormatter())  # else narrow ranges get labels that run into each other
    axis.set_yscale("symlog", linthresh=1)
    axis.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axis.set_ylim(bottom=0)
    axis.set(xlabel="score (mean error of a sample's numbers)", ylabel="samples")
    axis.set_title(f"{title}\n{threshold.words}" if title else threshold.words, fontsize=10)
    figure.legend(*axis.get_legend_handles_labels(), loc="outside lower center", ncols=3, fontsize=9)
    return figure


def strangest_images(images, expected, errors, notes, image_shape, title=None):
    """Three rows: the images, what the detector expected, and where they differ.

    Parameters
    ----------
    images, expected, errors : arrays (n, D)
    notes : list of str
        Above each image.
    image_shape : (H, W, C)
    """
    n = len(images)
    figure = Figure(figsize=(1.6 + 1.1 * n, 4.3), layout="constrained")
    axes = figure.subplots(3, n, squeeze=False)
    for j in range(n):
        for axis, picture in ((axes[0, j], images[j]), (axes[1, j], expected[j])):
            show(axis, np.clip(picture, 0, 1), image_shape, cmap="gray", vmin=0, vmax=1)
        show(axes[2, j], _grey(errors[j], image_shape), (*image_shape[:2], 1), cmap=ERROR_MAP, vmin=0,
             vmax=max(float(errors.max()), 1e-12))  # fmt: skip
        axes[0, j].set_title(notes[j], fontsize=8)
    for axis, text in zip(axes[:, 0], ("sample", "expected", "squared error"), strict=True):
        axis.set_ylabel(text, rotation=0, ha="right", va="center", fontsize=10, labelpad=8)
    figure.colorbar(axes[2, -1].images[0], ax=list(axes[2]), shrink=0.9)
    if title:
        figure.suptitle(title, fontsize=11)
    return figure


def _grey(errors, image_shape):
    """Mean over the channels."""
    return errors.reshape(image_shape).mean(axis=-1)


def strangest_curves(rows, expected, errors, notes, title=None, columns=3):
    """Rows of numbers as curves with what was expected; the darker the ground, the larger the error there.

    Parameters
    ----------
    rows, expected, errors : arrays (n, D)
    notes : list of str
        Above each panel.
    """
    n, length = rows.shape
    columns = min(columns, n)
    height = -(-n // columns)
    figure = Figure(figsize=(0.8 + 3.6 * columns, 1.2 + 1.9 * height), layout="constrained")
    axes = figure.subplots(height, columns, squeeze=False, sharex=True)
    places = np.arange(1, length + 1)
    most = max(float(errors.max()), 1e-12)
    for axis, row, other, error, note in zip(axes.flat, rows, expected, errors, notes, strict=False):
        low, high = min(row.min(), other.min()), max(row.max(), other.max())
        margin = 0.05 * (high - low) or 1.0
        box = (0.5, length + 0.5, low - margin, high + margin)
        axis.imshow(error[None], cmap="Greys", vmin=0, vmax=1.6 * most, aspect="auto", extent=box)
        axis.plot(places, row, color=TRAIN_COLOUR, linewidth=1.4, label="sample")
        axis.plot(places, other, "--", color=VALIDATION_COLOUR, linewidth=1.4, label="expected")
        axis.set_title(note, fontsize=9)
    for axis in axes.flat[n:]:
        axis.set_axis_off()
    for j in range(columns):
        axes[(n - 1 - j) // columns, j].set_xlabel("place in the row")
    for axis in axes[:, 0]:
        axis.set_ylabel("value")
    figure.legend(*axes[0, 0].get_legend_handles_labels(), loc="outside lower center", ncols=2, fontsize=10)
    figure.suptitle("\n".join(filter(None, (title, "dark ground: large error"))), fontsize=11)
    return figure


def strangest_rows(errors, names, notes, title=None):
    """Rows of a table against its columns: each cell as dark as its part in the row's score.

    Parameters
    ----------
    errors : array (n, D)
    names : sequence of str
        Of the columns; the MOST_COLUMNS with the largest errors are shown, in the table's order.
    notes : list of str
        On the left of each row.
    """
    shares = errors / np.maximum(errors.sum(axis=1, keepdims=True), 1e-300)
    chosen = np.sort(np.argsort(-shares.max(axis=0), kind="stable")[:MOST_COLUMNS])
    figure = Figure(figsize=(3.2 + 0.42 * len(chosen), 1.9 + 0.3 * len(errors)), layout="constrained")
    axis = figure.subplots()
    picture = axis.imshow(100 * shares[:, chosen], cmap=ERROR_MAP, vmin=0, aspect="auto")
    axis.set_xticks(range(len(chosen)), [names[j] for j in chosen], rotation=55, ha="right", fontsize=8)
    axis.set_yticks(range(len(errors)), notes, fontsize=8)
    figure.colorbar(picture, label="part of the row's score, %")
    few = f"{len(chosen)} of {len(names)} columns" if len(chosen) < len(names) else ""
    axis.set_title(", ".join(filter(None, (title, few))), fontsize=10)
    return figure
