# %% [markdown]
# # 21. Restoration: a watermark, a missing block, colour
#
# **Goal.** Train nets that undo three kinds of damage, put each beside what was used before nets, and tell what no
# method can bring back. **Needs** tutorials 10 to 12 (convolution) and 13 (denoising). **Takes** 15 seconds to run, 40
# minutes to read.
#
# The recipe of a denoising autoencoder works for any damage that one can *do*: damage the picture, ask for the
# original. What differs is how much the damage leaves. A half-transparent watermark leaves nearly all, a missing block
# leaves its surroundings, and a grey photograph leaves a hint.

# %%
import numpy as np

from tinyae import Adam
from tinyae.applications.restoration import MissingBlock, Watermark, image_psnr, painted, restoration_net, restore
from tinyae.datasets import load
from tinyae.plots.restoration import restoration_rows
from tinyae.schedules import Cosine

data = load("auto", limit=3000)  # MNIST where it is on disk, else digits drawn by code
x, test = data.x_train.reshape(-1, 28, 28, 1), data.x_test[:200].reshape(-1, 28, 28, 1)

# %% [markdown]
# ## A watermark
#
# White writing with opacity $o$ over a pixel $x$, ink $m$ from 0 to 1: $y = x + o\,m\,(1 - x)$. **Before you run the
# next cell:** if somebody told us the ink exactly, could we have $x$ back?

# %%
from tinyae.applications.restoration.watermark import draw_marks

veil = 0.5 * draw_marks(len(test), 28, 28, np.random.default_rng(0))[..., None]
marked, mask = Watermark(0.5).with_mask(test, np.random.default_rng(0))  # the same ink; mask: where there is any
assert np.allclose(marked, test + veil * (1 - test), atol=1e-6)
assert np.allclose((marked - veil) / (1 - veil), test, atol=1e-5)

# %% [markdown]
# Yes, exactly: white becomes less so, but nothing is lost at opacity 0.5. What is unknown is where the ink is and which
# strokes are ink. **Predict** what becomes of this at opacity 1.
#
# The usual measure is the peak signal-to-noise ratio, in decibels; 10 dB more is a tenth of the squared error:
#
# $$\text{PSNR} = -10 \log_{10} \frac{1}{D} \sum_k (x'_k - x_k)^2$$

# %%
by_hand = -10 * np.log10(np.mean((marked - test) ** 2, axis=(1, 2, 3)))
assert np.allclose(by_hand, image_psnr(test, marked), atol=1e-4)
print(f"watermarked images: {by_hand.mean():.1f} dB on average, from {by_hand.min():.1f} to {by_hand.max():.1f}")

# %% [markdown]
# A net with a narrow code would blur what the damage has left alone. This one is a chain of 3 by 3 convolutions at full
# size, and it **begins as the identity**: it gives its input back until it is trained, and then learns what to change.

# %%
cleaner = restoration_net((28, 28, 1), filters=16, depth=6, corruption=Watermark(0.5))
assert np.allclose(restore(cleaner, marked), marked, atol=1e-5)
print(f"{cleaner.n_params:,} parameters; one output pixel sees {2 * 7 + 1} x {2 * 7 + 1} pixels")

# %% [markdown]
# `corruption` draws new ink for every batch, so the net never sees the same damage twice.

# %% tags=["work"]
history = cleaner.fit(x, epochs=2, batch_size=8, optimizer=Adam(Cosine(6e-3, warmup=0.05)), progress=False)
cleaned = restore(cleaner, marked)
assert image_psnr(test, cleaned).mean() > image_psnr(test, marked).mean() + 8

# %% [markdown]
# Two classical methods beside it: a median filter, and biharmonic inpainting, which fills pixels with the smoothest
# sheet through the known ones. It needs to be *told* where the ink is; the net is not. **Guess** the order.

# %% tags=["work"]
from tinyae.applications.restoration import inpaint_biharmonic
from tinyae.applications.restoration.classical import border_mean, median_filter

smooth = inpaint_biharmonic(marked[:60], mask[:60])
results = {"watermarked": marked[:60], "median filter": median_filter(marked[:60])}
results |= {"biharmonic,\ntold where": smooth, "net": cleaned[:60]}
psnr = {name: image_psnr(test[:60], images) for name, images in results.items()}
print("\n".join(f"{name.replace(chr(10), ' '):<24} {values.mean():.1f} dB" for name, values in psnr.items()))

