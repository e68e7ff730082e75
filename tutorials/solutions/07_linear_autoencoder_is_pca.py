# %% [markdown]
# # 7. A linear autoencoder is PCA: solutions
# The exercises of [tutorial 7](../07_linear_autoencoder_is_pca.py).

# %%
import numpy as np

from tinyae import Adam, Autoencoder, Cosine, Dense, Linear, plots
from tinyae.analysis import PCA
from tinyae.datasets import load
from tinyae.layers import Layer
from tinyae.linear import principal_angles

rng = np.random.default_rng(0)

# %% [markdown]
# **1.** The loss is PCA's. One angle is not 0: of the two directions with the variance 1 a code of two numbers keeps
# one, and which one, or which mixture, does not matter to the loss. PCA's own choice hangs on the last digits of the
# data: where variances are nearly equal, do not read meaning into single components.

# %%
points = rng.normal(size=(2000, 3))
points = (points - points.mean(axis=0)) @ np.linalg.inv(np.linalg.cholesky(np.cov(points.T, bias=True))).T
points = points * np.sqrt([4, 1, 1])  # the sample's own variances are 4, 1 and 1
net = Autoencoder([Dense(2)], [Dense(3)], "mse", input_shape=3, seed=1)
net.fit(points, epochs=30, optimizer=Adam(Cosine(0.02)), progress=False)
angles = np.degrees(principal_angles(net.decoder.layers[0].params["W"].T, PCA(points, 2).components))
assert np.isclose(net.evaluate(points)["loss"], 0.5, rtol=0.001) and angles[0] < 1 < angles[1]
angles


# %% [markdown]
# **2.** Then every reconstruction lies in a space through 0, and the best of those is spanned by the eigenvectors of
# the mean of $x^{\top} x$, without the mean of $x$ taken off. If the mean is long, it takes one direction for itself.


# %%
class Product(Layer):
    """y = x W."""

    def __init__(self, units):
        super().__init__()
        self.units = units

    def output_shape_for(self, input_shape):
        return (self.units,)

    def make_params(self, rng):
        return {"W": 0.3 * rng.normal(size=(self.input_shape[0], self.units))}

    def forward(self, x):
        self.x = x
        return x @ self.params["W"]

    def backward(self, dy, need_dx=True):
        self.grads["W"][:] = self.x.T @ dy
        return dy @ self.params["W"].T


# %%
shifted = rng.normal(size=(1000, 4)) * np.sqrt([3, 1, 0.5, 0.2]) + np.array([0, 0, 0, 5.0])
net = Autoencoder([Product(1)], [Product(4), Linear()], "mse", input_shape=4)
net.fit(shifted, epochs=60, optimizer=Adam(Cosine(0.05)), progress=False)
direction = net.decoder.layers[0].params["W"].T
_, vectors = np.linalg.eigh(shifted.T @ shifted)
assert np.degrees(principal_angles(direction, vectors[:, -1:]))[0] < 1
assert np.degrees(principal_angles(direction, shifted.mean(axis=0)[:, None]))[0] < 5
assert np.degrees(principal_angles(direction, PCA(shifted, 1).components))[0] > 80

# %% [markdown]
# **3.** Fewer than a third of the pixels' number. The first component changes the digit's shape as a whole.

# %%
data = load("auto", limit=2000)
x = data.x_train.reshape(-1, 14, 2, 14, 2).mean(axis=(2, 4)).reshape(-1, 196).astype(np.float64)
pca = PCA(x, 196)
kept = np.cumsum(pca.variances) / pca.variances.sum()
needed = int(np.argmax(kept >= 0.9)) + 1
assert 10 < needed < 65
print(f"{needed} of 196 numbers keep 90 % of the variance")

# %%
steps = np.linspace(-2, 2, 7)[:, None]
rows = [(f"component {j + 1}", pca.mean + steps * np.sqrt(pca.variances[j]) * pca.components[:, j]) for j in range(3)]
plots.reconstruction_rows(rows, (14, 14, 1), column_titles=[f"{s:+.1f} sd" for s in steps[:, 0]])
