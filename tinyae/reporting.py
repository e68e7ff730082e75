"""What all experiments share: talking to the person who waits, choosing test images, writing files."""

import json
import platform
import resource
import sys

import numba
import numpy as np

from tinyae.files import write_atomically

TITLES = {
    "mnist": "MNIST",
    "fashion-mnist": "Fashion-MNIST",
    "quickdraw10": "Quick, Draw! (10 classes)",
    "cifar10": "CIFAR-10",
    "cifar10-part": "4,000 images of CIFAR-10",
    "cifar10-jpeg": "8,000 JPEG copies of CIFAR-10",
    "digits": "built-in digits (not MNIST)",
    "olivetti": "Olivetti faces",
    "face-patches": "pieces of the Olivetti faces",
    "curves": "built-in curves",
    "ecg5000": "ECG5000",
    "coloured": "built-in coloured scenes",
    "newsgroups": "20 Newsgroups",
    "corpus": "built-in corpus",
}


def announce(text):
    """A line for the person who waits; results go to stdout, this does not."""
    print(text, file=sys.stderr, flush=True)


def dataset_title(name):
    """'MNIST' or 'built-in digits (not MNIST)': a figure must not pass for what it is not."""
    return TITLES.get(name, name)


def peak_memory_mb():
    """Largest resident memory of this process so far, in MB (10^6 bytes)."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / 1e6 if sys.platform == "darwin" else peak * 1024 / 1e6  # macOS counts bytes, Linux KiB


def versions():
    """What the numbers were computed with."""
    return {
        "tinyae": sys.modules["tinyae"].__version__,  # the package cannot be imported by its own parts
        "python": platform.python_version(),
        "numpy": np.__version__,
        "numba": numba.__version__,
    }


def some_of_each_class(labels, count, seed):
    """Row numbers of `count` random members of each class (all of a smaller class)."""
    rng = np.random.default_rng(seed)
    rows = [rng.permutation(np.flatnonzero(labels == c))[:count] for c in np.unique(labels)]
    return np.concatenate(rows)


def write_text(path, text):
    """Write a UTF-8 text file atomically."""
    write_atomically(path, lambda temporary: temporary.write_text(text, encoding="utf-8"))


def write_json(path, values):
    """Write a dict as JSON, atomically."""
    write_text(path, json.dumps(values, indent=2) + "\n")
