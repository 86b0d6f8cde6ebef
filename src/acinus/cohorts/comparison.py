"""Every statistic of a cohort against one outcome."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.stats import false_discovery_control

from acinus.cohorts.effects import EFFECT_NAMES, concordance, effect
from acinus.cohorts.intervals import Interval, PatientBootstrap
from acinus.cohorts.multivariate import Together, together
from acinus.cohorts.outcomes import Groups, OrderedGroups, Outcome, Survival, TwoGroups
from acinus.cohorts.ranks import name_of_test, rank_test
from acinus.cohorts.settings import CompareSettings
from acinus.cohorts.survival import hazard
from acinus.cohorts.units import CohortImage, Units, choose_statistics, units_of
from acinus.core.errors import InputError
from acinus.core.naming import plural
from acinus.core.progress import Progress

__all__ = ["Association", "Comparison", "GroupSummary", "compare_cohort"]

_LEAST_UNITS = 4
_LEAST_EVENTS = 4
_FEW_PATIENTS = 20


@dataclass(frozen=True)
class Association:
    """One statistic against the outcome.

    Attributes
    ----------
    statistic : str
    units : int
        Patients, or images, that have a value.
    effect : Interval
        See `acinus.cohorts.effects.effect`; of survival the ratio of hazards per standard deviation, whose
        interval is the model's.
    concordance : Interval
        See `acinus.cohorts.effects.concordance`; NaN for groups without an order.
    p, q : float
        Of the rank test, and the false discovery rate over all statistics at which it counts (Benjamini &
        Hochberg, J R Stat Soc B 57, 1995).
    concordance_of_all, p_of_all, q_of_all : float
        With untrustworthy images used like all others.
    """

    statistic: str
    units: int
    effect: Interval
    concordance: Interval
    p: float
    q: float = math.nan
    concordance_of_all: float = math.nan
    p_of_all: float = math.nan
    q_of_all: float = math.nan

    @property
    def strength(self) -> float:
        """How far it is from no relation, for ranking."""
        if math.isfinite(self.concordance.estimate):
            return abs(self.concordance.estimate - 0.5)
        return self.effect.estimate if math.isfinite(self.effect.estimate) else -1.0


@dataclass(frozen=True)
class GroupSummary:
    """One statistic in one group: number of units, quartiles, and concordance of this group with the rest."""

    statistic: str
    group: str
    units: int
    quartiles: tuple[float, float, float]
    against_rest: Interval


@dataclass(frozen=True)
class Comparison:
    """What was found about one outcome.

    Attributes
    ----------
    outcome : Outcome
        Of each unit.
    units : Units
    effect_name, test : str
        What effect and test are called.
    associations : tuple of Association
        The strongest first.
    groups : tuple of GroupSummary
        Empty for numbers and survival.
    together : Together or str
        All statistics, or the reason why not.
    left_out : tuple of CohortImage
        Untrustworthy images that were left out.
    notes : tuple of str
        What to be careful about.
    """

    outcome: Outcome
    units: Units
    effect_name: str
    test: str
    associations: tuple[Association, ...]
    groups: tuple[GroupSummary, ...]
    together: Together | str
    left_out: tuple[CohortImage, ...]
    notes: tuple[str, ...]

    def values_of(self, statistic: str) -> NDArray[np.float64]:
        """Return one statistic of every unit, (N,)."""
        return self.units.values[:, self.units.statistics.index(statistic)]


def compare_cohort(
    images: Sequence[CohortImage],
    outcome: Outcome,
    settings: CompareSettings,
    *,
    progress: Progress | None = None,
) -> Comparison:
    """Compare every statistic of a cohort with an outcome.

    Parameters
    ----------
    images : sequence of CohortImage
    outcome : Outcome
        Of each image.
    settings : CompareSettings

    Raises
    ------
    InputError
        When fewer than four patients, images or events are left, or one group alone.
    """
    statistics = choose_statistics(images, quantiles=settings.quantiles)
    doubted = np.array([bool(image.doubt) for image in images])
    used = ~doubted if settings.untrusted == "leave out" else np.ones(len(images), np.bool_)
    rows = np.flatnonzero(used)
    units, own = units_of(
        [images[i] for i in rows.tolist()],
        outcome.select(rows),
        statistics,
        by_quality=settings.untrusted == "weight",
    )
    _check(units, own, left_out=len(images) - len(rows))
    bootstrap = PatientBootstrap(settings.resamples, settings.level, settings.seed)
    found = _with_rates([_associate(name, units, own, bootstrap) for name in units.statistics])
    if doubted.any() and settings.untrusted != "keep":
        found = _beside_all(found, *units_of(images, outcome, statistics))
    model: Together | str = "it was not asked for (permutations = 0)"
    if settings.permutations:
        model = together(
            units,
            own,
            folds=settings.folds,
            permutations=settings.permutations,
            bootstrap=bootstrap,
            progress=progress,
        )
    return Comparison(
        outcome=own,
        units=units,
        effect_name=EFFECT_NAMES.get(type(own), "hazard ratio per SD"),
        test=(
            "likelihood ratio of Cox's model"
            if isinstance(own, Survival)
            else name_of_test(own, clustered=units.clustered)
        ),
        associations=tuple(sorted(found, key=lambda each: -each.strength)),
        groups=tuple(_groups(units, own, bootstrap)),
        together=model,
        left_out=tuple(image for image, kept in zip(images, used.tolist(), strict=True) if not kept),
        notes=(*_notes(units, own, count=len(found)), *_who_is_missing(outcome, used)),
    )


def _check(units: Units, outcome: Outcome, *, left_out: int) -> None:
    without = f" ({plural(left_out, 'untrustworthy image')} left out)" if left_out else ""
    if len(units.names) < _LEAST_UNITS:
        count = plural(len(units.names), "patient or image", "patients or images")
        raise InputError(f"{count} with {outcome.name}{without}; at least {_LEAST_UNITS} are needed")
    if isinstance(outcome, Survival) and (events := int(outcome.events.sum())) < _LEAST_EVENTS:
        raise InputError(
            f"{plural(events, 'event')} among {plural(len(outcome), 'patient')}{without}; at least "
            f"{_LEAST_EVENTS} are needed"
        )
    if len(np.unique(outcome.values)) < 2:
        raise InputError(f"all patients have the same {outcome.name}{without}; nothing to compare")


def _associate(name: str, units: Units, outcome: Outcome, bootstrap: PatientBootstrap) -> Association:
    column = units.values[:, units.statistics.index(name)]
    known = np.flatnonzero(np.isfinite(column))
    values, own, patients = column[known], outcome.select(known), units.patients[known]
    nothing = Interval(math.nan, math.nan, math.nan)
    if len(known) < _LEAST_UNITS or np.ptp(values) == 0 or np.ptp(own.values) == 0:
        return Association(name, len(known), nothing, nothing, math.nan)
    agreement = bootstrap.interval(concordance(values, own), own, patients)
    if isinstance(own, Survival):
        ratio = hazard(values, own, level=bootstrap.level)
        size, p = Interval(ratio.ratio, ratio.low, ratio.high), ratio.p
    else:
        size, p = bootstrap.interval(effect(values, own), own, patients), rank_test(values, own, patients)
    return Association(name, len(known), size, agreement, p)


def _with_rates(found: Sequence[Association]) -> list[Association]:
    rates = false_discovery_rates([each.p for each in found])
    return [replace(each, q=q) for each, q in zip(found, rates, strict=True)]


def false_discovery_rates(p: Sequence[float]) -> list[float]:
    """Return Benjamini and Hochberg's adjusted p-values; NaN stays NaN and does not count.

    Examples
    --------
    >>> false_discovery_rates([0.01, float("nan"), 0.04])
    [0.02, nan, 0.04]
    """
    values = np.asarray(p, np.float64)
    known = np.isfinite(values)
    rates = np.full(len(values), np.nan)
    if known.any():
        rates[known] = false_discovery_control(values[known])
    return [float(rate) for rate in rates]


def _beside_all(found: Sequence[Association], units: Units, outcome: Outcome) -> list[Association]:
    """Add what comes out with untrustworthy images used like all others."""
    points = []
    for each in found:
        column = units.values[:, units.statistics.index(each.statistic)]
        known = np.flatnonzero(np.isfinite(column))
        values, own = column[known], outcome.select(known)
        agreement = concordance(values, own)(np.ones((1, len(known))))[0] if len(known) else math.nan
        p = (
            hazard(values, own, level=0.95).p
            if isinstance(own, Survival)
            else rank_test(values, own, units.patients[known])
        )
        points.append((float(agreement), p))
    rates = false_discovery_rates([p for _, p in points])
    return [
        replace(each, concordance_of_all=agreement, p_of_all=p, q_of_all=q)
        for each, (agreement, p), q in zip(found, points, rates, strict=True)
    ]


def _groups(units: Units, outcome: Outcome, bootstrap: PatientBootstrap) -> list[GroupSummary]:
    if not isinstance(outcome, TwoGroups | Groups | OrderedGroups):
        return []
    found = []
    for column, name in enumerate(units.statistics):
        known = np.flatnonzero(np.isfinite(units.values[:, column]))
        values, own = units.values[known, column], outcome.select(known)
        for number, group in enumerate(own.groups):
            rows = own.rows_of(number)
            quartiles = np.percentile(values[rows], (25, 50, 75)).tolist() if len(rows) else [math.nan] * 3
            inside = TwoGroups(group, (own.values == number).astype(np.float64), ("others", group))
            rest = Interval(math.nan, math.nan, math.nan)
            if len(own.groups) > 2 and 0 < len(rows) < len(known):
                rest = bootstrap.interval(concordance(values, inside), inside, units.patients[known])
            found.append(GroupSummary(name, group, len(rows), tuple(quartiles), rest))
    return found


def _notes(units: Units, outcome: Outcome, *, count: int) -> list[str]:
    """Return what a reader should be careful about."""
    patients = plural(units.patient_count, "patient")
    notes = [
        f"{plural(count, 'statistic was', 'statistics were')} compared, and all are listed. The best of many "
        "looks better than it is: read q, the share of false findings among those at least as clear, and not "
        "p alone."
    ]
    if units.clustered:
        notes.append(
            f"Images of one patient differ in {outcome.name}, so the image is the unit: {len(units.names)} "
            f"images of {patients}. Intervals draw whole patients, and tests allow for images of one patient "
            "being alike."
        )
    if isinstance(outcome, Groups):
        notes.append(
            f"The groups of {outcome.name} were compared without an order. If they have one, as grades do, "
            "give them from best to worst (--order): a trend is clearer than a difference."
        )
    if units.patient_count < _FEW_PATIENTS:
        notes.append(
            f"{patients} are few: intervals and tests rest on approximations that want {_FEW_PATIENTS} or "
            "more, and what holds of these patients need not hold of others."
        )
    if isinstance(outcome, Survival):
        notes.append(
            f"{plural(int(outcome.events.sum()), 'event')} in {patients}. A model of one statistic wants "
            "some ten events; split curves show half against half and lose what lies between."
        )
    notes.append(
        "Related is not caused: stain, scanner and hospital may differ between groups. Nothing was adjusted "
        "for."
    )
    return notes


def _who_is_missing(outcome: Outcome, used: NDArray[np.bool_]) -> list[str]:
    """Return how many images of each group were left out, since that may go with the outcome itself."""
    if used.all() or not isinstance(outcome, TwoGroups | Groups | OrderedGroups):
        return []
    shares = [
        f"{np.count_nonzero(~used[rows])} of {len(rows)} of {group}"
        for number, group in enumerate(outcome.groups)
        if len(rows := outcome.rows_of(number))
    ]
    return [
        f"Of the images, {', '.join(shares)} were left out. Where groups differ in that, what is left of a "
        'group need not stand for all of it: compare with all images, too (untrusted = "keep").'
    ]
