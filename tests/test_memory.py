"""How many rows go through a net at once: pieces of a batch, the same gradient, batches that do not fit."""

import itertools
import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from tinyae import SGD, Adam, Autoencoder, UsageError
from tinyae.architectures import conv_autoencoder, deep_autoencoder, dense_autoencoder, generic_conv_autoencoder
from tinyae.kernels.config import jit_enabled
from tinyae.layers import BatchNorm, Conv2D, ConvTranspose, Dense, Dropout, Flatten, Reshape, Sequential
from tinyae.layers.base import every_layer
from tinyae.training import memory, shards
from tinyae.training.memory import bytes_per_sample, check_batch_fits, pieces, rows_at_once, step_bytes
from tinyae.training.shards import ShardedStep, rows_per_pass
from tinyae.training.threads import Team

THREADS = pytest.mark.parametrize("threads", [1, 2])
IMAGE = (6, 8, 1)


def conv_net(dtype=np.float32, **settings):
    encoder = [Conv2D(4, 3, activation="tanh"), Conv2D(3, 3, stride=2, activation="tanh")]
    decoder = [ConvTranspose(4, 3, stride=2, activation="tanh"), Conv2D(1, 3, activation="sigmoid")]
    return Autoencoder(encoder, decoder, input_shape=IMAGE, **settings).astype(dtype)


def mixed_net(dtype=np.float32):
    """Convolutions, and dense layers between them."""
    encoder = [Conv2D(4, 3, activation="tanh"), Conv2D(4, 3, activation="tanh"), Flatten(), Dense(2)]
    decoder = [Dense(6 * 8 * 2, activation="tanh"), Reshape((6, 8, 2)), Conv2D(1, 3, activation="sigmoid")]
    return Autoencoder(encoder, decoder, input_shape=IMAGE, seed=2).astype(dtype)


def images(n, shape=IMAGE, dtype=np.float32, seed=0):
    return np.random.default_rng(seed).uniform(size=(n, *shape)).astype(dtype)


@pytest.fixture
def few_at_once(monkeypatch):
    """Room in the cache for so many samples of a net."""

    def room(model, n):
        monkeypatch.setattr(memory, "CACHE_BYTES", n * bytes_per_sample(model))
        monkeypatch.setattr(memory, "OFTEN", 0)

    return room


# -- pieces ---------------------------------------------------------------------------------------------------


