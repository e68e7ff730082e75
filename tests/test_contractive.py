"""The contractive penalty: three ways to one number, beside plain Jacobians, PyTorch and each other; what it does."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from tinyae import (
    L1,
    SGD,
    ActivityPenalty,
    Adam,
    Autoencoder,
    BatchNorm,
    Contractive,
    Conv2D,
    Dense,
    Dropout,
    Flatten,
    GaussianCode,
    GaussianNoise,
    LeakyReLU,
    MaxPool,
    ReLU,
    Reshape,
    Sequential,
    Sigmoid,
    Softplus,
    Tanh,
    TiedDense,
    UsageError,
    load,
    save,
)
from tinyae import contractive as module
from tinyae.contractive import dense_chain, random_signs
from tinyae.datasets.digits import load_digits
from tinyae.gradcases import SameNoise
from tinyae.gradcheck import assert_gradients, check_model
from tinyae.jacobian import encoder_jacobian, jacobian_norm, singular_values
from tinyae.training import shards
from tinyae.training.shards import ShardedStep
from tinyae.training.threads import Team

UNITS = ["linear", "sigmoid", "tanh", "relu", "leaky_relu", "softplus"]

# name: (encoder, what "auto" takes)
ENCODERS = {
    **{unit: (lambda unit=unit: [Dense(3, unit)], "closed") for unit in UNITS},
    "unit apart": (lambda: [Dense(3), LeakyReLU(0.2)], "closed"),
    "wrapped": (lambda: [Sequential([Dense(3)]), ActivityPenalty(L1(0.1)), Softplus()], "closed"),
    "deep": (lambda: [Dense(6, "tanh"), Dense(4), Sigmoid(), Dense(3, "tanh")], "exact"),
    "deep, straight pieces": (lambda: [Dense(6, "relu"), Dense(4), Dense(3, "leaky_relu")], "exact"),
    "deep, linear code": (lambda: [Dense(6, "softplus"), Dense(4, "sigmoid"), Dense(3)], "exact"),
    "shaped": (lambda: [Reshape((1, 7)), Flatten(), Dense(5, "tanh"), GaussianNoise(0.1), Dense(3, "relu")], "exact"),
    "two units": (lambda: [Dense(4, "tanh"), Sigmoid()], "sampled"),
    "unit first": (lambda: [Tanh(), Dense(4, "tanh")], "sampled"),
    "dropout": (lambda: [Dense(4, "tanh"), Dropout(0.3), Dense(3)], "sampled"),
    "images": (
        lambda: [Reshape((7, 1, 1)), Conv2D(2, (3, 1), activation="tanh"), MaxPool((2, 1)), Flatten(), Dense(3)],
        "sampled",
    ),
}
EVERY = pytest.mark.parametrize("name", ENCODERS)


def make_net(name="deep", method="auto", weight=0.7, dtype=np.float64, samples=1, penalty=None, seed=0):
    penalty = Contractive(weight, method, samples) if penalty is None else penalty
    model = Autoencoder(
        ENCODERS[name][0](), [Dense(7, "sigmoid")], input_shape=7, dtype=dtype, penalty=penalty, seed=seed
    )
    for _, owner in model.owners():
        owner.params["b"] += np.random.default_rng(1).normal(scale=0.3, size=owner.params["b"].shape)
    return model


def make_rows(n=30, seed=0, dtype=np.float64):
    return np.random.default_rng(seed).uniform(size=(n, 7)).astype(dtype)


def penalty_and_gradient(model, x, n=None):
    """The penalty's value and its own gradient: that of the loss with it less that without."""
    parts = np.zeros(len(model.series))
    model.loss_and_gradient(x, n=n, parts=parts)
    whole = model.gradient.copy()
    penalties, model.encoder_penalties = model.encoder_penalties, []
    model.loss_and_gradient(x, n=n)
    model.encoder_penalties = penalties
    return parts[-1], whole - model.gradient


# -- the number ------------------------------------------------------------------------------------------------------


@EVERY
def test_auto_takes_the_cheapest_way(name):
    net = Sequential(ENCODERS[name][0]()).build(7)
    assert Contractive(1.0).method_for(net) == ENCODERS[name][1]


