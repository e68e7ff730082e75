"""The convolutional nets: layers and sizes, every size of image comes back to itself, training lowers the loss."""

import re

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from numpy.testing import assert_array_equal

from tinyae import Autoencoder, UsageError
from tinyae.architectures import conv_autoencoder, generic_conv_autoencoder
from tinyae.datasets import load_digits
from tinyae.layers import Conv2D, MaxPool, UpSample
from tinyae.layers.base import every_layer

SIDE = st.integers(1, 40)
CHANNELS = st.sampled_from([1, 3])


def kinds(net):
    return [layer.name for layer in net.layers]


def forward_comes_back(model, shape):
    x = np.random.default_rng(0).uniform(size=(2, *shape)).astype(np.float32)
    y = model.forward(x)
    assert y.shape == x.shape and np.isfinite(y).all()
    return y


# -- 16-8-8 with pooling ------------------------------------------------------------------------------------------


def test_conv_autoencoder_on_digits():
    model = conv_autoencoder()
    assert model.encoder.shapes == [
        (28, 28, 1), (28, 28, 16), (14, 14, 16), (14, 14, 8), (7, 7, 8), (7, 7, 8), (4, 4, 8),
    ]  # fmt: skip
    assert model.decoder.shapes == [
        (4, 4, 8), (4, 4, 8), (8, 8, 8), (8, 8, 8), (16, 16, 8), (14, 14, 16), (28, 28, 16), (28, 28, 1),
    ]  # fmt: skip
    assert kinds(model.encoder) == ["Conv2D", "MaxPool"] * 3
    assert kinds(model.decoder) == ["Conv2D", "UpSample"] * 3 + ["Conv2D"]
    assert model.code_size == 4 * 4 * 8 == 128
    # 3 x 3 x channels x filters, and a bias for each filter:
    # 9 * 1 * 16 + 16 = 160, 9 * 16 * 8 + 8 = 1160, 9 * 8 * 8 + 8 = 584; back 584, 584, 9 * 8 * 16 + 16 = 1168,
    # 9 * 16 * 1 + 1 = 145
    assert model.n_params == 160 + 1160 + 584 + 584 + 584 + 1168 + 145 == 4385
    assert model.loss.name == "BCE" and model.matched
    convolutions = [layer for layer in model.encoder.layers + model.decoder.layers if layer.name == "Conv2D"]
    assert [layer.activation_name for layer in convolutions] == ["relu"] * 6 + ["sigmoid"]
    assert {layer.init for layer in convolutions[:-1]} == {"he"}


