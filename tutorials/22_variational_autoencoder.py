# %% [markdown]
# # 22. A variational autoencoder
#
# **Goal.** Turn an autoencoder into a machine that makes new images: a code that is a distribution, the bound it is
# trained on, and the gradient that passes through a random draw.
# **Needs** tutorials 3 (losses) and 5 (the smallest autoencoder). **Takes** 30 seconds to run, 40 minutes to read.
#
# Take a trained autoencoder, make up a code, decode it: mostly you get a smear. Nothing in its training asked for codes
# *between* those of the training images. A variational autoencoder asks. Its encoder does not give one code $z$ for an
# image $x$ but a normal distribution, with a mean $\mu_j$ and a variance $\sigma_j^2$ for each code number $j$; the
# decoder gets a draw from it; and a second term of the loss pulls all these distributions towards the same one,
# $N(0, 1)$. Codes then fill a known region without holes, and one can draw from it.

# %%
import numpy as np

from tinyae import Adam, Autoencoder, Dense, GaussianCode, plots
from tinyae.architectures import dense_autoencoder, variational_autoencoder
from tinyae.codespace import code_grid
from tinyae.datasets import load
from tinyae.trace import trace
from tinyae.variational import evidence_lower_bound, generate, log_likelihood

# %% [markdown]
# ## A draw with a gradient
#
# To draw from $N(\mu, \sigma^2)$, draw $\epsilon$ from $N(0, 1)$ and set
#
# $$z = \mu + \sigma \epsilon, \qquad \sigma = e^{s/2}.$$
#
# The layer `GaussianCode` does that. The layer before it gives $\mu$ and $s = \log \sigma^2$ side by side: a variance
# has to be positive, a logarithm need not be. As $\epsilon$ does not depend on any parameter, $z$ is an ordinary
# function of $\mu$ and $s$. **Before you run the next cell:** what are $\partial z / \partial \mu$ and $\partial z /
# \partial s$?

# %%
layer = GaussianCode(beta=0.0).build(2, dtype=np.float64)
layer.set_training(True)
layer.reseed(np.random.default_rng(0))
mu, s = 0.5, np.log(0.04)
z = layer.forward(np.array([[mu, s]]))[0, 0]
dmu, ds = layer.backward(np.array([[1.0]]))[0]
assert np.isclose(dmu, 1) and np.isclose(ds, (z - mu) / 2)
print(f"sigma = {np.exp(s / 2):.1f}, z = {z:.4f}, dz/dmu = {dmu:.0f}, dz/ds = {ds:.4f}")

# %% [markdown]
# $\partial z / \partial s = \frac{1}{2} \sigma \epsilon$: half of what the noise added. This rewriting of a draw is
# called the **reparameterisation trick**.
#
# ## The second term
#
# How far is $N(\mu, \sigma^2)$ from $N(0, 1)$? The Kullback-Leibler divergence says it in nats, and for normal
# distributions the integral can be done:
#
# $$\mathrm{KL} = \frac{1}{2} \sum_j \left( \mu_j^2 + \sigma_j^2 - 1 - \log \sigma_j^2 \right)$$
#
# It is 0 only for $\mu = 0$, $\sigma = 1$. Let us not believe the formula but estimate the integral
# $\mathrm{E}_q[\log q(z) - \log p(z)]$ with a million draws.

# %%
sigma, draws = 0.2, np.random.default_rng(1).normal(size=1_000_000)
codes = mu + sigma * draws
log_q, log_p = -(draws**2) / 2 - np.log(sigma), -(codes**2) / 2  # both without log sqrt(2 pi)
formula = 0.5 * (mu**2 + sigma**2 - 1 - np.log(sigma**2))
layer.forward(np.array([[mu, s]]))
assert np.isclose(layer.divergence()[0], formula) and abs(np.mean(log_q - log_p) - formula) < 0.01
print(f"formula {formula:.4f}, mean of a million draws {np.mean(log_q - log_p):.4f}")

# %% [markdown]
# ## Every number of one step
#
# A net of three pixels and one code number, one image. `trace` draws $\epsilon$ once and keeps it. Its last backward
# step through the code shows both pulls on $\mu$: what the decoder wants, and the divergence's pull towards 0.

# %%
tiny = Autoencoder([Dense(2), GaussianCode()], [Dense(3, "sigmoid")], "bce", input_shape=3)
steps = trace(tiny, np.array([[1.0, 0.0, 1.0]]), optimizer="adam", training=True)
back = steps.find("GaussianCode", "backward")
back

# %%
print(back.why(0, 0), back.why(0, 1), sep="\n\n")
assert back.check().passed

# %% [markdown]
# The finite difference agrees, although the step is random: it is compared at the same $\epsilon$.
#
# ## Trained
#
# Both terms together bound how probable the net finds the data,
#
# $$\log p(x) \ge \mathrm{E}_q \log p(x|z) - \mathrm{KL}(q(z|x) \,\|\, p(z)),$$
#
# the **evidence lower bound**. The first term is minus the cross-entropy we know, the second the divergence. So
# training minimises a sum, both terms in nats. We take a code of two numbers, and beside it a plain autoencoder of the
# same size. **Predict:** which of the two has the smaller cross-entropy?

