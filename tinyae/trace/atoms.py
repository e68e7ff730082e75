"""A net as a chain of its smallest steps: a layer with an activation is two of them, a net within a net is opened."""

import copy
from dataclasses import dataclass, field

import numpy as np

from tinyae.layers.base import Layer
from tinyae.layers.penalising import Penalising
from tinyae.layers.sequential import Sequential
from tinyae.layers.weighted import Weighted


@dataclass(frozen=True, eq=False)
class Atom:
    """One formula of the chain, forward and backward.

    Attributes
    ----------
    path : str
        Where it stands: "encoder.dense_1", or "encoder.dense_1.relu" for that layer's activation.
    layer : Layer
        The layer it belongs to; of an activation the activation itself.
    affine : bool
        Whether it is the affine half of a layer with weights, whose activation is the next atom.
    """

    path: str
    layer: Layer
    affine: bool = False
    before: dict = field(default_factory=dict)  # the layer's generator as it was before the first forward

    def forward(self, x):
        """y, an array of its own; called again it makes the same noise again."""
        if hasattr(self.layer, "rng"):
            if "rng" in self.before:
                self.layer.rng = copy.deepcopy(self.before["rng"])
            else:
                self.before["rng"] = copy.deepcopy(self.layer.rng)  # the net's layers draw in turn from one generator
        return np.array(self.layer.affine(x) if self.affine else self.layer.forward(x))

    def backward(self, dy):
        """dL/dx, an array of its own; the layer's `grads` hold the parameters' part."""
        return np.array(self.layer.affine_backward(dy) if self.affine else self.layer.backward(dy))

    def shares(self):
        """What a TiedDense has left with this layer, the source of its weights, to go into `grads`: {"W": array}."""
        factors = getattr(self.layer, "tied_factors", None)
        return {} if factors is None else {"W": factors[0].T @ factors[1]}

    @property
    def kind(self):
        """Name of the class whose formula it is."""
        return self.layer.name

    @property
    def params(self):
        """Parameters by name, copies; of a TiedDense the weights W it borrows as well."""
        own = {name: p.copy() for name, p in self.layer.params.items()}
        source = getattr(self.layer, "source", None)
        return {"W": source.params["W"].copy(), **own} if isinstance(source, Layer) else own

    @property
    def grads(self):
        """The last backward's gradients by name, copies."""
        return {name: g.copy() for name, g in self.layer.grads.items()}

    @property
    def penalising(self):
        """The layer, if it adds a penalty to the loss, else None."""
        return self.layer if isinstance(self.layer, Penalising) else None


def atoms_of(net, path):
    """The atoms of `net` in the order of its forward pass; containers that are no Sequential stay whole."""
    if isinstance(net, Sequential):
        for name, layer in zip(net.layer_names, net.layers, strict=True):
            yield from atoms_of(layer, f"{path}.{name}" if path else name)
    elif isinstance(net, Weighted):
        yield Atom(path, net, affine=True)
        if net.activation is not None:
            yield Atom(f"{path}.{net.activation.name.lower()}", net.activation)
    else:
        yield Atom(path, net)
