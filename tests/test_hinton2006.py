"""The Hinton & Salakhutdinov (2006) experiment on a few small pictures: metrics, files, fallback, determinism."""

import csv
import dataclasses
import json
from types import SimpleNamespace

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from tinyae import UsageError, analysis, datasets, load, plots
from tinyae.datasets import Dataset, DownloadError
from tinyae.experiments import hinton2006, report
from tinyae.experiments.hinton2006 import Preset, Settings

KEYS = {
    "dataset", "n_train", "n_test", "layer_sizes", "preset", "seed", "threads", "pretrain_epochs", "finetune_epochs",
    "train_squared_error", "test_squared_error", "test_bce_per_pixel", "pca_test_squared_error",
    "mean_image_squared_error", "bce_floor_per_pixel", "knn5_accuracy", "pca_knn5_accuracy", "seconds_pretrain",
    "seconds_finetune", "peak_rss_mb",
}  # fmt: skip
CHANGING = {"seconds_pretrain", "seconds_finetune", "peak_rss_mb"}
HIDDEN, VALIDATION_IMAGES = (20, 15, 10), 40
TINY = Preset(n_train=None, pretrain_epochs=2, finetune_epochs=3, batch_size=20, lr=5e-3)


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
    """The experiment on pictures of 36 pixels, with nets and presets to match."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(hinton2006, "HIDDEN", HIDDEN)
        patch.setattr(hinton2006, "VALIDATION_IMAGES", VALIDATION_IMAGES)
        patch.setattr(hinton2006, "PRESETS", {name: TINY for name in hinton2006.PRESETS})
        patch.setattr(report, "SHOWN_FILTERS", HIDDEN[0])
        patch.setattr(report, "SHOWN_IMAGES", 10)
        patch.setattr(datasets, "load_mnist", lambda data_dir=None: small_data())
        patch.setattr(datasets, "load_digits", lambda seed=0: small_data("digits"))
        yield


def run(**settings):
    return hinton2006.run(Settings(**{"dataset": "mnist", "threads": 1} | settings), progress=False)


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
    assert metrics["dataset"] == "mnist" and metrics["preset"] == "default" and metrics["seed"] == 0
    assert (metrics["n_train"], metrics["n_test"], metrics["threads"]) == (200, 60, 1)
    assert metrics["layer_sizes"] == [36, 20, 15, 10, 2]
    assert (metrics["pretrain_epochs"], metrics["finetune_epochs"]) == (2, 3)
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
    assert result.metrics["n_validation"] == VALIDATION_IMAGES


def test_a_preset_limits_the_training_images_by_the_seed(monkeypatch):
    monkeypatch.setitem(hinton2006.PRESETS, "quick", dataclasses.replace(TINY, n_train=100, finetune_epochs=1))
    one, two, other = (run(preset="quick", seed=seed) for seed in (0, 0, 1))
    assert one.metrics["n_train"] == 100
    assert_array_equal(one.data.x_train, two.data.x_train)
    assert (one.data.y_train != other.data.y_train).any()
    whole = small_data()
    matches = (one.data.x_train[:, None] == whole.x_train[None]).all(axis=2)
    assert_array_equal(matches.sum(axis=1), np.ones(100))
    assert_array_equal(whole.y_train[matches.argmax(axis=1)], one.data.y_train)  # labels go with their pictures


@pytest.mark.parametrize("threads", [1, 2])
def test_same_seed_gives_the_same_metrics(threads, monkeypatch):
    monkeypatch.setattr("tinyae.training.shards.SMALLEST_SHARED_WORK", 0)
    one, two, other = (run(threads=threads, seed=seed) for seed in (3, 3, 4))
    assert {k: v for k, v in one.metrics.items() if k not in CHANGING} == {
        k: v for k, v in two.metrics.items() if k not in CHANGING
    }
    assert_array_equal(one.model.theta, two.model.theta)
    assert one.metrics["test_squared_error"] != other.metrics["test_squared_error"]


def test_default_is_every_core(monkeypatch):
    monkeypatch.setattr(hinton2006, "PRESETS", {"quick": dataclasses.replace(TINY, finetune_epochs=1)})
    monkeypatch.setattr("tinyae.training.threads.available_cores", lambda: 3)
    assert run(preset="quick", threads=None).metrics["threads"] == 3


@pytest.mark.parametrize(
    "settings, message",
    [
        ({"dataset": "mnits"}, r"hinton2006: expected dataset to be one of mnist, digits, auto, got 'mnits' \(did you"),
        ({"preset": "slow"}, "hinton2006: expected preset to be one of quick, default, paper, got 'slow'"),
        ({"code_size": 0}, "hinton2006: expected code_size to be a whole number >= 1, got 0"),
        ({"seed": -1}, "hinton2006: expected seed to be a whole number >= 0, got -1"),
        ({"threads": 0}, "expected threads to be a whole number >= 1, got 0"),
    ],
)
def test_bad_settings_are_refused_before_any_work(settings, message):
    with pytest.raises(UsageError, match=message):
        Settings(**settings)


def test_data_too_small_for_the_settings(monkeypatch):
    with pytest.raises(UsageError, match="hinton2006: expected a code smaller than the 36 pixels, got 36"):
        run(code_size=36)
    monkeypatch.setattr(datasets, "load_mnist", lambda data_dir=None: small_data(n_train=2 * VALIDATION_IMAGES))
    with pytest.raises(UsageError, match="hinton2006: expected more than 80 training images, got 80"):
        run()


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
    """On the first images trained on and the first held out, as many of each."""
    x = result.data.x_train
    run, row = SimpleNamespace(model=result.model, training=(x, x), validation=(x[100:], x[100:])), {"loss": 1.0}
    hinton2006.SquaredErrors(threads=1).on_epoch_end(run, row)
    few, held = x[:VALIDATION_IMAGES], x[100 : 100 + VALIDATION_IMAGES]
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
        "cross-entropy (nats per image)", "squared error (sum over pixels, mean over images)",
    ]  # fmt: skip


@pytest.mark.parametrize("code_size", [1, 3])
@pytest.mark.slow
def test_codes_of_other_sizes(code_size, tmp_path, monkeypatch):
    result = run(code_size=code_size)
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
