"""One candidate in a process of its own: sets up, then answers every line on stdin with the seconds of one timing."""

import sys
import time

from candidates import CANDIDATES

WARM_UP, SHORTEST = 3, 0.15  # steps before the first timing; seconds a timing lasts at least

step = CANDIDATES[sys.argv[1]]()
for _ in range(WARM_UP):
    started = time.perf_counter()
    step()
    once = time.perf_counter() - started
repeats = max(1, round(SHORTEST / once))
for _ in sys.stdin:
    started = time.perf_counter()
    for _ in range(repeats):
        step()
    print((time.perf_counter() - started) / repeats, flush=True)
