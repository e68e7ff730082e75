"""Half the squared error, for numbers without bounds."""

from tinyae.kernels import losses as kernels
from tinyae.losses.base import Loss


class MSE(Loss):
    """Half the squared error: l = 1/2 sum_k (x'_k - x_k)^2, dl/dx' = x' - x, which is dl/da for a linear output."""

    def _value_and_gradient(self, a, x, out, scale):
        return kernels.squared_error(a, x, out, scale)
