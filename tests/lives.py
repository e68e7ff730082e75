"""One training, killed by SIGKILL over and over until it is finished; beside it the same one, never stopped.

    python lives.py FOLDER SEED

Every life is a fork of this process, which has tinyae loaded already. Some are killed at a random moment; some inside
the writing of the checkpoint, at a place they tell through a pipe and wait at. Prints what happened as JSON.
"""

import io
import json
import os
import random
import signal
import sys
import time
from pathlib import Path

import numpy as np

from tinyae import Autoencoder, Callback, Cosine, Dense, Dropout, EarlyStopping, Nadam, ReLU, Sigmoid
from tinyae.training import shards
from tinyae.training.packing import read_tree

EPOCHS = 90
MOST_EPOCHS = 4  # of one life that is to be killed: then it waits for its end
RANDOM_KILLS = 14
BEGUN, WRITING = b"b", b"w"  # what a life tells
PLACES = ("half a file", "a whole file", "before the rename", "after the rename")
KILLS_PER_PLACE = 2


class Life(Callback):
    """Says when training begins, and sleeps for good after `epochs` of them, so that no kill comes too late."""

    def __init__(self, tell=None, epochs=EPOCHS):
        self.tell, self.epochs = tell, epochs

    def on_train_begin(self, run):
        if self.tell is not None:
            os.write(self.tell, BEGUN)

    def on_epoch_end(self, run, row):
        if run.epoch - run.first_epoch >= self.epochs:
            wait_for_the_end()


def wait_for_the_end():
    """Sleep until the kill comes; not for ever, should the parent be gone."""
    time.sleep(60)
    os._exit(1)


def train(folder, life):
    """The training: every kind of state a checkpoint has to hold, on two threads."""
    shards.SMALLEST_SHARED_WORK = 0
    x = np.random.default_rng(1).random((300, 40), np.float32)
    model = Autoencoder(
        [Dense(30), ReLU(), Dropout(0.2), Dense(6)], [Dense(40), Sigmoid()], input_shape=40, corruption="masking"
    )
    optimizer, rng = Nadam(Cosine(0.01, warmup=0.1)), np.random.default_rng(5)
    stopping = EarlyStopping(patience=EPOCHS)
    history = model.fit(
        x, epochs=EPOCHS, batch_size=20, optimizer=optimizer, validation_split=0.2, callbacks=[stopping, life],
        threads=2, seed=rng, progress=False, checkpoint=folder,
    )  # fmt: skip
    return {
        "theta": model.theta,
        "best": stopping.best_theta,
        "loss": np.array(history["loss"]),
        "val_loss": np.array(history["val_loss"]),
        "m": optimizer.state["m"],
        "drawn later": rng.random(3),
    }


def stop_at(place, writing, tell):
    """Make the `writing`-th checkpoint of this life stop at `place`, tell the parent and sleep for good."""
    savez, fsync, replace, count = np.savez, os.fsync, os.replace, 0

    def here(name):
        if name == place and count == writing:
            os.write(tell, WRITING)
            wait_for_the_end()

    def half_savez(file, **arrays):
        nonlocal count
        count += 1
        whole = io.BytesIO()
        savez(whole, **arrays)
        file.write(whole.getvalue()[: whole.tell() // 2])
        file.flush()
        here("half a file")
        file.seek(0)
        savez(file, **arrays)

    def slow_fsync(handle):
        here("a whole file")
        fsync(handle)

    def slow_replace(*paths):
        here("before the rename")
        replace(*paths)
        here("after the rename")

    np.savez, os.fsync, os.replace = half_savez, slow_fsync, slow_replace


def live(folder, place=None, writing=0, epochs=EPOCHS):
    """Fork a life; (its process id, the pipe it talks through). It writes result.npz if it comes to the end."""
    listen, tell = os.pipe()
    child = os.fork()
    if child:
        os.close(tell)
        return child, listen
    code = 1
    try:
        if place:
            stop_at(place, writing, tell)
        result = train(folder / "killed", Life(tell, epochs))
        np.savez(folder / "result.npz", **result)
        code = 0
    finally:
        os._exit(code)


def live_and_die(folder, place, draw, epoch_seconds):
    """One life, killed at `place` of a writing, or at a random moment for None: what it told, whether the kill hit."""
    child, listen = live(folder, place, draw.randint(1, MOST_EPOCHS), MOST_EPOCHS)
    told = os.read(listen, 1)
    if place is None:
        time.sleep(draw.uniform(0, 2 * MOST_EPOCHS * epoch_seconds))  # the first epoch of a fork takes longer
    else:
        told += os.read(listen, 1)
    os.kill(child, signal.SIGKILL)
    status = os.waitpid(child, 0)[1]
    os.close(listen)
    return told.decode(), os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL


def epochs_kept(folder):
    """How far the checkpoint is."""
    path = folder / "killed" / "checkpoint.npz"
    return read_tree(path, "lives", "checkpoint")["epoch"] if path.exists() else 0


def main(folder, seed):
    """Kill, resume, kill, ... ; the last life comes to the end."""
    draw = random.Random(seed)
    without = train(None, Life())
    started = time.perf_counter()
    unbroken = train(folder / "unbroken", Life())
    epoch_seconds = (time.perf_counter() - started) / EPOCHS
    plan = [None] * RANDOM_KILLS + list(PLACES) * KILLS_PER_PLACE
    draw.shuffle(plan)
    lives = []
    for place in plan:
        told, killed = live_and_die(folder, place, draw, epoch_seconds)
        leftovers = sum(path.name != "checkpoint.npz" for path in (folder / "killed").glob("*"))
        lives.append([place, told, killed, epochs_kept(folder), leftovers])
    child, _ = live(folder)
    ended = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    with np.load(folder / "result.npz") as file:
        unlike = [name for run in (without, unbroken) for name in run if file[name].tobytes() != run[name].tobytes()]
    print(json.dumps({"lives": lives, "exit code": ended, "unlike": unlike}))


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
