"""20 Newsgroups from the published archive and from one file of sparse rows; the made-up corpus; what is refused."""

import io
import tarfile

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from tinyae import UsageError
from tinyae.datasets import Documents, DownloadError, load_corpus, load_newsgroups, newsgroups, store
from tinyae.datasets.documents import without_empty
from tinyae.datasets.stop_words import STOP_WORDS

VOCABULARY = ["the", "orbit", "goal", "god", "puck", "shuttle", "ax"]
# Posts as {word: count}; the third training post holds a stop word alone, the second test post nothing known.
TRAIN = [({"orbit": 2, "the": 9, "shuttle": 1}, 14), ({"goal": 1, "puck": 3, "the": 2}, 10), ({"the": 4}, 0),
         ({"god": 1, "orbit": 1}, 15), ({"ax": 500}, 2), ({"goal": 1, "god": 2}, 19)]  # fmt: skip
TEST = [({"orbit": 1, "god": 4}, 15), ({"ax": 2}, 14), ({"puck": 1, "shuttle": 1}, 10)]


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """A folder for the data; nothing elsewhere, no network."""
    monkeypatch.delenv(store.ENV, raising=False)
    monkeypatch.setattr(store, "cache_dir", lambda: tmp_path / "cache")
    (tmp_path / "20news").mkdir()
    return tmp_path / "20news"


def texts():
    """The published files as text, by name."""
    files = {"vocabulary.txt": "\n".join(VOCABULARY) + "\n"}
    for part, posts in (("train", TRAIN), ("test", TEST)):
        lines = [
            f"{i + 1} {VOCABULARY.index(w) + 1} {n}" for i, (words, _) in enumerate(posts) for w, n in words.items()
        ]
        files[f"{part}.data"] = "\n".join(lines) + "\n"
        files[f"{part}.label"] = "".join(f"{label + 1}\n" for _, label in posts)
    return files


def write_archive(folder, files):
    with tarfile.open(folder / newsgroups.ARCHIVE, "w:gz") as archive:
        for name, text in files.items():
            if name != "vocabulary.txt":
                info = tarfile.TarInfo(f"20news-bydate/matlab/{name}")
                info.size = len(text)
                archive.addfile(info, io.BytesIO(text.encode()))
    (folder / "vocabulary.txt").write_text(files["vocabulary.txt"])


def write_npz(folder, **changed):
    arrays = {"class_names": np.array(newsgroups.CLASS_NAMES), "vocabulary": np.array(VOCABULARY)}
    for part, posts in (("train", TRAIN), ("test", TEST)):
        arrays[f"{part}_indptr"] = np.cumsum([0, *(len(words) for words, _ in posts)]).astype(np.int32)
        arrays[f"{part}_indices"] = np.array([VOCABULARY.index(w) for words, _ in posts for w in words], np.uint16)
        arrays[f"{part}_counts"] = np.array([n for words, _ in posts for n in words.values()], np.uint16)
        arrays[f"{part}_labels"] = np.array([label for _, label in posts], np.uint8)
    np.savez(folder / newsgroups.ROWS, **arrays | changed)


def unpacked(folder, files):
    for name, text in files.items():
        (folder / name).write_text(text)


# -- reading --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("form", ["archive", "unpacked", "npz"])
def test_every_form_gives_the_same_documents(folder, tmp_path, form):
    if form == "npz":
        write_npz(folder)
    else:
        (write_archive if form == "archive" else unpacked)(folder, texts())
    data = load_newsgroups(3, data_dir=tmp_path)
    # in two training posts each: orbit, goal, god, in the vocabulary's order; puck, shuttle and ax in one
    assert data.words == ("orbit", "goal", "god")
    assert_array_equal(data.x_train, [[2, 0, 0], [0, 1, 0], [1, 0, 1], [0, 1, 2]])
    assert_array_equal(data.rows_train, [0, 1, 3, 5])  # no word left of the third and the fifth
    assert_array_equal(data.y_train, [14, 10, 15, 19])
    assert_array_equal(data.x_test, [[1, 0, 4]])
    assert_array_equal(data.rows_test, [0])
    assert data.x_train.dtype == np.float32 and data.y_test.dtype == np.int64
    assert data.name == "newsgroups" and len(data.class_names) == len(data.families) == 20
    assert repr(data) == "Documents('newsgroups': 4 training and 1 test documents, 3 words, 20 groups)"


