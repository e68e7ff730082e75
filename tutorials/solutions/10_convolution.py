# %% [markdown]
# # 10. Convolution: solutions
# The exercises of [tutorial 10](../10_convolution.py).

# %%
import numpy as np

from tinyae import Conv2D, Dense

rng = np.random.default_rng(0)
x, W, b = rng.normal(size=(7, 9, 2)), rng.normal(size=(3, 3, 2, 4)), rng.normal(size=4)


# %% [markdown]
# **1.** Place $(h, v)$ now looks at the window that begins in row $h s$ and column $v s$. That is the only change,
# forward and back.


# %%
def places(shape, W):
    for h, v, f in np.ndindex(shape):
        for i, j, c in np.ndindex(W.shape[:3]):
            yield h, v, f, i, j, c


def forward_loops(x, W, b, s):
    y = np.zeros(((x.shape[0] - len(W)) // s + 1, (x.shape[1] - len(W)) // s + 1, W.shape[3])) + b
    for h, v, f, i, j, c in places(y.shape, W):
        y[h, v, f] += x[h * s + i, v * s + j, c] * W[i, j, c, f]
    return y


def backward_loops(x, W, dy, s):
    dx, dW = np.zeros_like(x), np.zeros_like(W)
    for h, v, f, i, j, c in places(dy.shape, W):
        dx[h * s + i, v * s + j, c] += dy[h, v, f] * W[i, j, c, f]
        dW[i, j, c, f] += dy[h, v, f] * x[h * s + i, v * s + j, c]
    return dx, dW, dy.sum(axis=(0, 1))


# %%
layer = Conv2D(4, 3, stride=2, padding="valid").build(x.shape, dtype=np.float64)
layer.params["W"][:], layer.params["b"][:] = W, b
y = layer.forward(x[None])
assert y.shape == (1, 3, 4, 4) and np.allclose(y[0], forward_loops(x, W, b, 2))
dy = rng.normal(size=y.shape)
dx, dW, db = backward_loops(x, W, dy[0], 2)
assert np.allclose(layer.backward(dy)[0], dx)
assert np.allclose(layer.grads["W"], dW) and np.allclose(layer.grads["b"], db)

# %% [markdown]
# **2.** With $k = 1$ nothing is left of the sum but the channels. Take every pixel for a sample, and it is a dense
# layer.

# %%
conv, dense = Conv2D(4, 1).build(x.shape, dtype=np.float64), Dense(4).build(2, dtype=np.float64)
dense.params["W"][:], dense.params["b"][:] = conv.params["W"][0, 0], conv.params["b"]
y = conv.forward(x[None])
assert np.allclose(y.reshape(-1, 4), dense.forward(x.reshape(-1, 2)))
dy = rng.normal(size=y.shape)
assert np.allclose(conv.backward(dy).reshape(-1, 2), dense.backward(dy.reshape(-1, 4)))
assert np.allclose(conv.grads["W"][0, 0], dense.grads["W"])

# %% [markdown]
# **3.** One 5 x 5 convolution. Its filter is what the two make of a single bright pixel, turned by 180 degrees: a place
# sees the pixel in row 4 of its window if the pixel lies four rows below it. Two filters of 3 x 3 have 18 weights, one
# of 5 x 5 has 25. With a ReLU between them the two can do what the one cannot, too.

# %%
first, second = (Conv2D(1, 3, padding="valid").build((n, n, 1), np.random.default_rng(n), np.float64) for n in (9, 7))
dot = np.zeros((1, 9, 9, 1))
dot[0, 4, 4, 0] = 1
answer = second.forward(first.forward(dot))[0, :, :, 0]
one = Conv2D(1, 5, padding="valid").build((9, 9, 1), dtype=np.float64)
one.params["W"][:, :, 0, 0] = answer[::-1, ::-1]
assert one.params["W"].size == 25 and first.params["W"].size + second.params["W"].size == 18

# %%
picture = rng.normal(size=(1, 9, 9, 1))
assert np.allclose(one.forward(picture), second.forward(first.forward(picture)))
