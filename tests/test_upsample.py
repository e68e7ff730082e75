"""UpSample: kernels beside their twins and plain loops, the adjoint, the layer, errors, and PyTorch."""

import json

import naive
import numpy as np
import pytest
from conftest import PLAIN
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from test_checks import says

from tinyae.gradcheck import assert_gradients, check_layer
from tinyae.kernels import upsampling
from tinyae.kernels.upsampling import interpolation, interpolation_matrix
from tinyae.layers import LAYERS, Layer, UpSample

KERNELS = {
    "nearest": (upsampling.upsample_nearest, upsampling.upsample_nearest_backward, naive.nearest_pixels),
    "bilinear": (upsampling.upsample_bilinear, upsampling.upsample_bilinear_backward, naive.bilinear_pixels),
}
METHODS = pytest.mark.parametrize("method", KERNELS)
DTYPES = pytest.mark.parametrize("dtype, tolerance", [(np.float32, 1e-6), (np.float64, 1e-14)], ids=["f32", "f64"])
CHANNELS = (1, 2, 3) if PLAIN else (1, 2, 3, 8, 16, 33)  # loops over channels run in vectors, with a rest at the end
FACTORS = st.one_of(st.just((2, 2)), st.tuples(st.integers(1, 4), st.integers(1, 4)))
SHAPES = st.tuples(st.integers(1, 3), st.integers(1, 5), st.integers(1, 5), st.sampled_from(CHANNELS))
SEEDS = st.integers(0, 2**32 - 1)


def pair_of_images(seed, shape, factor, dtype=np.float64):
    """x of `shape` and dy of the upsampled shape."""
    rng = np.random.default_rng(seed)
    N, H, W, C = shape
    large = (N, H * factor[0], W * factor[1], C)
    return rng.normal(size=shape).astype(dtype), rng.normal(size=large).astype(dtype)


def run_kernels(method, twin, x, dy):
    """(y, dx), into memory full of rubbish."""
    forward, backward, _ = KERNELS[method]
    y, dx = np.full(dy.shape, 77, x.dtype), np.full(x.shape, 77, x.dtype)
    assert getattr(forward, twin)(x, y) is y and getattr(backward, twin)(dy, dx) is dx
    return y, dx


# -- kernels --------------------------------------------------------------------------------------------------


@METHODS
@DTYPES
@given(SHAPES, FACTORS, SEEDS)
def test_twins_and_plain_loops_agree(method, dtype, tolerance, shape, factor, seed):
    x, dy = pair_of_images(seed, shape, factor, dtype)
    want_y, want_dx = naive.upsample(x, dy, factor, KERNELS[method][2])
    for twin in ("fast", "plain"):
        y, dx = run_kernels(method, twin, x, dy)
        assert y.dtype == dx.dtype == dtype
        assert_allclose(y, want_y, rtol=tolerance, atol=0 if method == "nearest" else tolerance)
        assert_allclose(dx, want_dx, rtol=10 * tolerance, atol=10 * tolerance)


@METHODS
@given(SHAPES, FACTORS, SEEDS)
def test_backward_is_the_adjoint(method, shape, factor, seed):
    """<up(x), dy> = <x, up_backward(dy)>."""
    x, dy = pair_of_images(seed, shape, factor)
    for twin in ("fast", "plain"):
        y, dx = run_kernels(method, twin, x, dy)
        assert np.vdot(y, dy) == pytest.approx(np.vdot(x, dx), rel=1e-12, abs=1e-11)


@pytest.mark.parametrize("twin", ["fast", "plain"])
@METHODS
def test_nan_comes_out_where_it_belongs(method, twin):
    x, dy = pair_of_images(0, (1, 4, 4, 2), (2, 2), np.float32)
    x[0, 1, 1, 0] = dy[0, 0, 0, 1] = np.nan
    y, dx = run_kernels(method, twin, x, dy)
    assert np.isnan(y[0, 2:4, 2:4, 0]).all() and np.isfinite(y[..., 1]).all()
    assert np.isnan(dx[0, 0, 0, 1]) and np.isfinite(dx[..., 0]).all()
    if twin == "fast":  # 0 * NaN: the plain twin's product with a whole matrix spreads it over the axis
        assert np.isfinite(y[0, 6:, 6:]).all() and np.isfinite(dx[0, 2:, 2:]).all()


