"""Olivetti faces and the .mat files they come in: made files, damaged files, SciPy as the judge."""

import io
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from conftest import DATA_DIR
from numpy.testing import assert_array_equal

from tinyae import UsageError
from tinyae.datasets import DownloadError, load, load_olivetti, store
from tinyae.datasets.matlab import read_mat

TYPES = {"i1": (8, 1), "u1": (9, 2), "i2": (10, 3), "u2": (11, 4), "i4": (12, 5), "u4": (13, 6), "f4": (7, 7),
         "f8": (6, 9), "i8": (14, 12), "u8": (15, 13)}  # fmt: skip


@pytest.fixture(autouse=True)
def alone(tmp_path, monkeypatch):
    """An empty cache, no environment variable, no network."""
    monkeypatch.delenv(store.ENV, raising=False)
    monkeypatch.setattr(store, "cache_dir", lambda: tmp_path / "cache")

    def no_network(*_):
        raise DownloadError("the network is off")

    monkeypatch.setattr(store, "download", no_network)


def element(kind, data, order="<"):
    return struct.pack(f"{order}II", kind, len(data)) + data + bytes(-len(data) % 8)


def matrix(name, array, order="<", flags=0, stored=None):
    """A matrix element, as MATLAB writes it; `stored`: numbers kept in a smaller type than the matrix has."""
    array = np.asarray(array)
    kind, of_data = TYPES[array.dtype.str[1:]]
    data = array if stored is None else array.astype(stored)
    of_data = of_data if stored is None else TYPES[stored][1]
    content = element(6, struct.pack(f"{order}II", kind | flags, 0), order)
    content += element(5, struct.pack(f"{order}{array.ndim}i", *array.shape), order)
    content += element(1, name.encode(), order)
    content += element(of_data, data.astype(data.dtype.newbyteorder(order)).tobytes(order="F"), order)
    return element(14, content, order)


def mat_file(*elements, order="<"):
    return (
        b"MATLAB 5.0 MAT-file".ljust(124)
        + struct.pack(f"{order}H", 0x0100)
        + (b"IM" if order == "<" else b"MI")
        + (b"".join(elements))
    )


def packed(content):
    content = zlib.compress(content)
    return struct.pack("<II", 15, len(content)) + content  # not filled up


FACES = np.random.default_rng(0).integers(0, 243, (4096, 400)).astype(np.uint8)


def write_faces(root, faces=FACES, name="faces"):
    (root / "olivetti").mkdir(parents=True, exist_ok=True)
    path = root / "olivetti" / "olivettifaces.mat"
    path.write_bytes(mat_file(packed(matrix(name, faces))))
    return path


# --- .mat files


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("kind", TYPES)
def test_every_type_of_numbers(kind, order):
    array = np.arange(24).reshape(2, 3, 4).astype(kind)
    found = read_mat(mat_file(matrix("a", array, order), order=order), "file")["a"]
    assert found.dtype == array.dtype
    assert_array_equal(found, array)


def test_several_packed_and_not():
    a, b, c = np.eye(3), np.arange(5.0)[None], np.zeros((0, 4))
    found = read_mat(mat_file(packed(matrix("a", a)), matrix("long_name_of_b", b), packed(matrix("c", c))), "file")
    assert list(found) == ["a", "long_name_of_b", "c"]
    for name, array in zip(found, (a, b, c), strict=True):
        assert_array_equal(found[name], array)


def test_doubles_kept_as_bytes():
    """MATLAB keeps whole doubles in the smallest type that holds them."""
    array = np.array([[1.0, 200.0], [3.0, 4.0]])
    found = read_mat(mat_file(matrix("a", array, stored="u1")), "file")["a"]
    assert found.dtype == np.float64
    assert_array_equal(found, array)


def test_what_is_no_plain_matrix_is_left_out():
    text = bytearray(matrix("s", np.array([[72, 105]], np.uint16)))
    text[16] = 4  # the class of text
    found = read_mat(
        mat_file(bytes(text), matrix("z", np.ones((1, 1)), flags=0x0800), matrix("a", np.ones((2, 2)))), "f"
    )
    assert list(found) == ["a"]


WHOLE = mat_file(packed(matrix("faces", FACES[:50, :3])))


