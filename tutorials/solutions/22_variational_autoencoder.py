# %% [markdown]
# # Solutions: 22. A variational autoencoder
#
# **1.** The formula of the tutorial, nudged in $s$.

# %%
import numpy as np

from tinyae import Adam
from tinyae.architectures import dense_autoencoder, variational_autoencoder
from tinyae.codespace import between
from tinyae.datasets import load


def divergence(mu, s):
    return 0.5 * (mu**2 + np.exp(s) - 1 - s)


for s in (-2.0, 0.0, 1.5):
    h = 1e-5
    slope = (divergence(0.3, s + h) - divergence(0.3, s - h)) / (2 * h)
    assert np.isclose(slope, 0.5 * (np.exp(s) - 1))
print("0 where exp(s) = 1, that is sigma = 1")

# %% [markdown]
# **2.** More numbers: more can be said about an image, so the divergence rises and the cross-entropy falls. Their sum
# falls too: the net only pays for what is worth its price.

# %% tags=["work"]
data = load("auto", limit=4000)
x, rows = data.x_train, {}
for size in (2, 10):
    model = variational_autoencoder(hidden=(200,), code_size=size)
    rows[size] = model.fit(x, epochs=15, batch_size=100, optimizer=Adam(2e-3), progress=False).rows[-1]
    print(size, {name: round(rows[size][name], 1) for name in ("loss", "kl", "objective")})
assert rows[10]["kl"] > rows[2]["kl"] and rows[10]["loss"] < rows[2]["loss"]
assert rows[10]["objective"] < rows[2]["objective"]

# %% [markdown]
# **3.** The mean over 40 pairs of test digits, of the three images between the ends.

# %% tags=["work"]
variational = variational_autoencoder(hidden=(200,), code_size=10)
plain = dense_autoencoder(784, (200,), 10, code_activation="linear")
found = {}
for name, model in (("variational", variational), ("plain", plain)):
    model.fit(x, epochs=15, batch_size=100, optimizer=Adam(2e-3), progress=False)
    codes = model.encode(data.x_test[:80])
    middle = np.concatenate([between(codes[i], codes[i + 40], 5)[1:4] for i in range(40)])
    images = model.decode(middle.astype(np.float32))
    squared = (images**2).sum(axis=1)[:, None] + (x**2).sum(axis=1)[None] - 2 * images @ x.T
    found[name] = float(np.sqrt(squared.min(axis=1)).mean())
print({name: round(distance, 2) for name, distance in found.items()})
assert min(found.values()) > 0

# %% [markdown]
# Distances in pixels, root of the sum of squares. A blurred image is close to many digits, so this number favours the
# net that blurs more: a reason to look at the pictures as well.
