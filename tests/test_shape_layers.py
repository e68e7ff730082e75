"""Flatten, Reshape, Crop, ZeroPad: beside plain loops and PyTorch, each other's adjoint, views, shapes, errors."""

import re

import naive
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_array_equal
from test_checks import says

from tinyae.gradcheck import assert_gradients, check_layer
from tinyae.layers import LAYERS, Crop, Flatten, Reshape, Sequential, ZeroPad

FLOATS = pytest.mark.parametrize("dtype", [np.float32, np.float64], ids=["f32", "f64"])
BORDER = st.tuples(st.integers(0, 3), st.integers(0, 3))
LENGTH = st.integers(1, 5)
SEED = st.integers(0, 2**32 - 1)

MAKERS = {
    "Flatten": Flatten,
    "Reshape": lambda: Reshape((5, -1)),
    "Crop": lambda: Crop((1, 0), 1),
    "ZeroPad": lambda: ZeroPad((1, 2), (0, 3)),
}
ALL = pytest.mark.parametrize("kind", MAKERS)
IMAGES = (2, 3, 4, 5)


def built(kind, dtype=np.float32):
    return MAKERS[kind]().build(IMAGES[1:], dtype=dtype)


def numbers(shape, seed=0, dtype=np.float32):
    return np.random.default_rng(seed).normal(size=shape).astype(dtype)


# -- Flatten and Reshape --------------------------------------------------------------------------------------


def test_flatten_on_paper():
    layer = Flatten().build((2, 2, 3))
    x = np.arange(24).reshape(2, 2, 2, 3)  # the channels of a pixel lie side by side
    assert layer.output_shape == (12,)
    assert layer.forward(x).tolist() == [list(range(12)), list(range(12, 24))]
    assert_array_equal(layer.backward(layer.forward(x)), x)


@pytest.mark.parametrize(
    "shape, input_shape, want",
    [
        (12, (3, 4), (12,)),
        (-1, (3, 4), (12,)),
        ((4, 3), 12, (4, 3)),
        ([2, -1, 3], (12,), (2, 2, 3)),
        ((-1, 12), 12, (1, 12)),
        ((1, 1, 1), 1, (1, 1, 1)),
        ((2, np.int64(3), 2, 1), (4, 3), (2, 3, 2, 1)),
    ],
)
def test_reshape(shape, input_shape, want):
    layer = Reshape(shape).build(input_shape)
    assert layer.output_shape == want
    x = numbers((5, *layer.input_shape))
    y = layer.forward(x)
    assert y.shape == (5, *want)
    assert_array_equal(y.ravel(), x.ravel())
    assert_array_equal(layer.backward(y), x)


@FLOATS
@pytest.mark.parametrize("kind", ["Flatten", "Reshape"])
def test_other_shapes_are_views(kind, dtype):
    layer = built(kind)
    x = numbers(IMAGES, dtype=dtype)
    for worker in (layer, layer.replica()):
        y = worker.forward(x)
        dx = worker.backward(y)
        assert np.shares_memory(y, x) and np.shares_memory(dx, y) and y.dtype == dtype


def test_flatten_and_reshape_undo_each_other():
    net = Sequential([Flatten(), Reshape((3, 4, 5)), Flatten(), Reshape((15, -1))], (3, 4, 5))
    assert net.output_shape == (15, 4)
    x = numbers(IMAGES)
    assert_array_equal(net.forward(x), x.reshape(2, 15, 4))


# -- Crop and ZeroPad -----------------------------------------------------------------------------------------


@given(LENGTH, LENGTH, LENGTH, LENGTH, BORDER, BORDER, SEED)
def test_crop_and_pad_beside_loops(n, height, width, channels, rows, columns, seed):
    small = numbers((n, height, width, channels), seed)
    large = numbers((n, height + sum(rows), width + sum(columns), channels), seed + 1)
    crop, pad = Crop(rows, columns).build(large.shape[1:]), ZeroPad(rows, columns).build(small.shape[1:])
    assert crop.output_shape == pad.input_shape and pad.output_shape == crop.input_shape
    assert_array_equal(crop.forward(large), naive.crop(large, rows, columns))
    assert_array_equal(pad.backward(large), naive.crop(large, rows, columns))
    assert_array_equal(pad.forward(small), naive.zero_pad(small, rows, columns))
    assert_array_equal(crop.backward(small), naive.zero_pad(small, rows, columns))


