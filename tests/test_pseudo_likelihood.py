"""The pseudo-likelihood of an RBM, beside conditionals taken from the exact likelihood of all states."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from test_checks import says

from tinyae import RBM, UsageError
from tinyae.rbm.exact import all_states, log_partition
from tinyae.rbm.pseudo_likelihood import log_pseudo_likelihood


@pytest.fixture
def rbm(rng):
    """5 visible and 3 hidden units with strong weights, in float64."""
    rbm = RBM(5, 3, dtype=np.float64)
    rbm.theta[:] = rng.normal(0, 1.5, rbm.theta.size)
    return rbm


def test_every_state_beside_its_neighbours(rbm):
    """p(v_i | others) = p(v) / (p(v) + p(v with v_i flipped)), with p from the exact likelihood."""
    states = all_states(5)
    log_p = -rbm.free_energy(states) - log_partition(rbm)
    expected = np.zeros(len(states))
    for i in range(5):
        flipped = states.copy()
        flipped[:, i] = 1 - flipped[:, i]
        log_p_flipped = -rbm.free_energy(flipped) - log_partition(rbm)
        expected += log_p - np.logaddexp(log_p, log_p_flipped)
    assert_allclose(log_pseudo_likelihood(rbm, states), expected, rtol=1e-12)


def test_it_never_exceeds_0(rbm, rng):
    assert (log_pseudo_likelihood(rbm, rng.uniform(size=(50, 5))) < 0).all()


def test_grey_values_are_probabilities(rng):
    """Without weights the units are independent, and the sum is minus the cross-entropy with sigmoid(b)."""
    rbm, v = RBM(4, 3, dtype=np.float64), rng.uniform(size=(6, 4))
    rbm.W[:], rbm.b[:] = 0, [-1, 0, 0.5, 2]
    p = 1 / (1 + np.exp(-rbm.b))
    assert_allclose(log_pseudo_likelihood(rbm, v), (v * np.log(p) + (1 - v) * np.log(1 - p)).sum(axis=1), rtol=1e-12)


def test_large_weights_do_not_overflow(rbm):
    rbm.theta *= 1000
    values = log_pseudo_likelihood(rbm, all_states(5))
    assert np.isfinite(values).all() and values.max() <= 0


@pytest.mark.parametrize("threads", [1, 2, 3])
def test_rows_do_not_depend_on_each_other(rbm, threads, monkeypatch):
    states = all_states(5)
    whole = log_pseudo_likelihood(rbm, states, threads=1)
    monkeypatch.setattr("tinyae.rbm.pseudo_likelihood.NUMBERS_AT_ONCE", 12)  # 4 rows at once
    assert_allclose(log_pseudo_likelihood(rbm, states, threads), whole, rtol=1e-13)
    assert_allclose(log_pseudo_likelihood(rbm, states[::-1], threads), whole[::-1], rtol=1e-13)


def test_type_and_input(rng):
    rbm, v = RBM(4, 3), rng.uniform(size=(6, 4))
    kept = v.copy()
    assert log_pseudo_likelihood(rbm, v).dtype == np.float32
    assert_array_equal(v, kept)
    assert log_pseudo_likelihood(rbm, v[:0]).shape == (0,)


def test_what_is_refused():
    with says("log_pseudo_likelihood: expected Bernoulli units on both sides, got RBM(4 gaussian, 3 bernoulli)."):
        log_pseudo_likelihood(RBM(4, 3, visible="gaussian"), np.zeros((2, 4)))
    with pytest.raises(UsageError, match=r"log_pseudo_likelihood: expected v of shape \(N, 4\), got \(2, 5\)"):
        log_pseudo_likelihood(RBM(4, 3), np.zeros((2, 5)))
