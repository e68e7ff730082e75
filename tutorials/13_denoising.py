# %% [markdown]
# # 13. Denoising: ask for the clean image
#
# **Goal.** Train autoencoders to remove noise, and judge them beside a median filter and beside doing nothing. See when
# they make things worse, and what they learn about the data. **Needs** tutorials 5 (the smallest autoencoder) and 8
# (what copying looks like). **Takes** 20 seconds to run, 35 minutes to read.
#
# ## Three kinds of noise
#
# An autoencoder that is shown a damaged image and asked for the clean one cannot get away with copying. Three damages
# of Vincent et al. (2010): *Gaussian* noise on every pixel, *masking* (a share of the pixels is set to 0), *salt and
# pepper* (a share is set to 0 or 1).

# %%
import numpy as np

from tinyae import Adam, Autoencoder, Dense, plots
from tinyae.analysis import psnr
from tinyae.corruption import Gaussian, Masking, SaltAndPepper
from tinyae.datasets import load

data = load("auto", limit=5000)
x, test = data.x_train, data.x_test[:500]
noises = {"Gaussian 0.5": Gaussian(0.5), "masking 0.3": Masking(0.3),
          "salt and pepper 0.3": SaltAndPepper(0.3)}  # fmt: skip
noisy = {name: noise(test, np.random.default_rng(1)) for name, noise in noises.items()}

# %%
plots.reconstruction_rows([("clean", test[:8]), *((name, z[:8]) for name, z in noisy.items())], (28, 28, 1))

# %% [markdown]
# How bad is it? The usual measure is the *peak signal-to-noise ratio*, in decibels, with 1 as the largest pixel:
#
# $$\mathrm{PSNR} = 10 \log_{10} \frac{1}{\text{mean squared error per pixel}}$$
#
# 10 dB more is a tenth of the error, 20 dB are a mean squared error of 0.01. Gaussian noise of 0.5 on grey pixels would
# have a mean square of 0.25, so 6 dB. **But pixels are cut to 0 and 1 afterwards, and most pixels are black:** about
# half of their noise goes. What PSNR does that give, roughly?

# %%
half = 10 * np.log10(1 / 0.125)
print(f"half of 0.25: {half:.1f} dB; really {psnr(test, noisy['Gaussian 0.5']):.1f} dB")
assert abs(psnr(test, noisy["Gaussian 0.5"]) - half) < 1

# %% [markdown]
# ## Two things to beat
#
# **Doing nothing** has a PSNR, that of the noisy images themselves. A **median filter** knows nothing of digits: each
# pixel becomes the median of the nine around it. It is old, simple, and made for salt and pepper.


# %%
def median(images):
    padded = np.pad(images.reshape(-1, 28, 28), ((0, 0), (1, 1), (1, 1)))
    windows = np.lib.stride_tricks.sliding_window_view(padded, (3, 3), axis=(1, 2))
    return np.median(windows, axis=(3, 4)).reshape(images.shape)


dot = np.zeros((1, 28, 28))
dot[0, 10, 10] = 1
assert median(dot).max() == 0  # a single bright pixel is gone

# %% [markdown]
# ## The net, step by step
#
# Nothing in the net is new. `corruption` puts noise on each batch while training, new noise every time; the target
# stays clean. `trace(..., training=True)` shows it: what the first layer sees is not what the loss compares with.

# %%
from tinyae.trace import trace


def net(corruption=None, seed=0):
    encoder, decoder = [Dense(200, "relu", init="he")], [Dense(784, "sigmoid")]
    return Autoencoder(encoder, decoder, "bce", input_shape=784, corruption=corruption, seed=seed)


steps = trace(net(Masking(0.3)), test[:2], training=True)
seen, wanted = steps[0].x, steps.find("BCE").target
assert np.array_equal(wanted, test[:2]) and not np.array_equal(seen, wanted)
steps.find("encoder.dense_1", "forward")

# %% [markdown]
# Noise can be a layer, too: `GaussianNoise` puts it anywhere, at the input or on the code. It does not cut to [0, 1].
# **What is its backward pass?** $y = x + \sigma \epsilon$, and $\epsilon$ does not depend on $x$.

