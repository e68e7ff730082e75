"""Convolution and its adjoint."""

import numpy as np

from tinyae.checks import UsageError, check_int, check_shape
from tinyae.kernels import convolution as kernels
from tinyae.kernels.patches import windows
from tinyae.layers.geometry import check_image_shape, one_or_pair, pair, same_padding
from tinyae.layers.initialisers import initialiser
from tinyae.layers.weighted import Weighted


class _Convolution(Weighted):
    """What Conv2D and ConvTranspose share: settings and their checks."""

    relu_inside = True
    has_tangent = True

    def __init__(self, filters, kernel, stride, padding, activation, init):
        super().__init__(activation)
        self.filters = check_int(self.name, "filters", filters, 1)
        self.kernel = pair(self.name, "kernel", kernel)
        self.stride = pair(self.name, "stride", stride)
        if isinstance(padding, str):
            if padding not in ("same", "valid"):
                raise UsageError(f"{self.name}: expected padding 'same', 'valid' or whole numbers, got {padding!r}.")
        else:
            padding = pair(self.name, "padding", padding, low=0)
        self.padding = padding
        initialiser(self.name, init)
        if init == "sparse":
            raise UsageError(f"{self.name}: expected init to be one of glorot, he, normal, got 'sparse'.")
        self.init = init

    def draw(self, rng, shape, n_in, n_out):
        """Initial weights of `shape`: n_in numbers feed an output, n_out outputs feed on an input."""
        return initialiser(self.name, self.init)(rng, n_in, n_out, shape)

    def _gradients(self, kernel, da, need_dx, relu):
        x, W = self.remembered("x"), self.params["W"]
        check_shape(self.name, da, (len(x), *self.output_shape), "dy")  # the kernels write by address
        da = np.ascontiguousarray(da, dtype=W.dtype)
        y = self.activation.remembered("y") if relu else da
        if y is None:
            raise ValueError(f"{self.name}: expected forward before backward, got before_output.")
        dx = self.empty("dx", x.shape, W.dtype) if need_dx else None
        kernel(x, y, da, W, self.stride, self.zeros, relu, self.grads["W"], self.grads["b"], dx)
        return dx

    def _along(self, kernel, v):
        """The tangent of a along v: the same sum, with no b in it."""
        W = self.params["W"]
        self.v = v = np.ascontiguousarray(v, dtype=W.dtype)  # affine_tangent_backward needs it
        t = self.empty("t", (len(v), *self.output_shape), W.dtype)
        return kernel(v, W, np.zeros_like(self.params["b"]), self.stride, self.zeros, t, False)

    def _tangent_gradients(self, kernel, dt, da, need_dx):
        """What affine_tangent_backward gives: t is made of v as a is of x, and b is in a alone."""
        dv = self._add_gradients(kernel, ("W",), self.remembered("v", "tangent"), dt, need_dx, "dv")
        if da is None:
            return dv, None
        return dv, self._add_gradients(kernel, ("W", "b"), self.x, da, need_dx, "dx, second")

    def _add_gradients(self, kernel, names, x, da, need_dx, key):
        """Add the gradients of `names` to `grads` and return that of x, for dP/da of the affine map of x."""
        W = self.params["W"]
        check_shape(self.name, da, (len(x), *self.output_shape), "dt")  # the kernels write by address
        da = np.ascontiguousarray(da, dtype=W.dtype)
        more = {name: self.empty(f"more {name}", p.shape, p.dtype) for name, p in self.params.items()}
        dx = self.empty(key, x.shape, W.dtype) if need_dx else None
        kernel(x, da, da, W, self.stride, self.zeros, False, more["W"], more["b"], dx)
        for name in names:
            self.grads[name] += more[name]
        return dx

    def config(self):
        config = {
            "filters": self.filters,
            "kernel": one_or_pair(self.kernel),
            "stride": one_or_pair(self.stride),
            "padding": self.padding if isinstance(self.padding, str) else one_or_pair(self.padding),
            "init": self.init,
        }
        return config | ({} if self.activation_name is None else {"activation": self.activation_name})


