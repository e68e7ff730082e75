"""Dicts and lists with arrays in them as .npz files without pickle: JSON for the tree, the arrays beside it."""

import json
import re

import numpy as np

from tinyae.files import read_npz, write_atomically

TREE = "tree"  # the array that holds the JSON text
ARRAY, SCALAR = "__array__", "__scalar__"  # stand in the JSON for an array, and for a number of NumPy's


def write_tree(path, tree):
    """Write a dict of str to numbers, text, True, False, None, arrays, and lists and dicts of these; atomically.

    Raises
    ------
    TypeError
        Anything else in it; names the place.
    """
    arrays = {}
    text = np.array(json.dumps(pack(tree, arrays)))

    def write(temporary):
        with open(temporary, "wb") as f:
            np.savez(f, **{TREE: text}, **arrays)

    write_atomically(path, write)


def read_tree(path, who, what):
    """What `write_tree` wrote, bit for bit, but tuples as lists; UsageError unless `path` is a whole such file."""
    return read_npz(path, lambda file: unpack(json.loads(str(file[TREE])), file), who, what)


def pack(value, arrays, place=""):
    """`value` as plain JSON types; every array in it goes to the dict `arrays`, by a name such as '3.optimizer.m'."""
    if isinstance(value, np.ndarray) and not value.dtype.hasobject:
        name = f"{len(arrays)}.{re.sub(r'[^a-zA-Z0-9_.]', '_', place)}"
        arrays[name] = value
        return {ARRAY: name}
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, np.generic) and value.dtype.kind in "biuf" and value.itemsize <= 8:
        return {SCALAR: [value.dtype.name, value.item()]}
    if isinstance(value, list | tuple):
        return [pack(v, arrays, _below(place, k)) for k, v in enumerate(value)]
    if isinstance(value, dict) and all(isinstance(key, str) for key in value) and not {ARRAY, SCALAR} & set(value):
        return {key: pack(v, arrays, _below(place, key)) for key, v in value.items()}
    raise TypeError(f"expected numbers, text, None, arrays, or lists and dicts of these, got {value!r} in {place}")


def unpack(value, arrays):
    """The value that `pack` made this one of."""
    if isinstance(value, list):
        return [unpack(v, arrays) for v in value]
    if not isinstance(value, dict):
        return value
    if ARRAY in value:
        return arrays[value[ARRAY]]
    if SCALAR in value:
        dtype, number = value[SCALAR]
        return np.dtype(dtype).type(number)
    return {key: unpack(v, arrays) for key, v in value.items()}


def _below(place, key):
    return f"{place}.{key}" if place else str(key)
