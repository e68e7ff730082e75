"""tinyae recommend: tables, files, lists for known and new users, resuming, and every kind of bad input."""

import json
import re

import numpy as np
import pytest

from tinyae import cli
from tinyae.applications import recommender as app
from tinyae.commands import kept_splits, recommend_report
from tinyae.datasets import load_ratings, store

QUICK = ["--limit", "1500", "--nets", "1", "--epochs", "2", "--threads", "1"]


@pytest.fixture(autouse=True)
def empty_cache(tmp_path_factory, monkeypatch, request):
    """A user without data of others; realdata tests keep the folder they are told."""
    if not request.node.get_closest_marker("realdata"):
        monkeypatch.delenv(store.ENV, raising=False)
    monkeypatch.setattr(store, "cache_dir", lambda: tmp_path_factory.getbasetemp() / "no cache")


def train(*options, out):
    return cli.main(["recommend", "train", "--dataset", "ratings", *QUICK, "--out", str(out), *options])


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Of a quick run on two random splits."""
    out = tmp_path_factory.mktemp("recommend")
    assert train("--seeds", "2", "--json", out=out) == 0
    return out


# -- train ----------------------------------------------------------------------------------------------------


def test_files_and_metrics(folder):
    metrics = json.loads((folder / "metrics.json").read_text())
    assert (metrics["dataset"], metrics["n_ratings"]) == ("ratings", 1500)
    assert metrics["settings"] == {"nets": 1, "epochs": 2, "seed": 0, "threads": 1, "limit": 1500}
    result = metrics["splits"]["random"]
    assert result["seeds"] == [0, 1] and len(result["runs"]) == 2
    first, second = (run[3] for run in result["runs"])
    assert result["rows"][3]["method"] == first["method"] == "user and item bias"
    assert result["rows"][3]["rmse"] == pytest.approx((first["rmse"] + second["rmse"]) / 2)
    assert metrics["versions"]["tinyae"] and metrics["peak_rss_mb"] > 0 and "upper quarter" in metrics["protocol"]


def test_scores_are_those_of_the_function(folder):
    ratings = load_ratings().some(1500, 0)
    rows = app.compare(*ratings.split(seed=1), app.Settings(nets=1, epochs=2, threads=1))
    kept = json.loads((folder / "metrics.json").read_text())["splits"]["random"]["runs"][1]
    for mine, theirs in zip(rows, kept, strict=True):
        assert mine | {"seconds": None} == theirs | {"seconds": None}


def test_table(folder):
    text = (folder / "table.md").read_text()
    assert "## random 90/10, mean of 2 splits" in text and text.endswith(recommend_report.PROTOCOL + "\n")
    header = "| method | RMSE | +- | per-user RMSE | MAE | recall@10 | NDCG@10 |"
    assert header in text and re.search(r"\| popularity \| – \| – \| – \| – \| 0\.\d{4} \|", text)
    assert "RMSE of AutoRecs together" in text


def test_model_is_of_all_ratings(folder):
    recommender = app.load_recommender(folder / "model.npz")
    assert len(recommender.ratings) == 1500 and recommender.settings.nets == 1


def test_printed_table_of_one_split(tmp_path, capsys):
    assert train("--seeds", "1", out=tmp_path) == 0
    out, err = capsys.readouterr()
    assert out.startswith("ratings, random 90/10:\nmethod ") and "+-" not in out
    assert "NDCG of net of likes" in out and "results in" in out and "model.npz" in out
    assert "Ratings('ratings': 1,500 ratings" in err and "random-0: item-based net 1 of 1" in err


def test_own_file_with_titles(tmp_path, capsys):
    ratings = load_ratings(n_users=30, n_items=20, per_user=12)
    lines = [f"u{u},{i + 1},{s:g}" for u, i, s in zip(ratings.users, ratings.items, ratings.stars, strict=True)]
    (tmp_path / "r.csv").write_text("\n".join(["user,item,rating", *lines]))
    (tmp_path / "t.csv").write_text("\n".join(f'{k + 1},"{t}"' for k, t in enumerate(ratings.titles)))
    options = ["--dataset", str(tmp_path / "r.csv"), "--titles", str(tmp_path / "t.csv"), "--seeds", "1"]
    assert train(*options, out=tmp_path / "out") == 0
    assert cli.main(["recommend", "for-user", str(tmp_path / "out"), "u3", "-n", "2"]) == 0
    out = capsys.readouterr().out
    assert "for user u3 of r.csv" in out and re.search(r"1  \d\.\d stars  The \w+ \w+ \(\d{4}\)", out)


def test_auto_is_built_in_where_movielens_is_not(tmp_path, capsys):
    assert train("--dataset", "auto", "--seeds", "1", out=tmp_path) == 0
    assert "movielens-100k is not on this machine: using ratings made by code" in capsys.readouterr().err


def test_terms_are_shown_and_nothing_is_fetched(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(store, "download", lambda *_: pytest.fail("asked the network"))
    assert train("--dataset", "movielens-1m", out=tmp_path / "out") == 2
    err = capsys.readouterr().err
    assert "do not pass the data on to others" in " ".join(err.split()) and "expected consent to the terms" in err


def test_help_has_examples_that_work(capsys):
    for part in ((), ("train",), ("for-user",)):
        with pytest.raises(SystemExit):
            cli.main(["recommend", *part, "--help"])
        assert "example: tinyae recommend train --dataset ratings --seeds 1 --nets 1" in " ".join(
            capsys.readouterr().out.split()
        )


@pytest.mark.realdata
def test_movielens_u1_from_the_command_line(tmp_path, capsys):
    options = ["--dataset", "movielens-100k", "--splits", "u1", "--limit", "20000", "--nets", "1", "--epochs", "2"]
    assert cli.main(["recommend", "train", *options, "--out", str(tmp_path)]) == 0
    assert capsys.readouterr().out.startswith("movielens-100k, u1:\n")


# -- resuming -------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_interrupted_and_resumed(folder, tmp_path, monkeypatch, capsys):
    """Ctrl-C in the second split; --resume does not score the first again, and ends with the same table."""
    compare, scored = app.compare, []

    def interrupted(*arguments):
        if scored:
            raise KeyboardInterrupt
        scored.append(1)
        return compare(*arguments)

    monkeypatch.setattr(app, "compare", interrupted)
    assert train("--seeds", "2", out=tmp_path) == 130
    assert sorted(path.name for path in tmp_path.iterdir()) == ["checkpoint"]
    assert [path.name for path in (tmp_path / "checkpoint").iterdir()] == ["split-random-0.json"]

    monkeypatch.setattr(app, "compare", lambda *arguments: scored.append(2) or compare(*arguments))
    assert train("--seeds", "2", "--resume", out=tmp_path) == 0
    assert scored == [1, 2]
    assert (tmp_path / "table.md").read_text() == (folder / "table.md").read_text()
    assert train("--seeds", "2", out=tmp_path) == 0  # without --resume: all anew
    assert scored == [1, 2, 2, 2]


def test_another_runs_splits_are_refused(folder, tmp_path, capsys):
    kept = folder / "checkpoint" / "split-random-0.json"
    (tmp_path / "checkpoint").mkdir()
    (tmp_path / "checkpoint" / kept.name).write_text(kept.read_text())
    assert train("--epochs", "3", "--resume", out=tmp_path) == 2
    assert "to be of this run, got another epochs: 2, here 3; leave out --resume" in capsys.readouterr().err
    (tmp_path / "checkpoint" / kept.name).write_text("{")
    assert train("--resume", out=tmp_path) == 2
    assert "expected the scores of a split in" in capsys.readouterr().err


def test_nothing_to_resume(tmp_path, capsys):
    assert kept_splits.KeptSplits(tmp_path, True, {}).done == {}
    assert "nothing to resume in" in capsys.readouterr().err


# -- for-user -------------------------------------------------------------------------------------------------


def for_user(folder, *options):
    return cli.main(["recommend", "for-user", str(folder), *options])


def test_known_user(folder, capsys):
    recommender = app.load_recommender(folder / "model.npz")
    ratings = recommender.ratings
    name = ratings.user_ids[5]
    assert for_user(folder / "model.npz", name, "-n", "3") == 0
    lines = capsys.readouterr().out.splitlines()
    items, stars = recommender.for_user(5, n=3)
    mine = ratings.stars[ratings.users == 5]
    assert lines[0] == f"for user {name} of ratings ({len(mine)} ratings, {mine.mean():.1f} stars on average):"
    assert lines[1:] == [
        f"   {k + 1}  {s:.1f} stars  {ratings.titles[i]}" for k, (i, s) in enumerate(zip(items, stars, strict=True))
    ]
    assert for_user(folder, name, "--by", "stars", "--json") == 0
    films = json.loads(capsys.readouterr().out)
    assert [film["id"] for film in films] == [ratings.item_ids[i] for i in recommender.for_user(5, by="stars")[0]]
    assert set(films[0]) == {"id", "title", "stars"} and len(films) == 10


def test_new_user(folder, tmp_path, capsys):
    recommender = app.load_recommender(folder / "model.npz")
    ratings = recommender.ratings
    path = tmp_path / "me.csv"
    path.write_text(f'title,stars\n"{ratings.titles[4].lower()}",5\n{ratings.item_ids[9]},1.5\n')
    assert for_user(folder, "--ratings", str(path), "--json") == 0
    films = json.loads(capsys.readouterr().out)
    items, stars = recommender.for_new_user([4, 9], [5, 1.5])
    assert [film["title"] for film in films] == [ratings.titles[i] for i in items]
    np.testing.assert_allclose([film["stars"] for film in films], stars, atol=5e-4)
    assert for_user(folder, "--ratings", str(path)) == 0
    assert f"for the ratings in {path} (2 ratings, 3.2 stars on average):" in capsys.readouterr().out


# -- bad input ------------------------------------------------------------------------------------------------


def said(capsys):
    """The one line on stderr, without what is told before."""
    out, err = capsys.readouterr()
    *_, last = err.splitlines()
    assert last.startswith("tinyae: error: ") and not out
    return last.removeprefix("tinyae: error: ")


@pytest.mark.parametrize(
    "options, text",
    [
        (["99999"], "recommend: expected one of 425 users, got '99999'"),
        (["3", "--ratings", "x.csv"], "recommend for-user: expected a USER or --ratings FILE.csv, got both."),
        ([], "recommend for-user: expected a USER or --ratings FILE.csv, got neither."),
        (["3", "-n", "0"], "expected n to be a whole number >= 1, got 0."),
        (["3", "--by", "star"], "expected by to be one of likes, stars, got 'star' (did you mean 'stars'?)."),
        (["--ratings", "nowhere.csv"], "expected a text file of ratings, got nowhere.csv, which is none."),
    ],
)
def test_bad_options_of_for_user(folder, options, text, capsys):
    n_users = app.load_recommender(folder / "model.npz").ratings.n_users
    assert for_user(folder, *options) == 2
    assert text.replace("425", str(n_users)) in said(capsys)


@pytest.mark.parametrize(
    "content, text",
    [
        ("", "expected item, rating in each line, got an empty file."),
        ("{0},6\n{1},2\n", "expected 1 to 5 stars in line 1, got 6."),
        ("{0},4\n{0},2\n", "in lines 1 and 2."),
        ("title,stars\n{0},4\nQqqqq Xxxx,2\n", "the id or title of an item in line 3 of"),
        ("{0},4\n{1},good\n", "expected a number of stars in line 2, got 'good'"),
    ],
)
def test_bad_ratings_of_a_new_user(folder, content, text, tmp_path, capsys):
    titles = app.load_recommender(folder / "model.npz").ratings.titles
    path = tmp_path / "me.csv"
    path.write_text(content.format(*titles))
    assert for_user(folder, "--ratings", str(path)) == 2
    assert text in said(capsys)


def test_a_film_nearly_spelled(folder, tmp_path, capsys):
    title = app.load_recommender(folder / "model.npz").ratings.titles[0]
    (tmp_path / "me.csv").write_text(f"{title[:-9]}x,4\n3,1\n")
    assert for_user(folder, "--ratings", str(tmp_path / "me.csv")) == 2
    assert repr(title) in said(capsys)


def test_model_that_is_none(tmp_path, capsys):
    assert for_user(tmp_path, "3") == 2
    assert "expected a recommender file, got" in said(capsys)


@pytest.mark.parametrize(
    "options, text",
    [
        (["--dataset", "movielens"], "expected dataset to be one of auto, movielens-100k"),
        (["--dataset", "nothing.csv"], "expected a text file of ratings, got nothing.csv"),
        (["--titles", "t.csv"], "expected a FILE.csv as dataset beside titles, got ratings"),
        (["--splits", "u1"], "recommend: expected split to be one of random, got 'u1'."),
        (["--seeds", "0"], "expected seeds to be a whole number >= 1, got 0."),
        (["--nets", "0"], "expected nets to be a whole number >= 1, got 0."),
        (["--epochs", "0"], "expected epochs to be a whole number >= 1, got 0."),
        (["--limit", "0"], "expected limit to be a whole number >= 1, got 0."),
        (["--limit", "3"], "expected ratings in both parts of the split random, got 3 in all"),
    ],
)
def test_bad_options_of_train(options, text, tmp_path, capsys):
    (tmp_path / "table.md").write_text("from before")
    assert train(*options, out=tmp_path) == 2
    assert text in said(capsys)
    assert (tmp_path / "table.md").read_text() == "from before"


def test_a_file_with_one_row(tmp_path, capsys):
    (tmp_path / "r.csv").write_text("user,item,rating\na,b,3\n")
    assert train("--dataset", str(tmp_path / "r.csv"), out=tmp_path / "out") == 2
    assert "expected ratings with at least two users, got 1" in said(capsys)
