"""Layers that add a term of their own to the loss of the net they stand in."""

import numpy as np

from tinyae.layers.base import Layer
from tinyae.layers.tangents import LocallyLinear
from tinyae.penalties import penalty_from


class Penalising(Layer):
    """Base: a layer with a penalty on what it saw last.

    Attributes
    ----------
    n : int or None
        Images to average over. None, as it is outside of a training step, leaves the penalty out of `backward`; an
        Autoencoder sets it for its own passes.
    series : str
        Name of the penalty in a history.
    """

    n = None
    series = "penalty"

    def penalty(self, n):
        """The weighted penalty on the last forward's batch, averaged over n images."""
        raise NotImplementedError(f"{self.name}.penalty")


class ActivityPenalty(LocallyLinear, Penalising):
    """y = x, and a penalty on x is added to the loss: for sparse codes, or any layer in between.

    Parameters
    ----------
    penalty : Penalty
        Such as `tinyae.penalties.L1(1e-3)`.

    Shapes: x and y (N, ...).
    """

    def __init__(self, penalty):
        super().__init__()
        self.what = penalty_from("ActivityPenalty", penalty)
        self.series, self.couples_batch = self.what.series, self.what.couples_batch

    def forward(self, x):
        self.check_input(x)
        self.x = np.asarray(x)
        return x

    def backward(self, dy, need_dx=True):
        """Take dL/dy, return dL/dx = dL/dy + weight dP/dx, the latter where `n` is set."""
        if not need_dx:
            return None
        return dy if self.n is None else dy + self.what.gradient(self.remembered("x"), self.n)

    def along(self, v, key):
        return v

    adjoint = along  # J = 1; the penalty is a term of the loss, not of y

    def penalty(self, n):
        return self.what.value(self.remembered("x"), n)

    def config(self):
        return {"penalty": [self.what.name, self.what.config()]}
