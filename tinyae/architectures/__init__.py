"""The named nets."""

from tinyae.architectures.conv import conv_autoencoder, generic_conv_autoencoder
from tinyae.architectures.conv_code import conv_code_autoencoder
from tinyae.architectures.dense import (
    HINTON_HIDDEN,
    deep_autoencoder,
    dense_autoencoder,
    hinton_autoencoder,
    linear_autoencoder,
    simple_autoencoder,
)
from tinyae.architectures.kinds import (
    contractive_autoencoder,
    denoising_autoencoder,
    k_sparse_autoencoder,
    kl_sparse_autoencoder,
    l1_sparse_autoencoder,
    overcomplete_autoencoder,
    tied_autoencoder,
    variational_autoencoder,
)
from tinyae.architectures.topics import TOPIC_HIDDEN, topic_autoencoder

__all__ = [
    "simple_autoencoder", "deep_autoencoder", "dense_autoencoder", "hinton_autoencoder", "HINTON_HIDDEN",
    "linear_autoencoder", "conv_autoencoder", "generic_conv_autoencoder", "conv_code_autoencoder",
    "overcomplete_autoencoder", "tied_autoencoder", "l1_sparse_autoencoder", "kl_sparse_autoencoder",
    "k_sparse_autoencoder", "denoising_autoencoder", "contractive_autoencoder", "variational_autoencoder",
    "topic_autoencoder", "TOPIC_HIDDEN",
]  # fmt: skip
