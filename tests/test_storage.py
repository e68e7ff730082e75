"""Models as files: the same bits back, nothing half-written, and one clear line for every file that is no model."""

import json
import stat
import zipfile

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

import tinyae
from tinyae import (
    Autoencoder,
    Dense,
    LeakyReLU,
    Linear,
    ReLU,
    Sequential,
    Sigmoid,
    Softplus,
    Tanh,
    TiedDense,
    UsageError,
    load,
    save,
)
from tinyae import architectures as nets
from tinyae.files import writable_folder, write_atomically
from tinyae.layers import BatchNorm, Crop, Dropout, Flatten, Reshape, ZeroPad
from tinyae.layers.base import every_layer
from tinyae.storage import FORMAT, FORMAT_ALONE, FORMAT_WITH_STATE, FORMAT_WITHOUT_STATE


def make_net(seed=0):
    return nets.dense_autoencoder(7, (5,), 3, seed=seed)


def make_norm_net(dtype=np.float32):
    """7 -> 5 -> 3 -> 7 with a BatchNorm in each half, one of them in a net within, that have seen some data."""
    model = Autoencoder(
        [Dense(5), Sequential([Tanh(), BatchNorm()]), Dense(3)],
        [BatchNorm(0.5), Dropout(0.25), Dense(7), Sigmoid()],
        input_shape=7,
        dtype=dtype,
    )
    model.fit(np.random.default_rng(1).uniform(size=(20, 7)), epochs=2, batch_size=10, progress=False)
    return model


def saved(tmp_path, make=make_net):
    path = tmp_path / "model.npz"
    save(make(), path)
    return path


def states(model):
    return [array for layer in every_layer(model) for array in layer.state.values()]


NETS = {
    "simple": lambda: nets.simple_autoencoder(9, 4, seed=1),
    "deep": lambda: nets.deep_autoencoder(9, (8, 7), 4, seed=1),
    "hinton": lambda: nets.hinton_autoencoder(9, (8, 7), 2, seed=1),
    "mse": lambda: nets.dense_autoencoder(9, (), 3, output_activation="linear", loss="mse"),
    "float64": lambda: make_net().astype(np.float64),
    "every-layer": lambda: Autoencoder(
        [Dense(6, init="he"), LeakyReLU(0.25), Dense(5, init="sparse"), Tanh(), Dense(3, init="normal"), Linear()],
        [Dense(6), Softplus(), Dense(7), ReLU(), Dense(9), Sigmoid()],
        loss="mse",
        input_shape=9,
    ),
    "images": lambda: Autoencoder([Sigmoid()], [Tanh(), Sigmoid()], input_shape=(2, 3, 1)),
    "nets-in-nets": lambda: Autoencoder(
        [Sequential([Dense(5), Tanh()]), Dense(3)], Sequential([Sequential([Dense(9)]), Sigmoid()]), input_shape=9
    ),
    "state": make_norm_net,
    "state-float64": lambda: make_norm_net(np.float64),
    "state-as-float64": lambda: make_norm_net().astype(np.float64),
    "shapes": lambda: Autoencoder(
        [Crop((1, 0), 2), BatchNorm(), Flatten(), Dense(4), Dropout(0.5)],
        [Dense(4), Reshape((2, -1, 2)), ZeroPad((1, 0), 2), Sigmoid()],
        input_shape=(3, 5, 2),
    ),
}


@pytest.mark.parametrize("name", NETS)
def test_a_model_comes_back_bit_by_bit(tmp_path, name):
    model = NETS[name]()
    if model.theta.size:
        model.theta[:] = np.random.default_rng(0).normal(size=model.theta.size)
    save(model, tmp_path / "model.npz")
    back = load(tmp_path / "model.npz")
    assert back.theta.dtype == model.theta.dtype and back.theta.tobytes() == model.theta.tobytes()
    assert back.summary() == model.summary() and back.config() == model.config()
    for mine, its in zip(states(model), states(back), strict=True):
        assert its.dtype == mine.dtype == model.theta.dtype and its.tobytes() == mine.tobytes()
    x = np.random.default_rng(1).uniform(size=(4, *model.input_shape))
    assert_array_equal(back.reconstruct(x), model.reconstruct(x))
    assert back.evaluate(x) == model.evaluate(x)
    save(back, tmp_path / "again.npz")
    assert (load(tmp_path / "again.npz").theta == model.theta).all()


