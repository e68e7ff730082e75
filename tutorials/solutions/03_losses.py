# %% [markdown]
# # 3. Losses, and why the gradient is x' - x in both: solutions
# The exercises of [tutorial 3](../03_losses.py).

# %%
import numpy as np

from tinyae import Autoencoder, Dense, Sigmoid, UsageError
from tinyae.gradcheck import assert_gradients, check_loss
from tinyae.losses import Loss

# %% [markdown]
# **1.** It refuses: a probability is never -1, and the loss would fall for ever. Either bring the targets to [0, 1],
# $(x + 1) / 2$, and keep sigmoid and BCE; or end in a linear unit and take MSE.

# %%
x = np.where(np.random.default_rng(0).uniform(size=(20, 6)) < 0.5, -1.0, 1.0)
net = Autoencoder([Dense(2)], [Dense(6), Sigmoid()], "bce", input_shape=6)
try:
    net.fit(x, epochs=1)
except UsageError as why:
    said = str(why)
assert "expected targets in [0, 1], got values from -1 to 1" in said
said

# %%
history = net.fit((x + 1) / 2, epochs=1, batch_size=5, progress=False)
assert np.isfinite(history["loss"][0])

# %% [markdown]
# **2.** Above the floor BCE is the Kullback-Leibler divergence of the two coins. Both outputs are off by 0.2, so MSE
# sees no difference; BCE minds an error more near 0 and near 1, where 0.05 and 0.25 are very different odds.


# %%
def above_floor(x, output):
    return x * np.log(x / output) + (1 - x) * np.log((1 - x) / (1 - output))


middle, edge = above_floor(0.5, 0.7), above_floor(0.05, 0.25)
assert np.isclose((0.7 - 0.5) ** 2, (0.25 - 0.05) ** 2)
assert edge > 1.5 * middle
middle, edge


# %% [markdown]
# **3.** The gradient is the sign of the difference. `_value_and_gradient` gives the sum over the batch; `scale`, one
# over the number of images, goes into the gradient.


# %%
class Absolute(Loss):
    """l = sum_k |x'_k - x_k|, dl/dx' = sign(x' - x)."""

    def _value_and_gradient(self, a, x, out, scale):
        out[...] = scale * np.sign(a - x)
        return float(np.abs(a - x).sum())


# %%
rng = np.random.default_rng(0)
a, x = rng.normal(size=(4, 3)), rng.normal(size=(4, 3))
error = assert_gradients(check_loss(Absolute(), a, x))
print(f"{error:.1e}")

# %% [markdown]
# Where $x' = x$ the loss has a corner. The slopes on the two sides are -1 and 1, the central difference is their mean,
# 0, and so is `np.sign(0)`: the check agrees, but neither of them is a derivative. A little beside the corner, closer
# than $h$, they disagree, though the gradient is right.

# %%
at_corner = check_loss(Absolute(), x, x)[0]
beside = check_loss(Absolute(), x + 3e-6, x)[0]
assert at_corner.error == 0 and beside.error > 0.5
beside
