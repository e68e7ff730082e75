"""The replicated softmax: an RBM whose visible units are the words of a document, however long it is."""

import math

import numpy as np

from tinyae.checks import UsageError, check_float, check_int, check_shape
from tinyae.kernels.softmax import softmax
from tinyae.rbm.exact import all_states
from tinyae.rbm.machine import RBM


class ReplicatedSoftmax(RBM):
    """An RBM for counts v (D,) of D words in a document of length M = sum_k v_k, with K hidden units h.

    Every word of the document is a softmax unit of its own; all share the weights, and only the counts matter:

        E(v, h) = -v.b - M/L c.h - v W h                for Bernoulli hidden units
        E(v, h) = -v.b - M/L c.h - v W h + 1/2 |h|^2    for Gaussian ones

    so that with t_j = M/L c_j + v W_j

        p(h_j = 1 | v) = sigmoid(t_j),    p(h | v) = N(t, 1),    p(a word is k | h) = softmax(b + W h)_k.

    The hidden biases are multiplied by the document's length: a long document's counts pull harder, and its biases
    pull back as hard. L is the unit of length. The machine is the same for any L, but with the paper's L = 1 a step
    along c moves t by M^2 times the learning rate, and training swings; with L the usual length c learns like any
    other bias. Counts need not be whole numbers unless visible states are sampled; v = 0 is an empty document.

    Parameters
    ----------
    n_visible, n_hidden : int
        Words and hidden units.
    hidden : {"bernoulli", "gaussian"}
    length : float > 0
        L; give the mean length of the documents. 1 is the paper's.
    seed : int or numpy.random.Generator
        Draws the initial W from 0.01 N(0, 1); biases start at 0.
    dtype : float32 (to train) or float64 (to check)

    Source: Salakhutdinov & Hinton, "Replicated softmax: an undirected topic model" (2009), eq. 1 to 6.
    """

    def __init__(self, n_visible, n_hidden, hidden="bernoulli", length=1.0, seed=0, dtype=np.float32):
        super().__init__(n_visible, n_hidden, "bernoulli", hidden, seed, dtype)
        self.visible = "softmax"
        self.length = check_float("ReplicatedSoftmax", "length", length, 0, math.inf, open_low=True, open_high=True)
        self.W *= 0.1

    # -- conditionals ---------------------------------------------------------------------------

    def hidden_mean(self, v, out=None):
        """E[h | v] (N, K) for counts v (N, D): sigmoid(M/L c + v W), or M/L c + v W for Gaussian units."""
        return self.mean_of(self.product(v, self.W, out), self.hidden_bias(v), self.hidden)

    def hidden_bias(self, v):
        """M/L c (N, K) of documents v (N, D)."""
        return lengths(v) * (self.c / self.c.dtype.type(self.length))

    def visible_mean(self, h, out=None, like=None):
        """E[v | h] (N, D) for h (N, K): softmax(b + h W'), times the lengths of the documents `like` (N, D)."""
        total = self.product(h, self.W.T, out)
        total += self.b
        softmax(total, total)
        if like is not None:
            total *= lengths(like)
        return total

    def sample_visible(self, mean, rng, out=None):
        """Documents drawn from p(v | h), whose mean is given: its row sums, rounded, are the numbers of words."""
        out = np.empty_like(mean) if out is None else out
        M = np.rint(lengths(mean)[:, 0]).astype(np.int64)
        share = mean.astype(np.float64) / np.maximum(mean.sum(axis=1, keepdims=True, dtype=np.float64), 1e-300)
        share[M == 0] = 1 / self.n_visible  # of an empty document no word is drawn, but the shares have to add up
        out[:] = rng.multinomial(M, share)
        return out

    # -- energies ---------------------------------------------------------------------------

    def energy(self, v, h):
        """E(v, h) (N,) of pairs of rows."""
        t = v @ self.W + self.hidden_bias(v)
        own = 0.5 * np.square(h).sum(axis=1) if self.hidden == "gaussian" else 0
        return own - v @ self.b - (t * h).sum(axis=1)

    def free_energy(self, v):
        """F(v) = -log sum_h exp(-E(v, h)) (N,): -v.b - sum_j log(1 + exp(t_j)), or -v.b - 1/2 sum_j t_j^2.

        For Gaussian units up to a constant. Only documents of one length can be compared: longer ones have less.
        """
        check_shape("free_energy", v, ("N", self.n_visible), "v")
        t = v @ self.W + self.hidden_bias(v)
        hidden = np.logaddexp(0, t) if self.hidden == "bernoulli" else 0.5 * np.square(t)
        return -(v @ self.b) - hidden.sum(axis=1)

    # -- learning ---------------------------------------------------------------------------

    def hidden_statistic(self, v, h, out=None):
        """Sum over rows of -dE/dc = M/L h."""
        return np.matmul(lengths(v)[:, 0] / v.dtype.type(self.length), h, out=out)

    def __repr__(self):
        return f"ReplicatedSoftmax({self.n_visible} words, {self.n_hidden} {self.hidden})"


