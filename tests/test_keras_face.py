"""tinyae.keras as somebody uses it who knows Keras: the well-known listings, shared layers, fit, files, errors."""

import copy
import csv
import json
import pickle
import zipfile

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

import tinyae
import tinyae.keras as keras
from tinyae import UsageError, analysis
from tinyae.datasets import load_digits
from tinyae.keras import Input, Model, Sequential, layers, regularizers
from tinyae.keras.callbacks import Callback, CSVLogger, EarlyStopping, ModelCheckpoint
from tinyae.keras.models import load_model


@pytest.fixture(autouse=True)
def seed():
    keras.utils.set_random_seed(0)
    keras.utils.clear_session()


@pytest.fixture(scope="module")
def digits():
    data = load_digits(n_train=400, n_test=100)
    return data.x_train, data.x_test


def rows(n=40, d=8, seed=0):
    return np.random.default_rng(seed).uniform(size=(n, d)).astype(np.float32)


def small(n=8, code=3, output="sigmoid", loss="binary_crossentropy", optimizer="adam"):
    """(autoencoder, encoder), compiled."""
    i = Input(n)
    c = layers.Dense(code, activation="tanh")(i)
    net = Model(i, layers.Dense(n, activation=output)(c))
    net.compile(optimizer, loss)
    return net, Model(i, c)


# --- the listings of the well-known article, on digits drawn by code


def test_the_simplest_autoencoder(digits):
    x_train, x_test = digits
    encoding_dim = 32
    input_img = keras.Input(shape=(784,))
    encoded = layers.Dense(encoding_dim, activation="relu")(input_img)
    decoded = layers.Dense(784, activation="sigmoid")(encoded)
    autoencoder = keras.Model(input_img, decoded)
    encoder = keras.Model(input_img, encoded)
    encoded_input = keras.Input(shape=(encoding_dim,))
    decoder_layer = autoencoder.layers[-1]
    decoder = keras.Model(encoded_input, decoder_layer(encoded_input))
    autoencoder.compile(optimizer="adam", loss="binary_crossentropy")
    before = autoencoder.evaluate(x_test, x_test, verbose=0)
    history = autoencoder.fit(
        x_train, x_train, epochs=30, batch_size=20, shuffle=True, validation_data=(x_test, x_test), verbose=0
    )
    encoded_imgs = encoder.predict(x_test)
    decoded_imgs = decoder.predict(encoded_imgs)
    assert encoded_imgs.shape == (100, 32) and decoded_imgs.shape == (100, 784)
    assert type(decoded_imgs) is np.ndarray and decoded_imgs.dtype == np.float32
    assert_allclose(decoded_imgs, autoencoder.predict(x_test), rtol=1e-4, atol=1e-6)
    assert history.history["val_loss"][-1] < 0.25 * before  # 0.69: a coin's
    bce = analysis.binary_cross_entropy(x_test, decoded_imgs) / 784
    assert history.history["val_loss"][-1] == pytest.approx(bce, rel=1e-4)


def test_a_sparse_code(digits):
    x_train, _ = digits

    def active(penalty):
        keras.utils.set_random_seed(1)
        input_img = keras.Input(shape=(784,))
        encoded = layers.Dense(32, activation="relu", activity_regularizer=penalty)(input_img)
        autoencoder = keras.Model(input_img, layers.Dense(784, activation="sigmoid")(encoded))
        autoencoder.compile(optimizer="adam", loss="binary_crossentropy")
        autoencoder.fit(x_train, x_train, epochs=10, batch_size=20, verbose=0)
        return keras.Model(input_img, encoded).predict(x_train).mean()

    assert active(regularizers.l1(10e-3)) < 0.3 * active(None)


def test_a_deep_autoencoder_and_its_decoder(digits):
    x_train, x_test = digits
    input_img = keras.Input(shape=(784,))
    encoded = layers.Dense(128, activation="relu")(input_img)
    encoded = layers.Dense(64, activation="relu")(encoded)
    encoded = layers.Dense(32, activation="relu")(encoded)
    decoded = layers.Dense(64, activation="relu")(encoded)
    decoded = layers.Dense(128, activation="relu")(decoded)
    decoded = layers.Dense(784, activation="sigmoid")(decoded)
    autoencoder = keras.Model(input_img, decoded)
    autoencoder.compile(optimizer="adam", loss="binary_crossentropy")
    autoencoder.fit(x_train, x_train, epochs=3, batch_size=50, verbose=0)
    code = x = keras.Input((32,))
    for layer in autoencoder.layers[-3:]:
        x = layer(x)
    decoder = keras.Model(code, x)
    again = x = keras.Input((784,))
    for layer in autoencoder.layers:  # the InputLayer lets it through
        x = layer(x)
    assert_allclose(keras.Model(again, x).predict(x_test), autoencoder.predict(x_test), rtol=1e-4, atol=1e-6)
    encoder = keras.Model(autoencoder.input, autoencoder.get_layer("dense_2").output)
    assert_allclose(decoder.predict(encoder.predict(x_test)), autoencoder.predict(x_test), rtol=1e-4, atol=1e-6)
    assert [type(layer).__name__ for layer in autoencoder.layers] == ["InputLayer"] + ["Dense"] * 6
    assert autoencoder.autoencoder().code_size == 32  # cut where it is narrowest


