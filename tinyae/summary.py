"""A net as a table."""

from tinyae.layers.sequential import show_chain


def summary_table(model):
    """Every layer of an Autoencoder with its output shape and number of parameters, as text."""
    rows = [("layer", "kind", "output shape", "parameters"), ("input", "", str(model.input_shape), "0")]
    for part in ("encoder", "decoder"):
        net = getattr(model, part)
        for name, layer in zip(net.layer_names, net.layers, strict=True):
            rows.append((f"{part}.{name}", layer.name, str(layer.output_shape), f"{layer.n_params:,}"))
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = ["  ".join(_aligned(row, widths)).rstrip() for row in rows]
    rule = "-" * len(lines[0])
    chain = show_chain(model.encoder.shapes + model.decoder.shapes[1:])
    total = f"{model.n_params:,} parameters, {model.theta.nbytes / 1e6:.1f} MB; {chain}; loss {model.loss!r}"
    return "\n".join([lines[0], rule, *lines[1:], rule, total])


def _aligned(row, widths):
    """Text to the left, the number in the last column to the right."""
    *texts, number = row
    return [text.ljust(width) for text, width in zip(texts, widths, strict=False)] + [number.rjust(widths[-1])]
