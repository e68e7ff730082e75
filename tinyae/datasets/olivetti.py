"""Olivetti faces: 400 grey pictures of 64 x 64, ten of each of 40 people, taken from 1992 to 1994.

F. Samaria, A. Harter, "Parameterisation of a stochastic model for human face identification", 1994; AT&T Laboratories
Cambridge, who ask to be given credit. The file is Sam Roweis's: faces (4096, 400), a column a picture, column by
column, ten of the first person, ten of the second, and so on.
"""

import numpy as np

from tinyae.checks import UsageError
from tinyae.datasets.dataset import Dataset
from tinyae.datasets.matlab import read_mat
from tinyae.datasets.mnist import as_rows
from tinyae.datasets.source import Source
from tinyae.datasets.store import read

FILE = "olivettifaces.mat"
PEOPLE, PICTURES, SIZE = 40, 10, 64
TEST_PICTURES = 2  # of each person
ORDER_SEED = 0  # of the pictures; fixed, so that everyone has the same split in the same order

SOURCE = Source(
    name="olivetti",
    title="Olivetti faces",
    content="400 grey images of 64 x 64, ten of each of 40 people",
    files={FILE: None},
    mirrors=("https://cs.nyu.edu/~roweis/data/",),
    megabytes=1.4,
    licence="none stated; credit to AT&T Laboratories Cambridge",
    citation="F. Samaria, A. Harter, Parameterisation of a stochastic model for human face identification, 1994",
    homepage="https://cs.nyu.edu/~roweis/data.html",
)


def load_olivetti(data_dir=None, download=True):
    """Olivetti faces: x (320, 4096) and (80, 4096) float32, pixels / 255.

    There is no published split. Here two pictures of each person, drawn once and for all, are the test images.

    Parameters
    ----------
    data_dir : str or Path, optional
        Folder that holds olivetti/olivettifaces.mat. Without it: $TINYAE_DATA_DIR, the user's cache folder, then the
        network.
    download : bool
        False: never use the network.

    Returns
    -------
    Dataset
        Labels 0 to 39 say who it is.

    Raises
    ------
    UsageError
        The file is missing where it was said to be, or damaged, or another.
    DownloadError
        Not on disk and not to be had from the network.
    """
    place, content = read(SOURCE, [FILE], data_dir, download=download)[FILE]
    faces = read_mat(content, place).get("faces")
    shape = (SIZE * SIZE, PEOPLE * PICTURES)
    if faces is None or faces.shape != shape or not 0 <= faces.min() <= faces.max() <= 255:
        got = "none" if faces is None else f"{faces.shape} from {faces.min():g} to {faces.max():g}"
        raise UsageError(f"load olivetti: {place}: expected a matrix faces of {shape}, 0 to 255, got {got}.")
    images = faces.T.reshape(-1, SIZE, SIZE).transpose(0, 2, 1)  # a picture's columns follow one another
    labels = np.repeat(np.arange(PEOPLE), PICTURES)
    rng = np.random.default_rng(ORDER_SEED)
    order = rng.permuted(np.arange(len(labels)).reshape(PEOPLE, PICTURES), axis=1)
    test, train = (rng.permutation(rows.ravel()) for rows in (order[:, :TEST_PICTURES], order[:, TEST_PICTURES:]))
    return Dataset(
        name="olivetti",
        x_train=as_rows(images[train]),
        y_train=labels[train],
        x_test=as_rows(images[test]),
        y_test=labels[test],
        image_shape=(SIZE, SIZE, 1),
        class_names=tuple(f"person {k}" for k in range(1, PEOPLE + 1)),
    )
