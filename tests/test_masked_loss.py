"""MaskedMSE: only known numbers count, in the value, in the gradient, in training, in what is told of it."""

import math
import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from test_checks import says
from test_kernels import needs_jit

import tinyae
from tinyae import Adam, Autoencoder, Dense, Sigmoid
from tinyae.baselines import mean_of_known
from tinyae.checks import UsageError
from tinyae.diagnosis.faults import DiagnosisWarning
from tinyae.kernels import losses as kernels
from tinyae.losses import MSE, NAMED, MaskedMSE, loss_by_name
from tinyae.training.loop import TrainingDivergedError

SEEDS = st.integers(0, 2**32 - 1)
SHAPES = st.lists(st.integers(1, 7), min_size=2, max_size=4).map(tuple)
TWINS = pytest.mark.parametrize(
    "twin", [pytest.param(kernels.masked_squared_error_numba, marks=needs_jit), kernels.masked_squared_error_numpy]
)


def holed(seed, shape, share=0.6, dtype=np.float64):
    """Outputs, and targets with about `share` of them unknown."""
    rng = np.random.default_rng(seed)
    a, x = rng.normal(size=(2, *shape)).astype(dtype)
    x[rng.random(shape) < share] = np.nan
    return a, x


# -- value and gradient ---------------------------------------------------------------------------------------


def test_on_paper():
    # row 1 knows its first number: (3 - 1)^2 / 2 = 2; row 2 its last: (0 - 4)^2 / 2 = 8; the mean of two rows: 5
    a, x = np.array([[3.0, 7], [9, 0]]), np.array([[1, np.nan], [np.nan, 4]])
    value, gradient = MaskedMSE().value_and_gradient(a, x)
    assert value == 5.0
    assert gradient.tolist() == [[1.0, 0.0], [0.0, -2.0]]  # (x' - x) / 2 where known


@given(SEEDS, SHAPES)
def test_known_numbers_alone_count(seed, shape):
    a, x = holed(seed, shape)
    value, gradient = MaskedMSE().value_and_gradient(a, x)
    total = 0.0
    for i in np.ndindex(shape):
        known = not math.isnan(x[i])
        total += 0.5 * (a[i] - x[i]) ** 2 if known else 0.0
        assert gradient[i] == pytest.approx((a[i] - x[i]) / shape[0] if known else 0.0, rel=1e-14, abs=0)
    assert value == pytest.approx(total / shape[0], rel=1e-12)


@given(SEEDS, SHAPES)
def test_without_holes_it_is_mse(seed, shape):
    a, x = holed(seed, shape, share=0)
    value, gradient = MaskedMSE().value_and_gradient(a, x)
    want, want_gradient = MSE().value_and_gradient(a, x)
    assert value == want
    assert_array_equal(gradient, want_gradient)


@given(SEEDS, SHAPES, st.sampled_from([1.0, 1 / 7, 1e-3]))
def test_twins(seed, shape, scale):
    a, x = holed(seed, shape, dtype=np.float32)
    fast_grad, plain_grad = np.full_like(a, np.nan), np.full_like(a, np.nan)
    fast = kernels.masked_squared_error_numba(a, x, fast_grad, scale)
    plain = kernels.masked_squared_error_numpy(a, x, plain_grad, scale)
    assert_allclose(fast, plain, rtol=3e-6)
    assert_allclose(fast_grad, plain_grad, rtol=1e-6, atol=1e-37)
    assert kernels.masked_squared_error.fast is kernels.masked_squared_error_numba


@TWINS
@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_a_diverged_output_shows_where_the_target_is_known(twin, bad):
    a, x = np.ones((3, 33), np.float32), np.zeros((3, 33), np.float32)
    x[2] = np.nan
    a[1, 20] = bad
    grad = np.empty_like(a)
    assert not math.isfinite(twin(a, x, grad, 1.0))
    assert not np.isfinite(grad[1, 20]) and np.isfinite(grad).sum() == grad.size - 1


