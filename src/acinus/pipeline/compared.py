"""What ``acinus compare`` writes: one row per statistic, group, patient and image, and the page."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from acinus.cohorts.comparison import Association, Comparison, compare_cohort
from acinus.cohorts.multivariate import Together
from acinus.cohorts.outcomes import Outcome, Survival
from acinus.cohorts.settings import CompareSettings
from acinus.cohorts.units import CohortImage
from acinus.core.files import atomic_path
from acinus.core.progress import Progress
from acinus.report.comparison import Beside, write_comparison_page
from acinus.report.comparison_wording import p_text, strength_text
from acinus.results.anndata import cohort_anndata
from acinus.results.plain_tables import Cell, write_plain_table

__all__ = ["COMPARED_FILES", "PAGE", "Compared", "write_comparison"]

PAGE = "compare.html"
"""By which a folder is known as an answer, which another one may replace."""

_TABLES = ("statistics", "groups", "units", "images", "together")

COMPARED_FILES = (
    *(f"{name}{ending}" for name in _TABLES for ending in (".csv", ".parquet")),
    *("statistics.md", PAGE, "run.json"),
)
"""All that an answer replaces."""

Columns = dict[str, list[Cell]]


@dataclass(frozen=True)
class Compared:
    """What was found, and where it lies.

    Attributes
    ----------
    comparisons : tuple of Comparison
        One for each outcome.
    beside : tuple of (Beside or None)
        The same on other results.
    notices : tuple of str
        One line for each kind of thing that was not used.
    files : dict of str to Path
    """

    comparisons: tuple[Comparison, ...]
    beside: tuple[Beside | None, ...]
    notices: tuple[str, ...]
    files: dict[str, Path]

    def to_anndata(self) -> Any:
        """Return patients by statistics as `anndata.AnnData`, of the first outcome; see `cohort_anndata`."""
        return _anndata(self.comparisons[0])


def write_comparison(
    out: Path,
    cohorts: Sequence[tuple[Sequence[CohortImage], Outcome]],
    *,
    folders: Mapping[str, Path],
    results: Path,
    beside: tuple[str, Sequence[CohortImage]] | None,
    settings: CompareSettings,
    notices: Sequence[str],
    run: Mapping[str, Any],
    progress: Progress | None = None,
) -> Compared:
    """Compare each cohort and write tables and page.

    Parameters
    ----------
    cohorts : sequence of (images, Outcome)
        One for each outcome.
    folders : mapping of str to Path
        Of the results of each image.
    results : Path
        The folder above them.
    beside : (str, images), optional
        Name and images of other results.
    """
    comparisons = [compare_cohort(images, own, settings, progress=progress) for images, own in cohorts]
    others = [
        None if beside is None else _beside(*beside, images, own, comparison, settings)
        for (images, own), comparison in zip(cohorts, comparisons, strict=True)
    ]
    pairs = list(zip(comparisons, others, strict=True))
    files: dict[str, Path] = {}
    tables = {
        "statistics": _joined([_statistics(*pair) for pair in pairs]),
        "groups": _joined([_groups(comparison) for comparison in comparisons]),
        "units": _joined([_units(comparison) for comparison in comparisons]),
        "images": _images([image for images, _ in cohorts for image in images]),
        "together": _joined([_together(comparison) for comparison in comparisons]),
    }
    for name, columns in tables.items():
        files[name], files[f"{name} (Parquet)"] = write_plain_table(out / name, columns)
    files["Markdown"] = out / "statistics.md"
    with atomic_path(files["Markdown"]) as temporary:
        temporary.write_text("\n\n".join(_markdown(*pair) for pair in pairs) + "\n", encoding="utf-8")
    files["page"] = out / PAGE
    write_comparison_page(
        files["page"],
        pairs,
        folders,
        of_images={image.name: image.statistics for images, _ in cohorts for image in images},
        results=results,
        run=run,
        notices=notices,
        tables=[path.name for path in files.values() if path != files["page"]],
        level=settings.level,
    )
    return Compared(tuple(comparisons), tuple(others), tuple(notices), files)


def _beside(
    name: str,
    others: Sequence[CohortImage],
    images: Sequence[CohortImage],
    outcome: Outcome,
    comparison: Comparison,
    settings: CompareSettings,
) -> Beside:
    """Return the same comparison on other results, of the images that were used and that both have."""
    used = {name for unit in comparison.units.images for name in unit}
    known = {image.name: image for image in others}
    rows = [i for i, image in enumerate(images) if image.name in used and image.name in known]
    found = compare_cohort(
        [known[images[i].name] for i in rows],
        outcome.select(np.array(rows, np.intp)),
        replace(settings, permutations=0, untrusted="keep"),
    )
    return Beside(name, {each.statistic: each.concordance for each in found.associations}, len(rows))


def _statistics(comparison: Comparison, beside: Beside | None) -> Columns:
    found = comparison.associations
    columns: Columns = {
        "outcome": [comparison.outcome.name] * len(found),
        "statistic": [each.statistic for each in found],
        "units": [each.units for each in found],
        "concordance": [each.concordance.estimate for each in found],
        "concordance_low": [each.concordance.low for each in found],
        "concordance_high": [each.concordance.high for each in found],
        "effect_name": [comparison.effect_name] * len(found),
        "effect": [each.effect.estimate for each in found],
        "effect_low": [each.effect.low for each in found],
        "effect_high": [each.effect.high for each in found],
        "test": [comparison.test] * len(found),
        "p": [each.p for each in found],
        "q": [each.q for each in found],
        "concordance_of_all_images": [each.concordance_of_all for each in found],
        "p_of_all_images": [each.p_of_all for each in found],
        "q_of_all_images": [each.q_of_all for each in found],
    }
    if beside:
        values = [beside.concordances.get(each.statistic) for each in found]
        for ending, part in (("", "estimate"), ("_low", "low"), ("_high", "high")):
            columns[f"concordance_beside{ending}"] = [
                math.nan if value is None else getattr(value, part) for value in values
            ]
    return columns


def _groups(comparison: Comparison) -> Columns:
    found = comparison.groups
    return {
        "outcome": [comparison.outcome.name] * len(found),
        "statistic": [each.statistic for each in found],
        "group": [each.group for each in found],
        "units": [each.units for each in found],
        "lower_quartile": [each.quartiles[0] for each in found],
        "median": [each.quartiles[1] for each in found],
        "upper_quartile": [each.quartiles[2] for each in found],
        "auc_against_others": [each.against_rest.estimate for each in found],
        "auc_low": [each.against_rest.low for each in found],
        "auc_high": [each.against_rest.high for each in found],
    }


def _units(comparison: Comparison) -> Columns:
    units, outcome = comparison.units, comparison.outcome
    names = getattr(outcome, "groups", None)
    values = outcome.values.tolist()
    columns: Columns = {
        "outcome": [outcome.name] * len(units.names),
        "unit": list(units.names),
        "patient": list(units.patient_names),
        "images": [", ".join(own) for own in units.images],
        "value": [names[int(value)] if names else f"{value:g}" for value in values],
        "event": outcome.events.tolist() if isinstance(outcome, Survival) else [None] * len(values),
    }
    return columns | {name: units.values[:, k].tolist() for k, name in enumerate(units.statistics)}


def _images(images: Sequence[CohortImage]) -> Columns:
    distinct = list({image.name: image for image in images}.values())
    keys = dict.fromkeys(key for image in distinct for key in image.statistics)
    columns: Columns = {
        "image": [image.name for image in distinct],
        "patient": [image.patient for image in distinct],
        "quality": [image.quality for image in distinct],
        "doubt": [image.doubt for image in distinct],
    }
    return columns | {key: [image.statistics.get(key, math.nan) for image in distinct] for key in keys}


def _together(comparison: Comparison) -> Columns:
    """Return what all statistics together reach, and what each permutation does."""
    found = comparison.together
    if not isinstance(found, Together):
        return {name: [] for name in ("outcome", "permuted", "score", "low", "high", "p")}
    count = len(found.chance)
    return {
        "outcome": [comparison.outcome.name] * (count + 1),
        "permuted": [False, *[True] * count],
        "score": [found.score.estimate, *found.chance.tolist()],
        "low": [found.score.low, *[math.nan] * count],
        "high": [found.score.high, *[math.nan] * count],
        "p": [found.p, *[math.nan] * count],
    }


def _joined(parts: Sequence[Columns]) -> Columns:
    """Return tables below each other; a column that one of them lacks is empty there."""
    names = dict.fromkeys(name for part in parts for name in part)
    joined: Columns = {name: [] for name in names}
    for part in parts:
        rows = len(next(iter(part.values()), []))
        for name in names:
            joined[name] += part.get(name, [None] * rows)
    return joined


def _markdown(comparison: Comparison, beside: Beside | None) -> str:
    units = f"{len(comparison.units.names)} {'images' if comparison.units.clustered else 'patients'}"
    headings = [f"statistic ({units})", "concordance", *([beside.name] if beside else []), "p", "q"]
    lines = [f"| {' | '.join(headings)} |", f"|{'---|' * len(headings)}"]
    for each in comparison.associations:
        cells = [f"`{each.statistic}`", *_concordances(each, beside), p_text(each.p), p_text(each.q)]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def _concordances(each: Association, beside: Beside | None) -> list[str]:
    rises = not each.concordance.estimate < 0.5
    cells = [strength_text(each.concordance, rises=rises)]
    if beside:
        other = beside.concordances.get(each.statistic)
        cells.append("–" if other is None else strength_text(other, rises=rises))
    return cells


def _anndata(comparison: Comparison) -> Any:
    columns = _units(comparison)
    known = {each.statistic: each for each in comparison.associations}
    order = [known[name] for name in comparison.units.statistics]
    return cohort_anndata(
        comparison.units.values,
        names=comparison.units.names,
        obs={name: columns[name] for name in ("value", "patient", "images")},
        statistics=comparison.units.statistics,
        var={
            "concordance": [each.concordance.estimate for each in order],
            "p": [each.p for each in order],
            "q": [each.q for each in order],
        },
    )
