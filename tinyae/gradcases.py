"""One gradient check for every layer, every loss and every kind of net: what `tinyae gradcheck` and the tests run.

All lengths differ, so a swapped axis cannot pass; inputs stay away from kinks.
"""

import numpy as np

from tinyae.architectures import dense_autoencoder
from tinyae.autoencoder import Autoencoder
from tinyae.checks import UsageError
from tinyae.contractive import Contractive
from tinyae.corruption import Gaussian
from tinyae.gradcheck import check_layer, check_loss, check_model, check_tangent
from tinyae.layers import (
    ActivityPenalty,
    AveragePool,
    BatchNorm,
    Conv2D,
    ConvTranspose,
    Crop,
    Dense,
    Dropout,
    Flatten,
    GaussianCode,
    GaussianNoise,
    KSparse,
    LeakyReLU,
    Linear,
    MaxPool,
    ReLU,
    Reshape,
    Sequential,
    Sigmoid,
    Softmax,
    Softplus,
    Tanh,
    TiedDense,
    UpSample,
    ZeroPad,
)
from tinyae.losses import BCE, MSE, CategoricalCrossEntropy, MaskedMSE
from tinyae.penalties import L1, L2, KLSparsity

KINK_DISTANCE = 0.1


def all_cases():
    """(name, function that returns a list of Difference, worst first) for everything with a backward pass."""
    for name, layer, shape in layer_cases():
        yield name, lambda layer=layer, shape=shape: check_layer(layer, off_kinks(shape))
    for name, layer, shape in layer_cases():
        if has_tangent(layer):
            name = f"tangent, {name}"[:44]
            yield name, lambda layer=layer, shape=shape: check_tangent(layer, off_kinks(shape))
    for name, loss, a, x in loss_cases():
        yield name, lambda loss=loss, a=a, x=x: check_loss(loss, a, x)
    for name, model, x, target in model_cases():
        yield name, lambda model=model, x=x, target=target: check_model(model, x, target)


def layer_cases():
    """(name, built float64 layer, shape of a batch)."""
    rng = np.random.default_rng(1)
    for layer, shape in (
        (Dense(3), (4, 5)),
        (Dense(1, init="he"), (2, 7)),
        (Linear(), (4, 5)),
        (Sigmoid(), (4, 5)),
        (Tanh(), (4, 5)),
        (ReLU(), (4, 5)),
        (LeakyReLU(0.1), (4, 5)),
        (Softplus(), (4, 5)),
        (Softmax(), (4, 5)),
        (Softmax(), (2, 3, 4)),
        (Sigmoid(), (2, 3, 4, 5)),
        (Sequential([Dense(6), Tanh(), Dense(3), Softplus()]), (4, 5)),
        (Conv2D(2, (3, 2), activation="tanh"), (2, 4, 5, 3)),
        (Conv2D(3, (2, 3), stride=(2, 1), padding="valid"), (2, 5, 6, 1)),
        (Conv2D(1, 3, stride=2, padding=(2, 1)), (1, 4, 6, 2)),
        (ConvTranspose(2, (3, 2), activation="tanh"), (2, 4, 5, 3)),
        (ConvTranspose(3, (2, 3), stride=(2, 3)), (4, 3, 2, 1)),
        (ConvTranspose(1, 3, stride=(3, 2), padding=(1, 0), output_padding=(2, 1)), (1, 2, 3, 4)),
        (MaxPool(2), (3, 4, 6, 2)),
        (MaxPool(3, (1, 2), "same"), (2, 4, 7, 3)),
        (MaxPool((2, 3), 2, "ceil"), (1, 5, 4, 2)),
        (AveragePool(2), (3, 4, 6, 2)),
        (AveragePool(3, (1, 2), "same"), (2, 4, 7, 3)),
        (AveragePool((2, 1), 3), (1, 5, 7, 2)),
        (UpSample(2), (4, 3, 5, 2)),
        (UpSample((3, 1)), (4, 2, 3, 1)),
        (UpSample((2, 3), "bilinear"), (2, 3, 4, 1)),
        (Flatten(), (2, 3, 4, 5)),
        (Reshape((5, -1, 2)), (3, 4, 10)),
        (Crop((1, 0), 1), (2, 3, 4, 5)),
        (ZeroPad((1, 0), (2, 3)), (2, 3, 4, 5)),
        (Dropout(0.3), (4, 5)),
        (GaussianNoise(0.5), (4, 5)),
        (BatchNorm(), (4, 5)),
        (KSparse(2), (4, 5)),
        (KSparse(7), (2, 3, 1, 4)),
        (GaussianCode(), (4, 6)),
        (ActivityPenalty(L1(0.3)), (4, 5)),
        (TiedDense(Dense(4).build(5, rng, dtype=np.float64), activation="tanh"), (3, 4)),
    ):
        yield f"{layer!r} on {shape}"[:44], layer.build(shape[1:], rng, dtype=np.float64), shape
    for layer, shape in (
        (Dropout(0.3), (2, 3, 4, 5)),
        (GaussianNoise(0.5), (2, 3, 4, 5)),
        (GaussianCode(), (4, 6)),
        (BatchNorm(), (4, 5)),
        (BatchNorm(eps=0.1), (2, 3, 4, 5)),
        (Sequential([Dense(6), Tanh(), BatchNorm(), Dropout(0.3), Dense(3)]), (4, 5)),
    ):
        layer.build(shape[1:], rng, dtype=np.float64).set_training(True)
        layer.reseed(SameNoise())
        yield f"training {layer!r} on {shape}"[:44], layer, shape


