"""Figure 3 with every recipe in it: two-dimensional codes by PCA, and by the nets of all runs there are."""

from tinyae import analysis, plots, storage
from tinyae.checks import UsageError
from tinyae.experiments.hinton2006.finished import finished_runs, recipe_in_words
from tinyae.experiments.hinton2006.report import SAMPLES_PER_CLASS, scores_in_words
from tinyae.reporting import announce, dataset_title, some_of_each_class


def write_maps(folder, experiment, data, seed=0):
    """Draw the runs `<experiment>-<recipe>` below `folder` side by side into `<experiment>.png`, if there are several.

    Runs on other data than `data` are left out, and, with a line that says so, those whose model cannot be read.
    """
    runs = runs_on(folder, experiment, data)
    if len(runs) > 1:
        plots.save(maps(runs, data, seed), folder / f"{experiment}.png")


def runs_on(folder, experiment, data):
    """[(name of the recipe, metrics, model)] of the finished runs on that data, in the order of recipes."""
    found = []
    for name, metrics in finished_runs(folder, [experiment]):
        if metrics["dataset"] == data.name and metrics["layer_sizes"][-1] == 2:
            try:
                found.append((recipe_in_words(metrics), metrics, storage.load(folder / name / "model.npz")))
            except (OSError, UsageError) as why:
                announce(f"{experiment}.png is drawn without {name}: {why}")
    return found


def maps(runs, data, seed):
    """PCA's map of the test images, and beside it those of the runs."""
    rows = some_of_each_class(data.y_test, SAMPLES_PER_CLASS, seed)
    x = data.x_test[rows]
    panels = [(f"PCA\n{scores_in_words(runs[0][1], 'pca_')}", analysis.PCA(data.x_train, 2).encode(x))]
    panels += [(f"recipe {recipe}\n{scores_in_words(metrics)}", model.encode(x)) for recipe, metrics, model in runs]
    return plots.code_maps(
        panels, data.y_test[rows], data.class_names, f"{dataset_title(data.name)}: codes of test digits"
    )
