"""Layers: forward beside plain loops, backward beside central differences, shapes, buffers, initial weights, names."""

import inspect
import itertools
import math

import naive
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from test_checks import says

from tinyae import gradcases
from tinyae.checks import UsageError
from tinyae.gradcases import layer_cases
from tinyae.gradcheck import assert_gradients, check_layer
from tinyae.layers import LAYERS, Dense, Layer, LeakyReLU, Linear, ReLU, Sequential, Sigmoid, Softplus, Tanh
from tinyae.layers import activations as activation_module
from tinyae.layers.activations import ACTIVATIONS, activation
from tinyae.layers.base import as_shape
from tinyae.layers.flat import flatten, named_views, parameters, point_grads_at, point_params_at
from tinyae.layers.initialisers import INITIALISERS, glorot, he, initialiser, normal, sparse
from tinyae.layers.sequential import number_names, show_chain, show_shape

DTYPES = pytest.mark.parametrize("dtype, tolerance", [(np.float32, 1e-6), (np.float64, 1e-14)], ids=["f32", "f64"])

# name: (make a layer, the function of one number it stands for)
ELEMENTWISE = {
    "Linear": (Linear, lambda v: v),
    "Sigmoid": (Sigmoid, naive.sigmoid),
    "Tanh": (Tanh, math.tanh),
    "ReLU": (ReLU, naive.relu),
    "LeakyReLU": (lambda: LeakyReLU(0.2), lambda v: naive.leaky_relu(v, 0.2)),
    "Softplus": (Softplus, naive.softplus),
}
KINDS = pytest.mark.parametrize("kind", ELEMENTWISE)

MAKERS = {name: make for name, (make, _) in ELEMENTWISE.items()} | {
    "Dense": lambda: Dense(5),
    "Sequential": lambda: Sequential([Dense(6), Tanh(), Dense(5), Softplus()]),
}
ALL = pytest.mark.parametrize("kind", MAKERS)


def built(kind, dtype=np.float32, width=4):
    return MAKERS[kind]().build(width, np.random.default_rng(1), dtype=dtype)


def test_every_layer_has_a_gradient_check():
    checked = {type(layer).__name__ for _, layer, _ in layer_cases()}
    assert set(LAYERS) == checked - {"Sequential"}


def test_every_activation_is_tested_here():
    assert {c.__name__ for c in ACTIVATIONS.values()} == set(ELEMENTWISE)
    defined = {n for n, c in vars(activation_module).items() if inspect.isclass(c) and issubclass(c, Layer)}
    assert defined == {*ELEMENTWISE, "Layer", "Activation"}


# -- forward --------------------------------------------------------------------------------------------------


@DTYPES
@given(st.integers(1, 12), st.integers(1, 12), st.integers(1, 12), st.integers(0, 2**32 - 1))
def test_dense_forward(dtype, tolerance, n, n_in, n_out, seed):
    rng = np.random.default_rng(seed)
    layer = Dense(n_out).build(n_in, rng, dtype=dtype)
    layer.params["b"][:] = rng.normal(size=n_out)
    x = rng.normal(size=(n, n_in)).astype(dtype)
    y = layer.forward(x)
    assert y.dtype == dtype and y.shape == (n, n_out)
    assert_allclose(y, naive.dense_forward(x, layer.params["W"], layer.params["b"]), rtol=tolerance, atol=5 * tolerance)


def test_dense_on_paper():
    layer = Dense(2).build(3, dtype=np.float64)
    layer.params["W"][:] = [[1, 2], [3, 4], [5, 6]]
    layer.params["b"][:] = [10, 20]
    assert layer.forward([[1, 0, 2], [0, 1, 0]]).tolist() == [[1 + 10 + 10, 2 + 12 + 20], [3 + 10, 4 + 20]]
    assert layer.backward(np.array([[1.0, 0], [0, 1]])).tolist() == [[1, 3, 5], [2, 4, 6]]
    assert layer.grads["W"].tolist() == [[1, 0], [0, 1], [2, 0]]
    assert layer.grads["b"].tolist() == [1, 1]


