"""MaxPool and AveragePool: kernels beside their twins and plain loops, layers, errors, and PyTorch."""

import json
import math

import naive
import numpy as np
import pytest
from conftest import PLAIN
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from test_checks import says

from tinyae.gradcheck import assert_gradients, check_layer
from tinyae.kernels import pooling
from tinyae.layers import LAYERS, AveragePool, Layer, MaxPool
from tinyae.layers.pool import PADDINGS, window_places

LAYER = {"max": MaxPool, "average": AveragePool}
KINDS = pytest.mark.parametrize("kind", LAYER)
DTYPES = pytest.mark.parametrize("dtype, tolerance", [(np.float32, 1e-6), (np.float64, 1e-14)], ids=["f32", "f64"])
CHANNELS = (1, 2, 3) if PLAIN else (1, 2, 3, 8, 16, 33)  # loops over channels run in vectors, with a rest at the end


@st.composite
def cases(draw):
    """(N, H, W, C), size, stride, padding with at least one window."""
    size, stride = (draw(st.tuples(st.integers(1, 4), st.integers(1, 4))) for _ in range(2))
    if draw(st.booleans()):
        size = stride = (2, 2)  # has a loop of its own
    padding = draw(st.sampled_from(PADDINGS))
    fewest = size if padding != "same" else (1, 1)
    H, W = (draw(st.integers(low, 7)) for low in fewest)
    return (draw(st.integers(1, 3)), H, W, draw(st.sampled_from(CHANNELS))), size, stride, padding


def images(seed, shape, dtype, ties):
    """Normal numbers, or whole ones from -2 to 2 of which many are equal."""
    rng = np.random.default_rng(seed)
    return (rng.integers(-2, 3, shape) if ties else rng.normal(size=shape)).astype(dtype)


def run_kernels(kind, twin, x, dy, windows):
    """(y, dx, winner or None), into memory full of rubbish."""
    y, dx = np.full(dy.shape, 77, x.dtype), np.full(x.shape, 77, x.dtype)
    if kind == "average":
        getattr(pooling.average_pool, twin)(x, y, *windows)
        getattr(pooling.average_pool_backward, twin)(dy, dx, *windows)
        return y, dx, None
    winner = np.full(dy.shape, 77, pooling.PLACE)
    getattr(pooling.max_pool, twin)(x, y, winner, *windows)
    getattr(pooling.max_pool_backward, twin)(dy, winner, dx, *windows)
    return y, dx, winner


# -- kernels --------------------------------------------------------------------------------------------------


@KINDS
@DTYPES
@given(cases(), st.booleans(), st.integers(0, 2**32 - 1))
def test_twins_and_plain_loops_agree(kind, dtype, tolerance, case, ties, seed):
    shape, size, stride, padding = case
    layer = LAYER[kind](size, stride, padding).build(shape[1:])
    x = images(seed, shape, dtype, ties)
    dy = images(seed + 1, (shape[0], *layer.output_shape), dtype, False)
    want_y, want_dx = naive.pool(x, dy, size, stride, padding, kind)
    fast, plain = (run_kernels(kind, twin, x, dy, layer.windows) for twin in ("fast", "plain"))
    for y, dx, winner in (fast, plain):
        assert y.dtype == dx.dtype == dtype
        assert_allclose(y, want_y, rtol=tolerance, atol=tolerance)
        assert_allclose(dx, want_dx, rtol=5 * tolerance, atol=5 * tolerance)
        if kind == "max":
            assert_array_equal(y, want_y)  # nothing is computed, so nothing is rounded
            for n in range(len(x)):
                assert_array_equal(x[n].ravel()[winner[n]], y[n])
    if kind == "max":
        assert_array_equal(fast[2], plain[2])


@pytest.mark.parametrize("twin", ["fast", "plain"])
@pytest.mark.parametrize("size, stride", [(2, 2), (2, 1), (3, 2), (3, 3), ((1, 2), (2, 1))])
def test_nan_comes_out(twin, size, stride, rng):
    """Wherever it stands in a window: a diverging run must stay visible."""
    layer = MaxPool(size, stride, "same").build((5, 4, 3))
    for place in np.ndindex(5, 4):
        x = rng.normal(size=(2, 5, 4, 3)).astype(np.float32)
        x[1, *place, 2] = np.nan
        y = np.empty((2, *layer.output_shape), np.float32)
        winner = np.empty(y.shape, pooling.PLACE)
        getattr(pooling.max_pool, twin)(x, y, winner, *layer.windows)
        pixels = naive.pool_windows(5, 4, layer.size, layer.stride, "same")
        for (i, j), seen in pixels.items():
            assert np.isnan(y[1, i, j, 2]) == (place in seen)
            if place in seen:
                assert winner[1, i, j, 2] == (place[0] * 4 + place[1]) * 3 + 2
        assert np.isfinite(y[0]).all() and np.isfinite(y[1, ..., :2]).all()


