"""The autoencoder: shapes, errors, gradients, fit, encode, evaluate, summary; every number beside a plain formula."""

import numba
import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from tinyae import (
    SGD,
    Adam,
    Autoencoder,
    Callback,
    Cosine,
    Dense,
    Linear,
    ReLU,
    Sequential,
    Sigmoid,
    Softplus,
    Tanh,
    UsageError,
)
from tinyae.architectures import dense_autoencoder
from tinyae.baselines import describe_baselines
from tinyae.gradcheck import assert_gradients, check_model
from tinyae.kernels.config import announce_compiling
from tinyae.layers import Layer
from tinyae.training import memory, shards
from tinyae.training.split import split_validation


def make_net(loss="bce", output="sigmoid", n=7, hidden=(5, 4), code=3, seed=0):
    return dense_autoencoder(
        n, hidden, code, hidden_activation="tanh", code_activation="linear", output_activation=output, loss=loss,
        seed=seed,
    )  # fmt: skip


def make_rows(n=30, d=7, seed=0):
    return np.random.default_rng(seed).uniform(size=(n, d)).astype(np.float32)


def by_hand(model, x):
    """Code and reconstruction of a tanh net with a linear code, in float64 and plain NumPy."""
    weights = [(p["W"].astype(np.float64), p["b"].astype(np.float64)) for p in (o.params for _, o in model.owners())]
    n_encoder = sum(isinstance(layer, Dense) for layer in model.encoder.layers)
    y = np.asarray(x, dtype=np.float64)
    for i, (W, b) in enumerate(weights):
        y = y @ W + b
        if i == n_encoder - 1:
            code = y
        elif i < len(weights) - 1:
            y = np.tanh(y)
    last = model.decoder.layers[-1]
    return code, 1 / (1 + np.exp(-y)) if isinstance(last, Sigmoid) else y


class Grab(Callback):
    """Keeps the run that callbacks see."""

    def on_train_begin(self, run):
        self.run = run


# --- shapes and what is refused


def test_shapes_of_codes_and_reconstructions():
    model, x = make_net(), make_rows()
    assert model.input_shape == model.output_shape == (7,) and model.code_size == 3
    assert model.encode(x).shape == (30, 3)
    assert model.decode(np.zeros((4, 3))).shape == (4, 7)
    assert model.reconstruct(x).shape == model.forward(x).shape == (30, 7)
    assert model.encode(x[:0]).shape == (0, 3)
    assert {a.dtype for a in (model.encode(x), model.decode(np.zeros((4, 3))), model.reconstruct(x))} == {
        np.dtype(np.float32)
    }


def test_images_keep_their_axes():
    class Flatten(Layer):
        """(2, 3, 1) -> (6,), and back with `to`."""

        def __init__(self, to):
            super().__init__()
            self.to = to

        def output_shape_for(self, input_shape):
            return self.to

        def forward(self, x):
            return x.reshape(-1, *self.to)

        def backward(self, dy, need_dx=True):
            return dy.reshape(-1, *self.input_shape)

    model = Autoencoder(
        [Flatten((6,)), Dense(2)], [Dense(6), Flatten((2, 3, 1)), Sigmoid()], input_shape=(2, 3, 1)
    ).astype(np.float64)
    x = make_rows(5, 6).reshape(5, 2, 3, 1)
    assert_gradients(check_model(model, x))
    assert model.evaluate(x)["mse_per_pixel"] == pytest.approx(model.evaluate(x)["squared_error"] / 6)
    assert model.fit(x, epochs=2, batch_size=2, progress=False).baselines.keys() == {"mean_image", "pca", "floor"}
    assert model.reconstruct(x).shape == x.shape and model.encode(x).shape == (5, 2)
    assert "(2, 3, 1)" in model.summary() and "2x3x1 -> 6 -> 2 -> 6 -> 2x3x1" in model.summary()


