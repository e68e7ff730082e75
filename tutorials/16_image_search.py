# %% [markdown]
# # 16. Image search with codes
#
# **Goal.** Find the images that are most like a given one by the distance of their codes, judge the answers by
# precision@10, and do it beside raw pixels, PCA and an untrained net, so that you know what the training was worth.
# **Needs** tutorials 5 (the smallest autoencoder) and 7 (PCA). **Takes** 20 seconds to run, 35 minutes to read.
#
# ## Nearest, by hand
#
# Two ways to say how far apart two codes are: the length of their difference, or the angle between them.
#
# $$d_{\text{euclidean}}(a, b) = \|a - b\|, \qquad d_{\text{cosine}}(a, b) = 1 - \frac{a \cdot b}{\|a\|\, \|b\|}$$
#
# Three codes lie in an index, one asks. **Before you run the next cell:** which of the three is the nearest to $(2, 0)$
# by each distance?

# %%
import numpy as np

from tinyae import Adam, Autoencoder, Dense, plots
from tinyae.analysis import PCA
from tinyae.applications.retrieval import Index, PowerWhitening, codes_of, precision_at_k
from tinyae.datasets import load

stored = np.array([[9.0, 1.0], [1.0, 1.0], [-2.0, 0.0]])
asks = np.array([[2.0, 0.0]])

# %%
length = np.linalg.norm(stored - asks, axis=1)
angle = 1 - stored @ asks[0] / (np.linalg.norm(stored, axis=1) * np.linalg.norm(asks))
for name, by_hand in (("euclidean", length), ("cosine", angle)):
    rows, distances = Index(stored, distance=name).neighbours(asks, k=3)
    assert np.array_equal(rows[0], by_hand.argsort()) and np.allclose(distances[0], np.sort(by_hand), atol=1e-6)
    print(f"{name}: rows {rows[0]} at distances {distances[0].round(3)}")

# %% [markdown]
# Row 1 by length, row 0 by angle: cosine takes no notice of how long a code is.
#
# ## How good is an answer?
#
# Somebody has to say what "like" means. The usual stand-in are classes nobody showed to the net: a neighbour is right
# if it shows the same digit as the query. **Precision@k** is the share of right ones among the $k$ nearest, mean over
# the queries,
#
# $$\mathrm{precision@}k = \frac{1}{M k} \sum_{m=1}^{M} \sum_{j=1}^{k} [\, y_{\text{neighbour } j \text{ of } m} = y_m
# \,].$$
#
# **What does an answer by lot score** if the ten digits are about equally common?

# %%
found, wanted = np.array([[3, 3, 5], [7, 1, 7]]), np.array([3, 1])
assert np.isclose(precision_at_k(found, wanted).overall, (2 / 3 + 1 / 3) / 2)

# %%
data = load("auto", limit=4000)
x, y = data.x_train, data.y_train
asking, truth = data.x_test[:500], data.y_test[:500]
by_lot = y[np.random.default_rng(0).integers(len(x), size=(500, 10))]
lot = precision_at_k(by_lot, truth).overall
assert 0.08 < lot < 0.12
print(f"{len(x)} images in the index, {len(asking)} ask; by lot: precision@10 = {lot:.3f}")

# %% [markdown]
# The images that ask are test images: neither the net nor the index has seen them. (An image that is in the index finds
# itself first, at distance 0. That is no merit: `neighbours(..., exclude=rows)` leaves it out.)
#
# ## The net, and what it has to beat
#
# A code of 32 linear numbers, 784-256-32-256-784. Its rivals: the same net **untrained**, with its random first
# weights; **PCA** with 32 numbers; and the **pixels** as they are. **Put the four in order** before you go on.


# %%
def net(corruption=None, seed=0):
    encoder = [Dense(256, "relu", init="he"), Dense(32)]
    decoder = [Dense(256, "relu", init="he"), Dense(784, "sigmoid")]
    return Autoencoder(encoder, decoder, "bce", input_shape=784, corruption=corruption, seed=seed)


