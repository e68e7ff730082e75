"""Diagnosis of training runs: each fault is found and named with its figure; of well-trained nets nothing is said."""

import warnings

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from tinyae import (
    L1,
    SGD,
    ActivityPenalty,
    Adam,
    Autoencoder,
    Callback,
    Conv2D,
    Cosine,
    Dense,
    DiagnosisWarning,
    Dropout,
    EarlyStopping,
    Flatten,
    GaussianCode,
    History,
    KSparse,
    LeakyReLU,
    Linear,
    MaxPool,
    Nadam,
    ReLU,
    Reshape,
    Sequential,
    Sigmoid,
    Softplus,
    Tanh,
    UpSample,
    UsageError,
    diagnose,
)
from tinyae.analysis import bce_floor, binary_cross_entropy, squared_error
from tinyae.architectures import conv_autoencoder, dense_autoencoder
from tinyae.cli import main
from tinyae.corruption import Gaussian
from tinyae.datasets.digits import load_digits
from tinyae.diagnosis import faults as faults_module
from tinyae.diagnosis.levels import level_of
from tinyae.diagnosis.ranges import last_unit
from tinyae.diagnosis.units import look_inside
from tinyae.losses import MSE


@pytest.fixture(scope="module")
def digits():
    """800 built-in digits of 14 x 14 pixels, as rows."""
    return load_digits(800, 0).x_train.reshape(-1, 14, 2, 14, 2).mean(axis=(2, 4)).reshape(-1, 196)


def simple():
    return dense_autoencoder(196)


def deep():
    return dense_autoencoder(196, (128, 64), init="he")


def hinton():
    """Sigmoid units and a linear code of two numbers."""
    return dense_autoencoder(196, (64, 32), 2, hidden_activation="sigmoid", code_activation="linear")


def rows(n=60, d=12, seed=0):
    """Rows of a few hidden causes, in [0, 1]."""
    rng = np.random.default_rng(seed)
    x = 1 / (1 + np.exp(-2 * rng.normal(size=(n, 3)) @ rng.normal(size=(3, d))))
    return x.astype(np.float32)


def make_net(code="linear", loss="bce", output="sigmoid", d=12, hidden=(10,), size=3, unit="tanh"):
    return dense_autoencoder(
        d, hidden, size, hidden_activation=unit, code_activation=code, output_activation=output, loss=loss
    )


def fit(net, x, **settings):
    settings = {"epochs": 6, "batch_size": 20, "threads": 1, "progress": False, "optimizer": Adam(0.01)} | settings
    return net.fit(x, **settings)


def only(texts):
    """The one text of a list of them."""
    assert len(texts) == 1, texts
    return texts[0]


# --- nothing is said


@pytest.mark.parametrize(
    "make, settings",
    [
        pytest.param(simple, {}, id="simple"),
        pytest.param(deep, {}, id="deep"),
        pytest.param(hinton, {"optimizer": Nadam(0.02), "epochs": 15}, id="hinton"),
        pytest.param(lambda: dense_autoencoder(196, (64,), 16, loss="mse"), {}, id="mse-sigmoid"),
        pytest.param(
            lambda: dense_autoencoder(196, (), 16, code_activation="linear", output_activation="linear", loss="mse"),
            {}, id="linear",
        ),
        pytest.param(
            lambda: Autoencoder(
                [Dropout(0.2), Dense(128, "relu")], [Dense(196), Sigmoid()], input_shape=196, corruption="gaussian"
            ),
            {}, id="noisy",
        ),
        pytest.param(
            lambda: Autoencoder([Dense(64, "relu")], [Dense(196), Sigmoid()], input_shape=196, penalty=L1(0.1)), {},
            id="sparse",
        ),
        pytest.param(
            lambda: Autoencoder(
                [Dense(64, "relu"), Dense(16), GaussianCode()], [Dense(64, "relu"), Dense(196), Sigmoid()],
                input_shape=196,
            ),
            {"epochs": 12}, id="variational",
        ),
    ],
)  # fmt: skip
@pytest.mark.slow
def test_of_good_runs_nothing_is_said(digits, make, settings):
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        history = fit(
            make(), digits, **{"optimizer": Nadam(3e-3), "validation_split": 0.1, "progress": True} | settings
        )
    assert history.warnings == [] and [str(w.message) for w in said] == []
    assert history["loss"][-1] < 0.85 * history.baselines["mean_image"]


