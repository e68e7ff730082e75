# %% [markdown]
# # 13. Denoising: solutions
# The exercises of [tutorial 13](../13_denoising.py).

# %%
import numpy as np

from tinyae import Adam, Autoencoder, Dense
from tinyae.analysis import PCA, psnr
from tinyae.copying import copying
from tinyae.corruption import Gaussian
from tinyae.datasets import load

data = load("auto", limit=2000)
x, test = data.x_train, data.x_test[:500]
noise = Gaussian(0.5)
noisy_test = noise(test, np.random.default_rng(1))


# %% [markdown]
# **1.** With fixed pairs the net learns these pairs: it is better on them, and worse on new images. Fresh noise is as
# good as more data.


# %%
def net(corruption=None, k=200, unit="sigmoid", loss="bce"):
    layers = [Dense(k, "relu", init="he")], [Dense(784, unit)]
    return Autoencoder(*layers, loss, input_shape=784, corruption=corruption)


# %% tags=["work"]
noisy = noise(x, np.random.default_rng(0))
fixed, fresh = net(), net(noise)
fixed.fit(noisy, x, epochs=40, optimizer=Adam(2e-3), progress=False)
history = fresh.fit(x, epochs=40, optimizer=Adam(2e-3), progress=False)

# %%
found = {}
for name, model in {"fixed": fixed, "fresh": fresh}.items():
    found[name] = psnr(x, model.reconstruct(noisy)), psnr(test, model.reconstruct(noisy_test))
    print(f"{name} noise: training pairs {found[name][0]:.1f} dB, new images {found[name][1]:.1f} dB")
assert found["fixed"][0] > found["fresh"][0] + 1 and found["fixed"][1] < found["fresh"][1] - 1

# %% [markdown]
# **2.** Minimise the mean of $\Vert (x + n) M - x \Vert^2$ for centred $x$ with covariance $C$ and noise $n$ with
# covariance $\sigma^2 1$, independent of $x$. The slope in $M$ is 0 for $(C + \sigma^2) M = C$. So $M = (C +
# \sigma^2)^{-1} C$, which has $C$'s eigenvectors and the eigenvalues $\lambda / (\lambda + \sigma^2)$: what varies more
# than the noise is kept, what varies less is taken for noise. It is the Wiener filter. With least squares on noisy
# copies of 14 x 14 digits:

# %%
small = x.reshape(-1, 14, 2, 14, 2).mean(axis=(2, 4)).reshape(-1, 196).astype(np.float64)
centred, sigma, rng = small - small.mean(axis=0), 0.3, np.random.default_rng(2)
clean = np.tile(centred, (10, 1))
noisy = clean + sigma * rng.normal(size=clean.shape)
M = np.linalg.solve(noisy.T @ noisy, noisy.T @ clean)  # least squares: the normal equations

# %%
pca = PCA(small, 20)
kept = np.diag(pca.components.T @ M @ pca.components)
expected = pca.variances / (pca.variances + sigma**2)
assert np.allclose(kept, expected, atol=0.03)
print(f"component 1: {kept[0]:.3f}, expected {expected[0]:.3f}; 20: {kept[19]:.3f}, expected {expected[19]:.3f}")

# %% [markdown]
# **3.** Both reconstruct; the one without noise lets more of any change through. (Linear output units, as a saturated
# sigmoid lets nothing through either way.)

# %% tags=["work"]
found = {}
for name, corruption in {"plain": None, "denoising": Gaussian(0.5, None, None)}.items():
    model = net(corruption, 1000, None, "mse")
    model.fit(x, epochs=10, optimizer=Adam(5e-4), progress=False)
    found[name] = copying(model, test)
    print(f"{name:<10} trace {found[name].trace:.3f}, shuffled {found[name].shuffled:.2f}")
assert found["plain"].trace > 2 * found["denoising"].trace
