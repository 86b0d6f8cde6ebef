"""Intervals by a bootstrap over patients: all images of a patient are drawn together or not at all.

scipy's bootstrap with Efron's correction for bias and acceleration (Efron, J Am Stat Assoc 82, 1987). Within
each group of patients as many are drawn as it has, so that no resample lacks a group. Where patients are in
two groups at once that cannot be, and the few resamples that lack one are left out.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import bootstrap

from acinus.cohorts.effects import Size
from acinus.cohorts.outcomes import Outcome

__all__ = ["Interval", "PatientBootstrap"]

_LEAST_KNOWN = 0.9  # of the resamples have to have a value, else there is no interval (ours)


@dataclass(frozen=True)
class Interval:
    """An estimate with the ends of its interval; NaN where resamples are all alike or too few."""

    estimate: float
    low: float
    high: float

    @property
    def known(self) -> bool:
        """Whether it has ends."""
        return bool(np.isfinite(self.low) and np.isfinite(self.high))


@dataclass(frozen=True)
class PatientBootstrap:
    """How intervals are made.

    Attributes
    ----------
    resamples : int
    level : float
        Such as 0.95.
    seed : int
        The same for all statistics, so that they see the same resamples.
    """

    resamples: int
    level: float
    seed: int

    def interval(self, size: Size, outcome: Outcome, patients: NDArray[np.intp]) -> Interval:
        """Return a size on the units as they are, and its interval.

        Parameters
        ----------
        size : Size
        outcome : Outcome
            Of the N units.
        patients : ndarray of shape (N,), intp
            Number of each unit's patient.
        """
        numbers, own = np.unique(patients, return_inverse=True)
        estimate = float(size(np.ones((1, len(patients))))[0])
        strata = _strata(outcome, own, count=len(numbers))
        if not np.isfinite(estimate) or min(len(stratum) for stratum in strata) < 2:
            return Interval(estimate, np.nan, np.nan)

        def of_resamples(*drawn: NDArray[np.intp], axis: int) -> NDArray[np.float64]:
            del axis  # the last, as told below
            return _of_drawn(size, np.concatenate(drawn, axis=-1), own, count=len(numbers))

        def drawn(resamples: int, earlier: Any = None) -> Any:
            return bootstrap(
                strata,
                of_resamples,
                n_resamples=resamples,
                bootstrap_result=earlier,
                confidence_level=self.level,
                method="BCa",
                vectorized=True,
                axis=-1,
                rng=np.random.default_rng(self.seed),
            )

        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of resamples that are all alike: NaN says it
            with np.errstate(all="ignore"):
                found = drawn(self.resamples)
                known = np.isfinite(found.bootstrap_distribution)
                if _LEAST_KNOWN <= known.mean() < 1.0:
                    found = drawn(
                        0, replace(found, bootstrap_distribution=found.bootstrap_distribution[known])
                    )
        ends = found.confidence_interval
        return Interval(estimate, float(ends.low), float(ends.high))


def _strata(outcome: Outcome, own: NDArray[np.intp], *, count: int) -> list[NDArray[np.intp]]:
    """Return the patients of each stratum; all in one where a patient would be in two of them."""
    strata = [np.unique(own[rows]) for rows in outcome.strata()]
    return strata if sum(map(len, strata)) == count else [np.arange(count)]


def _of_drawn(
    size: Size, drawn: NDArray[np.intp], own: NDArray[np.intp], *, count: int
) -> NDArray[np.float64]:
    """Return the sizes of resamples of patients, (..., P) numbers of patients, as (...)."""
    shape = drawn.shape[:-1]
    rows = drawn.reshape(-1, drawn.shape[-1]).astype(np.intp)
    flat = (np.arange(len(rows))[:, None] * count + rows).ravel()
    times = np.bincount(flat, minlength=len(rows) * count).reshape(len(rows), count)
    return size(times[:, own].astype(np.float64)).reshape(shape)
