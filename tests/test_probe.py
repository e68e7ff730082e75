"""The linear probe: its gradient by finite differences, its bottom, scikit-learn's logistic regression beside it."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from test_checks import says
from threadpoolctl import threadpool_limits

from tinyae import UsageError, probe
from tinyae.datasets import load
from tinyae.datasets.digits import load_digits
from tinyae.gradcheck import numerical_gradient
from tinyae.probe import LinearProbe, SoftmaxLoss, linear_probe_accuracy, split
from tinyae.training.threads import Team


@pytest.fixture
def blobs(rng):
    """Codes (300, 6) of four overlapping classes, columns of different units; labels (300,)."""
    labels = rng.integers(0, 4, 300)
    codes = rng.normal(size=(4, 6))[labels] + rng.normal(size=(300, 6))
    return codes * [1, 100, 0.01, 1, 1, 1] + [0, 5000, 0, 1, 2, 3], labels


def standardised(codes):
    return (codes - codes.mean(axis=0)) / codes.std(axis=0)


def loss_by_hand(z, labels, W, b, weight_decay):
    """L as its formula says, a row at a time."""
    total = 0.0
    for row, label in zip(z, labels, strict=True):
        a = [sum(row[i] * W[i, c] for i in range(len(row))) + b[c] for c in range(len(b))]
        total -= np.log(np.exp(a[label]) / np.sum(np.exp(a)))
    return total / len(z) + weight_decay / 2 * np.sum(W**2)


# -- the loss -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("threads", [1, 2, 3])
def test_loss_and_gradient(rng, threads, monkeypatch):
    monkeypatch.setattr(probe, "ROWS_AT_ONCE", 4)
    z, y, theta = rng.normal(size=(23, 5)), rng.integers(0, 3, 23), rng.normal(size=18)
    with Team(threads) as team:
        loss = SoftmaxLoss(z, y, 3, 0.3, team)
        value, gradient = loss(theta)
        assert value == pytest.approx(loss_by_hand(z, y, *split(theta, 3), 0.3), rel=1e-12)
        assert_allclose(gradient, numerical_gradient(lambda: loss(theta)[0], theta), rtol=1e-6, atol=1e-9)
        single = SoftmaxLoss(z.astype(np.float32), y, 3, 0.3, team)(theta)
    assert single[0] == pytest.approx(value, rel=1e-5)
    assert_allclose(single[1], gradient, atol=1e-6)


def test_large_scores_do_not_overflow(rng):
    z, y = 1e4 * rng.normal(size=(8, 3)), np.arange(8) % 2
    with Team(1) as team:
        value, gradient = SoftmaxLoss(z, y, 2, 0.0, team)(np.arange(8.0))
    assert np.isfinite(value) and np.isfinite(gradient).all()


# -- the probe ------------------------------------------------------------------------------------------------


def test_it_ends_at_the_bottom(blobs):
    """Gradient zero, and every step away is uphill: L is convex."""
    codes, labels = blobs
    trained = LinearProbe(1e-2, tolerance=1e-9).fit(codes, labels)
    assert trained.minimum.converged and np.abs(trained.minimum.gradient).max() < 1e-9
    z, rng = standardised(codes), np.random.default_rng(1)
    lowest = loss_by_hand(z, labels, trained.W, trained.b, 1e-2)
    assert trained.minimum.value == pytest.approx(lowest, rel=1e-12)
    for _ in range(5):
        dW, db = 0.01 * rng.normal(size=trained.W.shape), 0.01 * rng.normal(size=trained.b.shape)
        assert loss_by_hand(z, labels, trained.W + dW, trained.b + db, 1e-2) > lowest


def test_scores_predictions_accuracy(blobs):
    codes, labels = blobs
    trained = LinearProbe().fit(codes, labels)
    a = standardised(codes) @ trained.W + trained.b
    assert_allclose(trained.scores(codes), a, rtol=1e-10, atol=1e-10)
    assert_array_equal(trained.predict(codes), a.argmax(axis=1))
    assert trained.accuracy(codes, labels) == (a.argmax(axis=1) == labels).mean() > 0.5
    assert type(trained.accuracy(codes, labels)) is float


def test_units_and_offsets_of_columns_do_not_matter(blobs):
    codes, labels = blobs
    plain = LinearProbe().fit(codes, labels)
    moved = LinearProbe().fit(codes * [3, 1e-4, 7, 1, 1e5, 2] + 10, labels)
    assert_allclose(moved.W, plain.W, atol=1e-4)
    assert moved.minimum.value == pytest.approx(plain.minimum.value, rel=1e-8)


def test_constant_columns_get_no_weight(blobs):
    codes, labels = blobs
    with_constant = LinearProbe().fit(np.column_stack([codes, np.full(300, 0.1)]), labels)
    assert_array_equal(with_constant.W[-1], 0)
    assert_allclose(with_constant.W[:-1], LinearProbe().fit(codes, labels).W, atol=1e-4)


def test_labels_are_what_they_are(blobs):
    codes, labels = blobs
    numbers = LinearProbe().fit(codes, labels)
    names = np.array(["zero", "one", "two", "three"])[labels]
    words = LinearProbe(tolerance=1e-7).fit(codes, names)
    assert_array_equal(words.classes, ["one", "three", "two", "zero"])
    assert words.accuracy(codes, names) == pytest.approx(numbers.accuracy(codes, labels), abs=0.01)
    gaps = LinearProbe().fit(codes, labels * 10 - 7)
    assert set(gaps.predict(codes)) == {-7, 3, 13, 23}
    assert numbers.accuracy(codes, labels + 4) == 0.0  # labels nobody has seen


def test_float32_and_float64_agree(blobs, monkeypatch):
    codes, labels = blobs
    types = []

    class Watched(SoftmaxLoss):
        def __init__(self, z, *others):
            types.append(z.dtype)
            super().__init__(z, *others)

    monkeypatch.setattr(probe, "SoftmaxLoss", Watched)
    codes = codes / [1, 100, 0.01, 1, 1, 1] - [0, 50, 0, 1, 2, 3]
    kept = codes.copy()
    wide, narrow = LinearProbe().fit(codes, labels), LinearProbe().fit(codes.astype(np.float32), labels)
    assert types == [np.float64, np.float32]
    assert_allclose(narrow.W, wide.W, atol=1e-3)
    assert narrow.minimum.value == pytest.approx(wide.minimum.value, rel=1e-6)
    assert_array_equal(codes, kept)


def test_more_rows_than_a_block(rng):
    labels = rng.integers(0, 2, 1300)
    codes = rng.normal(size=(1300, 3)) + labels[:, None]
    trained = LinearProbe(tolerance=1e-8).fit(codes, labels)
    assert trained.minimum.value == pytest.approx(
        loss_by_hand(standardised(codes), labels, trained.W, trained.b, 1e-3), rel=1e-10
    )
    assert trained.scores(codes).shape == (1300, 2)


@pytest.mark.parametrize("threads", [1, 2])
def test_same_bits(blobs, threads):
    first, second = (LinearProbe(threads=threads).fit(*blobs) for _ in range(2))
    assert_array_equal(first.W, second.W)


def test_weight_decay_holds_the_weights_down(blobs):
    sizes = [np.square(LinearProbe(decay).fit(*blobs).W).sum() for decay in (1e-4, 1e-2, 1, 100)]
    assert sizes == sorted(sizes, reverse=True) and sizes[-1] < 1e-3
    b = LinearProbe(1e6).fit(*blobs).b  # not decayed: what is left are the classes' shares
    shares = np.bincount(blobs[1]) / 300
    assert_allclose(np.exp(b) / np.exp(b).sum(), shares, atol=1e-4)


def test_too_few_iterations_are_told_of(blobs):
    with pytest.warns(RuntimeWarning, match=r"LinearProbe\.fit: expected a gradient below 1e-05, got .* after 2 iter"):
        LinearProbe(max_iterations=2).fit(*blobs)


def test_accuracy_in_one_call(blobs):
    codes, labels = blobs
    value = linear_probe_accuracy(codes[:200], labels[:200], codes[200:], labels[200:], weight_decay=0.1, threads=1)
    assert value == LinearProbe(0.1, threads=1).fit(codes[:200], labels[:200]).accuracy(codes[200:], labels[200:])
    assert 0.3 < value < 1


# -- oracles --------------------------------------------------------------------------------------------------


@pytest.mark.oracle
@pytest.mark.parametrize("weight_decay", [1e-3, 1e-1])
def test_beside_scikit_learn(weight_decay):
    linear_model = pytest.importorskip("sklearn.linear_model")
    data = load_digits(1000, 2000)
    W = np.random.default_rng(0).normal(size=(784, 30)) / 10
    codes, codes_test = (np.maximum(x @ W, 0).astype(np.float32) for x in (data.x_train, data.x_test))
    labels, labels_test = data.y_train, data.y_test
    ours = LinearProbe(weight_decay).fit(codes, labels)
    z, z_test = ((c - codes.mean(axis=0)) / codes.std(axis=0) for c in (codes, codes_test))
    theirs = linear_model.LogisticRegression(C=1 / (1000 * weight_decay), max_iter=3000)
    with threadpool_limits(1):
        theirs.fit(z, labels)
    theta = np.concatenate([theirs.coef_.T.ravel(), theirs.intercept_]).astype(np.float64)
    with Team(1) as team:
        value, _ = SoftmaxLoss(z.astype(np.float64), labels, 10, weight_decay, team)(theta)
    assert ours.minimum.value == pytest.approx(value, rel=1e-3)
    assert ours.accuracy(codes_test, labels_test) == pytest.approx(theirs.score(z_test, labels_test), abs=0.002)


@pytest.mark.realdata
def test_pixels_of_mnist():
    """Linear classifiers on pixels miss 12.0 % by LeCun et al. (1998) with squared error; logistic ones do better."""
    data = load("mnist")
    x, y = data.x_train[:5000], data.y_train[:5000]
    assert 0.88 < linear_probe_accuracy(x, y, data.x_test, data.y_test, weight_decay=0.01) < 0.92


# -- what is refused ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "codes, labels, text",
    [
        (np.zeros((3, 2)), [0, 1], "LinearProbe.fit: expected labels of shape (3,), got (2,)."),
        (np.zeros((3, 2)), [[0], [1], [2]], "LinearProbe.fit: expected labels of shape (3,), got (3, 1)."),
        (np.zeros(3), [0, 1, 1], "LinearProbe.fit: expected codes of shape (N, D), got (3,)."),
        (np.zeros((0, 2)), [], "LinearProbe.fit: expected at least one code in codes, got none."),
        (np.zeros((2, 2)), [5, 5], "LinearProbe.fit: expected labels of at least two classes, got [5]."),
        (
            np.zeros((2, 2)),
            [0.5, 1],
            "LinearProbe.fit: expected labels to be whole numbers or words, got float64 numbers.",
        ),
        (
            [[0, np.nan], [1, 1]],
            [0, 1],
            "LinearProbe.fit: expected finite numbers in codes, got 1 NaN or infinite, the first at index (0, 1); "
            "remove or fill them.",
        ),
    ],
)
def test_bad_data_are_refused(codes, labels, text):
    with says(text):
        LinearProbe().fit(codes, labels)


def test_codes_of_another_width_are_refused(blobs):
    codes, labels = blobs
    with says("LinearProbe.scores: expected codes of shape (N, 6), got (3, 5)."):
        LinearProbe().fit(codes, labels).predict(codes[:3, :5])
    with says("linear_probe_accuracy: expected codes_test of shape (M, 6), got (3, 5)."):
        linear_probe_accuracy(codes, labels, codes[:3, :5], labels[:3])
    with says("linear_probe_accuracy: expected labels_test of shape (3,), got (2,)."):
        linear_probe_accuracy(codes, labels, codes[:3], labels[:2])
    with says("LinearProbe.scores: expected a trained probe, got one before fit."):
        LinearProbe().predict(codes)


def test_bad_settings_are_refused():
    with says("LinearProbe: expected weight_decay in [0, inf), got -1."):
        LinearProbe(-1)
    with pytest.raises(UsageError, match="LinearProbe: expected max_iterations to be a whole number >= 1, got 0"):
        LinearProbe(max_iterations=0)
    with pytest.raises(UsageError, match=r"LinearProbe: expected tolerance in \(0, inf\], got 0"):
        LinearProbe(tolerance=0)


def test_a_common_scale_leaves_rare_units_quiet():
    rng = np.random.default_rng(3)
    codes = rng.normal(size=(60, 4)) * [1.0, 2.0, 0.5, 0.01]
    labels = (codes[:, 0] > 0).astype(int)
    probe = LinearProbe(0.1, scale="common").fit(codes, labels)
    width = np.sqrt(np.mean(codes.var(axis=0)))
    assert_allclose(probe.scaling.apply(codes), (codes - codes.mean(axis=0)) / width, rtol=1e-12)
    # The same as a probe of the codes divided by hand, and another than the standardised one.
    loud, quiet = (np.abs(LinearProbe(0.1, scale=s).fit(codes, labels).W[3]).max() for s in ("standard", "common"))
    assert quiet < 0.1 * loud
    value = linear_probe_accuracy(codes, labels, codes, labels, weight_decay=0.1, scale="common")
    assert value == probe.accuracy(codes, labels)
    with pytest.raises(UsageError, match="LinearProbe: expected scale to be one of standard, common, got 'minmax'"):
        LinearProbe(scale="minmax")


def test_float64_goes_on_where_float32_can_go_no_further():
    rng = np.random.default_rng(4)
    codes = rng.normal(size=(300, 20)).astype(np.float32)
    labels = (codes[:, 0] + 0.3 * rng.normal(size=300) > 0).astype(int)
    probe = LinearProbe(1e-3, tolerance=1e-9, threads=1).fit(codes, labels)  # float32 stops near 1e-7
    exact = LinearProbe(1e-3, tolerance=1e-9, threads=1).fit(codes.astype(np.float64), labels)
    assert probe.minimum.converged and np.abs(probe.minimum.gradient).max() <= 1e-9
    assert_allclose(probe.W, exact.W, rtol=1e-4, atol=1e-6)
