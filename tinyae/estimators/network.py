"""What the autoencoder estimators share: their settings, and the net these make."""

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted, validate_data

from tinyae.autoencoder import Autoencoder
from tinyae.checks import UsageError, check_choice, check_int
from tinyae.corruption import Gaussian, Masking, SaltAndPepper
from tinyae.layers import Dense, KSparse
from tinyae.layers.activations import ACTIVATIONS
from tinyae.losses import LOSSES
from tinyae.optimizers import OPTIMIZERS
from tinyae.penalties import L1, L2, KLSparsity, Weighed
from tinyae.scaling import Scaling
from tinyae.training import EarlyStopping

FLOATS = (np.float64, np.float32)  # what X may be; everything else becomes the first
PENALTY_NAMES = (None, "l1", "l2", "kl")
CORRUPTION_NAMES = (None, "gaussian", "masking", "salt-and-pepper")
RECTIFIERS = ("relu", "leaky_relu")


class AutoencoderEstimator(BaseEstimator):
    """Base of `AutoencoderTransformer`, which explains the settings, and of `AutoencoderDetector`."""

    def __init__(
        self, *, hidden_sizes, code_size, hidden_activation, code_activation, output_activation, loss, scale,
        corruption, corruption_level, penalty, penalty_weight, rho, k, epochs, batch_size, optimizer, learning_rate,
        validation_split, patience, random_state, threads, verbose,
    ):  # fmt: skip
        self.hidden_sizes = hidden_sizes
        self.code_size = code_size
        self.hidden_activation = hidden_activation
        self.code_activation = code_activation
        self.output_activation = output_activation
        self.loss = loss
        self.scale = scale
        self.corruption = corruption
        self.corruption_level = corruption_level
        self.penalty = penalty
        self.penalty_weight = penalty_weight
        self.rho = rho
        self.k = k
        self.epochs = epochs
        self.batch_size = batch_size
        self.optimizer = optimizer
        self.learning_rate = learning_rate
        self.validation_split = validation_split
        self.patience = patience
        self.random_state = random_state
        self.threads = threads
        self.verbose = verbose

    @property
    def _who(self):
        return type(self).__name__

    # -- from settings to a trained net ---------------------------------------------------------------------------

    def _fit(self, X):
        """Scale X (N, D), build the net, train it; returns X checked."""
        X = validate_data(self, X, dtype=FLOATS)
        self._check_names()
        scaling = Scaling(self._who, self.scale, X)
        z = scaling.apply(X).astype(np.float32, copy=False)
        in_unit_interval = bool(self.scale == "minmax" or (self.scale is None and z.min() >= 0 and z.max() <= 1))
        random = check_random_state(self.random_state)
        seed_of_weights, seed_of_training = (int(random.randint(2**31 - 1)) for _ in range(2))
        model = self._build(z, in_unit_interval, seed_of_weights)
        history = model.fit(
            z,
            epochs=self.epochs,
            batch_size=self.batch_size,
            optimizer=OPTIMIZERS[self.optimizer](lr=self.learning_rate),
            validation_split=self.validation_split,
            callbacks=() if self.patience is None else (Patience(patience=self.patience),),
            threads=self.threads,
            seed=seed_of_training,
            progress=bool(self.verbose),
        )
        history.baselines = {}  # else it would hold on to the training data
        self.scaling_, self.model_, self.history_, self.n_iter_ = scaling, model, history, len(history)
        return X

    def _check_names(self):
        check_choice(self._who, "hidden_activation", self.hidden_activation, ACTIVATIONS)
        check_choice(self._who, "code_activation", self.code_activation, ACTIVATIONS)
        check_choice(self._who, "output_activation", self.output_activation, ("auto", *ACTIVATIONS))
        check_choice(self._who, "loss", self.loss, ("auto", *LOSSES))
        check_choice(self._who, "optimizer", self.optimizer, OPTIMIZERS)

    def _build(self, z, in_unit_interval, seed):
        """The net for scaled data z (N, D)."""
        who = self._who
        n_features = z.shape[1]
        hidden = [check_int(who, "each of hidden_sizes", size, 1) for size in as_sizes(who, self.hidden_sizes)]
        code_size = check_int(who, "code_size", self._code_size(n_features), 1)
        output_activation, loss = self._output(in_unit_interval)

        def layer(size, activation):
            return Dense(size, activation=activation, init="he" if activation in RECTIFIERS else "glorot")

        encoder = [layer(size, self.hidden_activation) for size in hidden] + [layer(code_size, self.code_activation)]
        decoder = [layer(size, self.hidden_activation) for size in reversed(hidden)]
        decoder += [layer(n_features, output_activation)]
        if self.k is not None:
            if check_int(who, "k", self.k, 1) > code_size:
                raise UsageError(f"{who}: expected k of at most {code_size}, the size of the code, got {self.k}.")
            encoder += [KSparse(self.k)]
        return Autoencoder(
            encoder, decoder, loss=loss, input_shape=n_features, seed=seed, penalty=self._penalties(),
            corruption=self._corruption(z, in_unit_interval),
        )  # fmt: skip

    def _code_size(self, n_features):
        return self.code_size

    def _output(self, in_unit_interval):
        """(output activation, loss) with "auto" filled in: each loss behind its own output unit."""
        activation, loss = self.output_activation, self.loss
        if loss == "auto":
            loss = "bce" if in_unit_interval and activation in ("auto", "sigmoid") else "mse"
        if activation == "auto":
            activation = {"bce": "sigmoid", "mse": "linear"}[loss]
        return activation, loss

    def _penalties(self):
        """The net's penalties: one from its name, or those given."""
        penalties = self.penalty if isinstance(self.penalty, list | tuple) else [self.penalty]
        if all(isinstance(p, Weighed) for p in penalties):
            return list(penalties)
        check_choice(self._who, "penalty", self.penalty, PENALTY_NAMES)
        if self.penalty is None:
            return []
        if self.penalty == "kl":
            if self.code_activation != "sigmoid":
                raise UsageError(
                    f"{self._who}: expected code_activation='sigmoid' with penalty='kl', whose units lie in (0, 1), "
                    f"got {self.code_activation!r}; set it, or use penalty='l1'."
                )
            return [KLSparsity(rho=self.rho, weight=self.penalty_weight)]
        return [{"l1": L1, "l2": L2}[self.penalty](self.penalty_weight)]

    def _corruption(self, z, in_unit_interval):
        """The noise on training data: one from its name, in the range of the scaled data, or the one given."""
        if callable(self.corruption):
            return self.corruption
        check_choice(self._who, "corruption", self.corruption, CORRUPTION_NAMES)
        if self.corruption is None:
            return None
        if self.corruption == "masking":
            return Masking(self.corruption_level)
        if self.corruption == "gaussian":
            low, high = (0.0, 1.0) if in_unit_interval else (None, None)
            return Gaussian(self.corruption_level, low, high)
        low, high = float(z.min()), float(z.max())
        return SaltAndPepper(self.corruption_level, low, high) if low < high else None

    # -- use ------------------------------------------------------------------------------------------------------

    def _scaled(self, X):
        """X (N, D) checked and scaled, and the net in its float type."""
        check_is_fitted(self, "model_")
        X = validate_data(self, X, dtype=FLOATS, reset=False)
        return self.scaling_.apply(X), self._net(X.dtype)

    def _net(self, dtype):
        """The net in float32, as trained, or its copy in float64."""
        return self.model_ if self.model_.theta.dtype == dtype else self.model_.astype(dtype)

    def _errors(self, X):
        """Scaled data z (N, D) and squared errors (z' - z)^2 (N, D), both float64."""
        z, net = self._scaled(X)
        reconstruction = net.reconstruct(z, threads=self.threads)
        z = z.astype(np.float64, copy=False)
        return z, np.square(reconstruction - z)


class Patience(EarlyStopping):
    """Early stopping that watches the held-out part where there is one, the training loss otherwise."""

    def on_train_begin(self, run):
        self.monitor = "loss" if run.validation is None else "val_loss"
        super().on_train_begin(run)


def as_sizes(who, sizes):
    """Sizes of layers as a list: 128 and (128,) are the same, () is none."""
    if isinstance(sizes, int | np.integer):
        return [sizes]
    try:
        return list(sizes)
    except TypeError:
        raise UsageError(f"{who}: expected hidden_sizes to be whole numbers such as (128,), got {sizes!r}.") from None
