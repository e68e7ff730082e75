# %% [markdown]
# # 1. One neuron, one gradient
#
# **Goal.** Work out by hand how the loss of a single neuron changes with its weight, check the number, and walk
# downhill with it.
# **Needs** the derivative of a square and the chain rule. **Takes** 5 seconds to run, 20 minutes to read.
#
# The smallest neuron has one input $x$ and one weight $w$, and gives $y = w x$. We want $y$ to be a target $t$. How far
# off it is, is said by a loss:
#
# $$L = \frac{1}{2} (y - t)^2$$

# %%
import numpy as np

from tinyae import plots

x, t = 2.0, 3.0  # what comes in, and what should come out


def loss(w):
    return 0.5 * (w * x - t) ** 2


# %% [markdown]
# Begin with $w = 0.5$. **Before you run the next cell:** what are $y$ and $L$, and should $w$ go up or down?

# %%
w = 0.5
y = w * x
L = loss(w)
assert y == 1.0 and L == 2.0
print(f"y = {y}, L = {L}")

# %% [markdown]
# $y$ is too small and $x$ is positive, so $w$ should go up. By how much does $L$ fall when it does? The chain rule
# follows the way from $w$ to $L$ backwards, one factor per step:
#
# $$\frac{\partial L}{\partial y} = y - t, \qquad \frac{\partial y}{\partial w} = x, \qquad
# \frac{\partial L}{\partial w} = \frac{\partial L}{\partial y} \frac{\partial y}{\partial w} = (y - t)\, x$$
#
# **Predict** the sign of $\partial L / \partial w$ before you run the cell.

# %%
dy = y - t
dw = dy * x
assert dy == -2.0 and dw == -4.0
print(f"dL/dy = {dy}, dL/dw = {dw}")

# %% [markdown]
# A gradient of $-4$ says: raise $w$ by a little, and $L$ falls by four times that little. Is it true? Nudge $w$ by a
# small $h$ both ways and look at the slope between the two losses.

# %%
h = 1e-5
slope = (loss(w + h) - loss(w - h)) / (2 * h)
assert np.isclose(slope, dw)
print(f"slope {slope:.6f}, gradient {dw}")

# %% [markdown]
# The picture of it: the loss over the weight is a parabola, and the gradient is the slope of the line that touches it.

# %%
ws = np.linspace(-0.5, 3.5, 200)
figure = plots.Figure(figsize=(6.4, 3.8), layout="constrained")
axis = figure.subplots()
axis.plot(ws, loss(ws), color=plots.TRAIN_COLOUR, label="loss L(w)")
axis.plot([0, 1], [L - dw * w, L + dw * (1 - w)], "--", color=plots.VALIDATION_COLOUR, label="slope -4 at w = 0.5")
axis.plot(w, L, "o", color="black")
axis.set(xlabel="weight w", ylabel="loss L")
axis.legend()
figure

# %% [markdown]
# ## Downhill
#
# A step against the gradient, $w \leftarrow w - \eta\, \partial L / \partial w$, makes the loss smaller, if the
# learning rate $\eta$ is small enough. **Predict** the first new $w$ for $\eta = 0.1$. Where will the walk end?


# %%
def walk(rate, w=0.5, steps=12):
    way = [w]
    for _ in range(steps):
        w = w - rate * (w * x - t) * x
        way.append(w)
    return np.array(way)


way = walk(0.1)
assert np.isclose(way[1], 0.5 + 0.1 * 4)
assert abs(way[-1] - 1.5) < 0.01  # 1.5 * 2 = 3, the target
print(way.round(4))

# %% [markdown]
# The distance to 1.5 shrinks by the same factor at every step. Put $w = 1.5 + d$ into the update, and $d$ becomes
# $d - \eta x^2 d$: the factor is $1 - \eta x^2$, here $1 - 0.1 \cdot 4 = 0.6$.

# %%
distance = way - 1.5
assert np.allclose(distance[1:] / distance[:-1], 1 - 0.1 * x**2)

# %% [markdown]
# **What will happen** for $\eta = 0.25$, $0.45$ and $0.55$? Work out the factor of each first.

# %% tags=["thumbnail"]
figure = plots.Figure(figsize=(6.4, 3.8), layout="constrained")
axis = figure.subplots()
marks = {0.1: "o-", 0.25: "s--", 0.45: "^-.", 0.55: "x:"}
for (rate, mark), colour in zip(marks.items(), plots.CLASS_COLOURS, strict=False):
    axis.plot(walk(rate), mark, color=colour, markersize=4, label=f"rate {rate}, factor {1 - rate * x**2:+.1f}")
axis.axhline(1.5, color="#555555", linewidth=0.8)
axis.set(xlabel="step", ylabel="weight w", ylim=(-3, 6))
axis.legend()
figure

# %% [markdown]
# With $\eta = 1 / x^2 = 0.25$ one step is enough. Beyond that the steps jump over the minimum, and beyond
# $\eta = 2 / x^2 = 0.5$ every jump lands farther away than it began. "The loss explodes" mostly means just this.

# %%
assert np.isclose(walk(0.25)[1], 1.5)
assert abs(walk(0.45)[-1] - 1.5) < abs(walk(0.45)[0] - 1.5)
assert abs(walk(0.55)[-1] - 1.5) > abs(walk(0.55)[0] - 1.5)

