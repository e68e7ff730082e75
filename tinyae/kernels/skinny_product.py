"""Float32 matrix products with few rows and a big weight matrix: C = A B, A' B or A B'.

A BLAS copies the whole weight matrix into its own order before it computes, which for 50 or 100 rows costs a good
part of the product itself. Here a block of B is copied ("packed") while it fits the second-level cache, and while it
is worked on the next block's memory is asked for. Packed panels are PANEL columns wide. Every tile of C, at most
TILE_ROWS x PANEL numbers, is summed over a block's k entirely in registers: for each k two vectors of the panel, and
for each row one number of A, broadcast, and two multiply-adds. After Goto & van de Geijn (2008), "Anatomy of
high-performance matrix multiplication".

For machines with AVX-512; `tinyae.kernels.product` chooses between this and NumPy.
"""

import numpy as np
from llvmlite import ir
from numba import njit
from numba.core import cgutils

from tinyae.kernels.llvm_vectors import (
    F32,
    I64,
    LANES,
    VECTOR,
    VECTOR_BYTES,
    broadcast,
    intrinsic_of_integers,
    lanes_below,
    load,
    multiply_add,
    pointer,
    prefetch,
    store,
    transpose,
)

TILE_ROWS = 13  # 13 x 2 sums, 2 vectors of the panel and a broadcast: 29 of the 32 registers
TILE_HEIGHTS = range(8, TILE_ROWS + 1)  # 16 rows, the fewest `product.SMALLEST_SIDE` lets in, make two tiles of 8
PANEL = 2 * LANES
UNROLL = 4  # steps of k per turn of the inner loop
# Most k in a block and bytes of a packed block: where B is packed as it lies, and where it is transposed on the way.
DEPTH, BLOCK_BYTES = 112, 448 * 1024
DEPTH_TRANSPOSED, BLOCK_BYTES_TRANSPOSED = 1024, 192 * 1024
READ_AHEAD = 1024  # bytes


# -- packing: pieces of B (or A) into the order they are read in ------------------------------------------------------


@intrinsic_of_integers
def copy_vector(b, source, target):
    """target[0:16] = source[0:16]"""
    prefetch(b, pointer(b, source, READ_AHEAD))
    store(b, load(b, pointer(b, source)), pointer(b, target))


@intrinsic_of_integers
def copy_part(b, source, target, n):
    """target[0:16] = source[0:n], zeros after that"""
    store(b, load(b, pointer(b, source), lanes_below(b, n)), pointer(b, target))


@intrinsic_of_integers
def copy_transposed(b, source, step, target):
    """A square of 16 rows, `step` apart, as 16 columns of a panel."""
    _copy_transposed(b, source, step, target, None, None)


@intrinsic_of_integers
def copy_transposed_part(b, source, step, target, rows, n):
    """The same where only `rows` rows and n columns are there."""
    _copy_transposed(b, source, step, target, rows, n)


def _copy_transposed(b, source, step, target, rows, n):
    for r in range(LANES):
        prefetch(b, pointer(b, source, b.mul(step, I64(r)), READ_AHEAD))
    mask = None if n is None else lanes_below(b, n)
    vectors = []
    for r in range(LANES):
        # Rows past the end read row 0 again: what they give is never stored in C.
        row = I64(r) if n is None else b.select(b.icmp_signed(">", rows, I64(r)), I64(r), I64(0))
        vectors.append(load(b, pointer(b, source, b.mul(step, row)), mask))
    for k, column in enumerate(transpose(b, vectors)):
        place = pointer(b, target, 2 * VECTOR_BYTES * k)
        if n is None:
            store(b, column, place)
        else:
            with b.if_then(b.icmp_signed(">", n, I64(k))):
                store(b, column, place)


# -- the tile ---------------------------------------------------------------------------------------------------------


