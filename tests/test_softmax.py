"""Softmax and categorical cross-entropy: beside plain formulas and PyTorch, far out, in nets, in files, in exports."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

import tinyae
from tinyae import Autoencoder, Contractive, Dense, Softmax, UsageError
from tinyae.architectures import TOPIC_HIDDEN, topic_autoencoder
from tinyae.gradcheck import assert_gradients, check_loss, check_model
from tinyae.jacobian import jacobians
from tinyae.kernels import softmax as kernels
from tinyae.kernels.config import jit_enabled
from tinyae.losses import CategoricalCrossEntropy, loss_by_name
from tinyae.losses.softmax import categorical_cross_entropy, categorical_floor

SEEDS = st.integers(0, 2**32 - 1)
SHAPES = st.tuples(st.integers(1, 6), st.integers(1, 9))


def by_hand(a):
    """Softmax of one row, number by number."""
    e = [math.exp(v - max(a)) for v in a]
    return [v / math.fsum(e) for v in e]


def batch(seed, shape, dtype=np.float64):
    """Pre-activations, and counts with zeros among them."""
    rng = np.random.default_rng(seed)
    return rng.normal(scale=3, size=shape).astype(dtype), rng.poisson(0.7, shape).astype(dtype)


# -- the layer ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype, tolerance", [(np.float64, 1e-14), (np.float32, 1e-6)])
@given(SEEDS, SHAPES)
def test_forward_is_the_formula(dtype, tolerance, seed, shape):
    a, _ = batch(seed, shape, dtype)
    y = Softmax().build(shape[1], dtype=dtype).forward(a)
    assert y.dtype == dtype
    assert_allclose(y, [by_hand(row) for row in a.astype(np.float64)], rtol=10 * tolerance, atol=1e-37)
    assert_allclose(y.sum(axis=1), 1, rtol=10 * tolerance)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_far_out_nothing_overflows(dtype):
    y = Softmax().build(3).forward(np.array([[1000, 0, -1000], [-1e4, -1e4, -1e4]], dtype))
    assert_allclose(y, [[1, 0, 0], [1 / 3, 1 / 3, 1 / 3]], rtol=1e-6, atol=1e-37)


def test_more_axes_are_rows_of_their_own():
    a, _ = batch(1, (12, 5))
    flat = Softmax().build(5).forward(a)
    assert_array_equal(Softmax().build((3, 5)).forward(a.reshape(4, 3, 5)), flat.reshape(4, 3, 5))
    assert Softmax().build(2).forward([[0, 0]]).tolist() == [[0.5, 0.5]]  # whole numbers are taken


def test_backward_is_the_jacobian():
    a, _ = batch(2, (3, 5))
    layer = Softmax().build(5, dtype=np.float64)
    y, u = layer.forward(a), np.random.default_rng(3).normal(size=(3, 5))
    expected = [(np.diag(row) - np.outer(row, row)) @ v for row, v in zip(y, u, strict=True)]
    assert_allclose(layer.backward(u), expected, rtol=1e-12, atol=1e-15)
    assert_allclose(layer.tangent(u), expected, rtol=1e-12, atol=1e-15)
    assert layer.backward(u, need_dx=False) is None
    with pytest.raises(ValueError, match="expected forward before backward"):
        Softmax().build(5).backward(u)
    with pytest.raises(UsageError, match=r"Softmax: expected v of shape \(3, 5\), got \(2, 5\)"):
        layer.tangent(u[:2])


def test_a_softmax_is_no_elementwise_activation():
    """Whatever takes f'(a) number by number has to leave it alone: its Jacobian is not diagonal."""
    net = tinyae.Sequential([Dense(4), Softmax()]).build(3, np.random.default_rng(0), dtype=np.float64)
    x = np.random.default_rng(1).normal(size=(2, 3))
    y, W = net.forward(x), net.layers[0].params["W"]
    expected = [(np.diag(row) - np.outer(row, row)) @ W.T for row in y]
    assert_allclose(jacobians(net, x), expected, rtol=1e-12, atol=1e-14)
    with pytest.raises(UsageError, match="Contractive"):
        Autoencoder([Dense(4), Softmax()], [Dense(3)], "mse", 3, penalty=Contractive(1.0, "closed"))
    with pytest.raises(UsageError, match="expected activation to be one of"):
        Dense(4, "softmax")


# -- the loss -------------------------------------------------------------------------------------------------


