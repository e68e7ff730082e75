"""Samples into files: .npy, .csv, folders of .png; some rows at a time, and whole or not at all."""

import contextlib
import csv
import io
import os
import shutil
import tempfile
from pathlib import Path

import numpy as np

from tinyae.files import appearing, remove_leftovers
from tinyae.samples.base import refuse
from tinyae.samples.lazy import blocks

TEXT = {".csv": ",", ".tsv": "\t"}


def write_samples(path, x, *, names=None, files=None, who="write_samples"):
    """Write an array or LazyRows to a file, as `sample_writer`."""
    with sample_writer(path, names=names, files=files, who=who) as write:
        for rows in blocks(x):
            write(x[rows])


@contextlib.contextmanager
def sample_writer(path, *, names=None, files=None, who="write_samples"):
    """A function that writes some more samples (n, ...) to `path`, which appears at the end of the `with` block.

    Parameters
    ----------
    path : str or Path
        .npy; .csv or .tsv, one row a sample; a name without suffix: a folder of PNG.
    names : sequence of str, optional
        Header of a table; 1, 2, ... without it.
    files : sequence of str, optional
        Names for the pictures, whose suffix becomes .png; 000001.png, ... without it. Folders in them are made.
    who : str
        Who speaks in errors.

    Raises
    ------
    UsageError
        Another suffix, a folder that is not there or that holds something, samples that do not fit the format.

    Notes
    -----
    Until the end of the block the file that was there stays, whatever happens; after it the new one is there whole. A
    folder of pictures is only made anew, or over an empty one.

    Examples
    --------
    >>> with sample_writer("codes.npy") as write:
    ...     for rows in blocks(x):
    ...         write(model.encode(x[rows]))
    """
    path = Path(path)
    check_writable(path, who)
    if not path.suffix:
        with _folder(path, who) as folder:
            yield _Pictures(who, path, folder, files)
        return
    remove_leftovers(path)
    with appearing(path) as temporary, open(temporary, "w+b") as file:
        writer = _Npy(who, path, file) if path.suffix.lower() == ".npy" else _Text(who, path, file, names)
        yield writer
        writer.finish()


def check_writable(path, who):
    """Raise UsageError unless samples can be written to `path`: before the work, not after."""
    path = Path(path)
    if path.suffix.lower() not in (".npy", *TEXT, ""):
        refuse(who, path, "a name that ends in .npy, .csv or .tsv, or a folder for pictures", repr(path.suffix))
    if not path.parent.is_dir():
        refuse(who, path, "an existing folder to write to", f"{path.parent}, which is not there")
    if not os.access(path.parent, os.W_OK):
        refuse(who, path, "a folder one can write to", f"{path.parent}")
    if path.suffix and path.is_dir():
        refuse(who, path, "a file to write", "a folder")
    if not path.suffix and path.exists() and (not path.is_dir() or any(path.iterdir())):
        refuse(who, path, "a new or empty folder for pictures", "one that holds something; give another name")


@contextlib.contextmanager
def _folder(path, who):
    """A temporary folder beside `path`, which takes its place at the end."""
    folder = Path(tempfile.mkdtemp(prefix=f".{path.name}-", dir=path.parent))
    try:
        yield folder
        mask = os.umask(0)
        os.umask(mask)
        folder.chmod(0o777 & ~mask)
        if path.exists():
            path.rmdir()  # empty, or this fails
        os.replace(folder, path)
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise


class _Npy:
    """Appends to a .npy: its header has room for any number of rows, and is written again at the end."""

    def __init__(self, who, path, file):
        self.who, self.path, self.file, self.n, self.first = who, path, file, 0, None

    def __call__(self, x):
        x = np.ascontiguousarray(x)
        if self.first is None:
            self.first = x[:0]
            self._header()
            self.start = self.file.tell()
        if x.shape[1:] != self.first.shape[1:] or x.dtype != self.first.dtype:
            refuse(
                self.who,
                self.path,
                f"samples {self.first.shape[1:]} of {self.first.dtype}",
                f"{x.shape[1:]} of {x.dtype}",
            )
        self.file.write(x.data if x.size else b"")
        self.n += len(x)

    def _header(self):
        """NumPy leaves room for a longer number of rows: the header's length stays."""
        descr = np.lib.format.dtype_to_descr(self.first.dtype)
        shape = (self.n, *self.first.shape[1:])
        np.lib.format.write_array_header_1_0(self.file, {"descr": descr, "fortran_order": False, "shape": shape})

    def finish(self):
        if self.first is None:
            refuse(self.who, self.path, "samples to write", "none")
        self.file.seek(0)
        self._header()
        if self.file.tell() != self.start:
            raise OSError(f"{self.path}: the header of a .npy has outgrown its place")


class _Text:
    """Rows as lines of text; the shortest digits that give the same number back."""

    def __init__(self, who, path, file, names):
        self.who, self.path, self.file, self.names, self.width = who, path, file, names, None
        self.separator = TEXT[path.suffix.lower()]

    def __call__(self, x):
        x = np.asarray(x).reshape(len(x), -1)
        if self.width is None:
            self.width = x.shape[1]
            names = self.names or [str(j + 1) for j in range(self.width)]
            if len(names) != self.width:
                refuse(self.who, self.path, f"{len(names)} columns, as there are names", self.width)
            self._lines([names])
        text = x.astype(int) if x.dtype.kind == "b" else x
        self._lines((text.astype(str) if x.dtype == np.float32 else text).tolist())  # 0.1, not 0.10000000149011612

    def _lines(self, rows):
        text = io.StringIO()
        csv.writer(text, delimiter=self.separator, lineterminator="\n").writerows(rows)
        self.file.write(text.getvalue().encode())

    def finish(self):
        if self.width is None:
            refuse(self.who, self.path, "samples to write", "none")


class _Pictures:
    """Images (n, H, W, 1 or 3) or (n, H, W) as PNG, numbered from 1; floats from 0 to 1."""

    def __init__(self, who, path, folder, files):
        self.who, self.path, self.folder, self.n = who, path, folder, 0
        self.names = None if files is None else _png_names(files)

    def __call__(self, x):
        from PIL import Image

        x = x[..., None] if x.ndim == 3 else x
        if x.ndim != 4 or x.shape[3] not in (1, 3):
            refuse(
                self.who, self.path, "images (N, H, W, 1) or (N, H, W, 3) for a folder of pictures",
                f"samples {x.shape[1:]}; write them to a .npy",
            )  # fmt: skip
        x = x if x.dtype == np.uint8 else np.clip(np.rint(255 * x.astype(np.float64)), 0, 255).astype(np.uint8)
        for image in x:
            file = self.folder / (f"{self.n + 1:06d}.png" if self.names is None else self.names[self.n])
            file.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(image if image.shape[2] == 3 else image[..., 0]).save(file)
            self.n += 1

    def finish(self):
        """Nothing is left to do."""


def _png_names(files):
    """The names with the suffix .png; behind their own where that would name two files alike."""
    names = [str(Path(file).with_suffix(".png")) for file in files]
    return names if len(set(names)) == len(names) else [f"{file}.png" for file in files]
