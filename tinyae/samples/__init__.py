"""Users' own files: tables and images in and out, prepared for a net, streamed where they are large."""

from tinyae.samples.base import Samples
from tinyae.samples.idx import read_idx, write_idx
from tinyae.samples.lazy import LazyRows, blocks
from tinyae.samples.preparation import Preparation
from tinyae.samples.reading import read_samples
from tinyae.samples.writing import sample_writer, write_samples

__all__ = [
    "LazyRows",
    "Preparation",
    "Samples",
    "blocks",
    "read_idx",
    "read_samples",
    "sample_writer",
    "write_idx",
    "write_samples",
]