@given(SEEDS, SHAPES)
def test_value_and_gradient_are_the_formulas(seed, shape):
    a, x = batch(seed, shape)
    p = np.array([by_hand(row) for row in a])
    value, gradient = CategoricalCrossEntropy().value_and_gradient(a, x)
    assert value == pytest.approx(-np.sum(x * np.log(p)) / len(a), rel=1e-11, abs=1e-11)
    assert_allclose(gradient, (p * x.sum(axis=1, keepdims=True) - x) / len(a), rtol=1e-11, atol=1e-13)


def test_shares_have_the_gradient_of_every_loss():
    a, x = batch(0, (4, 6))
    x = (x + 0.1) / (x + 0.1).sum(axis=1, keepdims=True)
    _, gradient = CategoricalCrossEntropy().value_and_gradient(a, x)
    assert_allclose(gradient, (np.array([by_hand(row) for row in a]) - x) / 4, rtol=1e-12)  # x' - x


def test_on_paper():
    # three words at 1/2, 1/4, 1/4: a document of two firsts and one third costs 2 log 2 + log 4
    a = np.log(np.array([[0.5, 0.25, 0.25]]))
    assert CategoricalCrossEntropy().value(a, np.array([[2.0, 0, 1]])) == pytest.approx(4 * math.log(2))
    assert CategoricalCrossEntropy().value_and_gradient(a, np.array([[2.0, 0, 1]]))[1] == pytest.approx(
        np.array([[-0.5, 0.75, -0.25]])
    )


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_extremes_stay_finite(dtype):
    a = np.array([[1e4, 0, -1e4], [0, 0, 0], [-np.inf, 0, 0]], dtype)
    x = np.array([[1, 0, 2], [0, 0, 0], [0, 1, 1]], dtype)
    value, gradient = CategoricalCrossEntropy().value_and_gradient(a, x)
    if dtype == np.float64 or not jit_enabled():  # the fast kernel has no word for -inf: it is a fault upstream
        assert value == pytest.approx((4e4 + 0 + 2 * math.log(2)) / 3)
        assert_allclose(gradient[2], [0, 0, 0], atol=1e-12)
    assert_allclose(gradient[:2] * 3, [[2, 0, -2], [0, 0, 0]], atol=1e-5)


def test_an_empty_document_costs_and_teaches_nothing():
    a, _ = batch(4, (1, 7))
    value, gradient = CategoricalCrossEntropy().value_and_gradient(a, np.zeros((1, 7)))
    assert value == 0 and not gradient.any()
    assert categorical_floor(np.zeros((1, 7))) == categorical_cross_entropy(np.zeros((1, 7)), np.zeros((1, 7))) == 0


def test_floor_is_reached_where_the_output_is_the_share():
    _, x = batch(5, (6, 8))
    x += 0.01
    loss = CategoricalCrossEntropy()
    floor = loss.value(np.log(x), x)
    assert floor == pytest.approx(categorical_floor(x), rel=1e-12)
    assert floor == pytest.approx(categorical_cross_entropy(x, x), rel=1e-12)
    assert loss.value(np.log(x) + batch(6, (6, 8))[0], x) > floor
    assert categorical_floor(np.array([[3.0, 0], [0, 5]])) == 0  # one word alone says nothing new


@pytest.mark.parametrize("shape", [(5, 7), (40, 2000)])
def test_twins_agree(shape):
    a, x = batch(7, shape, np.float32)
    assert_allclose(
        kernels.softmax_numba(a, np.empty_like(a)), kernels.softmax_numpy(a, np.empty_like(a)), rtol=2e-5, atol=1e-9
    )
    fast, plain = np.empty_like(a), np.empty_like(a)
    value = kernels.cross_entropy_numba(a, x, fast, 0.5)
    assert value == pytest.approx(kernels.cross_entropy_numpy(a, x, plain, 0.5), rel=1e-5)
    assert_allclose(fast, plain, rtol=1e-4, atol=1e-6)
    exact = np.empty(shape)
    assert value == pytest.approx(
        kernels.cross_entropy_numpy(a.astype(np.float64), x.astype(np.float64), exact, 0.5), rel=1e-5
    )
    assert_allclose(fast, exact, rtol=1e-3, atol=1e-6)


def test_parts_of_a_batch_add_up():
    a, x = batch(8, (6, 5))
    whole, _ = CategoricalCrossEntropy().value_and_gradient(a, x)
    parts = [
        CategoricalCrossEntropy().value_and_gradient(a[rows], x[rows], n=6)[0] for rows in np.split(np.arange(6), 3)
    ]
    assert sum(parts) == pytest.approx(whole, rel=1e-12)