def test_interpolation_on_paper():
    low, high, weight = interpolation(3, 2, np.dtype(np.float32))
    assert low.tolist() == [0, 0, 0, 1, 1, 2] and high.tolist() == [1, 1, 1, 2, 2, 2]
    assert weight.tolist() == [0, 0.25, 0.75, 0.25, 0.75, 0] and weight.dtype == np.float32
    assert interpolation_matrix(2, 2).tolist() == [[1, 0], [0.75, 0.25], [0.25, 0.75], [0, 1]]
    assert interpolation_matrix(1, 3).tolist() == [[1], [1], [1]]


def test_interpolation_weights_add_up_to_one():
    for length in range(1, 7):
        assert_array_equal(interpolation_matrix(length, 1), np.eye(length))
        for factor in range(1, 6):
            matrix = interpolation_matrix(length, factor)
            assert_allclose(matrix.sum(axis=1), 1, rtol=1e-15)
            # column sums: what a pixel hands on. All of them together hand on one image's worth each.
            assert_allclose(matrix.sum(), factor * length, rtol=1e-14)
            assert_allclose(matrix, matrix[::-1, ::-1], atol=1e-15)  # no side is preferred


def test_interpolation_is_shared_and_safe():
    for a in interpolation(4, 3, np.dtype(np.float64)):
        assert not a.flags.writeable


# -- the layer ------------------------------------------------------------------------------------------------


def test_nearest_on_paper():
    layer = UpSample((2, 3)).build((2, 1, 1), dtype=np.float64)
    assert (
        layer.forward(np.array([1.0, 2]).reshape(1, 2, 1, 1))[0, ..., 0].tolist() == [[1, 1, 1]] * 2 + [[2, 2, 2]] * 2
    )
    dx = layer.backward(np.arange(12.0).reshape(1, 4, 3, 1))
    assert dx.ravel().tolist() == [0 + 1 + 2 + 3 + 4 + 5, 6 + 7 + 8 + 9 + 10 + 11]


def test_bilinear_on_paper():
    layer = UpSample(2, "bilinear").build((2, 2, 1), dtype=np.float64)
    y = layer.forward(np.array([[0.0, 16], [32, 48]])[None, ..., None])[0, ..., 0]
    assert y.tolist() == [[0, 4, 12, 16], [8, 12, 20, 24], [24, 28, 36, 40], [32, 36, 44, 48]]
    dy = np.zeros((1, 4, 4, 1))
    dy[0, 0, 0], dy[0, 1, 2] = 1, 16  # the corner is one pixel; (1, 2) has weights 3/4, 1/4 and 1/4, 3/4
    assert layer.backward(dy)[0, ..., 0].tolist() == [[1 + 3, 9], [1, 3]]


@METHODS
def test_equal_pixels_stay_equal(method):
    layer = UpSample((3, 2), method).build((4, 1, 2))
    y = layer.forward(np.full((2, 4, 1, 2), 0.7))
    assert y.shape == (2, 12, 2, 2)
    assert_allclose(y, np.full(y.shape, 0.7), rtol=1e-15)


@pytest.mark.parametrize("factor", [1, 2, 3, (1, 2), (4, 1)])
@METHODS
def test_gradients(method, factor, rng):
    layer = UpSample(factor, method).build((3, 4, 2), dtype=np.float64)
    assert_gradients(check_layer(layer, rng.normal(size=(5, 3, 4, 2))), 1e-8)


@METHODS
def test_factor_one_copies(method, rng):
    layer = UpSample(1, method).build((3, 4, 2))
    x = rng.normal(size=(2, 3, 4, 2)).astype(np.float32)
    y = layer.forward(x)
    assert_array_equal(y, x)
    assert_array_equal(layer.backward(x), x)
    assert not np.shares_memory(x, y)


@METHODS
def test_no_images(method):
    layer = UpSample(2, method).build((2, 3, 1))
    for dtype in (np.float32, np.float64):
        y = layer.forward(np.zeros((0, 2, 3, 1), dtype))
        assert y.shape == (0, 4, 6, 1) and layer.backward(y).shape == (0, 2, 3, 1)


@pytest.mark.parametrize("factor", [2, (3, 1)])
@METHODS
def test_a_layer_keeps_to_the_rules(method, factor, rng):
    """dtype kept, inputs unchanged, fresh results for a user, reused memory for a worker, need_dx."""
    layer = UpSample(factor, method).build((3, 5, 2))
    twin = layer.replica()
    last = None
    for n, dtype in ((2, np.float32), (4, np.float32), (3, np.float32), (3, np.float64)):
        x = rng.normal(size=(n, 3, 5, 2)).astype(dtype)
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