@given(st.integers(0, 50), st.integers(0, 200), st.integers(1, 70))
def test_pieces(start, n, at_once):
    cut = pieces(slice(start, start + n), at_once)
    lengths = [piece.stop - piece.start for piece in cut]
    assert [k for piece in cut for k in range(piece.start, piece.stop)] == list(range(start, start + n))
    assert max(lengths) <= at_once and max(lengths) - min(lengths) <= 1
    assert len(cut) == max(1, -(-n // at_once))  # no more pieces than needed
    assert all(type(piece.start) is type(piece.stop) is int for piece in cut)


def test_pieces_at_the_ends():
    assert pieces(slice(3, 3), 5) == [slice(3, 3)]
    assert pieces(slice(0, 7), 10**30) == [slice(0, 7)]
    assert pieces(slice(2, 9), 3) == [slice(2, 4), slice(4, 6), slice(6, 9)]


# -- how many rows --------------------------------------------------------------------------------------------


def test_bytes_per_sample_by_hand():
    """Every layer's input and output, which have a gradient each or are one: 4 bytes a number."""
    net = Sequential([Dense(3), Dense(2)], 5)
    assert bytes_per_sample(net) == 4 * (5 + 3 + 3 + 2)
    inside = Sequential([Dense(3, activation="tanh"), Dense(2)], 5)
    assert bytes_per_sample(inside) == 4 * (5 + 3 + 3 + 3 + 3 + 2)
    assert bytes_per_sample(Sequential([Sequential([Dense(3)]), Sequential([Dense(2)])], 5)) == bytes_per_sample(net)
    model = dense_autoencoder(5, (), 3)
    assert bytes_per_sample(model.astype(np.float64)) == 2 * bytes_per_sample(model)
    assert bytes_per_sample(conv_net()) == 4 * (
        48 + 48 * 4 + 2 * 48 * 4  # 6 x 8, one channel to four; tanh
        + 48 * 4 + 12 * 3 + 2 * 12 * 3  # stride 2
        + 12 * 3 + 48 * 4 + 2 * 48 * 4  # back
        + 48 * 4 + 48 + 2 * 48  # sigmoid
    )  # fmt: skip


def test_dense_nets_take_all_rows_and_conv_nets_a_few():
    dense, conv = deep_autoencoder(), conv_autoencoder()
    assert rows_at_once(dense) == memory.MOST_ROWS and rows_at_once(dense, otherwise=7) == 7
    assert rows_per_pass(dense) >= 10**9
    few = rows_at_once(conv)
    assert rows_at_once(conv, otherwise=7) == rows_per_pass(conv) == few
    assert 1 <= few < 100 and few * bytes_per_sample(conv) <= memory.CACHE_BYTES


def test_at_least_one_row_and_never_too_many(monkeypatch):
    conv = conv_net()
    monkeypatch.setattr(memory, "CACHE_BYTES", 1)
    assert rows_at_once(conv) == 1
    monkeypatch.setattr(memory, "CACHE_BYTES", 10**15)
    assert rows_at_once(conv) == memory.MOST_ROWS


def test_a_net_without_parameters():
    assert rows_at_once(Sequential([Flatten()], (2, 3))) == memory.MOST_ROWS
    assert rows_at_once(Sequential([Flatten()], (2, 3)), otherwise=3) == 3


def test_a_batch_is_not_cut_where_samples_depend_on_each_other(few_at_once):
    encoder = [Conv2D(4, 3), BatchNorm(), Conv2D(3, 3)]
    model = Autoencoder(encoder, [Conv2D(1, 3, activation="sigmoid")], input_shape=IMAGE)
    few_at_once(model, 3)
    assert rows_at_once(model) == 3 and rows_per_pass(model) >= 10**9


# -- a batch in pieces is the batch ---------------------------------------------------------------------------


def gradient_and_loss(model, x, y, rows, threads):
    with Team(threads) as team:
        step = ShardedStep(model, SGD(), team, total_steps=1)
        step.gradient(x, y, rows[::-1][: -(-len(rows) // 2)])  # fills every vector with what must not stay there
        step.gradient(x, y, rows)
        return step.grads.sum(axis=0), step._parts.sum(), step.at_once


@THREADS
@pytest.mark.parametrize("separate", [False, True], ids=["itself", "separate-target"])
@pytest.mark.parametrize("make", [conv_net, mixed_net])
@settings(max_examples=12)
@given(data=st.data())
def test_the_gradient_in_pieces_is_the_gradient(make, separate, threads, data):
    n, room = data.draw(st.integers(2, 17)), data.draw(st.integers(1, 6))
    model = make(np.float64)
    x = images(20, dtype=np.float64)
    y = images(20, dtype=np.float64, seed=1) if separate else x
    rows = np.random.default_rng(n).permutation(20)[:n]
    want_loss = model.loss_and_gradient(x[rows], y[rows])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(memory, "CACHE_BYTES", room * bytes_per_sample(model))
        patch.setattr(memory, "OFTEN", 0)
        gradient, loss, at_once = gradient_and_loss(model, x, y, rows, threads)
    assert at_once == room
    assert_allclose(gradient, model.gradient, rtol=1e-10, atol=1e-12)
    assert loss == pytest.approx(want_loss, rel=1e-12)


@THREADS
@pytest.mark.parametrize("room", [1, 3, 4])
@pytest.mark.parametrize("make", [conv_net, mixed_net])
def test_training_in_pieces_is_training(make, room, threads, few_at_once, monkeypatch):
    monkeypatch.setattr(shards, "SMALLEST_SHARED_WORK", 0)
    x = images(24)  # 19 to train on: a shorter batch at the end
    settings = {"epochs": 3, "batch_size": 8, "threads": threads, "progress": False, "validation_split": 0.2}
    whole, cut = make(), make()
    few_at_once(whole, 100)
    assert rows_per_pass(whole) == 100
    one = whole.fit(x, optimizer=SGD(0.05, momentum=0.9), **settings)
    few_at_once(cut, room)
    assert rows_per_pass(cut) == room
    two = cut.fit(x, optimizer=SGD(0.05, momentum=0.9), **settings)
    assert_allclose(cut.theta, whole.theta, rtol=1e-5, atol=1e-5)
    assert np.abs(cut.theta - make().theta).max() > 1e-2
    for name in ("loss", "val_loss"):
        assert_allclose(two[name], one[name], rtol=1e-5)


@THREADS
@pytest.mark.parametrize("room", [2, 5, 100])
def test_large_dense_layers_in_a_net_that_is_cut(room, threads, few_at_once, monkeypatch):
    """Gradients formed in slabs at the update, where a worker has all its rows; summed over the pieces elsewhere."""
    monkeypatch.setattr(shards, "WORTH_IT", 50)
    x, nets = images(16, dtype=np.float64), [mixed_net(np.float64) for _ in range(2)]
    assert len(list(shards.large_matrices(nets[0]))) == 2
    few_at_once(nets[1], room)
    with Team(threads) as team:
        step = ShardedStep(nets[1], SGD(0.1), team, total_steps=9)
        for rows in np.split(np.random.default_rng(0).permutation(16), [2, 9, 12]):  # some fit at once, some do not
            loss = nets[0].loss_and_gradient(x[rows])
            assert step(x, x, rows) == pytest.approx(loss, rel=1e-10)
            nets[0].theta -= 0.1 * nets[0].gradient
            assert_allclose(nets[1].theta, nets[0].theta, rtol=1e-9, atol=1e-12)


@THREADS
def test_pieces_give_the_same_bits_again(threads, few_at_once, monkeypatch):
    monkeypatch.setattr(shards, "SMALLEST_SHARED_WORK", 0)
    nets = [conv_net(), conv_net()]
    for model in nets:
        few_at_once(model, 3)
        model.fit(images(13), epochs=2, batch_size=10, threads=threads, progress=False)
    assert_array_equal(nets[0].theta, nets[1].theta)


@pytest.mark.parametrize("loss", ["bce", "mse"])
@pytest.mark.parametrize("n", [1, 2])
def test_more_workers_than_rows(n, loss, few_at_once):
    """The last batch of an epoch may be that small."""
    model, x = conv_net(loss=loss).astype(np.float64), images(5, dtype=np.float64)
    few_at_once(model, 2)
    gradient, value, _ = gradient_and_loss(model, x, x, np.arange(n), 3)
    assert value == pytest.approx(model.loss_and_gradient(x[:n]), rel=1e-12)
    assert_allclose(gradient, model.gradient, rtol=1e-10, atol=1e-13)


@pytest.mark.parametrize("make", [conv_autoencoder, generic_conv_autoencoder], ids=["16-8-8", "generic"])
def test_one_image_is_left_for_two_workers(make, monkeypatch):
    monkeypatch.setattr(shards, "SMALLEST_SHARED_WORK", 0)
    shape = (12, 13, 1)
    x, settings = images(5, shape), {"epochs": 1, "batch_size": 4, "shuffle": False, "progress": False}
    nets = [make(shape, **({"kernels": (3,)} if make is generic_conv_autoencoder else {})) for _ in range(2)]
    for threads, model in enumerate(nets, 1):
        model.fit(x, optimizer=SGD(1e-3), threads=threads, **settings)
    assert_allclose(nets[1].theta, nets[0].theta, rtol=1e-5, atol=1e-5)


def test_every_piece_has_noise_of_its_own(few_at_once):
    encoder = [Conv2D(2, 3), Dropout(0.5)]
    model = Autoencoder(encoder, [Conv2D(1, 3, activation="sigmoid")], input_shape=IMAGE)
    few_at_once(model, 1)
    x = np.repeat(images(1), 4, axis=0)
    with Team(1) as team:
        step = ShardedStep(model, SGD(), team, total_steps=1)
        dropout = next(layer for layer in every_layer(step.replicas[0]) if isinstance(layer, Dropout))
        outputs, forward = [], dropout.forward
        dropout.forward = lambda x: outputs.append(forward(x).copy()) or outputs[-1]
        step.gradient(x, x, np.arange(4))
    assert len(outputs) == 4 and all((a != b).any() for a, b in itertools.pairwise(outputs))


@pytest.mark.parametrize("room", [1, 3, 100])
def test_using_a_net_does_not_depend_on_the_pieces(room, few_at_once):
    model, x = conv_net(), images(10)
    want = model.forward(x), model.encoder.forward(x), model.loss_value(x)
    few_at_once(model, room)
    assert_allclose(model.reconstruct(x, threads=2), want[0], rtol=1e-6)
    assert_allclose(model.encode(x, threads=1), want[1], rtol=1e-5, atol=1e-6)
    assert model.evaluate(x)["loss"] == pytest.approx(want[2], rel=1e-6)


# -- a batch that does not fit --------------------------------------------------------------------------------

TRAINERS = pytest.mark.parametrize(
    "make, rows", [(deep_autoencoder, 10**9), (conv_autoencoder, 40), (conv_net, 10**9)], ids=["dense", "conv", "small"]
)


@THREADS
@TRAINERS
@settings(max_examples=25)
@given(data=st.data())
def test_the_batch_it_names_fits_and_one_more_does_not(make, rows, threads, data):
    model, batch = make(), data.draw(st.integers(2, 100_000))
    need, least = step_bytes(model, batch, threads, rows), step_bytes(model, 1, threads, rows)
    free = data.draw(st.integers(least + 8, max(least + 8, int(1.2 * need)))) / memory.SPARE
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(memory, "free_memory", lambda: free)
        if need <= memory.SPARE * free:
            return check_batch_fits("fit", model, batch, threads, rows)
        with pytest.raises(
            UsageError, match=rf"^fit: expected a batch that fits.*batch_size={batch}, .*; batch_size="
        ) as e:
            check_batch_fits("fit", model, batch, threads, rows)
        fits = int(str(e.value).split("batch_size=")[-1].split()[0])
        assert 1 <= fits < batch
        check_batch_fits("fit", model, fits, threads, rows)
        with pytest.raises(UsageError):
            check_batch_fits("fit", model, fits + 1, threads, rows)


def test_the_whole_message(monkeypatch):
    model = dense_autoencoder(1000, (), 10)
    monkeypatch.setattr(memory, "free_memory", lambda: 10_000_000)
    with pytest.raises(UsageError) as error:
        check_batch_fits("fit", model, 100_000, 1, 10**9)
    # a sample: Dense 1000 + 10, ReLU 10 + 10, Dense 10 + 1000, Sigmoid 1000 + 1000, and twice 1000 of data; six vectors
    sample, vectors = 4 * (1010 + 20 + 1010 + 2000 + 2000), 4 * 6 * model.n_params
    fits = (9_000_000 - vectors) // sample
    assert str(error.value) == (
        "fit: expected a batch that fits into memory, got batch_size=100000, which needs about "
        f"2.4 GB where 9 MB are free; batch_size={fits} fits."
    )


def test_rows_that_are_not_worked_on_at_once_take_no_memory():
    model = conv_autoencoder()
    assert step_bytes(model, 10**6, 2, 40) == step_bytes(model, 80, 2, 40) > step_bytes(model, 79, 2, 40)
    assert step_bytes(model, 10**6, 1, 40) < step_bytes(model, 10**6, 2, 40)


def test_a_net_that_does_not_fit_at_all(monkeypatch):
    monkeypatch.setattr(memory, "free_memory", lambda: 1000)
    with pytest.raises(UsageError, match=r"where 0 MB are free; the net itself does not fit; make it smaller\.$"):
        check_batch_fits("fit", deep_autoencoder(), 1, 1, 10)


def test_fit_looks_before_it_trains(monkeypatch):
    model, x = dense_autoencoder(100, (), 10), np.zeros((3000, 100), np.float32)
    kept = model.theta.copy()
    monkeypatch.setattr(memory, "free_memory", lambda: 2_000_000)
    settings = {"epochs": 1, "threads": 1, "progress": False}
    with pytest.raises(UsageError, match=r"got batch_size=3000, .*; batch_size=\d+ fits\.$") as error:
        model.fit(x, batch_size=5000, **settings)  # there are no more than 3000 images to a batch
    assert_array_equal(model.theta, kept)
    fits = int(str(error.value).split("batch_size=")[-1].split()[0])
    model.fit(x[:1], batch_size=fits, **settings)
    model.fit(x[:1], batch_size=10**9, **settings)  # one image is a batch of one
    assert (model.theta != kept).any()


def test_this_machine_has_memory():
    assert 10**7 < memory.free_memory() < 10**15
    check_batch_fits("fit", conv_autoencoder(), 32, 2, 100)


def test_readable():
    assert [memory._readable(n) for n in (0, 2_600_000, 999_000_000, 1_000_000_000, 12_340_000_000)] == [
        "0 MB", "3 MB", "999 MB", "1.0 GB", "12.3 GB",
    ]  # fmt: skip


# -- the estimate beside what is measured -----------------------------------------------------------------------


def measured_peak(make, x, threads, batch):
    """(model, bytes): most memory in use while a net is made and trained for two steps, data not counted."""

    def train(team):
        model = make()
        step = ShardedStep(model, Adam(), team, total_steps=2)
        for _ in range(2):
            step(x, x, np.arange(batch))
        return model

    with Team(threads) as team:
        train(team)  # what is compiled and imported at the first call is no part of a step
        tracemalloc.start()
        try:
            return train(team), tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()


@pytest.mark.skipif(not jit_enabled(), reason="the NumPy twins make columns, which training does not")
@THREADS
@pytest.mark.parametrize(
    "make, batch",
    [
        (lambda: conv_autoencoder((28, 28, 1)), 32),
        (lambda: conv_autoencoder((12, 20, 3)), 100),
        (lambda: conv_net(), 200),
        (lambda: dense_autoencoder(784, (64,), 8), 1000),
        (lambda: dense_autoencoder(784, (500, 250), 30), 50),
    ],
    ids=["conv", "conv colour", "conv small", "dense, many rows", "dense, many weights"],
)
def test_the_estimate_is_near_what_is_measured(make, batch, threads):
    x = images(batch, make().input_shape)
    model, peak = measured_peak(make, x, threads, batch)
    estimate = step_bytes(model, batch, threads, rows_per_pass(model))
    assert 0.5 < estimate / peak < 2
