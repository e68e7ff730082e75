"""Colourisation: an exact colour space, colours that fit their luminance, guesses, scores, a net that beats them."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.testing import assert_allclose, assert_array_equal

from tinyae import Adam, Autoencoder, Conv2D, UsageError, load, save
from tinyae.applications import colour
from tinyae.applications.colour import (
    UNIT,
    as_targets,
    colour_net,
    colourise,
    image_errors,
    into_gamut,
    join,
    luminance,
    predict_chrominance,
    scores,
    split,
)
from tinyae.applications.colour import run as whole
from tinyae.applications.colour.baselines import (
    BASELINES,
    grey,
    mean_colour,
    mean_colour_of_brightness,
    mean_colour_of_place,
)
from tinyae.applications.colour.use import resized
from tinyae.datasets import load_coloured
from tinyae.gradcheck import assert_gradients, check_model

COLOURS = arrays(np.float64, (4, 3), elements=st.floats(0, 1))
CHROMINANCE = arrays(np.float64, (4, 2), elements=st.floats(-0.7, 0.7))


@pytest.fixture(scope="module")
def images():
    return load_coloured(40, 0).x_train.reshape(-1, 32, 32, 3)


# --- the colour space


def test_known_colours():
    """Corners of the cube by hand: red has Y 0.299 and all of Cr, blue all of Cb."""
    y, c = split(np.array([[1.0, 0, 0], [0, 1, 0], [0, 0, 1], [1, 1, 1], [0, 0, 0], [0.25, 0.25, 0.25]]))
    assert_allclose(y[:, 0], [0.299, 0.587, 0.114, 1, 0, 0.25], atol=1e-15)
    assert_allclose(c[0], [-0.299 / 1.772, 0.5], atol=1e-15)
    assert_allclose(c[1], [-0.587 / 1.772, -0.587 / 1.402], atol=1e-15)
    assert_allclose(c[2], [0.5, -0.114 / 1.402], atol=1e-15)
    assert_allclose(c[3:], 0, atol=1e-15)


@given(COLOURS)
def test_there_and_back(rgb):
    y, c = split(rgb)
    assert y.shape == (4, 1) and c.shape == (4, 2) and np.abs(c).max() <= 0.5 + 1e-12
    assert_allclose(join(y, c), rgb, atol=1e-12)
    assert_array_equal(luminance(rgb), y)


@given(arrays(np.float64, (4, 1), elements=st.floats(0, 1)), CHROMINANCE)
def test_back_and_there(y, c):
    """Any pair, in the gamut or out of it, is a colour with just this luminance and chrominance."""
    again_y, again_c = split(join(y, c))
    assert_allclose(again_y, y, atol=1e-12)
    assert_allclose(again_c, c, atol=1e-12)


def test_floats_stay_what_they_are(images):
    y, c = split(images)
    assert y.dtype == c.dtype == join(y, c).dtype == np.float32
    assert_allclose(join(y, c), images, atol=1e-6)
    assert split(np.ones((2, 3), bool))[0].dtype == np.float64


@pytest.mark.oracle
def test_scikit_image_has_the_same_space(images):
    """Its rgb2ycbcr is BT.601 for studio levels: Y from 16 to 235, Cb and Cr from 16 to 240 around 128."""
    color = pytest.importorskip("skimage.color")
    theirs = color.rgb2ycbcr(images.astype(np.float64))
    y, c = split(images.astype(np.float64))
    assert_allclose(y[..., 0], (theirs[..., 0] - 16) / 219, atol=2e-5)
    assert_allclose(c, (theirs[..., 1:] - 128) / 224, atol=2e-5)


@pytest.mark.oracle
def test_pillow_has_the_same_space(images):
    """JPEG's own conversion, which rounds to bytes."""
    image = pytest.importorskip("PIL.Image")
    levels = np.rint(255 * images[0]).astype(np.uint8)
    theirs = np.asarray(image.fromarray(levels).convert("YCbCr")).astype(np.float64)
    y, c = split(levels / 255)
    assert np.abs(255 * y[..., 0] - theirs[..., 0]).max() <= 1.01
    assert np.abs(255 * c + 128 - theirs[..., 1:]).max() <= 1.01


