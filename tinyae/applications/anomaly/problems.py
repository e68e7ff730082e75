"""What a detector is trained on and judged by: built-in problems, data sets, users' own files."""

import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tinyae import datasets
from tinyae.applications.anomaly.damage import SHARE, damage
from tinyae.applications.anomaly.labels import anomalies_of
from tinyae.checks import UsageError, check_choice
from tinyae.datasets.ecg5000 import load_ecg5000
from tinyae.samples import LazyRows, Preparation, read_samples
from tinyae.samples.base import refuse
from tinyae.samples.lazy import some_rows
from tinyae.samples.preparation import scale_for, value_range

DAMAGED = "damaged-"
NAMES = ("damaged-digits", "damaged-mnist", "ecg5000")  # others: damaged-NAME and NAME of a set of images
SEMI_SHARE = 0.6  # of the normal rows, to train on where only normal rows are trained on
FEWEST = 10  # rows to learn from


@dataclass(frozen=True, eq=False)
class Problem:
    """Samples to train on and samples to judge, which may be the same.

    Attributes
    ----------
    name : str
    x : array or LazyRows (N, ...)
        All samples, as a detector takes them.
    train, judged : int arrays
        Rows of x.
    first : int
        The row of x that people count from: that of a set's test part, where it is judged.
    labels : bool array (N,) or None
        True for anomalies.
    normal : str
        Which classes are normal, in words; why there are no labels, where there are none.
    scale : str
        For `fit_detector`.
    contamination : float or None
        Share of anomalies among the training rows, where it is known.
    preparation : Preparation
        How a file to be scored is read.
    remarks : list of str
        What a user should be told.
    files : tuple of str or None
        Names of the samples.
    """

    name: str
    x: np.ndarray | LazyRows
    train: np.ndarray
    judged: np.ndarray
    labels: np.ndarray | None
    normal: str
    scale: str
    contamination: float | None
    preparation: Preparation
    remarks: tuple = ()
    files: tuple | None = None
    first: int = 0

    @property
    def kind(self):
        """'images', or 'rows'."""
        return self.preparation.kind

    @property
    def x_train(self):
        return self._some(self.train)

    @property
    def x_judged(self):
        return self._some(self.judged)

    @property
    def judged_labels(self):
        return None if self.labels is None else self.labels[self.judged]

    @property
    def same(self):
        """Whether the samples judged are those trained on."""
        return np.array_equal(self.train, self.judged)

    def _some(self, rows):
        return self.x if len(rows) == len(self.x) else some_rows(self.x, rows)


def load_problem(name, data_dir=None, *, seed=0, limit=None, normal=(), train_on="all", scale="auto", **reading):
    """The Problem of that name, or of a file or folder of one's own.

    Parameters
    ----------
    name : str or Path
        "damaged-digits", "damaged-mnist" or damaged-NAME: the training images of a set, 3 % of them under noise, which
        are to be found among all. "ecg5000": trained on the normal beats of its training part, judged on its test part.
        NAME of a set of images: labels are its classes, used where `normal` says which are normal. Or a path.
    data_dir : str or Path, optional
    seed : int
        Of damage, of what is drawn by code, and of the normal rows trained on.
    limit : int, optional
        Only the first so many training samples, and as many to judge.
    normal : sequence of str
        Classes that are normal (`anomalies_of`).
    train_on : {"all", "normal"}
        "normal": on 60 % of the normal rows, drawn by the seed; judged are all others.
    scale : {"auto", "robust", "standard", "minmax", "none"}
        "auto": images and bytes as they are, from 0 to 1; the columns of a table robustly; heart beats as they are.
    **reading
        As for `tinyae.samples.read_samples`.

    Raises
    ------
    UsageError
        Unknown names, bad files, too few rows, labels of one kind alone.
    """
    check_choice("anomaly", "train_on", train_on, ("all", "normal"))
    if not datasets.is_path(name) and not Path(name).is_dir():
        if reading:
            options = ", ".join(f"--{option.replace('_', '-')}" for option in reading)
            raise UsageError(f"anomaly: expected {options} for a file of your own alone, got it for {name}.")
        if name == "ecg5000":
            return _heart_beats(data_dir, limit, scale)
        damaged = str(name).startswith(DAMAGED)
        base = str(name).removeprefix(DAMAGED)
        sets = [n for n in datasets.NAMES if n not in ("auto", "curves")]
        check_choice("anomaly", "data", base if damaged else name, (*NAMES, *sets, "FILE"))
        data = datasets.load(base, data_dir, seed=seed, limit=limit)
        return _damaged(name, data, seed, scale) if damaged else _images(data, normal, train_on, seed, scale)
    return _own_file(name, limit, normal, train_on, seed, scale, reading)


def _damaged(name, data, seed, scale):
    x, labels = damage(data.x_train, seed=seed)
    rows = np.arange(len(x))
    images = x.reshape(-1, *data.image_shape)
    return Problem(
        name, images, rows, rows, labels.astype(bool), f"the images without noise ({SHARE:.0%} have it)",
        "none" if scale == "auto" else scale, labels.mean(), _preparation(data),
    )  # fmt: skip


