"""Upsampling by a whole factor, nearest and bilinear, forward and backward, each as a NumPy and a Numba twin.

x (N, H, W, C) becomes y (N, fh H, fw W, C); the factors are read off the shapes. Every upsampling is a linear map, and
the way back is its adjoint: <up(x), dy> = <x, up_backward(dy)> for all x and dy.
"""

import functools

import numpy as np

from tinyae.kernels.config import fast_or_plain, in_vectors, kernel

# -- nearest ----------------------------------------------------------------------------------------------------------


def upsample_nearest_numpy(x, y):
    """y[n,h,w,c] = x[n, h // fh, w // fw, c]: every pixel as a block of fh x fw."""
    fh, fw = _factors(x, y)
    y[...] = np.repeat(np.repeat(x, fh, axis=1), fw, axis=2)
    return y


def upsample_nearest_backward_numpy(dy, dx):
    """dx[n,h,w,c] = sum of dy over the block of fh x fw that pixel (h, w) became."""
    fh, fw = _factors(dx, dy)
    N, H, W, C = dx.shape
    return np.sum(dy.reshape(N, H, fh, W, fw, C), axis=(2, 4), out=dx)


def _factors(small, large):
    return large.shape[1] // small.shape[1], large.shape[2] // small.shape[2]


def upsample_nearest_numba(x, y):
    """`upsample_nearest_numpy`: a row is widened once, then copied. In float32 the common 2 x 2 is in vectors."""
    if in_vectors(x) and _factors(x, y) == (2, 2):
        _vectors().double(x, y)
    else:
        _nearest_loop(x, y)
    return y


@functools.cache
def _vectors():
    """Imported when first needed: compiling it takes some seconds, once per machine."""
    from tinyae.kernels import vector_rows

    return vector_rows


@kernel
def _nearest_loop(x, y):
    N, H, W, C = x.shape
    fh, fw = y.shape[1] // H, y.shape[2] // W
    y_rows = y.reshape(N, H, fh, fw * W * C)
    for n in range(N):
        for h in range(H):
            if fw == 2:
                _double(x[n, h], y[n, h * fh])
            else:
                _repeat(x[n, h], fw, y[n, h * fh])
            first = y_rows[n, h, 0]
            for i in range(1, fh):
                row = y_rows[n, h, i]
                for t in range(row.size):
                    row[t] = first[t]


@kernel
def _double(row, wide):
    """wide (2 W, C) = row (W, C) with every pixel twice: both copies in one loop over the channels."""
    for w in range(row.shape[0]):
        pixel, left, right = row[w], wide[2 * w], wide[2 * w + 1]
        for k in range(pixel.size):
            left[k] = pixel[k]
            right[k] = pixel[k]


@kernel
def _repeat(row, factor, wide):
    """wide (factor W, C) = row (W, C) with every pixel `factor` times."""
    for w in range(row.shape[0]):
        pixel = row[w]
        for j in range(factor):
            copy = wide[w * factor + j]
            for k in range(pixel.size):
                copy[k] = pixel[k]


def upsample_nearest_backward_numba(dy, dx):
    """`upsample_nearest_backward_numpy` as loops: one for the common 2 x 2, one for any factors."""
    if _factors(dx, dy) == (2, 2):
        _sum_of_four(dy, dx)
    else:
        _sum_of_blocks(dy, dx)
    return dx


@kernel
def _sum_of_four(dy, dx):
    N, H, W, C = dx.shape
    for n in range(N):
        for h in range(H):
            for w in range(W):
                a, b = dy[n, 2 * h, 2 * w], dy[n, 2 * h, 2 * w + 1]
                c, d = dy[n, 2 * h + 1, 2 * w], dy[n, 2 * h + 1, 2 * w + 1]
                total = dx[n, h, w]
                for k in range(C):
                    total[k] = (a[k] + b[k]) + (c[k] + d[k])


@kernel
def _sum_of_blocks(dy, dx):
    N, H, W, C = dx.shape
    fh, fw = dy.shape[1] // H, dy.shape[2] // W
    for n in range(N):
        for h in range(H):
            for w in range(W):
                total = dx[n, h, w]
                for k in range(C):
                    total[k] = 0
                for i in range(fh):
                    for j in range(fw):
                        part = dy[n, h * fh + i, w * fw + j]
                        for k in range(C):
                            total[k] += part[k]


# -- bilinear ---------------------------------------------------------------------------------------------------------


@functools.lru_cache(maxsize=64)
def interpolation(length, factor, dtype):
    """Where the `factor * length` new pixels of one axis lie between the old ones.

    Old and new pixels are squares that cover the same image, so the middle of new pixel o lies at (o + 1/2) / factor
    - 1/2 on the old ones' axis; beyond the middle of the outermost pixel the image goes on as it is.

    Returns
    -------
    low, high : array (factor * length,) of int64
        The old pixels on either side; at the border both are the outermost one.
    weight : array (factor * length,) of `dtype`
        Weight of `high`, in [0, 1); that of `low` is 1 - weight.
    """
    place = np.clip((np.arange(factor * length) + 0.5) / factor - 0.5, 0, length - 1)
    low = np.floor(place).astype(np.int64)
    found = low, np.minimum(low + 1, length - 1), (place - low).astype(dtype)
    for a in found:
        a.setflags(write=False)  # every caller gets the same arrays
    return found


