"""Recommender: scores on paper, averages and EASE beside closed forms, nets that beat them, lists, files."""

import dataclasses
import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from test_checks import says

from tinyae.applications import recommender as app
from tinyae.applications.recommender import comparison, model_file
from tinyae.applications.recommender.likes import LikesNet, threshold, to_length_1
from tinyae.applications.recommender.lookup import near_titles, plain
from tinyae.checks import UsageError
from tinyae.datasets import load_movielens, load_ratings
from tinyae.datasets.ratings import ratings_from

SEEDS = st.integers(0, 2**32 - 1)


def made(seed=0):
    """40 users, 25 items, some 500 ratings."""
    return load_ratings(n_users=40, n_items=25, per_user=12, seed=seed)


# -- scores ---------------------------------------------------------------------------------------------------


def test_errors_on_paper():
    users, stars, predicted = [7, 7, 9], [3, 5, 1], [4, 5, 4]
    assert app.rmse(stars, predicted) == pytest.approx(np.sqrt((1 + 0 + 9) / 3))
    assert app.mae(stars, predicted) == pytest.approx((1 + 0 + 3) / 3)
    assert app.user_rmse(users, stars, predicted) == pytest.approx((np.sqrt(1 / 2) + 3) / 2)


@pytest.mark.parametrize("score", [app.rmse, app.mae])
def test_errors_refuse_what_does_not_fit(score):
    with pytest.raises(UsageError, match=r"expected predicted of shape \(2,\), got \(1,\)"):
        score([1, 2], [1])
    with says(f"{score.__name__}: expected at least one test rating, got none."):
        score([], [])


def test_lists_on_paper():
    scores = np.array([[9.0, 8, 7, 6], [1, 1, 1, 5], [4, 3, 2, 1]])
    rated = np.array([[1, 0, 0, 0], [0, 0, 0, 0], [0, 0, 0, 0]], bool)
    relevant = np.array([[0, 0, 1, 1], [1, 1, 0, 0], [0, 0, 0, 0]], bool)
    # user 0: lists 1, 2; hit in place 2.   user 1: lists 3, 0 (ties by number); hit in place 2.   user 2 does not count
    assert app.top_items(scores, rated, 2).tolist() == [[1, 2], [3, 0], [0, 1]]
    recall, ndcg = app.recall_and_ndcg(scores, rated, relevant, 2)
    assert recall == pytest.approx((1 / 2 + 1 / 2) / 2)
    assert ndcg == pytest.approx((1 / np.log2(3)) / (1 + 1 / np.log2(3)))
    recall, ndcg = app.recall_and_ndcg(scores, rated, relevant, 1)
    assert (recall, ndcg) == (0, 0)
    one = np.array([[0, 0, 1, 0], [0, 0, 0, 1], [0, 0, 0, 0]], bool)
    recall, ndcg = app.recall_and_ndcg(scores, rated, one, 3)  # one thing to find: 1 is the best there can be
    assert recall == 1 and ndcg == pytest.approx((1 / np.log2(3) + 1) / 2)


def test_of_equal_scores_the_lower_number_comes_first():
    scores = np.tile([1.0, 2.0], 50)[None]
    assert app.top_items(scores, np.zeros((1, 100), bool), 60).tolist() == [[*range(1, 100, 2), *range(0, 20, 2)]]


def test_a_perfect_list_has_1(rng):
    relevant, rated = rng.random((6, 12)) < 0.4, np.zeros((6, 12), bool)
    assert app.recall_and_ndcg(relevant + 0.5 * rng.random((6, 12)), rated, relevant, 5) == (1, 1)
    with says("recall_and_ndcg: expected at least one relevant item, got none."):
        app.recall_and_ndcg(rng.random((6, 12)), rated, rated)


@pytest.mark.oracle
@given(SEEDS, st.integers(1, 12))
def test_scikit_learn_has_the_same_ndcg(seed, n):
    metrics = pytest.importorskip("sklearn.metrics")
    rng = np.random.default_rng(seed)
    scores, relevant = rng.normal(size=(5, 9)), rng.random((5, 9)) < 0.4
    relevant[0, 0] = True
    _, ndcg = app.recall_and_ndcg(scores, np.zeros_like(relevant), relevant, n)
    mine = relevant.any(axis=1)
    assert ndcg == pytest.approx(metrics.ndcg_score(relevant[mine], scores[mine], k=min(n, 9)), rel=1e-12)


