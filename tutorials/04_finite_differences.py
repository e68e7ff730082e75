# %% [markdown]
# # 4. Finite differences: trust and its limits
#
# **Goal.** Check any gradient with two forward passes, know how far to trust the answer, and write a layer of your own
# that passes.
# **Needs** tutorials 1 and 2. **Takes** 5 seconds to run, 40 minutes to read.
#
# A derivative is the limit of a slope. A computer cannot go to the limit, but it can take a small $h$:
#
# $$\text{one-sided:}\quad \frac{f(p + h) - f(p)}{h} \qquad\qquad
# \text{central:}\quad \frac{f(p + h) - f(p - h)}{2 h}$$

# %%
import numpy as np

from tinyae import plots


def one_sided(f, p, h):
    return (f(p + h) - f(p)) / h


def central(f, p, h):
    return (f(p + h) - f(p - h)) / (2 * h)


# %% [markdown]
# ## How small is small enough?
#
# Take $f = \exp$ at $p = 1$, whose derivative we know: $e$. **Before you run the next cell:** which `h` gives the best
# answer, 1e-1, 1e-5 or 1e-15?

# %%
for h in (1e-1, 1e-5, 1e-15):
    print(f"h = {h:.0e}   error {abs(central(np.exp, 1.0, h) - np.e):.1e}")
assert abs(central(np.exp, 1.0, 1e-5) - np.e) < 1e-9
assert abs(central(np.exp, 1.0, 1e-15) - np.e) > 0.1

# %% [markdown]
# The smallest is the worst by far. Two errors pull in opposite directions:
#
# - **Truncation**: the curve bends within $h$. By Taylor's series the central difference is off by $h^2 f''' / 6$, the
#   one-sided one by $h f'' / 2$. It grows with $h$.
# - **Rounding**: $f(p + h)$ is known to some 16 digits, a relative error of about $\varepsilon = 2 \cdot 10^{-16}$.
#   The difference of two such numbers, divided by $h$, is off by about $\varepsilon |f| / h$. It grows as $h$ shrinks.
#
# **Predict** the picture: the error over $h$, both axes logarithmic. Which slopes do the two branches have?

# %%
steps = 10.0 ** np.arange(-15, 0.01, 0.25)


def errors(slope, kind=np.float64):
    return np.array([abs(slope(np.exp, kind(1), kind(h)) - np.e) + 1e-16 for h in steps])


# %% tags=["thumbnail"]
figure = plots.Figure(figsize=(7, 4.2), layout="constrained")
axis = figure.subplots()
axis.loglog(steps, errors(one_sided), "s--", color="#cc6677", markersize=3, label="one-sided, float64")
axis.loglog(steps, errors(central), "o-", color="#0077bb", markersize=3, label="central, float64")
axis.loglog(steps, errors(central, np.float32), "^:", color="#117733", markersize=3, label="central, float32")
axis.set(xlabel="h", ylabel="error of the slope", ylim=(1e-13, 1e2))
axis.legend()
figure

# %% [markdown]
# A V each. On the right the truncation: slope 1 for the one-sided difference, slope 2 for the central one, which
# therefore gets much deeper. On the left the rounding, slope $-1$, with its scatter. At the tip both are equal, which
# gives $h \approx \varepsilon^{1/3}$ for the central difference and $h \approx \varepsilon^{1/2}$ for the one-sided
# one.


# %%
def best(slope, kind):
    smooth = np.convolve(np.log(errors(slope, kind)), np.ones(5) / 5, "valid")  # the scatter apart
    return steps[2:-2][smooth.argmin()], np.exp(smooth.min())


for slope, kind, tip in ((one_sided, np.float64, 1 / 2), (central, np.float64, 1 / 3), (central, np.float32, 1 / 3)):
    h, error = best(slope, kind)
    assert 0.05 < h / np.finfo(kind).eps ** tip < 20
    print(f"{slope.__name__:>9} {kind.__name__}: best h about {h:.0e}, error there about {error:.0e}")
assert 1e-6 < error < 1e-4

