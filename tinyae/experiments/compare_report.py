"""The files of `tinyae compare`: one table, as text and as numbers, and one picture."""

import numpy as np

from tinyae import plots, tables
from tinyae.reporting import dataset_title, some_of_each_class, write_json, write_text
from tinyae.training.history import rows_as_csv

FILES = ("table.md", "table.csv", "compare.png", "metrics.json")
SHOWN = 10  # test images, and features

COLUMNS = (
    ("kind", "kind", "{}"),
    ("code", "code_size", "{:,}"),
    ("squared error", "squared_error", "{:.2f}"),
    ("denoised, dB", "psnr_denoised", "{:.1f}"),
    ("probe error", "probe_error", "{:.2%}"),
    ("5-NN error", "knn5_error", "{:.2%}"),
    ("mean activation", "mean_activation", "{:.3f}"),
    ("active", "share_active", "{:.1%}"),
    ("Jacobian", "jacobian_norm", "{:.3g}"),
    ("copies", "copies", "{:z.2f}"),
    ("parameters", "n_params", "{:,}"),
    ("seconds", "seconds", "{:.1f}"),
)
NOTES = """\
Squared error: sum over the numbers of an image, mean over the test images. Denoised: PSNR of the reconstruction of
test images under Gaussian noise {noise:g}, cut to [0, 1] (the noisy images themselves have {psnr_noisy:.1f} dB). Probe
error: softmax regression on the frozen codes of the training images, on the test images. 5-NN error: nearest codes of
the first 10,000 training images, first 2,000 test images. Mean activation of the code, and the share of its numbers
that are not 0. Jacobian: squared norm of d code / d image, mean over images. Copies: trace of d output / d image over
its size, 1 for a net that copies anything. Seconds: training alone."""


def write_report(result, folder):
    """Write FILES into an existing folder, each atomically; the metrics last."""
    write_text(folder / "table.md", markdown(result))
    write_text(folder / "table.csv", rows_as_csv(result.rows))
    plots.save(picture(result), folder / "compare.png")
    write_json(folder / "metrics.json", result.about | {"rows": result.rows})


def markdown(result):
    """The table, what its columns mean, and how it was made, as Markdown."""
    about = result.about
    how = (
        f"{dataset_title(about['dataset'])}, {about['n_train']:,} training and {about['n_test']:,} test images, "
        f"{about['epochs']} epochs each (pretraining included), batch {about['batch_size']}, {about['optimizer']}, "
        f"seed {about['seed']}, {about['threads']} threads."
    )
    notes = NOTES.format(noise=about["noise"], psnr_noisy=result.rows[0]["psnr_noisy"])
    kinds = "\n".join(f"- {row['kind']}: {row['what']}" for row in result.rows)
    return "\n".join([tables.markdown(result.rows, COLUMNS), "", how, "", notes, "", kinds, ""])


def plain(result):
    """The table with aligned columns, for a terminal."""
    return tables.plain(result.rows, COLUMNS)


def picture(result):
    """Test images, their reconstructions by every kind, and the weights of some first-layer units."""
    data = result.data
    per_class = max(1, SHOWN // len(np.unique(data.y_test)))
    chosen = some_of_each_class(data.y_test, per_class, result.settings.seed)[:SHOWN]
    originals = data.x_test[chosen]
    rows = [("test images", originals, None)]
    for row in result.rows:
        model = result.models[row["kind"]]
        outputs = model.reconstruct(originals.reshape(-1, *model.input_shape), threads=1).reshape(originals.shape)
        rows.append((f"{row['kind']}, {row['squared_error']:.1f}", outputs, features(model, data.image_shape)))
    about = result.about
    title = (
        f"{dataset_title(about['dataset'])}: reconstructions after {about['epochs']} epochs (number: squared error per "
        "image)\nand what ten units of the first layer look for (red positive, blue negative)"
    )
    return plots.comparison(rows, data.image_shape, title)


def features(model, image_shape):
    """Weights into the ten first-layer units with the largest norm, (10, D); None where the layer is no dense one."""
    weights = model.encoder.layers[0].params.get("W")
    if weights is None or weights.ndim != 2 or len(weights) != int(np.prod(image_shape)):
        return None
    strongest = np.argsort(-np.sum(np.square(weights), axis=0))[:SHOWN]
    return weights[:, strongest].T
