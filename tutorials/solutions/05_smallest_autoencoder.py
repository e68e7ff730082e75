# %% [markdown]
# # 5. The smallest autoencoder, stepped by hand, then trained: solutions
# The exercises of [tutorial 5](../05_smallest_autoencoder.py).

# %%
import numpy as np

from tinyae import Adam, Autoencoder, Dense

rng = np.random.default_rng(1)
along = rng.normal(size=(60, 1))
data = np.array([[1.0, -0.5]]) + along * np.array([[1.6, 1.0]]) + 0.15 * rng.normal(size=(60, 2))


def fresh(n=2):
    return Autoencoder([Dense(1)], [Dense(n)], "mse", input_shape=n, dtype=np.float64)


# %% [markdown]
# **1.** $dV = h^{\top} dx'$ is 0 because $h$ is, and $dW$ because $dh = dx' V^{\top}$ is: each waits for the other.
# Only the decoder's bias learns, and ends at the mean of the points: a net whose code carries nothing. That is why
# weights start at random.

# %%
net = fresh()
net.theta[:] = 0
net.loss_and_gradient(data)
gradients = {path: owner.grads for path, owner in net.owners()}
assert not gradients["encoder.dense_1"]["W"].any() and not gradients["decoder.dense_1"]["W"].any()
net.fit(data, epochs=400, batch_size=60, optimizer="sgd", progress=False)
assert np.allclose(net.reconstruct(data), data.mean(axis=0), atol=0.05)
gradients["decoder.dense_1"]["b"]

# %% [markdown]
# **2.** The codes change their sign, the reconstructions do not, so neither does the loss. And not only signs: the code
# may be multiplied by any number that is not 0 if the decoder divides by it. There are infinitely many best nets, and
# which one is found hangs on the start.

# %%
net = fresh()
net.fit(data, epochs=300, batch_size=60, optimizer="adam", progress=False)
codes, made = net.encode(data), net.reconstruct(data)
for factor in (-1.0, 3.0):
    twin = net.astype(np.float64)
    for p in twin.encoder.layers[0].params.values():
        p *= factor
    twin.decoder.layers[0].params["W"][:] /= factor
    assert np.allclose(twin.encode(data), factor * codes) and np.allclose(twin.reconstruct(data), made)

# %% [markdown]
# **3.** What cannot be kept are the two smaller variances: half of 1 + 0.25, but for the chance of the 200 points.

# %%
directions = np.linalg.qr(rng.normal(size=(3, 3)))[0]
points = rng.normal(size=(200, 3)) * np.sqrt([4, 1, 0.25]) @ directions
left = np.linalg.eigvalsh(np.cov(points.T, bias=True))[:2].sum() / 2
net = fresh(3)
net.fit(points, epochs=200, batch_size=20, optimizer=Adam(0.01), progress=False)
reached = net.evaluate(points)["loss"]
assert 0.5 < left < 0.75 and left <= reached < 1.01 * left
print(f"loss {reached:.4f}, half the variance left over {left:.4f}")
