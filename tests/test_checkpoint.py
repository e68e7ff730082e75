"""Checkpoints: a run that is killed, interrupted or extended gives the bits of one that was never stopped."""

import itertools
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.testing import assert_array_equal

from tinyae import (
    SGD,
    Adam,
    Autoencoder,
    BatchNorm,
    Callback,
    Checkpoint,
    Constant,
    Cosine,
    Dense,
    Dropout,
    EarlyStopping,
    GaussianCode,
    KLSparsity,
    Nadam,
    ReLU,
    RMSprop,
    Sequential,
    Sigmoid,
    Step,
    Tanh,
    TiedDense,
    TrainingDivergedError,
    UsageError,
    save,
)
from tinyae.contractive import Contractive
from tinyae.files import remove_leftovers, write_atomically
from tinyae.layers.states import named_states
from tinyae.training import checkpoint, loop, shards
from tinyae.training.checkpoint import FORMAT, read_checkpoint
from tinyae.training.packing import read_tree, write_tree

EPOCHS = 4
TIMES = {"seconds"}


@pytest.fixture(autouse=True)
def no_waiting_for_the_disk(monkeypatch):
    """A file survives a kill without fsync, which only a power cut needs; a thousand of them take half a minute."""
    monkeypatch.setattr(os, "fsync", lambda handle: None)


# --- runs: everything made anew, as in another process


def make_net(*layers, seed=0, dtype=np.float32, **settings):
    """7 -> 5 -> 3 -> 7 with `layers` behind the first."""
    encoder, decoder = [Dense(5), Sequential([Tanh(), *layers]), Dense(3)], [Dense(7), Sigmoid()]
    return Autoencoder(encoder, decoder, input_shape=7, seed=seed, dtype=dtype, **settings)


def make_rows(n=37, seed=0):
    return np.random.default_rng(seed).uniform(size=(n, 7)).astype(np.float32)


class Interrupt(Callback):
    """Ctrl-C in the middle of an epoch, at its end, or never."""

    def __init__(self, epoch=None, batch=None):
        self.epoch, self.batch, self.batches = epoch, batch, 0

    def on_batch_end(self, run, loss):
        self.batches += 1
        if (run.epoch, self.batches) == (self.epoch, self.batch):
            raise KeyboardInterrupt

    def on_epoch_end(self, run, row):
        self.batches = 0
        if run.epoch == self.epoch:
            raise KeyboardInterrupt


class Trial:
    """One process: net, optimizer, callbacks and generator; `fit` once."""

    def __init__(self, folder=None, interrupt=None, net=make_net, optimizer=Adam, callbacks=(), rng=None, **settings):
        self.model, self.optimizer = net(), optimizer()
        self.callbacks = [make() for make in callbacks] + [interrupt or Interrupt()]
        self.rng = np.random.default_rng(3) if rng is None else rng()
        self.settings = {"epochs": EPOCHS, "batch_size": 8, "threads": 1, "progress": False, "checkpoint": folder}
        self.settings |= {name: value for name, value in settings.items() if name != "x"}
        self.x = settings.get("x", make_rows())

    def fit(self, **changes):
        settings = {"optimizer": self.optimizer, "callbacks": self.callbacks, "seed": self.rng} | self.settings
        self.history = self.model.fit(self.x, **(settings | changes))
        return self


def run(*arguments, **settings):
    return Trial(*arguments, **settings).fit()


def series(history):
    return [{k: v for k, v in row.items() if k not in TIMES} for row in history.rows]


def assert_same_bits(one, two):
    """Everything a run leaves behind."""
    assert_array_equal(one.model.theta, two.model.theta)
    states, others = named_states(one.model), named_states(two.model)
    assert set(states) == set(others)
    for name, array in states.items():
        assert_array_equal(array, others[name])
    assert series(one.history) == series(two.history) and one.history.stopped == two.history.stopped
    mine, its = one.optimizer.state_dict(), two.optimizer.state_dict()
    assert set(mine) == set(its)
    for name, value in mine.items():
        assert_array_equal(value, its[name])
    assert one.rng.random(3).tolist() == two.rng.random(3).tolist()


def without_times(tree):
    return tree | {"rows": [{k: v for k, v in row.items() if k not in TIMES} for row in tree["rows"]]}


def assert_same_file(one, two):
    """Two checkpoints, but for the seconds: arrays bit for bit."""
    one, two = (without_times(read_checkpoint(Path(folder) / "checkpoint.npz")) for folder in (one, two))
    np.testing.assert_equal(one, two)


def interrupted(folder, epoch, batch=None, **settings):
    with pytest.raises(KeyboardInterrupt):
        run(folder, Interrupt(epoch, batch), **settings)


# --- the same bits

