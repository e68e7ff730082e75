"""Initial weights. Each function draws an (n_in, n_out) matrix from a numpy.random.Generator.

Where n_in numbers feed an output and n_out outputs feed on an input but the weights are not a matrix (convolutions),
`shape` says what they are.
"""

import numpy as np

from tinyae.checks import check_choice


def glorot(rng, n_in, n_out, shape=None):
    """Uniform on +-sqrt(6 / (n_in + n_out)): Glorot & Bengio (2010), eq. 16. For tanh, sigmoid and linear units."""
    limit = np.sqrt(6.0 / (n_in + n_out))
    return rng.uniform(-limit, limit, shape or (n_in, n_out))


def he(rng, n_in, n_out, shape=None):
    """Normal with standard deviation sqrt(2 / n_in): He et al. (2015), eq. 10. For ReLU units."""
    return rng.normal(0.0, np.sqrt(2.0 / n_in), shape or (n_in, n_out))


def sparse(rng, n_in, n_out, connections=15):
    """Each unit gets `connections` incoming weights from N(0, 1), all others zero: Martens (2010), section 5.

    A unit's total input then does not grow with the width of the layer below, and units differ from the start.
    """
    W = np.zeros((n_in, n_out))
    k = min(connections, n_in)
    for j in range(n_out):
        W[rng.choice(n_in, size=k, replace=False), j] = rng.normal(size=k)
    return W


def normal(rng, n_in, n_out, shape=None, scale=0.1):
    """0.1 N(0, 1): the start of the RBMs in Hinton & Salakhutdinov's published code."""
    return scale * rng.normal(size=shape or (n_in, n_out))


INITIALISERS = {"glorot": glorot, "he": he, "sparse": sparse, "normal": normal}


def initialiser(who, name):
    """The function of that name; UsageError listing the names there are otherwise."""
    check_choice(who, "init", name, INITIALISERS)
    return INITIALISERS[name]
