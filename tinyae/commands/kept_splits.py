"""Scores of the splits done so far, on disk: an interrupted `tinyae recommend train` goes on after the last of them."""

import json
import sys

from tinyae.checks import UsageError
from tinyae.files import writable_folder
from tinyae.reporting import write_json


class KeptSplits:
    """The scores of the splits done, a file each, so that an interrupted run can go on after the last of them."""

    def __init__(self, folder, resume, account):
        self.folder, self.account, self.done = writable_folder(folder, "recommend"), account, {}
        for path in sorted(self.folder.glob("split-*.json")):
            if resume:
                self.done[path.stem.removeprefix("split-")] = self._read(path)
            else:
                path.unlink()
        if resume and not self.done:
            print(f"nothing to resume in {self.folder}: beginning with the first split", file=sys.stderr)

    def _read(self, path):
        try:
            kept = json.loads(path.read_text(encoding="utf-8"))
            other, rows = kept["account"], kept["rows"]
            unlike = [name for name in self.account if other.get(name) != self.account[name]]
        except (OSError, ValueError, LookupError, TypeError, AttributeError) as why:
            raise UsageError(f"recommend: expected the scores of a split in {path}, got {why}; delete it.") from None
        if unlike:
            raise UsageError(
                f"recommend: expected {path} to be of this run, got another {unlike[0]}: {other.get(unlike[0])!r}, "
                f"here {self.account[unlike[0]]!r}; leave out --resume to begin anew."
            )
        return rows

    def rows(self, label, score):
        """What score() gives, from the file where it was done before."""
        if label not in self.done:
            self.done[label] = score()
            write_json(self.folder / f"split-{label}.json", {"account": self.account, "rows": self.done[label]})
        return self.done[label]
