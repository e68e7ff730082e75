"""Arrays in files: .npy, an array of an .npz, IDX.

    (N, H, W)      grey images
    (N, H, W, C)   images of C channels: grey where C is 1, red, green and blue where it is 3
    (N, D)         rows of D numbers

A large .npy stays where it is, and its rows are read when they are asked for.
"""

import re
from dataclasses import replace
from pathlib import Path

import numpy as np

from tinyae.checks import check_choice
from tinyae.files import NOT_WHOLE, reason
from tinyae.samples.base import Samples, classes_of, refuse
from tinyae.samples.idx import read_idx
from tinyae.samples.lazy import LazyRows, rows_of_file

STREAM_FROM = 256_000_000  # bytes; a smaller .npy is read into memory
KINDS = "uint8, boolean or floats in [0, 1]"  # of images


def npy_samples(who, path):
    """The Samples of a .npy file."""
    return _samples(who, path, read_npy(who, path))


def read_npy(who, path):
    """The array of a .npy file, or LazyRows of a large one."""
    try:
        array = np.load(path, mmap_mode="r", allow_pickle=False)  # no page of it is touched yet
        if array.nbytes <= STREAM_FROM:
            return np.array(array, order="C")
    except Exception as why:  # a damaged header brings up anything Python's own parser raises
        refuse(
            who, path, "one whole array of numbers",
            f"a file NumPy cannot map ({reason(why)}); write it again with np.save",
        )  # fmt: skip
    if not array.flags.c_contiguous:
        refuse(
            who, path, "a file this large sample by sample", "one in Fortran order; save np.ascontiguousarray(x)"
        )  # fmt: skip
    return rows_of_file(path, array.offset, array.shape, array.dtype)


def npz_samples(who, path, name=None, label=None):
    """The Samples of one array in an .npz; labels are another array of it, named `label`."""
    try:
        with open(path, "rb") as whole, np.load(whole, allow_pickle=False) as file:
            names = file.files
            if name is None and len(set(names) - {label}) != 1:
                refuse(who, path, "one array", f"{len(names)} ({', '.join(names)}); name one: {path}:{_likely(names)}")
            name = next(n for n in names if n != label) if name is None else name
            for wanted, what in ((name, "array"), (label, "label")):
                if wanted is not None:
                    check_choice(f"{who}: {path}", what, wanted, names)
            array, labels = file[name], None if label is None else file[label]
    except NOT_WHOLE as why:
        if str(why).startswith(f"{who}:"):
            raise
        refuse(who, path, "a whole .npz of arrays of numbers", f"a damaged or different file ({reason(why)})")
    samples = _samples(who, f"{path}:{name}", array)
    if labels is None:
        return samples
    if labels.shape != (len(samples),) or labels.dtype.kind not in "biufU":
        refuse(who, path, f"{len(samples)} labels in {label!r}", f"an array {labels.shape} of {labels.dtype}")
    labels, class_names = classes_of(labels)
    return replace(samples, labels=labels, class_names=class_names)


def _likely(names):
    return next((name for name in names if re.match(r"x|images|arr_0", name)), names[0] if names else "NAME")


def idx_samples(who, path):
    """The Samples of an IDX file."""
    return _samples(who, path, read_idx(path))


def _samples(who, path, array):
    """Samples of an array of any kind, checked."""
    check_axes(who, path, array)
    check_type(who, path, array)
    if array.ndim == 2:
        rows = array if array.dtype.kind not in "iu" or array.dtype == np.uint8 else array.astype(np.float64)
        return Samples(Path(path), rows, "rows")
    images = array if array.ndim == 4 else array.reshape(-1, *array.shape[1:], 1)
    return Samples(Path(path), images, "images", no_channels=array.ndim == 3)


def check_axes(who, path, array):
    """Raise UsageError unless the array holds images, channels last, or rows."""
    if array.ndim not in (2, 3, 4) or not all(array.shape):
        refuse(who, path, "images (N, H, W), (N, H, W, C) or rows (N, D)", f"an array of shape {array.shape}")
    if array.ndim == 4 and array.shape[1] in (1, 3) and array.shape[3] > 4:
        refuse(who, path, "channels last, (N, H, W, C)", f"shape {array.shape}; save x.transpose(0, 2, 3, 1)")


def check_type(who, path, array):
    """Raise UsageError unless the array holds numbers of a type whose range is known."""
    kind, is_byte = array.dtype.kind, array.dtype == np.uint8
    if kind in "iu" and not is_byte and (array.ndim > 2 or isinstance(array, LazyRows)):
        refuse(
            who, path, KINDS,
            f"{array.dtype}; save x.astype(np.uint8) if it runs from 0 to 255, else x / x.max()",
        )  # fmt: skip
    if kind not in "iufb":
        refuse(who, path, KINDS, f"{array.dtype}; save an array of numbers")
