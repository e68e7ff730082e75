"""The gradient check itself: it has to catch wrong backward passes, and to say where they are wrong."""

import re

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from tinyae import gradcases
from tinyae.architectures import dense_autoencoder
from tinyae.gradcheck import (
    Difference,
    GradientError,
    assert_gradients,
    check_layer,
    check_loss,
    check_model,
    compare,
    numerical_gradient,
)
from tinyae.layers import Dense, ReLU, Sequential, Sigmoid, Tanh
from tinyae.losses import BCE, MSE, NAMED

# -- finite differences ---------------------------------------------------------------------------------------


def test_slope_of_a_known_function():
    p = np.array([[1.0, -2.0], [0.5, 3.0]])
    assert_allclose(numerical_gradient(lambda: float(np.sum(p**3)), p), 3 * p**2, rtol=1e-9)


def test_entries_are_put_back():
    p = np.random.default_rng(0).normal(size=(3, 4))
    kept = p.copy()
    numerical_gradient(lambda: float(np.sum(np.exp(p))), p)
    assert_array_equal(p, kept)


def test_only_one_entry_moves_at_a_time():
    p, seen = np.zeros((2, 3)), []
    numerical_gradient(lambda: seen.append(p.copy()) or 0.0, p, h=0.5)
    assert len(seen) == 2 * p.size and all(np.count_nonzero(q) == 1 for q in seen)
    assert [q.sum() for q in seen] == [0.5, -0.5] * p.size


@pytest.mark.parametrize("dtype", [np.float32, int])
def test_only_float64(dtype):
    text = f"numerical_gradient: expected a contiguous float64 array, got {np.dtype(dtype)}; use astype(float64)."
    with pytest.raises(ValueError, match=f"^{re.escape(text)}$"):
        numerical_gradient(lambda: 0.0, np.zeros(3, dtype))


def test_a_view_with_gaps_is_refused():
    """Its flat form is a copy: nudging that would move nothing, and any gradient of 0 would pass."""
    with pytest.raises(ValueError, match="expected a contiguous float64 array"):
        numerical_gradient(lambda: 0.0, np.zeros((3, 4)).T)


def test_a_float32_layer_is_refused():
    with pytest.raises(ValueError, match="expected a contiguous float64 array, got float32"):
        check_layer(Dense(3).build(5), np.zeros((2, 5)))


def test_a_float32_model_is_refused():
    with pytest.raises(ValueError, match="expected a contiguous float64 array, got float32"):
        check_model(dense_autoencoder(5, (), 2), np.zeros((2, 5)))


# -- comparing ------------------------------------------------------------------------------------------------


def test_compare_finds_the_worst_place():
    expected = np.array([[1.0, 2.0], [-4.0, 0.0]])
    got = expected + np.array([[0, 0.1], [-0.4, 0.2]])
    worst = compare("Dense", "W", got, expected)
    assert worst == Difference("Dense", "W", (1, 0), -4.4, -4.0, pytest.approx(0.4 / 4.4))
    assert str(worst).startswith("Dense: d loss / d W[1, 0]: got -4.4, expected -4 (relative error 9.1e-02)")


def test_compare_zero_with_zero():
    assert compare("Dense", "W", np.zeros((2, 3)), np.zeros((2, 3))).error == 0
    assert compare("Dense", "W", np.zeros(3), np.full(3, 1e-3)).error == 1  # a forgotten gradient is all wrong


@pytest.mark.parametrize("where", ["got", "expected"])
@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_what_is_not_finite_is_infinitely_wrong(bad, where):
    fine = np.array([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])
    broken = fine.copy()
    broken[1, 2] = bad
    worst = compare("Dense", "W", *((broken, fine) if where == "got" else (fine, broken)))
    assert worst.error == np.inf and worst.index == (1, 2)
    with pytest.raises(GradientError, match=r"d W\[1, 2\].*relative error inf"):
        assert_gradients([worst])


