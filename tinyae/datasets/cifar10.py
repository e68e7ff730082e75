"""CIFAR-10: 50,000 + 10,000 colour images of 32 x 32 in ten classes; or a part of it, which says so in its name.

A. Krizhevsky, "Learning Multiple Layers of Features from Tiny Images", 2009. Three names, never mixed up:

    "cifar10"       the official archive, the Python or the binary one, packed or unpacked
    "cifar10-part"  the first 4,000 training images of it, the same pixels: 3,500 to train, 500 to test
    "cifar10-jpeg"  6,000 training and 2,000 test images decoded from JPEG, some 8 of 255 away from the true pixels

The Python archive holds pickles. A pickle can run any program when it is read, so these are read by an unpickler
that knows the two things in them beside lists, numbers and text, an array and its type, and builds neither.
"""

import io
import pickle
import sys

import numpy as np

from tinyae.checks import UsageError, check_choice, check_int
from tinyae.datasets.archives import read_members
from tinyae.datasets.dataset import Dataset
from tinyae.datasets.mnist import as_rows
from tinyae.datasets.source import Source
from tinyae.datasets.store import find_file, places, read, spellings
from tinyae.files import NOT_WHOLE, read_npz

ARCHIVE, BINARY = "cifar-10-python.tar.gz", "cifar-10-binary.tar.gz"
BATCHES = ("data_batch_1", "data_batch_2", "data_batch_3", "data_batch_4", "data_batch_5", "test_batch")
LOSSLESS, JPEG = "cifar10_train4000.npz", "cifar10_jpeg_6000_2000.npz"

SOURCE = Source(
    name="cifar10",
    title="CIFAR-10",
    content="50,000 + 10,000 colour images of 32 x 32, ten kinds of animals and vehicles",
    files={ARCHIVE: "md5:c58f30108f718f92721af3b95e74349a"},
    mirrors=("https://www.cs.toronto.edu/~kriz/",),
    members={ARCHIVE: tuple(f"cifar-10-batches-py/{name}" for name in BATCHES)},
    substitutes=(BINARY, LOSSLESS, JPEG),
    megabytes=170.5,
    citation="A. Krizhevsky, Learning Multiple Layers of Features from Tiny Images, 2009",
    homepage="https://www.cs.toronto.edu/~kriz/cifar.html",
    note=f"{LOSSLESS} is a part of it, {JPEG} another one with JPEG's errors; both go by names of their own.",
)

SHAPE = (32, 32, 3)
PIXELS = 3072  # numbers in an image
PER_BATCH = 10_000  # images in each of the six files
IN_PART, TEST_OF_PART = 4000, 500
ORDER_SEED = 0  # of the part's images; fixed, so that everyone has the same split in the same order

CLASS_NAMES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")


def load_cifar10(data_dir=None, download=True, part=None, limit=None):
    """CIFAR-10, or where that is not on disk, the part that is: x (N, 3072) float32, pixels / 255.

    Parameters
    ----------
    data_dir : str or Path, optional
        Folder that holds cifar10/cifar-10-python.tar.gz or one of the other files. Without it: $TINYAE_DATA_DIR, the
        user's cache folder, then the network (170 MB).
    download : bool
        False: never use the network.
    part : {"lossless", "jpeg"}, optional
        "lossless": the first 4,000 training images, from the archive or from a file of their own, in a random order
        that is always the same, of which the last 500 are the test images. "jpeg": the 6,000 and 2,000 images decoded
        from JPEG; results on them are no results on CIFAR-10. Without it: the whole set, or where only the lossless
        part is on disk that part, announced on stderr. The `name` of the result says which it is.
    limit : int, optional
        Only the first so many training images.

    Returns
    -------
    Dataset
        Named "cifar10", "cifar10-part" or "cifar10-jpeg"; `x.reshape(-1, 32, 32, 3)` gives red, green, blue.

    Raises
    ------
    UsageError
        A folder or file is missing where it was said to be, or damaged, or not CIFAR-10.
    DownloadError
        Not on disk and not to be had from the network.
    """
    if part is not None:
        check_choice("load_cifar10", "part", part, ("lossless", "jpeg"))
    if limit is not None:
        check_int("load_cifar10", "limit", limit, 1)
    if part == "jpeg":
        return _dataset("cifar10-jpeg", *_read_jpeg(_part_file(JPEG, data_dir)), limit)
    whole, few = _whole_on_disk(data_dir), find_file(SOURCE.name, [LOSSLESS], data_dir)
    if part is None and not whole and few is not None:
        print(f"tinyae: cifar10: no official archive on disk; using {IN_PART:,} of its images, {few}.", file=sys.stderr)
        part = "lossless"
    if part is None:
        images, labels = zip(*_read_batches(BATCHES, data_dir, download), strict=True)
        train = np.concatenate(images[:5]), np.concatenate(labels[:5])
        return _dataset("cifar10", *train, images[5], labels[5], limit)
    if few is None and whole:
        ((images, labels),) = _read_batches(BATCHES[:1], data_dir, download)
        images, labels = images[:IN_PART], labels[:IN_PART]
    else:
        images, labels = _read_lossless(few or _part_file(LOSSLESS, data_dir))
    order = np.random.default_rng(ORDER_SEED).permutation(len(images))
    train, test = order[:-TEST_OF_PART], order[-TEST_OF_PART:]
    return _dataset("cifar10-part", images[train], labels[train], images[test], labels[test], limit)


def _dataset(name, x_train, y_train, x_test, y_test, limit):
    x_train, y_train = x_train[:limit], y_train[:limit]
    y_train, y_test = y_train.astype(np.int64), y_test.astype(np.int64)
    return Dataset(name, as_rows(x_train), y_train, as_rows(x_test), y_test, SHAPE, CLASS_NAMES)


