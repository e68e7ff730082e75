"""Forward passes over many rows: some at a time, on every thread, outside of training."""

from tinyae.training.memory import pieces, rows_at_once
from tinyae.training.shards import worker_count
from tinyae.training.threads import Team, thread_count


def for_chunks(net, n_rows, threads, work):
    """Call work(replica of net, rows) for slices `rows` that together cover range(n_rows), on worker threads.

    Which rows go together depends on the net, on n_rows and on the number of threads alone.
    """
    at_once = rows_at_once(net)
    with Team(worker_count(net, n_rows, thread_count(threads), training=False)) as team:
        parts = team.parts(n_rows)
        replicas = [net.replica() for _ in range(team.size)]

        def worker(number):
            for rows in pieces(parts[number], at_once):
                if rows.start < rows.stop:
                    work(replicas[number], rows)

        team.run(worker)
