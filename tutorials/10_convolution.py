# %% [markdown]
# # 10. Convolution: from loops to im2col to speed
#
# **Goal.** Write a convolution as loops, forward and back; turn it into one matrix product; and measure what each way
# costs. **Needs** tutorials 2 (a dense layer) and 4 (finite differences). **Takes** 15 seconds to run, 40 minutes to
# read.
#
# A dense layer gives every output a weight for every pixel. A *convolution* has a small window of weights, a filter,
# that it lays on every place of the image in turn. What it finds in one corner it would find in any other.
#
# With an image $x$ of $C$ channels and $F$ filters $W$ of $k \times k \times C$ weights:
#
# $$y_{hvf} = b_f + \sum_{ijc} x_{h+i,\, v+j,\, c}\; W_{ijcf}, \qquad i, j = 0 \ldots k - 1$$
#
# ## By hand
#
# An image of 4 x 4 pixels with an edge in it, and a filter of 2 x 2: the right column minus the left one. **Before you
# run the next cell:** how many places are there for the filter, and where will it give something other than 0?

# %%
import numpy as np

image = np.array([[0, 0, 1, 1], [0, 0, 1, 1], [0, 0, 1, 1], [0, 0, 1, 1.0]])
edge = np.array([[-1, 1], [-1, 1.0]])
y = np.array([[np.sum(image[h : h + 2, v : v + 2] * edge) for v in range(3)] for h in range(3)])
assert y.shape == (3, 3) and y[1, 1] == 2 and np.count_nonzero(y) == 3
y

# %% [markdown]
# Three places a row, $4 - 2 + 1$. The filter answers where the image changes from left to right, and nowhere else.
#
# (What the field calls convolution is what mathematics calls cross-correlation: a convolution would turn the filter by
# 180 degrees first. For weights that are learned it makes no difference.)
#
# ## As loops
#
# The formula as it stands: a product for every place, filter, place in the window and channel.


# %%
def places(y, W):
    """All (h, v, f) of the output with all (i, j, c) of the window."""
    for h, v, f in np.ndindex(y.shape):
        for i, j, c in np.ndindex(W.shape[:3]):
            yield h, v, f, i, j, c


# %%
def forward_loops(x, W, b):
    """x (H, V, C), W (k, k, C, F), b (F,) -> y (H - k + 1, V - k + 1, F)."""
    k = len(W)
    y = np.zeros((x.shape[0] - k + 1, x.shape[1] - k + 1, W.shape[3])) + b
    for h, v, f, i, j, c in places(y, W):
        y[h, v, f] += x[h + i, v + j, c] * W[i, j, c, f]
    return y


# %% [markdown]
# On a digit, with four filters made by hand: two edges, a blur, a dot.

# %%
from tinyae import Conv2D, plots
from tinyae.datasets import load

data = load("auto", limit=64)
digit = data.x_train[0].reshape(28, 28, 1).astype(np.float64)
W = np.zeros((3, 3, 1, 4))
W[:, :, 0, 0] = [[-1, 0, 1], [-2, 0, 2], [-1, 0, 1]]
W[:, :, 0, 1] = W[:, :, 0, 0].T
W[:, :, 0, 2] = 1 / 9
W[:, :, 0, 3] = [[-1, -1, -1], [-1, 8, -1], [-1, -1, -1]]

# %% [markdown]
# **Predict** the shape of the result, and which of the four maps has no value below 0.

# %% tags=["thumbnail"]
maps = forward_loops(digit, W, np.zeros(4))
assert maps.shape == (26, 26, 4)
assert maps[..., 2].min() >= 0 and all(maps[..., f].min() < 0 for f in (0, 1, 3))
names = ("left to right", "top to bottom", "blur", "dot")
plots.feature_maps({"digit": digit[None]} | {name: maps[None, :, :, [f]] for f, name in enumerate(names)})

# %% [markdown]
# The first map answers to edges from left to right, the second to edges from top to bottom, the third is a blurred
# digit, the last is largest where a pixel is brighter than all around it.
#
# A shifted digit gives shifted maps. No dense layer has that; a convolution cannot help it.

# %%
moved = np.roll(digit, (2, 3), axis=(0, 1))  # two rows down, three columns to the right
moved_maps = forward_loops(moved, W, np.zeros(4))
assert np.allclose(moved_maps[2:, 3:], maps[:-2, :-3])

# %% [markdown]
# ## The way back
#
# Look at the line inside the loops: `y += x * W`. Each such product puts an `x` and a `W` into a `y`. So when `dy`
# comes back, each product gives a share to both: to `dx` what it was multiplied by, `W`, and to `dW` what it was
# multiplied by, `x`. **Write down** both lines before you look.


