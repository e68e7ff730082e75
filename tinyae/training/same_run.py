"""Whether two runs are the same one: all that a run's numbers depend on, in words; where two such accounts differ.

Texts and checksums only: an account lies in a checkpoint, and a reader of a refusal sees both sides of the difference.
"""

import json
import zlib

import numpy as np

from tinyae.checks import UsageError, in_words
from tinyae.layers.states import named_layers, named_states
from tinyae.samples.lazy import in_pieces

MOST_DIFFERENCES = 3  # in one message
NET = "net at the start"
HINTS = {
    NET: " (made with another seed, or trained since; make it anew)",
    "generator": " (fit's seed is another)",
    "threads": " (give fit that number)",
}
WAYS_OUT = "use another folder, or delete the file to begin anew"


def describe_run(run, rng, callbacks, *, batch_size, shuffle, threads, settings):
    """{group: {name: text}}: equal for runs that compute the same bits, whatever their number of epochs.

    Parameters
    ----------
    run : Run
        Before the first step.
    rng : numpy.random.Generator
        As it is before the first epoch.
    callbacks : list of Callback
    batch_size, shuffle, threads : as the training loop uses them
    settings : dict
        What the caller wants to see compared by name, before all else.
    """
    account = {
        "settings": settings_in_words(settings),
        "net": describe_net(run.model),
        "training": {"batch_size": batch_size, "shuffle": bool(shuffle), "threads": threads}
        | {"optimizer": run.optimizer.name}
        | {f"optimizer's {name}": value for name, value in run.optimizer.config().items()}
        | {f"callback {number}": call_in_words(c.name, c.config()) for number, c in enumerate(callbacks, 1)},
        "data": describe_data(run.training, run.validation),
        "start": {NET: checksum_of_net(run.model), "generator": describe_generator(rng)},
    }
    return {group: {name: str(value) for name, value in values.items()} for group, values in account.items()}


def settings_in_words(settings):
    """{name: text} of {name: value}; a text stands as it is, without quotes."""
    return {name: value if isinstance(value, str) else in_words(value) for name, value in settings.items()}


def describe_net(model):
    """{name: text} for every layer of an Autoencoder, its loss, penalties, corruption, and the type of its numbers."""
    leaves = {path: repr(layer) for path, layer in named_layers(model) if not layer.children()}
    other = {name: value for name, value in model.config().items() if name not in ("encoder", "decoder")}
    corruption = {"corruption": in_words(model.corruption)} if model.corruption else {}  # may be a user's function
    return {"input_shape": model.input_shape, "dtype": model.theta.dtype} | leaves | other | corruption


def describe_data(training, validation):
    """{name: text} for the arrays trained on and those held out."""
    words = {}
    for part, pair in (("", training), ("validation ", validation)):
        if pair is not None:
            x, y = pair
            words |= {f"{part}x": describe_array(x), f"{part}y": "x" if y is x else describe_array(y)}
    return words


def describe_array(array):
    """'float32 (60000, 784) with checksum 9f01c2d3'; 190 MB in a tenth of a second."""
    checksum = 0
    for some in in_pieces(array):
        checksum = zlib.crc32(np.ascontiguousarray(some), checksum)
    return f"{array.dtype} {array.shape} with checksum {checksum:08x}"


def checksum_of_net(model):
    """A checksum over all parameters, and all that layers hold beside them."""
    checksum = zlib.crc32(model.theta)
    for array in named_states(model).values():
        checksum = zlib.crc32(np.ascontiguousarray(array), checksum)
    return f"checksum {checksum:08x}"


def describe_generator(rng):
    """The kind of generator, and a checksum of its state."""
    state = json.dumps(rng.bit_generator.state, default=lambda part: np.asarray(part).tolist(), sort_keys=True)
    return f"{type(rng.bit_generator).__name__} with checksum {zlib.crc32(state.encode()):08x}"


def call_in_words(name, settings):
    """'EarlyStopping(patience=5)'."""
    return f"{name}({', '.join(f'{k}={v!r}' for k, v in settings.items())})"


def differences(there, here):
    """What differs between two accounts, as text: a few names of the first group that does; '' for equal ones.

    Only the first group: a smaller validation part changes the data and the random numbers as well.
    """
    for group in here:
        old, new = there.get(group, {}), here[group]
        names = [name for name in old | new if old.get(name) != new.get(name)]
        if names:
            unlike = [f"{name} is {old.get(name, 'none')} there and {new.get(name, 'none')} here" for name in names]
            more = f"; {len(unlike) - MOST_DIFFERENCES} more" if len(unlike) > MOST_DIFFERENCES else ""
            return f"its {'; its '.join(unlike[:MOST_DIFFERENCES])}{more}{HINTS.get(names[0], '')}"
    return ""


def check_same_run(kept, account, path):
    """Raise UsageError unless the checkpoint `kept` is of the run that `account` describes.

    The net may be as it was before the first epoch, or as the checkpoint holds it: fit goes on in the same session.
    """
    there = {group: dict(values) for group, values in kept["account"].items()}
    if account["start"][NET] == there["now"][NET]:
        there["start"][NET] = there["now"][NET]
    unlike = differences(there, account)
    if unlike:
        raise UsageError(f"fit: expected the run that {path} holds, got another: {unlike}; {WAYS_OUT}.")


def check_epochs(kept, run, path, adjusted=False):
    """Raise UsageError where the epochs done would have had other learning rates in a run of `run.epochs` epochs.

    `adjusted`: a callback changes the rate, so that the last step's need not be the schedule's.
    """
    schedule, t = run.optimizer.schedule, kept["optimizer"]["t"]
    total_there, total_here = run.steps * kept["epochs"], run.steps * run.epochs

    def rates(total):
        return [float(schedule(step, total)) for step in range(t - run.steps * kept["epoch"], t)]

    if run.epochs < kept["epoch"]:
        raise UsageError(
            f"fit: expected at least {kept['epoch']} epochs, which are done in {path}, got {run.epochs}; {WAYS_OUT}."
        )
    if not adjusted and float(schedule(t - 1, total_there)) != kept["optimizer"]["lr"]:
        raise UsageError(
            f"fit: expected the learning rate {kept['optimizer']['lr']:g} of the last step in {path}, got "
            f"{schedule(t - 1, total_there):g}: {in_words(schedule)} is another schedule; {WAYS_OUT}."
        )
    if total_here != total_there and rates(total_here) != rates(total_there):
        raise UsageError(
            f"fit: expected {kept['epochs']} epochs, as in {path}, got {run.epochs}: the learning rate "
            f"{in_words(schedule)} depends on their number; {WAYS_OUT}."
        )
