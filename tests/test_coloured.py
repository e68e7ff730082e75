"""The built-in coloured scenes: the same for ever, complete, and coloured as shape and brightness say."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from tinyae import UsageError
from tinyae.datasets import coloured, load, load_coloured

FIRST_LABELS = [2, 0, 4, 3, 1, 4, 2, 0, 1, 3]
FIRST_SUMS = [
    [116602, 159501, 173411],
    [124833, 193633, 146887],
    [161799, 141106, 104580],
    [31104, 36172, 57872],
    [139281, 175967, 151201],
]  # of bytes, red, green and blue of the first five images


@pytest.fixture(scope="module")
def data():
    return load_coloured(600, 100)


def images_of(data, name):
    return data.x_train.reshape(-1, 32, 32, 3)[data.y_train == coloured.CLASS_NAMES.index(name)]


def test_what_it_is(data):
    assert data.name == "coloured" and data.image_shape == (32, 32, 3) and data.class_names == coloured.CLASS_NAMES
    assert data.x_train.dtype == np.float32 and data.y_train.dtype == np.int64
    assert data.x_train.shape == (600, 3072) and data.x_test.shape == (100, 3072)
    assert 0 <= data.x_train.min() < 0.05 and data.x_train.max() == 1
    assert_array_equal(np.rint(data.x_train * 255) / np.float32(255), data.x_train)
    assert (np.sort(data.y_train.reshape(-1, 5), axis=1) == np.arange(5)).all()
    assert len(np.unique(data.x_train, axis=0)) == 600


def test_the_first_images_do_not_depend_on_how_many(data, monkeypatch):
    few = load_coloured(37, 9)
    assert_array_equal(few.x_train, data.x_train[:37])
    assert_array_equal(few.y_train, data.y_train[:37])
    assert_array_equal(few.x_test, data.x_test[:9])
    monkeypatch.setattr(coloured.os, "cpu_count", lambda: 5)
    assert_array_equal(load_coloured(600, 0).x_train, data.x_train)


def test_seeds(data):
    assert_array_equal(load_coloured(10, 10).x_test, data.x_test[:10])
    other = load_coloured(10, 10, seed=1)
    assert (other.x_train != data.x_train[:10]).any(axis=1).all()
    assert (data.x_test[:10] != data.x_train[:10]).any(axis=1).all()


def test_by_name():
    few = load("coloured", seed=3, limit=7)
    assert_array_equal(few.x_train, load_coloured(7, 0, seed=3).x_train)
    assert len(few.x_test) == 2000
    empty = load_coloured(0, 0)
    assert empty.x_train.shape == (0, 3072) and empty.y_test.shape == (0,)


def test_numbers_that_are_none():
    for bad in ({"n_train": -1}, {"n_test": 2.5}, {"seed": "x"}):
        with pytest.raises(UsageError, match=r"load_coloured: expected .* to be a whole number >= 0"):
            load_coloured(**bad)


def test_the_pixels_stay_what_they_are(data):
    """A picture somebody has measured on must not change with a version; rounding to bytes hides other machines."""
    sums = np.rint(255 * data.x_train[:5].reshape(5, 32, 32, 3)).astype(int).sum(axis=(1, 2))
    assert_array_equal(data.y_train[:10], FIRST_LABELS)
    assert np.abs(sums - FIRST_SUMS).max() <= 10  # some pixels may be rounded the other way


def test_a_thing_has_its_colour(data):
    """Mean red, green and blue of places that always belong to one thing."""
    grass = images_of(data, "meadow")[:, -4:].mean(axis=(1, 2))
    assert (grass[:, 1] > grass[:, 0]).all() and (grass[:, 0] > grass[:, 2]).mean() > 0.97
    sky = images_of(data, "sea")[:, :2, :4].mean(axis=(1, 2))
    assert (sky[:, 2] > sky[:, 0]).mean() > 0.97
    night, day = images_of(data, "night").mean(axis=(1, 2, 3)), images_of(data, "meadow").mean(axis=(1, 2, 3))
    assert night.max() < day.min()  # brightness tells the time of day
    table = images_of(data, "fruit")[:, -3:].mean(axis=(1, 2))
    assert (table[:, 0] > table[:, 2]).all()


def test_brightness_tells_the_apples(data):
    """Where the middle is an apple: the pale ones are green, the dark ones red."""
    middle = images_of(load_coloured(3000, 0), "fruit")[:, 15:18, 15:18].mean(axis=(1, 2))
    red = middle[:, 0] - middle[:, 1] > 0.25
    red &= middle[:, 1] - middle[:, 2] < 0.1  # an orange is red and green
    green = middle[:, 1] - middle[:, 0] > 0.08
    brightness = middle @ [0.299, 0.587, 0.114]
    assert red.sum() > 20 and green.sum() > 20
    assert brightness[red].max() < np.quantile(brightness[green], 0.02)


def test_no_scene_runs_out_of_choices(rng):
    """Every scene uses numbers and hues that are there, none of them twice."""
    for scene in (coloured._meadow, coloured._house, coloured._sea, coloured._night, coloured._fruit):
        canvas = coloured.Canvas(
            rng.random((3, coloured.CHOICES), np.float32),
            np.zeros((3, coloured.THINGS, 3), np.float32),
            np.zeros((3, 32, 32), np.float32),
        )
        scene(canvas)
        assert canvas.next <= coloured.CHOICES and canvas.things <= coloured.THINGS
        assert canvas.image.dtype == np.float32 and canvas.image.min() >= 0 and canvas.image.max() <= 1


def test_edges_are_soft():
    """A disc's area is pi r^2 to a few per cent, wherever its middle lies between the pixels."""
    canvas = coloured.Canvas(np.zeros((1, 1)), np.zeros((1, 1, 3)), np.zeros((1, 32, 32)))
    for x in (15.0, 15.25, 15.5):
        assert canvas.disc(x, 16.0, 6.0).sum() == pytest.approx(np.pi * 36, rel=0.01)
    assert canvas.disc(15.0, 16.0, 6.0, flatness=0.5).sum() == pytest.approx(np.pi * 18, rel=0.05)
    assert canvas.box(3.0, 4.0, 9.0, 8.0).sum() == pytest.approx(24, rel=0.05)
    assert canvas.triangle(16.0, 4.0, 20.0, 8.0).sum() == pytest.approx(128, rel=0.05)
