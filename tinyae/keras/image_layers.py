"""Layers without weights for images (N, height, width, channels), with Keras's arguments."""

from tinyae import layers as native
from tinyae.keras.base import Layer
from tinyae.keras.weighted_layers import checked_padding


class _Pooling(Layer):
    def __init__(self, pool_size=(2, 2), strides=None, padding="valid", *, name=None, **given):
        self.arguments = pool_size, strides, checked_padding(type(self).__name__, padding)
        super().__init__(name, given, pool_size=pool_size, strides=strides, padding=self.arguments[2])


class MaxPooling2D(_Pooling):
    """The largest number of every window: `tinyae.MaxPool`. Without strides windows lie side by side."""

    def make(self):
        return [native.MaxPool(*self.arguments)]


class AveragePooling2D(_Pooling):
    """The mean of every window: `tinyae.AveragePool`. Pixels beyond the border do not count."""

    def make(self):
        return [native.AveragePool(*self.arguments)]


class UpSampling2D(Layer):
    """Images `size` times as high and wide: `tinyae.UpSample`. interpolation: "nearest" or "bilinear"."""

    def __init__(self, size=(2, 2), *, interpolation="nearest", name=None, **given):
        super().__init__(name, given, size=size, interpolation=interpolation)
        self.arguments = size, interpolation

    def make(self):
        return [native.UpSample(*self.arguments)]


class _BorderLayer(Layer):
    """Base: `amount` is a number, (rows, columns), or ((top, bottom), (left, right))."""

    def __init__(self, amount, name, given, **settings):
        super().__init__(name, given, **settings)
        self.amounts = tuple(amount) if isinstance(amount, tuple | list) else (amount, amount)


class ZeroPadding2D(_BorderLayer):
    """Zeros around images: `tinyae.ZeroPad`. padding: 1, (rows, columns), or ((top, bottom), (left, right))."""

    def __init__(self, padding=(1, 1), *, name=None, **given):
        super().__init__(padding, name, given, padding=padding)

    def make(self):
        return [native.ZeroPad(*self.amounts)]


class Cropping2D(_BorderLayer):
    """Takes a border off images: `tinyae.Crop`. cropping: 1, (rows, columns), or ((top, bottom), (left, right))."""

    def __init__(self, cropping=((0, 0), (0, 0)), *, name=None, **given):
        super().__init__(cropping, name, given, cropping=cropping)

    def make(self):
        return [native.Crop(*self.amounts)]


MaxPool2D, AvgPool2D = MaxPooling2D, AveragePooling2D
