"""Max and average pooling, forward and backward, each as a NumPy and a Numba twin.

x (N, H, W, C) is pooled to y (N, H', W', C). Window (i, j) covers the rows from i * stride - before on, `size` of
them, and the columns likewise, as far as they lie in the image. size, stride and before are pairs (rows, columns); at
least one pixel of every window is in the image.

`winner` (N, H', W', C), uint32, says where a maximum was found: the place of that number in its image, counted over
H, W and C. With it the way back needs neither x nor y, and no second comparison.
"""

import functools

import numpy as np

from tinyae.kernels.config import fast_or_plain, in_vectors, inline_kernel, kernel

PLACE = np.uint32


# -- max pooling ------------------------------------------------------------------------------------------------------


def max_pool_numpy(x, y, winner, size, stride, before):
    """y[n,i,j,c] = the largest x[n,h,w,c] in window (i, j), winner its place; of equals the first, row by row.

    NaN counts as the largest. Where a window reaches over the border, the border's pixel is seen again: the same
    number at the same place changes no maximum.
    """
    N, H, W, C = x.shape
    _, rows, cols, _ = y.shape
    h = np.clip(np.arange(rows)[:, None] * stride[0] - before[0] + np.arange(size[0]), 0, H - 1)  # (H', kh)
    w = np.clip(np.arange(cols)[:, None] * stride[1] - before[1] + np.arange(size[1]), 0, W - 1)  # (W', kw)
    pixel = (h[:, None, :, None] * W + w[None, :, None, :]).reshape(rows, cols, -1)  # (H', W', kh kw)
    windows = x.reshape(N, H * W, C)[:, pixel]  # (N, H', W', kh kw, C)
    best = np.argmax(windows, axis=3, keepdims=True)  # the first of equals
    y[...] = np.take_along_axis(windows, best, axis=3)[:, :, :, 0]
    pixel_of_best = np.take_along_axis(pixel[None, ..., None], best, axis=3)[:, :, :, 0]
    winner[...] = pixel_of_best * C + np.arange(C)
    return y


def max_pool_numba(x, y, winner, size, stride, before):
    """`max_pool_numpy` as loops: one for the common 2 x 2, one for any size. In float32 the first is in vectors."""
    if size == (2, 2) and before == (0, 0):
        _vectors().max_of_four(x, y, winner, *stride) if in_vectors(x) else _max_of_four(x, y, winner, *stride)
    else:
        _max_pool_loop(x, y, winner, *size, *stride, *before)
    return y


@functools.cache
def _vectors():
    """Imported when first needed: compiling it takes some seconds, once per machine."""
    from tinyae.kernels import vector_rows

    return vector_rows


@inline_kernel
def _beats(new, best):
    """Whether `new`, which comes later in the window, is larger; NaN is larger than any number."""
    return (not (new <= best)) & (best == best)


@kernel
def _max_of_four(x, y, winner, stride_h, stride_w):
    N, H, W, C = x.shape
    _, rows, cols, _ = y.shape
    images, y_flat, winner_flat = x.reshape(N, H * W * C), y.reshape(-1), winner.reshape(-1)
    o = 0
    for n in range(N):
        image = images[n]
        for i in range(rows):
            down = W * C if i * stride_h + 1 < H else 0  # 0 at the border: the same pixel again
            for j in range(cols):
                right = C if j * stride_w + 1 < W else 0
                p = (i * stride_h * W + j * stride_w) * C
                q, r, s = p + right, p + down, p + down + right
                a, b, c, d = image[p : p + C], image[q : q + C], image[r : r + C], image[s : s + C]
                at_a, at_b, at_c, at_d = PLACE(p), PLACE(q), PLACE(r), PLACE(s)
                best, place = y_flat[o : o + C], winner_flat[o : o + C]
                o += C
                for k in range(C):  # values are chosen, not branched on: this runs on vectors
                    top, at = a[k], at_a
                    better = _beats(b[k], top)
                    top, at = b[k] if better else top, at_b if better else at
                    better = _beats(c[k], top)
                    top, at = c[k] if better else top, at_c if better else at
                    better = _beats(d[k], top)
                    top, at = d[k] if better else top, at_d if better else at
                    best[k], place[k] = top, at + PLACE(k)


@inline_kernel
def _window(i, size, stride, before, length):
    """First pixel of window i along one axis, and the one after its last."""
    start = i * stride - before
    return max(start, 0), min(start + size, length)


