"""Every kind of autoencoder on the same data at the same budget: settings in, one table out.

The budget is a number of passes over the training images, in batches of one size, by one optimizer. Where layers are
pretrained, their epochs count too. Codes are judged frozen: by a linear probe and by nearest neighbours.
"""

import copy
import time
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from tinyae import analysis, datasets
from tinyae.architectures import (
    contractive_autoencoder,
    conv_autoencoder,
    deep_autoencoder,
    denoising_autoencoder,
    k_sparse_autoencoder,
    kl_sparse_autoencoder,
    l1_sparse_autoencoder,
    linear_autoencoder,
    overcomplete_autoencoder,
    simple_autoencoder,
    tied_autoencoder,
    variational_autoencoder,
)
from tinyae.checks import UsageError, check_choice, check_int
from tinyae.copying import copying
from tinyae.corruption import Gaussian
from tinyae.jacobian import jacobian_norm
from tinyae.optimizers import Adam
from tinyae.probe import linear_probe_accuracy
from tinyae.rbm import fit_stack, unroll
from tinyae.reporting import announce, versions
from tinyae.schedules import Cosine
from tinyae.stacked import fit_stacked
from tinyae.training.threads import thread_count

NOISE = 0.5  # standard deviation of the noise on the images whose denoising is measured
RATE, BATCH = 1e-3, 100
FEWEST_EPOCHS = 3  # two layers are pretrained, then fine-tuned
SMALL = 32  # numbers of a narrow code
# Measures whose cost grows with the code are taken on some images only.
NEIGHBOURS, NEIGHBOUR_TESTS, JACOBIAN_IMAGES, ACTIVE = 10_000, 2_000, 100, 1e-3


@dataclass(frozen=True)
class Settings:
    """What to compare on what.

    Parameters
    ----------
    dataset : str
        A name in `datasets.NAMES`, or the path of a .npy file of images.
    data_dir : path, optional
    kinds : sequence of str, optional
        Names in KINDS; all without it.
    epochs : int
        Passes over the training images, pretraining included.
    width : int
        Units of the wide codes; the small ones have 32 numbers.
    limit : int, optional
        Only the first so many training images.
    seed : int
    threads : int, optional
    """

    dataset: str = "auto"
    data_dir: str | None = None
    kinds: tuple | None = None
    epochs: int = 10
    width: int = 1000
    limit: int | None = None
    seed: int = 0
    threads: int | None = None

    def __post_init__(self):
        datasets.check_name("compare", "dataset", self.dataset)
        for name, low in (("epochs", FEWEST_EPOCHS), ("width", 1), ("limit", 1), ("seed", 0)):
            if getattr(self, name) is not None:
                check_int("compare", name, getattr(self, name), low)
        for kind in self.kinds or ():
            check_choice("compare", "kind", kind, KINDS)


