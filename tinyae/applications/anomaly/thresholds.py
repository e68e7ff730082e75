"""From scores to alarms: rules by name, each with its threshold, itself in words, and the alarms to expect."""

import math
from dataclasses import dataclass

import numpy as np

from tinyae.applications.anomaly.curves import check_labels, check_scores
from tinyae.checks import UsageError, check_choice, check_float, check_int

ROBUST_DEVIATIONS = 3.0
NORMAL_DEVIATION = 1.4826  # standard deviation of a normal distribution in units of its median absolute deviation
WHO = "threshold"


@dataclass(frozen=True)
class Threshold:
    """An alarm is a score above `value`.

    Attributes
    ----------
    value : float
    rule : str
        Name of the rule.
    words : str
        The rule and its settings in words.
    expected : int
        Alarms among the training scores.
    n : int
        Training scores.
    """

    value: float
    rule: str
    words: str
    expected: int
    n: int

    @property
    def rate(self):
        """Share of alarms among the training scores: what to expect of new rows that are like them."""
        return self.expected / self.n

    def alarms(self, scores):
        """True for alarms (N,)."""
        return np.asarray(scores) > self.value

    def __str__(self):
        return f"{self.words}: alarm above {self.value:.6g}, {self.expected:,} of {self.n:,} ({self.rate:.2%}) expected"


def by_quantile(scores, contamination=0.1):
    """The `contamination` of all rows with the highest scores: the share you believe to be anomalies, in (0, 0.5]."""
    scores = check_scores(WHO, scores)
    share = check_float(WHO, "contamination", contamination, 0.0, 0.5, open_low=True)
    value = _cut(scores, round(share * len(scores)))
    return _threshold(scores, value, "quantile", f"the highest {share:.4g} of the training scores (contamination)")


def by_deviations(scores, k=3.0):
    """Above the mean plus k standard deviations, both of the training scores."""
    scores = check_scores(WHO, scores)
    k = check_float(WHO, "k", k, 0.0, math.inf, open_high=True)
    value = scores.mean() + k * scores.std()
    return _threshold(scores, value, "deviations", f"mean plus {k:g} standard deviations of the training scores")


def by_shape(scores):
    """No setting: more than 3 standard deviations above the median, on a scale on which the scores look normal.

    For normal residuals the score is close to gamma distributed and its cube root close to normal (Wilson & Hilferty
    1931); then about one normal row in a thousand gives an alarm, or fewer. Nets' residuals often have longer tails. A
    smaller power is taken where the quartiles ask for it, and even so some hundredths of the normal rows may give an
    alarm. A few anomalies among the training rows hardly move quartiles and the median absolute deviation.
    """
    scores = check_scores(WHO, scores)
    if scores.min() < 0:
        raise UsageError(f"{WHO}: expected scores >= 0 for the rule shape, got {scores.min():g}; use another rule.")
    words = f"{ROBUST_DEVIATIONS:g} robust deviations above the median, on a scale that makes the scores symmetric"
    return _threshold(scores, shape_limit(scores), "shape", words)


def shape_limit(scores):
    """The score whose t lies 3 * 1.4826 * (median absolute deviation of t) above the median, of scores (N,) >= 0.

        t(s) = ((s / median)^p - 1) / p,    t(s) = log(s / median) for p = 0    (Box & Cox 1964); t(median) = 0

    p is `symmetric_power` of the quartiles.
    """
    low, median, high = np.quantile(scores, [0.25, 0.5, 0.75])
    if median == 0:
        return 0.0
    p = symmetric_power(low / median, high / median)
    with np.errstate(divide="ignore"):  # log(0) is -inf, and t(0) = -1 / p
        logs = np.log(np.asarray(scores, np.float64) / median)
    t = np.expm1(p * logs) / p if p else logs
    limit = ROBUST_DEVIATIONS * NORMAL_DEVIATION * np.median(np.abs(t))
    return float(median * ((1 + p * limit) ** (1 / p) if p else math.exp(limit)))


def symmetric_power(low, high):
    """The largest p in [0, 1/3] with which high lies no further above 1 than low below it: high^p + low^p <= 2."""
    if high ** (1 / 3) + low ** (1 / 3) <= 2:
        return 1 / 3
    if low * high >= 1:  # high^p + low^p is convex in p, 2 at p = 0, and already rises there
        return 0.0
    below, above = 0.0, 1 / 3
    for _ in range(40):
        p = (below + above) / 2
        below, above = (p, above) if high**p + low**p <= 2 else (below, p)
    return below


def by_f1(scores, labels):
    """Where F1 = 2 precision recall / (precision + recall) is highest on labelled rows (1 or True: anomaly).

    The number belongs to these rows: on others F1 is lower. Of equal ones the highest threshold is taken.
    """
    scores, labels = check_scores(WHO, scores), check_labels(WHO, labels, len(scores))
    order = np.argsort(-scores, kind="stable")
    last = np.append(np.diff(scores[order]) != 0, True)  # the last of each group of equal scores
    hits = np.cumsum(labels[order])[last]
    alarms = (np.arange(len(scores)) + 1)[last]
    f1 = 2 * hits / (alarms + labels.sum())  # 2 TP / (2 TP + FP + FN)
    best = int(np.argmax(f1))
    return _threshold(
        scores, _cut(scores, int(alarms[best])), "best-f1", f"highest F1 on labelled rows ({f1[best]:.3f})"
    )


def by_budget(scores, alarms, per=None):
    """At most so many alarms: `alarms` out of every `per` rows (of the training rows, without `per`).

    A lookout who can check 20 of a day's 5,000 rows asks for `by_budget(scores, 20, per=5000)`.
    """
    scores = check_scores(WHO, scores)
    per = len(scores) if per is None else check_int(WHO, "per", per, 1)
    alarms = check_float(WHO, "alarms", alarms, 0.0, per)
    most = math.floor(alarms * len(scores) / per + 1e-9)  # 0.1 * 30 is 3, whatever floats say
    words = f"a budget of {alarms:g} alarms in {per:,} rows"
    return _threshold(scores, _cut(scores, most), "budget", words)


RULES = {
    "quantile": by_quantile,
    "deviations": by_deviations,
    "shape": by_shape,
    "best-f1": by_f1,
    "budget": by_budget,
}


def by_rule(rule, scores, **settings):
    """The Threshold by the rule of this name; `settings` are its function's."""
    check_choice(WHO, "rule", rule, RULES)
    return RULES[rule](scores, **settings)


def _threshold(scores, value, rule, words):
    return Threshold(float(value), rule, words, int((scores > value).sum()), len(scores))


def _cut(scores, m):
    """A value with m scores above it; fewer, where the m-th and the next are equal."""
    n = len(scores)
    if m <= 0:
        return scores.max()
    if m >= n:
        return np.nextafter(scores.min(), -np.inf)
    below, above = np.partition(scores, (n - m - 1, n - m))[n - m - 1 : n - m + 1]
    middle = below + (above - below) / 2
    return middle if below <= middle < above else below