@pytest.mark.parametrize("twin", ["fast", "plain"])
def test_many_nans_and_infinities(twin):
    x = np.full((1, 5, 6, 9), np.nan, np.float32)
    x[..., 1] = -np.inf
    x[..., 2] = np.inf
    for size in (2, 3):
        layer = MaxPool(size, 2, "same").build(x.shape[1:])
        y, _, winner = run_kernels("max", twin, x, np.ones((1, *layer.output_shape), np.float32), layer.windows)
        want = np.full(9, np.nan)
        want[1:3] = -np.inf, np.inf  # padding is not larger than -inf
        assert_array_equal(y, np.broadcast_to(want, y.shape))
        assert_array_equal(winner % 9, np.broadcast_to(np.arange(9), y.shape))  # every winner in its own channel
        assert winner.max() < x.size


def test_windows_start_where_they_should():
    for length in range(1, 12):
        for size in range(1, 7):
            for step in range(1, 7):
                for padding in PADDINGS:
                    starts = naive.window_starts(length, size, step, padding)
                    count, before = window_places(length, size, step, padding)
                    if not starts:
                        assert count < 1
                        continue
                    assert [i * step - before for i in range(count)] == starts
                    assert all(start < length and start + size > 0 for start in starts)  # one pixel at least


# -- on paper -------------------------------------------------------------------------------------------------

X = np.array([[3.0, 1, 4, 1, 5], [9, 2, 6, 5, 3], [5, 8, 9, 7, 9]])[None, ..., None]


def on_paper(layer, dy):
    layer.build(X.shape[1:], dtype=np.float64)
    y = layer.forward(X)[0, ..., 0]
    return y.tolist(), layer.backward(np.array(dy, float)[None, ..., None])[0, ..., 0].tolist()


def test_max_pool_on_paper():
    assert on_paper(MaxPool(2), [[1, 2]]) == ([[9, 6]], [[0, 0, 0, 0, 0], [1, 0, 2, 0, 0], [0, 0, 0, 0, 0]])
    assert on_paper(MaxPool(2, padding="same"), [[1, 2, 3], [4, 5, 6]]) == (
        [[9, 6, 5], [8, 9, 9]],
        [[0, 0, 0, 0, 3], [1, 0, 2, 0, 0], [0, 4, 5, 0, 6]],
    )
    assert on_paper(MaxPool(2, padding="ceil"), np.ones((2, 3)))[0] == [[9, 6, 5], [8, 9, 9]]
    assert on_paper(MaxPool((1, 3)), [[1], [2], [3]])[0] == [[4], [9], [9]]


def test_overlapping_windows_add_up():
    assert on_paper(MaxPool(2, 1), [[1, 2, 4, 8], [16, 32, 64, 128]]) == (
        [[9, 6, 6, 5], [9, 9, 9, 9]],
        # row 0, column 4 holds 5, as does row 1, column 3: the first of equals wins
        [[0, 0, 0, 0, 8], [17, 0, 6, 0, 0], [0, 0, 96, 0, 128]],
    )


def test_gaps_get_nothing():
    y, dx = on_paper(MaxPool(1, (2, 3)), [[1, 2], [3, 4]])
    assert y == [[3, 1], [5, 7]]
    assert dx == [[1, 0, 0, 2, 0], [0, 0, 0, 0, 0], [3, 0, 0, 4, 0]]
    assert on_paper(AveragePool(1, (2, 3)), [[1, 2], [3, 4]]) == (y, dx)


def test_average_pool_on_paper():
    assert on_paper(AveragePool(2), [[4, 8]]) == (
        [[15 / 4, 16 / 4]],
        [[1, 1, 2, 2, 0], [1, 1, 2, 2, 0], [0, 0, 0, 0, 0]],
    )
    y, dx = on_paper(AveragePool(2, padding="same"), [[4, 8, 6], [2, 4, 5]])  # a corner is the mean of one pixel
    assert y == [[15 / 4, 16 / 4, 4], [6.5, 8, 9]]
    assert dx == [[1, 1, 2, 2, 3], [1, 1, 2, 2, 3], [1, 1, 2, 2, 5]]
    assert on_paper(AveragePool(2, 1), np.full((2, 4), 4.0))[1] == [[1, 2, 2, 2, 1], [2, 4, 4, 4, 2], [1, 2, 2, 2, 1]]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("size", [2, 3])