def _preparation(data):
    """How pictures like those of the set are read."""
    return data.preparation or Preparation("unit", "images", tuple(data.image_shape), "float32")


def _images(data, normal, train_on, seed, scale):
    """The training images of a set; its classes are labels where somebody says which are normal."""
    labels, words = None, f"no class of {data.name} was named as normal (--normal)"
    if normal:
        labels, words = anomalies_of(data.y_train, data.class_names, normal)
    train, judged = _rows(len(data.x_train), labels, train_on, seed, data.name)
    images = data.x_train.reshape(-1, *data.image_shape)
    return Problem(
        data.name, images, train, judged, labels, words, "none" if scale == "auto" else scale, None, _preparation(data)
    )


def _heart_beats(data_dir, limit, scale):
    """Normal beats of the training part to learn from, the test part to judge."""
    data = load_ecg5000(data_dir)
    x, y = np.concatenate([data.x_train, data.x_test]), np.concatenate([data.y_train, data.y_test])
    train = np.flatnonzero(data.y_train == 0)[:limit]
    judged = len(data.x_train) + np.arange(len(data.x_test))
    if limit is not None:  # evenly: in one of the files the normal beats come first
        judged = judged[np.linspace(0, len(judged) - 1, min(limit, len(judged))).astype(int)]
    preparation = Preparation("none", "rows", (x.shape[1],), "float32")
    return Problem(
        "ecg5000", x, train, judged, y != 0, "class 1, normal beats", "none" if scale == "auto" else scale, None,
        preparation, first=len(data.x_train),
    )  # fmt: skip


def _own_file(path, limit, normal, train_on, seed, scale, reading):
    samples = read_samples(path, who="anomaly", **reading)
    if limit is not None and limit < len(samples):
        samples = samples.subset(np.arange(limit))
    if len(samples) < FEWEST:
        refuse("anomaly", samples.path, f"at least {FEWEST} {samples.kind} to learn from", len(samples))
    labels, words = None, "the file has no labels (--label names their column)"
    if samples.labels is not None:
        labels, words = anomalies_of(samples.labels, samples.class_names, normal)
    elif normal:
        raise UsageError("anomaly: expected --label with --normal, got none; name the column of the labels.")
    train, judged = _rows(len(samples), labels, train_on, seed, samples.path.name)
    pictures = samples.kind == "images" or samples.x.dtype.kind in "ub"
    remarks = []
    if pictures:
        low_high = value_range("anomaly", samples)
        preparation = Preparation.fit(samples, scale_for(samples, *low_high), who="anomaly")
    else:
        remarks = Preparation.fit(samples, "standard", who="anomaly").remarks  # refuses a table where nothing varies
        preparation = Preparation.fit(samples, "none", who="anomaly")
    if scale == "auto":
        scale = "none" if pictures else "robust"
    return Problem(
        samples.path.name, as_detector_takes(samples, preparation), train, judged, labels, words, scale, None,
        preparation, tuple(remarks), samples.files,
    )  # fmt: skip


def as_detector_takes(samples, preparation):
    """The samples of a file for a Detector: pictures from 0 to 1; tables in their own numbers, which it scales."""
    if preparation.scale == "none":
        preparation.check_fits(samples, "anomaly")
        return samples.x
    return preparation.apply(samples, who="anomaly")


def _rows(n, labels, train_on, seed, name):
    """(rows to train on, rows to judge)."""
    rows = np.arange(n)
    if train_on == "all":
        return rows, rows
    if labels is None:
        raise UsageError(
            f"anomaly: expected labels to train on normal rows of {name}, got none; use --label, --normal."
        )
    usual = np.random.default_rng(seed).permutation(np.flatnonzero(~labels))
    train = np.sort(usual[: math.ceil(SEMI_SHARE * len(usual))])
    return train, np.setdiff1d(rows, train)


def samples_of(name, data_dir, preparation, *, seed=0, limit=None, normal=(), **reading):
    """(x, Samples or None, labels or None, words) of a file to be scored, or of a built-in problem's judged samples."""
    if datasets.is_path(name) or Path(name).is_dir():
        samples = preparation.read(name, who="anomaly", **reading)
        if limit is not None:
            samples = samples.subset(np.arange(min(limit, len(samples))))
        labels, words = None, "the file has no labels (--label names their column)"
        if samples.labels is not None:
            labels, words = anomalies_of(samples.labels, samples.class_names, normal)
        elif normal:
            raise UsageError("anomaly: expected --label with --normal, got none; name the column of the labels.")
        return as_detector_takes(samples, preparation), samples, labels, words
    problem = load_problem(name, data_dir, seed=seed, limit=limit, normal=normal, **reading)
    shape = problem.preparation.shape
    if math.prod(shape) != math.prod(preparation.shape):
        raise UsageError(
            f"anomaly: expected samples of {preparation.shape}, as the detector was trained on, got {name} of {shape}."
        )
    x = problem.x_judged
    x = x.reshape(-1, *preparation.shape)
    return x, None, problem.judged_labels, problem.normal
