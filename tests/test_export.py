"""Nets for other libraries: PyTorch and ONNX Runtime compute what tinyae computes, for every layer and its settings.

For Keras, which is not installed here, its documented formulas are written out in NumPy.
"""

import copy
import importlib
import inspect
import io
import pkgutil
import stat
import sys

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

import tinyae.export
from tinyae import (
    L1,
    Autoencoder,
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
    MaxPool,
    ReLU,
    Reshape,
    Sequential,
    Softplus,
    Tanh,
    TiedDense,
    UpSample,
    UsageError,
    ZeroPad,
    architectures,
)
from tinyae.export import to_keras_weights, to_onnx, to_torch
from tinyae.export.chain import layers_of, nets_of, with_moves
from tinyae.gradcases import layer_cases, off_kinks
from tinyae.layers import LAYERS
from tinyae.layers.activations import Activation
from tinyae.layers.base import every_layer


@pytest.fixture(scope="session")
def runtime():
    """onnxruntime, beside onnx."""
    pytest.importorskip("onnx")
    return pytest.importorskip("onnxruntime")


def shaken(net, seed=0):
    """`net` with numbers in every bias, gamma, beta and state, so that none can be left out unseen."""
    rng = np.random.default_rng(seed)
    for layer in every_layer(net):
        for p in layer.params.values():
            if p.ndim == 1:
                p += rng.normal(scale=0.3, size=p.shape)
        for name, p in layer.state.items():
            p[...] = rng.uniform(0.5, 2, p.shape) if name == "var" else rng.normal(size=p.shape)
    return net


def alone(layers, shape, dtype=np.float64, seed=0):
    rng = np.random.default_rng(seed)
    return shaken(Sequential(layers).build(shape, rng, dtype=dtype), seed)


def by_torch(torch, module, x):
    with torch.no_grad():
        return module(torch.tensor(x)).numpy()


def session(runtime, content):
    options = runtime.SessionOptions()
    options.intra_op_num_threads = 1
    return runtime.InferenceSession(content, options)


def by_runtime(runtime, net, x, part="autoencoder"):
    """What ONNX Runtime makes of x."""
    graph = importlib.import_module("tinyae.export.onnx_graph")
    content = graph.model_of(nets_of("test", net, part)).SerializeToString()
    return session(runtime, content).run(None, {"x": np.asarray(x, np.float32)})[0]


def same(got, want, tolerance):
    assert got.shape == want.shape
    assert_allclose(got, want, rtol=tolerance, atol=tolerance)


def batch(net, n=5, seed=1):
    return np.random.default_rng(seed).uniform(size=(n, *net.input_shape))


# --- every named net


def named_nets():
    """(name, function) of every net in tinyae.architectures."""
    for where in pkgutil.iter_modules(architectures.__path__, "tinyae.architectures."):
        module = importlib.import_module(where.name)
        for name, make in inspect.getmembers(module, inspect.isfunction):
            if name.endswith("_autoencoder") and make.__module__ == where.name:
                yield name, make


def make_named(make, **settings):
    if "input_size" in inspect.signature(make).parameters:
        settings |= {"input_size": 30}
    return shaken(make(**settings))


NAMED = [pytest.param(make, id=name) for name, make in named_nets()]
NAMED += [
    pytest.param(lambda: architectures.conv_autoencoder((10, 13, 3), hidden_activation="tanh"), id="conv-cropped"),
    pytest.param(lambda: architectures.generic_conv_autoencoder((11, 9, 2), (3, 2), 2, 6), id="generic-odd"),
]


def test_all_named_nets_are_found():
    names = {name for name, _ in named_nets()}
    assert {f"{name}_autoencoder" for name in ("simple", "deep", "hinton", "dense", "conv", "generic_conv")} <= names


@pytest.mark.oracle
@pytest.mark.parametrize("make", NAMED)
def test_torch_computes_what_every_named_net_does(torch, make):
    model = make_named(make)
    module, x = to_torch(model), batch(model).astype(np.float32)
    code = model.encode(x)
    same(by_torch(torch, module, x), model.reconstruct(x), 1e-5)
    same(by_torch(torch, module.encoder, x), code, 1e-5)
    same(by_torch(torch, module.decoder, code), model.decode(code), 1e-5)
    for part in (model.encoder, model.decoder):
        given_to = x if part is model.encoder else code
        same(by_torch(torch, to_torch(part), given_to), part.forward(given_to), 1e-5)


@pytest.mark.oracle
@pytest.mark.parametrize("make", NAMED)
def test_runtime_computes_what_every_named_net_does(runtime, tmp_path, make):
    model = make_named(make)
    x = batch(model).astype(np.float32)
    code = model.encode(x)
    parts = {"autoencoder": (x, model.reconstruct(x)), "encoder": (x, code), "decoder": (code, model.decode(code))}
    for part, (given_to, want) in parts.items():
        path = tmp_path / f"{part}.onnx"
        to_onnx(model, path, part)
        same(session(runtime, str(path)).run(["y"], {"x": given_to})[0], want, 1e-5)


