"""What every loader returns."""

from dataclasses import dataclass

import numpy as np

from tinyae.checks import check_shape
from tinyae.samples.lazy import LazyRows
from tinyae.samples.preparation import Preparation


def _in_range(image_shape):
    """The Preparation of images that lie in [0, 1] already."""
    return Preparation("unit", "images", image_shape, "float32", no_channels=image_shape[2] == 1)


@dataclass(frozen=True, eq=False, repr=False)
class Dataset:
    """Training and test rows with their labels.

    Attributes
    ----------
    name : str
        "mnist", "fashion-mnist", "quickdraw10", "digits", "curves", or the name of a user's file.
    x_train, x_test : numpy.ndarray
        (N, D) float32, ink from 0 (paper) to 1 (full ink); `x.reshape(-1, *image_shape)` gives images (N, H, W, C).
        Of a user's table columns of its `preparation`; of a large file LazyRows.
    y_train, y_test : numpy.ndarray
        (N,) int64, index into `class_names`. Autoencoders learn without it; it serves to judge codes.
    image_shape : tuple of int
        (H, W, C) with H * W * C = D; (1, D, 1) for rows that are no images.
    class_names : tuple of str
        One name for each class.
    preparation : Preparation
        How a file's numbers became those of x.
    """

    name: str
    x_train: np.ndarray | LazyRows
    y_train: np.ndarray
    x_test: np.ndarray | LazyRows
    y_test: np.ndarray
    image_shape: tuple
    class_names: tuple
    preparation: Preparation | None = None

    def __post_init__(self):
        if self.preparation is None:
            object.__setattr__(self, "preparation", _in_range(self.image_shape))
        n_pixels = int(np.prod(self.image_shape))
        for part in ("train", "test"):
            x, y = getattr(self, f"x_{part}"), getattr(self, f"y_{part}")
            check_shape(f"Dataset {self.name}", x, ("N", n_pixels), f"x_{part}")
            check_shape(f"Dataset {self.name}", y, (len(x),), f"y_{part}")

    def __repr__(self):
        shape = " x ".join(map(str, self.image_shape))
        return (
            f"Dataset({self.name!r}: {len(self.x_train)} training and {len(self.x_test)} test images, {shape}, "
            f"{len(self.class_names)} classes)"
        )
