"""Gradients formed in slabs give the update that whole gradients give."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from tinyae.architectures import dense_autoencoder
from tinyae.optimizers import SGD, Adam, Nadam, RMSprop
from tinyae.training import slabs
from tinyae.training.shards import ShardedStep, large_matrices, ranges_between
from tinyae.training.threads import Team


def small_net(dtype=np.float64):
    return dense_autoencoder(23, (31, 17), 5, hidden_activation="sigmoid", code_activation="linear").astype(dtype)


@pytest.fixture
def tiny_slabs(monkeypatch):
    """Slabs of few numbers, so that a small net has many."""
    monkeypatch.setattr(slabs, "SLAB", 40)
    monkeypatch.setattr("tinyae.training.shards.WORTH_IT", 80)


@pytest.mark.parametrize("workers", [1, 2, 3])
@pytest.mark.parametrize(
    "make",
    [
        lambda: SGD(0.1, momentum=0.9, weight_decay=0.01),
        lambda: RMSprop(0.01, momentum=0.5, weight_decay=0.01),
        lambda: Adam(0.01, weight_decay=0.01),
        lambda: Nadam(0.01),
    ],
)
def test_steps_equal_those_with_the_whole_gradient(tiny_slabs, make, workers):
    x = np.random.default_rng(0).random((20, 23))
    plain, optimizer = small_net(), make()
    model = small_net()
    with Team(workers) as team:
        step = ShardedStep(model, make(), team, total_steps=4)
        assert len(step._large) == 6, "every matrix but none of the biases"
        for rows in (np.arange(8), np.arange(8, 16), np.arange(16, 17), np.arange(3, 20)):
            loss = step(x, x, rows)
            assert_allclose(loss, plain.loss_and_gradient(x[rows]), rtol=1e-12)
            optimizer.step(plain.theta, plain.gradient, total=4)
    assert_allclose(model.theta, plain.theta, rtol=1e-10, atol=1e-12)


def test_large_matrices_are_found_where_they_lie_in_theta(tiny_slabs):
    model = small_net()
    found = list(large_matrices(model))
    weights = [layer.params["W"] for _, layer in model.owners()]
    assert [shape for _, shape, _ in found] == [W.shape for W in weights]
    for start, shape, index in found:
        assert_array_equal(model.theta[start : start + shape[0] * shape[1]].reshape(shape), weights[index])


def test_small_matrices_are_left_to_the_gradient_vector():
    assert list(large_matrices(small_net())) == []


@pytest.mark.parametrize("n_in, n_out", [(784, 1000), (2, 250), (250, 2), (1, 1), (7, 300_000)])
@pytest.mark.parametrize("workers", [1, 2, 3])
def test_slabs_cover_every_row_once(n_in, n_out, workers):
    parts = Team(workers).parts(n_in)
    rows = [pair for part in parts for pair in slabs.row_slabs(part, n_out)]
    assert [r for low, high in rows for r in range(low, high)] == list(range(n_in))
    assert all((high - low) * n_out <= max(slabs.SLAB, n_out) + n_out for low, high in rows)


def test_ranges_between():
    assert ranges_between([(2, 5), (5, 7), (9, 12)], 12) == [(0, 2), (7, 9)]
    assert ranges_between([], 3) == [(0, 3)]
    assert ranges_between([(0, 3)], 3) == []
