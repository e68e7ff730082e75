# %% [markdown]
# # 11. Pooling, upsampling, transposed convolution: smaller and back
#
# **Goal.** Make images smaller and larger again, forward and back; see that every way back is a transposed matrix; test
# that with two sums; and build a net in which 28 comes back as 28. **Needs** tutorial 10 (convolution). **Takes** 10
# seconds to run, 40 minutes to read.
#
# ## The largest and the mean
#
# *Pooling* makes one pixel of every window. `MaxPool` takes the largest, `AveragePool` the mean. **Before you run the
# next cell:** what are the four numbers of each, for windows of 2 x 2?

# %%
import numpy as np

from tinyae import AveragePool, Conv2D, ConvTranspose, Crop, MaxPool, UpSample, ZeroPad, plots

image = np.array([[1, 2, 0, 0], [4, 3, 0, 8], [5, 5, 1, 1], [0, 6, 1, 1.0]]).reshape(1, 4, 4, 1)
largest, mean = (kind(2).build((4, 4, 1)) for kind in (MaxPool, AveragePool))
assert largest.forward(image).ravel().tolist() == [4, 8, 6, 1]
assert mean.forward(image).ravel().tolist() == [2.5, 2, 4, 1]
largest.forward(image)[0, :, :, 0]

# %% [markdown]
# On the way back a window of `MaxPool` gives all of its `dy` to the pixel that won; the others had no part in it. In a
# window of `AveragePool` each pixel had a quarter of a say. In the last window of the image all are equal: **who gets
# the gradient?**

# %%
dy = np.array([[10.0, 20.0], [30.0, 40.0]]).reshape(1, 2, 2, 1)
back = largest.backward(dy)[0, :, :, 0]
assert back[1, 0] == 10 and back[1, 3] == 20 and back[3, 1] == 30
assert back[2, 2] == 40 and back[2, 3] == back[3, 2] == back[3, 3] == 0  # the first of equals
back

# %%
assert np.array_equal(mean.backward(dy)[0, :2, :2, 0], np.full((2, 2), 10 / 4))
assert mean.backward(dy).sum() == largest.backward(dy).sum() == dy.sum()  # shared out, nothing lost
mean.backward(dy)[0, :, :, 0]

# %% [markdown]
# ## A layer as a matrix
#
# `AveragePool` is linear: every output is a weighted sum of inputs. So there is a matrix $A$ with $y = A x$, for images
# written as rows of numbers. We find it by asking what becomes of an image with a single 1. **Which shape** has it
# here, and what stands in a row of it?


# %%
def matrix_of(layer, shape):
    """A with y = A x, its columns what the layer makes of images with a single 1."""
    layer.build(shape, np.random.default_rng(0), np.float64)
    size = int(np.prod(shape))
    return layer.forward(np.eye(size).reshape(size, *shape)).reshape(size, -1).T


A = matrix_of(AveragePool(2), (4, 4, 1))
assert A.shape == (4, 16) and set(np.unique(A)) == {0, 0.25}

# %% [markdown]
# Upsampling makes blocks of pixels: *nearest* repeats each, *bilinear* mixes neighbours. Here are the matrices of all
# three. **Compare the first two:** which one is the other turned over, but for a factor? Which factor?

# %%
matrices = {"AveragePool(2), 4 x 4": A, "UpSample(2), 2 x 2": matrix_of(UpSample(2), (2, 2, 1)),
            "bilinear, 2 x 2": matrix_of(UpSample(2, "bilinear"), (2, 2, 1)),
            "Conv2D, 3 x 3, valid, 5 x 5": matrix_of(Conv2D(1, 3, padding="valid"), (5, 5, 1))}  # fmt: skip

