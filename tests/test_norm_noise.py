"""BatchNorm and Dropout: beside plain loops and PyTorch, in both modes; their kernels, noise, state and errors."""

import naive
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from test_checks import says

from tinyae.checks import UsageError
from tinyae.gradcases import SameNoise
from tinyae.gradcheck import assert_gradients, check_layer
from tinyae.kernels import norm as kernels
from tinyae.layers import LAYERS, BatchNorm, Dense, Dropout, Sequential, Tanh
from tinyae.layers.base import every_layer

FLOATS = pytest.mark.parametrize("dtype, tolerance", [(np.float32, 1e-4), (np.float64, 1e-10)], ids=["f32", "f64"])
MODES = pytest.mark.parametrize("training", [False, True], ids=["use", "training"])
SEED = st.integers(0, 2**32 - 1)
SAMPLE = st.lists(st.integers(1, 5), min_size=1, max_size=3).map(tuple)


def batch_norm(shape, dtype=np.float64, training=True, seed=1, **settings):
    """A BatchNorm with parameters and running statistics unlike those it starts with."""
    rng = np.random.default_rng(seed)
    layer = BatchNorm(**settings).build(shape, dtype=dtype)
    layer.params["gamma"][:] = rng.uniform(0.5, 2, shape[-1]) * rng.choice([-1, 1], shape[-1])
    layer.params["beta"][:] = rng.normal(size=shape[-1])
    layer.state["mean"][:] = rng.normal(size=shape[-1])
    layer.state["var"][:] = rng.uniform(0.3, 3, shape[-1])
    layer.set_training(training)
    return layer


def dropout(rate, shape, training=True, seed=3):
    layer = Dropout(rate).build(shape)
    layer.set_training(training)
    layer.reseed(np.random.default_rng(seed))
    return layer


def numbers(shape, seed=0, dtype=np.float64, mean=0.0):
    return (np.random.default_rng(seed).normal(size=shape) + mean).astype(dtype)


def same(got, want, tolerance, scale=None):
    """Closer than `tolerance`, relative to the largest number there is (or to `scale`)."""
    assert got.shape == want.shape
    scale = max(np.abs(want).max(initial=0), 1e-30) if scale is None else scale
    assert np.abs(got - want).max(initial=0) <= tolerance * scale


# -- kernels --------------------------------------------------------------------------------------------------


def naive_kernel(name, arrays):
    """What each kernel of tinyae.kernels.norm computes, one number at a time."""
    N, L = arrays[0].shape
    if name == "sum_squares":
        x, mean = arrays
        return np.array([sum((x[n, i] - mean[i]) ** 2 for n in range(N)) for i in range(L)])
    if name == "sum_products":
        dy, x, mean = arrays
        return np.array([sum(dy[n, i] * (x[n, i] - mean[i]) for n in range(N)) for i in range(L)])
    out = np.empty((N, L))
    for n, i in np.ndindex(N, L):
        if name == "normalise":
            x, mean, scale, shift = arrays
            out[n, i] = (x[n, i] - mean[i]) * scale[i] + shift[i]
        else:
            dy, x, mean, scale, slope, shift = arrays
            out[n, i] = dy[n, i] * scale[i] + (x[n, i] - mean[i]) * slope[i] + shift[i]
    return out


KERNELS = {"sum_squares": (1, 1), "sum_products": (2, 1), "normalise": (1, 3), "normalise_backward": (2, 4)}


@pytest.mark.parametrize("name", KERNELS)
@given(st.integers(1, 9), st.integers(1, 40), SEED)
def test_kernels_twins_and_loops_agree(name, n, length, seed):
    rng = np.random.default_rng(seed)
    n_batches, n_rows = KERNELS[name]
    shapes = [(n, length)] * n_batches + [(length,)] * n_rows
    arrays = [rng.normal(size=shape).astype(np.float32) for shape in shapes]
    kept = [a.copy() for a in arrays]
    joined = getattr(kernels, name)
    want = naive_kernel(name, [a.astype(np.float64) for a in arrays])
    for twin in (joined.fast, joined.plain, joined):
        out = np.full(want.shape, np.nan, np.float32)
        assert twin(*arrays, out) is out
        assert_allclose(out, want, rtol=1e-4, atol=1e-5)
    for a, b in zip(arrays, kept, strict=True):
        assert_array_equal(a, b)


