"""Time tinyae beside PyTorch, Keras and scikit-learn in alternating rounds and write tests/benchmarks/README.md.

    python tests/benchmarks/run.py [--rounds 25] [--only WORD] [--dry] [--smoke]

Every round times every candidate of a workload once, one after the other, each in a process of its own that sleeps
in between. What counts is the median of the ratios within a round: a shared machine changes speed by the minute, but
rarely between two neighbours of a round. Memory, linear time and cold start have tables of their own.
"""

import argparse
import os
import platform
import time
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from keras_fit import keras_versions
from tables import TABLES

THREAD_LIMITS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMEXPR_NUM_THREADS")
README = Path(__file__).parent / "README.md"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=25)
    parser.add_argument("--only", default="", help="what has this text in its title; a table is written if it is whole")
    parser.add_argument("--dry", action="store_true", help="print only, leave README.md alone")
    parser.add_argument("--smoke", action="store_true", help="one round, print only: does every candidate run?")
    arguments = parser.parse_args()
    if arguments.smoke:
        arguments.rounds, arguments.dry = 1, True
    else:
        for name in THREAD_LIMITS:  # a limit left over in the shell would hold some libraries back and others not
            os.environ.pop(name, None)
    for table in TABLES:
        chosen = [item for item in table.items if arguments.only in item.title]
        rows = []
        for item in chosen:
            print(item.title, flush=True)
            for row in item.rows(arguments.rounds):
                print(row, flush=True)
                rows.append(row)
        if rows and len(chosen) == len(table.items) and not arguments.dry:
            write_table(table, rows, arguments.rounds)


def write_table(table, rows, rounds):
    """Put a table and where it was measured between its marks in README.md."""
    head = [f"| {' | '.join(table.columns)} |", "|---" * len(table.columns) + "|"]
    times = f"Medians of {rounds} rounds, measured" if table.name in ("times", "linear time") else "Measured"
    note = f"{times} on {time.strftime('%Y-%m-%d')}. {machine()}."
    write_between_marks(README, table.name, "\n".join([*head, *rows, "", note]))


def write_between_marks(path, name, text):
    """Replace what stands between the two marks of that name in a file."""
    begin, end = f"<!-- {name}: written by run.py -->", f"<!-- end of {name} -->"
    before, rest = path.read_text().split(begin)
    after = rest.split(end)[1]
    path.write_text(f"{before}{begin}\n{text}\n{end}{after}")


def machine():
    """One line on what this was measured on."""
    model = platform.processor() or platform.machine()
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        model = next(line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        pass
    libraries = ", ".join(f"{name} {_version(name)}" for name in ("numpy", "numba", "torch", "scikit-learn"))
    return f"{model}, {os.cpu_count()} cores; Python {platform.python_version()}, {libraries}, {keras_versions()}"


def _version(name):
    try:
        return version(name)
    except PackageNotFoundError:
        return "missing"


if __name__ == "__main__":
    main()
