"""Learning rates over time: a schedule is a function of (step, total steps), step = 0, 1, ..., total - 1.

`fit` knows the total; a bare `Optimizer.step` passes None unless told, which only schedules that plan ahead refuse.
"""

import math

from tinyae.checks import UsageError, check_float, check_int


class Constant:
    """The same rate at every step."""

    def __init__(self, lr):
        self.lr = check_float("Constant", "lr", lr, 0.0, math.inf, open_low=True, open_high=True)

    def __call__(self, step, total):
        return self.lr

    def __repr__(self):
        return f"Constant({self.lr:g})"


class Step:
    """lr * factor^(step // every): the rate drops by `factor` each `every` steps."""

    def __init__(self, lr, every, factor=0.1):
        self.lr = check_float("Step", "lr", lr, 0.0, math.inf, open_low=True, open_high=True)
        self.every = check_int("Step", "every", every, 1)
        self.factor = check_float("Step", "factor", factor, 0.0, 1.0, open_low=True)

    def __call__(self, step, total):
        return self.lr * self.factor ** (step // self.every)

    def __repr__(self):
        return f"Step({self.lr:g}, every={self.every}, factor={self.factor:g})"


class Cosine:
    """From lr down to `final` * lr along half a cosine (Loshchilov & Hutter 2017, eq. 5, without restarts).

    Parameters
    ----------
    lr : float
        The highest rate.
    final : float in [0, 1]
        Where the curve ends, as a part of lr.
    warmup : float in [0, 1)
        Part of all steps over which the rate first rises from 0 in a straight line: Adam's second moments are
        poor estimates at the start, and large first steps can saturate sigmoid units for good.
    """

    def __init__(self, lr, final=0.0, warmup=0.0):
        self.lr = check_float("Cosine", "lr", lr, 0.0, math.inf, open_low=True, open_high=True)
        self.final = check_float("Cosine", "final", final, 0.0, 1.0)
        self.warmup = check_float("Cosine", "warmup", warmup, 0.0, 1.0, open_high=True)

    def __call__(self, step, total):
        if total is None:
            raise UsageError("Cosine: expected the total number of steps, got None; pass total to Optimizer.step.")
        done = (step + 1) / total if self.warmup else step / total  # a warmed-up rate does not start at 0
        if done < self.warmup:
            return self.lr * done / self.warmup
        fraction = min(1.0, (done - self.warmup) / (1.0 - self.warmup))
        return self.lr * (self.final + (1.0 - self.final) * 0.5 * (1.0 + math.cos(math.pi * fraction)))

    def __repr__(self):
        return f"Cosine({self.lr:g}, final={self.final:g}, warmup={self.warmup:g})"


def as_schedule(lr):
    """A number becomes Constant(lr); a schedule (any callable of step and total) stays as it is."""
    return lr if callable(lr) else Constant(lr)
