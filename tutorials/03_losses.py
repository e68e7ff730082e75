# %% [markdown]
# # 3. Losses, and why the gradient is x' - x in both
#
# **Goal.** Derive the gradients of binary cross-entropy and of squared error, see them come out the same, and know
# which loss belongs to which output.
# **Needs** tutorials 1 and 2, logarithms. **Takes** 5 seconds to run, 30 minutes to read.
#
# An autoencoder gives back $x'$ where $x$ went in. A loss says how far $x'$ is off. Two are used most:
#
# $$\text{BCE:}\quad l = -x \log x' - (1 - x) \log(1 - x') \qquad\qquad
# \text{MSE:}\quad l = \frac{1}{2} (x' - x)^2$$
#
# Both are for one number; an image's loss is the sum over its pixels. The factor 1/2 is there for a reason you will
# see.

# %%
import numpy as np

from tinyae import BCE, MSE, plots


def sigmoid(a):
    return 1 / (1 + np.exp(-a))


# %% [markdown]
# ## One pixel with binary cross-entropy
#
# Cross-entropy needs $x'$ between 0 and 1, so the last unit is a sigmoid: $x' = \sigma(a)$. What the net can move is
# the *pre-activation* $a$, so the gradient we are after is $\partial l / \partial a$. Two factors:
#
# $$\frac{\partial l}{\partial x'} = -\frac{x}{x'} + \frac{1 - x}{1 - x'} = \frac{x' - x}{x' (1 - x')}, \qquad
# \frac{\partial x'}{\partial a} = x' (1 - x')$$
#
# **Before you run the next cell:** multiply them.

# %%
x, a = 0.8, -1.2
output = sigmoid(a)
d_output = -x / output + (1 - x) / (1 - output)
d_a = d_output * output * (1 - output)
assert np.isclose(d_a, output - x)
print(f"x' = {output:.4f}   dl/dx' = {d_output:.4f}   dl/da = {d_a:.4f}   x' - x = {output - x:.4f}")

# %% [markdown]
# The denominator of the loss and the slope of the sigmoid cancel, and what is left is the plainest gradient there could
# be: what came out minus what should have. For squared error with a linear output, $x' = a$, it is the same,
# $\partial l / \partial a = x' - x$, and the 1/2 has cancelled the 2 of the square. Finite differences agree:

# %%
h = 1e-5
for loss, unit in ((BCE(), sigmoid), (MSE(), lambda a: a)):
    up, down = loss.value([[a + h]], [[x]]), loss.value([[a - h]], [[x]])
    assert np.isclose((up - down) / (2 * h), unit(a) - x)

# %% [markdown]
# Both losses of tinyae take $a$, not $x'$. A net that ends in the loss's own output unit, sigmoid for BCE and linear
# for MSE, hands them the numbers from before that unit.
#
# ## The wrong pair
#
# Nothing forbids squared error behind a sigmoid. Then the chain rule leaves the sigmoid's slope in:
# $\partial l / \partial a = (x' - x)\, x' (1 - x')$. **Predict:** a pixel should be 1 and the net is quite sure of 0,
# $a = -8$. How large is the gradient with BCE, and how large with MSE behind the sigmoid?

# %%
output = sigmoid(-8.0)
with_bce = output - 1
with_mse = (output - 1) * output * (1 - output)
assert abs(with_bce) > 0.999 and abs(with_mse) < 4e-4
print(f"BCE {with_bce:.4f}, MSE behind a sigmoid {with_mse:.6f}: {with_bce / with_mse:.0f} times less")

# %%
inputs = np.linspace(-8, 8, 200)
outputs = sigmoid(inputs)
curves = {
    "BCE": (np.log1p(np.exp(-inputs)), outputs - 1, "-"),
    "MSE behind a sigmoid": ((outputs - 1) ** 2 / 2, (outputs - 1) * outputs * (1 - outputs), "--"),
}

# %% tags=["thumbnail"]
figure = plots.Figure(figsize=(9, 3.6), layout="constrained")
left, right = figure.subplots(1, 2)
for (name, (loss, gradient, line)), colour in zip(curves.items(), ("#0077bb", "#b8860b"), strict=True):
    left.plot(inputs, loss, line, color=colour, label=name)
    right.plot(inputs, gradient, line, color=colour)
left.set(xlabel="pre-activation a", ylabel="loss where x = 1")
right.set(xlabel="pre-activation a", ylabel="gradient dl/da where x = 1")
left.legend()
figure

# %% [markdown]
# The dashed gradient dies on the left, where the net is most wrong: the neuron of tutorial 1, exercise 2. So the pairs
# are: values in [0, 1], such as pixels, take a sigmoid and BCE; numbers without bounds take a linear output and MSE.
#
# ## Why the loss takes a
#
# Try to compute BCE the way it is written. **Predict** what happens for $a = 40$ and $x = 0$: what is $1 - x'$?

# %%
output = sigmoid(40.0)
assert output == 1.0  # in float64 there is no number between 1 - 1e-17 and 1
with np.errstate(divide="ignore"):
    written = -np.log(1 - output)
