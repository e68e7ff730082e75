"""The contractive penalty: a code that hardly moves where the image moves a little.

    P = 1/N sum_n ||J(x_n)||_F^2,    J = d code / d x of the encoder, (k, D),    ||J||_F^2 = sum_jd J_jd^2

Three ways to P and to its gradient, each for the encoders it is best at:

    closed_form   one dense layer: no Jacobian is ever formed, about one product more than the net's own
    exact         dense layers: J is multiplied out layer by layer, k numbers for every unit and image
    sampled       any encoder with tangent passes: the mean of ||J u||^2 over random directions u

All three end in the same place: P depends on the slopes f'(a), hence on a through f''(a), and that part of the gradient
takes the net's ordinary way back.

Source: Rifai, Vincent, Muller, Glorot & Bengio, "Contractive auto-encoders: explicit invariance during feature
extraction", ICML (2011).
"""

import copy

import numpy as np

from tinyae.checks import UsageError, check_choice, check_int
from tinyae.kernels.product import matmul
from tinyae.layers.activations import Activation, Linear
from tinyae.layers.dense import Dense
from tinyae.layers.noise import GaussianNoise
from tinyae.layers.penalising import ActivityPenalty
from tinyae.layers.sequential import Sequential
from tinyae.layers.shape import Reshape
from tinyae.penalties import EncoderPenalty

METHODS = ("auto", "closed", "exact", "sampled")
UNIT_JACOBIAN = (ActivityPenalty, GaussianNoise, Linear, Reshape)  # layers that change no number, or only by adding
CHUNK_BYTES = 8_000_000  # of Jacobians a worker forms at once


class Contractive(EncoderPenalty):
    """weight * P, for `Autoencoder(..., penalty=Contractive(0.1))`.

    Parameters
    ----------
    weight : float >= 0
    method : {"auto", "closed", "exact", "sampled"}
        How P is worked out. "auto": "closed" for an encoder of one dense layer, "exact" for several, "sampled" for all
        others. "exact" costs with the code's size: a step of 784-500-250-30 takes thirteen times as long as without,
        with "sampled" half as long again.
    samples : int
        Random directions for every image and batch; for "sampled" alone. One is right on average over the batches, as
        the gradient of a batch is for the data; more make it less noisy, each at the cost of about one more training
        step of the encoder.

    The unit is that of the loss: a sum over all entries of J, a mean over the images. J is taken at what the encoder
    sees, so at the corrupted image where there is corruption. A weight to begin with is 0.3 to 1 for images of 784
    pixels, BCE and a code of 1,000 sigmoid units.

    Notes
    -----
    Decoder weights that may grow undo it: a code shrunk by 1/10 has 1/100 of the penalty, and a decoder with weights
    ten times as large reads it as well as before. `TiedDense` in the decoder, as in the paper, or L2 weight decay
    closes that way out.
    """

    series = "contractive"

    def __init__(self, weight, method="auto", samples=1):
        super().__init__(weight)
        check_choice(self.name, "method", method, METHODS)
        self.method = method
        self.samples = check_int(self.name, "samples", samples, 1)
        self.rng = np.random.default_rng(0)

    def value(self, encoder, x, n):
        return self._work_out(encoder, x, n, add=False)

    def add_gradient(self, encoder, x, n):
        return self._work_out(encoder, x, n, add=True)

    def _work_out(self, encoder, x, n, add):
        method, chain, scale = self.method_for(encoder), dense_chain(encoder), self.weight / n
        if method == "closed":
            return closed_form(*chain[0], scale, add)
        if method == "exact":
            return exact(chain, scale, add)
        return sampled(encoder, np.asarray(x), scale, self.samples, self.rng, add)

    def method_for(self, encoder):
        """The method for this encoder: `method`, or what "auto" takes."""
        if self.method != "auto":
            return self.method
        chain = dense_chain(encoder)
        return "sampled" if chain is None else "closed" if len(chain) == 1 else "exact"

    def check_encoder(self, encoder):
        chain, method = dense_chain(encoder), self.method_for(encoder)
        if method == "sampled":
            try:
                encoder.check_tangent(training=True)
            except UsageError as why:
                raise UsageError(f"Contractive: {why}") from None
        elif chain is None or (method == "closed" and len(chain) > 1):
            want = "one Dense layer" if method == "closed" else "Dense layers"
            kinds = ", ".join(layer.name for layer in leaves(encoder))
            raise UsageError(
                f"Contractive: expected an encoder of {want} and activations for method={method!r}, got {kinds}; "
                "use method='auto'."
            )

    def replica(self):
        twin = super().replica()
        twin.rng = copy.deepcopy(self.rng)  # the same directions at every evaluation; training reseeds every worker
        return twin

    def reseed(self, rng):
        self.rng = rng

    def config(self):
        return {"weight": self.weight, "method": self.method, "samples": self.samples}


