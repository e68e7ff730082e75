"""Conjugate gradients with a line search that asks for slopes: how Hinton & Salakhutdinov (2006) fine-tuned.

One line search goes from theta along a direction s. With phi(a) = f(theta + a s), phi'(a) = s . grad f(theta + a s) and
phi'(0) < 0 it looks for a length a at which the Wolfe-Powell conditions hold:

    phi(a) <= phi(0) + rho a phi'(0)        it fell far enough                      (1)
    |phi'(a)| <= -sigma phi'(0)             it is flat enough: near a minimum along s    (2)

First it goes outwards (extrapolation) until a minimum along s must lie between two lengths, then inwards
(interpolation). New lengths are minima of the cubic or quadratic through the values and slopes known, kept within
bounds, so that no step is wild and none is vanishingly small.

The next direction is Polak's and Ribiere's,

    s' = -g' + beta s,    beta = g' . (g' - g) / (g . g),

which on a quadratic bowl is conjugate to all directions before: n line searches reach the minimum of n numbers.

Sources: Polak & Ribiere (1969); Nocedal & Wright, "Numerical optimization" (2006), sections 3.5 and 5.2. The constants
are those of C. E. Rasmussen's `minimize` (2006), with which the paper's code fine-tunes.
"""

import math
from dataclasses import dataclass

import numpy as np

from tinyae.checks import UsageError, check_int
from tinyae.minimisers.minimum import Minimum


@dataclass(frozen=True)
class LineSearch:
    """Settings of a line search.

    Attributes
    ----------
    sigma, rho : float
        Of conditions (2) and (1), 0 < rho < sigma < 1: the smaller sigma, the more exact the search.
    most : int
        Evaluations of the function in one search.
    farthest : float
        How many times the length may grow in one extrapolation.
    margin : float
        Share of an interval that a new length keeps away from its ends.
    growth : float
        How many times the first guess of a search may be the length of the one before.
    """

    sigma: float = 0.1
    rho: float = 0.05
    most: int = 20
    farthest: float = 3.0
    margin: float = 0.1
    growth: float = 10.0


@dataclass
class Point:
    """A length along the direction: phi, phi', and the gradient there."""

    length: float
    value: float
    slope: float
    gradient: np.ndarray | None = None


@dataclass
class Searched:
    """One line search of `minimise`, for those who follow it.

    Attributes
    ----------
    theta : array (n,)
        Where it ended: where it began plus `length` times `direction`.
    direction : array (n,)
        s = -g + beta times the direction before.
    beta : float
        0 where it goes straight down the gradient.
    length : float
    tried : list of Point
        Every length that was tried, in order.
    succeeded : bool
    """

    theta: np.ndarray
    direction: np.ndarray
    beta: float
    length: float
    tried: list
    succeeded: bool


def minimise(function, theta, *, searches=100, tolerance=0.0, settings=None, first=None, follow=None):
    """Minimise function(theta) -> (value, gradient) by conjugate gradients.

    Parameters
    ----------
    function : callable
        Takes theta (n,) and gives a float and an array (n,). It may give the same array at every call, and may return
        NaN or infinity where theta is out of its range: the search then steps back.
    theta : array (n,)
        Where to start; float64, or float32 where n is in the millions.
    searches : int
        Line searches.
    tolerance : float
        Largest |entry| of the gradient to stop at before.
    settings : LineSearch, optional
    first : (float, array (n,)), optional
        function(theta), where it is known: it is not asked for again, and counts as an evaluation all the same.
    follow : function of a Searched, optional
        Called after every search, for pictures of the way.

    Returns
    -------
    Minimum
        `iterations` counts line searches that succeeded.

    Notes
    -----
    A search that fails gives the best point it saw, and the next one starts down the gradient; two failures in a row
    end it: rounding hides the fall.
    """
    tried = None if follow is None else []
    settings, searches = settings or LineSearch(), check_int("minimise", "searches", searches, 1)
    theta = np.array(theta)
    value, gradient = function(theta) if first is None else first
    value = float(value)  # a NumPy scalar of float64 would make float32 vectors float64
    if not math.isfinite(value):
        raise UsageError(f"minimise: expected a finite value where it starts, got {value}.")
    gradient, evaluations, done, failed = gradient.copy(), 1, 0, False
    direction, slope, beta = -gradient, -_dot(gradient, gradient), 0.0
    guess = 1 / (1 - slope)  # 1 / (1 + |g|^2): short where it is steep
    for _ in range(searches):
        if not slope < 0 or np.abs(gradient).max() <= tolerance:
            break
        search = Search(function, theta, direction, Point(0.0, value, slope, gradient), settings, tried)
        found = search.run(guess)
        evaluations += search.evaluations
        theta, value = theta + found.length * direction, found.value  # a new array: `follow` may keep the old one
        if follow is not None:
            follow(Searched(theta, direction.copy(), beta, found.length, tried[:], search.succeeded))
            tried.clear()
        if search.succeeded:
            done, failed = done + 1, False
            new = found.gradient
            beta = (_dot(new, new) - _dot(new, gradient)) / _dot(gradient, gradient)
            direction *= beta
            direction -= new
            before, slope = slope, _dot(new, direction)
            gradient = new
            if slope >= 0:  # no way down: start again down the gradient
                direction, slope, beta = -gradient, -_dot(gradient, gradient), 0.0
            # The fall promised, length times slope, is taken to be that of the last search.
            guess = found.length * min(settings.growth, before / min(slope, -np.finfo(np.float64).tiny))
        else:
            gradient = found.gradient
            if failed:
                break
            failed = True
            direction, slope, beta = -gradient, -_dot(gradient, gradient), 0.0
            guess = 1 / (1 - slope)
    return Minimum(theta, value, gradient, done, evaluations, bool(np.abs(gradient).max() <= tolerance))


