"""A tutorial as cells: percent-format Python, read by jupytext."""

from dataclasses import dataclass
from pathlib import Path

import jupytext

FOLDER = Path(__file__).parent.parent
SOLUTIONS = FOLDER / "solutions"


@dataclass(frozen=True)
class Cell:
    """One cell.

    Attributes
    ----------
    kind : {"markdown", "code"}
    source : str
    tags : tuple of str
        "work": the cell has something to compute, and must not be over in no time. "thumbnail": its picture stands for
        the tutorial in the gallery.
    line : int
        Where its source begins in the file, from 1.
    """

    kind: str
    source: str
    tags: tuple
    line: int


def tutorials():
    """The tutorials' files, in order."""
    return sorted(FOLDER.glob("[0-9][0-9]_*.py"))


def solutions():
    """The files of worked exercises, in order."""
    return sorted(SOLUTIONS.glob("[0-9][0-9]_*.py"))


def read(path):
    """The notebook (nbformat) of a percent-format file."""
    return jupytext.read(path, fmt="py:percent")


def cells_of(path):
    """The Cells of a percent-format file."""
    lines = Path(path).read_text(encoding="utf-8").splitlines()
    starts = [i for i, line in enumerate(lines) if line.startswith("# %%")]
    notebook = read(path)
    if len(starts) != len(notebook.cells):
        raise ValueError(f"{path}: expected every cell to begin with '# %%', got {len(notebook.cells)} cells and "
                         f"{len(starts)} such lines.")  # fmt: skip
    return [
        Cell(cell.cell_type, cell.source, tuple(cell.metadata.get("tags", ())), start + 2)
        for cell, start in zip(notebook.cells, starts, strict=True)
    ]


def title_of(path):
    """The first heading of a tutorial, without its signs."""
    for cell in cells_of(path):
        for line in cell.source.splitlines():
            if line.startswith("# "):
                return line[2:].strip()
    raise ValueError(f"{path}: expected a heading '# ...' in its first cell, got none.")
