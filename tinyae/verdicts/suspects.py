"""What a wrong gradient looks like: mistakes that leave a mark on the numbers, tried one after the other.

Each suspect takes the `Evidence` on one array and returns a sentence, or None where it does not look like that.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

CLOSE = 1e-6  # relative to the largest number of the array


@dataclass(frozen=True)
class Evidence:
    """A gradient as the layer gave it, and what it can be held against.

    Attributes
    ----------
    name : str
        "x", or the parameter's name.
    got, expected : array
        From backward, and from central differences.
    dy : array (N, ...)
        The upstream gradient.
    of_row : callable
        n -> the right gradient of the loss of row n alone.
    transposed : callable
        Yields (name, gradient): the right gradient of x for a layer whose square matrix `name` is transposed.
    """

    name: str
    got: np.ndarray
    expected: np.ndarray
    dy: np.ndarray
    of_row: Callable
    transposed: Callable

    @property
    def of_input(self):
        return self.name == "x"


def alike(a, b):
    """Whether two arrays are the same numbers, as far as finite differences can tell."""
    a, b = np.asarray(a), np.asarray(b)
    if a.shape != b.shape or not np.isfinite(a).all():
        return False
    scale = max(np.abs(a).max(initial=0), np.abs(b).max(initial=0))
    return bool(scale > 0 and np.abs(a - b).max() <= CLOSE * scale)


def not_finite(e):
    """NaN or infinite numbers."""
    bad = ~np.isfinite(e.got)
    if bad.any():
        return f"{np.sum(bad)} of {bad.size} numbers are NaN or infinite: a division by 0, or memory never written?"


def transpose_itself(e):
    """Rows and columns swapped."""
    if e.got.ndim == 2 and alike(e.got.T, e.expected):
        return "it is the transpose of the right gradient: swap the two factors of the product (x' dy, not dy' x)."


def never_written(e):
    """Zeros, as grads is made."""
    if e.got.shape == e.expected.shape and not e.got.any():
        if e.of_input:
            return "all numbers are 0: does backward return what it worked out?"
        return f'all numbers are 0: backward has to write self.grads["{e.name}"][...] = ...'


def not_summed(e):
    """A part for every row (and place), where the parameter wants their sum."""
    extra = e.got.ndim - e.expected.ndim
    if extra > 0 and alike(e.got.sum(axis=tuple(range(extra))), e.expected):
        rows = "the batch" if extra == 1 else "the batch and the places of an image"
        axes = "axis=0" if extra == 1 else f"axis={tuple(range(extra))}"
        return f"the sum over {rows} is missing: every row used the same parameter, so add them up, .sum({axes})."


def one_row_only(e):
    """What is left when each row overwrites the one before."""
    if e.of_input or len(e.dy) < 2 or e.got.shape != e.expected.shape:
        return None
    for n in (0, len(e.dy) - 1):
        if alike(e.got, e.of_row(n)):
            which = "first" if n == 0 else "last"
            return f"it is the gradient of the {which} row alone: add over all rows of the batch."


def rows_averaged(e):
    """The mean over the batch instead of the sum."""
    c, n = factor(e), len(e.dy)
    if c is not None and np.isclose(c, 1 / n, rtol=CLOSE):
        return (
            f"it is 1/{n} of the right gradient, and the batch has {n} rows: sum over the batch, do not average. "
            "The loss has divided by the batch already, so dy brings it along."
        )


def batch_twice(e):
    """The batch size as a factor."""
    c, n = factor(e), len(e.dy)
    if c is not None and np.isclose(c, n, rtol=CLOSE):
        return f"it is {n} times the right gradient, and the batch has {n} rows: they were counted twice."


def sign(e):
    """Minus the right gradient."""
    c = factor(e)
    if c is not None and np.isclose(c, -1, rtol=CLOSE):
        return "the sign is wrong: it is minus the right gradient (the optimizer subtracts it, the layer does not)."


def constant_factor(e):
    """Any other factor."""
    c = factor(e)
    if c is not None and not np.isclose(c, 1, rtol=CLOSE):
        return f"every number is off by the same factor: it is {c:.6g} times the right gradient."


def derivative_missing(e):
    """dy handed through."""
    if e.of_input and alike(e.got, e.dy):
        return "it is dy itself: the derivative of the function is missing, dx = dy f'(x)."


def matrix_transposed(e):
    """dy W for dy W'."""
    for name, gradient in e.transposed() if e.of_input else ():
        if alike(e.got, gradient):
            return f"it is right for {name} transposed: where forward takes x {name}, backward takes dy {name}'."


def factor_per_entry(e):
    """Right up to a factor that depends on the last axis alone, such as a forgotten scale."""
    if e.got.shape != e.expected.shape or e.got.ndim < 2 or len(e.got) < 2:
        return None
    g, x = (a.reshape(-1, a.shape[-1]) for a in (e.got, e.expected))
    squares = np.sum(x * x, axis=0)
    if not squares.all():
        return None
    c = np.sum(g * x, axis=0) / squares
    if alike(g, c * x):
        shown = ", ".join(f"{number:.4g}" for number in c[:4]) + (", ..." if len(c) > 4 else "")
        return f"each column of it is off by a factor of its own ({shown}): is one that belongs to columns missing?"


def some_places(e):
    """Right but for a few places: says where they are."""
    if e.got.shape != e.expected.shape:
        return None
    scale = np.abs(e.expected).max(initial=0)
    wrong = ~(np.abs(e.got - e.expected) <= CLOSE * scale)
    if wrong.all() or wrong.mean() > 0.75 or not wrong.any():
        return None
    places = np.argwhere(wrong)
    fixed = [f"index {places[0, axis]} of axis {axis}" for axis in range(wrong.ndim) if np.ptp(places[:, axis]) == 0]
    where = f", all at {' and '.join(fixed)}" if fixed and len(places) > 1 else ""
    return (
        f"{len(places)} of {wrong.size} numbers are wrong, the others right{where}: an edge, a stride or a corner that "
        "forward treats in its own way?"
    )


def other_shape(e):
    """A shape that is not that of the parameter."""
    if e.got.shape != e.expected.shape:
        whose = "x" if e.of_input else f'params["{e.name}"]'
        return f"a gradient has the shape of what it belongs to: {whose} has {e.expected.shape}, this {e.got.shape}."


def factor(e):
    """c where got = c expected, else None."""
    if e.got.shape != e.expected.shape or not e.expected.any():
        return None
    c = float(np.sum(e.got * e.expected) / np.sum(e.expected * e.expected))
    return c if np.isfinite(c) and alike(e.got, c * e.expected) else None


SUSPECTS = (
    not_finite,
    never_written,
    transpose_itself,
    not_summed,
    other_shape,
    derivative_missing,
    rows_averaged,
    batch_twice,
    sign,
    constant_factor,
    one_row_only,
    matrix_transposed,
    factor_per_entry,
    some_places,
)


def looks_like(evidence):
    """The first sentence that fits, or that none does."""
    for suspect in SUSPECTS:
        sentence = suspect(evidence)
        if sentence:
            return sentence
    return "it looks like none of the usual mistakes: write the sum for one number by hand, and compare."
