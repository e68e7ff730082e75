"""Indexes of codes: neighbours and precision beside scikit-learn and beside loops, files, whitening, galleries."""

import json
import math
import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from tinyae import Autoencoder, Dense, UsageError, storage
from tinyae.analysis import PCA
from tinyae.applications.retrieval import (
    Index,
    PowerWhitening,
    best_baseline,
    check_takes,
    codes_of,
    compare,
    epochs_for,
    fingerprint,
    gallery_of,
    gallery_of_file,
    net_for,
    precision_at_k,
    search_autoencoder,
)
from tinyae.architectures import conv_autoencoder
from tinyae.datasets import Dataset
from tinyae.layers import BatchNorm
from tinyae.plots import retrieval as pictures
from tinyae.samples import Preparation, read_samples
from tinyae.warping import Warp

SEEDS = st.integers(0, 2**32 - 1)


def distances(codes, query, distance):
    """From a query to each code, one number after the other."""
    found = []
    for code in np.asarray(codes, np.float64):
        if distance == "euclidean":
            found.append(math.sqrt(sum((a - b) ** 2 for a, b in zip(code, query, strict=True))))
        else:
            lengths = [math.sqrt(sum(a * a for a in v)) for v in (code, query)]
            cosine = sum(a * b for a, b in zip(code, query, strict=True)) / math.prod(lengths) if all(lengths) else 0.0
            found.append(0.0 if not any(lengths) else 1 - cosine)
    return found


def small_net(seed=0, code=3, dtype=np.float32):
    return Autoencoder([Dense(code)], [Dense(12, "sigmoid")], "bce", input_shape=12, seed=seed, dtype=dtype)


# --- neighbours


@pytest.mark.parametrize("distance", ["cosine", "euclidean"])
@given(seed=SEEDS, n=st.integers(2, 30), d=st.integers(1, 6))
def test_neighbours_beside_loops(distance, seed, n, d):
    rng = np.random.default_rng(seed)
    codes, queries = (rng.normal(size=(rows, d)).astype(np.float32) for rows in (n, 4))
    codes[rng.integers(n)] = 0
    queries[0] = 0
    k = int(rng.integers(1, n + 1))
    rows, found = Index(codes, distance=distance).neighbours(queries, k)
    assert rows.shape == found.shape == (4, k) and rows.dtype == np.int64 and found.dtype == np.float64
    for m, query in enumerate(queries.astype(np.float64)):
        want = distances(codes, query, distance)
        assert_allclose(found[m], sorted(want)[:k], atol=1e-6)
        assert_allclose([want[row] for row in rows[m]], found[m], atol=1e-6)
        assert len(set(rows[m])) == k


def test_on_paper():
    """Directions 0, 45, 90 and 180 degrees; the second code is long, which cosine does not see."""
    codes = np.array([[1, 0], [10, 10], [0, 1], [-1, 0]])
    rows, found = Index(codes, distance="cosine").neighbours([[2.0, 0.0]], 4)
    assert rows.tolist() == [[0, 1, 2, 3]]
    assert_allclose(found, [[0, 1 - math.sqrt(0.5), 1, 2]], atol=1e-7)
    rows, found = Index(codes, distance="euclidean").neighbours([[2.0, 0.0]], 4)
    assert rows.tolist() == [[0, 2, 3, 1]]
    assert_allclose(found, [[1, math.sqrt(5), 3, math.sqrt(164)]], rtol=1e-7)


def test_codes_of_zeros_point_nowhere():
    index = Index([[0, 0], [1, 0], [-1, 0], [0, 0]], distance="cosine")
    rows, found = index.neighbours([[0, 0], [1, 0]], 4)
    assert rows.tolist() == [[0, 3, 1, 2], [1, 0, 3, 2]]
    assert_allclose(found, [[0, 0, 1, 1], [0, 1, 1, 2]], atol=1e-7)


def test_a_query_in_the_index_does_not_find_itself(rng):
    codes = rng.normal(size=(20, 3))
    index, own = Index(codes, distance="euclidean"), np.array([4, 17])
    rows, found = index.neighbours(codes[own], 19, exclude=own)
    for m, mine in enumerate(own):
        assert sorted(rows[m]) == [row for row in range(20) if row != mine]
        assert found[m, 0] > 0 and (np.diff(found[m]) >= 0).all()
    both, _ = index.neighbours(codes[own], 20)
    assert_array_equal(both[:, 0], own)
    assert_array_equal(both[:, 1:], rows)


