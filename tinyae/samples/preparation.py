"""What is done to data before a net takes them, and undone after; kept in the model's file."""

import math
import shlex
from dataclasses import dataclass

import numpy as np

from tinyae.checks import UsageError, check_choice
from tinyae.samples.base import refuse
from tinyae.samples.lazy import LazyRows, blocks
from tinyae.samples.reading import read_samples
from tinyae.scaling import Scaling

KIND, FORMAT = "Preparation", 1
SCALES = ("auto", "unit", "bytes", "standard", "common", "minmax", "none")
BY_COLUMN = ("standard", "common", "minmax")
MOST_NAMED = 5  # columns in one message


@dataclass(frozen=True, eq=False)
class Preparation:
    """How numbers in a file become numbers for a net.

    Attributes
    ----------
    scale : {"unit", "bytes", "standard", "common", "minmax", "none"}
        "unit": bytes are divided by 255, floats lie in [0, 1] already. "bytes": numbers of any type from 0 to 255 are
        divided by 255. "standard", "common", "minmax": column by column,
        z = (x - shift) / width (`tinyae.scaling`). "none": the numbers as they are.
    kind : {"images", "rows"}
    shape : tuple of int
        Of one sample in the file: (H, W, C) or (D,).
    dtype : str
        Of the numbers in the file.
    names : tuple of str or None
        The columns, in order.
    shift, width : float64 arrays (D,) or None
    fill : float64 array (D,) or None
        What missing cells are filled with.
    left_out : tuple of str
        Columns the file has and the net does not see.
    constant : tuple of int
        Columns that had one value in all of the training data.
    remarks : list of str
        What a user should be told.

    Examples
    --------
    >>> samples = read_samples("wine.csv", label="cultivar")
    >>> preparation = Preparation.fit(samples)
    >>> x = preparation.apply(samples)  # (N, 13) float32, every column with mean 0 and standard deviation 1
    >>> tinyae.save(model, "wine.npz", preprocessing=preparation)
    """

    scale: str
    kind: str
    shape: tuple
    dtype: str
    names: tuple | None = None
    shift: np.ndarray | None = None
    width: np.ndarray | None = None
    fill: np.ndarray | None = None
    left_out: tuple = ()
    constant: tuple = ()

    @classmethod
    def fit(cls, samples, scale="auto", *, refuse_constant=False, who="train"):
        """The Preparation for nets that are trained on `samples`.

        Parameters
        ----------
        samples : Samples
            Of training alone: shift and width are taken from them.
        scale : {"auto", "unit", "bytes", "standard", "common", "minmax", "none"}
            "auto": "unit" for bytes, truth values, and floats in [0, 1]; "standard" for other rows.
        refuse_constant : bool
            Whether a column with one value is an error, rather than one of the `remarks` and of width 1.

        Raises
        ------
        UsageError
            Fewer than two samples, NaN, images outside of [0, 1], nothing that varies.
        """
        check_choice(who, "scale", scale, SCALES)
        if len(samples) < 2:
            refuse(who, samples.path, "at least 2 samples to learn from", len(samples))
        low, high = value_range(who, samples)
        scale = scale_for(samples, low, high) if scale == "auto" else scale
        x = samples.x
        mine = cls(
            scale, samples.kind, samples.sample_shape, x.dtype.name, samples.names, fill=samples.fill,
            left_out=samples.left_out,
        )  # fmt: skip
        mine._check_range(who, samples.path, x.dtype, low, high)
        if scale in ("unit", "bytes") and x.dtype == np.uint8 and high <= 1:
            refuse(
                who, samples.path, "uint8 from 0 to 255",
                "only 0 and 1, which divided by 255 are nearly black; save x.astype(bool) if they mean black and white",
            )  # fmt: skip
        if scale not in BY_COLUMN:
            return mine
        scaling = Scaling(who, scale, x.reshape(len(x), -1), among=BY_COLUMN)
        constant = tuple(int(j) for j in np.flatnonzero(scaling.constant))
        vars(mine).update(shift=scaling.shift, width=scaling.width, constant=constant)
        if len(constant) == len(scaling.width) or (constant and refuse_constant):
            name = f"; --drop {shlex.quote(mine._title(constant[0]))}" if len(constant) < len(scaling.width) else ""
            refuse(who, samples.path, "columns that vary", f"{mine._constant_columns()}{name}")
        return mine

    @property
    def remarks(self):
        if not self.constant:
            return []
        return [f"{self._constant_columns()}: kept, as 0 for the net, which learns nothing from it"]

    def _constant_columns(self):
        titles = [self._title(j) for j in self.constant]
        if len(titles) == 1:
            return f"column {titles[0]!r} with one value in all rows"
        more = f" and {len(titles) - MOST_NAMED} more" if len(titles) > MOST_NAMED else ""
        return f"{len(titles)} columns with one value in all rows ({', '.join(titles[:MOST_NAMED])}{more})"

    def _title(self, j):
        return self.names[j] if self.names else str(j + 1)

    # -- use ---------------------------------------------------------------------------

    def read(self, path, *, who="read_samples", **options):
        """The Samples of a file that is to be used as the training data were, `options` as for `read_samples`.

        Columns are found by their names, in any order; those left out in training are left out where they are there;
        missing cells are filled as they were in training; pictures get as many channels.
        """
        return read_samples(path, who=who, like=self, **options)

    def apply(self, samples, input_shape=None, who="apply"):
        """float32 (N, *input_shape) for the net; LazyRows of lazy samples.

        Parameters
        ----------
        samples : Samples
        input_shape : tuple of int, optional
            Of the net: (784,) for images (28, 28, 1), where the net takes rows. The samples' own shape without it.

        Raises
        ------
        UsageError
            Images of another size or columns other than in training, values out of range.
        """
        self.check_fits(samples, who)
        shape = self.shape if input_shape is None else tuple(input_shape)
        if math.prod(shape) != math.prod(self.shape):
            raise UsageError(f"{who}: expected a net for samples of {size_text(self.shape)}, got one for {shape}.")
        x, path = samples.x, samples.path
        if isinstance(x, LazyRows):
            return x.map(lambda rows: self._forward(rows, who, path).reshape(-1, *shape), shape, np.float32)
        z = np.empty((len(x), *shape), np.float32)
        value_range(who, samples)
        for rows in blocks(x):
            z[rows] = self._forward(x[rows], who, path).reshape(-1, *shape)
        return z

    def _forward(self, x, who, path):
        """Rows of the file as float32, checked."""
        if x.dtype.kind == "f" and not np.isfinite(x).all():
            refuse(who, path, "finite numbers", "NaN or infinity; remove or fill them")
        if self.scale in BY_COLUMN:
            flat = x.reshape(len(x), -1)
            return ((flat - self.shift) / self.width).astype(np.float32).reshape(x.shape)
        if len(x):
            self._check_range(who, path, x.dtype, x.min(), x.max())
        z = x.astype(np.float32)
        z /= np.float32(self._unit(x.dtype))
        return z

    def undo(self, z, dtype=None):
        """What the net gave, (N, ...), as the file had it: (N, H, W, C) or (N, D), in its unit, bytes as bytes.

        `dtype` is the type of the file that was read, where it need not be that of the training data.
        """
        dtype = np.dtype(self.dtype if dtype is None else dtype)
        z = np.asarray(z).reshape(-1, *self.shape)
        if self.scale in BY_COLUMN:
            x = self.shift + self.width * z.reshape(len(z), -1).astype(np.float64)
            return _as_stored(x.reshape(z.shape), dtype)
        return _as_stored(z * np.float32(self._unit(dtype)), dtype)

    # -- checks ------------------------------------------------------------------------

    def check_fits(self, samples, who):
        """Raise UsageError unless `samples` are of the training data's size and columns."""
        got = samples.sample_shape
        if got != self.shape:
            what = "images" if self.kind == "images" else "rows"
            flat = self.kind != samples.kind and math.prod(got) == math.prod(self.shape)
            advice = ""
            if flat:
                advice = f"; reshape them to {('N', *self.shape)}".replace("'", "")
            elif self.kind == samples.kind == "images" and samples.files:
                advice = f"; --image-size {self.shape[0]}x{self.shape[1]} scales and crops them"
            refuse(
                who, samples.path, f"{what} of {size_text(self.shape)}, as the model was trained on",
                f"{samples.kind} of {size_text(got)}{advice}",
            )  # fmt: skip
        if self.names and samples.names and self.names != samples.names:
            j = next(j for j in range(len(self.names)) if self.names[j] != samples.names[j])
            refuse(
                who, samples.path, f"column {j + 1} to be {self.names[j]!r}, as the model was trained on",
                repr(samples.names[j]),
            )  # fmt: skip

    def _check_range(self, who, path, dtype, low, high):
        """Raise UsageError for numbers of this type from low to high that the scale has no meaning for."""
        is_byte = dtype == np.uint8
        if self.scale == "none" and is_byte:
            refuse(who, path, "floats for scale none", "bytes; scale unit divides them by 255")
        if self.scale == "unit" and not is_byte and (low < 0 or high > 1):
            refuse(who, path, "floats in [0, 1]", f"values from {low:.9g} to {high:.9g}; {advice(low, high)}")
        if self.scale == "bytes" and (low < 0 or high > 255):
            refuse(who, path, "numbers from 0 to 255", f"values from {low:.9g} to {high:.9g}; use another --scale")

    def _unit(self, dtype):
        """What the net's 1 is in numbers of this type."""
        return 255.0 if self.scale == "bytes" or (self.scale == "unit" and dtype == np.uint8) else 1.0

    # -- as JSON -----------------------------------------------------------------------

    def to_json(self):
        """Plain JSON, for `tinyae.save`."""
        arrays = {name: _list(getattr(self, name)) for name in ("shift", "width", "fill")}
        tuples = {name: _list(getattr(self, name)) for name in ("shape", "names", "left_out", "constant")}
        return (
            {"tinyae": KIND, "format": FORMAT, "scale": self.scale, "kind": self.kind, "dtype": self.dtype}
            | tuples
            | arrays
        )

    @classmethod
    def from_json(cls, values, who="Preparation"):
        """What `to_json` gave; UsageError for anything else."""
        if not isinstance(values, dict) or values.get("tinyae") != KIND:
            raise UsageError(
                f"{who}: expected a model whose file says how data are prepared, got {str(values)[:60]}; it was saved "
                "without a Preparation: use model.encode and the like in Python."
            )
        if values.get("format") != FORMAT:
            raise UsageError(f"{who}: expected a Preparation of format {FORMAT}, got {values.get('format')!r}.")
        try:
            arrays = {n: None if values[n] is None else np.array(values[n], float) for n in ("shift", "width", "fill")}
            tuples = {
                n: None if values[n] is None else tuple(values[n]) for n in ("shape", "names", "left_out", "constant")
            }
            mine = cls(values["scale"], values["kind"], dtype=values["dtype"], **tuples, **arrays)
            mine._check_whole()
        except (KeyError, TypeError, ValueError) as why:
            raise UsageError(f"{who}: expected a whole Preparation, got a damaged one ({why}).") from None
        return mine

    def _check_whole(self):
        """Raise ValueError unless the parts fit together."""
        n = math.prod(self.shape)
        arrays = [
            ("fill", self.fill),
            *((("shift", self.shift), ("width", self.width)) if self.scale in BY_COLUMN else ()),
        ]
        for name, array in arrays:
            if (array is None and name != "fill") or (array is not None and array.shape != (n,)):
                raise ValueError(f"{name} is not of {n} numbers")
            if array is not None and not np.isfinite(array).all():
                raise ValueError(f"{name} is not finite")
        if self.scale not in SCALES[1:] or self.kind not in ("images", "rows") or n < 1:
            raise ValueError(f"scale {self.scale}, kind {self.kind}, shape {self.shape}")
        if self.names is not None and len(self.names) != n:
            raise ValueError(f"{len(self.names)} names for {n} columns")

    @classmethod
    def of(cls, model, who="Preparation"):
        """The Preparation in a loaded model; UsageError where its file has none."""
        return cls.from_json(model.preprocessing, who)


