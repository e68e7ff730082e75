# %% [markdown]
# # Solutions: 23. Reading your loss
#
# **1.** Patient 2 needs smaller steps, patient 5 a weaker penalty, patient 7 another unit and another optimizer.

# %% tags=["work"]
import numpy as np

from tinyae import L1, Adam, Autoencoder, Dense
from tinyae.analysis import bce_floor
from tinyae.architectures import dense_autoencoder
from tinyae.datasets import load

data = load("auto", limit=2500)
x, held = data.x_train[:2000], data.x_test[:500]


def cured(net, **settings):
    history = net.fit(x, epochs=6, batch_size=50, optimizer=Adam(), progress=False, **settings)
    nothing = history.baselines["mean_image"]
    assert history.warnings == [] and history["loss"][-1] < 0.95 * nothing
    print(f"loss {history['loss'][-1]:.1f}, mean image {nothing:.1f}")


cured(dense_autoencoder(784, (64,), 16))
cured(Autoencoder([Dense(32, "relu")], [Dense(784, "sigmoid")], "bce", input_shape=784, penalty=L1(0.3)))
encoder = [Dense(100, "relu", "he") for _ in range(4)] + [Dense(8)]
decoder = [Dense(100, "relu", "he") for _ in range(4)] + [Dense(784, "sigmoid")]
cured(Autoencoder(encoder, decoder, "bce", input_shape=784))

# %% [markdown]
# **2.** The floor of binary images is 0: each pixel can be told for certain. The distance from the floor becomes the
# loss itself. It is larger than before: an edge that is off by half a pixel now costs more than it did when it was
# grey.

# %% tags=["work"]
distance = {}
for name, images in (("grey", x), ("binary", np.round(x))):
    net = dense_autoencoder(784, (64,), 16)
    history = net.fit(images, epochs=12, batch_size=50, optimizer=Adam(2e-3), progress=False)
    distance[name] = history["loss"][-1] - bce_floor(images)
    print(f"{name}: floor {bce_floor(images):.1f}, loss {history['loss'][-1]:.1f}, above it {distance[name]:.1f}")
assert bce_floor(np.round(x)) == 0 and distance["binary"] > distance["grey"]

# %% [markdown]
# **3.** For example test images among the training images. Every number looks well, better than well: the validation
# loss is too good, as the net has seen the images it is tested on. No loss can show that.

# %% tags=["work"]
net = dense_autoencoder(784, (64,), 16)
leaking = np.concatenate([x[:500], held])
history = net.fit(leaking, epochs=30, batch_size=50, optimizer=Adam(2e-3), validation_data=held, progress=False)
honest = dense_autoencoder(784, (64,), 16)
other = honest.fit(x[:1000], epochs=30, batch_size=50, optimizer=Adam(2e-3), validation_data=held, progress=False)
assert history.warnings == [] and history["val_loss"][-1] < other["val_loss"][-1]
print(f"validation loss {history['val_loss'][-1]:.1f} with the leak, {other['val_loss'][-1]:.1f} without")