@kernel
def _max_pool_loop(x, y, winner, size_h, size_w, stride_h, stride_w, before_h, before_w):
    """Down the columns of a window first, which takes whole rows of the image at a time; then across."""
    N, H, W, C = x.shape
    _, rows, cols, _ = y.shape
    images, y_flat, winner_flat = x.reshape(N, H * W * C), y.reshape(-1), winner.reshape(-1)
    column_best, column_place = np.empty(W * C, x.dtype), np.empty(W * C, PLACE)
    o = 0
    for n in range(N):
        for i in range(rows):
            top, bottom = _window(i, size_h, stride_h, before_h, H)
            _column_maxima(images[n], top, bottom, column_best, column_place)
            for j in range(cols):
                left, right = _window(j, size_w, stride_w, before_w, W)
                best, place = y_flat[o : o + C], winner_flat[o : o + C]
                o += C
                _max_of_columns(column_best, column_place, left * C, right * C, best, place)


@kernel
def _column_maxima(image, top, bottom, best, place):
    """The largest number of every column and channel between two rows, and its place."""
    length = best.size
    for h in range(top, bottom):
        row = image[h * length : (h + 1) * length]
        start = PLACE(h * length)
        if h == top:
            for t in range(length):
                best[t], place[t] = row[t], start + PLACE(t)
        else:
            for t in range(length):
                better = _beats(row[t], best[t])
                best[t] = row[t] if better else best[t]
                place[t] = start + PLACE(t) if better else place[t]


@kernel
def _max_of_columns(column_best, column_place, left, right, best, place):
    """The largest between two columns; of equals the one higher up, and in one row the one further left."""
    C = best.size
    for p in range(left, right, C):
        v, at = column_best[p : p + C], column_place[p : p + C]
        if p == left:
            for k in range(C):
                best[k], place[k] = v[k], at[k]
        else:
            for k in range(C):
                better = _beats(v[k], best[k]) | ((v[k] == best[k]) & (at[k] < place[k]))
                best[k] = v[k] if better else best[k]
                place[k] = at[k] if better else place[k]


def pick_numpy(x, place, y):
    """y[n,i,j,c] = the number of image n at place[n,i,j,c]."""
    y[...] = np.take_along_axis(_rows(x), _rows(place).astype(np.intp), axis=1).reshape(y.shape)
    return y


def _rows(x):
    """x (N, ...) as (N, numbers of an image); N may be 0, where reshape(N, -1) does not know."""
    return x.reshape(len(x), x[:1].size)


def pick_numba(x, place, y):
    """`pick_numpy` as a loop."""
    _pick_loop(_rows(x), _rows(place), _rows(y))
    return y


@kernel
def _pick_loop(images, places, y):
    for n in range(images.shape[0]):
        image, place, out = images[n], places[n], y[n]
        for t in range(out.size):
            out[t] = image[place[t]]


def max_pool_backward_numpy(dy, winner, dx, size, stride, before):
    """dx[n,h,w,c] = sum of dy[n,i,j,c] over the windows (i, j) whose maximum was found at (h, w); else 0."""
    dx[...] = 0
    for n in range(len(dy)):
        image = np.zeros(dx[n].size, dx.dtype)
        np.add.at(image, winner[n].ravel(), dy[n].ravel())
        dx[n] = image.reshape(dx[n].shape)
    return dx


def max_pool_backward_numba(dy, winner, dx, size, stride, before):
    """`max_pool_backward_numpy`; rows are cleared right before the first window that writes to them."""
    _max_pool_backward_loop(dy, winner, dx, size[0], stride[0], before[0])
    return dx


@kernel
def _max_pool_backward_loop(dy, winner, dx, size_h, stride_h, before_h):
    N, rows, cols, C = dy.shape
    H, length = dx.shape[1], dx.shape[2] * C
    dy_rows, winner_rows = dy.reshape(N, rows, cols * C), winner.reshape(N, rows, cols * C)
    images = dx.reshape(N, H * length)
    for n in range(N):
        image, cleared = images[n], 0
        for i in range(rows):
            _, bottom = _window(i, size_h, stride_h, before_h, H)
            _clear(image, cleared * length, bottom * length)
            cleared = bottom
            g, place = dy_rows[n, i], winner_rows[n, i]
            for t in range(g.size):
                image[place[t]] += g[t]
        _clear(image, cleared * length, H * length)