def test_kernels_keep_what_is_not_finite():
    x, row, out = np.array([[1, np.nan], [np.inf, 2]], np.float32), np.ones(2, np.float32), np.empty(2, np.float32)
    for twin in (kernels.sum_squares.fast, kernels.sum_squares.plain):
        assert twin(x, row, out).tolist()[0] == np.inf and np.isnan(out[1])


# -- BatchNorm: forward ---------------------------------------------------------------------------------------


@FLOATS
@MODES
@given(st.integers(2, 6), SAMPLE, st.floats(1e-6, 1), SEED)
def test_batch_norm_beside_loops(training, dtype, tolerance, n, shape, eps, seed):
    layer = batch_norm(shape, dtype, training, seed, eps=eps)
    x = numbers((n, *shape), seed, dtype, mean=3)
    running = [] if training else [layer.state["mean"].copy(), layer.state["var"].copy()]
    y = layer.forward(x)
    assert y.dtype == dtype and y.shape == x.shape
    want = naive.batch_norm(x, layer.params["gamma"], layer.params["beta"], eps, *running)
    same(y, want, 10 * tolerance)  # two numbers that lie close are far apart afterwards, and so is their rounding


def test_batch_norm_on_paper():
    layer = BatchNorm(momentum=0.75, eps=1e-300).build(1, dtype=np.float64)
    layer.params["gamma"][:], layer.params["beta"][:] = 10, 5
    layer.set_training(True)
    x = np.array([[1.0], [1], [5], [5]])  # mean 3, variance 4 with M = 4 and 16/3 with M - 1 = 3
    assert layer.forward(x).tolist() == [[-5], [-5], [15], [15]]
    assert layer.state["mean"] == pytest.approx([0.75 * 0 + 0.25 * 3])
    assert layer.state["var"] == pytest.approx([0.75 * 1 + 0.25 * 16 / 3])
    layer.set_training(False)
    layer.state["mean"][:], layer.state["var"][:] = 1, 16
    assert layer.forward(x[1:3]).tolist() == [[5], [15]]


@FLOATS
def test_a_batch_comes_out_with_mean_beta_and_deviation_gamma(dtype, tolerance):
    layer = batch_norm((5, 4, 3), dtype, eps=1e-12)
    y = layer.forward(numbers((7, 5, 4, 3), dtype=dtype, mean=100)).reshape(-1, 3)
    same(y.mean(axis=0), layer.params["beta"], 10 * tolerance, 1)
    same(y.std(axis=0), np.abs(layer.params["gamma"]), 10 * tolerance, 1)


def test_float32_does_not_lose_the_sum_of_a_large_batch():
    x = (1 + numbers((1000, 20, 20, 2), dtype=np.float32)).astype(np.float32)
    layer = batch_norm((20, 20, 2), np.float32, momentum=0)
    layer.forward(x)
    assert_allclose(layer.state["mean"], x.mean(axis=(0, 1, 2), dtype=np.float64), rtol=2e-6)
    assert_allclose(layer.state["var"], x.var(axis=(0, 1, 2), dtype=np.float64, ddof=1), rtol=2e-6)


def test_a_constant_channel_is_beta():
    layer = batch_norm((3,), np.float32)
    x = np.full((6, 3), 7, np.float32)
    assert_array_equal(layer.forward(x), np.tile(layer.params["beta"], (6, 1)))
    assert np.isfinite(layer.backward(numbers((6, 3), dtype=np.float32))).all()


def test_in_use_a_sample_does_not_see_the_others():
    layer, x = batch_norm((4, 3), training=False), numbers((6, 4, 3))
    assert_array_equal(layer.forward(x)[2:3], layer.forward(x[2:3]))
    assert layer.forward(x[:0]).shape == (0, 4, 3)
    layer.set_training(True)
    assert not np.allclose(layer.forward(x)[2:5], layer.forward(x[2:5]))
    assert layer.couples_batch and not Dropout(0.5).couples_batch


# -- BatchNorm: state -----------------------------------------------------------------------------------------


