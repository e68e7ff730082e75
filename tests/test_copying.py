"""How near nets are to the identity: on nets that are the identity, a projection, a constant, and on trained ones."""

import numpy as np
import pytest

from tinyae import Adam, Autoencoder, Conv2D, Dense, UsageError
from tinyae.architectures import linear_autoencoder, overcomplete_autoencoder, simple_autoencoder
from tinyae.copying import Copying, copying
from tinyae.datasets import load


def linear(W, V):
    model = Autoencoder([Dense(W.shape[1])], [Dense(V.shape[1])], "mse", input_shape=len(W), dtype=np.float64)
    model.encoder.layers[0].params["W"][:], model.decoder.layers[0].params["W"][:] = W, V
    return model


def rows(n=400, width=12):
    return np.random.default_rng(1).uniform(size=(n, width))


def test_identity_copies_everything():
    found = copying(linear(np.eye(12), np.eye(12)), rows())
    assert found.trace == pytest.approx(1) and found.shuffled == pytest.approx(1)
    assert "copies anything" in str(found) and "100 % of a small change" in str(found)


def test_a_projection_copies_its_share():
    Q = np.linalg.qr(np.random.default_rng(2).normal(size=(12, 3)))[0]
    found = copying(linear(Q, Q.T), rows(2000) - 0.5, samples=20)
    assert found.trace == pytest.approx(3 / 12, abs=0.01)
    assert found.shuffled == pytest.approx(3 / 12, abs=0.03)  # uniform noise has the same variance in all directions


def test_a_constant_copies_nothing():
    model = linear(np.zeros((12, 3)), np.zeros((3, 12)))
    model.decoder.layers[0].params["b"][:] = 0.5
    found = copying(model, rows())
    assert found.trace == 0 and found.shuffled == pytest.approx(0, abs=0.01)
    assert "does not copy" in str(found)


def test_shuffled_images_keep_their_pixels_and_lose_their_shape():
    level, ramp = np.full((12, 1), 12**-0.5), np.linspace(-1, 1, 12)[:, None]
    ramp /= np.linalg.norm(ramp)
    grey = rows(300, 1) + 0.01 * rows(300)  # one grey level each: shuffling leaves it as it is
    assert copying(linear(level, level.T), grey).shuffled > 0.99
    ramps = rows(300, 1) @ ramp.T
    assert copying(linear(ramp, ramp.T), ramps).shuffled < 0.2


def test_trace_is_that_of_the_jacobian():
    model = Autoencoder(
        [Dense(5, "tanh")], [Dense(8, "tanh"), Dense(12, "sigmoid")], input_shape=12, dtype=np.float64, seed=3
    )
    model.theta *= 3
    x = rows(5)
    h, expected = 1e-6, 0.0
    for i in range(12):
        step = np.zeros(12)
        step[i] = h
        expected += np.mean((model.forward(x + step) - model.forward(x - step))[:, i]) / (2 * h) / 12
    assert copying(model, x, samples=4000).trace == pytest.approx(expected, rel=0.05)


@pytest.mark.slow
def test_a_wide_code_copies_more_than_a_narrow_one():
    x = load("digits").x_train[:2000]
    found = {}
    for name, model in (
        ("narrow", simple_autoencoder(seed=0)),
        ("wide", overcomplete_autoencoder(code_size=900, activation="linear", seed=0)),
    ):
        model.fit(x, epochs=8, batch_size=20, optimizer=Adam(2e-3), progress=False)
        found[name] = copying(model, x[:200])
    assert found["narrow"].trace < found["wide"].trace
    assert found["narrow"].shuffled < found["wide"].shuffled


def test_images_stay_images_and_the_net_as_it_was():
    model = Autoencoder([Conv2D(2, 3)], [Conv2D(1, 3)], "mse", input_shape=(5, 6, 1))
    x = rows(20, 30).reshape(-1, 5, 6, 1).astype(np.float32)
    kept, theta = x.copy(), model.theta.copy()
    model.set_training(True)
    one, other = (copying(model, x, np.random.default_rng(4)) for _ in range(2))
    assert one == other != copying(model, x, np.random.default_rng(5))
    assert (x == kept).all() and (model.theta == theta).all() and model.encoder.layers[0].training


def test_pieces_of_the_images_make_no_difference(monkeypatch):
    model, x = linear_autoencoder(12, 3), rows(30).astype(np.float32)
    whole = copying(model, x)
    monkeypatch.setattr("tinyae.copying.ROWS", 7)
    assert copying(model, x).shuffled == pytest.approx(whole.shuffled, rel=1e-5)


def test_verdicts():
    assert "copies in part" in str(Copying(0.5, 0.7))
    assert "0 % of the variance" in str(Copying(0.1, -3.0))


def test_bad_input():
    with pytest.raises(UsageError, match=r"copying: expected x of shape \(N, 12\), got \(3, 11\)"):
        copying(linear_autoencoder(12, 3), np.zeros((3, 11)))
    with pytest.raises(UsageError, match="copying: expected samples to be a whole number >= 1, got 0"):
        copying(linear_autoencoder(12, 3), rows(3), samples=0)
    with pytest.raises(UsageError, match="copying: expected at least one sample in x, got none"):
        copying(linear_autoencoder(12, 3), rows(0))
    with pytest.raises(UsageError, match="copying: expected finite numbers in x, got 24 NaN or infinite"):
        copying(linear_autoencoder(12, 3), rows(2) * np.nan)
    for flat in (rows(1), np.full((4, 12), 0.5)):  # one image is its own mean
        with pytest.raises(UsageError, match="copying: expected some images with pixels that differ, got images all"):
            copying(linear_autoencoder(12, 3), flat)
