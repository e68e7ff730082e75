"""Batch normalisation."""

import math

import numpy as np

from tinyae.checks import UsageError, check_float
from tinyae.kernels import norm as kernels
from tinyae.layers.base import Layer


class BatchNorm(Layer):
    """Bring every channel to mean beta and standard deviation gamma: Ioffe & Szegedy (2015).

    y = gamma xhat + beta,    xhat = (x - mean) / sqrt(var + eps)

    While training, `mean` and `var` are those of the batch, over all axes but the last: per channel of images, per
    feature of rows. Otherwise they are the running ones, and a sample's output depends on that sample alone.

    Parameters
    ----------
    momentum : float in [0, 1]
        How much of the running value stays: running = momentum running + (1 - momentum) batch, at every forward while
        training. (PyTorch calls 1 - momentum so.) The batch's variance goes in with M - 1 below the line, as an
        estimate for all data; the batch itself is divided by the standard deviation with M.
    eps : float > 0
        Keeps a constant channel from a division by zero.

    Shapes: x and y (N, ..., C); params gamma, beta (C,); state mean, var (C,). M = N for rows, N H W for images.

    Notes
    -----
    While training, every sample's output depends on the whole batch (`couples_batch`): a batch is not cut into parts,
    and `fit` uses one thread for a net with this layer. A batch has to hold two numbers a channel at least; that
    counts for the last batch of an epoch too.
    """

    couples_batch = True
    has_tangent = True

    def __init__(self, momentum=0.9, eps=1e-5):
        super().__init__()
        self.momentum = check_float("BatchNorm", "momentum", momentum, 0.0, 1.0)
        self.eps = check_float("BatchNorm", "eps", eps, 0.0, math.inf, open_low=True, open_high=True)

    @property
    def n_channels(self):
        """C, the length of the last axis."""
        return self.input_shape[-1]

    def make_params(self, rng):
        return {"gamma": np.ones(self.n_channels), "beta": np.zeros(self.n_channels)}

    def make_state(self):
        return {"mean": np.zeros(self.n_channels), "var": np.ones(self.n_channels)}

    def forward(self, x):
        self.check_input(x)
        gamma, beta = self.params["gamma"], self.params["beta"]
        x = np.asarray(x, dtype=gamma.dtype)
        self.by_batch = self.training
        mean, var = self.learn_statistics(x) if self.training else self.running_statistics()
        self.x, self.mean, self.inverse_std = x, mean, 1 / np.sqrt(var + self.eps)  # backward needs them
        y = self.empty("y", x.shape, x.dtype)
        scale = self.spread(gamma * self.inverse_std)
        kernels.normalise(self.as_rows(x), self.spread(mean), scale, self.spread(beta), self.as_rows(y))
        return y  # (x - mean) gamma / sqrt(var + eps) + beta

    def running_statistics(self):
        """Mean and variance (C,) that training has left, as copies: they may move on before `backward`."""
        return self.state["mean"].astype(np.float64), self.state["var"].astype(np.float64)

    def learn_statistics(self, x):
        """Mean and variance (C,) of the batch; the running ones move towards them."""
        M = self.count(x)
        if M < 2:
            raise UsageError(
                f"BatchNorm: expected at least 2 numbers a channel in a training batch, got {M} "
                f"(x of shape {x.shape}): one number has no variance; "
                "choose a batch size that leaves no last batch of one sample."
            )
        rows = self.as_rows(x)
        out = self.empty("sums", (self.width,), x.dtype)
        mean = self.gather(np.sum(rows, axis=0, out=out)) / M
        var = self.gather(kernels.sum_squares(rows, self.spread(mean), out)) / M
        for name, batch in (("mean", mean), ("var", var * M / (M - 1))):
            running = self.state[name]
            running[...] = self.momentum * running + (1 - self.momentum) * batch  # in place: replicas share it
        return mean, var

    def backward(self, dy, need_dx=True):
        """Take dL/dy (N, ..., C), fill `grads`, return dL/dx, in the mode of the last forward."""
        x, mean, gamma = self.remembered("x"), self.mean, self.params["gamma"]
        dy = np.asarray(dy, dtype=x.dtype)
        M, dy_rows, x_rows = self.count(x), self.as_rows(dy), self.as_rows(x)
        out, spread_mean = self.empty("sums", (self.width,), x.dtype), self.spread(mean)
        # All sums are over the M numbers of a channel; dL/dxhat = dL/dy gamma.
        sum_dy = self.gather(np.sum(dy_rows, axis=0, out=out))
        sum_dy_x = self.gather(kernels.sum_products(dy_rows, x_rows, spread_mean, out))  # sum dy (x - mean)
        self.grads["gamma"][...] = sum_dy_x * self.inverse_std  # dL/dgamma = sum dy xhat
        self.grads["beta"][...] = sum_dy  # dL/dbeta = sum dy
        if not need_dx:
            return None
        dx = self.empty("dx", x.shape, x.dtype)
        scale = gamma * self.inverse_std
        if not self.by_batch:  # mean and var are constants
            np.multiply(dy_rows, self.spread(scale), out=self.as_rows(dx))  # dL/dx = dL/dxhat / sqrt(var + eps)
            return dx
        d_var = -0.5 * gamma * self.inverse_std**3 * sum_dy_x  # sum dL/dxhat (x - mean) (-1/2) (var + eps)^(-3/2)
        d_mean = -scale * sum_dy  # sum dL/dxhat (-1) / sqrt(var + eps); dvar/dmean = 0
        slope, shift = self.spread(2 * d_var / M), self.spread(d_mean / M)
        # dL/dx = dL/dxhat / sqrt(var + eps) + dL/dvar 2 (x - mean) / M + dL/dmean / M
        kernels.normalise_backward(dy_rows, x_rows, spread_mean, self.spread(scale), slope, shift, self.as_rows(dx))
        return dx

    def check_tangent(self, training=False):
        if training:
            raise UsageError(
                "BatchNorm: expected a tangent pass outside of training, got one while training, where a sample's "
                "output moves with the whole batch and J is not its own; leave it out of the encoder of a contractive "
                "net."
            )

    def tangent(self, v):
        """t = v gamma / sqrt(var + eps), for the running variance."""
        self.check_input(v)
        x = self.remembered("x")
        self.check_tangent(self.by_batch)
        self.v = v = np.asarray(v, dtype=x.dtype)  # tangent_backward needs it
        return self._scaled(v, "t")

    def tangent_backward(self, dt, dy=None, need_dx=True):
        v, x = self.remembered("v", "tangent"), self.x
        each = tuple(range(v.ndim - 1))  # all axes but the channels
        self.grads["gamma"] += np.sum(dt * v, axis=each) * self.inverse_std  # dt/dgamma = v / sqrt(var + eps)
        if dy is not None:
            self.grads["gamma"] += np.sum(dy * (x - self.mean), axis=each) * self.inverse_std  # dy/dgamma = xhat
            self.grads["beta"] += np.sum(dy, axis=each)
        if not need_dx:
            return None, None
        return self._scaled(dt, "dv"), None if dy is None else self._scaled(dy, "dx, second")

    def _scaled(self, v, key):
        """v gamma / sqrt(var + eps): the Jacobian where mean and var are constants, and its own transpose."""
        scale = self.spread(self.params["gamma"] * self.inverse_std)
        out = self.empty(key, v.shape, v.dtype)
        np.multiply(self.as_rows(v), scale, out=self.as_rows(out))
        return out

    @property
    def width(self):
        """Numbers in one sample."""
        return math.prod(self.input_shape)

    def count(self, x):
        """M, how many numbers of a batch share a channel."""
        return len(x) * self.width // self.n_channels

    def as_rows(self, x):
        """x (N, ..., C) as (N, width)."""
        return x.reshape(len(x), self.width)

    def spread(self, per_channel):
        """A number per channel (C,) as one per place of a sample, (width,)."""
        return np.tile(per_channel.astype(self.params["gamma"].dtype), self.width // self.n_channels)

    def gather(self, per_place):
        """Sums per place of a sample, (width,), added up per channel, (C,), in float64."""
        return per_place.reshape(-1, self.n_channels).sum(axis=0, dtype=np.float64)

    def config(self):
        return {"momentum": self.momentum, "eps": self.eps}
