"""Errors of a net and of its baselines on the test set, and what its codes are worth."""

import numpy as np

from tinyae import analysis
from tinyae.losses import BCE

NEIGHBOURS = 5


def measure(data, model, pca, threads):
    """Squared errors (sum over the pixels, mean over the images) and 5-nearest-neighbour accuracies.

    The accuracies are there for data with classes alone.
    """
    pixels = data.x_test.shape[1]
    test = model.evaluate(data.x_test, threads=threads)
    by_pca = pca.reconstruct(data.x_test)
    mean_image = np.broadcast_to(data.x_train.mean(axis=0, dtype=np.float64).astype(np.float32), data.x_test.shape)
    values = {
        "train_squared_error": model.evaluate(data.x_train, threads=threads)["squared_error"],
        "test_squared_error": test["squared_error"],
        "pca_test_squared_error": analysis.squared_error(data.x_test, by_pca),
        "mean_image_squared_error": analysis.squared_error(data.x_test, mean_image),
    }
    if isinstance(model.loss, BCE):
        values["pca_in_range_test_squared_error"] = analysis.squared_error(data.x_test, np.clip(by_pca, 0, 1))
        values["test_bce_per_pixel"] = test["bce_per_pixel"]
        values["bce_floor_per_pixel"] = analysis.bce_floor(data.x_test) / pixels
    if has_classes(data):
        values |= neighbours(data, model, pca, threads)
    return values


def neighbours(data, model, pca, threads):
    """Share of the test codes that the nearest training codes classify rightly."""
    found = {}
    for name, encode in (("", lambda x: model.encode(x, threads=threads)), ("pca_", pca.encode)):
        codes = encode(data.x_train), encode(data.x_test)
        found[f"{name}knn5_accuracy"] = analysis.knn_accuracy(
            codes[0], data.y_train, codes[1], data.y_test, NEIGHBOURS, threads
        )
    return found


def has_classes(data):
    """Whether there is more than one class to tell apart."""
    return len(np.unique(data.y_train)) > 1
