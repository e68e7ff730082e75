"""Warps of images: the kernel's twins, the maps drawn, and a net that learns under them."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from tinyae import Autoencoder, Dense, UsageError
from tinyae.architectures import conv_code_autoencoder
from tinyae.kernels.warp import warp, warp_numba, warp_numpy
from tinyae.layers import Flatten, Reshape
from tinyae.warping import Warp

SEEDS = st.integers(0, 2**32 - 1)
IDENTITY = np.array([[1, 0, 0], [0, 1, 0]], np.float32)


def warped(image, matrix):
    """One grey image (H, W) through one map, by the twin that is in use."""
    x = np.asarray(image, np.float32)[None, :, :, None]
    return warp(x, np.asarray(matrix, np.float32)[None], np.empty_like(x))[0, :, :, 0]


# --- the kernel


@given(SEEDS, st.integers(1, 9), st.integers(1, 9), st.integers(1, 3))
def test_twins(seed, height, width, channels):
    rng = np.random.default_rng(seed)
    x = rng.uniform(size=(3, height, width, channels)).astype(np.float32)
    maps = rng.normal(size=(3, 2, 3)).astype(np.float32)
    assert_allclose(warp_numba(x, maps, np.empty_like(x)), warp_numpy(x, maps, np.empty_like(x)), atol=1e-5)


@pytest.mark.parametrize("twin", [warp_numba, warp_numpy])
def test_identity_and_whole_pixels(twin, rng):
    x = rng.uniform(size=(2, 5, 4, 2)).astype(np.float32)
    maps = np.stack([IDENTITY, IDENTITY + np.array([[0, 0, 1], [0, 0, -2]], np.float32)])
    y = twin(x, maps, np.full_like(x, np.nan))
    assert_array_equal(y[0], x[0])
    want = np.zeros_like(x[1])
    want[:4, 2:] = x[1, 1:, :2]  # each pixel is taken from one row further down and two columns further left
    assert_array_equal(y[1], want)


def test_quarter_turn_and_stretch():
    image = np.arange(9.0).reshape(3, 3)
    assert_allclose(warped(image, [[0, -1, 0], [1, 0, 0]]), turned(image))
    twice = warped(np.eye(5)[2:3].repeat(5, 0).T, [[2, 0, 0], [0, 1, 0]])  # sampled twice as densely: half as long
    assert_array_equal(twice[1:4, 2], [0, 1, 0])


def turned(image):
    """out[h, w] = image at A (h, w) with A = [[0, -1], [1, 0]] about the middle of 3 x 3: image[2 - w, h]."""
    return np.array([[image[2 - w, h] for w in range(3)] for h in range(3)])


def test_between_pixels():
    row = np.array([[0.0, 1.0, 0.0, 4.0]])
    half = IDENTITY + np.array([[0, 0, 0], [0, 0, 0.5]], np.float32)
    assert_allclose(warped(row, half), [[0.5, 0.5, 2.0, 2.0]])  # the last: half of 4, half of what is outside, 0


def test_the_kernel_keeps_the_type(rng):
    x = rng.uniform(size=(1, 3, 3, 1))
    assert warp(x, IDENTITY[None].astype(np.float64), np.empty_like(x)).dtype == np.float64


# --- the corruption


def test_maps_lie_within_what_was_asked_for(rng):
    maps = Warp(shift=0.1, turn=0.4, zoom=0.3).maps(4000, (20, 50), rng)
    stretch = np.linalg.norm(maps[:, :, :2], axis=1)
    assert 0.7 <= stretch.min() < 0.72 and 1.28 < stretch.max() <= 1.3
    assert not np.allclose(stretch[:, 0], stretch[:, 1])  # each axis its own
    angle = np.arctan2(maps[:, 1, 0], maps[:, 0, 0])
    assert -0.4 <= angle.min() < -0.38 and 0.38 < angle.max() <= 0.4
    assert_allclose((maps[:, :, 0] * maps[:, :, 1]).sum(axis=1), 0, atol=1e-12)  # no shear
    for axis, limit in ((0, 2.0), (1, 5.0)):
        t = maps[:, axis, 2]
        assert -limit <= t.min() < -0.95 * limit and 0.95 * limit < t.max() <= limit


def test_zero_changes_nothing_and_seeds_decide(rng):
    x = rng.uniform(size=(6, 7, 5, 1)).astype(np.float32)
    kept = x.copy()
    assert_array_equal(Warp(0, 0, 0)(x, rng), x)
    a, b, c = (Warp()(x, np.random.default_rng(seed)) for seed in (1, 1, 2))
    assert_array_equal(a, b)
    assert not np.array_equal(a, c) and a.dtype == x.dtype and a.shape == x.shape
    assert_array_equal(x, kept)
    assert a.min() >= 0 and a.max() <= 1


def test_settings():
    assert Warp(0.1, 0.2, 0.3).config() == {"shift": 0.1, "turn": 0.2, "zoom": 0.3}
    for bad in ({"shift": 1.1}, {"turn": -0.1}, {"turn": 4}, {"zoom": 0.95}, {"zoom": math.nan}):
        with pytest.raises(UsageError, match=f"Warp: expected {next(iter(bad))} in"):
            Warp(**bad)
    with pytest.raises(UsageError, match=r"Warp: expected images of shape \(N, H, W, C\), got \(2, 784\)"):
        Warp()(np.zeros((2, 784), np.float32), np.random.default_rng(0))


def test_a_net_is_asked_for_the_image_as_it_was():
    """One dot, shifted by the corruption: the best answer is where it was on average, the middle."""
    x = np.zeros((64, 5, 5, 1), np.float32)
    x[:, 2, 2] = 1
    model = Autoencoder(
        [Flatten(), Dense(4)], [Dense(25, "sigmoid"), Reshape((5, 5, 1))], "mse", input_shape=(5, 5, 1),
        corruption=Warp(shift=0.4, turn=0, zoom=0),
    )  # fmt: skip
    history = model.fit(x, epochs=60, batch_size=4, optimizer="nadam", progress=False)
    assert history["loss"][-1] < 0.5 * history["loss"][0]
    assert model.reconstruct(np.roll(x[:1], 1, axis=2)).argmax() == 12


# --- the net


@given(st.integers(1, 40), st.integers(1, 40), st.sampled_from([1, 3]))
def test_every_size_comes_back_to_itself(height, width, channels):
    model = conv_code_autoencoder((height, width, channels), 6, filters=(2, 3))
    assert model.encoder.output_shape == (6,) and model.output_shape == (height, width, channels)
    assert max(model.encoder.shapes[-3][:2]) <= 8


def test_layers_of_the_named_net():
    model = conv_code_autoencoder()
    assert model.encoder.shapes == [(28, 28, 1), (28, 28, 16), (14, 14, 16), (14, 14, 32), (7, 7, 32), (1568,), (128,)]
    assert model.decoder.shapes == [
        (128,), (1568,), (7, 7, 32), (14, 14, 32), (14, 14, 16), (28, 28, 16), (28, 28, 1),
    ]  # fmt: skip
    # 9 * 16 + 16 = 160, 9 * 16 * 32 + 32 = 4640, 1568 * 128 + 128 = 200832; back 128 * 1568 + 1568 = 202272,
    # 9 * 32 * 16 + 16 = 4624, 9 * 16 + 1 = 145
    assert model.n_params == 160 + 4640 + 200832 + 202272 + 4624 + 145
    assert model.loss.name == "BCE" and model.matched and model.encoder.output_unit is None
    assert conv_code_autoencoder((64, 64, 3)).encoder.shapes[-3] == (8, 8, 32)  # a third time, with the last of filters
    assert conv_code_autoencoder((8, 8, 1)).encoder.shapes[2] == (4, 4, 16)  # once at least


def test_the_named_net_learns_under_warps(rng):
    x = np.zeros((60, 8, 8, 1), np.float32)
    x[:30, 2:6, 3:5] = 1
    x[30:, 3:5, 2:6] = 1
    model = conv_code_autoencoder((8, 8, 1), 4, filters=(4,), corruption=Warp())
    history = model.fit(x, epochs=20, batch_size=20, optimizer="nadam", progress=False)
    assert history["loss"][-1] < 0.7 * history["loss"][0]


@pytest.mark.parametrize(
    "arguments, message",
    [
        ({"filters": ()}, "conv_code_autoencoder: expected at least one number of filters, got none"),
        ({"code_size": 0}, "conv_code_autoencoder: expected code_size to be a whole number >= 1, got 0"),
        ({"filters": (4, 0)}, "conv_code_autoencoder: expected each of filters to be a whole number >= 1, got 0"),
    ],
)
def test_bad_arguments_of_the_named_net(arguments, message):
    with pytest.raises(UsageError, match=message):
        conv_code_autoencoder(**arguments)
