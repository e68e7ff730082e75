# %% [markdown]
# # 17. A restricted Boltzmann machine: energy, sampling, contrastive divergence
#
# **Goal.** Know the machine that Hinton and Salakhutdinov stacked into the first deep autoencoder: what it believes,
# how one draws from it, and what contrastive divergence is a stand-in for. **Needs** tutorial 1 (gradients), 3
# (cross-entropy) and what a probability is. **Takes** 15 seconds to run, 50 minutes to read.
#
# An autoencoder maps. A restricted Boltzmann machine (RBM) *believes*: it gives every pair of visible units $v$
# (pixels) and hidden units $h$ (features), all 0 or 1, an **energy**, and holds pairs of low energy to be probable:
#
# $$E(v, h) = -\sum_i b_i v_i - \sum_j c_j h_j - \sum_{ij} v_i W_{ij} h_j, \qquad p(v, h) = \frac{e^{-E(v, h)}}{Z}$$
#
# $Z$ is the sum of $e^{-E}$ over all pairs, so that probabilities add up to 1. "Restricted": no weights among visible
# units or among hidden ones.

# %%
import numpy as np

from tinyae import RBM, fit_rbm, plots
from tinyae.datasets import load
from tinyae.rbm.exact import all_states, log_likelihood, log_likelihood_gradient, log_partition
from tinyae.trace import trace_rbm

rbm = RBM(3, 2, seed=0, dtype=np.float64)
rbm.W[:] = [[2.0, 0.0], [2.0, -1.0], [0.0, 3.0]]
rbm.b[:], rbm.c[:] = [-1.0, -1.0, -1.0], [-0.5, 0.5]

# %% [markdown]
# Three visible and two hidden units: 8 times 4 pairs, few enough to list. **Before you run the next cell:** for $v =
# (1, 1, 0)$, which of the two hidden units lowers the energy when it is on?

# %%
v, h = all_states(3), all_states(2)
energy = np.array([[rbm.energy(row[None], other[None])[0] for other in h] for row in v])
joint = np.exp(-energy)
Z = joint.sum()
joint /= Z
assert np.isclose(np.log(Z), log_partition(rbm)) and np.isclose(joint.sum(), 1)
by_hand = -(-1 - 1) - (-0.5) - (2 + 2)  # v = (1, 1, 0), h = (1, 0)
assert np.isclose(rbm.energy(np.array([[1.0, 1, 0]]), np.array([[1.0, 0]]))[0], by_hand)

# %% [markdown]
# ## From visible to hidden, and back
#
# Given $v$, the hidden units know nothing of each other: no weight joins them. Each is on with a probability that looks
# familiar,
#
# $$p(h_j = 1 | v) = \sigma\Big(c_j + \sum_i v_i W_{ij}\Big), \qquad
# p(v_i = 1 | h) = \sigma\Big(b_i + \sum_j W_{ij} h_j\Big).$$
#
# A dense layer with sigmoid units, and the same weights turned round on the way back. We check it against the list.

# %%
given_v = joint / joint.sum(axis=1, keepdims=True)  # p(h | v), a row for each v
assert np.allclose(rbm.hidden_mean(v), given_v @ h)
given_h = joint / joint.sum(axis=0)
assert np.allclose(rbm.visible_mean(h), given_h.T @ v)

# %% [markdown]
# ## The free energy
#
# How probable is an image, whatever the hidden units do? Sum over them. As they are independent, the sum of $2^K$ terms
# becomes a product, and its negative logarithm, the **free energy**, is
#
# $$F(v) = -\sum_i b_i v_i - \sum_j \log\Big(1 + e^{c_j + \sum_i v_i W_{ij}}\Big), \qquad p(v) = \frac{e^{-F(v)}}{Z}.$$
#
# **Predict** which of the eight $v$ is the most probable: look at the weights.

# %%
p = joint.sum(axis=1)
assert np.allclose(np.exp(-rbm.free_energy(v)) / Z, p)
for row, probability in zip(v.astype(int), p, strict=True):
    print(*row, f"  {probability:.3f}  {'#' * round(60 * probability)}")
best = tuple(v[p.argmax()])

# %%
assert best == (1.0, 0.0, 1.0)

# %% [markdown]
# The first and the third pixel: each has a hidden unit of its own that pulls it on with a weight of 2 or 3 and is not
# hurt by the other. The second pixel's weight of $-1$ quarrels with the unit the third one needs.

# %% [markdown]
# ## Drawing from it
#
# There is no way to draw $v$ from $p(v)$ at once. But drawing $h$ given $v$ is easy, and $v$ given $h$ as well. Doing
# the one after the other again and again, **Gibbs sampling**, ends up drawing pairs with the right probabilities,
# wherever it began. Fifty thousand chains, all from $v = (0, 0, 0)$:

# %% tags=["work"]
rng = np.random.default_rng(0)
state, distance = np.zeros((50_000, 3)), []
for _ in range(60):
    hidden = rbm.sample_hidden(rbm.hidden_mean(state), rng)
    state = rbm.sample_visible(rbm.visible_mean(hidden), rng)
    counts = np.bincount((state @ [4, 2, 1]).astype(int), minlength=8) / 50_000
    distance.append(np.abs(counts - p).sum() / 2)

# %%
assert distance[0] > 0.1 and distance[-1] < 0.01
print("total variation from p(v) after 1, 2, 5, 60 steps:", *(f"{distance[n - 1]:.3f}" for n in (1, 2, 5, 60)))

