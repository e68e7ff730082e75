"""Linear autoencoders and PCA: angles between subspaces, and a trained net turned into PCA's basis."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from test_checks import says

from tinyae import L1, Adam, Autoencoder, Cosine, Dense, Linear, Sigmoid, TiedDense
from tinyae.analysis import PCA, squared_error
from tinyae.architectures import linear_autoencoder
from tinyae.datasets.digits import load_digits
from tinyae.linear import affine_map, orthonormal_basis, principal_angles, to_pca_basis

SEEDS = st.integers(0, 2**32 - 1)


@pytest.fixture
def data(rng):
    """(200, 6), float64: a slanted cloud away from the origin, its variances clearly apart."""
    return rng.normal(size=(200, 6)) * [5, 3, 2, 1, 0.5, 0.1] @ np.linalg.qr(rng.normal(size=(6, 6)))[0] + 10


def net_of(encoder_weights, encoder_bias, decoder_weights, decoder_bias, dtype=np.float64):
    """x' = (x A + a) B + b."""
    model = linear_autoencoder(*encoder_weights.shape).astype(dtype)
    arrays = (encoder_weights, encoder_bias, decoder_weights, decoder_bias)
    model.theta[:] = np.concatenate([np.ravel(array) for array in arrays])
    return model


def optimal_net(x, k, rng, dtype=np.float64):
    """A net at the bottom of the loss, in a basis of its own: PCA's code turned, stretched and shifted."""
    pca, M, shift = PCA(x, k), rng.normal(size=(k, k)) + 2 * np.eye(k), rng.normal(size=k)
    back = np.linalg.inv(M)
    V, mean = pca.components, pca.mean
    return net_of(V @ M, shift - mean @ V @ M, back @ V.T, mean - shift @ back @ V.T, dtype)


# -- angles ---------------------------------------------------------------------------------------------------


def test_angles_on_paper():
    e = np.eye(4)
    assert_allclose(principal_angles(e[:, :2], e[:, :2]), [0, 0])
    assert_allclose(principal_angles(e[:, :2], e[:, 2:]), [np.pi / 2, np.pi / 2])
    assert_allclose(principal_angles(e[:, :2], e[:, 1:3]), [0, np.pi / 2], atol=1e-15)
    tilted = np.array([[1.0], [1.0], [0.0], [0.0]])
    assert_allclose(principal_angles(e[:, :1], tilted), [np.pi / 4])
    assert_allclose(principal_angles(e[:, :2], tilted), [0], atol=1e-15)


@pytest.mark.parametrize("angle", [1e-15, 1e-12, 1e-8, 1e-4, 0.3, np.pi / 4, 1.0, np.pi / 2 - 1e-8, np.pi / 2 - 1e-12])
def test_small_angles_keep_their_digits(angle):
    """arccos of a cosine would say 0 for everything below 1e-8."""
    A = np.eye(3)[:, :1]
    B = np.array([[np.cos(angle)], [np.sin(angle)], [0.0]])
    assert_allclose(principal_angles(A, B), [angle], rtol=1e-10, atol=1e-16)


@given(SEEDS, st.integers(1, 5), st.integers(1, 5))
def test_angles_belong_to_spaces_not_to_bases(seed, p, q):
    rng = np.random.default_rng(seed)
    A, B = rng.normal(size=(8, p)), rng.normal(size=(8, q))
    angles = principal_angles(A, B)
    assert angles.shape == (min(p, q),) and (np.diff(angles) >= -1e-12).all()
    assert (angles >= 0).all() and (angles <= np.pi / 2).all()
    assert_allclose(principal_angles(B, A), angles, atol=1e-9)
    turned = np.linalg.qr(rng.normal(size=(8, 8)))[0]
    M = rng.normal(size=(p, p)) + 3 * np.eye(p)
    assert_allclose(principal_angles(turned @ A @ M, turned @ B), angles, atol=1e-7)
    # What is spanned twice is still spanned once.
    assert_allclose(principal_angles(np.column_stack([A, A[:, :1]]), B), angles, atol=1e-7)


