"""compile, fit, evaluate: a chain of layers trained as a `tinyae.Autoencoder`."""

import contextlib
import math

import numpy as np

from tinyae.autoencoder import Autoencoder
from tinyae.checks import UsageError, check_choice, check_float, check_int
from tinyae.keras import losses, optimizers
from tinyae.keras.base import DTYPE, as_batch, in_a_row
from tinyae.keras.bridge import Bridge
from tinyae.keras.callbacks import Callback, History
from tinyae.keras.unsupported import refuse_arguments
from tinyae.keras.utils import new_rng
from tinyae.kernels.config import announce_compiling
from tinyae.layers import Linear
from tinyae.layers.activations import Activation
from tinyae.layers.flat import flatten
from tinyae.layers.penalising import Penalising
from tinyae.training import Callback as NativeCallback
from tinyae.training.progress import progress_bar

BATCH_SIZE = 32  # Keras's, where none is given
COMPILE_ARGUMENTS = {
    "loss_weights": (None, "a net has one output"),
    "weighted_metrics": (None, "see metrics"),
    "run_eagerly": (False, "there is one way to run"),
    "steps_per_execution": (1, "there is one way to run"),
    "jit_compile": ("auto", "kernels are compiled at their first use"),
    "auto_scale_loss": (True, "nets are float32"),
}
FIT_ARGUMENTS = {
    "class_weight": (None, "an autoencoder knows no classes"),
    "sample_weight": (None, "every image counts the same"),
    "initial_epoch": (0, "fit goes on where it was; count the epochs from 0"),
    "steps_per_epoch": (None, "an epoch is all of x once"),
    "validation_steps": (None, "all of the validation data are used"),
    "validation_batch_size": (None, "all of the validation data are used"),
    "validation_freq": (1, "validation follows every epoch"),
}
EVALUATE_ARGUMENTS = {
    "sample_weight": (None, "every image counts the same"),
    "steps": (None, "all of x is used"),
    "callbacks": (None, "they are for fit"),
}


class Trainable:
    """What a Model has for training. It holds `nets`, the layers of tinyae in a row."""

    optimizer = loss = history = _trained = None
    compiled = stop_training = False

    def compile(self, optimizer="rmsprop", loss=None, metrics=None, **given):
        """Say how to train.

        Parameters
        ----------
        optimizer : str or optimizer
            "sgd", "rmsprop", "adam", "nadam", or an object of `tinyae.keras.optimizers` or `tinyae.optimizers`.
        loss : str, function or loss
            "binary_crossentropy" (behind a sigmoid), "mse", "mae", or what `tinyae.keras.losses` has for them.
        metrics : None or []
            Refused otherwise: what there is to know of a reconstruction is its loss.
        """
        refuse_arguments("compile", given, COMPILE_ARGUMENTS)
        if metrics:
            raise UsageError(
                f"compile: expected no metrics, got {metrics!r}; accuracy has no meaning for an autoencoder, whose "
                "targets are images: the loss is the measure, and tinyae.analysis has others."
            )
        if loss is None:
            raise UsageError(f"compile: expected a loss, got None; use one of {', '.join(losses.BY_NAME)}.")
        optimizer = optimizers.get(optimizer)
        if getattr(optimizer, "trains", self) is not self:
            raise UsageError(
                f"compile: expected an optimizer for {self!r} alone, got that of {optimizer.trains!r}; make a new one."
            )
        self.optimizer, self.loss, self._trained = optimizer, losses.get(loss), None
        self.optimizer.trains, self.compiled = self, True

    def autoencoder(self):
        """The tinyae.Autoencoder that trains the layers of this model, with all of their weights in its `theta`."""
        if not self.compiled:
            raise UsageError(f"{self!r}: expected a compiled model, got one without loss; call compile first.")
        if self._trained is None:
            self._trained = as_autoencoder(self, self.nets, self.loss)
        net = self._trained
        if any(p.base is not net.theta for _, layer in net.owners() for p in layer.params.values()):
            net.theta, net.gradient = flatten(net, DTYPE)  # another model with some of these layers took them over
        return net

    def fit(
        self,
        x=None,
        y=None,
        batch_size=None,
        epochs=1,
        verbose="auto",
        callbacks=None,
        validation_split=0.0,
        validation_data=None,
        shuffle=True,
        **given,
    ):
        """Train on x (N, ...) to give y, for an autoencoder x itself.

        Parameters
        ----------
        x, y : arrays (N, ...)
            y is x where it is not given.
        batch_size : int
            32 without it.
        epochs : int
        verbose : {"auto", 0, 1, 2}
            0: nothing. 2: a line an epoch. 1 and "auto": a progress bar as well.
        callbacks : list of Callback
            Those of `tinyae.keras.callbacks`, or tinyae's own.
        validation_split : float in [0, 1)
            The last part of x and y, as they come: shuffle sorted data before.
        validation_data : (x, y), optional
        shuffle : bool
            A new order every epoch.

        Returns
        -------
        History
            history.history["loss"] and ["val_loss"] by epoch: means per pixel, penalties included.
        """
        refuse_arguments("fit", given, FIT_ARGUMENTS)
        check_choice("fit", "verbose", verbose, ("auto", 0, 1, 2))
        self.build_for(x)
        net = self.autoencoder()
        x, y = self.pair("fit", x, y)
        if validation_data is not None:
            if not isinstance(validation_data, tuple | list) or len(validation_data) != 2:
                raise UsageError("fit: expected validation_data to be (x, y), got something else; give it both.")
            validation = self.pair("fit: validation_data", *validation_data)
        else:
            x, y, validation = last_part(x, y, validation_split)
        batch_size = BATCH_SIZE if batch_size is None else check_int("fit", "batch_size", batch_size, 1)
        check_int("fit", "epochs", epochs, 1)
        self.history, own, native = sorted_callbacks(callbacks)
        steps = math.ceil(len(x) / batch_size)
        for callback in own:
            callback.set_model(self)
            callback.set_params({"epochs": epochs, "steps": steps, "verbose": verbose})
        self.stop_training = False
        with progress_bar(epochs * steps, verbose in ("auto", 1)) as bar, announcing(verbose):
            bridge = Bridge(self, own, bar, lines=verbose != 0)
            net.fit(
                x, None if y is x else y, epochs=epochs, batch_size=batch_size, optimizer=self.optimizer,
                validation_data=validation, shuffle=shuffle, callbacks=[bridge, *native], seed=new_rng(),
                progress=False,
            )  # fmt: skip
        return self.history

    def evaluate(self, x=None, y=None, batch_size=None, verbose="auto", return_dict=False, **given):
        """The loss on (x, y), penalties included: a float, or {"loss": float}. y is x where it is not given."""
        refuse_arguments("evaluate", given, EVALUATE_ARGUMENTS)
        self.build_for(x)
        net = self.autoencoder()
        x, y = self.pair("evaluate", x, y)
        values = net.evaluate(x, None if y is x else y)
        loss = values.get("objective", values["loss"])
        if verbose:
            print(f"loss: {loss:.4f}")
        return {"loss": loss} if return_dict else loss

    def build_for(self, x):
        """Before the first look at data x: a Sequential without an Input makes its weights now."""

    def pair(self, who, x, y):
        """(x, y) as batches of the net's shapes; y is x itself where it is the same array, or None."""
        batch = as_batch(who, x, self.input_shape[1:])
        return batch, batch if y is None or y is x else as_batch(who, y, self.output_shape[1:], "y")


