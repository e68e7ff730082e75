"""The way of training through the space of parameters."""

import numpy as np

from tinyae.checks import check_int
from tinyae.training.callbacks import Callback


class ParameterPath(Callback):
    """Keep the parameters before the first epoch and after every one, for a picture of the loss around the way.

    Parameters
    ----------
    every : int
        Epochs from one point to the next; the last epoch is always there. All points are held in memory.

    Attributes
    ----------
    thetas : array (T, n_params)
    epochs : list of int
        Epoch of every point; 0 is before the first.

    Examples
    --------
    >>> way = ParameterPath()
    >>> model.fit(x, callbacks=[way])
    >>> directions, shares = landscape.main_directions(way.thetas)
    """

    def __init__(self, every=1):
        self.every = check_int("ParameterPath", "every", every, 1)
        self.epochs, self._kept = [], []

    @property
    def thetas(self):
        return np.array(self._kept)

    def on_train_begin(self, run):
        self.epochs, self._kept = [], []
        self._keep(run)

    def on_epoch_end(self, run, row):
        if run.epoch % self.every == 0:
            self._keep(run)

    def on_train_end(self, run):
        if self.epochs[-1] != run.epoch:
            self._keep(run)

    def _keep(self, run):
        self.epochs.append(run.epoch)
        self._kept.append(run.model.theta.copy())

    def state(self):
        return {"epochs": self.epochs, "thetas": self.thetas}

    def restore(self, state):
        self.epochs, self._kept = list(state["epochs"]), list(state["thetas"])
