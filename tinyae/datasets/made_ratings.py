"""Built-in ratings, made by code: people with tastes, films that meet them, and stars with noise. Nothing is real."""

import numpy as np

from tinyae.checks import check_int
from tinyae.datasets.ratings import ratings_from
from tinyae.datasets.source import Source

SOURCE = Source(
    name="ratings",
    title="built-in ratings (not MovieLens)",
    content="about 30,000 ratings from 1 to 5 of 500 users for 300 films, made by code",
    licence="made by code; free of any",
)
TASTES = 5  # what users and films differ in, beside how generous and how good they are
FIRST = ("Silent", "Crimson", "Paper", "Broken", "Golden", "Distant", "Winter", "Hidden", "Electric", "Velvet",
         "Hollow", "Burning", "Frozen", "Secret", "Wild", "Pale", "Iron", "Gentle", "Last", "Second")  # fmt: skip
SECOND = ("Harbour", "Garden", "Letter", "Mountain", "Witness", "Orchard", "Mirror", "River", "Engine", "Lantern",
          "Winter", "Island", "Promise", "Station", "Shadow", "Parade", "Compass", "Valley", "Stranger",
          "Door")  # fmt: skip


def load_ratings(n_users=500, n_items=300, per_user=60, seed=0):
    """Made ratings from 1 to 5: Ratings named "ratings".

    A rating is  3.5 + b_u + c_i + p_u . q_i + noise,  rounded and cut to 1..5: how generous the user is, how good the
    film, how his five tastes meet its five qualities, and what no model can know. Users rate what they like more often
    than what they dislike, and some films are far better known than others, as in real data.

    Parameters
    ----------
    n_users, n_items : int
    per_user : int
        Ratings of a user on average.
    seed : int
    """
    for name, value in (("n_users", n_users), ("n_items", n_items), ("per_user", per_user)):
        check_int("load_ratings", name, value, 2)
    rng = np.random.default_rng(seed)
    generous, good = rng.normal(0, 0.4, n_users), rng.normal(0, 0.4, n_items)
    tastes = rng.normal(0, 0.65, (n_users, TASTES)) @ rng.normal(0, 0.65, (TASTES, n_items))
    opinion = 3.5 + generous[:, None] + good + tastes
    stars = np.clip(np.rint(opinion + rng.normal(0, 0.7, opinion.shape)), 1, 5)
    known = np.exp(rng.normal(0, 1, n_items) + 0.8 * good + 0.5 * tastes)
    active = rng.gamma(2, 0.5, n_users) + 0.2
    chance = known / known.sum(axis=1, keepdims=True) * active[:, None] / active.mean() * per_user
    rated = rng.random(opinion.shape) < np.minimum(chance, 0.9)
    rated[np.arange(n_users), known.argmax(axis=1)] = True  # nobody without a rating, no film without one
    rated[opinion.argmax(axis=0), np.arange(n_items)] = True
    users, items = np.nonzero(rated)
    titles = {str(k + 1): title for k, title in enumerate(film_titles(n_items, rng))}
    return ratings_from(
        "ratings", [str(u + 1) for u in users], [str(i + 1) for i in items], stars[rated], titles, (1.0, 5.0)
    )


def film_titles(n, rng):
    """n different made-up titles: 'The Silent Harbour (1987)'."""
    pairs = len(FIRST) * len(SECOND)
    order = np.concatenate([rng.permutation(pairs) for _ in range(-(-n // pairs))])[:n]
    years = rng.integers(1950, 2000, n) - 60 * (np.arange(n) // pairs)  # a second round of names is from another time
    return [
        f"The {FIRST[k // len(SECOND)]} {SECOND[k % len(SECOND)]} ({year})"
        for k, year in zip(order.tolist(), years.tolist(), strict=True)
    ]