@given(LENGTH, LENGTH, LENGTH, BORDER, BORDER, SEED)
def test_crop_and_pad_are_adjoint(height, width, channels, rows, columns, seed):
    """<Crop x, z> = <x, ZeroPad z> for every x and z."""
    z = numbers((2, height, width, channels), seed, np.float64)
    x = numbers((2, height + sum(rows), width + sum(columns), channels), seed + 1, np.float64)
    crop, pad = Crop(rows, columns).build(x.shape[1:]), ZeroPad(rows, columns).build(z.shape[1:])
    assert np.vdot(crop.forward(x), z) == pytest.approx(np.vdot(x, pad.forward(z)), rel=1e-12, abs=1e-12)
    assert_array_equal(crop.forward(pad.forward(z)), z)  # what was put around comes off again


def test_crop_on_paper():
    x = np.arange(12.0).reshape(1, 3, 4, 1)
    layer = Crop((1, 0), (2, 1)).build((3, 4, 1))
    assert layer.forward(x)[0, :, :, 0].tolist() == [[6], [10]]
    assert layer.backward(np.array([6.0, 10]).reshape(1, 2, 1, 1))[0, :, :, 0].tolist() == [
        [0, 0, 0, 0], [0, 0, 6, 0], [0, 0, 10, 0],
    ]  # fmt: skip


@pytest.mark.parametrize("kind", [Crop, ZeroPad])
def test_one_number_is_for_all_sides(kind):
    assert kind(2).config() == kind((2, 2)).config() == kind(2, [2, 2]).config() == {"rows": 2, "columns": 2}
    assert kind((1, 2), 0).config() == {"rows": [1, 2], "columns": 0}
    assert kind((1, 2)).config() == {"rows": [1, 2], "columns": [1, 2]}


def test_no_border_changes_nothing():
    x = numbers(IMAGES)
    for layer in (Crop(0), ZeroPad(0)):
        assert_array_equal(layer.build(IMAGES[1:]).forward(x), x)
        assert_array_equal(layer.backward(x), x)


@pytest.mark.parametrize("kind", ["Crop", "ZeroPad"])
def test_borders_are_clean_in_used_memory(kind):
    """A replica's memory holds what was there before: zeros have to be written at every step."""
    layer, x = built(kind), numbers(IMAGES)
    twin = layer.replica()
    dy = numbers((2, *layer.output_shape), seed=1)
    for n in (2, 1, 2):
        y, dx = twin.forward(x[:n]), twin.backward(dy[:n])
        assert_array_equal(y, layer.forward(x[:n]))
        assert_array_equal(dx, layer.backward(dy[:n]))
        y[:] = dx[:] = np.nan
    assert np.shares_memory(twin.forward(x), y) and np.shares_memory(twin.backward(dy), dx)


# -- what all four share --------------------------------------------------------------------------------------


@ALL
def test_gradients(kind):
    layer = built(kind, np.float64)
    assert assert_gradients(check_layer(layer, numbers(IMAGES, dtype=np.float64))) <= 1e-8


@FLOATS
@ALL
def test_types_arguments_and_need_dx(kind, dtype):
    layer, x = built(kind), numbers(IMAGES, dtype=dtype)
    dy = numbers((2, *layer.output_shape), dtype=dtype)
    kept_x, kept_dy = x.copy(), dy.copy()
    y, dx = layer.forward(x), layer.backward(dy)
    assert y.dtype == dx.dtype == dtype and y.shape == dy.shape and dx.shape == x.shape
    assert_array_equal(x, kept_x)
    assert_array_equal(dy, kept_dy)
    assert layer.backward(dy, need_dx=False) is None
    assert layer.n_params == 0 and layer.multiply_adds == 0 and layer.state == {}
    assert_array_equal(layer.forward(x[::-1, :, ::-1][::-1, :, ::-1]), y)  # from memory in another order
    assert layer.forward(x[:0]).shape == (0, *layer.output_shape)
    assert layer.forward(x.tolist()).shape == y.shape


@ALL
def test_config_makes_the_layer_again(kind):
    layer = MAKERS[kind]()
    again = LAYERS[kind](**layer.config())
    assert repr(again) == repr(layer) and again.build(IMAGES[1:]).output_shape == built(kind).output_shape


# -- errors ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("shape", [(), 0, (-1, 3, -1), (2, -2), "7x7", (2.0, 3), True, None])
def test_what_is_no_shape(shape):
    with says(f"Reshape: expected shape to be whole numbers >= 1, one of them maybe -1, got {shape!r}."):
        Reshape(shape)


