"""The Hinton & Salakhutdinov (2006) experiment on a few small pictures: metrics, files, fallback, determinism."""

import csv
import dataclasses
import itertools
import json
from types import SimpleNamespace

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from tinyae import ConjugateGradient, UsageError, analysis, datasets, fit_stack, load, plots, unroll
from tinyae.architectures import hinton_autoencoder
from tinyae.datasets import Dataset, DownloadError
from tinyae.datasets.face_patches import FacePatches
from tinyae.experiments import hinton2006
from tinyae.experiments.hinton2006 import (
    EXPERIMENTS,
    Settings,
    maps,
    page,
    recipe_modern,
    recipe_paper,
    report,
    starts,
    starts_report,
    watching,
)
from tinyae.experiments.hinton2006.augment import Flipped, Warped
from tinyae.experiments.hinton2006.components import component_errors
from tinyae.experiments.hinton2006.linear_start import linear_start
from tinyae.experiments.hinton2006.modern_settings import ModernRecipe
from tinyae.experiments.hinton2006.recipe_paper import PaperRecipe
from tinyae.experiments.hinton2006.run import course, training_seconds
from tinyae.logistic_pca import LogisticPCA
from tinyae.rbm.checkpoint import RBMCheckpoint
from tinyae.stacked import fit_stacked
from tinyae.training import History
from tinyae.warping import Warp

KEYS = {
    "machine", "experiment", "recipe", "quick", "dataset", "n_train", "n_test", "layer_sizes", "seed", "threads",
    "training",
    "train_squared_error", "test_squared_error", "test_bce_per_pixel", "pca_test_squared_error",
    "mean_image_squared_error", "bce_floor_per_pixel", "knn5_accuracy", "pca_knn5_accuracy", "seconds_pretrain",
    "seconds_finetune", "seconds_finetune_epoch", "seconds_train", "peak_rss_mb", "published", "versions",
    "median_gflops", "median_limit_gflops", "median_product_share", "median_product_share_of_cpu",
}  # fmt: skip
PAPERS_SIZES = {
    "mnist-2d": (1000, 500, 250, 2), "mnist-30": (1000, 500, 250, 30), "curves": (400, 200, 100, 50, 25, 6),
    "faces": (2000, 1000, 500, 30),
}  # fmt: skip
WHOLE_EXPERIMENTS = dict(EXPERIMENTS)
HIDDEN, VALIDATION_IMAGES = (20, 15, 10), 40
TINY = ModernRecipe(pretrain_epochs=2, finetune_epochs=3, batch_size=20, lr=5e-3)
PAPER = PaperRecipe(pretrain_epochs=2, finetune_epochs=3, pretrain_batch=20, finetune_batch=50)


def draw(n, rng):
    """Ten classes of 6 x 6 pictures: a soft spot for each, somewhat displaced."""
    labels = np.arange(n) % 10
    angle = 2 * np.pi * labels / 10
    centre = 2.5 + np.column_stack([1.7 * np.cos(angle), 1.7 * np.sin(angle)]) + 0.25 * rng.normal(size=(n, 2))
    pixels = np.stack(np.mgrid[:6, :6], axis=-1).reshape(-1, 2)
    squared = np.square(pixels[None] - centre[:, None]).sum(axis=2)
    return np.exp(-squared / 2).astype(np.float32), labels


def small_data(name="mnist", n_train=200, n_test=60):
    rng = np.random.default_rng(0)
    train, test = draw(n_train, rng), draw(n_test, rng)
    return Dataset(name, *train, *test, (6, 6, 1), tuple("0123456789"))


@pytest.fixture(autouse=True, scope="module")
def small_experiment():
    """The experiment on pictures of 36 pixels, with nets and recipes to match."""
    with pytest.MonkeyPatch.context() as patch:
        for name in ("mnist-2d", "mnist-30"):
            code_size = min(EXPERIMENTS[name].code_size, 5)
            patch.setitem(EXPERIMENTS, name, dataclasses.replace(EXPERIMENTS[name], hidden=HIDDEN, code_size=code_size))
            for recipes in (recipe_modern.SHORT, recipe_modern.MODERN):
                patch.setitem(recipes, name, TINY)
        patch.setattr(recipe_modern, "VALIDATION_IMAGES", VALIDATION_IMAGES)
        patch.setattr(recipe_modern, "QUICK", dataclasses.replace(TINY, n_train=100, finetune_epochs=1))
        patch.setattr(recipe_paper, "WHOLE", PAPER)
        patch.setattr(watching, "SIDE", 20)
        patch.setattr(report, "SHOWN_FILTERS", HIDDEN[0])
        patch.setattr(report, "SHOWN_IMAGES", 10)
        patch.setattr(datasets, "load_mnist", lambda data_dir=None: small_data())
        patch.setattr(datasets, "load_digits", lambda seed=0: small_data("digits"))
        yield


def run(**settings):
    folder = settings.pop("folder", None)
    return hinton2006.run(Settings(**{"dataset": "mnist", "threads": 1} | settings), progress=False, folder=folder)


def unchanging(metrics):
    """The metrics without those of time and memory."""
    return {name: v for name, v in metrics.items() if not name.startswith(("seconds", "peak", "median"))}


@pytest.fixture(scope="module")
def result(small_experiment):
    return run()


@pytest.fixture(scope="module")
def folder(result, tmp_path_factory):
    path = tmp_path_factory.mktemp("results")
    with pytest.MonkeyPatch.context() as patch:
        save = plots.save
        patch.setattr(plots, "save", lambda figure, path: save(figure, path, dpi=50))  # small pictures, fast
        report.write_report(result, path)
    return path


# --- the run


def test_metrics_have_every_key(result):
    metrics = result.metrics
    assert set(metrics) >= KEYS
    assert metrics["dataset"] == "mnist" and metrics["recipe"] == "short" and metrics["seed"] == 0
    assert metrics["experiment"] == "mnist-2d" and not metrics["quick"]
    assert (metrics["n_train"], metrics["n_test"], metrics["threads"]) == (200, 60, 1)
    assert metrics["layer_sizes"] == [36, 20, 15, 10, 2]
    settings = metrics["training"]
    assert (settings["pretrain_epochs"], settings["finetune_epochs"], settings["batch_size"]) == (2, 3, 20)
    assert metrics["peak_rss_mb"] > 10 and metrics["seconds_pretrain"] >= 0 and metrics["seconds_finetune"] >= 0
    json.dumps(metrics, allow_nan=False)


