"""Concordance and effect sizes of a statistic, for many bootstrap resamples at once.

A resample is a weight per unit: how often it was drawn. All sizes are functions of weights, so that those of
2000 resamples are a few products of matrices.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

from acinus.cohorts.outcomes import Groups, Numbers, OrderedGroups, Outcome, TwoGroups

__all__ = ["EFFECT_NAMES", "Size", "concordance", "effect"]

Weights = NDArray[np.float64]
"""(B, N): how often each of N units is in each of B resamples."""

Size = Callable[[Weights], NDArray[np.float64]]
"""Weights (B, N) in, (B,) out; NaN where a resample has no pair to compare."""

EFFECT_NAMES = {
    TwoGroups: "Hedges' g",
    Groups: "ε²",
    OrderedGroups: "Kendall's τ-b",
    Numbers: "Kendall's τ-b",
}
"""What `effect` is, by the kind of outcome."""


def concordance(values: NDArray[np.float64], outcome: Outcome) -> Size:
    """Return the probability that of two units the worse one has the larger value, ties counting half.

    C = Σ w_i w_j A_ij ([x_i > x_j] + ½ [x_i = x_j]) / Σ w_i w_j A_ij, with A_ij whether unit i is known to be
    worse off than unit j. Of two groups it is the area under the ROC curve, of ordered grades and numbers
    (D + 1)/2 of Somers' D, of survival Harrell's C.

    Parameters
    ----------
    values : ndarray of shape (N,)
        Of one statistic, finite.
    outcome : Outcome
        Of the same units.

    References
    ----------
    Hanley & McNeil, Radiology 143, 1982. Somers, Am Sociol Rev 27, 1962. Harrell et al., JAMA 247, 1982.

    Examples
    --------
    >>> outcome = TwoGroups("grade", np.array([0.0, 0.0, 1.0, 1.0]), ("benign", "malignant"))
    >>> concordance(np.array([0.1, 0.4, 0.4, 0.9]), outcome)(np.ones((1, 4)))  # 3 pairs won, 1 tied
    array([0.875])
    """
    worse = outcome.worse().astype(np.float64)
    won = worse * (0.5 + 0.5 * np.sign(values[:, None] - values[None, :]))

    def size(weights: Weights) -> NDArray[np.float64]:
        return _ratio(_pairs(weights, won), _pairs(weights, worse))

    return size


def effect(values: NDArray[np.float64], outcome: Outcome) -> Size:
    """Return the effect size that suits the outcome; see `EFFECT_NAMES`.

    Two groups: the difference of their means over the pooled standard deviation, with the correction for
    small samples (Hedges, J Educ Stat 6, 1981). Groups: ε² = H/(n − 1) of Kruskal and Wallis' H, the share of
    the ranks' variance that lies between groups (Kelley, PNAS 21, 1935). Ordered groups and numbers:
    Kendall's τ-b (Kendall, Biometrika 33, 1945), positive where the statistic rises with the outcome.
    Survival has none here: see `acinus.cohorts.survival`.

    Parameters
    ----------
    values : ndarray of shape (N,)
        Finite.

    Examples
    --------
    >>> outcome = OrderedGroups("grade", np.array([0.0, 1.0, 2.0]), ("1", "2", "3"))
    >>> effect(np.array([5.0, 6.0, 9.0]), outcome)(np.ones((1, 3)))
    array([1.])
    """
    if isinstance(outcome, TwoGroups):
        return _hedges(values, outcome)
    if isinstance(outcome, Groups):
        return _between_groups(np.asarray(rankdata(values), np.float64), outcome)
    return _kendall(values, outcome.values)


def _hedges(values: NDArray[np.float64], outcome: TwoGroups) -> Size:
    def size(weights: Weights) -> NDArray[np.float64]:
        counts, means, squares = [], [], []
        for group in (0, 1):
            rows = outcome.rows_of(group)
            own, x = weights[:, rows], values[rows]
            counts.append(own.sum(axis=1))
            means.append(_ratio(own @ x, counts[-1]))
            squares.append((own * (x - means[-1][:, None]) ** 2).sum(axis=1))
        freedom = counts[0] + counts[1] - 2.0
        spread = np.sqrt(_ratio(squares[0] + squares[1], freedom))
        correction = 1.0 - 3.0 / (4.0 * freedom - 1.0)
        return np.asarray(_ratio(means[1] - means[0], spread) * correction, np.float64)

    return size


def _between_groups(ranks: NDArray[np.float64], outcome: Groups) -> Size:
    rows = [outcome.rows_of(group) for group in range(len(outcome.groups))]

    def size(weights: Weights) -> NDArray[np.float64]:
        mean = _ratio(weights @ ranks, weights.sum(axis=1))
        total = (weights * (ranks - mean[:, None]) ** 2).sum(axis=1)
        between = np.zeros(len(weights))
        for own in rows:
            count = weights[:, own].sum(axis=1)
            of_group = np.nan_to_num(_ratio(weights[:, own] @ ranks[own], count))
            between += count * (of_group - mean) ** 2
        return _ratio(between, total)

    return size


def _kendall(values: NDArray[np.float64], outcome: NDArray[np.float64]) -> Size:
    of_x = np.sign(values[:, None] - values[None, :])
    of_y = np.sign(outcome[:, None] - outcome[None, :])

    agreeing, of_x, of_y = of_x * of_y, of_x**2, of_y**2

    def size(weights: Weights) -> NDArray[np.float64]:
        untied = np.sqrt(_pairs(weights, of_x) * _pairs(weights, of_y))
        return _ratio(_pairs(weights, agreeing), untied)

    return size


def _pairs(weights: Weights, matrix: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return Σ w_i w_j M_ij of each resample."""
    return np.asarray(np.einsum("bn,bn->b", weights @ matrix, weights), np.float64)


def _ratio(above: NDArray[np.float64], below: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return above / below, NaN where below is 0."""
    divided = np.divide(above, below, out=np.full(np.shape(below), np.nan), where=below > 0)
    return np.asarray(divided, np.float64)
