"""A whole colourisation: settings in, a trained net and its scores beside plain guesses out."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields

import numpy as np

from tinyae import datasets
from tinyae.applications.colour.baselines import BASELINES
from tinyae.applications.colour.net import SMALLEST, UNIT, as_targets, colour_net
from tinyae.applications.colour.scores import saturation, scores
from tinyae.applications.colour.space import into_gamut, luminance, split
from tinyae.applications.colour.use import predict_chrominance
from tinyae.autoencoder import Autoencoder
from tinyae.checks import UsageError, check_float, check_int
from tinyae.optimizers import Adam
from tinyae.reporting import announce, peak_memory_mb, versions
from tinyae.schedules import Cosine
from tinyae.training import History
from tinyae.training.checkpoint import as_checkpoint
from tinyae.training.split import split_validation
from tinyae.training.threads import thread_count

WHO = "colour"
BATCH_SIZE, WARMUP = 32, 0.02
MIRRORED_BELOW = 20_000  # training images; with fewer each is learnt from its mirror image too
SPACE = "BT.601 full range"
UNDECISIVE = ("epochs", "threads", "dataset", "data_dir", "own")


@dataclass(frozen=True)
class Settings:
    """What to learn the colours of; the same settings on the same machine give the same bits.

    Parameters
    ----------
    dataset : str
        A name in `datasets.NAMES` with colour images, or the path of a user's own.
    data_dir : path, optional
    epochs : int
    limit : int, optional
        Only the first so many training images.
    lr : float
        The highest learning rate.
    dropout : float
    validation_split : float
        Part of the training images held out for the history's `val_loss`.
    seed : int
        Of the net, the order of the images, what is held out, and of images drawn by code.
    threads : int, optional
        One per core without it.
    own : mapping
        How a user's file is read, as for `datasets.load`.
    """

    dataset: str = "coloured"
    data_dir: str | None = None
    epochs: int = 10
    limit: int | None = None
    lr: float = 3e-3
    dropout: float = 0.3
    validation_split: float = 0.1
    seed: int = 0
    threads: int | None = None
    own: Mapping = field(default_factory=dict)

    def __post_init__(self):
        datasets.check_name(WHO, "dataset", self.dataset)
        for name, low in (("epochs", 1), ("limit", 1), ("seed", 0)):
            if getattr(self, name) is not None:
                check_int(WHO, name, getattr(self, name), low)
        check_float(WHO, "lr", self.lr, 0.0, np.inf, open_low=True, open_high=True)
        for name in ("dropout", "validation_split"):
            check_float(WHO, name, getattr(self, name), 0.0, 1.0, open_high=True)
        thread_count(self.threads)


@dataclass
class Result:
    """Everything a run made.

    Attributes
    ----------
    settings : Settings
    model : Autoencoder
    preprocessing : dict
        What `tinyae.save` keeps beside the net: how files are read, and the colour space under "colour".
    history : History
    original : array (N, H, W, 3)
        The test images.
    chrominance : dict of str to array (N, H, W, 2)
        What every method guesses for them; the net's is "autoencoder".
    rows : list of dict
        method and the `scores`: the table.
    metrics : dict
    """

    settings: Settings
    model: Autoencoder
    preprocessing: dict
    history: History
    original: np.ndarray
    chrominance: dict
    rows: list
    metrics: dict


def run(settings, progress=True, checkpoint=None):
    """Load, train, colour, score. Returns a Result; writes no file but `checkpoint`, as for `fit`."""
    say = announce if progress else (lambda text: None)
    threads = thread_count(settings.threads)
    data, x_train, x_test = load_images(settings)
    rng = np.random.default_rng(settings.seed)
    y, chrominance, held = split_validation(*split(x_train), settings.validation_split, rng)
    y_test = np.clip(luminance(x_test), 0, 1)
    guesses = {name: guess(y, chrominance, y_test) for name, guess in BASELINES.items()}
    mirrored = len(y) < MIRRORED_BELOW
    if mirrored:
        y, chrominance = (np.concatenate([a, a[:, :, ::-1]]) for a in (y, chrominance))
    model = colour_net(data.image_shape[:2], settings.seed, settings.dropout)
    guesses["untrained net"] = predict_chrominance(model, y_test, threads)
    say(f"{data.name}: {len(x_train):,} training and {len(x_test):,} test images, {settings.epochs} epochs")
    history = model.fit(
        y,
        as_targets(chrominance),
        epochs=settings.epochs,
        batch_size=BATCH_SIZE,
        optimizer=Adam(Cosine(settings.lr, warmup=WARMUP)),
        validation_data=held and (held[0], as_targets(held[1])),
        threads=threads,
        seed=settings.seed,
        progress=progress and "training",
        checkpoint=as_checkpoint(checkpoint).of(**decisive(settings), dataset=data.name),
    )
    guesses["autoencoder"] = predict_chrominance(model, y_test, threads)
    rows = [{"method": name} | scores(x_test, guess) for name, guess in guesses.items()]
    coloured, _ = into_gamut(y_test, guesses["autoencoder"])
    metrics = describe(settings, data, model, threads, mirrored) | {
        "rows": rows,
        "original_saturation": saturation(split(x_test)[1]),
        "largest_change_of_luminance": float(np.abs(luminance(coloured) - y_test).max()),
        "seconds_train": round(sum(history["seconds"]), 2),
        "peak_rss_mb": round(peak_memory_mb(), 1),
        "versions": versions(),
    }
    preprocessing = data.preparation.to_json() | {"colour": {"space": SPACE, "unit": UNIT}}
    return Result(settings, model, preprocessing, history, x_test, guesses, rows, metrics)


def load_images(settings):
    """The data set, and its training and test images (N, H, W, 3); UsageError for anything without colour."""
    data = datasets.load(settings.dataset, settings.data_dir, settings.seed, settings.limit, **settings.own)
    height, width, channels = data.image_shape
    if height == channels == 1:
        _refuse(
            settings, "colour images", f"rows of {width} numbers; give a folder of pictures or an array (N, H, W, 3)"
        )
    if channels != 3:
        _refuse(
            settings,
            "colour images",
            f"images of {channels} channel{'s' * (channels > 1)}: there is no colour to learn",
        )
    if min(height, width) < SMALLEST:
        _refuse(settings, f"images of at least {SMALLEST} x {SMALLEST} pixels", f"{height} x {width}")
    x_train, x_test = (x[:].reshape(-1, *data.image_shape) for x in (data.x_train, data.x_test))
    if (x_train == x_train[..., :1]).all():
        _refuse(settings, "colour images", "grey ones in three equal channels: there is no colour to learn")
    return data, x_train, x_test


def _refuse(settings, expected, got):
    raise UsageError(f"{WHO}: expected {expected}, got {got} ({settings.dataset}).")


def decisive(settings):
    """What the bits of a run depend on, by name, but for what `fit` looks after itself and for where the data lie."""
    return {name: value for name, value in asdict(settings).items() if name not in UNDECISIVE}


def describe(settings, data, model, threads, mirrored):
    """What was run."""
    names = [f.name for f in fields(settings) if f.name not in ("data_dir", "own")]
    return {name: getattr(settings, name) for name in names} | {
        "dataset": data.name,
        "dataset_file": str(settings.dataset) if datasets.is_path(settings.dataset) else None,
        "threads": threads,
        "mirrored": mirrored,
        "n_train": len(data.x_train),
        "n_test": len(data.x_test),
        "image_shape": list(data.image_shape),
        "n_params": model.n_params,
        "space": SPACE,
    }
