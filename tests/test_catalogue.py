"""Sources, checksums, archives, downloads that go on, the catalogue. No test leaves this machine."""

import dataclasses
import gzip
import hashlib
import http.server
import io
import os
import re
import socket
import subprocess
import tarfile
import threading
import zipfile

import pytest

from tinyae.checks import UsageError
from tinyae.datasets import DownloadError, archives, catalogue, checksum, download, store
from tinyae.datasets.source import Source

CONTENT = os.urandom(300_000)


def refused(text):
    """Raises UsageError with a text in which this is found."""
    return pytest.raises(UsageError, match=text)


def md5_of(content):
    return hashlib.md5(content, usedforsecurity=False).hexdigest()


@pytest.fixture(autouse=True)
def nothing_on_disk(tmp_path, monkeypatch):
    monkeypatch.delenv(store.ENV, raising=False)
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    monkeypatch.setattr(store, "cache_dir", lambda: tmp_path / "cache")
    return tmp_path / "cache"


class Server:
    """A web server of one folder that knows byte ranges, can break off, and remembers what was asked."""

    def __init__(self, folder):
        self.folder, self.asked, self.break_after, self.ranges = folder, [], None, True

    def handler(self):
        server = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                server.answer(self)

            def log_message(self, *args):
                pass

        return Handler

    def answer(self, request):
        path, wanted = self.folder / request.path[1:], request.headers.get("Range")
        self.asked.append((request.path[1:], wanted))
        if not path.is_file():
            request.send_error(404)
            return
        content, status = path.read_bytes(), 200
        if wanted and self.ranges:
            first, last = re.fullmatch(r"bytes=(\d+)-(\d*)", wanted).groups()
            if int(first) >= len(content):
                request.send_error(416)
                return
            content, status = content[int(first) : int(last) + 1 if last else None], 206
        request.send_response(status)
        request.send_header("Content-Length", str(len(content)))
        request.end_headers()
        cut, self.break_after = self.break_after, None
        request.wfile.write(content[:cut])


@pytest.fixture
def server(tmp_path):
    folder = tmp_path / "served"
    folder.mkdir()
    server = Server(folder)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), server.handler()) as httpd:
        thread = threading.Thread(target=httpd.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        server.url = f"http://127.0.0.1:{httpd.server_port}/"
        yield server
        httpd.shutdown()
        thread.join()


def closed_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{listener.getsockname()[1]}/"


def write_zip(path, members):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)


def write_tar(path, members, mode="w:gz"):
    with tarfile.open(path, mode) as archive:
        for name, content in members.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))


# --- checksums


@pytest.mark.parametrize("algorithm", ["md5", "sha1", "sha256"])
def test_checksums(tmp_path, algorithm):
    (tmp_path / "a").write_bytes(CONTENT)
    digits = hashlib.new(algorithm, CONTENT).hexdigest()
    assert checksum.matches(tmp_path / "a", f"{algorithm}:{digits}")
    assert checksum.matches(tmp_path / "a", f"{algorithm}:{digits.upper()}")
    assert not checksum.matches(tmp_path / "a", f"{algorithm}:{digits[::-1]}")
    assert checksum.matches(tmp_path / "a", None)


def test_bare_digits_are_an_md5_and_others_are_refused(tmp_path):
    (tmp_path / "a").write_bytes(CONTENT)
    assert checksum.matches(tmp_path / "a", md5_of(CONTENT))
    assert checksum.split("AB") == ("md5", "ab")
    with pytest.raises(ValueError, match=r"by md5, sha1, sha256, git-blob, got 'crc:12'"):
        checksum.split("crc:12")


@pytest.mark.parametrize("content, blob", [
    (b"", "e69de29bb2d1d6434b8b29ae775ad8c2e48c5391"),  # git's well-known id of an empty file
    (b"what is up, doc?", "bd9dbf5aae1a3862dd1526723246b20206e5fc37"),  # the example of the book Pro Git
])  # fmt: skip
def test_git_blob(tmp_path, content, blob):
    (tmp_path / "a").write_bytes(content)
    assert checksum.matches(tmp_path / "a", f"git-blob:{blob}")
    assert not checksum.matches(tmp_path / "a", "git-blob:" + "0" * 40)


