"""Writing files so that a killed process leaves the old file or the new one, never half of either; reading them."""

import contextlib
import os
import re
import tempfile
import zipfile
import zlib
from pathlib import Path

import numpy as np

from tinyae.checks import UsageError

# All that NumPy, zipfile and json raise on files that are truncated, damaged, or something else altogether.
NOT_WHOLE = (
    OSError, EOFError, LookupError, ValueError, TypeError, RuntimeError, MemoryError, zipfile.BadZipFile, zlib.error,
)  # fmt: skip


@contextlib.contextmanager
def appearing(path):
    """A temporary path to write to, which takes the place of `path` when the `with` block ends without an error.

    The temporary file lies in the same folder and keeps the suffix, which decides the format for some writers. A
    process that is killed meanwhile leaves it behind; `remove_leftovers` knows it by its name.
    """
    path = Path(path)
    handle, name = tempfile.mkstemp(prefix=f".{path.stem}-", suffix=path.suffix, dir=path.parent)
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
        with open(temporary, "rb") as f:
            os.fsync(f.fileno())
        mask = os.umask(0)
        os.umask(mask)
        temporary.chmod(0o666 & ~mask)  # mkstemp makes files only their owner can read
        os.replace(temporary, path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def write_atomically(path, write):
    """Call write(temporary path), then move the result to `path`: see `appearing`."""
    with appearing(path) as temporary:
        write(temporary)


def remove_leftovers(path):
    """Delete the temporary files that killed processes left behind when they wrote `path`."""
    path = Path(path)
    ours = re.compile(rf"\.{re.escape(path.stem)}-[a-z0-9_]{{8}}{re.escape(path.suffix)}")  # mkstemp's eight letters
    for leftover in path.parent.iterdir():
        if ours.fullmatch(leftover.name):
            leftover.unlink(missing_ok=True)


def read_npz(path, parse, who, what):
    """parse(file) of the .npz file at `path`; nothing is unpickled.

    Raises
    ------
    UsageError
        No such file, or not a whole `what`.
    """
    try:
        with open(path, "rb") as f:
            if f.read(2) != b"PK":  # NumPy would speak of pickles
                raise UsageError(f"{who}: expected a whole {what}, got {path} (it is no .npz file).")
            f.seek(0)
            with np.load(f, allow_pickle=False) as file:
                return parse(file)
    except FileNotFoundError:
        raise UsageError(f"{who}: expected a {what.split()[0]} file, got {path}, which does not exist.") from None
    except UsageError:
        raise
    except NOT_WHOLE as why:
        raise UsageError(f"{who}: expected a whole {what}, got {path} ({reason(why)}).") from None


def reason(why):
    """What an exception says, in one line without a full stop."""
    text = (str(why) or type(why).__name__).splitlines()[0].rstrip(".")
    # In place of NumPy's advice to allow what would run a stranger's code.
    return "it holds Python objects, which are not loaded" if "pickle" in text else text


def writable_folder(path, who):
    """`path` as an existing folder one can write to, made if need be; UsageError otherwise."""
    path = Path(path)
    try:
        path.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=path):
            pass
    except OSError as why:
        raise UsageError(f"{who}: expected a folder one can write to, got {path} ({why.strerror}).") from None
    return path
