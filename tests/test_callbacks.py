"""Callbacks: files of numbers and models, TensorBoard, learning rates; each also through a kill and a resumption."""

import csv
import inspect
import io
import struct
import sys
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

import tinyae.callbacks
from tinyae import (
    SGD,
    Adam,
    Autoencoder,
    Callback,
    Cosine,
    CSVLogger,
    Dense,
    EarlyStopping,
    Flatten,
    History,
    LearningRateSchedule,
    ModelCheckpoint,
    ReconstructionFilm,
    ReduceOnPlateau,
    Reshape,
    Sigmoid,
    Step,
    TensorBoard,
    UsageError,
    load,
)
from tinyae.training.loop import Run
from tinyae.training.rates import Adjusted


def make_net(shape=(7,), code=3, seed=0):
    n = int(np.prod(shape))
    ends = ([Flatten()], [Reshape(shape)]) if len(shape) > 1 else ([], [])
    return Autoencoder([*ends[0], Dense(code)], [Dense(n), *ends[1], Sigmoid()], input_shape=shape, seed=seed)


def make_x(n=40, shape=(7,), seed=0):
    return np.random.default_rng(seed).uniform(size=(n, *shape)).astype(np.float32)


def fit(callbacks=(), net=None, **settings):
    net = make_net() if net is None else net
    settings = {"epochs": 3, "batch_size": 10, "optimizer": Adam(0.01), "threads": 1, "progress": False} | settings
    return net.fit(settings.pop("x", make_x(shape=net.input_shape)), callbacks=list(callbacks), **settings)


class Do(Callback):
    """Calls a function of (run, row) after every epoch."""

    def __init__(self, function):
        self.function = function

    def on_epoch_end(self, run, row):
        self.function(run, row)


class Kill(Callback):
    """Ends the run when the callbacks before it have seen an epoch end, and its checkpoint is not yet written."""

    def __init__(self, epoch):
        self.epoch = epoch

    def on_epoch_end(self, run, row):
        if run.epoch == self.epoch:
            raise KeyboardInterrupt


def killed_and_resumed(make_callbacks, folder, kill=4, epochs=6):
    """The History of a run that was killed in epoch `kill` and went on in (as good as) another process."""
    with pytest.raises(KeyboardInterrupt):
        fit([*make_callbacks(), Kill(kill)], checkpoint=folder, epochs=epochs)
    return fit([*make_callbacks(), Kill(0)], checkpoint=folder, epochs=epochs)


def read(path):
    with open(path, newline="") as f:
        return list(csv.DictReader(f))


def without_seconds(path):
    return [{k: v for k, v in line.items() if k != "seconds"} for line in read(path)]


# --- all of them


def test_one_place_has_them_all():
    for name in tinyae.callbacks.__all__:
        assert getattr(tinyae.callbacks, name) is getattr(tinyae, name)


def test_the_example_in_the_documentation(capsys):
    text = inspect.getdoc(tinyae.callbacks)
    code = "\n".join(line[4:] for line in text.splitlines() if line.startswith("    "))
    names = {"Callback": Callback}
    exec(code, names)
    history = fit([names["Print"]()])
    assert capsys.readouterr().out == "".join(
        f"{e} {loss}\n" for e, loss in zip((1, 2, 3), history["loss"], strict=True)
    )


@pytest.mark.slow
def test_watching_changes_no_bit(tmp_path):
    pytest.importorskip("tensorboardX")
    x = make_x(shape=(64,))
    watchers = [
        CSVLogger(tmp_path / "a.csv"), ModelCheckpoint(tmp_path / "a.npz"), TensorBoard(tmp_path / "tb"),
        ReconstructionFilm(x[0], tmp_path / "a.gif"), LearningRateSchedule(lambda epoch, lr: lr),
        ReduceOnPlateau(patience=99),
    ]  # fmt: skip
    plain, watched = make_net((64,)), make_net((64,))
    fit(net=plain, x=x, validation_split=0.2)
    fit(watchers, watched, x=x, validation_split=0.2)
    assert_array_equal(plain.theta, watched.theta)


# --- CSVLogger


