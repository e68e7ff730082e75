"""Training one RBM with contrastive divergence: shards of a batch on worker threads, momentum, a row per epoch."""

import math
import time
import warnings

import numpy as np

from tinyae.checks import UsageError, as_float_array, check_finite, check_float, check_int, check_shape
from tinyae.kernels import updates
from tinyae.rbm.checkpoint import RBMCheckpoint
from tinyae.training.history import History
from tinyae.training.progress import progress_bar
from tinyae.training.slabs import SlabUpdate
from tinyae.training.threads import Team, thread_count

# Hinton & Salakhutdinov's published code: rates, momentum (low while the weights still turn), weight cost.
LEARNING_RATE = {"bernoulli": 0.1, "gaussian": 0.001}  # by kind of unit; linear ones, on either side, diverge at 0.1
LEARNING_RATE_OF_WORDS = 0.02  # counts are larger than probabilities: at 0.1 the hidden units fall silent
MOMENTUM = (0.5, 0.9)
MOMENTUM_SWITCH = 5
WEIGHT_COST = 0.0002

OPEN = {"open_low": True, "open_high": True}
WATCHED_ROWS = 1000  # rows on which free energy and activations are measured after each epoch
DEAD, SATURATED = 0.01, 0.99  # a unit is dead (saturated) when it never leaves that side of the range on those rows
TOLERATED = 0.05  # share of dead or saturated units beyond which training warns


