"""The model as a file while it is trained: the best one so far, or one of every epoch."""

import math
from pathlib import Path

from tinyae import storage
from tinyae.checks import UsageError
from tinyae.files import writable_folder
from tinyae.training.callbacks import Callback, monitored


class ModelCheckpoint(Callback):
    """Write the model to a file whenever `monitor` is lower than ever before, or after every epoch.

    The files are for use (`tinyae.load`). What a killed run goes on from is `fit(..., checkpoint=FOLDER)`.

    Parameters
    ----------
    path : path
        May hold names of the history's series in braces, with a format or without, as in
        "runs/{epoch:03d}-{val_loss:.2f}.npz"; then there is a file for every epoch that is written. Folders are made.
    monitor : str
        A series of the history; lower is better. "val_loss" needs a validation part.
    best_only : bool
        False writes after every epoch, whatever `monitor` says.
    """

    def __init__(self, path, monitor="val_loss", best_only=True):
        self.path, self.monitor, self.best_only = str(path), monitor, bool(best_only)

    def on_train_begin(self, run):
        self.best = math.inf
        if "{" not in self.path:
            writable_folder(Path(self.path).parent, "ModelCheckpoint")  # now, not after an epoch of an hour

    def on_epoch_end(self, run, row):
        if self.best_only:
            value = monitored("ModelCheckpoint", self.monitor, row)
            if value >= self.best:
                return
            self.best = value
        path = self._path(row)
        writable_folder(path.parent, "ModelCheckpoint")
        storage.save(run.model, path)

    def _path(self, row):
        try:
            return Path(self.path.format(**row))
        except (LookupError, ValueError) as why:
            raise UsageError(
                f"ModelCheckpoint: expected names of the history's series in braces ({', '.join(row)}), got "
                f"{self.path!r} ({type(why).__name__}: {why})."
            ) from None

    def state(self):
        return {"best": self.best}

    def restore(self, state):
        self.best = state["best"]
