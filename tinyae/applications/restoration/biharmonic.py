"""Biharmonic inpainting: missing pixels by the smoothest sheet through the known ones.

A thin plate clamped along the edge of the hole takes the shape u with Laplacian(Laplacian(u)) = 0 (Damelin & Hoang, "On
surface completion and image inpainting by biharmonic functions", 2018). On the grid that is one linear equation for
every missing pixel, with the 13 pixels around it.
"""

import functools

import numpy as np

from tinyae.checks import UsageError, check_shape

LARGEST = 4096  # pixels of an image, up to which its equations are solved here, as a full matrix


def inpaint_biharmonic(x, mask):
    """Fill masked pixels so that the discrete bi-Laplacian is zero there.

    Parameters
    ----------
    x : array (N, H, W, C)
        What stands in masked pixels plays no part.
    mask : bool array like x
        True where a pixel is missing; each channel has holes of its own.

    Returns
    -------
    array like x
        Cut to the range of the plane's known pixels, for a sheet can bulge beyond it. A plane without any known pixel
        stays as it is.

    Raises
    ------
    UsageError
        Images above LARGEST pixels without scikit-image, whose function of this name gives the same.
    """
    check_shape("inpaint_biharmonic", mask, np.shape(x), "mask")
    height, width, channels = x.shape[1:]
    solve = _solve_planes if height * width <= LARGEST else _by_scikit_image()
    filled = x.copy()
    for image, holes in zip(filled, mask, strict=True):
        together = (holes == holes[..., :1]).all()  # one hole through all channels: one system of equations
        for part in [slice(None)] if together else [slice(c, c + 1) for c in range(channels)]:
            hole = holes[..., part][..., 0]
            if hole.any() and not hole.all():
                known = image[~hole, part]
                image[hole, part] = np.clip(solve(image[..., part], hole), known.min(axis=0), known.max(axis=0))
    return filled


def _solve_planes(planes, hole):
    """The missing numbers (n, C) of planes (H, W, C) with one hole (H, W), row by row."""
    A, hole = bilaplacian(*hole.shape), np.flatnonzero(hole)
    near = np.flatnonzero(A[hole].any(axis=0))  # all that the equations of the missing pixels speak of
    known = np.setdiff1d(near, hole, assume_unique=True)
    # A u = 0 in the rows of the missing pixels; what is known goes to the right.
    right = -A[np.ix_(hole, known)] @ planes.reshape(-1, planes.shape[-1])[known].astype(np.float64)
    return np.linalg.solve(A[np.ix_(hole, hole)], right)


def _by_scikit_image():
    try:
        from skimage.restoration import inpaint_biharmonic as solve
    except ImportError:
        raise UsageError(
            f"inpaint_biharmonic: expected scikit-image for images above {LARGEST} pixels, got none: "
            "pip install 'tinyae[images]'."
        ) from None

    def solve_planes(planes, hole):
        known = np.where(hole[..., None], 0, planes).astype(np.float64, order="C")
        return solve(known, np.ascontiguousarray(hole), channel_axis=-1)[hole]

    return solve_planes


@functools.lru_cache(maxsize=1)
def bilaplacian(height, width):
    """The discrete Laplacian applied twice, (H W, H W): u -> L (L u), edges mirrored (b a | a b)."""
    L = np.kron(second_difference(height), np.eye(width)) + np.kron(np.eye(height), second_difference(width))
    return L @ L


def second_difference(n):
    """u[i-1] - 2 u[i] + u[i+1] as a matrix (n, n); beyond the ends stands the last pixel again."""
    D = np.diag(np.full(n, -2.0)) + np.eye(n, k=1) + np.eye(n, k=-1)
    D[0, 0] += 1
    D[-1, -1] += 1
    return D
