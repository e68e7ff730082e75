"""All parameters of a net in one vector theta, all gradients in another; layers hold views.

An optimizer is then a formula on vectors, a sum over threads is a sum of vectors, and a checkpoint is a few arrays.
"""

import numpy as np


def flatten(net, dtype=None):
    """Move the parameters of every layer of `net` into one vector and leave views behind.

    Returns
    -------
    theta, gradient : arrays (n_params,)
        Writing to theta changes the net; after `backward` the gradient vector holds dL/dtheta.
    """
    arrays = [layer.params[name] for _, layer, name in parameters(net)]
    dtype = dtype or (arrays[0].dtype if arrays else np.float32)
    theta = np.concatenate([a.ravel() for a in arrays]).astype(dtype) if arrays else np.empty(0, dtype)
    point_params_at(net, theta)
    gradient = np.zeros_like(theta)
    point_grads_at(net, gradient)
    return theta, gradient


def parameters(net):
    """Every (path, layer, parameter name) of `net`, in the order of the flat vector."""
    for path, layer in net.owners():
        for name in layer.params:
            yield path, layer, name


def point_params_at(net, theta):
    """Make every layer's params views into theta."""
    for layer, name, view in _views(net, theta):
        layer.params[name] = view


def point_grads_at(net, gradient):
    """Make every layer's grads views into `gradient`: a worker's replica gets a vector of its own."""
    for layer, name, view in _views(net, gradient):
        layer.grads[name] = view


def named_views(net, vector):
    """{'dense_1.W': view, ...}: a flat vector of the net's size by parameter name."""
    names = [f"{path}.{name}" if path else name for path, _, name in parameters(net)]
    return dict(zip(names, (view for _, _, view in _views(net, vector)), strict=True))


def _views(net, vector):
    start = 0
    for _, layer, name in list(parameters(net)):
        shape = layer.params[name].shape
        stop = start + int(np.prod(shape))
        yield layer, name, vector[start:stop].reshape(shape)
        start = stop
