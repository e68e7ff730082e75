"""The synthetic curves."""

import numba
import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from tinyae.checks import UsageError
from tinyae.datasets import curves, load_curves

MANY = 200 if numba.config.DISABLE_JIT else 2000


def test_parabola_runs_through_its_three_points():
    # |b - a| = |c - b|, so b is reached halfway, and the parabola is y = 4 x (1 - x / 8) / 4
    corner = np.array([[[0.0, 0.0], [4.0, 2.0], [8.0, 0.0]]])
    points = curves._parabola(corner)[0]
    assert_allclose(points[[0, -1]], corner[0, [0, 2]], atol=1e-12)
    assert_allclose(points[:, 1], points[:, 0] * (1 - points[:, 0] / 8), atol=1e-12)


def test_second_point_is_met_where_the_distances_put_it():
    corner = np.array([[[0.0, 0.0], [4.0, 0.0], [4.0, 1.0]]])  # distances 4 and 1, roots 2 and 1: s = 2/3
    assert_allclose(curves._parabola(corner)[0][2 * (curves.SAMPLES - 1) // 3], [4, 0], atol=0.2)


def test_shapes_range_and_ink():
    d = load_curves(MANY, 50, seed=0)
    assert d.name == "curves" and d.class_names == ("curve",) and d.image_shape == (28, 28, 1)
    assert d.x_train.shape == (MANY, 784) and d.x_train.dtype == np.float32 and d.y_test.tolist() == [0] * 50
    assert d.x_train.min() == 0 and d.x_train.max() == 1
    assert (d.x_train.max(axis=1) > 0.95).all()  # something is drawn on each
    x = d.x_train.reshape(-1, 28, 28)
    assert max(x[:, 0].max(), x[:, -1].max(), x[:, :, 0].max(), x[:, :, -1].max()) == 0  # and nothing cut off
    assert len({row.tobytes() for row in d.x_train}) == MANY


def test_curves_are_unbroken():
    """Every inked pixel hangs together with the others: growing from one reaches all."""
    for image in load_curves(60, 0, seed=4).x_train.reshape(-1, 28, 28) > 0.3:
        grown = np.zeros_like(image)
        grown[tuple(np.argwhere(image)[0])] = True
        for _ in range(28 * 4):
            wide = np.pad(grown, 1)
            near = sum(wide[i : i + 28, j : j + 28].astype(int) for i in range(3) for j in range(3))
            grown = image & (near > 0)
        assert_array_equal(grown, image)


def test_seed_and_prefix():
    a, b, c = load_curves(40, 10, seed=1), load_curves(15, 5, seed=1), load_curves(15, 5, seed=2)
    assert_array_equal(b.x_train, a.x_train[:15])
    assert_array_equal(b.x_test, a.x_test[:5])
    assert (b.x_train != c.x_train).any(axis=1).all()
    assert (b.x_train[:5] != b.x_test).any(axis=1).all()
    assert load_curves(0, 0).x_train.shape == (0, 784)


def test_wrong_numbers():
    with pytest.raises(UsageError, match="load_curves: expected n_train to be a whole number >= 0, got -3"):
        load_curves(n_train=-3)