# -- the official archives ---------------------------------------------------------------------------


def _whole_on_disk(data_dir):
    """Whether an official archive, or what was in the Python one, lies on disk."""
    names = [*spellings(ARCHIVE), *places(SOURCE, BATCHES[0]), *spellings(BINARY)]
    return find_file(SOURCE.name, names, data_dir) is not None


def _read_batches(names, data_dir, download):
    """Images (N, 32, 32, 3) uint8 and labels (N,) of each of the named files, from the archive there is."""
    pickled = find_file(SOURCE.name, [*spellings(ARCHIVE), *places(SOURCE, BATCHES[0])], data_dir)
    binary = find_file(SOURCE.name, spellings(BINARY), data_dir)
    if pickled is None and binary is not None:
        members = read_members(binary, [f"{name}.bin" for name in names])
        return [_batch(binary, name, *_parse_binary(binary, name, members[f"{name}.bin"])) for name in names]
    contents = read(SOURCE, names, data_dir, download=download)
    return [_batch(place, name, *_parse_pickle(place, name, data)) for name, (place, data) in contents.items()]


def _batch(path, name, data, labels):
    """Images (N, 32, 32, 3) uint8 of the rows in one of the six files, and their labels (N,), checked."""
    if data.shape != (PER_BATCH, PIXELS) or len(labels) != PER_BATCH:
        _fail(path, f"{PER_BATCH} images and labels in {name}", f"{data.shape} numbers and {len(labels)} labels")
    if not 0 <= labels.min() <= labels.max() < len(CLASS_NAMES):
        _fail(path, f"labels from 0 to 9 in {name}", f"{labels.min()} to {labels.max()}")
    # a row is the red plane, the green one, the blue one
    return np.ascontiguousarray(data.reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1)), labels


def _parse_binary(path, name, content):
    """Rows of a label and 3,072 pixels, one byte each."""
    if len(content) % (1 + PIXELS):
        _fail(path, f"rows of {1 + PIXELS} bytes in {name}", f"{len(content)} bytes")
    rows = np.frombuffer(content, np.uint8).reshape(-1, 1 + PIXELS)
    return rows[:, 1:], rows[:, 0]


class _StandIn:
    """What an array or a dtype in a pickle becomes: the arguments and the state it would have been made of."""

    def __init__(self, *arguments):
        self.arguments, self.state = arguments, None

    def __setstate__(self, state):
        self.state = state


class _Unpickler(pickle.Unpickler):
    """Reads lists, dicts, numbers and text; knows no function or class but those of an array, and calls none."""

    KNOWN = (("numpy.core.multiarray", "_reconstruct"), ("numpy", "ndarray"), ("numpy", "dtype"))

    def find_class(self, module, name):
        if (module, name) in self.KNOWN:
            return _StandIn
        raise pickle.UnpicklingError(f"it asks for {module}.{name}, which no file of CIFAR-10 does")


def _parse_pickle(path, name, content):
    """Data (N, 3072) uint8 and labels (N,) of a batch of the Python archive."""
    try:
        batch = _Unpickler(io.BytesIO(content), encoding="bytes").load()
        # an array's state: version, shape, dtype, whether in Fortran's order, bytes
        _, shape, dtype, fortran, raw = batch[b"data"].state
        if dtype.arguments[0] != b"u1" or fortran:
            raise ValueError("the pixels are no bytes in rows")
        data = np.frombuffer(raw, np.uint8).reshape(shape)
        labels = np.array(batch[b"labels"])
        if data.ndim != 2 or labels.ndim != 1 or labels.dtype.kind != "i":
            raise ValueError("the pixels or the labels have another form")
    except (*NOT_WHOLE, AttributeError, OverflowError, pickle.UnpicklingError) as why:
        _fail(path, f"pixels and labels in {name}", f"something else ({_first_line(why)}); fetch the archive again")
    return data, labels


# -- the parts -----------------------------------------------------------------------------------------


def _part_file(name, data_dir):
    path = find_file(SOURCE.name, [name], data_dir)
    if path is None:
        raise UsageError(
            f"load_cifar10: expected {SOURCE.name}/{name} in the data folder, got no such file; nobody offers it for "
            "download. load_cifar10() without a part takes the official archive."
        )
    return path


def _read_lossless(path):
    images, labels = read_npz(path, lambda file: (file["images"], file["labels"]), "load_cifar10", "npz file")
    _check(path, images, labels, "images")
    if len(images) != IN_PART:
        _fail(path, f"{IN_PART} images", f"{len(images)}")
    return images, labels


def _read_jpeg(path):
    names = ("train_images", "train_labels", "test_images", "test_labels")
    arrays = read_npz(path, lambda file: [file[name] for name in names], "load_cifar10", "npz file")
    _check(path, *arrays[:2], "train_images")
    _check(path, *arrays[2:], "test_images")
    return arrays


def _check(path, images, labels, name):
    if images.dtype != np.uint8 or images.ndim != 4 or images.shape[1:] != SHAPE or not len(images):
        _fail(path, f"{name} of shape (N, 32, 32, 3) and type uint8", f"{images.shape} of {images.dtype}")
    if labels.shape != (len(images),) or labels.dtype.kind not in "iu":
        _fail(path, f"{len(images)} whole numbers as labels", f"shape {labels.shape} of {labels.dtype}")
    if not 0 <= labels.min() <= labels.max() < len(CLASS_NAMES):
        _fail(path, "labels from 0 to 9", f"{labels.min()} to {labels.max()}")


def _first_line(why):
    return (str(why) or type(why).__name__).splitlines()[0].rstrip(".")


def _fail(path, expected, got):
    raise UsageError(f"load_cifar10: {path}: expected {expected}, got {got}.") from None