@pytest.mark.parametrize("kind", [Crop, ZeroPad])
@pytest.mark.parametrize("border", [-1, 1.5, "2", (1, False), (1, 2, 3), (1, -1), ()])
def test_what_is_no_border(kind, border):
    for name in ("rows", "columns"):
        text = f"{kind.__name__}: expected {name} to be a whole number >= 0 or a pair of them, got {border!r}."
        with says(text):
            kind(**({"rows": 1} | {name: border}))


@pytest.mark.parametrize(
    "layer, shape, text",
    [
        (
            Reshape((7, 8)),
            (7, 7),
            "Reshape: expected a shape for the 49 numbers of a sample (7, 7), got (7, 8), which holds 56.",
        ),
        (
            Reshape((5, -1)),
            12,
            "Reshape: expected a shape for the 12 numbers of a sample (12,), got (5, -1), which holds multiples of 5.",
        ),
        (
            Reshape((24, -1)),
            12,
            "Reshape: expected a shape for the 12 numbers of a sample (12,), got (24, -1), "
            "which holds multiples of 24.",
        ),
        (
            Crop((1, 2), 0),
            (3, 5, 1),
            "Crop: expected images of more than 3 rows and 0 columns, got samples of shape (3, 5, 1); "
            "nothing would be left.",
        ),
        (
            Crop(0, 4),
            (3, 5, 1),
            "Crop: expected images of more than 0 rows and 8 columns, got samples of shape (3, 5, 1); "
            "nothing would be left.",
        ),
    ],
)
def test_shapes_that_do_not_fit(layer, shape, text):
    with says(text, ValueError):
        layer.build(shape)


@pytest.mark.parametrize("layer", [Crop(1), ZeroPad(1)], ids=repr)
@pytest.mark.parametrize("shape", [(784,), (28, 28), (2, 28, 28, 1)])
def test_borders_are_those_of_images(layer, shape):
    text = rf"^{layer.name}: expected images \(height, width, channels\), got samples of shape {re.escape(str(shape))};"
    with pytest.raises(ValueError, match=text):
        layer.build(shape)


@ALL
def test_wrong_input(kind):
    with says(f"{kind}: expected x of shape (N, 3, 4, 5), got (2, 3, 4, 6).", ValueError):
        built(kind).forward(np.zeros((2, 3, 4, 6)))
    with says(f"{kind}: expected a built layer, got one without shapes; call build(input_shape).", ValueError):
        MAKERS[kind]().forward(np.zeros(IMAGES))


# -- PyTorch --------------------------------------------------------------------------------------------------


@pytest.mark.oracle
@FLOATS
@pytest.mark.parametrize("kind", [Crop, ZeroPad])
def test_against_pytorch_pad(torch, kind, dtype):
    """PyTorch crops where the padding is negative."""
    rng = np.random.default_rng(0)
    sign = 1 if kind is ZeroPad else -1
    for _ in range(300):
        rows, columns = (tuple(map(int, rng.integers(0, 4, 2))) for _ in range(2))
        N, H, W, C = rng.integers(1, 6, 4)
        if kind is Crop:
            H, W = H + sum(rows), W + sum(columns)
        x = rng.normal(size=(N, H, W, C)).astype(dtype)
        layer = kind(rows, columns).build(x.shape[1:])
        tensor = torch.tensor(x, requires_grad=True)
        want = torch.nn.functional.pad(tensor, [0, 0, *(sign * n for n in columns), *(sign * n for n in rows)])
        dy = rng.normal(size=want.shape).astype(dtype)
        want.backward(torch.tensor(dy))
        assert_array_equal(layer.forward(x), want.detach().numpy())
        assert_array_equal(layer.backward(dy), tensor.grad.numpy())


@pytest.mark.oracle
def test_against_pytorch_reshape(torch):
    rng = np.random.default_rng(0)
    for _ in range(300):
        shape = tuple(map(int, rng.integers(1, 6, rng.integers(1, 5))))
        x = rng.normal(size=(int(rng.integers(1, 5)), *shape))
        target = [*rng.permutation(shape).tolist()]
        if rng.integers(2):
            target[rng.integers(len(target))] = -1
        want = torch.tensor(x).reshape(len(x), *target)
        layer = Reshape(target).build(shape)
        assert layer.output_shape == tuple(want.shape[1:])
        assert_array_equal(layer.forward(x), want.numpy())
        assert_array_equal(Flatten().build(shape).forward(x), torch.flatten(torch.tensor(x), 1).numpy())
