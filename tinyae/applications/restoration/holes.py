"""Missing pixels in arrays, files and pictures.

A known pixel lies in [0, 1]; whatever is negative is missing. MISSING stands where nothing is known yet. A net of task
"inpaint" gets a first guess v there, the biharmonic one, written as v - 2: still negative, so that the net sees where
the hole is, and what to begin with.
"""

import numpy as np

from tinyae.applications.restoration.biharmonic import inpaint_biharmonic

MISSING = -3.0
BELOW = 2.0  # a guess is written so much lower
PAINT = 128 / 255  # the grey that stands for missing pixels in files and pictures, which know nothing below 0


def guess(x):
    """A copy of images (N, H, W, C) with v - 2 in place of every MISSING, v by `inpaint_biharmonic`."""
    missing = x < 0
    return np.where(missing, inpaint_biharmonic(x, missing) - x.dtype.type(BELOW), x)


def painted(x):
    """A copy with missing pixels in grey, as a file or a picture shows them."""
    return np.where(x < 0, x.dtype.type(PAINT), x)


def missing_in_files(x):
    """Images from files with MISSING where every channel has the grey PAINT."""
    grey = np.abs(x - x.dtype.type(PAINT)) < 0.5 / 255
    return np.where(grey.all(axis=-1, keepdims=True), x.dtype.type(MISSING), x)
