"""A trained net at work: pictures of any size, whole or in tiles."""

import numpy as np

from tinyae.applications.restoration.holes import MISSING, guess
from tinyae.applications.restoration.net import at_size, reach
from tinyae.checks import UsageError, as_float_array, check_finite, check_scaled, check_shape

TILE = 512  # pixels; a larger picture is restored in tiles of this size, or its maps would not fit into memory


def restore(model, damaged, threads=None, tile=TILE):
    """What the net makes of damaged images (N, H, W, C): values cut to [0, 1].

    Where pixels are missing (`holes`) these alone are the net's, which gets a first guess of them; the known ones stay
    as they are.

    Parameters
    ----------
    model : Autoencoder
        A net of convolutions takes images of any height and width.
    damaged : array (N, H, W, C)
    threads : int, optional
    tile : int
        Of larger images tiles of so many pixels are restored by themselves, with as many pixels around them as
        matter, so that the result is the same.

    Raises
    ------
    UsageError
        Images of another number of channels, or of another size for a net that knows only one.
    """
    given, damaged = damaged, as_float_array("restore", damaged, model.theta.dtype, "images")
    if len(model.input_shape) != 3:
        raise UsageError(f"restore: expected a net for images, got one for {model.input_shape}.")
    channels = model.input_shape[2]
    if damaged.ndim != 4:
        check_shape("restore", damaged, ("N", "H", "W", channels), "images")
    if damaged.shape[3] != channels:
        kinds = {1: "grey images (1 channel)", 3: "colour images (3 channels)"}
        wanted, got = (kinds.get(n, f"images of {n} channels") for n in (channels, damaged.shape[3]))
        raise UsageError(f"restore: expected {wanted}, as the net was trained on, got {got}.")
    check_scaled("restore", given, "images")
    check_finite("restore", damaged, "images")
    missing = damaged < 0
    if (damaged == MISSING).any():
        damaged = guess(damaged)
    edge = reach(model)
    if max(damaged.shape[1:3]) > tile and edge is not None:
        output = _in_tiles(model, damaged, threads, tile, edge)
    else:
        output = at_size(model, damaged.shape[1:]).reconstruct(damaged, threads)
    np.clip(output, 0, 1, out=output)
    return np.where(missing, output, damaged) if missing.any() else output


def _in_tiles(model, images, threads, tile, edge):
    """The net's output tile by tile; each sees `edge` pixels more on the sides where there are any."""
    output = np.empty(images.shape, model.theta.dtype)
    height, width = images.shape[1:3]
    for top in range(0, height, tile):
        for left in range(0, width, tile):
            above, before = min(top, edge), min(left, edge)
            part = images[:, top - above : top + tile + edge, left - before : left + tile + edge]
            made = at_size(model, part.shape[1:]).reconstruct(part, threads)
            made = made[:, above : above + tile, before : before + tile]
            output[:, top : top + tile, left : left + tile] = made
    return output
