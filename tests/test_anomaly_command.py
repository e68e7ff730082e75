"""`tinyae anomaly fit` and `score` on small tables and pictures: files, numbers, rules, and what they refuse."""

import csv
import json
from types import SimpleNamespace

import numpy as np
import pytest
from numpy.testing import assert_allclose

from tinyae import cli, plots
from tinyae.applications import anomaly
from tinyae.commands import anomaly_report as report
from tinyae.commands.anomaly_fit import rule_for
from tinyae.plots import anomaly as pictures
from tinyae.plots.anomaly import score_histogram
from tinyae.samples import write_samples

NAMES = ["a", "b", "c", "d", "e"]


@pytest.fixture(scope="module")
def table():
    """(60, 5), the first three rows are wrong in one column each."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(60, 2)) @ rng.normal(size=(2, 5)) + 0.1 * rng.normal(size=(60, 5))
    x[[0, 1, 2], [0, 1, 2]] += 6 * x.std(axis=0)[:3]
    return x


def write_table(path, x, labels=None, names=NAMES):
    lines = [list(map(repr, map(float, row))) for row in x]
    if labels is not None:
        names, lines = [*names, "label"], [[*line, str(int(k))] for line, k in zip(lines, labels, strict=True)]
    path.write_text("\n".join(",".join(line) for line in [names, *lines]) + "\n")
    return str(path)


@pytest.fixture(scope="module")
def fitted(table, tmp_path_factory):
    """A folder with labelled.csv, rows.csv, and out/ of `tinyae anomaly fit labelled.csv`."""
    folder = tmp_path_factory.mktemp("anomaly")
    data = write_table(folder / "labelled.csv", table, np.arange(60) < 3)
    write_table(folder / "rows.csv", table[:8])
    status = cli.main(["anomaly", "fit", data, "--label", "label", "--epochs", "20", "--threads", "1", "--alarms", "3",
                       "--out", str(folder / "out"), "--json"])  # fmt: skip
    assert status == 0
    return folder


def rows_of(path):
    with open(path, newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def refused(capsys, *words):
    """What is said in one line at exit 2."""
    assert cli.main(["anomaly", *map(str, words)]) == 2
    said = capsys.readouterr()
    lines = said.err.strip().splitlines()
    assert len(lines) == 1 and lines[0].startswith("tinyae: error: ") and not said.out
    return lines[0]


@pytest.fixture(autouse=True)
def nothing_is_drawn(monkeypatch):
    """Pictures take most of the time; those of the module's own fit are drawn."""
    for name in ("score_curves", "score_histogram", "strangest_rows", "strangest_images"):
        monkeypatch.setattr(pictures, name, lambda *a: None)
    monkeypatch.setattr(plots, "save", lambda figure, path: path.write_bytes(b""))


# -- fit ------------------------------------------------------------------------------------------------------


def test_fit_writes_what_it_says(fitted, table):
    out = fitted / "out"
    expected = {"model.npz", "scores.csv", "scores.png", "strangest.png", "curves.png", "table.md", "metrics.json"}
    assert expected <= {path.name for path in out.iterdir()}
    metrics = json.loads((out / "metrics.json").read_text())
    detector = anomaly.load(out / "model.npz")
    scores = detector.scores(table)
    strange = np.arange(60) < 3
    methods = {row["method"]: row for row in metrics["rows"]}
    assert list(methods) == ["detector", "untrained nets", "PCA-2", "distance from the mean"]
    assert methods["detector"]["auroc"] == pytest.approx(anomaly.auroc(strange, scores), abs=1e-9)
    assert metrics["threshold"]["expected_alarms"] == 3 and metrics["threshold"]["of"] == 60
    assert metrics["alarms"]["alarms"] == 3 and metrics["alarms"]["anomalies"] == 3
    rows = rows_of(out / "scores.csv")
    assert [row["row"] for row in rows[:2]] == ["1", "2"] and [row["anomaly"] for row in rows[:4]] == list("1110")
    assert_allclose([float(row["score"]) for row in rows], scores, rtol=1e-6)
    assert sum(row["alarm"] == "yes" for row in rows) == 3
    blamed = [row["column_1"] for row in rows[:3]]
    assert sum(a == b for a, b in zip(blamed, "abc", strict=True)) >= 2
    assert float(rows[0]["value_1"]) == pytest.approx(table[0, NAMES.index(blamed[0])], rel=1e-5)
    text = (out / "table.md").read_text()
    assert "expected alarms: 3 in 60 rows (5.00%)" in text and "AUROC" in text


