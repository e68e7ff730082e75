"""Convolution kernels beside plain loops, fast twins beside NumPy's, borders of memory, NaN, adjoints.

Images and weights hold small whole numbers: every sum is exact in float32 too, in whatever order it is taken, so the
comparisons are of equality. The fast twins read and write by address; `Memory` puts every array between guards.
"""

import ctypes
import mmap
import os
import subprocess
import sys
import threading
from pathlib import Path

import naive
import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from tinyae.kernels import convolution as kernels
from tinyae.kernels import patches
from tinyae.kernels.config import jit_enabled

needs_jit = pytest.mark.skipif(not jit_enabled(), reason="the fast twins exist only compiled")
TWINS = pytest.mark.parametrize("twin", [pytest.param("fast", marks=needs_jit), "plain"])
FLOATS = pytest.mark.parametrize("dtype", [np.float32, np.float64], ids=["f32", "f64"])

# Where an infinity is, a BLAS warns of the inf 0 in the part of a tile it throws away.
quiet_numpy = pytest.mark.filterwarnings("ignore:invalid value encountered in matmul:RuntimeWarning")

# Every way the 16 lanes of a vector are filled: one filter, 2 to 4, 5 to 8, up to 16, two vectors, more blocks.
CHANNELS = (1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 31, 32, 33, 40)
MARGIN = 4096  # numbers around every array: more than a tile could overrun by


class Geometry:
    """Sizes of one convolution: images (N, *size, C), windows, strides, zeros around the image, F filters."""

    def __init__(self, n, size, channels, filters, kernel, stride, padding):
        self.n, self.size, self.channels, self.filters = n, size, channels, filters
        self.kernel, self.stride, self.padding = kernel, stride, padding
        self.out = naive.conv_size(size, kernel, stride, padding)

    @property
    def images(self):
        return self.n, *self.size, self.channels

    @property
    def outputs(self):
        return self.n, *self.out, self.filters

    @property
    def weights(self):
        return *self.kernel, self.channels, self.filters

    def __repr__(self):
        return f"Geometry({', '.join(repr(value) for value in list(vars(self).values())[:-1])})"


@st.composite
def geometries(draw, largest=20, channels=CHANNELS, filters=None):
    """Any Geometry, padding of more than a window included; height at most 20, width `largest`."""
    size = draw(st.integers(1, min(largest, 20))), draw(st.integers(1, largest))
    kernel, stride = (draw(st.tuples(st.integers(1, most), st.integers(1, most))) for most in (6, 4))
    padding = []
    for length, window in zip(size, kernel, strict=True):
        before = draw(st.integers(0, 8))
        padding.append((before, draw(st.integers(max(0, window - length - before), 8))))
    channels = draw(st.sampled_from(channels))
    filters = draw(st.sampled_from(CHANNELS)) if filters is None else filters
    return Geometry(draw(st.integers(1, 3)), size, channels, filters, kernel, stride, tuple(padding))


SMALL = geometries(largest=6, channels=(1, 2, 3, 4))
SEEDS = st.integers(0, 2**32 - 1)


class Memory:
    """Arrays between margins of NaN: reading from a margin shows in the result, writing to it is found by `check`."""

    def __init__(self, seed, dtype=np.float32):
        self.rng, self.dtype, self.kept = np.random.default_rng(seed), dtype, []

    def array(self, values):
        """`values` in memory of their own, C-contiguous, at any address a number may have."""
        values = np.asarray(values)
        big = np.full(values.size + 2 * MARGIN + 16, np.nan, self.dtype)
        start = MARGIN + int(self.rng.integers(16))
        inside = big[start : start + values.size].reshape(values.shape)
        inside[...] = values
        self.kept.append((big, start, start + values.size, None))
        return inside

    def whole(self, *shape):
        """Whole numbers from -3 to 3, which stay as they are."""
        return self.input(self.rng.integers(-3, 4, shape))

    def input(self, values):
        """`values`, which stay as they are."""
        inside = self.array(values)
        self.kept[-1] = (*self.kept[-1][:3], inside.copy())
        return inside

    def result(self, *shape):
        """Room for a result: nothing but NaN so far."""
        return self.array(np.full(shape, np.nan))

    def check(self):
        """No margin and no input has been written to."""
        for big, start, stop, values in self.kept:
            assert np.isnan(big[:start]).all() and np.isnan(big[stop:]).all()
            assert values is None or np.array_equal(big[start:stop], values.ravel(), equal_nan=True)


def places(geometry):
    return geometry.stride, geometry.padding


# -- im2col and col2im ----------------------------------------------------------------------------------------


def before(geometry):
    return geometry.padding[0][0], geometry.padding[1][0]


