"""A trained net at work: pictures of any size."""

import numpy as np

from tinyae.applications.colour.net import UNIT
from tinyae.applications.colour.space import into_gamut
from tinyae.checks import UsageError, as_float_array, check_finite, check_scaled, check_shape


def colourise(model, luminance, threads=None):
    """Coloured pictures (N, H, W, 3), from 0 to 1, with exactly this luminance.

    Parameters
    ----------
    model : Autoencoder
        As `colour_net` makes it, trained.
    luminance : array (N, H, W, 1)
        Grey pictures from 0 to 1, of any size; see `predict_chrominance`.
    threads : int, optional

    Raises
    ------
    UsageError
        No grey pictures, numbers out of range, or a net for something else.
    """
    return into_gamut(luminance, predict_chrominance(model, luminance, threads))[0]


def predict_chrominance(model, luminance, threads=None):
    """The net's chrominance (N, H, W, 2) of grey pictures (N, H, W, 1).

    Pictures of another size than the net's are shrunk or enlarged to that for it, and the colours it gives are
    brought to their size: it knows things at the size it has seen them, and colour bears to be less sharp.
    """
    check_colour_net(model)
    given, y = luminance, as_float_array("colourise", luminance, model.theta.dtype, "luminance")
    check_shape("colourise", y, ("N", "H", "W", 1), "luminance")
    check_scaled("colourise", given, "luminance")
    check_finite("colourise", y, "luminance")
    if y.size and (y.min() < 0 or y.max() > 1):
        raise UsageError(f"colourise: expected luminance in [0, 1], got {y.min():.4g} to {y.max():.4g}.")
    size, own = y.shape[1:3], model.input_shape[:2]
    if size == own:
        return UNIT * model.reconstruct(y, threads)
    small = UNIT * model.reconstruct(resized(y, own), threads)
    return resized(small, size)


def resized(images, size):
    """Images (N, H, W, C) of floats at another (height, width); bilinear, and smoothed before they shrink."""
    from PIL import Image

    result = np.empty((len(images), *size, images.shape[3]), np.float32)
    for image, out in zip(images, result, strict=True):
        for c in range(images.shape[3]):
            channel = Image.fromarray(np.ascontiguousarray(image[:, :, c], np.float32))
            out[:, :, c] = channel.resize(size[::-1], Image.Resampling.BILINEAR)
    return result.astype(images.dtype, copy=False)


def check_colour_net(model, place="this model", who="colourise"):
    """Raise UsageError unless `model` takes luminance and gives chrominance."""
    shapes = getattr(model, "input_shape", None), getattr(model, "output_shape", None)
    if not hasattr(model, "reconstruct") or shapes[0][2:] != (1,) or shapes[1] != (*shapes[0][:2], 2):
        raise UsageError(
            f"{who}: expected a net from luminance (H, W, 1) to chrominance (H, W, 2), as tinyae colour trains it, got "
            f"{place} from {shapes[0]} to {shapes[1]}."
        )
