"""The sum behind a single number of a step: which rule explains which kind of step."""

import numpy as np

from tinyae.checks import UsageError, check_choice
from tinyae.trace.why import convolution, dense, elementwise, losses, machine, updates, whole
from tinyae.trace.why.explanation import Explanation, Term

__all__ = ["explain", "Explanation", "Term", "RULES"]

# kind: function of (step, name of the array, index) -> Explanation
RULES = {
    "Dense": dense.dense,
    "TiedDense": dense.tied_dense,
    "Conv2D": convolution.convolution,
    "ConvTranspose": convolution.transposed,
    **dict.fromkeys(elementwise.FUNCTIONS, elementwise.activation),
    **dict.fromkeys(
        ("MaxPool", "AveragePool", "UpSample", "Flatten", "Reshape", "Crop", "ZeroPad", "Dropout", "KSparse"),
        elementwise.linear_map,
    ),
    "GaussianNoise": elementwise.noise,
    "Softmax": whole.softmax,
    "BatchNorm": whole.batch_norm,
    "GaussianCode": whole.gaussian_code,
    "ActivityPenalty": elementwise.penalised,
    "BCE": losses.bce,
    "MSE": losses.mse,
    "MaskedMSE": losses.mse,
    "CategoricalCrossEntropy": losses.categorical,
    **dict.fromkeys(updates.RULES, updates.update),
    **machine.RULES,
}


def explain(step, index, of=None):
    """The Explanation of entry `index` of the step's array `of`; see `Step.why`.

    Raises
    ------
    UsageError
        No such array or entry in this step, or a kind nobody has written a rule for.
    """
    if step.kind not in RULES:
        raise UsageError(
            f"why: expected a step of one of {', '.join(RULES)}, got {step.kind}; its formula is: {step.formula.text}"
        )
    of = default_of(step) if of is None else of
    check_choice("why", "of", of, choices(step))
    if of == "L":
        return RULES[step.kind](step, "L", ())
    array = step.params[of] if step.phase == "update" else step.arrays_by_name()[of]
    return RULES[step.kind](step, of, _checked(index, array, of))


def default_of(step):
    """What one asks about first."""
    if step.phase == "forward":
        return "y"
    if step.phase == "loss":
        return "L"
    return choices(step)[0]


def choices(step):
    """Names of the arrays whose numbers can be explained in this step."""
    if step.phase == "update":
        return list(step.params)
    if step.phase == "loss":
        return ["L", "dx"]
    if step.phase == "statistics":
        return [f"d{name}" for name in step.grads]
    backward = [] if step.dy is None else [*(f"d{name}" for name in step.grads), "dx"]
    return [*backward, "y"] if step.phase == "backward" else ["y", *backward]


def _checked(index, array, of):
    """`index` as a tuple of whole numbers >= 0 inside the array."""
    index = tuple(index[0]) if len(index) == 1 and isinstance(index[0], tuple) else tuple(index)
    shape = np.shape(array)
    inside = len(index) == len(shape) and all(
        isinstance(i, int | np.integer) and -n <= i < n for i, n in zip(index, shape, strict=True)
    )
    if not inside:
        raise UsageError(f"why: expected {len(shape)} whole numbers inside {of} of shape {shape}, got {index}.")
    return tuple(int(i) % n for i, n in zip(index, shape, strict=True))
