"""The stepping tool: a trace is the net's own pass, every sum adds up, every gradient has its finite difference."""

import itertools
import math

import numpy as np
import pytest

from tinyae import (
    L1,
    L2,
    MSE,
    SGD,
    ActivityPenalty,
    Adam,
    Autoencoder,
    AveragePool,
    BatchNorm,
    ConjugateGradient,
    Contractive,
    Conv2D,
    ConvTranspose,
    Crop,
    Dense,
    Dropout,
    Flatten,
    GaussianCode,
    GaussianNoise,
    KSparse,
    Linear,
    MaxPool,
    Nadam,
    Reshape,
    RMSprop,
    TiedDense,
    UpSample,
    UsageError,
    ZeroPad,
)  # fmt: skip
from tinyae.layers import Softmax
from tinyae.layers.flat import named_views
from tinyae.trace import trace
from tinyae.trace.formulas import LAYERS as FORMULAS
from tinyae.trace.formulas import UNKNOWN, formula_of
from tinyae.trace.why import RULES, choices

X = np.random.default_rng(7).uniform(size=(3, 16))
KNOWN = np.where(np.random.default_rng(8).uniform(size=X.shape) < 0.4, np.nan, X)


def dense_net(**settings):
    return Autoencoder([Dense(5, "tanh"), Dense(3, "sigmoid")], [Dense(5, "softplus"), Dense(16, "sigmoid")],
                       input_shape=16, **settings)  # fmt: skip


def conv_net():
    encoder = [Reshape((4, 4, 1)), Conv2D(3, 3, activation="relu"), MaxPool(2), Dropout(0.3), Flatten(), Dense(4)]
    decoder = [Dense(12, "leaky_relu"), Reshape((2, 2, 3)), UpSample(2), GaussianNoise(0.1), ConvTranspose(2, 3)]
    decoder += [AveragePool(2), UpSample(2, "bilinear"), Crop(1), ZeroPad(1), Conv2D(1, 3)]
    return Autoencoder(encoder, [*decoder, Flatten()], "mse", input_shape=16, corruption="gaussian")


NETS = {
    "dense": (lambda: dense_net(), {}),
    "penalties": (lambda: dense_net(penalty=[L1(0.1), Contractive(0.3)]), {}),
    "inner penalty": (
        lambda: Autoencoder([Dense(4), ActivityPenalty(L2(0.3)), Linear()], [Dense(16)], MSE(), input_shape=16), {}
    ),
    "tied": (lambda: Autoencoder([Dense(6, "tanh"), KSparse(2)], [TiedDense(0, "sigmoid")], input_shape=16), {}),
    "convolutional": (conv_net, {"training": True}),
    "variational": (
        lambda: Autoencoder([BatchNorm(), Dense(6), GaussianCode(0.7)], [Dense(16, "sigmoid")], input_shape=16),
        {"training": True},
    ),
    "ratings": (
        lambda: Autoencoder([Dense(4, "sigmoid")], [Dense(16)], "maskedmse", input_shape=16),
        {"target": KNOWN},
    ),
    "words": (
        lambda: Autoencoder([Dense(4, "relu")], [Dense(16), Softmax()], "categoricalcrossentropy", input_shape=16),
        {"target": np.round(3 * X)},
    ),
    "unmatched": (lambda: Autoencoder([Dense(4, "tanh")], [Dense(16, "sigmoid")], "mse", input_shape=16), {}),
}  # fmt: skip


@pytest.fixture(params=NETS, ids=str)
def net_and_steps(request):
    make, settings = NETS[request.param]
    model = make()
    return model, trace(model, X, optimizer=Adam(0.01), **settings)


def test_the_gradients_are_the_nets_own(net_and_steps):
    model, steps = net_and_steps
    twin = model.astype(np.float64)
    training = any(layer.kind in ("Dropout", "GaussianNoise", "GaussianCode") for layer in steps)
    twin.set_training(training)
    twin.reseed(np.random.default_rng(0))
    value = twin.loss_and_gradient(X, steps.find(model.loss.name).target)
    loss = float(steps.find(model.loss.name).y)
    assert value >= loss and (model.penalties or model.penalising or value == pytest.approx(loss, rel=1e-12))
    for name, gradient in named_views(twin, twin.gradient).items():
        np.testing.assert_allclose(steps[-1].grads[name], gradient, rtol=1e-10, atol=1e-13, err_msg=name)