def convolutional(filters):
    input_img = keras.Input(shape=(28, 28, 1))
    x = layers.Conv2D(filters[0], (3, 3), activation="relu", padding="same")(input_img)
    x = layers.MaxPooling2D((2, 2), padding="same")(x)
    x = layers.Conv2D(filters[1], (3, 3), activation="relu", padding="same")(x)
    x = layers.MaxPooling2D((2, 2), padding="same")(x)
    x = layers.Conv2D(filters[1], (3, 3), activation="relu", padding="same")(x)
    encoded = layers.MaxPooling2D((2, 2), padding="same")(x)
    x = layers.Conv2D(filters[1], (3, 3), activation="relu", padding="same")(encoded)
    x = layers.UpSampling2D((2, 2))(x)
    x = layers.Conv2D(filters[1], (3, 3), activation="relu", padding="same")(x)
    x = layers.UpSampling2D((2, 2))(x)
    x = layers.Conv2D(filters[0], (3, 3), activation="relu")(x)
    x = layers.UpSampling2D((2, 2))(x)
    decoded = layers.Conv2D(1, (3, 3), activation="sigmoid", padding="same")(x)
    return keras.Model(input_img, decoded), keras.Model(input_img, encoded)


def test_a_convolutional_autoencoder_with_tensorboard(digits, tmp_path):
    pytest.importorskip("tensorboardX")
    x_train = digits[0][:64].reshape(-1, 28, 28, 1)
    autoencoder, encoder = convolutional((4, 3))
    autoencoder.compile(optimizer="adam", loss="binary_crossentropy")
    autoencoder.fit(
        x_train, x_train, epochs=2, batch_size=32, shuffle=True, validation_data=(x_train[:8], x_train[:8]),
        callbacks=[keras.callbacks.TensorBoard(log_dir=str(tmp_path / "autoencoder"))], verbose=0,
    )  # fmt: skip
    assert encoder.predict(x_train).shape == (64, 4, 4, 3)
    assert list(tmp_path.rglob("*tfevents*"))


def test_denoising_with_images_without_a_channel_axis(digits):
    x = digits[0][:96].reshape(-1, 28, 28)
    noisy = np.clip(x + 0.5 * np.random.default_rng(0).normal(size=x.shape), 0.0, 1.0)
    autoencoder, _ = convolutional((4, 4))
    autoencoder.compile(optimizer=keras.optimizers.Adam(learning_rate=0.01), loss="binary_crossentropy")
    history = autoencoder.fit(
        noisy, x, epochs=6, batch_size=16, validation_data=(noisy[:8], x[:8]), verbose=0
    )  # (N, 28, 28): one channel
    assert history.history["loss"][-1] < 0.6 * history.history["loss"][0]
    clean = autoencoder.predict(noisy)
    assert clean.shape == (96, 28, 28, 1)
    assert_array_equal(autoencoder.predict(noisy[..., None]), clean)
    error = ((clean[..., 0] - x) ** 2).mean()
    assert autoencoder.evaluate(noisy, x, verbose=0) > 0 and error < ((noisy - x) ** 2).mean()


def test_a_variational_autoencoder(digits):
    x_train, _ = digits
    inputs = keras.Input(shape=(784,))
    h = layers.Dense(64, activation="relu")(inputs)
    z = layers.GaussianCode(beta=1 / 784, name="z")(layers.Dense(2 * 2)(h))
    encoder = keras.Model(inputs, z, name="encoder")
    latent = keras.Input(shape=(2,))
    x = layers.Dense(64, activation="relu")(latent)
    decoder = keras.Model(latent, layers.Dense(784, activation="sigmoid")(x), name="decoder")
    vae = keras.Model(inputs, decoder(encoder(inputs)), name="vae")
    vae.compile(optimizer="adam", loss="binary_crossentropy")
    history = vae.fit(x_train, epochs=8, batch_size=20, validation_split=0.1, verbose=0)
    assert history.history["val_loss"][-1] < history.history["val_loss"][0]
    parts, last = history.parts, -1
    assert parts["kl"][last] > 0
    assert history.history["loss"][last] == pytest.approx(parts["reconstruction"][last] + parts["kl"][last])
    assert decoder.predict(np.zeros((1, 2))).shape == (1, 784)
    assert [layer.name for layer in vae.layers[1:]] == ["encoder", "decoder"]
    assert_allclose(decoder.predict(encoder.predict(x_train)), vae.predict(x_train), rtol=1e-4, atol=1e-6)
    own = vae.to_tinyae()
    assert own.evaluate(x_train)["objective"] == pytest.approx(784 * vae.evaluate(x_train, verbose=0), rel=1e-5)