@pytest.mark.parametrize(
    "make, message",
    [
        pytest.param(
            lambda: Autoencoder([Dense(3)], [Dense(6), Sigmoid()], input_shape=7),
            r"Autoencoder: expected the decoder to come back to the input's shape \(7,\), got \(6,\) "
            r"\(7 -> 3 -> 6\); change the decoder's last layer that sets a size\.",
            id="not-back",
        ),
        pytest.param(
            lambda: Autoencoder([Dense(3)], [Dense(7), Sigmoid()]),
            "Autoencoder: expected input_shape for an encoder that is not built yet, got None",
            id="no-input-shape",
        ),
        pytest.param(
            lambda: Autoencoder(Sequential([Dense(3)], 7), [Dense(7), Sigmoid()], input_shape=8),
            r"Autoencoder: expected an encoder for \(8,\), got \(7,\)\.",
            id="other-input-shape",
        ),
        pytest.param(
            lambda: Autoencoder([Dense(3)], Sequential([Dense(7), Sigmoid()], 4), input_shape=7),
            r"expected a decoder that takes the encoder's output \(3,\), got one for \(4,\)\.",
            id="decoder-for-other-code",
        ),
        pytest.param(
            lambda: Autoencoder([Tanh(), Dense(3)], [Dense(7), Sigmoid()], input_shape=(4, 2, 1)),
            r"Sequential: layer dense_1 cannot follow 4x2x1: Dense: expected rows of numbers \(one length\), "
            r"got samples of shape \(4, 2, 1\); put Flatten\(\)",
            id="dense-on-images",
        ),
        pytest.param(
            lambda: Autoencoder([Dense(3)], [Dense(7)], loss="bce", input_shape=7),
            r"Autoencoder: expected a decoder that ends in Sigmoid for the loss BCE, got Dense; add Sigmoid\(\) as its "
            "last layer, give the last layer activation='sigmoid', or use loss='mse'",
            id="bce-without-sigmoid",
        ),
        pytest.param(
            lambda: Autoencoder([Dense(3)], [Dense(7), ReLU()], loss="bce", input_shape=7),
            "ends in Sigmoid for the loss BCE, got ReLU",
            id="bce-behind-relu",
        ),
        pytest.param(
            lambda: Autoencoder([Dense(3)], [Dense(7), Sigmoid()], loss="bec", input_shape=7),
            r"Autoencoder: expected loss to be one of bce, mse, .*got 'bec' \(did you mean 'bce'\?\)",
            id="unknown-loss",
        ),
        pytest.param(
            lambda: Autoencoder([Dense(3), "relu"], [Dense(7), Sigmoid()], input_shape=7),
            r"Sequential: expected a list of at least one Layer, got \['str'\]",
            id="no-layer",
        ),
        pytest.param(
            lambda: Autoencoder([], [Dense(7), Sigmoid()], input_shape=7), "got an empty list", id="empty-encoder"
        ),
        pytest.param(
            lambda: Autoencoder([Dense(3)], [Dense(7), Sigmoid()], input_shape=0), "lengths of at least 1", id="zero"
        ),
    ],
)
def test_nets_that_do_not_fit_are_refused(make, message):
    with pytest.raises(ValueError, match=message) as caught:
        make()
    assert "\n" not in str(caught.value)


def test_one_layer_object_cannot_stand_on_both_sides():
    layer = Dense(7)
    with pytest.raises(ValueError, match="layer"):
        Autoencoder([layer], [layer, Sigmoid()], input_shape=7)


@pytest.mark.parametrize("name", ["encode", "decode", "reconstruct", "evaluate"])
def test_wrong_width_is_refused(name):
    with pytest.raises(ValueError, match=rf"{name}: expected x of shape \(N, [73]\), got \(5, 6\)\."):
        getattr(make_net(), name)(np.zeros((5, 6)))


# --- gradients


@pytest.mark.parametrize(
    "loss, output, matched",
    [("bce", "sigmoid", True), ("mse", "linear", True), ("mse", "sigmoid", False), ("mse", "tanh", False)],
)
@pytest.mark.parametrize("separate", [False, True], ids=["itself", "separate-target"])
def test_loss_gradient_is_the_slope(loss, output, matched, separate):
    model = make_net(loss, output).astype(np.float64)
    assert model.matched == matched
    x = make_rows(6)
    target = make_rows(6, seed=1) if separate else None
    assert_gradients(check_model(model, x, target))


