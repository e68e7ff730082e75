"""Tangent passes: J v and its way back, for every layer that has them, beside finite differences and PyTorch."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from test_checks import says

from tinyae import L1, Sequential, UsageError
from tinyae.gradcases import SameNoise, has_tangent, layer_cases, off_kinks
from tinyae.gradcheck import assert_gradients, check_tangent
from tinyae.kernels import pooling
from tinyae.layers import (
    LAYERS,
    ActivityPenalty,
    AveragePool,
    BatchNorm,
    Conv2D,
    ConvTranspose,
    Crop,
    Dense,
    Dropout,
    Flatten,
    GaussianCode,
    KSparse,
    Layer,
    LeakyReLU,
    MaxPool,
    ReLU,
    Reshape,
    Sigmoid,
    Softplus,
    Tanh,
    TiedDense,
    UpSample,
    ZeroPad,
)

# What straight lines are made of: dP/dx is zero where P does not depend on y.
BENT = {"Sigmoid", "Tanh", "Softmax", "Softplus"}

# name: (encoder, shape of a batch). Inside of a net a layer's gradient arrives in both y and t at once.
NETS = {
    "dense": (lambda: [Dense(6, "sigmoid"), Dense(4, "softplus"), Dense(3, "tanh")], (4, 5)),
    "leaky": (lambda: [Dense(6, "leaky_relu"), Dense(4), LeakyReLU(0.3), Dense(3, "linear")], (4, 5)),
    "nested": (lambda: [Sequential([Dense(6), Tanh()]), Sequential([Dense(3), Softplus(), ReLU()])], (4, 5)),
    "relu inside": (lambda: [Conv2D(3, (3, 2), activation="relu"), Conv2D(2, 2, activation="tanh")], (2, 4, 5, 1)),
    "conv": (
        lambda: [Conv2D(2, 3, activation="tanh"), MaxPool(2), Conv2D(3, 2, stride=(2, 1), activation="sigmoid"),
                 AveragePool((1, 2)), Flatten(), Dense(3, "tanh")],
        (2, 6, 8, 2),
    ),
    "shapes": (
        lambda: [Reshape((2, 3, 2)), ConvTranspose(2, 3, stride=2, activation="relu"), Sigmoid(), UpSample((1, 2)),
                 Crop(1), ZeroPad(0, (1, 0)), Flatten(), ActivityPenalty(L1(0.1)), Dense(5, "tanh"), KSparse(3)],
        (3, 12),
    ),
    "norm": (lambda: [Conv2D(3, 2, activation="tanh"), BatchNorm(), Sigmoid(), Flatten(), BatchNorm()], (3, 3, 4, 2)),
}  # fmt: skip


def build(name, dtype=np.float64):
    make, shape = NETS[name]
    rng = np.random.default_rng(6)
    net = Sequential(make()).build(shape[1:], rng, dtype=dtype)
    for _, owner in net.owners():
        owner.params["b" if "b" in owner.params else "beta"] += rng.normal(scale=0.3, size=owner.output_shape[-1])
    for layer in net.layers:
        if isinstance(layer, BatchNorm):
            layer.state["mean"] += rng.normal(size=layer.n_channels).astype(dtype)
            layer.state["var"] *= rng.uniform(0.5, 2, size=layer.n_channels).astype(dtype)
            layer.params["gamma"] += rng.normal(size=layer.n_channels).astype(dtype)
    return net, off_kinks(shape).astype(dtype)


def grads_of(net):
    return {f"{path}.{name}": g.copy() for path, owner in net.owners() for name, g in owner.grads.items()}


def fill_grads(net, value):
    for _, owner in net.owners():
        for gradient in owner.grads.values():
            gradient[...] = value


CASES = {
    name: (layer, off_kinks(shape)) for name, layer, shape in layer_cases() if has_tangent(layer)
}  # the layers of `tinyae gradcheck`, which runs check_tangent on them
EVERY = pytest.mark.parametrize("case", CASES)


# -- finite differences ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", NETS)
def test_tangents_of_nets_are_slopes(name):
    net, x = build(name)
    assert assert_gradients(check_tangent(net, x)) <= 1e-6


def test_every_layer_has_a_tangent_or_says_so():
    checked = {type(layer).__name__ for layer, _ in CASES.values()} | {"Sequential"}
    assert set(LAYERS) - checked == {"GaussianCode", "TiedDense"}


def test_dropout_and_noise_keep_what_they_drew():
    net = Sequential([Dropout(0.4), Dense(6, "tanh"), Dropout(0.5), Dense(3)]).build(5, dtype=np.float64)
    net.set_training(True)
    net.reseed(SameNoise())
    assert assert_gradients(check_tangent(net, off_kinks((4, 5)))) <= 1e-6


# -- what holds for every J ------------------------------------------------------------------------------------------


@EVERY
def test_tangent_and_backward_are_adjoint(case):
    layer, x = CASES[case]
    rng = np.random.default_rng(1)
    u = rng.normal(size=layer.forward(x).shape)
    v = rng.normal(size=x.shape)
    plain = layer.backward(u).copy() if not isinstance(layer, ActivityPenalty) else u
    assert np.sum(layer.tangent(v) * u) == pytest.approx(np.sum(v * plain), rel=1e-12)  # <J v, u> = <v, J' u>
    dv, dx = layer.tangent_backward(u, u)
    assert_allclose(dv, plain, rtol=1e-12, atol=1e-15)
    if type(layer).__name__ not in BENT | {"Sequential", "Conv2D", "ConvTranspose"}:
        assert_allclose(dx, plain, rtol=1e-12, atol=1e-15)


@EVERY
@given(seed=st.integers(0, 2**32 - 1))
def test_tangent_is_linear(case, seed):
    layer, x = CASES[case]
    layer.forward(x)
    rng = np.random.default_rng(seed)
    (v, w), (a, b) = rng.normal(size=(2, *x.shape)), rng.normal(size=2)
    apart = a * layer.tangent(v) + b * layer.tangent(w)
    assert_allclose(layer.tangent(a * v + b * w), apart, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("name", NETS)
def test_tangent_backward_without_dy_is_that_with_zeros(name):
    net, x = build(name)
    rng = np.random.default_rng(2)
    dt = rng.normal(size=net.forward(x).shape)
    net.tangent(rng.normal(size=x.shape))
    found = []
    for dy in (None, np.zeros_like(dt)):
        fill_grads(net, 0)
        dv, dx = net.tangent_backward(dt, dy)
        found.append((dv, dx, grads_of(net)))
    (dv, dx, grads), (dv_zeros, dx_zeros, grads_zeros) = found
    assert_array_equal(dv, dv_zeros)
    if dx is None:  # a net made of straight pieces
        assert name == "leaky"
        dx = np.zeros_like(x)
    assert_allclose(dx, dx_zeros, rtol=1e-12, atol=1e-15)
    for key in grads:
        assert_allclose(grads[key], grads_zeros[key], rtol=1e-12, atol=1e-15, err_msg=key)


@pytest.mark.parametrize("name", NETS)
def test_tangent_backward_adds_to_the_gradients(name):
    net, x = build(name)
    rng = np.random.default_rng(2)
    dt, dy = rng.normal(size=(2, *net.forward(x).shape))
    net.tangent(rng.normal(size=x.shape))
    fill_grads(net, 0)
    assert net.tangent_backward(dt, dy, need_dx=False) == (None, None)
    alone = grads_of(net)
    fill_grads(net, 3.5)
    net.tangent_backward(dt, dy)
    for key, gradient in grads_of(net).items():
        assert_allclose(gradient, alone[key] + 3.5, rtol=1e-12, atol=1e-12, err_msg=key)


@pytest.mark.parametrize("name", NETS)
def test_without_a_tangent_it_is_the_ordinary_backward_pass(name):
    net, x = build(name)
    dy = np.random.default_rng(2).normal(size=net.forward(x).shape)
    dx = net.backward(dy).copy()
    plain = grads_of(net)
    net.tangent(np.zeros_like(x))
    fill_grads(net, 0)
    dv, dx_too = net.tangent_backward(np.zeros_like(dy), dy)
    assert not dv.any()
    assert_allclose(dx_too, dx, rtol=1e-12, atol=1e-15)
    for key, gradient in grads_of(net).items():
        assert_allclose(gradient, plain[key], rtol=1e-12, atol=1e-15, err_msg=key)


# -- memory ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", NETS)
@pytest.mark.parametrize("dtype, tolerance", [(np.float64, 0), (np.float32, 2e-5)], ids=["f64", "f32"])
def test_replicas_lose_nothing_by_using_memory_again(name, dtype, tolerance):
    """Several directions, one after the other, between an ordinary pass and its repetition; in float32 the kernels."""
    net, x = build(name)
    twin, x_twin = build(name, dtype)
    twin = twin.replica()
    rng = np.random.default_rng(3)
    dy, *dts = rng.normal(size=(4, *net.forward(x).shape))
    y = twin.forward(x_twin).copy()
    dx = twin.backward(dy.astype(dtype)).copy()
    for dt in dts:
        v = rng.normal(size=x.shape)
        fill_grads(net, 0), fill_grads(twin, 0)
        want = net.tangent(v), *net.tangent_backward(dt, dy)
        got = twin.tangent(v.astype(dtype)), *twin.tangent_backward(dt.astype(dtype), dy.astype(dtype))
        for a, b in zip(got, want, strict=True):
            assert a.dtype == dtype
            assert_allclose(a, b, rtol=tolerance, atol=10 * tolerance)
        for key, gradient in grads_of(net).items():
            assert_allclose(grads_of(twin)[key], gradient, rtol=tolerance, atol=20 * tolerance, err_msg=key)
    assert_array_equal(twin.backward(dy.astype(dtype)), dx)  # what forward kept is as it was
    assert_array_equal(twin.forward(x_twin), y)


@EVERY
def test_tangents_have_memory_of_their_own(case):
    """What a replica's forward and backward gave lies where it lay: the layers around it still work with it."""
    layer, x = CASES[case]
    replica, rng = layer.replica(), np.random.default_rng(1)
    y = replica.forward(x)
    dt, dy = rng.normal(size=(2, *y.shape))
    plain = y, replica.backward(dy)
    kept = [a.copy() for a in plain]
    t = replica.tangent(rng.normal(size=x.shape))
    t_kept = t.copy()
    dv, dx = replica.tangent_backward(dt, dy)
    for a, b in zip((*plain, t), (*kept, t_kept), strict=True):
        assert_array_equal(a, b)
    assert not np.shares_memory(dv, dx)


