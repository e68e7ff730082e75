# %% [markdown]
# # Solutions: 18. Hinton & Salakhutdinov 2006
#
# **1.** Machines that were not trained are RBMs with small random weights; `unroll` takes them as they are.

# %% tags=["work"]
import numpy as np

from tinyae import RBM, Adam, fit_stack, unroll
from tinyae.analysis import PCA, squared_error
from tinyae.architectures import hinton_autoencoder
from tinyae.datasets import load
from tinyae.inside import parameter_gradients

data = load("auto", limit=3000)
x, test = data.x_train, data.x_test[:1000]
sizes = (200, 100, 50, 2)
rbms, _ = fit_stack(x, sizes, epochs=6, seed=0, progress=False)
raw = [RBM(100, 50, seed=1), RBM(50, 2, hidden="gaussian", seed=2)]
found = {}
for name, stack in (("all four", rbms), ("the first two", rbms[:2] + raw)):
    net = unroll(stack)
    net.fit(x, epochs=8, batch_size=50, optimizer=Adam(2e-3), progress=False)
    found[name] = net.evaluate(test)["squared_error"]
    print(f"{name} pretrained: squared error {found[name]:.2f}")
assert max(found.values()) < squared_error(test, np.broadcast_to(x.mean(axis=0), test.shape))

# %% [markdown]
# Most of what pretraining is worth here lies in the lower layers: the gradient reaches the upper ones anyway.
#
# **2.** Root of the mean square of $\partial L / \partial W$ of the first layer.

# %%
starts = {"random": hinton_autoencoder(784, sizes[:-1], 2, seed=0), "pretrained": unroll(rbms)}
size = {}
for name, net in starts.items():
    gradient = parameter_gradients(net, x[:500])["encoder.dense_1.W"]
    size[name] = float(np.sqrt(np.mean(gradient**2)))
    print(f"{name}: {size[name]:.2e}")
assert size["pretrained"] > 10 * size["random"]

# %% [markdown]
# **3.** Ten numbers: both are better, and the net keeps a clear lead.

# %% tags=["work"]
for k in (2, 10):
    rbms, _ = fit_stack(x, (*sizes[:-1], k), epochs=6, seed=0, progress=False)
    net = unroll(rbms)
    net.fit(x, epochs=8, batch_size=50, optimizer=Adam(2e-3), progress=False)
    pca = PCA(x, k)
    errors = net.evaluate(test)["squared_error"], squared_error(test, pca.reconstruct(test))
    print(f"{k} numbers: net {errors[0]:.1f}, PCA {errors[1]:.1f}, ratio {errors[0] / errors[1]:.2f}")
    assert errors[0] < errors[1]
