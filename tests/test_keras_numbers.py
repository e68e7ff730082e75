"""The numbers of tinyae.keras beside Keras's documented formulas, written out in plain NumPy: losses, updates, padding.

Compared with Keras itself by hand: the same weights give the same predictions, losses, updates and moving statistics.
"""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

import tinyae
from tinyae import Cosine, UsageError
from tinyae.gradcheck import assert_gradients, check_loss, check_model
from tinyae.keras import Input, Model, Sequential, initializers, layers, losses, optimizers, regularizers

# --- losses


def rows(n=5, d=6, seed=0, low=0.0, high=1.0):
    return np.random.default_rng(seed).uniform(low, high, (n, d)).astype(np.float32)


def sigmoid(a):
    return 1 / (1 + np.exp(-np.asarray(a, np.float64)))


# What the loss makes of a pre-activation a and a target x, as one mean over all pixels of all images.
FORMULAS = {
    "binary_crossentropy": lambda a, x: -np.mean(x * np.log(sigmoid(a)) + (1 - x) * np.log(1 - sigmoid(a))),
    "mse": lambda a, x: np.mean((a - x) ** 2),
    "mae": lambda a, x: np.mean(np.abs(a - x)),
}


@pytest.mark.parametrize("name", FORMULAS)
@pytest.mark.parametrize("shape", [(4, 6), (3, 2, 4, 2)])
def test_losses_are_means_over_all_pixels(name, shape):
    rng = np.random.default_rng(1)
    a, x = rng.normal(size=shape), rng.uniform(size=shape)
    loss = losses.get(name)
    assert loss.value(a, x) == pytest.approx(FORMULAS[name](a, x), rel=1e-12)
    assert_gradients(check_loss(loss, a, x))


@pytest.mark.parametrize("name", FORMULAS)
def test_parts_of_a_batch_add_up(name):
    rng = np.random.default_rng(2)
    a, x = rng.normal(size=(5, 4)), rng.uniform(size=(5, 4))
    loss = losses.get(name)
    whole, gradient = loss.value_and_gradient(a, x)
    parts = [loss.value_and_gradient(a[rows], x[rows], n=5) for rows in (slice(0, 2), slice(2, 5), slice(5, 5))]
    assert sum(value for value, _ in parts) == pytest.approx(whole)
    assert_allclose(np.concatenate([g for _, g in parts]), gradient)


def test_loss_functions_and_objects_on_arrays():
    x, y = rows(), rows(seed=1, low=0.01, high=0.99)
    bce = -(x * np.log(y) + (1 - x) * np.log(1 - y)).mean(axis=1)
    assert_allclose(losses.binary_crossentropy(x, y), bce, rtol=1e-5)
    assert losses.BinaryCrossentropy()(x, y) == pytest.approx(bce.mean(), rel=1e-5)
    logits = np.log(y / (1 - y))
    assert losses.BinaryCrossentropy(from_logits=True)(x, logits) == pytest.approx(bce.mean(), rel=1e-5)
    assert_allclose(losses.mse(x, y), ((x - y) ** 2).mean(axis=1), rtol=1e-5)
    assert losses.MeanSquaredError()(x, y) == pytest.approx(((x - y) ** 2).mean(), rel=1e-5)
    assert losses.MeanAbsoluteError()(x, y) == pytest.approx(np.abs(x - y).mean(), rel=1e-5)
    assert losses.binary_crossentropy([1.0], [0.0]) == pytest.approx(-math.log(1e-7), rel=1e-3)  # cut, not infinite


@pytest.mark.parametrize(
    "identifier, kind",
    [
        ("bce", losses.BinaryCrossentropy),
        ("BCE", losses.BinaryCrossentropy),
        ("mean_squared_error", losses.MeanSquaredError),
        ("MeanAbsoluteError", losses.MeanAbsoluteError),
        (losses.mse, losses.MeanSquaredError),
        (losses.binary_crossentropy, losses.BinaryCrossentropy),
        (losses.MeanSquaredError, losses.MeanSquaredError),
        (losses.MeanSquaredError(), losses.MeanSquaredError),
    ],
)
def test_a_loss_may_be_said_in_keras_ways(identifier, kind):
    assert type(losses.get(identifier)) is kind


