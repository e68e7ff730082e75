"""Progress bars, all in one form."""

from tqdm import tqdm


def progress_bar(total, progress):
    """A tqdm bar over `total` steps; `progress` is False for none, True for a plain one, or the text before it."""
    text = progress if isinstance(progress, str) else None
    return tqdm(total=total, disable=not progress, desc=text, unit="batch", dynamic_ncols=True, mininterval=0.5)
