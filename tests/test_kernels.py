"""Every Numba kernel beside its NumPy twin and beside loops that are obviously right."""

import importlib
import inspect
import math
import pkgutil

import naive
import numba
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

import tinyae.kernels
from tinyae.kernels import activations, losses, neighbours, sampling, updates
from tinyae.kernels.config import fast_or_plain, jit_enabled, kernel
from tinyae.kernels.exponential import exp32, log1p32

EXTREMES = np.array([0.0, 1e-30, -1e-30, 1.0, -1.0, 100.0, -100.0, 1e4, -1e4], np.float32)
SEEDS = st.integers(0, 2**32 - 1)
SHAPES = st.lists(st.integers(1, 40), min_size=1, max_size=2).map(tuple)

# As plain Python a kernel meets NumPy's scalars, and int32(nan) raises there instead of giving any number.
needs_jit = pytest.mark.skipif(not jit_enabled(), reason="NaN in exp32 needs the compiled kernel")


def mixed(seed, shape, scale=5.0):
    """Normal float32 numbers, a third of them replaced by extreme ones."""
    rng = np.random.default_rng(seed)
    x = rng.normal(scale=scale, size=shape).astype(np.float32)
    return np.where(rng.uniform(size=shape) < 1 / 3, rng.choice(EXTREMES, size=shape), x)


def unit(seed, shape):
    """Numbers in [0, 1], exact zeros and ones among them."""
    rng = np.random.default_rng(seed)
    return np.clip(rng.uniform(-0.3, 1.3, shape), 0, 1).astype(np.float32)


# -- the set of twins -----------------------------------------------------------------------------------------


def all_twins():
    """(module name, stem, numba function, numpy function) of everything in tinyae.kernels."""
    twins = []
    for found in pkgutil.iter_modules(tinyae.kernels.__path__):
        module = importlib.import_module(f"tinyae.kernels.{found.name}")
        for name in vars(module):
            if name.endswith("_numba"):
                stem = name.removesuffix("_numba")
                twins.append((found.name, stem, getattr(module, name), getattr(module, f"{stem}_numpy", None)))
    return twins


TESTED = {
    ("activations", "sigmoid"), ("activations", "sigmoid_backward"), ("activations", "relu_backward"),
    ("losses", "bce"), ("losses", "squared_error"), ("neighbours", "nearest"), ("sampling", "bernoulli"),
    ("neighbours", "settle"), ("warp", "warp"),  # in test_neighbours.py and test_warping.py
    ("losses", "masked_squared_error"),  # in test_masked_loss.py
    ("softmax", "softmax"), ("softmax", "cross_entropy"),  # in test_softmax.py
    ("updates", "momentum"), ("updates", "rmsprop"), ("updates", "adam"),
    # in test_conv_kernels.py:
    ("patches", "copy_windows"), ("patches", "add_windows"), ("convolution", "convolve"),
    ("convolution", "convolve_transposed"), ("convolution", "weight_gradient"), ("convolution", "channel_sums"),
    ("convolution", "convolve_backward"), ("convolution", "convolve_transposed_backward"),
    # in test_pool.py and test_upsample.py:
    ("pooling", "max_pool"), ("pooling", "max_pool_backward"), ("pooling", "pick"),  # pick: test_tangents.py
    ("pooling", "average_pool"), ("pooling", "average_pool_backward"),
    ("upsampling", "upsample_nearest"), ("upsampling", "upsample_nearest_backward"),
    ("upsampling", "upsample_bilinear"), ("upsampling", "upsample_bilinear_backward"),
    # in test_norm_noise.py:
    ("norm", "sum_squares"), ("norm", "sum_products"), ("norm", "normalise"), ("norm", "normalise_backward"),
}  # fmt: skip


def test_every_kernel_has_a_twin_and_a_test():
    assert {(module, stem) for module, stem, *_ in all_twins()} == TESTED