class Conv2D(_Convolution):
    """Cross-correlation of images with a set of small filters (what the field calls convolution).

        a[n,h,v,f] = b[f] + sum_ijc x[n, h s + i - top, v t + j - left, c] W[i,j,c,f],    y = f(a)

    Parameters
    ----------
    filters : int
        Channels F of the output.
    kernel, stride : int or (int, int)
        Height and width kh, kw of a filter; rows s and columns t between two outputs.
    padding : {"same", "valid"}, int or (int, int)
        Zeros around the image. "valid": none. "same": so that ceil(H / s) rows come out, an odd number of zeros at the
        bottom and right (as in Keras). A number: so many on either side (as in PyTorch); a pair: rows, columns.
    activation : str, optional
        Name of f in `tinyae.layers.activations.ACTIVATIONS`.
    init : {"glorot", "he", "normal"}
        How W is drawn, with kh kw C numbers feeding an output; b starts at 0.

    Shapes: x (N, H, W, C), y (N, H', W', F) with H' = (H + zeros - kh) // s + 1, W (kh, kw, C, F), b (F,).

    Examples
    --------
    >>> Conv2D(16, 3, activation="relu").build((28, 28, 1)).forward(np.ones((4, 28, 28, 1))).shape
    (4, 28, 28, 16)
    """

    def __init__(self, filters, kernel, stride=1, padding="same", activation=None, init="glorot"):
        super().__init__(filters, kernel, stride, padding, activation, init)

    def output_shape_for(self, input_shape):
        check_image_shape(self.name, input_shape)
        size = input_shape[:2]
        if isinstance(self.padding, str):
            same = self.padding == "same"
            each = zip(size, self.kernel, self.stride, strict=True)
            self.zeros = tuple(same_padding(n, k, s) if same else (0, 0) for n, k, s in each)
        else:
            self.zeros = tuple((p, p) for p in self.padding)
        out = windows(size, self.kernel, self.stride, self.zeros)
        if min(out) < 1:
            raise ValueError(
                f"{self.name}: expected images at least as large as the kernel {self.kernel}, got {size} with padding "
                f"{self.padding!r}; use a smaller kernel, padding='same', or fewer pooling layers before it."
            )
        return (*out, self.filters)

    def make_params(self, rng):
        (kh, kw), C, F = self.kernel, self.input_shape[2], self.filters
        return {"W": self.draw(rng, (kh, kw, C, F), kh * kw * C, kh * kw * F), "b": np.zeros(F)}

    def affine(self, x, relu=False):
        self.check_input(x)
        W, b = self.params["W"], self.params["b"]
        self.x = x = np.ascontiguousarray(x, dtype=W.dtype)  # backward needs it
        y = self.empty("y", (len(x), *self.output_shape), W.dtype)
        return kernels.convolve(x, W, b, self.stride, self.zeros, y, relu)

    def affine_backward(self, da, need_dx=True, relu=False):
        """Take dL/da (N, H', W', F), fill `grads`, return dL/dx (N, H, W, C).

        Every a[n,h,v,f] holds x[n, h s + i - top, v t + j - left, c] W[i,j,c,f] once, hence

            dL/dW[i,j,c,f] = sum_nhv x[n, h s + i - top, v t + j - left, c] dL/da[n,h,v,f]
            dL/db[f]       = sum_nhv dL/da[n,h,v,f]
            dL/dx          = the sum of dL/da[n,h,v,f] W[i,j,c,f] over all that meet at a pixel: the adjoint
        """
        return self._gradients(kernels.convolve_backward, da, need_dx, relu)

    def affine_tangent(self, v):
        return self._along(kernels.convolve, v)

    def affine_tangent_backward(self, dt, da=None, need_dx=True):
        return self._tangent_gradients(kernels.convolve_backward, dt, da, need_dx)

    @property
    def multiply_adds(self):
        return int(np.prod(self.output_shape)) * self.params["W"][..., 0].size


