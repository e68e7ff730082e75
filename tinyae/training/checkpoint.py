"""Runs that survive a kill: after an epoch all that the next ones depend on goes into one file, atomically.

The file holds the parameters, what layers hold beside them, the optimizer's vectors and counters, the state of the
random generator (hence the order of the data and the noise of all epochs to come), the history, what callbacks
remember, and an account of the run, by which another run's checkpoint is known and refused. A process that is killed,
at any moment, also while it writes, leaves the file of the epoch before; the run that goes on from it ends bit for bit
as one that was never stopped. What was done since the last written epoch is done again.
"""

import contextlib
import copy
import os
from pathlib import Path

import numpy as np

from tinyae.checks import UsageError, check_int
from tinyae.files import remove_leftovers, writable_folder
from tinyae.layers.states import named_states
from tinyae.training.packing import read_tree, write_tree
from tinyae.training.same_run import NET, check_epochs, check_same_run, checksum_of_net, describe_run
from tinyae.version import __version__

FORMAT = 1  # raised when an older tinyae could not go on from what this one writes
KIND = "tinyae checkpoint"
KINDS = {
    "account": dict, "epochs": int, "epoch": int, "stopped": object, "rows": list, "generator": dict, "callbacks": list,
    "theta": np.ndarray, "states": dict, "optimizer": dict,
}  # fmt: skip


class NoCheckpoint:
    """A run that is kept nowhere: what the training loop calls, doing nothing."""

    def of(self, **settings):
        """One for a run with these settings of `fit`."""
        return self

    def open(self, run, rng, callbacks, **how):
        """See where the run begins: sets `run.first_epoch`. Called before anything else happens."""

    def restore(self):
        """Bring the run to its first epoch; callbacks have begun."""

    def in_words(self):
        """What a restored run goes on with, for the person who waits."""

    def epoch_done(self):
        """Keep what this epoch has left."""

    @contextlib.contextmanager
    def undoing(self):
        """Around the epochs: an error or Ctrl-C leaves net and optimizer as they were after the last epoch kept."""
        yield


class Checkpoint(NoCheckpoint):
    """The checkpoint of a run, `checkpoint.npz` in a folder of its own.

    Parameters
    ----------
    folder : path
        Made if need be. One run at a time.
    resume : bool
        Go on with the run the folder holds. False begins anew; what the folder holds is overwritten after the first
        epoch, not before.
    every : int
        Epochs from one writing to the next; the last epoch is always kept.
    settings : dict, optional
        More that the run depends on, compared by name before all else, such as how its data were made.

    Notes
    -----
    A run is gone on with where net, data, optimizer, seeds, threads and callbacks are those it began with; its number
    of epochs may differ where the learning rate of the epochs done would have been the same. A run that a callback has
    stopped stays finished. "Bit for bit" is meant on one machine: other processors and other versions of NumPy round
    differently. Callbacks of one's own say what they remember in `Callback.state`.

    Examples
    --------
    >>> model.fit(x, epochs=100, checkpoint="runs/first")  # killed at some time
    >>> model.fit(x, epochs=100, checkpoint="runs/first")  # in a new process: goes on
    """

    def __init__(self, folder, resume=True, every=1, settings=None):
        self.folder, self.resume, self.settings = Path(folder), bool(resume), dict(settings or {})
        self.every = check_int("Checkpoint", "every", every, 1)
        self.path = self.folder / "checkpoint.npz"

    def of(self, **settings):
        if settings.get("seed", 0) is None:
            raise UsageError("fit: expected a seed for a run with a checkpoint, got None; a run by chance comes once.")
        twin = copy.copy(self)
        twin.settings = self.settings | {name: value for name, value in settings.items() if name not in self.settings}
        return twin

    def open(self, run, rng, callbacks, **how):
        self.run, self.rng, self.callbacks, self.schedule = run, rng, callbacks, run.optimizer.schedule
        writable_folder(self.folder, "fit: checkpoint")
        remove_leftovers(self.path)
        self.account = describe_run(run, rng, callbacks, settings=self.settings, **how)
        self.kept = None
        if self.resume and self.path.exists():
            kept = read_checkpoint(self.path)
            with trusting_nothing(self.path):
                check_kinds(kept)
                check_same_run(kept, self.account, self.path)
                check_epochs(kept, run, self.path, adjusted=any(callback.changes_rate for callback in callbacks))
                check_fits(kept, run, rng, callbacks)
                run.first_epoch = kept["epoch"] + 1
                self.account["start"] = kept["account"]["start"]
            self.kept = kept
        # What to go back to after an error: the file, or while it does not hold this run, a copy of the beginning.
        self.first = None if self.kept else copy.deepcopy(net_and_optimizer(run))

    def restore(self):
        if self.kept is None:
            return
        run, kept = self.run, self.kept
        put_back(kept, run)
        self.rng.bit_generator.state = kept["generator"]
        run.history.rows, run.history.stopped, run.epoch = kept["rows"], kept["stopped"], kept["epoch"]
        for callback, state in zip(self.callbacks, kept["callbacks"], strict=True):
            callback.restore(state)
        self.kept = None  # its arrays need not stay in memory

    def in_words(self):
        run = self.run
        if run.goes_on:
            return f"going on after epoch {run.epoch} of {run.epochs} from {self.folder}"
        why = f" ({run.history.stopped})" if run.history.stopped else ""
        return f"the run in {self.folder} is finished, after epoch {run.epoch} of {run.epochs}{why}: nothing to train"

    def epoch_done(self):
        run = self.run
        if run.goes_on and run.epoch % self.every:
            return
        tree = {
            "kind": KIND,
            "format": FORMAT,
            "tinyae": __version__,
            "account": self.account | {"now": {NET: checksum_of_net(run.model)}},
            "epochs": run.epochs,
            "epoch": run.epoch,
            "stopped": run.history.stopped,
            "rows": run.history.rows,
            "generator": self.rng.bit_generator.state,
            "callbacks": [callback.state() for callback in self.callbacks],
        }
        try:
            write_tree(self.path, tree | net_and_optimizer(run))
        except TypeError as why:
            raise UsageError(f"fit: checkpoint: {why}.") from None
        self.first = None

    @contextlib.contextmanager
    def undoing(self):
        try:
            yield
        except BaseException:
            self.run.optimizer.schedule = self.schedule  # callbacks may have put another in its place
            with contextlib.suppress(UsageError):  # what went wrong first is what counts
                put_back(self.first or read_checkpoint(self.path), self.run)
            raise


