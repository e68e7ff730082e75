"""Candidates at work: one process each, checked for the same arithmetic, timed in turn."""

import json
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
from keras_fit import keras_python

WORKER = Path(__file__).parent / "worker.py"
PAUSE = 0.06  # seconds between two candidates: thread pools that spin after their work have gone to sleep by then
# Initial parameters differ between libraries and move a first loss by a fifth. Another reduction (mean for sum,
# a forgotten 1/2) would change it by a factor of 2 or more.
SAME_LOSS = 0.5


class Process:
    """A worker that has set up and taken its first steps; `report` is what it told of them (worker.py)."""

    def __init__(self, workload, library):
        self.workload, self.library = workload, library
        python = keras_python() if library == "keras" else sys.executable
        command = [python, str(WORKER), workload, library]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.report = json.loads(self._answer())

    def seconds(self):
        """One timing."""
        self._process.stdin.write("go\n")
        self._process.stdin.flush()
        return float(self._answer())

    def close(self):
        self._process.stdin.close()
        self._process.wait()
        self._process.stdout.close()

    def _answer(self):
        line = self._process.stdout.readline()
        if not line:
            raise SystemExit(f"run.py: {self.library} ended early in '{self.workload}'; its error is above.")
        return line


def time_rounds(candidates, rounds):
    """Seconds (rounds, candidates) and the workers' reports: one column per (workload, library), measured in turn."""
    workers = [Process(*candidate) for candidate in candidates]
    seconds = np.empty((rounds + 1, len(workers)))
    for row in seconds:
        for i, worker in enumerate(workers):
            row[i] = worker.seconds()
            time.sleep(PAUSE)
    for worker in workers:
        worker.close()
    return seconds[1:], [worker.report for worker in workers]  # the first round still warms up


def check_same_arithmetic(workload, libraries, reports):
    """Stop unless all candidates of a workload have as many parameters and about the same first loss."""
    for what, tolerance in (("n_params", 0.0), ("loss", SAME_LOSS)):
        known = {name: r[what] for name, r in zip(libraries, reports, strict=True) if r[what] is not None}
        if known and max(known.values()) > (1 + tolerance) * min(known.values()):
            raise SystemExit(f"run.py: expected the same {what} from all candidates of '{workload}', got {known}.")