def test_metrics_are_what_they_say(result):
    data, model, metrics = result.data, result.model, result.metrics
    output = model.reconstruct(data.x_test).astype(np.float64)
    x = data.x_test.astype(np.float64)
    assert metrics["test_squared_error"] == pytest.approx(np.square(x - output).sum(axis=1).mean(), rel=1e-5)
    bce = -(x * np.log(output) + (1 - x) * np.log(1 - output)).mean()
    assert metrics["test_bce_per_pixel"] == pytest.approx(bce, rel=1e-5)
    train_output = model.reconstruct(data.x_train).astype(np.float64)
    assert metrics["train_squared_error"] == pytest.approx(
        np.square(data.x_train - train_output).sum(axis=1).mean(), rel=1e-5
    )
    mean = data.x_train.astype(np.float64).mean(axis=0)
    assert metrics["mean_image_squared_error"] == pytest.approx(np.square(x - mean).sum(axis=1).mean(), rel=1e-5)
    components = np.linalg.svd(data.x_train - mean, full_matrices=False)[2][:2]
    codes = [(rows - mean) @ components.T for rows in (data.x_train, x)]
    pca = np.square(x - mean - codes[1] @ components).sum(axis=1).mean()
    assert metrics["pca_test_squared_error"] == pytest.approx(pca, rel=1e-5)
    inner = x[(x > 0) & (x < 1)]
    floor = -(inner * np.log(inner) + (1 - inner) * np.log(1 - inner)).sum() / x.size
    assert metrics["bce_floor_per_pixel"] == pytest.approx(floor, rel=1e-5)
    for key, (train, test) in (
        ("pca_knn5_accuracy", codes),
        ("knn5_accuracy", (model.encode(data.x_train), model.encode(data.x_test))),
    ):
        near = np.argsort(np.square(test[:, None] - train[None]).sum(axis=2), axis=1)[:, :5]
        votes = [np.bincount(data.y_train[row], minlength=10).argmax() for row in near]
        assert metrics[key] == pytest.approx(np.mean(votes == data.y_test), abs=1.5 / 60)  # one tie may fall otherwise


def test_validation_images_are_not_trained_on(result):
    assert len(result.finetuning["val_loss"]) == 3
    assert (result.metrics["training"]["n_train"], result.metrics["training"]["n_validation"]) == (160, 40)


def task(seed=0):
    return SimpleNamespace(data=small_data(), seed=seed)


def test_images_held_out_are_drawn_by_the_seed_and_not_trained_on():
    (x, held), again, other = (recipe_modern.held_out(task(seed), TINY) for seed in (0, 0, 1))
    assert len(held) == VALIDATION_IMAGES and len(x) == 160
    assert_array_equal(x, again[0])
    assert (held != other[1]).any()
    both = np.concatenate([x, held])
    assert_array_equal(both[np.lexsort(both.T)], small_data().x_train[np.lexsort(small_data().x_train.T)])


def test_quick_takes_fewer_images():
    metrics = run(quick=True).metrics
    assert metrics["quick"] and metrics["training"]["n_train"] + metrics["training"]["n_validation"] == 100
    assert metrics["training"]["finetune_epochs"] == 1


@pytest.mark.parametrize("threads", [1, 2])
def test_same_seed_gives_the_same_metrics(threads, monkeypatch):
    monkeypatch.setattr("tinyae.training.shards.SMALLEST_SHARED_WORK", 0)
    one, two, other = (run(threads=threads, seed=seed) for seed in (3, 3, 4))
    assert unchanging(one.metrics) == unchanging(two.metrics)
    assert_array_equal(one.model.theta, two.model.theta)
    assert one.metrics["test_squared_error"] != other.metrics["test_squared_error"]


def test_default_is_every_core(monkeypatch):
    monkeypatch.setattr("tinyae.training.threads.available_cores", lambda: 3)
    assert run(quick=True, threads=None).metrics["threads"] == 3


@pytest.mark.parametrize(
    "settings, message",
    [
        ({"dataset": "mnits"}, r"hinton2006: expected dataset to be one of auto, mnist, digits, got 'mnits' \(did you"),
        ({"recipe": "slow"}, "hinton2006: expected recipe to be one of short, modern, paper, got 'slow'"),
        ({"experiment": "mnist"}, "hinton2006: expected experiment to be one of mnist-2d, mnist-30, .* got 'mnist'"),
        ({"experiment": "curves", "dataset": "mnist"}, "expected dataset to be one of curves, got 'mnist'"),
        ({"seed": -1}, "hinton2006: expected seed to be a whole number >= 0, got -1"),
        ({"threads": 0}, "expected threads to be a whole number >= 1, got 0"),
    ],
)
def test_bad_settings_are_refused_before_any_work(settings, message):
    with pytest.raises(UsageError, match=message):
        Settings(**settings)


def test_data_too_small_for_the_settings(monkeypatch):
    wide = dataclasses.replace(EXPERIMENTS["mnist-2d"], code_size=36)
    with pytest.raises(UsageError, match="hinton2006: expected more pixels than the 36 of the code, got 36"):
        hinton2006.run(SimpleNamespace(problem=wide, threads=1, load=small_data), progress=False)
    monkeypatch.setattr(datasets, "load_mnist", lambda data_dir=None: small_data(n_train=2 * VALIDATION_IMAGES))
    with pytest.raises(UsageError, match="hinton2006: expected more than 80 training images, got 80"):
        run()
    monkeypatch.setattr(datasets, "load_mnist", lambda data_dir=None: small_data(n_train=19))
    with pytest.raises(UsageError, match="hinton2006: expected at least 20 training images, got 19"):
        run(recipe="paper")


def test_bad_numbers_in_the_data_are_refused(monkeypatch):
    data = small_data()
    data.x_train[7, 3] = np.nan
    monkeypatch.setattr(datasets, "load_mnist", lambda data_dir=None: data)
    with pytest.raises(UsageError, match=r"expected finite numbers in x, .* the first at index \(7, 3\)"):
        run()


def test_announcements_go_to_stderr(capsys):
    settings = Settings(dataset="mnist", threads=1)
    hinton2006.run(settings)
    out, err = capsys.readouterr()
    assert out == ""
    assert "mnist: 200 training and 60 test images, 1 threads" in err
    for phase in ("pretraining 1/4 (36-20)", "pretraining 4/4 (10-2)", "fine-tuning"):
        assert f"{phase}: 100%" in err
    hinton2006.run(settings, progress=False)
    assert capsys.readouterr() == ("", "")


def test_without_mnist_the_digits_serve_and_say_so(monkeypatch, capsys):
    def gone(data_dir=None):
        raise DownloadError("fetch: no network")

    monkeypatch.setattr(datasets, "load_mnist", gone)
    result = run(dataset="auto")
    err = capsys.readouterr().err
    assert err.count("\n") == 1 and "MNIST NOT FOUND, USING THE BUILT-IN DIGITS" in err and "no network" in err
    assert result.metrics["dataset"] == "digits"
    title = report.code_figure(result).get_suptitle()
    assert "digits" in title and "not MNIST" in title
    with pytest.raises(DownloadError):
        run(dataset="mnist")


# --- the paper's recipe, and runs that go on


@pytest.fixture(scope="module")
def by_the_paper(small_experiment):
    return run(recipe="paper")


def test_the_papers_recipe_is_these_steps(by_the_paper):
    """One order for ever, stale means, three searches a batch: put together by hand."""
    x = small_data().x_train
    x = x[np.random.default_rng(0).permutation(200)]
    settings = {"threads": 1, "progress": False, "shuffle": False}
    rbms, _ = fit_stack(x, (*HIDDEN, 2), epochs=2, batch_size=20, stale=True, seed=0, **settings)
    model = unroll(rbms)
    optimizer = ConjugateGradient(searches=3)
    history = model.fit(x, epochs=3, batch_size=50, optimizer=optimizer, seed=0, **settings)
    assert_array_equal(model.theta, by_the_paper.model.theta)
    assert history["loss"] == by_the_paper.finetuning["loss"]
    assert by_the_paper.metrics["training"]["searches"] == 3 and by_the_paper.metrics["training"]["n_train"] == 200


def test_the_papers_numbers(monkeypatch):
    monkeypatch.setattr(recipe_paper, "WHOLE", PaperRecipe())
    recipe = recipe_paper.recipe_of(Settings("mnist-30", "paper"))
    assert recipe == PaperRecipe(None, 50, 200, 100, 1000, 3)
    assert {name: WHOLE_EXPERIMENTS[name].sizes for name in PAPERS_SIZES} == PAPERS_SIZES


def test_errors_before_each_epoch_as_the_paper_prints_them(by_the_paper):
    history, data = by_the_paper.finetuning, by_the_paper.data
    start = unroll(fit_stack_again())
    assert history["squared_error"][0] == pytest.approx(start.evaluate(data.x_train)["squared_error"], rel=1e-5)
    assert history["test_squared_error"][0] == pytest.approx(start.evaluate(data.x_test)["squared_error"], rel=1e-5)
    assert by_the_paper.metrics["test_squared_error"] != history["test_squared_error"][-1]  # after the last epoch
    assert by_the_paper.metrics["test_squared_error_after"] == {"0": history["test_squared_error"][0]}
    assert history["loss"][-1] < history["loss"][0]


def fit_stack_again():
    x = small_data().x_train[np.random.default_rng(0).permutation(200)]
    settings = {"threads": 1, "progress": False, "shuffle": False, "batch_size": 20}
    return fit_stack(x, (*HIDDEN, 2), epochs=2, stale=True, seed=0, **settings)[0]


class KilledError(Exception):
    pass


@pytest.mark.parametrize(
    "recipe, phase, epoch",
    [("paper", "rbm", 1), ("paper", "rbm", 6), ("paper", "net", 0), ("paper", "net", 2), ("short", "rbm", 3),
     ("short", "net", 1), ("modern", "net", 2)],
)  # fmt: skip
def test_a_killed_run_goes_on_bit_for_bit(tmp_path, monkeypatch, recipe, phase, epoch):
    warped = dataclasses.replace(
        TINY, finetune_epochs=4, warp={"turn": 0.2, "shift": 0.1, "zoom": 0.1}, unwarped_end=0.25, patience=2,
        neighbour_epochs=2, decoder_epochs=2,
    )  # fmt: skip
    monkeypatch.setitem(recipe_modern.MODERN, "mnist-2d", warped)
    whole = run(recipe=recipe)
    place = (RBMCheckpoint, "epoch_done") if phase == "rbm" else (watching.SquaredErrors, "on_epoch_end")
    count, method = itertools.count(), getattr(*place)

    def dies(*arguments, **named):
        if next(count) == epoch:
            raise KilledError
        return method(*arguments, **named)

    with monkeypatch.context() as patch, pytest.raises(KilledError):
        patch.setattr(*place, dies)
        run(recipe=recipe, folder=tmp_path)
    again = run(recipe=recipe, folder=tmp_path)
    assert_array_equal(again.model.theta, whole.model.theta)
    assert unchanging(again.metrics) == unchanging(whole.metrics)
    errors = "test_squared_error" if recipe == "paper" else "val_squared_error"
    assert again.finetuning[errors] == whole.finetuning[errors]
    with open(tmp_path / "finetuning.csv", newline="") as file:
        assert [float(row[errors]) for row in csv.DictReader(file)] == whole.finetuning[errors]


def test_modern_phases_come_one_after_the_other_and_a_quick_run_has_them_all(monkeypatch):
    phased = dataclasses.replace(TINY, neighbour_epochs=30, decoder_epochs=2, finetune_epochs=7, loss="mse")
    monkeypatch.setitem(recipe_modern.MODERN, "mnist-2d", phased)
    result = run(recipe="modern", quick=True)
    assert [len(history) for history in result.pretraining] == [2, 2, 2, 2, 3, 2] and len(result.finetuning) == 5
    assert result.metrics["training"]["neighbour_epochs"] == 3 and result.model.loss.name == "MSE"
    assert result.metrics["seconds_pretrain"] >= sum(sum(history["seconds"]) for history in result.pretraining) - 0.01
    assert "pretrain_6" in report.history_csv(result)
    assert run(recipe="short", quick=True).model.loss.name == "BCE"


def test_errors_on_the_way():
    history = History()
    history.rows = [{"epoch": epoch, "test_squared_error": 100.0 - epoch} for epoch in range(1, 61)]
    found = course(SimpleNamespace(finetuning=history))
    assert found == {"test_squared_error_after": {"0": 99.0, "10": 89.0, "35": 64.0}}  # row 36: before epoch 36
    history.rows = [{"epoch": 1, "loss": 3.0}]
    assert course(SimpleNamespace(finetuning=history)) == {}


def test_another_runs_checkpoint_is_refused(tmp_path):
    run(recipe="paper", folder=tmp_path)
    with pytest.raises(UsageError, match=r"fit_rbm: expected the run that .* holds, got another"):
        run(recipe="paper", seed=1, folder=tmp_path)


# --- what is watched, and what changes the images


def test_products_are_counted(by_the_paper):
    row = by_the_paper.finetuning.rows[0]
    model = by_the_paper.model
    per_row = 2 * (3 * model.multiply_adds - 36 * 20)
    batches = [row["gflops"] for row in by_the_paper.finetuning.rows]
    assert all(speed > 0 for speed in batches) and per_row == 2 * (3 * 2 * (720 + 300 + 150 + 20) - 720)
    assert row["product_share"] == pytest.approx(row["gflops"] / row["limit_gflops"])
    metrics = by_the_paper.metrics
    assert metrics["median_gflops"] in [round(speed, 4) for speed in batches]


def test_share_of_products_from_known_times(result, monkeypatch):
    callback = watching.ProductShare(threads=1)
    run = SimpleNamespace(
        model=result.model, training=(np.zeros((100, 36)),), steps=5, optimizer=ConjugateGradient(),
    )  # fmt: skip
    clock = iter([10.0, 14.0])
    monkeypatch.setattr(watching.time, "perf_counter", lambda: next(clock))
    monkeypatch.setattr(watching.time, "process_time", lambda: run.optimizer.evaluations / 10)
    monkeypatch.setattr(watching, "product_limit", lambda threads: (2.0, 4.0))
    callback.on_train_begin(run)
    row = {}
    run.optimizer.evaluations = 10
    callback.on_batch_end(run, 1.0)
    run.optimizer.evaluations = 50
    callback.on_batch_end(run, 1.0)
    callback.on_epoch_end(run, row)
    done = 40 * 20 * 2 * (3 * result.model.multiply_adds - 720) / 1e9  # 40 passes of 20 rows
    assert row == {
        "gflops": pytest.approx(done / 4), "limit_gflops": 2.0, "product_share": pytest.approx(done / 4 / 2),
        "product_share_of_cpu": pytest.approx(done / 4 / 4),
    }  # fmt: skip


def test_the_limit_is_that_of_real_products():
    clock, cpu = watching.product_limit(2)
    assert clock > 0 and cpu > 0


def warped(threads=1, **settings):
    x = small_data().x_train
    usual = {"share": 0.5, "until": 2, "seed": 3} | settings
    callback = Warped(x, (6, 6, 1), Warp(shift=0.1, turn=0.3, zoom=0.1), threads=threads, **usual)
    return x, callback, SimpleNamespace(training=(x.copy(),), first_epoch=1)


def test_some_images_are_warped_in_every_epoch_until_the_last_ones():
    x, callback, run = warped()
    (images,), kept = run.training, x.copy()
    callback.on_train_begin(run)
    first = images.copy()
    changed = (first != x).any(axis=1)
    assert 0.35 < changed.mean() < 0.65
    callback.on_epoch_end(run, {"epoch": 1})
    second = (images != x).any(axis=1)
    assert 0.35 < second.mean() < 0.65 and (second != changed).any()
    for epoch in (2, 3, 4):
        callback.on_epoch_end(run, {"epoch": epoch})
        assert_array_equal(images, x)
    assert_array_equal(x, kept)  # the caller's images stay as they are


@pytest.mark.parametrize("threads", [1, 2, 3])
def test_warped_images_depend_on_epoch_and_seed_alone(threads, monkeypatch):
    monkeypatch.setattr(Warped, "AT_ONCE", 7)
    _, callback, run = warped()
    callback.on_train_begin(run)
    callback.on_epoch_end(run, {"epoch": 1})
    _, other, resumed = warped(threads)
    resumed.first_epoch = 2
    other.on_train_begin(resumed)
    assert_array_equal(run.training[0], resumed.training[0])
    _, another, run = warped(seed=4)
    run.first_epoch = 2
    another.on_train_begin(run)
    assert (run.training[0] != resumed.training[0]).any()


@pytest.mark.parametrize("activation, init", [("sigmoid", "glorot"), ("relu", "he")])
def test_a_random_start_has_no_pretraining(monkeypatch, activation, init):
    recipe = dataclasses.replace(TINY, pretrain_epochs=0, hidden_activation=activation)
    monkeypatch.setitem(recipe_modern.MODERN, "mnist-2d", recipe)
    result = run(recipe="modern")
    assert result.pretraining == [] and result.metrics["seconds_pretrain"] == 0
    start = hinton_autoencoder(36, HIDDEN, 2, init=init, hidden_activation=activation)
    begun, _ = recipe_modern.begin(
        SimpleNamespace(problem=EXPERIMENTS["mnist-2d"], seed=0), recipe, small_data().x_train
    )
    assert_array_equal(begun.theta, start.theta)
    assert repr(result.model) == repr(start)


def flipped(seed=3, first_epoch=1):
    x = np.arange(400 * 9, dtype=np.float32).reshape(400, 9)
    run = SimpleNamespace(training=(x.copy(),), first_epoch=first_epoch)
    callback = Flipped(x, (3, 3, 1), seed)
    callback.on_train_begin(run)
    return x, callback, run


def test_images_lie_in_all_eight_ways_of_a_square():
    x, callback, run = flipped()
    (images,), kept = run.training, x.copy()
    ways = [np.rot90(np.arange(9).reshape(3, 3), turns) for turns in range(4)]
    ways = [tuple(way.ravel()) for turned in ways for way in (turned, turned[:, ::-1])]
    found = [tuple((row - first[0]).astype(int)) for row, first in zip(images, x, strict=True)]
    assert set(found) == set(ways) and len(set(ways)) == 8
    assert all(35 < found.count(way) < 65 for way in ways)
    before = images.copy()
    callback.on_epoch_end(run, {"epoch": 1})
    assert 0.75 < (images != before).any(axis=1).mean() < 0.98
    assert_array_equal(x, kept)  # the caller's images stay as they are
    assert_array_equal(flipped(first_epoch=2)[2].training[0], images)  # a run that goes on
    assert (flipped(seed=4)[2].training[0] != before).any()


def test_only_squares_are_flipped():
    with pytest.raises(UsageError, match="Flipped: expected square images, got 3 x 4"):
        Flipped(np.zeros((2, 12)), (3, 4, 1), 0)


def test_flips_reach_the_net_and_not_the_data(monkeypatch):
    monkeypatch.setitem(recipe_modern.MODERN, "mnist-2d", dataclasses.replace(TINY, flips=True))
    result = run(recipe="modern")
    assert_array_equal(result.data.x_train, small_data().x_train)
    assert (result.model.theta != run(recipe="short").model.theta).any()


def test_the_modern_recipe_keeps_the_best_epoch(monkeypatch):
    recipe = dataclasses.replace(TINY, finetune_epochs=12, lr=0.3, patience=2)
    monkeypatch.setitem(recipe_modern.MODERN, "mnist-2d", recipe)
    result = run(recipe="modern")
    errors = result.finetuning["val_squared_error"]
    assert len(errors) < 12 or min(errors) < errors[-1]
    _, held = recipe_modern.held_out(task(), recipe)
    assert result.model.evaluate(held)["squared_error"] == pytest.approx(min(errors), rel=1e-6)


# --- the report


