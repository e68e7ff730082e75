"""The two innermost pieces of a direct convolution, in explicit vectors: sums that stay in registers.

`correlate_tiles` computes some output pixels from the windows they look at, `outer_tile` some numbers of a weight
gradient. Both read windows where they lie: with the image stored row by row and channels last, the kw * C numbers of
one row of a window are neighbours in memory, and the next window starts a pixel further on. No window is ever copied.

Addresses and steps are in bytes.
"""

from llvmlite import ir
from numba import njit
from numba.core import cgutils

from tinyae.kernels.llvm_vectors import (
    F32,
    I32,
    I64,
    LANES,
    VECTOR,
    VECTOR_BYTES,
    broadcast,
    intrinsic_of_integers,
    lane_numbers,
    lanes_below,
    load,
    multiply_add,
    pointer,
    store,
)

# A tile is two segments of neighbouring pixels, each anywhere: 28, 14 and 7 pixels a row are cut into sevens without
# rest, 32, 16, 8 and 4 into fours. Two segments give 8 or 14 independent sums, enough to hide the adder's latency.
SEGMENTS = (7, 4)
# How lanes are filled: (lanes that share a filter's sum, vectors of filters, whether some lanes of some groups are
# left out). A window's row that is no whole number of groups ends in numbers that belong to the next pixel: their
# weights are 0, but 0 times infinity is not.
KINDS = ((1, 1, 0), (1, 2, 0), *((group, 1, masked) for group in (2, 4, LANES) for masked in (0, 1)))
TILE_NUMBERS = 6  # of a tile in the table `correlate_tiles` goes through
PLACE_NUMBERS = 2  # of a group of numbers in the table of their places

F64 = ir.DoubleType()


def lanes_per_filter(filters):
    """How many of the 16 lanes share one filter's sum, so that few filters fill the vector too: 1, 2, 4 or all 16."""
    return 1 if filters > 8 else 2 if filters > 4 else 4 if filters > 1 else LANES


@intrinsic_of_integers
def _correlate(b, shape, x, y, tiles, count, x_step, y_step, places, steps, w, bias, columns, relu):
    """The body of `correlate_tiles`: a piece of code for each length of segment and each way to fill the lanes."""
    end = b.append_basic_block("end")
    which = b.switch(shape, end)
    for segment in SEGMENTS:
        for group, vectors, masked in KINDS:
            block = b.append_basic_block(f"pixels{2 * segment}.{group}.{vectors}.{masked}")
            which.add_case(I64(shape_code(segment, group, vectors, masked)), block)
            b.position_at_end(block)
            with cgutils.for_range_slice(b, I64(0), count, I64(1), intp=I64) as (q, _):
                row = b.add(tiles, b.mul(q, I64(8 * TILE_NUMBERS)))
                x0, x1, y0, y1, *counts = (b.load(pointer(b, row, 8 * n, to=I64)) for n in range(TILE_NUMBERS))
                pixels = (b.add(x, x0), b.add(x, x1)), (b.add(y, y0), b.add(y, y1)), counts
                kind = segment, group, vectors, masked
                _correlate_shape(b, *kind, *pixels, x_step, y_step, places, steps, w, bias, columns, relu)
            b.branch(end)
    b.position_at_end(end)


def shape_code(segment, group, vectors, masked):
    """One number for a piece of code."""
    return segment * 128 + group * 4 + (vectors - 1) * 2 + masked


