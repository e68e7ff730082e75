"""Where the numbers of a run go while it lasts: a CSV file, or TensorBoard."""

import csv
import os
import time
import weakref
from pathlib import Path

import numpy as np

from tinyae.checks import UsageError, check_int
from tinyae.files import writable_folder, write_atomically
from tinyae.layers.flat import named_views
from tinyae.pictures import as_bytes, enlarge, grid, image_shape_of, limits_of
from tinyae.training.callbacks import Callback
from tinyae.training.history import column_names, rows_as_csv

SMALLEST_IMAGE = 8  # side of a square row that is shown as an image: 64 numbers or more
SMALLEST_PICTURE = 64  # height and width in TensorBoard: smaller images get larger pixels
MOST_CODES = 1000  # whose histogram is drawn


class CSVLogger(Callback):
    """A line of a CSV file for every epoch, as it ends: a run that is killed has all its lines.

    Parameters
    ----------
    path : path
        Its folder is made if need be.
    append : bool
        Keep what the file holds, and write below it. Otherwise the first epoch overwrites it.

    Notes
    -----
    Put it behind callbacks that add numbers to the row. A column that comes up in a later epoch is added for all lines.
    A run that is gone on with from a checkpoint drops lines of epochs that are done again.
    """

    def __init__(self, path, append=False):
        self.path, self.append = Path(path), bool(append)

    def on_train_begin(self, run):
        writable_folder(self.path.parent, "CSVLogger")
        self.history, self.lines = run.history, []
        self.begun = self.append and self.path.exists()
        if self.begun:
            self.lines = read_lines(self.path)
        self.columns = column_names(self.lines)

    def on_epoch_end(self, run, row):
        self.lines.append(dict(row))
        new = [name for name in row if name not in self.columns]
        self.columns += new
        if new or not self.begun:
            self._write_all()
            return
        with open(self.path, "a", encoding="utf-8", newline="") as f:
            f.write(rows_as_csv([row], self.columns, header=False))

    def _write_all(self):
        text = rows_as_csv(self.lines, self.columns)
        write_atomically(self.path, lambda temporary: temporary.write_text(text, encoding="utf-8"))
        self.begun = True

    def state(self):
        return {"lines": len(self.lines), "columns": self.columns}

    def restore(self, state):
        """Bring the file to where it was: what a killed epoch has written goes, what is missing comes back."""
        known = read_lines(self.path) if self.path.exists() else []
        if len(known) < state["lines"]:
            known = self.history.rows
        self.lines, self.columns = known[: state["lines"]], state["columns"]
        self._write_all()


def read_lines(path):
    """The lines of a CSV file as dicts of text; UsageError for another kind of file."""
    try:
        with open(path, encoding="utf-8", newline="") as f:
            return [{k: v for k, v in line.items() if k} for line in csv.DictReader(f)]
    except (OSError, UnicodeDecodeError, csv.Error) as why:
        raise UsageError(f"CSVLogger: expected a CSV file to append to, got {path} ({why}).") from None


