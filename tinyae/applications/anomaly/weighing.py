"""What a deviation is worth: in a direction in which rows usually agree to 1 %, one of 5 % says much."""

import math

import numpy as np

RIDGE = 1.0  # of the mean variance, added to every direction's: rows are finite, and no direction is known exactly
WIDEST = 1024  # columns, above which each is weighed by itself
USUAL_SHARE, CONCENTRATION_STEPS = 0.8, 3


class Weighing:
    """f = W (e - c): deviations e (N, D) such that every direction varies by about 1 over the rows given here.

        W = (C + ridge * mean variance * I)^(-1/2),    C the covariance of e, c its mean

    The symmetric root leaves f as close to e as such a map can (ZCA whitening; Kessy, Lewin, Strimmer 2018), so that
    f_j still speaks of column j, and sum_j f_j^2 is the Mahalanobis distance. Above WIDEST columns W is diagonal.

    Parameters
    ----------
    deviations : array (N, D)
        Residuals of rows, or rows.
    """

    def __init__(self, deviations):
        e = np.asarray(deviations, np.float64)
        self.centre = e.mean(axis=0)
        e = e - self.centre
        if e.shape[1] > WIDEST:
            variance = np.square(e).mean(axis=0)
            self.matrix = 1 / np.sqrt(_with_ridge(variance))
            return
        variance, directions = np.linalg.eigh(e.T @ e / len(e))
        root = 1 / np.sqrt(_with_ridge(np.maximum(variance, 0)))
        self.matrix = (directions * root) @ directions.T

    @classmethod
    def of(cls, centre, matrix):
        """The weighing with these numbers, from a file."""
        weighing = cls.__new__(cls)
        weighing.centre, weighing.matrix = np.asarray(centre, np.float64), np.asarray(matrix, np.float64)
        return weighing

    def squares(self, deviations):
        """f^2 (N, D), float64."""
        e = np.asarray(deviations, np.float64) - self.centre
        return np.square(e * self.matrix if self.matrix.ndim == 1 else e @ self.matrix)


def weigh_by_usual_rows(residuals, z):
    """The Weighing of the residuals (N, D) and that of the rows z (N, D), both from the rows that are least strange.

    Anomalies among the training rows would widen the very directions they stand out in. So the USUAL_SHARE least
    strange rows are kept, by all rows' weighing of the residuals and the plain length of z at first, then
    CONCENTRATION_STEPS times by what the rows kept give: the steps of Rousseeuw & Van Driessen (1999), section 3.
    """
    strange = Weighing(residuals).squares(residuals).mean(axis=1) + np.square(z, dtype=np.float64).mean(axis=1)
    for _ in range(1 + CONCENTRATION_STEPS):
        usual = np.sort(np.argsort(strange, kind="stable")[: math.ceil(USUAL_SHARE * len(z))])
        weighings = Weighing(residuals[usual]), Weighing(z[usual])
        strange = both_squares(weighings, residuals, z).mean(axis=1)
    return weighings


def both_squares(weighings, residuals, z):
    """(f^2 + g^2) / 2 (N, D): the weighed squares of residuals and of rows."""
    of_residuals, of_rows = weighings
    return (of_residuals.squares(residuals) + of_rows.squares(z)) / 2


def _with_ridge(variance):
    """Variances (D,) with the ridge; 1 where nothing varies at all."""
    mean = variance.mean()
    return variance + RIDGE * mean if mean > 0 else np.ones_like(variance)
