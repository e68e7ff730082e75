"""Every data set tinyae knows, in one place: what it is, on what terms, whether it is on this machine, who uses it."""

from dataclasses import dataclass

from tinyae.checks import UsageError, check_choice
from tinyae.datasets import (
    cifar10,
    coloured,
    corpus,
    curves,
    digits,
    ecg5000,
    made_ratings,
    mnist,
    movielens,
    newsgroups,
    olivetti,
    quickdraw10,
    store,
)
from tinyae.datasets.archives import is_archive, read_members
from tinyae.datasets.download import DownloadError, download
from tinyae.datasets.source import Source

IMAGES = ("train", "compare", "search", "anomaly", "restore", "compress")  # commands that take any set of images


@dataclass(frozen=True)
class Entry:
    """A source and the commands that can use it."""

    source: Source
    used_by: tuple


ENTRIES = (
    Entry(mnist.MNIST, ("hinton2006", *IMAGES)),
    Entry(mnist.FASHION_MNIST, IMAGES),
    Entry(quickdraw10.SOURCE, IMAGES),
    Entry(cifar10.SOURCE, ("colour", "restore", "train")),
    Entry(olivetti.SOURCE, ("hinton2006", "train")),
    Entry(movielens.MOVIELENS_100K, ("recommend",)),
    Entry(movielens.MOVIELENS_1M, ("recommend",)),
    Entry(newsgroups.SOURCE, ("hinton2006", "topics")),
    Entry(ecg5000.SOURCE, ("anomaly",)),
    Entry(digits.SOURCE, ("hinton2006", *IMAGES)),
    Entry(curves.SOURCE, ("hinton2006", "train", "compare")),
    Entry(coloured.SOURCE, ("colour", "restore", "train")),
    Entry(made_ratings.SOURCE, ("recommend",)),
    Entry(corpus.SOURCE, ("hinton2006", "topics")),
)
NAMES = tuple(entry.source.name for entry in ENTRIES)


def find(name, who="data"):
    """The Entry of that name; UsageError names the nearest spelling."""
    check_choice(who, "name", name, NAMES)
    return ENTRIES[NAMES.index(name)]


def locate(source, data_dir=None):
    """Paths of a data set's files on this machine; an empty list where it is not here, or not whole.

    The published files, else the substitutes that are there.

    Raises
    ------
    UsageError
        `data_dir` or $TINYAE_DATA_DIR names a folder that does not exist.
    """
    substitutes = (store.find_file(source.name, [name], data_dir) for name in source.substitutes)
    return published(source, data_dir) or [path for path in substitutes if path is not None]


def published(source, data_dir=None):
    """Paths of the published files: each itself, or all members of it unpacked; an empty list unless all are there."""
    paths = []
    for file in source.files:
        packed = store.find_file(source.name, store.spellings(file), data_dir)
        members = source.members.get(file, ())
        unpacked = [store.find_file(source.name, store.places(source, name), data_dir) for name in members]
        if packed is None and (not unpacked or None in unpacked):
            return []
        paths += unpacked if packed is None else [packed]
    return paths


def get(source, folder=None, accept_terms=False):
    """Download a data set's files.

    Parameters
    ----------
    source : Source
    folder : Path, optional
        They go into `<folder>/<name>/`; files that are there stay. Without it: the user's cache, and nothing is done
        where they are found already.
    accept_terms : bool
        Consent to `source.terms`.

    Returns
    -------
    list of Path
        All its files.

    Raises
    ------
    UsageError
        Nobody offers it, or its terms were not agreed to; nothing was asked of the network then.
    DownloadError
        No mirror gave a right file; what was whole before stays.
    """
    if not source.files:
        raise UsageError(
            f"data get: expected a data set that is offered for download, got {source.name}; {source.note}"
        )
    here = published(source) if folder is None else []
    if here:
        return here
    folder = (store.cache_dir() if folder is None else folder) / source.name
    paths = [folder / file for file in source.files]
    if not all(path.is_file() for path in paths):
        store.check_terms(source, accept_terms)
    for path in paths:
        if not path.is_file():
            _download(source, path)
    return paths


def _download(source, path):
    try:
        download(source.urls(path.name), path, source.files[path.name])
    except DownloadError as why:
        raise DownloadError(f"data get: {source.name}/{path.name} could not be downloaded ({why}).") from None
    _check_members(source, path)


def _check_members(source, path):
    """An archive without a published checksum is at least whole, and holds what the loader reads; else it goes."""
    members = source.members.get(path.name, ())
    if members and is_archive(path.name):
        try:
            read_members(path, members)
        except UsageError:
            path.unlink()
            raise