def test_git_blob_as_git_says(tmp_path):
    (tmp_path / "a").write_bytes(CONTENT)
    try:
        said = subprocess.run(["git", "hash-object", tmp_path / "a"], capture_output=True, text=True, check=True).stdout
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("no git")
    assert checksum.matches(tmp_path / "a", f"git-blob:{said.strip()}")


# --- archives


@pytest.mark.parametrize("write", [
    pytest.param(write_zip, id="zip"),
    pytest.param(write_tar, id="tar.gz"),
    pytest.param(lambda path, members: write_tar(path, members, "w"), id="tar"),
])  # fmt: skip
def test_members_by_full_name_or_last_part(tmp_path, write):
    path = tmp_path / "archive"
    write(path, {"set/a.txt": b"one", "./set/b.txt": b"two", "set/deep/c.txt": b"three", "set/xa.txt": b"no"})
    assert archives.read_members(path, ["a.txt", "set/b.txt"]) == {"a.txt": b"one", "set/b.txt": b"two"}
    assert archives.read_members(path, ["deep/c.txt"]) == {"deep/c.txt": b"three"}
    with refused(r"expected d.txt, e.txt in .*archive, got an archive without it\."):
        archives.read_members(path, ["a.txt", "d.txt", "e.txt"])


@pytest.mark.parametrize("write", [write_zip, write_tar], ids=["zip", "tar.gz"])
@pytest.mark.parametrize("cut", [0, 1, 20, 200, 100_000])
def test_damaged_archives(tmp_path, write, cut):
    path = tmp_path / "archive"
    write(path, {"a.txt": CONTENT})
    path.write_bytes(path.read_bytes()[:cut])
    with refused(r"read_members: expected (a whole archive, got .*archive \(.*\); delete it|a.txt in)"):
        archives.read_members(path, ["a.txt"])


def test_a_changed_byte_in_a_zip_is_seen(tmp_path):
    path = tmp_path / "a.zip"
    write_zip(path, {"a.txt": CONTENT})
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    with refused(r"expected a whole archive, got .*a.zip \("):
        archives.read_members(path, ["a.txt"])


def test_archives_that_are_not_there(tmp_path):
    with refused(r"expected an archive, got .*nowhere.zip, which does not exist"):
        archives.read_members(tmp_path / "nowhere.zip", ["a"])
    assert archives.is_archive("a.tar.gz") and archives.is_archive("b.zip") and not archives.is_archive("c.gz")


# --- downloads


def test_a_broken_download_goes_on_where_it_was(server, tmp_path):
    (server.folder / "a").write_bytes(CONTENT)
    path, server.break_after = tmp_path / "here" / "a", 200_000
    with pytest.raises(DownloadError, match="no connection"):
        download.download([server.url + "a"], path, md5_of(CONTENT))
    part = path.with_name("a.part")
    kept = len(part.read_bytes())
    assert 0 < kept <= 200_000 and CONTENT.startswith(part.read_bytes()) and not path.exists()
    assert download.download([server.url + "a"], path, md5_of(CONTENT)) == path
    assert path.read_bytes() == CONTENT and [p.name for p in path.parent.iterdir()] == ["a"]
    assert server.asked == [("a", None), ("a", f"bytes={kept}-")]


def test_the_next_mirror_goes_on_where_the_first_broke_off(server, tmp_path):
    (server.folder / "a").write_bytes(CONTENT)
    server.break_after = 150_000
    path = download.download([server.url + "a", server.url + "a"], tmp_path / "a", md5_of(CONTENT))
    assert path.read_bytes() == CONTENT
    assert server.asked[0][1] is None and server.asked[1][1].startswith("bytes=1")


def test_ctrl_c_keeps_what_came(server, tmp_path, monkeypatch):
    (server.folder / "a").write_bytes(CONTENT)

    def interrupted(url, path, begun):
        with open(path, "wb") as file:
            file.write(CONTENT[:1000])
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(download, "_save_url", interrupted)
        with pytest.raises(KeyboardInterrupt):
            download.download([server.url + "a"], tmp_path / "a", md5_of(CONTENT))
    assert (tmp_path / "a.part").read_bytes() == CONTENT[:1000]
    assert download.download([server.url + "a"], tmp_path / "a", md5_of(CONTENT)).read_bytes() == CONTENT
    assert server.asked == [("a", "bytes=1000-")]


