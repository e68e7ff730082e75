"""`tinyae search` on a few small pictures: answers, scores, files, own data, resuming, and what it refuses."""

import csv
import json
import os
import re

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from tinyae import cli, datasets, load, plots
from tinyae.applications.retrieval import Index, codes, codes_of, net_for
from tinyae.datasets import Dataset, download, store
from tinyae.plots import retrieval as pictures
from tinyae.samples import Preparation

SHAPE = (12, 10, 1)
NAMES = ("dot", "bar", "box")
DATA_DIR = os.environ.get(store.ENV, "")  # read now: the fixture hides it
SAVE = plots.save
DRAWN = {name: getattr(pictures, name) for name in ("neighbour_rows", "precision_by_class")}


def draw(n, seed, shape=SHAPE):
    """Dots, bars and boxes, each somewhere."""
    rng = np.random.default_rng(seed)
    x = rng.uniform(0, 0.1, (n, *shape)).astype(np.float32)
    for i in range(n):
        h, w = rng.integers(2, 7, 2)
        if i % 3 == 0:
            x[i, h : h + 2, w : w + 2] = 1
        elif i % 3 == 1:
            x[i, h : h + 5, w] = 1
        else:
            x[i, h - 2 : h + 3, w - 2 : w + 3] = 1
            x[i, h - 1 : h + 2, w - 1 : w + 2] = 0
    return x.reshape(n, -1)


def small_digits(n_train=150, seed=0):
    n_train = min(n_train, 150)
    y_train, y_test = np.arange(n_train) % 3, np.arange(60) % 3
    return Dataset("digits", draw(n_train, [seed, 0]), y_train, draw(60, [seed, 1]), y_test, SHAPE, NAMES)


@pytest.fixture(autouse=True)
def small_data(tmp_path, monkeypatch):
    """Small digits, figures that are not drawn, no data sets and no network; relative paths go here."""
    monkeypatch.delenv(store.ENV, raising=False)
    monkeypatch.setattr(store, "cache_dir", lambda: tmp_path / "cache")
    monkeypatch.setattr(datasets, "load_digits", small_digits)
    monkeypatch.setattr(plots, "save", lambda figure, path: path.write_bytes(b"not drawn"))
    for name in DRAWN:
        monkeypatch.setattr(pictures, name, lambda *arguments: None)

    def no_network(url, headers=None):
        raise TimeoutError

    monkeypatch.setattr(download, "_open_url", no_network)
    monkeypatch.chdir(tmp_path)


def search(capsys, *arguments):
    """Exit code, stdout and stderr of `tinyae search arguments`."""
    code = cli.main(["search", *(str(a) for a in arguments)])
    return code, *capsys.readouterr()


QUICK = ("--dataset", "digits", "--epochs", 2, "--code-size", 8, "--neighbours", 4, "--threads", 1, "--out", "out")


def metrics(folder="out"):
    with open(f"{folder}/metrics.json") as file:
        return json.load(file)


# --- answers and scores


