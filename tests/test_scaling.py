"""Columns on comparable scales: beside plain formulas, and back again."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from test_checks import says

from tinyae import scaling
from tinyae.scaling import Scaling


@pytest.fixture
def table(rng):
    """(50, 4): columns of very different units and offsets, the last one constant."""
    return np.column_stack([rng.normal(size=(50, 3)) * [1, 1000, 1e-3] + [0, 1e6, 5], np.full(50, 0.1)])


@pytest.mark.parametrize("rows", [7, 50, 2000])
def test_standard_and_minmax(table, rows, monkeypatch):
    monkeypatch.setattr(scaling, "ROWS_AT_ONCE", rows)
    live, new = table[:, :3], table[:20] * 1.5
    z = Scaling("me", "standard", table).apply(new)
    assert_allclose(z[:, :3], (new[:, :3] - live.mean(axis=0)) / live.std(axis=0), rtol=1e-9)
    z = Scaling("me", "minmax", table).apply(new)
    assert_allclose(z[:, :3], (new[:, :3] - live.min(axis=0)) / (live.max(axis=0) - live.min(axis=0)), rtol=1e-9)
    assert_array_equal(Scaling("me", None, table).apply(new), new)


@pytest.mark.parametrize("scale", ["standard", "minmax", None])
def test_there_and_back(table, scale):
    known, kept = Scaling("me", scale, table), table.copy()
    assert_allclose(known.undo(known.apply(table)), table, rtol=1e-12)
    assert_allclose(known.mean, known.apply(table).mean(axis=0), atol=1e-9)
    assert_array_equal(table, kept)
    assert known.apply(table[:0]).shape == known.undo(table[:0]).shape == (0, 4)


def test_constant_columns_become_exactly_0(table):
    """The mean of fifty 0.1s is not 0.1 in floating point."""
    for scale in ("standard", "minmax"):
        known = Scaling("me", scale, table)
        assert_array_equal(known.apply(table)[:, 3], 0)
        assert known.width[3] == 1
    assert_array_equal(Scaling("me", "standard", table[:1]).apply(table[:1]), np.zeros((1, 4)))


def test_float32_keeps_its_type_and_the_digits_it_has(rng):
    x = (1e4 + rng.normal(size=(3000, 2))).astype(np.float32)
    z = Scaling("me", "standard", x).apply(x)
    assert z.dtype == Scaling("me", "standard", x).undo(z).dtype == np.float32
    wide = x.astype(np.float64)
    assert_allclose(z, (wide - wide.mean(axis=0)) / wide.std(axis=0), rtol=1e-5, atol=1e-5)


def test_unknown_scales_are_refused(table):
    with says("me: expected scale to be one of standard, minmax, None, got 'norm'."):
        Scaling("me", "norm", table)
    with says("me: expected scale to be one of minmax, None, got 'standard'."):
        Scaling("me", "standard", table, among=("minmax", None))
