"""How well one statistic separates two groups of images: the area under the ROC curve."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike
from scipy.stats import rankdata

from acinus.core.errors import InputError

__all__ = ["auc"]


def auc(values: ArrayLike, is_malignant: ArrayLike) -> float:
    """Return the probability that a malignant image exceeds a benign one, ties counting half.

    AUC = (R − m(m + 1)/2) / (m n), with R the sum of the mid-ranks of the m malignant among all m + n images
    (Mann–Whitney U / mn). 0.5 does not discriminate; below 0.5 the statistic falls with malignancy.

    Parameters
    ----------
    values : array-like of shape (N,)
        One statistic per image; images where it is NaN are left out.
    is_malignant : array-like of shape (N,), bool
        The group of each image.

    Returns
    -------
    float
        NaN when one of the groups is empty.

    Raises
    ------
    InputError
        When the two differ in length.

    References
    ----------
    Hanley & McNeil, Radiology 143, 1982.

    Examples
    --------
    >>> auc([0.1, 0.4, 0.4, 0.9], [False, False, True, True])  # 3 pairs won, 1 tied
    0.875
    """
    numbers = np.asarray(values, dtype=np.float64)
    malignant = np.asarray(is_malignant, dtype=np.bool_)
    if numbers.shape != malignant.shape or numbers.ndim != 1:
        raise InputError(f"expected one grade per value, got {malignant.shape} and {numbers.shape}")
    known = np.isfinite(numbers)
    numbers, malignant = numbers[known], malignant[known]
    positives, negatives = int(malignant.sum()), int((~malignant).sum())
    if positives == 0 or negatives == 0:
        return math.nan
    rank_sum = float(rankdata(numbers)[malignant].sum())
    return (rank_sum - positives * (positives + 1) / 2.0) / (positives * negatives)