def test_answers_scores_and_files(tmp_path, capsys):
    code, out, err = search(capsys, *QUICK, "--query-row", 5, "--query-row", 9)
    assert code == 0 and "tinyae: error" not in err
    files = "neighbours.png, neighbours.csv, table.md, precision.png, model.npz, history.csv, index.npz, metrics.json"
    assert out.splitlines()[-1] == f"results in out/: {files}"
    assert sorted(p.name for p in (tmp_path / "out").iterdir()) == sorted([*files.split(", "), "checkpoint"])
    m = metrics()
    assert m["n_images"] == 210 and m["n_train"] == 150 and m["n_test"] == 60 and m["code_size"] == 8
    assert m["net"] == "warped" and m["epochs"] == 2 and m["distance"] == "cosine" and m["power"] == 0.25
    assert [q["name"] for q in m["queries"]] == ["test 5", "test 9"] and m["queries"][0]["label"] == "box"

    # The answers are those of the index and the model that were written.
    data, model = small_digits(), load("out/model.npz")
    x = np.concatenate([data.x_train, data.x_test])
    index = Index.load("out/index.npz", model)
    rows, distances = index.neighbours(codes_of(model, x[[155]], 1), 4, exclude=[155])
    assert [n["name"] for n in m["queries"][0]["neighbours"]] == [index.names[row] for row in rows[0]]
    assert_allclose([n["distance"] for n in m["queries"][0]["neighbours"]], distances[0], rtol=1e-6)
    assert f"    1  {distances[0, 0]:.4f}  {index.names[rows[0, 0]]} (" in out
    assert "test 5 (box), nearest by cosine distance:" in out and " test 5 (" not in out.split("nearest by")[1]
    with open("out/neighbours.csv") as file:
        table = list(csv.DictReader(file))
    assert len(table) == 8 and table[4]["query"] == "test 9" and table[4]["rank"] == "1"
    assert table[0]["name"] == index.names[rows[0, 0]] and table[0]["query_class"] == "box"

    # And the scores are theirs, too.
    test = np.arange(150, 210)
    labels = np.concatenate([data.y_train, data.y_test])
    precision = index.precision(codes_of(model, x[test], 1), labels[test], 4, exclude=test)
    first = m["precision"][0]
    assert first["method"] == "autoencoder, whitened" and first["size"] == 8
    assert first["cosine"]["overall"] == round(precision.overall, 4)
    assert first["cosine"]["by_class"] == {NAMES[c]: round(p, 4) for c, p in precision.by_class.items()}
    methods = [row["method"] for row in m["precision"]]
    assert methods[1:] == [
        "autoencoder", "untrained net, whitened", "untrained net", "PCA-8, whitened", "PCA-8", "pixels as they are",
    ]  # fmt: skip
    untrained = codes_of(net_for("warped", SHAPE, 8, 0), x, 1)
    alone = Index(untrained, labels).precision(untrained[test], labels[test], 4, exclude=test)
    assert m["precision"][3]["cosine"]["overall"] == round(alone.overall, 4)
    text = (tmp_path / "out" / "table.md").read_text()
    assert f"| autoencoder, whitened | 8 | {precision.overall:.4f} |" in text and m["verdict"] in text
    assert "| box |" in text and "mean over 60 test images; the query itself is left out." in text
    assert m["verdict"] in out and re.search(r"pixels as they are +120 ", out)


def test_the_verdict_says_when_the_codes_lose():
    from types import SimpleNamespace

    from tinyae.applications.retrieval import Precision
    from tinyae.commands.search_report import verdict

    def row(method, cosine, euclidean):
        return {"method": method, "cosine": Precision(4, cosine, {}, 9), "euclidean": Precision(4, euclidean, {}, 9)}

    asked = SimpleNamespace(distance="cosine", neighbours=4)
    others = [row("autoencoder", 0.99, 0.99), row("untrained net", 0.1, 0.2), row("pixels", 0.3, 0.5)]
    for mine, word in ((0.6, "above"), (0.5, "equal to"), (0.4, "BELOW")):
        assert verdict([row("autoencoder, whitened", mine, 0.9), *others], asked) == (
            f"autoencoder, whitened, cosine: precision@4 {mine:.4f}, {word} the best of the others: pixels, euclidean, "
            "0.5000."
        )


def test_without_a_query_test_images_of_every_class_ask(capsys):
    code, out, _ = search(capsys, *QUICK, "--epochs", 1)
    queries = metrics()["queries"]
    assert code == 0 and len(queries) == 9  # 10 // 3 of each class
    assert sorted({q["label"] for q in queries}) == sorted(NAMES)
    assert len(out.split("\n\n")[0].splitlines()) == 9  # a line each


def test_json_alone_on_stdout(capsys):
    code, out, _ = search(capsys, *QUICK, "--epochs", 1, "--json", "--distance", "euclidean", "--power", 0)
    m = json.loads(out)
    assert code == 0 and m == metrics()
    assert m["distance"] == "euclidean" and [row["method"] for row in m["precision"]][:2] == [
        "autoencoder",
        "untrained net",
    ]
    assert Index.load("out/index.npz").whitening is None


