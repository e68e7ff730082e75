"""What Keras keeps for the whole process: the seed everything random begins from, and names for layers."""

import re

import numpy as np

from tinyae.checks import check_int
from tinyae.keras import unsupported

_kept = {"source": np.random.default_rng(0), "names": {}}


def set_random_seed(seed):
    """Begin anew with everything random: weights drawn from now on, the order of the data, noise.

    A process begins as if set_random_seed(0) had been called: the same script gives the same numbers. (Keras takes
    another seed at every start.)
    """
    _kept["source"] = np.random.default_rng(check_int("set_random_seed", "seed", seed, 0))


def clear_session(free_memory=True):
    """Count the names of layers from the beginning again: dense, dense_1, ..."""
    _kept["names"].clear()


def new_rng():
    """A numpy.random.Generator of its own for whoever draws something next."""
    return np.random.default_rng(_kept["source"].integers(2**63, size=2))


def automatic_name(kind):
    """'Conv2D' -> 'conv2d', then 'conv2d_1', 'conv2d_2', ..., as in Keras."""
    name = re.sub("(.)([A-Z][a-z]+)", r"\1_\2", kind)
    name = re.sub("([a-z])([A-Z])", r"\1_\2", name).lower()
    number = _kept["names"].get(name, 0)
    _kept["names"][name] = number + 1
    return f"{name}_{number}" if number else name


__getattr__ = unsupported.refusing("tinyae.keras.utils", unsupported.UTILS)
