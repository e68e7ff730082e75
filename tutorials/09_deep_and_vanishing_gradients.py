# %% [markdown]
# # 9. Deep autoencoders and vanishing gradients
#
# **Goal.** See a gradient fade on its way through a deep net, layer by layer; know why; and cure it by the start of the
# weights, by other units and by batch normalisation. Step through every activation, BatchNorm and Dropout. **Needs**
# tutorials 2 (a dense layer), 5 (the smallest autoencoder) and 6 (optimizers). **Takes** 15 seconds to run, 45 minutes
# to read.
#
# ## A chain of ten
#
# Ten sigmoid units in a row, each with the weight $w = 1$. On the way back each multiplies the gradient by its weight
# and by the slope of the sigmoid, $w\, y (1 - y)$. **Before you run the next cell:** which is the largest value that $y
# (1 - y)$ can have? What is at most left after ten units?

# %%
import numpy as np

from tinyae import Adam, Autoencoder, BatchNorm, Dense, Dropout, LeakyReLU, ReLU, Sigmoid, Tanh, plots
from tinyae.trace import trace

y, gradient = 0.5, 1.0
for _ in range(10):
    y = 1 / (1 + np.exp(-y))
    gradient *= y * (1 - y)
assert gradient < 0.25**10 < 1e-6
print(f"left after ten sigmoids: {gradient:.1e}, and at most {0.25**10:.1e}")

# %% [markdown]
# ## A deep autoencoder
#
# Now a real one: six layers of 64 units down, a code of 16, six layers of 64 up, on digits of 14 x 14 pixels. Its
# sigmoid units are started as usual (Glorot).

# %%
from tinyae.datasets import load


def small(images):
    return images.reshape(-1, 14, 2, 14, 2).mean(axis=(2, 4)).reshape(-1, 196)


data = load("auto", limit=2000)
x, test = small(data.x_train), small(data.x_test[:500])


# %%
def deep(unit, init="glorot", norm=(), depth=6):
    def block():
        return [Dense(64, init=init), *(kind() for kind in norm), unit()]

    encoder = [layer for _ in range(depth) for layer in block()] + [Dense(16, init=init)]
    decoder = [layer for _ in range(depth) for layer in block()] + [Dense(196, init=init), Sigmoid()]
    return Autoencoder(encoder, decoder, "bce", input_shape=196)


# %% [markdown]
# `trace` goes through one forward and one backward pass and keeps every number. Here is what a single sigmoid in the
# middle does to the gradient. **Predict:** how much smaller is `dx` than `dy`, at least?

# %%
steps = trace(deep(Sigmoid), x[:50])
for step in steps:
    if step.phase == "backward" and step.kind == "Sigmoid":
        assert np.all(np.abs(step.dx) <= 0.25 * np.abs(step.dy))
middle = steps.find("decoder.sigmoid_1", "backward")
print(middle.why(0, 0))

# %% [markdown]
# At least four times smaller, in every unit, at every image: $y (1 - y) \le \frac{1}{4}$. A Dense layer between two
# sigmoids multiplies by $W^{\top}$, and as Glorot's weights keep sizes about as they are, it cannot make up for that.
# Here is the size of the gradient in each layer's weights. **Guess** first: by how many powers of ten does it fall over
# 13 layers?

# %%
from tinyae.inside import parameter_gradients

starts = {"sigmoid, Glorot": deep(Sigmoid), "tanh, Glorot": deep(Tanh), "ReLU, Glorot": deep(ReLU),
          "ReLU, He": deep(ReLU, "he")}  # fmt: skip
gradients = {name: parameter_gradients(model, x[:200]) for name, model in starts.items()}

# %% tags=["thumbnail"]
plots.gradient_sizes(list(gradients.items()), "the gradient before the first update")


# %% [markdown]
# The net's output layer is at the bottom, its input on top. Where sigmoids are between them, the first layer hears next
# to nothing: gradients millions of times smaller than at the end. Adam divides by the size of the gradient, but it adds
# $\varepsilon = 10^{-8}$ first, so that rounding is not blown up to a step. Here even that is larger than what is left.


