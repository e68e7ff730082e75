"""Train one of the named nets on a data set: settings in, a trained net and its numbers out.

Errors are summed over the numbers of one image and averaged over the test images, unless a name says "per pixel".
"""

from collections.abc import Callable
from dataclasses import asdict, dataclass, field, fields, replace

import numpy as np

from tinyae import analysis, architectures, datasets
from tinyae.autoencoder import Autoencoder
from tinyae.baselines import WIDEST_PCA, evenly
from tinyae.checks import UsageError, check_choice, check_float, check_int
from tinyae.corruption import Gaussian
from tinyae.losses import BCE, LOSSES
from tinyae.optimizers import OPTIMIZERS
from tinyae.reporting import announce, peak_memory_mb, versions
from tinyae.samples import LazyRows, blocks
from tinyae.training import EarlyStopping, History
from tinyae.training.checkpoint import as_checkpoint
from tinyae.training.threads import thread_count

DEFAULTS = {
    "epochs": 50, "batch_size": 64, "optimizer": "adam", "loss": "bce", "noise": 0.0, "validation_split": 0.1,
    "patience": 0,
}  # fmt: skip


@dataclass(frozen=True)
class Recipe:
    """A named net, and how it is trained where nothing else is said.

    Attributes
    ----------
    make : function of (image shape (H, W, C), Settings, dict) to Autoencoder
        The dict holds what the net needs for data outside of [0, 1]: UNBOUNDED, or nothing.
    images : bool
        Whether it takes images (N, H, W, C) rather than rows (N, D).
    defaults : dict
        Settings that differ from DEFAULTS, and those only this net has (OWN).
    """

    make: Callable
    images: bool
    defaults: dict


LOUDEST = 100.0  # of noise on values from 0 to 1; far below, nothing of the image is left
# For columns of any range: a code that can be negative, like the columns, and outputs without bounds.
UNBOUNDED = {"code_activation": "linear", "output_activation": "linear", "loss": "mse"}
# A net learns little from fewer updates than this: small tables get more epochs than images, in smaller batches.
UPDATES, MOST_EPOCHS, SMALLEST_BATCH = 5000, 1000, 8
OWN = ("code_size", "kernels", "filters")  # settings that some nets lack
UNDECISIVE = ("epochs", "threads", "dataset", "data_dir")


def _generic(image_shape, settings, _):
    return architectures.generic_conv_autoencoder(
        image_shape, kernels=settings.kernels, filters=settings.filters, latent_dim=settings.code_size,
        output_activation="sigmoid" if settings.loss == "bce" else "linear", loss=settings.loss, seed=settings.seed,
    )  # fmt: skip


def _dense(name):
    """The dense net of that name, for images of any shape as rows."""

    def make(image_shape, settings, output):
        net = getattr(architectures, name)
        return net(int(np.prod(image_shape)), code_size=settings.code_size, seed=settings.seed, **output)

    return make


ARCHITECTURES = {
    "conv": Recipe(
        lambda image_shape, settings, _: architectures.conv_autoencoder(image_shape, seed=settings.seed), True,
        {"optimizer": "nadam", "batch_size": 32, "validation_split": 0.2, "patience": 5},
    ),
    "generic": Recipe(
        _generic, True,
        {"epochs": 20, "batch_size": 32, "loss": "mse", "code_size": 100, "kernels": (5, 5), "filters": 3},
    ),
    "simple": Recipe(_dense("simple_autoencoder"), False, {"optimizer": "nadam", "code_size": 32}),
    "deep": Recipe(_dense("deep_autoencoder"), False, {"optimizer": "nadam", "code_size": 32}),
    "hinton": Recipe(_dense("hinton_autoencoder"), False, {"epochs": 30, "batch_size": 100, "code_size": 2}),
}  # fmt: skip


