"""The wording of every error: who speaks, what was expected, what came. And that everything public says what it is."""

import importlib
import inspect
import math
import re

import numpy as np
import pytest

from tinyae.checks import (
    UsageError,
    as_float_array,
    check_choice,
    check_finite,
    check_float,
    check_int,
    check_samples,
    check_scaled,
    check_shape,
)


def says(text, kind=UsageError):
    """Raises `kind` with exactly this text."""
    return pytest.raises(kind, match=f"^{re.escape(text)}$")


# -- shapes ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "x, want",
    [
        (np.zeros((2, 5)), ("N", 5)),
        (np.zeros((0, 5)), ("N", 5)),
        (np.zeros((2, 5)), ("N", "D")),
        ([[1, 2], [3, 4]], (2, 2)),
        (np.zeros(3), ("N",)),
        (1.0, ()),
    ],
)
def test_shape_that_fits(x, want):
    assert check_shape("who", x, want) is None


@pytest.mark.parametrize(
    "x, want, text",
    [
        (np.zeros((2, 4)), ("N", 5), "Dense: expected x of shape (N, 5), got (2, 4)."),
        (np.zeros(5), ("N", 5), "Dense: expected x of shape (N, 5), got (5,)."),
        (np.zeros((1, 2, 5)), ("N", 5), "Dense: expected x of shape (N, 5), got (1, 2, 5)."),
        (np.zeros((2, 1)), ("N",), "Dense: expected x of shape (N,), got (2, 1)."),
        ([1, 2, 3], (4,), "Dense: expected x of shape (4,), got (3,)."),
        (3.0, ("N", 28, 28, 1), "Dense: expected x of shape (N, 28, 28, 1), got ()."),
    ],
)
def test_shape_that_does_not(x, want, text):
    with says(text, ValueError):
        check_shape("Dense", x, want)


def test_shape_names_the_argument():
    with says("fit: expected target of shape (N, 3), got (2, 2).", ValueError):
        check_shape("fit", np.zeros((2, 2)), ("N", 3), name="target")


@pytest.mark.parametrize("shape", [(3, 28, 20, 1), (1, 28, 20, 1), (0, 28, 20, 1)])
def test_samples_that_fit(shape):
    assert check_samples("fit", np.zeros(shape), (28, 20, 1)) is None


@pytest.mark.parametrize(
    "shape, want, advice",
    [
        ((28, 20, 1), (28, 20, 1), "; for a single sample use x[None]."),
        ((560,), (560,), "; for a single sample use x[None]."),
        ((5, 560), (28, 20, 1), "; use x.reshape(-1, 28, 20, 1)."),
        ((5, 28, 20), (28, 20, 1), "; use x.reshape(-1, 28, 20, 1)."),
        ((5, 28, 20, 1), (560,), "; use x.reshape(-1, 560)."),
        ((5, 3, 28, 20), (28, 20, 3), "; channels come last: use np.moveaxis(x, 1, -1)."),
        ((5, 28, 20, 3), (28, 20, 1), "."),
        ((5, 20, 21, 1), (28, 20, 1), "."),
        ((), (28, 20, 1), "."),
    ],
)
def test_samples_that_do_not_fit_say_what_would(shape, want, advice):
    expected = ", ".join(map(str, ("N", *want)))
    with says(f"fit: expected x of shape ({expected}), got {shape}{advice}"):
        check_samples("fit", np.zeros(shape), want)
    if advice.startswith("; use x.reshape"):  # and what it says does
        check_samples("fit", np.zeros(shape).reshape(-1, *want), want)


def test_images_nobody_scaled():
    with says("fit: expected x scaled to [0, 1], got uint8 numbers up to 255; use x / 255."):
        check_scaled("fit", np.array([[0, 255]], np.uint8))
    with says("fit: expected x scaled to [0, 1], got int64 numbers up to 17; use x / 255."):
        check_scaled("fit", np.full((2, 3, 3, 1), 17))
    for fine in (
        np.array([[0, 1]], np.uint8),
        np.full((2, 3), 17),
        np.full((2, 3, 3, 1), 17.0),
        np.empty((0, 2), "u1"),
    ):
        assert check_scaled("fit", fine) is None  # 0 and 1; counts in rows; already floats; nothing


# -- choices --------------------------------------------------------------------------------------------------


def test_choice_there_is():
    assert check_choice("fit", "loss", "bce", {"bce": 1, "mse": 2}) is None
    assert check_choice("fit", "loss", "mse", ("bce", "mse")) is None


def test_choice_there_is_not():
    names = ("sgd", "rmsprop", "adam", "nadam")
    with says(
        "fit: expected optimizer to be one of sgd, rmsprop, adam, nadam, got 'rmsprob' (did you mean 'rmsprop'?)."
    ):
        check_choice("fit", "optimizer", "rmsprob", names)
    with says("fit: expected optimizer to be one of sgd, rmsprop, adam, nadam, got 'lbfgs'."):
        check_choice("fit", "optimizer", "lbfgs", names)
    with says("fit: expected optimizer to be one of sgd, rmsprop, adam, nadam, got None."):
        check_choice("fit", "optimizer", None, dict.fromkeys(names))