def test_among_many_twins_a_query_is_left_out_all_the_same():
    """Ten equal codes: the last is not among the first four that are found, and is not to be."""
    index = Index(np.ones((10, 2)), distance="euclidean")
    rows, _ = index.neighbours(np.ones((2, 2)), 3, exclude=[9, 1])
    assert rows.tolist() == [[0, 1, 2], [0, 2, 3]]


def test_threads_change_nothing(rng):
    codes, queries = rng.normal(size=(300, 5)), rng.normal(size=(41, 5))
    one, three = (Index(codes).neighbours(queries, 6, threads=threads) for threads in (1, 3))
    assert_array_equal(one[0], three[0])
    assert_array_equal(one[1], three[1])


@pytest.mark.oracle
@pytest.mark.parametrize("method", ["brute", "ball_tree", "kd_tree"])
@pytest.mark.parametrize("distance", ["cosine", "euclidean"])
def test_scikit_learns_methods_give_the_same_answers(distance, method, rng):
    pytest.importorskip("sklearn")
    codes = rng.normal(size=(400, 6)).astype(np.float32)
    codes[7] = 0
    own = np.arange(30)
    whitening = PowerWhitening(codes)
    for extra in ({}, {"whitening": whitening}):
        mine = Index(codes, distance=distance, **extra).neighbours(codes[own], 9, exclude=own)
        other = Index(codes, distance=distance, method=method, **extra).neighbours(codes[own], 9, exclude=own)
        assert_array_equal(mine[0], other[0])
        assert_allclose(mine[1], other[1], rtol=1e-9, atol=1e-12)


@pytest.mark.oracle
@pytest.mark.parametrize("distance", ["cosine", "euclidean"])
def test_neighbours_and_precision_beside_scikit_learn(distance, rng):
    neighbors = pytest.importorskip("sklearn.neighbors")
    codes = rng.normal(size=(500, 8)).astype(np.float32)
    labels = rng.integers(0, 4, 500)
    test = np.arange(400, 500)
    oracle = neighbors.NearestNeighbors(metric=distance, algorithm="brute").fit(codes.astype(np.float64))
    far, rows = oracle.kneighbors(codes[test].astype(np.float64), 11)
    index = Index(codes, labels, distance=distance)
    mine, found = index.neighbours(codes[test], 10, exclude=test)
    assert_array_equal(mine, rows[:, 1:])  # the first is the query itself
    assert_allclose(found, far[:, 1:], rtol=1e-5)
    precision = index.precision(codes[test], labels[test], 10, exclude=test)
    hits = labels[rows[:, 1:]] == labels[test][:, None]
    assert precision.overall == pytest.approx(hits.mean(), abs=1e-12)
    for c in range(4):
        assert precision.by_class[c] == pytest.approx(hits[labels[test] == c].mean(), abs=1e-12)


def test_without_scikit_learn_its_methods_say_what_they_need(monkeypatch):
    import sys

    monkeypatch.setitem(sys.modules, "sklearn.neighbors", None)
    with pytest.raises(
        UsageError, match=re.escape("method 'kd_tree' needs scikit-learn: pip install 'tinyae[sklearn]'")
    ):
        Index(np.eye(3), method="kd_tree")


@pytest.mark.parametrize(
    "make, message",
    [
        (lambda: Index(np.empty((0, 3))), "Index: expected at least one code, got none"),
        (lambda: Index(np.zeros(3)), r"Index: expected codes of shape \(N, d\), got \(3,\)"),
        (lambda: Index([[np.nan]]), "Index: expected finite numbers in codes"),
        (lambda: Index([[1e30]]), r"Index: expected codes of at most 1e\+15, got 1e\+30"),
        (lambda: Index(np.eye(2), [1, 2, 3]), r"Index: expected labels of shape \(2,\), got \(3,\)"),
        (lambda: Index(np.eye(2), distance="cosin"), r"distance to be one of cosine, euclidean.*did you mean 'cosine'"),
        (lambda: Index(np.eye(2), method="tree"), "method to be one of exact, brute, ball_tree, kd_tree, got 'tree'"),
        (lambda: Index(np.eye(2), names=["a"]), "Index: expected a name for each of 2 codes, got 1"),
        (lambda: Index(np.eye(2)).neighbours(np.eye(3), 1), r"codes of shape \(N, 2\), got \(3, 3\)"),
        (lambda: Index(np.eye(2)).neighbours(np.eye(2), 3), "k of at most 2 other images in the index, got 3"),
        (lambda: Index(np.eye(2)).neighbours(np.eye(2), 2, exclude=[0, 1]), "k of at most 1 other images"),
        (lambda: Index(np.eye(2)).neighbours(np.eye(2), 1, exclude=[0]), r"exclude of shape \(2,\), got \(1,\)"),
        (lambda: Index(np.eye(2)).neighbours(np.eye(2), 0), "k to be a whole number >= 1, got 0"),
        (lambda: Index(np.eye(2)).precision(np.eye(2), [0, 1], 1), "expected an index with labels, got one without"),
    ],
)
def test_bad_input(make, message):
    with pytest.raises(UsageError, match=message):
        make()


