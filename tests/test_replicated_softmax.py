"""The replicated softmax: beside sums over all documents and all hidden states, in a stack, and unrolled."""

import itertools
import math

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from tinyae import RBM, UsageError, fit_rbm, fit_stack, unroll
from tinyae.gradcheck import numerical_gradient
from tinyae.losses import CategoricalCrossEntropy
from tinyae.rbm import ReplicatedSoftmax
from tinyae.rbm import replicated_softmax as exact
from tinyae.rbm.training import CDStep, default_rate
from tinyae.training.threads import Team

WORDS, HIDDEN = 3, 2


def machine(hidden="bernoulli", length=1.0, scale=0.7, dtype=np.float64, words=WORDS, n_hidden=HIDDEN):
    rbm = ReplicatedSoftmax(words, n_hidden, hidden, length, dtype=dtype)
    rbm.theta[:] = scale * np.random.default_rng(0).normal(size=rbm.theta.size)
    return rbm


def all_documents(length):
    """Every sequence of `length` words, as counts (WORDS^length, WORDS)."""
    sequences = itertools.product(range(WORDS), repeat=length)
    return np.array([np.bincount(s, minlength=WORDS) for s in sequences], float)


def two_topics(n=200, words=12, length=20, seed=0):
    """Documents of two topics with half of the words each."""
    rng = np.random.default_rng(seed)
    share = np.full((2, words), 0.1 / (words // 2))
    share[0, : words // 2] = share[1, words // 2 :] = 0.9 / (words // 2)
    topic = np.arange(n) % 2
    return np.array([rng.multinomial(length, share[t]) for t in topic], np.float32), topic


def fit(rbm, x, **settings):
    return fit_rbm(rbm, x, **{"epochs": 2, "batch_size": 20, "progress": False, "threads": 1} | settings)


# --- conditionals and energies


@pytest.mark.parametrize("length", [1.0, 4.5])
def test_conditionals_follow_from_the_energy(length):
    rbm, v = machine(length=length), np.array([[2.0, 0, 3], [0, 1, 0], [0, 0, 0]])
    states = exact.all_states(HIDDEN)
    for row, mean in zip(v, rbm.hidden_mean(v), strict=True):
        weight = np.exp(-rbm.energy(np.tile(row, (len(states), 1)), states))
        assert_allclose(mean, weight @ states / weight.sum(), rtol=1e-12)
    t = rbm.hidden_mean(v[:1])
    M = 5
    assert t[0, 0] == pytest.approx(1 / (1 + math.exp(-(M / length * rbm.c[0] + v[0] @ rbm.W[:, 0]))), rel=1e-12)
    one_word = np.eye(WORDS)
    for h, mean in zip(states, rbm.visible_mean(states), strict=True):
        weight = np.exp(-rbm.energy(one_word, np.tile(h, (WORDS, 1))))
        assert_allclose(mean, weight / weight.sum(), rtol=1e-12)


@pytest.mark.parametrize("hidden", ["bernoulli", "gaussian"])
def test_free_energy_sums_out_the_hidden_units(hidden):
    rbm, v = machine(hidden, 2.0, scale=0.3), all_documents(3)
    if hidden == "bernoulli":
        states = exact.all_states(HIDDEN)
        expected = [-np.log(np.exp(-rbm.energy(np.tile(row, (4, 1)), states)).sum()) for row in v]
        assert_allclose(rbm.free_energy(v), expected, rtol=1e-12)
        return
    grid = np.linspace(-9, 9, 181)
    h = np.stack(np.meshgrid(grid, grid), axis=-1).reshape(-1, 2)
    found = rbm.free_energy(v)
    expected = [-np.log(np.exp(-rbm.energy(np.tile(row, (len(h), 1)), h)).sum()) for row in v]
    assert_allclose(found - found[0], np.array(expected) - expected[0], atol=1e-8)  # up to a constant


def test_means_have_the_length_of_the_document():
    rbm, v = machine(), np.array([[2.0, 0, 3], [0, 0, 0]])
    assert_allclose(rbm.visible_mean(np.ones((2, HIDDEN))).sum(axis=1), 1)
    assert_allclose(rbm.reconstruct(v).sum(axis=1), [5, 0], rtol=1e-12)
    end, _ = rbm.gibbs(rbm.hidden_mean(v), np.random.default_rng(0), 3, like=v)
    assert_allclose(end.sum(axis=1), [5, 0], rtol=1e-12)


def test_samples_are_documents():
    rbm = machine(dtype=np.float32)
    mean = np.tile(np.array([[6, 3, 1], [0, 0, 0]], np.float32), (3000, 1))
    sample = rbm.sample_visible(mean, np.random.default_rng(0))
    assert sample.dtype == np.float32
    assert_array_equal(sample.sum(axis=1), mean.sum(axis=1))
    assert_array_equal(sample, np.round(sample))
    assert_allclose(sample[::2].mean(axis=0), [6, 3, 1], atol=0.12)  # 4 standard deviations of the mean
    assert_allclose(sample[::2].var(axis=0), 10 * np.array([0.6 * 0.4, 0.3 * 0.7, 0.1 * 0.9]), rtol=0.15)


def test_the_unit_of_length_changes_no_machine():
    one, other = machine(length=1.0), machine(length=8.0)
    other.c[:] = 8 * one.c
    v = all_documents(4)
    assert_allclose(other.hidden_mean(v), one.hidden_mean(v), rtol=1e-12)
    assert_allclose(other.free_energy(v), one.free_energy(v), rtol=1e-12)
    assert exact.log_partition(other, 4) == pytest.approx(exact.log_partition(one, 4), rel=1e-12)


# --- the exact likelihood


@pytest.mark.parametrize("length", [0, 1, 3, 5])
def test_the_partition_function_is_the_sum_over_all_documents(length):
    rbm = machine(length=2.5)
    expected = np.log(np.exp(-rbm.free_energy(all_documents(length))).sum())
    assert exact.log_partition(rbm, length) == pytest.approx(expected, rel=1e-12)


def test_probabilities_of_documents_of_a_length_add_up_to_one():
    rbm, v = machine(length=2.5), all_documents(4)
    logs = [exact.log_likelihood(rbm, row[None]) for row in v]
    assert np.exp(logs).sum() == pytest.approx(1, rel=1e-12)
    assert exact.log_likelihood(rbm, v) == pytest.approx(np.mean(logs), rel=1e-12)
    mixed = np.array([[1.0, 2, 0], [0, 1, 0]])
    assert exact.log_likelihood(rbm, mixed) == pytest.approx(
        np.mean([exact.log_likelihood(rbm, row[None]) for row in mixed]), rel=1e-12
    )


def test_the_gradient_of_the_likelihood():
    rbm, v = machine(length=2.5), np.array([[2.0, 0, 1], [0, 4, 1], [1, 0, 0]])
    numerical = numerical_gradient(lambda: exact.log_likelihood(rbm, v), rbm.theta)
    assert_allclose(exact.log_likelihood_gradient(rbm, v), numerical, rtol=1e-6, atol=1e-8)


def test_long_chains_give_the_exact_gradient():
    rbm, v = machine(length=2.0, scale=0.4), np.array([[2.0, 0, 1], [0, 2, 1]])
    many = np.tile(v, (4000, 1))
    estimate = rbm.contrastive_divergence(many, np.random.default_rng(0), k=20, sample_visible=True)
    assert_allclose(estimate, exact.log_likelihood_gradient(rbm, v), atol=0.03)
    one = rbm.contrastive_divergence(many, np.random.default_rng(0), k=1)
    assert one @ exact.log_likelihood_gradient(rbm, v) > 0  # CD-1 climbs


def test_what_cannot_be_listed_is_refused():
    with pytest.raises(UsageError, match=r"expected a ReplicatedSoftmax with Bernoulli hidden units, got RBM\(3 "):
        exact.log_partition(RBM(3, 2), 2)
    with pytest.raises(UsageError, match=r"got ReplicatedSoftmax\(3 words, 2 gaussian\)"):
        exact.log_likelihood(machine("gaussian"), np.ones((1, 3)))
    with pytest.raises(UsageError, match="at most 16 units"):
        exact.log_partition(machine(n_hidden=17), 2)


# --- training


@pytest.mark.parametrize("threads", [1, 2])
def test_one_step_is_contrastive_divergence(threads):
    rbm, twin = machine(length=3.0), machine(length=3.0)
    x = np.random.default_rng(1).poisson(2, (10, WORDS)).astype(float)
    rngs = np.random.default_rng(0).spawn(threads)
    with Team(threads) as team:
        CDStep(rbm, team, 1, 0.0, np.random.default_rng(0))(x, np.arange(10), 0.1, 0.0)
    ascent = np.mean(
        [twin.contrastive_divergence(v, r) for v, r in zip(np.split(x, threads), rngs, strict=True)], axis=0
    )
    assert_allclose(rbm.theta, twin.theta + 0.1 * ascent, rtol=1e-10, atol=1e-12)


def test_training_raises_the_exact_likelihood():
    x, _ = two_topics(100, words=6, length=8)
    rbm = ReplicatedSoftmax(6, 3, length=8, dtype=np.float64)
    before = exact.log_likelihood(rbm, x.astype(float))
    assert before == pytest.approx(-8 * math.log(6), abs=0.1)  # every word alike
    fit(rbm, x, epochs=150, lr=0.02, weight_cost=0)
    entropy = -(0.9 * math.log(0.3) + 0.1 * math.log(0.1 / 3))
    best = -8 * entropy - math.log(2)  # of the two topics themselves
    assert best - 0.6 < exact.log_likelihood(rbm, x.astype(float)) < best + 0.3


def test_topics_are_found():
    x, topic = two_topics()
    rbm = ReplicatedSoftmax(12, 4, length=20)
    fit(rbm, x, epochs=30, lr=0.02)
    h = rbm.hidden_mean(x)
    apart = np.abs(h[topic == 0].mean(axis=0) - h[topic == 1].mean(axis=0))
    assert apart.max() > 0.9


def test_settings_and_data_are_checked():
    assert repr(machine()) == "ReplicatedSoftmax(3 words, 2 bernoulli)"
    assert ReplicatedSoftmax(2000, 50).W.std() == pytest.approx(0.01, rel=0.02)
    with pytest.raises(UsageError, match=r"ReplicatedSoftmax: expected length in \(0, inf"):
        ReplicatedSoftmax(3, 2, length=0)
    with pytest.raises(UsageError, match="fit_rbm: expected counts of words >= 0 in x, got -1"):
        fit(machine(), np.array([[1.0, -1, 2]]))
    with pytest.raises(UsageError, match=r"fit_rbm: expected x of shape \(N, 3\)"):
        fit(machine(), np.ones((2, 4)))


# --- stacks


def test_a_stack_of_documents_unrolls_exactly():
    x, _ = two_topics(60)
    x[3] = 0
    rbms, _ = fit_stack(x, (5, 4, 2), epochs=2, visible="softmax", seed=4, progress=False, threads=1, batch_size=20)
    assert [repr(rbm) for rbm in rbms] == [
        "ReplicatedSoftmax(12 words, 5 bernoulli)", "RBM(5 bernoulli, 4 bernoulli)", "RBM(4 bernoulli, 2 gaussian)",
    ]  # fmt: skip
    assert rbms[0].length == pytest.approx(x.sum(axis=1).mean())
    rng = np.random.default_rng(0)
    for rbm in rbms:
        rbm.b[:], rbm.c[:] = rng.normal(size=rbm.b.size), rng.normal(size=rbm.c.size)
    model = unroll(rbms)
    assert isinstance(model.loss, CategoricalCrossEntropy) and model.matched
    up = x
    for rbm in rbms:
        up = rbm.hidden_mean(up)
    assert_allclose(model.encode(x), up, rtol=1e-4, atol=1e-5)  # documents of any length, and an empty one
    down = up
    for rbm in reversed(rbms):
        down = rbm.visible_mean(down)
    assert_allclose(model.reconstruct(x), down, rtol=1e-4, atol=1e-6)
    assert not model.encoder.layers[0].params["b"].any()


def test_rates_and_biases_to_begin_with(monkeypatch):
    assert default_rate(ReplicatedSoftmax(3, 2)) == 0.02 and default_rate(RBM(3, 2)) == 0.1
    assert default_rate(ReplicatedSoftmax(3, 2, "gaussian")) == 0.001
    x = np.array([[3.0, 0, 1], [3, 0, 1]])
    assert_allclose(np.exp(exact.log_shares(x)), [0.7496, 0.000333, 0.2501], rtol=1e-3)
    assert_allclose(np.exp(exact.log_shares(0 * x)), 1 / 3)
    assert exact.usual_length(x) == 4 and exact.usual_length(0 * x) == 1
    started = []
    monkeypatch.setattr("tinyae.rbm.stack.fit_rbm", lambda rbm, x, **_: started.append(rbm.b.copy()))
    fit_stack(x, (4, 2), visible="softmax", progress=False)
    assert_allclose(started[0], exact.log_shares(x), rtol=1e-6)
    assert not started[1].any()


def test_one_machine_alone_is_a_stack():
    x, _ = two_topics(40)
    rbms, _ = fit_stack(x, (2,), epochs=1, visible="softmax", progress=False, threads=1)
    assert (rbms[0].visible, rbms[0].hidden) == ("softmax", "gaussian")
    assert_allclose(unroll(rbms).encode(x), rbms[0].hidden_mean(x), rtol=1e-4, atol=1e-5)


def test_words_inside_a_stack_are_refused():
    top = ReplicatedSoftmax(4, 2, "gaussian")
    with pytest.raises(UsageError, match="unroll: expected Bernoulli units between two RBMs"):
        unroll([RBM(6, 4), top])


def test_same_seed_same_bits():
    x, _ = two_topics(40)
    one, two = (
        fit_stack(x, (4, 2), epochs=2, visible="softmax", seed=3, progress=False, threads=2)[0] for _ in range(2)
    )
    for a, b in zip(one, two, strict=True):
        assert_array_equal(a.theta, b.theta)