@METHODS
def test_any_memory_layout(method, rng):
    layer = UpSample((2, 3), method).build((3, 5, 4))
    x = rng.normal(size=(2, 4, 5, 6)).astype(np.float32).transpose(0, 3, 2, 1)[:, ::2]
    assert x.shape == (2, 3, 5, 4) and not x.flags.c_contiguous
    y = layer.forward(x.copy(order="C"))
    dy = np.asfortranarray(rng.normal(size=y.shape).astype(np.float32))
    dx = layer.backward(dy.copy(order="C"))
    assert_array_equal(layer.forward(x), y)
    assert_array_equal(layer.backward(dy), dx)


def test_whole_numbers_are_taken():
    y = UpSample(2, "bilinear").build((1, 2, 1)).forward(np.array([[[[0], [4]]]], np.uint8))
    assert y.dtype == np.float64 and y[0, 0, :, 0].tolist() == [0, 1, 3, 4]


@pytest.mark.parametrize(
    "arguments, config",
    [
        ({}, {"factor": 2, "method": "nearest"}),
        ({"factor": (3, 2), "method": "bilinear"}, {"factor": [3, 2], "method": "bilinear"}),
        ({"factor": [np.int64(3), 3]}, {"factor": 3, "method": "nearest"}),
    ],
)
def test_config_makes_the_layer_again(arguments, config):
    layer = UpSample(**arguments)
    assert layer.config() == config
    again = LAYERS["UpSample"](**json.loads(json.dumps(config)))
    assert again.config() == config and again.factor == layer.factor and repr(again) == repr(layer)
    assert layer.output_shape_for((5, 7, 3)) == (5 * layer.factor[0], 7 * layer.factor[1], 3)


def test_nothing_is_trained_and_nothing_counted():
    layer = UpSample().build((4, 4, 2))
    assert isinstance(layer, Layer) and layer.params == layer.grads == {} and layer.multiply_adds == layer.n_params == 0
    assert not layer.couples_batch


@pytest.mark.parametrize(
    "arguments, text",
    [
        ({"factor": 0}, "expected factor to be a whole number >= 1, got 0."),
        ({"factor": 1.5}, "expected factor to be a whole number or a pair (height, width), got 1.5."),
        ({"factor": (2,)}, "expected factor to be a whole number or a pair (height, width), got (2,)."),
        (
            {"method": "linear"},
            "expected method to be one of nearest, bilinear, got 'linear' (did you mean 'bilinear'?).",
        ),
    ],
)
def test_wrong_settings(arguments, text):
    with says(f"UpSample: {text}"):
        UpSample(**arguments)


def test_images_only():
    with says(
        "UpSample: expected images (height, width, channels), got samples of shape (7, 7); add an axis of channels.",
        ValueError,
    ):
        UpSample().build((7, 7))
    layer = UpSample().build((4, 6, 1))
    with says("UpSample: expected x of shape (N, 4, 6, 1), got (2, 6, 4, 1).", ValueError):
        layer.forward(np.zeros((2, 6, 4, 1)))
    with says("UpSample: expected dy of shape (N, 8, 12, 1), got (2, 12, 8, 1).", ValueError):
        layer.backward(np.zeros((2, 12, 8, 1)))


# -- PyTorch --------------------------------------------------------------------------------------------------


@pytest.mark.oracle
@pytest.mark.parametrize("dtype, tolerance", [(np.float32, 1e-4), (np.float64, 1e-10)], ids=["f32", "f64"])
@METHODS
def test_pytorch_agrees(method, dtype, tolerance, torch):
    rng = np.random.default_rng(6)
    for _ in range(300):
        factor = tuple(int(n) for n in rng.integers(1, 5, 2)) if rng.random() < 0.7 else (2, 2)
        shape = *(int(n) for n in rng.integers(1, (4, 9, 9))), int(rng.choice([1, 2, 3, 5, 8, 16, 17]))
        layer = UpSample(factor, method).build(shape[1:])
        x, dy = pair_of_images(int(rng.integers(2**32)), shape, factor, dtype)
        theirs = torch.tensor(x.transpose(0, 3, 1, 2).copy(), requires_grad=True)
        options = {} if method == "nearest" else {"align_corners": False}
        want = torch.nn.functional.interpolate(theirs, scale_factor=factor, mode=method, **options)
        want.backward(torch.tensor(dy.transpose(0, 3, 1, 2).copy()))
        message = f"{layer} on {shape}"
        want_y, want_dx = (a.detach().numpy().transpose(0, 2, 3, 1) for a in (want, theirs.grad))
        assert_allclose(layer.forward(x), want_y, rtol=tolerance, atol=tolerance, err_msg=message)
        assert_allclose(layer.backward(dy), want_dx, rtol=tolerance, atol=tolerance, err_msg=message)