# --- every kind of layer, in all its settings

CASES = [pytest.param(layer, shape, id=name) for name, layer, shape in layer_cases()]


@pytest.mark.oracle
@pytest.mark.parametrize("layer, shape", CASES)
def test_torch_computes_what_every_layer_does(torch, layer, shape):
    net, x = alone([layer], shape[1:]), off_kinks(shape)
    net.set_training(False)
    same(by_torch(torch, to_torch(net), x), net.forward(x), 1e-12)


@pytest.mark.oracle
@pytest.mark.parametrize("layer, shape", CASES)
def test_runtime_computes_what_every_layer_does(runtime, layer, shape):
    net, x = alone([layer], shape[1:]), off_kinks(shape)
    net.set_training(False)
    same(by_runtime(runtime, net, x), net.forward(x), 1e-5)


def test_every_kind_of_layer_has_its_case():
    """A layer that is added to tinyae and not to the exports is refused; these are exported."""
    kinds = {type(inner).__name__ for _, layer, _ in layer_cases() for inner in every_layer(layer)}
    assert set(LAYERS) <= kinds
    known = set(tinyae.export.keras_weights.ARRAYS)
    assert {cls for cls in LAYERS.values() if cls.__module__.startswith("tinyae.layers.")} == known


@pytest.mark.oracle
def test_all_exports_know_the_same_layers(torch, runtime):
    known = set(tinyae.export.keras_weights.ARRAYS)
    assert set(importlib.import_module("tinyae.export.torch_modules").MODULES) == known
    assert set(importlib.import_module("tinyae.export.onnx_graph").NODES) == known


def pairs(low, high):
    return st.tuples(st.integers(low, high), st.integers(low, high))


@st.composite
def transposed(draw):
    """ConvTranspose of any settings, output_padding smaller than the stride."""
    stride, padding = draw(pairs(1, 4)), draw(st.sampled_from(["same", "valid"]) | pairs(0, 3))
    more = (0, 0) if padding == "same" else tuple(draw(st.integers(0, s - 1)) for s in stride)
    return ConvTranspose(draw(st.integers(1, 3)), draw(pairs(1, 4)), stride, padding, more)


SIZES, STRIDES = pairs(1, 4), pairs(1, 4)
POOL_PADDINGS = st.sampled_from(["valid", "same", "ceil"])
ANY = {
    "Conv2D": st.builds(Conv2D, st.integers(1, 3), SIZES, STRIDES, st.sampled_from(["same", "valid"]) | pairs(0, 3)),
    "ConvTranspose": transposed(),
    "MaxPool": st.builds(MaxPool, SIZES, st.none() | STRIDES, POOL_PADDINGS),
    "AveragePool": st.builds(AveragePool, SIZES, st.none() | STRIDES, POOL_PADDINGS),
    "UpSample": st.builds(UpSample, pairs(1, 4), st.sampled_from(["nearest", "bilinear"])),
    "Border": st.builds(Crop, pairs(0, 2), pairs(0, 2)) | st.builds(ZeroPad, pairs(0, 3), pairs(0, 3)),
}


@st.composite
def image_nets(draw, kind):
    """One layer of a kind on images, of any settings that fit, and any numbers to go through it."""
    layer = draw(ANY[kind])
    image = draw(st.tuples(st.integers(1, 9), st.integers(1, 8), st.integers(1, 3)))
    try:
        net = alone([layer], image, seed=draw(st.integers(0, 99)))
    except ValueError:  # an image too small
        assume(False)
    return net, np.random.default_rng(draw(st.integers(0, 99))).normal(size=(2, *image)) - 1


@pytest.mark.oracle
@pytest.mark.parametrize("kind", ANY)
@given(st.data())
def test_torch_computes_what_layers_of_any_settings_do(torch, kind, data):
    net, x = data.draw(image_nets(kind))
    same(by_torch(torch, to_torch(net), x), net.forward(x), 1e-12)


@pytest.mark.oracle
@pytest.mark.parametrize("kind", ANY)
@given(st.data())
def test_runtime_computes_what_layers_of_any_settings_do(runtime, kind, data):
    net, x = data.draw(image_nets(kind))
    same(by_runtime(runtime, net, x), net.forward(x), 1e-5)


BORDERS = [
    pytest.param(ConvTranspose(2, k, s, padding), id=f"transpose-{k}-{s}-{padding}")
    for k, s, padding in ((2, 1, "same"), (4, 3, "same"), (1, 3, "same"), (2, 3, "same"), (5, 2, "same"), (3, 1, 3))
]
BORDERS += [
    pytest.param(kind(size, stride, padding), id=f"{kind.__name__}-{size}-{stride}-{padding}")
    for kind in (MaxPool, AveragePool)
    for size, stride, padding in ((2, 1, "same"), (3, 1, "same"), (4, 3, "same"), (3, 2, "ceil"), (2, 3, "ceil"))
]
BORDERS += [pytest.param(ConvTranspose(2, 3, 3, 2, output_padding=1), id="output-padding")]
BORDERS += [pytest.param(ConvTranspose(2, 2, 3, 0, output_padding=2), id="output-padding-alone")]
BORDERS += [pytest.param(UpSample((5, 3), method), id=f"up-{method}") for method in ("nearest", "bilinear")]