def test_every_step_hands_on_what_the_next_one_takes(net_and_steps):
    _, steps = net_and_steps
    forward = [s for s in steps if s.phase == "forward"]
    for before, after in itertools.pairwise(forward):
        np.testing.assert_array_equal(before.y, after.x)
    back = [s for s in steps if s.phase == "backward"]
    for before, after in zip([steps[len(forward)], *back], back, strict=False):
        np.testing.assert_array_equal(before.dx, after.dy)


def test_every_gradient_agrees_with_finite_differences(net_and_steps):
    _, steps = net_and_steps
    for checked in steps.check():
        assert checked.passed, str(checked)


def test_every_explanation_adds_up(net_and_steps):
    """The terms give the array's number; the numbers written down give it to the digits they have."""
    _, steps = net_and_steps
    rng = np.random.default_rng(0)
    functions = {name: getattr(math, name) for name in ("exp", "log", "tanh", "sqrt")} | {"max": max}
    seen = 0
    for step in steps:
        if step.kind not in RULES:
            continue
        for of in choices(step):
            array = step.params[of] if step.phase == "update" else step.arrays_by_name().get(of, step.y)
            for _ in range(4):
                index = tuple(int(rng.integers(n)) for n in array.shape) if of != "L" else ()
                why = step.why(*index, of=of)
                want = float((step.after[of] if step.phase == "update" else array)[index])
                assert why.value == pytest.approx(want, rel=1e-9, abs=1e-12), f"{step.title}\n{why}"
                assert eval(why.numbers, {}, functions) == pytest.approx(want, rel=5e-3, abs=2e-3), (
                    f"{step.title}\n{why}"
                )
                seen += 1
    assert seen > 20


def test_a_why_one_can_check_on_paper():
    model = Autoencoder([Dense(2)], [Dense(3)], "mse", input_shape=3)
    model.encoder.layers[0].params["W"][...] = [[1, 2], [3, 4], [5, 6]]
    steps = trace(model, np.array([[1.0, 0.5, -1.0]]))
    assert str(steps[0].why(0, 1)) == (
        "y[0,1] = x[0,0] W[0,1] + x[0,1] W[1,1] + x[0,2] W[2,1] + b[1]\n       = 1*2 + 0.5*4 + (-1)*6 + 0\n       = -2"
    )
    first = steps.find("dense_1", "backward")
    assert str(first.why(1, 0)).startswith("dW[1,0] = x[0,1] dy[0,0]\n        = (-2)*")


@pytest.mark.parametrize("optimizer", [SGD(0.1), SGD(0.1, momentum=0.9), SGD(0.1, momentum=0.9, nesterov=True),
                                       SGD(0.1, weight_decay=0.2), RMSprop(0.1, momentum=0.5), Adam(0.1), Nadam(0.1)],
                         ids=lambda o: repr(o.config()))  # fmt: skip
def test_the_second_step_of_every_optimizer_is_explained(optimizer):
    model = dense_net()
    for _ in range(2):  # the second one has a history
        step = trace(model, X, optimizer=optimizer)[-1]
    name = "encoder.dense_1.W"
    why = step.why(1, 2, of=name)
    assert why.value == pytest.approx(step.after[name][1, 2], rel=1e-10)
    assert f"{step.subject.t}" == "2" and "learning rate 0.1" in step.note
    assert str(why).count("\n") >= 2


def test_the_model_is_left_alone():
    model = dense_net(penalty=L1(0.1))
    before = model.theta.copy()
    trace(model, X, optimizer="adam")
    np.testing.assert_array_equal(model.theta, before)
    assert model.theta.dtype == np.float32 and not model.training


def test_walking():
    steps = trace(dense_net(), X)
    assert [steps.next(), steps.next(), steps.back()] == [steps[0], steps[1], steps[0]]
    assert steps.back() is steps[0]
    for _ in range(50):
        last = steps.next()
    assert last is steps[-1] and len(list(steps)) == len(steps)
    assert steps.find("dense_2", "backward").layer == "decoder.dense_2"
    with pytest.raises(UsageError, match=r"find: expected a step of one of encoder.dense_1, .* got 'backward dense_9'"):
        steps.find("dense_9", "backward")


def test_text_shows_the_formula_shapes_and_numbers():
    text = str(trace(dense_net(), X).find("encoder.dense_1", "backward"))
    for part in ("backward encoder.dense_1 (Dense)", "sum_n x[n,i] dy[n,j]", "dW (16 x 5)", "dx (3 x 16)"):
        assert part in text


