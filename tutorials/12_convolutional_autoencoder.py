# %% [markdown]
# # 12. A convolutional autoencoder, looked at from inside
#
# **Goal.** Build a convolutional autoencoder, film it while it learns a "5" over 150 epochs, and look at its filters,
# its feature maps, its code and its gradients. Know what it is good at, and what not. **Needs** tutorials 10
# (convolution) and 11 (smaller and back). **Takes** 40 seconds to run, 40 minutes to read.

# %%
import numpy as np

from tinyae import Autoencoder, Conv2D, Dense, Flatten, MaxPool, Reshape, Sigmoid, UpSample, plots
from tinyae.datasets import load

data = load("auto", limit=2000)
x = data.x_train[:500].reshape(-1, 28, 28, 1)
test = data.x_test[:500].reshape(-1, 28, 28, 1)
fives = data.x_test[data.y_test == 5][:6].reshape(6, 28, 28, 1)
five = fives[:1]

# %% [markdown]
# Three convolutions of 3 x 3 with pooling down to a code of 4 x 4 x 4 = 64 numbers, three back (the valid one brings 16
# to 14, tutorial 11).


# %%
def conv(filters, padding="same"):
    return Conv2D(filters, 3, padding=padding, activation="relu", init="he")


encoder = [conv(8), MaxPool(2), conv(8), MaxPool(2), conv(4), MaxPool(2, padding="same")]
decoder = [conv(4), UpSample(2), conv(8), UpSample(2), conv(8, "valid"), UpSample(2),
           Conv2D(1, 3, activation="sigmoid")]  # fmt: skip
model = Autoencoder(encoder, decoder, "bce", input_shape=(28, 28, 1))

# %% [markdown]
# **Before you look at the picture:** how many weights has the first convolution? And the second, which looks at 8
# channels?

# %%
assert model.encoder.layers[0].n_params == 3 * 3 * 1 * 8 + 8
assert model.encoder.layers[2].n_params == 3 * 3 * 8 * 8 + 8
plots.architecture(model)

# %% [markdown]
# ## One step under the glass
#
# Before any training: every number of a forward and a backward pass with the "5". `check` compares all gradients with
# finite differences.

# %%
from tinyae.trace import trace

steps = trace(model, five)
assert all(checked.passed for checked in steps.check())
steps.find("encoder.conv2d_2", "backward")

# %% [markdown]
# ## Training, filmed
#
# 500 digits, 150 epochs. One film shows six digits the net is not trained on, all of them a "5", a frame every fifth
# epoch. Another shows its eight first filters. **Predict** what comes first: the place of the digit, its stroke, or its
# details?

# %%
film = plots.film_of_reconstructions(fives, (28, 28, 1), every=5)
filters_film = plots.film_of_filters(every=15, layer="encoder.conv2d_1")
before = {name: p.copy() for name, p in model.encoder.layers[0].params.items()}

# %% tags=["work"]
history = model.fit(x, epochs=150, batch_size=25, optimizer="nadam", validation_data=test, progress=False,
                    callbacks=[film, filters_film])  # fmt: skip

# %%
film

# %% [markdown]
# First a blob where digits are, then a stroke, then its bends. The last third of the epochs hardly changes it. The same
# as numbers, beside the loss of the mean image and of 64 principal components:

# %%
panel = ("cross-entropy per image, nats", {"training": history["loss"], "test": history["val_loss"]}, history.baselines)
plots.loss_curves([panel])

# %%
loss = history["loss"]
assert loss[-1] < 0.6 * history.baselines["mean_image"]
assert loss[0] - loss[49] > 20 * (loss[99] - loss[149]) > 0
print(f"epochs 1 to 50: {loss[0] - loss[49]:.1f} nats gained; 100 to 150: {loss[99] - loss[149]:.1f}")

# %% [markdown]
# ## Filters
#
# What do 3 x 3 filters look like? Here they are over the epochs; white is 0.

# %%
filters_film

# %% [markdown]
# They change, but one can read little from nine numbers. What a filter is good for is seen in what it makes of an
# image: its *feature map*. Here is the whole way of the "5" through the net, a row a layer.

# %%
from tinyae.inside import layer_outputs

outputs = layer_outputs(model, five)
assert outputs["encoder.maxpool_3"].shape == (1, 4, 4, 4)
moved = np.abs(model.encoder.layers[0].params["W"] - before["W"]).mean() / np.abs(before["W"]).mean()
print(f"the first filters moved by {moved:.0%} of their size")

# %% tags=["thumbnail"]
plots.feature_maps(outputs)

# %% [markdown]
# The first maps are edges and filled strokes. Each pooling leaves a coarser picture with the strongest answers. The
# code is four maps of 4 x 4; the decoder paints the digit from them, coarse to fine.
#
# ## What does a number of the code see?
#
# A convolution of 3 x 3 sees three rows. Two layers further on, one number stands for more: its *receptive field*. Each
# layer adds its window less one, times the rows that one step means there; a pooling doubles these. **Work it out** for
# the code: start with 1 row, steps of 1; convolution 3, pooling 2, three times.

# %%
rows, step = 1, 1
for window, stride in ((3, 1), (2, 2)) * 3:
    rows, step = rows + (window - 1) * step, step * stride
