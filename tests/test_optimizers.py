"""Optimizers and schedules: first steps by hand, 50 steps beside PyTorch, parts and shards, rates by formula."""

import inspect
import itertools
import math

import naive
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from test_checks import says

from tinyae.optimizers import OPTIMIZERS, SGD, Adam, Nadam, Optimizer, RMSprop, optimizer_by_name
from tinyae.schedules import Constant, Cosine, Step, as_schedule

SEEDS = st.integers(0, 2**32 - 1)

# Every rule with and without its extras: name: (make one, the same one in PyTorch as (class, settings))
SETTINGS = {
    "SGD": (lambda: SGD(0.1), ("SGD", {"lr": 0.1})),
    "SGD momentum": (lambda: SGD(0.1, momentum=0.9), ("SGD", {"lr": 0.1, "momentum": 0.9})),
    "SGD Nesterov": (
        lambda: SGD(0.1, momentum=0.9, nesterov=True),
        ("SGD", {"lr": 0.1, "momentum": 0.9, "nesterov": True}),
    ),
    "SGD decay": (
        lambda: SGD(0.1, momentum=0.5, weight_decay=0.05),
        ("SGD", {"lr": 0.1, "momentum": 0.5, "weight_decay": 0.05}),
    ),
    "RMSprop": (lambda: RMSprop(0.01), ("RMSprop", {"lr": 0.01})),
    "RMSprop momentum": (
        lambda: RMSprop(0.01, rho=0.9, momentum=0.8, eps=1e-6, weight_decay=0.05),
        ("RMSprop", {"lr": 0.01, "alpha": 0.9, "momentum": 0.8, "eps": 1e-6, "weight_decay": 0.05}),
    ),
    "Adam": (lambda: Adam(0.01), ("Adam", {"lr": 0.01})),
    "Adam decay": (
        lambda: Adam(0.02, beta1=0.8, beta2=0.99, eps=1e-6, weight_decay=0.05),
        ("Adam", {"lr": 0.02, "betas": (0.8, 0.99), "eps": 1e-6, "weight_decay": 0.05}),
    ),
    "Nadam": (lambda: Nadam(0.01), ("NAdam", {"lr": 0.01})),
    "Nadam decay": (
        lambda: Nadam(0.02, beta1=0.8, beta2=0.99, eps=1e-6, weight_decay=0.05),
        ("NAdam", {"lr": 0.02, "betas": (0.8, 0.99), "eps": 1e-6, "weight_decay": 0.05}),
    ),
}
ALL = pytest.mark.parametrize("setting", SETTINGS)


def make(setting):
    return SETTINGS[setting][0]()


def steps(optimizer, theta, gradients):
    for g in gradients:
        optimizer.step(theta, g)
    return theta


# -- by hand --------------------------------------------------------------------------------------------------


def test_sgd_by_hand():
    theta = np.array([1.0, -2.0])
    SGD(0.5).step(theta, np.array([4.0, 2.0]))
    assert theta.tolist() == [1 - 0.5 * 4, -2 - 0.5 * 2]


def test_momentum_by_hand():
    # v: 1, 0.5 + 1, 0.75 + 1; theta: minus 0.1 of each
    theta = steps(SGD(0.1, momentum=0.5), np.zeros(1), [np.ones(1)] * 3)
    assert theta[0] == pytest.approx(-0.1 * (1 + 1.5 + 1.75))


def test_nesterov_by_hand():
    # g + 0.5 v with v as above: 1.5, 1.75, 1.875
    theta = steps(SGD(0.1, momentum=0.5, nesterov=True), np.zeros(1), [np.ones(1)] * 3)
    assert theta[0] == pytest.approx(-0.1 * (1.5 + 1.75 + 1.875))


def test_rmsprop_by_hand():
    # s: (1 - 0.75) 2^2 = 1, then 0.75 + 0.25 * 2^2 = 1.75
    theta = steps(RMSprop(0.1, rho=0.75, eps=1e-8), np.zeros(1), [np.full(1, 2.0)] * 2)
    assert theta[0] == pytest.approx(-0.1 * (2 / 1 + 2 / math.sqrt(1.75)))


def test_adam_by_hand():
    # The first step is lr sign(g), however large g is: m^ = g, v^ = g^2.
    theta = steps(Adam(0.1), np.zeros(3), [np.array([1e-3, -5.0, 2e4])])
    assert_allclose(theta, [-0.1, 0.1, -0.1], rtol=2e-5)
    # Second step, g = 1 then 0: m = 0.9 * 0.1, m^ = 0.09 / 0.19; v = 0.999 * 0.001, v^ = 0.000999 / 0.001999
    theta = steps(Adam(0.1), np.zeros(1), [np.ones(1), np.zeros(1)])
    assert theta[0] == pytest.approx(-0.1 - 0.1 * (0.09 / 0.19) / math.sqrt(0.000999 / 0.001999), rel=1e-6)