@pytest.mark.parametrize("name", [name for name, (_, method) in ENCODERS.items() if method != "sampled"])
@pytest.mark.parametrize("method", ["auto", "exact"])
def test_value_is_the_mean_squared_norm_of_the_jacobian(name, method):
    model, x = make_net(name, method), make_rows()
    J = encoder_jacobian(model, x)
    assert model.evaluate(x)["contractive"] == pytest.approx(0.7 * np.square(J).sum(axis=(1, 2)).mean(), rel=1e-12)


@pytest.mark.parametrize("name", [name for name, (_, method) in ENCODERS.items() if method == "closed"])
def test_closed_form_is_the_exact_number(name):
    x = make_rows()
    (closed, closed_gradient), (exact, exact_gradient) = (
        penalty_and_gradient(make_net(name, method), x) for method in ("closed", "exact")
    )
    assert closed == pytest.approx(exact, rel=1e-12)
    assert_allclose(closed_gradient, exact_gradient, rtol=1e-10, atol=1e-13)


@EVERY
def test_sampled_is_right_on_average(name):
    """Every image is there 4,000 times, each time with directions of its own: within 5 standard errors."""
    model, x = make_net(name, "sampled"), make_rows(3)
    many = np.repeat(x, 4000, axis=0)
    J = encoder_jacobian(model, x)
    A = np.einsum("nji,njk->nik", J, J)  # J'J
    norms = np.trace(A, axis1=1, axis2=2)
    variances = 2 * (np.square(A).sum(axis=(1, 2)) - np.square(A.diagonal(0, 1, 2)).sum(axis=1))
    model.encoder.forward(many)
    got = model.encoder_penalties[0].value(model.encoder, many, len(many)) / 0.7
    assert abs(got - norms.mean()) <= 5 * np.sqrt(variances.mean() / len(many)) + 1e-12
    if variances.mean() > 1e-6 * norms.mean() ** 2:
        assert got != pytest.approx(norms.mean(), rel=1e-12)  # so it was sampled


@pytest.mark.parametrize("name", ["sigmoid", "deep", "images"])
def test_sampled_gradient_is_right_on_average(name):
    x = make_rows(2)
    many = np.repeat(x, 300, axis=0)
    draws = []
    model = make_net(name, "sampled")
    for _ in range(30):
        draws.append(penalty_and_gradient(model, many)[1])
    mean, error = np.mean(draws, axis=0), np.std(draws, axis=0, ddof=1) / np.sqrt(30)
    if name == "images":  # no exact way to its gradient but finite differences of the exact value
        exact = np.array([slope_of_the_norm(model, x, i) for i in range(model.encoder.n_params)])
        mean, error = mean[: len(exact)], error[: len(exact)]
    else:
        exact = penalty_and_gradient(make_net(name, "exact"), x)[1]
    assert (np.abs(mean - exact) <= 6 * error + 1e-10).all()
    assert np.abs(exact).max() > 20 * error.max()  # the errors are small enough to say something


def slope_of_the_norm(model, x, i, h=1e-5):
    kept = model.theta[i]
    norms = []
    for shift in (h, -h):
        model.theta[i] = kept + shift
        norms.append(0.7 * jacobian_norm(model, x))
    model.theta[i] = kept
    return (norms[0] - norms[1]) / (2 * h)


def test_more_samples_are_less_noisy():
    x = make_rows(20)
    values = {samples: [] for samples in (1, 16)}
    for samples, found in values.items():
        model = make_net("deep", "sampled", samples=samples)
        for seed in range(60):
            model.reseed(np.random.default_rng(seed))
            found.append(model.loss_parts(x)[-1])
    assert np.std(values[16]) == pytest.approx(np.std(values[1]) / 4, rel=0.35)  # 60 draws: the ratio to a tenth
    assert np.mean(values[16]) == pytest.approx(make_net("deep", "exact").loss_parts(x)[-1], rel=0.05)


def test_closed_form_on_paper():
    model = make_net("sigmoid", "closed", weight=2.0)
    layer = model.encoder.layers[0]
    layer.params["W"][:] = 0
    layer.params["W"][0, 0], layer.params["W"][1, 0] = 3, 4
    layer.params["b"][:] = 0
    x = np.zeros((5, 7))  # every unit at a = 0, where the sigmoid's slope is 1/4
    assert model.loss_parts(x)[-1] == pytest.approx(2 * (3**2 + 4**2) / 4**2)


