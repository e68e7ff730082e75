"""An encoder that keeps neighbours: rows that lie near each other get codes near each other.

Reconstruction alone arranges a code of two numbers badly: what lies where is settled while the decoder is still bad,
and cannot be mended later, as one class would have to be carried through another. Here the arrangement comes first,
from which rows are neighbours; no class is known, and no decoder. The codes are those of t-SNE in the form that needs
only a batch at a time:

    s_ik = 1 / (1 + |z_i - z_k|^2)                                                     the kernel of t-SNE
    L = -1/B sum_i log( s_ij / sum_k s_ik )       j: a neighbour of i;  k: every other row of the batch

that is, to tell from the codes which row of the batch is the neighbour.

Sources: van der Maaten & Hinton (2008), section 3 (the kernel); van der Maaten (2009), "Learning a Parametric Embedding
by Preserving Local Structure" (a deep encoder, pretrained by RBMs, instead of free codes); Damrich, Böhm, Hamprecht &
Kobak (2023), "From t-SNE to UMAP with contrastive learning" (this loss, there InfoNC-t-SNE).
"""

import math
import time

import numpy as np

from tinyae.analysis import PCA
from tinyae.checks import UsageError, as_float_array, check_finite, check_float, check_int, check_shape
from tinyae.files import writable_folder
from tinyae.layers import Dense, Linear
from tinyae.layers.flat import point_grads_at
from tinyae.neighbour_search import nearest_rows, without
from tinyae.optimizers import Adam
from tinyae.schedules import Cosine
from tinyae.training.history import History
from tinyae.training.progress import progress_bar
from tinyae.training.run_file import RunFile
from tinyae.training.same_run import NET, checksum_of_net, describe_array, describe_generator
from tinyae.training.threads import Team, thread_count

COMPONENTS = 50  # of PCA, in which neighbours are looked for: nearly all of the distance, little of the work


def fit_neighbours(
    model, x, *, epochs=20, batch_size=500, lr=2e-3, neighbours=15, seed=0, threads=None, progress=True, checkpoint=None
):  # fmt: skip
    """Train the encoder of `model` to keep the neighbours of x (N, ...) together; the decoder is left as it is.

    In the end the codes of x have mean 0 and, on average over the numbers of a code, variance 1.

    Parameters
    ----------
    model : Autoencoder
        Its encoder ends in a Dense layer, and has no noise. Changed in place.
    x : array (N, ...)
    epochs : int
        In each, as many pairs of neighbours are drawn as there are rows.
    batch_size : int
        Pairs in a step: the net sees twice as many rows.
    lr : float
        Highest rate of Adam, on a cosine.
    neighbours : int
        A row is paired with one of so many nearest rows, by Euclidean distance between COMPONENTS principal components.
    seed : int
    threads : int, optional
    progress : bool or str
    checkpoint : path, optional
        A folder of the run's own, in which every epoch is kept: a run that is called again, after a kill at whatever
        moment, goes on after the last epoch kept, and ends with the same bits. Another run's checkpoint is refused.

    Returns
    -------
    History
        Per epoch: `loss` (nats a pair; log(2 batch_size - 1) where codes say nothing), `seconds`.

    Raises
    ------
    UsageError
        Wrong shape, NaN, settings out of range, too few rows, an encoder that ends in something else, another run's
        checkpoint.
    FloatingPointError
        The weights became NaN or infinite: names the epoch.

    Examples
    --------
    >>> rbms, _ = fit_stack(x, (1000, 500, 250, 2), epochs=5)
    >>> model = unroll(rbms)
    >>> history = fit_neighbours(model, x)
    >>> codes = model.encode(x)  # a map of x; the decoder knows nothing of it yet
    """
    last = _last_dense(model)
    x = np.ascontiguousarray(as_float_array("fit_neighbours", x, model.theta.dtype, "x"))
    check_shape("fit_neighbours", x, ("N", *model.input_shape), "x")
    check_finite("fit_neighbours", x, "x")
    epochs = check_int("fit_neighbours", "epochs", epochs, 1)
    neighbours = check_int("fit_neighbours", "neighbours", neighbours, 1)
    batch_size = check_int("fit_neighbours", "batch_size", batch_size, 1)
    lr = check_float("fit_neighbours", "lr", lr, 0, math.inf, open_low=True, open_high=True)
    if len(x) <= max(neighbours, batch_size):
        raise UsageError(
            f"fit_neighbours: expected more than {max(neighbours, batch_size)} rows, got {len(x)}; "
            "lower batch_size or neighbours."
        )
    settings = {"epochs": epochs, "batch_size": batch_size, "lr": lr, "neighbours": neighbours}
    team, rng, history = Team(thread_count(threads)), np.random.default_rng(seed), History()
    steps = len(x) // batch_size
    step = NeighbourStep(model, Adam(Cosine(lr, warmup=0.02), beta2=0.99), team, epochs * steps)
    kept = NeighbourCheckpoint(checkpoint, model, step, rng, x, settings)
    history.rows += kept.restore()
    if len(history) < epochs:
        near = neighbours_of(x.reshape(len(x), -1), neighbours, threads)
    with team, progress_bar(epochs * steps, progress, len(history) * steps) as bar:
        for epoch in range(len(history) + 1, epochs + 1):
            started, total = time.perf_counter(), 0.0
            for _ in range(steps):
                some = rng.integers(len(x), size=batch_size)
                total += step(x, np.concatenate([some, near[some, rng.integers(neighbours, size=batch_size)]]))
                bar.update()
            if not math.isfinite(total):
                raise FloatingPointError(
                    f"fit_neighbours: expected finite weights, got NaN or infinity in epoch {epoch}; try a smaller lr."
                )
            history.append({"epoch": epoch, "loss": total / steps, "seconds": time.perf_counter() - started})
            kept.epoch_done(history.rows)
            bar.set_postfix(loss=f"{total / steps:.3f}", refresh=False)
    _standardise(last, model.encode(x, threads=threads))
    return history