# --- layers and models


def test_sequential_in_all_its_ways():
    keras.utils.set_random_seed(4)
    one = Sequential([Input((8,)), layers.Dense(3, activation="relu"), layers.Dense(8)])
    keras.utils.set_random_seed(4)
    two = Sequential()
    two.add(layers.InputLayer(shape=(8,)))
    two.add(layers.Dense(3, activation="relu"))
    two.add(layers.Dense(8))
    keras.utils.set_random_seed(4)
    three = Sequential([layers.Dense(3, activation="relu", input_shape=(8,)), layers.Dense(8)])
    keras.utils.set_random_seed(4)
    four = Sequential([layers.Dense(3, activation="relu"), layers.Dense(8)])
    four.build((None, 8))
    keras.utils.set_random_seed(4)
    five = Sequential([layers.Dense(3, activation="relu", input_dim=8), layers.Dense(8)])
    x = rows()
    for net in (two, three, four, five):
        assert_array_equal(net.predict(x), one.predict(x))
    assert [layer.name for layer in one.layers] == ["dense", "dense_1"]  # without the InputLayer, as in Keras
    assert one.input_shape == (None, 8) and one.output_shape == (None, 8)


def test_a_sequential_without_input_begins_with_its_first_data():
    x = rows()
    for use in ("fit", "predict", "call", "tensor", "evaluate"):
        net = Sequential([layers.Dense(3), layers.Dense(8)])
        net.compile("sgd", "mse")
        assert net.get_weights() == []
        if use == "fit":
            net.fit(x, x, verbose=0)
        elif use == "tensor":
            assert net(Input(8)).shape == (None, 8)
        else:
            (net if use == "call" else getattr(net, use))(x)
        assert net.count_params() == 3 * 8 + 3 + 8 * 3 + 8


def test_adding_and_popping_keeps_the_weights_there_are():
    net = Sequential([Input(8), layers.Dense(3)])
    before, x = net.predict(rows()), rows()
    net.add(layers.Dense(5))
    assert net.output_shape == (None, 5)
    assert net.pop().units == 5
    assert_array_equal(net.predict(x), before)


def test_a_net_that_grew_is_trained_whole():
    net, x = Sequential([Input(8), layers.Dense(3), layers.Dense(8)]), rows()
    net.compile("sgd", "mse")
    net.fit(x, x, verbose=0)
    net.add(layers.Dense(8))
    before = net.get_weights()
    net.fit(x, x, verbose=0)
    assert all((a != b).any() for a, b in zip(net.get_weights(), before, strict=True))
    assert net.evaluate(x, verbose=0) == pytest.approx(((net.predict(x) - x) ** 2).mean(), rel=1e-5)


def test_models_in_models():
    i, c = Input(8), Input(3)
    encoder = Sequential([i, layers.Dense(5, "relu"), layers.Dense(3)], name="encoder")
    decoder = Model(c, layers.Dense(8)(layers.Dense(5, "relu")(c)), name="decoder")
    net = Model(i, decoder(encoder(i)))
    x = rows()
    assert_allclose(net.predict(x), decoder.predict(encoder.predict(x)))
    net.compile("adam", "mse")
    before = [w.copy() for w in encoder.get_weights() + decoder.get_weights()]
    net.fit(x, x, epochs=2, verbose=0)
    after = encoder.get_weights() + decoder.get_weights()
    assert all((a != b).any() for a, b in zip(after, before, strict=True))
    assert_allclose(net.predict(x), decoder.predict(encoder.predict(x)))
    assert net.get_layer("encoder") is encoder and net.get_layer(index=-1) is decoder and net.get_layer(1) is encoder
    both = Sequential([encoder, decoder])
    assert_array_equal(both.predict(x), net.predict(x))


def test_two_trained_models_that_share_a_layer_see_each_others_steps():
    i, j = Input(8), Input(8)
    shared = layers.Dense(3, activation="tanh")
    one, two = Model(i, layers.Dense(8)(shared(i))), Model(j, layers.Dense(8)(shared(j)))
    for net in (one, two):
        net.compile("sgd", "mse")
    x = rows()
    for net, other in ((one, two), (two, one), (one, two)):
        before, seen = shared.get_weights()[0], other.predict(x)
        net.fit(x, x, epochs=2, verbose=0)
        assert (shared.get_weights()[0] != before).all()
        assert (other.predict(x) != seen).any()
        code = np.tanh(x @ shared.get_weights()[0] + shared.get_weights()[1])
        for model in (one, two):
            assert_allclose(model.predict(x), model.layers[-1](code), rtol=1e-4, atol=1e-6)
            assert_allclose(model.evaluate(x, verbose=0), ((model.predict(x) - x) ** 2).mean(), rtol=1e-5)


