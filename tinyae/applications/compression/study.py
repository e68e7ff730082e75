"""The net that compresses beside what it has to beat, on the same test images."""

from dataclasses import dataclass

import numpy as np

from tinyae.applications.compression.codec import Codec
from tinyae.applications.compression.net import compression_autoencoder, sensitivity
from tinyae.applications.compression.quantiser import MOST_BITS, Quantisers
from tinyae.applications.compression.rates import (
    CODE_ROWS,
    LinearCoder,
    least_advantage,
    lossless_bits,
    net_curve,
    net_rates,
)

OURS, UNTRAINED, SAME_SIZE, LINEAR, ENTROPY_CODED = (
    "autoencoder", "untrained net", "PCA, as many numbers", "PCA, any number", "PCA, entropy-coded",
)  # fmt: skip
SENSITIVITY_ROWS = 1000
STEP_FACTOR, MOST_STEPS = 0.88, 60  # of the entropy-coded linear coder: each step so much finer than the one before


@dataclass(frozen=True)
class Study:
    """What so many bits are worth.

    Attributes
    ----------
    curves : dict
        Name of a method -> its points, as `rates.rate_curve` gives them.
    lossless : dict
        As `rates.lossless_bits` gives it.
    advantage : dict
        Name of a linear coder -> (least ratio of its bits to the net's at equal PSNR, that PSNR).
    linear : LinearCoder
        With any number of components.
    """

    curves: dict
    lossless: dict
    advantage: dict
    linear: LinearCoder


def study(model, x_train, x_test, image_shape, seed=0, threads=None):
    """Measure a net with quantisers (`with_quantisers`), an untrained one, and linear coders.

    Parameters
    ----------
    model : Autoencoder
    x_train, x_test : float32 arrays (N, D) in [0, 1]
        Everything is fitted to the first and measured on the second.
    image_shape : tuple
        (H, W, C)
    seed : int
        Of the untrained net.

    Returns
    -------
    Study
    """
    rates = net_rates(model.code_size)
    ours = net_curve(model, Codec(model).quantisers, x_train[:CODE_ROWS], x_test, rates, threads)
    best = max(point["psnr"] for point in ours)
    curves = {
        OURS: ours,
        SAME_SIZE: LinearCoder(x_train, model.code_size).curve(x_test, rates),
        UNTRAINED: _untrained(model, x_train, x_test, rates[::2], seed, threads),
    }
    linear = LinearCoder(x_train)
    curves[LINEAR] = _until(best, lambda rate: linear.curve(x_test, [rate]), rates, linear.quantisers.size)
    curves[ENTROPY_CODED] = _entropy_curve(linear, x_test, best, rates[-1])
    advantage = {name: least_advantage(ours, curves[name]) for name in (SAME_SIZE, LINEAR, ENTROPY_CODED)}
    images = np.rint(255 * x_test).astype(np.uint8).reshape(-1, *image_shape)
    return Study(curves, lossless_bits(images), advantage, linear)


def _untrained(model, x_train, x_test, rates, seed, threads):
    """The curve of a net of the same sizes with random weights, its quantisers fitted as well as ours."""
    hidden = [layer.output_shape[0] for layer in model.encoder.layers if layer.params][:-1]
    net = compression_autoencoder(model.input_shape[0], model.code_size, hidden, seed=seed)
    known = x_train[:CODE_ROWS]
    weights = sensitivity(net, known[:SENSITIVITY_ROWS], threads)
    quantisers = Quantisers.fit(net.encode(known, threads=threads), weights)
    return net_curve(net, quantisers, known, x_test, rates, threads)


def _until(psnr, points_at, rates, units):
    """Rates below the net's own, those, and more above them until the PSNR is reached."""
    low = [2**k for k in range(int(np.log2(rates[0]))) if 2**k < rates[0]]
    points = [point for rate in (*low, *rates) for point in points_at(rate)]
    rate = rates[-1]
    while points[-1]["psnr"] < psnr and rate < MOST_BITS * units:
        rate = min(round(1.15 * rate) + 1, MOST_BITS * units)
        points += points_at(rate)
    return points


def _entropy_curve(linear, x_test, psnr, bits):
    """Finer and finer steps until PSNR and bits are reached."""
    step, points = float(2 * np.sqrt(linear.pca.variances[0])), []
    for _ in range(MOST_STEPS):
        points += linear.entropy_curve(x_test, [step])
        if points[-1]["psnr"] > psnr and points[-1]["bits"] > bits:
            break
        step *= STEP_FACTOR
    return points