@DTYPES
@KINDS
@given(st.lists(st.integers(1, 9), min_size=2, max_size=4), st.integers(0, 2**32 - 1))
def test_activation_forward(kind, dtype, tolerance, shape, seed):
    make, function = ELEMENTWISE[kind]
    x = np.random.default_rng(seed).normal(scale=4, size=shape).astype(dtype)
    y = make().build(tuple(shape[1:]), dtype=dtype).forward(x)
    assert y.dtype == dtype and y.shape == x.shape
    assert_allclose(y, naive.each(function, x), rtol=3 * tolerance, atol=1e-37)


def test_relus_at_their_corner():
    x, dy = np.array([[-2.0, -0.0, 0.0, 3.0]]), np.array([[1.0, 1.0, 1.0, 1.0]])
    relu, leaky = ReLU().build(4), LeakyReLU(0.1).build(4)
    assert relu.forward(x).tolist() == [[0, 0, 0, 3]] and relu.backward(dy).tolist() == [[0, 0, 0, 1]]
    assert leaky.forward(x).tolist() == [[-0.2, 0, 0, 3]] and leaky.backward(dy).tolist() == [[0.1, 0.1, 0.1, 1]]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_softplus_and_sigmoid_far_out(dtype):
    x, dy = np.array([[-1000, 0, 1000]], dtype), np.ones((1, 3), dtype)
    softplus, sigmoid = Softplus().build(3), Sigmoid().build(3)
    assert_allclose(softplus.forward(x), [[0, math.log(2), 1000]], rtol=1e-6, atol=1e-37)
    assert_allclose(softplus.backward(dy), [[0, 0.5, 1]], rtol=1e-6, atol=1e-37)
    assert_allclose(sigmoid.forward(x), [[0, 0.5, 1]], rtol=1e-6, atol=1e-37)
    assert_allclose(sigmoid.backward(dy), [[0, 0.25, 0]], rtol=1e-6, atol=1e-37)


def test_whole_numbers_are_taken():
    assert Sigmoid().build(2).forward(np.array([[0, 1]])).dtype == np.float64
    assert Tanh().build(2).forward([[0, 0]]).tolist() == [[0, 0]]
    assert Dense(3).build(2).forward(np.array([[0, 1]])).dtype == np.float32


# -- backward -------------------------------------------------------------------------------------------------

GRADIENT_CASES = dict(gradcases.all_cases())


@pytest.mark.parametrize("case", GRADIENT_CASES)
def test_gradients(case):
    assert assert_gradients(GRADIENT_CASES[case]()) <= 1e-6


def test_gradient_cases_leave_no_layer_out():
    layers = [layer for _, layer, _ in gradcases.layer_cases()]
    assert {type(layer) for layer in layers} == {*LAYERS.values(), Sequential}
    for _, layer, shape in gradcases.layer_cases():
        assert layer.input_shape == shape[1:]
        assert len(set(shape)) == len(shape)  # a swapped axis cannot pass
    assert len(GRADIENT_CASES) == len(list(gradcases.all_cases()))  # no name twice


def test_gradient_cases_stay_off_kinks():
    x = gradcases.off_kinks((4, 5))
    assert np.abs(x).min() >= gradcases.KINK_DISTANCE and (x > 0).any() and (x < 0).any()


@given(st.integers(1, 8), st.integers(1, 8), st.integers(1, 8))
def test_dense_backward(n, n_in, n_out):
    rng = np.random.default_rng(n + 100 * n_in + 10_000 * n_out)
    layer = Dense(n_out).build(n_in, rng, dtype=np.float64)
    x, dy = rng.normal(size=(n, n_in)), rng.normal(size=(n, n_out))
    layer.forward(x)
    got = layer.backward(dy), layer.grads["W"], layer.grads["b"]
    for a, b in zip(got, naive.dense_backward(x, layer.params["W"], dy), strict=True):
        assert_allclose(a, b, rtol=1e-12, atol=1e-13)


