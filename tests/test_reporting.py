"""What experiments share: the memory they took."""

import sys

import numpy as np
import pytest

from tinyae.reporting import begin_peak_memory, peak_memory_mb


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux forgets a peak")
def test_the_peak_of_memory_is_that_since_its_beginning():
    begin_peak_memory()
    before = peak_memory_mb()
    array = np.ones(25_000_000)  # 200 MB
    assert before + 180 < peak_memory_mb() < before + 260
    del array
    assert peak_memory_mb() > before + 180  # a peak
    begin_peak_memory()
    assert peak_memory_mb() < before + 100


def test_where_a_peak_cannot_be_forgotten_it_goes_on(monkeypatch):
    def refuse(*_, **__):
        raise PermissionError

    monkeypatch.setattr("pathlib.Path.write_text", refuse)
    before = peak_memory_mb()
    begin_peak_memory()
    assert peak_memory_mb() >= before > 0