def test_ties_go_to_the_first_row_by_row(size, dtype):
    for first in ((0, 1), (1, 0)):  # row 0, column 1 comes before row 1, column 0
        x = np.zeros((1, size, size, 2), dtype)
        x[0, 1, 0, 0] = x[0, 1, 1, 0] = x[0, *first, 0] = 5
        layer = MaxPool(size).build(x.shape[1:])
        layer.forward(x)
        dx = layer.backward(np.ones((1, 1, 1, 2), dtype))
        assert dx[0, ..., 0].sum() == dx[0, *first, 0] == 1
        assert dx[0, ..., 1].sum() == dx[0, 0, 0, 1] == 1  # all equal


def test_mean_of_equal_numbers_is_that_number():
    x = np.full((2, 7, 5, 3), 0.1)
    for padding in PADDINGS:
        y = AveragePool(3, 2, padding).build((7, 5, 3)).forward(x)
        assert_allclose(y, np.full(y.shape, 0.1), rtol=1e-15)


# -- layers ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("padding", PADDINGS)
@pytest.mark.parametrize("size, stride", [(2, None), (2, 1), (3, 2), ((1, 3), (2, 1)), (2, 3)])
@KINDS
def test_gradients(kind, size, stride, padding, rng):
    layer = LAYER[kind](size, stride, padding).build((5, 4, 3), dtype=np.float64)
    x = rng.permutation(2 * 5 * 4 * 3).reshape(2, 5, 4, 3) / 10.0  # no two closer than 0.1
    assert_gradients(check_layer(layer, x), 1e-8)


@pytest.mark.parametrize(
    "padding, shapes",
    [
        ("valid", {28: 14, 14: 7, 7: 3, 5: 2, 2: 1}),
        ("ceil", {28: 14, 14: 7, 7: 4, 5: 3, 2: 1, 1: 1}),
        ("same", {28: 14, 14: 7, 7: 4, 4: 2, 1: 1}),
    ],
)
@KINDS
def test_output_shapes(kind, padding, shapes):
    for length, want in shapes.items():
        layer = LAYER[kind](2, padding=padding)
        assert layer.output_shape_for((length, 6, 3)) == (want, 3, 3)
        assert layer.output_shape_for((6, length, 3)) == (3, want, 3)


@pytest.mark.parametrize("twin", [False, True], ids=["layer", "replica"])
@pytest.mark.parametrize("padding", PADDINGS)
@KINDS
def test_one_pixel_one_channel_one_image(kind, padding, twin):
    layer = LAYER[kind](1, 1, padding).build((1, 1, 1))
    layer = layer.replica() if twin else layer
    x = np.array([[[[3.5]]]], np.float32)
    assert layer.forward(x).tolist() == [[[[3.5]]]]
    assert layer.backward(2 * x).tolist() == [[[[7]]]]


@KINDS
def test_no_images(kind):
    layer = LAYER[kind](2).build((4, 4, 1))
    for dtype in (np.float32, np.float64):
        y = layer.forward(np.zeros((0, 4, 4, 1), dtype))
        assert y.shape == (0, 2, 2, 1) and layer.backward(y).shape == (0, 4, 4, 1)


@pytest.mark.parametrize("size", [2, 3])
@KINDS
def test_a_layer_keeps_to_the_rules(kind, size, rng):
    """dtype kept, inputs unchanged, fresh results for a user, reused memory for a worker, need_dx."""
    layer = LAYER[kind](size, padding="same").build((5, 7, 3))
    twin = layer.replica()
    last = None
    for n, dtype in ((2, np.float32), (4, np.float32), (3, np.float32), (3, np.float64)):
        x = rng.normal(size=(n, 5, 7, 3)).astype(dtype)
        dy = rng.normal(size=(n, *layer.output_shape)).astype(dtype)
        kept = x.copy(), dy.copy()
        y, dx = layer.forward(x), layer.backward(dy)
        assert y.dtype == dx.dtype == dtype and y.shape == dy.shape and dx.shape == x.shape
        assert_array_equal(x, kept[0])
        assert_array_equal(dy, kept[1])
        assert not any(np.shares_memory(a, b) for a, b in ((x, y), (dx, dy), (dx, x), (dx, y)))
        assert_array_equal(twin.forward(x), y)
        dx_of_twin = twin.backward(dy)  # into memory that still holds the last one
        assert_array_equal(dx_of_twin, dx)
        assert layer.backward(dy, need_dx=False) is None
        if n == 3 and dtype == np.float32:
            assert np.shares_memory(dx_of_twin, last[1]) and not np.shares_memory(dx, last[0])
        last = dx, dx_of_twin


