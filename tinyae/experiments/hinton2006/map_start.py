"""A start for a code of two numbers: first the map, then what is to be seen at each of its places.

What RBMs give two numbers is hardly a map, and what fine-tuning makes of it has classes torn in pieces that cannot come
together any more: each would have to cross others. So the encoder learns, after the RBMs, to keep neighbours
together (`tinyae.neighbour_embedding`), which takes no labels. Then the decoder learns to draw what lies at each place
of this map, from a first layer that can tell places apart. Fine-tuning follows, of the whole net and on the
reconstructions alone.
"""

import numpy as np

from tinyae.autoencoder import Autoencoder
from tinyae.layers import Dense, Linear
from tinyae.neighbour_embedding import fit_neighbours
from tinyae.optimizers import Adam
from tinyae.schedules import Cosine

# Weight vectors of the decoder's first layer: a unit goes from 0.1 to 0.9 over 4.4 / STEEPNESS standard deviations of
# the map. At the weights of RBMs, about 1, the decoder begins as a blur.
STEEPNESS = 12.0
PAIRS = 500  # of neighbours in a step, a quarter of the images where they are few


def map_start(model, x, *, neighbour_epochs, decoder_epochs, batch_size, lr, beta2, seed, threads, progress, folder):
    """Train the encoder to keep the neighbours of x (N, D), and the decoder to draw x from the codes.

    Parameters
    ----------
    model : Autoencoder
        Of Dense layers; it is used up.
    neighbour_epochs, decoder_epochs, batch_size : int
    lr, beta2 : float
        Of Adam, for the decoder.
    seed, threads : int
    progress : bool
    folder : Path or None
        Where every epoch is kept, for a killed run to go on.

    Returns
    -------
    Autoencoder
    histories : list of History
        Of the encoder, of the decoder.
    """
    arranged = fit_neighbours(
        model, x, epochs=neighbour_epochs, batch_size=min(PAIRS, len(x) // 4), seed=seed, threads=threads,
        progress=progress and "keeping neighbours", checkpoint=folder and folder / "neighbours",
    )  # fmt: skip
    codes = model.encode(x, threads=threads)
    steep_first_layer(model.decoder, codes, np.random.default_rng(seed))
    drawing = Autoencoder(
        [Linear()], model.decoder, model.loss, input_shape=model.encoder.output_shape, target_shape=model.input_shape,
    )  # fmt: skip
    drawn = drawing.fit(
        codes, x, epochs=decoder_epochs, batch_size=batch_size, optimizer=Adam(Cosine(lr, warmup=0.05), beta2=beta2),
        threads=threads, seed=seed, progress=progress and "decoder", checkpoint=folder and folder / "decoder",
    )  # fmt: skip
    return Autoencoder(model.encoder, drawing.decoder, model.loss), [arranged, drawn]


def steep_first_layer(decoder, codes, rng):
    """Make every unit of the decoder's first layer a soft step over a line across the map of `codes` (N, k).

    Lines of any direction, each through the place of some image: where there are many, there are many lines.
    """
    params = next(layer.params for layer in decoder.layers if isinstance(layer, Dense))
    W = rng.standard_normal(params["W"].shape)
    W *= STEEPNESS / np.linalg.norm(W, axis=0)
    params["W"][:] = W
    params["b"][:] = -(W * codes[rng.integers(len(codes), size=W.shape[1])].T).sum(axis=0)