def test_of_good_convolutions_nothing_is_said(digits):
    x = digits[:400].reshape(-1, 14, 14, 1)
    history = fit(
        conv_autoencoder((14, 14, 1)), x, epochs=5, batch_size=16, optimizer=Nadam(3e-3), validation_split=0.2
    )
    assert history.warnings == []


@pytest.mark.parametrize("epochs", [1, 2])
def test_of_the_first_steps_nothing_is_said(epochs):
    for net in (make_net(), make_net("relu", unit="relu"), make_net(loss="mse", output="linear")):
        assert fit(net, rows(), epochs=epochs, optimizer=SGD(1e-6), validation_split=0.5).warnings == []


def test_of_a_handful_of_samples_nothing_is_said():
    dead = make_net("relu")
    dead.encoder.layers[-2].params["b"][:] = -100
    assert diagnose(dead, rows(19)) == [] and len(diagnose(dead, rows(20))) == 1


# --- dead units and dead codes


def kill(layer, units=slice(None)):
    """Make units of a ReLU layer 0 for any input."""
    layer.params["W"][..., units] = 0
    layer.params["b"][units] = -1


def test_a_huge_learning_rate_kills_a_relu_code(digits):
    history = fit(simple(), digits, optimizer=SGD(5.0))
    assert only(history.warnings) == (
        "the code is the same for each of 500 samples: all its 32 units are constant; start again with a smaller "
        "learning rate, or with a linear code."
    )


def test_a_huge_learning_rate_kills_hidden_units_and_all_behind_them(digits):
    text = only(fit(deep(), digits, optimizer=Adam(0.3)).warnings)
    assert text.startswith("dead units: ") and " of 128 in encoder.relu_1, 64 of 64 in encoder.relu_2 give" in text
    assert "decoder" not in text
    assert "give the same value for each of 500 samples, and nothing of the input comes through; start again" in text
    assert text.endswith("with a smaller learning rate, or with leaky ReLU.")


def test_too_strong_a_penalty_is_blamed(digits):
    net = Autoencoder([Dense(32), ReLU()], [Dense(196), Sigmoid()], input_shape=196, penalty=L1(100.0))
    text = only(fit(net, digits, epochs=9).warnings)
    assert text.startswith("the code is the same") or text.startswith("31 of 32 code units")
    assert "; lower the weight of L1(weight=100.0), or start again with a smaller learning rate." in text
    inside = Autoencoder([Dense(32), ActivityPenalty(L1(100.0))], [Dense(196), Sigmoid()], input_shape=196)
    text = only(fit(inside, digits, epochs=9).warnings)  # a linear code trembles around 0
    assert "next to nothing about the input; lower the weight of L1(weight=100.0), or train longer" in text


@pytest.mark.parametrize("dead, said", [(0, False), (5, False), (6, True), (8, True)])
@pytest.mark.parametrize("place, path", [("encoder", "encoder.relu_1"), ("decoder", "decoder.dense_1")])
def test_two_thirds_of_a_layer_have_to_be_dead(place, path, dead, said):
    # an activation is a layer of its own here, and part of a layer there
    net = Autoencoder([Dense(9), ReLU(), Dense(3)], [Dense(9, "relu"), Dense(12), Sigmoid()], input_shape=12)
    for part in (net.encoder, net.decoder):
        part.layers[0].params["b"][:] = 9  # all alive
    kill(getattr(net, place).layers[0], slice(dead))
    wanted = f"dead units: {dead} of 9 in {path} give the same value for each of 60 samples; start again"
    assert any(text.startswith(wanted) for text in diagnose(net, rows())) == said
    assert not any("dead" in text for text in diagnose(net, rows(), updates=99))  # they may still come to life
    kill(getattr(net, place).layers[0])
    assert f"dead units: 9 of 9 in {path} give" in diagnose(net, rows(), updates=99)[0]


