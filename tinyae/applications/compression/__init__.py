"""Images in few bits: a net's code rounded to a handful of bits a number, beside principal components."""

from tinyae.applications.compression.codec import Codec, with_quantisers
from tinyae.applications.compression.net import (
    QuantisationNoise,
    compression_autoencoder,
    sensitivity,
    train_compressor,
)
from tinyae.applications.compression.quantiser import Quantiser, Quantisers, ideal_bits
from tinyae.applications.compression.rates import (
    LinearCoder,
    bits_at,
    least_advantage,
    lossless_bits,
    net_curve,
    net_rates,
    psnr_at,
    psnr_of,
    rate_curve,
)

__all__ = [
    "Codec",
    "LinearCoder",
    "QuantisationNoise",
    "Quantiser",
    "Quantisers",
    "bits_at",
    "compression_autoencoder",
    "ideal_bits",
    "least_advantage",
    "lossless_bits",
    "net_curve",
    "net_rates",
    "psnr_at",
    "psnr_of",
    "rate_curve",
    "sensitivity",
    "train_compressor",
    "with_quantisers",
]
