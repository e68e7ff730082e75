"""What happens to pictures: every damage is a function of (images, rng) that returns damaged copies.

Images are (N, H, W, C) with values from 0 to 1. A damage is a `corruption` for `Autoencoder`, which draws it anew for
every batch. `with_mask(images, rng)` returns the pixels it touched as well, (N, H, W, C) of bool, for damages that
leave all others alone; the same generator state gives the same damage.
"""

import math

import numpy as np

from tinyae.applications.restoration.holes import MISSING, guess
from tinyae.applications.restoration.watermark import draw_marks
from tinyae.checks import UsageError, check_float
from tinyae.corruption import Masking
from tinyae.kernels.sampling import standard_normal


class MissingBlock:
    """A rectangle in the middle part of every picture is missing: its pixels become first guesses (`holes.guess`).

    Parameters
    ----------
    share : float in (0, 0.5]
        Height and width of the block, in heights and widths of the picture. Its centre lies in the middle half.
    """

    def __init__(self, share=0.3):
        self.share = check_float("MissingBlock", "share", share, 0.0, 0.5, open_low=True)

    def with_mask(self, x, rng):
        mask = np.zeros(x.shape, bool)
        size = [max(1, round(self.share * n)) for n in x.shape[1:3]]
        first = [math.ceil((n - 1) / 4 - (k - 1) / 2) for n, k in zip(x.shape[1:3], size, strict=True)]
        last = [math.floor(3 * (n - 1) / 4 - (k - 1) / 2) for n, k in zip(x.shape[1:3], size, strict=True)]
        corners = rng.integers(np.maximum(first, 0), np.maximum(last, np.maximum(first, 0)) + 1, (len(x), 2))
        for image, (top, left) in zip(mask, corners, strict=True):
            image[top : top + size[0], left : left + size[1]] = True
        return guess(np.where(mask, x.dtype.type(MISSING), x)), mask

    def __call__(self, x, rng):
        return self.with_mask(x, rng)[0]

    def config(self):
        """The arguments that make this damage again."""
        return {"share": self.share}


class Watermark:
    """White half-transparent writing over every picture, x + opacity * ink * (1 - x).

    Parameters
    ----------
    opacity : float in (0, 1]
        1 hides what is under the pen.
    """

    def __init__(self, opacity=0.5):
        self.opacity = check_float("Watermark", "opacity", opacity, 0.0, 1.0, open_low=True)

    def with_mask(self, x, rng):
        ink = draw_marks(len(x), *x.shape[1:3], rng)[..., None]
        veil = (self.opacity * ink).astype(x.dtype)
        return x + veil * (1 - x), np.broadcast_to(ink > 0, x.shape)

    def __call__(self, x, rng):
        return self.with_mask(x, rng)[0]

    def config(self):
        """The arguments that make this damage again."""
        return {"opacity": self.opacity}


class Blur:
    """A Gaussian blur, and then a little noise, as a camera out of focus would give.

    Parameters
    ----------
    sigma : float > 0
        Standard deviation of the Gaussian, in pixels. Beyond its edge a picture is taken as mirrored.
    noise : float >= 0
        Standard deviation of the noise; without any a division in the Fourier domain would undo the blur.
    """

    def __init__(self, sigma=1.0, noise=0.01):
        self.sigma = check_float("Blur", "sigma", sigma, 0.0, math.inf, open_low=True, open_high=True)
        self.noise = check_float("Blur", "noise", noise, 0.0, math.inf, open_high=True)

    def __call__(self, x, rng):
        blurred = blur(x, self.sigma)
        if self.noise:
            blurred += x.dtype.type(self.noise) * standard_normal(rng, x.shape, x.dtype)
        return np.clip(blurred, 0, 1, out=blurred)

    def config(self):
        """The arguments that make this damage again."""
        return {"sigma": self.sigma, "noise": self.noise}


def blur(x, sigma):
    """Images (N, H, W, C) under a Gaussian of `sigma` pixels, mirrored beyond their edges (c b a | a b c)."""
    y = np.tensordot(blur_matrix(x.shape[1], sigma, x.dtype), x, (1, 1))  # (H, N, W, C)
    y = np.tensordot(blur_matrix(x.shape[2], sigma, x.dtype), y, (1, 2))  # (W, H, N, C)
    return np.ascontiguousarray(y.transpose(2, 1, 0, 3))


def blur_matrix(n, sigma, dtype=np.float64):
    """The blur of n pixels in a row as a matrix (n, n) whose rows add up to 1; weights end at 4 sigma."""
    radius = math.ceil(4 * sigma)
    steps = np.arange(-radius, radius + 1)
    weights = np.exp(-0.5 * (steps / sigma) ** 2)
    weights /= weights.sum()
    place = (np.arange(n)[:, None] + steps) % (2 * n)  # the mirrored row has period 2 n
    place = np.minimum(place, 2 * n - 1 - place)
    matrix = np.zeros((n, n))
    np.add.at(matrix, (np.arange(n)[:, None], place), weights)
    return matrix.astype(dtype)


class LowResolution:
    """Means of 2 x 2 pixels, each shown as 2 x 2 equal ones: half the resolution at the full size."""

    def __call__(self, x, rng):
        return enlarge(shrink(x))

    def config(self):
        """The arguments that make this damage again: none."""
        return {}


def shrink(x):
    """Means of 2 x 2 pixels: (N, H, W, C) to (N, H/2, W/2, C); UsageError for odd sizes."""
    n, height, width, channels = x.shape
    if height % 2 or width % 2:
        raise UsageError(
            f"LowResolution: expected images of even height and width, got {height} x {width}; cut off a row or column."
        )
    return x.reshape(n, height // 2, 2, width // 2, 2, channels).mean(axis=(2, 4), dtype=x.dtype)


def enlarge(x):
    """Every pixel as 2 x 2 equal ones: (N, H, W, C) to (N, 2 H, 2 W, C)."""
    return x.repeat(2, axis=1).repeat(2, axis=2)


def with_mask(damage, x, rng):
    """(damaged images, mask of the pixels touched): the mask is None where a damage has no place."""
    if isinstance(damage, Masking):
        kept = damage(np.ones_like(x), rng)
        return x * kept, kept == 0
    if hasattr(damage, "with_mask"):
        return damage.with_mask(x, rng)
    return damage(x, rng), None
