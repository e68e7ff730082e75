"""The two losses of autoencoders, and why both have the gradient x' - x.

For one image x with reconstruction x' (sums over its D numbers k):

    BCE   l = -sum_k ( x_k log x'_k + (1 - x_k) log(1 - x'_k) )     with a sigmoid output unit,  x' = sigmoid(a)
    MSE   l = 1/2 sum_k ( x'_k - x_k )^2                            with a linear output unit,   x' = a

In both cases dl/da_k = x'_k - x_k at the output's pre-activation a. That is the gradient computed here, straight from
a, so it is exact and finite for any a. Every other pairing (MSE behind a sigmoid) takes the chain rule in the open:
the loss gives dl/dx' and the layer multiplies by its own derivative.

**Unit of every loss: summed over the numbers of one image, averaged over the images of the batch, in nats for BCE.**
Divide by D for the mean per pixel (`per_pixel`).

`MaskedMSE` is MSE over the known numbers of a target alone, such as the films a user has rated.
`CategoricalCrossEntropy` is for counts and shares behind a softmax, such as the words of a document:
dl/da = x' - x again.
"""

from tinyae.checks import check_choice
from tinyae.losses.base import Loss, per_pixel
from tinyae.losses.bce import BCE
from tinyae.losses.masked import MaskedMSE
from tinyae.losses.mse import MSE
from tinyae.losses.softmax import CategoricalCrossEntropy

__all__ = ["BCE", "MSE", "MaskedMSE", "CategoricalCrossEntropy", "Loss", "LOSSES", "NAMED", "loss_by_name", "per_pixel"]

LOSSES = {"bce": BCE, "mse": MSE}  # what commands and estimators offer, whose data have no holes
NAMED = LOSSES | {"maskedmse": MaskedMSE, "categoricalcrossentropy": CategoricalCrossEntropy}


def loss_by_name(who, loss):
    """A Loss from its name, class or instance; UsageError listing the names there are otherwise."""
    if isinstance(loss, Loss):
        return loss
    if isinstance(loss, type) and issubclass(loss, Loss):
        return loss()
    check_choice(who, "loss", loss, NAMED)
    return NAMED[loss]()
