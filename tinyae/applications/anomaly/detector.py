"""The trained detector: errors of numbers, scores of samples, what it expected in their place."""

import numpy as np

from tinyae.applications.anomaly.weighing import both_squares
from tinyae.checks import check_finite, check_samples
from tinyae.samples.lazy import blocks


class Detector:
    """What `fit_detector` gives and `tinyae.applications.anomaly.load` reads.

    Attributes
    ----------
    nets : list of Autoencoder
        Of scaled rows (N, D).
    linear : PCA or None
        The linear autoencoder beside them.
    scaling : object with apply and undo, or None
    weighings : (Weighing, Weighing) or None
        Of residuals and of rows.
    combining : Combining or None
        Of the weighed score with the plain error of principal components.
    sample_shape : tuple of int
        Of one sample, (D,) or (H, W, C).
    histories : list of History
        Of the nets' training; empty for a detector from a file.
    settings : dict or None
        Plain JSON: what a file needs to make the nets again; None for nets of one's own.
    threshold : Threshold or None
        Of alarms, where one has been chosen.
    preprocessing : plain JSON or None
        How data were read before they came here (`tinyae.samples.Preparation.to_json`); kept in a file.
    """

    def __init__(self, nets, linear, scaling, sample_shape, settings=None, histories=()):
        self.nets, self.linear, self.scaling = nets, linear, scaling
        self.weighings = self.combining = None
        self.sample_shape, self.settings, self.histories = tuple(sample_shape), settings, list(histories)
        self.threshold = self.preprocessing = None

    @property
    def code_size(self):
        return self.nets[0].code_size

    def scores(self, x, threads=None):
        """Mean of `feature_errors` over the numbers of each sample (N,), float64: the higher, the stranger.

        Where it is weighed, a usual row of the training data has about 1.
        """
        scores = np.empty(len(x))
        for rows in blocks(x):
            scores[rows] = self._errors(x[rows], threads)[0].mean(axis=1)
        return scores

    def feature_errors(self, x, threads=None):
        """The part of every number in its sample's score, >= 0, like x (N, ...): which column, which pixel."""
        return self._errors(x, threads)[0].reshape(np.shape(x))

    def reconstruct(self, x, threads=None):
        """What the detector expected in the place of x (N, ...), in x's own unit."""
        return self.explain(x, threads)[1]

    def explain(self, x, threads=None):
        """(`feature_errors`, `reconstruct`) of x at once, both like x (N, ...)."""
        errors, z = self._errors(x, threads)
        expected = z if self.scaling is None else self.scaling.undo(z)
        return errors.reshape(np.shape(x)), expected.reshape(np.shape(x))

    def _errors(self, x, threads):
        """Errors of all numbers and reconstructions of the scaled rows, (N, D) each."""
        check_samples("anomaly", x, self.sample_shape)
        x = np.asarray(x)
        x = x if x.dtype in (np.float32, np.float64) else x.astype(np.float64)
        check_finite("anomaly", x)
        x = x.reshape(len(x), -1)
        z = scaled(self.scaling, x)
        reconstruction = self.reconstruct_scaled(z, threads)
        residuals = reconstruction.astype(np.float64) - z
        errors = np.square(residuals) if self.weighings is None else both_squares(self.weighings, residuals, z)
        return errors if self.combining is None else self.combining.errors(x, errors), reconstruction

    def reconstruct_scaled(self, z, threads):
        """Mean of the members' reconstructions of scaled rows z (N, D), in z's float type."""
        nets = [net if net.theta.dtype == z.dtype else net.astype(z.dtype) for net in self.nets]
        parts = [net.reconstruct(z, threads=threads) for net in nets]
        parts += [self.linear.reconstruct(z)] if self.linear is not None else []
        return sum(parts) / z.dtype.type(len(parts))


def scaled(scaling, x):
    """Scaled rows, in x's float type."""
    return x if scaling is None else scaling.apply(x)
