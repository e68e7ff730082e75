"""`tinyae data`: exit codes, paths on stdout, terms before a download, one line where something is wrong."""

import hashlib
import http.server
import json
import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from tinyae import cli
from tinyae.datasets import catalogue, store
from tinyae.datasets.source import Source

RATINGS = b"1\t2\t3\n"


@pytest.fixture(autouse=True)
def nothing_on_disk(tmp_path, monkeypatch):
    monkeypatch.delenv(store.ENV, raising=False)
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    monkeypatch.setattr(store, "cache_dir", lambda: tmp_path / "cache")
    return tmp_path / "cache"


@pytest.fixture
def served(tmp_path):
    """A folder and the address it is served at."""
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


@pytest.fixture
def made(served, monkeypatch):
    """A catalogue of a free set, one with terms, one nobody offers, and a built-in one."""
    folder, url = served
    (folder / "free.dat").write_bytes(RATINGS)
    (folder / "bound.dat").write_bytes(RATINGS)
    md5 = hashlib.md5(RATINGS, usedforsecurity=False).hexdigest()
    facts = {"content": "3 numbers", "megabytes": 0.1, "mirrors": (url,), "citation": "nobody"}
    sources = (
        Source("free", "Free Set", files={"free.dat": md5}, licence="MIT", **facts),
        Source(
            "bound", "Bound Set", files={"bound.dat": None}, licence="research", terms="Do not pass it on.", **facts
        ),
        Source("private", "Private Set", substitutes=("private.npz",), note="ask its owner.", content="secret"),
        Source("drawn", "Drawn Set", content="any number"),
    )
    entries = tuple(catalogue.Entry(source, ("train",)) for source in sources)
    monkeypatch.setattr(catalogue, "ENTRIES", entries)
    monkeypatch.setattr(catalogue, "NAMES", tuple(source.name for source in sources))
    return folder


@pytest.fixture
def data(capsys):
    """Exit code, stdout and stderr of `tinyae data arguments`."""

    def run(*arguments):
        code = cli.main(["data", *map(str, arguments)])
        return code, *capsys.readouterr()

    return run


def assert_one_line(answer, text, code=2):
    got, out, err = answer
    assert got == code and out == ""
    assert err.count("\n") == 1 and err.startswith("tinyae: error: ") and text in err


# --- list


def test_list_is_a_table_of_all(data):
    code, out, err = data("list")
    assert code == 0 and err == ""
    lines = out.splitlines()
    assert lines[0].split() == ["name", "download", "here", "what", "it", "is"]
    assert [line.split()[0] for line in lines[1 : 1 + len(catalogue.NAMES)]] == list(catalogue.NAMES)
    digits = next(line for line in lines if line.startswith("digits"))
    assert "built in" in digits and "60,000 + 10,000 grey images of 28 x 28" in digits
    assert "11.6 MB  no " in next(line for line in lines if line.startswith("mnist"))
    assert max(map(len, lines)) < 150


def test_list_one_says_everything(data, tmp_path):
    (tmp_path / "mnist").mkdir()
    for name in catalogue.find("mnist").source.files:
        (tmp_path / "mnist" / name).touch()
    code, out, err = data("list", "mnist", "--data-dir", tmp_path)
    assert code == 0 and err == "" and out.startswith("MNIST\n")
    for text in ("60,000 + 10,000", "here      yes", str(tmp_path / "mnist" / "t10k-labels-idx1-ubyte.gz"),
                 "md5:f68b3c2dcbeaaa9fbdd348bbdeb94873", "https://ossci-datasets.s3.amazonaws.com/mnist/",
                 "licence   usually given as CC BY-SA 3.0", "LeCun", "used by   hinton2006, train"):  # fmt: skip
        assert text in out


def test_list_says_where_no_checksum_is_published_and_shows_terms(data, made):
    out = data("list", "bound")[1]
    assert "bound.dat  (no checksum is published; the loader checks the content)" in out
    assert "terms     Do not pass it on." in out
    assert "or file   private.npz" in data("list", "private")[1]


def test_long_facts_are_wrapped(data):
    lines = data("list", "movielens-100k")[1].splitlines()
    assert max(map(len, lines)) <= 110 and any(line.startswith("terms     MovieLens data belong") for line in lines)
    assert sum(line.startswith(" " * 10) for line in lines) >= 4


def test_list_as_json(data, made):
    rows = json.loads(data("list", "--json")[1])
    assert [row["name"] for row in rows] == ["free", "bound", "private", "drawn"]
    one = json.loads(data("list", "free", "--json")[1])
    assert one == rows[0] and one["files"] == {"free.dat": "md5:" + hashlib.md5(RATINGS).hexdigest()}
    assert [row["here"] for row in rows] == ["no", "no", "no", "built in"]


def test_here_tells_published_files_from_others(data, made, tmp_path):
    root = tmp_path / "root"
    root.mkdir()
    (root / "private.npz").touch()
    (root / "free.dat").touch()
    rows = json.loads(data("list", "--json", "--data-dir", root)[1])
    assert [row["here"] for row in rows] == ["yes", "no", "other file", "built in"]


