"""Pretraining as the paper's own code does it, beside a plain transcription; and pretraining that survives a kill."""

import itertools

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from tinyae import RBM, UsageError, fit_rbm, fit_stack
from tinyae.rbm import checkpoint, training
from tinyae.rbm.training import CDStep
from tinyae.training import run_file

ROWS, BATCH = 23, 5  # the last batch is smaller


@pytest.fixture(scope="module")
def x():
    return np.random.default_rng(0).uniform(size=(ROWS, 6))


def paper_rbm(x, rbm, epochs, lr, noise):
    """The paper's code for one RBM, line by line; gives the hidden probabilities its next RBM is trained on."""
    W, b, c = rbm.W.copy(), np.zeros(rbm.n_visible), np.zeros(rbm.n_hidden)
    dW, db, dc = np.zeros_like(W), np.zeros_like(b), np.zeros_like(c)
    kept = np.empty((len(x), rbm.n_hidden))
    for epoch in range(1, epochs + 1):
        for start in range(0, len(x), BATCH):
            data = x[start : start + BATCH]
            n = len(data)
            positive = data @ W + c
            if rbm.hidden == "bernoulli":
                positive = 1 / (1 + np.exp(-positive))
                states = positive > noise.random(positive.shape)
            else:
                states = positive + noise.standard_normal(positive.shape)
            kept[start : start + BATCH] = positive  # of every epoch; the last one's remain
            negative_data = 1 / (1 + np.exp(-(states @ W.T + b)))
            negative = negative_data @ W + c
            if rbm.hidden == "bernoulli":
                negative = 1 / (1 + np.exp(-negative))
            momentum = 0.9 if epoch > 5 else 0.5
            dW = momentum * dW + lr * ((data.T @ positive - negative_data.T @ negative) / n - 0.0002 * W)
            db = momentum * db + lr / n * (data.sum(axis=0) - negative_data.sum(axis=0))
            dc = momentum * dc + lr / n * (positive.sum(axis=0) - negative.sum(axis=0))
            W, b, c = W + dW, b + db, c + dc
    return np.concatenate([W.ravel(), b, c]), kept


@pytest.mark.parametrize("hidden, lr", [("bernoulli", 0.1), ("gaussian", 0.001)])
def test_one_rbm_is_trained_as_by_the_papers_code(x, hidden, lr):
    rbm, means = RBM(6, 4, hidden=hidden, seed=3, dtype=np.float64), np.empty((ROWS, 4))
    expected, kept = paper_rbm(x, rbm, 8, lr, np.random.default_rng(1).spawn(1)[0])
    settings = {"batch_size": BATCH, "shuffle": False, "seed": 1, "threads": 1, "progress": False}
    fit_rbm(rbm, x, epochs=8, last_hidden=means, **settings)
    assert_allclose(rbm.theta, expected, rtol=1e-12, atol=1e-14)
    assert_allclose(means, kept, rtol=1e-12)
    assert np.abs(means - rbm.hidden_mean(x)).max() > 1e-6  # stale: not what the final weights give


def test_a_stack_passes_the_stale_means_on(x):
    settings = {"batch_size": BATCH, "shuffle": False, "threads": 1, "progress": False}
    rbms, _ = fit_stack(
        x, (5, 4, 2), epochs=3, seed=2, stale=True, layers=[{}, {"epochs": 2}, {"lr": 0.01}], **settings
    )
    rng, below = np.random.default_rng(2), x
    for trained, epochs, lr in zip(rbms, (3, 2, 3), (0.1, 0.1, 0.01), strict=True):
        rbm = RBM(trained.n_visible, trained.n_hidden, hidden=trained.hidden, seed=rng, dtype=np.float64)
        expected, below = paper_rbm(below, rbm, epochs, lr, rng.spawn(1)[0])
        assert_allclose(trained.theta, expected, rtol=1e-11, atol=1e-13)


@pytest.mark.parametrize("threads", [1, 2, 3])
def test_without_shuffling_every_epoch_has_the_same_batches(x, monkeypatch, threads):
    seen = []
    monkeypatch.setattr(CDStep, "__call__", lambda self, x, rows, *settings: seen.append(rows.tolist()) or 0.0)
    fit_rbm(RBM(6, 4), x, epochs=2, batch_size=BATCH, shuffle=False, threads=threads, progress=False)
    assert seen[:5] == seen[5:] and list(itertools.chain(*seen[:5])) == list(range(ROWS))


@pytest.mark.parametrize("threads", [2, 3])
def test_last_hidden_with_shuffling_and_threads_is_by_row(x, threads):
    """With a rate next to nothing stale means are the final ones, wherever a row stood in the order."""
    rbm, means = RBM(6, 4, dtype=np.float64), np.zeros((ROWS, 4))
    settings = {"batch_size": BATCH, "threads": threads, "progress": False}
    fit_rbm(rbm, x, epochs=2, lr=1e-9, last_hidden=means, **settings)
    assert_allclose(means, rbm.hidden_mean(x), atol=1e-7)


def test_bad_settings_are_refused(x):
    with pytest.raises(ValueError, match=r"fit_rbm: expected last_hidden of shape \(23, 4\), got \(23, 3\)"):
        fit_rbm(RBM(6, 4), x, last_hidden=np.empty((23, 3)))
    with pytest.raises(UsageError, match="fit_stack: expected settings for 2 layers, got 3"):
        fit_stack(x, (4, 2), layers=[{}, {}, {}])


# --- checkpoints


class KilledError(Exception):
    pass


def stack(x, **settings):
    usual = {"epochs": 3, "seed": 5, "batch_size": BATCH, "threads": 1, "progress": False}
    return fit_stack(x.astype(np.float32), (5, 4, 2), **usual | settings)


