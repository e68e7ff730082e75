"""`tinyae topics` on a few made-up documents: files, scores, questions to a trained model, and what it refuses."""

import csv
import json
import warnings

import numpy as np
import pytest

from tinyae import cli, plots
from tinyae.applications.topics import load_topics
from tinyae.datasets import download, store

FEW = ("--dataset", "corpus", "--limit", "60", "--threads", "1")
SHORT = ("--code-size", "3", "--pretraining", "1", "--epochs", "2")


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    """Relative paths go to a new folder; no data sets, no network, no drawing."""
    monkeypatch.delenv(store.ENV, raising=False)
    monkeypatch.setattr(store, "cache_dir", lambda: tmp_path / "cache")
    monkeypatch.setattr(plots, "save", lambda figure, path: path.write_bytes(b"not drawn"))

    def no_network(url, headers=None):
        raise TimeoutError

    monkeypatch.setattr(download, "_open_url", no_network)
    monkeypatch.chdir(tmp_path)


def topics(*options):
    return cli.main(["topics", *FEW, *options])


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """The folder of a short run, drawn."""
    out = tmp_path_factory.mktemp("topics") / "run"
    with warnings.catch_warnings():  # an epoch on 60 documents leaves hidden units idle, and says so
        warnings.filterwarnings("ignore", "fit_rbm", RuntimeWarning)
        assert cli.main(["topics", *FEW, *SHORT, "--out", str(out)]) == 0
    return out


def test_files(trained):
    m = json.loads((trained / "metrics.json").read_text())
    methods = ["autoencoder", "LSA-3", "LSA-3, idf squared", "TF-IDF", "untrained net", "chance"]
    assert [row["method"] for row in m["rows"]] == methods
    assert (m["n_train"], m["n_test"], m["n_words"], m["epochs"], m["epochs_pretraining"]) == (60, 60, 380, 2, 1)
    assert m["layer_sizes"] == [380, 500, 250, 125, 3] and "The autoencoder's 3 numbers are" in m["verdict"]
    for name in ("retrieval.png", "map.png"):
        assert (trained / name).read_bytes().startswith(b"\x89PNG")
    with open(trained / "curve.csv") as file:
        curve = list(csv.DictReader(file))
    assert len(curve) == 59 and list(curve[0]) == ["retrieved", *methods]
    assert float(curve[14]["TF-IDF"]) == pytest.approx(m["rows"][3]["at_15"], abs=1e-6)
    assert m["verdict"] in (trained / "table.md").read_text()
    assert load_topics(trained / "model.npz").code_size == 3


def test_a_trained_model_is_asked(trained, capsys):
    assert topics("--model", str(trained / "model.npz"), "--query-row", "7", "--neighbours", "4", "--out", "q") == 0
    assert "like test document 7 (" in capsys.readouterr().out
    with open("q/neighbours.csv") as file:
        rows = list(csv.DictReader(file))
    assert [row["rank"] for row in rows] == list("1234") and {row["query"] for row in rows} == {"7"}
    assert "7" not in {row["row"] for row in rows}
    near = [float(row["cosine"]) for row in rows]
    assert near == sorted(near, reverse=True)


def test_json_is_all_of_stdout(trained, capsys):
    assert topics("--model", str(trained / "model.npz"), "--json", "--out", "j") == 0
    assert json.loads(capsys.readouterr().out)["n_words"] == 380


@pytest.mark.filterwarnings("ignore:fit_rbm")
def test_resuming_a_finished_run_changes_nothing(trained):
    before = load_topics(trained / "model.npz").net.theta
    assert topics(*SHORT, "--resume", "--out", str(trained)) == 0
    np.testing.assert_array_equal(load_topics(trained / "model.npz").net.theta, before)


@pytest.mark.parametrize(
    "options, message",
    [
        (["--epochs", "0"], "expected epochs to be a whole number >= 1, got 0"),
        (["--code-size", "0"], "expected code-size to be a whole number >= 1, got 0"),
        (["--code-size", "381"], "expected a code-size of at most 380 words, got 381"),
        (["--limit", "1"], "expected limit to be a whole number >= 2, got 1"),
        (["--pretraining", "-1"], "expected pretraining to be a whole number >= 0, got -1"),
        (["--neighbours", "0"], "expected neighbours to be a whole number >= 1"),
        (["--words", "9"], "expected --words for newsgroups alone"),
        (["--dataset", "corpse"], "expected dataset to be one of auto, newsgroups, corpus, got 'corpse'"),
        (["--query-row", "99999"], "expected the number of a test document from 0 to "),
        (["--query-row", "1"] * 21, "expected at most 20 queries at once, got 21"),
        (["--model", "none.npz"], "expected a model file, got none.npz, which does not exist"),
        (["--model", "{model}", "--epochs", "3"], "expected no --epochs with --model"),
        (["--model", "{model}", "--resume"], "expected no --resume with --model"),
        (["--model", "{model}", "--seed", "5"], "give the --dataset and --seed it was trained on"),
    ],
)
def test_what_it_refuses(options, message, trained, tmp_path, capsys):
    """One line, exit 2, and no folder is made."""
    assert topics(*[o.replace("{model}", str(trained / "model.npz")) for o in options], "--out", "no") == 2
    said = capsys.readouterr()
    assert message in said.err.strip().splitlines()[-1] and not said.out and not (tmp_path / "no").exists()