def test_training_goes_on_after_another_model_took_the_layers_over():
    """One SGD fit of two epochs is two of one, with another model's Autoencoder made in between."""
    x = rows(32)

    def after(interrupt):
        keras.utils.set_random_seed(5)
        net, _ = small(optimizer=keras.optimizers.SGD(0.5, momentum=0.9), loss="mse")
        net.fit(x, x, epochs=1, shuffle=False, verbose=0)
        if interrupt:
            code = net.layers[1].output
            other = Model(net.input, net.layers[2](code))
            other.compile("sgd", "mse")
            other.autoencoder()
        net.fit(x, x, epochs=1, shuffle=False, verbose=0)
        return net.get_weights()

    for a, b in zip(after(False), after(True), strict=True):
        assert_array_equal(a, b)


def test_a_layer_without_weights_may_stand_anywhere():
    pool = layers.MaxPooling2D(2)
    i = Input((8, 8, 1))
    net = Model(i, pool(pool(i)))
    assert net.output_shape == (None, 2, 2, 1)
    x = rows(3, 64).reshape(3, 8, 8, 1)
    assert_array_equal(net.predict(x)[:, 0, 0, 0], x[:, :4, :4].max(axis=(1, 2, 3)))


def test_layers_and_models_on_arrays():
    x = rows()
    layer = layers.Dense(3)
    assert_allclose(layer(x), x @ layer.kernel + layer.bias, rtol=1e-6)
    net, _ = small()
    assert_array_equal(net(x), net.predict(x))
    assert_array_equal(layers.Flatten()(np.ones((2, 3, 4))), np.ones((2, 12)))
    i = Input(8)
    assert Model(i, layers.Dropout(0.5)(i)).predict(x) == pytest.approx(x)  # no noise outside of training


def test_names_tensors_and_summary(capsys):
    i = Input((4, 4, 1), name="image")
    h = layers.Conv2D(2, 3, name="first")(i)
    h = layers.BatchNormalization()(h)
    net = Model(i, layers.Dense(3)(layers.Flatten()(h)), name="net")
    assert [layer.name for layer in net.layers] == ["image", "first", "batch_normalization", "flatten", "dense"]
    assert h.shape == (None, 2, 2, 2) and net.output.shape == (None, 3)
    assert net.layers[1].input is i and net.inputs == [net.input] and net.outputs == [net.output]
    net.layers[1](Input((4, 4, 1)))
    assert net.layers[1].input is i  # of the first call
    net.summary()
    text = capsys.readouterr().out
    assert 'Model: "net"' in text and "first (Conv2D)" in text and "(None, 2, 2, 2)" in text
    assert "Total params: 55" in text and "Trainable params: 51" in text and "Non-trainable params: 4" in text
    lines = []
    net.summary(print_fn=lines.append)
    assert "\n".join(lines) + "\n" == text


def test_the_same_seed_gives_the_same_numbers():
    x = rows()

    def numbers(seed):
        keras.utils.set_random_seed(seed)
        net, _ = small()
        return net.fit(x, x, epochs=2, verbose=0).history["loss"]

    assert numbers(1) == numbers(1) != numbers(2)


def test_a_layer_of_ones_own_with_a_backward_pass():
    class Half(tinyae.layers.Layer):
        def forward(self, x):
            return 0.5 * x

        def backward(self, dy, need_dx=True):
            return 0.5 * dy

    net = Sequential([Input(8), layers.Dense(4), layers.TinyaeLayer(Half()), layers.Dense(8)])
    W, b, V, c = net.get_weights()
    x = rows()
    assert_allclose(net.predict(x), 0.5 * (x @ W + b) @ V + c, rtol=1e-5, atol=1e-6)
    net.compile("adam", "mse")
    assert net.fit(x, x, epochs=5, verbose=0).history["loss"][-1] < ((net.predict(x) - x) ** 2).mean() * 2
    with pytest.raises(UsageError, match="save: expected layers of tinyae's own, got TinyaeLayer"):
        net.save("never.npz")
    sparse = layers.TinyaeLayer(tinyae.KSparse(2))
    twice = Sequential([Input(8), sparse, layers.Dense(5), sparse, layers.Dense(8)])
    twice.compile("adam", "mse")
    twice.fit(x, x, verbose=0)
    assert ((twice.layers[0](x) != 0).sum(axis=1) == 2).all()


# --- fit, evaluate


def test_validation_split_is_the_last_part():
    x = rows(21)
    net, _ = small(loss="mse")
    history = net.fit(x, x, epochs=2, batch_size=4, validation_split=0.3, verbose=0)
    assert history.history["val_loss"][-1] == pytest.approx(net.evaluate(x[14:], x[14:], verbose=0), rel=1e-6)
    keras.utils.set_random_seed(0)
    again, _ = small(loss="mse")
    again.fit(x[:14], x[:14], epochs=2, batch_size=4, validation_data=(x[14:], x[14:]), verbose=0)
    for a, b in zip(net.get_weights(), again.get_weights(), strict=True):
        assert_array_equal(a, b)


