"""Principal components, plain and logistic, beside which the paper puts its nets."""

from tinyae import analysis
from tinyae.logistic_pca import LogisticPCA

# The paper does not say how it fitted logistic components. Ours stop where a sweep lowers the loss by less than a
# thousandth of it, on MNIST after some 15 sweeps.
LOGISTIC_IMAGES, TOLERANCE = 10_000, 1e-3
QUICK_IMAGES = 500


def component_errors(problem, data, quick):
    """Squared error on the test images of every kind of components in `problem.published`, by its name there.

    Plain ones with the code's size are left to `measure`. Logistic ones are fitted to the first LOGISTIC_IMAGES
    training images; a quick run fits QUICK_IMAGES, and measures them on as many.

    Returns
    -------
    dict
        "pca_18_test_squared_error", ...
    """
    errors = {}
    for name in problem.published:
        kind, _, number = name.rpartition("pca")
        if name in ("autoencoder", "pca"):
            continue
        k = int(number.lstrip("_") or problem.code_size)
        if k >= data.x_train.shape[1]:
            continue
        x, test = (data.x_train, data.x_test)
        if kind:
            x, test = (x[:QUICK_IMAGES], test[:QUICK_IMAGES]) if quick else (x[:LOGISTIC_IMAGES], test)
        components = LogisticPCA(x, k, tolerance=TOLERANCE) if kind else analysis.PCA(x, k)
        errors[f"{name}_test_squared_error"] = analysis.squared_error(test, components.reconstruct(test))
    return errors
