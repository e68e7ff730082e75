"""The training loop: shards, determinism, callbacks, early stopping, divergence, history, progress bars."""

import csv

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from tinyae import SGD, Adam, Autoencoder, Cosine, Dense, Nadam, RMSprop, Sigmoid, Tanh, UsageError
from tinyae.architectures import dense_autoencoder
from tinyae.gradcases import SameNoise
from tinyae.gradcheck import assert_gradients, check_model
from tinyae.layers import BatchNorm, Dropout, Sequential
from tinyae.layers.base import every_layer
from tinyae.layers.flat import named_views
from tinyae.training import Callback, EarlyStopping, History, TrainingDivergedError, loop, shards
from tinyae.training.loop import explain_divergence
from tinyae.training.shards import ShardedStep, noise_generators, worker_count
from tinyae.training.threads import Team

quiet_numpy = pytest.mark.filterwarnings("ignore::RuntimeWarning")


@pytest.fixture
def share_small_work(monkeypatch):
    """Nets as small as these would run on one thread whatever one asks for."""
    monkeypatch.setattr(shards, "SMALLEST_SHARED_WORK", 0)


def make_net(loss="bce", output="sigmoid", dtype=np.float32):
    return dense_autoencoder(
        7, (5, 4), 3, hidden_activation="tanh", code_activation="linear", output_activation=output, loss=loss
    ).astype(dtype)


def make_rows(n=40, seed=0, dtype=np.float32):
    return np.random.default_rng(seed).uniform(size=(n, 7)).astype(dtype)


def fit(model, x=None, **settings):
    settings = {"epochs": 3, "batch_size": 8, "progress": False, "threads": 1} | settings
    return model.fit(make_rows() if x is None else x, **settings)


# --- shards


@pytest.mark.parametrize("threads", [1, 2, 3])
@pytest.mark.parametrize("batch", [1, 2, 17])
@pytest.mark.parametrize("separate", [False, True], ids=["itself", "separate-target"])
@pytest.mark.parametrize("loss, output", [("bce", "sigmoid"), ("mse", "sigmoid")])
def test_sum_of_the_shards_is_the_gradient_of_the_batch(threads, batch, separate, loss, output):
    model = make_net(loss, output, np.float64)
    x = make_rows(dtype=np.float64)
    y = make_rows(seed=1, dtype=np.float64) if separate else x
    order = np.random.default_rng(2).permutation(len(x))
    with Team(threads) as team:
        step = ShardedStep(model, SGD(lr=0.1), team, total_steps=2)
        step.gradient(x, y, order[20:])  # fills every vector with what must not stay there
        rows = order[:batch]
        step.gradient(x, y, rows)
        shards, losses = step.grads.sum(axis=0), step._parts.sum()
        expected = model.loss_and_gradient(x[rows], y[rows])
        assert_allclose(shards, model.gradient, rtol=1e-10, atol=1e-13)
        assert losses == pytest.approx(expected, rel=1e-12)
        kept = model.theta.copy()
        assert step(x, y, rows) == pytest.approx(expected, rel=1e-12)
        assert_allclose(model.theta, kept - 0.1 * model.gradient, rtol=1e-10, atol=1e-13)


@pytest.mark.parametrize(
    "make_optimizer",
    [lambda: SGD(0.1, momentum=0.9, nesterov=True, weight_decay=0.01), RMSprop, Adam, Nadam],
    ids=["sgd", "rmsprop", "adam", "nadam"],
)
def test_threads_share_an_update_without_changing_it(share_small_work, make_optimizer):
    x = make_rows(dtype=np.float64)
    nets = [make_net(dtype=np.float64) for _ in range(3)]
    for threads, net in enumerate(nets, 1):
        fit(net, x, optimizer=make_optimizer(), threads=threads)
    assert_allclose(nets[1].theta, nets[0].theta, rtol=1e-7, atol=1e-10)
    assert_allclose(nets[2].theta, nets[0].theta, rtol=1e-7, atol=1e-10)


