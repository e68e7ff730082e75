"""From the network to a file: mirrors in turn, checksum, progress, atomic, taken up again where it broke off."""

import logging
import os
import sys
import threading
from concurrent.futures import Future
from contextlib import closing, contextmanager
from pathlib import Path

from tinyae.datasets import checksum as checksums

ANSWER_SECONDS = 4.0  # for name lookup, connection and first byte together; two dead mirrors cost 8 s
READ_SECONDS = 15.0  # longest silence in the middle of a file
CHUNK_BYTES = 1 << 16
PART = ".part"  # what a broken download leaves beside the file; the next one goes on from there


class DownloadError(OSError):
    """A file is not on disk and could not be downloaded; one line says what was tried."""


def download(urls, path, checksum=None):
    """Download a file from the first of its mirrors that gives the right one.

    The file appears whole or not at all. What came before a connection broke, or before Ctrl-C, is kept as
    <name>.part where there is a checksum to judge the whole by, and the next call asks for the rest alone.

    Parameters
    ----------
    urls : sequence of str
        Mirrors, tried in turn.
    path : str or Path
        Where to put it; the folder is made.
    checksum : str, optional
        As in `Source.files`. None: none is published; any answer is taken.

    Returns
    -------
    Path

    Raises
    ------
    DownloadError
        No mirror gave the right file; in seconds when there is no network.
    """
    import pooch  # 0.15 s: only those who download pay for it

    path = Path(path)
    failures = []
    for url in urls:
        print(f"tinyae: downloading {url} to {path.parent}", file=sys.stderr, flush=True)
        try:
            with _quiet(pooch.get_logger()):
                fetch = _Download(path, checksum)
                known = None if checksum is None or checksum.startswith("git-blob:") else _spelled_out(checksum)
                return Path(pooch.retrieve(url, known, fname=path.name, path=path.parent, downloader=fetch))
        except (OSError, ValueError) as why:  # OSError: network or disk; ValueError: a wrong checksum
            failures.append(f"{url}: {_reason(why, checksum)}")
    raise DownloadError("; ".join(failures) or "nobody offers it for download")


def read_range(url, stop, start=0):
    """Bytes start to stop - 1 of a file on the network; fewer where it is shorter.

    Raises
    ------
    DownloadError
        No answer, or one without these bytes.
    """
    try:
        with closing(_open_url(url, {"Range": f"bytes={start}-{stop - 1}"})) as response:
            response.raise_for_status()
            skip = 0 if response.status_code == 206 else start  # 200: the server sends the file from its beginning
            content = _read(response, skip + stop - start, url)
    except OSError as why:
        raise DownloadError(f"{url}: {_reason(why)}") from None
    return content[skip : skip + stop - start]


def _read(response, n_bytes, url):
    """The first `n_bytes` of an answer, with a progress bar."""
    content = bytearray()
    with _bar(url, n_bytes) as bar:
        for chunk in response.iter_content(CHUNK_BYTES):
            content += chunk
            bar.update(len(chunk))
            if len(content) >= n_bytes:
                break
    return bytes(content)


class _Download:
    """The downloader pooch calls with a URL and the name of a temporary file, which it then checks and renames."""

    def __init__(self, path, checksum):
        self.part, self.checksum = path.with_name(path.name + PART), checksum

    def __call__(self, url, temporary, pooch):
        begun = self._take_up(temporary)
        try:
            _save_url(url, temporary, begun)
        except BaseException:  # Ctrl-C as well
            self._put_aside(temporary)
            raise
        if self.checksum is not None and not checksums.matches(temporary, self.checksum):
            raise ValueError("wrong checksum")  # the temporary file goes, and nothing of it is kept

    def _take_up(self, temporary):
        """Bytes of an earlier attempt, now in `temporary`; renaming makes sure that nobody else continues it."""
        if self.checksum is None:
            return 0
        try:
            os.replace(self.part, temporary)
        except OSError:
            return 0
        return os.path.getsize(temporary)

    def _put_aside(self, temporary):
        if self.checksum is not None and os.path.getsize(temporary):
            os.replace(temporary, self.part)


def _save_url(url, path, begun):
    """URL to file with a progress bar, after the first `begun` bytes that are there already."""
    with closing(_open_url(url, {"Range": f"bytes={begun}-"} if begun else {})) as response:
        if response.status_code == 416:  # nothing after these bytes: they are the whole, or no part of it
            return
        response.raise_for_status()
        if response.status_code != 206:  # the server sends the whole again
            begun = 0
        length = int(response.headers.get("content-length", 0))
        with open(path, "r+b") as file, _bar(url, begun + length if length else None, begun) as bar:
            file.truncate(begun)
            file.seek(begun)
            for chunk in response.iter_content(CHUNK_BYTES):
                file.write(chunk)
                bar.update(len(chunk))


def _bar(url, total, begun=0):
    from tqdm import tqdm

    name = url.rsplit("/", 1)[-1]
    return tqdm(total=total, initial=begun, unit="B", unit_scale=True, desc=name, leave=False)


def _open_url(url, headers=None):
    """`requests.get` under one deadline.

    Its own `timeout` bounds neither the name lookup nor a list of dead addresses tried one by one: where a
    network swallows packets, that is half a minute of silence. So a thread asks and this one stops waiting.
    """
    import requests

    answer = Future()
    # "identity": otherwise a server may pack the packed file once more, and requests unpacks too much.
    headers = {"Accept-Encoding": "identity"} | (headers or {})

    def ask():
        try:
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


def _reason(why, checksum=None):
    """A few words for what went wrong; requests' own text runs over several lines."""
    import requests

    if isinstance(why, requests.HTTPError):
        return f"HTTP status {why.response.status_code}"
    if isinstance(why, TimeoutError | requests.Timeout):
        return f"no answer within {ANSWER_SECONDS:g} s"
    if isinstance(why, requests.RequestException):
        return "host name not found" if "NameResolution" in str(why) else "no connection"
    if isinstance(why, ValueError):
        return f"the file received has a wrong {checksums.split(checksum)[0]}"
    return str(why)


def _spelled_out(checksum):
    return ":".join(checksums.split(checksum))


@contextmanager
def _quiet(logger):
    """Hush pooch's "Downloading data from ..."; `download` has its own line."""
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(level)
