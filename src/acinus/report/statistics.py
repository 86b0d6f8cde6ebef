"""The cohort in numbers: whole glands of all images together, and each image against them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from markupsafe import Markup
from numpy.typing import NDArray

from acinus.glands import Glands
from acinus.report.charts import axis_for, distribution
from acinus.report.wording import MEASURES, Measure, number, plural
from acinus.results.folder import ImageResult

__all__ = ["Headline", "StatisticCard", "headlines", "statistic_cards", "whole_glands"]


@dataclass(frozen=True)
class Headline:
    """A number to read first, with what it counts."""

    value: str
    unit: str
    label: str


@dataclass(frozen=True)
class StatisticCard:
    """One statistic of the cohort, charted and in words."""

    measure: Measure
    chart: Markup
    summary: str


def whole_glands(glands: Glands) -> Glands:
    """Return the glands that the image border does not cut: only their shapes are meaningful."""
    return glands.select(~glands["touches_side"])


def headlines(images: Sequence[ImageResult]) -> list[Headline]:
    """Return the page's first numbers."""
    glands = sum(len(image.glands) for image in images)
    area_um2 = sum(image.record.area_um2 for image in images)
    gland_um2 = sum(image.record.gland_area_fraction * image.record.area_um2 for image in images)
    tissues = [image.record.tissue_area_um2 for image in images]
    tissue_um2 = sum(tissue for tissue in tissues if tissue is not None)
    delineated = None not in tissues
    of_um2 = tissue_um2 if delineated else area_um2
    areas = np.concatenate([whole_glands(image.glands)["area_um2"] for image in images])
    median = float(np.median(areas)) if areas.size else float("nan")
    return [
        Headline(number(len(images)), "", "image" if len(images) == 1 else "images"),
        Headline(number(glands), "", "gland" if glands == 1 else "glands"),
        Headline(
            f"{100 * gland_um2 / of_um2:.0f}" if of_um2 else "–",
            "%",
            "of the tissue is gland" if delineated else "of the area is gland",
        ),
        Headline(number(of_um2 / 1e6), "mm²", "of tissue" if delineated else "looked at"),
        Headline(number(median), "µm²", "median area of a whole gland"),
    ]


def statistic_cards(images: Sequence[ImageResult]) -> list[StatisticCard]:
    """Return a card for every charted statistic that at least two whole glands have."""
    cards = []
    whole = [(image.name, whole_glands(image.glands)) for image in images]
    for measure in (measure for measure in MEASURES if measure.charted):
        groups = [(name, _finite(glands, measure.column)) for name, glands in whole]
        values = np.concatenate([group for _, group in groups])
        if values.size < 2:
            continue
        summary = _summary(values)
        axis = axis_for(values, logarithmic=measure.logarithmic)
        title = f"Histogram of {measure.heading}: {summary}"
        cards.append(
            StatisticCard(measure, distribution(values, axis=axis, title=title, groups=groups), summary)
        )
    return cards


def _finite(glands: Glands, column: str) -> NDArray[np.float64]:
    values = np.asarray(glands[column], np.float64)
    return values[np.isfinite(values)]


def _summary(values: NDArray[np.float64]) -> str:
    low, middle, high = np.percentile(values, (25, 50, 75)).tolist()
    half = f"{number(low)} to {number(high)}"
    return f"median {number(middle)}, middle half {half}, {plural(values.size, 'gland')}"