def test_evaluate_is_the_mean_over_the_images(monkeypatch):
    monkeypatch.setattr(shards, "rows_at_once", lambda model, otherwise=10: 10)
    model, x, y = make_net(), make_rows(53), make_rows(53, seed=1)
    for threads in (1, 3):
        with Team(threads) as team:
            step = ShardedStep(model, SGD(), team, total_steps=1)
            assert step.evaluate(x, y).sum() == pytest.approx(model.loss_value(x, y), rel=1e-6)


# --- the same bits


@pytest.mark.parametrize("threads", [1, 2])
def test_same_seed_and_threads_give_the_same_bits(share_small_work, threads):
    def train(seed):
        model = make_net()
        history = fit(model, threads=threads, seed=seed, validation_split=0.2)
        return model.theta, history["loss"], history["val_loss"]

    (one, *series), (two, *series_again), (other, *_) = train(3), train(3), train(4)
    assert_array_equal(one, two)
    assert series == series_again
    assert (one != other).any()


def test_a_generator_will_do_for_a_seed():
    one, two = make_net(), make_net()
    fit(one, seed=3)
    fit(two, seed=np.random.default_rng(3))
    assert_array_equal(one.theta, two.theta)


def test_global_random_numbers_have_no_say():
    kept = np.random.get_state()[1].copy()
    fit(make_net(), validation_split=0.2)
    assert_array_equal(np.random.get_state()[1], kept)


def rows_taken(monkeypatch, n=23, **settings):
    taken = []
    call = ShardedStep.__call__

    def spy(self, x, y, rows):
        taken.append(np.array(rows))
        return call(self, x, y, rows)

    monkeypatch.setattr(ShardedStep, "__call__", spy)
    fit(make_net(), make_rows(n), epochs=2, batch_size=10, **settings)
    return taken


def test_every_epoch_takes_every_row_once_in_a_new_order(monkeypatch):
    taken = rows_taken(monkeypatch)
    assert [len(rows) for rows in taken] == [10, 10, 3] * 2
    epochs = [np.concatenate(taken[:3]), np.concatenate(taken[3:])]
    for order in epochs:
        assert_array_equal(np.sort(order), np.arange(23))
    assert (epochs[0] != epochs[1]).any() and (epochs[0] != np.arange(23)).any()


def test_without_shuffling_rows_come_as_they_lie(monkeypatch):
    assert_array_equal(np.concatenate(rows_taken(monkeypatch, shuffle=False)), np.tile(np.arange(23), 2))


def test_schedules_see_all_steps():
    schedule = Cosine(0.1, final=0.1)
    history = fit(make_net(), optimizer=Adam(lr=schedule), epochs=4, batch_size=8)  # 5 steps an epoch
    assert history["lr"] == pytest.approx([schedule(5 * epoch - 1, 20) for epoch in (1, 2, 3, 4)])


# --- noise, and layers that learn from the batch


def net_with(*layers, seed=0, dtype=np.float32):
    """7 -> 5 -> 3 -> 7 with `layers` behind the first Dense."""
    encoder, decoder = [Dense(5), Sequential([Tanh(), *layers]), Dense(3)], [Dense(7), Sigmoid()]
    return Autoencoder(encoder, decoder, input_shape=7, seed=seed, dtype=dtype)


class Watch(Tanh):
    """Remembers, for every forward of it and its replicas, whether it was in training."""

    def __init__(self):
        super().__init__()
        self.seen = []

    def forward(self, x):
        self.seen.append(self.training)
        return super().forward(x)


def in_training(model):
    return {layer.training for layer in every_layer(model)}


@pytest.mark.parametrize("before", [False, True])
def test_replicas_train_and_the_model_does_not(before):
    watch = Watch()
    model = net_with(watch)
    model.set_training(before)

    class Look(Callback):
        def on_batch_end(self, run, loss):
            assert in_training(run.model) == {False}

        def on_epoch_end(self, run, row):
            assert row["val_loss"] == pytest.approx(run.model.evaluate(make_rows(5))["loss"], rel=1e-6)
            assert watch.seen.pop() is False

    fit(model, make_rows(16), epochs=2, validation_data=make_rows(5), callbacks=[Look()])
    assert watch.seen == [True, True, False] * 2 and in_training(model) == {False}


def test_evaluate_goes_back_to_training_after_an_error_too():
    with Team(2) as team:
        step = ShardedStep(net_with(Dropout(0.5)), SGD(), team, total_steps=1)
        assert [in_training(replica) for replica in step.replicas] == [{True}, {True}]
        assert_array_equal(step.evaluate(make_rows(), make_rows()), step.evaluate(make_rows(), make_rows()))  # no noise
        with pytest.raises(ValueError):
            step.evaluate(make_rows()[:, :6], make_rows())
        assert [in_training(replica) for replica in step.replicas] == [{True}, {True}]


@pytest.mark.parametrize("threads", [1, 2])
def test_noise_is_the_same_bits_for_the_same_seed(share_small_work, threads):
    def train(seed):
        model = net_with(Dropout(0.3))
        history = fit(model, threads=threads, seed=seed, validation_split=0.2)
        return model.theta, history["loss"], history["val_loss"]

    (one, *series), (two, *series_again), (other, *_) = train(3), train(3), train(np.random.default_rng(4))
    assert_array_equal(one, two)
    assert series == series_again
    assert (one != other).any()


def test_every_worker_and_every_epoch_has_noise_of_its_own(share_small_work, monkeypatch):
    masks, call = [], ShardedStep.__call__

    def spy(self, x, y, rows):
        loss = call(self, x, y, rows)
        masks.extend(replica.encoder.layers[1].layers[1].mask.copy() for replica in self.replicas)
        return loss

    monkeypatch.setattr(ShardedStep, "__call__", spy)
    fit(net_with(Dropout(0.5)), threads=2, epochs=3, batch_size=40, shuffle=False)  # the same rows in every epoch
    assert len(masks) == 2 * 3 and len({mask.tobytes() for mask in masks}) == 6
    assert all(mask.shape == (20, 5) and 0.3 < np.mean(mask == 0) < 0.7 for mask in masks)


def test_the_seed_draws_the_noise():
    one, same, other = (fit(net_with(Dropout(0.3)), seed=seed, shuffle=False)["loss"] for seed in (1, 1, 2))
    assert one == same and one != other  # all else is the same: rows in order, one net


def test_noise_does_not_change_the_order_of_the_data(monkeypatch):
    taken, call = [], ShardedStep.__call__

    def spy(self, x, y, rows):
        taken.append(np.array(rows))
        return call(self, x, y, rows)

    monkeypatch.setattr(ShardedStep, "__call__", spy)
    states = []
    for model in (net_with(), net_with(Dropout(0.3))):
        rng = np.random.default_rng(5)
        fit(model, seed=rng, validation_split=0.25)
        states.append(rng.bit_generator.state)
    half = len(taken) // 2
    assert states[0] == states[1] and half == 3 * 4
    for one, two in zip(taken[:half], taken[half:], strict=True):
        assert_array_equal(one, two)


def test_a_net_without_noise_is_trained_as_if_there_were_none(monkeypatch):
    one, two = make_net(), make_net()
    fit(one)
    monkeypatch.setattr(shards, "noise_generators", lambda rng, epoch, n: [None] * n)
    fit(two)
    assert_array_equal(one.theta, two.theta)


class Fixed(np.random.bit_generator.ISeedSequence):
    """A seed sequence that cannot spawn."""

    def generate_state(self, n_words, dtype=np.uint32):
        return np.arange(7, 7 + n_words, dtype=dtype)


@pytest.mark.parametrize(
    "make",
    [
        pytest.param(lambda: np.random.default_rng(3), id="default"),
        pytest.param(lambda: np.random.Generator(np.random.MT19937(3)), id="mt19937"),
        pytest.param(lambda: np.random.Generator(np.random.PCG64(Fixed())), id="cannot-spawn"),
    ],
)
def test_noise_generators(make):
    def draws(rng, epoch, n):
        return [noise.random(4).tolist() for noise in noise_generators(rng, epoch, n)]

    rng, untouched = make(), make()
    first = draws(rng, 1, 3)
    assert first == draws(rng, 1, 3) == draws(make(), 1, 3)  # asking changes nothing
    assert len({tuple(numbers) for numbers in first + draws(rng, 2, 3)}) == 6
    assert_array_equal(rng.random(9), untouched.random(9))
    assert draws(rng, 1, 3) != first  # the generator has moved on, and so has its noise
    with Team(2) as team:
        ShardedStep(net_with(Dropout(0.3)), SGD(), team, total_steps=1).reseed(make(), 1)