# -- averages, biases, EASE -----------------------------------------------------------------------------------


def test_averages_on_paper():
    ratings = ratings_from("paper", list("aab"), list("xyx"), [1, 3, 5])
    assert_allclose(app.GlobalMean().fit(ratings).table(), [[3, 3], [3, 3]])
    assert_allclose(app.UserMean().fit(ratings).table(), [[2, 2], [5, 5]])
    assert_allclose(app.ItemMean().fit(ratings).table(), [[3, 3], [3, 3]])
    unseen = ratings.subset([0, 1])
    assert_allclose(app.UserMean().fit(unseen).table(), [[2, 2], [2, 2]])  # user b has none: the global mean
    assert_allclose(app.ItemMean().fit(ratings.subset([0, 2])).table()[:, 1], [3, 3])


@given(SEEDS)
def test_biases_are_ridge_regression(seed):
    ratings = load_ratings(n_users=12, n_items=9, per_user=5, seed=seed % 1000)
    model = app.BiasModel(3.0, 2.0, rounds=400).fit(ratings)
    n = len(ratings)
    design = np.zeros((n, 12 + 9))
    design[np.arange(n), ratings.users] = 1
    design[np.arange(n), 12 + ratings.items] = 1
    above = ratings.stars.astype(float) - ratings.stars.mean(dtype=float)
    ridge = np.linalg.solve(design.T @ design + np.diag([3.0] * 12 + [2.0] * 9), design.T @ above)
    assert_allclose(np.concatenate([model.user, model.item]), ridge, atol=1e-6)
    assert_allclose(model.residuals(ratings), above - design @ ridge, atol=1e-5)
    assert_allclose(model.table()[ratings.users, ratings.items], ratings.stars - model.residuals(ratings), atol=1e-5)


def test_bias_of_a_new_user_is_that_of_a_known_one():
    ratings = made()
    model = app.BiasModel().fit(ratings)
    for user in (0, 7):
        mine = ratings.users == user
        assert model.user_bias(ratings.items[mine], ratings.stars[mine]) == pytest.approx(model.user[user], abs=1e-5)
    assert model.user_bias(np.array([], int), []) == 0


@given(SEEDS)
def test_ease_is_the_least_squares_solution_without_the_diagonal(seed):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(20, 6))
    weights = app.ease_weights(x, 3.0)
    assert_array_equal(np.diag(weights), np.zeros(6))
    for j in range(6):  # column by column: ridge regression of item j on all others
        others = np.delete(x, j, axis=1)
        ridge = np.linalg.solve(others.T @ others + 3.0 * np.eye(5), others.T @ x[:, j])
        assert_allclose(np.delete(weights[:, j], j), ridge, rtol=1e-8, atol=1e-10)


def test_ease_predicts():
    ratings = made()
    stars, likes = app.EaseStars(20.0).fit(ratings), app.EaseLikes(20.0).fit(ratings)
    assert_allclose(stars.table(), stars.bias.table() + stars.x @ stars.weights, rtol=1e-5)
    assert_allclose(likes.scores(), app.liked(ratings) @ likes.weights, rtol=1e-6)
    with pytest.raises(UsageError, match=r"ease_weights: expected weight in \(0, inf\), got 0"):
        app.EaseStars(0).fit(ratings)


# -- nets -----------------------------------------------------------------------------------------------------


def test_likes():
    ratings = ratings_from("paper", list("aab"), list("xyx"), [3, 4, 5], scale=(1, 5))
    assert threshold((1, 5)) == 4 and threshold((0.5, 5)) == 3.875
    assert_array_equal(app.liked(ratings), [[0, 1], [1, 0]])
    assert_array_equal(app.Popularity().fit(ratings).scores(), [[1, 1], [1, 1]])
    assert_allclose(to_length_1(np.array([[3.0, 4, 0], [0, 0, 0]])), [[0.6, 0.8, 0], [0, 0, 0]])