def test_from_logits_is_the_same_net_without_its_sigmoid():
    x = rows(20)
    with_unit = Sequential([Input(6), layers.Dense(3, "tanh"), layers.Dense(6, activation="sigmoid")])
    without = Sequential([Input(6), layers.Dense(3, "tanh"), layers.Dense(6)])
    without.set_weights(with_unit.get_weights())
    with_unit.compile("sgd", "binary_crossentropy")
    without.compile("sgd", losses.BinaryCrossentropy(from_logits=True))
    histories = [net.fit(x, x, epochs=3, shuffle=False, verbose=0).history for net in (with_unit, without)]
    assert_allclose(histories[0]["loss"], histories[1]["loss"], rtol=1e-6)
    assert_allclose(with_unit.predict(x), sigmoid(without.predict(x)), rtol=1e-5)


# --- one step by hand


@pytest.mark.parametrize("loss, output", [("binary_crossentropy", "sigmoid"), ("mse", "linear"), ("mse", "sigmoid")])
def test_a_step_of_sgd_by_hand(loss, output):
    x, l1, l2, lr = rows(4, 5), 0.03, 0.2, 0.7
    net = Sequential([
        Input(5),
        layers.Dense(3, activation="relu", activity_regularizer=regularizers.L1L2(l1, l2)),
        layers.Dense(5, activation=output),
    ])  # fmt: skip
    rng = np.random.default_rng(3)
    W, b, V, c = (rng.normal(size=w.shape) for w in net.get_weights())
    net.set_weights([W, b, V, c])
    net.compile(optimizers.SGD(learning_rate=lr), loss)
    history = net.fit(x, x, epochs=1, batch_size=4, verbose=0)

    x = x.astype(np.float64)
    h = np.maximum(x @ W + b, 0)
    a = h @ V + c
    y = a if output == "linear" else sigmoid(a)
    if loss == "mse":
        value, da = np.mean((y - x) ** 2), 2 * (y - x) / x.size
        da = da if output == "linear" else da * y * (1 - y)
    else:
        value, da = -np.mean(x * np.log(y) + (1 - x) * np.log(1 - y)), (y - x) / x.size
    penalty = (l1 * np.abs(h).sum() + l2 * (h**2).sum()) / len(x)  # Keras: sum over the batch, by its size
    dh = da @ V.T + (l1 * np.sign(h) + 2 * l2 * h) / len(x)
    dh *= h > 0
    assert history.history["loss"] == [pytest.approx(value + penalty, rel=1e-5)]
    assert history.parts["reconstruction"] == [pytest.approx(value, rel=1e-5)]
    assert history.parts["l1"] == [pytest.approx(l1 * np.abs(h).sum() / len(x), rel=1e-5)]
    wanted = [W - lr * x.T @ dh, b - lr * dh.sum(0), V - lr * h.T @ da, c - lr * da.sum(0)]
    for got, want in zip(net.get_weights(), wanted, strict=True):
        assert_allclose(got, want, rtol=1e-4, atol=1e-6)


def test_gradients_of_a_convolutional_net():
    i = Input((6, 5, 1))
    h = layers.Conv2D(3, 3, padding="same", activation="tanh", activity_regularizer="l1")(i)
    h = layers.Conv2D(2, (3, 2), strides=2, padding="same", activation="sigmoid")(h)
    h = layers.Conv2DTranspose(2, 3, strides=2, padding="same", activation="tanh")(h)
    net = Model(i, layers.Conv2D(1, (1, 2), activation="sigmoid")(h))
    net.compile("sgd", "binary_crossentropy")
    x = np.random.default_rng(0).uniform(size=(3, 6, 5, 1))
    assert_gradients(check_model(net.autoencoder().astype(np.float64), x))


# --- optimizers: Keras's formulas, a number at a time


def keras_sgd(theta, gradients, lr, momentum=0.0, nesterov=False):
    m = 0.0
    for g in gradients:
        m = momentum * m - lr * g
        theta += momentum * m - lr * g if nesterov else m
    return theta


def keras_rmsprop(theta, gradients, lr, rho=0.9, momentum=0.0, epsilon=1e-7):
    v = m = 0.0
    for g in gradients:
        v = rho * v + (1 - rho) * g**2
        m = momentum * m + lr * g / math.sqrt(v + epsilon)
        theta -= m
    return theta


