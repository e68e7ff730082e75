"""The images that are searched: all of a data set or of a file, which of them to learn from, which of them ask."""

from dataclasses import dataclass

import numpy as np

from tinyae.checks import UsageError
from tinyae.datasets.own_file import TEST_SHARE
from tinyae.samples import Preparation, read_samples
from tinyae.samples.base import refuse
from tinyae.samples.lazy import LazyRows
from tinyae.samples.preparation import scale_for, value_range

SMALLEST = 3  # images: one that asks, and two to be found and to learn from


@dataclass(frozen=True, eq=False)
class Gallery:
    """Images, or rows of a table, prepared for a net.

    Attributes
    ----------
    name : str
        Of the data set or the file.
    x : array (N, D) or LazyRows
    train, test : integer arrays
        Which rows of x the net learns from, and which ask, to see how good its answers are.
    labels : int64 array (N,) or None
    class_names : tuple of str
    image_shape : (H, W, C)
        (1, D, 1) for rows of a table.
    names : tuple of str
        What each image is called: its file, or "test 5".
    preparation : Preparation
        How a query is read.
    numbers : dict
        Row of x by the number a user knows an image by: of the test images of a data set, of all images of a file.
    """

    name: str
    x: np.ndarray | LazyRows
    train: np.ndarray
    test: np.ndarray
    labels: np.ndarray | None
    class_names: tuple
    image_shape: tuple
    names: tuple
    preparation: Preparation
    numbers: dict

    def __len__(self):
        return len(self.x)

    @property
    def is_rows(self):
        """Whether these are rows of a table rather than images."""
        return self.image_shape[0] == self.image_shape[2] == 1

    @property
    def kind(self):
        """What they are called: 'images' or 'rows'."""
        return "rows" if self.is_rows else "images"

    def label_of(self, row):
        """The name of an image's class, or None."""
        return None if self.labels is None else self.class_names[self.labels[row]]

    def row_of(self, number):
        """The row of x that a user means by `number`."""
        if number not in self.numbers:
            what = f"the number of one of {len(self.numbers):,} images of {self.name} to ask with"
            gaps = "" if len(self.numbers) > max(self.numbers) else " without those a limit leaves out"
            raise UsageError(f"search: expected {what}, from 0 to {max(self.numbers)}{gaps}, got {number}.")
        return self.numbers[number]


def gallery_of(data, limit=None):
    """The Gallery of a Dataset: its training images, then its test images, of these at most `limit`."""
    x_test, y_test = data.x_test[:limit], data.y_test[:limit]
    n_train, n_test = len(data.x_train), len(x_test)
    test = np.arange(n_train, n_train + n_test)
    return Gallery(
        data.name, np.concatenate([data.x_train, x_test]), np.arange(n_train), test,
        np.concatenate([data.y_train, y_test]), data.class_names, data.image_shape,
        (*(f"training {i}" for i in range(n_train)), *(f"test {i}" for i in range(n_test))),
        data.preparation, dict(enumerate(test.tolist())),
    )  # fmt: skip


def gallery_of_file(path, seed=0, limit=None, preparation=None, **reading):
    """The Gallery of a user's file or folder, in its order; a tenth, drawn by the seed, asks and is not learned from.

    Parameters
    ----------
    path : str or Path
    seed : int
    limit : int, optional
        At most so many samples to learn from; the others but those that ask are left out.
    preparation : Preparation, optional
        That of a model, for samples it is to encode; without it one is made for the samples to learn from.
    **reading
        As for `tinyae.samples.read_samples`.
    """
    if preparation is None:
        samples = read_samples(path, who="search", **reading)
    else:
        samples = preparation.read(path, who="search", **reading)
    n_test = max(1, round(TEST_SHARE * len(samples)))
    if len(samples) < SMALLEST:
        refuse("search", samples.path, f"at least {SMALLEST} {samples.kind} to search", len(samples))
    order = np.random.default_rng(seed).permutation(len(samples))
    asking, learning = np.sort(order[:n_test]), np.sort(order[n_test:][:limit])
    numbers = np.sort(np.concatenate([asking, learning]))
    some = samples if len(numbers) == len(samples) else samples.subset(numbers)
    test, train = np.searchsorted(numbers, asking), np.searchsorted(numbers, learning)
    if preparation is None:
        scale = scale_for(samples, *value_range("search", samples))
        preparation = Preparation.fit(some.subset(train), scale, who="search")
    n = int(np.prod(preparation.shape))
    return Gallery(
        samples.path.name, preparation.apply(some, (n,), "search"), train, test, some.labels, samples.class_names,
        preparation.shape if preparation.kind == "images" else (1, n, 1),
        some.files or tuple(some.place(i) for i in range(len(some))), preparation,
        {int(number): row for row, number in enumerate(numbers)},
    )  # fmt: skip
