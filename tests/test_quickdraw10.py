"""Quick, Draw!: one file of drawings, the published two, Google's files by byte range. No test leaves this machine."""

import dataclasses
import hashlib
import http.server
import io
import os
import re
import socket
import threading
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from tinyae.checks import UsageError
from tinyae.datasets import DownloadError, doodles, download, load, load_quickdraw10, quickdraw10, store

REAL = os.environ.get(store.ENV, "")  # read before the fixture hides it


@pytest.fixture(autouse=True)
def empty_cache(tmp_path, monkeypatch):
    """A user without data: no environment variable, an empty cache folder, no network but this machine."""
    monkeypatch.delenv(store.ENV, raising=False)
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    monkeypatch.setattr(store, "cache_dir", lambda: tmp_path / "cache")
    monkeypatch.setattr(quickdraw10, "TEST_PER_CLASS", 2)
    ask = download._open_url

    def only_here(url, headers=None):
        if "//127.0.0.1:" not in url:
            raise TimeoutError
        return ask(url, headers)

    monkeypatch.setattr(download, "_open_url", only_here)
    return tmp_path / "cache"


class Server(http.server.ThreadingHTTPServer):
    """Serves the files in a dict; `ranges` says whether it knows byte ranges. Counts what it sends."""

    def __init__(self, files, ranges=True):
        self.files, self.ranges, self.asked, self.sent = files, ranges, [], 0
        super().__init__(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server_port}/"


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.server.asked.append((self.path, self.headers.get("Range")))
        content = self.server.files.get(self.path[1:])
        if content is None:
            return self.send_error(404)
        wanted = re.fullmatch(r"bytes=(\d+)-(\d+)", self.headers.get("Range", ""))
        if wanted and self.server.ranges:
            start, stop = int(wanted[1]), min(int(wanted[2]) + 1, len(content))
            self.send_response(206)
            self.send_header("Content-Range", f"bytes {start}-{stop - 1}/{len(content)}")
            content = content[start:stop]
        else:
            self.send_response(200)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        for start in range(0, len(content), 1 << 16):
            try:
                self.wfile.write(content[start : start + (1 << 16)])
            except OSError:  # the client has what it needs and is gone
                return None
            self.server.sent += len(content[start : start + (1 << 16)])

    def log_message(self, *args):
        pass


@pytest.fixture
def serve():
    """A function: files -> a running Server."""
    running = []

    def start(files, ranges=True):
        server = Server(files, ranges)
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        running.append((server, thread))
        return server

    yield start
    for server, thread in running:
        server.shutdown()
        thread.join()
        server.server_close()


# --- one file


