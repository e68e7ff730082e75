"""`tinyae reconstruct`: a user's samples through a trained net and back, in their own units."""

from tinyae.commands.options import add_data_dir
from tinyae.commands.reading import add_reading
from tinyae.commands.through_a_model import add_files, as_filed, check_format, check_out, in_blocks, open_model, read


def add(commands):
    """The options of `tinyae reconstruct`."""
    reconstruct = commands.add_parser(
        "reconstruct",
        help="write your samples as the net gives them back",
        description="Write what a trained net makes of your samples, in their own units, and print the mean squared "
        "error, which is that of the numbers the net sees.",
    )
    add_files(
        reconstruct, "your samples, or the name of a data set for its test images",
        "samples to write: .npy, .csv or .tsv; without suffix a folder of PNG, for images",
        "tinyae reconstruct results/simple/model.npz digits --out back.npy --errors errors.csv",
    )  # fmt: skip
    reconstruct.add_argument(
        "--errors",
        metavar="FILE",
        help="also write every sample's squared error, summed over its numbers: .npy or .csv",
    )
    add_data_dir(reconstruct)
    add_reading(reconstruct)
    reconstruct.set_defaults(run=run)


def run(arguments):
    """`tinyae reconstruct`."""
    who, out = "reconstruct", arguments.out
    for path in filter(None, (out, arguments.errors)):
        check_out(who, path, arguments.model, arguments.file)
    check_errors(who, arguments)
    model, preparation = open_model(arguments.model, who)
    from tinyae.samples import sample_writer

    samples, x = read(who, arguments, model, preparation)
    check_format(who, out, samples.kind)
    total = 0.0
    with (
        sample_writer(out, names=samples.names, files=samples.files, who=who) as write,
        error_writer(arguments.errors, samples, who) as write_errors,
    ):
        for rows in in_blocks(who, x):
            inputs = x[rows]
            outputs = model.reconstruct(inputs, arguments.threads)
            errors = squared_errors(inputs, outputs)
            total += errors.sum()
            back = preparation.undo(outputs, samples.x.dtype).reshape(-1, *samples.sample_shape)
            write(as_filed(back, samples.no_channels, out))
            write_errors(rows, errors)
    unit = "" if preparation.scale in ("unit", "bytes", "none") else f" of columns scaled ({preparation.scale})"
    print(f"{samples.count} of {samples.path}: {out}")
    print(f"mean squared error{unit}, summed over {x[0].size:,} numbers: {total / len(samples):.6g}")
    return 0


def check_errors(who, arguments):
    """Raise UsageError unless the errors go into a file of their own."""
    import os

    from tinyae.checks import UsageError

    if arguments.errors is None:
        return
    check_format(who, arguments.errors, "errors")
    if os.path.abspath(arguments.errors) == os.path.abspath(arguments.out):
        raise UsageError(f"{who}: expected another file for --errors than for --out, got {arguments.out} for both.")


def squared_errors(x, reconstruction):
    """sum_k (x'_k - x_k)^2 of every sample, float64 (n,)."""
    import numpy as np

    difference = (reconstruction - x).reshape(len(x), -1).astype(np.float64)
    return np.square(difference).sum(axis=1)


def error_writer(path, samples, who):
    """A context with a function of (rows, errors) that writes them, or with one that does nothing."""
    import contextlib

    from tinyae.samples import sample_writer

    @contextlib.contextmanager
    def nothing():
        yield lambda rows, errors: None

    @contextlib.contextmanager
    def writing():
        table = not path.lower().endswith(".npy")
        with sample_writer(path, names=["sample", "squared_error"] if table else None, who=who) as write:
            yield lambda rows, errors: write(with_names(samples, rows, errors) if table else errors)

    return nothing() if path is None else writing()


def with_names(samples, rows, errors):
    """Rows of a table: the file of an image, or the number of a row, counted from 1; and its error."""
    import numpy as np

    names = samples.files[rows] if samples.files else np.arange(rows.start, rows.stop) + 1
    return np.array(list(zip(names, errors.tolist(), strict=True)), dtype=object)
