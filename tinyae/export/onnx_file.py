"""Nets as ONNX files."""

from pathlib import Path

from tinyae.checks import UsageError
from tinyae.export.chain import nets_of
from tinyae.files import write_atomically


def to_onnx(model, path, part="autoencoder"):
    """Write a net to `path` as an ONNX file, checked and whole or not at all.

    Parameters
    ----------
    model : Autoencoder or Sequential
        A Sequential, such as an encoder alone, is exported whole.
    path : str or Path
    part : {"autoencoder", "encoder", "decoder"}
        What of an Autoencoder: x -> x', x -> code, or code -> x'.

    Raises
    ------
    UsageError
        Without the package onnx; for a layer of one's own, which has no known form in ONNX.

    Notes
    -----
    The graph has one input `x` and one output `y`, both float32 and in tinyae's layout: rows (N, D) or images
    (N, H, W, C), for any N. It computes what `reconstruct`, `encode` and `decode` do: a net in use, so Dropout,
    GaussianNoise and penalties are left out, a GaussianCode is its mean, KSparse keeps k_use, BatchNorm takes its
    running statistics. Parameters in float64 are rounded to float32.

    Examples
    --------
    >>> to_onnx(model, "encoder.onnx", part="encoder")
    >>> session = onnxruntime.InferenceSession("encoder.onnx")
    >>> codes = session.run(None, {"x": x.astype(np.float32)})[0]  # model.encode(x), within rounding
    """
    nets = nets_of("to_onnx", model, part)
    try:
        from tinyae.export import onnx_graph
    except ImportError as why:
        raise UsageError(f"to_onnx: needs the package onnx ({why}); pip install 'tinyae[export]'.") from None
    content = onnx_graph.model_of(nets).SerializeToString()
    write_atomically(path, lambda temporary: Path(temporary).write_bytes(content))
