# %% [markdown]
# # 20. Topics of documents: softmax, replicated softmax, and LSA beside it
#
# **Goal.** Turn documents into a few numbers that say what they are about, find documents about the same thing, and
# say which words each number stands for. **Needs** tutorials 3 (losses) and 17 (RBM), and 7 (PCA) for the comparison.
# **Takes** 20 seconds to run, 50 minutes to read.
#
# A document becomes a row of counts: how often each word of a list stands in it. The order of the words is given up.

# %%
import numpy as np

from tinyae import Autoencoder, Dense, Softmax, plots
from tinyae.datasets import DownloadError, load_corpus, load_newsgroups
from tinyae.losses import CategoricalCrossEntropy
from tinyae.trace import trace

try:
    data = load_newsgroups(1000, limit=3000, download=False)  # posts of 1993 in 20 groups, where they are on disk
except DownloadError:
    data = load_corpus()  # written by code, in made-up words, about eight subjects
data

# %% [markdown]
# **Before you run the next cell:** guess which share of the words of the list stands in a typical document.

# %%
counts = data.x_train
share = (counts > 0).mean()
assert share < 0.1 and counts.shape[1] == len(data.words)
print(f"{np.median(counts.sum(axis=1)):.0f} words in a typical document, {share:.1%} of the list")
row = np.argsort(-counts[0], kind="stable")[:8]
print(f"one of {data.class_names[data.y_train[0]]}:", ", ".join(f"{data.words[k]} {counts[0, k]:.0f}" for k in row))

# %% [markdown]
# ## A die with many faces
#
# Counts are neither pixels nor stars. A document of $M$ words is a die thrown $M$ times, and what we want to know are
# the die's chances $x'_k$. A **softmax** gives numbers that can be chances, and the loss is minus the log of what they
# say of the words that came:
#
# $$x'_k = \frac{e^{a_k}}{\sum_l e^{a_l}}, \qquad l = -\sum_k x_k \log x'_k, \qquad
# \frac{\partial l}{\partial a_k} = M x'_k - x_k$$
#
# (tutorial 3 derives it). Two documents, five words, a code of two numbers:

# %%
few = np.array([[3.0, 1, 0, 0, 0], [0, 0, 2, 0, 4]])
net = Autoencoder([Dense(2)], [Dense(5), Softmax()], CategoricalCrossEntropy(), input_shape=5, dtype=np.float64)
steps = trace(net, few, optimizer="sgd")
steps.find("Softmax")

# %% [markdown]
# **Predict:** what is the sum of the gradient $\partial l / \partial a_k$ over the words of a document? (The chances
# add up to 1 and the counts to $M$.)

# %%
loss = steps.find("CategoricalCrossEntropy")
assert np.allclose(loss.dx.sum(axis=1), 0)
by_hand = few.sum(axis=1, keepdims=True) * loss.output - few
assert np.allclose(loss.dx, by_hand / 2) and loss.check().passed  # the mean over two documents
print(loss.why(0, 1, of="dx"))

# %% [markdown]
# It is 0: what one word gains the others lose. In a softmax words compete, and pushing the right ones up pushes all
# others down.

# %%
loss

# %% [markdown]
# ## What a loss of words means
#
# We divide each document by its length, so that $x_k$ are shares and all documents weigh the same; the loss is then in
# nats *a word*, and $e^l$ is the number of words among which one could just as well throw a fair die. **Guess** that
# number for a model that knows how common each word is and nothing about the document.

# %%
from tinyae.applications.topics import TermWeights, shares
from tinyae.losses.softmax import categorical_cross_entropy, categorical_floor

held = shares(data.x_test)
floor = categorical_floor(held)
nothing = categorical_cross_entropy(held, np.broadcast_to(shares(counts).mean(axis=0), held.shape))
assert floor < nothing < np.log(len(data.words))
for name, nats in (("floor", floor), ("mean document", nothing), ("all words alike", np.log(len(data.words)))):
    print(f"{name:<16} {nats:.2f} nats a word, as hard as a fair die of {np.exp(nats):.0f} faces")

