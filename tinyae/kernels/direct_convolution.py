"""Float32 convolutions without columns: forward, transposed, and the gradient of the weights.

One image at a time is copied between zeros (`place_image`), small enough to stay in the cache; the tiles of
`tinyae.kernels.conv_tiles` then read every window where it lies. The transposed convolution is a convolution too: of
the image spread out by the stride, with the weights turned round. Called through `tinyae.kernels.convolution`.
"""

import numpy as np
from numba import njit

from tinyae.kernels import conv_tiles
from tinyae.kernels.conv_tiles import PLACE_NUMBERS, TILE_NUMBERS, correlate_tiles, outer_tile
from tinyae.kernels.llvm_vectors import LANES, VECTOR_BYTES, copy_bytes
from tinyae.kernels.vector_rows import gradient_row

lanes_per_filter, shape_code, outer_code = (
    njit(nogil=True, cache=True)(f) for f in (conv_tiles.lanes_per_filter, conv_tiles.shape_code, conv_tiles.outer_code)
)
ZERO = np.float32(0)
EVERY_LANE = (1 << LANES) - 1

# Numbers that may be read, and are thrown away, past the last window: a tile's spare pixels and a vector's spare lanes.
SPARE_PIXELS, SPARE_NUMBERS = 8, 4 * LANES
GRADIENT_BLOCK = 24 * 1024  # bytes of image rows gone through again and again for all weights: they stay in the L1


def convolve(x, W, bias, s, t, top, left, relu, y):
    """y = bias + the convolution of x with W; see `convolution.convolve_numpy`."""
    _correlate(x, W, bias, 0, 1, 1, s, t, top, left, int(relu), y)


def convolve_transposed(y, W, bias, s, t, top, left, relu, x):
    """x = bias + the adjoint of `convolve`, of y; see `convolution.convolve_transposed_numpy`."""
    kh, kw = W.shape[:2]
    # x[h] = sum_i y[(h + top - i) / s] W[i]: with y spread out by s, a convolution with i running backwards.
    _correlate(y, W, bias, 1, s, t, 1, 1, kh - 1 - top, kw - 1 - left, int(relu), x)


@njit(nogil=True, cache=True)
def _correlate(x, W, bias, turned, spread_s, spread_t, s, t, top, left, relu, y):
    """Convolve x, spread out and put between zeros, with W, turned or not."""
    kh, kw = W.shape[0], W.shape[1]
    C = x.shape[3]
    tall, wide = (y.shape[1] - 1) * s + kh, (y.shape[2] - 1) * t + kw
    image = aligned(tall * wide * C + SPARE_PIXELS * t * C + SPARE_NUMBERS)
    packed, first, vectors = pack_weights(W, bias, turned)
    places = window_places(kh, kw * C, 4 * wide * C, lanes_per_filter(y.shape[3]))
    tiles, segment = cut_into_tiles(y.shape[1], y.shape[2], 4 * s * wide * C, 4 * t * C, 4 * y.shape[3])
    for n in range(x.shape[0]):
        place_image(x[n], image, tall, wide, top, left, spread_s, spread_t)
        correlate_image(image, 4 * t * C, places, tiles, segment, packed, first, vectors, relu, y[n])
    # Reached by address alone: without a last use Numba is free to give them back before the first tile.
    image[0] = packed[0] = first[0] = 0
    places[0, 0] = tiles[0, 0] = 0


@njit(nogil=True, cache=True)
def place_image(x, image, tall, wide, top, left, s, t):
    """image[top + h s, left + v t] = x[h, v], where that is inside of (tall, wide); everything else stays 0."""
    h_range, v_range = visible(x.shape[0], tall, top, s), visible(x.shape[1], wide, left, t)
    place_rows(x, image, wide, h_range, v_range, top, left, s, t)


@njit(nogil=True, cache=True)
def place_rows(x, image, wide, h_range, v_range, top, left, s, t):
    """image[top + h s, left + v t] = x[h, v] for h and v in two ranges; rows of the image are `wide` pixels long."""
    width, C = x.shape[1], x.shape[2]
    (low, high), flat = v_range, x.reshape(-1)
    for h in range(h_range[0], h_range[1]):
        source = flat[(h * width + low) * C : (h * width + high) * C]
        target = image[((top + h * s) * wide + left + low * t) * C :]
        if t == 1:
            copy_bytes(np.int64(source.ctypes.data), np.int64(target.ctypes.data), 4 * source.size)
        else:
            for v in range(high - low):
                for c in range(C):
                    target[v * t * C + c] = source[v * C + c]


