# %% [markdown]
# # 6. Optimizers, drawn on a bowl and a ravine
#
# **Goal.** See what each optimizer does with the same gradients, follow its sum number by number, and know what to try
# first.
# **Needs** tutorials 1 and 5. **Takes** 10 seconds to run, 45 minutes to read.
#
# Backward says which way is down. How far to go, and whether to trust one gradient alone, is the optimizer's business.
# To see it at work we take losses of two numbers, $\theta = (u, v)$, whose whole landscape fits on a page:
#
# $$\text{bowl:}\quad f = \frac{1}{2} (u^2 + v^2) \qquad\qquad \text{ravine:}\quad f = \frac{1}{2} (u^2 + 25\, v^2)$$

# %%
import numpy as np

from tinyae import SGD, Adam, ConjugateGradient, Nadam, RMSprop, plots
from tinyae.descent import Quadratic, bowl, follow, ravine

start = np.array([-4.0, 1.5])
value, gradient = ravine(start)
assert value == 0.5 * (16 + 25 * 2.25) and np.array_equal(gradient, [-4.0, 25 * 1.5])

# %% [markdown]
# ## Gradient descent
#
# $\theta \leftarrow \theta - \eta\, g$. On the bowl each number obeys $u \leftarrow (1 - \eta)\, u$. **How many steps**
# does it take with $\eta = 1$?

# %%
path = follow(bowl, start, SGD(1.0), steps=3)
assert np.array_equal(path[1], [0.0, 0.0])
path

# %% [markdown]
# One. In the ravine there are two factors, $1 - \eta$ along it and $1 - 25\, \eta$ across. Across it the walk diverges
# when $\eta > 2/25 = 0.08$ (tutorial 1), and along it $\eta = 0.08$ is tiny. **Predict** how the three paths look.

# %%
paths = [(f"rate {rate}", follow(ravine, start, SGD(rate), steps=30)) for rate in (0.02, 0.07, 0.081)]
for rate, path in zip((0.02, 0.07, 0.081), (p for _, p in paths), strict=True):
    assert np.allclose(path[1:] / path[:-1], [1 - rate, 1 - 25 * rate])
plots.optimizer_paths(ravine, paths, columns=3, names=("u", "v"))

# %% [markdown]
# A ravine forces a choice: small steps that crawl along it, or large ones that jump from wall to wall. Nets have
# ravines far narrower than 25 to 1; the section on a real net measures one.
#
# The best rate makes both factors equally large, $1 - \eta = 25\, \eta - 1$. **Work it out.** What factor is left?

# %%
rate = 2 / (1 + 25)
assert np.isclose(1 - rate, 25 * rate - 1) and np.isclose(1 - rate, 12 / 13)
path = follow(ravine, start, SGD(rate), steps=100)
print(f"the distance shrinks by {1 - rate:.3f} a step; after 100 steps {np.linalg.norm(path[-1]):.1e} are left")

# %% [markdown]
# ## Momentum
#
# Let the steps have mass. A velocity collects the gradients; what points to and fro cancels, what always points the
# same way adds up:
#
# $$v \leftarrow \mu v + g, \qquad \theta \leftarrow \theta - \eta\, v$$
#
# Under a gradient that never changes, $v$ grows until $v = \mu v + g$. **By which factor** is the step then longer than
# plain descent's, for $\mu = 0.8$?

# %%
slope = lambda theta: (theta.sum(), np.ones(2))  # noqa: E731, a plane: the gradient is 1 everywhere
path = follow(slope, start, SGD(0.01, momentum=0.8), steps=60)
assert np.allclose((path[-2] - path[-1]) / 0.01, 5, atol=1e-4)  # 1 / (1 - 0.8)

# %% [markdown]
# **Nesterov's** variant looks ahead: it steps along $g + \mu v$ with the new velocity, as if it knew the next step's
# momentum, and brakes earlier.

