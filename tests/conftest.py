"""What all tests share: one hypothesis profile, a seeded generator, and what to skip where something is missing."""

import contextlib
import os
from pathlib import Path

import numba
import numpy as np
import pytest
from hypothesis import settings

import tinyae.kernels

# No deadline: the first call of a kernel compiles it. Derandomized: a failure seen once is seen again.
PLAIN = bool(numba.config.DISABLE_JIT)  # kernels run as plain Python, some hundred times slower
settings.register_profile("tinyae", deadline=None, derandomize=True, max_examples=12 if PLAIN else 25)
settings.load_profile("tinyae")


def forget_stale_kernels():
    """Delete compiled kernels that are older than any kernel's source.

    Numba's cache looks at a kernel's own file alone: a loop that inlines `exp32` would outlive a change of it, and
    the tests would pass on machine code nobody has the source of.
    """
    sources = Path(tinyae.kernels.__file__).parent
    changed = max(f.stat().st_mtime for f in sources.glob("*.py"))
    for folder in (sources, Path(__file__).parent):
        for compiled in folder.glob("__pycache__/*.nb[ic]"):
            with contextlib.suppress(OSError):
                if compiled.stat().st_mtime < changed:
                    compiled.unlink()


forget_stale_kernels()

DATA_DIR = os.environ.get("TINYAE_DATA_DIR", "")  # read now: some tests hide it


def pytest_collection_modifyitems(items):
    """Skip what needs the real data sets where nobody says where they are."""
    if not DATA_DIR:
        for item in items:
            if item.get_closest_marker("realdata"):
                item.add_marker(pytest.mark.skip(reason="$TINYAE_DATA_DIR is not set"))


@pytest.fixture
def rng():
    """A generator that starts the same in every test."""
    return np.random.default_rng(0)


@pytest.fixture(scope="session")
def torch():
    """PyTorch on one thread, for tests marked oracle; they are skipped without it."""
    module = pytest.importorskip("torch")
    module.set_num_threads(1)
    return module
