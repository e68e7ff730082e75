"""Penalties: beside plain loops and finite differences, and in a net, where each is a series beside the loss."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from test_checks import says

from tinyae import (
    SGD,
    ActivityPenalty,
    Adam,
    Autoencoder,
    BatchNorm,
    Conv2D,
    Dense,
    EarlyStopping,
    GaussianCode,
    KLSparsity,
    KSparse,
    ReLU,
    Sequential,
    Sigmoid,
    Tanh,
    UsageError,
    load,
    save,
)
from tinyae.gradcheck import assert_gradients, check_model, compare, numerical_gradient
from tinyae.layers.base import every_layer
from tinyae.layers.penalising import Penalising
from tinyae.penalties import L1, L2, PENALTIES, EncoderPenalty, Penalty, penalty_from
from tinyae.training import shards
from tinyae.training.shards import ShardedStep, worker_count
from tinyae.training.threads import Team

SEED = st.integers(0, 2**32 - 1)
SAMPLE = st.lists(st.integers(1, 4), min_size=1, max_size=3).map(tuple)
FLOATS = pytest.mark.parametrize("dtype, tolerance", [(np.float32, 1e-5), (np.float64, 1e-12)], ids=["f32", "f64"])
KINDS = pytest.mark.parametrize("kind", PENALTIES)


def make(kind, weight=0.7, rho=0.2):
    return KLSparsity(rho, weight) if kind == "KLSparsity" else PENALTIES[kind](weight)


def activations(shape, seed=0, dtype=np.float64):
    """In (0, 1), so that every penalty has a meaning and no number lies at a kink."""
    return np.random.default_rng(seed).uniform(0.05, 0.95, shape).astype(dtype)


def naive(kind, h, n, weight=0.7, rho=0.2):
    """weight * P(h), one number at a time."""
    rows = [[float(v) for v in np.ravel(sample)] for sample in h]
    if kind == "KLSparsity":
        means = [sum(row[j] for row in rows) / len(rows) for j in range(len(rows[0]))]
        return weight * sum(rho * np.log(rho / q) + (1 - rho) * np.log((1 - rho) / (1 - q)) for q in means)
    return weight * sum(abs(v) if kind == "L1" else v * v for row in rows for v in row) / n


# --- values and gradients


@KINDS
@FLOATS
@given(st.integers(1, 5), SAMPLE, st.integers(0, 9), SEED)
def test_values_beside_loops(kind, dtype, tolerance, images, shape, more, seed):
    h = activations((images, *shape), seed, dtype)
    if kind != "KLSparsity":
        h *= np.random.default_rng(seed).choice(dtype([-3, 0, 3]), h.shape)
    n = images + more
    assert make(kind).value(h, n) == pytest.approx(naive(kind, h, n), rel=tolerance, abs=1e-12)


@KINDS
@given(st.integers(1, 5), SAMPLE, SEED)
def test_gradients_beside_central_differences(kind, images, shape, seed):
    penalty, h = make(kind), activations((images, *shape), seed)
    if kind != "KLSparsity":
        h *= np.random.default_rng(seed).choice([-1, 1], h.shape)
    got = penalty.gradient(h, images)
    assert got.shape == h.shape
    assert compare(kind, "h", got, numerical_gradient(lambda: penalty.value(h, images), h)).error <= 1e-7


def test_on_paper():
    h = np.array([[1.0, -2.0, 0.0], [3.0, 0.0, -4.0]])
    assert L1(0.5).value(h, 2) == 0.5 * (3 + 7) / 2
    assert L2(0.5).value(h, 2) == 0.5 * (5 + 25) / 2
    assert_array_equal(L1(0.5).gradient(h, 2), 0.25 * np.array([[1, -1, 0], [1, 0, -1]]))  # 0 at the kink
    assert_array_equal(L2(0.5).gradient(h, 2), 0.5 * h)
    h = np.array([[0.0, 0.5], [1.0, 0.5]])  # both units are 1/2 in the mean
    assert KLSparsity(0.25, 2).value(h, 2) == pytest.approx(2 * 2 * (0.25 * np.log(0.5) + 0.75 * np.log(1.5)))
    assert_allclose(KLSparsity(0.25, 2).gradient(h, 2), np.full((2, 2), 2 / 2 * (0.75 / 0.5 - 0.25 / 0.5)))


@pytest.mark.parametrize("kind", ["L1", "L2"])
def test_a_sum_over_units_and_a_mean_over_images(kind):
    penalty, h = make(kind), activations((6, 4))
    value = penalty.value(h, 6)
    assert penalty.value(np.concatenate([h, h]), 12) == pytest.approx(value)  # more images
    assert penalty.value(np.hstack([h, h]), 6) == pytest.approx(2 * value)  # more units
    assert penalty.value(h[:2], 6) + penalty.value(h[2:], 6) == pytest.approx(value)  # parts of a batch
    parts = [penalty.gradient(h[:2], 6), penalty.gradient(h[2:], 6)]
    assert_allclose(np.concatenate(parts), penalty.gradient(h, 6))
    assert penalty.value(h[:0], 6) == 0 and penalty.gradient(h[:0], 6).shape == (0, 4)  # a worker without rows


@KINDS
def test_the_weight_is_a_factor(kind):
    h = activations((6, 4))
    assert make(kind, 3.0).value(h, 6) == pytest.approx(3 * make(kind, 1.0).value(h, 6))
    assert_allclose(make(kind, 3.0).gradient(h, 6), 3 * make(kind, 1.0).gradient(h, 6))
    assert make(kind, 0).value(h, 6) == 0 and not make(kind, 0).gradient(h, 6).any()


@KINDS
def test_gradients_have_the_activations_type_and_are_the_callers_own(kind):
    for dtype in (np.float32, np.float64):
        h = activations((6, 2, 3), dtype=dtype)
        kept = h.copy()
        gradient = make(kind).gradient(h, 6)
        assert gradient.dtype == dtype and type(make(kind).value(h, 6)) is float
        gradient += 1  # nor may it be a view that cannot be written to
        assert_array_equal(h, kept)
        assert_allclose(make(kind).gradient(h, 6) + 1, gradient)


def test_float32_does_not_lose_a_large_batch():
    h = np.full((2000, 1000), 0.1, np.float32)
    number = float(np.float32(0.1))
    assert L1(1).value(h, 2000) == pytest.approx(1000 * number, rel=1e-12)
    assert L2(1).value(h, 2000) == pytest.approx(1000 * number**2, rel=1e-12)
    assert KLSparsity(0.1).value(h, 2000) == pytest.approx(0, abs=1e-10)


# --- KLSparsity


@pytest.mark.oracle
@pytest.mark.parametrize("rho", [0.001, 0.05, 0.5, 0.97])
def test_kl_beside_scipy(rho):
    special = pytest.importorskip("scipy.special")
    q = np.linspace(0.002, 0.998, 41)
    want = special.rel_entr(rho, q) + special.rel_entr(1 - rho, 1 - q)
    assert_allclose([KLSparsity(rho).value(np.full((3, 1), v), 3) for v in q], want, rtol=1e-10, atol=1e-14)
    h = activations((5, 7))
    want = special.kl_div(rho, h.mean(axis=0)) + special.kl_div(1 - rho, 1 - h.mean(axis=0))
    assert KLSparsity(rho, 2.5).value(h, 5) == pytest.approx(2.5 * want.sum(), rel=1e-10)


@given(st.floats(1e-6, 1 - 1e-6), SEED)
def test_kl_is_least_where_the_mean_is_rho(rho, seed):
    at_rho = KLSparsity(rho)
    h = np.array([[rho], [rho]])
    assert at_rho.value(h, 2) == pytest.approx(0, abs=1e-12)
    assert np.abs(at_rho.gradient(h, 2)).max() <= 1e-6 * max(1 / rho, 1 / (1 - rho))
    h = activations((4, 3), seed)
    assert at_rho.value(h, 4) >= -1e-12
    assert_array_equal(np.sign(at_rho.gradient(h, 4)[0]), np.sign(h.mean(axis=0) - rho))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_units_that_are_never_or_always_on_are_pushed_back(dtype):
    h = np.zeros((4, 2), dtype)
    h[:, 1] = 1
    penalty, edge = KLSparsity(0.05, 2.0), KLSparsity.EDGE
    want = [0.05 * np.log(0.05 / q) + 0.95 * np.log(0.95 / (1 - q)) for q in (edge, 1 - edge)]
    assert penalty.value(h, 4) == pytest.approx(2 * sum(want), rel=1e-6)
    slopes = [2 / 4 * (0.95 / (1 - q) - 0.05 / q) for q in (edge, 1 - edge)]
    assert slopes[0] < -1e4 and slopes[1] > 1e4
    assert_allclose(penalty.gradient(h, 4), np.tile(np.array(slopes), (4, 1)), rtol=1e-6)


def test_saturated_sigmoids_count_as_within_0_and_1():
    x = np.array([[-1e4, -90, 0, 90, 1e4]] * 3, np.float32)
    net = Sequential([Sigmoid(), layer := ActivityPenalty(KLSparsity(0.5))], 5)
    net.forward(x)
    assert np.isfinite(layer.penalty(3))


def test_kl_wants_means_between_0_and_1():
    for h, low, high in (([[0.5, 1.5], [0.5, 0.7]], "0.5", "1.1"), ([[-0.1, 0.5]], "-0.1", "0.5")):
        for call in (KLSparsity().value, KLSparsity().gradient):
            text = (
                f"KLSparsity: expected activations in (0, 1), got means from {low} to {high}; put Sigmoid() before it."
            )
            with says(text):
                call(np.array(h), len(h))
    assert np.isnan(KLSparsity().value(np.array([[np.nan, 0.5]]), 1))  # a net that diverges must show it


@pytest.mark.parametrize("end, name", [(Tanh(), "Tanh"), (ReLU(), "ReLU"), (BatchNorm(), "no activation")])
def test_kl_as_the_codes_penalty_wants_a_sigmoid(end, name):
    with says(
        "KLSparsity: expected an encoder that ends in Sigmoid, with activations in (0, 1), got one that ends in "
        f"{name}; add Sigmoid(), or put ActivityPenalty(KLSparsity()) where the Sigmoid is."
    ):
        Autoencoder([Dense(3), end], [Dense(7, "sigmoid")], input_shape=7, penalty=KLSparsity())
    for ends in ([Dense(3, "sigmoid")], [Dense(3), Sigmoid()], [Sequential([Dense(3), Sigmoid()])]):
        Autoencoder(ends, [Dense(7, "sigmoid")], input_shape=7, penalty=KLSparsity())


# --- settings


@pytest.mark.parametrize("penalty", [L1(0.5), L2(0), KLSparsity(0.1, 3), KLSparsity()], ids=repr)
def test_config_makes_the_penalty_again(penalty):
    again = PENALTIES[penalty.name](**penalty.config())
    assert repr(again) == repr(penalty) and again.config() == penalty.config()
    assert penalty_from("me", penalty) is penalty
    assert repr(penalty_from("me", [penalty.name, penalty.config()])) == repr(penalty)
    assert all(type(value) is float for value in penalty.config().values())


def test_repr_is_how_it_was_made():
    assert repr(L1(0.5)) == "L1(weight=0.5)" and repr(KLSparsity()) == "KLSparsity(rho=0.05, weight=1.0)"
    assert repr(ActivityPenalty(L2(1))) == "ActivityPenalty(penalty=['L2', {'weight': 1.0}])"


@pytest.mark.parametrize(
    "make_it, text",
    [
        (lambda: L1(-1), "L1: expected weight in [0, inf), got -1."),
        (lambda: L2(float("nan")), "L2: expected weight in [0, inf), got nan."),
        (lambda: L2("much"), "L2: expected weight in [0, inf), got 'much'."),
        (lambda: KLSparsity(weight=np.inf), "KLSparsity: expected weight in [0, inf), got inf."),
        (lambda: KLSparsity(0), "KLSparsity: expected rho in (0, 1), got 0."),
        (lambda: KLSparsity(1.0), "KLSparsity: expected rho in (0, 1), got 1.0."),
        (lambda: KLSparsity(-0.1), "KLSparsity: expected rho in (0, 1), got -0.1."),
        (lambda: ActivityPenalty(None), "ActivityPenalty: expected a Penalty such as L1, L2, KLSparsity, got None."),
        (lambda: penalty_from("me", "L1"), "me: expected a Penalty such as L1, L2, KLSparsity, got 'L1'."),
        (lambda: penalty_from("me", ["L3", {}]), "me: expected a Penalty such as L1, L2, KLSparsity, got ['L3', {}]."),
    ],
)
def test_wrong_settings(make_it, text):
    with says(text):
        make_it()


@pytest.mark.parametrize("penalty", [0.1, "l1", L1, {"l1": 0.1}, [L1(1), "l2"]], ids=repr)
def test_a_net_takes_penalties_only(penalty):
    with pytest.raises(UsageError, match=r"expected a Penalty such as L1, L2, KLSparsity, got ") as caught:
        net(penalty)
    assert "\n" not in str(caught.value)


# --- nets


def net(penalty=(), end="sigmoid", inside=(), seed=0, dtype=np.float64, **settings):
    """7 -> 5 -> 3 -> 5 -> 7, with `inside` behind the first layer of the encoder."""
    return Autoencoder(
        [Dense(5, "tanh"), *inside, Dense(3, end)],
        [Dense(5, "tanh"), Dense(7, "sigmoid")],
        input_shape=7,
        seed=seed,
        dtype=dtype,
        penalty=penalty,
        **settings,
    )


def rows(n=24, seed=0):
    return np.random.default_rng(seed).uniform(size=(n, 7))


class WeightDecay(EncoderPenalty):
    """P = sum W^2 over the first layer: an EncoderPenalty that is easy to see through."""

    series = "decay"

    def value(self, encoder, x, n):
        return self.weight * float(np.sum(encoder.layers[0].params["W"] ** 2)) * len(x) / n

    def add_gradient(self, encoder, x, n):
        encoder.layers[0].grads["W"] += 2 * self.weight * encoder.layers[0].params["W"] * (len(x) / n)
        return self.value(encoder, x, n)


class NoNoise:
    """In the place of a generator: a variational code draws nothing but zeros, whoever works on which rows."""

    def random(self, shape, dtype):
        return np.zeros(shape, dtype)


CRITERIA = {
    "l1": lambda: net(L1(0.3)),
    "l2": lambda: net(L2(0.3)),
    "inside": lambda: net(inside=[ActivityPenalty(L1(0.2))]),
    "several": lambda: net([L1(0.1), L2(0.2), L1(0.3)], inside=[ActivityPenalty(L1(0.2))]),
    "of-the-encoder": lambda: net([WeightDecay(0.3), L1(0.1)]),
    "in-the-decoder": lambda: Autoencoder(
        [Dense(3)], [Dense(5), ActivityPenalty(L2(0.1)), Dense(7, "sigmoid")], input_shape=7, dtype=np.float64
    ),
    "k-sparse": lambda: Autoencoder(
        [Dense(5), KSparse(2)], [Dense(7, "sigmoid")], input_shape=7, dtype=np.float64, penalty=L1(0.1)
    ),
    "variational": lambda: Autoencoder(
        [Dense(6), GaussianCode(0.5)], [Dense(7, "sigmoid")], input_shape=7, dtype=np.float64, penalty=L1(0.1)
    ),
    "first-and-last": lambda: Autoencoder(
        [ActivityPenalty(L2(0.1)), Dense(3)],
        [Dense(7), ActivityPenalty(L2(0.1))],
        "mse",
        input_shape=7,
        dtype=np.float64,
    ),
}
NETS = pytest.mark.parametrize("name", CRITERIA)


@pytest.mark.parametrize("make_net", [*CRITERIA.values(), lambda: net(KLSparsity(0.2, 0.5))], ids=[*CRITERIA, "kl"])
def test_gradients_of_a_net(make_net):
    model, x = make_net(), rows(6)
    assert assert_gradients(check_model(model, x)) <= 1e-6
    assert assert_gradients(check_model(model, x, rows(6, seed=1))) <= 1e-6


@pytest.mark.parametrize("threads", [1, 2, 3])
@pytest.mark.parametrize("batch", [1, 2, 17])
@NETS
def test_sum_of_the_shards_is_the_gradient_of_the_batch(name, batch, threads):
    model, x = CRITERIA[name](), rows()
    order = np.random.default_rng(2).permutation(len(x))[:batch]
    with Team(threads) as team:
        step = ShardedStep(model, SGD(lr=0.1), team, total_steps=1)
        for worker in step.replicas:
            worker.reseed(NoNoise())
        step.gradient(x, x, np.arange(len(x)))  # fills every vector with what must not stay there
        step.gradient(x, x, order)
        parts = np.zeros(len(model.series))
        value = model.loss_and_gradient(x[order], parts=parts)
        assert_allclose(step.grads.sum(axis=0), model.gradient, rtol=1e-10, atol=1e-13)
        assert_allclose(step._parts.sum(axis=0), parts, rtol=1e-12)
        assert parts.sum() == pytest.approx(value, rel=1e-12)
        assert step(x, x, order) == pytest.approx(value, rel=1e-12)
        assert_allclose(step.parts, parts, rtol=1e-12)


@NETS
def test_a_batch_worked_on_in_pieces_is_the_same(name, monkeypatch):
    monkeypatch.setattr(shards, "rows_at_once", lambda model, otherwise=3: 3)
    test_sum_of_the_shards_is_the_gradient_of_the_batch(name, 17, 2)


def test_parts_are_added_to_what_is_there():
    model, x, parts = net(L1(0.3)), rows(), np.array([10.0, 20.0])
    model.loss_and_gradient(x, parts=parts)
    assert_allclose(parts, np.array([10, 20]) + model.loss_parts(x), rtol=1e-12)


@KINDS
def test_the_loss_is_that_of_the_net_without_penalty(kind):
    model, plain, x = net(make(kind)), net(), rows()
    loss, penalty = model.loss_parts(x)
    assert loss == plain.loss_value(x)
    assert penalty == pytest.approx(make(kind).value(model.encode(x), len(x)))
    assert model.loss_value(x) == pytest.approx(loss + penalty, rel=1e-14)
    assert model.loss_and_gradient(x) == pytest.approx(loss + penalty, rel=1e-14)
    assert plain.series == ["loss"] and plain.loss_parts(x).tolist() == [loss]


def test_a_weight_of_zero_changes_nothing():
    model, plain, x = net([L1(0), L2(0)], inside=[ActivityPenalty(L2(0))]), net(), rows()
    model.loss_and_gradient(x)
    plain.loss_and_gradient(x)
    assert_array_equal(model.gradient, plain.gradient)
    assert net(None).series == ["loss"]


def test_backward_without_a_loss_adds_no_penalty():
    x, dy = rows(4), rows(4, seed=1)
    gradients = []
    for model in (net([L1(3), KLSparsity()], inside=[ActivityPenalty(L2(2))]), net(inside=[ActivityPenalty(L2(0))])):
        model.loss_and_gradient(x)  # nor after a pass that did
        model.forward(x)
        gradients.append((model.backward(dy), model.gradient.copy()))
    for with_penalties, plain in zip(*gradients, strict=True):
        assert_array_equal(with_penalties, plain)


def test_an_error_on_the_way_back_leaves_no_penalty_behind(monkeypatch):
    def fail(*_, **__):
        raise KeyboardInterrupt

    model, x = net(L1(0.3), inside=[ActivityPenalty(L2(0.3))]), rows(4)
    with monkeypatch.context() as patch:
        patch.setattr(model.encoder.layers[0], "backward", fail)
        with pytest.raises(KeyboardInterrupt):
            model.loss_and_gradient(x)
    assert [layer.n for layer in every_layer(model) if isinstance(layer, Penalising)] == [None, None]
    with pytest.raises(ValueError, match="expected targets of the output's shape"):
        model.loss_and_gradient(x, x[:, :6])
    assert [layer.n for layer in model.penalising] == [None, None]


# --- series


def test_names_of_series():
    assert net([L1(1), KLSparsity(), L2(1)]).series == ["loss", "l1", "kl_sparsity", "l2"]
    several = CRITERIA["several"]()  # layers in the net's order come before those of the code
    assert several.series == ["loss", "l1", "l1_2", "l2", "l1_3"]
    assert [layer.what.weight for layer in several.penalising] == [0.2, 0.1, 0.2, 0.3]
    assert CRITERIA["of-the-encoder"]().series == ["loss", "l1", "decay"]
    assert CRITERIA["variational"]().series == ["loss", "kl", "l1"]


def test_series_of_a_history():
    model = net([L1(0.3), L1(0.1)], dtype=np.float32)
    history = model.fit(rows(), epochs=3, batch_size=7, validation_split=0.25, progress=False, threads=1)
    parts = ["loss", "l1", "l1_2", "objective"]
    assert history.names == ["epoch", *parts, *(f"val_{name}" for name in parts), "lr", "seconds"]
    for prefix in ("", "val_"):
        loss, one, two, objective = (history[prefix + name] for name in parts)
        assert_allclose(objective, np.add(loss, np.add(one, two)), rtol=1e-12)
        assert_allclose(one, 3 * np.array(two), rtol=1e-5)
    history = net(dtype=np.float32).fit(rows(), epochs=1, validation_split=0.25, progress=False)
    assert history.names == ["epoch", "loss", "val_loss", "lr", "seconds"]


def test_a_row_of_history_is_the_mean_over_its_batches():
    model, x = net(L1(0.3)), rows(20)
    twin, batches = model.astype(np.float64), []
    for start in (0, 8, 16):
        batch = x[start : start + 8]
        batches.append(twin.loss_parts(batch) * len(batch))
        twin.loss_and_gradient(batch)
        twin.theta -= 0.1 * twin.gradient
    history = model.fit(
        x, epochs=1, batch_size=8, shuffle=False, optimizer=SGD(0.1), progress=False, threads=1, validation_data=x[:5]
    )
    assert [history["loss"][0], history["l1"][0]] == pytest.approx(sum(batches) / 20, rel=1e-10)
    assert [history["val_loss"][0], history["val_l1"][0]] == pytest.approx(twin.loss_parts(x[:5]), rel=1e-10)
    assert_allclose(model.theta, twin.theta, rtol=1e-10)


@NETS
def test_evaluate_gives_the_same_numbers_as_loss_parts(name):
    model, x, y = CRITERIA[name](), rows(30), rows(30, seed=1)
    for pair in ((x,), (x, y)):
        values, parts = model.evaluate(*pair), model.loss_parts(*pair)
        assert [values[name] for name in model.series] == pytest.approx(parts, rel=1e-10)
        assert values["objective"] == pytest.approx(parts.sum(), rel=1e-10)
        assert values["mse_per_pixel"] == pytest.approx(np.mean((model.reconstruct(x) - pair[-1]) ** 2))
    assert "objective" not in net().evaluate(x)


def test_many_images_are_evaluated_in_parts(share_small_work):
    model, x = net([L1(0.3), WeightDecay(0.1)]), rows(1700)
    parts = model.loss_parts(x)
    for threads in (1, 3):
        values = model.evaluate(x, threads=threads)
        assert [values[name] for name in model.series] == pytest.approx(parts, rel=1e-10)


def test_kl_is_evaluated_on_the_same_batches_on_every_machine(share_small_work):
    model, x = net(KLSparsity(0.2), dtype=np.float32), rows(1100).astype(np.float32)
    values = model.evaluate(x, threads=1)
    assert model.evaluate(x, threads=3) == values
    assert model.evaluate(x[:400])["kl_sparsity"] == pytest.approx(model.loss_parts(x[:400])[1], rel=1e-6)
    history = model.fit(x[:50], epochs=1, validation_data=x, progress=False, threads=2)
    assert history["val_kl_sparsity"] == [pytest.approx(model.evaluate(x)["kl_sparsity"], rel=1e-6)]


@pytest.fixture
def share_small_work(monkeypatch):
    """Nets as small as these would run on one thread whatever one asks for."""
    monkeypatch.setattr(shards, "SMALLEST_SHARED_WORK", 0)


def test_kl_couples_the_batch(share_small_work):
    class Coupled(WeightDecay):
        couples_batch = True

    for model in (net(KLSparsity()), net(inside=[Sigmoid(), ActivityPenalty(KLSparsity())]), net(Coupled(1))):
        assert worker_count(model, 100, threads=2) == 1
        assert worker_count(model, 100, threads=2, training=False) == 2
    assert worker_count(net([L1(1), L2(1), WeightDecay(1)]), 100, threads=2) == 2
    one, two = net(KLSparsity(0.1)), net(KLSparsity(0.1))
    series = [m.fit(rows(), epochs=2, progress=False, threads=t)["kl_sparsity"] for m, t in ((one, 1), (two, 2))]
    assert series[0] == series[1]
    assert_array_equal(one.theta, two.theta)


def test_a_coupled_batch_is_not_cut_into_pieces(monkeypatch):
    monkeypatch.setattr(shards, "rows_at_once", lambda model, otherwise=3: 3)
    model, x = net(KLSparsity(0.2)), rows()
    with Team(1) as team:
        step = ShardedStep(model, SGD(0.1), team, total_steps=1)
        value = step(x, x, np.arange(24))
        assert value == pytest.approx(net(KLSparsity(0.2)).loss_value(x), rel=1e-12)


# --- training


def fit(model, x, **settings):
    settings = {"epochs": 40, "batch_size": 20, "optimizer": Adam(0.01), "progress": False, "threads": 1} | settings
    return model.fit(x, **settings)


def test_l1_makes_a_code_small_and_kl_gives_it_its_mean():
    x = rows(100)
    plain, small, sparse = net(end="relu"), net(L1(1.0), end="relu"), net(KLSparsity(0.1, 10))
    for model in (plain, small, sparse):
        fit(model, x)
    assert np.abs(small.encode(x)).mean() < 0.2 * np.abs(plain.encode(x)).mean()
    assert sparse.encode(x).mean(axis=0) == pytest.approx([0.1] * 3, abs=0.03)


def test_early_stopping_may_watch_the_objective():
    history = fit(net(L1(0.1)), rows(40), epochs=3, validation_split=0.5, callbacks=[EarlyStopping("val_objective")])
    assert len(history) == 3
    with pytest.raises(UsageError, match="expected monitor to be one of epoch, loss, l1, objective, val_loss, val_l1"):
        fit(net(L1(0.1)), rows(40), epochs=1, validation_split=0.5, callbacks=[EarlyStopping("val_l2")])


def test_a_penalty_of_ones_own():
    class Variance(Penalty):
        """P = 1/N sum_n sum_j (h_nj - 1)^2: away from 1."""

        series = "from_one"

        def value(self, h, n):
            return self.weight * float(np.sum((h - 1) ** 2)) / n

        def gradient(self, h, n):
            return 2 * self.weight * (h - 1) / n

    model, x = net(Variance(5.0), end="linear"), rows(40)
    assert assert_gradients(check_model(model, x)) <= 1e-6
    history = fit(model, x)
    assert history["from_one"][-1] < 0.01 * history["from_one"][0]
    assert model.encode(x).mean(axis=0) == pytest.approx([1, 1, 1], abs=0.1)


def test_penalties_on_codes_of_images():
    model = Autoencoder(
        [Conv2D(2, 3, activation="sigmoid")],
        [Conv2D(1, 3, activation="sigmoid")],
        input_shape=(4, 5, 1),
        dtype=np.float64,
        penalty=[L1(0.1), KLSparsity(0.2, 0.1)],
    )
    x = np.random.default_rng(0).uniform(size=(3, 4, 5, 1))
    code = model.encode(x)
    assert model.loss_parts(x)[1:] == pytest.approx([naive("L1", code, 3, 0.1), naive("KLSparsity", code, 3, 0.1)])
    assert assert_gradients(check_model(model, x)) <= 1e-6


# --- copies and files


def test_copies_have_penalties_of_their_own():
    model, x = CRITERIA["several"](), rows()
    want = model.loss_parts(x)
    for twin in (model.replica(), model.astype(np.float64), model.replica().replica()):
        twin.loss_and_gradient(rows(5, seed=3))
        assert not {id(layer) for layer in twin.penalising} & {id(layer) for layer in model.penalising}
        assert_array_equal(model.penalty_values(len(x)), want[1:])  # what the original saw last is its own
        assert_allclose(twin.loss_parts(x), want, rtol=1e-12)
        assert_allclose(twin.penalty_values(24), want[1:], rtol=1e-12)


def test_penalties_are_kept_in_files(tmp_path):
    model = net([L1(0.3), KLSparsity(0.1, 2)], inside=[ActivityPenalty(L2(0.5))])
    save(model, tmp_path / "model.npz")
    back = load(tmp_path / "model.npz")
    assert back.series == model.series and repr(back.encoder) == repr(model.encoder)
    assert_array_equal(back.loss_parts(rows()), model.loss_parts(rows()))
    assert back.config() == model.config()
    assert model.config()["penalty"] == [["L1", {"weight": 0.3}], ["KLSparsity", {"rho": 0.1, "weight": 2.0}]]
    assert "penalty" not in net().config()
