"""IDX files, finding and fetching, MNIST's four files, doodles, `load`. No test leaves this machine."""

import dataclasses
import gzip
import hashlib
import http.server
import os
import socket
import threading
import time
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_array_equal

import tinyae.datasets as datasets
from tinyae.checks import UsageError
from tinyae.datasets import (
    Dataset,
    DownloadError,
    download,
    load,
    load_fashion_mnist,
    load_mnist,
    mnist,
    read_idx,
    store,
    write_idx,
)

TRAIN_IMAGES = "train-images-idx3-ubyte.gz"
TRAIN_LABELS = "train-labels-idx1-ubyte.gz"
TEST_IMAGES = "t10k-images-idx3-ubyte.gz"
TEST_LABELS = "t10k-labels-idx1-ubyte.gz"


@pytest.fixture(autouse=True)
def empty_cache(tmp_path, monkeypatch):
    """A user without data: no environment variable, an empty cache folder, no proxy in the way of 127.0.0.1."""
    monkeypatch.delenv(store.ENV, raising=False)
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    monkeypatch.setattr(store, "cache_dir", lambda: tmp_path / "cache")
    return tmp_path / "cache"


def closed_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{listener.getsockname()[1]}/"


@pytest.fixture
def server(tmp_path):
    """A folder and the address of a web server that serves it."""
    folder = tmp_path / "served"
    folder.mkdir()

    class Handler(http.server.SimpleHTTPRequestHandler):
        def __init__(self, *args):
            super().__init__(*args, directory=folder)

        def log_message(self, *args):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as httpd:
        thread = threading.Thread(target=httpd.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield folder, f"http://127.0.0.1:{httpd.server_port}/"
        httpd.shutdown()
        thread.join()


def write_small_set(folder, n_train=12, n_test=5, **replaced):
    """Four small files in MNIST's layout; returns the arrays by file name."""
    rng = np.random.default_rng(0)
    arrays = {
        TRAIN_IMAGES: rng.integers(0, 256, (n_train, 28, 28), np.uint8),
        TRAIN_LABELS: (np.arange(n_train) % 10).astype(np.uint8),
        TEST_IMAGES: rng.integers(0, 256, (n_test, 28, 28), np.uint8),
        TEST_LABELS: (np.arange(n_test) % 10).astype(np.uint8),
    }
    for name in replaced:
        arrays[globals()[name]] = replaced[name]
    folder.mkdir(parents=True, exist_ok=True)
    for name, array in arrays.items():
        write_idx(folder / name, array)
    return arrays


# --- IDX files


@settings(deadline=None, max_examples=60)
@given(shape=st.lists(st.integers(0, 5), max_size=5), packed=st.booleans(), seed=st.integers(0, 99))
def test_idx_round_trip(tmp_path_factory, shape, packed, seed):
    array = np.random.default_rng(seed).integers(0, 256, shape, np.uint8)
    path = tmp_path_factory.getbasetemp() / ("a.idx.gz" if packed else "a.idx")
    write_idx(path, array)
    back = read_idx(path)
    assert back.shape == array.shape and back.dtype == np.uint8 and back.flags.writeable
    assert_array_equal(back, array)


def test_idx_bytes_are_those_of_the_format(tmp_path):
    write_idx(tmp_path / "a", np.array([[1, 2, 3], [4, 5, 6]], np.uint8))
    assert (tmp_path / "a").read_bytes() == bytes([0, 0, 8, 2, 0, 0, 0, 2, 0, 0, 0, 3, 1, 2, 3, 4, 5, 6])


def test_idx_content_decides_not_the_name(tmp_path):
    array = np.arange(6, dtype=np.uint8)
    write_idx(tmp_path / "plain", array)
    write_idx(tmp_path / "packed.gz", array)
    (tmp_path / "plain").rename(tmp_path / "named.gz")
    (tmp_path / "packed.gz").rename(tmp_path / "named")
    assert (tmp_path / "named").read_bytes()[:2] == b"\x1f\x8b"
    assert_array_equal(read_idx(tmp_path / "named.gz"), array)
    assert_array_equal(read_idx(str(tmp_path / "named")), array)


LABELS = bytes([0, 0, 8, 1, 0, 0, 0, 3, 7, 8, 9])
PACKED = gzip.compress(LABELS * 50)
WRONG_BLOCK = PACKED[:10] + b"\xff\xff\xff\xff" + PACKED[14:]


@pytest.mark.parametrize(
    "content, message",
    [
        pytest.param(b"", "expected an IDX file, got an empty one; fetch it again", id="empty"),
        pytest.param(gzip.compress(b""), "expected an IDX file, got an empty one", id="empty-packed"),
        pytest.param(LABELS[:-1], r"expected 3 values for shape \(3,\), got only 2; the file is cut short", id="short"),
        pytest.param(LABELS[:6], "expected 1 axis lengths, got a file of 6 bytes; it is cut short", id="short-header"),
        pytest.param(LABELS + b"xy", r"expected 3 values for shape \(3,\), got 2 bytes more", id="trailing"),
        pytest.param(b"PNG\n, not IDX", "got 0x504e470a, which is not an IDX file of unsigned bytes", id="magic"),
        pytest.param(b"\0\0", "got 0x0000, which is not an IDX file", id="short-magic"),
        pytest.param(b"\0\0\x0d\x01\0\0\0\0", "got 0x00000d01, which is not an IDX file of unsigned", id="floats"),
        pytest.param(bytes([0, 0, 8, 4]) + b"\0" * 4 + b"\xff" * 12, "expected a shape NumPy can hold", id="absurd"),
        pytest.param(bytes([0, 0, 8, 200]) + b"\0" * 800, "expected a shape NumPy can hold, got rank 200", id="rank"),
        pytest.param(PACKED[:-9], "expected a whole gzip file, got a damaged one", id="gzip-short"),
        pytest.param(PACKED[:-5] + b"12345", "expected a whole gzip file, got a damaged one", id="gzip-checksum"),
        pytest.param(WRONG_BLOCK, "expected a whole gzip file, got a damaged one", id="gzip-inside"),
        pytest.param(PACKED + b"tail", "expected a whole gzip file, got a damaged one", id="gzip-tail"),
    ],
)
def test_idx_damage_is_named(tmp_path, content, message):
    path = tmp_path / "file"
    path.write_bytes(content)
    with pytest.raises(UsageError, match=message) as caught:
        read_idx(path)
    assert str(caught.value).startswith(f"read_idx: {path}: expected ")
    assert "\n" not in str(caught.value)


def test_idx_missing_file_and_folder(tmp_path):
    with pytest.raises(UsageError, match="nowhere: expected an IDX file, got no such file"):
        read_idx(tmp_path / "nowhere")
    with pytest.raises(UsageError, match="expected a readable file, got Is a directory"):
        read_idx(tmp_path)


def test_write_idx_refuses_other_types_and_leaves_no_part(tmp_path, monkeypatch):
    with pytest.raises(UsageError, match="expected an array of dtype uint8, got float64"):
        write_idx(tmp_path / "a", np.zeros(3))
    monkeypatch.setattr(os, "replace", lambda *_: (_ for _ in ()).throw(OSError("disk full")))
    with pytest.raises(OSError, match="disk full"):
        write_idx(tmp_path / "a", np.zeros(3, np.uint8))
    assert list(tmp_path.iterdir()) == []


# --- finding files


def test_find_order_is_data_dir_then_environment_then_cache(tmp_path, monkeypatch, empty_cache):
    given_root, env_root = tmp_path / "given", tmp_path / "env"
    for root in (given_root, env_root, empty_cache):
        (root / "mnist").mkdir(parents=True)
        (root / "mnist" / "a.gz").touch()
    monkeypatch.setenv(store.ENV, str(env_root))
    assert store.find_file("mnist", ["a.gz"], given_root) == given_root / "mnist" / "a.gz"
    assert store.find_file("mnist", ["a.gz"]) == env_root / "mnist" / "a.gz"
    (env_root / "mnist" / "a.gz").unlink()
    assert store.find_file("mnist", ["a.gz"]) == empty_cache / "mnist" / "a.gz"
    (given_root / "mnist" / "a.gz").unlink()
    assert store.find_file("mnist", ["a.gz"], given_root) is None  # an explicit folder is the only one


def test_find_takes_names_in_order_and_the_root_itself(tmp_path):
    (tmp_path / "a").touch()
    assert store.find_file("mnist", ["a.gz", "a"], tmp_path) == tmp_path / "a"
    (tmp_path / "a.gz").touch()
    assert store.find_file("mnist", ["a.gz", "a"], str(tmp_path)) == tmp_path / "a.gz"
    (tmp_path / "mnist").mkdir()
    (tmp_path / "mnist" / "a").touch()
    assert store.find_file("mnist", ["a.gz", "a"], tmp_path) == tmp_path / "mnist" / "a"


def test_folder_that_does_not_exist_is_never_passed_over(tmp_path, monkeypatch):
    missing = tmp_path / "nowhere"
    with pytest.raises(UsageError, match=r"expected data_dir to be an existing folder, got .*nowhere"):
        load_mnist(missing)
    monkeypatch.setenv(store.ENV, str(missing))
    with pytest.raises(UsageError, match=r"expected \$TINYAE_DATA_DIR to be an existing folder, got .*nowhere"):
        load("auto")
    (tmp_path / "nowhere").touch()  # a file is no folder
    with pytest.raises(UsageError, match="existing folder"):
        load("auto", data_dir=missing)


def test_data_dir_without_the_file_says_where_it_should_be(tmp_path):
    with pytest.raises(
        UsageError, match=rf"expected the file .*mnist.{TRAIN_IMAGES}, got a folder without it; .*layout"
    ):
        load("auto", data_dir=tmp_path)


def test_download_switched_off(empty_cache):
    with pytest.raises(DownloadError, match=rf"mnist/{TRAIN_IMAGES} is not in .*cache.*switched off"):
        load_mnist(download=False)


# --- downloading


def md5_of(content):
    return hashlib.md5(content, usedforsecurity=False).hexdigest()


def test_fetch_downloads_once_into_the_cache(server, empty_cache, capfd):
    folder, url = server
    content = os.urandom(200_000)
    (folder / "a.gz").write_bytes(content)
    path = store.fetch("mnist", "a.gz", md5_of(content), [url + "a.gz"])
    assert path == empty_cache / "mnist" / "a.gz" and path.read_bytes() == content
    shown = capfd.readouterr().err
    assert f"tinyae: downloading {url}a.gz to {path.parent}" in shown and "Downloading data" not in shown
    assert "200k" in shown  # the progress bar knows the size
    (folder / "a.gz").unlink()
    assert store.fetch("mnist", "a.gz", md5_of(content), [url + "a.gz"]) == path
    assert capfd.readouterr().err == ""


def test_wrong_md5_leaves_nothing_behind(server, empty_cache):
    folder, url = server
    (folder / "a.gz").write_bytes(b"a login page")
    with pytest.raises(DownloadError, match=r"mnist/a.gz .*a.gz: the file received has a wrong md5"):
        store.fetch("mnist", "a.gz", md5_of(b"the real thing"), [url + "a.gz"])
    assert [p for p in empty_cache.rglob("*") if p.is_file()] == []


def test_second_mirror_is_used_and_a_missing_page_is_named(server):
    folder, url = server
    (folder / "a.gz").write_bytes(b"data")
    mirrors = [closed_port() + "a.gz", url + "not-there", url + "a.gz"]
    assert store.fetch("mnist", "a.gz", md5_of(b"data"), mirrors).read_bytes() == b"data"
    with pytest.raises(DownloadError, match=r"no connection; .*not-there: HTTP status 404"):
        store.fetch("mnist", "b.gz", md5_of(b"data"), mirrors[:2])


def test_no_network_gives_up_quickly():
    start = time.monotonic()
    with pytest.raises(
        DownloadError, match=r"mnist/a.gz is not on disk .*no connection.*--data-dir DIR, or set TINYAE_DATA"
    ) as e:
        store.fetch("mnist", "a.gz", "0" * 32, [closed_port() + "a.gz"])
    assert time.monotonic() - start < 3
    assert "\n" not in str(e.value)


@pytest.mark.parametrize("silent", ["server", "name lookup"])
@pytest.mark.slow
def test_a_network_that_swallows_packets_gives_up_quickly(monkeypatch, silent):
    monkeypatch.setattr(download, "ANSWER_SECONDS", 0.2)
    monkeypatch.setattr(download, "READ_SECONDS", 0.5)
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()  # connections are accepted by the system, never answered
        if silent == "name lookup":
            ask = socket.getaddrinfo
            monkeypatch.setattr(socket, "getaddrinfo", lambda *a, **k: time.sleep(1.0) or ask(*a, **k))
        url = f"http://127.0.0.1:{listener.getsockname()[1]}/a.gz"
        start = time.monotonic()
        with pytest.raises(DownloadError, match=r"no answer within 0.2 s; .*no answer within 0.2 s"):
            store.fetch("mnist", "a.gz", "0" * 32, [url, url])
        assert time.monotonic() - start < 0.9
        for thread in threading.enumerate():
            if thread.name == "tinyae-download":
                thread.join(5)  # it is a daemon; the test waits so that no socket outlives it


def test_the_real_budget_is_below_ten_seconds():
    assert len(mnist.MNIST.mirrors) * download.ANSWER_SECONDS < 10


def test_a_late_answer_is_closed(server, monkeypatch):
    folder, url = server
    (folder / "a").write_bytes(b"data")
    monkeypatch.setattr(download, "ANSWER_SECONDS", 0.1)
    import requests

    get, answers = requests.get, []

    def slow_get(*args, **kwargs):
        time.sleep(0.4)
        answers.append(get(*args, **{**kwargs, "timeout": 5}))
        return answers[-1]

    monkeypatch.setattr(requests, "get", slow_get)
    with pytest.raises(TimeoutError):
        download._open_url(url + "a")
    for thread in threading.enumerate():
        if thread.name == "tinyae-download":
            thread.join(5)
    assert answers[0].raw.closed


def test_cache_that_cannot_be_written(server, empty_cache):
    folder, url = server
    (folder / "a.gz").write_bytes(b"data")
    empty_cache.write_text("a file where the cache folder should be")
    with pytest.raises(DownloadError, match=r"could not be downloaded .*cache"):
        store.fetch("mnist", "a.gz", md5_of(b"data"), [url + "a.gz"])


# --- MNIST and Fashion-MNIST


def test_load_mnist_scales_and_flattens(tmp_path):
    arrays = write_small_set(tmp_path / "mnist")
    d = load("mnist", data_dir=tmp_path)
    assert d.name == "mnist" and d.image_shape == (28, 28, 1) and d.class_names == tuple("0123456789")
    assert d.x_train.shape == (12, 784) and d.x_test.shape == (5, 784)
    assert d.x_train.dtype == np.float32 and d.y_train.dtype == np.int64
    assert_array_equal(d.x_train.reshape(-1, 28, 28), arrays[TRAIN_IMAGES].astype(np.float32) / np.float32(255))
    assert_array_equal(d.y_test, arrays[TEST_LABELS])
    assert d.x_train.max() == 1.0 and d.x_train.min() == 0.0
    assert repr(d) == "Dataset('mnist': 12 training and 5 test images, 28 x 28 x 1, 10 classes)"


@pytest.mark.parametrize("spelling", ["train-images-idx3-ubyte", "train-images.idx3-ubyte"])
def test_load_mnist_takes_unpacked_and_repacked_files(tmp_path, monkeypatch, spelling):
    arrays = write_small_set(tmp_path)  # in the root itself, and with other md5s than the published ones
    write_idx(tmp_path / spelling, arrays[TRAIN_IMAGES])
    (tmp_path / TRAIN_IMAGES).unlink()
    monkeypatch.setenv(store.ENV, str(tmp_path))
    assert len(load_mnist(download=False).x_train) == 12


@pytest.mark.parametrize(
    "replaced, message",
    [
        (
            {"TRAIN_LABELS": np.zeros(11, np.uint8)},
            r"got 12 images in .*train-images.* labels of shape \(11,\) in .*train-lab",
        ),
        (
            {"TEST_LABELS": np.zeros(6, np.uint8)},
            r"got 5 images in .*t10k-images.* labels of shape \(6,\) in .*t10k-labels",
        ),
        (
            {"TRAIN_IMAGES": np.zeros(12, np.uint8)},
            r"train-images.*: expected images of shape \(N, 28, 28\), got \(12,\)",
        ),
        ({"TEST_IMAGES": np.zeros((5, 28, 27), np.uint8)}, r"t10k-images.*: expected .*, got \(5, 28, 27\)"),
        ({"TRAIN_LABELS": np.full(12, 10, np.uint8)}, r"train-labels.*: expected labels from 0 to 9, got 10"),
    ],
)
def test_files_that_do_not_fit_together(tmp_path, replaced, message):
    write_small_set(tmp_path, **replaced)
    with pytest.raises(UsageError, match=message):
        load_mnist(tmp_path)


def test_one_set_in_the_place_of_the_other(tmp_path):
    labels = np.array([*mnist.FASHION_MNIST.first_labels, 3, 3], np.uint8)
    write_small_set(tmp_path, TRAIN_LABELS=labels)
    with pytest.raises(UsageError, match=r"load mnist: .*expected mnist, got the labels of fashion-mnist"):
        load_mnist(tmp_path)
    assert load("fashion-mnist", data_dir=tmp_path).class_names[9] == "Ankle boot"


def test_dataset_refuses_arrays_that_do_not_fit():
    x, y = np.zeros((3, 4), np.float32), np.zeros(3, np.int64)
    with pytest.raises(ValueError, match=r"Dataset d: expected y_test of shape \(3,\), got \(2,\)"):
        Dataset("d", x, y, x, y[:2], (2, 2, 1), ("a",))
    with pytest.raises(ValueError, match=r"Dataset d: expected x_train of shape \(N, 6\), got \(3, 4\)"):
        Dataset("d", x, y, x, y, (2, 3, 1), ("a",))
    with pytest.raises(dataclasses.FrozenInstanceError):
        Dataset("d", x, y, x, y, (2, 2, 1), ("a",)).name = "other"


# --- load


@pytest.mark.parametrize("name, drawn", [("digits", 60_000), ("curves", 20_000)])
def test_limit_draws_no_more_than_that(monkeypatch, name, drawn):
    made, draw = [], getattr(datasets, f"load_{name}")

    def count(n_train=drawn, seed=0):
        made.append(n_train)
        return draw(min(n_train, 12), 3, seed)

    monkeypatch.setattr(datasets, f"load_{name}", count)
    assert len(load(name, limit=7, seed=2).x_train) == 7
    assert_array_equal(load(name, limit=7, seed=2).x_train, load(name, seed=2).x_train[:7])
    load(name, limit=10**6)
    assert made == [7, 7, drawn, drawn]


def test_limit_takes_the_first_images(tmp_path):
    write_small_set(tmp_path / "mnist")
    whole, few = load("mnist", data_dir=tmp_path), load("mnist", data_dir=tmp_path, limit=4)
    assert_array_equal(few.x_train, whole.x_train[:4])
    assert_array_equal(few.y_train, whole.y_train[:4])
    assert_array_equal(few.x_test, whole.x_test)
    with pytest.raises(UsageError, match="load: expected limit to be a whole number >= 1, got 0"):
        load("mnist", data_dir=tmp_path, limit=0)


def test_unknown_name():
    with pytest.raises(UsageError, match=r"load: expected name to be one of mnist, .*did you mean 'digits'\?"):
        load("digit")


@pytest.fixture
def no_network(monkeypatch):
    monkeypatch.setattr(mnist, "MNIST", dataclasses.replace(mnist.MNIST, mirrors=(closed_port(), closed_port())))
    draw = datasets.load_digits
    monkeypatch.setattr(datasets, "load_digits", lambda seed: draw(20, 10, seed))


def test_auto_without_network_draws_digits_and_says_so(no_network, capfd):
    d = load("auto", seed=3)
    assert d.name == "digits"
    assert_array_equal(d.x_train, load("digits", seed=3).x_train)
    loud = [line for line in capfd.readouterr().err.splitlines() if "downloading" not in line]
    assert len(loud) == 1
    for part in ("MNIST NOT FOUND", "BUILT-IN DIGITS", "no connection", "--data-dir DIR", "TINYAE_DATA_DIR"):
        assert part in loud[0]


def test_auto_takes_mnist_where_it_is(no_network, tmp_path, monkeypatch, capfd):
    write_small_set(tmp_path / "mnist")
    monkeypatch.setenv(store.ENV, str(tmp_path))
    assert load("auto").name == "mnist"
    assert capfd.readouterr().err == ""


def test_auto_does_not_hide_a_damaged_file(no_network, tmp_path):
    write_small_set(tmp_path / "mnist")
    path = tmp_path / "mnist" / TEST_IMAGES
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(UsageError, match=r"t10k-images.*damaged"):
        load("auto", data_dir=tmp_path)


def test_auto_downloads_where_it_can(server, monkeypatch, empty_cache):
    folder, url = server
    write_small_set(folder)
    md5s = {name: md5_of((folder / name).read_bytes()) for name in mnist.MNIST.files}
    monkeypatch.setattr(mnist, "MNIST", dataclasses.replace(mnist.MNIST, mirrors=(url,), files=md5s))
    assert load("auto").name == "mnist"
    assert sorted(p.name for p in (empty_cache / "mnist").iterdir()) == sorted(md5s)


# --- the real files


REAL = os.environ.get(store.ENV, "")  # read before the fixture hides it
needs_real = pytest.mark.skipif(not REAL, reason=f"${store.ENV} is not set")


@pytest.mark.realdata
@needs_real
def test_real_mnist():
    d = load_mnist(REAL)
    assert d.x_train.shape == (60000, 784) and d.x_test.shape == (10000, 784)
    assert d.y_train[:10].tolist() == [5, 0, 4, 1, 9, 2, 1, 3, 1, 4]
    assert np.bincount(d.y_train).tolist() == [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949]
    assert abs(d.x_train.mean(dtype=np.float64) - 0.1306604762738429) < 1e-7


@pytest.mark.realdata
@needs_real
def test_real_fashion_mnist():
    d = load_fashion_mnist(REAL)
    assert d.x_train.shape == (60000, 784) and np.bincount(d.y_train).tolist() == [6000] * 10
    assert d.y_train[:10].tolist() == [9, 0, 0, 3, 0, 2, 7, 2, 5, 5]
    with pytest.raises(UsageError, match="got the labels of fashion-mnist"):
        load_mnist(Path(REAL) / "fashion-mnist")


@pytest.mark.realdata
@needs_real
@pytest.mark.parametrize("source", [mnist.MNIST, mnist.FASHION_MNIST], ids=lambda s: s.name)
def test_real_md5s(source):
    for name, md5 in source.files.items():
        assert md5_of((Path(REAL) / source.name / name).read_bytes()) == md5
