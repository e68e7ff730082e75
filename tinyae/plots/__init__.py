"""Pictures: arrays in, a Matplotlib Figure out. The only part that imports Matplotlib.

Figures are made without pyplot, so nothing is registered globally, nothing needs closing, and no display is needed.
Pictures of one application are in a module of its name.
"""

from tinyae.plots.codes import code_maps
from tinyae.plots.common import (
    BASELINE_COLOUR,
    CLASS_COLOURS,
    DIVERGING,
    TRAIN_COLOUR,
    VALIDATION_COLOUR,
    Figure,
    in_digits,
    save,
)
from tinyae.plots.curves import loss_curves, row_curves
from tinyae.plots.images import comparison, filters, reconstruction_rows

__all__ = [
    "Figure",
    "save",
    "code_maps",
    "reconstruction_rows",
    "comparison",
    "filters",
    "row_curves",
    "loss_curves",
    "in_digits",
    "CLASS_COLOURS",
    "TRAIN_COLOUR",
    "VALIDATION_COLOUR",
    "BASELINE_COLOUR",
    "DIVERGING",
]
