"""Survival: Cox's model of one statistic, and Kaplan and Meier's curves of its two halves."""

from __future__ import annotations

import math
import warnings
from dataclasses import dataclass

import numpy as np
import pandas as pd
from lifelines import CoxPHFitter, KaplanMeierFitter
from lifelines.exceptions import ConvergenceError
from lifelines.statistics import logrank_test
from numpy.typing import NDArray

from acinus.cohorts.outcomes import Survival

__all__ = ["Curve", "Hazard", "hazard", "median_split"]


@dataclass(frozen=True)
class Hazard:
    """Ratio of hazards per standard deviation, with Wald's interval and the likelihood ratio test's p."""

    ratio: float
    low: float
    high: float
    p: float


@dataclass(frozen=True)
class Curve:
    """Kaplan and Meier's estimate for one half of the patients.

    Attributes
    ----------
    name : str
    patients : int
    times, survival, low, high : ndarray of shape (T,)
        The curve holds from each time to the next; `low` and `high` are the ends of its interval.
    """

    name: str
    patients: int
    times: NDArray[np.float64]
    survival: NDArray[np.float64]
    low: NDArray[np.float64]
    high: NDArray[np.float64]


def hazard(values: NDArray[np.float64], outcome: Survival, *, level: float) -> Hazard:
    """Fit Cox's proportional hazards to one statistic (Cox, J R Stat Soc B 34, 1972).

    Parameters
    ----------
    values : ndarray of shape (N,)
        Finite.
    level : float
        Of the interval.

    Returns
    -------
    Hazard
        NaN where the model has no estimate: no event, no spread, or a statistic that orders all events.
    """
    missing = Hazard(math.nan, math.nan, math.nan, math.nan)
    spread = float(np.std(values, ddof=1)) if len(values) > 2 else 0.0
    if spread == 0 or outcome.events.sum() < 2:
        return missing
    table = pd.DataFrame(
        {"x": (values - values.mean()) / spread, "time": outcome.values, "event": outcome.events.astype(int)}
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a coefficient that goes to infinity is reported as NaN below
        try:
            model = CoxPHFitter(alpha=1 - level).fit(table, "time", "event")
        except ConvergenceError:
            return missing
    # Not from `model.summary`, which takes as long as the fit.
    ratio = float(np.exp(model.params_["x"]))
    low, high = np.exp(model.confidence_intervals_.loc["x"].to_numpy(np.float64)).tolist()
    if not all(map(math.isfinite, (ratio, low, high))) or high > 1e6:
        return missing
    return Hazard(ratio, low, high, float(model.log_likelihood_ratio_test().p_value))


def median_split(
    values: NDArray[np.float64], outcome: Survival, *, level: float
) -> tuple[list[Curve], float]:
    """Return the curves of the patients up to the median and above it, and the log-rank test's p-value.

    Kaplan & Meier, J Am Stat Assoc 53, 1958; Mantel, Cancer Chemother Rep 50, 1966.
    """
    above = values > np.median(values)
    if above.all() or not above.any():
        return [], math.nan
    curves = []
    for name, rows in (("up to the median", ~above), ("above the median", above)):
        fitted = KaplanMeierFitter(alpha=1 - level).fit(outcome.values[rows], outcome.events[rows])
        interval = fitted.confidence_interval_survival_function_
        curves.append(
            Curve(
                name=name,
                patients=int(rows.sum()),
                times=fitted.survival_function_.index.to_numpy(np.float64),
                survival=fitted.survival_function_.iloc[:, 0].to_numpy(np.float64),
                low=interval.iloc[:, 0].to_numpy(np.float64),
                high=interval.iloc[:, 1].to_numpy(np.float64),
            )
        )
    test = logrank_test(
        outcome.values[above], outcome.values[~above], outcome.events[above], outcome.events[~above]
    )
    return curves, float(test.p_value)
