"""The file of a run: how far it is, with an account of it, by which another run's file is known and refused."""

from tinyae.checks import UsageError
from tinyae.files import remove_leftovers
from tinyae.training.packing import read_tree, write_tree
from tinyae.training.same_run import WAYS_OUT, differences, settings_in_words
from tinyae.version import __version__

FORMAT = 1  # raised when an older tinyae could not go on from what this one writes


class RunFile:
    """The file `path` of a run, for loops that are not `Autoencoder.fit` (`tinyae.training.checkpoint`).

    Parameters
    ----------
    path : Path
        In a folder that is there.
    who : str
        Who speaks in errors.
    what : str
        What is in the file, such as "checkpoint of an RBM".
    account : dict of str to dict
        Of groups: all that the run's numbers depend on, by name.
    """

    def __init__(self, path, who, what, account):
        self.path, self.who, self.what = path, who, what
        self.account = {group: settings_in_words(values) for group, values in account.items()}
        remove_leftovers(path)

    def read(self):
        """What was written last, as a dict; None where there is no file. UsageError for anything but this run's."""
        if not self.path.exists():
            return None
        kept = read_tree(self.path, self.who, self.what)
        if not isinstance(kept, dict) or kept.get("kind") != self._kind or kept.get("format") != FORMAT:
            raise UsageError(f"{self.who}: expected a whole {self.what}, got {self.path}, which is something else.")
        unlike = differences(kept["account"], self.account)
        if unlike:
            raise UsageError(f"{self.who}: expected the run that {self.path} holds, got another: {unlike}; {WAYS_OUT}.")
        return kept

    def write(self, **parts):
        """Keep `parts`, what `tinyae.training.packing.write_tree` can write; atomically."""
        about = {"kind": self._kind, "format": FORMAT, "tinyae": __version__, "account": self.account}
        write_tree(self.path, about | parts)

    @property
    def _kind(self):
        return f"tinyae {self.what}"