def test_history_is_keras():
    net, _ = small()
    history = net.fit(rows(), rows(), epochs=3, validation_split=0.5, verbose=0)
    assert list(history.history) == ["loss", "val_loss"] and history.epoch == [0, 1, 2]
    assert all(type(v) is float for values in history.history.values() for v in values)
    assert history is net.history and history.model is net
    assert history.params == {"epochs": 3, "steps": 1, "verbose": 0}
    assert set(history.parts) == {"reconstruction", "val_reconstruction", "lr", "seconds"}
    assert "History(3 epochs, last: loss=" in repr(history)


@pytest.mark.parametrize("y", [None, "same", "copy"])
def test_targets_may_be_the_inputs(y):
    x = rows(33)
    net, _ = small()
    history = net.fit(x, {None: None, "same": x, "copy": x.copy()}[y], epochs=2, verbose=0)
    keras.utils.set_random_seed(0)
    other, _ = small()
    assert history.history == other.fit(x, x, epochs=2, batch_size=32, verbose=0).history  # 32: Keras's default


def test_shuffle_and_what_is_given_stay():
    x = rows(40)
    kept = x.copy()
    losses = []
    for shuffle in (True, False, False):
        keras.utils.set_random_seed(0)
        net, _ = small()
        losses.append(net.fit(x, x, epochs=2, batch_size=7, shuffle=shuffle, verbose=0).history["loss"])
    assert losses[0] != losses[1] == losses[2]
    assert_array_equal(x, kept)


def test_fit_speaks_as_much_as_asked(capsys):
    net, _ = small()
    x = rows()
    net.fit(x, x, epochs=2, verbose=0)
    assert capsys.readouterr() == ("", "")
    history = net.fit(x, x, epochs=2, validation_split=0.1, verbose=2)
    out, err = capsys.readouterr()
    lines = out.splitlines()
    assert len(lines) == 2 and lines[1].startswith("Epoch 2/2 - ")
    assert f"loss: {history.history['loss'][1]:.4f} - val_loss: {history.history['val_loss'][1]:.4f}" in lines[1]
    net.fit(x, x, epochs=1)
    out, err = capsys.readouterr()
    assert "Epoch 1/1" in out and "2/2" in err  # the bar counts batches
    assert net.evaluate(x, x, return_dict=True) == {"loss": net.evaluate(x, x, verbose=0)}
    assert capsys.readouterr().out.startswith("loss: 0.")


def test_evaluate_counts_penalties_as_keras_does():
    i = Input(8)
    c = layers.ActivityRegularization(l1=0.1)(layers.Dense(3)(i))
    net = Model(i, layers.Dense(8)(c))
    net.compile("sgd", keras.losses.MeanSquaredError())
    x = rows()
    penalty = 0.1 * np.abs(Model(i, c).predict(x)).sum() / len(x)
    assert net.evaluate(x, x, verbose=0) == pytest.approx(((net.predict(x) - x) ** 2).mean() + penalty, rel=1e-5)
    history = net.fit(x, x, epochs=1, validation_data=(x, x), verbose=0)
    assert history.history["val_loss"][0] == pytest.approx(net.evaluate(x, verbose=0), rel=1e-5)


def test_learning_rate_may_be_set_while_training():
    class Stop(Callback):
        def on_epoch_begin(self, epoch, logs=None):
            self.model.optimizer.learning_rate = 0.1 if epoch < 2 else 1e-12

    net, _ = small(optimizer=keras.optimizers.SGD(0.5))
    history = net.fit(rows(), rows(), epochs=4, shuffle=False, callbacks=[Stop()], verbose=0)
    assert history.parts["lr"] == [0.1, 0.1, 1e-12, 1e-12]
    assert history.history["loss"][2] == pytest.approx(history.history["loss"][3], rel=1e-7)
    assert net.optimizer.learning_rate == 1e-12 and net.optimizer.iterations == 8


# --- callbacks


def test_callbacks_are_called_in_keras_order():
    calls = []

    class Note(Callback):
        def on_train_begin(self, logs=None):
            calls.append("begin")

        def on_epoch_begin(self, epoch, logs=None):
            calls.append(f"epoch {epoch}")

        def on_train_batch_end(self, batch, logs=None):
            calls.append(f"batch {batch} {logs['loss'] > 0}")

        def on_epoch_end(self, epoch, logs=None):
            calls.append(f"end {epoch} {sorted(logs)} {self.model.history.epoch == [*range(epoch + 1)]}")
            self.model.stop_training = epoch == 1

        def on_train_end(self, logs=None):
            calls.append("over")

    rows_seen = []

    class Native(tinyae.Callback):
        def on_epoch_end(self, run, row):
            rows_seen.append(row["loss"])

    net, _ = small()
    history = net.fit(rows(), rows(), epochs=5, batch_size=20, callbacks=[Note(), Native()], verbose=0)
    epoch = ["batch 0 True", "batch 1 True"]
    assert calls == [
        "begin", "epoch 0", *epoch, "end 0 ['loss'] True", "epoch 1", *epoch, "end 1 ['loss'] True", "over",
    ]  # fmt: skip
    assert rows_seen == history.history["loss"] and len(rows_seen) == 2
    calls.clear()
    net.fit(rows(), rows(), epochs=1, batch_size=40, callbacks=[Note()], verbose=0)
    assert calls == ["begin", "epoch 0", "batch 0 True", "end 0 ['loss'] True", "over"]