@pytest.mark.parametrize(
    "last, loss, matched",
    [
        pytest.param([Dense(7)], "mse", True, id="no activation is a linear one"),
        pytest.param([Dense(7, activation="linear")], "mse", True, id="linear, by name"),
        pytest.param([Dense(7, activation="sigmoid")], "bce", True, id="sigmoid inside of the last layer"),
        pytest.param([Dense(7, activation="sigmoid")], "mse", False, id="chain rule through the sigmoid"),
        pytest.param([Dense(7), Softplus()], "mse", False, id="chain rule through softplus"),
    ],
)
def test_a_loss_and_its_output_unit_are_matched_wherever_the_unit_stands(last, loss, matched):
    model = Autoencoder([Dense(3)], last, loss=loss, input_shape=7).astype(np.float64)
    assert model.matched == matched
    assert_gradients(check_model(model, make_rows(6)))
    assert model.evaluate(make_rows(6))["squared_error"] == pytest.approx(
        ((model.reconstruct(make_rows(6)) - make_rows(6)) ** 2).sum(axis=1).mean()
    )


def test_matched_gradient_at_the_output_is_reconstruction_minus_target():
    x = make_rows(6)
    for loss, output in (("bce", "sigmoid"), ("mse", "linear")):
        model = make_net(loss, output).astype(np.float64)
        model.loss_and_gradient(x)
        # the last bias is the output's pre-activation shifted: dL/db = mean over images of dL/da
        expected = (by_hand(model, x)[1] - x).mean(axis=0)
        assert_allclose(model.gradient[-7:], expected, rtol=1e-10)


def test_input_gradient_runs_through_both_halves():
    model = make_net("mse", "linear").astype(np.float64)
    x, dy = make_rows(4).astype(np.float64), np.random.default_rng(1).normal(size=(4, 7))
    model.forward(x)
    dx = model.backward(dy)
    h = 1e-6
    nudged = x.copy()
    nudged[2, 5] += h
    slope = np.sum(dy * (model.forward(nudged) - model.forward(x))) / h
    assert_allclose(dx[2, 5], slope, rtol=1e-4)
    assert model.backward(dy, need_dx=False) is None


# --- encode, decode, reconstruct


def test_encode_decode_reconstruct_are_the_formula():
    model, x = make_net(), make_rows()
    code, output = by_hand(model, x)
    assert_allclose(model.encode(x), code, rtol=1e-5, atol=1e-6)
    assert_allclose(model.reconstruct(x), output, rtol=1e-5, atol=1e-6)
    assert_allclose(model.decode(model.encode(x)), model.reconstruct(x), rtol=1e-6)
    assert_allclose(model.encoder.forward(x), code, rtol=1e-5, atol=1e-6)
    assert_allclose(model.forward(x), output, rtol=1e-5, atol=1e-6)


def test_chunks_and_threads_change_nothing(monkeypatch):
    monkeypatch.setattr(shards, "SMALLEST_SHARED_WORK", 0)  # or a net this small runs on one thread
    model, x = make_net().astype(np.float64), make_rows(2 * memory.MOST_ROWS + 13)
    code, output = by_hand(model, x)
    for threads in (1, 2, 3):
        assert_allclose(model.encode(x, threads=threads), code, rtol=1e-11, atol=1e-12)
        assert_allclose(model.reconstruct(x, threads=threads), output, rtol=1e-11)
        assert model.evaluate(x, threads=threads)["squared_error"] == pytest.approx(
            np.square(output - x).sum(axis=1).mean(), rel=1e-12
        )


@pytest.mark.parametrize(
    "convert",
    [
        pytest.param(lambda x: x.astype(np.float64), id="float64"),
        pytest.param(lambda x: x.tolist(), id="list"),
        pytest.param(np.asfortranarray, id="fortran"),
        pytest.param(lambda x: np.repeat(x, 2, axis=0)[::2], id="strided"),
    ],
)
def test_any_array_of_numbers_will_do(convert):
    x = make_rows()
    plain, other = make_net(), make_net()
    assert_allclose(other.encode(convert(x)), plain.encode(x), rtol=1e-6)
    assert other.evaluate(convert(x)) == pytest.approx(plain.evaluate(x), rel=1e-6)
    plain.fit(x, epochs=2, batch_size=8, progress=False)
    other.fit(convert(x), epochs=2, batch_size=8, progress=False)
    assert_array_equal(other.theta, plain.theta)


def test_integers_become_floats():
    bits = make_rows() > 0.5
    codes = [make_net().encode(x) for x in (bits, bits.astype(np.uint8), bits.astype(np.int64))]
    assert codes[0].dtype == np.float32
    assert_array_equal(codes[0], codes[1])
    assert_array_equal(codes[0], codes[2])


