"""A whole restoration: settings in, a trained net and its scores beside the classical methods out."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, replace

import numpy as np

from tinyae import datasets
from tinyae.applications.restoration.damages import with_mask
from tinyae.applications.restoration.holes import painted
from tinyae.applications.restoration.net import restoration_net
from tinyae.applications.restoration.scores import scores
from tinyae.applications.restoration.tasks import TASKS, damage_for
from tinyae.applications.restoration.use import restore
from tinyae.autoencoder import Autoencoder
from tinyae.checks import UsageError, check_choice, check_float, check_int
from tinyae.optimizers import Adam
from tinyae.reporting import announce, peak_memory_mb, versions
from tinyae.schedules import Cosine
from tinyae.training import History
from tinyae.training.checkpoint import as_checkpoint
from tinyae.training.threads import thread_count

WHO = "restore"
TRAINED_ON = 10_000  # images where no limit is given: the damage is new every time, so more would teach little more
PIXELS = 31_000_000  # that a net sees where no number of epochs is given: 40,000 images of 28 x 28
BATCH_PIXELS = 7000  # 8 images of 28 x 28 in a step; of larger ones fewer
WARMUP = 0.05
TESTED, TUNED = 1000, 200  # test images that are scored; training images that choose a filter's strength
UNDECISIVE = ("epochs", "threads", "dataset", "data_dir", "own")


@dataclass(frozen=True)
class Settings:
    """What to restore; the same settings on the same machine give the same bits.

    Parameters
    ----------
    task : str
        A name in TASKS.
    dataset : str
        A name in `datasets.NAMES`, or the path of a user's own images.
    data_dir : path, optional
    strength : float, optional
        Of the damage; the task's usual one without it.
    epochs : int, optional
        As many as show the net PIXELS pixels without it.
    limit : int
        Only the first so many training images.
    filters, depth : int, optional
        Of the net; the depth is the task's usual one without it.
    lr : float, optional
        The highest learning rate; the task's usual one without it.
    seed : int
        Of the net, the order of the images and all damage.
    threads : int, optional
        One per core without it.
    own : mapping
        How a user's file is read, as for `datasets.load`.
    """

    task: str
    dataset: str = "digits"
    data_dir: str | None = None
    strength: float | None = None
    epochs: int | None = None
    limit: int = TRAINED_ON
    filters: int = 32
    depth: int | None = None
    lr: float | None = None
    seed: int = 0
    threads: int | None = None
    own: Mapping = field(default_factory=dict)

    def __post_init__(self):
        check_choice(WHO, "task", self.task, TASKS)
        datasets.check_name(WHO, "dataset", self.dataset)
        for name, low in (("epochs", 1), ("limit", 1), ("filters", 1), ("depth", 2), ("seed", 0)):
            if getattr(self, name) is not None:
                check_int(WHO, name, getattr(self, name), low)
        if self.lr is not None:
            check_float(WHO, "lr", self.lr, 0.0, np.inf, open_low=True, open_high=True)
        damage_for(WHO, self.task, self.strength)
        thread_count(self.threads)

    def filled(self):
        """These settings with the task's own in place of None, but for the epochs, which the data decide."""
        task = TASKS[self.task]
        usual = {"strength": task.strength, "lr": task.lr, "depth": task.net["depth"]}
        return replace(self, **{name: value for name, value in usual.items() if getattr(self, name) is None})


@dataclass
class Result:
    """Everything a run made.

    Attributes
    ----------
    settings : Settings
    model : Autoencoder
    preprocessing : dict
        What `tinyae.save` keeps beside the net: how files are read, and the task under "restoration".
    history : History
    original, damaged : arrays (N, H, W, C)
        The test images, and what the net was given.
    restored : dict of str to array
        By the net ("autoencoder") and by every classical method, by name.
    rows : list of dict
        method, psnr, ssim: the table.
    metrics : dict
    """

    settings: Settings
    model: Autoencoder
    preprocessing: dict
    history: History
    original: np.ndarray
    damaged: np.ndarray
    restored: dict
    rows: list
    metrics: dict

    @property
    def best_classical(self):
        """Name of the classical method with the highest PSNR."""
        return max((row for row in self.rows if row["kind"] == "classical"), key=lambda row: row["psnr"])["method"]


