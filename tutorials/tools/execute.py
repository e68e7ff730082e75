"""Running a tutorial's cells one after the other, and keeping what each shows."""

import ast
import base64
import contextlib
import io
import sys
import time
import warnings
from dataclasses import dataclass, field

from tutorials.tools.cells import cells_of
from tutorials.tools.coverage import stepped_through

LEAST_WORK = 0.05  # seconds below which a cell tagged "work" cannot have done any


class CellError(Exception):
    """A cell failed: an error, a warning, or no work where some was due."""


@dataclass
class Done:
    """A cell that has run.

    Attributes
    ----------
    cell : Cell
    seconds : float
    shown : list of (kind, content)
        What it showed: text, html, png (base64).
    stepped : set of str
        What the traces among its variables step through (`tutorials.tools.coverage`).
    """

    cell: object
    seconds: float = 0.0
    shown: list = field(default_factory=list)
    stepped: set = field(default_factory=set)


def run_cells(path, each=None):
    """Run all cells of `path` in one namespace; warnings are errors.

    Parameters
    ----------
    path : Path
    each : function of Done, optional
        Called after every cell.

    Returns
    -------
    list of Done

    Raises
    ------
    CellError
        Names the file, the line, and what went wrong.
    """
    namespace, done = {"__name__": "__main__"}, []
    # A cell may define a class and pickle or inspect it: it has to find its module.
    sys.modules["__main__"].__dict__.update({"__file__": str(path)})
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for cell in cells_of(path):
            result = Done(cell)
            if cell.kind == "code":
                _run(path, cell, namespace, result)
                result.stepped = stepped_through(namespace)
            done.append(result)
            if each is not None:
                each(result)
    return done


def _run(path, cell, namespace, result):
    started, printed = time.perf_counter(), io.StringIO()
    try:
        with contextlib.redirect_stdout(printed):
            value = _evaluate(path, cell, namespace)
            shown = [] if value is None else [_show(value)]
    except BaseException as why:
        line = _line_of(why, path) or cell.line
        raise CellError(f"{path}:{line}: {type(why).__name__}: {why}") from why
    result.seconds = time.perf_counter() - started
    text = printed.getvalue()
    result.shown = ([("text", text)] if text else []) + shown
    if "work" in cell.tags and result.seconds < LEAST_WORK:
        raise CellError(
            f"{path}:{cell.line}: expected this cell to compute something, got it done in {result.seconds:.3f} s."
        )


def _evaluate(path, cell, namespace):
    """Run the cell's statements; the value of a last expression, as a notebook shows it."""
    tree = ast.parse(cell.source, filename=str(path))
    ast.increment_lineno(tree, cell.line - 1)  # so that a traceback names the file's line
    last = tree.body.pop() if tree.body and isinstance(tree.body[-1], ast.Expr) else None
    exec(compile(tree, str(path), "exec"), namespace)
    if last is None or cell.source.rstrip().endswith(";"):
        if last is not None:
            exec(compile(ast.Module([last], []), str(path), "exec"), namespace)
        return None
    return eval(compile(ast.Expression(last.value), str(path), "eval"), namespace)


def _show(value):
    """What a notebook would show of a value: HTML, a picture, or its repr."""
    for method, kind in (("_repr_html_", "html"), ("_repr_png_", "png")):
        content = getattr(value, method, lambda: None)() if not isinstance(value, type) else None
        if content is not None:
            return kind, base64.b64encode(content).decode() if kind == "png" else content
    data = getattr(value, "data", None)
    if isinstance(data, bytes) and data[:3] == b"GIF":  # IPython.display.Image of a film
        return "gif", base64.b64encode(data).decode()
    return "text", repr(value)


def _line_of(error, path):
    """The last line of `path` in an error's traceback."""
    found, step = None, error.__traceback__
    while step is not None:
        if step.tb_frame.f_code.co_filename == str(path):
            found = step.tb_lineno
        step = step.tb_next
    return found
