"""A tenth of an epoch of CD-1 on 784-1000, in the size of MNIST."""

import numpy as np
from common import Candidate, images

CD_IMAGES, CD_BATCH, CD_HIDDEN = 6000, 100, 1000


def tinyae_cd():
    from tinyae.rbm import RBM
    from tinyae.rbm.training import CDStep
    from tinyae.training.threads import Team, thread_count

    x, rbm = images(CD_IMAGES), RBM(784, CD_HIDDEN)
    team = Team(thread_count()).__enter__()
    update = CDStep(rbm, team, k=1, weight_cost=2e-4, rng=np.random.default_rng(0))
    order = np.random.default_rng(0).permutation(CD_IMAGES)

    def step():
        return sum(update(x, order[s : s + CD_BATCH], 0.1, 0.9) for s in range(0, CD_IMAGES, CD_BATCH))

    return Candidate(step, rbm.theta.size)


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

    return Candidate(step, sum(p.numel() for p in (W, b, c)))


def sklearn_cd():
    """scikit-learn's BernoulliRBM: persistent contrastive divergence, no momentum, no weight cost."""
    from sklearn.neural_network import BernoulliRBM

    x = images(CD_IMAGES)
    rbm = BernoulliRBM(CD_HIDDEN, learning_rate=0.1, batch_size=CD_BATCH, n_iter=1, random_state=0)
    rbm.fit(x)  # the parameters are made by the first fit
    n_params = rbm.components_.size + rbm.intercept_visible_.size + rbm.intercept_hidden_.size

    def step():
        rbm.fit(x)

    return Candidate(step, n_params)


def products_cd():
    """The five products of a CD-1 step at the rate of one large product, by NumPy on all cores."""
    n = 1500
    a, b = np.ones((n, n), np.float32), np.ones((n, n), np.float32)
    out = np.empty((n, n), np.float32)
    repeats = max(1, round(5 * CD_IMAGES * 784 * CD_HIDDEN / n**3))

    def step():
        for _ in range(repeats):
            np.matmul(a, b, out=out)

    return Candidate(step, None)


CANDIDATES = {
    "CD-1": {
        "tinyae": tinyae_cd,
        "torch in place": torch_cd,
        "scikit-learn": sklearn_cd,
        "products alone": products_cd,
    }
}