def test_a_loaded_model_goes_on_learning(tmp_path):
    x = np.random.default_rng(1).uniform(size=(20, 7))
    back, model = load(saved(tmp_path)), make_net()
    back.fit(x, epochs=2, progress=False)
    model.fit(x, epochs=2, progress=False)
    assert_array_equal(back.theta, model.theta)


def test_the_file_needs_no_pickle(tmp_path):
    with np.load(saved(tmp_path), allow_pickle=False) as file:
        assert sorted(file.files) == ["architecture", "theta"]
        architecture = json.loads(str(file["architecture"]))
        assert file["theta"].dtype == np.float32 and file["theta"].shape == (make_net().n_params,)
    assert architecture["format"] == FORMAT_WITHOUT_STATE == 1 and architecture["input_shape"] == [7]
    assert architecture["config"]["encoder"]["layers"][0] == ["Dense", {"units": 5, "init": "glorot"}]


def test_a_file_holds_the_state_of_layers_by_their_paths(tmp_path):
    model = make_norm_net()
    save(model, tmp_path / "model.npz")
    within, behind = model.encoder.layers[1].layers[1].state, model.decoder.layers[0].state
    want = {
        "state.encoder.sequential_1.batchnorm_1.mean": within["mean"],
        "state.encoder.sequential_1.batchnorm_1.var": within["var"],
        "state.decoder.batchnorm_1.mean": behind["mean"],
        "state.decoder.batchnorm_1.var": behind["var"],
    }
    with np.load(tmp_path / "model.npz", allow_pickle=False) as file:
        assert sorted(file.files) == sorted(["architecture", "theta", *want])
        assert json.loads(str(file["architecture"]))["format"] == FORMAT_WITH_STATE == 2
        for name, array in want.items():
            assert_array_equal(file[name], array)
    assert all(np.abs(array - start).min() > 0 for array, start in zip(want.values(), (0, 1, 0, 1), strict=True))


def test_a_loaded_state_goes_on_learning(tmp_path):
    x = np.random.default_rng(1).uniform(size=(20, 7))
    model = make_norm_net()
    save(model, tmp_path / "model.npz")
    back = load(tmp_path / "model.npz")
    for net in (back, model):
        net.fit(x, epochs=2, batch_size=10, progress=False)
    assert_array_equal(back.theta, model.theta)
    assert all((mine == its).all() for mine, its in zip(states(model), states(back), strict=True))


def test_paths_may_be_text_and_of_any_suffix(tmp_path):
    save(make_net(), str(tmp_path / "model"))
    assert [p.name for p in tmp_path.iterdir()] == ["model"]
    assert_array_equal(load(str(tmp_path / "model")).theta, make_net().theta)


# --- writing


def test_a_failing_save_leaves_the_old_file(tmp_path, monkeypatch):
    path = saved(tmp_path)
    old = path.read_bytes()

    def half(file, **arrays):
        file.write(b"PK half a file")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(np, "savez", half)
    with pytest.raises(OSError, match="No space left"):
        save(make_net(seed=1), path)
    assert path.read_bytes() == old
    with pytest.raises(OSError, match="No space left"):
        save(make_net(seed=1), tmp_path / "new.npz")
    assert [p.name for p in tmp_path.iterdir()] == ["model.npz"]


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_write_atomically(tmp_path, error):
    path = tmp_path / "a.txt"
    seen = []

    def write(temporary):
        seen.append(temporary)
        assert temporary.parent == tmp_path and temporary.suffix == ".txt" and temporary != path
        assert not path.exists()
        temporary.write_text("new")

    write_atomically(path, write)
    assert path.read_text() == "new" and not seen[0].exists()
    plain = tmp_path / "plain"
    plain.touch()
    assert stat.S_IMODE(path.stat().st_mode) == stat.S_IMODE(plain.stat().st_mode)  # as open() would have made it

    def fail(temporary):
        temporary.write_text("half")
        raise error

    with pytest.raises(error):
        write_atomically(path, fail)
    assert path.read_text() == "new" and sorted(p.name for p in tmp_path.iterdir()) == ["a.txt", "plain"]


