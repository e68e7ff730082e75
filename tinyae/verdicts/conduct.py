"""What a layer promises beside right numbers: shapes, arrays left alone, gradients where a net looks for them."""

import inspect

import numpy as np

from tinyae.verdicts.finding import ExaminationError, Finding, run
from tinyae.verdicts.own_file import described
from tinyae.verdicts.suspects import alike


def check_forward(layer, x, path):
    """The shape it said, the same y for the same x, x left alone, every row by itself; ends the examination if not."""

    def forward(x):
        return np.array(run(lambda: layer.forward(x), "forward", path))

    kept = x.copy()
    y = forward(x)
    if y.shape != (len(x), *layer.output_shape):
        said = f"output_shape_for says {layer.output_shape} for one"
        raise ExaminationError("forward", f"gives shape {y.shape} for {len(x)} rows, but {said}.")
    if not np.array_equal(x, kept):
        raise ExaminationError("forward", "changes its input x: work on a copy, others still need it.")
    if not np.isfinite(y).all():
        raise ExaminationError("forward", "gives NaN or infinite numbers for ordinary ones.")
    if not np.array_equal(forward(x), y):
        raise ExaminationError(
            "forward", "gives another y for the same x the next time: take noise from the rng of reseed."
        )
    parts = np.concatenate([forward(x[:1]), forward(x[1:])])
    if y.any() and not layer.couples_batch and not alike(parts, y):
        raise ExaminationError(
            "forward", "of a row depends on the other rows: if that is meant, set couples_batch = True."
        )
    return Finding("forward", True, f"{x.shape} to {y.shape}")


def check_backward(layer, x, dy, path):
    """dy left alone, grads filled in place and anew at each call, need_dx understood. The first thing that is not."""
    layer.forward(x)
    layer.grads = {name: np.zeros_like(p) for name, p in layer.params.items()}
    held, kept = dict(layer.grads), dy.copy()
    run(lambda: layer.backward(dy), "backward", path)
    once = {name: np.array(g) for name, g in layer.grads.items()}
    run(lambda: layer.backward(dy), "backward", path)
    for fault in (
        dy_changed(dy, kept),
        other_names(layer),
        added(layer, once),
        rebound(layer, held),
        no_need_dx(layer),
    ):
        if fault:
            return Finding("backward", False, fault)
    return Finding("backward", True, "leaves dy alone, fills grads in place and anew at each call")


def dy_changed(dy, kept):
    """Whether dy is no longer what it was."""
    if not np.array_equal(dy, kept):
        return "changes dy, the gradient it was given: work on a copy."


def other_names(layer):
    """Whether grads has names that params lacks, or the other way."""
    strange = sorted(set(layer.grads) ^ set(layer.params))
    if strange:
        return f"grads and params have different names: {', '.join(strange)} is in one of them only."


def added(layer, once):
    """Whether a second call doubled a gradient."""
    for name, g in layer.grads.items():
        if np.any(g) and alike(g, 2 * once[name]):
            return f'adds to what grads["{name}"] held: every call has to begin anew, [...] = instead of +=.'


def rebound(layer, held):
    """Whether grads holds another array than the one a net would look into."""
    for name, zeros in held.items():
        if layer.grads[name] is not zeros:
            return (
                f'puts a new array into grads["{name}"]: in a net grads are views into one long vector, so write into '
                f'it, grads["{name}"][...] = ...'
            )


def no_need_dx(layer):
    """Whether backward lacks the argument need_dx."""
    if "need_dx" not in inspect.signature(layer.backward).parameters:
        return "takes no need_dx: write backward(self, dy, need_dx=True); a net's first layer is asked for no dx."


def check_use(layer, x, path):
    """config() makes the layer again, which saving needs; float32 stays float32."""
    try:
        twin = type(layer)(**layer.config()).build(layer.input_shape)
    except Exception as error:
        return Finding("in a net", False, f"config() has to give the arguments of __init__: {described(error, path)}")
    if repr(twin) != repr(layer) or shapes(twin) != shapes(layer):
        return Finding("in a net", False, f"config() gives {layer.config()}, which makes another layer than this one.")
    y = np.asarray(run(lambda: twin.forward(x.astype(np.float32)), "forward", path))
    if y.dtype != np.float32:
        return Finding("in a net", False, f"forward makes {y.dtype} of float32, in which nets train.")
    return Finding("in a net", True, "config() makes it again, float32 stays float32")


def shapes(layer):
    """Shapes of the parameters by name."""
    return {name: p.shape for name, p in layer.params.items()}
