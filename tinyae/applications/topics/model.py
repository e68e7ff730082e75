"""A net for documents together with the words it knows and their weights: counts in, codes and words out."""

import numpy as np

from tinyae.applications.topics.weights import TermWeights, shares
from tinyae.checks import UsageError, check_samples
from tinyae.losses.softmax import categorical_cross_entropy, categorical_floor
from tinyae.storage import load, save


class TopicModel:
    """An autoencoder of documents that takes counts of words.

    Parameters
    ----------
    net : Autoencoder
        Takes weighted documents (N, D), gives shares of words (N, D).
    weights : TermWeights
    words : sequence of str
        The D words.
    """

    def __init__(self, net, weights, words):
        self.net, self.weights, self.words = net, weights, tuple(words)
        for what, n in (("weights", len(weights.idf)), ("words", len(self.words))):
            if net.input_shape != (n,):
                raise UsageError(f"TopicModel: expected {what} for {net.input_shape[0]} words, got {n}.")

    @property
    def code_size(self):
        """How many numbers a code has."""
        return self.net.code_size

    def encode(self, counts, threads=None):
        """Codes (N, k) of documents, counts (N, D)."""
        return self.net.encode(self.weights(counts), threads)

    def decode(self, codes, threads=None):
        """Shares of words (N, D), each row adding up to 1, of codes (N, k)."""
        return self.net.decode(codes, threads)

    def cross_entropy(self, counts, threads=None):
        """Nats a word: -sum_k p_k log p'_k of documents' shares p and the shares p' the net gives, mean over documents.

        Returns
        -------
        dict
            `net`; `floor`, that of p' = p; `mean_document`, where p' is the mean of p.
        """
        check_samples("cross_entropy", counts, self.net.input_shape, "counts")
        p = shares(counts)
        return {
            "net": categorical_cross_entropy(p, self.decode(self.encode(counts, threads), threads)),
            "floor": categorical_floor(p),
            "mean_document": categorical_cross_entropy(p, np.broadcast_to(p.mean(axis=0), p.shape)),
        }

    def save(self, path):
        """Write it as one .npz: a tinyae model whose preprocessing has the words and their weights."""
        about = {"words": list(self.words), "idf": self.weights.idf.tolist(), "scale": self.weights.scale}
        save(self.net, path, preprocessing={"topics": about})


def load_topics(path):
    """The TopicModel in a file written by its `save`; UsageError for any other file."""
    net = load(path)
    about = (net.preprocessing or {}).get("topics") if isinstance(net.preprocessing, dict | None) else None
    try:
        weights, words = TermWeights(about["idf"], about["scale"]), [str(word) for word in about["words"]]
    except (TypeError, KeyError, ValueError):
        raise UsageError(f"load_topics: expected a model of topics with its words, got {path} without them.") from None
    return TopicModel(net, weights, words)
