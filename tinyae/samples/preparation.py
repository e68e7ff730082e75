"""What is done to data before a net takes them, and undone after; kept in the model's file."""

import math
import shlex
from dataclasses import dataclass, fields

import numpy as np

from tinyae.checks import UsageError, check_choice
from tinyae.samples.base import refuse
from tinyae.samples.lazy import LazyRows, blocks
from tinyae.samples.ranges import advice, scale_for, size_text, value_range
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
    no_channels : bool
        Whether grey images lay in the file as (N, H, W).
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
    no_channels: bool = False

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
            Fewer than two samples, NaN, images outside of [0, 1], one number in all of them.
        """
        check_choice(who, "scale", scale, SCALES)
        if len(samples) < 2:
            refuse(who, samples.path, "at least 2 samples to learn from", len(samples))
        low, high = value_range(who, samples)
        scale = scale_for(samples, low, high) if scale == "auto" else scale
        x = samples.x
        mine = cls(
            scale, samples.kind, samples.sample_shape, x.dtype.name, samples.names, fill=samples.fill,
            left_out=samples.left_out, no_channels=samples.no_channels,
        )  # fmt: skip
        mine._check_range(who, samples.path, x.dtype, low, high)
        if scale in ("unit", "bytes") and x.dtype == np.uint8 and high <= 1:
            refuse(
                who, samples.path, "uint8 from 0 to 255",
                "only 0 and 1, which divided by 255 are nearly black; save x.astype(bool) if they mean black and white",
            )  # fmt: skip
        if scale not in BY_COLUMN:
            if low == high:
                refuse(who, samples.path, f"{samples.kind} that vary", f"the number {low:.9g} in all of them")
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
        same_size = math.prod(got) == math.prod(self.shape)
        flat = self.scale not in BY_COLUMN and self.kind != samples.kind and same_size  # rows of images' numbers
        if got != self.shape and not flat:
            pictures = self.kind == samples.kind == "images" and samples.files
            height_by_width = "x".join(map(str, self.shape[:2]))
            refuse(
                who, samples.path, f"{self.kind} of {size_text(self.shape)}, as the model was trained on",
                f"{samples.kind} of {size_text(got)}"
                + (f"; --image-size {height_by_width} scales and crops them" if pictures else ""),
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
        return {"tinyae": KIND, "format": FORMAT} | {f.name: _plain(getattr(self, f.name)) for f in fields(self)}

    @classmethod
    def from_json(cls, values, who="Preparation"):
        """What `to_json` gave; UsageError for anything else."""
        if not isinstance(values, dict) or values.get("tinyae") != KIND:
            raise UsageError(
                f"{who}: expected a model with a Preparation in its file, got one with {str(values)[:60]!r}; prepare "
                "the data yourself, and use model.encode and the like in Python."
            )
        if values.get("format") != FORMAT:
            raise UsageError(
                f"{who}: expected a Preparation of format {FORMAT}, got {values.get('format')!r}; update tinyae."
            )
        try:
            mine = cls(**{f.name: _back(f.name, values[f.name]) for f in fields(cls)})
            mine._check_whole()
        except (KeyError, TypeError, ValueError) as why:
            raise UsageError(f"{who}: expected a whole Preparation, got a damaged one ({why}).") from None
        return mine

    def _check_whole(self):
        """Raise ValueError unless the parts fit together."""
        n, by_column = math.prod(self.shape), self.scale in BY_COLUMN
        if self.scale not in SCALES[1:] or self.kind not in ("images", "rows") or n < 1:
            raise ValueError(f"scale {self.scale}, kind {self.kind}, shape {self.shape}")
        for name, needed in (("shift", by_column), ("width", by_column), ("fill", False)):
            array = getattr(self, name)
            if needed and array is None:
                raise ValueError(f"no {name}")
            if array is not None and (array.shape != (n,) or not np.isfinite(array).all()):
                raise ValueError(f"{name} is not {n} finite numbers")
        if self.names is not None and len(self.names) != n:
            raise ValueError(f"{len(self.names)} names for {n} columns")

    @classmethod
    def of(cls, model, who="Preparation"):
        """The Preparation in a loaded model's file.

        A file without one is of data in [0, 1] where the loss is cross-entropy, and else of numbers as they are.
        """
        if model.preprocessing is not None:
            return cls.from_json(model.preprocessing, who)
        shape, in_range = model.input_shape, model.loss.name == "BCE"
        return cls("unit" if in_range else "none", "images" if len(shape) == 3 else "rows", shape, "float32")


ARRAYS = ("shift", "width", "fill")


def _plain(value):
    """A field as JSON."""
    return value.tolist() if isinstance(value, np.ndarray) else list(value) if isinstance(value, tuple) else value


def _back(name, value):
    """A field of this name, from JSON."""
    if name in ARRAYS and value is not None:
        return np.array(value, dtype=np.float64)
    return tuple(value) if isinstance(value, list) else value


def _as_stored(x, dtype):
    """x as numbers of a file's type: bytes, or floats."""
    if dtype == np.uint8:
        return np.clip(np.rint(x), 0, 255).astype(np.uint8)
    return x.astype(np.float64 if dtype == np.float64 else np.float32, copy=False)