# %% [markdown]
# The floor is a net that gives every document's own shares back. It is out of reach: a document is a handful of throws,
# and which of the probable words fell is chance.
#
# ## Which words count
#
# A word that stands in every document says nothing about this one. So the *inputs* are weighted (TF-IDF),
#
# $$w_k = \log(1 + x_k) \, \log \frac{N}{1 + n_k}, \qquad n_k \text{ of the } N \text{ documents have word } k,$$
#
# and then brought to the same length. The targets stay shares of plain counts.

# %%
weights = TermWeights.of(counts)
documents = (counts > 0).sum(axis=0)
assert np.allclose(weights.idf, np.maximum(np.log(len(counts) / (1 + documents)), 0), atol=1e-5)
common, rare = documents.argmax(), documents.argmin()
assert weights.idf[common] < weights.idf[rare]
for k in (common, rare):
    print(f"{data.words[k]}: in {documents[k]} of {len(counts)} documents, weight {weights.idf[k]:.2f}")

# %% [markdown]
# ## The replicated softmax
#
# A deep net with sigmoid units starts better from a stack of RBMs (tutorial 18). But the RBM of tutorial 17 has visible
# units that are 0 or 1. Salakhutdinov and Hinton (2009) give each *word of the document* a softmax unit of its own, all
# with the same weights. Then only the counts $v_k$ matter, and the document's length $M$:
#
# $$E(v, h) = -\sum_k v_k b_k - M \sum_j c_j h_j - \sum_{kj} v_k W_{kj} h_j$$
#
# $$p(h_j = 1 | v) = \sigma\Big(M c_j + \sum_k v_k W_{kj}\Big), \qquad
# p(\text{a word is } k | h) = \frac{e^{b_k + \sum_j W_{kj} h_j}}{\sum_l e^{b_l + \sum_j W_{lj} h_j}}$$
#
# With three words in the list and two hidden units, all documents of two words can be listed.

# %%
from tinyae.rbm import ReplicatedSoftmax
from tinyae.rbm.exact import all_states
from tinyae.rbm.replicated_softmax import log_likelihood

machine = ReplicatedSoftmax(3, 2, dtype=np.float64)
machine.W[:] = [[2.0, 0.0], [1.0, -1.0], [-1.0, 1.5]]
machine.b[:], machine.c[:] = [0.5, 0.0, 0.2], [-0.3, 0.1]
sequences = [(first, second) for first in range(3) for second in range(3)]
v, h = np.array([np.bincount(pair, minlength=3) for pair in sequences], float), all_states(2)

# %%
energy = np.array([[machine.energy(row[None], other[None])[0] for other in h] for row in v])
joint = np.exp(-energy)
joint /= joint.sum()  # over all orders of the words: 9 sequences, 4 states
assert np.allclose(machine.hidden_mean(v), joint @ h / joint.sum(axis=1, keepdims=True))
logits = machine.b + h @ machine.W.T
assert np.allclose(machine.visible_mean(h), np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True))
assert np.isclose(log_likelihood(machine, v), np.log(joint.sum(axis=1)).mean())

# %% [markdown]
# Why is the hidden bias multiplied by the length? **Predict** what a document repeated word for word does to a hidden
# unit's input.

# %%
once = np.array([[3.0, 1, 0]])
t = once.sum() * machine.c + once @ machine.W  # the two hidden units' inputs
assert np.allclose(machine.hidden_mean(2 * once), 1 / (1 + np.exp(-2 * t)))
print("inputs", t.round(2), "and of the document twice", (2 * t).round(2))

# %% [markdown]
# All of the input doubles: the unit is surer of the same thing. With a bias that did not grow, long documents would
# drown it and short ones would hear nothing else.
#
# Contrastive divergence is as in tutorial 17, with the two formulas above. Sixteen hidden units on the
# weighted counts:

# %% tags=["work"]
from tinyae import fit_rbm
from tinyae.rbm.replicated_softmax import log_shares, usual_length

taken = TermWeights.of(counts, scale=8.0)(counts)  # weighted, and long enough to count as documents
rbm = ReplicatedSoftmax(len(data.words), 16, length=usual_length(taken), seed=0)
rbm.b[:] = log_shares(taken)
watched = fit_rbm(rbm, taken, epochs=15, batch_size=40, progress=False)
assert watched["reconstruction_error"][-1] < watched["reconstruction_error"][0]

# %% [markdown]
# Which words does a hidden unit speak for? Those with the largest weights. Behind each word we print the group whose
# documents have most of it, and that group's share: what a reader of the language would know, and the net is never
# told.

# %%
by_group = np.array([counts[data.y_train == g].sum(axis=0) for g in range(len(data.class_names))])


def told(word):
    column = by_group[:, data.words.index(word)]
    return f"{word} ({data.class_names[column.argmax()]}, {column.max() / column.sum():.0%})"


clearest = np.argsort(-rbm.W.std(axis=0))[:3]
for j in clearest:
    strongest = np.argsort(-rbm.W[:, j])[:4]
    print(f"unit {j}:", ", ".join(told(data.words[k]) for k in strongest))
top_share = (by_group.max(axis=0) / by_group.sum(axis=0))[np.argsort(-rbm.W, axis=0)[:4]].mean()
assert top_share > (by_group.max(axis=0) / by_group.sum(axis=0)).mean()  # clearer than a word of the list

# %% [markdown]
# ## The deep net
#
# `train` pretrains a stack (a replicated softmax, then a machine with a linear code), unrolls it, and fine-tunes with
# the cross-entropy above, half of the input words missing: the code has to hold what a document is *about*, as the
# words themselves may not be there. The groups are used nowhere.

# %% tags=["work"]
from tinyae.applications.topics import train
from tinyae.applications.topics.training import untrained_net

topics, histories = train(counts, data.words, 10, hidden=(200,), epochs=30, progress=False)
reached = topics.cross_entropy(data.x_test)
assert np.isclose(reached["floor"], floor, atol=1e-3) and floor < reached["net"] < reached["mean_document"]
print(f"floor {floor:.2f}, net {reached['net']:.2f}, mean document {reached['mean_document']:.2f} nats a word")

# %%
series = {"training, half of the words missing": histories["fine-tuning"]["loss"]}
plots.loss_curves([("cross-entropy, nats a word", series, {"floor": floor, "mean document": nothing})])

# %% [markdown]
# ## LSA beside it
#
# The linear code of documents is older: **latent semantic analysis** takes the singular vectors of the weighted counts,
# $X = U S V^T$, and codes a document as $x V_k$. PCA without taking the mean off: of all linear codes of $k$
# numbers it loses the least squared error.

# %%
from tinyae.applications.topics import LSA

x_train, x_test = weights(counts), weights(data.x_test)
lsa = LSA(x_train, 10)
V = np.linalg.svd(x_train, full_matrices=False)[2][:10].T
assert np.allclose(np.abs(V.T @ lsa.components), np.eye(10), atol=1e-2)  # the same directions, up to the sign

# %% [markdown]
# Which code is the better one? Every other test document asks for its neighbours by cosine, and we count how many of
# the first $n$ found are of its group. **Predict** the order of: the net, the same net untrained, LSA, and all the
# words (TF-IDF) with no code at all.

# %% tags=["work"]
from tinyae.applications.topics import precision_curve
from tinyae.applications.topics.retrieval import chance

asking = slice(None, None, 2)
labels = data.y_test[asking]
codes = {"autoencoder, 10 numbers": topics.encode(data.x_test), "LSA, 10 numbers": lsa.encode(x_test)}
codes[f"TF-IDF, {len(data.words)} numbers"] = x_test
codes["untrained net"] = untrained_net(len(data.words), (200,), 10, 15, seed=0).encode(x_test)
curves = [(name, precision_curve(code[asking], labels, most=63)) for name, code in codes.items()]
curves.append(("chance", np.full(63, chance(labels))))

