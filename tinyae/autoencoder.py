"""The autoencoder: an encoder, a decoder, a loss; fit, encode, decode, reconstruct, evaluate, summary."""

import contextlib
import functools
import sys

import numpy as np

from tinyae import analysis
from tinyae.checks import UsageError, as_float_array, check_finite, check_int, check_samples, check_scaled
from tinyae.kernels.config import announce_compiling
from tinyae.layers.activations import Linear, Sigmoid
from tinyae.layers.base import Layer, as_shape, every_layer
from tinyae.layers.flat import flatten
from tinyae.layers.sequential import Sequential, check_layers_once, show_chain
from tinyae.losses import BCE, loss_by_name, per_pixel
from tinyae.optimizers import optimizer_by_name
from tinyae.summary import summary_table
from tinyae.training.chunks import for_chunks
from tinyae.training.loop import train
from tinyae.training.split import split_validation
from tinyae.training.threads import thread_count

# Baselines are estimates beside a loss: this many images are plenty, and principal components of wider rows take long.
BASELINE_IMAGES, WIDEST_PCA = 10_000, 4096


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

    Attributes
    ----------
    theta, gradient : arrays (n_params,)
        All parameters, and after a backward pass dL/dtheta. The layers hold views into both.
    encoder, decoder : Sequential
        Nets of their own, sharing these parameters.
    matched : bool
        Whether the decoder ends in the loss's own output unit, so that dL/da = x' - x is used.

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

    def __init__(self, encoder, decoder, loss="bce", input_shape=None, seed=0, dtype=np.float32):
        super().__init__()
        self.encoder, self.decoder = as_sequential(encoder), as_sequential(decoder)
        check_layers_once("Autoencoder", [self.encoder, self.decoder])
        self.loss = loss_by_name("Autoencoder", loss)
        rng = np.random.default_rng(seed)
        if self.encoder.output_shape is None:
            if input_shape is None:
                raise ValueError("Autoencoder: expected input_shape for an encoder that is not built yet, got None.")
            self.encoder.build(input_shape, rng)
        if self.decoder.output_shape is None:
            self.decoder.build(self.encoder.output_shape, rng)
        self.input_shape, self.output_shape = self.encoder.input_shape, self.decoder.output_shape
        self._check_shapes(input_shape)
        self._check_output_unit()
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

    # -- as a layer ---------------------------------------------------------------------------

    def forward(self, x):
        """Reconstructions (N, ...) of a batch x (N, ...)."""
        return self.decoder.forward(self.encoder.forward(x))

    def backward(self, dy, need_dx=True):
        """Take dL/dx' (N, ...), fill every layer's grads, return dL/dx."""
        return self.encoder.backward(self.decoder.backward(dy), need_dx)

    def loss_and_gradient(self, x, target=None, n=None):
        """The batch's loss; its gradient goes into every layer's grads.

        Parameters
        ----------
        x : array (N, ...)
        target : array (N, ...), optional
            What the output should be; x itself without it.
        n : int, optional
            Images to average over, where x is only a part of a batch.
        """
        a = self.before_output(x)
        out = self.empty("loss gradient", a.shape, a.dtype)
        value, da = self.loss.value_and_gradient(a, x if target is None else target, n, out)
        backward = self.decoder.backward_before_output if self.matched else self.decoder.backward
        self.encoder.backward(backward(da), need_dx=False)
        return value

    def loss_value(self, x, target=None):
        """The loss alone, without a backward pass."""
        return self.loss.value(self.before_output(x), x if target is None else target)

    def before_output(self, x):
        """What the loss works on: the output's pre-activation where `matched`, else the output itself."""
        code = self.encoder.forward(x)
        return self.decoder.before_output(code) if self.matched else self.decoder.forward(code)

    def children(self):
        return (self.encoder, self.decoder)

    def owners(self):
        for part in ("encoder", "decoder"):
            for path, layer in getattr(self, part).owners():
                yield f"{part}.{path}", layer

    def replica(self):
        twin = super().replica()
        twin.encoder, twin.decoder = self.encoder.replica(), self.decoder.replica()
        return twin

    @property
    def n_params(self):
        return self.encoder.n_params + self.decoder.n_params

    @property
    def code_size(self):
        """How many numbers a code has."""
        return int(np.prod(self.encoder.output_shape))

    def config(self):
        return {"encoder": self.encoder.config(), "decoder": self.decoder.config(), "loss": self.loss.name.lower()}

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
            A progress bar, with that text before it, and a line with the baselines of the loss.

        Returns
        -------
        History
            Per epoch: `loss` (mean over the epoch's batches while the net changes), `val_loss` (net at the epoch's
            end), `lr`, `seconds`. Losses are sums per image, mean over images. `baselines` holds the loss of the mean
            image, of PCA with as many components, and of a perfect reconstruction.

        Raises
        ------
        UsageError
            Data of the wrong shape, NaN in the data, targets the loss has no meaning for, settings out of range.
        TrainingDivergedError
            The loss became NaN or infinite: names epoch, batch and layer.
        """
        epochs, batch_size = check_int("fit", "epochs", epochs, 1), check_int("fit", "batch_size", batch_size, 1)
        optimizer = optimizer_by_name("fit", optimizer)
        rng = np.random.default_rng(seed)
        x, y = self._pairs("fit", x, y)
        if validation_data is not None:
            pair = validation_data if isinstance(validation_data, tuple) else (validation_data, None)
            validation = self._pairs("fit: validation_data", *pair)
        else:
            x, y, validation = split_validation(x, y, validation_split, rng)
        known = self._baselines_later(x, *(validation or (x, y)))
        if progress:
            known = known()
            print(describe_baselines(known, self), file=sys.stderr, flush=True)
        with announce_compiling() if progress else contextlib.nullcontext():
            history = train(
                self, x, y, optimizer=optimizer, epochs=epochs, batch_size=batch_size, validation=validation,
                shuffle=shuffle, rng=rng, callbacks=list(callbacks), threads=thread_count(threads), progress=progress,
            )  # fmt: skip
        history.baselines = known
        return history

    def baselines(self, x_train, x, target=None):
        """The loss of the mean image, of PCA-k and of a perfect reconstruction of `target`, in the loss's own unit.

        At most BASELINE_IMAGES images are used, and PCA is left out for rows wider than WIDEST_PCA.
        """
        return self._baselines_later(x_train, x, x if target is None else target)()

    def _baselines_later(self, x_train, x, target):
        """A function that works out the baselines: it holds on to the images it needs, not to all."""
        if target is not x:  # the mean target and a perfect output still mean something, PCA of x does not
            few = some = _evenly(target)
            k = target[0].size
        else:
            few, some = _evenly(x_train), _evenly(x)
            k = x[0].size if x[0].size > WIDEST_PCA else self.code_size
        return functools.partial(analysis.baselines, few, some, k, self._metric)

    def _metric(self, x, reconstruction):
        """The loss of a given reconstruction."""
        if isinstance(self.loss, BCE):
            return analysis.binary_cross_entropy(x, reconstruction)
        return 0.5 * analysis.squared_error(x, reconstruction)

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
            over images. `mse_per_pixel`: the same per pixel. `bce_per_pixel` where the loss is BCE.
        """
        x, y = self._pairs("evaluate", x, y)
        loss, squared = np.zeros(len(x)), np.zeros(len(x))

        def work(replica, rows):
            a = replica.before_output(x[rows])
            loss[rows] = replica.loss.value(a, y[rows])  # mean over the chunk, counted once per row
            unit = replica.decoder.output_unit
            output = unit.forward(a) if replica.matched and unit else a
            squared[rows] = analysis.squared_error(y[rows], output)

        for_chunks(self, len(x), threads, work)
        values = {"loss": float(loss.mean()), "squared_error": float(squared.mean())}
        values["mse_per_pixel"] = per_pixel(values["squared_error"], self.input_shape)
        if isinstance(self.loss, BCE):
            values["bce_per_pixel"] = per_pixel(values["loss"], self.input_shape)
        return values

    def summary(self):
        """A table of every layer's output shape and number of parameters, as text."""
        return summary_table(self)

    def __repr__(self):
        return f"Autoencoder({show_chain(self.encoder.shapes + self.decoder.shapes[1:])}, loss={self.loss!r})"