def test_noise_hangs_on_the_generators_state_alone():
    """A generator restored from a saved state makes the noise of the saved one."""
    rng, restored = np.random.default_rng(3), np.random.default_rng(99)
    rng.random(10)
    restored.bit_generator.state = rng.bit_generator.state
    one, two = (fit(net_with(Dropout(0.3)), seed=seed)["loss"] for seed in (rng, restored))
    assert one == two


def test_a_batch_is_not_cut_where_its_samples_are_coupled(share_small_work):
    assert worker_count(net_with(Dropout(0.3)), 8, threads=2) == 2
    assert worker_count(net_with(BatchNorm()), 8, threads=2) == 1  # however deep it sits
    assert worker_count(net_with(BatchNorm()), 8, threads=2, training=False) == 2
    one, two = net_with(BatchNorm()), net_with(BatchNorm())
    assert fit(one, threads=1)["loss"] == fit(two, threads=2)["loss"]
    assert_array_equal(one.theta, two.theta)


def test_batch_norm_learns_by_the_batch_and_is_used_by_what_it_has_seen():
    norm, x = BatchNorm(momentum=0.5), make_rows(dtype=np.float64)
    model = net_with(norm, dtype=np.float64)
    mine = model.astype(np.float64)
    history = fit(model, x, epochs=1, batch_size=40, validation_data=x[:9], optimizer=SGD(lr=0.1))
    mine.set_training(True)
    assert history["loss"] == [pytest.approx(mine.loss_and_gradient(x), rel=1e-10)]
    theta = mine.theta - 0.1 * mine.gradient
    assert_allclose(model.theta, theta, rtol=1e-7, atol=1e-10)
    for name, array in mine.encoder.layers[1].layers[1].state.items():
        assert_allclose(norm.state[name], array, rtol=1e-8)
        assert np.abs(array - BatchNorm().build(5).state[name]).min() > 1e-3  # it has learned something
    assert history["val_loss"] == [pytest.approx(model.evaluate(x[:9])["loss"], rel=1e-10)]
    kept = {name: array.copy() for name, array in norm.state.items()}
    model.reconstruct(x)
    model.evaluate(x)
    for name in kept:
        assert_array_equal(norm.state[name], kept[name])


def test_astype_gives_the_copy_statistics_of_its_own():
    model = net_with(norm := BatchNorm())
    twin = model.astype(np.float64)
    (array,) = (layer.state["mean"] for layer in every_layer(twin) if layer.state)
    array += 1
    assert norm.state["mean"].tolist() == [0] * 5 and array.dtype == np.float64
    assert norm.state["mean"].dtype == np.float32


def test_gradients_of_a_net_in_training():
    model = net_with(BatchNorm(), Dropout(0.3), dtype=np.float64)
    model.set_training(True)
    model.reseed(SameNoise())
    model.theta[:] = np.random.default_rng(1).normal(size=model.theta.size)
    differences = check_model(model, make_rows(6, dtype=np.float64))
    assert assert_gradients(differences) <= 1e-6


def test_a_last_batch_of_one_sample_has_no_variance():
    with pytest.raises(UsageError, match=r"BatchNorm: expected at least 2 .*, got 1 .*; choose a batch size that"):
        fit(net_with(BatchNorm()), make_rows(17), batch_size=8)


@quiet_numpy
@pytest.mark.parametrize("make_layer", [BatchNorm, lambda: Dropout(0.5)])
def test_divergence_with_noise_and_statistics(make_layer):
    model = net_with(make_layer())
    named_views(model, model.theta)["encoder.dense_1.b"][2] = np.nan
    with pytest.raises(TrainingDivergedError, match=r"epoch 1, batch 1: layer encoder\.dense_1 gives it first"):
        fit(model)
    assert in_training(model) == {False}


# --- callbacks


class Log(Callback):
    """What was called, in order."""

    def __init__(self):
        self.calls = []

    def on_train_begin(self, run):
        self.calls.append(("begin", run.epoch, run.epochs))

    def on_batch_end(self, run, loss):
        self.calls.append(("batch", run.epoch, loss))

    def on_epoch_end(self, run, row):
        self.calls.append(("epoch", row["epoch"], row["loss"]))

    def on_train_end(self, run):
        self.calls.append(("end", run.epoch, len(run.history)))


