"""The recommender: several AutoRecs whose predictions are averaged, and a net of likes that makes the list."""

from dataclasses import dataclass

import numpy as np

from tinyae.applications.recommender.likes import LikesNet, liked, threshold
from tinyae.applications.recommender.means import BiasModel
from tinyae.applications.recommender.metrics import top_items
from tinyae.applications.recommender.nets import ITEM_BASED, USER_BASED, StarNet
from tinyae.checks import UsageError, check_choice, check_int
from tinyae.training.threads import thread_count

LISTS = ("likes", "stars")


@dataclass(frozen=True)
class Settings:
    """How a Recommender is trained; the same settings give the same bits on the same machine.

    Parameters
    ----------
    nets : int
        How many item-based and how many user-based nets, each from another seed.
    epochs : int, optional
        For every net, instead of its own number.
    seed : int
    threads : int, optional
        One per core without it.
    """

    nets: int = 3
    epochs: int | None = None
    seed: int = 0
    threads: int | None = None

    def __post_init__(self):
        check_int("recommend", "nets", self.nets, 1)
        check_int("recommend", "seed", self.seed, 0)
        if self.epochs is not None:
            check_int("recommend", "epochs", self.epochs, 1)
        thread_count(self.threads)


class Recommender:
    """Predicted stars, and lists of what to see next, for known users and new ones.

    Parameters
    ----------
    settings : Settings, optional

    Attributes
    ----------
    ratings : Ratings
        What it was trained on; nothing of it is recommended again.
    bias : BiasModel
    nets : list of StarNet
        Item-based and user-based in turn.
    likes : LikesNet

    Examples
    --------
    >>> recommender = Recommender().fit(load_ratings())
    >>> items, stars = recommender.for_user(0, n=5)
    >>> recommender.ratings.titles[items[0]]
    """

    def __init__(self, settings=None):
        self.settings = settings or Settings()

    def fit(self, ratings, say=lambda text: None):
        """Train on Ratings; `say` is called with a line before each net. Returns self."""
        settings = self.settings
        self.prepare(ratings)
        for k, net in enumerate(self.nets):
            say(f"{net.recipe.rows[:-1]}-based net {k // 2 + 1} of {settings.nets}")
            net.fit(ratings, self.bias, epochs=settings.epochs, threads=settings.threads)
        say("net of likes")
        self.likes.fit(ratings, epochs=settings.epochs, threads=settings.threads)
        return self

    def prepare(self, ratings):
        """Everything but the training: biases and untrained nets; returns self."""
        self.ratings, self.bias = ratings, BiasModel().fit(ratings)
        seeds = range(self.settings.seed, self.settings.seed + self.settings.nets)
        self.nets = [StarNet(recipe, seed) for seed in seeds for recipe in (ITEM_BASED, USER_BASED)]
        self.nets = [net.prepare(ratings, self.bias) for net in self.nets]
        self.likes = LikesNet(seed=self.settings.seed).build(ratings.n_items)
        self.likes.likes = liked(ratings)
        return self

    def table(self):
        """Predicted stars (n_users, n_items), the mean over all nets, not cut to the scale."""
        return sum(net.table() for net in self.nets) / len(self.nets)

    def for_user(self, user, n=10, by="likes"):
        """What a known user has not rated and should see.

        Parameters
        ----------
        user : int
            Number of the user, as in `ratings.users`.
        n : int
        by : {"likes", "stars"}
            Ranked by the net of likes, or by predicted stars: those lead to obscure items that few have rated.

        Returns
        -------
        (int array, float array)
            Item numbers, best first, at most n of them, and their predicted stars, within the scale.
        """
        user = check_int("for_user", "user", user, 0)
        if user >= self.ratings.n_users:
            raise UsageError(f"for_user: expected user below {self.ratings.n_users}, got {user}.")
        mine = self.ratings.users == user
        rated = np.zeros(self.ratings.n_items, bool)
        rated[self.ratings.items[mine]] = True
        stars = sum(net.table()[user] for net in self.nets) / len(self.nets)
        return self._best(stars, self.likes.likes[user], rated, n, by)

    def for_new_user(self, items, stars, n=10, by="likes"):
        """The same for a person who was not there in training, from a few ratings.

        Parameters
        ----------
        items : int sequence (k,)
            Numbers of the items, each at most once.
        stars : sequence (k,)
        n, by :
            As for `for_user`.
        """
        items, stars = np.asarray(items, np.int64), np.asarray(stars, np.float64)
        self._check_few(items, stars)
        rated = np.zeros(self.ratings.n_items, bool)
        rated[items] = True
        likes = np.zeros(self.ratings.n_items, np.float32)
        likes[items[stars >= threshold(self.ratings.scale)]] = 1
        predicted = sum(net.new_user(items, stars) for net in self.nets) / len(self.nets)
        return self._best(predicted, likes, rated, n, by)

    def _check_few(self, items, stars):
        low, high = self.ratings.scale
        if items.ndim != 1 or items.shape != stars.shape or not len(items):
            raise UsageError(f"for_new_user: expected as many stars as items, got {stars.shape} and {items.shape}.")
        if items.min() < 0 or items.max() >= self.ratings.n_items or len(set(items.tolist())) < len(items):
            raise UsageError(
                f"for_new_user: expected different items from 0 to {self.ratings.n_items - 1}, got others."
            )
        if not (np.isfinite(stars).all() and low <= stars.min() and stars.max() <= high):
            raise UsageError(f"for_new_user: expected stars from {low:g} to {high:g}, got others.")

    def _best(self, stars, likes, rated, n, by):
        check_choice("recommend", "by", by, LISTS)
        scores = self.likes.scores(likes[None])[0] if by == "likes" else stars
        items = top_items(scores[None], rated[None], n)[0]
        items = items[~rated[items]]
        return items, np.clip(stars[items], *self.ratings.scale)