@pytest.mark.oracle
@pytest.mark.parametrize("layer", BORDERS)
def test_borders_one_by_one(torch, runtime, layer):
    net = alone([layer], (7, 5, 2))
    x = -1 - batch(net)  # all below 0: a border of zeros would win every maximum
    same(by_torch(torch, to_torch(net), x), net.forward(x), 1e-12)
    same(by_runtime(runtime, net, x), net.forward(x), 1e-5)


@pytest.mark.oracle
@pytest.mark.parametrize("factor", [41, 47])
def test_upsampling_by_factors_whose_reciprocal_rounds_badly(torch, runtime, factor):
    net = Sequential([UpSample((factor, 1))]).build((7, 1, 1))
    x = np.arange(7, dtype=np.float32).reshape(1, 7, 1, 1)
    assert_array_equal(by_torch(torch, to_torch(net), x), net.forward(x))
    assert_array_equal(by_runtime(runtime, net, x), net.forward(x))


@pytest.mark.oracle
def test_activations_far_out(torch, runtime):
    x = np.linspace(-100, 100, 401)[None]
    for layer in (Softplus(), LeakyReLU(0.3), Tanh(), ReLU()):
        net = Sequential([layer]).build(401, dtype=np.float64)
        assert_allclose(by_torch(torch, to_torch(net), x), net.forward(x), rtol=1e-13, atol=1e-15)
        same(by_runtime(runtime, net, x), net.forward(x), 1e-6)


@pytest.mark.oracle
@pytest.mark.parametrize("shape", [(4,), (3, 4), (2, 3, 4), (2, 3, 2, 4)])
def test_batch_norm_of_any_rank(torch, runtime, shape):
    net = alone([BatchNorm(0.7, 0.1)], shape)
    same(by_torch(torch, to_torch(net), batch(net)), net.forward(batch(net)), 1e-12)
    same(by_runtime(runtime, net, batch(net)), net.forward(batch(net)), 1e-5)


@pytest.mark.oracle
def test_channels_move_where_they_have_to_and_nowhere_else(torch, runtime):
    """Nets within nets, Flatten in between, activations on either side."""
    layers = [
        Tanh(),
        Sequential([Conv2D(3, 2, activation="softplus"), BatchNorm()]),
        Dropout(0.5),
        MaxPool(2),
        KSparse(9),
        UpSample(2),
        Flatten(),
        BatchNorm(),
        Reshape((3, 8, 3)),
        ReLU(),
        AveragePool(2, 1, "same"),
    ]
    net = alone(layers, (4, 6, 2))
    same(by_torch(torch, to_torch(net), batch(net)), net.forward(batch(net)), 1e-12)
    same(by_runtime(runtime, net, batch(net)), net.forward(batch(net)), 1e-5)
    moves = [path for path, _ in with_moves(layers_of("net", net)) if "channels" in path]
    assert moves == [
        "net.sequential_1.conv2d_1_channels_first",
        "net.ksparse_1_channels_last",
        "net.upsample_1_channels_first",
        "net.flatten_1_channels_last",
        "net.averagepool_1_channels_first",
        "net.averagepool_1_channels_last",
    ]


# --- PyTorch: training


def make_tied():
    code = Dense(3)
    encoder, decoder = [Dense(5, "tanh"), code], [TiedDense(code, "tanh"), TiedDense(0, "sigmoid")]
    return shaken(Autoencoder(encoder, decoder, input_shape=7, dtype=np.float64))


def make_conv():
    encoder = [Conv2D(3, (3, 2), 2, activation="tanh"), BatchNorm(0.8), Flatten(), Dense(4)]
    decoder = [Dense(3 * 3 * 3), Reshape((3, 3, 3)), ConvTranspose(2, (2, 3), 2, activation="sigmoid")]
    return shaken(Autoencoder(encoder, decoder, input_shape=(6, 6, 2), dtype=np.float64))


def make_images():
    """A code of images, a dense layer nowhere."""
    encoder = [Conv2D(4, 3, activation="softplus"), AveragePool(2, padding="same"), BatchNorm()]
    decoder = [UpSample(2, "bilinear"), Crop((0, 1), 0), Conv2D(2, (2, 3), padding=(1, 1)), Crop((1, 0), 0)]
    return shaken(Autoencoder(encoder, decoder, "mse", input_shape=(5, 6, 2), dtype=np.float64))