def test_callbacks_are_called_in_order():
    log = Log()
    history = fit(make_net(), make_rows(20), epochs=2, batch_size=8, callbacks=[log])
    assert [name for name, *_ in log.calls] == ["begin", *["batch"] * 3, "epoch", *["batch"] * 3, "epoch", "end"]
    assert log.calls[0] == ("begin", 0, 2) and log.calls[-1] == ("end", 2, 2)
    batches = [loss for name, epoch, loss in log.calls if (name, epoch) == ("batch", 1)]
    assert history["loss"][0] == pytest.approx((8 * batches[0] + 8 * batches[1] + 4 * batches[2]) / 20)


def test_a_callback_of_ones_own():
    class Norm(Callback):
        def on_epoch_end(self, run, row):
            row["norm"] = float(np.linalg.norm(run.model.theta))
            if row["epoch"] == 2:
                run.stop("seen enough")

    log, model = Log(), make_net()
    history = fit(model, epochs=9, callbacks=[Norm(), log])
    assert len(history) == 2 and history.stopped == "seen enough"
    assert history["norm"][-1] == pytest.approx(np.linalg.norm(model.theta))
    assert log.calls[-1] == ("end", 2, 2)


def test_an_error_in_a_callback_reaches_the_user_and_leaves_a_net_that_trains():
    class Broken(Callback):
        def on_batch_end(self, run, loss):
            raise LookupError("mine")

    model = make_net()
    with pytest.raises(LookupError, match="mine"):
        fit(model, callbacks=[Broken()])
    assert len(fit(model)) == 3


class Pretend(Callback):
    """Puts a made-up series into the history, and marks the net with the epoch."""

    def __init__(self, values):
        self.values = values

    def on_epoch_end(self, run, row):
        row["score"] = self.values[row["epoch"] - 1]
        run.model.theta[:] = row["epoch"]


@pytest.mark.parametrize(
    "values, settings, epochs, best",
    [
        pytest.param([5, 4, 3, 3.5, 3, 2], {"patience": 2}, 5, 3, id="two-without-a-fall"),
        pytest.param([5, 4, 3, 3.5, 2, 2.5], {"patience": 2}, 6, 5, id="ran-through"),
        pytest.param([5, 6, 1, 1, 1, 1], {"patience": 1}, 2, 1, id="patience-1"),
        pytest.param([5, 4.9, 4.8, 4.7, 1, 1], {"patience": 3, "min_delta": 0.5}, 4, 1, id="too-small-a-fall"),
        pytest.param([5, np.nan, 4, 6, 6, 6], {"patience": 2}, 5, 3, id="a-nan-is-no-fall"),
    ],
)
def test_early_stopping(values, settings, epochs, best):
    model = make_net()
    callbacks = [Pretend(values), EarlyStopping("score", **settings)]
    history = fit(model, epochs=6, callbacks=callbacks)
    assert len(history) == epochs
    assert_array_equal(model.theta, np.full(model.n_params, best, np.float32))
    if epochs < 6:
        lowest, patience = values[best - 1], settings["patience"]
        assert history.stopped == (f"score has not fallen below {lowest:.6g} (epoch {best}) for {patience} epochs")
    else:
        assert history.stopped is None


def test_early_stopping_may_leave_the_last_weights():
    model = make_net()
    fit(model, epochs=6, callbacks=[Pretend([1, 2, 3, 4, 5, 6]), EarlyStopping("score", 2, restore_best=False)])
    assert_array_equal(model.theta, np.full(model.n_params, 3, np.float32))


@pytest.mark.parametrize("restore_best, epoch", [(True, 2), (False, 4)])
def test_early_stopping_puts_back_what_layers_have_learned_from_batches(restore_best, epoch):
    norm, x, kept = BatchNorm(momentum=0.5), make_rows(), {}
    model = net_with(norm)
    arrays = dict(norm.state)

    class Keep(Callback):
        def on_epoch_end(self, run, row):
            state = {name: array.copy() for name, array in norm.state.items()}
            kept[row["epoch"]] = state, run.model.reconstruct(x)

    stopping = EarlyStopping("score", patience=2, restore_best=restore_best)
    history = fit(model, x, epochs=6, callbacks=[Pretend([5, 3, 4, 4, 1, 1]), Keep(), stopping])
    assert len(history) == 4
    state, output = kept[epoch]
    for name, array in norm.state.items():
        assert array is arrays[name]  # in place: whoever shares it goes on with it
        assert_array_equal(array, state[name])
        assert (kept[2][0][name] != kept[4][0][name]).all()
    assert_array_equal(model.reconstruct(x), output)