# %% [markdown]
# What is left at the end is the noise of 50,000 draws.
#
# ## Learning: two sums, one of which is out of reach
#
# We want the data to be probable: $\log p(v) = -F(v) - \log Z$ should rise. Its gradient is a difference of two means,
#
# $$\frac{\partial \log p(v)}{\partial W_{ij}} =
# \langle v_i h_j \rangle_{\text{data}} - \langle v_i h_j \rangle_{\text{model}}.$$
#
# The first one takes data and a dense layer. The second is a mean over everything the machine can imagine: $2^{784}$
# images for MNIST. Here there are 8, so we can have it exactly, and check it by finite differences.

# %%
data = np.array([[1.0, 1, 0], [0.0, 0, 1], [1.0, 1, 0], [0.0, 1, 1]])
exact = log_likelihood_gradient(rbm, data)
h_step, slopes = 1e-5, []
for i in range(rbm.theta.size):
    rbm.theta[i] += h_step
    up = log_likelihood(rbm, data)
    rbm.theta[i] -= 2 * h_step
    slopes.append((up - log_likelihood(rbm, data)) / (2 * h_step))
    rbm.theta[i] += h_step
assert np.allclose(slopes, exact, atol=1e-8)

# %% [markdown]
# ## Contrastive divergence
#
# Hinton's idea of 2002: do not wait until the chain has forgotten where it began. Begin it **at the data**, and take
# its state after a single step in place of the model's. If the machine were right about the data, the chain would stay
# among them, and the difference would be 0. Every number of such a step:

# %%
steps = trace_rbm(rbm, data, lr=0.1, seed=0)
steps

# %%
difference = steps.find("contrastive divergence")
print(difference.why(0, 1))
difference

# %% [markdown]
# Finite differences? Contrastive divergence is not the gradient of any function. But with both ends of the chain held
# fixed it is that of $F(v_1) - F(v_0)$: it makes the data more probable and what the machine made of them less so.

# %%
assert difference.check().passed
print(difference.check())

# %% [markdown]
# ## How wrong is it?
#
# CD-1 is random, and its mean is not the exact gradient: it is biased. With more steps $k$ the chain comes nearer to
# the model, and the bias goes. **Predict** what 50 steps will give. (`sample_visible=True`: the visible units are
# drawn, too, as the true chain has it.)

# %% tags=["work"]
for k in (1, 2, 10, 50):
    draws = np.tile(data, (5000, 1))  # many copies of the data: the noise goes, the bias stays
    estimate = rbm.contrastive_divergence(draws, np.random.default_rng(k), k, sample_visible=True)
    error = np.abs(estimate - exact).max()
    cosine = estimate @ exact / np.linalg.norm(estimate) / np.linalg.norm(exact)
    print(f"CD-{k}: largest difference {error:.3f}, cosine with the exact gradient {cosine:.4f}")
    assert cosine > 0.85 and (k < 50 or error < 0.02)

# %% [markdown]
# One step points in about the right direction, for a fiftieth of the price. That is the whole bargain.
#
# ## A machine for digits
#
# 784 visible and 64 hidden units, CD-1, batches of 100. `fit_rbm` reports the error of the one-step reconstruction,
# which is easy to watch but not what is being learned.

# %% tags=["work", "thumbnail"]
digits = load("auto", limit=4000)
machine = RBM(784, 64, seed=0)
machine.b[:] = np.log((digits.x_train.mean(axis=0) + 0.01) / (1.01 - digits.x_train.mean(axis=0)))
history = fit_rbm(machine, digits.x_train, epochs=15, lr=0.05, progress=False)
assert history["reconstruction_error"][-1] < 0.5 * history["reconstruction_error"][0]
plots.filters(machine.W, (28, 28, 1), title="Weights of 64 hidden units")

# %% [markdown]
# Each unit looks for strokes in some place. And what does the machine believe digits look like? Begin at noise, and let
# it dream for 500 steps.

# %% tags=["work"]
state = np.random.default_rng(1).uniform(size=(12, 784)).astype(np.float32)
rng = np.random.default_rng(2)
for _ in range(500):
    hidden = machine.sample_hidden(machine.hidden_mean(state), rng)
    state = machine.visible_mean(hidden)
noise = np.random.default_rng(3).uniform(size=(500, 784)).astype(np.float32)
assert machine.free_energy(state).mean() < machine.free_energy(noise).mean()
rows = [("data", digits.x_test[:12]), ("dreams", state)]
plots.reconstruction_rows(rows, (28, 28, 1), title="Data, and what the machine dreams")

# %% [markdown]
# Digits of a kind, and most of them of the same kind: the chains run down into the machine's deepest valleys. One layer
# of 64 features knows strokes, not yet how they belong together.
#
# **Recap.**
# - An RBM gives probabilities by an energy; given one side, the units of the other are independent sigmoid units.
# - The gradient of the log-likelihood is what the data do minus what the machine imagines. The second is out of reach.
# - Contrastive divergence takes one step from the data instead: biased, cheap, good enough.
# - Its hidden means can be the data of the next machine. That is tutorial 18.
#
# **Exercises** ([solutions](solutions/17_restricted_boltzmann_machine.py))
# 1. Derive $p(h_j = 1 | v)$ from the energy: what is $E(v, h_j = 1) - E(v, h_j = 0)$ if the other hidden units are held
#    fixed? Check it on the machine of this tutorial.
# 2. Train the machine of three and two units on `data` with the exact gradient, and a copy of it with CD-1, 2000 steps
#    of size 0.1 each. How far apart are the two log-likelihoods?
# 3. The free energy needs no $Z$ to *compare* images. Which digits of the test set does the machine for digits hold to
#    be most probable, and is it the same for images of pure noise with the same mean grey?
