"""`tinyae recommend train|for-user`: predicted stars and lists of films, and how good they are."""

import json
import sys
import textwrap
from pathlib import Path

from tinyae.commands.options import add_common, add_data_dir, add_resume, names, print_results

FILES = ("table.md", "metrics.json", "model.npz")


def add(commands):
    """The options of `tinyae recommend` and its two parts."""
    recommend = commands.add_parser(
        "recommend",
        help="predict stars and recommend films, or anything people rate",
        description="Autoencoders of ratings: train and score them beside averages, biases and EASE; recommend to a "
        "known user or to a new one.",
        epilog="example: tinyae recommend train --dataset ratings --seeds 1 --nets 1 --out results/ratings",
    )
    parts = recommend.add_subparsers(dest="part", metavar="PART", required=True, parser_class=type(recommend))
    _add_train(parts)
    _add_for_user(parts)


def _add_train(parts):
    train = parts.add_parser(
        "train",
        help="score every method on held-out ratings, and write a recommender trained on all",
        description="Score AutoRecs, a stacked autoencoder and a net of likes beside averages, biases, EASE and "
        "popularity on held-out ratings, then train a recommender on all ratings for tinyae recommend for-user. "
        "A split of movielens-100k takes half a minute, one of movielens-1m ten minutes: begin there with --seeds 1 "
        "--nets 1.",
        epilog="example: tinyae recommend train --dataset ratings --seeds 1 --nets 1 --out results/ratings",
    )
    train.add_argument(
        "--dataset", default="auto",
        help="movielens-100k, movielens-1m, ratings (built in), auto (movielens-100k where it is on this machine, else "
        "ratings), or FILE.csv with user, item and rating in each line (default: %(default)s)",
    )  # fmt: skip
    train.add_argument("--titles", metavar="FILE.csv", help="titles for a FILE.csv: item and title in each line")
    add_data_dir(train)
    train.add_argument(
        "--accept-licence", action="store_true", help="agree to MovieLens' terms, which a download needs and shows"
    )
    train.add_argument(
        "--splits", type=names, metavar="A,B",
        help="u1 (published, of movielens-100k) and random, 90 %% to learn from (default: all there are)",
    )  # fmt: skip
    train.add_argument(
        "--seeds", type=int, default=5, metavar="K", help="how many random splits (default: %(default)s)"
    )
    train.add_argument("--nets", type=int, default=3, help="AutoRecs of each kind to average (default: %(default)s)")
    train.add_argument("--epochs", type=int, help="of every net (default: AutoRec 30, stacked and likes 60)")
    train.add_argument("--limit", type=int, metavar="N", help="only N ratings, drawn by the seed, for quick runs")
    add_resume(train)
    add_common(train, "recommend")
    train.set_defaults(run=run_train)


def _add_for_user(parts):
    user = parts.add_parser(
        "for-user",
        help="films for one person, with predicted stars",
        description="What a user has not rated and should see, with the stars he or she is predicted to give. A new "
        "user hands in a few ratings instead: title or id and stars in each line.",
        epilog="example: tinyae recommend train --dataset ratings --seeds 1 --nets 1 --out results/ratings "
        "&& tinyae recommend for-user results/ratings 7",
    )
    user.add_argument("model", metavar="MODEL", help="folder or model.npz that tinyae recommend train has written")
    user.add_argument("user", metavar="USER", nargs="?", help="id of a user of the training data")
    user.add_argument("-n", type=int, default=10, help="length of the list (default: %(default)s)")
    user.add_argument("--ratings", metavar="FILE.csv", help="a new user's ratings, instead of USER")
    user.add_argument(
        "--by", default="likes",
        help="likes: ranked by what people of such likes like; stars: by predicted stars, which leads to films that "
        "few have rated (default: %(default)s)",
    )  # fmt: skip
    user.add_argument("--json", action="store_true", help="print the list as JSON")
    user.set_defaults(run=run_for_user)


# -- train ----------------------------------------------------------------------------------------------------


def run_train(arguments):
    """`tinyae recommend train`."""
    from tinyae.applications import recommender as app
    from tinyae.checks import check_int
    from tinyae.commands.kept_splits import KeptSplits
    from tinyae.commands.recommend_report import LIST, as_markdown, as_text, describe
    from tinyae.files import writable_folder
    from tinyae.reporting import announce, write_json, write_text

    settings = app.Settings(arguments.nets, arguments.epochs, arguments.seed, arguments.threads)
    check_int("recommend", "seeds", arguments.seeds, 1)
    if arguments.limit is not None:
        check_int("recommend", "limit", arguments.limit, 1)
    folder = writable_folder(arguments.out, "recommend")  # before minutes of work, not after
    ratings = load(arguments)
    announce(f"{ratings!r}")
    kept = KeptSplits(folder / "checkpoint", arguments.resume, account(arguments, ratings))
    results = {}
    for split, seeds in splits(arguments, ratings).items():
        runs = []
        for seed in seeds:
            label = split if split != "random" else f"random-{seed}"

            def score(label=label, split=split, seed=seed):
                train, test = ratings.split(split, seed=seed)
                return app.compare(train, test, settings, LIST, lambda text: announce(f"{label}: {text}"))

            runs.append(kept.rows(label, score))
        rows = app.mean_of_runs(runs)
        results[split] = {"seeds": list(seeds), "rows": rows, "runs": runs, "verdicts": app.verdicts(rows)}
    announce("a recommender of all ratings")
    recommender = app.Recommender(settings).fit(ratings, announce)
    metrics = describe(arguments, ratings, settings, results)
    app.save_recommender(recommender, folder / "model.npz")
    write_text(folder / "table.md", as_markdown(metrics))
    write_json(folder / "metrics.json", metrics)
    print_results(arguments, metrics, as_text, folder, FILES)
    return 0