@settings(max_examples=60)
@given(SIDE, SIDE, CHANNELS)
@example(1, 1, 1)
@example(1, 40, 3)
@example(4, 12, 1)
@example(28, 27, 1)
@example(12, 16, 1)
@example(17, 28, 3)
def test_conv_autoencoder_comes_back_from_every_size(height, width, channels):
    shape = (height, width, channels)
    model = conv_autoencoder(shape)
    assert model.encoder.output_shape == (-(-height // 8), -(-width // 8), 8)
    y = forward_comes_back(model, shape)
    assert y.min() >= 0 and y.max() <= 1 and y.std() > 0


@pytest.mark.parametrize("side", range(1, 41))
def test_every_way_back_is_as_short_as_can_be(side):
    """Valid convolution where it fits exactly, cropping where there is too much; never more than 7 rows of it."""
    net = conv_autoencoder((side, side, 1)).decoder
    crops = [layer for layer in net.layers if layer.name == "Crop"]
    before = net.shapes[-2][0] if not crops else net.shapes[-3][0]
    assert before - side == (sum(crops[0].rows) if crops else 0)
    assert 0 <= before - side <= 7 and (before == side) == (side % 4 == 0)


# -- valid convolutions, a dense code and transposed convolutions --------------------------------------------------


def test_generic_conv_autoencoder_on_digits():
    model = generic_conv_autoencoder()
    assert model.encoder.shapes == [(28, 28, 1), (24, 24, 3), (12, 12, 3), (8, 8, 9), (4, 4, 9), (144,), (100,)]
    assert model.decoder.shapes == [
        (100,), (144,), (4, 4, 9), (8, 8, 9), (12, 12, 3), (24, 24, 3), (28, 28, 1),
    ]  # fmt: skip
    assert kinds(model.encoder) == ["Conv2D", "MaxPool"] * 2 + ["Flatten", "Dense"]
    assert kinds(model.decoder) == ["Dense", "Reshape"] + ["UpSample", "ConvTranspose"] * 2
    # 25 * 1 * 3 + 3 = 78, 25 * 3 * 9 + 9 = 684, 144 * 100 + 100 = 14500; back 100 * 144 + 144 = 14544,
    # 25 * 9 * 3 + 3 = 678, 25 * 3 * 1 + 1 = 76
    assert model.n_params == 78 + 684 + 14500 + 14544 + 678 + 76 == 30560
    assert model.loss.name == "MSE" and model.matched and model.code_size == 100
    assert [getattr(layer, "activation_name", None) for layer in model.encoder.layers] == [
        "relu", None, "relu", None, None, "linear",
    ]  # fmt: skip
    assert [getattr(layer, "activation_name", None) for layer in model.decoder.layers] == [
        "relu", None, None, "relu", None, "linear",
    ]  # fmt: skip


def sizes_on_the_way(side, kernels):
    """Lengths before every convolution, and what is left at the end; None where a kernel does not fit."""
    sizes = [side]
    for kernel in kernels:
        if side < kernel:
            return None
        side = -(-(side - kernel + 1) // 2)
        sizes.append(side)
    return sizes


@settings(max_examples=120)
@given(
    SIDE,
    SIDE,
    CHANNELS,
    st.sampled_from([(5, 5), (3,), (3, 3, 3), (2, 4), (1,), (6, 1, 2)]),
    st.sampled_from([1, 2, 100]),
    st.integers(1, 3),
)
@example(28, 28, 1, (5, 5), 100, 3)
@example(27, 32, 3, (5, 5), 1, 2)
@example(3, 3, 1, (3,), 2, 1)
@example(31, 33, 1, (3, 3, 3), 2, 3)
@example(9, 11, 1, (2, 4), 100, 2)
def test_generic_conv_autoencoder_comes_back_from_every_size(height, width, channels, kernels, latent_dim, filters):
    shape = (height, width, channels)
    rows, columns = sizes_on_the_way(height, kernels), sizes_on_the_way(width, kernels)
    if not (rows and columns):
        with pytest.raises(
            UsageError, match=r"^generic_conv_autoencoder: expected kernels that fit into the image, got "
        ):
            generic_conv_autoencoder(shape, kernels, filters, latent_dim)
        return
    model = generic_conv_autoencoder(shape, kernels, filters, latent_dim)
    assert model.code_size == latent_dim and model.encoder.output_shape == (latent_dim,)
    assert model.encoder.shapes[-3] == (rows[-1], columns[-1], filters ** len(kernels))
    forward_comes_back(model, shape)


def test_an_odd_row_is_pooled_by_itself_and_cropped_again():
    model = generic_conv_autoencoder((9, 8, 1), (3,), filters=2, latent_dim=3)
    assert model.encoder.shapes[:3] == [(9, 8, 1), (7, 6, 2), (4, 3, 2)]
    assert model.decoder.shapes[2:] == [(4, 3, 2), (8, 6, 2), (7, 6, 2), (9, 8, 1)]
    assert kinds(model.decoder)[2:] == ["UpSample", "Crop", "ConvTranspose"]
    crop = model.decoder.layers[3]
    assert (crop.rows, crop.columns) == ((0, 1), (0, 0))  # where the single row was pooled


def test_settings_reach_the_layers():
    model = generic_conv_autoencoder(
        (12, 13, 3), (3, 2), 2, 7, latent_activation="tanh", output_activation="sigmoid", loss="bce"
    )
    assert [layer.kernel for layer in model.encoder.layers if layer.name == "Conv2D"] == [(3, 3), (2, 2)]
    assert [layer.filters for layer in model.encoder.layers if layer.name == "Conv2D"] == [2, 4]
    assert [layer.kernel for layer in model.decoder.layers if layer.name == "ConvTranspose"] == [(2, 2), (3, 3)]
    assert [layer.filters for layer in model.decoder.layers if layer.name == "ConvTranspose"] == [2, 3]
    assert model.encoder.layers[-1].activation_name == "tanh" and model.loss.name == "BCE" and model.matched
    assert generic_conv_autoencoder(kernels=3).encoder.layers[0].kernel == (3, 3)
    assert generic_conv_autoencoder(kernels=np.array([3, 2])).encoder.layers[2].kernel == (2, 2)


def test_one_kernel_of_any_whole_type():
    assert generic_conv_autoencoder(kernels=np.int64(3)).encoder.layers[0].kernel == (3, 3)


@pytest.mark.parametrize(
    "config, text",
    [
        ({"kernels": ()}, "expected at least one kernel size, got none."),
        ({"kernels": (3, 0)}, "expected each kernel to be a whole number >= 1, got 0."),
        ({"kernels": (3, 2.5)}, "expected each kernel to be a whole number >= 1, got 2.5."),
        ({"kernels": 3.0}, "expected "),
        ({"kernels": (5, 5, 5)}, "expected kernels that fit into the image, got 5x5 where 4x4 is left of 28x28x1; use"),
        ({"input_shape": (9, 28, 1)}, "expected kernels that fit into the image, got 5x5 where 3x12 is left of 9x28x1"),
        ({"input_shape": (28, 4, 1)}, "expected kernels that fit into the image, got 5x5 where 28x4 is left of 28x4x1"),
        ({"filters": 0}, "expected filters to be a whole number >= 1, got 0."),
        ({"filters": 1.5}, "expected filters to be a whole number >= 1, got 1.5."),
    ],
    ids=str,
)
def test_bad_settings_are_refused(config, text):
    with pytest.raises(UsageError, match=f"^generic_conv_autoencoder: {re.escape(text)}"):
        generic_conv_autoencoder(**config)


def test_settings_that_layers_and_losses_refuse():
    with pytest.raises(UsageError, match="expected units to be a whole number >= 1, got 0"):
        generic_conv_autoencoder(latent_dim=0)
    for name in ("latent_activation", "output_activation"):
        with pytest.raises(UsageError, match=r"expected activation to be one of .*, got 'rellu' \(did you mean 'relu'"):
            generic_conv_autoencoder(**{name: "rellu"})
    with pytest.raises(ValueError, match="expected a decoder that ends in Sigmoid for the loss BCE, got ConvTranspose"):
        generic_conv_autoencoder(loss="bce")
    with pytest.raises(UsageError, match=r"expected loss to be one of bce, mse, .*got 'l1'"):
        generic_conv_autoencoder(loss="l1")


# -- both -----------------------------------------------------------------------------------------------------

BOTH = pytest.mark.parametrize("make", [conv_autoencoder, generic_conv_autoencoder])


@BOTH
@pytest.mark.parametrize(
    "shape, text",
    [
        (784, r"expected images \(height, width, channels\), got samples of shape \(784,\)"),
        ((28, 28), r"expected images \(height, width, channels\), got samples of shape \(28, 28\)"),
        ((28, 28, 1, 1), r"expected images \(height, width, channels\), got samples of shape \(28, 28, 1, 1\)"),
        ((28, 0, 1), r"expected lengths of at least 1, got \(28, 0, 1\)"),
        ((28, 28.5, 1), r"expected whole numbers, got \(28, 28.5, 1\)"),
    ],
    ids=str,
)
def test_shapes_that_are_no_images_are_refused(make, shape, text):
    with pytest.raises(ValueError, match=text):
        make(shape)


@BOTH
def test_the_seed_draws_the_weights(make):
    assert_array_equal(make(seed=3).theta, make(seed=3).theta)
    assert (make(seed=3).theta != make(seed=4).theta).any()
    assert make().theta.dtype == np.float32


@pytest.mark.parametrize(
    "make",
    [
        lambda: conv_autoencoder((3, 5, 1)),
        lambda: generic_conv_autoencoder((5, 6, 1), (2,), filters=2, latent_dim=2),
        lambda: generic_conv_autoencoder(
            (5, 6, 1), (2, 2), 2, 2, output_activation="sigmoid", loss="bce", latent_activation="tanh"
        ),
    ],
    ids=["16-8-8", "one kernel", "two kernels"],
)
def test_slopes_of_whole_nets(make):
    """The loss along some directions beside the gradient; corners of ReLU and MaxPool are seldom crossed in 1e-6."""
    model, rng = make().astype(np.float64), np.random.default_rng(5)
    model.theta[:] = rng.normal(0.1, 0.3, model.theta.size)
    x = rng.uniform(0.1, 0.9, size=(2, *model.input_shape))
    model.loss_and_gradient(x)
    theta, gradient = model.theta.copy(), model.gradient.copy()
    assert all(g.any() for layer in every_layer(model) for g in layer.grads.values())  # no layer is dead
    for direction in rng.normal(size=(10, theta.size)):
        values = []
        for h in (1e-6, -1e-6):
            model.theta[:] = theta + h * direction
            values.append(model.loss_value(x))
        assert (values[0] - values[1]) / 2e-6 == pytest.approx(gradient @ direction, rel=1e-6, abs=1e-7)


@pytest.fixture(scope="module")
def digits():
    return load_digits(48, 0).x_train.reshape(-1, 28, 28, 1)


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize(
    "make, settings, better",
    [
        (conv_autoencoder, {"optimizer": "nadam", "batch_size": 8}, 0.8),
        (generic_conv_autoencoder, {"optimizer": "adam", "batch_size": 8}, 0.8),
    ],
    ids=["16-8-8", "generic"],
)
def test_training_lowers_the_loss(make, settings, better, threads, digits):
    model = make()
    before = model.evaluate(digits)["loss"]
    history = model.fit(digits, epochs=3, threads=threads, progress=False, **settings)
    assert history["loss"] == sorted(history["loss"], reverse=True)
    assert model.evaluate(digits)["loss"] < better * before
    assert model.encode(digits[:3]).shape == (3, *model.encoder.output_shape)
    assert model.reconstruct(digits[:3]).shape == (3, 28, 28, 1)


def test_denoising_with_separate_targets(digits):
    model, noise = (
        generic_conv_autoencoder(latent_dim=10),
        np.random.default_rng(0).normal(scale=0.3, size=digits.shape),
    )
    noisy = (digits + noise).astype(np.float32)
    before = model.evaluate(noisy, digits)["loss"]
    model.fit(noisy, digits, epochs=3, batch_size=8, progress=False, threads=1)
    assert model.evaluate(noisy, digits)["loss"] < 0.9 * before


# -- the error everybody meets --------------------------------------------------------------------------------------


def test_28_to_32_is_refused_with_the_chain():
    encoder = [layer for filters in (16, 8, 8) for layer in (Conv2D(filters, 3), MaxPool(2, padding="same"))]
    decoder = [layer for filters in (8, 8, 16) for layer in (Conv2D(filters, 3), UpSample(2))]
    with pytest.raises(ValueError) as error:
        Autoencoder(encoder, [*decoder, Conv2D(1, 3, activation="sigmoid")], loss="bce", input_shape=(28, 28, 1))
    text = str(error.value)
    assert text.startswith(
        "Autoencoder: expected the decoder to come back to the input's shape (28, 28, 1), got (32, 32, 1)"
    )
    assert (
        "28x28x1 -> 28x28x16 -> 14x14x16 -> 14x14x8 -> 7x7x8 -> 4x4x8 -> 8x8x8 -> 16x16x8 -> 16x16x16 -> 32x32x16 "
        "-> 32x32x1"
    ) in text


def test_hidden_activation_is_that_of_every_convolution_but_the_last():
    model = conv_autoencoder(hidden_activation="tanh")
    convolutions = [la for net in (model.encoder, model.decoder) for la in net.layers if isinstance(la, Conv2D)]
    assert [la.activation_name for la in convolutions] == ["tanh"] * 6 + ["sigmoid"]
    assert model.n_params == conv_autoencoder().n_params
    with pytest.raises(UsageError, match="expected activation to be one of"):
        conv_autoencoder(hidden_activation="tan")
