"""Named nets of convolutions."""

import numpy as np

from tinyae.autoencoder import Autoencoder
from tinyae.checks import UsageError, check_int
from tinyae.layers import Conv2D, ConvTranspose, Crop, Dense, Flatten, MaxPool, Reshape, UpSample
from tinyae.layers.base import as_shape
from tinyae.layers.geometry import check_image_shape


def conv_autoencoder(input_shape=(28, 28, 1), seed=0, *, hidden_activation="relu"):
    """Three 3x3 convolutions with pooling down to a code of images, three with upsampling back; cross-entropy.

    Conv 16, pool, Conv 8, pool, Conv 8, pool: 28 -> 14 -> 7 -> 4, a code of 4 x 4 x 8 = 128 numbers. Then Conv 8, up,
    Conv 8, up, Conv 16, up, Conv 1: 4 -> 8 -> 16 -> 28. Upsampling 4 three times gives 32, so the convolution before
    the last upsampling is a valid one, 16 -> 14. Where another size needs it, that convolution is "same" or the output
    is cropped.

    Parameters
    ----------
    input_shape : (height, width, channels)
    seed : int
    hidden_activation : str
        Of every convolution but the last. "relu" is the usual one and the fastest; a code of 8 rectified channels
        throws much away, and "tanh" learns MNIST further in the same number of epochs (README, results).

    Usual training: Nadam, batch 32, a fifth held out, early stopping.
    """

    height, width, channels = _image_shape("conv_autoencoder", input_shape)
    unpadded, crops = zip(*(_way_back(n) for n in (height, width)), strict=True)

    init = "he" if hidden_activation in ("relu", "leaky_relu") else "glorot"

    def conv(filters, padding="same"):
        return Conv2D(filters, 3, padding=padding, activation=hidden_activation, init=init)

    encoder = [layer for filters in (16, 8, 8) for layer in (conv(filters), MaxPool(2, padding="same"))]
    decoder = [conv(8), UpSample(2), conv(8), UpSample(2)]
    decoder += [conv(16, "valid" if all(unpadded) else tuple(int(not valid) for valid in unpadded)), UpSample(2)]
    decoder += [Crop(*((0, n) for n in crops))] if any(crops) else []
    decoder += [Conv2D(channels, 3, activation="sigmoid")]
    return Autoencoder(encoder, decoder, loss="bce", input_shape=(height, width, channels), seed=seed)


def _way_back(n):
    """(whether the last but one 3x3 convolution is valid, rows to crop): how n // 8, rounded up, becomes n again."""
    quarter = 4 * -(-n // 8)
    if 2 * (quarter - 2) == n:
        return True, 0
    return False, 2 * quarter - n


def generic_conv_autoencoder(
    input_shape=(28, 28, 1), kernels=(5, 5), filters=3, latent_dim=100, *, latent_activation="linear",
    output_activation="linear", loss="mse", seed=0,
):  # fmt: skip
    """Valid convolutions with 2x2 max-pooling, a dense code, and the same way back with transposed convolutions.

    For each kernel size a convolution with filters, filters^2, filters^3, ... maps, ReLU, a pooling; then Flatten and
    Dense(latent_dim). Back: Dense, Reshape, and for each kernel size UpSample and ConvTranspose. An odd row or column
    is pooled by itself (nothing is dropped) and cropped again after upsampling, so every size that the kernels fit
    into comes back to itself.

    Parameters
    ----------
    input_shape : (height, width, channels)
    kernels : sequence of int
        Size of the square kernel of each convolution.
    filters : int
        Maps of the first convolution; the others have powers of it.
    latent_dim : int
        Numbers in a code.
    latent_activation, output_activation : str
        Names in `tinyae.layers.activations.ACTIVATIONS`. A linear code is the default: a ReLU code dies.
    loss : {"mse", "bce"}
        "bce" needs output_activation="sigmoid".
    seed : int

    Usual training: Adam with rate 1e-3; `fit(noisy, clean)` teaches it to remove noise.
    """

    who = "generic_conv_autoencoder"
    height, width, channels = _image_shape(who, input_shape)
    kernels = [check_int(who, "each kernel", k, 1) for k in np.atleast_1d(np.asarray(kernels, object))]
    if not kernels:
        raise UsageError(f"{who}: expected at least one kernel size, got none.")
    check_int(who, "filters", filters, 1)
    maps = [filters ** (depth + 1) for depth in range(len(kernels))]
    encoder, way_back = [], []
    for kernel, n_maps, n_out in zip(kernels, maps, [channels, *maps[:-1]], strict=True):
        if min(height, width) < kernel:
            raise UsageError(
                f"{who}: expected kernels that fit into the image, got {kernel}x{kernel} where {height}x{width} is "
                f"left of {'x'.join(map(str, input_shape))}; use smaller or fewer kernels."
            )
        encoder += [Conv2D(n_maps, kernel, padding="valid", activation="relu", init="he"), MaxPool(2, padding="ceil")]
        height, width = height - kernel + 1, width - kernel + 1
        odd = (height % 2, width % 2)
        crop = [Crop((0, odd[0]), (0, odd[1]))] if any(odd) else []
        last = n_out is channels and not way_back
        unit = {"activation": output_activation} if last else {"activation": "relu", "init": "he"}
        way_back.insert(0, [UpSample(2), *crop, ConvTranspose(n_out, kernel, padding="valid", **unit)])
        height, width = (height + 1) // 2, (width + 1) // 2
    encoder += [Flatten(), Dense(latent_dim, activation=latent_activation)]
    size = (height, width, maps[-1])
    decoder = [Dense(height * width * maps[-1], activation="relu", init="he"), Reshape(size)]
    decoder += [layer for step in way_back for layer in step]
    return Autoencoder(encoder, decoder, loss=loss, input_shape=input_shape, seed=seed)


def _image_shape(who, shape):
    shape = as_shape(shape)
    check_image_shape(who, shape)
    return shape