def test_dense_takes_the_skinny_product_and_agrees(rng):
    """Sides of 16 and more: float32 goes through tinyae's own product where the machine has AVX-512."""
    layer, exact = (Dense(40).build(23, np.random.default_rng(1), dtype=dtype) for dtype in (np.float32, np.float64))
    x, dy = rng.normal(size=(17, 23)), rng.normal(size=(17, 40))
    pairs = [(layer.forward(x.astype(np.float32)), exact.forward(x))]
    pairs.append((layer.backward(dy.astype(np.float32)), exact.backward(dy)))
    pairs += [(layer.grads[name], exact.grads[name]) for name in ("W", "b")]
    for got, want in pairs:
        assert got.dtype == np.float32
        assert_allclose(got, want, rtol=1e-5, atol=1e-5)


def test_gradients_are_set_not_added(rng):
    layer, x, dy = built("Dense"), rng.normal(size=(3, 4)), rng.normal(size=(3, 5))
    layer.forward(x)
    layer.backward(dy)
    once = layer.grads["W"].copy()
    layer.forward(x)
    layer.backward(dy)
    assert_array_equal(layer.grads["W"], once)


@ALL
def test_nested_nets_pass_the_gradient_check(kind):
    net = Sequential([Dense(4), Sequential([MAKERS[kind](), Tanh()]), Dense(2)])
    net.build(3, np.random.default_rng(3), dtype=np.float64)
    found = check_layer(net, gradcases.off_kinks((5, 3)))
    assert assert_gradients(found) <= 1e-6
    extra = {"Dense": 2, "Sequential": 4}.get(kind, 0)
    assert len(found) == 1 + 4 + extra  # the input and every parameter array


# -- what every layer keeps to --------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@ALL
def test_float_type_is_kept(kind, dtype, rng):
    layer = built(kind, dtype)
    y = layer.forward(rng.normal(size=(3, 4)).astype(dtype))
    dx = layer.backward(rng.normal(size=y.shape).astype(dtype))
    assert y.dtype == dx.dtype == dtype
    for _, owner in layer.owners():
        assert {a.dtype for a in (*owner.params.values(), *owner.grads.values())} == {np.dtype(dtype)}


@ALL
def test_inputs_come_back_unchanged(kind, rng):
    layer = built(kind)
    x = rng.normal(size=(3, 4)).astype(np.float32)
    kept = x.copy()
    y = layer.forward(x)
    dy = rng.normal(size=y.shape).astype(np.float32)
    kept_dy, kept_y = dy.copy(), y.copy()
    dx = layer.backward(dy)
    assert_array_equal(x, kept)
    assert_array_equal(dy, kept_dy)
    assert_array_equal(y, kept_y)
    assert not np.shares_memory(x, y) and not np.shares_memory(dx, dy) and not np.shares_memory(dx, y)


@ALL
def test_a_second_pass_leaves_the_first_results_alone(kind, rng):
    layer = built(kind)
    x = rng.normal(size=(3, 4)).astype(np.float32)
    y = layer.forward(x)
    dx = layer.backward(y)
    kept_y, kept_dx = y.copy(), dx.copy()
    again = layer.backward(layer.forward(x + 1))
    assert_array_equal(y, kept_y)
    assert_array_equal(dx, kept_dx)
    assert not np.shares_memory(again, dx)


@ALL
def test_a_replica_reuses_its_memory(kind, rng):
    layer = built(kind)
    twin = layer.replica()
    x = rng.normal(size=(3, 4)).astype(np.float32)
    y = twin.forward(x)
    kept = y.copy()
    dx = twin.backward(y)
    assert np.shares_memory(twin.forward(x + 1), y)
    assert not np.array_equal(y, kept)
    assert np.shares_memory(twin.backward(y), dx)
    for n in (2, 5, 3):  # the last batch of an epoch is shorter, validation chunks are longer
        x = rng.normal(size=(n, 4)).astype(np.float32)
        assert_array_equal(twin.forward(x), layer.forward(x))
        dy = rng.normal(size=(n, *layer.output_shape)).astype(np.float32)
        assert_array_equal(twin.backward(dy), layer.backward(dy))
    assert twin.forward(x.astype(np.float64)).dtype == layer.forward(x.astype(np.float64)).dtype


