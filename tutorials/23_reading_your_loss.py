# %% [markdown]
# # 23. Reading your loss: floor, mean image, PCA, and ten broken autoencoders
#
# **Goal.** Tell from a loss whether a net has learned anything, and find out what is wrong where it has not.
# **Needs** tutorials 3 (losses), 5 (training) and 7 (PCA). **Takes** 20 seconds to run, 45 minutes to read.
#
# "My loss is stuck at 0.26. Is that good?" A loss by itself says nothing. Three others beside it do: that of the **mean
# image**, which knows nothing about the single image; that of **PCA** with a code of the same size, the best linear
# autoencoder; and the **floor**, below which no net can come.

# %%
import numpy as np

from tinyae import L1, SGD, Adam, Autoencoder, Dense, plots
from tinyae.analysis import PCA, bce_floor, binary_cross_entropy
from tinyae.architectures import dense_autoencoder, variational_autoencoder
from tinyae.datasets import load

data = load("auto", limit=2500)
x, held = data.x_train[:2000], data.x_test[:500]

# %% [markdown]
# ## The floor
#
# Cross-entropy is not 0 for a perfect reconstruction. Where a pixel is grey, $x_k = 0.5$, even the output $x'_k = x_k$
# costs $-x_k \log x_k - (1 - x_k) \log(1 - x_k) = \log 2$ nats. **Before you run the next cell:** what is the floor of
# an image whose pixels are all 0 or 1?

# %%
assert np.isclose(bce_floor(np.full((1, 1), 0.5)), np.log(2))
assert bce_floor(np.round(x)) == 0
floor = bce_floor(x)
print(f"floor {floor:.1f} nats an image, {floor / 784:.4f} a pixel")

# %% [markdown]
# ## The mean image, and PCA
#
# **Predict** the order of the three numbers, and guess how far PCA with 16 numbers goes from the first to the last.

# %%
mean_image = np.broadcast_to(x.mean(axis=0), x.shape)
nothing = binary_cross_entropy(x, mean_image)
pca = PCA(x, 16)
linear = binary_cross_entropy(x, np.clip(pca.reconstruct(x), 1e-7, 1 - 1e-7))
assert floor < linear < nothing
print(f"mean image {nothing:.1f}, PCA-16 {linear:.1f}, floor {floor:.1f} nats an image")
print(f"mean image {nothing / 784:.4f} nats a pixel")

# %% [markdown]
# A net that answers every image with the mean image has that loss, and many nets do at first: it is the easiest thing
# to learn, done by the output biases alone. On MNIST's test set it is 0.26 nats a pixel. That is what "stuck at 0.26"
# is.
#
# PCA's outputs leave the range from 0 to 1 and have to be cut, so its cross-entropy depends on where. Compare squared
# errors too before you say that a net has beaten PCA.
#
# ## A healthy net
#
# `fit` notes these three in `history.baselines`, and prints them where it shows its progress.

# %% tags=["work"]
net = dense_autoencoder(784, (64,), 16)
history = net.fit(x, epochs=12, batch_size=50, optimizer=Adam(2e-3), validation_data=held, progress=False)
baselines = history.baselines
assert np.isclose(baselines["floor"], bce_floor(held), rtol=1e-3) and history.warnings == []


def curves(history):
    series = {"training": history["loss"], "validation": history["val_loss"]}
    return plots.loss_curves([("cross-entropy, nats per image", series, history.baselines)])


curves(history)

# %% [markdown]
# How far is it on its way from the mean image to the floor? That share means the same for every data set.

# %%
way = (baselines["mean_image"] - history["val_loss"][-1]) / (baselines["mean_image"] - baselines["floor"])
assert 0.3 < way < 1
print(f"{way:.0%} of the way")

# %% [markdown]
# ## Ten patients
#
# Each of the following has one thing wrong with it. The rules: look at how it was made and at the loss of its first and
# last epoch, say what is wrong, and only then run the cell after it, in which tinyae says what it found
# (`history.warnings`; `fit` also prints it where it shows its progress).


# %%
def examine(net, x, optimizer, epochs=6, **more):
    history = net.fit(x, epochs=epochs, batch_size=50, optimizer=optimizer, progress=False, **more)
    first, last = history["loss"][0], history["loss"][-1]
    nothing = history.baselines["mean_image"]
    print(f"loss {first:.4g} after epoch 1, {last:.4g} after epoch {epochs}; mean image {nothing:.4g}")
    return history


# %% [markdown]
# **Patient 1.** Somebody read the images as they lie in the file.

# %% tags=["work"]
one = examine(dense_autoencoder(784, (64,), 16, loss="mse"), x * 255, Adam())

# %%
assert "lie outside [0, 1]" in one.warnings[0]
print(one.warnings[0])

# %% [markdown]
# A sigmoid ends at 1, the data at 255. With cross-entropy tinyae refuses to start; squared error would let it pass.
#
# **Patient 2.** A fine net, in a hurry.

# %% tags=["work"]
two = examine(dense_autoencoder(784, (64,), 16), x, Adam(0.3))

# %%
assert "dead units: 64 of 64" in two.warnings[0]
print(two.warnings[0])

# %% [markdown]
# The loss is exactly where a net ends up that ignores its input: one huge step has pushed every ReLU below 0 for all
# images, where its gradient is 0. No later step can bring it back.
#
# **Patient 3.** A fine net, in no hurry at all.

