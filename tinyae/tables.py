"""Tables of numbers as text: aligned columns for a terminal, pipes for a Markdown file.

A table is a list of rows (dicts) and a list of columns (title, key, format):

>>> rows = [{"method": "autoencoder", "psnr": 20.04}, {"method": "median filter", "psnr": None}]
>>> print(plain(rows, [("method", "method", "{}"), ("PSNR, dB", "psnr", "{:.1f}")]))
method         PSNR, dB
autoencoder        20.0
median filter         –
"""

NOTHING = "–"  # stands where a row has no such number


def cells(row, columns):
    """The texts of one row; None and what is missing become a dash."""
    values = [(row.get(key), form) for _, key, form in columns]
    return [NOTHING if value is None else form.format(value) for value, form in values]


def plain(rows, columns):
    """The table with aligned columns, the first to the left, for a terminal."""
    table = [[title for title, _, _ in columns], *(cells(row, columns) for row in rows)]
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    return "\n".join(
        "  ".join([row[0].ljust(widths[0]), *(c.rjust(w) for c, w in zip(row[1:], widths[1:], strict=True))])
        for row in table
    )


def markdown(rows, columns):
    """The table as Markdown, without a line break at its end."""
    lines = [f"| {' | '.join(title for title, _, _ in columns)} |", "|---" * len(columns) + "|"]
    return "\n".join([*lines, *(f"| {' | '.join(cells(row, columns))} |" for row in rows)])