def write_doodles(folder, per_class=6, **replaced):
    """A small quickdraw10.npz; every drawing is told apart by its pixels. Returns its arrays."""
    classes, n = 3, 3 * per_class
    arrays = {
        "images": (np.arange(n)[:, None, None] + np.arange(784).reshape(28, 28) // 4).astype(np.uint8),
        "labels": np.repeat(np.arange(classes, dtype=np.uint8), per_class),
        "class_names": np.array(["cat", "bird", "airplane"]),
    }  # fmt: skip
    arrays = {name: array for name, array in (arrays | replaced).items() if array is not None}
    folder.mkdir(parents=True, exist_ok=True)
    np.savez_compressed(folder / quickdraw10.FILE, **arrays)
    return arrays


def test_doodles_have_a_fixed_split_in_a_fixed_order(tmp_path):
    arrays = write_doodles(tmp_path / "quickdraw10")
    d = load("quickdraw10", data_dir=tmp_path)
    assert d.name == "quickdraw10" and d.image_shape == (28, 28, 1) and d.class_names == ("cat", "bird", "airplane")
    assert d.x_train.shape == (12, 784) and d.x_test.shape == (6, 784)
    assert d.x_train.dtype == np.float32 and d.y_train.dtype == np.int64
    whole = arrays["images"].reshape(18, 784) / np.float32(255)
    places = [[int(np.flatnonzero((whole == row).all(axis=1))[0]) for row in x] for x in (d.x_train, d.x_test)]
    assert sorted(places[1]) == [4, 5, 10, 11, 16, 17]  # the last two of each class
    assert sorted(places[0] + places[1]) == list(range(18))
    assert_array_equal(d.y_train, np.array(places[0]) // 6)
    assert_array_equal(d.y_test, np.array(places[1]) // 6)
    assert places[0] != sorted(places[0]) and places[1] != sorted(places[1])
    again = load("quickdraw10", data_dir=tmp_path, seed=5)
    assert_array_equal(again.x_train, d.x_train)  # no seed changes it


def test_a_folder_without_them_says_what_may_lie_there(tmp_path):
    expected = (
        f"load quickdraw10: expected quickdraw10.npz, or train-ubyte.npz and test-ubyte.npz, in {tmp_path}/quickdraw10,"
        " got a folder without them; put them there, or leave out --data-dir to download them."
    )
    with pytest.raises(UsageError, match=re.escape(expected)):
        load_quickdraw10(tmp_path)
    (tmp_path / quickdraw10.TRAIN).write_bytes(b"one of the two")
    with pytest.raises(UsageError, match=re.escape(expected)):
        load_quickdraw10(tmp_path)


def test_nowhere_and_no_network(tmp_path, capfd):
    with pytest.raises(
        DownloadError, match=r"quickdraw10/train-ubyte.npz is not on disk and could not be down.*answer"
    ):
        load_quickdraw10()
    assert capfd.readouterr().err.count("downloading https://") == 2
    with pytest.raises(DownloadError, match="switched off"):
        load_quickdraw10(download=False)


@pytest.mark.parametrize(
    "replaced, message",
    [
        ({"labels": None}, r"expected a whole .npz file .*, got a damaged or different one \(.*labels"),
        ({"labels": np.array([None] * 18)}, r"a damaged or different one \(.*[Oo]bject"),
        ({"images": np.zeros((18, 28, 27), np.uint8)}, r"of shape \(N, 28, 28\) and type uint8, got \(18, 28, 27\) of"),
        ({"images": np.zeros((18, 28, 28))}, r"type uint8, got \(18, 28, 28\) of float64"),
        ({"images": np.zeros((), np.uint8)}, r"type uint8, got \(\) of uint8"),
        ({"labels": np.zeros(17, np.uint8)}, r"expected 18 whole numbers as labels, got shape \(17,\) of uint8"),
        ({"labels": np.zeros(18)}, r"expected 18 whole numbers as labels, got shape \(18,\) of float64"),
        ({"labels": np.full(18, 3)}, "expected labels from 0 to 2, got 3 to 3"),
        ({"labels": np.full(18, -1)}, "expected labels from 0 to 2, got -1 to -1"),
        ({"labels": np.repeat([0, 1], 9)}, "more than 2 drawings of every class, got 0 of 'airplane'"),
        ({"class_names": np.array([1, 2, 3])}, r"expected a list of class names, got shape \(3,\) of int64"),
        ({"class_names": np.array([], str), "images": np.zeros((0, 28, 28), np.uint8), "labels": np.zeros(0, int)},
         "more than 2 drawings of every class, got no class"),
    ],
)  # fmt: skip
def test_doodles_that_do_not_fit_together(tmp_path, replaced, message):
    write_doodles(tmp_path, **replaced)
    with pytest.raises(UsageError, match=message) as caught:
        load_quickdraw10(tmp_path)
    assert str(caught.value).startswith(f"load quickdraw10: {tmp_path / quickdraw10.FILE}: expected ")


@pytest.mark.parametrize("change", [lambda b: b[:-40], lambda b: b"", lambda b: b"no archive", lambda b: b[:200]])
def test_damaged_doodles(tmp_path, change):
    write_doodles(tmp_path)
    path = tmp_path / quickdraw10.FILE
    path.write_bytes(change(path.read_bytes()))
    with pytest.raises(UsageError, match=r"a damaged or different one"):
        load_quickdraw10(tmp_path)


# --- the published files


def git_blob(content):
    return "git-blob:" + hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()


def published(monkeypatch, folder, mirrors=(), **arrays):
    """Two small files like the published ones, which the loader takes for those; returns their arrays."""
    rng = np.random.default_rng(0)
    folder.mkdir(parents=True, exist_ok=True)
    made, ids = {}, {}
    for name, n in ((quickdraw10.TRAIN, 8), (quickdraw10.TEST, 4)):
        images = np.where(rng.uniform(size=(n, 28, 28)) < 0.2, rng.integers(1, 256, (n, 28, 28)), 0).astype(np.uint8)
        made[name] = {"a": images, "b": rng.integers(0, 10, n).astype(np.uint8)} | arrays
        np.savez_compressed(folder / name, **made[name])
        ids[name] = git_blob((folder / name).read_bytes())
    monkeypatch.setattr(quickdraw10, "SOURCE", dataclasses.replace(quickdraw10.SOURCE, files=ids, mirrors=mirrors))
    return made


def test_published_files_are_known_by_the_ids_of_their_blobs():
    assert quickdraw10.SOURCE.files == {
        "train-ubyte.npz": "git-blob:c044ae9174274083c97cbcf1b8b6c5ab13a6d075",
        "test-ubyte.npz": "git-blob:2801db1a051a4d963280e836a30af4c1992e5702",
    }
    assert git_blob(b"test content\n") == "git-blob:d670460b4b4aece5915caf5c68d12f560a9fe3e4"  # git hash-object's


@pytest.mark.parametrize("where", ["quickdraw10", "."])
def test_published_files_keep_their_split_and_order(tmp_path, monkeypatch, where):
    made = published(monkeypatch, tmp_path / where)
    d = load("quickdraw10", data_dir=tmp_path)
    assert d.name == "quickdraw10" and d.image_shape == (28, 28, 1)
    assert d.class_names[:3] == ("cloud", "sun", "pants") and len(d.class_names) == 10
    for x, y, name in ((d.x_train, d.y_train, quickdraw10.TRAIN), (d.x_test, d.y_test, quickdraw10.TEST)):
        assert x.dtype == np.float32 and y.dtype == np.int64
        assert_array_equal(x, made[name]["a"].reshape(-1, 784).astype(np.float32) / np.float32(255))
        assert_array_equal(y, made[name]["b"])
    write_doodles(tmp_path / where)
    assert load_quickdraw10(tmp_path).class_names[0] == "cat"  # a file of one's own comes first


def test_drawings_on_white_are_turned_round(tmp_path, monkeypatch):
    """Ink is 1 everywhere in tinyae; labels and pixels may also be whole numbers of another type."""
    ink = np.zeros((5, 784), np.uint8)
    ink[:, 3::9] = 200
    published(monkeypatch, tmp_path, a=255.0 - ink, b=np.arange(5.0))
    d = load_quickdraw10(tmp_path)
    assert_array_equal(d.x_train, ink.astype(np.float32) / np.float32(255))
    assert d.y_test.tolist() == [0, 1, 2, 3, 4]


def test_another_content_is_refused(tmp_path, monkeypatch):
    published(monkeypatch, tmp_path)
    with open(tmp_path / quickdraw10.TEST, "ab") as file:
        file.write(b"x")
    with pytest.raises(UsageError, match=r"test-ubyte.npz: expected the published test-ubyte.npz, got .*git blob id"):
        load_quickdraw10(tmp_path)


@pytest.mark.parametrize(
    "arrays, message",
    [
        ({"b": np.zeros(3)}, r"expected images \(N, 28, 28\) in a and N labels in b, got shapes .* and \(3,\)"),
        ({"a": np.zeros((8, 28, 27))}, r"expected images \(N, 28, 28\) in a"),
        ({"b": np.full(8, 10)}, "expected labels from 0 to 9, got 10"),
        ({"a": np.array([None])}, r"expected a whole .npz file with a, b, got a damaged or different one"),
    ],
)
def test_published_files_that_do_not_fit_together(tmp_path, monkeypatch, arrays, message):
    published(monkeypatch, tmp_path, **arrays)
    with pytest.raises(UsageError, match=message):
        load_quickdraw10(tmp_path)


def test_published_files_are_downloaded_once(tmp_path, monkeypatch, serve, empty_cache, capfd):
    published(monkeypatch, tmp_path / "served")
    server = serve({p.name: p.read_bytes() for p in (tmp_path / "served").iterdir()})
    source = dataclasses.replace(quickdraw10.SOURCE, mirrors=(server.url + "gone/", server.url))
    monkeypatch.setattr(quickdraw10, "SOURCE", source)
    d = load_quickdraw10()
    assert len(d.x_train) == 8 and len(d.x_test) == 4
    assert sorted(p.name for p in (empty_cache / "quickdraw10").iterdir()) == ["test-ubyte.npz", "train-ubyte.npz"]
    asked = len(server.asked)
    assert len(load_quickdraw10().x_train) == 8 and len(server.asked) == asked
    capfd.readouterr()


def test_a_download_of_another_content_is_refused(tmp_path, monkeypatch, serve, empty_cache):
    published(monkeypatch, tmp_path / "served", mirrors=(serve({quickdraw10.TRAIN: b"a page to log in"}).url,))
    with pytest.raises(DownloadError, match="wrong git-blob"):
        load_quickdraw10()
    assert not list((empty_cache / "quickdraw10").glob("*"))


# --- Google's files


def google(n=9000, seed=0, header=None):
    """A file like Google's, in the old header's form of 80 bytes; and its drawings."""
    drawings = np.random.default_rng(seed).integers(0, 256, (n, 784), np.uint8)
    if header is None:
        text = f"{{'descr': '|u1', 'fortran_order': False, 'shape': ({n}, 784), }}"
        header = b"\x93NUMPY\x01\x00F\x00" + text.ljust(69).encode() + b"\n"
        assert len(header) == 80
    return header + drawings.tobytes(), drawings


@pytest.fixture
def from_google(serve, monkeypatch):
    """A function that serves classes in Google's place."""

    def start(files, ranges=True):
        server = serve(files, ranges)
        monkeypatch.setattr(doodles, "URL", server.url + "{}.npy")
        return server

    return start


def test_first_drawings_by_byte_range(from_google, capfd):
    content, drawings = google()
    server = from_google({"cat.npy": content})
    assert_array_equal(doodles.download_doodles("cat", 50), drawings[:50])
    assert server.asked == [("/cat.npy", f"bytes=0-{1024 + 50 * 784 - 1}")]
    assert server.sent <= 50 * 784 + 1024 < len(content) / 100
    capfd.readouterr()


def test_a_server_without_byte_ranges_is_left_after_the_bytes_needed(from_google, capfd):
    content, drawings = google(40_000)  # 31 MB: far more than any buffer on the way
    server = from_google({"cat.npy": content}, ranges=False)
    assert_array_equal(doodles.download_doodles("cat", 50), drawings[:50])
    assert server.sent < len(content) / 2
    capfd.readouterr()


def test_headers_of_other_lengths(from_google, capfd):
    for version in ((1, 0), (2, 0)):
        file, drawings = io.BytesIO(), google(7)[1]
        np.lib.format.write_array(file, drawings, version=version)
        from_google({"dog.npy": file.getvalue()})
        assert_array_equal(doodles.download_doodles("dog", 7), drawings)  # all of them
    capfd.readouterr()


def saved(array):
    file = io.BytesIO()
    np.save(file, array)
    return file.getvalue()


@pytest.mark.parametrize(
    "content, error, message",
    [
        (None, DownloadError, r"could not download 'cat' \(.*cat.npy: HTTP status 404\); is it one of Google's"),
        (b"<html>sign in</html>", DownloadError, "expected a .npy file of drawings, got something else"),
        (b"", DownloadError, "expected a .npy file of drawings, got something else"),
        (saved(np.zeros((9, 783), np.uint8)), DownloadError, r"got something else \(shape \(9, 783\) of uint8\)"),
        (saved(np.zeros((9, 784))), DownloadError, r"got something else \(shape \(9, 784\) of float64\)"),
        (saved(np.zeros((784, 784), np.uint8).T), DownloadError, "got something else"),
        (google(4)[0], UsageError, "expected at most 4 drawings of 'cat', got 5"),
        (google(9)[0][:3000], DownloadError, "expected 5 drawings, got 3; try again"),
    ],
)
def test_answers_that_are_no_drawings(from_google, capfd, content, error, message):
    from_google({} if content is None else {"cat.npy": content})
    with pytest.raises(error, match=message) as caught:
        doodles.download_doodles("cat", 5)
    assert "\n" not in str(caught.value)


def test_classes_of_ones_own(from_google, tmp_path, empty_cache, capfd):
    files = {"cat.npy": google(30, 1), "The%20Eiffel%20Tower.npy": google(30, 2), "dog.npy": google(30, 3)}
    server = from_google({name: content for name, (content, _) in files.items()})
    path = doodles.make_quickdraw10(["cat", "The Eiffel Tower", "dog"], per_class=5)
    assert path == empty_cache / "quickdraw10" / "quickdraw10.npz"
    d = load("quickdraw10")
    assert d.class_names == ("cat", "The Eiffel Tower", "dog")
    assert len(d.x_train) == 9 and len(d.x_test) == 6
    with np.load(path) as file:
        for c, (_, drawings) in enumerate(files.values()):
            assert_array_equal(file["images"][file["labels"] == c].reshape(-1, 784), drawings[:5])
    asked = len(server.asked)
    doodles.make_quickdraw10(["dog", "cat"], per_class=4)  # what is here already is not asked for again
    assert len(server.asked) == asked and load("quickdraw10").class_names == ("dog", "cat")
    doodles.make_quickdraw10(["dog", "cat"], per_class=6, data_dir=tmp_path)
    assert len(server.asked) == asked + 2 and len(load("quickdraw10", tmp_path).x_train) == 8
    doodles.make_quickdraw10(["dog", "cat"], per_class=8, data_dir=tmp_path)  # more than are here
    assert len(server.asked) == asked + 4 and len(load("quickdraw10", tmp_path).x_train) == 12
    capfd.readouterr()


def test_an_interrupted_call_goes_on_with_the_next_class(from_google, empty_cache, capfd):
    server = from_google({"cat.npy": google(9, 1)[0]})
    with pytest.raises(DownloadError, match=r"'dog'.*404"):
        doodles.make_quickdraw10(["cat", "dog"], per_class=5)
    assert not (empty_cache / "quickdraw10" / "quickdraw10.npz").exists()
    server.files["dog.npy"] = google(9, 2)[0]
    doodles.make_quickdraw10(["cat", "dog"], per_class=5)
    assert [path for path, _ in server.asked] == ["/cat.npy", "/dog.npy", "/dog.npy"]
    capfd.readouterr()


def test_a_whole_file_of_googles_on_disk_will_do(tmp_path):
    content, drawings = google(20)
    (tmp_path / "cat.npy").write_bytes(content)
    assert_array_equal(doodles.first_doodles("cat", 6, tmp_path), drawings[:6])
    (tmp_path / "cat.npy").write_bytes(content[:-1])
    with pytest.raises(UsageError, match=r"expected a .npy file of drawings \(n, 784\) uint8, got .*cat.npy \("):
        doodles.first_doodles("cat", 6, tmp_path)
    np.save(tmp_path / "cat.npy", np.zeros((9, 784)))
    with pytest.raises(UsageError, match=r"shape \(9, 784\) of float64"):
        doodles.first_doodles("cat", 6, tmp_path)


@pytest.mark.parametrize(
    "arguments, message",
    [
        ({"classes": ["cat"]}, "expected two or more different classes, got 'cat'"),
        ({"classes": []}, "expected two or more different classes, got none"),
        ({"classes": ["cat", "cat "]}, "expected two or more different classes, got 'cat', 'cat'"),
        ({"classes": ["cat", ""]}, "expected two or more different classes"),
        ({"classes": ["cat", "a/../../b"]}, "expected the name of a class, got 'a/../../b'"),
        ({"per_class": 2}, "expected per_class to be a whole number >= 3, got 2"),
        ({"data_dir": "nowhere"}, "expected data_dir to be an existing folder, got nowhere"),
    ],
)
def test_bad_arguments(from_google, capfd, arguments, message):
    from_google({"cat.npy": google(9)[0]})
    with pytest.raises(UsageError, match=re.escape(message)):
        doodles.make_quickdraw10(**{"classes": ["cat", "dog"], "per_class": 3} | arguments)


def test_no_network_at_all(monkeypatch):
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        closed = f"http://127.0.0.1:{listener.getsockname()[1]}/{{}}.npy"
    monkeypatch.setattr(doodles, "URL", closed)
    with pytest.raises(DownloadError, match="no connection"):
        doodles.make_quickdraw10(["cat", "dog"], per_class=3)


# --- the real file


@pytest.mark.realdata
@pytest.mark.skipif(not REAL, reason=f"${store.ENV} is not set")
def test_real_doodles(monkeypatch):
    monkeypatch.setattr(quickdraw10, "TEST_PER_CLASS", 500)
    path = Path(REAL) / "quickdraw10" / "quickdraw10.npz"
    assert hashlib.md5(path.read_bytes()).hexdigest() == "5084a6ce1c8d079ad0f28c7a7a4ee61e"
    d = load_quickdraw10(REAL)
    assert d.x_train.shape == (35000, 784) and d.x_test.shape == (5000, 784)
    assert np.bincount(d.y_train).tolist() == [3500] * 10 and np.bincount(d.y_test).tolist() == [500] * 10
    assert d.class_names[0] == "airplane" and d.class_names[9] == "rainbow"
    assert np.bincount(d.y_train[:1000]).min() > 70  # shuffled
    assert 0 == d.x_train.min() < d.x_train.max() == 1
