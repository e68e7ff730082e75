"""Corruption: what each kind does to an image, and a net that is trained to undo it."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from test_checks import says

from tinyae import SGD, Autoencoder, Callback, Dense, UsageError, load, save
from tinyae.corruption import CORRUPTIONS, Gaussian, Masking, SaltAndPepper, corrupt, corruption_by_name
from tinyae.gradcases import SameNoise
from tinyae.gradcheck import assert_gradients, check_model
from tinyae.training import shards
from tinyae.training.shards import ShardedStep

SEED = st.integers(0, 2**32 - 1)
SHAPE = st.lists(st.integers(0, 5), min_size=1, max_size=4).map(tuple)
FLOATS = pytest.mark.parametrize("dtype", [np.float32, np.float64])
KINDS = [Gaussian(), Gaussian(0.2, None, None), Masking(), Masking(0.8), SaltAndPepper(), SaltAndPepper(0.5, -1, 2)]
EVERY = pytest.mark.parametrize("corruption", KINDS, ids=lambda c: f"{type(c).__name__}{tuple(c.config().values())}")


def images(shape=(400, 500), seed=0, dtype=np.float32):
    """Grey values that are neither 0 nor 1."""
    return np.random.default_rng(seed).uniform(0.1, 0.9, shape).astype(dtype)


def draw(corruption, x, seed=1):
    return corruption(x, np.random.default_rng(seed))


# --- each kind


@FLOATS
def test_gaussian_noise_has_its_deviation(dtype):
    x = images(dtype=dtype)
    noise = draw(Gaussian(0.3, None, None), x) - x
    assert noise.mean() == pytest.approx(0, abs=0.003) and noise.std() == pytest.approx(0.3, rel=0.01)
    assert np.mean(np.abs(noise) < 0.3) == pytest.approx(0.6827, abs=0.005)  # normal, not only of that deviation
    assert np.mean(np.abs(noise) < 0.6) == pytest.approx(0.9545, abs=0.003)
    assert np.corrcoef(noise[:100])[np.triu_indices(100, 1)].std() == pytest.approx(1 / math.sqrt(500), rel=0.1)


@pytest.mark.parametrize("low, high", [(0, 1), (0, None), (None, 1), (-0.5, 0.25), (None, None)])
def test_gaussian_noise_is_cut_to_its_range(low, high):
    x = images()
    free, cut = draw(Gaussian(0.5, None, None), x), draw(Gaussian(0.5, low, high), x)
    assert_array_equal(cut, np.clip(free, -9 if low is None else np.float32(low), 9 if high is None else high))
    assert free.min() < -1 and free.max() > 2


@FLOATS
@given(st.floats(0, 1), SEED)
def test_masking_sets_a_share_to_0_and_leaves_the_rest(dtype, share, seed):
    x = images((50, 40), dtype=dtype)
    noisy = draw(Masking(share), x, seed)
    off = noisy == 0
    assert_array_equal(noisy, np.where(off, 0, x))
    assert off.mean() == pytest.approx(share, abs=5 * math.sqrt(share * (1 - share) / x.size) + 1e-12)


@FLOATS
@given(st.floats(0, 1), SEED, st.sampled_from([(0.0, 1.0), (-1.0, 2.0), (0.05, 0.95), (-2.0, 0.0)]))
def test_salt_and_pepper_in_equal_parts(dtype, share, seed, ends):
    x = images((50, 40), dtype=dtype)
    low, high = ends
    noisy = draw(SaltAndPepper(share, low, high), x, seed)
    pepper, salt = noisy == dtype(low), noisy == dtype(high)
    assert_array_equal(noisy, np.where(pepper, dtype(low), np.where(salt, dtype(high), x)))
    half = share / 2
    for part in (pepper, salt):
        assert part.mean() == pytest.approx(half, abs=5 * math.sqrt(half * (1 - half) / x.size) + 1e-12)


def test_no_noise_at_strength_0_and_nothing_left_at_1():
    x = images((20, 30))
    for corruption in (Gaussian(0), Masking(0), SaltAndPepper(0)):
        assert_array_equal(draw(corruption, x), x)
    assert not draw(Masking(1), x).any()
    assert set(np.unique(draw(SaltAndPepper(1), x))) == {0, 1}


def test_images_are_corrupted_each_by_itself():
    x = np.full((200, 6, 7, 1), 0.5, np.float32)
    for corruption in (Masking(0.5), SaltAndPepper(0.5), Gaussian(0.5)):
        noisy = draw(corruption, x)
        assert len({image.tobytes() for image in noisy}) == 200
        assert len({noisy[:, i, j].tobytes() for i in range(6) for j in range(7)}) == 42  # nor pixel by pixel alike


@EVERY
@given(SHAPE, SEED)
def test_shape_and_type_stay_and_the_input_too(corruption, shape, seed):
    for dtype in (np.float32, np.float64):
        x = images(shape, seed, dtype)
        kept = x.copy()
        noisy = corrupt(corruption, x, np.random.default_rng(seed))
        assert noisy.shape == shape and noisy.dtype == dtype and noisy.flags.c_contiguous and noisy.flags.writeable
        assert not np.may_share_memory(noisy, x)
        assert_array_equal(x, kept)
        assert_array_equal(corrupt(corruption, x, np.random.default_rng(seed)), noisy)  # all by the generator


@EVERY
def test_the_generator_moves_on(corruption):
    x, rng = images((5, 40)), np.random.default_rng(0)
    one, two = corruption(x, rng), corruption(x, rng)
    assert (one != two).any() and (one != draw(corruption, x, 2)).any()


@EVERY
def test_float32_and_float64_have_the_same_noise(corruption):
    x = images((20, 30))
    assert_allclose(draw(corruption, x), draw(corruption, x.astype(np.float64)), rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize(
    "make, text",
    [
        (lambda: Gaussian(-0.1), "Gaussian: expected sigma in [0, inf), got -0.1."),
        (lambda: Gaussian("much"), "Gaussian: expected sigma in [0, inf), got 'much'."),
        (lambda: Gaussian(0.1, "black"), "Gaussian: expected low in [-inf, inf], got 'black'."),
        (lambda: Gaussian(0.1, 0, np.nan), "Gaussian: expected high in [-inf, inf], got nan."),
        (lambda: Gaussian(0.1, 1, 0), "Gaussian: expected low below high, got 1 and 0."),
        (lambda: Masking(1.1), "Masking: expected share in [0, 1], got 1.1."),
        (lambda: Masking(None), "Masking: expected share in [0, 1], got None."),
        (lambda: SaltAndPepper(-1), "SaltAndPepper: expected share in [0, 1], got -1."),
        (lambda: SaltAndPepper(0.5, 1, 1), "SaltAndPepper: expected low below high, got 1 and 1."),
        (lambda: SaltAndPepper(high=None), "SaltAndPepper: expected numbers for low and high, got 0.0 and None."),
    ],
)
def test_wrong_settings(make, text):
    with says(text):
        make()


# --- by name, by class, by function


def test_names_classes_and_functions():
    def mine(x, rng):
        return x + 1

    class Empty:
        """As a list of transforms may be: callable, and of length 0."""

        def __len__(self):
            return 0

        def __call__(self, x, rng):
            return x + 1

    own = Masking(0.7)
    assert corruption_by_name("me", None) is None
    for name, kind in {"gaussian": Gaussian, "masking": Masking, "salt-and-pepper": SaltAndPepper}.items():
        assert CORRUPTIONS[name] is kind
        for given_as in (name, kind):
            made = corruption_by_name("me", given_as)
            assert type(made) is kind and made.config() == kind().config()
    assert corruption_by_name("me", own) is own and corruption_by_name("me", mine) is mine
    model = net(Empty())
    model.set_training(True)
    model.before_output(rows())
    assert_array_equal(model.x, rows() + 1)


@pytest.mark.parametrize(
    "corruption, hint",
    [
        ("gausian", " (did you mean 'gaussian'?)"),
        ("Masking", " (did you mean 'masking'?)"),
        (0.5, ""),
        (["gaussian"], ""),
    ],
)
def test_others_are_refused(corruption, hint):
    with pytest.raises(UsageError) as caught:
        net(corruption)
    assert str(caught.value).startswith(
        "Autoencoder: expected corruption to be one of gaussian, masking, salt-and-pepper, got "
    )
    assert hint in str(caught.value)


@pytest.mark.parametrize(
    "function, message",
    [
        pytest.param(
            lambda x, rng: x, "corruption: expected a new array, got x itself; return a changed copy.", id="x"
        ),
        pytest.param(lambda x, rng: x[::-1], "corruption: expected a new array, got x itself", id="view"),
        pytest.param(
            lambda x, rng: x[:, 1:] + 1, r"expected the corrupted x of shape \(24, 7\), got \(24, 6\)", id="cut"
        ),
        pytest.param(lambda x, rng: None, r"expected the corrupted x of shape \(24, 7\), got \(\)", id="none"),
        pytest.param(
            lambda x, rng: x / 0 * 0, "corruption: expected finite numbers in the corrupted x, got 168", id="nan"
        ),
        pytest.param(lambda x, rng: np.multiply(x, 2, out=x), "read-only", id="in-place"),
    ],
)
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_a_function_gives_a_new_array_of_the_same_shape(function, message):
    x = rows()
    kept = x.copy()
    with pytest.raises(ValueError, match=message):
        corrupt(function, x, np.random.default_rng(0))
    with pytest.raises(ValueError, match=message):
        fit(net(function), x, batch_size=24)
    with pytest.raises(ValueError, match=message):
        fit(net(function), rows(8), validation_data=x)
    assert_array_equal(x, kept)


def test_what_a_function_gives_takes_the_nets_form():
    x = rows()
    for function in (
        lambda x, rng: x > 0.5,
        lambda x, rng: x.astype(np.float64) / 3,
        lambda x, rng: np.asfortranarray(x + 1),
        lambda x, rng: (x + 1).tolist(),
    ):
        noisy = corrupt(function, x, None)
        assert noisy.dtype == np.float32 and noisy.flags.c_contiguous
        assert_allclose(noisy, np.asarray(function(x, None), np.float32))


# --- nets


def net(corruption=None, dtype=np.float32, seed=0):
    """7 -> 5 -> 7."""
    return Autoencoder(
        [Dense(5, "tanh")], [Dense(7, "sigmoid")], input_shape=7, dtype=dtype, seed=seed, corruption=corruption
    )


def rows(n=24, seed=0, dtype=np.float32):
    return np.random.default_rng(seed).uniform(size=(n, 7)).astype(dtype)


def fit(model, x=None, y=None, **settings):
    settings = {"epochs": 2, "batch_size": 8, "progress": False, "threads": 1} | settings
    return model.fit(rows() if x is None else x, y, **settings)


def halved(x, rng):
    """A corruption without chance, so that all else can be worked out."""
    return x / 2


class Watch:
    """Masking that remembers what it was given and what it gave."""

    def __init__(self):
        self.seen, self.given = [], []

    def __call__(self, x, rng):
        self.seen.append(x.copy())
        self.given.append(Masking(0.4)(x, rng))
        return self.given[-1]


@pytest.fixture
def share_small_work(monkeypatch):
    """Nets as small as these would run on one thread whatever one asks for."""
    monkeypatch.setattr(shards, "SMALLEST_SHARED_WORK", 0)


def test_the_net_sees_noise_and_is_asked_for_the_clean_image():
    model, plain, x = net("masking", np.float64), net(None, np.float64), rows(dtype=np.float64)
    noisy = Masking()(x, SameNoise())
    model.set_training(True)
    model.reseed(SameNoise())
    assert (noisy == 0).any()
    assert model.loss_and_gradient(x) == plain.loss_and_gradient(noisy, x) == model.loss_value(x)
    assert_array_equal(model.gradient, plain.gradient)
    y = rows(seed=1, dtype=np.float64)
    assert model.loss_and_gradient(x, y) == plain.loss_and_gradient(noisy, y)
    assert_array_equal(model.gradient, plain.gradient)


@pytest.mark.parametrize("corruption", CORRUPTIONS)
def test_gradients_with_the_noise_held(corruption):
    model = net(corruption, np.float64)
    model.set_training(True)
    model.reseed(SameNoise())
    assert assert_gradients(check_model(model, rows(5, dtype=np.float64))) <= 1e-6


@pytest.mark.parametrize("threads", [1, 2, 3])
@pytest.mark.parametrize("separate", [False, True], ids=["itself", "separate-target"])
def test_fit_takes_the_gradient_at_the_noisy_image_for_the_clean_one(threads, separate, share_small_work):
    x = rows(dtype=np.float64)
    y = rows(seed=1, dtype=np.float64) if separate else None
    model, plain = net(halved, np.float64), net(None, np.float64)
    history = fit(model, x, y, epochs=1, batch_size=24, optimizer=SGD(0.1), threads=threads)
    assert history["loss"] == [pytest.approx(plain.loss_and_gradient(x / 2, x if y is None else y), rel=1e-12)]
    assert_allclose(model.theta, plain.theta - 0.1 * plain.gradient, rtol=1e-12)


def test_noise_is_fresh_every_time():
    watch = Watch()
    fit(net(watch), rows(16), epochs=3, shuffle=False)  # the same two batches in every epoch
    assert len(watch.given) == 6
    for x, again in zip(watch.seen[:2], watch.seen[2:4], strict=True):
        assert_array_equal(x, again)  # clean ones go in
    assert len({noisy.tobytes() for noisy in watch.given}) == 6


def test_every_worker_has_noise_of_its_own(share_small_work, monkeypatch):
    noise, call = [], ShardedStep.__call__

    def spy(self, x, y, rows):
        loss = call(self, x, y, rows)
        noise.extend((replica.x == 0).tobytes() for replica in self.replicas)
        return loss

    monkeypatch.setattr(ShardedStep, "__call__", spy)
    fit(net(Masking(0.5)), threads=2, epochs=3, batch_size=24, shuffle=False)
    assert len(noise) == len(set(noise)) == 6


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("corruption", CORRUPTIONS)
def test_same_seed_and_threads_give_the_same_bits(corruption, threads, share_small_work):
    def train(seed, **settings):
        model = net(corruption)
        history = fit(model, threads=threads, seed=seed, validation_split=0.25, **settings)
        return model.theta, history["loss"], history["val_loss"]

    (one, *series), (two, *again), (other, *_) = train(3), train(3), train(4)
    assert_array_equal(one, two)
    assert series == again
    assert (one != other).any()


def test_corruption_does_not_change_the_order_of_the_data():
    states = []
    for model in (net(), net("masking")):
        rng = np.random.default_rng(5)
        fit(model, seed=rng, validation_split=0.25)
        states.append(rng.bit_generator.state)
    assert states[0] == states[1]


# --- validation and use


class Grab(Callback):
    """Keeps the run, and puts the parameters back where they were."""

    def on_train_begin(self, run):
        self.run, self.theta = run, run.model.theta.copy()

    def on_batch_end(self, run, loss):
        run.model.theta[:] = self.theta


def test_validation_data_get_their_noise_once():
    watch, grab, held = Watch(), Grab(), rows(9, seed=2)
    history = fit(net(watch), rows(16), epochs=4, validation_data=held, callbacks=[grab])
    assert [len(x) for x in watch.seen] == [9] + [8] * 8  # once for all, before training
    noisy, clean = grab.run.validation
    assert_array_equal(watch.given[0], noisy)
    assert_array_equal(clean, held)
    assert_array_equal(noisy, np.where(noisy == 0, 0, clean))
    assert 0.2 < np.mean(noisy == 0) < 0.6
    assert len(set(history["val_loss"])) == 1  # the same net: the same bits
    assert history["val_loss"][0] == pytest.approx(net().loss_value(noisy, clean), rel=1e-6)
    assert len(set(history["loss"])) == 4  # where every epoch has noise of its own


def test_the_seed_draws_the_noise_of_validation_data():
    def noisy(seed, **settings):
        grab = Grab()
        fit(net("gaussian"), seed=seed, callbacks=[grab], **settings)
        return grab.run.validation[0]

    for settings in ({"validation_split": 0.25}, {"validation_data": rows(9, seed=2)}):
        assert_array_equal(noisy(1, **settings), noisy(1, **settings))
        assert (noisy(1, **settings) != noisy(2, **settings)).any()


def test_validation_pairs_keep_their_targets():
    grab, x, y = Grab(), rows(9, seed=2), rows(9, seed=3)
    fit(net(halved), rows(), rows(seed=1), validation_data=(x, y), callbacks=[grab])
    assert_array_equal(grab.run.validation[0], x / 2)
    assert_array_equal(grab.run.validation[1], y)
    fit(net(halved), rows(), rows(seed=1), validation_split=0.25, callbacks=[grab])
    noisy, clean = grab.run.validation
    places = [int(np.flatnonzero((rows() / 2 == row).all(axis=1))[0]) for row in noisy]
    assert_array_equal(clean, rows(seed=1)[places])


def test_a_net_in_use_sees_no_noise():
    model, plain, x = net("gaussian"), net(), rows()
    for _ in range(2):
        assert_array_equal(model.encode(x), plain.encode(x))
        assert_array_equal(model.reconstruct(x), plain.reconstruct(x))
        assert_array_equal(model.forward(x), plain.forward(x))
        assert model.evaluate(x) == plain.evaluate(x) and model.loss_value(x) == plain.loss_value(x)
        fit(model, validation_split=0.25)
        plain.theta[:] = model.theta


def test_noisy_pairs_of_ones_own_need_no_corruption():
    x = rows(dtype=np.float64)
    one, two = net(halved, np.float64), net(None, np.float64)
    fit(one, x)
    fit(two, x / 2, x)
    assert_allclose(one.theta, two.theta, rtol=1e-12)


def test_a_net_learns_to_fill_in():
    x = np.repeat(np.random.default_rng(0).integers(0, 2, (300, 1)), 7, axis=1).astype(np.float32)  # all on, all off
    model, plain = net(Masking(0.5)), net()
    for one in (model, plain):
        fit(one, x, epochs=60, batch_size=20, optimizer="adam")
    noisy = Masking(0.5)(x, np.random.default_rng(1))
    assert model.evaluate(noisy, x)["loss"] < 0.5 * plain.evaluate(noisy, x)["loss"]


# --- copies and files


def test_copies_keep_the_corruption_and_draw_their_own_noise():
    model, x = net(Masking(0.5)), rows()
    model.set_training(True)
    seen, twins = [], (model.replica(), model.replica(), model.astype(np.float64), model)
    for twin in twins:
        twin.before_output(x)
        assert twin.corruption is model.corruption
        seen.append((twin.x == 0).tobytes())
    assert len(set(seen)) == 4
    assert len({id(twin.rng) for twin in twins}) == 4  # two threads at one generator: a race


@pytest.mark.parametrize("corruption", [Gaussian(0.2, None, 3), Masking(0.6), SaltAndPepper(0.2, -1, 1)])
def test_files_keep_a_corruption_of_tinyaes(tmp_path, corruption):
    model = net(corruption)
    save(model, tmp_path / "model.npz")
    back = load(tmp_path / "model.npz")
    assert type(back.corruption) is type(corruption) and back.corruption.config() == corruption.config()
    one, two = fit(back, validation_split=0.25), fit(model, validation_split=0.25)
    assert one["loss"] == two["loss"] and one["val_loss"] == two["val_loss"]


def test_files_keep_numpys_numbers_as_numbers(tmp_path):
    save(net(Gaussian(np.float32(0.5), np.float32(0), np.int64(1))), tmp_path / "model.npz")
    assert load(tmp_path / "model.npz").corruption.config() == {"sigma": 0.5, "low": 0.0, "high": 1.0}


def test_files_do_not_keep_a_function(tmp_path):
    class Mine(Masking):
        """A class of one's own is not known where the file is read."""

    for corruption in (halved, Mine(0.5), None):
        save(net(corruption), tmp_path / "model.npz")
        assert load(tmp_path / "model.npz").corruption is None
    assert "corruption" not in net(halved).config()
