"""Is a statistic related to the outcome at all? Rank tests of patients, and of images that share patients."""

from __future__ import annotations

import warnings

import numpy as np
import statsmodels.api as sm
from numpy.typing import NDArray
from scipy.stats import f as fisher
from scipy.stats import kendalltau, kruskal, mannwhitneyu, rankdata

from acinus.cohorts.outcomes import Groups, Outcome, TwoGroups

__all__ = ["name_of_test", "rank_test"]


def name_of_test(outcome: Outcome, *, clustered: bool) -> str:
    """Return what `rank_test` does, for the page."""
    if clustered:
        return "estimating equations on ranks, images within patients"
    if isinstance(outcome, TwoGroups):
        return "Mann–Whitney"
    return "Kruskal–Wallis" if isinstance(outcome, Groups) else "Kendall's trend"


def rank_test(values: NDArray[np.float64], outcome: Outcome, patients: NDArray[np.intp]) -> float:
    """Return the two-sided p-value of no relation; NaN where there is nothing to test.

    Where every patient has one unit: Mann & Whitney's test for two groups, Kruskal & Wallis' for several,
    Kendall's for ordered groups and numbers (for groups that is the trend test of Jonckheere, Biometrika 41,
    1954, whose statistic is the number of concordant pairs, too). Where patients have several: `_clustered`.

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
        return _clustered(values, outcome, patients)
    if isinstance(outcome, TwoGroups):
        return float(mannwhitneyu(groups[0], groups[1]).pvalue)
    if isinstance(outcome, Groups):
        return float(kruskal(*groups).pvalue)
    return float(kendalltau(values, outcome.values).pvalue)


def _clustered(values: NDArray[np.float64], outcome: Outcome, patients: NDArray[np.intp]) -> float:
    """Return the p-value of a linear model of the ranks whose errors are correlated within patients.

    Generalised estimating equations with exchangeable correlation (Liang & Zeger, Biometrika 73, 1986), the
    covariance corrected for few patients (Mancl & DeRouen, Biometrics 57, 2001), and Wald's statistic against
    F with as many degrees of freedom as there are patients beyond coefficients.
    """
    ranks = np.asarray(rankdata(values), np.float64) / len(values)
    if isinstance(outcome, Groups):
        present = np.unique(outcome.values)[1:]
        design = (outcome.values[:, None] == present[None, :]).astype(np.float64)
    else:
        design = np.asarray(rankdata(outcome.values), np.float64)[:, None] / len(values)
    tested = design.shape[1]
    freedom = len(np.unique(patients)) - tested - 1
    if freedom < 1:
        return float("nan")
    model = sm.GEE(ranks, sm.add_constant(design), groups=patients, cov_struct=sm.cov_struct.Exchangeable())
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of correlations at their limit, which the covariance allows for
        try:
            fitted = model.fit(cov_type="bias_reduced")
            slopes, covariance = fitted.params[1:], fitted.cov_params()[1:, 1:]
            wald = float(slopes @ np.linalg.solve(covariance, slopes)) / tested
        except (np.linalg.LinAlgError, ValueError):
            return float("nan")
    return float(fisher.sf(wald, tested, freedom)) if wald >= 0 else float("nan")