def test_some_dead_units_of_a_code():
    net = make_net("relu", size=4)
    layer = net.encoder.layers[-2]
    layer.params["b"][:] = 3
    kill(layer, [0, 2])
    text = diagnose(net, rows(), updates=1)
    assert only(text) == (
        "2 of 4 code units give the same value for each of 60 samples and carry nothing; start again with a smaller "
        "learning rate, or with a linear code."
    )
    kill(layer, [0, 1, 2])
    assert only(diagnose(net, rows())).startswith("3 of 4 code units")
    kill(layer)
    assert only(diagnose(net, rows())).startswith("the code is the same for each of 60 samples: all its 4 units are")


def test_a_code_of_one_dead_unit():
    net = make_net("relu", size=1)
    kill(net.encoder.layers[-2])
    assert "samples: its one unit is constant; start" in only(diagnose(net, rows()))


@pytest.mark.parametrize(
    "unit, weights, bias, stuck",
    [
        ("sigmoid", 0, 9.0, True), ("sigmoid", 0, -9.0, True), ("sigmoid", 0.1, 8.5, True), ("sigmoid", 0.1, 0, False),
        ("tanh", 0.1, 5.0, True), ("tanh", 0.1, -5.0, True), ("tanh", 0.1, 0.0, False), ("relu", 0.1, 3.0, False),
        ("relu", 0.1, -9.0, True), ("softplus", 0.1, 1.0, False), ("softplus", 0.1, -30.0, True),
        ("leaky_relu", 0.1, -9.0, False),
    ],
)  # fmt: skip
def test_units_that_are_stuck_at_an_end_of_their_range(unit, weights, bias, stuck):
    net = make_net(unit=unit)
    layer = net.encoder.layers[0]
    layer.params["W"][:] = weights * np.sign(layer.params["W"])
    layer.params["b"][:] = bias
    text = "".join(diagnose(net, rows(), updates=1))  # so early nothing else is said
    assert text.startswith(f"dead units: 10 of 10 in encoder.{unit.replace('_', '')}_1 give the same") == stuck
    assert ("with smaller initial weights" in text) == (stuck and unit in ("sigmoid", "tanh"))
    assert stuck == bool(text)


@pytest.mark.parametrize("unit, at", [("sigmoid", 2), ("tanh", 3), ("relu", 3), ("leaky_relu", 3), ("softplus", 2)])
def test_a_signal_that_fades_out_on_its_way(unit, at):
    """Tiny weights, as of a deep sigmoid net without pretraining: every unit is alive, and none says a thing."""
    net = dense_autoencoder(12, (10, 10, 10), 3, hidden_activation=unit, code_activation="linear")
    for layer in net.encoder.layers[::2]:
        layer.params["W"] *= 1e-3
        layer.params["b"][:] = 0.5
    text = only(diagnose(net, rows()))
    assert text == (
        f"all 10 units of encoder.{unit.replace('_', '')}_{at} give the same value for each of 60 samples: what the "
        "input says has faded out before; start again with larger initial weights (init='glorot'), or with "
        "pretraining (tinyae.rbm.fit_stack)."
    )
    assert diagnose(net, rows(), updates=99) == []


def test_a_faded_code():
    net = make_net()
    net.encoder.layers[2].params["W"] *= 1e-9
    net.encoder.layers[2].params["b"][:] = 1
    assert only(diagnose(net, rows())) == (
        "the code is the same for each of 60 samples: all its 3 units are constant; start again with larger initial "
        "weights (init='glorot'), or with pretraining (tinyae.rbm.fit_stack)."
    )
    assert diagnose(net, rows(), updates=99) == []