@pytest.mark.slow
def test_same_seed_same_answers(capsys):
    search(capsys, *QUICK)
    search(capsys, *QUICK, "--out", "again")
    search(capsys, *QUICK, "--out", "other", "--seed", 1)
    changing = {"seconds_train", "peak_rss_mb"}
    first, again, other = (
        {name: value for name, value in metrics(folder).items() if name not in changing}
        for folder in ("out", "again", "other")
    )
    assert first == again and first["precision"] != other["precision"]


@pytest.mark.parametrize("net", ["plain", "conv", "dense"])
@pytest.mark.slow
def test_other_nets(net, capsys):
    size = () if net == "conv" else ("--code-size", 8)
    arguments = [a for a in QUICK if a not in ("--code-size", 8)]
    code, _, _ = search(capsys, *arguments, *size, "--net", net, "--limit", 30)
    m = metrics()
    assert code == 0 and m["net"] == net and m["n_train"] == 30 and m["n_test"] == 30
    assert m["code_size"] == (32 if net == "conv" else 8)  # 2 x 2 x 8


def test_the_figures(monkeypatch, capsys):
    monkeypatch.setattr(plots, "save", SAVE)
    for name, function in DRAWN.items():
        monkeypatch.setattr(pictures, name, function)
    code, _, _ = search(capsys, *QUICK, "--epochs", 1, "--query-row", 1)
    assert code == 0
    for name in ("neighbours.png", "precision.png"):
        with open(f"out/{name}", "rb") as file:
            assert file.read(4) == b"\x89PNG"


# --- queries from files


def png(path, image):
    from PIL import Image

    Image.fromarray((255 * image).round().astype(np.uint8)).save(path)


def test_a_picture_that_is_in_the_index_finds_itself(tmp_path, capsys):
    image = np.round(255 * small_digits().x_test[4]).reshape(SHAPE[:2]) / 255
    png(tmp_path / "mine.png", image)
    np.save(tmp_path / "two.npy", draw(2, 7).reshape(2, *SHAPE[:2]))
    code, out, _ = search(capsys, *QUICK, "--query", "mine.png", "--query", "two.npy", "--query-row", 0)
    names = [q["name"] for q in metrics()["queries"]]
    assert code == 0 and names == ["test 0", "mine.png", "two.npy, image 0", "two.npy, image 1"]
    nearest = metrics()["queries"][1]["neighbours"][0]
    assert nearest["name"] == "test 4" and nearest["distance"] < 1e-3  # but for rounding to bytes
    assert "mine.png, nearest by cosine distance:" in out


def test_a_picture_of_another_size_is_scaled_when_asked(tmp_path, capsys):
    png(tmp_path / "large.png", draw(1, 3).reshape(SHAPE[:2]).repeat(2, 0).repeat(2, 1))
    code, out, err = search(capsys, *QUICK, "--query", "large.png")
    assert code == 2 and out == "" and not (tmp_path / "out").exists()
    assert "large.png: expected images of 12 x 10 x 1, as the model was trained on, got images of 24 x 20" in err
    assert "--image-size 12x10 scales and crops them" in err
    code, _, _ = search(capsys, *QUICK, "--query", "large.png", "--image-size", "12x10")
    assert code == 0


# --- a model and an index that are there already


def test_a_model_and_its_index_are_used_again(tmp_path, capsys):
    search(capsys, *QUICK, "--query-row", 2)
    first = metrics()
    again = ("--dataset", "digits", "--neighbours", 4, "--threads", 1, "--model", "out/model.npz", "--out", "again")
    code, out, _ = search(capsys, *again, "--query-row", 2)
    m = metrics("again")
    assert code == 0 and m["queries"] == first["queries"] and m["net"] is m["epochs"] is None
    assert "untrained net" not in [row["method"] for row in m["precision"]]
    assert m["precision"][0] == first["precision"][0]
    assert not (tmp_path / "again" / "model.npz").exists() and "model.npz" not in out
    code, out, err = search(capsys, *again, "--query-row", 2, "--index", "out/index.npz")
    assert code == 0 and metrics("again")["queries"] == first["queries"] and metrics("again")["precision"] is None
    assert "precision@" not in err and "index.npz" in out


