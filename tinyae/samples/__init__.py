"""Users' own files: tables and images in and out, prepared for a net, streamed where they are large."""

from tinyae.samples.lazy import LazyRows, blocks

__all__ = ["LazyRows", "blocks"]
