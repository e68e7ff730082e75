"""Initial weights by Keras's names. Each initializer draws an array of a given shape.

A kernel's last two axes are its inputs and outputs, the axes before them the window: fan_in = window * inputs,
fan_out = window * outputs. (Keras counts so for Conv2DTranspose too, whose axes are (kh, kw, out, in).)
"""

import inspect
import math
import sys

import numpy as np

from tinyae.checks import UsageError, check_choice, check_float
from tinyae.keras.utils import new_rng

CUT = 2.0  # a truncated normal is drawn again beyond so many standard deviations
CUT_STDDEV = 0.87962566103423978  # standard deviation of what is left of N(0, 1) then


class Initializer:
    """Base. `seed`: the same array at every call; without it the process's seed (`utils.set_random_seed`) counts."""

    def __init__(self, seed=None):
        self.seed = seed

    def __call__(self, shape, dtype=np.float32):
        """An array of `shape`."""
        rng = new_rng() if self.seed is None else np.random.default_rng(self.seed)
        return self.draw(rng, tuple(shape)).astype(dtype)

    def draw(self, rng, shape):
        """A float64 array of `shape` from the generator `rng`."""
        raise NotImplementedError

    def get_config(self):
        """The arguments that make this initializer again."""
        return {
            name: getattr(self, name) for name in inspect.signature(type(self).__init__).parameters if name != "self"
        }


class Constant(Initializer):
    """Every number is `value`."""

    def __init__(self, value=0.0):
        super().__init__()
        self.value = check_float("Constant", "value", value, -math.inf, math.inf)

    def draw(self, rng, shape):
        return np.full(shape, self.value)


class Zeros(Constant):
    """All 0."""

    def __init__(self):
        super().__init__(0.0)


class Ones(Constant):
    """All 1."""

    def __init__(self):
        super().__init__(1.0)


class RandomNormal(Initializer):
    """N(mean, stddev^2)."""

    def __init__(self, mean=0.0, stddev=0.05, seed=None):
        super().__init__(seed)
        self.mean, self.stddev = mean, stddev

    def draw(self, rng, shape):
        return rng.normal(self.mean, self.stddev, shape)


class TruncatedNormal(RandomNormal):
    """N(mean, stddev^2), drawn again where it lies more than two standard deviations off."""

    def draw(self, rng, shape):
        return self.mean + self.stddev * truncated_normal(rng, shape)


class RandomUniform(Initializer):
    """Uniform on [minval, maxval)."""

    def __init__(self, minval=-0.05, maxval=0.05, seed=None):
        super().__init__(seed)
        self.minval, self.maxval = minval, maxval

    def draw(self, rng, shape):
        return rng.uniform(self.minval, self.maxval, shape)


class VarianceScaling(Initializer):
    """Mean 0 and variance scale / n, with n by `mode`: fan_in, fan_out or their mean.

    distribution : {"truncated_normal", "untruncated_normal", "uniform"}
    """

    def __init__(self, scale=1.0, mode="fan_in", distribution="truncated_normal", seed=None):
        super().__init__(seed)
        self.scale = check_float("VarianceScaling", "scale", scale, 0.0, math.inf, open_low=True)
        check_choice("VarianceScaling", "mode", mode, ("fan_in", "fan_out", "fan_avg"))
        names = ("truncated_normal", "untruncated_normal", "uniform")
        check_choice("VarianceScaling", "distribution", distribution, names)
        self.mode, self.distribution = mode, distribution

    def draw(self, rng, shape):
        fan_in, fan_out = fans(shape)
        n = {"fan_in": fan_in, "fan_out": fan_out, "fan_avg": (fan_in + fan_out) / 2}[self.mode]
        stddev = math.sqrt(self.scale / n)
        if self.distribution == "uniform":
            limit = math.sqrt(3) * stddev  # the variance of a uniform number on +-limit is limit^2 / 3
            return rng.uniform(-limit, limit, shape)
        if self.distribution == "untruncated_normal":
            return rng.normal(0.0, stddev, shape)
        return stddev / CUT_STDDEV * truncated_normal(rng, shape)


def _scaled(name, scale, mode, distribution, source):
    """A subclass of VarianceScaling with settings of its own."""

    def __init__(self, seed=None):  # noqa: N807
        VarianceScaling.__init__(self, scale, mode, distribution, seed)

    members = {"__init__": __init__, "__doc__": f"{source}: VarianceScaling({scale}, {mode!r}, {distribution!r})."}
    return type(name, (VarianceScaling,), members | {"__module__": __name__})


GlorotUniform = _scaled("GlorotUniform", 1.0, "fan_avg", "uniform", "Glorot & Bengio (2010)")
GlorotNormal = _scaled("GlorotNormal", 1.0, "fan_avg", "truncated_normal", "Glorot & Bengio (2010)")
HeUniform = _scaled("HeUniform", 2.0, "fan_in", "uniform", "He et al. (2015)")
HeNormal = _scaled("HeNormal", 2.0, "fan_in", "truncated_normal", "He et al. (2015)")
LecunUniform = _scaled("LecunUniform", 1.0, "fan_in", "uniform", "LeCun et al. (1998)")
LecunNormal = _scaled("LecunNormal", 1.0, "fan_in", "truncated_normal", "LeCun et al. (1998)")

NAMES = {
    "glorot_uniform": GlorotUniform, "glorot_normal": GlorotNormal, "he_uniform": HeUniform, "he_normal": HeNormal,
    "lecun_uniform": LecunUniform, "lecun_normal": LecunNormal, "random_normal": RandomNormal,
    "truncated_normal": TruncatedNormal, "random_uniform": RandomUniform, "variance_scaling": VarianceScaling,
    "zeros": Zeros, "ones": Ones, "constant": Constant,
}  # fmt: skip
vars(sys.modules[__name__]).update(NAMES)  # initializers.glorot_uniform() is GlorotUniform()


def get(identifier):
    """An Initializer from its name, class, configuration or itself."""
    if isinstance(identifier, Initializer):
        return identifier
    if isinstance(identifier, type) and issubclass(identifier, Initializer):
        return identifier()
    by_name = NAMES | {kind.__name__: kind for kind in NAMES.values()}
    if isinstance(identifier, dict):
        return by_name[identifier["class_name"]](**identifier["config"])
    if not isinstance(identifier, str):
        raise UsageError(f"initializer: expected one of {', '.join(NAMES)} or an Initializer, got {identifier!r}.")
    check_choice("initializer", "name", identifier, by_name)
    return by_name[identifier]()


def serialize(initializer):
    """{'class_name': ..., 'config': ...}: what `get` makes the initializer of again."""
    return {"class_name": type(initializer).__name__, "config": initializer.get_config()}


def fans(shape):
    """(fan_in, fan_out) of a kernel of `shape`, as Keras counts; of a vector, its length twice."""
    if len(shape) < 2:
        return shape[0], shape[0]
    window = math.prod(shape[:-2])
    return window * shape[-2], window * shape[-1]


def truncated_normal(rng, shape):
    """N(0, 1), drawn again where it lies beyond +-CUT."""
    z = rng.normal(size=shape)
    while (far := np.abs(z) > CUT).any():
        z[far] = rng.normal(size=int(far.sum()))
    return z
