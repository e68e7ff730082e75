"""What is minimised: reconstruction loss and penalties of an encoder and a decoder, and the gradient of their sum.

One sample's way:  x -> corruption -> encoder -> code (and its penalties) -> decoder -> loss,  and back again.
"""

import contextlib

import numpy as np

from tinyae.checks import UsageError
from tinyae.corruption import CORRUPTIONS, corrupt, corruption_by_name
from tinyae.layers.activations import Linear, Sigmoid
from tinyae.layers.base import Layer, as_shape, every_layer
from tinyae.layers.flat import flatten
from tinyae.layers.noise import generator_of_its_own
from tinyae.layers.penalising import ActivityPenalty, Penalising
from tinyae.layers.sequential import Sequential, check_layers_once, number_repeats, show_chain
from tinyae.layers.shape import ways_back
from tinyae.layers.softmax import Softmax
from tinyae.layers.tied import TiedDense
from tinyae.losses import BCE, CategoricalCrossEntropy, loss_by_name
from tinyae.penalties import EncoderPenalty


class Objective(Layer):
    """The function of its parameters that training makes small; `tinyae.Autoencoder` is one that can be used.

    Arguments and attributes are those of `tinyae.Autoencoder`.
    """

    def __init__(
        self, encoder, decoder, loss="bce", input_shape=None, seed=0, dtype=np.float32, *, penalty=(), corruption=None,
        target_shape=None,
    ):  # fmt: skip
        super().__init__()
        self.encoder, self.decoder = as_sequential(encoder), as_sequential(decoder)
        check_layers_once("Autoencoder", [self.encoder, self.decoder])
        self.loss = loss_by_name("Autoencoder", loss)
        self.corruption = corruption_by_name("Autoencoder", corruption)
        penalties = list(penalty) if isinstance(penalty, list | tuple) else [] if penalty is None else [penalty]
        self.encoder_penalties = [p for p in penalties if isinstance(p, EncoderPenalty)]
        self.code_penalties = [ActivityPenalty(p) for p in penalties if not isinstance(p, EncoderPenalty)]
        self.rng = np.random.default_rng(0)  # of the corruption; see reseed
        rng = np.random.default_rng(seed)
        if self.encoder.output_shape is None:
            if input_shape is None:
                raise ValueError("Autoencoder: expected input_shape for an encoder that is not built yet, got None.")
            self.encoder.build(input_shape, rng)
        self._link_tied()
        if self.decoder.output_shape is None:
            self.decoder.build(self.encoder.output_shape, rng)
        self.input_shape, self.output_shape = self.encoder.input_shape, self.decoder.output_shape
        self._check_shapes(input_shape, target_shape)
        self._check_output_unit()
        self._check_penalties()
        self.theta, self.gradient = flatten(self, dtype)
        for layer in every_layer(self):
            layer.state = {name: a.astype(dtype, copy=False) for name, a in layer.state.items()}

    def _check_shapes(self, input_shape, target_shape):
        chain = show_chain(self.encoder.shapes + self.decoder.shapes[1:])
        if input_shape is not None and as_shape(input_shape) != self.input_shape:
            raise ValueError(f"Autoencoder: expected an encoder for {as_shape(input_shape)}, got {self.input_shape}.")
        if self.decoder.input_shape != self.encoder.output_shape:
            raise ValueError(
                f"Autoencoder: expected a decoder that takes the encoder's output {self.encoder.output_shape}, "
                f"got one for {self.decoder.input_shape}."
            )
        want = self.input_shape if target_shape is None else as_shape(target_shape)
        if self.output_shape != want:
            aim = "come back to the input's shape" if target_shape is None else "end in target_shape"
            raise ValueError(
                f"Autoencoder: expected the decoder to {aim} {want}, "
                f"got {self.output_shape} ({chain}); {ways_back(want, self.output_shape)}."
            )

    def _check_output_unit(self):
        unit = self.decoder.output_unit
        if isinstance(self.loss, BCE) and not isinstance(unit, Sigmoid):
            raise ValueError(
                f"Autoencoder: expected a decoder that ends in Sigmoid for the loss BCE, got "
                f"{(unit or self.decoder.layers[-1]).name}; add Sigmoid() as its last layer, give the last layer "
                "activation='sigmoid', or use loss='mse'."
            )
        if isinstance(self.loss, CategoricalCrossEntropy) and not isinstance(unit, Softmax):
            raise UsageError(
                f"Autoencoder: expected a decoder that ends in Softmax for the loss CategoricalCrossEntropy, got "
                f"{(unit or self.decoder.layers[-1]).name}; add Softmax() as its last layer."
            )
        # Behind its own output unit the loss works on the pre-activation: gradient x' - x, exact for any input.
        linear = unit is None and self.loss.output_unit is Linear
        self.matched = linear or isinstance(unit, self.loss.output_unit)

    def _check_penalties(self):
        for penalty in self.encoder_penalties:
            penalty.check_encoder(self.encoder)
        for layer in self.code_penalties:
            layer.build(self.encoder.output_shape)
            layer.what.check_unit(self.encoder.output_unit)
        self.couples_batch = any(penalty.couples_batch for penalty in self.encoder_penalties)
        self.penalising = layers_of(Penalising, self)
        self.series = number_repeats(["loss", *(p.series for p in self.penalising + self.encoder_penalties)])

    def _link_tied(self):
        """Give every TiedDense the layer of this net's encoder whose weights it uses."""
        self.tied = layers_of(TiedDense, self.decoder)
        for layer in self.tied:
            layer.link(self.encoder)
        if layers_of(TiedDense, self.encoder):
            raise UsageError("Autoencoder: expected TiedDense in the decoder, got one in the encoder.")
        if len({layer.place for layer in self.tied}) < len(self.tied):
            raise UsageError("Autoencoder: expected a source of its own for every TiedDense, got one source twice.")

    # -- as a layer ---------------------------------------------------------------------------

    def forward(self, x):
        """Reconstructions (N, ...) of a batch x (N, ...)."""
        return self.decoder.forward(self.encoder.forward(x))

    def backward(self, dy, need_dx=True):
        """Take dL/dx' (N, ...), fill every layer's grads, return dL/dx."""
        return self.encoder.backward(self.decoder.backward(dy), need_dx)

    def loss_and_gradient(self, x, target=None, n=None, parts=None):
        """The batch's loss, penalties included; its gradient goes into every layer's grads.

        Parameters
        ----------
        x : array (N, ...)
        target : array (N, ...), optional
            What the output should be; x itself without it, as it was before any corruption.
        n : int, optional
            Images to average over, where x is only a part of a batch.
        parts : array (len(series),), optional
            The loss and every penalty are added to it, in the order of `series`.
        """
        n = len(x) if n is None else n
        a = self.before_output(x)
        out = self.empty("loss gradient", a.shape, a.dtype)
        value, da = self.loss.value_and_gradient(a, x if target is None else target, n, out)
        values = [value, *(layer.penalty(n) for layer in self.penalising)]
        with self._penalised(n):
            dcode = self.decoder.backward_before_output(da) if self.matched else self.decoder.backward(da)
            for layer in reversed(self.code_penalties):
                dcode = layer.backward(dcode)
            self.encoder.backward(dcode, need_dx=False)
        values += [p.add_gradient(self.encoder, self.x, n) for p in self.encoder_penalties]
        if parts is not None:
            parts += values
        return sum(values)

    @contextlib.contextmanager
    def _penalised(self, n):
        """Inside of it `backward` of a Penalising layer adds the penalty's gradient, averaged over n images."""
        for layer in self.penalising:
            layer.n = n
        try:
            yield
        finally:
            for layer in self.penalising:
                layer.n = None

    def loss_value(self, x, target=None):
        """The loss, penalties included, without a backward pass."""
        return float(sum(self.loss_parts(x, target)))

    def loss_parts(self, x, target=None):
        """The loss and every penalty, each averaged over the batch: array (len(series),)."""
        n, a = len(x), self.before_output(x)
        return np.array([self.loss.value(a, x if target is None else target), *self.penalty_values(n)])

    def penalty_values(self, n):
        """Every penalty on the batch of the last forward pass, averaged over n images: a list of floats."""
        values = [layer.penalty(n) for layer in self.penalising]
        return values + [p.value(self.encoder, self.x, n) for p in self.encoder_penalties]

    def before_output(self, x):
        """What the loss works on: the output's pre-activation where `matched`, else the output itself.

        While `training` the encoder sees x corrupted.
        """
        self.x = corrupt(self.corruption, x, self.rng) if self.training and self.corruption is not None else x
        code = self.encoder.forward(self.x)
        for layer in self.code_penalties:
            layer.forward(code)
        return self.decoder.before_output(code) if self.matched else self.decoder.forward(code)

    def children(self):
        return (self.encoder, self.decoder, *self.code_penalties)

    @property
    def penalties(self):
        """The penalties of the code and of the encoder."""
        return [layer.what for layer in self.code_penalties] + self.encoder_penalties

    @property
    def whole_gradients(self):
        """Whether a layer's gradient is a sum of several terms, which have to be formed before the update."""
        return bool(self.tied or self.encoder_penalties)

    def reseed(self, rng):
        self.rng = rng
        for penalty in self.encoder_penalties:
            penalty.reseed(rng)
        super().reseed(rng)

    def owners(self):
        for part in ("encoder", "decoder"):
            for path, layer in getattr(self, part).owners():
                yield f"{part}.{path}", layer

    def replica(self):
        twin = super().replica()
        twin.encoder, twin.decoder = self.encoder.replica(), self.decoder.replica()
        twin.code_penalties = [layer.replica() for layer in self.code_penalties]
        twin.encoder_penalties = [p.replica() for p in self.encoder_penalties]
        twin.penalising = layers_of(Penalising, twin)
        twin.rng = generator_of_its_own(self.rng)
        twin.tied = layers_of(TiedDense, twin.decoder)
        for layer in twin.tied:
            layer.source = twin.encoder.layers[layer.place]
        return twin

    # A pickle or a deep copy takes every array by itself: the layers' views into theta would come back as arrays of
    # their own, which training no longer reaches. So theta stays behind and is made again from the layers.

    def __getstate__(self):
        return {name: value for name, value in self.__dict__.items() if name not in ("theta", "gradient")}

    def __setstate__(self, state):
        self.__dict__.update(state)
        self.theta, self.gradient = flatten(self)

    def __copy__(self):
        """A shallow copy, which `replica` begins with, shares theta and its views."""
        twin = object.__new__(type(self))
        twin.__dict__.update(self.__dict__)
        return twin

    @property
    def n_params(self):
        return self.encoder.n_params + self.decoder.n_params

    @property
    def code_size(self):
        """How many numbers a code has."""
        return int(np.prod(self.encoder.output_shape))

    def config(self):
        config = {"encoder": self.encoder.config(), "decoder": self.decoder.config(), "loss": self.loss.name.lower()}
        if self.output_shape != self.input_shape:
            config["target_shape"] = list(self.output_shape)
        if self.penalties:
            config["penalty"] = [[p.name, p.config()] for p in self.penalties]
        if type(self.corruption) in CORRUPTIONS.values():
            config["corruption"] = [type(self.corruption).__name__, self.corruption.config()]
        return config

    def astype(self, dtype):
        """The same net with parameters of another float type: float64 to check, float32 to train."""
        twin = self.replica()
        for layer in every_layer(twin):
            layer._workspace = None
            layer.params = dict(layer.params)
            layer.state = {name: a.astype(dtype) for name, a in layer.state.items()}
        twin.theta, twin.gradient = flatten(twin, dtype)
        return twin


def layers_of(kind, net):
    """Every layer of the class `kind` in `net`, in a fixed order."""
    return [layer for layer in every_layer(net) if isinstance(layer, kind)]


def as_sequential(net):
    """A Sequential of a list of layers, or the Sequential itself."""
    return net if isinstance(net, Sequential) else Sequential(net)
