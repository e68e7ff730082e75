"""Where data lies, and how it gets there: an explicit folder, $TINYAE_DATA_DIR, the user's cache, the network.

Every root is laid out as `<root>/<dataset>/<file>`; files that lie in the root itself are found too.
"""

import logging
import os
import sys
import threading
from concurrent.futures import Future
from contextlib import closing, contextmanager
from pathlib import Path

from tinyae.checks import UsageError

ENV = "TINYAE_DATA_DIR"
ANSWER_SECONDS = 4.0  # for name lookup, connection and first byte together; two dead mirrors cost 8 s
READ_SECONDS = 15.0  # longest silence in the middle of a file
CHUNK_BYTES = 1 << 16


class DownloadError(OSError):
    """A file is not on disk and could not be downloaded; one line says what was tried."""


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


def fetch(dataset, name, md5, urls, data_dir=None, *, download=True):
    """Path of a data file, downloaded into the user's cache folder when it is nowhere on disk.

    A file on disk is taken as it is: people unpack and repack, so its reader judges the content, not its md5.

    Parameters
    ----------
    dataset, name : str
        "mnist", "train-images-idx3-ubyte.gz"; the unpacked name is accepted as well.
    md5 : str
        Checksum a downloaded file must have.
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
    found = find_file(dataset, _spellings(name), data_dir)
    if found is not None:
        return found
    if data_dir is not None:
        raise UsageError(
            f"fetch: expected the file {Path(data_dir) / dataset / name}, got a folder without it; the layout is "
            f"<data_dir>/{dataset}/{name}."
        )
    if not download:
        looked = ", ".join(str(root / dataset) for root in roots())
        raise DownloadError(f"fetch: {dataset}/{name} is not in {looked}, and downloading was switched off.")
    return _download(dataset, name, md5, urls)


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


def _spellings(name):
    """train-images-idx3-ubyte.gz, without .gz, and with the dot that some mirrors put before idx."""
    plain = name.removesuffix(".gz")
    dotted = plain.replace("-idx", ".idx")
    return list(dict.fromkeys((name, plain, f"{dotted}.gz", dotted)))


def _download(dataset, name, md5, urls):
    """Try each mirror; pooch checks the md5 of a temporary file and renames it only when it fits."""
    import pooch

    folder = cache_dir() / dataset
    failures = []
    for url in urls:
        print(f"tinyae: downloading {url} to {folder}", file=sys.stderr, flush=True)
        try:
            with _quiet(pooch.get_logger()):
                return Path(pooch.retrieve(url, f"md5:{md5}", fname=name, path=folder, downloader=_save_url))
        except (OSError, ValueError) as why:  # OSError: network or disk; ValueError: pooch, for a wrong md5
            failures.append(f"{url}: {_reason(why)}")
    raise DownloadError(
        f"fetch: {dataset}/{name} is not on disk and could not be downloaded ({'; '.join(failures)}). "
        f"Put it at DIR/{dataset}/{name} and give --data-dir DIR, or set {ENV}=DIR."
    )


def _save_url(url, output_file, pooch):
    """The downloader pooch calls: URL to file, with a progress bar."""
    from tqdm import tqdm

    with closing(_open_url(url)) as response, open(output_file, "wb") as file:
        response.raise_for_status()
        total = int(response.headers.get("content-length", 0)) or None
        with tqdm(total=total, unit="B", unit_scale=True, desc=url.rsplit("/", 1)[-1], leave=False) as bar:
            for chunk in response.iter_content(CHUNK_BYTES):
                file.write(chunk)
                bar.update(len(chunk))


def _open_url(url):
    """`requests.get` under one deadline.

    Its own `timeout` bounds neither the name lookup nor a list of dead addresses tried one by one: where a
    network swallows packets, that is half a minute of silence. So a thread asks and this one stops waiting.
    """
    import requests

    answer = Future()

    def ask():
        try:
            # "identity": otherwise a server may pack the packed file once more, and requests unpacks too much.
            headers = {"Accept-Encoding": "identity"}
            answer.set_result(requests.get(url, stream=True, timeout=(ANSWER_SECONDS, READ_SECONDS), headers=headers))
        except Exception as why:
            answer.set_exception(why)

    threading.Thread(target=ask, name="tinyae-download", daemon=True).start()
    try:
        return answer.result(timeout=ANSWER_SECONDS)
    except TimeoutError:
        answer.add_done_callback(_close_late_answer)
        raise


def _close_late_answer(answer):
    if answer.exception() is None:
        answer.result().close()


def _reason(why):
    """A few words for what went wrong; requests' own text runs over several lines."""
    import requests

    if isinstance(why, requests.HTTPError):
        return f"HTTP status {why.response.status_code}"
    if isinstance(why, TimeoutError | requests.Timeout):
        return f"no answer within {ANSWER_SECONDS:g} s"
    if isinstance(why, requests.RequestException):
        return "host name not found" if "NameResolution" in str(why) else "no connection"
    if isinstance(why, ValueError):
        return "the file received has a wrong md5"
    return str(why)


@contextmanager
def _quiet(logger):
    """Hush pooch's "Downloading data from ..."; fetch has its own line."""
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(level)