@dataclass(frozen=True)
class Settings:
    """What to train on what; the same settings on the same machine give the same bits.

    None stands for the net's own default (`ARCHITECTURES`), which `filled` puts in its place.

    Parameters
    ----------
    arch : {"conv", "generic", "simple", "deep", "hinton"}
    dataset : str
        A name in `datasets.NAMES`, or the path of a user's own file or folder (`datasets.load_file`).
    data_dir : path, optional
    epochs, batch_size : int, optional
    optimizer : {"sgd", "rmsprop", "adam", "nadam"}, optional
    lr : float, optional
        Learning rate; the optimizer's own default without it.
    loss : {"bce", "mse"}, optional
    code_size : int, optional
        Numbers in a code; not of "conv", whose code follows from the size of the images.
    kernels, filters : tuple of int and int, optional
        Of "generic" alone.
    noise : float, optional
        Standard deviation of Gaussian noise put on every input, which is then cut to [0, 1] (but for columns scaled to
        other ranges); the net learns to give the image without it. The noise is drawn once, not every epoch.
    validation_split : float in [0, 1), optional
        Part of the training images held out.
    patience : int, optional
        Stop after so many epochs without a lower validation loss, and go back to the best; 0 for never.
    limit : int, optional
        Only the first so many training images.
    seed : int
    threads : int, optional
        One per core without it.
    own : dict
        How a file of one's own is read and scaled: arguments of `datasets.load_file`.
    """

    arch: str
    dataset: str = "auto"
    data_dir: str | None = None
    epochs: int | None = None
    batch_size: int | None = None
    optimizer: str | None = None
    lr: float | None = None
    loss: str | None = None
    code_size: int | None = None
    kernels: tuple | None = None
    filters: int | None = None
    noise: float | None = None
    validation_split: float | None = None
    patience: int | None = None
    limit: int | None = None
    seed: int = 0
    threads: int | None = None
    own: dict = field(default_factory=dict)

    def __post_init__(self):
        check_choice("train", "arch", self.arch, ARCHITECTURES)
        datasets.check_name("train", "dataset", self.dataset)
        self._check_own()
        for name, low in (("epochs", 1), ("batch_size", 1), ("code_size", 1), ("filters", 1), ("patience", 0),
                          ("limit", 1), ("seed", 0)):  # fmt: skip
            if getattr(self, name) is not None:
                check_int("train", name, getattr(self, name), low)
        for size in self.kernels or ():
            check_int("train", "kernels", size, 1)
        for name, choices in (("optimizer", OPTIMIZERS), ("loss", LOSSES)):
            if getattr(self, name) is not None:
                check_choice("train", name, getattr(self, name), choices)
        self._check_floats()
        thread_count(self.threads)

    def _check_own(self):
        """Refuse settings that the net does not have: ignoring them would deceive."""
        for name in OWN:
            owners = [arch for arch, recipe in ARCHITECTURES.items() if name in recipe.defaults]
            if getattr(self, name) is not None and self.arch not in owners:
                raise UsageError(
                    f"train: expected no {name} for arch {self.arch}, got {getattr(self, name)}; "
                    f"only {', '.join(owners)} {'have' if len(owners) > 1 else 'has'} one."
                )

    def _check_floats(self):
        if self.lr is not None:
            check_float("train", "lr", self.lr, 0.0, np.inf, open_low=True, open_high=True)
        if self.noise is not None:
            check_float("train", "noise", self.noise, 0.0, LOUDEST)
        if self.validation_split is not None:
            check_float("train", "validation_split", self.validation_split, 0.0, 1.0, open_high=True)
        if self.patience and self.validation_split == 0:
            raise UsageError(
                f"train: expected a validation_split above 0 with patience {self.patience}, got 0; patience watches "
                "the validation loss."
            )

    def filled(self):
        """These settings with the net's defaults in place of None."""
        defaults = DEFAULTS | ARCHITECTURES[self.arch].defaults
        if self.validation_split == 0:
            defaults["patience"] = 0  # nothing to watch
        optimizer = self.optimizer or defaults["optimizer"]
        defaults["lr"] = OPTIMIZERS[optimizer]().schedule.lr
        mine = {name: value for name, value in asdict(self).items() if value is not None}
        return replace(self, **defaults | mine)


@dataclass
class Result:
    """Everything a run made; `tinyae.experiments.train_report` turns it into files.

    Attributes
    ----------
    settings : Settings
        Filled with the net's defaults.
    data : Dataset
        As rows, without noise.
    model : Autoencoder
    test_inputs : array (n_test, *model.input_shape)
        What the net was tested on: the test images, with noise where there is some.
    history : History
    metrics : dict
    """

    settings: Settings
    data: datasets.Dataset
    model: Autoencoder
    test_inputs: np.ndarray
    history: History
    metrics: dict


