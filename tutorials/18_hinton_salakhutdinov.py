# %% [markdown]
# # 18. Hinton & Salakhutdinov 2006: pretrain, unroll, fine-tune
#
# **Goal.** Build the deep autoencoder of the paper that began it all, on a small scale: a stack of restricted Boltzmann
# machines, unrolled into a net, fine-tuned with conjugate gradients; and see what pretraining was for. **Needs**
# tutorials 9 (deep nets and vanishing gradients) and 17 (restricted Boltzmann machines). **Takes** 40 seconds to run,
# 40 minutes to read.
#
# In 2006 deep autoencoders could not be trained. "With large initial weights, autoencoders typically find poor local
# minima; with small initial weights, the gradients in the early layers are tiny" (Hinton & Salakhutdinov, Science 313,
# page 504). Their way out: do not begin anywhere. Begin at a net that already knows something about its data, found
# layer by layer.

# %%
import copy
import itertools

import numpy as np

from tinyae import Adam, ConjugateGradient, Cosine, fit_stack, plots, unroll
from tinyae.analysis import PCA, knn_accuracy, squared_error
from tinyae.architectures import dense_autoencoder, hinton_autoencoder
from tinyae.datasets import load

data = load("auto", limit=3000)
x, test, labels = data.x_train, data.x_test[:1000], data.y_test[:1000]

# %% [markdown]
# ## 1. Pretraining: a stack of machines
#
# The first machine learns the pixels. Its hidden means are the pixels of the second, and so on. The last one has linear
# hidden units: they are to be the code. The paper's net is 784-1000-500-250-2, with 50 epochs for each machine; ours is
# 784-200-100-50-2, with 6.

# %% tags=["work"]
sizes = (200, 100, 50, 2)
rbms, histories = fit_stack(x, sizes, epochs=6, seed=0, progress=False)
for rbm, history in zip(rbms, histories, strict=True):
    first, last = history["reconstruction_error"][0], history["reconstruction_error"][-1]
    print(f"{rbm}: reconstruction error {first:.2f} -> {last:.2f}")
    assert rbm is rbms[-1] or last < first

# %% [markdown]
# ## 2. Unrolling
#
# Turn the stack into a net: up through the weights $W_1, W_2, W_3, W_4$ with the hidden biases, and down again through
# their transposes with the visible biases. **Before you run the next cell:** how many parameters does the net have, if
# a machine of $n$ visible and $m$ hidden units has $nm + n + m$?

# %%
unrolled = unroll(rbms)
widths = (784, *sizes)
assert unrolled.n_params == sum(2 * n * m + n + m for n, m in itertools.pairwise(widths))
assert np.allclose(unrolled.encoder.layers[0].params["W"], rbms[0].W)
plots.architecture(unrolled)

# %%
codes = x[:5]
for rbm in rbms:
    codes = rbm.hidden_mean(codes)
for rbm in reversed(rbms):
    codes = rbm.visible_mean(codes)
assert np.allclose(unrolled.reconstruct(x[:5]), codes, atol=1e-5)

# %% [markdown]
# ## 3. Fine-tuning
#
# From here on it is one net, and encoder and decoder may drift apart. The authors used conjugate gradients: batches of
# 1000, three line searches each, always the same batches in the same order (`shuffle=False`). Beside it, the same from
# a random start. **Predict:** what will the random start have learned after 8 epochs? The mean image's cross-entropy is
# the first number printed.


# %% tags=["work"]
def finetuned(net, optimizer, epochs, batch_size, **settings):
    net = copy.deepcopy(net)
    history = net.fit(x, epochs=epochs, batch_size=batch_size, optimizer=optimizer, progress=False, **settings)
    return net, history


random_start = hinton_autoencoder(784, sizes[:-1], sizes[-1], seed=0)
paper, paper_history = finetuned(unrolled, ConjugateGradient(3), 8, 1000, shuffle=False)
random, random_history = finetuned(random_start, ConjugateGradient(3), 8, 1000, shuffle=False)

