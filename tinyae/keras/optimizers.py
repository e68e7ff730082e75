"""Optimizers with Keras's names, defaults and formulas, step for step.

Where Keras's formula is not the one of `tinyae.optimizers` (which is PyTorch's), the difference stands in the class.
Gradients of a mean per pixel are small, so that where epsilon stands can be seen.
"""

import math

import numpy as np

from tinyae import optimizers, schedules
from tinyae.checks import UsageError, check_choice
from tinyae.keras import unsupported
from tinyae.kernels.updates import BLOCK

ARGUMENTS = {
    "name": (None, "an optimizer needs none"),
    "weight_decay": (None, "the optimizers of tinyae.optimizers have it, added to the gradient"),
    "clipnorm": (None, "gradients are not cut; use a smaller learning rate"),
    "clipvalue": (None, "gradients are not cut; use a smaller learning rate"),
    "global_clipnorm": (None, "gradients are not cut; use a smaller learning rate"),
    "use_ema": (False, "weights are not averaged"),
    "ema_momentum": (0.99, "weights are not averaged"),
    "ema_overwrite_frequency": (None, "weights are not averaged"),
    "loss_scale_factor": (None, "losses are not scaled"),
    "gradient_accumulation_steps": (None, "use a larger batch_size: batches go through the net in pieces"),
    "amsgrad": (False, "use Adam as it is"),
    "centered": (False, "use RMSprop as it is"),
}


class Optimizer(optimizers.Optimizer):
    """Base of those here: the learning rate under Keras's name."""

    def _begin(self, given, learning_rate):
        unsupported.refuse_arguments(self.name, given, ARGUMENTS)
        if not callable(learning_rate) and not isinstance(learning_rate, int | float | np.floating):
            raise UsageError(
                f"{self.name}: expected learning_rate to be a number or a schedule of tinyae's, got {learning_rate!r}; "
                "tinyae.Cosine and tinyae.Step are such schedules."
            )
        return learning_rate

    @property
    def learning_rate(self):
        """The rate, as a number where it is constant; it may be set at any time, by a callback too."""
        return self.schedule.lr if isinstance(self.schedule, schedules.Constant) else self.schedule

    @learning_rate.setter
    def learning_rate(self, rate):
        self.schedule = schedules.as_schedule(rate)

    @property
    def iterations(self):
        """Steps done."""
        return self.t

    def get_config(self):
        """The arguments that make this optimizer again; a schedule as [name, settings]."""
        rate = self.learning_rate
        kept = rate if isinstance(rate, float) else [type(rate).__name__, dict(vars(rate))]
        return {"learning_rate": kept} | {name: getattr(self, mine) for name, mine in self.settings.items()}


class SGD(Optimizer, optimizers.SGD):
    """v = momentum v - lr g;  theta += v: the formula of `tinyae.optimizers.SGD` for a constant rate."""

    settings = {"momentum": "momentum", "nesterov": "nesterov"}  # noqa: RUF012

    def __init__(self, learning_rate=0.01, momentum=0.0, nesterov=False, **given):
        optimizers.SGD.__init__(self, self._begin(given, learning_rate), momentum, nesterov)


class RMSprop(Optimizer, optimizers.RMSprop):
    """s = rho s + (1 - rho) g^2;  v = momentum v + lr g / sqrt(s + epsilon);  theta -= v.

    Epsilon stands inside of the root (tinyae and PyTorch: outside), so its root, 3e-4, is to be compared with |g|; and
    the rate inside of v.
    """

    settings = {"rho": "rho", "momentum": "momentum", "epsilon": "eps"}  # noqa: RUF012

    def __init__(self, learning_rate=0.001, rho=0.9, momentum=0.0, epsilon=1e-7, **given):
        optimizers.RMSprop.__init__(self, self._begin(given, learning_rate), rho, momentum, epsilon)

    def update(self, theta, grads, start, stop, offset=0):
        lr, rho, eps, momentum = self._numbers(theta, self.lr, self.rho, self.eps, self.momentum)
        for low in range(start, stop, BLOCK):  # blocks stay in the cache
            high = min(low + BLOCK, stop)
            g = grads[:, low - offset : high - offset].sum(axis=0)
            s, v = self.state["square"][low:high], self.state["velocity"][low:high]
            s *= rho
            s += (1 - rho) * g * g
            v *= momentum
            v += lr * g / np.sqrt(s + eps)
            theta[low:high] -= v


class Adam(Optimizer, optimizers.Adam):
    """theta -= lr sqrt(1 - beta_2^t) / (1 - beta_1^t) m / (sqrt(v) + epsilon).

    Source: Kingma & Ba (2015), the form before section 2.1, whose epsilon ("epsilon hat") is not divided by the root
    of 1 - beta_2^t as v is. In algorithm 1, which is tinyae's form, that is an epsilon that falls with t.
    """

    settings = {"beta_1": "beta1", "beta_2": "beta2", "epsilon": "epsilon"}  # noqa: RUF012

    def __init__(self, learning_rate=0.001, beta_1=0.9, beta_2=0.999, epsilon=1e-7, **given):
        optimizers.Adam.__init__(self, self._begin(given, learning_rate), beta_1, beta_2, epsilon)
        self.epsilon = self.eps

    def begin_step(self, theta, total=None):
        lr = super().begin_step(theta, total)
        self.eps = self.epsilon / math.sqrt(1.0 - self.beta2**self.t)
        return lr


class Nadam(Optimizer, optimizers.Nadam):
    """Dozat's Nadam with mu_t = beta_1 (1 - 1/2 0.96^t): Keras has no 0.004 in the exponent.

    The momentum is at its full strength after some hundred steps, in place of some ten thousand.
    """

    DECAY = 1.0
    settings = {"beta_1": "beta1", "beta_2": "beta2", "epsilon": "eps"}  # noqa: RUF012

    def __init__(self, learning_rate=0.001, beta_1=0.9, beta_2=0.999, epsilon=1e-7, **given):
        optimizers.Nadam.__init__(self, self._begin(given, learning_rate), beta_1, beta_2, epsilon)


BY_NAME = {"sgd": SGD, "rmsprop": RMSprop, "adam": Adam, "nadam": Nadam}


def get(identifier):
    """An optimizer from its name (in any case), class, configuration or itself; one of tinyae's own is kept too."""
    if isinstance(identifier, optimizers.Optimizer):
        return identifier
    if isinstance(identifier, type) and issubclass(identifier, optimizers.Optimizer):
        return identifier()
    if isinstance(identifier, dict):
        config = dict(identifier["config"])
        if isinstance(config["learning_rate"], list):
            kind, settings = config["learning_rate"]
            config["learning_rate"] = SCHEDULES[kind](**settings)
        return BY_NAME[identifier["class_name"].lower()](**config)
    name = identifier.lower() if isinstance(identifier, str) else identifier
    check_choice("compile", "optimizer", name, BY_NAME)
    return BY_NAME[name]()


SCHEDULES = {kind.__name__: kind for kind in (schedules.Step, schedules.Cosine)}
__getattr__ = unsupported.refusing("tinyae.keras.optimizers", unsupported.OPTIMIZERS)
