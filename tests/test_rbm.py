"""Restricted Boltzmann machines: conditionals, energies, statistics beside their definitions, CD-k beside the truth."""

import itertools

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from tinyae import RBM, UsageError, fit_rbm, fit_stack, unroll
from tinyae.gradcheck import numerical_gradient
from tinyae.rbm import exact, training
from tinyae.rbm.training import CDStep
from tinyae.training.threads import Team

KINDS = list(itertools.product(("bernoulli", "gaussian"), repeat=2))


def make_rbm(n_visible=4, n_hidden=3, visible="bernoulli", hidden="bernoulli", scale=1.0, dtype=np.float64, seed=0):
    """An RBM with parameters large enough to matter, biases too."""
    rbm = RBM(n_visible, n_hidden, visible, hidden, dtype=dtype)
    rbm.theta[:] = scale * np.random.default_rng(seed).normal(size=rbm.theta.size)
    return rbm


def make_rows(n, d=4, kind="bernoulli", seed=0):
    rng = np.random.default_rng(seed)
    return rng.normal(size=(n, d)) if kind == "gaussian" else (rng.uniform(size=(n, d)) < 0.5).astype(np.float64)


def bars_and_stripes(size=3):
    """All images of full rows, and all of full columns: 14 rows of 9 for size 3."""
    patterns = np.array(list(itertools.product((0.0, 1.0), repeat=size)))
    rows = np.repeat(patterns, size, axis=1)
    columns = np.tile(patterns, (1, size))
    return np.unique(np.concatenate([rows, columns]), axis=0)


def fit(rbm, x, **settings):
    return fit_rbm(rbm, x, **{"epochs": 2, "batch_size": 10, "progress": False, "threads": 1} | settings)


# --- parameters


def test_parameters_are_views_into_one_vector():
    rbm = RBM(5, 3, seed=1)
    assert rbm.theta.shape == (5 * 3 + 5 + 3,) and rbm.theta.dtype == np.float32 and rbm.n_weights == 15
    rbm.theta[:] = np.arange(23)
    assert_array_equal(rbm.W, np.arange(15).reshape(5, 3))
    assert_array_equal(rbm.b, np.arange(15, 20))
    assert_array_equal(rbm.c, np.arange(20, 23))
    assert repr(RBM(5, 3, hidden="gaussian")) == "RBM(5 bernoulli, 3 gaussian)"


def test_initial_weights_are_a_tenth_of_a_normal_draw():
    rbm = RBM(100, 80, seed=1)
    assert rbm.W.std() == pytest.approx(0.1, rel=0.03) and abs(rbm.W.mean()) < 0.005
    assert not rbm.b.any() and not rbm.c.any()
    assert_array_equal(rbm.W, RBM(100, 80, seed=1).W)
    assert (rbm.W != RBM(100, 80, seed=2).W).any()


@pytest.mark.parametrize(
    "make, message",
    [
        (lambda: RBM(0, 3), "RBM: expected n_visible to be a whole number >= 1, got 0"),
        (lambda: RBM(3, 2.5), "RBM: expected n_hidden to be a whole number >= 1, got 2.5"),
        (
            lambda: RBM(3, 2, visible="binary"),
            "RBM: expected visible to be one of bernoulli, gaussian, got 'binary'",
        ),
        (
            lambda: RBM(3, 2, hidden="gausian"),
            r"RBM: expected hidden to be one of bernoulli, gaussian, got 'gausian' \(did you mean 'gaussian'\?\)",
        ),
    ],
)
def test_bad_machines_are_refused(make, message):
    with pytest.raises(UsageError, match=message):
        make()


# --- conditionals


