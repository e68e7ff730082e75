"""Losses: values beside plain formulas and beside PyTorch and SciPy, the gradient x' - x, units, errors."""

import math

import naive
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from test_checks import says

from tinyae.checks import UsageError
from tinyae.layers import Linear, Sigmoid
from tinyae.losses import BCE, LOSSES, MSE, NAMED, Loss, loss_by_name, per_pixel

SEEDS = st.integers(0, 2**32 - 1)
SHAPES = st.lists(st.integers(1, 7), min_size=2, max_size=4).map(tuple)
BOTH = pytest.mark.parametrize("loss", [BCE(), MSE()], ids=repr)


def batch(seed, shape, dtype=np.float64, scale=3.0):
    """Pre-activations, and grey targets with exact zeros and ones among them."""
    rng = np.random.default_rng(seed)
    return rng.normal(scale=scale, size=shape).astype(dtype), np.clip(rng.uniform(-0.3, 1.3, shape), 0, 1).astype(dtype)


# -- values ---------------------------------------------------------------------------------------------------


@given(SEEDS, SHAPES)
def test_bce_is_the_formula_on_probabilities(seed, shape):
    a, x = batch(seed, shape)
    assert BCE().value(a, x) == pytest.approx(naive.cross_entropy(x, naive.each(naive.sigmoid, a)), rel=1e-12)


@given(SEEDS, SHAPES)
def test_mse_is_half_the_squared_error(seed, shape):
    a, x = batch(seed, shape)
    assert MSE().value(a, x) == pytest.approx(0.5 * naive.squared_error(x, a), rel=1e-12)


def test_on_paper():
    # sigmoid(0) = 1/2 costs log 2 a number whatever the target; two rows of three numbers, one row's sum on average
    assert BCE().value(np.zeros((2, 3)), np.array([[0, 1, 0.5], [1, 1, 0]])) == pytest.approx(3 * math.log(2))
    # row 1: (1 + 4) / 2, row 2: 9 / 2
    assert MSE().value(np.array([[1.0, 2], [3, 0]]), np.zeros((2, 2))) == pytest.approx((2.5 + 4.5) / 2)


@BOTH
def test_float32_is_close_to_float64(loss):
    a, x = batch(0, (40, 30))
    value, gradient = loss.value_and_gradient(a.astype(np.float32), x.astype(np.float32))
    exact, exact_gradient = loss.value_and_gradient(a, x)
    assert type(value) is float and gradient.dtype == np.float32 and exact_gradient.dtype == np.float64
    assert value == pytest.approx(exact, rel=1e-6)
    assert_allclose(gradient, exact_gradient, rtol=1e-5, atol=1e-8)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_bce_of_extreme_pre_activations(dtype):
    a = np.array([[1e4, -1e4, 1e4, -1e4, 100, -100, 0]], dtype)
    x = np.array([[1, 0, 0, 1, 1, 1, 0.5]], dtype)
    value, gradient = BCE().value_and_gradient(a, x)
    # right and sure costs nothing, wrong and sure costs |a|
    assert value == pytest.approx(0 + 0 + 1e4 + 1e4 + 0 + 100 + math.log(2), rel=1e-6)
    assert_allclose(gradient, [[0, 0, 1, -1, 0, -1, 0]], atol=1e-30)
    assert BCE().value(a[:, :2], x[:, :2]) == pytest.approx(0, abs=1e-30)


def test_bce_sits_on_its_floor_where_the_output_is_the_target():
    x = np.array([[0.1, 0.5, 0.9]])
    a = np.log(x / (1 - x))
    value, gradient = BCE().value_and_gradient(a, x)
    assert value == pytest.approx(-np.sum(x * np.log(x) + (1 - x) * np.log(1 - x)))
    assert_allclose(gradient, np.zeros((1, 3)), atol=1e-15)
    for nudge in (0.1, -0.1):
        assert BCE().value(a + nudge, x) > value


# -- gradients ------------------------------------------------------------------------------------------------


