"""Users' own ratings: text files with a line for every rating."""

import csv
import math
from pathlib import Path

from tinyae.checks import UsageError
from tinyae.datasets.ratings import ratings_from
from tinyae.samples.table import sniff

# What people call the three columns, in small letters without spaces, dots and underscores.
NAMES = {
    "user": ("user", "userid", "username", "reviewer", "customer", "person", "u"),
    "item": ("item", "itemid", "movie", "movieid", "film", "filmid", "title", "product", "productid", "book", "i"),
    "rating": ("rating", "ratings", "stars", "star", "score", "r"),
}


def read_ratings(path, titles=None, who="read_ratings"):
    """Ratings of a text file: user, item and stars in each line, the rest of the line is left alone.

    Parameters
    ----------
    path : str or Path
        With or without a header. The first line's names say which column is which; without them it is the first three.
    titles : str or Path, optional
        A second file, item and title in each line.
    who : str
        Who speaks in errors.

    Returns
    -------
    Ratings

    Raises
    ------
    UsageError
        No such file, an empty one, a line with too few columns, stars that are no number, two ratings of one user for
        one item, fewer than two users or items.
    """
    columns, rows = _open(path, ("user", "item", "rating"), who)
    users, items, stars, seen = [], [], [], {}
    for number, cells in rows:
        user, item, text = (cells[k] for k in columns)
        value = _number(text)
        if value is None:
            raise UsageError(f"{who}: {path}: expected a number of stars in line {number}, got {text!r}.")
        if (user, item) in seen:
            raise UsageError(
                f"{who}: {path}: expected one rating of a user for an item, got two of user {user!r} for {item!r}, in "
                f"lines {seen[user, item]} and {number}."
            )
        seen[user, item] = number
        users.append(user)
        items.append(item)
        stars.append(value)
    for what, ids in (("users", users), ("items", items)):
        if len(set(ids)) < 2:
            raise UsageError(f"{who}: {path}: expected ratings with at least two {what}, got {len(set(ids))}.")
    if min(stars) == max(stars):
        raise UsageError(f"{who}: {path}: expected different numbers of stars, got {stars[0]:g} throughout.")
    names = read_titles(titles, who) if titles is not None else None
    return ratings_from(Path(path).name, users, items, stars, names)


def read_titles(path, who="read_titles"):
    """{item: title} of a text file, both in each line."""
    columns, rows = _open(path, ("item", "title"), who)
    return {cells[columns[0]]: cells[columns[1]] for _, cells in rows}


def read_new_user(path, who="read_new_user"):
    """The few ratings of one person: a list of (item or title, stars, number of the line)."""
    columns, rows = _open(path, ("item", "rating"), who)
    ratings = []
    for number, cells in rows:
        value = _number(cells[columns[1]])
        if value is None:
            raise UsageError(
                f"{who}: {path}: expected a number of stars in line {number}, got {cells[columns[1]]!r}; put a title "
                "that holds the separator in quotes."
            )
        ratings.append((cells[columns[0]], value, number))
    return ratings


def _open(path, wanted, who):
    """The places of the wanted columns, and (line, cells) of every line that is not empty."""
    try:
        lines = Path(path).read_text(encoding="utf-8-sig").splitlines()
    except (FileNotFoundError, IsADirectoryError):
        raise UsageError(f"{who}: expected a text file of ratings, got {path}, which is none.") from None
    except (OSError, UnicodeDecodeError) as why:
        raise UsageError(f"{who}: expected a text file in UTF-8, got {path} ({why}).") from None
    if not any(line.strip() for line in lines):
        raise UsageError(f"{who}: {path}: expected {', '.join(wanted)} in each line, got an empty file.")
    separator = sniff(lines[:50])
    reader = csv.reader(lines, delimiter=separator, skipinitialspace=True)
    rows = [(reader.line_num, [cell.strip() for cell in cells]) for cells in reader if any(map(str.strip, cells))]
    columns = _columns([cells for _, cells in rows[:2]], wanted)
    if columns is not None:
        rows = rows[1:]
        if not rows:
            raise UsageError(f"{who}: {path}: expected lines below the header, got none.")
    columns = columns or range(len(wanted))
    for number, cells in rows:
        if len(cells) <= max(columns) or not all(cells[k] for k in columns):
            raise UsageError(
                f"{who}: {path}: expected {', '.join(wanted)} in line {number}, got {separator.join(cells)[:60]!r}."
            )
    return columns, rows


def _columns(rows, wanted):
    """Places of the wanted columns where the first of one or two rows is a header, else None."""
    names = ["".join(letter for letter in cell.lower() if letter not in " ._-") for cell in rows[0]]
    known = NAMES | {"title": ("title", "name", "movietitle", "film", "movie")}
    places = [next((names.index(n) for n in known[what] if n in names), None) for what in wanted]
    if None not in places and len(set(places)) == len(places):
        return places
    if wanted[-1] != "rating" or len(rows) < 2 or not len(wanted) <= len(rows[0]) == len(rows[1]):
        return None
    first, second = (_number(cells[len(wanted) - 1]) for cells in rows)
    return list(range(len(wanted))) if first is None and second is not None else None  # names nobody knows


def _number(text):
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) else None