@pytest.mark.parametrize("visible, hidden", KINDS)
def test_means_are_the_formulas(visible, hidden):
    rbm = make_rbm(4, 3, visible, hidden)
    v, h = make_rows(5, 4, visible), make_rows(5, 3, hidden, seed=1)

    def mean(kind, total):
        return 1 / (1 + np.exp(-total)) if kind == "bernoulli" else total

    for n in range(5):
        for j in range(3):
            total = rbm.c[j] + sum(v[n, i] * rbm.W[i, j] for i in range(4))
            assert rbm.hidden_mean(v)[n, j] == pytest.approx(mean(hidden, total), rel=1e-12)
        for i in range(4):
            total = rbm.b[i] + sum(h[n, j] * rbm.W[i, j] for j in range(3))
            assert rbm.visible_mean(h)[n, i] == pytest.approx(mean(visible, total), rel=1e-12)
    assert_allclose(rbm.reconstruct(v), rbm.visible_mean(rbm.hidden_mean(v)), rtol=1e-12)
    single = RBM(4, 3, visible, hidden)
    single.theta[:] = rbm.theta
    out = np.empty((5, 3), np.float32)
    assert single.hidden_mean(v.astype(np.float32), out=out) is out
    assert_allclose(out, rbm.hidden_mean(v), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("kind", ["bernoulli", "gaussian"])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_samples_have_their_mean_and_variance(kind, dtype):
    rbm = RBM(3, 4, kind, kind, dtype=dtype)
    mean = np.array([0.1, 0.5, 0.8, 1.0], dtype)
    many = np.tile(mean, (20_000, 1))
    for sampler in (rbm.sample_hidden, rbm.sample_visible):
        sample = sampler(many, np.random.default_rng(0))
        assert sample.dtype == dtype
        assert_allclose(sample.mean(axis=0), mean, atol=0.03)  # 4 standard deviations of the mean
        variance = mean * (1 - mean) if kind == "bernoulli" else np.ones(4)
        assert_allclose(sample.var(axis=0), variance, atol=0.05)
        assert_array_equal(sample, sampler(many, np.random.default_rng(0)))
        if kind == "bernoulli":
            assert set(np.unique(sample)) == {0, 1} and sample[:, 3].all()
    assert_array_equal(many[0], mean)


# --- energies


@pytest.mark.parametrize("visible, hidden", KINDS)
def test_energy_is_its_definition(visible, hidden):
    rbm = make_rbm(4, 3, visible, hidden)
    v, h = make_rows(5, 4, visible), make_rows(5, 3, hidden, seed=1)
    for n in range(5):
        expected = -v[n] @ rbm.W @ h[n]
        expected += 0.5 * np.sum((v[n] - rbm.b) ** 2) if visible == "gaussian" else -rbm.b @ v[n]
        expected += 0.5 * np.sum((h[n] - rbm.c) ** 2) if hidden == "gaussian" else -rbm.c @ h[n]
        assert rbm.energy(v, h)[n] == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("visible", ["bernoulli", "gaussian"])
def test_free_energy_is_the_sum_over_all_hidden_states(visible):
    rbm, v = make_rbm(4, 3, visible), make_rows(6, 4, visible)
    hidden = exact.all_states(3)
    for n in range(6):
        energies = rbm.energy(np.tile(v[n], (8, 1)), hidden)
        assert rbm.free_energy(v)[n] == pytest.approx(-np.log(np.exp(-energies).sum()), rel=1e-12)


def test_free_energy_with_gaussian_hidden_units_is_the_integral_up_to_a_constant():
    rbm, v = make_rbm(4, 2, hidden="gaussian"), make_rows(6)
    line = np.linspace(-15, 15, 241)  # the rectangle rule is exact to rounding for Gaussians this smooth
    grid = np.stack(np.meshgrid(line, line), axis=-1).reshape(-1, 2)
    cell = (line[1] - line[0]) ** 2
    integrals = [np.exp(-rbm.energy(np.tile(row, (len(grid), 1)), grid)).sum() * cell for row in v]
    assert_allclose(rbm.free_energy(v), -np.log(integrals) + np.log(2 * np.pi), rtol=1e-9, atol=1e-12)


def test_free_energy_checks_the_width():
    with pytest.raises(ValueError, match=r"free_energy: expected v of shape \(N, 4\), got \(2, 5\)\."):
        make_rbm().free_energy(np.zeros((2, 5)))


@pytest.mark.oracle
def test_free_energy_against_scikit_learn():
    neural_network = pytest.importorskip("sklearn.neural_network")
    rbm, v = make_rbm(6, 5), make_rows(7, 6)
    theirs = neural_network.BernoulliRBM(n_components=5)
    theirs.components_, theirs.intercept_visible_, theirs.intercept_hidden_ = rbm.W.T, rbm.b, rbm.c
    assert_allclose(rbm.free_energy(v), theirs._free_energy(v), rtol=1e-12)
    assert_allclose(rbm.hidden_mean(v), theirs._mean_hiddens(v), rtol=1e-12)


# --- statistics and gradients


@pytest.mark.parametrize("visible, hidden", KINDS)
def test_statistics_are_the_slopes_of_the_energy(visible, hidden):
    """-dE/dtheta, as a difference of two: Gaussian units leave out the constants b and c, which cancel in it."""
    rbm = make_rbm(4, 3, visible, hidden)
    v, h = make_rows(5, 4, visible), make_rows(5, 3, hidden, seed=1)
    other_v, other_h = make_rows(7, 4, visible, seed=2), make_rows(7, 3, hidden, seed=3)

    def gap():
        return float(rbm.energy(other_v, other_h).mean() - rbm.energy(v, h).mean())

    got = rbm.statistics(v, h) - rbm.statistics(other_v, other_h)
    assert_allclose(got, numerical_gradient(gap, rbm.theta), rtol=1e-7, atol=1e-9)
    if (visible, hidden) == ("bernoulli", "bernoulli"):
        slope = numerical_gradient(lambda: float(-rbm.energy(v, h).mean()), rbm.theta)
        assert_allclose(rbm.statistics(v, h), slope, rtol=1e-7, atol=1e-9)


@pytest.mark.parametrize("visible, hidden", KINDS)
def test_positive_statistics_are_the_slope_of_the_free_energy(visible, hidden):
    """-dF/dtheta at v is -dE/dtheta at v and E[h | v]."""
    rbm = make_rbm(4, 3, visible, hidden)
    v, other = make_rows(5, 4, visible), make_rows(7, 4, visible, seed=2)

    def gap():
        return float(rbm.free_energy(other).mean() - rbm.free_energy(v).mean())

    got = rbm.statistics(v, rbm.hidden_mean(v)) - rbm.statistics(other, rbm.hidden_mean(other))
    assert_allclose(got, numerical_gradient(gap, rbm.theta), rtol=1e-7, atol=1e-9)


def test_all_states():
    assert_array_equal(exact.all_states(2), [[0, 0], [0, 1], [1, 0], [1, 1]])
    with pytest.raises(UsageError, match="all_states: expected at most 16 units to list all states of, got 17"):
        exact.all_states(17)


def test_exact_likelihood_is_the_sum_over_all_states():
    rbm, v = make_rbm(), make_rows(6)
    energies = [[rbm.energy(a[None], h[None])[0] for h in exact.all_states(3)] for a in exact.all_states(4)]
    Z = np.exp(-np.array(energies)).sum()
    assert exact.log_partition(rbm) == pytest.approx(np.log(Z), rel=1e-12)
    p = [np.exp(-rbm.energy(np.tile(row, (8, 1)), exact.all_states(3))).sum() / Z for row in v]
    assert exact.log_likelihood(rbm, v) == pytest.approx(np.mean(np.log(p)), rel=1e-12)


def test_exact_likelihood_does_not_overflow():
    rbm = make_rbm(scale=300.0)
    assert np.isfinite(exact.log_partition(rbm)) and exact.log_likelihood(rbm, exact.all_states(4)) < 0


def test_exact_gradient_is_the_slope_of_the_likelihood():
    rbm, v = make_rbm(5, 4), make_rows(6, 5)
    slope = numerical_gradient(lambda: exact.log_likelihood(rbm, v), rbm.theta)
    gradient = exact.log_likelihood_gradient(rbm, v)
    assert np.abs(gradient - slope).max() <= 1e-6 * np.abs(slope).max()


@pytest.mark.parametrize("visible, hidden", KINDS[1:])
def test_exact_likelihood_needs_binary_units(visible, hidden):
    rbm = make_rbm(4, 3, visible, hidden)
    for function in (exact.log_likelihood, exact.log_likelihood_gradient):
        with pytest.raises(UsageError, match=r"expected Bernoulli units on both sides, got RBM\(4 "):
            function(rbm, make_rows(2))


# --- contrastive divergence


def test_contrastive_divergence_approaches_the_exact_gradient():
    """20,000 chains: the noise of an entry is at most 0.5 / sqrt(20000) = 0.004, so 0.015 for the 19 together."""
    rbm = make_rbm(scale=1.5)
    data = make_rows(4)
    truth = exact.log_likelihood_gradient(rbm, data)
    chains = np.tile(data, (5000, 1))

    def distance(k, sample_visible=True):
        estimate = rbm.contrastive_divergence(chains, np.random.default_rng(k), k, sample_visible)
        return np.linalg.norm(estimate - truth)

    errors = {k: distance(k) for k in (1, 2, 50)}
    assert errors[50] < 0.03
    assert errors[1] > 5 * errors[50]
    assert errors[1] > 2 * errors[2] > 4 * errors[50]
    assert distance(50, sample_visible=False) > 0.03  # with visible means the chain's limit is another one


@pytest.mark.parametrize("visible, hidden", KINDS)
@pytest.mark.parametrize("sample_visible", [False, True])
def test_contrastive_divergence_is_two_statistics(visible, hidden, sample_visible):
    rbm, v = make_rbm(4, 3, visible, hidden, scale=0.3), make_rows(6, 4, visible)
    got = rbm.contrastive_divergence(v, np.random.default_rng(1), k=2, sample_visible=sample_visible)
    rng = np.random.default_rng(1)
    chain, mean = v, rbm.hidden_mean(v)
    for _ in range(2):
        chain = rbm.visible_mean(rbm.sample_hidden(mean, rng))
        if sample_visible:
            chain = rbm.sample_visible(chain, rng)
        mean = rbm.hidden_mean(chain)
    expected = rbm.statistics(v, rbm.hidden_mean(v)) - rbm.statistics(chain, mean)
    assert_allclose(got, expected, rtol=1e-12, atol=1e-14)


def test_contrastive_divergence_checks_its_arguments():
    with pytest.raises(UsageError, match="gibbs: expected k to be a whole number >= 1, got 0"):
        make_rbm().contrastive_divergence(make_rows(2), np.random.default_rng(0), k=0)
    with pytest.raises(ValueError, match=r"contrastive_divergence: expected v of shape \(N, 4\), got \(2, 5\)"):
        make_rbm().contrastive_divergence(make_rows(2, 5), np.random.default_rng(0))


@pytest.mark.parametrize("visible, hidden", KINDS)
@pytest.mark.parametrize("threads", [1, 2, 3])
@pytest.mark.parametrize("k", [1, 3])
def test_threaded_step_is_contrastive_divergence_with_the_workers_random_numbers(visible, hidden, threads, k):
    rbm, x = make_rbm(4, 3, visible, hidden, scale=0.3), make_rows(20, 4, visible)
    kept = rbm.theta.copy()
    rows = np.random.default_rng(1).permutation(20)[:11]
    shards = [np.array(part) for part in np.split(rows, [11 * w // threads for w in range(1, threads)])]
    rngs = np.random.default_rng(5).spawn(threads)
    expected = sum(
        len(shard) * rbm.contrastive_divergence(x[shard], rng, k) for shard, rng in zip(shards, rngs, strict=True)
    )
    with Team(threads) as team:
        step = CDStep(rbm, team, k, 0.0, np.random.default_rng(5))
        error = step(x, rows, 0.5, 0.0)
    assert_allclose(rbm.theta, kept + 0.5 * expected / 11, rtol=1e-11, atol=1e-13)
    if k == 1:
        before = make_rbm(4, 3, visible, hidden, scale=0.3)
        rngs = np.random.default_rng(5).spawn(threads)
        samples = [
            before.sample_hidden(before.hidden_mean(x[shard]), rng) for shard, rng in zip(shards, rngs, strict=True)
        ]
        reconstruction = before.visible_mean(np.concatenate(samples))
        assert error == pytest.approx(np.square(x[np.concatenate(shards)] - reconstruction).sum(), rel=1e-11)


def test_a_batch_smaller_than_the_team():
    x = make_rows(6)
    for threads in (1, 3):
        rbm = make_rbm()
        with Team(threads) as team:
            step = CDStep(rbm, team, 1, 0.0, np.random.default_rng(0))
            step(x, np.arange(6), 0.1, 0.0)
            kept = rbm.theta.copy()
            rngs = np.random.default_rng(0).spawn(threads)
            for rng, rows in zip(rngs, np.split(np.arange(6), threads), strict=True):  # what the first step drew
                rbm.sample_hidden(np.zeros((len(rows), 3)), rng)
            expected = rbm.contrastive_divergence(x[[4]], rngs[-1])  # one row goes to the last worker
            step(x, np.array([4]), 0.1, 0.0)
        assert_allclose(rbm.theta, kept + 0.1 * expected, rtol=1e-12)


@pytest.mark.parametrize("threads", [1, 2])
def test_momentum_and_weight_cost(threads):
    """velocity = momentum velocity + g + cost W;  theta -= lr velocity; biases bear no cost."""
    rbm, twin, x = make_rbm(), make_rbm(), make_rows(10)
    velocity, rngs = np.zeros_like(rbm.theta), np.random.default_rng(0).spawn(threads)
    with Team(threads) as team:
        step = CDStep(rbm, team, 1, 0.01, np.random.default_rng(0))
        for _ in range(3):
            shards = np.split(x, threads)
            ascent = np.mean([twin.contrastive_divergence(v, r) for v, r in zip(shards, rngs, strict=True)], axis=0)
            cost = 0.01 * np.concatenate([twin.W.ravel(), np.zeros(7)])
            velocity = 0.7 * velocity - ascent + cost
            twin.theta -= 0.1 * velocity
            step(x, np.arange(10), 0.1, 0.7)
    assert_allclose(rbm.theta, twin.theta, rtol=1e-10, atol=1e-12)


# --- training


def test_training_raises_the_exact_likelihood():
    x = bars_and_stripes()
    assert x.shape == (14, 9)
    rbm = RBM(9, 8, dtype=np.float64)
    before = exact.log_likelihood(rbm, x)
    history = fit(rbm, x, epochs=400, batch_size=14, lr=0.1, weight_cost=0.0)
    after = exact.log_likelihood(rbm, x)
    assert before == pytest.approx(-9 * np.log(2), abs=0.2)  # nearly uniform over the 512 images
    assert after > -4.2  # the best there is: log(1/14) = -2.64
    assert history["reconstruction_error"][-1] < 0.5 * history["reconstruction_error"][0]


@pytest.mark.parametrize("visible, hidden", KINDS)
def test_training_lowers_the_reconstruction_error(visible, hidden):
    rng = np.random.default_rng(0)
    cause = rng.normal(size=(200, 2))
    x = cause @ rng.normal(size=(2, 8)) + 0.3 * rng.normal(size=(200, 8))
    x = (x - x.mean(axis=0)) / x.std(axis=0) if visible == "gaussian" else (x > 0).astype(float)
    rbm = RBM(8, 6, visible, hidden)
    history = fit(rbm, x, epochs=30, lr=0.01)
    errors = history["reconstruction_error"]
    assert errors[-1] < 0.8 * errors[0] and np.isfinite(rbm.theta).all()


def test_default_learning_rate_depends_on_the_units(monkeypatch):
    rates = []
    monkeypatch.setattr(CDStep, "__call__", lambda self, x, rows, lr, momentum, hidden: rates.append(lr) or 0.0)
    for visible, hidden in KINDS:
        fit(RBM(4, 3, visible, hidden), make_rows(10), epochs=1)
    slow = training.LEARNING_RATE["gaussian"]
    assert rates == [training.LEARNING_RATE["bernoulli"], slow, slow, slow] and slow < rates[0]


def test_momentum_rises_after_some_epochs(monkeypatch):
    speeds = []
    monkeypatch.setattr(CDStep, "__call__", lambda self, x, rows, lr, momentum, hidden: speeds.append(momentum) or 0.0)
    fit(make_rbm(dtype=np.float32), make_rows(20), epochs=7)
    assert training.MOMENTUM_SWITCH == 5 and training.MOMENTUM == (0.5, 0.9)  # Hinton's
    assert speeds == [0.5] * 10 + [0.9] * 4  # two batches an epoch
    speeds.clear()
    fit(make_rbm(), make_rows(20), epochs=3, momentum=(0.1, 0.2), momentum_switch=1)
    assert speeds == [0.1] * 2 + [0.2] * 4


def test_history_of_a_run():
    x, held = make_rows(40), make_rows(15, seed=1)
    rbm = make_rbm(scale=0.1)
    history = fit(rbm, x, epochs=3, validation=held)
    assert history.names == [
        "epoch", "reconstruction_error", "free_energy", "mean_activation", "free_energy_validation", "seconds",
    ]  # fmt: skip
    assert history["epoch"] == [1, 2, 3]
    assert history["free_energy"][-1] == pytest.approx(rbm.free_energy(x).mean(), rel=1e-12)
    assert history["free_energy_validation"][-1] == pytest.approx(rbm.free_energy(held).mean(), rel=1e-12)
    assert history["mean_activation"][-1] == pytest.approx(rbm.hidden_mean(x).mean(), rel=1e-12)
    assert "free_energy_validation" not in fit(make_rbm(scale=0.1), x)


def test_reconstruction_error_is_a_sum_per_row_and_a_mean_over_rows():
    rbm = RBM(4, 3)
    rbm.theta[:] = 0  # every reconstruction is 1/2, so every row of zeros and ones is 4/4 off
    history = fit(rbm, make_rows(23), epochs=1, lr=1e-12)
    assert history["reconstruction_error"] == pytest.approx([1.0], rel=1e-6)


@pytest.mark.parametrize("threads", [1, 2])
def test_same_seed_and_threads_give_the_same_bits(threads):
    def run(seed):
        rbm = RBM(9, 5)
        errors = fit(rbm, bars_and_stripes(), epochs=3, batch_size=5, seed=seed, threads=threads)
        return rbm.theta, errors["reconstruction_error"]

    (one, series), (two, series_again), (other, _) = run(1), run(1), run(2)
    assert_array_equal(one, two)
    assert series == series_again and (one != other).any()


def test_data_stays_as_it_was():
    x = make_rows(20).astype(np.float32)
    kept = x.copy()
    x.flags.writeable = False
    fit(RBM(4, 3), x, validation=x)
    fit_stack(x, (3, 2), epochs=1, progress=False)
    make_rbm().contrastive_divergence(x, np.random.default_rng(0), 2, True)
    assert_array_equal(x, kept)


def test_progress_goes_to_stderr_or_nowhere(capsys):
    fit(RBM(4, 3), make_rows(20), progress="pretraining 1/2")
    out, err = capsys.readouterr()
    assert out == "" and "pretraining 1/2: 100%" in err and "4/4" in err
    fit(RBM(4, 3), make_rows(20), progress=False)
    assert capsys.readouterr() == ("", "")


# --- warnings and errors


@pytest.mark.parametrize(
    "bias, text", [(-20, "4 of 40 hidden units are dead .* and 0 saturated"), (20, "0 of 40 .* and 4 saturated")]
)
def test_useless_units_are_warned_of(bias, text):
    rbm = make_rbm(9, 40, scale=0.1)
    rbm.c[[3, 7, 20, 33]] = bias
    with pytest.warns(RuntimeWarning, match=f"fit_rbm: {text}.*try a smaller lr") as caught:
        fit(rbm, bars_and_stripes(), epochs=1, lr=1e-9)
    assert len(caught) == 1 and caught[0].filename == __file__.replace(".pyc", ".py")  # points at the caller's line


def test_a_few_useless_units_are_tolerated_and_gaussian_ones_cannot_saturate():
    rbm = make_rbm(9, 40, scale=0.1)
    rbm.c[[3, 7]] = -20, 20  # 5 %; a warning would fail this test
    fit(rbm, bars_and_stripes(), epochs=1, lr=1e-9)
    rbm = make_rbm(9, 4, hidden="gaussian", scale=0.1)
    rbm.c[:] = -20
    fit(rbm, bars_and_stripes(), epochs=1, lr=1e-9)


BAD = np.array([[0, 1, 0, 1], [0, np.nan, 0, 1.0]])


@pytest.mark.parametrize(
    "x, settings, message",
    [
        pytest.param(np.zeros((3, 5)), {}, r"fit_rbm: expected x of shape \(N, 4\), got \(3, 5\)\.", id="width"),
        pytest.param(np.zeros((0, 4)), {}, "fit_rbm: expected at least one row in x, got none", id="empty"),
        pytest.param(BAD, {}, r"fit_rbm: expected finite numbers in x, .* first at index \(1, 1\)", id="nan"),
        pytest.param(
            np.full((3, 4), 255.0),
            {},
            r"fit_rbm: expected x in \[0, 1\] for Bernoulli visible units, got values from 255 to 255; scale the data",
            id="bytes",
        ),
        pytest.param(np.full((3, 4), -0.1), {}, r"expected x in \[0, 1\] .* got values from -0\.1", id="negative"),
        pytest.param([["a"] * 4], {}, "fit_rbm: expected x to be an array of numbers, got list", id="words"),
        pytest.param(
            make_rows(3), {"validation": np.zeros((3, 5))}, r"expected validation of shape \(N, 4\)", id="validation"
        ),
        pytest.param(make_rows(3), {"epochs": 0}, "fit_rbm: expected epochs to be a whole number >= 1", id="epochs"),
        pytest.param(make_rows(3), {"batch_size": 0}, "expected batch_size to be a whole number >= 1", id="batch"),
        pytest.param(make_rows(3), {"k": 0}, "fit_rbm: expected k to be a whole number >= 1, got 0", id="k"),
        pytest.param(make_rows(3), {"lr": 0}, r"fit_rbm: expected lr in \(0, inf[])], got 0", id="lr"),
        pytest.param(make_rows(3), {"lr": np.inf}, r"fit_rbm: expected lr in .*, got inf", id="lr-infinite"),
        pytest.param(make_rows(3), {"weight_cost": -1}, "fit_rbm: expected weight_cost in", id="cost"),
        pytest.param(make_rows(3), {"momentum": 0.9}, "fit_rbm: expected momentum", id="one-momentum"),
        pytest.param(make_rows(3), {"momentum": (0.5, 1.5)}, "fit_rbm: expected momentum", id="momentum"),
        pytest.param(make_rows(3), {"momentum_switch": "x"}, "fit_rbm: expected momentum_switch", id="switch"),
        pytest.param(make_rows(3), {"threads": 0}, "expected threads to be a whole number >= 1", id="threads"),
    ],
)
def test_bad_data_and_settings_are_refused(x, settings, message):
    rbm = make_rbm()
    kept = rbm.theta.copy()
    with pytest.raises(ValueError, match=message) as caught:
        fit(rbm, x, **settings)
    assert "\n" not in str(caught.value)
    assert_array_equal(rbm.theta, kept)


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_divergence_names_the_epoch():
    rbm = RBM(6, 4, "gaussian", "gaussian")
    with pytest.raises(
        FloatingPointError,
        match=r"fit_rbm: expected finite weights, got NaN or infinity in epoch \d+ of RBM\(6 gaussian, 4 gaussian\); "
        "try a smaller lr",
    ):
        fit(rbm, make_rows(200, 6, "gaussian"), epochs=50, lr=1.0)


def test_divergence_is_told_by_the_error_alone():
    """Without NumPy's own warnings of overflow before it, which are errors under -W error."""
    with pytest.raises(FloatingPointError, match="epoch 1"):
        fit(RBM(6, 4, "gaussian", "gaussian"), make_rows(500, 6, "gaussian"), epochs=50, lr=10.0)


# --- stacks


def test_a_stack_is_one_rbm_after_the_other():
    x = bars_and_stripes().astype(np.float32)
    rbms, histories = fit_stack(x, (7, 5, 2), epochs=3, seed=4, progress=False, threads=1, batch_size=6)
    assert [repr(rbm) for rbm in rbms] == [
        "RBM(9 bernoulli, 7 bernoulli)", "RBM(7 bernoulli, 5 bernoulli)", "RBM(5 bernoulli, 2 gaussian)",
    ]  # fmt: skip
    assert [len(history) for history in histories] == [3, 3, 3]
    rng, below = np.random.default_rng(4), x
    for (n, k, kind), trained in zip([(9, 7, "bernoulli"), (7, 5, "bernoulli"), (5, 2, "gaussian")], rbms, strict=True):
        rbm = RBM(n, k, hidden=kind, seed=rng)
        fit(rbm, below, epochs=3, seed=rng, batch_size=6)
        assert_array_equal(trained.theta, rbm.theta)
        below = rbm.hidden_mean(below)


def test_a_stack_on_real_values():
    x = make_rows(30, 5, "gaussian").astype(np.float32)
    rbms, _ = fit_stack(x, (4, 2), epochs=1, visible="gaussian", progress=False, lr=0.001)
    assert (rbms[0].visible, rbms[1].visible) == ("gaussian", "bernoulli")
    model = unroll(rbms)
    code = rbms[1].hidden_mean(rbms[0].hidden_mean(x))
    assert_allclose(model.encode(x), code, rtol=1e-5, atol=1e-6)
    output = rbms[0].visible_mean(rbms[1].visible_mean(code))  # linear: real values come back as such
    assert_allclose(model.reconstruct(x), output, rtol=1e-5, atol=1e-6)
    assert model.loss.name == "MSE" and model.matched


@pytest.mark.parametrize(
    "convert",
    [lambda x: x.astype(np.uint8), lambda x: x.astype(bool), lambda x: x.astype(int), lambda x: x.astype(int).tolist()],
    ids=["uint8", "bool", "int", "list"],
)
def test_a_stack_takes_any_array_of_numbers(convert):
    x = bars_and_stripes()
    rbms, _ = fit_stack(convert(x), (5, 2), epochs=2, progress=False, threads=1)
    expected, _ = fit_stack(x.astype(np.float32), (5, 2), epochs=2, progress=False, threads=1)
    assert_array_equal(rbms[1].theta, expected[1].theta)


def test_a_stack_reports_its_level(capsys):
    fit_stack(bars_and_stripes(), (5, 2), epochs=1, threads=1)
    out, err = capsys.readouterr()
    assert out == "" and "pretraining 1/2 (9-5): 100%" in err and "pretraining 2/2 (5-2): 100%" in err
    fit_stack(bars_and_stripes(), (5, 2), epochs=1, threads=1, progress=False)
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize("hidden", [(), (7,), (7, 5)])
def test_unrolled_net_goes_up_and_down_the_stack(hidden):
    x = make_rows(2100, 9).astype(np.float32)  # more rows than the stack passes up at once
    rbms, _ = fit_stack(x, (*hidden, 2), epochs=1, progress=False, threads=1, batch_size=700)
    model = unroll(rbms)
    rng = np.random.default_rng(0)
    for rbm in rbms:
        rbm.b[:], rbm.c[:] = rng.normal(size=rbm.b.size), rng.normal(size=rbm.c.size)
    assert not np.allclose(model.theta, unroll(rbms).theta)  # the net has parameters of its own
    model = unroll(rbms)
    up = x
    for rbm in rbms:
        up = rbm.hidden_mean(up)
    down = up
    for rbm in reversed(rbms):
        down = rbm.visible_mean(down)
    assert_allclose(model.encode(x), up, rtol=1e-4, atol=1e-5)
    assert_allclose(model.reconstruct(x), down, rtol=1e-4, atol=1e-5)
    assert model.loss.name == "BCE" and model.matched
    kept = [rbm.theta.copy() for rbm in rbms]
    model.fit(x, epochs=1, progress=False)
    for rbm, theta in zip(rbms, kept, strict=True):
        assert_array_equal(rbm.theta, theta)


def test_a_pretrained_net_begins_better_than_a_fresh_one():
    x = bars_and_stripes().astype(np.float32)
    rbms, _ = fit_stack(x, (12, 4), epochs=300, progress=False, threads=1, batch_size=14)
    model = unroll(rbms)
    fresh = unroll([RBM(9, 12), RBM(12, 4, hidden="gaussian")])
    assert model.evaluate(x)["loss"] < 0.9 * fresh.evaluate(x)["loss"]


@pytest.mark.parametrize(
    "make, message",
    [
        pytest.param(
            lambda: unroll([RBM(9, 5), RBM(4, 2, hidden="gaussian")]),
            r"unroll: expected RBM\(9 bernoulli, 5 bernoulli\) below an RBM with 5 visible units, got RBM\(4 ",
            id="gap",
        ),
        pytest.param(lambda: unroll([RBM(9, 5), RBM(5, 2)]), "unroll: expected", id="binary-code"),
        pytest.param(
            lambda: unroll([RBM(9, 5, hidden="gaussian"), RBM(5, 2, "gaussian", "gaussian")]),
            "unroll: expected",
            id="gaussian-inside",
        ),
        pytest.param(lambda: unroll([]), "unroll: expected", id="no-machine"),
        pytest.param(
            lambda: fit_stack(bars_and_stripes(), (5, 0)), "fit_stack: expected sizes to be a whole number", id="zero"
        ),
        pytest.param(lambda: fit_stack(bars_and_stripes(), ()), "fit_stack: expected", id="no-sizes"),
        pytest.param(
            lambda: fit_stack(2 * bars_and_stripes(), (5, 2), progress=False), r"expected x in \[0, 1\]", id="range"
        ),
        pytest.param(
            lambda: fit_stack(np.full((4, 3), np.nan), (5, 2), progress=False), "fit_rbm: expected finite", id="nan"
        ),
    ],
)
def test_bad_stacks_are_refused(make, message):
    with pytest.raises(UsageError, match=message):
        make()