class FakeModel:
    stop_training = False
    weights = 0

    def get_weights(self):
        return [self.weights]

    def set_weights(self, weights):
        self.restored = weights


@pytest.mark.parametrize(
    "settings, values, epochs, restored",
    [
        ({"patience": 0}, [3, 2, 2.5, 1], 3, None),
        ({"patience": 2}, [3, 2, 2.5, 2.4, 1], 4, None),
        ({"patience": 2, "restore_best_weights": True}, [3, 2, 2.5, 2.4, 1], 4, 1),
        ({"patience": 1, "min_delta": 0.5}, [3, 2.6, 2.4], 2, None),
        ({"patience": 1, "min_delta": 0.3}, [3, 2.6, 2.0, 1.9], 4, None),
        ({"patience": 1, "mode": "max"}, [1, 2, 3, 2], 4, None),
        ({"patience": 1, "start_from_epoch": 2}, [1, 2, 3, 2, 2.5], 5, None),
        ({"patience": 2, "baseline": 1.0}, [3, 2, 2.5, 1.5], 3, None),
        ({"patience": 3, "restore_best_weights": True}, [3, 2, 1], 3, 2),
        ({"patience": 0}, [float("inf"), 2], 2, None),
    ],
)
def test_early_stopping_waits_as_keras_does(settings, values, epochs, restored):
    callback, model = EarlyStopping(monitor="val_loss", **settings), FakeModel()
    callback.set_model(model)
    callback.on_train_begin()
    for epoch, value in enumerate(values):
        model.weights = epoch
        callback.on_epoch_end(epoch, {"val_loss": value})
        if model.stop_training:
            break
    callback.on_train_end()
    assert epoch + 1 == epochs
    assert getattr(model, "restored", None) == (None if restored is None else [restored])


def test_early_stopping_in_fit_restores_the_best(capsys):
    x = rows()
    net, _ = small(optimizer=keras.optimizers.SGD(200.0), loss="mse")
    stop = EarlyStopping(patience=2, restore_best_weights=True, verbose=1)
    history = net.fit(x, x, epochs=50, validation_data=(x, x), callbacks=stop, verbose=0)
    assert len(history.epoch) < 50
    assert net.evaluate(x, verbose=0) == pytest.approx(min(history.history["val_loss"]), rel=1e-5)
    assert f"Epoch {len(history.epoch)}: early stopping\nRestoring model weights" in capsys.readouterr().out
    with pytest.raises(UsageError, match="monitor to be one of loss, got 'val_loss'; val_loss needs validation_data"):
        net.fit(x, x, callbacks=[stop], verbose=0)


def test_checkpoints_and_csv(tmp_path, capsys):
    x = rows()
    net, _ = small()
    every = ModelCheckpoint(tmp_path / "net-{epoch:02d}-{val_loss:.3f}.keras", verbose=1)
    best = ModelCheckpoint(tmp_path / "best.npz", save_best_only=True)
    log = CSVLogger(tmp_path / "log.csv")
    history = net.fit(x, x, epochs=3, validation_data=(x, x), callbacks=[every, best, log], verbose=0)
    names = sorted(p.name for p in tmp_path.glob("*.keras"))
    assert names == [f"net-{e + 1:02d}-{v:.3f}.keras" for e, v in enumerate(history.history["val_loss"])]
    assert "Epoch 3: saving model to" in capsys.readouterr().out
    assert load_model(tmp_path / "best.npz").evaluate(x, verbose=0) == pytest.approx(min(history.history["val_loss"]))
    with open(tmp_path / "log.csv", newline="") as f:
        table = list(csv.reader(f))
    assert table[0] == ["epoch", "loss", "val_loss"] and [line[0] for line in table[1:]] == ["0", "1", "2"]
    assert [float(line[1]) for line in table[1:]] == history.history["loss"]
    net.fit(x, x, epochs=1, validation_data=(x, x), callbacks=[CSVLogger(tmp_path / "log.csv", append=True)], verbose=0)
    assert len((tmp_path / "log.csv").read_text().splitlines()) == 5
    net.optimizer.learning_rate = 1e4
    kept = (tmp_path / "best.npz").read_bytes()
    best.best = 0.0  # nothing is better
    net.fit(x, x, epochs=1, validation_data=(x, x), callbacks=[best], verbose=0)
    assert (tmp_path / "best.npz").read_bytes() == kept