@pytest.mark.parametrize(
    "rule, words",
    [
        (["--contamination", "0.1"], "expected alarms: 6 in 60 rows (10.00%)"),
        (["--rule", "deviations", "--k", "2"], "mean plus 2 standard deviations"),
        (["--rule", "best-f1"], "highest F1 on labelled rows"),
        (["--alarms", "10", "--per", "100"], "a budget of 10 alarms in 100 rows"),
        ([], "robust deviations above the median"),
    ],
)
def test_rules(rule, words, fitted, tmp_path, capsys):
    how = ["--label", "label", "--epochs", "1", "--threads", "1", "--out", str(tmp_path / "out")]
    assert cli.main(["anomaly", "fit", str(fitted / "labelled.csv"), *how, *rule]) == 0
    assert words in capsys.readouterr().out


def test_a_known_share_is_the_contamination():
    damaged, table = (SimpleNamespace(contamination=share, labels=None, train=range(9)) for share in (0.03, None))
    for rule in (None, "quantile"):
        assert rule_for(damaged, rule, {}) == ("quantile", {"contamination": 0.03})
    assert rule_for(damaged, "quantile", {"contamination": 0.1}) == ("quantile", {"contamination": 0.1})
    assert rule_for(table, None, {}) == ("shape", {}) and rule_for(table, "quantile", {}) == ("quantile", {})


def test_without_labels_no_score_is_made_up(fitted, tmp_path, capsys):
    out = tmp_path / "out"
    command = ["anomaly", "fit", str(fitted / "labelled.csv"), "--drop", "label", "--epochs", "1", "--threads", "1"]
    assert cli.main([*command, "--out", str(out)]) == 0
    assert "no AUROC, precision or recall: the file has no labels" in capsys.readouterr().out
    assert not (out / "curves.png").exists() and "anomaly" not in rows_of(out / "scores.csv")[0]


def test_normal_rows_alone_are_trained_on(fitted, tmp_path, capsys):
    command = ["anomaly", "fit", str(fitted / "labelled.csv"), "--label", "label", "--train-on", "normal", "--json"]
    assert cli.main([*command, "--epochs", "1", "--threads", "1", "--out", str(tmp_path / "out")]) == 0
    metrics = json.loads(capsys.readouterr().out)
    assert metrics["n_train"] == 35 and metrics["judged"] == 25  # 60 % of 57, and the others
    assert metrics["alarms"]["anomalies"] == 3


@pytest.mark.slow
def test_pictures_in_a_folder(tmp_path, capsys, rng):
    x = (40 * rng.uniform(size=(20, 8, 8, 1)) + 100 * (np.arange(8) > 3)[:, None]).astype(np.uint8)
    write_samples(tmp_path / "pictures", x)
    command = ["anomaly", "fit", str(tmp_path / "pictures"), "--epochs", "2", "--threads", "1"]
    assert cli.main([*command, "--out", str(tmp_path / "out")]) == 0
    rows = rows_of(tmp_path / "out" / "scores.csv")
    assert len(rows) == 20 and rows[0]["file"].endswith(".png") and rows[0]["column_1"].startswith("row ")
    small = tmp_path / "small"
    write_samples(small, x[:, :6])
    capsys.readouterr()
    refused(capsys, "score", tmp_path / "out" / "model.npz", small, "--out", tmp_path / "s.csv")
    assert not (tmp_path / "s.csv").exists()


