"""From images to bytes and back: a net, its quantisers, and how bits are packed into a file (.tae).

    byte 0      magic "TAE1"
    byte 4      how the symbols are packed: 0 bits one after the other, 1 Huffman codes
    byte 5      0
    byte 6      numbers in a code, 16 bits
    byte 8      bits of a code, 16 bits
    byte 10     images, 32 bits
    byte 14     bytes that follow the header, 64 bits
    byte 22     CRC-32 of the header up to here, without this number, and of all that follows it
    byte 26     fingerprint of the model, 8 bytes; counted in the CRC
    byte 34     the symbols

All numbers are little-endian. Packed: image after image, unit after unit, each symbol with the bits of its unit, the
highest first; the last byte is filled with zeros. Huffman: a zlib stream of one byte a symbol, unit after unit, without
zlib's search for repetitions, which codes do not have. How many bits each unit has follows from their sum and from the
model.
"""

import hashlib
import struct
import zlib

import numpy as np

from tinyae.applications.compression.quantiser import Quantisers
from tinyae.checks import UsageError, check_int

MAGIC = b"TAE1"
START, CHECK, FINGERPRINT = struct.Struct("<4sBBHHIQ"), struct.Struct("<I"), 8
HEADER_BYTES = START.size + CHECK.size + FINGERPRINT
PACKED, HUFFMAN = 0, 1
KEY = "compression"  # of the quantisers in a model's preprocessing
ROWS = 8192  # images packed at a time; a multiple of 8, so that every part but the last ends with a whole byte
MOST_IMAGES = 2**32 - 1


class Codec:
    """Compress and decompress with one trained net.

    Parameters
    ----------
    model : Autoencoder
        Codes of K numbers; its `preprocessing` has the quantisers, as `with_quantisers` puts them there.

    Raises
    ------
    UsageError
        A model without quantisers.
    """

    def __init__(self, model):
        values = model.preprocessing if isinstance(getattr(model, "preprocessing", None), dict) else {}
        if KEY not in values or not hasattr(model, "encode"):
            raise UsageError(
                "compress: expected a model trained by tinyae compress, got one without quantisers; train it with "
                "tinyae compress --dataset ..."
            )
        self.model = model
        self.quantisers = Quantisers.from_json(values[KEY], model.code_size)

    def compress(self, x, bits_per_image, threads=None):
        """The bytes of a .tae file for images x (N, *input_shape), ready for the net."""
        quantiser = self.quantisers.share(bits_per_image)
        if not 0 < len(x) <= MOST_IMAGES:
            raise UsageError(f"compress: expected from 1 to {MOST_IMAGES} images, got {len(x)}.")
        return self.to_bytes(quantiser.encode(self.model.encode(x, threads=threads)), quantiser)

    def decompress(self, content, threads=None):
        """Images (N, *input_shape) float32 of the bytes of a .tae file."""
        symbols, quantiser = self.from_bytes(content)
        return self.model.decode(quantiser.decode(symbols), threads=threads)

    def to_bytes(self, symbols, quantiser):
        """Header and symbols (N, K), packed in the shorter of the two ways."""
        ways = {PACKED: pack(symbols, quantiser.bits), HUFFMAN: _huffman(symbols)}
        way = min(ways, key=lambda name: len(ways[name]))
        payload = ways[way]
        start = START.pack(
            MAGIC, way, 0, symbols.shape[1], quantiser.bits_per_image, len(symbols), len(payload)
        )  # fmt: skip
        rest = fingerprint(self.model) + payload
        return start + CHECK.pack(zlib.crc32(start + rest)) + rest

    def from_bytes(self, content, name="the file"):
        """Symbols (N, K) uint8 and the Quantiser they were made with.

        Raises
        ------
        UsageError
            No .tae file, one cut short, damaged, of a newer tinyae, or made with another model.
        """
        way, code_size, bits_per_image, n, payload = _checked(content, name)
        if content[HEADER_BYTES - FINGERPRINT : HEADER_BYTES] != fingerprint(self.model):
            raise UsageError(
                f"decompress: expected {name} to be made with this model, got a file of another one; codes mean "
                "nothing to any net but the one that made them."
            )
        quantiser = self.quantisers.share(bits_per_image)
        bits = quantiser.bits
        symbols = unpack(payload, n, bits) if way == PACKED else _from_huffman(payload, n, code_size)
        whole = symbols is not None and code_size == len(bits) and (symbols.max(axis=0) < 2**bits).all()
        if not whole:
            raise UsageError(f"decompress: expected {name} to hold {n:,} codes, got something else; it is damaged.")
        return symbols, quantiser


