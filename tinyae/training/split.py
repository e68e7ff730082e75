"""Holding out a validation part."""

import numpy as np

from tinyae.checks import UsageError, check_float
from tinyae.samples.lazy import some_rows


def split_validation(x, y, share, rng):
    """Hold out `share` of the pairs, drawn by `rng`: (x, y, None) or (x, y, (x_held, y_held))."""
    share = check_float("fit", "validation_split", share, 0.0, 1.0, open_high=True)
    n_held = round(share * len(x))
    if not n_held:
        return x, y, None
    if n_held == len(x):
        raise UsageError(f"fit: expected validation_split to leave something to train on, got {share} of {len(x)}.")
    order = rng.permutation(len(x))
    held, kept = np.sort(order[:n_held]), np.sort(order[n_held:])
    x_kept, x_held = some_rows(x, kept), some_rows(x, held)
    y_kept, y_held = (x_kept, x_held) if y is x else (some_rows(y, kept), some_rows(y, held))
    return x_kept, y_kept, (x_held, y_held)
