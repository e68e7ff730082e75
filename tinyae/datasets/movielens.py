"""MovieLens: 100,000 ratings of 943 users for 1,682 films, or 1,000,209 of 6,040 users for 3,706; one to five stars.

F. M. Harper, J. A. Konstan, "The MovieLens Datasets: History and Context", ACM Transactions on Interactive Intelligent
Systems 5(4), 2015. The data may not be passed on, so nothing of them is in this repository.
"""

import numpy as np

from tinyae.checks import UsageError, check_choice
from tinyae.datasets.ratings import ratings_from
from tinyae.datasets.source import Source
from tinyae.datasets.store import read

MIRRORS = ("https://files.grouplens.org/datasets/movielens/",)
CITATION = "F. M. Harper, J. A. Konstan, The MovieLens Datasets, ACM TiiS 5(4), 2015"
LICENCE = "research use alone; no redistribution and no commercial use without permission of GroupLens"
TERMS = (
    "MovieLens data belong to the GroupLens Research Project at the University of Minnesota. They may be used for "
    "research under these conditions: do not state or imply any endorsement by the University or by GroupLens; "
    f"acknowledge the data in publications ({CITATION}); do not pass the data on to others without separate "
    "permission; do not use them for commercial purposes without permission of a faculty member of GroupLens. Nobody "
    "warrants that they are correct or fit for a purpose. The full text is in the README inside the archive."
)

MOVIELENS_100K = Source(
    name="movielens-100k",
    title="MovieLens-100k",
    content="100,000 ratings from 1 to 5 of 943 users for 1,682 films, 1997 to 1998",
    files={"ml-100k.zip": "md5:0e33842e24a9c977be4e0107933c0723"},
    mirrors=MIRRORS,
    members={"ml-100k.zip": ("ml-100k/u.data", "ml-100k/u.item", "ml-100k/u1.test")},
    megabytes=4.9,
    licence=LICENCE,
    citation=CITATION,
    homepage="https://grouplens.org/datasets/movielens/100k/",
    terms=TERMS,
)
MOVIELENS_1M = Source(
    name="movielens-1m",
    title="MovieLens-1M",
    content="1,000,209 ratings from 1 to 5 of 6,040 users for 3,706 films, 2000",
    files={"ml-1m.zip": "md5:c4d9eecfca2ab87c1945afe126590906"},
    mirrors=MIRRORS,
    members={"ml-1m.zip": ("ml-1m/ratings.dat", "ml-1m/movies.dat")},
    megabytes=5.9,
    licence=LICENCE,
    citation=CITATION,
    homepage="https://grouplens.org/datasets/movielens/1m/",
    terms=TERMS,
)
SCALE = (1.0, 5.0)


def load_movielens(which="100k", data_dir=None, download=True, accept_licence=False):
    """MovieLens as Ratings; `load_movielens().split("u1")` gives the published training and test parts.

    Parameters
    ----------
    which : {"100k", "1m"}
    data_dir : str or Path, optional
        Folder that holds movielens-100k/ml-100k.zip (movielens-1m/ml-1m.zip), or the files of the archive, packed by
        gzip or not. Without it: $TINYAE_DATA_DIR, the user's cache folder, then the network.
    download : bool
        False: never use the network.
    accept_licence : bool
        Consent to TERMS, which a download needs (`tinyae data get movielens-100k --accept-licence`).

    Returns
    -------
    Ratings
        Of 100k with the published split "u1". It is a slice of the sorted file: its 20,000 test ratings are of 459
        users alone, who have few left to learn from, so that errors are higher on it than on a random split.

    Raises
    ------
    UsageError
        A file is missing where it was said to be, or damaged, or not MovieLens; or nobody agreed to the terms.
    DownloadError
        Not on disk and not to be had from the network.
    """
    check_choice("load_movielens", "which", which, ("100k", "1m"))
    if which == "1m":
        files = read(
            MOVIELENS_1M, ["ratings.dat", "movies.dat"], data_dir, download=download, accept_terms=accept_licence
        )
        users, items, stars = _ratings(files["ratings.dat"], "::")
        titles = _titles(files["movies.dat"], "::")
        _check_titles(files["movies.dat"], items, titles)
        return ratings_from("movielens-1m", users, items, stars, titles, SCALE)
    names = ["u.data", "u.item", "u1.test"]
    files = read(MOVIELENS_100K, names, data_dir, download=download, accept_terms=accept_licence)
    users, items, stars = _ratings(files["u.data"], "\t")
    titles = _titles(files["u.item"], "|")
    _check_titles(files["u.item"], items, titles)
    tested = set(zip(*_ratings(files["u1.test"], "\t")[:2], strict=True))
    u1 = np.array([pair in tested for pair in zip(users, items, strict=True)])
    strangers = len(tested) - np.count_nonzero(u1)
    if strangers:
        raise UsageError(
            f"load_movielens: expected the test ratings of {files['u1.test'].place} to be among those of "
            f"{files['u.data'].place}, got {strangers} others; the files do not belong together."
        )
    return ratings_from("movielens-100k", users, items, stars, titles, SCALE, {"u1": u1})


def _lines(file):
    return file.data.decode("latin-1").splitlines()  # titles have accents


def _ratings(file, separator):
    """Users, items and stars of lines such as '196<tab>242<tab>3<tab>881250949'."""
    users, items, stars = [], [], []
    for number, line in enumerate(_lines(file), 1):
        cells = line.split(separator)
        if len(cells) < 3 or not all(cell.isdecimal() for cell in cells[:3]) or not 1 <= int(cells[2]) <= 5:
            _fail(file, number, "user, film and 1 to 5 stars as whole numbers", line)
        users.append(cells[0])
        items.append(cells[1])
        stars.append(int(cells[2]))
    if not stars:
        raise UsageError(f"load_movielens: {file.place}: expected ratings, got an empty file.")
    if len(set(zip(users, items, strict=True))) < len(users):
        raise UsageError(f"load_movielens: {file.place}: expected one rating of a user for a film, got several.")
    return users, items, stars


def _titles(file, separator):
    """{film: title} of lines such as '1|Toy Story (1995)|01-Jan-1995|...'."""
    titles = {}
    for number, line in enumerate(_lines(file), 1):
        cells = line.split(separator)
        if len(cells) < 2 or not cells[0].isdecimal() or not cells[1].strip():
            _fail(file, number, "film and title", line)
        titles[cells[0]] = cells[1].strip()
    return titles


def _check_titles(file, items, titles):
    missing = set(items) - set(titles)
    if missing:
        raise UsageError(f"load_movielens: {file.place}: expected a title of film {min(missing, key=int)}, got none.")


def _fail(file, number, expected, line):
    raise UsageError(f"load_movielens: {file.place}: expected {expected} in line {number}, got {line[:40]!r}.")