def test_targets_below_zero_are_refused():
    with pytest.raises(UsageError, match=r"CategoricalCrossEntropy: expected counts or shares >= 0 as targets, got -1"):
        CategoricalCrossEntropy().check_targets(np.array([[1, -1.0]]))


@pytest.mark.oracle
def test_torch_agrees(torch):
    a, x = batch(9, (5, 8))
    leaf = torch.tensor(a, requires_grad=True)
    loss = -(torch.tensor(x) * torch.log_softmax(leaf, dim=1)).sum() / 5
    loss.backward()
    value, gradient = CategoricalCrossEntropy().value_and_gradient(a, x)
    assert value == pytest.approx(loss.item(), rel=1e-12)
    assert_allclose(gradient, leaf.grad.numpy(), rtol=1e-11, atol=1e-14)


def test_finite_differences():
    a, x = batch(10, (4, 6))
    assert assert_gradients(check_loss(CategoricalCrossEntropy(), a, x)) <= 1e-6


# -- in a net -------------------------------------------------------------------------------------------------


def make_net(**settings):
    return topic_autoencoder(9, (6, 5), 3, hidden_activation="tanh", seed=1, **settings)


def test_the_net_of_documents():
    model = topic_autoencoder()
    assert [layer.units for layer in model.encoder.layers] == [*TOPIC_HIDDEN, 10]
    assert model.matched and isinstance(model.loss, CategoricalCrossEntropy) and model.input_shape == (2000,)
    assert model.encoder.layers[0].activation_name == "sigmoid" and model.encoder.layers[-1].activation is None
    assert_allclose(make_net().reconstruct(batch(0, (4, 9))[1]).sum(axis=1), 1, rtol=1e-5)


def test_gradients_of_the_net_matched_and_by_the_chain_rule():
    _, x = batch(11, (5, 9))
    assert assert_gradients(check_model(make_net().astype(np.float64), x)) <= 1e-6
    other = Autoencoder([Dense(3, "tanh")], [Dense(9), Softmax()], "mse", 9, dtype=np.float64)
    assert not other.matched
    assert assert_gradients(check_model(other, x)) <= 1e-6


def test_a_net_that_does_not_end_in_softmax_is_refused():
    with pytest.raises(
        UsageError, match="expected a decoder that ends in Softmax for the loss CategoricalCrossEntropy"
    ):
        Autoencoder([Dense(3)], [Dense(9)], "categoricalcrossentropy", 9)


def test_training_and_baselines_speak_of_the_same_loss(capsys):
    rng = np.random.default_rng(0)
    topics = rng.dirichlet(np.full(9, 0.3), 3)
    x = np.array([rng.multinomial(40, topics[i % 3]) for i in range(300)], np.float32)
    model = make_net(init="he")
    history = model.fit(x, epochs=30, optimizer=tinyae.Adam(0.01), progress=False, threads=1)
    known = history.baselines
    mean = categorical_cross_entropy(x, np.broadcast_to(x.mean(axis=0), x.shape))
    assert known == pytest.approx({"mean_image": mean, "floor": categorical_floor(x)}, rel=1e-6)
    assert known["floor"] < model.evaluate(x)["loss"] < 0.9 * known["mean_image"]
    assert history.warnings == []
    model.fit(x, epochs=1, progress="words", threads=1)
    assert "nats: sum over a document's words" in capsys.readouterr().err


def test_files_keep_softmax_and_loss(tmp_path):
    model, x = make_net(), batch(12, (4, 9), np.float32)[1]
    tinyae.save(model, tmp_path / "m.npz")
    again = tinyae.load(tmp_path / "m.npz")
    assert isinstance(again.loss, CategoricalCrossEntropy) and again.matched
    assert_array_equal(again.reconstruct(x), model.reconstruct(x))
    assert isinstance(loss_by_name("fit", "categoricalcrossentropy"), CategoricalCrossEntropy)


@pytest.mark.oracle
def test_torch_takes_the_whole_net(torch):
    model, x = make_net(), batch(13, (4, 9), np.float32)[1]
    output = model.to_torch().eval()(torch.tensor(x)).detach().numpy()
    assert_allclose(output, model.reconstruct(x), rtol=1e-4, atol=1e-6)
