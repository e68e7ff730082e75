"""`tinyae colour` on a few small pictures: training, own data, colouring of files, and what it refuses."""

import json
import os

import numpy as np
import pytest
from PIL import Image

from tinyae import cli, load, plots
from tinyae.applications.colour import colourise, luminance
from tinyae.datasets import load_coloured

SHORT = ("--epochs", "2", "--threads", "1")


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    """Relative paths go to a new folder; nothing is drawn."""
    monkeypatch.setattr(plots, "save", lambda figure, path: path.write_bytes(b"not drawn"))
    monkeypatch.chdir(tmp_path)


@pytest.fixture(scope="module")
def pictures():
    return load_coloured(40, 0).x_train.reshape(-1, 32, 32, 3)[:, ::2, ::2]


@pytest.fixture(scope="module")
def trained(pictures, tmp_path_factory):
    """The folder of a short run on a user's own array, drawn."""
    folder = tmp_path_factory.mktemp("colour")
    np.save(folder / "own.npy", pictures)
    assert cli.main(["colour", "--dataset", str(folder / "own.npy"), *SHORT, "--out", str(folder / "run")]) == 0
    return folder / "run"


def model_of(folder):
    return ["--model", str(folder / "model.npz")]


def test_files(trained):
    m = json.loads((trained / "metrics.json").read_text())
    assert [row["method"] for row in m["rows"]] == [
        "grey", "mean colour", "mean colour of the place", "mean colour of the brightness", "untrained net",
        "autoencoder",
    ]  # fmt: skip
    assert (m["n_train"], m["n_test"], m["image_shape"], m["epochs"]) == (36, 4, [16, 16, 3], 2)
    assert m["largest_change_of_luminance"] < 1e-6
    assert (trained / "picture.png").read_bytes().startswith(b"\x89PNG")
    text = (trained / "table.md").read_text()
    assert "| mean colour |" in text and ("The autoencoder's error" in text or "The autoencoder loses" in text)
    assert (trained / "history.csv").read_text().count("\n") == 3


def test_a_grey_picture_gets_colours_and_keeps_its_brightness(trained, pictures):
    grey = np.rint(255 * luminance(pictures[0])).astype(np.uint8)[..., 0]
    Image.fromarray(grey).save("grey.png")
    assert cli.main(["colour", *model_of(trained), "--input", "grey.png", "--out", "coloured.png"]) == 0
    with Image.open("coloured.png") as picture:
        found = np.asarray(picture)
    assert found.shape == (16, 16, 3)
    assert np.abs(luminance(found / 255)[..., 0] - grey / 255).max() < 1 / 255
    expected = colourise(load(trained / "model.npz"), grey[None, ..., None].astype(np.float32) / 255)
    assert np.abs(found / 255 - expected[0]).max() <= 0.51 / 255


def test_an_array_and_a_folder(trained, pictures):
    np.save("in.npy", pictures[:3])
    assert cli.main(["colour", *model_of(trained), "--input", "in.npy", "--out", "out.npy"]) == 0
    expected = colourise(load(trained / "model.npz"), luminance(pictures[:3]).clip(0, 1))
    np.testing.assert_allclose(np.load("out.npy"), expected, atol=1e-6)
    os.mkdir("folder")
    for name in ("a", "b"):
        Image.fromarray(np.full((20, 30), 99, np.uint8)).save(f"folder/{name}.png")
    assert cli.main(["colour", *model_of(trained), "--input", "folder", "--out", "new"]) == 0
    assert sorted(os.listdir("new")) == ["a.png", "b.png"]
    with Image.open("new/a.png") as picture:
        assert picture.size == (30, 20)


def test_resuming_a_finished_run_changes_nothing(trained):
    before = load(trained / "model.npz").theta
    own = str(trained.parent / "own.npy")
    assert cli.main(["colour", "--dataset", own, *SHORT, "--resume", "--out", str(trained)]) == 0
    np.testing.assert_array_equal(load(trained / "model.npz").theta, before)


@pytest.mark.parametrize(
    "options, message",
    [
        (["--model", "{model}"], "expected --input together with --model"),
        (["--input", "grey.png"], "expected --model together with --input"),
        (["--model", "{model}", "--input", "grey.png", "--epochs", "2"], "expected no --epochs with --model"),
        (["--model", "{model}", "--input", "none.png"], "none.png: expected a file or folder"),
        (["--model", "{model}", "--input", "empty.npy"], "empty.npy: expected a file with samples, got an empty one"),
        (["--model", "{model}", "--input", "rows.npy"], "rows.npy: expected grey or colour pictures, got rows of 9"),
        (["--model", "{model}", "--input", "two.npy"], "two.npy: expected grey or colour pictures, got images of 2"),
        (["--model", "{model}", "--input", "three.npy"], "expected a folder or a .npy for 5 pictures, got old.png"),
        (["--dataset", "rows.npy"], "expected colour images, got rows of 9 numbers"),
        (["--dataset", "grey.npy"], "there is no colour to learn"),
        (["--dataset", "empty.npy"], "empty.npy: expected a file with samples, got an empty one"),
        (["--dataset", "colored"], "did you mean 'coloured'?"),
        (["--epochs", "0"], "expected epochs to be a whole number >= 1, got 0"),
    ],
)
def test_what_it_refuses(options, message, trained, tmp_path, capsys):
    """One line, exit 2, and what was there stays as it was."""
    rng = np.random.default_rng(0)
    for name, shape in (("rows", (20, 9)), ("two", (5, 9, 9, 2)), ("three", (5, 9, 9, 3)), ("grey", (20, 9, 9))):
        np.save(f"{name}.npy", rng.uniform(size=shape))
    Image.fromarray(np.zeros((9, 9), np.uint8)).save("grey.png")
    (tmp_path / "empty.npy").touch()
    (tmp_path / "old.png").write_text("old")
    out = "old.png" if "--model" in options else "new"
    assert cli.main(["colour", *[o.replace("{model}", model_of(trained)[1]) for o in options], "--out", out]) == 2
    said = capsys.readouterr()
    assert message in said.err.strip().splitlines()[-1] and not said.out
    assert (tmp_path / "old.png").read_text() == "old" and not list(tmp_path.glob("new/*"))


def test_very_few_built_in_pictures():
    """A kind of scene may then have none."""
    for n in (1, 2, 3):
        assert load_coloured(n, 1).x_train.shape == (n, 3072)