def test_a_server_without_ranges_sends_the_whole_again(server, tmp_path):
    (server.folder / "a").write_bytes(CONTENT)
    (tmp_path / "a.part").write_bytes(CONTENT[:5000])
    server.ranges = False
    assert download.download([server.url + "a"], tmp_path / "a", md5_of(CONTENT)).read_bytes() == CONTENT


@pytest.mark.parametrize("kept", [b"something else altogether", CONTENT + b"more"], ids=["other", "longer"])
def test_a_part_of_something_else_is_thrown_away(server, tmp_path, kept):
    (server.folder / "a").write_bytes(CONTENT)
    (tmp_path / "a.part").write_bytes(kept)
    with pytest.raises(DownloadError, match="the file received has a wrong md5"):
        download.download([server.url + "a"], tmp_path / "a", md5_of(CONTENT))
    assert not list(tmp_path.glob("a*"))
    assert download.download([server.url + "a"], tmp_path / "a", md5_of(CONTENT)).read_bytes() == CONTENT


def test_a_part_that_is_the_whole_already(server, tmp_path):
    (server.folder / "a").write_bytes(CONTENT)
    (tmp_path / "a.part").write_bytes(CONTENT)
    assert download.download([server.url + "a"], tmp_path / "a", md5_of(CONTENT)).read_bytes() == CONTENT


def test_without_a_checksum_nothing_is_kept_of_a_broken_download(server, tmp_path):
    (server.folder / "a").write_bytes(CONTENT)
    server.break_after = 100_000
    with pytest.raises(DownloadError, match="no connection"):
        download.download([server.url + "a"], tmp_path / "a")
    assert not list(tmp_path.glob("a*"))
    assert download.download([server.url + "a"], tmp_path / "a").read_bytes() == CONTENT


@pytest.mark.parametrize("kind", ["sha1", "sha256", "git-blob"])
def test_every_kind_of_checksum_is_asked_for(server, tmp_path, kind):
    (server.folder / "a").write_bytes(CONTENT)
    state = hashlib.new("sha1" if kind == "git-blob" else kind)
    state.update(b"blob %d\0" % len(CONTENT) if kind == "git-blob" else b"")
    state.update(CONTENT)
    right = f"{kind}:{state.hexdigest()}"
    with pytest.raises(DownloadError, match=f"the file received has a wrong {kind}"):
        download.download([server.url + "a"], tmp_path / "a", right[:-1] + ("0" if right[-1] != "0" else "1"))
    assert not list(tmp_path.glob("a*"))
    assert download.download([server.url + "a"], tmp_path / "a", right).read_bytes() == CONTENT


def test_nobody_offers_it(tmp_path):
    with pytest.raises(DownloadError, match="nobody offers it for download"):
        download.download([], tmp_path / "a")


@pytest.mark.parametrize("ranges", [True, False])
def test_a_range_of_a_file(server, ranges):
    (server.folder / "a").write_bytes(CONTENT)
    server.ranges = ranges
    assert download.read_range(server.url + "a", 1000) == CONTENT[:1000]
    assert download.read_range(server.url + "a", 70_000, 100) == CONTENT[100:70_000]
    assert download.read_range(server.url + "a", 10**7, 299_000) == CONTENT[299_000:]
    assert server.asked[1] == ("a", "bytes=100-69999")


def test_a_range_that_cannot_be_had(server):
    with pytest.raises(DownloadError, match=r"nothing: HTTP status 404"):
        download.read_range(server.url + "nothing", 10)
    with pytest.raises(DownloadError, match=r"no connection"):
        download.read_range(closed_port() + "a", 10)


# --- sources read from wherever they are


ZIPPED = {"set/u.data": b"1\t2\t3\n", "set/u.item": b"1|Film\n", "set/README": b"terms"}


def a_source(**changed):
    settings = {
        "name": "made", "title": "Made Up", "content": "3 ratings", "files": {"set.zip": None},
        "members": {"set.zip": ("set/u.data", "set/u.item")}, "mirrors": ("http://127.0.0.1:1/",), "megabytes": 0.1,
    }  # fmt: skip
    return Source(**(settings | changed))