# %% tags=["thumbnail"]
assert psnr["net"].mean() > psnr["biharmonic,\ntold where"].mean() > psnr["median filter"].mean()
rows = [(name, images[:8], psnr[name][:8]) for name, images in results.items()]
restoration_rows([*rows, ("original", test[:8], None)], title="A watermark of opacity 0.5")

# %% [markdown]
# The median filter takes single odd pixels away, and a stroke of a pen is not one. The sheet throws away everything
# under the ink, and we have just seen that all of it was still there. The net uses it.
#
# ## A missing block
#
# Now a rectangle is gone, nearly a third of the height and the width. Here we do know where. The net gets the
# biharmonic sheet as a first guess, marked as one, and again begins as the identity: **it begins as the classical
# method**, and training is left with what that cannot do.

# %%
holed, hole = MissingBlock(0.3).with_mask(test, np.random.default_rng(1))
known = np.where(hole, -3.0, holed).astype(np.float32)  # MISSING
sheet = inpaint_biharmonic(np.where(hole, 0, test), hole)
filler = restoration_net((28, 28, 1), filters=16, depth=6, guessed=True, corruption=MissingBlock(0.3))
assert np.allclose(restore(filler, known), sheet, atol=1e-4)

# %% tags=["work"]
filler.fit(x, epochs=3, batch_size=8, optimizer=Adam(Cosine(3e-3, warmup=0.05)), progress=False)
filled = restore(filler, known)
assert np.array_equal(filled[~hole], test[~hole])  # known pixels stay as they are
results = {"missing block": painted(holed), "mean of\nthe border": border_mean(test, hole)}
results |= {"biharmonic": sheet, "net": filled}
psnr = {name: image_psnr(test, images) for name, images in results.items()}
print("\n".join(f"{name.replace(chr(10), ' '):<24} {values.mean():.1f} dB" for name, values in psnr.items()))

# %%
assert psnr["net"].mean() > psnr["biharmonic"].mean() > psnr["mean of\nthe border"].mean()
share = np.mean(psnr["net"] > psnr["biharmonic"])
assert 0.5 < share < 1
print(f"the net is better than its first guess in {share:.0%} of the images")

# %% [markdown]
# It wins on average, by far less than with the watermark, and not always. Where does it fail? The four images with its
# lowest numbers on the left, the four with its highest gain on the right:

# %%
chosen = np.r_[np.argsort(psnr["net"])[:4], np.argsort(psnr["biharmonic"] - psnr["net"])[:4]]
rows = [(name, images[chosen], psnr[name][chosen]) for name, images in results.items()]
restoration_rows([*rows, ("original", test[chosen], None)], title="A missing block: worst, and most gained")

# %% [markdown]
# Strokes that run into the block are carried on. What happened *inside* it nobody can know, and squared error then asks
# for the mean of all that could have been: grey.
#
# ## Why squared error is cautious
#
# A pixel is 1 in seven of ten pictures that look the same around it, and 0 in three. **Predict** the answer with the
# least squared error.

# %%
outcomes = np.array([1.0] * 7 + [0.0] * 3)
answers = np.linspace(0, 1, 101)
expected = [np.mean((outcomes - answer) ** 2) for answer in answers]
assert np.isclose(answers[np.argmin(expected)], outcomes.mean())
print(f"best answer {answers[np.argmin(expected)]:.2f}, an answer that is never right")

# %% [markdown]
# ## Colour
#
# A grey picture has kept the luminance $Y$ and lost two numbers of three at every pixel, the chrominance:
#
# $$Y = 0.299 R + 0.587 G + 0.114 B, \qquad C_b = \frac{B - Y}{1.772}, \qquad C_r = \frac{R - Y}{1.402}$$
#
# $C_b = C_r = 0$ is grey. The net gives $C_b$ and $C_r$, and $Y$ stays as it was. The pictures are scenes drawn by
# code, in which shape and brightness tell most of the colour.

