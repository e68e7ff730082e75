"""`tinyae decode`: samples made of codes, by a trained net, in the units of the data it was trained on."""

from tinyae.commands.encode import code_names
from tinyae.commands.reading import add_reading, reading
from tinyae.commands.through_a_model import add_files, as_filed, check_format, check_out, in_blocks, open_model
from tinyae.samples.base import refuse


def add(commands):
    """The options of `tinyae decode`."""
    decode = commands.add_parser(
        "decode",
        help="make samples of codes",
        description="Write the samples that a trained net makes of codes, in the units of its training data: pictures "
        "as bytes, columns as they were before they were scaled.",
    )
    add_files(
        decode, "codes, as tinyae encode writes them",
        "samples to write: .npy, .csv or .tsv; without suffix a folder of PNG, for images",
        "tinyae encode results/simple/model.npz digits --out codes.npy && "
        "tinyae decode results/simple/model.npz codes.npy --out decoded.npy",
    )  # fmt: skip
    add_reading(decode)
    decode.set_defaults(run=run)


def run(arguments):
    """`tinyae decode`."""
    who, out = "decode", arguments.out
    check_out(who, out, arguments.model, arguments.file)
    model, preparation = open_model(arguments.model, who)
    check_format(who, out, preparation.kind)
    from tinyae.samples import sample_writer

    codes = read_codes(who, arguments, model)
    shape = model.encoder.output_shape
    with sample_writer(out, names=preparation.names, who=who) as write:
        for rows in in_blocks(who, codes):
            x = preparation.undo(model.decode(codes[rows].reshape(-1, *shape), arguments.threads))
            write(as_filed(x, preparation.no_channels, out))
    print(f"{len(codes):,} code{'s' * (len(codes) != 1)} of {arguments.file} to {preparation.kind}: {out}")
    return 0


def read_codes(who, arguments, model):
    """The codes in a file, (N, ...) with as many numbers each as the model's."""
    from tinyae.samples import Preparation

    k = model.code_size
    as_codes = Preparation("none", "rows", (k,), "float32", names=tuple(code_names(model)))
    samples = as_codes.read(arguments.file, who=who, **reading(arguments))
    if samples.x[0].size != k or samples.x.dtype.kind != "f":
        got = f"{samples.kind} of {samples.x[0].size:,} numbers each, {samples.x.dtype}"
        refuse(who, samples.path, f"codes of {k:,} numbers each, as floats", f"{got}; tinyae encode writes codes")
    return as_codes.apply(samples.flat(), who=who)