RUNS = {
    "sgd": {"optimizer": lambda: SGD(0.1, momentum=0.9, nesterov=True, weight_decay=0.01)},
    "rmsprop": {"optimizer": lambda: RMSprop(0.01, momentum=0.5)},
    "adam": {"optimizer": lambda: Adam(0.01)},
    "nadam": {"optimizer": lambda: Nadam(Cosine(0.02, warmup=0.2)), "validation_split": 0.2},
    "step": {"optimizer": lambda: Adam(Step(0.02, every=7))},
    "dropout": {"net": lambda: make_net(Dropout(0.4)), "validation_split": 0.2},
    "two-threads": {"net": lambda: make_net(Dropout(0.4)), "threads": 2, "validation_split": 0.2},
    "batchnorm": {"net": lambda: make_net(BatchNorm()), "validation_split": 0.2},
    "corruption": {"net": lambda: make_net(corruption="masking"), "validation_split": 0.2},
    "variational": {
        "net": lambda: Autoencoder([Dense(6), GaussianCode()], [Dense(7), Sigmoid()], input_shape=7),
        "validation_split": 0.2,
    },
    "sparse": {
        "net": lambda: Autoencoder(
            [Dense(4), Sigmoid()], [Dense(7), Sigmoid()], input_shape=7, penalty=KLSparsity(0.2, 0.1)
        )
    },
    "contractive": {
        "net": lambda: Autoencoder(
            [Dense(4), Sigmoid()], [TiedDense(0), Sigmoid()], input_shape=7, penalty=Contractive(0.1, method="sampled")
        )
    },
    "denoising": {"y": make_rows(seed=1), "validation_data": make_rows(9, seed=2)},
    "double": {"net": lambda: make_net(dtype=np.float64)},
    "in-order": {"net": lambda: make_net(Dropout(0.4)), "shuffle": False},
    "mt19937": {"rng": lambda: np.random.Generator(np.random.MT19937(3)), "net": lambda: make_net(Dropout(0.4))},
    "early-stopping": {
        "callbacks": [lambda: EarlyStopping(patience=10)], "net": lambda: make_net(BatchNorm()),
        "optimizer": lambda: SGD(0.5), "validation_split": 0.2,
    },
}  # fmt: skip


@pytest.fixture
def share_small_work(monkeypatch):
    monkeypatch.setattr(shards, "SMALLEST_SHARED_WORK", 0)


@pytest.mark.parametrize("name", RUNS)
@pytest.mark.slow
def test_interrupted_in_any_epoch_and_resumed(share_small_work, tmp_path, name):
    unbroken = run(tmp_path / "unbroken", **RUNS[name])
    assert_same_bits(run(**RUNS[name]), run(tmp_path / "again", **RUNS[name]))  # keeping a run does not change it
    for epoch in range(1, EPOCHS + 1):
        folder = tmp_path / str(epoch)
        interrupted(folder, epoch, batch=epoch if epoch % 2 else None, **RUNS[name])
        assert (folder / "checkpoint.npz").exists() == (epoch > 1)
        resumed = run(folder, **RUNS[name])
        assert_same_bits(resumed, unbroken)
        assert_same_file(folder, tmp_path / "unbroken")
        unbroken.rng = np.random.Generator(type(unbroken.rng.bit_generator)())  # put back, for the next comparison
        unbroken.rng.bit_generator.state = read_checkpoint(folder / "checkpoint.npz")["generator"]


def test_every_epoch_in_a_process_of_its_own(tmp_path):
    settings = RUNS["early-stopping"]
    unbroken = run(**settings)
    for epoch in range(2, EPOCHS + 1):
        interrupted(tmp_path, epoch, **settings)
    assert_same_bits(run(tmp_path, **settings), unbroken)


@pytest.mark.parametrize("name", ["dropout", "batchnorm", "nadam"])
def test_the_same_net_goes_on_after_ctrl_c(tmp_path, name):
    """In a notebook the net, the optimizer and the callbacks are those of the interrupted fit."""
    settings = RUNS[name]
    unbroken = run(seed=3, **settings)
    trial = Trial(tmp_path, Interrupt(1, 2), seed=3, **settings)
    first = trial.model.theta.copy()
    with pytest.raises(KeyboardInterrupt):
        trial.fit()
    assert_array_equal(trial.model.theta, first)  # nothing kept yet: as it was
    trial.callbacks[-1] = Interrupt(3, 2)
    with pytest.raises(KeyboardInterrupt):
        trial.fit()
    kept = read_checkpoint(tmp_path / "checkpoint.npz")
    assert kept["epoch"] == 2 and trial.optimizer.t == kept["optimizer"]["t"]
    assert_array_equal(trial.model.theta, kept["theta"])  # as after the last epoch kept
    for state, array in named_states(trial.model).items():
        assert_array_equal(array, kept["states"][state])
    trial.callbacks[-1] = Interrupt()
    trial.fit()
    trial.rng, unbroken.rng = (np.random.default_rng(0) for _ in range(2))  # not those of fit: it made its own
    assert_same_bits(trial, unbroken)
    again = trial.model.theta.copy()
    trial.fit()  # finished
    assert_array_equal(trial.model.theta, again)
    assert_array_equal(Trial(tmp_path, seed=3, **settings).fit().model.theta, again)  # and in another process


def test_a_net_that_diverges_is_left_as_it_was(tmp_path):
    class Break(Callback):
        def on_batch_end(self, run, loss):
            if run.epoch == 2:
                run.model.theta[4] = np.nan

    trial = Trial(tmp_path)
    trial.callbacks.append(Break())
    with pytest.raises(TrainingDivergedError, match="epoch 2, batch 2"), np.errstate(all="ignore"):
        trial.fit()
    assert_array_equal(trial.model.theta, read_checkpoint(tmp_path / "checkpoint.npz")["theta"])


