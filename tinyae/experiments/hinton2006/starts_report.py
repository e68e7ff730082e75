"""The files of the comparison of starts: a picture, a table, all points, the metrics."""

from tinyae import plots, tables
from tinyae.experiments.hinton2006.starts import COLUMNS, rows_of
from tinyae.plots.starts import error_curves
from tinyae.reporting import dataset_title, write_json, write_text
from tinyae.training.history import rows_as_csv

FILES = ("starts.png", "starts.csv", "starts.md", "metrics.json")


def write_report(comparison, folder):
    """Write FILES into an existing folder, each atomically; the metrics last."""
    plots.save(picture(comparison), folder / "starts.png")
    write_text(folder / "starts.csv", rows_as_csv(rows_of(comparison.curves)))
    write_text(folder / "starts.md", tables.markdown(comparison.metrics["runs"], COLUMNS) + "\n")
    write_json(folder / "metrics.json", comparison.metrics)


def picture(comparison):
    """Test error against epochs and against time."""
    metrics = comparison.metrics
    title = (
        f"{dataset_title(metrics['dataset'])}, {metrics['training']['n_train']:,} training images, "
        f"{'-'.join(map(str, metrics['layer_sizes']))}: what pretraining buys"
    )
    return error_curves(comparison.curves, "squared error per test image", title)


def describe(metrics):
    """The table for a reader."""
    return tables.plain(metrics["runs"], COLUMNS)
