"""Ratings and where they come from: MovieLens' files in every packing, users' own files, the set made by code."""

import gzip
import zipfile

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from test_checks import says

from tinyae.checks import UsageError
from tinyae.datasets import (
    DownloadError,
    Ratings,
    load_movielens,
    load_ratings,
    read_new_user,
    read_ratings,
    store,
)
from tinyae.datasets import ratings as ratings_module
from tinyae.datasets.movielens import MOVIELENS_1M, MOVIELENS_100K
from tinyae.datasets.ratings import ratings_from

# Made up, in the format of MovieLens; user 10 comes after user 9, and film 2 is rated by nobody.
DATA = ["9\t3\t5\t881250949", "10\t1\t1\t881250950", "9\t1\t4\t881250951", "11\t3\t2\t881250952"]
ITEMS = ["1|Caf\xe9 Blue (1990)|01-Jan-1990||http://x|0|1", "2|Nobody (1991)|||x|0", "3|Long Way, The (1992)|||x|1"]
TESTED = DATA[1:2]
RATINGS_1M = ["1::10::5::978300760", "1::2::3::978302109", "2::10::4::978301968"]
MOVIES_1M = ["2::Second Film (1994)::Drama", "10::Tenth: A Film (1995)::Comedy|Drama", "11::Unseen (1996)::War"]


@pytest.fixture(autouse=True)
def empty_cache(tmp_path, monkeypatch, request):
    """A user without data; realdata tests keep the folder they are told."""
    if not request.node.get_closest_marker("realdata"):
        monkeypatch.delenv(store.ENV, raising=False)
    monkeypatch.setattr(store, "cache_dir", lambda: tmp_path / "cache")


def text(lines):
    return ("\n".join(lines) + "\n").encode("latin-1")


FILES_100K = {"u.data": text(DATA), "u.item": text(ITEMS), "u1.test": text(TESTED)}
FILES_1M = {"ratings.dat": text(RATINGS_1M), "movies.dat": text(MOVIES_1M)}


def lay(folder, packing, files=FILES_100K, source=MOVIELENS_100K):
    """Put the files below `folder` as they may lie there."""
    home = folder / source.name
    home.mkdir(parents=True)
    (archive, members), *_ = source.members.items()
    if packing == "zip":
        with zipfile.ZipFile(home / archive, "w") as z:
            for member in members:
                z.writestr(member, files[member.rpartition("/")[2]])
    for name, content in files.items():
        if packing == "gz":
            (home / f"{name}.gz").write_bytes(gzip.compress(content))
        if packing == "plain":
            (home / name).write_bytes(content)
        if packing == "unpacked":
            (home / members[0].partition("/")[0]).mkdir(exist_ok=True)
            (home / members[0].partition("/")[0] / name).write_bytes(content)
    return folder


# -- MovieLens ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("packing", ["zip", "gz", "plain", "unpacked"])
def test_100k_in_every_packing(packing, tmp_path):
    ratings = load_movielens("100k", lay(tmp_path, packing))
    assert ratings.user_ids == ("9", "10", "11") and ratings.item_ids == ("1", "3")
    assert ratings.titles == ("Caf\xe9 Blue (1990)", "Long Way, The (1992)")
    nan = np.nan
    assert_array_equal(ratings.table(), [[4, 5], [1, nan], [nan, 2]])
    assert ratings.scale == (1, 5) and ratings.stars.dtype == np.float32
    train, test = ratings.split("u1")
    assert_array_equal(ratings.tests["u1"], [False, True, False, False])
    assert_array_equal(train.tests["u1"], [False] * 3)
    assert (len(train), len(test)) == (3, 1) and test.users.tolist() == [1] and test.stars.tolist() == [1]


def test_1m(tmp_path):
    ratings = load_movielens("1m", lay(tmp_path, "zip", FILES_1M, MOVIELENS_1M))
    assert ratings.name == "movielens-1m" and ratings.titles == ("Second Film (1994)", "Tenth: A Film (1995)")
    assert_array_equal(ratings.table(), [[3, 5], [np.nan, 4]])
    with pytest.raises(UsageError, match=r"expected split to be one of random, got 'u1'"):
        ratings.split("u1")


def test_a_download_needs_consent():
    with pytest.raises(UsageError, match="expected consent to the terms of MovieLens-100k before a download"):
        load_movielens()
    with pytest.raises(DownloadError, match="switched off"):
        load_movielens("1m", download=False)
    for source in (MOVIELENS_100K, MOVIELENS_1M):
        for word in ("endorsement", "acknowledge", "permission", "commercial"):
            assert word in source.terms
        assert next(iter(source.files.values())).startswith("md5:")