@pytest.mark.oracle
@given(SEEDS, st.integers(1, 5), st.integers(1, 5))
def test_angles_beside_scipy(seed, p, q):
    linalg = pytest.importorskip("scipy.linalg")
    rng = np.random.default_rng(seed)
    A = rng.normal(size=(9, p))
    near = A @ rng.normal(size=(p, q))
    B = near + 10.0 ** rng.uniform(-7, 0) * rng.normal(size=(9, q))
    assert_allclose(principal_angles(A, B), linalg.subspace_angles(A, B)[::-1], rtol=1e-6, atol=1e-9)


def test_bases_of_less_than_full_rank(rng):
    A = rng.normal(size=(7, 2)) @ rng.normal(size=(2, 4))
    Q = orthonormal_basis("me", A)
    assert Q.shape == (7, 2)
    assert_allclose(Q.T @ Q, np.eye(2), atol=1e-12)
    assert_allclose(Q @ Q.T @ A, A, atol=1e-12)


# -- nets as affine maps --------------------------------------------------------------------------------------


def test_a_linear_net_is_one_affine_map(rng):
    model = Autoencoder([Dense(4), Linear(), Dense(3)], [Dense(5), Dense(6)], "mse", input_shape=6, dtype=np.float64)
    model.theta[:] = rng.normal(size=model.theta.size)
    x = rng.normal(size=(10, 6))
    W, b = affine_map(model.encoder)
    assert_allclose(x @ W + b, model.encode(x))
    V, c = affine_map(model.decoder)
    assert_allclose(model.encode(x) @ V + c, model.reconstruct(x))


def test_other_nets_are_refused():
    text = "affine_map: expected dense layers without activations, got Sigmoid among them; only a linear net is an "
    for layers in ([Dense(3), Sigmoid()], [Dense(3, activation="sigmoid")]):
        model = Autoencoder(layers, [Dense(5)], "mse", input_shape=5)
        with says(text + "affine map."):
            to_pca_basis(model, np.zeros((2, 5)))


# -- PCA's basis ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("k", [1, 3, 6])
def test_a_net_at_the_bottom_becomes_pca(data, rng, k):
    model, pca = optimal_net(data, k, rng), PCA(data, k)
    assert_allclose(model.reconstruct(data), pca.reconstruct(data), rtol=1e-9)
    turned = to_pca_basis(model, data)
    assert_allclose(turned.encode(data), pca.encode(data), rtol=1e-6, atol=1e-8)
    (encoder,), (decoder,) = turned.encoder.layers, turned.decoder.layers
    assert_allclose(encoder.params["W"], pca.components, atol=1e-8)
    assert_allclose(decoder.params["W"], pca.components.T, atol=1e-8)
    assert_allclose(decoder.params["b"], pca.mean, rtol=1e-8)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_any_linear_net_keeps_its_reconstructions(data, rng, dtype):
    """Trained or not: the code is uncorrelated, ordered and centred, the decoder orthonormal, the signs settled."""
    arrays = rng.normal(size=(6, 4)), rng.normal(size=4), rng.normal(size=(4, 6)), rng.normal(size=6)
    model = net_of(*arrays, dtype=dtype)
    kept, x = model.theta.copy(), data.astype(dtype)
    turned = to_pca_basis(model, x)
    assert turned.theta.dtype == dtype
    assert_allclose(turned.reconstruct(x), model.reconstruct(x), rtol=1e-3 if dtype == np.float32 else 1e-9, atol=1e-3)
    codes, V = turned.encode(x).astype(np.float64), turned.decoder.layers[0].params["W"].astype(np.float64)
    tolerance = 1e-4 if dtype == np.float32 else 1e-9
    assert_allclose(V @ V.T, np.eye(4), atol=tolerance)
    assert (np.take_along_axis(V, np.abs(V).argmax(axis=1)[:, None], axis=1) > 0).all()
    covariance = codes.T @ codes / len(codes)
    assert_allclose(covariance, np.diag(np.diag(covariance)), atol=tolerance * covariance.max())
    assert (np.diff(np.diag(covariance)) < 0).all()
    assert_allclose(codes.mean(axis=0), 0, atol=tolerance * np.abs(codes).max())
    assert_array_equal(model.theta, kept)
    assert not np.shares_memory(turned.theta, model.theta)


def test_nets_in_float32_are_turned_in_float64(data, rng):
    """A large bias between encoder and decoder would cost the weights their digits."""
    A, B = rng.normal(size=(6, 3)), rng.normal(size=(3, 6))
    model = net_of(A, np.full(3, 1e5), B, -1e5 * B.sum(axis=0), np.float32)
    wide = to_pca_basis(model.astype(np.float64), data)
    assert_allclose(to_pca_basis(model, data).theta, wide.theta, rtol=1e-5, atol=1e-6)