def test_alarms_are_counted_and_losing_is_said():
    scores = np.arange(5.0)
    counts = report.alarm_counts(anomaly.by_budget(scores, 3), scores, np.array([False, False, False, True, True]))
    assert counts == {"alarms": 3, "n": 5, "anomalies": 2, "found": 2, "false_alarms": 1, "precision": 2 / 3,
                      "recall": 1.0, "f1": 0.8}  # fmt: skip
    assert report.alarm_counts(anomaly.by_budget(scores, 0), scores, scores > 2)["precision"] is None
    rows = [{"method": name, "auroc": value} for name, value in (("detector", 0.9), ("A", 0.8), ("B", 0.95))]
    assert "loses here: B has an AUROC of 0.9500, it 0.9000" in report.verdict(rows, None)
    assert "is ahead of A, the best of the others, by 0.1000" in report.verdict(rows[:2], None)
    assert "no better here than A" in report.verdict([rows[0], rows[1] | {"auroc": 0.9}], None)


@pytest.mark.parametrize("low, high", [(0.9, 1.1), (0.1, 7), (1e-6, 10)])
def test_ticks_of_the_histogram_are_few_and_plain(low, high):
    scores = np.geomspace(low, high, 50)
    axis = score_histogram(scores, anomaly.by_budget(scores, 1)).axes[0]
    inside = [tick for tick in axis.get_xticks() if axis.get_xlim()[0] <= tick <= axis.get_xlim()[1]]
    texts = axis.xaxis.get_major_formatter().format_ticks(inside)
    assert 3 <= len(texts) <= 12 and all(float(text) == pytest.approx(t) for text, t in zip(texts, inside, strict=True))
    assert not any(axis.xaxis.get_minor_formatter().format_ticks(axis.xaxis.get_minorticklocs()))
    assert axis.get_legend_handles_labels()[1][-1].endswith(": 1 alarm")


# -- score ----------------------------------------------------------------------------------------------------


def test_scores_are_those_of_fit(fitted, tmp_path, capsys):
    model, errors = str(fitted / "out" / "model.npz"), tmp_path / "e.csv"
    command = ["anomaly", "score", model, str(fitted / "rows.csv"), "--out", str(tmp_path / "s.csv"), "--threads", "1"]
    assert cli.main([*command, "--errors", str(errors)]) == 0
    assert "no AUROC" in capsys.readouterr().out and (tmp_path / "s.png").exists()
    ours, theirs = rows_of(tmp_path / "s.csv"), rows_of(fitted / "out" / "scores.csv")[:8]
    assert_allclose([float(r["score"]) for r in ours], [float(r["score"]) for r in theirs], rtol=1e-5)
    assert [r["alarm"] for r in ours] == [r["alarm"] for r in theirs]
    per_column = np.array([[float(row[name]) for name in NAMES] for row in rows_of(errors)])
    assert_allclose(per_column.mean(axis=1), [float(r["score"]) for r in ours], rtol=1e-4)


def test_columns_in_another_order_and_a_threshold_of_ones_own(fitted, table, tmp_path):
    data = write_table(tmp_path / "turned.csv", table[:8, ::-1], names=NAMES[::-1])
    command = ["anomaly", "score", str(fitted / "out" / "model.npz"), data, "--out", str(tmp_path / "s.csv")]
    assert cli.main([*command, "--threshold", "1e6"]) == 0
    ours, theirs = rows_of(tmp_path / "s.csv"), rows_of(fitted / "out" / "scores.csv")[:8]
    assert_allclose([float(r["score"]) for r in ours], [float(r["score"]) for r in theirs], rtol=1e-5)
    assert all(r["alarm"] == "no" for r in ours)


