"""CIFAR-10: made archives in the official formats, pickles that must not be trusted, parts under their own names."""

import io
import pickle
import struct
import tarfile
from pathlib import Path

import numpy as np
import pytest
from conftest import DATA_DIR
from numpy.testing import assert_array_equal

from tinyae import UsageError, datasets
from tinyae.datasets import DownloadError, cifar10, load, load_cifar10, store

ROWS = 6  # images in each batch of the made archives
NAMES = [*cifar10.BATCHES]


@pytest.fixture(autouse=True)
def small_and_alone(tmp_path, monkeypatch):
    """Archives of a few images, an empty cache, no environment variable, no network."""
    monkeypatch.setattr(cifar10, "PER_BATCH", ROWS)
    monkeypatch.setattr(cifar10, "IN_PART", 4)
    monkeypatch.setattr(cifar10, "TEST_OF_PART", 1)
    monkeypatch.delenv(store.ENV, raising=False)
    monkeypatch.setattr(store, "cache_dir", lambda: tmp_path / "cache")

    def no_network(*_):
        raise DownloadError("the network is off")

    monkeypatch.setattr(store, "download", no_network)


def images_and_labels(seed=0, n=ROWS):
    rng = np.random.default_rng(seed)
    return rng.integers(0, 256, (n, 32, 32, 3), np.uint8), rng.integers(0, 10, n).astype(np.uint8)


def planes(images):
    """A row an image: all red bytes, all green ones, all blue ones."""
    return b"".join(image[:, :, c].tobytes() for image in images for c in range(3))


def python2_pickle(images, labels, *, dtype=b"u1", shape=None, fortran=False, module="numpy.core.multiarray"):
    """A batch as Python 2's cPickle wrote it (protocol 2), opcode by opcode."""

    def text(value):  # SHORT_BINSTRING
        return b"U" + bytes([len(value)]) + value

    def number(value):
        return b"J" + struct.pack("<i", value)

    raw = planes(images)
    n, width = shape or (len(images), 3072)
    build = f"c{module}\n_reconstruct\n".encode() + b"cnumpy\nndarray\n" + number(0) + b"\x85" + text(b"b") + b"\x87R"
    kind = b"cnumpy\ndtype\n" + text(dtype) + number(0) + number(1) + b"\x87R"
    kind += b"(" + number(3) + text(b"|") + b"NNN" + number(-1) + number(-1) + number(0) + b"tb"
    state = b"(" + number(1) + number(n) + number(width) + b"\x86" + kind + (b"\x88" if fortran else b"\x89")
    data = build + state + b"T" + struct.pack("<i", len(raw)) + raw + b"tb"
    listed = b"](" + b"".join(number(int(k)) for k in labels) + b"e"
    items = text(b"batch_label") + text(b"training batch 1 of 5") + text(b"labels") + listed + text(b"data") + data
    return b"\x80\x02}(" + items + text(b"filenames") + b"](" + text(b"a.png") + b"e" + b"u."


def binary_rows(images, labels):
    return b"".join(bytes([k]) + planes([image]) for image, k in zip(images, labels, strict=True))


def write_archive(path, contents, folder="cifar-10-batches-py", mode="w:gz"):
    path.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(path, mode) as archive:
        for name, content in contents.items():
            member = tarfile.TarInfo(f"{folder}/{name}")
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return path


def python_archive(root, **replaced):
    """The Python archive, its members in another order than their numbers, as in the official one."""
    contents = {name: python2_pickle(*images_and_labels(k)) for k, name in enumerate(NAMES)} | replaced
    shuffled = {name: contents[name] for name in sorted(contents, key=lambda name: name[::-1])}
    shuffled["batches.meta"] = b"not read"
    return write_archive(root / "cifar10" / cifar10.ARCHIVE, shuffled)


def binary_archive(root, **replaced):
    contents = {f"{name}.bin": binary_rows(*images_and_labels(k)) for k, name in enumerate(NAMES)} | replaced
    shuffled = {name: contents[name] for name in sorted(contents, key=lambda name: name[::-1])}
    return write_archive(root / "cifar10" / cifar10.BINARY, shuffled, "cifar-10-batches-bin")


def part_file(root, n=4, **replaced):
    images, labels = images_and_labels(0)
    arrays = {"images": images[:n], "labels": labels[:n], "class_names": np.array(cifar10.CLASS_NAMES)} | replaced
    (root / "cifar10").mkdir(parents=True, exist_ok=True)
    np.savez(root / "cifar10" / cifar10.LOSSLESS, **arrays)