def keras_adam(theta, gradients, lr, beta_1=0.9, beta_2=0.999, epsilon=1e-7):
    m = v = 0.0
    for t, g in enumerate(gradients, 1):
        alpha = lr * math.sqrt(1 - beta_2**t) / (1 - beta_1**t)
        m += (g - m) * (1 - beta_1)
        v += (g**2 - v) * (1 - beta_2)
        theta -= alpha * m / (math.sqrt(v) + epsilon)
    return theta


def keras_nadam(theta, gradients, lr, beta_1=0.9, beta_2=0.999, epsilon=1e-7):
    m, v, product = 0.0, 0.0, 1.0
    for t, g in enumerate(gradients, 1):
        u, u_next = beta_1 * (1 - 0.5 * 0.96**t), beta_1 * (1 - 0.5 * 0.96 ** (t + 1))
        product *= u
        m += (g - m) * (1 - beta_1)
        v += (g**2 - v) * (1 - beta_2)
        m_hat = u_next * m / (1 - product * u_next) + (1 - u) * g / (1 - product)
        theta -= lr * m_hat / (math.sqrt(v / (1 - beta_2**t)) + epsilon)
    return theta


OPTIMIZERS = [
    (optimizers.SGD, keras_sgd, 0.01, {}),
    (optimizers.SGD, keras_sgd, 0.01, {"momentum": 0.9}),
    (optimizers.SGD, keras_sgd, 0.01, {"momentum": 0.9, "nesterov": True}),
    (optimizers.RMSprop, keras_rmsprop, 0.001, {}),
    (optimizers.RMSprop, keras_rmsprop, 0.001, {"rho": 0.8, "momentum": 0.7, "epsilon": 1e-3}),
    (optimizers.Adam, keras_adam, 0.001, {}),
    (optimizers.Adam, keras_adam, 0.001, {"beta_1": 0.8, "beta_2": 0.9, "epsilon": 1e-2}),
    (optimizers.Nadam, keras_nadam, 0.001, {}),
    (optimizers.Nadam, keras_nadam, 0.001, {"beta_1": 0.7, "beta_2": 0.95, "epsilon": 1e-2}),
]


@pytest.mark.parametrize("kind, formula, lr, settings", OPTIMIZERS)
@pytest.mark.parametrize("scale", [1.0, 1e-4], ids=["large", "small"])  # small: epsilon counts
def test_optimizers_are_keras_formulas_with_keras_defaults(kind, formula, lr, settings, scale):
    rng = np.random.default_rng(0)
    theta, gradients = rng.normal(size=9), scale * rng.normal(size=(30, 9))
    wanted = [formula(p, gradients[:, i], lr, **settings) for i, p in enumerate(theta.tolist())]
    optimizer = kind(**settings)
    assert optimizer.learning_rate == lr
    for g in gradients:
        optimizer.step(theta, g)
    assert_allclose(theta, wanted, rtol=1e-10)
    assert optimizer.iterations == 30


def test_rmsprop_may_update_in_parts_of_shards():
    rng = np.random.default_rng(0)
    whole, parts = rng.normal(size=(2, 5000))
    parts[:] = whole
    shards = rng.normal(size=(3, 5000))
    one, two = optimizers.RMSprop(momentum=0.5), optimizers.RMSprop(momentum=0.5)
    one.step(whole, shards.sum(axis=0))
    two.begin_step(parts)
    two.update(parts, shards[:, :4200], 0, 4200)
    two.update(parts, shards[:, 4200:], 4200, 5000, offset=4200)
    assert_allclose(parts, whole, rtol=1e-12)


@pytest.mark.parametrize("name", ["sgd", "RMSprop", "adam", "Nadam"])
def test_optimizers_come_back_from_their_configuration(name):
    optimizer = optimizers.get(name)
    optimizer.learning_rate = 0.02
    again = optimizers.get({"class_name": type(optimizer).__name__, "config": optimizer.get_config()})
    assert type(again) is type(optimizer) and again.get_config() == optimizer.get_config()
    assert again.learning_rate == 0.02


