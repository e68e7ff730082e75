"""From control points to ink: smooth curves through points, drawn by a round pen with soft edges.

Coordinates are pixels, (x, y) with x to the right and y down; the centre of pixel (row i, column j) is (j, i).
"""

import numpy as np
from numba import njit

# Catmull-Rom spline: weights of the points before, at, after and two after, for the powers 1, t, t^2, t^3.
# E. Catmull, R. Rom, "A class of local interpolating splines", 1974.
CATMULL_ROM = 0.5 * np.array(
    [[0, -1, 2, -1], [2, 0, -5, 3], [0, 1, 4, -3], [0, 0, -1, 1]],
    dtype=np.float64,
)


def plan_curve(strokes, samples):
    """Which control points make each curve point, and with what weights.

    Parameters
    ----------
    strokes : sequence of sequences of int
        Each stroke lists the control points it runs through, as row numbers. Two strokes that share an end make a
        corner; a stroke that ends where it began leaves and arrives in different directions.
    samples : int
        Curve points on each span between two control points.

    Returns
    -------
    index : (P, 4) int64, weight : (P, 4) float64
        Curve point p is `sum_k weight[p, k] * control[index[p, k]]`.
    pen : (P,) bool
        True where the pen goes down from point p to p + 1; False at the end of a stroke.
    """
    index, weight, pen = [], [], []
    for stroke in strokes:
        path = [stroke[0], *stroke, stroke[-1]]  # an end point stands in for the neighbour it lacks
        for span in range(len(stroke) - 1):
            last = span == len(stroke) - 2
            for t in np.arange(samples + last) / samples:
                index.append(path[span : span + 4])
                weight.append(CATMULL_ROM @ t ** np.arange(4))
                pen.append(True)
        pen[-1] = False
    return np.array(index, np.int64), np.array(weight), np.array(pen)


def trace_curve(control, index, weight):
    """Curve points (N, P, 2) of control points (N, C, 2); index, weight (N, P, 4) or (P, 4) as from `plan_curve`."""
    index, weight = np.broadcast_arrays(index, weight)
    index, weight = (np.broadcast_to(a, (len(control), *a.shape[-2:])) for a in (index, weight))
    image = np.arange(len(control))[:, None]
    # A sum of four terms in written order, not a matrix product: BLAS may round differently for other N.
    return sum(weight[:, :, k, None] * control[image, index[:, :, k]] for k in range(4))


def ink_numpy(points, pen, radius, softness, size):
    """Draw polylines with a round pen.

    Parameters
    ----------
    points : (N, P, 2) float64
        Corners of the polyline of each image, in pixels.
    pen : (N, P) bool
        True where the segment from point p to p + 1 is drawn.
    radius : (N,) float64
        Half the width of the stroke, in pixels, where the ink is one half.
    softness : float
        Width of the grey edge, in pixels; 1 is the antialiasing of a sharp pen.
    size : int
        Height and width of the image.

    Returns
    -------
    (N, size, size) float32, ink from 0 to 1: clip((radius - distance to the polyline) / softness + 1/2, 0, 1).
    """
    rows, columns = np.mgrid[:size, :size].astype(np.float64)
    ink = np.zeros((len(points), size, size), np.float32)
    for n in range(len(points)):
        square = np.full((size, size), np.inf)  # squared distance to the nearest segment
        for p in np.flatnonzero(pen[n, :-1]):
            (ax, ay), (bx, by) = points[n, p], points[n, p + 1]
            dx, dy = bx - ax, by - ay
            length2 = dx * dx + dy * dy
            # t is where the pixel falls on the segment, 0 at its start and 1 at its end
            t = np.clip(((columns - ax) * dx + (rows - ay) * dy) / length2, 0, 1) if length2 > 0 else 0.0
            square = np.minimum(square, (columns - ax - t * dx) ** 2 + (rows - ay - t * dy) ** 2)
        ink[n] = np.clip((radius[n] - np.sqrt(square)) / softness + 0.5, 0, 1)
    return ink


@njit(nogil=True, cache=True)
def ink_numba(points, pen, radius, softness, size):
    """The sum of `ink_numpy`; each segment visits only the pixels its ink can reach."""
    N, P, _ = points.shape
    ink = np.zeros((N, size, size), np.float32)
    square = np.empty((size, size))
    for n in range(N):
        reach = radius[n] + 0.5 * softness  # no ink from here on
        square[:] = reach * reach
        for p in range(P - 1):
            if not pen[n, p]:
                continue
            ax, ay = points[n, p, 0], points[n, p, 1]
            dx, dy = points[n, p + 1, 0] - ax, points[n, p + 1, 1] - ay
            length2 = dx * dx + dy * dy
            top = max(0, int(np.ceil(min(ay, ay + dy) - reach)))
            bottom = min(size - 1, int(np.floor(max(ay, ay + dy) + reach)))
            left = max(0, int(np.ceil(min(ax, ax + dx) - reach)))
            right = min(size - 1, int(np.floor(max(ax, ax + dx) + reach)))
            for i in range(top, bottom + 1):
                for j in range(left, right + 1):
                    t = 0.0
                    if length2 > 0.0:
                        t = min(1.0, max(0.0, ((j - ax) * dx + (i - ay) * dy) / length2))
                    d2 = (j - ax - t * dx) ** 2 + (i - ay - t * dy) ** 2
                    square[i, j] = min(square[i, j], d2)
        for i in range(size):
            for j in range(size):
                if square[i, j] < reach * reach:
                    ink[n, i, j] = min(1.0, (radius[n] - np.sqrt(square[i, j])) / softness + 0.5)
    return ink


def in_bytes(ink):
    """Round ink to the 256 grey levels a scanner knows; stays float32 from 0 to 1, as MNIST's pixels / 255."""
    return np.rint(ink * np.float32(255)) / np.float32(255)