def test_what_the_caller_owns_stays_as_it_was():
    x, y, code = make_rows(), make_rows(seed=1), make_rows(5, 3)
    kept = [a.copy() for a in (x, y, code)]
    for a in (x, y, code):
        a.flags.writeable = False  # a write would raise
    for output, loss in (("sigmoid", "bce"), ("linear", "mse")):
        model = make_net(loss, output)
        model.fit(x, y, epochs=2, batch_size=7, validation_split=0.2, progress=False)
        model.fit(x, epochs=1, validation_data=(x, y), progress=False)
        model.encode(x), model.decode(code), model.reconstruct(x), model.evaluate(x, y), model.forward(x)
        model.loss_and_gradient(x, y)
    for a, b in zip((x, y, code), kept, strict=True):
        assert_array_equal(a, b)


def test_a_net_that_begins_with_an_activation_leaves_the_data_alone():
    x = make_rows() - 0.5
    kept = x.copy()
    model = Autoencoder([ReLU(), Dense(3)], [Linear(), Dense(7), Linear()], loss="mse", input_shape=7)
    model.fit(x, epochs=2, progress=False)
    model.reconstruct(x)
    assert_array_equal(x, kept)


# --- evaluate


def bce_by_hand(x, output):
    return -(x * np.log(output) + (1 - x) * np.log(1 - output)).sum(axis=1).mean()


@pytest.mark.parametrize("separate", [False, True], ids=["itself", "separate-target"])
@pytest.mark.parametrize("n", [1, 30, memory.MOST_ROWS + 3])
def test_evaluate_is_the_plain_formulas(n, separate):
    x = make_rows(n).astype(np.float64)
    target = make_rows(n, seed=1).astype(np.float64) if separate else x
    extra = (target,) if separate else ()
    model = make_net()
    output = by_hand(model, x)[1]
    squared, bce = np.square(output - target).sum(axis=1).mean(), bce_by_hand(target, output)
    assert model.evaluate(x, *extra) == pytest.approx(
        {"loss": bce, "squared_error": squared, "mse_per_pixel": squared / 7, "bce_per_pixel": bce / 7}, rel=1e-5
    )
    for output_unit in ("linear", "sigmoid"):
        model = make_net("mse", output_unit)
        squared = np.square(by_hand(model, x)[1] - target).sum(axis=1).mean()
        assert model.evaluate(x, *extra) == pytest.approx(
            {"loss": squared / 2, "squared_error": squared, "mse_per_pixel": squared / 7}, rel=1e-5
        )


# --- summary


def test_summary_shows_shapes_and_counts():
    assert make_net().summary().splitlines() == [
        "layer              kind     output shape  parameters  multiply-adds",
        "-------------------------------------------------------------------",
        "input                       (7,)                   0              0",
        "encoder.dense_1    Dense    (5,)                  40             35",
        "encoder.tanh_1     Tanh     (5,)                   0              0",
        "encoder.dense_2    Dense    (4,)                  24             20",
        "encoder.tanh_2     Tanh     (4,)                   0              0",
        "encoder.dense_3    Dense    (3,)                  15             12",
        "encoder.linear_1   Linear   (3,)                   0              0",
        "decoder.dense_1    Dense    (4,)                  16             12",
        "decoder.tanh_1     Tanh     (4,)                   0              0",
        "decoder.dense_2    Dense    (5,)                  25             20",
        "decoder.tanh_2     Tanh     (5,)                   0              0",
        "decoder.dense_3    Dense    (7,)                  42             35",
        "decoder.sigmoid_1  Sigmoid  (7,)                   0              0",
        "-------------------------------------------------------------------",
        "162 parameters, 0.6 kB; 134 multiply-adds a sample; 7 -> 5 -> 4 -> 3 -> 4 -> 5 -> 7; loss BCE()",
    ]
    assert repr(make_net("mse")) == "Autoencoder(7 -> 5 -> 4 -> 3 -> 4 -> 5 -> 7, loss=MSE())"


# --- parameters


