"""Is this file the published one? Checksums as publishers state them."""

import hashlib
import os

ALGORITHMS = ("md5", "sha1", "sha256", "git-blob")
CHUNK_BYTES = 1 << 20


def split(checksum):
    """("md5", digits) of "md5:..." or of bare digits, which are an md5."""
    algorithm, _, digits = checksum.rpartition(":")
    algorithm = algorithm or "md5"
    if algorithm not in ALGORITHMS:
        raise ValueError(f"expected a checksum by {', '.join(ALGORITHMS)}, got {checksum!r}")
    return algorithm, digits.lower()


def matches(path, checksum):
    """Whether the file has that checksum; every file has None."""
    if checksum is None:
        return True
    algorithm, digits = split(checksum)
    state = hashlib.new("sha1" if algorithm == "git-blob" else algorithm, usedforsecurity=False)
    if algorithm == "git-blob":
        state.update(b"blob %d\0" % os.path.getsize(path))  # git's id is the SHA-1 of this header and the content
    with open(path, "rb") as file:
        while chunk := file.read(CHUNK_BYTES):
            state.update(chunk)
    return state.hexdigest() == digits