def test_early_stopping_on_real_training_restores_the_best_net():
    x, held = make_rows(12), make_rows(30, seed=1)  # few rows, many epochs: over-fitting is certain
    model = make_net()
    stopping = EarlyStopping(patience=3)
    history = fit(model, x, epochs=500, optimizer=Adam(lr=0.03), validation_data=held, callbacks=[stopping])
    assert 4 < len(history) < 500 and history.stopped
    best = min(history["val_loss"])
    assert history["val_loss"].index(best) == len(history) - 4
    assert model.evaluate(held)["loss"] == pytest.approx(best, rel=1e-6)
    again = fit(make_net(), x, epochs=500, optimizer=Adam(lr=0.03), validation_data=held, callbacks=[stopping])
    assert again["val_loss"] == history["val_loss"]  # a callback used twice begins anew


def test_early_stopping_needs_a_series():
    with pytest.raises(
        UsageError, match="EarlyStopping: expected monitor to be one of epoch, loss, lr, seconds, got 'val_loss'"
    ):
        fit(make_net(), callbacks=[EarlyStopping()])
    with pytest.raises(UsageError, match="EarlyStopping: expected patience to be a whole number >= 1, got 0"):
        EarlyStopping(patience=0)
    with pytest.raises(UsageError, match="EarlyStopping: expected min_delta in"):
        EarlyStopping(min_delta=-1)


# --- divergence


@quiet_numpy
@pytest.mark.parametrize("threads", [1, 2])
def test_a_huge_learning_rate_stops_at_once_and_says_where(share_small_work, threads):
    model, log = make_net("mse", "linear"), Log()
    with pytest.raises(
        TrainingDivergedError,
        match=r"fit: expected a finite loss, got NaN or infinity in epoch 1, batch 2: .*; try a smaller learning rate",
    ) as caught:
        fit(model, optimizer=SGD(lr=1e30), threads=threads, callbacks=[log])
    assert "\n" not in str(caught.value) and isinstance(caught.value, FloatingPointError)
    assert [name for name, *_ in log.calls] == ["begin", "batch"]


def test_divergence_is_told_by_the_error_alone():
    """NumPy's own warnings about overflow would come first, many lines of them, and as errors under -W error."""
    with pytest.raises(TrainingDivergedError):
        fit(make_net("mse", "linear"), optimizer=SGD(lr=1e30))


@quiet_numpy
def test_divergence_in_a_later_epoch_is_counted_right():
    class Poison(Callback):
        def on_batch_end(self, run, loss):
            if run.epoch == 2 and len(run.history) == 1:
                named_views(run.model, run.model.theta)["decoder.dense_2.b"][1] = np.nan

    with pytest.raises(TrainingDivergedError) as caught:
        fit(make_net(), callbacks=[Poison()])
    assert str(caught.value) == (
        "fit: expected a finite loss, got NaN or infinity in epoch 2, batch 2: layer decoder.dense_2 gives it first; "
        "parameters not finite: decoder.dense_2.b; try a smaller learning rate."
    )


@quiet_numpy
def test_the_very_last_update_is_watched_too():
    """One batch, one epoch: the loss was finite before the update, the net is not after it."""
    model = make_net("mse", "linear")
    with pytest.raises(TrainingDivergedError, match="epoch 1"):
        fit(model, epochs=1, batch_size=100, optimizer=SGD(lr=3e38, momentum=0.9), x=100 * make_rows())


@quiet_numpy
def test_an_infinite_validation_loss_stops_training():
    model = make_net("mse", "linear")
    with pytest.raises(TrainingDivergedError, match="epoch 1"):
        fit(model, epochs=1, batch_size=100, optimizer=SGD(lr=1e38), validation_data=make_rows(5))


