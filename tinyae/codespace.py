"""Places in the space of codes to look at: a grid over two codes' numbers, ways from code to code, and directions."""

from dataclasses import dataclass

import numpy as np

from tinyae.checks import UsageError, as_float_array, check_choice, check_finite, check_float, check_int, check_shape

WAYS = ("line", "sphere")


@dataclass(frozen=True, eq=False)
class Grid:
    """A grid of two-dimensional codes as it is drawn: from left to right, and from the top downwards.

    Attributes
    ----------
    codes : array (n * n, 2)
        Row by row from the upper left, for `model.decode`.
    first, second : arrays (n,)
        First number of the codes in each column (rising), second number in each row (falling: large ones on top).
    """

    codes: np.ndarray
    first: np.ndarray
    second: np.ndarray


def code_grid(codes, n=15, margin=0.02):
    """A grid over two-dimensional codes by their quantiles, so that as many codes lie between any two of its lines.

    A grid of equal steps would spend most of its places where there are no codes.

    Parameters
    ----------
    codes : array (N, 2)
        Such as those of the training data.
    n : int
        Lines of the grid in each direction, 2 at least.
    margin : float in [0, 0.5)
        Share of the codes beyond the outermost line on either side.

    Returns
    -------
    Grid

    Examples
    --------
    >>> grid = code_grid(model.encode(x), 15)
    >>> plots.manifold(model.decode(grid.codes), (28, 28, 1), grid.first, grid.second)
    """
    dtype = _float_type(codes)
    codes = as_float_array("code_grid", codes, np.float64, "codes")
    check_shape("code_grid", codes, ("N", 2), "codes")
    check_finite("code_grid", codes, "codes")
    if not len(codes):
        raise UsageError("code_grid: expected at least one code, got none.")
    n = check_int("code_grid", "n", n, 2)
    margin = check_float("code_grid", "margin", margin, 0.0, 0.5, open_high=True)
    first, second = np.quantile(codes, np.linspace(margin, 1 - margin, n), axis=0).astype(dtype).T
    second = second[::-1]
    grid = np.stack(np.broadcast_arrays(first[None, :], second[:, None]), axis=-1)
    return Grid(grid.reshape(n * n, 2), first, second)


def between(start, end, steps=9, way="line"):
    """Codes on the way from one code to another, both included.

        line:    c(t) = (1 - t) c0 + t c1,   t = 0, ..., 1 in equal steps
        sphere:  c(t) = (sin((1 - t) w) c0 + sin(t w) c1) / sin w,   w the angle between c0 and c1

    On a line between two codes of many numbers the middle is shorter than either end, where a decoder may never have
    seen a code; the sphere's way keeps the length of codes of equal length. Codes in line with the origin have no such
    way and are joined by the line.

    Source of "sphere": Shoemake (1985); for codes White (2016), section 2.1.

    Parameters
    ----------
    start, end : arrays of one shape
        Two codes, or two images to blend.
    steps : int
        2 at least.
    way : {"line", "sphere"}

    Returns
    -------
    array (steps, *shape)

    Examples
    --------
    >>> a, b = model.encode(x[[3, 8]])
    >>> plots.interpolation([("code", model.decode(between(a, b))), ("pixels", between(x[3], x[8]))], (28, 28, 1))
    """
    dtype = np.result_type(_float_type(start), _float_type(end))
    start = as_float_array("between", start, np.float64, "start")
    end = as_float_array("between", end, np.float64, "end")
    check_shape("between", end, start.shape, "end")
    check_finite("between", start, "start")
    check_finite("between", end, "end")
    steps = check_int("between", "steps", steps, 2)
    check_choice("between", "way", way, WAYS)
    t = np.linspace(0, 1, steps).reshape(steps, *[1] * start.ndim)
    a, b = 1 - t, t
    if way == "sphere":
        lengths = np.linalg.norm(start) * np.linalg.norm(end)
        cosine = float(np.vdot(start, end) / lengths) if lengths else 1.0
        if abs(cosine) < 1 - 1e-9:
            w = np.arccos(cosine)
            a, b = np.sin((1 - t) * w) / np.sin(w), np.sin(t * w) / np.sin(w)
    return (a * start + b * end).astype(dtype)


def along_components(pca, steps):
    """Codes that move from the mean along one principal component after another.

        c = mean + t sqrt(variance_i) component_i

    Parameters
    ----------
    pca : tinyae.PCA
        Of codes; of images, the result is images.
    steps : array (S,)
        t, in standard deviations along the component.

    Returns
    -------
    array (number of components, S, k)
    """
    spread = np.sqrt(np.maximum(pca.variances, 0))
    moves = np.asarray(steps)[None, :, None] * (pca.components * spread).T[:, None]
    return (pca.mean + moves).astype(_float_type(pca.mean))


def _float_type(a):
    """What decoders get: the float type of the codes themselves, so that nothing is rounded in between."""
    dtype = getattr(a, "dtype", np.dtype(np.float64))
    return dtype if dtype.kind == "f" else np.dtype(np.float64)