# -- which encoders -----------------------------------------------------------------------------------------------


def leaves(net):
    """The layers of a net in order, those of nested Sequentials in their place."""
    if not isinstance(net, Sequential):
        return [net]
    return [leaf for layer in net.layers for leaf in leaves(layer)]


def dense_chain(net):
    """[(Dense, its activation layer or None), ...] of a net made of these alone; None for any other."""
    chain = []
    for layer in leaves(net):
        if isinstance(layer, UNIT_JACOBIAN):
            continue
        if isinstance(layer, Dense):
            chain.append((layer, layer.activation))
        elif isinstance(layer, Activation) and chain and chain[-1][1] is None:
            chain[-1] = chain[-1][0], layer
        else:
            return None
    return chain or None


# -- one dense layer ----------------------------------------------------------------------------------------------


def closed_form(dense, unit, scale, add):
    """scale * sum_n ||J(x_n)||^2 for a code h = f(a), a = x W + b; with `add` its gradient goes into `dense.grads`.

    dh_j/dx_i = f'(a_j) W_ij, so that the sum over i and that over n come apart:

        sum_n ||J_n||^2 = sum_j q_j S_j,    q_j = sum_n f'(a_nj)^2,    S_j = sum_i W_ij^2
        dP/dW_ij  = 2 q_j W_ij + sum_n x_ni dP/da_nj
        dP/da_nj  = 2 f'(a_nj) f''(a_nj) S_j

    Shapes: x (N, D), W (D, k), a (N, k).
    """
    W = dense.params["W"]
    S = np.einsum("ij,ij->j", W, W)
    if unit is None:
        q = np.full_like(S, len(dense.remembered("x")))  # f' = 1
    else:
        slope = unit.derivative()
        squares = np.square(slope, out=slope)
        q = np.sum(squares, axis=0)
    if add:
        dense.grads["W"] += np.multiply(W, 2 * scale * q, out=dense.empty("more W", W.shape, W.dtype))
        bend = None if unit is None else unit.bend()  # f'' / f'
        if bend is not None:
            bend *= squares
            bend *= 2 * scale * S
            add_through_x(dense, bend)
    return scale * float(q @ S)


def add_through_x(dense, da):
    """Add the gradient of a = x W + b, for dP/da (N, n_out)."""
    dense.add_to_gradient(dense.remembered("x"), da)  # dP/dW[i,j] += sum_n x[n,i] da[n,j]
    dense.grads["b"] += np.sum(da, axis=0)  # dP/db[j] += sum_n da[n,j]


# -- dense layers -------------------------------------------------------------------------------------------------


def exact(chain, scale, add):
    """scale * sum_n ||J(x_n)||^2 for layers h_l = f_l(a_l), a_l = h_(l-1) W_l + b_l, l = 1 ... L.

    From the code back to the image, G_l = d code / d h_l (k, width of h_l), for every image:

        G_L = 1,    G_(l-1) = H_l W_l',    H_l = G_l diag(f_l'(a_l)),    J = G_0

    and its own way back, from dP/dJ = 2 J on, with dG and dH for dP/dG and dP/dH:

        dH_l = dG_(l-1) W_l,    dW_l = sum dG_(l-1)' H_l,    dG_l = dH_l diag(f_l'(a_l)),
        dP/da_l = f_l''(a_l) sum_k dH_l G_l      (per unit: column by column)

    With `add` the gradient goes into the layers' `grads`, the dP/da_l by way of the layers below.
    """
    slopes = [None if unit is None else unit.derivative() for _, unit in chain]
    weights = [dense.params["W"] for dense, _ in chain]
    dslopes = [None if slope is None else np.empty_like(slope) for slope in slopes]
    total = 0.0
    for rows in image_chunks(chain):
        Gs, Hs, J = jacobian_steps(weights, slopes, rows)
        total += float(np.vdot(J, J))
        if add:
            dG = np.multiply(J, 2 * scale, out=J)
            for (dense, _), W, slope, dslope, G, H in zip(chain, weights, slopes, dslopes, Gs, Hs, strict=True):
                dG = step_back(dense, W, slope, dslope, G, H, dG, rows)
    if add:
        carry_back(chain, slopes, dslopes)
    return scale * total


