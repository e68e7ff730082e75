"""A layer of one's own: copy this file, change forward and backward, and check it with

tinyae gradcheck --file my_layer.py
"""

import numpy as np

from tinyae.layers import Layer


class Scale(Layer):
    """Every number of a row times a factor of its own, y = s x.

    Shapes: x (N, n), y (N, n), s (n,).
    """

    def output_shape_for(self, input_shape):
        return input_shape  # of one sample, without the batch axis

    def make_params(self, rng):
        return {"s": rng.normal(size=self.input_shape)}

    def forward(self, x):
        self.check_input(x)
        self.x = x  # backward needs it
        return self.params["s"] * x  # y[n,i] = s[i] x[n,i]

    def backward(self, dy, need_dx=True):
        self.grads["s"][...] = np.sum(self.x * dy, axis=0)  # dL/ds[i] = sum_n x[n,i] dy[n,i]
        return self.params["s"] * dy if need_dx else None  # dL/dx[n,i] = s[i] dy[n,i]


# What is checked: layers, each with the shape of one sample it takes. All lengths different find the most mistakes.
CASES = [(Scale(), (4,))]
