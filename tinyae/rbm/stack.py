"""A stack of RBMs, trained one after the other, and unrolled into a deep autoencoder."""

import itertools
from pathlib import Path

import numpy as np

from tinyae.architectures import hinton_autoencoder, topic_autoencoder
from tinyae.checks import UsageError, as_float_array, check_int
from tinyae.rbm.machine import RBM
from tinyae.rbm.replicated_softmax import ReplicatedSoftmax, log_shares, usual_length
from tinyae.rbm.training import fit_rbm


def fit_stack(
    x, sizes, *, epochs=10, visible="bernoulli", stale=False, layers=None, seed=0, progress=True, checkpoint=None,
    **settings,
):  # fmt: skip
    """Train a stack of RBMs greedily: each learns the hidden means of the one below.

    Parameters
    ----------
    x : array (N, D)
    sizes : sequence of int
        Hidden units of each RBM; the last, the code, has Gaussian (linear) units, all others Bernoulli ones.
    epochs : int
        Of each RBM.
    visible : {"bernoulli", "gaussian", "softmax"}
        Kind of the data's units; "softmax" for counts of words, whose machine is a `ReplicatedSoftmax`.
    stale : bool
        Train each RBM on the hidden means that the one below had in its last epoch, taken batch by batch before each
        update, as the paper's code does. False computes them anew with the final weights.
    layers : sequence of dict, optional
        One for each RBM: settings of `fit_rbm`, `epochs` among them, that differ from those of the others.
    seed : int
    progress : bool
    checkpoint : path, optional
        A folder in which every epoch is kept, a folder in it for each RBM, as for `fit_rbm`. With `stale` the hidden
        means lie there too, until the folder is deleted: 240 MB for 60,000 rows and 1000 units.
    settings
        Passed on to `fit_rbm`.

    Returns
    -------
    rbms : list of RBM
    histories : list of History
    """
    sizes = [check_int("fit_stack", "sizes", size, 1) for size in sizes]
    if not sizes:
        raise UsageError("fit_stack: expected at least one size, got none; the last one is the code's.")
    layers = [{} for _ in sizes] if layers is None else list(layers)
    if len(layers) != len(sizes):
        raise UsageError(f"fit_stack: expected settings for {len(sizes)} layers, got {len(layers)}.")
    x = np.asarray(x)
    x = as_float_array("fit_stack", x, x.dtype if x.dtype in (np.float32, np.float64) else np.float32)
    rng = np.random.default_rng(seed)
    rbms, histories = [], []
    for level, size in enumerate(sizes):
        top = level == len(sizes) - 1
        units = "gaussian" if top else "bernoulli"
        if visible == "softmax":
            rbm = ReplicatedSoftmax(x.shape[1], size, units, usual_length(x), rng, dtype=x.dtype)
            rbm.b[:] = log_shares(x)  # the weights need not learn first which words are common
        else:
            rbm = RBM(x.shape[1], size, visible, units, rng, dtype=x.dtype)
        text = f"pretraining {level + 1}/{len(sizes)} ({x.shape[1]}-{size})"
        hidden = np.empty((len(x), size), x.dtype) if stale and not top else None
        own = {"epochs": epochs, "progress": progress and text} | settings | layers[level]
        folder = checkpoint and Path(checkpoint) / f"layer_{level + 1}"
        histories.append(fit_rbm(rbm, x, seed=rng, last_hidden=hidden, checkpoint=folder, **own))
        rbms.append(rbm)
        if not top:
            x, visible = _hidden_means(rbm, x) if hidden is None else hidden, "bernoulli"
    return rbms, histories


def unroll(rbms, seed=0):
    """The autoencoder a stack of RBMs stands for.

    Encoder: W and hidden biases of each RBM going up. Decoder: W' and visible biases of the same RBMs going down, as
    parameters of their own: fine-tuning moves the two apart.

    A replicated softmax adds M/L c, for a document of M words, to the total input v W of its hidden units. As M is
    the sum of v, that is v (W + 1 c'/L): the encoder's first layer has the hidden biases in every row of its weights,
    and none of its own.

    Returns
    -------
    Autoencoder
        Logistic units, a linear code; sigmoid output and cross-entropy, for Gaussian visible units a linear output and
        half the squared error, for documents softmax and categorical cross-entropy.

    Source: Hinton & Salakhutdinov, Science 313 (2006) 504, figure 1.
    """
    _check_stack(rbms)
    hidden = [rbm.n_hidden for rbm in rbms[:-1]]
    make = topic_autoencoder if rbms[0].visible == "softmax" else hinton_autoencoder
    output = {"output_activation": "linear", "loss": "mse"} if rbms[0].visible == "gaussian" else {}
    model = make(rbms[0].n_visible, hidden, rbms[-1].n_hidden, seed=seed, **output)
    going_up = [layer for layer in model.encoder.layers if layer.params]
    going_down = [layer for layer in model.decoder.layers if layer.params]
    for rbm, layer in zip(rbms, going_up, strict=True):
        layer.params["W"][:], layer.params["b"][:] = rbm.W, rbm.c
    if rbms[0].visible == "softmax":
        going_up[0].params["W"] += rbms[0].c / rbms[0].length
        going_up[0].params["b"][:] = 0
    for rbm, layer in zip(reversed(rbms), going_down, strict=True):
        layer.params["W"][:], layer.params["b"][:] = rbm.W.T, rbm.b
    return model


def _check_stack(rbms):
    """Raise UsageError unless the RBMs fit on each other and have the units `unroll` makes layers for."""
    if not rbms:
        raise UsageError("unroll: expected at least one RBM, got none.")
    if rbms[-1].hidden != "gaussian":
        raise UsageError(f"unroll: expected Gaussian (linear) hidden units at the top, got {rbms[-1]!r}.")
    for below, above in itertools.pairwise(rbms):
        if below.n_hidden != above.n_visible:
            raise UsageError(
                f"unroll: expected {below!r} below an RBM with {below.n_hidden} visible units, got {above!r}."
            )
        if (below.hidden, above.visible) != ("bernoulli", "bernoulli"):
            raise UsageError(f"unroll: expected Bernoulli units between two RBMs, got {below!r} below {above!r}.")


def _hidden_means(rbm, x, rows=2000):
    """E[h | x] (N, K), some thousand rows at a time."""
    means = np.empty((len(x), rbm.n_hidden), rbm.theta.dtype)
    for start in range(0, len(x), rows):
        rbm.hidden_mean(x[start : start + rows], out=means[start : start + rows])
    return means
