"""Watermarks drawn by code: the words COPY and DRAFT and the copyright sign, as strokes of a pen."""

import functools

import numpy as np

from tinyae.datasets.letterforms import Form, points_as_rows, strokes_as_rows
from tinyae.datasets.strokes import ink_numba, plan_curve, trace_curve

# Capital letters in hundredths of their height, in the notation of `tinyae.datasets.letterforms`.
LETTERS = {
    "A": Form(0, 1, "0,100 30,0 60,100 12,62 48,62", "ab bc de"),
    "C": Form(0, 1, "62,18 40,0 10,18 0,50 10,82 40,100 62,82", "abcdefg"),
    "D": Form(0, 1, "0,0 0,100 30,98 58,76 62,50 58,24 30,2", "ab bcdefga"),
    "F": Form(0, 1, "0,100 0,0 54,0 0,48 44,48", "ab bc de"),
    "O": Form(0, 1, "32,0 8,16 0,50 8,84 32,100 56,84 64,50 56,16", "abcdefgha"),
    "P": Form(0, 1, "0,100 0,0 35,0 55,12 55,38 35,52 0,52", "ab bcdefg"),
    "R": Form(0, 1, "0,100 0,0 35,0 55,12 55,38 35,52 0,52 58,100", "ab bcdefg fh"),
    "T": Form(0, 1, "0,0 64,0 32,0 32,100", "ab cd"),
    "Y": Form(0, 1, "0,0 30,50 60,0 30,100", "ab cb bd"),
}
SIGN = Form(
    0, 1,
    "50,0 85,15 100,50 85,85 50,100 15,85 0,50 15,15 68,34 50,24 32,34 25,50 32,66 50,76 68,66",
    "abcdefgha ijklmno",
)  # fmt: skip
WORDS = ("COPY", "DRAFT")
ADVANCE = 0.85  # from one letter to the next, in heights of a letter
SAMPLES = 3  # curve points on each span between control points: a mark is some ten pixels high
WIDEST, NARROWEST = 0.95, 0.65  # of a mark, in widths of the picture
LARGEST_SIGN = 0.55  # of the sign, which is as high as it is wide
STEEPEST = 0.35  # radians a mark is turned by at most
PEN = 0.07  # radius of the pen, in heights of a letter
SOFTNESS = 1.0  # pixels of grey at the edge of a stroke


@functools.cache
def marks():
    """Every mark as a polyline: points (marks, P, 2) about (0, 0), pen (marks, P), size (marks, 2) in letter heights.

    A mark's largest extent along x is its size[0]. Short ones are filled up with their last point, the pen lifted.
    """
    drawn = [_word(word) for word in WORDS] + [_curve(SIGN)]
    longest = max(len(points) for points, _ in drawn)
    points = np.stack([np.pad(p, ((0, longest - len(p)), (0, 0)), mode="edge") for p, _ in drawn])
    pens = np.stack([np.pad(pen, (0, longest - len(pen))) for _, pen in drawn])
    low, high = points.min(axis=1), points.max(axis=1)
    return points - (low + high)[:, None, :] / 2, pens, high - low


def _word(word):
    """The points of a word's letters one after the other, and where the pen is down."""
    points, pens = zip(*(_curve(LETTERS[letter]) for letter in word), strict=True)
    moved = [p + np.array([k * ADVANCE, 0.0]) for k, p in enumerate(points)]
    return np.concatenate(moved), np.concatenate(pens)


def _curve(form):
    index, weight, pen = plan_curve(strokes_as_rows(form), SAMPLES)
    return trace_curve(np.array(points_as_rows(form))[None], index, weight)[0], pen


def draw_marks(n, height, width, rng):
    """Ink of n marks at random places: (n, height, width) float32, 0 where there is none and 1 under the pen.

    Which mark, how large, how steep and where are drawn by `rng` (numpy.random.Generator); a mark lies inside of the
    picture but for what a steep one may lose at its corners.
    """
    points, pens, size = marks()
    which = rng.integers(len(points), size=n)
    share, turn, place = rng.random(n), rng.uniform(-STEEPEST, STEEPEST, n), rng.random((n, 2))
    share = NARROWEST + (WIDEST - NARROWEST) * share
    share = np.where(which == len(WORDS), share * LARGEST_SIGN, share)
    scale = share * min(height, width) / size[which, 0]  # pixels in the height of a letter
    cos, sin = np.cos(turn), np.sin(turn)
    extent = scale[:, None] * (size[which] + 2 * PEN)
    reach = np.stack([cos * extent[:, 0] + abs(sin) * extent[:, 1], cos * extent[:, 1] + abs(sin) * extent[:, 0]], 1)
    free = np.maximum(np.array([width, height]) - reach, 0.0)
    centre = np.array([width - 1, height - 1]) / 2 + (place - 0.5) * free
    x, y = (scale[:, None, None] * points[which]).transpose(2, 0, 1)
    lines = np.stack([cos[:, None] * x - sin[:, None] * y, sin[:, None] * x + cos[:, None] * y], axis=2)
    ink = ink_numba(lines + centre[:, None, :], pens[which], PEN * scale, SOFTNESS, max(height, width))
    return ink[:, :height, :width]