def test_saturated_codes():
    net = make_net("sigmoid")
    net.encoder.layers[-2].params["b"][:] = 50
    assert only(diagnose(net, rows())).endswith("smaller learning rate, or with smaller initial weights.")


def make_blamed(place="encoder"):
    net = make_net(unit="relu", loss="mse", output="linear")
    kill(getattr(net, place).layers[0], slice(7))
    return net


def test_one_sided_data_are_blamed_where_units_are_dead():
    centred = rows() - rows().mean(axis=0)
    assert "data around 0" not in diagnose(make_blamed(), centred)[0]
    assert "leaky ReLU, or with data around 0 (their mean is 0.9" in diagnose(make_blamed(), 0.9 + 0.1 * rows())[0]
    assert "data around 0" not in diagnose(make_blamed("decoder"), 0.9 + 0.1 * rows())[0]


def test_the_output_may_be_constant():
    """A corner that is black in every image is no dead unit."""
    x = rows()
    x[:, :8] = 0
    net = make_net()
    history = fit(net, x, epochs=60, optimizer=Adam(0.02))
    assert np.ptp(net.reconstruct(x), axis=0)[:8].max() < 0.02 and history.warnings == []
    nested = Autoencoder([Dense(3)], [Sequential([Dense(12), Sequential([Tanh(), Reshape((12,))])])], "mse",
                         input_shape=12)  # fmt: skip
    assert last_unit(nested.decoder, "decoder")[0] == "decoder.sequential_1.sequential_1.tanh_1"
    nested.decoder.layers[0].layers[0].params["b"][:] = 50
    assert not any("dead" in text for text in diagnose(nested, x))


def test_units_of_images_are_channels():
    x = np.random.default_rng(0).uniform(size=(40, 4, 4, 1)).astype(np.float32)
    net = Autoencoder(
        [Conv2D(4, 3, activation="relu"), MaxPool(2)],
        [UpSample(2), Conv2D(4, 3, activation="relu"), Conv2D(1, 3), Sigmoid()],
        input_shape=(4, 4, 1),
    )
    for layer in (net.encoder.layers[0], net.decoder.layers[1]):
        layer.params["b"][:] = 2
        layer.params["W"][..., 1:] = 0
        layer.params["b"][2:] = -1  # two dead, one the same for all images (0 weights), one that lives
    code = diagnose(net, x)[0]
    assert code.startswith("3 of 4 code units")
    layers, codes, outputs = look_inside(net, x)
    assert [(u.path, u.stuck, u.constant, u.total) for u in layers] == [
        ("encoder.conv2d_1", 2, 3, 4), ("decoder.conv2d_1", 2, 3, 4), ("decoder.sigmoid_1", 0, 0, 1)
    ]  # fmt: skip
    assert_allclose(codes, net.encode(x), rtol=1e-5)
    assert_allclose(outputs, net.reconstruct(x), rtol=1e-5)


def test_looking_inside_in_parts_and_with_threads(monkeypatch):
    x, net = rows(300), make_net("relu")
    kill(net.encoder.layers[-2], [1])
    monkeypatch.setattr("tinyae.training.chunks.rows_at_once", lambda net: 7)
    monkeypatch.setattr("tinyae.training.shards.SMALLEST_SHARED_WORK", 0)
    one, several = (look_inside(net, x, threads) for threads in (1, 3))
    assert [vars(u) | {"unit": 0} for u in one[0]] == [vars(u) | {"unit": 0} for u in several[0]]
    assert [u.path for u in one[0]] == ["encoder.tanh_1", "encoder.relu_1", "decoder.tanh_1", "decoder.sigmoid_1"]
    for a, b in zip(one[1:], several[1:], strict=True):
        assert_allclose(a, b, rtol=1e-5)