@KINDS
def test_any_memory_layout(kind, rng):
    layer = LAYER[kind]((2, 3), 2).build((6, 5, 4), dtype=np.float32)
    wide = rng.normal(size=(3, 4, 5, 12)).astype(np.float32)
    x = wide.transpose(0, 3, 2, 1)[:, ::2]
    assert x.shape == (3, 6, 5, 4) and not x.flags.c_contiguous
    y = layer.forward(x.copy())
    dy = np.asfortranarray(rng.normal(size=y.shape).astype(np.float32))
    dx = layer.backward(dy.copy(order="C"))
    assert_array_equal(layer.forward(x), y)
    assert_array_equal(layer.backward(dy), dx)


@KINDS
def test_whole_numbers_are_taken(kind):
    layer = LAYER[kind](2).build((2, 2, 1))
    y = layer.forward(np.array([[[[1], [2]], [[3], [6]]]], np.uint8))
    assert y.dtype == np.float64 and y.tolist() == [[[[6 if kind == "max" else 3]]]]
    assert layer.backward([[[[4]]]]).sum() == 4
    assert layer.forward([[[[1], [2]], [[3], [6]]]]).shape == (1, 1, 1, 1)


@pytest.mark.parametrize(
    "arguments, config",
    [
        ({}, {"size": 2, "stride": 2, "padding": "valid"}),
        ({"size": (3, 2), "padding": "same"}, {"size": [3, 2], "stride": [3, 2], "padding": "same"}),
        ({"size": np.int64(3), "stride": [1, 2]}, {"size": 3, "stride": [1, 2], "padding": "valid"}),
    ],
)
@KINDS
def test_config_makes_the_layer_again(kind, arguments, config):
    layer = LAYER[kind](**arguments)
    assert layer.config() == config
    again = LAYERS[layer.name](**json.loads(json.dumps(config)))
    assert again.config() == config and (again.size, again.stride) == (layer.size, layer.stride)
    assert repr(again) == repr(layer) and repr(layer).startswith(f"{kind.capitalize()}Pool(size=")


@KINDS
def test_nothing_is_trained_and_nothing_multiplied(kind):
    layer = LAYER[kind]().build((4, 4, 2))
    assert isinstance(layer, Layer) and layer.params == layer.grads == {} and layer.multiply_adds == layer.n_params == 0
    assert not layer.couples_batch


# -- errors ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "arguments, text",
    [
        ({"size": 0}, "expected size to be a whole number >= 1, got 0."),
        ({"size": (2, 0)}, "expected size to be a whole number >= 1, got 0."),
        ({"size": 2.0}, "expected size to be a whole number or a pair (height, width), got 2.0."),
        ({"stride": (1, 2, 3)}, "expected stride to be a whole number or a pair (height, width), got (1, 2, 3)."),
        ({"stride": "2"}, "expected stride to be a whole number or a pair (height, width), got '2'."),
        ({"padding": "sane"}, "expected padding to be one of valid, same, ceil, got 'sane' (did you mean 'same'?)."),
        ({"padding": 1}, "expected padding to be one of valid, same, ceil, got 1."),
    ],
)
@KINDS
def test_wrong_settings(kind, arguments, text):
    with says(f"{LAYER[kind].__name__}: {text}"):
        LAYER[kind](**arguments)


@pytest.mark.parametrize(
    "layer, shape",
    [
        (MaxPool(3), (2, 5, 1)),
        (MaxPool((1, 3)), (7, 2, 1)),
        (AveragePool(2), (1, 1, 4)),
        (AveragePool(3, 1, "ceil"), (5, 1, 1)),  # PyTorch too makes no window of it
    ],
)
def test_no_window_fits(layer, shape):
    text = (
        f"{layer.name}: expected images in which a window of {layer.size} fits, got samples of shape {shape} with "
        f"padding={layer.padding!r}; use a smaller size, padding='same', or less pooling before it."
    )
    with says(text, ValueError):
        layer.build(shape)
    assert type(layer)(layer.size, layer.stride, "same").build(shape).output_shape  # the advice helps


