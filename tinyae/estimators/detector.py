"""An autoencoder as a scikit-learn outlier detector: rows it cannot reconstruct are strange."""

import numpy as np
from sklearn.base import OutlierMixin

from tinyae.checks import check_float
from tinyae.estimators.network import AutoencoderEstimator

LARGEST_CODE = 32
ROBUST_DEVIATIONS = 3.0  # from the median, beyond which contamination="auto" calls a row an outlier
NORMAL_DEVIATION = 1.4826  # standard deviation of a normal distribution in units of its median absolute deviation


class AutoencoderDetector(OutlierMixin, AutoencoderEstimator):
    """Outliers by reconstruction error: a net that was trained on all rows reconstructs the rare ones badly.

    Conventions are scikit-learn's, as in IsolationForest: scores are higher for normal rows, `predict` gives +1 for
    inliers and -1 for outliers, `decision_function` is negative for outliers.

    Parameters
    ----------
    contamination : float in (0, 0.5] or "auto"
        Share of outliers among the training rows: `offset_` is set so that this share of them is called outliers.
        "auto" takes the shape of the errors e instead: for normal residuals e is close to gamma distributed and its
        cube root close to normal (Wilson & Hilferty 1931), so a row is an outlier where e^(1/3) lies more than 3
        standard deviations above the median, both measured robustly on the training rows (median, median absolute
        deviation). Among normal rows that is about one in a thousand.
    code_size : "auto" or int
        "auto": a quarter of the features, rounded up, and 32 at most. A code as wide as the data could copy anything.
    hidden_activation : str
        tanh bends less sharply than relu and learns a single odd row by heart less easily.
    hidden_sizes, code_activation, output_activation, loss, scale, corruption, corruption_level, \
penalty, penalty_weight, rho, k, epochs, batch_size, optimizer, learning_rate, validation_split, patience, \
random_state, threads, verbose
        As in `AutoencoderTransformer`.

    Attributes
    ----------
    offset_ : float
        decision_function = score_samples - offset_.
    model_, history_, scaling_, n_iter_, n_features_in_, feature_names_in_
        As in `AutoencoderTransformer`.

    Raises
    ------
    UsageError (a ValueError)
        Settings out of range, by `fit`.

    Examples
    --------
    >>> detector = AutoencoderDetector(contamination=0.02, random_state=0).fit(X)
    >>> strange = X[detector.predict(X) == -1]
    >>> detector.feature_errors(strange).argmax(axis=1)  # the column that is most to blame
    """

    def __init__(
        self, *, contamination=0.1, hidden_sizes=(128,), code_size="auto", hidden_activation="tanh",
        code_activation="linear", output_activation="auto", loss="auto", scale="standard", corruption=None,
        corruption_level=0.3, penalty=None, penalty_weight=1e-3, rho=0.05, k=None, epochs=50, batch_size=32,
        optimizer="adam", learning_rate=1e-3, validation_split=0.0, patience=None, random_state=None, threads=None,
        verbose=False,
    ):  # fmt: skip
        super().__init__(
            hidden_sizes=hidden_sizes, code_size=code_size, hidden_activation=hidden_activation,
            code_activation=code_activation, output_activation=output_activation, loss=loss, scale=scale,
            corruption=corruption, corruption_level=corruption_level, penalty=penalty, penalty_weight=penalty_weight,
            rho=rho, k=k, epochs=epochs, batch_size=batch_size, optimizer=optimizer, learning_rate=learning_rate,
            validation_split=validation_split, patience=patience, random_state=random_state, threads=threads,
            verbose=verbose,
        )  # fmt: skip
        self.contamination = contamination

    def fit(self, X, y=None):
        """Train the net on X (N, D) and set `offset_`; y is not used. Returns self."""
        share = self.contamination
        if not (isinstance(share, str) and share == "auto"):
            share = check_float(self._who, 'contamination other than "auto"', share, 0.0, 0.5, open_low=True)
        X = self._fit(X)
        scores = self.score_samples(X)
        self.offset_ = offset_by_shape(scores) if share == "auto" else float(np.percentile(scores, 100 * share))
        return self

    def feature_errors(self, X):
        """Squared error of every number, (z' - z)^2 (N, D), of the scaled data: the columns can be compared."""
        return self._errors(X)[1]

    def score_samples(self, X):
        """Minus the mean of `feature_errors` over the columns (N,): the higher, the more normal."""
        return -self.feature_errors(X).mean(axis=1)

    def decision_function(self, X):
        """score_samples - offset_ (N,): negative for outliers."""
        return self.score_samples(X) - self.offset_

    def predict(self, X):
        """+1 for inliers, -1 for outliers (N,)."""
        return np.where(self.decision_function(X) < 0, -1, 1)

    def _code_size(self, n_features):
        if isinstance(self.code_size, str) and self.code_size == "auto":
            return min(LARGEST_CODE, -(-n_features // 4))
        return self.code_size


def offset_by_shape(scores):
    """The offset of contamination="auto" from the training rows' scores (N,), minus their errors."""
    root = np.cbrt(-scores)  # close to normal where the errors are sums of squares of normal numbers
    median = np.median(root)
    deviation = NORMAL_DEVIATION * np.median(np.abs(root - median))
    return -float((median + ROBUST_DEVIATIONS * deviation) ** 3)
