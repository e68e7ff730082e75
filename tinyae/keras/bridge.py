"""Between tinyae's training loop and callbacks with Keras's methods."""

import time

from tinyae.training import Callback as NativeCallback


class Bridge(NativeCallback):
    """tinyae's callback that calls Keras's: with their logs, and epochs from 0. Also the bar (tqdm) and the lines."""

    def __init__(self, model, callbacks, bar, lines):
        self.model, self.callbacks, self.bar, self.lines = model, callbacks, bar, lines

    def call(self, method, *arguments):
        """One method of every callback, in order."""
        for callback in self.callbacks:
            getattr(callback, method)(*arguments)

    def on_train_begin(self, run):
        self.call("on_train_begin", {})
        self.begin_epoch(0)

    def begin_epoch(self, epoch):
        """Before the epoch of that number, counted from 0."""
        self.batch, self.started = 0, time.perf_counter()
        self.call("on_epoch_begin", epoch, {})

    def on_batch_end(self, run, loss):
        self.call("on_train_batch_end", self.batch, {"loss": float(loss)})
        self.batch += 1
        self.bar.update()

    def on_epoch_end(self, run, row):
        self.keep_parts(run, row)
        logs = {name: row[name] for name in ("loss", "val_loss") if name in row}
        if self.lines:
            losses = " - ".join(f"{name}: {value:.4f}" for name, value in logs.items())
            seconds = time.perf_counter() - self.started
            self.bar.write(f"Epoch {run.epoch}/{run.epochs} - {seconds:.1f}s - {losses}")
        self.call("on_epoch_end", run.epoch - 1, logs)
        if self.model.stop_training:
            run.stop("a callback set stop_training")
        elif run.epoch < run.epochs:
            self.begin_epoch(run.epoch)

    def keep_parts(self, run, row):
        """Make the row's losses Keras's, penalties included, and note in the history what they are made of."""
        parts = {name: value for name, value in row.items() if name not in ("epoch", "objective", "val_objective")}
        for prefix in ("", "val_"):
            if f"{prefix}loss" in row:
                parts[f"{prefix}reconstruction"] = parts.pop(f"{prefix}loss")
                row[f"{prefix}loss"] = row.pop(f"{prefix}objective", row[f"{prefix}loss"])
        for name, value in parts.items():
            self.model.history.parts.setdefault(name, []).append(value)

    def on_train_end(self, run):
        self.call("on_train_end", {})