# --- into the gamut


@given(arrays(np.float64, (4, 1), elements=st.floats(0, 1)), CHROMINANCE)
def test_luminance_is_kept_and_the_hue(y, c):
    rgb, s = into_gamut(y, c)
    assert rgb.min() >= 0 and rgb.max() <= 1 and s.min() >= 0 and s.max() <= 1
    assert_allclose(luminance(rgb), y, atol=1e-12)
    assert_allclose(split(rgb)[1], s[:, None] * c, atol=1e-12)  # the same direction, and not longer
    # no more than needed: where s < 1 a channel is at its end
    at_the_end = (rgb < 1e-9).any(axis=1) | (rgb > 1 - 1e-9).any(axis=1)
    assert (at_the_end | (s == 1)).all()


@given(COLOURS)
def test_a_colour_that_fits_is_left_alone(rgb):
    y, c = split(rgb)
    result, s = into_gamut(np.clip(y, 0, 1), c)
    assert_allclose(result, rgb, atol=1e-9)
    assert_allclose(s[np.abs(c).max(axis=1) > 1e-6], 1, atol=1e-5)


def test_black_and_white_have_no_colour():
    rgb, s = into_gamut(np.array([[0.0], [1.0]]), np.full((2, 2), 0.3))
    assert_array_equal(rgb, [[0, 0, 0], [1, 1, 1]])
    assert_array_equal(s, [0, 0])


def test_of_float32_the_luminance_is_kept_to_rounding(rng):
    y = rng.uniform(size=(50, 8, 8, 1)).astype(np.float32)
    rgb, _ = into_gamut(y, rng.normal(0, 0.2, (50, 8, 8, 2)).astype(np.float32))
    assert rgb.dtype == np.float32 and np.abs(luminance(rgb) - y).max() < 1e-6


@pytest.mark.parametrize(
    "call, message",
    [
        (
            lambda: split(np.zeros((4, 4))),
            r"split: expected arrays with 3 channels on the last axis, got .*4\)",
        ),
        (lambda: split(np.zeros((4, 3), np.uint8)), "split: expected numbers from 0 to 1, got uint8; divide by 255"),
        (lambda: luminance(np.zeros(2)), "luminance: expected arrays with 3 channels"),
        (lambda: join(np.zeros((4, 2)), np.zeros((4, 2))), "join: expected arrays with 1 channels"),
        (lambda: join(np.zeros((4, 1)), np.zeros((4, 3))), "join: expected arrays with 2 channels"),
        (
            lambda: into_gamut(np.full((4, 1), 1.5), np.zeros((4, 2))),
            "into_gamut: expected luminance in",
        ),
        (lambda: into_gamut(np.full((4, 1), np.nan), np.zeros((4, 2))), "into_gamut: expected luminance in"),
    ],
)
def test_wrong_arrays(call, message):
    with pytest.raises(UsageError, match=message):
        call()


# --- guesses and scores


def made(rng, n=6):
    y = np.rint(255 * rng.uniform(size=(n, 4, 5, 1))) / 255
    return y, 0.1 * rng.standard_normal((n, 4, 5, 2)) + 0.05


def test_guesses_by_loops(rng):
    y, c = made(rng)
    y[0, 0, 0], y[1, 2, 3] = 0.2, 0.2  # a brightness that occurs twice
    new = np.array([0.2, y[2, 1, 1, 0], 0.50001]).reshape(1, 1, 3, 1)
    at = {0.2: [c[i, j, k] for i in range(6) for j in range(4) for k in range(5) if abs(y[i, j, k, 0] - 0.2) < 1e-9]}
    guess = mean_colour_of_brightness(y, c, new)
    assert_allclose(guess[0, 0, 0], np.mean(at[0.2], axis=0), atol=1e-12)
    same = [c[i, j, k] for i, j, k in np.argwhere(np.abs(y[..., 0] - y[2, 1, 1, 0]) < 1e-9)]
    assert_allclose(guess[0, 0, 1], np.mean(same, axis=0), atol=1e-12)
    assert_allclose(mean_colour(y, c, y)[3, 2, 1], c.reshape(-1, 2).mean(axis=0))
    assert_allclose(mean_colour_of_place(y, c, y[:2])[1, 3, 2], c[:, 3, 2].mean(axis=0))
    assert not grey(y, c, y).any()