def test_assert_gradients_returns_the_worst():
    def difference(error):
        return Difference("Dense", "W", (0, 0), 1.0, 1.0, error)

    found = [difference(1e-9), difference(3e-7), difference(1e-8)]
    assert assert_gradients(found) == 3e-7
    with pytest.raises(GradientError, match=r"relative error 3\.0e-07"):
        assert_gradients(found, tolerance=1e-7)
    with pytest.raises(GradientError):
        assert_gradients([difference(1e-9), difference(float("nan"))][::-1])
    assert issubclass(GradientError, AssertionError)


# -- wrong layers ---------------------------------------------------------------------------------------------


class TwiceTooLarge(Dense):
    """A factor of 2 in dL/dW."""

    def backward(self, dy, need_dx=True):
        dx = super().backward(dy, need_dx)
        self.grads["W"] *= 2
        return dx


class WrongSign(Dense):
    """dL/dx with the wrong sign."""

    def backward(self, dy, need_dx=True):
        return -super().backward(dy, need_dx)


class OneRowOnly(Dense):
    """dL/db of the first row instead of the sum over the batch."""

    def backward(self, dy, need_dx=True):
        dx = super().backward(dy, need_dx)
        self.grads["b"][:] = dy[0]
        return dx


class Scrambled(Dense):
    """The right numbers of dL/dW in the wrong places: the transpose, read row by row."""

    def backward(self, dy, need_dx=True):
        dx = super().backward(dy, need_dx)
        self.grads["W"][:] = self.grads["W"].T.reshape(self.grads["W"].shape).copy()
        return dx


class OneEntry(Dense):
    """A single entry of dL/dW slightly off."""

    def backward(self, dy, need_dx=True):
        dx = super().backward(dy, need_dx)
        self.grads["W"][2, 1] += 1e-4
        return dx


class NotANumber(Dense):
    def backward(self, dy, need_dx=True):
        dx = super().backward(dy, need_dx)
        self.grads["W"][2, 1] = np.nan
        return dx


class NoDerivative(Tanh):
    """Passes dL/dy on as if f'(x) were 1."""

    def gradient(self, dy, out):
        np.copyto(out, dy)
        return out


def wrong_gradient(layer):
    layer.build(5, np.random.default_rng(1), dtype=np.float64)
    return check_layer(layer, gradcases.off_kinks((4, 5)))


@pytest.mark.parametrize(
    "layer, place",
    [
        (TwiceTooLarge(3), r"TwiceTooLarge: d loss / d W\[\d, \d\]"),
        (WrongSign(3), r"WrongSign: d loss / d x\[\d, \d\]"),
        (OneRowOnly(3), r"OneRowOnly: d loss / d b\[\d\]"),
        (Scrambled(3), r"Scrambled: d loss / d W\[\d, \d\]"),
        (OneEntry(3), r"OneEntry: d loss / d W\[2, 1\]"),
        (NotANumber(3), r"NotANumber: d loss / d W\[\d, \d\]"),
        (NoDerivative(), r"NoDerivative: d loss / d x\[\d, \d\]"),
        (Sequential([Dense(6), Tanh(), TwiceTooLarge(3)]), r"Sequential: d loss / d twicetoolarge_1\.W\[\d, \d\]"),
    ],
    ids=lambda v: v.name if hasattr(v, "name") else "",
)
def test_a_wrong_backward_is_caught_and_named(layer, place):
    found = wrong_gradient(layer)
    assert found == sorted(found, key=lambda d: -d.error)
    with pytest.raises(GradientError, match=rf"^{place}.*got .*, expected .* \(relative error .*\)$"):
        assert_gradients(found)
    assert all(d.error <= 1e-6 for d in found if not re.match(place, str(d)))  # and nothing else is blamed


def test_a_transpose_shows_though_x_is_drawn_by_seed_0():
    """With the upstream gradient drawn by that seed, too, dy would be x, and x' dy symmetric."""

    class Square(Dense):
        def backward(self, dy, need_dx=True):
            dx = super().backward(dy, need_dx)
            self.grads["W"][:] = self.grads["W"].T.copy()
            return dx

    layer = Square(3).build(3, dtype=np.float64)
    assert check_layer(layer, np.random.default_rng(0).normal(size=(4, 3)))[0].what == "W"