def test_the_file_has_a_line_as_soon_as_an_epoch_is_over(tmp_path):
    path, seen = tmp_path / "new" / "log.csv", []
    history = fit([CSVLogger(path), Do(lambda run, row: seen.append(read(path)))], validation_split=0.2)
    assert [len(lines) for lines in seen] == [1, 2, 3]
    history.to_csv(tmp_path / "whole.csv")
    assert path.read_text() == (tmp_path / "whole.csv").read_text()
    assert float(seen[1][1]["val_loss"]) == history["val_loss"][1]


def test_a_new_run_overwrites_and_an_appending_one_does_not(tmp_path):
    path = tmp_path / "log.csv"
    fit([CSVLogger(path)])
    kept = read(path)
    fit([CSVLogger(path, append=True)], epochs=2, validation_split=0.2)
    both = read(path)
    assert [line["epoch"] for line in both] == ["1", "2", "3", "1", "2"]
    assert list(both[0]) == ["epoch", "loss", "lr", "seconds", "val_loss"] and both[0] == kept[0] | {"val_loss": ""}
    fit([CSVLogger(path, append=True)], epochs=1)  # a shorter row
    assert len(read(path)) == 6 and read(path)[5]["val_loss"] == "" and read(path)[4] == both[4]
    fit([CSVLogger(path)], epochs=1)
    assert [line["epoch"] for line in read(path)] == ["1"]


def test_appending_begins_a_file_where_there_is_none(tmp_path):
    fit([CSVLogger(tmp_path / "log.csv", append=True)])
    assert len(read(tmp_path / "log.csv")) == 3


def test_columns_of_other_callbacks_early_and_late(tmp_path):
    path = tmp_path / "log.csv"

    def add(run, row):
        if run.epoch >= 2:
            row["twice"] = 2 * row["loss"]

    history = fit([Do(add), CSVLogger(path)])
    assert [line["twice"] for line in read(path)] == ["", *(str(v) for v in history["twice"][1:])]
    fit([CSVLogger(path), Do(add)])  # before the one that adds
    assert all("twice" not in line for line in read(path))


@pytest.mark.parametrize("append", [False, True])
@pytest.mark.parametrize("kill", [2, 4])
def test_a_resumed_log_has_every_epoch_once(tmp_path, append, kill):
    before = "epoch,loss\n1,5.0\n"
    for name in ("whole", "killed"):
        (tmp_path / f"{name}.csv").write_text(before)
    fit([CSVLogger(tmp_path / "whole.csv", append), Kill(0)], epochs=6)

    def log():
        return [CSVLogger(tmp_path / "killed.csv", append)]

    killed_and_resumed(log, tmp_path / "run", kill)
    whole, killed = without_seconds(tmp_path / "whole.csv"), without_seconds(tmp_path / "killed.csv")
    assert killed == whole and len(whole) == 6 + append


def test_a_resumed_log_comes_back_where_its_file_is_lost(tmp_path):
    path = tmp_path / "log.csv"
    with pytest.raises(KeyboardInterrupt):
        fit([CSVLogger(path), Kill(3)], checkpoint=tmp_path / "run", epochs=4)
    path.unlink()
    history = fit([CSVLogger(path), Kill(0)], checkpoint=tmp_path / "run", epochs=4)
    assert [float(line["loss"]) for line in read(path)] == history["loss"]


def test_a_finished_run_leaves_the_log_as_it_is(tmp_path):
    path = tmp_path / "log.csv"
    fit([CSVLogger(path)], checkpoint=tmp_path / "run")
    kept = path.read_text()
    fit([CSVLogger(path)], checkpoint=tmp_path / "run")
    assert path.read_text() == kept and len(kept.splitlines()) == 4


def test_logs_that_cannot_be_written(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match=r"CSVLogger: expected a folder one can write to, got .*file"):
        fit([CSVLogger(tmp_path / "file" / "log.csv")])
    (tmp_path / "bytes").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(UsageError, match=r"CSVLogger: expected a CSV file to append to, got .*bytes \("):
        fit([CSVLogger(tmp_path / "bytes", append=True)])


# --- ModelCheckpoint