@ALL
def test_replicas_do_not_share_working_memory(kind, rng):
    layer = built(kind)
    workers = [layer.replica(), layer.replica(), layer]
    x = rng.normal(size=(3, 4)).astype(np.float32)
    results = [worker.forward(x) for worker in workers]
    results += [worker.backward(result) for worker, result in zip(workers, results, strict=True)]
    for one, other in itertools.combinations(results, 2):
        assert not np.shares_memory(one, other)
    assert not np.shares_memory(layer.forward(x), results[2])  # the user's layer still gives fresh arrays


@ALL
def test_a_replica_shares_parameters_and_not_gradients(kind, rng):
    layer = built(kind)
    twin = layer.replica()
    assert type(twin) is type(layer) and twin is not layer
    x, dy = rng.normal(size=(3, 4)).astype(np.float32), rng.normal(size=(3, *layer.output_shape)).astype(np.float32)
    layer.forward(x)
    layer.backward(dy)
    mine = [{n: g.copy() for n, g in owner.grads.items()} for _, owner in layer.owners()]
    twin.forward(2 * x)
    twin.backward(3 * dy)
    for (path, owner), (twin_path, other), kept in zip(layer.owners(), twin.owners(), mine, strict=True):
        assert path == twin_path and owner is not other
        for name in owner.params:
            assert owner.params[name] is other.params[name]
            assert not np.shares_memory(owner.grads[name], other.grads[name])
            assert_array_equal(owner.grads[name], kept[name])
            assert not np.array_equal(other.grads[name], kept[name])


@ALL
def test_need_dx(kind, rng):
    layer = built(kind)
    x, dy = rng.normal(size=(3, 4)).astype(np.float32), rng.normal(size=(3, *layer.output_shape)).astype(np.float32)
    layer.forward(x)
    layer.backward(dy)
    grads = [{n: g.copy() for n, g in owner.grads.items()} for _, owner in layer.owners()]
    for _, owner in layer.owners():
        for g in owner.grads.values():
            g[...] = 77
    assert layer.backward(dy, need_dx=False) is None
    for (_, owner), want in zip(layer.owners(), grads, strict=True):
        for name, g in owner.grads.items():
            assert_array_equal(g, want[name])


@ALL
def test_columns_of_a_wider_array_give_the_same(kind, rng):
    layer = built(kind)
    wide = rng.normal(size=(3, 9)).astype(np.float32)
    x = wide[:, 2:6]
    assert not x.flags.c_contiguous
    assert_allclose(layer.forward(x), layer.forward(x.copy()), rtol=1e-6, atol=1e-7)
    dy = rng.normal(size=(3, 14)).astype(np.float32)[:, : layer.output_shape[0]]
    assert_allclose(layer.backward(dy), layer.backward(dy.copy()), rtol=1e-6, atol=1e-7)


@ALL
def test_config_makes_the_layer_again(kind):
    layer = MAKERS[kind]()
    if kind == "Sequential":
        again = Sequential([LAYERS[name](**settings) for name, settings in layer.config()["layers"]])
    else:
        again = type(layer)(**layer.config())
    assert repr(again) == repr(layer) and again.config() == layer.config()


# -- errors ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "layer, x, text",
    [
        (Dense(3).build(5), (2, 4), "Dense: expected x of shape (N, 5), got (2, 4)."),
        (Dense(3).build(5), (5,), "Dense: expected x of shape (N, 5), got (5,)."),
        (Sigmoid().build((3, 2)), (4, 3, 1), "Sigmoid: expected x of shape (N, 3, 2), got (4, 3, 1)."),
        (Sequential([Dense(3)], 5), (2, 4), "Sequential: expected x of shape (N, 5), got (2, 4)."),
        (Dense(3), (2, 4), "Dense: expected a built layer, got one without shapes; call build(input_shape)."),
        (Tanh(), (2, 4), "Tanh: expected a built layer, got one without shapes; call build(input_shape)."),
        (
            Sequential([Dense(3)]),
            (2, 4),
            "Sequential: expected a built layer, got one without shapes; call build(input_shape).",
        ),
    ],
)
def test_wrong_input(layer, x, text):
    with says(text, ValueError):
        layer.forward(np.zeros(x))


