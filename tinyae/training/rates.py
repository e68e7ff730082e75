"""Learning rates that change between epochs: by a function of the epoch, or where a series of the history stands still.

An optimizer has a schedule of its own, a function of steps (`tinyae.schedules`). While a run lasts the callbacks here
put an `Adjusted` schedule in its place, which is theirs together; at the end the optimizer gets its own one back. The
history's `lr` shows the rate that was used.

- `LearningRateSchedule` says what the rate is. So it wants an optimizer with a constant rate of its own.
- `ReduceOnPlateau` multiplies the rate, whatever it is: a constant, a cosine, or what a LearningRateSchedule said,
  whose function gets the reduced rate as its `lr` for the next epoch.
"""

import math
import weakref

from tinyae.checks import UsageError, check_float, check_int, in_words
from tinyae.schedules import Constant
from tinyae.training.callbacks import Callback, monitored


class Adjusted:
    """factor * given(step, total), or factor * rate where a rate was set; the factor lowers it to `low` at most.

    Attributes
    ----------
    given : schedule
        The optimizer's own.
    rate : float or None
    factor, low : float
    ask : function of lr to lr, or None
        What to set the rate to at the next step.
    """

    def __init__(self, given, run):
        self.given, self.run = given, weakref.ref(run)
        self.rate, self.factor, self.low, self.ask = None, 1.0, 0.0, None

    def __call__(self, step, total):
        rate = self.given(step, total) if self.rate is None else self.rate
        rate = min(rate, max(rate * self.factor, self.low))
        if self.ask is not None:
            self.rate, self.factor, self.ask = self.ask(rate), 1.0, None
            return self.rate
        return rate

    def state(self):
        """What has to outlive a kill; `ask` comes from its callback."""
        return {"rate": self.rate, "factor": self.factor, "low": self.low}

    def restore(self, state):
        """Take back what `state` gave."""
        self.rate, self.factor, self.low = state["rate"], state["factor"], state["low"]

    def __repr__(self):
        return f"Adjusted({self.given!r})"


def adjusted(run):
    """The Adjusted schedule of this run's optimizer, put in place at the first call."""
    schedule = run.optimizer.schedule
    if not isinstance(schedule, Adjusted):
        run.optimizer.schedule = Adjusted(schedule, run)
    elif schedule.run() is not run:  # left behind by a run that ended in an error
        run.optimizer.schedule = Adjusted(schedule.given, run)
    return run.optimizer.schedule


class RateCallback(Callback):
    """Base: puts the Adjusted schedule in place, keeps it over a kill, and takes it away at the end."""

    changes_rate = True

    def on_train_begin(self, run):
        self.schedule = adjusted(run)

    def on_train_end(self, run):
        run.optimizer.schedule = self.schedule.given

    def state(self):
        return {"schedule": self.schedule.state()}

    def restore(self, state):
        self.schedule.restore(state["schedule"])


class LearningRateSchedule(RateCallback):
    """The rate of every epoch, as a function says.

    Parameters
    ----------
    function : function of (epoch, lr) to lr
        Asked once, as an epoch begins. Epochs count from 1; lr is the rate as it is then: the optimizer's own before
        the first epoch, later that of the epoch before.

    Raises
    ------
    UsageError
        The optimizer has a schedule of its own that is not constant: two rules for one number. Or the function gives
        anything but a positive number.

    Examples
    --------
    >>> halve = LearningRateSchedule(lambda epoch, lr: lr / 2 if epoch in (20, 30) else lr)
    >>> model.fit(x, epochs=40, optimizer=Adam(2e-3), callbacks=[halve])
    """

    def __init__(self, function):
        if not callable(function):
            raise UsageError(
                f"LearningRateSchedule: expected a function of (epoch, lr), got {function!r}; a constant rate is the "
                "optimizer's own, Adam(lr)."
            )
        self.function = function

    def config(self):
        return {"function": in_words(self.function)}

    def on_train_begin(self, run):
        super().on_train_begin(run)
        if not isinstance(self.schedule.given, Constant):
            raise UsageError(
                f"LearningRateSchedule: expected an optimizer with a constant rate, got {self.schedule.given!r}; give "
                "it a number, or leave this callback away."
            )
        self.first_epoch = run.first_epoch
        self._ask_at(1)

    def on_epoch_end(self, run, row):
        self._ask_at(run.epoch + 1)

    def restore(self, state):
        super().restore(state)
        self._ask_at(self.first_epoch)

    def _ask_at(self, epoch):
        """Have the first step of `epoch`, if it comes, ask for its rate."""

        def ask(lr):
            who, what = "LearningRateSchedule", f"the rate of epoch {epoch}"
            return check_float(who, what, self.function(epoch, lr), 0.0, math.inf, open_low=True, open_high=True)

        self.schedule.ask = ask


class ReduceOnPlateau(RateCallback):
    """Multiply the rate by `factor` whenever `monitor` has not fallen for `patience` epochs.

    Parameters
    ----------
    monitor : str
        A series of the history; lower is better. "val_loss" needs a validation part.
    factor : float in (0, 1)
    patience : int
        Epochs without improvement to wait for, each time anew.
    min_lr : float >= 0
        The rate is not reduced further than this.
    min_delta : float >= 0
        Smallest fall that counts as an improvement.
    """

    def __init__(self, monitor="val_loss", factor=0.5, patience=3, min_lr=0.0, min_delta=0.0):
        self.monitor = monitor
        self.factor = check_float("ReduceOnPlateau", "factor", factor, 0.0, 1.0, open_low=True, open_high=True)
        self.patience = check_int("ReduceOnPlateau", "patience", patience, 1)
        self.min_lr = check_float("ReduceOnPlateau", "min_lr", min_lr, 0.0, math.inf, open_high=True)
        self.min_delta = check_float("ReduceOnPlateau", "min_delta", min_delta, 0.0, math.inf, open_high=True)

    def config(self):
        return {name: getattr(self, name) for name in ("monitor", "factor", "patience", "min_lr", "min_delta")}

    def on_train_begin(self, run):
        super().on_train_begin(run)
        self.best, self.waited = math.inf, 0

    def on_epoch_end(self, run, row):
        value = monitored("ReduceOnPlateau", self.monitor, row)
        if value < self.best - self.min_delta:
            self.best, self.waited = value, 0
            return
        self.waited += 1
        if self.waited >= self.patience:
            self.schedule.factor *= self.factor
            self.schedule.low = self.min_lr
            self.waited = 0

    def state(self):
        return super().state() | {"best": self.best, "waited": self.waited}

    def restore(self, state):
        super().restore(state)
        self.best, self.waited = state["best"], state["waited"]
