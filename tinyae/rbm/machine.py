"""The restricted Boltzmann machine: energy, conditionals, sampling, statistics, contrastive divergence."""

import numpy as np

from tinyae.checks import check_choice, check_int, check_shape
from tinyae.kernels.activations import sigmoid
from tinyae.kernels.product import matmul
from tinyae.kernels.sampling import bernoulli

UNITS = ("bernoulli", "gaussian")


class RBM:
    """A restricted Boltzmann machine with visible v (D,) and hidden h (K,) units.

    The joint probability is exp(-E(v, h)) / Z with the energy

        E(v, h) = U(v; b) + U(h; c) - v W h,    U(u; a) = -a.u         for Bernoulli units (0 or 1)
                                                U(u; a) = 1/2 |u - a|^2  for Gaussian ones (variance 1)

    so that p(h_j = 1 | v) = sigmoid(c_j + v W_j) for Bernoulli and p(h | v) = N(c + v W, 1) for Gaussian units, and
    the same the other way round.

    Parameters
    ----------
    n_visible, n_hidden : int
    visible, hidden : {"bernoulli", "gaussian"}
        "gaussian" are the linear units with unit noise of Hinton & Salakhutdinov's top layer and real-valued inputs.
    seed : int or numpy.random.Generator
        Draws the initial W from 0.1 N(0, 1); biases start at 0 (their published code).
    dtype : float32 (to train) or float64 (to check)

    Attributes
    ----------
    theta : array (D K + D + K,)
        All parameters; W (D, K), b (D,) and c (K,) are views into it.

    Source: Smolensky (1986); Hinton (2002); Welling, Rosen-Zvi & Hinton (2005) for Gaussian units.
    """

    def __init__(self, n_visible, n_hidden, visible="bernoulli", hidden="bernoulli", seed=0, dtype=np.float32):
        self.n_visible = check_int("RBM", "n_visible", n_visible, 1)
        self.n_hidden = check_int("RBM", "n_hidden", n_hidden, 1)
        check_choice("RBM", "visible", visible, UNITS)
        check_choice("RBM", "hidden", hidden, UNITS)
        self.visible, self.hidden = visible, hidden
        self.theta = np.zeros(n_visible * n_hidden + n_visible + n_hidden, dtype)
        self.W, self.b, self.c = self.views(self.theta)
        self.W[:] = 0.1 * np.random.default_rng(seed).normal(size=self.W.shape)

    def __setstate__(self, state):
        """From a pickle or a deep copy, where W, b and c come back as arrays of their own: make them views again."""
        self.__dict__.update(state)
        self.W, self.b, self.c = self.views(self.theta)

    @property
    def n_weights(self):
        """Length of theta's part that is W; the biases follow."""
        return self.n_visible * self.n_hidden

    def views(self, vector):
        """A vector like theta as its parts: (W, b, c)."""
        W, b, c = np.split(vector, [self.n_weights, self.n_weights + self.n_visible])
        return W.reshape(self.n_visible, self.n_hidden), b, c

    # -- conditionals ---------------------------------------------------------------------------

    def hidden_mean(self, v, out=None):
        """E[h | v] (N, K) for v (N, D): sigmoid(c + v W), or c + v W for Gaussian units."""
        return self.mean_of(self.product(v, self.W, out), self.c, self.hidden)

    def visible_mean(self, h, out=None, like=None):
        """E[v | h] (N, D) for h (N, K): sigmoid(b + h W'), or b + h W' for Gaussian units.

        `like` (N, D) is what the chain began with: documents have as many words there (`ReplicatedSoftmax`).
        """
        return self.mean_of(self.product(h, self.W.T, out), self.b, self.visible)

    def sample_hidden(self, mean, rng, out=None):
        """A draw from p(h | v), whose mean is given."""
        return _sample(mean, self.hidden, rng, out)

    def sample_visible(self, mean, rng, out=None):
        """A draw from p(v | h), whose mean is given."""
        return _sample(mean, self.visible, rng, out)

    # -- energies ---------------------------------------------------------------------------

    def energy(self, v, h):
        """E(v, h) (N,) of pairs of rows."""
        return _unit_energy(v, self.b, self.visible) + _unit_energy(h, self.c, self.hidden) - ((v @ self.W) * h).sum(1)

    def free_energy(self, v):
        """F(v) = -log sum_h exp(-E(v, h)) (N,), up to a constant: low where the model puts its probability.

        With t = c + v W, the hidden units' part is -sum_j log(1 + exp(t_j)), or -1/2 sum_j (t_j^2 - c_j^2) where they
        are Gaussian.
        """
        check_shape("free_energy", v, ("N", self.n_visible), "v")
        t = v @ self.W + self.c
        hidden = np.logaddexp(0, t) if self.hidden == "bernoulli" else 0.5 * (t * t - self.c * self.c)
        return _unit_energy(v, self.b, self.visible) - hidden.sum(axis=1)

    # -- learning ---------------------------------------------------------------------------

    def statistics(self, v, h, out=None):
        """Mean over rows of -dE/dtheta, as a vector like theta.

        -dE/dW = v h (outer product); -dE/db = v, -dE/dc = h for Bernoulli units, v - b and h - c for Gaussian ones.
        The constants b and c cancel in the difference of two statistics, so v and h serve for both kinds.
        """
        out = np.empty_like(self.theta) if out is None else out
        W, b, c = self.views(out)
        matmul(v.T, h, out=W)
        np.sum(v, axis=0, out=b)
        self.hidden_statistic(v, h, out=c)
        out /= len(v)
        return out

    def hidden_statistic(self, v, h, out=None):
        """Sum over rows of -dE/dc."""
        return np.sum(h, axis=0, out=out)

    def contrastive_divergence(self, v, rng, k=1, sample_visible=False):
        """CD-k's estimate of the gradient of mean log p(v), as a vector like theta.

        Positive statistics at the data with E[h | v], minus negative ones after k steps of Gibbs sampling from the
        data, again with E[h | v]. As in Hinton & Salakhutdinov's code the chain's hidden states are sampled and its
        visible states are means: less noise, but then the chain's limit is not the model's own distribution. With
        `sample_visible` it is, and the estimate's mean approaches the exact gradient as k grows.

        Source: Hinton (2002), "Training products of experts by minimizing contrastive divergence".
        """
        check_shape("contrastive_divergence", v, ("N", self.n_visible), "v")
        h = self.hidden_mean(v)
        negative_v, negative_h = self.gibbs(h, rng, k, sample_visible, like=v)
        return self.statistics(v, h) - self.statistics(negative_v, negative_h)

    def gibbs(self, hidden_mean, rng, k=1, sample_visible=False, like=None):
        """k steps of the chain from given hidden means: returns (v, E[h | v]) at its end.

        Between steps the hidden states are sampled; visible states are means unless `sample_visible`. `like`: the
        visible states the chain began with (`visible_mean`).
        """
        for _ in range(check_int("gibbs", "k", k, 1)):
            v = self.visible_mean(self.sample_hidden(hidden_mean, rng), like=like)
            if sample_visible:
                v = self.sample_visible(v, rng)
            hidden_mean = self.hidden_mean(v)
        return v, hidden_mean

    def reconstruct(self, v):
        """E[v | E[h | v]]: down and up once, without sampling."""
        return self.visible_mean(self.hidden_mean(v), like=v)

    @staticmethod
    def product(a, b, out=None):
        """a b, into `out` where given."""
        return matmul(a, b, np.empty((a.shape[0], b.shape[1]), b.dtype) if out is None else out)

    @staticmethod
    def mean_of(total, bias, units):
        """The units' mean for a total input without bias, in place."""
        total += bias
        return sigmoid(total, total) if units == "bernoulli" else total

    def __repr__(self):
        return f"RBM({self.n_visible} {self.visible}, {self.n_hidden} {self.hidden})"


def _sample(mean, units, rng, out):
    out = np.empty_like(mean) if out is None else out
    if units == "gaussian":
        rng.standard_normal(out=out, dtype=mean.dtype)
        return np.add(mean, out, out=out)
    uniform = rng.random(mean.shape, dtype=mean.dtype)
    return bernoulli(mean, uniform, out)


def _unit_energy(u, bias, units):
    return -(u @ bias) if units == "bernoulli" else 0.5 * np.square(u - bias).sum(axis=1)
