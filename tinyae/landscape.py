"""The loss of a net on a line or a plane through its parameters: what can be drawn of a function of a million numbers.

    L(a, b) = loss(theta + a d1 + b d2)

The directions decide what one sees. Random ones need a scale: a net whose units are rectified is the same function
when one layer's weights are doubled and the next's halved, but a step of a given length means less to large weights.
So every filter (the weights into one unit) of a direction is made as long as the net's own filter. Biases and the
scales of BatchNorm are left where they are.

Source: Li, Xu, Taylor, Studer & Goldstein, "Visualizing the loss landscape of neural nets" (2018), sections 4 and 7.
"""

from dataclasses import dataclass

import numpy as np

from tinyae.checks import UsageError, as_float_array, check_finite, check_float, check_int, check_samples, check_shape
from tinyae.layers import ConvTranspose
from tinyae.layers.flat import named_views, parameters


@dataclass(frozen=True, eq=False)
class Surface:
    """The loss on a rectangle of a plane.

    Attributes
    ----------
    first, second : arrays (p,)
        Places along the first and the second direction, rising.
    loss : array (p, p)
        loss[i, j] at first[j] and second[i]: a row is a line along the first direction. Infinite or NaN where the net
        overflows.
    """

    first: np.ndarray
    second: np.ndarray
    loss: np.ndarray


def random_directions(model, seed=0):
    """Two directions (2, n_params) drawn from a normal distribution, filter by filter as long as the net's own.

        d_f  <-  d_f / |d_f| * |theta_f|       for the weights of every filter f (a column of a Dense layer's W)

    and 0 for parameters that are one number a unit (Li et al., section 4).
    """
    rng = np.random.default_rng(seed)
    directions = rng.standard_normal((2, model.n_params))
    for direction in directions:
        views = named_views(model, direction).values()
        for (_, layer, name), part in zip(parameters(model), views, strict=True):
            if part.ndim < 2:
                part[...] = 0
                continue
            # W (n_in, units), (kh, kw, C, filters), and of a transposed convolution (kh, kw, filters, C)
            unit = part.ndim - (2 if isinstance(layer, ConvTranspose) else 1)
            axes = tuple(axis for axis in range(part.ndim) if axis != unit)
            own = np.square(layer.params[name].astype(np.float64)).sum(axis=axes, keepdims=True)
            part *= np.sqrt(own / np.square(part).sum(axis=axes, keepdims=True))
    return directions


def main_directions(thetas):
    """The plane through the end of a training run that lies nearest to its way.

    Parameters
    ----------
    thetas : array (T, n_params)
        Parameters on the way, such as `tinyae.callbacks.ParameterPath` keeps; the last is the origin.

    Returns
    -------
    directions : array (2, n_params)
        Orthonormal: the first two right singular vectors of thetas - thetas[-1] (Li et al., section 7; they take the
        mean off as well, and the plane then need not pass near the end).
    shares : array (2,)
        How much of the summed squared distances from the end lies along each. The way seems smoother than it is: two
        directions of a random walk hold most of it too.
    """
    thetas = as_float_array("main_directions", thetas, np.float64, "thetas")
    check_shape("main_directions", thetas, ("T", "n"), "thetas")
    check_finite("main_directions", thetas, "thetas")
    if len(thetas) < 3:
        raise UsageError(f"main_directions: expected at least 3 points of a way, got {len(thetas)}; train longer.")
    way = thetas[:-1] - thetas[-1]
    _, values, directions = np.linalg.svd(way, full_matrices=False)
    if not values[1] > 1e-12 * values[0]:
        raise UsageError("main_directions: expected a way that is no straight line, got one; it spans no plane.")
    # Signs are anybody's choice: the way begins where both numbers are positive.
    signs = np.where(directions[:2] @ way[0] < 0, -1.0, 1.0)
    return directions[:2] * signs[:, None], values[:2] ** 2 / np.sum(values**2)


