"""The training loop: batch after batch a step, a row of history per epoch."""

import sys
import time

import numpy as np

from tinyae.layers.flat import named_views
from tinyae.training.checkpoint import NO_CHECKPOINT
from tinyae.training.history import History
from tinyae.training.line_search import step_of
from tinyae.training.memory import check_batch_fits
from tinyae.training.progress import progress_bar
from tinyae.training.shards import rows_per_pass, worker_count
from tinyae.training.threads import Team


class TrainingDivergedError(FloatingPointError):
    """The loss became NaN or infinite; the message names epoch, batch and the layer where it began."""


class Run:
    """One training run in progress: what callbacks see.

    Attributes
    ----------
    model, optimizer : what is trained, and how
    history : History
    epoch, epochs : int
        Current epoch, counted from 1, and how many are planned.
    first_epoch : int
        The epoch this process begins with: 1, or where it resumes a run, the one after the checkpoint.
    steps : int
        Batches in an epoch.
    training, validation : (x, y), and (x, y) or None
        The pairs trained on, and those held out.
    """

    def __init__(self, model, optimizer, epochs, steps, training, validation=None):
        self.model, self.optimizer, self.epochs, self.steps = model, optimizer, epochs, steps
        self.training, self.validation = training, validation
        self.history, self.epoch, self.first_epoch = History(), 0, 1

    @property
    def goes_on(self):
        """Whether there are epochs left."""
        return self.epoch < self.epochs and not self.history.stopped

    def stop(self, why):
        """End training after this epoch."""
        self.history.stopped = why


def train(
    model, x, y, *, optimizer, epochs, batch_size, validation, shuffle, rng, callbacks, threads, progress,
    checkpoint=NO_CHECKPOINT,
):  # fmt: skip
    """Minimise the model's loss on pairs (x, y); see `Autoencoder.fit`, which checks the arguments.

    `y is x` for an autoencoder's usual case. Returns the History.
    """
    steps = -(-len(x) // batch_size)
    run = Run(model, optimizer, epochs, steps, (x, y), validation)
    team_size = worker_count(model, batch_size, threads)
    check_batch_fits("fit", model, min(batch_size, len(x)), team_size, rows_per_pass(model))
    each = _Announcer(callbacks, run)
    model.set_training(False)  # the workers' replicas learn; the model itself is for use, by callbacks too
    checkpoint.open(run, rng, callbacks, batch_size=batch_size, shuffle=shuffle, threads=team_size)
    each("on_train_begin")
    checkpoint.restore()
    if progress and run.epoch:
        print(checkpoint.in_words(), file=sys.stderr, flush=True)
    bar = progress_bar(epochs * steps, run.goes_on and progress, done=run.epoch * steps)
    with checkpoint.undoing(), Team(team_size) as team, bar:
        step = step_of(model, optimizer, team, total_steps=epochs * steps)
        while run.goes_on:
            run.epoch += 1
            started = time.perf_counter()
            step.reseed(rng, run.epoch)
            order = rng.permutation(len(x)) if shuffle else np.arange(len(x))
            row = {"epoch": run.epoch} | train_epoch(run, step, order, batch_size, each, bar)
            if validation is not None:
                row |= named_parts(model, step.evaluate(*validation), "val_")
            if not (np.isfinite(model.theta).all() and all(map(np.isfinite, row.values()))):
                raise TrainingDivergedError(
                    explain_divergence(model, x, y, order[(steps - 1) * batch_size :], run.epoch, steps)
                )
            row |= {"lr": optimizer.lr, "seconds": time.perf_counter() - started}
            each("on_epoch_end", row)
            run.history.append(row)
            checkpoint.epoch_done()
            bar.set_postfix({k: f"{row[k]:.3f}" for k in ("loss", "val_loss") if k in row}, refresh=False)
    each("on_train_end")
    return run.history


def train_epoch(run, step, order, batch_size, each, bar):
    """One step per batch of the rows in `order`; the loss and every penalty, means over the epoch, by name."""
    (x, y), totals = run.training, np.zeros(len(run.model.series))
    for k in range(run.steps):
        rows = order[k * batch_size : (k + 1) * batch_size]
        batch_loss = step(x, y, rows)
        if not np.isfinite(batch_loss):
            raise TrainingDivergedError(explain_divergence(run.model, x, y, rows, run.epoch, k + 1))
        totals += step.parts * len(rows)
        each("on_batch_end", batch_loss)
        bar.update()
    return named_parts(run.model, totals / len(x))


def named_parts(model, parts, prefix=""):
    """{'loss': ..., 'l1': ..., 'objective': ...}: the loss, every penalty, and their sum where there are penalties."""
    row = {prefix + name: float(value) for name, value in zip(model.series, parts, strict=True)}
    if len(parts) > 1:
        row[f"{prefix}objective"] = float(sum(parts))
    return row


class _Announcer:
    """Calls one method of every callback, in order."""

    def __init__(self, callbacks, run):
        self.callbacks, self.run = callbacks, run

    def __call__(self, method, *arguments):
        for callback in self.callbacks:
            getattr(callback, method)(self.run, *arguments)


def explain_divergence(model, x, y, rows, epoch, batch):
    """One line on a loss that is not finite: where it was, and the first layer that gives NaN or infinity there."""
    place = f"fit: expected a finite loss, got NaN or infinity in epoch {epoch}, batch {batch}"
    targets = np.where(np.isnan(y[rows]), 0, y[rows]) if model.loss.missing else y[rows]
    for name, array in (("x", x[rows]), ("y", targets)):
        if not np.isfinite(array).all():
            sample = int(rows[np.argwhere(~np.isfinite(array))[0][0]])
            return f"{place}: the data holds it already ({name}, sample {sample}); remove or fill it."
    broken = [name for name, view in named_views(model, model.theta).items() if not np.isfinite(view).all()]
    with np.errstate(all="ignore"):
        layer = first_layer_not_finite(model, x[rows])
    parts = [f"layer {layer} gives it first"] if layer else []
    parts += [f"parameters not finite: {', '.join(broken[:4])}"] if broken else []
    return f"{place}: {'; '.join(parts) or 'the loss itself overflowed'}; try a smaller learning rate."


def first_layer_not_finite(model, x):
    """Name of the first layer of `model` whose output on x is not finite, or None."""
    for part in ("encoder", "decoder"):
        net = getattr(model, part)
        for name, layer in zip(net.layer_names, net.layers, strict=True):
            x = layer.forward(x)
            if not np.isfinite(x).all():
                return f"{part}.{name}"
    return None
