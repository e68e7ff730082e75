"""Greedy layerwise training: what each layer is trained on, and what comes of the stack."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from tinyae import Adam, UsageError
from tinyae.architectures import dense_autoencoder
from tinyae.corruption import Masking
from tinyae.datasets import load
from tinyae.stacked import fit_stacked

QUIET = {"progress": False, "threads": 1}


@pytest.fixture(scope="module")
def digits():
    return load("digits").x_train[:1500]


def rows(n=60, width=7):
    return np.random.default_rng(0).uniform(size=(n, width)).astype(np.float32)


def test_sizes_and_units():
    model, histories = fit_stacked(rows(), (5, 4, 2), activation="tanh", code_activation="linear", epochs=2, **QUIET)
    assert [layer.units for layer in model.encoder.layers] == [5, 4, 2]
    assert [layer.units for layer in model.decoder.layers] == [4, 5, 7]
    assert [layer.activation_name for layer in model.encoder.layers] == ["tanh", "tanh", "linear"]
    assert [layer.activation_name for layer in model.decoder.layers] == ["tanh", "tanh", "sigmoid"]
    assert len(histories) == 3 and all(len(history) == 2 for history in histories)


def test_one_layer_is_an_ordinary_autoencoder():
    x = rows()
    stacked, (history,) = fit_stacked(x, 4, epochs=3, seed=5, **QUIET)
    plain = dense_autoencoder(7, (), 4, code_activation="sigmoid", seed=5)
    same = plain.fit(x, epochs=3, seed=5, **QUIET)
    assert_array_equal(stacked.theta, plain.theta)
    assert history["loss"] == same["loss"]


def test_the_second_layer_learns_the_codes_of_the_first():
    x = rows()
    stacked, (_, second) = fit_stacked(x, (6, 3), epochs=3, seed=5, **QUIET)
    first, _ = fit_stacked(x, 6, epochs=3, seed=5, **QUIET)
    codes = first.encode(x)
    assert_allclose(stacked.encoder.layers[0].forward(x), codes, rtol=1e-6)  # the second leaves the first alone
    plain = dense_autoencoder(6, (), 3, code_activation="sigmoid", seed=6)
    assert plain.fit(codes, epochs=3, seed=5, **QUIET)["loss"] == second["loss"]


@pytest.mark.slow
def test_a_stack_reconstructs_and_is_a_better_start_than_chance(digits):
    model, histories = fit_stacked(digits, (64, 16), epochs=20, batch_size=20, optimizer=Adam(3e-3), **QUIET)
    assert all(history["loss"][-1] < 0.8 * history["loss"][0] for history in histories)
    untrained = dense_autoencoder(784, (64,), 16, hidden_activation="sigmoid", code_activation="sigmoid")
    mean = np.broadcast_to(digits.mean(axis=0), digits.shape)
    before = model.evaluate(digits)["squared_error"]
    assert before < 0.8 * np.sum((digits - mean) ** 2, axis=1).mean()
    for net in (model, untrained):
        net.fit(digits, epochs=3, batch_size=20, optimizer=Adam(1e-3), **QUIET)
    assert model.evaluate(digits)["loss"] < untrained.evaluate(digits)["loss"]


def test_corruption_changes_what_every_layer_learns():
    x = rows()
    clean, _ = fit_stacked(x, (6, 3), epochs=2, **QUIET)
    noisy, _ = fit_stacked(x, (6, 3), epochs=2, corruption=Masking(0.3), **QUIET)
    again, _ = fit_stacked(x, (6, 3), epochs=2, corruption=Masking(0.3), **QUIET)
    assert_array_equal(noisy.theta, again.theta)
    for one, other in zip(clean.encoder.layers, noisy.encoder.layers, strict=True):
        assert (one.params["W"] != other.params["W"]).any()


def test_an_optimizer_of_ones_own_is_left_alone():
    optimizer = Adam(1e-2)
    fit_stacked(rows(), (5, 3), epochs=1, optimizer=optimizer, **QUIET)
    assert optimizer.t == 0 and not optimizer.state


@pytest.mark.parametrize(
    "sizes, message",
    [((), "expected at least one size, got none"), ((5, 0), "each size to be a whole number >= 1, got 0")],
)
def test_bad_sizes(sizes, message):
    with pytest.raises(UsageError, match=rf"fit_stacked: .*{message}"):
        fit_stacked(rows(), sizes, **QUIET)
