"""Variational autoencoders beyond training: the bound, a tighter one, and new images.

For an Autoencoder whose encoder ends in `tinyae.layers.GaussianCode`, x = data, z = code, q(z|x) the code's normal
distribution and p(z) = N(0, 1):

    log p(x)  >=  E_q log p(x|z) - KL(q(z|x) || p(z))                                       (evidence lower bound)
    log p(x)  >=  E log 1/K sum_k p(x|z_k) p(z_k) / q(z_k|x),   z_k ~ q,   K samples         (importance weighted)

log p(x|z) is minus the loss: for BCE the log-probability of independent binary pixels, for MSE that of a normal
distribution of variance 1 without its constant.
"""

import numpy as np

from tinyae.checks import UsageError, as_float_array, check_int, check_samples
from tinyae.layers.gaussian_code import GaussianCode
from tinyae.training.memory import pieces

ROWS = 500  # images at a time


def evidence_lower_bound(model, x, samples=1, seed=0):
    """The evidence lower bound of x (N, ...) in nats per image, and its parts.

    Parameters
    ----------
    model : Autoencoder with a GaussianCode
    x : array (N, ...)
    samples : int
        Codes drawn per image.
    seed : int or numpy.random.Generator

    Returns
    -------
    dict
        `elbo`, `log_likelihood` = E_q log p(x|z) and `kl`, so that elbo = log_likelihood - kl. Without beta: that
        changes what a net is trained for, not what the bound is.
    """
    log_p, _, kl = _draw("evidence_lower_bound", model, x, samples, seed)
    likelihood = float(log_p.mean())
    return {"elbo": likelihood - float(kl.mean()), "log_likelihood": likelihood, "kl": float(kl.mean())}


def log_likelihood(model, x, samples=50, seed=0):
    """The importance-weighted lower bound of mean log p(x), in nats per image; it rises with `samples`.

    Source: Burda, Grosse & Salakhutdinov (2016), eq. 8.
    """
    log_p, log_ratio, _ = _draw("log_likelihood", model, x, samples, seed)
    weights = log_p + log_ratio  # (samples, N)
    top = weights.max(axis=0)
    return float(np.mean(top + np.log(np.mean(np.exp(weights - top), axis=0))))


def generate(model, n, seed=0):
    """n new images (n, ...): decoded from codes drawn from N(0, 1)."""
    _gaussian("generate", model)
    rng = np.random.default_rng(seed)
    codes = rng.standard_normal((check_int("generate", "n", n, 1), *model.encoder.output_shape), np.float32)
    return model.decode(codes.astype(model.theta.dtype, copy=False))


def _gaussian(who, model):
    last = model.encoder.layers[-1]
    if not isinstance(last, GaussianCode):
        raise UsageError(f"{who}: expected an encoder that ends in GaussianCode, got {last.name}.")
    return last


def _draw(who, model, x, samples, seed):
    """log p(x|z) and log p(z)/q(z|x), arrays (samples, N), and KL(q || p), array (N,)."""
    samples, rng = check_int(who, "samples", samples, 1), np.random.default_rng(seed)
    x = as_float_array(who, x, model.theta.dtype)
    check_samples(who, x, model.input_shape)
    twin = model.replica()
    layer = _gaussian(who, twin)
    log_p, log_ratio, kl = np.empty((samples, len(x))), np.empty((samples, len(x))), np.empty(len(x))
    for rows in pieces(slice(0, len(x)), ROWS):
        some = x[rows]
        twin.encoder.forward(some)
        mu, s = layer.mu.astype(np.float64), layer.s.astype(np.float64)
        kl[rows] = layer.divergence()
        for k in range(samples):
            eps = rng.standard_normal(mu.shape)
            z = mu + np.exp(s / 2) * eps
            log_ratio[k, rows] = 0.5 * np.sum(eps**2 + s - z**2, axis=1)  # log p(z) - log q(z|x)
            log_p[k, rows] = -_losses(twin, z.astype(x.dtype), some)
    return log_p, log_ratio, kl


def _losses(model, z, x):
    """The loss of every image by itself, (n,)."""
    a = model.decoder.before_output(z) if model.matched else model.decoder.forward(z)
    return np.array([model.loss.value(a[i : i + 1], x[i : i + 1]) for i in range(len(x))])
