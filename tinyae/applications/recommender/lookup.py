"""Users and items by what a person types: an id, a title, nearly a title."""

import difflib
import re

from tinyae.checks import UsageError

MOST_SHOWN = 5  # near spellings in an error
ARTICLES = ("the", "a", "an", "le", "la", "les", "il", "das", "der", "die")


def find_user(ratings, text):
    """Number of the user with that id; UsageError with near ids otherwise."""
    text = str(text).strip()
    if text in ratings.user_ids:
        return ratings.user_ids.index(text)
    near = difflib.get_close_matches(text, ratings.user_ids, n=MOST_SHOWN, cutoff=0.5)
    first, last = ratings.user_ids[0], ratings.user_ids[-1]
    hint = f"did you mean {', '.join(near)}?" if near else f"ids go from {first} to {last}."
    raise UsageError(f"recommend: expected one of {ratings.n_users:,} users, got {text!r}; {hint}")


def find_item(ratings, text, where=""):
    """Number of the item with that id or title; UsageError with near titles otherwise.

    Small letters and an article at either end do not matter, and the year may be left out: "the matrix" finds
    "Matrix, The (1999)". An id goes before a title.
    """
    text = str(text).strip()
    if text in ratings.item_ids:
        return ratings.item_ids.index(text)
    wanted, when = plain(text), year(text)
    found = [k for k, title in enumerate(ratings.titles) if plain(title) == wanted and when in ("", year(title))]
    exact = [k for k in found if ratings.titles[k].lower() == text.lower()]
    if len(found) == 1 or exact:
        return (exact or found)[0]
    if found:
        either = ", ".join(f"{ratings.titles[k]!r} (id {ratings.item_ids[k]})" for k in found[:MOST_SHOWN])
        raise UsageError(f"recommend: expected one item{where}, got {text!r}, which may be any of {either}.")
    near = near_titles(ratings, text)
    hint = f"did you mean {' or '.join(map(repr, near))}?" if near else "no title is like it."
    raise UsageError(f"recommend: expected the id or title of an item{where}, got {text!r}; {hint}")


def plain(title):
    """'Matrix, The (1999)' as 'matrix': without year, article, punctuation, capitals."""
    title = re.sub(r"\(\d{4}\)\s*$", "", title.lower()).strip()
    words = re.findall(r"\w+", title)
    for end in (0, -1):
        if len(words) > 1 and words[end] in ARTICLES:
            words.pop(end)
    return " ".join(words)


def year(title):
    """'1999' of 'Matrix, The (1999)', or an empty text."""
    found = re.search(r"\((\d{4})\)\s*$", title)
    return found.group(1) if found else ""


def near_titles(ratings, text):
    """At most MOST_SHOWN titles that are spelled like the text or hold all its words, nearest first."""
    wanted, by_plain = plain(text), {}
    for title in ratings.titles:
        by_plain.setdefault(plain(title), title)
    near = difflib.get_close_matches(wanted, by_plain, n=MOST_SHOWN, cutoff=0.6)
    words = set(wanted.split())
    near += [p for p in by_plain if words and words <= set(p.split()) and p not in near]
    return [by_plain[p] for p in near[:MOST_SHOWN]]
