"""Convolutions with a dense code: a named net for images whose code is a row of numbers."""

from tinyae.autoencoder import Autoencoder
from tinyae.checks import UsageError, check_int
from tinyae.layers import Conv2D, Crop, Dense, Flatten, MaxPool, Reshape, UpSample
from tinyae.layers.base import as_shape
from tinyae.layers.geometry import check_image_shape

LARGEST_MAP = 8  # pixels a side, where halving stops


def conv_code_autoencoder(input_shape=(28, 28, 1), code_size=128, filters=(16, 32), *, corruption=None, seed=0):
    """3x3 convolutions with pooling, a dense linear code, and the same way back; cross-entropy.

    For 28 x 28: Conv 16, pool, Conv 32, pool, Dense code_size: 28 -> 14 -> 7 -> code. Back: Dense, Conv 16, Conv 1, an
    upsampling before each. Every number of the code sees the whole image, which the code of images that
    `conv_autoencoder` ends in does not.

    Parameters
    ----------
    input_shape : (height, width, channels)
        Values in [0, 1]. Images are halved once, and again until no side is above LARGEST_MAP.
    code_size : int
    filters : sequence of int
        Maps of each convolution; where more are needed the last is repeated.
    corruption : as for Autoencoder, optional
        `tinyae.warping.Warp()` makes the code overlook shifts, turns and stretches.
    seed : int

    Usual training: Nadam with Cosine(3e-3, warmup=0.05), batch 64, 10 epochs.
    """
    who = "conv_code_autoencoder"
    shape = as_shape(input_shape)
    check_image_shape(who, shape)
    code_size = check_int(who, "code_size", code_size, 1)
    filters = [check_int(who, "each of filters", f, 1) for f in filters]
    if not filters:
        raise UsageError(f"{who}: expected at least one number of filters, got none.")
    sizes = [shape[:2]]
    while max(sizes[-1]) > LARGEST_MAP or sizes == [shape[:2]] != [(1, 1)]:  # once at least
        sizes.append(tuple(-(-n // 2) for n in sizes[-1]))
    maps = [(filters + filters[-1:] * len(sizes))[i] for i in range(len(sizes) - 1)]

    encoder = [layer for f in maps for layer in (_conv(f), MaxPool(2, padding="same"))]
    small = (*sizes[-1], maps[-1] if maps else shape[-1])
    encoder += [Flatten(), Dense(code_size)]
    decoder = [Dense(small[0] * small[1] * small[2], "relu", "he"), Reshape(small)]
    for size, f in zip(sizes[-2::-1], [*maps[-2::-1], None], strict=False):
        odd = tuple(n % 2 for n in size)
        decoder += [UpSample(2), *([Crop((0, odd[0]), (0, odd[1]))] if any(odd) else [])]
        decoder += [_conv(f)] if f else []
    decoder += [Conv2D(shape[-1], 3, activation="sigmoid")]
    return Autoencoder(encoder, decoder, loss="bce", input_shape=shape, seed=seed, corruption=corruption)


def _conv(filters):
    return Conv2D(filters, 3, activation="relu", init="he")