def test_a_brightness_never_seen_gets_the_mean_colour(rng):
    _, c = made(rng)
    guess = mean_colour_of_brightness(np.full((6, 4, 5, 1), 0.2), c, np.full((1, 1, 1, 1), 0.9))
    assert_allclose(guess[0, 0, 0], c.reshape(-1, 2).mean(axis=0), atol=1e-12)


def test_every_guess_has_the_test_images_shape(rng):
    y, c = made(rng)
    for guess in BASELINES.values():
        assert guess(y, c, y[:2]).shape == (2, 4, 5, 2)


def test_each_guess_is_the_best_of_its_kind(rng):
    """On what it learnt from: place and brightness know more than the mean, and that more than grey."""
    y, c = made(rng)
    error = {name: np.mean((guess(y, c, y) - c) ** 2) for name, guess in BASELINES.items()}
    assert error["mean colour of the place"] < error["mean colour"] < error["grey"]
    assert error["mean colour of the brightness"] < error["mean colour"]


def test_scores_by_hand():
    rgb = np.full((2, 3, 3, 3), 0.5)
    found = scores(rgb, np.full((2, 3, 3, 2), 0.02))
    assert found["error"] == pytest.approx(255 * 0.02)
    assert found["saturation"] == pytest.approx(255 * 0.02 * np.sqrt(2))
    r, b = 1.402 * 0.02, 1.772 * 0.02
    g = (0.299 * r + 0.114 * b) / 0.587
    assert found["psnr"] == pytest.approx(-10 * np.log10((r**2 + g**2 + b**2) / 3))
    assert found["made_paler"] == 0
    assert_allclose(image_errors(rgb, np.full((2, 3, 3, 2), 0.02)), 255 * 0.02)


def test_scores_of_the_truth_and_of_what_does_not_fit(images):
    found = scores(images, split(images)[1])
    assert found["error"] < 1e-3 and found["psnr"] > 100 and found["made_paler"] == 0
    white = np.ones((1, 2, 2, 3))
    found = scores(white, np.full((1, 2, 2, 2), 0.3))
    assert found["made_paler"] == 1 and found["error"] < 1e-9 and found["saturation"] < 1e-9
    assert scores(white, np.zeros((1, 2, 2, 2)))["psnr"] > 300  # 0.299 + 0.587 + 0.114 is 1 but for rounding
    assert scores(0 * white, np.zeros((1, 2, 2, 2)))["psnr"] is None


# --- the net


def test_sizes():
    for size in ((32, 32), (8, 8), (9, 13), (30, 41), (16, 24)):
        model = colour_net(size)
        assert model.input_shape == (*size, 1) and model.output_shape == (*size, 2)
    assert colour_net((32, 32)).encoder.output_shape == (4, 4, 64)
    for bad in ((7, 32), (32,), (32, 32, 1)):
        with pytest.raises(UsageError, match=r"colour_net: expected \(height, width\) of at least 8 pixels each, got"):
            colour_net(bad)


def test_gradients(rng):
    model = colour_net((9, 8), dropout=0.0).astype(np.float64)
    model.theta[:] += 0.01 * rng.standard_normal(model.theta.size)
    x, y = rng.uniform(size=(2, 9, 8, 1)), rng.standard_normal((2, 9, 8, 2))
    assert_gradients(check_model(small(model), x, y))


def small(model):
    """A net of the same kinds of layers with few parameters, for finite differences."""
    from tinyae.layers import BatchNorm, Crop, MaxPool, UpSample

    encoder = [Conv2D(2, 3, activation="tanh"), MaxPool(2, padding="same"), BatchNorm()]
    decoder = [Conv2D(2, 3), UpSample(2, "bilinear"), Crop((0, 1), (0, 0))]
    return Autoencoder(encoder, decoder, "mse", model.input_shape, target_shape=model.output_shape, dtype=np.float64)