@given(st.integers(1, 4), st.integers(1, 5), st.integers(1, 6), st.sampled_from(UNITS), st.integers(0, 2**32 - 1))
def test_closed_form_of_any_size(n, n_in, n_out, unit, seed):
    rng = np.random.default_rng(seed)
    net = Sequential([Dense(n_out, unit)]).build(n_in, rng, dtype=np.float64)
    x = rng.normal(size=(n, n_in))
    net.forward(x)
    closed, exact = (Contractive(1.5, method).value(net, x, n) for method in ("closed", "exact"))
    assert closed == pytest.approx(exact, rel=1e-10)
    assert closed == pytest.approx(1.5 * jacobian_norm(net, x), rel=1e-10)


def test_few_images_at_a_time_change_nothing(monkeypatch):
    x = make_rows()
    whole = penalty_and_gradient(make_net("deep", "exact"), x)
    monkeypatch.setattr(module, "CHUNK_BYTES", 5_000)
    model = make_net("deep", "exact")
    model.encoder.forward(x)
    chunks = module.image_chunks(dense_chain(model.encoder))
    assert len(chunks) > 3 and sum(c.stop - c.start for c in chunks) == len(x)
    parts = penalty_and_gradient(model, x)
    assert parts[0] == pytest.approx(whole[0], rel=1e-12)
    assert_allclose(parts[1], whole[1], rtol=1e-10, atol=1e-14)


def test_signs_are_fair_and_repeatable():
    signs = random_signs(np.random.default_rng(3), (101, 333), np.float32)
    assert signs.dtype == np.float32 and set(np.unique(signs)) == {-1, 1}
    n = signs.size
    assert abs(signs.mean()) < 5 / np.sqrt(n)
    for axis in (0, 1):  # neighbours have nothing to do with each other
        assert abs((signs * np.roll(signs, 1, axis)).mean()) < 5 / np.sqrt(n)
    assert_array_equal(signs, random_signs(np.random.default_rng(3), (101, 333), np.float32))


# -- the gradient ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("samples", [1, 3])
@EVERY
def test_gradient_is_the_slope(name, samples):
    model = make_net(name, samples=samples)
    model.set_training(True)
    model.reseed(SameNoise())
    assert_gradients(check_model(model, make_rows(6)))


def test_gradient_is_added_to_what_is_there():
    model, x = make_net("deep"), make_rows()
    model.loss_and_gradient(x)
    penalty, encoder = model.encoder_penalties[0], model.encoder
    for method in ("exact", "sampled"):
        penalty.method = method
        model.gradient[:] = 0
        penalty.reseed(np.random.default_rng(1))
        penalty.add_gradient(encoder, x, len(x))
        alone = model.gradient.copy()
        model.gradient[:] = 2.5
        penalty.reseed(np.random.default_rng(1))
        penalty.add_gradient(encoder, x, len(x))
        assert_allclose(model.gradient[: encoder.n_params], alone[: encoder.n_params] + 2.5, rtol=1e-12)
        assert (model.gradient[encoder.n_params :] == 2.5).all()


@pytest.mark.parametrize(
    "name, method", [("sigmoid", "closed"), ("softplus", "closed"), ("deep", "exact"), ("images", "sampled")]
)
def test_single_precision_agrees(name, method):
    x = make_rows()
    double = make_net(name, method)
    single = double.astype(np.float32)
    value, gradient = penalty_and_gradient(double, x)
    value32, gradient32 = penalty_and_gradient(single, x.astype(np.float32))
    assert value32 == pytest.approx(value, rel=1e-5)
    assert_allclose(gradient32, gradient, rtol=1e-4, atol=1e-5 * np.abs(gradient).max())


@pytest.mark.oracle
@pytest.mark.parametrize("name, method", [("sigmoid", "closed"), ("deep, linear code", "exact")])
def test_value_and_gradient_beside_torch(torch, name, method):
    model, x = make_net(name, method), make_rows(5)
    value, gradient = penalty_and_gradient(model, x)
    units = {"sigmoid": torch.sigmoid, "softplus": torch.nn.functional.softplus, None: lambda a: a}
    layers = [
        (*(torch.tensor(p, requires_grad=True) for p in layer.params.values()), units[layer.activation_name])
        for layer in model.encoder.layers
    ]

    def encode(image):
        for W, b, unit in layers:
            image = unit(image @ W + b)
        return image

    norms = [
        (torch.autograd.functional.jacobian(encode, torch.tensor(image), create_graph=True) ** 2).sum() for image in x
    ]
    expected = 0.7 * sum(norms) / len(x)
    expected.backward()
    assert value == pytest.approx(expected.item(), rel=1e-12)
    grads = [p.grad for W, b, _ in layers for p in (W, b)]  # None for the bias of a linear code, which J lacks
    slopes = np.concatenate([np.zeros(3) if g is None else g.numpy().ravel() for g in grads])
    assert_allclose(gradient[: model.encoder.n_params], slopes, rtol=1e-9, atol=1e-12)
    assert_allclose(gradient[model.encoder.n_params :], 0, atol=1e-15)