# -- bad input ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "lines, options, text",
    [
        ([], [], "expected a file with samples, got an empty one."),
        (["a,b", "1,2"], [], "expected at least 10 rows to learn from, got 1."),
        (["a,b"] + ["1,2"] * 20, [], "vary"),
        (["a,b"] + ["1,2", "3,4"] * 6 + ["1,x"], [], "in row 13 (line 14), column 'b', got 'x'"),
        (["a,b"] + ["1,2", "3,4"] * 6 + ["1,"], [], "row 13 (line 14), column 'b'; --fill"),
        (["a,label"] + ["1,0", "3,1"] * 6, [], "looks like labels; --drop label"),
        (["a,b,l"] + ["1,2,0", "3,4,0"] * 6, ["--label", "l"], "got only normal ones (normal: 0"),
        (["a,b,l"] + ["1,2,0", "3,4,1"] * 6, ["--label", "l", "--normal", "7"], "normal to be one of 0, 1, got '7'"),
        (["a,b"] + ["1,2", "3,4"] * 6, ["--rule", "best-f1"], "expected labels for the rule best-f1, got none"),
        (["a,b"] + ["1,2", "3,4"] * 6, ["--train-on", "normal"], "expected labels to train on normal rows"),
        (["a,b"] + ["1,2", "3,4"] * 6, ["--contamination", "0.7"], "contamination in (0, 0.5], got 0.7"),
        (["a,b"] + ["1,2", "3,4"] * 6, ["--k", "2", "--alarms", "3"], "choose one rule"),
        (["a,b"] + ["1,2", "3,4"] * 6, ["--alarms", "13"], "--alarms of at most 12 rows, got 13"),
        (["a,b"] + ["1,2", "3,4"] * 6, ["--rule", "budget"], "expected --alarms for the rule budget"),
        (["a,b"] + ["1,2", "3,4"] * 6, ["--rule", "quantle"], "(did you mean 'quantile'?)"),
        (["a,b"] + ["1,2", "3,4"] * 6, ["--scale", "x"], "expected scale to be one of"),
        (["a,b"] + ["1,2", "3,4"] * 6, ["--epochs", "0"], "expected epochs to be a whole number >= 1"),
    ],
)
def test_fit_refuses(lines, options, text, tmp_path, capsys):
    (tmp_path / "t.csv").write_text("\n".join(lines))
    out = tmp_path / "out"
    out.mkdir()
    (out / "model.npz").write_text("mine")
    assert text in refused(capsys, "fit", tmp_path / "t.csv", *options, "--out", out)
    assert (out / "model.npz").read_text() == "mine" and len(list(out.iterdir())) == 1


def test_fit_needs_one_name(tmp_path, capsys):
    assert "expected DATA or --dataset, got none" in refused(capsys, "fit", "--out", tmp_path / "o")
    assert "got both" in refused(capsys, "fit", "digits", "--dataset", "digits", "--out", tmp_path / "o")
    assert "no such file" in refused(capsys, "fit", tmp_path / "none.csv", "--out", tmp_path / "o")
    assert not (tmp_path / "o").exists()


@pytest.mark.parametrize(
    "model, data, out, text",
    [
        ("out/model.npz", "narrow.csv", "s.csv", "'e'"),
        ("out/model.npz", "none.csv", "s.csv", "no such file"),
        ("none.npz", "rows.csv", "s.csv", "none.npz"),
        ("rows.csv", "rows.csv", "s.csv", "rows.csv"),
        ("out/model.npz", "rows.csv", "s.npy", "expected --out to end in .csv"),
        ("out/model.npz", "rows.csv", "rows.csv", "rows.csv"),
        ("out/model.npz", "damaged-digits", "s.csv", "expected samples of"),
    ],
)
def test_score_refuses(model, data, out, text, fitted, table, capsys):
    write_table(fitted / "narrow.csv", table[:5, :4], names=NAMES[:4])
    kept = (fitted / "rows.csv").read_bytes()
    data = data if data == "damaged-digits" else fitted / data
    assert text in refused(capsys, "score", fitted / model, data, "--limit", 5, "--out", fitted / out)
    assert (fitted / "rows.csv").read_bytes() == kept and not (fitted / "s.csv").exists()
