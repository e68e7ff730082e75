"""Codes of images as rows, the net they come from, and how to know that net again."""

import hashlib
import json
import math

import numpy as np

from tinyae.architectures import conv_autoencoder, conv_code_autoencoder, dense_autoencoder
from tinyae.checks import UsageError, check_choice, check_int
from tinyae.layers.states import named_states
from tinyae.samples.lazy import LazyRows
from tinyae.warping import Warp

NETS = ("warped", "plain", "conv", "dense")
CODE_SIZE = 128
HIDDEN = (256,)  # units between a row of a table and its code

# Found on the training drawings of QuickDraw10 alone: the first 15,000 of them in the index, the last 1,500 asking,
# 4 epochs, precision@10 by cosine. The code of conv_autoencoder has 0.667, a dense one of conv_code_autoencoder 0.704,
# at power 1/4 0.716; with warping by up to 0.25 radians and 15 % 0.739, by 0.4 and 30 % 0.743, by 0.5 and 30 % 0.736.
# Of the last but one power 0 has 0.720, power 0.4 0.730, power 1/2 0.704, and Euclidean distance at power 1/4 0.733.
# How often a drawing is the first to be found when its warped copy asks needs no label, and puts the same power first.
EPOCHS, BATCH_SIZE, RATE, WARMUP, POWER = 10, 64, 3e-3, 0.05, 0.25
# 300 digits drawn by code: 0.772 after 10 epochs (of 5 updates), 0.833 after 40, 0.865 after 100.
UPDATES, MOST_EPOCHS = 1000, 200


def search_autoencoder(image_shape=(28, 28, 1), code_size=CODE_SIZE, *, warp=True, seed=0):
    """The net for searching images: `conv_code_autoencoder`, which sees them warped and is asked for them unwarped.

    Parameters
    ----------
    image_shape : (height, width, channels)
    code_size : int
    warp : bool
        False: an ordinary autoencoder, for comparison.
    seed : int

    Usual training: `fit(images, epochs=10, batch_size=64, optimizer=Nadam(Cosine(3e-3, warmup=0.05)))`, and more
    epochs for fewer than 6,300 images (`epochs_for`).
    """
    return conv_code_autoencoder(image_shape, code_size, corruption=Warp() if warp else None, seed=seed)


def epochs_for(n):
    """Epochs for n images: EPOCHS, and for few images as many as make UPDATES, up to MOST_EPOCHS."""
    return min(max(EPOCHS, math.ceil(UPDATES / math.ceil(n / BATCH_SIZE))), MOST_EPOCHS)


def net_for(kind, image_shape, code_size=None, seed=0):
    """An untrained net of one of NETS for samples of a shape.

    Parameters
    ----------
    kind : {"warped", "plain", "conv", "dense"}
        `search_autoencoder` with and without warps; `conv_autoencoder`, whose code is 16 times smaller than the image;
        a dense net with a linear output, for rows of a table.
    image_shape : (height, width, channels)
        (1, D, 1) for rows.
    code_size : int, optional
        CODE_SIZE without it, or half as many numbers as a sample has, where that is less. Not of "conv".
    seed : int
    """
    check_choice("search", "net", kind, NETS)
    n = math.prod(image_shape)
    if kind == "conv" and code_size is not None:
        raise UsageError(f"search: expected no code_size for the net conv, got {code_size}; its code has its own size.")
    if kind != "dense" and image_shape[0] == image_shape[2] == 1:
        raise UsageError(f"search: expected images for the net {kind}, got rows of {n} numbers; use the net dense.")
    if kind == "conv":
        return conv_autoencoder(image_shape, seed)
    code_size = max(1, min(CODE_SIZE, n // 2)) if code_size is None else check_int("search", "code_size", code_size, 1)
    if kind == "dense":
        units = {"code_activation": "linear", "output_activation": "linear", "init": "he"}
        return dense_autoencoder(n, HIDDEN, code_size, loss="mse", seed=seed, **units)
    return search_autoencoder(image_shape, code_size, warp=kind == "warped", seed=seed)


def codes_of(model, x, threads=None):
    """Codes (N, d), float32, of images or rows x: any shape (N, ...) with as many numbers as the net takes.

    Raises
    ------
    UsageError
        Images of another size than the model's.
    """
    x = x if isinstance(x, LazyRows) else np.asarray(x)
    if x.ndim < 2:
        raise UsageError(f"codes_of: expected images (N, ...), got shape {x.shape}; for one image use x[None].")
    check_takes(model, math.prod(x.shape[1:]), x.shape[1:], "codes_of")
    codes = model.encode(x.reshape(-1, *model.input_shape), threads=threads)
    return np.ascontiguousarray(codes.reshape(len(codes), -1), dtype=np.float32)


def check_takes(model, n, shape, who="search"):
    """Raise UsageError unless the model takes images of `n` numbers; `shape` is what the error says of them."""
    if math.prod(model.input_shape) != n:
        raise UsageError(
            f"{who}: expected images of {size_text(model.input_shape)}, as the model takes, got {size_text(shape)}."
        )


def size_text(shape):
    """'28 x 28 x 1'."""
    return " x ".join(map(str, shape))


def fingerprint(model):
    """A text that tells this net from any other: a checksum of its layers and of every number in it."""
    digest = hashlib.sha256(json.dumps(model.encoder.config(), sort_keys=True).encode())
    digest.update(str(model.input_shape).encode() + model.theta.dtype.name.encode())
    digest.update(np.ascontiguousarray(model.theta).tobytes())
    for name, array in sorted(named_states(model).items()):
        digest.update(name.encode() + np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()
