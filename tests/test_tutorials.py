"""The tutorials' form, and the tools that run them. That they run is `make tutorials`."""

import ast
import re
import textwrap

import pytest

pytest.importorskip("jupytext")

from tinyae import Autoencoder, Dense
from tinyae.trace import trace
from tutorials.tools.cells import SOLUTIONS, cells_of, solutions, title_of, tutorials
from tutorials.tools.coverage import required, stepped_through
from tutorials.tools.execute import CellError, run_cells
from tutorials.tools.notebooks import notebook_text, stale

MOST_LINES = 10  # of a code cell, a blank line not counted
ASKS = "[Pp]redict|[Bb]efore you|[Gg]uess|[Ww]hat will|Rank|first:"
FILES = tutorials() + solutions()


def name(path):
    return f"{path.parent.name}/{path.stem}"


def text_of(path):
    return "\n".join(cell.source for cell in cells_of(path) if cell.kind == "markdown")


def code_of(path):
    return [cell for cell in cells_of(path) if cell.kind == "code"]


# --- form


@pytest.mark.parametrize("path", tutorials(), ids=name)
def test_a_tutorial_says_what_it_is_for_asks_and_ends_in_exercises(path):
    text = text_of(path)
    number = int(path.name[:2])
    assert title_of(path).startswith(f"{number}. ")
    assert re.search(r"\*\*Goal\.?\*\*", text) and "**Needs**" in text and "**Takes**" in text
    assert re.search(rf"\*\*[^*]*({ASKS})[^*]*\*\*", text), "no prediction is asked for"
    assert "**Recap" in text and "**Exercises" in text
    exercises = text.split("**Exercises")[-1]
    assert len(re.findall(r"^\d\. ", exercises, re.MULTILINE)) == 3
    assert f"solutions/{path.name}" in exercises and (SOLUTIONS / path.name).is_file()


@pytest.mark.parametrize("path", tutorials(), ids=name)
def test_a_tutorial_checks_itself(path):
    asserts = sum(isinstance(node, ast.Assert) for cell in code_of(path) for node in ast.walk(parsed(cell)))
    assert asserts >= 5


def parsed(cell):
    return ast.parse("\n".join(line for line in cell.source.splitlines() if not line.startswith(("%", "!"))))


@pytest.mark.parametrize("path", FILES, ids=name)
def test_code_cells_are_short(path):
    for cell in code_of(path):
        lines = [line for line in cell.source.splitlines() if line.strip()]
        assert len(lines) <= (MOST_LINES if path.parent != SOLUTIONS else 2 * MOST_LINES), f"{path.name}:{cell.line}"


@pytest.mark.parametrize("path", solutions(), ids=name)
def test_a_solution_belongs_to_a_tutorial_and_solves_all_three(path):
    assert path.name in {tutorial.name for tutorial in tutorials()}
    text = text_of(path)
    assert all(re.search(rf"\b{number}\b", text) for number in (1, 2, 3))
    assert any(isinstance(node, ast.Assert) for cell in code_of(path) for node in ast.walk(parsed(cell)))


@pytest.mark.parametrize("path", FILES, ids=name)
def test_text_and_code_are_plain(path):
    source = path.read_text(encoding="utf-8")
    for place in ("/work", "/home/", "/root", "../shared"):
        assert place not in source
    assert all(len(line) <= 120 for line in source.splitlines())


@pytest.mark.parametrize("path", FILES, ids=name)
def test_links_lead_somewhere(path):
    for target in re.findall(r"\]\(([^)#]+)\)", text_of(path)):
        if not target.startswith("http"):
            assert (path.parent / target).exists(), target


def test_notebooks_are_up_to_date():
    assert stale(FILES) == []


def test_the_list_of_tutorials_is_complete():
    listed = (SOLUTIONS.parent / "README.md").read_text(encoding="utf-8")
    for path in tutorials():
        assert path.with_suffix(".ipynb").name in listed, path.name


def test_no_number_is_missing():
    assert [int(path.name[:2]) for path in tutorials()] == list(range(1, 24))


# --- tools


def written(tmp_path, *cells):
    path = tmp_path / "01_case.py"
    path.write_text("".join(f"# %%{head}\n{textwrap.dedent(body).strip()}\n\n" for head, body in cells))
    return path


def test_cells_run_in_one_namespace_and_keep_what_they_show(tmp_path):
    done = run_cells(written(tmp_path, (" [markdown]", "# # Title"), ("", "a = 2\nprint('said')"), ("", "a + 1")))
    assert [cell.shown for cell in done] == [[], [("text", "said\n")], [("text", "3")]]


@pytest.mark.parametrize(
    "body, message",
    [
        ("a = 1\nassert a == 2", r"01_case.py:6: AssertionError"),
        ("import warnings\nwarnings.warn('careful')", r"01_case.py:6: UserWarning: careful"),
        ("def f(:", r"01_case.py:5: SyntaxError"),
    ],
)
def test_what_goes_wrong_is_told_with_its_line(tmp_path, body, message):
    with pytest.raises(CellError, match=message):
        run_cells(written(tmp_path, ("", "a = 0"), ("", body)))


def test_a_cell_that_should_work_may_not_be_over_in_no_time(tmp_path):
    with pytest.raises(CellError, match="expected this cell to compute something, got it done in 0"):
        run_cells(written(tmp_path, (' tags=["work"]', "a = 1")))
    assert run_cells(written(tmp_path, (' tags=["work"]', "import time\ntime.sleep(0.06)")))[0].seconds >= 0.06


def test_a_notebook_has_the_cells_and_no_outputs(tmp_path):
    text = notebook_text(written(tmp_path, (" [markdown]", "# # Title"), ("", "1 + 1")))
    assert '"outputs": []' in text and '"execution_count": null' in text and "# Title" in text
    assert text == notebook_text(tmp_path / "01_case.py")


def test_what_is_stepped_through_is_known(tmp_path):
    path = written(
        tmp_path,
        (
            "",
            """
            import numpy as np
            from tinyae import KLSparsity, RBM, Autoencoder, Dense
            from tinyae.trace import trace, trace_rbm
            model = Autoencoder([Dense(2, "sigmoid")], [Dense(4, "sigmoid")], "bce", 4, penalty=KLSparsity(0.1, 1.0))
            steps = trace(model, np.eye(4), optimizer="nadam")
            """,
        ),
        ("", "steps = trace_rbm(RBM(4, 2), np.eye(4))"),
    )
    first, second = (cell.stepped for cell in run_cells(path))
    assert first >= {"Dense", "Sigmoid", "BCE", "Nadam", "KLSparsity"} and "RBM" not in first
    assert "RBM" in second and "Dense" not in second
    assert stepped_through({"a": 1}) == set()
    steps = trace(Autoencoder([Dense(2)], [Dense(4)], "mse", 4), [[1.0, 0.0, 0.0, 0.0]], optimizer="sgd")
    assert stepped_through({"a": [steps[0]], "b": {"c": steps[-1]}, "d": ["text", 1]}) == {"Dense", "SGD"}


def test_everything_public_has_to_be_stepped_through():
    names = required()
    assert names >= {"Dense", "Conv2D", "BatchNorm", "BCE", "MaskedMSE", "CategoricalCrossEntropy", "KLSparsity"}
    assert names >= {"SGD", "RMSprop", "Adam", "Nadam", "ConjugateGradient", "L1", "L2", "Contractive", "RBM"}
    assert not any(name.startswith("_") for name in names)
