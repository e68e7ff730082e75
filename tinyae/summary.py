"""A net as a table."""

from tinyae.layers.sequential import show_chain


def summary_table(model):
    """Every layer of an Autoencoder: output shape, number of parameters, multiply-adds of one forward pass of a sample.

    Multiply-adds are products that are added up: those of weights with inputs. As text.
    """
    rows = [
        ("layer", "kind", "output shape", "parameters", "multiply-adds"),
        ("input", "", str(model.input_shape), "0", "0"),
    ]
    for part in ("encoder", "decoder"):
        net = getattr(model, part)
        for name, layer in zip(net.layer_names, net.layers, strict=True):
            rows.append(
                (
                    f"{part}.{name}",
                    layer.name,
                    str(layer.output_shape),
                    f"{layer.n_params:,}",
                    f"{layer.multiply_adds:,}",
                )
            )
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = ["  ".join(_aligned(row, widths)).rstrip() for row in rows]
    rule = "-" * len(lines[0])
    chain = show_chain(model.encoder.shapes + model.decoder.shapes[1:])
    total = (
        f"{model.n_params:,} parameters, {_megabytes(model.theta.nbytes)}; {model.multiply_adds:,} multiply-adds a "
        f"sample; {chain}; loss {model.loss!r}"
    )
    return "\n".join([lines[0], rule, *lines[1:], rule, total])


def _aligned(row, widths):
    """Text to the left, the numbers in the last two columns to the right."""
    texts = [text.ljust(width) for text, width in zip(row[:-2], widths, strict=False)]
    return texts + [number.rjust(width) for number, width in zip(row[-2:], widths[-2:], strict=True)]


def _megabytes(n):
    return f"{n / 1e6:.1f} MB" if n >= 1e5 else f"{n / 1e3:.1f} kB"
