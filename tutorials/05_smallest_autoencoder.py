# %% [markdown]
# # 5. The smallest autoencoder, stepped by hand, then trained
#
# **Goal.** Compute every number of one training step of an autoencoder yourself, train it with ten lines of NumPy, and
# find that a net for digits is the same ten lines.
# **Needs** tutorials 1 to 3. **Takes** 10 seconds to run, 40 minutes to read.
#
# An autoencoder squeezes its input through a narrow place and makes it again on the other side. The smallest that has
# anything to do takes two numbers, keeps one, and gives back two:
#
# $$h = x_0 w_0 + x_1 w_1, \qquad x'_0 = h v_0, \qquad x'_1 = h v_1$$
#
# The *encoder* makes the *code* $h$, the *decoder* the *reconstruction* $x'$. No bends and no biases yet.

# %%
import numpy as np

from tinyae import plots

x = np.array([[2.0, 1.0]])  # one sample: one row
W = np.array([[0.5], [0.0]])  # encoder, 2 x 1
V = np.array([[0.5, 1.0]])  # decoder, 1 x 2

# %% [markdown]
# ## Forward
#
# Take a pencil. **What are** $h$, $x'$ and the loss $L = \frac{1}{2} \sum_k (x'_k - x_k)^2$?

# %%
h = x @ W
output = h @ V
L = 0.5 * np.sum((output - x) ** 2)
assert h == 1.0 and np.array_equal(output, [[0.5, 1.0]]) and L == 1.125
print(f"h = {h[0, 0]}, x' = {output[0]}, L = {L}")

# %% [markdown]
# ## Backward
#
# The way back goes through the same places in reverse. At the end stands $x' - x$ (tutorial 3). A dense layer has two
# products (tutorial 2): what came in times what comes from above gives the weights' gradient, and what comes from above
# times the weights goes on below. **Predict** before you run:
# is the gradient of one of the four weights 0?

# %%
d_output = output - x
dV = h.T @ d_output
dh = d_output @ V.T
dW = x.T @ dh
assert np.array_equal(d_output, [[-1.5, 0.0]]) and dh == -0.75
assert np.array_equal(dV, [[-1.5, 0.0]]) and np.array_equal(dW, [[-1.5], [-0.75]])
print(f"dV = {dV[0]}, dh = {dh[0, 0]}, dW = {dW[:, 0]}")

# %% [markdown]
# $v_1$ gets none: its output is right already. But $w_1$, which is 0 now, gets one: the code should be larger, and
# $x_1 = 1$ could help with that.
#
# ## Update
#
# One step of gradient descent with the learning rate 0.1. **Predict:** the second output was perfect, and its weight
# $v_1$ stays as it is. Will it still be perfect after the step?

# %%
W_new, V_new = W - 0.1 * dW, V - 0.1 * dV
h_new = x @ W_new
output_new = h_new @ V_new
L_new = 0.5 * np.sum((output_new - x) ** 2)
assert np.allclose(h_new, 1.375) and np.allclose(output_new, [[0.89375, 1.375]]) and L_new < L
assert round(L_new, 2) == 0.68
print(f"h = {h_new[0, 0]:.3f}, x' = {output_new[0].round(3)}, L = {L_new:.3f}")

# %% [markdown]
# No: the code has grown, and both outputs hang on it. Yet the loss has fallen, from 1.125 to 0.68. Weights share the
# work, and each step is a compromise.

# %% [markdown]
# ## The same with tinyae
#
# Two `Dense` layers. They have biases, too, which begin at 0, so this pass does not notice them. `trace` does one step
# of training and keeps every number.

# %%
from tinyae import SGD, Autoencoder, Dense
from tinyae.trace import trace

net = Autoencoder([Dense(1)], [Dense(2)], "mse", input_shape=2)
net.encoder.layers[0].params["W"][:], net.decoder.layers[0].params["W"][:] = W, V
steps = trace(net, x, optimizer=SGD(0.1))
steps

# %% [markdown]
# Six steps. Compare them with your own numbers:

# %%
forward, loss, *backward, update = steps[1], *steps[2:]
assert np.array_equal(forward.y, output) and loss.y == L
assert np.array_equal(backward[0].grads["W"], dV) and np.array_equal(backward[1].grads["W"], dW)
assert np.allclose(update.after["encoder.dense_1.W"], W_new)
assert np.allclose(update.after["decoder.dense_1.W"], V_new)