def test_layers_hold_views_into_one_vector():
    model = make_net()
    assert model.theta.size == model.gradient.size == model.n_params == 162
    start = 0
    for _, layer in model.owners():
        for name, p in layer.params.items():
            part = slice(start, start + p.size)
            assert np.shares_memory(p, model.theta[part]) and np.shares_memory(layer.grads[name], model.gradient[part])
            assert_array_equal(p.ravel(), model.theta[part])
            start += p.size
    assert start == 162
    x = make_rows(3)
    model.theta[:] = 0
    assert_array_equal(model.encoder.forward(x), np.zeros((3, 3)))
    assert_array_equal(model.decoder.forward(np.ones((3, 3), np.float32)), np.full((3, 7), 0.5))
    assert_array_equal(model.reconstruct(x), np.full((3, 7), 0.5))


def test_the_seed_draws_the_parameters():
    assert_array_equal(make_net(seed=3).theta, make_net(seed=3).theta)
    assert (make_net(seed=3).theta != make_net(seed=4).theta).any()
    model = Autoencoder([Dense(7)], [Dense(7), Sigmoid()], input_shape=7)
    W_up, W_down = (net.layers[0].params["W"] for net in (model.encoder, model.decoder))
    assert (W_up != W_down).any()  # one generator for both: the decoder does not begin as the encoder's twin


def test_built_halves_keep_their_parameters():
    encoder, decoder = Sequential([Dense(3)], 7), Sequential([Dense(7), Sigmoid()], 3)
    kept = encoder.layers[0].params["W"].copy(), decoder.layers[0].params["W"].copy()
    model = Autoencoder(encoder, decoder, seed=5)
    assert model.encoder is encoder
    assert_array_equal(encoder.layers[0].params["W"], kept[0])
    assert_array_equal(decoder.layers[0].params["W"], kept[1])


def test_astype_makes_a_net_of_its_own():
    model, x = make_net(), make_rows()
    double = model.astype(np.float64)
    assert model.theta.dtype == np.float32 and double.theta.dtype == np.float64
    assert double.reconstruct(x).dtype == np.float64
    assert_array_equal(double.theta, model.theta.astype(np.float64))
    assert not np.shares_memory(double.theta, model.theta)
    kept = model.theta.copy()
    double.fit(x, epochs=1, progress=False)
    assert_array_equal(model.theta, kept)
    assert (double.theta != kept).any()
    kept = double.theta.copy()
    model.fit(x, epochs=1, progress=False)
    assert_array_equal(double.theta, kept)
    assert_array_equal(double.astype(np.float32).theta, double.theta.astype(np.float32))


# --- fit


def test_fit_is_the_loop_one_would_write():
    """Batches in order, the last one short, plain gradient steps; the loss is the mean over the images."""
    x = make_rows(23)
    model = make_net("mse", "linear").astype(np.float64)
    twin = model.astype(np.float64)
    history = model.fit(x, epochs=3, batch_size=10, optimizer=SGD(lr=0.1), shuffle=False, progress=False)
    losses = []
    for _ in range(3):
        total = 0.0
        for start in (0, 10, 20):
            batch = x[start : start + 10]
            total += twin.loss_and_gradient(batch) * len(batch)
            twin.theta -= 0.1 * twin.gradient
        losses.append(total / 23)
    assert_allclose(model.theta, twin.theta, rtol=1e-12, atol=1e-14)
    assert_allclose(history["loss"], losses, rtol=1e-12)
    assert history["epoch"] == [1, 2, 3] and history["lr"] == [0.1] * 3 and len(history) == 3


def test_separate_targets_are_learnt():
    x = make_rows(40)
    reversed_x = x[:, ::-1]
    model = make_net("mse", "linear", hidden=(), code=7)
    model.fit(x, reversed_x, epochs=150, batch_size=40, optimizer=Adam(lr=0.02), progress=False)
    assert model.evaluate(x, reversed_x)["squared_error"] < 0.05
    assert model.evaluate(x)["squared_error"] > 0.5


def test_targets_equal_to_the_inputs_change_nothing():
    x = make_rows()
    plain, given = make_net(), make_net()
    plain.fit(x, epochs=2, batch_size=8, validation_split=0.2, progress=False)
    given.fit(x, x.copy(), epochs=2, batch_size=8, validation_split=0.2, progress=False)
    assert_array_equal(plain.theta, given.theta)