def test_a_model_of_tinyae_train_will_do(capsys):
    cli.main("train --arch simple --dataset digits --epochs 1 --out trained".split())
    code, _, _ = search(
        capsys, "--dataset", "digits", "--model", "trained/model.npz", "--out", "out", "--neighbours", 4
    )
    assert code == 0 and metrics()["code_size"] == 32


@pytest.mark.slow
def test_an_index_of_others_is_refused(capsys):
    search(capsys, *QUICK)
    search(capsys, *QUICK, "--out", "other", "--seed", 1)
    shared = ("--dataset", "digits", "--out", "again", "--neighbours", 4)
    for arguments, message in (
        (("--model", "other/model.npz", "--index", "out/index.npz"), "expected an index made by this model, got"),
        (("--model", "out/model.npz", "--index", "out/index.npz", "--limit", 50), "made of others; leave out --index"),
        (("--model", "out/model.npz", "--index", "out/index.npz", "--seed", 1), "made of others; leave out --index"),
        (("--model", "out/model.npz", "--index", "out/model.npz"), "expected a whole index file"),
    ):
        code, out, err = search(capsys, *shared, *arguments)
        assert code == 2 and out == "" and message in err, arguments


# --- one's own files


def test_a_folder_of_pictures_in_classes(tmp_path, capsys):
    for i, image in enumerate(draw(30, 1).reshape(-1, *SHAPE[:2])):
        folder = tmp_path / "photos" / NAMES[i % 3]
        folder.mkdir(parents=True, exist_ok=True)
        png(folder / f"{i}.png", image)
    own = ("--dataset", "photos/", "--epochs", 1, "--neighbours", 3, "--out", "out", "--code-size", 6)
    code, _, _ = search(capsys, *own, "--query", "photos/box/5.png", "--query-row", 0)
    m = metrics()
    assert code == 0 and m["class_names"] == sorted(NAMES) and m["n_images"] == 30 and m["n_test"] == 3
    assert m["queries"][1]["neighbours"][0] | {"distance": 0} == {
        "rank": 1, "name": "box/5.png", "label": "box", "distance": 0
    }  # fmt: skip
    assert m["queries"][0]["name"] == "bar/1.png" and m["precision"] is not None  # people's order: 1, 4, 7, 10, ...
    assert Preparation.of(load("out/model.npz")).scale == "unit"
    again = ("--dataset", "photos/", "--neighbours", 3, "--model", "out/model.npz", "--index", "out/index.npz")
    code, _, _ = search(capsys, *again, "--out", "again", "--query-row", 0)
    assert code == 0 and metrics("again")["queries"] == m["queries"][:1]
    (tmp_path / "photos" / "bar" / "7.png").rename(tmp_path / "photos" / "bar" / "8.png")
    code, _, err = search(capsys, *again, "--out", "again", "--query-row", 0)
    assert code == 2 and "made of others" in err


def test_an_array_without_classes(tmp_path, capsys):
    np.save(tmp_path / "x.npy", (255 * draw(40, 2)).astype(np.uint8).reshape(-1, *SHAPE[:2]))
    code, out, _ = search(
        capsys, "--dataset", "x.npy", "--epochs", 1, "--neighbours", 3, "--query-row", 39, "--out", "out"
    )
    m = metrics()
    assert code == 0 and m["precision"] is None and m["queries"][0]["name"] == "image 39"
    assert "no classes in the data: nothing to judge the answers by" in out
    assert not (tmp_path / "out" / "table.md").exists() and "table.md" not in out