def test_a_schedule_of_tinyae_as_learning_rate():
    optimizer = optimizers.Adam(Cosine(0.1, warmup=0.25))
    again = optimizers.get({"class_name": "Adam", "config": optimizer.get_config()})
    assert again.learning_rate(3, 10) == optimizer.learning_rate(3, 10)


def test_an_optimizer_of_tinyae_is_taken_as_it_is():
    optimizer = tinyae.SGD(0.5)
    assert optimizers.get(optimizer) is optimizer
    assert isinstance(optimizers.get(optimizers.Adam), optimizers.Adam)


# --- weights


def test_weights_have_keras_order_and_layout():
    i = Input((8, 6, 3))
    h = layers.Conv2D(5, (3, 2), padding="same")(i)
    h = layers.BatchNormalization()(h)
    h = layers.Conv2DTranspose(4, (2, 3), strides=2, padding="same")(h)
    net = Model(i, layers.Dense(7)(layers.Flatten()(h)))
    shapes = [w.shape for w in net.get_weights()]
    assert shapes == [(3, 2, 3, 5), (5,), (5,), (5,), (5,), (5,), (2, 3, 4, 5), (4,), (16 * 12 * 4, 7), (7,)]
    gamma, beta, mean, var = net.layers[2].get_weights()
    assert_array_equal(np.stack([gamma, beta, mean, var]), np.repeat([[1], [0], [0], [1]], 5, axis=1))
    assert net.count_params() == sum(w.size for w in net.get_weights())


def test_set_weights_is_what_predict_uses():
    net = Sequential([Input(3), layers.Dense(2), layers.Dense(3)])
    W, b, V, c = np.arange(6.0).reshape(3, 2), np.array([1.0, -1]), np.ones((2, 3)), np.zeros(3)
    net.set_weights([W, b, V, c])
    x = rows(4, 3)
    assert_allclose(net.predict(x), (x @ W + b) @ V + c, rtol=1e-6)
    net.get_weights()[0][:] = 7  # copies
    assert_array_equal(net.get_weights()[0], W)
    with pytest.raises(UsageError, match=r"expected weights of shapes \[\(3, 2\), .*got \[\(2, 3\)"):
        net.set_weights([W.T, b, V, c])


def test_moving_statistics_are_keras():
    x = np.random.default_rng(0).normal(2.0, 3.0, (5, 4)).astype(np.float32)
    net = Sequential([Input(4), layers.BatchNormalization(momentum=0.8), layers.Dense(4)])
    net.compile("sgd", "mse")
    net.fit(x, x, batch_size=5, epochs=1, verbose=0)
    _, _, mean, var = net.layers[0].get_weights()
    assert_allclose(mean, 0.2 * x.mean(axis=0), rtol=1e-5)
    assert_allclose(var, 0.8 + 0.2 * x.var(axis=0), rtol=1e-5)  # var with N below the line, not N - 1
    assert layers.BatchNormalization().get_config()["momentum"] == 0.99
    gamma, beta, mean, var = net.layers[0].get_weights()
    assert_allclose(net.layers[0](x), gamma * (x - mean) / np.sqrt(var + 0.001) + beta, rtol=1e-4)


# --- initializers


@pytest.mark.parametrize(
    "name, variance, limit",
    [
        ("glorot_uniform", lambda i, o: 2 / (i + o), lambda i, o: math.sqrt(6 / (i + o))),
        ("glorot_normal", lambda i, o: 2 / (i + o), lambda i, o: 2 / 0.8796 * math.sqrt(2 / (i + o))),
        ("he_uniform", lambda i, o: 2 / i, lambda i, o: math.sqrt(6 / i)),
        ("he_normal", lambda i, o: 2 / i, lambda i, o: 2 / 0.8796 * math.sqrt(2 / i)),
        ("lecun_uniform", lambda i, o: 1 / i, lambda i, o: math.sqrt(3 / i)),
        ("lecun_normal", lambda i, o: 1 / i, lambda i, o: 2 / 0.8796 * math.sqrt(1 / i)),
        ("random_normal", lambda i, o: 0.05**2, lambda i, o: 0.5),
        ("truncated_normal", lambda i, o: (0.05 * 0.8796) ** 2, lambda i, o: 0.1),
        ("random_uniform", lambda i, o: 0.1**2 / 12, lambda i, o: 0.05),
    ],
)
@pytest.mark.parametrize("shape", [(300, 500), (3, 2, 100, 90)])
def test_initializers_have_their_variance_and_limit(name, variance, limit, shape):
    window = math.prod(shape[:-2])
    fan_in, fan_out = window * shape[-2], window * shape[-1]
    w = initializers.get(name)(shape)
    assert w.dtype == np.float32
    assert w.var() == pytest.approx(variance(fan_in, fan_out), rel=0.03)
    assert abs(w.mean()) < 5 * w.std() / math.sqrt(w.size)
    assert np.abs(w).max() <= limit(fan_in, fan_out) * 1.0001
    if "uniform" in name or "truncated" in name:
        assert np.abs(w).max() > 0.95 * limit(fan_in, fan_out)