def test_deep_and_tied_linear_nets(data, rng):
    for layers in (([Dense(5), Dense(3)], [Dense(4), Linear(), Dense(6)]), ([Dense(3)], [TiedDense(0)])):
        model = Autoencoder(*layers, "mse", input_shape=6, dtype=np.float64, penalty=L1(0.1), corruption="masking")
        turned = to_pca_basis(model, data)
        assert_allclose(turned.reconstruct(data), model.reconstruct(data), rtol=1e-9, atol=1e-9)
        assert turned.code_size == 3 and len(turned.encoder.layers) == len(turned.decoder.layers) == 1
        assert turned.series == ["loss"] and turned.corruption is None


def test_codes_wider_than_the_data_and_codes_that_waste_units(data, rng):
    wide = net_of(rng.normal(size=(6, 9)), np.zeros(9), rng.normal(size=(9, 6)), np.zeros(6))
    turned = to_pca_basis(wide, data)
    assert turned.code_size == 6
    assert_allclose(turned.reconstruct(data), wide.reconstruct(data), rtol=1e-8, atol=1e-8)
    A, B = rng.normal(size=(6, 3)), rng.normal(size=(3, 6))
    B[2] = B[0] + B[1]  # the third unit adds no direction
    model = net_of(A, np.zeros(3), B, np.zeros(6))
    turned = to_pca_basis(model, data)
    assert_allclose(turned.reconstruct(data), model.reconstruct(data), rtol=1e-8, atol=1e-8)
    assert_allclose(turned.encode(data)[:, 2], 0, atol=1e-8)


@pytest.mark.slow
def test_training_reaches_pca():
    """Digits: a tenth of a percent above PCA's error, the subspace within a degree, the codes within a few percent."""
    x = load_digits(3000, 1).x_train
    k = 8
    model, pca = linear_autoencoder(784, k), PCA(x, k)
    model.fit(x, epochs=60, batch_size=60, optimizer=Adam(Cosine(0.003)), progress=False)
    best = squared_error(x, pca.reconstruct(x))
    assert best * (1 - 1e-6) < model.evaluate(x)["squared_error"] < 1.001 * best
    before = model.decoder.layers[0].params["W"].T
    assert np.degrees(principal_angles(before, pca.components)).max() < 1
    turned = to_pca_basis(model, x)
    assert turned.evaluate(x)["squared_error"] == pytest.approx(model.evaluate(x)["squared_error"], rel=1e-5)
    codes, theirs = turned.encode(x), pca.encode(x)
    assert np.linalg.norm(codes - theirs) < 0.03 * np.linalg.norm(theirs)
    assert np.linalg.norm(model.encode(x) - theirs) > 0.5 * np.linalg.norm(theirs)  # as trained: another basis
    assert_allclose(codes.var(axis=0), pca.variances, rtol=0.02)


# -- what is refused ------------------------------------------------------------------------------------------


def test_bad_input():
    with says("principal_angles: expected B of shape (3, q), got (4, 1)."):
        principal_angles(np.eye(3), np.ones((4, 1)))
    with says("principal_angles: expected A of shape (D, p), got (3,)."):
        principal_angles(np.ones(3), np.eye(3))
    with says("principal_angles: expected A to have a column that is not zero, got none."):
        principal_angles(np.zeros((3, 2)), np.eye(3))
    with says(
        "principal_angles: expected finite numbers in B, got 1 NaN or infinite, the first at index (0, 0); remove or "
        "fill them."
    ):
        principal_angles(np.eye(1), [[np.nan]])
    model = Autoencoder([Dense(3)], [Dense(5), Sigmoid()], "bce", input_shape=5)
    with says("to_pca_basis: expected a net with the loss MSE, got BCE; PCA minimises it."):
        to_pca_basis(model, np.zeros((2, 5)))
    with says("to_pca_basis: expected x of shape (N, 784), got (3, 5)."):
        to_pca_basis(linear_autoencoder(), np.zeros((3, 5)))
    with says("to_pca_basis: expected at least one row in x, got none."):
        to_pca_basis(linear_autoencoder(), np.zeros((0, 784)))
