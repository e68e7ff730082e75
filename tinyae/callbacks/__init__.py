"""All callbacks for `Autoencoder.fit(..., callbacks=[...])` in one place.

A callback of one's own is a class with one method or more of `Callback`'s:

    class Print(Callback):
        def on_epoch_end(self, run, row):
            print(row["epoch"], row["loss"])
"""

from tinyae.callbacks.figure_film import Film
from tinyae.callbacks.film import ReconstructionFilm
from tinyae.callbacks.model_checkpoint import ModelCheckpoint
from tinyae.callbacks.parameter_path import ParameterPath
from tinyae.training.callbacks import Callback, EarlyStopping
from tinyae.training.loggers import CSVLogger, TensorBoard
from tinyae.training.rates import LearningRateSchedule, ReduceOnPlateau

__all__ = [
    "Callback", "EarlyStopping", "ModelCheckpoint", "LearningRateSchedule", "ReduceOnPlateau", "CSVLogger",
    "TensorBoard", "ReconstructionFilm", "Film", "ParameterPath",
]  # fmt: skip
