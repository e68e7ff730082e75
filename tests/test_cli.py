"""The command line: exit codes, one clear line for bad input, JSON alone on stdout, nothing half-written."""

import argparse
import gzip
import json
import shlex
import shutil
import subprocess
import sys
import warnings
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from tinyae import cli, datasets, gradcases
from tinyae.commands import hinton2006 as hinton2006_command
from tinyae.datasets import Dataset, DownloadError, download, store, write_idx
from tinyae.experiments import hinton2006, train
from tinyae.experiments.hinton2006 import (
    EXPERIMENTS,
    documents,
    documents_report,
    finished,
    modern_settings,
    page,
    recipe_modern,
    report,
    starts,
    starts_report,
    watching,
)
from tinyae.layers import LAYERS, Tanh
from tinyae.training import TrainingDivergedError
from tinyae.training.shards import ShardedStep

FILES = {
    "train-images-idx3-ubyte.gz": (30, 28, 28),
    "train-labels-idx1-ubyte.gz": (30,),
    "t10k-images-idx3-ubyte.gz": (12, 28, 28),
    "t10k-labels-idx1-ubyte.gz": (12,),
}


@pytest.fixture(autouse=True)
def nothing_on_disk_and_no_network(tmp_path, monkeypatch):
    monkeypatch.delenv(store.ENV, raising=False)
    monkeypatch.setattr(store, "cache_dir", lambda: tmp_path / "cache")

    def no_network(url, headers=None):
        raise TimeoutError

    monkeypatch.setattr(download, "_open_url", no_network)


@pytest.fixture(autouse=True)
def all_in_one_process(monkeypatch):
    """With what the tests put in the place of things."""
    monkeypatch.setattr(hinton2006_command, "in_own_process", lambda work, *arguments: work(*arguments))


@pytest.fixture
def small_experiment(monkeypatch):
    """The main job in a second: 6 x 6 pictures, small nets, and figures that are empty files."""
    rng = np.random.default_rng(0)
    parts = rng.uniform(size=(80, 36)).astype(np.float32), np.arange(80) % 10
    tests = rng.uniform(size=(30, 36)).astype(np.float32), np.arange(30) % 10
    data = Dataset("digits", *parts, *tests, (6, 6, 1), tuple("0123456789"))
    recipe = modern_settings.ModernRecipe(pretrain_epochs=1, finetune_epochs=1, batch_size=20, lr=1e-3)
    monkeypatch.setattr(datasets, "load_digits", lambda seed=0: data)
    for name in ("mnist-2d", "mnist-30"):
        monkeypatch.setitem(EXPERIMENTS, name, replace(EXPERIMENTS[name], hidden=(12, 10, 8)))
        monkeypatch.setitem(recipe_modern.SHORT, name, recipe)
    monkeypatch.setattr(recipe_modern, "VALIDATION_IMAGES", 10)
    monkeypatch.setattr(recipe_modern, "QUICK", recipe)
    monkeypatch.setattr(watching, "SIDE", 20)
    for name in ("code_figure", "reconstruction_figure", "filter_figure", "loss_figure"):
        monkeypatch.setattr(report, name, lambda result: None)
    monkeypatch.setattr(report.plots, "save", lambda figure, path: path.write_text("a figure"))
    return data


@pytest.fixture
def data_dir(tmp_path):
    """A folder with MNIST's four files, few images in each."""
    rng = np.random.default_rng(0)
    folder = tmp_path / "data" / "mnist"
    folder.mkdir(parents=True)
    for name, shape in FILES.items():
        images = len(shape) == 3
        write_idx(folder / name, rng.integers(0, 256 if images else 10, shape, np.uint8))
    return folder.parent


def run(capsys, *arguments):
    """Exit code, stdout and stderr of `tinyae arguments`."""
    code = cli.main([str(a) for a in arguments])
    return code, *capsys.readouterr()


