"""Tables in text files: comma-separated values and their relatives, read cell by cell, so that an error has a place."""

import collections
import csv
import gzip
import itertools

import numpy as np

from tinyae.checks import UsageError, check_choice
from tinyae.files import reason
from tinyae.samples.base import refuse

# In the order of trust: a tab or a semicolon in every line is no accident; commas may be decimal, spaces anything.
SEPARATORS = {"tab": "\t", "semicolon": ";", "bar": "|", "comma": ",", "space": " "}
LOOKED_AT = 50  # lines that the separator is guessed from
MISSING = {"", "na", "n/a", "#n/a", "nan", "null", "none", "nil", "?", "-"}
ROWS_AT_ONCE = 1000
LONGEST_SHOWN = 30  # letters of a cell in a message


class Table:
    """The cells of a text file.

    Attributes
    ----------
    path : Path
    names : tuple of str or None
        Of the columns, where the file has a header.
    titles : tuple of str
        The names, or "1", "2", ... without a header.
    numbers : float64 array (N, D)
        NaN where a cell is missing or text.
    text : dict of int to dict of int to str
        {column: {row: cell}} of the cells that are no numbers.
    lines : list of int
        The line each row ends in, counted from 1.
    """

    def __init__(self, path, names, numbers, text, lines):
        self.path, self.names, self.numbers, self.text, self.lines = path, names, numbers, text, lines
        self.titles = names or tuple(str(j + 1) for j in range(numbers.shape[1]))

    def __len__(self):
        return len(self.numbers)

    def place(self, row):
        """'row 7 (line 8)'."""
        return f"row {row + 1} (line {self.lines[row]})"

    def say(self, j):
        """'column 'weight'', or 'column 3' of a table without a header."""
        return f"column {self.titles[j]!r}" if self.names else f"column {j + 1}"

    def cell(self, row, j):
        """The text of a cell; numbers are written anew."""
        text = self.text.get(j, {}).get(row)
        return f"{self.numbers[row, j]:g}" if text is None else text


def read_table(who, path, header="auto", delimiter=None, decimal="."):
    """The Table in a text file.

    Parameters
    ----------
    header : {"auto", True, False}
        Whether the first line names the columns. "auto": where it holds text above numbers, or is 0, 1, 2, ....
    delimiter : str, optional
        One character, or a name in SEPARATORS; else the first of them that cuts the first lines alike.
    decimal : {".", ","}
    """
    check_choice(who, "header", header, ("auto", True, False))
    check_choice(who, "decimal", decimal, (".", ","))
    delimiter = SEPARATORS.get(delimiter, delimiter)
    if delimiter is not None and (not isinstance(delimiter, str) or len(delimiter) != 1 or delimiter in '"\n\r'):
        raise UsageError(
            f"{who}: expected delimiter to be one character or {', '.join(SEPARATORS)}, got {delimiter!r}."
        )
    try:
        with _open_text(path) as file:
            return _read(who, path, file, header, delimiter, decimal)
    except UnicodeDecodeError:
        refuse(who, path, "UTF-8 text", "something else; is it a table? Save it as CSV (UTF-8)")
    except (csv.Error, EOFError) as why:
        refuse(who, path, "a table as text", f"one that cannot be read ({reason(why)})")


def _open_text(path):
    with open(path, "rb") as file:
        packed = file.read(2) == b"\x1f\x8b"
    return (gzip.open if packed else open)(path, "rt", encoding="utf-8-sig", newline="")


def _read(who, path, file, header, delimiter, decimal):
    first = [line for line in itertools.islice(file, LOOKED_AT)]
    if not any(line.strip() for line in first):
        refuse(who, path, "rows of numbers", "an empty file")
    if any("\0" in line for line in first):
        refuse(who, path, "a table as text", "a file of bytes; which format is it?")
    delimiter = delimiter or sniff(first)
    if delimiter == decimal:
        raise UsageError(f"{who}: expected delimiter and decimal to differ, got {decimal!r} for both.")
    first[0] = first[0].removeprefix("#")  # NumPy's savetxt puts it before a header
    lines = itertools.chain(first, file)
    if delimiter == " ":
        lines = (line.strip() for line in lines)
    reader = csv.reader(lines, delimiter=delimiter, skipinitialspace=True, strict=True)
    rows = (
        (reader.line_num, [cell.strip() for cell in row]) for row in reader if len(row) > 1 or any(map(str.strip, row))
    )
    begin = list(itertools.islice(rows, 2))
    names = None
    if header is True or (header == "auto" and is_header([row for _, row in begin], decimal)):
        names = _names(who, path, begin.pop(0)[1])
    if not begin:
        refuse(who, path, "rows of numbers", "a header and nothing below it")
    return _cells(who, path, names, itertools.chain(begin, rows), decimal)


