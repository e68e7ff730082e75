"""What the candidates share: random images, and a training step of each library.

A candidate sets up inside a function that imports its library itself: every candidate runs in a process of its own,
so two libraries' thread pools never share one, and none pays for another's memory.
"""

from typing import NamedTuple

import numpy as np

IMAGE = (28, 28, 1)
LEARNING_RATE = 1e-3


class Candidate(NamedTuple):
    """`step()` is one unit of a workload and may return its loss; `n_params` is None where nothing is trained."""

    step: callable
    n_params: int | None


def images(n, shape=(784,), seed=0):
    """Random images (n, *shape) with MNIST's share of ink: the arithmetic does not care what they show."""
    rng = np.random.default_rng(seed)
    return rng.random((n, *shape), dtype=np.float32) * (rng.random((n, *shape)) < 0.19).astype(np.float32)


def channels_first(x):
    """(N, H, W, C) -> (N, C, H, W), rows of data as they are."""
    return np.ascontiguousarray(np.moveaxis(x, -1, 1)) if x.ndim == 4 else x


def tinyae_step(model, optimizer, batch):
    """Forward, loss, backward and update of an Autoencoder on one batch, as `fit` does it."""
    from tinyae import optimizers
    from tinyae.training.shards import ShardedStep, worker_count
    from tinyae.training.threads import Team, thread_count

    x, rows = images(batch, model.input_shape), np.arange(batch)
    team = Team(worker_count(model, batch, thread_count())).__enter__()
    step = ShardedStep(model, getattr(optimizers, optimizer)(LEARNING_RATE), team, total_steps=10**6)
    return Candidate(lambda: step(x, x, rows), model.n_params)


def torch_step(net, loss_sum, optimizer, x, form):
    """The same in PyTorch; `x` (N, ...) in NumPy's layout, `loss_sum(output, target)` summed over everything.

    `form` is "eager", "channels_last" or "compiled", with " fused" behind it for the optimizer's fused=True.
    """
    import torch

    torch.manual_seed(0)
    for p in net.parameters():  # Glorot and zeros like tinyae: a first loss can be compared (processes.py)
        torch.nn.init.xavier_uniform_(p) if p.ndim > 1 else torch.nn.init.zeros_(p)
    x = torch.from_numpy(channels_first(x))
    if "channels_last" in form:
        net, x = net.to(memory_format=torch.channels_last), x.to(memory_format=torch.channels_last)
    fused = {"fused": True} if "fused" in form else {}
    optimizer = getattr(torch.optim, optimizer)(net.parameters(), lr=LEARNING_RATE, **fused)

    def loss_of(x):
        return loss_sum(net(x), x) / len(x)

    if "compiled" in form:
        loss_of = torch.compile(loss_of)

    def step():
        optimizer.zero_grad()
        loss = loss_of(x)
        loss.backward()
        optimizer.step()
        return loss.item()

    return Candidate(step, sum(p.numel() for p in net.parameters()))


def torch_bce():
    """Cross-entropy from pre-activations, summed."""
    import torch

    return torch.nn.BCEWithLogitsLoss(reduction="sum")


def torch_half_squares():
    """Half the squared error, summed."""
    import torch

    squares = torch.nn.MSELoss(reduction="sum")
    return lambda output, target: 0.5 * squares(output, target)
