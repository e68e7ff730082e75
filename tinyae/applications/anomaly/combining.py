"""One score of two: the plain error of principal components, and how far the weighed score is beyond the usual."""

import math

import numpy as np

from tinyae.analysis import PCA
from tinyae.applications.anomaly.weighing import USUAL_SHARE
from tinyae.scaling import Scaling

EXCESS_ABOVE = 2.0  # times a usual row's weighed score: below it the weighed score says nothing


class Combining:
    """Errors e (N, D) of all numbers of a row from plain p and weighed s, (N, D) each.

        e = p / P + (1 - 2 / a)+ s / S,    a = mean_j s_j / S

    p is the squared residual of a standardised column after principal components; P and S are the means of p and s over
    the less strange training rows. So the mean of e over the columns is that of p / P, and what a has above 2.

    The weighed score finds most, and errs where anomalies lie among the other rows: it calls normal rows at the edge
    stranger. As an excess it is silent about rows that are near the others and keeps the order principal components
    give these.

    Parameters
    ----------
    x : array (N, D)
        Training rows.
    k : int
        Components, at most D.
    weighed : array (N, D)
        s of these rows.
    """

    def __init__(self, x, k, weighed):
        self.scaling, self.pca = Scaling("anomaly", "standard", x), None
        self.pca = PCA(self._standardised(x), k)
        self.usual = np.array([_usual(self.plain(x)), _usual(weighed)])

    @classmethod
    def of(cls, scaling, pca, usual):
        """The one with these parts, from a file."""
        combining = cls.__new__(cls)
        combining.scaling, combining.pca, combining.usual = scaling, pca, usual
        return combining

    def plain(self, x):
        """p (N, D), float64."""
        z = self._standardised(x)
        return np.square(self.pca.reconstruct(z) - z)

    def errors(self, x, weighed):
        """Of rows x (N, D) and their s, (N, D) float64, >= 0."""
        plain, weighed = self.plain(x) / self.usual[0], weighed / self.usual[1]
        score = weighed.mean(axis=1, keepdims=True)
        beyond = np.maximum(score - EXCESS_ABOVE, 0)
        return plain + weighed * (beyond / np.maximum(score, EXCESS_ABOVE))

    def _standardised(self, x):
        return self.scaling.apply(np.asarray(x, np.float64))


def _usual(errors):
    """Mean of the USUAL_SHARE lowest row means of errors (N, D); 1 where they are 0."""
    scores = np.sort(errors.mean(axis=1))[: math.ceil(USUAL_SHARE * len(errors))]
    return scores.mean() or 1.0
