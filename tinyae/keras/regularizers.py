"""Penalties on activations by Keras's names: regularizers.l1(1e-4) as a layer's `activity_regularizer`.

They are added to the loss as Keras adds them: summed over a layer's units, averaged over the images of the batch.
Since losses here are means per pixel, as Keras's are, the same factor has the same effect.
"""

import math

from tinyae import penalties
from tinyae.checks import UsageError, check_float
from tinyae.layers import ActivityPenalty


class L1L2:
    """l1 sum |h| + l2 sum h^2."""

    def __init__(self, l1=0.0, l2=0.0):
        self.l1 = check_float("L1L2", "l1", 0.0 if l1 is None else l1, 0.0, math.inf, open_high=True)
        self.l2 = check_float("L1L2", "l2", 0.0 if l2 is None else l2, 0.0, math.inf, open_high=True)

    def layers(self):
        """The tinyae layers that add it to the loss, for the place behind the layer it belongs to."""
        kinds = ((penalties.L1, self.l1), (penalties.L2, self.l2))
        return [ActivityPenalty(kind(weight)) for kind, weight in kinds if weight]

    def get_config(self):
        """The two factors."""
        return {"l1": self.l1, "l2": self.l2}


class L1(L1L2):
    """l1 sum |h|."""

    def __init__(self, l1=0.01):
        super().__init__(l1=l1)


class L2(L1L2):
    """l2 sum h^2."""

    def __init__(self, l2=0.01):
        super().__init__(l2=l2)


l1, l2, l1_l2 = L1, L2, L1L2
NAMES = {"l1": L1, "l2": L2, "l1_l2": lambda: L1L2(0.01, 0.01)}


def get(identifier):
    """None, or an L1L2 from a name, its factors by name, or itself."""
    if identifier is None or isinstance(identifier, L1L2):
        return identifier
    if isinstance(identifier, dict):
        return L1L2(**identifier)
    if isinstance(identifier, str) and identifier in NAMES:
        return NAMES[identifier]()
    raise UsageError(f"activity_regularizer: expected one of {', '.join(NAMES)}, such as l1(1e-4), got {identifier!r}.")