def test_recipes_make_the_nets_they_name():
    item = app.StarNet(app.ITEM_BASED).prepare(made())
    assert repr(item.net).startswith("Autoencoder(40 -> 200 -> 40,") and item.x.shape == (25, 40)
    stacked = app.StarNet(app.STACKED).prepare(made())
    assert "(25 -> 20 -> 10 -> 20 -> 25," in repr(stacked.net) and stacked.x.shape == (40, 25)
    assert item.net.loss.missing and stacked.net.matched
    with pytest.raises(UsageError, match="Recipe: expected rows to be one of items, users, got 'films'"):
        app.Recipe("films")


def test_targets_are_what_the_biases_leave():
    ratings = made()
    for recipe in (app.ITEM_BASED, app.USER_BASED):
        net = app.StarNet(recipe).prepare(ratings)
        targets = net.targets.T if recipe.rows == "items" else net.targets
        assert_array_equal(~np.isnan(targets), ratings.rated())
        left = ratings.stars - net.bias.table()[ratings.users, ratings.items]
        assert_allclose(targets[ratings.users, ratings.items], left, atol=1e-5)
        assert_array_equal(net.x, np.nan_to_num(net.targets))
        output = net.table() - net.bias.table()
        assert_allclose(output.T if recipe.rows == "items" else output, net.net.reconstruct(net.x), atol=1e-5)


@pytest.fixture(scope="module")
def split():
    return load_ratings().split(seed=0)


@pytest.fixture(scope="module")
def trained(split):
    return app.Recommender(app.Settings(nets=1, threads=1)).fit(split[0])


def test_nets_beat_what_is_simple(split, trained):
    train, test = split

    def error(table):
        return app.rmse(test.stars, np.clip(table[test.users, test.items], 1, 5))

    bias, ease = error(trained.bias.table()), error(app.EaseStars().fit(train, trained.bias).table())
    each = [error(net.table()) for net in trained.nets]
    assert error(trained.table()) < min(each) < max(each) < min(0.93 * bias, ease)
    rated, wanted = train.rated(), app.liked(test) > 0
    ours = app.recall_and_ndcg(trained.likes.scores(), rated, wanted)
    popular = app.recall_and_ndcg(app.Popularity().fit(train).scores(), rated, wanted)
    assert ours[0] > 1.2 * popular[0] and ours[1] > 1.2 * popular[1]


def test_table_is_the_mean_of_the_nets(trained):
    assert [net.recipe.rows for net in trained.nets] == ["items", "users"]
    assert_allclose(trained.table(), (trained.nets[0].table() + trained.nets[1].table()) / 2, rtol=1e-6)


@pytest.mark.parametrize("k", [0, 1], ids=["items", "users"])
def test_a_known_user_as_a_new_one(trained, k):
    """A user-based net takes the same row; an item-based one gets an output unit like that which training found."""
    ratings, net = trained.ratings, trained.nets[k]
    for user in np.argsort(-np.bincount(ratings.users))[:3]:
        mine = ratings.users == user
        new = net.new_user(ratings.items[mine], ratings.stars[mine])
        known, bias = net.table()[user], net.bias.table()[user]
        if k == 1:
            assert_allclose(new, known, atol=1e-3)
        else:
            assert np.corrcoef(new - bias, known - bias)[0, 1] > 0.9


@pytest.mark.slow
def test_strangers_are_predicted_better_than_by_biases():
    """Users the nets have never seen, from four fifths of their ratings: the rest of them."""
    ratings = load_ratings()
    strange = ratings.users >= 400
    bias = app.BiasModel().fit(ratings.subset(~strange))
    nets = [app.StarNet(r).fit(ratings.subset(~strange), bias, threads=1) for r in (app.ITEM_BASED, app.USER_BASED)]
    told, asked = ratings.subset(strange).split(seed=0, share=0.2)
    squares = {"biases": [], "items": [], "users": []}
    for user in range(400, 440):
        items, stars = told.items[told.users == user], told.stars[told.users == user]
        asked_items, true = asked.items[asked.users == user], asked.stars[asked.users == user]
        guesses = {"biases": bias.mean + bias.user_bias(items, stars) + bias.item}
        guesses |= {net.recipe.rows: net.new_user(items, stars) for net in nets}
        for name, guess in guesses.items():
            squares[name] += np.square(guess[asked_items] - true).tolist()
    error = {name: np.sqrt(np.mean(values)) for name, values in squares.items()}
    assert error["items"] < 0.93 * error["biases"] and error["users"] < 0.93 * error["biases"]