def test_directions_and_gradients_of_the_caller_stay_as_they_were():
    for name in NETS:
        net, x = build(name)
        rng = np.random.default_rng(3)
        dt, dy = rng.normal(size=(2, *net.forward(x).shape))
        v = rng.normal(size=x.shape)
        for a in (x, v, dt, dy):
            a.flags.writeable = False  # a write would raise
        net.forward(x), net.tangent(v), net.tangent_backward(dt, dy)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_pick_twins_agree(rng, dtype):
    x = rng.normal(size=(3, 5, 4, 2)).astype(dtype)
    place = rng.integers(x[0].size, size=(3, 2, 3, 2)).astype(pooling.PLACE)
    found = [pick(x, place, np.empty(place.shape, dtype)) for pick in (pooling.pick.fast, pooling.pick.plain)]
    assert_array_equal(*found)
    assert found[0][2, 1, 0, 1] == x[2].ravel()[place[2, 1, 0, 1]]
    for pick in (pooling.pick.fast, pooling.pick.plain):  # a worker without a part of the batch
        assert pick(x[:0], place[:0], np.empty((0, *place.shape[1:]), dtype)).shape == (0, 2, 3, 2)


# -- on paper --------------------------------------------------------------------------------------------------------


def test_one_sigmoid_on_paper():
    layer = Dense(1, "sigmoid").build(1, dtype=np.float64)
    layer.params["W"][:], x, v = 2.0, np.array([[0.5]]), np.array([[3.0]])
    y = layer.forward(x)
    slope = y * (1 - y)  # of the sigmoid at a = 1
    second = slope * (1 - 2 * y)
    assert layer.tangent(v) == pytest.approx(slope * 2 * 3)  # t = f'(a) W v
    dv, dx = layer.tangent_backward(np.ones((1, 1)))
    assert dv == pytest.approx(slope * 2)  # dt/dv = f'(a) W
    assert dx == pytest.approx(second * 2 * 2 * 3)  # dt/dx = f''(a) W W v
    assert layer.grads["W"] == pytest.approx(slope * 3 + second * 2 * 3 * 0.5)  # dt/dW = f'(a) v + f''(a) W v x
    assert layer.grads["b"] == pytest.approx(second[0] * 2 * 3)  # dt/db = f''(a) W v


