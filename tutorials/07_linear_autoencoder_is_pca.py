# %% [markdown]
# # 7. A linear autoencoder is PCA
#
# **Goal.** See that a linear autoencoder finds the principal components' subspace, measure it, turn its code into
# PCA's, and learn which parts of a net have to bend to do better. **Needs** tutorials 3 and 5, eigenvectors. **Takes**
# 15 seconds to run, 40 minutes to read.
#
# Principal component analysis (PCA) keeps of every $x$ its shadow on $k$ directions: those along which the data vary
# most, the eigenvectors $c_1, \dots, c_k$ of their covariance with the largest eigenvalues. With $C$ the matrix of
# these columns and $m$ the mean:
#
# $$h = (x - m)\, C, \qquad x' = m + h\, C^{\top}$$
#
# That is an encoder and a decoder. Our data: digits, made smaller, 14 x 14 pixels.

# %%
import numpy as np

from tinyae import plots
from tinyae.analysis import PCA
from tinyae.datasets import load


def small(images):
    return images.reshape(-1, 14, 2, 14, 2).mean(axis=(2, 4)).reshape(-1, 196)


data = load("auto", limit=5000)  # MNIST, or where it cannot be had digits drawn by code
x = small(data.x_train).astype(np.float64)

# %% [markdown]
# The loss is half the squared error (tutorial 3). **Before you run the next cell:** what does PCA leave over, in terms
# of the eigenvalues, which are the variances along the components?

# %%
k = 6
pca = PCA(x, k)
variances = PCA(x, 196).variances
loss_of_pca = 0.5 * np.mean(np.sum((pca.reconstruct(x) - x) ** 2, axis=1))
assert np.isclose(loss_of_pca, variances[k:].sum() / 2)
print(f"loss of PCA with {k} numbers: {loss_of_pca:.4f}; of the mean image: {variances.sum() / 2:.4f}")

# %% [markdown]
# Half of the variances that were not kept. No other $k$ directions, and no other linear encoder and decoder, leave
# less: that is what Eckart and Young proved in 1936.
#
# ## A net that knows nothing of eigenvectors
#
# Two dense layers without bends, the loss MSE, and gradient steps. **Predict** the loss after training: above PCA's,
# the same, or below?

# %%
from tinyae import Adam, Autoencoder, Callback, Cosine, Dense, TiedDense
from tinyae.linear import principal_angles, to_pca_basis


class Angles(Callback):
    """After every epoch: how far each component lies from the space the decoder's rows span, in degrees."""

    def on_epoch_end(self, run, row):
        V = run.model.decoder.layers[0].params["W"]
        row["angles"] = [np.degrees(principal_angles(V.T, c[:, None]))[0] for c in pca.components.T]


# %% tags=["work"]
net = Autoencoder([Dense(k)], [Dense(196)], "mse", input_shape=196)
history = net.fit(x, epochs=40, optimizer=Adam(Cosine(0.02)), callbacks=[Angles()], progress=False)
loss = net.evaluate(x)["loss"]
assert loss_of_pca - 1e-5 < loss < 1.001 * loss_of_pca
print(f"linear autoencoder {loss:.4f}, PCA {loss_of_pca:.4f}")

# %% [markdown]
# The same to three digits, and never below. So are the decoder's rows the components? **Look** at both, as images.

# %%
V = net.decoder.layers[0].params["W"].astype(np.float64)
both = np.concatenate([V.T / np.linalg.norm(V, axis=1), pca.components], axis=1)
plots.filters(both, (14, 14, 1), title="decoder's rows, components below", columns=k)

# %% [markdown]
# They are not. What is the same is the *space* they span: each row is a mixture of the components. Two spaces of $k$
# dimensions have $k$ *principal angles* between them, all 0 when the spaces are the same.

# %%
angles = np.degrees(principal_angles(V.T, pca.components))
other = np.degrees(principal_angles(np.random.default_rng(0).normal(size=(196, k)), pca.components))
assert angles.max() < 1 and other.min() > 60
print(f"angles to PCA's space: the net's {angles.round(2)},\na random space's {other.round(0)}")