def test_the_best_checkpoint_is_the_best_of_all():
    saved = []

    class Model(FakeModel):
        def save(self, path):
            saved.append(path)

    for mode, want in (("auto", [1, 2, 5]), ("max", [1, 3, 4])):
        callback = ModelCheckpoint("{epoch}", save_best_only=True, mode=mode)
        callback.set_model(Model())
        for epoch, value in enumerate([3, 2, 4, 5, 1, 1.5]):
            callback.on_epoch_end(epoch, {"val_loss": value})
        assert saved == [str(epoch) for epoch in want]
        saved.clear()


# --- files


def everything():
    i = Input((8, 8, 1), name="image")
    x = layers.GaussianNoise(0.01)(i)
    x = layers.Conv2D(3, (3, 2), padding="same", activation=layers.LeakyReLU(0.1), activity_regularizer="l1")(x)
    x = layers.AveragePooling2D(2)(layers.BatchNormalization(momentum=0.5)(x))
    x = layers.Conv2D(np.int64(2), 3, strides=2, padding="same", kernel_initializer="he_normal")(x)
    x = layers.Activation("tanh")(layers.MaxPooling2D((2, 2), padding="same")(x))
    x = layers.Dropout(0.1)(layers.Flatten()(x))
    x = layers.ActivityRegularization(l2=1e-3)(layers.Dense(4, activation="leaky_relu")(x))
    x = layers.TinyaeLayer(tinyae.KSparse(3))(x)
    x = layers.Reshape((2, 2, 1))(x)
    x = layers.UpSampling2D(2, interpolation="bilinear")(x)
    x = layers.Conv2DTranspose(2, 3, strides=2, padding="same")(layers.ReLU()(x))
    head = Sequential([layers.ZeroPadding2D(((1, 0), (0, 1))), layers.Cropping2D(((1, 0), (0, 1)))], name="head")
    return Model(i, layers.Conv2D(1, 1, activation="sigmoid")(head(x)), name="everything")


@pytest.mark.parametrize("suffix", ["npz", "keras"])
def test_saved_and_loaded_is_the_same(tmp_path, suffix):
    x = rows(24, 64).reshape(-1, 8, 8, 1)
    net = everything()
    net.compile(keras.optimizers.Nadam(0.01), "binary_crossentropy")
    net.fit(x, x, batch_size=8, epochs=2, verbose=0)
    path = tmp_path / f"net.{suffix}"
    net.save(path)
    again = load_model(path)
    assert_array_equal(again.predict(x), net.predict(x))
    assert again.evaluate(x, verbose=0) == net.evaluate(x, verbose=0)
    assert [(a.name, type(a)) for a in again.layers] != [] and again.name == "everything"
    assert [type(a) for a in again.layers] == [type(b) for b in net.layers]
    assert [a.name for a in again.layers[1:]] == [b.name for b in net.layers[1:]]
    histories = []
    for model in (net, again):
        keras.utils.set_random_seed(9)
        histories.append(model.fit(x, x, epochs=2, batch_size=8, verbose=0).history)  # the optimizer goes on as well
    assert histories[0] == histories[1]
    assert not load_model(path, compile=False).compiled
    with pytest.raises(UsageError, match="expected a new file"):
        net.save(path, overwrite=False)


def test_sequential_decoders_and_uncompiled_models_in_files(tmp_path):
    net = Sequential([Input(3), layers.Dense(8, "relu")], name="decoder")
    net.save(tmp_path / "decoder.npz")
    again = load_model(tmp_path / "decoder.npz")
    assert type(again) is Sequential and again.name == "decoder" and not again.compiled
    assert_array_equal(again.predict(rows(4, 3)), net.predict(rows(4, 3)))
    own, _ = small(optimizer=tinyae.Adam())
    own.save(tmp_path / "own.npz")
    assert not load_model(tmp_path / "own.npz").compiled  # its optimizer has no name in Keras
    scheduled, _ = small(optimizer=keras.optimizers.SGD(tinyae.Cosine(0.1)))
    scheduled.save(tmp_path / "scheduled.npz")
    assert load_model(tmp_path / "scheduled.npz").optimizer.learning_rate(0, 10) == 0.1


