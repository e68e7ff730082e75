"""The tables of README.md: for each a head, and items that measure and give rows."""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
from conv import LINEAR_BATCHES
from keras_fit import keras_python
from processes import Process, check_same_arithmetic, time_rounds
from workloads import CONVOLUTIONS, STEPS, WORKLOADS

MEGABYTE = 1e6
COLD_GOAL, WARM_GOAL, WARM_STARTS = 20.0, 1.0, 5


class Item(NamedTuple):
    """Something to measure: `rows(rounds)` gives its lines of the table."""

    title: str
    rows: Callable


class Table(NamedTuple):
    name: str  # in README.md's marks
    columns: tuple
    items: list


def verdict(value, goal):
    return "" if goal is None else f"<= {goal:g}: {'met' if value <= goal else 'missed'}"


def line(*cells):
    return f"| {' | '.join(map(str, cells))} |"


# -- times beside other libraries -------------------------------------------------------------------------------------


def compare(workload, rounds):
    """A row per group of libraries: medians, and the median of the ratios within a round."""
    name, title, unit, factor, groups = workload
    if any("keras" in group for group, _ in groups) and keras_python() is None:
        print("  skipped: no Keras with JAX here (TINYAE_KERAS_PYTHON names an interpreter that has them)", flush=True)
        return
    libraries = ["tinyae"] + [library for group, _ in groups for library in group]
    seconds, reports = time_rounds([(name, library) for library in libraries], rounds)
    check_same_arithmetic(name, libraries, reports)
    median = dict(zip(libraries, factor * np.median(seconds, axis=0), strict=True))
    column = {library: seconds[:, i] for i, library in enumerate(libraries)}
    for library, report in zip(libraries, reports, strict=True):
        low, high = factor * column[library].min(), factor * column[library].max()
        spread = f"{median[library]:8.2f} {unit}  ({low:.2f} to {high:.2f})"
        print(f"  {library:28}{spread}, {report['n_params']} parameters, first loss {report['loss']}", flush=True)
    for group, goal in groups:
        best = min(group, key=median.get)
        ratio = np.median(column["tinyae"] / column[best])
        ours, theirs = f"{median['tinyae']:.2f} {unit}", f"{best}: {median[best]:.2f} {unit}"
        yield line(title, ours, theirs, f"{ratio:.2f}", verdict(ratio, goal))


# -- memory -----------------------------------------------------------------------------------------------------------


def peaks(workload, rounds):
    """A row: the most memory a process held up to the end of its third step, tinyae beside PyTorch's best."""
    # A compiling PyTorch holds its compiler too; a fused update takes the memory of a plain one.
    rivals = [library for library in workload.groups[0][0] if not library.endswith("compiled")]
    reports = {}
    for library in ("tinyae", "tinyae", *rivals):  # the first one only fills Numba's cache
        process = Process(workload.name, library)
        process.close()
        reports[library] = process.report
    if reports["tinyae"]["peak"] is None:
        print("  skipped: peak memory is read from /proc, which is not here", flush=True)
        return
    best = min(rivals, key=lambda library: reports[library]["peak"])
    peak, growth = {}, {}
    for library, report in reports.items():
        peak[library], growth[library] = report["peak"], report["peak"] - report["before"]
        print(f"  {library:28}{peak[library] / MEGABYTE:8.0f} MB, grown by {growth[library] / MEGABYTE:.0f} MB")
    cells = [f"{m[library] / MEGABYTE:.0f} MB" for library in ("tinyae", best) for m in (peak, growth)]
    ratio = peak["tinyae"] / peak[best]
    shown = [*cells[:2], f"{best}: {cells[2]}", cells[3]]
    yield line(workload.title, *shown, f"{ratio:.2f}", verdict(ratio, 1.0))


# -- linear time ------------------------------------------------------------------------------------------------------


def linear_time(rounds):
    """A row per batch size of network 1: the time of an image should not depend on how many come with it."""
    seconds, _ = time_rounds([(f"network 1, batch {n}", "tinyae") for n in LINEAR_BATCHES], rounds)
    per_image = seconds / LINEAR_BATCHES
    relative = np.median(per_image / per_image[:, [LINEAR_BATCHES.index(256)]], axis=0)
    for n, step, image, ratio in zip(
        LINEAR_BATCHES, np.median(seconds, axis=0), np.median(per_image, axis=0), relative, strict=True
    ):
        yield line(n, f"{1e3 * step:.2f} ms", f"{1e6 * image:.1f} µs", f"{ratio:.2f}")


# -- cold start -------------------------------------------------------------------------------------------------------


def cold_start(rounds):
    """Two rows: from the start of Python to the end of a first fit, kernels compiled and kernels found on disk."""
    starts = min(WARM_STARTS, rounds)
    with tempfile.TemporaryDirectory() as folder:
        cold = first_fit(folder)
        warm = float(np.median([first_fit(folder) for _ in range(starts)]))
    yield line("kernels compiled: an empty NUMBA_CACHE_DIR", f"{cold:.2f} s", verdict(cold, COLD_GOAL))
    yield line(f"kernels found there (median of {starts})", f"{warm:.2f} s", verdict(warm, WARM_GOAL))


def first_fit(folder):
    """Seconds from starting a process until it has fitted a net, with Numba's cache in `folder`."""
    script = Path(__file__).parent / "first_fit.py"
    environment = os.environ | {"NUMBA_CACHE_DIR": folder}
    started = time.perf_counter()
    with subprocess.Popen([sys.executable, str(script)], env=environment, stdout=subprocess.PIPE) as process:
        said = process.stdout.readline()
        seconds = time.perf_counter() - started
    if said.strip() != b"fitted":
        raise SystemExit("run.py: first_fit.py ended early; its error is above.")
    return seconds


TABLES = [
    Table(
        "times",
        ("workload", "tinyae", "peer", "ratio", "goal"),
        [Item(w.title, lambda rounds, w=w: compare(w, rounds)) for w in WORKLOADS],
    ),
    Table(
        "memory",
        ("workload", "tinyae: peak", "growth", "peer: peak", "growth", "ratio of peaks", "goal"),
        [Item(f"memory, {w.title}", lambda rounds, w=w: peaks(w, rounds)) for w in (*STEPS, *CONVOLUTIONS)],
    ),
    Table(
        "linear time",
        ("batch", "step", "per image", "per image, batch 256 = 1"),
        [Item("linear time, network 1", linear_time)],
    ),
    Table(
        "cold start",
        ("first fit, network 1, 64 images", "from the start of Python", "goal"),
        [Item("cold start, network 1", cold_start)],
    ),
]
