"""How every Numba kernel is compiled, and how a kernel and its NumPy twin are joined: the one place for both."""

import functools
import sys

import numba
import numpy as np
from numba.core import event

# Fast-math without the flags that assume there is no NaN and no infinity: a diverging run must stay visible.
FAST_MATH = {"nsz", "arcp", "contract", "afn", "reassoc"}

# nogil: two Python threads run kernels side by side. cache: compiled once per machine, then loaded from disk.
# error_model: 1/0 gives inf as in NumPy instead of an exception, which would also keep loops from vectorising.
kernel = numba.njit(nogil=True, cache=True, fastmath=FAST_MATH, error_model="numpy")
inline_kernel = numba.njit(nogil=True, cache=True, fastmath=FAST_MATH, error_model="numpy", inline="always")


class _SayOnce(event.Listener):
    """Prints a line when the first kernel is compiled."""

    def __init__(self):
        self.said = False

    def on_start(self, event):
        if not self.said:
            self.said = True
            print("compiling kernels, once on this machine: some seconds", file=sys.stderr, flush=True)

    def on_end(self, event):
        pass


def announce_compiling():
    """Context manager: the first compilation inside of it is announced on stderr. Cached kernels say nothing."""
    return event.install_listener("numba:compile", _SayOnce())


def jit_enabled():
    """False under NUMBA_DISABLE_JIT=1, where kernels run as plain (slow) Python."""
    return not numba.config.DISABLE_JIT


def in_vectors(x):
    """Whether code in explicit vectors can take `x`: float32, with the JIT on."""
    return x.dtype == np.float32 and jit_enabled()


def fast_or_plain(fast, plain, dtypes=(np.float32,)):
    """One function out of two twins: `fast` (Numba) where it applies, `plain` (NumPy) everywhere else.

    Parameters
    ----------
    fast, plain : callable
        Same arguments, same result; the first argument is an array.
    dtypes : tuple of dtypes
        What `fast` was written for. Training runs in float32 and takes the fast twin; gradient checks run in
        float64 and take the plain one, so a check never rests on an approximation made for speed.

    `fast` sees C-contiguous arrays only. With the JIT switched off `plain` serves everyone.
    """
    dtypes = tuple(np.dtype(d) for d in dtypes)

    @functools.wraps(plain)
    def chosen(first, *others):
        if jit_enabled() and first.dtype in dtypes and _all_alike(first.dtype, first, *others):
            return fast(first, *others)
        return plain(first, *others)

    chosen.fast, chosen.plain = fast, plain
    return chosen


def _all_alike(dtype, *arguments):
    """Whether all arrays are C-contiguous, and those of floats of one type: fast kernels may write by address."""
    for a in arguments:  # a plain loop: this runs before every kernel, and a generator takes longer to set up
        if type(a) is np.ndarray and (not a.flags.c_contiguous or (a.dtype != dtype and a.dtype.kind == "f")):
            return False
    return True
