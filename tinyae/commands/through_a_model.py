"""What `tinyae encode`, `decode` and `reconstruct` share: a model's file, the user's, and a file for the result."""

import os
import sys

from tinyae.checks import UsageError

FEW = 20  # blocks that need no progress bar
FIRST = "example: tinyae train --arch simple --dataset digits --limit 2000 --epochs 2 --out results/simple && "


def add_files(parser, file, out, example):
    """The model, the input and the output; an example, which begins with training a model."""
    parser.add_argument("model", metavar="MODEL", help="model.npz of tinyae train, or a file of tinyae.save")
    parser.add_argument("file", metavar="FILE", help=file)
    parser.add_argument("--out", required=True, metavar="FILE", help=out)
    parser.add_argument("--threads", type=int, help="worker threads (default: one per core)")
    parser.epilog = FIRST + example


def open_model(path, who):
    """(Autoencoder, Preparation) of a model's file."""
    from tinyae import storage
    from tinyae.autoencoder import Autoencoder
    from tinyae.samples import Preparation

    model = storage.load(path)
    if not isinstance(model, Autoencoder):
        raise UsageError(f"{who}: expected an autoencoder in {path}, got a {type(model).__name__} alone.")
    if model.output_shape != model.input_shape:
        raise UsageError(
            f"{who}: expected an autoencoder that gives what it takes in {path}, got {model.input_shape} to "
            f"{model.output_shape}."
        )
    return model, Preparation.of(model, who)


def check_out(who, out, *inputs):
    """Raise UsageError unless `out` can be written, and is none of the files that are read: before the work."""
    from tinyae.samples.writing import check_writable

    check_writable(out, who)
    check_apart(who, out, *inputs)


def check_apart(who, out, *inputs):
    """Raise UsageError where `out` is one of the files that are read."""
    for path in inputs:
        path = path.partition(".npz:")[0] + ".npz" if ".npz:" in path else path
        if os.path.exists(out) and os.path.exists(path) and os.path.samefile(out, path):
            raise UsageError(f"{who}: expected another file for the result than {path}, which is read; change --out.")


def read(who, arguments, model, preparation):
    """(Samples, their rows as the net takes them) of arguments.file, or of the test images of a data set."""
    from pathlib import Path

    from tinyae import datasets
    from tinyae.commands.reading import reading
    from tinyae.samples import Samples

    if arguments.file in datasets.NAMES and not os.path.exists(arguments.file):
        data = datasets.load(arguments.file, arguments.data_dir, limit=1)
        samples = Samples(Path(data.name), data.x_test.reshape(-1, *data.image_shape), "images", no_channels=True)
    else:
        samples = preparation.read(arguments.file, who=who, **reading(arguments))
    return samples, preparation.apply(samples, model.input_shape, who)


def in_blocks(who, x):
    """Slices that cover x, with a bar on stderr where they are many."""
    from tinyae.samples import blocks
    from tinyae.training.progress import progress_bar

    slices = blocks(x)
    with progress_bar(len(slices), who if len(slices) > FEW else False) as bar:
        for rows in slices:
            yield rows
            bar.update()


def as_filed(x, no_channels, out):
    """Images (n, H, W, 1) as (n, H, W) for a .npy, where the file they come from has them so."""
    return x[..., 0] if no_channels and x.ndim == 4 and str(out).lower().endswith(".npy") else x


def check_format(who, out, kind):
    """Raise UsageError for a folder of pictures where there are none."""
    if not os.path.splitext(out)[1] and kind != "images":
        raise UsageError(f"{who}: expected --out to end in .npy, .csv or .tsv for {kind}, got {out}; add a suffix.")


def say(text):
    """A line for the person who waits."""
    print(text, file=sys.stderr, flush=True)