# %% [markdown]
# ## Why not the components themselves?
#
# Take any matrix $M$ that has an inverse. Let the encoder give $h M$ and the decoder begin with $M^{-1}$. **What
# changes** in the reconstruction, and so in the loss?

# %%
M = np.random.default_rng(1).normal(size=(k, k))
twin = net.astype(np.float64)
for p in twin.encoder.layers[0].params.values():
    p[:] = p @ M
twin.decoder.layers[0].params["W"][:] = np.linalg.inv(M) @ V
assert np.allclose(twin.reconstruct(x), net.reconstruct(x), atol=1e-4)
assert not np.allclose(twin.encode(x), net.encode(x), atol=0.1)

# %% [markdown]
# Nothing. The loss cannot tell the twins apart, so training has no reason to prefer the components to any other basis
# of their space, and which it finds hangs on the start. A single code number of a linear autoencoder has no meaning of
# its own.
#
# PCA's basis is special in two ways: its directions are orthonormal and its codes uncorrelated. `to_pca_basis` chooses
# the $M$ that makes the net's so.

# %%
sorted_net = to_pca_basis(net, x)
codes = sorted_net.encode(x).astype(np.float64)
covariance = np.cov(codes.T, bias=True)
assert np.allclose(covariance, np.diag(pca.variances), atol=0.01)
assert np.isclose(sorted_net.evaluate(x)["loss"], loss, rtol=1e-4)
print(covariance.round(2) + 0)

# %% tags=["thumbnail"]
found = sorted_net.decoder.layers[0].params["W"].T
assert np.all(np.sum(found * pca.components, axis=0) > 0.999)
plots.filters(found, (14, 14, 1), title="the decoder's rows in PCA's basis", columns=6)

# %% [markdown]
# Now they are: the cosine of the angle between each row and its component is above 0.999.
#
# ## The way there
#
# The callback has noted after every epoch how far each component lay from the decoder's space. **Which one** will be
# found first?

# %%
figure = plots.Figure(figsize=(7, 4.2), layout="constrained")
axis = figure.subplots()
for number, mark in enumerate("os^Dvx"):
    series = [row[number] for row in history["angles"]]
    label = f"component {number + 1}, variance {variances[number]:.2f}"
    axis.plot(range(1, 41), series, "-", marker=mark, markersize=4, color=plots.CLASS_COLOURS[number], label=label)
axis.set(xlabel="epoch", ylabel="angle to the decoder's space, degrees", yscale="log")
axis.legend()
figure

# %% [markdown]
# Those of large variance first: they have the larger gradients. The last ones wait, and in nets of many layers waiting
# may take for ever (tutorial 9).

# %%
first_epoch = history["angles"][0]
assert max(first_epoch[:2]) < first_epoch[5] and max(history["angles"][-1]) < 1

# %% [markdown]
# ## Places that are level but not lowest
#
# Let us put the net by hand onto *wrong* components: 1 to 5 and 7, without 6. **Is there a gradient?**

# %%
chosen = PCA(x, 7).components[:, [0, 1, 2, 3, 4, 6]]
stuck = Autoencoder([Dense(k)], [Dense(196)], "mse", input_shape=196, dtype=np.float64)
encoder, decoder = stuck.encoder.layers[0].params, stuck.decoder.layers[0].params
encoder["W"][:], encoder["b"][:] = chosen, -pca.mean @ chosen
decoder["W"][:], decoder["b"][:] = chosen.T, pca.mean
stuck.loss_and_gradient(x)
assert np.abs(stuck.gradient).max() < 1e-10
assert np.isclose(stuck.evaluate(x)["loss"], (variances.sum() - variances[[0, 1, 2, 3, 4, 6]].sum()) / 2)

# %% [markdown]
# None at all. The place is level, though its loss is higher by half the difference of the variances 6 and 7. Is it a
# valley in which training would be caught? **What happens** after a nudge?

# %% tags=["work"]
stuck.theta += 0.01 * np.random.default_rng(0).normal(size=stuck.n_params)
stuck.fit(x, epochs=20, optimizer=Adam(Cosine(0.01)), progress=False)
assert stuck.evaluate(x)["loss"] < 1.001 * loss_of_pca