# --- where


def test_where_prints_paths(data, made, tmp_path, monkeypatch):
    root = tmp_path / "root"
    (root / "free").mkdir(parents=True)
    (root / "free" / "free.dat").touch()
    assert data("where", "free", "--data-dir", root) == (0, f"{root / 'free' / 'free.dat'}\n", "")
    monkeypatch.setenv(store.ENV, str(root))
    assert data("where", "free")[:2] == (0, f"{root / 'free' / 'free.dat'}\n")
    assert data("where")[1].splitlines() == [
        f"free: {root / 'free'}", "bound: not here", "private: not here", "drawn: made by code",
    ]  # fmt: skip


def test_where_says_that_it_is_not_here(data, made):
    assert data("where", "free") == (1, "", "tinyae: free is not on this machine; tinyae data get free\n")
    assert data("where", "private") == (1, "", "tinyae: private is not on this machine; ask its owner.\n")
    assert data("where", "drawn") == (0, "drawn is made by code and needs no file\n", "")


# --- get


def test_get_into_the_cache_and_once(data, made, nothing_on_disk):
    path = nothing_on_disk / "free" / "free.dat"
    code, out, err = data("get", "free")
    assert code == 0 and out == f"{path}\n" and path.read_bytes() == RATINGS
    assert "Free Set. Licence: MIT." in err and "downloading http" in err
    (made / "free.dat").unlink()
    code, out, err = data("get", "free")
    assert code == 0 and out == f"{path}\n" and "downloading" not in err


def test_get_into_a_folder(data, made, tmp_path, nothing_on_disk):
    path = tmp_path / "new" / "folder" / "free" / "free.dat"
    assert data("get", "free", "--data-dir", tmp_path / "new" / "folder")[:2] == (0, f"{path}\n")
    assert path.read_bytes() == RATINGS and not nothing_on_disk.exists()


def test_terms_are_shown_and_have_to_be_agreed_to(data, made, nothing_on_disk):
    code, out, err = data("get", "bound")
    assert code == 2 and out == ""
    terms, error = err.splitlines()[1:]
    assert terms == "Do not pass it on." and "expected consent to the terms of Bound Set" in error
    assert "if you agree: tinyae data get bound --accept-licence" in error
    assert not nothing_on_disk.exists()
    code, out, err = data("get", "bound", "--accept-licence")
    assert code == 0 and Path(out.strip()).read_bytes() == RATINGS
    assert err.index("Do not pass it on.") < err.index("downloading")  # shown first, all the same
    assert data("get", "bound")[0] == 0  # it is here: nothing to agree to


def test_get_what_needs_no_download_or_has_none(data, made):
    assert data("get", "drawn") == (0, "drawn is made by code: nothing to download\n", "")
    assert_one_line(data("get", "private"), "offered for download, got private; ask its owner.")


def test_get_a_wrong_file(data, made, nothing_on_disk):
    (made / "free.dat").write_bytes(b"<html>log in</html>")
    code, out, err = data("get", "free")
    assert code == 1 and out == "" and not list(nothing_on_disk.rglob("free.dat*"))
    assert err.splitlines()[-1].startswith("tinyae: error: data get: free/free.dat could not be downloaded (http")
    assert "the file received has a wrong md5" in err


def test_a_folder_that_cannot_be_written_to(data, made, tmp_path):
    (tmp_path / "file").touch()
    assert_one_line(data("get", "free", "--data-dir", tmp_path / "file"), "expected a folder one can write to")


# --- bad usage


@pytest.mark.parametrize("part", ["list", "where", "get"])
def test_an_unknown_name(data, part):
    assert_one_line(data(part, "mnits"), f"data {part}: expected name to be one of mnist")


def test_a_folder_that_is_not_there(data, tmp_path):
    for part in (["list"], ["where"], ["where", "mnist"]):
        assert_one_line(data(*part, "--data-dir", tmp_path / "nowhere"), "expected data_dir to be an existing folder")


def test_without_a_part(data):
    assert_one_line(data(), "tinyae data: the following arguments are required: PART (see tinyae data --help)")
    assert_one_line(data("got"), "invalid choice: 'got'")


@pytest.mark.parametrize("part", ["list", "where"])
def test_a_reader_that_has_seen_enough_is_no_error_to_speak_of(part):
    words = [sys.executable, "-m", "tinyae.cli", "data", part]
    buffered = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=buffered) as program:
        program.stdout.close()  # as `head` does
        assert program.stderr.read() == b""
    assert program.returncode == 1


@pytest.mark.parametrize("name", ["movielens-100k", "movielens-1m"])
def test_movielens_is_not_downloaded_without_consent(data, name):
    code, out, err = data("get", name)
    assert code == 2 and out == "" and "downloading" not in err
    assert "do not pass the" in err and err.splitlines()[-1].endswith(f"tinyae data get {name} --accept-licence.")
