"""Encoders that keep neighbours: the loss and its gradient, the nearest rows, the training, and a map to start from."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from tinyae import SGD, Autoencoder, UsageError, analysis, neighbour_embedding
from tinyae.experiments.hinton2006 import map_start as starts
from tinyae.layers import Conv2D, Dense, Flatten, Linear, ReLU, Reshape, Sigmoid, Tanh
from tinyae.neighbour_embedding import (
    NeighbourCheckpoint,
    NeighbourStep,
    contrastive_loss,
    fit_neighbours,
    neighbours_of,
)
from tinyae.training.threads import Team

CLASSES, SIDES = 4, 5


def blobs(n=120, seed=0):
    """Rows of some classes in [0, 1], each around a pattern of its own, and their classes."""
    rng = np.random.default_rng(seed)
    patterns, labels = np.random.default_rng(9).random((CLASSES, SIDES**2)), np.arange(n) % CLASSES
    return np.clip(patterns[labels] + 0.15 * rng.normal(size=(n, SIDES**2)), 0, 1).astype(np.float32), labels


def net(dtype=np.float32, seed=0):
    encoder = [Dense(16), Tanh(), Dense(8), Tanh(), Dense(2), Linear()]
    decoder = [Dense(8), Tanh(), Dense(16), Tanh(), Dense(SIDES**2), Sigmoid()]
    return Autoencoder(encoder, decoder, input_shape=SIDES**2, seed=seed, dtype=dtype)


def train(model, x, **settings):
    usual = {"epochs": 30, "batch_size": 30, "neighbours": 5, "lr": 1e-2, "threads": 1, "progress": False}
    return fit_neighbours(model, x, **usual | settings)


# --- the loss


def naive_loss(codes):
    """The formula, term by term."""
    pairs, total = len(codes) // 2, 0.0
    for i in range(pairs):
        near = {k: 1 / (1 + sum((a - b) ** 2 for a, b in zip(codes[i], codes[k], strict=True)))
                for k in range(len(codes)) if k != i}  # fmt: skip
        total -= math.log(near[pairs + i] / sum(near.values()))
    return total / pairs


codes_of_pairs = st.tuples(st.integers(1, 5), st.integers(1, 3), st.integers(0, 2**32 - 1), st.floats(0.1, 10)).map(
    lambda drawn: drawn[3] * np.random.default_rng(drawn[2]).normal(size=(2 * drawn[0], drawn[1]))
)


@given(codes_of_pairs)
def test_loss_is_its_formula(codes):
    assert contrastive_loss(codes)[0] == pytest.approx(naive_loss(codes), rel=1e-9, abs=1e-12)


@given(codes_of_pairs)
def test_gradient_by_finite_differences(codes):
    numeric = np.empty_like(codes)
    for place in np.ndindex(*codes.shape):
        moved = [codes.copy(), codes.copy()]
        moved[0][place] += 1e-6
        moved[1][place] -= 1e-6
        numeric[place] = (contrastive_loss(moved[0])[0] - contrastive_loss(moved[1])[0]) / 2e-6
    assert_allclose(contrastive_loss(codes)[1], numeric, rtol=1e-5, atol=1e-7)


def test_gradient_is_pytorchs():
    torch = pytest.importorskip("torch")
    codes = np.random.default_rng(0).normal(size=(12, 2))
    z = torch.tensor(codes, requires_grad=True)
    similar = -torch.log1p(torch.cdist(z[:6], z) ** 2)
    similar = similar.masked_fill(torch.eye(6, 12, dtype=torch.bool), -torch.inf)
    loss = torch.nn.functional.cross_entropy(similar, torch.arange(6, 12))
    loss.backward()
    ours, gradient = contrastive_loss(codes)
    assert ours == pytest.approx(loss.item(), rel=1e-12)
    assert_allclose(gradient, z.grad.numpy(), rtol=1e-9, atol=1e-12)


def test_codes_that_say_nothing():
    loss, gradient = contrastive_loss(np.ones((20, 2), np.float32))
    assert loss == pytest.approx(math.log(19))
    assert_allclose(gradient, 0, atol=1e-15)


@pytest.mark.parametrize("threads", [1, 2])
def test_a_step_goes_down_the_gradient_of_the_parameters(threads):
    """Through the encoder, by finite differences of the loss in every parameter; the decoder stays."""
    model, x = net(np.float64), blobs(12)[0].astype(np.float64)
    rows = np.array([0, 3, 5, 7, 4, 2, 9, 11])
    before = model.theta.copy()

    def loss(theta):
        model.theta[:] = theta
        return contrastive_loss(model.encode(x[rows], threads=1))[0]

    some = np.random.default_rng(0).choice(len(before), 100, replace=False)
    numeric = np.empty(100)
    for i, place in enumerate(some):
        step = np.zeros_like(before)
        step[place] = 1e-6
        numeric[i] = (loss(before + step) - loss(before - step)) / 2e-6
    first = loss(before)  # and the parameters are those again
    with Team(threads) as team:
        step = NeighbourStep(model, SGD(lr=0.5), team, total_steps=2)
        assert step(x, rows) == pytest.approx(first, rel=1e-12)
        assert_allclose((before - model.theta)[some], 0.5 * numeric, atol=1e-7)
        assert (numeric[some < model.encoder.n_params] != 0).mean() > 0.9
        assert_array_equal(model.theta[model.encoder.n_params :], before[model.encoder.n_params :])
        after = contrastive_loss(model.encode(x[rows], threads=1))[0]
        assert step(x, rows) == pytest.approx(after, rel=1e-12)


# --- the nearest rows


@pytest.mark.parametrize("threads", [1, 3])
def test_nearest_rows_are_those_of_all_distances(threads):
    x, _ = blobs(50)
    squared = np.square(x[:, None].astype(np.float64) - x[None]).sum(axis=2)
    np.fill_diagonal(squared, np.inf)
    found = neighbours_of(x, 4, threads)
    assert_allclose(
        np.take_along_axis(squared, found, 1), np.sort(squared, axis=1)[:, :4], rtol=1e-4
    )  # 25 components keep every distance


def test_equal_rows_are_each_others_neighbours_and_never_their_own():
    x = np.repeat(blobs(6)[0], 5, axis=0)  # every row five times
    found = neighbours_of(x, 3, 1)
    assert (found != np.arange(30)[:, None]).all()
    assert_array_equal(found // 5, np.repeat(np.arange(6), 5)[:, None].repeat(3, axis=1))
    assert all(len(set(row)) == 3 for row in found)


# --- training


def test_classes_come_apart_without_labels_and_the_decoder_stays():
    (x, y), (test, truth), model = blobs(), blobs(40, seed=1), net()
    decoder = model.theta[model.encoder.n_params :].copy()
    before = analysis.knn_accuracy(model.encode(x), y, model.encode(test), truth)
    history = train(model, x)
    assert history["epoch"] == list(range(1, 31)) and min(history["seconds"]) >= 0
    assert history["loss"][-1] < history["loss"][0] < math.log(59) + 0.1
    assert analysis.knn_accuracy(model.encode(x), y, model.encode(test), truth) > max(0.95, before)
    assert_array_equal(model.theta[model.encoder.n_params :], decoder)


def test_codes_are_standardised_in_the_end():
    (x, _), model = blobs(), net()
    train(model, x, epochs=2)
    codes = model.encode(x)
    assert_allclose(codes.mean(axis=0), 0, atol=1e-4)
    assert codes.var(axis=0).mean() == pytest.approx(1, rel=1e-4)


def test_same_seed_same_bits():
    thetas = []
    for seed, threads in ((3, 1), (3, 1), (4, 1), (3, 2), (3, 2)):
        model = net()
        train(model, blobs()[0], epochs=3, seed=seed, threads=threads)
        thetas.append(model.theta)
    assert_array_equal(thetas[0], thetas[1])
    assert_array_equal(thetas[3], thetas[4])
    assert (thetas[0] != thetas[2]).any()
    assert_allclose(thetas[0], thetas[3], atol=1e-3)


def test_images_and_convolutions():
    x, labels = blobs()
    model = Autoencoder(
        [Conv2D(4, 3), ReLU(), Flatten(), Dense(2)], [Dense(25), Reshape((5, 5, 1)), Sigmoid()], input_shape=(5, 5, 1)
    )
    images = x.reshape(-1, 5, 5, 1)
    train(model, images)
    assert analysis.knn_accuracy(model.encode(images), labels, model.encode(images), labels, k=9) > 0.95


@pytest.mark.parametrize(
    "settings, message",
    [
        ({"epochs": 0}, "fit_neighbours: expected epochs to be a whole number >= 1, got 0"),
        ({"neighbours": 0}, "expected neighbours to be a whole number >= 1, got 0"),
        ({"neighbours": 120}, "fit_neighbours: expected more than 120 rows, got 120; lower batch_size or neighbours"),
        ({"batch_size": 120}, "fit_neighbours: expected more than 120 rows, got 120"),
        ({"lr": 0.0}, "expected lr"),
        ({"threads": 0}, "expected threads to be a whole number >= 1, got 0"),
    ],
)
def test_bad_settings(settings, message):
    with pytest.raises(UsageError, match=message):
        train(net(), blobs()[0], **settings)


def test_bad_data_and_nets():
    x, _ = blobs()
    with pytest.raises(UsageError, match="fit_neighbours: expected x of shape"):
        train(net(), x[:, :-1])
    spoilt = x.copy()
    spoilt[3, 2] = np.nan
    with pytest.raises(UsageError, match="expected finite numbers in x"):
        train(net(), spoilt)
    model = Autoencoder([Dense(2), ReLU()], [Dense(25), Sigmoid()], input_shape=25)
    with pytest.raises(UsageError, match="expected an encoder that ends in a Dense layer, got ReLU\\(\\); end it"):
        train(model, x)


def test_divergence_is_told_of_and_names_the_epoch():
    with pytest.raises(FloatingPointError, match="NaN or infinity in epoch 1; try a smaller lr"):
        train(net(), blobs()[0], lr=1e38, epochs=2)


# --- a map to start from


def test_the_decoders_first_units_are_steps_across_the_map():
    decoder, codes = net().decoder, np.random.default_rng(0).normal(size=(40, 2)).astype(np.float32)
    starts.steep_first_layer(decoder, codes, np.random.default_rng(1))
    W, b = decoder.layers[0].params["W"], decoder.layers[0].params["b"]
    assert_allclose(np.linalg.norm(W, axis=0), starts.STEEPNESS, rtol=1e-5)
    assert np.abs(codes @ W + b).min(axis=0).max() < 1e-4  # every line goes through the code of an image
    assert np.linalg.matrix_rank(W) == 2


def started(folder=None, x=None, **settings):
    usual = {"neighbour_epochs": 3, "decoder_epochs": 4, "batch_size": 20, "lr": 1e-2, "beta2": 0.99, "seed": 0,
             "threads": 1, "progress": False}  # fmt: skip
    x = blobs(600)[0] if x is None else x
    model = net(seed=settings.pop("net_seed", 0))
    return starts.map_start(model, x, **usual | settings, folder=folder)


def test_the_decoder_learns_to_draw_the_map():
    model, (arranged, drawn) = started()
    assert len(arranged) == 3 and len(drawn) == 4
    x = blobs(600)[0]
    codes = model.encode(x)
    assert codes.var(axis=0).mean() == pytest.approx(1, rel=1e-3)  # the encoder is as keeping neighbours left it
    assert model.evaluate(x)["squared_error"] < 0.9 * analysis.squared_error(x, np.broadcast_to(x.mean(0), x.shape))
    assert drawn["loss"][-1] < drawn["loss"][0]


def test_what_is_done_is_not_done_again(tmp_path, monkeypatch):
    model, (arranged, drawn) = started(tmp_path)

    def never(*arguments, **named):
        raise AssertionError("trained again")

    monkeypatch.setattr(NeighbourStep, "__call__", never)
    again, (kept, drawn_again) = started(tmp_path)
    assert_array_equal(again.theta, model.theta)
    assert kept.rows == arranged.rows and drawn_again["loss"] == drawn["loss"]
    others = {"generator": {"seed": 1}, "net at the start": {"net_seed": 1}, "x": {"x": blobs(600, seed=5)[0]}}
    for what, other in others.items():
        with pytest.raises(
            UsageError, match=f"fit_neighbours: expected the run that .* holds, got another: its {what} is"
        ):
            started(tmp_path, **other)


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("done", [0, 1, 3])
def test_a_killed_run_goes_on_bit_for_bit(tmp_path, monkeypatch, done, threads):
    x, settings = blobs()[0], {"epochs": 4, "threads": threads}
    whole = net()
    history = train(whole, x, **settings)
    count, keep = itertools.count(), NeighbourCheckpoint.epoch_done

    def dies(self, rows):
        if next(count) == done:
            raise KeyboardInterrupt
        keep(self, rows)

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(NeighbourCheckpoint, "epoch_done", dies)
        train(net(), x, **settings, checkpoint=tmp_path)
    searches, search = itertools.count(), neighbour_embedding.neighbours_of
    monkeypatch.setattr(neighbour_embedding, "neighbours_of", lambda *args: (next(searches), search(*args))[1])
    for _ in range(2):
        again = net()
        assert train(again, x, **settings, checkpoint=tmp_path)["loss"] == history["loss"]
        assert_array_equal(again.theta, whole.theta)
    assert next(searches) == 1, "a run with nothing left to do looks for no neighbours"
