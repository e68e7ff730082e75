"""Softmax: the numbers of a sample become probabilities that add up to 1."""

import math

import numpy as np

from tinyae.checks import check_shape
from tinyae.kernels import softmax as kernels
from tinyae.layers.base import Layer


class Softmax(Layer):
    """y_k = exp(x_k) / sum_l exp(x_l) over the last axis: the output unit for words of a document, or classes.

    Every y depends on every x of its row, so the layer is no element-wise activation and no Dense layer takes it by
    name; it stands by itself, at the end of a decoder. The loss `tinyae.losses.CategoricalCrossEntropy` is made for it.

    Shapes: x and y (N, ..., D), D the words.

    Its Jacobian J_kl = y_k (1[k = l] - y_l) is symmetric, so one sum serves backward and tangent:

        (J u)_k = y_k (u_k - sum_l y_l u_l)
    """

    has_tangent = True

    def forward(self, x):
        self.check_input(x)
        x = np.asarray(x)
        if x.dtype.kind != "f":
            x = x.astype(np.float64)
        self.y = self.empty("y", x.shape, x.dtype)
        kernels.softmax(_as_rows(x), _as_rows(self.y))
        return self.y

    def backward(self, dy, need_dx=True):
        """Take dL/dy, return dL/dx = J dL/dy, both (N, ..., D)."""
        return self._times_jacobian(dy, "dx") if need_dx else None

    def _times_jacobian(self, u, key):
        """J u for u (N, ..., D)."""
        y = self.remembered("y")
        out = np.multiply(y, u, out=self.empty(key, u.shape, u.dtype))
        out -= y * out.sum(axis=-1, keepdims=True)
        return out

    def tangent(self, v):
        """t = J v, both (N, ..., D)."""
        check_shape(self.name, v, np.shape(self.remembered("y")), name="v")
        self.v = v  # tangent_backward needs it
        return self._times_jacobian(v, "t")

    def tangent_backward(self, dt, dy=None, need_dx=True):
        """dP/dv = J dP/dt. With u = dP/dt the way through x is

            <u, J v> = sum_k u_k y_k v_k - (u.y) (v.y),    d<u, J v>/dy_k = u_k v_k - u_k (v.y) - v_k (u.y)

        so that dP/dx = J (dP/dy + d<u, J v>/dy).
        """
        y, v, u = self.remembered("y"), self.remembered("v", "tangent"), dt
        if not need_dx:
            return None, None
        second = u * v - u * np.sum(v * y, axis=-1, keepdims=True) - v * np.sum(u * y, axis=-1, keepdims=True)
        if dy is not None:
            second += dy
        return self._times_jacobian(u, "dv"), self._times_jacobian(second, "dx, second")

    @property
    def output_unit(self):
        return self

    def before_output(self, x):
        self.check_input(x)
        return x

    def backward_before_output(self, da, need_dx=True):
        return da if need_dx else None


def _as_rows(a):
    return a.reshape(math.prod(a.shape[:-1]), a.shape[-1])
