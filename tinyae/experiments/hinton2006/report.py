"""The files of a run: figures, metrics, history, model."""

import numpy as np

from tinyae import analysis, plots, storage
from tinyae.codespace import along_components
from tinyae.datasets.face_patches import FacePatches
from tinyae.experiments.hinton2006.components import other_components
from tinyae.experiments.hinton2006.finished import recipe_in_words
from tinyae.experiments.hinton2006.run import training_seconds
from tinyae.layers.flat import named_views
from tinyae.reporting import dataset_title, some_of_each_class, write_json, write_text
from tinyae.training.history import rows_as_csv

SAMPLES_PER_CLASS = 500  # as in the paper's figure
SHOWN_IMAGES, SHOWN_FILTERS = 20, 100
SHOWN_DIRECTIONS, DIRECTION_STEPS = 6, np.linspace(-2, 2, 9)
PARTS = {"squared_error": "training", "val_squared_error": "validation", "test_squared_error": "test"}

FILES = ("figure.png", "figure.svg", "reconstructions.png", "filters.png", "loss.png", "metrics.json",
         "history.csv", "model.npz")  # fmt: skip


def write_report(result, folder):
    """Write FILES into an existing folder, each atomically; the metrics last."""
    figure = code_figure(result)
    plots.save(figure, folder / "figure.png")
    plots.save(figure, folder / "figure.svg")
    plots.save(reconstruction_figure(result), folder / "reconstructions.png")
    plots.save(filter_figure(result), folder / "filters.png")
    plots.save(loss_figure(result), folder / "loss.png")
    write_text(folder / "history.csv", history_csv(result))
    storage.save(result.model, folder / "model.npz")
    write_json(folder / "metrics.json", result.metrics)


def code_figure(result):
    """What the codes are: a map of images of several classes, and of one class what changes along the code."""
    return map_figure(result) if len(result.data.class_names) > 1 else direction_figure(result)


def map_figure(result):
    """Figure 3 of the paper: test images in the plane, by PCA and by the autoencoder."""
    data, metrics = result.data, result.metrics
    rows = some_of_each_class(data.y_test, SAMPLES_PER_CLASS, result.settings.seed)
    x, k = data.x_test[rows], result.settings.problem.code_size
    sizes = "-".join(map(str, metrics["layer_sizes"]))
    panels = [
        (f"PCA, {k} components", plane(result.pca.encode(x)[:, :2]), "pca_"),
        (f"Autoencoder {sizes}", plane(result.model.encode(x)), ""),
    ]
    note = "" if k == 2 else f"\n(first two principal components of the {k} code numbers)"
    count = min(np.unique(data.y_test[rows], return_counts=True)[1])
    return plots.code_maps(
        [
            (f"{name}{'' if prefix else note}\n{scores_in_words(metrics, prefix)}", codes)
            for name, codes, prefix in panels
        ],
        data.y_test[rows],
        data.class_names,
        title=f"{dataset_title(data.name)}: codes of {count} test digits of each class",
    )  # fmt: skip


def direction_figure(result):
    """Images along the principal components of the training images, and along those of the test images' codes."""
    data, metrics, k = result.data, result.metrics, result.settings.problem.code_size
    rows = min(k, SHOWN_DIRECTIONS)
    codes = along_components(analysis.PCA(result.model.encode(data.x_test), rows), DIRECTION_STEPS)
    drawn = result.model.decode(codes.reshape(-1, k).astype(data.x_test.dtype)).reshape(*codes.shape[:2], -1)
    components = along_components(result.pca, DIRECTION_STEPS)[:rows]
    panels = [
        (f"PCA, {k} components\n{scores_in_words(metrics, 'pca_')}", as_grey(data, components)),
        (f"Autoencoder {'-'.join(map(str, metrics['layer_sizes']))}\n{scores_in_words(metrics)}", as_grey(data, drawn)),
    ]
    title = f"{dataset_title(data.name)}: the mean code moved along its first {rows} principal components"
    return plots.traversals(panels, data.image_shape, DIRECTION_STEPS, title, rows="component")


def as_grey(data, images):
    """Images as they are drawn, from 0 (black) to 1; faces are trained on without their mean and in other units."""
    return data.grey(images) if isinstance(data, FacePatches) else images


def scores_in_words(metrics, prefix=""):
    """'squared error 25.18 per image, 5-NN accuracy 86.3 %', as far as there are such numbers."""
    error, accuracy = metrics[f"{prefix}test_squared_error"], metrics.get(f"{prefix}knn5_accuracy")
    return f"squared error {error:.2f} per image" + (
        "" if accuracy is None else f", 5-NN accuracy {100 * accuracy:.1f} %"
    )


