"""A Recommender in one file: its nets, and the ratings it knows. No pickle; loading trusts nothing."""

import json
from dataclasses import asdict

import numpy as np

from tinyae.applications.recommender.recommender import Recommender, Settings
from tinyae.checks import UsageError
from tinyae.datasets.ratings import Ratings
from tinyae.files import read_npz, write_atomically
from tinyae.version import __version__

FORMAT, KIND = 1, "Recommender"


def save_recommender(recommender, path):
    """Write a trained Recommender to `path` (.npz), atomically.

    The file holds all its ratings, since they are what a net of ratings takes in: whoever may not have the data may not
    have the file.
    """
    ratings = recommender.ratings
    about = {
        "format": FORMAT,
        "kind": KIND,
        "tinyae": __version__,
        "settings": asdict(recommender.settings),
        "name": ratings.name,
        "scale": list(ratings.scale),
        "user_ids": ratings.user_ids,
        "item_ids": ratings.item_ids,
        "titles": ratings.titles,
    }
    arrays = {f"theta_{k}": net.net.theta for k, net in enumerate(recommender.nets)}
    arrays |= {"theta_likes": recommender.likes.net.theta, "about": np.array(json.dumps(about))}
    arrays |= {"users": ratings.users, "items": ratings.items, "stars": ratings.stars}

    def write(temporary):
        with open(temporary, "wb") as f:
            np.savez(f, **arrays)

    write_atomically(path, write)


def load_recommender(path):
    """The Recommender in a file, ready for use.

    Raises
    ------
    UsageError
        No such file, not a recommender, damaged, or from a newer version.
    """

    def parse(file):
        return json.loads(str(file["about"])), {name: file[name] for name in file.files if name != "about"}

    about, arrays = read_npz(path, parse, "recommend", "recommender file written by tinyae recommend train")
    version = about.get("format") if isinstance(about, dict) and about.get("kind") == KIND else None
    if version != FORMAT:
        raise UsageError(f"recommend: expected a recommender of format {FORMAT} in {path}, got format {version!r}.")
    try:
        recommender = Recommender(Settings(**about["settings"])).prepare(_ratings(about, arrays))
        nets = [net.net for net in recommender.nets]
        for k, net in enumerate(nets):
            _fill(net, arrays[f"theta_{k}"])
        _fill(recommender.likes.net, arrays["theta_likes"])
    except (KeyError, TypeError, IndexError, ValueError, MemoryError) as why:
        raise UsageError(f"recommend: expected a whole recommender in {path}, got {str(why).rstrip('.')}.") from None
    return recommender


def _ratings(about, arrays):
    users, items, stars = arrays["users"], arrays["items"], arrays["stars"]
    lists = {name: tuple(map(str, about[name])) for name in ("user_ids", "item_ids", "titles")}
    low, high = map(float, about["scale"])
    for places, ids in ((users, lists["user_ids"]), (items, lists["item_ids"])):
        if places.dtype != np.int64 or not len(places) or places.min() < 0 or places.max() >= len(ids):
            raise ValueError("users or items that are not in its lists")
    if stars.dtype != np.float32 or not np.isfinite(stars).all():
        raise ValueError("stars that are no numbers")
    return Ratings(about["name"], users, items, stars, scale=(low, high), **lists)


def _fill(net, theta):
    if theta.shape != net.theta.shape or theta.dtype != net.theta.dtype:
        raise ValueError(f"{theta.shape} parameters of {theta.dtype} for a net with {net.theta.size}")
    if not np.isfinite(theta).all():
        raise ValueError("parameters that are not finite")
    net.theta[:] = theta