@pytest.mark.parametrize(
    "make, text",
    [
        (lambda: Dense(0), "Dense: expected units to be a whole number >= 1, got 0."),
        (lambda: Dense(2.5), "Dense: expected units to be a whole number >= 1, got 2.5."),
        (
            lambda: Dense(3, init="glorott"),
            "Dense: expected init to be one of glorot, he, sparse, normal, got 'glorott' (did you mean 'glorot'?).",
        ),
        (lambda: LeakyReLU(1), "LeakyReLU: expected slope in [0, 1), got 1."),
        (lambda: LeakyReLU(-0.1), "LeakyReLU: expected slope in [0, 1), got -0.1."),
        (
            lambda: activation("dense_autoencoder", "sigmoyd"),
            "dense_autoencoder: expected activation to be one of linear, sigmoid, relu, leaky_relu, tanh, softplus, "
            "got 'sigmoyd' (did you mean 'sigmoid'?).",
        ),
    ],
)
def test_wrong_settings(make, text):
    with says(text):
        make()


def test_dense_takes_rows_only():
    with says(
        "Dense: expected rows of numbers (one length), got samples of shape (28, 28); put Flatten() before it.",
        ValueError,
    ):
        Dense(3).build((28, 28))


@pytest.mark.parametrize("shape, want", [(784, (784,)), (np.int64(3), (3,)), ([2, 3], (2, 3)), ((1,), (1,))])
def test_as_shape(shape, want):
    assert as_shape(shape) == want


@pytest.mark.parametrize("shape, shown", [(0, "(0,)"), ((), "()"), ((3, -1), "(3, -1)")])
def test_no_shape(shape, shown):
    with says(f"shape: expected lengths of at least 1, got {shown}.", ValueError):
        as_shape(shape)


@pytest.mark.parametrize("shape", [784.0, (28, 28.5), "784", None])
def test_a_shape_is_made_of_whole_numbers(shape):
    with pytest.raises(ValueError, match=r"^shape: expected"):
        as_shape(shape)


def test_a_bare_layer_has_to_be_written_first():
    class Half(Layer):
        pass

    with pytest.raises(NotImplementedError, match=r"Half\.forward"):
        Half().build(3).forward(np.zeros((2, 3)))
    with pytest.raises(NotImplementedError, match=r"Half\.backward"):
        Half().build(3).backward(np.zeros((2, 3)))


# -- initial weights ------------------------------------------------------------------------------------------

# 200 x 300 = 60000 draws: the standard error of a standard deviation is 0.3 %, of a mean 0.4 % of one.
N_IN, N_OUT = 200, 300


@pytest.mark.parametrize(
    "name, spread", [("glorot", math.sqrt(2 / (N_IN + N_OUT))), ("he", math.sqrt(2 / N_IN)), ("normal", 0.1)]
)
def test_spread_of_initial_weights(name, spread, rng):
    W = initialiser("test", name)(rng, N_IN, N_OUT)
    assert W.shape == (N_IN, N_OUT)
    assert W.std() == pytest.approx(spread, rel=0.02)
    assert abs(W.mean()) < 0.02 * spread


def test_glorot_is_uniform_to_its_limit(rng):
    limit = math.sqrt(6 / (N_IN + N_OUT))
    W = glorot(rng, N_IN, N_OUT)
    assert np.abs(W).max() <= limit and np.abs(W).max() > 0.999 * limit
    assert np.mean(np.abs(W) < limit / 2) == pytest.approx(0.5, abs=0.02)


@pytest.mark.parametrize("draw", [he, normal])
def test_normal_weights_have_normal_tails(draw, rng):
    W = draw(rng, N_IN, N_OUT)
    assert np.mean(np.abs(W) > 2 * W.std()) == pytest.approx(0.0455, abs=0.005)


