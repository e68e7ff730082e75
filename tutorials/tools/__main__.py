"""`python -m tutorials.tools run|notebooks|gallery [NAMES]`."""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tutorials.tools.cells import FOLDER, solutions, tutorials
from tutorials.tools.coverage import required

LONGEST = 60.0  # seconds a tutorial should take on two cores; longer is told of
ROOT = FOLDER.parent


def main():
    """Run the command; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tutorials.tools", description=__doc__)
    parser.add_argument("command", choices=("run", "notebooks", "gallery", "one"))
    parser.add_argument("names", nargs="*", help="files, or the beginnings of their names (default: all)")
    parser.add_argument("--out", default="results/gallery", help="folder of the gallery (default: %(default)s)")
    parser.add_argument("--jobs", type=int, default=1, help="of run: files at a time (default: %(default)s)")
    parser.add_argument("--check", action="store_true", help="of notebooks: only say which are not up to date")
    arguments = parser.parse_args()
    return globals()[arguments.command](arguments)


def chosen(names):
    """The files meant by names: all without any."""
    files = tutorials() + solutions()
    if not names:
        return files
    found = [f for f in files if any(Path(name).stem == f.stem or f.name.startswith(name) for name in names)]
    return found or sys.exit(f"expected the name of a tutorial, got {' '.join(names)}")


def run(arguments):
    """Every file in a process of its own; says how long each took, and what none steps through."""
    failed, stepped = [], set()
    with ThreadPoolExecutor(arguments.jobs) as pool:
        for path, seconds, code in pool.map(in_a_process, chosen(arguments.names)):
            verdict = "FAILED" if code.returncode else "slow" if seconds > LONGEST else ""
            print(f"{path.relative_to(FOLDER)!s:<50} {seconds:6.1f} s  {verdict}", flush=True)
            if code.returncode:
                failed.append(path)
                print(code.stderr[-3000:], flush=True)
            elif path.parent == FOLDER:
                stepped |= set(code.stdout.split())
    missing = set() if arguments.names else required() - stepped
    if missing:
        print(f"no tutorial steps through {', '.join(sorted(missing))}")
    print(f"{len(failed)} failed" if failed else "all ran")
    return 1 if failed or missing else 0


def in_a_process(path):
    """(path, seconds, CompletedProcess) of one file run in an empty folder."""
    started = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        environment = os.environ | {"MPLBACKEND": "Agg", "PYTHONPATH": str(ROOT)}
        command = [sys.executable, "-m", "tutorials.tools", "one", str(path)]
        code = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
    return path, time.perf_counter() - started, code


def one(arguments):
    """One file in this process; prints what it stepped through."""
    from tutorials.tools.execute import CellError, run_cells

    try:
        print(*set().union(*(cell.stepped for cell in run_cells(Path(arguments.names[0])))))
    except CellError as why:
        print(why, file=sys.stderr)
        return 1
    return 0


def notebooks(arguments):
    """Write the .ipynb files, or say which are not up to date."""
    from tutorials.tools.notebooks import stale, write_notebooks

    files = chosen(arguments.names)
    if arguments.check:
        old = stale(files)
        told = [f"{path.name}: its notebook is not up to date; make notebooks" for path in old]
        print("\n".join(told) or "all up to date")
        return 1 if old else 0
    print("\n".join(str(path.relative_to(ROOT)) for path in write_notebooks(files)) or "all up to date")
    return 0


def gallery(arguments):
    """Execute all tutorials into HTML pages."""
    from tinyae.files import write_atomically
    from tutorials.tools.execute import run_cells
    from tutorials.tools.gallery import index, page, page_name, thumbnail_of

    out = Path(arguments.out).absolute()
    out.mkdir(parents=True, exist_ok=True)
    files, entries = chosen(arguments.names), []
    os.environ["MPLBACKEND"] = "Agg"

    def write(name, text):
        write_atomically(out / name, lambda temporary: temporary.write_text(text, encoding="utf-8"))

    for before, path, after in zip([None, *files[:-1]], files, [*files[1:], None], strict=True):
        started = time.perf_counter()
        with tempfile.TemporaryDirectory() as folder:
            os.chdir(folder)
            try:
                done = run_cells(path)
            finally:
                os.chdir(ROOT)
        seconds = time.perf_counter() - started
        write(page_name(path), page(path, done, before, after))
        entries.append((path, seconds, thumbnail_of(done)))
        print(f"{path.stem}: {seconds:.0f} s", flush=True)
    write("index.html", index(entries))
    print(f"open {out / 'index.html'}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
