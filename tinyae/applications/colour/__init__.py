"""Colourisation: grey pictures in, coloured ones out. The luminance stays, a net predicts the chrominance."""

from tinyae.applications.colour.baselines import BASELINES
from tinyae.applications.colour.net import UNIT, as_targets, colour_net
from tinyae.applications.colour.scores import image_errors, scores
from tinyae.applications.colour.space import into_gamut, join, luminance, split
from tinyae.applications.colour.use import check_colour_net, colourise, predict_chrominance

__all__ = [
    "split",
    "join",
    "luminance",
    "into_gamut",
    "UNIT",
    "colour_net",
    "as_targets",
    "predict_chrominance",
    "colourise",
    "check_colour_net",
    "BASELINES",
    "scores",
    "image_errors",
]
