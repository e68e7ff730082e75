"""20 Newsgroups by date: Usenet posts of 1993 as bags of words, some 11,300 to train on and 7,500 later ones to test.

K. Lang, "NewsWeeder: learning to filter netnews", ICML 1995; split by date by J. Rennie. Two forms are read:

    20news-bydate-matlab.tgz and vocabulary.txt    as published: lines "document word count", counted from 1
    20news-bydate-bow.npz                          one file of compressed sparse rows, counted from the raw posts

In the .npz, for s in train, test: row i has the counts s_counts[a:b] of the words s_indices[a:b] (counted from 0) with
a, b = s_indptr[i], s_indptr[i + 1]; s_labels (N,), class_names (20,), vocabulary (V,). They differ in how posts
were cut into words: the published one has 11,269 and 7,505 posts, the other all 11,314 and 7,532.
"""

from typing import NamedTuple

import numpy as np

from tinyae.checks import UsageError, check_int
from tinyae.datasets.documents import Documents, without_empty
from tinyae.datasets.source import Source
from tinyae.datasets.stop_words import STOP_WORDS
from tinyae.datasets.store import find_file, read
from tinyae.files import read_npz

ARCHIVE, VOCABULARY, ROWS = "20news-bydate-matlab.tgz", "vocabulary.txt", "20news-bydate-bow.npz"
PARTS = ("train", "test")
MEMBERS = tuple(f"20news-bydate/matlab/{part}.{kind}" for part in PARTS for kind in ("data", "label"))

SOURCE = Source(
    name="20news",
    title="20 Newsgroups, by date",
    content="word counts of 11,269 + 7,505 Usenet posts of twenty groups, 61,188 words",
    files={ARCHIVE: None, VOCABULARY: None},
    mirrors=("http://qwone.com/~jason/20Newsgroups/",),
    members={ARCHIVE: MEMBERS},
    substitutes=(ROWS,),
    megabytes=8.0,
    citation="K. Lang, NewsWeeder: learning to filter netnews, ICML 1995; arranged by J. Rennie",
    homepage="http://qwone.com/~jason/20Newsgroups/",
    note="Posts are their writers'; only counts of words are read.",
)

CLASS_NAMES = (
    "alt.atheism", "comp.graphics", "comp.os.ms-windows.misc", "comp.sys.ibm.pc.hardware", "comp.sys.mac.hardware",
    "comp.windows.x", "misc.forsale", "rec.autos", "rec.motorcycles", "rec.sport.baseball", "rec.sport.hockey",
    "sci.crypt", "sci.electronics", "sci.med", "sci.space", "soc.religion.christian", "talk.politics.guns",
    "talk.politics.mideast", "talk.politics.misc", "talk.religion.misc",
)  # fmt: skip
FAMILIES = {
    "comp": "computers", "misc": "for sale", "rec": "recreation", "sci": "science", "talk.politics": "politics",
    "alt": "religion", "soc": "religion", "talk.religion": "religion",
}  # fmt: skip


class Rows(NamedTuple):
    """Compressed sparse rows: row i has `counts[a:b]` of the words `indices[a:b]`, a, b = indptr[i], indptr[i + 1]."""

    indptr: np.ndarray
    indices: np.ndarray
    counts: np.ndarray
    labels: np.ndarray


def load_newsgroups(n_words=2000, data_dir=None, download=True, limit=None, stop_words=STOP_WORDS):
    """Posts of 20 Newsgroups as counts of the commonest words: x (N, n_words) float32, 151 MB in all for 2000 words.

    The words are those that stand in most training posts, without `stop_words`; the test posts have no say. Rank is by
    posts, not by occurrences: an encoded picture of 10,000 "ax" in one post is one post. Posts that hold none of the
    words are left out (some 30 of each part).

    Parameters
    ----------
    n_words : int
    data_dir : str or Path, optional
        Folder that holds 20news/20news-bydate-matlab.tgz and vocabulary.txt (the archive may be unpacked), or
        20news/20news-bydate-bow.npz. Without it: $TINYAE_DATA_DIR, the user's cache folder, then the network (8 MB).
    download : bool
        False: never use the network.
    limit : int, optional
        At most so many posts of each part, spread evenly over it, which has one group after the other.
    stop_words : collection of str

    Returns
    -------
    Documents

    Raises
    ------
    UsageError
        A file is missing where it was said to be, or damaged, or not this data set; more words than there are.
    DownloadError
        Not on disk and not to be had from the network.
    """
    who = "load_newsgroups"
    n_words = check_int(who, "n_words", n_words, 1)
    if limit is not None:
        limit = check_int(who, "limit", limit, 1)
    path = find_file(SOURCE.name, [ROWS], data_dir)
    parts, vocabulary = _from_npz(path) if path is not None else _from_text(data_dir, download)
    words = commonest(parts[0], vocabulary, n_words, stop_words)
    found = []
    for part in parts:
        found += without_empty(dense(part, words, len(vocabulary)), part.labels, limit)
    x_train, y_train, rows_train, x_test, y_test, rows_test = found
    families = tuple(FAMILIES[next(p for p in FAMILIES if name.startswith(p))] for name in CLASS_NAMES)
    return Documents(
        "newsgroups", x_train, y_train, x_test, y_test, tuple(vocabulary[words].tolist()), CLASS_NAMES, families,
        rows_train, rows_test,
    )  # fmt: skip


