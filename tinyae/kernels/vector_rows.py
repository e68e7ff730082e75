"""Rows of pixels in explicit vectors, for the passes over images that Numba's own loops leave too slow.

With 8 or 16 channels a loop over the channels of one pixel is over before it has begun; written as vectors it is one
or two instructions. Addresses and steps are in bytes, numbers of pixels and channels as they are.
"""

import numpy as np
from llvmlite import ir
from numba import njit
from numba.core import cgutils

from tinyae.kernels.llvm_vectors import (
    I32,
    I64,
    LANES,
    VECTOR,
    broadcast,
    intrinsic_of_integers,
    lanes_below,
    load,
    pointer,
    store,
)

ZEROS = ir.Constant(VECTOR, [0.0] * LANES)
VECTOR_I32 = ir.VectorType(I32, LANES)


def for_vectors(b, n):
    """Loop over n numbers, a vector at a time: yields (byte offset, mask), first for whole vectors, then for a rest.

    What the body of the for loop writes is written twice: without a mask (None), and with the lanes there are.
    """
    whole = b.and_(n, I64(-LANES))
    with cgutils.for_range_slice(b, I64(0), whole, I64(LANES), intp=I64) as (start, _):
        yield b.mul(start, I64(4)), None
    with b.if_then(b.icmp_signed(">", n, whole)):
        yield b.mul(whole, I64(4)), lanes_below(b, b.sub(n, whole))


def put(b, vector, p, mask):
    """A vector to memory, anywhere; with a mask only its lanes."""
    if mask is None:
        b.store(vector, p, align=4)
    else:
        store(b, vector, p, mask)


@intrinsic_of_integers
def _gradient_row(b, dy, y, target, sums, n, relu):
    always = b.icmp_signed("==", broadcast(b, b.trunc(relu, I32), VECTOR_I32), ir.Constant(VECTOR_I32, [0] * LANES))
    for offset, mask in for_vectors(b, n):
        gradient = load(b, pointer(b, dy, offset), mask)
        positive = b.fcmp_ordered(">", load(b, pointer(b, y, offset), mask), ZEROS)
        passes = b.or_(positive, always)
        gradient = b.select(passes, gradient, ZEROS)
        put(b, gradient, pointer(b, target, offset), mask)
        place = pointer(b, sums, offset)
        put(b, b.fadd(load(b, place, mask), gradient), place, mask)


@njit(nogil=True, cache=True)
def gradient_row(dy, y, target, sums, n, relu):
    """target = dy, with `relu` only where y > 0 and 0 elsewhere; sums += target. Rows of n numbers."""
    _gradient_row(dy, y, target, sums, n, relu)


@intrinsic_of_integers
def _double_row(b, x, y, y_row, pixels, channels):
    step = b.mul(channels, I64(4))
    with cgutils.for_range_slice(b, I64(0), pixels, I64(1), intp=I64) as (p, _):
        source = b.add(x, b.mul(p, step))
        target = b.add(y, b.mul(p, b.mul(step, I64(2))))
        for offset, mask in for_vectors(b, channels):
            vector = load(b, pointer(b, source, offset), mask)
            for place in (target, b.add(target, step), b.add(target, y_row), b.add(b.add(target, step), y_row)):
                put(b, vector, pointer(b, place, offset), mask)


@njit(nogil=True, cache=True)
def double(x, y):
    """Every pixel of x (N, H, W, C) four times, in a square of y (N, 2 H, 2 W, C)."""
    N, H, W, C = x.shape
    row = 4 * W * C
    for h in range(N * H):
        _double_row(np.int64(x.ctypes.data) + h * row, np.int64(y.ctypes.data) + 4 * h * row, 2 * row, W, C)


@intrinsic_of_integers
def _max_row(b, x, y, winner, place, pixels, x_step, right, down, channels):
    # The largest of four pixels for each of `pixels` windows, into y, and where it was found, into winner. `place` is
    # the number of x's first pixel in its image; `right` and `down` lead to a window's other pixels.
    corners = [I64(0), right, down, b.add(right, down)]
    step = b.mul(channels, I64(4))
    lanes = ir.Constant(VECTOR_I32, list(range(LANES)))
    with cgutils.for_range_slice(b, I64(0), pixels, I64(1), intp=I64) as (p, _):
        window, out = b.mul(p, x_step), b.mul(p, step)
        for offset, mask in for_vectors(b, channels):
            best = best_place = None
            for corner in corners:
                at = b.add(b.add(window, corner), offset)
                value = load(b, pointer(b, x, at), mask)
                number = b.trunc(b.add(place, b.lshr(at, I64(2))), I32)
                here = b.add(broadcast(b, number, VECTOR_I32), lanes)
                if best is None:
                    best, best_place = value, here
                else:
                    # Larger, or NaN; and what is found already is no NaN, which counts as the largest.
                    better = b.and_(b.fcmp_unordered(">", value, best), b.fcmp_ordered("ord", best, best))
                    best, best_place = b.select(better, value, best), b.select(better, here, best_place)
            put(b, best, pointer(b, y, out, offset), mask)
            as_floats = b.bitcast(best_place, VECTOR)
            put(b, as_floats, pointer(b, winner, out, offset), mask)


@njit(nogil=True, cache=True)
def max_of_four(x, y, winner, stride_h, stride_w):
    """Max pooling (2, 2) of x (N, H, W, C) into y, with the maxima's places in `winner`: see `pooling.max_pool_numpy`.

    Where a window reaches over the border, the border's pixel is seen again: the same number at the same place.
    """
    N, H, W, C = x.shape
    _, rows, cols, _ = y.shape
    whole = cols - 1 if (cols - 1) * stride_w + 1 >= W else cols  # windows of a row that have a right half
    row, step = 4 * W * C, 4 * stride_w * C
    for n in range(N):
        for i in range(rows):
            x_at = np.int64(x.ctypes.data) + (n * H + i * stride_h) * row
            out = (n * rows + i) * cols * C
            y_at, winner_at = np.int64(y.ctypes.data) + 4 * out, np.int64(winner.ctypes.data) + 4 * out
            place = i * stride_h * W * C
            down = row if i * stride_h + 1 < H else 0
            _max_row(x_at, y_at, winner_at, place, whole, step, 4 * C, down, C)
            if whole < cols:
                at, done = whole * step, 4 * whole * C
                _max_row(x_at + at, y_at + done, winner_at + done, place + at // 4, 1, step, 0, down, C)
