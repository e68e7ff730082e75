"""The named nets: their layers, sizes, activations and losses."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from tinyae import UsageError
from tinyae.architectures import deep_autoencoder, dense_autoencoder, hinton_autoencoder, simple_autoencoder


def kinds(net):
    return [layer.name for layer in net.layers]


def chain(model):
    return model.summary().splitlines()[-1].split("; ")[2]


def test_simple():
    model = simple_autoencoder()
    assert chain(model) == "784 -> 32 -> 784" and model.loss.name == "BCE"
    assert kinds(model.encoder) == ["Dense", "ReLU"] and kinds(model.decoder) == ["Dense", "Sigmoid"]
    assert model.n_params == 784 * 32 + 32 + 32 * 784 + 784


def test_deep():
    model = deep_autoencoder()
    assert chain(model) == "784 -> 128 -> 64 -> 32 -> 64 -> 128 -> 784" and model.loss.name == "BCE"
    assert kinds(model.encoder) == ["Dense", "ReLU"] * 3
    assert kinds(model.decoder) == ["Dense", "ReLU"] * 2 + ["Dense", "Sigmoid"]
    assert model.encoder.layers[0].init == "he"


def test_hinton():
    """Science 2006: 784-1000-500-250-30 and back; 2,837,314 numbers with all biases."""
    model = hinton_autoencoder(code_size=30)
    assert chain(model) == "784 -> 1000 -> 500 -> 250 -> 30 -> 250 -> 500 -> 1000 -> 784"
    assert model.n_params == model.theta.size == 2_837_314
    assert model.summary().splitlines()[-1].startswith("2,837,314 parameters, 11.3 MB; ")
    assert kinds(model.encoder) == ["Dense", "Sigmoid"] * 3 + ["Dense", "Linear"]
    assert kinds(model.decoder) == ["Dense", "Sigmoid"] * 4
    assert model.loss.name == "BCE" and model.matched
    assert hinton_autoencoder(9, (5,)).code_size == 2


def test_settings_reach_the_layers():
    model = dense_autoencoder(
        9, (8, 7), 3, hidden_activation="leaky_relu", code_activation="tanh", output_activation="softplus",
        loss="mse", init="sparse",
    )  # fmt: skip
    assert kinds(model.encoder) == ["Dense", "LeakyReLU", "Dense", "LeakyReLU", "Dense", "Tanh"]
    assert kinds(model.decoder) == ["Dense", "LeakyReLU", "Dense", "LeakyReLU", "Dense", "Softplus"]
    assert {layer.init for layer in model.encoder.layers + model.decoder.layers if layer.name == "Dense"} == {"sparse"}
    assert [layer.units for layer in model.decoder.layers if layer.name == "Dense"] == [7, 8, 9]
    assert not model.matched


@pytest.mark.parametrize("make", [simple_autoencoder, deep_autoencoder, hinton_autoencoder])
def test_the_seed_draws_the_weights(make):
    assert_array_equal(make(20, seed=3).theta, make(20, seed=3).theta)
    assert (make(20, seed=3).theta != make(20, seed=4).theta).any()
    assert make(20).theta.dtype == np.float32


@pytest.mark.parametrize(
    "settings, message",
    [
        (
            {"hidden_activation": "rellu"},
            r"dense_autoencoder: expected activation to be one of .* \(did you mean 'relu'",
        ),
        ({"code_activation": "no"}, "expected activation to be one of linear, sigmoid, relu"),
        ({"loss": "l2"}, "expected loss to be one of bce, mse, .*got 'l2'"),
        ({"output_activation": "linear"}, "expected a decoder that ends in Sigmoid for the loss BCE, got Linear"),
        ({"init": "xavier"}, "expected init to be one of glorot, he, sparse, normal, got 'xavier'"),
        ({"code_size": 0}, "expected units to be a whole number >= 1, got 0"),
    ],
)
def test_bad_settings_are_refused(settings, message):
    error = ValueError if "output_activation" in settings else UsageError
    with pytest.raises(error, match=message):
        dense_autoencoder(9, (5,), **{"code_size": 2} | settings)