def test_a_table(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(codes, "MOST_EPOCHS", 20)
    rng = np.random.default_rng(0)
    x = rng.normal(size=(60, 5)) * [1, 10, 100, 1, 1]
    x[::2, 1] += 60
    lines = [f"{','.join(f'{v:.4f}' for v in row)},{'ab'[i % 2]}" for i, row in enumerate(x)]
    (tmp_path / "t.csv").write_text("\n".join(["p,q,r,s,t,kind", *lines]) + "\n")
    (tmp_path / "q.csv").write_text("t,s,r,q,p\n0,0,0,60,0\n")
    own = ("--dataset", "t.csv", "--label", "kind", "--epochs", 3, "--neighbours", 3, "--out", "out")
    code, out, _ = search(capsys, *own, "--query", "q.csv")
    m = metrics()
    assert code == 0 and m["net"] == "dense" and m["code_size"] == 2 and m["image_shape"] == [1, 5, 1]
    assert m["queries"][0]["name"] == "q.csv" and m["queries"][0]["neighbours"][0]["name"].startswith("row ")
    assert "t.csv, 6 test rows ask, among 60:" in out
    assert m["epochs"] == 3
    index = own.index("--epochs")
    assert search(capsys, *own[:index], *own[index + 2 :], "--query", "q.csv")[0] == 0
    assert metrics()["epochs"] == 20  # by itself: an epoch is one update
    (tmp_path / "q.csv").write_text("t,s,r,q\n0,0,0,60\n")
    code, _, err = search(capsys, *own, "--query", "q.csv")
    assert code == 2 and "q.csv" in err and "'p'" in err


# --- going on after a kill


@pytest.mark.slow
def test_resume_ends_with_the_same_bits(tmp_path, capsys):
    search(capsys, *QUICK, "--epochs", 3)
    from tinyae.training.checkpoint import Checkpoint

    stopped = []

    def stop(self, *arguments, **named):
        stopped.append(1)
        if len(stopped) == 2:
            raise KeyboardInterrupt
        return done(self, *arguments, **named)

    done = Checkpoint.epoch_done
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Checkpoint, "epoch_done", stop)
        code, out, err = search(capsys, *QUICK, "--epochs", 3, "--out", "killed")
    assert code == 130 and out == "" and err.splitlines()[-1] == "tinyae: error: interrupted"
    assert [p.name for p in (tmp_path / "killed").iterdir()] == ["checkpoint"]
    code, _, err = search(capsys, *QUICK, "--epochs", 3, "--out", "killed", "--resume")
    assert code == 0
    assert_array_equal(load("killed/model.npz").theta, load("out/model.npz").theta)
    assert metrics("killed")["precision"] == metrics("out")["precision"]


# --- what is refused