# %%
def backward_loops(x, W, dy):
    """dx, dW, db for dy (H - k + 1, V - k + 1, F)."""
    dx, dW = np.zeros_like(x), np.zeros_like(W)
    for h, v, f, i, j, c in places(dy, W):
        dx[h + i, v + j, c] += dy[h, v, f] * W[i, j, c, f]
        dW[i, j, c, f] += dy[h, v, f] * x[h + i, v + j, c]
    return dx, dW, dy.sum(axis=(0, 1))


# %% [markdown]
# Finite differences say whether it is right (tutorial 4), on a small image with two channels.

# %%
from tinyae.gradcheck import numerical_gradient

rng = np.random.default_rng(0)
x, V, b = rng.normal(size=(5, 6, 2)), rng.normal(size=(3, 3, 2, 4)), rng.normal(size=4)
dy = rng.normal(size=(3, 4, 4))
dx, dV, db = backward_loops(x, V, dy)
for p, gradient in ((x, dx), (V, dV), (b, db)):
    slope = numerical_gradient(lambda: np.sum(dy * forward_loops(x, V, b)), p)
    assert np.allclose(gradient, slope, atol=1e-7)

# %% [markdown]
# Both have the look of a convolution again. `dW` lays `dy` on the image, as if `dy` were a filter. `dx` lays the filter
# on `dy`, turned by 180 degrees, with a border of $k - 1$ zeros around `dy`. **Why turned?** A pixel lies at the right
# of the window on its left, and at the left of the window on its right.

# %%
padded = np.pad(dy, ((2, 2), (2, 2), (0, 0)))
turned = V[::-1, ::-1].swapaxes(2, 3)  # (k, k, F, C): from filters back to channels
assert np.allclose(dx, forward_loops(padded, turned, np.zeros(2)))

# %% [markdown]
# ## As a matrix product
#
# Loops in Python are slow, and matrix products are the fastest thing a computer does. So copy every window out as a
# row: *im2col*. Then a convolution is a dense layer with the windows as its samples.
#
# For a 28 x 28 image and a 3 x 3 filter: **how many rows and columns** does the matrix of windows have? How much larger
# than the image is it?

# %%
from tinyae.kernels.patches import col2im, im2col

windows = im2col(digit[None], (3, 3)).reshape(26 * 26, 9)
assert np.array_equal(windows[0], digit[:3, :3].ravel())
assert np.allclose(windows @ W.reshape(9, 4), maps.reshape(26 * 26, 4))
print(f"{windows.size} numbers for {digit.size} pixels: {windows.size / digit.size:.1f} times as many")

# %% [markdown]
# Backward is that of a dense layer, then: two products. What comes out for `x` is a gradient for every window; `col2im`
# adds the windows back onto the image, as a pixel lies in up to nine of them.


# %%
def backward_im2col(x, W, dy):
    k, _, C, F = W.shape
    rows = im2col(x[None], (k, k)).reshape(-1, k * k * C)
    dW = (rows.T @ dy.reshape(-1, F)).reshape(W.shape)
    drows = dy.reshape(-1, F) @ W.reshape(-1, F).T
    dx = col2im(drows.reshape(1, *dy.shape[:2], k, k, C), x.shape[:2])[0]
    return dx, dW, dy.sum(axis=(0, 1))


# %%
for got, expected in zip(backward_im2col(x, V, dy), (dx, dV, db), strict=True):
    assert np.allclose(got, expected)

# %% [markdown]
# `im2col` copies, `col2im` adds: each is the other's transpose. In numbers, $\langle \mathrm{im2col}(x), z \rangle =
# \langle x, \mathrm{col2im}(z) \rangle$ for all $x$ and $z$. Tutorial 11 has more of these pairs.

# %%
z = rng.normal(size=(1, 3, 4, 3, 3, 2))
assert np.isclose(np.sum(im2col(x[None], (3, 3)) * z), np.sum(x * col2im(z, x.shape[:2])))

# %% [markdown]
# ## The layer, step by step
#
# `Conv2D` is the same sum, for a whole batch, with stride and padding. A *stride* of 2 leaves out every other place;
# *padding* puts zeros around the image so that as many rows come out as went in ("same"). With $p$ zeros on both sides
# together, $H' = \lfloor (H + p - k) / s \rfloor + 1$. **What is $H'$** for $H = 28$, $k = 3$ with stride 1 or 2, with
# "valid" (no zeros) or "same"?

# %%
for padding in ("valid", "same"):
    for stride in (1, 2):
        shape = Conv2D(4, 3, stride=stride, padding=padding).build((28, 28, 1)).output_shape
        print(f"{padding:<5} stride {stride}: {shape}")

# %%
layer = Conv2D(4, 3, padding="valid").build((28, 28, 1), dtype=np.float64)
strided = Conv2D(4, 3, stride=2, padding="valid").build((28, 28, 1), dtype=np.float64)
layer.params["W"][:] = strided.params["W"][:] = W
assert np.allclose(layer.forward(digit[None])[0], maps)
assert np.allclose(strided.forward(digit[None])[0], maps[::2, ::2])

