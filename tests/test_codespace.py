"""Grids over two-dimensional codes, ways from one code to another, and directions from the mean."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from tinyae import UsageError, analysis
from tinyae.codespace import along_components, between, code_grid


def test_a_grid_lies_at_quantiles_from_the_upper_left(rng):
    codes = np.column_stack([rng.exponential(size=1000), rng.standard_normal(1000)])
    grid = code_grid(codes, 5, margin=0.1)
    assert_allclose(grid.first, np.quantile(codes[:, 0], [0.1, 0.3, 0.5, 0.7, 0.9]))
    assert_allclose(grid.second, np.quantile(codes[:, 1], [0.9, 0.7, 0.5, 0.3, 0.1]))
    rows = grid.codes.reshape(5, 5, 2)
    for i in range(5):
        for j in range(5):
            assert_array_equal(rows[i, j], [grid.first[j], grid.second[i]])


def test_grids_keep_the_float_type():
    codes = np.array([[0, 1], [2, 3], [4, 5]])
    assert code_grid(codes.astype(np.float32), 2).codes.dtype == np.float32
    assert code_grid(codes, 2).codes.dtype == code_grid(codes.tolist(), 2).codes.dtype == np.float64
    assert_array_equal(code_grid(codes, 2, margin=0).codes, [[0, 5], [4, 5], [0, 1], [4, 1]])


@pytest.mark.parametrize(
    "codes, settings, message",
    [
        (np.zeros((4, 3)), {}, r"expected codes of shape \(N, 2\), got \(4, 3\)\."),
        (np.zeros((0, 2)), {}, r"expected at least one code, got none\."),
        (np.full((4, 2), np.inf), {}, r"expected finite numbers in codes"),
        ("codes", {}, r"expected codes to be an array of numbers, got str"),
        (np.zeros((4, 2)), {"n": 1}, r"expected n to be a whole number >= 2, got 1\."),
        (np.zeros((4, 2)), {"margin": 0.5}, r"expected margin in \[0, 0\.5\), got 0\.5\."),
    ],
)
def test_codes_that_give_no_grid(codes, settings, message):
    with pytest.raises(UsageError, match=f"code_grid: {message}"):
        code_grid(codes, **settings)


def test_a_line_between_two_codes(rng):
    a, b = rng.standard_normal((2, 3, 4)).astype(np.float32)
    way = between(a, b, 5)
    assert way.shape == (5, 3, 4) and way.dtype == np.float32
    assert_array_equal(way[0], a)
    assert_array_equal(way[-1], b)
    assert_allclose(way[1], 0.75 * a + 0.25 * b, rtol=1e-6)
    assert between([0, 1], [1, 1], 3).tolist() == [[0, 1], [0.5, 1], [1, 1]]


def test_the_sphere_keeps_lengths_and_turns_evenly(rng):
    a, b = rng.standard_normal((2, 30))
    a, b = 3 * a / np.linalg.norm(a), 3 * b / np.linalg.norm(b)
    way = between(a, b, 7, way="sphere")
    assert_allclose(np.linalg.norm(way, axis=1), 3)
    assert_allclose(way[[0, -1]], [a, b])
    steps = np.linalg.norm(np.diff(way, axis=0), axis=1)
    assert_allclose(steps, steps[0])
    assert np.linalg.norm(between(a, b, 7)[3]) < 2.9
    assert_allclose(between([1.0, 0.0], [0.0, 1.0], 3, way="sphere")[1], np.sqrt([0.5, 0.5]))


@pytest.mark.parametrize("b", [[2.0, 0.0], [-1.0, 0.0], [0.0, 0.0]])
def test_codes_in_line_with_the_origin_are_joined_by_a_line(b):
    a = np.array([1.0, 0.0])
    assert_array_equal(between(a, b, 4, way="sphere"), between(a, b, 4))


def test_ways_check_what_they_get():
    with pytest.raises(UsageError, match=r"between: expected end of shape \(3,\), got \(2,\)\."):
        between(np.zeros(3), np.zeros(2))
    with pytest.raises(UsageError, match=r"between: expected way to be one of line, sphere, got 'Line'.*'line'"):
        between(np.zeros(3), np.zeros(3), way="Line")
    with pytest.raises(UsageError, match=r"between: expected steps to be a whole number >= 2, got 1\."):
        between(np.zeros(3), np.zeros(3), steps=1)
    with pytest.raises(UsageError, match=r"between: expected finite numbers in end"):
        between(np.zeros(3), np.full(3, np.nan))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_along_components_the_code_moves_by_standard_deviations(rng, dtype):
    codes = (rng.standard_normal((500, 3)) * [1, 5, 3] + [7, 0, 0]).astype(dtype)
    pca = analysis.PCA(codes, 2)
    ways = along_components(pca, [-2, 0, 0.5])
    assert ways.shape == (2, 3, 3) and ways.dtype == pca.mean.dtype
    assert_allclose(ways[:, 1], np.broadcast_to(codes.mean(axis=0), (2, 3)), atol=1e-4)
    moved = pca.encode(ways.reshape(-1, 3)).reshape(2, 3, 2)
    spread = pca.encode(codes).std(axis=0)
    for i in range(2):
        assert_allclose(moved[i, :, i], np.array([-2, 0, 0.5]) * spread[i], rtol=1e-3, atol=1e-4)
        assert_allclose(moved[i, :, 1 - i], 0, atol=1e-4)
