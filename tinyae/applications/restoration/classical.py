"""What was used before nets, to be beaten: filters on images (N, H, W, C) with values from 0 to 1."""

import numpy as np

from tinyae.applications.restoration.damages import blur, blur_matrix


def windows(x, size=3):
    """The size x size pixels around every pixel, the edge repeated: a view (N, H, W, C, size, size)."""
    edge = size // 2
    padded = np.pad(x, ((0, 0), (edge, edge), (edge, edge), (0, 0)), mode="edge")
    return np.lib.stride_tricks.sliding_window_view(padded, (size, size), axis=(1, 2))


def median_filter(x, size=3):
    """The median of the size x size pixels around every pixel, each channel by itself."""
    around = windows(x, size).reshape(*x.shape, size * size)
    return np.partition(around, size * size // 2, axis=-1)[..., size * size // 2]  # of an odd number: one of them


def trimmed_median(x, low=0.0, high=1.0, size=3):
    """Salt and pepper by the median of the sound pixels around; all that is neither `low` nor `high` stays.

    Where no pixel around is sound it is the median of all. Source: S. Esakkirajan et al., "Removal of high density salt
    and pepper noise through modified decision based unsymmetric trimmed median filter", IEEE Signal Processing Letters
    18, 2011.
    """
    struck = (x == low) | (x == high)
    around = windows(x, size)[struck].reshape(-1, size * size)
    sound = ~windows(struck, size)[struck].reshape(-1, size * size)
    sound |= ~sound.any(axis=1, keepdims=True)
    values, count = np.sort(np.where(sound, around, np.inf), axis=1), sound.sum(axis=1)
    row = np.arange(len(values))
    filled = x.copy()
    filled[struck] = (values[row, (count - 1) // 2] + values[row, count // 2]) / 2  # of an even number: between two
    return filled


def local_wiener(x, noise, size=3):
    """J.-S. Lee's filter (1980): where the pixels around vary no more than the noise does, their mean.

        y = mean + max(variance - noise^2, 0) / variance * (x - mean)

    Parameters
    ----------
    x : array (N, H, W, C)
    noise : float
        Standard deviation of the noise.
    """
    around = windows(x, size)
    mean, variance = around.mean(axis=(-2, -1)), around.var(axis=(-2, -1))
    kept = np.maximum(variance - noise**2, 0) / np.maximum(variance, 1e-12)
    return mean + kept * (x - mean)


def unsharp_mask(x, sigma, amount=1.0):
    """x + amount * (x - blurred x), cut to [0, 1]: what a blur took away, added once more."""
    return np.clip(x + x.dtype.type(amount) * (x - blur(x, sigma)), 0, 1)


def wiener_deconvolution(x, sigma, balance):
    """Undo a Gaussian blur where the signal is stronger than the noise (N. Wiener, 1949).

    In the cosine basis a blur with mirrored edges multiplies every coefficient by its own h; the estimate is
    h / (h^2 + balance) times the blurred coefficient.

    Parameters
    ----------
    sigma : float
        Of the blur, in pixels.
    balance : float
        Power of the noise over that of the picture: 0 divides by h and blows the noise up.
    """
    rows, columns = cosine_basis(x.shape[1]), cosine_basis(x.shape[2])
    h = np.diag(rows @ blur_matrix(x.shape[1], sigma) @ rows.T)
    v = np.diag(columns @ blur_matrix(x.shape[2], sigma) @ columns.T)
    gain = h[:, None] * v
    gain = gain / (gain**2 + balance)
    coefficients = np.einsum("ih,nhwc,jw->nijc", rows, x, columns, optimize=True) * gain[..., None]
    return np.clip(np.einsum("ih,nijc,jw->nhwc", rows, coefficients, columns, optimize=True), 0, 1).astype(x.dtype)


def cosine_basis(n):
    """The orthonormal cosines cos(pi k (i + 1/2) / n) as rows (k, i): the discrete cosine transform of n numbers."""
    k, i = np.mgrid[:n, :n]
    basis = np.cos(np.pi * k * (i + 0.5) / n) * np.sqrt(2 / n)
    basis[0] = np.sqrt(1 / n)
    return basis


def bicubic(x, factor=2):
    """Images at `factor` times their height and width by Pillow's bicubic filter, cut to [0, 1]."""
    from PIL import Image

    size = (factor * x.shape[2], factor * x.shape[1])
    planes = x.transpose(0, 3, 1, 2).astype(np.float32)
    larger = [[Image.fromarray(plane).resize(size, Image.Resampling.BICUBIC) for plane in image] for image in planes]
    return np.clip(np.array([np.stack(image, axis=-1) for image in larger]), 0, 1).astype(x.dtype)


def border_mean(x, mask):
    """Masked pixels by the mean of the known ones that touch them (the mean of the picture where none does).

    Parameters
    ----------
    x : array (N, H, W, C)
    mask : bool array like x
        True where a pixel is to be filled.
    """
    border = windows(mask).any(axis=(-2, -1)) & ~mask
    filled = x.copy()
    for image, hole, known in zip(filled, mask, border, strict=True):
        for c in range(x.shape[3]):
            values = image[..., c][known[..., c]]
            image[..., c][hole[..., c]] = values.mean() if values.size else image[..., c].mean()
    return filled
