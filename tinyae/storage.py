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
from tinyae.layers.flat import flatten, parameters
from tinyae.layers.states import STATE, named_states
from tinyae.layers.untied import untied
from tinyae.penalties import PENALTIES
from tinyae.samples.preparation import Preparation
from tinyae.version import __version__

# The newest format this version reads. Raised when an older tinyae could not read what this one writes: format 2 adds
# the state of layers (BatchNorm's running statistics), format 3 is a Sequential alone, format 4 an Autoencoder whose
# output has another shape than its input. A file is written in the oldest format that holds it, so that an older tinyae
# reads it.
FORMAT, FORMAT_ALONE, FORMAT_WITH_STATE, FORMAT_WITHOUT_STATE = 4, 3, 2, 1


def save(model, path, preprocessing=None):
    """Write a net to `path` (.npz), atomically: a killed process leaves the old file or the new one.

    Parameters
    ----------
    model : Autoencoder or Sequential
        A Sequential such as `model.encoder` becomes a file of its own; a TiedDense in it a Dense, whose weights are
        those it used.
    path : str or Path
    preprocessing : Preparation or plain JSON (dict, list, text, number), optional
        What has to be done to data before the net takes them, such as {"scale": 1 / 255}. It is kept, not applied;
        `load(path).preprocessing` gives it back as JSON, which `Preparation.of(model)` makes one again. Without it,
        that of the model, where it came from a file.

    The file holds `theta` (all parameters in the order of the layers), `architecture`, a JSON text with the layers,
    the shapes, the loss, the preprocessing and the version of tinyae, and an array such as
    `state.encoder.batchnorm_1.mean` for all that layers hold beside their parameters.
    """
    if isinstance(model, Autoencoder):
        kind, net, theta = "Autoencoder", model, model.theta
    elif isinstance(model, Sequential):
        kind, (net, theta) = "Sequential", _alone(model)
    else:
        raise UsageError(f"save: expected an Autoencoder or a Sequential, got {type(model).__name__}.")
    states = named_states(net)
    architecture = {
        "format": _oldest_format(net, states),
        "tinyae": __version__,
        "kind": kind,
        "input_shape": list(net.input_shape),
        "dtype": theta.dtype.name,
        "config": net.config(),
    }
    preprocessing = model.preprocessing if preprocessing is None else preprocessing
    if isinstance(preprocessing, Preparation):
        preprocessing = preprocessing.to_json()
    if preprocessing is not None:
        architecture["preprocessing"] = _plain_json(preprocessing)

    def write(temporary):
        with open(temporary, "wb") as f:
            np.savez(f, theta=theta, architecture=np.array(json.dumps(architecture)), **states)

    write_atomically(path, write)


def _oldest_format(net, states):
    if isinstance(net, Sequential):
        return FORMAT_ALONE
    if net.output_shape != net.input_shape:
        return FORMAT
    return FORMAT_WITH_STATE if states else FORMAT_WITHOUT_STATE


def _alone(net):
    """A built Sequential without ties to another net, and its parameters in one vector."""
    if net.output_shape is None:
        raise UsageError("save: expected a built Sequential, got one without shapes; call build(input_shape).")
    net = untied(net)
    arrays = [layer.params[name].ravel() for _, layer, name in parameters(net)]
    return net, np.concatenate(arrays) if arrays else np.empty(0, np.float32)


def _plain_json(value):
    """`value` itself; UsageError unless JSON gives it back as it is."""
    try:
        why = None if json.loads(json.dumps(value, allow_nan=False)) == value else "a tuple, or a key that is no text"
    except (TypeError, ValueError, RecursionError) as error:
        why = str(error).splitlines()[0]
    if why:
        raise UsageError(
            "save: expected preprocessing that JSON gives back as it is (dict, list, text, finite number, true or "
            f"false), got {why}; use lists, float(...) and text for keys."
        )
    return value


def load(path):
    """The Autoencoder or Sequential in the file `path`, ready for use.

    An Autoencoder has `encode`, `decode`, `reconstruct`; a Sequential has `forward(x)` for a batch x (N, ...). The
    `preprocessing` of both is what `save` was given, or None: apply it yourself.

    Raises
    ------
    UsageError
        No such file, not a model, truncated, from a newer version, or with numbers that are not finite.
    """
    path = Path(path)
    theta, architecture, states = _read(path)
    _check_format(architecture, path)
    model, mine = _model(architecture, path)
    if theta.shape != mine.shape or theta.dtype != mine.dtype:
        raise UsageError(
            f"load: expected {mine.size} parameters of {mine.dtype} in {path}, "
            f"got shape {theta.shape} of {theta.dtype}."
        )
    if not np.isfinite(theta).all():
        raise UsageError(f"load: expected finite parameters in {path}, got NaN or infinity.")
    _check_states(named_states(model), states, path)
    mine[:] = theta
    for name, array in named_states(model).items():
        array[...] = states[name]
    model.preprocessing = architecture.get("preprocessing")
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


def _check_format(architecture, path):
    """Raise UsageError for what is no model, and for a format of the future."""
    version = architecture.get("format") if isinstance(architecture, dict) else None
    if isinstance(version, int) and version > FORMAT:  # first: a newer file may hold kinds nobody here has heard of
        raise UsageError(
            f"load: expected format {FORMAT} or older in {path}, got {version}; install a newer tinyae "
            f"(the file is from version {architecture.get('tinyae', 'unknown')}, this is {__version__})."
        )
    if not isinstance(architecture, dict) or architecture.get("kind") not in ("Autoencoder", "Sequential"):
        raise UsageError(
            f"load: expected an Autoencoder or a Sequential in {path}, got something else; was it made by tinyae.save?"
        )
    if not isinstance(version, int):
        raise UsageError(f"load: expected a format number in {path}, got {version!r}.")


def _model(architecture, path):
    """A net of the architecture in a file, and the vector its parameters are in, with any numbers in it."""
    try:
        config, shape, dtype = architecture["config"], architecture["input_shape"], _float_type(architecture["dtype"])
        if architecture["kind"] == "Sequential":
            net = _sequential(config).build(shape, dtype=dtype)
            return net, flatten(net, dtype)[0]
        model = Autoencoder(
            _sequential(config["encoder"]),
            _sequential(config["decoder"]),
            loss=config["loss"],
            input_shape=shape,
            dtype=dtype,
            penalty=[_penalty(*spec) for spec in config.get("penalty", ())],
            corruption=_corruption(*config["corruption"]) if "corruption" in config else None,
            target_shape=config.get("target_shape"),
        )
        return model, model.theta
    except (KeyError, TypeError, ValueError, MemoryError) as why:
        raise UsageError(
            f"load: expected an architecture this version knows in {path}, got {str(why).rstrip('.')}."
        ) from None


def _float_type(name):
    if name not in ("float32", "float64"):
        raise ValueError(f"numbers of type {name}")
    return np.dtype(name)


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
