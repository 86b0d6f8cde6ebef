"""Is a statistic related to the outcome at all? Rank tests of patients, and of images that share patients."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.stats import kendalltau, kruskal, mannwhitneyu, rankdata

from acinus.cohorts.outcomes import Groups, Outcome, TwoGroups

__all__ = ["name_of_test", "rank_test"]

_PERMUTATIONS = 1999
_SEED = 0  # the same permutations for all statistics, so that the same data give the same p
_ALIKE = 1e-12


def name_of_test(outcome: Outcome, *, clustered: bool) -> str:
    """Return what `rank_test` does, for the page."""
    if clustered:
        return "permutation of ranks, between and within patients"
    if isinstance(outcome, TwoGroups):
        return "Mann–Whitney"
    return "Kruskal–Wallis" if isinstance(outcome, Groups) else "Kendall's trend"


def rank_test(values: NDArray[np.float64], outcome: Outcome, patients: NDArray[np.intp]) -> float:
    """Return the two-sided p-value of no relation; NaN where there is nothing to test.

    Where every patient has one unit: Mann & Whitney's test for two groups, Kruskal & Wallis' for several,
    Kendall's for ordered groups and numbers (for groups that is the trend test of Jonckheere, Biometrika 41,
    1954, whose statistic is the number of concordant pairs, too). Where patients have several units:
    permutations (`_permuted`) of the means of each patient's units of one outcome, since images of one
    tumour are more alike than images of one patient.

    Parameters
    ----------
    values : ndarray of shape (N,)
        Finite.
    outcome : Outcome
        No `Survival`, whose test is in `acinus.cohorts.survival`.
    patients : ndarray of shape (N,), intp
    """
    groups = [values[rows] for rows in outcome.strata()]
    if len(values) < 3 or np.ptp(values) == 0 or np.ptp(outcome.values) == 0:
        return float("nan")
    if len(np.unique(patients)) < len(patients):
        return _permuted(*_specimens(values, outcome, patients))
    if isinstance(outcome, TwoGroups):
        return float(mannwhitneyu(groups[0], groups[1]).pvalue)
    if isinstance(outcome, Groups):
        return float(kruskal(*groups).pvalue)
    return float(kendalltau(values, outcome.values).pvalue)


def _specimens(
    values: NDArray[np.float64], outcome: Outcome, patients: NDArray[np.intp]
) -> tuple[NDArray[np.float64], Outcome, NDArray[np.intp]]:
    """Return the mean of each patient's units of one outcome, with that outcome and patient."""
    pairs = np.stack([patients, outcome.values], axis=1)
    _, first, own = np.unique(pairs, axis=0, return_index=True, return_inverse=True)
    means = np.bincount(own.ravel(), weights=values) / np.bincount(own.ravel())
    return means, outcome.select(first), patients[first]


def _permuted(values: NDArray[np.float64], outcome: Outcome, patients: NDArray[np.intp]) -> float:
    """Return the share of permutations whose relation is as strong as what was found, it among them.

    A permutation gives each patient another patient's outcomes, repeated or cut to its number of images, and
    then shuffles them among its images: what images of one patient have in common stays as it is, and
    differences within patients count as well as those between them. The relation is the correlation of the
    ranks (Spearman), or of groups without an order the share of the ranks' variance between them. No library
    permutes so; estimating equations, which some have, raise nearly three times too many alarms for 16
    patients.
    """
    rng = np.random.default_rng(_SEED)
    numbers, own = np.unique(patients, return_inverse=True)
    rows = [np.flatnonzero(own == number) for number in range(len(numbers))]
    longest = max(map(len, rows))
    cycled = np.stack([np.resize(each, longest) for each in rows])  # (P, longest) rows of each patient
    place = np.empty(len(own), np.intp)
    for each in rows:
        place[each] = np.arange(len(each))
    taken = rng.permuted(np.tile(np.arange(len(numbers)), (_PERMUTATIONS, 1)), axis=1)
    scores = outcome.values if isinstance(outcome, Groups) else rankdata(outcome.values)
    drawn = scores[cycled[taken[:, own], place]]  # (B, N)
    by_patient = np.argsort(own, kind="stable")
    shuffled = np.empty_like(drawn)
    shuffled[:, by_patient] = np.take_along_axis(
        drawn, np.argsort(own + rng.random(drawn.shape), axis=1), axis=1
    )
    strength = _relation(
        np.asarray(rankdata(values), np.float64), np.concatenate([scores[None], shuffled]), outcome
    )
    if np.isnan(strength[0]) or np.ptp(strength) < _ALIKE:
        return float("nan")
    return float(np.mean(strength >= strength[0] - _ALIKE))


def _relation(ranks: NDArray[np.float64], scores: NDArray[np.float64], kind: Outcome) -> NDArray[np.float64]:
    """Return how strongly ranks (N,) go with each row of scores (B, N), from 0 to 1; 0 without spread."""
    centred = ranks - ranks.mean()
    if isinstance(kind, Groups):
        between = np.zeros(len(scores))
        for group in range(len(kind.groups)):
            inside = (scores == group).astype(np.float64)
            between += (inside @ centred) ** 2 / np.maximum(inside.sum(axis=1), 1)
        return np.asarray(between / (centred**2).sum(), np.float64)
    own = scores - scores.mean(axis=1, keepdims=True)
    spread = np.sqrt((own**2).sum(axis=1) * (centred**2).sum())
    strength = np.divide(own @ centred, spread, out=np.zeros(len(own)), where=spread > 0)
    return np.asarray(np.abs(strength), np.float64)