# %%
def first_over_last(named):
    sizes = [np.sqrt(np.mean(np.square(g))) for name, g in named.items() if name.endswith("W")]
    return sizes[0] / sizes[-1]


ratio = {name: first_over_last(named) for name, named in gradients.items()}
assert ratio["sigmoid, Glorot"] < 1e-6 and min(ratio["tanh, Glorot"], ratio["ReLU, He"]) > 0.1
assert np.abs(gradients["sigmoid, Glorot"]["encoder.dense_1.W"]).mean() < Adam().eps == 1e-8
for name, value in ratio.items():
    print(f"{name:<16} first layer / last layer: {value:.1e}")

# %% [markdown]
# ## How large should weights be?
#
# A unit adds $n$ products, $a_j = \sum_i x_i W_{ij}$. With weights drawn around 0 with variance $v$, independent of
# each other, the variances add up, whatever the $x_i$ are:
#
# $$\overline{a^2} = n\, v\, \overline{x^2}$$
#
# So $v = 1/n$ keeps the size. A little more or less in each layer is a lot after twenty. **Predict** what is left of
# the size (root mean square) after 20 linear layers of 256 units with $\sqrt{n v} = 0.5$, $1$ and $1.5$.

# %%
rng = np.random.default_rng(0)


def after(layers, factor, bend, n=256):
    a = rng.normal(size=(200, n))
    for _ in range(layers):
        a = bend(a @ rng.normal(0, factor / np.sqrt(n), (n, n)))
    return np.sqrt(np.mean(a**2))


# %%
for factor in (0.5, 1.0, 1.5):
    left = after(20, factor, lambda a: a)
    assert 0.5 < left / factor**20 < 2
    print(f"factor {factor}: {left:.2g} left, {factor:g}^20 = {factor**20:.2g}")

# %% [markdown]
# A ReLU sets half of its inputs to 0, and with them half of the sum of squares. **What does that do over 20 layers with
# $v = 1/n$, and which $v$ would make up for it?**

# %%
halved, doubled = after(20, 1.0, lambda a: np.maximum(a, 0)), after(20, np.sqrt(2), lambda a: np.maximum(a, 0))
assert 0.3 < halved / 0.5 ** (20 / 2) < 3  # half of the square in each layer
assert 0.3 < doubled < 3
print(f"v = 1/n: {halved:.1e} left, v = 2/n: {doubled:.2f}")

# %% [markdown]
# On the way back the same sum runs over a layer's $n_{out}$ outputs, so the gradient keeps its size for $v =
# 1/n_{out}$. Hence the two usual starts, and when to take which:
#
# | name | variance $v$ | for |
# |---|---|---|
# | Glorot & Bengio (2010) | $2 / (n_{in} + n_{out})$, between both directions | tanh, sigmoid, linear units |
# | He et al. (2015) | $2 / n_{in}$, twice as much for the half that ReLU removes | ReLU and the like |

# %%
W = {init: Dense(64, init=init).build(196).params["W"] for init in ("glorot", "he")}
assert np.isclose(W["glorot"].var(), 2 / (196 + 64), rtol=0.05)
assert np.isclose(W["he"].var(), 2 / 196, rtol=0.05)

# %% [markdown]
# What the units of a tanh net give out shows it, too. With weights too small they shrink to 0 little by little; with
# weights too large they sit at -1 and 1, where the slope is 0. Here all weights are three times and a third of
# Glorot's.

# %%
from tinyae.inside import layer_outputs


def scaled(factor):
    model = deep(Tanh)
    model.theta *= factor  # biases are 0
    outputs = layer_outputs(model, x[:200])
    return {f"{name}, {factor:.2g} x Glorot": y for name, y in outputs.items()
            if name in ("encoder.tanh_1", "encoder.tanh_3", "encoder.tanh_6")}  # fmt: skip


# %%
plots.activations(scaled(1 / 3) | scaled(1) | scaled(3))

# %%
small_ones, large_ones = list(scaled(1 / 3).values()), list(scaled(3).values())
assert small_ones[-1].std() < 0.05 * small_ones[0].std()
assert np.mean(np.abs(large_ones[-1]) > 0.9) > 0.4

