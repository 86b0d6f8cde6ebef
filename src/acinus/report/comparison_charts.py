"""The charts of one statistic in ``compare.html``: its patients, and the single glands behind them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from markupsafe import Markup
from numpy.typing import NDArray

from acinus.cohorts.comparison import Association, Comparison
from acinus.cohorts.outcomes import Survival
from acinus.cohorts.survival import median_split
from acinus.report.cohort_charts import Point, curves_chart, points_chart, scatter_chart, with_count
from acinus.report.cohort_glands import Behind, CohortGlands
from acinus.report.comparison_wording import p_text
from acinus.report.wording import meaning, number

__all__ = ["StatisticCharts", "charts_of"]

_MOST_GLANDS = 150
"""Points of a group: more hide each other on the width of the page (ours)."""

_GLAND_RADIUS = 2.8


@dataclass(frozen=True)
class StatisticCharts:
    """What the page shows of one statistic.

    Attributes
    ----------
    statistic, caption : str
    curves : Markup or None
        Of survival by median split.
    units : Markup
        A point per patient, or image.
    glands : Markup or None
        A point per gland; None for a statistic that single glands do not have.
    gland_caption : str
        How many glands there are, and how many are shown.
    """

    statistic: str
    caption: str
    curves: Markup | None
    units: Markup
    glands: Markup | None
    gland_caption: str


def charts_of(
    comparison: Comparison,
    each: Association,
    behind: Behind,
    *,
    level: float,
) -> StatisticCharts:
    """Return the charts of one statistic.

    Parameters
    ----------
    behind : Behind
        With this statistic of all glands, if single glands have it.
    level : float
        Of the interval of survival curves.
    """
    statistic, outcome = each.statistic, comparison.outcome
    values = comparison.values_of(statistic)
    known = np.flatnonzero(np.isfinite(values))
    q = p_text(each.q)
    caption = f"{meaning(statistic)}; q {q if q.startswith('<') else '= ' + q}".lstrip("; ")
    title = f"{statistic} by {outcome.name}"
    curves = None
    if isinstance(outcome, Survival):
        halves, p = median_split(values[known], outcome.select(known), level=level)
        if halves:
            caption = f"Survival by median split, log-rank p {p_text(p)}. {caption}"
            curves = curves_chart(halves, name=outcome.name, title=title)
    points = {
        i: Point(
            value=float(values[i]),
            words=f"{comparison.units.names[i]}: {number(values[i])}",
            link=behind.link(comparison, statistic, i),
            against=float(outcome.values[i]),
        )
        for i in known.tolist()
    }
    banded = [(name, [points[i] for i in rows.tolist() if i in points]) for name, rows in _bands(comparison)]
    grouped = hasattr(outcome, "groups") or isinstance(outcome, Survival)
    units = (
        points_chart([(with_count(name, f" ({len(own)})"), own) for name, own in banded], title=title)
        if grouped
        else scatter_chart(list(points.values()), name=outcome.name, title=title)
    )
    chart, gland_caption = _gland_chart(comparison, statistic, behind.glands)
    return StatisticCharts(statistic, caption, curves, units, chart, gland_caption)


def _gland_chart(comparison: Comparison, statistic: str, glands: CohortGlands) -> tuple[Markup | None, str]:
    """Return the chart of single glands and its caption."""
    if not glands.values.get(statistic):
        return None, ""
    found = [
        (name, *glands.points(statistic, _images_of(comparison, rows), most=_MOST_GLANDS))
        for name, rows in _bands(comparison)
    ]
    shown, count = sum(len(points) for _, points, _ in found), sum(own for *_, own in found)
    if not count:
        return None, ""
    named = [(with_count(name, f": {own} glands"), points) for name, points, own in found]
    chart = points_chart(
        named,
        title=f"{statistic} of single glands",
        radius=_GLAND_RADIUS,
        logarithmic=statistic.endswith(("_um", "_um2")),
    )
    caption = f"All {count} glands."
    if shown < count:
        caption = (
            f"{shown} of {count} glands, at most {_MOST_GLANDS} of a group: evenly by rank, "
            "the smallest and the largest included."
        )
    return chart, caption


def _images_of(comparison: Comparison, rows: NDArray[np.intp]) -> list[str]:
    return [name for row in rows.tolist() for name in comparison.units.images[row]]


def _bands(comparison: Comparison) -> list[tuple[str, NDArray[np.intp]]]:
    """Return the units of each group; of survival with and without event, of numbers those of either half."""
    outcome = comparison.outcome
    groups = getattr(outcome, "groups", None)
    if groups is not None:
        return [(name, np.flatnonzero(outcome.values == k)) for k, name in enumerate(groups)]
    if isinstance(outcome, Survival):
        return [("event", np.flatnonzero(outcome.events)), ("no event", np.flatnonzero(~outcome.events))]
    above = outcome.values > np.median(outcome.values)
    return [
        (f"{outcome.name} up to median", np.flatnonzero(~above)),
        (f"{outcome.name} above", np.flatnonzero(above)),
    ]