def _correlate_shape(
    b, segment, group, vectors, masked, x, y, counts, x_step, y_step, places, steps, w, bias, columns, relu
):  # fmt: skip
    cells = [(half, p, v) for half in (0, 1) for p in range(segment) for v in range(vectors)]
    sums = {}
    start = [load(b, pointer(b, bias, VECTOR_BYTES * v), align=VECTOR_BYTES) for v in range(vectors)]
    for cell in cells:
        sums[cell] = cgutils.alloca_once(b, VECTOR)  # LLVM makes registers of these
        b.store(start[cell[2]], sums[cell])
    offsets = [b.mul(x_step, I64(p)) for p in range(segment)]
    with cgutils.for_range_slice(b, I64(0), steps, I64(1), intp=I64) as (k, _):
        at_k = b.add(w, b.mul(k, I64(VECTOR_BYTES * vectors)))
        wide = [load(b, pointer(b, at_k, VECTOR_BYTES * v), align=VECTOR_BYTES) for v in range(vectors)]
        row = b.add(places, b.mul(k, I64(8 * PLACE_NUMBERS)))
        place, lanes = (b.load(pointer(b, row, 8 * n, to=I64)) for n in range(PLACE_NUMBERS))
        mask = b.bitcast(b.trunc(lanes, ir.IntType(LANES)), ir.VectorType(ir.IntType(1), LANES)) if masked else None
        for half in (0, 1):
            x_k = b.add(x[half], place)
            for p in range(segment):
                numbers = _repeat(b, group, b.add(x_k, offsets[p]), mask)
                for v in range(vectors):
                    cell = sums[half, p, v]
                    b.store(multiply_add(b, numbers, wide[v], b.load(cell)), cell)
    if group == LANES:  # a single filter: one vector holds the sums of all pixels of a segment
        for half in (0, 1):
            total = _rectify(b, relu, _sum_each(b, [b.load(sums[half, p, 0]) for p in range(segment)]))
            store(b, total, pointer(b, y[half]), lanes_below(b, counts[half]))
        return
    masks = [lanes_below(b, columns, LANES * v) for v in range(vectors)]
    for half, p, v in cells:
        total = b.load(sums[half, p, v])
        for _ in range(group.bit_length() - 1):
            total = _add_neighbours(b, total, total)
        total = _rectify(b, relu, total)
        with b.if_then(b.icmp_signed(">", counts[half], I64(p))):
            store(b, total, pointer(b, y[half], b.mul(y_step, I64(p)), VECTOR_BYTES * v), masks[v])


def _rectify(b, relu, vector):
    """max(vector, 0) if relu, else the vector."""
    zeros = ir.Constant(VECTOR, [0.0] * LANES)
    negative = b.fcmp_ordered("<", vector, zeros)  # false for NaN, which has to stay visible
    return b.select(b.icmp_signed("!=", relu, I64(0)), b.select(negative, zeros, vector), vector)