def assert_whole(data):
    assert data.name == "cifar10" and data.image_shape == (32, 32, 3) and len(data.class_names) == 10
    pairs = [images_and_labels(k) for k in range(6)]
    want = np.concatenate([images for images, _ in pairs]).reshape(-1, 3072) / np.float32(255)
    assert data.x_train.dtype == np.float32 and data.y_train.dtype == np.int64
    assert_array_equal(np.concatenate([data.x_train, data.x_test]), want)
    assert_array_equal(np.concatenate([data.y_train, data.y_test]), np.concatenate([labels for _, labels in pairs]))
    assert len(data.x_test) == ROWS


# --- the official archives


def test_the_made_pickle_is_one_that_numpy_reads():
    images, labels = images_and_labels(3)
    batch = pickle.loads(python2_pickle(images, labels, module="numpy._core.multiarray"), encoding="bytes")
    assert batch[b"labels"] == labels.tolist()
    assert_array_equal(batch[b"data"].reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1), images)


def test_python_archive(tmp_path):
    python_archive(tmp_path)
    assert_whole(load_cifar10(tmp_path))
    assert_whole(load("cifar10", data_dir=tmp_path))


def test_binary_archive(tmp_path):
    binary_archive(tmp_path)
    assert_whole(load_cifar10(tmp_path))


def test_unpacked(tmp_path):
    with tarfile.open(python_archive(tmp_path)) as archive:
        for member in archive.getmembers():  # extractall's `filter` is missing in the first 3.11
            if member.isfile():
                target = tmp_path / "cifar10" / member.name
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(archive.extractfile(member).read())
    (tmp_path / "cifar10" / cifar10.ARCHIVE).unlink()
    assert_whole(load_cifar10(tmp_path))


def test_limit(tmp_path):
    python_archive(tmp_path)
    data = load_cifar10(tmp_path, limit=8)
    assert len(data.x_train) == len(data.y_train) == 8 and len(data.x_test) == ROWS
    assert_array_equal(data.x_train, load_cifar10(tmp_path).x_train[:8])
    for bad in (0, 2.5, "3"):
        with pytest.raises(UsageError, match="limit to be a whole number >= 1"):
            load_cifar10(tmp_path, limit=bad)


class Wicked:
    def __init__(self, function, *arguments):
        self.how = function, arguments

    def __reduce__(self):
        return self.how


def made_up(batch):
    """A pickle of today's Python in place of a batch."""
    return pickle.dumps(batch, protocol=2)


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_a_pickle_runs_nothing(tmp_path, protocol):
    """Read by pickle.loads this one makes a file; here it is one line, and no file."""
    mark = tmp_path / "ran"
    bomb = pickle.dumps({b"data": Wicked(Path.touch, mark), b"labels": [1]}, protocol=protocol)
    pickle.loads(bomb)
    assert mark.exists()
    mark.unlink()
    python_archive(tmp_path, data_batch_3=bomb)
    with pytest.raises(UsageError, match=r"pixels and labels in data_batch_3, got something else \(it asks for "):
        load_cifar10(tmp_path)
    assert not mark.exists()


@pytest.mark.parametrize(
    "wanted", ["os system", "builtins eval", "builtins getattr", "numpy load", "numpy._core.multiarray _reconstruct"]
)
def test_no_other_name_is_looked_up(tmp_path, wanted):
    module, name = wanted.split()
    python_archive(tmp_path, test_batch=f"c{module}\n{name}\n.".encode())
    with pytest.raises(UsageError, match=rf"it asks for {module}\.{name}, which no file of CIFAR-10 does"):
        load_cifar10(tmp_path)


def test_known_names_build_nothing(tmp_path, monkeypatch):
    """Not even NumPy's own functions are called with what a pickle says."""
    monkeypatch.setattr(np, "dtype", lambda *_: pytest.fail("dtype called"))
    batch = cifar10._Unpickler(io.BytesIO(python2_pickle(*images_and_labels())), encoding="bytes").load()
    assert type(batch[b"data"]) is cifar10._StandIn


IMAGES, LABELS = images_and_labels()


