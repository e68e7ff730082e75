# %% [markdown]
# # 2. A dense layer, forward and back: solutions
# The exercises of [tutorial 2](../02_dense_layer.py).

# %%
import numpy as np

from tinyae.gradcheck import check_layer
from tinyae.layers import Layer

x = np.array([[1.0, 2.0, 3.0], [0.0, 1.0, 0.0]])
W = np.array([[1.0, 0.0], [0.5, -1.0], [2.0, 1.0]])
dy = np.array([[0.1, -0.2], [0.3, 0.4]])

# %% [markdown]
# **1.** $dx_{01} = dy_{00} W_{10} + dy_{01} W_{11}$.

# %%
by_hand = 0.1 * 0.5 + (-0.2) * (-1.0)
assert np.isclose((dy @ W.T)[0, 1], by_hand)
by_hand

# %% [markdown]
# **2.** The shape of W, (3, 2): the outer product of one `x` and one `dy`. Every column is a multiple of `x`.

# %%
one = x[:1].T @ dy[:1]
assert one.shape == (3, 2) and np.linalg.matrix_rank(one) == 1
one


# %% [markdown]
# **3.** Nothing but `grads["b"]` goes: `dW` and `dx` do not know of a bias.


# %%
class Product(Layer):
    """y = x W."""

    def __init__(self, units):
        super().__init__()
        self.units = units

    def output_shape_for(self, input_shape):
        return (self.units,)

    def make_params(self, rng):
        return {"W": rng.normal(size=(self.input_shape[0], self.units))}

    def forward(self, x):
        self.x = x  # backward needs it
        return x @ self.params["W"]

    def backward(self, dy, need_dx=True):
        self.grads["W"][:] = self.x.T @ dy
        return dy @ self.params["W"].T


# %%
layer = Product(2).build(3, dtype=np.float64)
assert check_layer(layer, x)[0].error < 1e-9
