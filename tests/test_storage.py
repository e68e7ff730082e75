"""Models as files: the same bits back, nothing half-written, and one clear line for every file that is no model."""

import json
import stat
import zipfile

import numpy as np
import pytest
from numpy.testing import assert_array_equal

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
    UsageError,
    load,
    save,
)
from tinyae import architectures as nets
from tinyae.files import writable_folder, write_atomically
from tinyae.layers import BatchNorm, Crop, Dropout, Flatten, Reshape, ZeroPad
from tinyae.layers.base import every_layer
from tinyae.storage import FORMAT, FORMAT_WITHOUT_STATE


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
        assert json.loads(str(file["architecture"]))["format"] == FORMAT == 2
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
    "other-kind": ({"kind": "RBM"}, "expected an Autoencoder in .*, got something else"),
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