@FLOATS
@pytest.mark.parametrize("twin", ["numba", "numpy"])
@given(SMALL, SEEDS)
def test_im2col_beside_loops(twin, dtype, geometry, seed):
    memory = Memory(seed, dtype)
    x = memory.whole(*geometry.images)
    columns = memory.array(np.zeros((geometry.n, *geometry.out, *geometry.kernel, geometry.channels)))
    getattr(patches, f"copy_windows_{twin}")(x, columns, geometry.stride, before(geometry))
    want = naive.im2col(x, geometry.kernel, *places(geometry))
    assert_array_equal(columns, want)
    memory.check()
    result = patches.im2col(x, geometry.kernel, *places(geometry))
    assert result.dtype == dtype and result.shape == want.shape
    assert_array_equal(result, want)


@FLOATS
@pytest.mark.parametrize("twin", ["numba", "numpy"])
@given(SMALL, SEEDS)
def test_col2im_beside_loops(twin, dtype, geometry, seed):
    memory = Memory(seed, dtype)
    columns = memory.whole(geometry.n, *geometry.out, *geometry.kernel, geometry.channels)
    x = memory.array(np.zeros(geometry.images))
    getattr(patches, f"add_windows_{twin}")(columns, x, geometry.stride, before(geometry))
    want = naive.col2im(columns, geometry.size, *places(geometry))
    assert_array_equal(x, want)
    memory.check()
    result = patches.col2im(columns, geometry.size, *places(geometry))
    assert result.dtype == dtype and result.shape == want.shape
    assert_array_equal(result, want)


@given(geometries(), SEEDS)
def test_im2col_and_col2im_are_adjoint(geometry, seed):
    """<im2col(x), c> = <x, col2im(c)>."""
    rng = np.random.default_rng(seed)
    x = rng.integers(-3, 4, geometry.images).astype(np.float64)
    columns = patches.im2col(x, geometry.kernel, *places(geometry))
    c = rng.integers(-3, 4, columns.shape).astype(np.float64)
    assert np.vdot(columns, c) == np.vdot(x, patches.col2im(c, geometry.size, *places(geometry)))


def test_windows_on_paper():
    x = np.arange(1.0, 7).reshape(1, 2, 3, 1)
    columns = patches.im2col(x, (2, 2), padding=((0, 0), (1, 0)))
    assert columns[0, 0, :, :, :, 0].tolist() == [[[0, 1], [0, 4]], [[1, 2], [4, 5]], [[2, 3], [5, 6]]]
    back = patches.col2im(np.ones_like(columns), (2, 3), padding=((0, 0), (1, 0)))
    assert back[0, :, :, 0].tolist() == [[2, 2, 1], [2, 2, 1]]  # how many windows a pixel lies in
    assert patches.im2col(x, [2, 1], [1, 2])[0, 0, :, :, 0, 0].tolist() == [[1, 4], [3, 6]]


def test_any_memory_order_and_type():
    x = np.arange(120).reshape(2, 5, 4, 3).transpose(0, 2, 1, 3)
    want = naive.im2col(x, (2, 3), (1, 2), ((1, 0), (0, 2)))
    for images in (x, x.astype(np.float32), x.astype(np.float64), x[:, ::-1][:, ::-1].astype(np.float32)):
        kept = images.copy()
        columns = patches.im2col(images, (2, 3), (1, 2), ((1, 0), (0, 2)))
        assert columns.dtype == images.dtype
        assert_array_equal(columns, want)
        assert_array_equal(images, kept)
    turned = np.asfortranarray(want)
    assert_array_equal(
        patches.col2im(turned, (4, 5), (1, 2), ((1, 0), (0, 2))), naive.col2im(want, (4, 5), (1, 2), ((1, 0), (0, 2)))
    )


@given(st.integers(-12, 12), st.integers(1, 4), st.integers(1, 8), st.integers(1, 8))
def test_overlap(offset, step, n_windows, length):
    windows, pixels = patches.overlap(offset, step, n_windows, length)
    want = [(v, v * step + offset) for v in range(n_windows) if 0 <= v * step + offset < length]
    assert list(zip(range(n_windows)[windows], range(length)[pixels], strict=True)) == want


@given(geometries())
def test_number_of_windows(geometry):
    assert patches.windows(geometry.size, geometry.kernel, *places(geometry)) == geometry.out


# -- the three sums beside loops ----------------------------------------------------------------------------------


def check_convolve(function, memory, geometry, relu, loops):
    x, W, b = memory.whole(*geometry.images), memory.whole(*geometry.weights), memory.whole(geometry.filters)
    y = memory.result(*geometry.outputs)
    assert function(x, W, b, *places(geometry), y, relu) is y
    want = (naive.conv if loops else by_columns)(x, W, b, *places(geometry))
    assert_array_equal(y, np.maximum(want, 0) if relu else want)
    memory.check()


