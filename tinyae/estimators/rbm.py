"""A restricted Boltzmann machine as a scikit-learn transformer."""

from sklearn.base import BaseEstimator, ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted, validate_data

from tinyae.estimators.network import FLOATS
from tinyae.rbm.machine import RBM
from tinyae.rbm.pseudo_likelihood import log_pseudo_likelihood
from tinyae.rbm.training import fit_rbm
from tinyae.scaling import Scaling


class RBMTransformer(ClassNamePrefixFeaturesOutMixin, TransformerMixin, BaseEstimator):
    """Hidden probabilities of a Bernoulli RBM trained by contrastive divergence (`tinyae.rbm`).

    The interface is that of sklearn.neural_network.BernoulliRBM. That one is trained by persistent chains; this one by
    CD-k with momentum and weight decay, in Hinton's way.

    Parameters
    ----------
    n_components : int
        Hidden units.
    learning_rate : float > 0
    batch_size, n_iter : int
        Rows of a batch; epochs.
    k : int
        Steps of Gibbs sampling.
    weight_cost : float >= 0
        Weight decay.
    scale : {"minmax", None}
        Visible units are probabilities: "minmax" brings every column of the training data to [0, 1], None takes the
        data as they are, which must then lie in [0, 1].
    random_state : int, RandomState or None
        Draws initial weights, order and samples.
    threads : int, optional
        Worker threads; one per core without it. Each has random numbers of its own: the same `random_state` and the
        same number of threads give the same bits.
    verbose : bool
        A progress bar on stderr.

    Attributes
    ----------
    model_ : tinyae.RBM
        The machine, in float32; for Gibbs sampling and energies. It works on scaled rows.
    history_ : tinyae.History
        Reconstruction error and free energy by epoch.
    components_, intercept_hidden_, intercept_visible_ : arrays (n_components, D), (n_components,), (D,)
        Its weights and biases under scikit-learn's names.
    scaling_ : tinyae.scaling.Scaling
    n_features_in_, feature_names_in_
        As everywhere in scikit-learn.

    Raises
    ------
    UsageError (a ValueError)
        Settings out of range, by `fit`.
    """

    def __init__(
        self, n_components=256, *, learning_rate=0.1, batch_size=10, n_iter=10, k=1, weight_cost=0.0002,
        scale="minmax", random_state=None, threads=None, verbose=False,
    ):  # fmt: skip
        self.n_components = n_components
        self.learning_rate = learning_rate
        self.batch_size = batch_size
        self.n_iter = n_iter
        self.k = k
        self.weight_cost = weight_cost
        self.scale = scale
        self.random_state = random_state
        self.threads = threads
        self.verbose = verbose

    def fit(self, X, y=None):
        """Train the machine on X (N, D); y is not used. Returns self."""
        X = validate_data(self, X, dtype=FLOATS)
        scaling = Scaling("RBMTransformer", self.scale, X, among=("minmax", None))
        random = check_random_state(self.random_state)
        seed_of_weights, seed_of_training = (int(random.randint(2**31 - 1)) for _ in range(2))
        machine = RBM(X.shape[1], self.n_components, seed=seed_of_weights)
        history = fit_rbm(
            machine,
            scaling.apply(X),
            epochs=self.n_iter,
            batch_size=self.batch_size,
            lr=self.learning_rate,
            weight_cost=self.weight_cost,
            k=self.k,
            seed=seed_of_training,
            threads=self.threads,
            progress=bool(self.verbose),
        )
        self.scaling_, self.model_, self.history_ = scaling, machine, history
        return self

    def transform(self, X):
        """P(h = 1 | v) (N, n_components) for the rows v of X (N, D)."""
        v, machine = self._scaled(X)
        return machine.hidden_mean(v)

    def score_samples(self, X):
        """log PL(v) = sum_i log p(v_i | all others) (N,), in nats: the higher, the more likely a row.

        BernoulliRBM estimates the same number from one feature drawn at random; here the sum is over all of them
        (`tinyae.rbm.pseudo_likelihood`, which says how long that takes).
        """
        v, machine = self._scaled(X)
        return log_pseudo_likelihood(machine, v, self.threads)

    def score(self, X, y=None):
        """Mean of `score_samples`: higher is better, 0 is the highest there is."""
        return float(self.score_samples(X).mean())

    @property
    def components_(self):
        """W' (n_components, D)."""
        return self.model_.W.T

    @property
    def intercept_hidden_(self):
        """Biases c of the hidden units (n_components,)."""
        return self.model_.c

    @property
    def intercept_visible_(self):
        """Biases b of the visible units (D,)."""
        return self.model_.b

    @property
    def _n_features_out(self):
        return self.model_.n_hidden

    def _scaled(self, X):
        """X (N, D) checked and scaled, and the machine in its float type."""
        check_is_fitted(self, "model_")
        X = validate_data(self, X, dtype=FLOATS, reset=False)
        return self.scaling_.apply(X), self._machine(X.dtype)

    def _machine(self, dtype):
        """The machine in float32, as trained, or its copy in float64."""
        if self.model_.theta.dtype == dtype:
            return self.model_
        twin = RBM(self.model_.n_visible, self.model_.n_hidden, dtype=dtype)
        twin.theta[:] = self.model_.theta
        return twin

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags
