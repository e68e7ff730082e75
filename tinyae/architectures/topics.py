"""The net for documents: words in, a distribution over words out."""

from tinyae.autoencoder import Autoencoder
from tinyae.layers import Dense, Softmax

TOPIC_HIDDEN = (500, 250, 125)


def topic_autoencoder(
    n_words=2000, hidden=TOPIC_HIDDEN, code_size=10, *, hidden_activation="sigmoid", init="glorot", seed=0
):
    """2000-500-250-125-k and back: a linear code, softmax output, multinomial cross-entropy.

    Parameters
    ----------
    n_words, code_size : int
    hidden : sequence of int
    hidden_activation : str
        A name in `tinyae.layers.activations.ACTIVATIONS`. Sigmoid units do not start from random weights: pretrain
        them (`tinyae.rbm.fit_stack` with visible="softmax", `unroll`), or take "relu" and init="he".
    init : str
        A name in `tinyae.layers.initialisers.INITIALISERS`.
    seed : int

    Returns
    -------
    Autoencoder

    Source: Hinton & Salakhutdinov, Science 313 (2006) 504, on documents.
    """
    up = [*hidden_layers(hidden, hidden_activation, init), Dense(code_size, init=init)]
    down = [*hidden_layers(reversed(hidden), hidden_activation, init), Dense(n_words, init=init), Softmax()]
    return Autoencoder(up, down, "categoricalcrossentropy", n_words, seed)


def hidden_layers(sizes, activation, init):
    """A Dense layer with its activation for every size."""
    return [Dense(size, activation, init) for size in sizes]