def scale_for(samples, low, high):
    """What "auto" means for samples with numbers from low to high."""
    in_range = samples.x.dtype.kind in "ub" or (low >= 0 and high <= 1)
    return "unit" if in_range or samples.kind == "images" else "standard"


def _as_stored(x, dtype):
    """x as numbers of a file's type: bytes, or floats."""
    if dtype == np.uint8:
        return np.clip(np.rint(x), 0, 255).astype(np.uint8)
    return x.astype(np.float64 if dtype == np.float64 else np.float32, copy=False)


def value_range(who, samples):
    """(lowest, highest) number of all samples; UsageError where one is NaN or infinite."""
    x, low, high = samples.x, None, None
    for rows in blocks(x):
        values = x[rows]
        if x.dtype.kind == "f" and not np.isfinite(values).all():
            bad = rows.start + int(np.flatnonzero(~np.isfinite(values).reshape(len(values), -1).all(axis=1))[0])
            refuse(who, samples.path, "finite numbers", f"NaN or infinity in {samples.place(bad)}; remove or fill them")
        least, most = values.min(), values.max()
        low = least if low is None or least < low else low
        high = most if high is None or most > high else high
    return low, high


def advice(low, high):
    """How to bring values from low to high into [0, 1]."""
    if low >= 0 and high <= 255:
        return "divide by 255 if they are pixels"
    return "save (x + 1) / 2" if low >= -1 and high <= 1 else "save (x - x.min()) / (x.max() - x.min())"


def size_text(shape):
    """'28 x 28 x 1', or '4 numbers'."""
    return " x ".join(map(str, shape)) if len(shape) > 1 else f"{shape[0]:,} numbers"


def _list(values):
    return None if values is None else np.asarray(values).tolist() if isinstance(values, np.ndarray) else list(values)