@pytest.mark.parametrize(
    "content, message",
    [
        pytest.param(b"", r"something else \(Ran out of input\); fetch the archive again", id="empty"),
        pytest.param(b"no pickle", "got something else", id="text"),
        pytest.param(python2_pickle(IMAGES, LABELS)[:-4000], "got something else", id="short"),
        pytest.param(b"\x80\x02]q\x01.", "got something else", id="a-list"),
        pytest.param(made_up({"data": 1, "labels": []}), "got something else", id="text-keys"),
        pytest.param(b"\x80\x02}(U\x04dataK\x01U\x06labels]u.", "got something else", id="no-array"),
        pytest.param(b"\x80\x02}(U\x04datacnumpy\nndarray\nU\x06labels]u.", "got something else", id="a-class"),
        pytest.param(python2_pickle(IMAGES, LABELS, dtype=b"O8"), "the pixels are no bytes in rows", id="objects"),
        pytest.param(python2_pickle(IMAGES, LABELS, fortran=True), "the pixels are no bytes in rows", id="columns"),
        pytest.param(python2_pickle(IMAGES, LABELS, shape=(6, 3073)), "cannot reshape", id="shape"),
        pytest.param(python2_pickle(IMAGES, LABELS, shape=(12, 1536)), "6 images and labels in .*12, 1536", id="wide"),
        pytest.param(python2_pickle(IMAGES, LABELS[:5]), r"expected 6 images and labels in .*and 5 labels", id="few"),
        pytest.param(python2_pickle(IMAGES[:3], LABELS[:3]), "expected 6 images and labels in", id="part"),
        pytest.param(python2_pickle(IMAGES, LABELS + 9), "labels from 0 to 9 in data_batch_2", id="labels"),
        pytest.param(python2_pickle(IMAGES, LABELS - 10), "labels from 0 to 9 in data_batch_2", id="bytes-below"),
    ],
)
def test_damaged_batches(tmp_path, content, message):
    path = python_archive(tmp_path, data_batch_2=content)
    with pytest.raises(UsageError, match=message) as caught:
        load_cifar10(tmp_path)
    assert str(caught.value).startswith(f"load_cifar10: {path}: expected ") and "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "content, message",
    [
        (binary_rows(IMAGES, LABELS)[:-1], f"rows of 3073 bytes in test_batch, got {6 * 3073 - 1} bytes"),
        (binary_rows(IMAGES[:2], LABELS[:2]), r"6 images and labels in test_batch, got \(2, 3072\)"),
        (binary_rows(IMAGES, LABELS + 9), "labels from 0 to 9 in test_batch"),
        (b"", "6 images and labels in test_batch"),
    ],
)
def test_damaged_binary_batches(tmp_path, content, message):
    binary_archive(tmp_path, **{"test_batch.bin": content})
    with pytest.raises(UsageError, match=message):
        load_cifar10(tmp_path)


def test_damaged_archives(tmp_path):
    path = python_archive(tmp_path)
    path.write_bytes(path.read_bytes()[:-2000])
    with pytest.raises(UsageError, match=r"expected a whole archive, got .*delete it and fetch it again"):
        load_cifar10(tmp_path)
    path.unlink()
    write_archive(path, {"data_batch_1": python2_pickle(IMAGES, LABELS)})
    with pytest.raises(UsageError, match=r"expected data_batch_2, .*test_batch in .*got an archive without it"):
        load_cifar10(tmp_path)


def test_nowhere(tmp_path):
    with pytest.raises(
        DownloadError, match=r"cifar10/cifar-10-python.tar.gz is not on disk and could not be downloaded"
    ):
        load_cifar10()
    with pytest.raises(DownloadError, match="downloading was switched off"):
        load_cifar10(download=False)
    with pytest.raises(UsageError, match=r"expected the file .*cifar-10-python.tar.gz, got a folder without it"):
        load_cifar10(tmp_path)
    for part, name in (("lossless", "cifar10_train4000.npz"), ("jpeg", "cifar10_jpeg_6000_2000.npz")):
        with pytest.raises(UsageError, match=rf"expected cifar10/{name} in the data folder, got no such file; nobody"):
            load_cifar10(tmp_path, part=part)
    with pytest.raises(UsageError, match=r"part to be one of lossless, jpeg, got 'jpg' .did you mean 'jpeg'"):
        load_cifar10(tmp_path, part="jpg")


# --- the parts


