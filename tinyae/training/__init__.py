"""The training loop, its threads, callbacks and history."""

from tinyae.training.callbacks import Callback, EarlyStopping
from tinyae.training.checkpoint import Checkpoint
from tinyae.training.history import History
from tinyae.training.loop import TrainingDivergedError

__all__ = ["Callback", "Checkpoint", "EarlyStopping", "History", "TrainingDivergedError"]