# -- in training -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("threads", [1, 2, 3])
@pytest.mark.parametrize("batch", [1, 17])
@pytest.mark.parametrize("name", ["sigmoid", "deep"])
def test_sum_of_the_shards_is_the_gradient_of_the_batch(threads, batch, name):
    model, x = make_net(name), make_rows()
    order = np.random.default_rng(2).permutation(len(x))
    rows = order[:batch]
    with Team(threads) as team:
        step = ShardedStep(model, SGD(lr=0.1), team, total_steps=2)
        step.gradient(x, x, order[20:])  # fills every vector with what must not stay there
        step.gradient(x, x, rows)
        expected = model.loss_and_gradient(x[rows])
        assert step._parts.sum() == pytest.approx(expected, rel=1e-12)
        assert_allclose(step.grads.sum(axis=0), model.gradient, rtol=1e-10, atol=1e-13)


def test_sampled_shards_are_the_gradient_of_their_rows():
    """Every shard's directions are its own, so it is compared with a net that takes its rows and its noise."""
    for name, batch, at_once in (("deep", 17, 100), ("images", 17, 4), ("images", 1, 100)):
        model, x = make_net(name, "sampled"), make_rows()
        rows = np.random.default_rng(2).permutation(len(x))[:batch]
        with Team(2) as team:
            step = ShardedStep(model, SGD(lr=0.1), team, total_steps=2)
            step.at_once = at_once
            step.reseed(np.random.default_rng(0), epoch=1)
            step.gradient(x, x, rows)
            noise = shards.noise_generators(np.random.default_rng(0), 1, 2)
            for part, rng, gradient in zip(team.parts(batch), noise, step.grads, strict=True):
                model.reseed(rng)
                expected = 0
                for piece in shards.pieces(part, at_once):
                    model.loss_and_gradient(x[rows[piece]], n=batch)
                    expected = expected + model.gradient
                assert_allclose(gradient, expected, rtol=1e-10, atol=1e-13)


def test_shards_take_directions_of_their_own():
    with Team(2) as team:
        step = ShardedStep(make_net("deep", "sampled"), SGD(lr=0.1), team, total_steps=2)
        step.reseed(np.random.default_rng(0), epoch=1)
        a, b = (replica.encoder_penalties[0].rng for replica in step.replicas)
        assert a is step.replicas[0].rng and a.random() != b.random()


@pytest.mark.parametrize("name, method", [("sigmoid", "closed"), ("deep", "exact"), ("images", "sampled")])
def test_fit_writes_its_series(name, method):
    model, x = make_net(name, method, dtype=np.float32), make_rows(40, dtype=np.float32)
    history = model.fit(x, epochs=3, batch_size=8, validation_split=0.25, progress=False)
    for prefix in ("", "val_"):
        loss, penalty, objective = (np.array(history[prefix + s]) for s in ("loss", "contractive", "objective"))
        assert_allclose(loss + penalty, objective, rtol=1e-6)
        assert (penalty > 0).all() and len(penalty) == 3
    if method != "sampled":
        assert model.evaluate(x)["contractive"] == pytest.approx(0.7 * jacobian_norm(model, x), rel=1e-5)


@pytest.mark.parametrize("threads", [1, 2])
def test_sampled_training_repeats_itself(monkeypatch, threads):
    monkeypatch.setattr(shards, "SMALLEST_SHARED_WORK", 0)
    x = make_rows(40)
    found = []
    for seed in (1, 1, 2):
        model = make_net("deep", "sampled")
        history = model.fit(
            x, validation_data=x, epochs=3, batch_size=8, shuffle=False, seed=seed, threads=threads, progress=False
        )
        found.append((model.theta.copy(), history["val_contractive"]))
    assert_array_equal(found[0][0], found[1][0])
    assert found[0][1] == found[1][1]
    assert (found[0][0] != found[2][0]).any()


