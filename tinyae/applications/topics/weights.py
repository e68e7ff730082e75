"""What is made of word counts before a net, or principal components, take them."""

import numpy as np

from tinyae.checks import UsageError, check_finite, check_samples


class TermWeights:
    """w_k = log(1 + x_k) idf_k^p, each document brought to the length `scale`.

    idf_k = log(N / (1 + n_k)), where n_k of the N training documents have word k: what stands everywhere says little.

    Parameters
    ----------
    idf : array (D,)
        Weights of the words; `TermWeights.of` learns them.
    scale : float
        Euclidean length of every weighted document; 1 for cosines. Documents without words stay 0.
    """

    def __init__(self, idf, scale=1.0):
        self.idf, self.scale = np.asarray(idf, np.float32), float(scale)

    @classmethod
    def of(cls, counts, scale=1.0, power=1.0):
        """The weights that training documents (N, D) ask for; `power` is p."""
        n = len(counts)
        documents = np.count_nonzero(counts, axis=0)
        idf = np.log(n / (1 + documents))
        return cls(np.maximum(idf, 0) ** power, scale)

    def __call__(self, counts):
        """Weighted documents (N, D) float32."""
        who = "topics"
        counts = np.asarray(counts, np.float32)
        check_samples(who, counts, self.idf.shape, "counts")
        check_finite(who, counts, "counts")
        if counts.size and counts.min() < 0:
            raise UsageError(f"{who}: expected counts of words >= 0, got {counts.min():g}.")
        weighted = np.log1p(counts)
        weighted *= self.idf
        weighted *= self.scale / np.maximum(np.linalg.norm(weighted, axis=1, keepdims=True), 1e-9)
        return weighted


def shares(counts):
    """x_k / sum_l x_l: what a softmax can give; documents without words stay 0."""
    counts = np.asarray(counts, np.float32)
    return counts / np.maximum(counts.sum(axis=1, keepdims=True), 1e-9)
