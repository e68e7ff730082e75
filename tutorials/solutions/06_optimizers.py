# %% [markdown]
# # 6. Optimizers, drawn on a bowl and a ravine: solutions
# The exercises of [tutorial 6](../06_optimizers.py).

# %%
import numpy as np

from tinyae import SGD, Adam, RMSprop, plots
from tinyae.descent import bowl, follow, ravine
from tinyae.optimizers import Optimizer

start = np.array([-4.0, 1.5])

# %% [markdown]
# **1.** Weight decay adds $0.5\, u$ to the gradient $u$: the factor is $1 - 0.1 \cdot 1.5 = 0.85$. With the loss
# $\frac{1}{2} (u - 1)^2$ the two pulls balance where $u - 1 + 0.5\, u = 0$, at $u = 2/3$: weight decay moves the lowest
# place towards 0.

# %%
path = follow(bowl, start, SGD(0.1, weight_decay=0.5), steps=10)
assert np.allclose(path[1:] / path[:-1], 0.85)
moved = follow(lambda u: (0.5 * float(u[0] - 1) ** 2, u - 1), [4.0], SGD(0.1, weight_decay=0.5), steps=200)
assert np.isclose(moved[-1, 0], 2 / 3)
moved[-1]

# %% [markdown]
# **2.** Without it, the first $m$ is $0.1\, g$ and the first $v$ is $0.001\, g^2$: the step is
# $0.1 / \sqrt{0.001} = 3.16$ rates long instead of 1. The two means warm up at different speeds, and the slower one, in
# the denominator, makes early steps too long.

# %%
g = 7.0
m, v = 0.1 * g, 0.001 * g**2
assert np.isclose(m / np.sqrt(v), np.sqrt(10))
assert np.allclose(np.abs(follow(bowl, start, Adam(0.01), steps=1)[1] - start), 0.01)
m / np.sqrt(v)


# %% [markdown]
# **3.** All it takes is `update`, which gets the part of the vectors it is responsible for. Several workers may each
# bring a gradient; they are added. The path resembles RMSprop's, which is sign descent where gradients change slowly,
# and the first step of Adam.


# %%
class SignDescent(Optimizer):
    """theta -= lr sign(g)."""

    def update(self, theta, grads, start, stop, offset=0):
        g = grads[:, start - offset : stop - offset].sum(axis=0)
        theta[start:stop] -= self.lr * np.sign(g)


# %%
signs, rms = (follow(ravine, start, optimizer, steps=60) for optimizer in (SignDescent(0.1), RMSprop(0.1, rho=0.5)))
assert np.allclose(np.abs(np.diff(signs, axis=0)[:10]), 0.1)
assert np.abs(signs[-1]).max() <= 0.1 + 1e-9  # it dances around the lowest place
plots.optimizer_paths(ravine, [("sign descent", signs), ("RMSprop", rms)], columns=2, names=("u", "v"))
