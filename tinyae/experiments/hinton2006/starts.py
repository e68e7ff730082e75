"""What pretraining bought then, and what it buys now: the same net from several starts, by two optimizers.

The paper's main point was that deep autoencoders cannot be trained from random weights, while weights from a stack of
RBMs make it easy. Here the net of mnist-30 starts from RBMs and from random weights, with logistic units, and with
ReLUs, which nobody used in 2006; each is trained by the paper's conjugate gradients and by Adam. ReLUs are pretrained
by a stack of shallow autoencoders (`tinyae.stacked`), as our RBMs have logistic and Gaussian units only.

All see the same images, in the same batches as far as the optimizer is the same. The error is that of the test images
after every epoch; nothing is chosen by it. Time is that of training alone, with the pretraining's where there was any.
"""

from dataclasses import asdict, dataclass
from pathlib import Path

from tinyae.architectures import hinton_autoencoder
from tinyae.experiments.hinton2006.recipe_paper import in_one_order
from tinyae.experiments.hinton2006.run import machine
from tinyae.experiments.hinton2006.watching import SquaredErrors
from tinyae.optimizers import Adam, ConjugateGradient
from tinyae.rbm import fit_stack, unroll
from tinyae.reporting import announce, peak_memory_mb, versions
from tinyae.schedules import Cosine
from tinyae.stacked import fit_stacked
from tinyae.training.history import seconds_of
from tinyae.training.threads import thread_count

EXPERIMENT = "mnist-30"
PRETRAINED, SIGMOID = "pretrained, sigmoid", "random, sigmoid"
PRETRAINED_RELU, RELU = "pretrained, ReLU", "random, ReLU"
STARTS = (PRETRAINED, SIGMOID, PRETRAINED_RELU, RELU)
# Units, and how their weights are drawn.
INITIAL = {SIGMOID: ("sigmoid", "glorot"), PRETRAINED_RELU: ("relu", "he"), RELU: ("relu", "he")}
CONJUGATE, ADAM = "conjugate gradient", "Adam"
# Adam's rates: highest of a cosine, and beta2. What RBMs found survives larger steps with a quick memory of their size.
RATES = {PRETRAINED: (4e-3, 0.99), SIGMOID: (2e-3, 0.999), PRETRAINED_RELU: (1e-3, 0.999), RELU: (1e-3, 0.999)}

COLUMNS = (
    ("start", "start", "{}"),
    ("optimizer", "optimizer", "{}"),
    ("epochs", "epochs", "{}"),
    ("test", "test_squared_error", "{:.2f}"),
    ("train", "train_squared_error", "{:.2f}"),
    ("seconds", "seconds", "{:.0f}"),
)


@dataclass(frozen=True)
class Budget:
    """How much of everything.

    Attributes
    ----------
    n_train : int
        The first so many training images, in the order the seed draws.
    pretrain_epochs, conjugate_epochs, adam_epochs : int
    """

    n_train: int = 10_000
    pretrain_epochs: int = 10
    conjugate_epochs: int = 15
    adam_epochs: int = 30


WHOLE, QUICK = Budget(), Budget(n_train=1000, pretrain_epochs=2, conjugate_epochs=2, adam_epochs=3)


@dataclass(frozen=True)
class Comparison:
    """What `compare` found.

    Attributes
    ----------
    curves : list of dict
        `start`, `optimizer`, and for the end of every epoch, 0 is the start, `epochs`, `seconds`, `errors` (test
        images) and `training_errors`.
    metrics : dict
    """

    curves: list
    metrics: dict


