"""`tinyae encode`, `decode` and `reconstruct` on users' files, and `tinyae train` on tables and pictures."""

import csv
import json
import os

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from tinyae import Autoencoder, Dense, Sigmoid, cli, datasets, load, save
from tinyae.datasets import Dataset
from tinyae.experiments import train_report
from tinyae.samples import Preparation, arrays, read_samples, write_samples

RNG = np.random.default_rng(0)
IMAGES = RNG.integers(0, 256, (40, 5, 6), np.uint8)
TABLE = RNG.normal([5, -300, 0.001, 1], [2, 40, 0.0001, 1], (60, 4))
NAMES = ("mass", "charge", "size", "age")


def command(capsys, *arguments):
    """Exit code, stdout and stderr of `tinyae arguments`."""
    code = cli.main([str(a) for a in arguments])
    return code, *capsys.readouterr()


def done(capsys, *arguments):
    """The stdout of a command that has to work."""
    code, out, err = command(capsys, *arguments)
    assert code == 0, err
    return out


def refused(capsys, *arguments, parts=()):
    """The one line on stderr of a command that has to be refused as bad usage."""
    code, out, err = command(capsys, *arguments)
    assert (code, out) == (2, "") and err.startswith("tinyae: error: ") and err.count("\n") == 1, err
    for part in parts:
        assert part in err
    return err


@pytest.fixture
def of_images(tmp_path):
    """A model's file for IMAGES, and the model; the images as a file."""
    np.save(tmp_path / "x.npy", IMAGES)
    model = Autoencoder([Dense(3, "relu")], [Dense(30), Sigmoid()], input_shape=30)
    save(model, tmp_path / "model.npz", Preparation.fit(read_samples(tmp_path / "x.npy")))
    return tmp_path, model


@pytest.fixture
def of_table(tmp_path):
    """A model's file for TABLE, the model and its Preparation; the table as a file."""
    write_samples(tmp_path / "x.csv", TABLE, names=NAMES)
    preparation = Preparation.fit(read_samples(tmp_path / "x.csv"))
    model = Autoencoder([Dense(2)], [Dense(4)], loss="mse", input_shape=4)
    save(model, tmp_path / "model.npz", preparation)
    return tmp_path, model, preparation


# --- images


def test_codes_of_images_and_back(of_images, capsys):
    folder, model = of_images
    x = (IMAGES.reshape(40, -1) / np.float32(255)).astype(np.float32)
    out = done(capsys, "encode", folder / "model.npz", folder / "x.npy", "--out", folder / "codes.npy")
    assert out == f"40 images of {folder / 'x.npy'} to 3 numbers each: {folder / 'codes.npy'}\n"
    codes = np.load(folder / "codes.npy")
    assert codes.dtype == np.float32
    assert_array_equal(codes, model.encode(x))
    np.save(folder / "one.npy", IMAGES[:1])
    one = done(capsys, "encode", folder / "model.npz", folder / "one.npy", "--out", folder / "one.csv")
    assert one.startswith("1 image of ")
    for name in ("codes.npy", "codes.csv"):
        done(capsys, "encode", folder / "model.npz", folder / "x.npy", "--out", folder / name)
        done(capsys, "decode", folder / "model.npz", folder / name, "--out", folder / "back.npy")
        back = np.load(folder / "back.npy")
        assert back.dtype == np.uint8 and back.shape == IMAGES.shape
        assert_array_equal(back, np.rint(255 * model.reconstruct(x)).reshape(IMAGES.shape))
    assert (folder / "codes.csv").read_text().startswith("code_1,code_2,code_3\n")
    done(capsys, "decode", folder / "model.npz", folder / "codes.npy", "--out", folder / "pictures")
    assert_array_equal(read_samples(folder / "pictures").x[..., 0], back)