def trained(images, epochs=20):
    model = colour_net((32, 32), seed=1)
    y, c = split(images)
    model.fit(y, as_targets(c), epochs=epochs, batch_size=8, optimizer=Adam(3e-3), progress=False, threads=1)
    return model


@pytest.fixture(scope="module")
def model(images):
    return trained(images)


def test_it_learns_colours(model, images):
    y, c = split(images)
    error = scores(images, predict_chrominance(model, y))["error"]
    assert error < 0.8 * scores(images, mean_colour(y, c, y))["error"]


def test_coloured_pictures_keep_their_luminance(model, images):
    y = luminance(images)
    rgb = colourise(model, y, threads=1)
    assert rgb.shape == images.shape and rgb.min() >= 0 and rgb.max() <= 1
    assert np.abs(luminance(rgb) - y).max() < 1e-6
    assert np.abs(split(rgb)[1]).max() > 0.05
    assert_allclose(predict_chrominance(model, y), UNIT * model.reconstruct(y), atol=1e-7)


def test_pictures_of_any_size(model, images):
    y = luminance(images[:2])
    wide = np.repeat(np.repeat(y, 3, axis=1), 4, axis=2)
    rgb = colourise(model, wide)
    assert rgb.shape == (2, 96, 128, 3) and np.abs(luminance(rgb) - wide).max() < 1e-6
    # the colours are those of the small picture, but softer: across an edge they differ, and nowhere else much
    found, own = split(rgb)[1][:, 1::3, 2::4], split(colourise(model, y))[1]
    assert rms(found - own) < 0.5 * rms(own - own.mean(axis=(0, 1, 2))) < rms(found[:, ::-1] - own)
    assert np.median(np.abs(found - own)) < 0.02
    assert colourise(model, y[:, :5, :7]).shape == (2, 5, 7, 3)
    assert colourise(model, y[:0]).shape == (0, 32, 32, 3)


def rms(x):
    return np.sqrt(np.mean(np.square(x)))


def test_resized_means(rng):
    x = rng.uniform(size=(2, 8, 12, 2)).astype(np.float32)
    assert_allclose(resized(np.full((1, 8, 12, 2), 0.3, np.float32), (5, 7)), 0.3, atol=1e-6)
    assert_allclose(resized(x, (8, 12)), x, atol=1e-6)
    assert_allclose(resized(x, (4, 6)).mean(axis=(1, 2)), x.mean(axis=(1, 2)), atol=0.05)
    ramp = np.broadcast_to(np.linspace(0, 1, 8, dtype=np.float32)[:, None, None], (8, 12, 2))[None]
    assert (np.diff(resized(ramp, (16, 5)), axis=1) >= 0).all()  # rows stay rows


def test_files(model, images, tmp_path):
    save(model, tmp_path / "model.npz")
    y = luminance(images)
    assert_array_equal(colourise(load(tmp_path / "model.npz"), y), colourise(model, y))


@pytest.mark.parametrize(
    "y, message",
    [
        (np.zeros((2, 32, 32)), r"colourise: expected luminance of shape \(N, H, W, 1\), got \(2, 32, 32\)"),
        (np.zeros((2, 32, 32, 3)), r"expected luminance of shape \(N, H, W, 1\)"),
        (np.full((2, 32, 32, 1), 200, np.uint8), "expected luminance scaled to"),
        (np.full((2, 32, 32, 1), 1.2), r"expected luminance in \[0, 1\], got 1.2 to 1.2"),
        (np.full((2, 32, 32, 1), np.nan), "finite numbers in luminance"),
        ([["a"]], "luminance to be an array of numbers"),
    ],
)
def test_no_grey_pictures(model, y, message):
    with pytest.raises(UsageError, match=message):
        colourise(model, y)


def test_a_net_for_something_else(images):
    plain = Autoencoder([Conv2D(2, 3)], [Conv2D(1, 3)], "mse", (32, 32, 1))
    for other in (plain, plain.encoder):
        with pytest.raises(UsageError, match=r"colourise: expected a net from luminance .*got this model from \(32"):
            colourise(other, luminance(images))


# --- a whole run