# --- precision


def test_precision_on_paper():
    found = [[0, 0, 1], [1, 1, 1], [1, 0, 0], [0, 0, 0]]
    precision = precision_at_k(found, [0, 1, 0, 2])
    assert precision.k == 3 and precision.queries == 4
    assert precision.overall == pytest.approx((2 / 3 + 1 + 2 / 3 + 0) / 4)
    assert precision.by_class == {0: pytest.approx(2 / 3), 1: 1.0, 2: 0.0}
    with pytest.raises(UsageError, match=r"wanted of shape \(4,\), got \(3,\)"):
        precision_at_k(found, [0, 1, 0])


# --- whitening


def test_power_one_half_makes_all_axes_equal_and_zero_changes_no_distance(rng):
    codes = rng.normal(size=(4000, 4)) @ np.diag([5.0, 1.0, 0.3, 0.1]) @ np.linalg.qr(rng.normal(size=(4, 4)))[0] + 3
    white = PowerWhitening(codes, 0.5).apply(codes)
    assert_allclose(np.cov(white.T), np.diag(np.diag(np.cov(white.T))), atol=1e-3)
    assert_allclose(np.cov(white.T).diagonal(), [1, 1, 0.97, 0.8], atol=0.03)  # SMALLEST_SHARE of 25 is added to all
    turned = PowerWhitening(codes, 0.0).apply(codes)
    lengths = [np.linalg.norm(z[:50] - z[50:100], axis=1) for z in (turned, codes)]
    assert_allclose(*lengths, rtol=1e-4)
    half = PowerWhitening(codes, 0.25).apply(codes)
    assert_allclose(half.mean(axis=0), 0, atol=1e-4)
    assert_allclose(half.std(axis=0), [5**0.5, 1, 0.3**0.5, 0.1**0.5], rtol=0.08)  # variance / variance^(2 * 1/4)


def test_whitening_of_codes_that_do_not_vary():
    codes = np.full((5, 3), 2.0)
    assert_array_equal(PowerWhitening(codes).apply(codes + 1), np.ones((5, 3)) @ PowerWhitening(codes).axes)
    codes[:, 0] = np.arange(5)
    assert np.isfinite(PowerWhitening(codes, 0.5).apply(codes)).all()


def test_whitening_refuses():
    with pytest.raises(UsageError, match=r"power in \[0, 0.5\], got 0.6"):
        PowerWhitening(np.eye(3), 0.6)
    with pytest.raises(UsageError, match=r"codes of shape \(N, 3\), got \(2, 2\)"):
        PowerWhitening(np.eye(3)).apply(np.eye(2))
    with pytest.raises(UsageError, match="finite numbers in codes"):
        PowerWhitening([[np.inf, 0.0]])


def test_queries_are_whitened_like_the_index(rng):
    codes = rng.normal(size=(50, 4)) * [9, 1, 1, 0.1]
    whitening = PowerWhitening(codes)
    plain = Index(whitening.apply(codes)).neighbours(whitening.apply(codes[:5]), 3)
    inside = Index(codes, whitening=whitening).neighbours(codes[:5], 3)
    assert_array_equal(plain[0], inside[0])
    assert not np.array_equal(inside[0], Index(codes).neighbours(codes[:5], 3)[0])


# --- codes and nets


