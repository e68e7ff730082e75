"""What is timed: each candidate is a function that sets up and returns `step()`, one unit of the workload.

Every candidate runs in a process of its own (run.py): two libraries' thread pools never share one.
"""

from itertools import pairwise

import numpy as np

HINTON = (784, 1000, 500, 250, 2, 250, 500, 1000, 784)
CD_IMAGES, CD_BATCH, CD_HIDDEN = 6000, 100, 1000  # a tenth of an epoch of MNIST's size


def images(n, seed=0):
    """Random images with MNIST's share of ink: the arithmetic does not care what they show."""
    rng = np.random.default_rng(seed)
    return (rng.random((n, 784), dtype=np.float32) * (rng.random((n, 784)) < 0.19)).astype(np.float32)


# -- one training step of Hinton & Salakhutdinov's net: forward, loss, backward, Adam ---------------------------------


def tinyae_step(batch):
    from tinyae.architectures import hinton_autoencoder
    from tinyae.optimizers import Adam
    from tinyae.training.loop import ShardedStep, worker_count
    from tinyae.training.threads import Team, thread_count

    x, rows = images(batch), np.arange(batch)
    model = hinton_autoencoder()
    team = Team(worker_count(model, batch, thread_count())).__enter__()
    step = ShardedStep(model, Adam(1e-3), team, total_steps=10**6)
    return lambda: step(x, x, rows)


def torch_step(batch, compiled, fused):
    import torch
    from torch import nn

    layers = []
    for i, (n_in, n_out) in enumerate(pairwise(HINTON)):
        layers += [nn.Linear(n_in, n_out)] + ([nn.Sigmoid()] if i not in (3, 7) else [])
    net = nn.Sequential(*layers)
    optimizer = torch.optim.Adam(net.parameters(), lr=1e-3, fused=fused)
    criterion = nn.BCEWithLogitsLoss(reduction="sum")
    x = torch.from_numpy(images(batch))

    def loss_of(x):
        return criterion(net(x), x) / batch

    if compiled:
        loss_of = torch.compile(loss_of)

    def step():
        optimizer.zero_grad()
        loss = loss_of(x)
        loss.backward()
        optimizer.step()
        return loss.item()

    return step


# -- a tenth of an epoch of CD-1 on 784-1000 --------------------------------------------------------------------------


def tinyae_cd():
    from tinyae.rbm import RBM
    from tinyae.rbm.training import CDStep
    from tinyae.training.threads import Team, thread_count

    x, rbm = images(CD_IMAGES), RBM(784, CD_HIDDEN)
    team = Team(thread_count()).__enter__()
    update = CDStep(rbm, team, k=1, weight_cost=2e-4, rng=np.random.default_rng(0))
    order = np.random.default_rng(0).permutation(CD_IMAGES)

    def step():
        for s in range(0, CD_IMAGES, CD_BATCH):
            update(x, order[s : s + CD_BATCH], 0.1, 0.9)

    return step


def torch_cd():
    """CD-1 with every product and element-wise operation written in place."""
    import torch

    x = torch.from_numpy(images(CD_IMAGES))
    order = torch.randperm(CD_IMAGES)
    W, b, c = 0.1 * torch.randn(784, CD_HIDDEN), torch.zeros(784), torch.zeros(CD_HIDDEN)
    dW, db, dc = torch.zeros_like(W), torch.zeros_like(b), torch.zeros_like(c)
    v0, v1 = torch.empty(CD_BATCH, 784), torch.empty(CD_BATCH, 784)
    h0, h1, sample = (torch.empty(CD_BATCH, CD_HIDDEN) for _ in range(3))
    rate, momentum, cost = 0.1, 0.9, 2e-4

    @torch.no_grad()
    def step():
        error = 0.0
        for s in range(0, CD_IMAGES, CD_BATCH):
            torch.index_select(x, 0, order[s : s + CD_BATCH], out=v0)
            torch.addmm(c, v0, W, out=h0).sigmoid_()
            torch.bernoulli(h0, out=sample)
            torch.addmm(b, sample, W.T, out=v1).sigmoid_()
            torch.addmm(c, v1, W, out=h1).sigmoid_()
            dW.mul_(momentum).addmm_(v0.T, h0, alpha=rate / CD_BATCH)
            dW.addmm_(v1.T, h1, alpha=-rate / CD_BATCH).add_(W, alpha=-rate * cost)
            db.mul_(momentum).add_((v0.sum(0) - v1.sum(0)), alpha=rate / CD_BATCH)
            dc.mul_(momentum).add_((h0.sum(0) - h1.sum(0)), alpha=rate / CD_BATCH)
            W.add_(dW)
            b.add_(db)
            c.add_(dc)
            error += v0.sub_(v1).square_().sum().item()
        return error

    return step


def sklearn_cd():
    """scikit-learn's BernoulliRBM: persistent contrastive divergence, no momentum, no weight cost."""
    from sklearn.neural_network import BernoulliRBM

    x = images(CD_IMAGES)
    rbm = BernoulliRBM(CD_HIDDEN, learning_rate=0.1, batch_size=CD_BATCH, n_iter=1, random_state=0)
    return lambda: rbm.fit(x)


# -- the machine's limit: the same products and nothing else ----------------------------------------------------------


def products_cd():
    """The five products of a CD-1 step at the rate of one large product, by NumPy on all cores."""
    n = 1500
    a, b = np.ones((n, n), np.float32), np.ones((n, n), np.float32)
    out = np.empty((n, n), np.float32)
    repeats = max(1, round(5 * CD_IMAGES * 784 * CD_HIDDEN / n**3))

    def step():
        for _ in range(repeats):
            np.matmul(a, b, out=out)

    return step


CANDIDATES = {
    **{f"tinyae step {n}": (lambda n=n: tinyae_step(n)) for n in (100, 1000)},
    **{
        f"torch {'compiled' if compiled else 'eager'}{' fused' if fused else ''} step {n}": (
            lambda n=n, compiled=compiled, fused=fused: torch_step(n, compiled, fused)
        )
        for n in (100, 1000)
        for compiled in (False, True)
        for fused in (False, True)
    },
    "tinyae cd": tinyae_cd,
    "torch in place cd": torch_cd,
    "scikit-learn cd": sklearn_cd,
    "products alone cd": products_cd,
}
