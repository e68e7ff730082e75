"""What a net's loss is to be read against: the mean image, principal components, a perfect reconstruction."""

import functools

import numpy as np

from tinyae import analysis
from tinyae.losses import BCE, CategoricalCrossEntropy
from tinyae.losses.softmax import categorical_cross_entropy

# Baselines are estimates beside a loss: this many images are plenty, and principal components of wider rows take long.
BASELINE_IMAGES, WIDEST_PCA = 10_000, 4096
MOST_NUMBERS = BASELINE_IMAGES * WIDEST_PCA  # in the images looked at: 160 MB


def baselines_later(model, x_train, x, target):
    """A function that works out the baselines: it holds on to the images it needs, not to all."""
    if model.loss.missing:
        return functools.partial(_of_known, model.loss, evenly(target))
    if target is not x:  # the mean target and a perfect output still mean something, PCA of x does not
        few = some = evenly(target)
        k = target[0].size
    else:
        few, some = evenly(x_train), evenly(x)
        # principal components give no probabilities of words
        no_pca = x[0].size > WIDEST_PCA or isinstance(model.loss, CategoricalCrossEntropy)
        k = x[0].size if no_pca else model.code_size
    return functools.partial(analysis.baselines, few, some, k, metric_of(model.loss))


def _of_known(loss, y):
    """The baselines of targets with NaN where nobody knows the number; no components, which need all of them."""
    mean = np.broadcast_to(mean_of_known(y), y.shape).astype(y.dtype)
    return {"mean_image": loss.value(mean, y), "floor": 0.0}


def mean_of_known(y):
    """Mean over the rows of y (N, ...) without its NaN, float64; 0 for a number that no row has."""
    known = ~np.isnan(y)
    return np.where(known, y, 0).sum(axis=0, dtype=np.float64) / np.maximum(known.sum(axis=0), 1)


def metric_of(loss):
    """The loss of a given reconstruction, as a function of (x, reconstruction)."""
    if isinstance(loss, BCE):
        return analysis.binary_cross_entropy
    if isinstance(loss, CategoricalCrossEntropy):
        return categorical_cross_entropy
    return lambda x, reconstruction: 0.5 * analysis.squared_error(x, reconstruction)


def describe_baselines(values, model):
    """'Loss per image to beat: mean image 206.1, PCA-2 ...; floor 45.7 (BCE, nats: ...)'."""
    beat = [f"mean image {values['mean_image']:.2f}"]
    if "pca" in values:
        beat.append(f"PCA-{model.code_size} {values['pca']:.2f}")
    return f"Loss to beat: {', '.join(beat)}; floor {values['floor']:.2f} ({model.loss.name}, {model.loss.unit})"


def evenly(x, n=BASELINE_IMAGES):
    """At most n rows as an array, spread over all of x; fewer of wide ones."""
    n = min(n, max(1, MOST_NUMBERS // x[0].size))
    return x[:] if len(x) <= n else x[np.linspace(0, len(x) - 1, n).astype(int)]
