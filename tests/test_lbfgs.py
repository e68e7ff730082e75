"""L-BFGS: known minima, its curvature beside the BFGS matrix written out, SciPy as an oracle."""

from collections import deque

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from tinyae.minimisers.lbfgs import inverse_hessian_times, minimise


def rosenbrock(theta):
    """sum (1 - x_i)^2 + 100 (x_(i+1) - x_i^2)^2 and its gradient: a bent valley, lowest at all ones."""
    x, step = theta, theta[1:] - theta[:-1] ** 2
    gradient = np.zeros_like(x)
    gradient[:-1] = -2 * (1 - x[:-1]) - 400 * x[:-1] * step
    gradient[1:] += 200 * step
    return np.sum((1 - x[:-1]) ** 2) + 100 * np.sum(step**2), gradient


def quadratic(A, b):
    """1/2 x'Ax - b'x and its gradient."""
    return lambda x: (0.5 * x @ A @ x - b @ x, A @ x - b)


@given(st.integers(0, 2**32 - 1), st.integers(1, 12))
def test_quadratics_are_solved(seed, n):
    rng = np.random.default_rng(seed)
    root = rng.normal(size=(n, n))
    A, b = root @ root.T + 0.1 * np.eye(n), rng.normal(size=n)
    found = minimise(quadratic(A, b), rng.normal(size=n), tolerance=1e-9)
    assert found.converged
    assert_allclose(A @ found.theta, b, atol=1e-8)
    assert_array_equal(found.gradient, A @ found.theta - b)
    assert found.value == 0.5 * found.theta @ A @ found.theta - b @ found.theta


def test_the_bent_valley():
    start = np.tile([-1.2, 1.0], 5)
    kept = start.copy()
    found = minimise(rosenbrock, start, tolerance=1e-8)
    assert found.converged and found.value < 1e-14
    assert_allclose(found.theta, np.ones(10), atol=1e-7)
    assert_array_equal(start, kept)
    assert found.iterations < 200 and found.iterations < found.evaluations < 1.5 * found.iterations


def test_curvature_beside_the_matrix_written_out(rng):
    """BFGS's update of the inverse Hessian, H <- (1 - s y'/s'y) H (1 - y s'/s'y) + s s'/s'y, from H0 = gamma 1."""
    A = np.diag(np.arange(1.0, 7.0))
    pairs = deque((s, A @ s) for s in rng.normal(size=(4, 6)))
    s, y = pairs[-1]
    H = (s @ y) / (y @ y) * np.eye(6)
    for s, y in pairs:
        V = np.eye(6) - np.outer(y, s) / (s @ y)
        H = V.T @ H @ V + np.outer(s, s) / (s @ y)
    q = rng.normal(size=6)
    assert_allclose(inverse_hessian_times(q, pairs), H @ q, rtol=1e-10)
    assert_allclose(H @ pairs[-1][1], pairs[-1][0], rtol=1e-10)  # the secant condition
    kept = q.copy()
    assert_allclose(np.abs(inverse_hessian_times(q, deque())).sum(), 1)
    assert_array_equal(q, kept)


def test_every_step_goes_down():
    values = []

    def watched(theta):
        value, gradient = rosenbrock(theta)
        values.append(value)
        return value, gradient

    found = minimise(watched, np.tile([-1.2, 1.0], 3), max_iterations=20)
    assert found.iterations == 20 and not found.converged
    assert found.value < values[0] and found.evaluations == len(values)


def test_a_minimum_is_left_alone():
    start = np.ones(4)
    found = minimise(rosenbrock, start)
    assert found.converged and found.iterations == 0 and found.evaluations == 1
    assert_array_equal(found.theta, start)
    assert not np.shares_memory(found.theta, start)


def test_where_no_step_helps_it_stops():
    found = minimise(lambda x: (0.0, np.ones_like(x)), np.zeros(3))  # a gradient that is not the function's
    assert not found.converged and found.iterations == 0
    assert_array_equal(found.theta, np.zeros(3))


def test_beside_the_bottom_where_the_function_is_not_a_number():
    def guarded(x):  # infinite where x <= 0: the line search has to come back
        with np.errstate(invalid="ignore", divide="ignore"):
            value = float(np.sum(x - np.log(x))) if (x > 0).all() else np.inf
            return value, 1 - 1 / x

    found = minimise(guarded, np.array([0.01, 50.0]), tolerance=1e-8)
    assert found.converged
    assert_allclose(found.theta, [1, 1], rtol=1e-6)


@pytest.mark.oracle
def test_beside_scipy():
    optimize = pytest.importorskip("scipy.optimize")
    start = np.linspace(-2, 2, 30)
    theirs = optimize.minimize(rosenbrock, start, jac=True, method="L-BFGS-B", tol=1e-12, options={"maxiter": 2000})
    ours = minimise(rosenbrock, start, tolerance=1e-6)
    assert ours.converged and ours.value <= theirs.fun + 1e-8
    assert ours.evaluations < 2 * theirs.nfev
