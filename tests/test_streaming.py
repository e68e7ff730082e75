"""Rows that stay in a file: the same bits as the array in memory, and a peak of memory that does not grow."""

import os
import subprocess
import sys
import threading

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_array_equal

from tinyae import L1, Autoencoder, BatchNorm, Dense, ReLU, Sigmoid, UsageError, save
from tinyae.corruption import Masking
from tinyae.datasets import load
from tinyae.samples import LazyRows, Preparation, arrays, blocks, read_samples
from tinyae.samples import lazy as lazy_module
from tinyae.samples.lazy import in_pieces, rows_of_file, some_rows
from tinyae.scaling import Scaling

X = np.random.default_rng(0).uniform(size=(211, 12)).astype(np.float32)


def lazy(x=X):
    """The rows of an array as LazyRows."""
    return LazyRows(x.shape, x.dtype, lambda numbers: x[numbers])


def in_file(folder, x):
    """The rows of an array as those of a file behind some other bytes."""
    (folder / "rows").write_bytes(b"header" + x.tobytes())
    return rows_of_file(folder / "rows", 6, x.shape, x.dtype)


# --- the rows

NAMES = ["rows", "images", "bytes", "bool", "numbers"]


@pytest.mark.parametrize("x", [X, X.reshape(-1, 3, 4), (X * 255).astype(np.uint8), X > 0.5, X[:, 0]], ids=NAMES)
@pytest.mark.parametrize("preadv", [True, False])
def test_rows_of_a_file(tmp_path, monkeypatch, x, preadv):
    if not preadv:
        monkeypatch.delattr(os, "preadv", raising=False)
    rows = in_file(tmp_path, x)
    assert (rows.shape, rows.dtype, rows.ndim, rows.size, len(rows)) == (x.shape, x.dtype, x.ndim, x.size, len(x))
    slices = [slice(None), slice(5, 9), slice(-3, None), slice(9, 2, -2)]
    for which in (*slices, [7, 8, 9, 3, 3, 210], np.arange(211) % 3 == 1, [], -1, 4, np.array([-1, 0])):
        assert_array_equal(rows[which], x[which])
        assert rows[which].dtype == x.dtype
    assert_array_equal(np.array(list(rows)), x)


@given(st.data())
def test_any_rows_in_any_order(tmp_path_factory, data):
    rows = in_file(tmp_path_factory.getbasetemp(), X)
    first = data.draw(st.lists(st.integers(0, 210), min_size=1))
    second = data.draw(st.lists(st.integers(0, len(first) - 1)))
    assert_array_equal(rows[first], X[first])
    chain = rows.subset(first).map(lambda x: 2 * x, (12,), np.float32).subset(second).reshape(-1, 3, 4)
    assert chain.shape == (len(second), 3, 4)
    assert_array_equal(chain[:], (2 * X[first][second]).reshape(-1, 3, 4))
    assert_array_equal(chain.astype(np.float64)[:], chain[:])


@pytest.mark.parametrize("which", [211, [0, 211], [-212], [0.5], [True], np.zeros((2, 2), int), "a"])
def test_rows_that_are_not_there(tmp_path, which):
    with pytest.raises(IndexError):
        in_file(tmp_path, X)[which]


def test_reshaping():
    assert lazy().reshape(211, -1).shape == lazy().reshape(-1, 12).shape == lazy().reshape((211, 12)).shape == (211, 12)
    assert lazy().reshape(211, 2, -1).shape == (211, 2, 6)
    for shape in ((-1, 13), (210, 12), (-1, 5, -1), (211, 5, -1)):
        with pytest.raises(UsageError, match=r"a shape of as many rows as \(211, 12\)"):
            lazy().reshape(*shape)


def test_asking_for_all_of_them_is_refused():
    with pytest.raises(UsageError, match=r"some rows at a time, got asked for all 211, .*tinyae\.samples\.blocks"):
        np.asarray(lazy())
    assert repr(lazy()) == "LazyRows((211, 12), float32)"