def test_the_best_model_is_kept(tmp_path):
    path, nets = tmp_path / "models" / "best.npz", []
    values = iter([5.0, 3.0, 4.0, 2.0, 2.0])

    def judge(run, row):
        row["value"] = next(values)
        nets.append(run.model.theta.copy())

    saved = []
    watch = Do(lambda run, row: saved.append(load(path).theta))
    fit([Do(judge), ModelCheckpoint(path, monitor="value"), watch], epochs=5)
    for epoch, best in enumerate([0, 1, 1, 3, 3]):
        assert_array_equal(saved[epoch], nets[best])


def test_a_file_for_every_epoch(tmp_path):
    nets = []
    watch = Do(lambda run, row: nets.append(run.model.theta.copy()))
    history = fit([ModelCheckpoint(f"{tmp_path}/{{epoch:02d}}/net-{{loss:.3f}}.npz", best_only=False), watch])
    for epoch, (loss, theta) in enumerate(zip(history["loss"], nets, strict=True), 1):
        assert_array_equal(load(tmp_path / f"{epoch:02d}" / f"net-{loss:.3f}.npz").theta, theta)
    assert len(list(tmp_path.rglob("*.npz"))) == 3


def test_the_best_model_outlives_a_kill(tmp_path):
    path = tmp_path / "best.npz"

    def callbacks():
        fall = Do(lambda run, row: row.update(value=[3.0, 1.0, 2.0, 2.5, 0.5, 9.0][run.epoch - 1]))
        return [fall, ModelCheckpoint(path, monitor="value"), Do(lambda run, row: seen.append(load(path).theta))]

    seen = []
    fit(callbacks(), epochs=6)
    whole, seen = seen, []
    killed_and_resumed(callbacks, tmp_path / "run")
    assert_array_equal(seen[:4], whole[:4])
    assert_array_equal(seen[4:], whole[3:])  # epoch 4 came twice


def test_what_a_model_checkpoint_cannot_watch_or_name(tmp_path):
    with pytest.raises(
        UsageError,
        match=r"ModelCheckpoint: expected monitor to be one of epoch, loss, lr, seconds, got 'val_loss'; give fit a "
        r"validation part\.",
    ):
        fit([ModelCheckpoint(tmp_path / "a.npz")])
    for pattern in ("{what}.npz", "{}.npz", "{epoch:q}.npz", "{epoch"):
        with pytest.raises(
            UsageError, match=r"expected names of the history's series in braces \(epoch, loss, lr, sec"
        ):
            fit([ModelCheckpoint(tmp_path / pattern, best_only=False)])
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match="ModelCheckpoint: expected a folder one can write to"):
        fit([Do(lambda run, row: pytest.fail("too late")), ModelCheckpoint(tmp_path / "file" / "a.npz", "loss")])


# --- learning rates


def test_the_function_says_the_rate_of_every_epoch():
    asked = []

    def rule(epoch, lr):
        asked.append((epoch, lr))
        return lr / 2 if epoch % 2 else lr + 1

    history = fit([LearningRateSchedule(rule)], optimizer=SGD(0.5), epochs=4)
    assert history["lr"] == [0.25, 1.25, 0.625, 1.625]
    assert asked == [(1, 0.5), (2, 0.25), (3, 1.25), (4, 0.625)]