def test_running_statistics_move_only_while_training():
    layer, x = batch_norm((4, 3), momentum=0.8), numbers((5, 4, 3), mean=2)
    before = {name: a.copy() for name, a in layer.state.items()}
    layer.forward(x)
    batch = {"mean": x.mean(axis=(0, 1)), "var": x.var(axis=(0, 1), ddof=1)}
    for name in before:
        assert_allclose(layer.state[name], 0.8 * before[name] + 0.2 * batch[name], rtol=1e-12)
    layer.set_training(False)
    after = {name: a.copy() for name, a in layer.state.items()}
    layer.forward(x)
    layer.backward(x)
    for name in after:
        assert_array_equal(layer.state[name], after[name])


def test_running_statistics_settle_at_those_of_the_data():
    layer, rng = batch_norm((2,), momentum=0.9), np.random.default_rng(5)
    for _ in range(2000):
        layer.forward(rng.normal([3, -1], [1, 2], size=(4, 2)))  # with M for M - 1 the variance would be 3/4 of it
    assert_allclose(layer.state["mean"], [3, -1], atol=0.6)
    assert_allclose(layer.state["var"], [1, 4], rtol=0.4)


@pytest.mark.parametrize("momentum, want", [(0, [4, 8]), (1, [0, 1])])
def test_momentum_at_its_ends(momentum, want):
    layer = BatchNorm(momentum=momentum).build(1, dtype=np.float64)
    layer.set_training(True)
    layer.forward(np.array([[2.0], [6]]))
    assert [layer.state["mean"][0], layer.state["var"][0]] == want


def test_replicas_share_the_running_statistics():
    layer = batch_norm((3,))
    kept = dict(layer.state)
    twins = [layer.replica(), Sequential([layer]).replica().layers[0]]
    for twin in twins:
        before = layer.state["mean"].copy()
        twin.forward(numbers((4, 3), mean=9))
        assert (layer.state["mean"] != before).all()
        for name, array in layer.state.items():
            assert array is kept[name] and twin.state[name] is array


def test_state_starts_as_a_standard_normal_in_the_nets_own_type():
    for dtype in (np.float32, np.float64):
        state = BatchNorm().build((2, 3), dtype=dtype).state
        assert {n: a.tolist() for n, a in state.items()} == {"mean": [0, 0, 0], "var": [1, 1, 1]}
        assert all(a.dtype == dtype for a in state.values())


# -- BatchNorm: backward --------------------------------------------------------------------------------------


@MODES
@pytest.mark.parametrize("shape", [(4, 5), (2, 3, 4, 5), (2, 1), (1, 2, 3, 1), (3, 1, 1, 2), (7, 2, 3)])
def test_batch_norm_gradients(shape, training):
    layer = batch_norm(shape[1:], training=training, eps=0.1)
    assert assert_gradients(check_layer(layer, numbers(shape, mean=1))) <= 1e-7


def test_backward_is_in_the_mode_of_the_last_forward():
    x, dy = numbers((4, 3)), numbers((4, 3), 1)
    for training in (False, True):
        layer = batch_norm((3,), training=training)
        layer.forward(x)
        want = layer.backward(dy)
        layer.set_training(not training)
        assert_array_equal(layer.backward(dy), want)


def test_running_statistics_may_move_between_forward_and_backward():
    layer = batch_norm((3,), training=False)
    layer.forward(numbers((4, 3)))
    want = layer.backward(numbers((4, 3), 1)), layer.grads["gamma"].copy()
    layer.state["mean"] += 1
    assert_array_equal(layer.backward(numbers((4, 3), 1)), want[0])
    assert_array_equal(layer.grads["gamma"], want[1])


def test_while_training_a_shift_and_a_scale_of_x_change_nothing():
    """Hence dL/dx is at right angles to both: its sum, and its sum with x, are 0 for every channel."""
    layer, x = batch_norm((4, 3), eps=1e-12), numbers((5, 4, 3))
    assert_allclose(layer.forward(7 * x - 2), layer.forward(x), rtol=1e-8)
    dx = layer.backward(numbers((5, 4, 3), 1))
    assert_allclose(dx.sum(axis=(0, 1)), 0, atol=1e-12)
    assert_allclose((dx * x).sum(axis=(0, 1)), 0, atol=1e-10)


def test_grads_are_filled_in_place():
    layer = batch_norm((3,))
    kept = dict(layer.grads)
    for n in (4, 3):
        layer.forward(numbers((n, 3)))
        assert layer.backward(np.ones((n, 3)), need_dx=False) is None
        assert layer.grads["beta"].tolist() == [n] * 3
        assert all(layer.grads[name] is kept[name] for name in kept)


