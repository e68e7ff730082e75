"""Outputs and gradients inside a net: against the net itself and finite differences; the net stays as it was."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from tinyae import (
    L1,
    Autoencoder,
    BatchNorm,
    Contractive,
    Conv2D,
    Dense,
    Dropout,
    GaussianCode,
    MaxPool,
    ReLU,
    Sequential,
    Sigmoid,
    Tanh,
    TiedDense,
    UpSample,
    UsageError,
)
from tinyae.inside import layer_outputs, output_gradients, parameter_gradients


def tied():
    code = Dense(3, "tanh")
    return Autoencoder([code], [TiedDense(code, "sigmoid")], "bce", 6, dtype=np.float64, penalty=Contractive(0.3))


NETS = {
    "bce": lambda: Autoencoder([Dense(4), Tanh()], [Dense(6), Sigmoid()], "bce", 6, dtype=np.float64),
    "mse": lambda: Autoencoder([Dense(4, "tanh")], [Dense(6)], "mse", 6, dtype=np.float64, penalty=L1(0.7)),
    "sigmoid-mse": lambda: Autoencoder([Dense(4), Tanh()], [Dense(6, "sigmoid")], "mse", 6, dtype=np.float64),
    "nested": lambda: Autoencoder(
        [Sequential([Dense(5), Tanh()]), Dense(3)], [Sequential([Dense(6), Sigmoid()])], "bce", 6, dtype=np.float64
    ),
    "noisy": lambda: Autoencoder(
        [Dense(5), BatchNorm(), Dropout(0.5), Tanh(), Dense(4), GaussianCode(0.5)], [Dense(6, "sigmoid")], "bce", 6,
        dtype=np.float64, corruption="gaussian",
    ),
    "conv": lambda: Autoencoder(
        [Conv2D(3, 3, activation="tanh"), MaxPool(2)], [UpSample(2), Conv2D(1, 3, activation="sigmoid")], "bce",
        (4, 6, 1), dtype=np.float64,
    ),
    "tied": tied,
}  # fmt: skip


@pytest.fixture(params=NETS)
def net(request):
    return NETS[request.param]()


def batch(net, n=5, seed=1):
    return np.random.default_rng(seed).uniform(0.05, 0.95, size=(n, *net.input_shape))


def test_outputs_are_those_of_every_layer_in_order(net):
    x = batch(net)
    outputs = layer_outputs(net, x)
    names = [f"encoder.{n}" for n in net.encoder.layer_names] + [f"decoder.{n}" for n in net.decoder.layer_names]
    assert list(outputs) == ["input", *names]
    assert_array_equal(outputs["input"], x)
    assert_array_equal(outputs[f"encoder.{net.encoder.layer_names[-1]}"], net.encode(x))
    assert_array_equal(outputs[names[-1]], net.reconstruct(x))
    first = net.encoder.layers[0]
    assert_array_equal(outputs[names[0]], first.forward(x))


def test_gradients_are_those_of_the_loss(net, rng):
    x, target = batch(net), batch(net, seed=2)
    named = parameter_gradients(net, x, target)
    assert [g.shape for g in named.values()] == [p.shape for o in net.owners() for p in o[1].params.values()]
    assert next(iter(named)).startswith("encoder.") and list(named)[-1].endswith(".b")
    gradient = np.concatenate([g.ravel() for g in named.values()])
    theta, h = net.theta.copy(), 1e-6
    for _ in range(3):
        v = rng.standard_normal(theta.size)
        sides = []
        for sign in (1, -1):
            net.theta[:] = theta + sign * h * v
            sides.append(net.loss_value(x, target))
        assert_allclose(gradient @ v, (sides[0] - sides[1]) / (2 * h), rtol=1e-6)  # along v


def rest_of_the_way(net, place, y, target):
    """The loss from the output of layer number `place` on, penalties of the code included."""
    layers = [*net.encoder.layers, *net.decoder.layers]
    n_encoder, loss = len(net.encoder.layers), 0.0
    for number, layer in enumerate(layers[place + 1 :], place + 1):
        if number == n_encoder:
            for penalty in net.code_penalties:
                penalty.forward(y)
                loss += penalty.penalty(len(y))
        y = layer.before_output(y) if net.matched and number == len(layers) - 1 else layer.forward(y)
        loss += layer.penalty(len(y)) if isinstance(layer, GaussianCode) else 0.0
    return loss + net.loss.value(y, target)


def test_gradients_in_outputs_are_those_of_the_loss(net, rng):
    x, target = batch(net), batch(net, seed=2)
    outputs, gradients = layer_outputs(net, x), output_gradients(net, x, target)
    names, h = list(outputs)[1:], 1e-6
    assert list(gradients) == names
    for place, name in enumerate(names):
        y = outputs[name]
        if place == len(names) - 1 and net.matched:  # in the output unit's input
            y = net.before_output(x)
        v = rng.standard_normal(y.shape)
        up, down = (rest_of_the_way(net, place, y + sign * h * v, target) for sign in (1, -1))
        assert gradients[name].shape == y.shape
        assert_allclose(np.sum(gradients[name] * v), (up - down) / (2 * h), rtol=2e-6, atol=1e-9, err_msg=name)


@pytest.mark.parametrize("look", [layer_outputs, parameter_gradients, output_gradients])
def test_the_net_stays_as_it_was_and_makes_no_noise(net, look):
    x = batch(net)
    kept = x.copy()
    net.loss_and_gradient(x)
    theta, gradient = net.theta.copy(), net.gradient.copy()
    net.set_training(True)
    first, second = look(net, x), look(net, x)
    assert net.training and net.encoder.layers[0].training
    for name, array in first.items():
        assert_array_equal(array, second[name])
        assert not np.shares_memory(array, net.theta) and not np.shares_memory(array, net.gradient)
    assert_array_equal(net.theta, theta)
    assert_array_equal(net.gradient, gradient)
    assert_array_equal(x, kept)


def test_arrays_do_not_overwrite_each_other():
    net = Autoencoder([Dense(4), ReLU()], [Dense(6), Sigmoid()], "bce", 6)
    x = batch(net)
    for look in (layer_outputs, parameter_gradients, output_gradients):
        named = look(net, x)
        assert all(array.dtype == np.float32 for array in named.values())
        kept = {name: array.copy() for name, array in named.items()}
        look(net, 1 - x)
        for name, array in named.items():
            assert_array_equal(array, kept[name])


@pytest.mark.parametrize(
    "change, message",
    [
        (lambda x: x[:, :5], r"expected x of shape \(N, 6\), got \(5, 5\)\."),
        (lambda x: x[0], r"expected x of shape \(N, 6\), got \(6,\); for a single sample use x\[None\]\."),
        (lambda x: x[:0], r"expected at least one sample in x, got none\."),
        (lambda x: np.where(x > 0.5, np.nan, x), r"expected finite numbers in x, got .* NaN or infinite"),
        (lambda x: "seven", r"expected x to be an array of numbers, got str"),
    ],
)
@pytest.mark.parametrize("look", [layer_outputs, parameter_gradients, output_gradients])
def test_what_does_not_fit_is_refused(look, change, message):
    net = NETS["bce"]()
    with pytest.raises(UsageError, match=f"{look.__name__}: {message}"):
        look(net, change(batch(net)))


def test_as_many_targets_as_inputs():
    net = NETS["bce"]()
    with pytest.raises(UsageError, match=r"parameter_gradients: expected as many targets as inputs, got 4 and 5\."):
        parameter_gradients(net, batch(net), batch(net, 4))
    with pytest.raises(UsageError, match=r"output_gradients: expected target of shape \(N, 6\), got \(5, 2\)\."):
        output_gradients(net, batch(net), np.zeros((5, 2)))