def commonest(rows, vocabulary, n_words, stop_words):
    """Numbers (n_words,) of the words that stand in most documents; of equally common ones the first."""
    documents = np.bincount(rows.indices, minlength=len(vocabulary))
    documents[np.isin(vocabulary, list(stop_words))] = 0
    if n_words > np.count_nonzero(documents):
        raise UsageError(
            f"load_newsgroups: expected n_words up to {np.count_nonzero(documents):,}, as many as there are in the "
            f"training posts, got {n_words:,}."
        )
    return np.argsort(-documents, kind="stable")[:n_words]


def dense(rows, words, n_vocabulary):
    """Counts (N, len(words)) float32 of the chosen words alone."""
    column = np.full(n_vocabulary, -1)
    column[words] = np.arange(len(words))
    n = len(rows.indptr) - 1
    document, place = np.repeat(np.arange(n), np.diff(rows.indptr)), column[rows.indices]
    x, kept = np.zeros((n, len(words)), np.float32), place >= 0
    np.add.at(x, (document[kept], place[kept]), rows.counts[kept])
    return x


# -- one file of sparse rows ---------------------------------------------------------------------------


def _from_npz(path):
    def parse(file):
        parts = []
        for part in PARTS:
            arrays = [file[f"{part}_{name}"] for name in ("indptr", "indices", "counts", "labels")]
            if any(a.dtype.kind not in "iu" or a.ndim != 1 for a in arrays):
                raise ValueError(f"{part}: whole numbers in rows")
            parts.append(Rows(*(a.astype(np.int64) for a in arrays)))
        return parts, file["vocabulary"].astype(str)

    parts, vocabulary = read_npz(path, parse, "load_newsgroups", "file of 20 Newsgroups as sparse rows")
    for name, part in zip(PARTS, parts, strict=True):
        _check(part, len(vocabulary), f"{path}, {name}")
    return parts, vocabulary


# -- the published files ---------------------------------------------------------------------------


def _from_text(data_dir, download):
    names = [name.rsplit("/", 1)[-1] for name in MEMBERS]
    contents = read(SOURCE, [*names, VOCABULARY], data_dir, download=download)
    vocabulary = np.array(contents[VOCABULARY].data.decode("utf-8", "replace").split())
    parts = []
    for part in PARTS:
        data, label = (contents[f"{part}.{kind}"] for kind in ("data", "label"))
        triples, labels = _whole_numbers(data, 3), _whole_numbers(label, 1)[:, 0]
        order = np.argsort(triples[:, 0], kind="stable")
        document, word, count = triples[order].T
        if len(document) and (document[0] < 1 or document[-1] > len(labels)):
            _fail(
                data.place, f"documents from 1 to {len(labels)}, one for each label", f"{document[0]} to {document[-1]}"
            )
        indptr = np.concatenate([[0], np.cumsum(np.bincount(document - 1, minlength=len(labels)))])
        parts.append(Rows(indptr, word - 1, count, labels - 1))
        _check(parts[-1], len(vocabulary), data.place)
    return parts, vocabulary


def _whole_numbers(content, columns):
    """The numbers of a text file with so many in each line."""
    try:
        numbers = np.array(content.data.split(), dtype=np.int64)
        return numbers.reshape(-1, columns)
    except (ValueError, OverflowError):
        _fail(content.place, f"{columns} whole number{'s' * (columns > 1)} in each line", "something else")


def _check(rows, n_vocabulary, place):
    """Raise UsageError unless the rows belong together and hold what they should."""
    indptr, indices, counts, labels = rows
    steps = np.diff(indptr)
    if len(indptr) != len(labels) + 1 or not len(labels) or indptr[0] != 0 or (steps < 0).any():
        _fail(place, "as many documents as labels", f"{len(indptr) - 1} and {len(labels)}")
    if indptr[-1] != len(indices) or len(indices) != len(counts):
        _fail(place, f"{indptr[-1]} words and counts", f"{len(indices)} and {len(counts)}")
    if len(indices) and not 0 <= indices.min() <= indices.max() < n_vocabulary:
        _fail(place, f"words of the vocabulary of {n_vocabulary:,}", f"numbers {indices.min()} to {indices.max()}")
    if len(counts) and counts.min() < 1:
        _fail(place, "counts of at least 1", str(counts.min()))
    if not 0 <= labels.min() <= labels.max() < len(CLASS_NAMES):
        _fail(place, f"labels of {len(CLASS_NAMES)} groups", f"{labels.min()} to {labels.max()}")


def _fail(place, expected, got):
    raise UsageError(f"load_newsgroups: {place}: expected {expected}, got {got}.") from None