def check_convolve_transposed(function, memory, geometry, relu, loops):
    y, W, b = memory.whole(*geometry.outputs), memory.whole(*geometry.weights), memory.whole(geometry.channels)
    x = memory.result(*geometry.images)
    assert function(y, W, b, *places(geometry), x, relu) is x
    want = (naive.conv_transposed if loops else by_columns_transposed)(y, W, b, *places(geometry), geometry.size)
    assert_array_equal(x, np.maximum(want, 0) if relu else want)
    memory.check()


def check_gradients(weight_gradient, channel_sums, memory, geometry, loops):
    x, dy = memory.whole(*geometry.images), memory.whole(*geometry.outputs)
    dW, db = memory.result(*geometry.weights), memory.result(geometry.filters)
    assert weight_gradient(x, dy, *places(geometry), dW) is dW
    assert channel_sums(dy, db) is db
    if loops:
        _, want, want_b = naive.conv_backward(x, np.zeros(geometry.weights), dy, *places(geometry))
    else:
        want, want_b = by_columns_weight_gradient(x, dy, *places(geometry), geometry.kernel), dy.sum((0, 1, 2))
    assert_array_equal(dW, want)
    assert_array_equal(db, want_b)
    memory.check()


def check_backward(function, memory, geometry, relu, need_dx, loops):
    """All gradients of `convolve`; where relu is inside, no more than the sign of y counts."""
    x, W = memory.whole(*geometry.images), memory.whole(*geometry.weights)
    y, dy = memory.whole(*geometry.outputs), memory.whole(*geometry.outputs)
    dW, db = memory.result(*geometry.weights), memory.result(geometry.filters)
    dx = memory.result(*geometry.images) if need_dx else None
    function(x, y, dy, W, *places(geometry), relu, dW, db, dx)
    da = np.where(y > 0, dy, 0) if relu else dy
    if loops:
        want = naive.conv_backward(x, W, da, *places(geometry))
    else:
        want = (
            by_columns_transposed(da, W, 0, *places(geometry), geometry.size),
            by_columns_weight_gradient(x, da, *places(geometry), geometry.kernel),
            da.sum((0, 1, 2)),
        )
    for got, expected in zip((dx, dW, db), want, strict=True):
        assert got is None or assert_array_equal(got, expected) is None
    memory.check()


def check_transposed_backward(function, memory, geometry, relu, need_dx, loops):
    """All gradients of `convolve_transposed`, for which images are results: x (N, H', W', F), y and dy (N, H, W, C)."""
    x, W = memory.whole(*geometry.outputs), memory.whole(*geometry.weights)
    y, dy = memory.whole(*geometry.images), memory.whole(*geometry.images)
    dW, db = memory.result(*geometry.weights), memory.result(geometry.channels)
    dx = memory.result(*geometry.outputs) if need_dx else None
    function(x, y, dy, W, *places(geometry), relu, dW, db, dx)
    da = np.where(y > 0, dy, 0) if relu else dy
    if loops:
        want = naive.conv(da, W, 0, *places(geometry)), naive.conv_backward(da, W, x, *places(geometry))[1]
    else:
        want = (
            by_columns(da, W, 0, *places(geometry)),
            by_columns_weight_gradient(da, x, *places(geometry), geometry.kernel),
        )
    for got, expected in zip((dx, dW, db), (*want, da.sum((0, 1, 2))), strict=True):
        assert got is None or assert_array_equal(got, expected) is None
    memory.check()


def check_all(twin, memory, geometry, relu, loops):
    functions = {stem: getattr(getattr(kernels, stem), twin) for stem in STEMS}
    check_convolve(functions["convolve"], memory, geometry, relu, loops)
    check_convolve_transposed(functions["convolve_transposed"], memory, geometry, relu, loops)
    check_gradients(functions["weight_gradient"], functions["channel_sums"], memory, geometry, loops)
    need_dx = bool(memory.rng.integers(4))
    check_backward(functions["convolve_backward"], memory, geometry, relu, need_dx, loops)
    check_transposed_backward(functions["convolve_transposed_backward"], memory, geometry, relu, need_dx, loops)


STEMS = (
    "convolve", "convolve_transposed", "weight_gradient", "channel_sums", "convolve_backward",
    "convolve_transposed_backward",
)  # fmt: skip


def test_every_kernel_is_tested():
    assert {name for name, value in vars(kernels).items() if hasattr(value, "plain")} == set(STEMS)
    assert {name for name in vars(kernels) if name.endswith("_numba")} == {f"{stem}_numba" for stem in STEMS}


def by_columns(x, W, b, stride, padding):
    """`naive.conv` as one product of columns that have their own test beside loops: quick for larger images."""
    x, W = naive.doubles(x, W)
    columns = patches.copy_windows_numpy(*room(x, W.shape[:2], stride, padding))
    return np.tensordot(columns, W, 3) + b


def by_columns_transposed(y, W, b, stride, padding, image_size):
    y, W = naive.doubles(y, W)
    columns = np.tensordot(y, W, (3, 3))
    x = np.zeros((len(y), *image_size, W.shape[2]))
    return patches.add_windows_numpy(columns, x, stride, (padding[0][0], padding[1][0])) + b


