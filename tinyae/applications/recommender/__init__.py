"""Recommending films, or anything people rate: predicted stars, and lists of what to see next.

    train, test = load_movielens("100k").split("u1")
    recommender = Recommender().fit(train)
    predicted = recommender.table()[test.users, test.items]
    items, stars = recommender.for_new_user([0, 49], [5, 4])

Stars come from AutoRecs, autoencoders of what user and item biases leave of the known ratings; lists from an
autoencoder of likes. `compare` puts them beside averages, biases, EASE and popularity.
"""

from tinyae.applications.recommender.comparison import compare, mean_of_runs, verdicts
from tinyae.applications.recommender.ease import EaseLikes, EaseStars, ease_weights
from tinyae.applications.recommender.likes import LikesNet, Popularity, liked
from tinyae.applications.recommender.lookup import find_item, find_user
from tinyae.applications.recommender.means import BiasModel, GlobalMean, ItemMean, UserMean
from tinyae.applications.recommender.metrics import mae, recall_and_ndcg, rmse, top_items, user_rmse
from tinyae.applications.recommender.model_file import load_recommender, save_recommender
from tinyae.applications.recommender.nets import ITEM_BASED, STACKED, USER_BASED, Recipe, StarNet
from tinyae.applications.recommender.recommender import Recommender, Settings

__all__ = [
    "Recommender",
    "Settings",
    "Recipe",
    "StarNet",
    "ITEM_BASED",
    "USER_BASED",
    "STACKED",
    "LikesNet",
    "Popularity",
    "liked",
    "BiasModel",
    "GlobalMean",
    "UserMean",
    "ItemMean",
    "EaseStars",
    "EaseLikes",
    "ease_weights",
    "compare",
    "mean_of_runs",
    "verdicts",
    "rmse",
    "mae",
    "user_rmse",
    "top_items",
    "recall_and_ndcg",
    "find_user",
    "find_item",
    "save_recommender",
    "load_recommender",
]
