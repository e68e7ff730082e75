"""Progress bars, all in one form."""

import sys

SECONDS_ON_SCREEN, SECONDS_IN_A_LOG = 0.5, 20.0  # between two updates of a bar


class NoBar:
    """A bar that shows nothing. Even a disabled one of tqdm's starts a thread, and takes a lock that forks share."""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass

    def update(self, n=1):
        """`n` more batches are done."""

    def set_postfix(self, *_, **__):
        """What stands behind the bar."""

    def write(self, text):
        """A line of text, on stdout."""
        print(text)


def progress_bar(total, progress, done=0):
    """A tqdm bar over `total` batches, `done` of them earlier; `progress` is False for none, or the text before it.

    Where stderr is not a terminal but a file, every update is a new piece of text: then there are few.
    """
    if not progress:
        return NoBar()
    from tqdm import tqdm  # here, not above: it takes a tenth of tinyae's import time

    seconds = SECONDS_ON_SCREEN if sys.stderr.isatty() else SECONDS_IN_A_LOG
    text = progress if isinstance(progress, str) else None
    return tqdm(
        total=total,
        initial=done,
        desc=text,
        unit="batch",
        dynamic_ncols=True,
        mininterval=seconds,
        maxinterval=seconds,
    )