@pytest.mark.parametrize("sign", [1, -1])
def test_a_unit_that_moves_in_a_later_part_is_alive(monkeypatch, sign):
    """The first seven samples are one sample, where the units are highest (lowest) of all."""
    monkeypatch.setattr("tinyae.training.chunks.rows_at_once", lambda net: 7)
    x = np.ones((40, 12), np.float32)
    x[7:] -= rows(33) / 2
    net = make_net(code="leaky_relu", unit="leaky_relu")
    for layer in net.encoder.layers[::2]:
        layer.params["W"][:] = np.abs(layer.params["W"])
    net.encoder.layers[2].params["W"] *= sign
    assert [units.constant for units in look_inside(net, x, threads=1)[0][:2]] == [0, 0]


def test_a_collapsed_variational_code(digits):
    net = Autoencoder([Dense(20), GaussianCode(beta=100.0)], [Dense(196), Sigmoid()], input_shape=196)
    assert only(fit(net, digits, epochs=12).warnings) == (
        "the variational code has collapsed: its 10 means are about the same for each of 500 samples; try a smaller "
        "beta, or raise it from 0 over the first epochs."
    )
    net.encoder.layers[0].params["W"][:, 0] = np.random.default_rng(0).normal(size=196)  # one unit speaks
    assert not any("collapsed" in text or "code units" in text for text in diagnose(net, digits))


def test_a_k_sparse_code_of_which_few_units_are_used(digits):
    net = Autoencoder([Dense(64), KSparse(2)], [Dense(196), Sigmoid()], input_shape=196)
    text = fit(net, digits).warnings[0]
    assert "of 64 code units" in text and text.endswith("carry nothing; start again with a larger k at first.")


# --- losses


def test_a_code_that_is_no_better_than_the_mean_image():
    """Uniform noise has no structure that three numbers could hold."""
    x = np.random.default_rng(0).uniform(size=(400, 200)).astype(np.float32)
    net = make_net(d=200, size=1, loss="mse", output="linear", hidden=())
    history = fit(net, x, epochs=12, optimizer=Adam(1e-3))
    text = only(history.warnings)
    mean = 0.5 * x.var(axis=0).sum()
    assert text.startswith("the loss, ") and "is about that of the mean image, " in text
    loss, image = (float(text.split(word)[1].split(",")[0].split(":")[0]) for word in ("the loss, ", "mean image, "))
    assert loss == pytest.approx(net.evaluate(x)["loss"], rel=1e-3) and image == pytest.approx(mean, rel=1e-3)
    assert text.endswith("train longer, or try another learning rate, or give the code more units.")


def test_a_net_that_is_worse_than_the_mean_image():
    text = only(diagnose(make_net(), rows()))
    assert "is worse than that of the mean image" in text
    assert diagnose(make_net(), rows(), updates=99) == [] and len(diagnose(make_net(), rows(), updates=100)) == 1


def history_of(losses, lr=0.01):
    history = History()
    for epoch, loss in enumerate(losses, 1):
        history.append({"epoch": epoch, "loss": loss, "lr": lr})
    return history


def test_a_loss_that_does_not_fall(digits):
    history = fit(deep(), digits, optimizer=SGD(1e-9))
    text, first = only(history.warnings), history["loss"][0]
    assert text.startswith(f"the training loss does not fall: {first:.4g} in epoch 1, ")
    assert text.endswith("; try a larger learning rate (the last was 1e-09).")


def test_a_loss_that_jumps_or_rises():
    net, x = make_net(), rows()
    level = level_of(net, x, net.reconstruct(x))
    assert level.way > 1 and level.loss > level.mean_image
    jumping = [level.loss + 0.2 * level.way * (k % 2) for k in range(7)]
    text = only(diagnose(net, x, history_of(jumping)))
    assert text.startswith("the training loss does not fall") and text.endswith(
        "a smaller learning rate (the last was 0.01)."
    )
    start = level.loss - level.way
    text = only(diagnose(net, x, history_of(np.linspace(start, level.loss, 6)), updates=1))
    assert text == (
        f"the training loss has risen: {start:.4g} in epoch 1, {level.loss:.4g} in epoch 6; try a smaller learning "
        "rate (the last was 0.01)."
    )
    assert diagnose(net, x, history_of(np.linspace(start, level.loss, 4)), updates=1) == []  # the first epochs