def test_with_consent_the_network_is_asked(monkeypatch):
    asked = []

    def refuse(urls, path, checksum):
        asked.append((list(urls), checksum))
        raise DownloadError("no network here")

    monkeypatch.setattr(store, "download", refuse)
    with pytest.raises(DownloadError, match="no network here"):
        load_movielens("1m", accept_licence=True)
    assert asked == [
        (["https://files.grouplens.org/datasets/movielens/ml-1m.zip"], "md5:c4d9eecfca2ab87c1945afe126590906")
    ]


@pytest.mark.parametrize(
    "name, lines, said",
    [
        ("u.data", [*DATA, "9\t2\t6\t1"], r"expected user, film and 1 to 5 stars as whole numbers in line 5, got"),
        ("u.data", ["user\titem\trating"], "in line 1"),
        ("u.data", [*DATA, "12"], "in line 5"),
        ("u.data", [*DATA, DATA[0]], "expected one rating of a user for a film, got several"),
        ("u.data", [], "expected user, film and 1 to 5 stars"),
        ("u.item", ["x|y"], "expected film and title in line 1, got 'x|y'".replace("|", r"\|")),
        ("u.item", ITEMS[:2], "expected a title of film 3, got none"),
        ("u1.test", ["9\t2\t5\t1"], r"expected the test ratings of .*u1\.test to be among those of .*u\.data, got 1"),
    ],
)
def test_damaged_files(name, lines, said, tmp_path):
    folder = lay(tmp_path, "plain", FILES_100K | {name: text(lines)})
    with pytest.raises(UsageError, match=said):
        load_movielens("100k", folder)


def test_unknown_kind_and_missing_file(tmp_path):
    with says("load_movielens: expected which to be one of 100k, 1m, got '10m' (did you mean '1m'?)."):
        load_movielens("10m")
    with pytest.raises(UsageError, match=r"ml-100k\.zip, got a folder without it"):
        load_movielens("100k", tmp_path)


@pytest.mark.realdata
def test_the_real_100k():
    ratings = load_movielens("100k")
    assert (len(ratings), ratings.n_users, ratings.n_items) == (100_000, 943, 1682)
    assert ratings.titles[0] == "Toy Story (1995)"
    train, test = ratings.split("u1")
    assert (len(train), len(test), len(np.unique(test.users))) == (80_000, 20_000, 459)


# -- the list of ratings --------------------------------------------------------------------------------------


def few():
    return ratings_from("few", list("aabbc"), list("xyxzy"), [1, 2, 3, 4, 5], {"x": "Film X"})


def test_ids_titles_and_scale():
    ratings = few()
    assert ratings.user_ids == ("a", "b", "c") and ratings.titles == ("Film X", "y", "z")
    assert ratings.scale == (1.0, 5.0) and len(ratings) == 5
    assert repr(ratings) == "Ratings('few': 5 ratings from 1 to 5 of 3 users for 3 items)"
    assert_array_equal(ratings.rated(), ~np.isnan(ratings.table()))
    assert_array_equal(ratings.table([9, 8, 7, 6, 5])[0], [9, 8, np.nan])


def test_whole_numbers_are_in_the_order_of_numbers():
    assert ratings_from("n", ["10", "9"], ["2", "10"], [1, 2]).user_ids == ("9", "10")
    assert ratings_from("n", ["10", "x9"], ["2", "10"], [1, 2]).user_ids == ("10", "x9")


def test_random_split_is_a_split():
    ratings = load_ratings(n_users=40, n_items=30, per_user=15)
    train, test = ratings.split("random", seed=3)
    assert len(test) == round(0.1 * len(ratings)) and len(train) + len(test) == len(ratings)
    assert not (train.rated() & test.rated()).any()
    assert_array_equal(train.rated() | test.rated(), ratings.rated())
    again, other = ratings.split(seed=3)[1], ratings.split(seed=4)[1]
    assert_array_equal(test.items, again.items)
    assert len(other) == len(test) and not np.array_equal(test.items, other.items)


def test_some_of_them():
    ratings = load_ratings(n_users=40, n_items=30, per_user=15)
    part = ratings.some(50, seed=1)
    assert len(part) == 50 and part.n_users < 40
    for u, i, s in zip(part.users, part.items, part.stars, strict=True):
        user, item = ratings.user_ids.index(part.user_ids[u]), ratings.item_ids.index(part.item_ids[i])
        assert ratings.table()[user, item] == s
        assert part.titles[i] == ratings.titles[item]
    assert ratings.some(10**6) is ratings


def test_splits_that_leave_nothing_are_refused():
    with pytest.raises(UsageError, match="few: expected ratings in both parts of the split random, got 5 in all"):
        few().split(share=0.01)


