"""A net without ties to another: what a decoder with TiedDense layers is when it stands alone."""

from tinyae.layers.dense import Dense
from tinyae.layers.sequential import Sequential
from tinyae.layers.tied import TiedDense


def untied(net):
    """The built Sequential `net` with a Dense in the place of every TiedDense, its weights a turned copy.

    All other layers are those of `net` itself, not copies.
    """
    twin = Sequential([_untied_layer(layer) for layer in net.layers])
    twin.input_shape, twin.output_shape = net.input_shape, net.output_shape
    return twin


def _untied_layer(layer):
    if isinstance(layer, Sequential):
        return untied(layer)
    if not isinstance(layer, TiedDense):
        return layer
    W = layer.source.params["W"].T
    dense = Dense(W.shape[1], layer.activation_name).build(layer.input_shape, dtype=W.dtype)
    dense.params["W"][...], dense.params["b"][...] = W, layer.params["b"]
    return dense