def test_a_read_may_give_fewer_bytes_than_it_was_asked_for(tmp_path, monkeypatch):
    whole = lazy_module._FileOfRows._read
    monkeypatch.setattr(lazy_module._FileOfRows, "_read", lambda self, into, place: whole(self, into[:7], place))
    np.testing.assert_array_equal(in_file(tmp_path, X)[:], X)


def test_a_file_that_shrinks_is_an_error(tmp_path):
    rows = in_file(tmp_path, X)
    os.truncate(tmp_path / "rows", 1000)
    assert_array_equal(rows[:5], X[:5])
    with pytest.raises(OSError, match="rows has become shorter while it was read"):
        rows[100:110]


def test_many_threads_read_one_file(tmp_path, monkeypatch):
    for preadv in (True, False):
        if not preadv:
            monkeypatch.delattr(os, "preadv", raising=False)
        rows, wrong = in_file(tmp_path, X), []

        def read(seed, rows=rows, wrong=wrong):
            rng = np.random.default_rng(seed)
            for _ in range(50):
                numbers = rng.integers(0, 211, 20)
                wrong.extend(numbers[(rows[numbers] != X[numbers]).any(axis=1)])

        threads = [threading.Thread(target=read, args=(seed,)) for seed in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert not wrong


def test_pieces(monkeypatch):
    monkeypatch.setattr(lazy_module, "BLOCK_BYTES", 4 * 12 * 50)
    assert [len(some) for some in in_pieces(lazy())] == [50, 50, 50, 50, 11]
    assert [some is X for some in in_pieces(X)] == [True]
    assert isinstance(some_rows(lazy(), [1, 2]), LazyRows) and isinstance(some_rows(X, [1, 2]), np.ndarray)
    assert [len(lazy()[rows]) for rows in blocks(lazy())] == [50, 50, 50, 50, 11]


# --- the same bits


def net(**settings):
    return Autoencoder([Dense(7), ReLU()], [Dense(12), Sigmoid()], input_shape=12, seed=1, **settings)


NETS = {
    "plain": net,
    "penalty": lambda: net(penalty=L1(0.1)),
    "corruption": lambda: net(corruption=Masking(0.2)),
    "norm": lambda: Autoencoder([Dense(7), BatchNorm()], [Dense(12)], loss="mse", input_shape=12),
    "double": lambda: net(dtype=np.float64),
}


@pytest.mark.parametrize("make", NETS.values(), ids=NETS)
@pytest.mark.parametrize("pairs", [False, True], ids=["x", "x-y"])
def test_fit_gives_the_bits_of_the_array(make, pairs, tmp_path, monkeypatch):
    monkeypatch.setattr(lazy_module, "BLOCK_BYTES", 4 * 12 * 30)
    monkeypatch.setattr("tinyae.training.shards.SMALLEST_SHARED_WORK", 0)
    runs = []
    for rows in (X, lazy()):
        model = make()
        targets = (rows if rows is X else lazy(X[::-1])) if pairs else None
        targets = X[::-1] if pairs and rows is X else targets
        history = model.fit(
            rows, targets, epochs=3, batch_size=16, validation_split=0.2, threads=2, progress=False,
            checkpoint=tmp_path / f"{rows is X}",
        )  # fmt: skip
        losses = [{k: v for k, v in row.items() if k != "seconds"} for row in history.rows]
        used = [model.encode(rows), model.reconstruct(rows), model.evaluate(rows)]
        runs.append([model.theta, losses, *used, history.baselines, history.warnings])
    for one, other in zip(*runs, strict=True):
        assert_array_equal(one, other) if isinstance(one, np.ndarray) else _equal(one, other)


def _equal(one, other):
    assert str(one() if callable(one) else one) == str(other() if callable(other) else other)


def test_a_run_on_the_array_goes_on_with_the_file(tmp_path):
    whole, begun, resumed = net(), net(), net()
    options = {"batch_size": 16, "threads": 1, "progress": False}
    whole.fit(X, epochs=4, **options)
    begun.fit(X, epochs=2, checkpoint=tmp_path, **options)
    resumed.fit(lazy(), epochs=4, checkpoint=tmp_path, **options)
    assert_array_equal(whole.theta, resumed.theta)
    with pytest.raises(UsageError, match="its x is float32"):
        net().fit(lazy(X[::-1]), epochs=4, checkpoint=tmp_path, **options)


def test_columns_are_scaled_alike():
    for scale in ("standard", "common", "minmax"):
        one, other = (Scaling("me", scale, rows, among=(scale,)) for rows in (X, lazy()))
        for name in ("shift", "width", "mean", "constant"):
            assert_array_equal(getattr(one, name), getattr(other, name))


# --- what fit refuses


def test_bad_numbers_in_a_file(monkeypatch):
    monkeypatch.setattr(lazy_module, "BLOCK_BYTES", 4 * 12 * 50)
    x = X.copy()
    x[120, 3] = np.nan
    with pytest.raises(UsageError, match=r"fit: expected finite numbers in x, got 1 NaN .* first at index \(120, 3\)"):
        net().fit(lazy(x))
    x[120, 3] = 7
    with pytest.raises(UsageError, match=r"BCE: expected targets in \[0, 1\], got values from .* to 7"):
        net().fit(lazy(x))
    with pytest.raises(UsageError, match=r"fit: expected x as floats, got LazyRows of uint8; tinyae\.samples\.Prepar"):
        net().fit(lazy((X * 255).astype(np.uint8)))
    with pytest.raises(UsageError, match=r"encode: expected x of shape \(N, 12\), got \(211, 6, 2\)"):
        net().encode(lazy().reshape(-1, 6, 2))


# --- memory

PEAK = """
import resource, sys
import numpy as np
from tinyae import cli
from tinyae.samples import arrays
arrays.STREAM_FROM = 10**7
codes = [cli.main(command.split()) for command in sys.argv[1:]]
print(max(codes), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""


def peak_mb(folder, *commands):
    """Peak of a process of its own that runs the commands, in MB."""
    run = subprocess.run(
        [sys.executable, "-c", PEAK, *commands], cwd=folder, capture_output=True, text=True, check=True
    )  # fmt: skip
    code, peak = run.stdout.split()[-2:]
    assert code == "0", run.stderr
    return int(peak) * 1024 / 1e6 / (1024 if sys.platform == "darwin" else 1)


@pytest.mark.slow
def test_the_peak_of_memory_does_not_grow_with_the_file(tmp_path):
    width = 500
    rows = np.random.default_rng(0).integers(0, 256, (4000, width), np.uint8)
    peaks = []
    for name, copies in (("small", 1), ("large", 50)):  # 2 MB; 100 MB, 400 MB as floats
        with open(tmp_path / f"{name}.npy", "wb") as file:
            header = {"descr": "|u1", "fortran_order": False, "shape": (copies * len(rows), width)}
            np.lib.format.write_array_header_1_0(file, header)
            for _ in range(copies):
                file.write(rows.tobytes())
        if name == "small":
            model = Autoencoder([Dense(4)], [Dense(width), Sigmoid()], input_shape=width)
            save(model, tmp_path / "model.npz", Preparation.fit(read_samples(tmp_path / "small.npy")))
        peaks.append(peak_mb(tmp_path, f"encode model.npz {name}.npy --out {name}_codes.npy --threads 1"))
    assert peaks[1] < peaks[0] + 50
    small, large = (np.load(tmp_path / f"{name}_codes.npy", mmap_mode="r") for name in ("small", "large"))
    assert large.shape == (200_000, 4)
    for copy in (0, 25, 49):
        np.testing.assert_allclose(large[copy * 4000 : (copy + 1) * 4000], small, rtol=1e-5, atol=1e-5)


def test_a_file_read_by_name_is_lazy_when_it_is_large(tmp_path, monkeypatch):
    np.save(tmp_path / "x.npy", X)
    assert not read_samples(tmp_path / "x.npy").lazy
    monkeypatch.setattr(arrays, "STREAM_FROM", X.nbytes - 1)
    assert read_samples(tmp_path / "x.npy").lazy
    assert isinstance(load(tmp_path / "x.npy").x_test, np.ndarray)  # small enough now
