"""tinyae's layers as torch.nn modules. Needs PyTorch: imported by `tinyae.export.pytorch` when it is used."""

from collections import OrderedDict

import numpy as np
import torch
from torch import nn

from tinyae.checks import UsageError
from tinyae.export.borders import pool_border, transpose_border
from tinyae.export.chain import Move, check_known, layers_of, with_moves
from tinyae.layers import (
    ActivityPenalty,
    AveragePool,
    BatchNorm,
    Conv2D,
    ConvTranspose,
    Crop,
    Dense,
    Dropout,
    Flatten,
    GaussianCode,
    GaussianNoise,
    KSparse,
    LeakyReLU,
    Linear,
    MaxPool,
    ReLU,
    Reshape,
    Sigmoid,
    Softmax,
    Softplus,
    Tanh,
    TiedDense,
    UpSample,
    ZeroPad,
)


def module_of(nets):
    """The module of an Autoencoder's nets {"encoder": ..., "decoder": ...}, or of one net."""
    check_known("to_torch", "PyTorch", nets, MODULES)
    made = {}  # tinyae's Dense layers: their modules, for those tied to them
    parts = [_sequential(name, net, made) for name, net in nets.items()]
    return Autoencoder(*parts) if len(parts) == 2 else parts[0]


class Autoencoder(nn.Module):
    """x' = decoder(encoder(x)), in tinyae's layout: rows (N, D) or images (N, H, W, C)."""

    def __init__(self, encoder, decoder):
        super().__init__()
        self.encoder, self.decoder = encoder, decoder

    def forward(self, x):
        return self.decoder(self.encoder(x))


def _sequential(net_name, net, made):
    """The torch.nn.Sequential of a net; `made` collects the Linear of every Dense for layers tied to it."""
    modules = OrderedDict()
    for path, step in with_moves(layers_of(net_name, net)):
        name = path.removeprefix(f"{net_name}.").replace(".", "_")  # a module's name holds no dot
        if isinstance(step, Move):
            found = Permute(step.order)
        elif isinstance(step, TiedDense) and step.source in made:
            found = TiedLinear(made[step.source], bias=torch.tensor(step.params["b"]))
        else:
            found = MODULES[type(step)](step)
        if isinstance(step, Dense):
            made[step] = found
        for suffix, module in found.items() if isinstance(found, dict) else [("", found)]:
            modules[name + suffix] = module
    return nn.Sequential(modules)


def _with_arrays(module, **arrays):
    """`module`, made on the device "meta" (no memory, no random numbers), with copies of these arrays in it."""
    module.load_state_dict({name: torch.tensor(np.ascontiguousarray(a)) for name, a in arrays.items()}, assign=True)
    return module


# -- layers that torch.nn has, each with the name of its module behind that of the layer, where there are several ------


def _dense(layer):
    W, b = layer.params["W"], layer.params["b"]
    return _with_arrays(nn.Linear(*W.shape, device="meta"), weight=W.T, bias=b)  # torch: y = x weight' + bias


def _tied(layer):
    """Without its source in the same module: a layer with weights of its own."""
    W, b = layer.source.params["W"], layer.params["b"]
    return _with_arrays(nn.Linear(*W.T.shape, device="meta"), weight=W, bias=b)


def _conv(layer):
    """W (kh, kw, C, F) as weight (F, C, kh, kw); zeros that differ between two sides come from a layer of their own."""
    C, F = layer.input_shape[2], layer.filters
    (top, bottom), (left, right) = layer.zeros
    even = top == bottom and left == right
    conv = nn.Conv2d(C, F, layer.kernel, layer.stride, padding=(top, left) if even else 0, device="meta")
    conv = _with_arrays(conv, weight=layer.params["W"].transpose(3, 2, 0, 1), bias=layer.params["b"])
    return conv if even else {"_pad": nn.ZeroPad2d((left, right, top, bottom)), "": conv}


def _conv_transpose(layer):
    """W (kh, kw, F, C) as weight (C, F, kh, kw).

    PyTorch cuts as much off the bottom as off the top, or up to stride - 1 rows less (output_padding). Where it has to
    be more, the rest is cropped.
    """
    C, F = layer.input_shape[2], layer.filters
    (top, bottom), (left, right) = transpose_border(layer)
    more, crop = (max(top - bottom, 0), max(left - right, 0)), (max(bottom - top, 0), max(right - left, 0))
    conv = nn.ConvTranspose2d(C, F, layer.kernel, layer.stride, padding=(top, left), output_padding=more, device="meta")
    conv = _with_arrays(conv, weight=layer.params["W"].transpose(3, 2, 0, 1), bias=layer.params["b"])
    return {"": conv, "_crop": nn.ZeroPad2d((0, -crop[1], 0, -crop[0]))} if any(crop) else conv


def _max_pool(layer):
    (top, bottom), (left, right) = pool_border(layer)
    if top == bottom and left == right:
        return nn.MaxPool2d(layer.size, layer.stride, padding=(top, left))
    pad = nn.ConstantPad2d((left, right, top, bottom), -torch.inf)  # never the largest
    return {"_pad": pad, "": nn.MaxPool2d(layer.size, layer.stride)}


def _average_pool(layer):
    (top, bottom), (left, right) = pool_border(layer)
    if top == bottom and left == right:
        return nn.AvgPool2d(layer.size, layer.stride, padding=(top, left), count_include_pad=False)
    return BorderAveragePool(layer)