def test_what_is_no_such_file_is_said(tmp_path):
    net, _ = small()
    path = tmp_path / "net.npz"
    net.save(path)
    with np.load(path) as file:
        good = {name: file[name] for name in file.files}

    def damaged(**changes):
        np.savez(tmp_path / "bad.npz", **{name: a for name, a in (good | changes).items() if a is not None})
        return tmp_path / "bad.npz"

    def text(**changes):
        return np.array(json.dumps(json.loads(str(good["architecture"])) | changes))

    with zipfile.ZipFile(tmp_path / "keras.keras", "w") as f:
        f.writestr("config.json", "{}")
        f.writestr("model.weights.h5", "")
    (tmp_path / "cut.npz").write_bytes(path.read_bytes()[:300])
    tinyae.save(net.to_tinyae(), tmp_path / "tinyae.npz")
    for make, message in [
        (lambda: tmp_path / "none.npz", "which does not exist"),
        (lambda: tmp_path / "cut.npz", "expected a whole model file written by Model.save"),
        (lambda: tmp_path / "keras.keras", "which is Keras's own; make the same net here and carry the weights over"),
        (lambda: tmp_path / "tinyae.npz", "expected a model of tinyae.keras in .*; use tinyae.load"),
        (lambda: damaged(architecture=text(format=99)), "expected format 1 .* got 99"),
        (lambda: damaged(architecture=text(model={"layers": []})), "a model this version knows"),
        (lambda: damaged(**{"weight.1": None}), "a model this version knows"),
        (lambda: damaged(**{"weight.1": np.full(3, np.nan, np.float32)}), "expected finite weights"),
        (lambda: damaged(**{"weight.1": np.zeros(4, np.float32)}), "a model this version knows .* got .*weights of"),
    ]:
        with pytest.raises(UsageError, match=f"load_model: .*{message}"):
            load_model(make())
    assert np.isfinite(load_model(damaged()).predict(rows())).all()
    with pytest.raises(UsageError, match=r"expected a path that ends in .npz or .keras, got .*HDF5"):
        net.save(tmp_path / "net.h5")


def test_to_tinyae_is_a_net_of_its_own(tmp_path):
    net, _ = small()
    own, x = net.to_tinyae(), rows()
    assert_allclose(own.reconstruct(x), net.predict(x), rtol=1e-4, atol=1e-6)
    assert own.evaluate(x)["bce_per_pixel"] == pytest.approx(net.evaluate(x, verbose=0), rel=1e-5)
    assert own.code_size == 3
    tinyae.save(own, tmp_path / "own.npz")
    before = net.predict(x)
    own.fit(x, epochs=1, progress=False)
    assert_array_equal(net.predict(x), before)
    assert_array_equal(tinyae.load(tmp_path / "own.npz").reconstruct(x), before)


def test_to_tinyae_takes_moving_statistics_and_penalties_along(tmp_path):
    i = Input((4, 4, 1))
    h = layers.Conv2D(2, 3, padding="same", activity_regularizer=regularizers.L1L2(0.1, 0.2))(i)
    net = Model(i, layers.Conv2D(1, 3, padding="same")(layers.BatchNormalization(momentum=0.5)(h)))
    net.compile("adam", "mse")
    x = rows(32, 16).reshape(-1, 4, 4, 1)
    net.fit(x, x, verbose=0)
    own = net.to_tinyae()
    tinyae.save(own, tmp_path / "own.npz")
    assert_allclose(tinyae.load(tmp_path / "own.npz").reconstruct(x), net.predict(x), rtol=1e-4, atol=1e-6)
    assert own.evaluate(x)["objective"] == pytest.approx(16 / 2 * net.evaluate(x, verbose=0), rel=1e-5)
    net.compile("adam", "mae")
    with pytest.raises(UsageError, match="to_tinyae: expected binary_crossentropy or mse for a loss, got MeanAbs"):
        net.to_tinyae()


def test_copies_are_nets_of_their_own():
    net, _ = small(loss="mse")
    x = rows()
    net.fit(x, x, verbose=0)
    for twin in (copy.deepcopy(net), pickle.loads(pickle.dumps(net))):
        before = net.predict(x)
        assert_array_equal(twin.predict(x), before)
        twin.fit(x, x, epochs=3, verbose=0)
        assert (twin.predict(x) != before).any()
        assert_array_equal(net.predict(x), before)


# --- data


def test_data_sets_come_as_in_keras(monkeypatch):
    names, data = [], load_digits(n_train=7, n_test=3)
    monkeypatch.setattr("tinyae.datasets.load", lambda name: names.append(name) or data)
    from tinyae.keras.datasets import digits, fashion_mnist, mnist

    for source in (mnist, fashion_mnist, digits):
        (x_train, y_train), (x_test, y_test) = source.load_data()
    assert names == ["mnist", "fashion-mnist", "digits"]
    assert x_train.shape == (7, 28, 28) and x_test.shape == (3, 28, 28)
    assert x_train.dtype == x_test.dtype == y_train.dtype == y_test.dtype == np.uint8
    assert_allclose(x_train.reshape(7, -1) / 255, data.x_train, atol=0.5 / 255 + 1e-6)
    assert x_train.max() > 200 and y_test.tolist() == data.y_test.tolist()


@pytest.mark.realdata
def test_mnist_is_uint8_images():
    (x_train, y_train), (x_test, _) = keras.datasets.mnist.load_data()
    assert x_train.shape == (60000, 28, 28) and x_test.shape == (10000, 28, 28) and x_train.dtype == np.uint8
    assert (int(x_train[0].sum()), int(y_train[0])) == (27525, 5)