def test_validation_part_is_drawn_not_cut_off():
    labels = np.repeat(np.arange(10), 100)  # sorted, as data often comes
    x = np.column_stack([labels / 10, make_rows(1000, 6)]).astype(np.float32)
    x_kept, _, (x_held, _) = split_validation(x, x, 0.2, np.random.default_rng(0))
    assert len(x_held) == 200 and len(x_kept) == 800
    counts = np.unique(np.round(x_held[:, 0] * 10), return_counts=True)[1]
    assert len(counts) == 10 and counts.min() >= 8 and counts.max() <= 36  # 20 each, give or take 4 standard deviations
    together = np.concatenate([x_kept, x_held])
    assert_array_equal(together[np.lexsort(together.T)], x[np.lexsort(x.T)])  # every row once


def test_validation_part_by_seed_and_in_pairs():
    x = make_rows(50)
    y = 1 - x

    def held(seed):
        grab = Grab()
        make_net().fit(x, y, epochs=1, validation_split=0.3, seed=seed, callbacks=[grab], progress=False)
        return grab.run.validation

    inputs, targets = held(1)
    assert len(inputs) == 15
    assert_allclose(targets, 1 - inputs, rtol=1e-6)
    assert_array_equal(inputs, held(1)[0])
    assert (inputs != held(2)[0]).any()


def test_validation_rows_are_not_trained_on():
    x = make_rows(20)
    seen = []

    class Spy(Dense):
        def forward(self, rows):
            seen.append(np.array(rows))
            return super().forward(rows)

        def backward(self, dy, need_dx=True):
            trained.append(self.x.copy())
            return super().backward(dy, need_dx)

    trained, grab = [], Grab()
    model = Autoencoder([Spy(3)], [Dense(7), Sigmoid()], input_shape=7)
    model.fit(x, epochs=2, batch_size=6, validation_split=0.25, callbacks=[grab], progress=False)
    rows = np.concatenate(trained)
    held = grab.run.validation[0]
    assert len(rows) == 2 * 15 and len(held) == 5 and len(grab.run.training[0]) == 15
    assert not (rows[:, None] == held[None]).all(axis=2).any()
    assert (np.concatenate(seen)[:, None] == held[None]).all(axis=2).any()  # but they are looked at


def test_val_loss_is_the_loss_of_the_held_out_data():
    x, held, target = make_rows(), make_rows(9, seed=1), make_rows(9, seed=2)
    model = make_net()
    history = model.fit(x, epochs=2, validation_data=held, progress=False)
    assert history["val_loss"][-1] == pytest.approx(model.evaluate(held)["loss"], rel=1e-6)
    history = model.fit(x, x, epochs=2, validation_data=(held, target), progress=False)
    assert history["val_loss"][-1] == pytest.approx(model.evaluate(held, target)["loss"], rel=1e-6)
    assert "val_loss" not in model.fit(x, epochs=1, progress=False)


def pca_by_hand(x_train, x, k):
    mean = x_train.mean(axis=0)
    components = np.linalg.svd(x_train - mean, full_matrices=False)[2][:k]
    return mean + (x - mean) @ components.T @ components


def test_baselines_are_what_they_say():
    x, held = make_rows(60).astype(np.float64), make_rows(25, seed=1).astype(np.float64)
    mean = np.broadcast_to(x.mean(axis=0), held.shape)

    known = make_net("mse", "linear").fit(x, validation_data=held, epochs=1, progress=False).baselines
    assert known == pytest.approx(
        {
            "mean_image": 0.5 * np.square(held - mean).sum(axis=1).mean(),
            "pca": 0.5 * np.square(held - pca_by_hand(x, held, 3)).sum(axis=1).mean(),
            "floor": 0.0,
        },
        rel=1e-5,
    )
    known = make_net().fit(x, validation_data=held, epochs=1, progress=False).baselines
    clipped = np.clip(pca_by_hand(x, held, 3), 1e-7, 1 - 1e-7)
    assert known == pytest.approx(
        {"mean_image": bce_by_hand(held, mean), "pca": bce_by_hand(held, clipped), "floor": bce_by_hand(held, held)},
        rel=1e-4,
    )
    assert known["floor"] < known["pca"]


def test_baselines_without_validation_are_those_of_the_training_data():
    x = make_rows(60).astype(np.float64)
    known = make_net("mse", "linear").fit(x, epochs=1, progress=False).baselines
    assert known["pca"] == pytest.approx(0.5 * np.square(x - pca_by_hand(x, x, 3)).sum(axis=1).mean(), rel=1e-5)