def test_nadam_by_hand():
    mu1, mu2 = (0.9 * (1 - 0.5 * 0.96 ** (0.004 * t)) for t in (1, 2))
    m, denominator = 0.1 * 3.0, 3.0  # m = (1 - beta1) g; sqrt(v^) = |g|
    step = (mu2 * m / (1 - mu1 * mu2) + (1 - mu1) * 3.0 / (1 - mu1)) / denominator
    theta = steps(Nadam(0.1), np.zeros(1), [np.full(1, 3.0)])
    assert theta[0] == pytest.approx(-0.1 * step, rel=1e-7)


def test_weight_decay_by_hand():
    theta = np.array([2.0])
    SGD(0.1, weight_decay=0.5).step(theta, np.array([1.0]))
    assert theta[0] == pytest.approx(2 - 0.1 * (1 + 0.5 * 2))


@ALL
def test_weight_decay_is_a_gradient_of_its_own(setting, rng):
    plain, decayed = make(setting), make(setting)
    plain.weight_decay, decayed.weight_decay = 0.0, 0.3
    a = rng.normal(size=7)
    b = a.copy()
    for g in rng.normal(size=(5, 7)):
        plain.step(a, g + 0.3 * a)
        decayed.step(b, g)
    assert_allclose(a, b, rtol=1e-12)


@pytest.mark.parametrize("setting", ["Adam", "Adam decay"])
@given(SEEDS)
def test_adam_with_loops(setting, seed):
    """The textbook's bias corrections, beside the three scales the kernel gets."""
    rng, optimizer = np.random.default_rng(seed), make(setting)
    theta = rng.normal(size=5)
    want, m, v = theta.tolist(), [0.0] * 5, [0.0] * 5
    o = optimizer
    for t, g in enumerate(rng.normal(size=(6, 5)), 1):
        scales = o.schedule.lr / (1 - o.beta1**t), 0.0, 1 / math.sqrt(1 - o.beta2**t)
        want, m, v = naive.adam(want, [g], m, v, o.beta1, o.beta2, *scales, o.eps, o.weight_decay)
        o.step(theta, g)
    assert_allclose(theta, want, rtol=1e-12)


# -- beside PyTorch -------------------------------------------------------------------------------------------


@pytest.mark.oracle
@pytest.mark.parametrize("dtype", [np.float64, np.float32], ids=["f64", "f32"])
@ALL
def test_fifty_steps_beside_torch(torch, setting, dtype):
    kind, settings = SETTINGS[setting][1]
    rng = np.random.default_rng(0)
    theta = rng.normal(size=17).astype(dtype)
    p = torch.nn.Parameter(torch.tensor(theta))
    theirs, ours = getattr(torch.optim, kind)([p], **settings), make(setting)
    torch.set_default_dtype(p.dtype)  # NAdam's product of the mu is a tensor of this type
    try:
        for g in rng.normal(size=(50, 17)).astype(dtype):
            p.grad = torch.tensor(g)
            theirs.step()
            ours.step(theta, g)
    finally:
        torch.set_default_dtype(torch.float32)
    want = p.detach().numpy()
    tolerance = 1e-12 if dtype == np.float64 else 20 * np.finfo(np.float32).eps
    assert theta.dtype == want.dtype == dtype
    assert_allclose(theta, want, rtol=tolerance, atol=tolerance)


# -- parts, shards, types -------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@ALL
def test_an_update_in_parts_is_the_whole_bit_for_bit(setting, dtype, rng):
    n = 103
    whole, parts = make(setting), make(setting)
    a = rng.normal(size=n).astype(dtype)
    b = a.copy()
    for _ in range(3):
        grads = rng.normal(size=(2, n)).astype(dtype)
        other = grads.copy()
        whole.step(a, grads)
        parts.begin_step(b)
        for start, stop in ((50, n), (0, 1), (1, 50), (9, 9)):
            parts.update(b, other, start, stop)
        assert_array_equal(a, b)
        for name in whole.state_names:
            assert_array_equal(whole.state[name], parts.state[name])


@ALL
def test_shards_are_summed(setting, rng):
    a = rng.normal(size=30)
    b, one, many = a.copy(), make(setting), make(setting)
    for _ in range(4):
        shards = rng.normal(size=(3, 30))
        one.step(a, shards.sum(axis=0))
        many.step(b, shards)
    assert_allclose(a, b, rtol=1e-11)


