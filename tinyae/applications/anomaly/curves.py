"""How well scores tell anomalies from the rest: ROC, precision and recall. Ties are treated as ties.

Labels are 1 (or True) for anomalies and 0 for normal rows; higher scores are stranger. scikit-learn gives the same
numbers (`tests/test_anomaly.py`).
"""

import numpy as np

from tinyae.checks import UsageError, check_finite, check_shape


def check_scores(who, scores):
    """Scores (N,) as float64; UsageError for none, NaN, another shape."""
    scores = np.asarray(scores, np.float64)
    check_shape(who, scores, ("N",), "scores")
    if not len(scores):
        raise UsageError(f"{who}: expected at least one score, got none.")
    check_finite(who, scores, "scores")
    return scores


def check_labels(who, labels, n):
    """Labels (n,) as bool; UsageError unless they are 0 and 1, and both occur."""
    labels = np.asarray(labels)
    check_shape(who, labels, (n,), "labels")
    kinds = np.unique(labels)
    if not np.isin(kinds, (0, 1)).all():
        raise UsageError(f"{who}: expected labels 0 (normal) and 1 (anomaly), got {kinds[:5].tolist()}.")
    if len(kinds) < 2:
        raise UsageError(f"{who}: expected both normal rows and anomalies among the labels, got only {kinds[0]:g}.")
    return labels.astype(bool)


def auroc(labels, scores):
    """Area under the ROC curve: the probability that an anomaly scores above a normal row, ties counting half.

    From midranks (Mann & Whitney 1947): (sum of the anomalies' ranks - m (m + 1) / 2) / (m (n - m)).
    """
    scores = check_scores("auroc", scores)
    labels = check_labels("auroc", labels, len(scores))
    _, group, counts = np.unique(scores, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(counts) - (counts - 1) / 2)[group]  # of equal scores, the mean of their places
    m, n = labels.sum(), len(labels)
    return float((ranks[labels].sum() - m * (m + 1) / 2) / (m * (n - m)))


def _counts(who, labels, scores):
    """Distinct scores, falling, with the alarms and the hits of a threshold just below each."""
    scores = check_scores(who, scores)
    labels = check_labels(who, labels, len(scores))
    order = np.argsort(-scores, kind="stable")
    last = np.append(np.diff(scores[order]) != 0, True)
    return scores[order][last], np.flatnonzero(last) + 1, np.cumsum(labels[order])[last], labels


def roc_curve(labels, scores):
    """(false alarm rate, hit rate, threshold), arrays from (0, 0) to (1, 1); alarm where score >= threshold."""
    thresholds, alarms, hits, labels = _counts("roc_curve", labels, scores)
    m, n = labels.sum(), len(labels)
    return np.append(0, (alarms - hits) / (n - m)), np.append(0, hits / m), np.append(np.inf, thresholds)


def precision_recall_curve(labels, scores):
    """(precision, recall, threshold), arrays by falling threshold; alarm where score >= threshold."""
    thresholds, alarms, hits, labels = _counts("precision_recall_curve", labels, scores)
    return hits / alarms, hits / labels.sum(), thresholds


def average_precision(labels, scores):
    """sum_i (R_i - R_(i-1)) P_i over the falling thresholds; the share of anomalies for scores that say nothing."""
    precision, recall, _ = precision_recall_curve(labels, scores)
    return float(np.sum(np.diff(recall, prepend=0) * precision))
