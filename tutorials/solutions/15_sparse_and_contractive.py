# %% [markdown]
# # Solutions: 15. Sparse, k-sparse, contractive
#
# **1.** The derivative is $-\rho / q + (1 - \rho) / (1 - q)$, which is 0 for $q = \rho$. The second one there is $1 /
# \rho + 1 / (1 - \rho) = 1 / (\rho (1 - \rho))$, positive: a minimum, with the parabola of the exercise.

# %%
import numpy as np

from tinyae import L1, Adam, Autoencoder, Dense, KSparse, TiedDense
from tinyae.datasets import load

rho, q = 0.2, np.linspace(0.01, 0.99, 981)
kl = rho * np.log(rho / q) + (1 - rho) * np.log((1 - rho) / (1 - q))
assert np.isclose(q[kl.argmin()], rho, atol=1e-3)
near = np.abs(q - rho) < 0.01
assert np.allclose(kl[near], (q[near] - rho) ** 2 / (2 * rho * (1 - rho)), atol=2e-5)

# %% [markdown]
# **2.** The share falls, the error rises. With a weight of 30 the code is 0 for every image, the sparsest of all, and
# the net answers with the mean image.

# %% tags=["work"]
data = load("auto", limit=4000)
x, test = data.x_train, data.x_test[:1000]
share, error, warned = {}, {}, {}
for weight in (0.03, 0.3, 3.0, 30.0):
    net = Autoencoder([Dense(200, "relu")], [Dense(784, "sigmoid")], "bce", input_shape=784, penalty=L1(weight))
    warned[weight] = net.fit(x, epochs=10, batch_size=50, optimizer=Adam(2e-3), progress=False).warnings
    share[weight] = np.mean(net.encode(test) > 0)
    error[weight] = np.square(net.reconstruct(test) - test).sum(axis=1).mean()
    print(f"weight {weight:5}: {share[weight]:.0%} on, squared error {error[weight]:.1f}")

# %%
assert share[0.03] > share[0.3] > share[3.0] >= share[30.0] and error[0.03] < error[0.3] < error[3.0]
assert any("the code is the same" in text for text in warned[30.0])
print(warned[30.0][0])

# %% [markdown]
# **3.** Those that are not among the three largest at the beginning get no gradient, and never learn to be. With a
# larger $k$ first all units learn something, and many stay in use when $k$ comes down.


# %%
def never_used(ks):
    encoder = [Dense(200), KSparse(ks[0])]
    net = Autoencoder(encoder, [TiedDense(encoder[0])], "mse", input_shape=784)
    for k in ks:
        encoder[1].k = k
        net.fit(x, epochs=15 // len(ks), batch_size=50, optimizer=Adam(2e-3), progress=False)
    codes = net.encode(test)
    assert (codes != 0).sum(axis=1).max() <= 3
    return int((codes == 0).all(axis=0).sum())


# %% tags=["work"]
at_once, by_and_by = never_used([3]), never_used([50, 25, 12, 6, 3])
assert by_and_by < at_once
print(f"never used: {at_once} of 200 with k = 3 from the start, {by_and_by} when k comes down")
