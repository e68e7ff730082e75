"""One update of a restricted Boltzmann machine by contrastive divergence, every number kept."""

import copy
import math

import numpy as np

from tinyae.checks import UsageError, as_float_array, check_finite, check_float, check_int, check_shape
from tinyae.rbm import RBM
from tinyae.rbm.training import MOMENTUM, WEIGHT_COST, default_rate
from tinyae.trace.formulas import MACHINES, Formula
from tinyae.trace.steps import Step, Steps

OPEN = {"open_low": True, "open_high": True}


def trace_rbm(rbm, v, *, k=1, lr=None, momentum=MOMENTUM[0], velocity=None, weight_cost=WEIGHT_COST, seed=0):
    """Run one update of CD-k and keep every step: up, sample, down, up again, the difference, the new weights.

    Parameters
    ----------
    rbm : RBM
        It is copied in float64; the machine itself does not change.
    v : array (N, D)
        A small batch of data.
    k : int
        Steps of Gibbs sampling.
    lr : float, optional
        Without it `fit_rbm`'s: 0.1, or 0.001 for Gaussian hidden units.
    momentum, weight_cost : float
        As in `fit_rbm`, in its first epochs.
    velocity : array like rbm.theta, optional
        What the update before this one was; zeros without it.
    seed : int or numpy.random.Generator
        Draws the hidden states.

    Returns
    -------
    Steps
        `check` of the step "contrastive divergence" compares its numbers with the slope of F(v_k) - F(v_0), the free
        energies at the chain's two ends, which is what CD goes down: v_k itself is held fixed, as CD does.

    Raises
    ------
    UsageError
        Not an RBM of Bernoulli and Gaussian units, v of another shape or not finite, settings out of range.

    Source: Hinton (2002), "Training products of experts by minimizing contrastive divergence"; the update is that of
    Hinton & Salakhutdinov (2006).
    """
    if type(rbm) is not RBM:
        raise UsageError(f"trace_rbm: expected an RBM of Bernoulli or Gaussian units, got {rbm!r}.")
    v = as_float_array("trace_rbm", v, np.float64, "v")
    check_shape("trace_rbm", v, ("N", rbm.n_visible), "v")
    check_finite("trace_rbm", v, "v")
    if not len(v):
        raise UsageError("trace_rbm: expected at least one row in v, got none.")
    check_int("trace_rbm", "k", k, 1)
    lr = check_float("trace_rbm", "lr", default_rate(rbm) if lr is None else lr, 0, math.inf, **OPEN)
    check_float("trace_rbm", "momentum", momentum, 0, 1, open_high=True)
    check_float("trace_rbm", "weight_cost", weight_cost, 0, math.inf, open_high=True)
    velocity = np.zeros(rbm.theta.size) if velocity is None else as_float_array("trace_rbm", velocity, np.float64)
    check_shape("trace_rbm", velocity, (rbm.theta.size,), "velocity")
    machine = in_float64(rbm)
    steps, ends = chain(machine, v, k, np.random.default_rng(seed))
    difference = divergence(machine, *ends)
    return Steps([*steps, difference, update(machine, difference.grads, velocity, lr, momentum, weight_cost)])


def in_float64(rbm):
    """A copy for exact arithmetic."""
    twin = RBM(rbm.n_visible, rbm.n_hidden, rbm.visible, rbm.hidden, dtype=np.float64)
    twin.theta[:] = rbm.theta
    return twin


def chain(rbm, v, k, rng):
    """The steps from the data to the chain's end, and (v_0, h_0, v_k, h_k): visible states and hidden means."""
    steps, v0 = [], v
    v, h = v0, up(rbm, v0, "data", steps)
    h0 = h
    for n in range(1, k + 1):
        states = sampled(rbm, h, n, rng, steps)
        v = down(rbm, states, n, steps)
        h = up(rbm, v, f"reconstruction {n}" if k > 1 else "reconstruction", steps)
    return steps, (v0, h0, v, h)


