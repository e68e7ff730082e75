"""Read and write IDX files, the format of MNIST: a magic number, the lengths of the axes, then raw bytes.

    byte 0, 1   zero
    byte 2      type of the values; 0x08 means unsigned bytes, the only one read here
    byte 3      rank r of the array: 1 for labels (magic 0x00000801), 3 for images (0x00000803)
    4 r bytes   length of each axis, big-endian unsigned 32-bit
    the rest    the values, last axis fastest

Source: Y. LeCun, C. Cortes, C. Burges, "The MNIST database of handwritten digits", section "The IDX file format".
"""

import gzip
import math
import os
import struct
import tempfile
import zlib
from pathlib import Path

import numpy as np

from tinyae.checks import UsageError

GZIP_MAGIC = b"\x1f\x8b"
UNSIGNED_BYTE = 0x08


def read_idx(path):
    """Read an IDX file of unsigned bytes, compressed by gzip or not; the content decides, not the name.

    Parameters
    ----------
    path : str or Path
        The file.

    Returns
    -------
    numpy.ndarray
        uint8, of the rank and shape the file states; MNIST images (N, 28, 28), 0 paper to 255 ink.

    Raises
    ------
    UsageError
        The file is missing, empty, truncated, too long, damaged, or no IDX file of unsigned bytes.
    """
    content = _content(path)
    shape, start = _header(path, content)
    expected, got = math.prod(shape), len(content) - start
    if got < expected:
        _fail(path, f"{expected} values for shape {shape}", f"only {got}; the file is cut short, fetch it again")
    if got > expected:
        _fail(path, f"{expected} values for shape {shape}", f"{got - expected} bytes more; fetch the file again")
    try:
        return np.frombuffer(content, np.uint8, offset=start).reshape(shape).copy()  # a copy can be written to
    except ValueError as why:  # absurd lengths beside a zero, or a rank beyond NumPy's
        _fail(path, "a shape NumPy can hold", f"rank {len(shape)} ({why}); is this an IDX file?")


def write_idx(path, array):
    """Write `array` (uint8, any rank) as an IDX file; gzip it when the name ends with .gz.

    The file appears whole or not at all: it is written under a temporary name and renamed.

    Raises
    ------
    UsageError
        `array` is not of dtype uint8.
    """
    path, array = Path(path), np.asarray(array)
    if array.dtype != np.uint8:
        raise UsageError(f"write_idx: {path}: expected an array of dtype uint8, got {array.dtype}; convert it first.")
    header = struct.pack(f">BBBB{array.ndim}I", 0, 0, UNSIGNED_BYTE, array.ndim, *array.shape)
    content = header + array.tobytes()
    if path.suffix == ".gz":
        content = gzip.compress(content, mtime=0)  # no time stamp: same array, same bytes
    _write_whole(path, content)


def _content(path):
    """The bytes of the file, unpacked."""
    try:
        content = Path(path).read_bytes()
    except FileNotFoundError:
        _fail(path, "an IDX file", "no such file; check the path")
    except OSError as why:
        _fail(path, "a readable file", f"{why.strerror}; check the path and its permissions")
    if content[:2] != GZIP_MAGIC:
        return content
    try:
        return gzip.decompress(content)
    except (gzip.BadGzipFile, EOFError, zlib.error) as why:
        _fail(path, "a whole gzip file", f"a damaged one ({why}); fetch it again")


def _header(path, content):
    """Shape of the array and the place where its values begin."""
    if not content:
        _fail(path, "an IDX file", "an empty one; fetch it again")
    magic = content[:4]
    if len(magic) < 4 or magic[:3] != bytes((0, 0, UNSIGNED_BYTE)):
        _fail(
            path,
            "magic 0x0000080N",
            f"0x{magic.hex()}, which is not an IDX file of unsigned bytes; is this the right file?",
        )
    rank = magic[3]
    start = 4 + 4 * rank
    if len(content) < start:
        _fail(path, f"{rank} axis lengths", f"a file of {len(content)} bytes; it is cut short, fetch it again")
    return struct.unpack_from(f">{rank}I", content, 4), start


def _fail(path, expected, got):
    raise UsageError(f"read_idx: {path}: expected {expected}, got {got}.") from None


def _write_whole(path, content):
    """Write the bytes beside `path`, then rename, so that a killed process leaves no half file under the name."""
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=path.name, suffix=".part")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
        os.replace(temporary, path)
    except BaseException:
        os.unlink(temporary)
        raise
