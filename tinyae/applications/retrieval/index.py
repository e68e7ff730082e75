"""An index: codes, their labels, and the nearest of them to any other code."""

import json

import numpy as np

from tinyae.applications.retrieval.codes import fingerprint
from tinyae.applications.retrieval.precision import precision_at_k
from tinyae.applications.retrieval.whitening import PowerWhitening
from tinyae.checks import UsageError, as_float_array, check_choice, check_finite, check_int, check_shape
from tinyae.files import read_npz, write_atomically
from tinyae.neighbour_search import nearest_rows, without
from tinyae.version import __version__

DISTANCES = ("cosine", "euclidean")
METHODS = ("exact", "brute", "ball_tree", "kd_tree")  # all but the first are scikit-learn's
LARGEST = 1e15  # squares of larger numbers leave float32
FORMAT = 1


class Index:
    """Codes that can be searched.

    Parameters
    ----------
    codes : array (N, d)
    labels : integer array (N,), optional
        Classes, to judge answers and to print; searching takes no notice.
    distance : {"cosine", "euclidean"}
        Cosine distance is 1 - cos of the angle between two codes; a code of zeros is at 1 from every other and at 0
        from its like.
    whitening : PowerWhitening, optional
        Applied to these codes and to every query.
    method : {"exact", "brute", "ball_tree", "kd_tree"}
        "exact" goes through all codes by tinyae's own kernels. The others are `sklearn.neighbors.NearestNeighbors`
        and give the same answers; among rows at equal distance "exact" takes the first, scikit-learn any.
    class_names : sequence of str, optional
    names : sequence of str, optional
        A name for each code, such as its file's.
    model : Autoencoder, optional
        The net the codes come from; kept as a checksum.

    Attributes
    ----------
    points : float32 array (N, d)
        The codes, whitened.
    labels : int64 array (N,) or None
    class_names, names : tuple of str or None
    made_by : str or None
        `fingerprint` of the net.
    """

    def __init__(
        self, codes, labels=None, *, distance="cosine", whitening=None, method="exact", class_names=None, names=None,
        model=None,
    ):  # fmt: skip
        codes = _checked("Index", codes, None)
        if not len(codes):
            raise UsageError("Index: expected at least one code, got none.")
        check_choice("Index", "distance", distance, DISTANCES)
        check_choice("Index", "method", method, METHODS)
        self.whitening, self.distance, self.method = whitening, distance, method
        self.points = codes if whitening is None else whitening.apply(codes)
        self.labels = None
        if labels is not None:
            check_shape("Index", labels, (len(codes),), "labels")
            self.labels = np.asarray(labels, dtype=np.int64)
        self.class_names = None if class_names is None else tuple(map(str, class_names))
        self.names = None if names is None else tuple(map(str, names))
        if self.names is not None and len(self.names) != len(codes):
            raise UsageError(f"Index: expected a name for each of {len(codes)} codes, got {len(self.names)}.")
        self.made_by = None if model is None else fingerprint(model)
        self._prepare()

    def _prepare(self):
        """What is searched: the points themselves, or directions; and the tree, where there is one."""
        self._searched = _directions(self.points) if self.distance == "cosine" else self.points
        self._tree = None if self.method == "exact" else _nearest_neighbours(self.method).fit(self._searched)

    def __len__(self):
        return len(self.points)

    # -- searching ---------------------------------------------------------------------------

    def neighbours(self, codes, k=10, *, exclude=None, threads=None):
        """The k nearest rows of the index to each code.

        Parameters
        ----------
        codes : array (M, d)
            As the net gives them; the index whitens them itself.
        k : int
        exclude : integer array (M,), optional
            A row of the index that is not to be found, for each query: its own, where it is in the index.
        threads : int, optional

        Returns
        -------
        rows : int64 array (M, k)
            Nearest first.
        distances : float64 array (M, k)
        """
        codes = _checked("neighbours", codes, self._width)
        k = check_int("neighbours", "k", k, 1)
        others = len(self) - (exclude is not None)
        if k > others:
            raise UsageError(f"neighbours: expected k of at most {others} other images in the index, got {k}.")
        if self.whitening is not None:
            codes = self.whitening.apply(codes)
        if exclude is None:
            return self._search(codes, k, threads)
        check_shape("neighbours", exclude, (len(codes),), "exclude")
        rows, distances = self._search(codes, k + 1, threads)
        return tuple(without(rows, exclude, distances))

    def holds(self, codes, rows):
        """Whether the codes of these rows of the index are, but for rounding, these."""
        if np.shape(codes)[1] != self._width or max(rows) >= len(self):
            return False
        points = codes if self.whitening is None else self.whitening.apply(codes)
        return np.allclose(points, self.points[rows], rtol=1e-3, atol=1e-3 * np.abs(self.points[rows]).max())

    @property
    def _width(self):
        return self.points.shape[1] if self.whitening is None else len(self.whitening.mean)

    def _search(self, points, k, threads):
        queries = _directions(points) if self.distance == "cosine" else points
        if self._tree is not None:
            rows = self._tree.kneighbors(queries, k, return_distance=False)
            rows, squared = _measured(self._searched, queries, rows)
        else:
            rows, squared = nearest_rows(self._searched, queries, k, threads)
        # Between directions |a - b|^2 = 2 - 2 cos.
        return rows, squared / 2 if self.distance == "cosine" else np.sqrt(squared)

    def precision(self, codes, labels, k=10, *, exclude=None, threads=None):
        """Precision@k of queries whose classes are known: `precision_at_k`."""
        if self.labels is None:
            raise UsageError("precision: expected an index with labels, got one without; give Index(codes, labels).")
        rows, _ = self.neighbours(codes, k, exclude=exclude, threads=threads)
        return precision_at_k(self.labels[rows], labels)

    # -- files ---------------------------------------------------------------------------

    def save(self, path):
        """Write the index to `path` (.npz, no pickle), atomically."""
        arrays = {"points": self.points}
        if self.labels is not None:
            arrays["labels"] = self.labels
        for name in ("class_names", "names"):
            if getattr(self, name) is not None:
                arrays[name] = np.array(getattr(self, name), dtype=str)
        if self.whitening is not None:
            arrays |= {"whitening_mean": self.whitening.mean, "whitening_axes": self.whitening.axes}
        about = {"format": FORMAT, "kind": "Index", "tinyae": __version__, "distance": self.distance,
                 "method": self.method, "made_by": self.made_by}  # fmt: skip

        def write(temporary):
            with open(temporary, "wb") as file:
                np.savez(file, about=np.array(json.dumps(about)), **arrays)

        write_atomically(path, write)

    @classmethod
    def load(cls, path, model=None):
        """The index in the file `path`.

        Parameters
        ----------
        path : str or Path
        model : Autoencoder, optional
            The net that queries will come from: it has to be the one that made the index.

        Raises
        ------
        UsageError
            No such file, not an index, damaged, from a newer version, or made by another net.
        """
        about, arrays = read_npz(path, _parse, "Index.load", "index file written by Index.save")
        _check_about(about, path)
        _check_arrays(arrays, path)
        if model is not None and about["made_by"] != fingerprint(model):
            raise UsageError(
                f"Index.load: expected an index made by this model, got {path}, made by "
                f"{'another' if about['made_by'] else 'none that is known'}; index the images again."
            )
        self = object.__new__(cls)
        self.points, self.labels = arrays["points"], arrays.get("labels")
        self.distance, self.method, self.made_by = about["distance"], about["method"], about["made_by"]
        self.class_names, self.names = (
            tuple(arrays[name].tolist()) if name in arrays else None for name in ("class_names", "names")
        )
        self.whitening = None
        if "whitening_axes" in arrays:
            self.whitening = PowerWhitening.of(arrays["whitening_mean"], arrays["whitening_axes"])
        self._prepare()
        return self


def _checked(who, codes, width):
    """Codes as float32 (M, width), finite and not too large."""
    codes = as_float_array(who, codes, np.float32, "codes")
    check_shape(who, codes, ("N", "d" if width is None else width), "codes")
    check_finite(who, codes, "codes")
    if np.abs(codes).max(initial=0) > LARGEST:
        raise UsageError(f"{who}: expected codes of at most {LARGEST:g}, got {np.abs(codes).max():g}; scale them.")
    return np.ascontiguousarray(codes)


def _directions(points):
    """Points (N, d) as (N, d + 1) of length 1: zeros point along an axis of their own, at right angles to all."""
    lengths = np.sqrt(np.einsum("nd,nd->n", points, points, dtype=np.float64))
    directions = np.zeros((len(points), points.shape[1] + 1), np.float32)
    np.divide(points, lengths[:, None], out=directions[:, :-1], where=lengths[:, None] > 0, casting="same_kind")
    directions[lengths == 0, -1] = 1
    return directions


def _measured(points, queries, rows):
    """Rows (M, k) in order of their squared distances in float64, and those: scikit-learn's own are rougher."""
    squared = np.empty(rows.shape)
    for m, query in enumerate(queries):
        squared[m] = np.square(points[rows[m]].astype(np.float64) - query).sum(axis=1)
    order = np.lexsort((rows, squared), axis=1)
    return np.take_along_axis(rows, order, 1), np.take_along_axis(squared, order, 1)


