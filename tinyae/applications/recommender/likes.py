"""Likes, and the autoencoder that says what else a person would like: for lists, where stars do not serve.

A net trained on stars alone knows nothing of the films people did not choose to see, and ranks obscure ones first.
"""

import numpy as np

from tinyae.autoencoder import Autoencoder
from tinyae.layers import Dense, Dropout, Softmax
from tinyae.losses import CategoricalCrossEntropy
from tinyae.optimizers import Adam
from tinyae.schedules import Cosine

LIKED_FROM = 0.75  # of the way from the fewest stars to the most: 4 of 1 to 5


def threshold(scale):
    """The fewest stars that are a like."""
    low, high = scale
    return low + LIKED_FROM * (high - low)


def liked(ratings):
    """1 where a user gave an item many stars, 0 elsewhere: float32 (n_users, n_items)."""
    likes = np.zeros((ratings.n_users, ratings.n_items), np.float32)
    many = ratings.stars >= threshold(ratings.scale)
    likes[ratings.users[many], ratings.items[many]] = 1
    return likes


class Popularity:
    """The number of people who like an item: the same list for everybody."""

    def fit(self, ratings):
        """Learn from Ratings; returns self."""
        likes = liked(ratings)
        self.count, self.n_users = likes.sum(axis=0), ratings.n_users
        return self

    def scores(self):
        """Scores (n_users, n_items) to rank items by."""
        return np.repeat(self.count[None], self.n_users, axis=0)


class LikesNet:
    """An autoencoder of likes that takes a person's likes, some of them dropped, and gives a probability to each item.

    Dropout on likes brought to length 1, one hidden layer of tanh units, softmax, multinomial likelihood: the Mult-DAE
    of Liang et al., "Variational autoencoders for collaborative filtering" (WWW 2018), section 3.4.

    Parameters
    ----------
    hidden : int
    dropout, lr, weight_decay : float
    epochs, batch_size : int
        All chosen by recall on ratings held out of the training part of MovieLens-100k's split u1.
    seed : int
    """

    def __init__(self, hidden=200, dropout=0.6, lr=1e-3, weight_decay=0.005, epochs=60, batch_size=32, seed=0):
        self.hidden, self.dropout, self.lr, self.weight_decay = hidden, dropout, lr, weight_decay
        self.epochs, self.batch_size, self.seed = epochs, batch_size, seed

    def build(self, n_items):
        """The untrained net for so many items; returns self."""
        self.net = Autoencoder(
            [Dropout(self.dropout), Dense(self.hidden, "tanh")],
            [Dense(n_items), Softmax()],
            CategoricalCrossEntropy(),
            input_shape=n_items,
            seed=self.seed,
        )
        return self

    def fit(self, ratings, epochs=None, threads=None, progress=False):
        """Learn from Ratings; returns self."""
        self.likes = liked(ratings)
        self.build(ratings.n_items).net.fit(
            to_length_1(self.likes),
            self.likes,
            epochs=epochs or self.epochs,
            batch_size=self.batch_size,
            optimizer=Adam(Cosine(self.lr, warmup=0.02), weight_decay=self.weight_decay),
            seed=self.seed,
            threads=threads,
            progress=progress,
        )
        return self

    def scores(self, likes=None):
        """Probabilities (N, n_items) to rank items by, for likes (N, n_items) or for those of the training users."""
        return self.net.reconstruct(to_length_1(self.likes if likes is None else likes))


def to_length_1(likes):
    """Every row divided by its length sqrt(sum x^2); a row of zeros stays."""
    return likes / np.maximum(np.sqrt(np.sum(np.square(likes), axis=1, keepdims=True)), 1)