def test_parts_of_a_batch_add_up():
    a, x = holed(2, (7, 5))
    value, gradient = MaskedMSE().value_and_gradient(a, x)
    parts = [MaskedMSE().value_and_gradient(a[rows], x[rows], n=7) for rows in (slice(0, 3), slice(3, 7))]
    assert sum(v for v, _ in parts) == pytest.approx(value, rel=1e-14)
    assert_array_equal(np.concatenate([g for _, g in parts]), gradient)


def test_arguments_stay_as_they_are():
    a, x = holed(4, (3, 5), dtype=np.float32)
    kept = a.copy(), x.copy()
    MaskedMSE().value_and_gradient(a, x)
    assert_array_equal(a, kept[0])
    assert_array_equal(x, kept[1])


@pytest.mark.oracle
def test_torch_has_the_same_gradient(torch):
    a, x = holed(5, (6, 9))
    known, out = torch.tensor(~np.isnan(x)), torch.tensor(a, requires_grad=True)
    loss = 0.5 * ((out - torch.tensor(x))[known] ** 2).sum() / len(a)
    loss.backward()
    value, gradient = MaskedMSE().value_and_gradient(a, x)
    assert value == pytest.approx(loss.item(), rel=1e-12)
    assert_allclose(gradient, out.grad.numpy(), rtol=1e-12)


# -- in a net -------------------------------------------------------------------------------------------------


def table(n=300, d=12, share=0.5, seed=0):
    """A table (n, d) of rank two, and the same with holes."""
    rng = np.random.default_rng(seed)
    full = (rng.normal(size=(n, 2)) @ rng.normal(size=(2, d))).astype(np.float32)
    return full, np.where(rng.random((n, d)) < share, np.nan, full).astype(np.float32)


def net(d=12, loss="maskedmse"):
    return Autoencoder([Dense(8, "tanh"), Dense(4)], [Dense(8, "tanh"), Dense(d)], loss, input_shape=d)


@pytest.fixture(scope="module")
def trained():
    full, x = table()
    model = net()
    history = model.fit(np.nan_to_num(x), x, epochs=60, batch_size=20, optimizer=Adam(0.01), progress=False)
    return model, history, full, x


def test_training_learns_what_the_holes_hide(trained):
    model, history, full, x = trained
    hidden = np.isnan(x)
    error = np.mean((model.reconstruct(np.nan_to_num(x)) - full)[hidden] ** 2)
    assert history["loss"][-1] < 0.2 * history["loss"][0]
    assert error < 0.5 * np.mean(full[hidden] ** 2)  # the numbers that were never shown, beside their mean, 0
    assert history.warnings == []


def test_numbers_put_in_the_holes_change_nothing(trained):
    """The same training with any other input there would, so the inputs are the same here."""
    _, _, _, x = trained
    one, other = net(), net(loss=Spoiled())
    for model in (one, other):
        model.fit(np.nan_to_num(x), x, epochs=2, progress=False)
    assert_array_equal(one.theta, other.theta)


class Spoiled(MaskedMSE):
    """As MaskedMSE, of outputs that are nonsense where nobody looks."""

    def _value_and_gradient(self, a, x, out, scale):
        return super()._value_and_gradient(np.where(np.isnan(x), 1e30, a).astype(a.dtype), x, out, scale)


def test_evaluate_counts_known_numbers(trained):
    model, _, _, x = trained
    values = model.evaluate(np.nan_to_num(x), x)
    difference = (model.reconstruct(np.nan_to_num(x)) - x)[~np.isnan(x)]
    assert set(values) == {"loss", "squared_error", "mse_per_known"}
    assert values["squared_error"] == pytest.approx(np.sum(difference**2) / len(x), rel=1e-5)
    assert values["loss"] == pytest.approx(values["squared_error"] / 2, rel=1e-5)
    assert values["mse_per_known"] == pytest.approx(np.mean(difference**2), rel=1e-5)


