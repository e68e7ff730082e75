"""How much memory a batch takes: how many samples go through a net at once, and whether they fit at all."""

import numpy as np

from tinyae.checks import UsageError
from tinyae.layers.base import every_layer

# What the layers of one worker keep of the samples it works on: small enough for the caches, large enough that
# Python's part of a pass is small.
CACHE_BYTES = 16_000_000
MOST_ROWS = 500
# Weights used this often for every sample (convolutions) are cheap to go through again for the next few samples.
OFTEN = 4
SPARE = 0.9  # of the free memory: the rest is for what is not counted


def bytes_per_sample(net):
    """Bytes the layers of `net` keep for one sample during a training step: every output, and every gradient in it."""
    leaves = [layer for layer in every_layer(net) if not layer.children() or layer.params]
    numbers = sum(int(np.prod(layer.input_shape)) + int(np.prod(layer.output_shape)) for layer in leaves)
    itemsize = max((p.itemsize for _, owner in net.owners() for p in owner.params.values()), default=4)
    return numbers * itemsize


def rows_at_once(net, otherwise=MOST_ROWS):
    """How many samples a worker takes through `net` at a time.

    A net of convolutions keeps far more numbers for a sample than it has weights: a few samples at a time stay in the
    cache. A net of dense layers is the other way round and takes `otherwise`.
    """
    if net.multiply_adds < OFTEN * net.n_params or not net.n_params:
        return otherwise
    return int(np.clip(CACHE_BYTES // bytes_per_sample(net), 1, MOST_ROWS))


def pieces(rows, at_once):
    """A slice of rows as slices of near equal length, at most `at_once` each; an empty slice is one of length 0."""
    n = rows.stop - rows.start
    count = max(1, -(-n // at_once))
    return [slice(rows.start + n * k // count, rows.start + n * (k + 1) // count) for k in range(count)]


def step_bytes(model, batch_size, threads, rows):
    """Bytes a training step takes: the layers' numbers for what is worked on at once, gradients, optimizer.

    `rows` : how many samples a worker takes at once.
    """
    sample = bytes_per_sample(model) + 2 * model.theta.itemsize * int(np.prod(model.input_shape))
    # Parameters, their gradient, two vectors of the optimizer's, and two per worker for the sum over its pieces.
    vectors = (4 + 2 * threads) * model.theta.nbytes
    return vectors + sample * min(batch_size, rows * threads)


def check_batch_fits(who, model, batch_size, threads, rows):
    """Raise UsageError where a training step would not fit into the memory that is free, naming a batch that does."""
    free = SPARE * free_memory()
    need = step_bytes(model, batch_size, threads, rows)
    if need <= free:
        return
    fixed = step_bytes(model, 0, threads, rows)
    fits = int((free - fixed) // (step_bytes(model, 1, threads, 1) - fixed))
    advice = f"batch_size={fits} fits" if fits >= 1 else "the net itself does not fit; make it smaller"
    raise UsageError(
        f"{who}: expected a batch that fits into memory, got batch_size={batch_size}, which needs about "
        f"{_readable(need)} where {_readable(free)} are free; {advice}."
    )


def free_memory():
    """Bytes this machine could give without swapping."""
    import psutil  # imported where it is needed: not all that import tinyae train

    return psutil.virtual_memory().available


def _readable(n):
    return f"{n / 1e9:.1f} GB" if n >= 1e9 else f"{n / 1e6:.0f} MB"
