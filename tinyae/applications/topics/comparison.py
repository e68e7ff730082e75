"""The net's codes beside what they have to beat: LSA at the same size, TF-IDF, a net nobody trained, chance."""

from dataclasses import dataclass

import numpy as np

from tinyae.applications.topics.lsa import LSA
from tinyae.applications.topics.retrieval import POINTS, chance, precision_curve
from tinyae.applications.topics.weights import TermWeights

SHARPER = 2.0  # power of idf of the second LSA; of 1, 1.5 and 2 it retrieved best on held-out training posts


@dataclass
class Scores:
    """How one method retrieves.

    Attributes
    ----------
    method : str
    size : int or None
        Numbers in a code.
    curve : array
        Precision among the first 1, 2, ... retrieved (`precision_curve`).
    codes : array (N, size) or None
        Of the test documents.
    """

    method: str
    size: int | None
    curve: np.ndarray
    codes: np.ndarray | None = None

    def at(self, n):
        """Precision among the first n; None where there are fewer documents."""
        return float(self.curve[n - 1]) if n <= len(self.curve) else None

    def row(self):
        """As a row of a table: {"method": ..., "size": ..., "at_1": ..., "at_3": ...}."""
        return {"method": self.method, "size": self.size} | {f"at_{n}": self.at(n) for n in POINTS}


def compare(topics, untrained, x_train, x_test, labels, *, distance=None, threads=None, say=lambda text: None):
    """Each test document asks for others of its group, by every method.

    Parameters
    ----------
    topics : TopicModel
    untrained : Autoencoder or None
        Its net with the initial weights.
    x_train, x_test : arrays (N, D)
        Counts; LSA and the weights are learned from the first.
    labels : integer array
        Groups of the test documents.
    distance : {"cosine", "euclidean"}, optional
        Without it cosine; euclidean for codes of two numbers, where a cosine would see one angle.
    threads : int, optional
    say : function of str

    Returns
    -------
    list of Scores
        The net's first.
    """
    k = topics.code_size
    distance = usual_distance(k) if distance is None else distance
    scores = []
    for method, size, codes in _methods(topics, untrained, x_train, x_test, threads):
        say(f"retrieval by {method}")
        curve = precision_curve(codes, labels, distance=distance)
        scores.append(Scores(method, size, curve, codes if size == k else None))
    scores.append(Scores("chance", None, np.full(len(scores[0].curve), chance(labels))))
    return scores


def usual_distance(code_size):
    """How codes of that size are compared."""
    return "cosine" if code_size > 2 else "euclidean"


def _methods(topics, untrained, x_train, x_test, threads):
    """(name, size, codes of the test documents) of each method, one after the other."""
    k = topics.code_size
    yield "autoencoder", k, topics.encode(x_test, threads)
    plain, sharp = TermWeights.of(x_train), TermWeights.of(x_train, power=SHARPER)
    weighted = plain(x_train)
    yield f"LSA-{k}", k, LSA(weighted, k).encode(plain(x_test))
    if k == 2:  # without the mean, on which the first number would go
        yield f"LSA-{k}, centred", k, LSA(weighted, k, centred=True).encode(plain(x_test))
    yield f"LSA-{k}, idf squared", k, LSA(sharp(x_train), k).encode(sharp(x_test))
    yield "TF-IDF", x_train.shape[1], plain(x_test)
    if untrained is not None:
        yield "untrained net", k, untrained.encode(topics.weights(x_test), threads)


def verdict(scores):
    """Up to how many retrieved documents the net is above each LSA of its size, in a sentence."""
    net, parts = scores[0], []
    for rival in (s for s in scores if s.method.startswith("LSA")):
        better = net.curve > rival.curve
        n = len(better) if better.all() else int(np.argmin(better))
        if n == len(better):
            parts.append(f"better than {rival.method} at every number retrieved, 1 to {n:,}")
        elif n:
            parts.append(f"better than {rival.method} from 1 to {n:,} retrieved, not beyond")
        else:
            parts.append(f"worse than {rival.method} at the first document retrieved")
    return f"The autoencoder's {net.size} numbers are " + "; ".join(parts) + "."
