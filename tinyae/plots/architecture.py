"""A net as blocks, from the input on top to the output at the bottom."""

import numpy as np
from matplotlib.patches import FancyBboxPatch, Patch

from tinyae.layers import AveragePool, Crop, Flatten, MaxPool, Reshape, UpSample, ZeroPad
from tinyae.layers.activations import Activation
from tinyae.layers.noise import Noisy
from tinyae.layers.sequential import show_shape
from tinyae.plots.common import BASELINE_COLOUR, Figure

# Kinds of layers with their colours (Paul Tol's "light" set, which black letters are read on), the first that fits.
KINDS = (
    ("input", (), "#eeeeee"),
    ("weights", (), "#77aadd"),
    ("activation", (Activation,), "#eedd88"),
    ("pooling, upsampling", (MaxPool, AveragePool, UpSample), "#ee8866"),
    ("shape only", (Flatten, Reshape, Crop, ZeroPad), "#cccccc"),
    ("noise, variational code", (Noisy,), "#ffaabb"),
    ("other", (), "#bbcc33"),
)
COLOURS = {name: colour for name, _, colour in KINDS}
WIDEST, LINE, BLOCK, THIN = 2.7, 0.34, 0.24, 0.13  # inches: widest block, a line, a block's height, without weights
WIDTH, MIDDLE, SIDE = 8.2, 4.05, 0.12


def architecture(model, title=None):
    """Every layer of an Autoencoder as a block: what it is, what shape it gives, how many parameters it has.

    Parameters
    ----------
    model : Autoencoder
    title : str, optional

    A block's width is the square root of how many numbers one sample has there, beside the widest: the narrow place is
    the code. Layers without parameters are thinner.
    """
    rows = _rows(model)
    height = 0.75 + (0.3 if title else 0) + LINE * len(rows) + 0.3
    figure = Figure(figsize=(WIDTH, height))
    axis = figure.add_axes((0, 0, 1, 1))
    axis.set(xlim=(0, WIDTH), ylim=(0, height))
    axis.set_axis_off()
    top = height - (0.35 if title else 0.1)
    for x, text, side in ((SIDE, "layer", "left"), (6.65, "shape", "right"), (WIDTH - SIDE, "parameters", "right")):
        axis.text(x, top - 0.1, text, ha=side, va="center", fontsize=9, color=BASELINE_COLOUR)
    most = max(numbers for *_, numbers, _ in rows)
    y, before = top - 0.4, None
    for text, kind, shape, n_params, numbers, is_code in rows:
        wide = max(WIDEST * np.sqrt(numbers / most), 0.05)
        tall = BLOCK if n_params or kind == "input" else THIN
        if before is not None:
            axis.plot([MIDDLE] * 2, [before, y + tall / 2], color="#999999", linewidth=1, zorder=1)
        edge = {"edgecolor": "black", "linewidth": 1.6} if is_code else {"edgecolor": "#666666", "linewidth": 0.6}
        corner = (MIDDLE - wide / 2, y - tall / 2)
        look = "round,pad=0,rounding_size=0.03"
        axis.add_patch(FancyBboxPatch(corner, wide, tall, look, facecolor=COLOURS[kind], zorder=2, **edge))
        weight = "bold" if is_code else "normal"
        axis.text(SIDE, y, text, ha="left", va="center", fontsize=9, weight=weight)
        axis.text(6.65, y, show_shape(shape).replace("x", "×"), ha="right", va="center", fontsize=9, weight=weight)
        axis.text(WIDTH - SIDE, y, f"{n_params:,}" if n_params else "", ha="right", va="center", fontsize=9)
        before, y = y - tall / 2, y - LINE
    axis.plot([SIDE, WIDTH - SIDE], [y + LINE / 2 - 0.03] * 2, color="#cccccc", linewidth=0.8)
    loss = f"loss {model.loss!r}"
    axis.text(SIDE, y - 0.02, loss, ha="left", va="center", fontsize=9, color=BASELINE_COLOUR)
    axis.text(WIDTH - SIDE, y - 0.02, f"{model.n_params:,}", ha="right", va="center", fontsize=9, weight="bold")
    used = [(name, colour) for name, _, colour in KINDS if any(kind == name for _, kind, *_ in rows)]
    handles = [Patch(facecolor=colour, edgecolor="#666666", label=name) for name, colour in used]
    figure.legend(handles=handles, loc="lower center", ncols=len(handles), fontsize=8, frameon=False)
    if title:
        figure.suptitle(title, fontsize=11, y=1 - 0.1 / height, va="top")
    return figure


def _rows(model):
    """(text, kind, shape, parameters, numbers, whether it gives the code) of the input and of every layer."""
    rows = [("input", "input", model.input_shape, 0, int(np.prod(model.input_shape)), False)]
    for part in ("encoder", "decoder"):
        net = getattr(model, part)
        for place, layer in enumerate(net.layers, 1):
            is_code = part == "encoder" and place == len(net.layers)
            text = in_short(layer) + ("  = code" if is_code else "")
            shape = layer.output_shape
            rows.append((text, _kind(layer), shape, layer.n_params, int(np.prod(shape)), is_code))
    return rows


def _kind(layer):
    if layer.n_params:
        return "weights"
    return next((name for name, classes, _ in KINDS if isinstance(layer, classes)), "other")


def in_short(layer):
    """'Conv2D 3×3, stride 2, relu': a layer's name, with its kernel, stride and activation where it has them."""
    kernel, stride = getattr(layer, "kernel", None), getattr(layer, "stride", None)
    parts = [layer.name + (f" {kernel[0]}×{kernel[1]}" if isinstance(kernel, tuple) else "")]
    if isinstance(kernel, tuple) and stride != (1, 1):
        parts.append(f"stride {stride[0]}" + (f"×{stride[1]}" if stride[1] != stride[0] else ""))
    name = getattr(layer, "activation_name", None)
    return ", ".join(parts + ([name] if name else []))