def test_codes_are_rows_whatever_the_shape(rng):
    x = rng.uniform(size=(5, 8, 8, 1)).astype(np.float32)
    model = conv_autoencoder((8, 8, 1))
    codes = codes_of(model, x)
    assert codes.shape == (5, model.code_size) and codes.dtype == np.float32 and codes.flags.c_contiguous
    assert_array_equal(codes, codes_of(model, x.reshape(5, 64)))
    assert_array_equal(codes, model.encode(x).reshape(5, -1))
    assert codes_of(small_net(dtype=np.float64), np.zeros((2, 12))).dtype == np.float32
    with pytest.raises(UsageError, match="codes_of: expected images of 8 x 8 x 1, as the model takes, got 9 x 8 x 1"):
        codes_of(model, np.zeros((2, 9, 8, 1)))
    with pytest.raises(UsageError, match=r"expected images \(N, ...\), got shape \(64,\); for one image use x\[None\]"):
        codes_of(model, np.zeros(64))
    with pytest.raises(UsageError, match="search: expected images of 8 x 8 x 1, as the model takes, got 28 x 28 x 1"):
        check_takes(model, 784, (28, 28, 1))


def test_fingerprints_tell_nets_apart():
    assert fingerprint(small_net()) == fingerprint(small_net())
    changed = small_net()
    changed.theta[-1] += 1e-7
    others = [small_net(1), small_net(code=4), changed, small_net(dtype=np.float64)]
    assert len({fingerprint(net) for net in (small_net(), *others)}) == 5
    a, b = (Autoencoder([Dense(3), BatchNorm()], [Dense(12)], "mse", input_shape=12) for _ in range(2))
    assert fingerprint(a) == fingerprint(b)
    b.encoder.layers[1].state["mean"] += 1
    assert fingerprint(a) != fingerprint(b)


@pytest.mark.parametrize(
    "n, epochs", [(1, 200), (300, 200), (640, 100), (641, 91), (2000, 32), (6336, 11), (6337, 10), (60_000, 10)]
)
def test_few_images_are_gone_through_more_often(n, epochs):
    assert epochs_for(n) == epochs


def test_nets_by_name():
    warped, plain = net_for("warped", (28, 28, 1)), net_for("plain", (28, 28, 1))
    assert isinstance(warped.corruption, Warp) and plain.corruption is None and warped.code_size == 128
    assert_array_equal(warped.theta, search_autoencoder(seed=0).theta)
    assert net_for("conv", (28, 28, 1)).encoder.output_shape == (4, 4, 8)
    assert net_for("plain", (8, 8, 1)).code_size == 32  # half of 64 pixels
    assert net_for("dense", (1, 13, 1)).code_size == 6 and net_for("dense", (1, 13, 1), 4).code_size == 4
    for arguments, message in (
        (("pca", (8, 8, 1)), "search: expected net to be one of warped, plain, conv, dense, got 'pca'"),
        (("conv", (8, 8, 1), 16), "expected no code_size for the net conv, got 16"),
        (("warped", (1, 13, 1)), "expected images for the net warped, got rows of 13 numbers; use the net dense"),
    ):
        with pytest.raises(UsageError, match=message):
            net_for(*arguments)


# --- files


@pytest.fixture
def saved(tmp_path, rng):
    """An index with everything in it, its model and its file."""
    model = small_net()
    codes = codes_of(model, rng.uniform(size=(9, 12)))
    index = Index(
        codes, rng.integers(0, 2, 9), distance="euclidean", whitening=PowerWhitening(codes), class_names=("cat", "dög"),
        names=[f"{i}.png" for i in range(9)], model=model,
    )  # fmt: skip
    index.save(tmp_path / "index.npz")
    return index, model, tmp_path / "index.npz"


def test_files_give_the_index_back(saved, rng):
    index, model, path = saved
    queries = rng.normal(size=(4, 3))
    back = Index.load(path, model)
    assert_array_equal(back.neighbours(queries, 5)[0], index.neighbours(queries, 5)[0])
    assert_array_equal(back.neighbours(queries, 5)[1], index.neighbours(queries, 5)[1])
    assert back.class_names == ("cat", "dög") and back.names == index.names and back.distance == "euclidean"
    assert_array_equal(back.labels, index.labels)
    assert back.precision(queries, [0, 1, 0, 1], 3) == index.precision(queries, [0, 1, 0, 1], 3)
    Index(np.eye(3)).save(path)
    bare = Index.load(path)
    assert bare.labels is bare.names is bare.class_names is bare.whitening is bare.made_by is None
    assert list(path.parent.iterdir()) == [path]