def _repeat(b, group, address, mask):
    """`group` neighbouring numbers, over and over, in a vector; 0 in lanes outside the mask, if there is one."""
    if group == 1:
        return broadcast(b, b.load(pointer(b, address, to=F32), align=4))
    if group == LANES:
        return load(b, pointer(b, address), mask)
    if group == 2:  # as one 64-bit number, for which there is an instruction
        pair = b.load(pointer(b, address, to=F64), align=4)
        eight = ir.VectorType(F64, LANES // 2)
        nothing = ir.Constant(eight, ir.Undefined)
        zeros = ir.Constant(ir.VectorType(I32, LANES // 2), [0] * (LANES // 2))
        repeated = b.bitcast(b.shuffle_vector(b.insert_element(nothing, pair, I32(0)), nothing, zeros), VECTOR)
    else:
        four = b.load(pointer(b, address, to=ir.VectorType(F32, 4)), align=4)
        repeated = b.shuffle_vector(four, four, lane_numbers([lane % 4 for lane in range(LANES)]))
    return repeated if mask is None else b.select(mask, repeated, ir.Constant(VECTOR, [0.0] * LANES))


def _add_neighbours(b, low, high):
    """The sums of lanes 0 + 1, 2 + 3, ... of `low`, then those of `high`."""
    even = b.shuffle_vector(low, high, lane_numbers([2 * lane for lane in range(LANES)]))
    odd = b.shuffle_vector(low, high, lane_numbers([2 * lane + 1 for lane in range(LANES)]))
    return b.fadd(even, odd)


def _sum_each(b, vectors):
    """Lane p of the result is the sum of all lanes of vectors[p]; there are at most 8."""
    levels = LANES.bit_length() - 1
    while len(vectors) > 1:
        vectors = vectors + vectors[-1:] * (len(vectors) % 2)
        vectors = [_add_neighbours(b, *vectors[q : q + 2]) for q in range(0, len(vectors), 2)]
        levels -= 1
    for _ in range(levels):
        vectors = [_add_neighbours(b, vectors[0], vectors[0])]
    return vectors[0]


@njit(nogil=True, cache=True)
def correlate_tiles(shape, x, y, tiles, count, x_step, y_step, places, steps, w, bias, columns, relu):
    """y[pixel, f] = bias[f] + sum_k x[pixel + places[k]] w[k, f], for `count` pairs of segments of pixels.

    shape : which piece of code, `shape_code(segment, lanes per filter, vectors of filters, whether lanes are left out)`
    x, y, tiles : of image, result and table. A row of the table is about two segments: where in x the first window of
        each begins, where in y its first pixel goes, and how many pixels there really are (nothing else is written)
    x_step, y_step : from one pixel's window to the next, and from one output pixel to the next
    places, steps : a table of `steps` rows, one for each group of a window's numbers (as many as share a filter's
        sum): where it lies in the window, and which lanes have a number (as bits)
    w, bias : packed as `direct_convolution.pack_weights` does
    columns : how many filters there really are
    relu : 1 to write max(y, 0)
    """
    _correlate(shape, x, y, tiles, count, x_step, y_step, places, steps, w, bias, columns, relu)


# -- weight gradients --------------------------------------------------------------------------------------------------

OUTER_VECTORS = (1, 2, 3)  # of a's numbers
OUTER_NUMBERS = (1, 3, 8)  # of b's numbers
ENOUGH_SUMS = 8  # independent sums that hide the latency of an addition


@intrinsic_of_integers
def _outer(b, shape, a, a_step, a_row, n, b_, b_step, b_row, rows, pixels, sums):
    """The body of `outer_tile`: a piece of code for each size of tile."""
    end = b.append_basic_block("end")
    which = b.switch(shape, end)
    for vectors in OUTER_VECTORS:
        for numbers in OUTER_NUMBERS:
            block = b.append_basic_block(f"outer{vectors}.{numbers}")
            which.add_case(I64(outer_code(vectors, numbers)), block)
            b.position_at_end(block)
            _outer_shape(b, vectors, numbers, a, a_step, a_row, n, b_, b_step, b_row, rows, pixels, sums)
            b.branch(end)
    b.position_at_end(end)


def outer_code(vectors, numbers):
    """One number for a piece of code."""
    return vectors * 16 + numbers


def _outer_shape(b, vectors, numbers, a, a_step, a_row, n, b_, b_step, b_row, rows, pixels, sums):
    unroll = -(-ENOUGH_SUMS // (vectors * numbers))
    cells = [(u, v, m) for u in range(unroll) for v in range(vectors) for m in range(numbers)]
    place = {(v, m): pointer(b, sums, VECTOR_BYTES * (v * numbers + m)) for _, v, m in cells}
    kept = {cell: cgutils.alloca_once(b, VECTOR) for cell in cells}
    for u, v, m in cells:
        before = ir.Constant(VECTOR, [0.0] * LANES) if u else load(b, place[v, m], align=VECTOR_BYTES)
        b.store(before, kept[u, v, m])
    mask = lanes_below(b, n, LANES * (vectors - 1))

    def step(a_at, b_at, u):
        """sums[v, m] += a[v] b[m] at one pixel."""
        wide = [load(b, pointer(b, a_at, VECTOR_BYTES * v), mask if v == vectors - 1 else None) for v in range(vectors)]
        for m in range(numbers):
            x = broadcast(b, b.load(pointer(b, b_at, 4 * m, to=F32), align=4))
            for v in range(vectors):
                b.store(multiply_add(b, x, wide[v], b.load(kept[u, v, m])), kept[u, v, m])

    whole = b.mul(b.sdiv(pixels, I64(unroll)), I64(unroll))
    with cgutils.for_range_slice(b, I64(0), rows, I64(1), intp=I64) as (h, _):
        a_h, b_h = b.add(a, b.mul(h, a_row)), b.add(b_, b.mul(h, b_row))
        with cgutils.for_range_slice(b, I64(0), whole, I64(unroll), intp=I64) as (p, _):
            for u in range(unroll):
                at = b.add(p, I64(u))
                step(b.add(a_h, b.mul(at, a_step)), b.add(b_h, b.mul(at, b_step)), u)
        if unroll > 1:
            with cgutils.for_range_slice(b, whole, pixels, I64(1), intp=I64) as (p, _):
                step(b.add(a_h, b.mul(p, a_step)), b.add(b_h, b.mul(p, b_step)), 0)
    for v, m in place:
        total = b.load(kept[0, v, m])
        for u in range(1, unroll):
            total = b.fadd(total, b.load(kept[u, v, m]))
        store(b, total, place[v, m])


@njit(nogil=True, cache=True)
def outer_tile(shape, a, a_step, a_row, n, b, b_step, b_row, rows, pixels, sums):
    """sums[v, m] += sum over rows and pixels of a[pixel][v] b[pixel][m]: v counts vectors of a, m numbers of b.

    shape : which piece of code, `outer_code(vectors, numbers)`
    a, a_step, a_row : address of the first pixel's numbers, steps to the next pixel and row; b likewise
    n : how many of a's numbers exist; beyond them nothing is read
    rows, pixels : how many rows of how many pixels
    sums : aligned, vectors x numbers vectors
    """
    _outer(shape, a, a_step, a_row, n, b, b_step, b_row, rows, pixels, sums)
