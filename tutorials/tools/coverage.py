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
    names = set()
    for value in list(namespace.values()):
        for step in value if isinstance(value, Steps) else [value] if isinstance(value, Step) else []:
            names |= names_of(step)
    return names


def names_of(step):
    """The names a step stands for."""
    names = {step.kind}
    if step.kind == "ActivityPenalty":
        names.add(step.subject.layer.what.name)
    if step.kind == "ContrastiveDivergence":
        names.add("RBM")
    return names
