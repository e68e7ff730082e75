"""Precision@k of an autoencoder's codes beside what they have to beat: raw pixels, PCA, a net nobody trained."""

import numpy as np

from tinyae.analysis import PCA
from tinyae.applications.retrieval.codes import POWER, codes_of
from tinyae.applications.retrieval.index import DISTANCES, Index
from tinyae.applications.retrieval.whitening import PowerWhitening
from tinyae.baselines import WIDEST_PCA

AUTOENCODER = "autoencoder"


def compare(
    model, x, labels, train, test, *, untrained=None, k=10, power=POWER, plain="pixels as they are", threads=None,
    say=lambda text: None,
):  # fmt: skip
    """Some images ask for their k nearest among all others, by each method and each distance.

    Parameters
    ----------
    model : Autoencoder
    x : array (N, D)
        All images, as rows.
    labels : integer array (N,)
    train, test : integer arrays
        Rows that principal components and whitening are learned from, and rows that ask.
    untrained : Autoencoder, optional
        The same net with its initial weights.
    k : int
    power : float
        Of `PowerWhitening`.
    plain : str
        What x itself is called among the methods.
    threads : int, optional
    say : function of str
        Told of every method before it is measured.

    Returns
    -------
    list of dict
        A row for each method: `method`, `size` (numbers in a code), and for each of DISTANCES a Precision.
    """
    rows = []
    for name, codes, whitening in _methods(model, untrained, x, train, power, plain, threads):
        say(f"precision@{k} of {name}")
        row = {"method": name, "size": codes.shape[1]}
        for distance in DISTANCES:
            index = Index(codes, labels, distance=distance, whitening=whitening)
            row[distance] = index.precision(codes[test], np.asarray(labels)[test], k, exclude=test, threads=threads)
        rows.append(row)
    return rows


def _methods(model, untrained, x, train, power, plain, threads):
    """(name, codes (N, d), whitening or None) of each method, one after the other."""
    codes = codes_of(model, x, threads)
    yield from _whitened_and_not(AUTOENCODER, codes, train, power)
    if untrained is not None:
        yield from _whitened_and_not("untrained net", codes_of(untrained, x, threads), train, power)
    d = codes.shape[1]
    if d < x.shape[1] <= WIDEST_PCA:
        yield from _whitened_and_not(f"PCA-{d}", PCA(x[train], d).encode(x), train, power)
    yield plain, x, None


def _whitened_and_not(name, codes, train, power):
    if power:
        yield f"{name}, whitened", codes, PowerWhitening(codes[train], power)
    yield name, codes, None


def best_baseline(rows):
    """The row and the distance with the highest precision among the methods that are not the autoencoder."""
    others = [(row, distance) for row in rows if not row["method"].startswith(AUTOENCODER) for distance in DISTANCES]
    return max(others, key=lambda pair: pair[0][pair[1]].overall)
