"""Ratings: who gave how many stars to what; and their split into those to learn from and those to be tested on."""

from dataclasses import dataclass, field, replace

import numpy as np

from tinyae.checks import UsageError, check_choice, check_float, check_int, check_shape

MOST_CELLS = 400_000_000  # users times items: a table of them in float32 takes 1.6 GB
TEST_SHARE = 0.1  # of a random split


@dataclass(frozen=True, eq=False, repr=False)
class Ratings:
    """A list of ratings, each of one user for one item.

    Attributes
    ----------
    name : str
        "movielens-100k", or the name of a user's file.
    users, items : int64 arrays (n,)
        Numbers of the rows and columns of the table: indices into `user_ids` and `item_ids`.
    stars : float32 array (n,)
    user_ids, item_ids : tuple of str
        What the source calls them.
    titles : tuple of str
        Of the items, for people; the ids where there are none.
    scale : (float, float)
        Fewest and most stars that can be given.
    tests : dict of str to bool array (n,)
        Published splits: which ratings are the test part.
    """

    name: str
    users: np.ndarray
    items: np.ndarray
    stars: np.ndarray
    user_ids: tuple
    item_ids: tuple
    titles: tuple
    scale: tuple
    tests: dict = field(default_factory=dict)

    def __post_init__(self):
        who = f"Ratings {self.name}"
        check_shape(who, self.items, (len(self.users),), "items")
        check_shape(who, self.stars, (len(self.users),), "stars")
        check_shape(who, self.titles, (len(self.item_ids),), "titles")
        if self.n_users * self.n_items > MOST_CELLS:
            raise UsageError(
                f"{who}: expected at most {MOST_CELLS:,} cells, got {self.n_users:,} users times {self.n_items:,} "
                "items; leave out items with few ratings, or take a part of the users."
            )

    def __len__(self):
        return len(self.stars)

    @property
    def n_users(self):
        return len(self.user_ids)

    @property
    def n_items(self):
        return len(self.item_ids)

    def table(self, values=None):
        """The table (n_users, n_items), float32: the stars, or other `values` (n,) of the ratings; NaN elsewhere."""
        table = np.full((self.n_users, self.n_items), np.nan, np.float32)
        table[self.users, self.items] = self.stars if values is None else values
        return table

    def rated(self):
        """Which cells of the table hold a rating: bool (n_users, n_items)."""
        rated = np.zeros((self.n_users, self.n_items), bool)
        rated[self.users, self.items] = True
        return rated

    def subset(self, rows):
        """These ratings alone (row numbers, or bool (n,)), of the same users and items."""
        mine = {name: getattr(self, name)[rows] for name in ("users", "items", "stars")}
        return replace(self, **mine, tests={name: test[rows] for name, test in self.tests.items()})

    def some(self, n, seed=0):
        """At most n of the ratings, drawn by the seed, with the users and items that are left."""
        if check_int("Ratings", "n", n, 1) >= len(self):
            return self
        few = self.subset(np.sort(np.random.default_rng(seed).permutation(len(self))[:n]))
        kept_users, users = np.unique(few.users, return_inverse=True)
        kept_items, items = np.unique(few.items, return_inverse=True)
        return replace(
            few,
            users=users,
            items=items,
            user_ids=tuple(few.user_ids[k] for k in kept_users),
            item_ids=tuple(few.item_ids[k] for k in kept_items),
            titles=tuple(few.titles[k] for k in kept_items),
        )

    def split(self, name="random", seed=0, share=TEST_SHARE):
        """Ratings to learn from and ratings to be tested on.

        Parameters
        ----------
        name : str
            A published split of `tests` ("u1" of MovieLens-100k), or "random".
        seed, share : int and float in (0, 1)
            Of the random split: each rating has the same chance to be in the test part.

        Returns
        -------
        (Ratings, Ratings)
        """
        check_choice(self.name, "split", name, (*self.tests, "random"))
        if name == "random":
            share = check_float(self.name, "share", share, 0.0, 1.0, open_low=True, open_high=True)
            test = np.zeros(len(self), bool)
            test[np.random.default_rng(seed).permutation(len(self))[: round(share * len(self))]] = True
        else:
            test = self.tests[name]
        if test.all() or not test.any():
            raise UsageError(
                f"{self.name}: expected ratings in both parts of the split {name}, got {len(self)} in all and "
                f"{np.count_nonzero(test)} to be tested on; take more ratings."
            )
        return self.subset(~test), self.subset(test)

    def __repr__(self):
        low, high = self.scale
        return (
            f"Ratings({self.name!r}: {len(self):,} ratings from {low:g} to {high:g} of {self.n_users:,} users for "
            f"{self.n_items:,} items)"
        )


def ratings_from(name, users, items, stars, titles=None, scale=None, tests=None):
    """Ratings of lists of ids.

    Parameters
    ----------
    name : str
    users, items : sequences of str (n,)
        Ids; whole numbers are put in the order of the numbers, anything else in that of the alphabet.
    stars : sequence of float (n,)
    titles : dict of str to str, optional
        Titles of items by id.
    scale : (float, float), optional
        The least and the most in `stars` without it.
    tests : dict of str to bool array (n,), optional
    """
    user_ids, users = numbered(users)
    item_ids, items = numbered(items)
    stars = np.asarray(stars, np.float32)
    titles = titles or {}
    if scale is None:
        scale = (float(stars.min()), float(stars.max()))
    names = tuple(titles.get(i, i) for i in item_ids)
    return Ratings(name, users, items, stars, user_ids, item_ids, names, scale, tests or {})


def numbered(ids):
    """The distinct ids in order, and the place of each given one among them: tuple and int64 array (n,)."""
    distinct = set(ids)
    whole = all(i.isdecimal() for i in distinct)
    ordered = sorted(distinct, key=(lambda i: (int(i), i)) if whole else None)
    place = {i: k for k, i in enumerate(ordered)}
    return tuple(ordered), np.fromiter((place[i] for i in ids), np.int64, len(ids))
