"""The page: results of a folder in, one self-contained HTML file out."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from acinus.core.files import atomic_path, make_folder
from acinus.report.document import render
from acinus.report.gallery import choose_glands
from acinus.report.run_facts import run_facts
from acinus.report.statistics import headlines, statistic_cards
from acinus.report.views import ImageView, look
from acinus.report.wording import (
    FAIR_TRUST,
    HIGH_TRUST,
    MEASURES,
    METRICS,
    as_in_table,
)
from acinus.results.files import REPORT
from acinus.results.folder import ImageResult, Results, read_results
from acinus.results.ownership import claimed, in_the_way, refuse_to_replace

__all__ = ["MOST_ROWS", "write_report"]

MOST_ROWS = 500
"""Glands listed in the page, largest first; the files beside it have all."""

_GALLERY = 6


@dataclass(frozen=True)
class GlandRow:
    """A line of the table of glands."""

    anchor: str
    image: str
    label: int
    cut: bool
    cells: tuple[tuple[str, str], ...]  # (what to sort by, what to show)


def write_report(
    folder: Path,
    out: Path | None = None,
    *,
    title: str | None = None,
    intro: str | None = None,
    evaluation: Mapping[str, float] | None = None,
    tell: Callable[[str], None] | None = None,
) -> Path:
    """Write one HTML file about a folder of results; it needs no network and no other file.

    Parameters
    ----------
    folder : Path
        What ``acinus segment`` wrote, for one image or many.
    out : Path, optional
        The file to write, or a folder for it; ``report.html`` in `folder` otherwise.
    title : str, optional
        Heading of the page.
    intro : str, optional
        Plain text before everything else; with it the page explains the method in three steps.
    evaluation : mapping of str to float, optional
        ``acinus.metrics.pool(...).as_dict()`` where truth is known.
    tell : callable, optional
        Given one line for each result that is missing or cannot be read, as the page lists them.

    Returns
    -------
    Path
        The file, written whole or not at all.

    Raises
    ------
    InputError
        When the folder holds no results.
    UsageError
        When something that acinus did not write is in the page's place.
    OutputError
        When the page cannot be written.
    """
    folder = Path(folder)
    target = folder / REPORT if out is None else out / REPORT if out.is_dir() else Path(out)
    refuse_to_replace(in_the_way(target.parent, [target.name]))
    results = read_results(folder)
    if tell is not None:
        for problem in results.problems:
            tell(problem)
    make_folder(target.parent)
    html = _render(results, target, title=title, intro=intro, evaluation=evaluation or {})
    with claimed(target.parent, [target.name]), atomic_path(target) as temporary:
        temporary.write_text(html, encoding="utf-8")
    return target


def _render(
    results: Results, target: Path, *, title: str | None, intro: str | None, evaluation: Mapping[str, float]
) -> str:
    most, least = choose_glands(results.images, count=_GALLERY)
    views, crops = look(results, [*most, *least])
    rows = _gland_rows(views)
    return render(
        "report.html.j2",
        title=title or _title(results.images),
        intro=intro,
        problems=results.problems,
        headlines=headlines(results.images),
        views=views,
        grave=any(warning.grave for view in views for warning in view.warnings),
        mild=_by_kind(views),
        artefacts=any(view.artefacts for view in views),
        estimated=any(view.result.record.quality is not None for view in views),
        high_trust=HIGH_TRUST,
        fair_trust=FAIR_TRUST,
        evaluation=[(metric, evaluation[metric.key]) for metric in METRICS if metric.key in evaluation],
        cards=statistic_cards(results.images),
        most=[crop for crop in crops if crop.gland in most],
        least=[crop for crop in crops if crop.gland in least],
        measures=MEASURES,
        rows=rows[:MOST_ROWS],
        gland_count=len(rows),
        summarised=any(view.result.record.summary for view in views),
        tables=_tables(results, target),
        run=run_facts(results.run),
    )


def _title(images: Sequence[ImageResult]) -> str:
    return f"Glands of {images[0].name}" if len(images) == 1 else f"Glands of {len(images)} images"


def _by_kind(views: Sequence[ImageView]) -> dict[str, list[ImageView]]:
    """Return the images of each kind of mild warning, so that the page's head names a kind once."""
    kinds: dict[str, list[ImageView]] = {}
    for view in views:
        for warning in view.warnings:
            if not warning.grave:
                kinds.setdefault(warning.kind, []).append(view)
    kinds.get("trust", []).sort(key=lambda view: view.result.record.quality or 0.0)
    return kinds


def _gland_rows(views: Sequence[ImageView]) -> list[GlandRow]:
    """Return all glands, largest first, each value with the digits of the CSV."""
    found: list[tuple[float, GlandRow]] = []
    for view in views:
        glands = view.result.glands
        for row in range(len(glands)):
            values = [(float(glands[measure.column][row]), measure.column) for measure in MEASURES]
            cells = tuple(
                (f"{value:.6g}" if math.isfinite(value) else "", as_in_table(value, column))
                for value, column in values
            )
            line = GlandRow(
                anchor=view.anchor,
                image=view.result.name,
                label=int(glands["label"][row]),
                cut=bool(glands["touches_side"][row]),
                cells=cells,
            )
            found.append((float(glands["area_um2"][row]), line))
    return [line for _, line in sorted(found, key=lambda pair: -pair[0])]


def _tables(results: Results, target: Path) -> list[tuple[str, str]]:
    """Return name and address, relative to the page, of the full tables, that of the images first."""
    files = [(f"{image.name}: {image.table_file.name}", image.table_file) for image in results.images]
    if results.summary_file:
        files.insert(0, (f"All images: {results.summary_file.name}", results.summary_file))
    return [(name, quote(Path(os.path.relpath(path, target.parent)).as_posix())) for name, path in files]