@given(SEEDS, SHAPES)
def test_gradient_is_the_output_minus_the_target_over_n(seed, shape):
    a, x = batch(seed, shape)
    _, gradient = BCE().value_and_gradient(a, x)
    assert_allclose(gradient, (naive.each(naive.sigmoid, a) - x) / shape[0], rtol=1e-13, atol=1e-15)
    _, gradient = MSE().value_and_gradient(a, x)
    assert_allclose(gradient, (a - x) / shape[0], rtol=1e-15)


@BOTH
def test_gradient_is_the_slope_of_the_value(loss):
    a, x = batch(1, (3, 4))
    _, gradient = loss.value_and_gradient(a, x)
    for i in np.ndindex(a.shape):
        up, down = a.copy(), a.copy()
        up[i] += 1e-5
        down[i] -= 1e-5
        assert gradient[i] == pytest.approx((loss.value(up, x) - loss.value(down, x)) / 2e-5, rel=1e-7, abs=1e-9)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@BOTH
def test_parts_of_a_batch_add_up(loss, dtype):
    a, x = batch(2, (7, 5), dtype)
    value, gradient = loss.value_and_gradient(a, x)
    parts = [loss.value_and_gradient(a[rows], x[rows], n=7) for rows in (slice(0, 3), slice(3, 7))]
    assert sum(v for v, _ in parts) == pytest.approx(value, rel=1e-6 if dtype == np.float32 else 1e-14)
    assert_array_equal(np.concatenate([g for _, g in parts]), gradient)


@BOTH
def test_the_mean_is_over_images(loss):
    a, x = batch(3, (4, 5))
    twice = loss.value_and_gradient(np.tile(a, (2, 1)), np.tile(x, (2, 1)))
    once = loss.value_and_gradient(a, x)
    assert twice[0] == pytest.approx(once[0])
    assert_allclose(twice[1][:4], once[1] / 2)
    assert loss.value(np.tile(a, (1, 2)), np.tile(x, (1, 2))) == pytest.approx(2 * once[0])  # and the sum over pixels


@BOTH
def test_arguments_stay_as_they_are_and_out_is_used(loss):
    a, x = batch(4, (3, 5), np.float32)
    kept = a.copy(), x.copy()
    out = np.full_like(a, np.nan)
    _, gradient = loss.value_and_gradient(a, x, out=out)
    assert gradient is out
    assert_array_equal(a, kept[0])
    assert_array_equal(x, kept[1])
    _, fresh = loss.value_and_gradient(a, x)
    assert fresh is not a and not np.shares_memory(fresh, out)
    assert_array_equal(fresh, out)


@BOTH
def test_targets_of_another_type(loss):
    a, x = batch(5, (3, 5), np.float32)
    x = np.round(x)
    want = loss.value_and_gradient(a, x)
    for kind in (np.float64, np.uint8, bool):
        value, gradient = loss.value_and_gradient(a, x.astype(kind))
        assert value == want[0] and gradient.dtype == np.float32
        assert_array_equal(gradient, want[1])


@BOTH
def test_whole_numbers_as_pre_activations(loss):
    """Layers take whole numbers, so losses do: the gradient is not one."""
    a, x = np.array([[1, -2], [0, 3]]), np.array([[1, 0], [0, 1]])
    value, gradient = loss.value_and_gradient(a, x)
    want, want_gradient = loss.value_and_gradient(a.astype(float), x.astype(float))
    assert value == pytest.approx(want, rel=1e-12)
    assert_allclose(gradient, want_gradient, rtol=1e-12)


# -- errors and names -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "values, text",
    [
        ([0, 255], "BCE: expected targets in [0, 1], got values from 0 to 255; divide by 255."),
        ([0.5, 1.5], "BCE: expected targets in [0, 1], got values from 0.5 to 1.5; divide by 255."),
        (
            [-1, 1],
            "BCE: expected targets in [0, 1], got values from -1 to 1; scale the data to [0, 1] or use loss='mse'.",
        ),
        (
            [0, 1000],
            "BCE: expected targets in [0, 1], got values from 0 to 1000; scale the data to [0, 1] or use loss='mse'.",
        ),
    ],
)
def test_bce_targets_out_of_range(values, text):
    with says(text):
        BCE().check_targets(np.array([values], np.float32))


