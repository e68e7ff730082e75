"""One candidate in a process of its own: `worker.py WORKLOAD LIBRARY`.

It sets up and takes a few steps, tells about them in a line of JSON, then answers every line on stdin with the
seconds of one timing.
"""

import json
import sys
import time
from pathlib import Path

from candidates import CANDIDATES

WARM_UP, SHORTEST = 3, 0.15  # steps before the first timing; seconds a timing lasts at least


def memory(field):
    """Bytes of VmRSS (resident now) or VmHWM (the most there ever was) of this process; None where Linux is not."""
    try:
        lines = Path("/proc/self/status").read_text().splitlines()
    except OSError:
        return None
    return next(1024 * int(line.split()[1]) for line in lines if line.startswith(field))


workload, library = sys.argv[1:]
candidate = CANDIDATES[workload][library]()
before, losses = memory("VmRSS"), []
for _ in range(WARM_UP):
    started = time.perf_counter()
    losses.append(candidate.step())
    once = time.perf_counter() - started
loss = None if losses[0] is None else float(losses[0])
report = {"n_params": candidate.n_params, "loss": loss, "before": before, "peak": memory("VmHWM")}
print(json.dumps(report), flush=True)

repeats = max(1, round(SHORTEST / once))
for _ in sys.stdin:
    started = time.perf_counter()
    for _ in range(repeats):
        candidate.step()
    print((time.perf_counter() - started) / repeats, flush=True)
