"""Stacked autoencoders: a deep one trained greedily, layer by layer, each layer an autoencoder of the codes before it.

Sources: Bengio et al., "Greedy layer-wise training of deep networks" (2007); with a corruption, Vincent et al. (2010),
section 3.5. What RBMs do for `tinyae.rbm.fit_stack`, plain autoencoders do here.
"""

import copy

import numpy as np

from tinyae.autoencoder import Autoencoder
from tinyae.checks import UsageError, check_int
from tinyae.layers import Dense
from tinyae.optimizers import optimizer_by_name


def fit_stacked(
    x, sizes, *, activation="sigmoid", code_activation=None, corruption=None, epochs=10, batch_size=100,
    optimizer="adam", seed=0, threads=None, progress=True,
):  # fmt: skip
    """Train a deep dense autoencoder one layer at a time, and unroll it.

    Layer l is the hidden layer of an autoencoder that reconstructs the codes of layer l - 1 (of the data for the
    first): cross-entropy where those lie in (0, 1), as the data and sigmoid codes do, half the squared error where
    they do not.

    Parameters
    ----------
    x : array (N, D)
        Data in [0, 1].
    sizes : sequence of int
        Widths of the encoder's layers, the code last.
    activation, code_activation : str
        Of the layers between, and of the code (the same without it); "linear" suits a small code.
    corruption : as for Autoencoder, optional
        Noise every layer is trained under: a stacked denoising autoencoder.
    epochs, batch_size, threads, progress : as in `Autoencoder.fit`, for every layer
    optimizer : str or Optimizer
        Every layer gets a copy of its own.
    seed : int

    Returns
    -------
    model : Autoencoder
        The layers unrolled, not fine-tuned: `model.fit(x)` does that.
    histories : list of History
        One a layer.
    """
    sizes = [check_int("fit_stacked", "each size", size, 1) for size in np.atleast_1d(np.asarray(sizes, object))]
    if not sizes:
        raise UsageError("fit_stacked: expected at least one size, got none.")
    units = [*[activation] * (len(sizes) - 1), code_activation or activation]
    below = ["sigmoid", *units[:-1]]  # the unit each layer's input comes from: the data lie in [0, 1]
    settings = {"epochs": epochs, "batch_size": batch_size, "seed": seed, "threads": threads}
    optimizer = optimizer_by_name("fit_stacked", optimizer)
    trained, histories, codes = [], [], x
    for number, (size, unit, unit_below) in enumerate(zip(sizes, units, below, strict=True), 1):
        one = Autoencoder(
            [Dense(size, unit)], [Dense(codes.shape[1], unit_below)], "bce" if unit_below == "sigmoid" else "mse",
            input_shape=codes.shape[1:], seed=seed + number - 1, corruption=corruption,
        )  # fmt: skip
        show = f"layer {number} of {len(sizes)}, {codes.shape[1]} to {size}" if progress else False
        histories.append(one.fit(codes, optimizer=copy.deepcopy(optimizer), progress=show, **settings))
        codes = one.encode(codes, threads=threads)
        trained.append(one)
    return _unroll(trained), histories


def _unroll(trained):
    """One deep autoencoder of shallow ones: their encoders in order, then their decoders in reverse."""
    outer_first = [one.encoder.layers[0] for one in trained], [one.decoder.layers[0] for one in trained]
    parts = [[Dense(layer.units, layer.activation_name) for layer in layers] for layers in outer_first]
    model = Autoencoder(parts[0], parts[1][::-1], "bce", input_shape=trained[0].input_shape)
    for new, layers in zip(parts, outer_first, strict=True):
        for layer, source in zip(new, layers, strict=True):
            layer.params["W"][:], layer.params["b"][:] = source.params["W"], source.params["b"]
    return model
