# %% [markdown]
# # 9. Deep autoencoders and vanishing gradients: solutions
# The exercises of [tutorial 9](../09_deep_and_vanishing_gradients.py).

# %%
import numpy as np

from tinyae import Autoencoder, Dense, ReLU, Sigmoid
from tinyae.datasets import load
from tinyae.gradcheck import check_layer
from tinyae.inside import layer_outputs, parameter_gradients
from tinyae.layers import Layer

data = load("auto", limit=2000)
x = data.x_train.reshape(-1, 14, 2, 14, 2).mean(axis=(2, 4)).reshape(-1, 196)


# %% [markdown]
# **1.** The formulas are BatchNorm's, with the sums over the units of a sample in place of those over the samples of a
# batch. $\gamma$ and $\beta$ still belong to a unit, so their gradients are still sums over samples.


# %%
class LayerNorm(Layer):
    """y = gamma xhat + beta, xhat = (x - mean) / sqrt(var + eps), mean and var of each sample: Ba et al. (2016)."""

    def make_params(self, rng):
        return {"gamma": np.ones(self.input_shape[-1]), "beta": np.zeros(self.input_shape[-1])}

    def forward(self, x):
        self.scale = 1 / np.sqrt(x.var(axis=1, keepdims=True) + 1e-5)
        self.xhat = (x - x.mean(axis=1, keepdims=True)) * self.scale  # backward needs both
        return self.params["gamma"] * self.xhat + self.params["beta"]

    def backward(self, dy, need_dx=True):
        self.grads["gamma"][:] = (dy * self.xhat).sum(axis=0)
        self.grads["beta"][:] = dy.sum(axis=0)
        d = dy * self.params["gamma"]  # dL/dxhat
        shift, stretch = d.mean(axis=1, keepdims=True), (d * self.xhat).mean(axis=1, keepdims=True)
        return self.scale * (d - shift - self.xhat * stretch)


# %%
layer = LayerNorm().build(5, dtype=np.float64)
layer.params["gamma"][:] = [1.0, 2.0, -1.0, 0.5, 3.0]  # all different, or a mistake could hide
samples = np.random.default_rng(0).normal(size=(4, 5))
assert check_layer(layer, samples)[0].error < 1e-8
print(check_layer(layer, samples)[0])

# %% [markdown]
# A batch of one is no trouble: every sample is normalised by itself, while training and afterwards.

# %%
assert np.allclose(layer.forward(samples[:1]), layer.forward(samples)[:1])


# %% [markdown]
# **2.** Each block more, down and up, means two sigmoids more on the way, so the factor per layer is the square root of
# the ratio of neighbours.


# %%
def deep(unit, depth, init="glorot"):
    encoder = [layer for _ in range(depth) for layer in (Dense(64, init=init), unit())] + [Dense(16, init=init)]
    decoder = [layer for _ in range(depth) for layer in (Dense(64, init=init), unit())]
    return Autoencoder(encoder, [*decoder, Dense(196, init=init), Sigmoid()], "bce", input_shape=196)


def ratio(model):
    named = parameter_gradients(model, x[:200])
    sizes = [np.sqrt(np.mean(np.square(g))) for name, g in named.items() if name.endswith("W")]
    return float(sizes[0] / sizes[-1])


# %%
ratios = [ratio(deep(Sigmoid, depth)) for depth in range(1, 7)]
factors = np.sqrt(np.divide(ratios[1:], ratios[:-1]))
assert np.all(factors < 0.3) and 0.15 < factors.mean() < 0.25
print("ratios", [f"{r:.1e}" for r in ratios], "per layer", factors.round(3))

# %% [markdown]
# A little below a quarter, as $y (1 - y)$ is a quarter only at $y = \frac12$ and Glorot's weights pass on about as much
# as they get.
#
# **3.** With a bias of -3 many inputs of a ReLU are below 0 for every image. Such a unit has slope 0 everywhere: the
# gradient in its weights and its bias is exactly 0, so no update will ever change it. It is *dead*, unless a layer
# below moves and brings it back. The more layers, the less comes through: the last ones are all silent.

# %%
model = deep(ReLU, 6, "he")
for part in (model.encoder, model.decoder):
    for dense, unit in zip(part.layers[:-1], part.layers[1:], strict=True):
        if isinstance(unit, ReLU):
            dense.params["b"][:] = -3
outputs = {name: y for name, y in layer_outputs(model, x).items() if "relu" in name}
dead = {name: np.all(y == 0, axis=0) for name, y in outputs.items()}
print({name: f"{d.mean():.0%}" for name, d in dead.items()})

# %%
named = parameter_gradients(model, x)
first = dead["encoder.relu_1"]
assert 0 < first.sum() and np.all(named["encoder.dense_1.W"][:, first] == 0)
assert np.all(named["encoder.dense_1.b"][first] == 0)
assert dead["decoder.relu_6"].all()