# -- Dropout --------------------------------------------------------------------------------------------------


@FLOATS
def test_dropout_drops_its_share_and_scales_the_rest(dtype, tolerance):
    layer, x = dropout(0.3, (50, 8)), np.full((50, 50, 8), 2, dtype)
    y = layer.forward(x)
    assert y.dtype == dtype and set(np.unique(y).tolist()) == {0, float(dtype(2) * dtype(1 / 0.7))}
    assert np.mean(y == 0) == pytest.approx(0.3, abs=0.011)  # 20000 units: 0.0032 is one standard deviation
    assert y.mean() == pytest.approx(2, abs=0.04)
    dropped = y.reshape(50, -1) == 0
    assert np.corrcoef(dropped[0], dropped[1])[0, 1] == pytest.approx(0, abs=0.2)  # no two samples alike


def test_dropout_backward_has_the_mask_of_forward():
    for layer in (dropout(0.4, (5, 3)), dropout(0.4, (5, 3)).replica()):
        for n in (6, 4, 7):
            x, dy = numbers((n, 5, 3), mean=9), numbers((n, 5, 3), 1)
            kept_x, kept_dy = x.copy(), dy.copy()
            y = layer.forward(x)
            dx = layer.backward(dy)
            assert (y == 0).any() and (y != 0).any()
            assert_allclose(y, np.where(y != 0, x / 0.6, 0), rtol=1e-12)
            assert_allclose(dx, np.where(y != 0, dy / 0.6, 0), rtol=1e-12)
            assert_array_equal(x, kept_x)
            assert_array_equal(dy, kept_dy)
            assert layer.backward(dy, need_dx=False) is None


@pytest.mark.parametrize("rate, training", [(0.5, False), (0.0, True), (0, False)])
def test_dropout_is_the_identity_without_noise(rate, training):
    layer, x = dropout(rate, (3,), training), numbers((4, 3), dtype=np.float32)
    assert layer.forward(x) is x and layer.backward(x) is x and layer.backward(x, need_dx=False) is None
    assert layer.forward(np.array([[1, 2, 3]])).dtype == np.float64


def test_dropout_gradients_with_the_mask_held():
    layer = dropout(0.3, (4, 5))
    layer.reseed(SameNoise())
    assert assert_gradients(check_layer(layer, numbers((3, 4, 5)))) <= 1e-8
    net = Sequential([Dense(6), Dropout(0.2), Tanh(), BatchNorm(), Dropout(0.5), Dense(3)])
    net.build(5, dtype=np.float64).set_training(True)
    net.reseed(SameNoise())
    assert assert_gradients(check_layer(net, numbers((4, 5)))) <= 1e-7


def test_every_forward_draws_a_new_mask_from_the_layers_own_generator():
    x = np.ones((4, 30), np.float32)
    one, two, other = dropout(0.5, 30), dropout(0.5, 30), dropout(0.5, 30, seed=4)
    first, second = one.forward(x), one.forward(x)
    assert (first != second).any() and (first != other.forward(x)).any()
    assert_array_equal(two.forward(x), first)
    assert_array_equal(two.forward(x), second)
    one.reseed(np.random.default_rng(3))
    assert_array_equal(one.forward(x), first)
    fresh = Dropout(0.5).build(30)
    fresh.set_training(True)
    assert_array_equal(fresh.forward(x), dropout(0.5, 30, seed=0).forward(x))


def test_float32_and_float64_have_the_same_mask():
    x = np.ones((4, 30))
    assert_array_equal(dropout(0.5, 30).forward(x), dropout(0.5, 30).forward(x.astype(np.float32)))


def test_replicas_have_noise_of_their_own_and_always_the_same():
    def masks(order):
        layer = dropout(0.5, 30)
        workers = [layer.replica(), layer.replica(), layer]
        drawn = {i: workers[i].forward(np.ones((4, 30))) for i in order}
        return [drawn[i] for i in range(3)]

    one, two, mine = masks([0, 1, 2])
    assert (one != two).any() and (one != mine).any()
    for a, b in zip((one, two, mine), masks([2, 1, 0]), strict=True):  # whichever thread comes first
        assert_array_equal(a, b)