# %%
from tinyae import GaussianNoise

layered = Autoencoder([GaussianNoise(0.5), Dense(16, "relu")], [Dense(784, "sigmoid")], input_shape=784)
step = trace(layered, test[:2], training=True).find("gaussiannoise_1", "backward")
assert np.array_equal(step.dx, step.dy) and step.check().passed
assert layered.reconstruct(test[:1]).shape == (1, 784)  # in use there is no noise
step

# %% [markdown]
# ## Who removes noise best?
#
# One net for each noise, and one that never saw any. **Rank** for each noise: doing nothing, median, the plain net, the
# denoising net.


# %%
def trained(corruption=None):
    model = net(corruption)
    model.fit(x, epochs=12, batch_size=100, optimizer=Adam(2e-3), progress=False)
    return model


# %% tags=["work"]
plain = trained()
denoisers = {name: trained(noise) for name, noise in noises.items()}

# %%
from tinyae.tables import plain as table

rows = []
for name, z in noisy.items():
    ways = {"nothing": z, "median": median(z), "plain": plain.reconstruct(z), "net": denoisers[name].reconstruct(z)}
    rows.append({"noise": name} | {way: psnr(test, images) for way, images in ways.items()})
titles = {"nothing": "nothing", "median": "median filter", "plain": "plain net", "net": "denoising net"}
print(table(rows, [("PSNR, dB", "noise", "{}"), *((title, way, "{:.1f}") for way, title in titles.items())]))

# %%
for row in rows:
    assert row["net"] > max(row["nothing"], row["median"], row["plain"])
gain = {row["noise"]: row["net"] - row["median"] for row in rows}
assert min(gain, key=gain.get) == "salt and pepper 0.3" and rows[1]["median"] < rows[1]["nothing"]

# %% [markdown]
# The denoising nets win each time, but look at salt and pepper: there the median filter comes close, with no training
# at all. For masking it is worse than nothing, as it takes what is left of thin strokes for noise. The plain net was
# never asked to leave noise out: noise moves its code, and digits come out faded or torn.

# %% tags=["thumbnail"]
z = noisy["Gaussian 0.5"][:8]
shown = [("clean", test[:8]), ("noisy", z), ("median filter", median(z)), ("plain net", plain.reconstruct(z)),
         ("denoising net", denoisers["Gaussian 0.5"].reconstruct(z))]  # fmt: skip
plots.reconstruction_rows(shown, (28, 28, 1))

# %% [markdown]
# ## Used where it was not trained
#
# The net for Gaussian noise of 0.5 gets images with other noise, from hardly any to a lot. **Draw the curve first:**
# with hardly any noise, is the net better or worse than doing nothing?

# %%
levels = [0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.7, 1.0]
series = {"nothing": [], "median filter": [], "trained at 0.5": []}
for sigma in levels:
    z = Gaussian(sigma)(test, np.random.default_rng(2))
    for name, images in zip(series, (z, median(z), denoisers["Gaussian 0.5"].reconstruct(z)), strict=True):
        series[name].append(psnr(test, images))

# %%
nothing, _, at_half = (np.array(values) for values in series.values())
assert at_half[0] < nothing[0] - 10 and at_half[5] > nothing[5] + 5
assert np.argmax(at_half) == levels.index(0.5) or np.argmax(at_half) == levels.index(0.4)
print(f"at 0.05: nothing {nothing[0]:.1f} dB, the net {at_half[0]:.1f} dB")

# %% [markdown]
# Far worse than doing nothing! It takes off what this noise would have added and paints what this noise would have
# hidden, whether the noise is there or not. It has learned *this* noise, not noise. So train it with all of them: a
# corruption can be any function of the batch and a generator.


# %%
def any_strength(batch, rng):
    sigma = rng.uniform(0, 0.8, size=(len(batch), 1))
    return np.clip(batch + sigma * rng.normal(size=batch.shape), 0, 1)


# %% tags=["work"]
flexible = trained(any_strength)
series["trained at 0 to 0.8"] = [
    psnr(test, flexible.reconstruct(Gaussian(sigma)(test, np.random.default_rng(2)))) for sigma in levels
]

