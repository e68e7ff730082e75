"""The anomaly detector: rows that nets trained on all rows cannot reconstruct are strange. No labels are needed.

The training rows may hold anomalies themselves. Six things let the default bear them, and data of all kinds:

* columns are scaled by median and quartiles, and squeezed beyond three deviations (`columns`);
* the code is narrow, a quarter of the columns and at most 32 numbers;
* training is short, some hundred updates: what many rows share is learned first, the odd row later;
* several nets, and the linear autoencoder in its closed form (Baldi & Hornik 1989: principal components), are averaged:
  what curved nets model too well the straight one does not, and the other way round;
* a weighed score has two halves, what the nets cannot explain and how far the row lies from usual rows, each weighed by
  how it varies among the less strange four fifths of the training rows (`weighing`). Process control knows the pair as
  Q and Hotelling's T^2. A code cannot tell a row far out from a usual one if it can describe both;
* the score is the plain error of principal components, plus what the weighed score has above twice the usual
  (`combining`). The weighed score alone finds more on average, but puts anomalies that lie among the other rows behind
  normal rows at the edge, where principal components do not.

Images are taken as they are, and their scores are mean squared errors of their pixels.

The first five were chosen on made tables and on small Fashion-MNIST, Quick, Draw! and ECG5000 tables with anomalies
among the training rows; training again without the worst rows did no better there, nor did noise on the inputs. The
sixth was chosen on the problems of `tests/benchmarks/anomaly_tables.py`, by other seeds than those reported.
"""

import math
from dataclasses import dataclass

import numpy as np

from tinyae.analysis import PCA
from tinyae.applications.anomaly.columns import RobustScaling
from tinyae.applications.anomaly.combining import Combining
from tinyae.applications.anomaly.detector import Detector, scaled
from tinyae.applications.anomaly.weighing import both_squares, weigh_by_usual_rows
from tinyae.autoencoder import Autoencoder
from tinyae.checks import UsageError, check_choice, check_finite, check_int
from tinyae.layers import Dense
from tinyae.optimizers import Adam
from tinyae.samples.lazy import LazyRows, blocks, in_pieces
from tinyae.scaling import Scaling
from tinyae.schedules import Cosine

SCALES = ("robust", "standard", "minmax", "none")
LARGEST_CODE = 32
MOST_STATISTICS_ROWS = 20_000  # rows quartiles, principal components and residuals' covariance are taken from
LEAST_PASSES, MOST_EXTRA_UPDATES = 5, 3000
SEED_STEP = 1000  # from net to net


@dataclass(frozen=True)
class Plan:
    """What "auto" stands for: units of the hidden layer, learning rate, updates."""

    hidden: int
    rate: float
    updates: int


# Columns of one table are learned fast, and training that goes on learns the odd rows; pixels from 0 to 1 need more of
# everything before a net with sigmoid outputs leaves the mean image.
OF_COLUMNS, OF_PIXELS = Plan(64, 1e-3, 600), Plan(128, 3e-3, 2000)


def fit_detector(
    x, *, scale="robust", hidden_sizes="auto", code_size="auto", members=2, linear=True, weigh="auto", epochs="auto",
    batch_size="auto", optimizer=None, make_net=None, seed=0, threads=None, progress=False, checkpoint=None,
    who="fit_detector", **fit_settings,
):  # fmt: skip
    """A Detector of the rows that are unlike most of x.

    Parameters
    ----------
    x : array or LazyRows (N, ...)
        Samples without labels. Some may be anomalies.
    scale : {"robust", "standard", "minmax", "none"}
        "robust": `RobustScaling`. The next two: `tinyae.scaling`. "none": as they are, for images in [0, 1].
    hidden_sizes : "auto" or sequence of int
        Of the encoder's hidden layers; the decoder's are its mirror. "auto": one of 64 units, of 128 for samples
        between 0 and 1.
    code_size : "auto" or int
        "auto": a quarter of the numbers of a sample, rounded up, and 32 at most.
    members : int
        Nets, from different first weights.
    linear : bool
        Whether the linear autoencoder of the same code size is averaged in, and weighed scores are combined with its
        plain error.
    weigh : bool or "auto"
        Whether a weighed score of two halves counts, not plain squared errors alone. "auto": where the scale is robust
        or standard, so that 0 is a usual number.
    epochs, batch_size : int or "auto"
        "auto": batches of 32 (100 for more than 5,000 samples), about 600 updates, 2,000 for samples between 0 and 1,
        and for many samples up to five passes. 0 epochs leave the nets as they were drawn.
    optimizer : function, optional
        Without arguments, gives an Optimizer; called for each net. Without it Adam, its rate from 0.001 (0.003 for
        samples between 0 and 1) down along a cosine.
    make_net : function of (z, in_unit_interval, seed) to Autoencoder, optional
        Nets of one's own for scaled rows z (N, D); such a detector cannot be saved.
    seed : int
    threads : int, optional
    progress : bool
    checkpoint : function of int to path or Checkpoint, optional
        Where net i's run is kept (`Autoencoder.fit`).
    **fit_settings
        For `Autoencoder.fit`, such as validation_split and callbacks.

    Returns
    -------
    Detector

    Raises
    ------
    UsageError
        No rows, NaN, settings out of range.

    Examples
    --------
    >>> detector = fit_detector(x)
    >>> threshold = by_quantile(detector.scores(x), contamination=0.03)
    >>> strange = x[threshold.alarms(detector.scores(x))]
    """
    x, few = checked(who, x)
    check_choice(who, "scale", scale, SCALES)
    members = check_int(who, "members", members, 1)
    scaling = make_scaling(who, scale, few)
    z, few_z = scaled_rows(scaling, x), scaled(scaling, few)
    unit = scale in ("none", "minmax") and all(0 <= part.min() and part.max() <= 1 for part in in_pieces(z))
    plan = OF_PIXELS if unit else OF_COLUMNS
    settings = net_settings(who, few.shape[1], hidden_sizes, code_size, unit, plan)
    how = fit_settings | training_plan(who, len(x), epochs, batch_size, plan.updates) | {"threads": threads}
    nets, histories = [], []
    for i in range(members):
        own = seed + SEED_STEP * i
        if make_net is None:
            nets.append(dense_net(**settings, seed=own))
        else:
            nets.append(make_net(few_z.astype(np.float32), unit, own))
        if how["epochs"]:
            where = {} if checkpoint is None else {"checkpoint": checkpoint(i)}
            text = f"net {i + 1} of {members}" if progress else False
            made = Adam(Cosine(plan.rate, final=0.02)) if optimizer is None else optimizer()
            history = nets[i].fit(z, optimizer=made, seed=own, progress=text, **(how | where))
            history.baselines = {}  # else it would hold on to the training data
            histories.append(history)
    pca = PCA(few_z, min(nets[0].code_size, few.shape[1])) if linear else None
    about = settings | {"scale": scale} if make_net is None else None
    detector = Detector(nets, pca, scaling, x.shape[1:], about, histories)
    if (scale in ("robust", "standard")) if weigh == "auto" else weigh:
        residuals = detector.reconstruct_scaled(few_z, threads).astype(np.float64) - few_z
        detector.weighings = weigh_by_usual_rows(residuals, few_z)
        if linear:
            weighed = both_squares(detector.weighings, residuals, few_z)
            detector.combining = Combining(few, pca.components.shape[1], weighed)
    return detector


