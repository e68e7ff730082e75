"""Notebooks beside the tutorials: the same cells, without outputs."""

import json

import nbformat

from tutorials.tools.cells import read


def notebook_text(path):
    """The .ipynb of a percent-format file, the same text every time."""
    notebook = read(path)
    cells = []
    for number, cell in enumerate(notebook.cells, 1):
        make = nbformat.v4.new_markdown_cell if cell.cell_type == "markdown" else nbformat.v4.new_code_cell
        made = make(cell.source, id=f"cell-{number:03d}")
        if cell.metadata.get("tags"):
            made.metadata["tags"] = list(cell.metadata["tags"])
        cells.append(made)
    metadata = {
        "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
        "language_info": {"name": "python"},
    }
    whole = nbformat.v4.new_notebook(cells=cells, metadata=metadata)
    nbformat.validate(whole)
    return json.dumps(whole, indent=1, ensure_ascii=False, sort_keys=True) + "\n"


def write_notebooks(paths):
    """Write an .ipynb beside each file; returns those that changed."""
    changed = []
    for path in paths:
        target, text = path.with_suffix(".ipynb"), notebook_text(path)
        if not target.exists() or target.read_text(encoding="utf-8") != text:
            target.write_text(text, encoding="utf-8")
            changed.append(target)
    return changed


def stale(paths):
    """Those files whose notebook is missing or not what `write_notebooks` would write."""
    return [
        path for path in paths
        if not path.with_suffix(".ipynb").exists()
        or path.with_suffix(".ipynb").read_text(encoding="utf-8") != notebook_text(path)
    ]  # fmt: skip