def test_writable_folder(tmp_path):
    folder = writable_folder(tmp_path / "a" / "b", "me")
    assert folder.is_dir() and not list(folder.iterdir())
    assert writable_folder(str(folder), "me") == folder
    (tmp_path / "file").touch()
    for path in (tmp_path / "file", tmp_path / "file" / "below"):
        with pytest.raises(UsageError, match=rf"me: expected a folder one can write to, got {path} \(") as caught:
            writable_folder(path, "me")
        assert "\n" not in str(caught.value)


# --- reading what is no model


def refused(path, message="load: expected"):
    with pytest.raises(UsageError, match=message) as caught:
        load(path)
    text = str(caught.value)
    assert str(path) in text and "\n" not in text


def test_no_such_file(tmp_path):
    refused(tmp_path / "none.npz", "expected a model file, got .*none.npz, which does not exist")
    refused(tmp_path, "expected a whole model file written by tinyae.save")


@pytest.mark.parametrize("make", [make_net, make_norm_net])
def test_every_truncation_is_refused(tmp_path, make):
    path = saved(tmp_path, make)
    whole = path.read_bytes()
    for n in [*range(0, len(whole), 23), *range(len(whole) - 30, len(whole))]:
        path.write_bytes(whole[:n])
        refused(path, "expected a whole model file written by tinyae.save")