def test_max_pool_follows_the_winner():
    layer = MaxPool(2).build((2, 2, 1), dtype=np.float64)
    layer.forward(np.array([1.0, 9, 3, 4]).reshape(1, 2, 2, 1))
    assert layer.tangent(np.array([10.0, 20, 30, 40]).reshape(1, 2, 2, 1)).ravel().tolist() == [20]


@pytest.mark.parametrize("kind", [Sigmoid, Tanh, Softplus, ReLU, LeakyReLU])
def test_derivative_and_bend_are_the_first_two_derivatives(kind):
    x, h = off_kinks((3, 4)), 1e-4
    layer = kind().build(4, dtype=np.float64)
    below, at, above = (layer.forward(x + shift).copy() for shift in (-h, 0, h))
    layer.forward(x)
    assert_allclose(layer.derivative(), (above - below) / (2 * h), rtol=1e-6)
    bend = layer.bend()
    assert (bend is None) == (kind.__name__ not in BENT)
    assert_allclose(0 if bend is None else bend * layer.derivative(), (above - 2 * at + below) / h**2, atol=1e-6)


# -- what is refused -------------------------------------------------------------------------------------------------


class Stranger(Layer):
    """A user's layer, which has no tangent pass."""

    def forward(self, x):
        return x

    def backward(self, dy, need_dx=True):
        return dy


