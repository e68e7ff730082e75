"""Tangent passes of layers that are linear around every x: pooling, upsampling, shapes, masks."""

from tinyae.checks import check_shape
from tinyae.layers.base import Layer


class LocallyLinear(Layer):
    """Base of the layers without parameters for which y = J x + const around the last forward's x.

    They define `along` and `adjoint`. J stays the same while x moves a little, so there is no second derivative:

        t = J v,    dP/dv = J' dP/dt,    dP/dx = J' dP/dy
    """

    has_tangent = True

    def along(self, v, key):
        """J v (N, *output_shape) for v (N, *input_shape), in the memory `key` where it takes any."""
        raise NotImplementedError(f"{self.name}.along")

    def adjoint(self, dy, key):
        """J' dy (N, *input_shape) for dy (N, *output_shape), in the memory `key` where it takes any."""
        raise NotImplementedError(f"{self.name}.adjoint")

    def tangent(self, v):
        self.check_input(v)
        return self.along(v, "t")

    def tangent_backward(self, dt, dy=None, need_dx=True):
        check_shape(self.name, dt, ("N", *self.output_shape), name="dt")
        if not need_dx:
            return None, None
        return self.adjoint(dt, "dv"), None if dy is None else self.adjoint(dy, "dx, second")
