# %% [markdown]
# # 15. Sparse, k-sparse, contractive: what else one can ask of a code
#
# **Goal.** Know the penalties that replace a narrow code: step through each, see what it does to the code and to the
# filters, and measure with a linear probe whether it was worth it. **Needs** tutorials 5 (the smallest autoencoder) and
# 8 (bottleneck and overcomplete). **Takes** 20 seconds to run, 45 minutes to read.
#
# A wide code can copy (tutorial 8). A narrow one cannot, but being narrow is not the only thing one can ask of a code.
# One adds a term to the loss that is small for codes one likes:
#
# $$L = \text{reconstruction} + \lambda\, P(h), \qquad P_{L1} = \frac{1}{N} \sum_{nj} |h_{nj}|, \qquad
# P_{L2} = \frac{1}{N} \sum_{nj} h_{nj}^2$$
#
# ## One number
#
# Let the reconstruction want $h = a$, at a cost of $\frac{1}{2}(h - a)^2$. Where is the sum smallest with the penalty
# $\lambda |h|$, and where with $\lambda h^2$? **Before you run the next cell:** which of the two gives an exact 0 for
# $a = 0.3$ and $\lambda = 0.5$?

# %%
import numpy as np

from tinyae import L1, L2, Adam, Autoencoder, Contractive, Dense, KLSparsity, KSparse, TiedDense, plots
from tinyae.datasets import load
from tinyae.trace import trace

h = np.linspace(-3, 3, 6001)
a = np.linspace(-2, 2, 81)[:, None]
best_l1 = h[np.argmin((h - a) ** 2 / 2 + 0.5 * np.abs(h), axis=1)]
best_l2 = h[np.argmin((h - a) ** 2 / 2 + 0.5 * h**2, axis=1)]

# %%
a = a[:, 0]
assert np.allclose(best_l1, np.sign(a) * np.maximum(np.abs(a) - 0.5, 0), atol=1e-3)
assert np.allclose(best_l2, a / (1 + 2 * 0.5), atol=1e-3)
figure = plots.Figure(figsize=(5.4, 3.6), layout="constrained")
axis = figure.subplots()
axis.plot(a, best_l1, color=plots.TRAIN_COLOUR, label="L1: nearer to 0 by 0.5, and 0 within")
axis.plot(a, best_l2, "--", color=plots.VALIDATION_COLOUR, label="L2: divided by 2")
axis.set(xlabel="a, what the reconstruction wants", ylabel="h, what it gets")
axis.legend(fontsize=9)
figure

# %% [markdown]
# L1 pulls with the same force $\lambda$ however small the number is, so what is wanted less than $\lambda$ ends at 0.
# L2 pulls with $2 \lambda h$, ever less, and gets nothing to 0.
#
# ## Step through L1 and L2
#
# The penalty stands behind the encoder. Forward it changes nothing; backward it adds its own gradient to what comes
# from the decoder, $\lambda\, \mathrm{sign}(h_{nj}) / N$ or $2 \lambda h_{nj} / N$.

# %%
x4 = np.array([[1.0, 0, 1, 0], [0, 1, 1, 0], [1, 1, 0, 1]])


def small_net(code, **settings):
    return Autoencoder(code, [Dense(4, "sigmoid")], "bce", input_shape=4, **settings)


steps_l1 = trace(small_net([Dense(3, "relu")], penalty=L1(0.1)), x4)
step = steps_l1.find("code.l1", "backward")
step

# %%
print(step.why(1, 1))
assert np.allclose(step.dx - step.dy, 0.1 * np.sign(step.x) / 3)
assert step.check().passed

# %%
steps_l2 = trace(small_net([Dense(3, "relu")], penalty=L2(0.1)), x4)
step = steps_l2.find("code.l2", "backward")
assert np.allclose(step.dx - step.dy, 2 * 0.1 * step.x / 3) and step.check().passed
print(step.why(1, 1))

# %% [markdown]
# `ActivityPenalty(L1(0.1))` is a layer that does the same anywhere in a net.
#
# ## A wish for the mean: KL
#
# A sigmoid never gives 0. For such units one asks something else: that unit $j$ is on in a share $\rho$ of the images.
# With $q_j = \frac{1}{N} \sum_n h_{nj}$, its mean over the batch,
#
# $$P = \sum_j \mathrm{KL}(\rho\, \|\, q_j) = \sum_j \Big( \rho \log \frac{\rho}{q_j} + (1 - \rho) \log \frac{1 -
# \rho}{1 - q_j} \Big), \qquad
# \frac{\partial P}{\partial h_{nj}} = \frac{1}{N} \Big( \frac{1 - \rho}{1 - q_j} - \frac{\rho}{q_j} \Big).$$
#
# **Predict:** in the card below, which numbers of a column of `dx - dy` are equal?