# %% tags=["work"]
model, untrained = net(), net()
model.fit(x, epochs=15, batch_size=50, optimizer=Adam(2e-3), progress=False)
pca = PCA(x, 32)

# %% [markdown]
# Which number of the net is the code? `trace` shows it: what leaves the encoder's last layer, nothing else. The decoder
# was needed to train; for searching it can be thrown away.

# %%
from tinyae.trace import trace

step = trace(model, asking[:3]).find("encoder.dense_2", "forward")
assert step.y.shape == (3, 32) and np.allclose(step.y, codes_of(model, asking[:3]), atol=1e-5)
step

# %%
from tinyae.tables import plain


def judged(name, codes, queries, **settings):
    row = {"codes": name, "size": codes.shape[1]}
    for distance in ("euclidean", "cosine"):
        index = Index(codes, y, distance=distance, **settings)
        row[distance] = index.precision(queries, truth, k=10).overall
    return row


# %% tags=["work"]
rows = {"pixels": judged("pixels", x, asking), "PCA": judged("PCA", pca.encode(x), pca.encode(asking))}
rows["untrained"] = judged("untrained net", codes_of(untrained, x), codes_of(untrained, asking))
rows["net"] = judged("autoencoder", codes_of(model, x), codes_of(model, asking))
columns = [("precision@10", "codes", "{}"), ("numbers", "size", "{}")]
columns += [(distance, distance, "{:.3f}") for distance in ("euclidean", "cosine")]
print(plain(rows.values(), columns))

# %%
assert rows["untrained"]["cosine"] + 0.05 < min(rows[name]["cosine"] for name in ("pixels", "PCA", "net"))
assert abs(rows["net"]["cosine"] - rows["PCA"]["cosine"]) < 0.03
assert -0.01 < rows["net"]["cosine"] - rows["pixels"]["cosine"] < 0.05

# %% [markdown]
# Even an untrained net does far better than the lot: random weights keep some of what distances there are. Training was
# worth a lot beside it. But the autoencoder is about as good as PCA, and both are only a few hundredths better than the
# pixels themselves. What they save is room: 32 numbers an image instead of 784.
#
# That is no accident. Pixels are good neighbours where all images are centred and of one size, and nothing in the
# training asked for more: squared errors and cross-entropies count pixels too. A "4" a little to the right is another
# image, and the code has to say so.
#
# ## Ask for something else
#
# If a bent or shifted digit should count as the same, say so in training: show the net **warped** images and ask for
# the unwarped ones. That is denoising (tutorial 13) with another kind of noise. `Warp` turns, stretches, shears and
# shifts each image by random amounts, new ones every time.

# %%
from tinyae.warping import Warp

warp = Warp()


def bent(batch, rng):
    return warp(batch.reshape(-1, 28, 28, 1), rng).reshape(len(batch), -1)


shown = bent(np.repeat(asking[:1], 8, axis=0), np.random.default_rng(0))
plots.reconstruction_rows([("shown", shown), ("asked for", np.repeat(asking[:1], 8, axis=0))], (28, 28, 1))

# %% [markdown]
# **Predict:** will its reconstructions of test images be better or worse than the plain net's? And its neighbours?

# %% tags=["work"]
warped = net(bent)
warped.fit(x, epochs=20, batch_size=50, optimizer=Adam(2e-3), progress=False)
stored, queries = codes_of(warped, x), codes_of(warped, asking)
rows["warped"] = judged("trained on warped", stored, queries)

# %%
loss = {name: m.evaluate(asking)["loss"] for name, m in (("plain", model), ("warped", warped))}
print(plain(rows.values(), columns))
print(f"cross-entropy of test images: plain {loss['plain']:.1f}, trained on warped {loss['warped']:.1f} nats")
others = max(rows[name][d] for name in ("pixels", "PCA", "net") for d in ("euclidean", "cosine"))
gain = max(rows["warped"]["euclidean"], rows["warped"]["cosine"]) - others
assert gain > (0.01 if data.name == "mnist" else -0.005)
assert loss["warped"] > loss["plain"]