def by_columns_weight_gradient(x, dy, stride, padding, kernel):
    x, dy = naive.doubles(x, dy)
    return np.tensordot(patches.copy_windows_numpy(*room(x, kernel, stride, padding)), dy, ((0, 1, 2), (0, 1, 2)))


def room(x, kernel, stride, padding):
    size = naive.conv_size(x.shape[1:3], kernel, stride, padding)
    return x, np.zeros((len(x), *size, *kernel, x.shape[3])), stride, (padding[0][0], padding[1][0])


@FLOATS
@given(SMALL, SEEDS, st.booleans())
def test_plain_twins_beside_loops(dtype, geometry, seed, relu):
    check_all("plain", Memory(seed, dtype), geometry, relu, loops=True)


@needs_jit
@given(geometries(largest=9), SEEDS, st.booleans())
def test_fast_twins_beside_loops(geometry, seed, relu):
    check_all("fast", Memory(seed), geometry, relu, loops=True)


@needs_jit
@pytest.mark.parametrize("filters", CHANNELS)
@settings(max_examples=25)
@given(st.data())
def test_fast_twins_for_every_way_to_fill_the_lanes(filters, data):
    geometry = data.draw(geometries(largest=40, filters=filters))
    check_all("fast", Memory(data.draw(SEEDS)), geometry, data.draw(st.booleans()), loops=False)


@needs_jit
@pytest.mark.parametrize("width", range(1, 43))
def test_fast_twins_for_every_width(width):
    """Output rows are cut into segments of 7 or 4 pixels, with all kinds of rests."""
    for channels, filters in ((1, 3), (3, 1), (2, 16), (5, 6)):
        geometry = Geometry(2, (3, width), channels, filters, (2, 3), (1, 1), ((1, 0), (1, 1)))
        assert geometry.out[1] == width
        check_all("fast", Memory(width), geometry, width % 2, loops=False)


@needs_jit
@pytest.mark.parametrize(
    "geometry",
    [
        Geometry(1, (1, 1), 1, 1, (1, 1), (1, 1), ((0, 0), (0, 0))),
        Geometry(1, (1, 1), 1, 1, (3, 3), (2, 2), ((1, 1), (1, 1))),
        Geometry(2, (4, 5), 3, 2, (3, 3), (4, 4), ((12, 0), (9, 0))),  # most windows see nothing but zeros
        Geometry(2, (4, 5), 3, 2, (2, 1), (3, 4), ((0, 11), (0, 14))),
        Geometry(3, (9, 11), 2, 5, (1, 1), (4, 3), ((0, 0), (0, 0))),  # rows and columns that no window sees
        Geometry(1, (3, 260), 2, 3, (3, 3), (1, 1), ((1, 1), (1, 1))),  # one very wide image
        Geometry(1, (230, 3), 2, 3, (3, 3), (1, 1), ((1, 1), (1, 1))),  # one very high
        Geometry(1, (7, 40), 130, 3, (3, 3), (1, 1), ((1, 1), (1, 1))),  # a row fills the block of the weight gradient
        Geometry(2, (5, 4), 3, 150, (2, 2), (1, 1), ((0, 0), (0, 0))),  # more filters than channel_sums has lanes
        Geometry(1, (14, 15), 1, 1, (13, 14), (1, 1), ((0, 0), (0, 0))),  # a window nearly as large as the image
    ],
    ids=repr,
)
def test_fast_twins_at_the_ends_of_their_range(geometry):
    for relu in (False, True):
        check_all("fast", Memory(1), geometry, relu, loops=False)


NO_ACCESS = 0  # PROT_NONE


