"""A detector as one .npz file without pickle: nets, scaling, weighing, threshold. Loading trusts nothing."""

import dataclasses
import json
import math

import numpy as np

from tinyae.analysis import PCA
from tinyae.applications.anomaly.columns import RobustScaling
from tinyae.applications.anomaly.combining import Combining
from tinyae.applications.anomaly.detector import Detector
from tinyae.applications.anomaly.fitting import SCALES, dense_net
from tinyae.applications.anomaly.thresholds import Threshold
from tinyae.applications.anomaly.weighing import Weighing
from tinyae.checks import UsageError
from tinyae.files import read_npz, write_atomically
from tinyae.scaling import Scaling
from tinyae.version import __version__

FORMAT, KIND = 1, "anomaly detector"
NET_SETTINGS = ("n_features", "hidden_sizes", "code_size", "in_unit_interval")


def save(detector, path):
    """Write a Detector, its threshold and its `preprocessing` to `path` (.npz), atomically.

    Raises
    ------
    UsageError
        A detector with nets of one's own (`make_net`).
    """
    if detector.settings is None:
        raise UsageError("save: expected a detector with tinyae's own nets, got one made with make_net; pickle it.")
    about = {
        "kind": KIND,
        "format": FORMAT,
        "tinyae": __version__,
        "settings": detector.settings,
        "members": len(detector.nets),
        "sample_shape": list(detector.sample_shape),
        "threshold": None if detector.threshold is None else dataclasses.asdict(detector.threshold),
        "preprocessing": detector.preprocessing,
    }
    arrays = {f"theta_{i}": net.theta for i, net in enumerate(detector.nets)}
    if detector.linear is not None:
        arrays |= {"linear_mean": detector.linear.mean, "linear_components": detector.linear.components}
    if detector.scaling is not None:
        arrays |= {"shift": detector.scaling.shift, "width": detector.scaling.width}
    for name, weighing in zip(("residual", "row"), detector.weighings or (), strict=False):
        arrays |= {f"{name}_centre": weighing.centre, f"{name}_matrix": weighing.matrix}
    if detector.combining is not None:
        plain = detector.combining
        arrays |= {"plain_shift": plain.scaling.shift, "plain_width": plain.scaling.width, "usual": plain.usual}
        arrays |= {"plain_mean": plain.pca.mean, "plain_components": plain.pca.components}

    def write(temporary):
        with open(temporary, "wb") as f:
            np.savez(f, about=np.array(json.dumps(about)), **arrays)

    write_atomically(path, write)


def load(path):
    """The Detector in a file that `save` wrote.

    Raises
    ------
    UsageError
        No such file, something else, damaged, from a newer version.
    """

    def parse(file):
        arrays = {name: file[name] for name in file.files}
        if "about" not in arrays:
            found = "a net of tinyae.save" if "architecture" in arrays else "something else"
            raise UsageError(f"load: expected a detector of tinyae anomaly fit in {path}, got {found}.")
        return json.loads(str(arrays.pop("about"))), arrays

    about, arrays = read_npz(path, parse, "load", "detector file written by tinyae anomaly fit")
    if not isinstance(about, dict) or about.get("kind") != KIND:
        raise UsageError(f"load: expected a detector of tinyae anomaly fit in {path}, got something else.")
    if about.get("format") != FORMAT:
        raise UsageError(
            f"load: expected format {FORMAT} in {path}, got {about.get('format')!r}; install a newer tinyae."
        )
    try:
        return _detector(about, arrays)
    except (KeyError, TypeError, ValueError, OverflowError, MemoryError, AttributeError) as why:
        reason = (str(why) or type(why).__name__).splitlines()[0].rstrip(".")
        raise UsageError(f"load: expected a whole detector in {path}, got a damaged one ({reason}).") from None


def _detector(about, arrays):
    """The Detector of a file's content; any of several errors where its parts do not fit."""
    settings, shape = about["settings"], tuple(about["sample_shape"])
    n = settings["n_features"]
    if math.prod(shape) != n or settings["scale"] not in SCALES:
        raise ValueError(f"samples of shape {shape} and {n} features, scale {settings['scale']!r}")
    made = {name: settings[name] for name in NET_SETTINGS}
    nets = []
    for i in range(about["members"]):
        net = dense_net(**made)
        theta = _finite(arrays, f"theta_{i}", net.theta.shape)
        net.theta[:] = theta
        nets.append(net)
    k = min(n, settings["code_size"])
    linear = _pca(arrays, "linear", n, k) if "linear_mean" in arrays else None
    scaling = None
    if settings["scale"] != "none":
        scaling = _scaling(arrays, "", n, RobustScaling if settings["scale"] == "robust" else Scaling)
    detector = Detector(nets, linear, scaling, shape, settings)
    if "row_centre" in arrays:
        detector.weighings = tuple(
            Weighing.of(
                _finite(arrays, f"{name}_centre", (n,)),
                _finite(arrays, f"{name}_matrix", (n, n) if arrays[f"{name}_matrix"].ndim == 2 else (n,)),
            )
            for name in ("residual", "row")
        )
    if "usual" in arrays:
        parts = _scaling(arrays, "plain_", n, Scaling), _pca(arrays, "plain", n, k), _finite(arrays, "usual", (2,))
        detector.combining = Combining.of(*parts)
    detector.threshold = None if about["threshold"] is None else Threshold(**about["threshold"])
    detector.preprocessing = about["preprocessing"]
    return detector


def _pca(arrays, name, n, k):
    pca = PCA.__new__(PCA)  # without the data it was taken from, like the scalings
    pca.mean, pca.components = _finite(arrays, f"{name}_mean", (n,)), _finite(arrays, f"{name}_components", (n, k))
    return pca


def _scaling(arrays, prefix, n, kind):
    scaling = kind.__new__(kind)
    scaling.shift, scaling.width = _finite(arrays, f"{prefix}shift", (n,)), _finite(arrays, f"{prefix}width", (n,))
    return scaling


def _finite(arrays, name, shape):
    """One of the arrays; ValueError unless it has this shape and finite numbers."""
    array = arrays[name]
    if array.shape != shape or array.dtype.kind != "f" or not np.isfinite(array).all():
        raise ValueError(f"{name} of shape {array.shape}, {array.dtype}, expected finite numbers of shape {shape}")
    return array
