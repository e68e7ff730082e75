"""What goes on inside a net for some samples: every layer's output, and the loss's gradient in it and in the weights.

Arrays by name, for pictures and for numbers of one's own. `tinyae.trace` keeps every number of a small batch with its
formula; these functions keep less, in the net's own float type, and take as many samples as fit into memory.
"""

import numpy as np

from tinyae.checks import UsageError, as_float_array, check_finite, check_samples
from tinyae.layers.flat import named_views


def layer_outputs(model, x):
    """Every layer's output for x.

    Parameters
    ----------
    model : Autoencoder
        Without noise, as in use. It is not changed, nor by the other functions here.
    x : array (N, *model.input_shape)

    Returns
    -------
    dict of str to array
        "input": x, then "encoder.dense_1", ..., "decoder.sigmoid_1": (N, *output shape of that layer), in order.

    Examples
    --------
    >>> [(name, y.shape) for name, y in layer_outputs(model, x[:5]).items()]
    """
    x, _ = _checked("layer_outputs", model, x, None)
    twin, outputs = _twin(model), {"input": x}
    for name, layer in _named_layers(twin):
        outputs[name] = x = layer.forward(x)
    return outputs


def parameter_gradients(model, x, target=None):
    """dL/dtheta of every parameter, L the loss with its penalties, mean over x.

    Parameters
    ----------
    model : Autoencoder
    x : array (N, *model.input_shape)
    target : array (N, *model.output_shape), optional
        What the output should be; x itself without it.

    Returns
    -------
    dict of str to array
        "encoder.dense_1.W": like that parameter, and so on, in the order of `model.theta`.
    """
    x, target = _checked("parameter_gradients", model, x, target)
    twin = _twin(model)
    twin.loss_and_gradient(x, target)
    return named_views(twin, twin.gradient)


def output_gradients(model, x, target=None):
    """dL/dy in every layer's output y: how the loss changes with the numbers between two layers.

    Where the loss takes the output unit and itself in one step (x' - x, `tinyae.losses`), the decoder's last entry is
    the gradient in that unit's input, dL/da. Penalties of the code are part of L; those of the encoder as a whole
    (`tinyae.contractive`), which depend on its weights directly, are left out.

    Parameters
    ----------
    model : Autoencoder
    x : array (N, *model.input_shape)
    target : array (N, *model.output_shape), optional

    Returns
    -------
    dict of str to array
        "encoder.dense_1": (N, *output shape of that layer), and so on, in the order of the forward pass. Divided by N:
        L is a mean over the samples.
    """
    x, target = _checked("output_gradients", model, x, target)
    twin, gradients = _twin(model), {}
    twin.x = x
    a = twin.before_output(x)
    dy = twin.loss.value_and_gradient(a, target, len(x))[1]
    with twin._penalised(len(x)):
        for place, (name, layer) in enumerate(reversed(list(_named_layers(twin)))):
            if place == len(twin.decoder.layers):  # dy is dL/dcode now
                for penalty in reversed(twin.code_penalties):
                    dy = penalty.backward(dy)
            gradients[name] = dy
            matched = twin.matched and not place
            dy = layer.backward_before_output(dy) if matched else layer.backward(dy)
    return dict(reversed(gradients.items()))


def _twin(model):
    """The same net with parameters, gradients and memory of its own, without noise."""
    twin = model.astype(model.theta.dtype)
    twin.set_training(False)
    return twin


def _named_layers(model):
    for part in ("encoder", "decoder"):
        net = getattr(model, part)
        for name, layer in zip(net.layer_names, net.layers, strict=True):
            yield f"{part}.{name}", layer


def _checked(who, model, x, target):
    """x and target in the net's float type; the target is x where it is None."""
    pair = []
    for name, array, shape in (("x", x, model.input_shape), ("target", target, model.output_shape)):
        if array is None:
            array = pair[0]
        array = as_float_array(who, array, model.theta.dtype, name)
        if name == "x" or target is not None:
            check_samples(who, array, shape, name)
            missing = name == "target" and model.loss.missing
            check_finite(who, np.where(np.isnan(array), 0, array) if missing else array, name)
        pair.append(array)
    if not len(pair[0]):
        raise UsageError(f"{who}: expected at least one sample in x, got none.")
    if len(pair[1]) != len(pair[0]):
        raise UsageError(f"{who}: expected as many targets as inputs, got {len(pair[1])} and {len(pair[0])}.")
    return tuple(pair)