def contrastive_loss(codes):
    """L of the module's formula, and its gradient.

    Parameters
    ----------
    codes : array (2 B, k)
        Row B + i is the code of a neighbour of row i; all but row i itself are what it is to be told from.

    Returns
    -------
    loss : float
    gradient : array (2 B, k)
        dL/dcodes, in float64.
    """
    codes = codes.astype(np.float64)
    pairs, rows = len(codes) // 2, np.arange(len(codes) // 2)
    anchors = codes[:pairs]
    squared = np.zeros((pairs, len(codes)))  # |z_i - z_k|^2, not from products: near codes would lose their digits
    for a, z in zip(anchors.T, codes.T, strict=True):
        squared += np.square(a[:, None] - z)
    s = 1 / (1 + squared)
    s[rows, rows] = 0
    share = s / s.sum(axis=1, keepdims=True)
    loss = -np.log(share[rows, pairs + rows]).mean()
    # dL/d log s_ik = (share_ik - [k = j]) / B,  d log s / d|z_i - z_k|^2 = -s,  d|z_i - z_k|^2 / dz_i = 2 (z_i - z_k)
    share[rows, pairs + rows] -= 1
    pull = share * s * (-2 / pairs)
    gradient = pull.sum(axis=0)[:, None] * codes - pull.T @ anchors
    gradient[:pairs] += pull.sum(axis=1)[:, None] * anchors - pull @ codes
    return float(loss), gradient


def neighbours_of(x, k, threads=None):
    """The numbers (N, k) of the k rows nearest to each row of x (N, D), itself left out, nearest first.

    By the Euclidean distance between COMPONENTS principal components.
    """
    places = np.ascontiguousarray(PCA(x, min(COMPONENTS, *x.shape)).encode(x), np.float32)
    rows, _ = nearest_rows(places, places, k + 1, threads)
    (others,) = without(rows, np.arange(len(x)))
    return others


class NeighbourStep:
    """One update of an encoder: every worker takes a part of the rows through a replica, the loss sees all codes."""

    def __init__(self, model, optimizer, team, total_steps):
        self.optimizer, self.team, self.total_steps = optimizer, team, total_steps
        self.theta = model.theta[: model.encoder.n_params]  # the decoder's come after it
        self.grads = np.zeros((team.size, model.theta.size), model.theta.dtype)
        replicas = [model.replica() for _ in range(team.size)]
        for replica, gradient in zip(replicas, self.grads, strict=True):
            point_grads_at(replica, gradient)
            replica.set_training(True)
        self.encoders = [replica.encoder for replica in replicas]
        self.code_size = model.encoder.output_shape[0]

    def __call__(self, x, rows):
        """Update on the pairs (x[rows[i]], x[rows[B + i]]); return their loss before it."""
        parts = self.team.parts(len(rows))
        codes = np.empty((len(rows), self.code_size), self.theta.dtype)

        def forward(worker):
            codes[parts[worker]] = self.encoders[worker].forward(x[rows[parts[worker]]])

        def backward(worker):
            self.encoders[worker].backward(gradient[parts[worker]], need_dx=False)

        def update(worker):
            mine = self.team.parts(self.theta.size)[worker]
            self.optimizer.update(self.theta, self.grads, mine.start, mine.stop)

        self.team.run(forward)
        loss, gradient = contrastive_loss(codes)
        if math.isfinite(loss):
            gradient = gradient.astype(self.theta.dtype)
            self.team.run(backward)
            self.optimizer.begin_step(self.theta, self.total_steps)
            self.team.run(update)
        return loss


class NeighbourCheckpoint:
    """The training of `fit_neighbours`, kept in `neighbours.npz` in a folder; nowhere if that is None."""

    def __init__(self, folder, model, step, rng, x, settings):
        self.step, self.rng, self.file = step, rng, None
        if folder is not None:
            folder = writable_folder(folder, "fit_neighbours: checkpoint")
            how = settings | {"threads": step.team.size, "x": describe_array(x)}
            start = {NET: checksum_of_net(model), "generator": describe_generator(rng)}
            account = {"settings": how, "start": start}
            self.file = RunFile(folder / "neighbours.npz", "fit_neighbours", "checkpoint of neighbours", account)

    def restore(self):
        """Bring the run to where the file left it; the rows of its history, none where there is no file."""
        kept = self.file and self.file.read()
        if not kept:
            return []
        self.step.theta[:] = kept["theta"]
        self.step.optimizer.load_state_dict(kept["optimizer"])
        self.rng.bit_generator.state = kept["generator"]
        return kept["rows"]

    def epoch_done(self, rows):
        """Keep what this epoch has left."""
        if self.file is not None:
            state = {"theta": self.step.theta, "optimizer": self.step.optimizer.state_dict()}
            self.file.write(rows=rows, generator=self.rng.bit_generator.state, **state)


def _last_dense(model):
    """The Dense layer that makes the codes."""
    layers = [layer for layer in model.encoder.layers if not isinstance(layer, Linear)]
    if not layers or not isinstance(layers[-1], Dense):
        raise UsageError(
            f"fit_neighbours: expected an encoder that ends in a Dense layer, got {layers[-1] if layers else 'none'}; "
            "end it in one with linear units."
        )
    return layers[-1]


def _standardise(dense, codes):
    """Shift and scale the layer that makes the codes (N, k), all numbers by the same factor."""
    mean, spread = codes.mean(axis=0), np.sqrt(codes.var(axis=0).mean())
    dense.params["b"][:] = (dense.params["b"] - mean) / spread
    dense.params["W"] /= spread
