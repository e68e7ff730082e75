"""Layers with explicit forward and backward passes."""

from tinyae.layers.activations import LeakyReLU, Linear, ReLU, Sigmoid, Softplus, Tanh
from tinyae.layers.base import Layer
from tinyae.layers.dense import Dense
from tinyae.layers.sequential import Sequential

LAYERS = {c.__name__: c for c in (Dense, LeakyReLU, Linear, ReLU, Sigmoid, Softplus, Tanh)}

__all__ = ["Layer", "Dense", "Sequential", "Linear", "Sigmoid", "Tanh", "ReLU", "LeakyReLU", "Softplus", "LAYERS"]
