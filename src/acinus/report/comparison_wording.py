"""The words of ``compare.html``: estimates with intervals, and what was asked and found in sentences."""

from __future__ import annotations

import math

import numpy as np

from acinus.cohorts.comparison import Comparison
from acinus.cohorts.intervals import Interval
from acinus.cohorts.outcomes import Groups, Numbers, OrderedGroups, Survival, TwoGroups
from acinus.report.wording import number, plural

__all__ = [
    "arrows_text",
    "asked_text",
    "concordance_name",
    "interval_text",
    "key_text",
    "p_text",
    "strength_text",
    "together_text",
    "trust_text",
]


def concordance_name(comparison: Comparison) -> str:
    """Return what the concordance is called for this outcome."""
    return "AUC" if isinstance(comparison.outcome, TwoGroups) else "Concordance"


def interval_text(interval: Interval, *, digits: int = 2) -> str:
    """Return an estimate with its interval.

    Examples
    --------
    >>> interval_text(Interval(0.7312, 0.651, 0.8)), interval_text(Interval(1.0, math.nan, math.nan))
    ('0.73 (0.65 to 0.80)', '1.00')
    """
    if not math.isfinite(interval.estimate):
        return "–"
    ends = f" ({interval.low:.{digits}f} to {interval.high:.{digits}f})" if interval.known else ""
    return f"{interval.estimate:.{digits}f}{ends}"


def strength_text(interval: Interval, *, rises: bool, digits: int = 2) -> str:
    """Return a concordance read in one direction, with the arrow that says which.

    Examples
    --------
    >>> strength_text(Interval(0.2, 0.1, 0.4), rises=False)
    '0.80 (0.60 to 0.90) ↓'
    """
    if not math.isfinite(interval.estimate):
        return "–"
    if rises:
        return f"{interval_text(interval, digits=digits)} ↑"
    turned = Interval(1 - interval.estimate, 1 - interval.high, 1 - interval.low)
    return f"{interval_text(turned, digits=digits)} ↓"


def p_text(p: float) -> str:
    """Return a probability as papers print it.

    Examples
    --------
    >>> p_text(0.04567), p_text(0.0000012), p_text(math.nan)
    ('0.046', '< 0.001', '–')
    """
    if not math.isfinite(p):
        return "–"
    return "< 0.001" if p < 0.001 else f"{p:.3f}" if p < 0.1 else f"{p:.2f}"


def asked_text(comparison: Comparison) -> str:
    """Return who was compared, and by what."""
    outcome, units = comparison.outcome, comparison.units
    what = plural(len(units.names), "image") if units.clustered else ""
    who = plural(units.patient_count, "patient")
    many = f"{what} of {who}" if what else f"{who} ({plural(sum(map(len, units.images)), 'image')})"
    if isinstance(outcome, Survival):
        return f"Survival of {many}, {plural(int(outcome.events.sum()), 'event')}."
    if isinstance(outcome, Numbers):
        return (
            f"{many}, {outcome.name} from {number(outcome.values.min())} to {number(outcome.values.max())}."
        )
    assert isinstance(outcome, TwoGroups | Groups | OrderedGroups)
    sizes = [f"{group} ({len(outcome.rows_of(i))})" for i, group in enumerate(outcome.groups)]
    joined = (" < " if isinstance(outcome, OrderedGroups) else ", ").join(sizes)
    return f"{many}, {'in order: ' if isinstance(outcome, OrderedGroups) else ''}{joined}."


def key_text(comparison: Comparison) -> str:
    """Return whose value the concordance expects to be the larger one."""
    outcome, who = comparison.outcome, "image" if comparison.units.clustered else "patient"
    if isinstance(outcome, Survival):
        return f"of two {who}s the one whose event came first"
    if isinstance(outcome, TwoGroups):
        better, worse = outcome.groups
        return f"of two {who}s, one of {better} and one of {worse}, that of {worse}"
    if isinstance(outcome, Numbers):
        return f"of two {who}s the one of larger {outcome.name}"
    return f"of two {who}s the one further along in the order of {outcome.name}"


def arrows_text(comparison: Comparison) -> str:
    """Return what the arrows beside concordances say; nothing where there are none."""
    outcome = comparison.outcome
    if isinstance(outcome, Groups):
        return ""
    if isinstance(outcome, Survival):
        return "; ↑ larger where events come earlier, ↓ smaller"
    if isinstance(outcome, TwoGroups):
        return f"; ↑ larger in {outcome.groups[1]}, ↓ smaller"
    return f"; ↑ rises with {outcome.name}, ↓ falls"


def together_text(comparison: Comparison) -> str:
    """Return what all statistics together know, against chance."""
    found, several = comparison.together, isinstance(comparison.outcome, Groups)
    if isinstance(found, str):
        return f"All statistics together were not judged: {found}."
    name = "mean AUC of each group against the others" if several else "concordance"
    ends = np.percentile(found.chance, (2.5, 97.5)).tolist() if len(found.chance) else [math.nan] * 2
    least = 1 / (1 + len(found.chance))
    if found.p <= 0.05:
        verdict = "That is more than permuted outcomes reach."
    elif found.p <= least:
        verdict = f"That is more than any of them, but so few give no p below {p_text(least)}: permute more."
    else:
        verdict = (
            "Permuted outcomes reach as much: it is not shown that the statistics together know anything."
        )
    return (
        f"A penalised linear model of all {len(comparison.units.statistics)} statistics reaches a {name} of "
        f"{interval_text(found.score)} on patients it had not seen ({found.folds} folds of whole patients, "
        f"the penalty chosen inside). With permuted outcomes the same model reaches {ends[0]:.2f} to "
        f"{ends[1]:.2f} (middle 95 % of {len(found.chance)}), p = {p_text(found.p)}. {verdict}"
    )


def trust_text(comparison: Comparison) -> str:
    """Return what leaving out, or weighting, untrustworthy images changes."""
    moved = [
        (abs(each.concordance_of_all - each.concordance.estimate), each)
        for each in comparison.associations
        if math.isfinite(each.concordance_of_all) and math.isfinite(each.concordance.estimate)
    ]
    left_out = comparison.left_out
    if left_out:
        names = ", ".join(f"{image.name} ({image.doubt})" for image in left_out[:8])
        more = f" and {len(left_out) - 8} more" if len(left_out) > 8 else ""
        start = f"{plural(len(left_out), 'image')} flagged as untrustworthy left out: {names}{more}. "
    elif moved:
        start = "Images count by their quality in their patient's mean. "
    else:
        return "No image was left out for want of trust."
    if not moved:
        return start.strip()
    most, each = max(moved, key=lambda pair: pair[0])
    middle = float(np.median([change for change, _ in moved]))
    crossing = sum((each.q <= 0.05) != (each.q_of_all <= 0.05) for _, each in moved)
    return (
        f"{start}With all images alike the concordance changes by {middle:.3f} in the median statistic and "
        f"by {most:.3f} at most ({each.statistic}); "
        f"{plural(crossing, 'statistic crosses', 'statistics cross')} q = 0.05."
    )