def sniff(lines):
    """The separator that cuts most of the lines into the same number of cells, more than one; else the comma."""
    lines = [line.strip(" \r\n") for line in lines if line.strip()]
    for separator in SEPARATORS.values():
        counts = collections.Counter(len(row) for row in csv.reader(lines, delimiter=separator, skipinitialspace=True))
        cells, times = counts.most_common(1)[0]
        if cells > 1 and times >= 0.8 * sum(counts.values()):
            return separator
    return ","


def is_header(rows, decimal):
    """Whether the first of one or two rows names the columns."""
    kinds = [_kind(cell, decimal) for cell in rows[0]]
    if "text" not in kinds:
        cells = rows[0][1:] if not rows[0][0] else rows[0]  # a table of pandas: 0, 1, 2, ...
        return len(cells) > 2 and len(rows) > 1 and cells == [str(j) for j in range(len(cells))]
    if "number" not in kinds:
        return True
    below = [_kind(cell, decimal) for cell in rows[1]] if len(rows) > 1 else []
    return any(pair == ("text", "number") for pair in zip(kinds, below, strict=False))


def _kind(cell, decimal):
    if cell.lower() in MISSING:
        return "missing"
    return "text" if number(cell, decimal) is None else "number"


def number(cell, decimal="."):
    """The number in a cell, NaN for a missing one, None for text and for infinity."""
    if cell.lower() in MISSING:
        return np.nan
    if decimal == ",":
        if "." in cell:
            return None
        cell = cell.replace(",", ".", 1)
    try:
        value = float(cell)
    except ValueError:
        return None
    return value if np.isfinite(value) and "_" not in cell else None  # Python takes 1_000 for a thousand


def _names(who, path, row):
    """The names of the columns, each once."""
    twice = [name for name, count in collections.Counter(row).items() if count > 1]
    if twice:
        refuse(who, path, "every column's name once", f"{twice[0]!r} {row.count(twice[0])} times in the header")
    return tuple(row)


def _cells(who, path, names, rows, decimal):
    """The Table of rows (line, cells)."""
    blocks, lines, text, width = [], [], {}, len(names) if names else None
    while some := list(itertools.islice(rows, ROWS_AT_ONCE)):
        width = width or len(some[0][1])
        block = np.empty((len(some), width))
        for i, (line, cells) in enumerate(some):
            row = len(lines)
            if len(cells) != width:
                refuse(
                    who, path, f"{width} cells in every row, as in the first",
                    f"{len(cells)} in row {row + 1} (line {line}); --delimiter names the separator, if it is another",
                )  # fmt: skip
            lines.append(line)
            block[i] = numbers if (numbers := _plain_numbers(cells, decimal)) else np.nan
            if not numbers:
                for j, cell in enumerate(cells):
                    value = number(cell, decimal)
                    if value is None:
                        text.setdefault(j, {})[row] = cell
                    else:
                        block[i, j] = value
        blocks.append(block)
    return _without_empty_end(Table(path, names, np.concatenate(blocks), text, lines))


def _plain_numbers(cells, decimal):
    """All cells of a row as numbers, the fast way; None where one of them wants a closer look."""
    try:
        numbers = list(map(float, cells))
    except ValueError:
        return None
    plain = decimal == "." and not any("_" in cell for cell in cells)
    return numbers if plain and np.isfinite(sum(numbers)) else None


def _without_empty_end(table):
    """The table without a last column that has neither a name nor a cell: lines that end in a separator."""
    last = table.numbers.shape[1] - 1
    named = table.names and table.names[last]
    if last and not named and last not in table.text and np.isnan(table.numbers[:, last]).all():
        names = table.names and table.names[:last]
        return Table(table.path, names, table.numbers[:, :last], table.text, table.lines)
    return table


def shown(cell):
    """A cell as an error shows it."""
    return repr(cell if len(cell) <= LONGEST_SHOWN else cell[: LONGEST_SHOWN - 3] + "...")
