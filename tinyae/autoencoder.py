"""The autoencoder: an encoder, a decoder, a loss; fit, encode, decode, reconstruct, evaluate, summary."""

import contextlib
import sys

import numpy as np

from tinyae import analysis
from tinyae.baselines import baselines_later, describe_baselines
from tinyae.checks import UsageError, as_float_array, check_finite, check_int, check_samples, check_scaled
from tinyae.corruption import corrupt
from tinyae.diagnosis.faults import faults_after, faults_before, tell
from tinyae.kernels.config import announce_compiling
from tinyae.layers.sequential import show_chain
from tinyae.losses import BCE, per_pixel
from tinyae.objective import Objective
from tinyae.optimizers import optimizer_by_name
from tinyae.samples.lazy import LazyRows, in_pieces
from tinyae.summary import summary_table
from tinyae.training.checkpoint import as_checkpoint
from tinyae.training.chunks import for_chunks
from tinyae.training.loop import train
from tinyae.training.shards import noise_generators
from tinyae.training.split import split_validation
from tinyae.training.threads import thread_count


class Autoencoder(Objective):
    """x' = decoder(encoder(x)), trained to make x' like x.

    Parameters
    ----------
    encoder, decoder : Sequential or list of Layer
        The decoder takes the encoder's output and comes back to the input's shape, or to `target_shape`.
    loss : {"bce", "mse", "maskedmse"} or Loss
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
    target_shape : int or tuple of int, optional
        Shape of what the decoder gives, where it is not that of the input: a net that colours takes (H, W, 1) and
        gives (H, W, 2). Such a net is fitted to pairs, `fit(x, y)`.

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
        x, y : arrays (N, ...) or LazyRows
            Inputs, and what the output should be (x itself without y), as for denoising. For the loss MaskedMSE y may
            hold NaN where nobody knows the number. Rows that are read from a file when they are asked for
            (`tinyae.samples`) give the same bits as the array.
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
            validation = corrupt(self.corruption, validation[0][:], noise), validation[1]
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
        if y is None and self.output_shape != self.input_shape:
            raise UsageError(
                f"{who}: expected targets y of shape {self.output_shape} a sample, got none; this net takes "
                f"{self.input_shape} and cannot have its input for a target."
            )
        if y is None:
            y = x
        else:
            y = self._checked(who, y, "y", self.loss.missing, self.output_shape)
            if len(y) != len(x):
                raise UsageError(f"{who}: expected as many targets as inputs, got {len(y)} and {len(x)}.")
        for some in in_pieces(y):
            self.loss.check_targets(some)
        return x, y

    def _checked(self, who, x, name, missing=False, shape=None):
        given, x = x, as_floats(who, x, self.theta.dtype, name)
        check_samples(who, x, shape or self.input_shape, name)
        if not isinstance(x, LazyRows):
            check_scaled(who, given, name)
        if not len(x):
            raise UsageError(f"{who}: expected at least one sample in {name}, got none.")
        start = 0
        for some in in_pieces(x):
            check_finite(who, np.where(np.isnan(some), 0, some) if missing else some, name, start)
            start += len(some)
        return x if isinstance(x, LazyRows) else np.ascontiguousarray(x)

    # -- use ---------------------------------------------------------------------------

    def encode(self, x, threads=None):
        """Codes (N, *code shape) of x (N, *input_shape)."""
        return self._map("encode", self.encoder, x, threads)

    def decode(self, code, threads=None):
        """Images (N, *output_shape) of codes (N, *code shape)."""
        return self._map("decode", self.decoder, code, threads)

    def reconstruct(self, x, threads=None):
        """decode(encode(x))."""
        return self._map("reconstruct", self, x, threads)

    def _map(self, who, net, x, threads):
        """The forward pass of `net` (this one or a part of it) over all rows of x."""
        given, x = x, as_floats(who, x, self.theta.dtype)
        check_samples(who, x, net.input_shape)
        if net is not self.decoder and not isinstance(x, LazyRows):
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
            over images. `mse_per_pixel`: the same per pixel; or `mse_per_known`, per known number, where targets may
            lack some (MaskedMSE). `bce_per_pixel` where the loss is BCE. Every penalty by its name, and their sum with
            the loss as `objective`, where there are any.

        Notes
        -----
        Without noise of any kind. A history's `val_loss` has that of the corruption and of a variational code, whose
        samples are decoded there, and its mean here.
        """
        x, y = self._pairs("evaluate", x, y)
        loss, squared = np.zeros(len(x)), np.zeros(len(x))
        penalties = np.zeros((len(x), len(self.series) - 1))

        def work(replica, rows):
            inputs = x[rows]
            targets = inputs if y is x else y[rows]
            a = replica.before_output(inputs)
            loss[rows] = replica.loss.value(a, targets)  # mean over the chunk, counted once per row
            penalties[rows] = replica.penalty_values(len(a))
            unit = replica.decoder.output_unit
            output = unit.forward(a) if replica.matched and unit else a
            known = np.where(np.isnan(targets), output, targets) if self.loss.missing else targets
            squared[rows] = analysis.squared_error(known, output)

        if any(layer.couples_batch for layer in (self, *self.penalising)):
            threads = 1  # a penalty on whole batches: the same batches whatever the machine
        for_chunks(self, len(x), threads, work)
        values = {"loss": float(loss.mean()), "squared_error": float(squared.mean())}
        if self.loss.missing:
            values["mse_per_known"] = float(squared.sum() / np.count_nonzero(~np.isnan(y)))
        else:
            values["mse_per_pixel"] = per_pixel(values["squared_error"], self.output_shape)
        if isinstance(self.loss, BCE):
            values["bce_per_pixel"] = per_pixel(values["loss"], self.output_shape)
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


def as_floats(who, x, dtype, name="x"):
    """`x` as an array of float `dtype`, or as LazyRows of it."""
    if not isinstance(x, LazyRows):
        return as_float_array(who, x, dtype, name)
    if x.dtype.kind != "f":
        raise UsageError(
            f"{who}: expected {name} as floats, got LazyRows of {x.dtype}; tinyae.samples.Preparation scales them."
        )
    return x.astype(dtype)
