"""Pretraining and fine-tuning of the net for documents."""

import numpy as np

from tinyae.applications.topics.model import TopicModel
from tinyae.applications.topics.weights import TermWeights, shares
from tinyae.architectures import TOPIC_HIDDEN, topic_autoencoder
from tinyae.checks import UsageError, check_int
from tinyae.corruption import Masking
from tinyae.optimizers import Adam
from tinyae.rbm import fit_stack, unroll
from tinyae.schedules import Cosine

# Chosen on the last fifth of each group's training posts of 20 Newsgroups, by retrieval at k = 10; such runs are in
# tinyae/experiments/hinton2006/documents_runs.csv.
PRETRAINING, EPOCHS, RATE, MASKED = 15, 30, 3e-3, 0.5
# Of few documents smaller batches, or training would end after a few hundred updates: learning from 2,400 posts, 42 %
# of the first 7 retrieved were of the query's group with batches of 48, 43 % with 24, 34 % with 100; LSA-10: 41 %.
BATCH, SMALLEST_BATCH, BATCHES = 100, 10, 50
SCALE = 8.0  # length of a weighted document: what the machines take for its counts


def train(
    counts, words, code_size=10, *, hidden=TOPIC_HIDDEN, pretraining=PRETRAINING, epochs=EPOCHS, seed=0, threads=None,
    progress=True, checkpoint=None,
):  # fmt: skip
    """A net D-500-250-125-k and back for documents: a stack of RBMs, unrolled, then fine-tuned.

    The first machine is a replicated softmax on weighted counts (`TermWeights`), the others Bernoulli, the code linear.
    Fine-tuning gives the net weighted documents with half of their words missing, and asks for the shares of all the
    words (Adam, a rate that falls to 0, categorical cross-entropy): a code has to hold what the document is about, as
    the words themselves may not be there.

    Parameters
    ----------
    counts : array (N, D)
        Training documents; those without words are left out.
    words : sequence of str
        The D words.
    code_size : int
    hidden : sequence of int
    pretraining : int
        Epochs of each RBM. 0: none; sigmoid units do not start without it, so the hidden units are then ReLUs.
    epochs : int
        Of fine-tuning.
    seed : int
    threads : int, optional
    progress : bool
    checkpoint : path or Checkpoint, optional
        Of fine-tuning; the machines are trained again, to the same bits.

    Returns
    -------
    TopicModel
    histories : dict
        "pretraining": a History for each machine; "fine-tuning": History.
    """
    counts = np.asarray(counts)
    pretraining, code_size = (
        check_int("train", "pretraining", pretraining, 0),
        check_int("train", "code_size", code_size, 1),
    )
    if counts.ndim != 2 or counts.shape[1] != len(words):
        raise UsageError(f"train: expected counts of shape (N, {len(words)}), got {counts.shape}.")
    counts = counts[counts.any(axis=1)]
    if len(counts) < 2:
        raise UsageError(f"train: expected at least two documents with words, got {len(counts)}.")
    weights = TermWeights.of(counts, SCALE)
    x = weights(counts)
    histories, net = {"pretraining": []}, untrained_net(len(words), hidden, code_size, pretraining, seed)
    batch = batch_size(len(x))
    if pretraining:
        rbms, histories["pretraining"] = fit_stack(
            x, (*hidden, code_size), epochs=pretraining, batch_size=batch, visible="softmax", seed=seed,
            threads=threads, progress=progress,
        )  # fmt: skip
        net.theta[:] = unroll(rbms).theta
    net.corruption = Masking(MASKED)
    histories["fine-tuning"] = net.fit(
        x, shares(counts), epochs=epochs, batch_size=batch, optimizer=Adam(Cosine(RATE, warmup=0.02)), seed=seed,
        threads=threads, progress=progress and "fine-tuning", checkpoint=checkpoint,
    )  # fmt: skip
    return TopicModel(net, weights, words), histories


def batch_size(n):
    """Documents in a batch, of n in all: BATCH, or fewer so that an epoch has BATCHES of them."""
    return min(max(n // BATCHES, SMALLEST_BATCH), BATCH)


def untrained_net(n_words, hidden, code_size, pretraining, seed):
    """The net with its random weights."""
    units = {} if pretraining else {"hidden_activation": "relu", "init": "he"}
    return topic_autoencoder(n_words, hidden, code_size, seed=seed, **units)