def run(settings, progress=True, checkpoint=None):
    """Load, train, measure. Returns a Result; writes no file but `checkpoint`, a folder or Checkpoint as for `fit`."""
    given, threads = settings, thread_count(settings.threads)
    data = load_data(settings.filled())
    settings = fitted_to(data, given).filled()
    model = build_model(data, settings)
    say = announce if progress else (lambda text: None)
    kind = "rows" if is_rows(data) else "images"
    say(f"{data.name}: {len(data.x_train):,} training and {len(data.x_test):,} test {kind}, {threads} threads")
    for remark in data.preparation.remarks:
        say(f"{data.name}: {remark}")

    shape = model.input_shape
    x_train, x_test = data.x_train.reshape(-1, *shape), data.x_test.reshape(-1, *shape)
    inputs, test_inputs = (
        add_noise(x, settings.noise, rng, in_range(data))
        for x, rng in zip((x_train, x_test), np.random.default_rng(settings.seed).spawn(2), strict=True)
    )
    history = model.fit(
        inputs,
        x_train if settings.noise else None,
        epochs=settings.epochs,
        batch_size=settings.batch_size,
        optimizer=OPTIMIZERS[settings.optimizer](settings.lr),
        validation_split=settings.validation_split,
        callbacks=[EarlyStopping(patience=settings.patience)] if settings.patience else [],
        threads=threads,
        seed=settings.seed,
        progress=progress and "training",
        checkpoint=as_checkpoint(checkpoint).of(**decisive(settings), dataset=data.name),
    )

    say("measuring")
    metrics = describe(settings, data, model, threads)
    metrics |= training_metrics(settings, history)
    metrics |= measure(settings, data, model, test_inputs, threads)
    metrics |= {
        "seconds_train": round(sum(history["seconds"]), 2),
        "peak_rss_mb": round(peak_memory_mb(), 1),
        "versions": versions(),
    }
    return Result(settings, data, model, test_inputs, history, metrics)


def decisive(settings):
    """What the bits of a run depend on, by name, but for what `fit` looks after itself and for where the data lie."""
    return {name: value for name, value in asdict(settings).items() if name not in UNDECISIVE}


def load_data(settings):
    """The data set, with rows that are no images and too few images refused where the settings cannot use them."""
    own = settings.own | {"who": "train"} if datasets.is_path(settings.dataset) else settings.own
    data = datasets.load(settings.dataset, settings.data_dir, settings.seed, settings.limit, **own)
    if ARCHITECTURES[settings.arch].images and is_rows(data):
        raise UsageError(
            f"train: expected images (N, H, W) or (N, H, W, C) for arch {settings.arch}, got rows of "
            f"{data.x_train.shape[1]} numbers in {settings.dataset}; reshape them, or use arch simple or deep."
        )
    n = len(data.x_train)
    if settings.validation_split and not 0 < round(settings.validation_split * n) < n:
        raise UsageError(
            f"train: expected validation_split to hold out some of the {n} training images and leave some, got "
            f"{settings.validation_split}; take more images, or 0."
        )
    return data


def in_range(data):
    """Whether a Dataset's numbers lie in [0, 1] by what was done to them."""
    return data.preparation.scale in ("unit", "bytes")


