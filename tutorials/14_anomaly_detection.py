# %% [markdown]
# # 14. Anomaly detection: damaged images, heartbeats, thresholds
#
# **Goal.** Find the samples that are unlike the others without a label, choose a threshold and know how many alarms it
# will give, and judge the result fairly, beside PCA and the distance from the mean. **Needs** tutorials 5 (the smallest
# autoencoder) and 7 (PCA). **Takes** 20 seconds to run, 40 minutes to read.
#
# ## The idea
#
# A net with a narrow code has to spend it on what most samples are like. What is unlike them it reconstructs badly. So
# the error of a sample is its **score**, the higher, the stranger:
#
# $$s_n = \frac{1}{D} \sum_k (x'_{nk} - x_{nk})^2$$
#
# Our task: 3 % of the images have been damaged by noise. All images are trained on, the damaged ones too, because
# nobody knows which they are.

# %%
import numpy as np

from tinyae import Adam, Autoencoder, Dense
from tinyae.analysis import PCA
from tinyae.applications.anomaly import auroc, average_precision, by_rule, damage, precision_recall_curve, roc_curve
from tinyae.datasets import load
from tinyae.plots.anomaly import score_curves, score_histogram, strangest_curves, strangest_images

clean = load("auto", limit=3000).x_train
x, labels = damage(clean, share=0.03, sigma=0.5)
damaged = labels == 1
assert damaged.sum() == 90


# %%
def net(seed=0):
    encoder = [Dense(64, "relu", init="he"), Dense(16)]
    decoder = [Dense(64, "relu", init="he"), Dense(784, "sigmoid")]
    return Autoencoder(encoder, decoder, "mse", input_shape=784, seed=seed)


def score(images, reconstructions):
    return np.square(reconstructions - images).mean(axis=1, dtype=np.float64)


# %% [markdown]
# **Before you run the next cells:** with a net that nobody trained, which images get the higher scores, the clean ones
# or the damaged ones? Its outputs are all near 0.5.

# %% tags=["work"]
model = net()
untrained = score(x, model.reconstruct(x))
model.fit(x, epochs=10, batch_size=100, optimizer=Adam(3e-3), progress=False)
scores = score(x, model.reconstruct(x))

# %%
assert untrained[damaged].max() < np.median(untrained[~damaged])
assert np.median(scores[damaged]) > 3 * np.median(scores[~damaged])
for name, s in (("untrained", untrained), ("trained", scores)):
    print(f"{name}: median score {np.median(s[damaged]):.3f} of damaged images, {np.median(s[~damaged]):.3f} of others")

# %% [markdown]
# The wrong way round! A clean digit is black and white, far from 0.5; noise makes grey. A score always says something,
# and not always what you think. Keep an untrained net beside yours.
#
# Now the trained one, its 90 highest scores as alarms:

# %%
threshold = by_rule("quantile", scores, contamination=0.03)
print(threshold)
score_histogram(scores, threshold, damaged)

# %%
strangest = np.argsort(-scores)[:8]
assert damaged[strangest].all() and damaged[threshold.alarms(scores)].mean() > 0.97
expected = model.reconstruct(x[strangest])
notes = [f"{scores[i]:.3f}" for i in strangest]
strangest_images(x[strangest], expected, (expected - x[strangest]) ** 2, notes, (28, 28, 1), "the highest scores")

# %% [markdown]
# ## How good is a score, whatever the threshold?
#
# Take a normal sample and an anomaly by lot: how often has the anomaly the higher score? That is **AUROC**, the area
# under the curve of hits against false alarms. **Work it out** for these six scores before you run the cell:

# %%
s, y = np.array([0.9, 0.8, 0.6, 0.4, 0.3, 0.1]), np.array([1, 0, 1, 0, 0, 0])
pairs = s[y == 1][:, None] > s[y == 0]
assert pairs.sum() == 7 and np.isclose(auroc(y, s), 7 / 8)
print(pairs.astype(int))

# %% [markdown]
# With few anomalies AUROC flatters. Two more questions look at the alarms: of the anomalies, which share is found
# (**recall**)? Of the alarms, which share is right (**precision**)? **Predict:** 3 % are anomalies, all are found, and
# 5 % of the normal ones give a false alarm. What is the precision?

# %%
precision = 0.03 * 1.0 / (0.03 * 1.0 + 0.97 * 0.05)
assert 0.38 < precision < 0.385
print(f"{precision:.0%}: most alarms are false, with a hit rate of 100 % and a false alarm rate of 5 %")

# %% [markdown]
# **Average precision** is the mean precision over all recalls; scores that say nothing have the share of anomalies,
# here 0.03, where AUROC has 0.5. Always look at both.
#
# ## Beside PCA, honestly
#
# Noise of 0.5 is easy to see. How does it go on with less? Beside the net: PCA with as many numbers, and the distance
# from the mean image, which needs no learning to speak of. **Guess** at which noise they begin to fail, and who wins.


