"""`tinyae train`: a named net on a data set or on the user's own images."""

from dataclasses import fields

from tinyae.commands.options import (
    add_common,
    add_data_dir,
    add_limit,
    add_resume,
    checkpoint_of,
    print_results,
    whole_numbers,
)
from tinyae.commands.reading import add_reading, reading


def add(commands):
    """The options of `tinyae train`."""
    train = commands.add_parser(
        "train",
        help="train a named net on a data set or on your own images",
        description="Train a named net, measure it on test images, and write model, history, loss curve, "
        "reconstructions and metrics. What is not given is the net's own default. The net hinton is trained from "
        "random weights here; tinyae hinton2006 pretrains it.",
        epilog="example: tinyae train --arch conv --dataset digits --limit 2000 --epochs 3 --out results/conv",
    )
    train.add_argument("--arch", required=True, help="conv, generic, simple, deep or hinton")
    train.add_argument(
        "--dataset", default="auto",
        help="mnist, fashion-mnist, quickdraw10, digits or curves (built in), auto (mnist, or digits without it), or "
        "a file or folder of your own, of which a tenth is held out for testing (default: %(default)s)",
    )  # fmt: skip
    add_data_dir(train)
    train.add_argument(
        "--epochs",
        type=int,
        help="default: conv, simple and deep 50, generic 20, hinton 30; of a small table up to 1000",
    )
    train.add_argument(
        "--batch-size",
        type=int,
        help="default: conv and generic 32, simple and deep 64, hinton 100; of a small table a tenth of the rows",
    )
    train.add_argument("--optimizer", help="sgd, rmsprop, adam or nadam (default: generic and hinton adam, else nadam)")
    train.add_argument("--lr", type=float, help="learning rate (default: the optimizer's own, adam's is 0.001)")
    train.add_argument(
        "--loss",
        help="bce, cross-entropy, or mse, half the squared error (default: mse for generic and for columns that are "
        "scaled, else bce)",
    )
    train.add_argument(
        "--code-size",
        type=int,
        help="numbers in a code; not for conv (default: simple and deep 32, generic 100, hinton 2; of a table with few "
        "columns half of them)",
    )
    train.add_argument("--kernels", type=whole_numbers, metavar="K,K", help="sizes of generic's kernels (default: 5,5)")
    train.add_argument("--filters", type=int, help="generic's filters (default: 3)")
    train.add_argument(
        "--noise", type=float, metavar="SIGMA",
        help="train on images with Gaussian noise, cut to [0, 1], to give those without it (default: 0)",
    )  # fmt: skip
    train.add_argument(
        "--validation-split",
        type=float,
        metavar="SHARE",
        help="part of the training images held out (default: conv 0.2, else 0.1)",
    )
    train.add_argument(
        "--patience",
        type=int,
        metavar="EPOCHS",
        help="stop after so many epochs without a lower validation loss; 0: never (default: conv 5, else 0; of a "
        "small table a tenth of the epochs)",
    )
    add_limit(train)
    add_resume(train)
    add_common(train, "train")
    add_reading(train, scale=True)
    train.set_defaults(run=run)


def run(arguments):
    """`tinyae train`."""
    from tinyae.experiments import train
    from tinyae.files import writable_folder

    arguments.own = reading(arguments)
    settings = train.Settings(**{f.name: getattr(arguments, f.name) for f in fields(train.Settings)})
    folder = writable_folder(arguments.out, "train")  # before minutes of work, not after
    checkpoint = checkpoint_of(arguments, folder)
    result = train.run(settings, checkpoint=checkpoint)
    from tinyae.experiments import train_report  # brings Matplotlib

    train_report.write_report(result, folder)
    print_results(arguments, result.metrics, describe, folder, train_report.FILES)
    return 0


def describe(m):
    """The metrics of `tinyae train` for a reader."""
    images, pixels = ("rows", "numbers") if m["image_shape"][0] == m["image_shape"][2] == 1 else ("images", "pixels")
    scaled = "" if m["scale"] in ("unit", "bytes") else f", columns scaled: {m['scale']}"
    lines = [
        f"{m['dataset']}, {m['arch']}, {size_text(m['image_shape'])} to {m['code_size']:,} numbers and back, "
        f"{m['n_test']:,} test {images} (squared error summed over {pixels}{scaled}):"
    ]
    decimals = 2 if m["mean_image_squared_error"] >= 1 else 4
    baselines = [("autoencoder", "test"), ("noisy input", "noisy_input"), (f"PCA-{m['code_size']}", "pca_test"),
                 ("mean image", "mean_image")]  # fmt: skip
    for name, key in baselines:
        error = m[f"{key}_squared_error"]
        if error is not None:
            lines.append(f"  {name:<12} squared error {error:8.{decimals}f}")
    if "test_bce_per_pixel" in m:
        unit = f"nats per {pixels[:-1]} (floor {m['bce_floor_per_pixel']:.4f})"
        lines[1] += f"   cross-entropy {m['test_bce_per_pixel']:.4f} {unit}"
    epochs = f"{m['epochs_run']} of {m['epochs']} epochs in {m['seconds_train']:.0f} s"
    lines.append(f"trained {epochs}, peak memory {m['peak_rss_mb']:.0f} MB")
    if m["stopped"]:
        lines.append(f"stopped early: {m['stopped']}")
    return "\n".join(lines)


def size_text(image_shape):
    """'28 x 28 x 1', or '140' for rows of numbers."""
    height, width, channels = image_shape
    return str(width) if height == channels == 1 else f"{height} x {width} x {channels}"
