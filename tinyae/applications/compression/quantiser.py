"""Codes as whole numbers of few bits: uniform scalar quantisers, fitted to training codes, and who gets how many bits.

A unit with b bits has 2^b cells of equal width between two ends; what lies outside falls into the outermost cell, and
a cell is read back as its middle. With 0 bits it is read back as its mean. The ends are those with the smallest mean
squared error on the training codes, among symmetric quantiles.
"""

import heapq

import numpy as np

from tinyae.checks import UsageError, as_float_array, check_finite, check_int, check_shape

MOST_BITS = 8  # of a unit: its symbol is a byte
FITTED_ROWS = 5000  # training codes the ends are chosen on; more change nothing that can be seen
TAILS = (0.0, *np.geomspace(4e-4, 0.3, 19))  # share of training codes beyond each end, to choose from


class Quantiser:
    """Codes (N, K) to symbols (N, K) uint8 and back, unit by unit.

    Parameters
    ----------
    bits : int array (K,)
        From 0 to MOST_BITS for every unit.
    low, width : float arrays (K,)
        Lower end of the first cell, and width of a cell.
    """

    def __init__(self, bits, low, width):
        self.bits = np.asarray(bits, np.int64)
        self.low, self.width = np.asarray(low, np.float64), np.asarray(width, np.float64)

    @property
    def bits_per_image(self):
        """Bits of one code."""
        return int(self.bits.sum())

    def of(self, units):
        """The Quantiser of some of the units."""
        return Quantiser(self.bits[units], self.low[units], self.width[units])

    def encode(self, codes):
        """Symbols q = floor((z - low) / width), cut to 0 ... 2^b - 1."""
        codes = as_float_array("Quantiser", codes, np.float64, "codes")
        check_shape("Quantiser", codes, ("N", len(self.bits)), "codes")
        check_finite("Quantiser", codes, "codes")
        return np.clip(_cells(codes, self.low, self.width), 0, 2**self.bits - 1).astype(np.uint8)

    def decode(self, symbols):
        """Codes low + (q + 1/2) width, float32."""
        return (self.low + (symbols + 0.5) * self.width).astype(np.float32)


def _cells(codes, low, width):
    """Number of the cell each code falls into, from far below 0 to far above the last; 0 for units without a width."""
    return np.floor((codes - low) / np.where(width > 0, width, np.inf))


class Quantisers:
    """The best quantiser of every unit for every number of bits, and the error each leaves: what bits are shared by.

    Attributes
    ----------
    low, width, error : float arrays (MOST_BITS + 1, K)
        Row b: with b bits. `error` is the mean squared error on the training codes, in units of the reconstruction:
        times `sensitivity`.
    """

    def __init__(self, low, width, error):
        self.low, self.width, self.error = (np.asarray(a, np.float64) for a in (low, width, error))

    @classmethod
    def fit(cls, codes, sensitivity=None):
        """Fit to training codes.

        Parameters
        ----------
        codes : array (N, K)
        sensitivity : array (K,), optional
            Squared error of a reconstruction for a small error of 1 in each unit; 1 for orthonormal components, and
            without it.
        """
        codes = as_float_array("Quantisers.fit", codes, np.float64, "codes")
        check_shape("Quantisers.fit", codes, ("N", "K"), "codes")
        check_finite("Quantisers.fit", codes, "codes")
        if len(codes) < 2:
            raise UsageError(f"Quantisers.fit: expected at least 2 training codes, got {len(codes)}.")
        codes = codes[np.linspace(0, len(codes) - 1, min(len(codes), FITTED_ROWS)).astype(int)]
        tails = np.array(TAILS)
        ends = list(zip(np.quantile(codes, tails, axis=0), np.quantile(codes, 1 - tails, axis=0), strict=True))
        fitted = [_mean_alone(codes), *(_best_ends(codes, ends, bits) for bits in range(1, MOST_BITS + 1))]
        low, width, error = (np.array(part) for part in zip(*fitted, strict=True))
        return cls(low, width, error if sensitivity is None else error * sensitivity)

    @property
    def size(self):
        """Numbers in a code."""
        return self.low.shape[1]

    def share(self, bits_per_image):
        """The Quantiser of so many bits in all: each next bit goes where it lowers the error most.

        For orthonormal components this is the bit allocation of transform coding.

        Source: A. Gersho, R. M. Gray, "Vector Quantization and Signal Compression", 1992, section 8.4 (greedy).
        """
        total = check_int("Quantisers", "bits_per_image", bits_per_image, 1)
        if total > MOST_BITS * self.size:
            raise UsageError(
                f"Quantisers: expected at most {MOST_BITS * self.size} bits for a code of {self.size} numbers, "
                f"got {total}."
            )
        bits = np.zeros(self.size, np.int64)
        gains = self.error[:-1] - self.error[1:]  # row b: of bit b + 1
        queue = [(-gains[0, j], j) for j in range(self.size)]
        heapq.heapify(queue)
        for _ in range(total):
            _, j = heapq.heappop(queue)
            bits[j] += 1
            if bits[j] < MOST_BITS:
                heapq.heappush(queue, (-gains[bits[j], j], j))
        unit = np.arange(self.size)
        return Quantiser(bits, self.low[bits, unit], self.width[bits, unit])

    def to_json(self):
        """Plain JSON."""
        return {name: getattr(self, name).tolist() for name in ("low", "width", "error")}

    @classmethod
    def from_json(cls, values, code_size):
        """What `to_json` gave; UsageError for anything else."""
        try:
            mine = cls(values["low"], values["width"], values["error"])
            parts = (mine.low, mine.width, mine.error)
            whole = all(a.shape == (MOST_BITS + 1, code_size) and np.isfinite(a).all() for a in parts)
        except (KeyError, TypeError, ValueError):
            whole = False
        if not whole or (mine.width < 0).any():
            raise UsageError(
                f"Quantisers: expected a model with quantisers for {code_size} numbers, got damaged ones; train it "
                "again with tinyae compress."
            )
        return mine


def _mean_alone(codes):
    """low, width, error (K,) of 0 bits: one cell of no width at the mean."""
    mean = codes.mean(axis=0)
    return mean, np.zeros_like(mean), np.square(codes - mean).mean(axis=0)


def _best_ends(codes, ends, bits):
    """low, width, error (K,) of so many bits: of the pairs (low, high) of ends the best for each unit."""
    best = None
    for low, high in ends:
        width = (high - low) / 2**bits
        middle = low + (np.clip(_cells(codes, low, width), 0, 2**bits - 1) + 0.5) * width
        error = np.square(codes - middle).mean(axis=0)
        if best is None:
            best = low, width, error
        else:
            better = error < best[2]
            best = tuple(np.where(better, new, old) for new, old in zip((low, width, error), best, strict=True))
    return best


def ideal_bits(training_symbols, symbols):
    """Bits per image an ideal entropy coder needs that knows how often each symbol came in training: an estimate.

    - sum_j log2 p_j(q_j), mean over the images, with p_j = (count + 1/2) / (N + levels / 2) from the training symbols.

    Parameters
    ----------
    training_symbols, symbols : integer arrays (N, K), (M, K)
    """
    total = 0.0
    for known, new in zip(training_symbols.T.astype(np.int64), symbols.T.astype(np.int64), strict=True):
        lowest = min(known.min(), new.min())
        levels = max(known.max(), new.max()) - lowest + 1
        counts = np.bincount(known - lowest, minlength=levels) + 0.5
        total -= np.log2(counts / counts.sum())[new - lowest].mean()
    return float(total)
