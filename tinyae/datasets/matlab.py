"""MATLAB's files of version 5 (.mat), as far as they hold plain matrices of numbers.

"MAT-File Format", The MathWorks: a header of 128 bytes, then elements, each a tag (type and length) and its data. A
matrix is an element of elements: flags, dimensions, name, numbers column by column. A compressed element holds
another one, packed by zlib.
"""

import math
import struct
import zlib

import numpy as np

from tinyae.checks import UsageError

HEADER = 128  # bytes
MATRIX, COMPRESSED = 14, 15
NUMBERS = {1: "i1", 2: "u1", 3: "i2", 4: "u2", 5: "i4", 6: "u4", 7: "f4", 9: "f8", 12: "i8", 13: "u8"}  # types of data
CLASSES = {
    6: "f8",
    7: "f4",
    8: "i1",
    9: "u1",
    10: "i2",
    11: "u2",
    12: "i4",
    13: "u4",
    14: "i8",
    15: "u8",
}  # of matrices
COMPLEX = 0x0800
LARGEST = 1 << 30  # bytes a packed element may become


def read_mat(content, place):
    """Every plain matrix in the bytes of a .mat file; cells, structures, text, sparse and complex ones are left out.

    Parameters
    ----------
    content : bytes
    place : str or Path
        Named in errors.

    Returns
    -------
    dict
        Name -> array in Fortran's order, with MATLAB's own type and at least two axes.

    Raises
    ------
    UsageError
        Not such a file, or a damaged one.
    """
    order = {b"IM": "<", b"MI": ">"}.get(content[126:HEADER])
    if order is None or content[:6] != b"MATLAB":
        raise UsageError(f"read_mat: {place}: expected a MATLAB file of version 5 to 7, got something else.")
    try:
        found = (_matrix(data, order) for kind, data in _elements(content[HEADER:], order) if kind == MATRIX)
        return {name: array for name, array in found if array is not None}
    except (struct.error, zlib.error, ValueError, IndexError) as why:
        raise UsageError(f"read_mat: {place}: expected a whole MATLAB file, got a damaged one ({why}).") from None


def _elements(content, order):
    """(type, data) of the elements one after another, unpacked."""
    at = 0
    while at < len(content):
        kind, length = struct.unpack_from(f"{order}II", content, at)
        start, after = at + 8, at + 8 + -(-length // 8) * 8  # data are filled up to eight bytes
        if kind >> 16:  # a small element: length and type share four bytes, the data have the other four
            kind, length, start, after = kind & 0xFFFF, kind >> 16, at + 4, at + 8
        data = content[start : start + length]
        if len(data) < length:
            raise ValueError(f"{length} bytes announced, {len(data)} there")
        if kind == COMPRESSED:
            packer = zlib.decompressobj()
            yield from _elements(packer.decompress(data, LARGEST), order)
            if not packer.eof:
                raise ValueError("a packed matrix is cut short or too large")
            at = start + length
        else:
            yield kind, data
            at = after


def _matrix(content, order):
    """(name, array) of a matrix's elements; the array is None for one that is not plain numbers."""
    parts = list(_elements(content, order))
    flags = struct.unpack_from(f"{order}I", parts[0][1])[0]
    kind = CLASSES.get(flags & 0xFF)
    name = parts[2][1].decode("latin1")
    if kind is None or flags & COMPLEX:
        return name, None
    shape = struct.unpack(f"{order}{len(parts[1][1]) // 4}i", parts[1][1])
    if parts[3][0] not in NUMBERS or min(shape, default=0) < 0:
        raise ValueError(f"{name} is no matrix of numbers")
    numbers = np.frombuffer(parts[3][1], order + NUMBERS[parts[3][0]])
    if numbers.size != math.prod(shape):
        raise ValueError(f"{name} has {numbers.size} numbers for shape {shape}")
    return name, numbers.astype(kind).reshape(shape, order="F")
