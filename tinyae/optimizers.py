"""Optimizers: vectors in, vectors out. They know no model.

Every optimizer steps theta (n,) against a gradient g (n,) of the loss. `weight_decay` adds weight_decay * theta to g,
the gradient of weight_decay / 2 |theta|^2. The formulas and their constants are those of PyTorch, step for step.
"""

import math

import numpy as np

from tinyae.checks import UsageError, check_choice, check_float, check_int, in_words
from tinyae.kernels import updates
from tinyae.minimisers.conjugate_gradient import LineSearch
from tinyae.schedules import as_schedule


class Optimizer:
    """Base: counts steps, holds the learning rate's schedule and the state vectors.

    Parameters
    ----------
    lr : float or schedule
        Learning rate, or a function of (step, total steps) as in `tinyae.schedules`.
    weight_decay : float
        Strength of the L2 penalty.

    Notes
    -----
    One step is `begin_step` (once) and then `update` of every part of the vectors, in any order and in any thread:
    no two parts share an element. `step` does both.
    """

    state_names = ()  # vectors kept from step to step
    number_names = ("t", "lr")  # numbers kept from step to step: steps done, the rate of the last one

    def __init__(self, lr, weight_decay=0.0):
        self.schedule = as_schedule(lr)
        self.weight_decay = self._check("weight_decay", weight_decay, 0.0, math.inf)
        self.reset()

    def begin_step(self, theta, total=None):
        """Count a step of `total` planned ones, make state vectors at the first, and return the learning rate."""
        if any(kept.shape != theta.shape or kept.dtype != theta.dtype for kept in self.state.values()):
            self.reset()  # another net: its steps are counted anew
        for name in self.state_names:
            if name not in self.state:
                self.state[name] = np.zeros_like(theta)
        self.lr = float(self.schedule(self.t, total))
        self.t += 1
        return self.lr

    def update(self, theta, grads, start, stop, offset=0):
        """theta[start:stop] after this step, in place.

        grads (S, n) holds a gradient per shard, to be summed; grads[:, i - offset] belongs to theta[i].
        """
        raise NotImplementedError

    def step(self, theta, grad, total=None):
        """One whole step: theta changes in place. `grad` is (n,), or (S, n) to be summed (and overwritten)."""
        if grad.shape[-1:] != theta.shape:
            raise ValueError(
                f"{self.name}: expected a gradient of shape {theta.shape}, got {grad.shape}; one number a parameter."
            )
        self.begin_step(theta, total)
        self.update(theta, grad.copy()[None] if grad.ndim == 1 else grad, 0, theta.size)

    def reset(self):
        """Forget all steps."""
        self.t, self.lr, self.state = 0, None, {}

    def config(self):
        """The settings, with the schedule in words: what two optimizers that make the same steps have in common."""
        own = getattr(self.schedule, "given", self.schedule)  # beneath one that callbacks have put in its place
        return {"lr": in_words(own), "weight_decay": self.weight_decay}

    def state_dict(self):
        """All that the steps done so far have left, by name: numbers and vectors; the vectors are not copied."""
        return {name: getattr(self, name) for name in self.number_names} | self.state

    def load_state_dict(self, state):
        """Go on where another optimizer of the same settings was when its `state_dict` was taken."""
        vectors = self.state_names if state.get("t") else ()  # they are made at the first step
        if set(state) != {*self.number_names, *vectors}:
            raise ValueError(
                f"{self.name}: expected a state of {', '.join((*self.number_names, *vectors))}, "
                f"got {', '.join(map(str, state)) or 'nothing'}."
            )
        for name in self.number_names:
            setattr(self, name, state[name])
        self.state = {name: state[name].copy() for name in vectors}

    @property
    def name(self):
        return type(self).__name__

    def _check(self, name, value, low, high, **open_ends):
        return check_float(self.name, name, value, low, high, **open_ends)

    def _numbers(self, theta, *values):
        """The values as scalars of theta's type: a kernel is compiled once per type."""
        return map(theta.dtype.type, values)

    def __repr__(self):
        return f"{self.name}({self.schedule!r})"


class SGD(Optimizer):
    """v = momentum v + g;  theta -= lr v, or with Nesterov's look-ahead  theta -= lr (g + momentum v).

    Source: Polyak (1964); Sutskever et al. (2013), eqs. 1-4, in the form PyTorch uses (lr outside of v).
    """

    state_names = ("velocity",)

    def __init__(self, lr=0.01, momentum=0.0, nesterov=False, weight_decay=0.0):
        super().__init__(lr, weight_decay)
        self.momentum = self._check("momentum", momentum, 0.0, 1.0, open_high=True)
        self.nesterov = bool(nesterov)
        if self.nesterov and not self.momentum:
            raise UsageError("SGD: expected momentum > 0 with nesterov=True, got 0; Nesterov looks ahead along it.")

    def config(self):
        return super().config() | {"momentum": self.momentum, "nesterov": self.nesterov}

    def update(self, theta, grads, start, stop, offset=0):
        lr, momentum, decay = self._numbers(theta, self.lr, self.momentum, self.weight_decay)
        updates.momentum(theta, grads, self.state["velocity"], start, stop, lr, momentum, self.nesterov, decay, offset)


