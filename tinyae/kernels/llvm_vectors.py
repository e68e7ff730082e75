"""Pieces of LLVM code on vectors of 16 floats, for the one kernel that Numba's own loops cannot express.

A matrix product lives from sums kept in registers across a whole loop. LLVM does that for explicit vectors; it does
not find them in scalar loops. Each function here writes some instructions with an llvmlite IRBuilder `b`. Addresses
and sizes are 64-bit integers, in bytes where they are steps.
"""

import inspect

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

LANES = 16  # floats in a vector: one AVX-512 register
VECTOR_BYTES = 4 * LANES

F32, I32, I64 = ir.FloatType(), ir.IntType(32), ir.IntType(64)
VECTOR, VECTOR_I64 = ir.VectorType(F32, LANES), ir.VectorType(I64, LANES)
BYTE_POINTER = ir.IntType(8).as_pointer()


def intrinsic_of_integers(emit):
    """A function Numba code can call with int64 arguments, whose body is written by emit(builder, *arguments)."""
    names = list(inspect.signature(emit).parameters)[1:]

    def typer(typingctx, *arguments):
        def codegen(context, builder, signature, values):
            emit(builder, *values)
            return context.get_dummy_value()

        return types.void(*[types.int64] * len(names)), codegen

    # Numba reads the number of arguments off the function's signature, so one with these names has to exist.
    scope = {"typer": typer}
    exec(f"def {emit.__name__}(typingctx, {', '.join(names)}): return typer(typingctx)", scope)
    return intrinsic(scope[emit.__name__])


def pointer(b, address, *offsets, to=VECTOR):
    """address + offsets as a pointer."""
    for offset in offsets:
        address = b.add(address, offset if isinstance(offset, ir.Value) else I64(offset))
    return b.inttoptr(address, to.as_pointer())


def call(b, name, result, *arguments):
    """Call an LLVM intrinsic by its name."""
    function = ir.FunctionType(result, [a.type for a in arguments])
    return b.call(cgutils.get_or_insert_function(b.module, function, name), arguments)


def load(b, p, mask=None, align=4):
    """A vector from memory; lanes outside the mask are 0 and not touched."""
    if mask is None:
        return b.load(p, align=align)
    zeros = ir.Constant(VECTOR, [0.0] * LANES)
    return call(b, f"llvm.masked.load.v{LANES}f32.p0", VECTOR, p, I32(align), mask, zeros)


def store(b, vector, p, mask=None):
    """A vector to memory: aligned without a mask, anywhere and only the mask's lanes with one."""
    if mask is None:
        b.store(vector, p, align=VECTOR_BYTES)
    else:
        call(b, f"llvm.masked.store.v{LANES}f32.p0", ir.VoidType(), vector, p, I32(4), mask)


def multiply_add(b, x, y, z):
    """x y + z, in one instruction where the machine has it."""
    return call(b, f"llvm.fmuladd.v{LANES}f32", VECTOR, x, y, z)


@intrinsic_of_integers
def copy_bytes(b, source, target, n):
    """target[0:n] = source[0:n], as the C library does it; they do not overlap."""
    pointers = [b.inttoptr(address, BYTE_POINTER) for address in (target, source)]
    call(b, "llvm.memcpy.p0.p0.i64", ir.VoidType(), *pointers, n, ir.Constant(ir.IntType(1), 0))


def prefetch(b, p, write=0, level=3):
    """Ask for the cache line at p: a hint, harmless for any address."""
    call(b, "llvm.prefetch.p0", ir.VoidType(), b.bitcast(p, BYTE_POINTER), I32(write), I32(level), I32(1))


def broadcast(b, x, vector_type=VECTOR):
    """A vector with x in every lane."""
    nothing = ir.Constant(vector_type, ir.Undefined)
    return b.shuffle_vector(b.insert_element(nothing, x, I32(0)), nothing, lane_numbers([0] * LANES))


def lane_numbers(numbers):
    """Which lane each lane of a shuffle takes."""
    return ir.Constant(ir.VectorType(I32, LANES), numbers)


def lanes_below(b, n, skip=0):
    """Mask of the lanes that stand for the columns skip, skip + 1, ... below n."""
    columns = ir.Constant(VECTOR_I64, list(range(skip, skip + LANES)))
    return b.icmp_signed(">", broadcast(b, n, VECTOR_I64), columns)


def transpose(b, rows):
    """LANES vectors as the rows of a square: its columns. Halves are exchanged at distance 8, then 4, 2, 1."""
    distance = LANES // 2
    while distance:
        old, rows = rows, list(rows)
        for i in range(LANES):
            if not i & distance:
                low = [j if not j & distance else LANES + j - distance for j in range(LANES)]
                high = [j + distance if not j & distance else LANES + j for j in range(LANES)]
                rows[i] = b.shuffle_vector(old[i], old[i + distance], lane_numbers(low))
                rows[i + distance] = b.shuffle_vector(old[i], old[i + distance], lane_numbers(high))
        distance //= 2
    return rows