assert np.isinf(written)

# %% [markdown]
# $x'$ is $1 - 4 \cdot 10^{-18}$, which rounds to 1, and the loss is infinite. But $\log(1 - \sigma(a))$ needs no
# $x'$: put $\sigma$ in, and the loss of a pixel becomes
#
# $$l = \mathrm{softplus}(a) - x a, \qquad \mathrm{softplus}(a) = \log(1 + e^a) = \max(a, 0) + \log(1 + e^{-|a|})$$
#
# which is right for any $a$. Where the loss is computed from $x'$, one has to cut $x'$ off near 0 and 1, and beyond the
# cut no gradient comes back.

# %%
value, gradient = BCE().value_and_gradient([[40.0]], [[0.0]])
assert value == 40.0 and gradient == 1.0
value, gradient

# %% [markdown]
# ## Where the floor is
#
# **Predict:** the target is $x = 0.3$, and the net gives exactly $x' = 0.3$. What is the BCE? And the MSE?

# %%
grey = 0.3
perfect = np.log(grey / (1 - grey))  # sigmoid(perfect) = 0.3
floor = BCE().value([[perfect]], [[grey]])
assert np.isclose(floor, 0.6109, atol=1e-4) and MSE().value([[grey]], [[grey]]) == 0
floor

# %% [markdown]
# A perfect reconstruction of a grey pixel does not cost 0 but its *entropy*, $-x \log x - (1 - x) \log(1 - x)$. So BCE
# on grey images never reaches 0, however good the net. Only the part above the floor is the net's fault.

# %%
outputs = np.linspace(0.001, 0.999, 999)
figure = plots.Figure(figsize=(6.4, 3.8), layout="constrained")
axis = figure.subplots()
for x, line, colour in ((0.0, "-", "#0077bb"), (0.3, "--", "#cc6677"), (0.5, "-.", "#117733")):
    cost = -x * np.log(outputs) - (1 - x) * np.log(1 - outputs)
    axis.plot(outputs, cost, line, color=colour, label=f"x = {x}, floor {cost.min():.2f}")
    axis.plot(outputs[cost.argmin()], cost.min(), "o", color=colour)
axis.set(xlabel="output x'", ylabel="BCE in nats", ylim=(0, 3))
axis.legend()
figure

# %% [markdown]
# `tinyae.analysis.bce_floor` adds it up for images. **Guess** which part of the loss of a digit is floor, for a net
# that is not good yet, say one that gives every pixel's mean.

# %%
from tinyae.analysis import baselines, bce_floor, binary_cross_entropy
from tinyae.datasets import load

images = load("digits", limit=2000).x_train
known = baselines(images, images, code_size=10, metric=binary_cross_entropy)
assert np.isclose(known["floor"], bce_floor(images), rtol=1e-3)
assert 0.2 < known["floor"] / known["mean_image"] < 0.5
{name: round(value, 1) for name, value in known.items()}

# %% [markdown]
# ## What both losses want
#
# A pixel is white (1) in 30 % of all images and black (0) in the rest, and the net has no way to tell which is which:
# it can only say one number. **Which** will BCE make it say, and which MSE?

# %%
pixel = np.array([[1.0]] * 3 + [[0.0]] * 7)
answers = np.linspace(0.01, 0.99, 99)
bce = [binary_cross_entropy(pixel, np.full_like(pixel, answer)) for answer in answers]
mse = [MSE().value(np.full_like(pixel, answer), pixel) for answer in answers]
assert np.isclose(answers[np.argmin(bce)], 0.3) and np.isclose(answers[np.argmin(mse)], 0.3)

# %% [markdown]
# The mean, both of them: where the gradients $x' - x$ of all images add up to 0, $x'$ is the mean of the $x$. That is
# why a net that does not know blurs.
#
# ## The unit
#
# The loss of a batch is **summed over the numbers of an image and averaged over the images**. So the gradient of a
# batch of $N$ images is $(x' - x) / N$. Other libraries average over pixels as well; divide by the number of pixels to
# compare.

# %%
a, x = np.array([[0.5, -1.0, 2.0], [0.0, 3.0, -0.5]]), np.array([[1.0, 0.0, 1.0], [0.2, 0.9, 0.4]])
for loss, output in ((BCE(), sigmoid(a)), (MSE(), a)):
    _, gradient = loss.value_and_gradient(a, x)
    assert np.allclose(gradient, (output - x) / 2)

# %% [markdown]
# ## Step by step
#
# In a net the two meet. First BCE behind its sigmoid: the card of the loss says that it is taken together with that
# unit.

# %%
from tinyae import Autoencoder, Dense, Linear, Sigmoid
from tinyae.trace import trace

net = Autoencoder([Dense(2)], [Dense(3), Sigmoid()], "bce", input_shape=3)
steps = trace(net, x)
steps.find("BCE")

# %%
print(steps.find("BCE").why(0, 1, of="dx"))

# %% [markdown]
# Then MSE, behind a linear output and behind a sigmoid. **Before you run it:** in which of the two does the way back
# have a step for the last unit?