def fit_rbm(
    rbm,
    x,
    *,
    epochs=10,
    batch_size=100,
    lr=None,
    momentum=MOMENTUM,
    momentum_switch=MOMENTUM_SWITCH,
    weight_cost=WEIGHT_COST,
    k=1,
    validation=None,
    shuffle=True,
    last_hidden=None,
    seed=0,
    threads=None,
    progress=True,
    checkpoint=None,
):
    """Train `rbm` on x (N, D) with CD-k.

    Parameters
    ----------
    rbm : RBM
        Changed in place.
    x : array (N, D)
        In [0, 1] for Bernoulli visible units (probabilities, as in the paper), standardised for Gaussian ones.
    epochs, batch_size : int
    lr : float, optional
        Learning rate; without it 0.1 for Bernoulli units, 0.02 where the visible ones are words, and 0.001 where there
        are Gaussian units on either side.
    momentum : (float, float)
        In the first `momentum_switch` epochs, and after them.
    weight_cost : float
        Weight decay of W (not of the biases).
    k : int
        Steps of Gibbs sampling.
    validation : array (M, D), optional
        Rows whose free energy is compared with the training rows': a growing gap means over-fitting.
    shuffle : bool
        A new order of the rows every epoch; False takes the same batches in the same order for ever, as the paper's
        code does.
    last_hidden : array (N, K), optional
        Filled in the last epoch with E[h | v] of every row of x, as it was right before the update by that row's batch:
        what the paper's code trains the next RBM on. Such means are a little stale.
    seed : int or numpy.random.Generator
        Order of the rows and the units' noise.
    threads : int, optional
    progress : bool or str
    checkpoint : path, optional
        A folder in which the run is kept after every epoch. Where it holds this very run, killed or interrupted, the
        run goes on after the last whole epoch and ends bit for bit as if it had never been stopped; where it holds it
        finished, its result comes back at once. Another run's checkpoint is refused.

    Returns
    -------
    History
        Per epoch: `reconstruction_error` (sum of squares per row, mean over rows, of the one-step reconstruction while
        training), `free_energy` and `mean_activation` (mean of E[h | v]) on some training rows,
        `free_energy_validation`, `seconds`.

    Raises
    ------
    UsageError
        Wrong shape, NaN, values out of range, settings out of range, another run's checkpoint.
    FloatingPointError
        The weights became NaN or infinite: names the epoch.

    Warns
    -----
    RuntimeWarning
        More than 5 % of the hidden units are dead (never on) or saturated (never off) at the end.
    """
    x = _checked(rbm, x, "x")
    validation = None if validation is None else _checked(rbm, validation, "validation")
    epochs, batch_size = check_int("fit_rbm", "epochs", epochs, 1), check_int("fit_rbm", "batch_size", batch_size, 1)
    check_int("fit_rbm", "k", k, 1)
    lr = check_float("fit_rbm", "lr", default_rate(rbm) if lr is None else lr, 0, math.inf, **OPEN)
    check_float("fit_rbm", "weight_cost", weight_cost, 0, math.inf, open_high=True)
    check_int("fit_rbm", "momentum_switch", momentum_switch, 0)
    if np.shape(momentum) != (2,):
        raise UsageError(f"fit_rbm: expected momentum to be a pair (first epochs, later), got {momentum!r}.")
    for value in momentum:
        check_float("fit_rbm", "momentum", value, 0, 1, open_high=True)
    if last_hidden is not None:
        check_shape("fit_rbm", last_hidden, (len(x), rbm.n_hidden), "last_hidden")
    settings = {
        "epochs": epochs, "batch_size": batch_size, "lr": lr, "momentum": momentum, "momentum_switch": momentum_switch,
        "weight_cost": weight_cost, "k": k, "shuffle": bool(shuffle), "last_hidden": last_hidden is not None,
    }  # fmt: skip
    rng = np.random.default_rng(seed)
    history, watched = History(), x[:WATCHED_ROWS]
    steps = -(-len(x) // batch_size)
    with Team(thread_count(threads)) as team:
        step = CDStep(rbm, team, k, weight_cost, rng)
        kept = RBMCheckpoint(checkpoint, step, rng, last_hidden, x, settings)
        history.rows += kept.restore()
        with progress_bar(epochs * steps, progress, len(history) * steps) as bar:
            for epoch in range(len(history) + 1, epochs + 1):
                started = time.perf_counter()
                order = rng.permutation(len(x)) if shuffle else np.arange(len(x))
                speed = momentum[0] if epoch <= momentum_switch else momentum[1]
                hidden = last_hidden if epoch == epochs else None
                error = 0.0
                for s in range(steps):
                    error += step(x, order[s * batch_size : (s + 1) * batch_size], lr, speed, hidden)
                    bar.update()
                row = {"epoch": epoch, "reconstruction_error": error / len(x), **_watch(rbm, watched, validation)}
                if not all(math.isfinite(value) for value in row.values()):
                    raise FloatingPointError(
                        f"fit_rbm: expected finite weights, got NaN or infinity in epoch {epoch} of {rbm!r}; "
                        "try a smaller lr."
                    )
                history.append(row | {"seconds": time.perf_counter() - started})
                kept.epoch_done(history.rows, finished=epoch == epochs)
                bar.set_postfix(error=f"{row['reconstruction_error']:.2f}", refresh=False)
    _warn_of_useless_units(rbm, watched)
    return history


def default_rate(rbm):
    """The learning rate where none is given."""
    rates = LEARNING_RATE | {"softmax": LEARNING_RATE_OF_WORDS}
    return min(rates[rbm.hidden], rates[rbm.visible])


class CDStep:
    """One CD-k update: every worker takes a part of the batch's rows, with random numbers of its own.

    Positive and negative phase lie in one array each: with V = [v1; v0] and H = [h1; -h0] the gradient of the
    *negative* log-likelihood's estimate is the single product V' H = v1' h1 - v0' h0. It is formed in slabs right
    before the update (`tinyae.training.slabs`).
    """

    def __init__(self, rbm, team, k, weight_cost, rng):
        self.rbm, self.team, self.k, self.weight_cost = rbm, team, k, weight_cost
        self.rngs = rng.spawn(team.size)
        self.velocity = np.zeros_like(rbm.theta)
        self._weights = SlabUpdate(0, rbm.n_visible, rbm.n_hidden, team, team.size, rbm.theta.dtype)
        self._biases = np.zeros((team.size, rbm.theta.size - rbm.n_weights), rbm.theta.dtype)
        self._memory = [{} for _ in range(team.size)]
        self._factors = [None] * team.size
        self._errors = np.zeros(team.size)

    def __call__(self, x, rows, lr, momentum, hidden=None):
        """Update the RBM on x[rows]; return the batch's summed squared reconstruction error.

        `hidden` (N, K), where given, gets E[h | v] at x[rows] before the update, in its rows of those numbers.
        """
        parts = self.team.parts(len(rows))
        self.team.run(lambda worker: self._statistics(worker, x, rows[parts[worker]], len(rows), hidden))
        number = self.rbm.theta.dtype.type
        self.team.run(lambda worker: self._update(worker, number(lr), number(momentum)))
        return self._errors.sum()

    def _statistics(self, worker, x, rows, batch, hidden):
        """Run the chain from x[rows]; keep V, and H divided by the batch's size."""
        rbm, n = self.rbm, len(rows)
        V, H, sample = (a[: 2 * n] for a in self._arrays(worker, n))
        v0, h0, v1, h1 = V[n:], H[n:], V[:n], H[:n]
        sample = sample[:n]
        np.take(x, rows, axis=0, out=v0, mode="clip")
        rbm.hidden_mean(v0, out=h0)
        if hidden is not None:
            hidden[rows] = h0
        mean = h0
        for _ in range(self.k):
            rbm.sample_hidden(mean, self.rngs[worker], out=sample)
            rbm.visible_mean(sample, out=v1, like=v0)
            mean = rbm.hidden_mean(v1, out=h1)
        self._errors[worker] = _squared_distance(v0, v1)
        share = H.dtype.type(1 / batch)
        h1 *= share
        h0 *= -share
        b, c = np.split(self._biases[worker], [rbm.n_visible])
        np.subtract(v1.sum(axis=0), v0.sum(axis=0), out=b)
        b *= share
        rbm.hidden_statistic(V, H, out=c)  # of h1, less that of h0
        self._factors[worker] = (V, H)

    def _update(self, worker, lr, momentum):
        """velocity = momentum velocity + g + cost W;  theta -= lr velocity: the cost on the weights alone."""
        theta, velocity, edge = self.rbm.theta, self.velocity, self.rbm.n_weights
        cost, none = theta.dtype.type(self.weight_cost), theta.dtype.type(0)

        def update(grads, start, stop, offset, decay=cost):
            updates.momentum(theta, grads, velocity, start, stop, lr, momentum, False, decay, offset)

        self._weights.work(worker, self._factors, update)
        if worker == 0:
            update(self._biases, edge, theta.size, edge, none)

    def _arrays(self, worker, n):
        """V (2n, D), H (2n, K) and the hidden sample (n, K), kept from step to step."""
        memory, rbm = self._memory[worker], self.rbm
        if memory.get("rows", -1) < n:
            dtype = rbm.theta.dtype
            memory["arrays"] = (
                np.empty((2 * n, rbm.n_visible), dtype),
                np.empty((2 * n, rbm.n_hidden), dtype),
                np.empty((n, rbm.n_hidden), dtype),
            )
            memory["rows"] = n
        return memory["arrays"]


def _squared_distance(a, b):
    difference = np.subtract(a, b).ravel()
    return float(difference @ difference)


def _checked(rbm, x, name):
    x = as_float_array("fit_rbm", x, rbm.theta.dtype, name)
    check_shape("fit_rbm", x, ("N", rbm.n_visible), name)
    if not len(x):
        raise UsageError(f"fit_rbm: expected at least one row in {name}, got none.")
    check_finite("fit_rbm", x, name)
    if rbm.visible == "bernoulli" and (x.min() < 0 or x.max() > 1):
        raise UsageError(
            f"fit_rbm: expected {name} in [0, 1] for Bernoulli visible units, got values from {x.min():g} to "
            f"{x.max():g}; scale the data or use visible='gaussian'."
        )
    if rbm.visible == "softmax" and x.min() < 0:
        raise UsageError(f"fit_rbm: expected counts of words >= 0 in {name}, got {x.min():g}.")
    return np.ascontiguousarray(x)


def _watch(rbm, watched, validation):
    with np.errstate(over="ignore", invalid="ignore"):  # diverged weights are told of by one error, not by warnings
        row = {
            "free_energy": float(rbm.free_energy(watched).mean()),
            "mean_activation": float(rbm.hidden_mean(watched).mean()),
        }
        if validation is not None:
            row["free_energy_validation"] = float(rbm.free_energy(validation[:WATCHED_ROWS]).mean())
    return row


def _warn_of_useless_units(rbm, watched):
    """One warning on hidden units that say nothing about the data: their downstream weights only act as biases."""
    if rbm.hidden != "bernoulli":
        return
    mean = rbm.hidden_mean(watched)
    dead, saturated = int((mean.max(axis=0) < DEAD).sum()), int((mean.min(axis=0) > SATURATED).sum())
    if dead + saturated > TOLERATED * rbm.n_hidden:
        warnings.warn(
            f"fit_rbm: {dead} of {rbm.n_hidden} hidden units are dead (never above {DEAD}) and {saturated} saturated "
            f"(never below {SATURATED}); try a smaller lr, smaller initial weights or a larger weight_cost.",
            RuntimeWarning,
            stacklevel=3,
        )
