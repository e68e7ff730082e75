"""Half the squared error over the numbers that are known: for ratings, and for tables with holes."""

import numpy as np

from tinyae.checks import UsageError
from tinyae.kernels import losses as kernels
from tinyae.losses.base import Loss


class MaskedMSE(Loss):
    """Half the squared error over what is known: l = 1/2 sum_k m_k (x'_k - x_k)^2, dl/dx'_k = m_k (x'_k - x_k).

    A target's unknown numbers are NaN: m_k = 0 there and 1 elsewhere, so that no gradient comes from them. Inputs have
    to be numbers throughout, so fill their holes, by 0 once the mean is taken off, and give the target beside them:
    `fit(np.nan_to_num(r), r)`.

    **Unit: summed over the known numbers of one row, averaged over the rows.** A row with twice as many known numbers
    weighs twice as much, as in Sedhain et al., "AutoRec" (WWW 2015), eq. 2.
    """

    unit = "sum over a row's known numbers, mean over rows"
    missing = True

    def _value_and_gradient(self, a, x, out, scale):
        return kernels.masked_squared_error(a, x, out, scale)

    def check_targets(self, x):
        if np.isnan(x).all():
            raise UsageError("MaskedMSE: expected some known numbers in the targets, got NaN throughout.")