# %%
from tinyae.applications.colour import BASELINES, as_targets, colour_net, image_errors, into_gamut, join, scores, split
from tinyae.datasets import load_coloured

scenes = load_coloured(1500, 200)
seen, scenes_test = scenes.x_train.reshape(-1, 32, 32, 3), scenes.x_test.reshape(-1, 32, 32, 3)
(y, chroma), (y_test, chroma_test) = split(seen), split(scenes_test)
assert np.allclose(join(y_test, chroma_test), scenes_test, atol=1e-5)
pixel = scenes_test[0, 0, 0]
assert np.isclose(y_test[0, 0, 0, 0], pixel @ [0.299, 0.587, 0.114])

# %% [markdown]
# What can be guessed without a net? No colour; the mean colour; the mean colour of the place (sky is above); the mean
# colour of the brightness. **Predict** which of them is best.

# %%
guesses = {name: guess(y, chroma, y_test) for name, guess in BASELINES.items()}
table = {name: scores(scenes_test, guess) for name, guess in guesses.items()}
for name, row in table.items():
    print(f"{name:<30} error {row['error']:5.1f} of 255, saturation {row['saturation']:4.1f}")
best = min(table, key=lambda name: table[name]["error"])
assert best == "mean colour of the place"

# %% tags=["work"]
painter = colour_net((32, 32))
rate = Cosine(3e-3, warmup=0.02)
history = painter.fit(y, as_targets(chroma), epochs=5, batch_size=32, optimizer=Adam(rate), progress=False)

# %%
from tinyae.applications.colour import predict_chrominance

guesses["net"] = predict_chrominance(painter, y_test)
table["net"] = scores(scenes_test, guesses["net"])
true_saturation = 255 * np.hypot(chroma_test[..., 0], chroma_test[..., 1]).mean()
assert table["net"]["error"] < 0.7 * table[best]["error"]
print(f"net: error {table['net']['error']:.1f} of 255, saturation {table['net']['saturation']:.1f}")
print(f"saturation of the originals {true_saturation:.1f}")

# %%
from tinyae.plots.colour import colour_rows

eight = slice(0, 8)
rows = [("grey", y_test[eight], image_errors(scenes_test, guesses["grey"])[eight])]
for name, text in ((best, "mean colour\nof the place"), ("net", "net")):
    shown = into_gamut(y_test, guesses[name])[0]
    rows.append((text, shown[eight], image_errors(scenes_test, guesses[name])[eight]))
colour_rows([*rows, ("original", scenes_test[eight], None)], title="Below each: chrominance error, of 255")

# %% [markdown]
# The net knows sky from sea. And it is **paler** than the truth: where brightness and shape leave a choice, squared
# error asks for the mean of the choices, and the mean of two colours is greyer than either.

# %%
assert table["net"]["saturation"] < true_saturation
hardest = int(image_errors(scenes_test, guesses["net"]).argmax())
print(f"the hardest scene is a {scenes.class_names[scenes.y_test[hardest]]}")
pair = np.stack([into_gamut(y_test, guesses["net"])[0][hardest], scenes_test[hardest]])
colour_rows([("net | original", pair, None)])

# %% [markdown]
# These scenes were made so that most of the colour *can* be known. Of photographs less can: a car may be red or blue,
# and the net will paint it in the mean of both. The error and the saturation beside each other tell that; a picture
# chosen for its beauty does not.
#
# **Recap.**
# - Any damage one can do can be trained against; the net's limit is what the damage has left.
# - Begin as the identity, or as the classical method: then training is left with the rest.
# - Print the classical methods beside the net, and say what each was told.
# - Squared error answers with the mean of what could be: grey in holes, pale in colours.
#
# **Exercises** ([solutions](solutions/21_restoration_and_colour.py))
# 1. A watermark of opacity 1 hides what is under it. Train the same net against it. What remains of its lead over
#    biharmonic inpainting that is told where the ink is?
# 2. Give the net of the watermark pictures it was not made for: clean ones, and ones with Gaussian noise of standard
#    deviation 0.2 and 0.4. Does it do harm, does it help? Put a median filter beside it.
# 3. Seven of ten are 1, three are 0: which answer has the least *absolute* error? What would a net do that was trained
#    with it, and where would it be wrong?