# %%
figure = plots.Figure(figsize=(9.6, 3.4), layout="constrained")
for axis, (name, matrix) in zip(figure.subplots(1, 4), matrices.items(), strict=True):
    limit = np.abs(matrix).max()
    picture = axis.imshow(matrix, cmap=plots.DIVERGING, vmin=-limit, vmax=limit)
    axis.set(xlabel="number of the input", ylabel="number of the output")
    axis.set_title(name, fontsize=9)
    axis.locator_params(integer=True)
    figure.colorbar(picture, ax=axis, shrink=0.6, location="bottom")
figure

# %%
assert np.array_equal(matrices["UpSample(2), 2 x 2"], 4 * A.T)

# %% [markdown]
# The convolution's matrix shows how it saves weights: nine different numbers, and the same nine in every row,
# shifted.
#
# ## The way back is the transpose
#
# If $y = A x$, then $y_i = \sum_j A_{ij} x_j$, and $x_j$ reaches the loss through every $y_i$ with the factor $A_{ij}$:
#
# $$\frac{\partial L}{\partial x_j} = \sum_i \frac{\partial L}{\partial y_i} A_{ij}, \qquad dx = A^{\top} dy$$
#
# So `backward` of any linear layer is the product with $A^{\top}$, the *adjoint*. Nobody has to write the matrix down
# to know it is right. For all $x$ and $z$
#
# $$\langle A x, z \rangle = \langle x, A^{\top} z \rangle$$
#
# so take both at random: forward and a sum of products on the left, backward and a sum of products on the right. **For
# which layers** of the next cell will it hold?


# %%
def two_sums(layer, shape, rng):
    layer.build(shape, rng, np.float64)
    x = rng.normal(size=(1, *shape))
    z = rng.normal(size=layer.forward(x).shape)
    return np.sum(layer.forward(x) * z), np.sum(x * layer.backward(z))


# %%
from tinyae import Flatten, Reshape

rng = np.random.default_rng(0)
layers = [AveragePool(2), UpSample(2), UpSample(2, "bilinear"), ZeroPad(1), Crop(1), Flatten(), Reshape((8, 6)),
          Conv2D(3, 3), Conv2D(3, 3, stride=2), ConvTranspose(3, 3, stride=2), MaxPool(2)]  # fmt: skip
for layer in layers:
    left, right = two_sums(layer, (4, 6, 2), rng)
    assert np.isclose(left, right)
    print(f"{layer.name:<14} <A x, z> = {left:9.5f}   <x, A' z> = {right:9.5f}")

# %% [markdown]
# For all of them, even `MaxPool`. It is not linear, but as long as the same pixels win, it is: a matrix that picks
# them. It is the cheapest test of a backward pass there is, and it does not need a small $h$.
#
# A bias or an activation breaks it. **Why?** $A x + b$ is not linear: at $x = 0$ it is not 0.

# %%
layer = Conv2D(3, 3).build((4, 6, 2), dtype=np.float64)
layer.params["b"][:] = 1.0
x, z = rng.normal(size=(1, 4, 6, 2)), rng.normal(size=(1, 4, 6, 3))
left, right = np.sum(layer.forward(x) * z), np.sum(x * layer.backward(z))
assert np.isclose(left - z.sum(), right) and not np.isclose(left, right)

# %% [markdown]
# ## Transposed convolution
#
# A decoder has to come back from small images to large ones. The backward pass of a convolution does just that, so make
# it a layer: `ConvTranspose`. Forward it is what `Conv2D` is backward, and the other way round.

# %%
down = Conv2D(1, 3, stride=2, padding="valid").build((9, 9, 1), rng, np.float64)
up = ConvTranspose(1, 3, stride=2, padding="valid").build((4, 4, 1), dtype=np.float64)
up.params["W"][:] = down.params["W"]
small = rng.normal(size=down.forward(np.zeros((1, 9, 9, 1))).shape)
assert small.shape == (1, 4, 4, 1)
assert np.allclose(up.forward(small), down.backward(small))
assert np.allclose(up.backward(np.ones((1, 9, 9, 1))), down.forward(np.ones((1, 9, 9, 1))))

