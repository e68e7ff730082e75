# %% [markdown]
# # 11. Pooling, upsampling, transposed convolution: solutions
# The exercises of [tutorial 11](../11_pooling_and_transposed_convolution.py).

# %%
import numpy as np

from tinyae import Autoencoder, Conv2D, ConvTranspose, Crop, MaxPool, UpSample

rng = np.random.default_rng(0)

# %% [markdown]
# **1.** There are four windows, beginning in rows and columns 0 and 2, and the middle pixel lies in all of them. It
# wins all four, so it gets the sum: 4. Everything else gets 0.

# %%
image = rng.uniform(size=(1, 5, 5, 1))
image[0, 2, 2, 0] = 2.0
layer = MaxPool(3, stride=2).build((5, 5, 1))
y = layer.forward(image)
dx = layer.backward(np.ones_like(y))
assert y.shape == (1, 2, 2, 1) and dx[0, 2, 2, 0] == 4 == dx.sum()

# %% [markdown]
# **2.** Going down: 100, 50, 25, 13 and 75, 38, 19, 10. Back up: 104 and 80. So 4 rows and 5 columns too many.

# %%
assert [-(-100 // 2**n) for n in range(4)] == [100, 50, 25, 13] and 8 * 13 - 100 == 4
assert [-(-75 // 2**n) for n in range(4)] == [75, 38, 19, 10] and 8 * 10 - 75 == 5
encoder = [layer for _ in range(3) for layer in (Conv2D(4, 3, activation="relu"), MaxPool(2, padding="same"))]
decoder = [layer for _ in range(3) for layer in (Conv2D(4, 3, activation="relu"), UpSample(2))]
decoder += [Crop((0, 4), (0, 5)), Conv2D(3, 3, activation="sigmoid")]
model = Autoencoder(encoder, decoder, "bce", input_shape=(100, 75, 3))
print(model)

# %% [markdown]
# **3.** A new pixel's middle lies a quarter of a pixel away from the nearest old one and three quarters from the next,
# so they count $\frac34$ and $\frac14$. Seen from the old pixel: the new ones at distances $\frac34, \frac14, \frac14,
# \frac34$ on either side get the weights $\frac14, \frac34, \frac34, \frac14$ of it, in rows and in columns.

# %%
weights = np.array([1, 3, 3, 1]) / 4
stamp = ConvTranspose(1, 4, stride=2, padding=1).build((6, 7, 1), dtype=np.float64)
stamp.params["W"][:, :, 0, 0] = np.outer(weights, weights)
bilinear = UpSample(2, "bilinear").build((6, 7, 1), dtype=np.float64)
x = rng.normal(size=(1, 6, 7, 1))
assert stamp.forward(x).shape == bilinear.forward(x).shape == (1, 12, 14, 1)
assert np.allclose(stamp.forward(x)[:, 1:-1, 1:-1], bilinear.forward(x)[:, 1:-1, 1:-1])

# %% [markdown]
# At the border they differ: bilinear upsampling continues the outermost pixels, the stamps of pixels outside are
# missing.

# %%
assert not np.allclose(stamp.forward(x)[:, 0], bilinear.forward(x)[:, 0])
