"""Errors, principal components, baselines and the nearest-neighbour score, beside loops, SVD and scikit-learn."""

import math

import naive
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from test_checks import says

from tinyae import analysis
from tinyae.analysis import (
    PCA,
    baselines,
    bce_floor,
    binary_cross_entropy,
    knn_accuracy,
    mean_and_covariance,
    squared_error,
)
from tinyae.checks import UsageError

SEEDS = st.integers(0, 2**32 - 1)
SHAPES = st.lists(st.integers(1, 7), min_size=2, max_size=4).map(tuple)


@pytest.fixture
def data(rng):
    """(200, 6), float64: a slanted cloud away from the origin, its variances clearly apart."""
    return rng.normal(size=(200, 6)) * [5, 3, 2, 1, 0.5, 0.1] @ np.linalg.qr(rng.normal(size=(6, 6)))[0] + 10


# -- errors ---------------------------------------------------------------------------------------------------


@given(SEEDS, SHAPES)
def test_squared_error(seed, shape):
    rng = np.random.default_rng(seed)
    x, y = rng.uniform(size=shape), rng.uniform(size=shape)
    assert squared_error(x, y) == pytest.approx(naive.squared_error(x, y), rel=1e-12)
    assert type(squared_error(x, y)) is float


@given(SEEDS, SHAPES)
def test_binary_cross_entropy(seed, shape):
    rng = np.random.default_rng(seed)
    x, p = np.clip(rng.uniform(-0.3, 1.3, shape), 0, 1), rng.uniform(0.01, 0.99, shape)
    assert binary_cross_entropy(x, p) == pytest.approx(naive.cross_entropy(x, p), rel=1e-12)


def test_cross_entropy_of_sure_reconstructions():
    x, smallest = np.array([[1.0, 0.0]]), -math.log(1e-7)
    assert binary_cross_entropy(x, 1 - x) == pytest.approx(2 * smallest, rel=1e-6)  # finite
    assert binary_cross_entropy(x, x) == pytest.approx(2e-7, rel=1e-3)
    assert binary_cross_entropy(x, np.array([[1.3, -0.2]])) == pytest.approx(2e-7, rel=1e-3)  # PCA leaves [0, 1]


@given(SEEDS, SHAPES)
def test_floor_is_the_entropy_of_the_grey_values(seed, shape):
    x = np.clip(np.random.default_rng(seed).uniform(-0.3, 1.3, shape), 0, 1)
    assert bce_floor(x) == pytest.approx(naive.cross_entropy(x, np.clip(x, 1e-300, 1 - 1e-16)), rel=1e-12, abs=1e-12)


def test_floor_on_paper():
    assert bce_floor(np.array([[0.0, 1.0], [1.0, 1.0]])) == 0
    assert bce_floor(np.array([[0.5, 0.5], [0.5, 0.0]])) == pytest.approx(1.5 * math.log(2))


def test_floor_is_a_floor(rng):
    x = rng.uniform(size=(20, 5))
    assert binary_cross_entropy(x, x) == pytest.approx(bce_floor(x), rel=1e-12)
    assert binary_cross_entropy(x, np.clip(x + 0.01, 0, 1)) > bce_floor(x)


@pytest.mark.parametrize("n", [1999, 2000, 2001, 4500])
def test_errors_across_chunks(n, rng):
    x, y = rng.uniform(size=(n, 3)).astype(np.float32), rng.uniform(0.1, 0.9, size=(n, 3)).astype(np.float32)
    a, b = x.astype(np.float64), y.astype(np.float64)
    assert squared_error(x, y) == pytest.approx(np.square(a - b).sum() / n, rel=1e-12)
    assert binary_cross_entropy(x, y) == pytest.approx(-np.sum(a * np.log(b) + (1 - a) * np.log(1 - b)) / n, rel=1e-9)
    assert bce_floor(x) == pytest.approx(-np.sum(a * np.log(a) + (1 - a) * np.log(1 - a)) / n, rel=1e-9)


@pytest.mark.parametrize("error", [squared_error, binary_cross_entropy])
def test_errors_want_one_shape(error):
    with says(f"{error.__name__}: expected reconstruction of shape (2, 3), got (2, 4).", ValueError):
        error(np.zeros((2, 3)), np.zeros((2, 4)))


# -- principal components -------------------------------------------------------------------------------------


