"""Units and codes that give the same value for every sample: dead ReLU, saturated sigmoid, collapsed codes."""

from dataclasses import dataclass

import numpy as np

from tinyae.diagnosis.ranges import RANGES, last_unit
from tinyae.layers import ActivityPenalty, GaussianCode, KSparse, Linear, ReLU, Sequential, Sigmoid, Tanh
from tinyae.layers.activations import Activation
from tinyae.layers.weighted import Weighted
from tinyae.training.chunks import for_chunks

# Shares of units that may be constant. In well-trained ReLU nets a third of a code was; of a hidden layer it can be
# more than half where its inputs all lie to one side of 0.
MANY, MANY_OF_CODE = 2 / 3, 1 / 2
SATURATED = 1e-3  # of its range: a unit that stays this near to one end has stopped
SAME = 1e-6  # beside the largest value in the layer: rounding
COLLAPSED = 0.1  # standard deviation of a variational code's mean; Burda et al. (2016), section 5.2: variance 0.01


STRONGER = ["start again with larger initial weights (init='glorot')", "with pretraining (tinyae.rbm.fit_stack)"]


@dataclass
class Units:
    """How many of a layer's units give the same value for every sample.

    Attributes
    ----------
    path : str
        Such as "encoder.relu_1".
    unit : Activation or None
    total, constant : int
    stuck : int
        Those of the constant ones that stay at an end of their range, where the gradient is 0.
    """

    path: str
    unit: Activation | None
    total: int
    constant: int
    stuck: int

    @property
    def all(self):
        return self.constant == self.total


def look_inside(model, x, threads=None):
    """One forward pass of x: what every layer with an activation does, the codes, and the reconstructions.

    Returns
    -------
    layers : list of Units
        In the order of the pass.
    codes, outputs : arrays (N, ...)
    """
    units, spans = {}, {}
    codes = np.empty((len(x), *model.encoder.output_shape), model.theta.dtype)
    outputs = np.empty((len(x), *model.output_shape), model.theta.dtype)

    def note(path, unit, y):
        """Lowest and highest value of every number of a layer's output, over the rows y."""
        units[path] = unit
        spans.setdefault(path, []).append((y.min(axis=0), y.max(axis=0)))

    def work(replica, rows):
        codes[rows] = forward_noting("encoder", replica.encoder, x[rows], note)
        outputs[rows] = forward_noting("decoder", replica.decoder, codes[rows], note)

    for_chunks(model, len(x), threads, work)
    layers = []
    for path, chunks in spans.items():
        low, high = np.min([low for low, _ in chunks], axis=0), np.max([high for _, high in chunks], axis=0)
        layers.append(count_constant(path, units[path], low, high))
    return layers, codes, outputs


def forward_noting(path, net, x, note):
    """net.forward(x), with note(path, activation, y) called for every layer below that applies an activation."""
    if isinstance(net, Sequential):
        for name, layer in zip(net.layer_names, net.layers, strict=True):
            x = forward_noting(f"{path}.{name}", layer, x, note)
        return x
    y = net.forward(x)
    unit = net.output_unit if isinstance(net, Activation | Weighted) else None
    if unit is not None and not isinstance(unit, Linear):
        note(path, unit, y)
    return y


def count_constant(path, unit, low, high):
    """Units of a layer from the lowest and highest value of every number of its output.

    Of a layer of images a unit is a channel: it is constant where none of its pixels changes from sample to sample.
    """
    low, high = (np.reshape(a, (-1, np.shape(a)[-1])) for a in (low, high))  # (pixels, channels), or (1, units)
    constant = (high - low).max(axis=0) <= SAME * max(np.abs(low).max(), np.abs(high).max())
    stuck = np.zeros_like(constant)
    if type(unit) in RANGES:
        bottom, top = RANGES[type(unit)]
        edge = SATURATED * (top - bottom) if np.isfinite(top) else SAME
        stuck = (high.max(axis=0) <= bottom + edge) | (low.min(axis=0) >= top - edge)
    return Units(path, unit, constant.size, int((constant | stuck).sum()), int(stuck.sum()))


