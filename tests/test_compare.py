"""tinyae compare: every kind at the same budget, one table, one picture."""

import csv
import json
from dataclasses import replace

import numpy as np
import pytest
from matplotlib.image import imread
from numpy.testing import assert_allclose

from tinyae import analysis, cli
from tinyae.architectures import overcomplete_autoencoder
from tinyae.checks import UsageError
from tinyae.datasets.digits import load_digits
from tinyae.experiments import compare, compare_report
from tinyae.experiments.compare import KINDS, Settings

QUICK = Settings("digits", limit=400, epochs=3, width=40, threads=1)


@pytest.fixture(scope="module", autouse=True)
def few_test_images():
    """300 test images in place of 10,000: drawing and measuring those takes most of the time."""
    whole = compare.datasets.load

    def load(name, data_dir=None, seed=0, limit=None):
        return load_digits(limit or 400, 300, seed) if name == "digits" else whole(name, data_dir, seed, limit)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(compare.datasets, "load", load)
        yield


@pytest.fixture(scope="module")
def result(few_test_images):
    return compare.run(QUICK, progress=False)


@pytest.fixture(scope="module")
def folder(result, tmp_path_factory):
    folder = tmp_path_factory.mktemp("compare")
    compare_report.write_report(result, folder)
    return folder


def row_of(result, kind):
    return next(row for row in result.rows if row["kind"] == kind)


def test_every_kind_has_a_row_of_numbers(result):
    assert [row["kind"] for row in result.rows] == list(KINDS)
    assert list(result.models) == list(KINDS)
    for row in result.rows:
        numbers = [value for value in row.values() if not isinstance(value, str)]
        assert np.isfinite(numbers).all(), row
        assert 0 <= row["probe_error"] <= 1 and 0 <= row["knn5_error"] <= 1 and 0 <= row["share_active"] <= 1


def test_the_budget_is_the_same_passes_over_the_images(result, monkeypatch):
    passes, current = {}, [""]

    def count(name):
        def counted(*arguments, **settings):
            passes[current[0]] = passes.get(current[0], 0) + settings["epochs"]
            return original[name](*arguments, **settings)

        return counted

    from tinyae.autoencoder import Autoencoder
    from tinyae.rbm import stack

    original = {"fit": Autoencoder.fit, "rbm": stack.fit_rbm}
    monkeypatch.setattr(Autoencoder, "fit", count("fit"))
    monkeypatch.setattr(stack, "fit_rbm", count("rbm"))
    settings = replace(QUICK, limit=100, epochs=5, width=8)
    data = compare.datasets.load("digits", None, 0, 100)
    for kind, entry in KINDS.items():
        current[0] = kind
        entry.train(compare.Task(data.x_train, data.image_shape, settings))
    assert passes == {kind: 5 for kind, entry in KINDS.items() if entry.trained}


def test_the_row_of_principal_components_is_pca(result):
    pca, data = analysis.PCA(result.data.x_train, 32), result.data
    row = row_of(result, "pca")
    assert row["squared_error"] == pytest.approx(
        analysis.squared_error(data.x_test, pca.reconstruct(data.x_test)), 1e-5
    )
    assert row["jacobian_norm"] == pytest.approx(32, rel=1e-4)  # orthonormal columns
    assert row["seconds"] == 0


def test_measures_are_what_they_say(result):
    model, data = result.models["simple"], result.data
    row = row_of(result, "simple")
    codes = model.encode(data.x_test)
    assert row["code_size"] == 32 and row["n_params"] == model.n_params
    assert row["squared_error"] == pytest.approx(model.evaluate(data.x_test)["squared_error"], rel=1e-5)
    assert row["mean_activation"] == pytest.approx(codes.mean(), rel=1e-5)
    assert row["share_active"] == pytest.approx(np.mean(codes > 1e-3), abs=1e-4)
    assert row["psnr_noisy"] == row_of(result, "conv")["psnr_noisy"]
    assert 8 < row["psnr_noisy"] < 11


