"""The net that restores: convolutions at full resolution that begin as the identity and learn what to change."""

import numpy as np

from tinyae.autoencoder import Autoencoder
from tinyae.checks import UsageError, check_int
from tinyae.layers import Conv2D
from tinyae.layers.base import as_shape
from tinyae.layers.geometry import check_image_shape
from tinyae.layers.sequential import show_shape


def restoration_net(image_shape, filters=32, depth=4, guessed=False, seed=0, corruption=None):
    """A chain of 3 x 3 convolutions that gives its input back until it is trained.

    `depth` convolutions with ReLU, one without. There is no narrow code: what a damaged picture has kept should pass,
    and nothing is pooled, so that it passes unblurred. The first half is the encoder, the rest the decoder.

    Nets that restore learn the difference to their input, for "leave it as it is" is hard to learn (Zhang et al.,
    "Beyond a Gaussian denoiser", 2017). A chain has no way around its layers, but it can begin as the identity: in
    every layer as many maps as the image has channels copy it (it is not negative, so ReLU lets it pass), and the last
    convolution writes them out and nothing else. The other maps begin at random and unheard. After three epochs
    on 4,000 garments with noise that is worth 1.2 dB.

    Parameters
    ----------
    image_shape : (height, width, channels)
    filters : int
        Maps of every layer, more than the image has channels.
    depth : int
        Layers before the last; an output pixel sees depth + 1 pixels in every direction.
    guessed : bool
        Whether images come with missing pixels, which hold a first guess v as v - 2 (`tinyae.applications.restoration.
        holes`). The identity is then that of the guess: each channel x is carried as a = max(x, 0), b = max(-x, 0) and
        c = max(-x - 1, 0), and a + b - 2 c is x where it is known and v where it is missing.
    seed : int
    corruption : function of (images, rng), optional
        The damage it is trained to undo.

    Usual training: Adam with `Cosine(8e-3, warmup=0.05)` (less for deeper nets), batches of 8: many small steps.
    """
    who = "restoration_net"
    shape = as_shape(image_shape)
    check_image_shape(who, shape)
    check_int(who, "depth", depth, 2)
    channels = shape[2]
    maps = (3 if guessed else 1) * channels
    if check_int(who, "filters", filters, 1) <= maps:
        raise UsageError(f"{who}: expected more than {maps} filters for images of {channels} channels, got {filters}.")
    layers = [Conv2D(filters, 3, activation="relu", init="he") for _ in range(depth)] + [Conv2D(channels, 3)]
    half = (depth + 1) // 2
    model = Autoencoder(layers[:half], layers[half:], loss="mse", input_shape=shape, seed=seed, corruption=corruption)
    begin_as_identity(layers, channels, guessed)
    return model


def begin_as_identity(layers, channels, guessed):
    """Set the weights so that the image passes through the first maps of every layer, and nothing else gets out."""
    first, *between, last = (layer.params for layer in layers)
    # W[i, j, map in, map out]: all that counts stands in the middle of the window
    into, out = ((1, -1, -1), (1, 1, -2)) if guessed else ((1,), (1,))
    maps, c = len(into) * channels, np.arange(channels)
    first["W"][..., :maps], last["W"][...] = 0, 0
    for k, (factor_in, factor_out) in enumerate(zip(into, out, strict=True)):
        first["W"][1, 1, c, k * channels + c] = factor_in
        last["W"][1, 1, k * channels + c, c] = factor_out
    if guessed:
        first["b"][2 * channels : maps] = -1
    for params in between:
        params["W"][..., :maps] = 0
        params["W"][1, 1, np.arange(maps), np.arange(maps)] = 1


def at_size(model, image_shape):
    """The same net, with parameters of its own, for images of another size; UsageError where it has only one.

    Convolutions do not know how large an image is; a Dense layer does.
    """
    shape = as_shape(image_shape)
    if shape == model.input_shape:
        return model
    try:
        parts = [[type(layer)(**layer.config()) for layer in part.layers] for part in (model.encoder, model.decoder)]
        twin = Autoencoder(*parts, loss=model.loss, input_shape=shape)
        if twin.theta.shape != model.theta.shape:
            raise ValueError("other parameters")
    except (TypeError, ValueError):
        raise UsageError(
            f"restore: expected images of {show_shape(model.input_shape)}, got {show_shape(shape)}; this net has "
            "layers that take one size only."
        ) from None
    twin.theta[:] = model.theta
    return twin


def reach(model):
    """How many pixels around it an output pixel depends on, where all layers are convolutions that keep the size.

    None for any other net.
    """
    layers = [*model.encoder.layers, *model.decoder.layers]
    if not all(type(layer) is Conv2D and layer.stride == (1, 1) and layer.padding == "same" for layer in layers):
        return None
    return sum(max(layer.kernel) // 2 for layer in layers)
