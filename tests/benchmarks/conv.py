"""Training steps of the convolutional nets, and one convolution alone."""

import numpy as np
from common import IMAGE, Candidate, channels_first, images, tinyae_step, torch_bce, torch_half_squares, torch_step

# -- network 1: Conv 16, pool, Conv 8, pool, Conv 8, pool (28-14-7-4) and back, cross-entropy, Nadam ------------------


def tinyae_network_1(batch):
    from tinyae.architectures import conv_autoencoder

    return tinyae_step(conv_autoencoder(IMAGE), "Nadam", batch)


def torch_network_1(batch, form):
    from torch import nn

    def conv(n_in, n_out, padding=1):
        return [nn.Conv2d(n_in, n_out, 3, padding=padding), nn.ReLU(inplace=True)]

    def pool():
        return nn.MaxPool2d(2, ceil_mode=True)  # 7 -> 4

    net = nn.Sequential(
        *conv(1, 16), pool(), *conv(16, 8), pool(), *conv(8, 8), pool(),
        *conv(8, 8), nn.Upsample(scale_factor=2), *conv(8, 8), nn.Upsample(scale_factor=2),
        *conv(8, 16, padding=0), nn.Upsample(scale_factor=2), nn.Conv2d(16, 1, 3, padding=1),
    )  # fmt: skip
    return torch_step(net, torch_bce(), "NAdam", images(batch, IMAGE), form)


# -- network 2: Conv 16, pool, Conv 32, pool (28-14-7), Dense 2 and back by ConvTranspose, half squares, Adam ---------


def tinyae_network_2(batch):
    from tinyae import Autoencoder
    from tinyae.layers import Conv2D, ConvTranspose, Dense, Flatten, MaxPool, Reshape, UpSample

    encoder = [Conv2D(16, 3, activation="relu"), MaxPool(2), Conv2D(32, 3, activation="relu"), MaxPool(2)]
    decoder = [Dense(7 * 7 * 32), Reshape((7, 7, 32)), UpSample(2), ConvTranspose(16, 3, activation="relu")]
    encoder, decoder = [*encoder, Flatten(), Dense(2)], [*decoder, UpSample(2), ConvTranspose(1, 3)]
    return tinyae_step(Autoencoder(encoder, decoder, loss="mse", input_shape=IMAGE), "Adam", batch)


def torch_network_2(batch, form):
    from torch import nn

    net = nn.Sequential(
        nn.Conv2d(1, 16, 3, padding=1), nn.ReLU(inplace=True), nn.MaxPool2d(2),
        nn.Conv2d(16, 32, 3, padding=1), nn.ReLU(inplace=True), nn.MaxPool2d(2),
        nn.Flatten(), nn.Linear(7 * 7 * 32, 2),
        nn.Linear(2, 7 * 7 * 32), nn.Unflatten(1, (32, 7, 7)),
        nn.Upsample(scale_factor=2), nn.ConvTranspose2d(32, 16, 3, padding=1), nn.ReLU(inplace=True),
        nn.Upsample(scale_factor=2), nn.ConvTranspose2d(16, 1, 3, padding=1),
    )  # fmt: skip
    return torch_step(net, torch_half_squares(), "Adam", images(batch, IMAGE), form)


# -- one 3x3 convolution, same size: y, then dx, dW and db from a given dy --------------------------------------------

CONV_BATCH = 32
CONVOLUTIONS = ((28, 1, 16), (14, 16, 8), (28, 16, 16), (32, 64, 64))  # size of the image, channels in, channels out


def conv_arrays(size, n_in, n_out):
    """x (N, size, size, n_in) and dL/dy (N, size, size, n_out)."""
    dy = np.random.default_rng(1).standard_normal((CONV_BATCH, size, size, n_out), dtype=np.float32)
    return images(CONV_BATCH, (size, size, n_in)), dy


def tinyae_conv(size, n_in, n_out):
    """Half of the batch on each of two threads, as in a training step; then the sum of the gradient vectors."""
    from tinyae.layers import Conv2D
    from tinyae.layers.flat import flatten, point_grads_at
    from tinyae.training.threads import Team, thread_count

    x, dy = conv_arrays(size, n_in, n_out)
    layer = Conv2D(n_out, 3).build((size, size, n_in))
    theta, total = flatten(layer)
    team = Team(thread_count()).__enter__()
    grads, parts = np.zeros((team.size, theta.size), theta.dtype), team.parts(CONV_BATCH)
    replicas = [layer.replica() for _ in parts]
    for replica, gradient in zip(replicas, grads, strict=True):
        point_grads_at(replica, gradient)

    def work(worker):
        replicas[worker].forward(x[parts[worker]])
        replicas[worker].backward(dy[parts[worker]])

    def step():
        team.run(work)
        np.sum(grads, axis=0, out=total)

    return Candidate(step, theta.size)


def torch_conv(size, n_in, n_out, form):
    import torch

    layer = torch.nn.Conv2d(n_in, n_out, 3, padding=1)
    layout = torch.channels_last if form == "channels_last" else torch.contiguous_format
    layer = layer.to(memory_format=layout)
    x, dy = (torch.from_numpy(channels_first(a)).to(memory_format=layout) for a in conv_arrays(size, n_in, n_out))
    wanted = (x.requires_grad_(), layer.weight, layer.bias)

    def step():
        torch.autograd.grad(layer(x), wanted, dy)

    return Candidate(step, sum(p.numel() for p in layer.parameters()))


FORMS = ("eager", "channels_last", "compiled")
LINEAR_BATCHES = (16, 64, 256, 1024, 4096)
CANDIDATES = {
    **{
        f"network 1, batch {n}": {
            "tinyae": lambda n=n: tinyae_network_1(n),
            **{f"torch {form}": lambda n=n, form=form: torch_network_1(n, form) for form in FORMS},
        }
        for n in sorted({32, *LINEAR_BATCHES})
    },
    **{
        f"network 2, batch {n}": {
            "tinyae": lambda n=n: tinyae_network_2(n),
            **{
                f"torch {form}{end}": lambda n=n, form=form + end: torch_network_2(n, form)
                for end in ("", " fused")
                for form in FORMS
            },
        }
        for n in (32, 256)
    },
    **{
        f"conv {size}x{size} {n_in}->{n_out}": {
            "tinyae": lambda case=(size, n_in, n_out): tinyae_conv(*case),
            "torch eager": lambda case=(size, n_in, n_out): torch_conv(*case, "eager"),
            "torch channels_last": lambda case=(size, n_in, n_out): torch_conv(*case, "channels_last"),
        }
        for size, n_in, n_out in CONVOLUTIONS
    },
}
