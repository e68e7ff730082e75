"""Finding images like a given one: codes, an index of them, neighbours, and how often those are of the same class.

    model = search_autoencoder(data.image_shape)
    model.fit(images, epochs=10)
    codes = codes_of(model, images)
    index = Index(codes, labels, whitening=PowerWhitening(codes))
    rows, distances = index.neighbours(codes_of(model, queries), k=10)

No label is used but to judge the answers.
"""

from tinyae.applications.retrieval.codes import (
    check_takes,
    codes_of,
    epochs_for,
    fingerprint,
    net_for,
    search_autoencoder,
)
from tinyae.applications.retrieval.comparison import best_baseline, compare
from tinyae.applications.retrieval.gallery import Gallery, gallery_of, gallery_of_file
from tinyae.applications.retrieval.index import Index
from tinyae.applications.retrieval.precision import Precision, precision_at_k
from tinyae.applications.retrieval.whitening import PowerWhitening

__all__ = [
    "Index",
    "PowerWhitening",
    "Precision",
    "precision_at_k",
    "codes_of",
    "check_takes",
    "search_autoencoder",
    "net_for",
    "epochs_for",
    "fingerprint",
    "compare",
    "best_baseline",
    "Gallery",
    "gallery_of",
    "gallery_of_file",
]