def test_an_index_knows_its_model(saved):
    _, model, path = saved
    model.theta[0] += 1
    with pytest.raises(
        UsageError, match=r"an index made by this model, got .*index.npz, made by another; index the im"
    ):
        Index.load(path, model)
    Index(np.eye(3)).save(path)
    with pytest.raises(UsageError, match="made by none that is known"):
        Index.load(path, model)


def test_a_model_that_went_through_a_file_is_still_known(saved, tmp_path):
    _, model, path = saved
    storage.save(model, tmp_path / "model.npz")
    assert len(Index.load(path, storage.load(tmp_path / "model.npz"))) == 9


def test_holds_tells_other_images(saved, rng):
    index, model, _ = saved
    codes = codes_of(model, rng.uniform(size=(2, 12)))
    assert not index.holds(codes, [0, 8])
    again = Index(np.arange(12.0).reshape(4, 3))
    assert again.holds(np.arange(12.0).reshape(4, 3)[[1, 3]], [1, 3]) and not again.holds(np.eye(3)[:2], [0, 1])
    assert not again.holds(np.eye(4)[:2], [0, 1]) and not again.holds(np.zeros((1, 3)), [4])


def rewritten(path, **changes):
    """The file with other arrays; None leaves one out."""
    with np.load(path) as file:
        arrays = {name: file[name] for name in file.files} | changes
    np.savez(path, **{name: array for name, array in arrays.items() if array is not None})


def about(path, **changes):
    with np.load(path) as file:
        return np.array(json.dumps(json.loads(str(file["about"])) | changes))


@pytest.mark.parametrize(
    "damage, message",
    [
        (lambda p: p.unlink(), "which does not exist"),
        (lambda p: p.write_bytes(p.read_bytes()[:-30]), "expected a whole index file written by Index.save"),
        (lambda p: p.write_bytes(b""), "expected a whole index file"),
        (lambda p: storage.save(small_net(), p), "expected a whole index file written by Index.save, got"),
        (lambda p: rewritten(p, points=np.array([None] * 3)), "expected a whole index file"),
        (lambda p: rewritten(p, about=np.array("[]")), "expected an index in .*got something else"),
        (lambda p: rewritten(p, about=about(p, format=9, tinyae="9.1")), r"format 1 or older .*got 9; .*version 9.1"),
        (lambda p: rewritten(p, about=about(p, distance="manhattan")), "expected settings this version knows"),
        (lambda p: rewritten(p, about=about(p, made_by=5)), "expected settings this version knows"),
        (lambda p: rewritten(p, points=None), "expected all arrays of an index"),
        (lambda p: rewritten(p, points=np.zeros((9, 3))), r"got points of shape \(9, 3\) of float64"),
        (lambda p: rewritten(p, points=np.full((9, 3), np.nan, "f")), "that fit together .*, got points"),
        (lambda p: rewritten(p, labels=np.zeros(8, int)), r"got labels of shape \(8,\)"),
        (lambda p: rewritten(p, names=np.arange(9)), "got names of shape"),
        (lambda p: rewritten(p, whitening_axes=np.zeros((3, 2), "f")), "got whitening_axes of shape"),
        (lambda p: rewritten(p, whitening_mean=np.zeros((3, 3), "f")), "got whitening_mean of shape"),
        (lambda p: rewritten(p, whitening_mean=None), "expected all arrays of an index"),
        (lambda p: rewritten(p, other=np.zeros(3)), "got other of shape"),
    ],
)
def test_files_that_are_no_index(saved, damage, message):
    path = saved[2]
    damage(path)
    with pytest.raises(UsageError, match=message) as caught:
        Index.load(path)
    assert str(caught.value).startswith("Index.load: expected ") and "\n" not in str(caught.value)


# --- comparison and galleries


def stripes(n, seed=0):
    """Images 6 x 6 of two classes, horizontal and vertical bars anywhere."""
    rng = np.random.default_rng(seed)
    x, y = np.zeros((n, 6, 6), np.float32), rng.integers(0, 2, n)
    for image, label in zip(x, y, strict=True):
        image[rng.integers(6) if label == 0 else slice(None), slice(None) if label == 0 else rng.integers(6)] = 1
    x += rng.uniform(0, 0.2, x.shape).astype(np.float32)
    return np.clip(x, 0, 1).reshape(n, 36), y