@pytest.mark.parametrize(
    "make, name",
    [
        (lambda: GaussianCode().build(4), "GaussianCode"),
        (lambda: TiedDense(Dense(4).build(5)).build(4), "TiedDense"),
        (lambda: Stranger().build(4), "Stranger"),
        (lambda: Sequential([Sequential([Dense(4)]), Sequential([Tanh(), Stranger()])]).build(4), "Stranger"),
    ],
)
def test_layers_without_tangents_say_so(make, name):
    layer, message = make(), f"{name}: expected a layer with a tangent pass (J v for directions v), got one without; "
    layer.forward(np.zeros((2, 4)))
    for call in (layer.check_tangent, lambda: layer.tangent(np.zeros((2, 4)))):
        with pytest.raises(UsageError) as caught:
            call()
        assert str(caught.value).startswith(message) and "\n" not in str(caught.value)


def test_batch_norm_has_a_tangent_outside_of_training_only():
    layer = BatchNorm().build(3)
    layer.check_tangent()
    layer.set_training(True)
    layer.forward(np.eye(3))
    with pytest.raises(UsageError, match="BatchNorm: expected a tangent pass outside of training, got one while"):
        layer.tangent(np.eye(3))
    with pytest.raises(UsageError, match="BatchNorm: expected a tangent pass outside of training"):
        Sequential([Dense(3), BatchNorm()]).build(3).check_tangent(training=True)


@pytest.mark.parametrize("kind", ["Dense", "MaxPool", "Sigmoid", "Sequential", "Conv2D", "BatchNorm", "Flatten"])
def test_directions_of_another_shape_are_refused(kind):
    layer, x = next((layer, x) for layer, x in CASES.values() if layer.name == kind)
    layer.forward(x)
    with pytest.raises(UsageError, match=r"expected (x|v) of shape"):
        layer.tangent(np.zeros((len(x), *x.shape[1:-1], x.shape[-1] + 1)))