def silent_units(model, layers, codes, x, early=False):
    """Texts on units that say nothing, and whether little or nothing of the input can come through.

    Behind a layer of constant units all are constant: only the first such layer is told of. `early`: after a few
    updates units may still come to life, unless all of a layer are stuck.
    """
    stages, code = on_the_way(model, layers, codes)
    blocked = [place for place, units in enumerate(stages) if units.all]
    if blocked:
        stages = stages[: blocked[0] + 1]
    last, hidden = stages[-1], [units for units in stages if units is not code]
    dead = [units for units in hidden if units.stuck >= (1 if early else MANY) * units.total]
    faults = [text_on_dead(dead, bool(blocked) and last in dead, x)] if dead else []
    if blocked and last is not code and last not in dead and not early:
        faults.append(text_on_faded(last, x))
    silent_code = code in stages and (code.stuck if early else code.constant) >= MANY_OF_CODE * code.total
    if silent_code:
        faults.append(text_on_code(model, code, x))
    return faults, bool(blocked) or silent_code


def on_the_way(model, layers, codes):
    """The layers between input and output in order, with the code in place of the layer that gives it; and the code.

    The output is left out: a corner that is black in every image is no fault.
    """
    giver, unit = last_unit(model.encoder, "encoder")
    output, _ = last_unit(model.decoder, "decoder")
    code = count_constant("code", unit, codes.min(axis=0), codes.max(axis=0))
    if isinstance(model.encoder.layers[-1], GaussianCode):  # some unused units are usual there; all are a fault
        collapsed = code.total if (codes.std(axis=0) < COLLAPSED).all() else 0
        code = Units("code", None, code.total, collapsed, 0)
    hidden = [units for units in layers if units.path not in (giver, output)]
    encoder = [units for units in hidden if units.path.startswith("encoder.")]
    return [*encoder, code, *hidden[len(encoder) :]], code


# -- words ---------------------------------------------------------------------------


def text_on_dead(dead, blocking, x):
    """What to say of layers with many constant units; `blocking`: the last one has no others."""
    places = ", ".join(f"{units.stuck} of {units.total} in {units.path}" for units in dead)
    kinds = {type(units.unit) for units in dead}
    remedies = ["start again with a smaller learning rate"]
    remedies += ["with leaky ReLU"] if ReLU in kinds else []
    remedies += ["with smaller initial weights"] if kinds & {Sigmoid, Tanh} else []
    # Where all inputs lie to one side of 0, the sign of a unit's weights can decide what it does for all samples.
    mean, spread = float(x.mean(dtype=np.float64)), float(x.std(axis=0, dtype=np.float64).mean())
    if abs(mean) > spread and dead[0].path.startswith("encoder."):
        remedies.append(f"with data around 0 (their mean is {mean:.2g})")
    end = ", and nothing of the input comes through" if blocking else ""
    return f"dead units: {places} give the same value for each of {len(x)} samples{end}; {either(remedies)}."


def text_on_faded(units, x):
    """What to say of a layer whose units are constant, though none is at an end of its range."""
    return (
        f"all {units.total} units of {units.path} give the same value for each of {len(x)} samples: what the input "
        f"says has faded out before; {either(STRONGER)}."
    )


def text_on_code(model, code, x):
    """What to say of a code with many constant units."""
    if isinstance(model.encoder.layers[-1], GaussianCode):
        return (
            f"the variational code has collapsed: its {code.total} means are about the same for each of {len(x)} "
            "samples; try a smaller beta, or raise it from 0 over the first epochs."
        )
    lower, sparse = less_penalty(model), any(isinstance(layer, KSparse) for layer in model.encoder.layers)
    remedies = lower + (["start again with a larger k at first"] if sparse else [])
    if code.stuck:
        remedies.append("start again with a smaller learning rate")
        remedies += ["with a linear code"] if isinstance(code.unit, ReLU) and not lower else []
        remedies += ["with smaller initial weights"] if isinstance(code.unit, Sigmoid | Tanh) else []
    remedies = remedies or STRONGER
    if code.all:
        who = "its one unit is" if code.total == 1 else f"all its {code.total} units are"
        return f"the code is the same for each of {len(x)} samples: {who} constant; {either(remedies)}."
    return (
        f"{code.constant} of {code.total} code units give the same value for each of {len(x)} samples and carry "
        f"nothing; {either(remedies)}."
    )


def less_penalty(model):
    """['lower the weight of L1(weight=10.0)'], or [] for a net without penalties of its code."""
    penalties = model.penalties + [layer.what for layer in model.encoder.layers if isinstance(layer, ActivityPenalty)]
    return [f"lower the weight of {' and '.join(map(repr, penalties))}"] if penalties else []


def either(remedies):
    """'this, or that'."""
    return ", or ".join(remedies)