# %%
print(f"mean image {paper_history.baselines['mean_image']:.1f} nats")
print(f"after 8 epochs: pretrained {paper_history['loss'][-1]:.1f}, random start {random_history['loss'][-1]:.1f}")
assert paper_history["loss"][-1] < random_history["loss"][-1] - 10

# %% [markdown]
# The random start stays about where the mean image is: the gradient fades on its way through seven logistic layers.
# That was the state of the art before the paper.
#
# ## And today?
#
# ReLU, a good initialisation (He's) and Adam are the answers of the years after. **Guess** how they compare with
# pretraining on the same number of epochs.

# %% tags=["work"]
relu = dense_autoencoder(784, sizes[:-1], sizes[-1], code_activation="linear", init="he", seed=0)
nets = {
    "pretrained, sigmoid, CG": (paper, paper_history),
    "random, sigmoid, CG": (random, random_history),
    "pretrained, sigmoid, Adam": finetuned(unrolled, Adam(2e-3), 8, 50),
    "random, sigmoid, Adam": finetuned(random_start, Adam(2e-3), 8, 50),
    "random, ReLU, Adam": finetuned(relu, Adam(2e-3), 8, 50),
}

# %%
errors = {name: net.evaluate(test)["squared_error"] for name, (net, _) in nets.items()}
pca = PCA(x, 2)
errors["PCA"] = squared_error(test, pca.reconstruct(test))
for name, error in errors.items():
    print(f"{name:<26} squared error {error:6.2f} per image")
assert errors["pretrained, sigmoid, Adam"] < errors["random, sigmoid, Adam"]
assert errors["pretrained, sigmoid, CG"] < errors["random, sigmoid, CG"]
assert errors["random, ReLU, Adam"] < errors["random, sigmoid, Adam"]

# %% [markdown]
# For logistic units pretraining is still worth a lot. ReLU units do without it: that is what has made it rare. What it
# buys on the full net with all of MNIST is measured by `tinyae hinton2006`.
#
# ## Figure 3
#
# Eight epochs are too few for a picture: here are 30 from the pretrained start, with a rate that falls. Then codes of
# test digits, PCA left, the net right. Five nearest neighbours vote for the class: a number for what the eye sees.

# %% tags=["work"]
best, _ = finetuned(unrolled, Adam(Cosine(4e-3, warmup=0.05), beta2=0.99), 30, 50)
print(f"squared error {best.evaluate(test)['squared_error']:.2f}, PCA {errors['PCA']:.2f}")
assert best.evaluate(test)["squared_error"] < min(errors.values())

# %% tags=["thumbnail"]
maps = {"PCA": pca.encode(test), "autoencoder": best.encode(test)}
trained = {"PCA": pca.encode(x), "autoencoder": best.encode(x)}
vote = {name: knn_accuracy(trained[name], data.y_train, maps[name], labels) for name in maps}
assert vote["autoencoder"] > vote["PCA"]
panels = [(f"{name}: {vote[name]:.0%} of 5-neighbour votes are right", maps[name]) for name in maps]
plots.code_maps(panels, labels, "0123456789", "Two numbers for each of 1000 test digits")

# %% [markdown]
# The picture of the paper has 60,000 training digits and 200 epochs behind it: `tinyae hinton2006` makes it in about
# five minutes, `tinyae hinton2006 --recipe paper` as the authors did, in hours.
#
# **Recap.**
# - Each machine of the stack learns the hidden means of the one below; the last has linear units.
# - Unrolled: the same weights up and, transposed, down. Then all parameters are free.
# - From a random start the deep logistic net stays at the mean image; pretraining starts it where there is a gradient.
# - ReLU, He's initialisation and Adam get there without it.
#
# **Exercises** ([solutions](solutions/18_hinton_salakhutdinov.py))
# 1. Pretrain only the first two machines and leave the other two as they are drawn. Where does fine-tuning end?
# 2. How large is the gradient of the first layer's weights at the random start and at the pretrained one, before any
#    fine-tuning? (`tinyae.inside.parameter_gradients`)
# 3. Give the code 10 numbers. How does the distance between PCA and the net change?