def test_a_source_knows_its_members():
    source = a_source()
    assert source.archive_of("u.data") == source.archive_of("set/u.data") == ("set.zip", "set/u.data")
    assert source.archive_of("data") is None and source.archive_of("README") is None
    assert source.urls("set.zip") == ["http://127.0.0.1:1/set.zip"]
    assert not source.made_by_code and Source("built-in").made_by_code


@pytest.mark.parametrize("place", ["made/u.data", "made/set/u.data", "u.data", "set/u.data"])
@pytest.mark.parametrize("packed", [False, True])
def test_members_lie_unpacked_in_any_reasonable_place(tmp_path, place, packed):
    root = tmp_path / "data"
    (root / place).parent.mkdir(parents=True)
    content = gzip.compress(b"1\n") if packed else b"1\n"
    path = root / (place + ".gz" * packed)
    path.write_bytes(content)
    found = store.read(a_source(), ["u.data"], root)
    assert found == {"u.data": store.Content(str(path), b"1\n")}


def test_members_come_out_of_the_archive_beside_unpacked_ones(tmp_path):
    (tmp_path / "made").mkdir()
    write_zip(tmp_path / "made" / "set.zip", ZIPPED)
    (tmp_path / "made" / "u.item").write_bytes(b"mine")
    found = store.read(a_source(), ["u.data", "u.item"], tmp_path)
    assert list(found) == ["u.data", "u.item"]
    assert found["u.data"] == (str(tmp_path / "made" / "set.zip"), ZIPPED["set/u.data"])
    assert found["u.item"].data == b"mine"


def test_a_plain_file_is_read_whole_and_unpacked(tmp_path):
    source = a_source(files={"a.csv.gz": None}, members={})
    (tmp_path / "a.csv.gz").write_bytes(gzip.compress(b"1,2"))
    assert store.read(source, ["a.csv.gz"], tmp_path)["a.csv.gz"].data == b"1,2"
    (tmp_path / "a.csv.gz").write_bytes(gzip.compress(b"1,2")[:-4])
    with refused(r"expected a whole gzip file, got .*a.csv.gz \(.*\); fetch it again"):
        store.read(source, ["a.csv.gz"], tmp_path)


def test_an_archive_is_downloaded_once(server, nothing_on_disk):
    write_zip(server.folder / "set.zip", ZIPPED)
    source = a_source(mirrors=(server.url,))
    for _ in range(2):
        assert store.read(source, ["u.item", "u.data"])["u.item"].data == ZIPPED["set/u.item"]
    assert [name for name, _ in server.asked] == ["set.zip"]
    assert (nothing_on_disk / "made" / "set.zip").is_file()


def test_terms_come_before_a_download_and_not_before_a_file_on_disk(server, tmp_path):
    write_zip(server.folder / "set.zip", ZIPPED)
    source = a_source(mirrors=(server.url,), terms="do not pass it on")
    with refused(r"consent to the terms of Made Up before a download, got none; read them \(tinyae data "
                            r"list made\) and, if you agree: tinyae data get made --accept-licence"):  # fmt: skip
        store.read(source, ["u.data"])
    assert server.asked == []
    assert store.read(source, ["u.data"], accept_terms=True)
    assert store.read(source, ["u.data"])  # it is here now


def test_a_folder_without_it_and_no_download():
    with pytest.raises(DownloadError, match=r"made/set.zip is not in .*switched off"):
        store.read(a_source(), ["u.data"], download=False)


def test_a_data_dir_without_it(tmp_path):
    with refused(r"expected the file .*made.set.zip, got a folder without it"):
        store.read(a_source(), ["u.data"], tmp_path)


# --- the catalogue


SOURCES = [entry.source for entry in catalogue.ENTRIES]


@pytest.mark.parametrize("source", SOURCES, ids=lambda s: s.name)
def test_every_source_says_what_people_ask(source):
    assert source.title and source.content and source.licence
    assert source.citation or source.made_by_code
    for text in (source.title, source.content, source.licence, source.citation, source.homepage, source.note):
        assert "\n" not in text
    for file, published in source.files.items():
        assert source.megabytes > 0
        assert source.urls(file) and all(url.startswith(("https://", "http://")) for url in source.urls(file))
        if published is not None:
            algorithm, digits = checksum.split(published)
            lengths = {"md5": 32, "sha1": 40, "sha256": 64, "git-blob": 40}
            assert re.fullmatch(r"[0-9a-f]*", digits) and len(digits) == lengths[algorithm]
    assert set(source.members) <= set(source.files)
    assert source.made_by_code == (not source.files and not source.substitutes)