TO_TINYAE = {2: (1, 0), 4: (2, 3, 1, 0)}  # axes of a torch weight in tinyae's order


def gradients_of(module, model):
    """torch's gradients in the names and layout of tinyae: {(path, name): array}."""
    found = {}
    for part in ("encoder", "decoder"):
        for path, layer in layers_of(part, getattr(model, part)):
            for name in layer.params:
                parameter = getattr(module.get_submodule(path), {"W": "weight", "gamma": "weight"}.get(name, "bias"))
                grad = parameter.grad.numpy()
                found[path, name] = grad.transpose(TO_TINYAE[grad.ndim]) if grad.ndim > 1 else grad
    return found


@pytest.mark.oracle
@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("make", [make_tied, make_conv, make_images])
def test_gradients_are_those_of_the_backward_passes(torch, make, training):
    model = make()
    model.set_training(training)
    module, x = to_torch(model), batch(model)
    assert module.training is training
    dy = np.random.default_rng(5).normal(size=(5, *model.output_shape))
    out = module(torch.tensor(x))
    out.backward(torch.tensor(dy))
    same(out.detach().numpy(), model.forward(x), 1e-12)
    model.backward(dy)
    got = gradients_of(module, model)
    for path, layer in (pair for part in ("encoder", "decoder") for pair in layers_of(part, getattr(model, part))):
        for name, want in layer.grads.items():
            assert_allclose(got[path, name], want, rtol=1e-9, atol=1e-12, err_msg=f"{path}.{name}")
    norms = [(path, layer) for path, layer in layers_of("encoder", model.encoder) if layer.state]
    for path, layer in norms:  # one step on, where it learns
        norm = module.get_submodule(path)
        assert_allclose(norm.running_mean.numpy(), layer.state["mean"], rtol=1e-12)
        assert_allclose(norm.running_var.numpy(), layer.state["var"], rtol=1e-12)


@pytest.mark.oracle
def test_the_module_learns(torch):
    model = architectures.conv_autoencoder((8, 8, 1))
    module, x = to_torch(model).train(), torch.tensor(batch(model, 16).astype(np.float32))
    losses = []
    for _ in range(20):
        loss = torch.nn.functional.binary_cross_entropy(module(x), x)
        module.zero_grad()
        loss.backward()
        with torch.no_grad():
            for p in module.parameters():
                p -= 0.5 * p.grad
        losses.append(loss.item())
    assert losses[-1] < losses[0] - 0.003
    same(by_torch(torch, to_torch(model), x.numpy()), model.reconstruct(x.numpy()), 1e-5)  # the model stays as it is


@pytest.mark.oracle
def test_tied_weights_are_one_parameter(torch):
    model = make_tied()
    module = to_torch(model)
    assert sum(p.numel() for p in module.parameters()) == model.n_params
    assert all(p.requires_grad for p in module.parameters())
    assert module.decoder.tieddense_1.weight is module.encoder.dense_2.weight
    twin = copy.deepcopy(module)
    assert twin.decoder.tieddense_2.weight is twin.encoder.dense_1.weight
    with torch.no_grad():
        twin.encoder.dense_1.weight.zero_()
    assert not twin.decoder.tieddense_2.weight.any() and module.decoder.tieddense_2.weight.any()
    decoder = to_torch(model.decoder)  # alone: weights of its own
    assert sum(p.numel() for p in decoder.parameters()) == 3 * 5 + 5 * 7 + 5 + 7
    same(by_torch(torch, decoder, np.ones((2, 3))), model.decode(np.ones((2, 3))), 1e-12)


@pytest.mark.oracle
def test_noise_while_training_alone(torch):
    torch.manual_seed(0)
    ones = torch.ones(200, 300)
    dropout = to_torch(Sequential([Dropout(0.3)]).build(300)).train()
    y = dropout(ones).numpy()
    assert_allclose(np.unique(y), [0, 1 / 0.7], rtol=1e-6)
    assert abs((y == 0).mean() - 0.3) < 0.01
    noise = to_torch(Sequential([GaussianNoise(0.5)]).build(300)).train()
    y = noise(ones).numpy()
    assert abs(y.mean() - 1) < 0.01 and abs(y.std() - 0.5) < 0.01
    code = to_torch(Sequential([GaussianCode()]).build(300)).train()
    x = torch.cat([torch.full((200, 150), 3.0), torch.full((200, 150), float(np.log(4)))], dim=1)
    z = code(x).numpy()  # N(3, 2^2)
    assert z.shape == (200, 150) and abs(z.mean() - 3) < 0.05 and abs(z.std() - 2) < 0.05
    assert torch.equal(dropout.eval()(ones), ones) and torch.equal(noise.eval()(ones), ones)
    assert torch.equal(code.eval()(x), x[:, :150])


