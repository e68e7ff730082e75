"""EASE: the linear autoencoder without a hidden layer, in closed form. Little of what nets do is much better."""

import math

import numpy as np

from tinyae.applications.recommender.likes import liked
from tinyae.applications.recommender.means import BiasModel
from tinyae.checks import check_float

# Chosen by the error, and by recall, on ratings held out of the training part of MovieLens-100k's split u1.
STARS_WEIGHT, LIKES_WEIGHT = 200.0, 500.0


def ease_weights(x, weight):
    """The matrix B (I, I) with diagonal 0 that minimises |X - X B|^2 + weight |B|^2.

    With P = (X'X + weight)^-1 it is  B_ij = -P_ij / P_jj  for i != j: no item may explain itself
    (Steck, "Embarrassingly shallow autoencoders for sparse data", WWW 2019, eq. 8).

    Parameters
    ----------
    x : array (U, I)
    weight : float > 0
    """
    weight = check_float("ease_weights", "weight", weight, 0.0, math.inf, open_low=True, open_high=True)
    gram = np.asarray(x.T @ x, np.float64)
    gram[np.diag_indices_from(gram)] += weight
    inverse = np.linalg.inv(gram)
    weights = -inverse / np.diag(inverse)
    np.fill_diagonal(weights, 0.0)
    return weights


class EaseStars:
    """EASE on what the biases leave of the stars; cells without a rating are 0, which the weights learn, too."""

    def __init__(self, weight=STARS_WEIGHT):
        self.weight = weight

    def fit(self, ratings, bias=None):
        """Learn from Ratings, on top of a fitted BiasModel; returns self."""
        self.bias = bias or BiasModel().fit(ratings)
        self.x = np.nan_to_num(ratings.table(self.bias.residuals(ratings)))
        self.weights = ease_weights(self.x, self.weight)
        return self

    def table(self):
        """Predicted stars (n_users, n_items), float32."""
        return self.bias.table() + (self.x @ self.weights).astype(np.float32)


class EaseLikes:
    """EASE on likes, for lists of recommendations."""

    def __init__(self, weight=LIKES_WEIGHT):
        self.weight = weight

    def fit(self, ratings):
        """Learn from Ratings; returns self."""
        self.x = liked(ratings)
        self.weights = ease_weights(self.x, self.weight)
        return self

    def scores(self):
        """Scores (n_users, n_items) to rank items by; they are no stars."""
        return self.x @ self.weights
