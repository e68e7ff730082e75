"""Which columns of a table are data, which are labels, and which have no business there."""

import shlex

import numpy as np

from tinyae.checks import check_choice
from tinyae.samples.base import classes_of, refuse
from tinyae.samples.table import shown

LABEL_NAMES = {
    "label", "labels", "class", "classes", "class_label", "target", "targets", "y", "y_true", "species", "category",
    "outcome", "diagnosis", "anomaly", "is_anomaly", "outlier", "is_outlier", "ground_truth",
}  # fmt: skip
NUMBER_NAMES = {"", "unnamed: 0", "id", "index", "row", "rownames"}
MOST_CLASSES = 20
MEASURED = 2 / 3  # of the other columns hold fractions: a column of a few whole numbers stands out


def split_columns(who, table, drop=(), keep=(), label=None):
    """Numbers (N, D) of the columns that are data, their numbers in the table, and the labels.

    Returns
    -------
    kept : list of int
    labels : int64 array (N,) or None
    class_names : tuple of str
    """
    for names, what in ((drop, "drop"), (keep, "keep"), ((label,) if label is not None else (), "label")):
        for name in names:
            check_choice(f"{who}: {table.path}", what, name, table.titles)
    out = {table.titles.index(name) for name in (*drop, *(() if label is None else (label,)))}
    kept = [j for j in range(len(table.titles)) if j not in out]
    if not kept:
        refuse(who, table.path, "columns of data", "none but those that are left out")
    for j in kept:
        if j in table.text:
            _refuse_text(who, table, j, known=table.titles[j] in keep)
    for j in kept:
        why = None if table.titles[j] in keep else suspicion(table, j, kept)
        if why:
            name = shlex.quote(table.titles[j])
            refuse(
                who, table.path, "columns of data alone",
                f"{table.say(j)}, {why}; --drop {name} leaves it out, --label {name} takes it as labels, "
                f"--keep {name} as data",
            )  # fmt: skip
    if label is None:
        return kept, None, ()
    return kept, *_labels(who, table, table.titles.index(label))


def columns_like(who, table, like, drop, label):
    """(drop, keep, order) to read a table as the data of a Preparation: what it left out is left out here, too.

    `order` is the numbers of its columns in the table, where both have names, else None.
    """
    titles = [title for title in table.titles if title not in (*drop, label)]
    if like.kind != "rows" or (like.names is None) != (table.names is None):
        return drop, titles, None
    if like.names is None:
        drop = drop or (like.left_out if len(table.titles) == like.shape[0] + len(like.left_out) else ())
        return tuple(n for n in drop if n != label), titles, None
    lacking = [name for name in like.names if name not in titles]
    more = [name for name in titles if name not in like.names and name not in like.left_out]
    if lacking or more:
        got = [f"none called {lacking[0]!r}"] if lacking else []
        got += [f"{more[0]!r} besides; --drop {shlex.quote(more[0])}"] if more else []
        refuse(who, table.path, f"the columns the model was trained on ({', '.join(like.names)})", ", and ".join(got))
    out = tuple(name for name in titles if name in like.left_out)
    return (*drop, *out), like.names, [table.titles.index(name) for name in like.names]


def _refuse_text(who, table, j, known):
    """Raise the error for cells that are no numbers: a column of text, or slips in one that is `known` as data."""
    cells, name = table.text[j], shlex.quote(table.titles[j])
    row, cell = next(iter(cells.items()))
    if len(cells) == len(table) and not known and not _has_comma(cell):
        some = ", ".join(shown(c) for c in sorted(set(cells.values()))[:3])
        refuse(
            who, table.path, "columns of numbers",
            f"text in {table.say(j)} ({some}); --drop {name} leaves it out, --label {name} takes it as labels",
        )  # fmt: skip
    advice = "--decimal , reads decimal commas" if _has_comma(cell) else f"correct it, or --drop {name}"
    more = f" (and {len(cells) - 1:,} more such cells in the column)" if len(cells) > 1 else ""
    refuse(who, table.path, f"a number in {table.place(row)}, {table.say(j)}", f"{shown(cell)}{more}; {advice}")


def _has_comma(cell):
    """Whether a cell looks like a number with a decimal comma."""
    return "," in cell and cell.replace(",", "", 1).lstrip("+-").isdigit()


def suspicion(table, j, kept):
    """Why column j looks like labels or row numbers rather than data; None where it does not."""
    named = table.names is not None
    title = table.titles[j].strip().lower() if named else ""
    others = {table.titles[k].strip().lower() for k in kept if k != j} if named else set()
    if named and title in LABEL_NAMES and not (title == "y" and "x" in others):
        return "which looks like labels"
    x = table.numbers[:, j]
    if j == kept[0] and len(x) > 2 and np.array_equal(x, np.arange(len(x)) + x[0]) and x[0] in (0, 1):
        return "which looks like row numbers"
    if named and title in NUMBER_NAMES and len(kept) > 1:
        return "which looks like row numbers"
    if j in (kept[0], kept[-1]) and few_whole_numbers(x) and _measured(table.numbers[:, [k for k in kept if k != j]]):
        return f"{len(np.unique(x[~np.isnan(x)]))} whole numbers beside measured columns, which looks like labels"
    return None


def few_whole_numbers(x):
    """Whether x (N,) takes only a few whole values, most of them several times."""
    values = np.unique(x[~np.isnan(x)])
    return bool(2 <= len(values) <= min(MOST_CLASSES, len(x) // 3) and (values == np.round(values)).all())


def _measured(x):
    """Whether most columns of x (N, D) hold fractions."""
    with np.errstate(invalid="ignore"):
        fractions = (np.nan_to_num(x) != np.round(np.nan_to_num(x))).any(axis=0)
    return bool(x.shape[1] and fractions.mean() >= MEASURED)


def _labels(who, table, j):
    """Labels and class names of column j."""
    values = [table.cell(row, j) for row in range(len(table))] if j in table.text else table.numbers[:, j]
    if j not in table.text and np.isnan(values).any():
        row = int(np.flatnonzero(np.isnan(values))[0])
        refuse(who, table.path, f"a label in {table.place(row)}, {table.say(j)}", "an empty cell; fill or remove it")
    return classes_of(values)


def fill_missing(who, table, x, kept, fill):
    """x (N, D) without NaN, and what missing cells of each column are filled with (None without `fill`).

    Parameters
    ----------
    fill : {None, "mean", "median"}, number, or sequence of D numbers
    """
    missing = np.isnan(x)
    if fill is None:
        if missing.any():
            row, k = (int(i) for i in np.argwhere(missing)[0])
            refuse(
                who, table.path, "no missing cells",
                f"{int(missing.sum())}, the first in {table.place(row)}, {table.say(kept[k])}; "
                "--fill mean, median or a number",
            )  # fmt: skip
        return x, None
    if isinstance(fill, str):
        check_choice(who, "fill", fill, ("mean", "median", "a number"))
        empty = np.flatnonzero(missing.all(axis=0))
        if empty.size:
            name = shlex.quote(table.titles[kept[empty[0]]])
            refuse(
                who, table.path, f"numbers in {table.say(kept[empty[0]])} for its {fill}",
                f"no cell with one; --drop {name}",
            )  # fmt: skip
        values = np.nanmean(x, axis=0) if fill == "mean" else np.nanmedian(x, axis=0)
    else:
        values = np.broadcast_to(np.asarray(fill, dtype=np.float64), (x.shape[1],)).copy()
    return np.where(missing, values, x), values