@pytest.mark.oracle
@pytest.mark.parametrize("k_use, kept", [(None, 2), (4, 4)])
def test_k_sparse_keeps_k_while_training_and_k_use_otherwise(torch, runtime, k_use, kept):
    net = Sequential([KSparse(2, k_use)]).build((2, 3), dtype=np.float64)
    module, x = to_torch(net), batch(net)
    assert (by_torch(torch, module.train(), x) != 0).sum() == 2 * len(x)
    assert (by_torch(torch, module.eval(), x) != 0).sum() == kept * len(x)
    same(by_runtime(runtime, net, x), net.forward(x), 1e-6)
    x = torch.tensor(x, requires_grad=True)
    module.train()(x).sum().backward()
    assert x.grad.sum() == 2 * len(x)  # through those kept alone


@pytest.mark.oracle
def test_a_module_shares_nothing_with_the_model(torch):
    model = make_conv()
    before = torch.random.get_rng_state()
    module = to_torch(model)
    assert torch.equal(torch.random.get_rng_state(), before)  # no random numbers are drawn
    theta, state = model.theta.copy(), model.encoder.layers[1].state["mean"].copy()
    with torch.no_grad():
        for p in [*module.parameters(), *module.buffers()]:
            p.zero_()
    assert_array_equal(model.theta, theta)
    assert_array_equal(model.encoder.layers[1].state["mean"], state)
    assert all(p.device.type == "cpu" for p in [*module.parameters(), *module.buffers()])


@pytest.mark.oracle
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_names_and_types_of_parameters(torch, dtype):
    model = make_conv().astype(dtype)
    module = to_torch(model)
    names = dict(module.named_parameters())
    assert list(names) == [
        "encoder.conv2d_1.weight", "encoder.conv2d_1.bias", "encoder.batchnorm_1.weight", "encoder.batchnorm_1.bias",
        "encoder.dense_1.weight", "encoder.dense_1.bias", "decoder.dense_1.weight", "decoder.dense_1.bias",
        "decoder.convtranspose_1.weight", "decoder.convtranspose_1.bias",
    ]  # fmt: skip
    assert {p.dtype for p in module.parameters()} == {torch.tensor(np.zeros(1, dtype)).dtype}
    assert "conv2d_1_tanh" in dict(module.encoder.named_children())
    assert not module.training


@pytest.mark.oracle
def test_modules_can_be_kept_in_files(torch):
    model = make_conv()
    module = to_torch(model)
    kept, whole = io.BytesIO(), io.BytesIO()
    torch.save(module.state_dict(), kept)
    torch.save(module, whole)
    other = to_torch(make_conv())
    with torch.no_grad():
        for p in [*other.parameters(), *other.buffers()]:
            p.zero_()
    other.load_state_dict(torch.load(io.BytesIO(kept.getvalue())))
    back = torch.load(io.BytesIO(whole.getvalue()), weights_only=False)
    for twin in (other, back):
        assert_array_equal(by_torch(torch, twin, batch(model)), by_torch(torch, module, batch(model)))


@pytest.mark.oracle
def test_average_pooling_over_borders_follows_types(torch):
    module = to_torch(alone([AveragePool(2, 1, "same")], (3, 4, 1), np.float32))
    x = torch.rand(2, 3, 4, 1)
    assert module(x).dtype == torch.float32
    assert module.double()(x.double()).dtype == torch.float64
    assert not module.state_dict()


# --- ONNX: the file


@pytest.mark.oracle
@pytest.mark.parametrize("make", [make_conv, make_tied, make_images])
def test_a_file_takes_batches_of_any_size(runtime, tmp_path, make):
    model = make()
    to_onnx(model, tmp_path / "a.onnx")
    ready = session(runtime, str(tmp_path / "a.onnx"))
    for n in (1, 2, 17, 0):
        x = batch(model, n)
        same(ready.run(None, {"x": x.astype(np.float32)})[0], model.reconstruct(x), 1e-5)


@pytest.mark.oracle
@pytest.mark.parametrize(
    "part, x_shape, y_shape",
    [("autoencoder", (6, 6, 2), (6, 6, 2)), ("encoder", (6, 6, 2), (4,)), ("decoder", (4,), (6, 6, 2))],
)
def test_what_a_file_says_of_itself(runtime, tmp_path, part, x_shape, y_shape):
    onnx = pytest.importorskip("onnx")
    path = tmp_path / "a.onnx"
    to_onnx(make_conv(), path, part)
    model = onnx.load(path)
    onnx.checker.check_model(model, full_check=True)
    assert (model.producer_name, model.producer_version) == ("tinyae", tinyae.__version__)
    assert model.ir_version == 8 and [(o.domain, o.version) for o in model.opset_import] == [("", 17)]
    for ends, name, shape in ((model.graph.input, "x", x_shape), (model.graph.output, "y", y_shape)):
        assert len(ends) == 1 and ends[0].name == name
        tensor = ends[0].type.tensor_type
        assert tensor.elem_type == onnx.TensorProto.FLOAT
        assert tensor.shape.dim[0].dim_param == "N" and tuple(d.dim_value for d in tensor.shape.dim[1:]) == shape
    names = [a.name for a in model.graph.initializer]
    assert len(set(names)) == len(names)
    assert ("encoder.conv2d_1.W" in names) == (part != "decoder")


