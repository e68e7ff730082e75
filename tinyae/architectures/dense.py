"""Named nets of dense layers."""

from tinyae.autoencoder import Autoencoder
from tinyae.layers import Dense
from tinyae.layers.activations import activation


def dense_autoencoder(
    input_size=784, hidden=(), code_size=32, *, hidden_activation="relu", code_activation="relu",
    output_activation="sigmoid", loss="bce", init="glorot", seed=0,
):  # fmt: skip
    """Dense layers down to the code and back up through the same sizes.

    Parameters
    ----------
    input_size, code_size : int
    hidden : sequence of int
        Sizes between input and code; the decoder has them in reverse.
    hidden_activation, code_activation, output_activation : str
        Names in `tinyae.layers.activations.ACTIVATIONS`.
    loss : {"bce", "mse"}
    init : str
        A name in `tinyae.layers.initialisers.INITIALISERS`.
    seed : int

    Returns
    -------
    Autoencoder
    """
    who = "dense_autoencoder"
    encoder, decoder = [], []
    for size in hidden:
        encoder += [Dense(size, init=init), activation(who, hidden_activation)]
    encoder += [Dense(code_size, init=init), activation(who, code_activation)]
    for size in reversed(hidden):
        decoder += [Dense(size, init=init), activation(who, hidden_activation)]
    decoder += [Dense(input_size, init=init), activation(who, output_activation)]
    return Autoencoder(encoder, decoder, loss=loss, input_shape=input_size, seed=seed)


def simple_autoencoder(input_size=784, code_size=32, seed=0, **units):
    """784-32-784, ReLU code, sigmoid output, cross-entropy: the smallest one that works on digits.

    `units` : other activations or another loss, as for `dense_autoencoder`.
    """
    return dense_autoencoder(input_size, (), code_size, seed=seed, **units)


def deep_autoencoder(input_size=784, hidden=(128, 64), code_size=32, seed=0, **units):
    """784-128-64-32-64-128-784, ReLU units, sigmoid output, cross-entropy.

    `units` : other activations or another loss, as for `dense_autoencoder`.
    """
    return dense_autoencoder(input_size, hidden, code_size, init="he", seed=seed, **units)


def linear_autoencoder(input_size=784, code_size=32, seed=0):
    """x' = (x W + b) V + c and half the squared error: at its best as good as principal components, and no better.

    It spans their subspace with a basis of its own; `tinyae.linear.to_pca_basis` turns it into theirs.

    Source: Baldi & Hornik (1989).
    """
    units = {"code_activation": "linear", "output_activation": "linear"}
    return dense_autoencoder(input_size, (), code_size, loss="mse", seed=seed, **units)


HINTON_HIDDEN = (1000, 500, 250)


def hinton_autoencoder(input_size=784, hidden=HINTON_HIDDEN, code_size=2, init="glorot", seed=0, **units):
    """784-1000-500-250-k and back: logistic units, a linear code, cross-entropy.

    `units` : other activations or another loss, as for `dense_autoencoder`.

    Source: Hinton & Salakhutdinov, Science 313 (2006) 504. They start it from a stack of RBMs (`tinyae.rbm`).
    """
    own = {"hidden_activation": "sigmoid", "code_activation": "linear"}
    return dense_autoencoder(input_size, hidden, code_size, init=init, seed=seed, **own | units)