def up(rbm, v, where, steps):
    """E[h | v], in the steps of its total input and its unit."""
    a = v @ rbm.W + rbm.c
    params = {"W": rbm.W.copy(), "c": rbm.c.copy()}
    steps.append(machine_step("Up", f"up from the {where}", x=v.copy(), y=a, params=params))
    return unit(rbm.hidden, a, rbm.hidden_mean(v), f"hidden units, {where}", steps)


def down(rbm, h, n, steps):
    """E[v | h], likewise."""
    a = h @ rbm.W.T + rbm.b
    params = {"W": rbm.W.copy(), "b": rbm.b.copy()}
    steps.append(machine_step("Down", f"down, {n}" if n > 1 else "down", x=h.copy(), y=a, params=params))
    return unit(rbm.visible, a, rbm.visible_mean(h), "visible units", steps)


def unit(kind, a, mean, where, steps):
    """A mean from a total input: sigmoid for Bernoulli units, the total input itself for Gaussian ones."""
    name = "Sigmoid" if kind == "bernoulli" else "Linear"
    steps.append(Step("forward", where, name, Formula(*MACHINES[name]), x=a, y=mean))
    return mean


def sampled(rbm, mean, n, rng, steps):
    """Hidden states drawn from their means, with the random numbers that decided."""
    before = copy.deepcopy(rng)
    states = rbm.sample_hidden(mean, rng)
    if rbm.hidden == "bernoulli":
        kind, noise = "Bernoulli", {"u": before.random(mean.shape)}
    else:
        kind, noise = "GaussianUnit", {"eps": before.standard_normal(mean.shape)}
    where = f"sample, {n}" if n > 1 else "sample"
    steps.append(machine_step(kind, where, x=mean.copy(), y=states, params=noise))
    return states


def machine_step(kind, where, **numbers):
    """A forward step of the machine."""
    return Step("forward", where, kind, Formula(*MACHINES[kind]), **numbers)


def divergence(rbm, v0, h0, v1, h1):
    """The difference of the statistics at both ends of the chain, which is added to the parameters."""
    ends = {"v0": v0, "h0": h0, "v1": v1, "h1": h1}
    gradient = rbm.statistics(v0, h0) - rbm.statistics(v1, h1)
    names = ("W", "b", "c")
    grads = dict(zip(names, (g.copy() for g in rbm.views(gradient)), strict=True))
    shown = ends | {f"d{name}": grads[name] for name in names}
    return Step(
        "statistics", "contrastive divergence", "ContrastiveDivergence", Formula(*MACHINES["ContrastiveDivergence"]),
        x=v0, grads=grads, shown=shown, subject=rbm,
        note="How the data pull, less how the machine's own reconstructions pull. It is added: the way up.",
    )  # fmt: skip


def update(rbm, grads, velocity, lr, momentum, weight_cost):
    """The new parameters."""
    names = ("W", "b", "c")
    before = dict(zip(names, (p.copy() for p in rbm.views(rbm.theta)), strict=True))
    old = dict(zip(names, (p.copy() for p in rbm.views(velocity)), strict=True))
    cost = {"W": weight_cost, "b": 0.0, "c": 0.0}
    new = {
        name: momentum * old[name] + lr * (grads[name] - cost[name] * before[name])  # v = m v + lr (g - cost W)
        for name in names
    }
    settings = {"lr": lr, "momentum": momentum, "cost": cost}
    return Step(
        "update", "all parameters", "MomentumUp", Formula(*MACHINES["MomentumUp"]), params=before, grads=grads,
        after={name: before[name] + new[name] for name in names}, state={"velocity": old},
        state_after={"velocity": new}, subject=settings,
        note=f"Learning rate {lr:g}, momentum {momentum:g}, weight cost {weight_cost:g} (on the weights alone).",
    )  # fmt: skip
