"""Codes on comparable scales: turned to their principal axes, and each axis divided by a power of its variance."""

import numpy as np

from tinyae.analysis import PCA
from tinyae.checks import check_finite, check_float, check_shape

SMALLEST_SHARE = 1e-4  # of the largest variance, added to all: an axis of hardly any variance is hardly blown up


class PowerWhitening:
    """z_j = v_j . (c - mean) / (variance_j + s)^power, where v_j is the j-th principal axis of the codes.

    The longest axes of a code, which distances are mostly made of, often say how much ink there is. Power 1/2 makes
    all axes equal ("whitening"), which lets the noise of the shortest speak as loud as all others; 0 turns the codes
    and changes no distance. A quarter lies between. With cosine distance it is what image retrieval does with its
    features: Jégou & Chum, "Negative evidences and co-occurrences in image retrieval: the benefit of PCA and
    whitening" (2012), who use power 1/2 on fewer axes.

    Parameters
    ----------
    codes : array (N, d)
        Where mean, axes and variances are taken from.
    power : float in [0, 0.5]

    Attributes
    ----------
    mean : float32 array (d,)
    axes : float32 array (d, d)
        Column j is v_j / (variance_j + s)^power, with s = SMALLEST_SHARE of the largest variance.
    """

    def __init__(self, codes, power=0.25):
        codes = np.asarray(codes)
        check_shape("PowerWhitening", codes, ("N", "d"), "codes")
        check_finite("PowerWhitening", codes, "codes")
        power = check_float("PowerWhitening", "power", power, 0.0, 0.5)
        pca = PCA(codes, codes.shape[1])
        variances = np.maximum(pca.variances, 0)  # rounding leaves tiny negative ones
        floor = SMALLEST_SHARE * variances.max(initial=0)
        widths = (variances + floor) ** power if floor else np.ones_like(variances)
        self.mean, self.axes = pca.mean.astype(np.float32), (pca.components / widths).astype(np.float32)

    @classmethod
    def of(cls, mean, axes):
        """One with these arrays, as a file holds them."""
        self = object.__new__(cls)
        self.mean, self.axes = mean, axes
        return self

    def apply(self, codes):
        """z (N, d), float32."""
        codes = np.asarray(codes, dtype=np.float32)
        check_shape("PowerWhitening", codes, ("N", len(self.mean)), "codes")
        return (codes - self.mean) @ self.axes
