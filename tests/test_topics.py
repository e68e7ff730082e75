"""Topics: weights, LSA, retrieval beside plain loops and scikit-learn; training on a made-up corpus; words of units."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

import tinyae
from tinyae import UsageError
from tinyae.applications import topics as app
from tinyae.applications.topics import LSA, TermWeights, TopicModel, nearest, precision_curve, shares, strongest_words
from tinyae.applications.topics.comparison import Scores, usual_distance, verdict
from tinyae.applications.topics.retrieval import chance
from tinyae.applications.topics.training import train, untrained_net
from tinyae.architectures import topic_autoencoder
from tinyae.datasets import load_corpus
from tinyae.plots.topics import FAMILY_COLOURS, retrieval_curves, topic_map

COUNTS = np.array([[2, 0, 1, 0], [0, 3, 1, 0], [1, 0, 4, 0], [0, 0, 2, 1], [0, 0, 1, 0]], np.float32)


@pytest.fixture(scope="module")
def data():
    return load_corpus(1200, 400)


@pytest.fixture(scope="module")
def trained(data):
    return train(
        data.x_train, data.words, 4, hidden=(60, 30), pretraining=8, epochs=12, seed=0, threads=1, progress=False
    )


# -- weights --------------------------------------------------------------------------------------------------


def test_weights_are_the_formula():
    weights = TermWeights.of(COUNTS, scale=3.0)
    idf = [max(0, math.log(5 / (1 + n))) for n in (2, 1, 5, 1)]
    assert weights.idf == pytest.approx(idf) and weights.idf[2] == 0  # a word of every document says nothing
    found = weights(COUNTS)
    first = np.array([math.log(3) * idf[0], 0, 0, 0])
    assert_allclose(found[0], 3 * first / np.linalg.norm(first), rtol=1e-6)
    assert_allclose(np.linalg.norm(found[:4], axis=1), 3, rtol=1e-6)
    assert not found[4].any()  # nothing is left of it
    assert_allclose(TermWeights.of(COUNTS, power=2).idf, np.square(idf), rtol=1e-6)


def test_shares_add_up_to_one():
    assert_allclose(shares(COUNTS)[0], [2 / 3, 0, 1 / 3, 0], rtol=1e-6)
    assert_array_equal(shares(np.zeros((1, 4))), np.zeros((1, 4)))


@pytest.mark.parametrize(
    "counts, message",
    [
        (np.ones((2, 3)), r"topics: expected counts of shape \(N, 4\), got \(2, 3\)"),
        (-COUNTS, "topics: expected counts of words >= 0, got -4"),
        (COUNTS * np.nan, "topics: expected finite numbers in counts"),
    ],
)
def test_bad_counts_are_refused(counts, message):
    with pytest.raises(UsageError, match=message):
        TermWeights.of(COUNTS)(counts)


# -- LSA ------------------------------------------------------------------------------------------------------


def test_lsa_is_the_singular_value_decomposition():
    x = np.random.default_rng(0).normal(size=(30, 7))
    lsa = LSA(x, 3)
    u, s, _ = np.linalg.svd(x, full_matrices=False)
    codes = lsa.encode(x)
    assert_allclose(lsa.singular_values, s[:3], rtol=1e-10)
    assert_allclose(codes @ codes.T, (u[:, :3] * s[:3] ** 2) @ u[:, :3].T, rtol=1e-8, atol=1e-10)
    assert_allclose(lsa.components.T @ lsa.components, np.eye(3), atol=1e-12)
    centred = LSA(x + 5, 3, centred=True)
    assert_allclose(centred.encode(x + 5).mean(axis=0), 0, atol=1e-10)
    with pytest.raises(UsageError, match="LSA: expected at most 7 numbers for so many words, got 8"):
        LSA(x, 8)


@pytest.mark.oracle
def test_scikit_learn_finds_the_same_directions():
    decomposition = pytest.importorskip("sklearn.decomposition")
    x = np.abs(np.random.default_rng(1).normal(size=(60, 12)))
    theirs = decomposition.TruncatedSVD(4, algorithm="arpack").fit(x)
    mine = LSA(x, 4)
    assert_allclose(mine.singular_values, theirs.singular_values_, rtol=1e-8)
    assert_allclose(np.abs(mine.components), np.abs(theirs.components_.T), rtol=1e-6, atol=1e-9)


# -- retrieval ------------------------------------------------------------------------------------------------


def curve_by_hand(codes, labels, most, distance):
    """Each document asks; all others are sorted, equals in their order."""
    precision = np.zeros(most)
    for i, code in enumerate(codes):
        others = [j for j in range(len(codes)) if j != i]
        if distance == "cosine":

            def far(j, code=code):
                norms = np.linalg.norm(code) * np.linalg.norm(codes[j])
                return -(code @ codes[j]) / norms
        else:

            def far(j, code=code):
                return np.sum((code - codes[j]) ** 2)

        hits = [labels[j] == labels[i] for j in sorted(others, key=far)[:most]]
        precision += np.cumsum(hits) / np.arange(1, most + 1) / len(codes)
    return precision


@pytest.mark.parametrize("distance", ["cosine", "euclidean"])
@given(st.integers(0, 2**32 - 1), st.integers(3, 20))
def test_the_curve_is_what_each_query_finds(distance, seed, n):
    rng = np.random.default_rng(seed)
    codes, labels = rng.normal(size=(n, 3)), rng.integers(0, 3, n)
    for most in (1, n - 1, 50):
        found = precision_curve(codes, labels, most, distance)
        assert_allclose(found, curve_by_hand(codes, labels, min(most, n - 1), distance), atol=1e-12)
    assert found[-1] == pytest.approx(chance(labels))  # all others retrieved: the order no longer matters


def test_a_query_does_not_find_itself_and_many_queries_are_taken_in_parts(monkeypatch):
    codes, labels = np.eye(2)[[0, 0, 1, 1, 1]], np.array([0, 0, 1, 1, 0])
    assert precision_curve(codes, labels, 1)[0] == pytest.approx((1 + 1 + 1 + 1 + 0) / 5)
    rng = np.random.default_rng(0)
    codes, labels = rng.normal(size=(70, 4)), rng.integers(0, 4, 70)
    whole = precision_curve(codes, labels, 20)
    monkeypatch.setattr("tinyae.applications.topics.retrieval.AT_ONCE", 33)
    assert_allclose(precision_curve(codes, labels, 20), whole, atol=1e-12)


def test_empty_codes_and_small_sets():
    curve = precision_curve(np.zeros((3, 2)), np.array([0, 0, 1]), 2)
    assert np.isfinite(curve).all()
    with pytest.raises(UsageError, match="precision_curve: expected at least two documents, got 1"):
        precision_curve(np.zeros((1, 2)), [0])
    with pytest.raises(UsageError, match=r"expected labels of shape \(3,\), got \(2,\)"):
        precision_curve(np.zeros((3, 2)), [0, 1])
    with pytest.raises(UsageError, match="expected distance to be one of cosine, euclidean"):
        precision_curve(np.zeros((3, 2)), [0, 1, 1], distance="cosinus")


def test_nearest_documents_and_their_similarity():
    codes = np.array([[1.0, 0], [2, 0.1], [0, 3], [-1, 0]])
    near, cosine = nearest(codes, 0, 2)
    assert near.tolist() == [1, 2] and cosine == pytest.approx([2 / math.hypot(2, 0.1), 0], abs=1e-6)
    near, distance = nearest(codes, 0, 9, "euclidean")
    assert near.tolist() == [1, 3, 2] and distance == pytest.approx([-math.hypot(1, 0.1), -2, -math.sqrt(10)], rel=1e-5)
    with pytest.raises(UsageError, match="nearest: expected a row from 0 to 3, got 4"):
        nearest(codes, 4)


def test_chance_is_a_random_order():
    labels = np.array([0, 0, 0, 1, 1, 2])
    pairs = [(labels[i] == labels[j]) for i in range(6) for j in range(6) if i != j]
    assert chance(labels) == pytest.approx(np.mean(pairs))


# -- training -------------------------------------------------------------------------------------------------


def test_the_codes_beat_lsa_and_the_untrained_net(data, trained):
    topics, histories = trained
    assert [len(h) for h in histories["pretraining"]] == [8, 8, 8] and len(histories["fine-tuning"]) == 12
    assert histories["fine-tuning"].warnings == []
    scores = app.compare(topics, untrained_net(380, (60, 30), 4, 1, 0), data.x_train, data.x_test, data.y_test)
    by_name = {s.method: s for s in scores}
    assert list(by_name) == ["autoencoder", "LSA-4", "LSA-4, idf squared", "TF-IDF", "untrained net", "chance"]
    net = by_name["autoencoder"].curve[:47]  # test documents of a subject: 50
    for rival in ("LSA-4", "LSA-4, idf squared", "untrained net", "chance"):
        assert (net > 1.1 * by_name[rival].curve[:47]).all(), rival
    assert by_name["TF-IDF"].size == 380 and by_name["LSA-4"].codes.shape == (400, 4)
    assert scores[0].row()["at_15"] == scores[0].curve[14] and scores[0].row()["at_511"] is None
    assert "better than LSA-4 from 1 to " in verdict(scores)


def test_the_loss_comes_down_towards_the_floor(data, trained):
    nats = trained[0].cross_entropy(data.x_test)
    assert nats["floor"] < nats["net"] < nats["mean_document"] - 0.3


def test_pretraining_is_what_starts_sigmoid_units(data, trained):
    """One epoch of fine-tuning after pretraining is worth more than many from random weights."""
    settings = {"hidden": (60, 30), "epochs": 2, "seed": 0, "threads": 1, "progress": False}
    pretrained, _ = train(data.x_train, data.words, 4, pretraining=8, **settings)
    random = TopicModel(topic_autoencoder(380, (60, 30), 4), pretrained.weights, data.words)
    random.net.fit(
        pretrained.weights(data.x_train), shares(data.x_train), epochs=2, optimizer=tinyae.Adam(3e-3), threads=1,
        progress=False,
    )  # fmt: skip
    assert pretrained.cross_entropy(data.x_test)["net"] < random.cross_entropy(data.x_test)["net"] - 0.1


def test_without_pretraining_the_units_are_relus(data):
    topics, histories = train(
        data.x_train[:300], data.words, 3, hidden=(20,), pretraining=0, epochs=2, threads=1, progress=False
    )
    assert histories["pretraining"] == [] and topics.net.encoder.layers[0].activation_name == "relu"
    assert topics.code_size == 3


def test_same_seed_same_bits(data):
    settings = {"hidden": (20,), "pretraining": 2, "epochs": 2, "threads": 1, "progress": False}
    one, two, other = (train(data.x_train[:200], data.words, 2, seed=s, **settings)[0] for s in (3, 3, 4))
    assert_array_equal(one.net.theta, two.net.theta)
    assert (one.net.theta != other.net.theta).any()


def test_empty_documents_are_left_out(data):
    x = np.concatenate([data.x_train[:100], np.zeros((20, 380), np.float32)])
    settings = {"hidden": (10,), "pretraining": 1, "epochs": 1, "threads": 1, "progress": False}
    with_empty, _ = train(x, data.words, 2, **settings)
    without, _ = train(x[:100], data.words, 2, **settings)
    assert_array_equal(with_empty.net.theta, without.net.theta)
    assert np.isfinite(with_empty.encode(x)).all()
    with pytest.raises(UsageError, match="train: expected at least two documents with words, got 0"):
        train(x[100:], data.words, 2)
    with pytest.raises(UsageError, match=r"train: expected counts of shape \(N, 380\), got \(120, 379\)"):
        train(x[:, 1:], data.words, 2)
    with pytest.raises(UsageError, match="expected pretraining to be a whole number >= 0"):
        train(x, data.words, 2, pretraining=-1)


def test_a_killed_run_goes_on(data, tmp_path):
    settings = {"hidden": (20,), "pretraining": 1, "threads": 1, "progress": False}
    whole, _ = train(data.x_train[:200], data.words, 2, epochs=4, **settings)

    class KilledError(Exception):
        pass

    class Kill(tinyae.Checkpoint):
        def epoch_done(self):
            super().epoch_done()
            raise KilledError

    with pytest.raises(KilledError):
        train(data.x_train[:200], data.words, 2, epochs=4, checkpoint=Kill(tmp_path / "c"), **settings)
    again, histories = train(data.x_train[:200], data.words, 2, epochs=4, checkpoint=tmp_path / "c", **settings)
    assert_array_equal(again.net.theta, whole.net.theta)
    assert len(histories["fine-tuning"]) == 4


# -- words and files ------------------------------------------------------------------------------------------


def test_the_words_of_a_unit_are_those_it_brings_in(data, trained):
    topics, _ = trained
    codes, share = topics.encode(data.x_train), shares(data.x_train)
    rows = strongest_words(topics, codes, 6)
    assert [row["unit"] for row in rows] == [1, 2, 3, 4]
    times = []
    for j, row in enumerate(rows):
        assert 0 < len(row["high"]) <= 6 and not set(row["high"]) & set(row["low"])
        assert row["spread"] == pytest.approx(codes[:, j].std(), rel=1e-5)
        order = np.argsort(codes[:, j])
        low, high = share[order[:200]].mean(axis=0), share[order[-200:]].mean(axis=0)
        for words, there, elsewhere in ((row["high"], high, low), (row["low"], low, high)):
            columns = [data.words.index(word) for word in words]  # documents with such codes do use such words more
            times.append(there[columns].sum() / max(elsewhere[columns].sum(), 1e-6))
    # an end may stand for how much of the common words a document has: of those nobody uses twice as many
    assert min(times) > 1.25 and np.median(times) > 10


def test_strongest_words_by_hand():
    """A net that is one softmax layer: the words with the largest weights are the strongest of each number."""
    net = tinyae.Autoencoder(
        [tinyae.Dense(2)], [tinyae.Dense(4), tinyae.Softmax()], "categoricalcrossentropy", input_shape=4
    )
    net.decoder.layers[0].params["W"][:] = [[3, 0, -3, 0], [0, 1, 0, -1]]
    topics = TopicModel(net, TermWeights(np.ones(4)), ("a", "b", "c", "d"))
    codes = np.random.default_rng(0).normal(size=(50, 2))
    first, second = strongest_words(topics, codes - codes.mean(axis=0), 1)
    assert (first["high"], first["low"], second["high"], second["low"]) == (["a"], ["c"], ["b"], ["d"])
    assert second["spread"] == pytest.approx(codes[:, 1].std())


def test_a_model_file_keeps_words_and_weights(data, trained, tmp_path):
    topics, _ = trained
    topics.save(tmp_path / "m.npz")
    again = app.load_topics(tmp_path / "m.npz")
    assert again.words == data.words
    assert_array_equal(again.encode(data.x_test), topics.encode(data.x_test))
    tinyae.save(topics.net, tmp_path / "bare.npz", preprocessing={"scale": 2})
    with pytest.raises(UsageError, match=r"load_topics: expected a model of topics with its words, got .*bare.npz"):
        app.load_topics(tmp_path / "bare.npz")
    with pytest.raises(UsageError, match="TopicModel: expected words for 380 words, got 3"):
        TopicModel(topics.net, topics.weights, ("a", "b", "c"))
    with pytest.raises(UsageError, match=r"topics: expected counts of shape \(N, 380\)"):
        again.encode(np.ones((2, 5)))


def test_the_verdict_does_not_hide_a_loss():
    def scores(*values):
        return [Scores(name, 10, np.array(v)) for name, v in zip(("autoencoder", "LSA-10"), values, strict=True)]

    assert verdict(scores([0.5, 0.4, 0.3], [0.4, 0.3, 0.2])) == (
        "The autoencoder's 10 numbers are better than LSA-10 at every number retrieved, 1 to 3."
    )
    assert "better than LSA-10 from 1 to 2 retrieved, not beyond" in verdict(scores([0.5, 0.4, 0.3], [0.4, 0.3, 0.3]))
    assert "worse than LSA-10 at the first document retrieved" in verdict(scores([0.4, 0.5], [0.4, 0.3]))
    assert (usual_distance(2), usual_distance(10)) == ("euclidean", "cosine")


# -- pictures -------------------------------------------------------------------------------------------------


def test_pictures_show_every_method_and_group():
    figure = retrieval_curves([("autoencoder", np.linspace(1, 0.5, 40)), ("chance", np.full(40, 0.1))], "title")
    (axis,) = figure.axes
    assert [t.get_text() for t in axis.get_legend().get_texts()] == ["autoencoder", "chance"]
    assert [t.get_text() for t in axis.get_xticklabels()] == ["1", "3", "7", "15", "31"]
    labels = np.arange(60) % 3
    places = np.random.default_rng(0).normal(size=(60, 2))
    figure = topic_map([("a", places), ("b", places)], labels, ("x 1", "x 2", "y"), ("x", "x", "y"), "title")
    texts = [t.get_text().strip() for t in figure.legends[0].get_texts()]
    assert texts == ["x", "x 1", "x 2", "y", "y"]
    drawn = {tuple(c.get_facecolor()[0][:3].round(3)) for c in figure.axes[0].collections}
    assert len(drawn) == 2  # a colour for a family
    assert sum(len(c.get_offsets()) for c in figure.axes[0].collections) == 60
    assert [axis.get_title() for axis in figure.axes] == ["a", "b"]
    places[7] = 100
    assert topic_map([("a", places)], labels, ("x 1", "x 2", "y"), ("x", "x", "y")).axes[0].get_title() == (
        "a (1 of 60 documents lie outside)"
    )
    many = len(FAMILY_COLOURS) + 1
    with pytest.raises(UsageError, match="topic_map: expected at most 8 families"):
        topic_map([("a", places)], labels, ("g",) * many, tuple(map(str, range(many))))


# -- real posts -----------------------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.realdata
def test_real_posts_are_found_better_than_by_lsa():
    """Two numbers after a short run on half of the posts; ten numbers need all of them, and minutes, to be above."""
    from conftest import DATA_DIR

    posts = tinyae.datasets.load_newsgroups(1000, data_dir=DATA_DIR, limit=6000)
    topics, _ = train(posts.x_train, posts.words, 2, hidden=(200, 60), epochs=15, threads=2, progress=False)
    scores = {s.method: s for s in app.compare(topics, None, posts.x_train, posts.x_test, posts.y_test)}
    for rival in ("LSA-2", "LSA-2, centred", "LSA-2, idf squared"):
        assert (scores["autoencoder"].curve[:64] > 1.2 * scores[rival].curve[:64]).all(), rival