def run(settings, progress=True, checkpoint=None):
    """Load, train, restore, score. Returns a Result; writes no file but `checkpoint`, as for `fit`."""
    say = announce if progress else (lambda text: None)
    settings, threads = settings.filled(), thread_count(settings.threads)
    data = load_images(settings)
    x_train = data.x_train[:].reshape(-1, *data.image_shape)
    x_test = _some(data.x_test[:].reshape(-1, *data.image_shape), TESTED)
    damage = damage_for(WHO, settings.task, settings.strength)
    rng_test, rng_tuning = np.random.default_rng(settings.seed).spawn(2)
    damaged, mask = with_mask(damage, x_test, rng_test)  # refuses images it cannot damage before the work
    model = _net(settings, data.image_shape, damage)
    epochs = settings.epochs or usual_epochs(x_train.shape)
    say(f"{data.name}: {len(x_train):,} training and {len(x_test):,} test images, {epochs} epochs, {threads} threads")
    untrained = restore(model, damaged, threads)
    history = model.fit(
        x_train,
        epochs=epochs,
        batch_size=usual_batch(data.image_shape),
        optimizer=Adam(Cosine(settings.lr, warmup=WARMUP)),
        threads=threads,
        seed=settings.seed,
        progress=progress and "training",
        checkpoint=as_checkpoint(checkpoint).of(**decisive(settings), dataset=data.name),
    )
    say("restoring")
    tuning = _some(x_train, TUNED)
    tuning = tuning, with_mask(damage, tuning, rng_tuning)[0]
    restored = {"autoencoder": restore(model, damaged, threads)}
    restored |= TASKS[settings.task].classical(damage, damaged, mask, tuning)
    rows = [_row("damaged", "damaged", x_test, painted(damaged)), _row("untrained net", "net", x_test, untrained)]
    rows += [
        _row(name, "net" if name == "autoencoder" else "classical", x_test, images) for name, images in restored.items()
    ]
    metrics = describe(settings, data, model, damage, epochs, threads, len(x_test)) | {"rows": rows}
    metrics |= {
        "seconds_train": round(sum(history["seconds"]), 2),
        "peak_rss_mb": round(peak_memory_mb(), 1),
        "versions": versions(),
    }
    preprocessing = data.preparation.to_json() | {"restoration": {"task": settings.task, **damage.config()}}
    return Result(settings, model, preprocessing, history, x_test, damaged, restored, rows, metrics)


def _some(images, count):
    """`count` of the images, always the same ones, for a file may be sorted; all where there are not more."""
    if len(images) <= count:
        return images
    return images[np.sort(np.random.default_rng(0).permutation(len(images))[:count])]


def _row(name, kind, original, images):
    return {"method": name, "kind": kind} | scores(original, images)


def load_images(settings):
    """The data set; UsageError for rows that are no images."""
    data = datasets.load(settings.dataset, settings.data_dir, settings.seed, settings.limit, **settings.own)
    if data.image_shape[0] == data.image_shape[2] == 1:
        raise UsageError(
            f"{WHO}: expected images, got rows of {data.image_shape[1]} numbers in {settings.dataset}; give a folder "
            "of pictures, or an array (N, H, W) or (N, H, W, C)."
        )
    return data


def _net(settings, image_shape, damage):
    shape = TASKS[settings.task].net | {"depth": settings.depth}
    return restoration_net(image_shape, settings.filters, **shape, seed=settings.seed, corruption=damage)


def usual_epochs(shape):
    """How many epochs of images (N, H, W, C) show a net some PIXELS pixels."""
    n, height, width, _ = shape
    return max(1, round(PIXELS / (n * height * width)))


def usual_batch(image_shape):
    """Images in a step: many small steps teach most, and a large image is a batch of its own."""
    return max(1, round(BATCH_PIXELS / (image_shape[0] * image_shape[1])))


def decisive(settings):
    """What the bits of a run depend on, by name, but for what `fit` looks after itself and for where the data lie."""
    return {name: value for name, value in asdict(settings).items() if name not in UNDECISIVE}


def describe(settings, data, model, damage, epochs, threads, n_test):
    """What was run."""
    names = [f.name for f in fields(settings) if f.name not in ("data_dir", "own")]
    return {name: getattr(settings, name) for name in names} | {
        "dataset": data.name,
        "dataset_file": str(settings.dataset) if datasets.is_path(settings.dataset) else None,
        "damage": damage.config(),
        "strength_unit": TASKS[settings.task].unit or None,
        "epochs": epochs,
        "threads": threads,
        "n_train": len(data.x_train),
        "n_test": n_test,
        "image_shape": list(data.image_shape),
        "n_params": model.n_params,
    }
