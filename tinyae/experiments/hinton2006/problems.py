"""What there is to do: the paper's experiments as a table."""

from collections.abc import Callable
from dataclasses import dataclass, field

from tinyae import datasets
from tinyae.datasets.face_patches import load_face_patches


@dataclass(frozen=True)
class Problem:
    """One experiment of the paper: data, net, how long they trained, what they found.

    Attributes
    ----------
    title : str
        As in figures.
    load : function of (dataset, data_dir, seed) to Dataset
        `dataset` is one of `datasets`.
    datasets : tuple of str
        What it can be run on; the first is taken where none is named.
    hidden : tuple of int
        Units between data and code.
    code_size : int
    visible : {"bernoulli", "gaussian"}
        Kind of the data's units.
    pretrain_epochs, finetune_epochs : int
        The paper's.
    layers : tuple of dict
        What is done otherwise in the pretraining of one layer, as for `fit_stack`; empty for nothing.
    published : dict of str to float
        The paper's figures, squared error per test image: "autoencoder", "pca", "logistic_pca"; with a number, as
        "pca_18", components of which there are so many instead of one for each number of the code.
    quick_load : function as `load`, optional
        What the quick variant loads, where loading everything takes long.
    """

    title: str
    load: Callable
    datasets: tuple
    hidden: tuple
    code_size: int
    visible: str = "bernoulli"
    pretrain_epochs: int = 50
    finetune_epochs: int = 200
    layers: tuple = ()
    published: dict = field(default_factory=dict)
    quick_load: Callable | None = None

    @property
    def sizes(self):
        """Hidden units of every RBM of the stack, the code last."""
        return (*self.hidden, self.code_size)


def load_by_name(dataset, data_dir, seed):
    """A data set that `datasets.load` knows; "auto" draws digits, and says so, where MNIST is not to be had."""
    return datasets.load(dataset, data_dir=data_dir, seed=seed)


def load_faces(dataset, data_dir, seed, **few):
    """The patches of the Olivetti faces."""
    return load_face_patches(data_dir, seed, **few)


def load_few_faces(dataset, data_dir, seed):
    """Ten patches of each picture."""
    return load_faces(dataset, data_dir, seed, of_a_picture=10)


MNIST = ("auto", "mnist", "digits")

EXPERIMENTS = {
    "mnist-2d": Problem("MNIST", load_by_name, MNIST, (1000, 500, 250), 2),
    "mnist-30": Problem(
        "MNIST", load_by_name, MNIST, (1000, 500, 250), 30,
        published={"autoencoder": 3.00, "logistic_pca": 8.01, "pca": 13.87},
    ),
    "curves": Problem(
        "Curves", load_by_name, ("curves",), (400, 200, 100, 50, 25), 6,
        published={"autoencoder": 1.44, "logistic_pca": 7.64, "logistic_pca_18": 2.45, "pca_18": 5.90},
    ),
    "faces": Problem(
        "Faces", load_faces, ("face-patches",), (2000, 1000, 500), 30, visible="gaussian", finetune_epochs=20,
        layers=({}, {"lr": 0.01}, {}, {}),  # at 0.1 nine of ten units of the second RBM die in its first epoch
        published={"autoencoder": 126.0, "pca": 135.0}, quick_load=load_few_faces,
    ),
}  # fmt: skip