def test_a_finished_run_comes_back_without_training(tmp_path, monkeypatch):
    settings = RUNS["early-stopping"]
    unbroken = run(tmp_path, **settings)
    before = (tmp_path / "checkpoint.npz").read_bytes()
    monkeypatch.setattr(loop, "train_epoch", lambda *_: pytest.fail("trained again"))
    again = run(tmp_path, **settings)
    assert_same_bits(again, unbroken)
    assert [row["seconds"] for row in again.history.rows] == [row["seconds"] for row in unbroken.history.rows]
    assert again.history.baselines == unbroken.history.baselines
    assert (tmp_path / "checkpoint.npz").read_bytes() == before


def test_early_stopping_that_has_stopped(tmp_path):
    settings = {
        "callbacks": [lambda: EarlyStopping("loss", patience=1)], "optimizer": lambda: SGD(0.1), "epochs": 40,
        "net": lambda: make_net(BatchNorm(), Dropout(0.5)),
    }  # fmt: skip
    unbroken = run(**settings)
    assert "loss has not fallen" in unbroken.history.stopped and 2 < len(unbroken.history) < 30
    interrupted(tmp_path, len(unbroken.history), batch=2, **settings)
    resumed = run(tmp_path, **settings)
    assert_same_bits(resumed, unbroken)
    finished = run(tmp_path, **settings)
    unbroken.rng.bit_generator.state = read_checkpoint(tmp_path / "checkpoint.npz")["generator"]
    assert_same_bits(finished, unbroken)
    assert (finished.model.theta != read_checkpoint(tmp_path / "checkpoint.npz")["theta"]).any()  # the best epoch's
    mine, its = (vars(trial.callbacks[0]) for trial in (finished, unbroken))
    np.testing.assert_equal(mine, its)


# --- killed


@pytest.mark.skipif(os.name != "posix", reason="forks, and kills by signal")
@pytest.mark.slow
def test_killed_over_and_over(tmp_path):
    """22 kills by SIGKILL: 14 at random moments, 8 inside the writing of the checkpoint (tests/lives.py)."""
    script = Path(__file__).with_name("lives.py")
    done = subprocess.run(
        [sys.executable, script, tmp_path, "0"], check=True, capture_output=True, text=True, timeout=300
    )
    report = json.loads(done.stdout)
    assert report["unlike"] == [] and report["exit code"] == 0
    lives = report["lives"]
    assert len(lives) == 22 and all(killed for _, _, killed, *_ in lives)
    epochs = [0] + [kept for *_, kept, _ in lives]
    assert all(before <= after for before, after in itertools.pairwise(epochs)) and epochs[-1] > 8
    for place in ("half a file", "a whole file", "before the rename", "after the rename"):
        told = [(told, leftovers) for where, told, _, _, leftovers in lives if where == place]
        assert told == [("bw", int(place != "after the rename"))] * 2  # it did die there: the half-made file is left
    assert [path.name for path in (tmp_path / "killed").iterdir()] == ["checkpoint.npz"]
    one, two = (tmp_path / name for name in ("killed", "unbroken"))
    assert_same_file(one, two)


def test_leftovers_of_killed_writers_are_cleared_up(tmp_path):
    ours = [".checkpoint-abcdefgh.npz", ".checkpoint-a_c4e6g8.npz"]
    others = [".checkpoint-abc.npz", ".checkpoint-abcdefgh.npy", ".other-abcdefgh.npz", "checkpoint-abcdefgh.npz",
              ".checkpoint-abcdefgh.npz.txt", ".xcheckpoint-abcdefgh.npz", ".checkpoint-ABCDEFGH.npz"]  # fmt: skip
    for name in ours + others:
        (tmp_path / name).touch()
    run(tmp_path)
    assert sorted(p.name for p in tmp_path.iterdir()) == sorted([*others, "checkpoint.npz"])


def test_leftovers_are_known_by_the_name_that_writing_gives_them(tmp_path):
    for name in ("check.point-1.npz", "a+b", "model.npz"):
        names = []

        def write(temporary, names=names):
            names.append(temporary)
            shutil.copy(__file__, temporary)

        write_atomically(tmp_path / name, write)
        shutil.copy(__file__, names[0])  # as a killed process leaves it
        remove_leftovers(tmp_path / name)
        assert [p.name for p in tmp_path.iterdir()] == [name]
        (tmp_path / name).unlink()


def test_a_disk_that_is_full(tmp_path, monkeypatch):
    """Writing fails in epoch 3: the error is told, and the file and the net are those of epoch 2."""
    savez, calls = np.savez, itertools.count(1)

    def full(file, **arrays):
        if next(calls) == 3:
            file.write(b"PK half")
            raise OSError(28, "No space left on device")
        savez(file, **arrays)

    trial = Trial(tmp_path)
    monkeypatch.setattr(np, "savez", full)
    with pytest.raises(OSError, match="No space left"):
        trial.fit()
    assert_array_equal(trial.model.theta, read_checkpoint(tmp_path / "checkpoint.npz")["theta"])
    assert [p.name for p in tmp_path.iterdir()] == ["checkpoint.npz"]
    assert_same_bits(run(tmp_path), run())


# --- how often, from where


def test_every_third_epoch_and_the_last(tmp_path, monkeypatch):
    epochs, write = [], checkpoint.write_tree
    monkeypatch.setattr(checkpoint, "write_tree", lambda path, tree: epochs.append(tree["epoch"]) or write(path, tree))
    unbroken = run(Checkpoint(tmp_path / "a", every=3), epochs=7)
    assert epochs == [3, 6, 7]
    trial = Trial(Checkpoint(tmp_path / "b", every=3), Interrupt(6, 2), epochs=7)
    with pytest.raises(KeyboardInterrupt):
        trial.fit()
    kept = read_checkpoint(tmp_path / "b" / "checkpoint.npz")
    assert kept["epoch"] == 3
    assert_array_equal(trial.model.theta, kept["theta"])
    assert_same_bits(run(tmp_path / "b", epochs=7), unbroken)


