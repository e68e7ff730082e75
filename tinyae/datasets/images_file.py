"""A user's own images, one .npy file as `np.save` writes it.

    (N, H, W)      grey images
    (N, H, W, C)   images of C channels: grey where C is 1, red, green and blue where it is 3
    (N, D)         rows of D numbers that are no images

uint8 is divided by 255 and boolean becomes 0 and 1. Floats have to lie in [0, 1] already, and other integers are
refused: what their range means is not for a program to guess.
"""

import os
from pathlib import Path

import numpy as np

from tinyae.checks import UsageError
from tinyae.datasets.dataset import Dataset

TEST_SHARE = 0.1
CHUNK = 1000  # images converted at once; the file is mapped into memory, not read whole


def is_path(name):
    """Whether a data set's name is rather that of a file: it has a suffix or a folder."""
    return any(sign in str(name) for sign in {".", "/", os.sep})


def load_images_file(path, seed=0, limit=None):
    """Load the images of a .npy file.

    Parameters
    ----------
    path : str or Path
    seed : int
        Draws the test images, a tenth of all, and the order of the others.
    limit : int, optional
        At most so many training images; of a larger file only these and the test images are read.

    Returns
    -------
    Dataset
        Named after the file; labels all zero, the one class "image". `image_shape` is (H, W, C), or (1, D, 1) for
        rows.

    Raises
    ------
    UsageError
        The file is missing or damaged, holds something else, too few images, or values outside of [0, 1].
    """
    path = Path(path)
    array = _open(path)
    shape = _image_shape(path, array)
    _check_type(path, array)
    n_test = round(TEST_SHARE * len(array))
    if n_test < 1:
        _fail(path, f"at least {round(1 / TEST_SHARE)} images, one of them for testing", f"{len(array)}")
    order = np.random.default_rng(seed).permutation(len(array))
    test, train = order[:n_test], order[n_test:][:limit]
    x_train, x_test = _rows(path, array, train), _rows(path, array, test)
    labels = [np.zeros(len(rows), np.int64) for rows in (train, test)]
    return Dataset(path.name, x_train, labels[0], x_test, labels[1], shape, ("image",))


def _open(path):
    """The file's array, mapped into memory."""
    try:
        with open(path, "rb") as file:
            magic = file.read(6)
    except FileNotFoundError:
        _fail(path, "a .npy file", "no such file; check the path")
    except OSError as why:
        _fail(path, "a readable .npy file", f"{why.strerror}; check the path and its permissions")
    if magic[:2] == b"PK":
        _fail(path, "a .npy file", "an archive (.npz?); save one of its arrays with np.save")
    if magic != b"\x93NUMPY":
        _fail(path, "a .npy file", "something else; write the images with np.save")
    try:
        return np.load(path, mmap_mode="r", allow_pickle=False)
    except Exception as why:  # a damaged header brings up anything Python's own parser raises
        reason = (str(why) or type(why).__name__).splitlines()[0].rstrip(".")
        _fail(path, "one whole array of numbers", f"a file NumPy cannot map ({reason}); write it again with np.save")


def _image_shape(path, array):
    """(H, W, C) of the array's images; (1, D, 1) for rows."""
    if array.ndim not in (2, 3, 4) or not all(array.shape):
        _fail(path, "images (N, H, W), (N, H, W, C) or rows (N, D)", f"an array of shape {array.shape}")
    if array.ndim == 4 and array.shape[1] in (1, 3) and array.shape[3] > 4:
        _fail(path, "channels last, (N, H, W, C)", f"shape {array.shape}; save x.transpose(0, 2, 3, 1)")
    return {2: (1, *array.shape[1:], 1), 3: (*array.shape[1:], 1), 4: array.shape[1:]}[array.ndim]


def _check_type(path, array):
    if array.dtype.kind in "iu" and array.dtype != np.uint8:
        _fail(
            path, "uint8, boolean or floats in [0, 1]",
            f"{array.dtype}; save x.astype(np.uint8) if it runs from 0 to 255, else x / x.max()",
        )  # fmt: skip
    if array.dtype.kind not in "ufb":
        _fail(path, "uint8, boolean or floats in [0, 1]", f"{array.dtype}; save an array of numbers")


def _rows(path, array, order):
    """The images array[order] as (N, D) float32 from 0 to 1."""
    rows = np.empty((len(order), int(np.prod(array.shape[1:]))), np.float32)
    low, high = 0.0, 1.0
    for start in range(0, len(order), CHUNK):
        part = slice(start, start + CHUNK)
        values = np.asarray(array[order[part]]).reshape(-1, rows.shape[1])
        if array.dtype.kind == "f":
            bad = np.flatnonzero(~np.isfinite(values).all(axis=1))
            if bad.size:
                where = order[part][bad].min()
                _fail(path, "finite numbers", f"NaN or infinity in image {where}; remove or fill them")
            low, high = min(low, float(values.min())), max(high, float(values.max()))
        rows[part] = values
    if low < 0 or high > 1:
        _fail(path, "floats in [0, 1]", f"values from {low:.9g} to {high:.9g}; {_advice(low, high)}")
    if array.dtype == np.uint8:
        if rows.max() <= 1:
            advice = "save x.astype(bool) if they mean black and white"
            _fail(path, "uint8 from 0 to 255", f"only 0 and 1, which divided by 255 are nearly black; {advice}")
        rows /= 255
    return rows


def _advice(low, high):
    if low >= 0 and high <= 255:
        return "divide by 255 if they are pixels"
    return "save (x + 1) / 2" if low >= -1 and high <= 1 else "save (x - x.min()) / (x.max() - x.min())"


def _fail(path, expected, got):
    raise UsageError(f"load: {path}: expected {expected}, got {got}.") from None
