"""Noise for denoising autoencoders: the net sees a corrupted image and is asked for the clean one.

Vincent et al., "Stacked denoising autoencoders", JMLR 11 (2010), section 3.3, has the three kinds.
"""

import math

import numpy as np

from tinyae.checks import UsageError, check_choice, check_finite, check_float, check_shape
from tinyae.kernels.sampling import standard_normal


class Gaussian:
    """x + sigma * normal noise, cut to [low, high].

    Parameters
    ----------
    sigma : float >= 0
        Standard deviation, in the unit of the pixels.
    low, high : float or None
        The range of the data; None for no cut on that side.
    """

    def __init__(self, sigma=0.5, low=0.0, high=1.0):
        self.sigma = check_float("Gaussian", "sigma", sigma, 0.0, math.inf, open_high=True)
        self.low, self.high = _range("Gaussian", low, high)

    def __call__(self, x, rng):
        noisy = standard_normal(rng, x.shape, x.dtype)
        noisy *= x.dtype.type(self.sigma)
        noisy += x
        return noisy if self.low is None and self.high is None else np.clip(noisy, self.low, self.high, out=noisy)

    def config(self):
        """The arguments that make this noise again."""
        return {"sigma": self.sigma, "low": self.low, "high": self.high}


class Masking:
    """Set a share of all numbers to 0, drawn anew for every image: Vincent's masking noise.

    Parameters
    ----------
    share : float in [0, 1]
        Probability that a number is set to 0.
    """

    def __init__(self, share=0.3):
        self.share = check_float("Masking", "share", share, 0.0, 1.0)

    def __call__(self, x, rng):
        return x * (rng.random(x.shape, np.float32) >= self.share)

    def config(self):
        """The arguments that make this noise again."""
        return {"share": self.share}


class SaltAndPepper:
    """Set a share of all numbers to the lowest or the highest value, either with the same probability.

    Parameters
    ----------
    share : float in [0, 1]
        Probability that a number is replaced.
    low, high : float
        Pepper and salt.
    """

    def __init__(self, share=0.3, low=0.0, high=1.0):
        self.share = check_float("SaltAndPepper", "share", share, 0.0, 1.0)
        self.low, self.high = _range("SaltAndPepper", low, high)
        if self.low is None or self.high is None:
            raise UsageError(f"SaltAndPepper: expected numbers for low and high, got {low!r} and {high!r}.")

    def __call__(self, x, rng):
        u = rng.random(x.shape, np.float32)
        pepper = u < self.share / 2
        changed = u < self.share
        noisy = x * ~changed  # products and sums: three times as fast as assignments at the chosen places
        noisy += (changed ^ pepper) * x.dtype.type(self.high)
        if self.low:
            noisy += pepper * x.dtype.type(self.low)
        return noisy

    def config(self):
        """The arguments that make this noise again."""
        return {"share": self.share, "low": self.low, "high": self.high}


def _range(who, low, high):
    """low and high as floats, or None as they came; UsageError unless low < high."""
    low = None if low is None else check_float(who, "low", low, -math.inf, math.inf)
    high = None if high is None else check_float(who, "high", high, -math.inf, math.inf)
    if low is not None and high is not None and not low < high:
        raise UsageError(f"{who}: expected low below high, got {low:g} and {high:g}.")
    return low, high


CORRUPTIONS = {"gaussian": Gaussian, "masking": Masking, "salt-and-pepper": SaltAndPepper}


def corruption_by_name(who, corruption):
    """A corruption from its name (with its default strength), a function of (x, rng), or None for none."""
    if corruption is None:
        return None
    if isinstance(corruption, type) and corruption in CORRUPTIONS.values():
        return corruption()
    if callable(corruption):
        return corruption
    check_choice(who, "corruption", corruption, CORRUPTIONS)
    return CORRUPTIONS[corruption]()


def corrupt(corruption, x, rng):
    """corruption(x, rng), checked: a function of the user's gives an array of x's shape back and leaves x alone.

    Such a function sees x read-only: x is the clean target as well, and may be the user's own data.
    """
    if type(corruption) in CORRUPTIONS.values():
        return corruption(x, rng)
    guarded = x.view()
    guarded.flags.writeable = False
    noisy = np.asarray(corruption(guarded, rng))
    if np.may_share_memory(noisy, x):
        raise UsageError("corruption: expected a new array, got x itself; return a changed copy.")
    check_shape("corruption", noisy, x.shape, name="the corrupted x")
    noisy = np.ascontiguousarray(noisy, dtype=x.dtype)
    check_finite("corruption", noisy, "the corrupted x")
    return noisy