def plane(codes):
    """Codes (N, k) as points (N, 2): themselves, or their first two principal components."""
    if codes.shape[1] == 1:
        return np.column_stack([codes, np.zeros(len(codes))])
    return codes if codes.shape[1] == 2 else analysis.PCA(codes, 2).encode(codes)


def reconstruction_figure(result):
    """Some test images of every class above their reconstructions by the autoencoder and by PCA."""
    data, k = result.data, result.settings.problem.code_size
    per_class = max(1, SHOWN_IMAGES // len(np.unique(data.y_test)))
    rows = some_of_each_class(data.y_test, per_class, result.settings.seed)[:SHOWN_IMAGES]
    x = data.x_test[rows]
    shown = [
        ("test image", x),
        (f"autoencoder, {k} numbers", result.model.reconstruct(x)),
        (f"PCA, {k} numbers", result.pca.reconstruct(x)),
    ]
    return plots.reconstruction_rows([(text, as_grey(data, images)) for text, images in shown], data.image_shape)


def filter_figure(result):
    """Weights from the pixels into the first hidden units."""
    W = named_views(result.model, result.model.theta)["encoder.dense_1.W"]
    title = f"Weights from the {W.shape[0]} pixels into {SHOWN_FILTERS} of the {W.shape[1]} first-layer units"
    return plots.filters(W[:, :SHOWN_FILTERS], result.data.image_shape, title)


def loss_figure(result):
    """The loss and the squared error over the epochs of fine-tuning, with their baselines."""
    history, metrics, k = result.finetuning, result.metrics, result.settings.problem.code_size
    losses = {"training": history["loss"]} | ({"validation": history["val_loss"]} if "val_loss" in history else {})
    known = {"mean_image": "mean image", "floor": "floor"}
    cross_entropy = (
        "cross-entropy (nats per image)" if result.model.loss.name == "BCE" else "half the squared error per image",
        losses,
        {known[name]: value for name, value in history.baselines.items() if name in known},
    )
    squared = (
        "squared error (sum over pixels, mean over images)",
        {text: errors_after(result, name) for name, text in PARTS.items() if name in history},
        {f"PCA-{k}, test": metrics["pca_test_squared_error"], "mean image, test": metrics["mean_image_squared_error"]},
    )
    return plots.loss_curves([cross_entropy, squared], log=True)


def errors_after(result, name):
    """The errors of the history after every epoch; the paper's recipe notes those before it.

    Its last one is that of the metrics, but for a part of the training images, of which they do not tell.
    """
    errors, metrics = result.finetuning[name], result.metrics
    if result.settings.recipe != "paper":
        return errors
    if name == "test_squared_error":
        return [*errors[1:], metrics[name]]
    whole = metrics["training"]["n_train"] == metrics["n_train"]
    return [*errors[1:], *([metrics["train_squared_error"]] if whole else [])]


def history_csv(result):
    """One row per epoch of every phase: `phase` is pretrain_1, pretrain_2, ..., finetune."""
    phases = [(f"pretrain_{i}", h) for i, h in enumerate(result.pretraining, 1)] + [("finetune", result.finetuning)]
    return rows_as_csv([{"phase": phase} | row for phase, history in phases for row in history.rows])


def describe(metrics):
    """The metrics for a reader."""
    m, k = metrics, metrics["layer_sizes"][-1]
    lines = [
        f"{m['experiment']}, recipe {recipe_in_words(m)}: {m['dataset']}, "
        f"{'-'.join(map(str, m['layer_sizes']))}, {m['n_test']:,} test images (squared error summed over pixels):"
    ]
    rows = [("autoencoder", "test_squared_error", "knn5_accuracy", "autoencoder")]
    rows += [(f"PCA-{k}", "pca_test_squared_error", "pca_knn5_accuracy", "pca")]
    rows += [(kind.title, kind.key, None, kind.name) for kind in other_components(m["published"], k)]
    for title, error, accuracy, published in rows:
        if error in m:
            line = f"  {title:<15s}  squared error {m[error]:6.2f}"
            if accuracy in m:
                line += f"   5-NN accuracy {m[accuracy]:.3f}"
            if published in m["published"]:
                line += f"   (the paper: {m['published'][published]:.2f})"
            lines.append(line)
    lines.append(f"  mean image       squared error {m['mean_image_squared_error']:6.2f}")
    lines.append(f"trained in {training_seconds(m):.0f} s, peak memory {m['peak_rss_mb']:.0f} MB")
    return "\n".join(lines)
