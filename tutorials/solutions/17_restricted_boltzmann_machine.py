# %% [markdown]
# # Solutions: 17. A restricted Boltzmann machine
#
# **1.** Only the terms with $h_j$ differ: $E(v, h_j = 1) - E(v, h_j = 0) = -c_j - \sum_i v_i W_{ij} = -a_j$. So
# $p(h_j = 1 | v) = e^{a_j} / (e^{a_j} + 1) = \sigma(a_j)$, whatever the other hidden units are.

# %%
import copy

import numpy as np

from tinyae import RBM, fit_rbm
from tinyae.datasets import load
from tinyae.rbm.exact import log_likelihood, log_likelihood_gradient

rbm = RBM(3, 2, seed=0, dtype=np.float64)
rbm.W[:] = [[2.0, 0.0], [2.0, -1.0], [0.0, 3.0]]
rbm.b[:], rbm.c[:] = [-1.0, -1.0, -1.0], [-0.5, 0.5]
v = np.array([[1.0, 0.0, 1.0]])
for other in (0.0, 1.0):
    on, off = (rbm.energy(v, np.array([[other, h]]))[0] for h in (1.0, 0.0))
    a = rbm.c[1] + v[0] @ rbm.W[:, 1]
    assert np.isclose(on - off, -a)
    assert np.isclose(rbm.hidden_mean(v)[0, 1], 1 / (1 + np.exp(-a)))

# %% [markdown]
# **2.** CD-1 ends a little below: its steps are noisy, and their mean points somewhat aside.

# %% tags=["work"]
data = np.array([[1.0, 1, 0], [0.0, 0, 1], [1.0, 1, 0], [0.0, 1, 1]])
start, rng = log_likelihood(rbm, data), np.random.default_rng(0)
exact, divergence = copy.deepcopy(rbm), copy.deepcopy(rbm)
for _ in range(2000):
    exact.theta += 0.1 * log_likelihood_gradient(exact, data)
    divergence.theta += 0.1 * divergence.contrastive_divergence(data, rng)
reached, by_cd = log_likelihood(exact, data), log_likelihood(divergence, data)
best = -(0.5 * np.log(2) + 0.5 * np.log(4))  # the data's own entropy: two rows are the same
assert start < by_cd <= reached <= best
print(f"start {start:.3f}, exact {reached:.3f}, CD-1 {by_cd:.3f} nats; no machine can be above {best:.3f}")

# %% [markdown]
# **3.** Simple, common strokes are the most probable: ones on MNIST. Noise is far off, although its mean grey is the
# same.

# %% tags=["work"]
digits = load("auto", limit=4000)
machine = RBM(784, 64, seed=0)
fit_rbm(machine, digits.x_train, epochs=10, lr=0.05, progress=False)
free = machine.free_energy(digits.x_test)
order = np.argsort(free)
print("most probable:", digits.y_test[order[:20]], "least:", digits.y_test[order[-20:]])
noise = np.random.default_rng(0).permuted(digits.x_test, axis=1)
assert machine.free_energy(noise).min() > free.max() or machine.free_energy(noise).mean() > free.mean() + 3 * free.std()
print(f"mean free energy {free.mean():.0f}, of the same pixels shuffled {machine.free_energy(noise).mean():.0f}")
