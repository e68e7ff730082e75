# %% [markdown]
# # 8. Bottleneck and overcomplete: what copying looks like
#
# **Goal.** See what a code that is too wide does, measure it with two numbers, and know three ways to prevent it.
# **Needs** tutorials 5 (the smallest autoencoder) and 7 (linear autoencoder = PCA). **Takes** 15 seconds to run, 30
# minutes to read.
#
# An autoencoder is asked to give back what it was given. That has a solution which nobody wants: to copy. Here are
# digits of 28 x 28 pixels (MNIST, or where it is not on this machine digits drawn by code), made smaller: 14 x 14
# pixels, the mean of 2 x 2 each, so 196 numbers an image.

# %%
import numpy as np

from tinyae import L1, Adam, Autoencoder, Dense, Linear, plots
from tinyae.copying import copying
from tinyae.corruption import Gaussian
from tinyae.datasets import load

data = load("auto", limit=4000)


# %%
def small(images):
    return images.reshape(-1, 14, 2, 14, 2).mean(axis=(2, 4)).reshape(-1, 196)


x, test = small(data.x_train), small(data.x_test[:500])
D = x.shape[1]
assert D == 196 and 0 <= x.min() and x.max() <= 1

# %% [markdown]
# ## The perfect autoencoder that knows nothing
#
# A linear net with as many code numbers as pixels, its weights set by hand: $W = V = 1$, the identity matrix. **Before
# you run the next cell:** what is its squared error on digits? And on noise?

# %%
perfect = Autoencoder([Dense(D), Linear()], [Dense(D)], "mse", input_shape=D)
perfect.encoder.layers[0].params["W"][:] = np.eye(D)
perfect.decoder.layers[0].params["W"][:] = np.eye(D)
noise = np.random.default_rng(0).uniform(size=(200, D))
assert perfect.evaluate(test)["squared_error"] == perfect.evaluate(noise)["squared_error"] == 0

# %% [markdown]
# No error at all, on anything, and it has never seen a digit. So the error on digits alone does not tell whether a net
# has learned what digits are. Two questions do:
#
# - How much of a small change of a pixel comes through? The mean over the pixels of $\partial x'_k / \partial x_k$: the
#   **trace** of the net's Jacobian matrix, over $D$. 1 for a copy, 0 for a net that ignores its input.
# - What becomes of pictures that are no digits? Take digits, and let all pixels of each change places: the same greys,
#   no shape. **Shuffled** is the share of their variance that is reconstructed. 1 for a copy, 0 or less where they
#   become something else.

# %%
copies = copying(perfect, test)
assert np.isclose(copies.trace, 1) and np.isclose(copies.shuffled, 1)
print(f"trace {copies.trace:.3f}, shuffled {copies.shuffled:.3f}")

# %% [markdown]
# ## The bottleneck
#
# Now a code of $k = 32$ numbers. The best linear one is PCA (tutorial 7): $x' = m + (x - m) C C^{\top}$ with the
# principal components as columns of $C$. The Jacobian of this net is $C C^{\top}$, a projection on 32 of 196
# dimensions. **Predict its trace.** A hint: $\mathrm{tr}(C C^{\top}) = \mathrm{tr}(C^{\top} C)$, and the columns of $C$
# are orthonormal.

# %%
from tinyae.analysis import PCA

pca = PCA(x, 32)
C = pca.components
jacobian = C @ C.T
assert np.isclose(np.trace(jacobian), 32)
print(f"trace / D = {np.trace(jacobian) / D:.4f} = 32/196")

# %% [markdown]
# A projection is a net, too. `copying` estimates the trace from random directions, so it comes close to 32/196.

# %%
net = Autoencoder([Dense(32), Linear()], [Dense(D)], "mse", input_shape=D)
net.encoder.layers[0].params["W"][:], net.encoder.layers[0].params["b"][:] = C, -pca.mean @ C
net.decoder.layers[0].params["W"][:], net.decoder.layers[0].params["b"][:] = C.T, pca.mean
assert np.allclose(net.reconstruct(test), pca.reconstruct(test), atol=1e-4)
copies = copying(net, test, samples=10)
assert abs(copies.trace - 32 / 196) < 0.01
print(f"trace {copies.trace:.3f}, shuffled {copies.shuffled:.3f}")

