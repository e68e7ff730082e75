"""Variational autoencoders: the bound, the tighter bound, new images."""

import numpy as np
import pytest
from numpy.testing import assert_allclose

from tinyae import Adam, Autoencoder, Dense, GaussianCode, UsageError
from tinyae.architectures.kinds import variational_autoencoder
from tinyae.datasets import load
from tinyae.variational import evidence_lower_bound, generate, log_likelihood


@pytest.fixture(scope="module")
def digits():
    return load("digits").x_train[:2000]


@pytest.fixture(scope="module")
def trained(digits):
    model = variational_autoencoder(784, (100,), 8)
    history = model.fit(digits, epochs=12, optimizer=Adam(2e-3), progress=False, validation_data=digits[:500])
    return model, history


def linear_gaussian():
    """A net whose log p(x) is known: x = W z + b + N(0, 1), z ~ N(0, 1), and its encoder the exact posterior."""
    rng = np.random.default_rng(1)
    model = Autoencoder([Dense(4), GaussianCode()], [Dense(3)], "mse", input_shape=3, dtype=np.float64)
    W, b = 0.7 * rng.normal(size=(2, 3)), rng.normal(size=3)
    # posterior covariance (1 + W W')^-1 is diagonal only if the rows of W are orthogonal
    W[1] -= W[0] * (W[0] @ W[1]) / (W[0] @ W[0])
    variance = 1 / (1 + np.sum(W**2, axis=1))
    encoder, decoder = model.encoder.layers[0].params, model.decoder.layers[0].params
    decoder["W"][:], decoder["b"][:] = W, b
    encoder["W"][:, :2] = W.T * variance
    encoder["b"][:2] = -b @ W.T * variance
    encoder["W"][:, 2:], encoder["b"][2:] = 0, np.log(variance)
    x = b + rng.normal(size=(200, 2)) @ W + rng.normal(size=(200, 3))
    covariance = np.eye(3) + W.T @ W
    d = x - b
    exact = -0.5 * np.sum(d @ np.linalg.inv(covariance) * d, axis=1) - 0.5 * np.linalg.slogdet(covariance)[1]
    return model, x, exact.mean()  # without 3/2 log 2 pi, as the loss


def test_both_bounds_are_exact_where_the_posterior_is():
    model, x, exact = linear_gaussian()
    assert log_likelihood(model, x, samples=1) == pytest.approx(exact, rel=1e-10)
    assert log_likelihood(model, x, samples=7) == pytest.approx(exact, rel=1e-10)
    assert evidence_lower_bound(model, x, samples=200)["elbo"] == pytest.approx(exact, abs=0.03)


def test_bounds_rise_from_elbo_to_more_samples(trained, digits):
    model, _ = trained
    elbo = evidence_lower_bound(model, digits[:100], samples=20)
    assert elbo["elbo"] == pytest.approx(elbo["log_likelihood"] - elbo["kl"])
    few, many = (log_likelihood(model, digits[:100], samples=k) for k in (5, 50))
    assert elbo["elbo"] < few < many


def test_history_holds_the_terms_of_the_bound(trained, digits):
    model, history = trained
    assert model.series == ["loss", "kl"]
    last = history.rows[-1]
    assert last["val_objective"] == pytest.approx(last["val_loss"] + last["val_kl"])
    elbo = evidence_lower_bound(model, digits[:500], samples=20)
    assert last["val_kl"] == pytest.approx(elbo["kl"], rel=1e-4)
    assert last["val_loss"] == pytest.approx(-elbo["log_likelihood"], rel=0.01)  # sampled, not decoded from the mean
    assert history["objective"][-1] < 0.7 * history["objective"][0]


def test_beta_holds_the_code_back(digits):
    kl = []
    for beta in (0.2, 1.0, 5.0):
        model = variational_autoencoder(784, (50,), 6, beta=beta)
        model.fit(digits[:1000], epochs=8, optimizer=Adam(3e-3), progress=False)
        kl.append(evidence_lower_bound(model, digits[:500])["kl"])
    assert kl[0] > kl[1] > kl[2]


def test_generated_images_are_images_and_come_from_the_seed(trained, digits):
    model, _ = trained
    images = generate(model, 50, seed=3)
    assert images.shape == (50, 784) and images.dtype == np.float32 and 0 <= images.min() <= images.max() <= 1
    assert_allclose(images, generate(model, 50, seed=3))
    assert (images != generate(model, 50, seed=4)).any()
    # They lie nearer to digits than noise with the digits' own mean does.
    nearest = np.array([np.min(np.sum((digits - image) ** 2, axis=1)) for image in images])
    noise = np.random.default_rng(0).permuted(images, axis=1)
    assert np.median(nearest) < 0.6 * np.median([np.min(np.sum((digits - image) ** 2, axis=1)) for image in noise])


def test_means_are_the_code_of_use(trained, digits):
    model, _ = trained
    code = model.encode(digits[:10])
    assert code.shape == (10, 8)
    assert_allclose(code, model.encode(digits[:10]))
    hidden = model.encoder.layers[0].forward(digits[:10])
    assert_allclose(code, model.encoder.layers[1].forward(hidden)[:, :8], rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("function", [evidence_lower_bound, log_likelihood])
def test_other_nets_are_refused(function):
    model = Autoencoder([Dense(2)], [Dense(3)], "mse", input_shape=3)
    with pytest.raises(UsageError, match=rf"{function.__name__}: expected an encoder that ends in GaussianCode, got D"):
        function(model, np.zeros((2, 3)))
    with pytest.raises(UsageError, match=r"generate: expected an encoder that ends in GaussianCode"):
        generate(model, 3)


def test_bad_arguments(trained, digits):
    with pytest.raises(UsageError, match="samples to be a whole number >= 1"):
        log_likelihood(trained[0], digits[:5], samples=0)
    with pytest.raises(UsageError, match="n to be a whole number >= 1"):
        generate(trained[0], 0)
