"""All faults of a run, found before and after training."""

import warnings

import numpy as np

from tinyae.baselines import evenly
from tinyae.corruption import corrupt
from tinyae.diagnosis.levels import level_of, loss_not_falling, nothing_gained, overfitting
from tinyae.diagnosis.ranges import out_of_range
from tinyae.diagnosis.units import look_inside, silent_units

# How much is looked at: enough samples that a unit which speaks for one in a hundred is heard.
MOST_SAMPLES, FEWEST_SAMPLES = 500, 20
MOST_WORK, MOST_NUMBERS = 2e10, 5e7  # multiply-adds of a pass over them; numbers in them
FIRST_EPOCHS, FIRST_UPDATES = 5, 100  # too early to say that nothing was learned


class DiagnosisWarning(UserWarning):
    """A fault in the data or in the trained net that a user would want to know of."""


def diagnose(model, x, history=None, *, y=None, validation_data=None, updates=None, threads=None):
    """What is wrong with `model` and with how it was trained: a list of short texts, empty where all is well.

    Looks for data outside of the range of the output unit, data that are all the same, units and codes that are the
    same for every sample, a code that is no better than the mean image; with `history`, for a loss that does not fall;
    with `validation_data`, for overfitting. `fit` does all this by itself (`history.warnings`).

    Parameters
    ----------
    model : Autoencoder
    x : array (N, ...)
        What it was trained on; at most MOST_SAMPLES of them are used.
    history : History, optional
        Of that training.
    y : array (N, ...), optional
        Targets, where they are not x.
    validation_data : x or (x, y), optional
    updates : int, optional
        How many updates there were, where it is known: before FIRST_UPDATES less is expected.
    threads : int, optional

    Returns
    -------
    list of str
    """
    x, y = model._pairs("diagnose", x, y)
    if validation_data is not None:
        pair = validation_data if isinstance(validation_data, tuple) else (validation_data, None)
        validation_data = model._pairs("diagnose: validation_data", *pair)
    return faults_before(model, y) + faults_after(model, (x, y), validation_data, history, updates, threads)


def tell(faults, progress):
    """Every fault as a DiagnosisWarning at the line that called `fit`, where somebody watches; returns the faults."""
    for fault in faults if progress else ():
        warnings.warn(fault, DiagnosisWarning, stacklevel=3)
    return faults


def faults_before(model, y):
    """Faults to be seen before training: targets (N, ...) that the decoder cannot give."""
    return out_of_range(model, evenly(y, samples_to_take(model)))


def faults_after(model, training, validation=None, history=None, updates=None, threads=None):
    """Faults to be seen after training on the checked pairs `training` = (x, y), with (x, y) or None held out.

    Of faults that follow from one another only the first is told.
    """
    n = samples_to_take(model)
    x, y = (evenly(a, n) for a in training)
    if len(x) < FEWEST_SAMPLES or out_of_range(model, y):
        return []  # units driven to an end of their range, a loss that stays high: all follows from targets out of it
    if (x == x[0]).all() and (y == y[0]).all():
        return [f"all {len(x)} samples looked at are the same: there is nothing to learn; look at how they were read."]
    if model.corruption is not None:
        x = corrupt(model.corruption, x, np.random.default_rng(0))  # as the validation part is
    layers, codes, outputs = look_inside(model, x, threads)
    early = updates is not None and updates < FIRST_UPDATES
    faults, silent = silent_units(model, layers, codes, x, early)
    level = level_of(model, y, outputs)
    if level is None:
        return faults
    first_epochs = history is not None and len(history) < FIRST_EPOCHS
    still = loss_not_falling(history, level) if history is not None and not first_epochs else []
    faults += still
    if not (silent or still or early):
        faults += nothing_gained(model, level)
    if validation is not None and not first_epochs:
        x, y = (evenly(a, n) for a in validation)
        if len(x) >= FEWEST_SAMPLES:
            faults += overfitting(level, level_of(model, y, model.reconstruct(x, threads)))
    return faults


def samples_to_take(model):
    """How many samples are looked at: fewer of a large net or of large images."""
    affordable = min(MOST_WORK / max(model.multiply_adds, 1), MOST_NUMBERS / np.prod(model.input_shape))
    return int(np.clip(affordable, FEWEST_SAMPLES, MOST_SAMPLES))
