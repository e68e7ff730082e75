"""Upsampling: every pixel becomes a block of pixels."""

from tinyae.checks import check_choice, check_shape
from tinyae.kernels import upsampling as kernels
from tinyae.layers.geometry import check_image_shape, one_or_pair, pair
from tinyae.layers.pool import as_floats
from tinyae.layers.tangents import LocallyLinear

# method: (forward, its adjoint)
METHODS = {
    "nearest": (kernels.upsample_nearest, kernels.upsample_nearest_backward),
    "bilinear": (kernels.upsample_bilinear, kernels.upsample_bilinear_backward),
}


class UpSample(LocallyLinear):
    """Images `factor` times as high and wide.

    Parameters
    ----------
    factor : int or (int, int)
        fh and fw.
    method : {"nearest", "bilinear"}
        "nearest": y[n,o,p,c] = x[n, o // fh, p // fw, c], every pixel repeated. "bilinear": a weighted mean of the
        four pixels around the place of the new one, with the middles of pixels at (o + 1/2) / fh - 1/2, and the
        outermost pixels continued beyond the border (Keras; PyTorch's align_corners=False).

    Shapes: x (N, H, W, C), y (N, fh H, fw W, C).

    Both are linear maps, y = U x, so backward is the transpose: dL/dx = U' dL/dy, and <U x, dy> = <x, U' dy>.

    Examples
    --------
    >>> x = np.array([1.0, 2.0]).reshape(1, 1, 2, 1)
    >>> UpSample(2).build((1, 2, 1)).forward(x)[0, :, :, 0]
    array([[1., 1., 2., 2.],
           [1., 1., 2., 2.]])
    >>> UpSample((1, 2), "bilinear").build((1, 2, 1)).forward(x)[0, :, :, 0]
    array([[1.  , 1.25, 1.75, 2.  ]])
    """

    def __init__(self, factor=2, method="nearest"):
        super().__init__()
        self.factor = pair("UpSample", "factor", factor)
        check_choice("UpSample", "method", method, METHODS)
        self.method = method

    def output_shape_for(self, input_shape):
        check_image_shape("UpSample", input_shape)
        H, W, C = input_shape
        return H * self.factor[0], W * self.factor[1], C

    def forward(self, x):
        self.check_input(x)
        return self.along(x, "y")

    def along(self, v, key):
        v = as_floats(v)
        return METHODS[self.method][0](v, self.empty(key, (len(v), *self.output_shape), v.dtype))

    def backward(self, dy, need_dx=True):
        """Take dL/dy (N, fh H, fw W, C), return dL/dx (N, H, W, C)."""
        check_shape("UpSample", dy, ("N", *self.output_shape), name="dy")
        return self.adjoint(dy, "dx") if need_dx else None

    def adjoint(self, dy, key):
        dy = as_floats(dy)
        return METHODS[self.method][1](dy, self.empty(key, (len(dy), *self.input_shape), dy.dtype))

    def config(self):
        return {"factor": one_or_pair(self.factor), "method": self.method}