# %%
steps_kl = trace(small_net([Dense(3, "sigmoid")], penalty=KLSparsity(0.2, weight=1.0)), x4)
step = steps_kl.find("code.kl_sparsity", "backward")
q = step.x.mean(axis=0)
assert np.allclose(step.dx - step.dy, (0.8 / (1 - q) - 0.2 / q) / 3)
assert step.check().passed
step

# %% [markdown]
# All of them: every image of the batch gets the same push, because only the mean counts. This penalty does not
# care *which* images a unit is on for, and it is the only one here that needs the whole batch.
#
# ## k-sparse: no penalty at all
#
# Keep the $k$ largest numbers of each code and set the others to 0. The gradient flows through those that were kept.

# %%
steps_k = trace(small_net([Dense(3), KSparse(1)]), x4)
step = steps_k.find("ksparse_1", "backward")
kept = steps_k.find("ksparse_1", "forward").y != 0
assert (kept.sum(axis=1) == 1).all() and (step.dx[~kept] == 0).all()
assert np.array_equal(step.dx[kept], step.dy[kept]) and step.check().passed
step

# %% [markdown]
# ## Tied weights
#
# A decoder may use the encoder's weights, turned round: `TiedDense`. Half the parameters, and $W$ gets two gradients,
# one from each use. **Predict** the number of parameters of a 784-200-784 net, tied and not.

# %%
code = Dense(200, "sigmoid")
tied = Autoencoder([code], [TiedDense(code, "sigmoid")], "bce", input_shape=784)
free = Autoencoder([Dense(200, "sigmoid")], [Dense(784, "sigmoid")], "bce", input_shape=784)
assert tied.theta.size == 784 * 200 + 200 + 784 and free.theta.size == tied.theta.size + 784 * 200

# %%
code = Dense(3, "sigmoid")
steps_tied = trace(Autoencoder([code], [TiedDense(code, "sigmoid")], "bce", input_shape=4), x4)
above, below = steps_tied.find("decoder.tieddense_1", "backward"), steps_tied.find("encoder.dense_1", "backward")
assert np.allclose(below.grads["W"], below.x.T @ below.dy + above.dy.T @ above.x)
assert below.check().passed
print(below.why(0, 0, of="dW"))

# %% [markdown]
# ## Contractive
#
# One more wish: a small change of the image should hardly move the code. The change is the Jacobian $J = \partial h /
# \partial x$, and the penalty is the sum of the squares of all its numbers, $\frac{1}{N} \sum_n \|J(x_n)\|^2$. For one
# layer of sigmoid units $\partial h_j / \partial x_i = h_j (1 - h_j) W_{ij}$, hence
#
# $$\|J(x)\|^2 = \sum_j \big( h_j (1 - h_j) \big)^2 \sum_i W_{ij}^2.$$

# %%
net = small_net([Dense(3, "sigmoid")], penalty=Contractive(0.1))
steps_contractive = trace(net, x4)
step = steps_contractive.find("Contractive")
hidden, W = net.encode(x4), net.encoder.layers[0].params["W"]
by_hand = np.sum((hidden * (1 - hidden)) ** 2 * np.square(W).sum(axis=0)) / 3
assert np.isclose(step.y, 0.1 * by_hand, rtol=1e-5) and step.check().passed
step

# %% [markdown]
# It goes straight into the gradients of $W$ and $b$, not by way of `dy`: it is about the encoder as a function, not
# about its output.
#
# There is a cheap way to please it. **Which one?** Divide the code by 10 and let the decoder multiply by 10.

# %%
linear = Autoencoder([Dense(3)], [Dense(4, "sigmoid")], "bce", input_shape=4, penalty=Contractive(0.1))
before, loss = linear.evaluate(x4)["contractive"], linear.evaluate(x4)["loss"]
linear.encoder.layers[0].params["W"][:] /= 10
linear.decoder.layers[0].params["W"][:] *= 10
assert np.isclose(linear.evaluate(x4)["contractive"], before / 100, rtol=1e-4)
assert np.isclose(linear.evaluate(x4)["loss"], loss, rtol=1e-4)

