"""The k-sparse code: what is kept, what flows back, ties, use with more units, and a net that learns."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_array_equal
from test_checks import says

from tinyae import Adam, Autoencoder, Dense, KSparse, Linear, load, save
from tinyae.gradcheck import assert_gradients, check_layer
from tinyae.layers import LAYERS
from tinyae.layers.ksparse import strongest
from tinyae.training import shards

SEED = st.integers(0, 2**32 - 1)
FLOATS = pytest.mark.parametrize("dtype", [np.float32, np.float64])


def numbers(shape, seed=0, dtype=np.float64):
    return np.random.default_rng(seed).normal(size=shape).astype(dtype)


def layer_for(shape, k, k_use=None, training=True):
    layer = KSparse(k, k_use).build(shape)
    layer.set_training(training)
    return layer


def naive_strongest(row, k):
    """Places of the k largest numbers, one after the other; of equal ones the first."""
    kept = []
    for _ in range(k):
        best = None
        for j, value in enumerate(row):
            if j not in kept and (best is None or value > row[best]):
                best = j
        kept.append(best)
    return sorted(kept)


# --- what is kept


@FLOATS
@given(st.integers(1, 4), st.integers(1, 9), SEED, st.booleans(), st.data())
def test_strongest_beside_loops(dtype, n, width, seed, ties, data):
    k = data.draw(st.integers(1, width))
    rows = numbers((n, width), seed, dtype)
    if ties:
        rows = np.round(rows)
    kept = rows.copy()
    found = strongest(rows, k)
    assert found.shape == rows.shape and found.dtype == bool
    for row, places in zip(rows, found, strict=True):
        assert np.flatnonzero(places).tolist() == naive_strongest(row.tolist(), k)
    assert_array_equal(rows, kept)


@FLOATS
@pytest.mark.parametrize("shape, k", [((5,), 2), ((5,), 5), ((5,), 1), ((2, 3, 4), 7), ((2, 2), 3), ((1,), 1)])
def test_forward_and_backward(dtype, shape, k):
    layer, x, dy = layer_for(shape, k), numbers((6, *shape), 1, dtype), numbers((6, *shape), 2, dtype)
    kept_x, kept_dy = x.copy(), dy.copy()
    y, dx = layer.forward(x), layer.backward(dy)
    assert y.shape == x.shape and y.dtype == dx.dtype == dtype
    for sample, out, slope, back in zip(x, y, dy, dx, strict=True):
        on = naive_strongest(sample.ravel().tolist(), k)
        want, want_back = np.zeros(sample.size), np.zeros(sample.size)
        want[on], want_back[on] = sample.ravel()[on], slope.ravel()[on]
        assert_array_equal(out.ravel(), want)
        assert_array_equal(back.ravel(), want_back)
    assert layer.backward(dy, need_dx=False) is None
    assert_array_equal(x, kept_x)
    assert_array_equal(dy, kept_dy)


def test_on_paper():
    layer = layer_for((5,), 2)
    y = layer.forward(np.array([[3.0, -1, 5, 0, 4], [-3, -1, -5, -2, -4], [1, 1, 1, 0, 1]]))
    assert y.tolist() == [[0, 0, 5, 0, 4], [0, -1, 0, -2, 0], [1, 1, 0, 0, 0]]  # the largest, not the furthest from 0
    assert not np.signbit(y[0]).any()  # no -0 for those that were negative
    assert layer.backward(np.ones((3, 5))).sum(axis=1).tolist() == [2, 2, 2]


def test_equal_numbers_never_make_more_than_k():
    for x in (np.zeros((3, 8)), np.ones((3, 8)), np.tile([2.0, 1, 1, 1, 1, 1, 0, 3], (3, 1))):
        for k in range(1, 9):
            assert np.count_nonzero(strongest(x, k), axis=1).tolist() == [k] * 3


def test_a_net_that_diverges_shows_it():
    x = numbers((3, 6))
    x[0, 1] = x[1, :4] = np.nan
    x[2, 3] = np.inf
    y = layer_for((6,), 2).forward(x)
    assert np.isnan(y[0, 1]) and np.isnan(y[1]).any() and y[2, 3] == np.inf
    assert np.count_nonzero(y[0]) == 2 and np.isfinite(y[2, [0, 1, 2, 4, 5]]).all()


def test_a_batch_of_any_length():
    layer = layer_for((2, 3), 2)
    for n in (5, 1, 0, 7):  # 0: a worker without rows
        x = numbers((n, 2, 3), n)
        assert layer.forward(x).shape == layer.backward(x).shape == (n, 2, 3)
    assert layer.forward(x.tolist()).shape == (7, 2, 3)


def test_a_sample_does_not_see_the_others():
    layer, x = layer_for((9,), 3), np.round(numbers((20, 9)))
    assert_array_equal(layer.forward(x)[4:7], layer.forward(x[4:7]))
    assert not layer.couples_batch


def test_another_number_of_units_in_use():
    x = numbers((4, 9))
    layer = layer_for((9,), 2, k_use=5)
    assert np.count_nonzero(layer.forward(x), axis=1).tolist() == [2] * 4
    layer.set_training(False)
    assert np.count_nonzero(layer.forward(x), axis=1).tolist() == [5] * 4
    assert np.count_nonzero(layer.backward(x), axis=1).tolist() == [5] * 4
    for training in (True, False):
        assert np.count_nonzero(layer_for((9,), 2, None, training).forward(x), axis=1).tolist() == [2] * 4


def test_backward_is_in_the_mode_of_the_last_forward():
    layer, x = layer_for((9,), 2, k_use=5), numbers((4, 9))
    layer.forward(x)
    layer.set_training(False)
    assert np.count_nonzero(layer.backward(x), axis=1).tolist() == [2] * 4


@pytest.mark.parametrize("shape, k", [((5,), 2), ((2, 3, 4), 7), ((5,), 5)])
def test_gradients(shape, k):
    """Away from the places where another unit becomes the k-th."""
    x = np.random.default_rng(0).permutation(4 * int(np.prod(shape))).reshape(4, *shape) / 7 - 1
    layer = layer_for(shape, k).build(shape, dtype=np.float64)
    assert assert_gradients(check_layer(layer, x)) <= 1e-8


@pytest.mark.oracle
@pytest.mark.parametrize("k", [1, 4, 20])
def test_beside_torch(torch, k):
    x, dy = numbers((8, 20), 1, np.float32), numbers((8, 20), 2, np.float32)
    at = torch.tensor(x, requires_grad=True)
    top = torch.topk(at, k, dim=1)
    want = torch.zeros_like(at).scatter(1, top.indices, top.values)
    want.backward(torch.tensor(dy))
    layer = layer_for((20,), k)
    assert_array_equal(layer.forward(x), want.detach().numpy())
    assert_array_equal(layer.backward(dy), at.grad.numpy())


def test_results_are_fresh_for_users_and_reused_for_workers():
    layer, x = layer_for((6,), 2), numbers((5, 6))
    results = [layer.forward(x), layer.backward(x), layer.forward(x), layer.backward(x), x]
    assert not any(np.shares_memory(a, b) for i, a in enumerate(results) for b in results[:i])
    twin = layer.replica()
    y, dx = twin.forward(x), twin.backward(x)
    assert np.shares_memory(twin.forward(x[:3]), y) and np.shares_memory(twin.backward(x[:3]), dx)
    assert_array_equal(twin.forward(x), layer.forward(x))


# --- settings


@pytest.mark.parametrize("layer", [KSparse(3), KSparse(3, 9), KSparse(np.int64(3))], ids=repr)
def test_config_makes_the_layer_again(layer):
    again = LAYERS["KSparse"](**layer.config())
    assert repr(again) == repr(layer) and again.config() == layer.config()


@pytest.mark.parametrize(
    "make, text",
    [
        (lambda: KSparse(0), "KSparse: expected k to be a whole number >= 1, got 0."),
        (lambda: KSparse(2.5), "KSparse: expected k to be a whole number >= 1, got 2.5."),
        (lambda: KSparse(2, 0), "KSparse: expected k_use to be a whole number >= 1, got 0."),
        (lambda: KSparse(6).build(5), "KSparse: expected k of at most 5, the size of the code, got 6."),
        (lambda: KSparse(3, 7).build((2, 3)), "KSparse: expected k_use of at most 6, the size of the code, got 7."),
    ],
)
def test_wrong_settings(make, text):
    with says(text):
        make()


# --- nets


def net(k=3, k_use=None, dtype=np.float32):
    """8 -> 12, of which k -> 8."""
    return Autoencoder([Dense(12), KSparse(k, k_use)], [Dense(8), Linear()], "mse", input_shape=8, dtype=dtype)


def rows(n=60):
    return np.random.default_rng(0).uniform(size=(n, 8)).astype(np.float32)


@pytest.mark.parametrize("threads", [1, 2])
def test_a_net_learns_with_k_units_and_is_used_with_k_use(threads, monkeypatch, tmp_path):
    monkeypatch.setattr(shards, "SMALLEST_SHARED_WORK", 0)
    model, x = net(3, 6), rows()
    history = model.fit(x, epochs=30, batch_size=59, optimizer=Adam(0.02), threads=threads, progress=False)
    assert history["loss"][-1] < 0.7 * history["loss"][0]  # also the last batch, of a single image
    assert np.count_nonzero(model.encode(x), axis=1).tolist() == [6] * 60
    model.set_training(True)
    assert np.count_nonzero(model.encode(x), axis=1).tolist() == [3] * 60
    save(model, tmp_path / "model.npz")
    back = load(tmp_path / "model.npz")
    assert np.count_nonzero(back.encode(x), axis=1).tolist() == [6] * 60
    assert back.encode(x[:0]).shape == (0, 12)