def test_the_message_carries_both_numbers():
    worst = wrong_gradient(TwiceTooLarge(3))[0]
    assert worst.got == pytest.approx(2 * worst.expected, rel=1e-6)
    assert f"got {worst.got:.10g}, expected {worst.expected:.10g}" in str(worst)
    assert worst.error == pytest.approx(0.5, rel=1e-6)


class Unsummed(Dense):
    """dL/db without the sum over the batch, (N, n_out) for (n_out,)."""

    def backward(self, dy, need_dx=True):
        dx = super().backward(dy, need_dx)
        self.grads["b"] = dy
        return dx


class Transposed(Dense):
    """dL/dW as dy^T x, (n_out, n_in) for (n_in, n_out)."""

    def backward(self, dy, need_dx=True):
        dx = super().backward(dy, need_dx)
        self.grads["W"] = dy.T @ self.x
        return dx


@pytest.mark.parametrize(
    "layer, name, got, expected",
    [(Unsummed(3), "b", r"\(4, 3\)", r"\(3,\)"), (Transposed(3), "W", r"\(3, 5\)", r"\(5, 3\)")],
    ids=["unsummed", "transposed"],
)
def test_a_gradient_of_the_wrong_shape_is_named(layer, name, got, expected):
    """The two most usual mistakes of a first backward pass deserve more than NumPy's broadcasting error."""
    with pytest.raises((GradientError, ValueError), match=rf"{layer.name}.* {name}\b.*{expected}.*{got}"):
        assert_gradients(wrong_gradient(layer))


def test_a_wrong_loss_is_caught():
    class Doubled(BCE):
        def _value_and_gradient(self, a, x, out, scale):
            return super()._value_and_gradient(a, x, out, 2 * scale)

    a, x = np.random.default_rng(0).normal(size=(3, 4)), np.full((3, 4), 0.3)
    with pytest.raises(GradientError, match=r"^Doubled: d loss / d a\[\d, \d\]: got"):
        assert_gradients(check_loss(Doubled(), a, x))
    assert assert_gradients(check_loss(BCE(), a, x)) <= 1e-6


def test_a_wrong_model_is_caught():
    model = dense_autoencoder(5, (4,), 2, hidden_activation="tanh", code_activation="linear").astype(np.float64)
    x = np.random.default_rng(0).uniform(size=(3, 5))
    assert assert_gradients(check_model(model, x)) <= 1e-6
    layer = model.decoder.layers[0]
    layer.__class__ = TwiceTooLarge
    with pytest.raises(GradientError, match=r"^Autoencoder\(5 -> .*\): d loss / d decoder\.\w+_1\.W\[\d, \d\]: got"):
        assert_gradients(check_model(model, x))


def test_a_kink_shows_as_a_difference():
    """Why inputs are kept off kinks: at the corner of a ReLU a central difference is 1/2, the derivative 0."""
    found = check_layer(ReLU().build(2, dtype=np.float64), np.zeros((1, 2)))
    assert found[0].error == pytest.approx(1)


def test_inputs_of_the_checks_stay_as_they_are(rng):
    x = rng.normal(size=(3, 4))
    kept = x.copy()
    check_layer(Sigmoid().build(4, dtype=np.float64), x)
    check_loss(MSE(), x, np.zeros((3, 4)))
    assert_array_equal(x, kept)


# -- the cases ------------------------------------------------------------------------------------------------


def test_cases_cover_every_loss():
    assert {type(loss) for _, loss, _, _ in gradcases.loss_cases()} == set(NAMED.values())


def test_cases_cover_matched_and_unmatched_outputs():
    models = [(model, target) for _, model, _, target in gradcases.model_cases()]
    assert {(type(m.loss), m.matched) for m, _ in models} >= {(BCE, True), (MSE, True), (MSE, False)}
    assert any(target is not None for _, target in models)
    assert all(model.theta.dtype == np.float64 for model, _ in models)
    sizes = [models[0][0].encoder.shapes[i][0] for i in (0, 1, 3, -1)]
    assert len(set(sizes)) == len(sizes)
