"""Pretraining that survives a kill: after every epoch all that the next ones depend on goes into one file, atomically.

As `tinyae.training.checkpoint` does for `Autoencoder.fit`. The file holds the parameters, their velocity, the states of
the random generators, the history, and an account of the run, by which another run's checkpoint is known and refused.
"""

import numpy as np

from tinyae.checks import UsageError
from tinyae.files import remove_leftovers, writable_folder, write_atomically
from tinyae.training.memory import pieces
from tinyae.training.run_file import RunFile
from tinyae.training.same_run import describe_array, describe_generator

ROWS_AT_ONCE = 4096  # of hidden means read from a file


class RBMCheckpoint:
    """The training of one RBM, kept in a folder of its own: `rbm.npz`, and `hidden.npy` where hidden means are kept.

    Kept nowhere if the folder is None: then there is nothing to go on from.

    Parameters
    ----------
    folder : path or None
        Made if need be.
    step : tinyae.rbm.training.CDStep
        What trains, before its first update.
    rng : numpy.random.Generator
        Draws the order of the rows.
    last_hidden : array (N, K) or None
        Where the last epoch's hidden means go.
    x : array (N, D)
    settings : dict
        All else that the run depends on.
    """

    def __init__(self, folder, step, rng, last_hidden, x, settings):
        self.step, self.rng, self.last_hidden, self.file = step, rng, last_hidden, None
        if folder is None:
            return
        folder = writable_folder(folder, "fit_rbm: checkpoint")
        self.hidden_path = folder / "hidden.npy"
        remove_leftovers(self.hidden_path)
        how = {"units": repr(step.rbm), "threads": step.team.size, "x": describe_array(x)}
        start = {"weights": describe_array(step.rbm.theta), "generator": describe_generator(rng)}
        account = {"settings": settings | how, "start": start}
        self.file = RunFile(folder / "rbm.npz", "fit_rbm", "checkpoint of an RBM", account)

    def restore(self):
        """Bring the run to where the file left it; the rows of its history, none where there is no file."""
        kept = self.file and self.file.read()
        if not kept:
            return []
        if self.last_hidden is not None and kept["finished"]:
            self._read_hidden(kept["hidden"])
        self.step.rbm.theta[:], self.step.velocity[:] = kept["theta"], kept["velocity"]
        self.rng.bit_generator.state = kept["generator"]
        for worker, state in zip(self.step.rngs, kept["noise"], strict=True):
            worker.bit_generator.state = state
        return kept["rows"]

    def epoch_done(self, rows, finished):
        """Keep what this epoch has left. After the last one the hidden means come first: the file must not lie."""
        if self.file is None:
            return
        keeps_hidden = finished and self.last_hidden is not None
        if keeps_hidden:
            write_atomically(self.hidden_path, lambda path: np.save(path, np.ascontiguousarray(self.last_hidden)))
        self.file.write(
            finished=finished,
            rows=rows,
            generator=self.rng.bit_generator.state,
            noise=[worker.bit_generator.state for worker in self.step.rngs],
            theta=self.step.rbm.theta,
            velocity=self.step.velocity,
            hidden=describe_array(self.last_hidden) if keeps_hidden else None,
        )

    def _read_hidden(self, described):
        """Fill `last_hidden` with those of a finished run, which the file says had this checksum.

        Some rows at a time, read and not mapped, as mapped ones stay resident: the paper's faces have 0.8 GB.
        """
        try:
            hidden = np.load(self.hidden_path, mmap_mode="r", allow_pickle=False)
            if (hidden.shape, hidden.dtype) == (self.last_hidden.shape, self.last_hidden.dtype):
                with open(self.hidden_path, "rb") as f:
                    f.seek(hidden.offset)
                    for rows in pieces(slice(0, len(hidden)), ROWS_AT_ONCE):
                        some = self.last_hidden[rows]
                        some[...] = np.fromfile(f, some.dtype, some.size).reshape(some.shape)
                hidden = self.last_hidden
        except (OSError, ValueError, EOFError) as why:
            raise UsageError(f"fit_rbm: expected the hidden means in {self.hidden_path}, got none ({why}).") from None
        if describe_array(hidden) != described:
            raise UsageError(f"fit_rbm: expected {described} in {self.hidden_path}, got {describe_array(hidden)}.")
