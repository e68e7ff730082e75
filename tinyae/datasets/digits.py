"""Digits drawn by code: ten classes of pen strokes, 28 x 28, made like MNIST but needing no file and no network.

A letterform is chosen (`letterforms`), its control points tremble, the whole is bent, sheared, stretched and turned,
then fitted into the box and onto the centre of mass as MNIST's digits were, and drawn by a pen of random width.
"""

import os
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from tinyae.checks import check_int
from tinyae.datasets.dataset import Dataset
from tinyae.datasets.letterforms import FORMS, points_as_rows, strokes_as_rows
from tinyae.datasets.source import Source

SOURCE = Source(
    name="digits",
    title="built-in digits",
    content="60,000 + 10,000 grey images of 28 x 28, ten digits written by pen strokes; any number can be drawn",
    licence="MIT, as tinyae",
    citation="tinyae, tinyae/datasets/digits.py",
)

SIZE = 28  # pixels
BOX = 19.0  # pixels; MNIST digits are scaled to 20 x 20, edges included
CENTRE = 14.0  # pixels; where MNIST puts the centre of mass
SOFTNESS = 1.15  # pixels; grey edge of MNIST's strokes after its antialiased reduction
SAMPLES = 6  # curve points on each span between control points, less than a pixel apart
CHUNK = 1000  # images a thread draws at a time; fixed, so that the number of threads changes nothing
STYLE = 11  # random numbers for the hand of each image; the tremor of its points comes after them


def load_digits(n_train=60000, n_test=10000, seed=0):
    """Draw the built-in digits.

    Parameters
    ----------
    n_train, n_test : int
        Number of images. The first n images are the same whatever the number, and the test images do not depend on
        `n_train`.
    seed : int
        Same seed, same images, bit for bit and for any number of cores.

    Returns
    -------
    Dataset
        x (N, 784) float32 from 0 (paper) to 1 (ink) in steps of 1/255; y (N,) 0 to 9, every ten labels in a row hold
        each class once.

    Raises
    ------
    UsageError
        A number is not whole or below zero.
    """
    n_train = check_int("load_digits", "n_train", n_train, 0)
    n_test = check_int("load_digits", "n_test", n_test, 0)
    train, test = np.random.SeedSequence(check_int("load_digits", "seed", seed, 0)).spawn(2)
    x_train, y_train = _draw(n_train, train)
    x_test, y_test = _draw(n_test, test)
    return Dataset("digits", x_train, y_train, x_test, y_test, (SIZE, SIZE, 1), tuple("0123456789"))


def _draw(n, seed):
    """n images (n, 784) and labels (n,); each kind of choice has a generator of its own, read image by image."""
    order, choice, hand = map(np.random.default_rng, seed.spawn(3))
    labels = np.argsort(order.random((-(-n // 10), 10)), axis=1).reshape(-1)[:n]
    form = _choose_form(labels, choice.random(n))
    plan = _plan()
    z = hand.standard_normal((n, STYLE + 2 * plan["control"].shape[1]), np.float32)
    x = np.empty((n, SIZE * SIZE), np.float32)

    def draw_chunk(start):
        part = slice(start, start + CHUNK)
        x[part] = _images(form[part], z[part].astype(np.float64), plan)

    with ThreadPoolExecutor(os.cpu_count()) as threads:
        list(threads.map(draw_chunk, range(0, n, CHUNK)))
    return x, labels


def _choose_form(labels, u):
    """Row in FORMS for each label; u (N,) uniform picks within the class by share."""
    form = np.empty(len(labels), np.int64)
    for digit in range(10):
        rows = [k for k, f in enumerate(FORMS) if f.digit == digit]
        edges = np.cumsum([FORMS[k].share for k in rows])
        here = labels == digit
        form[here] = np.array(rows)[np.searchsorted(edges[:-1], u[here], side="right")]
    return form


def _plan():
    """All letterforms as arrays of one shape: control (F, C, 2), index and weight (F, P, 4), pen (F, P).

    Short forms are filled up with their last point, the pen lifted.
    """
    from tinyae.datasets.strokes import plan_curve

    plans = [plan_curve(strokes_as_rows(form), SAMPLES) for form in FORMS]
    index, weight, pen = zip(*plans, strict=True)
    return {
        "control": _stack_filled([points_as_rows(form) for form in FORMS]),
        "index": _stack_filled(index),
        "weight": _stack_filled(weight),
        "pen": _stack_filled(pen),  # the last entry of every form is False
    }


def _stack_filled(arrays):
    """Stack arrays of different length, repeating the last row of the shorter ones."""
    arrays = [np.asarray(a) for a in arrays]
    longest = max(map(len, arrays))
    return np.stack([np.concatenate([a, np.repeat(a[-1:], longest - len(a), axis=0)]) for a in arrays])


def _images(form, z, plan):
    """Images (N, 784) of the letterforms form (N,), written by the hands z (N, STYLE + 2 C) of standard normals."""
    from tinyae.datasets.strokes import in_bytes, ink_numba, trace_curve

    style, tremor = z[:, :STYLE].T, z[:, STYLE:].reshape(len(z), -1, 2)
    radius = 0.7 + np.exp(-0.55 + 0.65 * np.clip(style[0], -2.2, 1.5))
    control = _write(plan["control"][form], style, tremor)
    pen = plan["pen"][form]
    points = _place(trace_curve(control, plan["index"][form], plan["weight"][form]), pen, radius, style)
    ink = ink_numba(points, pen, radius, SOFTNESS, SIZE)
    return in_bytes(ink).reshape(len(form), -1)


def _write(control, style, tremor):
    """Control points (N, C, 2) as a hand in this style would set them; still in units of the letterform."""
    unsteady = 0.035 * np.exp(0.4 * style[1])
    tremor = np.concatenate([tremor[:, :1], 0.8 * tremor[:, 1:] + 0.6 * tremor[:, :-1]], axis=1)  # a hand drifts
    control = control + unsteady[:, None, None] * tremor
    x, y = control[:, :, 0] - 0.35, control[:, :, 1] - 0.5
    slant, turn = 0.1 + 0.27 * style[2], 0.1 * style[3]
    width, bend, belly, lean = np.exp(0.2 * style[4]), 0.2 * style[5], 0.2 * style[6], 0.25 * style[7]
    slant, turn, width, bend, belly, lean = (a[:, None] for a in (slant, turn, width, bend, belly, lean))
    y = y + lean * (y * y - 0.25)  # upper part against lower part
    x = x * (1 + belly * 2 * y) * width + bend * (y * y - 0.1)  # one part wider, the axis curved
    x = x - slant * y
    return np.stack([x - turn * y, y + turn * x], axis=2)


def _place(points, pen, radius, style):
    """Curve points (N, P, 2) in pixels: fitted into the box, centre of mass (by length of stroke) on the centre."""
    span = (points.max(axis=1) - points.min(axis=1)).max(axis=1)
    edge = 2 * radius  # half the pen on either side
    points = points * ((BOX + 0.3 * style[8] - edge) / span)[:, None, None]
    step = points[:, 1:] - points[:, :-1]
    mass = np.sqrt(step[:, :, 0] ** 2 + step[:, :, 1] ** 2) * pen[:, :-1]
    middle = 0.5 * (points[:, 1:] + points[:, :-1])
    centre = (mass[:, :, None] * middle).sum(axis=1) / mass.sum(axis=1)[:, None]
    shift = 0.2 * np.clip(style[9:11].T, -2, 2)  # MNIST centres to whole pixels
    return points + (CENTRE + shift - centre)[:, None, :]