@pytest.mark.oracle
def test_tied_weights_are_in_the_file_once(runtime, tmp_path):
    onnx = pytest.importorskip("onnx")
    model = make_tied()
    to_onnx(model, tmp_path / "a.onnx")
    names = {a.name for a in onnx.load(tmp_path / "a.onnx").graph.initializer}
    assert names == {f"{path}.{name}" for part in ("encoder", "decoder") for path, layer in
                     layers_of(part, getattr(model, part)) for name in layer.params}  # fmt: skip
    to_onnx(model, tmp_path / "a.onnx", "decoder")
    names = {a.name for a in onnx.load(tmp_path / "a.onnx").graph.initializer}
    assert names == {f"decoder.tieddense_{i}.{name}" for i in (1, 2) for name in "Wb"}


@pytest.mark.oracle
def test_a_part_given_as_a_net_is_the_part(runtime, tmp_path):
    model = make_conv()
    x = batch(model)
    same(by_runtime(runtime, model.encoder, x), model.encode(x), 1e-5)
    same(by_runtime(runtime, model, x, "encoder"), model.encode(x), 1e-5)


@pytest.mark.oracle
def test_a_file_is_written_whole_or_not_at_all(runtime, tmp_path, monkeypatch):
    path, plain = tmp_path / "a.onnx", tmp_path / "plain"
    to_onnx(make_conv(), str(path))
    plain.touch()
    assert stat.S_IMODE(path.stat().st_mode) == stat.S_IMODE(plain.stat().st_mode)
    plain.unlink()
    old = path.read_bytes()
    with pytest.raises(UsageError, match="BrandNew"):
        to_onnx(Sequential([BrandNew()]).build(3), path)
    monkeypatch.setattr("os.replace", lambda *names: (_ for _ in ()).throw(OSError(28, "No space left on device")))
    with pytest.raises(OSError, match="No space left"):
        to_onnx(make_tied(), path)
    assert path.read_bytes() == old and [p.name for p in tmp_path.iterdir()] == ["a.onnx"]


@pytest.mark.oracle
def test_a_graph_that_is_wrong_is_not_written(runtime, tmp_path, monkeypatch):
    """The checker works out every shape: a border that is off by one does not get into a file."""
    graph = importlib.import_module("tinyae.export.onnx_graph")
    monkeypatch.setattr(graph, "transpose_border", lambda layer: ((0, 0), (0, 0)))
    with pytest.raises(Exception, match=r"[Ii]nferred"):
        to_onnx(make_conv(), tmp_path / "a.onnx")
    assert not list(tmp_path.iterdir())


# --- Keras: its documented formulas, with its own order of arrays