def assert_one_line(code, out, err, expected_code=2):
    assert code == expected_code
    assert out == ""
    assert err.startswith("tinyae: error: ") and err.count("\n") == 1 and err.endswith("\n")


def assert_nothing_in(folder):
    assert not folder.exists() or not list(folder.iterdir())


# --- the main job


def test_main_job_prints_and_writes(small_experiment, tmp_path, capsys):
    out = tmp_path / "out" / "deep"
    code, text, err = run(capsys, "hinton2006", "--dataset", "digits", "--out", out)
    assert code == 0 and sorted(p.name for p in out.iterdir()) == sorted(report.FILES)
    metrics = json.loads((out / "metrics.json").read_text())
    assert f"squared error {metrics['test_squared_error']:6.2f}" in text and "PCA-2" in text
    assert text.splitlines()[-1] == f"results in {out}/: {', '.join(report.FILES)}"
    assert "fine-tuning: 100%" in err and "tinyae: error" not in err


def test_json_alone_on_stdout(small_experiment, tmp_path, capsys):
    code, text, _ = run(
        capsys, "hinton2006", "--json", "--out", tmp_path / "out", "--experiment", "mnist-30", "--seed", 5,
        "--threads", 2, "--quick",
    )  # fmt: skip
    metrics = json.loads(text)
    assert code == 0 and metrics == json.loads((tmp_path / "out" / "metrics.json").read_text())
    settings = {"dataset": "digits", "seed": 5, "threads": 2, "quick": True, "experiment": "mnist-30"}
    assert metrics | settings == metrics and metrics["layer_sizes"][-1] == 30


@pytest.mark.filterwarnings("ignore::tinyae.diagnosis.DiagnosisWarning")  # noise for data: there is nothing to learn
def test_all_experiments_have_a_folder_each(small_experiment, tmp_path, capsys, monkeypatch):
    monkeypatch.delitem(EXPERIMENTS, "curves")
    monkeypatch.delitem(EXPERIMENTS, "faces")
    monkeypatch.setattr(documents, "HIDDEN", (12, 8))
    monkeypatch.setattr(documents, "BUDGETS", {"short": documents.Budget(40, 1, 1)})
    for name in ("retrieval_figure", "map_figure"):
        monkeypatch.setattr(documents_report, name, lambda found: None)
    monkeypatch.setattr(starts, "WHOLE", starts.Budget(60, 1, 1, 1))
    monkeypatch.setattr(starts_report, "picture", lambda comparison: None)
    code, text, err = run(
        capsys, "hinton2006", "--experiment", "all", "--dataset", "digits", "--out", tmp_path / "out", "--json"
    )
    metrics = json.loads(text)
    assert (
        code == 0
        and list(metrics) == ["mnist-2d", "mnist-30", "documents", "starts"]
        and "WARNING" not in err
        and "== mnist-30" in err
    )
    assert sorted(p.name for p in (tmp_path / "out" / "starts").iterdir()) == sorted(starts_report.FILES)
    assert metrics.pop("starts") == json.loads((tmp_path / "out" / "starts" / "metrics.json").read_text())
    for name, found in metrics.items():
        folder = tmp_path / "out" / f"{name}-short"
        files = documents_report.FILES if name == "documents" else report.FILES
        assert sorted(p.name for p in folder.iterdir()) == sorted(files)
        assert found == json.loads((folder / "metrics.json").read_text()) and found["experiment"] == name
    assert {path.name for path in (tmp_path / "out").iterdir()} == {
        "mnist-2d-short",
        "mnist-30-short",
        "documents-short",
        "starts",
        *page.FILES,
    }
    written = (tmp_path / "out" / "index.html").read_text()
    assert "mnist-2d-short/figure.png" in written and "starts/starts.png" in written