@kernel
def _clear(a, start, stop):
    part = a[start : max(start, stop)]
    for t in range(part.size):
        part[t] = 0


# -- average pooling --------------------------------------------------------------------------------------------------


def average_pool_numpy(x, y, size, stride, before):
    """y[n,i,j,c] = mean of x[n,h,w,c] over the pixels (h, w) of window (i, j) that lie in the image."""
    for i in range(y.shape[1]):
        for j in range(y.shape[2]):
            y[:, i, j] = x[:, *_pixels(i, j, x, size, stride, before)].mean(axis=(1, 2))
    return y


def average_pool_backward_numpy(dy, dx, size, stride, before):
    """dx[n,h,w,c] = sum of dy[n,i,j,c] / (number of pixels) over the windows (i, j) that (h, w) lies in."""
    dx[...] = 0
    for i in range(dy.shape[1]):
        for j in range(dy.shape[2]):
            here = dx[:, *_pixels(i, j, dx, size, stride, before)]
            here += dy[:, i, j][:, None, None] / (here.shape[1] * here.shape[2])
    return dx


def _pixels(i, j, x, size, stride, before):
    """The rows and columns of window (i, j) that lie in the image, as slices."""
    start = i * stride[0] - before[0], j * stride[1] - before[1]
    return tuple(slice(max(s, 0), min(s + k, n)) for s, k, n in zip(start, size, x.shape[1:3], strict=True))


def average_pool_numba(x, y, size, stride, before):
    """`average_pool_numpy` as loops."""
    _average_pool_loop(x, y, *size, *stride, *before)
    return y


@kernel
def _average_pool_loop(x, y, size_h, size_w, stride_h, stride_w, before_h, before_w):
    N, H, W, C = x.shape
    _, rows, cols, _ = y.shape
    for n in range(N):
        for i in range(rows):
            top, bottom = _window(i, size_h, stride_h, before_h, H)
            for j in range(cols):
                left, right = _window(j, size_w, stride_w, before_w, W)
                share = _share((bottom - top) * (right - left), x.dtype)
                mean = y[n, i, j]
                for k in range(C):
                    mean[k] = 0
                for h in range(top, bottom):
                    for w in range(left, right):
                        pixel = x[n, h, w]
                        for k in range(C):
                            mean[k] += pixel[k]
                for k in range(C):
                    mean[k] *= share


def average_pool_backward_numba(dy, dx, size, stride, before):
    """`average_pool_backward_numpy` as loops."""
    _average_pool_backward_loop(dy, dx, *size, *stride, *before)
    return dx


@kernel
def _average_pool_backward_loop(dy, dx, size_h, size_w, stride_h, stride_w, before_h, before_w):
    N, rows, cols, C = dy.shape
    _, H, W, _ = dx.shape
    images = dx.reshape(N, H * W * C)
    for n in range(N):
        cleared = 0
        for i in range(rows):
            top, bottom = _window(i, size_h, stride_h, before_h, H)
            _clear(images[n], cleared * W * C, bottom * W * C)
            cleared = bottom
            for j in range(cols):
                left, right = _window(j, size_w, stride_w, before_w, W)
                share = _share((bottom - top) * (right - left), dy.dtype)
                g = dy[n, i, j]
                for h in range(top, bottom):
                    for w in range(left, right):
                        pixel = dx[n, h, w]
                        for k in range(C):
                            pixel[k] += g[k] * share
        _clear(images[n], cleared * W * C, H * W * C)


@inline_kernel
def _share(pixels, dtype):
    return dtype.type(1) / dtype.type(pixels)  # in the images' own type: 1 / pixels alone would be a float64


_ANY_FLOAT = (np.float32, np.float64)
max_pool = fast_or_plain(max_pool_numba, max_pool_numpy, _ANY_FLOAT)
pick = fast_or_plain(pick_numba, pick_numpy, _ANY_FLOAT)
max_pool_backward = fast_or_plain(max_pool_backward_numba, max_pool_backward_numpy, _ANY_FLOAT)
average_pool = fast_or_plain(average_pool_numba, average_pool_numpy, _ANY_FLOAT)
average_pool_backward = fast_or_plain(average_pool_backward_numba, average_pool_backward_numpy, _ANY_FLOAT)
