"""Options of every command that reads a user's own file."""

import argparse


def add_reading(parser, *, label=True, scale=False):
    """How a file of one's own is read: columns of tables, size of pictures."""
    own = parser.add_argument_group(
        "your own file",
        ".npy; .npz, or FILE.npz:NAME for one of its arrays; .csv, .tsv or .txt; IDX; a folder of PNG and JPEG",
    )
    own.add_argument(
        "--header", choices=("auto", "yes", "no"), help="whether a table's first line names the columns (default: auto)"
    )
    own.add_argument(
        "--delimiter", metavar="C",
        help="between the cells of a table: a character, tab, semicolon, bar, comma or space (default: found out)",
    )  # fmt: skip
    own.add_argument("--decimal", metavar="C", help="point of the numbers in a table, '.' or ',' (default: .)")
    own.add_argument(
        "--fill", type=fill, metavar="HOW",
        help="missing cells get the column's mean or median, or this number (default: they are refused)",
    )  # fmt: skip
    own.add_argument(
        "--drop", action="append", metavar="NAME",
        help="leave a column out; columns without names are called 1, 2, ...; may be given several times",
    )  # fmt: skip
    own.add_argument(
        "--keep",
        action="append",
        metavar="NAME",
        help="this column is data, though it looks like labels; several times",
    )
    if label:
        own.add_argument("--label", metavar="NAME", help="column with the labels, or array of an .npz")
    own.add_argument(
        "--image-size", type=size, metavar="HxW", help="scale and crop pictures to this size (default: as they are)"
    )
    own.add_argument(
        "--colour", choices=("yes", "no"), help="read pictures in colour or in grey (default: as they are)"
    )
    if scale:
        own.add_argument(
            "--scale",
            help="auto, unit, bytes, standard, common, minmax or none; auto divides bytes by 255, leaves floats in "
            "[0, 1] as they are and standardises the columns of other tables (default: auto)",
        )  # fmt: skip


def reading(arguments):
    """What was asked for, as arguments of `tinyae.samples.read_samples` (and `scale`)."""
    choices = {"yes": True, "no": False}
    names = ("header", "delimiter", "decimal", "fill", "drop", "keep", "label", "image_size", "colour", "scale")
    asked = {name: getattr(arguments, name, None) for name in names}
    return {
        name: choices.get(value, value) if isinstance(value, str) else value
        for name, value in asked.items()
        if value is not None
    }


def fill(text):
    """'mean', 'median' or a number."""
    try:
        return float(text)
    except ValueError:
        return text


def size(text):
    """'28x32' as (28, 32)."""
    height, _, width = text.lower().partition("x")
    try:
        return int(height), int(width or height)
    except ValueError:
        raise argparse.ArgumentTypeError(f"expected HEIGHTxWIDTH, as 28x28, got {text!r}") from None