@pytest.mark.parametrize(
    "arguments, message",
    [
        ("--dataset nmist", "expected dataset to be one of mnist, fashion-mnist, quickdraw10"),
        ("--neighbours 0", "neighbours to be a whole number >= 1, got 0"),
        ("--neighbours 210", "expected fewer neighbours than the 210 images of digits, got 210"),
        ("--query-row 60", "one of 60 images of digits to ask with, from 0 to 59, got 60"),
        ("--query-row -1", "from 0 to 59, got -1"),
        ("--query none.png", "none.png: expected a file or folder, got no such file"),
        ("--query empty.npy", "empty.npy"),
        ("--query wide.npy", "wide.npy: expected images of 12 x 10 x 1, as the model was trained on, got"),
        ("--query many.npy", "many.npy: expected at most 20 queries, got 21"),
        ("--query bytes.npy", "floats in [0, 1], got values from 0 to 200"),
        (" ".join(f"--query-row {i}" for i in range(21)), "expected at most 20 queries at once, got 21"),
        ("--distance manhattan", "distance to be one of cosine, euclidean, got 'manhattan'"),
        ("--method annoy", "method to be one of exact, brute, ball_tree, kd_tree, got 'annoy'"),
        ("--power 0.7", "power in [0, 0.5], got 0.7"),
        ("--net vgg", "net to be one of warped, plain, conv, dense, got 'vgg'"),
        ("--net conv --code-size 8", "no code_size for the net conv, got 8"),
        ("--epochs 0", "epochs to be a whole number >= 1, got 0"),
        ("--limit 0", "limit to be a whole number >= 1, got 0"),
        ("--seed -1", "seed to be a whole number >= 0, got -1"),
        ("--threads 0", "threads to be a whole number >= 1, got 0"),
        ("--label kind", "expected --label for a file of your own alone, got it for digits"),
        ("--index out/index.npz", "expected --model with --index, got none"),
        ("--model none.npz --index out/index.npz --power 0", "no --power with --index, got one; the index has its own"),
        ("--model none.npz", "got none.npz, which does not exist"),
        ("--model empty.npy --epochs 3", "no --epochs with --model"),
        ("--model empty.npy --code-size 3", "no --code-size with --model"),
        ("--model empty.npy --resume", "no --resume with --model"),
        ("--model other.npz", "expected images of 7 x 7 x 1, as the model takes, got 12 x 10 x 1"),
        ("--dataset two.npy", "two.npy: expected at least 3 images to search, got 2"),
        ("--dataset rows.npy --net warped", "expected images for the net warped, got rows of 6 numbers"),
        ("--out wide.npy", "expected a folder one can write to, got wide.npy"),
    ],
)
def test_bad_usage_is_one_line_and_exit_code_2(tmp_path, capsys, arguments, message):
    from tinyae import save
    from tinyae.architectures import conv_autoencoder

    (tmp_path / "empty.npy").write_bytes(b"")
    np.save(tmp_path / "wide.npy", np.zeros((1, 12, 11)))
    np.save(tmp_path / "many.npy", np.zeros((21, 12, 10)))
    np.save(tmp_path / "bytes.npy", np.full((1, 12, 10), 200.0) * (np.arange(10) > 4))
    np.save(tmp_path / "two.npy", np.zeros((2, 12, 10), np.uint8))
    np.save(tmp_path / "rows.npy", np.random.default_rng(0).normal(size=(40, 6)))
    save(conv_autoencoder((7, 7, 1)), tmp_path / "other.npz")
    before = sorted(p.name for p in tmp_path.iterdir())
    quick = () if "--dataset" in arguments else ("--dataset", "digits")
    code, out, err = search(capsys, *quick, *arguments.split())
    assert code == 2 and out == ""
    assert err.startswith("tinyae: error: ") and err.count("\n") == 1 and message in err
    assert sorted(p.name for p in tmp_path.iterdir()) == before  # nothing written, not even a folder


def test_bad_input_leaves_earlier_results_alone(tmp_path, capsys):
    search(capsys, *QUICK, "--epochs", 1)
    before = {p.name: p.read_bytes() for p in (tmp_path / "out").iterdir() if p.is_file()}
    code, _, _ = search(capsys, *QUICK, "--query", "none.png")
    assert code == 2
    assert {p.name: p.read_bytes() for p in (tmp_path / "out").iterdir() if p.is_file()} == before


def test_scikit_learns_methods_from_the_command_line(capsys):
    pytest.importorskip("sklearn")
    search(capsys, *QUICK, "--query-row", 1)
    code, _, _ = search(capsys, *QUICK, "--query-row", 1, "--method", "ball_tree", "--out", "tree")
    assert code == 0 and metrics("tree")["queries"] == metrics()["queries"]
    assert Index.load("tree/index.npz").method == "ball_tree"


def test_help_has_an_example_without_a_network(capsys):
    with pytest.raises(SystemExit):
        cli.main(["search", "--help"])
    text = capsys.readouterr().out
    assert "example: tinyae search --dataset digits --limit" in text and "default: warped" in text


@pytest.mark.realdata
@pytest.mark.parametrize("name", ["quickdraw10", "mnist"])
def test_codes_beat_pixels_and_principal_components(name, capsys):
    """Some hundredths of the data and few epochs; in full the distance is larger."""
    quick = ("--data-dir", DATA_DIR, "--limit", 2500, "--epochs", 5, "--out", "out")
    code, _, _ = search(capsys, "--dataset", name, *quick, "--query-row", 0)
    first, *others = metrics()["precision"][:1] + metrics()["precision"][2:]
    assert code == 0 and first["size"] == 128 and {row["size"] for row in others} == {128, 784}
    best = max(row[distance]["overall"] for row in others for distance in ("cosine", "euclidean"))
    assert first["cosine"]["overall"] > best + 0.01
