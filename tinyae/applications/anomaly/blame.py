"""Which columns make a row strange."""

import numpy as np


def most_to_blame(errors, k=3):
    """Numbers of the k columns with the largest errors of each row, worst first: (N, k) for errors (N, D)."""
    errors = errors.reshape(len(errors), -1)
    k = min(k, errors.shape[1])
    columns = np.argpartition(-errors, k - 1, axis=1)[:, :k]
    order = np.argsort(-np.take_along_axis(errors, columns, axis=1), axis=1, kind="stable")
    return np.take_along_axis(columns, order, axis=1)
