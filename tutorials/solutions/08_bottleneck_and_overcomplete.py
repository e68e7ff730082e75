# %% [markdown]
# # 8. Bottleneck and overcomplete: solutions
# The exercises of [tutorial 8](../08_bottleneck_and_overcomplete.py).

# %%
import numpy as np

from tinyae import Adam, Autoencoder, Dense
from tinyae.copying import copying
from tinyae.datasets import load

data = load("auto", limit=4000)


# %%
def small(images):
    return images.reshape(-1, 14, 2, 14, 2).mean(axis=(2, 4)).reshape(-1, 196)


x, test = small(data.x_train), small(data.x_test[:500])


# %%
def trained(k, images, epochs, activation="linear"):
    model = Autoencoder([Dense(k, activation)], [Dense(196)], "mse", input_shape=196)
    model.fit(images, epochs=epochs, batch_size=50, optimizer=Adam(1e-3), progress=False)
    return model


# %% [markdown]
# **1.** Both go on growing, while the error on digits was small long before: what is learned last are directions in
# which digits hardly vary, and shuffled images are full of them.

# %%
nets = {epochs: trained(400, x, epochs) for epochs in (2, 20, 60)}
found = {epochs: copying(net, test) for epochs, net in nets.items()}
for epochs, copies in found.items():
    error = nets[epochs].evaluate(test)["squared_error"]
    print(f"{epochs:2d} epochs: error {error:.3f}, trace {copies.trace:.2f}, shuffled {copies.shuffled:.2f}")
assert found[2].trace < found[20].trace < found[60].trace < 1
assert found[2].shuffled < found[20].shuffled < found[60].shuffled

# %% [markdown]
# **2.** One column of the Jacobian a nudge, $\partial x'_k / \partial x_k$ on its diagonal. For a linear net it is the
# same at every image, so one image is enough; `copying` with 20 directions an image comes within a hundredth.

# %%
net = nets[20]
images = np.repeat(test[:1], 197, axis=0)
images[np.arange(196), np.arange(196)] += 0.1  # the last one stays as it is
moved = net.reconstruct(images)
diagonal = (moved[np.arange(196), np.arange(196)] - moved[196]) / 0.1
assert abs(diagonal.mean() - copying(net, test, samples=20).trace) < 0.01
print(f"exact {diagonal.mean():.4f}, estimated {copying(net, test, samples=20).trace:.4f}")

# %% [markdown]
# **3.** Shuffled images have no shape, so there is nothing but a mean and a mean grey to learn: 8 numbers hardly do
# better than the mean image. The wide net copies these as well.

# %%
rng = np.random.default_rng(0)
mixed, mixed_test = rng.permuted(x, axis=1), rng.permuted(test, axis=1)
mean_image = float(np.square(mixed_test - mixed.mean(axis=0)).sum(axis=1).mean())
narrow, wide = (trained(k, mixed, 20, "relu").evaluate(mixed_test)["squared_error"] for k in (8, 400))
assert 0.85 * mean_image < narrow < 1.1 * mean_image and wide < 0.1 * mean_image
print(f"mean image {mean_image:.2f}, code of 8 {narrow:.2f}, code of 400 {wide:.2f}")