def test_sparse_has_fifteen_connections_a_unit(rng):
    W = sparse(rng, 40, 60)
    assert np.count_nonzero(W, axis=0).tolist() == [15] * 60
    assert W[W != 0].std() == pytest.approx(1, abs=0.1)
    assert len({tuple(np.flatnonzero(column)) for column in W.T}) > 50  # units differ in whom they listen to
    assert np.count_nonzero(W, axis=1).min() > 0
    assert np.count_nonzero(sparse(rng, 7, 4), axis=0).tolist() == [7] * 4  # no more than there are
    assert np.count_nonzero(sparse(rng, 7, 4, connections=2), axis=0).tolist() == [2] * 4


@pytest.mark.parametrize("name", INITIALISERS)
def test_same_seed_same_layer(name):
    def draw(seed):
        return Dense(6, init=name).build(20, np.random.default_rng(seed)).params

    a, b, c = draw(5), draw(5), draw(6)
    assert_array_equal(a["W"], b["W"])
    assert not np.array_equal(a["W"], c["W"])
    assert a["b"].tolist() == [0] * 6
    wide = Dense(6, init=name).build(20, np.random.default_rng(5), dtype=np.float64).params["W"]
    assert_array_equal(wide.astype(np.float32), a["W"])  # float64 has the same net to check


def test_without_a_generator_the_seed_is_0():
    assert_array_equal(Dense(3).build(4).params["W"], Dense(3).build(4, np.random.default_rng(0)).params["W"])


# -- Sequential -----------------------------------------------------------------------------------------------


def test_names_count_by_kind():
    net = Sequential([Dense(4), Sigmoid(), Dense(3), Sigmoid(), Sequential([Tanh()])])
    assert net.layer_names == ["dense_1", "sigmoid_1", "dense_2", "sigmoid_2", "sequential_1"]
    assert number_names([LeakyReLU(), LeakyReLU()]) == ["leakyrelu_1", "leakyrelu_2"]


def test_forward_is_one_layer_after_the_other(rng):
    net = Sequential([Dense(4), Sigmoid(), Dense(3)], input_shape=5, rng=rng)
    x = rng.normal(size=(2, 5)).astype(np.float32)
    want = [x]
    for layer in net.layers:
        want.append(layer.forward(want[-1]))
    assert_array_equal(net.forward(x), want[3])
    assert_array_equal(net.before_output(x), want[3])
    assert net.output_unit is None


@pytest.mark.parametrize(
    "last",
    [
        pytest.param(lambda: [Dense(3), Sigmoid()], id="a layer of its own"),
        pytest.param(lambda: [Dense(3, activation="sigmoid")], id="the last layer's activation"),
        pytest.param(lambda: [Sequential([Dense(3), Sigmoid()])], id="in a net within"),
    ],
)
def test_before_output_stops_short_of_the_last_activation(last, rng):
    net, short = Sequential([Dense(4), Tanh(), *last()], 5), Sequential([Dense(4), Tanh(), Dense(3)], 5)
    x, da = rng.normal(size=(2, 5)).astype(np.float32), rng.normal(size=(2, 3)).astype(np.float32)
    assert isinstance(net.output_unit, Sigmoid)
    a = net.before_output(x)
    assert_array_equal(a, short.forward(x))
    assert_array_equal(net.output_unit.forward(a), net.forward(x))
    want = short.backward(da)
    net.before_output(x)
    assert_array_equal(net.backward_before_output(da), want)
    for (_, ours), (_, theirs) in zip(net.owners(), short.owners(), strict=True):
        assert_array_equal(ours.grads["W"], theirs.grads["W"])
    assert net.backward_before_output(da, need_dx=False) is None


def test_shapes_and_size():
    net = Sequential([Dense(4), Sigmoid(), Sequential([Dense(2), Tanh()])], 5)
    assert net.shapes == [(5,), (4,), (4,), (2,)] and net.input_shape == (5,) and net.output_shape == (2,)
    assert net.n_params == 5 * 4 + 4 + 4 * 2 + 2
    assert Sigmoid().build(3).n_params == 0
    assert (
        repr(net)
        == "Sequential(Dense(units=4, init='glorot'), Sigmoid(), Sequential(Dense(units=2, init='glorot'), Tanh()))"
    )


