"""The linear probe: how well codes, frozen as they are, can be told apart by class with straight boundaries.

The classifier is multinomial logistic regression. Its loss is convex, so a probe measures the codes and not the luck of
a training run: it is minimised to the bottom, with `tinyae.minimisers.lbfgs`.
"""

import math
import warnings

import numpy as np

from tinyae.checks import UsageError, as_float_array, check_choice, check_finite, check_float, check_int, check_shape
from tinyae.minimisers.lbfgs import minimise
from tinyae.scaling import Scaling
from tinyae.training.memory import pieces
from tinyae.training.threads import Team, thread_count

ROWS_AT_ONCE = 512  # both products of a pass find these rows in the cache
WEIGHT_DECAY = 1e-3
PROBE_SCALES = ("standard", "common")


class LinearProbe:
    """Multinomial logistic (softmax) regression on standardised codes, with weight decay.

    With z the codes, every column brought to mean 0 and standard deviation 1,

        p(c | z) = exp(a_c) / sum_c' exp(a_c'),    a = z W + b,
        L = -1/N sum_n log p(y_n | z_n) + weight_decay / 2 sum_ic W_ic^2    (nats per code)

    and dL/da_nc = (p(c | z_n) - [y_n = c]) / N. Biases are not decayed. (scikit-learn's LogisticRegression on the same
    z with C = 1 / (N weight_decay) minimises N times the same.)

    Parameters
    ----------
    weight_decay : float >= 0
    scale : {"standard", "common"}
        Whether every column gets a standard deviation of 1, or all are divided by one number. "common" suits sparse
        codes: a unit that is rarely on has a small deviation, and dividing by it makes the unit loud.
    tolerance : float > 0
        Training ends where no entry of dL/d(W, b) is larger.
    max_iterations : int
        Steps of L-BFGS after which it gives up, with a warning.
    threads : int, optional
        Worker threads; one per core without it. Same number of threads: same bits.

    Attributes
    ----------
    classes : array (C,)
        The labels, sorted.
    scaling : tinyae.scaling.Scaling
        What standardises the codes.
    W, b : arrays (D, C), (C,)
        For standardised codes.
    minimum : tinyae.minimisers.lbfgs.Minimum
        L at the end, iterations, whether it converged.

    Codes in float32 are computed with in float32 as far as its rounding allows, all others in float64.

    Examples
    --------
    >>> probe = LinearProbe().fit(model.encode(data.x_train), data.y_train)
    >>> 1 - probe.accuracy(model.encode(data.x_test), data.y_test)  # the linear probe's error
    """

    def __init__(
        self, weight_decay=WEIGHT_DECAY, *, scale="standard", tolerance=1e-5, max_iterations=1000, threads=None
    ):
        self.weight_decay = check_float("LinearProbe", "weight_decay", weight_decay, 0.0, math.inf, open_high=True)
        check_choice("LinearProbe", "scale", scale, PROBE_SCALES)
        self.scale = scale
        self.tolerance = check_float("LinearProbe", "tolerance", tolerance, 0.0, math.inf, open_low=True)
        self.max_iterations = check_int("LinearProbe", "max_iterations", max_iterations, 1)
        self.threads = thread_count(threads)

    def fit(self, codes, labels):
        """Train on codes (N, D) with labels (N,), whole numbers or words, of at least two classes. Returns self.

        Warns
        -----
        RuntimeWarning
            `max_iterations` were not enough.
        """
        codes, labels = _checked("LinearProbe.fit", codes, labels)
        self.classes, y = np.unique(labels, return_inverse=True)
        if len(self.classes) < 2:
            raise UsageError(f"LinearProbe.fit: expected labels of at least two classes, got {self.classes.tolist()}.")
        self.scaling = Scaling("LinearProbe", self.scale, codes, among=PROBE_SCALES)
        D, C = codes.shape[1], len(self.classes)
        with Team(self.threads) as team:
            found, left = None, self.max_iterations
            # float32's rounding can hide the last of the descent; then float64 goes on from there.
            for dtype in dict.fromkeys((codes.dtype, np.dtype(np.float64))):
                loss = SoftmaxLoss(self.scaling.apply(codes.astype(dtype, copy=False)), y, C, self.weight_decay, team)
                start = np.zeros((D + 1) * C) if found is None else found.theta
                found = minimise(loss, start, tolerance=self.tolerance, max_iterations=left)
                left -= found.iterations
                if found.converged or not left:
                    break
        if not found.converged:
            warnings.warn(
                f"LinearProbe.fit: expected a gradient below {self.tolerance:g}, got "
                f"{np.abs(found.gradient).max():.1e} after {self.max_iterations - left} iterations; use more "
                "weight_decay, max_iterations or tolerance.",
                RuntimeWarning,
                stacklevel=2,
            )
        self.minimum = found
        self.W, self.b = split(found.theta, C)
        return self

    def scores(self, codes):
        """a = z W + b (N, C): log p(c | z) up to a number for every row."""
        codes = self._known("LinearProbe.scores", codes)
        return self.scaling.apply(codes).astype(np.float64, copy=False) @ self.W + self.b

    def predict(self, codes):
        """The most probable class of every code, as labels (N,)."""
        best = self.scores(codes).argmax(axis=1)
        return self.classes[best]

    def accuracy(self, codes, labels):
        """Share of codes (N, D) whose label (N,) is predicted: a float in [0, 1]. Unknown labels count as missed."""
        codes, labels = _checked("LinearProbe.accuracy", codes, labels)
        return float(np.mean(self.predict(codes) == labels))

    def _known(self, who, codes):
        if not hasattr(self, "W"):
            raise UsageError(f"{who}: expected a trained probe, got one before fit.")
        codes = _float_codes(who, codes)
        check_shape(who, codes, ("N", len(self.W)), name="codes")
        return codes


