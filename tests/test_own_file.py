"""A user's own file as a data set: `load(path)`, the part held out, what cannot be used."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from tinyae.checks import UsageError
from tinyae.datasets import load, load_file, load_images_file
from tinyae.samples import LazyRows, arrays, write_samples


def saved(folder, array, name="images.npy"):
    np.save(folder / name, array, allow_pickle=True)
    return folder / name


RNG = np.random.default_rng(0)
BYTES = RNG.integers(0, 256, (23, 4, 5), np.uint8)


@pytest.mark.parametrize(
    "array, shape",
    [
        pytest.param(BYTES, (4, 5, 1), id="grey"),
        pytest.param(np.asfortranarray(BYTES), (4, 5, 1), id="fortran"),
        pytest.param(RNG.integers(0, 256, (20, 3, 4, 3), np.uint8), (3, 4, 3), id="colour"),
        pytest.param(RNG.integers(0, 256, (20, 3, 4, 1), np.uint8), (3, 4, 1), id="one-channel"),
        pytest.param(RNG.integers(0, 256, (30, 7), np.uint8), (1, 7, 1), id="rows"),
        pytest.param(RNG.uniform(size=(10, 4, 5)), (4, 5, 1), id="float64"),
        pytest.param(RNG.uniform(size=(12, 4, 5)).astype(">f4"), (4, 5, 1), id="big-endian"),
        pytest.param(RNG.uniform(size=(12, 4, 5)).astype(np.float16), (4, 5, 1), id="float16"),
        pytest.param(RNG.uniform(size=(12, 4, 5)) > 0.5, (4, 5, 1), id="bool"),
        pytest.param(RNG.uniform(size=(12, 1, 1)), (1, 1, 1), id="one-pixel"),
    ],
)
def test_every_image_of_a_file_is_in_one_part(tmp_path, array, shape):
    d = load(str(saved(tmp_path, array)), seed=1)
    assert d.name == "images.npy" and d.image_shape == shape and d.class_names == ("image",)
    n_test = round(0.1 * len(array))
    assert (len(d.x_test), len(d.x_train)) == (n_test, len(array) - n_test)
    assert d.x_train.dtype == d.x_test.dtype == np.float32 and d.y_train.dtype == np.int64
    whole = array.reshape(len(array), -1).astype(np.float32)
    whole /= 255 if array.dtype == np.uint8 else 1
    both = np.concatenate([d.x_train, d.x_test])
    assert_array_equal(both[np.lexsort(both.T)], whole[np.lexsort(whole.T)])
    assert 0 <= both.min() and both.max() <= 1


def test_the_seed_draws_the_test_part(tmp_path):
    path = saved(tmp_path, BYTES)
    one, two, other = (load_images_file(path, seed=seed) for seed in (0, 0, 1))
    assert_array_equal(one.x_train, two.x_train)
    assert_array_equal(one.x_test, two.x_test)
    assert set(map(bytes, one.x_test)) != set(map(bytes, other.x_test))
    few = load_images_file(path, limit=5)
    assert len(few.x_train) == 5 and set(map(bytes, few.x_train)) < set(map(bytes, one.x_train))
    assert_array_equal(few.x_test, one.x_test)
    whole = BYTES.reshape(23, -1).astype(np.float32) / np.float32(255)
    places = [int(np.flatnonzero((whole == row).all(axis=1))[0]) for row in one.x_train]
    assert places == sorted(places)  # in the order of the file, which fit shuffles


FLOATS = RNG.uniform(size=(20, 4, 5))


def with_value(value, dtype=np.float64):
    array = FLOATS.astype(dtype)
    array[7, 1, 2] = value
    return array


@pytest.mark.parametrize(
    "array, message",
    [
        pytest.param(with_value(np.nan), "finite numbers, got NaN or infinity in image 7; remove or fill", id="nan"),
        pytest.param(with_value(-np.inf), "finite numbers, got NaN or infinity in image 7", id="inf"),
        pytest.param(with_value(255.0), r"in \[0, 1\], got values from 0.0\d+ to 255; divide by 255", id="0-to-255"),
        pytest.param(with_value(-1.0), r"got values from -1 to 0.99\d+; save \(x \+ 1\) / 2", id="minus-one"),
        pytest.param(with_value(-300.0), r"got values from -300 to 0.99\d+; save \(x - x.min\(\)\) / ", id="wide"),
        pytest.param(with_value(1.0000001), r"got values from 0.0\d+ to 1\.0000001; divide", id="just-above"),
        pytest.param(BYTES.astype(np.int64), r"boolean or floats in \[0, 1\], got int64; save x.astype\(np", id="int"),
        pytest.param(BYTES.astype(np.uint16), r"got uint16; save x.astype", id="uint16"),
        pytest.param(BYTES % 2, r"expected uint8 from 0 to 255, got only 0 and 1.* save x.astype\(bool\)", id="binary"),
        pytest.param(FLOATS.astype(complex), "got complex128; save an array of numbers", id="complex"),
        pytest.param(np.full((20, 4), "a"), "got <U1; save an array of numbers", id="text"),
        pytest.param(np.array([[None] * 3] * 20), "one whole array of numbers, got .*[Oo]bject.*np.save", id="object"),
        pytest.param(np.zeros((20, 3, 8, 8), np.uint8), r"last, .*\(20, 3, 8, 8\); save x.transp", id="first"),
        pytest.param(np.float32(0.5), r"or rows \(N, D\), got an array of shape \(\)", id="number"),
        pytest.param(FLOATS.ravel(), r"or rows \(N, D\), got an array of shape \(400,\)", id="vector"),
        pytest.param(FLOATS[None, None], r"got an array of shape \(1, 1, 20, 4, 5\)", id="five-axes"),
        pytest.param(FLOATS[:5], "at least 10 images, one of them for testing, got 5", id="few"),
        pytest.param(FLOATS[:0], "expected", id="none"),
        pytest.param(FLOATS[:, :0], "expected", id="no-pixels"),
    ],
)  # fmt: skip
def test_images_that_cannot_be_used(tmp_path, array, message):
    path = saved(tmp_path, array)
    with pytest.raises(UsageError, match=message) as caught:
        load_images_file(path)
    assert str(caught.value).startswith(f"load: {path}: expected ") and "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "change, message",
    [
        pytest.param(lambda b: b"", "expected a file with samples, got an empty one", id="empty"),
        pytest.param(lambda b: b"\x89PNG" + b, "got something else", id="other"),
        pytest.param(lambda b: b"\x80\x04" + b, "got something else; write the samples with np.save", id="pickle"),
        pytest.param(lambda b: b[:-1], "expected one whole array of numbers, got a file NumPy cannot map", id="short"),
        pytest.param(lambda b: b[:60], "expected one whole array of numbers", id="half-header"),
        pytest.param(lambda b: b[:6], "expected one whole array of numbers", id="magic-alone"),
        pytest.param(lambda b: b.replace(b"'shape'", b"'sharp'"), "expected one whole array of numbers", id="header"),
        pytest.param(lambda b: b.replace(b"(23,", b"(-3,"), "expected", id="negative"),
        pytest.param(lambda b: b.replace(b"(23, 4, 5), }" + 9 * b" ", b"(9999999999, 4, 5), }"), "expected", id="huge"),
        pytest.param(lambda b: b[:6] + b"\x09" + b[7:], "expected one whole array of numbers", id="version"),
    ],
)
def test_damaged_files_of_images(tmp_path, change, message):
    path = saved(tmp_path, BYTES)
    path.write_bytes(change(path.read_bytes()))
    with pytest.raises(UsageError, match=message) as caught:
        load(path)
    assert str(caught.value).startswith(f"load: {path}: expected ") and "\n" not in str(caught.value)


@settings(deadline=None, max_examples=80)
@given(place=st.integers(6, 127), byte=st.integers(0, 255))
def test_a_wrong_byte_in_the_header_never_ends_in_a_stack_trace(tmp_path_factory, place, byte):
    path = saved(tmp_path_factory.getbasetemp(), BYTES)
    content = bytearray(path.read_bytes())
    content[place] = byte
    path.write_bytes(content)
    try:
        assert load_images_file(path).x_train.max() <= 1
    except UsageError as error:
        assert "\n" not in str(error)


def test_paths_that_are_no_file(tmp_path):
    with pytest.raises(UsageError, match=r"nowhere.npy: expected a file or folder, got no such file; check the path"):
        load(tmp_path / "nowhere.npy")
    with pytest.raises(
        UsageError, match=r"expected pictures \(.png, .jpg, .jpeg\), or folders of them, got a folder wi"
    ):
        load(tmp_path)
    np.savez(tmp_path / "images.npz", BYTES, BYTES)
    with pytest.raises(UsageError, match=r"expected one array, got 2 \(arr_0, arr_1\); name one: .*images.npz:arr_0"):
        load(tmp_path / "images.npz")
    with pytest.raises(UsageError, match=r"expected fill for a file of one's own alone, got it for digits"):
        load("digits", fill=0)


# --- tables


def measured(n=60, seed=0):
    x = np.random.default_rng(seed).normal([5, -300, 0.001], [2, 40, 0.0001], (n, 3))
    return x, np.arange(n) % 3


def table(folder, x, names="abc", extra=None, name="table.csv"):
    """A .csv with the columns x (N, D) and, last, the text or numbers `extra`."""
    header = [*names, *(["kind"] if extra is not None else [])]
    rows = [
        [f"{v!r}" for v in row] + ([str(extra[i])] if extra is not None else []) for i, row in enumerate(x.tolist())
    ]
    (folder / name).write_text("\n".join(",".join(row) for row in [header, *rows]) + "\n")
    return folder / name


def test_a_table_is_standardised_by_its_training_rows(tmp_path):
    x, y = measured()
    data = load(table(tmp_path, x, extra=y), label="kind", seed=2)
    assert data.image_shape == (1, 3, 1) and data.class_names == ("0", "1", "2")
    assert data.preparation.scale == "standard" and data.preparation.names == ("a", "b", "c")
    assert_allclose(data.x_train.mean(axis=0, dtype=np.float64), 0, atol=1e-6)
    assert_allclose(data.x_train.std(axis=0, dtype=np.float64), 1, rtol=1e-6)
    assert np.abs(data.x_test.mean(axis=0)).max() > 1e-3
    back = data.preparation.undo(np.concatenate([data.x_train, data.x_test]))
    labels = np.concatenate([data.y_train, data.y_test])
    order = np.random.default_rng(2).permutation(60)
    rows = np.concatenate([np.sort(order[6:]), np.sort(order[:6])])
    assert_allclose(back, x[rows], rtol=1e-6)
    assert_array_equal(labels, y[rows])


def test_the_scale_can_be_chosen(tmp_path):
    x, _ = measured()
    data = load(table(tmp_path, x), scale="minmax")
    assert data.preparation.scale == "minmax" and data.x_train.min() == 0 and data.x_train.max() == 1
    with pytest.raises(UsageError, match=r"load: .*table.csv: expected floats in \[0, 1\], got values from -3"):
        load(table(tmp_path, x), scale="unit")


def test_the_largest_number_may_be_held_out(tmp_path):
    x = np.random.default_rng(0).uniform(size=(40, 3))
    held_out = np.random.default_rng(0).permutation(40)[0]
    x[held_out, 1] = 7.0
    data = load(table(tmp_path, x))
    assert data.preparation.scale == "standard" and data.x_test[:, 1].max() > 5


def test_constant_columns_are_told(tmp_path):
    x, _ = measured()
    x[:, 1] = 4.5
    data = load(table(tmp_path, x))
    assert data.preparation.remarks == [
        "column 'b' with one value in all rows: kept, as 0 for the net, which learns nothing from it"
    ]
    assert (data.x_train[:, 1] == 0).all() and (data.preparation.undo(data.x_train)[:, 1] == 4.5).all()
    x[:] = 4.5
    with pytest.raises(UsageError, match="expected columns that vary, got 3 columns with one value in all rows"):
        load(table(tmp_path, x))


# --- read in pieces


@pytest.mark.parametrize("array", [BYTES, FLOATS, 100 * FLOATS.reshape(20, -1) - 7], ids=["bytes", "images", "table"])
def test_a_large_file_gives_the_same_rows(tmp_path, monkeypatch, array):
    path = saved(tmp_path, array.astype(np.float32) if array.dtype == float else array)
    whole = load(path, seed=1)
    monkeypatch.setattr(arrays, "STREAM_FROM", 0)
    monkeypatch.setattr("tinyae.datasets.own_file.STREAM_FROM", 0)
    lazy = load(path, seed=1)
    assert isinstance(lazy.x_train, LazyRows) and isinstance(lazy.x_test, LazyRows)
    assert lazy.preparation.to_json() == whole.preparation.to_json()
    for part in ("x_train", "x_test"):
        assert_array_equal(getattr(lazy, part)[:], getattr(whole, part))


def test_a_part_of_a_large_file_comes_into_memory(tmp_path, monkeypatch):
    path = saved(tmp_path, np.random.default_rng(0).integers(0, 256, (500, 20), np.uint8))
    monkeypatch.setattr(arrays, "STREAM_FROM", 0)
    monkeypatch.setattr("tinyae.datasets.own_file.STREAM_FROM", 4 * 20 * 100)
    data = load(path, limit=80)
    assert isinstance(data.x_train, np.ndarray) and len(data.x_train) == 80
    assert isinstance(load(path, limit=101).x_train, LazyRows)


def test_a_bad_number_far_into_a_large_file_is_named_by_its_place(tmp_path, monkeypatch):
    x = np.random.default_rng(0).uniform(size=(300, 4)).astype(np.float32)
    x[217, 2] = np.nan
    monkeypatch.setattr(arrays, "STREAM_FROM", 0)
    for seed in range(3):
        with pytest.raises(UsageError, match="expected finite numbers, got NaN or infinity in row 218; remove or fill"):
            load(saved(tmp_path, x), seed=seed)


# --- pictures


def test_a_folder_of_classes(tmp_path):
    for name, images in (("cat", BYTES[:12]), ("dog", BYTES[12:])):
        write_samples(tmp_path / name, images[..., None])
    data = load(tmp_path)
    assert data.image_shape == (4, 5, 1) and data.class_names == ("cat", "dog")
    assert np.bincount(np.concatenate([data.y_train, data.y_test])).tolist() == [12, 11]
    assert load_images_file is load_file
