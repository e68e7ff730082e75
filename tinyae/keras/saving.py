"""Writing models to files: .npz without pickle, the layers as JSON beside the arrays. `loading` reads them."""

import json
from pathlib import Path

import numpy as np

from tinyae.checks import UsageError
from tinyae.files import write_atomically
from tinyae.keras import losses, optimizers
from tinyae.keras.base import InputLayer
from tinyae.keras.other_layers import TinyaeLayer
from tinyae.layers import LAYERS as NATIVE_LAYERS

KIND, FORMAT = "tinyae.keras", 1


def save_model(model, path, overwrite=True):
    """Write a Model to `path` atomically; see `Model.save`."""
    path = Path(path)
    if path.suffix.lower() in (".h5", ".hdf5"):
        raise UsageError(f"save: expected a path that ends in .npz or .keras, got {path}; HDF5 files are not written.")
    if path.exists() and not overwrite:
        raise UsageError(f"save: expected a new file, got {path}, which exists; use overwrite=True.")
    if model.nets is None:
        raise UsageError(f"save: expected a model with weights, got {model!r} without; give it an Input.")
    compiled, state = training_of(model)
    text = {"kind": KIND, "format": FORMAT, "model": describe(model), "compiled": compiled}
    arrays = {f"weight.{number}": w for number, w in enumerate(model.weights)} | state

    def write(temporary):
        with open(temporary, "wb") as f:
            np.savez(f, architecture=np.array(json.dumps(text, default=plain)), **arrays)

    write_atomically(path, write)


def describe(model):
    """A model's layers as plain JSON types; a model among them likewise."""
    layers = []
    for layer in model.layers:
        if isinstance(layer, InputLayer):
            continue
        config = layer.get_config()
        if isinstance(layer, TinyaeLayer) and config["layer"][0] not in NATIVE_LAYERS:
            raise UsageError(f"save: expected layers of tinyae's own, got {layer!r}; keep get_weights() of the model.")
        nested = hasattr(layer, "layers")
        layers.append(describe(layer) if nested else {"class_name": type(layer).__name__, "config": config})
    return {
        "class_name": model.file_kind,
        "name": model.name,
        "input_shape": model.input.sample_shape,
        "layers": layers,
    }


def training_of(model):
    """How a model was compiled, as JSON types, and the optimizer's arrays; (None, {}) where that has no name."""
    loss, optimizer = model.loss, model.optimizer
    if type(loss) not in losses.BY_NAME.values() or type(optimizer) not in optimizers.BY_NAME.values():
        return None, {}
    config = optimizer.get_config()
    rate = config["learning_rate"]
    if isinstance(rate, list) and rate[0] not in optimizers.SCHEDULES:
        return None, {}
    state = optimizer.state_dict()
    compiled = {
        "loss": {"class_name": type(loss).__name__, "config": loss.get_config()},
        "optimizer": {"class_name": type(optimizer).__name__, "config": config},
        "numbers": {name: value for name, value in state.items() if not isinstance(value, np.ndarray)},
    }
    vectors = {f"optimizer.{name}": value for name, value in state.items() if isinstance(value, np.ndarray)}
    return compiled, vectors


def plain(value):
    """What JSON does not know as what it knows: NumPy's numbers as numbers."""
    if isinstance(value, np.generic):
        return value.item()
    raise TypeError(f"{type(value).__name__} has no place in a file")