def as_autoencoder(who, nets, loss):
    """An Autoencoder of built layers, cut in two where they are narrowest; UsageError where it would be none."""
    first, last = nets[0], nets[-1]
    if last.output_shape != first.input_shape:
        raise UsageError(
            f"{who!r}: expected a model that comes back to its input's shape {first.input_shape}, got "
            f"{last.output_shape}; tinyae trains autoencoders. An encoder or decoder is trained as a part of one: its "
            "layers are the same, and predict works on it alone."
        )
    if isinstance(last, Penalising):
        raise UsageError(f"{who!r}: expected no activity_regularizer on the last layer, got one; give it to the code.")
    unit = last.output_unit
    if isinstance(loss, losses.BinaryCrossentropy):
        want, got = loss.output_unit.__name__, "Linear" if unit is None else unit.name
        if got != want:
            raise UsageError(
                f"{who!r}: expected a last layer with activation='{want.lower()}' for binary_crossentropy with "
                f"from_logits={loss.from_logits}, got {got}; change the activation or use loss='mse'."
            )
    encoder, decoder = narrowest_cut(nets)
    return Autoencoder(in_a_row(encoder), in_a_row(decoder), loss=loss, dtype=DTYPE)


def narrowest_cut(nets):
    """(encoder, decoder) of layers in a row: after the first of the narrowest places, with what belongs to the code."""
    if len(nets) == 1:
        return [Linear().build(nets[0].input_shape)], nets
    sizes = [math.prod(net.output_shape) for net in nets[:-1]]
    cut = int(np.argmin(sizes)) + 1
    while cut < len(nets) - 1 and isinstance(nets[cut], Activation | Penalising):
        cut += 1
    return nets[:cut], nets[cut:]


def last_part(x, y, share):
    """(x, y, None), or with a `share` the last part of both held out: (x, y, (x_held, y_held)), as Keras cuts."""
    share = check_float("fit", "validation_split", share, 0.0, 1.0, open_high=True)
    if not share:
        return x, y, None
    at = math.floor(len(x) * (1.0 - share))
    if at in (0, len(x)):
        raise UsageError(f"fit: expected validation_split to leave images on both sides, got {share} of {len(x)}.")
    pairs = [(x[:at], y[:at]), (x[at:], y[at:])]
    (x, y), held = [(a, a) for a, _ in pairs] if y is x else pairs
    return x, y, held


def sorted_callbacks(callbacks):
    """(a new History, Keras's callbacks with it, tinyae's own) of what `fit` was given."""
    given = list(callbacks) if isinstance(callbacks, list | tuple) else [callbacks]
    given = [callback for callback in given if callback is not None]
    strangers = [callback for callback in given if not isinstance(callback, Callback | NativeCallback)]
    if strangers:
        raise UsageError(f"fit: expected callbacks to be of class Callback, got {strangers[0]!r}.")
    history = History()
    own = [history, *(callback for callback in given if isinstance(callback, Callback))]
    return history, own, [callback for callback in given if isinstance(callback, NativeCallback)]


def announcing(verbose):
    """Inside of it the kernels' first compilation is announced, where fit says anything at all."""
    return announce_compiling() if verbose else contextlib.nullcontext()