@pytest.mark.parametrize("asked", [None, "mnist"])
def test_an_experiment_without_data_is_left_out_of_all_unless_it_was_asked_for(asked, tmp_path, capsys):
    class Job:
        files = ()

        def __init__(self, name, why=None):
            self.name = self.folder = name
            self.settings, self.why = SimpleNamespace(dataset=asked), why

        def run(self, checkpoint, folder):
            if self.why:
                raise self.why
            return {"name": self.name}

        def side_by_side(self, folder):
            pass

        def describe(self, metrics):
            return f"described: {metrics['name']}"

    jobs = [Job("one"), Job("two", DownloadError("fetch: no network")), Job("three")]
    arguments = SimpleNamespace(resume=False, json=False, out=tmp_path)
    if asked:
        with pytest.raises(DownloadError, match="fetch: no network"):
            hinton2006_command.run_all(arguments, jobs, tmp_path)
        return
    hinton2006_command.run_all(arguments, jobs, tmp_path)
    out, err = capsys.readouterr()
    assert "described: one" in out and "described: three" in out and "described: two" not in out
    assert "tinyae: WARNING: two LEFT OUT, its data cannot be had: fetch: no network" in err


def test_a_killed_job_goes_on_and_a_finished_one_comes_back(small_experiment, tmp_path, capsys, monkeypatch):
    job = ("hinton2006", "--threads", 1, "--json", "--out", tmp_path / "out")

    def killed(*arguments, **named):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(report, "write_report", killed)
        assert run(capsys, *job)[0] == 130
    assert [p.name for p in (tmp_path / "out").iterdir()] == ["checkpoint"]
    code, out, err = run(capsys, *job)
    assert_one_line(code, out, err)
    assert "expected a folder without an interrupted run" in err and "give --resume to go on with it" in err
    monkeypatch.setattr(ShardedStep, "__call__", lambda *_: pytest.fail("trained again"))
    code, first, _ = run(capsys, *job, "--resume")
    assert code == 0 and sorted(p.name for p in (tmp_path / "out").iterdir()) == sorted(report.FILES)
    monkeypatch.setattr(hinton2006, "run", lambda settings, folder: pytest.fail("run again"))
    code, again, err = run(capsys, *job, "--resume")
    assert code == 0 and json.loads(again) == json.loads(first) and "is finished: nothing to train" in err


def test_nothing_to_resume_begins_and_says_so(small_experiment, tmp_path, capsys):
    (tmp_path / "metrics.json").write_text('{"experiment": "mnist')  # damaged
    code, text, err = run(capsys, "hinton2006", "--resume", "--json", "--out", tmp_path)
    assert code == 0 and json.loads(text)["dataset"] == "digits"
    assert f"nothing to resume in {tmp_path}: beginning at epoch 1" in err


def test_another_finished_run_is_not_replaced_by_one_that_resumes(small_experiment, tmp_path, capsys, monkeypatch):
    job = ("hinton2006", "--json", "--out", tmp_path)
    assert run(capsys, *job, "--threads", 1)[0] == 0
    before = (tmp_path / "metrics.json").read_bytes()
    monkeypatch.setattr(hinton2006, "run", lambda settings, folder: pytest.fail("run again"))
    for other, told in (
        (
            ("--seed", 1),
            "its seed is 0 there and 1 here; use another folder, or leave out --resume to replace it, or delete it.",
        ),
        (("--threads", 2), "its threads is 1 there and 2 here"),
        (("--quick",), "its quick is False there and True here"),
        (("--recipe", "paper"), "its recipe is short there and paper here"),
        (("--experiment", "mnist-30"), "its experiment is mnist-2d there and mnist-30 here"),
    ):
        code, out, err = run(capsys, *job, *other, "--resume")
        assert_one_line(code, out, err)
        assert told in err and (tmp_path / "metrics.json").read_bytes() == before
    assert run(capsys, *job, "--resume")[0] == 0  # however many threads it had
    recipe = recipe_modern.SHORT["mnist-2d"]
    monkeypatch.setitem(recipe_modern.SHORT, "mnist-2d", replace(recipe, lr=5e-3))  # as a later version might
    code, out, err = run(capsys, *job, "--resume")
    assert_one_line(code, out, err)
    assert "its lr is 0.001 there and 0.005 here; use another folder" in err


