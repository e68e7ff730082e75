"""Writing files so that a killed process leaves the old file or the new one, never half of either."""

import os
import tempfile
from pathlib import Path

from tinyae.checks import UsageError


def write_atomically(path, write):
    """Call write(temporary path), then move the result to `path`.

    The temporary file lies in the same folder and keeps the suffix, which decides the format for some writers.
    """
    path = Path(path)
    handle, name = tempfile.mkstemp(prefix=f".{path.stem}-", suffix=path.suffix, dir=path.parent)
    os.close(handle)
    temporary = Path(name)
    try:
        write(temporary)
        with open(temporary, "rb") as f:
            os.fsync(f.fileno())
        mask = os.umask(0)
        os.umask(mask)
        temporary.chmod(0o666 & ~mask)  # mkstemp makes files only their owner can read
        os.replace(temporary, path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


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