def net_settings(who, n_features, hidden_sizes, code_size, in_unit_interval, plan):
    """Arguments of `dense_net`, plain JSON, with "auto" filled in."""
    if isinstance(hidden_sizes, str) and hidden_sizes == "auto":
        hidden_sizes = (plan.hidden,)
    if isinstance(code_size, str) and code_size == "auto":
        code_size = auto_code_size(n_features)
    return {
        "n_features": n_features,
        "hidden_sizes": [check_int(who, "each of hidden_sizes", size, 1) for size in hidden_sizes],
        "code_size": check_int(who, "code_size", code_size, 1),
        "in_unit_interval": bool(in_unit_interval),
    }


def checked(who, x):
    """x as a float array or LazyRows, and at most MOST_STATISTICS_ROWS of its rows, flat, spread over all."""
    if not isinstance(x, LazyRows):
        x = np.asarray(x)
        x = x if x.dtype in (np.float32, np.float64) else x.astype(np.float64)
        check_finite(who, x)
    if len(x.shape) < 2 or not len(x) or not math.prod(x.shape[1:]):
        raise UsageError(f"{who}: expected samples (N, D) or (N, H, W, C), got shape {tuple(x.shape)}.")
    few = x
    if len(x) > MOST_STATISTICS_ROWS:
        few = x[np.linspace(0, len(x) - 1, MOST_STATISTICS_ROWS).astype(int)]
    few = np.asarray(few if isinstance(few, np.ndarray) else few[:])
    few = few.reshape(len(few), -1)
    return x, few if few.dtype.kind == "f" else few.astype(np.float64)


def make_scaling(who, scale, x):
    """What brings the columns of x (N, D) to comparable scales; None for "none"."""
    if scale == "none":
        return None
    return RobustScaling(x) if scale == "robust" else Scaling(who, scale, x)


def scaled_rows(scaling, x):
    """All scaled rows as float32 (N, D) for training: an array, or LazyRows of LazyRows."""
    n_features = math.prod(x.shape[1:])

    def prepare(rows):
        return scaled(scaling, rows.reshape(len(rows), -1)).astype(np.float32, copy=False)

    if isinstance(x, LazyRows):
        return x.map(prepare, (n_features,), np.float32)
    z = np.empty((len(x), n_features), np.float32)
    for rows in blocks(x):
        z[rows] = prepare(x[rows])
    return z


def auto_code_size(n_features):
    """A quarter of the features, rounded up, and 32 at most: a code as wide as the data could copy anything."""
    return min(LARGEST_CODE, -(-n_features // 4))


def training_plan(who, n, epochs="auto", batch_size="auto", updates=OF_COLUMNS.updates):
    """{"epochs", "batch_size"} for n samples with "auto" filled in."""
    auto = isinstance(batch_size, str) and batch_size == "auto"
    batch_size = (32 if n <= 5000 else 100) if auto else check_int(who, "batch_size", batch_size, 1)
    batches = -(-n // batch_size)
    if isinstance(epochs, str) and epochs == "auto":
        epochs = max(-(-updates // batches), min(LEAST_PASSES, -(-MOST_EXTRA_UPDATES // batches)))
    return {"epochs": check_int(who, "epochs", epochs, 0), "batch_size": batch_size}


def dense_net(n_features, hidden_sizes, code_size, in_unit_interval, seed=0):
    """The default net: tanh units, a linear code; sigmoid and cross-entropy for numbers in [0, 1].

    tanh bends less sharply than relu and learns a single odd row by heart less easily.
    """
    output, loss = ("sigmoid", "bce") if in_unit_interval else ("linear", "mse")
    encoder = [Dense(size, activation="tanh") for size in hidden_sizes] + [Dense(code_size)]
    decoder = [Dense(size, activation="tanh") for size in reversed(hidden_sizes)]
    decoder += [Dense(n_features, activation=output)]
    return Autoencoder(encoder, decoder, loss=loss, input_shape=n_features, seed=seed)
