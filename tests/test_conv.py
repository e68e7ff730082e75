"""Conv2D and ConvTranspose: beside loops and PyTorch, each other's adjoint, a layer's contracts, activations inside."""

import json
import re

import naive
import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from test_checks import says

from tinyae import Autoencoder, UsageError
from tinyae.gradcases import off_kinks
from tinyae.gradcheck import assert_gradients, check_layer, check_model
from tinyae.layers import LAYERS, Conv2D, ConvTranspose, Dense, Flatten, Reshape, Sequential, Sigmoid
from tinyae.layers.activations import ACTIVATIONS
from tinyae.layers.geometry import check_image_shape, one_or_pair, pair, same_padding

FLOATS = pytest.mark.parametrize("dtype", [np.float32, np.float64], ids=["f32", "f64"])
KINDS = pytest.mark.parametrize("kind", [Conv2D, ConvTranspose])
SEEDS = st.integers(0, 2**32 - 1)

MAKERS = {
    "Conv2D": lambda: Conv2D(3, (2, 3)),
    "Conv2D valid, relu": lambda: Conv2D(5, (3, 2), padding="valid", activation="relu"),
    "Conv2D strides, tanh": lambda: Conv2D(1, 3, stride=(2, 1), padding=(2, 1), activation="tanh"),
    "ConvTranspose": lambda: ConvTranspose(3, (2, 3)),
    "ConvTranspose valid, relu": lambda: ConvTranspose(5, (3, 2), padding="valid", activation="relu"),
    "ConvTranspose strides, tanh": lambda: ConvTranspose(
        1, 3, stride=(2, 3), padding=(1, 0), output_padding=(1, 2), activation="tanh"
    ),
}
ALL = pytest.mark.parametrize("made", MAKERS)
IMAGES = (3, 5, 6, 2)


def built(made, dtype=np.float32, shape=IMAGES[1:]):
    layer = MAKERS[made]().build(shape, np.random.default_rng(1), dtype=dtype)
    layer.params["b"][:] = np.linspace(-0.5, 0.5, layer.filters)
    return layer


def numbers(shape, seed=0, dtype=np.float32):
    return np.random.default_rng(seed).normal(size=shape).astype(dtype)


def exact(rng, shape, dtype):
    """Multiples of 1/8 up to 1: sums of their products have no rounding, so a ReLU is on the same side everywhere."""
    return rng.integers(-8, 9, shape).astype(dtype) / 8


# -- beside loops ---------------------------------------------------------------------------------------------


