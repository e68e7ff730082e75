"""How near guessed colours are to the true ones."""

import math

import numpy as np

from tinyae.applications.colour.space import into_gamut, split

LEVELS = 255  # chrominance is 255 of these wide, as JPEG keeps it in bytes


def scores(original, chrominance):
    """Errors of guessed chrominance, given to the luminance of the originals.

    Parameters
    ----------
    original : array (N, H, W, 3)
        Red, green, blue from 0 to 1.
    chrominance : array (N, H, W, 2)
        The guess; what does not fit the luminance is made paler first (`into_gamut`).

    Returns
    -------
    dict
        `error`: root of the mean squared error over all pixels and both channels, in 1/255 (JPEG's levels).
        `psnr`: of red, green and blue, all pixels of all images together, in decibels; None for no error at all.
        `saturation`: mean over pixels of sqrt(Cb^2 + Cr^2) of what came out, in 1/255. `made_paler`: share of pixels
        whose colour did not fit, by more than half of 1/255.
    """
    y, true = split(original)
    rgb, s = into_gamut(np.clip(y, 0, 1), chrominance)
    shown = s[..., None] * chrominance
    squared = float(np.mean((np.asarray(rgb, np.float64) - original) ** 2))
    return {
        "error": LEVELS * math.sqrt(np.mean((np.asarray(shown, np.float64) - true) ** 2)),
        "psnr": -10 * math.log10(squared) if squared else None,
        "saturation": saturation(shown),
        "made_paler": float(np.mean(np.abs(shown - chrominance).max(axis=-1) > 0.5 / LEVELS)),
    }


def image_errors(original, chrominance):
    """The error of every image by itself, (N,): root of the mean squared error of Cb and Cr, in 1/255."""
    y, true = split(original)
    s = into_gamut(np.clip(y, 0, 1), chrominance)[1]
    squared = np.square(np.asarray(s[..., None] * chrominance, np.float64) - true)
    return LEVELS * np.sqrt(squared.mean(axis=(1, 2, 3)))


def saturation(chrominance):
    """Mean over pixels of sqrt(Cb^2 + Cr^2), in 1/255."""
    return LEVELS * float(np.hypot(chrominance[..., 0], chrominance[..., 1]).mean(dtype=np.float64))