# %%
paths = [
    ("descent", follow(ravine, start, SGD(0.03), steps=30)),
    ("momentum", follow(ravine, start, SGD(0.03, momentum=0.8), steps=30)),
    ("Nesterov", follow(ravine, start, SGD(0.03, momentum=0.8, nesterov=True), steps=30)),
]
left = {name: ravine(path[-1])[0] for name, path in paths}
assert left["Nesterov"] < left["momentum"] < left["descent"]
plots.optimizer_paths(ravine, paths, columns=3, names=("u", "v"))

# %% [markdown]
# ## A rate for each number: RMSprop and Adam
#
# Why should $u$ and $v$ have the same rate? RMSprop keeps a running mean $s$ of the squared gradient of each number,
# and divides by its root:
#
# $$s \leftarrow \rho s + (1 - \rho)\, g^2, \qquad \theta \leftarrow \theta - \eta \frac{g}{\sqrt{s} + \varepsilon}$$
#
# Adam adds a momentum $m$, and mends what both means lack in the first steps, as they begin at 0:
#
# $$m \leftarrow \beta_1 m + (1 - \beta_1) g, \quad v \leftarrow \beta_2 v + (1 - \beta_2) g^2, \quad
# \theta \leftarrow \theta - \eta \frac{m / (1 - \beta_1^t)}{\sqrt{v / (1 - \beta_2^t)} + \varepsilon}$$
#
# **Predict** Adam's first step at $g = (-4, 37.5)$ with $\eta = 0.3$. A hint: at $t = 1$ the mended $m$ is $g$, and the
# mended $v$ is $g^2$.

# %%
path = follow(ravine, start, Adam(0.3), steps=40)
assert np.allclose(path[1] - path[0], [0.3, -0.3])
print(path[1] - path[0])

# %% [markdown]
# The rate itself, in each number: only the sign of the gradient is left. So a rate of Adam has a unit one can
# understand: it is about how far a weight moves in a step.
#
# Multiply all gradients of $v$ by 25, and $m$ and $\sqrt{v}$ grow by 25 alike. **What follows** for the paths in the
# bowl and in the ravine?

# %%
assert np.allclose(follow(bowl, start, Adam(0.3), steps=40), path, atol=1e-6)

# %% [markdown]
# They are the same path: Adam does not notice this ravine. But it notices one that lies across the axes, where no
# number's scale is to blame. Turn the ravine by 30 degrees: descent and momentum do as before but for the turn, Adam
# does not.

# %%
turned = Quadratic((1, 25), angle=30)
cos, sin = np.cos(np.radians(30)), np.sin(np.radians(30))
turn = np.array([[cos, -sin], [sin, cos]])
for optimizer, same in ((SGD(0.03), True), (SGD(0.03, momentum=0.8), True), (Adam(0.3), False)):
    there = follow(turned, turn @ start, optimizer, steps=40)
    assert np.allclose(there, follow(ravine, start, optimizer, steps=40) @ turn.T, atol=0.01) == same

# %%
kinds = {"RMSprop": RMSprop(0.1, rho=0.9), "Adam": Adam(0.3), "Nadam": Nadam(0.3)}
paths = [(name, follow(turned, turn @ start, optimizer, steps=60)) for name, optimizer in kinds.items()]
plots.optimizer_paths(turned, paths, columns=3, names=("u", "v"))

# %% [markdown]
# **Nadam** is Adam with Nesterov's look-ahead. **RMSprop** without momentum never quite arrives: near the lowest place
# $g / \sqrt{s}$ stays about 1 in size however small $g$ is, so it dances around with steps of the rate's length. It
# wants a rate that falls.

# %%
dance = follow(ravine, start, RMSprop(0.1, rho=0.9), steps=400)
assert 0.01 < np.abs(dance[-20:]).max() < 0.2