def with_quantisers(model, x, sensitivity, preprocessing=None, threads=None):
    """Fit quantisers to the codes of training images x and keep them in the model's `preprocessing`; returns it."""
    quantisers = Quantisers.fit(model.encode(x, threads=threads), sensitivity)
    model.preprocessing = (preprocessing or {}) | {KEY: quantisers.to_json()}
    return model


def fingerprint(model):
    """8 bytes that differ from one trained net to another: of its parameters and its quantisers."""
    digest = hashlib.sha256(np.ascontiguousarray(model.theta, "<f4").tobytes())
    for name, rows in sorted(model.preprocessing[KEY].items()):
        digest.update(name.encode() + np.asarray(rows, "<f8").tobytes())
    return digest.digest()[:FINGERPRINT]


def _checked(content, name):
    """way, code size, bits of a code, images, payload of a whole file; UsageError for anything else."""
    if content[:3] != MAGIC[:3] or len(content) < 4:
        raise UsageError(f"decompress: expected a file made by tinyae compress, got {name}, which is something else.")
    if content[:4] != MAGIC:
        raise UsageError(
            f"decompress: expected format {MAGIC[3:].decode()} in {name}, got {content[3:4]!r}; install a newer tinyae."
        )
    if len(content) < HEADER_BYTES:
        raise UsageError(f"decompress: expected a whole file, got {name}, which is cut short; copy it again.")
    _, way, zero, code_size, bits, n, length = START.unpack_from(content)
    payload = content[HEADER_BYTES:]
    if len(payload) < length:
        raise UsageError(
            f"decompress: expected {length:,} bytes of codes in {name}, got {len(payload):,}; it is cut short, copy it "
            "again."
        )
    (crc,) = CHECK.unpack_from(content, START.size)
    whole = content[: START.size] + content[START.size + CHECK.size :]
    if len(payload) > length or zlib.crc32(whole) != crc or way not in (PACKED, HUFFMAN) or zero or not (n and bits):
        raise UsageError(f"decompress: expected a whole file, got {name}, which is damaged; copy it again.")
    return way, code_size, bits, n, payload


def pack(symbols, bits):
    """Symbols (N, K) as a string of bits, `bits` (K,) for each unit."""
    parts = []
    for start in range(0, len(symbols), ROWS):
        rows = symbols[start : start + ROWS]
        columns = [(rows[:, j] >> shift) & 1 for j, b in enumerate(bits) for shift in range(b - 1, -1, -1)]
        parts.append(np.packbits(np.stack(columns, axis=1)).tobytes())
    return b"".join(parts)


def unpack(payload, n, bits):
    """What `pack` packed, (n, K) uint8; None where the length does not fit."""
    total = int(np.sum(bits))
    if len(payload) != -(-n * total // 8):
        return None
    symbols = np.zeros((n, len(bits)), np.uint8)
    content = np.frombuffer(payload, np.uint8)
    for start in range(0, n, ROWS):
        rows = min(ROWS, n - start)
        first = start * total // 8
        string = np.unpackbits(content[first : first - (-rows * total // 8)], count=rows * total).reshape(rows, total)
        at = 0
        for j, b in enumerate(bits):
            for column in string[:, at : at + b].T:
                symbols[start : start + rows, j] = (symbols[start : start + rows, j] << 1) | column
            at += b
    return symbols


def _huffman(symbols):
    squeeze = zlib.compressobj(9, strategy=zlib.Z_HUFFMAN_ONLY)
    return squeeze.compress(np.ascontiguousarray(symbols.T).tobytes()) + squeeze.flush()


def _from_huffman(payload, n, k):
    """What `_huffman` packed, (n, k) uint8; None for anything else."""
    expand = zlib.decompressobj()
    try:
        content = expand.decompress(payload, n * k + 1)  # no more, however much a forged file would give
    except zlib.error:
        return None
    if len(content) != n * k or not expand.eof:
        return None
    return np.frombuffer(content, np.uint8).reshape(k, n).T


def check_bits(bits_per_image, code_size):
    """Raise UsageError unless a code of that size can have so many bits."""
    from tinyae.applications.compression.quantiser import MOST_BITS

    bits = check_int("compress", "bits", bits_per_image, 1)
    if bits > MOST_BITS * code_size:
        raise UsageError(
            f"compress: expected at most {MOST_BITS * code_size} bits for a code of {code_size} numbers, got {bits}."
        )
    return bits
