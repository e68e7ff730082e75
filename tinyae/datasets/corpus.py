"""A small made-up corpus: documents about eight subjects of four fields, written by code from a seed.

Each field has words of its own and so has each subject; the rest is common to all. Within each list words follow Zipf's
law: the r-th is 1/r as frequent as the first. A document draws how much of it is about its subject, how much about the
field, and then every word. The words are syllables, so that nobody takes the corpus for a real one.
"""

import numpy as np

from tinyae.checks import check_int
from tinyae.datasets.documents import Documents, without_empty
from tinyae.datasets.source import Source

FIELDS, SUBJECTS_OF_FIELD = ("north", "east", "south", "west"), 2
COMMON, OF_FIELD, OF_SUBJECT = 100, 30, 20  # words in each list: 380 in all
USUAL_LENGTH, SPREAD = 40, 0.6  # median number of words in a document, standard deviation of its logarithm
SHARES = (
    6.0,
    1.0,
    1.5,
)  # common words, field, subject: parameters of the Dirichlet distribution of a document's shares
CONSONANTS, VOWELS = "bdfgklmnprstvz", "aeiou"

SOURCE = Source(
    name="corpus",
    title="built-in corpus",
    content="made-up documents about eight subjects, 380 words",
    licence="MIT, as tinyae",
)


def load_corpus(n_train=2000, n_test=1000, seed=0):
    """Write the corpus.

    Parameters
    ----------
    n_train, n_test : int
        Number of documents. The test documents do not depend on `n_train`.
    seed : int
        Same seed, same words and documents.

    Returns
    -------
    Documents
        x (N, 380) float32 counts, the commonest word first; y by subject, a quarter as many fields as families.

    Raises
    ------
    UsageError
        A number is not whole or too small.
    """
    who = "load_corpus"
    n_train, n_test = check_int(who, "n_train", n_train, 1), check_int(who, "n_test", n_test, 1)
    words, train, test = np.random.SeedSequence(check_int(who, "seed", seed, 0)).spawn(3)
    n_subjects = len(FIELDS) * SUBJECTS_OF_FIELD
    chances = _chances(n_subjects)
    x_train, y_train = _write(n_train, chances, np.random.default_rng(train))
    x_test, y_test = _write(n_test, chances, np.random.default_rng(test))
    order = np.argsort(-(x_train > 0).sum(axis=0), kind="stable")
    names = np.array(_made_words(chances.shape[-1], np.random.default_rng(words)))[order]
    train, test = without_empty(x_train[:, order], y_train), without_empty(x_test[:, order], y_test)
    return Documents(
        "corpus", *train[:2], *test[:2], tuple(names.tolist()),
        tuple(f"{FIELDS[s // SUBJECTS_OF_FIELD]} {s % SUBJECTS_OF_FIELD + 1}" for s in range(n_subjects)),
        tuple(FIELDS[s // SUBJECTS_OF_FIELD] for s in range(n_subjects)), train[2], test[2],
    )  # fmt: skip


def _chances(n_subjects):
    """p(word | list) (subject, list, D): for each subject the common words, those of its field, and its own."""
    D = COMMON + len(FIELDS) * OF_FIELD + n_subjects * OF_SUBJECT
    chances = np.zeros((n_subjects, 3, D))
    for s in range(n_subjects):
        field = COMMON + s // SUBJECTS_OF_FIELD * OF_FIELD
        own = COMMON + len(FIELDS) * OF_FIELD + s * OF_SUBJECT
        for k, (start, n) in enumerate(((0, COMMON), (field, OF_FIELD), (own, OF_SUBJECT))):
            zipf = 1 / np.arange(1, n + 1)
            chances[s, k, start : start + n] = zipf / zipf.sum()
    return chances


def _write(n, chances, rng):
    """n documents: counts (n, D) float32 and their subjects (n,), each as often as any other."""
    y = rng.permutation(np.arange(n) % len(chances))
    shares = rng.dirichlet(SHARES, n)
    length = np.maximum(1, np.rint(USUAL_LENGTH * np.exp(SPREAD * rng.normal(size=n)))).astype(int)
    p = np.einsum("nk,nkd->nd", shares, chances[y])
    return rng.multinomial(length, p / p.sum(axis=1, keepdims=True)).astype(np.float32), y


def _made_words(n, rng):
    """n different words of two or three syllables."""
    words = {}
    while len(words) < n:
        syllables = rng.integers(2, 4)
        letters = zip(rng.choice(list(CONSONANTS), syllables), rng.choice(list(VOWELS), syllables), strict=True)
        words["".join(c + v for c, v in letters)] = None
    return list(words)