def test_baselines_leave_out_what_has_no_meaning():
    x, y = make_rows(20), make_rows(20, seed=1)
    assert set(make_net().fit(x, y, epochs=1, progress=False).baselines) == {"mean_image", "floor"}
    assert set(make_net(code=7).fit(x, epochs=1, progress=False).baselines) == {"mean_image", "floor"}
    known = make_net().fit(x, y, epochs=1, progress=False).baselines
    mean = np.broadcast_to(y.mean(axis=0), y.shape)
    assert known["mean_image"] == pytest.approx(bce_by_hand(y, mean), rel=1e-5)


def test_baselines_in_one_line():
    values = {"mean_image": 206.123, "pca": 150.456, "floor": 45.789}
    assert describe_baselines(values, make_net()) == (
        "Loss to beat: mean image 206.12, PCA-3 150.46; floor 45.79 "
        "(BCE, nats: sum over an image's numbers, mean over images)"
    )
    assert "PCA" not in describe_baselines({"mean_image": 2.0, "floor": 1.0}, make_net())


@pytest.mark.parametrize("loss, output", [("bce", "sigmoid"), ("mse", "linear"), ("mse", "sigmoid")])
@pytest.mark.parametrize("optimizer", ["sgd", "rmsprop", "adam", "nadam"])
def test_training_lowers_the_loss(loss, output, optimizer):
    x = make_rows(60)
    model = make_net(loss, output)
    before = model.evaluate(x)["loss"]
    history = model.fit(x, epochs=20, batch_size=10, optimizer=optimizer, progress=False)
    assert history["loss"][-1] < history["loss"][0]
    assert model.evaluate(x)["loss"] < before


def test_a_linear_net_finds_the_principal_subspace():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(80, 8)) * 0.7 ** np.arange(8) @ np.linalg.qr(rng.normal(size=(8, 8)))[0]
    model = Autoencoder([Dense(3)], [Dense(8), Linear()], loss="mse", input_shape=8)
    model.fit(x, epochs=600, batch_size=80, optimizer=Adam(lr=Cosine(0.03)), progress=False)
    best = np.square(x - pca_by_hand(x, x, 3)).sum(axis=1).mean()
    assert best * (1 - 1e-5) < model.evaluate(x)["squared_error"] < 1.01 * best


def test_a_batch_larger_than_the_data_is_all_of_it():
    x = make_rows(9)
    whole, larger = make_net(), make_net()
    whole.fit(x, epochs=3, batch_size=9, progress=False)
    larger.fit(x, epochs=3, batch_size=1000, progress=False)
    assert_array_equal(whole.theta, larger.theta)


def test_one_sample_is_enough():
    x = make_rows(1)
    model = make_net()
    history = model.fit(x, epochs=3, progress=False)
    assert np.isfinite(history["loss"]).all() and history["loss"][2] < history["loss"][0]
    assert model.reconstruct(x).shape == (1, 7)
    with pytest.raises(UsageError, match=r"validation_split to leave something to train on, got 0\.9 of 1\."):
        model.fit(x, validation_split=0.9, progress=False)


def test_double_precision_nets_train_in_double_precision():
    model = make_net().astype(np.float64)
    model.fit(make_rows(), epochs=2, progress=False)
    assert model.theta.dtype == np.float64
    assert (model.theta != model.theta.astype(np.float32)).any()


def test_nets_share_parameters_with_their_halves_after_fit():
    model, x = make_net(), make_rows()
    model.fit(x, epochs=2, progress=False)
    assert_allclose(model.decoder.forward(model.encoder.forward(x)), by_hand(model, x)[1], rtol=1e-5, atol=1e-6)


def nan_at(row, column):
    x = make_rows()
    x[row, column] = np.nan
    return x


