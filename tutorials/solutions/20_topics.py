# %% [markdown]
# # Solutions: 20. Topics of documents
# The exercises of [tutorial 20](../20_topics.py).

# %%
import numpy as np

from tinyae.applications.topics import LSA, TermWeights, precision_curve, train
from tinyae.datasets import DownloadError, load_corpus, load_newsgroups
from tinyae.rbm import ReplicatedSoftmax, fit_stack, unroll

try:
    data = load_newsgroups(1000, limit=3000, download=False)
except DownloadError:
    data = load_corpus()

# %% [markdown]
# **1.** Only the terms with $h_j$ differ: $E(v, h_j = 1) - E(v, h_j = 0) = -M c_j - \sum_k v_k W_{kj}$, and the
# probability is the sigmoid of minus that. Without words $M = 0$ and all $v_k = 0$, so it is $\sigma(0)$.

# %%
machine = ReplicatedSoftmax(3, 2, seed=1, dtype=np.float64)
machine.c[:] = [5.0, -7.0]
assert (machine.hidden_mean(np.zeros((1, 3))) == 0.5).all()
v, on, off = np.array([[2.0, 0, 1]]), np.array([[1.0, 1]]), np.array([[0.0, 1]])
t = machine.energy(v, off)[0] - machine.energy(v, on)[0]
assert np.isclose(machine.hidden_mean(v)[0, 0], 1 / (1 + np.exp(-t)))

# %% [markdown]
# **2.** Two numbers are too few, five are better, ten better still. On the built-in corpus, with its eight subjects,
# more than ten add nothing: what is left is chance. Real posts are about more than twenty things and go on gaining.

# %% tags=["work"]
weights = TermWeights.of(data.x_train)
x_train, x_test, labels = weights(data.x_train), weights(data.x_test[::2]), data.y_test[::2]
found = {k: precision_curve(LSA(x_train, k).encode(x_test), labels, most=7)[6] for k in (2, 5, 10, 20, 50)}
assert found[2] < found[5] < found[10]
print(", ".join(f"{k} numbers {value:.1%}" for k, value in found.items()))

# %% [markdown]
# **3.** Pretraining adds more than fine-tuning does: with so few documents the stack's codes alone find more than a net
# that has never seen a stack. Fine-tuning is what brings the cross-entropy down; on the built-in corpus it adds nothing
# to retrieval.

# %% tags=["work"]
from tinyae.applications.topics.training import SCALE, batch_size

taken = TermWeights.of(data.x_train, SCALE)
settings = {"epochs": 15, "batch_size": batch_size(len(data.x_train)), "visible": "softmax", "progress": False}
stack = fit_stack(taken(data.x_train), (200, 10), seed=0, **settings)[0]
codes = {"stack": unroll(stack).encode(taken(data.x_test[::2]))}
for name, pretraining in (("no pretraining", 0), ("both", 15)):
    net = train(data.x_train, data.words, 10, hidden=(200,), pretraining=pretraining, epochs=30, progress=False)[0]
    codes[name] = net.encode(data.x_test[::2])
found = {name: precision_curve(code, labels, most=7)[6] for name, code in codes.items()}
assert found["no pretraining"] < min(found["stack"], found["both"])
print(", ".join(f"{name} {value:.1%}" for name, value in found.items()))
