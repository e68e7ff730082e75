"""How near a net is to the identity: an autoencoder that copies anything has learned nothing about its data.

Two measures, which mean the same for a linear projection and differ for a net that has learned where its data lie:

    trace     = 1/D sum_k dx'_k / dx_k            1: the identity;  k/D: a projection on k dimensions;  0: a constant
    shuffled  = 1 - sum |u' - u|^2 / sum |u - m|^2     for images u whose pixels have changed places, m their mean:
                                                  1: copies what is no image at all;  0 or less: does not

The trace is estimated by E_v v'Jv with random signs v (Hutchinson 1990), one backward pass a sample.
"""

from dataclasses import dataclass

import numpy as np

from tinyae.checks import UsageError, check_int
from tinyae.training.memory import pieces

ROWS = 500  # images at a time


@dataclass(frozen=True)
class Copying:
    """What `copying` found; `str` of it is a sentence."""

    trace: float
    shuffled: float

    def __str__(self):
        if self.shuffled > 0.9:
            verdict = "it copies anything it is given"
        elif self.shuffled > 0.5:
            verdict = "it copies in part"
        else:
            verdict = "it does not copy: what it reconstructs is what it knows"
        trace, shuffled = 100 * self.trace, 100 * max(0, self.shuffled)
        return (
            f"{trace:.0f} % of a small change of a pixel comes through, and {shuffled:.0f} % of the variance of "
            f"shuffled images is reconstructed: {verdict}"
        )


def copying(model, x, rng=None, samples=1):
    """How near a net is to the identity.

    Parameters
    ----------
    model : Autoencoder
    x : array (N, *input_shape)
        Some hundred images of the kind the net is for.
    rng : numpy.random.Generator, optional
        Draws directions and new places of pixels; seed 0 without one.
    samples : int
        Directions per image for the trace.

    Returns
    -------
    Copying
        `trace` and `shuffled`, as at the top of this module.

    Raises
    ------
    UsageError
        Images of another shape, NaN, none or one, or images of one grey all over.
    """
    rng = np.random.default_rng(0) if rng is None else rng
    samples = check_int("copying", "samples", samples, 1)
    if model.output_shape != model.input_shape:
        raise UsageError(
            f"copying: expected a net that gives what it takes, got one from {model.input_shape} to "
            f"{model.output_shape}, which cannot copy."
        )
    x = model._checked("copying", x, "x")
    twin = model.replica()
    twin.set_training(False)
    shuffled = rng.permuted(x.reshape(len(x), -1), axis=1).reshape(x.shape)
    mean = shuffled.mean(axis=0)
    trace = error = variance = 0.0
    for rows in pieces(slice(0, len(x)), ROWS):
        for _ in range(samples):
            twin.forward(x[rows])
            v = np.where(rng.integers(2, size=x[rows].shape), 1, -1).astype(x.dtype)
            trace += float(np.vdot(v, twin.backward(v)))  # v'Jv, summed over images
        u = shuffled[rows]
        error += float(np.sum(np.square(twin.forward(u) - u, dtype=np.float64)))
        variance += float(np.sum(np.square(u - mean, dtype=np.float64)))
    if not variance:
        raise UsageError("copying: expected some images with pixels that differ, got images all alike when shuffled.")
    return Copying(trace / (samples * x.size), 1 - error / variance)
