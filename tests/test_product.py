"""The skinny matrix product against NumPy's, in every memory order it accepts."""

import inspect

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_array_equal

from tinyae.kernels import product
from tinyae.kernels.config import jit_enabled
from tinyae.kernels.product import is_skinny, matmul
from tinyae.training.threads import Team

needs_kernel = pytest.mark.skipif(
    not (product.has_avx512() and jit_enabled()), reason="the skinny product is for AVX-512 machines with the JIT on"
)
side = st.integers(16, 120)


def array(rng, rows, columns, order, dtype=np.float32):
    """Normal numbers (rows, columns): contiguous, a window into a larger array, or a transposed view of either."""
    if order.startswith("transposed"):
        return array(rng, columns, rows, order.removeprefix("transposed "), dtype).T
    if order == "window":
        return rng.normal(size=(rows + 3, columns + 5)).astype(dtype)[1 : rows + 1, 2 : columns + 2]
    return rng.normal(size=(rows, columns)).astype(dtype)


def error_bound(a, b):
    """Rounding of a float32 sum of k products: k eps |a| |b| bounds it for any order of summation."""
    return a.shape[1] * np.finfo(np.float32).eps * (np.abs(a.astype(float)) @ np.abs(b.astype(float)))


@needs_kernel
@given(side, side, side, st.sampled_from(["nn", "tn", "nt"]), st.booleans(), st.integers(0, 2**32 - 1))
def test_equals_numpy_in_every_order(m, k, n, form, windows, seed):
    rng = np.random.default_rng(seed)
    plain = "window" if windows else "contiguous"
    a = array(rng, m, k, f"transposed {plain}" if form[0] == "t" else plain)
    b = array(rng, k, n, f"transposed {plain}" if form[1] == "t" else plain)
    sheet = np.full((m + 2, n + 40), 7, np.float32)
    out = sheet[1 : m + 1, 20 : n + 20]
    assert is_skinny(a, b, out)
    assert matmul(a, b, out) is out
    exact = a.astype(np.float64) @ b.astype(np.float64)
    assert np.all(np.abs(out - exact) <= error_bound(a, b))
    out[:] = 7
    assert np.all(sheet == 7), "wrote outside of out"


@needs_kernel
@pytest.mark.parametrize(
    "m, k, n", [(50, 784, 1000), (100, 1000, 784), (33, 2100, 250), (784, 50, 1000), (250, 97, 500)]
)
@pytest.mark.parametrize("form", ["nn", "tn", "nt"])
def test_equals_numpy_beyond_one_block(m, k, n, form):
    rng = np.random.default_rng(0)
    a = array(rng, m, k, "transposed contiguous" if form[0] == "t" else "contiguous")
    b = array(rng, k, n, "transposed contiguous" if form[1] == "t" else "contiguous")
    out = np.empty((m, n), np.float32)
    assert is_skinny(a, b, out)
    matmul(a, b, out)
    assert np.all(np.abs(out - a.astype(np.float64) @ b.astype(np.float64)) <= error_bound(a, b))
    again = np.empty_like(out)
    matmul(a, b, again)
    assert_array_equal(out, again)


@needs_kernel
def test_nan_and_infinity_come_through_where_they_belong():
    a, b = np.ones((20, 30), np.float32), np.ones((30, 40), np.float32)
    a[3, 4], a[5, 6] = np.nan, np.inf
    out = matmul(a, b, np.empty((20, 40), np.float32))
    assert np.isnan(out[3]).all() and np.isposinf(out[5]).all()
    assert np.isfinite(np.delete(out, [3, 5], axis=0)).all()


@pytest.mark.parametrize(
    "a, b",
    [
        (np.ones((50, 40)), np.ones((40, 60))),  # float64: checks never rest on a fast kernel
        (np.ones((50, 40), "f"), np.ones((40, 2), "f")),  # a code of two numbers
        (np.ones((5, 40), "f"), np.ones((40, 60), "f")),
        (np.ones((600, 700), "f"), np.ones((700, 800), "f")),  # no short side
        (np.ones((40, 50), "f").T, np.ones((60, 40), "f").T),  # both transposed
        (np.ones((50, 80), "f")[:, ::2], np.ones((40, 60), "f")),  # every second number
    ],
)
def test_everything_else_is_numpys(a, b):
    out = np.empty((a.shape[0], b.shape[1]), a.dtype)
    assert not is_skinny(a, b, out)
    assert_array_equal(matmul(a, b, out), a @ b)


def test_jit_switched_off_or_an_older_machine_means_numpy(monkeypatch):
    a, b, out = np.ones((50, 40), "f"), np.ones((40, 60), "f"), np.empty((50, 60), "f")
    monkeypatch.setattr(product, "jit_enabled", lambda: False)
    assert not is_skinny(a, b, out)
    monkeypatch.setattr(product, "jit_enabled", lambda: True)
    monkeypatch.setattr(product, "has_avx512", lambda: False)
    assert not is_skinny(a, b, out)
    assert_array_equal(matmul(a, b, out), np.full((50, 60), 40, "f"))


@needs_kernel
def test_threads_that_allocate_meanwhile_do_not_disturb_it():
    rng = np.random.default_rng(0)
    a, b = array(rng, 50, 784, "contiguous"), array(rng, 784, 1000, "contiguous")
    expected = matmul(a, b, np.empty((50, 1000), np.float32))
    wrong = []

    def work(worker):
        out = np.empty((50, 1000), np.float32)
        for k in range(150):
            rubbish = np.full(20_000 + 7_000 * (k % 40), np.nan, np.float32)  # takes what was freed too early
            matmul(a, b, out)
            wrong.append(not np.array_equal(out, expected))
            del rubbish

    with Team(2) as team:
        team.run(work)
    assert len(wrong) == 300 and not any(wrong)


@needs_kernel
def test_its_memory_lives_until_the_last_tile():
    """In Numba's own code the buffer's last use comes after the loops (it is otherwise reached by address alone)."""
    from tinyae.kernels.skinny_product import skinny_product

    matmul(np.ones((50, 40), "f"), np.ones((40, 60), "f"), np.empty((50, 60), "f"))
    lines = inspect.getsource(skinny_product.py_func).rstrip().splitlines()
    assert lines[-1].strip() == "memory[0] = 0"