# %% [markdown]
# 32 directions out of 196 come through. Which ones? Those in which digits vary. The rest is lost, and has to be: a
# matrix $W V$ that has to pass through 32 numbers has at most rank 32. The same holds on the way back: all that the
# encoder hears of the loss comes through 32 numbers a sample, the `dy` of the linear unit. `trace` shows them. **How
# large will they be,** as PCA is the best there is?

# %%
from tinyae.trace import trace

steps = trace(net, test[:4])
heard = steps.find("encoder.linear_1", "backward")
assert heard.dy.shape == (4, 32) and np.array_equal(heard.dx, heard.dy)
assert np.abs(heard.dy).max() < 1e-6  # rounding
assert np.linalg.matrix_rank(net.encoder.layers[0].params["W"] @ net.decoder.layers[0].params["W"]) == 32
heard

# %% [markdown]
# Nothing but rounding: what PCA misses of a digit is at right angles to all 32 components, so no other code could help.
#
# ## Narrow and wide, trained
#
# Now let nets learn by themselves, all in the same way, with codes from 8 to 400 numbers. 400 are more than there are
# pixels: an *overcomplete* code. **Predict** for each net: is its error on digits larger or smaller than that of the
# one before? And how much of the shuffled images does it reconstruct?


# %%
def trained(k, activation="relu", **settings):
    encoder = [Dense(k, activation, init="he" if activation == "relu" else "glorot")]
    model = Autoencoder(encoder, [Dense(D)], "mse", input_shape=D, **settings)
    model.fit(x, epochs=20, batch_size=50, optimizer=Adam(1e-3), progress=False)
    return model


# %% tags=["work"]
nets = {f"code of {k}, ReLU": trained(k) for k in (8, 32, 100, 400)}
nets["code of 400, linear"] = trained(400, "linear")


# %%
def row(name, model):
    copies, error = copying(model, test, samples=4), model.evaluate(test)["squared_error"]
    return {"net": name, "error": error, "trace": copies.trace, "shuffled": copies.shuffled}


# %%
from tinyae.tables import plain

columns = [("net", "net", "{}"), ("squared error", "error", "{:.2f}"), ("trace", "trace", "{:.2f}"),
           ("shuffled", "shuffled", "{:.2f}")]  # fmt: skip
rows = [row(name, model) for name, model in nets.items()]
print(plain(rows, columns))

# %% [markdown]
# The wider the code, the smaller the error, down to almost nothing. But look at the other two columns. The narrowest
# lets through about $k/196$ of a change, like PCA, and what it makes of shuffled images is worse than their mean would
# be (a value below 0). The wide ones begin to copy.

# %%
by_name = {r["net"]: r for r in rows}
narrow, wide, linear = (by_name[f"code of {k}"] for k in ("8, ReLU", "400, ReLU", "400, linear"))
assert wide["error"] < 0.1 * narrow["error"]
assert narrow["trace"] < 8 / 196 + 0.01 and 0.5 < wide["trace"]
assert narrow["shuffled"] < 0 < 0.1 < wide["shuffled"] < linear["shuffled"]

# %% [markdown]
# ## What it looks like
#
# Four digits, the same with all pixels shuffled, and the same with the right half covered by noise. **Guess** what a
# code of 8 numbers makes of a noisy half, and what the wide ones do. Who gives noise back has copied.

# %%
rng = np.random.default_rng(1)
digits = test[:4]
half = digits.reshape(-1, 14, 14).copy()
half[:, :, 7:] = rng.uniform(size=(4, 14, 7))
shown = np.concatenate([digits, rng.permuted(digits, axis=1), half.reshape(-1, D)]).astype(np.float32)

# %% tags=["thumbnail"]
pictures = [("given", shown)]
for name in ("code of 8, ReLU", "code of 32, ReLU", "code of 400, ReLU", "code of 400, linear"):
    pictures.append((name, nets[name].reconstruct(shown)))
titles = ["digits", "", "", "", "shuffled", "", "", "", "half noise"]
plots.reconstruction_rows(pictures, (14, 14, 1), titles)

# %% [markdown]
# The net with 8 numbers knows digits and little else: whatever comes in, strokes come out. The wide nets hand on noise.
#
# ## A single pixel
#
# One column of the Jacobian is a picture: what changes in the output if this one pixel of the input changes. A copying
# net changes the same pixel. **What will a bottleneck change?** We nudge the pixel in row 7, column 7 of a mean image.