def test_baselines_are_of_known_numbers():
    y = np.array([[1.0, np.nan, 4], [3, np.nan, np.nan]], np.float32)
    assert mean_of_known(y).tolist() == [2.0, 0.0, 4.0]
    values = net(3).baselines(np.nan_to_num(y), np.nan_to_num(y), y)
    assert values == {"mean_image": (0.5 + 0.5) / 2, "floor": 0.0}  # (1 - 2)^2 / 2 and (3 - 2)^2 / 2, two rows


def test_validation_loss_and_the_line_before_training(capsys):
    _, x = table(60)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DiagnosisWarning)
        history = net().fit(np.nan_to_num(x), x, epochs=2, validation_split=0.2)
    assert all(map(math.isfinite, history["val_loss"]))
    assert "floor 0.00 (MaskedMSE, sum over a row's known numbers, mean over rows)" in capsys.readouterr().err


def test_a_net_that_learns_nothing_is_told_of():
    _, x = table(120)
    with pytest.warns(DiagnosisWarning, match="mean image"):
        net().fit(np.nan_to_num(x), x, epochs=20, batch_size=20, optimizer=Adam(1e-9))


def test_targets_out_of_range_are_told_of_by_known_numbers():
    x = np.full((40, 3), np.nan, np.float32)
    x[:, 0] = np.linspace(0, 5, 40)
    model = Autoencoder([Dense(2)], [Dense(3), Sigmoid()], "maskedmse", input_shape=3)
    with pytest.warns(DiagnosisWarning, match=r"80 % of the data lie outside \[0, 1\].*from 0 to 5"):
        model.fit(np.nan_to_num(x), x, epochs=1)


def test_divergence_is_not_blamed_on_the_holes():
    _, x = table(60)
    with pytest.raises(TrainingDivergedError) as caught, np.errstate(all="ignore"):
        net().fit(np.nan_to_num(x), x, epochs=50, optimizer=tinyae.SGD(1e6), progress=False)
    assert "the data holds it already" not in str(caught.value) and "smaller learning rate" in str(caught.value)


def test_saved_and_loaded(trained, tmp_path):
    model, _, _, x = trained
    tinyae.save(model, tmp_path / "model.npz")
    again = tinyae.load(tmp_path / "model.npz")
    assert type(again.loss) is MaskedMSE and again.matched
    assert again.evaluate(np.nan_to_num(x), x) == model.evaluate(np.nan_to_num(x), x)


def test_by_name():
    assert isinstance(loss_by_name("fit", "maskedmse"), MaskedMSE) and NAMED["maskedmse"] is MaskedMSE
    assert MaskedMSE.missing and not MSE.missing
    assert repr(MaskedMSE()) == "MaskedMSE()" and "known" in MaskedMSE.unit


# -- errors ---------------------------------------------------------------------------------------------------


def test_holes_in_the_input_are_refused():
    _, x = table(20)
    with pytest.raises(UsageError, match=r"^fit: expected finite numbers in x, got \d+ NaN"):
        net().fit(x, progress=False)


def test_infinite_targets_are_refused():
    _, x = table(20)
    x[3, 4] = np.inf
    with says(
        "fit: expected finite numbers in y, got 1 NaN or infinite, the first at index (3, 4); remove or fill them."
    ):
        net().fit(np.nan_to_num(x), x, progress=False)


def test_nothing_known_is_refused():
    x = np.zeros((4, 12), np.float32)
    with says("MaskedMSE: expected some known numbers in the targets, got NaN throughout."):
        net().fit(x, x + np.nan, progress=False)


def test_other_losses_refuse_holes():
    _, x = table(20)
    with pytest.raises(UsageError, match=r"^fit: expected finite numbers in y"):
        net(loss="mse").fit(np.nan_to_num(x), x, progress=False)
