"""How good predictions of stars and lists of recommendations are. Arrays in, numbers out."""

import numpy as np

from tinyae.checks import UsageError, check_int, check_shape


def rmse(stars, predicted):
    """Pooled root mean squared error, in stars: sqrt( 1/n sum (predicted - stars)^2 ) over all n test ratings."""
    return float(np.sqrt(np.mean(np.square(_differences("rmse", stars, predicted)))))


def mae(stars, predicted):
    """Mean absolute error, in stars."""
    return float(np.mean(np.abs(_differences("mae", stars, predicted))))


def user_rmse(users, stars, predicted):
    """Mean over the users of each one's own RMSE, in stars; users without a test rating do not count.

    Somebody with two test ratings weighs as much as somebody with two hundred, so this is another number than the
    pooled RMSE, and not to be put beside it.
    """
    squares = np.square(_differences("user_rmse", stars, predicted))
    _, who = np.unique(users, return_inverse=True)
    return float(np.mean(np.sqrt(np.bincount(who, squares) / np.bincount(who))))


def _differences(who, stars, predicted):
    check_shape(who, predicted, np.shape(stars), name="predicted")
    if not np.size(stars):
        raise UsageError(f"{who}: expected at least one test rating, got none.")
    return np.asarray(predicted, np.float64) - np.asarray(stars, np.float64)


def top_items(scores, excluded, n):
    """The n items of the highest scores of each user, best first: int array (U, n).

    Parameters
    ----------
    scores : array (U, I)
    excluded : bool array (U, I)
        Items not to be recommended: those the user has rated already. They come last where too few others are left.
    n : int
        At most I. Of equal scores the item with the lower number comes first.
    """
    check_shape("top_items", excluded, np.shape(scores), name="excluded")
    n = min(check_int("top_items", "n", n, 1), np.shape(scores)[1])
    lowered = np.where(excluded, -np.inf, scores)
    return np.argsort(-lowered, axis=1, kind="stable")[:, :n]


def recall_and_ndcg(scores, rated, relevant, n=10):
    """Recall@n and NDCG@n of recommendations, means over the users who have something to be found.

    All items are ranked by score but those a user rated in the training part. With hit_k whether the k-th of the list
    is relevant, and R the number of relevant items of the user,

        recall@n = sum_k hit_k / min(n, R)
        NDCG@n   = sum_k hit_k / log2(k + 1)  /  sum_{k <= min(n, R)} 1 / log2(k + 1)

    so that 1 is the best list there can be (Liang et al., "Variational autoencoders for collaborative filtering", 2018,
    section 4.2).

    Parameters
    ----------
    scores : array (U, I)
    rated : bool array (U, I)
        What each user rated in the training part.
    relevant : bool array (U, I)
        What is to be found: what the user likes in the test part.
    n : int

    Returns
    -------
    (float, float)
    """
    check_shape("recall_and_ndcg", relevant, np.shape(scores), name="relevant")
    users = np.flatnonzero(relevant.any(axis=1))
    if not len(users):
        raise UsageError("recall_and_ndcg: expected at least one relevant item, got none.")
    listed = top_items(scores[users], rated[users], n)
    hits = np.take_along_axis(relevant[users], listed, axis=1)
    worth = 1 / np.log2(np.arange(2, hits.shape[1] + 2))  # of a hit in place 1, 2, ...
    possible = np.minimum(relevant[users].sum(axis=1), hits.shape[1])
    best = np.cumsum(worth)[possible - 1]
    return float(np.mean(hits.sum(axis=1) / possible)), float(np.mean(hits @ worth / best))
