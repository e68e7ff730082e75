"""Jacobians of encoders beside finite differences, PyTorch and matrices known from the start."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from tinyae import (
    Autoencoder,
    BatchNorm,
    Conv2D,
    ConvTranspose,
    Dense,
    Dropout,
    Flatten,
    GaussianCode,
    KSparse,
    MaxPool,
    ReLU,
    Reshape,
    Sequential,
    Sigmoid,
    Tanh,
    UsageError,
)
from tinyae import jacobian as module
from tinyae.jacobian import encoder_jacobian, jacobian_norm, singular_values
from tinyae.layers.base import every_layer
from tinyae.training import shards

ENCODERS = {
    "one layer": (lambda: [Dense(4, "tanh")], (6,)),
    "deep": (lambda: [Dense(7, "sigmoid"), Dense(5), ReLU(), Dense(3)], (6,)),
    "flattened": (lambda: [Flatten(), Dense(5), Tanh(), Reshape((1, 5)), Flatten(), Dense(2, "sigmoid")], (2, 3, 1)),
    "in the middle of others": (lambda: [Sigmoid(), Dense(5, "tanh"), Dropout(0.5), KSparse(3), Dense(4)], (6,)),
    "images": (lambda: [Conv2D(2, 3, activation="tanh"), MaxPool(2), Conv2D(3, 2, activation="sigmoid")], (4, 6, 1)),
    "norm": (lambda: [Dense(5), BatchNorm(), Tanh(), Dense(4)], (6,)),
    "variational": (lambda: [Dense(5, "tanh"), Dense(6), GaussianCode()], (6,)),
}
EVERY = pytest.mark.parametrize("name", ENCODERS)


def encoder(name, dtype=np.float64):
    make, shape = ENCODERS[name]
    net = Sequential(make()).build(shape, np.random.default_rng(2), dtype=dtype)
    return net, np.random.default_rng(3).uniform(size=(5, *shape))


def numerical_jacobian(net, x, h=1e-6):
    """Central differences, column by column: (N, k, D)."""
    columns = []
    for i in range(x[0].size):
        up, down = x.copy(), x.copy()
        up.reshape(len(x), -1)[:, i] += h
        down.reshape(len(x), -1)[:, i] -= h
        columns.append((net.forward(up).reshape(len(x), -1) - net.forward(down).reshape(len(x), -1)) / (2 * h))
    return np.stack(columns, axis=2)


@EVERY
def test_jacobian_is_the_slope(name):
    net, x = encoder(name)
    J = encoder_jacobian(net, x)
    assert J.shape == (5, int(np.prod(net.output_shape)), int(np.prod(net.input_shape)))
    assert_allclose(J, numerical_jacobian(net, x), rtol=1e-6, atol=1e-8)


@EVERY
def test_norm_and_singular_values_are_those_of_the_jacobian(name):
    net, x = encoder(name)
    J = encoder_jacobian(net, x)
    assert jacobian_norm(net, x) == pytest.approx(np.square(J).sum(axis=(1, 2)).mean(), rel=1e-12)
    each = singular_values(net, x, each=True)
    assert each.shape == (5, min(J.shape[1:])) and (np.diff(each, axis=1) <= 0).all()
    assert_allclose(np.square(each).sum(axis=1), np.square(J).sum(axis=(1, 2)), rtol=1e-12)
    assert_allclose(singular_values(net, x), each.mean(axis=0), rtol=1e-12)


def test_jacobian_on_paper():
    net = Sequential([Dense(2)]).build(3, dtype=np.float64)
    net.layers[0].params["W"][:] = [[3, 0], [0, 0], [0, -4]]
    x = np.ones((2, 3))
    assert encoder_jacobian(net, x).tolist() == [[[3, 0, 0], [0, 0, -4]]] * 2
    assert jacobian_norm(net, x) == 25
    assert_allclose(singular_values(net, x), [4, 3])


@pytest.mark.parametrize("threads", [1, 2, 3])
@EVERY
def test_threads_and_few_images_at_a_time_change_nothing(monkeypatch, name, threads):
    net, x = encoder(name)
    whole = encoder_jacobian(net, x), jacobian_norm(net, x), singular_values(net, x)
    monkeypatch.setattr(shards, "SMALLEST_SHARED_WORK", 0)
    monkeypatch.setattr(module, "JACOBIAN_BYTES", 2 * whole[0][0].nbytes)
    parts = [ask(net, x, threads=threads) for ask in (encoder_jacobian, jacobian_norm, singular_values)]
    for part, one in zip(parts, whole, strict=True):
        assert_allclose(part, one, rtol=1e-11, atol=1e-14)


@EVERY
def test_the_encoder_stays_as_it_was(name):
    net, x = encoder(name)
    net.set_training(True)
    net.forward(x)
    kept = {layer: layer.state | layer.params | layer.grads for layer in every_layer(net)}
    kept = {layer: {key: a.copy() for key, a in arrays.items()} for layer, arrays in kept.items()}
    x.flags.writeable = False
    encoder_jacobian(net, x), jacobian_norm(net, x), singular_values(net, x)
    for layer, arrays in kept.items():
        assert layer.training
        for key, a in (layer.state | layer.params | layer.grads).items():
            assert_array_equal(a, arrays[key])


def test_a_model_and_its_encoder_are_asked_alike():
    make, shape = ENCODERS["images"]
    decoder = [ConvTranspose(1, 2, stride=2, activation="sigmoid")]
    model = Autoencoder(make(), decoder, input_shape=shape)
    x = np.random.default_rng(3).uniform(size=(5, *shape))
    J = encoder_jacobian(model, x)
    assert J.dtype == np.float32 and J.shape == (5, 2 * 3 * 3, 24)
    assert_array_equal(J, encoder_jacobian(model.encoder, x))
    assert_allclose(J, encoder_jacobian(model.astype(np.float64), x), rtol=1e-4, atol=1e-6)
    assert isinstance(jacobian_norm(model, x), float)


@pytest.mark.parametrize("ask", [encoder_jacobian, jacobian_norm, singular_values])
def test_bad_input_is_refused(ask):
    net, _ = encoder("deep")
    who = ask.__name__
    for bad, message in (
        (np.zeros((3, 7)), rf"{who}: expected x of shape \(N, 6\), got \(3, 7\)"),
        (np.zeros((0, 6)), f"{who}: expected at least one sample in x, got none"),
        ([["a"] * 6], f"{who}: expected x to be an array of numbers, got list"),
        (np.full((3, 6), 200, np.uint8), f"{who}: expected x scaled to"),
    ):
        with pytest.raises(UsageError, match=message):
            ask(net, bad)
    for bad in ("model", Sequential([Dense(3)])):
        with pytest.raises(UsageError, match=f"{who}: expected an Autoencoder or a built encoder, got"):
            ask(bad, np.zeros((3, 6)))


@pytest.mark.oracle
def test_jacobian_beside_torch(torch):
    net, x = encoder("deep")
    weights = [torch.tensor(p) for _, owner in net.owners() for p in owner.params.values()]

    def encode(image):
        h = torch.sigmoid(image @ weights[0] + weights[1])
        return torch.relu(h @ weights[2] + weights[3]) @ weights[4] + weights[5]

    expected = [torch.autograd.functional.jacobian(encode, torch.tensor(image)).numpy() for image in x]
    assert_allclose(encoder_jacobian(net, x), expected, rtol=1e-10, atol=1e-13)
