"""An autoencoder as a scikit-learn outlier detector: rows it cannot reconstruct are strange."""

import numpy as np
from sklearn.base import OutlierMixin
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted, validate_data

from tinyae.applications.anomaly.fitting import OF_COLUMNS, auto_code_size, fit_detector
from tinyae.applications.anomaly.thresholds import shape_limit
from tinyae.checks import check_choice, check_float, check_int
from tinyae.estimators.network import FLOATS, AutoencoderEstimator, Patience
from tinyae.optimizers import OPTIMIZERS
from tinyae.scaling import Scaling
from tinyae.schedules import Cosine

SCALES = ("robust", "standard", "minmax", None)
AUTO = "auto"


class AutoencoderDetector(OutlierMixin, AutoencoderEstimator):
    """Outliers by reconstruction error: nets that were trained on all rows reconstruct the rare ones badly.

    The work is done by `tinyae.applications.anomaly`, which says why the defaults are what they are; `detector_` is its
    Detector. Conventions are scikit-learn's, as in IsolationForest: scores are higher for normal rows, `predict` gives
    +1 for inliers and -1 for outliers, `decision_function` is negative for outliers.

    Parameters
    ----------
    contamination : float in (0, 0.5] or "auto"
        Share of outliers among the training rows: `offset_` is set so that this share of them is called outliers.
        "auto" takes the shape of the errors instead: a row is an outlier where its error lies more than 3 standard
        deviations above the median, both measured robustly on the training rows, on a scale (cube roots, or a smaller
        power, down to logarithms) that makes the errors symmetric; `by_shape` of `tinyae.applications.anomaly`. Among
        rows with normal residuals that is about one in a thousand.
    members : int
        Nets of different first weights, whose reconstructions are averaged.
    linear : bool
        Whether principal components, as many as the code has numbers, are averaged in: the best linear autoencoder.
        Where scores are weighed, their plain error is then the score, plus what the weighed score has beyond twice that
        of a usual row.
    weigh : bool or "auto"
        Whether a row's weighed score counts: two halves, its residual and its distance from usual rows, each weighed by
        how it varies among usual rows. "auto": with the scales "robust" and "standard".
    scale : {"robust", "standard", "minmax", None}
        "robust": median and quartiles, and logarithms beyond three deviations. The others as in
        `AutoencoderTransformer`.
    code_size : "auto" or int
        "auto": a quarter of the features, rounded up, and 32 at most. A code as wide as the data could copy anything.
    hidden_activation : str
        tanh bends less sharply than relu and learns a single odd row by heart less easily.
    epochs, batch_size : "auto" or int
        "auto": about 600 updates, in batches of 32 (100 for more than 5,000 rows).
    learning_rate : "auto", float or schedule
        "auto": from 0.001 down along a cosine.
    hidden_sizes, code_activation, output_activation, loss, corruption, corruption_level, penalty, penalty_weight, \
rho, k, optimizer, validation_split, patience, random_state, threads, verbose
        As in `AutoencoderTransformer`.

    Attributes
    ----------
    offset_ : float
        decision_function = score_samples - offset_.
    detector_ : tinyae.applications.anomaly.Detector
    model_, history_, n_iter_
        Of the first net.
    scaling_, n_features_in_, feature_names_in_
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
        self, *, contamination=0.1, members=2, linear=True, weigh="auto", hidden_sizes=(64,), code_size="auto",
        hidden_activation="tanh", code_activation="linear", output_activation="auto", loss="auto", scale="robust",
        corruption=None, corruption_level=0.3, penalty=None, penalty_weight=1e-3, rho=0.05, k=None, epochs="auto",
        batch_size="auto", optimizer="adam", learning_rate="auto", validation_split=0.0, patience=None,
        random_state=None, threads=None, verbose=False,
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
        self.members = members
        self.linear = linear
        self.weigh = weigh

    def fit(self, X, y=None):
        """Train the net on X (N, D) and set `offset_`; y is not used. Returns self."""
        share = self.contamination
        if not (isinstance(share, str) and share == "auto"):
            share = check_float(self._who, 'contamination other than "auto"', share, 0.0, 0.5, open_low=True)
        X = validate_data(self, X, dtype=FLOATS)
        self._check_names()
        check_choice(self._who, "scale", self.scale, SCALES)
        random = check_random_state(self.random_state)
        self.detector_ = fit_detector(
            X, scale=self.scale or "none", members=self.members, linear=self.linear, weigh=self.weigh,
            epochs=self.epochs if _auto(self.epochs) else check_int(self._who, "epochs", self.epochs, 1),
            batch_size=self.batch_size, optimizer=self._optimizer, make_net=self._build,
            seed=int(random.randint(2**31 - 1)), threads=self.threads, progress=bool(self.verbose), who=self._who,
            validation_split=self.validation_split,
            callbacks=() if self.patience is None else (Patience(patience=self.patience),),
        )  # fmt: skip
        self.scaling_ = self.detector_.scaling or Scaling(self._who, None, X)
        self.model_, self.history_ = self.detector_.nets[0], self.detector_.histories[0]
        self.n_iter_ = len(self.history_)
        scores = self.score_samples(X)
        self.offset_ = offset_by_shape(scores) if share == "auto" else float(np.percentile(scores, 100 * share))
        return self

    def feature_errors(self, X):
        """The part of every number in its row's score, >= 0 (N, D): the columns can be compared."""
        X = self._checked(X)
        return self.detector_.feature_errors(X, self.threads)

    def score_samples(self, X):
        """Minus the mean of `feature_errors` over the columns (N,): the higher, the more normal."""
        X = self._checked(X)
        return -self.detector_.scores(X, self.threads)

    def decision_function(self, X):
        """score_samples - offset_ (N,): negative for outliers."""
        return self.score_samples(X) - self.offset_

    def predict(self, X):
        """+1 for inliers, -1 for outliers (N,)."""
        return np.where(self.decision_function(X) < 0, -1, 1)

    def _checked(self, X):
        check_is_fitted(self, "detector_")
        return validate_data(self, X, dtype=FLOATS, reset=False)

    def _optimizer(self):
        rate = Cosine(OF_COLUMNS.rate, final=0.02) if _auto(self.learning_rate) else self.learning_rate
        return OPTIMIZERS[self.optimizer](lr=rate)

    def _code_size(self, n_features):
        return auto_code_size(n_features) if _auto(self.code_size) else self.code_size


def _auto(value):
    return isinstance(value, str) and value == AUTO


def offset_by_shape(scores):
    """The offset of contamination="auto" from the training rows' scores (N,), minus their errors."""
    return -shape_limit(-scores)
