"""The k nearest rows out of matrix products: the same answer as going through all of them, whatever the rounding."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from tinyae.kernels import neighbours
from tinyae.kernels.config import jit_enabled

SEEDS = st.integers(0, 2**32 - 1)


def truth(points, queries, k):
    """Rows and squared distances in float64, by sorting all; of equal distances the earlier row first."""
    squared = np.square(points.astype(np.float64)[None] - queries[:, None]).sum(axis=2)
    rows = np.argsort(squared, axis=1, kind="stable")[:, :k]
    return rows, np.take_along_axis(squared, rows, 1)


@given(st.data())
def test_settle_twins_with_rough_distances_and_ties(data):
    """Whole numbers: distances are exact and many are equal; the rough ones are off by up to the slack."""
    n, m, d = (data.draw(st.integers(1, high), label=label) for label, high in (("N", 30), ("M", 8), ("d", 4)))
    k = data.draw(st.integers(1, n), label="k")
    rng = np.random.default_rng(data.draw(SEEDS))
    points, queries = (rng.integers(-2, 3, (rows, d)).astype(np.float32) for rows in (n, m))
    slack = rng.choice([0.0, 0.5, 3.0], m).astype(np.float32)
    exact = np.square(points[None] - queries[:, None]).sum(axis=2)
    constant = rng.integers(-5, 6, (m, 1))
    rough = (exact + constant + slack[:, None] * rng.choice([-1, 0, 1], (m, n))).astype(np.float32)
    want = truth(points, queries, k)
    for twin in (neighbours.settle_numba, neighbours.settle_numpy):
        rows, squared = twin(rough, slack, points, queries, k)
        assert rows.shape == (m, k) and rows.dtype == np.int64 and squared.dtype == np.float64
        assert_array_equal(rows, want[0])
        assert_array_equal(squared, want[1])


@given(SEEDS, st.integers(1, 60), st.integers(1, 20), st.sampled_from([0.0, 3.0, 1e4]))
def test_products_give_the_exact_answer(seed, n, d, offset):
    """A large offset makes |p|^2 - 2 p.q lose nearly all of its digits; the answer stays exact."""
    rng = np.random.default_rng(seed)
    points, queries = (rng.normal(offset, size=(rows, d)).astype(np.float32) for rows in (n, 5))
    queries[0] = points[-1]
    k = min(n, 7)
    rows, squared = neighbours.nearest_by_products(points, queries, k)
    want = truth(points, queries, k)
    assert_allclose(squared, want[1], rtol=1e-12, atol=0)
    assert_array_equal(rows, want[0])


def test_nearly_equal_points_far_from_the_origin():
    """Steps of one unit in the last place, which float32 products cannot tell apart."""
    points = (np.float32(4096) + np.arange(40)[::-1, None] * np.float32(2**-11)).astype(np.float32)
    rows, squared = neighbours.nearest_by_products(points, points[39:], 3)
    assert rows.tolist() == [[39, 38, 37]] and squared[0, 0] == 0 < squared[0, 1] < squared[0, 2]


def test_many_points_of_all_lengths(rng):
    """So many that a rough distance wrong by a thousandth puts others among the nearest."""
    points = rng.normal(size=(20_000 if jit_enabled() else 2000, 2)).astype(np.float32) * 10
    queries = points[:8] * 1.01
    rows, _ = neighbours.nearest_by_products(points, queries, 20)
    assert_array_equal(rows, truth(points, queries, 20)[0])


def test_ties_go_to_the_first_row():
    points = np.zeros((300, 3), np.float32)
    points[7] = 1
    rows, squared = neighbours.nearest_by_products(points, points[:2], 150)  # k > LONG sorts instead of inserting
    few, _ = neighbours.nearest_by_products(points, points[:2], 9)
    want = [i for i in range(151) if i != 7]
    assert rows.tolist() == [want, want] and few.tolist() == [want[:9]] * 2 and not squared.any()


@pytest.mark.parametrize("bytes_", [1, 4000, 10**9])
def test_blocks_of_queries_change_nothing(monkeypatch, rng, bytes_):
    points, queries = (rng.normal(size=(n, 6)).astype(np.float32) for n in (90, 33))
    monkeypatch.setattr(neighbours, "ROUGH_BYTES", bytes_)
    rows, squared = neighbours.nearest_by_products(points, queries, 4)
    want = truth(points, queries, 4)
    assert_array_equal(rows, want[0])
    assert_allclose(squared, want[1], rtol=1e-12)


def test_no_queries(rng):
    rows, squared = neighbours.nearest_by_products(rng.normal(size=(5, 2)).astype(np.float32), np.empty((0, 2), "f"), 3)
    assert rows.shape == squared.shape == (0, 3)


@given(SEEDS, st.integers(1, 300))
def test_the_bound_holds(seed, d):
    """No rough distance is further from the truth than the slack says."""
    rng = np.random.default_rng(seed)
    p, q = (rng.normal(rng.normal(scale=5), size=(20, d)).astype(np.float32) for _ in range(2))
    norms = np.square(p.astype(np.float64)).sum(axis=1)
    rough = -2 * (q @ p.T) + norms.astype(np.float32)
    exact = norms - 2 * q.astype(np.float64) @ p.T.astype(np.float64)
    lengths = np.linalg.norm(q.astype(np.float64), axis=1)
    slack = neighbours._rounding(d, np.sqrt(norms.max()), lengths)
    assert (np.abs(rough - exact) <= slack[:, None]).all()