# %% tags=["work"]
three = examine(dense_autoencoder(784, (64,), 16), x, Adam(1e-7))

# %%
assert "does not fall" in three.warnings[0] and "larger learning rate" in three.warnings[0]
print(three.warnings[0])

# %% [markdown]
# Compare with patient 2: there the loss had come down to the mean image's, here it is still that of the beginning,
# $784 \log 2 = 543$ nats, which is what outputs of 0.5 cost.

# %%
assert np.isclose(three["loss"][0], 784 * np.log(2), rtol=0.01)

# %% [markdown]
# **Patient 4.** Units with an end on both sides this time.

# %% tags=["work"]
four = examine(dense_autoencoder(784, (64,), 16, hidden_activation="tanh"), x, SGD(5.0, momentum=0.9))

# %%
assert "dead units" in four.warnings[0] and any("smaller learning rate" in text for text in four.warnings)
print("\n".join(four.warnings))

# %% [markdown]
# A loss far *above* that of the mean image means that steps overshoot. A tanh dies at both ends: **saturated** units.
#
# **Patient 5.** Wanted: a very sparse code.

# %% tags=["work"]
sparse = Autoencoder([Dense(32, "relu")], [Dense(784, "sigmoid")], "bce", input_shape=784, penalty=L1(30.0))
five = examine(sparse, x, Adam())

# %%
assert "the code is the same" in five.warnings[0] and "L1(weight=30.0)" in five.warnings[0]
print(five.warnings[0])

# %% [markdown]
# The sparsest code is 0 for everything. Look at the penalty and the loss as two series: `history["loss"]` is without
# it.
#
# **Patient 6.** It has been given 60 images, and reconstructs them splendidly.

# %% tags=["work"]
six = examine(dense_autoencoder(784, (256,), 64), x[:60], Adam(2e-3), epochs=120, validation_data=held)

# %%
assert "overfitting" in six.warnings[0] and six["val_loss"][-1] > min(six["val_loss"])
curves(six)

# %% [markdown]
# The training loss goes to the floor, the validation loss turns back up. `EarlyStopping` would have taken the weights
# of its lowest point; more images would have helped more.
#
# **Patient 7.** Deep, sigmoid, plain gradient descent: a patient of 1990.

# %% tags=["work"]
encoder = [Dense(100, "sigmoid") for _ in range(4)] + [Dense(8)]
decoder = [Dense(100, "sigmoid") for _ in range(4)] + [Dense(784, "sigmoid")]
seven = examine(Autoencoder(encoder, decoder, "bce", input_shape=784), x, SGD(0.05))

# %%
assert "says next to nothing about the input" in seven.warnings[0]
print(seven.warnings[0])

# %% [markdown]
# The gradient shrinks by a factor of at most 1/4 at every sigmoid on its way down, so the encoder learns next to
# nothing (tutorial 9). Hinton and Salakhutdinov's answer was pretraining (tutorial 18), today's are ReLU and Adam.
#
# **Patient 8.** A variational autoencoder whose beta somebody set to 60.

# %% tags=["work"]
eight = examine(variational_autoencoder(hidden=(100,), code_size=4, beta=60.0), x, Adam(2e-3))

# %%
assert "variational code has collapsed" in eight.warnings[0]
print(eight.warnings[0])

# %% [markdown]
# **Patient 9.** Inputs and targets were shuffled. Each by itself.

# %% tags=["work"]
other_order = np.random.default_rng(0).permutation(len(x))
nine = examine(dense_autoencoder(784, (64,), 16), x, Adam(2e-3), y=x[other_order])

# %%
assert "the mean image" in nine.warnings[0]
print(nine.warnings[0])

# %% [markdown]
# No fault of the net: with a target that has nothing to do with the input, the mean image *is* the best answer. Where
# the loss stays at that of the mean image and no unit is dead, look at the data.
#
# **Patient 10.** The loss falls far below the mean image of the other patients. Something is odd all the same.

# %% tags=["work"]
ten = examine(dense_autoencoder(784, (64,), 16), np.tile(x[:1], (500, 1)), Adam())

# %%
assert "are the same" in ten.warnings[0] and ten["loss"][-1] < two.baselines["mean_image"]
print(ten.warnings[0])

# %% [markdown]
# A loop that reads the first file five hundred times. The mean image is *this* image, and its loss is the floor.
#
# And what no loss shows: a net with a code that is too wide may reconstruct everything and know nothing. For that there
# is `tinyae.copying` (tutorial 8).
#
# **Recap.**
# - Read a loss between the mean image's and the floor; PCA with a code of the same size is the mark to beat.
# - Far above the mean image: steps too large. At the mean image: dead units, a penalty, a gradient that fades, or data
#   that do not fit. At its first value: steps too small.
# - Training far below validation: overfitting, counted from the floor.
# - `history.warnings` says what tinyae found, `diagnose(net, x)` looks at a net that was trained elsewhere.
#
# **Exercises** ([solutions](solutions/23_reading_your_loss.py))
# 1. Cure patients 2, 5 and 7, each with the smallest change you can think of.
# 2. Binarise the images (`np.round`). What becomes of the floor, and of the distance between the healthy net and the
#    floor?
# 3. Make an eleventh patient, for which `history.warnings` stays empty although something is wrong.
