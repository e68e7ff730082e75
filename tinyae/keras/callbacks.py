"""Callbacks with Keras's methods, and the History that `fit` returns.

One of your own is a class with some of these methods; `self.model` is the model being trained:

class Print(Callback):
    def on_epoch_end(self, epoch, logs=None):
        print(epoch, logs["loss"])
"""

import csv
from pathlib import Path

from tinyae.checks import UsageError, check_choice, check_int
from tinyae.keras import unsupported


class Callback:
    """Base: every method does nothing. Epochs and batches are counted from 0; `logs` is a dict of floats.

    model.stop_training = True ends training after the epoch.
    """

    model = None
    params = None

    def set_model(self, model):
        """Called by fit before all others."""
        self.model = model

    def set_params(self, params):
        """Called by fit: epochs, steps and verbose."""
        self.params = params

    def on_train_begin(self, logs=None):
        """Before the first batch."""

    def on_epoch_begin(self, epoch, logs=None):
        """Before an epoch."""

    def on_train_batch_end(self, batch, logs=None):
        """After a batch; logs["loss"] is that batch's loss before the update."""

    def on_epoch_end(self, epoch, logs=None):
        """After an epoch; logs holds loss, and val_loss where there are validation data."""

    def on_train_end(self, logs=None):
        """After the last epoch."""


class History(Callback):
    """What `fit` returns.

    Attributes
    ----------
    history : dict of str to list of float
        "loss", and "val_loss" where there are validation data, by epoch; penalties included, as in Keras.
    epoch : list of int
        0, 1, ...
    parts : dict of str to list of float
        What the losses are made of, and more; not in Keras: "reconstruction", one series for every penalty, the same
        with "val_" before it, "lr", "seconds".
    """

    def __init__(self):
        self.history, self.epoch, self.parts = {}, [], {}

    def on_epoch_end(self, epoch, logs=None):
        self.epoch.append(epoch)
        for name, value in (logs or {}).items():
            self.history.setdefault(name, []).append(value)

    def __repr__(self):
        last = ", ".join(f"{name}={values[-1]:.6g}" for name, values in self.history.items())
        return f"History({len(self.epoch)} epochs, last: {last or 'none'})"


class _Monitor(Callback):
    """Base of those that watch one number of the logs and know which is the best one yet."""

    def __init__(self, monitor="val_loss", mode="auto", min_delta=0.0, best=None):
        who = type(self).__name__
        check_choice(who, "mode", mode, ("auto", "min", "max"))
        if mode == "auto" and monitor not in ("loss", "val_loss"):
            raise UsageError(f"{who}: expected mode='min' or 'max' for monitor={monitor!r}, got 'auto'.")
        self.monitor, self.min_delta, self.best = monitor, abs(min_delta), best
        self.sign = -1 if mode == "max" else 1  # sign * value is lower for a better one

    def current(self, logs):
        """The number watched."""
        if self.monitor not in (logs or {}):
            raise UsageError(
                f"{type(self).__name__}: expected monitor to be one of {', '.join(logs or ())}, got {self.monitor!r}; "
                "val_loss needs validation_data or validation_split in fit."
            )
        return logs[self.monitor]

    def improves(self, value, reference):
        """Whether `value` is better than `reference` by more than min_delta."""
        return reference is None or self.sign * value + self.min_delta < self.sign * reference


class EarlyStopping(_Monitor):
    """Stop when `monitor` has not improved for `patience` epochs.

    Parameters
    ----------
    monitor : str
    min_delta : float
        Smallest change that counts.
    patience : int
    verbose : {0, 1}
        Whether to say so.
    mode : {"auto", "min", "max"}
        Whether lower or higher is better; "auto": lower, for the losses.
    baseline : float, optional
        Epochs that do not get beyond it count as without improvement.
    restore_best_weights : bool
        Put the weights of the best epoch back at the end.
    start_from_epoch : int
        Epochs before this one are not looked at.
    """

    def __init__(
        self, monitor="val_loss", min_delta=0, patience=0, verbose=0, mode="auto", baseline=None,
        restore_best_weights=False, start_from_epoch=0,
    ):  # fmt: skip
        super().__init__(monitor, mode, min_delta)
        self.patience = check_int("EarlyStopping", "patience", patience, 0)
        self.verbose, self.baseline = verbose, baseline
        self.restore_best_weights, self.start_from_epoch = restore_best_weights, start_from_epoch

    def on_train_begin(self, logs=None):
        self.wait = self.stopped_epoch = self.best_epoch = 0
        self.best = self.best_weights = None

    def on_epoch_end(self, epoch, logs=None):
        value = self.current(logs)
        if epoch < self.start_from_epoch:
            return
        self.wait += 1
        if self.improves(value, self.best):
            self.best, self.best_epoch = value, epoch
            if self.restore_best_weights:
                self.best_weights = self.model.get_weights()
            if self.improves(value, self.baseline):
                self.wait = 0
        elif self.wait >= self.patience and epoch > 0:
            self.stopped_epoch = epoch
            self.model.stop_training = True

    def on_train_end(self, logs=None):
        if self.stopped_epoch and self.verbose:
            print(f"Epoch {self.stopped_epoch + 1}: early stopping")
        if self.best_weights is not None:
            if self.verbose:
                print(f"Restoring model weights from the end of the best epoch: {self.best_epoch + 1}.")
            self.model.set_weights(self.best_weights)


