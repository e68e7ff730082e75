"""Data sets: real ones found on disk or downloaded, and two drawn by code that need nothing."""

import sys

from tinyae.checks import check_choice
from tinyae.datasets.curves import load_curves
from tinyae.datasets.dataset import Dataset
from tinyae.datasets.digits import load_digits
from tinyae.datasets.idx import read_idx, write_idx
from tinyae.datasets.mnist import load_fashion_mnist, load_mnist
from tinyae.datasets.store import DownloadError

__all__ = [
    "Dataset",
    "load",
    "load_mnist",
    "load_fashion_mnist",
    "load_digits",
    "load_curves",
    "read_idx",
    "write_idx",
    "DownloadError",
    "NAMES",
]

NAMES = ("mnist", "fashion-mnist", "digits", "curves", "auto")


def load(name, data_dir=None, seed=0):
    """Load a data set by name.

    Parameters
    ----------
    name : str
        "mnist", "fashion-mnist", "digits", "curves", or "auto": MNIST if it can be had, otherwise the built-in
        digits, announced on stderr. The `name` of the result says which it was.
    data_dir : str or Path, optional
        Where files are; "digits" and "curves" need none.
    seed : int
        Of the images drawn by code; MNIST has none.

    Returns
    -------
    Dataset

    Raises
    ------
    UsageError
        Unknown name; or a folder or file that is missing or damaged ("auto" does not hide that).
    DownloadError
        Not on disk and no network ("auto" draws digits then).
    """
    check_choice("load", "name", name, NAMES)
    if name == "mnist":
        return load_mnist(data_dir)
    if name == "fashion-mnist":
        return load_fashion_mnist(data_dir)
    if name == "curves":
        return load_curves(seed=seed)
    if name == "digits":
        return load_digits(seed=seed)
    return _mnist_or_digits(data_dir, seed)


def _mnist_or_digits(data_dir, seed):
    try:
        return load_mnist(data_dir)
    except DownloadError as why:
        print(
            f"tinyae: WARNING: MNIST NOT FOUND, USING THE BUILT-IN DIGITS INSTEAD (images drawn by code). Why: {why}",
            file=sys.stderr,
            flush=True,
        )
        return load_digits(seed=seed)