def test_the_rate_is_the_one_the_steps_use():
    one, two = make_net(), make_net()
    fit([LearningRateSchedule(lambda epoch, lr: 0.1 / epoch)], one)
    fit([], two, optimizer=Adam(lambda step, total: 0.1 / (1 + step // 4)))  # 4 steps an epoch
    assert_array_equal(one.theta, two.theta)


def test_the_optimizer_gets_its_own_schedule_back():
    optimizer = SGD(0.5)
    given = optimizer.schedule
    callbacks = [LearningRateSchedule(lambda epoch, lr: lr / 2), ReduceOnPlateau("loss")]
    assert fit(callbacks, optimizer=optimizer)["lr"] == [0.25, 0.125, 0.0625] and optimizer.schedule is given
    with pytest.raises(KeyboardInterrupt):
        fit([*callbacks, Kill(2)], optimizer=optimizer)
    assert isinstance(optimizer.schedule, Adjusted) and optimizer.config() == SGD(0.5).config()
    assert fit(callbacks, optimizer=optimizer)["lr"] == [0.25, 0.125, 0.0625] and optimizer.schedule is given


def plateau_rates(values, optimizer=None, epochs=None, **settings):
    """The rate of every epoch where `values` are what is monitored; without a net."""
    run = Run(None, optimizer or SGD(1.0), len(values), 1, None)
    callback = ReduceOnPlateau("value", **settings)
    callback.on_train_begin(run)
    rates = []
    for run.epoch, value in enumerate(values, 1):
        rates.append(run.optimizer.schedule(run.epoch - 1, len(values)))
        callback.on_epoch_end(run, {"epoch": run.epoch, "value": value})
    return rates


def test_the_rate_falls_where_nothing_else_does():
    values = [5, 4, 4, 4, 3, 3, 3, 3, 3]
    assert plateau_rates(values, patience=2) == [1, 1, 1, 1, 0.5, 0.5, 0.5, 0.25, 0.25]
    assert plateau_rates(values, patience=1, factor=0.1) == pytest.approx([1, 1, 1, 0.1, 0.01, 0.01, 1e-3, 1e-4, 1e-5])
    assert plateau_rates(values, patience=1, factor=0.1, min_lr=0.05) == [1, 1, 1, 0.1, 0.05, 0.05, 0.05, 0.05, 0.05]
    assert plateau_rates([5, 4.5, 4.2, 3.9], patience=2, min_delta=1.0) == [1, 1, 1, 0.5]


def test_a_plateau_multiplies_any_schedule():
    cosine, values = Cosine(1.0), [2, 2, 2, 2, 2]
    own = [cosine(step, 5) for step in range(5)]
    assert plateau_rates(values, SGD(Cosine(1.0)), patience=2) == pytest.approx(np.multiply(own, [1, 1, 1, 0.5, 0.5]))
    lowest = plateau_rates(values, SGD(Cosine(1.0)), patience=1, factor=0.01, min_lr=0.3)
    assert lowest == pytest.approx([own[0], own[1], 0.3, 0.3, own[4]])  # never above the schedule itself


def test_both_rules_together():
    """The function sees the reduced rate, and has the last word; in any order."""

    def worse(run, row):
        row["value"] = run.epoch

    for order in (1, -1):
        callbacks = [LearningRateSchedule(lambda epoch, lr: lr + 1), ReduceOnPlateau("value", patience=1)][::order]
        history = fit([Do(worse), *callbacks], optimizer=SGD(1.0), epochs=4)
        assert history["lr"] == [2.0, 3.0, 2.5, 2.25]


@pytest.mark.oracle
@pytest.mark.parametrize("seed", range(5))
def test_plateaus_are_those_of_pytorch(torch, seed):
    rng = np.random.default_rng(seed)
    values = np.round(10 * np.exp(-0.1 * np.arange(60)) + rng.normal(size=60), 1).tolist()
    patience, factor, low, delta = int(rng.integers(1, 5)), rng.uniform(0.1, 0.9), 0.01, float(rng.choice([0, 0.3]))
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1.0)
    theirs = torch.optim.lr_scheduler.ReduceLROnPlateau(  # theirs waits for one epoch more than it says
        optimizer, factor=factor, patience=patience - 1, min_lr=low, threshold=delta, threshold_mode="abs", eps=0
    )
    rates = []
    for value in values:
        rates.append(optimizer.param_groups[0]["lr"])
        theirs.step(value)
    ours = plateau_rates(values, patience=patience, factor=factor, min_lr=low, min_delta=delta)
    assert_allclose(ours, rates, rtol=1e-12)
    assert len(set(rates)) > 3


RULES = {
    "function": lambda: [LearningRateSchedule(lambda epoch, lr: lr * 0.9 if epoch % 2 else lr * 1.05)],
    "plateau": lambda: [ReduceOnPlateau("noise", patience=1)],
    "both": lambda: [ReduceOnPlateau("noise", patience=1), LearningRateSchedule(lambda epoch, lr: lr + 0.001)],
}


@pytest.mark.parametrize("rules", RULES)
@pytest.mark.parametrize("first_epochs", [6, 3])
def test_rates_outlive_a_kill(tmp_path, rules, first_epochs):
    """Killed in epoch 4 of 6; or planned for 3 epochs, finished, and prolonged to 6."""

    def callbacks():
        noise = Do(lambda run, row: row.update(noise=[3, 4, 5, 5, 6, 7][run.epoch - 1]))
        return [noise, *RULES[rules](), Kill(0)]

    whole, resumed = make_net(), make_net()
    expected = fit(callbacks(), whole, epochs=6)
    if first_epochs < 6:
        fit(callbacks(), checkpoint=tmp_path / "run", epochs=first_epochs)
    else:
        with pytest.raises(KeyboardInterrupt):
            fit([*callbacks()[:-1], Kill(4)], checkpoint=tmp_path / "run", epochs=6)
    optimizer = Adam(0.01)
    history = fit(callbacks(), resumed, epochs=6, checkpoint=tmp_path / "run", optimizer=optimizer)
    assert history["lr"] == expected["lr"] and len(set(expected["lr"])) > 2
    assert_array_equal(resumed.theta, whole.theta)
    assert optimizer.schedule(0, None) == 0.01


def test_going_on_in_the_same_session_with_the_same_optimizer(tmp_path):
    def rule():
        return LearningRateSchedule(lambda epoch, lr: lr / 2)

    optimizer, net = Adam(0.01), make_net()
    with pytest.raises(KeyboardInterrupt):
        fit([rule(), Kill(3)], net, optimizer=optimizer, checkpoint=tmp_path / "run")
    history = fit([rule(), Kill(0)], net, optimizer=optimizer, checkpoint=tmp_path / "run")
    assert history["lr"] == [0.005, 0.0025, 0.00125]


def test_rates_that_are_no_rates():
    for value in (0, -1.0, np.nan, np.inf, None, "fast"):
        with pytest.raises(
            UsageError,
            match=r"LearningRateSchedule: expected the rate of epoch 2 to be in|expected the rate of epoch 2 in",
        ):
            fit([LearningRateSchedule(lambda epoch, lr, value=value: lr if epoch == 1 else value)])
    with pytest.raises(UsageError, match=r"LearningRateSchedule: expected a function of \(epoch, lr\), got 0\.1"):
        LearningRateSchedule(0.1)
    with pytest.raises(UsageError, match=r"expected an optimizer with a constant rate, got Step\(0\.1, every=5"):
        fit([LearningRateSchedule(lambda epoch, lr: lr)], optimizer=SGD(Step(0.1, 5)))
    with pytest.raises(
        UsageError, match="ReduceOnPlateau: expected monitor to be one of epoch, loss, lr, seconds, got"
    ):
        fit([ReduceOnPlateau()])
    for settings in ({"factor": 1.0}, {"factor": 0}, {"patience": 0}, {"min_lr": -1}, {"min_delta": -1}):
        with pytest.raises(UsageError, match=f"ReduceOnPlateau: expected {next(iter(settings))}"):
            ReduceOnPlateau(**settings)


def test_early_stopping_asks_for_no_further_rate():
    asked = []

    def rule(epoch, lr):
        asked.append(epoch)
        return lr

    stop = EarlyStopping("value", patience=1)
    fit([Do(lambda run, row: row.update(value=run.epoch)), stop, LearningRateSchedule(rule)], epochs=9)
    assert asked == [1, 2]


# --- TensorBoard


def events(folder):
    """All events of the files in `folder`, in the order TensorBoard reads them."""
    from tensorboardX.proto.event_pb2 import Event

    found = []
    for path in sorted(Path(folder).iterdir()):
        data = path.read_bytes()
        while data:  # length (8 bytes), its checksum (4), the event, its checksum (4)
            (length,) = struct.unpack("<Q", data[:8])
            found.append(Event.FromString(data[12 : 12 + length]))
            data = data[16 + length :]
    return found


def series(folder, kind="simple_value"):
    """{tag: {step: value}} of the events that count: a start takes back all from its step on."""
    found = {}
    for event in events(folder):
        if event.HasField("session_log"):
            for values in found.values():
                for step in [step for step in values if step >= event.step]:
                    del values[step]
        for value in event.summary.value:
            if value.WhichOneof("value") == kind:
                assert event.step not in found.setdefault(value.tag, {}), "twice"
                found[value.tag][event.step] = getattr(value, kind)
    return {tag: values for tag, values in found.items() if values}


@pytest.fixture
def tensorboard():
    """Skips where tensorboardX is missing."""
    return pytest.importorskip("tensorboardX")


def as_picture(image):
    from PIL import Image

    return np.asarray(Image.open(io.BytesIO(image.encoded_image_string)))


def test_curves_share_their_names(tensorboard, tmp_path):
    history = fit([TensorBoard(tmp_path)], validation_split=0.2)
    train, validation = series(tmp_path / "train"), series(tmp_path / "validation")
    assert set(train) == {"loss", "lr", "seconds"} and set(validation) == {"loss"}
    for found, tag, name in ((train, "loss", "loss"), (validation, "loss", "val_loss"), (train, "lr", "lr")):
        assert found[tag] == {e: np.float32(v) for e, v in enumerate(history[name], 1)}
    assert series(tmp_path / "train", "image") == {}  # rows of 7 numbers are no images


def test_curves_are_there_as_soon_as_an_epoch_is_over(tensorboard, tmp_path):
    seen = []
    few = TensorBoard(tmp_path, images=0, histograms=False)  # nothing that would fill the file's buffer
    fit([few, Do(lambda run, row: seen.append(series(tmp_path / "train")["loss"]))])
    assert [len(losses) for losses in seen] == [1, 2, 3] and not (tmp_path / "validation").exists()


@pytest.mark.parametrize("shape", [(64,), (8, 8, 1), (8, 8, 3)], ids=str)
def test_originals_stand_over_reconstructions(tensorboard, tmp_path, shape):
    net, x = make_net(shape), make_x(30, shape)
    fit([TensorBoard(tmp_path, images=3, histograms=False)], net, x=x, validation_data=x[:5])
    images = series(tmp_path / "validation", "image")["reconstructions"]
    assert list(images) == [0, 1, 2, 3]
    sheet = as_picture(images[3])
    assert sheet.shape == (8 * (8 + 1 + 8), 8 * (3 * 8 + 2), 3)  # pixels of 8 x 8, and a gap of one
    small = sheet[4::8, 4::8].astype(int)
    assert (small[8] == 255).all() and (small[:, 8] == 255).all()
    chosen = x[[0, 2, 4]].reshape(3, 8, 8, -1)
    outputs = net.reconstruct(x[[0, 2, 4]]).reshape(3, 8, 8, -1)
    for i in range(3):
        for top, wanted in ((0, chosen[i]), (9, outputs[i])):
            got = small[top : top + 8, 9 * i : 9 * i + 8]
            assert_allclose(got, np.broadcast_to(255 * wanted, got.shape), atol=0.51)
    assert (as_picture(images[0]) != sheet).any()


def test_denoising_shows_inputs_targets_and_outputs(tensorboard, tmp_path):
    x, y = make_x(20, (64,)), make_x(20, (64,), seed=1)
    fit([TensorBoard(tmp_path, images=2)], make_net((64,)), x=x, y=y)
    sheet = as_picture(series(tmp_path / "train", "image")["reconstructions"][0])
    assert sheet.shape == (8 * (3 * 8 + 2), 8 * 17, 3)
    assert_allclose(sheet[4 : 8 * 8 : 8, 4 : 8 * 8 : 8, 0], 255 * x[0].reshape(8, 8), atol=0.51)
    assert_allclose(sheet[8 * 9 + 4 : 8 * 17 : 8, 4 : 8 * 8 : 8, 0], 255 * y[0].reshape(8, 8), atol=0.51)


def test_histograms_of_parameters_and_codes(tensorboard, tmp_path):
    net = make_net()
    start = net.encoder.layers[0].params["W"].copy()
    fit([TensorBoard(tmp_path, every=2)], net, epochs=4)
    found = series(tmp_path / "train", "histo")
    names = {f"parameters/{part}.dense_1.{p}" for part in ("encoder", "decoder") for p in "Wb"}
    assert set(found) == names | {"codes"}
    weights = found["parameters/encoder.dense_1.W"]
    assert list(weights) == [0, 2, 4]
    for step, array in ((0, start), (4, net.encoder.layers[0].params["W"])):
        h = weights[step]
        assert (h.num, sum(h.bucket)) == (21, 21) and h.sum == pytest.approx(array.sum(dtype=float), abs=1e-5)
        assert (h.min, h.max) == pytest.approx((array.min(), array.max()))
    codes = net.encode(make_x())
    assert found["codes"][4].num == codes.size and found["codes"][4].max == pytest.approx(codes.max(), rel=1e-6)


def test_what_was_not_asked_for_is_not_there(tensorboard, tmp_path):
    fit([TensorBoard(tmp_path, images=0, histograms=False)], make_net((64,)))
    assert {e.WhichOneof("what") for e in events(tmp_path / "train")} == {"file_version", "session_log", "summary"}
    assert series(tmp_path / "train", "image") == series(tmp_path / "train", "histo") == {}


def test_a_new_run_takes_the_place_of_an_old_one(tensorboard, tmp_path):
    fit([TensorBoard(tmp_path)], epochs=4)
    history = fit([TensorBoard(tmp_path)], make_net(seed=1), epochs=2)
    assert series(tmp_path / "train")["loss"] == {e: np.float32(v) for e, v in enumerate(history["loss"], 1)}
    assert list(series(tmp_path / "train", "histo")["codes"]) == [0, 1, 2]


def test_a_resumed_run_draws_one_curve(tensorboard, tmp_path):
    def board():
        return [TensorBoard(tmp_path / "board")]

    history = killed_and_resumed(board, tmp_path / "run", epochs=6)
    assert series(tmp_path / "board" / "train")["loss"] == {e: np.float32(v) for e, v in enumerate(history["loss"], 1)}
    assert list(series(tmp_path / "board" / "train", "histo")["codes"]) == list(range(7))


@pytest.mark.oracle
def test_tensorboard_itself_reads_the_same(tensorboard, tmp_path):
    reader = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    fit([TensorBoard(tmp_path)], make_net((64,)), epochs=4)
    history = fit([TensorBoard(tmp_path)], make_net((64,)), epochs=3)
    read_back = reader.EventAccumulator(str(tmp_path / "train"), size_guidance={"images": 0, "histograms": 0}).Reload()
    losses = [(event.step, event.value) for event in read_back.Scalars("loss")]
    assert losses == [(e, np.float32(v)) for e, v in enumerate(history["loss"], 1)]
    assert [image.step for image in read_back.Images("reconstructions")] == [0, 1, 2, 3]
    assert read_back.Images("reconstructions")[0].width == 8 * (8 * 9 - 1)
    assert [h.step for h in read_back.Histograms("parameters/decoder.dense_1.b")] == [0, 1, 2, 3]


def test_numbers_of_other_callbacks_are_curves_too(tensorboard, tmp_path):
    add = Do(lambda run, row: row.update(half=row["loss"] / 2, val_half=np.float32(7), note="text"))
    history = fit([add, TensorBoard(tmp_path)])
    assert list(series(tmp_path / "train")["half"].values()) == [np.float32(v / 2) for v in history["loss"]]
    assert series(tmp_path / "validation") == {"half": {1: 7.0, 2: 7.0, 3: 7.0}}


def test_without_tensorboard_x(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "tensorboardX", None)
    with pytest.raises(
        UsageError, match=r"TensorBoard: needs tensorboardX \(.*\); pip install 'tinyae\[tensorboard\]'\."
    ):
        TensorBoard(tmp_path)


def test_settings_of_tensorboard(tensorboard, tmp_path):
    for settings in ({"images": -1}, {"every": 0}, {"images": 2.5}):
        with pytest.raises(UsageError, match=f"TensorBoard: expected {next(iter(settings))}"):
            TensorBoard(tmp_path, **settings)
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match="TensorBoard: expected a folder one can write to"):
        fit([TensorBoard(tmp_path / "file")])
    assert isinstance(fit([TensorBoard(str(tmp_path / "text"))]), History)