def test_without_resume_a_run_begins_anew(tmp_path):
    run(tmp_path)
    kept = (tmp_path / "checkpoint.npz").read_bytes()
    interrupted(Checkpoint(tmp_path, resume=False), 1, net=lambda: make_net(seed=1))
    assert (tmp_path / "checkpoint.npz").read_bytes() == kept  # until there is something better
    interrupted(Checkpoint(tmp_path, resume=False), 3, net=lambda: make_net(seed=1))
    assert read_checkpoint(tmp_path / "checkpoint.npz")["epoch"] == 2
    assert_same_bits(run(tmp_path, net=lambda: make_net(seed=1)), run(net=lambda: make_net(seed=1)))


def test_one_checkpoint_for_several_fits(tmp_path):
    shared = Checkpoint(tmp_path)
    for _ in range(2):
        assert_same_bits(run(shared), run())


def test_what_the_person_who_waits_is_told(tmp_path, capsys):
    def told(**settings):
        run(tmp_path, progress=True, **settings)
        return [line for line in re.split(r"[\r\n]+", capsys.readouterr().err) if str(tmp_path) in line]

    interrupted(tmp_path, 3, progress=True)
    assert str(tmp_path) not in capsys.readouterr().err
    assert told() == [f"going on after epoch 2 of 4 from {tmp_path}"]
    assert told() == [f"the run in {tmp_path} is finished, after epoch 4 of 4: nothing to train"]
    assert told(epochs=6) == [f"going on after epoch 4 of 6 from {tmp_path}"]
    kept = read_checkpoint(tmp_path / "checkpoint.npz")
    write_tree(tmp_path / "checkpoint.npz", kept | {"stopped": "enough"})
    assert told(epochs=9) == [f"the run in {tmp_path} is finished, after epoch 6 of 9 (enough): nothing to train"]


# --- more epochs


@pytest.mark.parametrize(
    "optimizer", [lambda: Nadam(0.01), lambda: Adam(Step(0.01, every=7)), lambda: SGD(Constant(1))]
)
@pytest.mark.parametrize("interrupt", [None, 2])
def test_more_epochs_where_the_rate_does_not_depend_on_them(tmp_path, optimizer, interrupt):
    if interrupt:
        interrupted(tmp_path, interrupt, optimizer=optimizer)
    else:
        run(tmp_path, optimizer=optimizer)
    assert_same_bits(run(tmp_path, optimizer=optimizer, epochs=7), run(optimizer=optimizer, epochs=7))


def test_fewer_epochs_but_those_done(tmp_path):
    interrupted(tmp_path, 3, epochs=20)
    assert_same_bits(run(tmp_path, epochs=3), run(epochs=3))
    with pytest.raises(
        UsageError, match=r"expected at least 3 epochs, which are done in .*, got 2; use another folder"
    ):
        run(tmp_path, epochs=2)


def falling(step, total):
    return 0.1 / (1 + step)


def planned(step, total):
    return 0.1 * (1 - step / total)


def test_a_rate_of_ones_own(tmp_path):
    def optimizer():
        return SGD(falling)

    interrupted(tmp_path, 3, optimizer=optimizer)
    assert_same_bits(run(tmp_path, optimizer=optimizer, epochs=5), run(optimizer=optimizer, epochs=5))


@pytest.mark.parametrize("schedule", [Cosine(0.1), Cosine(0.1, warmup=0.5), planned], ids=["cosine", "warmup", "own"])
def test_more_epochs_where_the_rate_depends_on_them(tmp_path, schedule):
    interrupted(tmp_path, 2, optimizer=lambda: SGD(schedule))
    name = "planned" if schedule is planned else r"Cosine\(lr=0.1, .*\)"
    message = rf"expected 4 epochs, as in .*, got 5: the learning rate {name} depends on their number; use another"
    with pytest.raises(UsageError, match=message):
        run(tmp_path, optimizer=lambda: SGD(schedule), epochs=5)
    assert_same_bits(run(tmp_path, optimizer=lambda: SGD(schedule)), run(optimizer=lambda: SGD(schedule)))


def test_a_function_that_was_changed(tmp_path, monkeypatch):
    def optimizer():
        return SGD(lambda step, total: rate)

    rate = 0.1
    interrupted(tmp_path, 3, optimizer=optimizer)
    rate = 0.2
    with pytest.raises(UsageError, match=r"the learning rate 0\.1 of the last step in .*, got 0\.2: .*<lambda> is ano"):
        run(tmp_path, optimizer=optimizer)


# --- another run

