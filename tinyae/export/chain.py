"""A net as the plain chain of steps that every export walks through: which nets, which layers, where channels stand."""

from typing import NamedTuple

from tinyae.checks import UsageError, check_choice
from tinyae.layers import (
    ActivityPenalty,
    AveragePool,
    BatchNorm,
    Conv2D,
    ConvTranspose,
    Crop,
    Dropout,
    GaussianNoise,
    MaxPool,
    Sequential,
    UpSample,
    ZeroPad,
)
from tinyae.layers.activations import Activation

PARTS = ("autoencoder", "encoder", "decoder")


def nets_of(who, model, part="autoencoder"):
    """The nets to export, in the order they are passed: dict of name to built Sequential.

    Parameters
    ----------
    who : str
        Who asks, for errors.
    model : Autoencoder or Sequential
        A Sequential is one net, called "net"; it has no parts.
    part : {"autoencoder", "encoder", "decoder"}
        "autoencoder" is the whole model.
    """
    check_choice(who, "part", part, PARTS)
    nets = {name: getattr(model, name, None) for name in ("encoder", "decoder")}
    if isinstance(model, Sequential):
        if part != "autoencoder":
            raise UsageError(f"{who}: expected no part for a Sequential, got {part!r}; it is exported whole.")
        nets = {"net": model}
    elif not all(isinstance(net, Sequential) for net in nets.values()):
        raise UsageError(f"{who}: expected an Autoencoder or a Sequential, got {type(model).__name__}.")
    elif part != "autoencoder":
        nets = {part: nets[part]}
    for name, net in nets.items():
        if net.output_shape is None:
            raise UsageError(f"{who}: expected a built {name}, got one without shapes; call build(input_shape).")
    return nets


def layers_of(name, net):
    """(path, layer) of every layer of a Sequential that computes something, nets within it included, in order.

    An activation that belongs to a layer comes right after it, as a layer of its own: its path is that of the layer
    with the activation's kind behind, as in `encoder.conv2d_1_relu`.
    """
    for child_name, layer in zip(net.layer_names, net.layers, strict=True):
        path = f"{name}.{child_name}"
        if isinstance(layer, Sequential):
            yield from layers_of(path, layer)
            continue
        yield path, layer
        if getattr(layer, "activation", None) is not None:
            yield f"{path}_{layer.activation.name.lower()}", layer.activation


def check_known(who, target, nets, known):
    """Raise UsageError for the first layer whose kind is not in `known`: a user's own, above all.

    A class derived from a known one is not known: it may compute something else.
    """
    for name, net in nets.items():
        for path, layer in layers_of(name, net):
            if type(layer) not in known:
                raise UsageError(
                    f"{who}: expected layers of tinyae.layers, got {layer.name} ({path}), whose form in {target} is "
                    "not known; export Sequentials of the layers before and behind it, and write it there by hand."
                )


class Move(NamedTuple):
    """A change of the order of axes, batch axis included: `order` as numpy.transpose takes it."""

    order: tuple[int, ...]


CHANNELS_FIRST = (Conv2D, ConvTranspose, MaxPool, AveragePool, UpSample, Crop, ZeroPad, BatchNorm)
EITHER_ORDER = (Activation, Dropout, GaussianNoise, ActivityPenalty)


def with_moves(steps):
    """`steps` with a Move wherever channels have to change their place.

    tinyae's channels come last, (N, H, W, C). PyTorch and ONNX have them first, (N, C, H, W), in layers that look at
    neighbouring pixels. Layers that look at single numbers take either order, all others tinyae's; the chain begins
    and ends in tinyae's.
    """
    first = False
    for path, layer in steps:
        shape = layer.input_shape
        wanted = isinstance(layer, CHANNELS_FIRST) and len(shape) > 1
        if isinstance(layer, EITHER_ORDER):
            wanted = first
        if wanted != first:
            yield _move(path, wanted, len(shape))
        yield path, layer
        first, shape, last = wanted, layer.output_shape, path
    if first:
        yield _move(last, False, len(shape))


def _move(path, first, n_axes):
    """Path and Move that bring the last of n_axes axes of a sample to the front, or back."""
    axes = tuple(range(1, n_axes + 1))
    if first:
        return f"{path}_channels_first", Move((0, n_axes, *axes[:-1]))
    return f"{path}_channels_last", Move((0, *axes[1:], 1))