def compare(settings, progress=True, folder=None):
    """Train from every start by every optimizer. Returns a Comparison; writes no file but what it keeps in `folder`.

    `settings` : Settings of the experiment EXPERIMENT; the recipe does not matter. The shallow autoencoders, seconds of
    work, are not kept in `folder`, but trained again.
    """
    budget, threads, seed = budget_of(settings), thread_count(settings.threads), settings.seed
    folder, data = folder and Path(folder), in_one_order(settings.load(), seed)
    x, sizes = data.x_train[: budget.n_train], settings.problem.sizes
    rbms, histories = fit_stack(
        x, sizes, epochs=budget.pretrain_epochs, shuffle=False, stale=True, seed=seed, threads=threads,
        progress=progress, checkpoint=folder and folder / "pretraining",
    )  # fmt: skip
    stacked, more = fit_stacked(
        x, sizes, activation="relu", code_activation="linear", epochs=budget.pretrain_epochs, seed=seed,
        threads=threads, progress=progress,
    )  # fmt: skip
    seconds = {PRETRAINED: seconds_of(histories), PRETRAINED_RELU: seconds_of(more)}
    curves = []
    for optimizer in (CONJUGATE, ADAM):
        for start in STARTS:
            if progress:
                announce(f"{start}, {optimizer}")
            model = unroll(rbms) if start == PRETRAINED else random_net(settings.problem, x.shape[1], start, seed)
            if start == PRETRAINED_RELU:
                model.theta[:] = stacked.theta
            errors = SquaredErrors({"training": x, "test": data.x_test}, threads)
            first = errors.of(model)
            name = f"{start}-{optimizer}".replace(", ", "-").replace(" ", "-").lower()
            history = model.fit(
                x, **how(start, optimizer, budget), callbacks=[errors], seed=seed, threads=threads,
                progress=progress and "fine-tuning", checkpoint=folder and folder / name,
            )  # fmt: skip
            curves.append(curve_of(start, optimizer, first, history, seconds.get(start, 0.0)))
    metrics = {
        "experiment": "starts",
        "quick": settings.quick,
        "dataset": data.name,
        "seed": seed,
        "threads": threads,
        "layer_sizes": [x.shape[1], *sizes],
        "n_test": len(data.x_test),
        "training": asdict(budget) | {"n_train": len(x)},
        "seconds_pretrain": round(sum(seconds.values()), 2),
        "runs": [ends_of(curve) for curve in curves],
        "peak_rss_mb": round(peak_memory_mb(), 1),
        "machine": machine(),
        "versions": versions(),
    }
    return Comparison(curves, metrics)


def budget_of(settings):
    """The Budget for Settings."""
    return QUICK if settings.quick else WHOLE


def plan(settings):
    """What a comparison by these settings does; its metrics tell that and more as "training"."""
    return asdict(budget_of(settings))


def random_net(problem, pixels, start, seed):
    """The net with random weights."""
    units, init = INITIAL[start]
    return hinton_autoencoder(pixels, problem.hidden, problem.code_size, init=init, seed=seed, hidden_activation=units)


def how(start, optimizer, budget):
    """Arguments of `fit` for one curve."""
    if optimizer == CONJUGATE:
        searches = ConjugateGradient(searches=3)
        return {"optimizer": searches, "epochs": budget.conjugate_epochs, "batch_size": 1000, "shuffle": False}
    rate, beta2 = RATES[start]
    adam = Adam(Cosine(rate, warmup=0.05), beta2=beta2)
    return {"optimizer": adam, "epochs": budget.adam_epochs, "batch_size": 200}


def curve_of(start, optimizer, first, history, earlier):
    """The errors over epochs and seconds, from before the first epoch on."""
    seconds = [earlier]
    for more in history["seconds"]:
        seconds.append(seconds[-1] + more)
    return {
        "start": start,
        "optimizer": optimizer,
        "epochs": [0, *history["epoch"]],
        "seconds": seconds,
        "errors": [first["test"], *history["test"]],
        "training_errors": [first["training"], *history["training"]],
    }


def ends_of(curve):
    """One row of the table: where a curve ended."""
    return {
        "start": curve["start"],
        "optimizer": curve["optimizer"],
        "epochs": curve["epochs"][-1],
        "seconds": round(curve["seconds"][-1], 2),
        "test_squared_error": curve["errors"][-1],
        "train_squared_error": curve["training_errors"][-1],
    }


def rows_of(curves):
    """All points of all curves, for a CSV file."""
    names = {"epochs": "epoch", "seconds": "seconds", "errors": "test_squared_error"}
    names["training_errors"] = "train_squared_error"
    return [
        {"start": curve["start"], "optimizer": curve["optimizer"]}
        | {name: curve[series][k] for series, name in names.items()}
        for curve in curves
        for k in range(len(curve["epochs"]))
    ]
