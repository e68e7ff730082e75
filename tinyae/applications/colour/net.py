"""A net from luminance to chrominance."""

from tinyae.autoencoder import Autoencoder
from tinyae.checks import UsageError
from tinyae.layers import BatchNorm, Conv2D, Crop, Dropout, MaxPool, UpSample
from tinyae.layers.base import as_shape

# Chrominance of photographs spreads by some 0.06 around grey. Initial weights and Adam's steps are made for numbers of
# order 1, and a net that is to give chrominance itself learns nothing in its first epochs; so it gives it in tenths.
UNIT = 0.1
SMALLEST = 8  # pixels; smaller pictures would be one pixel after the poolings


def as_targets(chrominance):
    """What the net is to give for chrominance (N, H, W, 2)."""
    return chrominance / UNIT


def colour_net(image_size, seed=0, dropout=0.3):
    """Luminance (H, W, 1) to chrominance (H, W, 2), in units of UNIT; half the squared error.

    Conv 16, pool, Conv 32, pool, Conv 64, pool, Conv 64: 32 -> 16 -> 8 -> 4, a code of 4 x 4 x 64 numbers that say
    what is where. Then up, Conv 32, up, Conv 16, Conv 2, up: 4 -> 8 -> 16 -> 32. The last step is no more than bilinear
    upsampling: colour is seen less sharply than brightness (which is why JPEG keeps half as much of it), and the
    edges are in the luminance. BatchNorm after every pooling, Dropout on the code.

    Squared error has a price: where a thing may be red or blue, the best guess is the pale mean of both (R. Zhang,
    P. Isola, A. Efros, "Colorful image colorization", ECCV 2016, who predict classes of colour instead). Results are
    paler than photographs; the table's column of saturation says how much.

    Parameters
    ----------
    image_size : (height, width)
        At least SMALLEST pixels each.
    seed : int
    dropout : float
        Share of the code that is dropped while training.

    Examples
    --------
    >>> model = colour_net((32, 32))
    >>> y, chrominance = split(images)  # (N, 32, 32, 3)
    >>> model.fit(y, as_targets(chrominance), epochs=10, batch_size=32, optimizer=Adam(Cosine(3e-3, warmup=0.02)))
    >>> coloured = colourise(model, y)
    """
    size = as_shape(image_size)
    if len(size) != 2 or min(size) < SMALLEST:
        raise UsageError(
            f"colour_net: expected (height, width) of at least {SMALLEST} pixels each, got {size}; give larger images."
        )
    height, width = size

    def conv(filters):
        return Conv2D(filters, 3, activation="relu", init="he")

    encoder = []
    for filters in (16, 32, 64):
        encoder += [conv(filters), MaxPool(2, padding="same"), BatchNorm()]
    encoder += [conv(64), Dropout(dropout)]
    decoder = []
    for filters in (32, 16):
        decoder += [UpSample(2, "bilinear"), conv(filters)]
    decoder += [Conv2D(2, 3), UpSample(2, "bilinear")]
    beyond = [-n % 8 for n in (height, width)]  # rows that three poolings rounded up, and three upsamplings made of it
    decoder += [Crop(*((0, n) for n in beyond))] if any(beyond) else []
    shape = {"input_shape": (height, width, 1), "target_shape": (height, width, 2)}
    return Autoencoder(encoder, decoder, loss="mse", seed=seed, **shape)