def _upsample(layer):
    if layer.method == "nearest":  # "nearest-exact" rounds at the middle of pixels: right for every factor
        return nn.Upsample(scale_factor=layer.factor, mode="nearest-exact")
    return nn.Upsample(scale_factor=layer.factor, mode="bilinear", align_corners=False)


def _batch_norm(layer):
    """Channels stand second, whatever comes behind them."""
    kinds = {1: nn.BatchNorm1d, 2: nn.BatchNorm1d, 3: nn.BatchNorm2d, 4: nn.BatchNorm3d}
    kind = kinds.get(len(layer.input_shape))
    if kind is None:
        raise UsageError(
            f"to_torch: expected BatchNorm on samples of at most 4 axes, got shape {layer.input_shape}; "
            "put a Reshape before it."
        )
    norm = kind(layer.n_channels, eps=layer.eps, momentum=1 - layer.momentum, device="meta")
    return _with_arrays(
        norm,
        weight=layer.params["gamma"],
        bias=layer.params["beta"],
        running_mean=layer.state["mean"],
        running_var=layer.state["var"],
        num_batches_tracked=np.array(0),
    )


def _reshape(layer):
    modules = {"_flat": nn.Flatten(), "": nn.Unflatten(1, layer.output_shape)}
    if len(layer.input_shape) == 1:
        modules.pop("_flat")
    return modules


def _crop(layer):
    (top, bottom), (left, right) = layer.rows, layer.columns
    return nn.ZeroPad2d((-left, -right, -top, -bottom))


def _zero_pad(layer):
    return nn.ZeroPad2d((*layer.columns, *layer.rows))


MODULES = {
    ActivityPenalty: lambda layer: nn.Identity(),
    AveragePool: _average_pool,
    BatchNorm: _batch_norm,
    Conv2D: _conv,
    ConvTranspose: _conv_transpose,
    Crop: _crop,
    Dense: _dense,
    Dropout: lambda layer: nn.Dropout(layer.rate),
    Flatten: lambda layer: nn.Flatten(),
    GaussianCode: lambda layer: GaussianSample(),
    GaussianNoise: lambda layer: AddGaussian(layer.stddev),
    KSparse: lambda layer: TopK(layer.k, layer.k_use),
    LeakyReLU: lambda layer: nn.LeakyReLU(layer.slope),
    Linear: lambda layer: nn.Identity(),
    MaxPool: _max_pool,
    ReLU: lambda layer: nn.ReLU(),
    Reshape: _reshape,
    Sigmoid: lambda layer: nn.Sigmoid(),
    Softmax: lambda layer: nn.Softmax(dim=-1),
    # Beyond the threshold PyTorch takes x itself: at its usual 20 that is 2e-9 off, at 40 nothing even in float64.
    Softplus: lambda layer: nn.Softplus(threshold=40),
    Tanh: lambda layer: nn.Tanh(),
    TiedDense: _tied,
    UpSample: _upsample,
    ZeroPad: _zero_pad,
}


# -- modules that torch.nn has not ------------------------------------------------------------------------------------


class Permute(nn.Module):
    """Axes in another order: channels to the front, or back to the end."""

    def __init__(self, order):
        super().__init__()
        self.order = order

    def forward(self, x):
        return x.permute(self.order)

    def extra_repr(self):
        return str(self.order)


class TiedLinear(nn.Module):
    """y = x W' + b with the weight W of another Linear, which is that module's Parameter itself."""

    def __init__(self, source, bias):
        super().__init__()
        self.weight, self.bias = source.weight, nn.Parameter(bias)

    def forward(self, x):
        return nn.functional.linear(x, self.weight.t(), self.bias)


class BorderAveragePool(nn.Module):
    """Average pooling over windows that reach over some borders and not others; pixels beyond do not count."""

    def __init__(self, layer):
        super().__init__()
        (top, bottom), (left, right) = pool_border(layer)
        self.size, self.stride, self.pad = layer.size, layer.stride, (left, right, top, bottom)
        ones = torch.ones(1, 1, *layer.input_shape[:2])
        self.register_buffer("pixels", self.sums(ones), persistent=False)  # in each window

    def sums(self, x):
        x = nn.functional.pad(x, self.pad)
        return nn.functional.avg_pool2d(x, self.size, self.stride, divisor_override=1)

    def forward(self, x):
        return self.sums(x) / self.pixels

    def extra_repr(self):
        return f"kernel_size={self.size}, stride={self.stride}, padding={self.pad}"


class AddGaussian(nn.Module):
    """y = x + stddev * normal noise while training."""

    def __init__(self, stddev):
        super().__init__()
        self.stddev = stddev

    def forward(self, x):
        return x + self.stddev * torch.randn_like(x) if self.training else x

    def extra_repr(self):
        return f"stddev={self.stddev}"


class TopK(nn.Module):
    """The k largest numbers of every sample, 0 for all others; k_use of them where not training."""

    def __init__(self, k, k_use=None):
        super().__init__()
        self.k, self.k_use = k, k if k_use is None else k_use

    def forward(self, x):
        rows = x.flatten(1)
        values, places = rows.topk(self.k if self.training else self.k_use, dim=1)
        return torch.zeros_like(rows).scatter(1, places, values).view_as(x)

    def extra_repr(self):
        return f"k={self.k}, k_use={self.k_use}"


class GaussianSample(nn.Module):
    """x (N, 2 k) is mean and log variance: while training mu + exp(s / 2) eps with eps ~ N(0, 1), otherwise mu."""

    def forward(self, x):
        mu, s = x.chunk(2, dim=1)
        return mu + torch.exp(s / 2) * torch.randn_like(mu) if self.training else mu
