"""AutoRec: autoencoders of ratings, trained on the cells that are known.

S. Sedhain et al., "AutoRec: autoencoders meet collaborative filtering" (WWW 2015). Departures: the net sees and gives
what a fitted BiasModel leaves of the stars, not the stars; a cell without a rating is 0 in the input, which then says
"as the biases have it"; some inputs are dropped while training, so that the net learns to say what it was not told.
"""

from dataclasses import dataclass

import numpy as np

from tinyae.applications.recommender.means import BiasModel
from tinyae.autoencoder import Autoencoder
from tinyae.checks import check_choice
from tinyae.layers import Dense, Dropout
from tinyae.losses import MaskedMSE
from tinyae.optimizers import Adam
from tinyae.schedules import Cosine


@dataclass(frozen=True)
class Recipe:
    """A net of ratings and how it is trained.

    Parameters
    ----------
    rows : {"items", "users"}
        What one sample is: all ratings of an item (item-based), or all of a user (user-based).
    hidden : tuple of int
        Widths of the sigmoid layers.
    dropout : float in [0, 1)
        Share of the inputs set to 0 while training.
    weight_decay, lr : float
        The learning rate falls to 0 along a cosine.
    epochs, batch_size : int
    """

    rows: str = "items"
    hidden: tuple = (200,)
    dropout: float = 0.3
    weight_decay: float = 0.02
    lr: float = 1e-3
    epochs: int = 30
    batch_size: int = 32

    def __post_init__(self):
        check_choice("Recipe", "rows", self.rows, ("items", "users"))

    def net(self, width, seed):
        """The untrained Autoencoder for rows of that width; all but the last layer end in a sigmoid."""
        half = len(self.hidden) // 2 + len(self.hidden) % 2
        encoder = [Dropout(self.dropout), *(Dense(n, "sigmoid") for n in self.hidden[:half])]
        decoder = [*(Dense(n, "sigmoid") for n in self.hidden[half:]), Dense(width)]
        return Autoencoder(encoder, decoder, MaskedMSE(), input_shape=width, seed=seed)


# Chosen by the error on ratings held out of the training part of MovieLens-100k's split u1.
ITEM_BASED = Recipe("items")
USER_BASED = Recipe("users", weight_decay=0.03)
STACKED = Recipe("users", hidden=(20, 10, 20), weight_decay=0.01, lr=5e-3, epochs=60)


class StarNet:
    """Predictions of stars by biases and an autoencoder of what they leave.

    Parameters
    ----------
    recipe : Recipe
    seed : int
        Of the net's first parameters, the order of the rows, and what is dropped.

    Attributes
    ----------
    bias : BiasModel
    net : Autoencoder
    x : float32 array
        What the biases leave of the known stars, 0 elsewhere: (n_items, n_users) where items are the rows.
    """

    def __init__(self, recipe=ITEM_BASED, seed=0):
        self.recipe, self.seed = recipe, seed

    def prepare(self, ratings, bias=None):
        """Everything but the training: biases, inputs, an untrained net; returns self."""
        self.bias = bias or BiasModel().fit(ratings)
        table = ratings.table(self.bias.residuals(ratings))
        self.targets = np.ascontiguousarray(table.T) if self.recipe.rows == "items" else table
        self.x = np.nan_to_num(self.targets)
        self.net = self.recipe.net(self.x.shape[1], self.seed)
        return self

    def fit(self, ratings, bias=None, epochs=None, threads=None, progress=False):
        """Learn from Ratings.

        Parameters
        ----------
        ratings : Ratings
        bias : BiasModel, optional
            Fitted on the same ratings; one is fitted without it.
        epochs, threads : int, optional
        progress : bool or str
            As for `Autoencoder.fit`.

        Returns
        -------
        self
        """
        self.prepare(ratings, bias)
        recipe = self.recipe
        self.history = self.net.fit(
            self.x,
            self.targets,
            epochs=epochs or recipe.epochs,
            batch_size=recipe.batch_size,
            optimizer=Adam(Cosine(recipe.lr, warmup=0.02), weight_decay=recipe.weight_decay),
            seed=self.seed,
            threads=threads,
            progress=progress,
        )
        return self

    def table(self):
        """Predicted stars (n_users, n_items), float32, not cut to the scale."""
        output = self.net.reconstruct(self.x)
        return self.bias.table() + (output.T if self.recipe.rows == "items" else output)

    def new_user(self, items, stars):
        """Predicted stars (n_items,) of a person who was not there in training, from a few ratings.

        Parameters
        ----------
        items : int array (n,)
        stars : array (n,)

        Notes
        -----
        A user-based net takes the new row. To an item-based one a new user is a new output unit: with H (n_items, h)
        the last hidden layer's values of every item, the user's column is H w + b. The (w, b) that training would find,
        with the rest of the net as it is, are those of ridge regression: they minimise the sum over the rated items of
        1/2 (residual - H w - b)^2, plus n_items weight_decay / 2 (|w|^2 + b^2).
        """
        bias = self.bias
        own = bias.user_bias(items, stars)
        known = bias.mean + own + bias.item
        residuals = np.asarray(stars, np.float64) - known[items]
        if self.recipe.rows == "users":
            row = np.zeros((1, len(known)), np.float32)
            row[0, items] = residuals
            return known + self.net.reconstruct(row)[0]
        features = np.column_stack([self.last_hidden(), np.ones(len(known))]).astype(np.float64)
        told, penalty = features[items], len(known) * self.recipe.weight_decay
        gram = told.T @ told + penalty * np.eye(features.shape[1])
        return known + features @ np.linalg.solve(gram, told.T @ residuals)

    def last_hidden(self):
        """The values of the last hidden layer for every row."""
        h = self.net.encode(self.x)
        for layer in self.net.decoder.layers[:-1]:
            h = layer.forward(h)
        return h
