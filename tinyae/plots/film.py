"""Films of a training: the codes, the reconstructions, the filters, a frame an epoch."""

import numpy as np

from tinyae.callbacks.figure_film import Film
from tinyae.checks import UsageError, check_samples, check_shape
from tinyae.plots.codes import code_maps
from tinyae.plots.images import filters, reconstruction_rows


def film_of_codes(x, labels, class_names, path=None, every=1):
    """The map of the two-dimensional codes of x, epoch after epoch: a callback for `fit`.

    Parameters
    ----------
    x : array (N, *input_shape)
        Such as 500 test images.
    labels : integer array (N,)
    class_names : sequence of str
    path : path, optional
        Of a GIF; without it the film is shown as the last line of a notebook's cell.
    every : int
        Epochs from one frame to the next.

    Returns
    -------
    tinyae.callbacks.Film

    Examples
    --------
    >>> film = plots.film_of_codes(data.x_test[:500], data.y_test[:500], data.class_names)
    >>> model.fit(data.x_train, epochs=20, callbacks=[film])
    >>> film
    """
    x, labels = np.asarray(x), np.asarray(labels)
    check_shape("film_of_codes", labels, (len(x),), "labels")

    def look(model):
        if model.encoder.output_shape != (2,):
            raise UsageError(
                f"film_of_codes: expected a net with a code of 2 numbers, got {model.encoder.output_shape} a sample."
            )
        return model.encode(x)

    def draw(seen, k, epoch):
        figure = code_maps([(f"epoch {epoch}", seen[k])], labels, class_names, rounds=2)
        figure.set_size_inches(6.4, 5.6)
        for set_limits, numbers in zip((figure.axes[0].set_xlim, figure.axes[0].set_ylim), seen.T, strict=True):
            low, high = float(numbers.min()), float(numbers.max())
            margin = 0.04 * (high - low) or 1.0
            set_limits(low - margin, high + margin)  # those of all frames
        return figure

    return Film(look, draw, path, every)


def film_of_reconstructions(x, image_shape, path=None, every=1):
    """Images above their reconstructions, epoch after epoch: a callback for `fit`.

    Parameters
    ----------
    x : array (n, *input_shape)
        Some images, ten or so.
    image_shape : (height, width, channels)
    path, every : as for `film_of_codes`

    Returns
    -------
    tinyae.callbacks.Film
    """
    x = np.asarray(x)
    check_shape("film_of_reconstructions", x.reshape(len(x), -1), ("n", int(np.prod(image_shape))), "x")

    def look(model):
        check_samples("film_of_reconstructions", x, model.input_shape)
        return model.reconstruct(x)

    def draw(seen, k, epoch):
        error = float(np.square(seen[k].astype(np.float64) - x).sum() / len(x))
        rows = [("image", x.reshape(len(x), -1)), ("net", seen[k].reshape(len(x), -1))]
        return reconstruction_rows(rows, image_shape, title=f"epoch {epoch}, squared error per image {error:.2f}")

    return Film(look, draw, path, every)


def film_of_filters(image_shape=None, layer="encoder.dense_1", units=40, path=None, every=1):
    """The weights of a layer as images, epoch after epoch, all on one scale: a callback for `fit`.

    Parameters
    ----------
    image_shape : (height, width, channels), optional
        Of what a Dense layer sees. The filters of a convolution have a shape of their own; of the channels the mean is
        shown.
    layer : str
        Such as "encoder.dense_1" or "encoder.conv2d_1".
    units : int
        How many of them, the first.
    path, every : as for `film_of_codes`

    Returns
    -------
    tinyae.callbacks.Film
    """
    shape = image_shape

    def look(model):
        nonlocal shape
        weights = _layer(model, layer).params.get("W")
        if weights is None or weights.ndim not in (2, 4):
            raise UsageError(f"film_of_filters: expected a layer with weights W, got {layer}.")
        shape = weights.shape[:3] if weights.ndim == 4 else image_shape
        weights = weights.reshape(-1, weights.shape[-1])[:, :units]
        if shape is None or weights.shape[0] != int(np.prod(shape)):
            raise UsageError(
                f"film_of_filters: expected image_shape with {weights.shape[0]} pixels, as {layer} sees, got {shape}."
            )
        return weights

    def draw(seen, k, epoch):
        figure = filters(seen[k], shape, f"{layer}, epoch {epoch}", columns=min(10, seen.shape[2]))
        limit = float(np.quantile(np.abs(seen[-1]), 0.995)) or 1.0
        figure.axes[0].images[0].set_clim(-limit, limit)
        return figure

    return Film(look, draw, path, every)


def _layer(model, name):
    part, _, rest = name.partition(".")
    net = getattr(model, part, None) if part in ("encoder", "decoder") else None
    if net is None or rest not in net.layer_names:
        known = [f"{p}.{n}" for p in ("encoder", "decoder") for n in getattr(model, p).layer_names]
        raise UsageError(f"film_of_filters: expected layer to be one of {', '.join(known)}, got {name!r}.")
    return net.layers[net.layer_names.index(rest)]