def test_comparison_has_a_row_for_each_method():
    x, y = stripes(80)
    model, untrained = (Autoencoder([Dense(5)], [Dense(36, "sigmoid")], input_shape=36, seed=seed) for seed in (0, 1))
    x[60:] *= np.linspace(0.2, 1, 36, dtype=np.float32)  # what is learned from these would differ
    train, test = np.arange(60), np.arange(60, 80)
    said = []
    rows = compare(model, x, y, train, test, untrained=untrained, k=4, say=said.append)
    names = [
        "autoencoder, whitened",
        "autoencoder",
        "untrained net, whitened",
        "untrained net",
        "PCA-5, whitened",
        "PCA-5",
    ]
    assert [row["method"] for row in rows] == [*names, "pixels as they are"]
    assert [row["size"] for row in rows] == [5] * 6 + [36] and said[0] == "precision@4 of autoencoder, whitened"
    pixels = rows[-1]["euclidean"]
    assert pixels.queries == 20 and pixels.k == 4
    want = []
    for i in test:  # all others may be found, those of the test part too; the query not
        order = np.argsort([math.dist(x[i], x[j]) if j != i else math.inf for j in range(80)], kind="stable")[:4]
        want.append(np.mean(y[order] == y[i]))
    assert pixels.overall == pytest.approx(np.mean(want))
    codes = codes_of(model, x)
    mine = Index(codes, y, whitening=PowerWhitening(codes[train])).precision(codes[test], y[test], 4, exclude=test)
    assert rows[0]["cosine"] == mine
    principal = PCA(x[train], 5).encode(x)
    for row, whitening in ((rows[4], PowerWhitening(principal[train])), (rows[5], None)):
        index = Index(principal, y, distance="euclidean", whitening=whitening)
        assert row["euclidean"] == index.precision(principal[test], y[test], 4, exclude=test)
    best, distance = best_baseline(rows)
    assert best[distance].overall == max(row[d].overall for row in rows[2:] for d in ("cosine", "euclidean"))


def test_comparison_without_what_makes_no_sense():
    x, y = stripes(30)
    model = Autoencoder([Dense(36)], [Dense(36, "sigmoid")], input_shape=36)  # as wide as the image: no PCA-36
    rows = compare(model, x, y, np.arange(20), np.arange(20, 30), k=2, power=0)
    assert [row["method"] for row in rows] == ["autoencoder", "pixels as they are"]


def test_gallery_of_a_data_set():
    x, y = stripes(14)
    data = Dataset("stripes", x[:10], y[:10], x[10:], y[10:], (6, 6, 1), ("lying", "standing"))
    gallery = gallery_of(data)
    assert len(gallery) == 14 and not gallery.is_rows
    assert_array_equal(gallery.x, x)
    assert gallery.train.tolist() == list(range(10)) and gallery.test.tolist() == [10, 11, 12, 13]
    assert gallery.names[9:11] == ("training 9", "test 0") and gallery.row_of(3) == 13
    assert gallery.label_of(13) == ("lying", "standing")[y[13]]
    assert len(gallery_of(data, limit=2)) == 12
    with pytest.raises(UsageError, match="one of 4 images of stripes to ask with, from 0 to 3, got 4"):
        gallery.row_of(4)


def test_gallery_of_a_file(tmp_path):
    x, _ = stripes(40)
    np.save(tmp_path / "x.npy", (255 * x).round().astype(np.uint8).reshape(40, 6, 6))
    gallery = gallery_of_file(tmp_path / "x.npy", seed=1)
    assert_allclose(gallery.x, x, atol=1 / 255)  # in the file's order
    assert len(gallery.test) == 4 and sorted([*gallery.train, *gallery.test]) == list(range(40))
    assert gallery.names[7] == "image 7" and gallery.labels is None and gallery.label_of(3) is None
    few = gallery_of_file(tmp_path / "x.npy", seed=1, limit=5)
    assert len(few) == 9 and few.test.size == 4 and few.train.size == 5
    for number, row in few.numbers.items():
        assert_array_equal(few.x[row], gallery.x[number])
        assert few.names[row] == f"image {number}"
    for row in few.test:
        assert any(np.array_equal(few.x[row], gallery.x[other]) for other in gallery.test)
    with pytest.raises(
        UsageError, match=r"9 images of x.npy to ask with, from 0 to \d+ without those a limit leaves out"
    ):
        few.row_of(next(i for i in range(40) if i not in few.numbers))