# %% [markdown]
# ## Conjugate gradients
#
# The last one asks for no rate at all. It searches along a line until it is near the lowest place on it, then takes a
# new direction that does not spoil what the first has won: with $H$ the matrix of second derivatives, the directions
# are *conjugate*, $s_1^{\top} H s_2 = 0$. **How many line searches** does it need for two numbers, in any ravine?

# %%
for function in (ravine, turned):
    path = follow(function, start, ConjugateGradient(), steps=10)
    first, second = np.diff(path, axis=0)[:2]
    assert len(path) == 3 and np.abs(path[-1]).max() < 1e-8
    assert abs(first @ function.hessian @ second) < 1e-6
plots.optimizer_paths(turned, [("conjugate gradients", path)], names=("u", "v"))

# %% [markdown]
# Two, as many as there are numbers. Each search asks for the gradient a few times to find its length. On a landscape
# that is not quadratic it takes longer, but it takes bends well, as in Rosenbrock's valley:

# %%
from tinyae.descent import rosenbrock

uphill = (-1.2, 1.0)
paths = [
    ("momentum", follow(rosenbrock, uphill, SGD(0.0005, momentum=0.9), steps=400)),
    ("Adam", follow(rosenbrock, uphill, Adam(0.05), steps=400)),
    ("conjugate gradients", follow(rosenbrock, uphill, ConjugateGradient(), steps=100)),
]
assert np.allclose(paths[-1][1][-1], 1, atol=1e-6) and len(paths[-1][1]) < 60

# %% tags=["thumbnail"]
plots.optimizer_paths(rosenbrock, paths, names=("u", "v"))

# %% [markdown]
# ## A fair race
#
# An optimizer is only as good as its rate. So each gets the best of nine rates, and we count the steps after which $f$
# stays below $10^{-4}$. **Guess** the order in the ravine before you run it.


# %%
def steps_needed(function, optimizer, most=300):
    with np.errstate(over="ignore", invalid="ignore"):
        values = np.array([function(theta)[0] for theta in follow(function, start, optimizer, most)])
    above = np.flatnonzero(~(values < 1e-4))
    return above[-1] + 1 if above[-1] + 1 < len(values) else most


# %%
makers = {
    "descent": SGD,
    "momentum": lambda rate: SGD(rate, momentum=0.8),
    "Nesterov": lambda rate: SGD(rate, momentum=0.8, nesterov=True),
    "RMSprop": lambda rate: RMSprop(rate, rho=0.9),
    "Adam": Adam,
    "Nadam": Nadam,
}

# %% tags=["work"]
rates, race = (0.02, 0.03, 0.05, 0.07, 0.1, 0.2, 0.3, 0.5, 1.0), {}
for name, make in makers.items():
    for function in (bowl, ravine, turned):
        needed = [steps_needed(function, make(rate)) for rate in rates]
        race[name, function] = min(needed), rates[int(np.argmin(needed))]
    print(
        f"{name:<9}",
        "   ".join(f"{race[name, f][0]:3d} steps, rate {race[name, f][1]:<4}" for f in (bowl, ravine, turned)),
    )
# %% [markdown]
# Columns: bowl, ravine, turned ravine; 300 stands for "not within 300". Look at the rates, too: descent's best rate in
# the bowl is 14 times that in the ravine. Adam needs about as many steps in both, and with any rate between 0.1 and 1.
# That, more than speed, is why Adam is the first to try: one rate does for many nets.

# %%
assert race["Nesterov", ravine][0] < race["momentum", ravine][0] < race["descent", ravine][0]
assert np.isclose(race["descent", bowl][1] / race["descent", ravine][1], 14, atol=0.5)
assert race["RMSprop", ravine][0] == 300  # it dances on
assert steps_needed(turned, ConjugateGradient(), most=9) == 2
needed = [steps_needed(function, Adam(rate)) for function in (bowl, ravine) for rate in (0.1, 0.3, 1.0)]
assert max(needed) < 1.25 * min(needed)

