"""What a minimiser found."""

from dataclasses import dataclass

import numpy as np


@dataclass
class Minimum:
    """Where a minimiser ended.

    Attributes
    ----------
    theta : array (n,)
    value : float
    gradient : array (n,)
    iterations, evaluations : int
        Steps taken, and how often the function was asked.
    converged : bool
        Whether the largest entry of the gradient came down to the tolerance.
    """

    theta: np.ndarray
    value: float
    gradient: np.ndarray
    iterations: int
    evaluations: int
    converged: bool