def image_chunks(chain):
    """Slices of the images of the last forward: as many at once as their Jacobians take CHUNK_BYTES."""
    first, last = chain[0][0], chain[-1][0]
    n, widths = len(first.remembered("x")), sum(dense.input_shape[0] + 2 * dense.units for dense, _ in chain)
    step = max(1, CHUNK_BYTES // (last.units * widths * first.params["W"].itemsize))
    return [slice(start, min(start + step, n)) for start in range(0, n, step)]


def jacobian_steps(weights, slopes, rows):
    """G_1 ... G_L and H_1 ... H_L, lists of arrays (n, k, width), and J (n, k, D), for the images `rows`."""
    n, k = rows.stop - rows.start, weights[-1].shape[1]
    G = np.broadcast_to(np.eye(k, dtype=weights[-1].dtype), (n, k, k))
    Gs, Hs = [], []
    for W, slope in zip(reversed(weights), reversed(slopes), strict=True):
        H = G if slope is None else G * slope[rows, None, :]
        Gs.append(G)
        Hs.append(H)
        G = through(H, W.T)
    return Gs[::-1], Hs[::-1], G


def step_back(dense, W, slope, dslope, G, H, dG, rows):
    """From dP/dG_(l-1) to dP/dG_l; adds the share of W to the gradient, and notes dP/df' for the images `rows`."""
    dense.add_to_gradient(as_rows(dG), as_rows(H))  # dW[i,j] += sum_nk dG[n,k,i] H[n,k,j]
    dH = through(dG, W)
    if slope is None:
        return dH
    np.einsum("nkj,nkj->nj", dH, G, out=dslope[rows])  # df'[n,j] = sum_k dH[n,k,j] G[n,k,j]
    return np.multiply(dH, slope[rows, None, :], out=dH)


def carry_back(chain, slopes, dslopes):
    """Add what P owes to the pre-activations, dP/da_l = f_l'' dP/df_l', by the ordinary backward pass of the chain."""
    dh = None  # dP/dh_l, from the layers above
    for (dense, unit), slope, dslope in zip(reversed(chain), reversed(slopes), reversed(dslopes), strict=True):
        bend = None if unit is None else unit.bend()  # f'' / f'
        da = dh
        if dh is not None and slope is not None:
            da = dh * slope
        if bend is not None:
            bend *= slope
            bend *= dslope
            da = bend if da is None else da + bend
        if da is not None:
            add_through_x(dense, da)
            dh = da @ dense.params["W"].T


def as_rows(G):
    """(n, k, width) as (n k, width)."""
    return G.reshape(-1, G.shape[2])


def through(G, W):
    """G W for every image: G (n, k, i), W (i, j) -> (n, k, j)."""
    n, k, _ = G.shape
    return matmul(as_rows(G), W, out=np.empty((n * k, W.shape[1]), W.dtype)).reshape(n, k, W.shape[1])


# -- any encoder --------------------------------------------------------------------------------------------------


def sampled(encoder, x, scale, samples, rng, add):
    """An estimate of scale * sum_n ||J(x_n)||^2: the mean of ||J u||^2 over random directions u, `samples` an image.

        E ||J u||^2 = trace(J E[u u'] J') = ||J||_F^2    where E[u u'] = 1

    The entries of u are independent signs. Of all independent entries these give the least variance, for an image and a
    direction 2 sum_(i != j) (J'J)_ij^2. The gradient is that of the estimate itself.

    Source: Hutchinson, "A stochastic estimator of the trace of the influence matrix" (1990), here of J'J.
    """
    total = 0.0
    for _ in range(samples):
        t = encoder.tangent(random_signs(rng, x.shape, x.dtype if x.dtype.kind == "f" else np.float64))
        total += float(np.vdot(t, t))
        if add:
            encoder.tangent_backward(t * (2 * scale / samples), need_dx=False)  # dP/dt = 2 t
    return scale / samples * total


def random_signs(rng, shape, dtype):
    """An array of 1 and -1, each with probability 1/2: eight from every random byte."""
    n = int(np.prod(shape))
    bits = np.unpackbits(np.frombuffer(rng.bytes(-(-n // 8)), np.uint8))[:n]
    signs = bits.astype(dtype).reshape(shape)
    signs *= 2
    signs -= 1
    return signs


ENCODER_PENALTIES = {Contractive.__name__: Contractive}