def test_new_user_of_a_deeper_net(split):
    """Item-based with two hidden layers: the output unit stands on the last of them."""
    train = split[0]
    net = app.StarNet(app.Recipe("items", hidden=(30, 20), epochs=2)).fit(train, threads=1)
    assert net.last_hidden().shape == (train.n_items, 20)
    predicted = net.new_user(np.array([0, 5]), np.array([5.0, 1.0]))
    assert predicted.shape == (train.n_items,) and np.isfinite(predicted).all()


def test_ridge_of_a_new_user_is_at_a_minimum(trained):
    """No small change of the new output unit makes the objective in the docstring smaller."""
    net, items, stars = trained.nets[0], np.array([3, 40, 77]), np.array([5.0, 1, 4])
    base = net.bias.mean + net.bias.user_bias(items, stars) + net.bias.item
    features = np.column_stack([net.last_hidden(), np.ones(len(base))]).astype(float)
    column = net.new_user(items, stars) - base
    w = np.linalg.lstsq(features, column, rcond=None)[0]
    penalty = len(base) * net.recipe.weight_decay
    residuals = stars - base[items]

    def objective(w):
        return 0.5 * np.sum((residuals - features[items] @ w) ** 2) + 0.5 * penalty * np.sum(w**2)

    slope = [(objective(w + h) - objective(w - h)) / 2e-4 for h in 1e-4 * np.eye(len(w))[::20]]
    assert_allclose(slope, 0, atol=1e-3)


def test_same_settings_same_bits(split):
    train = split[0]
    one, two = (app.StarNet(app.USER_BASED, seed=3).fit(train, epochs=2, threads=1).table() for _ in range(2))
    assert_array_equal(one, two)
    other = app.StarNet(app.USER_BASED, seed=4).fit(train, epochs=2, threads=1)
    assert not np.array_equal(one, other.table()) and len(other.history) == 2


# -- lists ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("by", ["likes", "stars"])
def test_nothing_rated_is_recommended(trained, by):
    ratings = trained.ratings
    items, stars = trained.for_user(4, n=7, by=by)
    assert len(items) == len(set(items.tolist())) == 7
    assert not set(items.tolist()) & set(ratings.items[ratings.users == 4].tolist())
    assert_allclose(stars, np.clip(trained.table()[4, items], 1, 5), atol=1e-5)
    score = trained.table()[4] if by == "stars" else trained.likes.scores()[4]
    assert (np.diff(score[items]) <= 1e-6).all()
    free = np.setdiff1d(np.arange(ratings.n_items), [*items, *ratings.items[ratings.users == 4]])
    assert score[free].max() <= score[items].min() + 1e-6


def test_stars_stay_within_the_scale(trained):
    raw = trained.table()
    user = int(np.where(trained.ratings.rated(), 0, raw).max(axis=1).argmax())
    items, stars = trained.for_user(user, n=300, by="stars")
    assert raw[user, items].max() > 5 and stars.max() == 5
    assert trained.for_new_user(np.arange(30), np.full(30, 5.0), n=300, by="stars")[1].max() <= 5


def test_all_there_is_for_one_who_wants_more(trained):
    rated = int(np.count_nonzero(trained.ratings.users == 4))
    assert len(trained.for_user(4, n=10_000)[0]) == trained.ratings.n_items - rated


def test_new_users_tastes_count(trained):
    """Two people who disagree on the same films get different lists and stars, each nearer to the like-minded."""
    ratings = trained.ratings
    user = int(np.argmax(np.bincount(ratings.users)))
    mine = ratings.users == user
    items, stars = ratings.items[mine], ratings.stars[mine]
    same, opposite = trained.for_new_user(items, stars, n=20), trained.for_new_user(items, 6 - stars, n=20)
    own = set(trained.for_user(user, n=20)[0].tolist())
    assert len(own & set(same[0].tolist())) > len(own & set(opposite[0].tolist()))
    assert trained.for_new_user([0], [1.0], n=3)[0].shape == (3,)  # no likes at all: still a list


