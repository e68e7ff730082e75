"""Bits per image against PSNR: of nets and of principal components, with lossless formats for scale.

PSNR here is that of the mean squared error over all images, 10 log10(1 / mse) with pixels in [0, 1]: the mean of the
images' own PSNRs would let a few easy images carry a method.
"""

import io
import zlib

import numpy as np

from tinyae.analysis import PCA
from tinyae.applications.compression.quantiser import MOST_BITS, Quantisers, ideal_bits
from tinyae.checks import UsageError

MOST_COMPONENTS = 192  # of the linear coders; more cost time and win nothing below 25 dB on MNIST
CODE_ROWS = 10_000  # training codes that quantisers and frequencies of symbols are taken from
PNG_IMAGES = 1000
ROWS = 1000  # images whose error is summed at a time
PSNR_STEPS = 200  # at which two curves are compared


def psnr_of(x, reconstruction):
    """10 log10(1 / mean squared error per pixel), in decibels; both (N, ...)."""
    total = 0.0
    for start in range(0, len(x), ROWS):
        error = np.ravel(x[start : start + ROWS] - reconstruction[start : start + ROWS])
        total += float(np.vdot(error, error))
    return float(-10 * np.log10(total / np.size(x))) if total else float("inf")


def net_rates(code_size):
    """Bits per image at which a net is measured: from 1 to MOST_BITS for every unit, by halves of a bit."""
    return sorted({round(code_size * halves / 2) for halves in range(2, 2 * MOST_BITS + 1)})


def rate_curve(quantisers, training_codes, codes, decode, x, rates):
    """What so many bits per image are worth.

    Parameters
    ----------
    quantisers : Quantisers
    training_codes, codes : arrays (N, K), (M, K)
        The first give the frequencies of the symbols, the second are quantised and decoded.
    decode : function of codes (M, K)
    x : array (M, ...)
        What the decoded codes are compared with.
    rates : sequence of int
        Bits per image; those the code cannot have are left out.

    Returns
    -------
    list of dict
        `bits`, `entropy_bits` (estimate, see `ideal_bits`), `units` (with at least a bit), `psnr`.
    """
    points = []
    for rate in rates:
        if rate > MOST_BITS * quantisers.size:
            break
        quantiser = quantisers.share(rate)
        used = np.flatnonzero(quantiser.bits)  # the others are their mean, and cost nothing
        of_used = quantiser.of(used)
        symbols = np.zeros(codes.shape, np.uint8)
        symbols[:, used] = of_used.encode(codes[:, used])
        points.append(
            {
                "bits": rate,
                "entropy_bits": ideal_bits(of_used.encode(training_codes[:, used]), symbols[:, used]),
                "units": len(used),
                "psnr": psnr_of(x, decode(quantiser.decode(symbols))),
            }
        )
    return points


def net_curve(model, quantisers, x_train, x_test, rates, threads=None):
    """`rate_curve` of an autoencoder."""
    codes = (model.encode(x, threads=threads) for x in (x_train, x_test))
    return rate_curve(quantisers, *codes, lambda z: model.decode(z, threads=threads), x_test, rates)


class LinearCoder:
    """Principal components with the same quantisers and the same way of sharing bits; cut to [0, 1].

    Parameters
    ----------
    x : array (N, D)
        Training rows.
    components : int, optional
        As many as can be of use without it.
    """

    def __init__(self, x, components=None):
        self.pca = PCA(x, min(components or MOST_COMPONENTS, x.shape[1]))
        self.codes = self.pca.encode(x[:CODE_ROWS])
        self.quantisers = Quantisers.fit(self.codes)

    def decode(self, codes):
        """Rows in [0, 1]; an image's pixels cannot be elsewhere, and the cut lowers the error."""
        return np.clip(self.pca.decode(codes), 0, 1)

    def curve(self, x_test, rates):
        """`rate_curve` of all components: each rate has as many as its bits are best spent on."""
        return rate_curve(self.quantisers, self.codes, self.pca.encode(x_test), self.decode, x_test, rates)

    def entropy_curve(self, x_test, steps):
        """Transform coding: one step for all components, q = round(z / step), symbols entropy-coded ideally (estimate).

        A symbol is read back as the mean of the training codes it stands for. At fine steps no scalar quantisers of
        Gaussian components need fewer bits than equal steps.

        Source: A. Gersho, R. M. Gray, "Vector Quantization and Signal Compression", 1992, section 9.9.
        """
        codes, points = self.pca.encode(x_test), []
        for step in steps:
            known, symbols = (np.rint(z / step).astype(np.int64) for z in (self.codes, codes))
            used = np.flatnonzero(known.any(axis=0) | symbols.any(axis=0))  # the others are 0 and cost nothing
            bits = ideal_bits(known[:, used], symbols[:, used])
            decoded = np.zeros_like(codes)
            for j in used:
                decoded[:, j] = _means(self.codes[:, j], known[:, j], symbols[:, j], step)
            psnr = psnr_of(x_test, self.decode(decoded))
            points.append({"bits": bits, "entropy_bits": bits, "units": len(used), "psnr": psnr})
        return sorted(points, key=lambda point: point["bits"])


