"""A start for a deep net of rectified units: it does at first what principal components do, and learns from there.

Of each hidden layer 2k units carry the k code numbers through, relu(a) and relu(-a), whose difference is a. The others
begin at random, with no say in the output, and find their use as the weights out of them grow.
"""

import numpy as np

from tinyae.analysis import PCA
from tinyae.architectures import hinton_autoencoder
from tinyae.checks import UsageError


def linear_start(x, hidden, k, seed=0):
    """A net D-hidden-k and back with rectified units and a linear output that reconstructs x (N, D) as PCA with k does.

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
    model = hinton_autoencoder(
        x.shape[1], hidden, k, hidden_activation="relu", output_activation="linear", loss="mse", init="he", seed=seed
    )
    for half, ends in ((model.encoder, (down, np.eye(k))), (model.decoder, (np.eye(k), up))):
        first, *inner, last = (layer.params for layer in half.layers if layer.params)
        first["W"][:, : 2 * k] = np.hstack([ends[0], -ends[0]])
        for params in inner:
            params["W"][:, : 2 * k] = np.eye(len(params["W"]), 2 * k)
        last["W"][:] = 0
        last["W"][: 2 * k] = np.vstack([ends[1], -ends[1]])
    going_down, going_up = (half.layers[i].params for half, i in ((model.encoder, 0), (model.decoder, -2)))
    going_down["b"][: 2 * k] = np.concatenate([-pca.mean @ down, pca.mean @ down])
    going_up["b"][:] = pca.mean
    return model
