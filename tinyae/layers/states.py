"""What the layers of a net hold beside their parameters, by name."""

from tinyae.layers.sequential import number_names

STATE = "state."  # begins the name of every state array


def named_states(model):
    """{'state.encoder.batchnorm_1.mean': array, ...}: what an Autoencoder's layers hold beside parameters."""
    return {
        f"{STATE}{path}.{name}": array for path, layer in named_layers(model) for name, array in layer.state.items()
    }


def named_layers(model):
    """(path, layer) of every layer in the encoder and the decoder of an Autoencoder, in a fixed order."""
    for part in ("encoder", "decoder"):
        yield from _below(part, getattr(model, part))


def _below(path, net):
    yield path, net
    children = list(net.children())
    for name, child in zip(number_names(children), children, strict=True):
        yield from _below(f"{path}.{name}", child)