def test_an_untrained_net_is_untrained(result):
    same = overcomplete_autoencoder(784, 40, seed=0)
    assert_allclose(result.models["untrained"].theta, same.theta)
    assert (result.models["overcomplete"].theta != same.theta).any()


def test_training_beats_no_training(result):
    untrained = row_of(result, "untrained")["squared_error"]
    assert all(row["squared_error"] < untrained for row in result.rows if KINDS[row["kind"]].trained)


def test_some_kinds_and_the_same_numbers_again(result):
    again = compare.run(replace(QUICK, kinds=("tied", "variational", "stacked")), progress=False)
    assert [row["kind"] for row in again.rows] == ["stacked", "tied", "variational"]  # in the table's order
    for row in again.rows:
        assert row | {"seconds": 0} == row_of(result, row["kind"]) | {"seconds": 0}


def test_files(folder, result):
    assert sorted(f.name for f in folder.iterdir()) == sorted(compare_report.FILES)
    metrics = json.loads((folder / "metrics.json").read_text())
    assert metrics["rows"] == result.rows and metrics["dataset"] == "digits" and metrics["epochs"] == 3
    with open(folder / "table.csv", newline="") as f:
        rows = list(csv.DictReader(f))
    assert [row["kind"] for row in rows] == list(KINDS)
    assert float(rows[3]["squared_error"]) == result.rows[3]["squared_error"]


def test_table_says_what_its_columns_are(folder, result):
    text = (folder / "table.md").read_text()
    lines = text.splitlines()
    assert lines[0].startswith("| kind | code | squared error | denoised, dB | probe error |")
    assert len({line.count("|") for line in lines[: 2 + len(KINDS)]}) == 1
    assert "built-in digits (not MNIST), 400 training and 300 test images, 3 epochs each" in text
    for row in result.rows:
        assert f"| {row['kind']} | {row['code_size']:,} | {row['squared_error']:.2f} |" in text
        assert f"- {row['kind']}: {row['what']}" in text


def test_picture_has_a_row_a_kind(folder):
    picture = imread(folder / "compare.png")
    assert picture.shape[0] > 40 * len(KINDS) and picture.shape[1] > 1000
    half = picture.shape[1] // 2
    grey = np.ptp(picture[..., :3], axis=-1) < 0.02
    assert grey[:, :half].all() and not grey[:, half:].all()  # images on the left, coloured weights on the right


def test_command(capsys, tmp_path):
    code = cli.main([
        "compare", "--dataset", "digits", "--limit", "100", "--epochs", "3", "--width", "8", "--threads", "1",
        "--kinds", "pca,l1-sparse", "--out", str(tmp_path / "out"),
    ])  # fmt: skip
    out, err = capsys.readouterr()
    assert code == 0
    table = out.splitlines()
    assert [line.split()[0] for line in table[:3]] == ["kind", "pca", "l1-sparse"]
    assert table[-1].startswith("results in") and "l1-sparse: squared error" in err
    assert len({len(line) for line in table[:3]}) == 1


@pytest.mark.parametrize(
    "arguments, message",
    [
        (["--kinds", "sparse"], "compare: expected kind to be one of untrained, pca, linear"),
        (["--epochs", "2"], "compare: expected epochs to be a whole number >= 3, got 2"),
        (["--width", "0"], "compare: expected width to be a whole number >= 1, got 0"),
        (["--dataset", "minst"], "compare: expected dataset to be one of"),
    ],
)
def test_bad_usage(arguments, message, capsys, tmp_path):
    assert cli.main(["compare", "--out", str(tmp_path), *arguments]) == 2
    err = capsys.readouterr().err
    assert message in err and err.count("\n") == 1


def test_data_without_classes_are_refused(tmp_path):
    path = tmp_path / "x.npy"
    np.save(path, np.random.default_rng(0).uniform(size=(50, 8, 8)).astype(np.float32))
    with pytest.raises(UsageError, match=r"compare: expected data with classes to judge the codes by, got .*x\.npy"):
        compare.run(replace(QUICK, dataset=str(path), limit=None), progress=False)