@pytest.mark.parametrize("k", [1, 3, 6])
def test_pca_beside_svd(data, k):
    pca = PCA(data, k)
    centred = data - data.mean(axis=0)
    _, s, vt = np.linalg.svd(centred, full_matrices=False)
    assert_allclose(pca.mean, data.mean(axis=0), rtol=1e-12)
    assert_allclose(pca.variances, s[:k] ** 2 / len(data), rtol=1e-9)
    assert pca.components.shape == (6, k)
    assert_allclose(pca.components.T @ pca.components, np.eye(k), atol=1e-12)
    assert_allclose(pca.components @ pca.components.T, vt[:k].T @ vt[:k], atol=1e-9)  # the same subspace
    assert_allclose(np.abs(np.sum(pca.components * vt[:k].T, axis=0)), np.ones(k), rtol=1e-9)  # in the same order
    assert squared_error(data, pca.reconstruct(data)) == pytest.approx(
        np.sum(s[k:] ** 2) / len(data), rel=1e-7, abs=1e-9
    )
    assert_allclose(pca.encode(data).var(axis=0), pca.variances, rtol=1e-9)
    assert_allclose(pca.encode(data).mean(axis=0), np.zeros(k), atol=1e-12)
    assert_allclose(pca.decode(pca.encode(data)), pca.reconstruct(data))


def test_pca_of_few_wide_rows(rng):
    x = (rng.normal(size=(9, 40)) * np.linspace(0.1, 5, 40) + 7).astype(np.float32)
    pca = PCA(x, 4)
    z = x.astype(np.float64)
    _, s, vt = np.linalg.svd(z - z.mean(axis=0), full_matrices=False)
    assert_allclose(pca.variances, s[:4] ** 2 / 9, rtol=1e-9)
    assert_allclose(pca.components, vt[:4].T * np.sign(np.sum(pca.components * vt[:4].T, axis=0)), atol=1e-9)
    assert (np.take_along_axis(pca.components, np.abs(pca.components).argmax(axis=0)[None], 0) > 0).all()
    whole = PCA(np.repeat(x, 5, axis=0), 4)  # 45 rows: the other way
    assert_allclose(whole.components, pca.components, atol=1e-6)
    for k in (8, 9, 20):  # nine rows lie in eight dimensions; what is beyond is any orthonormal completion
        components = PCA(x, k).components
        assert_allclose(components.T @ components, np.eye(k), atol=1e-12)
        assert_allclose(PCA(x, k).reconstruct(z), z, atol=1e-5)
    twice = np.concatenate([x[:4], x[:4]])  # three dimensions
    assert_allclose(PCA(twice, 6).components.T @ PCA(twice, 6).components, np.eye(6), atol=1e-12)
    assert_allclose(PCA(twice, 6).variances[3:], 0, atol=1e-12)
    assert_allclose(PCA(twice, 6).reconstruct(z[:4]), z[:4], atol=1e-5)
    alike = np.repeat(x[:1], 9, axis=0)
    assert_allclose(PCA(alike, 2).components.T @ PCA(alike, 2).components, np.eye(2), atol=1e-12)


def test_pca_signs_are_settled(data):
    for pca in (PCA(data, 6), PCA(2 * data.mean(axis=0) - data, 6)):  # mirrored data: the same covariance
        assert (np.take_along_axis(pca.components, np.abs(pca.components).argmax(axis=0)[None], 0) > 0).all()
    assert_allclose(PCA(data, 6).components, pca.components, atol=1e-9)


def test_pca_on_paper():
    x = np.array([[0.0, 0.0], [2.0, 2.0], [4.0, 4.0], [2.0, 2.0]])  # on the diagonal: one component says all
    pca = PCA(x, 1)
    assert_allclose(pca.mean, [2, 2])
    assert_allclose(pca.components, np.full((2, 1), math.sqrt(0.5)))
    assert_allclose(pca.variances, [4])  # (8 + 0 + 8 + 0) / 4
    assert_allclose(pca.encode(x)[:, 0], [-math.sqrt(8), 0, math.sqrt(8), 0], atol=1e-12)
    assert_allclose(pca.reconstruct(x), x, atol=1e-12)


def test_pca_keeps_float32(data):
    x = data.astype(np.float32)
    pca = PCA(x, 2)
    assert pca.encode(x).dtype == pca.reconstruct(x).dtype == np.float32 and pca.components.dtype == np.float64
    assert_allclose(pca.reconstruct(x), PCA(data, 2).reconstruct(data), atol=2e-5)


@pytest.mark.parametrize("kind", [np.uint8, np.int64])
def test_pca_of_whole_numbers(rng, kind):
    """Components rounded to whole numbers would be all zeros and ones."""
    x = rng.integers(0, 256, (50, 4)).astype(kind)
    pca = PCA(x, 2)
    want = PCA(x.astype(np.float64), 2).reconstruct(x.astype(np.float64))
    assert_allclose(pca.reconstruct(x), want, atol=1e-3)