OTHER_RUNS = {
    "layer": (
        {"net": lambda: make_net(ReLU())},
        r"its encoder\.sequential_1\.relu_1 is none there and ReLU\(\) here; use another folder, or delete the file to",
    ),
    "units": (
        {"net": lambda: Autoencoder([Dense(4), Sequential([Tanh()]), Dense(3)], [Dense(7), Sigmoid()], input_shape=7)},
        r"its encoder\.dense_1 is Dense\(units=5, .*\) there and Dense\(units=4, .*\) here; use",
    ),
    "loss": (
        {"net": lambda: make_net(loss="mse")}, r"its loss is bce there and mse here; use",
    ),
    "dtype": ({"net": lambda: make_net(dtype=np.float64)}, "its dtype is float32 there and float64 here; use"),
    "penalty": (
        {"net": lambda: make_net(Sigmoid(), penalty=None)}, r"its encoder\.sequential_1\.sigmoid_1 is none there and",
    ),
    "corruption": (
        {"net": lambda: make_net(corruption="masking")}, r"its corruption is none there and .*Masking.* here; use",
    ),
    "corruption-of-ones-own": (
        {"net": lambda: make_net(corruption=lambda x, rng: x + 1)}, r"its corruption is none there and .*<lambda> here",
    ),
    "net-seed": (
        {"net": lambda: make_net(seed=1)},
        r"its net at the start is checksum \w{8} there and checksum \w{8} here \(made with another seed, or trained si",
    ),
    "x": (
        {"x": make_rows(seed=1)},
        r"its x is float32 \(37, 7\) with checksum \w{8} there and float32 \(37, 7\) with checksum \w{8} here; use",
    ),
    "one-number": (
        {"x": np.concatenate([make_rows()[:-1], make_rows()[-1:] * np.float32(0.999)])}, "its x is float32",
    ),
    "fewer": ({"x": make_rows()[:-1]}, r"its x is float32 \(37, 7\) .* there and float32 \(36, 7\) .* here; use"),
    "y": ({"y": make_rows(seed=1)}, r"its y is x there and float32 \(37, 7\) with checksum \w{8} here; use"),
    "validation_split": ({"validation_split": 0.2}, r"its validation_split is 0\.0 there and 0\.2 here; use"),
    "validation_data": (
        {"validation_data": make_rows(9)},
        r"its validation x is none there and float32 \(9, 7\) .* here; its validation y is none there and x here; use",
    ),
    "batch_size": ({"batch_size": 9}, "its batch_size is 8 there and 9 here; use"),
    "shuffle": ({"shuffle": False}, "its shuffle is True there and False here; use"),
    "threads": ({"threads": 2}, r"its threads is 1 there and 2 here \(give fit that number\); use"),
    "optimizer": (
        {"optimizer": Nadam}, r"its optimizer is Adam there and Nadam here; use",
    ),
    "lr": (
        {"optimizer": lambda: Adam(0.0010000001)},
        r"its optimizer's lr is Constant\(lr=0\.001\) there and Constant\(lr=0\.0010000001\) here; use",
    ),
    "several": (
        {"optimizer": lambda: Adam(0.1, 0.8, 0.9, 1e-6), "batch_size": 9},
        r"its batch_size is .*; its optimizer's lr is .*; its optimizer's beta1 is 0\.9 there and 0\.8 he"
        r"re; 2 more; use",
    ),
    "generator": (
        {"rng": lambda: np.random.default_rng(4)},
        r"its generator is PCG64 with checksum \w{8} there and PCG64 with checksum \w{8} here \(fit's seed is another",
    ),
    "other-generator": (
        {"rng": lambda: np.random.Generator(np.random.Philox(3))},
        r"its seed is Generator\(PCG64\) there and Generator\(Philox\) here",
    ),
    "seed": ({"seed": 3}, r"its seed is Generator\(PCG64\) there and 3 here; use"),
    "callback": (
        {"callbacks": [lambda: EarlyStopping("loss")]},
        r"its callback 1 is Interrupt\(\) there and EarlyStopping\(monitor='loss', .*\) here; its callback 2 is none",
    ),
}  # fmt: skip


class Begun(Callback):
    """Fails where a refused run begins all the same."""

    name = "Interrupt"

    def on_train_begin(self, run):
        raise AssertionError("the run has begun")


@pytest.fixture(scope="module")
def kept(tmp_path_factory):
    """The file of a run, interrupted in epoch 3."""
    folder = tmp_path_factory.mktemp("kept")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(shards, "SMALLEST_SHARED_WORK", 0)
        interrupted(folder, 3)
    return folder / "checkpoint.npz"


def refused(folder, message, **settings):
    """Refused in one line that names the file, before anything has begun; the file stays as it is."""
    before = (folder / "checkpoint.npz").read_bytes()
    trial = Trial(folder, Begun(), **settings)
    theta = trial.model.theta.copy()
    with pytest.raises(UsageError, match=message) as caught:
        trial.fit()
    assert str(folder / "checkpoint.npz") in str(caught.value) and "\n" not in str(caught.value)
    assert str(caught.value).endswith(".") and not str(caught.value).endswith("..")
    assert_array_equal(trial.model.theta, theta)
    assert (folder / "checkpoint.npz").read_bytes() == before


@pytest.mark.parametrize("name", OTHER_RUNS)
def test_another_run_is_refused_with_the_difference(share_small_work, kept, name):
    settings, message = OTHER_RUNS[name]
    refused(kept.parent, "fit: expected the run that .* holds, got another: .*" + message, **settings)


def test_settings_of_the_callers_own_come_first(tmp_path):
    interrupted(Checkpoint(tmp_path, settings={"noise": 0.1}), 2)
    with pytest.raises(UsageError, match=r"got another: its noise is 0\.1 there and 0\.2 here; use"):
        run(Checkpoint(tmp_path, settings={"noise": 0.2}), x=make_rows(20), batch_size=3)
    assert_same_bits(run(Checkpoint(tmp_path, settings={"noise": 0.1})), run())


