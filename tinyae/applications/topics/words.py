"""Which words a number of the code stands for."""

import numpy as np

from tinyae.checks import check_int

STEP = 2.0  # standard deviations


def strongest_words(topics, codes, n=10):
    """The words each number of the code brings in where it is high, and where it is low.

    From the mean code, one number j is moved up and down by two standard deviations, and both codes are decoded to
    shares of words p+ and p-. Words stand by their part of the divergence between the two,

        p+_k log(p+_k / p-_k)   for the high end,      p-_k log(p-_k / p+_k)   for the low one:

    frequent there and rare here.

    Parameters
    ----------
    topics : TopicModel
    codes : array (N, k)
        Of training documents: their means and standard deviations are used.
    n : int

    Returns
    -------
    list of dict
        For each number of the code: `unit` (from 1), `high`, `low` (lists of words, the strongest first), `spread`
        (its standard deviation).
    """
    n = check_int("strongest_words", "n", n, 1)
    mean, spread = codes.mean(axis=0, dtype=np.float64), codes.std(axis=0, dtype=np.float64)
    moved = STEP * np.diag(spread)
    high, low = (topics.decode(mean + sign * moved).astype(np.float64) for sign in (1, -1))
    ratio = np.log(np.maximum(high, 1e-30)) - np.log(np.maximum(low, 1e-30))
    rows = []
    for j in range(codes.shape[1]):
        ends = {}
        for end, part in (("high", high[j] * ratio[j]), ("low", -low[j] * ratio[j])):
            ends[end] = [topics.words[k] for k in np.argsort(-part, kind="stable")[:n] if part[k] > 0]
        rows.append({"unit": j + 1, "spread": float(spread[j]), **ends})
    return rows
