"""Luminance and chrominance: ITU-R BT.601, full range, as JPEG has it (JFIF 1.02); linear, and its own way back.

Red, green and blue from 0 to 1 become one number for how bright a pixel is and two for its colour:

    Y  = 0.299 R + 0.587 G + 0.114 B       luminance, 0 to 1 (of gamma-corrected values: video people write Y', "luma")
    Cb = (B - Y) / 1.772                   chrominance, -0.5 (yellow) to 0.5 (blue)
    Cr = (R - Y) / 1.402                   chrominance, -0.5 (cyan) to 0.5 (red)

Grey is Cb = Cr = 0 exactly. Back: R = Y + 1.402 Cr, B = Y + 1.772 Cb, and G from the first line.
"""

import numpy as np

from tinyae.checks import UsageError

RED, GREEN, BLUE = 0.299, 0.587, 0.114
CB, CR = 2 * (1 - BLUE), 2 * (1 - RED)  # 1.772 and 1.402: the widths of B - Y and R - Y


def split(rgb):
    """Colour images as luminance and chrominance.

    Parameters
    ----------
    rgb : array (..., 3)
        Red, green, blue, each from 0 to 1.

    Returns
    -------
    luminance : array (..., 1)
        Y, from 0 to 1.
    chrominance : array (..., 2)
        Cb and Cr, from -0.5 to 0.5.
    """
    rgb = _floats("split", rgb, 3)
    y = luminance(rgb)
    cb = (rgb[..., 2:] - y) / CB
    cr = (rgb[..., :1] - y) / CR
    return y, np.concatenate([cb, cr], axis=-1)


def luminance(rgb):
    """Y (..., 1) of colour images (..., 3)."""
    rgb = _floats("luminance", rgb, 3)
    return RED * rgb[..., :1] + GREEN * rgb[..., 1:2] + BLUE * rgb[..., 2:]


def join(luminance, chrominance):
    """Red, green, blue (..., 3) of luminance (..., 1) and chrominance (..., 2): the way back from `split`.

    Any chrominance is taken, so a result may leave [0, 1]; `into_gamut` does not let it.
    """
    return _floats("join", luminance, 1) + colour_part(chrominance)


def colour_part(chrominance):
    """(R - Y, G - Y, B - Y) of chrominance (..., 2): an image of luminance 0."""
    chrominance = _floats("join", chrominance, 2)
    red, blue = CR * chrominance[..., 1:], CB * chrominance[..., :1]
    green = -(RED * red + BLUE * blue) / GREEN  # so that 0.299 red + 0.587 green + 0.114 blue = 0
    return np.concatenate([red, green, blue], axis=-1)


def into_gamut(luminance, chrominance):
    """Colours that a screen can show, with exactly this luminance.

    A pair (Y, chrominance) may have no red, green, blue between 0 and 1: there is no bright dark blue. Cutting each
    channel to [0, 1] would change the luminance. So the colour is made paler until it fits, and its hue stays:

        RGB = Y + s (R - Y, G - Y, B - Y),   s the largest number of [0, 1] with RGB in [0, 1]

    s = 0 is grey, which always fits, and the luminance is Y whatever s is.

    Parameters
    ----------
    luminance : array (..., 1), from 0 to 1
    chrominance : array (..., 2)

    Returns
    -------
    rgb : array (..., 3), from 0 to 1
    s : array (...)
        1 where the colour fitted as it was.
    """
    luminance = _floats("into_gamut", luminance, 1)
    if luminance.size and not (luminance.min() >= 0 and luminance.max() <= 1):
        raise UsageError(
            f"into_gamut: expected luminance in [0, 1], got {luminance.min():.4g} to {luminance.max():.4g}."
        )
    part = colour_part(chrominance)
    room = np.where(part > 0, 1 - luminance, luminance)  # how far a channel may go where it is going
    step = np.abs(part)
    fits = step <= room
    s = np.where(fits, 1, room / np.where(fits, 1, step)).min(axis=-1)
    # the cut takes off what rounding leaves beyond the ends, some 1e-7
    return np.clip(luminance + s[..., None] * part, 0, 1), s


def _floats(who, x, channels):
    x = np.asarray(x)
    if x.ndim < 1 or x.shape[-1] != channels:
        raise UsageError(f"{who}: expected arrays with {channels} channels on the last axis, got shape {x.shape}.")
    if x.dtype.kind in "iu":
        raise UsageError(f"{who}: expected numbers from 0 to 1, got {x.dtype}; divide by 255.")
    return x if x.dtype.kind == "f" else x.astype(np.float64)