@njit(nogil=True, cache=True)
def visible(length, room, before, step):
    """low, high: the n of range(length) for which before + n * step lies in range(room)."""
    low = max(0, -(before // step))
    return low, max(low, min(length, (room - 1 - before) // step + 1))


@njit(nogil=True, cache=True)
def pack_weights(W, bias, turned):
    """W in the order `correlate_tiles` reads it: packed[block of filters][i][group of k][lane], and bias likewise.

    k counts the kw * C numbers of one row of a window. Where `group` lanes share a filter, lane f * group + r holds
    filter f of k = group * (number of the group) + r; the rest is 0. With `turned` the window is rotated by half a
    turn, and channels and filters change places.

    Returns (packed, bias, vectors): `vectors` of filters that are computed together.
    """
    kh, kw = W.shape[0], W.shape[1]
    C, F = (W.shape[3], W.shape[2]) if turned else (W.shape[2], W.shape[3])
    group, vectors = lanes_per_filter(F), 2 if F > LANES else 1
    together = vectors * LANES // group
    blocks, groups = -(-F // together), -(-kw * C // group)
    size = groups * vectors * LANES
    packed = aligned(blocks * kh * size)
    first = aligned(blocks * vectors * LANES)
    for f in range(F):
        block, column = f // together, f % together
        first[block * vectors * LANES + column * group] = bias[f]
        for i in range(kh):
            at = (block * kh + i) * size + column * group
            for j in range(kw):
                for c in range(C):
                    k = j * C + c
                    value = W[kh - 1 - i, kw - 1 - j, f, c] if turned else W[i, j, c, f]
                    packed[at + k // group * vectors * LANES + k % group] = value
    return packed, first, vectors


@njit(nogil=True, cache=True)
def aligned(n):
    """n zeros that start at a whole vector's address."""
    memory = np.zeros(n + LANES, np.float32)
    skip = (-memory.ctypes.data) % VECTOR_BYTES // 4
    return memory[skip : skip + n]


@njit(nogil=True, cache=True)
def window_places(kh, K, x_row, group):
    """A window's groups of numbers, K numbers in each of kh rows, as the table `correlate_tiles` goes through."""
    groups = -(-K // group)
    places = np.zeros((kh * groups, PLACE_NUMBERS), np.int64)
    for i in range(kh):
        for k in range(groups):
            place = places[i * groups + k]
            place[0] = i * x_row + 4 * group * k
            for lane in range(LANES):
                if group * k + lane % group < K:
                    place[1] |= 1 << lane
    return places


@njit(nogil=True, cache=True)
def cut_into_tiles(rows, cols, x_row, x_step, y_step):
    """An image's pixels in pairs of segments, as the table `correlate_tiles` goes through; and a segment's length."""
    segment = 7 if -(-cols // 7) * 7 <= -(-cols // 4) * 4 + cols // 16 else 4
    per_row = -(-cols // segment)
    count = rows * per_row
    tiles = np.empty(((count + 1) // 2, TILE_NUMBERS), np.int64)
    for q in range(count):
        h, v = q // per_row, q % per_row * segment
        tile, half = tiles[q // 2], q % 2
        tile[half], tile[2 + half] = h * x_row + v * x_step, (h * cols + v) * y_step
        tile[4 + half] = min(segment, cols - v)
    if count % 2:  # the last segment has no partner: one that is computed twice and written once
        tile = tiles[count // 2]
        tile[1], tile[3], tile[5] = tile[0], tile[2], 0
    return tiles, segment


@njit(nogil=True, cache=True)
def correlate_image(image, x_step, places, tiles, segment, packed, first, vectors, relu, y):
    """One image's y (H', W', F) from the image between zeros."""
    F = y.shape[2]
    group = lanes_per_filter(F)
    together = vectors * LANES // group
    masked = int(len(places) > 0 and places[-1, 1] != EVERY_LANE)
    shape = shape_code(segment, group, vectors, masked)
    y_at, w_at, bias_at = np.int64(y.ctypes.data), np.int64(packed.ctypes.data), np.int64(first.ctypes.data)
    for f in range(0, F, together):
        correlate_tiles(
            shape, np.int64(image.ctypes.data), y_at, np.int64(tiles.ctypes.data), len(tiles), x_step, 4 * F,
            np.int64(places.ctypes.data), len(places), w_at, bias_at, F - f, relu,
        )  # fmt: skip
        w_at += 4 * len(places) * vectors * LANES
        bias_at += 4 * vectors * LANES
        y_at += 4 * together


# -- backward ----------------------------------------------------------------------------------------------------------


def convolve_backward(x, y, dy, W, s, t, top, left, relu, dW, db, dx):
    """Gradients of `convolve`; see `convolution.convolve_backward_numpy`."""
    need_dx = dx is not None
    _backward(x, y, dy, W, s, t, top, left, int(relu), int(need_dx), 1, dW, db, dx if need_dx else NOTHING)


def weight_gradient(x, dy, s, t, top, left, dW):
    """dW of `convolve`; see `convolution.weight_gradient_numpy`."""
    db = np.empty(dy.shape[3], np.float32)
    _backward(x, dy, dy, dW, s, t, top, left, 0, 0, 1, dW, db, NOTHING)


NOTHING = np.empty((0, 0, 0, 0), np.float32)


@njit(nogil=True, cache=True)
def _backward(x, y, dy, W, s, t, top, left, relu, need_dx, one, dW, db, dx):
    """An image at a time, so that what one gradient reads is still in the cache for the next."""
    (N, height, width, C), (_, rows, cols, F) = x.shape, dy.shape
    kh, kw = W.shape[0], W.shape[1]
    # dL/dx is a convolution of dL/da, spread out and between zeros, with the weights turned round. dL/dW reads dL/da
    # there too, beside x in rows of the same width. What does not fit in there belongs to windows that see no pixel.
    above, before = kh - 1 - top, kw - 1 - left
    tall, tall_da = (rows - 1) * s + kh, height + kh - 1
    wide = max((cols - 1) * t + kw, width + kw - 1)
    hs, vs = visible(rows, tall_da, above, s), visible(cols, width + kw - 1, before, t)
    image = aligned(tall * wide * C + SPARE_PIXELS * t * C + SPARE_NUMBERS)
    image_da = aligned(tall_da * wide * F + SPARE_PIXELS * F + SPARE_NUMBERS)
    sums, channel = aligned(sums_size(kh, kw * C, F)), np.zeros(cols * F, np.float32)
    packed, first, vectors = pack_weights(W, np.zeros(C, np.float32), one)
    places = window_places(kh, kw * F, 4 * wide * F, lanes_per_filter(C))
    tiles, segment = cut_into_tiles(height, width, 4 * wide * F, 4 * F, 4 * C)
    x_at = np.int64(image.ctypes.data) + 4 * C * (hs[0] * s * wide + vs[0] * t)
    da_at = np.int64(image_da.ctypes.data) + 4 * F * ((above + hs[0] * s) * wide + before + vs[0] * t)
    for n in range(N):
        place_image(x[n], image, tall, wide, top, left, one, one)
        place_gradient(dy[n], y[n], relu, image_da, wide, hs, vs, above, before, s, t, channel)
        add_weight_gradient(
            x_at, 4 * t * C, 4 * s * wide * C, 4 * wide * C, kw * C, da_at, 4 * t * F, 4 * s * wide * F, F,
            hs[1] - hs[0], vs[1] - vs[0], kh, sums,
        )  # fmt: skip
        if need_dx:
            correlate_image(image_da, 4 * F, places, tiles, segment, packed, first, vectors, 0, dx[n])
    unpack_weight_gradient(sums, dW)
    fold_channels(channel, db)
    # Reached by address alone: without a last use Numba is free to give them back before the first tile.
    image[0] = image_da[0] = packed[0] = first[0] = sums[0] = 0
    places[0, 0] = tiles[0, 0] = 0


def convolve_transposed_backward(x, y, dy, W, s, t, top, left, relu, dW, db, dx):
    """Gradients of `convolve_transposed`; see `convolution.convolve_transposed_backward_numpy`."""
    need_dx = dx is not None
    _transposed_backward(x, y, dy, W, s, t, top, left, int(relu), int(need_dx), 1, dW, db, dx if need_dx else NOTHING)


@njit(nogil=True, cache=True)
def _transposed_backward(x, y, dy, W, s, t, top, left, relu, need_dx, one, dW, db, dx):
    """`_backward` with images and results in each other's place."""
    (N, rows, cols, C), (_, height, width, F) = x.shape, dy.shape
    kh, kw = W.shape[0], W.shape[1]
    tall, wide = (rows - 1) * s + kh, (cols - 1) * t + kw
    hs, vs = visible(height, tall, top, one), visible(width, wide, left, one)
    image_da = aligned(tall * wide * F + SPARE_PIXELS * t * F + SPARE_NUMBERS)
    image = aligned(tall * wide * C + SPARE_NUMBERS)  # x, spread out, in rows of the same width
    sums, channel = aligned(sums_size(kh, kw * F, C)), np.zeros(width * F, np.float32)
    packed, first, vectors = pack_weights(W, np.zeros(C, np.float32), one - 1)
    places = window_places(kh, kw * F, 4 * wide * F, lanes_per_filter(C))
    tiles, segment = cut_into_tiles(rows, cols, 4 * s * wide * F, 4 * t * F, 4 * C)
    for n in range(N):
        place_image(x[n], image, tall, wide, 0, 0, s, t)
        place_gradient(dy[n], y[n], relu, image_da, wide, hs, vs, top, left, one, one, channel)
        add_weight_gradient(
            np.int64(image_da.ctypes.data), 4 * t * F, 4 * s * wide * F, 4 * wide * F, kw * F,
            np.int64(image.ctypes.data), 4 * t * C, 4 * s * wide * C, C, rows, cols, kh, sums,
        )  # fmt: skip
        if need_dx:
            correlate_image(image_da, 4 * t * F, places, tiles, segment, packed, first, vectors, 0, dx[n])
    unpack_weight_gradient(sums, dW)
    fold_channels(channel, db)
    image[0] = image_da[0] = packed[0] = first[0] = sums[0] = 0  # reached by address alone: see _backward
    places[0, 0] = tiles[0, 0] = 0


@njit(nogil=True, cache=True)
def place_gradient(dy, y, relu, image, wide, hs, vs, top, left, s, t, channel):
    """dL/da into the image, as `place_rows` does, from dL/dy: with `relu` 0 where y is not positive.

    channel += every row of dL/da, wherever it goes.
    """
    height, width, F = dy.shape
    low, high = vs
    n, shown = 4 * width * F, high - low
    spread = np.empty(width * F, np.float32)
    dy_at, y_at, channel_at = np.int64(dy.ctypes.data), np.int64(y.ctypes.data), np.int64(channel.ctypes.data)
    for h in range(height):
        visible_row = hs[0] <= h < hs[1]
        place = ((top + h * s) * wide + left + low * t) * F
        # A row that is all inside goes there at once.
        direct = visible_row and t == 1 and shown == width
        target = image[place:] if direct else spread
        gradient_row(dy_at + h * n, y_at + h * n, np.int64(target.ctypes.data), channel_at, width * F, relu)
        if visible_row and not direct:
            for v in range(shown):
                for f in range(F):
                    image[place + v * t * F + f] = spread[(low + v) * F + f]


@njit(nogil=True, cache=True)
def lanes_over_filters(K, F):
    """Whether lanes run over the F filters, or over the K numbers of a window's row: what fills them better."""
    return -(-F // LANES) * K < -(-K // LANES) * F


@njit(nogil=True, cache=True)
def sums_size(kh, K, F):
    """How many numbers the tiles of a weight gradient (kh, K, F) hold, spare lanes included."""
    lanes, numbers = (F, K) if lanes_over_filters(K, F) else (K, F)
    return kh * -(-lanes // LANES) * LANES * numbers


@njit(nogil=True, cache=True)
def add_weight_gradient(x, x_step, x_row, i_row, K, dy, dy_step, dy_row, F, rows, cols, kh, sums):
    """sums += this image's part of dW: for each row i of the window, x's K numbers there times dy's F, over all pixels.

    x, dy : address of the first pixel's numbers, with steps to the next pixel and row, and (x) to the next row i
    """
    if not rows or not cols:
        return
    across = x_row // x_step
    end_to_end = (rows - 1) * across + cols
    # Where both lie in rows of the same width, with zeros in dy between its rows, they are one long row each.
    if x_row == across * x_step and dy_row == across * dy_step and 4 * end_to_end <= 5 * rows * cols:
        rows, cols = 1, end_to_end
    size = sums.size // kh
    wide = max(16, GRADIENT_BLOCK // (x_step + dy_step))
    high = max(1, wide // cols)
    for h in range(0, rows, high):
        for v in range(0, cols, wide):
            x_at, dy_at = x + h * x_row + v * x_step, dy + h * dy_row + v * dy_step
            some_rows, some_cols = min(high, rows - h), min(wide, cols - v)
            for i in range(kh):
                at, part = x_at + i * i_row, sums[i * size : (i + 1) * size]
                if lanes_over_filters(K, F):
                    outer(dy_at, dy_step, dy_row, F, at, x_step, x_row, K, some_rows, some_cols, part)
                else:
                    outer(at, x_step, x_row, K, dy_at, dy_step, dy_row, F, some_rows, some_cols, part)


@njit(nogil=True, cache=True)
def unpack_weight_gradient(sums, dW):
    """dW (kh, kw, C, F) from the tiles of `add_weight_gradient`."""
    kh, kw, C, F = dW.shape
    K, size = kw * C, sums.size // kh
    turned = lanes_over_filters(K, F)
    lanes, numbers = (F, K) if turned else (K, F)
    for i in range(kh):
        unpack_sums(sums[i * size :], lanes, numbers, turned, dW[i].reshape(K, F))


@njit(nogil=True, cache=True)
def outer(a, a_step, a_row, n_lanes, b, b_step, b_row, n_numbers, rows, pixels, sums):
    """sums += the sum over pixels of a (n_lanes) times b (n_numbers), tile by tile in the order of `next_tile`."""
    at = np.int64(sums.ctypes.data)
    lane = 0
    while lane < n_lanes:
        vectors = min(3, -(-(n_lanes - lane) // LANES))
        number = 0
        while number < n_numbers:
            numbers = numbers_at_once(n_numbers - number)
            outer_tile(
                outer_code(vectors, numbers), a + 4 * lane, a_step, a_row, n_lanes - lane, b + 4 * number, b_step,
                b_row, rows, pixels, at,
            )  # fmt: skip
            at += vectors * numbers * VECTOR_BYTES
            number += numbers
        lane += vectors * LANES
    sums[0] += 0


@njit(nogil=True, cache=True)
def numbers_at_once(left):
    """Height of the next tile: one of `conv_tiles.OUTER_NUMBERS`."""
    return 8 if left >= 8 else 3 if left >= 3 else 1


@njit(nogil=True, cache=True)
def unpack_sums(sums, n_lanes, n_numbers, turned, out):
    """out[lane, number] (or [number, lane], if turned) from the tiles of `outer`."""
    at, lane = 0, 0
    while lane < n_lanes:
        vectors = min(3, -(-(n_lanes - lane) // LANES))
        number = 0
        while number < n_numbers:
            numbers = numbers_at_once(n_numbers - number)
            for v in range(vectors):
                for m in range(numbers):
                    for q in range(min(LANES, n_lanes - lane - v * LANES)):
                        value = sums[at + (v * numbers + m) * LANES + q]
                        if turned:
                            out[number + m, lane + v * LANES + q] = value
                        else:
                            out[lane + v * LANES + q, number + m] = value
            at += vectors * numbers * LANES
            number += numbers
        lane += vectors * LANES


WIDE = 8 * LANES  # numbers of several pixels that are added up as one long row


@njit(nogil=True, cache=True)
def whole_pixels(F):
    """How many numbers of whole pixels make a row of about WIDE."""
    return max(1, WIDE // F) * F


@njit(nogil=True, cache=True)
def add_rows(da, sums):
    """sums += the image's rows of `whole_pixels`."""
    for start in range(0, da.size, sums.size):
        a = da[start : min(start + sums.size, da.size)]
        for q in range(a.size):
            sums[q] += a[q]


@njit(nogil=True, cache=True)
def fold_channels(sums, db):
    """db[f] = the sum over the pixels in `sums`."""
    db[:] = 0
    for q in range(sums.size):
        db[q % db.size] += sums[q]


@njit(nogil=True, cache=True)
def channel_sums(dy, db):
    """db[f] = the sum of dy[n, h, v, f] over n, h, v."""
    sums = np.zeros(whole_pixels(db.size), np.float32)
    add_rows(dy.reshape(-1), sums)
    fold_channels(sums, db)