def test_settings_of_the_callers_own_may_have_the_names_of_ours(tmp_path):
    interrupted(Checkpoint(tmp_path, settings={"seed": "that of the images: 1"}), 2)
    with pytest.raises(
        UsageError, match=r"its seed is that of the images: 1 there and that of the images: 2 here; use"
    ):
        run(Checkpoint(tmp_path, settings={"seed": "that of the images: 2"}))


@pytest.mark.parametrize("settings", [{}, {"patience": 4}, {"min_delta": 0.1}, {"restore_best": False}])
def test_callbacks_are_compared_by_their_settings(tmp_path, settings):
    def callbacks(**settings):
        return [lambda: EarlyStopping(**{"monitor": "loss", "patience": 3} | settings)]

    interrupted(tmp_path, 2, callbacks=callbacks())
    if not settings:
        run(tmp_path, callbacks=callbacks())
        return
    (name,) = settings
    with pytest.raises(UsageError, match=rf"its callback 1 is EarlyStopping\(.*{name}=.*{name}={settings[name]}"):
        run(tmp_path, callbacks=callbacks(**settings))


def test_a_trained_net_is_another_beginning(tmp_path):
    trial = run(tmp_path, **RUNS["early-stopping"])
    other = Trial(tmp_path, **RUNS["early-stopping"])
    other.model.theta[:] = trial.model.theta + 1
    with pytest.raises(UsageError, match=r"its net at the start is .*trained since; make it anew"):
        other.fit()


def test_a_state_of_layers_is_part_of_the_beginning(tmp_path):
    trial = Trial(tmp_path, Interrupt(2), **RUNS["batchnorm"])
    with pytest.raises(KeyboardInterrupt):
        trial.fit()
    other = Trial(tmp_path, **RUNS["batchnorm"])
    next(iter(named_states(other.model).values()))[0] += 1
    with pytest.raises(UsageError, match="its net at the start"):
        other.fit()


# --- a file that is none