# %% [markdown]
# "same" is nothing but zeros first and a valid convolution then. A small net that does it in two layers, and gets rid
# of the border again with `Crop`, under the glass:

# %%
from tinyae import Autoencoder, Crop, ZeroPad
from tinyae.trace import trace

encoder = [ZeroPad(1), Conv2D(2, 3, padding="valid", activation="relu")]
decoder = [Conv2D(1, 3, padding=2), Crop(1)]
net = Autoencoder(encoder, decoder, "mse", input_shape=(5, 5, 1))
steps = trace(net, digit[None, 8:18:2, 8:18:2])
assert all(checked.passed for checked in steps.check())

# %% [markdown]
# **Before you look at the next sum:** the pixel in the corner, `y[0, 0, 0, 0]`, of a filter with nine weights. How many
# of the nine products are with pixels of the image, and not with zeros?

# %%
print(steps.find("encoder.conv2d_1", "forward").why(0, 0, 0, 0))

# %% [markdown]
# On the way back a weight's gradient adds up over all places, 25 of them here:

# %%
step = steps.find("encoder.conv2d_1", "backward")
assert step.dy.shape[1] * step.dy.shape[2] == 25
print(step.why(1, 1, 0, 0))

# %%
step

# %% [markdown]
# `ZeroPad` and `Crop` do the opposite on the way back: the one's gradient is the other's forward.

# %%
pad, crop = steps.find("zeropad_1", "backward"), steps.find("crop_1", "backward")
assert np.array_equal(pad.dx, pad.dy[:, 1:-1, 1:-1])
assert np.array_equal(crop.dx[:, 1:-1, 1:-1], crop.dy) and crop.dx[0, 0, 0, 0] == 0
steps.find("crop_1", "backward")

# %% [markdown]
# ## Speed
#
# Three ways to the same numbers: the loops, `im2col` with a matrix product, and the layer, whose kernel is compiled
# (Numba) and reads every window where it lies, without copying. 32 digits, 8 filters. **Guess** how many times faster
# the second and the third are.

# %%
batch = data.x_train[:32].reshape(-1, 28, 28, 1)
filters = rng.normal(size=(3, 3, 1, 8)).astype(np.float32)
layer = Conv2D(8, 3, padding="valid").build((28, 28, 1))
layer.params["W"][:] = filters
ways = {
    "loops": lambda: np.array([forward_loops(one, filters, 0) for one in batch]),
    "im2col": lambda: (im2col(batch, (3, 3)).reshape(-1, 9) @ filters.reshape(9, 8)).reshape(-1, 26, 26, 8),
    "Conv2D": lambda: layer.forward(batch),
}


# %%
import time


def seconds(function, times):
    function()  # compiled at the first call
    taken = []
    for _ in range(times):
        started = time.perf_counter()
        function()
        taken.append(time.perf_counter() - started)
    return min(taken)  # whatever else the computer did meanwhile only adds to it


# %% tags=["work"]
taken = {name: seconds(function, 1 if name == "loops" else 50) for name, function in ways.items()}
products = 32 * 26 * 26 * 8 * 9
for name, each in taken.items():
    print(f"{name:<7} {1e3 * each:9.3f} ms, {products / each / 1e6:8.1f} million products a second, "
          f"{taken['loops'] / each:7.0f} times as fast as loops")  # fmt: skip

# %%
results = [function() for function in ways.values()]
assert all(np.allclose(results[0], result, atol=1e-4) for result in results)

# %% [markdown]
# The same number of products each time. What differs is what happens around a product: the loops look up Python
# objects, `im2col` moves nine numbers where one was, the kernel keeps the sums in registers.
#
# ## How many weights?
#
# **Compare:** a layer from 28 x 28 pixels to 26 x 26 x 8 numbers, dense and as a convolution.

# %%
dense, conv = 784 * 26 * 26 * 8 + 26 * 26 * 8, layer.n_params
assert conv == 3 * 3 * 8 + 8 == 80
print(f"dense {dense:,} weights, convolution {conv}: {dense // conv:,} times fewer")

# %% [markdown]
# **Recap.**
# - A convolution is a dense layer on windows: small, and the same weights everywhere.
# - Each product $x W$ forward is two products back, one into `dx` and one into `dW`; a weight's gradient is a sum over
#   all places.
# - `dx` is a convolution of `dy` with the filter turned around.
# - `im2col` makes a matrix product of it, at the price of copying every pixel $k^2$ times.
# - $H' = \lfloor (H + p - k) / s \rfloor + 1$.
#
# **Exercises** ([solutions](solutions/10_convolution.py))
# 1. Add a stride to `forward_loops` and `backward_loops`, and compare both with `Conv2D(..., stride=2)`.
# 2. A convolution with a 1 x 1 filter: show that it is a dense layer on the channels of every pixel, forward and back.
# 3. Two 3 x 3 convolutions in a row, no activation between them: which single convolution are they? How many weights
#    have the two together, and how many has the one?
