"""Layers from a Python file of the user's."""

import importlib.util
import inspect
import sys
import traceback
from pathlib import Path

from tinyae.checks import UsageError
from tinyae.layers import Layer
from tinyae.layers.base import as_shape

ROW = (4,)  # shape of a sample where the file names none


def layers_of_file(path):
    """The (layer, input_shape) pairs that a file asks to be checked.

    Parameters
    ----------
    path : path of a .py file
        It is run. `CASES` in it is a list of (layer, shape of one sample); without it every subclass of
        `tinyae.layers.Layer` the file defines is made without arguments and takes rows of 4 numbers.

    Raises
    ------
    UsageError
        No such file, an error while it runs (with the line), CASES of another form, no layer in it.
    """
    module = run_file(Path(path))
    if hasattr(module, "CASES"):
        return cases_of(module, path)
    kinds = [kind for _, kind in inspect.getmembers(module, is_layer_of(module))]
    if not kinds:
        raise UsageError(
            f"gradcheck: expected a subclass of tinyae.layers.Layer in {path}, got none; "
            "tinyae gradcheck --template prints one to start from."
        )
    kinds.sort(key=lambda kind: inspect.getsourcelines(kind)[1])
    return [(made(kind, path), ROW) for kind in kinds]


def run_file(path):
    """The module that a file makes."""
    if not path.is_file():
        raise UsageError(f"gradcheck: expected a Python file with a layer, got no file {path}.")
    name = f"tinyae_own_{path.stem}"
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None:
        raise UsageError(f"gradcheck: expected a Python file, .py, got {path}.")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # where inspect and dataclasses look for it
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        raise UsageError(f"gradcheck: expected {path} to run, got {described(error, path)}.") from error
    return module


def is_layer_of(module):
    """Tells the layer classes that a module defines from those it imports."""

    def is_one(thing):
        return inspect.isclass(thing) and issubclass(thing, Layer) and thing.__module__ == module.__name__

    return is_one


def made(kind, path):
    """A layer made without arguments."""
    try:
        return kind()
    except TypeError:
        raise UsageError(
            f"gradcheck: expected {kind.__name__}() to need no arguments, got {inspect.signature(kind)}; "
            f"write CASES = [({kind.__name__}(...), (4,))] into {path}."
        ) from None


def cases_of(module, path):
    """CASES, checked."""
    what = f"gradcheck: expected CASES in {path} to be a list of pairs (layer, shape of one sample)"
    if not isinstance(module.CASES, list | tuple) or not module.CASES:
        raise UsageError(f"{what}, got {module.CASES!r}.")
    pairs = []
    for case in module.CASES:
        if not isinstance(case, list | tuple) or len(case) != 2 or not isinstance(case[0], Layer):
            raise UsageError(f"{what}, got {case!r} in it.")
        try:
            pairs.append((case[0], as_shape(case[1])))
        except ValueError as error:
            raise UsageError(f"{what}, got {case!r} in it ({error})") from None
    return pairs


def described(error, path):
    """An exception with the place in the user's file that it came from."""
    if isinstance(error, SyntaxError):
        return f"{type(error).__name__}: {error.msg} in line {error.lineno}"
    lines = [f.lineno for f in traceback.extract_tb(error.__traceback__) if Path(f.filename) == Path(path)]
    place = f" in line {lines[-1]}" if lines else ""
    return f"{type(error).__name__}: {' '.join(str(error).split())}{place}"
