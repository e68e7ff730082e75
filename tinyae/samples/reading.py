"""One way to read any file of samples: the content decides which format it is."""

import math
from dataclasses import replace
from pathlib import Path

import numpy as np

from tinyae.checks import UsageError
from tinyae.samples.arrays import idx_samples, npy_samples, npz_samples
from tinyae.samples.base import Samples, refuse
from tinyae.samples.columns import columns_like, fill_missing, split_columns
from tinyae.samples.pictures import SUFFIXES, check_image_size, picture_samples
from tinyae.samples.table import Table, read_table

# The first bytes of a file say what it is.
NPY, ZIP, IDX, PNG, JPEG = b"\x93NUMPY", b"PK", b"\x00\x00\x08", b"\x89PNG", b"\xff\xd8\xff"
GZIP = b"\x1f\x8b"


def read_samples(
    path, *, header="auto", delimiter=None, decimal=".", fill=None, drop=(), keep=(), label=None, image_size=None,
    colour=None, like=None, who="read_samples",
):  # fmt: skip
    """Read a user's own images or table.

    Parameters
    ----------
    path : str or Path
        A .npy file; an .npz with one array, or FILE.npz:NAME; a table as text (.csv, .tsv, .txt); an IDX file, gzipped
        or not; a folder of PNG and JPEG pictures, or of such folders, one for each class; a single picture.
    header : {"auto", True, False}
        Whether the first line of a table names the columns.
    delimiter : str, optional
        What separates cells: one character or "tab", "semicolon", "bar", "comma", "space"; else it is found out.
    decimal : {".", ","}
    fill : {"mean", "median"}, number or sequence of numbers, optional
        What missing cells are filled with: the column's mean or median, one number for all columns or one for each.
        Without it a missing cell is refused.
    drop, keep : name or sequence of names
        Columns to leave out; columns that look like labels or row numbers and are data. Columns of a table without
        header are called "1", "2", ....
    label : str, optional
        The column with the labels; of an .npz the array.
    image_size : (height, width), optional
        Pictures are scaled to cover this size and cropped.
    colour : bool, optional
        Pictures with three channels or with one, instead of as they are.
    like : Preparation, optional
        Read as the data of a model: columns by their names, in its order, missing cells filled with its values.
    who : str
        Who speaks in errors.

    Returns
    -------
    Samples

    Raises
    ------
    UsageError
        No such file, damaged, empty; cells that are no numbers, missing cells, columns that look like labels;
        pictures of different sizes. One line, with the place and the way out.
    """
    path, name = _split_name(path)
    image_size = check_image_size(who, image_size)
    drop, keep = ((names,) if isinstance(names, str) else tuple(names) for names in (drop, keep))
    kind = _kind(who, path)
    if name is not None and kind != "npz":
        refuse(who, path, f"an .npz, to take {name!r} from it", f"a file of kind {kind}")
    _refuse_options(who, path, kind, {"image_size": image_size, "colour": colour}, {"drop": drop, "label": label})
    if kind == "pictures":
        if like is not None and colour is None and like.kind == "images" and like.shape[2] in (1, 3):
            colour = like.shape[2] == 3
        return picture_samples(who, path, image_size, colour)
    if like is not None and fill is None:
        fill = like.fill
    if kind == "table":
        table = read_table(who, path, header, delimiter, decimal)
        return _table_samples(who, table, drop, keep, label, fill, like)
    if kind == "npz":
        samples = npz_samples(who, path, name, label)
        return _rows_of_array(who, samples, drop, keep, None, fill, like)
    samples = {"npy": npy_samples, "idx": idx_samples}[kind](who, path)
    return _rows_of_array(who, samples, drop, keep, label, fill, like)


def _split_name(path):
    """(path, name of an array or None) of 'FILE.npz:NAME'."""
    before, separator, name = str(path).rpartition(".npz:")
    return (Path(before + ".npz"), name) if separator and name else (Path(path), None)


