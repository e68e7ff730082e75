"""Drawings of any of the 345 classes of Quick, Draw!, out of Google's files of 100 MB each, without taking the whole.

Each file is a .npy of shape (n, 784) and type uint8: a header, then a drawing after the other. So the first
drawings are the first bytes, and a server that knows byte ranges sends no more; of one that does not, no more is read.

Source: "The Quick, Draw! Dataset", Google Creative Lab, 2017; CC BY 4.0. The classes:
https://github.com/googlecreativelab/quickdraw-dataset/blob/master/categories.txt
"""

import io
from pathlib import Path

import numpy as np

from tinyae.checks import UsageError, check_int
from tinyae.datasets import quickdraw10, store
from tinyae.datasets.download import DownloadError, read_range
from tinyae.files import NOT_WHOLE, write_atomically

URL = "https://storage.googleapis.com/quickdraw_dataset/full/numpy_bitmap/{}.npy"
PIXELS = 784
LONGEST_HEADER = 1024  # bytes; theirs have 80
CLASSES = ("airplane", "banana", "bird", "book", "cat", "clock", "dog", "flower", "house", "rainbow")
PARTS = "numpy_bitmap"  # folder for what came of each class


def make_quickdraw10(classes=CLASSES, per_class=4000, data_dir=None):
    """Make the file quickdraw10.npz of classes of one's own choice; `load("quickdraw10")` finds it then.

    Parameters
    ----------
    classes : sequence of str
        As Google spells them: "cat", "The Eiffel Tower".
    per_class : int
        The first so many drawings of each, 784 bytes a drawing. `load_quickdraw10` keeps TEST_PER_CLASS of them for
        testing.
    data_dir : str or Path, optional
        An existing folder, for <data_dir>/quickdraw10/quickdraw10.npz. Without it: the user's cache folder.

    Returns
    -------
    Path
        Written whole or not at all; an older one is replaced. What came of each class is kept beside it, and a call
        that was interrupted goes on with the next class.

    Raises
    ------
    UsageError
        Fewer than two classes, one twice, a number out of range, a damaged file.
    DownloadError
        No network, no such class.
    """
    who = "make_quickdraw10"
    classes = [str(name).strip() for name in classes]
    if len(classes) < 2 or len(set(classes)) < len(classes) or not all(classes):
        given = ", ".join(map(repr, classes)) or "none"
        raise UsageError(f"{who}: expected two or more different classes, got {given}.")
    per_class = check_int(who, "per_class", per_class, quickdraw10.TEST_PER_CLASS + 1)
    root = Path(data_dir).expanduser() if data_dir is not None else store.cache_dir()
    if data_dir is not None and not root.is_dir():
        raise UsageError(f"{who}: expected data_dir to be an existing folder, got {root}; create it or correct it.")
    folder = root / quickdraw10.FOLDER
    (folder / PARTS).mkdir(parents=True, exist_ok=True)
    rows = [first_doodles(name, per_class, folder / PARTS) for name in classes]
    arrays = {
        "images": np.concatenate(rows).reshape(-1, 28, 28),
        "labels": np.repeat(np.arange(len(classes), dtype=np.uint8 if len(classes) < 256 else np.int64), per_class),
        "class_names": np.array(classes, dtype=str),
    }

    def write(temporary):
        with open(temporary, "wb") as file:
            np.savez_compressed(file, **arrays)

    write_atomically(folder / quickdraw10.FILE, write)
    return folder / quickdraw10.FILE


def first_doodles(name, n, folder):
    """The first n drawings (n, 784) uint8 of a class, from <folder>/<name>.npy, else from the network into it.

    A file that holds fewer is replaced; a whole file of Google's that lies there does as well, and is only mapped.
    """
    path = Path(folder) / f"{name}.npy"
    if path.parent != Path(folder):
        raise UsageError(f"first_doodles: expected the name of a class, got {name!r}.")
    if path.is_file():
        kept = _open(path)
        if len(kept) >= n:
            return np.array(kept[:n])
    rows = download_doodles(name, n)
    write_atomically(path, lambda temporary: np.save(temporary, rows))
    return rows


def download_doodles(name, n):
    """The first n drawings (n, 784) uint8 of a class, by one request for the first bytes of Google's file."""
    url = URL.format(name)
    try:
        content = read_range(url, LONGEST_HEADER + n * PIXELS)
    except DownloadError as why:
        raise DownloadError(
            f"first_doodles: could not download {name!r} ({why}); is it one of Google's classes?"
        ) from None
    file = io.BytesIO(content)
    try:
        there, _ = _read_header(file)
    except ValueError as why:
        raise DownloadError(
            f"first_doodles: {url}: expected a .npy file of drawings, got something else ({why})."
        ) from None
    if n > there:
        raise UsageError(f"first_doodles: expected at most {there} drawings of {name!r}, got {n}.")
    rows = np.frombuffer(content, np.uint8, offset=file.tell())[: n * PIXELS]
    if rows.size < n * PIXELS:
        raise DownloadError(f"first_doodles: {url}: expected {n} drawings, got {rows.size // PIXELS}; try again.")
    return rows.reshape(n, PIXELS).copy()


def _read_header(file):
    """(number of drawings, numbers in one) as the header of a .npy file states them; the file stands behind it then."""
    version = np.lib.format.read_magic(file)
    read = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}.get(version)
    if read is None:
        raise ValueError(f"version {version}")
    shape, by_columns, dtype = read(file)
    if len(shape) != 2 or shape[1] != PIXELS or dtype != np.uint8 or by_columns:
        raise ValueError(f"shape {shape} of {dtype}")
    return shape


def _open(path):
    """The array of a file on disk, mapped into memory and checked."""
    try:
        rows = np.load(path, mmap_mode="r", allow_pickle=False)
        if rows.ndim != 2 or rows.shape[1] != PIXELS or rows.dtype != np.uint8:
            raise ValueError(f"shape {rows.shape} of {rows.dtype}")
    except NOT_WHOLE as why:
        reason = (str(why) or type(why).__name__).splitlines()[0]
        raise UsageError(
            f"first_doodles: expected a .npy file of drawings (n, {PIXELS}) uint8, got {path} ({reason}); remove it."
        ) from None
    return rows