@ALL
def test_a_single_gradient_is_not_overwritten(setting, rng):
    theta, g = rng.normal(size=9), rng.normal(size=9)
    kept = g.copy()
    make(setting).step(theta, g)
    assert_array_equal(g, kept)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@ALL
def test_state_is_of_thetas_type_and_size(setting, dtype, rng):
    optimizer, theta = make(setting), rng.normal(size=9).astype(dtype)
    optimizer.step(theta, np.ones(9, dtype))
    assert theta.dtype == dtype and optimizer.t == 1
    assert set(optimizer.state) == set(optimizer.state_names) and optimizer.state
    assert all(s.dtype == dtype and s.shape == (9,) for s in optimizer.state.values())


@ALL
def test_float32_follows_float64(setting, rng):
    a = rng.normal(size=40)
    b, one, other = a.astype(np.float32), make(setting), make(setting)
    for g in rng.normal(size=(20, 40)):
        one.step(a, g)
        other.step(b, g.astype(np.float32))
    assert_allclose(b, a, rtol=2e-5, atol=2e-5)


@ALL
def test_reset_starts_anew(setting, rng):
    start, gradients = rng.normal(size=9), rng.normal(size=(4, 9))
    optimizer = make(setting)
    a = steps(optimizer, start.copy(), gradients)
    kept_on = steps(optimizer, start.copy(), gradients)
    optimizer.reset()
    assert optimizer.t == 0 and optimizer.state == {}
    assert_array_equal(steps(optimizer, start.copy(), gradients), a)
    if setting != "SGD":  # the only one without a memory
        assert not np.array_equal(kept_on, a)


@ALL
def test_a_quadratic_bowl_is_descended(setting):
    """L = 1/2 sum_i c_i (theta_i - i)^2."""
    optimizer, c, bottom = make(setting), np.array([1.0, 0.5, 2.0]), np.array([0.0, 1.0, 2.0])
    optimizer.weight_decay = 0.0  # it moves the bottom
    theta = np.array([3.0, -2.0, 0.5])
    optimizer.schedule = Cosine(optimizer.schedule.lr * (1 if setting.startswith("SGD") else 5))
    for _ in range(600):
        optimizer.step(theta, c * (theta - bottom), total=600)
    assert_allclose(theta, bottom, atol=1e-3)


# -- one step's bookkeeping -----------------------------------------------------------------------------------


def test_begin_step_follows_the_schedule():
    seen = []

    def schedule(step, total):
        seen.append((step, total))
        return 1.0 / (step + 1)

    optimizer, theta = SGD(schedule), np.zeros(1)
    assert [optimizer.begin_step(theta, total=3) for _ in range(3)] == [1, 1 / 2, 1 / 3]
    assert seen == [(0, 3), (1, 3), (2, 3)] and optimizer.t == 3 and optimizer.lr == 1 / 3
    theta = np.zeros(2)
    stepper = SGD(Step(1.0, every=2, factor=0.5))
    for _ in range(5):
        stepper.step(theta, np.ones(2), total=5)
    assert theta.tolist() == [-(1 + 1 + 0.5 + 0.5 + 0.25)] * 2


@pytest.mark.parametrize("shape", [(4,), (2, 4), ()])
def test_a_gradient_of_the_wrong_size(shape):
    with says(f"SGD: expected a gradient of shape (3,), got {shape}; one number a parameter.", ValueError):
        SGD().step(np.zeros(3), np.zeros(shape))


@pytest.mark.parametrize(
    "build, text",
    [
        (lambda: SGD(0), "Constant: expected lr in (0, inf), got 0."),
        (lambda: Adam(-0.1), "Constant: expected lr in (0, inf), got -0.1."),
        (lambda: Adam(math.nan), "Constant: expected lr in (0, inf), got nan."),
        (lambda: SGD(0.1, momentum=1), "SGD: expected momentum in [0, 1), got 1."),
        (lambda: SGD(0.1, momentum=-0.5), "SGD: expected momentum in [0, 1), got -0.5."),
        (
            lambda: SGD(0.1, nesterov=True),
            "SGD: expected momentum > 0 with nesterov=True, got 0; Nesterov looks ahead along it.",
        ),
        (lambda: RMSprop(rho=1.0), "RMSprop: expected rho in [0, 1), got 1.0."),
        (lambda: RMSprop(momentum=1.0), "RMSprop: expected momentum in [0, 1), got 1.0."),
        (lambda: RMSprop(eps=0.0), "RMSprop: expected eps in (0, 1], got 0.0."),
        (lambda: Adam(beta1=1), "Adam: expected beta1 in [0, 1), got 1."),
        (lambda: Adam(beta2=1.5), "Adam: expected beta2 in [0, 1), got 1.5."),
        (lambda: Adam(eps=0), "Adam: expected eps in (0, 1], got 0."),
        (lambda: Nadam(beta1=1), "Nadam: expected beta1 in [0, 1), got 1."),
        (lambda: Nadam(weight_decay=-1), "Nadam: expected weight_decay in [0, inf], got -1."),
    ],
)
def test_settings_out_of_range(build, text):
    with says(text):
        build()


