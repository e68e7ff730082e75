"""Sequential: a chain of layers as a list."""

import numpy as np

from tinyae.checks import UsageError
from tinyae.keras.base import Input, InputLayer, KerasTensor, Layer
from tinyae.keras.model import Model
from tinyae.keras.unsupported import OWN_LAYERS


class Sequential(Model):
    """A chain given as a list, the first of it an Input or not.

    Without an Input (or input_shape at the first layer) it is put together when it first sees data.

    >>> model = Sequential([Input((784,)), Dense(32, activation="relu"), Dense(784, activation="sigmoid")])
    """

    file_kind = "Sequential"

    def __init__(self, layers=None, name=None, **given):
        Layer.__init__(self, name, given)
        self._inputs, self.layers = None, []
        for layer in layers or ():
            self._append(layer)
        self._rebuild()

    def add(self, layer):
        """Put a layer, or first of all an Input, at the end."""
        self._append(layer)
        self._rebuild()

    def pop(self):
        """Take the last layer off."""
        if not self.layers:
            raise UsageError(f"{self!r}: expected a layer to take off, got none.")
        layer = self.layers.pop()
        self._rebuild()
        return layer

    def build(self, input_shape=None):
        """Put the net together for input_shape (None, *shape of one sample)."""
        self._inputs = Input(tuple(input_shape)[1:])
        self._rebuild()

    def build_for(self, x):
        if self._inputs is None and self.layers:
            self._inputs = Input(np.shape(x)[1:])
            self._rebuild()
        if self.nets is None:
            raise UsageError(f"{self!r}: expected at least one layer, got none; use add.")

    def _append(self, layer):
        if isinstance(layer, KerasTensor) and isinstance(layer.layer, InputLayer):
            layer = layer.layer
        if not isinstance(layer, Layer):
            raise UsageError(f"{self!r}: expected a layer, got {layer!r}; {OWN_LAYERS}.")
        if isinstance(layer, InputLayer) or (layer.first_shape and not self.layers):
            if self._inputs is not None or self.layers:
                raise UsageError(f"{self!r}: expected one Input, at the beginning, got another one.")
            self._inputs = layer.output if isinstance(layer, InputLayer) else Input(layer.first_shape)
        if not isinstance(layer, InputLayer):
            self.layers.append(layer)

    def _rebuild(self):
        """Call the layers in order, where the input is known. `layers` is without the InputLayer, as in Keras."""
        self.input = self.output = self.nets = self._trained = None
        if self._inputs is None or not self.layers:
            return
        layers, tensor = self.layers, self._inputs
        for layer in layers:
            tensor = layer(tensor)
        self._join(self._inputs, tensor)
        self.layers = layers

    def prepared(self, shape):
        if self._inputs is None:
            self._inputs = Input(shape)
            self._rebuild()
        return super().prepared(shape)
