"""Training steps of the dense nets."""

from itertools import pairwise

from common import images, tinyae_step, torch_bce, torch_step

# net: (sizes, hidden units, places whose output stays linear, optimizer)
NETS = {
    "simple": ((784, 32, 784), "ReLU", (), "Nadam"),
    "deep": ((784, 128, 64, 32, 64, 128, 784), "ReLU", (), "Nadam"),
    "hinton": ((784, 1000, 500, 250, 2, 250, 500, 1000, 784), "Sigmoid", (3,), "Adam"),
}
TORCH_NAMES = {"Nadam": "NAdam", "Adam": "Adam"}


def layer_plan(name):
    """(n_in, n_out, hidden unit or None) of every layer; the last one gives pre-activations."""
    sizes, unit, linear, _ = NETS[name]
    last = len(sizes) - 2
    return [(a, b, None if i in (*linear, last) else unit) for i, (a, b) in enumerate(pairwise(sizes))]


def tinyae_model(name):
    from tinyae import architectures

    return getattr(architectures, f"{name}_autoencoder")()


def torch_dense(name, batch, form):
    from torch import nn

    layers = []
    for n_in, n_out, unit in layer_plan(name):
        layers.append(nn.Linear(n_in, n_out))
        if unit:
            layers.append(nn.ReLU(inplace=True) if unit == "ReLU" else nn.Sigmoid())
    optimizer = TORCH_NAMES[NETS[name][-1]]
    return torch_step(nn.Sequential(*layers), torch_bce(), optimizer, images(batch), form)


FORMS = ("eager", "compiled")
CANDIDATES = {
    f"{name}, batch {n}": {
        "tinyae": lambda name=name, n=n: tinyae_step(tinyae_model(name), NETS[name][-1], n),
        **{
            f"torch {form}": lambda name=name, n=n, form=form: torch_dense(name, n, form)
            for form in [f + end for end in ("", " fused") for f in FORMS]
            if "fused" not in form or NETS[name][-1] == "Adam"  # PyTorch has no fused Nadam
        },
    }
    for name, n in (("simple", 64), ("deep", 64), ("hinton", 100), ("hinton", 1000))
}