@pytest.mark.parametrize("make", [lambda: MaxPool(2).build((4, 4, 1)), lambda: Sigmoid().build((4, 4, 1))])
def test_as_many_directions_as_samples(make):
    layer = make()
    layer.forward(np.zeros((2, 4, 4, 1)))
    with says(f"{layer.name}: expected v of shape (2, 4, 4, 1), got (3, 4, 4, 1)."):
        layer.tangent(np.zeros((3, 4, 4, 1)))


@pytest.mark.parametrize("layer", [MaxPool(2), AveragePool(2), UpSample(2), Crop(1), Conv2D(3, 2)], ids=repr)
def test_gradients_of_another_shape_are_refused(layer):
    layer.build((4, 5, 2))
    layer.forward(np.ones((3, 4, 5, 2), np.float32))
    layer.tangent(np.ones((3, 4, 5, 2), np.float32))
    shape = (3, *layer.output_shape[:-1], layer.output_shape[-1] + 1)
    with pytest.raises(UsageError, match=f"{layer.name}: expected dt of shape"):
        layer.tangent_backward(np.ones(shape, np.float32))


@pytest.mark.parametrize("layer", [Dense(3), Conv2D(2, 2), Tanh(), Dropout(0.5), MaxPool(2), KSparse(1), BatchNorm()])
def test_no_way_back_before_the_way_there(layer):
    layer.build(4 if isinstance(layer, Dense) else (4, 4, 1))
    x = np.zeros((2, *layer.input_shape), np.float32)
    if not isinstance(layer, Dense | Conv2D):
        with says(f"{layer.name}: expected forward before backward, got no forward pass yet.", ValueError):
            layer.tangent(x)
    if isinstance(layer, Dense | Conv2D | Tanh | BatchNorm):
        y = layer.forward(x)
        with says(f"{layer.name}: expected tangent before backward, got no tangent pass yet.", ValueError):
            layer.tangent_backward(y)


# -- beside PyTorch --------------------------------------------------------------------------------------------------


@pytest.mark.oracle
def test_a_convolutional_encoder_beside_torch(torch, rng):
    """||J v||^2 and its gradient in weights, biases and images, by PyTorch's double backward."""
    net = Sequential([Conv2D(3, 3, activation="tanh"), MaxPool(2), Conv2D(2, 3, activation="softplus"), Flatten()])
    net.build((6, 4, 2), dtype=np.float64)
    x, v = rng.normal(size=(2, 3, 6, 4, 2))
    net.forward(x)
    t = net.tangent(v)
    fill_grads(net, 0)
    dv, dx = net.tangent_backward(2 * t)

    def to_torch(a, order):
        return torch.tensor(np.transpose(a, order).copy(), requires_grad=True)

    params = {name: to_torch(p, (3, 2, 0, 1) if p.ndim == 4 else (0,)) for name, p in named_params(net)}
    images, directions = to_torch(x, (0, 3, 1, 2)), to_torch(v, (0, 3, 1, 2))
    functional = torch.nn.functional

    def encoder(images):
        y = torch.tanh(functional.conv2d(images, params["conv2d_1.W"], params["conv2d_1.b"], padding=1))
        y = functional.max_pool2d(y, 2)
        y = functional.softplus(functional.conv2d(y, params["conv2d_2.W"], params["conv2d_2.b"], padding=1))
        return y.permute(0, 2, 3, 1).flatten(1)

    _, t_torch = torch.autograd.functional.jvp(encoder, images, directions, create_graph=True)
    assert_allclose(t, t_torch.detach().numpy(), rtol=1e-10, atol=1e-13)
    (t_torch**2).sum().backward()
    assert_allclose(np.transpose(dx, (0, 3, 1, 2)), images.grad.numpy(), rtol=1e-9, atol=1e-12)
    assert_allclose(np.transpose(dv, (0, 3, 1, 2)), directions.grad.numpy(), rtol=1e-9, atol=1e-12)
    for name, gradient in grads_of(net).items():
        order = (3, 2, 0, 1) if gradient.ndim == 4 else (0,)
        assert_allclose(np.transpose(gradient, order), params[name].grad.numpy(), rtol=1e-9, atol=1e-12, err_msg=name)


def named_params(net):
    for path, owner in net.owners():
        for name, p in owner.params.items():
            yield f"{path}.{name}", p