def test_validation_has_the_same_directions_every_time():
    model, x = make_net("deep", "sampled"), make_rows()
    assert model.evaluate(x) == model.evaluate(x)
    with Team(2) as team:
        step = ShardedStep(model, SGD(), team, total_steps=1)
        first = step.evaluate(x, x)
        step(x, x, np.arange(10)), step.reseed(np.random.default_rng(0), 1)
        model.theta[:] = make_net("deep", "sampled").theta
        assert_array_equal(step.evaluate(x, x), first)


def test_files_keep_the_penalty(tmp_path):
    for name, penalty in (("sigmoid", Contractive(0.3)), ("deep", [L1(0.1), Contractive(0.2, "sampled", samples=3)])):
        model = make_net(name, penalty=penalty)
        save(model, tmp_path / "model.npz")
        twin = load(tmp_path / "model.npz")
        assert twin.config() == model.config() and twin.series == model.series
        assert repr(twin.encoder_penalties) == repr(model.encoder_penalties)
        assert twin.evaluate(make_rows()) == pytest.approx(model.evaluate(make_rows()), rel=1e-12)
    assert repr(twin.encoder_penalties[0]) == "Contractive(weight=0.2, method='sampled', samples=3)"


# -- what is refused -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "layers, method, message",
    [
        (
            [Dense(5, "tanh"), Dense(3)],
            "closed",
            "Contractive: expected an encoder of one Dense layer and activations for method='closed', "
            "got Dense, Dense; use method='auto'.",
        ),
        ([Dense(5), Tanh(), Sigmoid()], "closed", "of one Dense layer .* got Dense, Tanh, Sigmoid; use method='auto'"),
        (
            [Dense(5), Sequential([Dropout(0.1), Dense(3)])],
            "exact",
            "of Dense layers and activations for method='exact', got Dense, Dropout, Dense; use method='auto'",
        ),
        ([Dense(6), GaussianCode()], "auto", "Contractive: GaussianCode: expected a layer with a tangent pass"),
        (
            [Dense(5), BatchNorm(), ReLU()],
            "sampled",
            "Contractive: BatchNorm: expected a tangent pass outside of training",
        ),
        ([Dense(5), BatchNorm(), ReLU()], "exact", "got Dense, BatchNorm, ReLU; use method='auto'"),
    ],
)
def test_encoders_that_do_not_fit_are_refused(layers, method, message):
    with pytest.raises(UsageError, match=message) as caught:
        Autoencoder(layers, [Dense(7, "sigmoid")], input_shape=7, penalty=Contractive(0.1, method))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "settings, message",
    [
        ({"weight": -1}, r"Contractive: expected weight in \[0, inf\), got -1"),
        ({"weight": 1, "method": "exakt"}, r"Contractive: expected method to be one of auto, closed, exact, sampled"),
        ({"weight": 1, "samples": 0}, "Contractive: expected samples to be a whole number >= 1, got 0"),
    ],
)
def test_bad_settings_are_refused(settings, message):
    with pytest.raises(UsageError, match=message):
        Contractive(**settings)


def test_it_is_no_penalty_of_a_layer():
    with pytest.raises(UsageError, match="ActivityPenalty: expected a Penalty"):
        ActivityPenalty(Contractive(0.1))


# -- what it does ----------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_it_contracts_the_built_in_digits():
    """J shrinks in every direction, and most in those the images do not take: what Rifai et al. (2011) found."""
    data = load_digits(2500, 200)
    x, test = data.x_train, data.x_test
    norms, spectra, errors = [], [], []
    for penalty in ((), Contractive(1.0)):
        model = Autoencoder([Dense(200, "sigmoid")], [TiedDense(0, "sigmoid")], input_shape=784, penalty=penalty)
        model.fit(x, epochs=5, batch_size=50, optimizer=Adam(2e-3), progress=False)
        norms.append(jacobian_norm(model, test))
        spectra.append(singular_values(model, test[:20]))
        errors.append(model.evaluate(test)["squared_error"])
    plain, contractive = spectra
    assert norms[1] < 0.6 * norms[0]
    assert (contractive < plain).all()
    assert contractive[50] / contractive[1] < 0.7 * plain[50] / plain[1]
    assert errors[1] < 1.3 * errors[0]
