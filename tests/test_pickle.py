"""Nets and machines through pickle and deepcopy: the same numbers, and parameters that training still reaches."""

import copy
import pickle

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from tinyae import L1, RBM, Autoencoder, BatchNorm, Dense, Dropout, KSparse, Sigmoid, TiedDense, fit_rbm

WAYS = {"pickle": lambda thing: pickle.loads(pickle.dumps(thing)), "deepcopy": copy.deepcopy}


@pytest.fixture(params=WAYS)
def through(request):
    return WAYS[request.param]


@pytest.fixture
def x(rng):
    return rng.uniform(size=(60, 7)).astype(np.float32)


def make_net():
    """A bit of everything: state, noise, a tied layer, a penalty, a corruption."""
    return Autoencoder(
        [Dense(5, activation="tanh"), Dropout(0.1), BatchNorm(), Dense(4), KSparse(2)],
        [Dense(5), TiedDense(0), Sigmoid()],
        input_shape=7, penalty=L1(1e-3), corruption="masking",
    )  # fmt: skip


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_net_comes_back_the_same(through, x, dtype):
    model = make_net().astype(dtype)
    model.fit(x, epochs=2, batch_size=16, progress=False)
    twin = through(model)
    assert_array_equal(twin.theta, model.theta)
    assert twin.theta.dtype == twin.gradient.dtype == dtype
    assert_array_equal(twin.reconstruct(x), model.reconstruct(x))  # the state of BatchNorm, too
    assert twin.evaluate(x) == model.evaluate(x)


def test_parameters_are_views_again(through, x):
    twin = through(make_net())
    for _, layer in twin.owners():
        for name in layer.params:
            assert np.shares_memory(layer.params[name], twin.theta)
            assert np.shares_memory(layer.grads[name], twin.gradient)
    assert twin.decoder.layers[1].source is twin.encoder.layers[0]
    twin.theta[:] = 0
    assert_array_equal(twin.reconstruct(x), np.full_like(x, 0.5))


def test_it_trains_on_as_the_original_would(through, x):
    model = make_net()
    model.fit(x, epochs=1, batch_size=16, progress=False)
    twin, kept = through(model), model.theta.copy()
    history = twin.fit(x, epochs=2, batch_size=16, seed=3, progress=False)
    assert_array_equal(model.theta, kept)  # nothing is shared
    assert history["loss"] == model.fit(x, epochs=2, batch_size=16, seed=3, progress=False)["loss"]
    assert_array_equal(twin.theta, model.theta)
    assert_array_equal(twin.reconstruct(x), model.reconstruct(x))


def test_a_shallow_copy_shares_the_parameters(x):
    model = make_net()
    twin = copy.copy(model)
    assert twin.theta is model.theta and twin.encoder is model.encoder
    assert np.shares_memory(model.encoder.layers[0].params["W"], model.theta)


def test_a_pickle_holds_no_more_than_parameters_and_gradients():
    model = Autoencoder([Dense(50)], [Dense(300)], loss="mse", input_shape=300)
    assert len(pickle.dumps(model)) < 2 * model.theta.nbytes + 5000


def test_a_machine_comes_back_and_trains_on(through, x):
    rbm = RBM(7, 4, seed=1)
    fit_rbm(rbm, x, epochs=1, batch_size=16, progress=False)
    twin = through(rbm)
    assert_array_equal(twin.hidden_mean(x), rbm.hidden_mean(x))
    fit_rbm(twin, x, epochs=2, batch_size=16, progress=False)
    assert (twin.hidden_mean(x) != rbm.hidden_mean(x)).any()
    assert all(np.shares_memory(a, twin.theta) for a in (twin.W, twin.b, twin.c))
    fit_rbm(rbm, x, epochs=2, batch_size=16, progress=False)
    assert_array_equal(twin.theta, rbm.theta)
