"""The rasteriser against its naive twin, and the digits drawn with it."""

import os

import numba
import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from tinyae.checks import UsageError
from tinyae.datasets import digits, load_digits
from tinyae.datasets.letterforms import FORMS, points_as_rows, strokes_as_rows
from tinyae.datasets.strokes import in_bytes, ink_numba, ink_numpy, plan_curve, trace_curve

# As plain Python (NUMBA_DISABLE_JIT=1) a digit takes 20 ms.
MANY, FEW = (300, 100) if numba.config.DISABLE_JIT else (2000, 500)


@pytest.fixture(scope="module")
def data():
    return load_digits(MANY, FEW, seed=0)


# --- strokes


def test_curve_runs_through_its_points_and_bends_between():
    control = np.array([[[0.0, 0.0], [1.0, 1.0], [2.0, 0.0], [3.0, 1.0]]])
    index, weight, pen = plan_curve([[0, 1, 2], [2, 3]], samples=4)
    points = trace_curve(control, index, weight)[0]
    assert points.shape == (9 + 5, 2)
    assert_allclose(points[[0, 4, 8, 9, 13]], control[0][[0, 1, 2, 2, 3]], atol=1e-12)
    assert_allclose(weight.sum(axis=1), 1.0)
    assert pen.tolist() == [True] * 8 + [False] + [True] * 4 + [False]
    # halfway between the first two: -0 + 9 p0 + 9 p1 - p2 over 16, the end p0 standing in for its neighbour
    assert_allclose(points[2], (-1 * control[0, 0] + 9 * control[0, 0] + 9 * control[0, 1] - control[0, 2]) / 16)


def test_curve_with_a_plan_for_each_image():
    rng = np.random.default_rng(0)
    control = rng.normal(size=(2, 3, 2))
    one, two = plan_curve([[0, 1, 2]], 3), plan_curve([[2, 0, 1]], 3)
    index, weight = np.stack([one[0], two[0]]), np.stack([one[1], two[1]])
    both = trace_curve(control, index, weight)
    assert_array_equal(both[0], trace_curve(control[:1], *one[:2])[0])
    assert_array_equal(both[1], trace_curve(control[1:], *two[:2])[0])


@pytest.mark.parametrize("size", [9, 28])
@pytest.mark.parametrize("softness", [0.5, 1.0, 2.5])
def test_ink_twins_agree(size, softness):
    rng = np.random.default_rng(0)
    points = rng.uniform(-4, size + 4, (6, 7, 2))  # strokes leave the image on every side
    points[:, 3] = points[:, 2]  # a segment of no length is a dot
    points[0] += 1000  # nothing of this one is seen
    pen = rng.random((6, 7)) < 0.8
    radius = rng.uniform(0.3, 3.0, 6)
    fast, naive = (ink(points, pen, radius, softness, size) for ink in (ink_numba, ink_numpy))
    assert fast.dtype == naive.dtype == np.float32 and fast.shape == (6, size, size)
    assert_allclose(fast, naive, rtol=1e-6, atol=1e-6)
    assert naive[0].max() == 0 and naive[1:].max() == 1


def test_ink_of_a_stroke_worked_out_by_hand():
    # From (1, 2) to (3, 2), radius 1, edge 1 wide: full ink to distance 0.5, none from 1.5 on.
    points, pen = np.array([[[1.0, 2.0], [3.0, 2.0]]]), np.array([[True, False]])
    ink = ink_numba(points, pen, np.array([1.0]), 1.0, 6)[0]
    assert_allclose(ink[2], [0.5, 1, 1, 1, 0.5, 0])
    assert_allclose(ink[1], [1.5 - np.sqrt(2), 0.5, 0.5, 0.5, 1.5 - np.sqrt(2), 0], rtol=1e-6)
    assert ink[4:].max() == 0 and ink[0].max() == 0
    assert ink_numba(points, ~pen, np.array([1.0]), 1.0, 6).max() == 0  # the pen is up


def test_in_bytes():
    assert_array_equal(in_bytes(np.array([0, 0.001, 0.5, 1], np.float32)) * np.float32(255), [0, 0, 128, 255])


# --- letterforms


def test_letterforms_are_complete():
    shares = np.zeros(10)
    for form in FORMS:
        used = {row for stroke in strokes_as_rows(form) for row in stroke}
        assert used == set(range(len(points_as_rows(form)))), form  # every point is drawn, none is missing
        shares[form.digit] += form.share
    assert_allclose(shares, 1.0)


# --- digits


def test_shapes_and_range(data):
    assert data.name == "digits" and data.image_shape == (28, 28, 1)
    assert data.x_train.shape == (MANY, 784) and data.x_test.shape == (FEW, 784)
    assert data.x_train.dtype == np.float32 and data.y_train.dtype == np.int64
    assert data.x_train.min() == 0 and data.x_train.max() == 1
    levels = data.x_test.astype(np.float64) * 255
    assert_allclose(levels, np.rint(levels), atol=1e-4)


