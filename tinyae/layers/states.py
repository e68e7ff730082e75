"""What the layers of a net hold beside their parameters, by name."""

from tinyae.layers.sequential import Sequential, number_names

STATE = "state."  # begins the name of every state array


def named_states(model):
    """{'state.encoder.batchnorm_1.mean': array, ...}: what a model's layers hold beside parameters."""
    return {
        f"{STATE}{path}.{name}": array for path, layer in named_layers(model) for name, array in layer.state.items()
    }


def named_layers(model):
    """(path, layer) of every layer of a model, in a fixed order.

    Those of an Autoencoder are in its `encoder` and its `decoder`, those of a Sequential in a `net`.
    """
    parts = {"net": model} if isinstance(model, Sequential) else {"encoder": model.encoder, "decoder": model.decoder}
    for part, net in parts.items():
        yield from _below(part, net)


def _below(path, net):
    yield path, net
    children = list(net.children())
    for name, child in zip(number_names(children), children, strict=True):
        yield from _below(f"{path}.{name}", child)