@pytest.mark.parametrize(
    "x, settings, message",
    [
        pytest.param(np.zeros((0, 7)), {}, "fit: expected at least one sample in x, got none", id="empty"),
        pytest.param(
            nan_at(2, 3),
            {},
            r"fit: expected finite numbers in x, got 1 NaN or infinite, the first at index \(2, 3\)",
            id="nan",
        ),
        pytest.param(
            make_rows(),
            {"y": nan_at(4, 0)},
            r"fit: expected finite numbers in y, .* the first at index \(4, 0\)",
            id="nan-y",
        ),
        pytest.param(
            make_rows(),
            {"validation_data": nan_at(1, 1)},
            r"fit: validation_data: expected finite numbers in x, .* index \(1, 1\)",
            id="nan-validation",
        ),
        pytest.param(np.zeros((5, 8)), {}, r"fit: expected x of shape \(N, 7\), got \(5, 8\)", id="wide"),
        pytest.param(np.zeros(7), {}, r"fit: expected x of shape \(N, 7\), got \(7,\)", id="one-row"),
        pytest.param([["a"] * 7], {}, "fit: expected x to be an array of numbers, got list", id="words"),
        pytest.param(
            make_rows(), {"y": np.zeros((29, 7))}, "fit: expected as many targets as inputs, got 29 and 30", id="y-long"
        ),
        pytest.param(
            make_rows(), {"y": np.zeros((30, 6))}, r"fit: expected y of shape \(N, 7\), got \(30, 6\)", id="y-wide"
        ),
        pytest.param(
            make_rows(),
            {"validation_data": np.zeros((3, 6))},
            r"fit: validation_data: expected x of shape \(N, 7\), got \(3, 6\)",
            id="validation-wide",
        ),
        pytest.param(
            255 * make_rows(), {}, r"BCE: expected targets in \[0, 1\], got values from .* divide by 255", id="bytes"
        ),
        pytest.param(make_rows(), {"y": 255 * make_rows()}, "divide by 255", id="bytes-y"),
        pytest.param(
            np.full((5, 7), 200, np.uint8),
            {},
            r"fit: expected x scaled to \[0, 1\], got uint8 numbers up to 200; use x / 255\.",
            id="uint8",
        ),
        pytest.param(np.zeros((5, 7, 1)), {}, r"got \(5, 7, 1\); use x\.reshape\(-1, 7\)\.", id="images"),
        pytest.param(make_rows() - 0.5, {}, r"scale the data to \[0, 1\] or use loss='mse'", id="negative"),
        pytest.param(
            make_rows(),
            {"optimizer": "adamm"},
            r"fit: expected optimizer to be one of sgd, rmsprop, adam, nadam, got 'adamm' \(did you mean 'adam'\?\)",
            id="optimizer",
        ),
        pytest.param(
            make_rows(),
            {"validation_split": 1.0},
            r"fit: expected validation_split in \[0, 1\), got 1\.0",
            id="split-1",
        ),
        pytest.param(make_rows(), {"validation_split": -0.1}, r"validation_split in \[0, 1\)", id="split-negative"),
        pytest.param(make_rows(), {"validation_split": 0.999}, "leave something to train on, got 0.999", id="split"),
        pytest.param(make_rows(), {"epochs": 0}, "fit: expected epochs to be a whole number >= 1, got 0", id="epochs"),
        pytest.param(make_rows(), {"batch_size": 2.5}, "expected batch_size to be a whole number >= 1", id="batch"),
        pytest.param(
            make_rows(), {"threads": 0}, "expected threads to be a whole number >= 1, got 0", id="threads-zero"
        ),
    ],
)
def test_bad_data_and_settings_are_refused(x, settings, message):
    model = make_net()
    kept = model.theta.copy()
    with pytest.raises(ValueError, match=message) as caught:
        model.fit(x, **{"epochs": 1, "progress": False} | settings)
    assert "\n" not in str(caught.value)
    assert_array_equal(model.theta, kept)


def test_evaluate_refuses_what_fit_refuses():
    model = make_net()
    with pytest.raises(UsageError, match=r"evaluate: expected finite numbers in x, .* index \(2, 3\)"):
        model.evaluate(nan_at(2, 3))
    with pytest.raises(UsageError, match="divide by 255"):
        model.evaluate(255 * make_rows())
    with pytest.raises(UsageError, match="evaluate: expected as many targets as inputs, got 2 and 30"):
        model.evaluate(make_rows(), make_rows(2))
    with pytest.raises(UsageError, match="evaluate: expected at least one sample in x"):
        model.evaluate(np.zeros((0, 7)))


def test_a_kernel_that_is_compiled_is_announced_once(capsys):
    @numba.njit
    def new(x):
        return x + 1

    with announce_compiling():
        assert new(1) == 2 and new(1.5) == 2.5  # two compilations
    assert capsys.readouterr().err.count("compiling kernels") == (0 if numba.config.DISABLE_JIT else 1)
    with announce_compiling():
        new(2)
    assert capsys.readouterr().err == ""
