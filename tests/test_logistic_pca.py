"""Logistic principal components: derivatives, the loss that falls, the minimum itself."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from tinyae import analysis, logistic_pca
from tinyae.checks import UsageError
from tinyae.logistic_pca import LogisticPCA
from tinyae.minimisers.lbfgs import minimise

RIDGE = 0.05


def draw(n=40, d=12, k=3, seed=0):
    """Grey values whose logits have rank k."""
    rng = np.random.default_rng(seed)
    return 1 / (1 + np.exp(-(rng.normal(size=(n, k)) @ rng.normal(size=(k, d)) * 1.5 + rng.normal(size=d))))


def loss(x, codes, components, mean, ridge):
    """The cross-entropy of p = sigmoid(t) with its ridge: -log p = log(1 + exp(-t))."""
    t = codes @ components.T + mean
    squares = sum(np.square(a).sum() for a in (codes, components, mean))
    return np.sum(x * np.logaddexp(0, -t) + (1 - x) * np.logaddexp(0, t)) + ridge / 2 * squares


def test_losses_are_what_they_say_and_never_rise():
    x = draw()
    model = LogisticPCA(x, 2, sweeps=30, tolerance=0.0, ridge=RIDGE)
    assert len(model.losses) == 31
    assert (np.diff(model.losses) <= 0).all() and model.losses[-1] < 0.97 * model.losses[0]
    found = loss(x, model.encode(x), model.components, model.mean, RIDGE) / len(x)
    assert found <= model.losses[-1] + 1e-6  # the codes of the last sweep were those of components before it
    assert found == pytest.approx(model.losses[-1], rel=1e-3)


def test_ends_when_a_sweep_gains_little():
    losses = LogisticPCA(draw(), 2, sweeps=200, tolerance=1e-3, ridge=RIDGE).losses
    gains = -np.diff(losses) / losses[1:]
    assert len(losses) < 100 and gains[-1] <= 1e-3 and (gains[:-1] > 1e-3).all()


def test_the_minimum_is_that_of_all_numbers_at_once():
    """Codes, components and offsets as one long vector, gradients by finite differences, minimised by L-BFGS."""
    x = draw(9, 6, 2, seed=3)
    shapes = ((9, 1), (6, 1), (6,))
    cuts = np.cumsum([np.prod(shape) for shape in shapes])

    def value(theta):
        codes, components, mean = (
            part.reshape(shape) for part, shape in zip(np.split(theta, cuts[:-1]), shapes, strict=True)
        )
        return loss(x, codes, components, mean, RIDGE)

    def with_gradient(theta):
        nudges = 1e-5 * np.eye(len(theta))
        return value(theta), np.array([(value(theta + e) - value(theta - e)) / 2e-5 for e in nudges])

    tries = [
        minimise(with_gradient, np.random.default_rng(seed).normal(size=cuts[-1]), tolerance=1e-6).value
        for seed in range(4)
    ]
    model = LogisticPCA(x, 1, sweeps=500, tolerance=0.0, ridge=RIDGE)
    assert 9 * model.losses[-1] == pytest.approx(min(tries), rel=1e-6)


def test_steps_go_down_the_gradient_of_the_loss():
    """Gradient and curvature of both half steps from finite differences: one full Newton step by hand."""
    rng = np.random.default_rng(1)
    x, codes, loadings = draw(7, 5), 0.1 * rng.normal(size=(7, 3)), 0.1 * rng.normal(size=(5, 3))
    codes[:, -1] = 1

    def newton(value, at, free):
        def gradient(a):
            return np.array([(value(a + e) - value(a - e)) / 2e-4 for e in 1e-4 * np.eye(len(a))[:free]])

        H = np.array([(gradient(at + e) - gradient(at - e)) / 2e-4 for e in 1e-4 * np.eye(len(at))[:free]])
        step = np.zeros(len(at))
        step[:free] = -np.linalg.solve(H, gradient(at))
        return at + step

    def of_image(n):
        return lambda a: loss(x[n : n + 1], a[None, :2], loadings[:, :2], loadings[:, 2], 0) + RIDGE / 2 * a[:2] @ a[:2]

    def of_pixel(d):
        return lambda v: loss(x[:, d : d + 1], codes, v[None], np.zeros(1), 0) + RIDGE / 2 * v @ v

    stepped, losses = logistic_pca.step_codes(x, codes, loadings, RIDGE)
    for n in range(7):
        assert_allclose(stepped[n], newton(of_image(n), codes[n], 2), rtol=1e-4, atol=1e-5)
        assert losses[n] == pytest.approx(of_image(n)(stepped[n]), rel=1e-9)
    assert_array_equal(stepped[:, 2], 1)
    stepped, losses = logistic_pca.step_loadings(x, codes, loadings, RIDGE)
    for d in range(5):
        assert_allclose(stepped[d], newton(of_pixel(d), loadings[d], 3), rtol=1e-4, atol=1e-5)
        assert losses[d] == pytest.approx(of_pixel(d)(stepped[d]), rel=1e-9)


def test_codes_of_new_images_are_the_best_ones():
    model = LogisticPCA(draw(), 2, ridge=RIDGE)
    x = draw(seed=5)
    codes = model.encode(x)
    rng = np.random.default_rng(2)
    for row, code in zip(x, codes, strict=True):

        def value(a, row=row):
            return loss(row[None], a[None], model.components, model.mean, RIDGE)

        best = value(code)
        assert all(best <= value(code + size * rng.normal(size=2)) for size in (0.01, 0.1, 1) for _ in range(10))
    assert_allclose(model.reconstruct(x), 1 / (1 + np.exp(-(codes @ model.components.T + model.mean))), rtol=1e-12)


def test_rows_in_pieces_give_the_same(monkeypatch):
    x = draw()
    whole = LogisticPCA(x, 2, ridge=RIDGE)
    monkeypatch.setattr(logistic_pca, "AT_ONCE", 7)
    pieces = LogisticPCA(x, 2, ridge=RIDGE)
    assert_allclose(pieces.losses, whole.losses, rtol=1e-9)
    assert_allclose(pieces.encode(x), whole.encode(x), rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_better_than_pca_on_what_has_logits_of_low_rank(dtype):
    x, new = draw(200, 20, 2).astype(dtype), draw(200, 20, 2).astype(dtype)
    model = LogisticPCA(x, 2)
    output = model.reconstruct(new)
    assert output.dtype == dtype and output.min() >= 0 and output.max() <= 1
    assert analysis.squared_error(new, output) < 0.1 * analysis.squared_error(new, analysis.PCA(x, 2).reconstruct(new))


def test_zeros_and_ones_stay_finite():
    """Nothing is finite about the best offset of a pixel without ink, nor about codes of separable images."""
    x = (np.random.default_rng(0).random((60, 10)) < 0.3).astype(np.float32)
    x[:, 0], x[:, 1] = 0, 1
    model = LogisticPCA(x, 3)
    assert np.isfinite(model.losses).all() and np.isfinite(model.encode(x)).all()
    p = model.reconstruct(x)
    assert p[:, 0].max() < 0.01 and p[:, 1].min() > 0.99


def test_the_images_stay_as_they_are():
    x = draw()
    kept = x.copy()
    LogisticPCA(x, 2).encode(x)
    assert_array_equal(x, kept)


@pytest.mark.parametrize(
    "x, k, settings, message",
    [
        (draw(), 13, {}, "LogisticPCA: expected at most 12 components for rows of that length, got 13"),
        (draw(), 0, {}, "LogisticPCA: expected k to be a whole number >= 1, got 0"),
        (draw() + 1, 2, {}, r"LogisticPCA: expected x in \[0, 1\], got values from 1.\d+ to .*; scale it first"),
        (draw()[0], 2, {}, r"LogisticPCA: expected x of shape \(N, D\), got \(12,\)"),
        (draw()[:0], 2, {}, "LogisticPCA: expected at least one row, got none"),
        (draw(), 2, {"sweeps": 0}, "LogisticPCA: expected sweeps to be a whole number >= 1, got 0"),
        (draw(), 2, {"ridge": 0.0}, "LogisticPCA: expected ridge"),
        (draw(), 2, {"tolerance": -1.0}, "LogisticPCA: expected tolerance"),
    ],
)
def test_wrong_arguments(x, k, settings, message):
    with pytest.raises(UsageError, match=message):
        LogisticPCA(x, k, **settings)


def test_new_images_of_another_width():
    with pytest.raises(UsageError, match=r"LogisticPCA.encode: expected x of shape \(N, 12\), got \(40, 5\)"):
        LogisticPCA(draw(), 2).encode(draw(d=5))