@intrinsic_of_integers
def tile(b, height, packed_a, depth, a, a_step, panel, c, c_step, columns, add, ahead):
    """C[height, columns] = (or +=, if add) A[height, depth] panel[depth, PANEL], summed in registers.

    There is one piece of code for each height, for one or two vectors of columns, and for each order of A.
    """
    end = b.append_basic_block("end")
    two = b.zext(b.icmp_signed(">", columns, I64(LANES)), I64)
    which = b.switch(b.add(b.mul(height, I64(4)), b.add(b.mul(packed_a, I64(2)), two)), end)
    for rows in TILE_HEIGHTS:
        for a_is_packed in (0, 1):
            for vectors in (1, 2):
                block = b.append_basic_block(f"tile{rows}.{a_is_packed}.{vectors}")
                which.add_case(I64(4 * rows + 2 * a_is_packed + vectors - 1), block)
                b.position_at_end(block)
                _tile(b, rows, vectors, a_is_packed, depth, a, a_step, panel, c, c_step, columns, add, ahead)
                b.branch(end)
    b.position_at_end(end)


def _tile(b, height, vectors, a_is_packed, depth, a, a_step, panel, c, c_step, columns, add, ahead):
    cells = [(r, v) for r in range(height) for v in range(vectors)]
    place = {(r, v): pointer(b, c, b.mul(c_step, I64(r)), VECTOR_BYTES * v) for r, v in cells}
    sums = {}
    for cell in cells:
        prefetch(b, place[cell], write=1)
        sums[cell] = cgutils.alloca_once(b, VECTOR)  # LLVM makes registers of these
        b.store(ir.Constant(VECTOR, [0.0] * LANES), sums[cell])
    a_rows = [b.add(a, b.mul(a_step, I64(r))) for r in range(height)]

    def steps(k, count):
        """sums[r, v] += A[r, k] panel[k, v] for `count` values of k."""
        if count > 1:
            prefetch(b, pointer(b, ahead, b.mul(k, I64(64 // UNROLL))), level=2)
        for u in range(count):
            at_k = b.add(panel, b.mul(k, I64(2 * VECTOR_BYTES)))
            offsets = [2 * VECTOR_BYTES * u + VECTOR_BYTES * v for v in range(vectors)]
            wide = [load(b, pointer(b, at_k, offset), align=VECTOR_BYTES) for offset in offsets]
            for r in range(height):
                if a_is_packed:
                    number = pointer(b, a, b.mul(k, I64(VECTOR_BYTES)), VECTOR_BYTES * u + 4 * r, to=F32)
                else:
                    number = pointer(b, a_rows[r], b.mul(k, I64(4)), 4 * u, to=F32)
                x = broadcast(b, b.load(number))
                for v in range(vectors):
                    b.store(multiply_add(b, x, wide[v], b.load(sums[r, v])), sums[r, v])

    whole = b.and_(depth, I64(-UNROLL))
    with cgutils.for_range_slice(b, I64(0), whole, I64(UNROLL), intp=I64) as (k, _):
        steps(k, UNROLL)
    with cgutils.for_range_slice(b, whole, depth, I64(1), intp=I64) as (k, _):
        steps(k, 1)

    masks = [lanes_below(b, columns, LANES * v) for v in range(vectors)]
    with b.if_else(b.icmp_signed("!=", add, I64(0))) as (more, new):
        with more:
            for r, v in cells:
                before = load(b, place[r, v], masks[v])
                store(b, b.fadd(b.load(sums[r, v]), before), place[r, v], masks[v])
        with new:
            for r, v in cells:
                store(b, b.load(sums[r, v]), place[r, v], masks[v])


# -- the algorithm: addresses, and steps in bytes ---------------------------------------------------------------------


@njit(nogil=True, cache=True)
def skinny_product(transpose_a, transpose_b, left, right, out):
    """out = left right, with the transpose of either where its flag is 1.

    left, right, out : float32 arrays whose rows may lie anywhere, the numbers of a row side by side. Every side of
    the product is at least `product.SMALLEST_SIDE`; `out` overlaps neither factor. The caller has checked all that.
    """
    height, depth = (left.shape[1], left.shape[0]) if transpose_a else left.shape
    columns = right.shape[0] if transpose_b else right.shape[1]
    a, a_step = left.ctypes.data, left.strides[0]
    b, b_step = right.ctypes.data, right.strides[0]
    c, c_step = out.ctypes.data, out.strides[0]

    most, room = (DEPTH_TRANSPOSED, BLOCK_BYTES_TRANSPOSED) if transpose_b else (DEPTH, BLOCK_BYTES)
    blocks = max(1, -(-depth // most))  # of k
    deepest = -(-depth // blocks)
    panels = -(-columns // PANEL)
    groups = -(-panels // max(1, room // (deepest * 2 * VECTOR_BYTES)))  # of columns
    group = -(-panels // groups) * PANEL
    tiles = -(-height // TILE_ROWS)
    memory = np.empty(group * deepest + (tiles * LANES * deepest if transpose_a else 0) + LANES, np.float32)
    packed_b = (memory.ctypes.data + VECTOR_BYTES - 1) & -VECTOR_BYTES
    packed_a = packed_b + group * deepest * 4

    for block in range(blocks):
        k0 = block * depth // blocks
        n = (block + 1) * depth // blocks - k0
        if transpose_a:
            pack_a(a + k0 * a_step, a_step, n, height, tiles, packed_a)
        for g in range(0, columns, group):
            wide = min(group, columns - g)
            if transpose_b:
                pack_b_transposed(b + g * b_step + 4 * k0, b_step, n, wide, packed_b)
                ahead = b + (g + wide) * b_step
                until = ahead + wide * b_step if g + wide < columns else 0
            else:
                pack_b(b + k0 * b_step + 4 * g, b_step, n, wide, packed_b)
                ahead = b + (k0 + n) * b_step
                until = ahead + n * b_step if block + 1 < blocks else 0
            for t in range(tiles):
                i = t * height // tiles
                rows = (t + 1) * height // tiles - i
                tile_a = packed_a + t * n * VECTOR_BYTES if transpose_a else a + i * a_step + 4 * k0
                for j in range(0, wide, PANEL):
                    tile_c = c + i * c_step + 4 * (g + j)
                    next_block = ahead if ahead < until else packed_b
                    run_tile(
                        rows, transpose_a, n, tile_a, a_step, packed_b + j * n * 4, tile_c, c_step, wide - j, block,
                        next_block,
                    )  # fmt: skip
                    ahead += n * (64 // UNROLL)
    # The packed blocks were reached by address alone. Without this last use Numba is free to give `memory` back to the
    # system where its address was taken, before the first tile was computed.
    memory[0] = 0


@njit(nogil=True, cache=True)
def run_tile(height, packed_a, depth, a, a_step, panel, c, c_step, columns, add, ahead):
    """`tile` as a function: its code is large, and would be inlined into every loop."""
    tile(height, packed_a, depth, a, a_step, panel, c, c_step, columns, add, ahead)


@njit(nogil=True, cache=True)
def pack_a(source, step, n, height, tiles, target):
    """A[k, tile's rows] for k < n, as target[tile][k]: what a tile broadcasts at one k lies together."""
    for k in range(n):
        for t in range(tiles):
            i = t * height // tiles
            rows = (t + 1) * height // tiles - i
            copy_part(source + k * step + 4 * i, target + (t * n + k) * VECTOR_BYTES, rows)


@njit(nogil=True, cache=True)
def pack_b(source, step, n, wide, target):
    """B[k, columns] for k < n, as target[panel][k]."""
    whole = wide // LANES * LANES
    for k in range(n):
        row = source + k * step
        for j in range(0, whole, LANES):
            copy_vector(row + 4 * j, target + ((j // PANEL * n + k) * 2 + j // LANES % 2) * VECTOR_BYTES)
        if whole < wide:
            last = target + ((whole // PANEL * n + k) * 2 + whole // LANES % 2) * VECTOR_BYTES
            copy_part(row + 4 * whole, last, wide - whole)


@njit(nogil=True, cache=True)
def pack_b_transposed(source, step, n, wide, target):
    """B'[k, columns] for k < n, as target[panel][k]: squares of 16 x 16 are turned on the way."""
    for j in range(0, wide, LANES):
        panel = target + (j // PANEL * n * 2 + j // LANES % 2) * VECTOR_BYTES
        for k in range(0, n, LANES):
            square = source + j * step + 4 * k
            if wide - j >= LANES and n - k >= LANES:
                copy_transposed(square, step, panel + k * 2 * VECTOR_BYTES)
            else:
                copy_transposed_part(square, step, panel + k * 2 * VECTOR_BYTES, wide - j, n - k)