# %%
steps[3]

# %% [markdown]
# Go on with `steps.next()` and `steps.back()`, ask `why` of any number, or write all of them into one page,
# `steps.to_html("steps.html")`, that steps with the arrow keys.

# %%
print(steps.find("encoder.dense_1", "backward").why(1, 0))
print(steps.find("SGD").why(1, 0, of="encoder.dense_1.W"))

# %%
assert all(checked.passed for checked in steps.check())
steps.find("encoder.dense_1", "backward").check()

# %% [markdown]
# ## Training, by hand
#
# One point is no task. Here are 60, scattered around a line in the plane: two numbers each, but nearly one number's
# worth of news. **What** would you keep of such a point, if you could keep one number?

# %%
rng = np.random.default_rng(1)
along = rng.normal(size=(60, 1))
data = np.array([[1.0, -0.5]]) + along * np.array([[1.6, 1.0]]) + 0.15 * rng.normal(size=(60, 2))


# %% [markdown]
# The ten lines. Biases $b$ and $c$ are new, as the points do not lie around 0; their gradient is the sum over the rows.
# The loss is a mean over $N$ points, so the gradient of the output is $(x' - x) / N$.


# %%
def train(x, W, b, V, c, rate, epochs):
    for _ in range(epochs):
        h = x @ W + b  # forward
        output = h @ V + c
        da = (output - x) / len(x)  # backward
        dV, dc, dh = h.T @ da, da.sum(axis=0), da @ V.T
        dW, db = x.T @ dh, dh.sum(axis=0)
        W, b, V, c = W - rate * dW, b - rate * db, V - rate * dV, c - rate * dc  # update
    return W, b, V, c


# %%
def loss_of(x, W, b, V, c):
    return 0.5 * np.sum(((x @ W + b) @ V + c - x) ** 2) / len(x)


# %%
start = np.array([[-0.3], [0.6]]), np.zeros(1), np.array([[0.7, -0.2]]), np.zeros(2)
trained = train(data, *start, rate=0.2, epochs=1000)
before, after = loss_of(data, *start), loss_of(data, *trained)
assert after < 0.01 * before
print(f"loss {before:.3f} -> {after:.4f}")

# %% [markdown]
# Where do the reconstructions lie? A code of one number can only move them along one line. **Predict** where that line
# is before training, and after.

# %% tags=["thumbnail"]
figure = plots.Figure(figsize=(8, 6), layout="constrained")
for axis, epochs in zip(figure.subplots(2, 2).flat, (0, 5, 10, 1000), strict=True):
    W, b, V, c = train(data, *start, rate=0.2, epochs=epochs)
    made = (data @ W + b) @ V + c
    axis.plot(*data.T, "o", color="#bbbbbb", markersize=4)
    axis.plot(*made.T, "x", color="#cc6677", markersize=5)
    axis.set(title=f"{epochs} steps", xlabel="first number", ylabel="second number", aspect="equal")
figure.legend(["points", "reconstructions"], loc="outside lower center", ncols=2)
figure

# %% [markdown]
# The line turns until it lies along the cloud. What is lost is the distance of the points from it; that part cannot be
# won with one number. Its mean square is the *smaller* eigenvalue of the points' covariance, and our loss is half of
# that: the net has found the first principal component (tutorial 7).

# %%
variances = np.linalg.eigvalsh(np.cov(data.T, bias=True))
assert np.isclose(after, variances[0] / 2, rtol=0.02)
print(f"loss {after:.5f}, half the smaller variance {variances[0] / 2:.5f}")

# %% [markdown]
# ## Training, by `fit`
#
# `fit` does the same steps, if you ask for plain descent on all points at once. Here its parameters after 1000 steps,
# beside those of the ten lines:

# %%
net = Autoencoder([Dense(1)], [Dense(2)], "mse", input_shape=2, dtype=np.float64)
net.theta[:] = np.concatenate([p.ravel() for p in start])
net.fit(data, epochs=1000, batch_size=60, optimizer=SGD(0.2), shuffle=False, progress=False)
by_hand = np.concatenate([p.ravel() for p in trained])
assert np.allclose(net.theta, by_hand, atol=1e-8)
print(np.stack([net.theta, by_hand]).round(6))