# %% [markdown]
# The same reconstructions for a hundredth of the penalty, and nothing gained. With tied weights the decoder cannot do
# that, so a contractive net ties them. (L1 and L2 on a linear code have the same hole.)
#
# ## On digits
#
# Eight nets with codes of 200 numbers, all trained in the same way. The last is the cousin of tutorial 13: it has no
# penalty but sees images under noise.

# %%
from tinyae.corruption import Gaussian

data = load("auto", limit=4000)
x, test, labels = data.x_train, data.x_test[:4000], data.y_test[:4000]


def wide(activation="sigmoid", **settings):
    return Autoencoder([Dense(200, activation)], [Dense(784, "sigmoid")], "bce", input_shape=784, **settings)


# %%
def tied_net(encoder, output=None, loss="bce", **settings):
    decoder = [TiedDense(encoder[0], output)]
    return Autoencoder(encoder, decoder, loss, input_shape=784, **settings)


nets = {"ReLU": wide("relu"), "ReLU, L2": wide("relu", penalty=L2(0.1)), "ReLU, L1": wide("relu", penalty=L1(0.3))}
nets |= {"sigmoid": wide(), "sigmoid, KL": wide(penalty=KLSparsity(0.05, weight=3.0))}
nets["25-sparse"] = tied_net([Dense(200), KSparse(25)], loss="mse")
nets["contractive"] = tied_net([Dense(200, "sigmoid")], "sigmoid", penalty=Contractive(1.0))
nets["denoising"] = wide(corruption=Gaussian(0.3))

# %% tags=["work"]
history = {}
for name, net in nets.items():
    history[name] = net.fit(x, epochs=15, batch_size=50, optimizer=Adam(2e-3), progress=False)

# %% [markdown]
# What did each wish cost, and was it granted? For each net: the squared error of a test image; the share of code
# numbers that are **on** (above 0 for ReLU, not 0 for 25-sparse; a sigmoid is never off, we count from 0.5); and how
# far noise of 0.1 on the pixels **moves** the code, as a share of how far codes of different images lie apart. **Rank**
# the three ReLU nets by the share that is on.


# %%
def row(name, net):
    codes = net.encode(test)
    on = codes > 0.5 if name in ("sigmoid", "sigmoid, KL", "contractive", "denoising") else codes != 0
    shaken = net.encode(test + 0.1 * np.random.default_rng(0).normal(size=test.shape).astype(np.float32))
    moved = np.square(shaken - codes).sum() / np.square(codes - codes.mean(axis=0)).sum()
    error = np.square(net.reconstruct(test) - test).sum(axis=1).mean()
    return {"net": name, "error": error, "on": 100 * on.mean(), "moved": 100 * moved}


rows = {name: row(name, net) for name, net in nets.items()}

# %%
from tinyae.tables import plain

columns = [("net", "net", "{}"), ("squared error", "error", "{:.1f}"), ("on, %", "on", "{:.0f}")]
print(plain(rows.values(), [*columns, ("moved, %", "moved", "{:.2f}")]))
assert rows["ReLU, L1"]["on"] < rows["ReLU, L2"]["on"] < rows["ReLU"]["on"]
assert rows["25-sparse"]["on"] <= 12.5 and rows["contractive"]["moved"] < rows["sigmoid"]["moved"]

# %%
for name in ("L1", "L2"):
    assert rows[f"ReLU, {name}"]["error"] > rows["ReLU"]["error"]
assert rows["ReLU, L2"]["moved"] > rows["ReLU"]["moved"]
for name in ("sigmoid, KL", "contractive", "25-sparse", "denoising"):
    assert rows[name]["error"] > rows["sigmoid"]["error"]

# %% [markdown]
# Every wish has its price in squared error. L1 switches units off, L2 makes them small. Small is not sturdy: noise
# moves the L2 code *more*, measured by its own distances. The contractive net does what it was asked: noise moves its
# code less. Was KL's wish granted, a mean of 0.05?

# %%
means = {name: nets[name].encode(test).mean(axis=0) for name in ("sigmoid", "sigmoid, KL")}
assert means["sigmoid, KL"].mean() < 0.2 < means["sigmoid"].mean()
looks = {"sigmoid": {"color": plots.BASELINE_COLOUR, "hatch": "///"}, "sigmoid, KL": {"color": plots.TRAIN_COLOUR}}

# %%
figure = plots.Figure(figsize=(6.4, 3.4), layout="constrained")
axis = figure.subplots()
for name, m in means.items():
    axis.hist(m, np.linspace(0, 1, 41), alpha=0.7, label=f"{name}: {m.mean():.2f} on average", **looks[name])