class Search:
    """One line search from theta along a direction; `start` is the Point of length 0, `tried` a list to note all in."""

    def __init__(self, function, theta, direction, start, settings, tried=None):
        self.function, self.theta, self.direction, self.settings = function, theta, direction, settings
        self.start = self.best = start
        self.tried = tried
        self.evaluations = 0
        self.trial = np.empty_like(theta)

    def run(self, guess):
        """The point that meets both conditions, or the best one seen."""
        here, outer = self._outwards(guess)
        here = self._inwards(here, outer)
        self.succeeded = self._fell(here) and abs(here.slope) <= -self.settings.sigma * self.start.slope
        return here if self.succeeded else self.best

    # -- going ----------------------------------------------------------------------------------------------------

    def _outwards(self, length):
        """Extrapolate until a minimum lies before the last point: (last point, the one before it)."""
        inner = self.start
        while True:
            last = self._evaluate(inner.length, length)
            if last.slope > self.settings.sigma * self.start.slope or not self._fell(last) or self._spent:
                return last, inner
            length = self._further(inner, last)
            inner = last

    def _inwards(self, last, inner):
        """Interpolate between `inner`, from which it falls, and an outer point, until both conditions hold."""
        outer = None
        while (abs(last.slope) > -self.settings.sigma * self.start.slope or not self._fell(last)) and not self._spent:
            if last.slope > 0 or not self._fell(last):
                outer = last  # the minimum lies before it
            else:
                inner = last  # and behind this one
            if outer is None:  # the budget ended the extrapolation
                break
            last = self._evaluate(inner.length, self._between(inner, outer))
        return last

    def _evaluate(self, inside, length):
        """The Point at `length`; halfway back to `inside`, a length known to work, while the value is not finite."""
        while True:
            np.multiply(self.direction, self.theta.dtype.type(length), out=self.trial)
            np.add(self.theta, self.trial, out=self.trial)
            value, gradient = self.function(self.trial)
            self.evaluations += 1
            if math.isfinite(value) and np.isfinite(gradient).all():
                break
            if self._spent:
                return Point(length, math.inf, math.inf, gradient.copy())
            length = (inside + length) / 2
        point = Point(length, float(value), _dot(gradient, self.direction), gradient.copy())
        if self.tried is not None:
            self.tried.append(point)
        if point.value < self.best.value:
            self.best = point
        return point

    def _fell(self, point):
        """Condition (1)."""
        return point.value <= self.start.value + self.settings.rho * point.length * self.start.slope

    @property
    def _spent(self):
        return self.evaluations >= self.settings.most

    # -- new lengths ----------------------------------------------------------------------------------------------

    def _further(self, a, b):
        """A length beyond b: the minimum of the cubic through a and b, at most `farthest` times b's length."""
        bound = self.settings.farthest * b.length
        length = cubic_minimum(a, b)
        if length is None or length < 0 or length > bound:
            return bound
        return max(length, b.length + self.settings.margin * (b.length - a.length))

    def _between(self, a, b):
        """A length between a and b: the minimum of the parabola where b is above the start, else of the cubic."""
        width = b.length - a.length
        length = quadratic_minimum(a, b) if b.value > self.start.value else cubic_minimum(a, b)
        if length is None:
            return a.length + width / 2
        margin = self.settings.margin * width
        return min(max(length, a.length + margin), b.length - margin)


def cubic_minimum(a, b):
    """Where the cubic with the values and slopes of points a and b has its minimum; None where it has none.

    With w = b - a and d = 3 (f_a - f_b) / w + f'_a + f'_b the minimum is at

        b - w (f'_b + r - d) / (f'_b - f'_a + 2 r),    r = sqrt(d^2 - f'_a f'_b)

    Source: Nocedal & Wright (2006), eq. 3.59.
    """
    w = b.length - a.length
    if not w:
        return None
    d = 3 * (a.value - b.value) / w + a.slope + b.slope
    below = d * d - a.slope * b.slope
    if not below >= 0:
        return None
    r = math.sqrt(below)
    width = b.slope - a.slope + 2 * r
    length = b.length - w * (b.slope + r - d) / width if width else math.nan
    return length if math.isfinite(length) else None


def quadratic_minimum(a, b):
    """Where the parabola with a's value and slope and b's value has its minimum; None where it has none.

    a - f'_a w^2 / (2 (f_b - f_a - f'_a w)),    w = b - a
    """
    w = b.length - a.length
    bend = b.value - a.value - a.slope * w
    length = a.length - 0.5 * a.slope * w * w / bend if bend > 0 else math.nan
    return length if math.isfinite(length) else None


def _dot(a, b):
    return float(np.dot(a, b))
