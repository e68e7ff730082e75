"""Layers with weights: y = f(a), an affine map a of x and then an activation f."""

from tinyae.layers.activations import Linear, ReLU, activation
from tinyae.layers.base import Layer


class Weighted(Layer):
    """Base of Dense, Conv2D and ConvTranspose. They define the passes of the affine map; f is added here.

    Parameters
    ----------
    activation : str, optional
        Name of f in `tinyae.layers.activations.ACTIVATIONS`; f(a) = a without it.
    """

    relu_inside = False  # whether `affine` can apply max(a, 0) itself, on the way to memory

    def __init__(self, activation_name=None):
        super().__init__()
        self.activation = None if activation_name is None else activation(self.name, activation_name)
        self.activation_name = activation_name
        if isinstance(self.activation, Linear):
            self.activation = None

    def affine(self, x, relu=False):
        """a for a batch x; with `relu` max(a, 0), where `relu_inside`."""
        raise NotImplementedError(f"{self.name}.affine")

    def affine_backward(self, da, need_dx=True, relu=False):
        """Take dL/da, fill `grads`, return dL/dx; with `relu`, where `relu_inside`, take dL/dy of y = max(a, 0)."""
        raise NotImplementedError(f"{self.name}.affine_backward")

    def affine_tangent(self, v):
        """The tangent of a along v: the affine map without its constant."""
        raise NotImplementedError(f"{self.name}.affine_tangent")

    def affine_tangent_backward(self, dt, da=None, need_dx=True):
        """`tangent_backward` of the affine map, for its tangent t and a."""
        raise NotImplementedError(f"{self.name}.affine_tangent_backward")

    @property
    def _rectifies(self):
        return self.relu_inside and isinstance(self.activation, ReLU)

    def forward(self, x):
        if self.activation is None:
            return self.affine(x)
        if self._rectifies:
            self.activation.y = self.affine(x, relu=True)  # ReLU's backward needs no more than y
            return self.activation.y
        return self.activation.forward(self.affine(x))

    def backward(self, dy, need_dx=True):
        """Take dL/dy, fill `grads`, return dL/dx (None without `need_dx`)."""
        if self._rectifies:
            return self.affine_backward(dy, need_dx, relu=True)
        da = dy if self.activation is None else self.activation.backward(dy)  # dL/da = dL/dy f'(a)
        return self.affine_backward(da, need_dx)

    def tangent(self, v):
        self.check_tangent()
        self.check_input(v)
        t = self.affine_tangent(v)
        return t if self.activation is None else self.activation.tangent(t)  # f'(a) t

    def tangent_backward(self, dt, dy=None, need_dx=True):
        if self.activation is not None:
            dt, dy = self.activation.tangent_backward(dt, dy)  # dP/d(tangent of a), dP/da
        return self.affine_tangent_backward(dt, dy, need_dx)

    @property
    def output_unit(self):
        return self.activation

    def before_output(self, x):
        if self._rectifies:
            self.activation.y = None  # the last forward's is not this x's
        return self.affine(x)

    def backward_before_output(self, da, need_dx=True):
        return self.affine_backward(da, need_dx)

    def build(self, input_shape, rng=None, dtype=None):
        super().build(input_shape, rng, **({} if dtype is None else {"dtype": dtype}))
        if self.activation is not None:
            self.activation.build(self.output_shape, rng)
        return self

    def children(self):
        return () if self.activation is None else (self.activation,)

    def replica(self):
        twin = super().replica()
        twin.activation = None if self.activation is None else self.activation.replica()
        return twin