# %% [markdown]
# ## Noise, and rates that fall
#
# A net sees a batch at a time, so its gradients are noisy: they are right only on average. **What** will a constant
# rate do near the lowest place? And one that falls to 0?

# %%
from tinyae.schedules import Constant, Cosine, Step


def noisy(seed):
    rng = np.random.default_rng(seed)
    return lambda theta: (ravine(theta)[0], ravine(theta)[1] + rng.normal(size=2))


schedules = {"constant": Constant(0.03), "steps": Step(0.03, every=100, factor=0.2), "cosine": Cosine(0.03)}

# %%
left = {}
for name, schedule in schedules.items():
    ends = [ravine(follow(noisy(seed), start, SGD(schedule), steps=300)[-1])[0] for seed in range(30)]
    left[name] = np.mean(ends)
    print(f"{name:<9} {left[name]:.4f}")
assert left["cosine"] < 0.5 * left["constant"] and left["steps"] < 0.5 * left["constant"]

# %% [markdown]
# The constant rate hovers where its steps against the slope and the noise balance. A falling one lets the noise average
# out. In `fit` any optimizer takes a schedule for its rate: `Adam(Cosine(0.003))`.
#
# ## Step by step
#
# Now the sums themselves, on the net of tutorial 5 and its sample. Each optimizer makes two steps, as only the second
# has a history, and says where the new value of one weight comes from. Compare the values of theta.

# %%
from tinyae import Autoencoder, Dense
from tinyae.trace import trace


def second_step(optimizer):
    net = Autoencoder([Dense(1)], [Dense(2)], "mse", input_shape=2, dtype=np.float64)
    net.theta[:] = [0.5, 0.0, 0.0, 0.5, 1.0, 0.0, 0.0]
    for _ in range(2):
        update = trace(net, [[2.0, 1.0]], optimizer=optimizer)[-1]
        net.theta[:] = np.concatenate([p.ravel() for p in update.after.values()])
    return update


# %%
weight = "encoder.dense_1.W"
descent = second_step(SGD(0.1))
print(descent.why(1, 0, of=weight))

# %% [markdown]
# With momentum, and with the look-ahead. `v` holds a part of the first gradient:

# %%
print(second_step(SGD(0.1, momentum=0.8)).why(1, 0, of=weight), "\n")
print(second_step(SGD(0.1, momentum=0.8, nesterov=True)).why(1, 0, of=weight))

# %% [markdown]
# RMSprop, Adam, Nadam. **Before you look:** how far will Adam's second step go, about?

# %%
updates = [second_step(optimizer) for optimizer in (RMSprop(0.1, rho=0.9), Adam(0.1), Nadam(0.1))]
for update in updates:
    why = update.why(1, 0, of=weight)
    assert np.isclose(why.value, update.after[weight][1, 0])
    print(f"{update.kind}\n{why}\n")

# %% [markdown]
# And two line searches of conjugate gradients: the lengths that were tried, and the new direction, in which the old one
# is mixed with the factor $\beta$ of Polak and Ribière.

# %%
update = second_step(ConjugateGradient(searches=2))
print(update.note)
print(update.why(1, 0, of=weight))

# %% [markdown]
# ## On a real net
#
# Digits of 14 x 14 pixels. First the promised ravine: for a linear layer with squared error the curvatures are the
# eigenvalues of the mean of $x^{\top} x$, the products of its inputs. **Guess** how many times the largest is the
# hundredth.

# %%
from tinyae.datasets import load


def small(images):
    return images.reshape(-1, 14, 2, 14, 2).mean(axis=(2, 4)).reshape(-1, 196)


data = load("auto", limit=5000)
x, test = small(data.x_train), small(data.x_test[:1000])
curvatures = np.linalg.eigvalsh(x.T @ x / len(x))[::-1]
assert curvatures[0] / curvatures[99] > 1000
print(f"{curvatures[0] / curvatures[99]:.0f} times")

# %% [markdown]
# Now a net of four layers, and ten passes through 5000 images. The rates are the better ones of a few tried; change
# them and see how much hangs on them.