def test_a_loss_that_stands_still_low_is_trained():
    net, x = make_net(), rows()
    fit(net, x, epochs=150)
    loss = net.evaluate(x)["loss"]
    assert diagnose(net, x, history_of([loss] * 6)) == []
    assert diagnose(net, x, history_of([loss + 1, *[loss + 9] * 5])) == []  # the best parameters were put back
    assert diagnose(net, x, history_of([loss - 1, *[loss + 9] * 5])) != []


def test_overfitting():
    x, net = rows(200, 40), make_net(d=40, hidden=(60,), size=20, unit="relu", loss="mse", output="linear")
    noise = np.random.default_rng(1).normal(size=x.shape).astype(np.float32)
    history = fit(net, (x + 0.3 * noise)[:30], epochs=400, validation_data=(x + 0.3 * noise)[30:])
    text = only(history.warnings)
    held, trained = (net.evaluate(part)["loss"] for part in ((x + 0.3 * noise)[30:], (x + 0.3 * noise)[:30]))
    assert text == (
        f"the validation loss, {held:.4g}, is {held / trained:.1f} times the training loss, {trained:.4g}: "
        "overfitting; try more data, EarlyStopping, a smaller net, or noise (corruption, Dropout)."
    )
    assert held > 2 * trained


def test_overfitting_is_counted_from_the_floor(digits):
    net = dense_autoencoder(196, (64,), 32, code_activation="linear", hidden_activation="tanh")
    history = fit(net, digits[:60], epochs=150, validation_data=digits[100:300])
    text = only(history.warnings)
    above = [net.evaluate(x)["loss"] - bce_floor(x) for x in (digits[100:300], digits[:60])]
    assert f", lies {above[0] / above[1]:.1f} times as far above its floor as the training loss, " in text
    assert above[0] > 2 * above[1]
    assert fit(net, digits[:60], epochs=4, validation_data=digits[100:300]).warnings == []  # too early to tell
    assert fit(net, digits[:60], epochs=6, validation_data=digits[100:115]).warnings == []  # too few samples


def test_noise_is_not_taken_for_overfitting():
    """The validation part is noisy, so the training part is judged with noise as well."""
    x = rows(200)
    net = Autoencoder([Dense(12)], [Dense(12)], "mse", input_shape=12, corruption=Gaussian(0.3, low=None, high=None))
    history = fit(net, x, epochs=40, validation_split=0.3)
    assert history.warnings == []
    assert history["val_loss"][-1] > 2.5 * net.evaluate(x)["loss"]  # clean


def test_early_stopping_prevents_what_would_be_blamed():
    x = rows(40, 30) + 0.0
    settings = {"epochs": 60, "validation_split": 0.5, "optimizer": Adam(0.02)}
    net = make_net(d=30, hidden=(50,), size=20)
    assert fit(net, x, callbacks=[EarlyStopping(patience=2)], **settings).warnings == []


def test_the_level_of_a_loss():
    x, net = rows(), make_net()
    outputs = net.reconstruct(x)
    mean = np.broadcast_to(x.mean(axis=0), x.shape)
    level = level_of(net, x, outputs)
    assert level.loss == pytest.approx(net.evaluate(x)["loss"], rel=1e-5)
    assert level.mean_image == pytest.approx(binary_cross_entropy(x, mean)) and level.floor == bce_floor(x)
    for loss in (
        "mse",
        type("Mine", (MSE,), {})(),
        type("Half", (MSE.__base__,), {"_value_and_gradient": MSE._value_and_gradient})(),
    ):
        net = make_net(loss=loss, output="linear")
        level = level_of(net, x, outputs)
        assert level.loss == pytest.approx(0.5 * squared_error(x, outputs), rel=1e-5) and level.floor == 0
        assert level.mean_image == pytest.approx(0.5 * squared_error(x, mean), rel=1e-5)


