"""Noise while training: Dropout, GaussianNoise."""

import math

import numpy as np

from tinyae.checks import check_float
from tinyae.kernels.sampling import standard_normal
from tinyae.layers.base import Layer
from tinyae.layers.tangents import LocallyLinear


class Noisy(Layer):
    """Base of the layers that draw random numbers.

    Attributes
    ----------
    rng : numpy.random.Generator
        Source of the noise, set by `reseed`; `fit` gives every worker one of its own, drawn by the run's seed.
    """

    def __init__(self):
        super().__init__()
        self.rng = np.random.default_rng(0)

    def reseed(self, rng):
        self.rng = rng

    def replica(self):
        twin = super().replica()
        twin.rng = generator_of_its_own(self.rng)
        return twin


def generator_of_its_own(rng):
    """A new generator for another thread, drawn from `rng`: two threads at one generator are a race."""
    return np.random.default_rng(rng.integers(2**63, size=4))


class Dropout(LocallyLinear, Noisy):
    """Set units to 0 at random while training: Srivastava et al. (2014), in the inverted form.

    Parameters
    ----------
    rate : float in [0, 1)
        Probability that a unit is dropped. Those kept are divided by 1 - rate while training, so that the mean of y
        is x, and nothing has to be rescaled afterwards.

    Shapes: x and y (N, ...). Where `training` is False, or `rate` is 0, y is x itself.
    """

    def __init__(self, rate):
        super().__init__()
        self.rate = check_float("Dropout", "rate", rate, 0.0, 1.0, open_high=True)

    def forward(self, x):
        self.check_input(x)
        x = np.asarray(x)
        if x.dtype.kind != "f":
            x = x.astype(np.float64)
        self.mask = self.draw(x) if self.training and self.rate else None  # backward needs it
        return x if self.mask is None else np.multiply(x, self.mask, out=self.empty("y", x.shape, x.dtype))

    def draw(self, x):
        """A new mask for x: 0 with probability `rate`, else 1 / (1 - rate)."""
        noise = self.empty("noise", x.shape, np.float32)
        self.rng.random(dtype=np.float32, out=noise)  # float32 whatever x is: half the time, and the same mask
        mask = self.empty("mask", x.shape, x.dtype)
        return np.multiply(noise >= self.rate, x.dtype.type(1 / (1 - self.rate)), out=mask)

    def backward(self, dy, need_dx=True):
        """Take dL/dy, return dL/dx = dL/dy mask, with the mask of the last forward."""
        self.remembered("mask")
        return self.adjoint(dy, "dx") if need_dx else None

    def along(self, v, key):
        mask = self.remembered("mask")
        return v if mask is None else np.multiply(v, mask, out=self.empty(key, v.shape, v.dtype))

    adjoint = along  # J = diag(mask) is its own transpose

    def config(self):
        return {"rate": self.rate}


class GaussianNoise(LocallyLinear, Noisy):
    """y = x + stddev * normal noise while training, y = x otherwise.

    At the input of a net it makes a denoising autoencoder of it (`tinyae.corruption` does that without a layer, and
    cuts the noisy image to its range); further in it makes a code robust.

    Parameters
    ----------
    stddev : float >= 0

    Shapes: x and y (N, ...).
    """

    def __init__(self, stddev):
        super().__init__()
        self.stddev = check_float("GaussianNoise", "stddev", stddev, 0.0, math.inf, open_high=True)

    def forward(self, x):
        self.check_input(x)
        x = np.asarray(x)
        if x.dtype.kind != "f":
            x = x.astype(np.float64)
        if not (self.training and self.stddev):
            return x
        y = standard_normal(self.rng, x.shape, x.dtype)
        y *= x.dtype.type(self.stddev)
        y += x
        return y

    def backward(self, dy, need_dx=True):
        """Take dL/dy, return dL/dx = dL/dy."""
        return dy if need_dx else None

    def along(self, v, key):
        return v

    adjoint = along  # J = 1

    def config(self):
        return {"stddev": self.stddev}