def test_gallery_of_a_table_takes_a_models_preparation(tmp_path):
    text = "a;b;kind\n" + "".join(f"{i},5;{i * i};{'xy'[i % 2]}\n" for i in range(20))
    (tmp_path / "t.csv").write_text(text)
    options = {"label": "kind", "decimal": ","}
    gallery = gallery_of_file(tmp_path / "t.csv", **options)
    assert gallery.is_rows and gallery.image_shape == (1, 2, 1) and gallery.class_names == ("x", "y")
    assert_allclose(gallery.x[gallery.train].mean(axis=0), 0, atol=1e-6)
    assert gallery.label_of(3) == "y" and gallery.names[0] == "row 1"
    other = Preparation.fit(read_samples(tmp_path / "t.csv", **options).subset(np.arange(5)))
    again = gallery_of_file(tmp_path / "t.csv", preparation=other, **options)
    assert again.preparation is other and not np.allclose(again.x, gallery.x)


def test_gallery_of_too_few(tmp_path):
    np.save(tmp_path / "x.npy", np.zeros((2, 4, 4), np.uint8))
    with pytest.raises(UsageError, match=r"x.npy: expected at least 3 images to search, got 2"):
        gallery_of_file(tmp_path / "x.npy")


# --- learning


def test_warped_training_finds_what_pixels_do_not():
    """Bars lie anywhere: pixels of two bars of a kind hardly meet; a net that saw them shifted knows better."""
    from tinyae.optimizers import Nadam

    x, y = stripes(400)
    train, test = np.arange(300), np.arange(300, 400)
    model = search_autoencoder((6, 6, 1), 8)
    model.corruption = Warp(shift=0.5, turn=0, zoom=0)
    model.fit(x[train].reshape(-1, 6, 6, 1), epochs=25, batch_size=20, optimizer=Nadam(5e-3), threads=1, progress=False)
    rows = compare(model, x, y, train, test, k=80, threads=1)
    assert rows[0]["cosine"].overall > best_baseline(rows)[0]["cosine"].overall + 0.1


# --- pictures


def answers(k=3, label="cat", labels=("cat", "dog", "cat")):
    rng = np.random.default_rng(0)
    return [
        {"query": rng.uniform(size=36), "name": "a/very/long/name/of/a/file.png", "label": label,
         "images": rng.uniform(size=(k, 36)), "distances": np.arange(k) / 10, "labels": labels and list(labels)}
    ] * 2  # fmt: skip


def test_picture_of_neighbours():
    figure = pictures.neighbour_rows(answers(), (6, 6, 1), "stripes", "cosine distance")
    axes = np.array(figure.axes).reshape(2, 5)
    assert "cosine distance" in figure.get_suptitle()
    assert axes[0, 0].get_title() == "a/very/…file.png\ncat" and axes[1, 3].get_title() == "0.100\ndog"
    colours = [axis.spines["left"].get_edgecolor() for axis in axes[0, 2:]]
    assert colours[0] == colours[2] != colours[1]
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["the query's class", "another class"]


@pytest.mark.slow
def test_picture_without_classes_and_of_rows():
    figure = pictures.neighbour_rows(answers(label=None, labels=None), (6, 6, 1))
    assert not figure.legends and figure.axes[2].get_title() == "0.000"
    curves = pictures.neighbour_rows(answers(), (1, 36, 1))
    assert len(curves.axes[2].lines) == 1 and not curves.axes[2].images


def test_picture_of_precision():
    series = [("autoencoder", 0.8, {0: 0.9, 1: 0.7}), ("pixels", 0.6, {0: 0.5, 1: 0.7})]
    figure = pictures.precision_by_class(series, {0: "cat", 1: "dog"}, 10, "title")
    axis = figure.axes[0]
    assert [text.get_text() for text in axis.get_yticklabels()] == ["dog", "cat"]  # the worst below
    assert "precision@10" in axis.get_xlabel()
    assert [text.get_text() for text in figure.legends[0].get_texts()] == [
        "autoencoder (0.800 over all)", "pixels (0.600 over all)",
    ]  # fmt: skip