def same_zeros(length, size, step):
    """(before, after): Keras's rule, so that ceil(length / step) windows fit and an odd zero goes to the end."""
    total = max((-(-length // step) - 1) * step + size - length, 0)
    return total // 2, total - total // 2


@st.composite
def layers(draw, kind=None, largest=6, activation=None):
    """(a Conv2D or ConvTranspose, input shape) with settings that give at least one pixel."""
    kind = draw(st.sampled_from([Conv2D, ConvTranspose])) if kind is None else kind
    size = draw(st.integers(1, largest)), draw(st.integers(1, largest))
    kernel, stride = (draw(st.tuples(st.integers(1, most), st.integers(1, most))) for most in (4, 3))
    padding = draw(st.sampled_from(["same", "valid", "number"]))
    if padding == "number":
        padding = draw(st.tuples(st.integers(0, 3), st.integers(0, 3)))
    more = {}
    if kind is ConvTranspose and padding != "same":
        more = {"output_padding": tuple(draw(st.integers(0, s - 1)) for s in stride)}
    zeros = (0, 0) if isinstance(padding, str) else padding
    if kind is Conv2D and padding != "same":  # a kernel that fits
        kernel = tuple(min(k, n + 2 * p) for k, n, p in zip(kernel, size, zeros, strict=True))
    if kind is ConvTranspose and padding != "same":  # something is left
        most = [((n - 1) * s + k + o - 1) // 2 for n, s, k, o in zip(
            size, stride, kernel, more["output_padding"], strict=True)]  # fmt: skip
        padding = padding if padding == "valid" else tuple(min(p, m) for p, m in zip(zeros, most, strict=True))
    layer = kind(draw(st.integers(1, 6)), kernel, stride, padding, activation=activation, **more)
    return layer, (*size, draw(st.integers(1, 4)))


def expected(layer, x, dy):
    """y, dx, dW, db of a built layer without activation, from the loops."""
    W, b = layer.params["W"], layer.params["b"]
    if isinstance(layer, Conv2D):
        zeros = zeros_around(layer.padding, x.shape[1:3], layer.kernel, layer.stride)
        return naive.conv(x, W, b, layer.stride, zeros), *naive.conv_backward(x, W, dy, layer.stride, zeros)
    zeros = zeros_around(layer.padding, dy.shape[1:3], layer.kernel, layer.stride)
    y = naive.conv_transposed(x, W, b, layer.stride, zeros, dy.shape[1:3])
    _, dW, _ = naive.conv_backward(dy, W, x, layer.stride, zeros)
    return y, naive.conv(dy, W, 0, layer.stride, zeros), dW, dy.sum((0, 1, 2))


def zeros_around(padding, image_size, kernel, stride):
    """((top, bottom), (left, right)) of a Conv2D's setting."""
    if padding == "same":
        return tuple(same_zeros(*axis) for axis in zip(image_size, kernel, stride, strict=True))
    top, left = (0, 0) if padding == "valid" else padding
    return (top, top), (left, left)


@FLOATS
@settings(max_examples=80)
@given(layers(), st.integers(1, 3), SEEDS)
def test_layers_beside_loops(dtype, made, n, seed):
    layer, shape = made
    rng = np.random.default_rng(seed)
    layer.build(shape, rng, dtype=dtype)
    for p in layer.params.values():
        p[...] = exact(rng, p.shape, dtype)
    x, dy = exact(rng, (n, *shape), dtype), exact(rng, (n, *layer.output_shape), dtype)
    y = layer.forward(x)
    assert y.dtype == dtype and y.shape == dy.shape
    dx = layer.backward(dy)
    got = y, dx, layer.grads["W"], layer.grads["b"]
    for name, a, b in zip(("y", "dx", "dW", "db"), got, expected(layer, x, dy), strict=True):
        assert a.dtype == dtype
        assert_array_equal(a, b, err_msg=f"{layer!r}: {name}")


@pytest.mark.parametrize(
    "layer, input_shape, output_shape",
    [
        (Conv2D(16, 3), (28, 28, 1), (28, 28, 16)),
        (Conv2D(16, 3, padding="valid"), (28, 28, 1), (26, 26, 16)),
        (Conv2D(8, (5, 2), padding=(2, 0)), (9, 7, 4), (9, 6, 8)),
        (Conv2D(8, 3, stride=2), (7, 8, 4), (4, 4, 8)),
        (Conv2D(8, 3, stride=(2, 3), padding=1), (7, 8, 4), (4, 3, 8)),
        (Conv2D(1, 1, stride=5), (1, 1, 1), (1, 1, 1)),
        (Conv2D(2, 4, padding=3), (1, 1, 1), (4, 4, 2)),
        (ConvTranspose(8, 3, stride=2), (7, 7, 16), (14, 14, 8)),
        (ConvTranspose(8, 5, padding="valid"), (4, 3, 9), (8, 7, 8)),
        (ConvTranspose(8, 3, stride=2, padding="valid"), (4, 3, 9), (9, 7, 8)),
        (ConvTranspose(8, 3, stride=(2, 3), padding=1, output_padding=(1, 2)), (4, 3, 9), (8, 9, 8)),
        (ConvTranspose(8, 1, stride=(3, 2), padding="valid", output_padding=(2, 1)), (2, 2, 1), (6, 4, 8)),
    ],
    ids=repr,
)
def test_shapes(layer, input_shape, output_shape):
    layer.build(input_shape)
    assert layer.output_shape == output_shape
    assert layer.forward(np.zeros((2, *input_shape), np.float32)).shape == (2, *output_shape)
    assert layer.backward(np.zeros((2, *output_shape), np.float32)).shape == (2, *input_shape)


def test_conv_on_paper():
    layer = Conv2D(1, 2, padding="valid", activation="relu").build((2, 3, 1), dtype=np.float64)
    layer.params["W"][:, :, 0, 0] = [[1, 0], [0, -1]]
    layer.params["b"][:] = 1
    x = np.array([[1.0, 2, 3], [4, 1, 7]]).reshape(1, 2, 3, 1)
    assert layer.forward(x).ravel().tolist() == [1 - 1 + 1, 0]  # 2 - 7 + 1 is below 0
    assert layer.backward(np.array([10.0, 100]).reshape(1, 1, 2, 1))[0, :, :, 0].tolist() == [[10, 0, 0], [0, -10, 0]]
    assert layer.grads["W"][:, :, 0, 0].tolist() == [[10, 20], [40, 10]] and layer.grads["b"].tolist() == [10]


def test_conv_transpose_on_paper():
    layer = ConvTranspose(1, 2, stride=2, padding="valid").build((1, 2, 1), dtype=np.float64)
    layer.params["W"][:, :, 0, 0] = [[1, 2], [3, 4]]
    layer.params["b"][:] = 0.5
    y = layer.forward(np.array([10.0, 1]).reshape(1, 1, 2, 1))
    assert y[0, :, :, 0].tolist() == [[10.5, 20.5, 1.5, 2.5], [30.5, 40.5, 3.5, 4.5]]
    dx = layer.backward(np.arange(8.0).reshape(1, 2, 4, 1))
    assert dx.ravel().tolist() == [0 + 2 + 12 + 20, 2 + 6 + 18 + 28]
    assert layer.grads["W"][:, :, 0, 0].tolist() == [[2, 13], [46, 57]] and layer.grads["b"].tolist() == [28]


# -- beside PyTorch -------------------------------------------------------------------------------------------

ACTIVATIONS_TRIED = (None, "relu", "tanh", "sigmoid")


def random_layer(kind, rng):
    """(layer, input shape): random settings of every kind, larger than those above."""
    while True:
        size = rng.integers(1, 13, 2)
        kernel, stride = tuple(map(int, rng.integers(1, 6, 2))), tuple(map(int, rng.integers(1, 4, 2)))
        padding = ["same", "valid", tuple(map(int, rng.integers(0, 5, 2)))][rng.integers(3)]
        more = {}
        if kind is ConvTranspose and padding != "same":
            more["output_padding"] = tuple(int(rng.integers(s)) for s in stride)
        unit = ACTIVATIONS_TRIED[rng.integers(4)]
        layer = kind(int(rng.integers(1, 20)), kernel, stride, padding, activation=unit, **more)
        shape = (*map(int, size), int(rng.integers(1, 20)))
        try:
            layer.output_shape_for(shape)
        except ValueError:
            continue
        return layer, shape


def torch_conv(torch, layer, x, W, b):
    """a (N, F, H', W') of a Conv2D for x (N, C, H, W)."""
    functional = torch.nn.functional
    if layer.padding == "same":
        axes = [same_zeros(*axis) for axis in zip(x.shape[2:], layer.kernel, layer.stride, strict=True)]
        return functional.conv2d(functional.pad(x, (*axes[1], *axes[0])), W, b, layer.stride)
    return functional.conv2d(x, W, b, layer.stride, 0 if layer.padding == "valid" else layer.padding)


def torch_conv_transpose(torch, layer, x, W, b):
    """a (N, F, H', W') of a ConvTranspose for x (N, C, H, W)."""
    functional = torch.nn.functional
    if layer.padding == "same":  # rows H s of the (H - 1) s + kh there are, or zeros where there are fewer
        whole = functional.conv_transpose2d(x, W, None, layer.stride)
        cut = []
        for n, k, s in zip(x.shape[:1:-1], layer.kernel[::-1], layer.stride[::-1], strict=True):
            before, after = same_zeros(n * s, k, s)
            cut += [-before, -after if k >= s else s - k]
        return functional.pad(whole, cut) + b[:, None, None]
    padding = 0 if layer.padding == "valid" else layer.padding
    return functional.conv_transpose2d(x, W, b, layer.stride, padding, layer.output_padding)


@pytest.mark.oracle
@FLOATS
@KINDS
def test_beside_torch(kind, dtype, torch):
    forward = torch_conv if kind is Conv2D else torch_conv_transpose
    units = {None: lambda a: a, "relu": torch.relu, "tanh": torch.tanh, "sigmoid": torch.sigmoid}
    tolerance = 1e-4 if dtype == np.float32 else 1e-10
    tried = set()
    for seed in range(320):
        rng = np.random.default_rng(seed)
        layer, shape = random_layer(kind, rng)
        layer.build(shape, rng, dtype=dtype)
        for p in layer.params.values():
            p[...] = exact(rng, p.shape, dtype)
        x, dy = exact(rng, (int(rng.integers(1, 4)), *shape), dtype), None
        y = layer.forward(x)
        dy = rng.normal(size=y.shape).astype(dtype)
        dx = layer.backward(dy)
        # PyTorch's gradients of tensors in a permuted memory order are wrong or refused: all are contiguous.
        # Channels before rows and columns; W (kh, kw, C, F) -> (F, C, kh, kw), and for ConvTranspose (C, F, kh, kw)
        images = torch.tensor(x).permute(0, 3, 1, 2).contiguous().requires_grad_()
        W = torch.tensor(layer.params["W"]).permute(3, 2, 0, 1).contiguous().requires_grad_()
        b = torch.tensor(layer.params["b"], requires_grad=True)
        want = units[layer.activation_name](forward(torch, layer, images, W, b))
        want.backward(torch.tensor(dy).permute(0, 3, 1, 2).contiguous())
        rows = {"y": want, "dx": images.grad}
        pairs = {name: (got, rows[name].permute(0, 2, 3, 1)) for name, got in (("y", y), ("dx", dx))}
        pairs |= {"dW": (layer.grads["W"], W.grad.permute(2, 3, 1, 0)), "db": (layer.grads["b"], b.grad)}
        for name, (got, expect) in pairs.items():
            expect = expect.detach().numpy()
            scale = np.abs(expect).max(initial=1e-30)
            assert got.dtype == dtype
            assert_allclose(
                got / scale, expect / scale, rtol=0, atol=tolerance, err_msg=f"{seed} {layer} {shape} {name}"
            )
        tried.add((str(layer.padding)[:4], layer.activation_name, layer.stride == (1, 1)))
    assert len(tried) > 24  # every padding with every activation, with strides and without


# -- adjoints -------------------------------------------------------------------------------------------------


@settings(max_examples=100)
@given(layers(kind=ConvTranspose, largest=8), SEEDS)
def test_conv_transpose_is_the_adjoint_of_conv(made, seed):
    """<ConvTranspose(x), y> = <x, Conv2D(y)> with the same W, stride and padding, and no b."""
    spread, shape = made
    rng = np.random.default_rng(seed)
    spread.build(shape, rng, dtype=np.float64)
    gather = Conv2D(shape[2], spread.kernel, spread.stride, spread.padding)
    gather.build(spread.output_shape, rng, dtype=np.float64)
    assert gather.output_shape == shape  # output_padding says which of several sizes to come back to
    gather.params["W"][...] = spread.params["W"] = exact(rng, spread.params["W"].shape, np.float64)
    x, y = exact(rng, (2, *shape), np.float64), exact(rng, (2, *spread.output_shape), np.float64)
    assert np.vdot(spread.forward(x), y) == np.vdot(x, gather.forward(y))
    assert_array_equal(spread.backward(y), gather.forward(y))
    assert_array_equal(gather.backward(x), spread.forward(x))
    assert_array_equal(gather.grads["W"], spread.grads["W"])


@pytest.mark.parametrize("stride", [1, 2, (3, 2)])
@pytest.mark.parametrize("kernel", [1, 2, 3, (5, 4)])
def test_same_transposed_undoes_the_shape_of_same(kernel, stride):
    for size in ((6, 12), (12, 6)):  # multiples of every stride
        code = Conv2D(3, kernel, stride).build((*size, 2)).output_shape
        assert ConvTranspose(2, kernel, stride).build(code).output_shape == (*size, 2)


# -- gradients ------------------------------------------------------------------------------------------------


@settings(max_examples=15)
@given(layers(largest=4, activation="tanh"), SEEDS)
def test_gradients(made, seed):
    layer, shape = made
    layer.build(shape, np.random.default_rng(seed), dtype=np.float64)
    assert_gradients(check_layer(layer, numbers((2, *shape), seed, np.float64)))


@pytest.mark.parametrize("activation", ["sigmoid", "softplus", "leaky_relu", "linear"])
@KINDS
def test_gradients_with_activations(kind, activation):
    layer = kind(2, (3, 2), stride=(1, 2), activation=activation).build((3, 4, 3), dtype=np.float64)
    assert_gradients(check_layer(layer, numbers((2, 3, 4, 3), 3, np.float64)))


@KINDS
def test_gradients_with_relu_inside(kind):
    layer = kind(2, 1, padding="valid", activation="relu").build((3, 4, 2), dtype=np.float64)
    layer.params["W"][0, 0] = np.eye(2) * [[1, -2], [3, 1]]  # a is x or -2 x or ...: off its corner where x is
    x = off_kinks((2, 3, 4, 2))
    assert 0.3 < (layer.forward(x) > 0).mean() < 0.7
    assert_gradients(check_layer(layer, x))


# -- contracts of a layer -------------------------------------------------------------------------------------


@FLOATS
@ALL
def test_the_type_is_kept_and_nothing_of_the_callers_changed(made, dtype):
    layer = built(made, dtype)
    x = numbers(IMAGES, dtype=dtype)
    params = {name: p.copy() for name, p in layer.params.items()}
    kept_x, y = x.copy(), layer.forward(x)
    dy = numbers(y.shape, 1, dtype)
    kept_dy, kept_y, dx = dy.copy(), y.copy(), layer.backward(dy)
    assert y.dtype == dx.dtype == layer.grads["W"].dtype == layer.grads["b"].dtype == dtype
    for a, kept in ((x, kept_x), (dy, kept_dy), (y, kept_y)):
        assert_array_equal(a, kept)
    for name, p in layer.params.items():
        assert_array_equal(p, params[name])
    assert not any(np.shares_memory(a, b) for a, b in ((x, y), (dx, dy), (dx, y), (dx, x)))


@ALL
def test_other_types_are_converted_to_the_parameters_own(made):
    layer, x = built(made), np.random.default_rng(0).integers(-3, 4, IMAGES)
    want = layer.forward(x.astype(np.float32))
    dx = layer.backward(want)
    for other in (x, x.astype(np.float64), x.tolist()):
        y = layer.forward(other)
        assert y.dtype == np.float32
        assert_array_equal(y, want)
    back = layer.backward(want.astype(np.float64))
    assert back.dtype == np.float32
    assert_allclose(back, dx, rtol=1e-5, atol=1e-6)


@ALL
def test_gradients_are_filled_in_place(made):
    layer, x = built(made), numbers(IMAGES)
    arrays = dict(layer.grads)
    dy = numbers(layer.forward(x).shape, 1)
    layer.backward(dy)
    once = {name: g.copy() for name, g in layer.grads.items()}
    for g in arrays.values():
        g[...] = np.nan
    layer.backward(dy)
    for name, g in layer.grads.items():
        assert g is arrays[name]
        assert_array_equal(g, once[name])


@ALL
def test_need_dx(made):
    layer, x = built(made), numbers(IMAGES)
    dy = numbers(layer.forward(x).shape, 1)
    layer.backward(dy)
    want = {name: g.copy() for name, g in layer.grads.items()}
    for g in layer.grads.values():
        g[...] = np.nan
    layer.forward(x)
    assert layer.backward(dy, need_dx=False) is None
    for name, g in layer.grads.items():
        assert_array_equal(g, want[name])


@ALL
def test_config_makes_the_layer_again(made):
    layer = built(made)
    config = json.loads(json.dumps(layer.config()))
    again = LAYERS[layer.name](**config)
    assert again.config() == layer.config() and repr(again) == repr(layer)
    again.build(IMAGES[1:], np.random.default_rng(1))
    assert again.output_shape == layer.output_shape
    assert_array_equal(again.params["W"], layer.params["W"])
    again.params["b"][:] = layer.params["b"]
    assert_array_equal(again.forward(numbers(IMAGES)), layer.forward(numbers(IMAGES)))


@given(layers(activation="softplus"))
@example((ConvTranspose(1, 1, (1, 2), "valid", (0, 1), activation="softplus"), (1, 1, 1)))
def test_config_of_any_layer(made):
    layer, shape = made
    again = LAYERS[layer.name](**json.loads(json.dumps(layer.config())))
    for setting in ("filters", "kernel", "stride", "padding", "activation_name", "init"):
        assert getattr(again, setting) == getattr(layer, setting)
    assert getattr(again, "output_padding", None) == getattr(layer, "output_padding", None)
    assert again.build(shape).output_shape == layer.build(shape).output_shape


def test_config_is_short_where_it_can_be():
    assert Conv2D(4, 3).config() == {"filters": 4, "kernel": 3, "stride": 1, "padding": "same", "init": "glorot"}
    assert Conv2D(4, (3, 2), (1, 2), (0, 1), "relu", "he").config() == {
        "filters": 4, "kernel": [3, 2], "stride": [1, 2], "padding": [0, 1], "init": "he", "activation": "relu",
    }  # fmt: skip


@ALL
def test_a_replica_reuses_its_memory_and_shares_parameters(made):
    layer = built(made)
    twin = layer.replica()
    x = numbers(IMAGES)
    y = twin.forward(x)
    kept, dx = y.copy(), twin.backward(y)
    assert np.shares_memory(twin.forward(x + 1), y) and not np.array_equal(y, kept)
    assert np.shares_memory(twin.backward(y), dx)
    for name, p in layer.params.items():
        assert twin.params[name] is p and not np.shares_memory(twin.grads[name], layer.grads[name])
    for n in (2, 5, 3):  # the last batch of an epoch is shorter, validation chunks are longer
        x = numbers((n, *IMAGES[1:]), n)
        assert_array_equal(twin.forward(x), layer.forward(x))
        dy = numbers((n, *layer.output_shape), n + 1)
        assert_array_equal(twin.backward(dy), layer.backward(dy))
        for name, g in layer.grads.items():
            assert_array_equal(twin.grads[name], g)
    other = layer.replica()
    assert not np.shares_memory(other.forward(x), twin.forward(x))
    assert not np.shares_memory(layer.forward(x), layer.forward(x))


@ALL
def test_dirty_memory_does_not_show(made):
    """A replica's results go where old ones were: every number is written."""
    layer, x = built(made), numbers(IMAGES)
    twin = layer.replica()
    dy = numbers(layer.forward(x).shape, 1)
    dx = layer.backward(dy)
    twin.forward(x)
    twin.backward(dy)
    for worker in (twin, *twin.children()):
        for memory in worker._workspace.values():
            memory[...] = np.nan
    assert_array_equal(twin.forward(x), layer.forward(x))
    assert_array_equal(twin.backward(dy), dx)


@ALL
def test_memory_in_another_order_gives_the_same(made):
    layer, x = built(made), numbers(IMAGES)
    y = layer.forward(x)
    dy = numbers(y.shape, 1)
    dx = layer.backward(dy)
    grads = {name: g.copy() for name, g in layer.grads.items()}
    orders = (
        np.asfortranarray,
        lambda a: np.repeat(a, 2, axis=2)[:, :, ::2],
        lambda a: a[::-1, ::-1].copy()[::-1, ::-1],
        lambda a: np.repeat(a, 3, axis=3)[..., 1::3],
    )
    for order in orders:
        assert not order(x).flags.c_contiguous
        assert_allclose(layer.forward(order(x)), y, rtol=1e-6, atol=1e-6)
        assert_allclose(layer.backward(order(dy)), dx, rtol=1e-6, atol=1e-6)
        for name, g in layer.grads.items():
            assert_allclose(g, grads[name], rtol=1e-5, atol=1e-5)


@ALL
def test_a_second_forward_is_the_one_that_counts(made):
    layer, x, other = built(made), numbers(IMAGES), numbers((1, *IMAGES[1:]), 5)
    fresh = built(made)
    layer.forward(other)
    y = layer.forward(x)
    assert_array_equal(layer.backward(y), fresh.backward(fresh.forward(x)))
    for name, g in layer.grads.items():
        assert_array_equal(g, fresh.grads[name])


@ALL
def test_a_batch_of_one(made):
    layer, x = built(made), numbers(IMAGES)
    y = layer.forward(x)
    dy = numbers(y.shape, 1)
    dx, dW = layer.backward(dy), layer.grads["W"].copy()
    total = 0
    for n in range(len(x)):
        assert_allclose(layer.forward(x[n : n + 1])[0], y[n], rtol=1e-5, atol=1e-6)
        assert_allclose(layer.backward(dy[n : n + 1])[0], dx[n], rtol=1e-5, atol=1e-6)
        total = total + layer.grads["W"]
    assert_allclose(total, dW, rtol=1e-5, atol=1e-5)


@KINDS
def test_an_empty_part_of_a_batch(kind):
    layer = kind(2, 3, activation="relu").build((4, 5, 3)).replica()
    layer.forward(numbers((2, 4, 5, 3)))
    y = layer.forward(np.empty((0, 4, 5, 3), np.float32))
    assert y.shape == (0, 4, 5, 2) and layer.backward(y).shape == (0, 4, 5, 3)
    assert not layer.grads["W"].any() and not layer.grads["b"].any()


@KINDS
def test_one_pixel_one_channel(kind):
    layer = kind(1, 3).build((1, 1, 1), dtype=np.float64)
    layer.params["W"][1, 1], layer.params["b"][0] = 2, 0.5  # only the middle of the window meets the pixel
    assert layer.forward(np.full((1, 1, 1, 1), 3.0)).item() == 6.5
    assert layer.backward(np.full((1, 1, 1, 1), 10.0)).item() == 20
    assert layer.grads["W"].ravel().tolist() == [0, 0, 0, 0, 30, 0, 0, 0, 0] and layer.grads["b"].item() == 10


@KINDS
def test_a_window_of_one_pixel_is_a_dense_layer_for_every_pixel(kind):
    layer, dense = kind(4, 1).build((5, 6, 3), dtype=np.float64), Dense(4).build(3, dtype=np.float64)
    W = layer.params["W"][0, 0]
    dense.params["W"][...] = W if kind is Conv2D else W.T
    x, dy = numbers((2, 5, 6, 3), 0, np.float64), numbers((2, 5, 6, 4), 1, np.float64)
    assert_allclose(layer.forward(x), dense.forward(x.reshape(-1, 3)).reshape(dy.shape), atol=1e-14)
    assert_allclose(layer.backward(dy), dense.backward(dy.reshape(-1, 4)).reshape(x.shape), atol=1e-14)
    grads = layer.grads["W"][0, 0]
    assert_allclose(grads if kind is Conv2D else grads.T, dense.grads["W"], atol=1e-12)


def test_initial_weights():
    """Variance 2 / (in + out) or 2 / in, with the kh kw C numbers that feed an output."""
    for kind in (Conv2D, ConvTranspose):
        for init, variance in (("glorot", 2 / (12 * 10 + 12 * 30)), ("he", 2 / (12 * 10)), ("normal", 0.01)):
            layer = kind(30, (3, 4), init=init).build((5, 5, 10), np.random.default_rng(2))
            W = layer.params["W"]
            assert W.shape == ((3, 4, 10, 30) if kind is Conv2D else (3, 4, 30, 10))
            assert W.var() == pytest.approx(variance, rel=0.1) and abs(W.mean()) < 4 * np.sqrt(variance / W.size)
            assert not layer.params["b"].any() and layer.n_params == W.size + 30
        assert np.abs(kind(30, (3, 4)).build((5, 5, 10)).params["W"]).max() <= np.sqrt(6 / 480)


def test_multiply_adds():
    """One per weight and output pixel; what lies on the padding is counted too."""
    assert Conv2D(16, 3).build((28, 28, 3)).multiply_adds == 28 * 28 * 16 * 3 * 3 * 3
    assert Conv2D(5, (2, 3), stride=2, padding="valid").build((8, 9, 3)).multiply_adds == 4 * 4 * 5 * 2 * 3 * 3
    assert ConvTranspose(5, (2, 3), stride=2, padding="valid").build((4, 4, 3)).multiply_adds == 4 * 4 * 3 * 2 * 3 * 5
    assert Conv2D(5, 1, activation="tanh").build((1, 1, 1)).multiply_adds == 5


# -- activations inside ---------------------------------------------------------------------------------------


def inside_and_outside(make, activation, shape, dtype):
    """One layer with the activation inside, and a net of the same layer and the activation behind it."""
    inside = Sequential([make(activation)], shape).build(shape, np.random.default_rng(3), dtype)
    outside = Sequential([make(None), ACTIVATIONS[activation]()]).build(shape, np.random.default_rng(3), dtype)
    inside.layers[0].params["b"][:] = outside.layers[0].params["b"][:] = 0.1
    return inside, outside


@FLOATS
@pytest.mark.parametrize("activation", sorted(ACTIVATIONS))
@pytest.mark.parametrize(
    "make, shape",
    [
        (lambda unit: Conv2D(3, (2, 3), activation=unit), (5, 6, 2)),
        (lambda unit: ConvTranspose(3, (2, 3), stride=2, activation=unit), (3, 4, 2)),
        (lambda unit: Dense(7, activation=unit), (9,)),
    ],
    ids=["Conv2D", "ConvTranspose", "Dense"],
)
def test_an_activation_inside_is_the_one_behind(make, shape, activation, dtype):
    inside, outside = inside_and_outside(make, activation, shape, dtype)
    x = numbers((4, *shape), 1, dtype)
    for one, two in ((inside, outside), (inside.replica(), outside.replica())):
        y = one.forward(x)
        assert_array_equal(y, two.forward(x))
        dy = numbers(y.shape, 2, dtype)
        assert_array_equal(one.backward(dy), two.backward(dy))
        for name in ("W", "b"):
            assert_array_equal(one.layers[0].grads[name], two.layers[0].grads[name])


def test_relu_inside_lets_nan_through():
    layer = Conv2D(2, 3, activation="relu").build((4, 4, 1))
    x = np.ones((1, 4, 4, 1), np.float32)
    x[0, 0, 0, 0] = np.nan
    assert np.isnan(layer.forward(x)[0, :2, :2]).all()


def test_a_layer_with_its_activation_knows_it():
    layer = Conv2D(2, 3, activation="sigmoid").build((4, 4, 1))
    assert isinstance(layer.output_unit, Sigmoid) and layer.children() == (layer.activation,)
    for plain in (Conv2D(2, 3), Conv2D(2, 3, activation="linear")):
        assert plain.build((4, 4, 1)).output_unit is None and list(plain.children()) == []
    x = numbers((2, 4, 4, 1))
    a = layer.before_output(x)
    assert_allclose(layer.forward(x), 1 / (1 + np.exp(-a)), rtol=1e-6)
    da = numbers(a.shape, 1)
    dx = layer.backward_before_output(da)
    other = Conv2D(2, 3).build((4, 4, 1))
    other.forward(x)
    assert_array_equal(dx, other.backward(da))


def autoencoders(dtype):
    """The same net with activations inside its layers and behind them."""

    def net(inside):
        def layer(kind, activation, *settings, **more):
            if inside:
                return [kind(*settings, activation=activation, **more)]
            return [kind(*settings, **more), ACTIVATIONS[activation]()]

        encoder = [*layer(Conv2D, "relu", 3, 3, stride=2), Flatten(), *layer(Dense, "tanh", 4)]
        decoder = [*layer(Dense, "relu", 3 * 4 * 3), Reshape((3, 4, 3))]
        decoder += layer(ConvTranspose, "sigmoid", 1, 3, stride=2)
        return Autoencoder(encoder, decoder, loss="bce", input_shape=(6, 8, 1), seed=4, dtype=dtype)

    return net(True), net(False)


@FLOATS
def test_activations_inside_an_autoencoder(dtype):
    inside, outside = autoencoders(dtype)
    assert inside.matched and outside.matched
    assert_array_equal(inside.theta, outside.theta)
    x = np.random.default_rng(0).uniform(size=(5, 6, 8, 1)).astype(dtype)
    assert_array_equal(inside.forward(x), outside.forward(x))
    assert inside.loss_and_gradient(x) == outside.loss_and_gradient(x)
    assert_array_equal(inside.gradient, outside.gradient)
    assert_array_equal(inside.encode(x), outside.encode(x))
    assert inside.evaluate(x) == outside.evaluate(x)
    for model in (inside, outside):
        model.fit(x, epochs=2, batch_size=2, progress=False, threads=1)
    assert_array_equal(inside.theta, outside.theta)


def test_gradients_of_an_autoencoder_with_activations_inside():
    model, _ = autoencoders(np.float64)
    x = np.random.default_rng(0).uniform(0.2, 0.8, size=(2, 6, 8, 1))
    assert_gradients(check_model(model, x))


# -- errors ---------------------------------------------------------------------------------------------------


@KINDS
@pytest.mark.parametrize(
    "settings, text",
    [
        ({"filters": 0}, "expected filters to be a whole number >= 1, got 0."),
        ({"filters": 2.0}, "expected filters to be a whole number >= 1, got 2.0."),
        ({"kernel": 0}, "expected kernel to be a whole number >= 1, got 0."),
        ({"kernel": (3, 2, 1)}, "expected kernel to be a whole number or a pair (height, width), got (3, 2, 1)."),
        ({"kernel": (3, 0)}, "expected kernel to be a whole number >= 1, got 0."),
        ({"kernel": "3"}, "expected kernel to be a whole number or a pair (height, width), got '3'."),
        ({"kernel": True}, "expected kernel to be a whole number or a pair (height, width), got True."),
        ({"stride": 0}, "expected stride to be a whole number >= 1, got 0."),
        ({"stride": (1, -1)}, "expected stride to be a whole number >= 1, got -1."),
        ({"padding": "sane"}, "expected padding 'same', 'valid' or whole numbers, got 'sane'."),
        ({"padding": -1}, "expected padding to be a whole number >= 0, got -1."),
        ({"padding": None}, "expected padding to be a whole number or a pair (height, width), got None."),
        ({"init": "sparse"}, "expected init to be one of glorot, he, normal, got 'sparse'."),
    ],
    ids=str,
)
def test_bad_settings_are_refused(kind, settings, text):
    with says(f"{kind.__name__}: {text}"):
        kind(**{"filters": 2, "kernel": 3} | settings)


@KINDS
def test_names_that_are_close_are_suggested(kind):
    who = kind.__name__
    with pytest.raises(
        UsageError, match=rf"^{who}: expected activation to be one of .*, got 'Relu' \(did you mean 'relu'"
    ):
        kind(2, 3, activation="Relu")
    with pytest.raises(
        UsageError, match=rf"^{who}: expected init to be one of .*, got 'glorott' \(did you mean 'glorot'"
    ):
        kind(2, 3, init="glorott")


@pytest.mark.parametrize(
    "settings, text",
    [
        ({"output_padding": 1}, "expected output_padding smaller than the stride (1, 1), got (1, 1)"),
        (
            {"stride": (2, 1), "output_padding": (1, 1)},
            "expected output_padding smaller than the stride (2, 1), got (1, 1)",
        ),
        ({"stride": 2, "output_padding": 2}, "expected output_padding smaller than the stride (2, 2), got (2, 2)"),
        ({"stride": 2, "output_padding": -1}, "expected output_padding to be a whole number >= 0, got -1."),
        (
            {"stride": 2, "output_padding": 1, "padding": "same"},
            "expected output_padding 0 with padding='same', got (1, 1)",
        ),
    ],
    ids=str,
)  # fmt: skip
def test_bad_output_padding_is_refused(settings, text):
    with pytest.raises(UsageError, match=f"^ConvTranspose: {re.escape(text)}"):
        ConvTranspose(**{"filters": 2, "kernel": 3, "padding": "valid"} | settings)


@KINDS
def test_samples_that_are_no_images_are_refused(kind):
    who = kind.__name__
    text = rf"^{who}: expected images \(height, width, channels\), got samples of shape "
    with pytest.raises(ValueError, match=text + r"\(784,\); put Reshape\(\(height, width, channels\)\) before it\.$"):
        kind(2, 3).build(784)
    with pytest.raises(ValueError, match=text + r"\(28, 28\); .*channels"):
        kind(2, 3).build((28, 28))
    with pytest.raises(ValueError, match=text + r"\(2, 3, 4, 5\)"):
        kind(2, 3).build((2, 3, 4, 5))


def test_a_shape_with_too_many_lengths_is_not_told_to_get_more():
    with pytest.raises(ValueError) as error:
        check_image_shape("Conv2D", (2, 3, 4, 5))
    assert "add an axis" not in str(error.value)


def test_a_kernel_larger_than_the_image_is_refused():
    text = (
        r"^Conv2D: expected images at least as large as the kernel \(5, 3\), got \(4, 9\) with padding 'valid'; use a"
    )
    with pytest.raises(ValueError, match=text):
        Conv2D(2, (5, 3), padding="valid").build((4, 9, 1))
    with pytest.raises(ValueError, match=r"got \(9, 1\) with padding \(1, 0\)"):
        Conv2D(2, 3, padding=(1, 0)).build((9, 1, 1))
    with pytest.raises(ValueError, match="at least as large as the kernel"):
        Conv2D(2, 9, stride=4, padding="valid").build((4, 4, 1))
    assert Conv2D(2, 9).build((4, 4, 1)).output_shape == (4, 4, 2)


def test_padding_that_leaves_nothing_is_refused():
    text = r"^ConvTranspose: expected at least one row and column to come out, got \(0, 3\) for images \(1, 2\) with"
    with pytest.raises(ValueError, match=text):
        ConvTranspose(2, 2, padding=(1, 0)).build((1, 2, 1))


@KINDS
def test_wrong_shapes_of_x_are_refused(kind):
    layer = kind(2, 3).build((4, 5, 3))
    for shape in ((4, 5, 3), (2, 5, 4, 3), (2, 4, 5, 1), (2, 4, 5), (1, 2, 4, 5, 3)):
        with says(f"{kind.__name__}: expected x of shape (N, 4, 5, 3), got {shape}."):
            layer.forward(np.zeros(shape, np.float32))
    with says(f"{kind.__name__}: expected a built layer, got one without shapes; call build(input_shape).", ValueError):
        kind(2, 3).forward(np.zeros((2, 4, 5, 3)))


@FLOATS
@KINDS
@pytest.mark.parametrize(
    "shape", [(2, 4, 5, 2), (4, 4, 5, 2), (3, 4, 5, 1), (3, 3, 5, 2), (3, 4, 6, 2), (3, 40), (40,)], ids=str
)
def test_wrong_shapes_of_dy_are_refused(kind, shape, dtype, monkeypatch):
    """The kernels trust what they are given and write by address: the layer has to look."""

    def never(*_):
        raise AssertionError(f"a dy of shape {shape} reached a kernel")

    layer = kind(2, 3).build((4, 5, 3), dtype=dtype)
    layer.forward(np.zeros((3, 4, 5, 3), dtype))
    for stem in ("convolve", "convolve_transposed", "weight_gradient", "channel_sums"):
        monkeypatch.setattr(f"tinyae.layers.conv.kernels.{stem}", never)
    with pytest.raises(ValueError, match=rf"^{kind.__name__}: expected dy of shape .*got {re.escape(str(shape))}"):
        layer.backward(np.zeros(shape, dtype))


@KINDS
def test_backward_needs_a_forward(kind):
    with says(f"{kind.__name__}: expected forward before backward, got no forward pass yet.", ValueError):
        kind(2, 3).build((4, 5, 3)).backward(np.zeros((1, 4, 5, 2), np.float32))
    with pytest.raises(ValueError, match="expected forward before backward"):
        kind(2, 3, activation="relu").build((4, 5, 3)).backward(np.zeros((1, 4, 5, 2), np.float32))


# -- sizes ----------------------------------------------------------------------------------------------------


def test_pairs():
    assert (
        pair("who", "kernel", 3) == pair("who", "kernel", (3, 3)) == pair("who", "kernel", [3, np.int64(3)]) == (3, 3)
    )
    assert pair("who", "padding", 0, low=0) == (0, 0) and pair("who", "kernel", np.int32(2)) == (2, 2)
    assert one_or_pair((3, 3)) == 3 and one_or_pair((3, 2)) == [3, 2]
    assert all(type(n) is int for n in pair("who", "kernel", np.array([1, 2]).tolist()))


@given(st.integers(1, 40), st.integers(1, 9), st.integers(1, 5))
def test_same_padding(length, size, step):
    zeros = same_padding(length, size, step)
    assert zeros == same_zeros(length, size, step)
    assert zeros[0] in (zeros[1], zeros[1] - 1)
    assert naive.windows(length, size, step, zeros) == -(-length // step)