# %% [markdown]
# In float32, in which nets train, even the best $h$ leaves five digits of a plain function, and fewer of a layer's
# long sums: too few to tell a small mistake from rounding. So gradients are checked in float64, with `H = 1e-5`, and
# tinyae does not let you do it otherwise.

# %%
from tinyae.gradcheck import TOLERANCE, H, numerical_gradient

assert H == 1e-5 and TOLERANCE == 1e-6
try:
    numerical_gradient(lambda: 0.0, np.zeros(3, np.float32))
except ValueError as why:
    print(why)

# %% [markdown]
# ## A whole layer
#
# `check_layer` needs a number to differentiate, but a layer gives an array. It takes
# $f = \sum dy \cdot y$ with a random $dy$: then $\partial f / \partial y = dy$, just what `backward` is given. Each
# number of each array is nudged in turn, and the largest error, relative to the largest gradient of its array, is told.

# %%
from tinyae import Dense, MaxPool, ReLU
from tinyae.gradcheck import check_layer

rng = np.random.default_rng(0)
layer = Dense(3, "tanh").build(4, dtype=np.float64)
for difference in check_layer(layer, rng.normal(size=(5, 4))):
    assert difference.error < TOLERANCE
    print(difference)

# %% [markdown]
# How many forward passes was that? Two for each of the 20 inputs, 12 weights and 3 biases. One backward pass gives the
# same 35 numbers. For a net of 100,000 parameters the comparison is 200,000 passes to one: finite differences are for
# checking, not for training.
#
# ## A corner
#
# ReLU has a corner at 0. **Predict** what the central difference says at $a = 3 \cdot 10^{-6}$ with $h = 10^{-5}$,
# where the slope is 1.

# %%
slope = central(lambda a: max(a, 0.0), 3e-6, 1e-5)
assert np.isclose(slope, (1.3e-5 - 0) / 2e-5)
slope

# %% [markdown]
# It looks at both sides of the corner and mixes them. Nothing is wrong with the layer, but the check fails:

# %%
layer = ReLU().build(3)
near, away = np.array([[1.0, 3e-6, -2.0]]), np.array([[1.0, 0.3, -2.0]])
assert check_layer(layer, near)[0].error > 0.1
assert check_layer(layer, away)[0].error < TOLERANCE
print(check_layer(layer, near)[0])

# %% [markdown]
# A MaxPool has its corners where two numbers of a window are equal, as on a black background. **Which input** would you
# take to check it: zeros, random numbers, or the numbers 0 to 15 in any order?

# %%
layer = MaxPool(2).build((4, 4, 1), dtype=np.float64)
assert check_layer(layer, np.zeros((1, 4, 4, 1)))[0].error > 0.1
apart = rng.permutation(16).reshape(1, 4, 4, 1)
assert check_layer(layer, apart)[0].error < TOLERANCE

# %% [markdown]
# Random numbers would mostly do, but "mostly" is a test that fails once a month. Numbers that keep their distance never
# fail. `trace` compares the slopes on the two sides, and leaves a number at a corner out:

# %%
from tinyae import Autoencoder, Flatten, Reshape
from tinyae.trace import trace

net = Autoencoder([Reshape((2, 2, 1)), MaxPool(2), Flatten()], [Dense(4)], "mse", input_shape=4)
checked = trace(net, [[0.7, 0.7, 0.1, 0.2]]).find("MaxPool", "backward").check()
assert checked.passed and any(entry.kink for entry in checked.entries)
checked

# %% [markdown]
# ## What a check cannot see
#
# **All ones upstream.** Here is a softmax whose backward has lost a factor: it should be
# $dx = y\,(dy - \sum_k dy_k y_k)$, and the first $y$ is missing. With $dy = 1$ everywhere both give 0. **Why?**

# %%
y = np.exp([0.2, -1.0, 0.5]) / np.exp([0.2, -1.0, 0.5]).sum()
for dy in (np.ones(3), np.array([1.0, -2.0, 0.5])):
    right, wrong = y * (dy - dy @ y), dy - dy @ y
    print(f"right {right.round(3) + 0}  wrong {wrong.round(3) + 0}")
assert not np.allclose(right, wrong)

