"""Documents by both recipes: what is trained, compared, drawn and kept."""

import csv
import json

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from tinyae import ConjugateGradient, UsageError, fit_stack, plots, unroll
from tinyae.applications.topics import TermWeights, load_topics, precision_curve, shares
from tinyae.experiments.hinton2006 import documents, documents_report, page
from tinyae.experiments.hinton2006.documents import Budget, DocumentSettings

pytestmark = pytest.mark.filterwarnings("ignore::tinyae.diagnosis.DiagnosisWarning")  # a few epochs teach little
HIDDEN = (12, 8)


@pytest.fixture(autouse=True, scope="module")
def small():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(documents, "QUICK", Budget(60, 2, 2))
        patch.setattr(documents, "HIDDEN", HIDDEN)
        yield


def run(**settings):
    folder = settings.pop("folder", None)
    usual = {"dataset": "corpus", "quick": True, "threads": 1}
    return documents.run(DocumentSettings(**usual | settings), progress=False, folder=folder)


@pytest.fixture(scope="module")
def modern(small):
    return run(recipe="modern")


@pytest.fixture(scope="module")
def by_the_paper(small):
    return run(recipe="paper")


def test_metrics_say_what_was_run(modern):
    m = modern.metrics
    assert (m["experiment"], m["recipe"], m["quick"], m["dataset"]) == ("documents", "modern", True, "corpus")
    assert (m["n_train"], m["n_test"], m["seed"], m["threads"]) == (60, 60, 0, 1)
    assert m["training"] == {
        "n_documents": 60, "pretrain_epochs": 2, "finetune_epochs": 2, "largest_batch": 100, "lr": 3e-3,
        "masked_words": 0.5, "document_length": 8.0,
    }  # fmt: skip
    assert list(m["codes"]) == ["10", "2"]
    for k, found in m["codes"].items():
        assert found["layer_sizes"] == [m["n_words"], *HIDDEN, int(k)]
        assert [row["method"] for row in found["rows"][:2]] == ["autoencoder", f"LSA-{k}"]
        assert f"The autoencoder's {k} numbers are" in found["verdict"]
    json.dumps(m, allow_nan=False)


def test_curves_are_those_of_the_codes(modern):
    data, net = modern.data, modern.nets[10]
    codes = net.model.encode(data.x_test, threads=1)
    assert_array_equal(net.scores[0].curve, precision_curve(codes, data.y_test))


def test_the_papers_recipe_is_these_steps(by_the_paper):
    assert by_the_paper.metrics["training"] == {
        "n_documents": 60, "pretrain_epochs": 2, "finetune_epochs": 2, "pretrain_batch": 100, "finetune_batch": 1000,
        "searches": 3, "document_length": 8.0,
    }  # fmt: skip
    """One order for ever, stale means, three searches a batch: put together by hand."""
    data = by_the_paper.data
    counts = data.x_train[np.random.default_rng(0).permutation(60)]
    x = TermWeights.of(counts, 8.0)(counts)
    same = {"shuffle": False, "threads": 1, "progress": False, "epochs": 2, "seed": 0}
    rbms, _ = fit_stack(x, (*HIDDEN, 10), visible="softmax", batch_size=100, stale=True, **same)
    net = unroll(rbms)
    net.fit(x, shares(counts), batch_size=1000, optimizer=ConjugateGradient(searches=3), **same)
    assert_array_equal(net.theta, by_the_paper.nets[10].model.net.theta)


@pytest.mark.slow
@pytest.mark.parametrize("recipe", ["modern", "paper"])
def test_a_run_that_goes_on_ends_with_the_same_bits(recipe, tmp_path, modern, by_the_paper):
    whole = modern if recipe == "modern" else by_the_paper
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(documents, "CODE_SIZES", (10,))
        first = run(recipe=recipe, folder=tmp_path)
    kept = sorted(path.name for path in tmp_path.iterdir())
    again = run(recipe=recipe, folder=tmp_path)
    assert kept == ["code-10"] and sorted(path.name for path in tmp_path.iterdir()) == ["code-10", "code-2"]
    assert_array_equal(first.nets[10].model.net.theta, whole.nets[10].model.net.theta)
    for k, net in again.nets.items():
        assert_array_equal(net.model.net.theta, whole.nets[k].model.net.theta)


def test_files(modern, tmp_path, monkeypatch):
    save = plots.save
    monkeypatch.setattr(plots, "save", lambda figure, path: save(figure, path, dpi=30))
    documents_report.write_report(modern, tmp_path)
    assert sorted(p.name for p in tmp_path.iterdir()) == sorted(documents_report.FILES)
    assert json.loads((tmp_path / "metrics.json").read_text()) == modern.metrics
    with open(tmp_path / "curve-10.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 59 and float(rows[4]["autoencoder"]) == pytest.approx(
        modern.nets[10].scores[0].curve[4], abs=1e-6
    )
    model = load_topics(tmp_path / "model-2.npz")
    assert_array_equal(model.net.theta, modern.nets[2].model.net.theta)
    text = (tmp_path / "table.md").read_text()
    assert all(found["verdict"] in text for found in modern.metrics["codes"].values())


def test_figures(modern):
    (axis,) = documents_report.retrieval_figure(modern).axes
    first = axis.get_lines()[0]
    assert first.get_label() == "autoencoder"
    assert_array_equal(first.get_ydata(), modern.nets[10].scores[0].curve)
    figure = documents_report.map_figure(modern)
    assert [axis.get_title() for axis in figure.axes] == ["autoencoder", "LSA-2, centred"]


def test_the_page_has_the_tables(modern, tmp_path):
    (tmp_path / "documents-modern").mkdir()
    (tmp_path / "documents-modern" / "metrics.json").write_text(json.dumps(modern.metrics))
    page.write_page(tmp_path)
    for name in page.FILES:
        text = (tmp_path / name).read_text()
        assert "documents-modern: " in text and "documents-modern/retrieval.png" in text and "LSA-10" in text
        assert f"{modern.metrics['n_words']}-12-8-10" in text


def test_the_text_for_a_reader(modern):
    text = documents_report.describe(modern.metrics)
    assert "documents, recipe modern, quick: corpus, 60 test documents" in text
    assert f"{modern.metrics['n_words']}-12-8-2" in text


@pytest.mark.parametrize(
    "settings, message",
    [
        ({"dataset": "mnist"}, "hinton2006: expected dataset to be one of auto, newsgroups, corpus, got 'mnist'"),
        ({"recipe": "slow"}, "hinton2006: expected recipe to be one of short, modern, paper, got 'slow'"),
        ({"seed": -1}, "hinton2006: expected seed to be a whole number >= 0, got -1"),
        ({"threads": 0}, "expected threads to be a whole number >= 1, got 0"),
    ],
)
def test_bad_settings_are_refused_before_any_work(settings, message):
    with pytest.raises(UsageError, match=message):
        DocumentSettings(**settings)
