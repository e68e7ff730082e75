"""The net that compresses: a bounded code that learns to bear rounding.

The stack of Hinton & Salakhutdinov (2006) is pretrained with RBMs and unrolled; then its linear code becomes a logistic
one, and fine-tuning adds to every code the noise that rounding to a few bits would. The net then fills the range of
each unit evenly, which is why b bits of a unit carry nearly b bits.

Source of the noise: J. Balle, V. Laparra, E. P. Simoncelli, "End-to-end optimized image compression", ICLR 2017,
section 3: uniform noise as wide as a quantiser's cell stands for its rounding, and lets the gradient through.
"""

import numpy as np

from tinyae.architectures import HINTON_HIDDEN
from tinyae.architectures.dense import dense_autoencoder
from tinyae.autoencoder import Autoencoder
from tinyae.checks import UsageError, check_int
from tinyae.layers.noise import Noisy
from tinyae.optimizers import Adam
from tinyae.rbm import fit_stack, unroll
from tinyae.schedules import Cosine

# A random one for every image and step, so that one net serves all. Found with 20,000 training and 5,000 held-out
# images of MNIST, 8 epochs, PSNR at 30, 60 and 240 bits: no noise 14.9, 17.6, 20.9 dB; these 15.6, 18.8, 20.4; all from
# 1 to 8 bits 15.9, 18.8, 20.1.
NOISE_BITS = (2, 4, 6, 8)
PRETRAIN_EPOCHS, EPOCHS = 4, 30
LEAST_PRETRAIN_STEPS, LEAST_STEPS = 600, 3000  # where a set is so small that these epochs have fewer, it gets more
BATCHES, SMALLEST_BATCH, LARGEST_BATCH, LARGEST_RBM_BATCH = (
    100,
    20,
    200,
    100,
)  # a small set gets small batches, and so more steps
LR, BETA2, WARMUP = 4e-3, 0.99, 0.05  # as hinton2006 takes for a code of 30
SPREAD = 1.7  # standard deviations to pre-activations: the logistic of 1.7 t is nearly the normal distribution's Phi(t)
STATISTICS_ROWS = 10_000


class QuantisationNoise(Noisy):
    """y = x + u / 2^b while training, u uniform in [-1/2, 1/2), b drawn for every row; y = x otherwise.

    Parameters
    ----------
    bits : sequence of int
        What b is drawn from. Codes in [0, 1] rounded to b bits have cells of width 2^-b.

    Shapes: x and y (N, K).
    """

    def __init__(self, bits=NOISE_BITS):
        super().__init__()
        self.bits = tuple(check_int("QuantisationNoise", "bits", b, 0) for b in bits)

    def forward(self, x):
        self.check_input(x)
        if not (self.training and self.bits):
            return x
        width = 0.5 ** self.rng.choice(self.bits, size=(len(x), 1))
        return x + ((self.rng.random(x.shape, np.float32) - 0.5) * width).astype(x.dtype)

    def backward(self, dy, need_dx=True):
        """Take dL/dy, return dL/dx = dL/dy."""
        return dy if need_dx else None

    def config(self):
        return {"bits": list(self.bits)}


def compression_autoencoder(input_size=784, code_size=30, hidden=HINTON_HIDDEN, seed=0):
    """784-1000-500-250-30 and back, logistic units everywhere, cross-entropy; random weights, no noise."""
    return dense_autoencoder(
        input_size, hidden, code_size, hidden_activation="sigmoid", code_activation="sigmoid", seed=seed
    )