# %% [markdown]
# It stamps: every pixel puts its filter on the output, times its own value, and where stamps overlap they add up.
# **Predict** what becomes of an image of nothing but ones, with a filter of ones, of 3 x 3 and of 4 x 4, with a stride
# of 2.

# %%
stamped = {}
for kernel in (3, 4):
    layer = ConvTranspose(1, kernel, stride=2, padding="valid").build((6, 6, 1), dtype=np.float64)
    layer.params["W"][:] = 1
    stamped[kernel] = layer.forward(np.ones((1, 6, 6, 1)))[0, :, :, 0]
assert set(np.unique(stamped[3][2:-2, 2:-2])) == {1, 2, 4} and set(np.unique(stamped[4][2:-2, 2:-2])) == {4}

# %%
figure = plots.Figure(figsize=(8, 3.4), layout="constrained")
for axis, (kernel, picture) in zip(figure.subplots(1, 2), stamped.items(), strict=True):
    shown = axis.imshow(picture, cmap="gray", vmin=0, vmax=4)
    axis.set(title=f"filter {kernel} x {kernel}, stride 2", xlabel="column", ylabel="row")
    axis.locator_params(integer=True)
figure.colorbar(shown, ax=figure.axes, label="stamps on a pixel")
figure

# %% [markdown]
# That is the *checkerboard* one sees in generated images: with 3 x 3 some pixels get four stamps, some two, some one. A
# filter whose size is a multiple of the stride has none inside, and neither has `UpSample` with a convolution after it.
#
# "Transposed" is not "inverse". It brings back the shape, not the image:

# %%
picture = rng.normal(size=(1, 9, 9, 1))
again = up.forward(down.forward(picture))
assert again.shape == picture.shape and not np.allclose(again, picture, atol=0.1)

# %% [markdown]
# ## Why 28 comes back as 28
#
# The question most asked about convolutional autoencoders: the output is not the size of the input. Three poolings
# ("same": an odd row at the end is pooled by itself), then three upsamplings. **What comes out for 28?**

# %%
size, chain = 28, [28]
for layer in (*[MaxPool(2, padding="same")] * 3, *[UpSample(2)] * 3):
    size = layer.build((size, size, 1)).output_shape[0]
    chain.append(size)
assert chain == [28, 14, 7, 4, 8, 16, 32]
print(" -> ".join(map(str, chain)))

# %% [markdown]
# 7 is odd. $\lceil 7 / 2 \rceil = 4 = \lceil 8 / 2 \rceil$: pooling forgets which of the two it was, and upsampling
# takes it for 8. Such a net is refused when it is built, with the ways out.


# %%
from tinyae import Autoencoder


def conv(padding="same"):
    return Conv2D(4, 3, padding=padding, activation="relu")


def net(*ending):
    encoder = [layer for _ in range(3) for layer in (conv(), MaxPool(2, padding="same"))]
    return Autoencoder(encoder, [conv(), UpSample(2), conv(), UpSample(2), *ending], input_shape=(28, 28, 1))


# %%
import textwrap

last = Conv2D(1, 3, activation="sigmoid")
try:
    net(UpSample(2), last)
except ValueError as why:
    print(textwrap.fill(str(why), 100))

# %% [markdown]
# Two ways out: a valid convolution where the image is 16 wide, which makes it 14; or to cut the rows off at the end.
# **Which pixels** does the second one waste work on?

# %%
smaller = net(conv("valid"), UpSample(2), last)  # 4, 8, 16, 14, 28
cut = net(UpSample(2), Crop((0, 4), (0, 4)), last)  # 4, 8, 16, 32, 28
assert smaller.output_shape == cut.output_shape == (28, 28, 1)
plots.architecture(smaller)

# %% [markdown]
# A third one: convolutions with a stride instead of pooling, and transposed ones back. A stride forgets, too: $H' =
# \lfloor (H + p - k) / s \rfloor + 1$ is the same for two heights. `output_padding` says which one to come back to.
# **For which of the three** steps is it needed? Forward 28, 14, 7, 4; backward $(H - 1) s + k - p$ rows.