REST = dict.fromkeys(finished.OF_ALL | finished.OF_OTHERS["documents"])  # what metrics of documents tell as well


def test_of_all_a_folder_that_cannot_be_used_is_told_of_first(small_experiment, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(hinton2006, "run", lambda settings, folder: pytest.fail("trained before looking"))
    place = tmp_path / "out" / "documents-short"
    place.mkdir(parents=True)
    (place / "metrics.json").write_text(
        json.dumps(REST | {"experiment": "documents", "recipe": "short", "quick": True, "training": {}})
    )
    job = ("hinton2006", "--experiment", "all", "--dataset", "digits", "--out", tmp_path / "out")
    code, out, err = run(capsys, *job, "--resume")
    assert_one_line(code, out, err)
    assert "its quick is True there and False here" in err
    (place / "checkpoint").mkdir()
    (place / "checkpoint" / "rbm.npz").touch()
    code, out, err = run(capsys, *job)
    assert_one_line(code, out, err)
    assert "expected a folder without an interrupted run, got one in" in err
    shutil.rmtree(place)
    place.write_text("a file")
    code, out, err = run(capsys, *job, "--resume")
    assert_one_line(code, out, err)
    assert "expected a folder one can write to, got" in err


def test_an_empty_checkpoint_does_not_hide_a_finished_run(small_experiment, tmp_path, capsys, monkeypatch):
    job = ("hinton2006", "--json", "--threads", 1, "--out", tmp_path / "out")
    assert run(capsys, *job)[0] == 0
    (tmp_path / "out" / "checkpoint" / "pretraining").mkdir(parents=True)
    monkeypatch.setattr(hinton2006, "run", lambda settings, folder: pytest.fail("run again"))
    assert "is finished: nothing to train" in run(capsys, *job, "--resume")[2]


def test_killed_while_the_checkpoint_is_removed_the_run_is_finished(small_experiment, tmp_path, capsys, monkeypatch):
    job = ("hinton2006", "--json", "--threads", 1, "--out", tmp_path / "out")

    def killed(folder, **_):
        if folder.exists():
            next(folder.rglob("*.npz")).unlink()
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(shutil, "rmtree", killed)
        assert run(capsys, *job)[0] == 130
    assert (tmp_path / "out" / "checkpoint.finished").exists()
    code, _, err = run(capsys, *job, "--resume")
    assert code == 0 and "is finished: nothing to train" in err
    assert sorted(p.name for p in (tmp_path / "out").iterdir()) == sorted(report.FILES)


def test_without_mnist_and_network_digits_are_announced(small_experiment, tmp_path, capsys):
    code, text, err = run(capsys, "hinton2006", "--json", "--out", tmp_path / "out")
    assert code == 0 and json.loads(text)["dataset"] == "digits"
    loud = [line for line in err.splitlines() if "WARNING" in line]
    assert len(loud) == 1 and "MNIST NOT FOUND, USING THE BUILT-IN DIGITS" in loud[0]


def test_warnings_are_one_line(small_experiment, tmp_path, capsys, monkeypatch):
    def warn(settings, folder):
        warnings.warn("units are dead", RuntimeWarning, stacklevel=2)
        raise TrainingDivergedError("fit: NaN")

    monkeypatch.setattr(hinton2006, "run", warn)
    with warnings.catch_warnings():  # puts the way warnings are shown back as well
        warnings.simplefilter("always")
        code, _, err = run(capsys, "hinton2006", "--out", tmp_path)
    assert code == 1 and err == "tinyae: warning: units are dead\ntinyae: error: fit: NaN\n"


# --- bad usage


@pytest.mark.parametrize(
    "arguments, message",
    [
        ((), "COMMAND"),
        (("hinton2007",), "'hinton2007'"),
        (("hinton2006", "--dataset", "mnits"), "dataset to be one of auto, mnist, digits, got 'mnits'"),
        (("hinton2006", "--recipe", "slow"), "recipe to be one of short, modern, paper, got 'slow'"),
        (("hinton2006", "--experiment", "starts", "--recipe", "slow"), "recipe to be one of short, modern, paper, "),
        (
            ("hinton2006", "--experiment", "mnist"),
            "hinton2006: expected experiment to be one of mnist-2d, mnist-30, ",
        ),
        (("hinton2006", "--experiment", "curves", "--dataset", "mnist"), "dataset to be one of curves, got 'mnist'"),
        (("hinton2006", "--experiment", "all", "--dataset", "cifar"), "newsgroups, corpus, got 'cifar'"),
        (("hinton2006", "--seed", "-1"), "seed to be a whole number >= 0, got -1"),
        (("hinton2006", "--seed", "1.5"), "--seed: invalid int value: '1.5'"),
        (("hinton2006", "--threads", "0"), "threads to be a whole number >= 1, got 0"),
        (("hinton2006", "--threads", "-3"), "threads to be a whole number >= 1, got -3"),
        (("hinton2006", "--epochs", "3"), "unrecognized arguments: --epochs 3"),
        (("hinton2006", "--out"), "--out: expected one argument"),
        (("hinton2006", "more"), "unrecognized arguments: more"),
        (("gradcheck", "--fast"), "unrecognized arguments: --fast"),
    ],
)
def test_bad_options_are_one_line_and_exit_code_2(tmp_path, capsys, monkeypatch, arguments, message):
    monkeypatch.chdir(tmp_path)
    code, out, err = run(capsys, *arguments)
    assert_one_line(code, out, err)
    assert message in err
    assert_nothing_in(tmp_path)


def damage(name, change):
    def apply(data_dir):
        path = data_dir / "mnist" / name
        path.write_bytes(change(path.read_bytes()))
        return path

    return apply


def replace_array(name, array):
    def apply(data_dir):
        write_idx(data_dir / "mnist" / name, array)
        return data_dir / "mnist" / name

    return apply


def remove(name):
    def apply(data_dir):
        (data_dir / "mnist" / name).unlink()
        return name

    return apply


IMAGES, LABELS, TEST_IMAGES, TEST_LABELS = FILES


@pytest.mark.parametrize(
    "spoil, message",
    [
        pytest.param(damage(IMAGES, lambda b: b[: len(b) // 2]), "damaged", id="truncated-gzip"),
        pytest.param(damage(IMAGES, lambda b: gzip.decompress(b)[:-100]), "cut short", id="truncated"),
        pytest.param(damage(TEST_LABELS, lambda b: b""), "an empty one", id="empty"),
        pytest.param(damage(TEST_IMAGES, lambda b: b[:60] + b"\xff" * 40 + b[100:]), "damaged", id="corrupt"),
        pytest.param(damage(IMAGES, lambda b: b"\x89PNG" + gzip.decompress(b)[4:]), "magic", id="wrong-magic"),
        pytest.param(
            damage(LABELS, lambda b: b"\0\0\x0d\x01" + gzip.decompress(b)[4:]), "not an IDX file of", id="floats"
        ),
        pytest.param(replace_array(LABELS, np.zeros(29, np.uint8)), "as many labels as images", id="lengths"),
        pytest.param(replace_array(TEST_LABELS, np.zeros(13, np.uint8)), "as many labels as images", id="test-lengths"),
        pytest.param(replace_array(LABELS, np.full(30, 11, np.uint8)), "labels from 0 to 9, got 11", id="labels"),
        pytest.param(replace_array(IMAGES, np.zeros((30, 20, 28), np.uint8)), "shape (N, 28, 28)", id="image-size"),
        pytest.param(replace_array(LABELS, np.zeros((30, 28, 28), np.uint8)), "as many labels as", id="swapped"),
        pytest.param(remove(TEST_IMAGES), "expected the file", id="missing-file"),
    ],
)
@pytest.mark.parametrize("dataset", ["mnist", "auto"])
def test_bad_data_files_are_one_line_and_exit_code_2(data_dir, tmp_path, capsys, spoil, message, dataset):
    place = spoil(data_dir)
    out = tmp_path / "out"
    code, text, err = run(capsys, "hinton2006", "--dataset", dataset, "--data-dir", data_dir, "--out", out)
    assert_one_line(code, text, err)
    assert message in err and str(place) in err
    assert_nothing_in(out)


def test_data_dir_that_does_not_exist(tmp_path, capsys, monkeypatch):
    out = tmp_path / "out"
    code, text, err = run(capsys, "hinton2006", "--data-dir", tmp_path / "none", "--out", out)
    assert_one_line(code, text, err)
    assert f"expected data_dir to be an existing folder, got {tmp_path / 'none'}" in err
    monkeypatch.setenv(store.ENV, str(tmp_path / "nowhere"))
    code, text, err = run(capsys, "hinton2006", "--out", out)
    assert_one_line(code, text, err)
    assert f"${store.ENV}" in err and "nowhere" in err
    assert_nothing_in(out)


def test_too_few_images_are_bad_usage(data_dir, tmp_path, capsys):
    code, text, err = run(capsys, "hinton2006", "--data-dir", data_dir, "--out", tmp_path / "out")
    assert_one_line(code, text, err)
    assert "training images, got 30" in err
    assert_nothing_in(tmp_path / "out")


@pytest.mark.parametrize("below", ["file", "file/below", "file/below/that"])
def test_an_out_folder_one_cannot_write_to(tmp_path, capsys, monkeypatch, below):
    (tmp_path / "file").write_text("kept")
    monkeypatch.setattr(hinton2006, "run", lambda settings, folder: pytest.fail("found out after the work"))
    code, text, err = run(capsys, "hinton2006", "--dataset", "digits", "--out", tmp_path / below)
    assert_one_line(code, text, err)
    assert f"expected a folder one can write to, got {tmp_path / below}" in err
    assert (tmp_path / "file").read_text() == "kept"


def test_nan_in_the_data(small_experiment, tmp_path, capsys):
    small_experiment.x_train[11, 2] = np.nan
    code, text, err = run(capsys, "hinton2006", "--dataset", "digits", "--out", tmp_path / "out")
    assert code == 2 and text == ""
    errors = [line for line in err.splitlines() if line.startswith("tinyae: error:")]
    assert len(errors) == 1 and "NaN" in errors[0] and "(11, 2)" in errors[0] and "Traceback" not in err
    assert_nothing_in(tmp_path / "out")


# --- work that fails


@pytest.mark.parametrize(
    "error, code, text",
    [
        (TrainingDivergedError("fit: NaN in epoch 3"), 1, "fit: NaN in epoch 3"),
        (FloatingPointError("fit_rbm: NaN"), 1, "fit_rbm: NaN"),
        (OSError(28, "No space left on device"), 1, "[Errno 28] No space left on device"),
        (MemoryError(), 1, "MemoryError"),
        (MemoryError("Unable to allocate\n 3 TiB"), 1, "Unable to allocate 3 TiB"),
        (KeyboardInterrupt(), 130, "interrupted"),
    ],
)
def test_failing_work_is_one_line(tmp_path, capsys, monkeypatch, error, code, text):
    def fail(settings, folder):
        raise error

    monkeypatch.setattr(hinton2006, "run", fail)
    assert run(capsys, "hinton2006", "--out", tmp_path) == (code, "", f"tinyae: error: {text}\n")
    assert_nothing_in(tmp_path)


def test_a_failed_download_is_one_line(tmp_path, capsys, monkeypatch):
    def fail(data_dir=None):
        raise DownloadError("fetch: mnist is not on disk and could not be downloaded")

    monkeypatch.setattr(datasets, "load_mnist", fail)
    assert_one_line(*run(capsys, "hinton2006", "--dataset", "mnist", "--out", tmp_path), expected_code=1)
    assert_nothing_in(tmp_path)


# --- gradcheck


def test_gradcheck_lists_everything_and_passes(capsys):
    code, out, err = run(capsys, "gradcheck")
    assert code == 0 and err == ""
    lines = out.splitlines()
    names = [name for name, _ in gradcases.all_cases()]
    assert [line[:44].rstrip() for line in lines[1:-1]] == [name.rstrip() for name in names]
    assert lines[-1] == "all within 1e-06"
    assert all(float(line.split()[-1]) <= 1e-6 for line in lines[1:-1])
    for layer in (*LAYERS, "Sequential", "BCE", "MSE"):
        assert any(name.startswith(layer) for name in names), layer


def test_gradcheck_fails_with_a_broken_backward(capsys, monkeypatch):
    monkeypatch.setattr(Tanh, "gradient", lambda self, dy, out: np.multiply(dy, 1 - self.y, out=out))
    code, out, _ = run(capsys, "gradcheck")
    assert code == 1
    failed = [line for line in out.splitlines() if line.endswith("FAILED")]
    assert any(line.startswith("Tanh() on (4, 5)") for line in failed)
    inside = ("Tanh", "Sequential", "training Sequential", "Conv", "TiedDense", "net ", "tangent")  # have a Tanh
    assert all(line.startswith(inside) for line in failed)
    assert out.splitlines()[-1] == f"{len(failed)} failed"
    assert "Tanh: d loss / d x[" in out and "expected" in out


@pytest.mark.parametrize("value", [np.nan, np.inf])
@pytest.mark.slow
def test_gradcheck_fails_with_a_backward_that_is_not_finite(capsys, monkeypatch, value):
    def broken(self, dy, out):
        out[...] = value
        return out

    monkeypatch.setattr(Tanh, "gradient", broken)
    with np.errstate(all="ignore"):
        code, out, _ = run(capsys, "gradcheck")
    assert code == 1 and "FAILED" in out


# --- help


def commands():
    (action,) = (a for a in cli.build_parser()._actions if isinstance(a, argparse._SubParsersAction))
    return action.choices


@pytest.mark.parametrize("command", [None, "train", "hinton2006", "gradcheck"])
def test_help(capsys, command):
    with pytest.raises(SystemExit) as stopped:
        cli.main([command, "--help"] if command else ["--help"])
    assert stopped.value.code == 0
    out = capsys.readouterr().out
    assert out.startswith("usage: tinyae")
    for word in commands() if command is None else ["example: tinyae"]:
        assert word in out


@pytest.mark.parametrize("command", sorted(commands()))
def test_the_example_in_the_help_parses(command):
    for example in commands()[command].epilog.removeprefix("example: ").split(" && "):  # the last is of this command
        name, *words = shlex.split(example)
        assert name == "tinyae"
        arguments = cli.build_parser().parse_args(words)
    assert arguments.command == command and callable(arguments.run)
    if command == "hinton2006":
        hinton2006.Settings(arguments.experiment, arguments.recipe, dataset=arguments.dataset)
    if command == "train":
        train.Settings(arguments.arch, arguments.dataset, epochs=arguments.epochs, limit=arguments.limit)


# --- as a program of its own


def tinyae(*arguments, folder):
    return subprocess.run(
        [sys.executable, "-m", "tinyae.cli", *arguments], cwd=folder, capture_output=True, text=True, timeout=100
    )


def test_as_a_program(tmp_path):
    done = tinyae("hinton2006", "--dataset", "mnist", "--data-dir", "none", "--out", "out", folder=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("tinyae: error: find_file: expected data_dir") and done.stderr.count("\n") == 1
    assert_nothing_in(tmp_path / "out")


@pytest.mark.slow
def test_gradcheck_as_a_program(tmp_path):
    done = tinyae("gradcheck", folder=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.endswith("all within 1e-06\n")
    assert not list(tmp_path.iterdir())