# %% [markdown]
# ## A bias and a bend
#
# A real neuron adds a bias $b$, and bends the sum with an activation function, here the sigmoid $\sigma$, which brings
# any number between 0 and 1:
#
# $$a = w x + b, \qquad y = \sigma(a) = \frac{1}{1 + e^{-a}}, \qquad L = \frac{1}{2} (y - t)^2$$
#
# The way back has one factor more, $\sigma'(a) = y (1 - y)$. The bias has the factor $\partial a / \partial b = 1$.

# %%
x, t, w, b = 2.0, 0.9, 0.5, -0.6
a = w * x + b
y = 1 / (1 + np.exp(-a))
dy = y - t
da = dy * y * (1 - y)
dw, db = da * x, da * 1
print(f"a = {a:.4f}  y = {y:.4f}  dy = {dy:.4f}  da = {da:.4f}  dw = {dw:.4f}  db = {db:.4f}")

# %% [markdown]
# **Predict:** here $x = 2$. Which of `dw` and `db` is larger, and how many times? Then let a layer of tinyae do the
# same. A layer works on a batch, so even one number is an array of one row and one column.

# %%
from tinyae import Dense

neuron = Dense(1, "sigmoid").build(1, dtype=np.float64)
neuron.params["W"][:], neuron.params["b"][:] = w, b
output = neuron.forward(np.array([[x]]))
neuron.backward(output - t)
assert np.isclose(output, y) and np.isclose(dw, 2 * db)
assert np.isclose(neuron.grads["W"], dw) and np.isclose(neuron.grads["b"], db)

# %% [markdown]
# ## Several samples
#
# With several samples the loss is their mean, and so is the gradient: every sample pulls at the same weight, and the
# pulls are averaged. Two samples can pull in opposite directions. **Predict** the sign of each sample's `dw` below,
# then of their mean.

# %%
xs, ts = np.array([[2.0], [-1.0]]), np.array([[0.9], [0.6]])
ys = neuron.forward(xs)
pulls = (ys - ts) * ys * (1 - ys) * xs
neuron.backward((ys - ts) / len(xs))
assert pulls[0] < 0 < pulls[1]
assert np.isclose(neuron.grads["W"], pulls.mean())
print(f"pulls {pulls.ravel().round(4)}, their mean {pulls.mean():.4f}")

# %% [markdown]
# ## Other bends
#
# The sigmoid is one of six activation functions. All that backward needs of one is its slope. **Before you look:**
# which of them have the slope 0 somewhere, so that no gradient gets through?

# %%
from tinyae.layers.activations import ACTIVATIONS

inputs = np.linspace(-4, 4, 161)[:, None]
figure = plots.Figure(figsize=(9, 4.6), layout="constrained")
for axis, (name, kind) in zip(figure.subplots(2, 3, sharex=True).flat, ACTIVATIONS.items(), strict=True):
    bend = kind().build(1)
    axis.plot(inputs, bend.forward(inputs), color=plots.TRAIN_COLOUR, label="f(a)")
    axis.plot(inputs, bend.derivative(), "--", color=plots.VALIDATION_COLOUR, label="f'(a)")
    axis.set(title=name, xlabel="a", ylim=(-1.6, 3.1))
figure.axes[0].legend()
figure

# %% [markdown]
# ReLU lets nothing through below 0. Sigmoid and tanh have a slope everywhere, but it fades on both sides: at
# $a = \pm 4$ little of the gradient is left. That is why deep nets of sigmoids learn slowly (tutorial 9).

# %%
for name, left in {"sigmoid": 0.018, "tanh": 0.0013, "relu": 0.0, "leaky_relu": 0.01}.items():
    bend = ACTIVATIONS[name]().build(1)
    bend.forward(np.array([[-4.0]]))
    assert np.isclose(bend.derivative(), left, rtol=0.05)

# %% [markdown]
# ## Step by step
#
# `trace` shows every number of a pass. A net of two neurons in a row, one number in, one out, is the smallest it can
# take. Each activation gets its turn; `why` writes out the sum behind a number. Follow the sign of `dy` through each.

# %%
from tinyae import Autoencoder
from tinyae.trace import trace

passes = {}
for name, kind in ACTIVATIONS.items():
    net = Autoencoder([Dense(1), kind()], [Dense(1)], "mse", input_shape=1)
    net.theta[:] = [0.5, -1.4, 2.0, 0.0]  # w and b of the first neuron, then of the second
    passes[name] = trace(net, [[2.0]])
    assert all(step.passed for step in passes[name].check())
    print(f"{name}: {passes[name].find(kind.__name__, 'backward').why(0, 0)}\n")

# %% [markdown]
# The card of one of them. Point at a number to see where it comes from.

# %%
passes["softplus"].find("encoder.dense_1", "backward")

# %% [markdown]
# **Recap.**
# - The gradient of a weight is what comes from above, times the slope of the bend, times what came in.
# - Against the gradient the loss falls, as long as the steps are short enough: here up to $2 / x^2$.
# - Samples of a batch share the weight, so their gradients are averaged.
# - A slope of 0 on the way stops the gradient.
#
# **Exercises** ([solutions](solutions/01_one_neuron.py))
# 1. The input is $x = 0$. What are `dw` and `db`? What can the neuron still learn from this sample?
# 2. A sigmoid neuron with $w = 10$, $b = 0$ sees $x = 2$ and should give 0. How wrong is it, and how large is `dw`?
#    What is odd about that?
# 3. For $L = \frac{1}{2}(w x - t)^2$ with the samples $x = 1$ and $x = 3$, averaged: which is the largest learning
#    rate with which the walk still comes closer? Work it out, then try rates just below and just above.