# %% [markdown]
# ## Every unit, stepped through
#
# What does a unit do to the gradient? Six activations and their slopes were drawn in tutorial 1. Here each stands in a
# net between two Dense layers, `check` compares its backward pass with finite differences, and `why` says what it did
# to one number.

# %%
from tinyae.layers import Softmax, Softplus

for kind in (Sigmoid, Tanh, ReLU, LeakyReLU, Softplus, Softmax):
    steps = trace(Autoencoder([Dense(3), kind()], [Dense(6)], "mse", input_shape=6), np.eye(6)[:2])
    assert all(checked.passed for checked in steps.check())
    back = steps.find(kind.__name__, "backward")
    kept = np.linalg.norm(back.dx) / np.linalg.norm(back.dy)
    print(f"{kind.__name__:<10} lets through {kept:.2f} of the gradient")

# %% [markdown]
# Softmax is different from the others: each of its outputs depends on all its inputs, since they have to add up to 1.
# **What must the `dx` of one sample add up to,** if adding the same number to all inputs changes nothing?

# %%
assert np.allclose(back.dx.sum(axis=1), 0)
back

# %% [markdown]
# ## Batch normalisation
#
# The weights are right at the start, but they move. BatchNorm puts it right again in every step: it brings each unit to
# mean 0 and standard deviation 1 over the batch, then to a mean $\beta$ and a deviation $\gamma$ that are learned.
#
# $$\hat x = \frac{x - \mu}{\sqrt{\sigma^2 + \varepsilon}}, \qquad y = \gamma \hat x + \beta$$
#
# Four samples, two units, the second a hundred times the first. **Predict** both columns of `y` before you run the
# cell.

# %%
layer = BatchNorm().build(2, dtype=np.float64)
layer.set_training(True)
numbers = np.array([[1.0, 100.0], [2.0, 200.0], [3.0, 300.0], [6.0, 600.0]])
y = layer.forward(numbers)
assert np.allclose(y[:, 0], (numbers[:, 0] - 3) / np.sqrt(3.5 + 1e-5))  # mean 3, mean square distance 3.5
assert np.allclose(y[:, 0], y[:, 1], atol=1e-5)
y

# %% [markdown]
# Both columns are the same: how large a unit was does not matter any more. On the way back this has a price, as $\mu$
# and $\sigma$ depend on every sample. A change of $x$ that only shifts or stretches the batch has no effect on $y$, so
# there is no gradient along it: `dx` adds up to 0, and so does `dx` times $\hat x$.

# %%
dx = layer.backward(np.random.default_rng(0).normal(size=(4, 2)))
xhat = (numbers - numbers.mean(axis=0)) / numbers.std(axis=0)
assert np.allclose(dx.sum(axis=0), 0)
assert np.allclose((dx * xhat).sum(axis=0), 0, atol=1e-5)

# %%
net = Autoencoder([Dense(3), BatchNorm(), Tanh()], [Dense(196)], "mse", input_shape=196)
step = trace(net, x[:4], training=True).find("batchnorm_1", "backward")
assert step.check().passed
step

# %% [markdown]
# A net in use must not depend on which other images are in the batch. So BatchNorm keeps a running mean and variance
# while it trains, and uses these afterwards. A batch of one has no variance at all: while training it is refused.

# %%
layer.set_training(False)
alone = layer.forward(numbers[:1])
together = layer.forward(numbers)[:1]
assert np.array_equal(alone, together)
print({name: value.round(2) for name, value in layer.state.items()}, "after one batch: a tenth of the way")

# %% [markdown]
# ## Dropout
#
# Dropout does nothing for gradients; it is a brake on overfitting. While training each unit is silent with probability
# $p$, and the others speak louder by $1 / (1 - p)$, so that the mean stays. **Predict** the two values that units of 1
# can have for $p = 0.25$.

# %%
layer = Dropout(0.25).build(10_000)
layer.set_training(True)
y = layer.forward(np.ones((1, 10_000)))
assert set(np.unique(y).round(4)) == {0, 1.3333}
assert abs(y.mean() - 1) < 0.03 and abs(np.mean(y == 0) - 0.25) < 0.03

