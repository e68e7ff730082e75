"""Parameters in the order and layout in which Keras has them."""

import numpy as np

from tinyae.export.chain import check_known, layers_of, nets_of
from tinyae.layers import (
    ActivityPenalty,
    AveragePool,
    BatchNorm,
    Conv2D,
    ConvTranspose,
    Crop,
    Dense,
    Dropout,
    Flatten,
    GaussianCode,
    GaussianNoise,
    KSparse,
    LeakyReLU,
    Linear,
    MaxPool,
    ReLU,
    Reshape,
    Sigmoid,
    Softmax,
    Softplus,
    Tanh,
    TiedDense,
    UpSample,
    ZeroPad,
)


def to_keras_weights(model, part="autoencoder"):
    """The arrays that `set_weights` of the equally built Keras model takes.

    Parameters
    ----------
    model : Autoencoder or Sequential
        A Sequential, such as an encoder alone, is taken whole.
    part : {"autoencoder", "encoder", "decoder"}

    Returns
    -------
    list of array
        Copies, layer by layer: W (n_in, n_out) and b of a Dense; kernel (kh, kw, in, out) and b of a Conv2D; kernel
        (kh, kw, out, in) and b of a ConvTranspose, as it is: Keras does not turn it round either; gamma, beta, mean
        and variance of a BatchNorm. A TiedDense becomes a Dense with weights of its own. Other layers have none.

    Raises
    ------
    UsageError
        For a layer of one's own, whose form in Keras is not known.

    Notes
    -----
    Images are (N, H, W, C) in both. The layers that are equal, without their activation:

    | tinyae | Keras |
    |---|---|
    | `Dense(n)`, `TiedDense` | `Dense(n)` |
    | `Conv2D(f, k, s, padding)` | `Conv2D(f, k, s, padding)`; for a number p: `ZeroPadding2D(p)`, then "valid" |
    | `ConvTranspose(f, k, s, padding)` | `Conv2DTranspose(f, k, s, padding)`; not "valid" with s > k, see below |
    | for a number p, output_padding q <= p | "valid", then `Cropping2D(((p, p - q), (p, p - q)))` |
    | `MaxPool(k, s, padding)`, `AveragePool` | `MaxPooling2D(k, s, padding)`, `AveragePooling2D` |
    | the same with "ceil" | "same" where s = k = 2; none in general |
    | `UpSample(f, method)` | `UpSampling2D(f, interpolation=method)` |
    | `Flatten()`, `Reshape(shape)` | the same |
    | `Crop(rows, columns)`, `ZeroPad` | `Cropping2D((rows, columns))`, `ZeroPadding2D` |
    | `BatchNorm(m, e)` | `BatchNormalization(momentum=m, epsilon=e)`: 0.9, 1e-5 here, 0.99, 1e-3 there |
    | `LeakyReLU(a)` | `LeakyReLU(negative_slope=a)`: 0.01 here, 0.3 there |
    | `Dropout(r)`, `GaussianNoise(s)` | the same |
    | `KSparse`, `GaussianCode` | none: a `Lambda`, or a layer of one's own |

    Checked by hand against Keras 3.15, whose results are the same within rounding but for this: "valid" with a stride
    larger than the kernel gives n s rows in Keras and (n - 1) s + k here, which `output_padding=s - k` makes up for.
    While training, Keras's BatchNormalization keeps the batch's variance as it is, tinyae (and PyTorch) M / (M - 1) of
    it.

    Examples
    --------
    >>> model = Autoencoder(
    ...     [Conv2D(8, 3, activation="relu"), MaxPool(2), Flatten(), Dense(32)],
    ...     [Dense(1568, "relu"), Reshape((14, 14, 8)), ConvTranspose(1, 3, 2, activation="sigmoid")],
    ...     input_shape=(28, 28, 1),
    ... )
    >>> same = keras.Sequential([  # the layers of the encoder, then those of the decoder
    ...     keras.Input((28, 28, 1)),
    ...     keras.layers.Conv2D(8, 3, padding="same", activation="relu"),
    ...     keras.layers.MaxPooling2D(2),
    ...     keras.layers.Flatten(),
    ...     keras.layers.Dense(32),
    ...     keras.layers.Dense(1568, "relu"),
    ...     keras.layers.Reshape((14, 14, 8)),
    ...     keras.layers.Conv2DTranspose(1, 3, 2, padding="same", activation="sigmoid"),
    ... ])
    >>> same.set_weights(to_keras_weights(model))
    """
    nets = nets_of("to_keras_weights", model, part)
    check_known("to_keras_weights", "Keras", nets, ARRAYS)
    layers = [layer for name, net in nets.items() for _, layer in layers_of(name, net)]
    return [np.array(a) for layer in layers for a in ARRAYS[type(layer)](layer)]


def _weights(layer):
    return layer.params["W"], layer.params["b"]


ARRAYS = {
    Dense: _weights,
    Conv2D: _weights,
    ConvTranspose: _weights,
    TiedDense: lambda layer: (layer.source.params["W"].T, layer.params["b"]),
    BatchNorm: lambda layer: (layer.params["gamma"], layer.params["beta"], layer.state["mean"], layer.state["var"]),
}
WITHOUT = (
    ActivityPenalty, AveragePool, Crop, Dropout, Flatten, GaussianCode, GaussianNoise, KSparse, LeakyReLU, Linear,
    MaxPool, ReLU, Reshape, Sigmoid, Softmax, Softplus, Tanh, UpSample, ZeroPad,
)  # fmt: skip
ARRAYS |= {kind: lambda layer: () for kind in WITHOUT}