# %%
linear = trace(Autoencoder([Dense(2)], [Dense(3), Linear()], "mse", input_shape=3), x)
bent = trace(Autoencoder([Dense(2)], [Dense(3), Sigmoid()], "mse", input_shape=3), x)
assert "Linear" not in [step.kind for step in linear if step.phase == "backward"]
assert "Sigmoid" in [step.kind for step in bent if step.phase == "backward"]
print(linear.find("MSE").why(1, 0, of="dx"))
print(bent.find("Sigmoid", "backward").why(1, 0))

# %% [markdown]
# Loss and gradient, beside finite differences:

# %%
for traced in (steps, linear, bent):
    assert all(checked.passed for checked in traced.check())
steps.find("BCE").check()

# %% [markdown]
# ## Holes in the target
#
# People rate few of all films. Where nobody knows the number, there is nothing to be wrong about: `MaskedMSE` leaves
# those places (NaN) out, of the loss and of the gradient. **Predict** the loss below: which squares are left?

# %%
from tinyae.losses import MaskedMSE

ratings = np.array([[5.0, np.nan, 3.0], [np.nan, np.nan, 1.0]])
guess = np.array([[4.0, 2.0, 3.5], [1.0, 9.9, 3.0]])
value, gradient = MaskedMSE().value_and_gradient(guess, ratings)
assert np.isclose(value, (1.0**2 + 0.5**2 + 2.0**2) / 2 / 2)  # half the squares, two people
assert np.array_equal(gradient == 0, np.isnan(ratings))
gradient

# %%
net = Autoencoder([Dense(2)], [Dense(3)], "maskedmse", input_shape=3)
steps = trace(net, np.nan_to_num(ratings), ratings)
assert all(checked.passed for checked in steps.check())
print(steps.find("MaskedMSE").why())

# %% [markdown]
# ## One of many
#
# A document of 4 words from a dictionary of 3 is a row of counts, $x = (3, 1, 0)$. The output should be the share of
# each word: numbers above 0 that add up to 1, which is what a *softmax* gives, $x'_k = e^{a_k} / \sum_l e^{a_l}$. Its
# loss is the categorical cross-entropy, $l = -\sum_k x_k \log x'_k$. **Guess** its gradient in $a$.

# %%
from tinyae.losses import CategoricalCrossEntropy

a, words = np.array([[0.4, -0.3, 1.0]]), np.array([[3.0, 1.0, 0.0]])
shares = np.exp(a) / np.exp(a).sum()
value, gradient = CategoricalCrossEntropy().value_and_gradient(a, words)
assert np.isclose(value, -np.sum(words * np.log(shares)))
assert np.allclose(gradient, 4 * shares - words)
gradient

# %% [markdown]
# $x' - x$ a third time, with $x'$ multiplied by the number of words. The derivation is a line longer, as every $a_k$
# moves every $x'_l$. But again what the loss divides by is what the unit's slope multiplies with:
#
# $$\frac{\partial l}{\partial a_k} = \sum_l -\frac{x_l}{x'_l} \cdot x'_l\, ([k = l] - x'_k) = x'_k \sum_l x_l - x_k$$
#
# The three are not three accidents. Each is, but for a constant, $-\log p(x)$ of a distribution (one coin, a Gaussian,
# a die thrown many times) written in its *natural* parameter $a$, and for all such the gradient is the expected $x$
# minus the $x$ seen.

# %%
from tinyae import Softmax

net = Autoencoder([Dense(2)], [Dense(3), Softmax()], "categoricalcrossentropy", input_shape=3)
steps = trace(net, words)
assert all(checked.passed for checked in steps.check())
print(steps.find("CategoricalCrossEntropy").why(0, 1, of="dx"))
print(steps.find("Softmax").why(0, 1))

# %% [markdown]
# **Recap.**
#
# | data | last unit | loss | gradient at $a$, per image |
# |---|---|---|---|
# | pixels, probabilities in [0, 1] | sigmoid | `BCE` | $x' - x$ |
# | numbers without bounds | linear | `MSE` | $x' - x$ |
# | numbers with holes | linear | `MaskedMSE` | $x' - x$ where known, else 0 |
# | counts, shares | softmax | `CategoricalCrossEntropy` | $x' \sum_k x_k - x$ |
#
# - Behind the wrong unit the unit's slope stays in, and a net that is sure and wrong stops learning.
# - BCE of grey values has a floor above 0. Compare with it, not with 0.
# - Sum over an image's numbers, mean over images: ask for the unit before you compare two losses.
#
# **Exercises** ([solutions](solutions/03_losses.py))
# 1. Targets are -1 and 1 instead of 0 and 1. What does `fit` say to BCE, and which output unit and loss would you take?
# 2. A target pixel is 0.5 and the net gives 0.7. How far is the BCE above its floor, and how large is the squared
#    error? Compare for 0.05 and 0.25. Which mistakes does BCE mind more?
# 3. Write the loss $l = |x' - x|$ with its gradient as a class of your own, with a linear output, and check it with
#    `tinyae.gradcheck.check_loss`. Where can the check not be trusted?