def has_tangent(layer):
    """Whether `layer` has a tangent pass in the mode it is in."""
    try:
        layer.check_tangent(layer.training)
    except UsageError:
        return False
    return True


class SameNoise:
    """In the place of a numpy.random.Generator: the same numbers at every call, as finite differences need it."""

    def __getattr__(self, method):
        return getattr(np.random.default_rng(5), method)


def loss_cases():
    """(name, loss, pre-activations, targets)."""
    rng = np.random.default_rng(2)
    a, x = rng.normal(scale=3, size=(4, 5)), rng.uniform(size=(4, 5))
    yield "BCE, grey targets", BCE(), a, x
    yield "BCE, targets 0 and 1", BCE(), a, np.round(x)
    yield "MSE", MSE(), a, x
    yield "MaskedMSE", MaskedMSE(), a, with_holes(x)
    yield "CategoricalCrossEntropy, shares", CategoricalCrossEntropy(), a, x / x.sum(axis=1, keepdims=True)
    yield "CategoricalCrossEntropy, counts", CategoricalCrossEntropy(), a, np.floor(4 * x)


def with_holes(x):
    """x with every third number unknown."""
    holed = x.copy()
    holed.reshape(-1)[::3] = np.nan
    return holed


def model_cases():
    """(name, float64 Autoencoder, inputs, targets or None): matched and unmatched outputs, separate targets."""
    rng = np.random.default_rng(3)
    x, clean = rng.uniform(size=(6, 7)), rng.uniform(size=(6, 7))
    for name, output, loss, target in (
        ("sigmoid + BCE", "sigmoid", "bce", None),
        ("linear + MSE", "linear", "mse", None),
        ("sigmoid + MSE (chain rule)", "sigmoid", "mse", None),
        ("sigmoid + BCE, separate targets", "sigmoid", "bce", clean),
        ("linear + MaskedMSE", "linear", "maskedmse", with_holes(clean)),
        ("sigmoid + MaskedMSE, chain rule", "sigmoid", "maskedmse", with_holes(clean)),
    ):
        model = dense_autoencoder(
            7, (5, 4), 3, hidden_activation="tanh", code_activation="linear", output_activation=output, loss=loss
        )
        yield f"net 7-5-4-3, {name}", model.astype(np.float64), x, target
    counts = np.floor(5 * x)
    for name, target in (("counts", None), ("words held out", np.floor(5 * clean))):
        model = Autoencoder(
            [Dense(5, "tanh"), Dense(3)], [Dense(7), Softmax()], "categoricalcrossentropy", 7, dtype=np.float64
        )
        yield f"net 7-5-3, softmax, {name}", model, counts, target
    for name, encoder, decoder, settings in criteria():
        model = Autoencoder(encoder, decoder, "bce", input_shape=7, dtype=np.float64, **settings)
        model.set_training(True)
        model.reseed(SameNoise())
        yield f"net 7-5-4-3, {name}", model, x, None


def criteria():
    """(name, encoder, decoder, settings) of nets that are trained on more than the reconstruction."""

    def encoder(*end):
        return [Dense(5, "tanh"), Dense(4, "tanh"), *end]

    def decoder():
        return [Dense(4, "tanh"), Dense(5, "tanh"), Dense(7, "sigmoid")]

    def tied():
        return [TiedDense(2, "tanh"), TiedDense(1, "tanh"), TiedDense(0, "sigmoid")]

    yield "L1", encoder(Dense(3, "tanh")), decoder(), {"penalty": L1(0.7)}
    yield "L2, L1 inside", encoder(ActivityPenalty(L1(0.2)), Dense(3)), decoder(), {"penalty": [L2(0.7)]}
    yield "KL sparsity", encoder(Dense(3, "sigmoid")), decoder(), {"penalty": KLSparsity(0.2, 1.5)}
    yield "k-sparse", encoder(Dense(3), KSparse(2)), decoder(), {}
    yield "tied weights", encoder(Dense(3, "tanh")), tied(), {}
    yield "variational", encoder(Dense(6), GaussianCode(0.8)), decoder(), {}
    yield "corruption", encoder(Dense(3)), decoder(), {"corruption": Gaussian(0.3)}
    for unit in ("sigmoid", "tanh", "relu", "softplus"):
        yield f"contractive, one {unit} layer", [Dense(3, unit)], decoder(), {"penalty": Contractive(0.7, "closed")}
    exact, sampled = Contractive(0.7, "exact"), Contractive(0.7, "sampled")
    yield "contractive, exact", encoder(Dense(3, "tanh")), decoder(), {"penalty": exact}
    yield "contractive, exact, tied", encoder(Dense(3)), tied(), {"penalty": exact}
    yield "contractive, sampled", encoder(Dense(3, "tanh")), decoder(), {"penalty": sampled}
    images = [Reshape((7, 1, 1)), Conv2D(2, (3, 1), activation="tanh"), MaxPool((2, 1)), Flatten(), Dense(3, "sigmoid")]
    yield "contractive, sampled, images", images, decoder(), {"penalty": sampled}


def off_kinks(shape):
    """Normal numbers at least KINK_DISTANCE away from 0, where ReLU and LeakyReLU have their corner."""
    x = np.random.default_rng(4).normal(size=shape)
    return x + np.copysign(KINK_DISTANCE, x)