# %% [markdown]
# Backward uses the same mask: a unit that was silent has no part in the loss.

# %%
net = Autoencoder([Dense(8), Dropout(0.25)], [Dense(196)], "mse", input_shape=196)
step = trace(net, x[:3], training=True).find("dropout_1", "backward")
silent = step.subject.layer.mask == 0
assert silent.any() and np.all(step.dx[silent] == 0) and step.check().passed
step

# %% [markdown]
# ## Does it matter?
#
# Four deep nets and one that is less deep, ten epochs each. **Rank them** before you run the cell. The mean image is
# the loss of a net that gives the same picture whatever it sees.

# %% tags=["work"]
nets = {
    "sigmoid, Glorot": deep(Sigmoid),
    "ReLU, Glorot": deep(ReLU),
    "ReLU, He": deep(ReLU, "he"),
    "sigmoid, BatchNorm": deep(Sigmoid, norm=[BatchNorm]),
    "ReLU, He, 2 layers": deep(ReLU, "he", depth=2),
}
histories = {name: net.fit(x, epochs=10, batch_size=50, optimizer=Adam(1e-3), progress=False)
             for name, net in nets.items()}  # fmt: skip

# %%
baselines = histories["ReLU, He"].baselines
figure = plots.Figure(figsize=(8, 4.2), layout="constrained")
axis = figure.subplots()
for (name, history), mark, colour in zip(histories.items(), "osD^v", plots.CLASS_COLOURS, strict=False):
    axis.plot(range(1, 11), history["loss"], marker=mark, markersize=4, color=colour, label=name)
axis.axhline(baselines["mean_image"], color=plots.BASELINE_COLOUR, linestyle=":", label="mean image")
axis.set(xlabel="epoch", ylabel="cross-entropy per image, nats", ylim=(None, 70))
axis.legend(ncols=2)
figure

# %%
losses = {name: net.evaluate(test)["loss"] for name, net in nets.items()}
for name, loss in losses.items():
    print(f"{name:<20} {loss:.1f} nats on test images")
assert np.ptp(nets["sigmoid, Glorot"].reconstruct(test), axis=0).max() < 0.01  # the same picture for all
assert losses["ReLU, He, 2 layers"] < losses["ReLU, He"] < losses["ReLU, Glorot"] < losses["sigmoid, Glorot"]
assert losses["sigmoid, BatchNorm"] < 0.9 * losses["sigmoid, Glorot"]

# %% [markdown]
# The deep sigmoid net gives the same picture for every digit, the mean image: only the biases of its last layer have
# learned anything. The same units with BatchNorm between them learn, and so do ReLUs with He's start.
#
# Look at the net with two layers each way, too: after ten epochs it is ahead of them all. Depth is no aim in itself. It
# pays with more data and more training (tutorial 18), and only if the gradient arrives.
#
# In 2006 the cure was another one: Hinton and Salakhutdinov trained the layers one by one first, so that the gradient
# found weights that worked already. Tutorial 18 does that.
#
# **Recap.**
# - Backward multiplies by the slope of each unit and by each $W^{\top}$. Sigmoids take off three quarters at least,
#   each.
# - Weights with $n v = 1$ keep the size of what passes: Glorot. ReLU takes off half of the square, so twice that: He.
# - BatchNorm sets sizes right at every step, at the price that samples of a batch depend on each other.
# - Dropout silences units at random while training, and nothing afterwards.
# - A loss that stays at the mean image's is the sign to look at gradients, layer by layer.
#
# **Exercises** ([solutions](solutions/09_deep_and_vanishing_gradients.py))
# 1. Write *layer normalisation* as a layer: as BatchNorm, but mean and variance are those of one sample over its units.
#    Check it with `check_layer`. What does it do with a batch of one?
# 2. How does the ratio of the first and the last layer's gradient fall with the depth of the sigmoid net? Compute the
#    factor per layer from nets of depth 1 to 6, and compare it with $\frac14$.
# 3. Give every ReLU of the net with He's start a bias of $-3$. How many units never speak, for any image? What gradient
#    do they get, and what follows from it?
