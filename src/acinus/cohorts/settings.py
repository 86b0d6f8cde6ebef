"""How cohorts are compared; every number that is not in the question itself."""

from __future__ import annotations

from typing import Annotated, Literal

from acinus.core.limits import Flag, Limits, Share
from acinus.core.settings import settings_class

__all__ = ["CompareSettings"]


@settings_class
class CompareSettings:
    """Settings of ``acinus compare``.

    Attributes
    ----------
    untrusted : {"leave out", "weight", "keep"}
        Images flagged as untrustworthy: left out, or used like all others. ``weight`` uses all and weights
        each by its quality in its patient's mean. The result says in each case what using all of them alike
        changes.
    least_quality : float
        Below it an image is untrustworthy, as is one that is unfamiliar to its model. 0.45 is where the
        report calls trust low (ours).
    quantiles : bool
        Compare the 10th, 50th and 90th percentile of every statistic as well as its mean.
    resamples : int
        Bootstrap resamples of the patients.
    level : float
        Of the intervals.
    permutations : int
        Permuted outcomes that give the chance level of all statistics together; 0 leaves that model out.
    folds : int
        Of its outer cross-validation.
    seed : int
        Of resamples, permutations and folds.
    """

    untrusted: Annotated[Literal["leave out", "weight", "keep"], Limits()] = "leave out"
    least_quality: Share = 0.45
    quantiles: Flag = False
    resamples: Annotated[int, Limits(ge=100)] = 2000
    level: Annotated[float, Limits(gt=0.5, lt=1.0)] = 0.95
    permutations: Annotated[int, Limits(ge=0)] = 100
    folds: Annotated[int, Limits(ge=2)] = 5
    seed: Annotated[int, Limits(ge=0)] = 0