def test_optimizers_by_name():
    assert OPTIMIZERS == {"sgd": SGD, "rmsprop": RMSprop, "adam": Adam, "nadam": Nadam}
    for name, kind in OPTIMIZERS.items():
        assert type(optimizer_by_name("fit", name)) is kind
    own = SGD(0.3)
    assert optimizer_by_name("fit", own) is own
    assert repr(own) == "SGD(Constant(0.3))" and repr(Adam()) == "Adam(Constant(0.001))"
    with says("fit: expected optimizer to be one of sgd, rmsprop, adam, nadam, got 'adamw' (did you mean 'adam'?)."):
        optimizer_by_name("fit", "adamw")


def test_an_optimizers_class_serves_like_a_losses_does():
    """`loss_by_name` takes a name, a class or an instance; so should this."""
    assert type(optimizer_by_name("fit", Adam)) is Adam


def test_a_bare_optimizer_has_to_be_written_first():
    with pytest.raises(NotImplementedError):
        Optimizer(0.1).step(np.zeros(2), np.zeros(2))


def test_every_optimizer_is_tested_here():
    assert {type(make(setting)) for setting in SETTINGS} == set(OPTIMIZERS.values())


# -- state ----------------------------------------------------------------------------------------------------


@ALL
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_restored_optimizer_makes_the_same_steps(setting, dtype, rng):
    one, other = make(setting), make(setting)
    theta, gradients = rng.normal(size=9).astype(dtype), rng.normal(size=(7, 9)).astype(dtype)
    steps(one, theta, gradients[:4])
    kept = {name: np.copy(value) for name, value in one.state_dict().items()}
    other.load_state_dict(one.state_dict())
    twin = theta.copy()
    steps(one, theta, gradients[4:])
    for name, value in other.state_dict().items():  # its own, which the steps of `one` have left alone
        assert_array_equal(value, kept[name])
    steps(other, twin, gradients[4:])
    assert_array_equal(theta, twin)
    mine, its = one.state_dict(), other.state_dict()
    assert set(mine) == set(its) and mine["t"] == its["t"] == 7 and mine["lr"] == its["lr"] > 0
    for name in mine:
        assert_array_equal(mine[name], its[name])


@ALL
def test_a_state_before_the_first_step(setting):
    one, other = make(setting), make(setting)
    steps(other, np.zeros(3), np.ones((2, 3)))
    other.load_state_dict(one.state_dict())
    assert other.state_dict() == one.state_dict() and other.t == 0 and other.lr is None and not other.state


@ALL
def test_another_net_begins_anew(setting, rng):
    used, fresh = make(setting), make(setting)
    steps(used, rng.normal(size=5), rng.normal(size=(3, 5)))
    theta, gradients = rng.normal(size=4), rng.normal(size=(3, 4))
    assert_array_equal(steps(used, theta.copy(), gradients), steps(fresh, theta.copy(), gradients))


def test_the_state_of_another_optimizer_is_refused():
    adam, sgd = Adam(), SGD(0.1)
    steps(sgd, np.zeros(2), np.ones((1, 2)))
    with says("Adam: expected a state of t, lr, m, v, got t, lr, velocity.", ValueError):
        adam.load_state_dict(sgd.state_dict())
    with says("Adam: expected a state of t, lr, got nothing.", ValueError):
        adam.load_state_dict({})
    steps(adam, np.zeros(2), np.ones((1, 2)))
    with says("Nadam: expected a state of t, lr, product, m, v, got t, lr, m, v.", ValueError):
        Nadam().load_state_dict(adam.state_dict())


@pytest.mark.parametrize("kind", OPTIMIZERS.values())
def test_config_names_every_setting(kind):
    """A setting that changes the steps but not the config would let a run go on as another."""
    names = set(inspect.signature(kind).parameters)
    assert set(kind().config()) == names
    for name in names:
        value = {"nesterov": True, "lr": 0.123456789}.get(name, 0.25)
        base = {"momentum": 0.5} if kind is SGD and name == "nesterov" else {}
        changed = kind(**base, **{name: value}).config()
        assert {n for n in names if changed[n] != kind(**base).config()[n]} == {name}


