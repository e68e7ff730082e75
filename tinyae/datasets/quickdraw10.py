"""Ten classes of Quick, Draw! doodles: 28 x 28, one file, 4,000 drawings of each class.

The file quickdraw10.npz holds `images` (N, 28, 28) uint8, 0 paper to 255 ink; `labels` (N,), and `class_names` (K,).
Nobody publishes it as such. It can be made from Google's files, one per class, whose first 4,000 rows are taken:
https://storage.googleapis.com/quickdraw_dataset/full/numpy_bitmap/<class>.npy, each (n, 784) uint8.

    classes = ["airplane", "banana", "bird", "book", "cat", "clock", "dog", "flower", "house", "rainbow"]
    images = np.concatenate([np.load(f"{c}.npy")[:4000] for c in classes]).reshape(-1, 28, 28)
    labels = np.repeat(np.arange(10, dtype=np.uint8), 4000)
    np.savez_compressed("quickdraw10.npz", images=images, labels=labels, class_names=np.array(classes))

Source: "The Quick, Draw! Dataset", Google Creative Lab, 2017; CC BY 4.0.
"""

import zipfile
import zlib

import numpy as np

from tinyae.checks import UsageError
from tinyae.datasets.dataset import Dataset
from tinyae.datasets.mnist import as_rows
from tinyae.datasets.store import ENV, find_file, roots

FOLDER, FILE = "quickdraw10", "quickdraw10.npz"
TEST_PER_CLASS = 500
ORDER_SEED = 0  # of the order of the images; fixed, so that everyone has the same split in the same order


def load_quickdraw10(data_dir=None):
    """Quick, Draw! doodles: x (35000, 784) and (5000, 784) float32, pixels / 255.

    There is no published split. Here the last TEST_PER_CLASS drawings of each class are the test images, and both
    parts are put in a random order that is always the same: in the file, class follows class.

    Parameters
    ----------
    data_dir : str or Path, optional
        Folder that holds quickdraw10/quickdraw10.npz. Without it: $TINYAE_DATA_DIR, then the user's cache folder.

    Returns
    -------
    Dataset

    Raises
    ------
    UsageError
        The file is missing (it cannot be downloaded), damaged, or not this data set.
    """
    path = find_file(FOLDER, [FILE], data_dir)
    if path is None:
        looked = ", ".join(str(root / FOLDER) for root in roots(data_dir))
        raise UsageError(
            f"load quickdraw10: expected {FILE} in {looked}, got no such file; nobody offers it for download. "
            f"Put it at DIR/{FOLDER}/{FILE} and give --data-dir DIR, or set {ENV}=DIR; "
            f"tinyae/datasets/quickdraw10.py says how to make it."
        )
    images, labels, names = _read(path)
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


def _read(path):
    """Images (N, 28, 28) uint8, labels (N,) int64 and class names of the file, checked."""
    try:
        with open(path, "rb") as f, np.load(f, allow_pickle=False) as file:
            images, labels, names = file["images"], file["labels"], file["class_names"]
    except (OSError, EOFError, LookupError, ValueError, TypeError, RuntimeError, zipfile.BadZipFile, zlib.error) as why:
        reason = (str(why) or type(why).__name__).splitlines()[0]
        _fail(path, "a whole .npz file with images, labels and class_names", f"a damaged or different one ({reason})")
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


def _fail(path, expected, got):
    raise UsageError(f"load quickdraw10: {path}: expected {expected}, got {got}.") from None
