"""Data sets as Keras gives them: (x_train, y_train), (x_test, y_test) = datasets.mnist.load_data()."""

import numpy as np

from tinyae import datasets
from tinyae.keras import unsupported


class _Source:
    """A data set by its name in `tinyae.datasets`."""

    def __init__(self, name):
        self.name = name

    def load_data(self, path=None):
        """Images as uint8 (N, 28, 28), 0 to 255, and labels as uint8 (N,): (x_train, y_train), (x_test, y_test).

        Found on disk or downloaded as `tinyae.datasets.load` says; `path`, Keras's file name, changes nothing.
        """
        data = datasets.load(self.name)

        def part(x, y):
            return np.rint(x.reshape(-1, *data.image_shape[:2]) * 255).astype(np.uint8), y.astype(np.uint8)

        return part(data.x_train, data.y_train), part(data.x_test, data.y_test)

    def __repr__(self):
        return f"datasets.{self.name}"


mnist, fashion_mnist = _Source("mnist"), _Source("fashion-mnist")
digits = _Source("digits")  # tinyae's own, drawn by code: nothing to download

__getattr__ = unsupported.refusing("tinyae.keras.datasets", unsupported.DATASETS)
