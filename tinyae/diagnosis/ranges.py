"""Which activation the numbers come from, and what it cannot give."""

import numpy as np

from tinyae.layers import (
    ActivityPenalty,
    AveragePool,
    Crop,
    Dropout,
    GaussianNoise,
    MaxPool,
    ReLU,
    Reshape,
    Sequential,
    Sigmoid,
    Softplus,
    Tanh,
    UpSample,
    ZeroPad,
)

RANGES = {Sigmoid: (0.0, 1.0), Tanh: (-1.0, 1.0), ReLU: (0.0, np.inf), Softplus: (0.0, np.inf)}
# Layers that hand on numbers of the same range, and keep units apart.
IN_BETWEEN = (ActivityPenalty, AveragePool, Crop, Dropout, GaussianNoise, MaxPool, Reshape, UpSample, ZeroPad)
# Data may leave a range by so much of its width; and this share of all numbers may leave it.
EDGE, STRAY = 0.01, 1e-3


def last_unit(net, path):
    """(path, activation) that the numbers a Sequential gives come from, looking through IN_BETWEEN; (None, None)."""
    for name, layer in reversed(list(zip(net.layer_names, net.layers, strict=True))):
        if isinstance(layer, Sequential):
            return last_unit(layer, f"{path}.{name}")
        if not isinstance(layer, IN_BETWEEN):
            return (f"{path}.{name}", layer.output_unit) if layer.output_unit is not None else (None, None)
    return None, None


def out_of_range(model, y):
    """A text where targets y (N, ...) lie outside of what the decoder's output unit can give; else nothing."""
    _, unit = last_unit(model.decoder, "decoder")
    if type(unit) not in RANGES:
        return []
    low, high = RANGES[type(unit)]
    margin = EDGE * (high - low if np.isfinite(high) else float(np.nanmax(np.abs(y))))
    share = np.sum((y < low - margin) | (y > high + margin)) / np.sum(~np.isnan(y))  # NaN: unknown (MaskedMSE)
    if share <= STRAY:
        return []
    percent = f"{100 * share:.0f}" if share > 0.1 else f"{100 * share:.2g}"
    reach = f"[{low:g}, {high:g}]" if np.isfinite(high) else "[0, infinity)"
    return [
        f"{percent} % of the data lie outside {reach}, which is all that the decoder's {unit.name} can give "
        f"(they go from {np.nanmin(y):.3g} to {np.nanmax(y):.3g}); scale them, or end the decoder in a linear layer "
        "with loss='mse'."
    ]