# %%
def up(filters, more, activation="relu"):
    return ConvTranspose(filters, 3, stride=2, padding=1, output_padding=more, activation=activation)


encoder = [Conv2D(4, 3, stride=2, padding=1, activation="relu") for _ in range(3)]
decoder = [up(4, 0), up(4, 1), up(1, 1, "sigmoid")]  # (4 - 1) 2 + 3 - 2 = 7, (7 - 1) 2 + 3 - 2 + 1 = 14, 28
strided = Autoencoder(encoder, decoder, "bce", input_shape=(28, 28, 1))
assert [shape[0] for shape in strided.encoder.shapes + strided.decoder.shapes[1:]] == [28, 14, 7, 4, 7, 14, 28]

# %% [markdown]
# ## All of them, step by step
#
# A small net with every layer of this tutorial, on a piece of a digit. `Flatten` and `Reshape` compute nothing: they
# write the same numbers in another shape, pixel after pixel, the channels of a pixel side by side.

# %%
from tinyae import Dense
from tinyae.datasets import load
from tinyae.trace import trace

digit = load("auto", limit=1).x_train[0].reshape(1, 28, 28, 1)[:, 6:22, 8:24]
encoder = [ZeroPad(1), Conv2D(3, 3, padding="valid", activation="relu"), MaxPool(2), AveragePool(2), Flatten()]
decoder = [Dense(48, "relu"), Reshape((4, 4, 3)), UpSample(2), ConvTranspose(2, 3, stride=2, padding="valid"),
           Crop((0, 1)), UpSample(2, "bilinear"), AveragePool(2), Conv2D(1, 3)]  # fmt: skip
model = Autoencoder([*encoder, Dense(6)], decoder, "mse", input_shape=(16, 16, 1))
steps = trace(model, digit)
assert all(checked.passed for checked in steps.check())

# %% [markdown]
# Where does the gradient of the pooled maps go? To the winners, one in four. In the first card `dy` is 8 x 8, `dx` 16 x
# 16, with holes.

# %%
step = steps.find("maxpool_1", "backward")
assert np.count_nonzero(step.dx) <= step.dy.size == step.dx.size // 4
step

# %%
step = steps.find("decoder.convtranspose_1", "forward")
print(step.why(0, 5, 5, 0))
step

# %%
flat, mixed = steps.find("flatten_1", "forward"), steps.find("decoder.upsample_2", "forward")
assert flat.x.shape == (1, 4, 4, 3) and flat.y[0, (2 * 4 + 1) * 3 + 2] == flat.x[0, 2, 1, 2]
print(flat.why(0, 29), mixed.why(0, 4, 4, 0), steps.find("averagepool_1").why(0, 1, 1, 0), sep="\n")

# %% [markdown]
# **Recap.**
# - `MaxPool` sends a window's gradient to its winner, `AveragePool` shares it out.
# - The backward pass of a linear layer is $A^{\top}$. $\langle A x, z \rangle = \langle x, A^{\top} z \rangle$ tests it
#   with two sums.
# - `UpSample` and `AveragePool` are each other's transpose up to a factor, `ZeroPad` and `Crop` exactly,
#   `ConvTranspose` and `Conv2D` by definition.
# - Sizes that were rounded do not come back by themselves: a valid convolution, a crop or `output_padding` says what 4
#   came from.
#
# **Exercises** ([solutions](solutions/11_pooling_and_transposed_convolution.py))
# 1. Let windows overlap: `MaxPool(3, stride=2)` on the 5 x 5 image whose middle pixel is the largest. What is `dx` of
#    that pixel, for a `dy` of ones?
# 2. Build a net for photographs of 100 x 75 pixels with three poolings, so that the output is of the same size. Which
#    rows and columns have to be cut off?
# 3. Bilinear upsampling by 2 is a transposed convolution with fixed weights. Find the 4 x 4 filter, and show that both
#    agree away from the border.
