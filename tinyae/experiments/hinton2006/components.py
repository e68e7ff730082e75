"""Principal components, plain and logistic, beside which the paper puts its nets."""

from dataclasses import dataclass

from tinyae import analysis
from tinyae.logistic_pca import LogisticPCA

# The paper does not say how it fitted logistic components. Ours stop where a sweep lowers the loss by less than a
# thousandth of it, on MNIST after some 15 sweeps.
LOGISTIC_IMAGES, TOLERANCE = 10_000, 1e-3
QUICK_IMAGES = 500


@dataclass(frozen=True)
class Components:
    """`k` components of one kind.

    Attributes
    ----------
    name : str
        In `Problem.published`: "logistic_pca", "pca_18".
    logistic : bool
    k : int
    """

    name: str
    logistic: bool
    k: int

    @property
    def title(self):
        return f"{'logistic ' if self.logistic else ''}PCA-{self.k}"

    @property
    def key(self):
        """Of their squared error in the metrics."""
        return f"{self.name}_test_squared_error"


def other_components(published, code_size):
    """The Components in `published` (`Problem.published`) but plain ones of the code's size: all runs have those."""
    found = []
    for name in published:
        kind, _, number = name.rpartition("pca")
        if name not in ("autoencoder", "pca"):
            found.append(Components(name, bool(kind), int(number.lstrip("_") or code_size)))
    return found


def component_errors(problem, data, quick):
    """Squared error on the test images of every kind of `other_components`, by its key.

    Logistic ones are fitted to the first LOGISTIC_IMAGES training images; a quick run fits QUICK_IMAGES, and measures
    them on as many.
    """
    errors = {}
    for kind in other_components(problem.published, problem.code_size):
        if kind.k >= data.x_train.shape[1]:
            continue
        x, test = data.x_train, data.x_test
        if kind.logistic:
            x, test = (x[:QUICK_IMAGES], test[:QUICK_IMAGES]) if quick else (x[:LOGISTIC_IMAGES], test)
        fitted = LogisticPCA(x, kind.k, tolerance=TOLERANCE) if kind.logistic else analysis.PCA(x, kind.k)
        errors[kind.key] = analysis.squared_error(test, fitted.reconstruct(test))
    return errors
