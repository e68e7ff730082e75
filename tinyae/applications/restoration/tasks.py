"""The tasks by name: what damages the pictures, how strongly, and what restored them before nets."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from tinyae.applications.restoration import classical
from tinyae.applications.restoration.biharmonic import inpaint_biharmonic
from tinyae.applications.restoration.damages import (
    Blur,
    LowResolution,
    MissingBlock,
    Watermark,
    enlarge,
    shrink,
)
from tinyae.applications.restoration.holes import BELOW, missing_in_files
from tinyae.applications.restoration.scores import image_psnr
from tinyae.checks import UsageError, check_choice
from tinyae.corruption import Gaussian, Masking, SaltAndPepper


@dataclass(frozen=True)
class Task:
    """One kind of damage.

    Attributes
    ----------
    damage : function of (strength) to a damage; without arguments where there is no strength
    strength : float or None
        The usual one.
    unit : str
        What the strength is.
    net : dict
        Arguments of `restoration_net`: how far a pixel has to see, whether there are guesses.
    lr : float
        The highest learning rate: lower for a deeper net, and where the beginning is good already.
    classical : function of (damage, damaged, mask, tuning) to {name: restored images}
        `mask`: pixels that were touched, or None. `tuning`: (originals, damaged ones) to choose a filter's strength on.
    """

    damage: Callable
    strength: float | None
    unit: str
    net: dict
    lr: float
    classical: Callable


def _denoise(damage, damaged, mask, tuning):
    return {
        "median filter": classical.median_filter(damaged),
        "Lee's filter": classical.local_wiener(damaged, damage.sigma),
    }


def _impulses(damage, damaged, mask, tuning):
    return {
        "median filter": classical.median_filter(damaged),
        "trimmed median": classical.trimmed_median(damaged, damage.low, damage.high),
    }


def _told_where(damage, damaged, mask, tuning):
    return {
        "median filter": classical.median_filter(damaged),
        "biharmonic, told where": inpaint_biharmonic(damaged, mask),
    }


def _inpaint(damage, damaged, mask, tuning):
    return {
        "mean of the border": classical.border_mean(damaged, mask),
        "biharmonic": np.where(mask, damaged + BELOW, damaged),  # the guess that is there already
    }


BALANCES = (3e-4, 1e-3, 2e-3, 3e-3, 5e-3, 1e-2, 2e-2, 3e-2, 0.1)
AMOUNTS = (0.25, 0.5, 1.0, 1.5, 2.0, 3.0)


def _deblur(damage, damaged, mask, tuning):
    wiener = _best(classical.wiener_deconvolution, damage.sigma, BALANCES, tuning)
    unsharp = _best(classical.unsharp_mask, damage.sigma, AMOUNTS, tuning)
    return {
        f"unsharp mask, amount {unsharp:g}": classical.unsharp_mask(damaged, damage.sigma, unsharp),
        f"Wiener filter, balance {wiener:g}": classical.wiener_deconvolution(damaged, damage.sigma, wiener),
    }


def _best(restore, sigma, settings, tuning):
    """The setting with the highest PSNR on the tuning images: a filter is compared at its best."""
    original, damaged = tuning
    return max(settings, key=lambda setting: image_psnr(original, restore(damaged, sigma, setting)).mean())


def _enlarge(damage, damaged, mask, tuning):
    return {"bicubic": classical.bicubic(shrink(damaged))}


TASKS = {
    "denoise": Task(Gaussian, 0.2, "standard deviation of the noise", {"depth": 4}, 8e-3, _denoise),
    "salt-and-pepper": Task(SaltAndPepper, 0.2, "share of the numbers made 0 or 1", {"depth": 4}, 8e-3, _impulses),
    "masking": Task(Masking, 0.5, "share of the numbers made 0", {"depth": 4}, 8e-3, _told_where),
    "inpaint": Task(
        MissingBlock,
        0.3,
        "sides of the block, as a share of the picture's",
        {"depth": 6, "guessed": True},
        3e-3,
        _inpaint,
    ),
    "watermark": Task(Watermark, 0.5, "opacity of the writing", {"depth": 6}, 6e-3, _told_where),
    "deblur": Task(Blur, 1.0, "standard deviation of the blur in pixels", {"depth": 4}, 8e-3, _deblur),
    "superres": Task(LowResolution, None, "", {"depth": 4}, 8e-3, _enlarge),
}


def damage_for(who, task, strength=None):
    """The damage of a task by name, at its usual strength or another; UsageError for what there is not."""
    check_choice(who, "task", task, TASKS)
    mine = TASKS[task]
    if mine.strength is None:
        if strength is not None:
            raise UsageError(f"{who}: expected no strength for task {task}, got {strength}.")
        return mine.damage()
    return mine.damage(mine.strength if strength is None else strength)


def as_inputs(task, images):
    """Images from a user's files as the net of `task` takes them.

    For "inpaint" pixels of the grey PAINT become MISSING. For "superres" each pixel becomes 2 x 2.
    """
    if task == "inpaint":
        return missing_in_files(images)
    return enlarge(images) if task == "superres" else np.asarray(images)
