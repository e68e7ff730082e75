"""The team of worker threads, and the rows it hands out."""

import threading

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_array_equal
from threadpoolctl import threadpool_info, threadpool_limits

from tinyae.architectures import dense_autoencoder
from tinyae.checks import UsageError
from tinyae.training import chunks, memory, shards
from tinyae.training.threads import Team, available_cores, run_in_parts, thread_count


def blas_threads():
    return [pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas"]


@pytest.mark.parametrize("size", [1, 2, 3])
def test_every_worker_runs_once_and_at_the_same_time(size):
    meeting = threading.Barrier(size)  # passes only when all are there together
    names = [None] * size

    def work(number):
        meeting.wait(timeout=20)
        names[number] = threading.current_thread().name

    with Team(size) as team:
        for _ in range(3):
            names[:] = [None] * size
            team.run(work)
            assert names[0] == threading.current_thread().name  # the caller is worker 0
            assert names[1:] == [f"tinyae-{k}" for k in range(1, size)]


@pytest.mark.parametrize("bad", [0, 1, 2])
def test_an_error_reaches_the_caller_and_the_team_lives_on(bad):
    done = []

    def work(number):
        if number == bad:
            raise ArithmeticError(f"worker {number}")
        done.append(number)

    with Team(3) as team:
        for _ in range(2):
            done.clear()
            with pytest.raises(ArithmeticError, match=f"worker {bad}"):
                team.run(work)
            assert sorted(done) == [n for n in range(3) if n != bad]  # the others were waited for
        numbers = []
        team.run(numbers.append)
        assert sorted(numbers) == [0, 1, 2]


def test_the_callers_error_waits_for_the_workers():
    finished = threading.Event()
    begin = threading.Event()

    def work(number):
        if number == 0:
            begin.set()
            raise ValueError("caller")
        begin.wait(20)
        finished.set()

    with Team(2) as team, pytest.raises(ValueError, match="caller"):
        team.run(work)
    assert finished.is_set()


def test_threads_end_with_the_block():
    with pytest.raises(KeyError), Team(3) as team:
        team.run(lambda number: None)
        assert sum(t.name.startswith("tinyae-") for t in threading.enumerate()) == 2
        raise KeyError
    assert not [t for t in threading.enumerate() if t.name.startswith("tinyae-")]


def test_blas_is_held_to_one_thread_and_let_go():
    if not blas_threads():
        pytest.skip("threadpoolctl knows no BLAS here")
    with threadpool_limits(2, user_api="blas"):
        before = blas_threads()
        with Team(2):
            assert set(blas_threads()) == {1}
            with Team(1):  # evaluate inside a callback inside fit
                assert set(blas_threads()) == {1}
            assert set(blas_threads()) == {1}
        assert blas_threads() == before
        with pytest.raises(ArithmeticError), Team(2) as team:
            team.run(lambda number: (_ for _ in ()).throw(ArithmeticError))
        assert blas_threads() == before


@settings(deadline=None)
@given(n=st.integers(0, 2000), size=st.integers(1, 9))
def test_parts_cut_the_range_in_order(n, size):
    parts = Team(size).parts(n)
    assert len(parts) == size
    assert_array_equal(np.concatenate([np.arange(n)[part] for part in parts]), np.arange(n))
    lengths = [part.stop - part.start for part in parts]
    assert max(lengths) - min(lengths) <= 1
    assert parts == Team(size).parts(n)


@pytest.mark.parametrize("threads", [None, 1, 3])
def test_run_in_parts_covers_every_row_once(threads):
    visits = np.zeros(7, int)

    def work(rows):
        visits[rows] += 1

    run_in_parts(work, len(visits), threads)
    assert_array_equal(visits, 1)
    with pytest.raises(ArithmeticError):
        run_in_parts(lambda rows: (_ for _ in ()).throw(ArithmeticError), 7, threads)
    with pytest.raises(UsageError, match="threads: expected threads to be a whole number >= 1, got 0"):
        run_in_parts(work, 7, 0)


def test_thread_count():
    assert thread_count() == thread_count(None) == available_cores() >= 1
    assert thread_count(3) == 3 and thread_count(np.int64(2)) == 2
    for bad in (0, -1, 2.0, True, "2"):
        with pytest.raises(UsageError, match="threads: expected threads to be a whole number >= 1, got"):
            thread_count(bad)


@pytest.mark.parametrize("n", [0, 1, 2, memory.MOST_ROWS, 2 * memory.MOST_ROWS + 1])
@pytest.mark.parametrize("threads", [1, 3])
def test_chunks_cover_every_row_once(monkeypatch, n, threads):
    monkeypatch.setattr(shards, "SMALLEST_SHARED_WORK", 0)
    net = dense_autoencoder(4, (), 2)
    visits, replicas = np.zeros(n, int), set()

    def work(replica, rows):
        assert 0 < rows.stop - rows.start <= memory.MOST_ROWS
        visits[rows] += 1
        replicas.add(id(replica))
        assert replica is not net and np.shares_memory(replica.encoder.layers[0].params["W"], net.theta)

    chunks.for_chunks(net, n, threads, work)
    assert_array_equal(visits, np.ones(n, int))
    assert len(replicas) <= threads and (n < threads or len(replicas) == threads)


def test_small_work_is_not_shared_out():
    small, large = dense_autoencoder(4, (), 2), dense_autoencoder(200, (100,), 20)
    assert shards.worker_count(small, 100, 8) == 1
    assert shards.worker_count(large, 1000, 8) == 8
    assert shards.worker_count(large, 1000, 1) == 1