@KINDS
def test_images_only(kind):
    name = LAYER[kind].__name__
    with says(
        f"{name}: expected images (height, width, channels), got samples of shape (784,); "
        "put Reshape((height, width, channels)) before it.",
        ValueError,
    ):
        LAYER[kind]().build(784)
    layer = LAYER[kind]().build((4, 6, 1))
    with says(f"{name}: expected x of shape (N, 4, 6, 1), got (2, 6, 4, 1).", ValueError):
        layer.forward(np.zeros((2, 6, 4, 1)))
    layer.forward(np.zeros((2, 4, 6, 1)))
    n = "2" if kind == "max" else "N"
    with says(f"{name}: expected dy of shape ({n}, 2, 3, 1), got (2, 3, 2, 1).", ValueError):
        layer.backward(np.zeros((2, 3, 2, 1)))


def test_backward_needs_a_forward():
    with says("MaxPool: expected forward before backward, got no forward pass yet.", ValueError):
        MaxPool().build((4, 4, 1)).backward(np.zeros((1, 2, 2, 1)))


# -- PyTorch --------------------------------------------------------------------------------------------------


def random_pool(rng, kind):
    """(layer, N, ties or not) built for random settings and sizes."""
    while True:
        size = tuple(int(n) for n in rng.integers(1, 5, 2))
        stride = None if rng.random() < 0.3 else tuple(int(n) for n in rng.integers(1, 5, 2))
        layer = LAYER[kind](size, stride, str(rng.choice(PADDINGS)))
        shape = *rng.integers(1, 10, 2), rng.choice([1, 2, 3, 5, 8, 16, 17])
        try:
            return layer.build(shape), int(rng.integers(1, 4)), bool(rng.random() < 0.3)
        except ValueError:  # no window fits
            continue


def torch_pool(torch, layer, x, kind):
    """The layer's y by PyTorch for x (N, C, H, W)."""
    F = torch.nn.functional
    ceil = layer.padding == "ceil"
    if layer.padding == "same":
        pads = []
        for length, size, step in zip(layer.input_shape[1::-1], layer.size[::-1], layer.stride[::-1], strict=True):
            lacking = max((math.ceil(length / step) - 1) * step + size - length, 0)
            pads += [lacking // 2, lacking - lacking // 2]
        if kind == "average":
            total, count = (
                F.avg_pool2d(F.pad(a, pads), layer.size, layer.stride, divisor_override=1)
                for a in (x, torch.ones_like(x))
            )
            return total / count
        x = F.pad(x, pads, value=-math.inf)
    if kind == "average":
        return F.avg_pool2d(x, layer.size, layer.stride, ceil_mode=ceil)
    return F.max_pool2d(x, layer.size, layer.stride, ceil_mode=ceil)


@pytest.mark.oracle
@pytest.mark.parametrize("dtype, tolerance", [(np.float32, 1e-4), (np.float64, 1e-10)], ids=["f32", "f64"])
@KINDS
def test_pytorch_agrees(kind, dtype, tolerance, torch):
    rng = np.random.default_rng(5)
    seen = set()
    for _ in range(400):
        layer, n, ties = random_pool(rng, kind)
        x = images(int(rng.integers(2**32)), (n, *layer.input_shape), dtype, ties)
        theirs = torch.tensor(x.transpose(0, 3, 1, 2).copy(), requires_grad=True)
        want = torch_pool(torch, layer, theirs, kind)
        y = layer.forward(x)
        dy = rng.normal(size=y.shape).astype(dtype)
        want.backward(torch.tensor(dy.transpose(0, 3, 1, 2).copy()))
        message = f"{layer} on {x.shape}, ties: {ties}"
        want_y, want_dx = (a.detach().numpy().transpose(0, 2, 3, 1) for a in (want, theirs.grad))
        assert_allclose(y, want_y, rtol=tolerance, atol=tolerance, err_msg=message)
        assert_allclose(layer.backward(dy), want_dx, rtol=tolerance, atol=tolerance, err_msg=message)
        seen.add((layer.padding, layer.stride == layer.size, ties))
    assert len(seen) == 12  # nothing left out