@pytest.mark.parametrize(
    "call, said",
    [
        (lambda r: r.for_user(500), "for_user: expected user below 500, got 500"),
        (lambda r: r.for_user(-1), "for_user: expected user to be a whole number >= 0, got -1"),
        (lambda r: r.for_user(1, by="love"), "recommend: expected by to be one of likes, stars, got 'love'"),
        (lambda r: r.for_user(1, n=0), "expected n to be a whole number >= 1, got 0"),
        (lambda r: r.for_new_user([1], [2, 3]), "for_new_user: expected as many stars as items"),
        (lambda r: r.for_new_user([], []), "for_new_user: expected as many stars as items"),
        (lambda r: r.for_new_user([1, 1], [2, 3]), "for_new_user: expected different items from 0 to 299"),
        (lambda r: r.for_new_user([300], [2]), "for_new_user: expected different items from 0 to 299"),
        (lambda r: r.for_new_user([1], [6]), "for_new_user: expected stars from 1 to 5"),
        (lambda r: r.for_new_user([1], [np.nan]), "for_new_user: expected stars from 1 to 5"),
        (lambda r: app.Settings(nets=0), "recommend: expected nets to be a whole number >= 1, got 0"),
        (lambda r: app.Settings(epochs=0), "recommend: expected epochs to be a whole number >= 1, got 0"),
    ],
)
def test_bad_arguments(trained, call, said):
    with pytest.raises(UsageError, match=said):
        call(trained)


# -- names ----------------------------------------------------------------------------------------------------

TITLES = ["Matrix, The (1999)", "Matrix, The (1970)", "Toy Story (1995)", "187 (1997)", "L'Avventura (1960)"]


def shelf():
    return ratings_from("shelf", ["7"] * 5, list("12345"), [1, 2, 3, 4, 5], dict(zip("12345", TITLES, strict=True)))


@pytest.mark.parametrize(
    "text, item",
    [
        ("toy story", 2), ("The Toy Story", 2), (" Toy Story (1995) ", 2), ("Matrix (1970)", 1),
        ("the matrix (1999)", 0), ("3", 2), ("187", 3), ("l'avventura", 4),
    ],
)  # fmt: skip
def test_titles_as_people_type_them(text, item):
    assert app.find_item(shelf(), text) == item


@pytest.mark.parametrize(
    "text, said",
    [
        ("matrix", r"which may be any of 'Matrix, The \(1999\)' \(id 1\), 'Matrix, The \(1970\)' \(id 2\)\."),
        ("Toy Story (1996)", r"\(1996\)'; did you mean 'Toy Story \(1995\)'\?"),
        ("toi storie", r"did you mean 'Toy Story \(1995\)'\?"),
        ("story", r"did you mean 'Toy Story \(1995\)'\?"),
        ("qqqq", r"no title is like it\."),
        ("", r"no title is like it\."),
    ],
)
def test_titles_nobody_knows(text, said):
    with pytest.raises(UsageError, match=f"^recommend: expected .* item in line 3, got .*{said}"):
        app.find_item(shelf(), text, " in line 3")


def test_users():
    assert app.find_user(made(), " 12 ") == 11
    with says("recommend: expected one of 40 users, got 'x'; ids go from 1 to 40."):
        app.find_user(made(), "x")
    with pytest.raises(UsageError, match=r"got '399'; did you mean 39"):
        app.find_user(made(), "399")


def test_plain_titles():
    assert plain("Matrix, The (1999)") == plain("the MATRIX") == "matrix"
    assert plain("The") == "the" and near_titles(shelf(), "matrx")[0].startswith("Matrix")


# -- files ----------------------------------------------------------------------------------------------------


@pytest.fixture
def small():
    return app.Recommender(app.Settings(nets=2, epochs=1, threads=1)).fit(made())


def test_saved_and_loaded(small, tmp_path):
    app.save_recommender(small, tmp_path / "model.npz")
    again = app.load_recommender(tmp_path / "model.npz")
    assert again.settings == small.settings and again.ratings.titles == small.ratings.titles
    assert_array_equal(again.table(), small.table())
    for by in ("likes", "stars"):
        assert_array_equal(again.for_user(3, by=by)[0], small.for_user(3, by=by)[0])
    assert_array_equal(again.for_new_user([1, 2], [5, 1])[1], small.for_new_user([1, 2], [5, 1])[1])


def _changed(path, **changes):
    with np.load(path) as file:
        arrays = {name: file[name] for name in file.files}
    for name, change in changes.items():
        arrays[name] = change(arrays[name])
    np.savez(path, **arrays)


def _about(**new):
    return lambda about: np.array(json.dumps(json.loads(str(about)) | new))