def _nearest_neighbours(method):
    try:
        from sklearn.neighbors import NearestNeighbors
    except ImportError:
        raise UsageError(
            f"Index: method {method!r} needs scikit-learn: pip install 'tinyae[sklearn]'; or use method 'exact'."
        ) from None
    return NearestNeighbors(algorithm=method)


def _parse(file):
    return json.loads(str(file["about"])), {name: file[name] for name in file.files if name != "about"}


def _check_about(about, path):
    """Raise UsageError for what is no index, and for one of the future."""
    if not isinstance(about, dict) or about.get("kind") != "Index" or not isinstance(about.get("format"), int):
        raise UsageError(f"Index.load: expected an index in {path}, got something else; was it made by Index.save?")
    if about["format"] > FORMAT:
        raise UsageError(
            f"Index.load: expected format {FORMAT} or older in {path}, got {about['format']}; install a newer tinyae "
            f"(the file is from version {about.get('tinyae', 'unknown')}, this is {__version__})."
        )
    known = about.get("distance") in DISTANCES and about.get("method") in METHODS
    if not known or not isinstance(about.get("made_by"), str | None):
        raise UsageError(f"Index.load: expected settings this version knows in {path}, got {about}.")


def _check_arrays(arrays, path):
    """Raise UsageError unless the arrays of a file fit together."""
    if "points" not in arrays or ("whitening_mean" in arrays) != ("whitening_axes" in arrays):
        raise UsageError(
            f"Index.load: expected all arrays of an index in {path}, got {', '.join(arrays) or 'none of them'}."
        )
    n, d = arrays["points"].shape if arrays["points"].ndim == 2 else (0, 0)
    width = arrays["whitening_mean"].size if "whitening_mean" in arrays else d
    want = {
        "points": ((n, d), "f"), "labels": ((n,), "i"), "names": ((n,), "U"), "class_names": (None, "U"),
        "whitening_mean": ((width,), "f"), "whitening_axes": ((width, d), "f"),
    }  # fmt: skip
    for name, array in arrays.items():
        shape, kind = want.get(name, ((), ""))
        fits = n and array.dtype.kind == kind and (array.ndim == 1 if shape is None else array.shape == shape)
        if not fits or (kind == "f" and not (array.dtype == np.float32 and np.isfinite(array).all())):
            raise UsageError(
                f"Index.load: expected arrays of an index that fit together in {path}, got {name} of shape "
                f"{array.shape} of {array.dtype}."
            )
