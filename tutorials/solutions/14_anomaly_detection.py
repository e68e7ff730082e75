# %% [markdown]
# # Solutions: 14. Anomaly detection
#
# **1.** For $-s$ every pair turns round: 0. A rising function such as $s^3$ changes no pair: 1. Where all scores are
# equal every pair is a tie and counts half: 0.5.

# %%
import numpy as np

from tinyae import Adam, Autoencoder, Dense
from tinyae.analysis import PCA
from tinyae.applications.anomaly import auroc, average_precision, damage
from tinyae.datasets import load

s, y = np.array([0.9, 0.8, 0.4, 0.2]), np.array([1, 1, 0, 0])
assert [auroc(y, s), auroc(y, -s), auroc(y, s**3), auroc(y, 0 * s)] == [1, 0, 1, 0.5]

# %% [markdown]
# **2.** Noise as such cannot be learned: it goes in all directions and a code of 16 numbers has no room for it. So even
# 30 % do little harm, and 100 epochs do not help the net to describe noise. It would be otherwise if the anomalies were
# like each other: then they would be a class of their own, and the net would learn it.


# %%
def scores_of(x, epochs):
    encoder = [Dense(64, "relu", init="he"), Dense(16)]
    decoder = [Dense(64, "relu", init="he"), Dense(784, "sigmoid")]
    net = Autoencoder(encoder, decoder, "mse", input_shape=784)
    net.fit(x, epochs=epochs, batch_size=100, optimizer=Adam(3e-3), progress=False)
    return np.square(net.reconstruct(x) - x).mean(axis=1)


# %% tags=["work"]
clean = load("auto", limit=1500).x_train
for share, epochs in ((0.03, 20), (0.3, 20), (0.3, 100)):
    x, labels = damage(clean, share=share)
    found = average_precision(labels, scores_of(x, epochs))
    assert found > 0.9
    print(f"{share:.0%} damaged, {epochs} epochs: average precision {found:.3f}")

# %% [markdown]
# **3.** Images at half brightness score far *below* the others: there is less ink to get wrong. A squared error knows
# how much is wrong, not whether something is. Inverted images are far from everything, and the distance from the mean
# finds them all. PCA hardly does, if it has been trained on them: they all lie in one direction, far out, so one of its
# 16 components is spent on them, and they are reconstructed like the rest. Trained on clean images it finds them all.
# What is learned well is no anomaly, even if there are only 3 % of it.

# %% tags=["work"]
labels = np.zeros(len(clean), int)
labels[np.random.default_rng(0).choice(len(clean), 45, replace=False)] = 1
seen = {}
for name, other in {"half": clean / 2, "inverted": 1 - clean}.items():
    x = np.where(labels[:, None] == 1, other, clean)
    ways = {"PCA-16": PCA(x, 16).reconstruct(x), "PCA-16 of clean images": PCA(clean, 16).reconstruct(x)}
    ways |= {"mean": x.mean(axis=0)}
    seen[name] = {way: auroc(labels, np.square(back - x).mean(axis=1)) for way, back in ways.items()}
    print(f"{name:9}", {way: round(value, 3) for way, value in seen[name].items()})

# %%
assert max(seen["half"].values()) < 0.1
assert seen["inverted"]["PCA-16"] < 0.75 and seen["inverted"]["mean"] > 0.99
assert seen["inverted"]["PCA-16 of clean images"] > 0.99
