"""The autoencoder: an encoder, a decoder, a loss; fit, encode, decode, reconstruct, evaluate, summary."""

import contextlib
import sys

import numpy as np

from tinyae import analysis
from tinyae.baselines import baselines_later, describe_baselines
from tinyae.checks import UsageError, as_float_array, check_finite, check_int, check_samples, check_scaled
from tinyae.corruption import CORRUPTIONS, corrupt, corruption_by_name
from tinyae.diagnosis.faults import faults_after, faults_before, tell
from tinyae.kernels.config import announce_compiling
from tinyae.layers.activations import Linear, Sigmoid
from tinyae.layers.base import Layer, as_shape, every_layer
from tinyae.layers.flat import flatten
from tinyae.layers.penalising import ActivityPenalty, Penalising
from tinyae.layers.sequential import Sequential, check_layers_once, number_repeats, show_chain
from tinyae.layers.shape import ways_back
from tinyae.layers.tied import TiedDense
from tinyae.losses import BCE, loss_by_name, per_pixel
from tinyae.optimizers import optimizer_by_name
from tinyae.penalties import EncoderPenalty
from tinyae.summary import summary_table
from tinyae.training.checkpoint import as_checkpoint
from tinyae.training.chunks import for_chunks
from tinyae.training.loop import noise_generators, train
from tinyae.training.split import split_validation
from tinyae.training.threads import thread_count


