"""Activation functions as layers: y = f(x) element by element, any shape, no parameters.

Each keeps its output y (or its input x where the derivative needs it) for backward, dL/dx = dL/dy f'(x). The tangent
pass has the same factor, t = f'(x) v; its way back needs f''(x), which every f here gives as a multiple of f'(x).
"""

import numpy as np

from tinyae.checks import check_choice, check_float, check_shape
from tinyae.kernels import activations as kernels
from tinyae.layers.base import Layer


class Activation(Layer):
    """Base of the element-wise layers; the parameters of none."""

    has_tangent = True

    def forward(self, x):
        self.check_input(x)
        x = np.asarray(x)
        if x.dtype.kind != "f":
            x = x.astype(np.float64)
        self.x = x
        self.y = self.value(x, self.empty("y", x.shape, x.dtype))
        return self.y

    def backward(self, dy, need_dx=True):
        """Take dL/dy, return dL/dx = dL/dy f'(x), both (N, ...)."""
        return self.gradient(dy, self.empty("dx", dy.shape, dy.dtype)) if need_dx else None

    def tangent(self, v):
        """t = f'(x) v, both (N, ...)."""
        check_shape(self.name, v, np.shape(self.remembered("y")), name="v")
        self.v = v  # tangent_backward needs it
        return self.gradient(v, self.empty("t", v.shape, v.dtype))

    def tangent_backward(self, dt, dy=None, need_dx=True):
        """dP/dv = f'(x) dP/dt,  dP/dx = f'(x) dP/dy + f''(x) v dP/dt."""
        v, bend = self.remembered("v", "tangent"), self.bend()
        if not need_dx:
            return None, None
        dv = self.gradient(dt, self.empty("dv", dt.shape, dt.dtype))
        dx = None if dy is None else self.gradient(dy, self.empty("dx, second", dy.shape, dy.dtype))
        if bend is not None:
            bend *= v
            bend *= dv  # f''(x) v dP/dt = (f''(x) / f'(x)) v dP/dv
            dx = bend if dx is None else np.add(dx, bend, out=dx)
        return dv, dx

    def derivative(self):
        """f'(x) at the last forward's x, an array like y of its own."""
        ones = np.ones_like(self.remembered("y"))
        return self.gradient(ones, self.empty("derivative", ones.shape, ones.dtype))

    def bend(self):
        """f''(x) / f'(x) there, an array like y that may be written to; None where f is made of straight lines."""
        return None

    @property
    def output_unit(self):
        return self

    def before_output(self, x):
        self.check_input(x)
        return x

    def backward_before_output(self, da, need_dx=True):
        return da if need_dx else None

    def value(self, x, out):
        """out = f(x)."""
        raise NotImplementedError

    def gradient(self, dy, out):
        """out = dy f'(x), for the x and y of the last forward."""
        raise NotImplementedError


class Linear(Activation):
    """f(x) = x. Says that a code or an output is meant to be linear."""

    def value(self, x, out):
        np.copyto(out, x)
        return out

    def gradient(self, dy, out):
        np.copyto(out, dy)  # f'(x) = 1
        return out


class Sigmoid(Activation):
    """f(x) = 1 / (1 + exp(-x)), in (0, 1): the logistic unit."""

    def value(self, x, out):
        return kernels.sigmoid(x, out)

    def gradient(self, dy, out):
        return kernels.sigmoid_backward(dy, self.remembered("y"), out)  # f'(x) = y (1 - y)

    def bend(self):
        y = self.remembered("y")
        out = np.multiply(y, -2, out=self.empty("bend", y.shape, y.dtype))
        return np.add(out, 1, out=out)  # f''(x) = f'(x) (1 - 2 y)


class Tanh(Activation):
    """f(x) = tanh(x), in (-1, 1)."""

    def value(self, x, out):
        return np.tanh(x, out=out)

    def gradient(self, dy, out):
        np.square(self.remembered("y"), out=out)
        np.subtract(1, out, out=out)  # f'(x) = 1 - y^2
        return np.multiply(dy, out, out=out)

    def bend(self):
        y = self.remembered("y")
        return np.multiply(y, -2, out=self.empty("bend", y.shape, y.dtype))  # f''(x) = f'(x) (-2 y)


class ReLU(Activation):
    """f(x) = max(x, 0). The derivative at x = 0 is taken as 0."""

    def value(self, x, out):
        return np.maximum(x, 0, out=out)

    def gradient(self, dy, out):
        return kernels.relu_backward(dy, self.remembered("y"), out)  # f'(x) = 1 where x > 0, which is where y > 0


class LeakyReLU(Activation):
    """f(x) = x for x > 0, slope * x otherwise: Maas, Hannun & Ng (2013). The derivative at 0 is `slope`."""

    def __init__(self, slope=0.01):
        super().__init__()
        self.slope = check_float("LeakyReLU", "slope", slope, 0.0, 1.0, open_high=True)

    def value(self, x, out):
        np.multiply(x, self.slope, out=out)
        return np.maximum(x, out, out=out)  # slope < 1: the larger of the two is the right branch

    def gradient(self, dy, out):
        np.multiply(dy, self.slope, out=out)
        np.copyto(out, dy, where=self.remembered("x") > 0)  # f'(x) = 1 or slope
        return out

    def config(self):
        return {"slope": self.slope}


class Softplus(Activation):
    """f(x) = log(1 + exp(x)) = max(x, 0) + log(1 + exp(-|x|)), which does not overflow."""

    def value(self, x, out):
        np.abs(x, out=out)
        np.negative(out, out=out)
        np.log1p(np.exp(out, out=out), out=out)
        out += np.maximum(x, 0)
        return out

    def gradient(self, dy, out):
        return np.multiply(dy, kernels.sigmoid(self.remembered("x"), out), out=out)  # f'(x) = sigmoid(x)

    def bend(self):
        x = self.remembered("x")
        out = kernels.sigmoid(x, self.empty("bend", x.shape, x.dtype))
        return np.subtract(1, out, out=out)  # f''(x) = f'(x) (1 - f'(x))


ACTIVATIONS = {
    "linear": Linear,
    "sigmoid": Sigmoid,
    "relu": ReLU,
    "leaky_relu": LeakyReLU,
    "tanh": Tanh,
    "softplus": Softplus,
}


def activation(who, name):
    """A new activation layer by its name; UsageError listing the names there are otherwise."""
    check_choice(who, "activation", name, ACTIVATIONS)
    return ACTIVATIONS[name]()