def test_too_large_a_table_is_refused(monkeypatch):
    monkeypatch.setattr(ratings_module, "MOST_CELLS", 8)
    with pytest.raises(UsageError, match="expected at most 8 cells, got 3 users times 3 items"):
        few()


def test_made_ratings():
    ratings = load_ratings()
    assert isinstance(ratings, Ratings) and ratings.name == "ratings"
    assert (ratings.n_users, ratings.n_items) == (500, 300) and len(set(ratings.titles)) == 300
    assert set(np.unique(ratings.stars)) == {1, 2, 3, 4, 5}
    assert np.bincount(ratings.users, minlength=500).min() >= 1 and np.bincount(ratings.items).min() >= 1
    assert_array_equal(load_ratings().stars, ratings.stars)
    assert len(load_ratings(seed=1)) != len(ratings)
    assert len(set(load_ratings(n_users=50, n_items=900).titles)) == 900  # more than there are names


# -- users' own files -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "lines",
    [
        ["user,item,rating", "ann,Film A,4.5", 'bob,"Long, The",2'],
        ["ann,Film A,4.5", 'bob,"Long, The",2'],
        ["stars;userId;extra;movieId", "4.5;ann;x;Film A", "2;bob;x;Long, The"],
        ["User ID\tMovie ID\tScore\ttime", "ann\tFilm A\t4.5\t1", "bob\tLong, The\t2\t2"],
        ["wer,was,wieviel", "ann,Film A,4.5", 'bob,"Long, The",2'],
    ],
)
def test_columns_and_separators(lines, tmp_path):
    path = tmp_path / "mine.csv"
    path.write_text("\n".join(lines))
    ratings = read_ratings(path)
    assert ratings.name == "mine.csv" and ratings.scale == (2.0, 4.5)
    assert ratings.user_ids == ("ann", "bob") and ratings.titles == ("Film A", "Long, The")
    assert_array_equal(ratings.table(), [[4.5, np.nan], [np.nan, 2]])


def test_titles_of_their_own(tmp_path):
    (tmp_path / "r.csv").write_text("userId,movieId,rating,timestamp\n1,10,4,0\n2,9,3,0\n")
    (tmp_path / "t.csv").write_text('movieId,title,genres\n9,"Nine, The",x\n10,Ten,y\n')
    assert read_ratings(tmp_path / "r.csv", tmp_path / "t.csv").titles == ("Nine, The", "Ten")


@pytest.mark.parametrize(
    "content, said",
    [
        ("", "expected user, item, rating in each line, got an empty file"),
        ("\n\n", "got an empty file"),
        ("user,item,rating\n", "expected lines below the header, got none"),
        ("a,x,1\nb,y\n", "expected user, item, rating in line 2, got 'b,y'"),
        ("a,x,1\nb,,3\n", "expected user, item, rating in line 2, got 'b,,3'"),
        ("a,x,1\nb,y,good\n", "expected a number of stars in line 2, got 'good'"),
        ("a,x,1\nb,y,inf\n", "expected a number of stars in line 2, got 'inf'"),
        ("a,x,1\nb,y,2\na,x,3\n", "got two of user 'a' for 'x', in lines 1 and 3"),
        ("a,x,1\na,y,2\n", "expected ratings with at least two users, got 1"),
        ("a,x,1\nb,x,2\n", "expected ratings with at least two items, got 1"),
        ("a,x,1\nb,y,1\n", "expected different numbers of stars, got 1 throughout"),
    ],
)
def test_bad_files(content, said, tmp_path):
    path = tmp_path / "mine.csv"
    path.write_text(content)
    with pytest.raises(UsageError, match=f"^read_ratings: .*{said}"):
        read_ratings(path)


def test_files_that_are_none(tmp_path):
    with pytest.raises(UsageError, match="which is none"):
        read_ratings(tmp_path / "nothing.csv")
    (tmp_path / "bytes.csv").write_bytes(b"\xff\xfe\x00\x81")
    with pytest.raises(UsageError, match="expected a text file in UTF-8"):
        read_ratings(tmp_path / "bytes.csv")


def test_new_users_file(tmp_path):
    path = tmp_path / "me.csv"
    path.write_text('title,stars\n"Long, The",4\nFilm A,2.5\n')
    assert read_new_user(path) == [("Long, The", 4.0, 2), ("Film A", 2.5, 3)]
    path.write_text("Long, The,4\nFilm A,2.5\n")
    with pytest.raises(UsageError, match="line 1, got 'The,4'; put a title that holds the separator in quotes"):
        read_new_user(path)