def test_a_loss_that_nobody_knows_is_not_judged():
    class Strange(MSE.__base__):
        output_unit = Sigmoid

        def _value_and_gradient(self, a, x, out, scale):
            out[...] = 0
            return 0.0

    net = make_net(loss=Strange())
    assert level_of(net, rows(), rows()) is None
    assert fit(net, rows(), epochs=9, validation_split=0.5).warnings == []


# --- the data


@pytest.mark.parametrize(
    "output, x, reach, unit",
    [
        ("sigmoid", 4 * rows() - 2, r"[0, 1]", "Sigmoid"),
        ("sigmoid", rows() + 2, r"[0, 1]", "Sigmoid"),  # so far off that nothing is learned: told once
        ("tanh", 4 * rows() - 2, r"[-1, 1]", "Tanh"),
        ("relu", rows() - 0.5, r"[0, infinity)", "ReLU"),
        ("softplus", rows() - 0.5, r"[0, infinity)", "Softplus"),
    ],
)
def test_data_that_the_output_cannot_give(output, x, reach, unit):
    net = make_net(loss="mse", output=output)
    seen = []

    class Begin(Callback):
        def on_train_begin(self, run):
            seen.extend(str(w.message) for w in said)

    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        history = fit(net, x, progress=True, epochs=9, batch_size=5, callbacks=[Begin()])
    text = only(history.warnings)
    assert seen == [text]  # before training, not after
    share = {"sigmoid": (x < -0.01) | (x > 1.01), "tanh": np.abs(x) > 1.02}.get(output, x < -0.005).mean()
    assert text == (
        f"{100 * share:.0f} % of the data lie outside {reach}, which is all that the decoder's {unit} can give "
        f"(they go from {x.min():.3g} to {x.max():.3g}); scale them, or end the decoder in a linear layer with "
        "loss='mse'."
    )


@pytest.mark.parametrize(
    "output, x",
    [
        ("sigmoid", rows()), ("tanh", 2 * rows() - 1), ("relu", 9 * rows()), ("softplus", rows()),
        ("linear", 9 * rows() - 5), ("leaky_relu", rows() - 0.5), ("sigmoid", 1.005 * rows()),
    ],
)  # fmt: skip
def test_data_that_the_output_can_give(output, x):
    assert faults_module.faults_before(make_net(loss="mse", output=output), x) == []


def test_a_few_strays_are_no_fault():
    x = rows(400)
    x[0, 0] = 9.0  # one of 4,800 numbers
    net = make_net(loss="mse")
    assert faults_module.faults_before(net, x) == []
    x[:10, 0] = 9.0
    assert only(faults_module.faults_before(net, x)).startswith("0.21 % of the data lie outside [0, 1]")


def test_targets_count_not_inputs():
    x = rows()
    assert fit(make_net(loss="mse"), 4 * x - 2, y=x, epochs=9, batch_size=5).warnings == []
    assert "of the data lie outside" in only(fit(make_net(loss="mse"), x, y=4 * x - 2, epochs=9, batch_size=5).warnings)


def test_data_that_are_all_the_same():
    x = np.repeat(rows(1), 50, axis=0)
    assert only(fit(make_net(), x).warnings) == (
        "all 50 samples looked at are the same: there is nothing to learn; look at how they were read."
    )
    x[7, 3] += 0.1
    assert not any("the same:" in text for text in diagnose(make_net(), x))


def test_the_unit_numbers_come_from():
    def unit(*layers):
        return type(last_unit(Sequential(layers, 16), "net")[1])

    images = [Reshape((4, 4, 1)), MaxPool(2), UpSample(2)]
    assert unit(Dense(16), Sigmoid(), *images, Flatten(), Dropout(0.1)) is Sigmoid
    assert unit(Dense(16, "tanh"), Sequential([Reshape((16,))])) is type(None)  # a net of nothing but shapes
    assert unit(Dense(16, "softplus")) is Softplus and unit(Dense(3), ReLU(), Dense(2)) is type(None)
    assert unit(Dense(3), LeakyReLU()) is LeakyReLU and unit(Sequential([Dense(3), Linear()])) is Linear


