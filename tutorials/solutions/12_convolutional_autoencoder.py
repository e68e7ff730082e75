# %% [markdown]
# # 12. A convolutional autoencoder: solutions
# The exercises of [tutorial 12](../12_convolutional_autoencoder.py).

# %%
import numpy as np

from tinyae import Autoencoder, Conv2D, ConvTranspose, MaxPool, Sequential, UpSample
from tinyae.datasets import load

data = load("auto", limit=500)
x, test = (images.reshape(-1, 28, 28, 1) for images in (data.x_train, data.x_test[:500]))


# %%
def conv(filters, padding="same", stride=1):
    return Conv2D(filters, 3, stride=stride, padding=padding, activation="relu", init="he")


def pooled():
    encoder = [conv(8), MaxPool(2), conv(8), MaxPool(2), conv(4), MaxPool(2, padding="same")]
    decoder = [conv(4), UpSample(2), conv(8), UpSample(2), conv(8, "valid"), UpSample(2)]
    return Autoencoder(encoder, [*decoder, Conv2D(1, 3, activation="sigmoid")], "bce", input_shape=(28, 28, 1))


# %% [markdown]
# **1.** 28, 14, 7, 4 and back: 4 to 7 needs no row more, 7 to 14 and 14 to 28 one each (tutorial 11). It has fewer
# layers, so fewer weights, and learns about as well.


# %%
def up(filters, more, activation="relu", init="he"):
    return ConvTranspose(filters, 3, 2, padding=1, output_padding=more, activation=activation, init=init)


strided = Autoencoder([conv(8, 1, 2), conv(8, 1, 2), conv(4, 1, 2)],
                      [up(8, 0), up(8, 1), up(1, 1, "sigmoid", "glorot")], "bce", input_shape=(28, 28, 1))  # fmt: skip
assert strided.code_size == pooled().code_size == 64

# %% tags=["work"]
nets = {"pooling, upsampling": pooled(), "strides": strided}
for name, net in nets.items():
    history = net.fit(x, epochs=40, batch_size=25, optimizer="nadam", progress=False)
    print(f"{name:<20} {net.n_params:,} weights, {net.evaluate(test)['loss']:.1f} nats on test images")
    assert net.evaluate(test)["loss"] < 0.8 * history.baselines["mean_image"]

# %% [markdown]
# **2.** The same filters on a larger image: an encoder of 64 x 64 with the weights of the trained one. Eight rows are
# one step of the code, so the code moves by one row, exactly: all windows see what they saw before. One row is an
# eighth of a step: other pixels win their poolings, and the code changes.

# %%
encoder = Sequential(pooled().encoder.layers).build((64, 64, 1))
for mine, trained in zip(encoder.layers, nets["pooling, upsampling"].encoder.layers, strict=True):
    for name, p in trained.params.items():
        mine.params[name][:] = p


def code_of(row):
    canvas = np.zeros((1, 64, 64, 1), np.float32)
    canvas[0, row : row + 28, 18:46] = test[0]
    return encoder.forward(canvas)[0].copy()


# %%
here, eight, one = code_of(16), code_of(24), code_of(17)
assert here.shape == (8, 8, 4)
assert np.allclose(eight[2:7], here[1:6], atol=1e-4)
assert not np.allclose(one[1:6], here[1:6], atol=0.01 * np.abs(here).max())
print(f"moved by 8: largest difference {np.abs(eight[2:7] - here[1:6]).max():.1e}; "
      f"by 1: {np.abs(one[1:6] - here[1:6]).max():.2f}")  # fmt: skip


# %% [markdown]
# **3.** Each layer adds its window less one, times the product of all strides before it. With 5 x 5 filters: 36 rows,
# more than the image has.


# %%
def receptive_field(layers):
    rows, step = 1, 1
    for layer in layers:
        window = layer.kernel[0] if isinstance(layer, Conv2D) else layer.size[0]
        rows, step = rows + (window - 1) * step, step * layer.stride[0]
    return rows


# %%
assert receptive_field(pooled().encoder.layers) == 22
assert receptive_field([layer for _ in range(3) for layer in (Conv2D(8, 5), MaxPool(2))]) == 36