class TensorBoard(Callback):
    """Curves, pictures and histograms for TensorBoard: `tensorboard --logdir FOLDER` shows them while training runs.

    Every series of the history is a curve. `loss` of the run `FOLDER/train` and `val_loss` of `FOLDER/validation` have
    one name, so they share an axis. Originals stand over what the net makes of them, from before the first epoch on.

    Parameters
    ----------
    folder : path
        Made if need be; one folder a run. An older run in it is no longer shown.
    images : int
        How many images to show; 0 for none. Of the validation part where there is one. Samples that are neither
        images (H, W, 1), (H, W, 3) nor square rows of 64 numbers or more are left out.
    histograms : bool
        Of every parameter, by its name, and of the codes.
    every : int
        Epochs from one set of pictures and histograms to the next.

    Raises
    ------
    UsageError
        tensorboardX is not installed.
    """

    def __init__(self, folder, images=8, histograms=True, every=1):
        self.folder, self.histograms = Path(folder), bool(histograms)
        self.images = check_int("TensorBoard", "images", images, 0)
        self.every = check_int("TensorBoard", "every", every, 1)
        self.files, self._closers = {}, []
        tensorboard_x()  # what is missing is said before anything is trained

    def on_train_begin(self, run):
        writable_folder(self.folder, "TensorBoard")
        self._close()  # a run before this one may have ended in an error
        self.first = run.first_epoch
        part = "train" if run.validation is None else "validation"
        self.samples = part, run.training if run.validation is None else run.validation
        if self.first == 1:
            self._show(run, 0)

    def on_epoch_end(self, run, row):
        for name, value in row.items():
            if name != "epoch" and isinstance(value, int | float | np.number):
                held_out = name.startswith("val_")
                part, tag = ("validation", name[len("val_") :]) if held_out else ("train", name)
                self._write(part, run.epoch, tensorboard_x().summary.scalar(tag, float(value)))
        if run.epoch % self.every == 0:
            self._show(run, run.epoch)
        for file in self.files.values():
            file.flush()

    def on_train_end(self, run):
        self._close()

    def _close(self):
        for close in self._closers:
            close()
        self.files, self._closers = {}, []

    def _show(self, run, epoch):
        """Write the images and histograms of the net as it is."""
        part, (x, y) = self.samples
        summary = tensorboard_x().summary
        shape = image_shape_of(run.model.input_shape, SMALLEST_IMAGE)
        if self.images and shape and run.model.output_shape == run.model.input_shape:
            chosen = spread(len(x), self.images)
            picture = originals_over_outputs(run.model, x[chosen], None if y is x else y[chosen], shape)
            self._write(part, epoch, summary.image("reconstructions", picture, dataformats="HWC"))
        if self.histograms:
            for name, values in named_views(run.model, run.model.theta).items():
                self._write("train", epoch, histogram(f"parameters/{name}", values))
            self._write(part, epoch, histogram("codes", run.model.encode(x[spread(len(x), MOST_CODES)])))

    def _write(self, part, epoch, summary):
        from tensorboardX.proto.event_pb2 import Event, SessionLog

        if part not in self.files:
            file = self.files[part] = event_file(self.folder / part)
            self._closers.append(weakref.finalize(self, file.close))  # at the latest when this callback goes away
            # What an older run has left there from this epoch on is not to be shown.
            self._event(
                part, Event(session_log=SessionLog(status=SessionLog.START)), self.first if self.first > 1 else 0
            )
        self._event(part, Event(summary=summary), epoch)

    def _event(self, part, event, epoch):
        event.step, event.wall_time = epoch, time.time()
        self.files[part].write_event(event)


def tensorboard_x():
    """The package tensorboardX, which `import tinyae` does not load; UsageError where it is missing."""
    try:
        import tensorboardX
        import tensorboardX.summary
    except ImportError as why:
        raise UsageError(f"TensorBoard: needs tensorboardX ({why}); pip install 'tinyae[tensorboard]'.") from None
    return tensorboardX


def event_file(folder):
    """A new event file in `folder`. It writes at once: tensorboardX's SummaryWriter would keep events in a queue."""
    from tensorboardX.event_file_writer import EventsWriter

    folder.mkdir(parents=True, exist_ok=True)
    # Files are read in the order of their names, which begin with the second: two may be made within one.
    return EventsWriter(str(folder / "events"), f".{os.getpid()}.{time.time_ns()}")


def histogram(tag, values, bins=64):
    """A histogram event of the array `values`."""
    return tensorboard_x().summary.histogram(tag, np.asarray(values).ravel(), bins)


def spread(n, most):
    """At most `most` row numbers, spread over range(n): data often comes sorted."""
    return np.linspace(0, n - 1, min(n, most)).astype(int)


def originals_over_outputs(model, x, y, image_shape):
    """One picture (H, W, C): the inputs x, the targets y below them where given, and the net's outputs."""
    rows = [x, *([] if y is None else [y]), model.reconstruct(x)]
    limits = limits_of(rows[-2])
    sheet = grid([as_bytes(row, image_shape, limits) for row in rows], gap=1)
    return enlarge(sheet, max(1, -(-SMALLEST_PICTURE // min(image_shape[:2]))))