def lengths(v):
    """How many words the documents v (N, D) have: (N, 1)."""
    return v.sum(axis=1, keepdims=True)


def usual_length(v):
    """The mean length of the documents v (N, D); 1 where all are empty."""
    return float(lengths(v).mean()) or 1.0


def log_shares(v):
    """The log of every word's share of the documents v (N, D), as (D,): visible biases to begin with.

    A word that is nowhere gets a thousandth of the mean count.
    """
    counts = np.maximum(v.sum(axis=0, dtype=np.float64), 0)
    counts += 1e-3 * counts.mean() or 1.0
    return np.log(counts / counts.sum())


# -- the exact likelihood of a tiny machine, by listing its hidden states -------------------------------------------


def log_partition(rbm, length):
    """log Z_M: Z_M = sum over all D^M documents of M words in their order, and all h, of exp(-E).

    The words of a document are independent given h, so that

        Z_M = sum_h exp(M/L c.h) ( sum_k exp(b_k + W_k.h) )^M
    """
    return _log_sum_exp(_log_weights(rbm, length, _all_hidden(rbm)))


def log_likelihood(rbm, v):
    """Mean over rows of log p(v | M) = -F(v) - log Z_M, for one document as the sequence of its words.

    All orders of the words are equally likely: that of the counts is higher by log( M! / prod_k v_k! ).
    """
    _all_hidden(rbm)
    logs = -rbm.free_energy(v)
    M = lengths(v)[:, 0]
    for length in np.unique(M):
        logs[M == length] -= log_partition(rbm, check_int("log_likelihood", "length", int(length), 0))
    return float(np.mean(logs))


def log_likelihood_gradient(rbm, v):
    """d log_likelihood / d theta, as a vector like theta: statistics at the data minus their mean under the model.

    For documents of the same lengths as the data's: sum_h p(h | M) ( M softmax(b + W h) h', ...).
    """
    states, model = _all_hidden(rbm), np.zeros_like(rbm.theta)
    W, b, c = rbm.views(model)
    word = rbm.visible_mean(states)  # p(k | h)
    for M in lengths(v)[:, 0]:
        logs = _log_weights(rbm, M, states)
        p = np.exp(logs - _log_sum_exp(logs))[:, None]
        W += M * word.T @ (p * states)
        b += M * (p * word).sum(axis=0)
        c += M / rbm.length * (p * states).sum(axis=0)
    return rbm.statistics(v, rbm.hidden_mean(v)) - model / len(v)


def _log_weights(rbm, length, states):
    """log of every hidden state's share of Z_M."""
    return length * (states @ rbm.c / rbm.length + _log_sum_exp(states @ rbm.W.T + rbm.b))


def _log_sum_exp(a):
    highest = a.max(axis=-1, keepdims=True)
    return (highest + np.log(np.exp(a - highest).sum(axis=-1, keepdims=True)))[..., 0]


def _all_hidden(rbm):
    if not isinstance(rbm, ReplicatedSoftmax) or rbm.hidden != "bernoulli":
        raise UsageError(f"exact likelihood: expected a ReplicatedSoftmax with Bernoulli hidden units, got {rbm!r}.")
    return all_states(rbm.n_hidden)
