"""Conjugate gradients: n steps for a bowl of n numbers, the line search's conditions, SciPy as oracle, and `fit`."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tinyae import Autoencoder, Checkpoint, ConjugateGradient, Dense, Dropout, UsageError
from tinyae.minimisers.conjugate_gradient import (
    LineSearch,
    Point,
    Search,
    cubic_minimum,
    minimise,
    quadratic_minimum,
)
from tinyae.training import shards
from tinyae.training.line_search import LineSearchStep

EXACT = LineSearch(sigma=1e-8, rho=1e-9)


def bowl(n, seed=0):
    """A quadratic function of n numbers, and where its minimum is."""
    rng = np.random.default_rng(seed)
    A = rng.normal(size=(n, n))
    A, b = A @ A.T + np.eye(n), rng.normal(size=n)
    return (lambda t: (0.5 * t @ A @ t - b @ t, A @ t - b)), np.linalg.solve(A, b)


def rosenbrock(t):
    """(1 - x)^2 + 100 (y - x^2)^2: a bent ravine with its floor at (1, 1)."""
    x, y = t
    value = (1 - x) ** 2 + 100 * (y - x * x) ** 2
    return float(value), np.array([-2 * (1 - x) - 400 * x * (y - x * x), 200 * (y - x * x)])


@given(st.integers(1, 8), st.integers(0, 100))
def test_a_bowl_of_n_numbers_takes_n_exact_searches(n, seed):
    function, bottom = bowl(n, seed)
    found = minimise(function, np.zeros(n), searches=n, settings=EXACT)
    np.testing.assert_allclose(found.theta, bottom, rtol=1e-5, atol=1e-6)
    assert found.iterations <= n


def test_the_usual_searches_get_there_too():
    function, bottom = bowl(10)
    found = minimise(function, np.zeros(10), searches=40, tolerance=1e-8)
    np.testing.assert_allclose(found.theta, bottom, atol=1e-6)
    assert found.converged and found.iterations <= 40 and np.abs(found.gradient).max() <= 1e-8


def test_fewer_searches_than_steepest_descent_would_need():
    """A ravine 1000 times as long as wide, where steepest descent zigzags."""
    stretch = np.array([1.0, 1000.0])
    start = np.array([1000.0, 1.0])
    found = minimise(lambda t: (0.5 * t @ (stretch * t), stretch * t), start, searches=4, settings=EXACT)
    assert np.abs(found.theta).max() < 1e-4


def test_rosenbrocks_ravine():
    found = minimise(rosenbrock, np.array([-1.2, 1.0]), searches=100, tolerance=1e-8)
    np.testing.assert_allclose(found.theta, 1, atol=1e-7)
    assert found.converged and found.evaluations < 200


@pytest.mark.oracle
def test_as_low_as_scipy_with_no_more_searches():
    optimize = pytest.importorskip("scipy.optimize")
    theirs = optimize.minimize(rosenbrock, [-1.2, 1.0], jac=True, method="CG", options={"gtol": 1e-6})
    ours = minimise(rosenbrock, np.array([-1.2, 1.0]), searches=100, tolerance=1e-6)
    assert theirs.success and ours.value <= max(theirs.fun, 1e-11) and ours.iterations <= 1.5 * theirs.nit
    function, _ = bowl(20, seed=3)
    theirs = optimize.minimize(function, np.zeros(20), jac=True, method="CG", options={"gtol": 1e-8})
    np.testing.assert_allclose(
        minimise(function, np.zeros(20), searches=100, tolerance=1e-9).theta, theirs.x, atol=1e-6
    )


def test_every_search_that_succeeds_meets_both_conditions():
    settings, path = LineSearch(), [np.array([-1.2, 1.0])]
    searches = []
    minimise(rosenbrock, path[0], searches=15, settings=settings, follow=searches.append)
    path += [searched.theta for searched in searches]
    assert len(path) == 16 and all(searched.succeeded for searched in searches)
    for here, there in itertools.pairwise(path):
        step = there - here
        slope, new_slope = rosenbrock(here)[1] @ step, rosenbrock(there)[1] @ step
        assert slope < 0
        assert rosenbrock(there)[0] <= rosenbrock(here)[0] + settings.rho * slope + 1e-12
        assert abs(new_slope) <= -settings.sigma * slope + 1e-12


def test_what_a_search_did_can_be_followed():
    found, at = [], [np.array([-1.2, 1.0])]
    minimise(rosenbrock, at[0], searches=6, follow=found.append)
    at += [searched.theta for searched in found]
    gradients = [rosenbrock(theta)[1] for theta in at]
    for k, searched in enumerate(found):
        np.testing.assert_allclose(at[k + 1], at[k] + searched.length * searched.direction, rtol=1e-14)
        before = found[k - 1].direction if k else 0.0
        np.testing.assert_allclose(searched.direction, -gradients[k] + searched.beta * before, rtol=1e-12)
        assert searched.tried[-1].length == searched.length
        for point in searched.tried:
            assert point.value == rosenbrock(at[k] + point.length * searched.direction)[0]
    g, new = gradients[:2]
    assert found[0].beta == 0 and found[1].beta == pytest.approx(new @ (new - g) / (g @ g), rel=1e-12)


@pytest.mark.parametrize("waves", [3, 10, 40])
@pytest.mark.parametrize("guess", [1.0, 0.01])
def test_a_search_among_humps_succeeds(waves, guess):
    """A first guess far beyond the next minimum: what lies above the start is an outer end, even where it falls."""

    def wavy(t):
        x = float(t[0])
        return 1 - math.cos(waves * x) + 0.05 * x * x, np.array([waves * math.sin(waves * x) + 0.1 * x])

    for x in np.linspace(-2, 2, 41):
        value, gradient = wavy([x])
        if abs(gradient[0]) > 1e-4:
            start = Point(0.0, value, -float(gradient[0] ** 2), gradient)
            search = Search(wavy, np.array([x]), -gradient, start, LineSearch())
            assert search.run(guess).value < value and search.succeeded, x


def test_it_steps_back_from_where_the_function_has_no_value():
    def barrier(t):  # x - log x, which is there for x > 0 alone
        with np.errstate(all="ignore"):
            return (float(t[0] - math.log(t[0])), 1 - 1 / t) if t[0] > 0 else (math.nan, t)

    assert minimise(barrier, np.array([30.0]), searches=20).theta == pytest.approx(1, abs=1e-5)
    with pytest.raises(UsageError, match="minimise: expected a finite value where it starts, got nan"):
        minimise(barrier, np.array([-1.0]))


def test_at_the_bottom_it_stops():
    function, bottom = bowl(3)
    found = minimise(function, bottom, searches=5, tolerance=1e-6)
    assert found.iterations == 0 and found.evaluations == 1 and found.converged


def test_an_array_that_is_used_again_and_float32():
    function, bottom = bowl(5)
    kept = np.empty(5, np.float32)

    def again(t):
        value, kept[...] = function(t.astype(np.float64))
        return value, kept

    start = np.zeros(5, np.float32)
    found = minimise(again, start, searches=30)
    assert found.theta.dtype == np.float32 and not start.any()
    np.testing.assert_allclose(found.theta, bottom, atol=1e-3)


@given(st.floats(-3, 3), st.floats(0.1, 3), st.floats(0.2, 5))
def test_the_minimum_of_a_parabola_is_found_by_both_formulas(place, bend, width):
    def at(length):
        return Point(length, bend * (length - place) ** 2, 2 * bend * (length - place))

    a, b = at(0.0), at(width)
    assert quadratic_minimum(a, b) == pytest.approx(place, abs=1e-6)
    assert cubic_minimum(a, b) == pytest.approx(place, abs=1e-5)


def test_the_minimum_of_a_cubic():
    def at(x):  # x^3 - 3 x: a minimum at 1, a maximum at -1
        return Point(x, x**3 - 3 * x, 3 * x * x - 3)

    assert cubic_minimum(at(0.0), at(3.0)) == pytest.approx(1)
    assert cubic_minimum(Point(0.0, 0.0, 1.0), Point(1.0, 1.0, 1.0)) is None  # a straight line
    assert quadratic_minimum(Point(0.0, 0.0, -1.0), Point(1.0, -1.0, -1.0)) is None


# --- in fit


def net(*more):
    return Autoencoder([Dense(6, "tanh"), *more, Dense(2)], [Dense(6, "tanh"), Dense(9, "sigmoid")], input_shape=9)


X = np.random.default_rng(0).uniform(size=(60, 9)).astype(np.float32)


def fitted(model, **settings):
    options = {"epochs": 4, "batch_size": 20, "shuffle": False, "progress": False, "optimizer": ConjugateGradient(3)}
    return model.fit(X, **options | settings)


def test_what_is_known_of_the_start_is_not_asked_for_again():
    function, _ = bowl(4)
    asked = []

    def counted(theta):
        asked.append(theta.copy())
        return function(theta)

    start = np.zeros(4)
    whole = minimise(counted, start, searches=3)
    assert whole.evaluations == len(asked) and any(np.array_equal(theta, start) for theta in asked)
    asked.clear()
    again = minimise(counted, start, searches=3, first=function(start))
    assert again.evaluations == len(asked) + 1 and not any(np.array_equal(theta, start) for theta in asked)
    np.testing.assert_array_equal(again.theta, whole.theta)


def test_fit_falls_on_every_epoch_and_counts_every_gradient(monkeypatch):
    optimizer, calls, gradient = ConjugateGradient(3), itertools.count(), LineSearchStep.gradient
    monkeypatch.setattr(LineSearchStep, "gradient", lambda *args: (next(calls), gradient(*args))[1])
    losses = fitted(net(), epochs=6, optimizer=optimizer)["loss"]
    assert losses[-1] < losses[0] and all(b <= a * 1.02 for a, b in itertools.pairwise(losses))
    assert optimizer.t == 18 and 4 * 18 <= optimizer.evaluations <= 60 * 18  # three searches, at most twenty each
    assert optimizer.evaluations == next(calls)


def test_the_loss_told_is_that_before_the_searches():
    model = net()
    before = model.loss_value(X[:20])
    history = fitted(model, epochs=1, batch_size=60)
    assert history["loss"][0] == pytest.approx(net().loss_value(X), rel=1e-5)
    assert model.loss_value(X[:20]) < before


def test_one_batch_is_minimise_itself():
    model, twin = net(), net()
    fitted(model, epochs=1, batch_size=60, threads=1)

    def function(theta):
        twin.theta[...] = theta
        return twin.loss_and_gradient(X), twin.gradient

    np.testing.assert_allclose(model.theta, minimise(function, twin.theta.copy(), searches=3).theta, atol=2e-5)


@pytest.mark.parametrize("threads", [1, 2])
def test_same_seed_same_bits_noise_too(threads, monkeypatch):
    monkeypatch.setattr(shards, "SMALLEST_SHARED_WORK", 0)
    models = [net(Dropout(0.2)) for _ in range(2)]
    for model in models:
        fitted(model, threads=threads)
    np.testing.assert_array_equal(models[0].theta, models[1].theta)


def test_a_stopped_run_goes_on_to_the_same_bits(tmp_path):
    whole, parts = net(), net()
    fitted(whole)
    fitted(parts, epochs=2, checkpoint=Checkpoint(tmp_path))
    fitted(parts := net(), epochs=4, checkpoint=Checkpoint(tmp_path))
    np.testing.assert_array_equal(whole.theta, parts.theta)


def test_a_single_gradient_is_refused():
    with pytest.raises(UsageError, match=r"ConjugateGradient: expected fit, or .*minimise with a function"):
        ConjugateGradient().step(np.zeros(3), np.zeros(3))
    with pytest.raises(UsageError, match="ConjugateGradient: expected searches to be a whole number >= 1, got 0"):
        ConjugateGradient(0)
