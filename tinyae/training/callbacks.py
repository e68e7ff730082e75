"""Things to do while training runs. A callback of one's own is a class with one of these methods.

class Print(Callback):
    def on_epoch_end(self, run, row):
        print(row["epoch"], row["loss"])
"""

import copy
import math

from tinyae.checks import UsageError, check_float, check_int
from tinyae.layers.base import every_layer


class Callback:
    """Base: every method does nothing. `run` is the `tinyae.training.loop.Run` in progress."""

    def on_train_begin(self, run):
        """Before the first batch."""

    def on_batch_end(self, run, loss):
        """After every update, with the batch's loss."""

    def on_epoch_end(self, run, row):
        """After every epoch, with its row of the history, which may be added to. `run.stop("why")` ends training."""

    def on_train_end(self, run):
        """After the last epoch."""


class EarlyStopping(Callback):
    """Stop when `monitor` has not fallen for `patience` epochs.

    Parameters
    ----------
    monitor : str
        A series of the history; lower is better. "val_loss" needs a validation part.
    patience : int
        Epochs without improvement to wait for.
    min_delta : float
        Smallest fall that counts as an improvement.
    restore_best : bool
        Put the parameters of the best epoch back at the end, also where training ran through.
    """

    def __init__(self, monitor="val_loss", patience=5, min_delta=0.0, restore_best=True):
        self.monitor = monitor
        self.patience = check_int("EarlyStopping", "patience", patience, 1)
        self.min_delta = check_float("EarlyStopping", "min_delta", min_delta, 0.0, math.inf)
        self.restore_best = restore_best

    def on_train_begin(self, run):
        self.best, self.best_epoch, self.best_theta, self.best_states = math.inf, 0, None, []

    def on_epoch_end(self, run, row):
        if self.monitor not in row:
            known = ", ".join(row)
            raise UsageError(f"EarlyStopping: expected monitor to be one of {known}, got {self.monitor!r}.")
        if row[self.monitor] < self.best - self.min_delta:
            self.best, self.best_epoch = row[self.monitor], row["epoch"]
            if self.restore_best:
                self.best_theta, self.best_states = run.model.theta.copy(), copy.deepcopy(_states(run.model))
        elif row["epoch"] - self.best_epoch >= self.patience:
            run.stop(
                f"{self.monitor} has not fallen below {self.best:.6g} (epoch {self.best_epoch}) "
                f"for {self.patience} epochs"
            )

    def on_train_end(self, run):
        if self.best_theta is not None:
            run.model.theta[:] = self.best_theta
            for layer_state, best in zip(_states(run.model), self.best_states, strict=True):
                for name, array in layer_state.items():
                    array[...] = best[name]  # in place: the workers' replicas share it


def _states(model):
    """What every layer holds beside its parameters, such as BatchNorm's running means: a list of dicts."""
    return [layer.state for layer in every_layer(model)]
