"""Dense, Conv2D and Conv2DTranspose with Keras's arguments.

Each becomes a layer of tinyae, and behind it the penalty of an `activity_regularizer`. Arguments that are not in a
signature are refused by name (`tinyae.keras.unsupported`).
"""

from tinyae import layers as native
from tinyae.checks import UsageError
from tinyae.keras import initializers, regularizers
from tinyae.keras.activation_layers import checked_activation, inside_and_behind, serialize
from tinyae.keras.base import Layer
from tinyae.keras.unsupported import WEIGHT_ARGUMENTS
from tinyae.layers.geometry import pair


class WeightedLayer(Layer):
    """Base: kernel, bias, activation, and a penalty on what comes out.

    activation : str or activation layer, optional
    kernel_initializer, bias_initializer : str or Initializer
    activity_regularizer : regularizers.L1L2 or str, optional
        Added to the loss while training, as `regularizers` says.
    """

    known = WEIGHT_ARGUMENTS

    def __init__(
        self,
        activation=None,
        kernel_initializer="glorot_uniform",
        bias_initializer="zeros",
        activity_regularizer=None,
        name=None,
        given=None,
        **settings,
    ):
        kind = type(self).__name__
        self.activation = checked_activation(kind, activation)
        self.kernel_initializer = initializers.get(kernel_initializer)
        self.bias_initializer = initializers.get(bias_initializer)
        self.activity_regularizer = regularizers.get(activity_regularizer)
        settings |= {
            "activation": serialize(self.activation),
            "kernel_initializer": initializers.serialize(self.kernel_initializer),
            "bias_initializer": initializers.serialize(self.bias_initializer),
            "activity_regularizer": self.activity_regularizer and self.activity_regularizer.get_config(),
        }
        super().__init__(name, given, **settings)

    def affine(self, activation):
        """The layer of tinyae, with the activation of that name in it."""
        raise NotImplementedError(f"{type(self).__name__}.affine")

    def make(self):
        activation, behind = inside_and_behind(self.activation)
        penalties = self.activity_regularizer.layers() if self.activity_regularizer else []
        return [self.affine(activation), *behind, *penalties]

    def draw(self, nets):
        kernel, bias = nets[0].params["W"], nets[0].params["b"]
        kernel[...] = self.kernel_initializer(kernel.shape)
        bias[...] = self.bias_initializer(bias.shape)

    @property
    def kernel(self):
        """The weights: an array, or None before the first call."""
        return self.weights[0] if self.nets else None

    @property
    def bias(self):
        """The biases: an array, or None before the first call."""
        return self.weights[1] if self.nets else None


class Dense(WeightedLayer):
    """f(x W + b) for rows x (N, n): `tinyae.Dense`. Put Flatten() before it for images."""

    def __init__(self, units, activation=None, *, name=None, **given):
        self.units = units
        super().__init__(activation, **_common(given), name=name, given=given, units=units)

    def affine(self, activation):
        return native.Dense(self.units, activation)


class Conv2D(WeightedLayer):
    """Filters over images (N, height, width, channels): `tinyae.Conv2D`. Padding is "valid" unless said otherwise."""

    def __init__(self, filters, kernel_size, strides=(1, 1), padding="valid", *, activation=None, name=None, **given):
        self.filters, self.kernel_size = filters, pair("Conv2D", "kernel_size", kernel_size)
        self.strides, self.padding = pair("Conv2D", "strides", strides), checked_padding("Conv2D", padding)
        super().__init__(
            activation, **_common(given), name=name, given=given,
            filters=filters, kernel_size=self.kernel_size, strides=self.strides, padding=self.padding,
        )  # fmt: skip

    def affine(self, activation):
        return native.Conv2D(self.filters, self.kernel_size, self.strides, self.padding, activation)


class Conv2DTranspose(WeightedLayer):
    """The adjoint of Conv2D: `tinyae.ConvTranspose`.

    Rows that come out of n, with a kernel of k rows and stride s (columns likewise):

        padding="same"     n s
        padding="valid"    n s + max(k - s, 0)

    and with an output_padding p: (n - 1) s + k + p for "valid", (n - 1) s + k % 2 + p for "same".
    """

    def __init__(
        self, filters, kernel_size, strides=(1, 1), padding="valid", output_padding=None, *,
        activation=None, name=None, **given,
    ):  # fmt: skip
        who = "Conv2DTranspose"
        self.filters, self.kernel_size = filters, pair(who, "kernel_size", kernel_size)
        self.strides, self.padding = pair(who, "strides", strides), checked_padding(who, padding)
        self.output_padding = None if output_padding is None else pair(who, "output_padding", output_padding, low=0)
        super().__init__(
            activation, **_common(given), name=name, given=given, filters=filters, kernel_size=self.kernel_size,
            strides=self.strides, padding=self.padding, output_padding=self.output_padding,
        )  # fmt: skip

    def affine(self, activation):
        padding, more = transposed_padding(self.kernel_size, self.strides, self.padding, self.output_padding)
        return native.ConvTranspose(self.filters, self.kernel_size, self.strides, padding, more, activation)


def transposed_padding(kernel, strides, padding, output_padding):
    """(padding, output_padding) of the tinyae.ConvTranspose that is Keras's Conv2DTranspose.

    A ConvTranspose writes (n - 1) s + k rows and drops some before and behind. Keras drops, by padding:

        "valid"                     none; max(s - k, 0) rows of zeros, or p, come behind
        "same"                      max(k - s, 0), the smaller half before: tinyae's "same"
        "same", output_padding p    k - k % 2 - p in all, of which max(0, k - 1 - ceil((k + k % 2 - 2 + p) / 2)) before
    """
    if output_padding is None:
        if padding == "same":
            return "same", 0
        return 0, tuple(max(s - k, 0) for k, s in zip(kernel, strides, strict=True))
    if padding == "valid":
        before, more = (0, 0), output_padding
    else:
        if all(k % 2 + p == s for k, s, p in zip(kernel, strides, output_padding, strict=True)):
            return "same", 0  # n s rows, as without an output_padding
        each = list(zip(kernel, output_padding, strict=True))
        before = tuple(max(0, k - 1 - -(-(k + k % 2 - 2 + p) // 2)) for k, p in each)
        dropped = [k - k % 2 - p for k, p in each]
        more = tuple(2 * b - d for b, d in zip(before, dropped, strict=True))  # tinyae drops b before and b behind
    if any(not 0 <= m < s for m, s in zip(more, strides, strict=True)):
        raise UsageError(
            "Conv2DTranspose: expected an output_padding smaller than the stride that cuts as much before as behind, "
            f"got {output_padding} with kernel_size={kernel}, strides={strides}, padding={padding!r}; leave it out "
            "and put Cropping2D or ZeroPadding2D behind the layer."
        )
    return before, more


def checked_padding(who, padding):
    """'same' or 'valid', in small letters."""
    if not isinstance(padding, str) or padding.lower() not in ("same", "valid"):
        raise UsageError(f"{who}: expected padding to be 'valid' or 'same', got {padding!r}.")
    return padding.lower()


def _common(given):
    """The arguments all layers with weights share, taken out of `given`."""
    names = ("kernel_initializer", "bias_initializer", "activity_regularizer")
    return {name: given.pop(name) for name in names if name in given}
