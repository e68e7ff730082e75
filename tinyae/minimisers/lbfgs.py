"""L-BFGS: a smooth function of many numbers, minimised with a curvature learnt from the last few steps.

For deterministic functions, of a whole data set at once; the noisy ones of mini-batches are `tinyae.optimizers`' trade.
"""

from collections import deque

import numpy as np

from tinyae.minimisers.minimum import Minimum

ENOUGH = 1e-4  # share of the fall a straight line promises that a step has to reach (Armijo)
# Near the bottom the fall drowns in the value's rounding. A step within it counts as well where the slopes say so: the
# approximate Wolfe conditions of Hager & Zhang (2005), eq. 4.1.
ROUNDING, LESS_STEEP = 1e-9, 0.9
SHORTEST = 1e-12  # of a step, beside the whole one, before the line search gives up: rounding hides the fall
FLATTEST = 1e-10  # cosine between step and change of gradient, below which they say nothing about the curvature


def minimise(function, theta, *, tolerance=1e-5, max_iterations=1000, memory=10):
    """Minimise function(theta) -> (value, gradient).

    Source: Nocedal & Wright, "Numerical optimization" (2006), algorithms 7.4 and 7.5, with the line search of
    algorithm 3.1.

    Parameters
    ----------
    function : callable
        Takes theta (n,), float64, and gives a float and an array (n,).
    theta : array (n,)
        Where to start.
    tolerance : float
        Largest |entry| of the gradient to stop at.
    max_iterations : int
    memory : int
        Steps the curvature is made of.

    Returns
    -------
    Minimum
    """
    theta = np.array(theta, dtype=np.float64)
    value, gradient = function(theta)
    pairs = deque(maxlen=memory)  # (s, y): step and change of the gradient, the newest last
    iterations, evaluations = 0, 1
    while np.abs(gradient).max() > tolerance and iterations < max_iterations:
        direction = -inverse_hessian_times(gradient, pairs)
        slope = gradient @ direction
        length = 1.0
        while True:
            new_theta = theta + length * direction
            new_value, new_gradient = function(new_theta)
            evaluations += 1
            if far_enough(length, value, new_value, slope, new_gradient @ direction):
                break
            length /= 2
            if length < SHORTEST:
                return Minimum(theta, value, gradient, iterations, evaluations, False)
        s, y = new_theta - theta, new_gradient - gradient
        if s @ y > FLATTEST * np.linalg.norm(s) * np.linalg.norm(y):
            pairs.append((s, y))
        theta, value, gradient = new_theta, new_value, new_gradient
        iterations += 1
    converged = bool(np.abs(gradient).max() <= tolerance)
    return Minimum(theta, value, gradient, iterations, evaluations, converged)


def far_enough(length, value, new_value, slope, new_slope):
    """Whether a step of `length` along a direction falls as it should; slopes are derivatives along it, slope < 0."""
    if new_value <= value + ENOUGH * length * slope:
        return True
    level = new_value <= value + ROUNDING * abs(value)
    return level and LESS_STEEP * slope <= new_slope <= (2 * ENOUGH - 1) * slope


def inverse_hessian_times(q, pairs):
    """H q for the inverse Hessian H that the pairs (s, y) suggest, by the two-loop recursion (algorithm 7.4).

    Without pairs q is scaled to a 1-norm of 1: a cautious first step.
    """
    if not pairs:
        return q / np.abs(q).sum()
    q, weights = q.copy(), []
    for s, y in reversed(pairs):
        alpha = (s @ q) / (s @ y)
        q -= alpha * y
        weights.append(alpha)
    s, y = pairs[-1]
    r = (s @ y) / (y @ y) * q  # H0 = gamma 1 (eq. 7.20)
    for (s, y), alpha in zip(pairs, reversed(weights), strict=True):
        beta = (y @ r) / (s @ y)
        r += (alpha - beta) * s
    return r
