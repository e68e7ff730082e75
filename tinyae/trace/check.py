"""A step's gradient beside finite differences."""

from dataclasses import dataclass

import numpy as np

from tinyae.checks import UsageError
from tinyae.gradcheck import TOLERANCE, H
from tinyae.layers.flat import named_views

CORNER = 1e-3  # difference of slopes beyond which it is a corner: 100 times that of a smooth bend over H
MOST = 60  # entries of an array that are checked: the largest gradients, and some by chance


@dataclass(frozen=True)
class Entry:
    """One number of a gradient, computed both ways; at a `kink` the slopes to the left and the right differ."""

    name: str
    index: tuple
    analytic: float
    numerical: float
    kink: bool

    def __str__(self):
        place = ",".join(map(str, self.index))
        corner = "  (at a corner: not compared)" if self.kink else ""
        return f"{self.name}[{place}]  analytic {self.analytic:+.10g}  finite difference {self.numerical:+.10g}{corner}"


@dataclass(frozen=True)
class Checked:
    """The entries checked; `error` is the largest difference relative to the largest gradient of the same array."""

    title: str
    entries: tuple
    error: float

    @property
    def passed(self):
        """Whether the error is within `tinyae.gradcheck.TOLERANCE`."""
        return bool(self.error <= TOLERANCE)

    def __str__(self):
        shown = "\n".join(f"  {entry}" for entry in self.entries[:5])
        verdict = "agree" if self.passed else "DO NOT AGREE"
        more = f"\n  ... and {len(self.entries) - 5} more" if len(self.entries) > 5 else ""
        return f"{self.title}: {verdict}, largest relative difference {self.error:.1e}\n{shown}{more}"

    def __repr__(self):
        return str(self)


def check_step(step):
    """Compare the gradients of a step with (f(p + h) - f(p - h)) / (2 h), where f is the step's own part of the loss.

    For a layer f = sum(dy * y) with the upstream gradient dy it really had, so that the numbers are dL/dp of the net.

    Raises
    ------
    UsageError
        For an update, which has no derivative.
    """
    if step.phase == "update":
        raise UsageError(
            "check: expected a step with a gradient, got an update; step.why shows where its numbers come from."
        )
    if step.phase in ("forward", "backward"):
        arrays, f = _of_layer(step)
    elif step.phase == "loss":
        x = step.x.copy()
        arrays, f = {"dx": (x, step.dx)}, lambda: step.subject.value(x, step.target)
    elif step.phase == "statistics":
        arrays, f = _of_machine(step)
    else:
        arrays, f = _of_penalty(step)
    entries, error = [], 0.0
    for name, (p, gradient) in arrays.items():
        found = [Entry(name, i, float(gradient[i]), *_slope(f, p, i)) for i in _chosen(gradient)]
        smooth = [e for e in found if not e.kink]
        scale = max([1e-12, *(max(abs(e.analytic), abs(e.numerical)) for e in smooth)])
        error = max([error, *(abs(e.analytic - e.numerical) / scale for e in smooth)])
        entries += found
    return Checked(step.title, tuple(entries), error)


def _of_layer(step):
    """{name: (array to nudge, gradient)} of a layer's step, and f."""
    atom, n = step.subject, len(step.x)
    if step.dy is None:
        raise UsageError(f"check: expected a step a gradient passes through, got {step.title}; {step.note}")
    x = step.x.copy()
    arrays = {"dx": (x, step.dx)}
    for name, gradient in step.grads.items():
        arrays[f"d{name}"] = (atom.layer.params[name], gradient - step.shares.get(name, 0.0))

    def f():
        value = float(np.sum(step.dy * atom.forward(x)))
        return value + atom.layer.penalty(n) if atom.penalising else value

    return arrays, f


def _of_penalty(step):
    """The same for a penalty on the encoder, whose gradients are those of its parameters."""
    penalty, net = step.subject
    views = named_views(net, net.theta)

    def f():
        net.encoder.forward(step.x)
        return penalty.value(net.encoder, step.x, len(step.x))

    return {f"d{name}": (views[name], gradient) for name, gradient in step.grads.items()}, f


def _of_machine(step):
    """The same for contrastive divergence: f = mean F(v1) - mean F(v0), free energies with v0 and v1 held fixed."""
    rbm, v0, v1 = step.subject, step.shown["v0"], step.shown["v1"]
    views = dict(zip(("W", "b", "c"), rbm.views(rbm.theta), strict=True))

    def f():
        return float(np.mean(rbm.free_energy(v1)) - np.mean(rbm.free_energy(v0)))

    return {f"d{name}": (views[name], gradient) for name, gradient in step.grads.items()}, f


def _slope(f, p, index):
    """The central difference of f() in the entry p[index], which is put back, and whether f has a corner there.

    At a corner (a ReLU's 0, two equal numbers in a MaxPool's window) the slopes on the two sides differ, and their
    mean, which the central difference is, is no derivative.
    """
    kept, middle = p[index], f()
    p[index] = kept + H
    up = f()
    p[index] = kept - H
    down = f()
    p[index] = kept
    slope = float((up - down) / (2 * H))
    return slope, bool(abs(up - 2 * middle + down) / H > CORNER * max(1.0, abs(slope)))


def _chosen(gradient):
    """Indices of at most MOST entries: half of them the largest, half of them by chance (seed 0)."""
    if gradient.size <= MOST:
        return [tuple(map(int, i)) for i in np.ndindex(gradient.shape)]
    flat = np.abs(gradient).ravel()
    places = np.concatenate([np.argsort(-flat)[: MOST // 2], np.random.default_rng(0).choice(flat.size, MOST // 2)])
    return [tuple(int(n) for n in np.unravel_index(i, gradient.shape)) for i in dict.fromkeys(places.tolist())]
