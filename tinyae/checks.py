"""Checks of shape, type and range, and the wording of every error they raise.

An error says who speaks, what was expected, what came, and what to do. Public functions check; kernels trust.
"""

import difflib
import re

import numpy as np


class UsageError(ValueError):
    """Bad input of a user's: wrong option, wrong file, wrong data. The command line answers it with exit code 2."""


def check_shape(who, x, want, name="x"):
    """Raise UsageError unless `x.shape` fits `want`; a letter in `want` stands for any length.

    >>> check_shape("Dense", np.zeros((2, 4)), ("N", 5))
    Traceback (most recent call last):
    tinyae.checks.UsageError: Dense: expected x of shape (N, 5), got (2, 4).
    """
    got = np.shape(x)
    fits = len(got) == len(want) and all(isinstance(w, str) or w == n for w, n in zip(want, got, strict=True))
    if not fits:
        shape = "(" + ", ".join(map(str, want)) + ("," if len(want) == 1 else "") + ")"
        raise UsageError(f"{who}: expected {name} of shape {shape}, got {got}.")


def check_samples(who, x, sample_shape, name="x"):
    """Raise UsageError unless `x` is a batch (N, *sample_shape); says how to make it one where that can be guessed."""
    got, want = np.shape(x), tuple(sample_shape)
    if got[1:] == want and got:
        return
    advice = ""
    if got == want:
        advice = f"; for a single sample use {name}[None]"
    elif len(want) == 3 and got[1:] == (want[2], *want[:2]):
        advice = f"; channels come last: use np.moveaxis({name}, 1, -1)"
    elif got[1:] and np.prod(got[1:]) == np.prod(want):
        advice = f"; use {name}.reshape({', '.join(map(str, (-1, *want)))})"
    shape = "(" + ", ".join(map(str, ("N", *want))) + ")"
    raise UsageError(f"{who}: expected {name} of shape {shape}, got {got}{advice}.")


def check_scaled(who, x, name="x"):
    """Raise UsageError for integer images with values above 1, which nobody has scaled."""
    x = np.asarray(x)
    looks_like_images = x.dtype == np.uint8 or (x.dtype.kind in "iu" and x.ndim == 4)
    if looks_like_images and x.size and x.max() > 1:
        raise UsageError(
            f"{who}: expected {name} scaled to [0, 1], got {x.dtype} numbers up to {x.max()}; use {name} / 255."
        )


def check_choice(who, name, value, choices):
    """Raise UsageError unless `value` is one of `choices`; list them all, and name the nearest spelling."""
    if value not in list(choices):
        near = difflib.get_close_matches(str(value).lower(), map(str, choices), n=1)
        hint = f" (did you mean {near[0]!r}?)" if near else ""
        raise UsageError(f"{who}: expected {name} to be one of {', '.join(map(str, choices))}, got {value!r}{hint}.")


def check_int(who, name, value, low):
    """Return `value` as int; raise UsageError unless it is a whole number of at least `low`."""
    if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < low:
        raise UsageError(f"{who}: expected {name} to be a whole number >= {low}, got {value!r}.")
    return int(value)


def check_float(who, name, value, low, high, *, open_low=False, open_high=False):
    """Return `value` as float; raise UsageError unless it lies between `low` and `high`."""
    try:
        number = float(value)
    except (TypeError, ValueError):
        number = float("nan")
    inside = (low < number if open_low else low <= number) and (number < high if open_high else number <= high)
    if not inside:
        interval = f"{'(' if open_low else '['}{low:g}, {high:g}{')' if open_high else ']'}"
        raise UsageError(f"{who}: expected {name} in {interval}, got {value!r}.")
    return number


def check_finite(who, x, name="x", start=0):
    """Raise UsageError where `x` holds NaN or infinity, naming the first place; x[0] is number `start` of all."""
    x = np.asarray(x)
    if x.dtype.kind == "f" and not np.isfinite(x).all():
        first, *rest = (int(i) for i in np.argwhere(~np.isfinite(x))[0])
        place = (first + start, *rest)
        bad = int((~np.isfinite(x)).sum())
        raise UsageError(
            f"{who}: expected finite numbers in {name}, got {bad} NaN or infinite, the first at index {place}; "
            "remove or fill them."
        )


def as_float_array(who, x, dtype, name="x"):
    """`x` as an array of float `dtype`; UsageError for anything that is not numbers."""
    try:
        return np.asarray(x, dtype=dtype)
    except (TypeError, ValueError) as why:
        raise UsageError(f"{who}: expected {name} to be an array of numbers, got {type(x).__name__} ({why}).") from None


def in_words(thing):
    """'Cosine(lr=0.001, final=0.0, warmup=0.02)', or the name of a function: the same text in every process."""
    if hasattr(thing, "__qualname__"):
        return thing.__qualname__
    settings = ", ".join(f"{name}={value!r}" for name, value in getattr(thing, "__dict__", {}).items())
    text = f"{type(thing).__name__}({settings})" if settings else repr(thing)
    return re.sub(r" at 0x[0-9a-fA-F]+", "", text)  # where something lies in memory is no setting
