"""ECG5000: the text files of the archive, the one .npz, and what is refused. No test leaves this machine."""

import os
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from tinyae.checks import UsageError
from tinyae.datasets import DownloadError, ecg5000, store
from tinyae.datasets.ecg5000 import load_ecg5000

REAL = os.environ.get(store.ENV, "")  # read before the fixture hides it


@pytest.fixture(autouse=True)
def no_data_of_the_user(tmp_path, monkeypatch):
    monkeypatch.delenv(store.ENV, raising=False)
    monkeypatch.setattr(store, "cache_dir", lambda: tmp_path / "cache")


@pytest.fixture
def few(monkeypatch):
    """Text files with a tenth of the beats: they are read in no time."""
    monkeypatch.setattr(ecg5000, "COUNTS", {"train": (29, 17, 1, 2, 1), "test": (260, 160, 8, 18, 2)})


def beats(n, seed):
    x = np.random.default_rng(seed).normal(size=(n, ecg5000.LENGTH))
    return (x - x.mean(axis=1, keepdims=True)) / x.std(axis=1, keepdims=True)


def parts():
    """(beats, classes from 1) of both parts, with the published numbers of each class."""
    return [(beats(sum(c), i), np.repeat(np.arange(1, 6), c)) for i, c in enumerate(ecg5000.COUNTS.values())]


def write_texts(folder, change=lambda table: table, separator=" "):
    folder.mkdir(parents=True)
    for name, (x, y) in zip((ecg5000.TRAIN, ecg5000.TEST), parts(), strict=True):
        np.savetxt(folder / name, change(np.column_stack([y, x])), "%.6f", delimiter=separator)


def write_one(folder, **change):
    (x, y), (x_test, y_test) = parts()
    arrays = {"train": x, "train_labels": y, "test": x_test, "test_anomaly": y_test != 1}
    folder.mkdir(parents=True)
    arrays["test_labels"] = np.where(y_test == 1, 1, 0)
    np.savez(folder / ecg5000.ONE_FILE, **(arrays | change))


@pytest.mark.parametrize("separator", [" ", ","])
def test_text_files(separator, few, tmp_path):
    write_texts(tmp_path / "ecg5000", separator=separator)
    data = load_ecg5000(tmp_path, download=False)
    (x, y), (x_test, y_test) = parts()
    assert data.x_train.dtype == np.float32 and data.image_shape == (1, 140, 1)
    np.testing.assert_allclose(data.x_train, x, atol=1e-5)
    np.testing.assert_allclose(data.x_test, x_test, atol=1e-5)
    assert_array_equal(data.y_train, y - 1)
    assert_array_equal(data.y_test, y_test - 1)
    assert len(data.class_names) == 5 and data.class_names[0] == "normal"


def test_one_file_has_a_class_of_unknown_kind(tmp_path):
    write_one(tmp_path / "ecg5000")
    data = load_ecg5000(tmp_path, download=False)
    assert data.class_names[5] == ecg5000.UNKNOWN_CLASS
    assert np.bincount(data.y_test).tolist() == [2627, 0, 0, 0, 0, 1873]
    np.testing.assert_allclose(data.x_test, parts()[1][0], atol=1e-5)


def first_class(value):
    def change(table):
        table[0, 0] = value
        return table

    return change


@pytest.mark.parametrize(
    "change, text",
    [
        (first_class(7), "expected classes from 1 to 5 in the first column, got 7."),
        (first_class(2), "beats of the classes 1 to 5, got"),
        (lambda table: table[:-1], "expected numbers of shape"),
        (lambda table: table[:, :-1], "expected numbers of shape"),
        (lambda table: np.column_stack([table[:, 0], 3 * table[:, 1:]]), "mean 0 and standard deviation 1"),
    ],
)
def test_other_text_files_are_refused(change, text, few, tmp_path):
    write_texts(tmp_path / "ecg5000", change)
    with pytest.raises(UsageError, match="load ecg5000") as caught:
        load_ecg5000(tmp_path, download=False)
    assert text in str(caught.value) and "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "change, text",
    [
        ({"train": np.zeros((3, 140))}, "expected numbers of shape (500, 140), got (3, 140)"),
        ({"test_anomaly": np.zeros(4500)}, "got labels that say otherwise."),
        ({"train_labels": np.full(500, 9)}, "classes from 1 to 5"),
    ],
)
def test_another_one_file_is_refused(change, text, tmp_path):
    write_one(tmp_path / "ecg5000", **change)
    with pytest.raises(UsageError, match="load ecg5000") as caught:
        load_ecg5000(tmp_path, download=False)
    assert text in str(caught.value) and "\n" not in str(caught.value)


def test_damaged_and_missing(tmp_path):
    with pytest.raises((UsageError, DownloadError)) as caught:
        load_ecg5000(download=False)
    assert "ecg5000" in str(caught.value).lower()
    write_one(tmp_path / "ecg5000")
    path = tmp_path / "ecg5000" / ecg5000.ONE_FILE
    path.write_bytes(path.read_bytes()[:1000])
    with pytest.raises(UsageError, match=r"expected a whole \.npz file"):
        load_ecg5000(tmp_path, download=False)


@pytest.mark.realdata
@pytest.mark.skipif(not (Path(REAL) / "ecg5000").is_dir(), reason="no ECG5000 here")
def test_the_real_one():
    data = load_ecg5000(REAL, download=False)
    assert data.x_train.shape == (500, 140) and data.x_test.shape == (4500, 140)
    assert np.bincount(data.y_train).tolist() == [292, 177, 10, 19, 2] and (data.y_test == 0).sum() == 2627
