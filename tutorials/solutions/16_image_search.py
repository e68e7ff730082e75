# %% [markdown]
# # Solutions: 16. Image search with codes
#
# **1.** Then every query gets the whole index, so the precision of a query is the share of its class in the index, and
# the mean is $\sum_c p_c\, q_c$ with the shares $p_c$ in the index and $q_c$ among the queries. No code can change it.

# %%
import numpy as np

from tinyae import plots
from tinyae.analysis import PCA
from tinyae.applications.retrieval import Index
from tinyae.datasets import load

data = load("auto", limit=2000)
x, y = data.x_train, data.y_train
asking, truth = data.x_test[:200], data.y_test[:200]
p, q = np.bincount(y, minlength=10) / len(y), np.bincount(truth, minlength=10) / len(truth)
everything = Index(x, y).precision(asking, truth, k=len(x)).overall
assert np.isclose(everything, p @ q)

# %% [markdown]
# **2.** The first components say which strokes there are. Later ones say how this very hand drew them, and count in the
# distance just the same. With all components, PCA's distances are those of the pixels.

# %% tags=["work"]
sizes, reached = (2, 4, 8, 16, 32, 64, 128), []
for k in sizes:
    pca = PCA(x, k)
    reached.append(Index(pca.encode(x), y, distance="euclidean").precision(pca.encode(asking), truth, k=10).overall)
pixels = Index(x, y, distance="euclidean").precision(asking, truth, k=10).overall
assert reached[0] < reached[2] < max(reached) and abs(reached[-1] - pixels) < 0.02

# %%
figure = plots.Figure(figsize=(5.4, 3.4), layout="constrained")
axis = figure.subplots()
axis.semilogx(sizes, reached, "o-", base=2, color=plots.TRAIN_COLOUR, label="PCA")
axis.axhline(pixels, color=plots.BASELINE_COLOUR, linestyle=":", label="pixels")
axis.set(xlabel="components", ylabel="precision@10")
axis.legend()
figure

# %% [markdown]
# **3.** Pixels know nothing of turns: precision falls to about half or less. An index four times as large brings most
# of it back. (Not all: a turned digit may look like another one.)

# %%
turned = np.rot90(asking.reshape(-1, 28, 28), axes=(1, 2)).reshape(asking.shape)
all_turns = [np.rot90(x.reshape(-1, 28, 28), k, axes=(1, 2)).reshape(x.shape) for k in range(4)]
lost = Index(x, y).precision(turned, truth, k=10).overall
back = Index(np.concatenate(all_turns), np.tile(y, 4)).precision(turned, truth, k=10).overall
upright = Index(x, y).precision(asking, truth, k=10).overall
assert lost < 0.6 * upright and lost + 0.2 < back <= upright
print(f"upright {upright:.2f}, turned {lost:.2f}, turned with all turns in the index {back:.2f}")