def test_reconstructions_and_their_errors(of_images, capsys):
    folder, model = of_images
    x = (IMAGES.reshape(40, -1) / np.float32(255)).astype(np.float32)
    errors = np.square((model.reconstruct(x) - x).astype(np.float64)).sum(axis=1)
    out = done(
        capsys, "reconstruct", folder / "model.npz", folder / "x.npy", "--out", folder / "back.npy", "--errors",
        folder / "errors.csv",
    )  # fmt: skip
    assert out.splitlines()[1] == f"mean squared error, summed over 30 numbers: {errors.mean():.6g}"
    assert np.load(folder / "back.npy").shape == IMAGES.shape
    with open(folder / "errors.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["sample"] for row in rows[:2]] == ["1", "2"]
    assert_allclose([float(row["squared_error"]) for row in rows], errors, rtol=1e-12)
    done(
        capsys, "reconstruct", folder / "model.npz", folder / "x.npy", "--out", folder / "b", "--errors",
        folder / "e.npy",
    )  # fmt: skip
    assert_array_equal(np.load(folder / "e.npy"), errors)
    assert_array_equal(read_samples(folder / "b").x[..., 0], np.load(folder / "back.npy"))


def test_a_folder_in_a_folder_out(of_images, capsys):
    folder, _ = of_images
    write_samples(folder / "in", IMAGES[:3], files=["cat/a.jpg", "cat/b.jpg", "dog/a.jpg"])
    done(
        capsys,
        "reconstruct",
        folder / "model.npz",
        folder / "in",
        "--out",
        folder / "out",
        "--errors",
        folder / "e.csv",
    )
    assert read_samples(folder / "out").files == ("cat/a.png", "cat/b.png", "dog/a.png")
    assert [line.split(",")[0] for line in (folder / "e.csv").read_text().splitlines()] == [
        "sample", "cat/a.png", "cat/b.png", "dog/a.png"
    ]  # fmt: skip


def test_the_answer_has_the_form_of_the_question(of_images, capsys):
    folder, _ = of_images
    forms = {
        "bytes": IMAGES, "channels": IMAGES[..., None], "flat": IMAGES.reshape(40, -1), "floats": IMAGES / 255,
        "float32": (IMAGES / 255).astype(np.float32), "bool": IMAGES > 127,
    }  # fmt: skip
    for name, x in forms.items():
        np.save(folder / "in.npy", x)
        done(capsys, "reconstruct", folder / "model.npz", folder / "in.npy", "--out", folder / "out.npy")
        back = np.load(folder / "out.npy")
        assert back.shape == x.shape, name
        assert back.dtype == (np.float32 if x.dtype == bool else x.dtype), name


def test_a_large_file_gives_the_same_files(of_images, capsys, monkeypatch):
    folder, _ = of_images

    def results(name):
        options = ["--errors", folder / f"{name}_errors.csv"]
        done(capsys, "encode", folder / "model.npz", folder / "x.npy", "--out", folder / f"{name}_codes.npy")
        done(capsys, "reconstruct", folder / "model.npz", folder / "x.npy", "--out", folder / f"{name}.npy", *options)
        done(capsys, "decode", folder / "model.npz", folder / f"{name}_codes.npy", "--out", folder / f"{name}_back.npy")
        return [(folder / f"{name}{end}").read_bytes() for end in ("_codes.npy", ".npy", "_errors.csv", "_back.npy")]

    monkeypatch.setattr("tinyae.samples.lazy.BLOCK_BYTES", 4 * 30 * 7)
    whole = results("whole")
    monkeypatch.setattr(arrays, "STREAM_FROM", 0)
    assert results("lazy") == whole


def test_the_test_images_of_a_data_set(of_images, capsys, monkeypatch):
    folder, model = of_images
    x = (IMAGES.reshape(40, -1) / 255).astype(np.float32)
    labels = np.arange(40) % 10
    data = Dataset("digits", x[:1], labels[:1], x, labels, (5, 6, 1), tuple("0123456789"))
    monkeypatch.setattr(datasets, "load_digits", lambda **_: data)
    monkeypatch.chdir(folder)
    out = done(capsys, "encode", "model.npz", "digits", "--out", "codes.npy")
    assert out == "40 images of digits to 3 numbers each: codes.npy\n"
    assert_array_equal(np.load("codes.npy"), model.encode(x))
    done(capsys, "reconstruct", "model.npz", "digits", "--out", "back.npy")
    assert np.load("back.npy").shape == (40, 5, 6)
    write_samples(folder / "digits", IMAGES[:4])  # a folder of that name comes first
    assert done(capsys, "encode", "model.npz", "digits", "--out", "codes.npy").startswith("4 images of digits to 3")


# --- tables


def test_a_table_in_its_own_units(of_table, capsys):
    folder, model, preparation = of_table
    z = preparation.apply(read_samples(folder / "x.csv"))
    done(capsys, "encode", folder / "model.npz", folder / "x.csv", "--out", folder / "codes.csv")
    assert_array_equal(read_samples(folder / "codes.csv").x.astype(np.float32), model.encode(z))
    done(capsys, "decode", folder / "model.npz", folder / "codes.csv", "--out", folder / "decoded.csv")
    out = done(capsys, "reconstruct", folder / "model.npz", folder / "x.csv", "--out", folder / "back.csv")
    expected = TABLE.mean(axis=0) + TABLE.std(axis=0) * model.reconstruct(z)
    for name in ("decoded.csv", "back.csv"):
        back = read_samples(folder / name)
        assert back.names == NAMES
        assert_allclose(back.x, expected, rtol=1e-5)
    assert "mean squared error of columns scaled (standard), summed over 4 numbers: " in out


def test_columns_in_another_order_and_with_gaps(of_table, capsys):
    folder, _, _ = of_table
    done(capsys, "encode", folder / "model.npz", folder / "x.csv", "--out", folder / "codes.csv")
    write_samples(folder / "y.csv", np.column_stack([TABLE[:, ::-1], TABLE]), names=[*NAMES[::-1], "a", "b", "c", "d"])
    text = refused(capsys, "encode", folder / "model.npz", folder / "y.csv", "--out", folder / "codes2.csv")
    assert "the model was trained on (mass, charge, size, age), got 'a' besides; --drop a" in text
    drop = [word for name in "abcd" for word in ("--drop", name)]
    done(capsys, "encode", folder / "model.npz", folder / "y.csv", "--out", folder / "codes2.csv", *drop)
    assert (folder / "codes.csv").read_text() == (folder / "codes2.csv").read_text()
    (folder / "gap.csv").write_text("mass,charge,size,age\n5,,0.001,1\n")
    refused(capsys, "encode", folder / "model.npz", folder / "gap.csv", "--out", folder / "codes2.csv",
            parts=["no missing cells, got 1, the first in row 1 (line 2), column 'charge'"])  # fmt: skip
    done(capsys, "encode", folder / "model.npz", folder / "gap.csv", "--out", folder / "c.csv", "--fill", "-300")


# --- trained by the command


@pytest.fixture
def quick(monkeypatch):
    monkeypatch.setattr(train_report.plots, "save", lambda figure, path: path.write_bytes(b"not drawn"))


def test_a_table_from_training_to_reconstruction(tmp_path, capsys, quick):
    species = np.array(["a", "b", "c"] * 20)
    header = ",".join([*NAMES, "species"])
    rows = [",".join([*map(repr, row), name]) for row, name in zip(TABLE.tolist(), species, strict=True)]
    (tmp_path / "x.csv").write_text("\n".join([header, *rows]) + "\n")
    common = ["--arch", "deep", "--epochs", 2, "--out", tmp_path / "run", "--threads", 1]
    refused(capsys, "train", "--dataset", tmp_path / "x.csv", *common,
            parts=["text in column 'species' ('a', 'b', 'c'); --drop species leaves it out"])  # fmt: skip
    out = done(capsys, "train", "--dataset", tmp_path / "x.csv", *common, "--label", "species", "--json")
    metrics = json.loads(out)
    assert (metrics["loss"], metrics["scale"], metrics["code_size"], metrics["own"]) == (
        "mse", "standard", 2, {"label": "species"}
    )  # fmt: skip
    model = tmp_path / "run" / "model.npz"
    done(capsys, "reconstruct", model, tmp_path / "x.csv", "--out", tmp_path / "back.csv")
    back = read_samples(tmp_path / "back.csv")
    assert back.names == NAMES and back.x.shape == TABLE.shape
    done(capsys, "encode", model, tmp_path / "x.csv", "--out", tmp_path / "codes.csv")
    assert read_samples(tmp_path / "codes.csv").x.shape == (60, 2)
    assert load(model).preprocessing["left_out"] == ["species"]


def test_pictures_from_training_to_reconstruction(tmp_path, capsys, quick):
    colour = RNG.integers(0, 256, (20, 8, 9, 3), np.uint8)
    write_samples(tmp_path / "photos", colour)
    done(
        capsys, "train", "--arch", "conv", "--dataset", tmp_path / "photos", "--image-size", "8x8", "--epochs", 1,
        "--out", tmp_path / "run",
    )  # fmt: skip
    model = tmp_path / "run" / "model.npz"
    refused(capsys, "reconstruct", model, tmp_path / "photos", "--out", tmp_path / "back",
            parts=["images of 8 x 8 x 3, as the model was trained on, got images of 8 x 9 x 3; --image-"])  # fmt: skip
    done(capsys, "reconstruct", model, tmp_path / "photos", "--out", tmp_path / "back", "--image-size", "8x8")
    assert read_samples(tmp_path / "back").x.shape == (20, 8, 8, 3)


@pytest.mark.parametrize(
    "options, part",
    [
        (["--arch", "conv"], "expected images (N, H, W) or (N, H, W, C) for arch conv, got rows of 4 numbers"),
        (
            ["--arch", "deep", "--loss", "bce"],
            "numbers in [0, 1] for loss bce, got x.csv scaled by standard; use loss mse",
        ),
        (["--arch", "deep", "--scale", "unit"], "expected floats in [0, 1], got values from -3"),
        (
            ["--arch", "deep", "--scale", "loud"],
            "scale to be one of auto, unit, bytes, standard, common, minmax, none, got",
        ),
        (["--arch", "deep", "--drop", "weight"], "drop to be one of mass, charge, size, age, got 'weight'"),
        (["--arch", "deep", "--image-size", "4x4"], "no image_size for a file of kind table, got (4, 4)"),
        (["--arch", "deep", "--image-size", "four"], "expected HEIGHTxWIDTH, as 28x28, got 'four'"),
        (
            ["--arch", "deep", "--dataset", "digits", "--fill", "0"],
            "fill for a file of one's own alone, got it for digits",
        ),
    ],
)
def test_training_on_a_table_that_cannot_be(of_table, capsys, options, part):
    folder, _, _ = of_table
    given = [] if "--dataset" in options else ["--dataset", folder / "x.csv"]
    refused(capsys, "train", *given, *options, "--out", folder / "run", parts=[part])
    assert not (folder / "run" / "model.npz").exists()


# --- bad usage


@pytest.mark.parametrize("word", ["encode", "reconstruct"])
@pytest.mark.parametrize(
    "content, part",
    [
        ("", "expected a file with samples, got an empty one"),
        ("a,b\n", "got a header and nothing below it"),
        ("mass,charge,size,age\n1,2,3\n", "4 cells in every row, as in the first, got 3 in row 1 (line 2)"),
        ("mass,charge,size,age\n1,2,x,4\n", "a number in row 1 (line 2), column 'size', got 'x'"),
        ("mass,charge,size\n1,2,3\n", "got none called 'age'"),
        ("1,2,3\n4,5,6\n", "rows of 4 numbers, as the model was trained on, got rows of 3 numbers"),
    ],
)
def test_bad_input_leaves_what_was_there(of_table, capsys, word, content, part):
    folder, _, _ = of_table
    (folder / "bad.csv").write_text(content)
    (folder / "out.npy").write_text("kept")
    before = sorted(os.listdir(folder))
    refused(capsys, word, folder / "model.npz", folder / "bad.csv", "--out", folder / "out.npy", parts=[part])
    assert (folder / "out.npy").read_text() == "kept" and sorted(os.listdir(folder)) == before


def test_what_is_no_model_or_no_file(of_images, capsys):
    folder, model = of_images
    (folder / "text.npz").write_text("no model")
    save(model.encoder, folder / "encoder.npz")
    save(model, folder / "by_hand.npz", preprocessing="divide by 255")
    for path, part in (
        (folder / "none.npz", "expected a model file, got"),
        (folder / "text.npz", "(it is no .npz file)"),
        (folder / "encoder.npz", "expected an autoencoder in"),
        (folder / "by_hand.npz", "expected a model with a Preparation in its file, got one with 'divide by 255'"),
    ):
        refused(capsys, "encode", path, folder / "x.npy", "--out", folder / "out.npy", parts=[part])
    refused(
        capsys, "encode", folder / "model.npz", folder / "none.npy", "--out", folder / "o.npy", parts=["no such file"]
    )
    assert not (folder / "out.npy").exists()


@pytest.mark.parametrize(
    "out, part",
    [
        ("x.npy", "expected another file for the result than"),
        ("model.npz", "a name that ends in .npy, .csv or .tsv, or a folder for pictures, got '.npz'"),
        ("none/codes.npy", "an existing folder to write to"),
        ("codes", "expected --out to end in .npy, .csv or .tsv for codes, got"),
    ],
)
def test_results_that_cannot_be_written(of_images, capsys, out, part):
    folder, _ = of_images
    before = {name: (folder / name).read_bytes() for name in os.listdir(folder)}
    refused(capsys, "encode", folder / "model.npz", folder / "x.npy", "--out", folder / out, parts=[part])
    assert {name: (folder / name).read_bytes() for name in os.listdir(folder)} == before


def test_other_files_that_do_not_fit(of_images, of_table, capsys):
    folder, *_ = of_table
    refused(capsys, "reconstruct", folder / "model.npz", folder / "x.csv", "--out", folder / "pictures",
            parts=["expected --out to end in .npy, .csv or .tsv for rows, got"])  # fmt: skip
    refused(capsys, "reconstruct", folder / "model.npz", folder / "x.csv", "--out", folder / "a.csv", "--errors",
            folder / "a.csv", parts=["another file for --errors than for --out"])  # fmt: skip
    refused(capsys, "decode", folder / "model.npz", folder / "x.csv", "--out", folder / "a.csv",
            parts=["the columns the model was trained on (code_1, code_2), got none called 'code_1'"])  # fmt: skip
    refused(capsys, "decode", folder / "model.npz", folder / "x.npy", "--out", folder / "a.csv",
            parts=["codes of 2 numbers each, as floats, got images of 30 numbers each, uint8"])  # fmt: skip


def test_an_interrupted_command_leaves_no_file(of_images, capsys, monkeypatch):
    folder, _ = of_images
    (folder / "codes.npy").write_text("kept")
    before = sorted(os.listdir(folder))

    def interrupt(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(Autoencoder, "encode", interrupt)
    code, out, err = command(capsys, "encode", folder / "model.npz", folder / "x.npy", "--out", folder / "codes.npy")
    assert (code, out, err) == (130, "", "tinyae: error: interrupted\n")
    assert sorted(os.listdir(folder)) == before and (folder / "codes.npy").read_text() == "kept"