# %% [markdown]
# It leaves. Baldi and Hornik showed in 1989 that it is always so: all other level places of a linear autoencoder are
# *saddles*, level but with a way down, and every valley is as deep as PCA's.
#
# ## Tied weights
#
# `TiedDense` decodes with the encoder's own weights, $x' = h W^{\top} + c$. PCA has this form. **Predict** what
# $W^{\top} W$ will be after training, and what is still free.

# %% tags=["work"]
tied = Autoencoder([Dense(k)], [TiedDense(0)], "mse", input_shape=196)
tied.fit(x, epochs=40, optimizer=Adam(Cosine(0.02)), progress=False)
W = tied.encoder.layers[0].params["W"].astype(np.float64)
assert np.allclose(W.T @ W, np.eye(k), atol=0.02) and tied.evaluate(x)["loss"] < 1.001 * loss_of_pca
print((W.T @ W).round(2) + 0)

# %% [markdown]
# Orthonormal columns: of the freedom of $M$ only rotations and mirrors are left. On the way back a weight of the
# encoder now gets two shares, one from each layer that uses it. `why` shows both:

# %%
from tinyae.trace import trace

tiny = Autoencoder([Dense(2)], [TiedDense(0)], "mse", input_shape=3)
steps = trace(tiny, [[1.0, -1.0, 0.5]])
assert all(checked.passed for checked in steps.check())
print(steps.find("encoder.dense_1", "backward").why(0, 1))

# %%
steps.find("TiedDense", "backward")

# %% [markdown]
# ## What has to bend?
#
# Real autoencoders have activation functions. Which of these three can beat PCA with six numbers? **Choose** before you
# run: a) a code through tanh, b) a deep encoder with ReLU and a linear decoder, c) ReLU layers on both sides.

# %%
nets = {
    "a) tanh code": ([Dense(k, "tanh")], [Dense(196)]),
    "b) deep encoder": ([Dense(64, "relu"), Dense(k)], [Dense(196)]),
    "c) deep, both": ([Dense(64, "relu"), Dense(k)], [Dense(64, "relu"), Dense(196)]),
}

# %% tags=["work"]
reached = {}
for name, (encoder, decoder) in nets.items():
    bent = Autoencoder(encoder, decoder, "mse", input_shape=196)
    bent.fit(x, epochs=30, optimizer=Adam(Cosine(0.01)), progress=False)
    reached[name] = bent.evaluate(x)["loss"]

# %%
print(f"PCA {loss_of_pca:.3f}", {name: round(value, 3) for name, value in reached.items()})
assert min(reached["a) tanh code"], reached["b) deep encoder"]) > loss_of_pca - 1e-5
assert reached["c) deep, both"] < 0.8 * loss_of_pca

# %% [markdown]
# Only c). With a linear decoder all reconstructions lie in one flat space of $k$ dimensions, however clever the
# encoder, and in the best flat space PCA already gives the nearest point. To beat PCA, the *decoder* has to bend
# (Bourlard and Kamp, 1988). The picture on the README's top is this, with two numbers.
#
# **Recap.**
# - A linear autoencoder with squared error reaches PCA's loss, finds PCA's space, and chooses a basis by chance.
# - `principal_angles` compares spaces, `to_pca_basis` makes codes comparable.
# - Components of large variance are learnt first; level places are saddles, not traps.
# - PCA is the baseline: a net whose loss is not below it could be replaced by an eigenvector routine.
#
# **Exercises** ([solutions](solutions/07_linear_autoencoder_is_pca.py))
# 1. Draw data whose variances along two directions are equal, say 4, 1 and 1 in three dimensions, and train a code of
#    two numbers. Is the loss PCA's? Are the angles 0?
# 2. Take the biases away from a linear autoencoder, on data whose mean is not 0. What does it find?
# 3. Of PCA on the digits, how many numbers does it take until 90 % of the variance is kept? And of one component, plot
#    the pictures from $m - 2 \sqrt{\lambda}\, c$ to $m + 2 \sqrt{\lambda}\, c$: what does it change?