assert (rows, step) == (22, 8)
print(f"a number of the code sees {rows} rows; its neighbour sees the same, {step} rows further on")

# %% [markdown]
# Is it true? The gradient of one number of the code says which pixels it depends on. For a single image these are only
# the pixels that won their poolings, so we take 200 images of noise together.

# %%
noise = np.random.default_rng(0).uniform(size=(200, 28, 28, 1)).astype(np.float32)
dy = np.zeros_like(model.encoder.forward(noise))
dy[:, 1, 1] = 1.0  # row 1, column 1 of all four maps
seen = np.abs(model.encoder.backward(dy)).sum(axis=(0, 3))
where = np.flatnonzero(seen.sum(axis=1))
print(f"rows {where[0]} to {where[-1]}: {where[-1] - where[0] + 1} rows")

# %%
assert 1 <= where[0] and where[-1] <= 22  # 22 rows, from row 1 on
figure = plots.Figure(figsize=(4.6, 3.6), layout="constrained")
axis = figure.subplots()
picture = axis.imshow(seen, cmap="viridis")
axis.set(xlabel="column", ylabel="row", title="what code (1, 1) depends on")
figure.colorbar(picture, label="sum of |d code / d pixel|")
figure

# %% [markdown]
# The middle counts most: more ways lead there.
#
# ## Gradients
#
# What is still asked of the weights, for the "5"? Each parameter's gradient, each on its own scale. And of the maps:

# %%
from tinyae.inside import output_gradients, parameter_gradients

weights = {name: g for name, g in parameter_gradients(model, five).items() if name.endswith("W")}
plots.gradients(weights)

# %%
maps = output_gradients(model, five)
assert maps["decoder.conv2d_4"].shape == (1, 28, 28, 1)
assert np.allclose(maps["decoder.conv2d_4"], model.reconstruct(five) - five, atol=1e-5)
plots.feature_maps(maps, gradient=True)

# %% [markdown]
# The last row is $x' - x$ (tutorial 3): purple where the net was too dark, green where it was too bright. On the way to
# the input the picture of what is wrong comes apart into what each map should have done.
#
# ## Beside dense nets
#
# **Which is better,** with the same 64 numbers as a code: this net or a dense one? And which with about the same number
# of weights? Write down your guess.


# %%
def dense(k):
    layers = [Flatten(), Dense(k)], [Dense(784), Reshape((28, 28, 1)), Sigmoid()]
    return Autoencoder(*layers, "bce", input_shape=(28, 28, 1))


# %% tags=["work"]
nets = {"convolutional, code 64": model, "dense, code 64": dense(64), "dense, code 1": dense(1)}
for name in ("dense, code 64", "dense, code 1"):
    nets[name].fit(x, epochs=150, batch_size=25, optimizer="nadam", progress=False)
errors = {name: net.evaluate(test)["squared_error"] for name, net in nets.items()}
for name, net in nets.items():
    print(f"{name:<24} {net.n_params:7,} weights   squared error {errors[name]:.1f}")

# %%
assert errors["dense, code 64"] < 0.7 * errors["convolutional, code 64"] < 0.4 * errors["dense, code 1"]
assert nets["dense, code 64"].n_params > 40 * model.n_params > 30 * nets["dense, code 1"].n_params

# %% [markdown]
# The dense net wins by far with the same code: digits are centred, so every pixel has its own meaning, and it can
# afford weights of its own for each. With as many weights as the convolutional net it could hardly do anything.
#
# **And if the digits are not in the middle?** Three rows down and four columns to the right, and no net has seen that
# in training.

# %%
shifted = np.roll(test, (3, 4), axis=(1, 2))
worse = {name: net.evaluate(shifted)["squared_error"] / errors[name] for name, net in nets.items()}
for name, ratio in worse.items():
    print(f"{name:<24} error times {ratio:.1f}")

# %%
assert worse["convolutional, code 64"] < 0.7 * worse["dense, code 64"]
shown = np.concatenate([test[:5], shifted[:5]])
rows = [("given", shown), *((name, net.reconstruct(shown)) for name, net in nets.items())]
plots.reconstruction_rows([(name, images.reshape(10, -1)) for name, images in rows], (28, 28, 1))

# %% [markdown]
# What the convolutional net knows of strokes holds everywhere. What the dense net knows holds where it learned it.
#
# **Recap.**
# - Pooling and convolution make few numbers see much: 22 of 28 rows here, with 2,057 weights.
# - Most of the learning is over early: place, then stroke, then little by little the details.
# - Filters of 3 x 3 are best looked at through their maps.
# - With the same code a dense net reconstructs centred digits better; the convolutional one is small, and what it has
#   learned it can do anywhere.
#
# **Exercises** ([solutions](solutions/12_convolutional_autoencoder.py))
# 1. Replace each pooling by a stride of 2 in the convolution before it, and each upsampling and convolution by a
#    `ConvTranspose`. How many weights has that net, and how well does it learn in 40 epochs?
# 2. Put a digit on a black image of 64 x 64 pixels, and move it by 8 rows. What does the code of the trained encoder
#    do? And when it moves by 1 row?
# 3. How large would the receptive field of the code be with filters of 5 x 5? Write a function for any list of layers,
#    and use it on the encoder.
