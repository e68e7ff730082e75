"""Functions of two numbers, and the ways of optimizers down on them."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from tinyae import SGD, Adam, ConjugateGradient, Cosine, Nadam, RMSprop, UsageError
from tinyae.descent import Quadratic, bowl, follow, ravine, rosenbrock, saddle

FUNCTIONS = {
    "bowl": bowl, "ravine": ravine, "turned": Quadratic((0.5, 8), angle=30), "rosenbrock": rosenbrock, "saddle": saddle,
}  # fmt: skip


@pytest.mark.parametrize("name", FUNCTIONS)
def test_gradients(name, rng):
    function, h = FUNCTIONS[name], 1e-6
    for theta in rng.uniform(-2, 2, (5, 2)):
        value, gradient = function(theta)
        assert isinstance(value, float) and gradient.shape == (2,)
        steps = h * np.eye(2)
        wanted = [(function(theta + step)[0] - function(theta - step)[0]) / (2 * h) for step in steps]
        assert_allclose(gradient, wanted, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("name", ["bowl", "ravine", "turned", "rosenbrock"])
def test_the_minimum_is_one(name, rng):
    function = FUNCTIONS[name]
    value, gradient = function(np.array(function.minimum))
    assert value == 0 and not gradient.any()
    assert all(function(theta)[0] > 0 for theta in rng.uniform(-2, 2, (20, 2)))


def test_a_quadratic_has_its_curvatures_along_its_turned_axes():
    function, w = Quadratic((2, 18), angle=30), np.radians(30)
    assert_allclose(function(np.array([np.cos(w), np.sin(w)]))[0], 1.0)  # 1/2 a
    assert_allclose(function(np.array([-np.sin(w), np.cos(w)]))[0], 9.0)  # 1/2 b
    assert repr(function) == "Quadratic((2.0, 18.0), angle=30)"
    assert_allclose(bowl(np.array([3.0, 4.0]))[0], 12.5)
    assert_allclose(ravine(np.array([3.0, 4.0]))[0], 0.5 * (9 + 25 * 16))


@pytest.mark.parametrize(
    "curvatures, angle, message",
    [
        ((1, 0), 0, r"expected each curvature in \(0, inf\), got 0\."),
        ((1, 2, 3), 0, r"expected two curvatures, got \(1, 2, 3\)\."),
        (5, 0, r"expected two curvatures, got 5\."),
        ((1, 2), 400, r"expected angle in \[-360, 360\], got 400\."),
    ],
)
def test_quadratics_that_are_none(curvatures, angle, message):
    with pytest.raises(UsageError, match=f"Quadratic: {message}"):
        Quadratic(curvatures, angle)


def test_gradient_descent_goes_as_the_formula_says():
    path = follow(ravine, (-4, 1.5), SGD(0.03), 10)
    k = np.arange(11)[:, None]
    assert_allclose(path, np.array([-4, 1.5]) * (1 - 0.03 * np.array([1, 25])) ** k)


def test_gradient_descent_diverges_above_two_over_the_curvature():
    assert np.abs(follow(ravine, (-4, 1.5), SGD(1.99 / 25), 100)[-1, 1]) < 1.5
    assert np.abs(follow(ravine, (-4, 1.5), SGD(2.01 / 25), 100)[-1, 1]) > 1.5


@pytest.mark.parametrize("optimizer", [SGD(1e-3, momentum=0.8), RMSprop(0.05), Adam(0.2), Nadam(0.2), "adam"])
def test_every_optimizer_steps_as_by_itself(optimizer):
    path = follow(rosenbrock, [-1.2, 1.0], optimizer, 12)
    own = Adam() if optimizer == "adam" else optimizer
    assert own.t == 0 and not own.state  # a copy went the way
    theta = np.array([-1.2, 1.0])
    for place in path[1:]:
        own.step(theta, rosenbrock(theta)[1])
        assert_array_equal(place, theta)
    assert len(path) == 13
    assert_array_equal(follow(rosenbrock, [-1.2, 1.0], own, 12), path)  # begins anew


def test_schedules_know_the_number_of_steps():
    path = follow(bowl, (1, 0), SGD(Cosine(0.5)), 4)
    rates = 1 - path[1:, 0] / path[:-1, 0]
    assert_allclose(rates, [Cosine(0.5)(k, 4) for k in range(4)])


def test_conjugate_gradients_need_two_searches_on_a_quadratic():
    path = follow(Quadratic((1, 25), angle=20), (-4, 1.5), ConjugateGradient(), 40)
    assert len(path) <= 4
    assert_array_equal(path[0], [-4, 1.5])
    assert_allclose(path[-1], [0, 0], atol=1e-9)
    assert_allclose(follow(rosenbrock, (-1.2, 1), ConjugateGradient(), 100)[-1], [1, 1], atol=1e-6)
    assert len(follow(rosenbrock, (-1.2, 1), ConjugateGradient(), 3)) == 4


def test_a_way_ends_where_the_function_is_no_longer_finite():
    for function in (ravine, rosenbrock, saddle):
        path = follow(function, (1.5, 1), SGD(1e6), 200)
        assert 3 < len(path) < 100


def test_starts_and_steps_are_checked():
    start = np.array([1.0, 2.0])
    follow(bowl, start, "sgd", 3)
    assert_array_equal(start, [1, 2])
    with pytest.raises(UsageError, match=r"follow: expected steps to be a whole number >= 1, got 0\."):
        follow(bowl, start, "sgd", 0)
    with pytest.raises(UsageError, match=r"follow: expected start of shape \(n,\), got \(1, 2\)\."):
        follow(bowl, start[None], "sgd")
    with pytest.raises(UsageError, match=r"follow: expected finite numbers in start"):
        follow(bowl, (np.nan, 1), "sgd")
    with pytest.raises(UsageError, match=r"follow: expected optimizer to be one of sgd, .*did you mean 'adam'"):
        follow(bowl, start, "adm")