class FencedMemory(Memory):
    """Arrays that end (or begin) at a page nobody may touch: reading one number too many ends the process."""

    def __init__(self, seed, side):
        super().__init__(seed)
        self.side, self.maps = side, []

    def array(self, values):
        values = np.asarray(values, np.float32)
        page = mmap.PAGESIZE
        room = -(-values.nbytes // page) * page
        memory = mmap.mmap(-1, room + 2 * page)
        whole = np.frombuffer(memory, np.float32)
        start = page if self.side == "begin" else page + room - values.nbytes
        inside = whole[start // 4 : start // 4 + values.size].reshape(values.shape)
        inside[...] = values
        for fence in (0, page + room):
            assert ctypes.CDLL(None).mprotect(ctypes.c_void_p(whole.ctypes.data + fence), page, NO_ACCESS) == 0
        self.maps.append(memory)
        self.kept.append((inside.ravel(), 0, values.size, None))
        return inside


def run_between_fences():
    """What `test_nothing_is_touched_past_the_ends_of_arrays` runs in a process of its own."""
    for side in ("begin", "end"):
        for channels in CHANNELS:
            for filters in (1, 3, 8, 17, 40):
                sizes = (3, 5), channels, filters, (2, 3)
                check_all("fast", FencedMemory(1, side), Geometry(2, *sizes, (1, 1), ((1, 0), (1, 1))), True, False)
                check_all("fast", FencedMemory(1, side), Geometry(1, *sizes, (2, 1), ((0, 0), (0, 0))), False, False)


@needs_jit
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="fences are made by Linux's mprotect")
@pytest.mark.slow
def test_nothing_is_touched_past_the_ends_of_arrays():
    code = "import test_conv_kernels; test_conv_kernels.run_between_fences(); print('alive')"
    run = subprocess.run(
        [sys.executable, "-c", code],
        cwd=Path(__file__).parent,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.stdout.strip() == "alive", f"exit code {run.returncode}: {run.stderr[-1000:]}"


@TWINS
@given(geometries(), SEEDS)
@example(Geometry(3, (20, 20), 40, 40, (6, 6), (1, 1), ((3, 2), (2, 3))), 0)
def test_real_numbers_within_rounding(twin, geometry, seed):
    rng = np.random.default_rng(seed)
    x, W, b, dy = (
        rng.normal(size=shape).astype(np.float32)
        for shape in (geometry.images, geometry.weights, (geometry.filters,), geometry.outputs)
    )
    y, dW = np.empty(geometry.outputs, np.float32), np.empty(geometry.weights, np.float32)
    dx, db = np.empty(geometry.images, np.float32), np.empty(geometry.filters, np.float32)
    getattr(kernels.convolve, twin)(x, W, b, *places(geometry), y)
    getattr(kernels.convolve_transposed, twin)(dy, W, np.zeros(len(W[0, 0]), np.float32), *places(geometry), dx)
    getattr(kernels.weight_gradient, twin)(x, dy, *places(geometry), dW)
    getattr(kernels.channel_sums, twin)(dy, db)
    zeros = np.zeros(geometry.channels)
    for got, want in (
        (y, by_columns(x, W, b, *places(geometry))),
        (dx, by_columns_transposed(dy, W, zeros, *places(geometry), geometry.size)),
        (dW, by_columns_weight_gradient(x, dy, *places(geometry), geometry.kernel)),
        (db, dy.sum((0, 1, 2), dtype=np.float64)),
    ):
        assert_allclose(got, want, rtol=0, atol=5e-6 * max(4.0, np.abs(want).max()))


def test_convolution_on_paper():
    x = np.arange(1.0, 10).reshape(1, 3, 3, 1)
    W, b = np.array([[1.0, 2], [0, -1]]).reshape(2, 2, 1, 1), np.array([10.0])
    for dtype in (np.float32, np.float64):
        image, weights, bias = x.astype(dtype), W.astype(dtype), b.astype(dtype)
        y = kernels.convolve(image, weights, bias, (1, 1), patches.NO_PADDING, np.empty((1, 2, 2, 1), dtype))
        # 1 * 1 + 2 * 2 - 5 + 10, 2 * 1 + 3 * 2 - 6 + 10, ...: a cross-correlation, the filter is not turned round
        assert y.ravel().tolist() == [10, 12, 16, 18]
        back = kernels.convolve_transposed(
            np.ones_like(y), weights, bias, (1, 1), patches.NO_PADDING, np.empty_like(image)
        )
        assert back[0, :, :, 0].tolist() == [[11, 13, 12], [11, 12, 11], [10, 9, 9]]
        dW = kernels.weight_gradient(image, np.ones_like(y), (1, 1), patches.NO_PADDING, np.empty_like(weights))
        assert dW[:, :, 0, 0].tolist() == [[12, 16], [24, 28]]
        assert kernels.channel_sums(y, np.empty(1, dtype)).tolist() == [56]


# -- adjoints -----------------------------------------------------------------------------------------------------


@FLOATS
@given(geometries(), SEEDS)
def test_convolve_and_convolve_transposed_are_adjoint(dtype, geometry, seed):
    """<convolve(x), y> = <x, convolve_transposed(y)>; the weight gradient is the adjoint in W."""
    memory = Memory(seed, dtype)
    x, W, y = memory.whole(*geometry.images), memory.whole(*geometry.weights), memory.whole(*geometry.outputs)
    no_b, no_c = (np.zeros(n, dtype) for n in (geometry.filters, geometry.channels))
    forward = kernels.convolve(x, W, no_b, *places(geometry), memory.result(*geometry.outputs))
    back = kernels.convolve_transposed(y, W, no_c, *places(geometry), memory.result(*geometry.images))
    dW = kernels.weight_gradient(x, y, *places(geometry), memory.result(*geometry.weights))
    (forward, y), (back, x), (dW, W) = (naive.doubles(*pair) for pair in ((forward, y), (back, x), (dW, W)))
    assert np.vdot(forward, y) == np.vdot(x, back) == np.vdot(W, dW)
    memory.check()


# -- NaN and infinity stay visible, and stay where they are -----------------------------------------------------


def seen(bad, geometry):
    """Outputs (N, H', W', F) whose windows see a pixel of the mask `bad` (N, H, W, C)."""
    return naive.conv(bad, np.ones(geometry.weights), 0, *places(geometry)) > 0


def reached(bad, geometry):
    """Pixels (N, H, W, C) that an output of the mask `bad` (N, H', W', F) is spread to."""
    return naive.conv_transposed(bad, np.ones(geometry.weights), 0, *places(geometry), geometry.size) > 0


def one_place(rng, shape):
    """A mask with one number set."""
    bad = np.zeros(shape, bool)
    bad[tuple(rng.integers(shape))] = True
    return bad


@quiet_numpy
@TWINS
@pytest.mark.parametrize("value", [np.nan, np.inf])
@settings(max_examples=60)
@given(geometries(largest=9), SEEDS, st.booleans())
@example(Geometry(1, (1, 8), 3, 1, (1, 1), (1, 1), ((0, 0), (0, 0))), 0, False)
@example(Geometry(1, (1, 8), 1, 3, (1, 3), (1, 1), ((0, 0), (0, 0))), 0, False)
@pytest.mark.slow
def test_one_bad_pixel_reaches_the_outputs_that_see_it_and_no_other(twin, value, geometry, seed, relu):
    memory = Memory(seed)
    bad = one_place(memory.rng, geometry.images)
    x = memory.input(np.where(bad, value, 1))
    W, b = memory.input(np.ones(geometry.weights)), memory.input(np.ones(geometry.filters))
    y = memory.result(*geometry.outputs)
    getattr(kernels.convolve, twin)(x, W, b, *places(geometry), y, relu)
    assert_array_equal(~np.isfinite(y), seen(bad, geometry))
    assert_array_equal(np.isnan(y), seen(bad, geometry) & np.isnan(value))
    memory.check()


@quiet_numpy
@TWINS
@pytest.mark.parametrize("value", [np.nan, np.inf])
@settings(max_examples=60)
@given(geometries(largest=9), SEEDS, st.booleans())
@example(Geometry(1, (1, 8), 1, 3, (1, 1), (1, 1), ((0, 0), (0, 0))), 0, False)
@pytest.mark.slow
def test_one_bad_output_reaches_the_pixels_under_its_window_and_no_other(twin, value, geometry, seed, relu):
    memory = Memory(seed)
    bad = one_place(memory.rng, geometry.outputs)
    y = memory.input(np.where(bad, value, 1))
    W, b = memory.input(np.ones(geometry.weights)), memory.input(np.ones(geometry.channels))
    x = memory.result(*geometry.images)
    getattr(kernels.convolve_transposed, twin)(y, W, b, *places(geometry), x, relu)
    assert_array_equal(~np.isfinite(x), reached(bad, geometry))
    assert_array_equal(np.isnan(x), reached(bad, geometry) & np.isnan(value))
    memory.check()


@TWINS
@given(geometries(largest=9), SEEDS)
def test_bad_numbers_in_weight_gradients(twin, geometry, seed):
    memory = Memory(seed)
    bad = one_place(memory.rng, geometry.images)
    x = memory.input(np.where(bad, np.nan, 1))
    dW, db = memory.result(*geometry.weights), memory.result(geometry.filters)
    getattr(kernels.weight_gradient, twin)(x, memory.input(np.ones(geometry.outputs)), *places(geometry), dW)
    meets, *_ = naive.conv_backward(bad, np.zeros(geometry.weights), np.ones(geometry.outputs), *places(geometry))[1:]
    assert_array_equal(np.isnan(dW), meets > 0)
    bad = one_place(memory.rng, geometry.outputs)
    dy = memory.input(np.where(bad, np.nan, 1))
    getattr(kernels.weight_gradient, twin)(memory.whole(*geometry.images), dy, *places(geometry), dW)
    getattr(kernels.channel_sums, twin)(dy, db)
    assert_array_equal(np.isnan(db), bad.any((0, 1, 2)))
    meets, *_ = naive.conv_backward(np.ones(geometry.images), np.zeros(geometry.weights), bad, *places(geometry))[1:]
    assert np.isnan(dW[meets > 0]).all()
    assert not np.isnan(dW[..., ~bad.any((0, 1, 2))]).any()  # in its own filter 0 NaN on the padding may be anything
    memory.check()


@TWINS
@pytest.mark.parametrize("relu", [False, True])
@given(geometries(largest=9), SEEDS)
def test_bad_numbers_in_a_backward_pass(twin, relu, geometry, seed):
    """One NaN in dL/dy: in dx under its window only, in dW and db of its own filter only; gone where ReLU is off."""
    memory = Memory(seed)
    bad = one_place(memory.rng, geometry.outputs)
    dy, on = memory.input(np.where(bad, np.nan, 1)), memory.rng.integers(2, size=geometry.outputs)
    x, W = memory.input(np.ones(geometry.images)), memory.input(np.ones(geometry.weights))
    dW, db, dx = (memory.result(*shape) for shape in (geometry.weights, [geometry.filters], geometry.images))
    arguments = x, memory.input(on), dy, W
    getattr(kernels.convolve_backward, twin)(*arguments, *places(geometry), relu, dW, db, dx)
    bad &= (on > 0) | (not relu)
    assert_array_equal(np.isnan(dx), reached(bad, geometry))
    assert_array_equal(np.isnan(db), bad.any((0, 1, 2)))
    assert not np.isnan(dW[..., ~bad.any((0, 1, 2))]).any()
    memory.check()


@TWINS
@pytest.mark.parametrize("relu", [False, True])
@given(geometries(largest=9), SEEDS)
def test_bad_numbers_in_a_transposed_backward_pass(twin, relu, geometry, seed):
    memory = Memory(seed)
    bad = one_place(memory.rng, geometry.images)
    dy, on = memory.input(np.where(bad, np.nan, 1)), memory.rng.integers(2, size=geometry.images)
    x, W = memory.input(np.ones(geometry.outputs)), memory.input(np.ones(geometry.weights))
    dW, db, dx = (memory.result(*shape) for shape in (geometry.weights, [geometry.channels], geometry.outputs))
    arguments = x, memory.input(on), dy, W
    getattr(kernels.convolve_transposed_backward, twin)(*arguments, *places(geometry), relu, dW, db, dx)
    bad &= (on > 0) | (not relu)
    assert_array_equal(np.isnan(dx), seen(bad, geometry))
    assert_array_equal(np.isnan(db), bad.any((0, 1, 2)))
    meets = naive.conv_backward(bad, np.zeros(geometry.weights), np.ones(geometry.outputs), *places(geometry))[1]
    assert_array_equal(np.isnan(dW), meets > 0)
    memory.check()


@quiet_numpy
@TWINS
@pytest.mark.parametrize("where", ["b", "W"])
@pytest.mark.parametrize("value", [np.nan, np.inf])
@given(geometries(largest=6), SEEDS)
@example(Geometry(2, (3, 3), 2, 4, (3, 3), (1, 1), ((1, 1), (1, 1))), 0)
def test_a_bad_parameter_reaches_its_own_filter_and_no_other(twin, value, where, geometry, seed):
    """In every image: nothing is carried over from one to the next."""
    memory = Memory(seed)
    x, y = np.ones(geometry.images), np.ones(geometry.outputs)
    for stem, inputs, outputs, axis in (("convolve", x, y, 3), ("convolve_transposed", y, x, 2)):
        W, b = np.ones(geometry.weights), np.ones(geometry.weights[axis])
        if where == "b":
            b[0] = value
        else:
            W[0, 0, 0, 0] = value
        out = memory.result(*outputs.shape)
        arguments = [memory.input(a) for a in (inputs, W, b)]
        getattr(getattr(kernels, stem), twin)(*arguments, *places(geometry), out)
        assert np.isfinite(out[..., 1:]).all()
        assert where == "W" or not np.isfinite(out[..., 0]).any()
        memory.check()


@TWINS
def test_relu_keeps_nan_and_infinity(twin):
    x = np.array([np.nan, np.inf, -np.inf, -1, 2], np.float32).reshape(1, 1, 5, 1)
    one, zero = np.ones((1, 1, 1, 1), np.float32), np.zeros(1, np.float32)
    for stem in ("convolve", "convolve_transposed"):
        y = getattr(getattr(kernels, stem), twin)(x, one, zero, (1, 1), patches.NO_PADDING, np.empty_like(x), True)
        assert_array_equal(y.ravel(), [np.nan, np.inf, 0, 0, 2])


# -- one function out of two twins --------------------------------------------------------------------------------


@pytest.fixture
def arrays(rng):
    """x, W, b, dy of one convolution with padding (1, 0), (1, 1) and stride (2, 1)."""
    return [rng.integers(-3, 4, shape).astype(np.float32) for shape in ((2, 6, 5, 3), (3, 3, 3, 4), (4,), (2, 3, 5, 4))]


PLACES = (2, 1), ((1, 0), (1, 1))


def results(x, W, b, dy, out=None):
    """y, dx, dW, db by the chosen functions."""
    y, dx, dW, db = out or [np.full(a.shape, np.nan, x.dtype) for a in (dy, x, W, b)]
    kernels.convolve(x, W, b, *PLACES, y)
    kernels.convolve_backward(x, y, dy, W, *PLACES, False, dW, db, dx)
    for stem, result, *arguments in (
        ("convolve_transposed", dx, dy, W, np.zeros(W.shape[2], x.dtype), *PLACES),
        ("weight_gradient", dW, x, dy, *PLACES),
        ("channel_sums", db, dy),
    ):
        again = np.full_like(result, np.nan)
        getattr(kernels, stem)(*arguments, again)
        assert_array_equal(again, result)
    return y, dx, dW, db


def loops(x, W, b, dy):
    return naive.conv(x, W, b, *PLACES), *naive.conv_backward(x, W, dy, *PLACES)


def test_any_type_and_memory_order_gives_the_same(arrays):
    want = loops(*arrays)
    variants = [
        arrays,
        [a.astype(np.float64) for a in arrays],
        [np.asfortranarray(a) for a in arrays],
        [np.repeat(a, 2, axis=-1)[..., ::2] for a in arrays],
    ]
    for variant in variants:
        kept = [a.copy() for a in variant]
        for got, expected in zip(results(*variant), want, strict=True):
            assert got.dtype == variant[0].dtype
            assert_array_equal(got, expected)
        for a, b in zip(variant, kept, strict=True):
            assert_array_equal(a, b)


def test_frozen_arrays_are_taken(arrays):
    """Data sets are often memory maps that may only be read."""
    for a in arrays:
        a.flags.writeable = False
    x, W, _, dy = arrays
    for got, expected in zip(results(*arrays), loops(*arrays), strict=True):
        assert_array_equal(got, expected)
    dW, db, dx = np.empty_like(W), np.empty(4, np.float32), np.empty_like(x)
    kernels.convolve_backward(x, dy, dy, W, *PLACES, True, dW, db, dx)
    for got, expected in zip((dx, dW, db), naive.conv_backward(x, W, np.maximum(dy, 0), *PLACES), strict=True):
        assert_array_equal(got, expected)
    dW, db, dy_like = np.empty_like(W), np.empty(3, np.float32), np.empty_like(dy)
    kernels.convolve_transposed_backward(dy, x, x, W, *PLACES, True, dW, db, dy_like)
    assert_array_equal(dy_like, naive.conv(np.maximum(x, 0), W, 0, *PLACES))


def test_no_images_give_no_outputs_and_no_gradient(arrays):
    """A worker whose part of a small batch is empty."""
    x, W, b, dy = arrays
    y, dx, dW, db = results(x[:0], W, b, dy[:0], [np.full(a.shape, np.nan, np.float32) for a in (dy[:0], x[:0], W, b)])
    assert len(y) == len(dx) == 0 and not dW.any() and not db.any()


def test_results_may_have_any_memory_order(arrays):
    x, W, b, dy = arrays
    wide = np.full((*dy.shape[:3], 9), 7, np.float32)
    kernels.convolve(x, W, b, *PLACES, wide[..., 2:6])
    assert_array_equal(wide[..., 2:6], naive.conv(x, W, b, *PLACES))
    assert (wide[..., :2] == 7).all() and (wide[..., 6:] == 7).all()


def test_an_image_does_not_depend_on_its_batch(rng):
    """Bit by bit: a batch may be cut into parts anywhere."""
    x, W, b = (rng.normal(size=shape).astype(np.float32) for shape in ((5, 7, 9, 3), (3, 2, 3, 6), (6,)))
    settings = (1, 2), ((1, 1), (0, 1))
    size = naive.conv_size((7, 9), (3, 2), *settings)
    y = kernels.convolve(x, W, b, *settings, np.empty((5, *size, 6), np.float32))
    for n in range(5):
        alone = kernels.convolve(x[n : n + 1], W, b, *settings, np.empty((1, *size, 6), np.float32))
        if jit_enabled():
            assert_array_equal(alone[0], y[n])
        assert_allclose(alone[0], y[n], rtol=1e-5, atol=1e-5)


@needs_jit
def test_threads_compute_side_by_side(rng):
    """No thread sees another's working memory, and none is freed under its feet."""
    geometry = Geometry(3, (20, 23), 7, 9, (3, 4), (1, 1), ((1, 1), (2, 1)))
    jobs = []
    for seed in range(3):
        memory = Memory(seed)
        x, W, dy = memory.whole(*geometry.images), memory.whole(*geometry.weights), memory.whole(*geometry.outputs)
        b = memory.whole(geometry.filters)
        want = (
            by_columns(x, W, b, *places(geometry)),
            by_columns_weight_gradient(x, dy, *places(geometry), geometry.kernel),
        )
        jobs.append((x, W, b, dy, want))
    wrong = []

    def work(x, W, b, dy, want):
        for _ in range(40):
            y, dW = np.empty(geometry.outputs, np.float32), np.empty(geometry.weights, np.float32)
            kernels.convolve(x, W, b, *places(geometry), y)
            kernels.weight_gradient(x, dy, *places(geometry), dW)
            if not (np.array_equal(y, want[0]) and np.array_equal(dW, want[1])):
                wrong.append(1)

    threads = [threading.Thread(target=work, args=job) for job in jobs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong
