"""`tinyae train` on a few small pictures: settings, noise, numbers, files, and what it refuses."""

import csv
import json
import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from tinyae import Autoencoder, UsageError, analysis, cli, datasets, load, plots
from tinyae.architectures import simple_autoencoder
from tinyae.datasets import Dataset, download, store
from tinyae.experiments import train, train_report
from tinyae.experiments.train import ARCHITECTURES, Settings
from tinyae.training import loop

SHAPE = (10, 12, 1)
SAVE = plots.save
CHANGING = {"seconds_train", "peak_rss_mb"}
KEPT = "checkpoint"  # the folder of the run, for --resume


def draw(n, seed, shape=SHAPE):
    """Ten classes of pictures: a soft spot for each, somewhat displaced."""
    rng = np.random.default_rng(seed)
    height, width, channels = shape
    angle = 2 * np.pi * (np.arange(n) % 10) / 10
    middle = np.array([height, width]) / 2 + np.column_stack([3 * np.cos(angle), 3 * np.sin(angle)])
    middle = middle[:, None] + 0.3 * rng.normal(size=(n, channels, 2))
    pixels = np.stack(np.mgrid[:height, :width], axis=-1).reshape(-1, 1, 2)
    squared = np.square(pixels[None] - middle[:, None]).sum(axis=-1)
    return np.exp(-squared / 4).astype(np.float32).reshape(n, -1)


def small_digits(n_train=150, seed=0):
    n_train, n_test = min(n_train, 150), 40
    x_train, x_test = draw(n_train, [seed, 0]), draw(n_test, [seed, 1])
    names = tuple("0123456789")
    return Dataset("digits", x_train, np.arange(n_train) % 10, x_test, np.arange(n_test) % 10, SHAPE, names)


@pytest.fixture(autouse=True)
def small_data(tmp_path, monkeypatch):
    """Small pictures for digits, figures that are not drawn, and no data sets or network."""
    monkeypatch.delenv(store.ENV, raising=False)
    monkeypatch.setattr(store, "cache_dir", lambda: tmp_path / "cache")
    monkeypatch.setattr(datasets, "load_digits", small_digits)
    monkeypatch.setattr(train_report.plots, "save", lambda figure, path: path.write_bytes(b"not drawn"))


def run(arch="simple", **settings):
    settings = {"dataset": "digits", "epochs": 2, "threads": 1} | settings
    return train.run(Settings(arch, **settings), progress=False)


def command(capsys, *arguments):
    """Exit code, stdout and stderr of `tinyae train arguments`."""
    code = cli.main(["train", *(str(a) for a in arguments)])
    return code, *capsys.readouterr()


def save_images(folder, array, name="images.npy"):
    np.save(folder / name, array)
    return folder / name


# --- the command


@pytest.mark.parametrize("arch", ARCHITECTURES)
@pytest.mark.slow
def test_every_net_trains_and_writes_every_file(arch, tmp_path, capsys):
    out = tmp_path / "out" / "deep"
    own = {"generic": ("--kernels", "3", "--code-size", 6), "conv": ()}.get(arch, ("--code-size", 6))
    code, text, err = command(
        capsys, "--arch", arch, "--dataset", "digits", "--epochs", 1, "--limit", 60, "--out", out, *own
    )
    assert code == 0 and sorted(p.name for p in out.iterdir()) == sorted([*train_report.FILES, KEPT])
    metrics = json.loads((out / "metrics.json").read_text())
    assert (metrics["arch"], metrics["n_train"], metrics["n_test"], metrics["limit"]) == (arch, 60, 40, 60)
    assert metrics["code_size"] == (6 if own else 2 * 2 * 8)
    lines = text.splitlines()
    assert lines[0].startswith(f"digits, {arch}, 10 x 12 x 1 to {metrics['code_size']} numbers and back, 40 test")
    assert f"autoencoder  squared error {metrics['test_squared_error']:8.2f}" in lines[1]
    assert ("cross-entropy" in lines[1]) == (arch != "generic")
    assert lines[2].startswith(f"  PCA-{metrics['code_size']}") and lines[3].startswith("  mean image")
    assert lines[4].startswith("trained 1 of 1 epochs in ")
    assert lines[-1] == f"results in {out}/: {', '.join(train_report.FILES)}"
    assert "training: 100%" in err and "Loss to beat" in err
    model = load(out / "model.npz")
    x = small_digits().x_test.reshape(-1, *model.input_shape)
    assert model.evaluate(x)["squared_error"] == pytest.approx(metrics["test_squared_error"], rel=1e-6)


def test_json_alone_on_stdout(tmp_path, capsys):
    code, text, _ = command(
        capsys, "--arch", "deep", "--dataset", "digits", "--json", "--out", tmp_path, "--epochs", 2, "--batch-size", 30,
        "--optimizer", "sgd", "--lr", 0.05, "--loss", "mse", "--code-size", 5, "--noise", 0.2, "--validation-split",
        0.3, "--patience", 9, "--limit", 100, "--seed", 3, "--threads", 2,
    )  # fmt: skip
    metrics = json.loads(text)
    assert code == 0 and metrics == json.loads((tmp_path / "metrics.json").read_text())
    given = {
        "arch": "deep", "dataset": "digits", "epochs": 2, "batch_size": 30, "optimizer": "sgd", "lr": 0.05,
        "loss": "mse", "code_size": 5, "noise": 0.2, "validation_split": 0.3, "patience": 9, "limit": 100, "seed": 3,
        "threads": 2, "n_train": 100, "n_validation": 30, "code_shape": [5], "image_shape": list(SHAPE),
    }  # fmt: skip
    assert metrics | given == metrics
    assert set(metrics["versions"]) == {"tinyae", "python", "numpy", "numba"}
    assert "test_bce_per_pixel" not in metrics


def test_the_default_is_mnist_or_else_the_digits(tmp_path, capsys, monkeypatch):
    def no_network(url, headers=None):
        raise TimeoutError

    monkeypatch.setattr(download, "_open_url", no_network)
    code, text, err = command(capsys, "--arch", "simple", "--epochs", 1, "--json", "--out", tmp_path / "out")
    assert code == 0 and json.loads(text)["dataset"] == "digits"
    assert "MNIST NOT FOUND, USING THE BUILT-IN DIGITS" in err


@pytest.mark.filterwarnings("ignore:all 81 samples looked at are the same")  # so that it stops soon
def test_an_early_stop_is_told(tmp_path, capsys, monkeypatch):
    x = np.tile(draw(100, 0)[:1].reshape(1, *SHAPE), (100, 1, 1, 1))
    path = save_images(tmp_path, x)
    code, text, _ = command(
        capsys, "--arch", "simple", "--dataset", path, "--lr", 0.5, "--epochs", 60, "--patience", 2, "--out",
        tmp_path / "out",
    )  # fmt: skip
    metrics = json.loads((tmp_path / "out" / "metrics.json").read_text())
    assert code == 0 and metrics["epochs_run"] == metrics["epoch_kept"] + 2 < 60
    assert f"trained {metrics['epochs_run']} of 60 epochs" in text
    assert f"stopped early: val_loss has not fallen below {metrics['val_loss']:.6g}" in text
    with open(tmp_path / "out" / "history.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert (
        float(rows[metrics["epoch_kept"] - 1]["val_loss"])
        == metrics["val_loss"]
        == min(float(row["val_loss"]) for row in rows)
    )


# --- a user's own images


@pytest.mark.parametrize("arch", ["simple", "conv", "generic"])
@pytest.mark.slow
def test_colour_images_from_a_file(arch, tmp_path, capsys):
    images = np.round(255 * draw(60, 0, (9, 8, 3))).astype(np.uint8).reshape(60, 9, 8, 3)
    path = save_images(tmp_path, images)
    out = tmp_path / "out"
    own = {"generic": ("--kernels", "3", "--filters", 2, "--code-size", 4)}.get(arch, ())
    code, text, _ = command(capsys, "--arch", arch, "--dataset", path, "--epochs", 1, "--out", out, *own)
    assert code == 0 and text.startswith(f"images.npy, {arch}, 9 x 8 x 3 to ")
    metrics = json.loads((out / "metrics.json").read_text())
    assert (metrics["n_train"], metrics["n_test"]) == (54, 6)
    assert metrics["dataset"] == "images.npy" and metrics["dataset_file"] == str(path)
    assert load(out / "model.npz").input_shape == ((9 * 8 * 3,) if arch == "simple" else (9, 8, 3))


def test_colour_is_shown_as_colour(tmp_path):
    images = draw(60, 0, (6, 5, 3)).reshape(60, 6, 5, 3)
    result = run("simple", dataset=save_images(tmp_path, images), noise=0.1)
    figure = train_report.reconstruction_figure(result)
    shown = [axis.get_images()[0].get_array() for axis in figure.axes]
    assert len(shown) == 3 * 6 and all(picture.shape == (6, 5, 3) for picture in shown)
    assert_allclose(shown[12], result.data.x_test.reshape(-1, 6, 5, 3)[_place(result, shown[12])])


def _place(result, picture):
    """The test image that was shown."""
    return int(np.argmin(np.abs(result.data.x_test - np.asarray(picture).ravel()).sum(axis=1)))


def test_rows_of_numbers(tmp_path, capsys):
    path = save_images(tmp_path, draw(50, 0))
    code, text, _ = command(
        capsys, "--arch", "deep", "--dataset", path, "--epochs", 1, "--noise", 0.1, "--out", tmp_path / "out"
    )
    assert code == 0 and text.startswith("images.npy, deep, 120 to 32 numbers and back, 5 test rows")
    assert "nats per number" in text and "noisy input" in text
    figure = train_report.reconstruction_figure(run("simple", dataset=path, noise=0.1))
    (lines,) = {len(axis.get_lines()) for axis in figure.axes}
    assert lines == 3 and len(figure.axes) == 5
    for arch in ("conv", "generic"):
        code, text, err = command(capsys, "--arch", arch, "--dataset", path, "--out", tmp_path / "other")
        assert_one_line(code, text, err)
        assert f"expected images (N, H, W) or (N, H, W, C) for arch {arch}, got rows of 120 numbers" in err


@pytest.mark.parametrize(
    "n, given, expected",
    [
        (150, {}, {"batch_size": 15, "epochs": 500, "patience": 50}),
        (20, {}, {"batch_size": 8, "epochs": 1000, "patience": 100}),
        (5000, {}, {"batch_size": 64, "epochs": 64, "patience": 6}),
        (20_000, {}, {"batch_size": 64, "epochs": 50, "patience": 0}),  # the net's own
        (150, {"validation_split": 0.0}, {"batch_size": 15, "epochs": 500, "patience": 0}),
        (150, {"epochs": 5}, {"batch_size": 15, "epochs": 5, "patience": 0}),
        (150, {"epochs": 2000}, {"batch_size": 15, "epochs": 2000, "patience": 0}),
        (150, {"batch_size": 30}, {"batch_size": 30, "epochs": 1000, "patience": 100}),
        (150, {"patience": 3}, {"batch_size": 15, "epochs": 500, "patience": 3}),
        (150, {"patience": 0}, {"batch_size": 15, "epochs": 500, "patience": 0}),
    ],
)  # fmt: skip
def test_small_tables_get_enough_updates(n, given, expected):
    filled = train.enough_updates(n, Settings("simple", **given)).filled()
    assert {name: getattr(filled, name) for name in expected} == expected


@pytest.mark.parametrize("in_range", [False, True], ids=["any-range", "shares"])
def test_a_small_table_is_learned_without_a_setting(tmp_path, monkeypatch, in_range):
    monkeypatch.setattr(train, "UPDATES", 2000)
    rng = np.random.default_rng(0)
    x = rng.normal(size=(80, 2)) @ rng.normal(size=(2, 6))  # two numbers say all
    np.save(tmp_path / "table.npy", (1 / (1 + np.exp(-x)) if in_range else 30 * x).astype(np.float32))
    metrics = run(dataset=str(tmp_path / "table.npy"), epochs=None).metrics
    assert (metrics["code_size"], metrics["batch_size"], metrics["epochs"]) == (3, 8, 222)
    assert metrics["test_squared_error"] < 0.2 * metrics["mean_image_squared_error"]
    few = run(dataset=str(tmp_path / "table.npy"), epochs=50, batch_size=64).metrics
    assert few["test_squared_error"] > 0.5 * few["mean_image_squared_error"]


def test_pictures_keep_the_nets_own_epochs():
    assert train.fitted_to(small_digits(), Settings("simple")) == Settings("simple")


# --- bad usage


def assert_one_line(code, out, err, expected_code=2):
    assert code == expected_code and out == ""
    assert err.startswith("tinyae: error: ") and err.count("\n") == 1 and err.endswith("\n")


@pytest.mark.parametrize(
    "arguments, message",
    [
        ("", "required: --arch"),
        ("--arch convv", "arch to be one of conv, generic, simple, deep, hinton, got 'convv' (did you mean 'conv'?)"),
        (
            "--arch simple --dataset mnits",
            f"dataset to be one of {', '.join(datasets.NAMES)}, FILE or FOLDER, got 'mnits' (did",
        ),
        ("--arch simple --dataset none.npy", "none.npy: expected a file or folder, got no such file; check the path"),
        ("--arch simple --dataset mnist --data-dir no", "data_dir to be an existing folder, got no"),
        ("--arch simple --epochs 0", "epochs to be a whole number >= 1, got 0"),
        ("--arch simple --epochs two", "--epochs: invalid int value: 'two'"),
        ("--arch simple --batch-size 0", "batch_size to be a whole number >= 1, got 0"),
        ("--arch simple --code-size 0", "code_size to be a whole number >= 1, got 0"),
        ("--arch conv --code-size 8", "no code_size for arch conv, got 8; only generic, simple, deep, hinton have one"),
        ("--arch deep --kernels 3,3", "no kernels for arch deep, got (3, 3); only generic has one"),
        ("--arch conv --filters 3", "no filters for arch conv, got 3; only generic has one"),
        ("--arch generic --filters 0", "filters to be a whole number >= 1, got 0"),
        ("--arch generic --kernels 3,0", "kernels to be a whole number >= 1, got 0"),
        ("--arch generic --kernels 3x3", "--kernels: expected whole numbers with commas between, as 5,5, got '3x3'"),
        ("--arch generic --kernels 9,9 --dataset digits", "kernels that fit into the image"),
        ("--arch simple --optimizer adamw", "optimizer to be one of sgd, rmsprop, adam, nadam, got 'adamw'"),
        ("--arch simple --loss l2", "loss to be one of bce, mse, got 'l2'"),
        ("--arch simple --lr 0", "lr in (0, inf), got 0.0"),
        ("--arch simple --lr nan", "lr in (0, inf), got nan"),
        ("--arch simple --noise -1", "noise in [0, 100], got -1.0"),
        ("--arch simple --noise inf", "noise in [0, 100], got inf"),
        ("--arch simple --validation-split 1", "validation_split in [0, 1), got 1.0"),
        ("--arch conv --patience -1", "patience to be a whole number >= 0, got -1"),
        ("--arch simple --patience 3 --validation-split 0", "validation_split above 0 with patience 3, got 0"),
        ("--arch simple --dataset digits --limit 4", "hold out some of the 4 training images and leave some, got 0.1"),
        ("--arch simple --dataset digits --limit 0", "limit to be a whole number >= 1, got 0"),
        ("--arch simple --dataset digits --limit 3 --validation-split 0.9", "of the 3 training images and leave some"),
        ("--arch simple --seed -1", "seed to be a whole number >= 0, got -1"),
        ("--arch simple --threads 0", "threads to be a whole number >= 1, got 0"),
        ("--arch simple --dataset quickdraw10 --data-dir .", "test-ubyte.npz, in ./quickdraw10, got"),
    ],
)  # fmt: skip
def test_bad_options_are_one_line_and_exit_code_2(tmp_path, capsys, monkeypatch, arguments, message):
    monkeypatch.chdir(tmp_path)
    code, out, err = command(capsys, *arguments.split())
    assert_one_line(code, out, err)
    assert message in err
    assert not (tmp_path / "results").exists() or not list((tmp_path / "results" / "train").iterdir())


def test_an_out_folder_one_cannot_write_to(tmp_path, capsys, monkeypatch):
    (tmp_path / "file").write_text("kept")
    monkeypatch.setattr(train, "run", lambda settings: pytest.fail("found out after the work"))
    code, text, err = command(capsys, "--arch", "simple", "--dataset", "digits", "--out", tmp_path / "file")
    assert_one_line(code, text, err)
    assert f"train: expected a folder one can write to, got {tmp_path / 'file'}" in err


def test_a_rate_that_diverges_is_one_line_and_exit_code_1(tmp_path, capsys):
    code, text, err = command(
        capsys, "--arch", "simple", "--loss", "mse", "--dataset", "digits", "--optimizer", "sgd", "--lr", 1e30,
        "--out", tmp_path,
    )  # fmt: skip
    assert code == 1 and text == ""
    (line,) = [line for line in err.splitlines() if line.startswith("tinyae: error: ")]
    assert "try a smaller learning rate" in line
    assert [p.name for p in tmp_path.rglob("*")] == [KEPT]


# --- interrupted


@pytest.mark.parametrize("moment", ["run", "write_report"])
def test_interrupted_in_process(tmp_path, capsys, monkeypatch, moment):
    def interrupt(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(*((train, "run") if moment == "run" else (train_report.plots, "save")), interrupt)
    code, text, err = command(capsys, "--arch", "simple", "--dataset", "digits", "--epochs", 1, "--out", tmp_path)
    assert (code, text) == (130, "") and err.endswith("tinyae: error: interrupted\n")
    assert {p.name for p in tmp_path.iterdir()} <= {*train_report.FILES[:2], KEPT}  # whole files, and no metrics


def heed_ctrl_c():
    """What a shell starts in the background ignores Ctrl-C, and so does everything that it starts."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.mark.skipif(os.name != "posix", reason="sends the signal of Ctrl-C")
@pytest.mark.slow
def test_interrupted_by_ctrl_c(tmp_path):
    path = save_images(tmp_path, draw(400, 0))
    arguments = ["--arch", "deep", "--dataset", path, "--epochs", "1000000", "--out", tmp_path / "out"]
    process = subprocess.Popen(
        [sys.executable, "-m", "tinyae.cli", "train", *map(str, arguments)], stderr=subprocess.PIPE,
        stdout=subprocess.PIPE, preexec_fn=heed_ctrl_c,
    )  # fmt: skip
    try:
        seen = b""
        while b"training:" not in seen and process.poll() is None:
            seen += os.read(process.stderr.fileno(), 1000)
        time.sleep(0.3)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
    finally:
        process.kill()
    # Python itself dies of the signal where it struck within exec (Numba's, compiling); to a shell both are 130.
    assert process.returncode in (130, -signal.SIGINT) and out == b""
    assert err.endswith(b"tinyae: error: interrupted\n") and b"Traceback" not in err
    assert [p.name for p in (tmp_path / "out").iterdir()] == [KEPT]


# --- resumed

OPTIONS = (
    "--arch", "simple", "--dataset", "digits", "--epochs", 5, "--noise", 0.2, "--patience", 4, "--batch-size", 30,
    "--code-size", 6, "--threads", 1,
)  # fmt: skip


def interrupted_in(epoch, monkeypatch):
    """A training loop that ends in Ctrl-C as that epoch begins."""
    train_epoch = loop.train_epoch

    def interrupt(run, *arguments):
        if run.epoch == epoch:
            raise KeyboardInterrupt
        return train_epoch(run, *arguments)

    monkeypatch.setattr(loop, "train_epoch", interrupt)


def results(folder):
    """The files of a run without the times in them."""
    metrics = json.loads((folder / "metrics.json").read_text())
    with open(folder / "history.csv", newline="") as file:
        rows = [{k: v for k, v in row.items() if k != "seconds"} for row in csv.DictReader(file)]
    return (folder / "model.npz").read_bytes(), rows, {k: v for k, v in metrics.items() if k not in CHANGING}


@pytest.fixture
def interrupted(tmp_path, capsys, monkeypatch):
    """The folder of a run with OPTIONS, interrupted in its third epoch."""
    with monkeypatch.context() as patch:
        interrupted_in(3, patch)
        code, _, err = command(capsys, *OPTIONS, "--out", tmp_path / "out")
    assert code == 130 and err.endswith("tinyae: error: interrupted\n")
    return tmp_path / "out"


@pytest.mark.parametrize("more", [(), ("--epochs", 7)])
@pytest.mark.slow
def test_a_resumed_run_has_the_results_of_an_unbroken_one(interrupted, tmp_path, capsys, more):
    assert command(capsys, *OPTIONS, *more, "--out", tmp_path / "unbroken")[0] == 0
    code, _, err = command(capsys, *OPTIONS, *more, "--out", interrupted, "--resume")
    assert code == 0 and f"going on after epoch 2 of {more[1] if more else 5} from {interrupted / KEPT}" in err
    assert results(interrupted) == results(tmp_path / "unbroken")
    seconds = json.loads((interrupted / "metrics.json").read_text())["seconds_train"]
    with open(interrupted / "history.csv", newline="") as file:
        assert seconds == pytest.approx(sum(float(row["seconds"]) for row in csv.DictReader(file)), abs=0.006)
    (interrupted / "metrics.json").unlink()
    code, again, err = command(capsys, *OPTIONS, *more, "--out", interrupted, "--resume", "--json")
    assert code == 0 and f"the run in {interrupted / KEPT} is finished" in err and "batch/s" not in err
    assert results(interrupted) == results(tmp_path / "unbroken") and json.loads(again)["seconds_train"] == seconds


@pytest.mark.parametrize(
    "changed, message",
    [
        (("--seed", 1), "its seed is 0 there and 1 here"),
        (("--lr", 0.01), "its lr is 0.001 there and 0.01 here"),
        (("--noise", 0.3), "its noise is 0.2 there and 0.3 here"),
        (("--code-size", 5), "its code_size is 6 there and 5 here"),
        (("--batch-size", 20), "its batch_size is 30 there and 20 here"),
        (("--optimizer", "sgd"), "its optimizer is nadam there and sgd here; its lr is 0.001 there and 0.01 here"),
        (("--loss", "mse"), "its loss is bce there and mse here"),
        (("--patience", 2), "its patience is 4 there and 2 here"),
        (("--validation-split", 0.2), "its validation_split is 0.1 there and 0.2 here"),
        (("--limit", 90), "its limit is None there and 90 here"),
        (("--arch", "deep"), "its arch is simple there and deep here"),
        (("--epochs", 1), "expected at least 2 epochs, which are done in"),
    ],
)
def test_resuming_with_other_settings_is_refused(interrupted, capsys, changed, message):
    before = (interrupted / KEPT / "checkpoint.npz").read_bytes()
    code, text, err = command(capsys, *OPTIONS, *changed, "--out", interrupted, "--resume")
    (line,) = [line for line in err.splitlines() if line.startswith("tinyae: error: ")]
    assert (code, text) == (2, "") and err.endswith(f"{line}\n") and message in line
    assert str(interrupted / KEPT / "checkpoint.npz") in line and "use another folder, or delete the file" in line
    assert (interrupted / KEPT / "checkpoint.npz").read_bytes() == before
    assert [p.name for p in interrupted.iterdir()] == [KEPT]


def test_other_images_in_a_file_of_the_same_name_are_refused(tmp_path, capsys):
    arguments = ("--arch", "simple", "--dataset", save_images(tmp_path, draw(40, 0)), "--out", tmp_path, "--resume")
    assert command(capsys, *arguments, "--epochs", 1)[0] == 0
    os.rename(tmp_path / "images.npy", tmp_path / "moved.npy")
    save_images(tmp_path, draw(40, 1))
    code, _, err = command(capsys, *arguments, "--epochs", 2)
    assert code == 2 and "its x is float32 (32, 120) with checksum" in err
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    os.rename(tmp_path / "moved.npy", folder / "images.npy")  # where the images lie is no part of a run
    assert command(capsys, *arguments, "--epochs", 2, "--dataset", folder / "images.npy")[0] == 0


@pytest.mark.slow
def test_without_resume_all_begins_anew(interrupted, tmp_path, capsys):
    before = (interrupted / KEPT / "checkpoint.npz").read_bytes()
    code, text, err = command(capsys, *OPTIONS, "--dataset", tmp_path / "none.npy", "--out", interrupted)
    assert_one_line(code, text, err)  # nothing is lost yet, and nothing is said of it
    assert (interrupted / KEPT / "checkpoint.npz").read_bytes() == before
    code, _, err = command(capsys, *OPTIONS, "--seed", 1, "--out", interrupted)
    assert code == 0 and f"beginning anew; the run in {interrupted / KEPT} is lost after epoch 1 (--resume)" in err
    code, _, err = command(capsys, *OPTIONS, "--seed", 1, "--out", tmp_path / "new")
    assert code == 0 and "beginning" not in err
    assert results(interrupted) == results(tmp_path / "new")


@pytest.mark.slow
def test_nothing_to_resume_begins_at_epoch_1(tmp_path, capsys):
    code, _, err = command(capsys, *OPTIONS, "--out", tmp_path / "out", "--resume")
    assert code == 0 and f"nothing to resume in {tmp_path / 'out' / KEPT}: beginning at epoch 1" in err
    assert json.loads((tmp_path / "out" / "metrics.json").read_text())["epochs_run"] == 5


@pytest.mark.skipif(os.name != "posix", reason="kills by signal")
@pytest.mark.slow
def test_killed_and_resumed_by_the_command(tmp_path, capsys):
    path = save_images(tmp_path, draw(300, 0))
    arguments = ["--arch", "simple", "--dataset", path, "--epochs", 40, "--noise", 0.1]
    kept = tmp_path / "out" / KEPT / "checkpoint.npz"
    process = subprocess.Popen(
        [sys.executable, "-m", "tinyae.cli", "train", *map(str, arguments), "--out", tmp_path / "out"],
        stderr=subprocess.DEVNULL,
    )
    while not kept.exists() and process.poll() is None:
        time.sleep(0.005)
    process.kill()
    assert process.wait() == -signal.SIGKILL
    assert not (tmp_path / "out" / "metrics.json").exists()
    code, _, err = command(capsys, *arguments, "--out", tmp_path / "out", "--resume")
    assert code == 0 and f" of 40 from {tmp_path / 'out' / KEPT}" in err
    assert command(capsys, *arguments, "--out", tmp_path / "unbroken")[0] == 0
    assert results(tmp_path / "out") == results(tmp_path / "unbroken")


# --- settings


@pytest.mark.parametrize(
    "arch, expected",
    [
        ("conv", {"optimizer": "nadam", "loss": "bce", "batch_size": 32, "validation_split": 0.2, "patience": 5}),
        ("generic", {"optimizer": "adam", "loss": "mse", "lr": 1e-3, "code_size": 100, "kernels": (5, 5)}),
        ("generic", {"filters": 3, "patience": 0, "epochs": 20, "batch_size": 32}),
        ("simple", {"optimizer": "nadam", "loss": "bce", "batch_size": 64, "code_size": 32, "patience": 0}),
        ("deep", {"optimizer": "nadam", "loss": "bce", "batch_size": 64, "code_size": 32, "validation_split": 0.1}),
        ("hinton", {"optimizer": "adam", "loss": "bce", "batch_size": 100, "code_size": 2, "noise": 0.0}),
    ],
)  # fmt: skip
def test_defaults_of_the_nets(arch, expected):
    filled = Settings(arch).filled()
    assert {name: getattr(filled, name) for name in expected} == expected
    assert filled.filled() == filled


def test_what_is_given_wins_over_the_defaults():
    filled = Settings("conv", epochs=7, optimizer="sgd", validation_split=0.0, seed=4).filled()
    assert (filled.epochs, filled.optimizer, filled.lr, filled.seed) == (7, "sgd", 0.01, 4)
    assert (filled.validation_split, filled.patience) == (0.0, 0)  # nothing held out, nothing to watch
    assert Settings("conv", patience=0).filled().patience == 0
    assert Settings("simple", lr=0.5).filled().lr == 0.5


def test_the_help_names_the_defaults(capsys):
    with pytest.raises(SystemExit):
        cli.main(["train", "--help"])
    text = " ".join(capsys.readouterr().out.partition("options:")[2].split())
    for name in ("epochs", "batch_size", "optimizer", "loss", "code_size", "validation_split", "patience"):
        option = text.partition(f" --{name.replace('_', '-')} ")[2].partition(" --")[0]
        for arch in ARCHITECTURES:
            value = getattr(Settings(arch).filled(), name)
            assert value is None or str(value) in option, f"{name} of {arch}: {option}"


# --- the run


def test_metrics_are_what_they_say():
    result = run("simple", code_size=4)
    data, model, metrics = result.data, result.model, result.metrics
    x, output = (a.astype(np.float64) for a in (data.x_test, model.reconstruct(data.x_test)))
    assert metrics["test_squared_error"] == pytest.approx(np.square(x - output).sum(axis=1).mean(), rel=1e-5)
    bce = -(x * np.log(output) + (1 - x) * np.log(1 - output))
    assert metrics["test_loss"] == pytest.approx(bce.sum(axis=1).mean(), rel=1e-5)
    assert metrics["test_bce_per_pixel"] == pytest.approx(bce.mean(), rel=1e-5)
    mean = data.x_train.mean(axis=0, dtype=np.float64)
    assert metrics["mean_image_squared_error"] == pytest.approx(np.square(x - mean).sum(axis=1).mean(), rel=1e-5)
    axes = np.linalg.svd(data.x_train - mean, full_matrices=False)[2][:4]
    pca = np.square(x - mean - (x - mean) @ axes.T @ axes).sum(axis=1).mean()
    assert metrics["pca_test_squared_error"] == pytest.approx(pca, rel=1e-4)
    assert metrics["bce_floor_per_pixel"] == pytest.approx(analysis.bce_floor(x) / x.shape[1], rel=1e-6)
    assert metrics["noisy_input_squared_error"] is None and metrics["stopped"] is None
    assert (metrics["epochs_run"], metrics["epoch_kept"], metrics["n_validation"]) == (2, 2, 15)
    assert metrics["train_loss"] == result.history["loss"][-1] and metrics["val_loss"] == result.history["val_loss"][-1]
    assert metrics["loss_unit"].startswith("nats") and metrics["n_params"] == model.n_params
    json.dumps(metrics, allow_nan=False)


def test_a_code_as_wide_as_the_pictures_has_no_pca():
    assert run("simple", code_size=120).metrics["pca_test_squared_error"] is None


def test_same_seed_same_bits():
    one, two, other = (run("deep", seed=seed, noise=0.1) for seed in (3, 3, 4))
    assert_array_equal(one.model.theta, two.model.theta)
    assert {k: v for k, v in one.metrics.items() if k not in CHANGING} == {
        k: v for k, v in two.metrics.items() if k not in CHANGING
    }
    assert (one.model.theta != other.model.theta).any()


def test_limit_takes_the_first_images():
    whole, few = small_digits(), run("simple", limit=30).data
    assert_array_equal(few.x_train, whole.x_train[:30])
    assert_array_equal(few.x_test, whole.x_test)
    assert len(run("simple", limit=10**6).data.x_train) == 150


def test_no_validation_part():
    result = run("simple", validation_split=0.0)
    assert "val_loss" not in result.history and result.metrics["val_loss"] is None
    (axis,) = train_report.loss_figure(result).axes
    assert [line.get_label() for line in axis.get_lines()][:1] == ["training (mean over the epoch)"]


@pytest.mark.parametrize("loss", ["bce", "mse"])
def test_the_loss_can_be_chosen(loss):
    model = run("simple", loss=loss).model
    assert model.loss.name.lower() == loss and model.decoder.output_unit.name == "Sigmoid"
    same = simple_autoencoder(120, 32, seed=0)
    untrained = train.build_model(small_digits(), Settings("simple", loss=loss).filled())
    assert_array_equal(untrained.theta, same.theta)
    assert model.theta.size == same.theta.size and (model.theta != same.theta).any()


def test_noise_is_gaussian_and_cut_to_the_range():
    x = np.full((200, 50), 0.5, np.float32)
    kept = x.copy()
    noisy = train.add_noise(x, 0.1, np.random.default_rng(0))
    assert_array_equal(x, kept)
    assert noisy.dtype == np.float32 and noisy.std() == pytest.approx(0.1, rel=0.03)
    assert noisy.mean() == pytest.approx(0.5, abs=0.005)
    loud = train.add_noise(x, 5.0, np.random.default_rng(0))
    assert loud.min() == 0 and loud.max() == 1
    assert train.add_noise(x, 0.0, None) is x


@pytest.mark.parametrize("noise", [0.0, 0.3])
def test_what_fit_is_given(noise, monkeypatch):
    given, fit = {}, Autoencoder.fit

    def spy(self, x, y, **settings):
        given.update(settings, x=x, y=y)
        return fit(self, x, y, **settings)

    monkeypatch.setattr(Autoencoder, "fit", spy)
    result = run("simple", noise=noise, seed=7, batch_size=20, optimizer="rmsprop", validation_split=0.2)
    clean = result.data.x_train
    if noise:
        assert_array_equal(given["y"], clean)
        assert np.std(given["x"] - clean) == pytest.approx(0.2, abs=0.05)  # half of the noise is cut off at 0
    else:
        assert given["y"] is None
        assert_array_equal(given["x"], clean)
    expected = {"epochs": 2, "batch_size": 20, "validation_split": 0.2, "threads": 1, "seed": 7}
    assert given | expected == given and given["optimizer"].name == "RMSprop" and given["callbacks"] == []


def test_denoising_learns_the_clean_image_from_the_noisy_one():
    settings = {"noise": 0.4, "code_size": 10, "epochs": 150, "batch_size": 10, "lr": 0.01}
    result = run("simple", **settings)
    x, noisy = result.data.x_test, result.test_inputs
    assert (noisy != x).mean() > 0.4
    errors = result.metrics
    assert errors["noisy_input_squared_error"] == pytest.approx(np.square(noisy - x).sum(axis=1).mean(), rel=1e-5)
    output = result.model.reconstruct(noisy)
    assert errors["test_squared_error"] == pytest.approx(np.square(output - x).sum(axis=1).mean(), rel=1e-4)
    assert errors["test_squared_error"] < 0.5 * errors["noisy_input_squared_error"]
    pca = analysis.PCA(result.data.x_train, 10).reconstruct(noisy)
    assert errors["pca_test_squared_error"] == pytest.approx(np.square(pca - x).sum(axis=1).mean(), rel=1e-4)
    assert_array_equal(run("simple", **settings | {"epochs": 1, "limit": 50}).test_inputs, noisy)  # whatever the limit


# --- the figures


def test_figures_are_drawn_without_a_warning(tmp_path, monkeypatch):
    monkeypatch.setattr(plots, "save", lambda figure, path: SAVE(figure, path, dpi=40))
    folder = tmp_path / "out"
    folder.mkdir()
    train_report.write_report(run("simple", noise=0.1), folder)
    for name in ("loss.png", "reconstructions.png"):
        assert (folder / name).read_bytes().startswith(b"\x89PNG")
    assert sorted(p.name for p in folder.iterdir()) == sorted(train_report.FILES)


def test_loss_figure_has_unit_series_and_baselines():
    result = run("simple", code_size=4)
    (axis,) = train_report.loss_figure(result).axes
    assert axis.get_ylabel() == "cross-entropy\n(nats, sum over an image, mean over images)"
    lines = axis.get_lines()
    assert_allclose(lines[0].get_ydata(), result.history["loss"])
    assert_allclose(lines[1].get_ydata(), result.history["val_loss"])
    known = result.history.baselines
    assert {text.get_text().rsplit(" ", 1)[0] for text in axis.texts} == {"mean image", "PCA-4", "floor"}
    assert {line.get_ydata()[0] for line in lines[2:]} == set(known.values())
    (axis,) = train_report.loss_figure(run("simple", loss="mse")).axes
    assert axis.get_ylabel() == "half the squared error\n(sum over an image, mean over images)"


def test_reconstruction_figure_shows_one_image_of_each_class():
    result = run("simple")
    figure = train_report.reconstruction_figure(result)
    assert figure.get_suptitle() == (
        f"built-in digits (not MNIST), simple: squared error {result.metrics['test_squared_error']:.2f} per image "
        "(mean over 40 test images)"
    )
    assert [axis.get_ylabel() for axis in figure.axes[::10]] == ["test image", "output, 32 numbers"]
    shown = np.array([axis.get_images()[0].get_array().ravel() for axis in figure.axes])
    assert_allclose(shown[10:], result.model.reconstruct(shown[:10]), rtol=1e-4, atol=1e-6)
    assert [_place(result, image) % 10 for image in shown[:10]] == list(range(10))


def test_reconstruction_figure_with_noise_has_three_rows():
    result = run("simple", noise=0.25)
    figure = train_report.reconstruction_figure(result)
    names = [axis.get_ylabel() for axis in figure.axes[::10]]
    assert names == ["with noise 0.25", "output, 32 numbers", "test image"]
    shown = np.array([axis.get_images()[0].get_array().ravel() for axis in figure.axes])
    places = [_place(result, image) for image in shown[20:]]
    assert_allclose(shown[:10], result.test_inputs[places])
    assert_allclose(shown[10:20], result.model.reconstruct(shown[:10]), rtol=1e-4, atol=1e-6)


# --- the real files

REAL = os.environ.get(store.ENV, "")  # read before the fixture hides it


@pytest.mark.slow
@pytest.mark.realdata
def test_real_doodles(tmp_path, capsys):
    code, text, _ = command(
        capsys, "--arch", "simple", "--dataset", "quickdraw10", "--data-dir", REAL, "--limit", 2000, "--epochs", 12,
        "--json", "--out", tmp_path,
    )  # fmt: skip
    metrics = json.loads(text)
    assert code == 0 and (metrics["n_train"], metrics["n_test"]) == (2000, 5000)
    assert metrics["test_squared_error"] < metrics["mean_image_squared_error"] == pytest.approx(72.9, abs=1)


def test_settings_are_checked_without_the_command_line():
    with pytest.raises(UsageError, match="train: expected arch to be one of conv"):
        Settings("convolution")
    with pytest.raises(UsageError, match=r"train: expected kernels to be a whole number >= 1, got 2\.5"):
        Settings("generic", kernels=(2.5,))
