"""Images seen through an affine map of their plane, as a NumPy and a Numba twin."""

import numpy as np

from tinyae.kernels.config import fast_or_plain, kernel


def warp_numpy(x, maps, out):
    """out[n, h, w] = x[n] at the place A (h, w) + t, between pixels by bilinear interpolation; 0 outside of the image.

    Parameters
    ----------
    x : array (N, H, W, C)
    maps : float array (N, 2, 3)
        A and t of each image, [A | t]; places are counted in pixels from the image's middle.
    out : array (N, H, W, C)
        Filled and returned.
    """
    N, H, W, _ = x.shape
    middle = np.array([(H - 1) / 2, (W - 1) / 2])
    grid = np.stack(np.meshgrid(np.arange(H) - middle[0], np.arange(W) - middle[1], indexing="ij"))
    places = np.einsum("nij,jhw->nihw", maps[:, :, :2].astype(np.float64), grid)
    places += (maps[:, :, 2] + middle)[:, :, None, None]
    corner = np.floor(places).astype(np.int64)
    share = places - corner
    images = np.arange(N)[:, None, None]
    out[:] = 0
    for i in (0, 1):
        for j in (0, 1):
            h, w = corner[:, 0] + i, corner[:, 1] + j
            inside = (h >= 0) & (h < H) & (w >= 0) & (w < W)
            weight = np.abs(1 - i - share[:, 0]) * np.abs(1 - j - share[:, 1]) * inside
            values = x[images, np.clip(h, 0, H - 1), np.clip(w, 0, W - 1)]
            out += weight[..., None].astype(x.dtype) * values
    return out


@kernel
def warp_numba(x, maps, out):
    """`warp_numpy`, a pixel after the other."""
    N, H, W, C = x.shape
    middle_h, middle_w = (H - 1) / 2, (W - 1) / 2
    for n in range(N):
        for h in range(H):
            for w in range(W):
                down, right = h - middle_h, w - middle_w
                y = maps[n, 0, 0] * down + maps[n, 0, 1] * right + maps[n, 0, 2] + middle_h
                z = maps[n, 1, 0] * down + maps[n, 1, 1] * right + maps[n, 1, 2] + middle_w
                top, left = int(np.floor(y)), int(np.floor(z))
                for c in range(C):
                    out[n, h, w, c] = 0
                for i in range(2):
                    for j in range(2):
                        if 0 <= top + i < H and 0 <= left + j < W:
                            weight = abs(1 - i - (y - top)) * abs(1 - j - (z - left))
                            for c in range(C):
                                out[n, h, w, c] += x.dtype.type(weight) * x[n, top + i, left + j, c]
    return out


warp = fast_or_plain(warp_numba, warp_numpy)
