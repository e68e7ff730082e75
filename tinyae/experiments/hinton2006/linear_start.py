"""A start for a deep net of leaky ReLUs: it does at first what principal components do, and learns from there.

Of each hidden layer 2k units carry the k code numbers through: f(a) and f(-a), whose difference is a for a ReLU f and
(1 + s) a for a leaky one of slope s. The others begin at random, with no say in the output, and find their use as the
weights out of them grow. Leaky ones cannot die of the first large steps.
"""

import numpy as np

from tinyae.analysis import PCA
from tinyae.architectures import hinton_autoencoder
from tinyae.checks import UsageError
from tinyae.layers import LeakyReLU


def linear_start(x, hidden, k, seed=0):
    """A net D-hidden-k and back, of leaky ReLUs and a linear output, that reconstructs x (N, D) as PCA with k does.

    Its code is PCA's with every number scaled to variance 1.

    Returns
    -------
    Autoencoder
        Half the squared error for loss; the random weights are He's.
    """
    if min(hidden) < 2 * k:
        raise UsageError(f"linear_start: expected hidden layers of at least {2 * k} units, got {min(hidden)}.")
    pca = PCA(x, k)
    spread = np.sqrt(np.maximum(pca.variances, 1e-12))
    down, up = pca.components / spread, (pca.components * spread).T
    units = {"hidden_activation": "leaky_relu", "output_activation": "linear", "loss": "mse", "init": "he"}
    model = hinton_autoencoder(x.shape[1], hidden, k, seed=seed, **units)
    once = 1 / (1 + LeakyReLU().slope)
    for half, ends in ((model.encoder, (down, np.eye(k))), (model.decoder, (np.eye(k), up))):
        first, *inner, last = (layer.params for layer in half.layers if layer.params)
        first["W"][:, : 2 * k] = both(ends[0], axis=1)
        for params in inner:
            params["W"][:, : 2 * k] = 0
            params["W"][: 2 * k, : 2 * k] = once * both(both(np.eye(k), axis=0), axis=1)
        last["W"][:] = 0
        last["W"][: 2 * k] = once * both(ends[1], axis=0)
    going_down, going_up = (half.layers[i].params for half, i in ((model.encoder, 0), (model.decoder, -2)))
    going_down["b"][: 2 * k] = both(-pca.mean @ down, axis=0)
    going_up["b"][:] = pca.mean
    return model


def both(a, axis):
    """a and -a behind each other."""
    return np.concatenate([a, -a], axis=axis)