@quiet_numpy
@pytest.mark.parametrize("loss, output", [("bce", "sigmoid"), ("mse", "linear")])
def test_bad_numbers_in_the_data_are_named(loss, output):
    """`fit` looks before it trains; data that goes bad afterwards (a memory map) is still found."""
    x, y = make_rows(), make_rows(seed=1)
    x[17, 3] = np.nan
    model = make_net(loss, output)
    with Team(1) as team:
        step = ShardedStep(model, SGD(), team, total_steps=1)
        assert not np.isfinite(step(x, x, np.arange(40)))
    rows = np.array([4, 17, 30])
    text = explain_divergence(make_net(), x, y, rows, 3, 5)
    assert text == (
        "fit: expected a finite loss, got NaN or infinity in epoch 3, batch 5: the data holds it already "
        "(x, sample 17); remove or fill it."
    )
    y[30] = np.inf
    assert "(y, sample 30)" in explain_divergence(make_net(), make_rows(), y, rows, 1, 1)


@quiet_numpy
def test_data_too_large_for_the_loss():
    with pytest.raises(TrainingDivergedError, match="epoch 1, batch 1: the loss itself overflowed"):
        x = np.full((4, 7), 1e30, np.float32)
        model = make_net("mse", "linear")
        loop.train(
            model, x, x, optimizer=SGD(), epochs=1, batch_size=4, validation=None, shuffle=False,
            rng=np.random.default_rng(0), callbacks=[], threads=1, progress=False,
        )  # fmt: skip


# --- history


def make_history():
    history = History()
    history.append({"epoch": 1, "loss": 2.5, "lr": 0.1})
    history.append({"epoch": 2, "loss": 1.25, "lr": 0.1, "norm": 3.0})
    return history


def test_history_gives_series_by_name():
    history = make_history()
    assert history["loss"] == [2.5, 1.25] and history["norm"] == [None, 3.0]
    assert history.names == ["epoch", "loss", "lr", "norm"] and len(history) == 2
    assert "norm" in history and "val_loss" not in history
    assert repr(history) == "History(2 epochs, last: epoch=2, loss=1.25, lr=0.1, norm=3)"
    assert repr(History()) == "History(0 epochs, last: empty)"


def test_unknown_series_are_listed():
    with pytest.raises(KeyError, match="History: expected one of epoch, loss, lr, norm, got 'val_loss'"):
        make_history()["val_loss"]
    with pytest.raises(KeyError, match="History: expected one of no series yet, got 'loss'"):
        History()["loss"]


def test_history_as_csv(tmp_path):
    history = fit(make_net(), validation_split=0.2)
    history.to_csv(tmp_path / "h.csv")
    with open(tmp_path / "h.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0]) == history.names == ["epoch", "loss", "val_loss", "lr", "seconds"]
    for name in history.names:
        assert [float(row[name]) for row in rows] == history[name]
    make_history().to_csv(tmp_path / "h.csv")
    assert (tmp_path / "h.csv").read_text() == "epoch,loss,lr,norm\n1,2.5,0.1,\n2,1.25,0.1,3.0\n"
    assert [p.name for p in tmp_path.iterdir()] == ["h.csv"]


def test_rows_of_a_run():
    history = fit(make_net(), epochs=4, validation_split=0.25)
    assert history["epoch"] == [1, 2, 3, 4] and history["lr"] == [0.001] * 4
    assert all(isinstance(v, float) for name in ("loss", "val_loss", "seconds") for v in history[name])
    assert min(history["seconds"]) > 0
    assert set(history.baselines) == {"mean_image", "pca", "floor"} and history.stopped is None


# --- what the user sees meanwhile


def test_progress_goes_to_stderr(capsys):
    fit(make_net(), progress=True)
    out, err = capsys.readouterr()
    assert out == "" and err.startswith("Loss to beat: mean image ") and "15/15" in err and "batch" in err


def test_progress_may_have_a_name(capsys):
    fit(make_net(), progress="fine-tuning")
    out, err = capsys.readouterr()
    assert out == "" and "fine-tuning: 100%" in err


def test_progress_can_be_switched_off(capsys):
    fit(make_net(), progress=False)
    assert capsys.readouterr() == ("", "")
