"""What experiments share: the memory they took."""

import numpy as np

from tinyae.commands.apart import in_own_process
from tinyae.reporting import peak_memory_mb


def rise():
    """Peaks before an array of 300 MB more than the first is made, while it is held, and after it is given back."""
    before = peak_memory_mb()  # on Linux also what the process held that started this one
    array = np.ones(round(1e6 * (before + 300) / 8))
    held = peak_memory_mb()
    del array
    return before, held, peak_memory_mb()


def test_a_peak_of_memory_stays():
    before, held, after = in_own_process(rise)
    assert 0 < before
    assert before + 250 < held < before + 700
    assert after >= held