def assert_part(data):
    assert data.name == "cifar10-part" and len(data.x_train) == 3 and len(data.x_test) == 1
    images, labels = images_and_labels(0)
    order = np.random.default_rng(0).permutation(4)
    rows = images[:4][order].reshape(4, -1) / np.float32(255)
    assert_array_equal(np.concatenate([data.x_train, data.x_test]), rows)
    assert_array_equal(np.concatenate([data.y_train, data.y_test]), labels[:4][order])


def test_a_part_says_so(tmp_path, capsys):
    part_file(tmp_path)
    assert_part(load("cifar10", data_dir=tmp_path))
    assert "cifar10: no official archive on disk; using 4 of its images" in capsys.readouterr().err
    assert_part(load("cifar10-part", data_dir=tmp_path))
    assert capsys.readouterr().err == ""


def test_the_whole_goes_before_the_part(tmp_path, capsys):
    part_file(tmp_path)
    python_archive(tmp_path)
    assert_whole(load("cifar10", data_dir=tmp_path))
    assert_part(load("cifar10-part", data_dir=tmp_path))
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("archive", [python_archive, binary_archive])
def test_the_part_comes_out_of_the_archive(tmp_path, archive):
    archive(tmp_path)
    assert_part(load_cifar10(tmp_path, part="lossless"))


@pytest.mark.parametrize(
    "replaced, message",
    [
        ({"images": IMAGES[:3], "labels": LABELS[:3]}, "expected 4 images, got 3"),
        ({"images": IMAGES[:4].astype(float)}, r"images of shape \(N, 32, 32, 3\) and type uint8, got .* of float64"),
        ({"images": IMAGES[:4, :31]}, r"images of shape \(N, 32, 32, 3\) and type uint8, got \(4, 31, 32, 3\)"),
        ({"labels": LABELS[:3]}, r"4 whole numbers as labels, got shape \(3,\)"),
        ({"labels": LABELS[:4] / 2}, "4 whole numbers as labels, got .* float64"),
        ({"labels": np.array([0, 1, 2, 10])}, "labels from 0 to 9, got 0 to 10"),
        ({"images": np.array([{"a": 1}], dtype=object)}, "expected a whole npz file"),
    ],
)
def test_damaged_parts(tmp_path, replaced, message):
    part_file(tmp_path, **replaced)
    with pytest.raises(UsageError, match=message):
        load_cifar10(tmp_path)


def test_jpeg_part(tmp_path):
    arrays = dict(zip(("train_images", "train_labels"), images_and_labels(1), strict=True))
    arrays |= dict(zip(("test_images", "test_labels"), images_and_labels(2, n=2), strict=True))
    (tmp_path / "cifar10").mkdir()
    path = tmp_path / "cifar10" / cifar10.JPEG
    np.savez(path, **arrays)
    data = load("cifar10-jpeg", data_dir=tmp_path, limit=5)
    assert data.name == "cifar10-jpeg" and len(data.x_train) == 5 and len(data.x_test) == 2
    assert_array_equal(data.x_test, arrays["test_images"].reshape(2, -1) / np.float32(255))
    del arrays["test_labels"]
    np.savez(path, **arrays)
    with pytest.raises(UsageError, match=r"expected a whole npz file.*test_labels"):
        load_cifar10(tmp_path, part="jpeg")


# --- the true files


@pytest.mark.realdata
def test_the_part_on_disk(monkeypatch):
    monkeypatch.undo()
    data = load("cifar10-part", data_dir=DATA_DIR)
    assert (len(data.x_train), len(data.x_test)) == (3500, 500)
    with np.load(Path(DATA_DIR) / "cifar10" / cifar10.LOSSLESS) as file:
        assert file["labels"][:10].tolist() == [6, 9, 9, 4, 1, 1, 2, 7, 8, 3]
        assert tuple(file["class_names"]) == datasets.load("cifar10", data_dir=DATA_DIR).class_names
        everything = np.sort(np.concatenate([data.x_train, data.x_test]).sum(axis=1))
        np.testing.assert_allclose(everything, np.sort((file["images"] / 255.0).sum(axis=(1, 2, 3))), rtol=1e-5)
    jpeg = load("cifar10-jpeg", data_dir=DATA_DIR)
    assert (len(jpeg.x_train), len(jpeg.x_test)) == (6000, 2000)
    assert np.bincount(jpeg.y_test).tolist() == [200] * 10
