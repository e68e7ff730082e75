"""One run: load, train, measure."""

import platform
import time
from dataclasses import dataclass, replace
from pathlib import Path

from tinyae import analysis
from tinyae.autoencoder import Autoencoder
from tinyae.checks import UsageError, check_finite
from tinyae.datasets import Dataset
from tinyae.experiments.hinton2006 import recipe_modern, recipe_paper
from tinyae.experiments.hinton2006.components import component_errors
from tinyae.experiments.hinton2006.measure import measure
from tinyae.experiments.hinton2006.settings import Settings
from tinyae.experiments.hinton2006.task import Task
from tinyae.reporting import announce, peak_memory_mb, versions
from tinyae.training import History
from tinyae.training.history import seconds_of
from tinyae.training.threads import available_cores, thread_count

RECIPES = {  # of Settings: what to do; of a Task and that: how
    "short": (recipe_modern.short_recipe, recipe_modern.train),
    "modern": (recipe_modern.modern_recipe, recipe_modern.train),
    "paper": (recipe_paper.recipe_of, recipe_paper.train),
}

ON_THE_WAY = (0, 10, 35, 100)  # 35 epochs is how far somebody once ran the authors' code


@dataclass
class Result:
    """Everything a run made; `tinyae.experiments.hinton2006.report` turns it into files."""

    settings: Settings
    data: Dataset
    model: Autoencoder
    pca: analysis.PCA
    pretraining: list[History]
    finetuning: History
    metrics: dict


def run(settings, progress=True, folder=None):
    """Load, pretrain, unroll, fine-tune, measure. Returns a Result; writes no file but what it keeps in `folder`.

    Parameters
    ----------
    settings : Settings
    progress : bool
    folder : path, optional
        Every epoch is kept there; a run with the same settings goes on where it stopped, and ends with the same bits.
    """
    problem, threads = settings.problem, thread_count(settings.threads)
    data = settings.load()
    pixels = data.x_train.shape[1]
    if problem.code_size >= pixels:
        raise UsageError(f"hinton2006: expected more pixels than the {problem.code_size} of the code, got {pixels}.")
    check_finite("hinton2006", data.x_train)
    if settings.recipe == "paper":
        data = recipe_paper.in_one_order(data, settings.seed)
    task = Task(problem, data, settings.seed, threads, folder and Path(folder), progress)
    started = time.perf_counter()
    recipe_of, train = RECIPES[settings.recipe]
    trained = train(task, recipe_of(settings))
    seconds = time.perf_counter() - started
    del task  # and with it what it holds of the data
    if settings.recipe == "paper":
        data = recipe_paper.in_one_order(data, settings.seed, back=True)

    if progress:
        announce("measuring")
    pca = analysis.PCA(data.x_train, problem.code_size)
    metrics = describe(settings, data, trained, threads)
    metrics |= measure(data, trained.model, pca, threads) | {"published": problem.published}
    metrics |= component_errors(problem, data, settings.quick)
    metrics |= course(trained)
    metrics |= times(trained) | {"seconds_train": round(seconds, 2), "peak_rss_mb": round(peak_memory_mb(), 1)}
    metrics |= {"machine": machine(), "versions": versions()}
    return Result(
        replace(settings, threads=threads), data, trained.model, pca, trained.pretraining, trained.finetuning, metrics
    )


def plan(settings):
    """What a run by these settings does; its metrics tell that and more as "training"."""
    recipe_of, _ = RECIPES[settings.recipe]
    return recipe_of(settings).in_force()


def describe(settings, data, trained, threads):
    """What was run."""
    return {
        "experiment": settings.experiment,
        "recipe": settings.recipe,
        "quick": settings.quick,
        "dataset": data.name,
        "n_train": len(data.x_train),
        "n_test": len(data.x_test),
        "layer_sizes": [trained.model.input_shape[0], *settings.problem.sizes],
        "n_params": trained.model.n_params,
        "seed": settings.seed,
        "threads": threads,
        "training": trained.settings,
    }


def course(trained):
    """Errors on the way, by epochs done, where the history has those before each epoch; {} where it has not."""
    if "test_squared_error" not in trained.finetuning:
        return {}
    errors = trained.finetuning["test_squared_error"]
    return {"test_squared_error_after": {str(done): errors[done] for done in ON_THE_WAY if done < len(errors)}}


def machine():
    """What the times were taken on."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        processor = next(line.split(":")[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):  # not on Linux
        processor = platform.processor() or platform.machine()
    return {"processor": processor, "cores": available_cores(), "system": f"{platform.system()} {platform.release()}"}


def times(trained):
    """Seconds of every phase, also where a run was stopped in between, and the share of the products in them."""
    pretraining = seconds_of(trained.pretraining)
    finetuning = trained.finetuning["seconds"]
    values = {
        "seconds_pretrain": round(pretraining, 2),
        "seconds_finetune": round(sum(finetuning), 2),
        "seconds_finetune_epoch": round(sorted(finetuning)[len(finetuning) // 2], 3),
    }
    for name in ("gflops", "limit_gflops", "product_share", "product_share_of_cpu"):
        if name in trained.finetuning:
            known = sorted(value for value in trained.finetuning[name] if value is not None)
            values[f"median_{name}"] = round(known[len(known) // 2], 4)
    return values


def training_seconds(metrics):
    """Seconds of training by the clock, all that is done between epochs included.

    Of a run that was stopped in between, only the sum of its epochs is known.
    """
    return max(metrics["seconds_train"], metrics["seconds_pretrain"] + metrics["seconds_finetune"])