def keras_same(n, k, s):
    """Zeros before an axis with padding="same"; TensorFlow's rule: ceil(n / s) windows, an odd zero at the end."""
    return max((-(-n // s) - 1) * s + k - n, 0) // 2


def keras_conv(x, kernel, bias, stride, padding):
    """y[b,i,j,o] = bias[o] + sum_{di,dj,q} x[b, s i + di, s j + dj, q] kernel[di,dj,q,o], x with zeros around it."""
    (kh, kw, _, n_out), s, size = kernel.shape, stride, np.array(x.shape[1:3])
    if padding == "same":
        out = -(-size // s)
        top, left = keras_same(size[0], kh, s), keras_same(size[1], kw, s)
    else:
        out, top, left = (size - (kh, kw)) // s + 1, 0, 0
    y = np.zeros((len(x), *out, n_out)) + bias
    for b, i, j, di, dj in np.ndindex(len(x), *out, kh, kw):
        h, v = i * s + di - top, j * s + dj - left
        if 0 <= h < size[0] and 0 <= v < size[1]:
            y[b, i, j] += x[b, h, v] @ kernel[di, dj]
    return y


def keras_conv_transpose(x, kernel, bias, stride, padding):
    """The gradient of the convolution in its input: every pixel q adds kernel[di,dj,o,q] x[q] at s i + di."""
    (kh, kw, n_out, _), s, size = kernel.shape, stride, np.array(x.shape[1:3])
    out, top, left = (size - 1) * s + (kh, kw), 0, 0
    if padding == "same":
        out = size * s
        top, left = keras_same(out[0], kh, s), keras_same(out[1], kw, s)
    y = np.zeros((len(x), *out, n_out)) + bias
    for b, i, j, di, dj in np.ndindex(*x.shape[:3], kh, kw):
        h, v = i * s + di - top, j * s + dj - left
        if 0 <= h < out[0] and 0 <= v < out[1]:
            y[b, h, v] += kernel[di, dj] @ x[b, i, j]
    return y


def keras_norm(x, gamma, beta, moving_mean, moving_variance, epsilon):
    return gamma * (x - moving_mean) / np.sqrt(moving_variance + epsilon) + beta


def run_keras(steps, weights, x):
    """x through (formula, number of arrays it takes, its settings), each taking the next arrays of the list."""
    weights = list(weights)
    for formula, n, settings in steps:
        mine, weights = weights[:n], weights[n:]
        x = formula(x, *mine, **settings)
    assert not weights
    return x


DENSE = (lambda x, kernel, bias: x @ kernel + bias, 2, {})


def unit(formula):
    return (formula, 0, {})


@pytest.mark.parametrize("padding", ["same", "valid"])
@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize("kernel", [(3, 2), (2, 4)])
def test_keras_convolutions(kernel, stride, padding):
    for kind, formula in ((Conv2D, keras_conv), (ConvTranspose, keras_conv_transpose)):
        net = alone([kind(2, kernel, stride, padding)], (5, 6, 3))
        steps = [(formula, 2, {"stride": stride, "padding": padding})]
        same(run_keras(steps, to_keras_weights(net), batch(net)), net.forward(batch(net)), 1e-12)


def test_keras_takes_the_arrays_of_a_whole_net_in_order():
    model = make_conv()
    weights, x = to_keras_weights(model), batch(model)
    steps = [
        (keras_conv, 2, {"stride": 2, "padding": "same"}),
        unit(np.tanh),
        (keras_norm, 4, {"epsilon": 1e-5}),
        unit(lambda x: x.reshape(len(x), -1)),
        DENSE,
        DENSE,
        unit(lambda x: x.reshape(len(x), 3, 3, 3)),
        (keras_conv_transpose, 2, {"stride": 2, "padding": "same"}),
        unit(lambda x: 1 / (1 + np.exp(-x))),
    ]
    same(run_keras(steps, weights, x), model.forward(x), 1e-12)
    code = run_keras(steps[:5], to_keras_weights(model, "encoder"), x)
    same(code, model.encode(x), 1e-12)
    same(run_keras(steps[5:], to_keras_weights(model.decoder), code), model.decode(code), 1e-12)
    assert len(to_keras_weights(model, "decoder")) == 4


def test_keras_takes_a_tied_layer_as_a_dense_one():
    model = make_tied()
    steps = [DENSE, unit(np.tanh), DENSE, DENSE, unit(np.tanh), DENSE, unit(lambda x: 1 / (1 + np.exp(-x)))]
    x = batch(model)
    same(run_keras(steps, to_keras_weights(model), x), model.forward(x), 1e-12)
    code = model.encode(x)
    same(run_keras(steps[3:], to_keras_weights(model.decoder), code), model.decode(code), 1e-12)


def test_keras_weights_are_copies_and_layers_without_weights_have_none():
    layers = [Conv2D(2, 3), MaxPool(2), Dropout(0.5), GaussianNoise(0.1), LeakyReLU(), Flatten(), KSparse(3)]
    net = alone(layers, (4, 4, 1), np.float32)
    weights = to_keras_weights(net)
    assert [w.shape for w in weights] == [(3, 3, 1, 2), (2,)] and weights[0].dtype == np.float32
    weights[0][...] = 0
    assert net.layers[0].params["W"].all()


# --- as methods


@pytest.mark.oracle
def test_methods_of_a_model_are_the_functions(torch, runtime, tmp_path):
    model = make_conv()
    same(by_torch(torch, model.to_torch(), batch(model)), model.forward(batch(model)), 1e-12)
    for part in ("autoencoder", "encoder", "decoder"):
        model.to_onnx(tmp_path / "method.onnx", part)
        to_onnx(model, tmp_path / "function.onnx", part)
        assert (tmp_path / "method.onnx").read_bytes() == (tmp_path / "function.onnx").read_bytes()
    model.to_onnx(tmp_path / "method.onnx")
    to_onnx(model, tmp_path / "function.onnx", "autoencoder")
    assert (tmp_path / "method.onnx").read_bytes() == (tmp_path / "function.onnx").read_bytes()


def test_the_keras_method_is_the_function():
    model = make_conv()
    for part in ("autoencoder", "encoder", "decoder"):
        for mine, its in zip(model.to_keras_weights(part), to_keras_weights(model, part), strict=True):
            assert_array_equal(mine, its)
    assert len(model.to_keras_weights()) == 12


# --- what is refused


class BrandNew(Activation):
    """A layer of a user's own."""

    def value(self, x, out):
        return np.square(x, out=out)


class NearlyDense(Dense):
    """Computes something else than the layer it is derived from."""

    def affine(self, x):
        return 2 * super().affine(x)


EXPORTS = {
    "to_torch": ("PyTorch", lambda model, path: to_torch(model)),
    "to_onnx": ("ONNX", lambda model, path: to_onnx(model, path)),
    "to_keras_weights": ("Keras", lambda model, path: to_keras_weights(model)),
}


@pytest.fixture(params=EXPORTS)
def export(request):
    """(name, target, function of model and path), where the library it needs is there."""
    if request.param != "to_keras_weights":
        pytest.importorskip({"to_torch": "torch", "to_onnx": "onnx"}[request.param])
    return request.param, *EXPORTS[request.param]


@pytest.mark.oracle
@pytest.mark.parametrize(
    "layers, kind, path",
    [
        ([Dense(3), BrandNew()], "BrandNew", r"net\.brandnew_1"),
        ([Sequential([Dense(4), BrandNew()]), Dense(3)], "BrandNew", r"net\.sequential_1\.brandnew_1"),
        ([Dense(4), NearlyDense(3)], "NearlyDense", r"net\.nearlydense_1"),
    ],
)
def test_layers_of_ones_own_are_refused_by_name(tmp_path, export, layers, kind, path):
    name, target, function = export
    message = (
        rf"{name}: expected layers of tinyae\.layers, got {kind} \({path}\), whose form in {target} is not known; "
        r"export Sequentials of the layers before and behind it, and write it there by hand\.$"
    )
    with pytest.raises(UsageError, match=message):
        function(Sequential(layers).build(5), tmp_path / "a.onnx")
    assert not list(tmp_path.iterdir())


def test_an_activation_of_ones_own_inside_a_layer_is_refused(monkeypatch):
    monkeypatch.setitem(tinyae.layers.activations.ACTIVATIONS, "square", BrandNew)
    with pytest.raises(UsageError, match=r"got BrandNew \(net\.dense_1_brandnew\)"):
        to_keras_weights(Sequential([Dense(3, "square")]).build(5))


def test_a_layer_of_ones_own_in_a_model_is_named_by_its_part():
    model = Autoencoder([Dense(3)], [BrandNew(), Dense(5)], "mse", input_shape=5)
    with pytest.raises(UsageError, match=r"got BrandNew \(decoder\.brandnew_1\)"):
        to_keras_weights(model)
    assert len(to_keras_weights(model, "encoder")) == 2


@pytest.mark.oracle
def test_models_that_are_none_are_refused(tmp_path, export):
    name, _, function = export
    for stranger, kind in ((Dense(3).build(2), "Dense"), (np.zeros(3), "ndarray"), (None, "NoneType")):
        with pytest.raises(UsageError, match=rf"{name}: expected an Autoencoder or a Sequential, got {kind}\.$"):
            function(stranger, tmp_path / "a.onnx")
    with pytest.raises(UsageError, match=rf"{name}: expected a built net, got one without shapes; call build"):
        function(Sequential([Dense(3)]), tmp_path / "a.onnx")


def test_unknown_parts_are_refused(tmp_path):
    model = make_tied()
    for function in (lambda model, part: to_onnx(model, tmp_path / "a", part), to_keras_weights):
        with pytest.raises(
            UsageError, match=r"expected part to be one of autoencoder, encoder, decoder, got 'encoding'"
        ):
            function(model, "encoding")
        with pytest.raises(UsageError, match=r"expected no part for a Sequential, got 'encoder'; it is exported whole"):
            function(model.encoder, "encoder")
    assert not list(tmp_path.iterdir())


@pytest.mark.oracle
def test_batch_norm_torch_has_no_kind_for_is_refused(torch):
    with pytest.raises(
        UsageError, match=r"to_torch: expected BatchNorm on samples of at most 4 axes, got shape \(1, 2"
    ):
        to_torch(Sequential([BatchNorm()]).build((1, 2, 1, 2, 3)))


MISSING = {
    "torch": ("torch_modules", "to_torch: needs PyTorch (", "); pip install torch, or pip install 'tinyae[oracle]'."),
    "onnx": ("onnx_graph", "to_onnx: needs the package onnx (", "); pip install 'tinyae[export]'."),
}


@pytest.mark.parametrize("library", MISSING)
def test_a_missing_library_is_named(monkeypatch, tmp_path, library):
    module, begins, ends = MISSING[library]
    monkeypatch.setitem(sys.modules, library, None)
    monkeypatch.delitem(sys.modules, f"tinyae.export.{module}", raising=False)
    monkeypatch.delattr(tinyae.export, module, raising=False)
    with pytest.raises(UsageError) as caught:
        to_torch(make_tied()) if library == "torch" else to_onnx(make_tied(), tmp_path / "a.onnx")
    message = str(caught.value)
    assert message.startswith(begins) and message.endswith(ends) and library in message and "\n" not in message
    assert not list(tmp_path.iterdir())


def test_penalties_stay_behind():
    model = Autoencoder([Dense(3)], [Dense(5)], "mse", input_shape=5, penalty=L1(0.1), corruption="gaussian")
    assert [w.shape for w in to_keras_weights(model)] == [(5, 3), (3,), (3, 5), (5,)]
