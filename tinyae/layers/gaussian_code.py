"""The code of a variational autoencoder: a distribution, from which the decoder gets a sample."""

import math

import numpy as np

from tinyae.checks import check_float
from tinyae.kernels.sampling import standard_normal
from tinyae.layers.base import as_shape
from tinyae.layers.noise import Noisy
from tinyae.layers.penalising import Penalising


class GaussianCode(Noisy, Penalising):
    """z = mu + exp(s / 2) eps,  eps ~ N(0, 1): a sample of q(z|x) = N(mu, diag(exp(s))), reparameterised.

    The layer before it gives mu and s = log variance side by side. Its penalty is beta times

        KL(q(z|x) || N(0, 1)) = 1/2 sum_j ( mu_j^2 + exp(s_j) - 1 - s_j ),

    the second term of the evidence lower bound. Where it is neither `training` nor `validating`, z is mu.

    Source: Kingma & Welling (2014), eq. 10 and appendix B; beta: Higgins et al. (2017).

    Parameters
    ----------
    beta : float >= 0
        1 for the evidence lower bound itself.

    Shapes: x (N, 2 k), y (N, k).
    """

    series = "kl"

    def __init__(self, beta=1.0):
        super().__init__()
        self.beta = check_float("GaussianCode", "beta", beta, 0.0, math.inf, open_high=True)

    def output_shape_for(self, input_shape):
        if len(input_shape) != 1 or input_shape[0] % 2:
            raise ValueError(
                f"GaussianCode: expected rows of 2 k numbers (k means, k log variances), got samples of shape "
                f"{as_shape(input_shape)}; put Dense(2 * k) before it."
            )
        return (input_shape[0] // 2,)

    def forward(self, x):
        self.check_input(x)
        x = np.asarray(x)
        if x.dtype.kind != "f":
            x = x.astype(np.float64)
        k = self.output_shape[0]
        self.mu, self.s = x[:, :k], x[:, k:]
        if not (self.training or self.validating):
            self.noise = None
            return self.mu.copy()
        self.noise = np.exp(self.s / 2) * standard_normal(self.rng, self.mu.shape, x.dtype)  # sigma eps
        return self.mu + self.noise

    def backward(self, dy, need_dx=True):
        """Take dL/dz, return dL/d(mu, s), with the gradient of the penalty where `n` is set."""
        mu, s = self.remembered("mu"), self.s
        k = mu.shape[1]
        dx = np.zeros((len(mu), 2 * k), mu.dtype)
        dx[:, :k] = dy  # dz/dmu = 1
        if self.noise is not None:
            dx[:, k:] = dy * self.noise / 2  # dz/ds = 1/2 exp(s/2) eps
        if self.n is not None and self.beta:
            weight = mu.dtype.type(self.beta / self.n)
            dx[:, :k] += weight * mu  # dKL/dmu = mu
            dx[:, k:] += weight / 2 * np.expm1(s)  # dKL/ds = 1/2 (exp(s) - 1)
        return dx if need_dx else None

    def divergence(self):
        """KL(q(z|x) || N(0, 1)) of every sample of the last forward, without beta: (N,), in nats."""
        mu, s = (a.astype(np.float64) for a in (self.remembered("mu"), self.s))
        return 0.5 * np.sum(mu**2 + np.expm1(s) - s, axis=1)

    def penalty(self, n):
        return self.beta * float(self.divergence().sum()) / n

    def config(self):
        return {"beta": self.beta}
