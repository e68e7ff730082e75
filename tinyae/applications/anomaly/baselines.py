"""What a detector has to beat: the same nets untrained, principal components, the distance from the mean."""

import numpy as np

from tinyae.analysis import PCA
from tinyae.applications.anomaly.fitting import checked, fit_detector
from tinyae.samples.lazy import blocks
from tinyae.scaling import Scaling


class PlainBaseline:
    """Squared distance of a row from its reconstruction by principal components, or from the mean row.

    Parameters
    ----------
    x : array or LazyRows (N, ...)
        Training rows.
    k : int
        Components; 0 for the mean alone.
    standardise : bool
        Whether columns are brought to mean 0 and standard deviation 1 first, as is usual for tables.
    """

    def __init__(self, x, k, standardise):
        few = checked("baseline", x)[1]
        self.scaling = Scaling("baseline", "standard" if standardise else None, few)
        self.pca = PCA(self.scaling.apply(few), max(1, min(k, few.shape[1])))
        self.k = k

    def scores(self, x):
        """(N,): the higher, the stranger."""
        scores = np.empty(len(x))
        for rows in blocks(x):
            part = np.asarray(x[rows])
            z = self.scaling.apply(part.reshape(len(part), -1).astype(np.float64))
            back = self.pca.reconstruct(z) if self.k else self.pca.mean
            scores[rows] = np.square(z - back).sum(axis=1)
        return scores


def baselines(detector, x, seed=0, threads=None):
    """The methods beside a detector that was trained on x: dict of name to function of rows (N, ...) to scores (N,)."""
    settings = detector.settings
    untrained = fit_detector(
        x, scale=settings["scale"], hidden_sizes=settings["hidden_sizes"], code_size=settings["code_size"],
        members=len(detector.nets), linear=False, weigh=detector.weighings is not None, epochs=0, seed=seed,
        threads=threads,
    )  # fmt: skip
    standardise = settings["scale"] != "none"
    k = detector.code_size
    return {
        "untrained nets": lambda rows: untrained.scores(rows, threads),
        f"PCA-{k}": PlainBaseline(x, k, standardise).scores,
        "distance from the mean": PlainBaseline(x, 0, standardise).scores,
    }