def test_choice_of_a_list():
    """A list cannot be looked up in a dict; that is no reason for a TypeError."""
    with pytest.raises(UsageError, match=r"^fit: expected loss to be one of bce, mse, got \['bce'\]"):
        check_choice("fit", "loss", ["bce"], {"bce": 1, "mse": 2})


# -- numbers --------------------------------------------------------------------------------------------------


def test_whole_numbers():
    for value in (3, np.int64(3), np.uint8(3)):
        got = check_int("fit", "epochs", value, 1)
        assert got == 3 and type(got) is int
    assert check_int("fit", "seed", 0, 0) == 0


@pytest.mark.parametrize("value", [0, -1, 2.0, "3", None, True, np.float64(3), [3]])
def test_no_whole_numbers(value):
    with says(f"fit: expected epochs to be a whole number >= 1, got {value!r}."):
        check_int("fit", "epochs", value, 1)


@pytest.mark.parametrize(
    "ends, inside, outside, interval",
    [
        ({}, (0, 0.5, 1), (-1e-9, 1.000001), "[0, 1]"),
        ({"open_low": True}, (1e-30, 1), (0, -1), "(0, 1]"),
        ({"open_high": True}, (0, 0.999), (1, 2), "[0, 1)"),
        ({"open_low": True, "open_high": True}, (0.5,), (0, 1), "(0, 1)"),
    ],
)
def test_numbers_in_an_interval(ends, inside, outside, interval):
    for value in inside:
        got = check_float("SGD", "momentum", value, 0, 1, **ends)
        assert got == value and type(got) is float
    for value in (*outside, math.nan, math.inf, -math.inf, "much", None, [0.5, 0.5]):
        with says(f"SGD: expected momentum in {interval}, got {value!r}."):
            check_float("SGD", "momentum", value, 0, 1, **ends)


def test_numpy_numbers_become_floats():
    assert type(check_float("SGD", "lr", np.float32(0.5), 0, math.inf)) is float


# -- arrays ---------------------------------------------------------------------------------------------------


def test_finite():
    assert check_finite("fit", np.zeros((2, 3), np.float32)) is None
    assert check_finite("fit", np.arange(6)) is None
    assert check_finite("fit", []) is None


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_not_finite(bad):
    x = np.zeros((3, 4), np.float32)
    x[1, 2] = x[2, 0] = bad
    text = "fit: expected finite numbers in x, got 2 NaN or infinite, the first at index (1, 2); remove or fill them."
    with says(text):
        check_finite("fit", x)
    with pytest.raises(UsageError, match="in validation_data, got 1 NaN or infinite"):
        check_finite("fit", x[:2], "validation_data")


def test_as_float_array():
    x = np.ones((2, 3), np.float32)
    assert as_float_array("fit", x, np.float32) is x  # no copy
    got = as_float_array("fit", [[1, 2], [3, 4]], np.float32)
    assert got.dtype == np.float32 and got.tolist() == [[1, 2], [3, 4]]


@pytest.mark.parametrize("x", ["abc", [[1, 2], [3]], [None, {}], object()], ids=["str", "ragged", "mixed", "object"])
def test_no_array_of_numbers(x):
    with pytest.raises(
        UsageError, match=rf"^fit: expected x to be an array of numbers, got {type(x).__name__} \(.+\)\.$"
    ):
        as_float_array("fit", x, np.float32)


def test_usage_error_is_a_value_error():
    assert issubclass(UsageError, ValueError)


# -- docstrings -----------------------------------------------------------------------------------------------

MODULES = [
    "checks", "losses", "schedules", "optimizers", "gradcheck", "gradcases", "analysis",
    "kernels.activations", "kernels.config", "kernels.exponential", "kernels.losses", "kernels.neighbours",
    "kernels.sampling", "kernels.updates", "kernels.product", "kernels.skinny_product", "kernels.llvm_vectors",
    "layers", "layers.activations", "layers.base", "layers.dense", "layers.flat", "layers.initialisers",
    "layers.sequential",
]  # fmt: skip


@pytest.mark.parametrize("name", MODULES)
def test_everything_public_has_a_docstring(name):
    module = importlib.import_module(f"tinyae.{name}")
    assert module.__doc__
    silent = []
    for public, thing in vars(module).items():
        thing = getattr(thing, "py_func", thing)  # a compiled kernel's own function
        if public.startswith("_") or getattr(thing, "__module__", None) != module.__name__:
            continue
        if (inspect.isclass(thing) or inspect.isfunction(thing)) and not thing.__doc__:
            silent.append(public)
        if inspect.isclass(thing):  # a method may leave it to the base class
            methods = [m for m, f in vars(thing).items() if not m.startswith("_") and inspect.isfunction(f)]
            silent += [f"{public}.{m}" for m in methods if not inspect.getdoc(getattr(thing, m))]
    assert silent == []
