"""Functions of two numbers and the ways optimizers go down on them: what can be drawn in full.

A function takes theta (2,) and gives its value, a float, and its gradient (2,), as `tinyae.minimisers` want it.
"""

import copy
import math

import numpy as np

from tinyae.checks import UsageError, as_float_array, check_finite, check_float, check_int, check_shape
from tinyae.minimisers.conjugate_gradient import minimise
from tinyae.optimizers import ConjugateGradient, optimizer_by_name

FLAT = 1e-9  # largest entry of a gradient at which conjugate gradients have arrived


class Quadratic:
    """f(u, v) = 1/2 (a p^2 + b q^2),    p = u cos w + v sin w,    q = v cos w - u sin w,    w the angle.

    The curvatures a, b are the eigenvalues of its second derivatives: their ratio says how narrow the valley is, and
    gradient descent diverges for a rate above 2 / max(a, b).

    Parameters
    ----------
    curvatures : (float, float)
        a and b, above 0.
    angle : float
        In degrees. Adam and RMSprop scale every number by itself: a valley along an axis is easier for them than one
        across.
    """

    minimum = (0.0, 0.0)

    def __init__(self, curvatures=(1.0, 1.0), angle=0.0):
        try:
            a, b = curvatures
        except (TypeError, ValueError):
            raise UsageError(f"Quadratic: expected two curvatures, got {curvatures!r}.") from None
        self.curvatures = tuple(
            check_float("Quadratic", "each curvature", c, 0.0, math.inf, open_low=True, open_high=True) for c in (a, b)
        )
        self.angle = check_float("Quadratic", "angle", angle, -360.0, 360.0)
        cos, sin = math.cos(math.radians(self.angle)), math.sin(math.radians(self.angle))
        turn = np.array([[cos, sin], [-sin, cos]])
        self.hessian = turn.T @ np.diag(self.curvatures) @ turn

    def __call__(self, theta):
        gradient = self.hessian @ theta  # df/dtheta = H theta
        return 0.5 * float(theta @ gradient), gradient  # f = 1/2 theta' H theta

    def __repr__(self):
        return f"Quadratic({self.curvatures!r}, angle={self.angle:g})"


bowl = Quadratic((1.0, 1.0))
ravine = Quadratic((1.0, 25.0))


def rosenbrock(theta):
    """f(u, v) = (1 - u)^2 + 100 (v - u^2)^2: a bent valley with its lowest place at (1, 1).

    Source: Rosenbrock (1960).
    """
    u, v = float(theta[0]), float(theta[1])
    off = v - u * u
    return (1 - u) * (1 - u) + 100 * off * off, np.array([-2 * (1 - u) - 400 * u * off, 200 * off])


def saddle(theta):
    """f(u, v) = 1/2 u^2 - 1/2 v^2 + 1/4 v^4: level at (0, 0), from where it falls to (0, 1) and (0, -1)."""
    u, v = float(theta[0]), float(theta[1])
    return 0.5 * u * u - 0.5 * v * v + 0.25 * v * v * v * v, np.array([u, v * v * v - v])


rosenbrock.minimum = (1.0, 1.0)


def follow(function, start, optimizer, steps=50):
    """The way of an optimizer down a function.

    Parameters
    ----------
    function : callable
        theta (n,) -> value, gradient (n,).
    start : array (n,)
    optimizer : str or Optimizer
        A copy of it steps, with fresh state. For ConjugateGradient a step is a line search, which asks for the
        gradient several times.
    steps : int

    Returns
    -------
    array (steps + 1, n)
        `start` and the point after every step; shorter where the function is no longer finite, and where conjugate
        gradients have arrived (no entry of the gradient above 1e-9) or find no way further down.

    Examples
    --------
    >>> path = follow(ravine, (-4, 1.5), SGD(0.05, momentum=0.8), 40)
    """
    theta = np.array(as_float_array("follow", start, np.float64, "start"))
    check_shape("follow", theta, ("n",), "start")
    check_finite("follow", theta, "start")
    steps = check_int("follow", "steps", steps, 1)
    optimizer = copy.deepcopy(optimizer_by_name("follow", optimizer))
    optimizer.reset()
    path = [theta.copy()]
    if isinstance(optimizer, ConjugateGradient):

        def note(searched):
            path.append(searched.theta)

        minimise(function, theta, searches=steps, tolerance=FLAT, settings=optimizer.settings, follow=note)
        return np.array(path)
    for _ in range(steps):
        with np.errstate(over="ignore", invalid="ignore"):
            value, gradient = function(theta)
        if not (np.isfinite(value) and np.isfinite(gradient).all()):
            break
        optimizer.step(theta, np.array(gradient, dtype=np.float64), total=steps)
        path.append(theta.copy())
    return np.array(path)
