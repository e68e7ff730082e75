"""Models as files: .npz without pickle, the architecture as JSON beside the parameters. Loading trusts nothing."""

import json
import zipfile
import zlib
from pathlib import Path

import numpy as np

from tinyae.autoencoder import Autoencoder
from tinyae.checks import UsageError
from tinyae.files import write_atomically
from tinyae.layers import LAYERS, Sequential

FORMAT = 1  # raised when an older tinyae could not read what this one writes


def save(model, path):
    """Write an Autoencoder to `path` (.npz), atomically: a killed process leaves the old file or the new one.

    The file holds `theta` (all parameters in the order of the layers), and `architecture`, a JSON text with the
    layers, the shapes and the loss.
    """
    architecture = {
        "format": FORMAT,
        "kind": "Autoencoder",
        "input_shape": list(model.input_shape),
        "dtype": model.theta.dtype.name,
        "config": model.config(),
    }

    def write(temporary):
        with open(temporary, "wb") as f:
            np.savez(f, theta=model.theta, architecture=np.array(json.dumps(architecture)))

    write_atomically(path, write)


def load(path):
    """The Autoencoder in the file `path`.

    Raises
    ------
    UsageError
        No such file, not a model, truncated, from a newer version, or with numbers that are not finite.
    """
    path = Path(path)
    theta, architecture = _read(path)
    if not isinstance(architecture, dict) or architecture.get("kind") != "Autoencoder":
        raise UsageError(f"load: expected an Autoencoder in {path}, got something else; was it made by tinyae.save?")
    if not isinstance(architecture.get("format"), int):
        raise UsageError(f"load: expected a format number in {path}, got {architecture.get('format')!r}.")
    if architecture["format"] > FORMAT:
        raise UsageError(
            f"load: expected format {FORMAT} or older in {path}, got {architecture['format']}; install a newer tinyae."
        )
    try:
        config = architecture["config"]
        model = Autoencoder(
            _sequential(config["encoder"]),
            _sequential(config["decoder"]),
            loss=config["loss"],
            input_shape=architecture["input_shape"],
            dtype=np.dtype(architecture["dtype"]),
        )
    except (KeyError, TypeError, ValueError, MemoryError) as why:
        raise UsageError(f"load: expected an architecture this version knows in {path}, got {why}.") from None
    if theta.shape != model.theta.shape or theta.dtype != model.theta.dtype:
        raise UsageError(
            f"load: expected {model.theta.size} parameters of {model.theta.dtype} in {path}, "
            f"got shape {theta.shape} of {theta.dtype}."
        )
    if not np.isfinite(theta).all():
        raise UsageError(f"load: expected finite parameters in {path}, got NaN or infinity.")
    model.theta[:] = theta
    return model


def _read(path):
    try:
        with open(path, "rb") as f, np.load(f, allow_pickle=False) as file:
            return file["theta"], json.loads(str(file["architecture"]))
    except FileNotFoundError:
        raise UsageError(f"load: expected a model file, got {path}, which does not exist.") from None
    except (OSError, EOFError, LookupError, ValueError, TypeError, RuntimeError, zipfile.BadZipFile, zlib.error) as why:
        reason = (str(why) or type(why).__name__).splitlines()[0]
        raise UsageError(f"load: expected a whole model file written by tinyae.save, got {path} ({reason}).") from None


def _sequential(config):
    return Sequential([_layer(kind, settings) for kind, settings in config["layers"]])


def _layer(kind, settings):
    return _sequential(settings) if kind == "Sequential" else LAYERS[kind](**settings)
