"""Data sets: real ones found on disk or downloaded, some drawn by code that need nothing, and users' own files."""

import os
import sys
from dataclasses import replace
from pathlib import Path

from tinyae.checks import UsageError, check_choice, check_int
from tinyae.datasets.cifar10 import load_cifar10
from tinyae.datasets.coloured import load_coloured
from tinyae.datasets.corpus import load_corpus
from tinyae.datasets.curves import load_curves
from tinyae.datasets.dataset import Dataset
from tinyae.datasets.digits import load_digits
from tinyae.datasets.documents import Documents
from tinyae.datasets.made_ratings import load_ratings
from tinyae.datasets.mnist import load_fashion_mnist, load_mnist
from tinyae.datasets.movielens import load_movielens
from tinyae.datasets.newsgroups import load_newsgroups
from tinyae.datasets.olivetti import load_olivetti
from tinyae.datasets.own_file import load_file
from tinyae.datasets.quickdraw10 import load_quickdraw10
from tinyae.datasets.ratings import Ratings
from tinyae.datasets.ratings_file import read_new_user, read_ratings
from tinyae.datasets.store import DownloadError
from tinyae.samples.idx import read_idx, write_idx

__all__ = [
    "Dataset",
    "load",
    "load_mnist",
    "load_fashion_mnist",
    "load_quickdraw10",
    "load_cifar10",
    "load_olivetti",
    "load_digits",
    "load_coloured",
    "load_curves",
    "load_file",
    "load_images_file",
    "Documents",
    "load_newsgroups",
    "load_corpus",
    "Ratings",
    "load_movielens",
    "load_ratings",
    "read_ratings",
    "read_new_user",
    "read_idx",
    "write_idx",
    "DownloadError",
    "NAMES",
]

NAMES = (
    "mnist", "fashion-mnist", "quickdraw10", "cifar10", "cifar10-part", "cifar10-jpeg", "olivetti", "digits", "curves",
    "coloured", "auto",
)  # fmt: skip
CIFAR10 = {"cifar10": None, "cifar10-part": "lossless", "cifar10-jpeg": "jpeg"}  # name: part
load_images_file = load_file  # its name when it took images alone
# Training images drawn by code where no limit is given.
MOST_DRAWN = {"digits": 60_000, "curves": 20_000, "coloured": 10_000}


def load(name, data_dir=None, seed=0, limit=None, **own):
    """Load a data set by name.

    Parameters
    ----------
    name : str or Path
        One of NAMES, or the path of a user's own file or folder (`load_file`). "auto" is MNIST if it can be had,
        otherwise the built-in digits, announced on stderr. "cifar10" is the whole set, or where only a part of it is
        on disk that part; "cifar10-part" is that part, "cifar10-jpeg" other images of it, damaged by JPEG. The `name`
        of the result says which it was.
    data_dir : str or Path, optional
        Where files are; "digits", "curves", "coloured" and the path of a file need none.
    seed : int
        Of the images drawn by code, and of the split of a file; the others have none.
    limit : int, optional
        Only the first so many training images.
    **own
        How a file of one's own is read and scaled, as for `load_file`.

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
    check_name("load", "name", name)
    if limit is not None:
        check_int("load", "limit", limit, 1)
    if is_path(name):
        return load_file(name, seed, limit, **own)
    if own:
        raise UsageError(f"load: expected {', '.join(own)} for a file of one's own alone, got it for {name}.")
    data = _load(name, data_dir, seed, limit)
    if limit is None or limit >= len(data.x_train):
        return data
    return replace(data, x_train=data.x_train[:limit].copy(), y_train=data.y_train[:limit].copy())


def is_path(name):
    """Whether a data set's name is rather the path of a file or folder: has a suffix or a slash, or is there.

    What has the name of a data set is that data set; as ./NAME or as a Path it is the file or folder.
    """
    text = str(name)
    looks = any(sign in text for sign in {".", "/", os.sep})
    return isinstance(name, Path) or looks or (text not in NAMES and os.path.exists(text))


def check_name(who, what, name, names=NAMES):
    """Raise UsageError unless `name` is one of `names` or the path of a file."""
    if not is_path(name):
        check_choice(who, what, name, (*names, "FILE or FOLDER"))


def _load(name, data_dir, seed, limit):
    if name == "mnist":
        return load_mnist(data_dir)
    if name == "fashion-mnist":
        return load_fashion_mnist(data_dir)
    if name == "quickdraw10":
        return load_quickdraw10(data_dir)
    if name in CIFAR10:
        return load_cifar10(data_dir, part=CIFAR10[name], limit=limit)
    if name == "olivetti":
        return load_olivetti(data_dir)
    few = {} if limit is None else {"n_train": min(limit, MOST_DRAWN.get(name, limit))}
    if name == "curves":
        return load_curves(seed=seed, **few)
    if name == "coloured":
        return load_coloured(seed=seed, **few)
    if name == "digits":
        return load_digits(seed=seed, **few)
    return _mnist_or_digits(data_dir, seed, limit)


def _mnist_or_digits(data_dir, seed, limit):
    try:
        return load_mnist(data_dir)
    except DownloadError as why:
        print(
            f"tinyae: WARNING: MNIST NOT FOUND, USING THE BUILT-IN DIGITS INSTEAD (images drawn by code). Why: {why}",
            file=sys.stderr,
            flush=True,
        )
        return _load("digits", data_dir, seed, limit)
