"""The pseudo-likelihood of an RBM: what can be computed where the likelihood, with its sum over all states, cannot."""

import numpy as np

from tinyae.checks import UsageError, check_shape
from tinyae.training.memory import pieces
from tinyae.training.threads import run_in_parts

NUMBERS_AT_ONCE = 32_768  # rows times hidden units: what fits a core's cache


def log_pseudo_likelihood(rbm, v, threads=None):
    """log PL(v) = sum_i log p(v_i | all others) (N,) of rows v (N, D), in nats; Bernoulli units on both sides.

    With t = c + v W the hidden units' total input, the log odds of v_i = 1 against 0, given all others, are

        g_i = F(v with v_i = 0) - F(v with v_i = 1)
            = b_i + sum_j [ softplus(t_j + (1 - v_i) W_ij) - softplus(t_j - v_i W_ij) ],

    and log p(v_i | others) = v_i log sigmoid(g_i) + (1 - v_i) log sigmoid(-g_i). A grey v_i in [0, 1] is taken as the
    probability of 1, as in cross-entropy. It takes of the order of N D K exponentials: about a second on two cores for
    1,000 rows of 784 numbers and 256 hidden units.

    Source: Besag, "Statistical analysis of non-lattice data" (1975).
    """
    who = "log_pseudo_likelihood"
    if (rbm.visible, rbm.hidden) != ("bernoulli", "bernoulli"):
        raise UsageError(f"{who}: expected Bernoulli units on both sides, got {rbm!r}.")
    check_shape(who, v, ("N", rbm.n_visible), "v")
    result = np.empty(len(v), rbm.theta.dtype)
    at_once = max(1, NUMBERS_AT_ONCE // rbm.n_hidden)

    def work(part):
        for rows in pieces(part, at_once):
            result[rows] = _of_rows(rbm, np.asarray(v[rows], rbm.theta.dtype))

    run_in_parts(work, len(v), threads)
    return result


def _of_rows(rbm, v):
    total = v @ rbm.W + rbm.c
    log_p = np.zeros(len(v), v.dtype)
    for i in range(rbm.n_visible):
        on, weights = v[:, i], rbm.W[i]
        off = total - on[:, None] * weights  # total input where v_i = 0
        odds = rbm.b[i] + (_softplus(off + weights) - _softplus(off)).sum(axis=1)
        log_p -= on * _softplus(-odds) + (1 - on) * _softplus(odds)  # log sigmoid(g) = -softplus(-g)
    return log_p


def _softplus(x):
    return np.maximum(x, 0) + np.log1p(np.exp(-np.abs(x)))
