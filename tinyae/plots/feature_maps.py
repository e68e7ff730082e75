"""What every layer makes of one image: feature maps as tiles, rows of numbers as cells."""

import numpy as np

from tinyae.checks import UsageError, check_finite, check_int
from tinyae.pictures import image_shape_of
from tinyae.plots.common import GRADIENTS
from tinyae.plots.tiles import LARGEST, Strip, as_cells, as_tiles, scale_of, strips


def feature_maps(outputs, index=0, title=None, columns=16, gradient=False):
    """One sample's way through a net, a line a layer.

    Parameters
    ----------
    outputs : dict of str to array (N, H, W, C) or (N, D)
        Of every layer in order, as `tinyae.inside.layer_outputs` gives them. Each channel is a tile; rows of numbers
        are cells, and those as long as the first or the last are drawn as a square image where they fill one.
    index : int
        Which of the N samples.
    title : str, optional
    columns : int
        Tiles in a line.
    gradient : bool
        Whether these are gradients (`tinyae.inside.output_gradients`): always drawn in green and purple around 0.

    Each layer has a scale of its own, which stands on the right. Amounts are grey, from 0 (black) to the largest
    (white); what is below 0 in places is blue there, and red above.

    Examples
    --------
    >>> plots.feature_maps(layer_outputs(model, x[:1]))
    """
    index, columns = check_int("feature_maps", "index", index, 0), check_int("feature_maps", "columns", columns, 1)
    if not outputs:
        raise UsageError("feature_maps: expected the output of at least one layer, got none.")
    rows, ends = [], {np.shape(outputs[name])[1:] for name in (next(iter(outputs)), next(reversed(outputs)))}
    for name, output in outputs.items():
        if np.ndim(output) not in (2, 4):
            raise UsageError(f"feature_maps: expected arrays (N, H, W, C) or (N, D), got {name} {np.shape(output)}.")
        if index >= len(output):
            raise UsageError(f"feature_maps: expected index below {len(output)}, the samples of {name}, got {index}.")
        one = np.asarray(output[index], dtype=np.float64)
        check_finite("feature_maps", one, name)
        shape, image = one.shape, image_shape_of(one.shape, 8) if one.ndim == 1 and one.shape in ends else None
        if one.ndim == 3 or image:
            sheet, size = as_tiles(np.moveaxis(one.reshape(image or shape), -1, 0), columns)
        else:
            sheet, size = as_cells(one)
        colours, limits, note = scale_of(one, GRADIENTS if gradient else None)
        rows.append(Strip(f"{name}\n{'×'.join(map(str, shape))}", note, sheet, _larger(size, sheet), colours, limits))
    return strips(rows, title)


def _larger(size, sheet, most=1.6):
    """A single tile may be larger than one of many."""
    return tuple(most * side for side in size) if max(size) <= LARGEST and min(sheet.shape) > 1 else size
