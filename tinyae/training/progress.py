"""Progress bars, all in one form."""

import sys

SECONDS_ON_SCREEN, SECONDS_IN_A_LOG = 0.5, 20.0  # between two updates of a bar


def progress_bar(total, progress, done=0):
    """A tqdm bar over `total` batches, `done` of them earlier; `progress` is False for none, or the text before it.

    Where stderr is not a terminal but a file, every update is a new piece of text: then there are few.
    """
    from tqdm import tqdm  # here, not above: it takes a tenth of tinyae's import time

    seconds = SECONDS_ON_SCREEN if sys.stderr.isatty() else SECONDS_IN_A_LOG
    text = progress if isinstance(progress, str) else None
    return tqdm(
        total=total,
        initial=done,
        disable=not progress,
        desc=text,
        unit="batch",
        dynamic_ncols=True,
        mininterval=seconds,
        maxinterval=seconds,
    )