# %%
figure = plots.Figure(figsize=(7.2, 4.2), layout="constrained")
axis = figure.subplots()
for (name, values), mark, colour in zip(series.items(), "s^od", plots.CLASS_COLOURS, strict=False):
    axis.plot(levels, values, marker=mark, color=colour, label=name)
axis.set(xlabel="standard deviation of the noise", ylabel="PSNR, dB", title="test images")
axis.legend()
figure

# %%
both = np.array(series["trained at 0 to 0.8"])
assert both[0] > at_half[0] + 4 and both[5] > at_half[5] - 1.5
assert both[0] < nothing[0]

# %% [markdown]
# Much better for little noise, and hardly worse where the first net is at home. With hardly any noise doing nothing
# still wins: 200 code numbers cannot hold every detail. A denoiser is always to be judged beside doing nothing, at the
# noise one really has.
#
# ## What does it learn?
#
# With two numbers a sample one can see it. The data lie on a circle. Noise pushes points off it, and the net learns to
# bring them back. **Which way** will the arrow from a point to its reconstruction point?

# %%
rng = np.random.default_rng(0)
angle = rng.uniform(0, 2 * np.pi, size=(4000, 1))
circle = np.concatenate([np.cos(angle), np.sin(angle)], axis=1)
flat = Autoencoder([Dense(64, "tanh"), Dense(64, "tanh")], [Dense(2)], "mse", input_shape=2,
                   corruption=Gaussian(0.3, low=None, high=None))  # fmt: skip

# %% tags=["work"]
flat.fit(circle, epochs=40, batch_size=50, optimizer=Adam(2e-3), progress=False)
grid = np.stack(np.meshgrid(np.linspace(-1.6, 1.6, 17), np.linspace(-1.6, 1.6, 17)), axis=-1).reshape(-1, 2)
arrows = flat.reconstruct(grid) - grid

# %%
figure = plots.Figure(figsize=(5, 4.8), layout="constrained")
axis = figure.subplots()
axis.plot(*circle[:400].T, ".", color=plots.VALIDATION_COLOUR, markersize=3, label="data")
axis.quiver(*grid.T, *arrows.T, angles="xy", scale_units="xy", scale=1.5, width=0.004, color=plots.TRAIN_COLOUR)
axis.set(xlabel="first number", ylabel="second number", aspect="equal")
axis.set_title("from x to x' (two thirds of the way)")
axis.legend(loc="upper right")
figure

# %%
outside, inside = 1.3 * circle[:500], 0.7 * circle[:500]
radius = [float(np.linalg.norm(flat.reconstruct(points), axis=1).mean()) for points in (outside, inside)]
assert 0.85 < radius[1] < radius[0] < 1.15
print(f"from 1.3 to {radius[0]:.2f}, from 0.7 to {radius[1]:.2f}")

# %% [markdown]
# All arrows point to where the data are denser. For Gaussian noise and a net that has learned all there is to learn,
# $x' - x$ comes close to $\sigma^2\, \nabla \log p(x)$ as $\sigma$ gets small: the slope of the data's density (Alain &
# Bengio 2014). That is why a denoising code with more numbers than pixels still learns something about the data. It has
# to know where they are.
#
# **Recap.**
# - The net sees the noisy image, the loss compares with the clean one. New noise at every batch.
# - Doing nothing and a median filter are the baselines. The second is hard to beat on salt and pepper.
# - A denoiser knows the noise it was trained with. With less it can do more harm than good.
# - What it learns is the way to where the data are dense.
#
# **Exercises** ([solutions](solutions/13_denoising.py))
# 1. Draw the noise *once*, and train on the fixed pairs with `fit(noisy, clean)` for 40 epochs. Compare training and
#    test PSNR with those of fresh noise.
# 2. What is the best *linear* denoiser for noise of variance $\sigma^2$? Show with least squares that it shrinks the
#    data's principal component with variance $\lambda$ by $\lambda / (\lambda + \sigma^2)$.
# 3. A code of 1,000 numbers, wider than the image: how does `copying` (tutorial 8) judge it with and without noise?