# %%
def three_ways(sigma):
    images, labels = damage(clean, share=0.03, sigma=sigma)
    model = net()
    model.fit(images, epochs=10, batch_size=100, optimizer=Adam(3e-3), progress=False)
    linear = np.clip(PCA(images, 16).reconstruct(images), 0, 1)
    ways = {"autoencoder": model.reconstruct(images), "PCA-16": linear, "mean": images.mean(axis=0)}
    return labels, {name: score(images, reconstruction) for name, reconstruction in ways.items()}


# %% tags=["work"]
from tinyae.tables import plain

results = {sigma: three_ways(sigma) for sigma in (0.5, 0.3, 0.2, 0.1)}
rows = []
for sigma, (labels, ways) in results.items():
    rows.append({"noise": sigma} | {name: average_precision(labels, s) for name, s in ways.items()})
print("average precision")
print(plain(rows, [("noise", "noise", "{}"), *((name, name, "{:.3f}") for name in ways)]))

# %%
assert min(rows[0]["autoencoder"], rows[0]["PCA-16"]) > 0.98 and rows[3]["autoencoder"] < 0.2
for row in rows:
    assert row["autoencoder"] < row["PCA-16"] + 0.1
assert rows[1]["mean"] < rows[1]["autoencoder"]

# %% [markdown]
# Nowhere is the net clearly ahead of PCA. Noise goes in all directions, digits in few, and a linear projection is all
# it takes to tell. Where PCA does the job, take PCA: it has no learning rate and no seed. And noise of 0.1 is lost
# among what digits differ by anyway, for all of them.
#
# ## Thresholds
#
# At noise 0.3 normal and damaged overlap, so that a threshold is a choice. Five rules, each with what it has to be
# told. **Predict** for `contamination=0.1`: how many alarms, and how many of them at least are false?

# %%
labels, ways = results[0.3]
damaged, scores = labels == 1, ways["autoencoder"]
rules = {"quantile": {"contamination": 0.1}, "deviations": {"k": 3}, "shape": {}, "budget": {"alarms": 50}}
chosen = {rule: by_rule(rule, scores, **settings) for rule, settings in rules.items()}
chosen["best-f1"] = by_rule("best-f1", scores, labels=labels)
print(*chosen.values(), sep="\n")

# %%
rows = []
for rule, threshold in chosen.items():
    alarms = threshold.alarms(scores)
    found, false = damaged[alarms].sum(), (~damaged)[alarms].sum()
    rows.append({"rule": rule, "alarms": alarms.sum(), "found": found, "false": false})
    assert alarms.sum() == threshold.expected
print(plain(rows, [("rule", "rule", "{}"), *((key, key, "{}") for key in ("alarms", "found", "false"))]))
assert rows[0]["alarms"] == 300 and rows[0]["false"] >= 210 and rows[3]["alarms"] == 50

# %% [markdown]
# `quantile` believes you: told 10 %, it gives 300 alarms, although there are only 90 anomalies. `deviations` takes mean
# and standard deviation from scores that hold the anomalies themselves. `shape` asks for nothing; it looks at the
# middle of the scores, and where anomalies lie in the tail of the normal ones it gives few alarms or none. `budget`
# counts what your people can look at. `best-f1` needs labels, and its number belongs to these very samples. None is the
# right one; each says how many alarms to expect, and that you can check.
#
# ## Heartbeats
#
# ECG5000: beats of one patient with heart failure, 140 numbers each, normal or not. They are used here if they are on
# disk (`$TINYAE_DATA_DIR/ecg5000`). Otherwise we draw waves: bumps with a place, a height and a width, and four ways in
# which a beat can go wrong.

# %%
PLACES, HEIGHTS = np.array([0.18, 0.38, 0.42, 0.46, 0.72]), np.array([0.5, -0.6, 3, -0.9, 0.9])
WIDTHS, TIMES = np.array([0.03, 0.012, 0.012, 0.015, 0.05]), np.linspace(0, 1, 140)


def beats(n, rng, heights=HEIGHTS, late=0.0, wide=1.0):
    place = PLACES + late * np.array([0, 1, 1, 1, 0]) + 0.012 * rng.normal(size=(n, 5))
    height, width = heights * (1 + 0.15 * rng.normal(size=(n, 5))), wide * WIDTHS * (1 + 0.1 * rng.normal(size=(n, 5)))
    bumps = height[..., None] * np.exp(-(((TIMES - place[..., None]) / width[..., None]) ** 2) / 2)
    waves = bumps.sum(axis=1) + 0.1 * rng.normal(size=(n, 140))
    return (waves - waves.mean(axis=1, keepdims=True)) / waves.std(axis=1, keepdims=True)


# %%
def made_beats(rng):
    wrong = [
        {"heights": HEIGHTS * [1, 1, 1, 1, -1]},
        {"late": -0.12},
        {"wide": 2.0},
        {"heights": HEIGHTS * [0, 1, 1, 1, 1]},
    ]
    tested = [beats(600, rng), *(beats(100, rng, **how) for how in wrong)]
    return beats(300, rng), np.concatenate(tested), np.repeat([False, True], [600, 400])


