"""Where data lies, and how it gets there: an explicit folder, $TINYAE_DATA_DIR, the user's cache, the network.

Every root is laid out as `<root>/<dataset>/<file>`; files that lie in the root itself are found too.
"""

import os
from pathlib import Path
from typing import NamedTuple

from tinyae.checks import UsageError
from tinyae.datasets.archives import read_members, unpack
from tinyae.datasets.download import DownloadError, download

ENV = "TINYAE_DATA_DIR"


def cache_dir():
    """The user's cache folder for tinyae, for example ~/.cache/tinyae; it need not exist yet."""
    import pooch  # 0.15 s: only those who load files pay for it

    return Path(pooch.os_cache("tinyae"))


def find_file(dataset, names, data_dir=None):
    """Look for a data file on disk.

    Parameters
    ----------
    dataset : str
        Folder inside each root, "mnist".
    names : sequence of str
        File names that will do, best first (packed, unpacked).
    data_dir : str or Path, optional
        The only root to look in. Without it: $TINYAE_DATA_DIR, then the user's cache folder.

    Returns
    -------
    Path or None
        None where nothing was found.

    Raises
    ------
    UsageError
        `data_dir` or $TINYAE_DATA_DIR names a folder that does not exist.
    """
    for root in roots(data_dir):
        for folder in (root / dataset, root):
            for name in names:
                if (folder / name).is_file():
                    return folder / name
    return None


def fetch(dataset, name, checksum, urls, data_dir=None, *, download=True):
    """Path of a data file, downloaded into the user's cache folder when it is nowhere on disk.

    A file on disk is taken as it is: people unpack and repack, so its reader judges the content, not its checksum.

    Parameters
    ----------
    dataset, name : str
        "mnist", "train-images-idx3-ubyte.gz"; the unpacked name is accepted as well.
    checksum : str or None
        What a downloaded file must have; see `Source.files`.
    urls : sequence of str
        Mirrors, tried in turn.
    data_dir : str or Path, optional
        Where the file must be; nothing is downloaded then.
    download : bool
        False: look on disk only.

    Raises
    ------
    UsageError
        A folder does not exist, or `data_dir` lacks the file.
    DownloadError
        Not on disk, and no mirror gave the right file; in seconds when there is no network.
    """
    found = find_file(dataset, spellings(name), data_dir)
    if found is not None:
        return found
    _check_may_download(dataset, name, data_dir, download)
    return _download(dataset, name, checksum, urls)


class Content(NamedTuple):
    """The bytes of a file, and where they come from: "/data/ml-100k.zip" or "/data/u.data", for error lines."""

    place: str
    data: bytes


def read(source, names, data_dir=None, *, download=True, accept_terms=False):
    """The content of files of a data set, from wherever they are: on disk, in an archive on disk, on the network.

    Each name is looked for in every root as it is, packed by gzip, and inside its archive; unpacked archives are found
    as `<root>/<dataset>/<name in the archive>`, with or without the folders in that name.

    Parameters
    ----------
    source : Source
    names : sequence of str
        Keys of `source.files`, or members of its archives by full name or last part.
    data_dir, download :
        As for `fetch`.
    accept_terms : bool
        Consent to `source.terms`; files on disk need none.

    Returns
    -------
    dict
        Name as given -> Content. Files packed by gzip come unpacked, archives as they are.

    Raises
    ------
    UsageError
        As for `fetch`; also a damaged archive, and terms that nobody agreed to.
    DownloadError
        As for `fetch`.
    """
    contents, in_archive = {}, {}
    for name in names:
        path = find_file(source.name, places(source, name), data_dir)
        if path is not None:
            contents[name] = Content(str(path), unpack(path.read_bytes(), path))
        else:
            archive = source.archive_of(name)
            in_archive.setdefault(archive[0] if archive else name, []).append(name)
    for file, members in in_archive.items():
        path = fetch_file(source, file, data_dir, download=download, accept_terms=accept_terms)
        found = {file: path.read_bytes()} if members == [file] else read_members(path, members)
        contents |= {name: Content(str(path), unpack(data, path)) for name, data in found.items()}
    return {name: contents[name] for name in names}


def fetch_file(source, file, data_dir=None, *, download=True, accept_terms=False):
    """`fetch` for one of `source.files`: its path, downloaded into the cache where it is nowhere on disk.

    Raises
    ------
    UsageError
        As for `fetch`; also terms that nobody agreed to.
    """
    found = find_file(source.name, spellings(file), data_dir)
    if found is not None:
        return found
    _check_may_download(source.name, file, data_dir, download)
    check_terms(source, accept_terms)
    return _download(source.name, file, source.files[file], source.urls(file))


def check_terms(source, accepted):
    """Raise UsageError where a source has terms and nobody agreed to them."""
    if source.terms and not accepted:
        raise UsageError(
            f"fetch: expected consent to the terms of {source.title} before a download, got none; read them "
            f"(tinyae data list {source.name}) and, if you agree: tinyae data get {source.name} --accept-licence."
        )


def _check_may_download(dataset, name, data_dir, download):
    if data_dir is not None:
        raise UsageError(
            f"fetch: expected the file {Path(data_dir) / dataset / name}, got a folder without it; the layout is "
            f"<data_dir>/{dataset}/{name}."
        )
    if not download:
        looked = ", ".join(str(root / dataset) for root in roots())
        raise DownloadError(f"fetch: {dataset}/{name} is not in {looked}, and downloading was switched off.")


def _download(dataset, name, checksum, urls):
    try:
        return download(urls, cache_dir() / dataset / name, checksum)
    except DownloadError as why:
        raise DownloadError(
            f"fetch: {dataset}/{name} is not on disk and could not be downloaded ({why}). "
            f"Put it at DIR/{dataset}/{name} and give --data-dir DIR, or set {ENV}=DIR."
        ) from None


def roots(data_dir=None):
    """The folders to look in: `data_dir` alone, or $TINYAE_DATA_DIR and the user's cache folder."""
    if data_dir is not None:
        return [_existing(data_dir, "data_dir")]
    chosen = os.environ.get(ENV)
    return ([_existing(chosen, f"${ENV}")] if chosen else []) + [cache_dir()]


def _existing(folder, origin):
    folder = Path(folder).expanduser()
    if not folder.is_dir():
        raise UsageError(
            f"find_file: expected {origin} to be an existing folder, got {folder}; create it or correct it."
        )
    return folder


def spellings(name):
    """train-images-idx3-ubyte.gz, without .gz, and with the dot that some mirrors put before idx."""
    plain = name.removesuffix(".gz")
    dotted = plain.replace("-idx", ".idx")
    return list(dict.fromkeys((name, plain, f"{dotted}.gz", dotted)))


def places(source, name):
    """Names under which a file or member may lie below a root: its own, with .gz, with the archive's folders."""
    archive = source.archive_of(name)
    names = spellings(name) if archive is None else [archive[1], archive[1].rsplit("/", 1)[-1]]
    return list(dict.fromkeys(packed for n in names for packed in (n, n if n.endswith(".gz") else f"{n}.gz")))
