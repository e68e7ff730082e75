"""Models as files: .npz without pickle, the architecture as JSON beside the arrays. Loading trusts nothing."""

import json
from pathlib import Path

import numpy as np

from tinyae.autoencoder import Autoencoder
from tinyae.checks import UsageError
from tinyae.contractive import ENCODER_PENALTIES
from tinyae.corruption import CORRUPTIONS
from tinyae.files import read_npz, write_atomically
from tinyae.layers import LAYERS, Sequential
from tinyae.layers.states import STATE, named_states
from tinyae.penalties import PENALTIES

# The newest format this version reads. Raised when an older tinyae could not read what this one writes: format 2 adds
# the state of layers (BatchNorm's running statistics). A net without state is still written as format 1, the same
# file as before, so that an older tinyae reads it.
FORMAT, FORMAT_WITHOUT_STATE = 2, 1


def save(model, path):
    """Write an Autoencoder to `path` (.npz), atomically: a killed process leaves the old file or the new one.

    The file holds `theta` (all parameters in the order of the layers), `architecture`, a JSON text with the layers,
    the shapes and the loss, and an array such as `state.encoder.batchnorm_1.mean` for all that layers hold beside
    their parameters.
    """
    states = named_states(model)
    architecture = {
        "format": FORMAT if states else FORMAT_WITHOUT_STATE,
        "kind": "Autoencoder",
        "input_shape": list(model.input_shape),
        "dtype": model.theta.dtype.name,
        "config": model.config(),
    }

    def write(temporary):
        with open(temporary, "wb") as f:
            np.savez(f, theta=model.theta, architecture=np.array(json.dumps(architecture)), **states)

    write_atomically(path, write)


def load(path):
    """The Autoencoder in the file `path`.

    Raises
    ------
    UsageError
        No such file, not a model, truncated, from a newer version, or with numbers that are not finite.
    """
    path = Path(path)
    theta, architecture, states = _read(path)
    model = _model(architecture, path)
    if theta.shape != model.theta.shape or theta.dtype != model.theta.dtype:
        raise UsageError(
            f"load: expected {model.theta.size} parameters of {model.theta.dtype} in {path}, "
            f"got shape {theta.shape} of {theta.dtype}."
        )
    if not np.isfinite(theta).all():
        raise UsageError(f"load: expected finite parameters in {path}, got NaN or infinity.")
    _check_states(named_states(model), states, path)
    model.theta[:] = theta
    for name, array in named_states(model).items():
        array[...] = states[name]
    return model


def _check_states(want, got, path):
    """Raise UsageError unless `got` holds the state arrays `want`, of their shapes and types, and finite."""
    if set(want) != set(got):
        unlike = ", ".join(sorted(set(want) ^ set(got)))
        raise UsageError(
            f"load: expected {len(want)} state arrays of the layers in {path}, got {len(got)}; they differ in {unlike}."
        )
    for name, array in want.items():
        if got[name].shape != array.shape or got[name].dtype != array.dtype:
            raise UsageError(
                f"load: expected {name} of shape {array.shape} of {array.dtype} in {path}, "
                f"got shape {got[name].shape} of {got[name].dtype}."
            )
        if not np.isfinite(got[name]).all():
            raise UsageError(f"load: expected finite numbers in {name} in {path}, got NaN or infinity.")


def _model(architecture, path):
    """A net of the architecture in a file, with any parameters."""
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
        return Autoencoder(
            _sequential(config["encoder"]),
            _sequential(config["decoder"]),
            loss=config["loss"],
            input_shape=architecture["input_shape"],
            dtype=np.dtype(architecture["dtype"]),
            penalty=[_penalty(*spec) for spec in config.get("penalty", ())],
            corruption=_corruption(*config["corruption"]) if "corruption" in config else None,
        )
    except (KeyError, TypeError, ValueError, MemoryError) as why:
        raise UsageError(
            f"load: expected an architecture this version knows in {path}, got {str(why).rstrip('.')}."
        ) from None


def _read(path):
    """theta, the architecture, and the state arrays by name in a file."""

    def parse(file):
        states = {name: file[name] for name in file.files if name.startswith(STATE)}
        return file["theta"], json.loads(str(file["architecture"])), states

    return read_npz(path, parse, "load", "model file written by tinyae.save")


def _penalty(kind, settings):
    return (PENALTIES | ENCODER_PENALTIES)[kind](**settings)


def _corruption(kind, settings):
    return {c.__name__: c for c in CORRUPTIONS.values()}[kind](**settings)


def _sequential(config):
    return Sequential([_layer(kind, settings) for kind, settings in config["layers"]])


def _layer(kind, settings):
    return _sequential(settings) if kind == "Sequential" else LAYERS[kind](**settings)