def test_constants_seeds_and_configurations():
    assert_array_equal(initializers.Constant(0.5)((2, 3)), np.full((2, 3), 0.5))
    assert_array_equal(initializers.zeros()((3,)), [0, 0, 0])
    he = initializers.HeNormal(seed=3)
    assert_array_equal(he((4, 5)), he((4, 5)))
    again = initializers.get(initializers.serialize(he))
    assert_array_equal(again((4, 5)), he((4, 5)))
    assert initializers.get("HeNormal").scale == 2.0
    assert_array_equal(initializers.get(initializers.Ones)((2,)), [1, 1])
    with pytest.raises(UsageError, match="did you mean 'he_normal'"):
        initializers.get("he_norml")
    with pytest.raises(UsageError, match="initializer: expected one of glorot_uniform"):
        initializers.get(3)


def test_layers_draw_what_they_are_told():
    layer = layers.Dense(4, kernel_initializer=initializers.Constant(2.0), bias_initializer="ones")
    layer(np.zeros((1, 3)))
    assert_array_equal(layer.kernel, np.full((3, 4), 2.0))
    assert_array_equal(layer.bias, np.ones(4))


# --- padding: Keras's documented rules as matrices


def same_zeros(n, k, s):
    """Zeros before and behind n rows, so that ceil(n / s) windows of k fit: an odd one behind."""
    total = max((math.ceil(n / s) - 1) * s + k - n, 0)
    return total // 2, total - total // 2


def convolution_matrix(w, n, s, before, behind):
    """A with A x = the correlation of x (n,), zeros around it, with w, every s rows."""
    places = range(0, n + before + behind - len(w) + 1, s)
    A = np.zeros((len(places), n))
    for row, start in enumerate(places):
        for i, weight in enumerate(w):
            if 0 <= start + i - before < n:
                A[row, start + i - before] += weight
    return A


def column(layer, x, w):
    """What a layer for images, with kernel w (k,), makes of one column x (n,)."""
    image = np.asarray(x, np.float32).reshape(1, -1, 1, 1)
    layer(image)
    layer.set_weights([np.reshape(w, (-1, 1, 1, 1)), np.zeros(1)])
    return layer(image)[0, :, 0, 0]


sizes = st.integers(1, 7), st.integers(1, 6), st.integers(1, 4)


@given(*sizes, st.sampled_from(["same", "valid", "SAME"]))
def test_conv2d_pads_as_keras_says(n, k, s, padding):
    rng = np.random.default_rng(0)
    x, w = rng.normal(size=n), rng.normal(size=k)
    layer = layers.Conv2D(1, (k, 1), strides=(s, 1), padding=padding)
    if padding == "valid" and k > n:
        with pytest.raises(UsageError, match=r"Conv2D 'conv2d.*': Conv2D: expected images at least as large"):
            column(layer, x, w)
        return
    zeros = (0, 0) if padding == "valid" else same_zeros(n, k, s)
    assert_allclose(column(layer, x, w), convolution_matrix(w, n, s, *zeros) @ x, rtol=1e-5, atol=1e-6)