@pytest.fixture
def few(monkeypatch):
    """The built-in scenes with 30 test images."""

    def load_few(name, data_dir, seed, limit):
        assert name == "coloured"
        return load_coloured(limit, 30, seed)

    monkeypatch.setattr(whole.datasets, "load", load_few)


@pytest.mark.slow
def test_a_run(few):
    settings = whole.Settings("coloured", epochs=2, limit=150, threads=1, seed=2)
    result = whole.run(settings, progress=False)
    rows = {row["method"]: row for row in result.rows}
    assert list(rows) == [*BASELINES, "untrained net", "autoencoder"]
    assert rows["autoencoder"]["error"] < rows["mean colour"]["error"] < rows["grey"]["error"]
    m = result.metrics
    assert m["n_train"] == 150 and m["n_test"] == 30 and m["image_shape"] == [32, 32, 3] and m["mirrored"]
    assert m["largest_change_of_luminance"] < 1e-6 and json.dumps(m)
    assert len(result.history["val_loss"]) == 2
    again = whole.run(settings, progress=False)
    assert_array_equal(again.model.theta, result.model.theta)
    assert result.preprocessing["colour"] == {"space": "BT.601 full range", "unit": 0.1}
    without = whole.run(whole.Settings("coloured", epochs=1, limit=20, validation_split=0, threads=1), progress=False)
    assert "val_loss" not in without.history.names


def test_many_images_are_not_mirrored(few, monkeypatch):
    monkeypatch.setattr(whole, "MIRRORED_BELOW", 10)
    result = whole.run(whole.Settings("coloured", epochs=1, limit=30, threads=1), progress=False)
    assert result.metrics["mirrored"] is False


def test_held_out_images_are_in_no_guess(few, monkeypatch):
    """Neither the net nor the guesses see the validation part, nor its mirror images."""
    seen = {}
    monkeypatch.setitem(BASELINES, "grey", lambda y, c, t: seen.update(guess=len(y)) or grey(y, c, t))
    fit = Autoencoder.fit

    def spying(self, x, y, **settings):
        seen.update(x=x, held=settings["validation_data"][0])
        return fit(self, x, y, **settings)

    monkeypatch.setattr(Autoencoder, "fit", spying)
    whole.run(whole.Settings("coloured", epochs=1, limit=40, threads=1), progress=False)
    assert seen["guess"] == 36 and len(seen["x"]) == 72 and len(seen["held"]) == 4
    assert_array_equal(seen["x"][36:], seen["x"][:36, :, ::-1])
    rows = {row.tobytes() for row in seen["x"]}
    assert not any(row.tobytes() in rows for row in seen["held"])


@pytest.mark.parametrize(
    "settings, message",
    [
        ({"dataset": "colored"}, "colour: expected dataset to be one of .*got 'colored' .did you mean 'coloured'"),
        ({"epochs": 0}, "colour: expected epochs to be a whole number >= 1"),
        ({"limit": 0}, "colour: expected limit to be a whole number >= 1"),
        ({"lr": 0}, "colour: expected lr in"),
        ({"dropout": 1}, r"colour: expected dropout in \[0, 1\)"),
        ({"validation_split": -0.1}, "colour: expected validation_split in"),
    ],
)
def test_wrong_settings(settings, message):
    with pytest.raises(UsageError, match=message):
        whole.Settings(**settings)


def test_images_without_colour(tmp_path, rng):
    cases = {
        "grey": (rng.uniform(size=(20, 9, 9)), "images of 1 channel: there is no colour to learn"),
        "three": (np.repeat(rng.uniform(size=(20, 9, 9, 1)), 3, axis=3), "grey ones in three equal channels"),
        "rows": (rng.uniform(size=(20, 9)), "rows of 9 numbers; give a folder of pictures"),
        "small": (rng.uniform(size=(20, 7, 9, 3)), "images of at least 8 x 8 pixels, got 7 x 9"),
    }
    for name, (x, message) in cases.items():
        np.save(tmp_path / f"{name}.npy", x)
        with pytest.raises(UsageError, match=message):
            whole.run(whole.Settings(str(tmp_path / f"{name}.npy")), progress=False)


def test_the_module_says_what_it_offers():
    assert all(hasattr(colour, name) for name in colour.__all__)
