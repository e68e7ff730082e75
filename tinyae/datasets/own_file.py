"""A user's own file as a data set: any format of `tinyae.samples`, a tenth held out for testing."""

import numpy as np

from tinyae.datasets.dataset import Dataset
from tinyae.samples.arrays import STREAM_FROM
from tinyae.samples.base import refuse
from tinyae.samples.lazy import LazyRows
from tinyae.samples.preparation import Preparation
from tinyae.samples.ranges import scale_for, value_range
from tinyae.samples.reading import read_samples

TEST_SHARE = 0.1


def load_file(path, seed=0, limit=None, *, scale="auto", who="load", **reading):
    """Load a user's own images or table.

    Parameters
    ----------
    path : str or Path
        Whatever `tinyae.samples.read_samples` takes: .npy, .npz, .csv, IDX, a folder of pictures.
    seed : int
        Draws the test samples, a tenth of all.
    limit : int, optional
        At most so many training samples, drawn as well.
    scale : str
        How numbers are prepared, as for `tinyae.samples.Preparation.fit`; "auto" divides bytes by 255, leaves floats in
        [0, 1] as they are, and standardises other tables by their training rows.
    **reading
        As for `read_samples`: label, drop, fill, image_size, ....

    Returns
    -------
    Dataset
        Named after the file, in the file's order. Labels are all zero, of the one class "image", where the file has
        none. `image_shape` is (H, W, C), or (1, D, 1) for rows. `preparation` says what was done. Samples of a large
        .npy are LazyRows.

    Raises
    ------
    UsageError
        What `read_samples` and `Preparation` refuse, and too few samples.
    """
    samples = read_samples(path, who=who, **reading)
    n_test = round(TEST_SHARE * len(samples))
    if n_test < 1:
        needed = f"at least {round(1 / TEST_SHARE)} {samples.kind}, one of them for testing"
        refuse(who, samples.path, needed, len(samples))
    order = np.random.default_rng(seed).permutation(len(samples))
    # In the order of the file: a large one is read through from front to back.
    test, train = (samples.subset(np.sort(part)) for part in (order[:n_test], order[n_test:][:limit]))
    if scale == "auto":  # by all numbers: the largest may be held out
        scale = scale_for(samples, *value_range(who, samples))
    preparation = Preparation.fit(train, scale, who=who)
    n = int(np.prod(preparation.shape))
    x_train, x_test = (_in_memory_if_small(preparation.apply(part, (n,), who)) for part in (train, test))
    labels = [np.zeros(len(part), np.int64) if part.labels is None else part.labels for part in (train, test)]
    shape = preparation.shape if samples.kind == "images" else (1, n, 1)
    names = samples.class_names or ("image",)
    return Dataset(samples.path.name, x_train, labels[0], x_test, labels[1], shape, names, preparation)


def _in_memory_if_small(x):
    """LazyRows that are not large, such as a limited part of a large file, as an array."""
    return x[:] if isinstance(x, LazyRows) and x.size * x.dtype.itemsize <= STREAM_FROM else x