def interpolation_matrix(length, factor):
    """`interpolation` as a matrix (factor * length, length): new pixels = matrix @ old pixels."""
    low, high, weight = interpolation(length, factor, np.dtype(np.float64))
    matrix, o = np.zeros((factor * length, length)), np.arange(factor * length)
    matrix[o, low] += 1 - weight
    matrix[o, high] += weight
    return matrix


def upsample_bilinear_numpy(x, y):
    """y[n,o,p,c] = sum_hw A[o,h] B[p,w] x[n,h,w,c] with one `interpolation_matrix` for each axis."""
    A, B = (interpolation_matrix(n, f) for n, f in zip(x.shape[1:3], _factors(x, y), strict=True))
    y[...] = np.einsum("oh,pw,nhwc->nopc", A, B, x, optimize=True)
    return y


def upsample_bilinear_backward_numpy(dy, dx):
    """dx[n,h,w,c] = sum_op A[o,h] B[p,w] dy[n,o,p,c]: the transposed matrices of `upsample_bilinear_numpy`."""
    A, B = (interpolation_matrix(n, f) for n, f in zip(dx.shape[1:3], _factors(dx, dy), strict=True))
    dx[...] = np.einsum("oh,pw,nopc->nhwc", A, B, dy, optimize=True)
    return dx


def upsample_bilinear_numba(x, y):
    """`upsample_bilinear_numpy` with the two numbers of each matrix row that are not 0."""
    _bilinear_loop(x, y, *_both_axes(x, y))
    return y


def upsample_bilinear_backward_numba(dy, dx):
    """`upsample_bilinear_backward_numpy` with the two numbers of each matrix row that are not 0."""
    _bilinear_backward_loop(dy, dx, *_both_axes(dx, dy))
    return dx


def _both_axes(small, large):
    (H, W), (fh, fw) = small.shape[1:3], _factors(small, large)
    return *interpolation(H, fh, small.dtype), *interpolation(W, fw, small.dtype)


@kernel
def _bilinear_loop(x, y, above, below, weight_below, left, right, weight_right):
    """Between two rows first, a whole row at a time; then between two pixels of that row."""
    N, H, W, C = x.shape
    one = x.dtype.type(1)
    x_rows, mixed = x.reshape(N, H, W * C), np.empty((W, C), x.dtype)
    mixed_row = mixed.reshape(-1)
    for n in range(N):
        for o in range(above.size):
            a, b, t = x_rows[n, above[o]], x_rows[n, below[o]], weight_below[o]
            for i in range(mixed_row.size):
                mixed_row[i] = (one - t) * a[i] + t * b[i]
            for p in range(left.size):
                c, d, s, out = mixed[left[p]], mixed[right[p]], weight_right[p], y[n, o, p]
                for k in range(C):
                    out[k] = (one - s) * c[k] + s * d[k]


@kernel
def _bilinear_backward_loop(dy, dx, above, below, weight_below, left, right, weight_right):
    """The same steps from the end to the start: every sum of two becomes two shares."""
    N, H, W, C = dx.shape
    one, zero = dy.dtype.type(1), dy.dtype.type(0)
    dx_rows, mixed = dx.reshape(N, H, W * C), np.empty((W, C), dy.dtype)
    mixed_row = mixed.reshape(-1)
    for n in range(N):
        for h in range(H):
            row = dx_rows[n, h]
            for i in range(row.size):
                row[i] = zero
        for o in range(above.size):
            for i in range(mixed_row.size):
                mixed_row[i] = zero
            for p in range(left.size):
                c, d, s, g = mixed[left[p]], mixed[right[p]], weight_right[p], dy[n, o, p]
                for k in range(C):
                    c[k] += (one - s) * g[k]
                for k in range(C):  # not in the same loop: at the border d is c
                    d[k] += s * g[k]
            a, b, t = dx_rows[n, above[o]], dx_rows[n, below[o]], weight_below[o]
            for i in range(mixed_row.size):
                a[i] += (one - t) * mixed_row[i]
            for i in range(mixed_row.size):
                b[i] += t * mixed_row[i]


_ANY_FLOAT = (np.float32, np.float64)
upsample_nearest = fast_or_plain(upsample_nearest_numba, upsample_nearest_numpy, _ANY_FLOAT)
upsample_nearest_backward = fast_or_plain(upsample_nearest_backward_numba, upsample_nearest_backward_numpy, _ANY_FLOAT)
upsample_bilinear = fast_or_plain(upsample_bilinear_numba, upsample_bilinear_numpy, _ANY_FLOAT)
upsample_bilinear_backward = fast_or_plain(
    upsample_bilinear_backward_numba, upsample_bilinear_backward_numpy, _ANY_FLOAT
)
