"""Files inside archives: named members of a .zip or .tar(.gz) as bytes, nothing unpacked on disk."""

import gzip
import lzma
import tarfile
import zipfile
import zlib

from tinyae.checks import UsageError

NOT_WHOLE = (
    OSError, EOFError, LookupError, ValueError, RuntimeError, NotImplementedError, zipfile.BadZipFile,
    tarfile.TarError, zlib.error, lzma.LZMAError,
)  # fmt: skip


def is_archive(name):
    """Whether a file of this name is an archive."""
    return str(name).endswith((".zip", ".tar", ".tar.gz", ".tgz"))


def read_members(path, names):
    """The bytes of named members of an archive; one pass, so that a large .tar.gz is unpacked once.

    Parameters
    ----------
    path : str or Path
        A .zip, .tar, .tar.gz or .tgz; the content decides, not the name.
    names : sequence of str
        Members by their full name or its last part.

    Returns
    -------
    dict
        Name as given -> bytes.

    Raises
    ------
    UsageError
        The archive is missing, damaged, cut short, or lacks a member.
    """
    try:
        read = _from_zip if zipfile.is_zipfile(path) else _from_tar
        found = read(path, names)
    except FileNotFoundError:
        raise UsageError(f"read_members: expected an archive, got {path}, which does not exist.") from None
    except NOT_WHOLE as why:
        reason = (str(why) or type(why).__name__).splitlines()[0]
        raise UsageError(
            f"read_members: expected a whole archive, got {path} ({reason}); delete it and fetch it again."
        ) from None
    missing = [name for name in names if name not in found]
    if missing:
        raise UsageError(f"read_members: expected {', '.join(missing)} in {path}, got an archive without it.")
    return found


def _from_zip(path, names):
    with zipfile.ZipFile(path) as archive:
        return {_wanted(m, names): archive.read(m) for m in archive.namelist() if _wanted(m, names)}


def _from_tar(path, names):
    found = {}
    with tarfile.open(path, "r:*") as archive:
        for member in archive:
            name = _wanted(member.name, names)
            if name and member.isfile():
                found[name] = archive.extractfile(member).read()
                if len(found) == len(names):
                    break
    return found


def _wanted(member, names):
    """The name under which somebody asked for this member, or None."""
    member = member.removeprefix("./")
    return next((name for name in names if member == name or member.endswith(f"/{name}")), None)


def unpack(content, place):
    """The bytes, unpacked where they are gzip's; `place` is named in the error."""
    if content[:2] != b"\x1f\x8b":
        return content
    try:
        return gzip.decompress(content)
    except (OSError, EOFError, zlib.error) as why:
        raise UsageError(f"read: expected a whole gzip file, got {place} ({why}); fetch it again.") from None