def test_covariance_far_from_the_origin(rng):
    x = rng.normal(size=(4100, 3)) * [1, 2, 3]
    mean, covariance = mean_and_covariance(x + 1e6)
    assert_allclose(mean, x.mean(axis=0) + 1e6, rtol=1e-12)
    assert_allclose(covariance, np.cov(x.T, bias=True), rtol=1e-7, atol=1e-7)


def test_pca_errors():
    x = np.zeros((5, 3))
    with says("PCA: expected at most 3 components for rows of that length, got 4."):
        PCA(x, 4)
    with says("PCA: expected k to be a whole number >= 1, got 0."):
        PCA(x, 0)
    with says("PCA: expected x of shape (N, D), got (5, 3, 1).", ValueError):
        PCA(x[..., None], 1)


@pytest.mark.oracle
@pytest.mark.parametrize("k", [1, 3, 6])
def test_pca_beside_sklearn(data, k):
    theirs = pytest.importorskip("sklearn.decomposition").PCA(k, svd_solver="full").fit(data)
    ours = PCA(data, k)
    signs = np.sign(np.sum(ours.components * theirs.components_.T, axis=0))
    assert_allclose(ours.components, theirs.components_.T * signs, atol=1e-9)
    assert_allclose(ours.encode(data), theirs.transform(data) * signs, atol=1e-8)
    assert_allclose(ours.reconstruct(data), theirs.inverse_transform(theirs.transform(data)), rtol=1e-9)
    assert_allclose(ours.variances * len(data) / (len(data) - 1), theirs.explained_variance_, rtol=1e-9)


# -- baselines ------------------------------------------------------------------------------------------------


def test_baselines(data):
    train, test = data[:150], data[150:]
    values = baselines(train, test, 2)
    assert list(values) == ["mean_image", "pca", "floor"]
    assert values["mean_image"] == pytest.approx(naive.squared_error(test, np.tile(train.mean(axis=0), (50, 1))))
    assert values["pca"] == pytest.approx(squared_error(test, PCA(train, 2).reconstruct(test)))
    assert values["floor"] == 0
    assert values["mean_image"] > values["pca"] > 0


def test_baselines_in_another_unit(rng):
    x = rng.uniform(0.2, 0.8, size=(40, 3, 2)).astype(np.float32)
    values = baselines(x, x[:10], 2, metric=binary_cross_entropy)
    assert values["floor"] == pytest.approx(bce_floor(x[:10]), rel=1e-6)
    mean = np.tile(x.mean(axis=0, dtype=np.float64), (10, 1, 1))
    assert values["mean_image"] == pytest.approx(binary_cross_entropy(x[:10], mean), rel=1e-6)


@pytest.mark.parametrize("code_size, there", [(5, True), (6, False), (7, False)])
def test_no_pca_for_a_code_as_wide_as_the_data(data, code_size, there):
    assert ("pca" in baselines(data, data, code_size)) == there


# -- nearest neighbours ---------------------------------------------------------------------------------------


@given(st.data())
def test_knn_accuracy_with_ties(data):
    """Small whole numbers: ties in distance and ties in votes."""
    rng = np.random.default_rng(data.draw(SEEDS))
    n, m, d = (data.draw(st.integers(1, high), label=label) for label, high in (("N", 25), ("M", 12), ("d", 3)))
    k = data.draw(st.integers(1, n), label="k")
    train, test = rng.integers(-2, 3, (n, d)), rng.integers(-2, 3, (m, d))
    labels, wanted = rng.integers(0, 4, n), rng.integers(0, 4, m)
    want = naive.knn_accuracy(train, labels, test, wanted, k)
    for threads in (1, 2):
        assert knn_accuracy(train, labels, test, wanted, k, threads=threads) == pytest.approx(want, abs=1e-15)


def test_knn_accuracy_on_paper():
    train, labels = np.array([[0.0], [1.0], [2.0], [10.0], [11.0]]), np.array([7, 7, 3, 3, 3])
    test = np.array([[0.5], [10.5], [1.9]])
    assert knn_accuracy(train, labels, test, np.array([7, 3, 3]), k=1) == 1
    assert knn_accuracy(train, labels, test, np.array([7, 3, 3]), k=3) == pytest.approx(2 / 3)  # 1.9: 7, 7, 3
    assert knn_accuracy(train, labels, test, np.array([7, 3, 3]), k=2) == 1  # 1.9: one vote each, 3 is smaller
    assert knn_accuracy(train, labels, test, np.array([3, 3, 3]), k=5) == 1
    assert knn_accuracy(train, labels, test, np.array([0, 0, 99]), k=5) == 0  # labels no training code has