def load(arguments):
    """The Ratings that --dataset names; MovieLens' terms are shown before it is downloaded."""
    from tinyae import datasets
    from tinyae.checks import UsageError, check_choice
    from tinyae.datasets import catalogue

    name, movielens = str(arguments.dataset), {"movielens-100k": "100k", "movielens-1m": "1m"}
    is_file = Path(name).suffix.lower() in (".csv", ".tsv", ".txt", ".data", ".dat")
    if not is_file:
        check_choice("recommend", "dataset", name, ("auto", *movielens, "ratings", "FILE.csv"))
    if arguments.titles is not None and not is_file:
        raise UsageError(f"recommend: expected a FILE.csv as dataset beside titles, got {name}, which has its own.")
    if is_file:
        ratings = datasets.read_ratings(name, arguments.titles, who="recommend")
    else:
        if name == "auto":
            here = catalogue.locate(catalogue.find("movielens-100k").source, arguments.data_dir)
            name = "movielens-100k" if here else "ratings"
            if not here:
                print("tinyae: movielens-100k is not on this machine: using ratings made by code", file=sys.stderr)
        if name in movielens:
            source = catalogue.find(name).source
            if not catalogue.locate(source, arguments.data_dir):
                print(textwrap.fill(source.terms, 100), file=sys.stderr)
            agreed = arguments.accept_licence
            ratings = datasets.load_movielens(movielens[name], arguments.data_dir, accept_licence=agreed)
        else:
            ratings = datasets.load_ratings()
    return ratings if arguments.limit is None else ratings.some(arguments.limit, arguments.seed)


def splits(arguments, ratings):
    """{split: seeds} of the splits asked for, or of all there are."""
    from tinyae.checks import check_choice

    wanted = arguments.splits or (*ratings.tests, "random")
    for name in wanted:
        check_choice("recommend", "split", name, (*ratings.tests, "random"))
    return {
        name: range(arguments.seed, arguments.seed + (arguments.seeds if name == "random" else 1)) for name in wanted
    }


def account(arguments, ratings):
    """What the scores of a split depend on, as plain JSON."""
    import zlib

    content = 0
    for array in (ratings.users, ratings.items, ratings.stars):
        content = zlib.crc32(array.tobytes(), content)
    own = {name: getattr(arguments, name) for name in ("nets", "epochs", "seed", "limit")}
    return own | {"dataset": ratings.name, "ratings": len(ratings), "content": content}


# -- for-user -------------------------------------------------------------------------------------------------


def run_for_user(arguments):
    """`tinyae recommend for-user`."""
    from tinyae.applications import recommender as app
    from tinyae.checks import UsageError, check_choice, check_int

    if (arguments.user is None) == (arguments.ratings is None):
        got = "neither" if arguments.user is None else "both"
        raise UsageError(f"recommend for-user: expected a USER or --ratings FILE.csv, got {got}.")
    check_int("recommend for-user", "n", arguments.n, 1)
    check_choice("recommend for-user", "by", arguments.by, ("likes", "stars"))
    path = Path(arguments.model)
    recommender = app.load_recommender(path / "model.npz" if path.is_dir() else path)
    ratings = recommender.ratings
    if arguments.user is not None:
        user = app.find_user(ratings, arguments.user)
        items, stars = recommender.for_user(user, arguments.n, arguments.by)
        mine = ratings.stars[ratings.users == user]
        who = f"user {arguments.user} of {ratings.name}"
    else:
        known, mine = new_user(ratings, arguments.ratings)
        items, stars = recommender.for_new_user(known, mine, arguments.n, arguments.by)
        who = f"the ratings in {arguments.ratings}"
    if arguments.json:
        films = [
            {"id": ratings.item_ids[i], "title": ratings.titles[i], "stars": round(float(s), 3)}
            for i, s in zip(items, stars, strict=True)
        ]
        print(json.dumps(films, indent=2))
        return 0
    print(f"for {who} ({len(mine)} ratings, {sum(mine) / max(len(mine), 1):.1f} stars on average):")
    for k, (i, s) in enumerate(zip(items, stars, strict=True), 1):
        print(f"{k:>4}  {s:.1f} stars  {ratings.titles[i]}")
    return 0


def new_user(ratings, path):
    """Item numbers and stars of a new user's file; UsageError names the line of what is not known."""
    from tinyae.applications import recommender as app
    from tinyae.checks import UsageError
    from tinyae.datasets import read_new_user

    low, high = ratings.scale
    items, stars = {}, []
    for text, value, number in read_new_user(path, who="recommend for-user"):
        if not low <= value <= high:
            raise UsageError(
                f"recommend for-user: {path}: expected {low:g} to {high:g} stars in line {number}, got {value:g}."
            )
        item = app.find_item(ratings, text, f" in line {number} of {path}")
        if item in items:
            raise UsageError(
                f"recommend for-user: {path}: expected each film once, got {ratings.titles[item]!r} in lines "
                f"{items[item]} and {number}."
            )
        items[item] = number
        stars.append(value)
    return list(items), stars