def test_classes_are_balanced_and_mixed(data):
    assert np.bincount(data.y_train).tolist() == [MANY // 10] * 10
    blocks = data.y_train.reshape(-1, 10)
    assert_array_equal(np.sort(blocks, axis=1), np.tile(np.arange(10), (len(blocks), 1)))
    assert len({tuple(block) for block in blocks.tolist()}) > 0.9 * len(blocks)


def test_same_seed_same_bits_other_seed_other_images():
    a, b, c = load_digits(30, 20, seed=1), load_digits(30, 20, seed=1), load_digits(30, 20, seed=2)
    assert_array_equal(a.x_train, b.x_train)
    assert_array_equal(a.y_test, b.y_test)
    assert (a.x_train != c.x_train).any(axis=1).all()
    assert (a.y_train != c.y_train).any()
    assert (a.x_train[:20] != a.x_test).any(axis=1).all()


@pytest.mark.parametrize("n", [0, 1, 7, 24, MANY * 3 // 4])
def test_first_images_do_not_depend_on_how_many(data, n):
    fewer = load_digits(n, 5, seed=0)
    assert_array_equal(fewer.x_train, data.x_train[:n])
    assert_array_equal(fewer.y_train, data.y_train[:n])
    assert_array_equal(fewer.x_test, data.x_test[:5])  # nor do the test images depend on n_train


def test_threads_and_chunks_change_nothing(data, monkeypatch):
    monkeypatch.setattr(digits, "CHUNK", 7)
    for cores in (1, 4):
        monkeypatch.setattr(os, "cpu_count", lambda cores=cores: cores)
        assert_array_equal(load_digits(40, 0).x_train, data.x_train[:40])


def test_no_two_images_are_alike(data):
    assert len({row.tobytes() for row in data.x_train}) == MANY
    for digit in range(10):
        x = data.x_train[data.y_train == digit][:150].astype(np.float64)
        square = np.maximum(((x[:, None] - x) ** 2).sum(axis=2), 0)[np.triu_indices(len(x), 1)]
        # MNIST: mean distance within a class 5.6 (ones) to 9.6
        assert np.sqrt(square).mean() > (5 if digit == 1 else 7), digit
        assert np.sqrt(square).min() > 0.5, digit


def test_ink_and_place_are_those_of_mnist(data):
    x = data.x_train.reshape(-1, 28, 28).astype(np.float64)
    assert 0.12 < x.mean() < 0.145  # MNIST 0.131
    assert 0.17 < (x > 0).mean() < 0.21  # MNIST 0.191
    ink, axis = x.sum(axis=(1, 2)), np.arange(28)
    row, column = x.sum(axis=2) @ axis / ink, x.sum(axis=1) @ axis / ink
    for centre in (row, column):
        assert abs(centre.mean() - 14) < 0.15  # MNIST 13.99 to 14.01
        assert np.abs(centre - 14).max() < 2.0 and centre.std() < 0.5
    height, width = (x > 0).any(axis=2).sum(axis=1), (x > 0).any(axis=1).sum(axis=1)
    longer = np.maximum(height, width)
    assert longer.min() >= 17 and longer.max() <= 23  # MNIST 20


def test_digits_can_be_told_apart(data):
    """The five nearest training images vote; on 4000 this gives 0.96, as against 0.90 for MNIST."""
    a, b = data.x_train, data.x_test
    square = (a * a).sum(axis=1) - 2 * b @ a.T  # the length of b is the same for all
    nearest = data.y_train[np.argpartition(square, 5, axis=1)[:, :5]]
    vote = np.array([np.bincount(row, minlength=10).argmax() for row in nearest])
    assert (vote == data.y_test).mean() > (0.8 if numba.config.DISABLE_JIT else 0.9)


def test_every_random_number_shows():
    """Moving any one number of a hand changes the picture: no knob is dead, no control point stands still."""
    form = np.array([max(range(len(FORMS)), key=lambda k: len(points_as_rows(FORMS[k])))])
    plan = digits._plan()
    numbers = digits.STYLE + 2 * plan["control"].shape[1]
    hand = np.random.default_rng(0).normal(0, 0.3, (1, numbers))
    plain = digits._images(form, hand, plan)
    moved = digits._images(np.repeat(form, numbers), hand + np.eye(numbers), plan)
    assert (np.abs(moved - plain).max(axis=1) > 0.05).all()


@pytest.mark.parametrize(
    "arguments, message",
    [
        ({"n_train": -1}, "load_digits: expected n_train to be a whole number >= 0, got -1"),
        ({"n_test": 2.5}, "load_digits: expected n_test to be a whole number >= 0, got 2.5"),
        ({"seed": "x"}, "load_digits: expected seed to be a whole number >= 0, got 'x'"),
    ],
)
def test_wrong_numbers(arguments, message):
    with pytest.raises(UsageError, match=message):
        load_digits(**arguments)
