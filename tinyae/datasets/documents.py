"""Documents as bags of words: counts over a list of words, with the group each document is of."""

from dataclasses import dataclass

import numpy as np

from tinyae.checks import check_shape


@dataclass(frozen=True, eq=False, repr=False)
class Documents:
    """Training and test documents with their groups.

    Attributes
    ----------
    name : str
        "newsgroups" or "corpus".
    x_train, x_test : numpy.ndarray
        (N, D) float32 counts of the D words of `words`; every row has at least one.
    y_train, y_test : numpy.ndarray
        (N,) int64, index into `class_names`. Only to judge codes by.
    words : tuple of str
        The D words, the commonest first.
    class_names : tuple of str
        One name for each group.
    families : tuple of str
        For each group the family of groups it is of, such as "computers"; for pictures.
    rows_train, rows_test : numpy.ndarray
        (N,) where each document stands in its source, from 0: those without any of the words are left out.
    """

    name: str
    x_train: np.ndarray
    y_train: np.ndarray
    x_test: np.ndarray
    y_test: np.ndarray
    words: tuple
    class_names: tuple
    families: tuple
    rows_train: np.ndarray
    rows_test: np.ndarray

    def __post_init__(self):
        who = f"Documents {self.name}"
        for part in ("train", "test"):
            x = getattr(self, f"x_{part}")
            check_shape(who, x, ("N", len(self.words)), f"x_{part}")
            for kind in ("y", "rows"):
                check_shape(who, getattr(self, f"{kind}_{part}"), (len(x),), f"{kind}_{part}")
        check_shape(who, self.families, (len(self.class_names),), "families")

    def __repr__(self):
        return (
            f"Documents({self.name!r}: {len(self.x_train)} training and {len(self.x_test)} test documents, "
            f"{len(self.words)} words, {len(self.class_names)} groups)"
        )


def without_empty(counts, labels, limit=None):
    """(counts, labels, row numbers) of the documents with at least one word; `limit` of them, spread evenly."""
    rows = np.flatnonzero(counts.any(axis=1))
    if limit is not None and limit < len(rows):
        rows = rows[np.linspace(0, len(rows) - 1, limit).astype(int)]
    kept = counts if len(rows) == len(counts) else counts[rows]
    return kept, np.asarray(labels)[rows].astype(np.int64), rows
