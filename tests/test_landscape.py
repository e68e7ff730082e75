"""The loss on planes and lines: directions, places, and the values the net itself gives there."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from tinyae import Autoencoder, BatchNorm, Conv2D, ConvTranspose, Dense, Flatten, Reshape, Sigmoid, UsageError
from tinyae.callbacks import ParameterPath
from tinyae.landscape import coordinates, line, main_directions, random_directions, surface
from tinyae.layers.flat import named_views


def make_net(seed=0, dtype=np.float64):
    return Autoencoder([Dense(3, "tanh")], [Dense(5, "sigmoid")], "bce", 5, seed=seed, dtype=dtype)


def make_x(n=7, d=5, seed=1):
    return np.random.default_rng(seed).uniform(size=(n, d))


def loss_at(net, theta, x, target=None):
    twin = net.astype(np.float64)
    twin.theta[:] = theta
    return twin.loss_value(x, target)


# --- directions


def test_random_directions_have_filters_as_long_as_the_nets_own():
    net = Autoencoder(
        [Conv2D(4, 3), BatchNorm(), Flatten(), Dense(6)],
        [Dense(24), Reshape((4, 3, 2)), ConvTranspose(3, 3, stride=2), Conv2D(1, 3), Sigmoid()],
        "bce",
        (8, 6, 1),
    )
    own = named_views(net, net.theta)
    units = {"conv2d_1.W": 3, "dense_1.W": 1, "convtranspose_1.W": 2}
    for direction in random_directions(net):
        for name, part in named_views(net, direction).items():
            if part.ndim == 1:
                assert not part.any(), name
                continue
            unit = units[name.split(".", 1)[1]]
            others = tuple(axis for axis in range(part.ndim) if axis != unit)
            assert_allclose(np.square(part).sum(axis=others), np.square(own[name]).sum(axis=others), rtol=1e-5)
    assert own["decoder.convtranspose_1.W"].shape == (3, 3, 3, 2)


def test_random_directions_depend_on_the_seed_alone():
    net = make_net()
    first = random_directions(net, seed=3)
    assert first.shape == (2, net.n_params)
    assert_array_equal(first, random_directions(net, seed=3))
    assert np.abs(first - random_directions(net, seed=4)).max() > 0.1 and np.abs(first[0] - first[1]).max() > 0.1


def test_main_directions_of_a_way_in_a_plane(rng):
    basis = np.linalg.qr(rng.standard_normal((30, 2)))[0].T
    places = np.array([[5.0, 1.0], [3.0, 2.0], [1.0, 1.0], [0.0, 0.0]])
    end = rng.standard_normal(30)
    thetas = end + places @ basis
    directions, shares = main_directions(thetas)
    assert_allclose(directions @ directions.T, np.eye(2), atol=1e-12)
    assert_allclose(shares.sum(), 1.0)
    assert shares[0] > shares[1] > 0
    found = coordinates(thetas, thetas[-1], directions)
    assert_allclose(found @ directions, thetas - end, atol=1e-12)  # nothing is lost
    assert_array_equal(found[-1], [0, 0])
    assert (found[0] >= 0).all()


def test_shares_are_those_of_squared_distances_from_the_end(rng):
    thetas = rng.standard_normal((6, 40)) * np.linspace(3, 0, 6)[:, None]
    directions, shares = main_directions(thetas)
    way = thetas - thetas[-1]
    assert_allclose(shares, np.square(way @ directions.T).sum(axis=0) / np.square(way).sum())
    assert shares.sum() < 1


def test_coordinates_are_least_squares(rng):
    thetas, origin, directions = rng.standard_normal((4, 9)), rng.standard_normal(9), rng.standard_normal((2, 9))
    wanted = np.linalg.lstsq(directions.T, (thetas - origin).T, rcond=None)[0].T
    assert_allclose(coordinates(thetas, origin, directions), wanted)


@pytest.mark.parametrize(
    "thetas, message",
    [
        (np.zeros((2, 5)), r"expected at least 3 points of a way, got 2; train longer\."),
        (np.outer([3.0, 2.0, 0.0], np.ones(5)), r"expected a way that is no straight line, got one"),
        (np.zeros((4, 5)), r"expected a way that is no straight line, got one"),
        (np.zeros(5), r"expected thetas of shape \(T, n\), got \(5,\)\."),
        (np.full((4, 5), np.nan), r"expected finite numbers in thetas"),
    ],
)
def test_ways_that_span_no_plane(thetas, message):
    with pytest.raises(UsageError, match=f"main_directions: {message}"):
        main_directions(thetas)


def test_coordinates_check_their_shapes():
    with pytest.raises(UsageError, match=r"coordinates: expected thetas of shape \(T, 5\), got \(3, 4\)\."):
        coordinates(np.zeros((3, 4)), np.zeros(5), np.zeros((2, 5)))
    with pytest.raises(UsageError, match=r"coordinates: expected directions of shape \(2, 5\), got \(3, 5\)\."):
        coordinates(np.zeros((3, 5)), np.zeros(5), np.zeros((3, 5)))


# --- surfaces and lines


@pytest.mark.parametrize("with_target", [False, True])
def test_a_surface_is_the_loss_at_its_places(with_target):
    net, x, target = make_net(), make_x(), make_x(seed=5) if with_target else None
    directions = random_directions(net)
    found = surface(net, x, directions, target, span=((-1, 0.5), (0, 2)), points=4)
    assert_allclose(found.first, [-1, -0.5, 0, 0.5])
    assert_allclose(found.second, [0, 2 / 3, 4 / 3, 2])
    for i, b in enumerate(found.second):
        for j, a in enumerate(found.first):
            theta = net.theta + a * directions[0] + b * directions[1]
            assert_allclose(found.loss[i, j], loss_at(net, theta, x, target))
    assert found.loss[0, 2] == net.loss_value(x, target)


def test_a_number_as_span_goes_both_ways_and_the_net_is_in_the_middle():
    net, x = make_net(dtype=np.float32), make_x().astype(np.float32)
    theta, gradient = net.theta.copy(), net.gradient.copy()
    net.set_training(True)
    found = surface(net, x, random_directions(net), span=0.25, points=5)
    assert_array_equal(found.first, [-0.25, -0.125, 0, 0.125, 0.25])
    assert_array_equal(found.second, found.first)
    net.set_training(False)
    assert found.loss[2, 2] == net.loss_value(x)
    assert_array_equal(net.theta, theta)
    assert_array_equal(net.gradient, gradient)


def test_a_surface_without_noise_and_with_overflow():
    net = Autoencoder([Dense(3)], [Dense(5)], "mse", 5, corruption="gaussian", dtype=np.float32)
    x, directions = make_x(), np.ones((2, net.n_params))
    net.set_training(True)
    found = surface(net, x, directions, points=2)
    assert_array_equal(found.loss, surface(net, x, directions, points=2).loss)
    assert not np.isfinite(surface(net, x, directions, span=1e30, points=2).loss).all()


@pytest.mark.parametrize("span", [0, -1, "wide", ((0, 1), (1, 0)), (1, 2), ((0, 1), (0, np.inf)), np.nan])
def test_spans_that_are_none(span):
    net = make_net()
    with pytest.raises(UsageError, match=r"surface: expected span to be a number > 0 or \(\(low, high\), "):
        surface(net, make_x(), random_directions(net), span=span)


def test_surfaces_and_lines_check_what_they_get():
    net, x = make_net(), make_x()
    with pytest.raises(UsageError, match=r"surface: expected directions of shape \(2, 38\), got \(2, 5\)\."):
        surface(net, x, np.zeros((2, 5)))
    with pytest.raises(UsageError, match=r"surface: expected points to be a whole number >= 2, got 1\."):
        surface(net, x, random_directions(net), points=1)
    with pytest.raises(UsageError, match=r"surface: expected x of shape \(N, 5\), got \(7, 4\)\."):
        surface(net, x[:, :4], random_directions(net))
    with pytest.raises(UsageError, match=r"line: expected as many targets as inputs, at least one, got 6 and 7\."):
        line(net, make_net(1), x, x[:6])
    with pytest.raises(UsageError, match=r"line: expected two nets of the same layers, got different ones\."):
        line(net, Autoencoder([Dense(4)], [Dense(5)], "mse", 5), x)
    with pytest.raises(UsageError, match=r"line: expected beyond in \[0, inf\), got -1\."):
        line(net, make_net(1), x, beyond=-1)


def test_a_line_goes_from_one_net_to_the_other():
    net, other, x = make_net(), make_net(1), make_x()
    t, losses = line(net, other, x, points=7, beyond=0.25)
    assert_allclose(t, [-0.25, 0, 0.25, 0.5, 0.75, 1, 1.25])
    assert_allclose(losses[[1, 5]], [net.loss_value(x), other.loss_value(x)])
    assert_allclose(losses[2], loss_at(net, 0.75 * net.theta + 0.25 * other.theta, x))
    assert_allclose(line(net, other, x, points=3, beyond=0)[0], [0, 0.5, 1])


# --- the way of training


def test_a_parameter_path_holds_every_epoch():
    net, x = make_net(), make_x()
    start, way, thin = net.theta.copy(), ParameterPath(), ParameterPath(every=2)
    net.fit(x, epochs=5, batch_size=4, callbacks=[way, thin], progress=False)
    assert way.epochs == [0, 1, 2, 3, 4, 5] and thin.epochs == [0, 2, 4, 5]
    assert way.thetas.shape == (6, net.n_params)
    assert_array_equal(way.thetas[0], start)
    assert_array_equal(way.thetas[-1], net.theta)
    assert_array_equal(thin.thetas, way.thetas[[0, 2, 4, 5]])
    assert np.abs(np.diff(way.thetas, axis=0)).max(axis=1).min() > 0


def test_a_resumed_parameter_path_is_whole(tmp_path):
    whole, resumed = ParameterPath(every=2), ParameterPath(every=2)
    make_net().fit(make_x(), epochs=5, batch_size=4, callbacks=[whole], progress=False)
    make_net().fit(
        make_x(), epochs=3, batch_size=4, callbacks=[ParameterPath(every=2)], progress=False, checkpoint=tmp_path
    )
    make_net().fit(make_x(), epochs=5, batch_size=4, callbacks=[resumed], progress=False, checkpoint=tmp_path)
    assert resumed.epochs == whole.epochs
    assert_array_equal(resumed.thetas, whole.thetas)
