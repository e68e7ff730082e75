"""Layers one after the other."""

import itertools

import numpy as np

from tinyae.layers.base import Layer, as_shape, every_layer


class Sequential(Layer):
    """y = f_L(... f_2(f_1(x))). A layer itself, so nets nest.

    Parameters
    ----------
    layers : sequence of Layer
        At least one. Each is named by its kind and place, as in `dense_1`, `sigmoid_1`, `dense_2`.
    input_shape : int or tuple of int, optional
        Shape of one sample. With it the net is built at once, else by `build`.
    rng : numpy.random.Generator, optional
        Source of the initial parameters.

    Raises
    ------
    ValueError
        Where a layer cannot take what the one before gives; the message shows the chain of shapes up to there.
    """

    preprocessing = None  # what data need before they come here, as a file said it (tinyae.storage)

    def __init__(self, layers, input_shape=None, rng=None):
        super().__init__()
        self.layers = list(layers)
        strangers = [type(layer).__name__ for layer in self.layers if not isinstance(layer, Layer)]
        if not self.layers or strangers:
            raise ValueError(f"Sequential: expected a list of at least one Layer, got {strangers or 'an empty list'}.")
        check_layers_once("Sequential", self.layers)
        self.layer_names = number_names(self.layers)
        if input_shape is not None:
            self.build(input_shape, rng)

    def build(self, input_shape, rng=None, dtype=None):
        shape = self.input_shape = as_shape(input_shape)
        chain = [shape]
        rng = np.random.default_rng(0) if rng is None else rng
        for name, layer in zip(self.layer_names, self.layers, strict=True):
            try:
                layer.build(shape, rng, **({} if dtype is None else {"dtype": dtype}))
            except ValueError as why:
                raise ValueError(f"Sequential: layer {name} cannot follow {show_chain(chain)}: {why}") from None
            shape = layer.output_shape
            chain.append(shape)
        self.output_shape = shape
        return self

    def forward(self, x):
        """y for a batch x (N, *input_shape)."""
        self.check_input(x)
        for layer in self.layers:
            x = layer.forward(x)
        return x

    def backward(self, dy, need_dx=True):
        """Take dL/dy, fill every layer's `grads`, return dL/dx."""
        return self._backward(self.layers, dy, need_dx)

    @staticmethod
    def _backward(layers, dy, need_dx):
        for i in reversed(range(len(layers))):
            dy = layers[i].backward(dy, need_dx or i > 0)
        return dy

    has_tangent = True  # if its layers have: see check_tangent

    def tangent(self, v):
        """J v, J = J_L ... J_2 J_1: v (N, *input_shape), J v (N, *output_shape)."""
        self.check_input(v)
        for layer in self.layers:
            v = layer.tangent(v)
        return v

    def tangent_backward(self, dt, dy=None, need_dx=True):
        for i in reversed(range(len(self.layers))):
            dt, dy = self.layers[i].tangent_backward(dt, dy, need_dx or i > 0)
        return dt, dy

    @property
    def output_unit(self):
        return self.layers[-1].output_unit

    def before_output(self, x):
        self.check_input(x)
        for layer in self.layers[:-1]:
            x = layer.forward(x)
        return self.layers[-1].before_output(x)

    def backward_before_output(self, da, need_dx=True):
        *layers, last = self.layers
        return self._backward(layers, last.backward_before_output(da, need_dx or bool(layers)), need_dx)

    def children(self):
        return self.layers

    def owners(self):
        for name, layer in zip(self.layer_names, self.layers, strict=True):
            for path, owner in layer.owners():
                yield (f"{name}.{path}" if path else name), owner

    def replica(self):
        twin = super().replica()
        twin.layers = [layer.replica() for layer in self.layers]
        return twin

    @property
    def n_params(self):
        return sum(layer.n_params for layer in self.layers)

    @property
    def shapes(self):
        """Shape of one sample at the input and after every layer."""
        return [self.input_shape, *(layer.output_shape for layer in self.layers)]

    def config(self):
        return {"layers": [[layer.name, layer.config()] for layer in self.layers]}

    def __repr__(self):
        return "Sequential(" + ", ".join(map(repr, self.layers)) + ")"


def check_layers_once(who, layers):
    """Raise ValueError where a layer stands twice in a net: its second forward would overwrite what the first kept."""
    every = [layer for top in layers for layer in every_layer(top)]
    if len(set(map(id, every))) < len(every):
        raise ValueError(f"{who}: expected every layer once, got one twice; make a second layer of its kind.")


def number_names(layers):
    """['dense_1', 'sigmoid_1', 'dense_2', ...]: a name for each layer, counted by kind."""
    counts, names = {}, []
    for layer in layers:
        kind = type(layer).__name__.lower()
        counts[kind] = counts.get(kind, 0) + 1
        names.append(f"{kind}_{counts[kind]}")
    return names


def number_repeats(names):
    """['loss', 'l1', 'l1'] -> ['loss', 'l1', 'l1_2']: every name once."""
    return [f"{name}_{names[:i].count(name) + 1}" if name in names[:i] else name for i, name in enumerate(names)]


def show_shape(shape):
    """(784,) -> '784', (28, 28, 1) -> '28x28x1'."""
    return "x".join(map(str, shape))


def show_chain(shapes):
    """'784 -> 32 -> 784'; equal neighbours (activations) are shown once."""
    shown = [show_shape(shapes[0])]
    for before, after in itertools.pairwise(shapes):
        if after != before:
            shown.append(show_shape(after))
    return " -> ".join(shown)