class ModelCheckpoint(_Monitor):
    """Save the model after every epoch, or after the best one yet.

    Parameters
    ----------
    filepath : str or Path
        May hold fields: "model-{epoch:02d}-{val_loss:.4f}.keras", with epochs from 1. The file is tinyae's own
        (`Model.save`), whatever its ending.
    monitor, mode, verbose
        As for EarlyStopping; for `save_best_only`.
    save_best_only : bool
    """

    known = {  # noqa: RUF012
        "save_weights_only": (False, "files hold the whole model"),
        "save_freq": ("epoch", "a model is saved after an epoch"),
    }

    def __init__(
        self, filepath, monitor="val_loss", verbose=0, save_best_only=False, *, mode="auto",
        initial_value_threshold=None,
        **given,
    ):  # fmt: skip
        unsupported.refuse_arguments("ModelCheckpoint", given, self.known)
        super().__init__(monitor, mode if save_best_only else "min", 0.0, initial_value_threshold)
        self.filepath, self.verbose, self.save_best_only = str(filepath), verbose, save_best_only

    def on_epoch_end(self, epoch, logs=None):
        if self.save_best_only:
            value = self.current(logs)
            if not self.improves(value, self.best):
                return
            self.best = value
        path = self.filepath.format(epoch=epoch + 1, **(logs or {}))
        self.model.save(path)
        if self.verbose:
            print(f"Epoch {epoch + 1}: saving model to {path}")


class CSVLogger(Callback):
    """Write epoch, loss and val_loss into a file, a line an epoch, as they come; `append` goes on in an older file."""

    def __init__(self, filename, separator=",", append=False):
        self.path, self.separator, self.append = Path(filename), separator, append

    def on_train_begin(self, logs=None):
        self.header = not (self.append and self.path.exists() and self.path.stat().st_size)
        if not self.append:
            self.path.write_text("")

    def on_epoch_end(self, epoch, logs=None):
        with open(self.path, "a", newline="") as file:
            writer = csv.writer(file, delimiter=self.separator, lineterminator="\n")
            if self.header:
                writer.writerow(["epoch", *sorted(logs)])
                self.header = False
            writer.writerow([epoch, *(logs[name] for name in sorted(logs))])


def TensorBoard(log_dir="./logs", histogram_freq=0, **given):  # noqa: N802
    """Losses and reconstructions as event files in `log_dir`: `tinyae.callbacks.TensorBoard`.

    histogram_freq : int
        Every so many epochs, histograms of weights and codes; 0 for none.
    """
    from tinyae.callbacks import TensorBoard as Writer  # it needs a library that not everybody has

    known = {
        "write_graph": (True, "there is no graph; see model.summary()"),
        "write_images": (False, "reconstructions are shown, weights are not"),
        "write_steps_per_second": (False, "see history.parts['seconds']"),
        "update_freq": ("epoch", "there is one point an epoch"),
        "profile_batch": (0, "use a profiler"),
        "embeddings_freq": (0, "use tinyae.plots"),
        "embeddings_metadata": (None, "use tinyae.plots"),
    }
    unsupported.refuse_arguments("TensorBoard", given, known)
    every = check_int("TensorBoard", "histogram_freq", histogram_freq, 0)
    return Writer(log_dir, histograms=every > 0, every=max(every, 1))


__getattr__ = unsupported.refusing("tinyae.keras.callbacks", unsupported.CALLBACKS)
