"""Random shifts, turns and stretches of images: a corruption that teaches a code to overlook them.

An autoencoder that sees the warped image and is asked for the image as it was (`corruption=Warp()`) cannot keep where
and how large something is drawn; what it keeps is what is drawn. It is denoising, Vincent et al. (2010), with noise
on the place of pixels instead of on their values. No label is used.
"""

import numpy as np

from tinyae.checks import UsageError, check_float
from tinyae.kernels.warp import warp


class Warp:
    """Every image is turned, stretched along both of its axes, and shifted, by amounts drawn anew each time.

    Parameters
    ----------
    shift : float in [0, 1]
        Largest shift along each axis, as a share of the image's height and width.
    turn : float in [0, 3.15]
        Largest angle, in radians, to either side.
    zoom : float in [0, 0.9]
        Each axis is sampled 1 - zoom to 1 + zoom times as densely: a zoom of 0.3 shows it between 0.77 and 1.43 times
        as long.

    What comes in from outside of the image is 0. Takes images (N, H, W, C).
    """

    def __init__(self, shift=0.07, turn=0.4, zoom=0.3):
        self.shift = check_float("Warp", "shift", shift, 0.0, 1.0)
        self.turn = check_float("Warp", "turn", turn, 0.0, 3.15)
        self.zoom = check_float("Warp", "zoom", zoom, 0.0, 0.9)

    def __call__(self, x, rng):
        if x.ndim != 4:
            raise UsageError(f"Warp: expected images of shape (N, H, W, C), got {x.shape}.")
        maps = self.maps(len(x), x.shape[1:3], rng).astype(x.dtype)
        return warp(np.ascontiguousarray(x), maps, np.empty(x.shape, x.dtype))

    def maps(self, n, size, rng):
        """[A | t] of `n` images, (n, 2, 3): where in an image of (height, width) = `size` each pixel is taken from."""
        angle = rng.uniform(-self.turn, self.turn, n)
        stretch = 1 + rng.uniform(-self.zoom, self.zoom, (n, 2))
        maps = np.empty((n, 2, 3))
        maps[:, 0, :2] = np.stack([np.cos(angle), -np.sin(angle)], axis=1)
        maps[:, 1, :2] = np.stack([np.sin(angle), np.cos(angle)], axis=1)
        maps[:, :, :2] *= stretch[:, None]  # A = rotation(angle) diag(stretch)
        maps[:, :, 2] = rng.uniform(-self.shift, self.shift, (n, 2)) * size  # t
        return maps

    def config(self):
        """The arguments that make this again."""
        return {"shift": self.shift, "turn": self.turn, "zoom": self.zoom}