# -- schedules ------------------------------------------------------------------------------------------------


def rates(schedule, total):
    return [schedule(step, total) for step in range(total)]


def test_constant():
    assert rates(Constant(0.3), 4) == [0.3] * 4


def test_step():
    assert rates(Step(0.8, every=3, factor=0.5), 8) == [0.8] * 3 + [0.4] * 3 + [0.2] * 2
    assert rates(Step(1.0, every=1), 3) == pytest.approx([1, 0.1, 0.01])


@pytest.mark.parametrize("final", [0.0, 0.1, 1.0])
def test_cosine(final):
    got = rates(Cosine(0.5, final=final), 10)
    assert got == pytest.approx([0.5 * (final + (1 - final) * (1 + math.cos(math.pi * t / 10)) / 2) for t in range(10)])
    assert got[0] == 0.5 and got[5] == pytest.approx(0.25 * (1 + final))
    assert all(a >= b for a, b in itertools.pairwise(got)) and min(got) >= 0.5 * final
    assert Cosine(0.5, final=final)(10, 10) == pytest.approx(0.5 * final)


def test_cosine_with_warmup():
    # 20 steps, the first 5 rise: 1/5, 2/5, ... of lr; then half a cosine over the other 15
    got = rates(Cosine(0.5, final=0.1, warmup=0.25), 20)
    assert got[:5] == pytest.approx([0.1, 0.2, 0.3, 0.4, 0.5])
    assert got[4:] == pytest.approx([0.5 * (0.1 + 0.9 * (1 + math.cos(math.pi * t / 15)) / 2) for t in range(16)])
    assert got[-1] == pytest.approx(0.05)


@given(st.integers(1, 60), st.floats(0, 1), st.floats(0, 0.99))
def test_cosine_rises_then_falls(total, final, warmup):
    got = rates(Cosine(2.0, final, warmup), total)
    top = got.index(max(got))
    assert all(a <= b + 1e-12 for a, b in itertools.pairwise(got[: top + 1]))
    assert all(a >= b - 1e-12 for a, b in itertools.pairwise(got[top:]))
    assert min(got) >= 0 and max(got) <= 2.0 and top <= warmup * total + 1
    assert got[0] > 0 or (total == 1 and final == 0)  # a step of 0 is a wasted one


@pytest.mark.parametrize("schedule", [Cosine(1.0, final=0.1), Cosine(1.0, final=0.1, warmup=0.2)], ids=repr)
def test_cosine_stays_down_after_the_last_planned_step(schedule):
    """A second fit with the same optimizer counts on: a cosine taken on would rise to lr again."""
    assert [schedule(step, 10) for step in (10, 12, 20)] == pytest.approx([0.1] * 3)


def test_schedules_say_what_they_are():
    assert repr(Constant(0.001)) == "Constant(0.001)"
    assert repr(Step(0.1, every=5)) == "Step(0.1, every=5, factor=0.1)"
    assert repr(Cosine(0.002, warmup=0.05)) == "Cosine(0.002, final=0, warmup=0.05)"


def test_as_schedule():
    schedule = Cosine(0.1)
    assert as_schedule(schedule) is schedule
    assert isinstance(as_schedule(0.1), Constant) and as_schedule(0.1)(7, 9) == 0.1
    assert as_schedule(max) is max  # any callable


@pytest.mark.parametrize(
    "build, text",
    [
        (lambda: Constant(0), "Constant: expected lr in (0, inf), got 0."),
        (lambda: Constant("fast"), "Constant: expected lr in (0, inf), got 'fast'."),
        (lambda: Constant(math.inf), "Constant: expected lr in (0, inf), got inf."),
        (lambda: Step(0.1, every=0), "Step: expected every to be a whole number >= 1, got 0."),
        (lambda: Step(0.1, every=2, factor=0), "Step: expected factor in (0, 1], got 0."),
        (lambda: Cosine(-1), "Cosine: expected lr in (0, inf), got -1."),
        (lambda: Cosine(0.1, final=1.5), "Cosine: expected final in [0, 1], got 1.5."),
        (lambda: Cosine(0.1, warmup=1), "Cosine: expected warmup in [0, 1), got 1."),
        (lambda: Cosine(0.1, warmup=-0.1), "Cosine: expected warmup in [0, 1), got -0.1."),
    ],
)
def test_schedules_out_of_range(build, text):
    with says(text):
        build()