def test_words_are_ranked_by_posts_and_stop_words_are_a_choice(folder, tmp_path):
    write_npz(folder)
    assert "ax" not in load_newsgroups(3, tmp_path).words  # 500 times, in one post
    assert load_newsgroups(4, tmp_path, stop_words=()).words == ("the", "orbit", "goal", "god")
    assert load_newsgroups(2, tmp_path, stop_words={"orbit", "the"}).words == ("goal", "god")
    assert {"the", "writes", "ve"} <= STOP_WORDS and not {"god", "space", "windows"} & STOP_WORDS


def test_families_gather_groups():
    data = dict(zip(newsgroups.CLASS_NAMES, newsgroups.FAMILIES, strict=False))
    assert len(data) == len(newsgroups.FAMILIES)  # fewer families of names than groups
    assert len(set(newsgroups.FAMILIES.values())) == 6


def test_a_limit_spreads_over_all_posts():
    x, y, rows = without_empty(np.eye(9), np.arange(9), 3)
    assert_array_equal(rows, [0, 4, 8])
    assert_array_equal(y, [0, 4, 8])
    assert_array_equal(x, np.eye(9)[rows])
    assert_array_equal(without_empty(np.diag([1, 0, 2.0]), [5, 6, 7])[2], [0, 2])


def test_documents_that_do_not_fit_are_refused():
    x, n = np.ones((2, 3), np.float32), np.zeros(2, np.int64)
    with pytest.raises(UsageError, match=r"Documents d: expected y_test of shape \(2,\), got \(1,\)"):
        Documents("d", x, n, x, n[:1], ("a", "b", "c"), ("g",), ("f",), n, n)
    with pytest.raises(UsageError, match=r"expected x_train of shape \(N, 2\), got \(2, 3\)"):
        Documents("d", x, n, x, n, ("a", "b"), ("g",), ("f",), n, n)


# -- what is refused ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "changed, message",
    [
        ({"train_indices": np.full(12, 7)}, "words of the vocabulary of 7, got numbers 7 to 7"),
        ({"train_labels": np.full(6, 20)}, "labels of 20 groups, got 20 to 20"),
        ({"train_labels": np.zeros(5, int)}, "as many documents as labels, got 6 and 5"),
        ({"test_counts": np.zeros(5, int)}, "counts of at least 1, got 0"),
        ({"test_counts": np.ones(4, int)}, "5 words and counts, got 5 and 4"),
        ({"test_indptr": np.array([0, 3, 2, 5])}, "as many documents as labels"),
        ({"train_counts": np.ones(12)}, "expected a whole file of 20 Newsgroups as sparse rows"),
    ],
)
def test_damaged_rows_are_refused(folder, tmp_path, changed, message):
    write_npz(folder, **changed)
    with pytest.raises(UsageError, match=message) as caught:
        load_newsgroups(3, tmp_path)
    assert "\n" not in str(caught.value) and newsgroups.ROWS in str(caught.value)


@pytest.mark.parametrize(
    "name, text, message",
    [
        ("train.data", "1 2\n3 4\n5 6 7 8", "3 whole numbers in each line"),
        ("train.data", "1 2 x\n", "3 whole numbers in each line, got something else"),
        ("train.data", "1 2 1\n7 2 1\n", "documents from 1 to 6, one for each label, got 1 to 7"),
        ("train.data", "1 8 1\n", "words of the vocabulary of 7, got numbers 7 to 7"),
        ("train.label", "1\n2\n3\n4\n5\n21\n", "labels of 20 groups, got 0 to 20"),
        ("test.label", "", "as many documents as labels|documents from 1 to 0"),
        ("test.data", "0 2 1\n", "documents from 1 to 3, one for each label, got 0 to 0"),
    ],
)
def test_damaged_texts_are_refused(folder, tmp_path, name, text, message):
    unpacked(folder, texts() | {name: text})
    with pytest.raises(UsageError, match=message) as caught:
        load_newsgroups(3, tmp_path)
    assert "\n" not in str(caught.value)


