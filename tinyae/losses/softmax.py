"""Categorical cross-entropy, for counts and shares of words, or of anything that is one of D kinds."""

import math

import numpy as np

from tinyae.checks import UsageError
from tinyae.kernels import softmax as kernels
from tinyae.layers.softmax import Softmax
from tinyae.losses.base import Loss


class CategoricalCrossEntropy(Loss):
    """Multinomial cross-entropy behind a softmax: l = -sum_k x_k log x'_k, dl/da = x' sum_k x_k - x.

    x_k says how often kind k was there: counts of words, or their shares, which add up to 1 and make dl/da = x' - x.
    Up to the constant log( (sum x)! / prod_k x_k! ) it is -log p of the counts under a multinomial with probabilities
    x'. A row of zeros, an empty document, costs nothing and teaches nothing.

    On counts the loss cannot reach 0: its floor is -sum_k x_k log(x_k / sum_l x_l)
    (`tinyae.losses.softmax.categorical_floor`).
    """

    output_unit = Softmax
    unit = "nats: sum over a document's words, mean over documents"

    def _value_and_gradient(self, a, x, out, scale):
        rows = (math.prod(a.shape[:-1]), a.shape[-1])
        return kernels.cross_entropy(a.reshape(rows), x.reshape(rows), out.reshape(rows), scale)

    def check_targets(self, x):
        low = float(np.min(x, initial=0))
        if low < 0:
            raise UsageError(
                f"CategoricalCrossEntropy: expected counts or shares >= 0 as targets, got {low:g}; "
                "use loss='mse' for data that can be negative."
            )


def categorical_cross_entropy(x, output):
    """-sum_k x_k log x'_k of given outputs x' > 0, each row brought to the sum 1; mean over rows, in nats."""
    x, output = np.asarray(x, np.float64), np.asarray(output, np.float64)
    least = np.finfo(np.float64).tiny
    share = np.maximum(output / np.maximum(output.sum(axis=-1, keepdims=True), least), least)
    return float(-np.sum(x * np.log(share)) / len(x))


def categorical_floor(x):
    """The loss of a perfect reconstruction, x' = x / sum(x): in nats, mean over rows."""
    x = np.asarray(x, np.float64)
    length = np.maximum(x.sum(axis=-1, keepdims=True), np.finfo(np.float64).tiny)
    return float(-np.sum(x * np.log(np.where(x > 0, x / length, 1))) / len(x))
