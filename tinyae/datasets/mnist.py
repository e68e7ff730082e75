"""MNIST and Fashion-MNIST: 60,000 + 10,000 grey images of 28 x 28, the same four IDX files.

MNIST: Y. LeCun, L. Bottou, Y. Bengio, P. Haffner, "Gradient-based learning applied to document recognition",
Proc. IEEE 86(11), 1998. Fashion-MNIST: H. Xiao, K. Rasul, R. Vollgraf, arXiv:1708.07747, 2017 (Zalando SE, MIT).
"""

from dataclasses import dataclass

import numpy as np

from tinyae.checks import UsageError
from tinyae.datasets.dataset import Dataset
from tinyae.datasets.source import Source
from tinyae.datasets.store import fetch
from tinyae.samples.idx import read_idx


@dataclass(frozen=True)
class LabelledSource(Source):
    """A source whose labels tell it from others with the same file names.

    `first_labels` are the first ten training labels; `class_names` has one name for each class.
    """

    first_labels: tuple = ()
    class_names: tuple = ()


MNIST = LabelledSource(
    name="mnist",
    title="MNIST",
    content="60,000 + 10,000 grey images of 28 x 28, ten handwritten digits",
    megabytes=11.6,
    licence="usually given as CC BY-SA 3.0",
    citation="Y. LeCun, L. Bottou, Y. Bengio, P. Haffner, Gradient-based learning applied to document recognition, "
    "Proc. IEEE 86(11), 1998; data by Y. LeCun, C. Cortes, C. Burges",
    homepage="http://yann.lecun.com/exdb/mnist/",
    mirrors=(
        "https://ossci-datasets.s3.amazonaws.com/mnist/",
        "https://storage.googleapis.com/cvdf-datasets/mnist/",
    ),
    files={
        "train-images-idx3-ubyte.gz": "f68b3c2dcbeaaa9fbdd348bbdeb94873",
        "train-labels-idx1-ubyte.gz": "d53e105ee54ea40749a09fcbcd1e9432",
        "t10k-images-idx3-ubyte.gz": "9fb629c4189551a2d022fa330f9573f3",
        "t10k-labels-idx1-ubyte.gz": "ec29112dd5afa0611ce80d1b7f02629c",
    },
    first_labels=(5, 0, 4, 1, 9, 2, 1, 3, 1, 4),
    class_names=tuple("0123456789"),
)

FASHION_MNIST = LabelledSource(
    name="fashion-mnist",
    title="Fashion-MNIST",
    content="60,000 + 10,000 grey images of 28 x 28, ten kinds of clothing",
    megabytes=30.9,
    licence="MIT",
    citation="H. Xiao, K. Rasul, R. Vollgraf, Fashion-MNIST, arXiv:1708.07747, 2017 (Zalando SE)",
    homepage="https://github.com/zalandoresearch/fashion-mnist",
    mirrors=("http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",),
    files={
        "train-images-idx3-ubyte.gz": "8d4fb7e6c68d591d4c3dfef9ec88bf0d",
        "train-labels-idx1-ubyte.gz": "25c81989df183df01b3e8a0aad5dffbe",
        "t10k-images-idx3-ubyte.gz": "bef4ecab320f06d8554ea6380940ec79",
        "t10k-labels-idx1-ubyte.gz": "bb300cfdad3c16e7a12a480ee83cd310",
    },
    first_labels=(9, 0, 0, 3, 0, 2, 7, 2, 5, 5),
    class_names=(
        "T-shirt/top",
        "Trouser",
        "Pullover",
        "Dress",
        "Coat",
        "Sandal",
        "Shirt",
        "Sneaker",
        "Bag",
        "Ankle boot",
    ),
)


def load_mnist(data_dir=None, download=True):
    """MNIST, ten handwritten digits: x (60000, 784) and (10000, 784) float32, pixels / 255.

    Parameters
    ----------
    data_dir : str or Path, optional
        Folder that holds mnist/train-images-idx3-ubyte.gz and the other three, packed or not. Without it:
        $TINYAE_DATA_DIR, the user's cache folder, then the network.
    download : bool
        False: never use the network.

    Returns
    -------
    Dataset

    Raises
    ------
    UsageError
        A folder or file is missing where it was said to be, or damaged, or not MNIST.
    DownloadError
        Not on disk and not to be had from the network.
    """
    return _load(MNIST, data_dir, download)


def load_fashion_mnist(data_dir=None, download=True):
    """Fashion-MNIST, ten kinds of clothing: arguments, result and errors as in `load_mnist`."""
    return _load(FASHION_MNIST, data_dir, download)


def _load(source, data_dir, download):
    paths = [
        fetch(source.name, name, md5, source.urls(name), data_dir, download=download)
        for name, md5 in source.files.items()
    ]
    train_images, train_labels, test_images, test_labels = map(read_idx, paths)
    _check_pair(source, train_images, train_labels, *paths[:2])
    _check_pair(source, test_images, test_labels, *paths[2:])
    _check_not_another(source, train_labels, paths[1])
    return Dataset(
        name=source.name,
        x_train=as_rows(train_images),
        y_train=train_labels.astype(np.int64),
        x_test=as_rows(test_images),
        y_test=test_labels.astype(np.int64),
        image_shape=(28, 28, 1),
        class_names=source.class_names,
    )


def as_rows(images):
    """(N, H, W) uint8 -> (N, H W) float32 from 0 to 1."""
    rows = images.reshape(len(images), np.prod(images.shape[1:])).astype(np.float32)
    rows /= 255
    return rows


def _check_pair(source, images, labels, images_path, labels_path):
    who = f"load {source.name}"
    if images.ndim != 3 or images.shape[1:] != (28, 28):
        raise UsageError(f"{who}: {images_path}: expected images of shape (N, 28, 28), got {images.shape}.")
    if labels.shape != (len(images),):
        raise UsageError(
            f"{who}: expected as many labels as images, got {len(images)} images in {images_path} and "
            f"labels of shape {labels.shape} in {labels_path}; the files do not belong together."
        )
    if labels.size and labels.max() >= len(source.class_names):
        raise UsageError(f"{who}: {labels_path}: expected labels from 0 to 9, got {labels.max()}.")


def _check_not_another(source, labels, path):
    """The two data sets have the same file names, so one is easily put where the other belongs."""
    for other in (MNIST, FASHION_MNIST):
        if other is not source and tuple(labels[:10].tolist()) == other.first_labels:
            raise UsageError(f"load {source.name}: {path}: expected {source.name}, got the labels of {other.name}.")
