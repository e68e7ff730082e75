"""`trace_rbm`: the numbers are those of training, the sums are those numbers, and finite differences agree."""

import itertools

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from tinyae.checks import UsageError
from tinyae.rbm import RBM, ReplicatedSoftmax
from tinyae.rbm.training import CDStep
from tinyae.trace import trace_rbm
from tinyae.training.threads import Team


def machine(visible="bernoulli", hidden="bernoulli"):
    rbm = RBM(4, 3, visible, hidden, seed=1, dtype=np.float64)
    rbm.theta[:] = np.random.default_rng(2).normal(scale=0.5, size=rbm.theta.size)
    return rbm


@pytest.fixture
def v(rng):
    return rng.uniform(size=(5, 4))


KINDS = [("bernoulli", "bernoulli"), ("bernoulli", "gaussian"), ("gaussian", "bernoulli")]


@pytest.mark.parametrize("visible, hidden", KINDS)
@pytest.mark.parametrize("k", [1, 3])
def test_the_update_is_that_of_training(v, visible, hidden, k):
    rbm = machine(visible, hidden)
    steps = trace_rbm(rbm, v, k=k, lr=0.2, momentum=0.5, weight_cost=0.01, seed=np.random.default_rng(7).spawn(1)[0])
    with Team(1) as team:
        step = CDStep(rbm, team, k, 0.01, np.random.default_rng(7))
        step(v, np.arange(5), 0.2, 0.5)
    for name in "Wbc":
        assert_allclose(steps[-1].after[name], getattr(rbm, name), rtol=1e-12)


def test_a_second_update_goes_on_with_the_velocity_of_the_first(v):
    rbm = machine()
    with Team(1) as team:
        step = CDStep(rbm, team, 1, 0.01, np.random.default_rng(7))
        step(v, np.arange(5), 0.2, 0.5)
        velocity, theta = -0.2 * step.velocity, rbm.theta.copy()
        draws = np.random.default_rng(7).spawn(1)[0]
        draws.random((5, 3))  # those of the first update
        steps = trace_rbm(rbm, v, lr=0.2, momentum=0.5, velocity=velocity, weight_cost=0.01, seed=draws)
        assert_array_equal(rbm.theta, theta)
        step(v, np.arange(5), 0.2, 0.5)
    assert_allclose(steps[-1].after["W"], rbm.W, rtol=1e-12)


@pytest.mark.parametrize("visible, hidden", KINDS)
def test_the_steps_hang_together(v, visible, hidden):
    rbm = machine(visible, hidden)
    steps = trace_rbm(rbm, v)
    assert [step.phase for step in steps] == ["forward"] * 7 + ["statistics", "update"]
    for before, after in itertools.pairwise(steps[:7]):
        assert_array_equal(before.y, after.x)
    ends = steps[-2].shown
    assert_array_equal(ends["v0"], v)
    assert_allclose(ends["h0"], rbm.hidden_mean(v))
    assert_allclose(ends["h1"], rbm.hidden_mean(ends["v1"]))
    assert_allclose(ends["v1"], rbm.visible_mean(steps.find("sample").y))
    assert len(trace_rbm(rbm, v, k=3)) == 2 + 3 * 5 + 2


@pytest.mark.parametrize("visible, hidden", KINDS)
def test_finite_differences_of_the_free_energies_agree(v, visible, hidden):
    steps = trace_rbm(machine(visible, hidden), v)
    (checked,) = steps.check()
    assert checked.passed and len(checked.entries) == 12 + 4 + 3
    steps.find("contrastive divergence").grads["W"][1, 2] += 1e-3
    assert not steps.check()[0].passed


@pytest.mark.parametrize("visible, hidden", KINDS)
def test_every_number_is_explained(v, visible, hidden):
    for step in trace_rbm(machine(visible, hidden), v, velocity=np.linspace(-1, 1, 19)):
        if step.phase == "update":
            arrays = {name: (name, step.after[name]) for name in step.params}
        elif step.phase == "statistics":
            arrays = {f"d{name}": (f"d{name}", g) for name, g in step.grads.items()}
        else:
            arrays = {"y": ("y", step.y)}
        for of, array in arrays.values():
            for index in np.ndindex(array.shape):
                found = step.why(*index, of=of)
                assert_allclose(found.value, array[index], rtol=1e-12, atol=1e-15)
                assert eval(found.numbers, {"exp": np.exp}) == pytest.approx(found.value, rel=5e-3, abs=5e-3)


def test_the_sum_behind_one_number():
    rbm = machine()
    step = trace_rbm(rbm, np.eye(4)[:2]).find("contrastive divergence")
    text = str(step.why(0, 1))
    assert text.startswith("dW[0,1] = 1/2 v0[0,0] h0[0,1] + 1/2 v0[1,0] h0[1,1] + -1/2 v1[0,0] h1[0,1]")
    assert step.why(2, of="db").symbols.endswith("-1/2 v1[1,2]") and "h" not in step.why(2, of="db").symbols


def test_a_draw_says_what_decided(v):
    step = trace_rbm(machine(), v).find("sample")
    assert set(np.unique(step.y)) <= {0, 1}
    assert_array_equal(step.y, step.params["u"] < step.x)
    assert str(step.why(1, 2)).startswith("y[1,2] = 1 if u[1,2] < x[1,2] else 0\n")


def test_it_shows_itself(v, tmp_path):
    steps = trace_rbm(machine(), v)
    assert "contrastive divergence" in str(steps.find("contrastive divergence"))
    page = steps.find("contrastive divergence")._repr_html_()
    assert "velocity" not in page and "contrastive divergence" in page and "h1" in page and "dW[0,0] =" in page
    steps.to_html(tmp_path / "steps.html")
    assert "reconstruction" in (tmp_path / "steps.html").read_text()


def test_same_seed_same_draws(v):
    rbm = machine()
    first, again, other = (trace_rbm(rbm, v, seed=seed).find("sample").y for seed in (0, 0, 1))
    assert_array_equal(first, again)
    assert not np.array_equal(first, other)


@pytest.mark.parametrize(
    "change, message",
    [
        ({"rbm": ReplicatedSoftmax(4, 3)}, "trace_rbm: expected an RBM of Bernoulli or Gaussian units"),
        ({"v": np.zeros((2, 5))}, "trace_rbm: expected v"),
        ({"v": np.zeros((0, 4))}, "expected at least one row in v, got none"),
        ({"v": np.full((2, 4), np.nan)}, "NaN"),
        ({"k": 0}, "expected k"),
        ({"lr": 0.0}, "expected lr"),
        ({"momentum": 1.0}, "expected momentum"),
        ({"weight_cost": -1.0}, "expected weight_cost"),
        ({"velocity": np.zeros(3)}, "expected velocity"),
    ],
)
def test_what_is_refused(v, change, message):
    settings = {"rbm": machine(), "v": v} | change
    with pytest.raises((UsageError, ValueError), match=message):
        trace_rbm(settings.pop("rbm"), settings.pop("v"), **settings)
