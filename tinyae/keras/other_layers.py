"""Shape, noise, normalisation, penalties, and the way in for any other layer of tinyae."""

import copy

from tinyae import layers as native
from tinyae.checks import UsageError
from tinyae.keras import regularizers
from tinyae.keras.base import Layer
from tinyae.layers.base import Layer as NativeLayer

NOISE_SEED = {"seed": (None, "noise comes from the process's seed, see utils.set_random_seed")}


class Flatten(Layer):
    """Samples of any shape as rows."""

    def __init__(self, *, name=None, **given):
        super().__init__(name, given)

    def make(self):
        return [native.Flatten()]


class Reshape(Layer):
    """The same numbers in another shape; one length may be -1."""

    def __init__(self, target_shape, *, name=None, **given):
        super().__init__(name, given, target_shape=target_shape)
        self.target_shape = target_shape

    def make(self):
        return [native.Reshape(self.target_shape)]


class Dropout(Layer):
    """Sets units to 0 with probability `rate` while training, and divides the others by 1 - rate."""

    known = Layer.known | NOISE_SEED | {"noise_shape": (None, "every number is dropped on its own")}

    def __init__(self, rate, *, name=None, **given):
        super().__init__(name, given, rate=rate)
        self.rate = rate

    def make(self):
        return [native.Dropout(self.rate)]


class GaussianNoise(Layer):
    """Adds noise N(0, stddev^2) while training."""

    known = Layer.known | NOISE_SEED

    def __init__(self, stddev, *, name=None, **given):
        super().__init__(name, given, stddev=stddev)
        self.stddev = stddev

    def make(self):
        return [native.GaussianNoise(self.stddev)]


class BatchNorm(native.BatchNorm):
    """tinyae's BatchNorm with Keras's running variance, which takes the batch's variance with M below the line.

    (tinyae and PyTorch take M - 1.) Of the same name, so that a file of tinyae.save has tinyae's.
    """

    def learn_statistics(self, x):
        before = self.state["var"].copy()
        mean, var = super().learn_statistics(x)
        self.state["var"][...] = self.momentum * before + (1 - self.momentum) * var
        return mean, var


class BatchNormalization(Layer):
    """gamma (x - mean) / sqrt(variance + epsilon) + beta for every channel: `tinyae.BatchNorm`.

    moving = momentum * moving + (1 - momentum) * batch. Keras's defaults: the moving values need some hundred batches.
    """

    known = Layer.known | {
        "axis": (-1, "the last axis is that of the channels"),
        "center": (True, "there is always a beta"),
        "scale": (True, "there is always a gamma"),
        "beta_initializer": ("zeros", "beta begins at 0"),
        "gamma_initializer": ("ones", "gamma begins at 1"),
        "moving_mean_initializer": ("zeros", "the moving mean begins at 0"),
        "moving_variance_initializer": ("ones", "the moving variance begins at 1"),
        "beta_regularizer": (None, "penalties here are on activations"),
        "gamma_regularizer": (None, "penalties here are on activations"),
        "beta_constraint": (None, "beta moves freely"),
        "gamma_constraint": (None, "gamma moves freely"),
        "synchronized": (False, "there is one process"),
        "renorm": (False, "see tinyae.BatchNorm"),
    }

    def __init__(self, *, momentum=0.99, epsilon=0.001, name=None, **given):
        super().__init__(name, given, momentum=momentum, epsilon=epsilon)
        self.arguments = momentum, epsilon

    def make(self):
        return [BatchNorm(*self.arguments)]


class ActivityRegularization(Layer):
    """y = x, and l1 sum |x| + l2 sum x^2 is added to the loss, averaged over the images."""

    def __init__(self, l1=0.0, l2=0.0, *, name=None, **given):
        super().__init__(name, given, l1=l1, l2=l2)
        self.regularizer = regularizers.L1L2(l1, l2)

    def make(self):
        return self.regularizer.layers() or [native.Linear()]


class GaussianCode(Layer):
    """The code of a variational autoencoder; not in Keras, where it takes a Lambda or a layer of one's own.

    Behind Dense(2 * k), which gives k means and k log variances, it gives a sample of k numbers while training, the
    means otherwise, and adds beta times the Kullback-Leibler divergence to the loss. Since the loss is a mean per
    pixel, beta = 1 / (number of pixels) gives the evidence lower bound, divided by that number.
    """

    def __init__(self, beta, *, name=None, **given):
        super().__init__(name, given, beta=beta)
        self.beta = beta

    def make(self):
        return [native.GaussianCode(self.beta)]


class TinyaeLayer(Layer):
    """Any layer of tinyae in a chain; not in Keras. The way in for one of your own: forward and backward in NumPy.

    layer : tinyae.layers.Layer
        Not built yet; this object stays so, copies of it go into nets.
    """

    def __init__(self, layer, *, name=None, **given):
        if isinstance(layer, list) and len(layer) == 2 and layer[0] in native.LAYERS:
            layer = native.LAYERS[layer[0]](**layer[1])  # as a file has it
        if not isinstance(layer, NativeLayer) or layer.output_shape is not None:
            raise UsageError(f"TinyaeLayer: expected a tinyae.layers.Layer that is not built yet, got {layer!r}.")
        super().__init__(name, given, layer=[layer.name, layer.config()])
        self.layer = layer

    def make(self):
        return [copy.deepcopy(self.layer)]