def killed(x, folder, after, monkeypatch, **settings):
    """Run a stack that is killed in its update number `after`."""
    calls, update = itertools.count(1), CDStep.__call__

    def dies(self, *arguments):
        if next(calls) == after:
            raise KilledError
        return update(self, *arguments)

    with monkeypatch.context() as patch:
        patch.setattr(CDStep, "__call__", dies)
        with pytest.raises(KilledError):
            stack(x, checkpoint=folder, **settings)


@pytest.mark.parametrize("recipe", [{"stale": True, "shuffle": False}, {"threads": 2}])
@pytest.mark.parametrize("after", [1, 4, 9, 15, 16, 22, 31, 45])  # 5 updates an epoch, 15 an RBM
def test_a_killed_stack_goes_on_bit_for_bit(x, tmp_path, monkeypatch, recipe, after):
    whole, histories = stack(x, **recipe)
    killed(x, tmp_path, after, monkeypatch, **recipe)
    updates, update = [], CDStep.__call__
    monkeypatch.setattr(CDStep, "__call__", lambda *arguments: updates.append(1) or update(*arguments))
    again, rows = stack(x, checkpoint=tmp_path, **recipe)
    assert len(updates) == 45 - (after - 1) // 5 * 5  # what was done since the last whole epoch is done again
    for one, two in zip(whole, again, strict=True):
        assert_array_equal(one.theta, two.theta)
    for one, two in zip(histories, rows, strict=True):
        assert [r | {"seconds": 0} for r in one.rows] == [r | {"seconds": 0} for r in two.rows]


def test_a_finished_stack_comes_back_at_once(x, tmp_path, monkeypatch):
    first, _ = stack(x, stale=True, checkpoint=tmp_path)
    monkeypatch.setattr(CDStep, "__call__", lambda *_: pytest.fail("trained again"))
    again, histories = stack(x, stale=True, checkpoint=tmp_path)
    assert [len(history) for history in histories] == [3, 3, 3]
    for one, two in zip(first, again, strict=True):
        assert_array_equal(one.theta, two.theta)
    assert not [path for path in tmp_path.rglob(".*")]


@pytest.mark.parametrize("module, name, calls", [(run_file, "write_tree", 3), (checkpoint, "write_atomically", 1)])
def test_a_kill_while_it_writes_leaves_the_epoch_before(x, tmp_path, monkeypatch, module, name, calls):
    """In the last epoch of the first RBM, where both files are written."""
    whole, _ = stack(x, stale=True)
    count, write = itertools.count(1), getattr(module, name)

    def dies(*arguments):
        if next(count) == calls:
            raise KilledError
        write(*arguments)

    with monkeypatch.context() as patch, pytest.raises(KilledError):
        patch.setattr(module, name, dies)
        stack(x, stale=True, checkpoint=tmp_path)
    again, _ = stack(x, stale=True, checkpoint=tmp_path)
    for one, two in zip(whole, again, strict=True):
        assert_array_equal(one.theta, two.theta)


@pytest.mark.parametrize(
    "other, message",
    [
        ({"batch_size": 7}, "its batch_size is 5 there and 7 here"),
        ({"epochs": 4}, "its epochs is 3 there and 4 here"),
        ({"lr": 0.2}, "its lr is 0.1 there and 0.2 here"),
        ({"shuffle": False}, "its shuffle is True there and False here"),
        ({"threads": 2}, "its threads is 1 there and 2 here"),
        ({"seed": 6}, "its weights is "),
        ({"stale": True}, "its last_hidden is False there and True here"),
    ],
)
def test_another_runs_checkpoint_is_refused(x, tmp_path, other, message):
    stack(x, checkpoint=tmp_path)
    with pytest.raises(UsageError, match=message):
        stack(x, checkpoint=tmp_path, **other)
    with pytest.raises(UsageError, match=r"its x is float32 .*; use another folder, or delete the file to begin anew"):
        stack(x + 1e-3 * (1 - x), checkpoint=tmp_path)


def test_damaged_files_are_refused(x, tmp_path):
    stack(x, stale=True, checkpoint=tmp_path)
    file, hidden = (tmp_path / "layer_1" / name for name in ("rbm.npz", "hidden.npy"))
    kept = hidden.read_bytes()
    hidden.write_bytes(kept[:-4] + b"\0\0\0\0")
    with pytest.raises(UsageError, match=r"fit_rbm: expected float32 \(23, 5\) with checksum .* in .*hidden.npy, got"):
        stack(x, stale=True, checkpoint=tmp_path)
    hidden.write_bytes(kept[:50])
    with pytest.raises(UsageError, match=r"fit_rbm: expected the hidden means in .*hidden.npy, got none"):
        stack(x, stale=True, checkpoint=tmp_path)
    hidden.unlink()
    with pytest.raises(UsageError, match=r"fit_rbm: expected the hidden means in .*hidden.npy, got none"):
        stack(x, stale=True, checkpoint=tmp_path)
    file.write_bytes(file.read_bytes()[:100])
    with pytest.raises(UsageError, match="fit_rbm: expected a whole checkpoint of an RBM"):
        stack(x, stale=True, checkpoint=tmp_path)
    np.savez(file, tree=np.array('{"kind": "something else"}'))
    with pytest.raises(UsageError, match=r"fit_rbm: expected a whole checkpoint of an RBM, .* something else"):
        stack(x, stale=True, checkpoint=tmp_path)


def test_constants_are_the_papers():
    assert training.LEARNING_RATE == {"bernoulli": 0.1, "gaussian": 0.001}
    assert (training.MOMENTUM, training.MOMENTUM_SWITCH, training.WEIGHT_COST) == ((0.5, 0.9), 5, 0.0002)