def as_sequential(net):
    """A Sequential of a list of layers, or the Sequential itself."""
    return net if isinstance(net, Sequential) else Sequential(net)


def ways_back(want, got):
    """What brings a decoder that ends in shape `got` to the shape `want`, as advice."""
    if len(want) != 3 or len(got) != 3:
        return "change the decoder's last layer that sets a size"
    if want[:2] == got[:2]:
        return f"give the decoder's last layer {want[2]} filters"
    too_many = [max(0, g - w) for w, g in zip(want[:2], got[:2], strict=True)]
    too_few = [max(0, w - g) for w, g in zip(want[:2], got[:2], strict=True)]
    ways = []
    if any(too_many):
        ways.append(f"Crop((0, {too_many[0]}), (0, {too_many[1]})) at the end")
        ways.append("padding='valid' in one convolution (3x3 takes 2 rows, doubled by every UpSample(2) after it)")
    if any(too_few):
        ways.append(f"ZeroPad((0, {too_few[0]}), (0, {too_few[1]})) at the end")
        ways.append("padding='same' in place of 'valid'")
    ways.append("pooling in the encoder that leaves no odd row over")
    return f"ways out: {'; '.join(ways)}"


def describe_baselines(values, model):
    """'Loss per image to beat: mean image 206.1, PCA-2 ...; floor 45.7 (BCE, nats: ...)'."""
    beat = [f"mean image {values['mean_image']:.2f}"]
    if "pca" in values:
        beat.append(f"PCA-{model.code_size} {values['pca']:.2f}")
    return f"Loss to beat: {', '.join(beat)}; floor {values['floor']:.2f} ({model.loss.name}, {model.loss.unit})"


def _evenly(x, n=BASELINE_IMAGES):
    """At most n rows, spread over all of x."""
    return x if len(x) <= n else x[np.linspace(0, len(x) - 1, n).astype(int)]
