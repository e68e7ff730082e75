"""Pieces of the Olivetti faces: where they come from, whose they are, how they are scaled."""

import numba
import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from tinyae.checks import UsageError
from tinyae.datasets import Dataset, face_patches
from tinyae.datasets.face_patches import OF_A_PICTURE, SAMPLES, SIDE, cut, cut_numba, load_face_patches

FEW = 1 if numba.config.DISABLE_JIT else 4


def faces(data_dir=None, download=True):
    """Pictures that say whose they are: those of person k are all of grey (k + 1) / 50."""
    y = np.random.default_rng(0).permutation(np.repeat(np.arange(40), 10))
    x = np.repeat(((y + 1) / 50)[:, None], 64 * 64, axis=1).astype(np.float32)
    return Dataset("olivetti", x[:320], y[:320], x[320:], y[320:], (64, 64, 1), tuple(map(str, range(40))))


@pytest.fixture(autouse=True)
def made_faces(monkeypatch):
    monkeypatch.setattr(face_patches, "load_olivetti", faces)


def cut_by_hand(picture, centre, angle, cell):
    """One patch, with a rotation matrix and one bilinear value after the other."""
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    patch = np.zeros((SIDE, SIDE))
    offsets = (np.arange(SAMPLES) + 0.5) / SAMPLES - SIDE / 2
    for i in range(SIDE):
        for j in range(SIDE):
            values = []
            for a in offsets:
                for b in offsets:
                    x, y = centre + turn @ (cell * np.array([j + b, i + a]))
                    c, r = int(np.floor(x)), int(np.floor(y))
                    square = picture[r : r + 2, c : c + 2]
                    values.append(np.array([1 - (y - r), y - r]) @ square @ np.array([1 - (x - c), x - c]))
            patch[i, j] = np.mean(values)
    return patch


@pytest.mark.parametrize("angle", [0.0, 0.4, -1.5])
def test_a_patch_is_a_turned_square_of_cell_means(angle):
    picture = np.random.default_rng(1).random((64, 64))
    centre, cell, patches = np.array([[33.2, 30.9]]), np.array([1.6]), np.empty((1, SIDE * SIDE))
    along, across = cell * np.cos(angle), cell * np.sin(angle)
    cut_numba(picture[None], np.zeros(1, np.int64), centre, along, across, SAMPLES, patches)
    assert_allclose(patches[0].reshape(SIDE, SIDE), cut_by_hand(picture, centre[0], angle, cell[0]), atol=1e-12)


def test_every_square_lies_inside_of_its_picture(monkeypatch):
    seen = []

    def keep(pictures, which, centre, along, across, samples, patches):
        seen.append((centre, along, across))

    monkeypatch.setattr(face_patches, "cut_numba", keep)
    cut(np.zeros((3, 64, 64)), 2000, np.random.default_rng(0))
    ((centre, along, across),) = seen
    half = (SIDE - 1 / SAMPLES) / 2
    corners = np.array([[-half, -half], [-half, half], [half, -half], [half, half]])
    x = centre[:, :1] + corners[:, 0] * along[:, None] - corners[:, 1] * across[:, None]
    y = centre[:, 1:] + corners[:, 0] * across[:, None] + corners[:, 1] * along[:, None]
    assert min(x.min(), y.min()) >= 0 and max(x.max(), y.max()) < 63
    cell, angle = np.hypot(along, across), np.degrees(np.arctan2(across, along))
    low, high = (face_patches.STEP / e for e in (1.8, 1.4))
    assert low <= cell.min() < low + 0.01 and high - 0.01 < cell.max() <= high
    assert -90 <= angle.min() < -89 and 89 < angle.max() <= 90
    assert abs(centre.mean() - 31.5) < 0.2 and centre.std() > 1


def test_sizes_people_and_scale():
    data = load_face_patches(of_a_picture=FEW)
    parts = data.x_train, data.x_validation, data.x_test
    assert [len(x) for x in parts] == [250 * FEW, 50 * FEW, 100 * FEW]
    assert [250 * OF_A_PICTURE, 50 * OF_A_PICTURE, 100 * OF_A_PICTURE] == [103_500, 20_700, 41_400]
    assert all(x.dtype == np.float32 and x.shape[1] == 625 for x in parts)
    assert data.image_shape == (25, 25, 1) and data.class_names == ("face",) and not data.y_train.any()
    assert_allclose(data.x_train.mean(axis=0, dtype=np.float64), 0, atol=1e-5)
    assert data.x_train.var(axis=0, dtype=np.float64).mean() == pytest.approx(1, rel=1e-5)
    grey = [data.grey(x) for x in parts]
    people = [np.unique(np.rint(50 * x).astype(int) - 1).tolist() for x in grey]
    assert people == [list(range(25)), list(range(25, 30)), list(range(30, 40))]
    assert_allclose(50 * grey[0], np.rint(50 * grey[0]), atol=1e-3)


def test_same_seed_same_patches():
    one, two, other = (load_face_patches(seed=seed, of_a_picture=1) for seed in (3, 3, 4))
    for part in ("x_train", "x_validation", "x_test"):
        assert_array_equal(getattr(one, part), getattr(two, part))
        assert (getattr(one, part) != getattr(other, part)).any()


def test_wrong_numbers():
    with pytest.raises(UsageError, match="load_face_patches: expected of_a_picture to be a whole number >= 1, got 0"):
        load_face_patches(of_a_picture=0)
    with pytest.raises(UsageError, match="load_face_patches: expected seed to be a whole number >= 0, got -1"):
        load_face_patches(seed=-1)
