"""Penalties on activations: a second term of the loss that asks a code to be sparse. Arrays in, numbers out.

    objective = loss + weight * P(h),    h (N, ...) the activations of a batch of N images

P is counted **per image**, as the loss is: a sum over the units, a mean over the images. A net's history shows the
weighted penalty as a series of its own beside the reconstruction loss.
"""

import copy
import math

import numpy as np

from tinyae.checks import UsageError, check_float


class Weighed:
    """What every penalty has: a weight, a name, and settings that make it again.

    Parameters
    ----------
    weight : float >= 0

    Attributes
    ----------
    series : str
        Name in a net's history and in `evaluate`.
    couples_batch : bool
        Whether the value needs the whole batch at once, so that a batch cannot be shared out to threads.
    """

    series = "penalty"
    couples_batch = False

    def __init__(self, weight):
        self.weight = check_float(self.name, "weight", weight, 0.0, math.inf, open_high=True)

    @property
    def name(self):
        return type(self).__name__

    def config(self):
        """The arguments that make this penalty again."""
        return {"weight": self.weight}

    def __repr__(self):
        return f"{self.name}({', '.join(f'{k}={v!r}' for k, v in self.config().items())})"


class Penalty(Weighed):
    """Base of the penalties on activations h: a value and a gradient."""

    def value(self, h, n):
        """weight * P(h), a float.

        Parameters
        ----------
        h : array (N, ...)
            Activations.
        n : int
            Images to average over: N, or more where h is a part of a batch.
        """
        raise NotImplementedError(f"{self.name}.value")

    def gradient(self, h, n):
        """weight * dP/dh, an array like h."""
        raise NotImplementedError(f"{self.name}.gradient")

    def check_unit(self, unit):
        """Raise UsageError where activations of the layer `unit` have no meaning for this penalty."""


class EncoderPenalty(Weighed):
    """Base of the penalties on the encoder as a function of its input, such as the contractive one."""

    def value(self, encoder, x, n):
        """weight * P, a float, averaged over n images; `encoder.forward(x)` has just been called."""
        raise NotImplementedError(f"{self.name}.value")

    def add_gradient(self, encoder, x, n):
        """Add weight * dP/dtheta to the `grads` of the encoder's layers and return the value."""
        raise NotImplementedError(f"{self.name}.add_gradient")

    def check_encoder(self, encoder):
        """Raise UsageError for a built encoder this penalty cannot work with."""

    def replica(self):
        """A copy for one worker thread."""
        return copy.copy(self)

    def reseed(self, rng):
        """Take random numbers from `rng` (numpy.random.Generator) from now on."""


class L1(Penalty):
    """P = 1/N sum_n sum_j |h_nj|: a sparse code has few numbers that are not 0.

    Source: the sparsity penalty of Olshausen & Field (1996), eq. 2 with S(x) = |x|. The derivative at 0 is taken as 0.
    """

    series = "l1"

    def value(self, h, n):
        return self.weight * float(np.abs(h).sum(dtype=np.float64)) / n

    def gradient(self, h, n):
        return np.sign(h) * h.dtype.type(self.weight / n)  # dP/dh_nj = sign(h_nj) / N


class L2(Penalty):
    """P = 1/N sum_n sum_j h_nj^2."""

    series = "l2"

    def value(self, h, n):
        return self.weight * float(np.square(h, dtype=np.float64).sum()) / n

    def gradient(self, h, n):
        return h * h.dtype.type(2 * self.weight / n)  # dP/dh_nj = 2 h_nj / N


class KLSparsity(Penalty):
    """P = sum_j KL(rho || q_j),  q_j = 1/N sum_n h_nj the mean activation of unit j over the batch.

    KL(rho || q) = rho log(rho / q) + (1 - rho) log((1 - rho) / (1 - q)) is 0 where q = rho. The units lie in (0, 1):
    an encoder that ends in Sigmoid.

    Parameters
    ----------
    rho : float in (0, 1)
        The mean activation asked for.
    weight : float >= 0

    Source: Ng, "Sparse autoencoder", CS294A lecture notes (2011), section 3. He averages over all training images; here
    it is the batch, so use batches of some hundred images. The batch is worked on by one thread. Validation and
    `evaluate` take the mean over groups of at most 500 images.
    """

    series = "kl_sparsity"
    couples_batch = True
    # The mean activation is kept this far from 0 and 1, where the divergence is infinite. Beyond it the gradient stays
    # that at the edge and does not become 0: a unit that is never on has to find back.
    EDGE = 1e-6

    def __init__(self, rho=0.05, weight=1.0):
        super().__init__(weight)
        self.rho = check_float(self.name, "rho", rho, 0.0, 1.0, open_low=True, open_high=True)

    def _mean(self, h):
        q = h.mean(axis=0, dtype=np.float64)
        if (q < 0).any() or (q > 1).any():
            raise UsageError(
                f"KLSparsity: expected activations in (0, 1), got means from {q.min():g} to {q.max():g}; "
                "put Sigmoid() before it."
            )
        return np.clip(q, self.EDGE, 1 - self.EDGE)

    def value(self, h, n):
        rho, q = self.rho, self._mean(h)
        return self.weight * float(np.sum(rho * np.log(rho / q) + (1 - rho) * np.log((1 - rho) / (1 - q))))

    def gradient(self, h, n):
        q = self._mean(h)
        slope = (1 - self.rho) / (1 - q) - self.rho / q  # dP/dq_j
        row = (self.weight / len(h) * slope).astype(h.dtype)  # dq_j/dh_nj = 1/N
        return np.broadcast_to(row, h.shape).copy()

    def check_unit(self, unit):
        if unit is None or unit.name != "Sigmoid":
            end = "no activation" if unit is None else unit.name
            raise UsageError(
                f"KLSparsity: expected an encoder that ends in Sigmoid, with activations in (0, 1), got one that ends "
                f"in {end}; add Sigmoid(), or put ActivityPenalty(KLSparsity()) where the Sigmoid is."
            )

    def config(self):
        return {"rho": self.rho, "weight": self.weight}


PENALTIES = {c.__name__: c for c in (L1, L2, KLSparsity)}


def penalty_from(who, penalty):
    """A Penalty itself, or the one a file describes as [name, settings]; UsageError for anything else."""
    if isinstance(penalty, list | tuple) and len(penalty) == 2 and penalty[0] in PENALTIES:
        return PENALTIES[penalty[0]](**penalty[1])
    if not isinstance(penalty, Penalty):
        raise UsageError(f"{who}: expected a Penalty such as {', '.join(PENALTIES)}, got {penalty!r}.")
    return penalty
