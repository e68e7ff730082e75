"""The finished runs in a folder, each in one of its own: what their metrics tell."""

import json

from tinyae.experiments.hinton2006.problems import EXPERIMENTS
from tinyae.experiments.hinton2006.settings import RECIPE_NAMES


def metrics_in(folder):
    """The metrics of the run in a folder, a dict; None where none is finished, or its file is damaged."""
    try:
        metrics = json.loads((folder / "metrics.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return metrics if isinstance(metrics, dict) else None


def recipe_in_words(metrics):
    """'paper', or 'paper, quick' of a run that only shows that all works."""
    return metrics["recipe"] + (", quick" if metrics["quick"] else "")


def finished_runs(folder, experiments=EXPERIMENTS):
    """[(name, metrics)] of `<experiment>-<recipe>` below `folder`, in the order of experiments and recipes."""
    names = [f"{experiment}-{recipe}" for experiment in experiments for recipe in RECIPE_NAMES]
    found = [(name, metrics_in(folder / name)) for name in names]
    return [(name, metrics) for name, metrics in found if metrics is not None]