# %% [markdown]
# Softmax outputs add up to 1 whatever goes in, so their sum has no slope at all. That is why `check_layer` draws $dy$.
#
# **What no gradient reaches.** In the layer below all units are off, so all gradients are 0, and any backward that
# gives 0 passes. **What lies in front of the derivative.** A forward pass with a wrong formula and the right
# derivative of that wrong formula agree perfectly: a gradient check compares backward with forward, and says nothing
# about forward.

# %%
layer = Dense(3, "relu").build(4, dtype=np.float64)
layer.params["b"][:] = -100.0
found = check_layer(layer, rng.normal(size=(5, 4)))
assert all(difference.got == difference.expected == 0 for difference in found)

# %% [markdown]
# ## A whole net
#
# `check_model` nudges every parameter of an autoencoder and compares with the gradient of its loss. It takes the net in
# float64.

# %%
from tinyae.gradcheck import assert_gradients, check_model

net = Autoencoder([Dense(5, "tanh"), Dense(2)], [Dense(5, "tanh"), Dense(6, "sigmoid")], input_shape=6)
found = check_model(net.astype(np.float64), rng.uniform(size=(4, 6)))
assert len(found) == 8  # four layers, W and b each
print(f"largest relative error {assert_gradients(found):.1e}")

# %% [markdown]
# Break one line, and it says where. This layer forgets the bend on the way back.


# %%
class Forgetful(Dense):
    def backward(self, dy, need_dx=True):
        return self.affine_backward(dy, need_dx)  # dL/da = dL/dy f'(a) is missing


net = Autoencoder([Forgetful(5, "tanh"), Dense(2)], [Dense(6, "sigmoid")], input_shape=6)
found = check_model(net.astype(np.float64), rng.uniform(size=(4, 6)))
assert {d.what for d in found if d.error > TOLERANCE} == {"encoder.forgetful_1.W", "encoder.forgetful_1.b"}
print(found[0])

# %% [markdown]
# The layers behind it are right, those before it would all be wrong: an error travels down with the gradient. So look
# for it in the failing layer that is nearest to the output.
#
# ## A layer of your own
#
# We want a bend whose height is learnt, a *softsign* with a gain of its own for each feature $j$:
#
# $$y_{nj} = g_j\, \frac{x_{nj}}{1 + |x_{nj}|}$$
#
# A layer says which parameters it has, once it knows its input's shape, and how it goes forward. It keeps what backward
# will need.

# %%
from tinyae.layers import Layer


class GainForward(Layer):
    def make_params(self, rng):
        return {"g": np.ones(self.input_shape)}

    def forward(self, x):
        self.x, self.s = x, x / (1 + np.abs(x))  # backward needs both
        return self.params["g"] * self.s


# %% [markdown]
# Now the way back. $g_j$ reaches the loss through $y_{nj}$ of every row, with the factor $s_{nj} = x / (1 + |x|)$, so
# its gradient is a sum over rows. The slope of $s$ is $1 / (1 + |x|)^2$. A first try, with a mistake. **Do you see
# it?**


# %%
class FirstTry(GainForward):
    def backward(self, dy, need_dx=True):
        self.grads["g"][:] = np.mean(dy * self.s, axis=0)
        return dy * self.params["g"] / (1 + np.abs(self.x)) ** 2


# %%
x = rng.normal(size=(4, 3))
found = check_layer(FirstTry().build(3, dtype=np.float64), x)
for difference in found:
    print(difference, f" ratio {difference.expected / difference.got:.3f}")
assert np.isclose(found[0].expected / found[0].got, 4)

# %% [markdown]
# `dx` is right and `g` is off by the factor 4, the number of rows: a mean where there should be a sum. (The loss has
# divided by $N$ already, see tutorial 3.) The ratio is the first thing to look at. `examine` looks at it for you, and
# at much more that a layer promises. It takes a batch of 5 rows.

# %%
from tinyae.verdicts import examine

findings = examine(FirstTry(), input_shape=3)
assert [finding.what for finding in findings if not finding.good] == ["dL/dg"]
for finding in findings:
    print(finding)

# %% [markdown]
# With the sum in place:


