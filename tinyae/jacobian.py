"""How a trained encoder moves with its input: its Jacobian at images, that matrix's size, and its singular values.

J(x) = d code / d x, (k, D) for codes of k numbers and images of D. A direction of x in which J is large is one the code
can tell apart; where the data lie along a few directions, a good code's J has a few large singular values, one for
each, and is small in all others (Rifai et al. 2011).

Encoders work here as they do in use: without noise, and with BatchNorm's running statistics.
"""

import numpy as np

from tinyae.checks import UsageError, as_float_array, check_samples, check_scaled
from tinyae.contractive import closed_form, dense_chain, exact, jacobian_steps
from tinyae.layers.base import Layer
from tinyae.training.chunks import for_chunks
from tinyae.training.memory import pieces

JACOBIAN_BYTES = 32_000_000  # of Jacobians a worker holds at once


def encoder_jacobian(model, x, threads=None):
    """J = d code / d x at every image.

    Parameters
    ----------
    model : Autoencoder, or an encoder (any Layer)
    x : array (N, *input_shape)
    threads : int, optional
        Worker threads; one per core without it.

    Returns
    -------
    array (N, k, D)
        J[n, j, i] = d code[n, j] / d x[n, i], code and image as rows of k and D numbers. It is large: 1,000 images of
        784 pixels and codes of 1,000 are 3 GB in float32.
    """
    net, x, (k, D) = _prepared("encoder_jacobian", model, x)
    J = np.empty((len(x), k, D), x.dtype)

    def work(replica, rows):
        J[rows] = jacobians(replica, x[rows])

    _for_images(net, x, threads, work)
    return J


def jacobian_norm(model, x, threads=None):
    """The mean over the images x (N, *input_shape) of ||J||_F^2 = sum_ji J_ji^2: what `Contractive` makes small.

    A float. Arguments as for `encoder_jacobian`; no more than a few Jacobians are held at once.
    """
    net, x, _ = _prepared("jacobian_norm", model, x)
    norms = np.empty(len(x))

    def work(replica, rows):
        norms[rows] = total_norm(replica, x[rows]) / (rows.stop - rows.start)

    _for_images(net, x, threads, work)
    return float(norms.mean())


def singular_values(model, x, each=False, threads=None):
    """Singular values of J, the largest first: by how much the code stretches the directions of x it tells best.

    Parameters
    ----------
    model, x, threads
        As for `encoder_jacobian`. Images of 784 pixels and codes of 1,000 take about half a second each, small codes
        far less: take some hundred images.
    each : bool
        The values of every image, in place of their mean.

    Returns
    -------
    array (min(k, D),), or (N, min(k, D)) with `each`
        Their squares sum up to ||J||_F^2, image by image.
    """
    net, x, (k, D) = _prepared("singular_values", model, x)
    values = np.empty((len(x), min(k, D)), x.dtype)

    def work(replica, rows):
        values[rows] = np.linalg.svd(jacobians(replica, x[rows]), compute_uv=False)

    _for_images(net, x, threads, work)
    return values if each else values.mean(axis=0)


def _prepared(who, model, x):
    """The encoder of `model` in use, x in its float type, and the sides (k, D) of its Jacobians."""
    net = getattr(model, "encoder", model)
    if not isinstance(net, Layer) or net.input_shape is None:
        raise UsageError(f"{who}: expected an Autoencoder or a built encoder, got {model!r}.")
    dtype = next((p.dtype for _, owner in net.owners() for p in owner.params.values()), np.float64)
    given, x = x, as_float_array(who, x, dtype)
    check_samples(who, x, net.input_shape)
    check_scaled(who, given)
    if not len(x):
        raise UsageError(f"{who}: expected at least one sample in x, got none.")
    net = net.replica()  # with gradients of its own: the way back fills them
    net.set_training(False)
    return net, x, (int(np.prod(net.output_shape)), int(np.prod(net.input_shape)))


def _for_images(net, x, threads, work):
    """work(replica, rows) for all images of x, few enough at a time that their Jacobians take JACOBIAN_BYTES."""
    entries = int(np.prod(net.output_shape)) * int(np.prod(net.input_shape))
    at_once = max(1, JACOBIAN_BYTES // (entries * x.itemsize))

    def few(replica, rows):
        for part in pieces(rows, at_once):
            work(replica, part)

    for_chunks(net, len(x), threads, few)


def jacobians(net, x):
    """J (n, k, D) at x (n, *input_shape). Overwrites the `grads` of `net`.

    Dense layers: the product of their Jacobians. All others: the way back from every number of the code alone, as the
    gradient of code j is row j of J.
    """
    y = net.forward(x)
    chain = dense_chain(net)
    if chain is not None:
        slopes = [None if unit is None else unit.derivative() for _, unit in chain]
        return jacobian_steps([dense.params["W"] for dense, _ in chain], slopes, slice(0, len(x)))[2]
    k = int(np.prod(net.output_shape))
    J, dy = np.empty((len(x), k, x[0].size), x.dtype), np.zeros((len(x), k), y.dtype)
    for j in range(k):
        dy[:, j] = 1
        J[:, j] = net.backward(dy.reshape(y.shape)).reshape(len(x), -1)
        dy[:, j] = 0
    return J


def total_norm(net, x):
    """The sum over x (n, *input_shape) of ||J||_F^2."""
    chain = dense_chain(net)
    if chain is None:
        J = jacobians(net, x)
        return float(np.vdot(J, J))
    net.forward(x)
    return closed_form(*chain[0], 1.0, add=False) if len(chain) == 1 else exact(chain, 1.0, add=False)