def _kind(who, path):
    """Which format a file has, by its first bytes."""
    if path.is_dir():
        return "pictures"
    try:
        with open(path, "rb") as file:
            start = file.read(8)
    except FileNotFoundError:
        refuse(who, path, "a file or folder", "no such file; check the path")
    except OSError as why:
        refuse(who, path, "a file one can read", f"{why.strerror}; check the path and its permissions")
    if not start:
        refuse(who, path, "a file with samples", "an empty one")
    magics = ((NPY, "npy"), (ZIP, "npz"), (IDX, "idx"), (PNG, "pictures"), (JPEG, "pictures"))
    kind = next((kind for magic, kind in magics if start.startswith(magic)), None)
    suffix = path.suffix.lower()
    for ending, its_kind, function in ((".npy", "npy", "np.save"), (".npz", "npz", "np.savez")):
        if suffix == ending and kind != its_kind:
            refuse(who, path, f"a {ending} file", f"something else; write the samples with {function}")
    if kind is None and start.startswith(GZIP) and not {".csv", ".tsv", ".txt"} & set(path.suffixes):
        return "idx"
    return kind or ("pictures" if suffix in SUFFIXES else "table")


def _refuse_options(who, path, kind, of_pictures, of_tables):
    """Raise UsageError for an option that this format has no use for: ignoring it would deceive."""
    useless = of_tables if kind == "pictures" else of_pictures
    for option, value in useless.items():
        if value not in (None, ()):
            what = "pictures" if useless is of_tables else f"a file of kind {kind}"
            raise UsageError(f"{who}: {path}: expected no {option} for {what}, got {value!r}.")


def _table_samples(who, table, drop, keep, label, fill, like=None):
    """Samples of a Table."""
    order = None
    if like is not None:
        drop, keep, order = columns_like(who, table, like, drop, label)
    kept, labels, class_names = split_columns(who, table, drop, keep, label)
    kept = order or kept
    x, values = fill_missing(who, table, np.ascontiguousarray(table.numbers[:, kept]), kept, fill)
    names = table.names and tuple(table.names[j] for j in kept)
    left_out = tuple(title for j, title in enumerate(table.titles) if j not in kept)
    return Samples(
        table.path, x, "rows", names=names, labels=labels, class_names=class_names, fill=values, left_out=left_out
    )


def _rows_of_array(who, samples, drop, keep, label, fill, like=None):
    """Samples of an array; rows of floats in memory are a table without header."""
    x = samples.x
    options = {"drop": drop, "label": label, "fill": fill}
    if samples.kind == "rows" and not samples.lazy and x.dtype.kind == "f":
        in_range = 0 <= np.nanmin(x, initial=0) and np.nanmax(x, initial=1) <= 1  # flat images, hardly with labels
        table = ArrayTable(samples.path, x)
        table.refuse_infinity(who)
        if in_range and not any(option not in (None, ()) for option in options.values()) and not np.isnan(x).any():
            return samples
        keep = table.titles if in_range else keep
        read = _table_samples(who, table, drop, keep, label, fill, like)
        labels = {} if samples.labels is None else {"labels": samples.labels, "class_names": samples.class_names}
        return replace(read, x=read.x.astype(x.dtype), **labels)
    for option, value in options.items():
        if value not in (None, ()):
            what = "images" if samples.kind == "images" else f"rows of {x.dtype}"
            large = " read in pieces" if samples.lazy else ""
            refuse(who, samples.path, f"no {option} for {what}{large}", repr(value))
    return samples


class ArrayTable(Table):
    """An array of floats (N, D) as a Table without header."""

    def __init__(self, path, x):
        super().__init__(path, None, x.astype(np.float64), {}, range(len(x)))

    def place(self, row):
        """'row 7'."""
        return f"row {row + 1}"

    def refuse_infinity(self, who):
        """Raise UsageError where a number is infinite."""
        if not math.isfinite(np.nansum(np.abs(self.numbers))) and np.isinf(self.numbers).any():
            row, j = np.argwhere(np.isinf(self.numbers))[0]
            refuse(who, self.path, "finite numbers", f"infinity in {self.place(row)}, {self.say(j)}; remove or fill it")