def test_names_are_unique_and_mistakes_are_named():
    assert len(set(catalogue.NAMES)) == len(catalogue.NAMES)
    assert {"mnist", "fashion-mnist", "quickdraw10", "movielens-100k", "cifar10", "digits"} <= set(catalogue.NAMES)
    with refused(r"data: expected name to be one of .* got 'mnits' \(did you mean 'mnist'\?\)"):
        catalogue.find("mnits")


def test_movielens_has_terms_and_no_other():
    assert {s.name for s in SOURCES if s.terms} == {"movielens-100k", "movielens-1m"}


def test_every_command_named_exists():
    from tinyae.cli import COMMANDS

    known = {command.__name__.rsplit(".", 1)[-1] for command in COMMANDS}
    assert {name for entry in catalogue.ENTRIES for name in entry.used_by} <= known


def test_locate_takes_files_members_or_substitutes(tmp_path):
    source = a_source(substitutes=("made.npz",))
    folder = tmp_path / "made"
    folder.mkdir()
    assert catalogue.locate(source, tmp_path) == []
    (folder / "u.data.gz").touch()
    assert catalogue.locate(source, tmp_path) == []  # one of two members
    (folder / "made.npz").touch()
    assert catalogue.locate(source, tmp_path) == [folder / "made.npz"] and not catalogue.published(source, tmp_path)
    (folder / "u.item").touch()
    assert catalogue.locate(source, tmp_path) == [folder / "u.data.gz", folder / "u.item"]
    (folder / "set.zip").touch()
    assert catalogue.locate(source, tmp_path) == [folder / "set.zip"]


def test_get_downloads_what_is_missing(server, tmp_path):
    source = a_source(mirrors=(server.url,), files={"a": md5_of(b"a"), "b": md5_of(b"b")}, members={})
    for name in "ab":
        (server.folder / name).write_bytes(name.encode())
    (tmp_path / "made").mkdir()
    (tmp_path / "made" / "a").write_bytes(b"here already")
    assert catalogue.get(source, tmp_path) == [tmp_path / "made" / "a", tmp_path / "made" / "b"]
    assert (tmp_path / "made" / "a").read_bytes() == b"here already" and server.asked == [("b", None)]


def test_get_leaves_alone_what_is_found_anywhere(server, tmp_path, monkeypatch):
    source = a_source(mirrors=(server.url,))
    (tmp_path / "set.zip").touch()
    monkeypatch.setenv(store.ENV, str(tmp_path))
    assert catalogue.get(source) == [tmp_path / "set.zip"] and server.asked == []


def test_get_throws_away_an_archive_without_what_is_needed(server, tmp_path):
    source = a_source(mirrors=(server.url,))
    write_zip(server.folder / "set.zip", {"set/u.data": b"1"})
    with refused(r"expected set/u.item in .*set.zip, got an archive without it"):
        catalogue.get(source, tmp_path)
    (server.folder / "set.zip").write_bytes(b"<html>please log in</html>")
    with refused(r"expected a whole archive, got .*set.zip"):
        catalogue.get(source, tmp_path)
    assert not list((tmp_path / "made").iterdir())
    write_zip(server.folder / "set.zip", ZIPPED)
    assert catalogue.get(source, tmp_path) == [tmp_path / "made" / "set.zip"]


def test_get_says_what_cannot_be_had(tmp_path):
    source = a_source(files={}, substitutes=("made.npz",), note="make it yourself")
    with refused(r"expected a data set that is offered for download, got made; make it yourself"):
        catalogue.get(source)
    source = dataclasses.replace(a_source(), mirrors=(closed_port(),))
    with pytest.raises(DownloadError, match=r"data get: made/set.zip could not be downloaded \(http.*no connection\)"):
        catalogue.get(source, tmp_path)


@pytest.mark.realdata
def test_real_files_are_found():
    from conftest import DATA_DIR

    for name in ("mnist", "fashion-mnist", "movielens-100k"):
        assert catalogue.published(catalogue.find(name).source, DATA_DIR), name
    for name in ("quickdraw10", "cifar10", "ecg5000"):
        assert catalogue.locate(catalogue.find(name).source, DATA_DIR), name