def _means(codes, known, symbols, step):
    """For each of `symbols` the mean of the `codes` whose symbol in `known` is the same; q step where there is none."""
    lowest = min(known.min(), symbols.min())
    levels = max(known.max(), symbols.max()) - lowest + 1
    counts = np.bincount(known - lowest, minlength=levels)
    sums = np.bincount(known - lowest, codes, minlength=levels)
    middle = step * np.arange(lowest, lowest + levels)
    return np.where(counts > 0, sums / np.maximum(counts, 1), middle)[symbols - lowest]


def bits_at(points, psnr):
    """Bits per image for a PSNR, in a straight line between the points of a curve; None where it is not reached."""
    before = None
    for point in points:
        if point["psnr"] >= psnr:
            if before is None:
                return float(point["bits"]) if point["psnr"] == psnr else None  # below the curve's beginning
            share = (psnr - before["psnr"]) / (point["psnr"] - before["psnr"])
            return before["bits"] + share * (point["bits"] - before["bits"])
        if before is None or point["psnr"] > before["psnr"]:
            before = point
    return None


def psnr_at(points, bits):
    """PSNR at so many bits per image, in a straight line between the points; None beyond the curve's ends."""
    rates = [point["bits"] for point in points]
    if not rates or not rates[0] <= bits <= rates[-1]:
        return None
    return float(np.interp(bits, rates, [point["psnr"] for point in points]))


def least_advantage(points, others):
    """How many times as many bits another curve needs, at the PSNR where that is least.

    Parameters
    ----------
    points, others : list of dict
        Two curves; where `others` begins above a PSNR, its first point's bits count.

    Returns
    -------
    ratio, psnr : float
        Above 1: the first curve needs fewer bits at every PSNR it reaches. (None, None) where the other reaches none.
    """
    grid = np.linspace(points[0]["psnr"], max(point["psnr"] for point in points), PSNR_STEPS)
    ratios = []
    for psnr in grid:
        theirs = others[0]["bits"] if psnr <= others[0]["psnr"] else bits_at(others, psnr)
        ours = bits_at(points, psnr)
        if ours is not None and theirs is not None:
            ratios.append((theirs / ours, float(psnr)))
    return min(ratios, default=(None, None))


def lossless_bits(images):
    """Bits per image of lossless formats: images (N, H, W, C) uint8.

    Returns
    -------
    dict
        `zlib`: all images as one stream, level 9. `png`: a file each, mean over the first PNG_IMAGES; None where the
        number of channels is neither 1 nor 3.
    """
    if images.ndim != 4 or images.dtype != np.uint8 or not len(images):
        raise UsageError(f"lossless_bits: expected images (N, H, W, C) uint8, got {images.shape} of {images.dtype}.")
    stream = len(zlib.compress(np.ascontiguousarray(images).tobytes(), 9))
    return {"zlib": 8 * stream / len(images), "png": _png_bits(images[:PNG_IMAGES])}


def _png_bits(images):
    if images.shape[-1] not in (1, 3):
        return None
    from PIL import Image  # Matplotlib brings it

    total = 0
    for image in images:
        file = io.BytesIO()
        Image.fromarray(image[:, :, 0] if image.shape[-1] == 1 else image).save(file, "PNG", optimize=True)
        total += len(file.getvalue())
    return 8 * total / len(images)