@pytest.mark.parametrize("make", [make_net, make_norm_net])
def test_damage_is_refused_or_harmless(tmp_path, make):
    """Any byte changed: one clear line, or (time stamps, padding) the model that was saved."""
    path = saved(tmp_path, make)
    whole, model = path.read_bytes(), make()
    rng = np.random.default_rng(0)
    places = np.sort(rng.permutation(len(whole))[: len(whole) // 6])
    for n in places:
        damaged = bytearray(whole)
        damaged[n] ^= int(rng.integers(1, 256))
        path.write_bytes(damaged)
        try:
            back = load(path)
        except UsageError as error:
            assert str(path) in str(error) and "\n" not in str(error)
        except Exception as error:
            pytest.fail(f"byte {n} of {len(whole)} changed: {error!r} instead of a UsageError")
        else:
            assert_array_equal(back.theta, model.theta)
            assert all((mine == its).all() for mine, its in zip(states(model), states(back), strict=True))


def write_arrays(path, **arrays):
    with open(path, "wb") as file:
        np.savez(file, **arrays)


def write_array(path, array):
    with open(path, "wb") as file:
        np.save(file, array)


def pack(path, **members):
    with zipfile.ZipFile(path, "w") as file:
        for name, content in members.items():
            file.writestr(f"{name}.npy", content)


@pytest.mark.parametrize(
    "write",
    [
        pytest.param(lambda path: path.write_bytes(b""), id="empty"),
        pytest.param(lambda path: path.write_bytes(np.random.default_rng(0).bytes(5000)), id="random"),
        pytest.param(lambda path: path.write_text("loss,epoch\n1,2\n"), id="text"),
        pytest.param(lambda path: path.write_bytes(b"\x80\x04\x95 not for unpickling"), id="pickle"),
        pytest.param(lambda path: write_arrays(path, a=np.zeros(3)), id="other-npz"),
        pytest.param(lambda path: write_arrays(path, theta=np.zeros(3)), id="no-architecture"),
        pytest.param(lambda path: write_array(path, np.zeros(3)), id="npy"),
        pytest.param(lambda path: pack(path, theta=b"no array", architecture=b"no array"), id="zip"),
        pytest.param(
            lambda path: write_arrays(path, theta=np.zeros(3), architecture=np.array("{not json")), id="no-json"
        ),
        pytest.param(lambda path: write_arrays(path, theta=np.array([{}]), architecture=np.array("{}")), id="objects"),
        pytest.param(
            lambda path: write_arrays(path, theta=np.zeros(3), architecture=np.array("[" * 100_000)),
            id="json-too-deep",
        ),
    ],
)
def test_other_files_are_refused(tmp_path, write):
    path = tmp_path / "model.npz"
    write(path)
    refused(path, "expected a whole model file written by tinyae.save")
    with pytest.raises(UsageError) as caught:
        load(path)
    assert "pickle" not in str(caught.value)


def test_a_file_that_is_no_archive_is_called_so(tmp_path):
    path = tmp_path / "model.npz"
    path.write_text("loss,epoch\n1,2\n")
    refused(path, r"expected a whole model file written by tinyae.save, got .*model.npz \(it is no .npz file\)\.")
    write_arrays(path, theta=np.array([{}]), architecture=np.array("{}"))
    refused(path, r"\(it holds Python objects, which are not loaded\)\.")


def rewritten(tmp_path, theta=None, **changes):
    """A saved model whose parameters or architecture were changed."""
    path = saved(tmp_path)
    with np.load(path) as file:
        parameters, architecture = file["theta"], json.loads(str(file["architecture"]))
    architecture |= changes
    parameters = parameters if theta is None else theta(parameters)
    write_arrays(path, theta=parameters, architecture=np.array(json.dumps(architecture)))
    return path


def config(**changes):
    return {
        "encoder": {"layers": [["Dense", {"units": 3}]]},
        "decoder": {"layers": [["Dense", {"units": 7}]]},
        "loss": "mse",
    } | changes


UNKNOWN = "expected an architecture this version knows"
CHANGES = {
    "newer": ({"format": FORMAT + 1}, rf"expected format {FORMAT} or older in .*, got {FORMAT + 1}; install a newer"),
    "format-text": ({"format": "new"}, "load: expected"),
    "format-none": ({"format": None}, "load: expected"),
    "other-kind": ({"kind": "RBM"}, "expected an Autoencoder or a Sequential in .*, got something else"),
    "no-loss": ({"config": {k: v for k, v in config().items() if k != "loss"}}, UNKNOWN),
    "unknown-loss": ({"config": config(loss="hinge")}, UNKNOWN),
    "loss-list": ({"config": config(loss=["mse"])}, UNKNOWN),
    "unknown-layer": ({"config": config(encoder={"layers": [["Attention", {}]]})}, UNKNOWN),
    "unknown-setting": ({"config": config(encoder={"layers": [["Dense", {"units": 3, "bias": True}]]})}, UNKNOWN),
    "setting-list": ({"config": config(encoder={"layers": [["Dense", [3]]]})}, UNKNOWN),
    "no-layers": ({"config": config(encoder={"layers": []})}, UNKNOWN),
    "does-not-fit": ({"config": config(decoder={"layers": [["Dense", {"units": 6}]]})}, UNKNOWN),
    "config-list": ({"config": []}, UNKNOWN),
    "dtype": ({"dtype": "float33"}, UNKNOWN),
    "dtype-int": ({"dtype": "int32"}, "load: expected"),
    "shape": ({"input_shape": "wide"}, UNKNOWN),
    "shape-negative": ({"input_shape": [-7]}, UNKNOWN),
    "shape-none": ({"input_shape": None}, UNKNOWN),
    "other-size": ({"config": config()}, r"expected 52 parameters of float32 in .*, got shape \(120,\) of float32"),
    # as much memory as nobody has must not be asked for on the word of a file
    "terabytes": ({"config": config(encoder={"layers": [["Dense", {"units": 10**12}]]})}, "load: expected"),
}


@pytest.mark.parametrize("name", CHANGES)
def test_other_architectures_are_refused(tmp_path, name):
    changes, message = CHANGES[name]
    refused(rewritten(tmp_path, **changes), message)


def with_value(value):
    def change(theta):
        theta[5] = value
        return theta

    return change


@pytest.mark.parametrize(
    "theta, message",
    [
        pytest.param(with_value(np.nan), "expected finite parameters in .*, got NaN or infinity", id="nan"),
        pytest.param(with_value(np.inf), "expected finite parameters in .*, got NaN or infinity", id="infinity"),
        pytest.param(lambda t: t[:-1], r"expected 120 parameters of float32 in .*, got shape \(119,\)", id="short"),
        pytest.param(lambda t: t[:, None], r"got shape \(120, 1\) of float32", id="rank"),
        pytest.param(lambda t: t.astype(np.float64), r"got shape \(120,\) of float64", id="dtype"),
        pytest.param(lambda t: t.astype(str), r"got shape \(120,\) of <U", id="text"),
    ],
)
def test_other_parameters_are_refused(tmp_path, theta, message):
    assert make_net().n_params == 120
    refused(rewritten(tmp_path, theta=theta), message)


MEAN, VAR = (f"state.encoder.sequential_1.batchnorm_1.{name}" for name in ("mean", "var"))


@pytest.mark.parametrize(
    "change, message",
    [
        pytest.param(
            lambda arrays: arrays.pop(VAR),
            rf"expected 4 state arrays of the layers in .*, got 3; they differ in {VAR}\.$",
            id="missing",
        ),
        pytest.param(
            lambda arrays: [arrays.pop(name) for name in list(arrays) if name.startswith("state.")],
            r"expected 4 state arrays of the layers in .*, got 0; they differ in state\.decoder\.batchnorm_1\.mean, ",
            id="none",
        ),
        pytest.param(
            lambda arrays: arrays.update({"state.decoder.tanh_1.mean": np.zeros(3, np.float32)}),
            r"expected 4 state arrays of the layers in .*, got 5; they differ in state\.decoder\.tanh_1\.mean\.$",
            id="too-many",
        ),
        pytest.param(
            lambda arrays: arrays.update({MEAN: arrays[MEAN][:4]}),
            rf"expected {MEAN} of shape \(5,\) of float32 in .*, got shape \(4,\) of float32\.$",
            id="short",
        ),
        pytest.param(
            lambda arrays: arrays.update({VAR: np.float32(1)}),
            rf"expected {VAR} of shape \(5,\) of float32 in .*, got shape \(\) of float32\.$",
            id="rank",
        ),
        pytest.param(
            lambda arrays: arrays.update({VAR: arrays[VAR].astype(np.float64)}),
            rf"expected {VAR} of shape \(5,\) of float32 in .*, got shape \(5,\) of float64\.$",
            id="dtype",
        ),
        pytest.param(
            lambda arrays: arrays.update({MEAN: np.array(list("abcde"))}),
            rf"expected {MEAN} of shape \(5,\) of float32 in .*, got shape \(5,\) of <U1\.$",
            id="text",
        ),
        pytest.param(
            lambda arrays: np.put(arrays[MEAN], 2, np.nan),
            rf"expected finite numbers in {MEAN} in .*, got NaN or infinity\.$",
            id="nan",
        ),
        pytest.param(
            lambda arrays: np.put(arrays[VAR], 2, np.inf),
            rf"expected finite numbers in {VAR} in .*, got NaN or infinity\.$",
            id="infinity",
        ),
        pytest.param(
            lambda arrays: arrays.update({MEAN: np.array([{}])}), "expected a whole model file written by", id="objects"
        ),
    ],
)
def test_other_states_are_refused(tmp_path, change, message):
    path = saved(tmp_path, make_norm_net)
    with np.load(path) as file:
        arrays = {name: file[name] for name in file.files}
    change(arrays)
    write_arrays(path, **arrays)
    refused(path, message)


def test_a_state_nobody_asked_for_is_refused(tmp_path):
    path = saved(tmp_path)
    with np.load(path) as file:
        arrays = dict(file)
    write_arrays(path, **arrays, **{"state.encoder.dense_1.mean": np.zeros(5, np.float32)})
    refused(path, r"expected 0 state arrays of the layers in .*, got 1; they differ in state\.encoder\.dense_1\.mean")


def test_saving_into_no_folder_names_the_path(tmp_path):
    path = tmp_path / "missing" / "model.npz"
    with pytest.raises((OSError, UsageError), match=str(path.parent)):
        save(make_net(), path)


# --- an encoder or a decoder alone


def make_tied_net(dtype=np.float32):
    """7 -> 5 -> 3 and back through the same weights; the biases are the decoder's own, one net lies within."""
    decoder = [TiedDense(1, "tanh"), Sequential([TiedDense(0, "sigmoid")])]
    model = Autoencoder([Dense(5, "tanh"), Dense(3)], decoder, input_shape=7, dtype=dtype)
    model.theta[:] = np.random.default_rng(2).normal(size=model.theta.size)
    return model


def saved_part(tmp_path, make=make_norm_net, part="encoder"):
    path = tmp_path / "part.npz"
    save(getattr(make(), part), path)
    return path


def batch_for(net):
    return np.random.default_rng(1).uniform(size=(4, *net.input_shape))


def architecture_of(path):
    with np.load(path, allow_pickle=False) as file:
        return json.loads(str(file["architecture"]))


@pytest.mark.parametrize("part", ["encoder", "decoder"])
@pytest.mark.parametrize("name", NETS)
def test_a_part_alone_comes_back_bit_by_bit(tmp_path, name, part):
    model = NETS[name]()
    if model.theta.size:
        model.theta[:] = np.random.default_rng(0).normal(size=model.theta.size)
    net, before = getattr(model, part), model.theta.tobytes()
    save(net, tmp_path / "part.npz")
    back = load(tmp_path / "part.npz")
    assert type(back) is Sequential and back.config() == net.config() and back.preprocessing is None
    assert (back.input_shape, back.output_shape, back.n_params) == (net.input_shape, net.output_shape, net.n_params)
    assert not any(layer.training for layer in every_layer(back))
    for x in (batch_for(net), batch_for(net).astype(np.float32), batch_for(net)[:0]):
        mine, its = net.forward(x), back.forward(x)
        assert its.dtype == mine.dtype and its.tobytes() == mine.tobytes()
    for mine, its in zip(states(net), states(back), strict=True):
        assert its.dtype == mine.dtype and its.tobytes() == mine.tobytes()
    assert model.theta.tobytes() == before
    save(back, tmp_path / "again.npz")
    assert (tmp_path / "again.npz").read_bytes() == (tmp_path / "part.npz").read_bytes()


def test_images_in_and_out(tmp_path):
    model = nets.generic_conv_autoencoder((9, 8, 2), (3, 2), 2, 5)
    x = np.random.default_rng(1).uniform(size=(3, 9, 8, 2)).astype(np.float32)
    save(model.encoder, tmp_path / "encoder.npz")
    save(model.decoder, tmp_path / "decoder.npz")
    codes = load(tmp_path / "encoder.npz").forward(x)
    assert codes.shape == (3, 5) and codes.tobytes() == model.encoder.forward(x).tobytes()
    assert load(tmp_path / "decoder.npz").forward(codes).tobytes() == model.decoder.forward(codes).tobytes()


def test_a_part_in_a_file_is_a_net_of_its_own(tmp_path):
    model = make_norm_net()
    save(model.encoder, tmp_path / "part.npz")
    want = {f"state.net.sequential_1.batchnorm_1.{name}": a for name, a in states_of(model.encoder).items()}
    with np.load(tmp_path / "part.npz", allow_pickle=False) as file:
        assert sorted(file.files) == sorted(["architecture", "theta", *want])
        assert file["theta"].size == model.encoder.n_params < model.n_params
        for name, array in want.items():
            assert_array_equal(file[name], array)
    architecture = architecture_of(tmp_path / "part.npz")
    assert (architecture["format"], architecture["kind"]) == (FORMAT_ALONE, "Sequential") == (3, "Sequential")
    # what was saved does not move with the model
    code = load(tmp_path / "part.npz").forward(batch_for(model))
    model.theta[:] = 0
    assert np.abs(code).max() > 0 and not model.encoder.forward(batch_for(model)).any()  # and is the model's still


def states_of(net):
    return next(layer.state for layer in every_layer(net) if layer.state)


def test_saving_draws_no_random_numbers(tmp_path):
    model = make_norm_net()
    dropout = model.decoder.layers[1]
    before = dropout.rng.bit_generator.state
    save(model.decoder, tmp_path / "part.npz")
    save(model, tmp_path / "model.npz")
    assert dropout.rng.bit_generator.state == before


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_tied_decoder_stands_alone(tmp_path, dtype):
    model = make_tied_net(dtype)
    code = np.random.default_rng(1).normal(size=(4, 3)).astype(dtype)
    want, before = model.decoder.forward(code), model.theta.copy()
    back = load(saved_part(tmp_path, lambda: model, "decoder"))
    assert back.config() == {
        "layers": [
            ["Dense", {"units": 5, "init": "glorot", "activation": "tanh"}],
            ["Sequential", {"layers": [["Dense", {"units": 7, "init": "glorot", "activation": "sigmoid"}]]}],
        ]
    }
    one, two = back.layers[0].params, back.layers[1].layers[0].params
    for mine, source, tied in (
        (one, model.encoder.layers[1], model.decoder.layers[0]),
        (two, model.encoder.layers[0], model.decoder.layers[1].layers[0]),
    ):
        assert mine["W"].dtype == dtype
        assert_array_equal(mine["W"], source.params["W"].T)
        assert_array_equal(mine["b"], tied.params["b"])
    assert_allclose(back.forward(code), want, rtol=20 * np.finfo(dtype).eps)  # the product may add in another order
    assert_array_equal(model.theta, before)
    assert isinstance(model.decoder.layers[0], TiedDense)  # the model itself is as it was
    model.theta[:] = 0
    assert_allclose(back.forward(code), want, rtol=20 * np.finfo(dtype).eps)


def test_a_net_of_ones_own_and_one_without_parameters(tmp_path):
    for net in (Sequential([Dense(4), Tanh()], input_shape=3), Sequential([Flatten()], input_shape=(2, 3, 1))):
        save(net, tmp_path / "net.npz")
        assert_array_equal(load(tmp_path / "net.npz").forward(batch_for(net)), net.forward(batch_for(net)))


def test_what_cannot_be_saved(tmp_path):
    with pytest.raises(UsageError, match=r"save: expected an Autoencoder or a Sequential, got Dense\.$"):
        save(Dense(3).build(4), tmp_path / "a.npz")
    with pytest.raises(UsageError, match=r"save: expected a built Sequential, got one without shapes; call build"):
        save(Sequential([Dense(3)]), tmp_path / "a.npz")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("make", [make_norm_net, make_tied_net])
def test_every_truncation_of_a_part_is_refused(tmp_path, make):
    path = saved_part(tmp_path, make, "decoder")
    whole = path.read_bytes()
    for n in [*range(0, len(whole), 23), *range(len(whole) - 30, len(whole))]:
        path.write_bytes(whole[:n])
        refused(path, "expected a whole model file written by tinyae.save")


def rewritten_part(path, arrays=(), **changes):
    """The file at `path` with other arrays or another architecture."""
    with np.load(path) as file:
        kept = {name: file[name] for name in file.files}
    architecture = json.loads(str(kept.pop("architecture"))) | changes
    write_arrays(path, **(kept | dict(arrays)), architecture=np.array(json.dumps(architecture)))
    return path


@pytest.mark.parametrize(
    "arrays, changes, message",
    [
        pytest.param({"theta": np.full(68, np.nan, np.float32)}, {}, "expected finite parameters in", id="nan"),
        pytest.param(
            {"theta": np.zeros(67, np.float32)}, {}, r"expected 68 parameters of float32 .* \(67,\)", id="few"
        ),
        pytest.param({"theta": np.zeros(68)}, {}, r"expected 68 parameters of float32 .* of float64", id="float64"),
        pytest.param(
            {"state.net.sequential_1.batchnorm_1.mean": np.full(5, np.inf, np.float32)},
            {},
            r"expected finite numbers in state\.net\.sequential_1\.batchnorm_1\.mean",
            id="state-infinite",
        ),
        pytest.param(
            {"state.encoder.batchnorm_1.mean": np.zeros(5, np.float32)},
            {},
            r"expected 2 state arrays .* got 3; they differ in state\.encoder\.batchnorm_1\.mean\.$",
            id="state-more",
        ),
        pytest.param({}, {"kind": "Autoencoder"}, UNKNOWN, id="kind-autoencoder"),
        pytest.param({}, {"kind": "Dense"}, "expected an Autoencoder or a Sequential", id="kind-dense"),
        pytest.param({}, {"kind": ["Sequential"]}, "expected an Autoencoder or a Sequential", id="kind-list"),
        pytest.param({}, {"kind": None, "format": FORMAT + 1}, "install a newer tinyae", id="newer-kind"),
        pytest.param({}, {"dtype": "int32"}, UNKNOWN + r".*numbers of type int32", id="int32"),
        pytest.param({}, {"dtype": ["float32"]}, UNKNOWN, id="dtype-list"),
        pytest.param({}, {"input_shape": [8]}, r"expected 73 parameters of float32", id="wider"),
        pytest.param({}, {"input_shape": [7, 7]}, UNKNOWN + ".*put Flatten", id="images"),
        pytest.param({}, {"config": {"layers": [["TiedDense", {"source": 0}]]}}, UNKNOWN, id="tied"),
        pytest.param({}, {"config": {"layers": [["Dense", {"units": 10**12}]]}}, UNKNOWN, id="terabytes"),
        pytest.param({}, {"config": {"layers": 3}}, UNKNOWN, id="no-list"),
    ],
)
def test_other_files_of_a_part_are_refused(tmp_path, arrays, changes, message):
    path = saved_part(tmp_path)
    assert load(path).n_params == 68
    refused(rewritten_part(path, arrays, **changes), message)


def test_an_autoencoder_named_a_sequential_is_refused(tmp_path):
    refused(rewritten(tmp_path, kind="Sequential"), UNKNOWN)


# --- preprocessing, versions


PREPROCESSING = {"scale": 1 / 255, "channels": ["red", "green"], "mean": {"red": 0.5, "green": None}, "invert": True}


@pytest.mark.parametrize("preprocessing", [PREPROCESSING, "divide by 255; gray = 1 − x", [0, 1.5], 2, "", {}])
@pytest.mark.parametrize("net", [lambda model: model, lambda model: model.encoder], ids=["model", "part"])
def test_preprocessing_comes_back_as_it_is(tmp_path, net, preprocessing):
    model = net(make_net())
    assert model.preprocessing is None
    save(model, tmp_path / "a.npz", preprocessing=preprocessing)
    assert model.preprocessing is None
    back = load(tmp_path / "a.npz")
    assert back.preprocessing == preprocessing and type(back.preprocessing) is type(preprocessing)
    save(back, tmp_path / "b.npz")  # a file of a file says the same
    assert load(tmp_path / "b.npz").preprocessing == preprocessing
    save(back, tmp_path / "c.npz", preprocessing="none")
    assert load(tmp_path / "c.npz").preprocessing == "none"
    save(model, tmp_path / "d.npz")
    assert load(tmp_path / "d.npz").preprocessing is None and "preprocessing" not in architecture_of(tmp_path / "d.npz")


def endless():
    a = []
    a.append(a)
    return a


@pytest.mark.parametrize(
    "preprocessing, reason",
    [
        ({"range": (0, 1)}, "a tuple, or a key that is no text"),
        ({255: "white"}, "a tuple, or a key that is no text"),
        ({"mean": np.float32(0.5)}, "Object of type float32 is not JSON serializable"),
        ({"mean": np.zeros(3)}, "Object of type ndarray is not JSON serializable"),
        ({"scale": float("nan")}, "Out of range float values"),
        ({"scale": float("inf")}, "Out of range float values"),
        (lambda x: x / 255, "Object of type function"),
        ({(1, 2): 3}, "keys must be str"),
        (endless(), "Circular reference"),
    ],
)
def test_preprocessing_has_to_be_plain(tmp_path, preprocessing, reason):
    with pytest.raises(UsageError, match=f"save: expected preprocessing that JSON .*, got {reason}.*; use lists") as e:
        save(make_net(), tmp_path / "a.npz", preprocessing=preprocessing)
    assert "\n" not in str(e.value) and not list(tmp_path.iterdir())


def test_a_file_says_which_version_wrote_it(tmp_path):
    assert architecture_of(saved(tmp_path))["tinyae"] == tinyae.__version__
    path = rewritten(tmp_path, format=FORMAT + 1, tinyae="7.0")
    refused(path, rf"install a newer tinyae \(the file is from version 7\.0, this is {tinyae.__version__}\)\.$")


# Written before there were versions, preprocessing and nets alone; with state that is format 2, without it format 1.
OLD = """{"format": %d, "kind": "Autoencoder", "input_shape": [2], "dtype": "float32", "config": {
"encoder": {"layers": [["Dense", {"units": 1, "init": "glorot"}]%s]},
"decoder": {"layers": [["Dense", {"units": 2, "init": "glorot"}], ["Sigmoid", {}]]}, "loss": "bce"}}"""


def test_older_files_are_read(tmp_path):
    path = tmp_path / "old.npz"
    theta = np.array([1, -2, 0.5, 0.25, 0.75, 0, 1], np.float32)  # W, b of the encoder; W, b of the decoder
    write_arrays(path, theta=theta, architecture=np.array(OLD % (1, "")))
    model = load(path)
    assert_array_equal(model.encode([[3, 1]]), [[1.5]])  # 3 - 2 + 1/2
    assert model.preprocessing is None
    theta = np.insert(theta, 3, [2, 1])  # gamma, beta
    norm = {f"state.encoder.batchnorm_1.{name}": np.array([a], np.float32) for name, a in (("mean", 1), ("var", 4))}
    norm_layer = ', ["BatchNorm", {"momentum": 0.9, "eps": 1e-05}]'
    write_arrays(path, theta=theta, architecture=np.array(OLD % (2, norm_layer)), **norm)
    assert_allclose(load(path).encode([[3, 1]]), [[1.5]], rtol=1e-5)  # (3/2 - 1) / 2 * 2 + 1