@dataclass(frozen=True)
class Task:
    """What a kind gets: rows (N, D) in [0, 1], the shape of the images, and the settings."""

    x: np.ndarray
    image_shape: tuple
    settings: Settings

    def fit(self, model, epochs=None):
        """Train `model` for the whole budget, or for `epochs` of it."""
        settings = self.settings
        model.fit(
            self.x.reshape(-1, *model.input_shape), epochs=epochs or settings.epochs, batch_size=BATCH,
            optimizer=Adam(Cosine(RATE)), threads=settings.threads, seed=settings.seed, progress=False,
        )  # fmt: skip
        return model

    @property
    def pretraining(self):
        """Epochs for each of two layers before fine-tuning, and what is left for that."""
        each = max(1, self.settings.epochs // 4)
        return each, self.settings.epochs - 2 * each


def _net(make, **settings):
    """A kind that is nothing but a net: `make(D, seed=..., **settings)`, trained by `fit`."""
    return lambda task: task.fit(make(task.x.shape[1], seed=task.settings.seed, **settings))


def _wide(make, **settings):
    """The same for one whose code has `width` units."""
    return lambda task: _net(make, code_size=task.settings.width, **settings)(task)


def _untrained(task):
    return overcomplete_autoencoder(task.x.shape[1], task.settings.width, seed=task.settings.seed)


def _pca(task):
    """Principal components as a linear autoencoder, so that it is measured as all others are."""
    pca = analysis.PCA(task.x, SMALL)
    model = linear_autoencoder(task.x.shape[1], SMALL)
    encoder, decoder = model.encoder.layers[0].params, model.decoder.layers[0].params
    encoder["W"][:], encoder["b"][:] = pca.components, -pca.mean @ pca.components
    decoder["W"][:], decoder["b"][:] = pca.components.T, pca.mean
    return model


def _k_sparse(task):
    width = task.settings.width
    return _net(k_sparse_autoencoder, code_size=width, k=max(1, width // 40))(task)


def _conv(task):
    return task.fit(conv_autoencoder(task.image_shape, task.settings.seed))


def _stacked(task):
    settings, (each, rest) = task.settings, task.pretraining
    model, _ = fit_stacked(
        task.x, (256, SMALL), code_activation="linear", epochs=each, batch_size=BATCH, optimizer=Adam(RATE),
        seed=settings.seed, threads=settings.threads, progress=False,
    )  # fmt: skip
    return task.fit(model, epochs=rest)


def _rbm(task):
    settings, (each, rest) = task.settings, task.pretraining
    rbms, _ = fit_stack(task.x, (256, SMALL), epochs=each, seed=settings.seed, threads=settings.threads, progress=False)
    return task.fit(unroll(rbms, seed=settings.seed), epochs=rest)


@dataclass(frozen=True)
class Kind:
    """One row of the table.

    Attributes
    ----------
    what : str
        What it is, in a few words.
    train : function of (Task) to Autoencoder
    trained : bool
        Whether the budget is spent on it.
    """

    what: str
    train: Callable
    trained: bool = True


KINDS = {
    "untrained": Kind("a wide code, random weights", _untrained, trained=False),
    "pca": Kind("principal components", _pca, trained=False),
    "linear": Kind("no activation, squared error", _net(linear_autoencoder, code_size=SMALL)),
    "simple": Kind("one narrow layer", _net(simple_autoencoder, code_size=SMALL)),
    "deep": Kind("D-128-64-32", _net(deep_autoencoder, code_size=SMALL)),
    "stacked": Kind("D-256-32, greedy layer by layer, then as a whole", _stacked),
    "rbm": Kind("D-256-32, pretrained by RBMs", _rbm),
    "conv": Kind("3x3 convolutions 16-8-8", _conv),
    "overcomplete": Kind("a wide code and nothing else", _wide(overcomplete_autoencoder)),
    "tied": Kind("wide, the decoder has the encoder's weights", _wide(tied_autoencoder)),
    "l1-sparse": Kind("wide, L1 penalty", _wide(l1_sparse_autoencoder)),
    "kl-sparse": Kind("wide, mean activation 0.05", _wide(kl_sparse_autoencoder)),
    "k-sparse": Kind("wide and tied, a fortieth of the units kept", _k_sparse),
    "denoising": Kind("wide, Gaussian noise 0.5 at the input", _wide(denoising_autoencoder)),
    "contractive": Kind("wide and tied, Jacobian penalty", _wide(contractive_autoencoder)),
    "variational": Kind("D-400-20, beta 1", _net(variational_autoencoder)),
}


@dataclass
class Result:
    """What `run` found: a row (dict) and a net for every kind, in the order of KINDS."""

    settings: Settings
    data: datasets.Dataset
    rows: list
    models: dict
    about: dict


def run(settings, progress=True):
    """Train every kind and measure it. Returns a Result; writes no file."""
    settings = replace(settings, threads=thread_count(settings.threads))
    say = announce if progress else (lambda text: None)
    data = datasets.load(settings.dataset, settings.data_dir, settings.seed, settings.limit)
    if data.y_train is None or len(np.unique(data.y_train)) < 2:
        raise UsageError(f"compare: expected data with classes to judge the codes by, got {settings.dataset}.")
    task = Task(data.x_train, data.image_shape, settings)
    rng = np.random.default_rng(settings.seed)
    noisy = Gaussian(NOISE)(data.x_test, rng)
    psnr_noisy = analysis.psnr(data.x_test, noisy)
    rows, models = [], {}
    for name, kind in KINDS.items():
        if settings.kinds and name not in settings.kinds:
            continue
        started = time.perf_counter()
        model = kind.train(task)
        seconds = time.perf_counter() - started
        row = {"kind": name, "what": kind.what} | measure(model, data, noisy, copy.deepcopy(rng), settings.threads)
        row["psnr_noisy"] = psnr_noisy
        row["seconds"] = round(seconds, 2) if kind.trained else 0.0
        say(f"{name}: squared error {row['squared_error']:.2f}, probe error {100 * row['probe_error']:.2f} %")
        rows.append(row)
        models[name] = model
    about = {
        "dataset": data.name, "n_train": len(data.x_train), "n_test": len(data.x_test), "epochs": settings.epochs,
        "batch_size": BATCH, "optimizer": f"Adam, {RATE:g} falling to 0", "noise": NOISE, "seed": settings.seed,
        "threads": settings.threads, "versions": versions(),
    }  # fmt: skip
    return Result(settings, data, rows, models, about)


def measure(model, data, noisy, rng, threads):
    """The columns of the table for one net: errors on the test images, and what its codes are worth.

    `noisy` : the test images under noise. `rng` : draws the directions in which copying is measured.
    """
    shape = -1, *model.input_shape
    x_train, x_test = data.x_train.reshape(shape), data.x_test.reshape(shape)
    codes_train, codes_test = (rows_of(model.encode(x, threads=threads)) for x in (x_train, x_test))
    near, tests = slice(NEIGHBOURS), slice(NEIGHBOUR_TESTS)
    knn = analysis.knn_accuracy(
        codes_train[near], data.y_train[near], codes_test[tests], data.y_test[tests], threads=threads
    )
    return {
        "code_size": model.code_size,
        "n_params": model.n_params,
        "squared_error": analysis.squared_error(x_test, model.reconstruct(x_test, threads=threads)),
        "psnr_denoised": analysis.psnr(x_test, model.reconstruct(noisy.reshape(shape), threads=threads)),
        "probe_error": 1 - linear_probe_accuracy(codes_train, data.y_train, codes_test, data.y_test),
        "knn5_error": 1 - knn,
        "mean_activation": float(codes_test.mean(dtype=np.float64)),
        "share_active": float(np.mean(np.abs(codes_test) > ACTIVE)),
        "jacobian_norm": jacobian_norm(model, x_test[:JACOBIAN_IMAGES]),
        "copies": copying(model, x_test[:JACOBIAN_IMAGES], rng).trace,
    }


def rows_of(codes):
    """Codes of any shape as rows of numbers."""
    return codes.reshape(len(codes), -1)
