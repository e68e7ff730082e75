"""All layers: `from tinyae.keras import layers`, then layers.Dense(32, activation="relu")."""

from tinyae.keras import unsupported
from tinyae.keras.activation_layers import Activation, LeakyReLU, ReLU
from tinyae.keras.base import Input, InputLayer
from tinyae.keras.image_layers import (
    AveragePooling2D,
    AvgPool2D,
    Cropping2D,
    MaxPool2D,
    MaxPooling2D,
    UpSampling2D,
    ZeroPadding2D,
)
from tinyae.keras.other_layers import (
    ActivityRegularization,
    BatchNormalization,
    Dropout,
    Flatten,
    GaussianCode,
    GaussianNoise,
    Reshape,
    TinyaeLayer,
)
from tinyae.keras.weighted_layers import Conv2D, Conv2DTranspose, Dense

__all__ = [
    "Input", "InputLayer", "Dense", "Conv2D", "Conv2DTranspose",
    "MaxPooling2D", "MaxPool2D", "AveragePooling2D", "AvgPool2D", "UpSampling2D", "ZeroPadding2D", "Cropping2D",
    "Flatten", "Reshape", "Activation", "ReLU", "LeakyReLU",
    "Dropout", "GaussianNoise", "BatchNormalization", "ActivityRegularization",
    "GaussianCode", "TinyaeLayer",
]  # fmt: skip

Convolution2D, Convolution2DTranspose = Conv2D, Conv2DTranspose
LAYERS = {name: kind for name, kind in globals().items() if name in __all__ and isinstance(kind, type)}
__getattr__ = unsupported.refusing("tinyae.keras.layers", unsupported.LAYERS)
