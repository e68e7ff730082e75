"""What is compared with whom, and the goals."""

from typing import NamedTuple

import conv
import keras_fit
from candidates import CANDIDATES


class Workload(NamedTuple):
    """One block of rows: tinyae beside groups of other libraries, the fastest of each group counts."""

    name: str  # key of CANDIDATES
    title: str
    unit: str
    factor: float  # seconds of one step() -> unit
    groups: list  # of (libraries, goal for tinyae / best of them, or None)


def torch_groups(name, goal):
    """PyTorch with the optimizer as it comes, and where there is one with its fused form: a group each."""
    libraries = [library for library in CANDIDATES[name] if library.startswith("torch")]
    fused = [library for library in libraries if library.endswith("fused")]
    plain = [library for library in libraries if library not in fused]
    return [(group, goal) for group in (plain, fused) if group]


TITLES = {
    "simple": "784-32-784, Nadam",
    "deep": "784-128-64-32-64-128-784, Nadam",
    "hinton": "784-1000-500-250-2, Adam",
    "network 1": "network 1 (conv 16-8-8), Nadam",
    "network 2": "network 2 (conv 16-32, dense 2), Adam",
}
GOALS = {
    ("simple", 64): 0.5, ("deep", 64): 0.6, ("hinton", 100): 0.85, ("hinton", 1000): 0.95,
    ("network 1", 32): 0.4, ("network 1", 256): 0.45, ("network 2", 32): 0.5, ("network 2", 256): 0.55,
}  # fmt: skip

STEPS = [
    Workload(name, f"training step, {TITLES[net]}, batch {n}", "ms", 1e3, torch_groups(name, goal))
    for (net, n), goal in GOALS.items()
    for name in [f"{net}, batch {n}"]
]
CONVOLUTIONS = [
    Workload(name, f"3x3 convolution forward and backward, {name.removeprefix('conv ')}, batch {conv.CONV_BATCH}",
             "ms", 1e3, torch_groups(name, 1.0))
    for name in CANDIDATES
    if name.startswith("conv ")
]  # fmt: skip
FITS = [
    Workload(f"fit {net}, batch {n}", f"whole fit of an epoch, per step, {TITLES[net]}, batch {n}",
             "ms", 1e3 / -(-keras_fit.FIT_IMAGES // n), [(["keras"], 1.0)])
    for net, n in keras_fit.CASES
]  # fmt: skip
CD = Workload(
    "CD-1", "CD-1 epoch, 784-1000, batch 100, 60,000 images", "s", 10.0,
    [(["torch in place"], 0.8), (["scikit-learn"], 0.4), (["products alone"], None)],
)  # fmt: skip

WORKLOADS = [*STEPS, *CONVOLUTIONS, *FITS, CD]