def fitted_to(data, settings):
    """The settings a user gave, with what few columns, and columns of other ranges than [0, 1], ask for filled in."""
    n, recipe = data.x_train.shape[1], ARCHITECTURES[settings.arch]
    if settings.code_size is None and is_rows(data) and n <= recipe.defaults.get("code_size", 0):
        settings = replace(settings, code_size=max(1, n // 2))
    if is_rows(data):
        settings = enough_updates(len(data.x_train), settings)
    if in_range(data):
        return settings
    if settings.arch == "conv" or settings.loss == "bce":
        what = "arch conv, whose outputs lie there" if settings.arch == "conv" else "loss bce"
        raise UsageError(
            f"train: expected numbers in [0, 1] for {what}, got {data.name} scaled by {data.preparation.scale}; "
            f"use {'another arch' if settings.arch == 'conv' else 'loss mse'}."
        )
    return replace(settings, loss="mse")


def enough_updates(n, settings):
    """The settings a user gave, filled for a table of n rows: a small one is gone through more often.

    As the nets' epochs would be a few hundred updates there, after which they are hardly better than the mean. The
    epochs end early where the rows held out get no better.
    """
    usual = settings.filled()
    batch_size, epochs, patience = usual.batch_size, usual.epochs, usual.patience
    if settings.batch_size is None:
        batch_size = int(np.clip(n // 10, SMALLEST_BATCH, usual.batch_size))
    if settings.epochs is None:
        epochs = int(np.clip(UPDATES * batch_size / n, usual.epochs, MOST_EPOCHS))
    if settings.patience is None and epochs > usual.epochs and usual.validation_split:
        patience = epochs // 10
    return replace(settings, batch_size=batch_size, epochs=epochs, patience=patience)


def is_rows(data):
    """Whether a Dataset's samples are rows of numbers rather than images."""
    return data.image_shape[0] == data.image_shape[2] == 1


def build_model(data, settings):
    """The named net for images of the data's shape, with the settings' loss."""
    try:
        output = {} if in_range(data) else UNBOUNDED
        model = ARCHITECTURES[settings.arch].make(data.image_shape, settings, output)
        if model.loss.name.lower() != settings.loss:
            model = Autoencoder(model.encoder, model.decoder, loss=settings.loss)
    except ValueError as why:  # sizes that do not fit the images come from the user here
        raise UsageError(str(why)) from None
    return model


def add_noise(x, sigma, rng, cut=True):
    """x with Gaussian noise of standard deviation sigma, cut to [0, 1]; x itself for sigma = 0."""
    if not sigma:
        return x
    if isinstance(x, LazyRows):
        raise UsageError(
            f"train: expected no noise for {len(x):,} samples that are read from the file in pieces, got {sigma}; "
            "take fewer (limit), or fit with corruption in Python."
        )
    return Gaussian(sigma, *((0.0, 1.0) if cut else (None, None)))(x, rng)


def describe(settings, data, model, threads):
    """What was run: every setting, and the sizes that follow from them."""
    mine = {f.name: getattr(settings, f.name) for f in fields(settings)} | {"threads": threads}
    n_validation = round(settings.validation_split * len(data.x_train))
    return mine | {
        "dataset": data.name,
        "dataset_file": str(settings.dataset) if datasets.is_path(settings.dataset) else None,
        "kernels": settings.kernels and list(settings.kernels),
        "n_train": len(data.x_train),  # the held-out ones among them
        "n_validation": n_validation,
        "n_test": len(data.x_test),
        "image_shape": list(data.image_shape),
        "code_shape": list(model.encoder.output_shape),
        "code_size": model.code_size,
        "n_params": model.n_params,
        "scale": data.preparation.scale,
    }


def training_metrics(settings, history):
    """How training went: the epochs run, why it stopped, the losses of the epoch whose parameters were kept."""
    kept = int(np.argmin(history["val_loss"])) if settings.patience else len(history) - 1
    row = history.rows[kept]
    return {
        "epochs_run": len(history),
        "epoch_kept": row["epoch"],
        "stopped": history.stopped,
        "train_loss": row["loss"],
        "val_loss": row.get("val_loss"),
    }


def measure(settings, data, model, test_inputs, threads):
    """Errors of the net and of its baselines on the test images; all compare with the images without noise."""
    x_test, rows = data.x_test, test_inputs.reshape(len(test_inputs), -1)
    test = model.evaluate(test_inputs, x_test.reshape(test_inputs.shape), threads=threads)
    mean = mean_image(data.x_train)
    values = {f"test_{name}": value for name, value in test.items()} | {"loss_unit": model.loss.unit}
    values["pca_test_squared_error"] = pca_error(data, model.code_size, rows)
    values["mean_image_squared_error"] = error_of(x_test, lambda _: mean)
    values["noisy_input_squared_error"] = analysis.squared_error(x_test, rows) if settings.noise else None
    if isinstance(model.loss, BCE):
        values["bce_floor_per_pixel"] = mean_over(x_test, lambda some, _: analysis.bce_floor(some)) / x_test.shape[1]
    return values


def mean_image(x):
    """Mean of the rows, float32."""
    if not isinstance(x, LazyRows):
        return x.mean(axis=0, dtype=np.float64).astype(np.float32)
    return (sum(x[rows].sum(axis=0, dtype=np.float64) for rows in blocks(x)) / len(x)).astype(np.float32)


def error_of(x, reconstruct, inputs=None):
    """Squared error of reconstruct(inputs) as x (N, D), some rows at a time; the inputs are x without others."""

    def error(target, rows):
        output = reconstruct(target if inputs is None else inputs[rows])
        return analysis.squared_error(target, np.broadcast_to(output, target.shape))

    return mean_over(x, error)


def mean_over(x, function):
    """Mean over all rows of what function(some rows, which) is the mean of."""
    return sum(function(x[rows], rows) * (rows.stop - rows.start) for rows in blocks(x)) / len(x)


def pca_error(data, k, inputs):
    """Squared error of the test images by k principal components of the inputs; None where there are none."""
    width = data.x_train.shape[1]
    if k >= width or width > WIDEST_PCA:
        return None
    x = data.x_train
    pca = analysis.PCA(evenly(x) if isinstance(x, LazyRows) else x, k)
    return error_of(data.x_test, pca.reconstruct, inputs)