# %%
from tinyae.plots.topics import retrieval_curves, topic_map

retrieval_curves(curves)

# %%
net_curve, lsa_curve, words_curve, untrained_curve, by_chance = (curve for _, curve in curves)
assert (net_curve > untrained_curve).all() and (untrained_curve > by_chance).all()
assert net_curve[62] > words_curve[62] and abs(net_curve - lsa_curve).max() < 0.06
for n in (1, 7, 63):
    print(f"first {n:>2}: net {net_curve[n - 1]:.1%}, LSA {lsa_curve[n - 1]:.1%}, all words {words_curve[n - 1]:.1%}")

# %% [markdown]
# Ten numbers find what a document is about; among many neighbours they beat all the words, which only match where two
# documents happen to use the same ones. But the net and LSA are within 6 percentage points of each other everywhere.
# A few thousand documents are not enough for more: on all of 20 Newsgroups a deeper net is clearly ahead of LSA with as
# many numbers, in the table of the [README](../README.md#results). **Print LSA first**: it takes a second.
#
# ## Maps, neighbours, words


# %% tags=["thumbnail"]
def plane(code):
    centred = code - code.mean(axis=0)
    return centred @ np.linalg.svd(centred, full_matrices=False)[2][:2].T


panels = [(name, plane(codes[name])) for name in ("autoencoder, 10 numbers", "LSA, 10 numbers")]
topic_map(panels, data.y_test, data.class_names, data.families, axes="principal component")

# %% [markdown]
# Two of ten dimensions, and colours that neither has seen. The nearest documents of a few:

# %%
from tinyae.applications.topics import nearest

code = codes["autoencoder, 10 numbers"]
for query in (0, len(code) // 2):
    found, cosines = nearest(code, query, n=5)
    print(f"{data.class_names[data.y_test[query]]}:")
    print("   ", ", ".join(f"{data.class_names[data.y_test[k]]} {c:.2f}" for k, c in zip(found, cosines, strict=True)))

# %% [markdown]
# And what does a single number of the code stand for? `strongest_words` moves it up and down from the mean code,
# decodes both, and names the words whose shares change most.

# %%
from tinyae.applications.topics import strongest_words

ends = strongest_words(topics, topics.encode(counts), n=4)
for end in ends[:4]:
    print(f"number {end['unit']}, high:", ", ".join(map(told, end["high"])))
    print(f"{'low:':>15}", ", ".join(map(told, end["low"])))
assert len(ends) == 10 and all(set(end["high"]).isdisjoint(end["low"]) for end in ends)

# %% [markdown]
# The ends of a number are mixtures: nothing makes the net give each subject a number of its own. The code *as a whole*
# holds the subject, which is what the neighbours showed.
#
# **Recap.**
# - Counts: softmax and categorical cross-entropy. The gradient of a document adds up to 0, for words compete.
# - Nats a word stand between the floor and the mean document; $e^l$ is the number of faces of a fair die.
# - The replicated softmax is an RBM for counts; its hidden biases grow with the document.
# - LSA is the mark to beat, and with few documents it is hardly beaten.
#
# **Exercises** ([solutions](solutions/20_topics.py))
# 1. Write $p(h_j = 1 | v)$ of the replicated softmax from its energy, and check on the small machine that a document
#    without any words leaves all hidden units at 1/2, whatever the weights and biases.
# 2. LSA with 2, 5, 10, 20 and 50 numbers: how many of the first 7 found are of the query's group?
# 3. What do pretraining and fine-tuning add? Compare the first 7 found by the codes of the unrolled stack, of a net
#    trained without pretraining (`pretraining=0`: it has ReLUs then), and of the net with both.