@pytest.mark.parametrize("module, stem, fast, plain", all_twins(), ids=lambda v: v if isinstance(v, str) else "")
def test_twins_take_the_same_arguments_and_are_joined_under_their_stem(module, stem, fast, plain):
    arguments = [list(inspect.signature(getattr(f, "py_func", f)).parameters) for f in (fast, plain)]
    assert arguments[0] == arguments[1]
    joined = getattr(importlib.import_module(f"tinyae.kernels.{module}"), stem)
    assert joined.fast is fast and joined.plain is plain
    assert joined.__doc__ == plain.__doc__


# -- exp32 and log1p32 ----------------------------------------------------------------------------------------

MANY = 200_001 if jit_enabled() else 2001


@kernel
def exp32_loop(x, out):
    """exp32 inlined into a loop, as the kernels use it."""
    for i in range(x.size):
        out[i] = exp32(x[i])


@kernel
def log1p32_loop(x, out):
    for i in range(x.size):
        out[i] = log1p32(x[i])


def run(loop, x):
    x = np.asarray(x, np.float32)
    out = np.empty_like(x)
    loop(x, out)
    return out


def test_exp32_is_within_3e_7_of_exp():
    x = np.linspace(-87, 88, MANY).astype(np.float32)
    exact = np.exp(x.astype(np.float64))
    assert np.max(np.abs(run(exp32_loop, x) / exact - 1)) <= 3e-7


def test_exp32_at_the_joints_of_its_pieces():
    halves = (np.arange(-125, 127) + 0.5) * math.log(2)  # where n changes and |r| is largest
    around = np.array([np.nextafter(np.float32(h), np.float32(d)) for h in halves for d in (-np.inf, np.inf)])
    x = around[(around >= -87) & (around <= 88)]
    assert np.max(np.abs(run(exp32_loop, x) / np.exp(x.astype(np.float64)) - 1)) <= 3e-7
    assert run(exp32_loop, [0.0, -0.0]).tolist() == [1, 1]


def test_exp32_saturates_instead_of_overflowing():
    low, high = math.exp(np.float32(-87.3)), math.exp(np.float32(88.3))
    got = run(exp32_loop, [-87.3, -88, -1e4, -1e30, -np.inf, 88.3, 89, 1e4, 1e30, np.inf])
    assert_allclose(got, [low] * 5 + [high] * 5, rtol=1e-6)
    assert np.all(got >= np.finfo(np.float32).tiny)  # normal numbers: arithmetic on others is slow


@needs_jit
def test_exp32_keeps_nan():
    assert np.isnan(run(exp32_loop, np.full(33, np.nan))).all()
    assert np.isnan(exp32(np.float32(np.nan)))


