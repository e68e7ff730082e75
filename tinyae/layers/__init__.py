"""Layers with explicit forward and backward passes."""

from tinyae.layers.activations import LeakyReLU, Linear, ReLU, Sigmoid, Softplus, Tanh
from tinyae.layers.base import Layer
from tinyae.layers.conv import Conv2D, ConvTranspose
from tinyae.layers.dense import Dense
from tinyae.layers.gaussian_code import GaussianCode
from tinyae.layers.ksparse import KSparse
from tinyae.layers.noise import Dropout, GaussianNoise
from tinyae.layers.norm import BatchNorm
from tinyae.layers.penalising import ActivityPenalty
from tinyae.layers.pool import AveragePool, MaxPool
from tinyae.layers.sequential import Sequential
from tinyae.layers.shape import Crop, Flatten, Reshape, ZeroPad
from tinyae.layers.softmax import Softmax
from tinyae.layers.tied import TiedDense
from tinyae.layers.upsample import UpSample

LAYERS = {
    c.__name__: c
    for c in (
        ActivityPenalty, AveragePool, BatchNorm, Conv2D, ConvTranspose, Crop, Dense, Dropout, Flatten, GaussianCode,
        GaussianNoise, KSparse, LeakyReLU, Linear, MaxPool, ReLU, Reshape, Sigmoid, Softmax, Softplus, Tanh, TiedDense,
        UpSample, ZeroPad,
    )
}  # fmt: skip

__all__ = [
    "Layer", "Dense", "Conv2D", "ConvTranspose", "MaxPool", "AveragePool", "UpSample", "Sequential",
    "Linear", "Sigmoid", "Tanh", "ReLU", "LeakyReLU", "Softplus", "Softmax",
    "Flatten", "Reshape", "Crop", "ZeroPad", "Dropout", "GaussianNoise", "BatchNorm",
    "TiedDense", "KSparse", "GaussianCode", "ActivityPenalty",
    "LAYERS",
]  # fmt: skip
