"""The code of a variational autoencoder: samples, the way back through them, the divergence, terms of the bound."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from test_checks import says

from tinyae import SGD, Adam, Autoencoder, Callback, Dense, GaussianCode, Sequential, TrainingDivergedError, load, save
from tinyae.gradcases import SameNoise
from tinyae.gradcheck import assert_gradients, check_layer, check_model, compare, numerical_gradient
from tinyae.kernels.sampling import standard_normal
from tinyae.layers import LAYERS
from tinyae.layers.base import every_layer
from tinyae.training import shards
from tinyae.training.shards import VALIDATION_NOISE

SEED = st.integers(0, 2**32 - 1)
FLOATS = pytest.mark.parametrize("dtype, tolerance", [(np.float32, 1e-5), (np.float64, 1e-12)], ids=["f32", "f64"])


def code(k=3, beta=1.0, training=True, dtype=np.float64):
    layer = GaussianCode(beta).build(2 * k, dtype=dtype)
    layer.set_training(training)
    layer.reseed(SameNoise())
    return layer


def numbers(shape, seed=0, dtype=np.float64):
    return np.random.default_rng(seed).normal(size=shape).astype(dtype)


def naive_kl(x, n, beta=1.0):
    """The mean over n images of the divergence, one number at a time."""
    total = 0.0
    for row in x.tolist():
        k = len(row) // 2
        for mu, s in zip(row[:k], row[k:], strict=True):
            total += 0.5 * (mu**2 + np.exp(s) - 1 - s)
    return beta * total / n


# --- samples


@FLOATS
@given(st.integers(0, 5), st.integers(1, 4), SEED)
def test_a_sample_is_mu_and_sigma_times_noise(dtype, tolerance, n, k, seed):
    layer, x = code(k), numbers((n, 2 * k), seed, dtype)
    kept = x.copy()
    eps = standard_normal(SameNoise(), (n, k))
    z = layer.forward(x)
    assert z.shape == (n, k) and z.dtype == dtype
    assert_allclose(z, x[:, :k] + np.exp(x[:, k:] / 2) * eps, rtol=tolerance, atol=tolerance)
    assert_array_equal(x, kept)
    assert layer.output_shape == (k,)


def test_samples_have_the_distributions_mean_and_deviation():
    layer = GaussianCode().build(4)
    layer.set_training(True)
    x = np.tile(np.array([[3.0, -1.0, np.log(0.25), np.log(9.0)]]), (40_000, 1))  # mean 3 and -1, deviation 1/2 and 3
    z = layer.forward(x)
    assert z.mean(axis=0) == pytest.approx([3, -1], abs=0.06) and z.std(axis=0) == pytest.approx([0.5, 3], rel=0.02)
    assert np.corrcoef(z.T)[0, 1] == pytest.approx(0, abs=0.02)
    assert np.mean(np.abs(z[:, 0] - 3) < 0.5) == pytest.approx(0.6827, abs=0.01)


def test_in_use_it_is_the_mean():
    layer, x = code(training=False), numbers((5, 6))
    z = layer.forward(x)
    assert_array_equal(z, x[:, :3])
    z += 1  # an array of its own
    assert_array_equal(x, numbers((5, 6)))
    assert_array_equal(layer.backward(numbers((5, 3), 1)), np.hstack([numbers((5, 3), 1), np.zeros((5, 3))]))


def test_validation_samples_too():
    layer, x = code(training=False), numbers((5, 6))
    layer.validating = True
    assert_array_equal(layer.forward(x), code(training=True).forward(x))
    assert (layer.forward(x) != x[:, :3]).all()


def test_noise_is_drawn_anew_from_the_layers_own_generator():
    x = numbers((5, 6))
    one = code()
    one.reseed(np.random.default_rng(3))
    first, second = one.forward(x), one.forward(x)
    assert (first != second).all()
    one.reseed(np.random.default_rng(3))
    assert_array_equal(one.forward(x), first)
    workers = [one.replica(), one.replica(), one]
    assert len({worker.forward(x).tobytes() for worker in workers}) == len({id(w.rng) for w in workers}) == 3


def test_whole_numbers_become_floats():
    for training in (False, True):
        assert code(1, training=training).forward([[1, 2], [3, 4]]).dtype == np.float64


# --- the divergence


@FLOATS
@given(st.integers(0, 5), st.integers(1, 4), st.integers(1, 9), st.floats(0, 4), SEED)
def test_divergence_beside_loops(dtype, tolerance, images, k, n, beta, seed):
    layer, x = code(k, beta), numbers((images, 2 * k), seed, dtype)
    for training in (True, False):  # it does not hang on the noise
        layer.set_training(training)
        layer.forward(x)
        assert layer.penalty(n) == pytest.approx(naive_kl(x, n, beta), rel=tolerance, abs=1e-12)


@pytest.mark.parametrize("mu, s", [(0.0, 0.0), (1.5, -1.0), (-0.3, 0.8), (0.0, 2.0)])
def test_divergence_is_the_integral(mu, s):
    """KL(q || p) = integral of q(z) log(q(z) / p(z)) dz."""
    z = np.linspace(-40, 40, 400_001)
    log_q = -((z - mu) ** 2) / (2 * np.exp(s)) - s / 2
    log_p = -(z**2) / 2
    want = np.trapezoid(np.exp(log_q) / np.sqrt(2 * np.pi) * (log_q - log_p), z)
    layer = code(1)
    layer.forward(np.array([[mu, s]]))
    assert layer.penalty(1) == pytest.approx(want, abs=1e-10)


@pytest.mark.oracle
@pytest.mark.parametrize("beta", [1.0, 0.3])
def test_beside_torch(torch, beta):
    """Divergence and reparameterised sample, value and gradient, in one objective."""
    x, dy = numbers((7, 6)), numbers((7, 3), 1)
    at = torch.tensor(x, requires_grad=True)
    mu, s = at[:, :3], at[:, 3:]
    eps = torch.tensor(standard_normal(SameNoise(), (7, 3), np.float64))
    q = torch.distributions.Normal(mu, torch.exp(s / 2))
    kl = torch.distributions.kl_divergence(q, torch.distributions.Normal(0.0, 1.0)).sum() / 10
    z = mu + torch.exp(s / 2) * eps
    ((torch.tensor(dy) * z).sum() + beta * kl).backward()
    layer = code(beta=beta)
    assert_allclose(layer.forward(x), z.detach().numpy(), rtol=1e-12)
    assert layer.penalty(10) == pytest.approx(beta * float(kl.detach()), rel=1e-12)
    layer.n = 10
    assert_allclose(layer.backward(dy), at.grad.numpy(), rtol=1e-10, atol=1e-14)


def test_a_standard_normal_code_costs_nothing():
    layer = code()
    layer.forward(np.zeros((4, 6)))
    layer.n = 4
    assert layer.penalty(4) == 0 and not layer.backward(np.zeros((4, 3))).any()


def test_float32_near_the_standard_normal_distribution():
    """There exp(s) - 1 is a difference of two near equal numbers."""
    s = np.float32(3e-6)
    layer = code(1, dtype=np.float32)
    layer.forward(np.array([[0, s]], np.float32))
    layer.n = 1
    assert layer.penalty(1) == pytest.approx(float(s) ** 2 / 4, rel=1e-3)
    assert layer.backward(np.zeros((1, 1), np.float32))[0, 1] == pytest.approx(float(s) / 2, rel=1e-5)


# --- the way back


@pytest.mark.parametrize("training", [False, True])
def test_gradients_with_the_noise_held(training):
    assert assert_gradients(check_layer(code(training=training), numbers((4, 6)))) <= 1e-7


@pytest.mark.parametrize("training", [False, True])
@pytest.mark.parametrize("beta, n", [(1.0, 4), (0.3, 9), (0.0, 4)])
def test_gradients_with_the_divergence(training, beta, n):
    layer, x, dy = code(beta=beta, training=training), numbers((4, 6)), numbers((4, 3), 1)

    def objective():
        return float(np.sum(dy * layer.forward(x))) + layer.penalty(n)

    layer.forward(x)
    layer.n = n
    got = layer.backward(dy)
    assert compare("GaussianCode", "x", got, numerical_gradient(objective, x)).error <= 1e-7


def test_backward_alone_adds_no_divergence_and_keeps_the_last_noise():
    layer, x, dy = code(), numbers((4, 6)), numbers((4, 3), 1)
    kept = dy.copy()
    z = layer.forward(x)
    layer.set_training(False)
    dx = layer.backward(dy)
    assert_array_equal(dx[:, :3], dy)
    assert_allclose(dx[:, 3:], dy * (z - x[:, :3]) / 2)
    assert layer.backward(dy, need_dx=False) is None
    assert_array_equal(dy, kept)
    with says("GaussianCode: expected forward before backward, got no forward pass yet.", ValueError):
        GaussianCode().build(6).backward(dy)


# --- settings


@pytest.mark.parametrize("layer", [GaussianCode(), GaussianCode(0.5), GaussianCode(0)], ids=repr)
def test_config_makes_the_layer_again(layer):
    again = LAYERS["GaussianCode"](**layer.config())
    assert repr(again) == repr(layer) and again.config() == layer.config()


@pytest.mark.parametrize("beta", [-1, np.inf, np.nan, "high"])
def test_wrong_beta(beta):
    with says(f"GaussianCode: expected beta in [0, inf), got {beta!r}."):
        GaussianCode(beta)


@pytest.mark.parametrize("shape", [(5,), (2, 2), (4, 4, 2)])
def test_it_wants_rows_of_2_k_numbers(shape):
    with says(
        "GaussianCode: expected rows of 2 k numbers (k means, k log variances), got samples of shape "
        f"{shape}; put Dense(2 * k) before it.",
        ValueError,
    ):
        GaussianCode().build(shape)
    with pytest.raises(ValueError, match=r"layer gaussiancode_1 cannot follow 7 -> 5: GaussianCode: expected rows of"):
        Sequential([Dense(5), GaussianCode()], 7)


# --- nets


def net(beta=1.0, seed=0, dtype=np.float32):
    """7 -> 5 -> 2 of 4 -> 5 -> 7."""
    return Autoencoder(
        [Dense(5, "tanh"), Dense(4), GaussianCode(beta)],
        [Dense(5, "tanh"), Dense(7, "sigmoid")],
        input_shape=7,
        seed=seed,
        dtype=dtype,
    )


def rows(n=40, seed=0, dtype=np.float32):
    return np.random.default_rng(seed).uniform(size=(n, 7)).astype(dtype)


def fit(model, x=None, **settings):
    settings = {"epochs": 3, "batch_size": 8, "progress": False, "threads": 1} | settings
    return model.fit(rows() if x is None else x, **settings)


@pytest.mark.parametrize("training", [False, True])
def test_gradients_of_a_net(training):
    model = net(0.7, dtype=np.float64)
    model.set_training(training)
    model.reseed(SameNoise())
    assert assert_gradients(check_model(model, rows(5, dtype=np.float64))) <= 1e-6


def test_both_terms_of_the_bound_are_in_the_history():
    model, held = net(0.5), rows(9, seed=1)
    history = fit(model, validation_data=held)
    terms = ["loss", "kl", "objective"]
    assert history.names == ["epoch", *terms, *(f"val_{name}" for name in terms), "lr", "seconds"]
    for prefix in ("", "val_"):
        loss, kl, objective = (history[prefix + name] for name in terms)
        assert_allclose(objective, np.add(loss, kl), rtol=1e-12)
        assert min(kl) > 0
    values = model.evaluate(held)
    assert history["val_kl"][-1] == pytest.approx(values["kl"], rel=1e-6)  # it does not hang on the sample
    codes = model.encoder.layers[1].forward(model.encoder.layers[0].forward(held))
    assert values["kl"] == pytest.approx(naive_kl(codes, 9, 0.5), rel=1e-5)
    assert history["val_loss"][-1] != values["loss"]  # that of samples, and that of the means
    assert values["loss"] == pytest.approx(model.loss.value(model.decoder.before_output(model.encode(held)), held))


class Grab(Callback):
    """Puts the parameters back where they were."""

    def on_train_begin(self, run):
        self.theta = run.model.theta.copy()

    def on_batch_end(self, run, loss):
        run.model.theta[:] = self.theta


def test_validation_has_the_same_noise_every_time():
    held = rows(9, seed=1)
    history = fit(net(), epochs=4, validation_data=held, callbacks=[Grab()])
    assert len(set(history["val_loss"])) == 1 and len(set(history["loss"])) == 4
    assert fit(net(), seed=5, validation_data=held, callbacks=[Grab()])["val_loss"][0] == history["val_loss"][0]
    model = net()  # by hand
    for layer in every_layer(model):
        layer.validating = True
    model.reseed(np.random.default_rng([VALIDATION_NOISE, 0]))
    assert history["val_loss"][0] == pytest.approx(model.loss_parts(held)[0], rel=1e-6)


def test_validation_leaves_the_noise_of_training_alone():
    one, two = net(), net()
    series = [fit(one)["loss"], fit(two, validation_data=rows(9, seed=1))["loss"]]
    assert series[0] == series[1]
    assert_array_equal(one.theta, two.theta)


@pytest.mark.parametrize("threads", [1, 2])
def test_same_seed_and_threads_give_the_same_bits(threads, monkeypatch):
    monkeypatch.setattr(shards, "SMALLEST_SHARED_WORK", 0)

    def train(seed):
        history = fit(model := net(), threads=threads, seed=seed, shuffle=False, validation_data=rows(9, seed=1))
        return model.theta.tobytes(), history["loss"], history["val_loss"]

    assert train(1) == train(1) != train(2)


def test_a_net_in_use_gives_the_means():
    model, x = net(), rows()
    fit(model, x)
    assert not any(layer.training or layer.validating for layer in every_layer(model))
    hidden = model.encoder.layers[1].forward(model.encoder.layers[0].forward(x))
    assert_allclose(model.encode(x), hidden[:, :2], rtol=1e-6)
    assert_array_equal(model.encode(x), model.encode(x))
    assert_allclose(model.reconstruct(x), model.decode(model.encode(x)), rtol=1e-6)
    assert model.evaluate(x) == model.evaluate(x)


def test_beta_weighs_the_terms():
    x = np.repeat(np.random.default_rng(0).integers(0, 2, (200, 1)), 7, axis=1).astype(np.float32)
    settings = {"epochs": 40, "batch_size": 20, "optimizer": Adam(0.01)}
    kl = {}
    for beta in (0.1, 1.0, 30.0):
        model = net(beta)
        history = fit(model, x, **settings)
        assert history["objective"][-1] < 0.9 * history["objective"][0]
        kl[beta] = model.evaluate(x)["kl"] / beta
    assert kl[0.1] > kl[1.0] > 0.5 > 0.01 > kl[30.0]  # one bit is 0.69 nats; at 30 it is not worth them


def test_files_keep_beta(tmp_path):
    model = net(0.25)
    save(model, tmp_path / "model.npz")
    back = load(tmp_path / "model.npz")
    assert back.encoder.layers[-1].beta == 0.25 and back.evaluate(rows()) == model.evaluate(rows())
    assert fit(back)["objective"] == fit(model)["objective"]


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_a_variance_beyond_all_bounds_is_told():
    model = net()
    model.encoder.layers[1].params["b"][2] = 1e5
    with pytest.raises(TrainingDivergedError, match="epoch 1, batch 1"):
        fit(model, optimizer=SGD(0.1))