# %% [markdown]
# It reconstructs much worse, and its neighbours are better: clearly so on MNIST, by little or nothing on the built-in
# digits, which leave little to gain. A reconstruction error is not a measure of a code: decide what the code is for,
# and measure that.
#
# ## Look at the answers
#
# Five queries, the six nearest of each. Frames say whether the class is right: blue for right, dashed orange for wrong.

# %%
from tinyae.plots.retrieval import neighbour_rows, precision_by_class

index = Index(stored, y)
neighbours, distances = index.neighbours(queries, k=10)
right = (y[neighbours] == truth[:, None]).mean(axis=1)
chosen = [*np.flatnonzero(right == 1)[:2], *np.flatnonzero(right < 0.5)[:3]]
assert np.isclose(right.mean(), rows["warped"]["cosine"])

# %% tags=["thumbnail"]
answers = []
for i in chosen:
    near = neighbours[i][:6]
    row = {"query": asking[i], "name": f"test image {i}", "label": str(truth[i])}
    answers.append(row | {"images": x[near], "distances": distances[i][:6], "labels": [str(c) for c in y[near]]})
neighbour_rows(answers, (28, 28, 1), "Two good answers and three bad ones", unit="above each image: cosine distance")

# %% [markdown]
# The first two rows were chosen because all ten neighbours are right, the last three because fewer than half are. Is a
# "wrong" neighbour always a bad answer? Some of these queries would puzzle you, too. And which digits are hard?

# %% tags=["work"]
series = []
for name, codes, ask in (("trained on warped", stored, queries), ("pixels", x, asking)):
    result = Index(codes, y).precision(ask, truth, k=10)
    series.append((name, result.overall, result.by_class))
precision_by_class(series, {c: str(c) for c in range(10)}, k=10)

# %%
hardest = min(series[0][2], key=series[0][2].get)
assert series[0][2][hardest] < series[0][1]
print(f"hardest: {hardest}, with {series[0][2][hardest]:.2f} beside {series[0][1]:.2f} over all")

# %% [markdown]
# ## One more turn: whitening
#
# The longest axes of a code often say how much ink there is, or how slanted the digit is, and distances are mostly made
# of them. `PowerWhitening` turns the codes to their principal axes and divides each by its variance to the power 1/4.
# **Fair play:** PCA gets it as well.

# %%
whitened = {"trained on warped": (stored, queries), "PCA": (pca.encode(x), pca.encode(asking))}
table = [judged(f"{name}, whitened", *codes, whitening=PowerWhitening(codes[0])) for name, codes in whitened.items()]
print(plain([rows["warped"], rows["PCA"], *table], columns))
assert table[0]["cosine"] > table[1]["cosine"]
assert max(abs(table[0]["cosine"] - rows["warped"]["cosine"]), abs(table[1]["cosine"] - rows["PCA"]["cosine"])) < 0.04

# %% [markdown]
# With codes of 32 numbers it changes little here, for better or worse. It is worth a try with wide codes, which have
# more axes of hardly any variance.
#
# **Recap.**
# - Codes of images are compared by distance or angle; the decoder is only needed for training.
# - Judge by precision@k on images that nobody trained on, beside pixels, PCA, an untrained net and the lot.
# - An autoencoder's code is about as good as PCA's here. Ask for more in training, and it is better.
# - Worse reconstructions, better neighbours: both are possible at once.
#
# **Exercises** ([solutions](solutions/16_image_search.py))
# 1. What is precision@k when $k$ is the number of images in the index? Work it out from the class counts, then check.
# 2. Draw precision@10 of PCA against the number of components: 2, 4, 8, 16, 32, 64, 128. Why does it not go on rising?
# 3. Turn every query by 90 degrees. What becomes of precision@10 with pixels? And if the index holds all four turns of
#    each image?
