"""`tinyae encode`: the codes of a user's samples, by a trained net."""

from tinyae.commands.options import add_data_dir
from tinyae.commands.reading import add_reading
from tinyae.commands.through_a_model import add_files, check_format, check_out, in_blocks, open_model, read


def add(commands):
    """The options of `tinyae encode`."""
    encode = commands.add_parser(
        "encode",
        help="write the codes of your samples",
        description="Write the codes that a trained net gives your samples. They are prepared as the training data "
        "were: scaled alike, columns found by their names, missing cells filled alike.",
    )
    add_files(
        encode, "your samples, or the name of a data set for its test images", "codes to write: .npy, .csv or .tsv",
        "tinyae encode results/simple/model.npz digits --out codes.csv",
    )  # fmt: skip
    add_data_dir(encode)
    add_reading(encode)
    encode.set_defaults(run=run)


def run(arguments):
    """`tinyae encode`."""
    who, out = "encode", arguments.out
    check_format(who, out, "codes")
    check_out(who, out, arguments.model, arguments.file)
    model, preparation = open_model(arguments.model, who)
    from tinyae.samples import sample_writer

    samples, x = read(who, arguments, model, preparation)
    with sample_writer(out, names=code_names(model), who=who) as write:
        for rows in in_blocks(who, x):
            write(model.encode(x[rows], arguments.threads))
    print(f"{samples.count} of {samples.path} to {model.code_size:,} numbers each: {out}")
    return 0


def code_names(model):
    """Columns of a table of codes."""
    return [f"code_{k + 1}" for k in range(model.code_size)]
