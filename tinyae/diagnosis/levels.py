"""Losses that say that nothing was learned, or too much: beside the mean image, the first epoch, the held-out data."""

from dataclasses import dataclass

import numpy as np

from tinyae.analysis import bce_floor, binary_cross_entropy, squared_error
from tinyae.baselines import mean_of_known
from tinyae.diagnosis.units import either, less_penalty
from tinyae.layers import Linear
from tinyae.losses import BCE, MSE, CategoricalCrossEntropy
from tinyae.losses.softmax import categorical_cross_entropy, categorical_floor

# All as parts of the way from the mean image's loss down to a perfect reconstruction's.
GAIN = 0.02  # less is nothing
STILL = 1e-3  # a loss that falls by less stands still
RISE = 0.05
# Validation loss beside training loss, both counted from a perfect reconstruction's; and by how much of the way.
OVERFIT, VISIBLE_GAP = 2.0, 0.05


@dataclass
class Level:
    """The loss of a net on some samples, and what to read it against, all in the loss's own unit."""

    loss: float
    mean_image: float
    floor: float

    @property
    def way(self):
        """From a code that says nothing down to a perfect reconstruction."""
        return self.mean_image - self.floor

    @property
    def nothing_gained(self):
        return self.mean_image - self.loss < GAIN * self.way


def level_of(model, y, outputs):
    """The Level of the outputs for targets y; None for a loss that is not a function of these two."""
    loss = model.loss
    mean = mean_of_known(y) if loss.missing else y.mean(axis=0, dtype=np.float64)
    if isinstance(loss, BCE):  # of the mean itself: -sum_k (m_k log m_k + (1 - m_k) log(1 - m_k)), its own entropy
        return Level(binary_cross_entropy(y, outputs), bce_floor(mean[None]), bce_floor(y))
    if isinstance(loss, CategoricalCrossEntropy):
        same = np.broadcast_to(mean, y.shape)
        return Level(categorical_cross_entropy(y, outputs), categorical_cross_entropy(y, same), categorical_floor(y))
    if isinstance(loss, MSE):
        return Level(0.5 * squared_error(y, outputs), 0.5 * float(y.var(axis=0, dtype=np.float64).sum()), 0.0)
    if loss.output_unit is not Linear:
        return None
    return Level(
        loss.value(outputs, y), loss.value(np.broadcast_to(mean, y.shape).astype(y.dtype), y), loss.value(y, y)
    )


def nothing_gained(model, level):
    """A text where the net is no better than the mean image; else nothing."""
    if not level.nothing_gained:
        return []
    worse = level.loss - level.mean_image > GAIN * level.way
    remedies = [*less_penalty(model), "train longer", "try another learning rate", "give the code more units"]
    return [
        f"the loss, {level.loss:.4g}, is {'worse than' if worse else 'about'} that of the mean image, "
        f"{level.mean_image:.4g}: the code says next to nothing about the input; {either(remedies)}."
    ]


def loss_not_falling(history, level):
    """A text where the training loss has not fallen since the first epoch, or has risen; else nothing."""
    if "loss" not in history or level.way <= 0:
        return []
    losses = np.array(history["loss"], dtype=float)
    first, last = losses[0], losses[-1]
    text = f"{first:.4g} in epoch 1, {last:.4g} in epoch {len(losses)}"
    if last > first + RISE * level.way and level.loss > first:
        return [f"the training loss has risen: {text}; try a smaller learning rate{_now(history)}."]
    if level.nothing_gained and losses[1:].min() > first - STILL * level.way:
        way = "smaller" if np.abs(np.diff(losses)).max() > GAIN * level.way else "larger"
        return [
            f"the training loss does not fall: {text}, where the mean image has {level.mean_image:.4g}; try a {way} "
            f"learning rate{_now(history)}."
        ]
    return []


def _now(history):
    rates = [lr for lr in history["lr"] if lr] if "lr" in history else []
    return f" (the last was {rates[-1]:.3g})" if rates else ""


def overfitting(training, validation):
    """A text where the validation loss is much worse than the training loss; else nothing."""
    above, held = training.loss - training.floor, validation.loss - validation.floor
    if held < OVERFIT * above or held - above < VISIBLE_GAP * validation.way:
        return []
    beside = f"{held / above:.1f} times" if above > 0 else "far above"
    beside = f"lies {beside} as far above its floor as" if training.floor else f"is {beside}"
    return [
        f"the validation loss, {validation.loss:.4g}, {beside} the training loss, {training.loss:.4g}: overfitting; "
        "try more data, EarlyStopping, a smaller net, or noise (corruption, Dropout)."
    ]
