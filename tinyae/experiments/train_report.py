"""The files of `tinyae train`: model, history, metrics, loss curve, reconstructions."""

import numpy as np

from tinyae import plots, storage
from tinyae.experiments.train import is_rows
from tinyae.reporting import dataset_title, some_of_each_class, write_json

SHOWN_IMAGES = 10
UNITS = {
    "BCE": "cross-entropy\n(nats, sum over an image, mean over images)",
    "MSE": "half the squared error\n(sum over an image, mean over images)",
}
FILES = ("model.npz", "history.csv", "loss.png", "reconstructions.png", "metrics.json")


def write_report(result, folder):
    """Write FILES into an existing folder, each atomically; the metrics last."""
    storage.save(result.model, folder / "model.npz", preprocessing=result.data.preparation)
    result.history.to_csv(folder / "history.csv")
    plots.save(loss_figure(result), folder / "loss.png")
    plots.save(reconstruction_figure(result), folder / "reconstructions.png")
    write_json(folder / "metrics.json", result.metrics)


def loss_figure(result):
    """Training and validation loss over the epochs, with the baselines in the same unit."""
    history, model = result.history, result.model
    series = {"training (mean over the epoch)": history["loss"]}
    if "val_loss" in history:
        series["validation (end of the epoch)"] = history["val_loss"]
    names = {"mean_image": "mean image", "pca": f"PCA-{model.code_size}", "floor": "floor"}
    baselines = {names[name]: value for name, value in history.baselines.items()}
    return plots.loss_curves([(UNITS[model.loss.name], series, baselines)])


def reconstruction_figure(result):
    """Test images above their reconstructions; with noise the net's input above them."""
    data, model, noise = result.data, result.model, result.settings.noise
    per_class = max(1, SHOWN_IMAGES // len(np.unique(data.y_test)))
    chosen = some_of_each_class(data.y_test, per_class, result.settings.seed)[:SHOWN_IMAGES]
    originals, inputs = data.x_test[chosen], result.test_inputs[chosen]
    outputs = model.reconstruct(inputs).reshape(originals.shape)
    kind = "row" if is_rows(data) else "image"
    original = (f"test {kind}", originals)
    output = (f"output, {model.code_size:,} numbers", outputs)
    noisy = [(f"with noise {noise:g}", inputs.reshape(originals.shape))] if noise else []
    title = (
        f"{dataset_title(data.name)}, {result.settings.arch}: squared error "
        f"{plots.in_digits(result.metrics['test_squared_error'])} per {kind} "
        f"(mean over {len(data.x_test):,} test {kind}s)"
    )
    if is_rows(data):
        return plots.row_curves([original, output, *noisy], title)
    shown = [*noisy, output, original] if noise else [original, output]
    return plots.reconstruction_rows(shown, data.image_shape, title=title)