# --- when and how it is told


def test_warnings_point_at_the_line_that_called_fit(digits, capsys):
    with pytest.warns(DiagnosisWarning, match="the code is the same for each of 500 samples") as caught:
        history = fit(simple(), digits, optimizer=SGD(5.0), progress="training")
    assert [w.filename for w in caught] == [faults_caller()] and [str(w.message) for w in caught] == history.warnings
    assert issubclass(DiagnosisWarning, UserWarning)


def faults_caller():
    return fit.__code__.co_filename


@pytest.mark.filterwarnings("always::tinyae.DiagnosisWarning")
def test_the_command_line_says_it_in_one_line(tmp_path, capsys):
    np.save(tmp_path / "same.npy", np.tile(rows(1, 64).reshape(1, 8, 8), (60, 1, 1)))
    arguments = ["--arch", "simple", "--dataset", tmp_path / "same.npy", "--epochs", 1, "--out", tmp_path / "out"]
    assert main(["train", *map(str, arguments)]) == 0
    said = [line for line in capsys.readouterr().err.splitlines() if "warning" in line]
    assert said == [
        "tinyae: warning: all 49 samples looked at are the same: there is nothing to learn; look at how they were read."
    ]


def test_without_progress_they_are_only_collected(digits):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert len(fit(simple(), digits, optimizer=SGD(5.0)).warnings) == 1
    assert History().warnings == []


def test_a_resumed_run_is_judged_as_a_whole(digits, tmp_path):
    whole = fit(simple(), digits, optimizer=SGD(5.0))
    for _ in range(2):
        again = fit(simple(), digits, optimizer=SGD(5.0), checkpoint=tmp_path)
        assert again.warnings == whole.warnings != []


def test_looking_changes_nothing(digits):
    net, x = deep(), digits[:100]
    kept, code = net.theta.copy(), net.encode(x)
    diagnose(net, x)
    assert_array_equal(net.theta, kept)
    assert_array_equal(net.encode(x), code)
    one, two = deep(), deep()
    fit(one, x)
    fit(one, x)
    fit(two, x)
    diagnose(two, x)
    fit(two, x)
    assert_array_equal(one.theta, two.theta)


def test_diagnose_is_fits_own_judgement(digits):
    x, y = digits[:300], digits[300:350]
    net = simple()
    history = fit(net, x, validation_data=y, optimizer=SGD(5.0), epochs=7)
    assert diagnose(net, x, history, validation_data=y) == history.warnings
    assert diagnose(net, x, history, y=x.copy(), validation_data=(y, y)) == history.warnings
    with pytest.raises(UsageError, match=r"diagnose: expected x of shape \(N, 196\), got \(300, 14, 14\)"):
        diagnose(net, x.reshape(-1, 14, 14))
    with pytest.raises(UsageError, match="diagnose: validation_data: expected x of shape"):
        diagnose(net, x, validation_data=x[0])


def test_large_nets_are_judged_by_fewer_samples():
    class Net:
        def __init__(self, multiply_adds, shape):
            self.multiply_adds, self.input_shape = multiply_adds, shape

    take = faults_module.samples_to_take
    assert take(Net(50_000, (196,))) == 500 and take(Net(10**8, (196,))) == 200
    assert take(Net(10**12, (196,))) == 20 and take(Net(10**6, (1000, 1000, 1))) == 50 and take(Net(0, (1,))) == 500


def test_the_schedule_of_a_history_without_rates():
    net, x = make_net(), rows()
    loss = net.evaluate(x)["loss"]
    history = History()
    for epoch in range(6):
        history.append({"epoch": epoch + 1, "loss": loss})
    assert only(diagnose(net, x, history)).endswith("try a larger learning rate.")
    assert diagnose(net, x, History(), updates=1) == []
    assert Cosine(1.0)(0, 5) == 1.0