def test_targets_in_range():
    assert BCE().check_targets(np.array([[0.0, 1.0, 0.5]])) is None
    assert MSE().check_targets(np.array([[-5.0, 300.0]])) is None


@BOTH
def test_shapes_have_to_agree(loss):
    text = (
        f"{loss.name}: expected targets of the output's shape (2, 3), got (2, 4); "
        "the decoder has to end in the target's shape."
    )
    with says(text, ValueError):
        loss.value_and_gradient(np.zeros((2, 3)), np.zeros((2, 4)))
    with pytest.raises(ValueError, match=r"got \(3,\)"):  # no broadcasting behind the user's back
        loss.value(np.zeros((2, 3)), np.zeros(3))


def test_per_pixel():
    assert per_pixel(78.4, (784,)) == pytest.approx(0.1)
    assert per_pixel(12.0, (2, 3, 1)) == 2.0


def test_losses_by_name():
    assert LOSSES == {"bce": BCE, "mse": MSE}
    assert isinstance(loss_by_name("fit", "bce"), BCE) and isinstance(loss_by_name("fit", MSE), MSE)
    own = MSE()
    assert loss_by_name("fit", own) is own
    assert BCE.output_unit is Sigmoid and MSE.output_unit is Linear
    assert repr(BCE()) == "BCE()" and BCE().name == "BCE"
    assert "nats" in BCE.unit and all("mean over images" in c.unit for c in (BCE, MSE))
    with says(f"fit: expected loss to be one of {', '.join(NAMED)}, got 'bse' (did you mean 'mse'?)."):
        loss_by_name("fit", "bse")
    with pytest.raises(UsageError, match="one of bce, mse"):
        loss_by_name("fit", 3)


def test_a_bare_loss_has_to_be_written_first():
    with pytest.raises(NotImplementedError):
        Loss().value(np.zeros((1, 1)), np.zeros((1, 1)))


# -- oracles --------------------------------------------------------------------------------------------------


@pytest.mark.oracle
@pytest.mark.parametrize("dtype, tolerance", [(np.float32, 2e-6), (np.float64, 1e-13)], ids=["f32", "f64"])
@pytest.mark.parametrize("scale", [1.0, 30.0, 1e4])
def test_bce_beside_torch(torch, dtype, tolerance, scale):
    a, x = batch(6, (6, 11), dtype, scale)
    at = torch.tensor(a, requires_grad=True)
    wanted = torch.nn.BCEWithLogitsLoss(reduction="sum")(at, torch.tensor(x)) / len(a)
    wanted.backward()
    value, gradient = BCE().value_and_gradient(a, x)
    assert value == pytest.approx(wanted.item(), rel=tolerance)
    assert_allclose(gradient, at.grad.numpy(), rtol=tolerance, atol=tolerance / 10)


@pytest.mark.oracle
@pytest.mark.parametrize("dtype, tolerance", [(np.float32, 2e-6), (np.float64, 1e-13)], ids=["f32", "f64"])
def test_mse_beside_torch(torch, dtype, tolerance):
    a, x = batch(7, (6, 11), dtype)
    at = torch.tensor(a, requires_grad=True)
    wanted = torch.nn.MSELoss(reduction="sum")(at, torch.tensor(x)) / 2 / len(a)
    wanted.backward()
    value, gradient = MSE().value_and_gradient(a, x)
    assert value == pytest.approx(wanted.item(), rel=tolerance)
    assert_allclose(gradient, at.grad.numpy(), rtol=tolerance, atol=tolerance / 10)


@pytest.mark.oracle
def test_bce_beside_scipy():
    special = pytest.importorskip("scipy.special")
    a, x = batch(8, (6, 11), scale=20)
    # entropy of x plus the divergence from x to x' is their cross-entropy
    p = special.expit(a)
    terms = special.entr(x) + special.entr(1 - x) + special.rel_entr(x, p) + special.rel_entr(1 - x, special.expit(-a))
    assert BCE().value(a, x) == pytest.approx(terms.sum() / len(a), rel=1e-12)
