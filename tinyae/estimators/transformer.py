"""An autoencoder as a scikit-learn transformer: rows in, codes out."""

import numpy as np
from sklearn.base import ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.utils.validation import check_array, check_is_fitted

from tinyae.checks import check_shape
from tinyae.estimators.network import FLOATS, AutoencoderEstimator


class AutoencoderTransformer(ClassNamePrefixFeaturesOutMixin, TransformerMixin, AutoencoderEstimator):
    """Codes of rows, learnt by a dense autoencoder: what PCA does with straight lines, done with a net.

    The net is n_features - hidden_sizes - code_size - hidden_sizes reversed - n_features.

    Parameters
    ----------
    hidden_sizes : sequence of int
        Widths of the layers between input and code; () for none.
    code_size : int
        Numbers in a code.
    hidden_activation, code_activation : str
        Names in `tinyae.layers.activations.ACTIVATIONS`.
    output_activation : "auto" or str
        "auto": the loss's own output unit, sigmoid for "bce" and linear for "mse".
    loss : {"auto", "bce", "mse"}
        "auto": cross-entropy where the scaled data lie in [0, 1], squared error otherwise.
    scale : {"standard", "minmax", None}
        What is done to every column before training, and undone by `inverse_transform`: mean 0 and standard deviation
        1; the range [0, 1]; nothing (images in [0, 1]).
    corruption : {None, "gaussian", "masking", "salt-and-pepper"} or function of (x, rng)
        Noise put on the scaled rows while training (`tinyae.corruption`): a denoising autoencoder.
    corruption_level : float
        Standard deviation of Gaussian noise, or the share of numbers masked or replaced.
    penalty : {None, "l1", "l2", "kl"} or Penalty, EncoderPenalty or list of them
        On the code (`tinyae.penalties`) or the encoder. "kl" needs code_activation="sigmoid".
    penalty_weight : float >= 0
        Factor of a penalty given by its name.
    rho : float in (0, 1)
        Mean activation that "kl" asks for.
    k : int, optional
        Keep only the k largest numbers of every code (`tinyae.layers.KSparse`).
    epochs, batch_size : int
    optimizer : {"sgd", "rmsprop", "adam", "nadam"}
    learning_rate : float or schedule (`tinyae.schedules`)
    validation_split : float in [0, 1)
        Share of the rows held out of training, for `history_` and early stopping.
    patience : int, optional
        Stop when the held-out loss (without held-out rows the training loss) has not fallen for so many epochs, and
        put the best epoch's parameters back.
    random_state : int, RandomState or None
        Draws initial weights, order and noise. The same int, on the same machine with the same `threads`: same bits.
    threads : int, optional
        Worker threads; one per core without it. Small nets take one anyway.
    verbose : bool
        A progress bar on stderr.

    Attributes
    ----------
    model_ : tinyae.Autoencoder
        The net, in float32; it works on scaled rows.
    history_ : tinyae.History
        Losses by epoch.
    scaling_ : tinyae.scaling.Scaling
    n_iter_ : int
        Epochs trained.
    n_features_in_, feature_names_in_
        As everywhere in scikit-learn.

    Notes
    -----
    Training is in float32. Codes and reconstructions of float64 rows are computed in float64, those of float32 rows in
    float32, which is faster; either way the type of X comes back.

    Raises
    ------
    UsageError (a ValueError)
        Settings out of range, by `fit`.
    """

    def __init__(
        self, hidden_sizes=(128,), code_size=32, *, hidden_activation="relu", code_activation="linear",
        output_activation="auto", loss="auto", scale="standard", corruption=None, corruption_level=0.3, penalty=None,
        penalty_weight=1e-3, rho=0.05, k=None, epochs=100, batch_size=32, optimizer="adam", learning_rate=1e-3,
        validation_split=0.0, patience=None, random_state=None, threads=None, verbose=False,
    ):  # fmt: skip
        super().__init__(
            hidden_sizes=hidden_sizes, code_size=code_size, hidden_activation=hidden_activation,
            code_activation=code_activation, output_activation=output_activation, loss=loss, scale=scale,
            corruption=corruption, corruption_level=corruption_level, penalty=penalty, penalty_weight=penalty_weight,
            rho=rho, k=k, epochs=epochs, batch_size=batch_size, optimizer=optimizer, learning_rate=learning_rate,
            validation_split=validation_split, patience=patience, random_state=random_state, threads=threads,
            verbose=verbose,
        )  # fmt: skip

    def fit(self, X, y=None):
        """Train the net on X (N, D), to reconstruct its rows; y is not used. Returns self."""
        self._fit(X)
        return self

    def transform(self, X):
        """Codes (N, code_size) of X (N, D)."""
        z, net = self._scaled(X)
        return net.encode(z, threads=self.threads)

    def inverse_transform(self, X):
        """Rows (N, D), in the units of the training data, of codes X (N, code_size)."""
        check_is_fitted(self, "model_")
        codes = check_array(X, dtype=FLOATS)
        check_shape(f"{self._who}.inverse_transform", codes, ("N", self.model_.code_size), name="codes")
        return self.scaling_.undo(self._net(codes.dtype).decode(codes, threads=self.threads))

    def score(self, X, y=None):
        """Share of the variance of the scaled data that the reconstruction keeps: higher is better, 1 is perfect.

            1 - sum_nd (z'_nd - z_nd)^2 / sum_nd (z_nd - m_d)^2,    m the training data's mean

        0 is what the mean of the training data reaches. For PCA on the same scaled data it is the explained variance
        ratio, summed over the components kept. Where all rows of X are the mean, 1 if they come back, else 0.
        """
        z, errors = self._errors(X)
        total, lost = np.square(z - self.scaling_.mean).sum(), errors.sum()
        if total == 0:
            return float(lost == 0)
        return float(1 - lost / total)

    @property
    def _n_features_out(self):
        return self.model_.code_size

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags
