"""Work in a process of its own: results, errors, warnings, and that it ends when who started it ends."""

import os
import signal
import subprocess
import sys
import time
import warnings
from pathlib import Path

import pytest

from tinyae import UsageError, cli
from tinyae.commands.apart import in_own_process
from tinyae.datasets import DownloadError
from tinyae.training import TrainingDivergedError

ROOT = str(Path(__file__).parents[1])
SLEEPER = """
import signal, sys
from tinyae.commands.apart import in_own_process
from tests.test_apart import sleep
if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background jobs are told to ignore it
    in_own_process(sleep, sys.argv[1])
"""


def numbers(*values):
    return os.getpid(), sum(values)


def fail(error):
    raise error


def die(number):
    os.kill(os.getpid(), number)


def warn(text):
    warnings.warn(text, RuntimeWarning, stacklevel=1)


def sleep(path):
    with open(path, "w", encoding="utf-8") as file:
        file.write(str(os.getpid()))
    time.sleep(60)


def wait_for(condition, seconds=20):
    """Whether the condition came true in that time."""
    end = time.monotonic() + seconds
    while time.monotonic() < end and not condition():
        time.sleep(0.05)
    return condition()


def is_running(number):
    """Whether there is such a process, and not only what is left of it until its parent asks."""
    try:
        with open(f"/proc/{number}/stat", encoding="utf-8") as file:
            return file.read().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_a_result_of_another_process():
    there, total = in_own_process(numbers, 3, 4)
    assert total == 7 and there != os.getpid()


@pytest.mark.parametrize(
    "error", [UsageError("a: b."), DownloadError("not there"), TrainingDivergedError("NaN"), KeyboardInterrupt()]
)
def test_what_is_raised_there_is_raised_here(error):
    with pytest.raises(type(error)) as found:
        in_own_process(fail, error)
    assert str(found.value) == str(error)
    assert "in fail" in "".join(found.value.__notes__)  # where it was raised


def test_a_process_that_was_killed():
    with pytest.raises(ChildProcessError, match=r"it ended with exit code -9 .* is there enough memory"):
        in_own_process(die, signal.SIGKILL)


def test_warnings_look_as_they_do_here(capfd):
    with warnings.catch_warnings():  # puts the way warnings are shown back
        warnings.showwarning = cli._one_line_warning
        in_own_process(warn, "units are dead")
    assert "tinyae: warning: units are dead\n" in capfd.readouterr().err


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT, signal.SIGTERM])
def test_it_ends_with_the_process_that_started_it(tmp_path, number):
    told = tmp_path / "process"
    (tmp_path / "sleeper.py").write_text(SLEEPER, encoding="utf-8")
    parent = subprocess.Popen(
        [sys.executable, tmp_path / "sleeper.py", told], env=os.environ | {"PYTHONPATH": ROOT},
        stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        assert wait_for(lambda: told.exists() and told.read_text(encoding="utf-8"))
        child = int(told.read_text(encoding="utf-8"))
        assert is_running(child)
        parent.send_signal(number)
        assert wait_for(lambda: not is_running(child))
    finally:
        parent.kill()
        parent.wait()