def linear_probe_accuracy(
    codes_train, labels_train, codes_test, labels_test, *, weight_decay=WEIGHT_DECAY, scale="standard", threads=None
):
    """Share of test codes whose class a linear classifier, trained on the training codes, predicts.

    One minus it is the "linear probe error" of tables. See `LinearProbe` for what is trained, and how.

    Parameters
    ----------
    codes_train, codes_test : arrays (N, D), (M, D)
    labels_train, labels_test : arrays (N,), (M,)
        Whole numbers or words.
    weight_decay : float >= 0
    scale : {"standard", "common"}
    threads : int, optional

    Returns
    -------
    float in [0, 1]
    """
    codes_test, labels_test = _checked("linear_probe_accuracy", codes_test, labels_test, "_test")
    codes_train, labels_train = _checked("linear_probe_accuracy", codes_train, labels_train, "_train")
    check_shape("linear_probe_accuracy", codes_test, ("M", codes_train.shape[1]), name="codes_test")
    probe = LinearProbe(weight_decay, scale=scale, threads=threads).fit(codes_train, labels_train)
    return probe.accuracy(codes_test, labels_test)


class SoftmaxLoss:
    """L of `LinearProbe` and its gradient, as a function of theta = (W, b) in one vector; every worker takes rows.

    Parameters
    ----------
    z : array (N, D), float32 or float64
        Products are formed in this type; sums and theta are float64.
    y : integer array (N,)
        Classes from 0.
    n_classes : int
    weight_decay : float
    team : tinyae.training.threads.Team
    """

    def __init__(self, z, y, n_classes, weight_decay, team):
        self.z, self.y, self.n_classes, self.weight_decay, self.team = z, y, n_classes, weight_decay, team

    def __call__(self, theta):
        """L, a float, and dL/dtheta (like theta)."""
        W, b = split(theta, self.n_classes)
        losses, gradients = np.zeros(self.team.size), np.zeros((self.team.size, theta.size))
        parts = self.team.parts(len(self.z))

        def work(worker):
            losses[worker] = self._of_rows(parts[worker], W, b, *split(gradients[worker], self.n_classes))

        self.team.run(work)
        gradient = gradients.sum(axis=0) / len(self.z)
        split(gradient, self.n_classes)[0][...] += self.weight_decay * W
        return losses.sum() / len(self.z) + self.weight_decay / 2 * np.square(W).sum(), gradient

    def _of_rows(self, rows, W, b, dW, db):
        """The summed loss of some rows; their gradient is added to dW and db."""
        W, b = W.astype(self.z.dtype), b.astype(self.z.dtype)
        loss = 0.0
        for block in pieces(rows, ROWS_AT_ONCE):
            z, y = self.z[block], self.y[block]
            mine = np.arange(len(y)), y
            a = z @ W
            a += b
            a -= a.max(axis=1, keepdims=True)  # the same probabilities, and no overflow
            loss -= a[mine].sum(dtype=np.float64)
            p = np.exp(a, out=a)
            total = p.sum(axis=1, keepdims=True)
            loss += np.log(total).sum(dtype=np.float64)
            p /= total
            p[mine] -= 1  # N dL/da_nc = p(c | z_n) - [y_n = c]
            dW += z.T @ p
            db += p.sum(axis=0, dtype=np.float64)
        return loss


def split(theta, n_classes):
    """A vector as its parts W (D, C) and b (C,), views into it."""
    return theta[:-n_classes].reshape(-1, n_classes), theta[-n_classes:]


def _float_codes(who, codes, name="codes"):
    codes = np.asarray(codes)
    codes = as_float_array(who, codes, np.float32 if codes.dtype == np.float32 else np.float64, name)
    check_shape(who, codes, ("N", "D"), name=name)
    check_finite(who, codes, name)
    return codes


def _checked(who, codes, labels, suffix=""):
    """Codes (N, D) in a float type and labels (N,), both as arrays."""
    codes, labels = _float_codes(who, codes, f"codes{suffix}"), np.asarray(labels)
    check_shape(who, labels, (len(codes),), name=f"labels{suffix}")
    if not len(codes):
        raise UsageError(f"{who}: expected at least one code in codes{suffix}, got none.")
    if labels.dtype.kind not in "biuU":
        raise UsageError(f"{who}: expected labels{suffix} to be whole numbers or words, got {labels.dtype} numbers.")
    return codes, labels