def test_owners_of_nested_nets_in_order():
    net = Sequential([Dense(4), Sequential([Tanh(), Dense(3), Sequential([Dense(2)])]), Dense(1)], 5)
    assert [path for path, _ in net.owners()] == [
        "dense_1", "sequential_1.dense_1", "sequential_1.sequential_1.dense_1", "dense_2",
    ]  # fmt: skip
    assert [owner.units for _, owner in net.owners()] == [4, 3, 2, 1]
    assert [(path, layer.units, name) for path, layer, name in parameters(net)][:3] == [
        ("dense_1", 4, "W"), ("dense_1", 4, "b"), ("sequential_1.dense_1", 3, "W"),
    ]  # fmt: skip
    single = Dense(3).build(2)
    assert list(single.owners()) == [("", single)] and list(Tanh().build(2).owners()) == []


def test_chain_of_shapes_in_the_error():
    text = (
        "Sequential: layer dense_3 cannot follow 784 -> 32 -> 16: "
        "Dense: expected rows of numbers (one length), got samples of shape (4, 4); put Flatten() before it."
    )

    class Fold(Layer):
        def output_shape_for(self, input_shape):
            return (4, 4)

    with says(text.replace("32 -> 16", "32 -> 16 -> 4x4"), ValueError):
        Sequential([Dense(32), Sigmoid(), Dense(16), Fold(), Dense(8)], 784)
    with says(
        "Sequential: layer dense_1 cannot follow 28x28: "
        "Dense: expected rows of numbers (one length), got samples of shape (28, 28); put Flatten() before it.",
        ValueError,
    ):
        Sequential([Dense(32)], (28, 28))


def test_showing_shapes():
    assert show_shape((784,)) == "784" and show_shape((28, 28, 1)) == "28x28x1"
    assert show_chain([(784,), (32,), (32,), (784,)]) == "784 -> 32 -> 784"
    assert show_chain([(5,)]) == "5"


@pytest.mark.parametrize(
    "layers, text",
    [
        ([], "Sequential: expected a list of at least one Layer, got an empty list."),
        ([Dense(2), "relu"], "Sequential: expected a list of at least one Layer, got ['str']."),
        ([Dense], "Sequential: expected a list of at least one Layer, got ['type']."),
    ],
)
def test_what_is_no_list_of_layers(layers, text):
    with says(text, ValueError):
        Sequential(layers)


TWICE = "Sequential: expected every layer once, got one twice; make a second layer of its kind."


def test_the_same_layer_twice_is_refused():
    layer = Dense(3)
    with says(TWICE, ValueError):
        Sequential([layer, Sigmoid(), layer])


def test_the_same_layer_twice_in_nested_nets_is_refused():
    """Its second forward would overwrite what the first backward needs: a wrong gradient without a word."""
    layer = Dense(3)
    with says(TWICE, ValueError):
        Sequential([layer, Sequential([Tanh(), layer])])


def test_same_seed_same_net():
    def net(seed):
        return Sequential([Dense(4), Tanh(), Dense(4)], 4, np.random.default_rng(seed))

    a, b = net(3), net(3)
    for (_, one), (_, other) in zip(a.owners(), b.owners(), strict=True):
        assert_array_equal(one.params["W"], other.params["W"])
    assert not np.array_equal(a.layers[0].params["W"], a.layers[2].params["W"])  # one generator for all layers


def test_without_a_generator_layers_of_one_net_still_differ():
    net = Sequential([Dense(4), Tanh(), Dense(4)], 4)
    assert not np.array_equal(net.layers[0].params["W"], net.layers[2].params["W"])


# -- flat vectors ---------------------------------------------------------------------------------------------


@pytest.fixture
def net():
    return Sequential([Dense(4), Tanh(), Sequential([Dense(2)])], 3, np.random.default_rng(0))


