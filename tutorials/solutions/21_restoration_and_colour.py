# %% [markdown]
# # Solutions: 21. Restoration
# The exercises of [tutorial 21](../21_restoration_and_colour.py).

# %%
import numpy as np

from tinyae import Adam
from tinyae.applications.restoration import Watermark, image_psnr, inpaint_biharmonic, restoration_net, restore
from tinyae.corruption import Gaussian
from tinyae.datasets import load
from tinyae.schedules import Cosine

data = load("auto", limit=3000)
x, test = data.x_train.reshape(-1, 28, 28, 1), data.x_test[:60].reshape(-1, 28, 28, 1)


def trained(damage):
    net = restoration_net((28, 28, 1), filters=16, depth=6, corruption=damage)
    net.fit(x, epochs=2, batch_size=8, optimizer=Adam(Cosine(6e-3, warmup=0.05)), progress=False)
    return net


# %% [markdown]
# **1.** Under an opaque pen there is nothing left to use, and the net has to find the ink *and* guess: it falls back by
# many decibels. The sheet never used what was under the ink, so it loses next to nothing.

# %% tags=["work"]
nets, lead, sheets = {}, {}, {}
for opacity in (0.5, 1.0):
    damage = Watermark(opacity)
    marked, mask = damage.with_mask(test, np.random.default_rng(0))
    nets[opacity] = trained(damage)
    net = image_psnr(test, restore(nets[opacity], marked)).mean()
    sheets[opacity] = image_psnr(test, inpaint_biharmonic(marked, mask)).mean()
    lead[opacity] = net - sheets[opacity]
    print(f"opacity {opacity}: net {net:.1f} dB, biharmonic, told where, {sheets[opacity]:.1f} dB")
assert lead[1.0] < lead[0.5] - 3 and abs(sheets[1.0] - sheets[0.5]) < 0.5

# %% [markdown]
# **2.** Clean pictures lose next to nothing. Weak noise goes, too, although the net has never seen any: to tell ink
# from digit it has learned what digits look like. It is better than the median filter there, but with strong noise,
# which looks like nothing it knows, it is worse. A net is sure to undo the damage it was trained on and no other.

# %%
from tinyae.applications.restoration.classical import median_filter

clean = image_psnr(test, restore(nets[0.5], test)).mean()
assert clean > 38
print(f"clean pictures come back with {clean:.1f} dB")
after = {}
for noise in (0.2, 0.4):
    noisy = np.clip(Gaussian(noise)(test, np.random.default_rng(0)), 0, 1)
    images = {"noisy": noisy, "median filter": median_filter(noisy), "net": restore(nets[0.5], noisy)}
    after[noise] = {name: image_psnr(test, made).mean() for name, made in images.items()}
    print(f"noise {noise}:", ", ".join(f"{name} {value:.1f} dB" for name, value in after[noise].items()))
assert after[0.2]["net"] > after[0.2]["median filter"] > after[0.2]["noisy"]
assert after[0.4]["noisy"] < after[0.4]["net"] < after[0.4]["median filter"]

# %% [markdown]
# **3.** The median: 1. Such a net paints sharp pictures and full colours, and is entirely wrong in three cases of ten,
# without showing that it was unsure. Grey is at least a confession.

# %%
outcomes, answers = np.array([1.0] * 7 + [0.0] * 3), np.linspace(0, 1, 101)
expected = [np.mean(np.abs(outcomes - answer)) for answer in answers]
assert answers[np.argmin(expected)] == np.median(outcomes) == 1
