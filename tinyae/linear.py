"""A linear autoencoder is PCA but for the basis of its code: angles between subspaces, and the way to PCA's basis.

With linear units and squared error every minimum of the loss has a decoder that spans the first k principal components,
and no other minimum is there to get stuck in (Baldi & Hornik 1989). Which basis of that subspace the code uses is left
open: for any invertible M the codes h M reconstruct with the decoder M^-1 B what h does with B.
"""

import numpy as np

from tinyae.analysis import mean_and_covariance, settled_signs
from tinyae.autoencoder import Autoencoder
from tinyae.checks import UsageError, as_float_array, check_finite, check_samples, check_shape
from tinyae.layers import Dense, Linear, TiedDense
from tinyae.layers.base import every_layer
from tinyae.layers.sequential import Sequential
from tinyae.losses import MSE


def principal_angles(A, B):
    """The principal angles between the column spaces of A (D, p) and B (D, q), in radians.

    The first is the smallest angle between a vector of one space and a vector of the other; each later one is the
    smallest among vectors orthogonal to those before. All are 0 where one space lies in the other, pi/2 for a
    direction orthogonal to the other space.

    With orthonormal bases Q_A and Q_B, p >= q, the cosines of the angles are the singular values of Q_A' Q_B, the
    sines those of (1 - Q_A Q_A') Q_B. Near 0 a cosine has lost half of its digits to rounding, so small angles are
    taken from the sine, large ones from the cosine.

    Source: Björck & Golub, "Numerical methods for computing angles between linear subspaces" (1973).

    Parameters
    ----------
    A, B : arrays (D, p), (D, q)
        Columns need not be orthonormal, nor independent.

    Returns
    -------
    array (min(rank A, rank B),), float64
        In [0, pi/2], ascending.
    """
    A, B = (
        as_float_array("principal_angles", A, np.float64, "A"),
        as_float_array("principal_angles", B, np.float64, "B"),
    )
    check_shape("principal_angles", A, ("D", "p"), name="A")
    check_shape("principal_angles", B, (len(A), "q"), name="B")
    check_finite("principal_angles", A, "A")
    check_finite("principal_angles", B, "B")
    Q_A, Q_B = orthonormal_basis("principal_angles", A, "A"), orthonormal_basis("principal_angles", B, "B")
    if Q_A.shape[1] < Q_B.shape[1]:
        Q_A, Q_B = Q_B, Q_A
    overlap = Q_A.T @ Q_B
    cosines = np.linalg.svd(overlap, compute_uv=False)  # falling: angles ascend
    sines = np.linalg.svd(Q_B - Q_A @ overlap, compute_uv=False)[::-1]  # rising
    small = sines**2 < 0.5
    return np.where(small, np.arcsin(np.minimum(sines, 1)), np.arccos(np.minimum(cosines, 1)))


def orthonormal_basis(who, A, name="A"):
    """Orthonormal columns (D, rank) that span the column space of A (D, p); UsageError where A is all zeros."""
    U, s, _ = np.linalg.svd(A, full_matrices=False)
    rank = int(np.sum(s > s[0] * max(A.shape) * np.finfo(np.float64).eps))
    if not rank:
        raise UsageError(f"{who}: expected {name} to have a column that is not zero, got none.")
    return U[:, :rank]


def affine_map(net):
    """W (n_in, n_out) and b (n_out,), in the net's float type, of a net of dense linear layers: y = x W + b.

    Raises
    ------
    UsageError
        A layer is not linear; names it.
    """
    strangers = [layer for layer in every_layer(net) if not isinstance(layer, Sequential | Dense | TiedDense | Linear)]
    if strangers:
        raise UsageError(
            f"affine_map: expected dense layers without activations, got {strangers[0].name} among them; only a linear "
            "net is an affine map."
        )
    (n_in,) = net.input_shape
    rows = np.concatenate([np.zeros((1, n_in)), np.eye(n_in)])
    images = net.forward(rows)
    return images[1:] - images[0], images[0].copy()


def to_pca_basis(model, x):
    """The net that reconstructs what a linear `model` does and whose code is in the order and the signs of PCA's.

    Its decoder has orthonormal rows, the largest number of each positive; on x its codes have mean 0, are uncorrelated,
    and fall in variance. Where `model` was trained to the bottom on x they are those of `tinyae.analysis.PCA(x, k)`.
    (The encoder's weights need not be: in a direction in which no two rows of x differ, training leaves them as they
    were drawn.)

    With the decoder h B + b, B = R Q' where Q (D, k) has orthonormal columns; g = h R are the codes in that basis, of
    mean m and covariance U diag(variances) U' on x. Then V = Q U are the new directions, and

        z = (g - m) U,    x' = z V' + (b + m Q').

    Parameters
    ----------
    model : Autoencoder
        Of dense layers without activations, in any number, with the loss MSE.
    x : array (N, D)
        The data whose codes are made uncorrelated.

    Returns
    -------
    Autoencoder
        One Dense layer each way, in the model's float type; model itself stays as it is. A code wider than x has
        shrunk to x's width. Penalties and corruption, which say how to train, are left behind.

    Raises
    ------
    UsageError
        The net is not linear, or its loss is not MSE.
    """
    if not isinstance(model.loss, MSE):
        raise UsageError(f"to_pca_basis: expected a net with the loss MSE, got {model.loss.name}; PCA minimises it.")
    x = as_float_array("to_pca_basis", x, np.float64)
    check_samples("to_pca_basis", x, model.input_shape)
    check_finite("to_pca_basis", x)
    if not len(x):
        raise UsageError("to_pca_basis: expected at least one row in x, got none.")
    double = model.astype(np.float64)
    (A, a), (B, b) = affine_map(double.encoder), affine_map(double.decoder)
    Q, R = np.linalg.qr(B.T)  # B' = Q R, hence h B = (h R') Q'
    mean_x, covariance_x = mean_and_covariance(x)
    A, a = A @ R.T, a @ R.T  # g = x A + a
    m = mean_x @ A + a
    _, U = np.linalg.eigh(A.T @ covariance_x @ A)  # of g on x; ascending
    V = Q @ U[:, ::-1]
    signs = settled_signs(V)
    turn = U[:, ::-1] * signs
    found = Autoencoder([Dense(turn.shape[1])], [Dense(len(Q))], MSE(), input_shape=len(Q), dtype=model.theta.dtype)
    (encoder,), (decoder,) = found.encoder.layers, found.decoder.layers
    encoder.params["W"][:], encoder.params["b"][:] = A @ turn, (a - m) @ turn
    decoder.params["W"][:], decoder.params["b"][:] = (V * signs).T, b + m @ Q.T
    return found
