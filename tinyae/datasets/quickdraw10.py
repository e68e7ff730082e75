"""Ten classes of Quick, Draw! doodles, 28 x 28: the published QuickDraw10, or ten classes of one's own choice.

Three places it can come from, the first that is there:

    quickdraw10.npz       `images` (N, 28, 28) uint8, 0 paper to 255 ink; `labels` (N,), and `class_names` (K,).
                          `tinyae.datasets.doodles.make_quickdraw10` makes it from Google's files.
    train-ubyte.npz,      the published 80,000 + 20,000 drawings: arrays a (images) and b (labels). They are known by
    test-ubyte.npz        their ids in the git repository that publishes them.
    the network           the published files, 27 MB

Sources: "The Quick, Draw! Dataset", Google Creative Lab, 2017; CC BY 4.0. Z. Alyafeai, QuickDraw10.
"""

import numpy as np

from tinyae.checks import UsageError
from tinyae.datasets import checksum, store
from tinyae.datasets.dataset import Dataset
from tinyae.datasets.mnist import as_rows
from tinyae.datasets.source import Source
from tinyae.datasets.store import find_file
from tinyae.files import NOT_WHOLE

FOLDER, FILE = "quickdraw10", "quickdraw10.npz"
TRAIN, TEST = "train-ubyte.npz", "test-ubyte.npz"
TEST_PER_CLASS = 500
ORDER_SEED = 0  # of the order of the images; fixed, so that everyone has the same split in the same order

SOURCE = Source(
    name=FOLDER,
    title="QuickDraw10",
    content="80,000 + 20,000 grey doodles of 28 x 28 in ten classes",
    files={
        TRAIN: "git-blob:c044ae9174274083c97cbcf1b8b6c5ab13a6d075",
        TEST: "git-blob:2801db1a051a4d963280e836a30af4c1992e5702",
    },
    mirrors=(
        "https://raw.githubusercontent.com/zaidalyafeai/QuickDraw10/master/dataset/",
        "https://github.com/zaidalyafeai/QuickDraw10/raw/master/dataset/",
    ),
    substitutes=(FILE,),
    megabytes=27.0,
    licence="CC BY 4.0 (the drawings)",
    citation="The Quick, Draw! Dataset, Google Creative Lab, 2017; selection by Z. Alyafeai",
    homepage="https://github.com/zaidalyafeai/QuickDraw10",
    note="tinyae.datasets.doodles.make_quickdraw10 makes one of any ten of Google's classes instead.",
)
PUBLISHED_CLASSES = (
    "cloud", "sun", "pants", "umbrella", "table", "ladder", "eyeglasses", "clock", "scissors", "cup",
)  # fmt: skip


def load_quickdraw10(data_dir=None, download=True):
    """Quick, Draw! doodles in ten classes: x (N, 784) float32, 0 paper to 1 ink.

    Of a quickdraw10.npz, which has no published split, the last TEST_PER_CLASS drawings of each class are the test
    images, and both parts are put in a random order that is always the same: in the file, class follows class. The
    published files have their own split and order. The classes of the two differ: `class_names` says which they are.

    Parameters
    ----------
    data_dir : str or Path, optional
        Folder that holds quickdraw10/quickdraw10.npz, or quickdraw10/train-ubyte.npz and test-ubyte.npz. Without it:
        $TINYAE_DATA_DIR, the user's cache folder, then the network (27 MB).
    download : bool
        False: never use the network.

    Returns
    -------
    Dataset
        70,000 images at most in a quickdraw10.npz, 80,000 + 20,000 in the published files.

    Raises
    ------
    UsageError
        A folder or file is missing where it was said to be, or damaged, or not this data set.
    DownloadError
        Not on disk and not to be had from the network.
    """
    path = find_file(FOLDER, [FILE], data_dir)
    if path is not None:
        return _from_one_file(path)
    if data_dir is not None and any(find_file(FOLDER, [name], data_dir) is None for name in SOURCE.files):
        raise UsageError(
            f"load quickdraw10: expected {FILE}, or {TRAIN} and {TEST}, in {data_dir}/{FOLDER}, got a folder without "
            f"them; put them there, or leave out --data-dir to download them."
        )
    parts = [_read_published(store.fetch_file(SOURCE, name, data_dir, download=download)) for name in SOURCE.files]
    (x_train, y_train), (x_test, y_test) = parts
    return Dataset("quickdraw10", x_train, y_train, x_test, y_test, (28, 28, 1), PUBLISHED_CLASSES)


