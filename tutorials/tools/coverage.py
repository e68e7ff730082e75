"""Which layers, losses, optimizers and penalties a tutorial has stepped through, and which ones it should be."""

from tinyae import contractive, losses, optimizers, penalties
from tinyae.layers import LAYERS
from tinyae.trace import Step, Steps


def required():
    """Names of everything with a forward and backward pass or an update that tinyae offers."""
    found = {*LAYERS, "RBM", *(loss.__name__ for loss in losses.NAMED.values())}
    found |= subclasses(optimizers.Optimizer)
    return found | subclasses(penalties.Penalty) | {contractive.Contractive.__name__}


def subclasses(base):
    """Names of the public classes below one."""
    below = {kind for kind in base.__subclasses__() if kind.__module__.startswith("tinyae.")}
    names = {kind.__name__ for kind in below if not kind.__name__.startswith("_")}
    return names.union(*map(subclasses, below))


def stepped_through(namespace):
    """Names of what the steps among a namespace's values belong to."""
    return set().union(*(names_of(step) for value in list(namespace.values()) for step in steps_in(value)))


def steps_in(value):
    """The steps a value is or holds: a Step, Steps, or a list, tuple or dict of these."""
    if isinstance(value, Step):
        yield value
    elif isinstance(value, Steps | list | tuple):
        for item in value:
            if isinstance(item, Step | Steps):
                yield from steps_in(item)
    elif isinstance(value, dict):
        yield from steps_in(list(value.values()))


def names_of(step):
    """The names a step stands for."""
    names = {step.kind}
    if step.kind == "ActivityPenalty":
        names.add(step.subject.layer.what.name)
    if step.kind == "ContrastiveDivergence":
        names.add("RBM")
    return names
