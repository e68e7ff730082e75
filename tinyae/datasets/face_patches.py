"""Face patches: 165,600 pieces of the Olivetti faces, turned, scaled, cropped and subsampled to 25 x 25.

After G. Hinton, R. Salakhutdinov, "Reducing the dimensionality of data with neural networks", Science 313, 2006, and
its supporting material: angles from -90 to +90 degrees, the 64 x 64 picture enlarged 1.4 to 1.8 times, 414 patches of
each picture; 25 people for training, 5 for validation and 10 for testing; every pixel shifted to mean 0, and the whole
set scaled by one number to a mean variance of 1. They do not say how they cropped and subsampled. Ours:

1. the patch is a square of 25 x 25 cells, STEP pixels of the enlarged picture wide each; a cell's value is the mean of
   SAMPLES x SAMPLES values in it, interpolated bilinearly in the picture;
2. its centre is uniform among the places where the square, however turned, lies inside of the picture;
3. mean and scale are those of the training patches, so that nothing of the test patches is known in training.

Of the widths that let every square lie inside, STEP is nearly the largest. What 30 principal components then leave is
the paper's: 134.7 to 135.1 for seeds 0 to 2 here, 135 there (squared error per test patch).
"""

from dataclasses import dataclass

import numpy as np
from numba import njit

from tinyae.checks import check_int
from tinyae.datasets.dataset import Dataset
from tinyae.datasets.olivetti import PEOPLE, PICTURES, SIZE, load_olivetti

SIDE = 25  # cells
STEP = 2.5  # pixels of the enlarged picture
SAMPLES = 2  # in a row and in a column of a cell
ANGLE = 90  # degrees to either side
ENLARGED = (1.4, 1.8)
OF_A_PICTURE = 414  # patches
PARTS = {"train": range(25), "validation": range(25, 30), "test": range(30, PEOPLE)}  # people


@dataclass(frozen=True, eq=False, repr=False)
class FacePatches(Dataset):
    """Patches with some of other people to choose settings and the end of training by.

    Attributes
    ----------
    x_validation : array (N, 625)
    pixel_mean : array (625,)
    scale : float
        (x - pixel_mean) / scale made the patches' grey values, from 0 to 1, what they are here.
    """

    x_validation: np.ndarray | None = None
    pixel_mean: np.ndarray | None = None
    scale: float = 1.0

    def grey(self, x):
        """Patches as grey values, mostly from 0 to 1."""
        return x * self.scale + self.pixel_mean


def load_face_patches(data_dir=None, seed=0, of_a_picture=OF_A_PICTURE, download=True):
    """Cut the patches: 103,500 of 25 people, 20,700 of 5 others and 41,400 of the other 10.

    Parameters
    ----------
    data_dir : str or Path, optional
        Folder that holds olivetti/olivettifaces.mat, as for `load_olivetti`.
    seed : int
        Same seed, same patches. The people of each part are always the same.
    of_a_picture : int
        Patches of each picture.
    download : bool
        False: never use the network.

    Returns
    -------
    FacePatches
        x (N, 625) float32, mean 0 and mean variance 1 in training; all labels 0, the one class "face". In random order.

    Raises
    ------
    UsageError, DownloadError
        As `load_olivetti`.
    """
    check_int("load_face_patches", "of_a_picture", of_a_picture, 1)
    root = np.random.SeedSequence(check_int("load_face_patches", "seed", seed, 0))
    pictures = by_person(load_olivetti(data_dir, download))
    parts = {}
    for (name, people), own in zip(PARTS.items(), root.spawn(len(PARTS)), strict=True):
        chosen = pictures[people.start : people.stop].reshape(-1, SIZE, SIZE)
        parts[name] = cut(chosen, of_a_picture, np.random.default_rng(own))
    train = parts["train"]
    mean = train.mean(axis=0, dtype=np.float64).astype(np.float32)
    scale = float(np.sqrt(np.mean([np.square(row - mean, dtype=np.float64).mean() for row in train])))
    for x in parts.values():
        x -= mean
        x /= np.float32(scale)
    zeros = {name: np.zeros(len(x), np.int64) for name, x in parts.items()}
    return FacePatches(
        "face-patches", train, zeros["train"], parts["test"], zeros["test"], (SIDE, SIDE, 1), ("face",),
        x_validation=parts["validation"], pixel_mean=mean, scale=scale,
    )  # fmt: skip


def by_person(data):
    """The pictures (40, 10, 64, 64) of a Dataset of the Olivetti faces, the people in the file's order."""
    x, y = np.concatenate([data.x_train, data.x_test]), np.concatenate([data.y_train, data.y_test])
    return x[np.argsort(y, kind="stable")].reshape(PEOPLE, PICTURES, SIZE, SIZE)


def cut(pictures, of_a_picture, rng):
    """Patches (M * of_a_picture, 625), from 0 to 1, of pictures (M, 64, 64), in random order."""
    which = rng.permutation(np.repeat(np.arange(len(pictures)), of_a_picture))
    angle = np.radians(rng.uniform(-ANGLE, ANGLE, len(which)))
    cell = STEP / rng.uniform(*ENLARGED, len(which))  # width of a cell in pixels of the picture
    reach = np.sqrt(0.5) * cell * (SIDE - 1 / SAMPLES)  # half of the diagonal between the outermost values
    middle = (SIZE - 1) / 2
    centre = middle + rng.uniform(-1, 1, (len(which), 2)) * (middle - reach)[:, None]
    patches = np.empty((len(which), SIDE * SIDE), np.float32)
    cut_numba(pictures, which, centre, cell * np.cos(angle), cell * np.sin(angle), SAMPLES, patches)
    return patches


@njit(nogil=True, cache=True)
def cut_numba(pictures, which, centre, along, across, samples, patches):
    """Fill patches (N, side^2): of each, the means over samples x samples values in every cell of a turned square.

    One cell to the right is (along, across) in the picture's (x, y), one cell down (-across, along).
    """
    side = int(np.sqrt(patches.shape[1]))
    for n in range(len(patches)):
        picture = pictures[which[n]]
        for cell in range(side * side):
            total = 0.0
            for inner in range(samples * samples):
                # from the patch's centre, in cells
                right = cell % side + (inner % samples + 0.5) / samples - side / 2
                down = cell // side + (inner // samples + 0.5) / samples - side / 2
                x = centre[n, 0] + right * along[n] - down * across[n]
                y = centre[n, 1] + right * across[n] + down * along[n]
                column, row = int(x), int(y)
                u, v = x - column, y - row
                total += (1 - v) * ((1 - u) * picture[row, column] + u * picture[row, column + 1])
                total += v * ((1 - u) * picture[row + 1, column] + u * picture[row + 1, column + 1])
            patches[n, cell] = total / (samples * samples)