# -- one file -------------------------------------------------------------------------------------


def _from_one_file(path):
    """The Dataset in a quickdraw10.npz."""
    images, labels, names = _read_one_file(path)
    test = np.zeros(len(labels), bool)
    for c in range(len(names)):
        test[np.flatnonzero(labels == c)[-TEST_PER_CLASS:]] = True
    rng = np.random.default_rng(ORDER_SEED)
    train_rows, test_rows = (rng.permutation(np.flatnonzero(part)) for part in (~test, test))
    return Dataset(
        name="quickdraw10",
        x_train=as_rows(images[train_rows]),
        y_train=labels[train_rows],
        x_test=as_rows(images[test_rows]),
        y_test=labels[test_rows],
        image_shape=(28, 28, 1),
        class_names=names,
    )


def _read_one_file(path):
    """Images (N, 28, 28) uint8, labels (N,) int64 and class names of the file, checked."""
    images, labels, names = _arrays(path, ("images", "labels", "class_names"))
    if images.dtype != np.uint8 or images.shape[1:] != (28, 28):
        _fail(path, "images of shape (N, 28, 28) and type uint8", f"{images.shape} of {images.dtype}")
    if labels.shape != (len(images),) or labels.dtype.kind not in "iu":
        _fail(path, f"{len(images)} whole numbers as labels", f"shape {labels.shape} of {labels.dtype}")
    if names.ndim != 1 or names.dtype.kind != "U":
        _fail(path, "a list of class names", f"shape {names.shape} of {names.dtype}")
    if labels.size and not 0 <= labels.min() <= labels.max() < len(names):
        _fail(path, f"labels from 0 to {len(names) - 1}", f"{labels.min()} to {labels.max()}")
    counts = np.bincount(labels.astype(np.int64), minlength=len(names))
    if not len(names) or counts.min() <= TEST_PER_CLASS:
        smallest = f"{counts.min()} of {str(names[counts.argmin()])!r}" if len(names) else "no class"
        _fail(path, f"more than {TEST_PER_CLASS} drawings of every class", smallest)
    return images, labels.astype(np.int64), tuple(map(str, names))


# -- the published files --------------------------------------------------------------------------


def _read_published(path):
    """Rows (N, 784) float32 and labels (N,) int64 of one of the two published files."""
    if not checksum.matches(path, SOURCE.files[path.name]):
        _fail(path, f"the published {path.name}", "a file of another content (git blob id); fetch it again")
    images, labels = _arrays(path, ("a", "b"))
    if images.size != 784 * len(images) or labels.shape != (len(images),):
        _fail(path, "images (N, 28, 28) in a and N labels in b", f"shapes {images.shape} and {labels.shape}")
    images, labels = (array.astype(np.uint8) for array in (images, labels))
    if labels.max() >= len(PUBLISHED_CLASSES):
        _fail(path, "labels from 0 to 9", f"{labels.max()}")
    if np.median(images) > 127:  # most of a doodle is paper: in this file that is 255, and ink is 0
        images = 255 - images
    return as_rows(images), labels.astype(np.int64)


def _arrays(path, names):
    """The arrays of those names in a .npz file."""
    try:
        with open(path, "rb") as f, np.load(f, allow_pickle=False) as file:
            return [file[name] for name in names]
    except NOT_WHOLE as why:
        reason = (str(why) or type(why).__name__).splitlines()[0]
        _fail(path, f"a whole .npz file with {', '.join(names)}", f"a damaged or different one ({reason})")


def _fail(path, expected, got):
    raise UsageError(f"load quickdraw10: {path}: expected {expected}, got {got}.") from None