# %%
def deep():
    code, out = [Dense(64, "relu"), Dense(8)], [Dense(64, "relu"), Dense(196, "sigmoid")]
    return Autoencoder(code, out, "bce", input_shape=196)


# %%
tried = {
    "descent, 0.03": SGD(0.03),
    "momentum 0.9, 0.01": SGD(0.01, momentum=0.9),
    "RMSprop, 0.003": RMSprop(0.003),
    "Adam, 0.01": Adam(0.01),
    "Nadam, 0.01": Nadam(0.01),
}

# %% tags=["work"]
curves = {}
for name, optimizer in tried.items():
    history = deep().fit(x, epochs=10, optimizer=optimizer, validation_data=test, progress=False)
    curves[name] = history["val_loss"]

# %%
from tinyae.analysis import bce_floor

floor = bce_floor(test)
figure = plots.Figure(figsize=(7, 4.2), layout="constrained")
axis = figure.subplots()
for (name, curve), mark, colour in zip(curves.items(), "os^Dv", plots.CLASS_COLOURS, strict=False):
    axis.plot(range(1, 11), np.array(curve) - floor, "-", marker=mark, color=colour, label=name)
axis.set(xlabel="epoch", ylabel="BCE above its floor, nats per image", yscale="log")
axis.legend()
figure

# %%
last = {name: curve[-1] - floor for name, curve in curves.items()}
assert max(last, key=last.get) == "descent, 0.03"
assert last["momentum 0.9, 0.01"] < 1.3 * last["Adam, 0.01"]
print({name: round(float(value), 1) for name, value in last.items()})

# %% [markdown]
# Momentum is nearly as good as Adam here, once its rate is right. Conjugate gradients want large batches, in which the
# line searches do not chase noise: 1000 images, three searches each, as Hinton and Salakhutdinov (2006) fine-tuned.
# From random weights they are far behind for the same work; there, the nets were pretrained (tutorial 18).

# %% tags=["work"]
searches = ConjugateGradient(searches=3)
history = deep().fit(x, epochs=3, batch_size=1000, optimizer=searches, validation_data=test, progress=False)
passes = searches.evaluations * 1000 / len(x)
assert passes > 10 and history["val_loss"][-1] - floor > last["Adam, 0.01"]
print(f"conjugate gradients: {history['val_loss'][-1] - floor:.1f} after {passes:.0f} passes through the data")

# %% [markdown]
# **Recap.**
#
# | optimizer | what it keeps | what it is good at |
# |---|---|---|
# | `SGD` | nothing | easy to understand; its rate hangs on the steepest direction |
# | `SGD(momentum=...)`, `nesterov=True` | a velocity | ravines, any way they lie |
# | `RMSprop` | mean square of each gradient | numbers of different scale; wants a falling rate |
# | `Adam`, `Nadam` | velocity and mean square | works with about the same rate nearly everywhere: try it first |
# | `ConjugateGradient` | the last direction | no rate; exact descent with large batches |
#
# - A rate that is too large shows at once, one that is too small shows as patience.
# - Adam undoes the scale of each number, not the lie of a ravine.
# - With noisy gradients let the rate fall.
#
# **Exercises** ([solutions](solutions/06_optimizers.py))
# 1. `SGD(0.1, weight_decay=0.5)` in the bowl: by which factor does $u$ shrink per step? Where does it end when the loss
#    is $f = \frac{1}{2} (u - 1)^2$ instead?
# 2. Leave the correction by $1 - \beta^t$ out of Adam ($\beta_1 = 0.9$, $\beta_2 = 0.999$). How long is the first step?
# 3. Write an optimizer of your own, "sign descent", $\theta \leftarrow \theta - \eta\, \mathrm{sign}(g)$, as a subclass
#    of `tinyae.optimizers.Optimizer`, and draw its path in the ravine. Which of the above does it resemble?
