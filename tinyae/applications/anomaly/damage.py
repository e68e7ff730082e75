"""A set of images with some damaged by noise: the task of finding exactly those."""

import numpy as np

from tinyae.checks import check_float

SHARE, SIGMA = 0.03, 0.5


def damage(x, share=SHARE, sigma=SIGMA, seed=0):
    """Put Gaussian noise on a share of the images.

    Parameters
    ----------
    x : array (N, ...)
        Images in [0, 1]; they are left as they are.
    share : float in (0, 1)
        round(share N) images are damaged, one at least.
    sigma : float > 0
        Standard deviation of the noise; pixels are cut to [0, 1].
    seed : int

    Returns
    -------
    images : array like x
    labels : int64 array (N,)
        1 for the damaged ones.
    """
    share = check_float("damage", "share", share, 0.0, 1.0, open_low=True, open_high=True)
    sigma = check_float("damage", "sigma", sigma, 0.0, np.inf, open_low=True, open_high=True)
    rng = np.random.default_rng(seed)
    chosen = rng.choice(len(x), max(1, round(share * len(x))), replace=False)
    images, labels = np.array(x), np.zeros(len(x), np.int64)
    noise = sigma * rng.standard_normal((len(chosen), *x.shape[1:]))
    images[chosen], labels[chosen] = np.clip(x[chosen] + noise, 0, 1), 1
    return images, labels
