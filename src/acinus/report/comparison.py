"""``compare.html``: what was asked and found, the points and pictures behind it, what to be careful about."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from markupsafe import Markup

from acinus.cohorts.comparison import Association, Comparison
from acinus.cohorts.intervals import Interval
from acinus.cohorts.multivariate import Together
from acinus.cohorts.outcomes import Groups
from acinus.core.files import atomic_path
from acinus.glands.summary import STATISTICS
from acinus.report.cohort_charts import chance_chart, ranking_chart
from acinus.report.cohort_glands import Behind, read_cohort_glands
from acinus.report.comparison_charts import StatisticCharts, charts_of
from acinus.report.comparison_wording import (
    arrows_text,
    asked_text,
    concordance_name,
    interval_text,
    key_text,
    p_text,
    strength_text,
    together_text,
    trust_text,
)
from acinus.report.document import render
from acinus.report.examples import Example, find_examples
from acinus.report.run_facts import run_facts
from acinus.report.viewer_links import VIEWER_PORT
from acinus.report.wording import meaning, number

__all__ = ["Beside", "write_comparison_page"]

_CHARTED = 3
_RANKED = 24


@dataclass(frozen=True)
class Beside:
    """The same comparison on other results of the same images.

    Attributes
    ----------
    name : str
        Of the folder.
    concordances : mapping of str to Interval
        By statistic.
    images : int
        That both have.
    """

    name: str
    concordances: Mapping[str, Interval]
    images: int


@dataclass(frozen=True)
class _Row:
    """A line of the ranking."""

    statistic: str
    meaning: str
    cells: tuple[str, ...]


@dataclass(frozen=True)
class _Section:
    """One outcome on the page."""

    name: str
    asked: str
    key: str
    arrows: str
    headings: tuple[str, ...]
    rows: tuple[_Row, ...]
    ranking: Markup | None
    charts: tuple[StatisticCharts, ...]
    examples: tuple[Example, ...]
    shown: str
    together: str
    together_chart: Markup | None
    trust: str
    notes: tuple[str, ...]


def write_comparison_page(
    path: Path,
    comparisons: Sequence[tuple[Comparison, Beside | None]],
    images: Mapping[str, Path],
    *,
    of_images: Mapping[str, Mapping[str, float]],
    results: Path,
    run: Mapping[str, object],
    notices: Sequence[str],
    tables: Sequence[str],
    level: float,
) -> None:
    """Write the page.

    Parameters
    ----------
    comparisons : sequence of (Comparison, Beside or None)
        One for each outcome.
    images : mapping of str to Path
        The folder of each image's results by its name, for pictures and single glands.
    of_images : mapping of str to mapping of str to float
        The statistics of each image by its name, as `acinus.glands.summarise` names them.
    results : Path
        The folder that the viewer has to open.
    notices : sequence of str
        What did not match, and what could not be read.
    tables : sequence of str
        Names of the files beside the page.
    level : float
        Of the intervals.

    Raises
    ------
    OutputError
        When it cannot be written.
    """
    used = {name for comparison, _ in comparisons for own in comparison.units.images for name in own}
    shown = {each.statistic for comparison, _ in comparisons for each in _charted(comparison)}
    glands = read_cohort_glands(
        {name: folder for name, folder in images.items() if name in used}, shown & set(STATISTICS)
    )
    html = render(
        "compare.html.j2",
        title=f"Glands by {' and '.join(comparison.outcome.title for comparison, _ in comparisons)}",
        sections=[_section(*pair, images, Behind(glands, of_images), level=level) for pair in comparisons],
        viewer_command=f"acinus view {results} --port {VIEWER_PORT}",
        notices=notices,
        tables=tables,
        level=f"{100 * level:g}",
        run=run_facts(dict(run)),
    )
    with atomic_path(path) as temporary:
        temporary.write_text(html, encoding="utf-8")


def _section(
    comparison: Comparison,
    beside: Beside | None,
    images: Mapping[str, Path],
    behind: Behind,
    *,
    level: float,
) -> _Section:
    ranked = comparison.associations[:_RANKED]
    shown = comparison.associations[0].statistic
    judged = [
        (each.statistic, each.concordance) for each in ranked if math.isfinite(each.concordance.estimate)
    ]
    found, name = comparison.together, concordance_name(comparison)
    return _Section(
        name=comparison.outcome.title,
        asked=asked_text(comparison),
        key=key_text(comparison),
        arrows=arrows_text(comparison),
        headings=_headings(comparison, beside),
        rows=tuple(_row(each, comparison, beside) for each in comparison.associations),
        ranking=ranking_chart(judged, title=f"{name} of each statistic") if judged else None,
        charts=tuple(charts_of(comparison, each, behind, level=level) for each in _charted(comparison)),
        examples=find_examples(comparison, shown, images, behind),
        shown=shown,
        together=together_text(comparison),
        together_chart=(
            chance_chart(found.score, found.chance, title="All statistics together against chance")
            if isinstance(found, Together)
            else None
        ),
        trust=trust_text(comparison),
        notes=comparison.notes,
    )


def _charted(comparison: Comparison) -> list[Association]:
    """Return the strongest statistics, at least one of them, if there is one, of single glands."""
    ranked = comparison.associations
    chosen = list(ranked[:_CHARTED])
    if not any(each.statistic in STATISTICS for each in chosen):
        chosen += [each for each in ranked if each.statistic in STATISTICS][:1]
    return chosen


def _headings(comparison: Comparison, beside: Beside | None) -> tuple[str, ...]:
    outcome = comparison.outcome
    medians = tuple(f"median, {group}" for group in getattr(outcome, "groups", ()))
    names = (concordance_name(comparison),) if not isinstance(outcome, Groups) else ()
    others = (f"{names[0]} in {beside.name}",) if beside and names else ()
    all_images = (f"{names[0]} of all images",) if comparison.left_out and names else ()
    return (*names, *others, *all_images, comparison.effect_name, "p", "q", *medians)


def _row(each: Association, comparison: Comparison, beside: Beside | None) -> _Row:
    rises = not each.concordance.estimate < 0.5
    cells = []
    if not isinstance(comparison.outcome, Groups):
        cells.append(strength_text(each.concordance, rises=rises))
        if beside:
            other = beside.concordances.get(each.statistic, Interval(math.nan, math.nan, math.nan))
            cells.append(strength_text(other, rises=rises))
        if comparison.left_out:
            whole = Interval(each.concordance_of_all, math.nan, math.nan)
            cells.append(strength_text(whole, rises=rises))
    cells += [interval_text(each.effect), p_text(each.p), p_text(each.q)]
    cells += [number(group.quartiles[1]) for group in comparison.groups if group.statistic == each.statistic]
    return _Row(each.statistic, meaning(each.statistic), tuple(cells))
