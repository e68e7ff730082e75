"""Predictions of stars from averages: what every net has to beat."""

import math

import numpy as np

from tinyae.checks import check_float, check_int


class GlobalMean:
    """The mean of all ratings for everybody and everything."""

    def fit(self, ratings):
        """Learn from Ratings; returns self."""
        self.shape, self.mean = (ratings.n_users, ratings.n_items), float(ratings.stars.mean(dtype=np.float64))
        return self

    def table(self):
        """Predicted stars (n_users, n_items), float32."""
        return np.full(self.shape, self.mean, np.float32)


class UserMean(GlobalMean):
    """Each user's mean; the global mean for users without ratings."""

    def fit(self, ratings):
        super().fit(ratings)
        self.means = mean_of_each(ratings.users, ratings.stars, ratings.n_users, self.mean)
        return self

    def table(self):
        return np.repeat(self.means[:, None], self.shape[1], axis=1).astype(np.float32)


class ItemMean(GlobalMean):
    """Each item's mean; the global mean for items without ratings."""

    def fit(self, ratings):
        super().fit(ratings)
        self.means = mean_of_each(ratings.items, ratings.stars, ratings.n_items, self.mean)
        return self

    def table(self):
        return np.repeat(self.means[None], self.shape[0], axis=0).astype(np.float32)


class BiasModel(GlobalMean):
    """stars = mean + b_u + c_i: how generous the user is, how good the item.

    The biases minimise  sum (stars - mean - b_u - c_i)^2 + user_weight sum b_u^2 + item_weight sum c_i^2,  found by
    solving for all c and for all b in turn: each is a mean of residuals, drawn to 0 as if there were so many more
    ratings without a residual.

    Parameters
    ----------
    user_weight, item_weight : float >= 0
    rounds : int
        Turns; 50 leave nothing to be gained.

    Attributes
    ----------
    mean : float
    user, item : float64 arrays (n_users,) and (n_items,)
    """

    def __init__(self, user_weight=10.0, item_weight=5.0, rounds=50):
        self.user_weight = check_float("BiasModel", "user_weight", user_weight, 0.0, math.inf, open_high=True)
        self.item_weight = check_float("BiasModel", "item_weight", item_weight, 0.0, math.inf, open_high=True)
        self.rounds = check_int("BiasModel", "rounds", rounds, 1)

    def fit(self, ratings):
        super().fit(ratings)
        u, i, above = ratings.users, ratings.items, ratings.stars.astype(np.float64) - self.mean
        self.user, self.item = np.zeros(ratings.n_users), np.zeros(ratings.n_items)
        for _ in range(self.rounds):
            self.item = shrunk_means(i, above - self.user[u], ratings.n_items, self.item_weight)
            self.user = shrunk_means(u, above - self.item[i], ratings.n_users, self.user_weight)
        return self

    def table(self):
        return (self.mean + self.user[:, None] + self.item).astype(np.float32)

    def residuals(self, ratings):
        """Stars less what the biases say, for each rating: float32 (n,)."""
        known = self.mean + self.user[ratings.users] + self.item[ratings.items]
        return (ratings.stars - known).astype(np.float32)

    def user_bias(self, items, stars):
        """b of a person who was not there in `fit`, from a few ratings; 0 without any."""
        above = np.asarray(stars, np.float64) - self.mean - self.item[items]
        return float(above.sum() / max(self.user_weight + len(above), 1e-9))


def mean_of_each(groups, values, n, otherwise):
    """Mean of the values of each of n groups; `otherwise` for one without any."""
    counts = np.bincount(groups, minlength=n)
    return np.where(counts, np.bincount(groups, values, n) / np.maximum(counts, 1), otherwise)


def shrunk_means(groups, values, n, weight):
    """sum / (count + weight) of the values of each of n groups, 0 for one without any."""
    return np.bincount(groups, values, n) / np.maximum(np.bincount(groups, minlength=n) + weight, 1e-9)