def as_checkpoint(checkpoint):
    """`fit`'s argument as a Checkpoint: a folder, a Checkpoint itself, or None for none."""
    if checkpoint is None or isinstance(checkpoint, NoCheckpoint):
        return checkpoint or NO_CHECKPOINT
    if not isinstance(checkpoint, str | os.PathLike):
        raise UsageError(f"fit: expected checkpoint to be a folder or a Checkpoint, got {checkpoint!r}.")
    return Checkpoint(checkpoint)


NO_CHECKPOINT = NoCheckpoint()

# -- what a file has to be --------------------------------------------------------------------------------------


def read_checkpoint(path):
    """What a Checkpoint wrote into the file `path`; UsageError for anything else."""
    tree = read_tree(path, "fit", "checkpoint written by fit")
    if not isinstance(tree, dict) or tree.get("kind") != KIND or _format(tree) < 1:
        raise UsageError(f"fit: expected a whole checkpoint written by fit, got {path}, which holds something else.")
    if tree["format"] > FORMAT:
        raise UsageError(
            f"fit: expected a checkpoint of format {FORMAT} or older in {path}, got {tree['format']}, written by "
            f"tinyae {tree.get('tinyae')}; install a newer tinyae."
        )
    return tree


def _format(tree):
    return tree["format"] if type(tree.get("format")) is int else 0


@contextlib.contextmanager
def trusting_nothing(path):
    """Around the use of what a file holds: a UsageError where it lacks something or has it in another form."""
    try:
        yield
    except UsageError:
        raise
    except (LookupError, TypeError, ValueError, AttributeError) as why:
        raise UsageError(
            f"fit: expected a whole checkpoint written by fit, got {path}, where something is wrong ({why!r})."
        ) from None


def check_kinds(kept):
    """Raise LookupError or TypeError unless all parts of a checkpoint are there, each of its kind."""
    for name, kind in KINDS.items():
        if not isinstance(kept[name], kind):
            raise TypeError(f"{name} is a {type(kept[name]).__name__}")
    for name in ("rows", "callbacks"):
        if not all(isinstance(part, dict) for part in kept[name]):
            raise TypeError(f"{name} are not all dicts")
    if len(kept["rows"]) != kept["epoch"]:
        raise TypeError(f"{len(kept['rows'])} rows of {kept['epoch']} epochs")


def check_fits(kept, run, rng, callbacks):
    """Raise ValueError or TypeError unless net, optimizer, generator and callbacks can take what a checkpoint holds."""
    theta, states, optimizer = run.model.theta, named_states(run.model), copy.copy(run.optimizer)
    optimizer.load_state_dict(kept["optimizer"])
    if set(states) != set(kept["states"]) or len(callbacks) != len(kept["callbacks"]):
        raise ValueError(f"states of {', '.join(kept['states'])}, {len(kept['callbacks'])} callbacks")
    pairs = [(theta, kept["theta"]), *((theta, vector) for vector in optimizer.state.values())]
    for array, saved in pairs + [(states[name], kept["states"][name]) for name in states]:
        if array.shape != saved.shape or array.dtype != saved.dtype:
            raise ValueError(f"{saved.dtype} {saved.shape} in place of {array.dtype} {array.shape}")
    copy.deepcopy(rng).bit_generator.state = kept["generator"]


def net_and_optimizer(run):
    """What a step changes, as it is now; nothing is copied."""
    states = named_states(run.model)
    return {"theta": run.model.theta, "states": states, "optimizer": run.optimizer.state_dict()}


def put_back(kept, run):
    """Give net and optimizer what `net_and_optimizer` said of them, in place: layers hold views of theta."""
    run.model.theta[:] = kept["theta"]
    for name, array in named_states(run.model).items():
        array[...] = kept["states"][name]
    run.optimizer.load_state_dict(kept["optimizer"])