class RMSprop(Optimizer):
    """s = rho s + (1 - rho) g^2;  v = momentum v + g / (sqrt(s) + eps);  theta -= lr v.

    Source: Tieleman & Hinton (2012), lecture 6.5.
    """

    state_names = ("square", "velocity")

    def __init__(self, lr=0.001, rho=0.99, momentum=0.0, eps=1e-8, weight_decay=0.0):
        super().__init__(lr, weight_decay)
        self.rho = self._check("rho", rho, 0.0, 1.0, open_high=True)
        self.momentum = self._check("momentum", momentum, 0.0, 1.0, open_high=True)
        self.eps = self._check("eps", eps, 0.0, 1.0, open_low=True)

    def config(self):
        return super().config() | {"rho": self.rho, "momentum": self.momentum, "eps": self.eps}

    def update(self, theta, grads, start, stop, offset=0):
        numbers = self._numbers(theta, self.lr, self.rho, self.eps, self.momentum, self.weight_decay)
        updates.rmsprop(theta, grads, self.state["square"], self.state["velocity"], start, stop, *numbers, offset)


class Adam(Optimizer):
    """m = beta1 m + (1 - beta1) g;  v = beta2 v + (1 - beta2) g^2;
    theta -= lr m^ / (sqrt(v^) + eps)  with  m^ = m / (1 - beta1^t),  v^ = v / (1 - beta2^t).

    Source: Kingma & Ba (2015), algorithm 1.
    """

    state_names = ("m", "v")

    def __init__(self, lr=0.001, beta1=0.9, beta2=0.999, eps=1e-8, weight_decay=0.0):
        super().__init__(lr, weight_decay)
        self.beta1 = self._check("beta1", beta1, 0.0, 1.0, open_high=True)
        self.beta2 = self._check("beta2", beta2, 0.0, 1.0, open_high=True)
        self.eps = self._check("eps", eps, 0.0, 1.0, open_low=True)

    def config(self):
        return super().config() | {"beta1": self.beta1, "beta2": self.beta2, "eps": self.eps}

    def update(self, theta, grads, start, stop, offset=0):
        scale_m, scale_g = self.scales()
        scale_v = 1.0 / math.sqrt(1.0 - self.beta2**self.t)  # sqrt(v^) = scale_v sqrt(v)
        numbers = self._numbers(theta, self.beta1, self.beta2, scale_m, scale_g, scale_v, self.eps, self.weight_decay)
        updates.adam(theta, grads, self.state["m"], self.state["v"], start, stop, *numbers, offset)

    def scales(self):
        """Factors of m and of g in the step's numerator."""
        return self.lr / (1.0 - self.beta1**self.t), 0.0


class Nadam(Adam):
    """Adam with Nesterov's look-ahead: the step mixes this gradient with the momentum the next step will use.

    mu_t = beta1 (1 - 1/2 0.96^(0.004 t)),  P_t = mu_1 mu_2 ... mu_t, and the numerator of Adam's step becomes
    lr ( mu_(t+1) m / (1 - P_(t+1)) + (1 - mu_t) g / (1 - P_t) ).

    Source: Dozat (2016), algorithm 2 with his schedule of mu.
    """

    DECAY = 0.004
    number_names = (*Adam.number_names, "product")

    def reset(self):
        super().reset()
        self.product = 1.0  # P_0

    def begin_step(self, theta, total=None):
        lr = super().begin_step(theta, total)
        self.mu, self.mu_next = self._mu(self.t), self._mu(self.t + 1)
        self.product *= self.mu
        return lr

    def _mu(self, t):
        return self.beta1 * (1.0 - 0.5 * 0.96 ** (t * self.DECAY))

    def scales(self):
        scale_m = self.lr * self.mu_next / (1.0 - self.product * self.mu_next)
        return scale_m, self.lr * (1.0 - self.mu) / (1.0 - self.product)


class ConjugateGradient(Optimizer):
    """A few line searches along conjugate directions on every batch: `tinyae.minimisers.conjugate_gradient`.

    For `fit` with large batches, the way Hinton & Salakhutdinov (2006) fine-tuned: batches of 1000, three searches
    each, a fresh start per batch. There is no learning rate: the searches find the lengths of their steps, and a
    history's "lr" is 1.

    Parameters
    ----------
    searches : int
        Line searches a batch.
    settings : LineSearch, optional
        How exact they are.

    Attributes
    ----------
    evaluations : int
        Gradients asked for so far.
    """

    number_names = (*Optimizer.number_names, "evaluations")

    def __init__(self, searches=3, settings=None):
        super().__init__(1.0)
        self.searches = check_int("ConjugateGradient", "searches", searches, 1)
        self.settings = settings or LineSearch()

    def reset(self):
        super().reset()
        self.evaluations = 0

    def config(self):
        return {"searches": self.searches, "settings": repr(self.settings)}

    def count(self, minimum):
        """Note a batch's searches."""
        self.t += 1
        self.evaluations += minimum.evaluations
        self.lr = float(self.schedule(self.t - 1, None))

    def begin_step(self, theta, total=None):
        raise UsageError(
            "ConjugateGradient: expected fit, or tinyae.minimisers.conjugate_gradient.minimise with a function, got a "
            "single gradient; a line search asks for the loss at several points."
        )

    def __repr__(self):
        return f"ConjugateGradient(searches={self.searches})"


OPTIMIZERS = {"sgd": SGD, "rmsprop": RMSprop, "adam": Adam, "nadam": Nadam}


def optimizer_by_name(who, optimizer):
    """An Optimizer from its name (with its default settings) or itself; UsageError listing the names otherwise."""
    if isinstance(optimizer, Optimizer):
        return optimizer
    if isinstance(optimizer, type) and issubclass(optimizer, Optimizer):
        return optimizer()
    check_choice(who, "optimizer", optimizer, OPTIMIZERS)
    return OPTIMIZERS[optimizer]()
