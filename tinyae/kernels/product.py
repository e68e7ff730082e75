"""Matrix products: NumPy's, or tinyae's own where a batch has too few rows for a BLAS to be quick."""

import functools

import llvmlite.binding as llvm
import numpy as np

from tinyae.kernels.config import jit_enabled

# Sides from which on, and up to which, the skinny product is the faster one (tests/benchmarks).
SMALLEST_SIDE, MOST_ROWS = 16, 512


def matmul(a, b, out):
    """out = a @ b for 2-D arrays, where a or b may be a transposed view.

    Takes `skinny_product` for float32 factors of which one side, the rows of a batch, is short, on machines with
    AVX-512; numpy.matmul otherwise. Which one is taken depends on shapes and memory order alone, so the same call
    gives the same bits.
    """
    if is_skinny(a, b, out):
        transpose_a, transpose_b = not _rows_side_by_side(a), not _rows_side_by_side(b)
        left, right = a.T if transpose_a else a, b.T if transpose_b else b
        _skinny_product()(int(transpose_a), int(transpose_b), left, right, out)
        return out
    return np.matmul(a, b, out=out)


def is_skinny(a, b, out):
    """Whether the skinny product can take this, and is likely to be the faster one."""
    sides = (*a.shape, b.shape[1])
    return (
        min(sides) >= SMALLEST_SIDE
        and min(sides) <= MOST_ROWS
        and a.dtype == b.dtype == out.dtype == np.float32
        and has_avx512()
        and jit_enabled()
        and _rows_side_by_side(out)
        and (_rows_side_by_side(a) or (_rows_side_by_side(a.T) and _rows_side_by_side(b)))
        and (_rows_side_by_side(b) or _rows_side_by_side(b.T))
    )


def _rows_side_by_side(a):
    """Whether the numbers of each row lie next to each other."""
    return a.strides[1] == a.itemsize and a.strides[0] >= a.shape[1] * a.itemsize


@functools.cache
def has_avx512():
    """Whether this machine has the vector instructions the skinny product is written for."""
    return bool(llvm.get_host_cpu_features().get("avx512f", False))


@functools.cache
def _skinny_product():
    """Imported when first needed: compiling it takes some seconds, once per machine."""
    from tinyae.kernels.skinny_product import skinny_product

    return skinny_product
