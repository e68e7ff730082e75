# %% [markdown]
# # 4. Finite differences: trust and its limits: solutions
# The exercises of [tutorial 4](../04_finite_differences.py).

# %%
import numpy as np

from tinyae.gradcheck import TOLERANCE, assert_gradients, check_layer
from tinyae.layers import Layer

# %% [markdown]
# **1.** The truncation error is $h^2 f''' / 6$, and a parabola has $f''' = 0$: the central difference is exact for any
# $h$, and only rounding is left. There is no right branch, so the larger $h$ the better.

# %%
steps = 10.0 ** np.arange(-14, 1)
errors = [abs(((1 + h) ** 2 - (1 - h) ** 2) / (2 * h) - 2) for h in steps]
assert errors[-1] == 0 and max(errors[10:]) < 1e-11 < max(errors[:3])
for h, error in zip(steps, errors, strict=True):
    print(f"h = {h:.0e}   error {error:.1e}")


# %% [markdown]
# **2.** `W` fails, `b` and `x` pass. The numbers are right but in wrong places: `got` has the transpose of `expected`.
# A square layer let it through; with all lengths different NumPy would have refused the assignment.


# %%
class Transposed(Layer):
    """A square dense layer with a wrong dW."""

    def make_params(self, rng):
        return {"W": rng.normal(size=(3, 3)), "b": np.zeros(3)}

    def forward(self, x):
        self.x = x
        return x @ self.params["W"] + self.params["b"]

    def backward(self, dy, need_dx=True):
        self.grads["W"][:] = dy.T @ self.x  # should be x' dy
        self.grads["b"][:] = dy.sum(axis=0)
        return dy @ self.params["W"].T


# %%
rng = np.random.default_rng(0)
x = rng.normal(size=(4, 3))
found = check_layer(Transposed().build(3, dtype=np.float64), x)
assert [d.what for d in found if d.error > TOLERANCE] == ["W"]
dy = rng.normal(size=(4, 3))
assert np.allclose((dy.T @ x).T, x.T @ dy)


# %% [markdown]
# **3.** With $s = \sigma(\beta x)$ the product rule gives
# $\partial y / \partial x = s + \beta x\, s (1 - s)$ and $\partial y / \partial \beta = x^2 s (1 - s)$.
# The gradient of $\beta_j$ is added over the rows.


# %%
class Swish(Layer):
    """y = x sigmoid(beta x), with a beta for each feature."""

    def make_params(self, rng):
        return {"beta": np.ones(self.input_shape)}

    def forward(self, x):
        self.x, self.s = x, 1 / (1 + np.exp(-self.params["beta"] * x))  # backward needs both
        return x * self.s

    def backward(self, dy, need_dx=True):
        x, s = self.x, self.s
        bend = s * (1 - s)
        self.grads["beta"][:] = np.sum(dy * x**2 * bend, axis=0)
        return dy * (s + self.params["beta"] * x * bend)


# %%
error = assert_gradients(check_layer(Swish().build(3, dtype=np.float64), x))
print(f"{error:.1e}")