# %%
from tinyae import UsageError
from tinyae.datasets import DownloadError
from tinyae.datasets.ecg5000 import load_ecg5000

try:
    ecg = load_ecg5000(download=False)
    normal, tested, ill = ecg.x_train[ecg.y_train == 0], ecg.x_test, ecg.y_test != 0
except (DownloadError, UsageError):
    normal, tested, ill = made_beats(np.random.default_rng(0))
print(f"{len(normal)} normal beats to learn from, {len(tested)} to judge, {ill.sum()} of them abnormal")

# %% [markdown]
# This time we train on normal beats alone. `fit_detector` does what this tutorial did by hand, with two nets and PCA
# averaged. About half of the normal beats stay out of the training; you will see what for. `baselines` gives rivals.

# %% tags=["work"]
from tinyae.applications.anomaly import baselines, fit_detector

order = np.random.default_rng(1).permutation(len(normal))
train, held = normal[order[:150]], normal[order[150:]]
detector = fit_detector(train, scale="none")
ways = {"detector": detector.scores(tested)} | {name: f(tested) for name, f in baselines(detector, train).items()}


# %%
def method(name, s):
    curves = {"roc": roc_curve(ill, s)[:2], "pr": precision_recall_curve(ill, s)[:2]}
    return curves | {"name": name, "auroc": auroc(ill, s), "average_precision": average_precision(ill, s)}


methods = [method(name, s) for name, s in ways.items()]
best_rival = max(m["auroc"] for m in methods[1:])
assert methods[0]["auroc"] > best_rival and methods[1]["auroc"] < 0.5
drawn = len(tested) == 1000
assert drawn or methods[2]["auroc"] < methods[3]["auroc"]  # PCA and the distance from the mean
score_curves(methods, ill.mean())

# %% [markdown]
# Here the nets are ahead. Look at the rivals all the same. On the real heartbeats the distance from the mean beat,
# which takes one line, comes close. PCA with 32 numbers is *behind* it there, because so many components describe
# abnormal beats, too: a code can be too wide for finding anomalies. And the untrained net is again worse than tossing a
# coin.
#
# ## What the threshold promises
#
# We want 5 % false alarms, so we take the 95 % quantile of normal scores. **Of which ones,** those trained on or those
# held back? Predict which promise will be kept.

# %% tags=["thumbnail"]
kept, promises = {}, {"trained on": train, "held back": held}
for name, beats_used in promises.items():
    threshold = by_rule("quantile", detector.scores(beats_used), contamination=0.05)
    alarms = threshold.alarms(ways["detector"])
    kept[name] = alarms[~ill].mean()
    print(f"{name}: promised {threshold.rate:.1%}, false alarms {kept[name]:.1%}, found {alarms[ill].mean():.1%}")
score_histogram(ways["detector"], threshold, ill, "test beats, threshold from beats held back")

# %%
assert kept["trained on"] > kept["held back"] and kept["trained on"] > 0.05

# %% [markdown]
# The nets know the beats they were trained on, so those have lower scores than new normal beats. A threshold from them
# is too low and gives more alarms than promised. Choose thresholds on samples the nets have not seen. (With
# about 150 beats held back the 95 % quantile rests on seven of them: it is still a rough promise.)
#
# ## Why was there an alarm?
#
# The error of each number says where a sample is strange.

# %%
worst = np.argsort(-ways["detector"])[[0, 30, 60]]
errors, expected = detector.explain(tested[worst])
notes = [f"score {ways['detector'][i]:.2f}, {'abnormal' if ill[i] else 'normal'}" for i in worst]
assert np.allclose(errors.mean(axis=1), ways["detector"][worst])
strangest_curves(tested[worst], expected, errors, notes, "three beats of high score")

# %% [markdown]
# A high score says *unlike what I was trained on*, no more. The strangest of all real heartbeats here is labelled
# normal: look at it. What to make of an alarm is for somebody who knows hearts.

# %%
assert drawn or not ill[worst[0]]

# %% [markdown]
# **Recap.**
# - The score is the reconstruction error; the net may be trained on data that hold a few anomalies.
# - AUROC does not see how rare anomalies are; precision does. Look at both, beside an untrained net, PCA and the mean.
# - A threshold is a choice of how many alarms. Choose it on samples that were not trained on.
#
# **Exercises** ([solutions](solutions/14_anomaly_detection.py))
# 1. AUROC is 1 for `s` if all anomalies are above all normal samples. What is it for `-s`, for `s ** 3`, and for `s`
#    with every score rounded to 0?
# 2. Train the net of this tutorial on images of which 30 % are damaged. What becomes of average precision? And with 100
#    epochs instead of 10?
# 3. Damage 3 % of the images in two other ways: half brightness, $x / 2$, and inverted, $1 - x$. Which AUROC has
#    PCA-16, and which the distance from the mean? What changes for $1 - x$ if PCA is trained on clean images alone?