# %% tags=["work"]
data = load("auto", limit=6000)
x, test = data.x_train, data.x_test[:500]
model = variational_autoencoder(hidden=(200,), code_size=2)
history = model.fit(x, epochs=20, batch_size=100, optimizer=Adam(2e-3), progress=False)
plain = dense_autoencoder(784, (200,), 2, code_activation="linear")
plain_history = plain.fit(x, epochs=20, batch_size=100, optimizer=Adam(2e-3), progress=False)

# %%
last = history.rows[-1]
assert np.isclose(last["objective"], last["loss"] + last["kl"])
assert plain_history.rows[-1]["loss"] < last["loss"]
print(f"variational: cross-entropy {last['loss']:.1f} + divergence {last['kl']:.1f} = {last['objective']:.1f} nats")
print(f"plain:       cross-entropy {plain_history.rows[-1]['loss']:.1f} nats")

# %% [markdown]
# The plain net reconstructs better. It may put its codes anywhere and tell two images apart by a hair's breadth; the
# variational one has to make itself understood over a noisy line. The divergence is the line's price: so many nats of
# information about the image pass through the code.

# %%
bound = evidence_lower_bound(model, test, samples=10)
tighter = log_likelihood(model, test, samples=50)
assert bound["elbo"] < tighter
print(f"evidence lower bound {bound['elbo']:.1f}, with 50 samples an image {tighter:.1f} nats")

# %% [markdown]
# `log_likelihood` averages inside the logarithm (importance weighting); that bound is never worse, and comes nearer to
# $\log p(x)$ with more samples.
#
# ## Where the codes are
#
# **Guess** the standard deviation of the variational codes over the test images, and that of the plain ones.

# %%
codes, plain_codes = model.encode(test), plain.encode(test)
assert codes.std() < 1.5 < plain_codes.std()
print(f"variational {codes.std():.2f}, plain {plain_codes.std():.2f}")
plots.code_maps(
    [("variational", codes), ("plain", plain_codes)], data.y_test[:500], "0123456789", "Codes of 500 test digits"
)

# %% [markdown]
# The encoder's own spread counts, too: mean and draw together should look like $N(0, 1)$, whose standard deviation is
# 1.
#
# ## New images
#
# Draw $z$ from $N(0, 1)$, decode. None of these is in the training set.

# %% tags=["thumbnail"]
new = generate(model, 24, seed=1)
assert new.shape == (24, 784)
squared = (new**2).sum(axis=1)[:, None] + (x**2).sum(axis=1) - 2 * new @ x.T
assert np.sqrt(squared.min()) > 0.5
rows = [("drawn", new[:12]), ("drawn", new[12:])]
plots.reconstruction_rows(rows, (28, 28, 1), title="New digits from a code of two numbers")

# %% [markdown]
# And the whole code space, walked through in steps of equal probability: one shape turns into the next without a
# gap. With the plain net's codes such a grid would cross empty land.

# %%
grid = code_grid(np.random.default_rng(0).normal(size=(5000, 2)), n=12)
images = model.decode(grid.codes.astype(np.float32))
plots.manifold(images, (28, 28, 1), grid.first, grid.second, "The decoder over its code")

# %% [markdown]
# ## What beta does, and a collapse
#
# `GaussianCode(beta)` weighs the divergence. With a large beta the line gets too expensive: the cheapest is to say
# nothing, $\mu = 0$, $\sigma = 1$ for every image, and to decode the mean image. This is called **posterior collapse**.

# %% tags=["work"]
dear = variational_autoencoder(hidden=(200,), code_size=2, beta=60.0)
dear.fit(x, epochs=5, batch_size=100, optimizer=Adam(2e-3), progress=False)
silent = evidence_lower_bound(dear, test)
assert silent["kl"] < 0.5
mean_image = np.tile(x.mean(axis=0), (len(test), 1))
print(
    f"KL {silent['kl']:.3f} nats; squared error {dear.evaluate(test)['squared_error']:.1f}, "
    f"of the mean image {np.square(test - mean_image).sum(axis=1).mean():.1f}"
)

# %% [markdown]
# **Recap.**
# - The code is a distribution; $z = \mu + \sigma \epsilon$ lets the gradient through the draw.
# - The loss is cross-entropy plus divergence, both in nats; minus their sum is a lower bound of $\log p(x)$.
# - It reconstructs worse than a plain autoencoder of the same size, and in return its code can be drawn from.
# - A divergence near 0 means that the code says nothing.
#
# **Exercises** ([solutions](solutions/22_variational_autoencoder.py))
# 1. Show by finite differences that $\partial \mathrm{KL} / \partial s_j = \frac{1}{2} (e^{s_j} - 1)$. For which
#    $\sigma$ is it 0?
# 2. Give the code 10 numbers instead of 2. What happens to the cross-entropy, to the divergence, to their sum?
# 3. Walk on a straight line between the codes of two test digits, in five steps, with both nets. Which intermediate
#    images look more like digits? Measure it: the distance to the nearest training image.
