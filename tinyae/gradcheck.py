"""Finite differences: every backward pass beside the slope it claims to be.

The derivative of a scalar f in one number p is compared with the central difference

    (f(p + h) - f(p - h)) / (2 h),    wrong by  h^2/6 f'''  (truncation) and about  eps |f| / h  (rounding),

in float64, where h = 1e-5 makes both about 1e-10. The scalar is sum(dy * y) with a random upstream gradient dy: all
ones could not tell output units apart, and would miss a wrong softmax altogether.
"""

from dataclasses import dataclass

import numpy as np

H = 1e-5
TOLERANCE = 1e-6
SEED = 2006  # of dy. Not 0, by which people draw x: with dy = x the product x' dy is symmetric, and hides a transpose


@dataclass(frozen=True)
class Difference:
    """Where analytic and numerical gradient lie furthest apart.

    `error` is |got - expected| relative to the largest gradient entry of the same array (an entry that is zero by
    symmetry has no relative error of its own).
    """

    who: str
    what: str
    index: tuple
    got: float
    expected: float
    error: float

    def __str__(self):
        return (
            f"{self.who}: d loss / d {self.what}{list(self.index)}: got {self.got:.10g}, "
            f"expected {self.expected:.10g} (relative error {self.error:.1e})"
        )


class GradientError(AssertionError):
    """A backward pass does not agree with central differences: names layer, parameter, index, got, expected."""


def numerical_gradient(f, p, h=H):
    """Central differences of the scalar f() in every entry of the float64 array p, nudged in place and restored."""
    p_flat = p.reshape(-1)
    if p.dtype != np.float64 or not np.shares_memory(p_flat, p):
        raise ValueError(
            f"numerical_gradient: expected a contiguous float64 array, got {p.dtype}; use astype(float64)."
        )
    gradient = np.empty(p.size)
    for i in range(p.size):
        kept = p_flat[i]
        p_flat[i] = kept + h
        up = f()
        p_flat[i] = kept - h
        down = f()
        p_flat[i] = kept
        gradient[i] = (up - down) / (2 * h)
    return gradient.reshape(p.shape)


def compare(who, what, got, expected):
    """The worst Difference between two gradients of one array."""
    if got.shape != expected.shape:
        raise GradientError(f"{who}: d loss / d {what}: expected shape {expected.shape}, got {got.shape}.")
    finite = np.isfinite(got) & np.isfinite(expected)
    scale = max(np.abs(got[finite]).max(initial=0), np.abs(expected[finite]).max(initial=0), 1e-12)
    error = np.full(got.shape, np.inf)
    error[finite] = np.abs(got[finite] - expected[finite]) / scale
    index = tuple(int(i) for i in np.unravel_index(np.argmax(error), error.shape))
    return Difference(who, what, index, float(got[index]), float(expected[index]), float(error[index]))


def check_layer(layer, x, rng=None):
    """Compare a built layer's backward with central differences: every parameter and the input.

    Parameters
    ----------
    layer : Layer
        Built with dtype float64; a container too.
    x : array (N, *input_shape), float64
        Kept off kinks: central differences across the corner of a ReLU measure nothing.
    rng : numpy.random.Generator, optional
        Draws the upstream gradient.

    Returns
    -------
    list of Difference
        One per parameter array and one for the input, the worst first.
    """
    rng = np.random.default_rng(SEED) if rng is None else rng
    x = np.array(x, dtype=np.float64)
    dy = rng.normal(size=layer.forward(x).shape)

    def f():
        return float(np.sum(dy * layer.forward(x)))

    layer.forward(x)
    dx = layer.backward(dy).copy()
    analytic = {path: {n: g.copy() for n, g in owner.grads.items()} for path, owner in layer.owners()}
    found = [compare(layer.name, "x", dx, numerical_gradient(f, x))]
    for path, owner in layer.owners():
        for name, p in owner.params.items():
            what = f"{path}.{name}" if path else name
            found.append(compare(layer.name, what, analytic[path][name], numerical_gradient(f, p)))
    return sorted(found, key=lambda d: -d.error)


def check_tangent(layer, x, rng=None):
    """Compare a built layer's `tangent` and `tangent_backward` with central differences.

    The tangent t = J v is compared with (y(x + h v) - y(x - h v)) / (2 h), and every gradient of

        P = sum(c * t) + sum(d * y),    c and d random,

    with its slope: in v, in x and in every parameter. Arguments and result are those of `check_layer`.
    """
    rng = np.random.default_rng(SEED) if rng is None else rng
    x = np.array(x, dtype=np.float64)
    v = rng.normal(size=x.shape)
    c, d = rng.normal(size=(2, *layer.forward(x).shape))

    def f():
        return float(np.sum(d * layer.forward(x)) + np.sum(c * layer.tangent(v)))

    step = (layer.forward(x + H * v) - layer.forward(x - H * v)) / (2 * H)
    layer.forward(x)
    found = [compare(layer.name, "step along v", layer.tangent(v), step)]
    for _, owner in layer.owners():
        for gradient in owner.grads.values():
            gradient[...] = 0  # tangent_backward adds
    dv, dx = (g.copy() for g in layer.tangent_backward(c, d))
    analytic = {path: {n: g.copy() for n, g in owner.grads.items()} for path, owner in layer.owners()}
    found.append(compare(layer.name, "v", dv, numerical_gradient(f, v)))
    found.append(compare(layer.name, "x", dx, numerical_gradient(f, x)))
    for path, owner in layer.owners():
        for name, p in owner.params.items():
            what = f"{path}.{name}" if path else name
            found.append(compare(layer.name, what, analytic[path][name], numerical_gradient(f, p)))
    return sorted(found, key=lambda d: -d.error)


def check_loss(loss, a, x):
    """Compare a loss's gradient with central differences in its input a (N, D) for targets x (N, D)."""
    a = np.array(a, dtype=np.float64)
    _, da = loss.value_and_gradient(a, x)
    return [compare(loss.name, "a", da, numerical_gradient(lambda: loss.value(a, x), a))]


def check_model(model, x, target=None):
    """Compare a whole Autoencoder's loss gradient with central differences in every parameter.

    `model` is a float64 one: `model.astype(numpy.float64)`.
    """
    x = np.array(x, dtype=np.float64)
    model.loss_and_gradient(x, target)
    analytic = model.gradient.copy()
    numerical = numerical_gradient(lambda: model.loss_value(x, target), model.theta)
    found, start = [], 0
    for path, owner in model.owners():
        for name, p in owner.params.items():
            part = slice(start, start + p.size)
            shaped = (v[part].reshape(p.shape) for v in (analytic, numerical))
            found.append(compare(repr(model), f"{path}.{name}", *shaped))
            start += p.size
    return sorted(found, key=lambda d: -d.error)


def assert_gradients(differences, tolerance=TOLERANCE):
    """Raise GradientError for the worst difference if it is beyond `tolerance`; return its error otherwise."""
    worst = max(differences, key=lambda d: d.error)
    if not worst.error <= tolerance:
        raise GradientError(str(worst))
    return worst.error