def test_a_net_hands_its_generator_on():
    net = Sequential([Dropout(0.5), Sequential([Tanh(), Dropout(0.5)])], 20)
    net.set_training(True)
    net.reseed(rng := np.random.default_rng(7))
    assert [layer.rng is rng for layer in every_layer(net) if isinstance(layer, Dropout)] == [True, True]
    y = net.forward(np.ones((3, 20), np.float32))
    assert (y == 0).mean() == pytest.approx(0.75, abs=0.2)  # two masks, not one twice


# -- both -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "make, training", [(BatchNorm, False), (BatchNorm, True), (lambda: Dropout(0.5), True)], ids=["use", "norm", "drop"]
)
def test_results_are_fresh_for_users_and_reused_for_workers(make, training):
    layer = make().build((4, 3))
    layer.set_training(training)
    x, dy = numbers((5, 4, 3), dtype=np.float32), numbers((5, 4, 3), 1, np.float32)
    kept = x.copy(), dy.copy()
    y, dx = layer.forward(x), layer.backward(dy)
    again = layer.forward(x), layer.backward(dy)
    for a in (y, dx, *again):
        assert sum(np.shares_memory(a, b) for b in (y, dx, *again, x, dy)) == 1 and a.dtype == np.float32
    twin = layer.replica()
    y, dx = twin.forward(x), twin.backward(dy)
    assert np.shares_memory(twin.forward(x[:3]), y) and np.shares_memory(twin.backward(dy[:3]), dx)
    assert_array_equal(x, kept[0])
    assert_array_equal(dy, kept[1])


def test_a_replica_of_batch_norm_computes_what_the_layer_does():
    for training in (False, True):
        layer = batch_norm((4, 3), np.float32, training)
        twin = layer.replica()
        for n in (5, 3, 6):
            x, dy = numbers((n, 4, 3), n, np.float32), numbers((n, 4, 3), n + 1, np.float32)
            assert_array_equal(twin.forward(x), layer.forward(x))
            assert_array_equal(twin.backward(dy), layer.backward(dy))
            assert_array_equal(twin.grads["gamma"], layer.grads["gamma"])
            assert not np.shares_memory(twin.grads["gamma"], layer.grads["gamma"])


def test_memory_in_another_order_gives_the_same():
    x, dy = numbers((6, 4, 3)), numbers((6, 4, 3), 1)
    layer = batch_norm((4, 3))
    want = layer.forward(x), layer.backward(dy)
    backwards = np.asfortranarray(x), np.asfortranarray(dy)
    assert_allclose(layer.forward(backwards[0]), want[0], rtol=1e-12)
    assert_allclose(layer.backward(backwards[1]), want[1], rtol=1e-12)
    assert layer.forward(x.tolist()).shape == x.shape


@pytest.mark.parametrize("layer", [BatchNorm(), BatchNorm(0.5, 0.01), Dropout(0), Dropout(0.25)], ids=repr)
def test_config_makes_the_layer_again(layer):
    again = LAYERS[layer.name](**layer.config())
    assert repr(again) == repr(layer) and again.config() == layer.config()


# -- errors ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "make, text",
    [
        (lambda: Dropout(1), "Dropout: expected rate in [0, 1), got 1."),
        (lambda: Dropout(-0.1), "Dropout: expected rate in [0, 1), got -0.1."),
        (lambda: Dropout("half"), "Dropout: expected rate in [0, 1), got 'half'."),
        (lambda: BatchNorm(momentum=1.1), "BatchNorm: expected momentum in [0, 1], got 1.1."),
        (lambda: BatchNorm(eps=0), "BatchNorm: expected eps in (0, inf), got 0."),
    ],
)
def test_wrong_settings(make, text):
    with says(text):
        make()


@pytest.mark.parametrize("shape", [(1, 5), (0, 5), (1, 1, 1, 5), (0, 3, 2, 5)])
def test_one_number_has_no_variance(shape):
    layer = batch_norm(shape[1:])
    kept = {name: a.copy() for name, a in layer.state.items()}
    text = (
        f"BatchNorm: expected at least 2 numbers a channel in a training batch, got {shape[0]} (x of shape {shape}): "
        "one number has no variance; choose a batch size that leaves no last batch of one sample."
    )
    with says(text):
        layer.forward(np.ones(shape))
    for name in kept:
        assert_array_equal(layer.state[name], kept[name])
    layer.set_training(False)
    assert layer.forward(np.ones(shape)).shape == shape