class Autoencoder(Layer):
    """x' = decoder(encoder(x)), trained to make x' like x.

    Parameters
    ----------
    encoder, decoder : Sequential or list of Layer
        The decoder takes the encoder's output and comes back to the input's shape.
    loss : {"bce", "mse"} or Loss
        BCE needs a decoder that ends in Sigmoid.
    input_shape : int or tuple of int, optional
        Shape of one sample; not needed for an encoder that is built already.
    seed : int
        Seed of the initial parameters.
    dtype : float32 (to train) or float64 (to check)
    penalty : Penalty, EncoderPenalty or list of them, optional
        Added to the loss while training: of the code (`tinyae.penalties`) or of the encoder (`tinyae.contractive`).
    corruption : {"gaussian", "masking", "salt-and-pepper"} or function of (x, rng), optional
        Noise put on every batch while training, fresh each time, where the target stays clean (`tinyae.corruption`).
        Validation data get it once. A function of one's own is not kept in files.

    Attributes
    ----------
    theta, gradient : arrays (n_params,)
        All parameters, and after a backward pass dL/dtheta. The layers hold views into both.
    encoder, decoder : Sequential
        Nets of their own, sharing these parameters.
    matched : bool
        Whether the decoder ends in the loss's own output unit, so that dL/da = x' - x is used.
    series : list of str
        Names of what `loss_parts` gives: "loss", and one for every penalty.

    Raises
    ------
    ValueError
        Where the shapes do not fit; the message shows the chain of shapes.

    Examples
    --------
    >>> model = Autoencoder([Dense(32), ReLU()], [Dense(784), Sigmoid()], loss="bce", input_shape=784)
    >>> history = model.fit(x, epochs=5)
    >>> codes = model.encode(x)  # (N, 32)
    """

    preprocessing = None  # what data need before they come here, as a file said it (tinyae.storage)

    def __init__(
        self, encoder, decoder, loss="bce", input_shape=None, seed=0, dtype=np.float32, *, penalty=(), corruption=None
    ):
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
        self._check_shapes(input_shape)
        self._check_output_unit()
        self._check_penalties()
        self.theta, self.gradient = flatten(self, dtype)
        for layer in every_layer(self):
            layer.state = {name: a.astype(dtype, copy=False) for name, a in layer.state.items()}

    def _check_shapes(self, input_shape):
        chain = show_chain(self.encoder.shapes + self.decoder.shapes[1:])
        if input_shape is not None and as_shape(input_shape) != self.input_shape:
            raise ValueError(f"Autoencoder: expected an encoder for {as_shape(input_shape)}, got {self.input_shape}.")
        if self.decoder.input_shape != self.encoder.output_shape:
            raise ValueError(
                f"Autoencoder: expected a decoder that takes the encoder's output {self.encoder.output_shape}, "
                f"got one for {self.decoder.input_shape}."
            )
        if self.output_shape != self.input_shape:
            raise ValueError(
                f"Autoencoder: expected the decoder to come back to the input's shape {self.input_shape}, "
                f"got {self.output_shape} ({chain}); {ways_back(self.input_shape, self.output_shape)}."
            )

    def _check_output_unit(self):
        unit = self.decoder.output_unit
        if isinstance(self.loss, BCE) and not isinstance(unit, Sigmoid):
            raise ValueError(
                f"Autoencoder: expected a decoder that ends in Sigmoid for the loss BCE, got "
                f"{(unit or self.decoder.layers[-1]).name}; add Sigmoid() as its last layer, give the last layer "
                "activation='sigmoid', or use loss='mse'."
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
        self.penalising = [layer for layer in every_layer(self) if isinstance(layer, Penalising)]
        self.series = number_repeats(["loss", *(p.series for p in self.penalising + self.encoder_penalties)])

    def _link_tied(self):
        """Give every TiedDense the layer of this net's encoder whose weights it uses."""
        self.tied = [layer for layer in every_layer(self.decoder) if isinstance(layer, TiedDense)]
        for layer in self.tied:
            layer.link(self.encoder)
        if any(isinstance(layer, TiedDense) for layer in every_layer(self.encoder)):
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
        twin.penalising = [layer for layer in every_layer(twin) if isinstance(layer, Penalising)]
        twin.rng = np.random.default_rng(self.rng.integers(2**63, size=4))
        twin.tied = [layer for layer in every_layer(twin.decoder) if isinstance(layer, TiedDense)]
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
        penalties = [layer.what for layer in self.code_penalties] + self.encoder_penalties
        if penalties:
            config["penalty"] = [[p.name, p.config()] for p in penalties]
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

    # -- training ---------------------------------------------------------------------------

    def fit(
        self,
        x,
        y=None,
        *,
        epochs=10,
        batch_size=100,
        optimizer="adam",
        validation_split=0.0,
        validation_data=None,
        shuffle=True,
        callbacks=(),
        threads=None,
        seed=0,
        progress=True,
        checkpoint=None,
    ):
        """Train on x (N, ...), to reconstruct x itself or a separate target y.

        Parameters
        ----------
        x, y : arrays (N, ...)
            Inputs, and what the output should be (x itself without y), as for denoising.
        epochs, batch_size : int
        optimizer : {"sgd", "rmsprop", "adam", "nadam"} or Optimizer
        validation_split : float in [0, 1)
            Part of the pairs held out of training, drawn by the seed (not the last rows: data often comes sorted).
        validation_data : x or (x, y), optional
            Held-out data instead.
        shuffle : bool
            A new order every epoch.
        callbacks : sequence of Callback
        threads : int, optional
            Worker threads; one per core without it. Same seed and same number of threads: same bits. A net with a
            layer that looks at the whole batch (BatchNorm) trains on one thread.
        seed : int or numpy.random.Generator
            Draws the validation part, the order of the data, and the noise of layers such as Dropout.
        progress : bool or str
            A progress bar, with that text before it, a line with the baselines of the loss, and a DiagnosisWarning
            for every fault found in the data or in the trained net (`tinyae.diagnosis`).
        checkpoint : path or Checkpoint, optional
            A folder in which the run is kept after every epoch. Where it holds this very run, killed or interrupted,
            the run goes on after the last epoch kept and ends bit for bit as if it had never been stopped; where it
            holds it finished, its result comes back at once. Another run's checkpoint is refused
            (`tinyae.training.checkpoint`).

        Returns
        -------
        History
            Per epoch: `loss` (mean over the epoch's batches while the net changes), `val_loss` (net at the epoch's
            end), `lr`, `seconds`; with penalties each of them too, and `objective`, the sum. Losses are sums per image,
            mean over images. `baselines` holds the loss of the mean image, of PCA with as many components, and of a
            perfect reconstruction; `warnings` the faults found.

        Raises
        ------
        UsageError
            Data of the wrong shape, NaN in the data, targets the loss has no meaning for, settings out of range, a
            checkpoint of another run, a damaged one, one of a newer tinyae.
        TrainingDivergedError
            The loss became NaN or infinite: names epoch, batch and layer.
        """
        epochs, batch_size = check_int("fit", "epochs", epochs, 1), check_int("fit", "batch_size", batch_size, 1)
        optimizer = optimizer_by_name("fit", optimizer)
        checkpoint = as_checkpoint(checkpoint).of(seed=seed, validation_split=validation_split)
        rng = np.random.default_rng(seed)
        x, y = self._pairs("fit", x, y)
        if validation_data is not None:
            pair = validation_data if isinstance(validation_data, tuple) else (validation_data, None)
            validation = self._pairs("fit: validation_data", *pair)
        else:
            x, y, validation = split_validation(x, y, validation_split, rng)
        known = baselines_later(self, x, *(validation or (x, y)))
        if validation and self.corruption is not None:
            noise = noise_generators(rng, 0, 1)[0]
            validation = corrupt(self.corruption, validation[0], noise), validation[1]
        if progress:
            known = known()
            print(describe_baselines(known, self), file=sys.stderr, flush=True)
        faults = tell(faults_before(self, y), progress)
        with announce_compiling() if progress else contextlib.nullcontext():
            history = train(
                self, x, y, optimizer=optimizer, epochs=epochs, batch_size=batch_size, validation=validation,
                shuffle=shuffle, rng=rng, callbacks=list(callbacks), threads=thread_count(threads), progress=progress,
                checkpoint=checkpoint,
            )  # fmt: skip
        history.baselines = known
        updates = len(history) * -(-len(x) // batch_size)
        faults += tell(faults_after(self, (x, y), validation, history, updates, threads), progress)
        history.warnings = faults
        return history

    def baselines(self, x_train, x, target=None):
        """The loss of the mean image, of PCA-k and of a perfect reconstruction of `target`, in the loss's own unit.

        At most `tinyae.baselines.BASELINE_IMAGES` images are used, and PCA is left out for rows wider than WIDEST_PCA.
        """
        return baselines_later(self, x_train, x, x if target is None else target)()

    def _pairs(self, who, x, y):
        """Checked inputs and targets in the net's own float type; targets are the same array where y is None."""
        x = self._checked(who, x, "x")
        if y is None:
            y = x
        else:
            y = self._checked(who, y, "y")
            if len(y) != len(x):
                raise UsageError(f"{who}: expected as many targets as inputs, got {len(y)} and {len(x)}.")
        self.loss.check_targets(y)
        return x, y

    def _checked(self, who, x, name):
        given, x = x, as_float_array(who, x, self.theta.dtype, name)
        check_samples(who, x, self.input_shape, name)
        check_scaled(who, given, name)
        if not len(x):
            raise UsageError(f"{who}: expected at least one sample in {name}, got none.")
        check_finite(who, x, name)
        return np.ascontiguousarray(x)

    # -- use ---------------------------------------------------------------------------

    def encode(self, x, threads=None):
        """Codes (N, *code shape) of x (N, *input_shape)."""
        return self._map("encode", self.encoder, x, threads)

    def decode(self, code, threads=None):
        """Images (N, *input_shape) of codes (N, *code shape)."""
        return self._map("decode", self.decoder, code, threads)

    def reconstruct(self, x, threads=None):
        """decode(encode(x))."""
        return self._map("reconstruct", self, x, threads)

    def _map(self, who, net, x, threads):
        """The forward pass of `net` (this one or a part of it) over all rows of x."""
        given, x = x, as_float_array(who, x, self.theta.dtype)
        check_samples(who, x, net.input_shape)
        if net is not self.decoder:
            check_scaled(who, given)
        result = np.empty((len(x), *net.output_shape), self.theta.dtype)

        def work(replica, rows):
            result[rows] = replica.forward(x[rows])

        for_chunks(net, len(x), threads, work)
        return result

    def evaluate(self, x, y=None, threads=None):
        """Errors on x (against y where given).

        Returns
        -------
        dict
            `loss`: the net's own loss, sum per image, mean over images. `squared_error`: sum_k (x'_k - x_k)^2, mean
            over images. `mse_per_pixel`: the same per pixel. `bce_per_pixel` where the loss is BCE. Every penalty by
            its name, and their sum with the loss as `objective`, where there are any.

        Notes
        -----
        Without noise of any kind. A history's `val_loss` has that of the corruption and of a variational code, whose
        samples are decoded there, and its mean here.
        """
        x, y = self._pairs("evaluate", x, y)
        loss, squared = np.zeros(len(x)), np.zeros(len(x))
        penalties = np.zeros((len(x), len(self.series) - 1))

        def work(replica, rows):
            a = replica.before_output(x[rows])
            loss[rows] = replica.loss.value(a, y[rows])  # mean over the chunk, counted once per row
            penalties[rows] = replica.penalty_values(len(a))
            unit = replica.decoder.output_unit
            output = unit.forward(a) if replica.matched and unit else a
            squared[rows] = analysis.squared_error(y[rows], output)

        if any(layer.couples_batch for layer in (self, *self.penalising)):
            threads = 1  # a penalty on whole batches: the same batches whatever the machine
        for_chunks(self, len(x), threads, work)
        values = {"loss": float(loss.mean()), "squared_error": float(squared.mean())}
        values["mse_per_pixel"] = per_pixel(values["squared_error"], self.input_shape)
        if isinstance(self.loss, BCE):
            values["bce_per_pixel"] = per_pixel(values["loss"], self.input_shape)
        values |= dict(zip(self.series[1:], penalties.mean(axis=0).tolist(), strict=True))
        if len(self.series) > 1:
            values["objective"] = values["loss"] + float(penalties.sum(axis=1).mean())
        return values

    def summary(self):
        """A table of every layer's output shape and number of parameters, as text."""
        return summary_table(self)

    # -- for other libraries ----------------------------------------------------------------

    def to_torch(self):
        """A torch.nn.Module with the same weights, which takes and gives the same arrays: `tinyae.export.to_torch`."""
        from tinyae.export import to_torch

        return to_torch(self)

    def to_onnx(self, path, part="autoencoder"):
        """Write the net, its "encoder" or its "decoder" as an ONNX file: `tinyae.export.to_onnx`."""
        from tinyae.export import to_onnx

        to_onnx(self, path, part)

    def to_keras_weights(self, part="autoencoder"):
        """The list of arrays for `set_weights` of the same net in Keras: `tinyae.export.to_keras_weights`."""
        from tinyae.export import to_keras_weights

        return to_keras_weights(self, part)

    def __repr__(self):
        return f"Autoencoder({show_chain(self.encoder.shapes + self.decoder.shapes[1:])}, loss={self.loss!r})"


def as_sequential(net):
    """A Sequential of a list of layers, or the Sequential itself."""
    return net if isinstance(net, Sequential) else Sequential(net)
