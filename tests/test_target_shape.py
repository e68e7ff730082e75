"""Autoencoders whose output has another shape than their input: fitted to pairs, refused where they make no sense."""

import json

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from tinyae import Autoencoder, Conv2D, Dense, MaxPool, Sigmoid, UpSample, UsageError, load, save
from tinyae.architectures import simple_autoencoder
from tinyae.callbacks import ReconstructionFilm
from tinyae.copying import copying
from tinyae.gradcheck import assert_gradients, check_model
from tinyae.storage import FORMAT


def make_net(**settings):
    """(4, 6, 1) -> (2, 3, 2) -> (4, 6, 2)."""
    settings = {"loss": "mse", "input_shape": (4, 6, 1), "target_shape": (4, 6, 2)} | settings
    return Autoencoder([Conv2D(2, 3, activation="tanh"), MaxPool(2)], [UpSample(2), Conv2D(2, 3)], **settings)


@pytest.fixture
def pairs(rng):
    x = rng.uniform(size=(24, 4, 6, 1))
    return x, np.concatenate([x - 0.5, 0.3 * x], axis=3) + 0.01 * rng.standard_normal((24, 4, 6, 2))


def test_gradients(pairs):
    x, y = pairs
    assert_gradients(check_model(make_net(dtype=np.float64), x[:3], y[:3]))
    binary = Autoencoder([Dense(3)], [Dense(5), Sigmoid()], input_shape=7, target_shape=5, dtype=np.float64)
    assert_gradients(check_model(binary, x.reshape(-1, 24)[:3, :7], x.reshape(-1, 24)[:3, :5]))


def test_it_learns_its_pairs(pairs):
    x, y = pairs
    model = make_net()
    assert model.input_shape == (4, 6, 1) and model.output_shape == (4, 6, 2)
    before = model.evaluate(x, y)["loss"]
    history = model.fit(x, y, epochs=60, batch_size=8, optimizer="adam", validation_split=0.25, progress=False)
    after = model.evaluate(x, y)
    assert after["loss"] < 0.5 * before and set(history.baselines) == {"mean_image", "floor"}
    assert model.reconstruct(x).shape == y.shape and model.decode(model.encode(x)).shape == y.shape
    error = np.sum((model.reconstruct(x) - y) ** 2, axis=(1, 2, 3)).mean()
    assert after["squared_error"] == pytest.approx(error, rel=1e-5)
    assert after["mse_per_pixel"] == pytest.approx(error / 48, rel=1e-5)


def test_validation_data_are_pairs(pairs):
    x, y = pairs
    history = make_net().fit(x, y, epochs=1, validation_data=(x[:5], y[:5]), progress=False)
    assert np.isfinite(history["val_loss"]).all()
    with pytest.raises(UsageError, match=r"fit: validation_data: expected targets y of shape \(4, 6, 2\) a sample"):
        make_net().fit(x, y, epochs=1, validation_data=x, progress=False)


def test_without_targets_it_says_what_it_needs(pairs):
    x, y = pairs
    for call in (make_net().fit, make_net().evaluate):
        with pytest.raises(UsageError, match=r"expected targets y of shape \(4, 6, 2\) a sample, got none; this net"):
            call(x)
        with pytest.raises(UsageError, match=r"expected y of shape \(N, 4, 6, 2\), got \(24, 4, 6, 1\)"):
            call(x, x)
        with pytest.raises(UsageError, match=r"expected x of shape \(N, 4, 6, 1\), got \(24, 4, 6, 2\)"):
            call(y, y)


def test_the_decoder_has_to_end_there():
    message = r"expected the decoder to end in target_shape \(4, 6, 3\), got \(4, 6, 2\) \(4x6x1 .*2\); give the dec"
    with pytest.raises(ValueError, match=message):
        make_net(target_shape=(4, 6, 3))
    with pytest.raises(ValueError, match=r"come back to the input's shape \(4, 6, 1\), got \(4, 6, 2\)"):
        make_net(target_shape=None)
    with pytest.raises(ValueError, match=r"end in target_shape \(5,\), got \(7,\)"):
        Autoencoder([Dense(3)], [Dense(7), Sigmoid()], input_shape=7, target_shape=5)


def test_files(tmp_path, pairs):
    x, y = pairs
    model = make_net()
    save(model, tmp_path / "model.npz")
    back = load(tmp_path / "model.npz")
    assert back.output_shape == (4, 6, 2) and back.summary() == model.summary()
    assert_array_equal(back.reconstruct(x), model.reconstruct(x))
    assert back.evaluate(x, y) == model.evaluate(x, y)
    with np.load(tmp_path / "model.npz") as file:
        architecture = json.loads(str(file["architecture"]))
    assert architecture["format"] == FORMAT == 4 and architecture["config"]["target_shape"] == [4, 6, 2]


def test_a_net_of_the_usual_kind_keeps_its_format(tmp_path):
    model = simple_autoencoder(9, 4)
    assert "target_shape" not in model.config()
    save(model, tmp_path / "model.npz")
    with np.load(tmp_path / "model.npz") as file:
        assert json.loads(str(file["architecture"]))["format"] == 1
    same = Autoencoder([Dense(3)], [Dense(7), Sigmoid()], input_shape=7, target_shape=7)
    assert "target_shape" not in same.config()


def test_a_run_that_stopped_goes_on(tmp_path, pairs):
    x, y = pairs
    whole, half = make_net(), make_net()
    whole.fit(x, y, epochs=4, batch_size=8, progress=False)
    half.fit(x, y, epochs=2, batch_size=8, progress=False, checkpoint=tmp_path)
    half = make_net()
    half.fit(x, y, epochs=4, batch_size=8, progress=False, checkpoint=tmp_path)
    assert_array_equal(half.theta, whole.theta)


def test_replicas_and_copies_keep_the_shape(pairs):
    x, _ = pairs
    model = make_net()
    assert_allclose(model.astype(np.float64).reconstruct(x), model.reconstruct(x), atol=1e-5)
    assert model.replica().output_shape == (4, 6, 2)


def test_what_needs_a_reconstruction_refuses(tmp_path, pairs):
    x, y = pairs
    with pytest.raises(UsageError, match=r"copying: expected a net that gives what it takes, got one from \(4, 6, 1\)"):
        copying(make_net(), x)
    film = ReconstructionFilm(x[0], tmp_path / "film.gif")
    with pytest.raises(UsageError, match="ReconstructionFilm: expected a net that gives what it takes"):
        make_net().fit(x, y, epochs=1, callbacks=[film], progress=False)


@pytest.mark.oracle
def test_torch_gives_the_same(torch, pairs):
    x, _ = pairs
    model = make_net()
    out = model.to_torch()(torch.tensor(x, dtype=torch.float32)).detach().numpy()
    assert_allclose(out, model.reconstruct(x), atol=1e-5)
