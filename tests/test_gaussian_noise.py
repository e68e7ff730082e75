"""Normal numbers by whole arrays, and the GaussianNoise layer."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from test_checks import says

from tinyae import Autoencoder, Dense, GaussianNoise
from tinyae.gradcases import SameNoise
from tinyae.gradcheck import assert_gradients, check_layer
from tinyae.kernels.sampling import standard_normal
from tinyae.layers import LAYERS, Sequential
from tinyae.training import shards

FLOATS = pytest.mark.parametrize("dtype", [np.float32, np.float64])


# --- normal numbers


def many(n=1_000_000, seed=0):
    return standard_normal(np.random.default_rng(seed), (n,)).astype(np.float64)


def test_moments():
    z = many()  # standard errors: 0.001, 0.0014, 0.0039, 0.01
    for power, want, error in ((1, 0, 0.001), (2, 1, 0.0014), (3, 0, 0.0039), (4, 3, 0.01), (6, 15, 0.1)):
        assert np.mean(z**power) == pytest.approx(want, abs=4 * error)


def test_distribution():
    z = many()
    for t in (0.1, 0.5, 1, 2, 3, 4):
        tail = math.erfc(t / math.sqrt(2)) / 2
        for share in (np.mean(z > t), np.mean(z < -t)):
            assert share == pytest.approx(tail, abs=4 * math.sqrt(tail / len(z)))
    assert 4.5 < np.abs(z).max() < 5.78


@pytest.mark.oracle
def test_beside_scipy():
    stats = pytest.importorskip("scipy.stats")
    assert stats.kstest(many(200_000), "norm").pvalue > 0.01


def test_both_halves_are_independent():
    """They come from the same pairs: r cos a and r sin a."""
    one, two = many().reshape(2, -1)
    for f in (np.asarray, np.abs, np.square):
        assert np.corrcoef(f(one), f(two))[0, 1] == pytest.approx(0, abs=0.006)
    z = many()
    assert np.corrcoef(z[1:], z[:-1])[0, 1] == pytest.approx(0, abs=0.004)


@FLOATS
@given(st.lists(st.integers(0, 5), max_size=4).map(tuple))
def test_any_shape(dtype, shape):
    z = standard_normal(np.random.default_rng(3), shape, dtype)
    assert z.shape == shape and z.dtype == dtype and np.isfinite(z).all()
    again = standard_normal(np.random.default_rng(3), shape)
    assert_array_equal(z, again)  # the same numbers in either type


def test_the_ends_of_the_uniform_numbers():
    class Ends:
        """All a generator's random(float32) may give: from 0 to 1 - 2^-24."""

        def random(self, shape, dtype):
            return np.array([[0, 0, 1 - 2**-24, 1 - 2**-24], [0, 1 - 2**-24, 0, 0.75]], dtype)

    with np.errstate(all="raise"):
        z = standard_normal(Ends(), (8,))
    assert_allclose(z[[0, 1, 4, 5]], 0)
    top = math.sqrt(48 * math.log(2))
    assert_allclose(z[[2, 3, 6, 7]], [top, 0, 0, -top], atol=1e-5)


# --- the layer


def noise(stddev, shape, training=True, seed=3):
    layer = GaussianNoise(stddev).build(shape)
    layer.set_training(training)
    layer.reseed(np.random.default_rng(seed))
    return layer


def numbers(shape, seed=0, dtype=np.float64):
    return np.random.default_rng(seed).normal(size=shape).astype(dtype)


@FLOATS
def test_noise_has_its_deviation(dtype):
    x = np.full((60, 50, 8), 2, dtype)
    y = noise(0.3, (50, 8)).forward(x)
    assert y.dtype == dtype and y.shape == x.shape
    assert y.mean() == pytest.approx(2, abs=0.008) and y.std() == pytest.approx(0.3, abs=0.006)
    assert len({sample.tobytes() for sample in y}) == 60
    assert_array_equal(x, 2)


@pytest.mark.parametrize("stddev, training", [(0.5, False), (0.0, True), (0, False)])
def test_the_identity_without_noise(stddev, training):
    layer, x = noise(stddev, (3,), training), numbers((4, 3), dtype=np.float32)
    assert layer.forward(x) is x


@pytest.mark.parametrize("training", [False, True])
def test_the_gradient_passes(training):
    layer, x, dy = noise(0.5, (3,), training), numbers((4, 3)), numbers((4, 3), 1)
    layer.forward(x)
    assert_array_equal(layer.backward(dy), dy)
    assert layer.backward(dy, need_dx=False) is None
    layer.reseed(SameNoise())
    assert assert_gradients(check_layer(layer, x)) <= 1e-8


def test_whole_numbers_become_floats():
    for training in (False, True):
        assert noise(0.5, (3,), training).forward([[1, 2, 3]]).dtype == np.float64


def test_every_forward_draws_from_the_layers_own_generator():
    x = np.ones((4, 30), np.float32)
    one, two, other = noise(0.5, 30), noise(0.5, 30), noise(0.5, 30, seed=4)
    first, second = one.forward(x), one.forward(x)
    assert (first != second).any() and (first != other.forward(x)).any()
    assert_array_equal(two.forward(x), first)
    one.reseed(np.random.default_rng(3))
    assert_array_equal(one.forward(x), first)
    assert_allclose(noise(0.5, 30).forward(x.astype(np.float64)), first, rtol=1e-6)
    twins = [one.replica(), one.replica(), one]
    assert len({twin.forward(x).tobytes() for twin in twins}) == len({id(twin.rng) for twin in twins}) == 3


@pytest.mark.parametrize("threads", [1, 2])
def test_a_net_with_noise_inside(threads, monkeypatch):
    monkeypatch.setattr(shards, "SMALLEST_SHARED_WORK", 0)
    x = np.random.default_rng(0).uniform(size=(40, 7)).astype(np.float32)

    def train(seed):
        encoder = [GaussianNoise(0.2), Dense(5, "tanh"), Sequential([GaussianNoise(0.1)])]
        model = Autoencoder(encoder, [Dense(7, "sigmoid")], input_shape=7)
        history = model.fit(x, epochs=3, batch_size=8, threads=threads, seed=seed, progress=False, validation_data=x)
        assert history["val_loss"][-1] == pytest.approx(model.evaluate(x)["loss"], rel=1e-6)  # no noise in either
        assert_array_equal(model.reconstruct(x), model.reconstruct(x))
        return history["loss"]

    assert train(1) == train(1) != train(2)


def test_config_makes_the_layer_again():
    layer = GaussianNoise(0.25)
    assert repr(LAYERS["GaussianNoise"](**layer.config())) == repr(layer) == "GaussianNoise(stddev=0.25)"


@pytest.mark.parametrize("stddev", [-0.1, "much", np.inf, None])
def test_wrong_settings(stddev):
    with says(f"GaussianNoise: expected stddev in [0, inf), got {stddev!r}."):
        GaussianNoise(stddev)