def test_one_sample_of_two_pixels_has_a_variance():
    y = batch_norm((1, 2, 3)).forward(numbers((1, 1, 2, 3)))
    assert np.isfinite(y).all()


@pytest.mark.parametrize("make", [BatchNorm, lambda: Dropout(0.5)], ids=["BatchNorm", "Dropout"])
def test_wrong_use(make):
    name = make().name
    with says(f"{name}: expected x of shape (N, 5), got (2, 4).", ValueError):
        make().build(5).forward(np.zeros((2, 4)))
    with says(f"{name}: expected a built layer, got one without shapes; call build(input_shape).", ValueError):
        make().forward(np.zeros((2, 4)))
    with says(f"{name}: expected forward before backward, got no forward pass yet.", ValueError):
        make().build(5).backward(np.zeros((2, 5)))
    with pytest.raises(UsageError):
        make().build(5).forward([1, 2])


# -- PyTorch --------------------------------------------------------------------------------------------------


def channels_first(torch, x):
    """x (N, ..., C) as a tensor (N, C, ...) that takes a gradient."""
    axes = (0, x.ndim - 1, *range(1, x.ndim - 1))
    return torch.tensor(np.ascontiguousarray(x.transpose(axes)), requires_grad=True)


def channels_last(tensor):
    axes = (0, *range(2, tensor.ndim), 1)
    return tensor.detach().numpy().transpose(axes)


@pytest.mark.oracle
@FLOATS
def test_batch_norm_against_pytorch(torch, dtype, tolerance):
    """Two training steps, then a pass in use: outputs, all gradients, running statistics. PyTorch in float64."""
    rng = np.random.default_rng(0)
    for case in range(300):
        n_axes = int(rng.choice([0, 1, 2]))
        shape = (*(int(n) for n in rng.integers(1, 6, n_axes)), int(rng.integers(1, 7)))
        N, momentum, eps = int(rng.integers(2, 8)), rng.uniform(), 10 ** rng.uniform(-5, -1)
        layer = batch_norm(shape, dtype, seed=case, momentum=momentum, eps=eps)
        peer = torch.nn.BatchNorm2d if n_axes == 2 else torch.nn.BatchNorm1d
        peer = peer(shape[-1], eps=eps, momentum=1 - momentum, dtype=torch.float64)
        with torch.no_grad():
            peer.weight[:], peer.bias[:] = torch.tensor(layer.params["gamma"]), torch.tensor(layer.params["beta"])
            peer.running_mean[:] = torch.tensor(layer.state["mean"])
            peer.running_var[:] = torch.tensor(layer.state["var"])
        for training in (True, True, False):
            layer.set_training(training)
            peer.train(training)
            peer.zero_grad()
            x = (rng.normal(size=(N, *shape)) * rng.uniform(0.5, 3) + rng.normal()).astype(dtype)
            dy = rng.normal(size=x.shape).astype(dtype)
            tensor = channels_first(torch, x.astype(np.float64))
            want = peer(tensor)
            want.backward(channels_first(torch, dy.astype(np.float64)).detach())
            y, dx = layer.forward(x), layer.backward(dy)
            terms = np.abs(layer.params["gamma"] * layer.inverse_std).max() * np.abs(dy).max()  # what dx is a sum of
            same(y, channels_last(want), tolerance)
            same(dx, channels_last(tensor.grad), tolerance, terms)
            same(layer.grads["gamma"], peer.weight.grad.numpy(), tolerance, max(1, np.abs(dy).sum()))
            same(layer.grads["beta"], peer.bias.grad.numpy(), tolerance, max(1, np.abs(dy).sum()))
            same(layer.state["mean"], peer.running_mean.numpy(), tolerance)
            same(layer.state["var"], peer.running_var.numpy(), tolerance)


@pytest.mark.oracle
def test_dropout_against_pytorch(torch):
    """PyTorch's noise is another; its share of zeros, its scale and its mode of use are the same."""
    x = np.ones((100, 200), np.float32)
    for rate in (0.1, 0.5, 0.9):
        layer, peer = dropout(rate, 200), torch.nn.Dropout(rate)
        torch.manual_seed(0)
        y, want = layer.forward(x), peer(torch.tensor(x)).numpy()
        assert_allclose(np.unique(y), np.unique(want), rtol=1e-6)
        assert np.mean(y == 0) == pytest.approx(np.mean(want == 0), abs=0.02)