# %% [markdown]
# ## The same ten lines on digits
#
# Nothing in the ten lines knew of 2 and 1. Here they are for images: 196 pixels (digits, made smaller to 14 x 14), 16
# code numbers. Pixels lie in [0, 1], so the output gets a sigmoid and the loss is BCE. **Which lines change?** A hint:
# tutorial 3.

# %%
from tinyae.datasets import load


def small(images):
    return images.reshape(-1, 14, 2, 14, 2).mean(axis=(2, 4)).reshape(-1, 196)


digits = load("auto", limit=5000)  # MNIST, or where it cannot be had digits drawn by code
images, test = small(digits.x_train), small(digits.x_test[:1000])


# %%
def step(x, W, b, V, c, rate):
    h = x @ W + b
    output = 1 / (1 + np.exp(-(h @ V + c)))  # the only line that is new
    da = (output - x) / len(x)
    dV, dc, dh = h.T @ da, da.sum(axis=0), da @ V.T
    dW, db = x.T @ dh, dh.sum(axis=0)
    return W - rate * dW, b - rate * db, V - rate * dV, c - rate * dc


# %% [markdown]
# One line: $x' - x$ is the gradient of both pairs. Weights start at random, the smaller the wider the layers (Glorot
# and Bengio, tutorial 9). One step takes 50 images, a *batch*; 100 of them go once through all 5000, an *epoch*.

# %% tags=["work"]
rng = np.random.default_rng(0)
limit = np.sqrt(6 / (196 + 16))
W, V = rng.uniform(-limit, limit, (196, 16)), rng.uniform(-limit, limit, (16, 196))
mine = tuple(p.astype(np.float32) for p in (W, np.zeros(16), V, np.zeros(196)))
for _ in range(20):
    for rows in rng.permutation(5000).reshape(-1, 50):
        mine = step(images[rows], *mine, rate=np.float32(0.1))

# %% [markdown]
# How good is it? Put the four arrays into a net of tinyae and ask, on images it has not seen. **Guess** the squared
# error of an image, as a share of that of the mean image, which needs no net at all.

# %%
model = Autoencoder([Dense(16)], [Dense(196, "sigmoid")], "bce", input_shape=196)
model.theta[:] = np.concatenate([p.ravel() for p in mine])
error = model.evaluate(test)["squared_error"]
mean_image = np.mean(np.sum((test - images.mean(axis=0)) ** 2, axis=1))
assert 0.1 < error / mean_image < 0.35
print(f"squared error of an image: {error:.2f}, of the mean image {mean_image:.2f}")

# %% [markdown]
# And `fit` with the same steps, but batches in an order of its own:

# %% tags=["work"]
fitted = Autoencoder([Dense(16)], [Dense(196, "sigmoid")], "bce", input_shape=196)
fitted.fit(images, epochs=20, batch_size=50, optimizer=SGD(0.1), progress=False)
error_of_fit = fitted.evaluate(test)["squared_error"]
assert abs(error_of_fit - error) < 0.1 * error
print(f"squared error of an image: {error_of_fit:.2f}")

# %%
mean_images = np.tile(images.mean(axis=0), (10, 1))
rows = [("digits", test[:10]), ("by hand", model.reconstruct(test[:10])), ("fit", fitted.reconstruct(test[:10]))]
plots.reconstruction_rows([*rows, ("mean image", mean_images)], (14, 14, 1))

# %% [markdown]
# Ten lines carry all of it. What tinyae adds is speed, other layers, other losses, and better steps than plain descent,
# which is tutorial 6. **Now raise the rate** to 0.2 and run the three cells again: the net of 196 pixels has its own
# largest rate, as the single neuron had (tutorial 1), and beyond it numbers run away.
#
# **Recap.**
# - Encoder, code, decoder; forward, $x' - x$, backward, update. That is an autoencoder.
# - Weights that share the code share the blame: each moves as if the others stood still.
# - A code of one number draws all reconstructions onto one line, and training lays the line along the data.
#
# **Exercises** ([solutions](solutions/05_smallest_autoencoder.py))
# 1. Start with all four weights 0. What are the gradients of `W` and `V`? What of the biases? Where does training end?
# 2. Turn the signs of all weights in `W` and `V` of the trained net, and of `b`. What happens to codes,
#    reconstructions, loss? How many different best nets are there?
# 3. Points in space: three numbers, a code of one. Draw 200 points with variances 4, 1 and 0.25 along three directions
#    of your choice. Predict the best loss, then train.
