"""What an examination finds."""

from dataclasses import dataclass

from tinyae.verdicts.own_file import described


@dataclass(frozen=True)
class Finding:
    """One thing that was checked: `what`, whether it is `good`, and a sentence."""

    what: str
    good: bool
    text: str

    def __str__(self):
        return f"{self.what:<9} {'ok' if self.good else 'WRONG':<6} {self.text}"


class ExaminationError(Exception):
    """Nothing after this finding can be checked."""

    def __init__(self, what, text):
        super().__init__(text)
        self.finding = Finding(what, False, text)


def run(work, what, path):
    """Do the user's work; an exception in it ends the examination."""
    try:
        return work()
    except Exception as error:
        raise ExaminationError(what, f"raised {described(error, path)}") from error
