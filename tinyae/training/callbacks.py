"""Things to do while training runs. A callback of one's own is a class with one of these methods.

class Print(Callback):
    def on_epoch_end(self, run, row):
        print(row["epoch"], row["loss"])
"""

import math

from tinyae.checks import UsageError, check_float, check_int
from tinyae.layers.states import named_states


class Callback:
    """Base: every method does nothing. `run` is the `tinyae.training.loop.Run` in progress.

    Notes
    -----
    A run with a checkpoint (`fit(..., checkpoint=DIR)`) may be killed and go on in another process. A callback that
    remembers something from epoch to epoch hands it over with `state` and takes it back with `restore`:

        fresh run    on_train_begin, [batches, on_epoch_end, state()] of every epoch, on_train_end
        resumed run  on_train_begin, restore(state of the last whole epoch), the epochs that are left, on_train_end

    `on_train_begin` is called as at a fresh start, with `run.epoch` 0 and an empty history; `run.first_epoch` tells the
    two apart (1, or the epoch to go on with), for what must not be begun anew, such as a file of results. When
    `restore` is called, net, optimizer, `run.epoch` and `run.history` are those of the checkpoint. What was done after
    the last epoch kept is not in the state and comes again. A finished run that is resumed has no epochs left:
    `on_train_begin`, `restore` and `on_train_end` are called.

    Attributes
    ----------
    changes_rate : bool
        Whether the callback puts another schedule into the optimizer (`tinyae.training.rates`).
    """

    changes_rate = False

    def on_train_begin(self, run):
        """Before the first batch."""

    def on_batch_end(self, run, loss):
        """After every update, with the batch's loss, penalties included."""

    def on_epoch_end(self, run, row):
        """After every epoch, with its row of the history, which may be added to. `run.stop("why")` ends training."""

    def on_train_end(self, run):
        """After the last epoch."""

    def state(self):
        """What has to outlive a kill: asked for after every `on_epoch_end`, written into the checkpoint.

        Returns
        -------
        dict of str to numbers, text, True, False, None, arrays, and lists and dicts of these
            It comes back as it was, bit for bit, but for tuples, which come back as lists. No need to copy arrays:
            they are written at once.
        """
        return {}

    def restore(self, state):
        """Take back what `state` gave, in another process; called after `on_train_begin`."""

    def config(self):
        """Settings that the run's numbers depend on, as plain JSON types.

        A run is only resumed with the same callbacks in the same order: the same classes, with equal `config`.
        """
        return {}

    @property
    def name(self):
        return type(self).__name__


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
        self.restore_best = bool(restore_best)

    def config(self):
        return {
            "monitor": self.monitor,
            "patience": self.patience,
            "min_delta": self.min_delta,
            "restore_best": self.restore_best,
        }

    def on_train_begin(self, run):
        self.best, self.best_epoch, self.best_theta, self.best_states = math.inf, 0, None, {}

    def on_epoch_end(self, run, row):
        value = monitored("EarlyStopping", self.monitor, row)
        if value < self.best - self.min_delta:
            self.best, self.best_epoch = value, row["epoch"]
            if self.restore_best:
                self.best_theta = run.model.theta.copy()
                self.best_states = {name: array.copy() for name, array in named_states(run.model).items()}
        elif row["epoch"] - self.best_epoch >= self.patience:
            run.stop(
                f"{self.monitor} has not fallen below {self.best:.6g} (epoch {self.best_epoch}) "
                f"for {self.patience} epochs"
            )

    def on_train_end(self, run):
        if self.best_theta is not None:
            run.model.theta[:] = self.best_theta
            for name, array in named_states(run.model).items():
                array[...] = self.best_states[name]  # in place: the workers' replicas share it

    def state(self):
        return {name: getattr(self, name) for name in ("best", "best_epoch", "best_theta", "best_states")}

    def restore(self, state):
        vars(self).update(state)


def monitored(who, monitor, row):
    """The number of the series `monitor` in a row of the history; UsageError listing the series there are."""
    if monitor not in row:
        known = ", ".join(row)
        hint = "; give fit a validation part" if monitor.startswith("val_") else ""
        raise UsageError(f"{who}: expected monitor to be one of {known}, got {monitor!r}{hint}.")
    return row[monitor]