def train_compressor(
    x, code_size=30, *, hidden=None, pretrain_epochs=None, epochs=None, batch_size=None,
    noise_bits=NOISE_BITS, seed=0, threads=None, progress=True, checkpoint=None,
):  # fmt: skip
    """Pretrain, unroll, bound the code, fine-tune under the noise of rounding.

    Parameters
    ----------
    x : float32 array (N, D)
        Images in [0, 1], a row each.
    code_size : int
    hidden : sequence of int, optional
        Sizes of the layers between image and code; `hidden_sizes` without it.
    pretrain_epochs, epochs : int, optional
        Of each RBM; of fine-tuning. Without them 4 and 30, and more for few images (`LEAST_STEPS`).
    batch_size : int, optional
        Without it N / 100, but from 20 to 200.
    noise_bits : sequence of int
        As in QuantisationNoise; none for no noise.
    seed : int
    checkpoint :
        As for `Autoencoder.fit`; pretraining is done again where a run is resumed, with the same bits.

    Returns
    -------
    model : Autoencoder
        Without the noise layer: codes (N, code_size) in [0, 1].
    history : History
        Of fine-tuning.
    """
    rng = np.random.default_rng(check_int("train_compressor", "seed", seed, 0))
    if x.ndim != 2 or not len(x) or x.min() < 0 or x.max() > 1:
        raise UsageError("train_compressor: expected rows (N, D) of numbers in [0, 1]; scale them first.")
    if batch_size is None:
        batch_size = min(LARGEST_BATCH, max(SMALLEST_BATCH, len(x) // BATCHES))
    rbm_batch = min(LARGEST_RBM_BATCH, batch_size)
    hidden = hidden_sizes(x.shape[1], code_size) if hidden is None else hidden
    pretrain_epochs = pretrain_epochs or _epochs(PRETRAIN_EPOCHS, LEAST_PRETRAIN_STEPS, len(x), rbm_batch)
    epochs = epochs or _epochs(EPOCHS, LEAST_STEPS, len(x), batch_size)
    rbms, _ = fit_stack(
        x, (*hidden, code_size), epochs=pretrain_epochs, seed=rng, threads=threads, progress=progress,
        momentum_switch=2, batch_size=rbm_batch,
    )  # fmt: skip
    model = bounded(unroll(rbms), x, threads)
    noisy = with_noise(model, noise_bits)
    history = noisy.fit(
        x, epochs=epochs, batch_size=batch_size, optimizer=Adam(Cosine(LR, warmup=WARMUP), beta2=BETA2), seed=rng,
        threads=threads, progress=progress and "fine-tuning", checkpoint=checkpoint,
    )  # fmt: skip
    model.theta[:] = noisy.theta
    return model, history


def hidden_sizes(input_size, code_size):
    """1000, 500, 250 for 784 pixels or more, in proportion fewer for fewer, and none smaller than the code."""
    return tuple(max(code_size, min(size, round(size * input_size / 784))) for size in HINTON_HIDDEN)


def _epochs(usual, least_steps, n, batch_size):
    """As many epochs as usual, or as many as make the least number of steps."""
    return max(usual, -(-least_steps // -(-n // batch_size)))


def with_noise(model, bits):
    """A net with the same parameters in the same order, and QuantisationNoise on its code."""
    hidden, k = _sizes(model)
    plain = compression_autoencoder(model.input_shape[0], k, hidden)
    layers = [*plain.encoder.layers, QuantisationNoise(bits)]
    noisy = Autoencoder(
        layers, plain.decoder.layers, loss="bce", input_shape=model.input_shape, dtype=model.theta.dtype
    )
    noisy.theta[:] = model.theta
    return noisy


def bounded(model, x, threads=None):
    """The unrolled net with a logistic code in place of its linear one, as nearly the same function as can be.

    With mean m and deviation s of each linear code z over x, the new code is c = logistic(SPREAD (z - m) / s), spread
    evenly over [0, 1] where z is normal. The decoder takes the straight line through z as a function of c.
    """
    hidden, k = _sizes(model)
    some = x[:STATISTICS_ROWS]
    z = model.encode(some, threads=threads).astype(np.float64)
    m, s = z.mean(axis=0), z.std(axis=0)
    s[s == 0] = 1  # a code that never changes
    new = compression_autoencoder(model.input_shape[0], k, hidden)
    new.theta[:] = model.theta  # the same layers but for the code's activation, which has no parameters
    up = _dense(new.encoder)[-1].params
    up["W"][:] *= SPREAD / s
    up["b"][:] = (up["b"] - m) * SPREAD / s
    c = new.encode(some, threads=threads).astype(np.float64)
    mean, variance = c.mean(axis=0), c.var(axis=0)
    slope = ((c - mean) * (z - m)).mean(axis=0) / np.where(variance > 0, variance, 1)  # z ~ m + slope (c - mean)
    down = _dense(new.decoder)[0].params
    down["b"][:] += (m - slope * mean) @ down["W"]
    down["W"][:] *= slope[:, None]
    return new


def sensitivity(model, x, threads=None, step=0.05):
    """Squared error of the reconstruction for a small error of 1 in each unit of the code: (K,), mean over x.

    By central differences of the decoder, |g(z + h) - g(z - h)|^2 / (2 h)^2 with h = `step` of each unit's deviation.
    """
    z = model.encode(x, threads=threads)
    size = np.empty(z.shape[1])
    for j, spread in enumerate(z.std(axis=0)):
        h = step * (spread or 1.0)
        above, below = z.copy(), z.copy()
        above[:, j] += h
        below[:, j] -= h
        change = model.decode(above, threads=threads) - model.decode(below, threads=threads)
        size[j] = np.square(change, dtype=np.float64).sum() / len(z) / (2 * h) ** 2
    return size


def _dense(net):
    return [layer for layer in net.layers if layer.params]


def _sizes(model):
    """Sizes of the hidden layers of an encoder of dense layers, and of its code."""
    *hidden, k = (layer.output_shape[0] for layer in _dense(model.encoder))
    return hidden, k
