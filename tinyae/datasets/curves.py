"""Curves: one smooth stroke through three random points, 28 x 28.

After the synthetic curves of G. Hinton, R. Salakhutdinov, "Reducing the dimensionality of data with neural networks",
Science 313, 2006: six numbers make each image, so a code of six can hold it. Their drawing program is not published
in detail; ours is:

1. three points a, b, c, uniform and independent in the inner box;
2. the parabola p(t) through them, p(0) = a, p(s) = b, p(1) = c, where s = |b-a|^(1/2) / (|b-a|^(1/2) + |c-b|^(1/2));
   the square roots ("centripetal") keep it from swinging more than a tenth of the box outside;
3. a round pen of fixed width with a soft edge. No rejection, no centring.

The inner box and the pen are chosen so that 18 principal components leave as much as in the paper: 5.91 here (20,000
training and 10,000 test images, squared error per test image), 5.90 there.
"""

import numpy as np

from tinyae.checks import check_int
from tinyae.datasets.dataset import Dataset
from tinyae.datasets.source import Source

SOURCE = Source(
    name="curves",
    title="built-in curves",
    content="20,000 + 10,000 grey images of 28 x 28, a smooth stroke through three points; any number can be drawn",
    licence="MIT, as tinyae",
    citation="tinyae, tinyae/datasets/curves.py, after G. Hinton, R. Salakhutdinov, Science 313, 2006",
)

SIZE = 28  # pixels
INNER = (6.0, 21.0)  # pixels; the points lie here, and no curve then reaches the border of the image
RADIUS = 1.3  # pixels
SOFTNESS = 1.8  # pixels
SAMPLES = 48  # curve points, less than a pixel apart but on the longest curves


def load_curves(n_train=20000, n_test=10000, seed=0):
    """Draw the synthetic curves; the paper used 20,000 for training and 10,000 for testing.

    Parameters
    ----------
    n_train, n_test : int
        Number of images. The first n images are the same whatever the number, and the test images do not depend on
        `n_train`.
    seed : int
        Same seed, same images.

    Returns
    -------
    Dataset
        x (N, 784) float32 from 0 (paper) to 1 (ink) in steps of 1/255; y all zero, the one class "curve".

    Raises
    ------
    UsageError
        A number is not whole or below zero.
    """
    n_train = check_int("load_curves", "n_train", n_train, 0)
    n_test = check_int("load_curves", "n_test", n_test, 0)
    train, test = np.random.SeedSequence(check_int("load_curves", "seed", seed, 0)).spawn(2)
    return Dataset(
        "curves",
        _draw(n_train, np.random.default_rng(train)),
        np.zeros(n_train, np.int64),
        _draw(n_test, np.random.default_rng(test)),
        np.zeros(n_test, np.int64),
        (SIZE, SIZE, 1),
        ("curve",),
    )


def _draw(n, rng):
    """n images (n, 784)."""
    from tinyae.datasets.strokes import in_bytes, ink_numba

    points = _parabola(rng.uniform(*INNER, (n, 3, 2)))
    pen = np.ones(points.shape[:2], bool)
    return in_bytes(ink_numba(points, pen, np.full(n, RADIUS), SOFTNESS, SIZE)).reshape(n, SIZE * SIZE)


def _parabola(corner):
    """Curve points (N, SAMPLES, 2) of the parabola through three points (N, 3, 2), by Lagrange's formula."""
    a, b, c = (corner[:, None, k] for k in range(3))
    root = np.sum((corner[:, 1:] - corner[:, :-1]) ** 2, axis=2) ** 0.25  # root of the two distances
    s = (root[:, 0] / (root[:, 0] + root[:, 1]))[:, None, None]
    t = np.linspace(0, 1, SAMPLES)[None, :, None]
    # each weight is 1 at its own point and 0 at the two others
    return (t - s) * (t - 1) / s * a + t * (1 - t) / (s * (1 - s)) * b + t * (t - s) / (1 - s) * c
