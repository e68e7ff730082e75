"""One layer examined: what `forward` and `backward` promise, and every gradient beside finite differences."""

import itertools

import numpy as np

from tinyae.gradcases import off_kinks
from tinyae.gradcheck import TOLERANCE, GradientError, compare, numerical_gradient
from tinyae.verdicts.conduct import check_backward, check_forward, check_use
from tinyae.verdicts.finding import ExaminationError, Finding, run
from tinyae.verdicts.suspects import Evidence, looks_like

ROWS = (5, 7, 3, 11, 13, *range(14, 100))


def examine(layer, input_shape, path="", seed=0):
    """Check a layer of one's own.

    Parameters
    ----------
    layer : Layer
        Is built here, in float64.
    input_shape : int or tuple of int
        Of one sample.
    path : path, optional
        The file it comes from, for the line numbers of errors.
    seed : int

    Returns
    -------
    list of Finding
        On forward, the gradient of every parameter ("dL/dW") and of the input ("dL/dx"), backward's conduct, and use
        in a net. Where one makes the rest meaningless it is the last.
    """
    findings = []
    try:
        rng = np.random.default_rng(seed)
        run(lambda: layer.build(input_shape, rng, dtype=np.float64), "build", path)
        x = off_kinks((rows_for(layer), *layer.input_shape))
        dy = rng.normal(size=(len(x), *layer.output_shape))
        findings.append(check_forward(layer, x, path))
        findings += check_gradients(layer, x, dy, path)
        findings.append(check_backward(layer, x, dy, path))
        findings.append(check_use(layer, x, path))
    except ExaminationError as error:
        findings.append(error.finding)
    return findings


def rows_for(layer):
    """A number of rows that is no length of the layer's: swapped axes then cannot pass."""
    lengths = {*layer.input_shape, *layer.output_shape, *itertools.chain(*(p.shape for p in layer.params.values()))}
    return next(n for n in ROWS if n not in lengths)


def check_gradients(layer, x, dy, path):
    """A Finding for every parameter and for x."""
    run(lambda: layer.forward(x), "forward", path)
    dx = run(lambda: layer.backward(dy.copy()), "backward", path)
    if dx is None:
        raise ExaminationError("backward", "returns None: the layer below needs dL/dx, return it.")
    got = {name: np.array(g, dtype=np.float64) for name, g in layer.grads.items()}
    got |= {"x": np.array(dx, dtype=np.float64)}
    arrays = {name: layer.params[name] for name in got if name in layer.params} | {"x": x}
    return [check_gradient(layer, name, p, got[name], x, dy) for name, p in arrays.items()]


def check_gradient(layer, name, p, got, x, dy):
    """dL/dp as backward gave it, beside central differences of L = sum(dy y) in every number of p."""

    def slopes(rows=slice(None)):
        return numerical_gradient(lambda: float(np.sum(dy[rows] * layer.forward(x[rows]))), p)

    def transposed():
        for matrix, W in layer.params.items():
            if W.ndim == 2 and W.shape[0] == W.shape[1]:
                kept = W.copy()
                W[...] = kept.T
                yield matrix, slopes()
                W[...] = kept

    expected, error = slopes(), np.inf
    try:
        worst = compare(layer.name, name, got, expected)
        error, shown = worst.error, f"at {list(worst.index)} got {worst.got:.6g}, expected {worst.expected:.6g}"
    except GradientError:
        shown = f"got shape {got.shape}, expected {expected.shape}"
    if error <= TOLERANCE:
        return Finding(f"dL/d{name}", True, f"{got.shape}, largest relative error {error:.1e}")
    evidence = Evidence(name, got, expected, dy, lambda n: slopes(slice(n, n + 1)), transposed)
    return Finding(f"dL/d{name}", False, f"{shown}; {looks_like(evidence)}")