def test_log1p32_is_within_3e_7_of_log1p():
    x = np.concatenate([np.linspace(0, 1, MANY // 2), 10.0 ** np.linspace(-30, 0, MANY // 2)]).astype(np.float32)
    got, exact = run(log1p32_loop, x), np.log1p(x.astype(np.float64))
    assert got[0] == 0
    assert np.max(np.abs(got[1:] / exact[1:] - 1)) <= 3e-7


# -- activations ----------------------------------------------------------------------------------------------


@given(SEEDS, SHAPES)
def test_sigmoid_twins(seed, shape):
    a = mixed(seed, shape)
    fast = activations.sigmoid_numba(a, np.empty_like(a))
    plain = activations.sigmoid_numpy(a, np.empty_like(a))
    assert fast.dtype == plain.dtype == np.float32
    exact = naive.each(lambda v: naive.sigmoid(max(v, -700)), a)
    assert_allclose(plain, exact, rtol=5e-7, atol=1e-37)
    assert_allclose(fast, exact, rtol=5e-7, atol=2e-38)  # exp32 saturates at 1e-38


def test_sigmoid_numpy_in_float64():
    a = np.array([[0.0, 1e-30, -30.0, 30.0, 700.0, -700.0, -1e4, 1e4]])
    y = activations.sigmoid_numpy(a, np.empty_like(a))
    assert_allclose(y[0, :6], [0.5, 0.5, *map(naive.sigmoid, (-30, 30, 700, -700))], rtol=1e-15)
    assert y[0, 6:].tolist() == [0, 1]


TWO_SIGMOIDS = [
    pytest.param(activations.sigmoid_numba, marks=needs_jit, id="numba"),
    pytest.param(activations.sigmoid_numpy, id="numpy"),
]


@pytest.mark.parametrize("sigmoid", TWO_SIGMOIDS)
def test_sigmoid_of_nan_and_infinity(sigmoid):
    a = np.array([np.nan, np.inf, -np.inf] * 11, np.float32)
    y = sigmoid(a, np.empty_like(a)).reshape(11, 3)
    assert np.isnan(y[:, 0]).all()
    assert_array_equal(y[:, 1], np.ones(11))
    assert_allclose(y[:, 2], np.zeros(11), atol=1e-37)


@given(SEEDS, SHAPES)
def test_sigmoid_backward_twins(seed, shape):
    dy, y = mixed(seed, shape), unit(seed + 1, shape)
    fast = activations.sigmoid_backward_numba(dy, y, np.empty_like(dy))
    plain = activations.sigmoid_backward_numpy(dy, y, np.empty_like(dy))
    wide = y.astype(np.float64)
    assert_allclose(fast, plain, rtol=1e-6, atol=1e-37)
    assert_allclose(plain, dy * wide * (1 - wide), rtol=1e-6, atol=1e-37)


@given(SEEDS, SHAPES)
def test_relu_backward_twins(seed, shape):
    dy, y = mixed(seed, shape), np.maximum(mixed(seed + 1, shape), 0)
    fast = activations.relu_backward_numba(dy, y, np.empty_like(dy))
    assert_array_equal(fast, activations.relu_backward_numpy(dy, y, np.empty_like(dy)))
    for i in np.ndindex(shape):
        assert fast[i] == (dy[i] if y[i] > 0 else 0)


@pytest.mark.parametrize("twin", ["fast", "plain"])
@pytest.mark.parametrize("name", ["sigmoid", "sigmoid_backward", "relu_backward"])
def test_out_may_be_the_first_argument(name, twin, rng):
    function = getattr(getattr(activations, name), twin)
    first, other = rng.uniform(-1, 1, (3, 7)).astype(np.float32), rng.uniform(size=(3, 7)).astype(np.float32)
    others = () if name == "sigmoid" else (other,)
    apart = function(first, *others, np.empty_like(first))
    assert function(first, *others, first) is first
    assert_array_equal(first, apart)


# -- losses ---------------------------------------------------------------------------------------------------

ROWS = st.tuples(st.integers(1, 40), st.integers(1, 40))


@given(SEEDS, ROWS, st.sampled_from([1.0, 1 / 7, 1e-3]))
def test_bce_twins(seed, shape, scale):
    a, x = mixed(seed, shape), unit(seed + 1, shape)
    fast_grad, plain_grad, exact_grad = np.empty_like(a), np.empty_like(a), np.empty(shape)
    fast, plain = losses.bce_numba(a, x, fast_grad, scale), losses.bce_numpy(a, x, plain_grad, scale)
    wide = a.astype(np.float64), x.astype(np.float64)
    exact = losses.bce_numpy(*wide, exact_grad, scale)
    assert isinstance(fast, float) and isinstance(plain, float)
    size = np.abs(wide[0]).sum()  # the terms cancel: a - x a
    assert_allclose([fast, plain], exact, rtol=1e-6, atol=1e-6 * size + 1e-30)
    assert_allclose(fast_grad, exact_grad, rtol=1e-6, atol=5e-7 * scale)
    assert_allclose(plain_grad, exact_grad, rtol=1e-6, atol=5e-7 * scale)


@pytest.mark.parametrize("bce", [losses.bce_numba, losses.bce_numpy], ids=["numba", "numpy"])
def test_bce_on_paper(bce):
    a, x, grad = np.zeros((2, 2), np.float32), np.array([[0, 1], [0.5, 1]], np.float32), np.empty((2, 2), np.float32)
    assert bce(a, x, grad, 0.5) == pytest.approx(4 * math.log(2), rel=1e-6)  # sigmoid(0) = 1/2 whatever the target
    assert grad.tolist() == [[0.25, -0.25], [0, -0.25]]


@given(SEEDS, ROWS, st.sampled_from([1.0, 1 / 7, 1e-3]))
def test_squared_error_twins(seed, shape, scale):
    a, x = mixed(seed, shape), mixed(seed + 1, shape)
    fast_grad, plain_grad = np.empty_like(a), np.empty_like(a)
    fast = losses.squared_error_numba(a, x, fast_grad, scale)
    plain = losses.squared_error_numpy(a, x, plain_grad, scale)
    exact = naive.squared_error(x, a) * len(x) / 2
    assert_allclose([fast, plain], exact, rtol=3e-6)
    assert_allclose(fast_grad, plain_grad, rtol=1e-6, atol=1e-37)
    assert_allclose(plain_grad, scale * (a.astype(np.float64) - x), rtol=1e-6, atol=1e-37)


@pytest.mark.parametrize("name", ["bce", "squared_error"])
@pytest.mark.parametrize("shape", [(5,), (3, 4, 2, 2)])
def test_losses_take_any_number_of_axes(name, shape, rng):
    a, x = rng.normal(size=shape).astype(np.float32), rng.uniform(size=shape).astype(np.float32)
    joined = getattr(losses, name)
    flat = joined.plain(a.reshape(1, -1), x.reshape(1, -1), np.empty_like(a).reshape(1, -1), 1.0)
    for twin in (joined.fast, joined.plain):
        assert twin(a, x, np.empty_like(a), 1.0) == pytest.approx(flat, rel=1e-6)


TWO_BCES = [pytest.param(losses.bce_numba, marks=needs_jit, id="numba"), pytest.param(losses.bce_numpy, id="numpy")]


@pytest.mark.parametrize("bce", TWO_BCES)
@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_bce_shows_a_diverged_number(bce, bad):
    """NaN stays NaN; infinity gives a value that is not finite and so stops the training."""
    a, x = np.ones((3, 33), np.float32), np.full((3, 33), 0.5, np.float32)
    a[1, 20] = bad
    grad = np.empty_like(a)
    with np.errstate(invalid="ignore"):
        value = bce(a, x, grad, 1.0)
    assert math.isnan(value) if math.isnan(bad) else not math.isfinite(value)
    assert np.isnan(grad[1, 20]) == math.isnan(bad)
    assert np.isfinite(np.delete(grad, 33 + 20)).all()


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("twin", ["fast", "plain"])
def test_squared_error_shows_a_diverged_number(twin, bad):
    a, x = np.ones((3, 33), np.float32), np.zeros((3, 33), np.float32)
    a[1, 20] = bad
    grad = np.empty_like(a)
    assert not math.isfinite(getattr(losses.squared_error, twin)(a, x, grad, 1.0))
    assert not np.isfinite(grad[1, 20]) and np.isfinite(grad).sum() == grad.size - 1


# -- sampling -------------------------------------------------------------------------------------------------


@given(SEEDS, SHAPES)
def test_bernoulli_twins(seed, shape):
    p, u = unit(seed, shape), np.random.default_rng(seed).uniform(size=shape).astype(np.float32)
    fast = sampling.bernoulli_numba(p, u, np.empty_like(p))
    assert_array_equal(fast, sampling.bernoulli_numpy(p, u, np.empty_like(p)))
    for i in np.ndindex(shape):
        assert fast[i] == (1 if u[i] < p[i] else 0)


@pytest.mark.parametrize("twin", ["fast", "plain"])
def test_bernoulli_at_the_ends(twin):
    bernoulli = getattr(sampling.bernoulli, twin)
    p, u = np.array([0, 0, 1, 1, 0.5, 0.5], np.float32), np.array([0, 0.999, 0, 0.999, 0.5, 0.499], np.float32)
    assert bernoulli(p, u, np.empty_like(p)).tolist() == [0, 0, 1, 1, 0, 1]  # never at p = 0, always at p = 1


# -- neighbours -----------------------------------------------------------------------------------------------


@given(st.data())
def test_nearest_twins_with_ties(data):
    """Small whole numbers: distances are exact and many are equal, so the order among ties shows."""
    n, m, d = (data.draw(st.integers(1, high), label=label) for label, high in (("N", 40), ("M", 12), ("d", 5)))
    k = data.draw(st.integers(1, n), label="k")
    rng = np.random.default_rng(data.draw(SEEDS))
    points, queries = (rng.integers(-2, 3, (rows, d)).astype(np.float32) for rows in (n, m))
    fast, plain = neighbours.nearest_numba(points, queries, k), neighbours.nearest_numpy(points, queries, k)
    assert fast.shape == (m, k) and fast.dtype == plain.dtype == np.int64
    assert_array_equal(fast, plain)
    assert_array_equal(plain, [naive.nearest(points, query, k) for query in queries])


def test_nearest_on_paper():
    points = np.array([[0.0], [10.0], [4.0], [6.0], [5.0]], np.float32)
    queries = np.array([[5.0], [100.0], [-1.0]], np.float32)
    for twin in (neighbours.nearest_numba, neighbours.nearest_numpy):
        assert twin(points, queries, 3).tolist() == [[4, 2, 3], [1, 3, 4], [0, 2, 4]]  # 4 and 6 tie: first row first
        assert twin(points, queries[:0], 3).shape == (0, 3)


@given(SEEDS, st.integers(5, 60))
def test_nearest_distances_agree_on_real_numbers(seed, n):
    rng = np.random.default_rng(seed)
    points, queries = (rng.normal(size=(rows, 4)).astype(np.float32) for rows in (n, 7))
    rows = np.arange(7)[:, None]
    distances = np.square(points[None].astype(np.float64) - queries[:, None]).sum(axis=2)
    fast, plain = neighbours.nearest_numba(points, queries, 5), neighbours.nearest_numpy(points, queries, 5)
    assert_allclose(distances[rows, fast], np.sort(distances, axis=1)[:, :5], rtol=1e-5)
    assert_allclose(distances[rows, plain], np.sort(distances, axis=1)[:, :5], rtol=1e-5)


def test_nearest_gives_rows_that_exist_even_for_nan():
    points = np.array([[0.0], [np.nan], [1.0]], np.float32)
    queries = np.array([[0.9], [np.nan]], np.float32)
    for twin in (neighbours.nearest_numba, neighbours.nearest_numpy):
        found = twin(points, queries, 3)
        assert found[0, :2].tolist() == [2, 0]
        assert found.min() >= 0 and found.max() < 3


# -- updates --------------------------------------------------------------------------------------------------

# The numbers after (start, stop), in the kernels' order; `weight_decay` is the last of each.
RULES = {
    "momentum": (1, [(0.1, 0.9, False, 0.0), (0.1, 0.9, True, 0.01), (0.5, 0.0, False, 0.1)]),
    "rmsprop": (2, [(0.01, 0.9, 1e-8, 0.0, 0.0), (0.01, 0.99, 1e-6, 0.9, 0.01)]),
    "adam": (2, [(0.9, 0.999, 0.03, 0.0, 2.0, 1e-8, 0.0), (0.8, 0.99, 0.02, 0.005, 1.5, 1e-7, 0.01)]),
}
CASES = [
    pytest.param(rule, numbers, id=f"{rule}-{i}") for rule, (_, sets) in RULES.items() for i, numbers in enumerate(sets)
]
SIZES = st.integers(1, 40) if not jit_enabled() else st.one_of(st.integers(1, 40), st.integers(4090, 4110))
MAGNITUDES = st.sampled_from([0.0, 1e-30, 1e-4, 1.0, 100.0, 1e4])


def problem(seed, n, shards, dtype, magnitude, rule):
    """theta, grads and state vectors; RMSprop's and Adam's mean squares are positive and of g^2's size, as in a run."""
    rng = np.random.default_rng(seed)
    theta = rng.normal(size=n).astype(dtype)
    grads = (magnitude * rng.normal(size=(shards, n))).astype(dtype)
    state = [(magnitude * rng.normal(size=n)).astype(dtype) for _ in range(RULES[rule][0])]
    if rule != "momentum":
        state[{"rmsprop": 0, "adam": 1}[rule]] = np.square(magnitude * rng.uniform(0.5, 2, n)).astype(dtype)
    return theta, grads, state


def scalars(numbers, dtype):
    """As the optimizers pass them: scalars of theta's type, and Nesterov's flag."""
    return [v if isinstance(v, bool) else dtype(v) for v in numbers]


def apply(twin, theta, grads, state, start, stop, numbers):
    """Results of one update as new arrays [theta, *state, summed gradient]."""
    theta, grads, state = theta.copy(), grads.copy(), [s.copy() for s in state]
    twin(theta, grads, *state, start, stop, *scalars(numbers, theta.dtype.type))
    return [theta, *state, grads[0]]


@pytest.mark.parametrize("rule, numbers", CASES)
@given(st.data())
def test_numpy_updates_against_loops(rule, numbers, data):
    n, shards = data.draw(st.integers(1, 40)), data.draw(st.integers(1, 3))
    theta, grads, state = problem(data.draw(SEEDS), n, shards, np.float64, data.draw(MAGNITUDES), rule)
    got = apply(getattr(updates, f"{rule}_numpy"), theta, grads, state, 0, n, numbers)
    want = getattr(naive, rule)(theta, grads, *state, *numbers)
    for a, b in zip(got, [*want, naive.total_gradient(theta, grads, numbers[-1])], strict=True):
        assert_allclose(a, b, rtol=1e-12, atol=1e-13 * np.abs(b).max())


@pytest.mark.parametrize("dtype, tolerance", [(np.float32, 3e-6), (np.float64, 1e-14)], ids=["float32", "float64"])
@pytest.mark.parametrize("rule, numbers", CASES)
@given(st.data())
def test_update_twins(rule, numbers, dtype, tolerance, data):
    n, shards = data.draw(SIZES), data.draw(st.integers(1, 3))
    start = data.draw(st.integers(0, n - 1))
    stop = data.draw(st.integers(start, n))
    theta, grads, state = problem(data.draw(SEEDS), n, shards, dtype, data.draw(MAGNITUDES), rule)
    before = [theta, *state, grads[0]]
    fast = apply(getattr(updates, f"{rule}_numba"), theta, grads, state, start, stop, numbers)
    plain = apply(getattr(updates, f"{rule}_numpy"), theta, grads, state, start, stop, numbers)
    for a, b, old in zip(fast, plain, before, strict=True):
        assert a.dtype == b.dtype == dtype
        size = max(np.abs(b).max(), np.abs(b - old).max())
        assert_allclose(a, b, rtol=tolerance, atol=tolerance * size)
        for rest in (slice(0, start), slice(stop, n)):  # another thread's part
            assert_array_equal(a[rest], old[rest])
            assert_array_equal(b[rest], old[rest])


@pytest.mark.parametrize("n", [1, 4095, 4096, 4097, 3 * 4096 + 5])
@pytest.mark.parametrize("rule, numbers", CASES)
def test_updates_around_the_block_size(rule, numbers, n, monkeypatch):
    if not jit_enabled():  # a constant of the compiled kernel, a plain global of the Python one
        monkeypatch.setattr(updates, "BLOCK", 16)
        n = {1: 1, 4095: 15, 4096: 16, 4097: 17}.get(n, 3 * 16 + 5)
    theta, grads, state = problem(7, n, 2, np.float32, 1.0, rule)
    fast = apply(getattr(updates, f"{rule}_numba"), theta, grads, state, 0, n, numbers)
    plain = apply(getattr(updates, f"{rule}_numpy"), theta, grads, state, 0, n, numbers)
    assert (fast[0] != theta).mean() > 0.99
    for a, b in zip(fast, plain, strict=True):
        assert_allclose(a, b, rtol=1e-5, atol=3e-6)


@pytest.mark.parametrize("twin", ["fast", "plain"])
@pytest.mark.parametrize("rule, numbers", CASES)
@given(st.data())
def test_parts_give_the_bits_of_the_whole(rule, numbers, twin, data):
    """Threads share one update: wherever it is cut, and in whatever order the parts come, the bits are the same."""
    n = data.draw(SIZES)
    cuts = sorted(data.draw(st.lists(st.integers(0, n), max_size=4)))
    parts = data.draw(st.permutations(list(zip([0, *cuts], [*cuts, n], strict=True))))
    theta, grads, state = problem(data.draw(SEEDS), n, 2, np.float32, 1.0, rule)
    function = getattr(getattr(updates, rule), twin)
    whole = apply(function, theta, grads, state, 0, n, numbers)
    for start, stop in parts:
        function(theta, grads, *state, start, stop, *scalars(numbers, np.float32))
    for a, b in zip([theta, *state, grads[0]], whole, strict=True):
        assert_array_equal(a, b)


@pytest.mark.parametrize("twin", ["fast", "plain"])
def test_shards_are_summed_in_order(twin):
    """(1e8 - 1e8) + 1 is 1 in float32; in any other order the 1 is lost."""
    theta, grads = np.zeros(40, np.float32), np.repeat(np.float32([[1e8], [-1e8], [1]]), 40, axis=1)
    numbers = scalars((1.0, 0.0, False, 0.0), np.float32)
    getattr(updates.momentum, twin)(theta, grads, np.zeros_like(theta), 0, 40, *numbers)
    assert_array_equal(grads[0], np.ones(40))
    assert_array_equal(theta, -np.ones(40))


# -- choosing a twin ------------------------------------------------------------------------------------------


def chooser(dtypes=(np.float32,)):
    """Two twins that only say who they are."""
    return fast_or_plain(lambda a, *rest: "fast", lambda a, *rest: "plain", dtypes)


@pytest.fixture
def jit_on(monkeypatch):
    monkeypatch.setattr(numba.config, "DISABLE_JIT", 0)


def test_fast_twin_for_contiguous_float32_only(jit_on):
    f, x = chooser(), np.zeros((4, 6), np.float32)
    assert f(x) == f(x, x, 0.5, True) == "fast"
    assert f(x[:2]) == "fast"  # rows of a batch are contiguous
    assert f(x.astype(np.float64)) == f(x.astype(int)) == "plain"
    assert f(x[:, :3]) == f(x.T) == f(x[::2]) == "plain"
    assert f(x, x[:, ::2]) == f(x, 0.5, x.T) == "plain"  # any argument, not the first alone


def test_fast_twin_for_the_types_asked_for(jit_on):
    f = chooser((np.float32, np.float64))
    assert f(np.zeros(3)) == f(np.zeros(3, np.float32)) == "fast"
    assert f(np.zeros(3, np.float16)) == "plain"


def test_plain_twin_without_the_jit(monkeypatch):
    f, x = chooser(), np.zeros(3, np.float32)
    monkeypatch.setattr(numba.config, "DISABLE_JIT", 1)
    assert not jit_enabled() and f(x) == "plain"
    monkeypatch.setattr(numba.config, "DISABLE_JIT", 0)
    assert jit_enabled() and f(x) == "fast"


def test_non_contiguous_arrays_are_computed_not_lost(rng):
    a = rng.normal(size=(6, 8)).astype(np.float32)
    out = np.full((8, 6), -1, np.float32).T  # a reshape(-1) of this would be a copy
    activations.sigmoid(a, out)
    assert_allclose(out, naive.each(naive.sigmoid, a), rtol=1e-6)
    theta = np.zeros(10, np.float32)
    updates.momentum(theta[::2], np.ones((1, 5), np.float32), np.zeros(5, np.float32), 0, 5, 1.0, 0.0, False, 0.0)
    assert theta.tolist() == [-1, 0] * 5


def test_float64_losses_do_not_rest_on_exp32():
    a, x = np.array([[0.3, -2.0]]), np.array([[0.2, 0.9]])
    value = losses.bce(a, x, np.empty_like(a), 1.0)
    assert value == pytest.approx(naive.cross_entropy(x, naive.each(naive.sigmoid, a)), rel=1e-14)