def test_five_neighbours_are_asked():
    train, labels = np.arange(6.0)[:, None], np.array([0, 0, 1, 1, 1, 0])
    assert knn_accuracy(train, labels, np.array([[0.0]]), np.array([1])) == 1  # 0 0 1 1 1; three would say 0, six too


@pytest.mark.parametrize("threads", [1, 2, 3, 8])
def test_knn_accuracy_does_not_depend_on_threads(threads, rng):
    train, test = rng.normal(size=(60, 4)), rng.normal(size=(5, 4))
    labels, wanted = rng.integers(0, 3, 60), rng.integers(0, 3, 5)
    want = naive.knn_accuracy(train, labels, test, wanted, 5)
    assert knn_accuracy(train, labels, test, wanted, threads=threads) == pytest.approx(want)


@pytest.mark.parametrize(
    "change, text",
    [
        ({"codes_test": np.zeros((4, 3))}, "expected codes_test of shape (M, 2), got (4, 3)."),
        ({"labels_train": np.zeros(4, int)}, "expected labels_train of shape (6,), got (4,)."),
        ({"labels_test": np.zeros((4, 1), int)}, "expected labels_test of shape (4,), got (4, 1)."),
        ({"k": 0}, "expected k to be a whole number >= 1, got 0."),
        ({"k": 7}, "expected k of at most 6 training codes, got 7."),
    ],
    ids=["codes", "labels", "test labels", "k low", "k high"],
)
def test_knn_errors(change, text):
    good = {
        "codes_train": np.zeros((6, 2)), "labels_train": np.zeros(6, int),
        "codes_test": np.zeros((4, 2)), "labels_test": np.zeros(4, int),
    }  # fmt: skip
    assert knn_accuracy(**good) == 1
    with says(f"knn_accuracy: {text}", ValueError):
        knn_accuracy(**(good | change))


@pytest.mark.parametrize("which", ["codes_train", "codes_test"])
def test_codes_of_a_diverged_net_are_refused(which):
    good = {"codes_train": np.zeros((6, 2), np.float32), "codes_test": np.zeros((4, 2), np.float32)}
    good[which][1, 0] = np.nan
    with pytest.raises(UsageError, match=rf"^knn_accuracy: expected finite numbers in {which}, got 1 NaN or infinite"):
        knn_accuracy(labels_train=np.zeros(6, int), labels_test=np.zeros(4, int), **good)


@pytest.mark.oracle
def test_knn_accuracy_beside_sklearn(rng):
    neighbors = pytest.importorskip("sklearn.neighbors")
    centres = 2 * rng.normal(size=(4, 3))
    labels, wanted = rng.integers(0, 4, 150), rng.integers(0, 4, 60)
    train = (centres[labels] + rng.normal(size=(150, 3))).astype(np.float32)
    test = (centres[wanted] + rng.normal(size=(60, 3))).astype(np.float32)
    theirs = neighbors.KNeighborsClassifier(5).fit(train, labels).score(test, wanted)
    assert 0.5 < theirs < 1
    assert knn_accuracy(train, labels, test, wanted) == pytest.approx(theirs)


def test_chunks_cover_every_row_once():
    x = np.arange(4500)[:, None]
    parts = [a for (a,) in analysis._chunks(x)]
    assert [len(a) for a in parts] == [2000, 2000, 500] and np.array_equal(np.concatenate(parts), x)


# --- peak signal-to-noise ratio


def test_psnr_by_hand():
    x = np.zeros((2, 4))
    y = np.array([[0.1, 0.1, 0.1, 0.1], [0.02, 0.0, 0.0, 0.0]])
    # mean squared errors 0.01 and 0.0001: 20 dB and 40 dB
    assert analysis.psnr(x, y) == pytest.approx(30.0)
    assert analysis.psnr(255 * x, 255 * y, peak=255) == pytest.approx(30.0)
    assert analysis.psnr(x.reshape(2, 2, 2), y.reshape(2, 2, 2)) == pytest.approx(30.0)


def test_psnr_of_a_perfect_image_is_infinite():
    x = np.random.default_rng(0).uniform(size=(3, 5)).astype(np.float32)
    assert analysis.psnr(x, x) == np.inf
    with pytest.raises(UsageError, match="psnr: expected reconstruction of shape"):
        analysis.psnr(x, x[:2])
    with pytest.raises(UsageError, match="psnr: expected at least one image, got none"):
        analysis.psnr(x[:0], x[:0])