def test_missing_files_are_named(tmp_path, folder):
    with pytest.raises(UsageError, match=r"20news-bydate-matlab\.tgz"):
        load_newsgroups(3, tmp_path)
    with pytest.raises(DownloadError, match="downloading was switched off"):
        load_newsgroups(3, download=False)
    (folder / newsgroups.ROWS).write_bytes(b"")
    with pytest.raises(UsageError, match="expected a whole file of 20 Newsgroups"):
        load_newsgroups(3, tmp_path)
    write_npz(folder)
    with pytest.raises(UsageError, match="expected n_words up to 6, as many as there are in the training posts, got 7"):
        load_newsgroups(7, tmp_path)
    with pytest.raises(UsageError, match="expected limit to be a whole number >= 1, got 0"):
        load_newsgroups(3, tmp_path, limit=0)


# -- the made-up corpus ---------------------------------------------------------------------------------------


def test_the_corpus_is_the_same_for_the_same_seed():
    data, again, other = load_corpus(300, 100), load_corpus(300, 100), load_corpus(300, 100, seed=1)
    assert_array_equal(data.x_train, again.x_train)
    assert data.words == again.words and (data.x_train != other.x_train).any() and data.words != other.words
    assert len(set(data.words)) == 380 and all(word.isalpha() for word in data.words)
    assert_array_equal(np.bincount(data.y_train), [38, 38, 38, 38, 37, 37, 37, 37])
    assert data.class_names[:3] == ("north 1", "north 2", "east 1") and data.families[2] == "east"
    documents = (data.x_train > 0).sum(axis=0)
    assert (np.diff(documents) <= 0).all()  # the commonest first


def test_the_test_documents_do_not_depend_on_the_training_documents():
    few, many = load_corpus(50, 40), load_corpus(90, 40)
    assert_array_equal(few.y_test, many.y_test)
    order = [many.words.index(word) for word in few.words]
    assert_array_equal(few.x_test, many.x_test[:, order])


def test_subjects_and_fields_show_in_the_words():
    data = load_corpus(800, 10)
    share = data.x_train / data.x_train.sum(axis=1, keepdims=True)
    means = np.array([share[data.y_train == c].mean(axis=0) for c in range(8)])
    like = np.corrcoef(means)
    assert like[0, 1] > like[0, 2:].max()  # the other subject of the same field is nearer than any other
    assert 35 < np.median(data.x_train.sum(axis=1)) < 45


def test_bad_numbers_of_documents_are_refused():
    with pytest.raises(UsageError, match="load_corpus: expected n_train to be a whole number >= 1, got 0"):
        load_corpus(0)


# -- the real thing -------------------------------------------------------------------------------------------


@pytest.mark.realdata
def test_real_posts():
    from conftest import DATA_DIR

    data = load_newsgroups(data_dir=DATA_DIR)
    assert data.x_train.shape[1] == data.x_test.shape[1] == 2000
    assert 11_200 < len(data.x_train) < 11_314 and 7_450 < len(data.x_test) < 7_532
    assert data.x_train.any(axis=1).all() and data.x_test.any(axis=1).all()
    assert data.x_train.nbytes + data.x_test.nbytes == pytest.approx(151e6, rel=0.01)
    sci_space = data.x_train[data.y_train == data.class_names.index("sci.space")].sum(axis=0)
    assert {"space", "nasa", "orbit"} <= {data.words[k] for k in np.argsort(-sci_space)[:25]}
    few = load_newsgroups(500, data_dir=DATA_DIR, limit=200)
    assert few.words == data.words[:500] and len(few.x_test) == 200 and len(set(few.y_train.tolist())) == 20