@pytest.mark.parametrize(
    "changes, said",
    [
        ({"about": _about(format=2)}, "expected a recommender of format 1 in .*, got format 2"),
        ({"about": _about(kind="Autoencoder")}, "got format None"),
        ({"about": _about(titles=["x"])}, "expected titles of shape"),
        ({"about": _about(settings={"nets": 0})}, "expected a whole recommender"),
        ({"about": _about(settings={"nets": 3})}, "expected a whole recommender.*theta_4"),
        ({"theta_1": lambda a: a[:-1]}, "expected a whole recommender .* parameters"),
        ({"theta_likes": lambda a: a * np.nan}, "parameters that are not finite"),
        ({"stars": lambda a: a * np.nan}, "stars that are no numbers"),
        ({"users": lambda a: a + 100}, "users or items that are not in its lists"),
        ({"items": lambda a: a - 1}, "users or items that are not in its lists"),
    ],
)
def test_damaged_model_files(small, tmp_path, changes, said):
    path = tmp_path / "model.npz"
    app.save_recommender(small, path)
    _changed(path, **changes)
    with pytest.raises(UsageError, match=f"(?s)^recommend: .*{said}"):
        app.load_recommender(path)


def test_no_model_file(tmp_path):
    with pytest.raises(UsageError, match="which does not exist"):
        app.load_recommender(tmp_path / "none.npz")
    (tmp_path / "half.npz").write_bytes(b"PK\x03\x04 nothing")
    with pytest.raises(UsageError, match="expected a whole recommender file"):
        app.load_recommender(tmp_path / "half.npz")
    assert model_file.FORMAT == 1


# -- all methods beside one another ---------------------------------------------------------------------------


@pytest.fixture(scope="module")
def rows():
    train, test = made().split(seed=0)
    return app.compare(train, test, app.Settings(nets=1, epochs=2, threads=1), n=5)


def test_every_method_has_its_row(rows):
    assert [row["method"] for row in rows] == [
        "global mean", "user mean", "item mean", "user and item bias", "EASE on stars", "untrained net",
        "stacked 20-10-20, user-based", "AutoRec, user-based", "AutoRec, item-based", "AutoRecs together", "popularity",
        "EASE on likes", "net of likes",
    ]  # fmt: skip
    for row in rows:
        assert (row["rmse"] is None) == (row["method"] in ("popularity", "EASE on likes", "net of likes"))
        assert (row["ndcg"] is None) == row["method"].endswith("mean")


def test_rows_are_scores_of_the_tables(rows):
    train, test = made().split(seed=0)
    table = np.clip(app.BiasModel().fit(train).table(), 1, 5)
    by = {row["method"]: row for row in rows}
    predicted = table[test.users, test.items]
    assert by["user and item bias"]["rmse"] == pytest.approx(app.rmse(test.stars, predicted))
    assert by["user and item bias"]["user_rmse"] == pytest.approx(app.user_rmse(test.users, test.stars, predicted))
    found = app.recall_and_ndcg(app.BiasModel().fit(train).table(), train.rated(), test.table() >= 4, 5)
    assert (by["user and item bias"]["recall"], by["user and item bias"]["ndcg"]) == pytest.approx(found)


def test_predictions_are_cut_to_the_scale_before_they_are_scored():
    test = ratings_from("paper", list("ab"), list("xy"), [1, 5])
    judge = comparison.Judge(test, test, 1)
    judge.stars("far out", np.array([[-9.0, 0], [0, 99]]))
    assert (judge.rows[0]["rmse"], judge.rows[0]["mae"]) == (0, 0)


def test_nets_are_in_the_rows_that_name_them(rows):
    train, test = made().split(seed=0)
    by = {row["method"]: row for row in rows}
    tables = {}
    for name, recipe in (("user", app.USER_BASED), ("item", app.ITEM_BASED)):
        tables[name] = app.StarNet(recipe, seed=0).fit(train, epochs=2, threads=1).table()
        predicted = np.clip(tables[name][test.users, test.items], 1, 5)
        assert by[f"AutoRec, {name}-based"]["rmse"] == pytest.approx(app.rmse(test.stars, predicted), rel=1e-6)
    together = np.clip((tables["user"] + tables["item"])[test.users, test.items] / 2, 1, 5)
    assert by["AutoRecs together"]["rmse"] == pytest.approx(app.rmse(test.stars, together), rel=1e-6)
    untrained = app.StarNet(app.ITEM_BASED, seed=0).prepare(train).table()[test.users, test.items]
    assert by["untrained net"]["mae"] == pytest.approx(app.mae(test.stars, np.clip(untrained, 1, 5)), rel=1e-6)


