"""Every method on the same split: errors of stars and lists beside one another, the autoencoders beside averages."""

import time

import numpy as np

from tinyae.applications.recommender.ease import EaseLikes, EaseStars
from tinyae.applications.recommender.likes import Popularity, liked
from tinyae.applications.recommender.means import GlobalMean, ItemMean, UserMean
from tinyae.applications.recommender.metrics import mae, recall_and_ndcg, rmse, user_rmse
from tinyae.applications.recommender.nets import STACKED, StarNet
from tinyae.applications.recommender.recommender import Recommender

SCORES = ("rmse", "user_rmse", "mae", "recall", "ndcg")
BIAS, EASE, OURS = "user and item bias", "EASE on stars", "AutoRecs together"
POPULARITY, EASE_LIKES, LIKES = "popularity", "EASE on likes", "net of likes"
LARGEST_EASE = 20_000  # items: the matrix and its inverse take 6.4 GB then


def compare(train, test, settings, n=10, say=lambda text: None):
    """Fit every method on `train` and score it on `test`, Ratings of the same users and items.

    Predicted stars are cut to the scale before they are scored. What is to be found in the lists are the items that a
    user liked in the test part; see `recall_and_ndcg`.

    Parameters
    ----------
    train, test : Ratings
    settings : Settings
    n : int
        Length of a list.
    say : function of str
        Called with a line before what takes time.

    Returns
    -------
    list of dict
        `method`, `rmse`, `user_rmse`, `mae` in stars, `recall`, `ndcg`, and `seconds` of training; what a method does
        not give is None.
    """
    judge = Judge(train, test, n)
    for name, model in (("global mean", GlobalMean()), ("user mean", UserMean()), ("item mean", ItemMean())):
        judge.stars(name, model.fit(train).table())
    recommender = Recommender(settings).prepare(train)
    judge.both(BIAS, recommender.bias.table())
    if train.n_items <= LARGEST_EASE:
        say("EASE")
        judge.both(EASE, EaseStars().fit(train, recommender.bias).table())
    judge.both("untrained net", recommender.nets[0].table())
    say("stacked net 20-10-20")
    stacked = StarNet(STACKED, settings.seed).fit(train, recommender.bias, settings.epochs, settings.threads)
    judge.both("stacked 20-10-20, user-based", stacked.table())
    started = time.perf_counter()
    recommender.fit(train, say)
    seconds = time.perf_counter() - started
    tables = [net.table() for net in recommender.nets]
    judge.both("AutoRec, user-based", tables[1])
    judge.both("AutoRec, item-based", tables[0])
    judge.both(OURS, sum(tables) / len(tables))
    judge.rows[-1]["seconds"] = round(seconds, 2)
    judge.lists(POPULARITY, Popularity().fit(train).scores())
    if train.n_items <= LARGEST_EASE:
        judge.lists(EASE_LIKES, EaseLikes().fit(train).scores())
    judge.lists(LIKES, recommender.likes.scores())
    return judge.rows


class Judge:
    """Scores tables of predictions on the test part of a split.

    Attributes
    ----------
    rows : list of dict
        One for each method, in the order they came.
    """

    def __init__(self, train, test, n):
        self.test, self.n, self.rows = test, n, []
        self.rated, self.relevant = train.rated(), liked(test) > 0

    def stars(self, method, table):
        """Score predicted stars (n_users, n_items)."""
        test = self.test
        predicted = np.clip(table[test.users, test.items], *test.scale)
        errors = rmse(test.stars, predicted), user_rmse(test.users, test.stars, predicted), mae(test.stars, predicted)
        self._add(method, *errors, None, None)

    def lists(self, method, scores):
        """Score rankings of items (n_users, n_items)."""
        self._add(method, None, None, None, *self._found(scores))

    def both(self, method, table):
        """Score predicted stars, and the lists they make."""
        self.stars(method, table)
        self.rows[-1]["recall"], self.rows[-1]["ndcg"] = self._found(table)

    def _found(self, scores):
        return recall_and_ndcg(scores, self.rated, self.relevant, self.n) if self.relevant.any() else (None, None)

    def _add(self, method, *values):
        self.rows.append({"method": method} | dict(zip(SCORES, values, strict=True)))


def mean_of_runs(runs):
    """One list of rows out of those of several splits: the mean of every score, and `spread`, the RMSE's deviation."""
    rows = []
    for same in zip(*runs, strict=True):
        row = {"method": same[0]["method"]}
        for score in SCORES:
            values = [r[score] for r in same if r[score] is not None]
            row[score] = float(np.mean(values)) if values else None
        errors = [r["rmse"] for r in same if r["rmse"] is not None]
        row["spread"] = float(np.std(errors, ddof=1)) if len(errors) > 1 else None
        rows.append(row)
    return rows


def verdicts(rows):
    """Sentences on where the nets win and lose, for a reader of the table."""
    by = {row["method"]: row for row in rows}
    simple = min((by[m] for m in (BIAS, EASE) if m in by), key=lambda row: row["rmse"])
    sentences = [_beside(by[OURS], simple, "rmse", "RMSE", by[OURS]["rmse"] < simple["rmse"])]
    if by[LIKES]["ndcg"] is None:
        return sentences
    simple = max((by[m] for m in (POPULARITY, EASE_LIKES) if m in by), key=lambda row: row["ndcg"])
    sentences.append(_beside(by[LIKES], simple, "ndcg", "NDCG", by[LIKES]["ndcg"] > simple["ndcg"]))
    if by[OURS]["ndcg"] < by[POPULARITY]["ndcg"]:
        sentences.append(
            "Lists by predicted stars lose to popularity: what people do not choose to see is not in their stars."
        )
    return sentences


def _beside(ours, simple, key, score, wins):
    end = "better" if wins else "the simple method wins"
    return f"{score} of {ours['method']} {ours[key]:.4f}, of {simple['method']} {simple[key]:.4f}: {end}."
