"""A model as a table, with Keras's columns."""


def summary_table(model):
    """Name and class, output shape and number of parameters of every layer, as text."""
    rows = [("Layer (type)", "Output Shape", "Param #")]
    rows += [(f"{layer.name} ({type(layer).__name__})", shape, f"{n:,}") for layer, shape, n in lines_of(model)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = [f"{a:<{widths[0]}}  {b:<{widths[1]}}  {c:>{widths[2]}}" for a, b, c in rows]
    rule = "-" * len(lines[0])
    trainable = sum(net.n_params for net in model.nets or ())
    totals = [
        f"Total params: {model.count_params():,}",
        f"Trainable params: {trainable:,}",
        f"Non-trainable params: {model.count_params() - trainable:,}",
    ]
    return "\n".join([f'Model: "{model.name}"', rule, lines[0], rule, *lines[1:], rule, *totals])


def lines_of(model):
    """(layer, output shape as text, number of parameters) of every layer of a model."""
    if model.nets is None:
        return [(layer, "?", layer.count_params()) for layer in model.layers]
    tensors = [model.output]
    while tensors[0] is not model.input:
        tensors.insert(0, tensors[0].source)
    shapes = [str(t.shape) for t in tensors[len(tensors) - len(model.layers) :]]
    return [(layer, shape, layer.count_params()) for layer, shape in zip(model.layers, shapes, strict=True)]