@pytest.mark.parametrize(
    "content, message",
    [
        (b"", "a MATLAB file of version 5 to 7, got something else"),
        (b"\x89HDF\r\n" + WHOLE[6:], "a MATLAB file of version 5 to 7, got something else"),
        (WHOLE[:-20], "a whole MATLAB file, got a damaged one .* bytes announced"),
        (WHOLE[:130], "a whole MATLAB file, got a damaged one"),
        (WHOLE[:200] + bytes(8) + WHOLE[208:], "a whole MATLAB file, got a damaged one"),
        (mat_file(element(14, b"")), "a whole MATLAB file, got a damaged one"),
        (mat_file(matrix("a", np.eye(3))[:-8]), "a whole MATLAB file, got a damaged one"),
        (mat_file(element(14, matrix("a", np.eye(3))[8:-8])), "a whole MATLAB file, got a damaged one .*64 there"),
    ],
)
def test_damaged_files(content, message):
    with pytest.raises(UsageError, match=rf"read_mat: file: expected {message}"):
        read_mat(content, "file")


@pytest.mark.oracle
@pytest.mark.parametrize("compressed", [False, True])
def test_scipy_writes_what_is_read(rng, compressed):
    scipy_io = pytest.importorskip("scipy.io")
    arrays = {"abc": rng.standard_normal((3, 4)), "d": rng.integers(0, 9, (2, 3, 5)), "e": np.float32([[1, 2]])}
    arrays |= {"s": "text", "z": np.array([[1j]]), "u": np.arange(7, dtype=np.uint8)[None]}
    file = io.BytesIO()
    scipy_io.savemat(file, arrays, do_compression=compressed)
    found = read_mat(file.getvalue(), "file")
    assert set(found) == {"abc", "d", "e", "u"}
    for name, array in found.items():
        assert_array_equal(array, arrays[name])


@pytest.mark.oracle
def test_scipy_reads_what_is_made():
    scipy_io = pytest.importorskip("scipy.io")
    found = scipy_io.loadmat(io.BytesIO(mat_file(packed(matrix("faces", FACES)))))["faces"]
    assert found.dtype == np.uint8
    assert_array_equal(found, FACES)


# --- the faces


def test_faces(tmp_path):
    write_faces(tmp_path)
    data = load("olivetti", data_dir=tmp_path)
    assert data.name == "olivetti" and data.image_shape == (64, 64, 1) and len(data.class_names) == 40
    assert np.bincount(data.y_train).tolist() == [8] * 40 and np.bincount(data.y_test).tolist() == [2] * 40
    x, y = np.concatenate([data.x_train, data.x_test]), np.concatenate([data.y_train, data.y_test])
    # a picture is column j, itself column by column
    where = {FACES[:, j].reshape(64, 64).T.tobytes(): j for j in range(400)}
    found = [where[np.rint(255 * row).astype(np.uint8).tobytes()] for row in x]
    assert sorted(found) == list(range(400))
    assert_array_equal(np.array(found) // 10, y)
    assert (np.diff(data.y_train) < 0).any()  # in a random order
    assert_array_equal(load_olivetti(tmp_path).x_test, data.x_test)


@pytest.mark.parametrize(
    "settings, got",
    [
        ({"name": "people"}, "none"),
        ({"faces": FACES[:, :399]}, r"\(4096, 399\) from 0 to 242"),
        ({"faces": FACES.astype(float) - 1}, r"\(4096, 400\) from -1 to 241"),
        ({"faces": np.where(FACES == 3, np.nan, 1.0)}, "from nan to nan"),
    ],
)
@pytest.mark.slow
def test_another_file(tmp_path, settings, got):
    write_faces(tmp_path, **settings)
    with pytest.raises(UsageError, match=rf"load olivetti: .*mat: expected a matrix faces of .*, got .*{got}\."):
        load_olivetti(tmp_path)


def test_damaged_and_missing(tmp_path):
    path = write_faces(tmp_path)
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(UsageError, match=rf"read_mat: {path}: expected a whole MATLAB file"):
        load_olivetti(tmp_path)
    path.unlink()
    with pytest.raises(UsageError, match=r"expected the file .*olivettifaces\.mat, got a folder without it"):
        load_olivetti(tmp_path)
    with pytest.raises(DownloadError, match="olivettifaces"):
        load_olivetti()


@pytest.mark.realdata
def test_the_true_faces():
    data = load_olivetti(Path(DATA_DIR))
    assert data.x_train.shape == (320, 4096) and data.x_train.max() <= 243 / 255
    smooth = np.abs(np.diff(data.x_train.reshape(-1, 64, 64), axis=1)).mean()
    assert smooth < 0.05  # neighbours are alike, so rows and columns are where they belong
    # a face is nearer to the middle of its own person's than to the others'
    middles = np.stack([data.x_train[data.y_train == k].mean(axis=0) for k in range(40)])
    nearest = np.argmin(((data.x_test[:, None] - middles) ** 2).sum(axis=2), axis=1)
    assert np.mean(nearest == data.y_test) > 0.8
