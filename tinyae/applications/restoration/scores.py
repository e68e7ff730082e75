"""How near a restored picture is to the original: PSNR and SSIM."""

import math

import numpy as np

from tinyae.checks import UsageError, check_shape

# The noise of rounding to 256 grey levels has the variance 1 / (12 * 255^2): 58.9 dB. Nothing better can be seen or
# kept in a file, and a picture that was all background would otherwise count as infinitely well restored.
BEST_PSNR = 10 * math.log10(12 * 255**2)


def image_psnr(original, restored):
    """Peak signal-to-noise ratio of every image in decibels, 10 log10(1 / mean squared error), at most BEST_PSNR.

    Parameters
    ----------
    original, restored : arrays (N, ...)
        Values from 0 to 1.

    Returns
    -------
    array (N,) of float64
    """
    check_shape("image_psnr", restored, np.shape(original), name="restored")
    if not len(original):
        raise UsageError("image_psnr: expected at least one image, got none.")
    difference = np.asarray(restored, np.float64) - original
    error = np.square(difference).reshape(len(original), -1).mean(axis=1)
    return -10 * np.log10(np.maximum(error, 10 ** (-BEST_PSNR / 10)))


def image_ssim(original, restored):
    """Structural similarity (Wang et al., 2004) of every image by scikit-image: 1 for equal images; None without it.

    None, too, for images smaller than its window of 7 x 7 pixels.
    """
    try:
        from skimage.metrics import structural_similarity
    except ImportError:
        return None
    if min(np.shape(original)[1:3]) < 7:
        return None
    pairs = zip(np.asarray(original, np.float64), np.asarray(restored, np.float64), strict=True)
    return np.array([structural_similarity(a, b, data_range=1.0, channel_axis=-1) for a, b in pairs])


def scores(original, restored):
    """{"psnr": mean over the images in decibels, "ssim": mean or None}."""
    ssim = image_ssim(original, restored)
    return {
        "psnr": float(image_psnr(original, restored).mean()),
        "ssim": None if ssim is None else float(ssim.mean()),
    }
