"""Pictures: arrays in, a Matplotlib Figure out. The only part that imports Matplotlib.

Figures are made without pyplot, so nothing is registered globally, nothing needs closing, and no display is needed.
Pictures of one application are in a module of its name.
"""

from tinyae.plots.activations import activations
from tinyae.plots.architecture import architecture
from tinyae.plots.codes import code_maps
from tinyae.plots.common import (
    BASELINE_COLOUR,
    CLASS_COLOURS,
    DIVERGING,
    GRADIENTS,
    TRAIN_COLOUR,
    VALIDATION_COLOUR,
    Figure,
    in_digits,
    save,
)
from tinyae.plots.curves import loss_curves, row_curves
from tinyae.plots.feature_maps import feature_maps
from tinyae.plots.film import film_of_codes, film_of_filters, film_of_reconstructions
from tinyae.plots.gradients import gradient_sizes, gradients
from tinyae.plots.images import comparison, filters, reconstruction_rows
from tinyae.plots.interpolation import interpolation
from tinyae.plots.landscape import loss_landscape, loss_lines
from tinyae.plots.manifold import manifold
from tinyae.plots.paths import optimizer_paths
from tinyae.plots.traversals import traversals

__all__ = [
    "Figure",
    "save",
    "code_maps",
    "reconstruction_rows",
    "comparison",
    "filters",
    "row_curves",
    "loss_curves",
    "architecture",
    "feature_maps",
    "activations",
    "gradients",
    "gradient_sizes",
    "loss_landscape",
    "loss_lines",
    "optimizer_paths",
    "manifold",
    "interpolation",
    "traversals",
    "film_of_codes",
    "film_of_reconstructions",
    "film_of_filters",
    "in_digits",
    "CLASS_COLOURS",
    "TRAIN_COLOUR",
    "VALIDATION_COLOUR",
    "BASELINE_COLOUR",
    "DIVERGING",
    "GRADIENTS",
]