# %%
def nudged(model, pixel=7 * 14 + 7, h=0.05):
    middle = np.repeat(x.mean(axis=0, keepdims=True), 2, axis=0)
    middle[0, pixel] += h
    up, down = model.reconstruct(middle)
    return (up - down) / h


# %%
responses = {name: nudged(model) for name, model in nets.items()}
figure = plots.Figure(figsize=(9.6, 2.5), layout="constrained")
for axis, (name, response) in zip(figure.subplots(1, 5), responses.items(), strict=True):
    picture = axis.imshow(response.reshape(14, 14), cmap=plots.DIVERGING, vmin=-1, vmax=1)
    axis.set(xticks=[], yticks=[], title=name)
    axis.title.set_fontsize(9)
figure.colorbar(picture, ax=figure.axes, label="dx' / dx(7,7)", shrink=0.8)
figure

# %% [markdown]
# A dot for the wide nets, a smear for the narrow ones: they take this pixel for part of a stroke, and redraw the
# stroke.

# %%
pixel = 7 * 14 + 7
own = {name: response[pixel] for name, response in responses.items()}
assert own["code of 8, ReLU"] < 0.3 < 0.6 < own["code of 400, linear"]
print(", ".join(f"{value:.2f}" for value in own.values()))

# %% [markdown]
# ## Why not a trace of 1?
#
# The linear net with 400 numbers could be the identity. Its error is nearly 0, yet its trace is below 1. The pixels at
# the border are black in every digit: nothing ever asked the net to carry them, so it did not learn to.

# %%
varying = x.var(axis=0) > 1e-4
own = np.array([nudged(nets["code of 400, linear"], pixel)[pixel] for pixel in range(D)])
assert own[varying].mean() > 0.75 > 0.3 > own[~varying].mean()
print(f"{(~varying).sum()} pixels hardly vary; they let through {own[~varying].mean():.2f}, "
      f"the others {own[varying].mean():.2f}")  # fmt: skip

# %% [markdown]
# So even this net copies only where there were data. Training learns first the directions in which the data vary most,
# and last those in which they vary least (exercise 1). A wide net that is stopped early copies less, and that is luck
# rather than design.
#
# ## Three ways out
#
# A wide code is useful: it has room for many features. It has to be kept from copying in another way.
#
# - **Denoising** (tutorial 13): show it a noisy image, ask for the clean one. A copy would be wrong.
# - **Sparse** (tutorial 15): a price on active units, so that few of the 400 can speak at once.
# - **Bottleneck**: fewer numbers, as above.

# %% tags=["work"]
held = {
    "400, ReLU, denoising": trained(400, corruption=Gaussian(0.3)),
    "400, ReLU, sparse (L1)": trained(400, penalty=L1(0.05)),
}
rows += [row(name, model) for name, model in held.items()]
print(plain(rows, columns))

# %%
by_name = {r["net"]: r for r in rows}
for name in held:
    assert by_name[name]["trace"] < by_name["code of 400, ReLU"]["trace"]
    assert by_name[name]["shuffled"] < 0.1 and by_name[name]["error"] > by_name["code of 400, ReLU"]["error"]

# %% [markdown]
# Same 400 numbers, and shuffled images do not come through. The price is a larger error on clean digits: the lowest
# error was the copy's.
#
# **Recap.**
# - The identity has error 0 and has learned nothing. An error says something only beside what it cost to get.
# - Two numbers measure copying: the trace of the Jacobian, and the share of shuffled images that is reconstructed.
# - A linear code of $k$ numbers has the trace $k/D$. A code wider than the data can copy, and does so where data vary.
# - Noise, a penalty or a bottleneck forbids the copy, each in its own way.
#
# **Exercises** ([solutions](solutions/08_bottleneck_and_overcomplete.py))
# 1. Train the linear code of 400 numbers for 2, 20 and 60 epochs. How do `trace` and `shuffled` grow?
# 2. Compute the trace of a trained net's Jacobian exactly, with one nudge a pixel, and compare it with `copying`.
# 3. Train the code of 400 on *shuffled* digits (every image with a shuffle of its own) and the code of 8 too. What can
#    the narrow net still learn? Give its error a baseline.
