# %% [markdown]
# # 2. A dense layer, forward and back
#
# **Goal.** Push a small batch through a dense layer by hand, send a gradient back, and check every number.
# **Needs** tutorial 1 (one neuron, one gradient) and matrix products. **Takes** 5 seconds to run, 20 minutes to read.
#
# A dense layer takes every row $x_n$ of a batch and gives $y_n = x_n W + b$. Each output unit $j$ has a column of
# $W$ and a bias $b_j$ of its own:
#
# $$y_{nj} = \sum_i x_{ni} W_{ij} + b_j$$

# %%
import numpy as np

from tinyae import Dense
from tinyae.gradcheck import check_layer

layer = Dense(2).build(3, dtype=np.float64)
layer.params["W"][:] = [[1.0, 0.0], [0.5, -1.0], [2.0, 1.0]]
x = np.array([[1.0, 2.0, 3.0], [0.0, 1.0, 0.0]])

# %% [markdown]
# Two rows of three numbers go in, and the layer has two units. **Before you run the next cell:** what shape will `y`
# have, and what is `y[0, 0]`?

# %%
y = layer.forward(x)
assert y.shape == (2, 2)
assert y[0, 0] == 1 * 1 + 2 * 0.5 + 3 * 2
y

# %% [markdown]
# ## The way back
#
# Somewhere above there is a loss $L$, and it sent us $\partial L / \partial y$, one number for each number of `y`. From
# it the layer works out two things: how $L$ changes with its own parameters, which the optimizer needs, and how $L$
# changes with `x`, which the layer below needs.
#
# $W_{ij}$ reaches $L$ through $y_{nj}$ alone, once for every row $n$, with the factor $x_{ni}$. So we add over rows:
#
# $$\frac{\partial L}{\partial W_{ij}} = \sum_n x_{ni} \frac{\partial L}{\partial y_{nj}}, \qquad
# \frac{\partial L}{\partial b_j} = \sum_n \frac{\partial L}{\partial y_{nj}}, \qquad
# \frac{\partial L}{\partial x_{ni}} = \sum_j \frac{\partial L}{\partial y_{nj}} W_{ij}$$
#
# Let the gradient from above be one that tells units and rows apart. **Predict** `grads["W"][0, 0]` first: only the
# first row has an `x[n, 0]` that is not 0.

# %%
dy = np.array([[0.1, -0.2], [0.3, 0.4]])
dx = layer.backward(dy)
assert np.isclose(layer.grads["W"][0, 0], 1.0 * 0.1 + 0.0 * 0.3)
layer.grads["W"]

# %% [markdown]
# The three sums are three products of arrays. A sum over rows is a product with the transpose on the left.

# %%
assert np.allclose(layer.grads["W"], x.T @ dy)
assert np.allclose(layer.grads["b"], dy.sum(axis=0))
assert np.allclose(dx, dy @ layer.params["W"].T)
assert dx.shape == x.shape and layer.grads["W"].shape == layer.params["W"].shape

# %% [markdown]
# Shapes are a good compass: a gradient has the shape of what it belongs to, and with all lengths different only one
# product fits.
#
# ## Is it right?
#
# Nudge one weight by $h$ up and down, and watch a number that depends on it. The slope must be the gradient. As the
# number we take $\sum_{nj} dy_{nj}\, y_{nj}$, whose derivative in `y` is `dy`.

# %%
h, W = 1e-5, layer.params["W"]
W[2, 1] += h
up = np.sum(dy * layer.forward(x))
W[2, 1] -= 2 * h
down = np.sum(dy * layer.forward(x))
W[2, 1] += h
slope = (up - down) / (2 * h)
assert np.isclose(slope, layer.grads["W"][2, 1])

# %% [markdown]
# `check_layer` does this for every number of every array, with a random `dy`.

# %%
worst = check_layer(layer, x)[0]
assert worst.error < 1e-9
print(worst)

# %% [markdown]
# ## Step by step in a real net
#
# `trace` keeps every number of a pass through a whole net. Each step is a card. Point at a number, and it shows the
# sum behind it.

# %%
from tinyae import Autoencoder
from tinyae.trace import trace

model = Autoencoder([Dense(2)], [Dense(3)], "mse", input_shape=3)
steps = trace(model, x, optimizer="sgd")
steps

# %%
steps.find("encoder.dense_1", "backward")

# %%
print(steps.find("encoder.dense_1", "backward").why(2, 0))

# %%
checked = steps.find("encoder.dense_1", "backward").check()
assert checked.passed
checked

# %% [markdown]
# **Recap.**
# - Forward is one product and one sum; backward is two products and one sum.
# - The gradient of $W$ is added over rows, because every row used the same $W$.
# - Finite differences tell you whether a backward pass is right. They need no more than the forward pass.
#
# **Exercises** ([solutions](solutions/02_dense_layer.py))
# 1. Write `dx[0, 1]` as a sum of two products, by hand, and check it against `dx`.
# 2. A batch of one row: which shape does `x.T @ dy` have, and what does it look like?
# 3. Leave out the bias. What changes in backward? Write the layer as a class with `forward` and `backward`, and check
#    it.
