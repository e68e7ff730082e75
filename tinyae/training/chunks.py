"""Forward passes over many rows: some hundred at a time, on every thread, outside of training."""

from tinyae.training.loop import worker_count
from tinyae.training.threads import Team, thread_count

CHUNK = 500  # rows a worker takes at once: their activations stay in the cache


def for_chunks(net, n_rows, threads, work):
    """Call work(replica of net, rows) for slices `rows` that together cover range(n_rows), on worker threads.

    Which rows go together depends on n_rows and the number of threads alone.
    """
    with Team(worker_count(net, n_rows, thread_count(threads))) as team:
        parts = team.parts(n_rows)
        replicas = [net.replica() for _ in range(team.size)]

        def worker(number):
            part = parts[number]
            for start in range(part.start, part.stop, CHUNK):
                work(replicas[number], slice(start, min(start + CHUNK, part.stop)))

        team.run(worker)
