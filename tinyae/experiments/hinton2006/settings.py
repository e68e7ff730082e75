"""What to run."""

from dataclasses import dataclass

from tinyae.checks import check_choice, check_int
from tinyae.experiments.hinton2006.problems import EXPERIMENTS
from tinyae.training.threads import thread_count

RECIPE_NAMES = ("short", "modern", "paper")


@dataclass(frozen=True)
class Settings:
    """What to run; the same settings on the same machine give the same bits.

    Parameters
    ----------
    experiment : str
        A name in EXPERIMENTS.
    recipe : {"short", "modern", "paper"}
        The paper's own recipe, the best known for these nets on a laptop, or that one cut to some minutes.
    quick : bool
        Few images and epochs, to see that all works.
    dataset : str, optional
        One of the experiment's `datasets`, the first without it.
    data_dir : path, optional
    seed : int
    threads : int, optional
        One per core without it.
    """

    experiment: str = "mnist-2d"
    recipe: str = "short"
    quick: bool = False
    dataset: str | None = None
    data_dir: str | None = None
    seed: int = 0
    threads: int | None = None

    def __post_init__(self):
        check_choice("hinton2006", "experiment", self.experiment, EXPERIMENTS)
        check_common(self, self.problem.datasets)

    @property
    def problem(self):
        """The Problem of that name."""
        return EXPERIMENTS[self.experiment]

    def load(self):
        """The data set: all of it, or where that takes long and a quick run needs little, a part."""
        load = self.problem.quick_load if self.quick and self.problem.quick_load else self.problem.load
        return load(self.dataset or self.problem.datasets[0], self.data_dir, self.seed)


def check_common(settings, datasets):
    """UsageError for a recipe, a data set (one of `datasets`, or None), a seed or a number of threads that is none."""
    check_choice("hinton2006", "recipe", settings.recipe, RECIPE_NAMES)
    if settings.dataset is not None:
        check_choice("hinton2006", "dataset", settings.dataset, datasets)
    check_int("hinton2006", "seed", settings.seed, 0)
    thread_count(settings.threads)
