"""The named nets."""

from tinyae.architectures.conv import conv_autoencoder, generic_conv_autoencoder
from tinyae.architectures.dense import (
    HINTON_HIDDEN,
    deep_autoencoder,
    dense_autoencoder,
    hinton_autoencoder,
    simple_autoencoder,
)

__all__ = [
    "simple_autoencoder", "deep_autoencoder", "dense_autoencoder", "hinton_autoencoder", "HINTON_HIDDEN",
    "conv_autoencoder", "generic_conv_autoencoder",
]  # fmt: skip
