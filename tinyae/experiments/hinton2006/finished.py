"""The finished runs in a folder, each in one of its own: what their metrics tell."""

import json

from tinyae.experiments.hinton2006.problems import EXPERIMENTS
from tinyae.experiments.hinton2006.settings import RECIPE_NAMES

OF_ALL = {"experiment", "quick", "dataset", "seed", "threads", "n_test", "training", "peak_rss_mb", "machine",
          "versions"}  # fmt: skip
OF_ONE = {"recipe", "layer_sizes", "n_params", "n_train", "published", "test_squared_error", "pca_test_squared_error",
          "seconds_pretrain", "seconds_finetune", "seconds_train"}  # fmt: skip
OF_OTHERS = {"documents": {"recipe", "n_train", "codes"}, "starts": {"layer_sizes", "runs"}}


def metrics_in(folder):
    """The metrics of the run in a folder, a dict with all that is told of such a run.

    None where none is finished, or its file is damaged, or from a version that told less.
    """
    try:
        metrics = json.loads((folder / "metrics.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    if not isinstance(metrics, dict):
        return None
    needed = OF_ALL | OF_OTHERS.get(metrics.get("experiment"), OF_ONE)
    return metrics if needed <= set(metrics) else None


def recipe_in_words(metrics):
    """'paper', or 'paper, quick' of a run that only shows that all works."""
    return metrics["recipe"] + (", quick" if metrics["quick"] else "")


def finished_runs(folder, experiments=EXPERIMENTS):
    """[(name, metrics)] of `<experiment>-<recipe>` below `folder`, in the order of experiments and recipes."""
    names = [f"{experiment}-{recipe}" for experiment in experiments for recipe in RECIPE_NAMES]
    found = [(name, metrics_in(folder / name)) for name in names]
    return [(name, metrics) for name, metrics in found if metrics is not None]