def test_every_truncation_is_refused(kept, tmp_path):
    whole, path = kept.read_bytes(), tmp_path / "checkpoint.npz"
    for n in [*range(0, len(whole), 997), *range(len(whole) - 30, len(whole), 3)]:
        path.write_bytes(whole[:n])
        with pytest.raises(UsageError, match=f"fit: expected a whole checkpoint written by fit, got {path} "):
            read_checkpoint(path)
    path.write_bytes(whole[: len(whole) // 2])
    refused(tmp_path, "fit: expected a whole checkpoint written by fit, got")


def test_damage_is_refused_or_harmless(kept, tmp_path):
    whole, good = kept.read_bytes(), read_checkpoint(kept)
    rng, path = np.random.default_rng(0), tmp_path / "checkpoint.npz"
    for n in rng.permutation(len(whole))[:200]:
        damaged = bytearray(whole)
        damaged[n] ^= int(rng.integers(1, 256))
        path.write_bytes(damaged)
        try:
            tree = read_checkpoint(path)
        except UsageError as error:
            assert str(path) in str(error) and "\n" not in str(error)
        else:
            np.testing.assert_equal(tree, good)


@pytest.mark.parametrize(
    "write",
    [
        pytest.param(lambda path: path.write_bytes(b""), id="empty"),
        pytest.param(lambda path: path.write_text("epoch,loss\n"), id="text"),
        pytest.param(lambda path: path.write_bytes(np.random.default_rng(0).bytes(3000)), id="random"),
        pytest.param(lambda path: save(make_net(), path), id="model"),
        pytest.param(lambda path: write_tree(path, {"a": 1}), id="tree"),
        pytest.param(lambda path: write_tree(path, [1]), id="list"),
        pytest.param(lambda path: write_tree(path, {"kind": "tinyae checkpoint"}), id="no-format"),
        pytest.param(lambda path: write_tree(path, {"kind": "tinyae checkpoint", "format": 1}), id="nothing-else"),
        pytest.param(lambda path: path.mkdir(), id="folder"),
    ],
)
def test_other_files_are_refused(tmp_path, write):
    write(tmp_path / "checkpoint.npz")
    with pytest.raises(UsageError, match=f"fit: expected a whole checkpoint .*, got {tmp_path}") as caught:
        run(tmp_path)
    assert "\n" not in str(caught.value)


def test_a_newer_version_is_refused(kept, tmp_path):
    write_tree(tmp_path / "checkpoint.npz", read_checkpoint(kept) | {"format": FORMAT + 1, "tinyae": "7.5"})
    message = rf"expected a checkpoint of format {FORMAT} or older in .*, got {FORMAT + 1}, written by tinyae 7\.5; ins"
    refused(tmp_path, message)


def without(name):
    return lambda tree: tree.pop(name)


def put(name, change):
    return lambda tree: tree.update({name: change(tree[name])})


@pytest.mark.parametrize(
    "change",
    [
        *(pytest.param(without(name), id=f"no-{name}") for name in (
            "account", "epochs", "epoch", "stopped", "theta", "states", "optimizer", "generator", "callbacks", "rows",
        )),
        pytest.param(put("theta", lambda a: a[:-1]), id="theta-short"),
        pytest.param(put("theta", lambda a: a[:1]), id="theta-would-be-spread"),
        pytest.param(put("theta", lambda a: a.astype(np.float64)), id="theta-dtype"),
        pytest.param(put("theta", lambda a: a.tolist()), id="theta-list"),
        pytest.param(put("states", lambda s: {"state.encoder.batchnorm_1.mean": np.zeros(3)}), id="states"),
        pytest.param(put("optimizer", lambda s: {k: v for k, v in s.items() if k != "m"}), id="no-m"),
        pytest.param(put("optimizer", lambda s: s | {"m": s["m"][:3]}), id="m-short"),
        pytest.param(put("optimizer", lambda s: s | {"m": s["m"].astype(np.float64)}), id="m-dtype"),
        pytest.param(put("optimizer", lambda s: s | {"m": s["m"].tolist()}), id="m-list"),
        pytest.param(put("optimizer", lambda s: s | {"t": "ten"}), id="t-text"),
        pytest.param(put("optimizer", lambda s: []), id="optimizer-list"),
        pytest.param(put("generator", lambda s: s | {"bit_generator": "MT19937"}), id="generator-other"),
        pytest.param(put("generator", lambda s: {}), id="generator-empty"),
        pytest.param(put("account", lambda s: {}), id="account-empty"),
        pytest.param(put("account", lambda s: []), id="account-list"),
        pytest.param(put("epoch", lambda n: "two"), id="epoch-text"),
        pytest.param(put("epoch", lambda n: n + 1), id="epoch-too-many"),
        pytest.param(put("rows", lambda rows: rows[:1]), id="rows-few"),
        pytest.param(put("rows", lambda rows: {}), id="rows-dict"),
        pytest.param(put("rows", lambda rows: [1, 2]), id="rows-numbers"),
        pytest.param(put("callbacks", lambda states: []), id="callbacks-none"),
        pytest.param(put("callbacks", lambda states: [None]), id="callbacks-null"),
        pytest.param(put("format", lambda n: "1"), id="format-text"),
        pytest.param(put("format", lambda n: True), id="format-true"),
        pytest.param(put("format", lambda n: 0), id="format-0"),
    ],
)  # fmt: skip
def test_files_that_were_tampered_with(kept, tmp_path, change):
    tree = read_checkpoint(kept)
    change(tree)
    write_tree(tmp_path / "checkpoint.npz", tree)
    with pytest.raises(UsageError, match="fit: expected a whole checkpoint written by fit, got"):
        run(tmp_path)


def test_seeds_that_are_no_numbers(tmp_path):
    for number, seed in enumerate((lambda: np.random.PCG64(5), lambda: [1, 2], lambda: np.random.SeedSequence(4))):
        folder = tmp_path / str(number)
        with pytest.raises(KeyboardInterrupt):
            Trial(folder, Interrupt(2)).fit(seed=seed())
        resumed, unbroken = Trial(folder).fit(seed=seed()), Trial().fit(seed=seed())
        assert_array_equal(resumed.model.theta, unbroken.model.theta)


def test_a_net_without_a_seed_is_refused(tmp_path):
    with pytest.raises(UsageError, match="fit: expected a seed for a run with a checkpoint, got None; a run by chance"):
        make_net().fit(make_rows(), seed=None, checkpoint=tmp_path)


@pytest.mark.parametrize("checkpoint", [5, True, ["folder"]])
def test_what_is_no_folder(checkpoint):
    with pytest.raises(UsageError, match=r"fit: expected checkpoint to be a folder or a Checkpoint, got"):
        make_net().fit(make_rows(), checkpoint=checkpoint)


def test_a_folder_one_cannot_write_to(tmp_path):
    (tmp_path / "file").write_text("kept")
    for path in (tmp_path / "file", tmp_path / "file" / "below"):
        with pytest.raises(UsageError, match=f"fit: checkpoint: expected a folder one can write to, got {path} "):
            make_net().fit(make_rows(), checkpoint=path, progress=False)


def test_every_has_to_be_a_number_of_epochs():
    with pytest.raises(UsageError, match="Checkpoint: expected every to be a whole number >= 1, got 0"):
        Checkpoint("folder", every=0)


# --- callbacks


def test_an_interrupted_run_gives_the_optimizer_its_schedule_back(tmp_path):
    class Halve(Callback):
        changes_rate = True

        def on_train_begin(self, run):
            run.optimizer.schedule = Constant(run.optimizer.schedule.lr / 2)

    trial = Trial(tmp_path, Interrupt(3), callbacks=[Halve])
    for at in (3, None):
        trial.callbacks[-1] = Interrupt(at)
        if at:
            with pytest.raises(KeyboardInterrupt):
                trial.fit(seed=3)
            assert trial.optimizer.schedule.lr == 0.001
    trial.fit(seed=3)
    assert trial.history["lr"] == [0.0005] * EPOCHS


class Remember(Callback):
    """Something of every kind, and what was called."""

    name = "Remember"

    def __init__(self, log=()):
        self.log, self.given = list(log), None

    def on_train_begin(self, run):
        self.log.append(("begin", run.first_epoch, run.epoch, len(run.history)))
        self.things, self.run = {"epochs": [], "array": np.zeros((2, 3), ">f8"), "nested": [{"a": None}]}, run

    def on_epoch_end(self, run, row):
        self.log.append(("epoch", run.epoch, len(run.history), run.optimizer.t))
        row["extra"], row["single"] = f"epoch {run.epoch}", np.float32(run.epoch) / 3
        self.things["epochs"].append(run.epoch)
        self.things["array"] += 1 / 3
        self.things |= {"inf": -np.inf, "int": np.int64(run.epoch), "text": "\u00fc\ud800\x00", "flag": True}

    def on_train_end(self, run):
        self.log.append(("end", run.epoch, len(run.history)))

    def state(self):
        self.log.append(("state", self.run.epoch, len(self.run.history)))
        return self.things

    def restore(self, state):
        self.log.append(("restore", self.run.epoch, len(self.run.history), self.run.optimizer.t))
        self.given = self.things = state


def assert_same_things(one, two):
    """Equal, and of the same types all the way down."""
    assert type(one) is type(two)
    if isinstance(one, dict):
        assert list(one) == list(two)
    if isinstance(one, dict | list):
        for a, b in zip(*((x.values() if isinstance(x, dict) else x) for x in (one, two)), strict=True):
            assert_same_things(a, b)
    elif isinstance(one, np.ndarray | np.generic):
        assert one.dtype == two.dtype and one.shape == two.shape and one.tobytes() == two.tobytes()
    else:
        assert one == two or (one != one and two != two)


def test_what_callbacks_are_asked_and_given(tmp_path):
    unbroken, steps = run(callbacks=[Remember]), 5
    first = Trial(tmp_path, Interrupt(3, 2), callbacks=[Remember])
    with pytest.raises(KeyboardInterrupt):
        first.fit()
    per_epoch = [[("epoch", n, n - 1, n * steps), ("state", n, n)] for n in range(1, EPOCHS + 1)]
    assert first.callbacks[0].log == [("begin", 1, 0, 0), *per_epoch[0], *per_epoch[1]]
    second = run(tmp_path, callbacks=[Remember])
    mine = second.callbacks[0]
    restored = ("restore", 2, 2, 2 * steps)
    assert mine.log == [("begin", 3, 0, 0), restored, *per_epoch[2], *per_epoch[3], ("end", EPOCHS, EPOCHS)]
    assert_same_things(mine.things, unbroken.callbacks[0].things)
    assert_same_things(series(second.history), series(unbroken.history))
    assert second.history["extra"] == [f"epoch {n}" for n in range(1, EPOCHS + 1)]
    third = run(tmp_path, callbacks=[Remember]).callbacks[0]  # finished: no epochs are left
    assert third.log == [("begin", 5, 0, 0), ("restore", EPOCHS, EPOCHS, EPOCHS * steps), ("end", EPOCHS, EPOCHS)]
    assert_same_things(third.things, unbroken.callbacks[0].things)


def test_a_state_no_file_can_hold(tmp_path):
    class Bad(Callback):
        def state(self):
            return {"figures": [{"last": {1, 2}}]}

    message = (
        r"fit: checkpoint: expected numbers, text, None, arrays, .*, got \{1, 2\} in callbacks\.0\.figures\.0\.last\."
    )
    with pytest.raises(UsageError, match=message):
        run(tmp_path, callbacks=[Bad])
    assert not list(tmp_path.iterdir())


# --- the file


def test_the_file_needs_no_pickle(kept):
    with np.load(kept, allow_pickle=False) as file:
        assert {re.sub(r"^\d+\.", "", name) for name in file.files} == {"tree", "theta", "optimizer.m", "optimizer.v"}
        tree = json.loads(str(file["tree"]))
    assert tree["epoch"] == 2 and tree["epochs"] == EPOCHS and [row["epoch"] for row in tree["rows"]] == [1, 2]


keys = st.text(max_size=5).filter(lambda key: key not in ("__array__", "__scalar__"))
arrays = hnp.arrays(
    st.sampled_from([np.float32, np.float64, np.int64, np.uint32, np.bool_, ">f4", "<U3"]), hnp.array_shapes(min_dims=0)
)
numbers = (
    st.integers(-(2**130), 2**130) | st.floats() | st.floats(width=32).map(np.float32) | st.booleans().map(np.bool_)
)
leaves = st.none() | st.booleans() | st.text() | numbers | arrays
trees = st.dictionaries(
    keys, st.recursive(leaves, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=3))
)


@given(trees)
@pytest.mark.slow
def test_trees_come_back_as_they_were(tmp_path_factory, tree):
    path = tmp_path_factory.getbasetemp() / "tree.npz"
    write_tree(path, tree)
    assert_same_things(read_tree(path, "me", "tree"), tree)


def test_names_in_trees_do_not_collide(tmp_path):
    a, b, c, d = (np.arange(n) for n in range(4))
    tree = {"a.b": a, "a": {"b": b}, "file": c, "a_b": {"tree": d, "x.npy": a, "x": b}, "../up": c, "\x00": d}
    write_tree(tmp_path / "tree.npz", tree)
    assert_same_things(read_tree(tmp_path / "tree.npz", "me", "tree"), tree)


@pytest.mark.parametrize(
    "value",
    [{1, 2}, 1j, np.complex64(1), np.longdouble(1), {1: 2}, {"__array__": 1}, np.array([{}]), object(), b"bytes"],
    ids=lambda value: type(value).__name__,  # a repr may hold an address, which no two workers share
)
def test_what_a_tree_cannot_hold(tmp_path, value):
    with pytest.raises(TypeError, match=r"^expected numbers, text, None, arrays, .* in a\.1$"):
        write_tree(tmp_path / "tree.npz", {"a": [0, value]})
    assert not list(tmp_path.iterdir())
