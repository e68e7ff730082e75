"""What tinyae.keras does not support says so by name, with the way out; so does what it is given and cannot take."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal

import tinyae.keras as keras
from tinyae import UsageError
from tinyae.keras import Input, Model, Sequential, layers
from tinyae.keras.callbacks import EarlyStopping, ModelCheckpoint
from tinyae.keras.models import load_model


@pytest.fixture(autouse=True)
def seed():
    keras.utils.set_random_seed(0)
    keras.utils.clear_session()


def rows(n=40, d=8, seed=0):
    return np.random.default_rng(seed).uniform(size=(n, d)).astype(np.float32)


def small(n=8, code=3, output="sigmoid", loss="binary_crossentropy", optimizer="adam"):
    """(autoencoder, encoder), compiled."""
    i = Input(n)
    c = layers.Dense(code, activation="tanh")(i)
    net = Model(i, layers.Dense(n, activation=output)(c))
    net.compile(optimizer, loss)
    return net, Model(i, c)


def tensor(*shape):
    return Input(shape or (8,))


REFUSED = [
    (lambda: keras.layers.LSTM, "tinyae.keras.layers: LSTM is not supported; there are dense and convolutional"),
    (lambda: layers.Lambda, "Lambda is not supported; write the layer as a tinyae.layers.Layer"),
    (lambda: layers.Concatenate, "Concatenate is not supported; a net here is a chain"),
    (lambda: layers.GlobalAveragePooling2D, r"GlobalAveragePooling2D is not supported; Flatten\(\)"),
    (lambda: keras.backend, "tinyae.keras: backend is not supported; tinyae works on NumPy arrays"),
    (lambda: keras.LSTM, "tinyae.keras: LSTM is not supported"),
    (lambda: keras.metrics, "metrics is not supported; read history.history"),
    (lambda: keras.optimizers.AdamW, "AdamW is not supported; there are SGD, RMSprop, Adam and Nadam"),
    (lambda: keras.losses.Huber, "Huber is not supported; there are binary_crossentropy, mse and mae"),
    (lambda: keras.callbacks.LambdaCallback, "LambdaCallback is not supported; write it as a subclass of Callback"),
    (lambda: keras.callbacks.ReduceLROnPlateau, "ReduceLROnPlateau is not supported; fit takes tinyae.callbacks"),
    (lambda: keras.datasets.cifar10, "cifar10 is not supported"),
    (lambda: keras.models.clone_model, "clone_model is not supported"),
    (lambda: keras.utils.plot_model, r"plot_model is not supported; use model.summary\(\)"),
    (lambda: small()[0].add_loss(0), "Model: add_loss is not supported; a penalty is a layer"),
    (lambda: small()[0].train_on_batch, "train_on_batch is not supported"),
    (lambda: small()[0].save_weights("x"), "save_weights is not supported; use save"),
    (lambda: layers.Dense(3, use_bias=False), "Dense: expected use_bias to stay True, got False; every layer with"),
    (lambda: layers.Dense(3, kernel_regularizer="l2"), "expected kernel_regularizer to stay None, got 'l2'; penalties"),
    (lambda: layers.Dense(3, trainable=False), "expected trainable to stay True, got False; all layers of a net are"),
    (lambda: layers.Dense(3, units_=4), r"Dense: expected Keras's arguments, got units_=4; see the docstring of Dense"),
    (
        lambda: layers.Dense(3, activation="softmax"),
        "Dense: expected activation to be one of linear, relu, .*'softmax'",
    ),
    (lambda: layers.Dense(3, activation=np.tanh), "expected activation to be a name, as in .*, got 'tanh'"),
    (lambda: layers.Dense(3, activity_regularizer=0.1), r"expected one of l1, l2, l1_l2, such as l1\(1e-4\), got 0.1"),
    (lambda: layers.Conv2D(3, 3, dilation_rate=2), r"Conv2D: expected dilation_rate to stay \(1, 1\), got 2"),
    (lambda: layers.Conv2D(3, 3, groups=3), "expected groups to stay 1, got 3"),
    (lambda: layers.Conv2D(3, 3, data_format="channels_first"), r"images are \(height, width, channels\)"),
    (lambda: layers.Conv2D(3, 3, padding="causal"), "expected padding to be 'valid' or 'same', got 'causal'"),
    (lambda: layers.ReLU(6.0), "ReLU: expected max_value to stay None, got 6.0"),
    (lambda: layers.BatchNormalization(center=False), "expected center to stay True, got False"),
    (lambda: layers.UpSampling2D(interpolation="bicubic")(tensor(4, 4, 1)), "'bicubic'"),
    (lambda: layers.TinyaeLayer(np.tanh), "TinyaeLayer: expected a tinyae.layers.Layer that is not built yet"),
    (lambda: layers.Dense(3)([tensor(), tensor()]), "Dense 'dense': expected one tensor, got 2; a net here is a chain"),
    (lambda: layers.Dense(3)(tensor(4, 4, 1)), r"Dense 'dense': Dense: expected rows .*put Flatten\(\) before it"),
    (lambda: layers.Dense(3)(rows(), training=True), "expected training to stay False"),
    (lambda: tensor() + 1, "KerasTensor: expected to be given to a layer, got arithmetic; write the layer"),
    (lambda: np.exp(tensor()), "KerasTensor: expected to be given to a layer"),
    (lambda: Input(), r"Input: expected the shape of one sample, got none"),
    (lambda: Input((None, None, 1)), r"expected a shape of whole numbers, got \(None, None, 1\)"),
    (lambda: Input((8,), batch_size=32), "InputLayer: expected batch_size to stay None"),
    (lambda: Model(), "Model: expected inputs to be a tensor, got None; a net is Model"),
    (lambda: Model([tensor(), tensor()], tensor()), "expected inputs to be one tensor, got 2; a net here is a chain"),
    (lambda: Model(tensor(), layers.Dense(3)(tensor())), "expected outputs that come from .*, got .*, which do not"),
    (lambda: (lambda t: Model(t, t))(tensor()), "expected a layer between inputs and outputs, got none"),
    (lambda: type("VAE", (Model,), {"train_step": 1}), "VAE: train_step of one's own is not supported; a net is Model"),
    (lambda: small()[0].get_layer("code"), "get_layer: expected one of input_layer, dense, dense_1, got 'code'"),
    (lambda: small()[0].get_layer(index=9), "expected an index below 3, got 9"),
    (lambda: Sequential([layers.Dense(3), 4]), "Sequential 'sequential': expected a layer, got 4"),
    (lambda: Sequential([layers.Dense(3), tensor()]), "expected one Input, at the beginning"),
    (lambda: Sequential().predict(rows()), "expected at least one layer, got none"),
    (lambda: Sequential([layers.Dense(3)]).save("x.npz"), "save: expected a model with weights"),
    (lambda: small(loss="huber"), "compile: expected loss to be one of binary_crossentropy, .* got 'huber'"),
    (lambda: small(loss=np.mean), "got the function 'mean'; a loss has a gradient"),
    (lambda: small(loss=None), "compile: expected a loss, got None"),
    (lambda: small(optimizer="adamw"), "compile: expected optimizer to be one of .* got 'adamw'.*mean 'adam'"),
    (lambda: keras.losses.BinaryCrossentropy(label_smoothing=0.1), "expected label_smoothing to stay 0.0, got 0.1"),
    (lambda: keras.optimizers.Adam(clipnorm=1.0), "Adam: expected clipnorm to stay None, got 1.0"),
    (lambda: keras.optimizers.Adam("fast"), "expected learning_rate to be a number or a schedule"),
    (lambda: small()[0].compile("adam", "mse", metrics=["accuracy"]), "no metrics, got .*accuracy has no meaning"),
    (lambda: small()[0].compile("adam", "mse", run_eagerly=True), "expected run_eagerly to stay False"),
    (lambda: small(output="relu")[0].fit(rows(), verbose=0), "a last layer with activation='sigmoid' for binary_cr"),
    (lambda: small()[1].fit(rows(), rows(), verbose=0), "expected a compiled model, got one without loss"),
    (lambda: EarlyStopping(monitor="psnr"), "expected mode='min' or 'max' for monitor='psnr', got 'auto'"),
    (lambda: ModelCheckpoint("x", save_weights_only=True), "expected save_weights_only to stay False"),
    (lambda: load_model("x", custom_objects={}), "load_model: expected custom_objects to stay None"),
    (lambda: keras.regularizers.l1(-1), "expected l1 in"),
]


@pytest.mark.parametrize("use, message", REFUSED, ids=[message[:40] for _, message in REFUSED])
def test_what_is_not_supported_says_so_by_name(use, message):
    with pytest.raises(UsageError, match=message):
        use()


FIT_ERRORS = [
    (lambda x: {"x": x[:, :5]}, r"fit: expected x of shape \(N, 8\), got \(40, 5\)"),
    (lambda x: {"x": x, "y": np.arange(40)}, r"fit: expected y of shape \(N, 8\), got \(40,\)"),
    (lambda x: {"x": (255 * x).astype(np.uint8)}, r"scaled to \[0, 1\], got uint8 numbers up to 25.; use x / 255."),
    (lambda x: {"x": x * 2}, r"expected targets in \[0, 1\], got values from"),
    (lambda x: {"x": x, "validation_split": 0.999}, "to leave images on both sides, got 0.999 of 40"),
    (lambda x: {"x": x, "validation_data": x}, r"expected validation_data to be \(x, y\)"),
    (lambda x: {"x": x, "epochs": 0}, "expected epochs to be a whole number >= 1, got 0"),
    (lambda x: {"x": x, "verbose": 3}, "expected verbose to be one of auto, 0, 1, 2, got 3"),
    (lambda x: {"x": x, "sample_weight": x}, "fit: expected sample_weight to stay None"),
    (lambda x: {"x": x, "initial_epoch": 3}, "expected initial_epoch to stay 0, got 3"),
    (lambda x: {"x": x, "callbacks": [print]}, "expected callbacks to be of class Callback, got <built-in"),
]


@pytest.mark.parametrize("arguments, message", FIT_ERRORS, ids=[message[:40] for _, message in FIT_ERRORS])
def test_fit_says_what_it_expected(arguments, message):
    net, _ = small()
    before = net.get_weights()
    with pytest.raises(UsageError, match=message):
        net.fit(**arguments(rows()))
    for a, b in zip(net.get_weights(), before, strict=True):
        assert_array_equal(a, b)


def test_only_autoencoders_are_trained():
    _, encoder = small()
    encoder.compile("adam", "mse")
    message = r"expected a model that comes back to its input's shape \(8,\), got \(3,\); tinyae trains autoencoders"
    for use in (encoder.fit, encoder.evaluate):
        with pytest.raises(UsageError, match=message):
            use(rows(), rows(40, 3))
    assert encoder.predict(rows()).shape == (40, 3)


def test_refusals_that_take_a_net():
    i = Input(8)
    square = layers.Dense(8)
    with pytest.raises(UsageError, match="expected every layer with weights once in a chain, got Dense 'dense' twice"):
        Model(i, square(square(i)))
    with pytest.raises(UsageError, match=r"expected samples of shape \(8,\), for which it has weights, got \(4,\)"):
        square(Input(4))
    last = Sequential([i, layers.Dense(8, activity_regularizer="l2")])
    last.compile("adam", "mse")
    with pytest.raises(UsageError, match="expected no activity_regularizer on the last layer"):
        last.fit(rows(), verbose=0)
    square.trainable = True
    with pytest.raises(UsageError, match="Dense 'dense': expected trainable to stay True"):
        square.trainable = False
    one, two = small()[0], small()[0]
    one.compile(optimizer := keras.optimizers.Adam(), "mse")
    one.compile(optimizer, "mse")
    with pytest.raises(UsageError, match=r"expected an optimizer for .* alone, got that of Model"):
        two.compile(optimizer, "mse")


def test_defaults_of_keras_may_be_written_out():
    layers.Dense(3, use_bias=True, kernel_regularizer=None, dtype="float32", trainable=True)
    layers.Conv2D(3, (3, 3), data_format="channels_last", dilation_rate=1, groups=1)
    layers.Dropout(0.1, seed=None)
    layers.BatchNormalization(axis=-1, center=True)
    net, _ = small()
    net.compile("adam", "mse", metrics=[], loss_weights=None)
    net.fit(rows(), rows(), verbose=0, initial_epoch=0, class_weight=None)


def test_names_that_do_not_exist_are_attribute_errors():
    for module in (keras, layers, keras.optimizers, keras.losses, keras.callbacks, keras.models, keras.utils):
        assert not hasattr(module, "no_such_thing")
    assert not hasattr(small()[0], "no_such_thing")
    with pytest.raises(ImportError):
        from tinyae.keras.layers import NoSuchLayer  # noqa: F401
    with pytest.raises(UsageError, match="LSTM is not supported"):
        from tinyae.keras.layers import LSTM  # noqa: F401
