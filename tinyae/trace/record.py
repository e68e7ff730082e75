"""One forward and one backward pass through a net, every number kept."""

import numpy as np

from tinyae.checks import UsageError, as_float_array, check_finite, check_samples
from tinyae.corruption import corrupt
from tinyae.layers.flat import named_views
from tinyae.minimisers.conjugate_gradient import minimise
from tinyae.optimizers import ConjugateGradient, optimizer_by_name
from tinyae.trace.atoms import atoms_of
from tinyae.trace.formulas import formula_of
from tinyae.trace.steps import Step, Steps

LARGEST = 20_000_000  # numbers a trace may hold: 160 MB


def trace(model, x, target=None, *, optimizer=None, training=False, seed=0):
    """Run one forward and one backward pass of an Autoencoder and keep every step.

    Parameters
    ----------
    model : Autoencoder
        It is copied in float64, so that finite differences mean something; the model itself does not change.
    x : array (N, *model.input_shape)
        A small batch: every number is kept.
    target : array (N, ...), optional
        What the output should be; x without it.
    optimizer : str or Optimizer, optional
        Adds the step that follows: its update of every parameter. An Optimizer is used itself and counts the step, so
        that a second trace shows its second step. Of ConjugateGradient a step for every line search.
    training : bool
        Whether noise (Dropout, corruption, a variational code) is made, drawn by `seed`.
    seed : int

    Returns
    -------
    Steps
        Forward, the loss, backward, penalties on the encoder, and the update, in this order.

    Raises
    ------
    UsageError
        x of another shape, not finite, or so large that the trace would not fit.

    Examples
    --------
    >>> steps = trace(model, x[:2], optimizer="adam")
    >>> print(steps[0])
    >>> steps.find("decoder.dense_1", "backward").check()
    """
    x, target = _checked(model, x, target)
    net = model.astype(np.float64)
    net.set_training(training)
    net.reseed(np.random.default_rng(seed))
    chain = [*atoms_of(net.encoder, "encoder"), *_code_atoms(net), *atoms_of(net.decoder, "decoder")]
    forward, a = _forward(net, chain, x)
    loss, backward = _backward(net, chain, forward, a, x if target is None else target)
    steps = [*forward, loss, *backward, *_encoder_penalties(net, forward[0].x)]
    if optimizer is not None:
        optimizer = optimizer_by_name("trace", optimizer)
        if isinstance(optimizer, ConjugateGradient):
            steps += _searches(net, optimizer, x, target, seed)
        else:
            steps.append(_update(net, optimizer))
    return Steps(steps)


def _checked(model, x, target):
    pair = []
    for name, array, shape in (("x", x, model.input_shape), ("target", target, model.output_shape)):
        if array is not None:
            array = as_float_array("trace", array, np.float64, name)
            check_samples("trace", array, shape, name)
            missing = name == "target" and model.loss.missing
            check_finite("trace", np.nan_to_num(array, posinf=np.inf, neginf=-np.inf) if missing else array, name)
        pair.append(array)
    if not len(pair[0]):
        raise UsageError("trace: expected at least one sample in x, got none.")
    size = 4 * len(pair[0]) * sum(int(np.prod(s)) for s in model.encoder.shapes + model.decoder.shapes)
    if size + 4 * model.n_params > LARGEST:
        raise UsageError(
            f"trace: expected a batch and a net of at most {LARGEST:,} numbers in all steps, got about "
            f"{size + 4 * model.n_params:,}; trace fewer samples or a smaller net."
        )
    return pair


def _code_atoms(net):
    """Penalties that the Autoencoder itself puts on the code."""
    for layer in net.code_penalties:
        yield from atoms_of(layer, f"code.{layer.series}")


def _forward(net, chain, x):
    """The forward steps, and what the loss works on."""
    if net.training and net.corruption is not None:
        x = corrupt(net.corruption, x, net.rng)
    net.x = x  # penalties on the encoder ask for it
    steps = []
    for atom in chain:
        y = atom.forward(x)
        formula = formula_of(atom.layer, "forward")
        steps.append(Step("forward", atom.path, atom.kind, formula, x, y, params=atom.params, subject=atom))
        x = y
    return steps, steps[-1].x if matched_unit(net, chain) else x


def matched_unit(net, chain):
    """The last atom, where the loss takes it and itself in one step (x' - x); None otherwise."""
    last = chain[-1].layer
    return chain[-1] if net.matched and last is net.decoder.output_unit else None