def test_a_wrong_gradient_is_found():
    steps = trace(dense_net(), X)
    step = steps.find("decoder.dense_1", "backward")
    step.grads["W"][1, 2] *= 1.5
    checked = step.check()
    assert not checked.passed and "DO NOT AGREE" in str(checked)


def test_a_corner_is_not_compared():
    model = Autoencoder([Reshape((4, 4, 1)), MaxPool(2), Flatten()], [Dense(16)], "mse", input_shape=16)
    target = np.random.default_rng(0).uniform(size=(1, 16))
    checked = trace(model, np.zeros((1, 16)), target).find("maxpool_1", "backward").check()  # all ties
    assert checked.passed and any(entry.kink for entry in checked.entries) and "corner" in str(checked)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: trace(dense_net(), X[0]), r"trace: expected x of shape \(N, 16\), got \(16,\)"),
        (lambda: trace(dense_net(), np.empty((0, 16))), "trace: expected at least one sample in x, got none"),
        (lambda: trace(dense_net(), X * np.nan), "trace: expected finite numbers in x"),
        (lambda: trace(dense_net(), np.zeros((200_000, 16))), "trace: expected a batch and a net of at most"),
        (lambda: trace(dense_net(), X)[0].why(9, 9), r"why: expected 2 whole numbers inside y of shape \(3, 5\), got"),
        (lambda: trace(dense_net(), X)[0].why(0, 0, of="dQ"), "why: expected of to be one of y, dW, db, dx, got 'dQ'"),
        (lambda: trace(dense_net(), X, optimizer="adam")[-1].check(), "check: expected a step with a gradient"),
        (lambda: trace(dense_net(), X, optimizer="adamm"), "did you mean 'adam'"),
    ],
)  # fmt: skip
def test_bad_input_is_told(call, message):
    with pytest.raises(UsageError, match=message):
        call()


def test_conjugate_gradients_are_a_step_a_search():
    model, optimizer = dense_net(), ConjugateGradient(searches=3)
    steps = [step for step in trace(model, X, optimizer=optimizer) if step.phase == "update"]
    assert [step.layer for step in steps] == ["line search 1", "line search 2", "line search 3"]
    twin = model.astype(np.float64)

    def loss_at(parameters):
        for name, view in named_views(twin, twin.theta).items():
            view[...] = parameters[name]
        return twin.loss_value(X)

    falling = [loss_at(steps[0].params), *(loss_at(step.after) for step in steps)]
    assert all(b < a for a, b in itertools.pairwise(falling))
    for before, after in itertools.pairwise(steps):
        assert all(np.array_equal(before.after[name], after.params[name]) for name in after.params)
    for step in steps:
        for name, array in step.after.items():
            index = tuple(n - 1 for n in array.shape)
            found = step.why(*index, of=name)
            assert found.value == pytest.approx(array[index], rel=1e-12)
            assert eval(found.numbers) == pytest.approx(found.value, rel=5e-3, abs=5e-3)
    model.fit(X, epochs=1, batch_size=len(X), optimizer=ConjugateGradient(3), shuffle=False, progress=False, threads=1)
    for name, view in named_views(model, model.theta).items():
        np.testing.assert_allclose(view, steps[-1].after[name], atol=1e-3)  # fit works in float32
    assert optimizer.t == 1 and optimizer.evaluations >= 4


def test_every_layer_and_optimizer_has_a_formula():
    from tinyae import layers, losses, optimizers

    missing = {name for name in layers.LAYERS if name not in FORMULAS}
    assert not missing
    for kind in losses.NAMED.values():
        assert formula_of(kind(), "loss") is not UNKNOWN, kind
    for kind in optimizers.OPTIMIZERS.values():
        assert formula_of(kind(), "update") is not UNKNOWN, kind


def test_every_kind_there_is_has_a_rule():
    from tinyae import layers, losses, optimizers

    kinds = set(layers.LAYERS) | {kind.__name__ for kind in losses.NAMED.values()}
    kinds |= {kind.__name__ for kind in optimizers.OPTIMIZERS.values()}
    assert not kinds - set(RULES)


def test_batchnorm_and_shapes_of_one():
    model = Autoencoder([BatchNorm(), Dense(1)], [Dense(16)], "mse", input_shape=16)
    steps = trace(model, X, training=True)
    assert all(checked.passed for checked in steps.check())
