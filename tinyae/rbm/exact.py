"""The exact likelihood of a tiny RBM by listing all its states: what contrastive divergence is checked against."""

import itertools

import numpy as np

from tinyae.checks import UsageError

MOST_UNITS = 16  # 2^16 states


def all_states(n):
    """Every binary vector of length n, as rows (2^n, n)."""
    if n > MOST_UNITS:
        raise UsageError(f"all_states: expected at most {MOST_UNITS} units to list all states of, got {n}.")
    return np.array(list(itertools.product((0.0, 1.0), repeat=n)))


def log_partition(rbm):
    """log Z of an RBM with Bernoulli units, Z = sum over all v of exp(-F(v))."""
    _needs_bernoulli(rbm)
    negative = -rbm.free_energy(all_states(rbm.n_visible))
    return negative.max() + np.log(np.exp(negative - negative.max()).sum())


def log_likelihood(rbm, v):
    """Mean of log p(v) = -F(v) - log Z over the rows of v (N, D)."""
    return float(np.mean(-rbm.free_energy(v)) - log_partition(rbm))


def log_likelihood_gradient(rbm, v):
    """d log_likelihood / d theta: statistics at the data minus their mean under the model, as a vector like theta.

    <-dE/dtheta>_data - <-dE/dtheta>_model, the second with weights p(v') over all 2^D states v'.
    """
    _needs_bernoulli(rbm)
    states = all_states(rbm.n_visible)
    probability = np.exp(-rbm.free_energy(states) - log_partition(rbm))
    hidden = rbm.hidden_mean(states)
    model = np.concatenate(
        [(states * probability[:, None]).T.dot(hidden).ravel(), probability @ states, probability @ hidden]
    )
    return rbm.statistics(v, rbm.hidden_mean(v)) - model


def _needs_bernoulli(rbm):
    if (rbm.visible, rbm.hidden) != ("bernoulli", "bernoulli"):
        raise UsageError(f"exact likelihood: expected Bernoulli units on both sides, got {rbm!r}.")