def test_report_writes_every_file_and_nothing_else(folder):
    assert sorted(p.name for p in folder.iterdir()) == sorted(report.FILES)
    assert {"figure.png", "figure.svg", "reconstructions.png", "filters.png", "loss.png"} < set(report.FILES)
    assert {"metrics.json", "history.csv", "model.npz"} < set(report.FILES)
    for name in report.FILES:
        start = (folder / name).read_bytes()[:4]
        assert len(start) == 4 and (start == b"\x89PNG") == name.endswith(".png")


def test_metrics_file_is_the_metrics(folder, result):
    assert json.loads((folder / "metrics.json").read_text()) == result.metrics


def test_model_file_is_the_model(folder, result):
    model = load(folder / "model.npz")
    assert_array_equal(model.theta, result.model.theta)
    assert model.evaluate(result.data.x_test)["squared_error"] == pytest.approx(
        result.metrics["test_squared_error"], rel=1e-6
    )


def test_history_file_has_every_phase(folder, result):
    with open(folder / "history.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    phases = [f"pretrain_{i}" for i in (1, 2, 3, 4) for _ in range(2)] + ["finetune"] * 3
    assert [row["phase"] for row in rows] == phases
    assert [row["epoch"] for row in rows] == ["1", "2"] * 4 + ["1", "2", "3"]
    assert [float(row["loss"]) for row in rows[8:]] == result.finetuning["loss"]
    assert [float(row["reconstruction_error"]) for row in rows[2:4]] == result.pretraining[1]["reconstruction_error"]
    assert rows[0]["loss"] == "" and rows[-1]["reconstruction_error"] == ""
    assert {"val_loss", "squared_error", "val_squared_error", "lr", "seconds", "free_energy"} < set(rows[0])


def test_squared_errors_of_the_history_are_those_of_the_net(result):
    x = result.data.x_train
    few, held = x[:VALIDATION_IMAGES], x[100 : 100 + VALIDATION_IMAGES]
    callback = watching.SquaredErrors({"squared_error": few, "val_squared_error": held}, threads=1)
    row = {"loss": 1.0}
    callback.on_epoch_end(SimpleNamespace(model=result.model), row)
    assert row == {
        "loss": 1.0,
        "squared_error": pytest.approx(analysis.squared_error(few, result.model.reconstruct(few)), rel=1e-5),
        "val_squared_error": pytest.approx(analysis.squared_error(held, result.model.reconstruct(held)), rel=1e-5),
    }
    assert len(result.finetuning["squared_error"]) == len(result.finetuning["val_squared_error"]) == 3


def test_figure_carries_errors_and_accuracies(result):
    figure = report.code_figure(result)
    titles = [axis.get_title() for axis in figure.axes]
    metrics = result.metrics
    assert titles[0] == (
        f"PCA, 2 components\nsquared error {metrics['pca_test_squared_error']:.2f} per image, "
        f"5-NN accuracy {100 * metrics['pca_knn5_accuracy']:.1f} %"
    )
    assert titles[1] == (
        f"Autoencoder 36-20-15-10-2\nsquared error {metrics['test_squared_error']:.2f} per image, "
        f"5-NN accuracy {100 * metrics['knn5_accuracy']:.1f} %"
    )
    assert figure.get_suptitle() == "MNIST: codes of 6 test digits of each class"
    drawn = np.concatenate([c.get_offsets() for c in figure.axes[1].collections if len(c.get_offsets())])
    codes = result.model.encode(result.data.x_test)
    assert_allclose(drawn[np.lexsort(drawn.T)], codes[np.lexsort(codes.T)], rtol=1e-6)


def test_seconds_of_training_are_those_of_the_clock_where_they_are_known():
    times = {"seconds_train": 30.0, "seconds_pretrain": 10.0, "seconds_finetune": 15.0}
    assert training_seconds(times) == 30.0  # warps and errors between the epochs count
    assert training_seconds(times | {"seconds_train": 5.0}) == 25.0  # resumed: the rest was done before


def test_facts_of_a_run_for_the_page(result):
    others = {"published": {"pca": 1.0, "pca_18": 5.9, "logistic_pca_18": 2.45, "pca_7": 1.0}}
    others |= {"pca_18_test_squared_error": 5.907, "logistic_pca_18_test_squared_error": 0.708}
    others |= {"training": result.metrics["training"] | {"warp": {"turn": 0.1, "shift": 0.02}}}
    others |= {"test_squared_error_after": {"0": 50.25, "35": 3.677}}
    net, settings, *_, plain, logistic, course = page.facts(result.metrics | others)
    assert "Net 36-20-15-10-2" in net and "batch_size 20" in settings and "warp (turn 0.1, shift 0.02)" in settings
    assert "None" not in settings and "{}" not in settings and "False" not in settings and "quick" not in settings
    assert "a quick run" in page.facts(result.metrics | others | {"quick": True})[1]
    assert [plain, logistic] == ["PCA-18: 5.91 (the paper 5.90).", "logistic PCA-18: 0.71 (the paper 2.45)."]
    assert course.endswith(" by epochs of fine-tuning: 50.25 after 0, 3.68 after 35.")
    unlabelled = {name: value for name, value in result.metrics.items() if name != "knn5_accuracy"}
    assert "moving the code" in page.pictures_of(unlabelled)["figure.png"]  # not codes, and pictures for that


def test_the_page_has_what_there_is(result, folder, tmp_path):
    (tmp_path / "mnist-2d-short").symlink_to(folder)
    quick = result.metrics | {"experiment": "mnist-30", "recipe": "paper", "quick": True, "dataset": "digits"}
    quick |= {"published": {"autoencoder": 3.0, "pca": 13.87}, "training": {"note": "<b>"}}
    (tmp_path / "mnist-30-paper").mkdir()
    (tmp_path / "mnist-30-paper" / "metrics.json").write_text(json.dumps(quick))
    (tmp_path / "mnist-30-modern").mkdir()  # not finished
    (tmp_path / "faces-paper").mkdir()
    (tmp_path / "faces-paper" / "metrics.json").write_text('{"experiment": "fa')
    for name in ("faces-modern", "documents-paper", "starts"):  # as of a version that told less
        (tmp_path / name).mkdir()
        (tmp_path / name / "metrics.json").write_text(json.dumps({"experiment": name.split("-")[0]}))
    page.write_page(tmp_path)
    assert sorted(path.name for path in tmp_path.glob("*.*")) == sorted(page.FILES)
    text, web = ((tmp_path / name).read_text() for name in ("results.md", "index.html"))
    head, _, first, second = text.split("\n\n")[1].splitlines()
    cells = dict(zip(*([c.strip() for c in row.split("|")[1:-1]] for row in (head, first)), strict=True))
    assert cells["experiment"] == "mnist-2d" and cells["recipe"] == "short" and cells["the paper"] == "–"
    assert cells["test"] == f"{result.metrics['test_squared_error']:.2f}"
    assert cells["5-NN"] == f"{result.metrics['knn5_accuracy']:.3f}"
    assert second.startswith("| mnist-30 (built-in digits (not MNIST)) | paper, quick | 3.00 |") and "13.87" in second
    assert "![Codes of the test images](mnist-2d-short/figure.png)" in text and "mnist-30-modern" not in text + web
    assert "faces" not in text + web  # damaged
    assert 'src="mnist-2d-short/figure.png"' in web and "<td>3.00</td>" in web
    assert "note &lt;b&gt;" in web and "<b>" not in web
    assert "36-20-15-10-2" in text and result.metrics["versions"]["numpy"] in text
    assert "mnist-2d.png" not in text + web and "starts" not in text + web


def test_the_curves_of_the_papers_recipe_end_where_the_net_does(by_the_paper):
    squared = report.loss_figure(by_the_paper).axes[1]
    lines = {line.get_label(): line.get_ydata() for line in squared.lines}
    noted = by_the_paper.finetuning["test_squared_error"]
    assert_array_equal(lines["test"], [*noted[1:], by_the_paper.metrics["test_squared_error"]])
    assert lines["training"][-1] == by_the_paper.metrics["train_squared_error"]
    assert lines["training"][0] == by_the_paper.finetuning["squared_error"][1]


def test_the_page_has_pictures_of_several_runs(comparison, tmp_path):
    (tmp_path / "mnist-2d.png").touch()
    (tmp_path / "starts").mkdir()
    starts_report.write_report(comparison, tmp_path / "starts")
    page.write_page(tmp_path)
    text, web = ((tmp_path / name).read_text() for name in ("results.md", "index.html"))
    assert "(mnist-2d.png)" in text and "(starts/starts.png)" in text
    row = comparison.metrics["runs"][-1]
    error, seconds = f"{row['test_squared_error']:.2f}", f"{row['seconds']:.0f}"
    assert f"| random, ReLU | Adam | 3 | {error} | {row['train_squared_error']:.2f} | {seconds} |" in text
    assert f"<td>{error}</td>" in web and "With and without pretraining: MNIST" in text
    assert "Settings: n_train 150, pretrain_epochs 2" in text and "seed 0, 1 threads" in web
    assert 'src="mnist-2d.png"' in web and 'src="starts/starts.png"' in web


def test_maps_side_by_side(result, folder, tmp_path, monkeypatch, capsys):
    data = result.data
    saved = {}
    monkeypatch.setattr(plots, "save", lambda figure, path: saved.update({path: figure}))
    for recipe in ("short", "paper", "modern"):
        (tmp_path / f"mnist-2d-{recipe}").mkdir()
    for recipe in ("short", "paper"):
        maps.write_maps(tmp_path, "mnist-2d", data)
        assert not saved  # one run is no comparison
        place = tmp_path / f"mnist-2d-{recipe}"
        (place / "model.npz").symlink_to(folder / "model.npz")
        metrics = result.metrics | {"recipe": recipe, "quick": recipe == "paper"}
        (place / "metrics.json").write_text(json.dumps(metrics))
    maps.write_maps(tmp_path, "mnist-2d", data)
    figure = saved.pop(tmp_path / "mnist-2d.png")
    titles = [axis.get_title() for axis in figure.axes]
    error = f"squared error {result.metrics['test_squared_error']:.2f} per image"
    assert [title.splitlines()[0] for title in titles] == ["PCA", "recipe short", "recipe paper, quick"]
    assert error in titles[1] and f"{result.metrics['pca_test_squared_error']:.2f}" in titles[0]
    drawn = np.concatenate([c.get_offsets() for c in figure.axes[2].collections if len(c.get_offsets())])
    codes = result.model.encode(data.x_test)
    assert_allclose(drawn[np.lexsort(drawn.T)], codes[np.lexsort(codes.T)], rtol=1e-6)
    maps.write_maps(tmp_path, "mnist-2d", small_data("digits"))
    assert not saved  # those runs were on other data
    (tmp_path / "mnist-2d-modern" / "metrics.json").write_text(json.dumps(result.metrics | {"recipe": "modern"}))
    maps.write_maps(tmp_path, "mnist-2d", data)  # without the modern one, of which there is no model
    assert [axis.get_title().splitlines()[0] for axis in saved.popitem()[1].axes] == [
        title.splitlines()[0] for title in titles
    ]
    assert "mnist-2d.png is drawn without mnist-2d-modern: " in capsys.readouterr().err


# --- with and without pretraining


@pytest.fixture(scope="module")
def comparison(small_experiment):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(starts, "WHOLE", TINY_BUDGET)
        yield starts.compare(Settings("mnist-30", dataset="mnist", threads=1), progress=False)


TINY_BUDGET = starts.Budget(n_train=150, pretrain_epochs=2, conjugate_epochs=2, adam_epochs=3)


def test_every_start_by_every_optimizer(comparison):
    kinds = [(curve["start"], curve["optimizer"], curve["epochs"]) for curve in comparison.curves]
    assert kinds == [
        (start, optimizer, epochs)
        for optimizer, epochs in (("conjugate gradient", [0, 1, 2]), ("Adam", [0, 1, 2, 3]))
        for start in ("pretrained, sigmoid", "random, sigmoid", "pretrained, ReLU", "random, ReLU")
    ]
    for curve in comparison.curves:
        assert len(curve["errors"]) == len(curve["seconds"]) == len(curve["training_errors"]) == len(curve["epochs"])
        assert (np.diff(curve["seconds"]) > 0).all()
        assert (curve["seconds"][0] > 0) == curve["start"].startswith("pretrained")
    by_start = [[c["errors"][0] for c in comparison.curves if c["start"] == start] for start in starts.STARTS]
    assert all(first == second for first, second in by_start)  # the same net for both optimizers
    assert len({first for first, _ in by_start}) == 4
    json.dumps(comparison.metrics, allow_nan=False)


def test_the_errors_of_a_start_are_those_of_its_net(comparison):
    x = small_data().x_train[np.random.default_rng(0).permutation(200)][:150]
    model = hinton_autoencoder(36, HIDDEN, 5, init="he", hidden_activation="relu")
    relu = comparison.curves[3]
    assert relu["training_errors"][0] == pytest.approx(model.evaluate(x)["squared_error"], rel=1e-5)
    assert relu["errors"][0] == pytest.approx(model.evaluate(small_data().x_test)["squared_error"], rel=1e-5)
    model.fit(
        x, epochs=2, batch_size=1000, shuffle=False, optimizer=ConjugateGradient(searches=3), threads=1, progress=False
    )
    assert relu["errors"][-1] == pytest.approx(model.evaluate(small_data().x_test)["squared_error"], rel=1e-5)
    row = comparison.metrics["runs"][3]
    assert row["test_squared_error"] == relu["errors"][-1] and row["epochs"] == 2


def test_relus_are_pretrained_by_shallow_autoencoders(comparison):
    x = small_data().x_train[np.random.default_rng(0).permutation(200)][:150]
    model, _ = fit_stacked(
        x, (*HIDDEN, 5), activation="relu", code_activation="linear", epochs=2, threads=1, progress=False
    )
    error = pytest.approx(model.evaluate(small_data().x_test)["squared_error"], rel=1e-5)
    assert comparison.curves[2]["errors"][0] == comparison.curves[6]["errors"][0] == error


def test_a_killed_comparison_goes_on(comparison, tmp_path, monkeypatch):
    monkeypatch.setattr(starts, "WHOLE", TINY_BUDGET)
    settings, calls = Settings("mnist-30", dataset="mnist", threads=1), itertools.count()
    on_epoch_end = watching.SquaredErrors.on_epoch_end

    def dies(*arguments):
        if next(calls) == 9:
            raise KilledError
        on_epoch_end(*arguments)

    with monkeypatch.context() as patch, pytest.raises(KilledError):
        patch.setattr(watching.SquaredErrors, "on_epoch_end", dies)
        starts.compare(settings, progress=False, folder=tmp_path)
    again = starts.compare(settings, progress=False, folder=tmp_path)
    for one, two in zip(comparison.curves, again.curves, strict=True):
        assert one["errors"] == two["errors"] and one["training_errors"] == two["training_errors"]


def test_report_of_the_starts(comparison, tmp_path):
    starts_report.write_report(comparison, tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(starts_report.FILES)
    rows = list(csv.DictReader((tmp_path / "starts.csv").read_text().splitlines()))
    assert len(rows) == 4 * 3 + 4 * 4 and rows[0].keys() == {
        "start", "optimizer", "epoch", "seconds", "test_squared_error", "train_squared_error",
    }  # fmt: skip
    assert float(rows[2]["test_squared_error"]) == comparison.curves[0]["errors"][2]
    left, right = starts_report.picture(comparison).axes
    assert len(left.lines) == len(right.lines) == 8
    assert_allclose(left.lines[3].get_xdata(), comparison.curves[3]["epochs"])
    assert_allclose(right.lines[3].get_xdata(), comparison.curves[3]["seconds"])
    assert_allclose(right.lines[3].get_ydata(), comparison.curves[3]["errors"])
    assert "150 training images" in starts_report.picture(comparison).get_suptitle()
    assert "| pretrained, sigmoid | conjugate gradient | 2 |" in (tmp_path / "starts.md").read_text()


def test_some_of_each_class():
    labels = np.repeat([0, 1, 2], [50, 30, 5])
    rows = report.some_of_each_class(labels, 10, seed=0)
    assert_array_equal(np.unique(labels[rows], return_counts=True)[1], [10, 10, 5])
    assert len(set(rows.tolist())) == 25
    assert_array_equal(rows, report.some_of_each_class(labels, 10, seed=0))
    assert set(rows.tolist()) != set(report.some_of_each_class(labels, 10, seed=1).tolist())


@pytest.mark.slow
def test_other_figures_show_test_images_and_weights(result):
    figure = report.reconstruction_figure(result)
    names = [axis.get_ylabel() for axis in figure.axes[::10]]
    assert names == ["test image", "autoencoder, 2 numbers", "PCA, 2 numbers"]
    shown = np.array([axis.get_images()[0].get_array().ravel() for axis in figure.axes])
    assert_allclose(shown[10:20], result.model.reconstruct(shown[:10]), rtol=1e-4, atol=1e-6)
    assert_allclose(shown[20:], result.pca.reconstruct(shown[:10]), rtol=1e-4, atol=1e-5)
    labels = [np.flatnonzero((result.data.x_test == image).all(axis=1))[0] % 10 for image in shown[:10]]
    assert labels == list(range(10))  # one test image of every class
    weights = result.model.encoder.layers[0].params["W"]
    sheet = report.filter_figure(result).axes[0].get_images()[0].get_array()
    assert_allclose(sheet[:6, :6], weights[:, 0].reshape(6, 6))
    assert [axis.get_ylabel() for axis in report.loss_figure(result).axes] == [
        "cross-entropy (nats per image)",
        "squared error (sum over pixels, mean over images)",
    ]  # fmt: skip


@pytest.mark.parametrize("code_size", [1, 3])
@pytest.mark.slow
def test_codes_of_other_sizes(code_size, tmp_path, monkeypatch):
    monkeypatch.setitem(EXPERIMENTS, "mnist-2d", dataclasses.replace(EXPERIMENTS["mnist-2d"], code_size=code_size))
    result = run()
    assert result.metrics["layer_sizes"][-1] == code_size
    figures = {}  # not drawn: that takes long, and is tested above
    monkeypatch.setattr(plots, "save", lambda figure, path: figures.update({path.name: figure}))
    report.write_report(result, tmp_path)
    pca, net = figures["figure.png"].axes
    assert f"PCA, {code_size} component" in pca.get_title() and f"36-20-15-10-{code_size}\n" in net.get_title()
    assert f"the {code_size} code number" in net.get_title()
    assert load(tmp_path / "model.npz").code_size == code_size


def test_codes_in_the_plane():
    codes = np.random.default_rng(0).normal(size=(30, 3)) * [1, 5, 3]
    assert_array_equal(report.plane(codes[:, :2]), codes[:, :2])
    assert_array_equal(report.plane(codes[:, :1]), np.column_stack([codes[:, 0], np.zeros(30)]))
    assert_allclose(report.plane(codes), analysis.PCA(codes, 2).encode(codes))


# --- faces, and components of every kind


def face_data(n=60, seed=0):
    """Rows of 625 numbers with few large directions, as patches with a validation part."""
    rng = np.random.default_rng(seed)
    directions = rng.normal(size=(8, 625)).astype(np.float32)
    x, held, test = (rng.normal(size=(m, 8)).astype(np.float32) @ directions for m in (n, 20, 30))
    zeros = np.zeros(n, np.int64), np.zeros(30, np.int64)
    more = {"x_validation": held, "pixel_mean": np.full(625, 0.5, np.float32), "scale": 0.1}
    return FacePatches("face-patches", x, zeros[0], test, zeros[1], (25, 25, 1), ("face",), **more)


def small_faces(monkeypatch, **settings):
    """The experiment of faces with a small net, on made numbers."""
    problem = dataclasses.replace(EXPERIMENTS["faces"], hidden=(24, 16), code_size=4, load=lambda *a: face_data(),
                                  layers=({}, {"lr": 0.01}, {}))  # fmt: skip
    monkeypatch.setitem(EXPERIMENTS, "faces", dataclasses.replace(problem, quick_load=lambda *a: face_data(40)))
    return hinton2006.run(Settings(**{"experiment": "faces", "threads": 1} | settings), progress=False)


@pytest.mark.parametrize("hidden", [(20, 30, 12), (8,)])
def test_a_linear_start_is_pca(hidden):
    rng = np.random.default_rng(0)
    x = (rng.normal(size=(50, 6)) @ rng.normal(size=(6, 15)) + 2).astype(np.float32)
    model, pca = linear_start(x, hidden, 4), analysis.PCA(x, 4)
    assert_allclose(model.reconstruct(x), pca.reconstruct(x), atol=1e-4)
    assert_allclose(model.encode(x), pca.encode(x) / np.sqrt(pca.variances), atol=1e-4)
    with pytest.raises(UsageError, match="linear_start: expected hidden layers of at least 8 units, got 7"):
        linear_start(x, (20, 7), 4)


def test_all_of_a_linear_start_learns():
    x = np.random.default_rng(0).normal(size=(60, 15)).astype(np.float32)
    model, start = linear_start(x, (20, 12), 3), linear_start(x, (20, 12), 3)
    model.fit(x, epochs=3, batch_size=20, progress=False, threads=1)
    assert (model.theta != start.theta).mean() > 0.8  # some units see no image
    assert model.evaluate(x)["squared_error"] < start.evaluate(x)["squared_error"]


def test_faces_hold_out_other_people_and_are_drawn_as_grey_values(monkeypatch):
    recipe = ModernRecipe(as_pca=True, pretrain_epochs=0, finetune_epochs=2, batch_size=20, lr=1e-4)
    monkeypatch.setitem(recipe_modern.MODERN, "faces", recipe)
    result = small_faces(monkeypatch, recipe="modern")
    metrics = result.metrics
    assert (metrics["training"]["n_train"], metrics["training"]["n_validation"]) == (60, 20)
    assert metrics["test_squared_error"] < 1.02 * metrics["pca_test_squared_error"]
    assert result.model.loss.name == "MSE" and "knn5_accuracy" not in metrics
    told = metrics["training"]  # what has a say, and nothing else
    assert told["loss"] == "mse" and told["hidden_activation"] == "leaky_relu" and told["finetune_epochs"] == 2
    assert not {"momentum_switch", "warped_share", "unwarped_end"} & told.keys()
    pca, net = report.code_figure(result).axes  # of one class there is no map
    assert "PCA, 4 components\nsquared error" in pca.get_title() and "-24-16-4\nsquared error" in net.get_title()
    middle = result.model.decode(result.model.encode(result.data.x_test).mean(axis=0)[None])
    side = result.data.image_shape[0]
    drawn = net.images[0].get_array()[:side, 4 * (side + 1) : 4 * (side + 1) + side]
    assert_allclose(drawn.ravel(), np.clip(0.1 * middle[0] + 0.5, 0, 1), atol=1e-4)
    figure = report.reconstruction_figure(result)
    shown = figure.axes[0].get_images()[0].get_array().ravel()
    assert (np.abs(shown - (0.1 * result.data.x_test + 0.5)).max(axis=1) < 1e-5).any()


def test_an_rbm_of_its_own_rate(monkeypatch):
    """The second RBM of the faces learns by another rate than the paper's, and the metrics say so."""
    assert WHOLE_EXPERIMENTS["faces"].layers == ({}, {"lr": 0.01}, {}, {})
    monkeypatch.setattr(recipe_paper, "WHOLE", PAPER)
    result = small_faces(monkeypatch, recipe="paper")
    assert result.metrics["training"]["rbm_2_lr"] == 0.01
    data, threads = recipe_paper.in_one_order(face_data(), 0), 1
    layers = result.settings.problem.layers
    for own, same in ((layers, True), (None, False)):
        _, histories = fit_stack(
            data.x_train, (24, 16, 4), visible="gaussian", epochs=2, batch_size=20, shuffle=False, stale=True,
            layers=own, seed=0, threads=threads, progress=False,
        )  # fmt: skip
        errors = [history["reconstruction_error"] for history in histories]
        theirs = [history["reconstruction_error"] for history in result.pretraining]
        assert errors[0] == theirs[0]
        assert (errors[1] == theirs[1]) is same


@pytest.mark.parametrize("recipe, n_train", [("short", 40), ("paper", 40)])
def test_quick_faces_load_few(monkeypatch, recipe, n_train):
    small = PaperRecipe(pretrain_epochs=1, finetune_epochs=1, pretrain_batch=20, finetune_batch=20)
    monkeypatch.setitem(recipe_paper.QUICKS, "faces", small)
    metrics = small_faces(monkeypatch, quick=True, recipe=recipe).metrics
    assert metrics["training"]["n_train"] == metrics["n_train"] == n_train


def test_the_papers_recipe_holds_no_faces_out():
    data = face_data()
    ordered = recipe_paper.in_one_order(data, 0)
    again = recipe_paper.in_one_order(ordered, 0, back=True)
    assert data.x_validation is not None and ordered.x_validation is None  # 50 MB of the faces
    assert (ordered.x_train != data.x_train).any()
    assert_array_equal(again.x_train, data.x_train)
    assert_array_equal(again.grey(again.x_test), data.grey(data.x_test))


def test_components_that_the_paper_names():
    data, problem = small_data(), SimpleNamespace(code_size=3, published={
        "autoencoder": 1.0, "pca": 2.0, "logistic_pca": 3.0, "pca_5": 4.0, "logistic_pca_5": 5.0, "pca_40": 6.0,
    })  # fmt: skip
    errors = component_errors(problem, data, quick=False)
    assert list(errors) == [f"{name}_test_squared_error" for name in ("logistic_pca", "pca_5", "logistic_pca_5")]
    pca = analysis.PCA(data.x_train, 5).reconstruct(data.x_test)
    assert errors["pca_5_test_squared_error"] == analysis.squared_error(data.x_test, pca)
    logistic = LogisticPCA(data.x_train, 3, tolerance=1e-3).reconstruct(data.x_test)
    assert errors["logistic_pca_test_squared_error"] == analysis.squared_error(data.x_test, logistic)
    assert errors["logistic_pca_5_test_squared_error"] < errors["logistic_pca_test_squared_error"]


def test_logistic_components_are_in_the_metrics_of_mnist_30(monkeypatch):
    metrics = run(experiment="mnist-30", quick=True).metrics
    assert 0 < metrics["logistic_pca_test_squared_error"] < metrics["mean_image_squared_error"]