# %%
class Gain(GainForward):
    """y = g x / (1 + |x|), with a gain g for each feature."""

    def backward(self, dy, need_dx=True):
        self.grads["g"][:] = np.sum(dy * self.s, axis=0)  # dL/dg[j]   = sum_n dy[n,j] s[n,j]
        return dy * self.params["g"] / (1 + np.abs(self.x)) ** 2  # dL/dx[n,j] = dy[n,j] g[j] s'(x[n,j])


assert all(finding.good for finding in examine(Gain(), input_shape=3))

# %% [markdown]
# ## From a file
#
# Layers mostly live in files. In a terminal, `tinyae gradcheck --template > my_layer.py` writes one to start from,
# with a right layer, and `tinyae gradcheck --file my_layer.py` checks it. Here Python runs both, with one mistake put
# in. **What will it say** to a forgotten sum over the rows?

# %%
import subprocess
import sys
import tempfile
from pathlib import Path


def tinyae(*arguments):
    return subprocess.run([sys.executable, "-m", "tinyae.cli", *arguments], capture_output=True, text=True)


right = tinyae("gradcheck", "--template").stdout
wrong = right.replace("np.sum(self.x * dy, axis=0)", "(self.x * dy)[0]")

# %%
with tempfile.TemporaryDirectory() as folder:
    path = Path(folder) / "my_layer.py"
    for text, exit_code in ((wrong, 1), (right, 0)):
        path.write_text(text)
        told = tinyae("gradcheck", "--file", str(path))
        assert told.returncode == exit_code
        print(told.stdout)

# %% [markdown]
# What some mistakes look like:
#
# | what you see | what it looks like |
# |---|---|
# | the same ratio everywhere | a constant lost, a mean for a sum, a 2 of a square |
# | ratio -1 | a sign |
# | a wrong shape, or right numbers in wrong places | a transpose |
# | right for one row, wrong for several | the sum over the batch |
# | right at some inputs, wrong at others | the slope of a bend, or a corner |
#
# ## In a net
#
# `Gain` passes, so it may join a net. Give it its formulas, and `trace` can show them, too.

# %%
Gain.formulas = {
    "forward": ("y = g x / (1 + |x|)", r"y_{nj} = g_j \frac{x_{nj}}{1 + |x_{nj}|}"),
    "backward": ("dg = sum_n dy s,  dx = dy g / (1 + |x|)^2", r"dg_j = \sum_n dy_{nj} s_{nj}"),
}
net = Autoencoder([Dense(3), Gain()], [Dense(6)], "mse", input_shape=6)
steps = trace(net, rng.normal(size=(2, 6)))
assert all(checked.passed for checked in steps.check())
steps.find("Gain", "backward")

# %% [markdown]
# And it learns, gain included.

# %%
data = rng.normal(size=(400, 3)) @ rng.normal(size=(3, 6))
before = net.evaluate(data)["loss"]
net.fit(data, epochs=30, batch_size=20, progress=False)
after = net.evaluate(data)["loss"]
assert after < 0.5 * before and not np.allclose(net.encoder.layers[1].params["g"], 1)
print(f"loss {before:.2f} -> {after:.2f}, gains {net.encoder.layers[1].params['g'].round(2)}")

# %% [markdown]
# **Recap.**
# - Central differences, float64, $h = 10^{-5}$: right to about ten digits. Smaller is not better.
# - Stay off corners, draw the upstream gradient, make all lengths different, see that something reaches every number.
# - A check compares backward with forward. That forward is what you meant needs another test.
# - When it fails, look at the ratio, and at the failing layer nearest to the output.
#
# **Exercises** ([solutions](solutions/04_finite_differences.py))
# 1. $f(p) = p^2$ at $p = 1$. What is the truncation error of the central difference? How does the V look?
# 2. Below is a dense layer's backward with a mistake that no shape gives away, as the layer is square. Which of its
#    arrays fail, and how do you know where to look? `self.grads["W"][:] = dy.T @ x`, `return dy @ W.T`.
# 3. Write the layer $y = x\, \sigma(\beta_j x)$ ("swish") with a learnt $\beta_j$ per feature, derive both gradients,
#    and make it pass.
