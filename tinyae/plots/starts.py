"""Error against epochs and against time, for nets that start, and are trained, in several ways."""

from tinyae.plots.common import CLASS_COLOURS, Figure, logarithmic_heights

COLOURS, MARKS = (CLASS_COLOURS[0], CLASS_COLOURS[8], CLASS_COLOURS[6], CLASS_COLOURS[1]), "osv^"
LINES = ("-", "--")


def error_curves(curves, error, title=None):
    """Two panels with logarithmic heights: over the epochs, and over the seconds, pretraining included.

    Parameters
    ----------
    curves : list of dict
        `start` and `optimizer` (a colour with a mark, and a line), `epochs`, `seconds`, `errors` (sequences).
    error : str
        What the errors are.
    title : str, optional
    """
    starts = list(dict.fromkeys(curve["start"] for curve in curves))
    optimizers = list(dict.fromkeys(curve["optimizer"] for curve in curves))
    figure = Figure(figsize=(13, 5.4), layout="constrained")
    axes = figure.subplots(1, 2, sharey=True)
    for axis, x, text in zip(axes, ("epochs", "seconds"), ("epochs of fine-tuning", "seconds"), strict=True):
        for curve in curves:
            s, o = starts.index(curve["start"]), optimizers.index(curve["optimizer"])
            axis.plot(
                curve[x], curve["errors"], LINES[o % len(LINES)], color=COLOURS[s % len(COLOURS)],
                marker=MARKS[s % len(MARKS)], markersize=4, markevery=max(1, len(curve[x]) // 12),
                label=f"{curve['start']}, {curve['optimizer']}",
            )  # fmt: skip
        axis.set_xlabel(text)
        logarithmic_heights(axis)
        axis.grid(True, color="#eeeeee")
    axes[1].set_xlabel("seconds of training, pretraining included")
    axes[0].set_ylabel(error)
    figure.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=2, fontsize=10)
    if title:
        figure.suptitle(title, fontsize=13)
    return figure