def test_flatten_keeps_the_values_in_order(net):
    arrays = [layer.params[name].copy() for _, layer, name in parameters(net)]
    theta, gradient = flatten(net)
    assert_array_equal(theta, np.concatenate([a.ravel() for a in arrays]))
    assert theta.shape == gradient.shape == (net.n_params,) and theta.dtype == gradient.dtype == np.float32
    assert not gradient.any()
    for (_, layer, name), a in zip(parameters(net), arrays, strict=True):
        assert_array_equal(layer.params[name], a)


def test_writing_theta_changes_the_layers(net, rng):
    theta, _ = flatten(net)
    x = rng.normal(size=(5, 3)).astype(np.float32)
    before = net.forward(x)
    theta[-2:] += 1  # the last layer's b
    assert_allclose(net.forward(x), before + 1, rtol=1e-5)
    theta[:] = 0
    assert not net.forward(x).any() and not net.layers[0].params["W"].any()
    net.layers[0].params["W"][1, 2] = 9  # and the other way round: row 1, column 2 of 4
    assert np.flatnonzero(theta).tolist() == [1 * 4 + 2]


def test_backward_fills_the_flat_gradient(net, rng):
    theta, gradient = flatten(net, np.float64)
    x, dy = rng.normal(size=(5, 3)), rng.normal(size=(5, 2))
    net.forward(x)
    net.backward(dy)
    assert_array_equal(gradient, np.concatenate([layer.grads[n].ravel() for _, layer, n in parameters(net)]))
    h = 1e-6
    for i in (0, 11, 13, 17, 25):
        theta[i] += h
        up = np.sum(dy * net.forward(x))
        theta[i] -= 2 * h
        down = np.sum(dy * net.forward(x))
        theta[i] += h
        assert gradient[i] == pytest.approx((up - down) / (2 * h), rel=1e-6, abs=1e-8)


def test_flatten_to_another_type(net):
    before = net.layers[0].params["W"].copy()
    theta, gradient = flatten(net, np.float64)
    assert theta.dtype == gradient.dtype == net.layers[0].params["W"].dtype == np.float64
    assert_array_equal(net.layers[0].params["W"], before)


def test_flatten_without_parameters():
    theta, gradient = flatten(Sequential([Tanh()], 3))
    assert theta.shape == gradient.shape == (0,) and theta.dtype == np.float32


def test_named_views(net):
    theta, _ = flatten(net)
    views = named_views(net, theta)
    assert list(views) == ["dense_1.W", "dense_1.b", "sequential_1.dense_1.W", "sequential_1.dense_1.b"]
    assert [v.shape for v in views.values()] == [(3, 4), (4,), (4, 2), (2,)]
    assert all(np.shares_memory(v, theta) for v in views.values())
    other = np.arange(net.n_params)  # any vector of the net's size: an optimizer's state, say
    assert named_views(net, other)["dense_1.b"].tolist() == [12, 13, 14, 15]
    layer = Dense(2).build(3)
    assert list(named_views(layer, flatten(layer)[0])) == ["W", "b"]


def test_a_replica_gets_a_gradient_vector_of_its_own(net, rng):
    _, gradient = flatten(net)
    twin, own = net.replica(), np.zeros_like(gradient)
    point_grads_at(twin, own)
    x, dy = rng.normal(size=(5, 3)).astype(np.float32), rng.normal(size=(5, 2)).astype(np.float32)
    twin.forward(x)
    twin.backward(dy)
    assert own.all() and not gradient.any()
    net.forward(x)
    net.backward(dy)
    assert_array_equal(own, gradient)


def test_params_pointed_elsewhere(net, rng):
    flatten(net)
    zeros = np.zeros(net.n_params, np.float32)
    point_params_at(net, zeros)
    assert not net.forward(rng.normal(size=(5, 3))).any()
    zeros[-2:] = [1, 2]
    assert net.forward(np.zeros((1, 3))).tolist() == [[1, 2]]


def test_layer_errors_are_usage_errors_where_a_setting_is_wrong():
    with pytest.raises(UsageError):
        Dense("many")