def coordinates(thetas, origin, directions):
    """Where the points nearest to `thetas` lie in the plane: (T, 2), by least squares.

    Parameters
    ----------
    thetas : array (T, n_params)
    origin : array (n_params,)
        Such as `model.theta`.
    directions : array (2, n_params)
    """
    origin = as_float_array("coordinates", origin, np.float64, "origin")
    thetas = as_float_array("coordinates", thetas, np.float64, "thetas")
    check_shape("coordinates", origin, ("n",), "origin")
    check_shape("coordinates", thetas, ("T", *origin.shape), "thetas")
    directions = _checked_directions("coordinates", directions, origin.size)
    # The least of |theta - origin - c D|^2 over c: c (D D') = (theta - origin) D'
    return np.linalg.solve(directions @ directions.T, directions @ (thetas - origin).T).T


def surface(model, x, directions, target=None, *, span=1.0, points=25):
    """The loss, penalties included, on a rectangle around the net's parameters.

    Parameters
    ----------
    model : Autoencoder
        Not changed.
    x : array (N, *model.input_shape)
        Some hundred samples: there are points^2 forward passes.
    directions : array (2, n_params)
    target : array (N, *model.output_shape), optional
        What the output should be; x itself without it.
    span : float, or ((low, high), (low, high))
        How far to go along the first and the second direction; a number s stands for -s to s.
    points : int
        In each direction, 2 at least; an odd number has the net itself in the middle.

    Returns
    -------
    Surface
    """
    directions = _checked_directions("surface", directions, model.n_params)
    first, second = (np.linspace(low, high, check_int("surface", "points", points, 2)) for low, high in _spans(span))
    loss = _loss_at("surface", model, x, target)
    origin = model.theta.astype(np.float64)
    values = [[loss(origin + a * directions[0] + b * directions[1]) for a in first] for b in second]
    return Surface(first, second, np.array(values))


def line(model, other, x, target=None, *, points=31, beyond=0.25):
    """The loss, penalties included, on the straight line between the parameters of two nets of the same layers.

        L(t) = loss((1 - t) theta_model + t theta_other)

    Source: Goodfellow, Vinyals & Saxe, "Qualitatively characterizing neural network optimization problems" (2015).

    Parameters
    ----------
    model, other : Autoencoder
        Such as before training and after it; not changed.
    x, target : arrays (N, ...)
        As for `surface`.
    points : int
    beyond : float >= 0
        How far the line goes on beyond either end.

    Returns
    -------
    t, losses : arrays (points,)
    """
    t = np.linspace(0, 1, check_int("line", "points", points, 2))
    beyond = check_float("line", "beyond", beyond, 0.0, np.inf, open_high=True)
    t = (1 + 2 * beyond) * t - beyond
    shapes, others = ({n: v.shape for n, v in named_views(m, m.theta).items()} for m in (model, other))
    if shapes != others:
        raise UsageError("line: expected two nets of the same layers, got different ones.")
    loss = _loss_at("line", model, x, target)
    start, end = model.theta.astype(np.float64), other.theta.astype(np.float64)
    return t, np.array([loss((1 - s) * start + s * end) for s in t])


def _loss_at(who, model, x, target):
    """The loss on x as a function of theta."""
    x = as_float_array(who, x, model.theta.dtype)
    check_samples(who, x, model.input_shape)
    target = x if target is None else as_float_array(who, target, model.theta.dtype, "target")
    check_samples(who, target, model.output_shape, "target")
    if not len(x) or len(target) != len(x):
        raise UsageError(f"{who}: expected as many targets as inputs, at least one, got {len(target)} and {len(x)}.")
    twin = model.astype(model.theta.dtype)
    twin.set_training(False)

    def loss(theta):
        twin.theta[...] = theta
        with np.errstate(over="ignore", invalid="ignore"):
            return twin.loss_value(x, target)

    return loss


def _checked_directions(who, directions, n):
    directions = as_float_array(who, directions, np.float64, "directions")
    check_shape(who, directions, (2, n), "directions")
    check_finite(who, directions, "directions")
    return directions


def _spans(span):
    """((low, high), (low, high))."""
    try:
        spans = np.array(span, dtype=np.float64)
        if spans.ndim == 0:
            spans = np.array([[-spans, spans]] * 2)
        fits = spans.shape == (2, 2) and np.isfinite(spans).all() and (spans[:, 0] < spans[:, 1]).all()
    except (TypeError, ValueError):
        fits = False
    if not fits:
        raise UsageError(f"surface: expected span to be a number > 0 or ((low, high), (low, high)), got {span!r}.")
    return spans
