"""Reading models from files written by `saving`. Loading trusts nothing."""

import json
import zipfile

import numpy as np

from tinyae.checks import UsageError
from tinyae.files import read_npz
from tinyae.keras import layers as keras_layers
from tinyae.keras import losses, optimizers
from tinyae.keras.base import Input
from tinyae.keras.model import Model
from tinyae.keras.saving import FORMAT, KIND
from tinyae.keras.sequential import Sequential
from tinyae.keras.unsupported import refuse_arguments

LOAD_ARGUMENTS = {
    "custom_objects": (None, "files hold layers of tinyae alone"),
    "safe_mode": (True, "nothing in a file is run"),
}


def load_model(path, compile=True, **given):
    """The Model in a file written by `Model.save`.

    With `compile` it is compiled as it was, and the optimizer goes on where it was. A model compiled with an optimizer,
    a schedule or a loss of one's own comes back without: compile it again.

    Raises
    ------
    UsageError
        No such file, not such a model, truncated, from a newer version, or with numbers that are not finite.
    """
    refuse_arguments("load_model", given, LOAD_ARGUMENTS)
    if is_keras_own(path):
        raise UsageError(
            f"load_model: expected a file of tinyae.keras, got {path}, which is Keras's own; make the same net here "
            "and carry the weights over, by get_weights in Keras and set_weights here."
        )
    text, arrays = read_npz(path, _read, "load_model", "model file written by Model.save")
    if not isinstance(text, dict) or text.get("kind") != KIND:
        raise UsageError(f"load_model: expected a model of tinyae.keras in {path}, got another one; use tinyae.load.")
    if text.get("format") != FORMAT:
        raise UsageError(f"load_model: expected format {FORMAT} in {path}, got {text.get('format')!r}; update tinyae.")
    try:
        model = make(text["model"])
        model.set_weights([arrays.get(f"weight.{number}", ()) for number in range(len(model.weights))])
        if compile and text["compiled"]:
            resume(model, text["compiled"], arrays)
    except (KeyError, TypeError, ValueError, AttributeError, IndexError, MemoryError, RecursionError) as why:
        raise UsageError(
            f"load_model: expected a model this version knows in {path}, got {str(why).rstrip('.')}."
        ) from None
    if not all(np.isfinite(w).all() for w in model.weights):
        raise UsageError(f"load_model: expected finite weights in {path}, got NaN or infinity.")
    return model


def is_keras_own(path):
    """Whether Keras wrote this file."""
    try:
        with zipfile.ZipFile(path) as file:
            return "model.weights.h5" in file.namelist()
    except (OSError, zipfile.BadZipFile):
        return False


def _read(file):
    arrays = {name: file[name] for name in file.files}
    return json.loads(str(arrays.pop("architecture"))), arrays


def make(spec):
    """The model of which `describe` gave `spec`, with fresh weights."""
    inputs = Input(spec["input_shape"])
    chain = [
        make(layer) if "layers" in layer else keras_layers.LAYERS[layer["class_name"]](**layer["config"])
        for layer in spec["layers"]
    ]
    if spec["class_name"] == "Sequential":
        return Sequential([inputs, *chain], name=spec["name"])
    tensor = inputs
    for layer in chain:
        tensor = layer(tensor)
    return Model(inputs, tensor, name=spec["name"])


def resume(model, compiled, arrays):
    """Compile a model as `training_of` says, its optimizer where it was."""
    model.compile(optimizers.get(compiled["optimizer"]), losses.get(compiled["loss"]))
    vectors = {name.removeprefix("optimizer."): a for name, a in arrays.items() if name.startswith("optimizer.")}
    model.optimizer.load_state_dict(compiled["numbers"] | vectors)
