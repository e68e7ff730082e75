"""Binary cross-entropy, for pixels that are probabilities."""

import numpy as np

from tinyae.checks import UsageError
from tinyae.kernels import losses as kernels
from tinyae.layers.activations import Sigmoid
from tinyae.losses.base import Loss


class BCE(Loss):
    """Binary cross-entropy behind a sigmoid: l = -sum_k (x_k log x'_k + (1 - x_k) log(1 - x'_k)), dl/da = x' - x.

    Targets are probabilities in [0, 1], not only 0 and 1. On grey values the loss cannot reach 0: its floor is the
    entropy of the targets themselves (`tinyae.analysis.bce_floor`).
    """

    output_unit = Sigmoid
    unit = "nats: sum over an image's numbers, mean over images"

    def _value_and_gradient(self, a, x, out, scale):
        return kernels.bce(a, x, out, scale)

    def check_targets(self, x):
        low, high = float(np.min(x)), float(np.max(x))
        if low < 0 or high > 1:
            advice = "divide by 255" if low >= 0 and 1 < high <= 255 else "scale the data to [0, 1] or use loss='mse'"
            raise UsageError(f"BCE: expected targets in [0, 1], got values from {low:g} to {high:g}; {advice}.")
