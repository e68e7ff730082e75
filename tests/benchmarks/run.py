"""Time tinyae beside PyTorch and scikit-learn in alternating rounds and write tests/benchmarks/README.md.

    python tests/benchmarks/run.py [--rounds 25] [--only WORD] [--dry]

Every round times every candidate of a workload once, one after the other, each in a process of its own that sleeps
in between. What counts is the median of the ratios within a round: a shared machine changes speed by the minute, but
rarely between two neighbours of a round.
"""

import argparse
import os
import platform
import subprocess
import sys
import time
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import numpy as np

HERE = Path(__file__).parent
BEGIN, END = "<!-- table: written by run.py -->", "<!-- end of table -->"
PAUSE = 0.06  # seconds between two candidates: thread pools that spin after their work have gone to sleep by then

PLAIN, FUSED = ("torch eager", "torch compiled"), ("torch eager fused", "torch compiled fused")
# (title, unit, factor on the seconds, tinyae's candidate, [(group of peers, goal for tinyae / best of the group)])
WORKLOADS = [
    (f"training step, 784-1000-500-250-2, Adam, batch {n}", "ms", 1e3, f"tinyae step {n}",
     [([f"{name} step {n}" for name in group], 1.0) for group in (PLAIN, FUSED)])
    for n in (100, 1000)
] + [
    ("CD-1 epoch, 784-1000, batch 100, 60,000 images", "s", 10.0, "tinyae cd",
     [(["torch in place cd"], 0.8), (["scikit-learn cd"], 0.4), (["products alone cd"], None)])
]  # fmt: skip


def time_rounds(names, rounds):
    """Seconds (rounds, candidates): one column per candidate, measured in turn."""
    workers = [
        subprocess.Popen(
            [sys.executable, str(HERE / "worker.py"), name], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        for name in names
    ]
    seconds = np.empty((rounds + 1, len(names)))
    for row in seconds:
        for i, worker in enumerate(workers):
            worker.stdin.write("go\n")
            worker.stdin.flush()
            row[i] = float(worker.stdout.readline())
            time.sleep(PAUSE)
    for worker in workers:
        worker.stdin.close()
        worker.wait()
        worker.stdout.close()
    return seconds[1:]  # the first round still warms up


def compare(workload, rounds):
    """Lines of the table for one workload."""
    title, unit, factor, ours, groups = workload
    names = [ours] + [name for group, _ in groups for name in group]
    seconds = time_rounds(names, rounds)
    median = dict(zip(names, factor * np.median(seconds, axis=0), strict=True))
    column = {name: seconds[:, i] for i, name in enumerate(names)}
    for name in names:
        low, high = factor * column[name].min(), factor * column[name].max()
        print(f"  {name:32} {median[name]:8.2f} {unit}  ({low:.2f} to {high:.2f})", flush=True)
    for group, goal in groups:
        best = min(group, key=median.get)
        ratio = np.median(column[ours] / column[best])
        verdict = "" if goal is None else f"<= {goal:g}: {'met' if ratio <= goal else 'missed'}"
        shown = best.rsplit(" step", 1)[0].removesuffix(" cd")
        yield (
            f"| {title} | {median[ours]:.2f} {unit} | {shown}: {median[best]:.2f} {unit} | {ratio:.2f} | {verdict} |"
        )


def machine():
    """One line on what this was measured on."""
    model = platform.processor() or platform.machine()
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        model = next(line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        pass
    return f"{model}, {os.cpu_count()} cores; Python {platform.python_version()}, " + ", ".join(
        f"{name} {_version(name)}" for name in ("numpy", "numba", "torch", "scikit-learn")
    )


def _version(name):
    try:
        return version(name)
    except PackageNotFoundError:
        return "missing"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=25)
    parser.add_argument("--only", default="", help="workloads whose title holds this text")
    parser.add_argument("--dry", action="store_true", help="print only, leave README.md alone")
    arguments = parser.parse_args()
    rows = []
    for workload in WORKLOADS:
        if arguments.only in workload[0]:
            print(workload[0], flush=True)
            for row in compare(workload, arguments.rounds):
                print(row, flush=True)
                rows.append(row)
    if not arguments.dry:
        head = ["| workload | tinyae | peer | ratio | goal |", "|---|---|---|---|---|"]
        note = f"Medians of {arguments.rounds} rounds on {time.strftime('%Y-%m-%d')}. {machine()}."
        write_between_marks(HERE / "README.md", "\n".join([*head, *rows, "", note]))


def write_between_marks(path, text):
    """Replace what stands between the two marks in a file."""
    before, rest = path.read_text().split(BEGIN)
    after = rest.split(END)[1]
    path.write_text(f"{before}{BEGIN}\n{text}\n{END}{after}")


if __name__ == "__main__":
    main()