def test_a_test_part_nobody_likes_has_no_lists():
    ratings = made()
    train, test = ratings.split(seed=0)
    disliked = dataclasses.replace(test, stars=np.ones_like(test.stars))
    rows = app.compare(train, disliked, app.Settings(nets=1, epochs=1, threads=1))
    assert all(row["recall"] is None for row in rows) and len(app.verdicts(rows)) == 1


def test_mean_of_runs():
    runs = [[{"method": "m", "rmse": r, "user_rmse": r, "mae": 1.0, "recall": None, "ndcg": 0.5}] for r in (1.0, 3.0)]
    (row,) = app.mean_of_runs(runs)
    assert (row["rmse"], row["recall"], row["ndcg"]) == (2.0, None, 0.5)
    assert row["spread"] == pytest.approx(np.sqrt(2)) and app.mean_of_runs(runs[:1])[0]["spread"] is None


def test_verdicts_say_who_wins():
    def table(ours, bias, ease, likes=0.3, popular=0.2, ease_likes=0.25):
        stars = {comparison.OURS: ours, comparison.BIAS: bias, comparison.EASE: ease}
        rows = [{"method": m, "rmse": r, "ndcg": 0.1} for m, r in stars.items()]
        lists = {comparison.LIKES: likes, comparison.POPULARITY: popular, comparison.EASE_LIKES: ease_likes}
        return rows + [{"method": m, "rmse": None, "ndcg": n} for m, n in lists.items()]

    first, second, third = app.verdicts(table(0.8, 0.9, 0.85))
    assert first == "RMSE of AutoRecs together 0.8000, of EASE on stars 0.8500: better."
    assert second == "NDCG of net of likes 0.3000, of EASE on likes 0.2500: better."
    assert "lose to popularity" in third
    first, second = app.verdicts(table(0.95, 0.9, 0.99, likes=0.05, popular=0.08, ease_likes=0.01))
    assert first == "RMSE of AutoRecs together 0.9500, of user and item bias 0.9000: the simple method wins."
    assert second == "NDCG of net of likes 0.0500, of popularity 0.0800: the simple method wins."


# -- real data ------------------------------------------------------------------------------------------------


@pytest.mark.realdata
def test_published_baselines_on_u1():
    """The biases' errors on MovieLens-100k u1; and what everybody is compared with."""
    train, test = load_movielens("100k").split("u1")

    def errors(table):
        p = np.clip(table[test.users, test.items], 1, 5)
        return app.rmse(test.stars, p), app.user_rmse(test.users, test.stars, p), app.mae(test.stars, p)

    assert errors(app.BiasModel().fit(train).table()) == pytest.approx((0.9552, 0.9359, 0.7560), abs=1.5e-4)
    assert errors(app.GlobalMean().fit(train).table())[:2] == pytest.approx((1.1537, 1.0967), abs=5e-5)
    assert errors(app.UserMean().fit(train).table())[:2] == pytest.approx((1.0630, 1.0266), abs=5e-5)
    assert errors(app.ItemMean().fit(train).table())[:2] == pytest.approx((1.0334, 1.0070), abs=5e-5)


@pytest.mark.realdata
def test_one_net_passes_the_bars_on_u1():
    train, test = load_movielens("100k").split("u1")
    table = app.StarNet(app.ITEM_BASED).fit(train).table()
    predicted = np.clip(table[test.users, test.items], 1, 5)
    assert app.rmse(test.stars, predicted) <= 0.93
    assert app.user_rmse(test.users, test.stars, predicted) <= 0.9359


def test_likes_net_takes_other_likes(trained):
    likes = np.zeros((2, trained.ratings.n_items), np.float32)
    likes[0, 5] = 1
    scores = trained.likes.scores(likes)
    assert scores.shape == likes.shape
    assert_allclose(scores.sum(axis=1), 1, rtol=1e-4)
    assert LikesNet(hidden=3).build(4).net.input_shape == (4,)
