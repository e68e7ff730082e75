"""What a training run recorded, one row an epoch."""

import csv
import io

from tinyae.files import write_atomically


class History:
    """Rows of numbers by epoch: `history["loss"]` is a list over the epochs.

    Attributes
    ----------
    rows : list of dict
        One per epoch: `epoch` (from 1), `loss`, `val_loss` where there is a validation part, `lr`, `seconds`.
    baselines : dict of str to float
        What the losses are to be read against, in the same unit (`Autoencoder.baselines`). Worked out when first asked
        for, from the arrays given to `fit`: principal components can take as long as an epoch of a small net.
    stopped : str or None
        Why training ended before the last epoch.
    warnings : list of str
        What is wrong with the data or the trained net (`tinyae.diagnosis`); empty where nothing was found.
    """

    def __init__(self):
        self.rows, self.stopped, self.warnings = [], None, []
        self._baselines = dict

    @property
    def baselines(self):
        if callable(self._baselines):
            self._baselines = self._baselines()
        return self._baselines

    @baselines.setter
    def baselines(self, known):
        """A dict, or a function that returns it when first asked."""
        self._baselines = known

    def append(self, row):
        self.rows.append(row)

    def __getitem__(self, name):
        if not any(name in row for row in self.rows):
            raise KeyError(f"History: expected one of {', '.join(self.names) or 'no series yet'}, got {name!r}.")
        return [row.get(name) for row in self.rows]

    def __contains__(self, name):
        return any(name in row for row in self.rows)

    def __len__(self):
        return len(self.rows)

    @property
    def names(self):
        """Names of all series, in the order they first came up."""
        return column_names(self.rows)

    def to_csv(self, path):
        """Write a line of names and a line per epoch."""
        write_atomically(path, lambda temporary: temporary.write_text(rows_as_csv(self.rows)))

    def __repr__(self):
        last = ", ".join(f"{k}={v:.6g}" for k, v in self.rows[-1].items()) if self.rows else "empty"
        return f"History({len(self)} epochs, last: {last})"


def column_names(rows):
    """Names of all columns of a list of dicts, in the order they first came up."""
    return list(dict.fromkeys(name for row in rows for name in row))


def seconds_of(histories):
    """Seconds of all epochs of all of these: a pretraining's, a History for every layer."""
    return sum(sum(history["seconds"]) for history in histories)


def rows_as_csv(rows, columns=None, header=True):
    """A list of dicts as CSV text: a line of names, then a line per row; what a row lacks stays empty.

    `columns` : names of the columns, those of the rows without it. `header` : whether to write the line of names.
    """
    text = io.StringIO()
    names = column_names(rows) if columns is None else columns
    writer = csv.DictWriter(text, names, lineterminator="\n", extrasaction="ignore")
    if header:
        writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()