def _backward(net, chain, forward, a, target):
    """The loss's step and the backward steps; the forward steps learn their gradients."""
    n = len(a)
    value, dx = net.loss.value_and_gradient(a, target)
    loss = Step(
        "loss", net.loss.name, net.loss.name, formula_of(net.loss, "loss"), a, np.array(value), target,
        dx=np.array(dx), subject=net.loss,
    )  # fmt: skip
    together = matched_unit(net, chain)
    if together:
        loss.output = forward[-1].y
        loss.note = (
            f"Taken together with {together.path}: the loss works on that unit's input a, where its gradient is "
            "x' - x over the number of samples. So the way back begins before that unit."
        )
        forward[-1].note = f"The loss takes this unit and itself in one step, {net.loss.name}: no gradient passes here."
    steps = []
    with net._penalised(n):
        dy = loss.dx
        for atom, step in reversed(list(zip(chain, forward, strict=True))):
            if atom is together:
                continue
            shares = atom.shares()
            dx = atom.backward(dy)
            step.dy, step.dx, step.grads, step.shares = dy, dx, atom.grads, shares
            back = Step(
                "backward", atom.path, atom.kind, formula_of(atom.layer, "backward"), step.x, step.y,
                params=step.params, grads=step.grads, shares=shares, dy=dy, dx=dx, subject=atom,
            )  # fmt: skip
            if shares:
                back.note = "dW holds the share of the decoder's tied layer, too."
            if atom.penalising:
                back.note = f"Its penalty adds {atom.layer.penalty(n):.6g} to the loss, and its own gradient to dL/dx."
            steps.append(back)
            dy = dx
    return loss, steps


def _encoder_penalties(net, x):
    """A step for every penalty that looks at the encoder as a whole; it adds to the encoder's gradients."""
    for penalty in net.encoder_penalties:
        before = net.gradient.copy()
        value = penalty.add_gradient(net.encoder, x, len(x))
        added = {name: g.copy() for name, g in named_views(net, net.gradient - before).items() if g.any()}
        params = {name: p.copy() for name, p in named_views(net, net.theta).items() if name in added}
        yield Step(
            "penalty", penalty.name, penalty.name, formula_of(penalty, "penalty"), x, np.array(value), params=params,
            grads=added, subject=(penalty, net),
            note=f"Adds {value:.6g} to the loss, and these gradients to those above.",
        )  # fmt: skip


def _update(net, optimizer):
    """The optimizer's step on all parameters."""
    before, theta, gradient = net.theta, net.theta.copy(), net.gradient.copy()
    known = {name: array.copy() for name, array in optimizer.state.items() if array.shape == before.shape}
    optimizer.step(theta, gradient)
    after = {name: array.copy() for name, array in optimizer.state.items()}
    empty = np.zeros_like(before)
    return Step(
        "update", optimizer.name, optimizer.name, formula_of(optimizer, "update"),
        params=named_views(net, before), grads=named_views(net, gradient), after=named_views(net, theta),
        state={name: named_views(net, known.get(name, empty)) for name in after},
        state_after={name: named_views(net, array) for name, array in after.items()}, subject=optimizer,
        note=f"Step {optimizer.t}, learning rate {optimizer.lr:g}.",
    )  # fmt: skip


def _searches(net, optimizer, x, target, seed):
    """A step for every line search of conjugate gradients on this batch, which asks for the gradient several times."""
    start, followed = net.theta.copy(), []

    def function(theta):
        net.theta[:] = theta
        net.reseed(np.random.default_rng(seed))  # the same noise each time
        return net.loss_and_gradient(x, target), net.gradient

    minimum = minimise(
        function, start, searches=optimizer.searches, settings=optimizer.settings, follow=followed.append
    )
    optimizer.count(minimum)
    direction = np.zeros_like(start)
    for number, searched in enumerate(followed, 1):
        value, gradient = function(start)
        tried = ", ".join(f"a = {point.length:.3g}: {point.value:.6g}" for point in searched.tried)
        yield Step(
            "update", f"line search {number}", optimizer.name, formula_of(optimizer, "update"),
            params=named_views(net, start), grads=named_views(net, gradient.copy()),
            after=named_views(net, searched.theta), state={"s": named_views(net, direction)},
            state_after={"s": named_views(net, searched.direction)}, subject=searched,
            note=f"beta = {searched.beta:.4g}. The loss was {value:.6g}; lengths tried: {tried}. "
            f"{'Taken' if searched.succeeded else 'The best of them'}: a = {searched.length:.4g}.",
        )  # fmt: skip
        start, direction = searched.theta, searched.direction
