# %% [markdown]
# # 1. One neuron, one gradient: solutions
# The exercises of [tutorial 1](../01_one_neuron.py).

# %%
import numpy as np


def gradients(x, t, w, b):
    """dw and db of a sigmoid neuron with half the squared error."""
    y = 1 / (1 + np.exp(-(w * x + b)))
    da = (y - t) * y * (1 - y)
    return da * x, da


# %% [markdown]
# **1.** `dw` has the factor $x$, so it is 0; `db` has the factor 1. From this sample the neuron can learn its bias
# alone. Pixels that are always black teach the weights that read them nothing.

# %%
dw, db = gradients(0.0, 0.9, w=0.5, b=-0.6)
assert dw == 0 and db < 0
dw, db

# %% [markdown]
# **2.** $a = 20$, so $y$ is 1 to eight digits where 0 is wanted: as wrong as it can be. But the slope of the sigmoid is
# almost 0 there, and so is the gradient. The neuron that has most to learn learns least. Tutorial 3 shows the loss that
# mends this.

# %%
dw, _ = gradients(2.0, 0.0, w=10.0, b=0.0)
y = 1 / (1 + np.exp(-20.0))
assert y > 1 - 1e-8 and 0 < dw < 1e-8
y, dw

# %% [markdown]
# **3.** The gradient is the mean of $(w x - t)\, x$ over the samples, so a distance $d$ from the best weight becomes
# $d\,(1 - \eta\, \overline{x^2})$. The mean of 1 and 9 is 5, and the factor stays above $-1$ for $\eta < 2/5$.


# %%
def distances(rate, steps=20):
    xs = np.array([1.0, 3.0])
    ts = 2 * xs  # the best weight is 2
    w = 0.0
    for _ in range(steps):
        w -= rate * np.mean((w * xs - ts) * xs)
    return abs(w - 2)


assert distances(0.39) < 2 < distances(0.41)
distances(0.39), distances(0.41)