class ConvTranspose(_Convolution):
    """The adjoint of Conv2D in its images, as a layer of its own: it spreads every pixel out over a window.

        a[n, h s + i - top, v t + j - left, f] = b[f] + sum x[n,h,v,c] W[i,j,f,c],    y = f(a)

    over all h, v, i, j, c that meet at that pixel. Definition, for b = 0, no activation and a Conv2D with the same W,
    stride and padding:  <ConvTranspose(x), y> = <x, Conv2D(y)>  for all x and y. It undoes the change of shape a
    Conv2D makes, not the convolution.

    Parameters
    ----------
    filters : int
        Channels F of the output.
    kernel, stride : int or (int, int)
    padding : {"same", "valid"}, int or (int, int)
        That of the adjoint Conv2D. "same": the output has H s rows. "valid" or p zeros on either side:
        (H - 1) s + kh - 2 p + output_padding rows.
    output_padding : int or (int, int)
        Rows and columns more at the bottom and right, fewer than the stride: a Conv2D with stride s gives the same
        number of rows for s different heights, and this says which one to come back to. Not with "same".
    activation : str, optional
    init : {"glorot", "he", "normal"}

    Shapes: x (N, H, W, C), y (N, H', W', F), W (kh, kw, F, C), which is that of the adjoint Conv2D, b (F,).

    Examples
    --------
    >>> ConvTranspose(8, 3, stride=2).build((7, 7, 16)).output_shape
    (14, 14, 8)
    """

    def __init__(self, filters, kernel, stride=1, padding="same", output_padding=0, activation=None, init="glorot"):
        super().__init__(filters, kernel, stride, padding, activation, init)
        self.output_padding = pair(self.name, "output_padding", output_padding, low=0)
        if any(more >= s for more, s in zip(self.output_padding, self.stride, strict=True) if more):
            raise UsageError(
                f"ConvTranspose: expected output_padding smaller than the stride {self.stride}, "
                f"got {self.output_padding}; more rows would never be written."
            )
        if self.padding == "same" and any(self.output_padding):
            raise UsageError(
                f"ConvTranspose: expected output_padding 0 with padding='same', got {self.output_padding}; "
                "'same' fixes the output at input size times stride."
            )

    def output_shape_for(self, input_shape):
        check_image_shape(self.name, input_shape)
        size = input_shape[:2]
        each = list(zip(size, self.kernel, self.stride, self.output_padding, strict=True))
        if self.padding == "same":
            out = tuple(n * s for n, _, s, _ in each)
            self.zeros = tuple(same_padding(n, k, s) for n, (_, k, s, _) in zip(out, each, strict=True))
        else:
            p = (0, 0) if self.padding == "valid" else self.padding
            self.zeros = tuple((q, q) for q in p)
            out = tuple((n - 1) * s + k - 2 * q + more for (n, k, s, more), q in zip(each, p, strict=True))
        if min(out) < 1:
            raise ValueError(
                f"{self.name}: expected at least one row and column to come out, got {out} for images {size} with "
                f"kernel {self.kernel} and padding {self.padding!r}; use less padding."
            )
        return (*out, self.filters)

    def make_params(self, rng):
        (kh, kw), C, F = self.kernel, self.input_shape[2], self.filters
        return {"W": self.draw(rng, (kh, kw, F, C), kh * kw * C, kh * kw * F), "b": np.zeros(F)}

    def affine(self, x, relu=False):
        self.check_input(x)
        W, b = self.params["W"], self.params["b"]
        self.x = x = np.ascontiguousarray(x, dtype=W.dtype)  # backward needs it
        y = self.empty("y", (len(x), *self.output_shape), W.dtype)
        return kernels.convolve_transposed(x, W, b, self.stride, self.zeros, y, relu)

    def affine_backward(self, da, need_dx=True, relu=False):
        """Take dL/da (N, H', W', F), fill `grads`, return dL/dx (N, H, W, C).

        The adjoint Conv2D's sums with x and a in each other's place: dL/dx is its forward pass, of dL/da.
        """
        return self._gradients(kernels.convolve_transposed_backward, da, need_dx, relu)

    def affine_tangent(self, v):
        return self._along(kernels.convolve_transposed, v)

    def affine_tangent_backward(self, dt, da=None, need_dx=True):
        return self._tangent_gradients(kernels.convolve_transposed_backward, dt, da, need_dx)

    def config(self):
        config = super().config()
        return config | ({"output_padding": one_or_pair(self.output_padding)} if any(self.output_padding) else {})

    @property
    def multiply_adds(self):
        return int(np.prod(self.input_shape)) * self.params["W"][..., 0].size
