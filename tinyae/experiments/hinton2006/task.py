"""What a recipe gets, and what it gives back."""

from dataclasses import dataclass
from pathlib import Path

from tinyae.autoencoder import Autoencoder
from tinyae.datasets import Dataset
from tinyae.experiments.hinton2006.problems import Problem
from tinyae.reporting import announce
from tinyae.training import History


@dataclass(frozen=True)
class Task:
    """One net to train.

    Attributes
    ----------
    problem : Problem
    data : Dataset
    seed, threads : int
    folder : Path or None
        Where every epoch is kept, so that a killed run can go on; None keeps nothing.
    progress : bool
    """

    problem: Problem
    data: Dataset
    seed: int = 0
    threads: int = 1
    folder: Path | None = None
    progress: bool = True

    def announce(self):
        """Say what is trained on; recipes do so when they have seen that they can."""
        if self.progress:
            data = self.data
            announce(
                f"{data.name}: {len(data.x_train):,} training and {len(data.x_test):,} test images, "
                f"{self.threads} threads"
            )

    def below(self, name):
        """A folder or file in `folder`, None where nothing is kept."""
        return None if self.folder is None else self.folder / name


@dataclass(frozen=True)
class Trained:
    """What a recipe gives back.

    Attributes
    ----------
    model : Autoencoder
    pretraining : list of History
        One for every RBM; empty without pretraining.
    finetuning : History
    settings : dict
        How it was trained, for the metrics.
    """

    model: Autoencoder
    pretraining: list
    finetuning: History
    settings: dict