@given(*sizes, st.sampled_from(["same", "valid"]))
def test_conv2d_transpose_is_the_adjoint_of_the_conv2d_keras_says(n, k, s, padding):
    """Output of n rows: n s for "same", n s + max(k - s, 0) for "valid"; of it that Conv2D makes n rows."""
    rng = np.random.default_rng(0)
    x, w = rng.normal(size=n), rng.normal(size=k)
    length = n * s + (max(k - s, 0) if padding == "valid" else 0)
    zeros = (0, 0) if padding == "valid" else same_zeros(length, k, s)
    A = convolution_matrix(w, length, s, *zeros)
    got = column(layers.Conv2DTranspose(1, (k, 1), strides=(s, 1), padding=padding), x, w)
    assert A.shape[0] == n and got.shape == (length,)
    assert_allclose(got, A.T @ x, rtol=1e-5, atol=1e-6)


def dilated(x, w, s, left, right):
    """The transposed convolution as Keras computes it: x with s - 1 zeros between, zeros around, the kernel turned."""
    spread = np.zeros((len(x) - 1) * s + 1)
    spread[::s] = x
    return np.convolve(np.pad(spread, (left, right)), w, "valid")


@given(*sizes, st.integers(0, 3), st.sampled_from(["same", "valid"]))
def test_output_padding_is_keras_or_refused(n, k, s, p, padding):
    rng = np.random.default_rng(0)
    x, w = rng.normal(size=n), rng.normal(size=k)
    layer = layers.Conv2DTranspose(1, (k, 1), strides=(s, 1), padding=padding, output_padding=(p, 0))
    if padding == "valid":
        left, right = k - 1, k - 1 + p
    else:
        zeros = k + k % 2 - 2 + p
        left = min(zeros // 2 + zeros % 2, k - 1)
        right = zeros - left
    try:
        got = column(layer, x, w)
    except UsageError as why:
        assert "output_padding smaller than the stride that cuts as much before as behind" in str(why)
        assert p >= s or padding == "same"
        return
    assert_allclose(got, dilated(x, w, s, left, right), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("kernel, stride", [(1, 2), (3, 1), (3, 2), (5, 2), (5, 3)])
def test_the_usual_output_padding_of_odd_kernels_is_taken(kernel, stride):
    """output_padding = stride - 1 doubles (or triples) the rows, as padding='same' does alone."""
    layer = layers.Conv2DTranspose(1, kernel, strides=stride, padding="same", output_padding=stride - 1)
    assert layer(np.zeros((1, 4, 4, 1))).shape == (1, 4 * stride, 4 * stride, 1)


@pytest.mark.parametrize("padding, rows, counts", [("same", 3, [2, 2, 1]), ("valid", 2, [2, 2])])
def test_pooling_at_the_border(padding, rows, counts):
    x = np.arange(1.0, 6).reshape(1, 5, 1, 1)
    pooled = layers.MaxPooling2D((2, 1), padding=padding)(x)[0, :, 0, 0]
    assert_array_equal(pooled, [2, 4, 5][:rows])
    mean = layers.AveragePooling2D((2, 1), padding=padding)(x)[0, :, 0, 0]
    assert_array_equal(mean * counts, [3, 7, 5][:rows])  # what lies beyond the border does not count


def test_bilinear_upsampling_keeps_the_middles_of_pixels():
    x = np.array([0.0, 1.0]).reshape(1, 1, 2, 1)
    y = layers.UpSampling2D((1, 2), interpolation="bilinear")(x)[0, 0, :, 0]
    assert_allclose(y, [0, 0.25, 0.75, 1])
    assert_allclose(layers.UpSampling2D()(x)[0, :, :, 0], [[0, 0, 1, 1]] * 2)


@pytest.mark.parametrize(
    "layer, value",
    [
        (lambda: layers.Activation("leaky_relu"), -0.4),
        (lambda: layers.LeakyReLU(), -0.6),
        (lambda: layers.LeakyReLU(alpha=0.1), -0.2),
        (lambda: layers.ReLU(negative_slope=0.25), -0.5),
        (lambda: layers.ReLU(), 0.0),
        (lambda: layers.Activation("tanh"), math.tanh(-2)),
        (lambda: layers.Activation("softplus"), math.log1p(math.exp(-2))),
    ],
)
def test_slopes_and_activations_are_keras(layer, value):
    assert_allclose(layer()(np.array([[-2.0]])), [[value]], rtol=1e-6)
    dense = layers.Dense(1, activation=layer(), kernel_initializer="ones")
    assert_allclose(dense(np.array([[-2.0]])), [[value]], rtol=1e-6)