axis.axvline(0.05, color="black", linestyle="--", label="wanted: 0.05")
axis.set(xlabel="mean of a code unit over the test images", ylabel="units of 200")
axis.legend(fontsize=9)
figure

# %% [markdown]
# Near it, not at it: the reconstruction pulls the other way, and the minimum lies where the two pulls are equal. A
# larger weight would bring the means closer to 0.05.
#
# ## What do they look for?
#
# The weights into the first units of each net. **Guess** before you look: in which nets does a unit see a stroke, in
# which ones something like noise?

# %% tags=["thumbnail"]
names = ("sigmoid", "sigmoid, KL", "25-sparse", "contractive", "denoising", "ReLU, L1")
shown = [(name, test[:1], nets[name].encoder.layers[0].params["W"].T[:14]) for name in names]
plots.comparison(shown, (28, 28, 1), "an image, and weights into 14 units (red positive, blue negative)")

# %% [markdown]
# Roughness as a number (tutorial 13): how much neighbouring weights differ, beside their size.


# %%
def roughness(W):
    images = W.T.reshape(-1, 28, 28)
    steps = np.square(np.diff(images, axis=1)).sum() + np.square(np.diff(images, axis=2)).sum()
    return steps / np.square(images).sum()


rough = {name: roughness(net.encoder.layers[0].params["W"]) for name, net in nets.items()}
print(*(f"{name:12} {rough[name]:.2f}" for name in sorted(rough, key=rough.get)), sep="\n")
assert min(rough, key=rough.get) == "contractive" and rough["ReLU, L1"] > rough["sigmoid"]

# %% [markdown]
# The contractive net's are the smoothest: it was asked not to react to single pixels. With L1 the units look at pixels
# here and there. But no rule says that a filter people like is a good one. So:
#
# ## The linear probe
#
# Freeze the codes and train the simplest classifier there is on them, one straight boundary for each class. Its
# accuracy says how well the classes lie apart in the code, nothing else. Beside it: the pixels themselves, and a net
# nobody trained. **Predict** how the plain sigmoid net compares with the pixels, and which net comes first.

# %% tags=["work"]
from tinyae.probe import linear_probe_accuracy


def probed(encode):
    return 100 * linear_probe_accuracy(encode(x), data.y_train, encode(test), labels)


untrained = wide("relu", seed=5)
accuracy = {"pixels": probed(np.asarray), "untrained net": probed(untrained.encode)}
accuracy |= {name: probed(net.encode) for name, net in nets.items()}

# %%
for name in sorted(accuracy, key=accuracy.get):
    print(f"{name:14} {accuracy[name]:.1f} %")
assert accuracy["untrained net"] < accuracy["pixels"] < min(accuracy[name] for name in nets)
assert max(accuracy[name] for name in ("sigmoid, KL", "contractive", "25-sparse")) > accuracy["sigmoid"] + 0.5

# %% [markdown]
# All trained codes are of some use: they beat the pixels. The restricted codes reconstruct worse than the plain ones
# and the best of them tell the classes apart better. Do not make more of it than it is: one seed, one weight for each
# penalty, one data set. And 4,000 test images leave a standard error:

# %%
best = max(accuracy.values()) / 100
standard_error = 100 * np.sqrt(best * (1 - best) / len(test))
assert standard_error < 0.6
print(f"{standard_error:.2f} percentage points: smaller differences say little")

# %% [markdown]
# **Recap.**
# - L1 makes zeros, L2 makes numbers small; KL sets how often a sigmoid unit is on; k-sparse keeps the k largest.
# - A contractive code hardly moves where the image moves a little. Tie the weights, or the decoder undoes the penalty.
# - Penalties cost reconstruction. What they buy shows elsewhere: in a probe, beside pixels and an untrained net.
#
# **Exercises** ([solutions](solutions/15_sparse_and_contractive.py))
# 1. Show that $\mathrm{KL}(\rho \| q)$ has its minimum at $q = \rho$, and that near it it is about $(q - \rho)^2 / (2
#    \rho (1 - \rho))$.
# 2. Train the ReLU net with L1 weights of 0.03, 0.3 and 3. What becomes of the share that is on, and of the error? What
#    does `history.warnings` say when the weight is 30?
# 3. With $k = 3$, how many of the 200 units does a k-sparse net never use on the test images? Try to get them back with
#    a larger $k$ for the first epochs.
